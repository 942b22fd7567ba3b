/* test_zero_load.c: a packet alone takes exactly the closed form, in every fidelity and shape. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/mesh/oracle.h"

static const struct net_ops *const fidelities[] = { &net_worm, &net_flit, &net_ideal };

/* The recurrence of a packet alone, flit by flit and channel by channel: x[i] of the last B flits.
 */
static sim_time by_recurrence(const struct mesh_params *m, uint32_t hops, uint32_t flits)
{
    enum { CHANNELS = 64, DEPTH = 64 };
    static sim_time x[CHANNELS][DEPTH]; /* flit j of channel i at j modulo DEPTH */
    sim_time tail = 0;
    cr_assert(hops + 1 < CHANNELS && m->fifo_flits < DEPTH);
    for (uint32_t j = 1; j <= flits; j++) {
        for (uint32_t i = 0; i <= hops; i++) {
            sim_time t = 0, body = i == 1 ? m->injection_delay : m->crossbar + m->wire;
            sim_time back = i < hops ? m->credit : m->credit + m->ejection_delay;
            if (i > 0)
                t = x[i - 1][j % DEPTH] + body + (j == 1 ? m->routing + m->allocation : 0);
            if (j > 1)
                t = sim_time_max(t, x[i][(j - 1) % DEPTH] + m->flit_time);
            if (j > m->fifo_flits && (i < hops || m->ejection_credits))
                t = sim_time_max(t, x[i < hops ? i + 1 : i][(j - m->fifo_flits) % DEPTH] + back);
            x[i][j % DEPTH] = tail = t;
        }
    }
    return tail + m->ejection_delay;
}

/* Written out by hand, not by mesh_zero_load: the sum of delays along the path. */
static sim_time by_hand(const struct mesh_params *m, uint32_t hops, uint32_t flits)
{
    sim_time t = m->injection_delay;
    for (uint32_t router = 0; router < hops; router++) {
        t += m->routing + m->allocation;
        if (router + 1 < hops)
            t += m->crossbar + m->wire;
    }
    return t + (sim_time)(flits - 1) * m->flit_time + m->ejection_delay;
}

static void alone_is(sim_time (*expected)(const struct mesh_params *m, uint32_t hops,
                                          uint32_t flits),
                     struct oracle_case *c, uint32_t src, uint32_t dst, uint32_t flits)
{
    for (size_t k = 0; k < ARRAY_LEN(fidelities); k++) {
        c->count = 1;
        c->packets[0] =
            (struct oracle_packet){ .src = src, .dst = dst, .flits = flits, .at = 12345 };
        cr_assert(oracle_run(fidelities[k], c));
        const struct oracle_packet *p = &c->packets[0];
        sim_time want = expected(&c->mesh, p->hops, flits);
        cr_assert_eq(p->delivered - p->injected, want, "%s: %ld, by hand %ld",
                     fidelities[k]->kind.name, (long)(p->delivered - p->injected), (long)want);
        cr_assert_eq(p->injected, 12345);
        cr_assert_eq(p->blocked, 0);
        cr_assert_eq(mesh_zero_load(&c->mesh, p->hops - 1, flits), want);
    }
}

static void alone(struct oracle_case *c, uint32_t src, uint32_t dst, uint32_t flits)
{
    alone_is(by_hand, c, src, dst, flits);
}

static struct mesh_params paragon(int64_t rows, int64_t columns)
{
    struct mesh_params m;
    struct err e = ERR_INIT;
    cr_assert(param_load(mesh_params_desc, &m, NULL, "mesh", &e), "%s", e.text);
    m.rows = rows;
    m.columns = columns;
    return m;
}

Test(zero_load, the_defaults_take_40_ns_a_router_and_10_ns_a_flit)
{
    struct mesh_params m = paragon(16, 32);
    cr_assert_eq(mesh_zero_load(&m, 5, 1), 6 * 40 * SIM_NS + 10 * SIM_NS);
    cr_assert_eq(mesh_zero_load(&m, 5, 101) - mesh_zero_load(&m, 5, 1), 1000 * SIM_NS);
}

Test(zero_load, equals_the_sum_of_delays_for_shapes_lengths_and_depths)
{
    static const int64_t shapes[][2] = { { 1, 1 }, { 1, 7 }, { 7, 1 }, { 3, 5 }, { 4, 4 } };
    static const uint32_t lengths[] = { 1, 2, 7, 8, 9, 64, 513 };
    static const int64_t depths[] = { 3, 8, 17, 600 };
    static struct oracle_case c;
    for (size_t s = 0; s < ARRAY_LEN(shapes); s++)
        for (size_t l = 0; l < ARRAY_LEN(lengths); l++)
            for (size_t d = 0; d < ARRAY_LEN(depths); d++) {
                uint32_t nodes = (uint32_t)(shapes[s][0] * shapes[s][1]);
                c.mesh = paragon(shapes[s][0], shapes[s][1]);
                c.mesh.fifo_flits = depths[d];
                alone(&c, 0, nodes - 1, lengths[l]);
                alone(&c, nodes / 2, nodes / 3, lengths[l]);
            }
}

