/* test_networks.c: a machine on several networks: who is on which, their names and prices. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "sim/counts.h"
#include "tests/three_ports.h"

#define US SIM_US

static struct val *table(struct val *in, const char *key)
{
    struct val *v = val_new(VAL_TABLE, NULL, 0);
    if (in)
        val_put(in, key, v);
    return v;
}

static struct val *named(struct val *networks, const char *name, const char *kind)
{
    struct val *n = table(networks, name);
    val_put(n, "kind", val_new_string(kind, NULL, 0));
    return n;
}

/* A mesh of all six nodes, a cable of nodes 4, 1 and 2 in this order, a ring of the I/O nodes. */
static struct val *three(struct rig *r)
{
    rig_init(r, 2, 3);
    rig_set_int(r, "io_nodes", 2);
    rig_set_bool(r, "service_node", false);
    rig_set(r, "nic.mtu", "1500B");
    rig_set(r, "nic.packet_bytes", "1500B");
    r->reg.nets = &net_kinds;
    struct val *networks = table(r->spec, "networks");
    struct val *cable = named(networks, "cable", "ethernet"), *list = val_new(VAL_LIST, NULL, 0);
    static const int on[] = { 4, 1, 2 };
    for (size_t i = 0; i < ARRAY_LEN(on); i++)
        val_append(list, val_new_int(on[i], NULL, 0));
    val_put(cable, "nodes", list);
    val_put(table(cable, "nic"), "header_flits", val_new_int(18, NULL, 0));
    named(networks, "mesh", "worm");
    struct val *ring = named(networks, "ring", "ethernet");
    val_put(ring, "nodes", val_new_string("io", NULL, 0));
    val_put(table(ring, "nic"), "header_flits", val_new_int(18, NULL, 0));
    return networks;
}

/* ---- who is where ---- */

static char seen[6][64];
static struct port_end *ends[6][3];
static unsigned heard[6][3];
static uint64_t from_station;
static uint32_t from_host;
static sim_time took[6];
static struct port *ports[6];

struct place {
    uint32_t node, ifc;
};
static struct place places[6][3];

static void hear(void *arg, uint64_t from, unsigned flags, struct rope *frame)
{
    const struct place *at = arg;
    struct port *p = ports[at->node];
    (void)flags;
    heard[at->node][at->ifc]++;
    from_station = from;
    cr_expect(port_if_host(p, at->ifc, from, &from_host));
    sim_time before = port_now(p);
    port_end_in(ends[at->node][at->ifc], frame->length);
    took[at->node] = port_now(p) - before;
}
static const struct port_end_ops ops = { .receive = hear };

static void say(uint32_t node, uint32_t ifc, uint64_t to, unsigned flags)
{
    struct rope f;
    rope_init(&f);
    rope_add_pattern(&f, 1, 0, 1000);
    cr_expect_eq(port_end_send(ends[node][ifc], to, flags, &f), PORT_IF_OK);
    rope_fini(&f);
}

static void boot(struct port *p, const struct os_layout *l)
{
    uint32_t me = port_node(p);
    enum port_if_result why;
    (void)l;
    ports[me] = p;
    seen[me][0] = '\0';
    for (uint32_t i = 0; i < port_if_count(p); i++) {
        struct port_if_info info;
        uint64_t of1;
        port_if_describe(p, i, &info);
        bool there = port_if_station(p, i, 1, &of1);
        size_t n = strlen(seen[me]);
        snprintf(seen[me] + n, sizeof seen[me] - n, "%s %lu%s%s; ", info.name, info.station,
                 info.broadcast ? " all" : "", there ? " 1" : "");
        places[me][i] = (struct place){ me, i };
        ends[me][i] = port_end_open(p, i, NULL, 0, &ops, &places[me][i], &why);
        cr_assert_not_null(ends[me][i]);
    }
    cr_expect_null(port_end_open(p, port_if_count(p), NULL, 0, &ops, NULL, &why));
    cr_expect_eq(why, PORT_IF_NONE);
}

