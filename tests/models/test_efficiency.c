/* test_efficiency.c: where the time of a job under failures goes: a job that is saved each few
 * steps beside a replay of its crashes by arithmetic, and the sum of the parts.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "sim/audit.h"

extern const struct workload_ops workload_job;

#define RANKS 4
#define STEP 0.1 /* s */
#define STEPS 120
#define CRASHES 14
#define AFTER 0.03 /* s: a node is down */

struct run {
    uint32_t per; /* steps from a checkpoint to the next */
    uint32_t crashes;
    double at[CRASHES]; /* s */
    /* out */
    double time, useful, work, computed, stop, stops, there, efficiency;
};

static struct val *table(void)
{
    return val_new(VAL_TABLE, NULL, 0);
}

static void text(struct val *t, const char *key, const char *value)
{
    val_put(t, key, val_new_string(value, NULL, 0));
}

static void instance(struct val *graph, const char *name, const char *protocol, const char *below)
{
    struct val *v = table(), *l = val_new(VAL_LIST, NULL, 0);
    text(v, "name", name);
    text(v, "protocol", protocol);
    if (below)
        val_append(l, val_new_string(below, NULL, 0));
    val_put(v, "below", l);
    val_append(graph, v);
}

static void micros(struct val *t, const char *key, double seconds)
{
    char s[32];
    snprintf(s, sizeof s, "%.0fus", seconds * 1e6);
    text(t, key, s);
}

static void machine(struct rig *r, const struct run *x)
{
    struct val *graph = val_new(VAL_LIST, NULL, 0), *os = val_new(VAL_LIST, NULL, 0), *s = NULL;
    static const char *const services[] = { "nx", "cut", "ckpt" };
    rig_init(r, 1, RANKS);
    rig_set(r, "detector_delay", "1ms");
    rig_set(r, "prices.copy.each", "100ns"); /* a checkpoint takes a while */
    rig_set(r, "prices.frame_bytes.each", "100ns");
    instance(graph, "mesh", "mesh", NULL);
    instance(graph, "rdm", "rdm", "mesh");
    instance(graph, "nx", "nx", "rdm");
    instance(graph, "blast", "blast", "mesh");
    instance(graph, "chan", "chan", "blast");
    instance(graph, "rpc", "select", "chan");
    instance(graph, "cut", "cut", "rdm");
    val_put(r->spec, "graph", graph);
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        s = table();
        text(s, "service", services[i]);
        val_append(os, s);
    }
    text(s, "sink", "memory");
    text(s, "policy", "stop");
    text(s, "retry", "2ms");
    micros(s, "interval",
           (x->per + (x->per == STEPS ? 1 : -0.5)) *
               STEP); /* and the step that is under way then */
    val_put(r->spec, "os", os);
    struct val *faults = val_new(VAL_LIST, NULL, 0);
    for (uint32_t i = 0; i < x->crashes; i++) {
        struct val *f = table();
        val_put(f, "path", rig_node(i % RANKS));
        micros(f, "at", x->at[i]);
        micros(f, "after", AFTER);
        val_append(faults, f);
    }
    val_put(r->spec, "faults", faults);
    rig_os(r);
}

static void on_scalar(void *arg, const char *name, const char *unit, double value,
                      double half_width, unsigned flags)
{
    struct run *x = arg;
    (void)unit, (void)half_width, (void)flags;
    if (strcmp(name, "customers") == 0)
        x->there = value;
}

static void ignore(void *arg, const char *said)
{
    (void)arg;
    (void)said;
}

static double mean(struct rig *r, const char *name, double *count)
{
    struct sim_measure *m = sim_measure_find(r->sim, name);
    cr_assert(m && sim_measure_count(m) > 0, "%s", name);
    if (count)
        *count = (double)sim_measure_count(m);
    return sim_measure_mean(m);
}

static void play(struct run *x)
{
    struct rig r;
    struct err e = ERR_INIT;
    struct val *p = table();
    char said[512];
    machine(&r, x);
    text(p, "program", "ring");
    text(p, "memory", "16KiB");
    val_put(p, "steps", val_new_int(STEPS, NULL, 0));
    val_put(p, "dirty", val_new_int(1, NULL, 0));
    val_put(p, "meet", val_new_int(1000000, NULL, 0));
    val_put(p, "account", val_new_bool(true, NULL, 0));
    micros(p, "think", STEP);
    micros(p, "slice", STEP / 20);
    r.sim = sim_create(&r.options);
    r.m = machine_create(r.sim, r.spec, "machine", &r.reg, &e);
    cr_assert_not_null(r.m, "%s", e.text);
    void *params = calloc(1, workload_job.kind.params_size);
    cr_assert(param_load(workload_job.kind.params, params, p, "workload", &e), "%s", e.text);
    cr_assert(rig_load(&r, &workload_job, params, &e), "%s", e.text);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_assert_null(machine_failure(r.m), "%s", machine_failure(r.m));
    cr_assert_eq(sim_audit_run(r.sim, said, sizeof said), 0, "%s", said);
    x->time = mean(&r, "job.time", NULL);
    x->useful = mean(&r, "job.useful", NULL);
    x->work = mean(&r, "job.work", &x->computed);
    if (x->per < STEPS)
        x->stop = mean(&r, "ckpt.stop", &x->stops);
    x->efficiency = mean(&r, "job.efficiency", NULL);
    machine_finish(r.m);
    sim_measures_write(
        r.sim, &(struct sim_result_sink){ .arg = x, .scalar = on_scalar, .remark = ignore });
    machine_destroy(r.m);
    sim_destroy(r.sim);
    val_free(r.spec);
    val_free(p);
    free(params);
}