static uint32_t around(uint32_t a, uint32_t b, uint32_t size)
{
    uint32_t apart = a < b ? b - a : a - b;
    return apart < size - apart ? apart : size - apart;
}

Test(zero_load, a_torus_takes_the_shorter_way_around)
{
    static const struct net_ops *const both[] = { &net_flit, &net_ideal };
    static const uint32_t sizes[][3] = { { 5, 4, 1 }, { 1, 7, 1 }, { 3, 4, 3 } };
    static struct oracle_case c;
    for (size_t z = 0; z < ARRAY_LEN(sizes); z++) {
        uint32_t columns = sizes[z][0], rows = sizes[z][1], planes = sizes[z][2];
        c.mesh = paragon(rows, columns);
        c.mesh.planes = planes;
        c.mesh.torus = true;
        c.mesh.virtual_channels = 2;
        for (uint32_t dst = 0; dst < columns * rows * planes; dst++) {
            uint32_t src = (dst * 7 + 3) % (columns * rows * planes);
            uint32_t hops = 1 + around(src % columns, dst % columns, columns) +
                            around(src / columns % rows, dst / columns % rows, rows) +
                            around(src / columns / rows, dst / columns / rows, planes);
            for (size_t k = 0; k < ARRAY_LEN(both); k++) {
                c.count = 1;
                c.packets[0] = (struct oracle_packet){ .src = src, .dst = dst, .flits = 9 };
                cr_assert(oracle_run(both[k], &c));
                cr_assert_eq(c.packets[0].hops, hops);
                cr_assert_eq(c.packets[0].delivered, by_hand(&c.mesh, hops, 9));
            }
        }
    }
}

Test(zero_load, the_second_of_two_waits_for_the_only_place_of_the_terminal)
{
    /* Both headers are there together; the first has the place until `consume` after its
     * delivery.  In a 1x3 mesh neither waits before. */
    static struct oracle_case c;
    c.mesh = paragon(1, 3);
    c.count = 2;
    c.room = 1;
    c.consume = 777;
    c.packets[0] = (struct oracle_packet){ .src = 0, .dst = 1, .flits = 20 };
    c.packets[1] = (struct oracle_packet){ .src = 2, .dst = 1, .flits = 20 };
    sim_time alone = mesh_zero_load(&c.mesh, 1, 20);
    sim_time eject = 19 * c.mesh.flit_time + c.mesh.ejection_delay + c.mesh.allocation;
    for (size_t k = 0; k < ARRAY_LEN(fidelities); k++) {
        cr_assert(oracle_run(fidelities[k], &c));
        sim_time a = c.packets[0].delivered, b = c.packets[1].delivered;
        cr_assert_eq(sim_time_min(a, b), alone, "%s", fidelities[k]->kind.name);
        cr_assert_eq(sim_time_max(a, b), alone + 777 + eject, "%s", fidelities[k]->kind.name);
    }
}

Test(zero_load, holds_for_random_delays_3d_meshes_and_hypercubes)
{
    static struct oracle_case c;
    for (uint64_t i = 0; i < 300; i++) {
        oracle_draw(&c, 777000 + i, false);
        alone(&c, c.packets[0].src, c.packets[0].dst, c.packets[0].flits);
    }
}

Test(zero_load, holds_where_fifos_are_below_the_credit_loop)
{
    static struct oracle_case c;
    uint32_t slower = 0;
    for (uint64_t i = 0; i < 400; i++) {
        oracle_draw(&c, 888000 + i, true);
        const struct oracle_packet p = c.packets[0];
        alone_is(by_recurrence, &c, p.src, p.dst, p.flits);
        slower += mesh_bubbles(&c.mesh, c.packets[0].hops - 1, p.flits) > 0;
    }
    cr_assert_gt(slower, 100);
}

Test(zero_load, header_overhead_gives_the_bandwidth_of_a_stream)
{
    /* One sender, packets of 528 flits of which 512 carry payload: 1024 B in 528 flit times and
     * nothing between them, so 200 MB/s * 512/528. */
    static struct oracle_case c;
    c.mesh = paragon(4, 4);
    c.count = 50;
    for (uint32_t i = 0; i < c.count; i++)
        c.packets[i] = (struct oracle_packet){ .src = 0, .dst = 15, .flits = 528, .at = 0 };
    for (size_t k = 0; k < ARRAY_LEN(fidelities); k++) {
        cr_assert(oracle_run(fidelities[k], &c));
        sim_time gap = c.packets[49].delivered - c.packets[0].delivered;
        cr_assert_eq(gap, 49 * 528 * 10 * SIM_NS, "%s", fidelities[k]->kind.name);
    }
}
