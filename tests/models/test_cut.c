/* test_cut.c: consistent cuts on the simulated machine: a rank that dies at any event ends the cut
 * under way at all others, by every algorithm, and those that were complete stay consistent.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "sim/audit.h"
#include "tests/sample.h"

extern const struct workload_ops workload_cuts;

#define CUTS 8

struct run {
    const char *algorithm;
    uint64_t seed, at; /* at: the event of the death; 0: nobody dies */
    uint32_t node;
    bool back; /* the node comes back, without a program */
    const char *gap, *size;
    /* out */
    uint64_t steps;
    double judged, ended, received;
    char said[512];
};

static uint64_t mix(uint64_t *x)
{
    *x += 0x9e3779b97f4a7c15u;
    uint64_t z = *x;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static struct val *table(void)
{
    return val_new(VAL_TABLE, NULL, 0);
}

static void text(struct val *t, const char *key, const char *value)
{
    val_put(t, key, val_new_string(value, NULL, 0));
}

static void instance(struct val *graph, const char *name, const char *protocol, const char *below,
                     const char *second)
{
    struct val *v = table(), *l = val_new(VAL_LIST, NULL, 0);
    text(v, "name", name);
    text(v, "protocol", protocol);
    if (below)
        val_append(l, val_new_string(below, NULL, 0));
    if (second)
        val_append(l, val_new_string(second, NULL, 0));
    val_put(v, "below", l);
    val_append(graph, v);
}

static void machine(struct rig *r, const struct run *x)
{
    struct val *graph = val_new(VAL_LIST, NULL, 0), *os = val_new(VAL_LIST, NULL, 0), *nx = table(),
               *cut = table();
    rig_init(r, 3, 3);
    rig_set(r, "network.model", "worm");
    rig_set(r, "detector_delay", "200us");
    instance(graph, "mesh", "driver", NULL, NULL);
    instance(graph, "rdm", "rdm", "mesh", NULL);
    instance(graph, "nx", "nx", "rdm", NULL);
    instance(graph, "cut", "cut", "rdm", "mesh");
    val_put(r->spec, "graph", graph);
    text(nx, "service", "nx");
    text(cut, "service", "cut");
    text(cut, "algorithm", x->algorithm);
    val_append(os, nx);
    val_append(os, cut);
    val_put(r->spec, "os", os);
    rig_set(r, "prices.frame_in.each", "3us");
    rig_set(r, "prices.copy.each", "10ns");
    if (x->at > 0) {
        struct val *faults = val_new(VAL_LIST, NULL, 0), *f = table();
        val_put(f, "event", val_new_int((int64_t)x->at, NULL, 0));
        val_put(f, "path", rig_node(x->node));
        if (x->back)
            text(f, "after", "700us");
        val_append(faults, f);
        val_put(r->spec, "faults", faults);
    }
    rig_os(r);
}

static void on_scalar(void *arg, const char *name, const char *unit, double value,
                      double half_width, unsigned flags)
{
    struct run *x = arg;
    (void)unit, (void)half_width, (void)flags;
    if (strcmp(name, "cut.ended") == 0)
        x->ended = value;
    if (strcmp(name, "cut.received") == 0)
        x->received = value;
}

static void ignore(void *arg, const char *said)
{
    (void)arg;
    (void)said;
}

static void play(struct run *x)
{
    struct rig r;
    struct val *p = table();
    machine(&r, x);
    r.options.seed = x->seed;
    val_put(p, "cuts", val_new_int(CUTS, NULL, 0));
    text(p, "gap", x->gap);
    text(p, "interval", "300us");
    text(p, "size", x->size);
    val_put(p, "starters", val_new_int(1 + (int64_t)(x->seed % 4), NULL, 0));
    val_put(p, "deaths", val_new_bool(x->at > 0, NULL, 0));
    void *params = rig_start(&r, &workload_cuts, NULL, p);
    enum sim_end end = rig_run(&r);
    rig_verdict(&r, end, "", x->said, sizeof x->said);
    x->judged = rig_mean(&r, "judged");
    x->steps = machine_steps(r.m);
    rig_finish(&r, params,
               &(struct sim_result_sink){ .arg = x, .scalar = on_scalar, .remark = ignore });
    val_free(p);
}

/* Without a death: as many cuts as there were to be, and all are judged. */
static void are_consistent(const char *algorithm)
{
    double received = 0;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct run x = { .algorithm = algorithm, .seed = seed, .gap = "60us", .size = "4KiB" };
        play(&x);
        cr_assert_str_empty(x.said, "%s, seed %lu: %s", algorithm, seed, x.said);
        cr_assert_eq(x.judged, CUTS);
        received += x.received;
    }
    cr_assert(strcmp(algorithm, "sns") == 0 ? received == 0 : received > 0);
}

Test(cut, sync_and_stop_is_consistent_on_the_machine)
{
    are_consistent("sns");
}

Test(cut, chandy_and_lamport_are_consistent_on_the_machine)
{
    are_consistent("cl");
}

Test(cut, network_sweep_is_consistent_on_the_machine)
{
    are_consistent("ns");
}

/* CUT6. */
Test(cut, a_death_at_any_event_ends_the_cut_at_all_others)
{
    static const char *const algorithms[] = { "sns", "cl", "ns" };
    uint64_t count = sample("CUT_SEEDS", 36), from = sample("CUT_FIRST", 1);
    double judged = 0, ended = 0;
    for (uint64_t seed = from; seed < from + count; seed++) {
        uint64_t s = seed * 31;
        struct run calm = { .algorithm = algorithms[seed % 3],
                            .seed = seed,
                            .gap = mix(&s) % 2 ? "30us" : "90us",
                            .size = mix(&s) % 4 ? "3KiB" : "12KiB" };
        play(&calm);
        cr_assert_str_empty(calm.said, "seed %lu without a death: %s", seed, calm.said);
        struct run x = calm;
        x.at = 1 + mix(&s) % calm.steps;
        x.node = (uint32_t)(mix(&s) % 9);
        x.back = mix(&s) % 2;
        play(&x);
        cr_expect_str_empty(x.said, "seed %lu (%s; node %u at %lu of %lu%s): %s", seed, x.algorithm,
                            x.node, x.at, calm.steps, x.back ? ", back" : "", x.said);
        judged += x.judged > 0 ? x.judged : 0;
        ended += x.ended;
    }
    cr_expect(sample_saw((uint64_t)judged, count), "%.0f cuts judged", judged);
    cr_expect(sample_saw((uint64_t)ended, count), "%.0f parts of cuts ended by a death", ended);
}
