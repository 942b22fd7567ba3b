/* test_groups.c: groups of nodes of their own kind under real programs: byte orders, memory, and
 * what results say of groups.
 *
 * Oracles: the words of headers and numbers, counted by hand from the wire formats; a machine whose
 * nodes have the same by other groups.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "os/nx/nx.h"
#include "os/vm/vm.h"
#include "rig.h"
#include "workloads/pingpong.h"

/* Of a message without data: NX's header of 24 bytes, RDM's of 4 and its credit, the driver's. */
enum { WORDS = (24 + 4 + 4 + 8) / 4 };

static struct val *instance(const char *name, const char *protocol, const char *below)
{
    struct val *v = val_new(VAL_TABLE, NULL, 0), *list = val_new(VAL_LIST, NULL, 0);
    val_put(v, "name", val_new_string(name, NULL, 0));
    val_put(v, "protocol", val_new_string(protocol, NULL, 0));
    if (below != NULL)
        val_append(list, val_new_string(below, NULL, 0));
    val_put(v, "below", list);
    return v;
}

/* Nodes in a row, with NX; a word that is swapped takes a microsecond, and other work no time. */
static void begin(struct rig *r, int nodes)
{
    struct val *graph = val_new(VAL_LIST, NULL, 0);
    rig_init(r, 1, nodes);
    rig_os(r);
    rig_set(r, "nic.mtu", "2088B");
    rig_set(r, "prices.swap.each", "1us");
    val_append(graph, instance("mesh", "driver", NULL));
    val_append(graph, instance("rdm", "rdm", "mesh"));
    val_append(graph, instance("nx", "nx", "rdm"));
    val_put(r->spec, "graph", graph);
}

static sim_time busy(const struct rig *r, uint32_t node)
{
    return sim_busy_time(&r->m->nodes[node].cpu.busy, sim_now(r->sim));
}

/* ---- headers ---- */

static sim_time swapped; /* by the last node in the run, messages of both ways */

/* The time of a message to and fro; `size` is what it carries. */
static sim_time way(const char *first, const char *last, const char *size, char digest[33])
{
    struct rig r;
    struct val *p = val_new(VAL_TABLE, NULL, 0);
    begin(&r, 2);
    rig_set(&r, "node.byte_order", first);
    rig_set_int(&r, "nodes.work.last", 1);
    rig_set(&r, "nodes.work.node.byte_order", last);
    val_put(p, "rounds", val_new_int(3, NULL, 0));
    val_put(p, "size", val_new_string(size, NULL, 0));
    void *params = rig_start(&r, &workload_pingpong, NULL, p);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    struct sim_measure *m = sim_measure_find(r.sim, "one_way");
    sim_time mean = sim_time_from_seconds(sim_measure_mean(m));
    sim_digest_text(r.sim, digest);
    swapped = busy(&r, 1);
    rig_close(&r);
    free(params);
    val_free(p);
    return mean;
}

Test(groups, a_little_endian_node_swaps_the_words_of_headers)
{
    char none[33], one[33], both[33];
    sim_time plain = way("big", "big", "0B", none);
    cr_expect_eq(way("big", "little", "0B", one) - plain, WORDS * SIM_US);
    cr_expect_eq(way("little", "little", "0B", both) - plain, 2 * WORDS * SIM_US);
    cr_expect_str_neq(none, one);
    cr_expect_str_neq(one, both);
}

/* What a program sends is bytes: of 1,250 words none is swapped, but headers of three frames, of
 * which the first alone has NX's. */
Test(groups, data_of_programs_are_not_swapped)
{
    char digest[33];
    sim_time plain = way("big", "big", "5kB", digest);
    sim_time more = way("little", "little", "5kB", digest) - plain;
    cr_expect_geq(more, (WORDS + 4) * SIM_US); /* the first frame sent, the last received */
    cr_expect_eq(swapped, 3 * 2 * (6 + 3 * 4) * SIM_US, "%ld", swapped);
}

/* ---- numbers ---- */

enum { NUMBERS = 50 };
static double summed[3][NUMBERS];

static void sums(struct os_node *n, const struct program *me)
{
    struct nx *nx = os_find(n, &nx_service);
    cr_assert_not_null(nx);
    for (uint32_t i = 0; i < NUMBERS; i++)
        summed[me->rank][i] = (double)(me->rank + 1) * (i + 0.1);
    cr_assert_eq(nx_gdsum(nx, summed[me->rank], NUMBERS), NX_OK);
}

/* Rank 2 gives rank 0 its part, 0 and 1 exchange theirs, and 2 gets the sum: ranks 1 and 2 are
 * little-endian, and each sends and receives one message. */
Test(groups, numbers_of_the_other_order_are_made_right_by_their_receiver)
{
    static const struct workload_ops ops = { .kind.name = "sums", .main = sums };
    struct rig r;
    struct val *none = val_new(VAL_TABLE, NULL, 0);
    begin(&r, 3);
    rig_set_int(&r, "nodes.work.last", 2);
    rig_set(&r, "nodes.work.node.byte_order", "little");
    void *params = rig_start(&r, &workload_pingpong, &ops, none);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    for (uint32_t k = 0; k < 3; k++)
        for (uint32_t i = 0; i < NUMBERS; i++)
            cr_expect_float_eq(summed[k][i], 6 * (i + 0.1), 1e-9);
    cr_expect_eq(busy(&r, 0), 2 * 2 * NUMBERS * SIM_US);
    cr_expect_eq(busy(&r, 1), (2 * NUMBERS + 2 * WORDS) * SIM_US);
    cr_expect_eq(busy(&r, 2), (2 * NUMBERS + 2 * WORDS) * SIM_US);
    rig_close(&r);
    free(params);
    val_free(none);
}

