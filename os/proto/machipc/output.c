/* output.c: messages that go to other nodes: each port's one after the other (XIPC3).
 *
 *   waiting   in its port's list                       -> its turn: under way, or stalled
 *   stalled   its port's place, or that of a right that it carries, is not known, or it has receive
 *             rights that are not ready to move        -> news: its turn
 *   under way one call is out                          -> answered: gone, or its turn again
 */
#include "os/proto/machipc/machipc_internal.h"

void xipc_image_init(struct xipc *n, struct xipc_image *i, struct mach_kmsg *k)
{
    i->k = k;
    i->count = mach_wire_rights(k);
    i->rights = port_alloc(n->port, i->count * sizeof *i->rights);
    for (uint32_t j = 0; j < i->count; j++)
        i->rights[j].held = mach_wire_held(k, j);
}

/* ---- all rights of what goes ---- */

/* But the destinations of queued messages, which count nowhere. */
static void each_right(struct xipc_out *o, void (*fn)(struct xipc_out *o, struct xipc_right *r))
{
    for (uint32_t i = 0; i < o->image_count; i++)
        for (uint32_t j = i > 0; j < o->images[i].count; j++)
            fn(o, &o->images[i].rights[j]);
    for (uint32_t i = 0; i < o->port_count; i++) {
        fn(o, &o->port_rights[i][0]);
        fn(o, &o->port_rights[i][1]);
    }
}

static bool is_port(const struct mach_held *h)
{
    return h->kind == MACH_HELD_SEND || h->kind == MACH_HELD_ONCE;
}

/* Somebody else moves it, or nobody knows where it is. */
static void look(struct xipc_out *o, struct xipc_right *r)
{
    if (!is_port(r->held))
        return;
    struct mach_record *rec = mach_record_of(r->held->port);
    struct xipc_port *x = rec ? rec->own : NULL;
    if (x && x->n && !mach_record_dead(rec) && x->mover != o && !rec->principal &&
        !xipc_knows_place(x))
        o->stuck = true;
}

/* The number that its send-once right has already, or another one that this node has. */
static uint32_t number_of(struct xipc_right *r, struct xipc_port *x, uint32_t token)
{
    if (token == 0 || r->arrivals != x->arrivals)
        (void)xipc_token_pop(x, &token);
    r->arrivals = x->arrivals;
    return token;
}

static void prepare(struct xipc_out *o, struct xipc_right *r)
{
    struct xipc *n = o->to->n;
    uint32_t token = r->how == XIPC_PROXY ? r->w.word : 0;
    if (r->w.kind == MACH_HELD_RECEIVE)
        return;
    r->w = (struct mach_wire_right){ .kind = r->held->kind };
    r->how = XIPC_NONE;
    if (r->held->kind == MACH_HELD_NONE)
        return;
    struct mach_record *rec = is_port(r->held) ? mach_record_export(n->m, r->held->port) : NULL;
    if (!rec || mach_record_dead(rec)) {
        r->w.kind = MACH_HELD_DEAD;
        return;
    }
    bool once = r->held->kind == MACH_HELD_ONCE;
    struct xipc_port *x = xipc_begin(n, rec, xipc_now(n, n->me));
    r->x = x;
    r->w.uid = rec->uid;
    if (x->mover == o) {
        r->w.node = xipc_node_pack(o->at);
        r->how = once ? XIPC_PROXY : XIPC_HOME;
        r->w.word = once ? number_of(r, x, token) : 0;
    } else if (rec->principal) {
        r->w.node = xipc_node_pack(xipc_now(n, n->me));
        r->how = XIPC_LENT;
        x->flying++;
        x->flying_onces += once;
        if (once)
            r->w.word = xipc_lend_once(x, o->dest);
        else
            xipc_lend(x, o->dest);
    } else {
        r->w.node = xipc_node_pack(x->place);
        r->how = XIPC_PROXY;
        r->w.word = once ? number_of(r, x, token) : 0;
    }
}

/* ---- bytes ---- */

static void put_image(struct xipc *n, struct rope *out, struct xipc_image *i, uint16_t flags)
{
    struct mach_wire_right *w = port_alloc(n->port, i->count * sizeof *w);
    for (uint32_t j = 0; j < i->count; j++)
        w[j] = i->rights[j].w;
    mach_wire_put(i->k, w, flags, out);
    port_free(n->port, w);
}