Test(networks, a_node_has_an_interface_to_each_network_that_it_is_on)
{
    struct rig r;
    three(&r);
    rig_open(&r, boot);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_expect_str_eq(seen[0], "mesh 0 1; ");
    cr_expect_str_eq(seen[1], "cable 1 all 1; mesh 1 1; ");
    cr_expect_str_eq(seen[4], "cable 0 all 1; mesh 4 1; ");
    /* I/O nodes are in the last column: 2 and 5. */
    cr_expect_str_eq(seen[2], "cable 2 all 1; mesh 2 1; ring 0 all; ");
    cr_expect_str_eq(seen[5], "mesh 5 1; ring 1 all; ");
    rig_close(&r);
}

static struct port_timer timer;
static void talk(struct port_timer *t)
{
    (void)t;
    say(2, 0, 0, 0);        /* over the cable to node 4, its station 0 */
    say(2, 1, 4, 0);        /* over the mesh to node 4 */
    say(2, 2, 0, PORT_ALL); /* to all on the ring: node 5 */
}

static void boot_talk(struct port *p, const struct os_layout *l)
{
    boot(p, l);
    if (port_node(p) == 2) {
        port_timer_init(p, &timer, talk, NULL);
        port_timer_set(&timer, US);
    }
}

/* Which of these accounts there are. */
static const char *const accounts[] = { "cable.cable", "ring.cable", "mesh.channel (0,0)+x",
                                        "cable", "channel (0,0)+x" };
static void look(void *arg, const struct sim_busy *b)
{
    unsigned *found = arg;
    for (size_t i = 0; i < ARRAY_LEN(accounts); i++)
        found[i] += strcmp(b->name, accounts[i]) == 0;
}

Test(networks, each_carries_its_own_at_its_own_price_under_its_own_name)
{
    struct rig r;
    unsigned found[ARRAY_LEN(accounts)] = { 0 };
    memset(heard, 0, sizeof heard);
    struct val *networks = three(&r);
    struct val *prices = table((struct val *)(uintptr_t)val_get(networks, "cable"), "prices");
    val_put(table(prices, "frame_in"), "each", val_new_string("7us", NULL, 0));
    rig_set(&r, "prices.frame_in.each", "3us");
    rig_set(&r, "prices.frame_bytes.each", "1ns");
    rig_open(&r, boot_talk);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_expect_eq(heard[4][0], 1);
    cr_expect_eq(heard[4][1], 1);
    cr_expect_eq(heard[5][1], 1);
    cr_expect_eq(heard[2][2], 0, "not to itself");
    cr_expect_eq(took[5], 4 * US, "the machine's price, for the ring says nothing");
    cr_expect_eq(took[4], 8 * US, "the cable's, on which the last frame came");
    sim_busy_each(r.sim, look, found);
    for (size_t i = 0; i < ARRAY_LEN(accounts); i++)
        cr_expect_eq(found[i], i < 3, "%s", accounts[i]);
    rig_close(&r);
}

static void one_dies(struct rig *r, const char *path)
{
    struct val *f = val_new(VAL_TABLE, NULL, 0), *list = val_new(VAL_LIST, NULL, 0);
    val_put(f, "path", val_new_string(path, NULL, 0));
    val_put(f, "at", val_new_string("0", NULL, 0));
    val_append(list, f);
    val_put(r->spec, "faults", list);
}

/* Its channels die by its name, and its frames alone may be lost. */
Test(networks, what_dies_is_of_one_network)
{
    struct rig r;
    struct err e = ERR_INIT;
    struct port_if_info cable, mesh;
    memset(heard, 0, sizeof heard);
    three(&r);
    one_dies(&r, "mesh.router 4");
    rig_open(&r, boot_talk);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    port_if_describe(ports[4], 0, &cable);
    port_if_describe(ports[4], 1, &mesh);
    cr_expect_not(mesh.reliable);
    cr_expect_eq(heard[4][0], 1);
    cr_expect_eq(heard[4][1], 0, "its router is dead");
    rig_close(&r);
    memset(heard, 0, sizeof heard);
    three(&r);
    one_dies(&r, "cable.cable");
    rig_open(&r, boot_talk);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    port_if_describe(ports[4], 1, &mesh);
    cr_expect(mesh.reliable);
    cr_expect_eq(heard[4][0], 0, "the cable is down");
    cr_expect_eq(heard[4][1], 1);
    rig_close(&r);
    three(&r);
    one_dies(&r, "router 4");
    rig_refused(&r, &e);
    cr_expect(strstr(e.text, "router 4"), "%s", e.text);
}

/* ---- captures ---- */