/* ---- memory ---- */

static uint64_t frames_of[4];

static void boot_memory(struct port *p, const struct os_layout *l)
{
    struct vm_params any = { .page = 1024 }, few = { .page = 1024, .frames = 3 };
    struct vm *vm = vm_create(p, port_node(p) == 1 ? &few : &any);
    frames_of[port_node(p)] = vm_frames_limit(vm);
    cr_expect_eq(os_least_memory(l, 1), 0);
    cr_expect_eq(os_least_memory(l, 4), 700);
    cr_expect_eq(os_least_memory(l, 3), 5 * 1024);
}

Test(groups, memory_of_a_node_bounds_the_frames_of_its_pages)
{
    struct rig r;
    rig_init(&r, 1, 4);
    rig_set_int(&r, "nodes.work.last", 3);
    rig_set(&r, "nodes.work.node.memory", "5KiB");
    rig_set_int(&r, "nodes.small.last", 1);
    rig_set(&r, "nodes.small.node.memory", "700B");
    rig_open(&r, boot_memory);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_expect_eq(frames_of[0], 0);
    cr_expect_eq(frames_of[1], 3);
    cr_expect_eq(frames_of[2], 5);
    cr_expect_eq(frames_of[3], 1);
    rig_close(&r);
}

/* ---- results ---- */

static void works(struct os_node *n, const struct program *me)
{
    port_window(n->port, true, me->ranks);
    port_work(n->port, PORT_WORK_OP, 100 * (me->rank + 1));
    port_pay(n->port);
    cr_assert_eq(nx_gsync(os_find(n, &nx_service)), NX_OK);
    port_thread_sleep(n->port, 2 * SIM_MS - port_now(n->port));
    port_window(n->port, false, me->ranks);
}

/* Scalars by name; -1: there is none. */
static const char *const asked[] = { "a.cpu.busiest", "a.cpu.mean",    "b.cpu.busiest",
                                     "b.cpu.mean",    "c.cpu.busiest", "cpu.mean" };
static double told[ARRAY_LEN(asked)];

static void keep(void *arg, const char *name, const char *unit, double value, double half_width,
                 unsigned flags)
{
    (void)arg, (void)unit, (void)half_width, (void)flags;
    for (size_t i = 0; i < ARRAY_LEN(asked); i++)
        if (strcmp(name, asked[i]) == 0)
            told[i] = value;
}

static double scalar(const char *name)
{
    size_t i = 0;
    while (strcmp(asked[i], name) != 0)
        i++;
    return told[i];
}

/* Six programs, of which the two groups have three each or one group has all. */
static void play_works(bool two, const char *each, char digest[33])
{
    static const struct workload_ops ops = { .kind.name = "works", .main = works };
    const struct sim_result_sink sink = { .scalar = keep };
    struct val *none = val_new(VAL_TABLE, NULL, 0);
    struct rig r;
    begin(&r, 6);
    rig_set_bool(&r, "node.coprocessor", false);
    rig_set_int(&r, "nodes.a.first", two ? 3 : 6);
    rig_set(&r, "nodes.a.prices.op.each", "1us");
    if (two) {
        rig_set_int(&r, "nodes.b.last", 3);
        rig_set(&r, "nodes.b.prices.op.each", each);
    }
    rig_set_int(&r, "nodes.c.last", 1); /* says nothing of its own */
    void *params = rig_start(&r, &workload_pingpong, &ops, none);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    sim_digest_text(r.sim, digest);
    for (size_t i = 0; i < ARRAY_LEN(asked); i++)
        told[i] = -1;
    rig_finish(&r, params, &sink);
    val_free(none);
}

Test(groups, with_the_same_are_as_one)
{
    char one[33], two[33], other[33];
    play_works(false, NULL, one);
    cr_expect_float_eq(scalar("a.cpu.busiest"), 0.3, 1e-9);
    cr_expect_float_eq(scalar("a.cpu.mean"), 0.05 * 21 / 6, 1e-9);
    cr_expect_float_eq(scalar("cpu.mean"), 0.05 * 21 / 6, 1e-9);
    play_works(true, "1us", two);
    cr_expect_str_eq(one, two);
    play_works(true, "2us", other);
    cr_expect_str_neq(two, other);
    /* 100, 200, 300 us; 800, 1,000, 1,200 of 2 ms. */
    cr_expect_float_eq(scalar("a.cpu.busiest"), 0.15, 1e-9);
    cr_expect_float_eq(scalar("a.cpu.mean"), 0.1, 1e-9);
    cr_expect_float_eq(scalar("b.cpu.busiest"), 0.6, 1e-9);
    cr_expect_float_eq(scalar("b.cpu.mean"), 0.5, 1e-9);
    cr_expect_eq(scalar("c.cpu.busiest"), -1);
}
