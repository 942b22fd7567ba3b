/* bench_mach.c: calls of Mach IPC between two tasks of a node, a second of this host: without data,
 * with bytes in line, and with memory out of line that the server only passes by.
 *
 * The peer is SimGrid alone with as many switches of its own: two sleeps a call.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mesh/mesh.h"
#include "models/node.h"
#include "os/mach/mach_msg.h"
#include "os/mach/mach_port.h"
#include "os/registry.h"
#include "os/vm/vm.h"
#include "tests/bench/bench.h"

#define BASE 0x10000000u
#define PAGE 4096u

static struct {
    struct mach_task *server, *client;
    struct port *tasks[2];
    mach_name service, to, reply;
    uint64_t calls, bytes;
    bool memory;
} b;

static void must(bool good)
{
    if (!good)
        abort();
}

static void serve(void *arg)
{
    struct mach_msg msg;
    unsigned options = MACH_RCV_MSG;
    (void)arg;
    mach_msg_init(&msg);
    for (uint64_t i = 0; i < b.calls; i++) {
        must(mach_msg(b.server, &msg, options, b.service, 0, 0) == MACH_MSG_SUCCESS);
        if (b.memory)
            must(mach_vm_deallocate(b.server, msg.items[0].address));
        mach_msg_fini(b.server, &msg);
        msg.local = MACH_PORT_NULL;
        msg.local_disp = MACH_NO_RIGHT;
        options = MACH_SEND_MSG | MACH_RCV_MSG;
    }
    must(mach_msg(b.server, &msg, MACH_SEND_MSG, 0, 0, 0) == MACH_MSG_SUCCESS);
}

static void call(void *arg)
{
    struct mach_msg msg;
    (void)arg;
    mach_msg_init(&msg);
    for (uint64_t i = 0; i < b.calls; i++) {
        msg.remote = b.to;
        msg.remote_disp = MACH_COPY_SEND;
        msg.local = b.reply;
        msg.local_disp = MACH_MAKE_SEND_ONCE;
        if (b.memory) {
            mach_msg_add_memory(&msg, MACH_TYPE_BYTE, BASE, b.bytes, false);
        } else if (b.bytes > 0) {
            struct rope data;
            rope_init(&data);
            rope_add_pattern(&data, 1, 0, b.bytes);
            mach_msg_add(&msg, MACH_TYPE_BYTE, &data);
        }
        must(mach_msg(b.client, &msg, MACH_SEND_MSG | MACH_RCV_MSG, b.reply, 0, 0) ==
             MACH_MSG_SUCCESS);
        mach_msg_fini(b.client, &msg);
    }
}

static struct mach_task *task(struct mach *m, struct port *kernel, struct port **port)
{
    struct vm_params params = { .page = PAGE };
    *port = port_task_create(kernel, "task", NULL, NULL);
    struct mach_task *t = mach_task_create(m, *port);
    struct vm_space *s = vm_space_create(vm_create(*port, &params), "task");
    uint64_t length = (b.bytes + PAGE - 1) / PAGE * PAGE;
    if (length > 0)
        must(vm_map(s, BASE, length, VM_WRITE, &vm_pager_zero, NULL) != NULL);
    mach_task_memory(t, s);
    return t;
}

static struct os_node *boot(struct port *p, const struct os_boot *unused)
{
    struct mach *m = mach_create(p, 0);
    (void)unused;
    b.server = task(m, p, &b.tasks[0]);
    b.client = task(m, p, &b.tasks[1]);
    must(mach_port_allocate(b.server, MACH_RIGHT_RECEIVE, &b.service) == KERN_SUCCESS &&
         mach_port_allocate(b.client, MACH_RIGHT_RECEIVE, &b.reply) == KERN_SUCCESS &&
         mach_port_give(b.server, b.service, MACH_MAKE_SEND, b.client, &b.to) == KERN_SUCCESS);
    must(port_thread_spawn(b.tasks[0], "server", serve, NULL, 0) != NULL &&
         port_thread_spawn(b.tasks[1], "client", call, NULL, 0) != NULL);
    return NULL;
}

/* Calls a second, of so many bytes; the lowest bit of `how`: out of line. */
static double calls(uint64_t count, uint64_t how)
{
    static const struct machine_registry reg = { .nets = &net_kinds,
                                                 .protocols = &os_protocols,
                                                 .boot = boot };
    struct sim_options o = { .seed = 1 };
    struct err e = ERR_INIT;
    struct val *spec = val_new(VAL_TABLE, NULL, 0);
    val_put(spec, "rows", val_new_int(1, NULL, 0));
    val_put(spec, "columns", val_new_int(1, NULL, 0));
    b.calls = count;
    b.bytes = how >> 1;
    b.memory = how & 1;
    struct sim *s = sim_create(&o);
    struct machine *m = machine_create(s, spec, "machine", &reg, &e);
    if (m == NULL) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
    double start = bench_seconds();
    sim_run(s);
    double seconds = bench_seconds() - start;
    machine_destroy(m);
    sim_destroy(s);
    val_free(spec);
    return (double)count / seconds;
}

int main(void)
{
    enum { CALLS = 200000 };
    double null = bench_median(calls, CALLS, 0);
    double sleeps = bench_median(peer_sleeps, 2, 2 * CALLS);
    bench_print("Mach RPC, no data", null, "calls/s", "SimGrid, 2 sleeps", null / (sleeps / 2));
    bench_print("Mach RPC, 1 KiB in line", bench_median(calls, CALLS, 1024u << 1), "calls/s", "",
                0);
    bench_print("Mach RPC, 64 KiB out of line", bench_median(calls, CALLS / 4, 65536u << 1 | 1),
                "calls/s", "", 0);
    return 0;
}
