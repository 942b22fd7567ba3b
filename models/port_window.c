/* port_window.c: the measurement window, measures, the rate, and ledgers of time.
 *
 * An edge is stamped with the present of the program that is the last to ask for it; it costs
 * nothing and moves nothing.  What is counted for a report is read at both edges.
 */
#include "models/node.h"

#include <stdlib.h>
#include <string.h>

#include "sim/window.h"

#define BINS_MAX 100000

static const struct measure plain_rate = { "rate", "1/s", "Made in the window, a second.",
                                           MEASURE_COLUMN };

static enum sim_stage stage_of(const struct measure *d)
{
    return d == NULL                    ? SIM_ABSENT
           : d->flags & MEASURE_INSIDE  ? SIM_INSIDE
           : d->flags & MEASURE_OUTSIDE ? SIM_OUTSIDE
                                        : SIM_ABSENT;
}

static struct sim_measure *declare(struct machine *m, const struct measure *d)
{
    struct machine_window *w = &m->window;
    for (size_t i = 0; i < w->known; i++)
        if (w->measures[i].of == d)
            return w->measures[i].to;
    unsigned flags = (d->flags & MEASURE_HISTOGRAM ? SIM_MEASURE_HISTOGRAM : 0u) |
                     (d->flags & MEASURE_DETERMINISTIC ? SIM_MEASURE_DETERMINISTIC : 0u) |
                     (d->flags & MEASURE_COLUMN ? SIM_MEASURE_DEFAULT_COLUMN : 0u);
    w->measures = base_realloc(w->measures, (w->known + 1) * sizeof *w->measures);
    w->measures[w->known] =
        (struct machine_measure){ d, sim_measure_declare(m->sim, d->name, d->unit, d->doc, flags) };
    if (stage_of(d) != SIM_ABSENT)
        sim_population_tells(&w->programs, stage_of(d), w->measures[w->known].to);
    return w->measures[w->known++].to;
}

static void at_edge(void *arg, bool open)
{
    struct machine *m = arg;
    struct machine_window *w = &m->window;
    if (!open) {
        w->at_close = m->counts;
        return;
    }
    w->at_open = m->counts;
    w->progress = 0;
    for (size_t i = 0; i < w->known; i++)
        sim_measure_reset(w->measures[i].to);
}

static void opens(struct sim *s, struct sim_event *e)
{
    const struct machine *m = CONTAINER_OF(e, struct machine, window.edges[true]);
    if (!m->window.missed)
        sim_window_open(s);
}

static void closes(struct sim *s, struct sim_event *e)
{
    struct machine *m = CONTAINER_OF(e, struct machine, window.edges[false]);
    m->window.missed = sim_window_phase(s) == SIM_WINDOW_NONE;
    sim_window_close(s);
}

void machine_window_init(struct machine *m)
{
    sim_event_init(&m->window.edges[true], SIM_CLASS_MEASURE, opens);
    sim_event_init(&m->window.edges[false], SIM_CLASS_MEASURE, closes);
    sim_window_watch(m->sim, at_edge, m);
    sim_population_init(&m->window.programs, m->sim, "programs");
}

void machine_window_fini(struct machine *m)
{
    sim_window_unwatch(m->sim, m);
    sim_population_fini(&m->window.programs);
    sim_cancel(m->sim, &m->window.edges[true]);
    sim_cancel(m->sim, &m->window.edges[false]);
    free(m->window.measures);
    free(m->window.bins);
}

void machine_window_declare(struct machine *m)
{
    for (const struct measure *d = m->measures; d != NULL && d->name != NULL; d++)
        (void)declare(m, d);
}

void machine_set_rate_bin(struct machine *m, sim_time width)
{
    m->window.bin = width;
}

/* Of an amount made in [since, now] each bin has the part inside; in no time: the bin of now. */
static void add_to_bins(struct machine_window *w, sim_time since, sim_time now, double amount)
{
    sim_time all = now - since;
    size_t last = (size_t)(now / w->bin);
    if (last >= BINS_MAX)
        return;
    if (last >= w->bin_count) {
        size_t room = 2 * last + 16;
        w->bins = base_realloc(w->bins, room * sizeof *w->bins);
        for (size_t i = w->bin_count; i < room; i++)
            w->bins[i] = 0;
        w->bin_count = room;
    }
    for (size_t i = all > 0 ? (size_t)(since / w->bin) : last; i <= last; i++) {
        sim_time from = sim_time_max(since, (sim_time)i * w->bin),
                 to = sim_time_min(now, (sim_time)(i + 1) * w->bin);
        w->bins[i] += all > 0 ? amount * ((double)(to - from) / (double)all) : amount;
    }
}

/* The rate in each bin that lies in the window whole. */
static void write_bins(struct machine *m, const struct measure *r)
{
    const struct machine_window *w = &m->window;
    char *name = base_printf("%s.bin", r->name);
    sim_time end = sim_window_end(m->sim);
    for (size_t i = 0; i < w->bin_count && (sim_time)(i + 1) * w->bin <= end; i++) {
        sim_time from = (sim_time)i * w->bin;
        if (sim_window_part(m->sim, from, from + w->bin) == w->bin)
            sim_series(m->sim, name, r->unit, from, w->bins[i] / sim_time_seconds(w->bin));
    }
    if (end / w->bin >= BINS_MAX)
        sim_remark(m->sim, "results.bin: only the first %d bins are kept", BINS_MAX);
    free(name);
}