/* Exponential gaps of a mean of a second, at least so long that no two crashes meet: one of the
 * neighbours that keep a checkpoint is always there. */
static void draw_crashes(struct run *x, uint64_t seed)
{
    double at = 0;
    x->crashes = CRASHES;
    for (uint32_t i = 0; i < CRASHES; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        at += 0.25 - 0.8 * log(((double)(seed >> 11) + 1) / 9007199254740992.0);
        x->at[i] = at;
    }
}

/* The same by arithmetic: `delta` a checkpoint, `restart` from a crash to where it goes on; the
 * first checkpoint comes when `first` steps are done. */
static double replay(const struct run *x, double step, double delta, double restart)
{
    double now = 0;
    uint32_t next = 0;
    for (uint32_t done = 0; done < STEPS;) {
        uint32_t left = STEPS - done, steps = left < x->per ? left : x->per;
        double end = now + steps * step + (steps < left ? delta : 0);
        if (next < x->crashes && x->at[next] < end) {
            now = x->at[next++] + restart;
        } else {
            now = end;
            done += steps;
        }
    }
    return now;
}

Test(efficiency, of_a_job_under_failures_is_that_of_a_replay_and_its_parts_are_all_of_its_time)
{
    struct run calm = { .per = STEPS }, saved = { .per = 4 },
               once = { .per = 4, .crashes = 1, .at = { 1.05 } };
    play(&calm);
    play(&saved);
    play(&once); /* when 8 steps, and two checkpoints, are behind it */
    double step = calm.time / STEPS, lost = once.at[0] - 8 * step - 2 * saved.stop,
           restart = once.time - saved.time - lost;
    cr_assert_float_eq(calm.useful, STEPS * STEP, 1e-9);
    cr_assert_float_eq(calm.there, RANKS, 1e-3, "%g", calm.there);
    cr_assert(restart > AFTER && restart < 3 * AFTER, "%g s", restart);
    static const uint32_t seeds[] = { 4002, 1004, 2008, 3016 };
    for (uint32_t i = 0; i < ARRAY_LEN(seeds); i++) {
        struct run x = { .per = 2u << i };
        uint32_t met = 0;
        draw_crashes(&x, seeds[i]);
        play(&x);
        while (met < CRASHES && x.at[met] < x.time)
            met++;
        double expected = replay(&x, step, x.stop, restart);
        cr_expect_float_eq(x.time, expected, 0.003 * expected, "%u steps: %g s, a replay takes %g",
                           x.per, x.time, expected);
        cr_expect_float_eq(x.efficiency, x.useful / x.time, 1e-6);
        /* All time: work that was needed and that was lost, stops, restarts; and the rest: steps
         * under way at a crash, at most one each, and messages. */
        double absent = (RANKS - x.there) * x.time, again = x.computed * x.work,
               rest = RANKS * x.time - again - x.stops * x.stop - absent;
        cr_expect_float_eq(x.work, STEP, 1e-9);
        cr_expect_geq(again, RANKS * x.useful - 1e-6);
        cr_expect(rest > 0 && rest < RANKS * (CRASHES * STEP + STEPS * (step - STEP) + 0.5),
                  "%u steps: %g s of %g are left", x.per, rest, RANKS * x.time);
        /* The others are there until the node is back; without a checkpoint none is read. */
        double gone = met * (RANKS * restart - (RANKS - 1) * AFTER);
        cr_expect(absent < 1.01 * gone && absent > 0.5 * gone, "%g s, not %g", absent, gone);
    }
}

/* Whoever knows that a job has ended crashes: the leader, who leads next, who has heard of it
 * since. */
Test(efficiency, of_a_job_that_has_ended_is_not_changed_by_crashes)
{
    struct run saved = { .per = 4 }, x = saved;
    play(&saved);
    x.crashes = CRASHES;
    for (uint32_t i = 0; i < CRASHES; i++)
        x.at[i] = saved.time + 0.001 + 0.05 * i;
    play(&x);
    cr_expect_float_eq(x.time, saved.time, 1e-9, "%g s", x.time);
    cr_expect_eq(x.computed, saved.computed, "%g steps, not %g", x.computed, saved.computed);
}
