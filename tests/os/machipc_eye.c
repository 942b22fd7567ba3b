/* machipc_eye.c: what MACHIPC holds of rights, and what its places have lent, for the eye of
 * mach_eye.h.
 *
 * A message under way has its rights until it is answered, though its receiver may have them by
 * then: that is told by the number of the last message that the port has taken, wherever it is.
 */
#include <criterion/criterion.h>

#include "os/proto/machipc/machipc_internal.h"
#include "tests/os/mach_eye.h"

static struct xipc *net_of(struct eye *e, uint32_t node)
{
    return e->node[node].net->state;
}

static const struct xipc_peer *peer_of(const struct xipc_port *x, uint32_t node)
{
    for (uint32_t i = 0; i < x->peer_count; i++)
        if (x->peers[i].node == node)
            return &x->peers[i];
    return NULL;
}

enum taken { NOT_TAKEN, TAKEN, NOBODY_KNOWS };

static enum taken taken(struct eye *e, const struct xipc_out *o)
{
    bool lives = false;
    if (!o->under_way || !eye_there(e, o->dest))
        return NOT_TAKEN;
    for (uint32_t n = 0; n < e->nodes; n++) {
        struct mach_record *r =
            eye_there(e, n) ? mach_record_find(e->node[n].m, o->to->r->uid) : NULL;
        const struct xipc_port *x = r ? r->own : NULL;
        if (!x || !x->n || mach_record_dead(r))
            continue;
        const struct xipc_peer *p = peer_of(x, o->to->n->me);
        lives = lives || r->principal || x->mover;
        if ((r->principal || x->mover) && p && p->seq >= o->seq)
            return TAKEN;
    }
    return lives ? NOT_TAKEN : NOBODY_KNOWS;
}

struct walk {
    void (*fn)(void *arg, const struct eye_right *r);
    void *arg;
    enum taken taken;
};

static void tell(const struct walk *w, struct eye_right r)
{
    r.flying = w->taken != TAKEN;
    r.unsure = w->taken == NOBODY_KNOWS;
    if (r.kind >= MACH_HELD_RECEIVE)
        w->fn(w->arg, &r);
}

static void out(struct eye *e, const struct xipc_out *o, struct walk *w)
{
    w->taken = taken(e, o);
    for (uint32_t i = 0; i < o->image_count; i++)
        for (uint32_t j = i > 0; j < o->images[i].count; j++) {
            const struct mach_held *h = o->images[i].rights[j].held;
            tell(w,
                 (struct eye_right){ .port = h->port, .kind = h->kind, .dest = i == 0 && j == 0 });
        }
    for (uint32_t i = 0; i < o->port_count; i++) {
        const struct xipc_port *x = o->ports[i];
        tell(w, (struct eye_right){ .uid = x->r->uid, .kind = MACH_HELD_RECEIVE });
        for (int j = 0; j < 2 && o->port_rights; j++)
            tell(w, (struct eye_right){ .port = o->port_rights[i][j].held->port,
                                        .kind = o->port_rights[i][j].held->kind });
        LIST_EACH (it, &x->moved.messages)
            tell(w, (struct eye_right){ .uid = x->r->uid,
                                        .kind = LIST_ENTRY(it, struct mach_kmsg, link)->dest.kind,
                                        .dest = true });
    }
}

static void held(struct eye *e, uint32_t node, void (*fn)(void *arg, const struct eye_right *r),
                 void *arg)
{
    struct walk w = { .fn = fn, .arg = arg };
    LIST_EACH (it, &e->node[node].m->records) {
        const struct mach_record *r = LIST_ENTRY(it, struct mach_record, link);
        const struct xipc_port *x = r->own;
        for (const struct list *l = x->n ? x->out.next : &x->out; x->n && l != &x->out; l = l->next)
            out(e, LIST_ENTRY(l, struct xipc_out, link), &w);
    }
    w.taken = NOT_TAKEN;
    LIST_EACH (it, &net_of(e, node)->arriving) {
        const struct xipc_in *in = LIST_ENTRY(it, struct xipc_in, link);
        for (uint32_t i = 0; i < in->right_count; i++)
            if (in->rights[i].state == XIPC_GOT_COUNTED && in->rights[i].w->kind == MACH_HELD_SEND)
                tell(&w, (struct eye_right){ .port = in->rights[i].held->port,
                                             .kind = in->rights[i].held->kind });
    }
}

