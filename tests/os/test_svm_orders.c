/* test_svm_orders.c: all orders of events of few nodes and pages. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/os/svm_rig.h"
#include "tests/sample.h"

/* Pages begin with the nodes of their numbers: each writes the next one's page and reads its own,
 * so
 * that requests, ownerships and invalidations cross. */
static void short_program(struct cluster *c, uint32_t node)
{
    uint64_t mine = node % c->pages * PAGE, other = (node + 1) % c->pages * PAGE;
    cluster_write(c, node, other, 1, (uint8_t)(node + 1));
    cluster_read(c, node, mine, 1);
    if (c->accesses > 0) {
        cluster_write(c, node, mine, 1, (uint8_t)(node + 11));
        cluster_read(c, node, other, 1);
    }
}

static struct xk_graph *explored_graph;

static void boot_node(struct port *p, void *arg)
{
    struct rig *r = arg;
    r->k[port_node(p)] = xk_boot(p, r->g);
    cluster_booted(r, port_node(p), p);
}

static void explore_setup(struct fake *f, void *arg)
{
    struct cluster *c = arg;
    c->finished = 0;
    c->wrong = 0;
    memset(c->svm, 0, sizeof c->svm);
    memset(c->shadow, 0, sizeof c->shadow);
    rig_boot(&c->rig, f, explored_graph, NULL, c);
    for (uint32_t n = 0; n < c->nodes; n++)
        fake_boot(f, n, boot_node, &c->rig);
}

static bool explore_check(struct fake *f, void *arg)
{
    struct cluster *c = arg;
    (void)f;
    cr_assert_eq(c->finished, c->nodes,
                 "%s: %u ended; pending %llu, steps %llu, now %lld, frames %llu",
                 svm_managers.items[c->manager]->name, c->finished,
                 (unsigned long long)fake_pending(f), (unsigned long long)fake_steps(f),
                 (long long)fake_now(f), (unsigned long long)fake_counts(f)->frames);
    cr_assert_eq(c->wrong, 0, "%s: a read is not the most recent write", manager_of(c));
    cr_assert_null(cluster_fault(c), "%s: %s", manager_of(c), cluster_fault(c));
    return true;
}

/* What is explored: every node's program of two accesses (four when `twice`), orders that differ in
 * more than the order of steps of different nodes. */
struct small {
    uint32_t nodes, pages, frames;
    bool twice;
};

static bool explore_step(struct fake *f, void *arg)
{
    (void)f;
    return cluster_single_writer(arg);
}

/* True: all orders were seen. */
static bool explore(int manager, struct small k, uint64_t most, uint64_t *orders)
{
    static struct cluster c;
    c = (struct cluster){ .nodes = k.nodes,
                          .pages = k.pages,
                          .frames = k.frames,
                          .manager = manager,
                          .initial_owner = 1,
                          .at_once = true,
                          .accesses = k.twice,
                          .program = short_program };
    struct fake_explore x = { .options = { .nodes = k.nodes,
                                           .mtu = 4096,
                                           .disks = k.frames > 0,
                                           .explore_reduced = true },
                              .setup = explore_setup,
                              .each = explore_step,
                              .check = explore_check,
                              .arg = &c,
                              .orders_max = most };
    fake_explore(&x);
    cr_log_info("%s, %u nodes, %u pages%s%s: %llu orders and %llu cut%s", manager_of(&c), k.nodes,
                k.pages, k.twice ? ", two rounds" : "", k.frames ? ", one frame" : "",
                (unsigned long long)x.orders, (unsigned long long)x.cut,
                x.complete ? ", which are all" : "");
    cr_assert_not(x.failed, "%s: %s", manager_of(&c), x.order);
    cr_assert_gt(x.orders, 0u);
    *orders += x.orders;
    return x.complete;
}

/* SVM5, SVMI1, SVMI2, XMM1. */
Test(svm_orders, every_order_of_few_nodes_and_pages_is_coherent)
{
    static const struct small cases[] = {
        { 2, 1, 0, false }, { 2, 2, 0, false }, { 2, 2, 0, true },  { 2, 2, 1, false },
        { 3, 1, 0, false }, { 3, 2, 0, false }, { 3, 2, 1, false },
    };
    const char *only = getenv("SVM_MANAGER"), *from = getenv("SVM_CASE");
    uint64_t most = sample("SVM_ORDERS", 400), orders = 0;
    explored_graph = rig_graph("mesh driver; r rdm <mesh; svm svm <r");
    for (int m = 0; svm_is_strict(m); m++)
        for (size_t i = from ? strtoull(from, NULL, 10) : 0; i < ARRAY_LEN(cases); i++) {
            if (only && strcmp(only, svm_managers.items[m]->name) != 0)
                continue;
            bool all = explore(m, cases[i], most, &orders);
            cr_expect(all || i > 0 || sample_one_in() > 1);
        }
    cr_log_info("%llu orders in all", (unsigned long long)orders);
    xk_graph_free(explored_graph);
}
