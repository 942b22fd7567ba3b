/* arp_sessn.c: ARP's entries, requests, what waits, and sessions.  See arp.h.
 *
 *   ARP6  An entry is ASKING while a request is out, and then it is in `asking`, which is in the
 *       order of the times at which they are asked for again: all wait equally long.
 */
#include "os/proto/arp/arp_internal.h"

#include "os/proto/eth/eth.h"

bool arp_host_address(const struct arp_state *st, uint32_t address)
{
    return inet_host_of(st->network, address);
}

/* ---- entries ---- */

struct arp_entry *arp_entry_find(struct arp_state *st, uint32_t address)
{
    return xk_map_resolve(&st->by_address, &address);
}

static void station_forget(struct arp_state *st, struct arp_entry *e)
{
    if (xk_map_resolve(&st->by_station, &e->station) == e)
        xk_map_unbind(&st->by_station, &e->station);
}

static void entry_free(struct arp_state *st, struct arp_entry *e)
{
    station_forget(st, e);
    xk_map_unbind(&st->by_address, &e->address);
    list_remove(&e->link);
    port_free(st->by_address.port, e);
}

/* Without sessions, it waits for its turn to be forgotten. */
static void entry_spare(struct arp_state *st, struct arp_entry *e)
{
    /* The server knows all who have made themselves known. */
    if (!st->server && xk_map_count(&st->by_address) > (uint64_t)st->params->entries &&
        !list_empty(&st->spare))
        entry_free(st, LIST_ENTRY(st->spare.next, struct arp_entry, link));
    list_push(&st->spare, &e->link);
}

struct arp_entry *arp_entry_get(struct xk_protl *self, uint32_t address)
{
    struct arp_state *st = self->state;
    struct arp_entry *e = arp_entry_find(st, address);
    if (e)
        return e;
    e = port_alloc(xk_port(self), sizeof *e);
    e->address = address;
    list_init(&e->link);
    list_init(&e->kept);
    xk_map_bind(&st->by_address, &address, e);
    entry_spare(st, e);
    return e;
}

void arp_entry_hold(struct arp_entry *e)
{
    if (e->refs++ == 0 && e->state != ARP_ASKING)
        list_remove(&e->link);
}

static void entry_drop(struct arp_state *st, struct arp_entry *e)
{
    if (--e->refs == 0 && e->state != ARP_ASKING)
        entry_spare(st, e);
}

/* ---- requests ---- */

bool arp_send(struct xk_sessn *down, const struct arp_message *a)
{
    struct xk_msg m;
    xk_msg_init(&m);
    uint8_t *wire = xk_msg_push(&m, ARP_MESSAGE);
    wire_put16(wire, 1);
    wire_put16(wire + 2, ETH_TYPE_IP);
    wire[4] = ETH_ADDRESS;
    wire[5] = 4;
    wire_put16(wire + 6, a->operation);
    eth_address_store(wire + 8, a->sender_station);
    wire_put32(wire + 14, a->sender);
    eth_address_store(wire + 18, a->target_station);
    wire_put32(wire + 24, a->target);
    if (a->target_station == 0 && a->operation == ARP_REQUEST)
        memset(wire + 18, 0, ETH_ADDRESS); /* it is what is asked for */
    bool sent = xk_push(down, &m) == XK_OK;
    xk_msg_fini(&m);
    return sent;
}

static void timer_set(struct xk_protl *self)
{
    struct arp_state *st = self->state;
    struct port *p = xk_port(self);
    if (list_empty(&st->asking) || port_timer_pending(&st->timer))
        return;
    sim_time at = LIST_ENTRY(st->asking.next, struct arp_entry, link)->at, now = port_now(p);
    port_work(p, PORT_WORK_TIMER, 1);
    port_timer_set(&st->timer, at > now ? at - now : 0);
}

void arp_ask(struct xk_protl *self, struct arp_entry *e)
{
    struct arp_state *st = self->state;
    list_remove(&e->link);
    e->state = ARP_ASKING;
    e->tried++;
    e->at = port_now(xk_port(self)) + st->params->retry;
    bool last =
        list_empty(&st->asking) || LIST_ENTRY(st->asking.prev, struct arp_entry, link)->at <= e->at;
    ASSERT(last); /* ARP6 */
    list_push(&st->asking, &e->link);
    struct arp_message a = { .operation = ARP_REQUEST,
                             .sender = st->address,
                             .target = e->address,
                             .sender_station = st->station };
    st->counts.requests += st->ask && arp_send(st->ask, &a);
    timer_set(self);
}