static void put_port(struct rope *out, const struct xipc_port *x, struct xipc_right rights[2])
{
    xipc_put64(out, x->r->uid);
    xipc_put32(out, x->moved.seqno);
    xipc_put32(out, x->moved.qlimit);
    xipc_put32(out, x->token);
    xipc_put_right(out, &rights[0].w);
    xipc_put_right(out, &rights[1].w);
    xipc_put32(out, x->peer_count);
    xipc_put32(out, x->once_count);
    for (uint32_t i = 0; i < x->peer_count; i++) {
        xipc_put32(out, x->peers[i].node);
        xipc_put32(out, x->peers[i].life);
        xipc_put32(out, x->peers[i].lent);
        xipc_put64(out, x->peers[i].seq);
    }
    for (uint32_t i = 0; i < x->once_count; i++) {
        xipc_put32(out, x->onces[i].token);
        xipc_put32(out, x->onces[i].node);
    }
}

static void put(struct xipc_out *o, struct rope *out)
{
    struct xipc *n = o->to->n;
    uint32_t image = 1;
    xipc_put64(out, o->seq);
    xipc_put32(out, o->port_count);
    put_image(n, out, &o->images[0], 0);
    for (uint32_t i = 0; i < o->port_count; i++) {
        struct xipc_port *x = o->ports[i];
        uint32_t messages = 0;
        LIST_EACH (it, &x->moved.messages)
            messages++;
        put_port(out, x, o->port_rights[i]);
        xipc_put32(out, messages);
        for (; messages > 0; messages--) {
            struct xipc_image *im = &o->images[image++];
            im->rights[0].w = (struct mach_wire_right){ .uid = x->r->uid,
                                                        .node = xipc_node_pack(o->at),
                                                        .kind = im->k->dest.kind };
            put_image(n, out, im, 1);
        }
    }
}

/* ---- the end ---- */

static void landed(struct xipc_right *r)
{
    if (r->how != XIPC_LENT)
        return;
    r->x->flying--;
    r->x->flying_onces -= r->held->kind == MACH_HELD_ONCE;
}

/* It was taken: what it carried is there, and counts here no more. */
static void took(struct xipc_out *o, struct xipc_right *r)
{
    struct xipc_port *x = r->x;
    landed(r);
    if (!is_port(r->held))
        return;
    if (r->how == XIPC_LENT && mach_record_dead(x->r))
        xipc_tell_death(x->n, x, o->dest); /* it died meanwhile: that may have come before */
    mach_spend(o->to->n->m, r->held);
}

/* It was taken before, with what it carried then. */
static void took_before(struct xipc_out *o, struct xipc_right *r)
{
    landed(r);
    if (r->how == XIPC_LENT && r->held->kind == MACH_HELD_SEND)
        xipc_unlend(r->x, o->dest);
    if (r->how == XIPC_LENT && r->held->kind == MACH_HELD_ONCE) {
        (void)xipc_once_take(r->x, r->w.word, o->dest);
        xipc_lent(r->x);
    }
    if (is_port(r->held))
        mach_spend(o->to->n->m, r->held);
}

/* It was not. */
static void came_back(struct xipc_out *o, struct xipc_right *r)
{
    landed(r);
    if (r->how != XIPC_LENT)
        return;
    if (r->held->kind == MACH_HELD_SEND)
        xipc_unlend(r->x, o->dest);
    else if (!xipc_once_take(r->x, r->w.word, o->dest)) /* its node has died: it was told */
        mach_spend(o->to->n->m, r->held);
    else if (r->x->mover) /* the port leaves: it is one of this node then */
        xipc_token_push(r->x, xipc_lend_once(r->x, o->to->n->me));
    r->how = XIPC_NONE;
    xipc_lent(r->x);
}

/* What has no receiver: its numbers are free again. */
static void dropped(struct xipc_out *o, struct xipc_right *r)
{
    (void)o;
    if (r->how == XIPC_PROXY && r->held->kind == MACH_HELD_ONCE && r->w.word &&
        r->arrivals == r->x->arrivals && !mach_record_dead(r->x->r))
        xipc_token_push(r->x, r->w.word);
}

