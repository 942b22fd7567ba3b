/* test_machine.c: machines from parameters: who is where, refusals, flatten, size. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"
#include "tests/ends.h"

Test(machine, puts_io_nodes_in_the_last_column_and_the_service_node_beside_them)
{
    struct rig r;
    rig_init(&r, 16, 32);
    rig_set_int(&r, "io_nodes", 16);
    rig_open(&r, NULL);
    const struct os_layout *l = machine_layout(r.m);
    cr_expect_eq(l->nodes, 512);
    cr_expect_eq(l->io_count, 16);
    for (uint32_t i = 0; i < 16; i++)
        cr_expect_eq(l->io[i], i * 32 + 31);
    cr_expect_eq(l->service, 30);
    cr_expect_eq(l->compute_count, 512 - 17);
    cr_expect_eq(l->compute[0], 0);
    cr_expect_eq(l->compute[30], 32);
    rig_close(&r);
}

Test(machine, spreads_few_io_nodes_evenly)
{
    struct rig r;
    rig_init(&r, 7, 3);
    rig_set_int(&r, "io_nodes", 3);
    rig_open(&r, NULL);
    const struct os_layout *l = machine_layout(r.m);
    /* Middles of three parts of 7 rows: 7/6, 21/6, 35/6. */
    cr_expect_eq(l->io[0], 1 * 3 + 2);
    cr_expect_eq(l->io[1], 3 * 3 + 2);
    cr_expect_eq(l->io[2], 5 * 3 + 2);
    cr_expect_eq(l->service, 1);
    rig_close(&r);
}

Test(machine, takes_more_columns_when_there_are_more_io_nodes_than_rows)
{
    struct rig r;
    rig_init(&r, 3, 5);
    rig_set_int(&r, "io_nodes", 8);
    rig_open(&r, NULL);
    const struct os_layout *l = machine_layout(r.m);
    cr_expect_eq(l->io_count, 8);
    for (uint32_t row = 0; row < 3; row++)
        for (uint32_t column = 3; column < 5; column++) {
            uint32_t i = 0;
            while (i < 8 && l->io[i] != row * 5 + column)
                i++;
            cr_expect_lt(i, 8);
        }
    cr_expect_eq(machine_layout(r.m)->service, 1);
    cr_expect_eq(machine_layout(r.m)->compute_count, 6);
    rig_close(&r);
}

Test(machine, ranks_compute_nodes_as_the_mapping_says)
{
    /* 3 rows of 4: I/O in the middle of the last column, 7; the service node is 2. */
    static const struct {
        const char *mapping;
        uint32_t rank[10];
    } maps[] = {
        { "row", { 0, 1, 3, 4, 5, 6, 8, 9, 10, 11 } },
        { "column", { 0, 4, 8, 1, 5, 9, 6, 10, 3, 11 } },
        { "snake", { 0, 1, 3, 6, 5, 4, 8, 9, 10, 11 } },
        { "list", { 11, 9, 8, 10, 6, 5, 4, 3, 1, 0 } },
    };
    for (size_t k = 0; k < ARRAY_LEN(maps); k++) {
        struct rig r;
        struct err e = ERR_INIT;
        struct val *list = val_new(VAL_LIST, NULL, 0);
        rig_init(&r, 3, 4);
        rig_set_int(&r, "io_nodes", 1);
        for (size_t i = 0; i < 10; i++)
            val_append(list, val_new_int(maps[k].rank[i], NULL, 0));
        cr_assert(val_set_path(r.spec, "mapping_list", list, &e));
        cr_assert(val_set_path(r.spec, "mapping", val_new_string(maps[k].mapping, NULL, 0), &e));
        rig_open(&r, NULL);
        cr_expect_eq(machine_layout(r.m)->service, 2);
        for (size_t i = 0; i < 10; i++)
            cr_expect_eq(machine_layout(r.m)->compute[i], maps[k].rank[i], "%s, rank %zu: %u",
                         maps[k].mapping, i, machine_layout(r.m)->compute[i]);
        rig_close(&r);
    }
}

Test(machine, of_one_node_is_a_machine)
{
    struct rig r;
    rig_init(&r, 1, 1);
    rig_open(&r, NULL);
    cr_expect_eq(machine_layout(r.m)->compute_count, 1);
    cr_expect_eq(machine_layout(r.m)->service, 0);
    cr_expect_eq(rig_run(&r), SIM_END_IDLE);
    rig_close(&r);
}

static void refused(const char *path, struct val *v, const char *sentence)
{
    struct rig r;
    struct err e = ERR_INIT, ignored = ERR_INIT;
    rig_init(&r, 2, 3);
    cr_assert(val_set_path(r.spec, path, v, &ignored));
    rig_refused(&r, &e);
    cr_expect(strstr(e.text, sentence) != NULL, "'%s' is not in: %s", sentence, e.text);
}

