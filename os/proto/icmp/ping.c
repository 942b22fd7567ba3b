/* ping.c: PING.  See ping.h. */
#include "os/proto/icmp/ping.h"

#include "os/proto/icmp/icmp.h"

struct ping_state {
    struct port_thread *waiter; /* NULL: nobody waits */
    struct xk_sessn *on;
    struct rope want; /* what was sent */
    bool ready;       /* there is room again */
    bool ended;
    enum xk_status status;
    struct {
        uint64_t echoes, late;
    } counts;
};

static void end(struct xk_protl *self, enum xk_status status)
{
    struct ping_state *st = self->state;
    st->ended = true;
    st->status = status;
    port_thread_wake(xk_port(self), st->waiter);
}

static void protl_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct ping_state *st = self->state;
    struct rope got;
    xk_msg_to_rope(m, &got);
    if (st->waiter && !st->ended && st->on == lower && rope_equal(&got, &st->want))
        end(self, XK_OK);
    else
        st->counts.late++;
    rope_fini(&got);
}

static void protl_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why)
{
    struct ping_state *st = self->state;
    if (st->waiter && !st->ended && st->on == lower)
        end(self, why);
}

static void protl_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct ping_state *st = self->state;
    if (!st->waiter || st->on != lower)
        return;
    st->ready = true;
    port_thread_wake(xk_port(self), st->waiter);
}

struct xk_sessn *ping_open(struct xk_protl *ping, uint32_t node, enum xk_status *why)
{
    return xk_open(ping->down[0], ping, xk_node(node), why);
}

enum xk_status ping_echo(struct xk_sessn *s, uint64_t seed, uint64_t size, sim_time wait,
                         sim_time *rtt)
{
    struct xk_protl *self = s->upper;
    struct ping_state *st = self->state;
    struct port *p = xk_port(self);
    sim_time start = port_now(p);
    struct rope data;
    struct xk_msg m;
    ASSERT(!st->waiter); /* PING1 */
    rope_init(&data);
    rope_add_pattern(&data, seed, 0, size);
    rope_copy(&st->want, &data);
    xk_msg_init_rope(&m, &data);
    st->waiter = port_thread_self(p);
    st->on = s;
    st->ended = false;
    enum xk_status r = XK_BUSY;
    while (r == XK_BUSY && port_now(p) - start < wait) {
        st->ready = false;
        r = xk_push(s, &m);
        while (r == XK_BUSY && !st->ready && port_now(p) - start < wait)
            port_thread_block_for(p, "room for an echo to node", s->host,
                                  wait - (port_now(p) - start));
    }
    st->counts.echoes += r == XK_OK;
    while (r == XK_OK && !st->ended && port_now(p) - start < wait)
        port_thread_block_for(p, "echo of node", s->host, wait - (port_now(p) - start));
    if (r == XK_OK)
        r = st->ended ? st->status : XK_CLOSED;
    *rtt = port_now(p) - start;
    st->waiter = NULL;
    rope_fini(&st->want);
    xk_msg_fini(&m);
    return r;
}

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    (void)p;
    rope_init(&((struct ping_state *)self->state)->want);
    return XK_OK;
}

static bool protl_check(const void *p, const char *at, const struct xk_below *below, uint8_t count,
                        struct err *e)
{
    (void)p;
    if (count == 1 && below[0].ops == &icmp_protl)
        return true;
    return err_set(e, "%s: protocol 'ping' stands on an instance of 'icmp', and '%s' is none", at,
                   below[0].name);
}

static const struct counter counters[] = {
    C_SUM(ping_state, counts, echoes, "1", "Echoes asked for by programs."),
    C_SUM(ping_state, counts, late, "1", "Answers for which nobody waited any more."),
    C_END,
};

const struct xk_protl_ops ping_protl = {
    .kind = { .name = "ping",
              .doc = "programs ask for echoes and wait for them",
              .state_size = sizeof(struct ping_state),
              .counters = counters },
    .down_min = 1,
    .down_max = 1,
    .joined = true, /* it has no header */
    .check = protl_check,
    .init = protl_init,
    .demux = protl_demux,
    .ready = protl_ready,
    .failed = protl_failed,
};