/* From station 2 of the cable to its station 0, and with the address of another. */
static const uint8_t own[] = { 2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 8, 0, 'x' };
static const uint8_t other[] = { 2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 8, 0, 'y' };

static void utter(const uint8_t *octets, size_t n, unsigned flags)
{
    struct rope f;
    rope_init(&f);
    rope_add_bytes(&f, octets, n);
    cr_expect_eq(port_end_send(ends[2][0], 0, flags, &f), PORT_IF_OK);
    rope_fini(&f);
}

static void utter_all(struct port_timer *t)
{
    (void)t;
    utter(own, sizeof own, 0);
    utter(other, sizeof other, 0);
    utter(own, sizeof own, PORT_ALL);
    utter(own, 5, 0);
}

static void boot_utter(struct port *p, const struct os_layout *l)
{
    boot(p, l);
    if (port_node(p) == 2) {
        port_timer_init(p, &timer, utter_all, NULL);
        port_timer_set(&timer, US);
    }
}

/* A frame with the addresses of its two stations is written as it is, any other behind a header. */
Test(networks, a_capture_gives_a_header_to_frames_that_have_none)
{
    static const uint8_t made[] = { 2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0x88, 0xb5 };
    static const uint8_t all[] = { 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 2, 0x88, 0xb5 };
    static const struct {
        const uint8_t *header, *frame;
        uint8_t length;
    } want[] = { { NULL, own, 15 }, { made, other, 15 }, { all, own, 15 }, { made, own, 5 } };
    struct rig r;
    struct err e = ERR_INIT;
    char *sent, *got;
    size_t sent_size, got_size;
    FILE *out = open_memstream(&sent, &sent_size), *in = open_memstream(&got, &got_size);
    three(&r);
    rig_open(&r, boot_utter);
    cr_assert(machine_capture(r.m, "2.cable", out, &e), "%s", e.text);
    cr_assert(machine_capture(r.m, "compute.cable", in, &e), "%s", e.text);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    captures_end(r.m);
    fclose(out);
    fclose(in);
    size_t at = 24, one_more = 16 + sizeof all + sizeof own;
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        size_t header = want[i].header ? sizeof made : 0, n = header + want[i].length;
        cr_assert_geq(sent_size, at + 16 + n);
        cr_expect_eq((size_t)sent[at + 11], n, "frame %zu", i);
        if (header > 0)
            cr_expect_arr_eq(sent + at + 16, want[i].header, header, "frame %zu", i);
        cr_expect_arr_eq(sent + at + 16 + header, want[i].frame, want[i].length, "frame %zu", i);
        at += 16 + n;
    }
    cr_expect_eq(sent_size, at);
    cr_expect_eq(got_size, at + one_more, "what was to all came to two of them");
    free(sent);
    free(got);
    rig_close(&r);
}

/* ---- many ---- */

#define SIDE 64
#define MANY (SIDE * SIDE)
static unsigned came[MANY];

static void count_frame(void *arg, uint64_t from, unsigned flags, struct rope *frame)
{
    const struct port *p = arg;
    (void)from, (void)flags, (void)frame;
    came[port_node(p)]++;
}
static const struct port_end_ops count_ops = { .receive = count_frame };

/* Each sends to its neighbour over the mesh, every 256th to the next such over the cable. */
static void boot_many(struct port *p, const struct os_layout *l)
{
    uint32_t me = port_node(p);
    enum port_if_result why;
    (void)l;
    cr_assert_eq(port_if_count(p), 2);
    for (uint32_t i = 0; i < 2; i++) {
        struct port_end *e = port_end_open(p, i, NULL, 0, &count_ops, p, &why);
        struct rope f;
        cr_assert_not_null(e);
        if (i == 0 && me % 256 != 0)
            continue;
        rope_init(&f);
        rope_add_pattern(&f, 1, 0, 100);
        uint64_t to = (me + (i == 0 ? 256 : 1)) % MANY;
        cr_assert_eq(port_end_send(e, to, 0, &f), PORT_IF_OK);
    }
}

Test(networks, four_thousand_nodes_have_two_interfaces_each)
{
    struct rig r;
    rig_init(&r, SIDE, SIDE);
    rig_set(&r, "nic.packet_bytes", "1500B");
    r.reg.nets = &net_kinds;
    struct val *networks = table(r.spec, "networks");
    val_put(table(named(networks, "cable", "ethernet"), "nic"), "header_flits",
            val_new_int(18, NULL, 0));
    named(networks, "mesh", "ideal");
    rig_open(&r, boot_many);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    for (uint32_t i = 0; i < MANY; i++)
        cr_expect_eq(came[i], i % 256 == 0 ? 2 : 1, "node %u", i);
    rig_close(&r);
}