/* It is asked for no more: KNOWN, or DOWN. */
static void settle(struct xk_protl *self, struct arp_entry *e, enum arp_known state, sim_time at)
{
    struct arp_state *st = self->state;
    bool asked = e->state == ARP_ASKING;
    e->state = (uint8_t)state;
    e->at = at;
    e->tried = 0;
    if (!asked)
        return;
    list_remove(&e->link);
    if (e->refs == 0)
        entry_spare(st, e);
}

static void kept_free(struct port *p, struct arp_kept *k)
{
    list_remove(&k->link);
    xk_msg_fini(&k->msg);
    xk_close(k->sessn);
    port_free(p, k);
}

/* ARP2.  The list is the caller's: uppers push meanwhile. */
static void fail_kept(struct xk_protl *self, struct list *kept)
{
    struct arp_state *st = self->state;
    while (!list_empty(kept)) {
        struct xk_sessn *s = xk_dup(LIST_ENTRY(kept->next, struct arp_kept, link)->sessn);
        st->lost_on = s;
        st->lost = kept;
        xk_failed(s, XK_UNREACHABLE);
        st->lost_on = NULL;
        LIST_EACH_SAFE (it, next, kept) {
            struct arp_kept *k = LIST_ENTRY(it, struct arp_kept, link);
            if (k->sessn == s)
                kept_free(xk_port(self), k);
        }
        xk_close(s);
    }
}

static void asked_in_vain(struct xk_protl *self, struct arp_entry *e)
{
    struct arp_state *st = self->state;
    struct list kept;
    list_init(&kept);
    list_splice(&kept, &e->kept);
    st->counts.unresolved += e->kept_count;
    e->kept_count = 0;
    st->counts.failed++;
    e->refs++; /* for as long as the uppers are told */
    settle(self, e, ARP_DOWN, port_now(xk_port(self)) + st->params->down);
    fail_kept(self, &kept);
    entry_drop(st, e);
}

void arp_timer(struct port_timer *t)
{
    struct xk_protl *self = t->arg;
    struct arp_state *st = self->state;
    sim_time now = port_now(t->port);
    while (!list_empty(&st->asking)) {
        struct arp_entry *e = LIST_ENTRY(st->asking.next, struct arp_entry, link);
        if (e->at > now)
            break;
        if (e->tried >= (uint64_t)st->params->tries)
            asked_in_vain(self, e);
        else
            arp_ask(self, e);
    }
    timer_set(self);
}

static enum xk_status send_now(struct xk_sessn *s, struct xk_msg *m);

void arp_entry_told(struct xk_protl *self, struct arp_entry *e, uint32_t station)
{
    struct arp_state *st = self->state;
    struct list kept;
    list_init(&kept);
    station_forget(st, e);
    list_splice(&kept, &e->kept);
    e->kept_count = 0;
    e->refs++; /* for as long as it is looked at here */
    if (e->refs == 1 && e->state != ARP_ASKING)
        list_remove(&e->link);
    st->counts.resolved += e->state == ARP_ASKING;
    settle(self, e, ARP_KNOWN, port_now(xk_port(self)));
    e->station = station;
    xk_map_unbind(&st->by_station, &station);
    xk_map_bind(&st->by_station, &station, e);
    while (!list_empty(&kept)) {
        struct arp_kept *k = LIST_ENTRY(kept.next, struct arp_kept, link);
        if (send_now(k->sessn, &k->msg) != XK_OK)
            st->counts.overflow++;
        kept_free(xk_port(self), k);
    }
    entry_drop(st, e);
}

/* ---- down ---- */

/* Its station is known: the session below is with that. */
static enum xk_status send_now(struct xk_sessn *s, struct xk_msg *m)
{
    struct arp_sessn *as = s->state;
    enum xk_status why;
    if (s->downs > 0 && as->station != as->entry->station) {
        s->downs = 0;
        if (s->down[0]->upper_state == s)
            s->down[0]->upper_state = NULL;
        xk_close(s->down[0]);
    }
    if (s->downs == 0) {
        struct xk_parts to = { 0 };
        xk_part_push(&to, XK_PART_STATION, as->entry->station);
        xk_part_push(&to, XK_PART_TYPE, as->key.type);
        struct xk_sessn *down = xk_open(s->protl->down[0], s->protl, to, &why);
        if (!down)
            return why;
        as->station = as->entry->station;
        down->upper_state = s;
        s->down[s->downs++] = down;
    }
    return xk_push(s->down[0], m);
}

