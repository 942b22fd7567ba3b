/* machipc.c: the instance: parameters, counters, services, and what the kernel's part calls. */
#include "os/proto/machipc/machipc_internal.h"

static const struct param params[] = {
    P_INT(xipc_params, window, "2", "1", "1000",
          "messages of a node to one port that the port's node has not taken yet, above which "
          "senders "
          "wait",
          "ASSUMED(the next is ready when one is answered)"),
    P_TIME(xipc_params, retry, "1ms", "1us", "1s",
           "time after which a message is sent again one of whose rights was not to be found",
           "ASSUMED(longer than the move of a receive right)"),
    P_END,
};

static void node_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    if (!alive)
        xipc_peer_ended(arg, (struct xipc_node){ host, life });
}

static const select_serve_fn services[XIPC_SERVICES] = {
    xipc_machipc_serve, xipc_ssr_serve, xipc_lsr_serve, xipc_rrx_serve, xipc_portm_serve,
};

static bool protl_check(const void *p, const char *at, const struct xk_below *below, uint8_t count,
                        struct err *e)
{
    (void)p;
    if (count == 1 && below[0].ops == &select_protl)
        return true;
    return err_set(e, "%s: protocol 'machipc' stands on an instance of 'select', and '%s' is none",
                   at, below[0].name);
}

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct xipc *n = self->state;
    n->self = self;
    n->rpc = self->down[0];
    n->port = xk_port(self);
    n->params = p;
    n->me = port_node(n->port);
    list_init(&n->stalled);
    list_init(&n->movers);
    list_init(&n->arriving);
    list_init(&n->parts);
    list_init(&n->owing);
    list_init(&n->where);
    xipc_calls_init(n);
    return XK_OK;
}

/* ---- what the kernel's part calls ---- */

static void *start(struct xk_protl *self, struct mach *m)
{
    struct xipc *n = self->state;
    n->m = m;
    for (uint32_t i = 0; i < XIPC_SERVICES; i++) {
        enum xk_status served = select_serve(n->rpc, XIPC_MACHIPC + i, services[i], n);
        ASSERT(served == XK_OK);
    }
    xk_on_peer(self->kernel, node_changed, n);
    return n;
}

/* The life is part of it: what an earlier one has named is never taken for a port of this. */
static uint64_t new_uid(void *net)
{
    struct xipc *n = net;
    return MACH_UID(xipc_node_pack(xipc_now(n, n->me)), ++n->next_uid);
}

static void want_death(void *net, struct mach_record *r)
{
    (void)net, (void)r; /* all who have rights are told */
}

static const struct mach_net_ops rights = {
    .name = "machipc",
    .record_size = sizeof(struct xipc_port),
    .start = start,
    .new_uid = new_uid,
    .room = xipc_room,
    .send = xipc_send,
    .no_local_senders = xipc_no_local_senders,
    .want_death = want_death,
    .died = xipc_died,
    .gone = xipc_gone,
    .queue_room = xipc_queue_room,
    .special = xipc_special,
};

static const struct counter counters[] = {
    C_SUM(xipc, counts, sent, "1", "Messages to other nodes that were taken there."),
    C_SUM(xipc, counts, received, "1", "Messages from other nodes."),
    C_SUM(xipc, counts, again, "1", "Messages that had been taken before."),
    C_SUM(xipc, counts, elsewhere, "1", "Times that a message was sent where its port was not."),
    C_SUM(xipc, counts, full, "1", "Messages from other nodes that filled a queue."),
    C_SUM(xipc, counts, failed, "1", "Messages to other nodes that were destroyed."),
    C_SUM(xipc, counts, returned, "1", "Calls that gave send rights back."),
    C_SUM(xipc, counts, registered, "1", "Calls that had a right of a third node counted."),
    C_SUM(xipc, counts, moved, "1", "Receive rights that went to other nodes."),
    C_SUM(xipc, counts, arrived, "1", "Receive rights that came."),
    C_SUM(xipc, counts, deaths, "1", "Nodes that were told of a port's death."),
    C_SUM(xipc, counts, dead, "1", "Proxies that died with their ports or nodes."),
    C_SUM(xipc, counts, peers, "1", "Lives of other nodes that ended."),
    C_SUM(xipc, counts, lost, "1", "Messages that were dropped: their sender has died."),
    C_SUM(xipc, counts, circular, "1",
          "Messages that were dropped: they would wait for themselves."),
    C_SUM(xipc, counts, parts, "1", "Parts of messages that are longer than a call."),
    C_SUM(xipc, counts, bad, "1", "Calls that made no sense."),
    C_END,
};

const struct xk_protl_ops machipc_protl = {
    .kind = { .name = "machipc",
              .doc = "Mach's messages and rights between nodes, over remote procedure calls",
              .params = params,
              .params_size = sizeof(struct xipc_params),
              .state_size = sizeof(struct xipc),
              .counters = counters },
    .down_min = 1,
    .down_max = 1,
    .called = true,
    .check = protl_check,
    .init = protl_init,
    .rights = &rights,
};
