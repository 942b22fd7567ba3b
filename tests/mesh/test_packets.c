/* test_packets.c: what every fidelity owes a packet: clean stamps, an account, its age. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "mesh/mesh.h"
#include "sim/audit.h"

static const struct net_ops *const nets[] = { &net_flit, &net_worm, &net_ideal };

static struct sim *s;
static struct net *n;

static void take(void *arg, struct net_packet *p, enum net_status status)
{
    *(enum net_status *)arg = status;
    (void)p;
}

static void start(const struct net_ops *ops, const struct mesh_params *m, sim_time limit,
                  enum net_status *status)
{
    struct err e = ERR_INIT;
    struct net_describe d;
    s = sim_create(&(struct sim_options){ .time_limit = limit });
    n = ops->create(s, m, &e);
    cr_assert(n, "%s", e.text);
    ops->describe(n, &d);
    for (uint32_t i = 0; i < d.terminals; i++)
        ops->set_terminal(n, i, &(struct net_terminal){ .receive = take, .arg = status });
}

static void stop(void)
{
    n->ops->destroy(n);
    sim_destroy(s);
}

static struct mesh_params line(int64_t columns)
{
    struct mesh_params m;
    struct err e = ERR_INIT;
    cr_assert(param_load(mesh_params_desc, &m, NULL, "mesh", &e), "%s", e.text);
    m.rows = 1;
    m.columns = columns;
    return m;
}

static char calls[64];

static void told(void *arg, struct net_packet *p, enum net_status status)
{
    (void)arg, (void)status;
    snprintf(calls + strlen(calls), sizeof calls - strlen(calls), "r%u ", p->dst);
}

static void told_sent(void *arg, struct net_packet *p)
{
    (void)arg;
    snprintf(calls + strlen(calls), sizeof calls - strlen(calls), "s%u ", p->src);
}

/* Two packets meet nowhere and take the same time; the later source is injected first.  MESH2. */
Test(packets, of_an_instant_are_told_in_order_of_source_and_of_destination)
{
    for (size_t k = 0; k < ARRAY_LEN(nets); k++) {
        struct mesh_params m = line(4);
        struct net_terminal t = { .receive = told, .sent = told_sent };
        start(nets[k], &m, 0, NULL);
        for (uint32_t i = 0; i < 4; i++)
            nets[k]->set_terminal(n, i, &t);
        struct net_packet p = { .src = 2, .dst = 3, .flits = 5 };
        struct net_packet q = { .src = 1, .dst = 0, .flits = 5 };
        calls[0] = '\0';
        net_inject(n, &p);
        net_inject(n, &q);
        cr_assert_eq(sim_run(s), SIM_END_IDLE);
        cr_assert_str_eq(calls, "s1 s2 r0 r3 ", "%s", nets[k]->kind.name);
        stop();
    }
}

Test(packets, stamps_of_an_earlier_trip_do_not_stay)
{
    for (size_t k = 0; k < ARRAY_LEN(nets); k++) {
        struct mesh_params m = line(4);
        enum net_status status = NET_DROPPED_FAULT;
        start(nets[k], &m, 0, &status);
        struct net_packet p = { .src = 0, .dst = 3, .flits = 5 };
        p.blocked = 77;
        p.hops = 99;
        p.dropped = true;
        p.next = &p;
        net_inject(n, &p);
        cr_assert_eq(sim_run(s), SIM_END_IDLE);
        cr_assert_eq(status, NET_OK, "%s", nets[k]->kind.name);
        cr_assert_eq(p.blocked, 0, "%s: %ld", nets[k]->kind.name, (long)p.blocked);
        cr_assert_eq(p.hops, 4, "%s: %u", nets[k]->kind.name, p.hops);
        stop();
    }
}

/* MESH1. */
Test(packets, the_audit_sees_flits_that_appear_inside)
{
    /* The second waits at its source while the first enters; then it grows. */
    for (size_t k = 0; k < 2; k++) {
        struct mesh_params m = line(4);
        enum net_status status;
        char text[1024] = "";
        start(nets[k], &m, 100 * SIM_NS, &status);
        struct net_packet p[2] = { { .dst = 3, .flits = 50 }, { .dst = 3, .flits = 50 } };
        net_inject(n, &p[0]);
        net_inject(n, &p[1]);
        sim_run(s);
        cr_assert_eq(sim_audit_run(s, text, sizeof(text)), 0, "%s: %s", nets[k]->kind.name, text);
        p[1].flits++;
        cr_assert_gt(sim_audit_run(s, text, sizeof(text)), 0, "%s", nets[k]->kind.name);
        cr_assert(strstr(text, "flits"), "%s: %s", nets[k]->kind.name, text);
        p[1].flits--;
        stop();
    }
}

