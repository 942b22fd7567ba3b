/* norma.c: NORMA's protocol object, and what Mach's kernel asks of the net.  See norma.h. */
#include "os/proto/norma/norma_internal.h"

static const struct param params[] = {
    P_TIME(norma_params, tick, "20ms", "1us", "1h",
           "time after which an answer is missed, at the earliest, and asked for again each time",
           "Mach 3.0 kernel/norma/ipc_unreliable.c: 20 ms on Ethernet, 1 s on the iPSC"),
    P_INT(norma_params, syncs, "3000", "0", "1000000000",
          "questions without an answer after which a node is asked no more, so that a run can end; "
          "nobody is told; 0: for ever, as the source does",
          "ASSUMED(a minute of ticks)"),
    P_SIZE(norma_params, page, "4KiB", "256B", "64KiB",
           "bytes of a message in a packet, if the layer below takes so many", "Mach 3.0: a page"),
    P_END,
};

static struct norma_state *state(void *net)
{
    return net;
}

/* ---- what the kernel asks ---- */

static uint64_t new_uid(void *net)
{
    struct norma_state *st = state(net);
    uint32_t node = port_node(xk_port(st->self)), life = port_incarnation(xk_port(st->self));
    if (st->next_lid == 0) /* so that a later life does not give the same [ipc_list.c] */
        st->next_lid = MACH_SPECIALS + life % 16 * (NORMA_LIDS / 16);
    if (st->next_lid == NORMA_LIDS - 1 || node >= NORMA_NODES) {
        norma_panic(st, "norma_new_uid: ran out of local ids");
        return 0;
    }
    return MACH_UID(node, st->next_lid++);
}

static bool room(void *net, struct mach_record *r, struct mach_kmsg *k)
{
    struct norma_state *st = state(net);
    if (norma_may_send(st, &k, 1))
        return true;
    if (list_empty(&norma_own(r)->stalled))
        list_push(&st->stalled, &norma_own(r)->stalled);
    return false;
}

static void net_send(void *net, struct mach_record *r, struct mach_kmsg *k)
{
    struct norma_state *st = state(net);
    struct norma_own *o = norma_own(r);
    struct norma_msg *msg = norma_convert(st, k, r->uid, k->dest.kind, 0);
    list_push(&o->out.messages, &msg->link);
    norma_enqueue(st, o->dest, &o->out);
}

static void no_local_senders(void *net, struct mach_record *r)
{
    norma_no_local_senders(state(net), r);
}

static void want_death(void *net, struct mach_record *r)
{
    struct norma_state *st = state(net);
    const uint32_t words[2] = { norma_uid(r->uid), port_node(xk_port(st->self)) };
    norma_tell(st, norma_own(r)->dest, NORMA_NODE_DNREQUEST, words, 2, NULL, 0);
}

static void died(void *net, struct mach_record *r)
{
    struct norma_state *st = state(net);
    struct norma_own *o = norma_own(r);
    const uint32_t uid = norma_uid(r->uid);
    if (r->lent || r->lent_onces) { /* dead, but somebody may still send to it */
        o->kept = true;
        mach_record_get(r);
    }
    for (uint32_t i = 0; i < o->want_count; i++)
        norma_tell(st, o->wants[i], NORMA_NODE_DNNOTIFY, &uid, 1, NULL, 0);
    o->want_count = 0;
}

static void gone(void *net, struct mach_record *r)
{
    struct norma_own *o = norma_own(r);
    list_remove(&o->out.link);
    list_remove(&o->stalled);
    port_free(xk_port(state(net)->self), o->wants);
}

static void fetch(void *net, struct mach_kmsg *k)
{
    norma_fetch(state(net), k);
}

static void discard(void *net, struct mach_record *r)
{
    norma_discard(state(net), r);
}

static void special(void *net, uint32_t node, uint32_t which, struct mach_special_ask *a)
{
    norma_ask(state(net), node, NORMA_GET_SPECIAL, NULL, which, a);
}

static void *start(struct xk_protl *self, struct mach *m)
{
    struct norma_state *st = self->state;
    st->m = m;
    return st;
}

static const struct mach_net_ops net_ops = { .name = "norma",
                                             .record_size = sizeof(struct norma_own),
                                             .start = start,
                                             .new_uid = new_uid,
                                             .room = room,
                                             .send = net_send,
                                             .no_local_senders = no_local_senders,
                                             .want_death = want_death,
                                             .died = died,
                                             .gone = gone,
                                             .fetch = fetch,
                                             .discard = discard,
                                             .special = special };

/* ---- what the link asks ---- */