Test(machine, that_cannot_be_is_refused_in_a_sentence)
{
    refused("rows", val_new_int(0, NULL, 0), "machine.rows");
    refused("colums", val_new_int(3, NULL, 0), "columns");
    refused("io_nodes", val_new_int(5, NULL, 0), "machine.io_nodes");
    refused("io_nodes", val_new_int(6, NULL, 0), "room for at most 4");
    refused("mapping", val_new_string("list", NULL, 0), "machine.mapping_list must be a list of 6");
    refused("mapping", val_new_string("snail", NULL, 0), "snake");
    refused("network.model", val_new_string("wirr", NULL, 0), "wire");
    refused("network.model", val_new_int(3, NULL, 0), "must be a name in quotes");
    refused("network.rows", val_new_int(3, NULL, 0), "room for 9 nodes");
    refused("network.speed", val_new_int(3, NULL, 0), "speed");
    refused("prices.copy.rate", val_new_int(3, NULL, 0), "machine.prices.copy.rate");
    refused("prices.fly.each", val_new_int(3, NULL, 0), "fly");
    refused("node.upcall_cpu", val_new_string("coprocesor", NULL, 0), "coprocessor");
    refused("nodes.io.prices.copy.rats", val_new_int(3, NULL, 0),
            "machine.nodes.io.prices.copy.rats is not a parameter, did you mean 'rate'?");
    refused("nodes.io.price.copy.rate", val_new_int(3, NULL, 0), "did you mean 'prices'?");
    refused("nodes.old.node.preempt", val_new_bool(false, NULL, 0), "first or last says how many");
    struct val *list = val_new(VAL_LIST, NULL, 0), *f = val_new(VAL_TABLE, NULL, 0);
    val_put(f, "path", rig_node(6));
    val_append(list, f);
    refused("faults", list, "there is nothing 'node 6' that can fail");
}

/* ---- groups ---- */

static sim_time copied[6], charged[6];

static void copies(void *arg)
{
    struct port *p = arg;
    sim_time from = port_now(p);
    port_work(p, PORT_WORK_COPY, 10);
    port_pay(p);
    copied[port_node(p)] = port_now(p) - from;
    from = port_now(p);
    port_work(p, PORT_WORK_TRAP, 1);
    port_pay(p);
    charged[port_node(p)] = port_now(p) - from;
}

static void boot_copies(struct port *p, const struct os_layout *l)
{
    (void)l;
    port_thread_spawn(p, "copies", copies, p, 0);
}

/* Over the machine's, price by price; of two groups of a node the later counts. */
Test(machine, has_groups_of_nodes_with_prices_and_cpus_of_their_own)
{
    struct rig r;
    rig_init(&r, 2, 3);
    rig_set_int(&r, "io_nodes", 1);
    rig_set(&r, "prices.copy.fixed", "5us");
    rig_set(&r, "prices.copy.each", "1us");
    rig_set(&r, "prices.trap.each", "2us");
    rig_set_bool(&r, "nodes.compute.node.coprocessor", false);
    rig_set_int(&r, "nodes.old.last", 1);
    rig_set(&r, "nodes.old.prices.copy.each", "3us");
    rig_set_int(&r, "nodes.plain.last", 2);
    struct val *io = val_new_real(2, NULL, 0);
    struct err e = ERR_INIT;
    cr_assert(val_set_path(r.spec, "nodes.io.prices.scale", io, &e));
    rig_open(&r, boot_copies);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    const struct os_layout *l = machine_layout(r.m);
    for (uint32_t i = 0; i < 6; i++) {
        bool old = i == l->compute[l->compute_count - 1], slow = i == l->io[0];
        cr_expect_eq(copied[i], (old ? 35 : slow ? 30 : 15) * SIM_US, "node %u", i);
        cr_expect_eq(charged[i], (slow ? 4 : 2) * SIM_US, "node %u", i);
        cr_expect_eq(r.m->nodes[i].own->node.coprocessor, old || slow || i == l->service);
    }
    rig_close(&r);
}

/* ---- flatten ---- */

static uint64_t frames_seen;

static void bounce(void *arg, uint64_t src, unsigned flags, struct rope *frame)
{
    (void)flags;
    struct port *p = arg;
    if (++frames_seen >= 40)
        return;
    struct rope back;
    rope_move(&back, frame);
    rope_add_pattern(&back, 17, frames_seen * 31, 50);
    rope_drop_front(&back, 20);
    port_work(p, PORT_WORK_COPY, back.length);
    port_delivered(p, back.length, rope_hash(&back));
    cr_expect_eq(end_send(p, (uint32_t)src, 0, &back), PORT_IF_OK);
}

static void boot_bounce(struct port *p, const struct os_layout *l)
{
    (void)l;
    uint32_t me = port_node(p);
    static const struct port_end_ops ops = { .receive = bounce };
    end_open(p, &ops, p);
    if (me == 1)
        return;
    struct rope f;
    rope_init(&f);
    rope_add_bytes(&f, "a header", 8);
    rope_add_zero(&f, 100);
    rope_add_pattern(&f, 3, 1000, 300);
    cr_expect_eq(end_send(p, 1, 0, &f), PORT_IF_OK);
}

static void bounce_digest(bool flatten, uint64_t seed_of_data, char out[33])
{
    struct rig r;
    rig_init(&r, 1, 2);
    rig_set(&r, "prices.copy.rate", "61MB/s");
    rig_set(&r, "prices.interrupt.each", "3us");
    (void)seed_of_data;
    frames_seen = 0;
    rig_open(&r, boot_bounce);
    machine_set_flatten(r.m, flatten);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_expect_eq(frames_seen, 40);
    sim_digest_text(r.sim, out);
    cr_expect_gt(sim_digest_records(r.sim, SIM_WAIST_MESSAGE), 70);
    rig_close(&r);
}

Test(machine, flattened_at_node_boundaries_does_the_same)
{
    char plain[33], flat[33];
    bounce_digest(false, 1, plain);
    bounce_digest(true, 1, flat);
    cr_expect_str_eq(plain, flat);
}

Test(machine, of_four_thousand_nodes_is_small)
{
    struct rig r;
    rig_init(&r, 64, 64);
    rig_set_int(&r, "io_nodes", 0);
    rig_open(&r, NULL);
    cr_expect_eq(rig_run(&r), SIM_END_IDLE);
    /* What a node itself takes; its interface and its operating system have budgets of their own.
     */
    cr_expect_leq(sizeof(struct node) + sizeof(struct port), 2048);
    rig_close(&r);
}
