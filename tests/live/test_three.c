/* test_three.c: one program on three ports (tests/three_ports.h; the others: tests/os and
 * tests/models).
 */
#include <sys/wait.h>
#include <unistd.h>

#include "models/live/live.h"
#include "os/registry.h"
#include "tests/live/pair.h"
#include "tests/three_ports.h"

struct told {                /* by a process, of its node */
    struct three_got got[2]; /* its own rank's alone */
    uint64_t counted[THREE_COUNTERS];
};
static struct os_boot three;
static struct live *three_live;

static void three_rank(struct os_node *n, const struct program *me)
{
    three_main(n, me);
    port_thread_sleep(n->port, 50 * SIM_MS); /* what TCP still has to say */
    live_stop(three_live);
}

static void three_boot(struct port *p, void *arg)
{
    (void)arg;
    (void)os_node_boot(p, &three);
}

static void run_three(uint32_t node, int fd, struct told *out)
{
    static const uint32_t nodes[] = { 0, 1 };
    const struct os_layout layout = {
        .nodes = 2, .compute_count = 2, .compute = nodes, .ranks = nodes, .boot = &three
    };
    const struct xk_network wire = {
        .name = "wire", .mtu = THREE_MTU, .gives = XK_NETWORK, .stations = 2
    };
    struct three_counter c[THREE_COUNTERS];
    struct err e = ERR_INIT;
    struct val *graph = three_graph();
    three = (struct os_boot){ .layout = &layout,
                              .layers = &os_layers,
                              .graph = xk_graph_load(graph, &os_protocols, "graph", &wire, 1, &e),
                              .main = three_rank,
                              .params = out->got,
                              .ranks = 2 };
    cr_assert(three.graph && os_groups_load(&three, NULL, NULL, "machine", &e), "%s", e.text);
    three_live = live_create(&(struct live_options){ .node = node, .nodes = 2, .seed = node });
    live_socket(three_live, "wire", fd, !node, THREE_MTU, true);
    cr_assert(live_run(three_live, three_boot, NULL));
    three_expect((struct three_got[2]){ { 0 } }, c);
    for (int i = 0; i < THREE_COUNTERS; i++)
        cr_assert(live_count(three_live, c[i].name, &out->counted[i]), "%s", c[i].name);
    live_destroy(three_live);
    os_boot_free(&three);
    val_free(graph);
}

Test(three, a_program_over_tcp_and_udp_gets_what_it_gets_on_the_other_ports)
{
    int fds[2], back[2], status;
    struct told mine = { .counted = { 0 } }, theirs;
    pair_make(fds);
    cr_assert_eq(pipe(back), 0);
    pid_t child = fork();
    if (child == 0) {
        close(fds[0]);
        run_three(1, fds[1], &mine);
        _exit(write(back[1], &mine, sizeof mine) == sizeof mine ? 0 : 1);
    }
    close(fds[1]);
    run_three(0, fds[0], &mine);
    cr_assert_eq(read(back[0], &theirs, sizeof theirs), sizeof theirs);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    mine.got[1] = theirs.got[1];
    for (int i = 0; i < THREE_COUNTERS; i++)
        mine.counted[i] += theirs.counted[i];
    three_check(mine.got, mine.counted);
}
