/* test_paid.c: what a thread does at its own node takes effect after the work that it did before,
 * as what it sends to others does. */
#include <criterion/criterion.h>

#include "os/registry.h"
#include "os/svm/sync.h"
#include "os/xk/graph.h"
#include "rig.h"

static struct xk_graph *graph;
static struct sync *sync_of[2];
static sim_time given_back, taken;

static const uint32_t nodes[] = { 0, 1 };

static void holder(void *arg)
{
    struct port *p = arg;
    sync_lock(sync_of[0], 0); /* whose home is here */
    sync_barrier(sync_of[0]);
    port_work(p, PORT_WORK_OP, 1000);
    given_back = port_now(p);
    sync_unlock(sync_of[0], 0);
}

static void waiter(void *arg)
{
    struct port *p = arg;
    sync_barrier(sync_of[1]);
    port_thread_sleep(p, 100 * SIM_US);
    sync_lock(sync_of[1], 0);
    taken = port_now(p);
    sync_unlock(sync_of[1], 0);
}

static void boot(struct port *p, const struct os_layout *l)
{
    (void)l;
    uint32_t n = port_node(p);
    sync_of[n] = sync_join(xk_find(xk_boot(p, graph), "sync"), nodes, 2);
    port_thread_spawn(p, "program", n == 0 ? holder : waiter, p, 0);
}

static void put(struct val *list, const char *name, const char *below)
{
    struct val *v = val_new(VAL_TABLE, NULL, 0);
    val_put(v, "name", val_new_string(name, NULL, 0));
    val_put(v, "protocol", val_new_string(name, NULL, 0));
    if (below) {
        struct val *b = val_new(VAL_LIST, NULL, 0);
        val_append(b, val_new_string(below, NULL, 0));
        val_put(v, "below", b);
    }
    val_append(list, v);
}

/* PORT2. */
Test(paid, a_lock_is_free_when_the_work_before_its_release_is_done)
{
    struct err e = ERR_INIT;
    struct val *v = val_new(VAL_LIST, NULL, 0);
    put(v, "driver", NULL);
    put(v, "rdm", "driver");
    put(v, "sync", "rdm");
    graph = xk_graph_load(
        v, &os_protocols, "graph",
        &(const struct xk_network){ .name = "mesh", .mtu = 4096, .gives = XK_NETWORK }, 1, &e);
    cr_assert_not_null(graph, "%s", e.text);
    val_free(v);
    struct rig r;
    rig_init(&r, 1, 2);
    rig_set(&r, "prices.op.each", "1us");
    rig_open(&r, boot);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_expect_gt(given_back, 1000 * SIM_US);
    cr_expect_gt(taken, given_back);
    rig_close(&r);
    xk_graph_free(graph);
}
