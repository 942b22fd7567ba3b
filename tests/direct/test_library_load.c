/* Requests for cartridges: drives against Erlang's formula and a Markov chain, one request by hand,
 * failures. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/audit.h"
#include "sim/measure.h"
#include "workloads/direct/library_load.h"

static struct val *text(const char *s)
{
    return val_new_string(s, NULL, 0);
}

static void set(struct val *root, const char *path, const char *value)
{
    struct err e = ERR_INIT;
    char *end;
    long n = strtol(value, &end, 10);
    struct val *v = *end == '\0' && end != value  ? val_new_int(n, NULL, 0)
                    : strcmp(value, "false") == 0 ? val_new_bool(false, NULL, 0)
                                                  : text(value);
    cr_assert(val_set_path(root, path, v, &e), "%s", e.text);
}

struct bench {
    struct sim *s;
    struct val *libraries, *workload;
    struct changer_list list;
    struct direct_world w;
    void *params, *self;
};

static void ready(struct bench *b, uint64_t seed)
{
    const struct sim_options o = { .seed = seed, .time_limit = 100 * 86400 * SIM_SEC };
    *b = (struct bench){ .s = sim_create(&o) };
    b->libraries = val_new(VAL_TABLE, NULL, 0);
    b->workload = val_new(VAL_TABLE, NULL, 0);
}

static void run(struct bench *b)
{
    struct err e = ERR_INIT;
    cr_assert(changer_build(b->s, b->libraries, "libraries", NULL, 0, &b->list, &e), "%s", e.text);
    b->w = (struct direct_world){ .libraries = &b->list };
    b->params = kind_load(&direct_library_load.kind, b->workload, NULL, "workload", &e);
    cr_assert(b->params != NULL, "%s", e.text);
    b->self = direct_library_load.create(b->s, &b->w, b->params, &e);
    cr_assert(b->self != NULL, "%s", e.text);
    enum sim_end end = sim_run(b->s);
    cr_assert_eq(end, SIM_END_IDLE);
    direct_library_load.finish(b->self, end);
    char report[1000];
    cr_assert_eq(sim_audit_run(b->s, report, sizeof report), 0, "%s", report);
}

static double mean(struct bench *b, const char *name)
{
    return sim_measure_mean(sim_measure_find(b->s, name));
}

static uint64_t count(struct bench *b, const char *name)
{
    return sim_measure_count(sim_measure_find(b->s, name));
}

static void over(struct bench *b)
{
    direct_library_load.destroy(b->self);
    changer_list_free(&b->list);
    free(b->params);
    val_free(b->libraries);
    val_free(b->workload);
    sim_destroy(b->s);
}

/* ---- drives ---- */

/* Mean wait of M/M/c, over the mean time of use, by Erlang's C formula. */
static double erlang(unsigned c, double a)
{
    double term = 1, sum = 1;
    for (unsigned k = 1; k < c; k++) {
        term *= a / k;
        sum += term;
    }
    double last = term * a / c * c / (c - a);
    return last / (sum + last) / (c - a);
}

/* The same from the chain itself: its stationary state by iteration, and Little. */
static double chain(unsigned c, double a)
{
    enum { STATES = 400 };
    double p[STATES] = { 1 }, q[STATES], rate = a + c;
    for (int round = 0; round < 40000; round++) {
        for (unsigned n = 0; n < STATES; n++) {
            double up = n > 0 ? p[n - 1] * a : p[0] * 0;
            double busy = n + 1 < c ? n + 1 : c, own = n < c ? n : c;
            double down = n + 1 < STATES ? p[n + 1] * busy : 0;
            double stay = p[n] * (rate - own - (n + 1 < STATES ? a : 0));
            q[n] = (up + down + stay) / rate;
        }
        memcpy(p, q, sizeof p);
    }
    double waiting = 0;
    for (unsigned n = c; n < STATES; n++)
        waiting += (n - c) * p[n];
    return waiting / a;
}

/* Nothing takes time but the use of a drive. */
static void drives(struct bench *b, const char *count_, const char *gap, const char *hold)
{
    set(b->libraries, "x.kind", "shelf");
    set(b->libraries, "x.operators", "64");
    set(b->libraries, "x.cells", "20000");
    set(b->libraries, "x.cartridges.count", "20000");
    set(b->libraries, "x.drives", count_);
    set(b->libraries, "x.pick", "0");
    set(b->libraries, "x.place", "0");
    set(b->libraries, "x.load", "0");
    set(b->libraries, "x.unload", "0");
    set(b->workload, "gap", gap);
    set(b->workload, "hold", hold);
    set(b->workload, "warmup", "1000");
    set(b->workload, "requests", "21000");
}

static double waits(const char *c, const char *gap, const char *hold, double *half)
{
    enum { RUNS = 12 };
    double sum = 0, square = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        struct bench b;
        ready(&b, seed);
        drives(&b, c, gap, hold);
        run(&b);
        cr_assert_gt(count(&b, "wait"), 19900);
        double m = mean(&b, "wait");
        sum += m;
        square += m * m;
        over(&b);
    }
    double m = sum / RUNS;
    *half = 2.201 * sqrt((square - sum * m) / (RUNS - 1) / RUNS); /* t of 11 degrees of freedom */
    return m;
}

