/* channels.c: see channels.h. */
#include "os/xk/channels.h"

static struct xk_channel_host *host_find(struct xk_protl *self, uint32_t host)
{
    struct xk_channels *ch = self->state;
    return xk_map_resolve(&ch->hosts, &host);
}

struct xk_channel_host *xk_channels_host(struct xk_protl *self, uint32_t host)
{
    struct xk_channels *ch = self->state;
    struct xk_channel_host *h = host_find(self, host);
    if (h)
        return h;
    h = port_alloc(xk_port(self), sizeof *h);
    h->host = host;
    xk_map_bind(&ch->hosts, &host, h);
    return h;
}

/* ---- what waits for the layer below ---- */

void xk_channels_stall(struct xk_protl *self, struct xk_unsent *u)
{
    struct xk_channels *ch = self->state;
    if (list_empty(&u->link))
        list_push(&ch->unsent, &u->link);
}

void xk_channels_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct xk_channels *ch = self->state;
    struct list now;
    (void)lower;
    list_init(&now);
    list_splice(&now, &ch->unsent);
    while (!list_empty(&now)) {
        struct xk_unsent *u = LIST_ENTRY(list_pop(&now), struct xk_unsent, link);
        u->send(u);
        if (!list_empty(&ch->unsent))
            break; /* full again: the rest waits for the next time */
    }
    list_splice(&ch->unsent, &now);
}

struct answer {
    struct xk_unsent unsent; /* first */
    struct xk_protl *self;
    struct xk_sessn *down; /* counted */
    uint8_t header[];
};

/* False: the layer below is busy. */
static bool say(struct xk_protl *self, struct xk_sessn *down, const uint8_t *header)
{
    struct xk_msg m;
    xk_msg_init(&m);
    memcpy(xk_msg_push(&m, self->ops->header), header, self->ops->header);
    enum xk_status r = xk_push(down, &m);
    xk_msg_fini(&m);
    return r != XK_BUSY;
}

static void answer_again(void *unsent)
{
    struct answer *a = unsent;
    struct xk_sessn *down = a->down;
    if (!say(a->self, down, a->header)) {
        xk_channels_stall(a->self, &a->unsent);
        return;
    }
    port_free(xk_port(a->self), a);
    xk_close(down);
}

void xk_channels_answer(struct xk_protl *self, struct xk_sessn *down, const uint8_t *header)
{
    struct xk_channels *ch = self->state;
    if (say(self, down, header) || !ch->reliable)
        return; /* where frames may be lost, who asked asks again */
    struct answer *a = port_alloc(xk_port(self), sizeof *a + self->ops->header);
    a->unsent.send = answer_again;
    a->self = self;
    a->down = xk_dup(down);
    memcpy(a->header, header, self->ops->header);
    list_init(&a->unsent.link);
    xk_channels_stall(self, &a->unsent);
}

/* ---- calls ---- */

void xk_call_stop(struct xk_call *c)
{
    list_remove(&c->unsent.link);
    port_timer_cancel(&c->timer);
}

void xk_call_timer(struct xk_call *c)
{
    port_work(c->timer.port, PORT_WORK_TIMER, 1);
    port_timer_set(&c->timer, c->wait);
}

bool xk_call_ask(struct xk_call *c, int64_t tries, sim_time wait_max)
{
    c->wait = sim_time_min(sim_time_mul(c->wait, 2), wait_max);
    return c->tries++ < tries;
}

void xk_call_trace(const struct xk_call *c,
                   void (*mark)(struct port *, const char *, const char *, uint64_t))
{
    struct port *p = c->timer.port;
    uint32_t client = c->served ? c->host->host : port_node(p);
    uint32_t server = c->served ? port_node(p) : c->host->host;
    mark(p, "calls", c->served ? "serve" : "call",
         (uint64_t)client << 48 | (uint64_t)(server & 0xffff) << 32 | c->seq);
}

static struct xk_sessn *new_call(struct xk_protl *self, struct xk_protl *upper,
                                 struct xk_sessn *down, const struct xk_call_ops *ops)
{
    struct xk_sessn *s = xk_sessn_new(self, upper, down->host, &ops->sessn, ops->size);
    struct xk_call *c = s->state;
    s->down[s->downs++] = down;
    c->unsent.send = ops->send;
    list_init(&c->unsent.link);
    port_timer_init(xk_port(self), &c->timer, ops->timed_out, c);
    return s;
}

/* ---- clients ---- */

static bool take_channel(struct xk_protl *self, struct xk_channel_host *host, struct xk_sessn *s,
                         uint16_t *channel)
{
    uint16_t i = 0;
    while (i < host->client_count && host->clients[i])
        i++;
    if (i == XK_CHANNELS)
        return false;
    if (i == host->client_count) {
        host->client_count = i < 4 ? (uint16_t)(i + 1) : (uint16_t)(2 * i);
        host->clients =
            port_realloc(xk_port(self), host->clients, host->client_count * sizeof *host->clients);
    }
    host->clients[i] = s;
    *channel = i;
    return true;
}

