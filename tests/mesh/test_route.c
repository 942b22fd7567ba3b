/* test_route.c: routes are minimal, free of cyclic dependencies where they claim it, and deadlock
 * where they do not. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/route.h"
#include "sim/audit.h"
#include "tests/mesh/oracle.h"

static struct mesh_params defaults(int64_t rows, int64_t columns, int route, int64_t vcs)
{
    struct mesh_params m;
    struct err e = ERR_INIT;
    cr_assert(param_load(mesh_params_desc, &m, NULL, "mesh", &e), "%s", e.text);
    m.rows = rows;
    m.columns = columns;
    m.route = route;
    m.virtual_channels = vcs;
    m.fifo = route == MESH_ADAPTIVE ? MESH_FIFO_EMPTY : MESH_FIFO_SHARED;
    return m;
}

#define MAX 512 /* (channel, virtual channel) pairs */
static bool depends[MAX][MAX];
static uint8_t state[MAX];

static bool cycle_from(uint32_t c, uint32_t count)
{
    if (state[c])
        return state[c] == 1;
    state[c] = 1;
    for (uint32_t k = 0; k < count; k++)
        if (depends[c][k] && cycle_from(k, count))
            return true;
    state[c] = 2;
    return false;
}

/* Walks every way of every packet and records which channel may be held while which is asked for.
 * channels: the virtual channels that count (a mask). */
static void walk(const struct mesh_params *m, const struct topo *t, const struct net_packet *p,
                 uint32_t node, uint32_t held, uint32_t channels, uint32_t hops)
{
    struct route_option o[ROUTE_OPTIONS];
    uint32_t vcs = (uint32_t)m->virtual_channels, count = route_options(m, t, node, p, o);
    cr_assert_geq(count, 1);
    for (uint32_t k = 0; k < count; k++) {
        if (o[k].port == topo_eject_port(t)) {
            cr_assert_eq(node, p->dst);
            cr_assert_eq(hops, topo_distance(t, p->src, p->dst));
            continue;
        }
        uint32_t to = topo_neighbour(t, node, o[k].port);
        cr_assert_neq(to, UINT32_MAX);
        cr_assert_eq(topo_distance(t, to, p->dst) + 1, topo_distance(t, node, p->dst), "R1");
        for (uint32_t v = 0; v < vcs; v++) {
            if (!(o[k].channels & channels & 1u << v))
                continue;
            uint32_t next = (node * (t->ports - 1) + o[k].port) * vcs + v;
            if (held != UINT32_MAX)
                depends[held][next] = true;
            walk(m, t, p, to, next, channels, hops + 1);
        }
    }
}

static bool cyclic(const struct mesh_params *m, uint32_t channels)
{
    struct topo t;
    struct err e = ERR_INIT;
    cr_assert(mesh_topology(m, &t, &e), "%s", e.text);
    uint32_t count = t.nodes * (t.ports - 1) * (uint32_t)m->virtual_channels;
    cr_assert_leq(count, MAX);
    memset(depends, 0, sizeof(depends));
    memset(state, 0, sizeof(state));
    for (uint32_t src = 0; src < t.nodes; src++)
        for (uint32_t dst = 0; dst < t.nodes; dst++)
            walk(m, &t, &(struct net_packet){ .src = src, .dst = dst }, src, UINT32_MAX, channels,
                 0);
    bool found = false;
    for (uint32_t c = 0; c < count && !found; c++)
        found = cycle_from(c, count);
    topo_fini(&t);
    return found;
}

/* ROUTE2, TOPO1. */
Test(route, dependencies_have_no_cycle_but_without_an_escape)
{
    static const int acyclic[] = { MESH_XY, MESH_YX, MESH_WEST_FIRST, MESH_ODD_EVEN };
    static const int64_t shapes[][2] = { { 4, 5 }, { 5, 4 }, { 1, 6 }, { 6, 2 } };
    for (size_t s = 0; s < ARRAY_LEN(shapes); s++) {
        for (size_t k = 0; k < ARRAY_LEN(acyclic); k++) {
            struct mesh_params m = defaults(shapes[s][0], shapes[s][1], acyclic[k], 1);
            cr_assert_not(cyclic(&m, 1), "route %d on shape %zu", acyclic[k], s);
        }
    }
    struct mesh_params m = defaults(4, 4, MESH_ADAPTIVE, 2);
    cr_assert_not(cyclic(&m, 1), "the escape channels");
    m = defaults(4, 4, MESH_ADAPTIVE_UNSAFE, 1);
    cr_assert(cyclic(&m, 1));
}