/* Only the first right of an image is looked at: whom it is for. */
static bool destination(const struct rope *image, struct mach_wire_right *dest, uint16_t *flags)
{
    uint8_t head[MACH_WIRE_HEADER], right[MACH_WIRE_RIGHT];
    if (image->length < sizeof head)
        return false;
    rope_read(image, 0, sizeof head, head);
    uint64_t at = MACH_WIRE_HEADER + (uint64_t)head[1] * MACH_WIRE_ITEM;
    if (image->length < at + sizeof right)
        return false;
    rope_read(image, at, sizeof right, right);
    *flags = wire_get16(head + 2);
    *dest = (struct mach_wire_right){ .uid = wire_get64(right), .kind = right[16] };
    return dest->kind == MACH_HELD_SEND || dest->kind == MACH_HELD_ONCE;
}

static enum norma_status link_first(struct norma_state *st, const struct rope *image,
                                    struct mach_record **to, uint32_t *data)
{
    struct mach_wire_right dest;
    uint16_t flags;
    uint32_t self = port_node(xk_port(st->self));
    port_work(xk_port(st->self), PORT_WORK_LOOKUP, 1);
    if (!destination(image, &dest, &flags)) {
        st->counts.bad++;
        return NORMA_DEAD;
    }
    if (dest.uid == MACH_UID(self, MACH_SPECIAL_HOST_PRIV))
        return NORMA_OK;
    struct mach_record *r = *to = mach_record_find(st->m, dest.uid);
    if (flags & NORMA_MIGRATED) {
        if (r && !r->principal && norma_own(r)->pulling)
            return NORMA_OK;
        norma_panic(st, "port %08x is not migrating", norma_uid(dest.uid));
        return NORMA_DEAD;
    }
    if (!r && mach_uid_node(dest.uid) == self) {
        norma_panic(st, "norma_ipc_receive_dest: invalid uid %08x", norma_uid(dest.uid));
        return NORMA_DEAD;
    }
    if (!r || (!r->principal && !mach_record_dead(r))) {
        *data = r ? norma_own(r)->dest : mach_uid_node(dest.uid);
        return NORMA_NOT_RECEIVER;
    }
    if (!mach_record_dead(r))
        return NORMA_OK;
    if (dest.kind == MACH_HELD_ONCE && r->principal && r->lent_onces)
        norma_once_home(st, r);
    return NORMA_DEAD;
}

static void to_kernel(struct norma_state *st, struct mach_kmsg *k)
{
    uint32_t words[3];
    if (k->id < NORMA_PULL_RECEIVE + NORMA_REPLY) {
        norma_serve(st, k);
        return;
    }
    norma_words(k, words, 3);
    struct norma_pending *w = norma_answered(st, words[0], (uint32_t)k->id - NORMA_REPLY);
    if (!w) {
        st->counts.bad++;
    } else if (w->op == NORMA_PULL_RECEIVE && k->item_count == 3) {
        norma_pulled(st, w->record, k);
    } else if (w->op == NORMA_STRANSIT_REQUEST) {
        norma_got_transits(st, w->record, words[1], words[2]);
        norma_resume(st);
    } else if (w->op == NORMA_GET_SPECIAL && k->item_count == 2) {
        struct mach_held h = *mach_wire_held(k, 2);
        *mach_wire_held(k, 2) = (struct mach_held){ NULL, MACH_HELD_NONE };
        mach_special_answer(w->ask, h);
    }
    mach_kmsg_destroy(st->m, k);
    if (w && w->record)
        mach_record_put(w->record);
    port_free(xk_port(st->self), w);
}

static void link_whole(struct norma_state *st, struct mach_record *to, struct rope *image)
{
    struct mach_wire w;
    if (mach_wire_get(st->m, image, &w) != MACH_WIRE_OK) {
        st->counts.bad++;
        return;
    }
    norma_fill(st, &w);
    struct mach_kmsg *k = w.k;
    enum mach_held_kind kind = w.rights[0].kind;
    bool migrated = w.flags & NORMA_MIGRATED;
    w.k = NULL;
    mach_wire_fini(st->m, &w);
    if (!to) {
        to_kernel(st, k);
    } else if (migrated) {
        k->dest.kind = kind;
        list_push(&norma_own(to)->moved.messages, &k->link);
    } else {
        bool home = kind == MACH_HELD_ONCE && to->principal;
        mach_net_deliver(to, kind, k);
        if (home)
            norma_once_home(st, to);
        norma_resume(st);
    }
}

