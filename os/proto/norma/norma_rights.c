/* norma_rights.c: rights as they leave and come, and messages with them: who owes how much.
 *
 * A principal's stransit is mach_record.lent, its sotransit mach_record.lent_onces.
 */
#include "os/proto/norma/norma_internal.h"

struct mach_record *norma_record(struct norma_state *st, uint64_t uid, uint32_t dest)
{
    struct mach_record *r = mach_record_find(st->m, uid);
    if (r) {
        mach_record_get(r);
        return r;
    }
    r = mach_proxy_new(st->m, uid);
    struct norma_own *o = norma_own(r);
    o->dest = dest;
    norma_queue_init(&o->out, r);
    list_init(&o->stalled);
    list_init(&o->moved.messages);
    return r;
}

/* A principal of this node, which leaves it for the first time. */
static struct mach_record *exported(struct norma_state *st, struct mach_port *port)
{
    struct mach_record *r = mach_record_of(port);
    if (r || (r = mach_record_export(st->m, port)) == NULL)
        return r;
    struct norma_own *o = norma_own(r);
    norma_queue_init(&o->out, r);
    list_init(&o->stalled);
    list_init(&o->moved.messages);
    return r;
}

static void lend(struct mach_record *r, int64_t sends, int64_t onces)
{
    mach_net_lent(r, (uint32_t)(r->lent + sends), (uint32_t)(r->lent_onces + onces));
}

void norma_forget(struct mach_record *r)
{
    struct norma_own *o = norma_own(r);
    if (!r->principal || !mach_record_dead(r) || !o->kept || r->lent || r->lent_onces)
        return;
    o->kept = false;
    mach_record_put(r);
}

void norma_once_home(struct norma_state *st, struct mach_record *r)
{
    if (r->lent_onces == 0) {
        norma_panic(st, "a send-once right of port %08x that was not lent", norma_uid(r->uid));
        return;
    }
    lend(r, 0, -1);
    norma_forget(r);
}

/* ---- what leaves ---- */

struct tally {
    struct norma_state *st;
    void (*lacks)(void *arg, struct mach_record *r);
    void *arg;
    bool enough;
};

static struct mach_record *proxy_of(const struct mach_held *h)
{
    struct mach_record *r = h->kind == MACH_HELD_SEND ? mach_record_of(h->port) : NULL;
    return r && !r->principal && !mach_record_dead(r) ? r : NULL;
}

static void count(void *arg, struct mach_held *h)
{
    struct mach_record *r = proxy_of(h);
    (void)arg;
    if (r)
        norma_own(r)->tally++;
}

static void compare(void *arg, struct mach_held *h)
{
    struct tally *t = arg;
    struct mach_record *r = proxy_of(h);
    uint32_t n = r ? norma_own(r)->tally : 0;
    if (!n)
        return;
    norma_own(r)->tally = 0;
    /* What stays behind keeps one, so that the principal can trust its count. */
    if (-norma_own(r)->stransit >= (int64_t)n + (mach_record_sends(r) > n))
        return;
    t->enough = false;
    t->lacks(t->arg, r);
}

bool norma_enough(struct mach_kmsg *const *k, uint32_t n,
                  void (*lacks)(void *arg, struct mach_record *r), void *arg)
{
    struct tally t = { .lacks = lacks, .arg = arg, .enough = true };
    for (uint32_t i = 0; i < n; i++)
        mach_kmsg_rights(k[i], count, NULL);
    for (uint32_t i = 0; i < n; i++)
        mach_kmsg_rights(k[i], compare, &t);
    return t.enough;
}

static void send_leaves(struct norma_state *st, struct mach_held *h, struct mach_wire_right *w)
{
    struct mach_record *r = exported(st, h->port);
    if (!r)
        return;
    w->uid = r->uid;
    if (r->principal) {
        lend(r, 1, 0);
    } else {
        ASSERT_MSG(norma_own(r)->stransit < 0, "NORMA1");
        norma_own(r)->stransit++;
    }
    mach_spend(st->m, h); /* the last one: no_local_senders, if anything is owed still */
}

