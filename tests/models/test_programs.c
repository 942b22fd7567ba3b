/* test_programs.c: programs on machines with the real operating system: ping-pong under everything.
 *
 * The graph is the message library over the driver, on the worm network.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/nx/nx.h"
#include "os/proto/driver/driver.h"
#include "rig.h"
#include "workloads/pingpong.h"

static struct val *graph(bool offload)
{
    struct val *g = val_new(VAL_LIST, NULL, 0), *mesh = val_new(VAL_TABLE, NULL, 0);
    struct val *rdm = val_new(VAL_TABLE, NULL, 0), *over_mesh = val_new(VAL_LIST, NULL, 0);
    struct val *nx = val_new(VAL_TABLE, NULL, 0), *below = val_new(VAL_LIST, NULL, 0);
    val_put(mesh, "name", val_new_string("mesh", NULL, 0));
    val_put(mesh, "protocol", val_new_string("driver", NULL, 0));
    val_append(over_mesh, val_new_string("mesh", NULL, 0));
    val_put(rdm, "name", val_new_string("rdm", NULL, 0));
    val_put(rdm, "protocol", val_new_string("rdm", NULL, 0));
    val_put(rdm, "below", over_mesh);
    val_append(below, val_new_string("rdm", NULL, 0));
    val_put(nx, "name", val_new_string("nx", NULL, 0));
    val_put(nx, "protocol", val_new_string("nx", NULL, 0));
    val_put(nx, "below", below);
    val_put(nx, "offload", val_new_bool(offload, NULL, 0));
    val_append(g, mesh);
    val_append(g, rdm);
    val_append(g, nx);
    return g;
}

struct play {
    struct rig r;
    void *params;
    bool flatten;
};

static void play_init(struct play *p, bool offload, const char *size)
{
    rig_init(&p->r, 1, 2);
    rig_set(&p->r, "network.model", "worm");
    rig_os(&p->r);
    p->flatten = false;
    val_put(p->r.spec, "graph", graph(offload));
    rig_set(&p->r, "nic.mtu", "2088B");
    rig_set(&p->r, "nic.packet_bytes", "1044B");
    static const char *const kinds[] = { "send",  "receive", "frame_out", "frame_in",
                                         "layer", "match",   "switch" };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        char path[64];
        snprintf(path, sizeof path, "prices.%s.each", kinds[i]);
        rig_set(&p->r, path, "3us");
    }
    struct val *t = val_new(VAL_TABLE, NULL, 0);
    val_put(t, "size", val_new_string(size, NULL, 0));
    val_put(t, "rounds", val_new_int(3, NULL, 0));
    struct err e = ERR_INIT;
    p->params = base_zalloc(1, workload_pingpong.kind.params_size);
    cr_assert(param_load(workload_pingpong.kind.params, p->params, t, "workload", &e), "%s",
              e.text);
    val_free(t);
}

static enum sim_end play(struct play *p, char digest[33])
{
    struct err e = ERR_INIT;
    p->r.sim = sim_create(&p->r.options);
    p->r.m = machine_create(p->r.sim, p->r.spec, "machine", &p->r.reg, &e);
    cr_assert(p->r.m != NULL, "%s", e.text);
    machine_set_flatten(p->r.m, p->flatten);
    cr_assert(rig_load(&p->r, &workload_pingpong, p->params, &e), "%s", e.text);
    enum sim_end end = rig_run(&p->r);
    sim_digest_text(p->r.sim, digest);
    return end;
}

static void play_close(struct play *p)
{
    rig_close(&p->r);
    free(p->params);
}

Test(programs, a_ping_takes_the_time_of_the_network_and_of_what_the_software_names)
{
    for (int offload = 0; offload < 2; offload++) {
        struct play p;
        char digest[33];
        play_init(&p, offload, "0B");
        if (offload)
            rig_set(&p.r, "node.upcall_cpu", "coprocessor");
        cr_assert_eq(play(&p, digest), SIM_END_IDLE);
        /* 40 bytes of headers: 16 + 20 flits; out and in over a bus of 400 MB/s; send, two layers,
         * frame out and in, match, switch, receive: 8 x 3 us. */
        struct net *net = machine_net(p.r.m);
        sim_time way = net->ops->zero_load(net, 0, 1, 16 + 20) + 2 * 100 * SIM_NS + 24 * SIM_US;
        struct sim_measure *m = sim_measure_find(p.r.sim, "one_way");
        cr_assert_eq(sim_measure_count(m), 3);
        cr_expect_eq(sim_time_from_seconds(sim_measure_mean(m)), way, "%ld, not %ld",
                     sim_time_from_seconds(sim_measure_mean(m)), way);
        play_close(&p);
    }
}

Test(programs, flattened_messages_change_nothing)
{
    struct play p;
    char plain[33], flat[33], other[33];
    play_init(&p, true, "100kB");
    cr_assert_eq(play(&p, plain), SIM_END_IDLE);
    play_close(&p);
    play_init(&p, true, "100kB");
    p.flatten = true;
    cr_assert_eq(play(&p, flat), SIM_END_IDLE);
    play_close(&p);
    cr_expect_str_eq(plain, flat);
    play_init(&p, true, "100001B");
    cr_assert_eq(play(&p, other), SIM_END_IDLE);
    play_close(&p);
    cr_expect_str_neq(plain, other);
}

