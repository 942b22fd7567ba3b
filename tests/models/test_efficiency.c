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
#include "tests/sample.h"

extern const struct workload_ops workload_job;

#define RANKS 4
#define STEP 0.1 /* s */
#define STEPS 120
#define CRASHES 14
#define AFTER 0.03 /* s: a node is down */
#define LOST 0.4   /* s, of all ranks: a replay does not know that others wait for the dead one */
#define SLACK 0.02 /* s: what two checkpoints, or two steps, differ by, since the last crash */

struct run {
    uint32_t per;   /* steps from a checkpoint to the next */
    uint32_t first; /* the node of the first crash; that of the next is the next */
    uint32_t crashes;
    double at[CRASHES]; /* s */
    /* out */
    double time, useful, work, computed, stop, stops, there, efficiency;
    double lost, stopped, away, rest;
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
    instance(graph, "mesh", "driver", NULL);
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
        val_put(f, "path", rig_node((x->first + i) % RANKS));
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
    void *params = rig_start(&r, &workload_job, NULL, p);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_assert_null(machine_failure(r.m), "%s", machine_failure(r.m));
    cr_assert_eq(sim_audit_run(r.sim, said, sizeof said), 0, "%s", said);
    x->time = mean(&r, "job.time", NULL);
    x->useful = mean(&r, "job.useful", NULL);
    x->work = mean(&r, "job.work", &x->computed);
    if (x->per < STEPS)
        x->stop = mean(&r, "ckpt.stop", &x->stops);
    x->efficiency = mean(&r, "job.efficiency", NULL);
    x->lost = mean(&r, "job.lost", NULL);
    x->stopped = mean(&r, "job.stopped", NULL);
    x->away = mean(&r, "job.away", NULL);
    x->rest = mean(&r, "job.rest", NULL);
    rig_finish(&r, params,
               &(struct sim_result_sink){ .arg = x, .scalar = on_scalar, .remark = ignore });
    val_free(p);
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

/* What the replay needs to know of the machine: s. */
struct costs {
    double step, stop;
    double counts;            /* from the end of a stop until a checkpoint counts */
    double restart[3][RANKS]; /* from a crash of that node to where the job goes on, when none is
                               * saved, one checkpoint, or two: a store has two */
    double longest;           /* of these */
};

/* The nodes crash one after the other, each in the third step after the restart of the one before:
 * what is done again is known, and no checkpoint is taken between. */
static void measure_restarts(struct costs *c, double saved, uint32_t checkpoints)
{
    double before = saved, goes_on = checkpoints * (4 * c->step + c->stop);
    struct run x = { .per = 4 };
    for (uint32_t k = 0; k < RANKS; k++) {
        double *restart = &c->restart[checkpoints][k];
        x.at[x.crashes++] = goes_on + 2.5 * c->step;
        play(&x);
        *restart = x.time - before - 2.5 * c->step;
        before = x.time;
        goes_on = x.at[k] + *restart;
        c->longest = fmax(c->longest, *restart);
    }
}

/* By halving: a crash just before repeats four steps more than one just after. */
static double measure_counts(const struct costs *c, double saved)
{
    double stopped = 8 * c->step + 2 * c->stop, low = 0, high = STEP / 2;
    while (high - low > 1e-4) {
        double middle = (low + high) / 2;
        struct run x = { .per = 4, .first = 2, .crashes = 1, .at = { stopped + middle } };
        play(&x);
        if (x.time > saved + middle + c->restart[2][2] + 2 * c->step)
            low = middle;
        else
            high = middle;
    }
    return high;
}

struct outcome {
    double time, absent; /* s; absent: the sum over the programs */
    double lost;         /* computation that was in vain, the same */
};

/* What each rank computes in so long, of steps one behind the other. */
static double computes(const struct costs *c, double seconds)
{
    double whole = floor(fmax(seconds, 0) / c->step);
    return whole * STEP + fmin(fmax(seconds, 0) - whole * c->step, STEP);
}

/* What all ranks have, since the job went on at `since`, when a node dies at `at`.  Between lie the
 * steps until a stop, and that; in it all stand.  Else the others compute until it is back. */
static double lost_by(const struct run *x, const struct costs *c, double since, double at)
{
    double before = at - since, steps = x->per * c->step, behind = before - steps - c->stop;
    if (before <= steps)
        return computes(c, before) + (RANKS - 1) * fmin(computes(c, before + AFTER), x->per * STEP);
    if (behind <= 0)
        return RANKS * x->per * STEP;
    return RANKS * x->per * STEP + computes(c, behind) + (RANKS - 1) * computes(c, behind + AFTER);
}

static struct outcome replay(const struct run *x, const struct costs *c, double now, uint32_t done,
                             uint32_t next);

/* From that crash on; the job had begun, or gone on from what is saved, at `since`. */
static struct outcome go_back(const struct run *x, const struct costs *c, double since,
                              uint32_t done, uint32_t next)
{
    uint32_t checkpoints = done / x->per;
    double restart = c->restart[checkpoints < 2 ? checkpoints : 2][next % RANKS];
    struct outcome o = replay(x, c, x->at[next] + restart, done, next + 1);
    o.lost += lost_by(x, c, since, x->at[next]);
    o.absent += RANKS * restart - (RANKS - 1) * AFTER; /* others are there until it is back */
    return o;
}

/* The same by arithmetic, from where `done` steps are saved and `next` crashes are over.  A crash
 * within SLACK of the moment from which a checkpoint counts may be before it or behind it: of the
 * two times that which is nearer to the job's. */
static struct outcome replay(const struct run *x, const struct costs *c, double now, uint32_t done,
                             uint32_t next)
{
    for (uint32_t steps; done < STEPS; done += steps) {
        uint32_t left = STEPS - done;
        double at = next < x->crashes ? x->at[next] : INFINITY;
        double since = now;
        steps = left < x->per ? left : x->per;
        now += steps * c->step + (steps < left ? c->stop : 0);
        double counts = now + (steps < left ? c->counts : 0);
        if (at < counts - SLACK)
            return go_back(x, c, since, done, next);
        if (at < counts + SLACK) {
            struct outcome lost = go_back(x, c, since, done, next), saved = { now, 0, 0 };
            if (steps < left)
                saved = go_back(x, c, now, done + steps, next);
            return fabs(lost.time - x->time) < fabs(saved.time - x->time) ? lost : saved;
        }
    }
    return (struct outcome){ now, 0, 0 };
}

Test(efficiency, of_a_job_under_failures_is_that_of_a_replay_and_its_parts_are_all_of_its_time)
{
    struct run calm = { .per = STEPS }, saved = { .per = 4 };
    play(&calm);
    play(&saved);
    struct costs c = { .step = calm.time / STEPS, .stop = saved.stop };
    for (uint32_t checkpoints = 0; checkpoints <= 2; checkpoints++)
        measure_restarts(&c, saved.time, checkpoints);
    c.counts = measure_counts(&c, saved.time);
    cr_assert_float_eq(calm.useful, STEPS * STEP, 1e-9);
    cr_assert_float_eq(calm.lost, 0, 1e-9);
    cr_assert_float_eq(saved.lost, 0, 1e-9);
    cr_assert_float_eq(RANKS * saved.stopped, saved.stops * saved.stop, 1e-6);
    cr_assert_float_eq(calm.there, RANKS, 1e-3, "%g", calm.there);
    for (uint32_t k = 0; k < 3 * RANKS; k++)
        cr_assert(c.restart[k / RANKS][k % RANKS] > AFTER && c.longest < 3 * AFTER, "%g s",
                  c.restart[k / RANKS][k % RANKS]);
    uint64_t count = sample("EFFICIENCY_SEEDS", 12), from = sample("EFFICIENCY_FIRST", 1);
    for (uint64_t seed = from; seed < from + count; seed++) {
        struct run x = { .per = 2u << seed % 4 };
        draw_crashes(&x, seed);
        play(&x);
        struct outcome expected = replay(&x, &c, 0, 0, 0);
        cr_expect_float_eq(x.time, expected.time, SLACK,
                           "seed %lu, %u steps: %g s, a replay takes %g", seed, x.per, x.time,
                           expected.time);
        cr_expect_float_eq(x.efficiency, x.useful / x.time, 1e-6);
        cr_expect_float_eq(x.useful + x.lost + x.stopped + x.away + x.rest, x.time, 1e-9);
        cr_expect_float_eq(x.away, x.time * (RANKS - x.there) / RANKS, 1e-3);
        cr_expect(RANKS * x.lost > expected.lost - LOST && RANKS * x.lost < expected.lost + 0.01,
                  "seed %lu, %u steps: %g s lost, a replay says %g", seed, x.per, RANKS * x.lost,
                  expected.lost);
        /* All time: work that was needed and that was lost, stops, restarts; and the rest: steps
         * under way at a crash, at most one each, and messages. */
        double absent = (RANKS - x.there) * x.time, again = x.computed * x.work,
               rest = RANKS * x.time - again - x.stops * x.stop - absent;
        cr_expect_float_eq(x.work, STEP, 1e-9);
        cr_expect_geq(again, RANKS * x.useful - 1e-6);
        cr_expect(rest > 0 && rest < RANKS * (CRASHES * STEP + STEPS * (c.step - STEP) + 0.5),
                  "seed %lu, %u steps: %g s of %g are left", seed, x.per, rest, RANKS * x.time);
        /* After a crash amid a checkpoint what was written of it is read, too. */
        cr_expect_float_eq(absent, expected.absent, 0.25 * expected.absent,
                           "seed %lu: %g s, not %g", seed, absent, expected.absent);
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