static void once_leaves(struct norma_state *st, struct mach_held *h, struct mach_wire_right *w)
{
    struct mach_record *r = exported(st, h->port);
    if (!r)
        return;
    w->uid = r->uid;
    if (r->principal)
        lend(r, 0, 1);
    mach_spend(st->m, h);
}

static void receive_leaves(struct norma_state *st, struct mach_held *h, struct mach_wire_right *w)
{
    struct mach_record *r = exported(st, h->port);
    if (!r)
        return;
    w->uid = r->uid;
    if (r->principal) {
        w->node = port_node(xk_port(st->self));
        norma_own(r)->leaving = true;
        mach_net_leave(h); /* its reference is this net's */
    } else {               /* it has not come yet: it goes on as it came */
        w->node = norma_own(r)->source;
        mach_record_put(mach_net_leave(h));
    }
}

/* What one right is on the wire; h is none then. */
static void leave(struct norma_state *st, struct mach_held *h, struct mach_wire_right *w)
{
    *w = (struct mach_wire_right){ .kind = h->kind };
    port_work(xk_port(st->self), PORT_WORK_LOOKUP, 1);
    if (mach_held_dead(h)) {
        w->kind = MACH_HELD_DEAD;
        mach_release(st->m, *h);
        *h = (struct mach_held){ NULL, MACH_HELD_DEAD };
    } else if (h->kind == MACH_HELD_SEND) {
        send_leaves(st, h, w);
    } else if (h->kind == MACH_HELD_ONCE) {
        once_leaves(st, h, w);
    } else if (h->kind == MACH_HELD_RECEIVE) {
        receive_leaves(st, h, w);
    }
    if (w->kind >= MACH_HELD_RECEIVE && !w->uid)
        w->kind = MACH_HELD_NONE; /* there are no numbers any more */
}

struct norma_msg *norma_convert(struct norma_state *st, struct mach_kmsg *k, uint64_t uid,
                                enum mach_held_kind kind, uint16_t flags)
{
    struct norma_msg *msg = port_alloc(xk_port(st->self), sizeof *msg);
    msg->k = k;
    msg->count = mach_wire_rights(k);
    msg->rights = port_alloc(xk_port(st->self), msg->count * sizeof *msg->rights);
    list_init(&msg->link);
    rope_init(&msg->image);
    msg->rights[0] = (struct mach_wire_right){ .uid = uid, .kind = kind };
    for (uint32_t i = 1; i < msg->count; i++)
        leave(st, mach_wire_held(k, i), &msg->rights[i]);
    mach_wire_put(k, msg->rights, flags, &msg->image);
    if (rope_stays(&msg->image)) /* pages that others may write */
        rope_settle(&msg->image);
    return msg;
}

static void msg_free(struct norma_state *st, struct norma_msg *msg)
{
    rope_fini(&msg->image);
    port_free(xk_port(st->self), msg->rights);
    port_free(xk_port(st->self), msg);
}

void norma_msg_done(struct norma_state *st, struct norma_msg *msg)
{
    struct mach_kmsg *k = msg->k;
    msg_free(st, msg);
    mach_kmsg_spend(st->m, k);
}

/* ---- what comes ---- */

static struct mach_held send_comes(struct norma_state *st, struct mach_record *r)
{
    struct mach_held h = mach_net_got(r, MACH_HELD_SEND);
    if (r->principal) {
        if (r->lent == 0) {
            norma_panic(st, "a right of port %08x that was not lent", norma_uid(r->uid));
            return h;
        }
        lend(r, -1, 0);
        norma_forget(r);
    } else {
        norma_own(r)->stransit--;
    }
    return h;
}