static void out_free(struct xipc_out *o)
{
    struct xipc *n = o->to->n;
    struct xipc_port *x = o->to;
    list_remove(&o->stall);
    for (uint32_t i = 0; i < o->image_count; i++)
        port_free(n->port, o->images[i].rights);
    port_free(n->port, o->images);
    port_free(n->port, o->ports);
    port_free(n->port, o->port_rights);
    port_free(n->port, o);
    mach_record_put(x->r);
}

static void unlink(struct xipc_out *o)
{
    list_remove(&o->link);
    o->to->out_count--;
}

/* The next message with receive rights may go. */
static void next_turn(struct xipc_out *o)
{
    struct xipc *n = o->to->n;
    bool first = n->movers.next == &o->turn;
    list_remove(&o->turn);
    if (first && !list_empty(&n->movers))
        xipc_pump(LIST_ENTRY(n->movers.next, struct xipc_out, turn)->to);
}

static void gone(struct xipc_out *o)
{
    struct xipc *n = o->to->n;
    unlink(o);
    n->counts.sent++;
    for (uint32_t i = 0; i < o->image_count; i++)
        mach_kmsg_free(n->m, o->images[i].k);
    if (o->port_count)
        xipc_move_done(o, o->at);
    next_turn(o);
    out_free(o);
}

static void destroy(struct xipc_out *o)
{
    struct xipc *n = o->to->n;
    struct mach_kmsg *k = o->images[0].k;
    bool lost = o->lost;
    if (lost) /* its send-once destination is there no more */
        o->images[0].rights[0].w.word = 0;
    unlink(o);
    n->counts.failed++;
    each_right(o, dropped);
    if (o->port_count)
        xipc_move_failed(o);
    next_turn(o);
    out_free(o);
    if (lost)
        mach_kmsg_spend(n->m, k);
    else
        mach_kmsg_destroy(n->m, k);
}

void xipc_out_destroy_all(struct xipc_port *x)
{
    mach_record_get(x->r);
    LIST_EACH (it, &x->out)
        LIST_ENTRY(it, struct xipc_out, link)->destroyed = true;
    xipc_pump(x); /* one that is under way ends with its answer, those behind it after it */
    mach_record_put(x->r);
}

/* ---- answers ---- */

static void all_gone(struct xipc_out *o, void (*how)(struct xipc_out *o, struct xipc_right *r))
{
    struct xipc_port *x = o->to;
    each_right(o, how);
    gone(o);
    if (!mach_record_dead(x->r))
        mach_net_room(x->r);
}

static void answered(void *arg, enum xk_status status, struct rope *reply)
{
    struct xipc_out *o = arg;
    struct xipc_port *x = o->to;
    struct xipc *n = x->n;
    uint32_t node;
    enum xipc_answer a = XIPC_ELSEWHERE;
    if (status == XK_OK)
        a = xipc_read_answer(reply, &node);
    if (xipc_parts_next(o, a, answered))
        return;
    if (a == XIPC_MORE)
        a = XIPC_ELSEWHERE; /* there is nobody any more who would take the rest */
    mach_record_get(x->r);
    o->under_way = false;
    if (status != XK_OK && status != XK_RESTARTED && xk_alive(n->self->kernel, o->dest))
        a = XIPC_BAD; /* nobody is there who could take it */
    if (a == XIPC_LATER) {
        xipc_later(n);
        a = XIPC_ELSEWHERE;
    }
    if (a == XIPC_ELSEWHERE && xipc_move_taken(o))
        a = XIPC_AGAIN;
    /* Its receiver took it and has died: what is lent to that is lost with it (XIPC5). */
    bool died_with_it = a == XIPC_AGAIN && status != XK_OK;
    if (a == XIPC_DONE || a == XIPC_FULL) {
        x->full = a == XIPC_FULL && x->told == o->heard && x->rooms == o->rooms;
        all_gone(o, took);
    } else if (a == XIPC_AGAIN) {
        n->counts.again++;
        all_gone(o, died_with_it ? took : took_before);
    } else {
        each_right(o, came_back);
        n->counts.elsewhere += a == XIPC_ELSEWHERE;
        if (a == XIPC_ELSEWHERE && !o->destroyed) {
            o->tried = true;
        } else {
            o->lost = a == XIPC_LOST;
            destroy(o);
            if (a == XIPC_DEAD && !mach_record_dead(x->r) && x->told == o->heard)
                xipc_kill(x);
        }
    }
    xipc_news(n);
    xipc_pump(x);
    mach_record_put(x->r);
}