Test(route, a_torus_is_free_of_cycles_because_of_its_dateline)
{
    static const int64_t shapes[][2] = { { 5, 4 }, { 4, 4 }, { 1, 7 }, { 2, 5 } };
    for (size_t s = 0; s < ARRAY_LEN(shapes); s++) {
        struct mesh_params m = defaults(shapes[s][0], shapes[s][1], MESH_XY, 2);
        m.torus = true;
        cr_assert_not(cyclic(&m, 3), "shape %zu", s);
    }
}

/* Packets over every channel when each terminal sends one to all; or, transposed, only those that
 * have a tie send. */
static void walk_all(const struct topo *t, bool transposed, uint32_t *load)
{
    for (uint32_t src = 0; src < t->nodes; src++)
        for (uint32_t dst = 0; dst < t->nodes; dst++) {
            uint32_t x = t->coord[src * t->dims], y = t->coord[src * t->dims + 1];
            if (transposed && dst != x * t->size[0] + y)
                continue;
            if (transposed && (x > y ? x - y : y - x) * 2 != t->size[0])
                continue;
            for (uint32_t at = src; at != dst;) {
                uint32_t port = topo_route(t, src, at, dst);
                load[at * t->ports + port]++;
                at = topo_neighbour(t, at, port);
            }
        }
}

/* TOPO2. */
Test(route, on_a_torus_all_channels_of_a_dimension_carry_the_same_and_capacity_says_how_much)
{
    static const int64_t shapes[][3] = {
        { 4, 4, 1 }, { 6, 6, 1 }, { 8, 8, 1 }, { 4, 4, 4 }, { 6, 6, 6 }, { 8, 8, 8 },
        { 6, 4, 1 }, { 5, 6, 1 }, { 2, 2, 1 }, { 7, 4, 3 }, { 1, 8, 1 }, { 5, 7, 1 },
    };
    static uint32_t load[512 * 7];
    for (size_t s = 0; s < ARRAY_LEN(shapes); s++) {
        struct topo t;
        struct err e = ERR_INIT;
        cr_assert(topo_init(&t, shapes[s][2] > 1 ? 3 : 2, shapes[s], s % 2, true, "torus", &e));
        memset(load, 0, sizeof(load));
        walk_all(&t, false, load);
        uint32_t most = 0;
        for (uint32_t d = 0; d < t.dims; d++) {
            uint32_t each = load[2 * d];
            bool even = t.size[d] % 4 != 2; /* or another dimension is of even size */
            for (uint32_t b = 0; b < t.dims; b++)
                even |= b != d && t.size[b] % 2 == 0;
            for (uint32_t c = 0; c < t.nodes * 2; c++) {
                uint32_t l = load[c / 2 * t.ports + 2 * d + c % 2];
                most = l > most ? l : most;
                cr_assert(!even || l == each, "shape %zu, dimension %u: %u and %u", s, d, l, each);
            }
        }
        cr_assert_float_eq(topo_uniform_load(&t), most / (double)t.nodes, 1e-9, "shape %zu", s);
        topo_fini(&t);
    }
}

Test(route, one_size_of_6_10_and_so_on_among_odd_ones_has_its_exact_capacity_too)
{
    static const int64_t shapes[][2] = { { 6, 1 }, { 6, 5 }, { 3, 10 }, { 2, 1 } };
    static uint32_t load[64 * 5];
    for (size_t s = 0; s < ARRAY_LEN(shapes); s++) {
        struct topo t;
        struct err e = ERR_INIT;
        cr_assert(topo_init(&t, 2, shapes[s], false, true, "torus", &e));
        memset(load, 0, sizeof(load));
        walk_all(&t, false, load);
        uint32_t most = 0;
        for (uint32_t c = 0; c < t.nodes * t.ports; c++)
            most = load[c] > most ? load[c] : most;
        cr_assert_float_eq(topo_uniform_load(&t), most / (double)t.nodes, 1e-9, "shape %zu", s);
        topo_fini(&t);
    }
}

