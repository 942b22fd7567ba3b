/* population.c: see population.h. */
#include "sim/population.h"

#include <inttypes.h>
#include <math.h>

#include "sim/audit.h"

#define FEW 20       /* completions of a customer: with fewer the edges of the window weigh */
#define ROUNDED 1e-9 /* sums of doubles in a measure */

static double seconds(sim_u128 t)
{
    return (double)t / (double)SIM_SEC;
}

static sim_u128 area(const struct sim_population *p)
{
    return sim_inside_window(&p->stages[0].now).area + sim_inside_window(&p->stages[1].now).area;
}

static void audit(void *self, struct sim_audit_report *r)
{
    static const char *const names[] = { "between requests", "in requests" };
    const struct sim_population *p = self;
    for (int i = 0; i < 2; i++) {
        const struct sim_population_stage *g = &p->stages[i];
        if (g->measure == NULL)
            continue;
        uint64_t count = sim_measure_count(g->measure);
        double told = count > 0 ? (double)count * sim_measure_mean(g->measure) : 0;
        sim_audit_check(r, count == g->ended && fabs(told - seconds(g->time)) <= ROUNDED * told,
                        "%" PRIu64 " times %s were told, %.12g s in all; %" PRIu64
                        " passed, %.12g s",
                        count, names[i], told, g->ended, seconds(g->time));
    }
    sim_time window = sim_window_length(p->sim);
    sim_u128 all = area(p);
    sim_audit_check(r,
                    p->customers == 0 || sim_window_phase(p->sim) == SIM_WINDOW_NONE ||
                        p->first_left < sim_window_end(p->sim) ||
                        all == (sim_u128)p->customers * (uint64_t)window,
                    "%" PRIu64 " customers and a window of %.12g s, but in requests and between "
                    "them for %.12g s",
                    p->customers, sim_time_seconds(window), seconds(all));
}

static void at_edge(void *arg, bool open)
{
    struct sim_population *p = arg;
    if (!open)
        return;
    for (int i = 0; i < 2; i++) {
        p->stages[i].ended = 0;
        p->stages[i].time = 0;
    }
}

void sim_population_init(struct sim_population *p, struct sim *s, const char *name)
{
    *p = (struct sim_population){ .sim = s, .first_left = SIM_NEVER };
    sim_inside_init(&p->stages[0].now, s, SIM_KIND_OTHER, -1, "between requests");
    sim_inside_init(&p->stages[1].now, s, SIM_KIND_OTHER, -1, "in requests");
    sim_window_watch(s, at_edge, p);
    sim_audit_register(s, name, audit, p);
}

void sim_population_fini(struct sim_population *p)
{
    sim_audit_unregister(p->sim, p);
    sim_window_unwatch(p->sim, p);
    sim_inside_fini(&p->stages[0].now);
    sim_inside_fini(&p->stages[1].now);
}

void sim_population_tells(struct sim_population *p, enum sim_stage stage,
                          const struct sim_measure *m)
{
    p->stages[stage - 1].measure = m;
}

void sim_population_move(struct sim_population *p, struct sim_customer *c, enum sim_stage to,
                         sim_time at, bool told)
{
    enum sim_window_phase phase = sim_window_phase(p->sim);
    if (c->stage != SIM_ABSENT) {
        struct sim_population_stage *g = &p->stages[c->stage - 1];
        sim_inside_leave(&g->now, c->since, at);
        if (told && phase != SIM_WINDOW_CLOSED) {
            g->ended++;
            g->time += (uint64_t)(at - c->since);
        }
    }
    if (to != SIM_ABSENT)
        sim_inside_enter(&p->stages[to - 1].now, at);
    if (to == SIM_ABSENT)
        p->first_left = sim_time_min(p->first_left, at);
    *c = (struct sim_customer){ to, at };
}

void sim_population_report(const struct sim_population *p)
{
    double window = (double)sim_window_length(p->sim);
    const struct sim_population_stage *between = &p->stages[0];
    uint64_t completions = p->stages[1].ended;
    if (p->customers == 0 || sim_window_phase(p->sim) == SIM_WINDOW_NONE || window <= 0)
        return;
    sim_scalar(p->sim, "customers", "1", (double)area(p) / window, 0);
    sim_scalar(p->sim, "customers.law", "1", (double)(between->time + p->stages[1].time) / window,
               0);
    if (between->measure == NULL && between->ended > 0)
        sim_scalar(p->sim, "outside", "s", seconds(between->time) / (double)between->ended, 0);
    if (completions > 0 && completions < FEW * p->customers)
        sim_remark(
            p->sim,
            "%.3g requests of a customer ended in the window, fewer than %d: its edges weigh",
            (double)completions / (double)p->customers, FEW);
}