Test(library_load, drives_are_an_m_m_c_queue)
{
    static const struct {
        unsigned c;
        const char *drives, *gap;
        double a;
    } rows[] = { { 4, "4", "100s", 3 }, { 2, "2", "250s", 1.2 } };
    cr_assert_float_eq(erlang(4, 3), 0.50943, 1e-5);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double half, formula = 300 * erlang(rows[i].c, rows[i].a);
        double m = waits(rows[i].drives, rows[i].gap, "300s", &half);
        cr_assert_float_eq(300 * chain(rows[i].c, rows[i].a), formula, 1e-3 * formula);
        cr_assert_float_eq(m, formula, 1.5 * half, "%u drives: %g, not %g", rows[i].c, m, formula);
        cr_assert_lt(half, 0.1 * formula);
    }
}

/* ---- by hand ---- */

static void closed(struct bench *b, const char *requests)
{
    set(b->libraries, "x.kind", "silo");
    set(b->libraries, "x.rows", "1");
    set(b->libraries, "x.columns", "1");
    set(b->libraries, "x.walls", "1");
    set(b->libraries, "x.cells", "1");
    set(b->libraries, "x.cartridges.count", "1");
    set(b->libraries, "x.drives", "1");
    set(b->libraries, "x.pick", "2s");
    set(b->libraries, "x.place", "3s");
    set(b->libraries, "x.load", "10s");
    set(b->libraries, "x.unload", "20s");
    set(b->workload, "mode", "closed");
    set(b->workload, "outstanding", "1");
    set(b->workload, "use", "fixed");
    set(b->workload, "hold", "100s");
    set(b->workload, "requests", requests);
}

Test(library_load, one_request_at_a_time_takes_what_its_parts_take)
{
    struct bench b;
    ready(&b, 1);
    closed(&b, "3");
    run(&b);
    /* 2 + 3 + 10 to mount; the next comes when it is on its way home, 20 + 2 + 3. */
    cr_assert_float_eq(mean(&b, "wait"), (15.0 + 40 + 40) / 3, 1e-9);
    cr_assert_float_eq(mean(&b, "response"), (115.0 + 140 + 140) / 3, 1e-9);
    cr_assert_eq(sim_now(b.s), (115 + 140 + 140 + 25) * SIM_SEC);
    over(&b);
    ready(&b, 1);
    closed(&b, "3");
    set(b.workload, "eager", "false");
    run(&b);
    cr_assert_float_eq(mean(&b, "wait"), 15.0 / 3, 1e-9, "it is in the drive already");
    cr_assert_eq(sim_now(b.s), (15 + 300) * SIM_SEC, "it stays in the drive");
    over(&b);
}

/* ---- failures ---- */

static void fault(struct val *list, const char *path, const char *action, const char *when,
                  const char *value, const char *after)
{
    struct val *v = val_new(VAL_TABLE, NULL, 0);
    val_put(v, "path", text(path));
    val_put(v, "action", text(action));
    val_put(v, when, text(value));
    if (after != NULL)
        val_put(v, "after", text(after));
    val_append(list, v);
}

/* The one that is empty is the one that is dead. */
Test(library_load, a_dead_drive_is_the_last_to_be_asked_again)
{
    struct bench b;
    struct val *faults = val_new(VAL_LIST, NULL, 0);
    ready(&b, 3);
    set(b.libraries, "x.drives", "2");
    set(b.workload, "gap", "3min");
    set(b.workload, "hold", "1min");
    set(b.workload, "requests", "200");
    set(b.workload, "eager", "false");
    fault(faults, "x.drive.0", "death", "at", "1h", NULL);
    val_put(b.workload, "faults", faults);
    run(&b);
    cr_assert_geq(count(&b, "response"), 199);
    cr_assert_lt(sim_now(b.s), 86400 * SIM_SEC);
    over(&b);
}

Test(library_load, every_request_ends_whatever_fails)
{
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct bench b;
        struct val *faults = val_new(VAL_LIST, NULL, 0);
        ready(&b, seed);
        set(b.libraries, "x.kind", seed % 2 ? "rail" : "silo");
        if (seed % 2)
            set(b.libraries, "x.arms", "2");
        set(b.libraries, "x.hands", "2");
        set(b.libraries, "x.drives", "3");
        set(b.workload, "mode", "closed");
        set(b.workload, "outstanding", "6");
        set(b.workload, "hold", "20s");
        set(b.workload, "retry", "1min");
        set(b.workload, "requests", "1500");
        if (seed > 4)
            set(b.workload, "eager", "false");
        fault(faults, "x.arm.0", "death", "mtbf", "10min", "5min");
        fault(faults, "x.drive.0", "death", "mtbf", "15min", "5min");
        fault(faults, "x.drive.1", "death", "mtbf", "20min", "5min");
        fault(faults, "x.drive.2", "death", "at", "1h", "1h");
        fault(faults, "x", "stick", "mtbf", "30min", NULL);
        fault(faults, "x", "lost", "mtbf", "2h", NULL);
        fault(faults, "x", "mislabel", "mtbf", "3h", NULL);
        val_put(b.workload, "faults", faults);
        run(&b);
        cr_assert_gt(count(&b, "response"), 1200);
        over(&b);
    }
}