/* Of counters: for each program of the window, or for each of what others count. */
static void write_ratios(struct machine *m)
{
    for (const struct counter_ratio *r = m->ratios; r != NULL && r->name != NULL; r++) {
        double over, under = m->window.of;
        bool counted = sim_count_sum(m->sim, r->of, r->over, &over);
        if (r->under[0] != NULL)
            (void)sim_count_sum(m->sim, r->of, r->under, &under);
        if (counted && under > 0)
            sim_scalar(m->sim, r->name, "1", over / under,
                       SIM_MEASURE_DETERMINISTIC | (r->column ? SIM_MEASURE_DEFAULT_COLUMN : 0u));
    }
}

void machine_window_finish(struct machine *m)
{
    struct machine_window *w = &m->window;
    const struct measure *r = m->rate;
    double length = sim_time_seconds(sim_window_length(m->sim));
    if (r == NULL)
        r = &plain_rate;
    unsigned flags = r->flags & MEASURE_COLUMN ? SIM_MEASURE_DEFAULT_COLUMN : 0u;
    if (w->told && w->asked && sim_window_phase(m->sim) == SIM_WINDOW_NONE)
        sim_absent(m->sim, r->name, r->unit, SIM_WHY_NO_WINDOW, flags);
    else if (w->told && length > 0)
        sim_scalar(m->sim, r->name, r->unit, w->progress / length, flags);
    if (w->bin > 0)
        write_bins(m, r);
    write_ratios(m);
    sim_population_report(&w->programs);
    if (w->asked && sim_window_phase(m->sim) == SIM_WINDOW_NONE)
        sim_remark(m->sim, w->missed
                               ? "no window: a program had ended its measured part before all had "
                                 "begun theirs; what is measured is of the whole run"
                               : "no window: not all programs have begun their measured part; what "
                                 "is measured is of the whole run");
    if (sim_window_phase(m->sim) != SIM_WINDOW_CLOSED)
        w->at_close = m->counts;
}

/* ---- the port ---- */

void port_window(struct port *p, bool open, uint32_t of)
{
    struct machine *m = p->machine;
    struct machine_window *w = &m->window;
    struct sim_event *e = &w->edges[open];
    w->asked = true;
    w->of = of;
    if (open && p->customer.stage != SIM_ABSENT)
        w->programs.customers = of;
    if (++w->said[open] != of || sim_event_pending(e))
        return;
    if (activity_now(m) > sim_now(m->sim))
        sim_at(m->sim, e, activity_now(m));
    else
        e->fn(m->sim, e); /* what this code counts from here on is on the other side */
}

void port_progress(struct port *p, sim_time since, double amount)
{
    struct machine *m = p->machine;
    sim_time now = activity_now(m), all = now - since, part = sim_window_part(m->sim, since, now);
    m->window.told = true;
    if (m->window.bin > 0)
        add_to_bins(&m->window, since, now, amount);
    if (all > 0)
        m->window.progress += part == all ? amount : amount * ((double)part / (double)all);
    else if (sim_window_part(m->sim, now, now + 1) > 0)
        m->window.progress += amount;
}

void port_measure(struct port *p, const struct measure *d, double value)
{
    struct machine *m = p->machine;
    struct sim_measure *to = declare(m, d);
    if (sim_window_phase(m->sim) != SIM_WINDOW_CLOSED || d->flags & MEASURE_TOTAL)
        sim_measure_add(to, value);
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    sim_waist(m->sim, SIM_WAIST_MEASURE, port_now(p), p->node->id, 0, bits);
}

void port_stage(struct port *p, const struct measure *d)
{
    struct machine *m = p->machine;
    sim_time now = activity_now(m);
    if (d != NULL)
        (void)declare(m, d);
    if (p->customer.stage != SIM_ABSENT || d != NULL)
        sim_population_move(&m->window.programs, &p->customer, stage_of(d),
                            sim_time_max(now, sim_now(m->sim)),
                            d != NULL || p->customer.stage == SIM_OUTSIDE);
}

_Static_assert((int)LEDGER_AWAY == (int)SIM_LEDGER_AWAY &&
                   (int)LEDGER_REST == (int)SIM_LEDGER_REST &&
                   (int)LEDGER_PARTS == (int)SIM_LEDGER_PARTS,
               "the parts of the port are those of the ledger");

static bool has_ledger(const struct port *p)
{
    return p->ledger != NULL && p->ledger->holder == p;
}

void port_ledger(struct port *p, uint64_t who)
{
    struct machine *m = p->machine;
    p->ledger = sim_ledger_of(&m->window.ledgers, who);
    p->ledger->holder = p;
    sim_ledger_move(p->ledger, LEDGER_REST, SIM_NEVER, activity_now(m));
}

void port_ledger_part(struct port *p, enum ledger_part part, sim_time most)
{
    if (has_ledger(p))
        sim_ledger_move(p->ledger, part, most, activity_now(p->machine));
}

void port_ledger_tell(struct port *p, enum ledger_part part, const struct measure *m, sim_time less)
{
    ASSERT(has_ledger(p));
    sim_time spent = sim_ledger_spent(p->ledger, part, activity_now(p->machine));
    port_measure(p, m, sim_time_seconds(spent - less));
}