/* ---- what cannot be ---- */

static void refused(const char *network, const char *key, struct val *v, const char *part)
{
    struct rig r;
    struct err e = ERR_INIT;
    char path[64];
    three(&r);
    snprintf(path, sizeof path, "networks.%s.%s", network, key);
    cr_assert(val_set_path(r.spec, path, v, &e), "%s", e.text);
    rig_refused(&r, &e);
    cr_expect(strstr(e.text, part), "%s", e.text);
}

static struct val *nodes(int a, int b)
{
    struct val *list = val_new(VAL_LIST, NULL, 0);
    val_append(list, val_new_int(a, NULL, 0));
    val_append(list, val_new_int(b, NULL, 0));
    return list;
}

Test(networks, mistakes_get_a_sentence)
{
    refused("ring", "nodes", nodes(3, 6), "machine.networks.ring.nodes[2] must be a node, 0 to 5");
    refused("ring", "nodes", nodes(3, 3), "nodes[2]: node 3 is on it already");
    refused("ring", "nodes", val_new_string("oi", NULL, 0), "there is no group of nodes 'oi'");
    refused("ring", "nodes", val_new_int(3, NULL, 0), "not 'all', a group of nodes, or a list");
    refused("ring", "kind", val_new_string("token", NULL, 0), "there is no network 'token'");
    refused("ring", "lenth", val_new_int(3, NULL, 0), "did you mean 'length'?");
    refused("ring", "stations", val_new_int(3, NULL, 0),
            "has room for 3 nodes, but it has 2 on it");
    refused("a_name_of_many_letters", "kind", val_new_string("worm", NULL, 0),
            "longer than 15 letters");
    struct val *p = table(NULL, NULL);
    val_put(table(p, "trap"), "each", val_new_string("1us", NULL, 0));
    refused("ring", "prices", p, "prices.trap: at a network only frame_out");
    struct rig r;
    struct err e = ERR_INIT;
    three(&r);
    rig_set(&r, "network.model", "worm");
    rig_refused(&r, &e);
    cr_expect(strstr(e.text, "has no place beside it"), "%s", e.text);
    e = (struct err)ERR_INIT;
    three(&r);
    rig_set_int(&r, "io_nodes", 0);
    rig_refused(&r, &e);
    cr_expect(strstr(e.text, "the group 'io' has no nodes"), "%s", e.text);
}

/* ---- one program on three ports (tests/three_ports.h) ---- */

static struct three_got got_three[2];
static uint64_t three_counted[THREE_COUNTERS];

static void three_scalar(void *arg, const char *name, const char *unit, double value,
                         double half_width, unsigned flags)
{
    const struct three_counter *c = arg;
    (void)unit, (void)half_width, (void)flags;
    for (int i = 0; i < THREE_COUNTERS; i++)
        if (strcmp(c[i].name, name) == 0)
            three_counted[i] += (uint64_t)value;
}

Test(networks, a_program_over_tcp_and_udp_gets_what_it_gets_on_the_other_ports)
{
    static const struct workload_ops program = { .kind = { .name = "three" }, .main = three_main };
    struct three_counter c[THREE_COUNTERS];
    struct err e = ERR_INIT;
    struct rig r;
    rig_init(&r, 1, 2);
    r.reg.nets = &net_kinds;
    rig_set(&r, "networks.lan.kind", "ethernet");
    rig_set(&r, "networks.lan.nic.mtu", THREE_FRAME);
    rig_set(&r, "networks.lan.nic.packet_bytes", THREE_FRAME);
    rig_set_int(&r, "networks.lan.nic.header_flits", 4); /* the check sequence */
    val_put(r.spec, "graph", three_graph());
    rig_os(&r);
    rig_open(&r, NULL);
    cr_assert(rig_load(&r, &program, got_three, &e), "%s", e.text);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    three_expect((struct three_got[2]){ { 0 } }, c);
    sim_counts_write(r.sim, &(struct sim_result_sink){ .arg = c, .scalar = three_scalar });
    three_check(got_three, three_counted);
    rig_close(&r);
}