Test(route, ties_of_a_transpose_go_both_ways)
{
    for (int64_t k = 4; k <= 8; k += 2) {
        static uint32_t load[64 * 5];
        struct topo t;
        struct err e = ERR_INIT;
        uint32_t sum[4] = { 0 };
        cr_assert(topo_init(&t, 2, (int64_t[]){ k, k }, false, true, "torus", &e));
        memset(load, 0, sizeof(load));
        walk_all(&t, true, load);
        for (uint32_t c = 0; c < t.nodes * 4; c++)
            sum[c % 4] += load[c / 4 * t.ports + c % 4];
        for (uint32_t port = 0; port < 4; port++)
            cr_assert_eq(sum[port], (uint32_t)(k * k / 4), "%ldx%ld, port %u: %u", (long)k, (long)k,
                         port, sum[port]);
        topo_fini(&t);
    }
}

/* Heavy random traffic; every packet arrives by a shortest way. */
static void load(struct mesh_params m, uint64_t number)
{
    static struct oracle_case c;
    oracle_draw(&c, number, false);
    struct topo t;
    struct err e = ERR_INIT;
    cr_assert(mesh_topology(&m, &t, &e), "%s", e.text);
    c.mesh = m;
    c.count = ORACLE_PACKETS;
    uint64_t state_of = number;
    for (uint32_t i = 0; i < c.count; i++)
        c.packets[i] = (struct oracle_packet){ .src = (uint32_t)oracle_below(&state_of, t.nodes),
                                               .dst = (uint32_t)oracle_below(&state_of, t.nodes),
                                               .flits = 1 + (uint32_t)oracle_below(&state_of, 40),
                                               .at = (sim_time)oracle_below(&state_of, 3000) };
    cr_assert(oracle_run(&net_flit, &c), "case %lu", (unsigned long)number);
    for (uint32_t i = 0; i < c.count; i++)
        cr_assert_eq(c.packets[i].hops, topo_distance(&t, c.packets[i].src, c.packets[i].dst) + 1);
    topo_fini(&t);
}

/* ROUTE1. */
Test(route, adaptive_routes_deliver_everything_by_shortest_ways)
{
    for (uint64_t i = 0; i < 40; i++) {
        load(defaults(5, 4, MESH_WEST_FIRST, 1 + (int64_t)i % 3), i);
        load(defaults(4, 6, MESH_ODD_EVEN, 1 + (int64_t)i % 2), i);
        load(defaults(4, 4, MESH_ADAPTIVE, 2 + (int64_t)i % 3), i);
        struct mesh_params m = defaults(5, 4, MESH_XY, 2 + (int64_t)i % 3);
        m.torus = true;
        load(m, i);
    }
}

static void swallow(void *arg, struct net_packet *p, enum net_status status)
{
    (void)arg, (void)p, (void)status;
}

Test(route, without_an_escape_long_worms_deadlock_and_the_circle_is_named)
{
    struct mesh_params m = defaults(4, 4, MESH_ADAPTIVE_UNSAFE, 1);
    m.fifo_flits = 4;
    struct err e = ERR_INIT;
    struct sim *s = sim_create(NULL);
    struct net *n = net_flit.create(s, &m, &e);
    cr_assert(n, "%s", e.text);
    static struct net_packet p[200];
    uint64_t r = 3;
    for (uint32_t i = 0; i < 16; i++)
        net_flit.set_terminal(n, i, &(struct net_terminal){ .receive = swallow });
    for (uint32_t i = 0; i < ARRAY_LEN(p); i++) {
        uint32_t src = (uint32_t)oracle_below(&r, 16);
        p[i] = (struct net_packet){ .src = src, .dst = 15 - src, .flits = 40 };
        net_inject(n, &p[i]);
    }
    cr_assert_eq(sim_run(s), SIM_END_DEADLOCK);
    cr_assert(strstr(sim_deadlock_found(s), ", which closes the circle"));
    char text[2048] = "";
    cr_assert_gt(sim_audit_run(s, text, sizeof(text)), 0);
    cr_assert(strstr(text, "deadlock: packet"), "%s", text);
    cr_assert(strstr(text, "waits for packet"), "%s", text);
    net_flit.destroy(n);
    sim_destroy(s);
}