struct xk_sessn *xk_channels_open(struct xk_protl *self, struct xk_protl *upper,
                                  struct xk_parts peer, enum xk_status *why)
{
    struct xk_channels *ch = self->state;
    struct xk_sessn *down = xk_open(self->down[0], self, peer, why);
    if (!down)
        return NULL;
    struct xk_sessn *s = new_call(self, upper, down, ch->client);
    struct xk_call *c = s->state;
    c->host = xk_channels_host(self, s->host);
    if (!take_channel(self, c->host, s, &c->channel)) {
        *why = XK_BUSY;
        xk_sessn_free(s);
        return NULL;
    }
    return s;
}

void xk_channels_close(struct xk_sessn *s)
{
    struct xk_call *c = s->state;
    struct xk_channel_host *host = c->host;
    bool used = false;
    host->clients[c->channel] = NULL;
    for (uint16_t i = 0; i < host->client_count; i++)
        used |= host->clients[i] != NULL;
    if (!used) {
        port_free(xk_port(s->protl), host->clients);
        host->clients = NULL;
        host->client_count = 0;
    }
    xk_sessn_free(s);
}

enum xk_status xk_call_begin(struct xk_sessn *s, const struct xk_msg *m, sim_time wait)
{
    struct xk_call *c = s->state;
    if (xk_msg_length(m) > s->protl->carries)
        return XK_TOO_LONG;
    if (!xk_alive(s->protl->kernel, s->host))
        return XK_UNREACHABLE;
    if (++c->host->seq == 0)
        c->host->seq = 1;
    c->seq = c->host->seq;
    c->tries = 0;
    c->wait = wait;
    xk_call_trace(c, port_trace_begin);
    return XK_OK;
}

bool xk_call_first(const struct xk_sessn *s)
{
    const struct xk_channels *ch = s->protl->state;
    return !ch->reliable && xk_life(s->protl->kernel, s->host) == 0;
}

/* ---- servers ---- */

static struct xk_channel_slot *slot_of(struct xk_protl *self, struct xk_channel_host *host,
                                       uint16_t channel)
{
    if (channel >= host->slot_count) {
        uint16_t n = host->slot_count ? host->slot_count : 1;
        while (n <= channel)
            n = (uint16_t)(2 * n);
        host->slots = port_realloc(xk_port(self), host->slots, n * sizeof *host->slots);
        host->slot_count = n;
    }
    return &host->slots[channel];
}

struct xk_sessn *xk_channels_accept(struct xk_protl *self, struct xk_channel_host *host,
                                    struct xk_sessn *lower, struct xk_protl *upper,
                                    uint16_t channel, uint32_t seq)
{
    struct xk_channels *ch = self->state;
    struct xk_channel_slot *slot = slot_of(self, host, channel);
    if (slot->active)
        ch->server->done(slot->active->state); /* the new call acknowledges the old reply */
    struct xk_sessn *s = new_call(self, upper, xk_dup(lower), ch->server);
    struct xk_call *c = s->state;
    c->host = host;
    c->channel = channel;
    c->served = true;
    c->seq = seq;
    slot->active = s;
    slot->seq = seq; /* CHNL1 */
    return s;
}

void xk_call_done(struct xk_call *c)
{
    struct xk_sessn *s = xk_sessn_of(c);
    struct xk_channel_slot *slot = &c->host->slots[c->channel];
    ASSERT(slot->active == s); /* CHNL2 */
    slot->active = NULL;
    xk_call_stop(c);
    xk_close(s);
}

/* ---- lives ---- */

/* A client host has crashed: what it asked for is of no use any more. */
static void forget(struct xk_protl *self, struct xk_channel_host *host)
{
    struct xk_channels *ch = self->state;
    for (uint16_t i = 0; i < host->slot_count; i++)
        if (host->slots[i].active)
            ch->server->done(host->slots[i].active->state);
    port_free(xk_port(self), host->slots);
    host->slots = NULL;
    host->slot_count = 0;
}

/* Ends the calls that are out now: those that are made meanwhile, by who is told, have higher
 * numbers, and are for the next life. */
static void fail_all(struct xk_protl *self, struct xk_channel_host *host, enum xk_status why)
{
    struct xk_channels *ch = self->state;
    uint32_t last = host->seq;
    for (uint16_t i = 0; i < host->client_count; i++) {
        struct xk_call *c = xk_channels_client(host, i);
        if (c && (int32_t)(c->seq - last) <= 0)
            ch->client->fail(c, why);
    }
}

/* A life of the host has ended, and perhaps another has begun. */
static void peer_changed(void *arg, uint32_t node, uint32_t life, bool alive)
{
    struct xk_protl *self = arg;
    struct xk_channel_host *h = alive ? NULL : host_find(self, node);
    if (!h)
        return;
    forget(self, h);
    fail_all(self, h, xk_life(self->kernel, node) > life ? XK_RESTARTED : XK_UNREACHABLE);
}

/* ---- protocol ---- */

enum xk_status xk_channels_init(struct xk_protl *self, const struct xk_call_ops *client,
                                const struct xk_call_ops *server)
{
    struct xk_channels *ch = self->state;
    if (self->carries == 0)
        return XK_TOO_LONG;
    ch->client = client;
    ch->server = server;
    ch->reliable = self->down[0]->gives & XK_LOSSLESS;
    ch->life = port_incarnation(xk_port(self));
    xk_map_init(&ch->hosts, xk_port(self), sizeof(uint32_t));
    list_init(&ch->unsent);
    xk_on_peer(self->kernel, peer_changed, self);
    return xk_open_enable(self->down[0], self, xk_any());
}
