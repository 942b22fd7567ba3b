/* test_population.c: customers in requests and between them: what is told is what passed. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/audit.h"
#include "sim/population.h"

/* Two customers, ten requests of 30 and 50 with 20 between them; the window cuts stages. */
enum { CUSTOMERS = 2, STEPS = 20, OPEN = 100, CLOSE = 425 };

struct world {
    struct sim *s;
    struct sim_population p;
    struct sim_measure *took, *between;
    struct one {
        struct sim_event event;
        struct sim_customer c;
        struct world *w;
        int steps;
    } one[CUSTOMERS];
    struct sim_event edges[2];
    sim_time ahead;   /* code that runs is so much before the moments that it names */
    int leaves_after; /* steps of the second; 0: never */
    double forgets;   /* of each time that is told */
};

static void step(struct sim *s, struct sim_event *e)
{
    struct one *o = CONTAINER_OF(e, struct one, event);
    struct world *w = o->w;
    sim_time at = sim_now(s) + w->ahead;
    bool inside = o->c.stage == SIM_INSIDE,
         gone = o == &w->one[1] && o->steps > 0 && o->steps == w->leaves_after;
    if (o->c.stage != SIM_ABSENT && sim_window_phase(s) != SIM_WINDOW_CLOSED)
        sim_measure_add(inside ? w->took : w->between,
                        sim_time_seconds(at - o->c.since) - w->forgets);
    sim_population_move(&w->p, &o->c,
                        gone     ? SIM_ABSENT
                        : inside ? SIM_OUTSIDE
                                 : SIM_INSIDE,
                        at, true);
    if (!gone && ++o->steps < STEPS)
        sim_after(s, e, inside ? 20 : o == &w->one[0] ? 30 : 50);
}

static void opens(struct sim *s, struct sim_event *e)
{
    struct world *w = CONTAINER_OF(e, struct world, edges[0]);
    sim_measure_reset(w->took);
    sim_measure_reset(w->between);
    sim_window_open(s);
}

static void closes(struct sim *s, struct sim_event *e)
{
    (void)e;
    sim_window_close(s);
}

static void run(struct world *w, uint64_t customers)
{
    struct sim *s = w->s = sim_create(NULL);
    sim_population_init(&w->p, s, "programs");
    w->took = sim_measure_declare(s, "took", "s", "", 0);
    w->between = sim_measure_declare(s, "between", "s", "", 0);
    sim_population_tells(&w->p, SIM_INSIDE, w->took);
    sim_population_tells(&w->p, SIM_OUTSIDE, w->between);
    w->p.customers = customers;
    for (int i = 0; i < CUSTOMERS; i++) {
        w->one[i].w = w;
        sim_event_init(&w->one[i].event, SIM_CLASS_SOFTWARE, step);
        sim_at(s, &w->one[i].event, 10 * i);
    }
    sim_event_init(&w->edges[0], SIM_CLASS_MEASURE, opens);
    sim_event_init(&w->edges[1], SIM_CLASS_MEASURE, closes);
    sim_at(s, &w->edges[0], OPEN);
    sim_at(s, &w->edges[1], CLOSE);
    sim_run(s);
}

static void end(struct world *w)
{
    sim_population_fini(&w->p);
    sim_destroy(w->s);
}

static void fails(struct world *w, uint64_t customers, const char *sentence)
{
    char text[1024];
    run(w, customers);
    size_t count = sim_audit_run(w->s, text, sizeof text);
    if (sentence == NULL)
        cr_assert_eq(count, 0, "%s", text);
    else
        cr_assert(strstr(text, sentence), "'%s' is not in '%s'", sentence, text);
    end(w);
}

/* POP1, POP2. */
Test(population, both_laws_hold_whatever_the_window_cuts)
{
    for (sim_time ahead = 0; ahead < 40; ahead += 13) {
        struct world w = { .ahead = ahead };
        fails(&w, CUSTOMERS, NULL);
    }
}

Test(population, a_customer_that_leaves_takes_its_part_with_it)
{
    struct world w = { .leaves_after = 6 };
    fails(&w, CUSTOMERS, NULL);
    struct world late = { .leaves_after = 15 }; /* after the window */
    fails(&late, CUSTOMERS, NULL);
}

Test(population, a_time_told_that_did_not_pass_so_is_found)
{
    /* In [100, 425]: requests end at 130, 180 .. 380 and at 130, 200 .. 410; the times between them
     * at 150, 200 .. 400 and at 150, 220 .. 360. */
    struct world w = { .forgets = 2e-12 };
    fails(&w, CUSTOMERS,
          "programs: 10 times between requests were told, 1.8e-10 s in all; 10 passed, 2e-10 s\n"
          "programs: 11 times in requests were told, 4.08e-10 s in all; 11 passed, 4.3e-10 s\n");
}

Test(population, a_customer_who_is_not_there_is_found)
{
    struct world w = { 0 };
    fails(&w, CUSTOMERS + 1,
          "programs: 3 customers and a window of 3.25e-10 s, but in requests and "
          "between them for 6.5e-10 s");
}

Test(population, an_integral_that_is_not_the_residence_is_found)
{
    struct world w = { 0 };
    char text[1024];
    run(&w, CUSTOMERS);
    w.p.stages[1].now.closed.area++;
    sim_audit_run(w.s, text, sizeof text);
    cr_assert(strstr(text, "in requests: Little's law fails in the window"), "%s", text);
    end(&w);
}