/* Nobody has more than its place has lent; when nothing is under way, as much. */
static void account(struct eye *e, const struct mach_record *home, bool quiet)
{
    const struct xipc_port *place = home->own;
    for (uint32_t n = 0; n < e->nodes; n++) {
        struct mach_record *r = eye_there(e, n) ? mach_record_find(e->node[n].m, home->uid) : NULL;
        const struct xipc_port *x = r ? r->own : NULL;
        const struct xipc_peer *p = peer_of(place, n);
        uint32_t lent = p ? p->lent : 0, numbers = 0;
        if (n == place->n->me)
            continue;
        bool there = x && x->n && !mach_record_dead(r);
        for (uint32_t i = 0; i < place->once_count; i++)
            numbers += place->onces[i].node == n;
        if (there && !x->mover)
            cr_assert_leq(x->got, lent, "XIPC1: %u came to node %u, %u are lent", x->got, n, lent);
        if (!quiet)
            continue;
        cr_assert_eq(there ? x->got : 0, lent, "XIPC1: %u came to node %u, %u are lent",
                     there ? x->got : 0, n, lent);
        cr_assert_eq(there ? x->token_count : 0, numbers, "XIPC1");
        cr_assert(!there || numbers == mach_record_onces(r), "XIPC1");
        cr_assert(!there || x->place.node == place->n->me, "XIPC4");
        cr_assert(!there || (!x->owed && list_empty(&x->out) && !x->mover), "XIPC5");
    }
}

/* Of no node and port are there parts of more than one message. */
static void parts(const struct xipc *x, bool quiet)
{
    cr_assert(!quiet || list_empty(&x->parts), "XIPC6: parts of a message are kept for ever");
    LIST_EACH (it, &x->parts) {
        const struct xipc_parts *p = LIST_ENTRY(it, struct xipc_parts, link);
        for (const struct list *that = it->next; that != &x->parts; that = that->next) {
            const struct xipc_parts *q = LIST_ENTRY(that, struct xipc_parts, link);
            cr_assert(p->from != q->from || p->uid != q->uid, "XIPC6: two messages in parts");
        }
    }
}

static void accounts(struct eye *e, bool quiet)
{
    for (uint32_t n = 0; n < e->nodes; n++) {
        if (!eye_there(e, n))
            continue;
        const struct xipc *x = net_of(e, n);
        parts(x, quiet);
        if (quiet)
            cr_assert(list_empty(&x->stalled) && list_empty(&x->movers) &&
                          list_empty(&x->arriving) && list_empty(&x->owing) &&
                          list_empty(&x->where),
                      "XIPC5");
        LIST_EACH (it, &e->node[n].m->records) {
            const struct mach_record *r = LIST_ENTRY(it, struct mach_record, link);
            const struct xipc_port *own = r->own;
            if (own->n && r->principal && !r->port->dead)
                account(e, r, quiet);
        }
    }
}

static void check(struct eye *e)
{
    accounts(e, fake_pending(e->r.f) == 0);
}

/* All nodes know each other by then. */
static void meet(struct eye *e)
{
    for (uint32_t i = 0; i < e->nodes; i++)
        for (uint32_t j = 0; j < e->nodes; j++)
            if (i != j && eye_there(e, i) && eye_there(e, j))
                (void)xk_heard(net_of(e, i)->self->kernel, j, port_incarnation(e->node[j].port));
}

static struct mach_held lend(struct eye *e, uint32_t from, struct mach_record *r, uint32_t to)
{
    struct xipc *n = net_of(e, from);
    meet(e);
    xipc_lend(xipc_begin(n, r, xipc_now(n, from)), to);
    struct xipc_node at = { from, port_incarnation(e->node[from].port) };
    struct xipc_port *x = xipc_get(net_of(e, to), r->uid, at);
    struct mach_held h = mach_net_got(x->r, MACH_HELD_SEND);
    x->got++;
    mach_record_put(x->r);
    return h;
}

const struct eye_net eye_machipc = {
    .graph = "mesh driver; blast blast <mesh; chan chan <blast tries=1000; rpc select <chan; "
             "ipc machipc <rpc",
    .instance = "ipc",
    .held = held,
    .check = check,
    .lend = lend,
    .mends = true,
};