/* ARP1. */
static void keep(struct xk_sessn *s, struct xk_msg *m)
{
    struct arp_state *st = s->protl->state;
    struct arp_entry *e = ((struct arp_sessn *)s->state)->entry;
    struct port *p = xk_port(s->protl);
    if (e->kept_count >= (uint64_t)st->params->queue) {
        kept_free(p, LIST_ENTRY(e->kept.next, struct arp_kept, link));
        e->kept_count--;
        st->counts.overflow++;
    }
    struct arp_kept *k = port_alloc(p, sizeof *k);
    k->sessn = xk_dup(s);
    xk_msg_move(&k->msg, m);
    k->msg.part = false; /* it may yet be lost */
    list_push(&e->kept, &k->link);
    e->kept_count++;
    st->counts.kept++;
}

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct arp_state *st = s->protl->state;
    struct arp_sessn *as = s->state;
    struct arp_entry *e = as->entry;
    sim_time now = port_now(xk_port(s->protl));
    if (!e) /* all, or whoever: who has nothing below */
        return s->downs > 0 ? xk_push(s->down[0], m) : XK_REFUSED;
    uint64_t most = st->frame - (as->key.type < ETH_TYPE_LEAST ? 2 : 0);
    if (xk_msg_length(m) > most)
        return XK_TOO_LONG;
    if (e->address == st->address || /* which no time makes doubtful */
        (e->state == ARP_KNOWN && now - e->at <= st->params->age)) /* ARP4 */
        return send_now(s, m);
    if (m->control)
        return XK_REFUSED; /* it would lose its place */
    if (e->state == ARP_DOWN && now < e->at)
        return XK_UNREACHABLE; /* ARP2 */
    keep(s, m);
    if (e->state != ARP_ASKING)
        arp_ask(s->protl, e);
    return XK_OK;
}

static void sessn_close(struct xk_sessn *s)
{
    xk_keyed_idle(&((struct arp_state *)s->protl->state)->sessns, s);
}

void arp_sessn_forget(struct xk_sessn *s)
{
    struct arp_sessn *as = s->state;
    if (as->entry)
        entry_drop(s->protl->state, as->entry);
}

/* The next of the messages that are lost on that session. */
static enum xk_status take_lost(struct xk_sessn *s, struct xk_msg *out)
{
    struct arp_state *st = s->protl->state;
    if (st->lost_on != s)
        return XK_REFUSED;
    LIST_EACH (it, st->lost) {
        struct arp_kept *k = LIST_ENTRY(it, struct arp_kept, link);
        if (k->sessn == s) {
            xk_msg_move(out, &k->msg);
            kept_free(xk_port(s->protl), k);
            return XK_OK;
        }
    }
    return XK_REFUSED;
}

static enum xk_status sessn_control(struct xk_sessn *s, struct xk_control *c)
{
    struct arp_state *st = s->protl->state;
    const struct arp_sessn *as = s->state;
    switch (c->op) {
    case XK_GET_OPT_PACKET:
        c->u64 = st->frame - (as->key.type < ETH_TYPE_LEAST ? 2 : 0);
        return XK_OK;
    case XK_GET_PEER_ADDRESS:
        c->u64 = as->key.address;
        return as->key.address ? XK_OK : XK_REFUSED;
    case XK_TAKE_LOST:
        return take_lost(s, c->msg);
    default:
        return xk_protl_control(s->protl, c);
    }
}

static const struct xk_sessn_ops sessn_ops = { .push = sessn_push,
                                               .close = sessn_close,
                                               .control = sessn_control };

struct xk_sessn *arp_sessn_get(struct xk_protl *self, struct xk_protl *upper, uint32_t address,
                               uint32_t type, bool *fresh)
{
    struct arp_state *st = self->state;
    struct arp_key k = { .address = address,
                         .type = (uint16_t)type,
                         .upper = (uint16_t)upper->number };
    struct xk_sessn *s = xk_keyed_get(&st->sessns, &k);
    uint32_t host;
    *fresh = !s;
    if (s)
        return s;
    s = xk_sessn_new(self, upper, XK_NO_HOST, &sessn_ops, sizeof(struct arp_sessn));
    struct arp_sessn *as = s->state;
    as->key = k;
    if (arp_host_address(st, address)) {
        as->entry = arp_entry_get(self, address);
        arp_entry_hold(as->entry);
        if (arp_node(st->params, address, &host))
            s->host = host;
    }
    xk_keyed_add(&st->sessns, s);
    return s;
}