Test(programs, double_prices_double_the_software_part)
{
    sim_time way[3];
    for (int scale = 0; scale < 3; scale++) {
        struct play p;
        char digest[33];
        play_init(&p, false, "500B");
        struct err e = ERR_INIT;
        cr_assert(val_set_path(p.r.spec, "prices.scale", val_new_real(scale, NULL, 0), &e));
        cr_assert_eq(play(&p, digest), SIM_END_IDLE);
        way[scale] = sim_time_from_seconds(sim_measure_mean(sim_measure_find(p.r.sim, "one_way")));
        play_close(&p);
    }
    cr_expect_gt(way[0], 0);
    cr_expect_eq(way[2] - way[0], 2 * (way[1] - way[0]));
}

static void crash_with(struct play *p, uint64_t step, uint32_t node, const char *after)
{
    struct val *list = val_new(VAL_LIST, NULL, 0), *f = val_new(VAL_TABLE, NULL, 0);
    val_put(f, "event", val_new_int((int64_t)step, NULL, 0));
    val_put(f, "path", rig_node(node));
    val_put(f, "after", val_new_string(after, NULL, 0));
    val_append(list, f);
    val_put(p->r.spec, "faults", list);
    rig_set(&p->r, "detector_delay", "50us");
}

/* A program ends, or fails with a sentence that its peer went down: nobody waits for ever. */
Test(programs, a_crash_at_every_step_costs_a_result_and_no_more)
{
    struct play p;
    char digest[33];
    play_init(&p, true, "3kB");
    cr_assert_eq(play(&p, digest), SIM_END_IDLE);
    uint64_t steps = machine_steps(p.r.m);
    play_close(&p);
    cr_assert_gt(steps, 50);
    for (uint32_t node = 0; node < 2; node++)
        for (uint64_t k = 1; k <= steps; k++) {
            play_init(&p, true, "3kB");
            rig_set_bool(&p.r, "restart_programs", k % 2);
            crash_with(&p, k, node, k % 3 ? "20us" : "0");
            enum sim_end end = play(&p, digest);
            cr_expect_eq(end, SIM_END_IDLE, "step %lu: %s", k, sim_end_name(end));
            cr_expect_eq(p.r.m->counts.crashes, 1);
            free(p.r.m->failure); /* a program may say that its peer went down */
            p.r.m->failure = NULL;
            play_close(&p);
        }
}

/* ---- where a program goes on ---- */

enum { PIECES = 6 };
static uint64_t declared, entered;
static unsigned pieces[PIECES];

static void piecemeal(struct os_node *n, const struct program *me)
{
    entered++;
    cr_expect_eq(me->resume, declared);
    for (uint64_t k = me->resume; k < PIECES; k++) {
        port_compute(n->port, 50 * SIM_US);
        pieces[k]++;
        port_work(n->port, PORT_WORK_OP, 10);
        os_safe_point(n, k + 1);
        declared = n->boot->restart ? k + 1 : 0;
    }
}

/* Crashes right after that step, and, in between two points, 1 ms later again; 0: never. */
static uint64_t steps_piecemeal(uint64_t step, bool restart)
{
    static const struct workload_ops ops = { .kind.name = "piecemeal", .main = piecemeal };
    struct rig r;
    struct err e = ERR_INIT;
    rig_init(&r, 1, 1);
    rig_os(&r);
    rig_set(&r, "prices.op.each", "1us");
    rig_set_bool(&r, "restart_programs", restart);
    struct val *list = val_new(VAL_LIST, NULL, 0);
    for (uint64_t at = step; step > 0 && at <= step + 20; at += 20) {
        struct val *f = val_new(VAL_TABLE, NULL, 0);
        val_put(f, "event", val_new_int((int64_t)at, NULL, 0));
        val_put(f, "path", rig_node(0));
        val_put(f, "after", val_new_string("1ms", NULL, 0));
        val_append(list, f);
    }
    val_put(r.spec, "faults", list);
    declared = entered = 0;
    memset(pieces, 0, sizeof pieces);
    r.sim = sim_create(&r.options);
    r.m = machine_create(r.sim, r.spec, "machine", &r.reg, &e);
    cr_assert(r.m != NULL && rig_load(&r, &ops, NULL, &e), "%s", e.text);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    uint64_t steps = machine_steps(r.m);
    rig_close(&r);
    return steps;
}

Test(programs, go_on_from_their_last_safe_point)
{
    uint64_t steps = steps_piecemeal(0, true);
    cr_assert_gt(steps, 2 * PIECES);
    for (uint64_t k = 1; k < steps; k++) {
        (void)steps_piecemeal(k, true);
        cr_expect_geq(entered, k > steps / 4 ? 2 : 1);
        unsigned all = 0;
        for (unsigned i = 0; i < PIECES; i++) {
            cr_expect_geq(pieces[i], 1, "a crash after step %lu: piece %u is not done", k, i);
            all += pieces[i];
        }
        cr_expect_leq(all, PIECES + entered - 1, "a crash after step %lu: done again", k);
    }
    (void)steps_piecemeal(steps / 2, false);
    cr_expect_eq(entered, 1);
}
