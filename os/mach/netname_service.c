/* netname_service.c: the name service of a node, after the service `mach`. */
#include "os/mach/netname_internal.h"
#include "os/node.h"

struct netname_params {
    int64_t limit;
};
static const struct param params_desc[] = {
    P_INT(netname_params, limit, "0", "0", "1000000", "Names at most on a node; 0: no limit.",
          "ASSUMED(snames has none but its memory)"),
    P_END,
};

static const struct counter counters[] = {
    C_SUM(netname, counts, checked_in, "1", "Names checked in."),
    C_SUM(netname, counts, looked_up, "1", "Look-ups that found their name."),
    C_SUM(netname, counts, passed, "1", "Look-ups passed on to other nodes."),
    C_SUM(netname, counts, removed, "1", "Names that went with their port or signature."),
    C_END,
};

/* A service of the list before `end` is the IPC of that node. */
static bool has_mach(const struct os_boot *b, const struct os_service *end, uint32_t node)
{
    for (const struct os_service *s = b->services; s != end; s++)
        for (uint32_t i = 0; s->ops == &mach_service && i < s->on->count; i++)
            if (s->on->nodes[i] == node)
                return true;
    return false;
}

static bool ready(void *params, const struct os_boot *b, const char *path, struct err *e)
{
    const struct os_service *self = b->services;
    while (self->params != params)
        self++;
    for (uint32_t i = 0; i < self->on->count; i++)
        if (!has_mach(b, self, self->on->nodes[i]))
            return err_set(
                e, "%s: service 'mach_names' needs service 'mach' before it on each of its nodes",
                path);
    return true;
}

static void *start(struct os_node *n, const struct os_service *s, struct xk_protl *over)
{
    const struct netname_params *p = s->params;
    struct mach *m = os_find(n, &mach_service);
    (void)over;
    ASSERT(m);
    struct netname *names = netname_start(m, n->port, (uint32_t)p->limit);
    if (!names)
        port_fail(n->port, "no room for the threads of the name server");
    else
        port_counters(names->port, "mach_names", counters, names); /* it goes with its task */
    return names;
}

const struct os_service_ops mach_names_service = {
    .kind = { .name = "mach_names",
              .doc = "Names of ports, for tasks of its node and of all that Mach IPC reaches.",
              .params = params_desc,
              .params_size = sizeof(struct netname_params),
              .counters = counters },
    .on = "compute",
    .over = "rpc", /* every service names an instance; it talks by Mach IPC */
    .ready = ready,
    .start = start,
};