static struct mach_held once_comes(struct norma_state *st, struct mach_record *r)
{
    struct mach_held h = mach_net_got(r, MACH_HELD_ONCE);
    if (r->principal)
        norma_once_home(st, r);
    return h;
}

/* A receive right stays where it is until it is pulled; it may come home before. */
static struct mach_held receive_comes(struct mach_kmsg *k, struct mach_record *r, uint32_t source)
{
    struct norma_own *o = norma_own(r);
    struct mach_held h = { NULL, MACH_HELD_DEAD };
    if (mach_record_dead(r))
        return h;
    k->receives = true;
    h = mach_net_got(r, MACH_HELD_RECEIVE);
    if (r->principal) {
        ASSERT_MSG(o->leaving, "MACH1");
        o->leaving = false;
        mach_record_put(r);
    } else {
        o->source = source;
        k->fetch = true;
    }
    return h;
}

static void come(struct norma_state *st, struct mach_kmsg *k, struct mach_held *h,
                 const struct mach_wire_right *w)
{
    *h = (struct mach_held){ NULL, w->kind };
    if (w->kind < MACH_HELD_RECEIVE)
        return;
    uint32_t birth = mach_uid_node(w->uid), self = port_node(xk_port(st->self));
    port_work(xk_port(st->self), PORT_WORK_LOOKUP, 1);
    if (birth == self && !mach_record_find(st->m, w->uid)) {
        norma_panic(st, "a right of port %08x, which it does not know", norma_uid(w->uid));
        *h = (struct mach_held){ NULL, MACH_HELD_DEAD };
        return;
    }
    struct mach_record *r =
        norma_record(st, w->uid, w->kind == MACH_HELD_RECEIVE ? w->node : birth);
    *h = w->kind == MACH_HELD_SEND   ? send_comes(st, r)
         : w->kind == MACH_HELD_ONCE ? once_comes(st, r)
                                     : receive_comes(k, r, w->node);
    mach_record_put(r);
}

void norma_fill(struct norma_state *st, struct mach_wire *w)
{
    for (uint32_t i = 1; i < w->count; i++)
        come(st, w->k, mach_wire_held(w->k, i), &w->rights[i]);
}

struct mach_kmsg *norma_revert(struct norma_state *st, struct norma_msg *msg)
{
    struct mach_kmsg *k = msg->k;
    for (uint32_t i = 1; i < msg->count; i++)
        come(st, k, mach_wire_held(k, i), &msg->rights[i]);
    msg_free(st, msg);
    return k;
}

/* ---- ports that change ---- */

void norma_kill(struct norma_state *st, struct mach_record *r)
{
    struct norma_own *o = norma_own(r);
    if (r->principal || mach_record_dead(r))
        return;
    o->dying = norma_in_flight(st, &o->out);
    if (o->dying) /* what is under way is told first */
        return;
    mach_record_get(r);
    list_remove(&o->out.link);
    mach_net_kill(r);
    for (struct list *it; (it = list_pop(&o->out.messages)) != NULL;)
        mach_kmsg_destroy(st->m, norma_revert(st, LIST_ENTRY(it, struct norma_msg, link)));
    mach_record_put(r);
}

void norma_absorb(struct norma_state *st, struct mach_record *r)
{
    struct norma_own *o = norma_own(r);
    list_remove(&o->out.link);
    mach_record_get(r);
    for (struct list *it; (it = list_pop(&o->out.messages)) != NULL;) {
        struct mach_kmsg *k = norma_revert(st, LIST_ENTRY(it, struct norma_msg, link));
        struct mach_held old = k->dest;
        mach_net_deliver(r, old.kind, k);
        mach_spend(st->m, &old); /* the new one counts already */
    }
    mach_record_put(r);
}

void norma_send_on(struct norma_state *st, struct mach_record *r)
{
    struct norma_own *o = norma_own(r);
    if (!list_empty(&o->out.messages))
        norma_enqueue(st, o->dest, &o->out);
}