struct stream {
    struct sim_event event;
    struct net *net;
    struct net_packet packet;
};

/* The next packet as soon as the last is there. */
static void again(void *arg, struct net_packet *p, enum net_status status)
{
    struct stream *f = arg;
    (void)status;
    if (p == &f->packet)
        sim_after(f->net->sim, &f->event, 50 * SIM_NS);
}

static void send_again(struct sim *s, struct sim_event *e)
{
    struct stream *f = CONTAINER_OF(e, struct stream, event);
    f->packet = (struct net_packet){ .src = 10, .dst = 11, .flits = 3, .created = sim_now(s) };
    net_inject(f->net, &f->packet);
}

Test(route, a_deadlock_beside_traffic_that_goes_on_is_found)
{
    /* 4x12: the four columns on the left deadlock as above; 10 sends to 11 for ever. */
    struct mesh_params m = defaults(4, 12, MESH_ADAPTIVE_UNSAFE, 1);
    m.fifo_flits = 4;
    struct err e = ERR_INIT;
    struct sim *s = sim_create(&(struct sim_options){ .time_limit = 20 * SIM_MS });
    struct net *n = net_flit.create(s, &m, &e);
    cr_assert(n, "%s", e.text);
    static struct net_packet p[200];
    static struct stream f;
    uint64_t r = 3;
    f.net = n;
    sim_event_init(&f.event, SIM_CLASS_SOFTWARE, send_again);
    for (uint32_t i = 0; i < 48; i++)
        net_flit.set_terminal(n, i, &(struct net_terminal){ .receive = again, .arg = &f });
    for (uint32_t i = 0; i < ARRAY_LEN(p); i++) {
        uint32_t src = (uint32_t)oracle_below(&r, 16), dst = 15 - src;
        p[i] = (struct net_packet){ .src = src / 4 * 12 + src % 4,
                                    .dst = dst / 4 * 12 + dst % 4,
                                    .flits = 40 };
        net_inject(n, &p[i]);
    }
    sim_at(s, &f.event, 0);
    cr_assert_eq(sim_run(s), SIM_END_DEADLOCK);
    cr_assert(strstr(sim_deadlock_found(s), ", which closes the circle"));
    cr_assert_null(strstr(sim_deadlock_found(s), "10->11"));
    sim_cancel(s, &f.event);
    net_flit.destroy(n);
    sim_destroy(s);
}

Test(route, what_a_fidelity_cannot_do_is_refused_by_name)
{
    static const struct {
        const struct net_ops *ops;
        int route;
        int64_t vcs;
        bool torus;
        const char *says;
    } bad[] = {
        { &net_worm, MESH_ODD_EVEN, 1, false, "kind \"worm\" routes xy or yx" },
        { &net_worm, MESH_XY, 2, false, "one virtual channel" },
        { &net_worm, MESH_XY, 1, true, "has no torus" },
        { &net_ideal, MESH_WEST_FIRST, 1, false, "kind \"ideal\" routes xy or yx" },
        { &net_flit, MESH_XY, 1, true, "at least 2 virtual channels" },
        { &net_flit, MESH_ADAPTIVE, 1, false, "at least 2 virtual channels" },
        { &net_flit, MESH_ODD_EVEN, 2, true, "is for 2-D meshes" },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct mesh_params m = defaults(3, 3, bad[i].route, bad[i].vcs);
        struct err e = ERR_INIT;
        struct sim *s = sim_create(NULL);
        m.torus = bad[i].torus;
        cr_assert_null(bad[i].ops->create(s, &m, &e));
        cr_assert(strstr(e.text, bad[i].says), "%s", e.text);
        sim_destroy(s);
    }
}
