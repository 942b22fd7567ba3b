/* norma_eye.c: what NORMA holds of rights, and NORMA1, for the eye of mach_eye.h. */
#include <criterion/criterion.h>

#include "os/proto/norma/norma_internal.h"
#include "tests/os/mach_eye.h"

static struct norma_state *state_of(struct eye *e, uint32_t node)
{
    return e->node[node].net->state;
}

struct walk {
    struct eye *e;
    uint32_t node;
    struct norma_state *st;
    void (*fn)(void *arg, const struct eye_right *r);
    void *arg;
    /* For the accounts: of kernels' messages under way. */
    uint64_t uid;
    int64_t words;
};

/* Has the node that it goes to got all of it, though the answer is not here yet? */
static bool delivered(struct walk *w, const struct norma_peer *p, const struct norma_queue *q,
                      const struct norma_msg *msg)
{
    uint32_t self = w->node;
    if (p->queues.next != &q->link || q->messages.next != &msg->link || !p->unacked ||
        p->offset + w->st->page < msg->image.length || !eye_there(w->e, p->host))
        return false;
    struct norma_state *st = state_of(w->e, p->host);
    const struct norma_peer *back = xk_map_resolve(&st->peers, &self);
    return back && back->last_received == p->last_sent && back->last_status == NORMA_OK;
}

static void tell(struct walk *w, struct mach_held h, bool dest, bool flying)
{
    const struct eye_right r = { .port = h.port, .kind = h.kind, .dest = dest, .flying = flying };
    if (h.kind >= MACH_HELD_RECEIVE && h.port)
        w->fn(w->arg, &r);
}

static void tell_uid(struct walk *w, uint64_t uid, enum mach_held_kind kind, bool dest)
{
    const struct eye_right r = { .uid = uid, .kind = kind, .dest = dest, .flying = true };
    if (kind >= MACH_HELD_RECEIVE)
        w->fn(w->arg, &r);
}

static void message(struct walk *w, const struct norma_msg *msg, bool there)
{
    bool kernel = mach_uid_number(msg->rights[0].uid) < MACH_SPECIALS;
    const struct mach_held dest = msg->k->dest;
    if (dest.port)
        tell(w, dest, true, !there);
    if (there)
        return;
    if (!dest.port && !kernel)
        tell_uid(w, msg->rights[0].uid, msg->rights[0].kind, true);
    for (uint32_t i = 1; i < msg->count; i++)
        tell_uid(w, msg->rights[i].uid, msg->rights[i].kind, false);
}

static bool each_peer(void *arg, const void *key, void *value)
{
    struct walk *w = arg;
    const struct norma_peer *p = value;
    (void)key;
    LIST_EACH (it, &p->queues) {
        const struct norma_queue *q = LIST_ENTRY(it, struct norma_queue, link);
        LIST_EACH (m, &q->messages) {
            const struct norma_msg *msg = LIST_ENTRY(m, struct norma_msg, link);
            message(w, msg, delivered(w, p, q, msg));
        }
    }
    return true;
}

static void waiting(struct walk *w, const struct mach_record *r)
{
    const struct norma_own *o = r->own;
    LIST_EACH (it, &o->moved.messages) {
        struct mach_kmsg *k = LIST_ENTRY(it, struct mach_kmsg, link);
        tell_uid(w, r->uid, k->dest.kind, true);
        for (uint32_t i = 1; i < mach_wire_rights(k); i++)
            tell(w, *mach_wire_held(k, i), false, true);
    }
    if (o->pulled) {
        tell(w, o->moved.no_senders, false, true);
        tell(w, o->moved.destroyed, false, true);
    }
    if (o->discarded)
        tell_uid(w, r->uid, MACH_HELD_RECEIVE, false);
}

static void held(struct eye *e, uint32_t node, void (*fn)(void *arg, const struct eye_right *r),
                 void *arg)
{
    struct norma_state *st = state_of(e, node);
    struct walk w = { .e = e, .node = node, .st = st, .fn = fn, .arg = arg };
    xk_map_each(&st->peers, each_peer, &w);
    LIST_EACH (it, &st->m->records)
        waiting(&w, LIST_ENTRY(it, struct mach_record, link));
}

/* ---- NORMA1 ---- */

