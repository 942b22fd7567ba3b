/* test_svm_orders.c: all orders of events of few nodes and pages. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/os/svm_rig.h"

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
                 svm_mgr_name(svm_managers[c->manager]), c->finished,
                 (unsigned long long)fake_pending(f), (unsigned long long)fake_steps(f),
                 (long long)fake_now(f), (unsigned long long)fake_counts(f)->frames);
    cr_assert_eq(c->wrong, 0, "%s: a read is not the most recent write", manager_of(c));
    cr_assert_null(cluster_fault(c), "%s: %s", manager_of(c), cluster_fault(c));
    return true;
}

static uint64_t explore(int manager, uint32_t nodes, uint32_t pages, bool twice, bool must_complete)
{
    static struct cluster c;
    c = (struct cluster){ .nodes = nodes,
                          .pages = pages,
                          .manager = manager,
                          .initial_owner = 1,
                          /* A broadcast that misses a node which has not booted is made again after
                           * a while: orders without end. */
                          .at_once = manager != manager_named("broadcast"),
                          .accesses = twice,
                          .program = short_program };
    const char *most = getenv("SVM_ORDERS");
    struct fake_explore x = { .options = { .nodes = nodes, .mtu = 4096 },
                              .setup = explore_setup,
                              .check = explore_check,
                              .arg = &c,
                              .orders_max = most ? strtoull(most, NULL, 10) : 4000 };
    fake_explore(&x);
    cr_log_info("%s, %u nodes, %u pages%s: %llu orders%s", svm_mgr_name(svm_managers[manager]),
                nodes, pages, twice ? ", two rounds" : "", (unsigned long long)x.orders,
                x.complete ? ", which are all" : "");
    cr_assert_not(x.failed);
    cr_assert_gt(x.orders, 1u);
    cr_assert(x.complete || !must_complete);
    return x.orders;
}

Test(svm_orders, every_order_of_few_nodes_and_pages_is_coherent)
{
    explored_graph = rig_graph("mesh mesh; svm svm <mesh");
    uint64_t orders = 0;
    for (int m = 0; svm_managers[m]; m++) {
        orders += explore(m, 2, 1, false, true);
        orders += explore(m, 2, 2, false, false);
        orders += explore(m, 2, 2, true, false);
        orders += explore(m, 3, 1, false, false);
        orders += explore(m, 3, 2, false, false);
    }
    cr_log_info("%llu orders in all", (unsigned long long)orders);
    xk_graph_free(explored_graph);
}