static void link_sent(struct norma_state *st, struct mach_record *r, struct norma_msg *msg)
{
    if (r)
        mach_record_get(r);
    norma_msg_done(st, msg);
    if (!r)
        return;
    if (norma_own(r)->dying)
        norma_kill(st, r);
    else
        norma_pull_end(st, r);
    mach_record_put(r);
}

static void link_refused(struct norma_state *st, struct norma_queue *q, enum norma_status status,
                         uint32_t data)
{
    struct mach_record *r = q->record;
    if (!r) {
        norma_panic(st, "what migrates is refused");
        return;
    }
    struct norma_own *o = norma_own(r);
    if (status == NORMA_DEAD) {
        st->counts.dead++;
        norma_kill(st, r);
        return;
    }
    st->counts.retargets++;
    if (data < port_nodes(xk_port(st->self)) && data != port_node(xk_port(st->self)))
        o->dest = data;
    mach_record_get(r);
    norma_pull_end(st, r);
    if (o->dying)
        norma_kill(st, r);
    else if (!r->principal)
        norma_send_on(st, r);
    mach_record_put(r);
}

static const struct norma_link_ops link_ops = {
    .first = link_first, .whole = link_whole, .sent = link_sent, .refused = link_refused
};

/* ---- the protocol ---- */

static void protl_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    norma_demux(self->state, lower->host, m);
}

static bool pump_each(void *arg, const void *key, void *value)
{
    (void)key;
    norma_pump(arg, value);
    return true;
}

static void protl_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct norma_state *st = self->state;
    (void)lower;
    xk_map_each(&st->peers, pump_each, st);
}

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct norma_state *st = self->state;
    uint64_t below = self->down[0]->carries;
    st->params = p;
    st->self = self;
    st->above = &link_ops;
    st->page = (uint64_t)st->params->page;
    if (below > NORMA_HEADER && below - NORMA_HEADER < st->page)
        st->page = below - NORMA_HEADER;
    xk_map_init(&st->peers, xk_port(self), sizeof(uint32_t));
    list_init(&st->pending);
    list_init(&st->requests);
    list_init(&st->stalled);
    list_init(&st->idle);
    list_init(&st->suspended);
    port_timer_init(xk_port(self), &st->timer, norma_tick, st);
    return xk_open_enable(self->down[0], self, xk_any());
}

/* Nobody stands on it: Mach's kernel calls it. */
static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    (void)self;
    (void)upper;
    (void)peer;
    *why = XK_REFUSED;
    return NULL;
}

static const struct counter counters[] = {
    C_SUM(norma_state, counts, messages, "1", "Messages sent and acknowledged."),
    C_SUM(norma_state, counts, kmsgs, "1", "First packets of messages sent."),
    C_SUM(norma_state, counts, pages, "1", "Further packets sent."),
    C_SUM(norma_state, counts, controls, "1", "Control packets sent."),
    C_SUM(norma_state, counts, syncs, "1", "Answers asked for again."),
    C_SUM(norma_state, counts, nacks, "1", "Packets said to have been lost."),
    C_SUM(norma_state, counts, resends, "1", "Packets sent again."),
    C_SUM(norma_state, counts, retargets, "1", "Messages refused: the port is elsewhere."),
    C_SUM(norma_state, counts, dead, "1", "Messages refused: the port is dead."),
    C_SUM(norma_state, counts, kernel, "1", "Messages of kernels to kernels."),
    C_SUM(norma_state, counts, transits, "1", "Requests for transits."),
    C_SUM(norma_state, counts, pulls, "1", "Receive rights pulled."),
    C_SUM(norma_state, counts, migrated, "1", "Messages handed on with receive rights."),
    C_SUM(norma_state, counts, no_locals, "1", "Proxies that lost their last send right."),
    C_SUM(norma_state, counts, lost, "1", "Messages lost with the life of a node."),
    C_SUM(norma_state, counts, stale, "1", "Packets dropped: of an earlier life, or old."),
    C_SUM(norma_state, counts, bad, "1", "Packets dropped: they make no sense."),
    C_END,
};

const struct xk_protl_ops norma_protl = {
    .kind = { .name = "norma",
              .doc = "Mach's messages and rights between nodes, as NORMA IPC carried them",
              .params = params,
              .params_size = sizeof(struct norma_params),
              .state_size = sizeof(struct norma_state),
              .counters = counters },
    .header = NORMA_HEADER,
    .down_min = 1,
    .down_max = 1,
    .called = true,
    .needs = XK_INTACT,
    .init = protl_init,
    .open = protl_open,
    .demux = protl_demux,
    .ready = protl_ready,
    .rights = &net_ops,
};