/* A packet from 0 to 3 at 0, 2 and 4 us; a channel or router of its way is dead from 1 to 3. */
struct trip {
    struct sim_event event;
    struct net_packet p;
    enum net_status status;
};

static void depart(struct sim *sim, struct sim_event *e)
{
    (void)sim;
    net_inject(n, &CONTAINER_OF(e, struct trip, event)->p);
}

static void arrived(void *arg, struct net_packet *p, enum net_status got)
{
    (void)arg;
    CONTAINER_OF(p, struct trip, p)->status = got;
}

static void dead_for_a_while(const struct net_ops *net, const char *path, bool entries)
{
    struct mesh_params m = line(4);
    struct err e = ERR_INIT;
    struct trip trips[3];
    struct val *list = val_new(VAL_LIST, NULL, 0);
    for (int i = 0; i <= entries; i++) {
        struct val *fault = val_new(VAL_TABLE, NULL, 0);
        val_put(fault, "path", val_new_string(path, NULL, 0));
        val_put(fault, "at", val_new_string(i == 0 ? "1us" : "3us", NULL, 0));
        if (i == 1)
            val_put(fault, "action", val_new_string("alive", NULL, 0));
        else if (!entries)
            val_put(fault, "after", val_new_string("2us", NULL, 0));
        val_append(list, fault);
    }
    m.faults = list;
    s = sim_create(NULL);
    n = net->create(s, &m, &e);
    cr_assert_not_null(n, "%s", e.text);
    val_free(list);
    n->ops->set_terminal(n, 3, &(struct net_terminal){ .receive = arrived });
    for (int i = 0; i < 3; i++) {
        trips[i] = (struct trip){ .p = { .dst = 3, .flits = 10 }, .status = NET_OK };
        sim_event_init(&trips[i].event, SIM_CLASS_SOFTWARE, depart);
        sim_at(s, &trips[i].event, 2 * i * SIM_US);
    }
    sim_run(s);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(trips[i].status, i == 1 ? NET_DROPPED_FAULT : NET_OK, "%s, %s: trip %d",
                     net->kind.name, path, i);
    stop();
}

Test(packets, are_lost_where_something_is_dead_for_a_while)
{
    for (size_t k = 0; k < ARRAY_LEN(nets); k++)
        for (int entries = 0; entries < 2; entries++) {
            dead_for_a_while(nets[k], "channel (0,1)+x", entries);
            dead_for_a_while(nets[k], "channel (0,3) eject", entries);
            dead_for_a_while(nets[k], "router 2", entries);
        }
}

/* `key` has a value that is no text of it, or is no key. */
static void unreadable_fault(const struct net_ops *net, const char *key)
{
    struct mesh_params m = line(4);
    struct err e = ERR_INIT;
    struct val *list = val_new(VAL_LIST, "x.lua", 3), *fault = val_new(VAL_TABLE, "x.lua", 4);
    val_put(fault, "at", val_new_string("10us", "x.lua", 4));
    val_put(fault, "path", val_new_string("router 1", "x.lua", 4));
    val_put(fault, key, val_new_string("+", "x.lua", 4));
    val_append(list, fault);
    m.faults = list;
    s = sim_create(NULL);
    cr_assert_null(net->create(s, &m, &e), "%s: %s", net->kind.name, key);
    cr_assert(strstr(e.text, "x.lua:4: ") && strstr(e.text, key), "%s", e.text);
    sim_destroy(s);
    val_free(list);
}

Test(packets, faults_that_cannot_be_read_are_refused_by_every_fidelity)
{
    for (size_t k = 0; k < ARRAY_LEN(nets); k++) {
        unreadable_fault(nets[k], "paht");
        unreadable_fault(nets[k], "action");
        unreadable_fault(nets[k], "after");
    }
}

/* On a line of four with two virtual channels 3 sends to 2 before 0 and 1 do.  The old packet has
 * the ejection channel to itself; behind it the two others fill the FIFOs of one input port and
 * compete for it flit by flit, and before that for the channel from 1 to 2. */
static void three(sim_time created_0, sim_time created_1, sim_time got[3])
{
    struct mesh_params m = line(4);
    enum net_status status;
    m.virtual_channels = 2;
    m.arbitration = MESH_AGE;
    start(&net_flit, &m, 0, &status);
    struct net_packet p[3] = {
        { .src = 0, .dst = 2, .flits = 40, .created = created_0 },
        { .src = 1, .dst = 2, .flits = 40, .created = created_1 },
        { .src = 3, .dst = 2, .flits = 40, .created = 0 },
    };
    for (int i = 0; i < 3; i++)
        net_inject(n, &p[i]);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    for (int i = 0; i < 3; i++)
        got[i] = p[i].delivered;
    stop();
}

