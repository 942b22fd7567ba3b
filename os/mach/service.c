/* service.c: Mach IPC as a service of a node. */
#include "os/mach/mach_internal.h"
#include "os/node.h"

static const struct counter counters[] = {
    C_SUM(mach, counts, sent, "1", "Messages that tasks have sent."),
    C_SUM(mach, counts, received, "1", "Messages that tasks have received."),
    C_SUM(mach, counts, rights, "1", "Rights that came to tasks in them."),
    C_SUM(mach, counts, notified, "1", "Notifications that the kernel has sent."),
    C_SUM(mach, counts, full, "1", "Sends that found no room at the port."),
    C_SUM(mach, counts, timed_out, "1", "Sends and receives that ended by time."),
    C_SUM(mach, counts, copied, "B", "Bytes of messages that were copied in and out."),
    C_SUM(mach, counts, pages, "1", "Pages out of line that messages took from tasks."),
    C_END,
};

static void *start(struct os_node *n, const struct os_service *s, struct xk_protl *over)
{
    (void)s;
    struct mach *m = mach_create(n->port, 0);
    port_counters(n->port, "mach", counters, m);
    if (over->ops->rights)
        mach_net_attach(m, over);
    return m;
}

const struct os_service_ops mach_service = {
    .kind = { .name = "mach",
              .doc = "Mach IPC between the tasks of a node; of all nodes, over a protocol for it.",
              .counters = counters },
    .on = "compute",
    .over = "rpc", /* every service names an instance; without .rights nothing is sent over it */
    .start = start,
};