/* ---- the way out ---- */

/* The port is here now: what was sent to it needs no call. */
static void deliver_here(struct xipc_out *o)
{
    struct xipc_port *x = o->to;
    struct xipc *n = x->n;
    struct mach_kmsg *k = o->images[0].k;
    struct mach_held dest = k->dest;
    unlink(o);
    each_right(o, dropped);
    if (o->port_count)
        xipc_move_home(o);
    k->dest = (struct mach_held){ NULL, MACH_HELD_NONE };
    mach_net_deliver(x->r, dest.kind, k);
    mach_spend(n->m, &dest);
    next_turn(o);
    out_free(o);
}

static void go(struct xipc_out *o)
{
    struct xipc *n = o->to->n;
    struct rope args;
    o->stuck = o->tried && o->places == n->places; /* nothing is known that was not then */
    each_right(o, look);
    o->at = o->to->place;
    o->dest = o->at.node;
    if (!xipc_met(n, o->dest))
        o->stuck = true;
    if (o->stuck) {
        xipc_stall(o);
        return;
    }
    if (o->images[0].k->receives && !xipc_move_ready(o))
        return;
    o->stuck = false;
    each_right(o, look); /* those that came with queues, too */
    if (o->stuck) {
        xipc_stall(o);
        return;
    }
    o->heard = o->to->told;
    o->rooms = o->to->rooms;
    o->places = n->places;
    o->tried = false;
    each_right(o, prepare);
    rope_init(&args);
    put(o, &args);
    o->under_way = true;
    xipc_parts_send(o, &args, answered);
}

static void pump(struct xipc_port *x)
{
    while (!list_empty(&x->out)) {
        struct xipc_out *o = LIST_ENTRY(x->out.next, struct xipc_out, link);
        if (o->under_way || o->asked > 0)
            return;
        if (o->destroyed || mach_record_dead(x->r)) {
            destroy(o);
        } else if (xipc_here(x)) {
            deliver_here(o);
        } else {
            if (xipc_knows_place(x))
                go(o);
            else
                xipc_stall(o);
            return;
        }
    }
}

void xipc_pump(struct xipc_port *x)
{
    x->again = true;
    if (x->pumping)
        return;
    mach_record_get(x->r);
    x->pumping = true;
    while (x->again) {
        x->again = false;
        pump(x);
    }
    x->pumping = false;
    mach_record_put(x->r);
}

void xipc_stall(struct xipc_out *o)
{
    if (list_empty(&o->stall))
        list_push(&o->to->n->stalled, &o->stall);
}

void xipc_news(struct xipc *n)
{
    struct list again, owing;
    list_init(&again);
    list_init(&owing);
    list_splice(&again, &n->stalled);
    list_splice(&owing, &n->owing);
    for (struct list *it; (it = list_pop(&again)) != NULL;)
        xipc_pump(LIST_ENTRY(it, struct xipc_out, stall)->to);
    for (struct list *it; (it = list_pop(&owing)) != NULL;)
        xipc_return(LIST_ENTRY(it, struct xipc_port, owes));
}

bool xipc_room(void *net, struct mach_record *r, struct mach_kmsg *k)
{
    struct xipc_port *x = r->own;
    (void)net;
    return !x->n || k->dest.kind == MACH_HELD_ONCE ||
           (!x->full && x->out_count < x->n->params->window);
}

void xipc_send(void *net, struct mach_record *r, struct mach_kmsg *k)
{
    struct xipc *n = net;
    struct xipc_port *x = xipc_begin(n, r, xipc_now(n, n->me));
    if (mach_record_dead(r)) {
        mach_kmsg_destroy(n->m, k);
        return;
    }
    struct xipc_out *o = port_alloc(n->port, sizeof *o);
    list_init(&o->link);
    list_init(&o->stall);
    list_init(&o->turn);
    o->to = x;
    o->kind = k->dest.kind;
    o->seq = ++n->seq;
    o->told = XIPC_NOBODY;
    rope_init(&o->rest);
    o->images = port_alloc(n->port, sizeof *o->images);
    o->image_count = 1;
    xipc_image_init(n, o->images, k);
    x->out_count++;
    mach_record_get(r);
    list_push(&x->out, &o->link);
    if (x->out.next == &o->link)
        xipc_pump(x);
}