Test(packets, by_age_all_flits_of_the_older_go_first_on_virtual_channels_too)
{
    sim_time got[3], train = 400 * SIM_NS; /* 40 flits */
    three(10, 20, got);
    cr_assert_eq(got[0] - got[2], train, "%ld", (long)(got[0] - got[2]));
    cr_assert_eq(got[1] - got[0], train, "%ld", (long)(got[1] - got[0]));
    three(20, 10, got);
    cr_assert_eq(got[1] - got[2], train, "%ld", (long)(got[1] - got[2]));
    cr_assert_eq(got[0] - got[1], train, "%ld", (long)(got[0] - got[1]));
    three(10, 10, got); /* of one age: flit by flit in turn */
    cr_assert_eq(got[0] > got[1] ? got[0] : got[1], got[2] + 2 * train);
    cr_assert_leq(labs((long)(got[0] - got[1])), 10 * SIM_NS);
}

/* ---- the order of a pair ---- */

#define PAIRS 16

static uint64_t last[PAIRS * PAIRS], overtaken;

static void in_turn(void *arg, struct net_packet *p, enum net_status status)
{
    (void)arg, (void)status;
    uint64_t *before = &last[p->src * PAIRS + p->dst];
    overtaken += p->user < *before;
    *before = p->user > *before ? p->user : *before;
}

static uint64_t draw(uint64_t *x, uint64_t below)
{
    *x = *x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*x >> 33) % below;
}

/* How many of 500 packets to few terminals were overtaken by a later one of their pair. */
static uint64_t overtaking(const struct net_ops *ops, const struct mesh_params *m, uint64_t seed)
{
    static struct trip trips[500];
    uint64_t x = seed;
    enum net_status status;
    start(ops, m, 0, &status);
    memset(last, 0, sizeof last);
    overtaken = 0;
    for (uint32_t i = 0; i < PAIRS; i++)
        ops->set_terminal(n, i, &(struct net_terminal){ .receive = in_turn });
    for (uint32_t i = 0; i < ARRAY_LEN(trips); i++) {
        struct trip *t = &trips[i];
        *t = (struct trip){ .p = { .user = i + 1 } };
        sim_event_init(&t->event, SIM_CLASS_SOFTWARE, depart);
        t->p.src = (uint32_t)draw(&x, 4);
        t->p.dst = (uint32_t)(PAIRS - 1 - draw(&x, 3));
        t->p.flits = 1 + (uint32_t)draw(&x, 60);
        sim_at(s, &t->event, i * 100 * SIM_NS);
    }
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    stop();
    return overtaken;
}

/* NET2: packets of a pair overtake each other where the network says that they may, and nowhere
 * else. */
Test(packets, of_a_pair_overtake_each_other_where_the_network_says_so)
{
    static const struct {
        const struct net_ops *ops;
        int route;
        int64_t channels;
        bool torus, overtakes;
    } cases[] = {
        { &net_flit, MESH_XY, 1, false, false },
        { &net_flit, MESH_YX, 1, false, false },
        { &net_flit, MESH_XY, 2, false, true },
        { &net_flit, MESH_XY, 2, true, true },
        { &net_flit, MESH_WEST_FIRST, 1, false, true },
        { &net_flit, MESH_ODD_EVEN, 1, false, true },
        { &net_flit, MESH_ADAPTIVE, 2, false, true },
        { &net_worm, MESH_XY, 1, false, false },
        { &net_ideal, MESH_XY, 1, false, false },
        { &net_ideal, MESH_XY, 4, true, false },
    };
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        struct mesh_params m = line(4);
        struct net_grid g;
        uint64_t all = 0;
        m.rows = 4;
        m.route = cases[k].route;
        m.virtual_channels = cases[k].channels;
        m.torus = cases[k].torus;
        m.fifo = MESH_FIFO_EMPTY;
        cases[k].ops->grid(&m, &g);
        for (uint64_t seed = 1; seed <= 4; seed++)
            all += overtaking(cases[k].ops, &m, seed);
        cr_assert_eq(g.overtakes, cases[k].overtakes, "case %zu", k);
        cr_assert_eq(all > 0, g.overtakes, "case %zu: %lu overtaken", k, (unsigned long)all);
    }
}