static void words_of(struct walk *w, const struct mach_kmsg *k, uint32_t to)
{
    uint32_t words[3];
    norma_words(k, words, 3);
    if (k->id == NORMA_NO_LOCAL_SENDERS && norma_uid64(words[0]) == w->uid)
        w->words += words[1];
    if (k->id != NORMA_STRANSIT_REQUEST + NORMA_REPLY)
        return;
    LIST_EACH (it, &state_of(w->e, to)->pending) {
        const struct norma_pending *p = LIST_ENTRY(it, struct norma_pending, link);
        if (p->xid == words[0] && p->record->uid == w->uid)
            w->words += words[2];
    }
}

static bool each_kernel(void *arg, const void *key, void *value)
{
    struct walk *w = arg;
    const struct norma_peer *p = value;
    (void)key;
    LIST_EACH (it, &p->kernel.messages) {
        const struct norma_msg *msg = LIST_ENTRY(it, struct norma_msg, link);
        if (!delivered(w, p, &p->kernel, msg))
            words_of(w, msg->k, p->host);
    }
    return true;
}

struct sum {
    uint64_t uid;
    int64_t owed, flying, onces;
};
static void add(void *arg, const struct eye_right *r)
{
    struct sum *s = arg;
    if (r->flying && !r->dest && r->uid == s->uid && r->kind == MACH_HELD_SEND)
        s->flying++;
    if (r->kind != MACH_HELD_ONCE)
        return;
    if (r->port && r->port->record && r->port->record->uid == s->uid && !r->flying)
        s->onces--; /* it counts here still, but has been used there */
    if (r->flying && !r->dest && r->uid == s->uid)
        s->onces++;
}

static void account(struct eye *e, const struct mach_record *home)
{
    struct sum s = { .uid = home->uid };
    struct walk w = { .e = e, .uid = home->uid };
    for (uint32_t n = 0; n < e->nodes; n++) {
        if (!eye_there(e, n))
            continue;
        struct norma_state *st = state_of(e, n);
        w.node = n;
        w.st = st;
        held(e, n, add, &s);
        xk_map_each(&st->peers, each_kernel, &w);
        LIST_EACH (it, &st->requests)
            words_of(&w, LIST_ENTRY(it, struct norma_request, link)->k, n);
        const struct mach_record *r = mach_record_find(st->m, home->uid);
        const struct norma_own *o = r ? r->own : NULL;
        if (!r || r == home)
            continue;
        cr_assert_not(r->principal, "MNET1");
        cr_assert(r->port->dead || o->stransit < 0 || !r->port->sends,
                  "NORMA1: node %u has %u send rights and owes nothing", n, r->port->sends);
        s.owed -= o->stransit;
        s.onces += r->port->onces;
    }
    cr_assert_eq((int64_t)home->lent, s.owed + s.flying + w.words,
                 "NORMA1: port %lx has lent %u: %ld are owed, %ld fly, %ld are told of",
                 (unsigned long)home->uid, home->lent, (long)s.owed, (long)s.flying, (long)w.words);
    cr_assert_eq((int64_t)home->lent_onces, s.onces, "NORMA1: port %lx: %u, %ld send-once rights",
                 (unsigned long)home->uid, home->lent_onces, (long)s.onces);
}

static void check(struct eye *e)
{
    if (e->crashed)
        return;
    for (uint32_t n = 0; n < e->nodes; n++) {
        if (!eye_there(e, n))
            continue;
        cr_assert_not(state_of(e, n)->panicked, "%s", fake_last_failure(e->r.f));
        LIST_EACH (it, &e->node[n].m->records) {
            const struct mach_record *r = LIST_ENTRY(it, struct mach_record, link);
            if (r->principal && !r->port->dead)
                account(e, r);
        }
    }
}

static struct mach_held lend(struct eye *e, uint32_t from, struct mach_record *r, uint32_t to)
{
    struct norma_state *st = state_of(e, to);
    struct norma_own *o = r->own;
    if (!o->out.record) { /* as the first right that leaves would do */
        norma_queue_init(&o->out, r);
        list_init(&o->stalled);
        list_init(&o->moved.messages);
    }
    struct mach_record *proxy = norma_record(st, r->uid, from);
    struct mach_held h = mach_net_got(proxy, MACH_HELD_SEND);
    ((struct norma_own *)proxy->own)->stransit--;
    mach_net_lent(r, r->lent + 1, r->lent_onces);
    mach_record_put(proxy);
    return h;
}

const struct eye_net eye_norma = { .graph = "mesh driver; norma norma <mesh",
                                   .instance = "norma",
                                   .held = held,
                                   .check = check,
                                   .lend = lend };
