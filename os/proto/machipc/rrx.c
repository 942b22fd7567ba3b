/* rrx.c: RRX: a receive right moves, and the port's place with it.
 *
 *   1  It leaves the kernel's part with its queue; what comes for the port is told to wait.
 *   2  All calls that carry rights of it end, so that what is lent is what others have.
 *   3  Each node that has rights is told where it goes (RRX_MOVES).
 *   4  One call carries the message, the port's state and its queue.  Who takes that is the place.
 *   5  That tells the nodes that have rights (RRX_MOVED): what waited is sent again, there.
 *
 * A node that dies between 4 and 5 leaves nodes that do not know whether the right had arrived:
 * they ask where it was to go.  A place that has not been heard by all (5) does not move it on:
 * nobody ever hears of an older place after a newer.  A node that dies as its receiver takes the
 * port with it.  So a move of a right that h other nodes have (but for the two) is 2 + 4h messages.
 * The receive rights of a node move one message after the other.
 */
#include "os/proto/machipc/machipc_internal.h"

static void add_port(struct xipc_out *o, struct xipc_right *right)
{
    struct xipc_port *x;
    struct xipc *n = o->to->n;
    struct mach_record *r = mach_record_export(n->m, right->held->port);
    x = xipc_begin(n, r, xipc_now(n, n->me));
    right->w = (struct mach_wire_right){ .uid = r->uid, .kind = MACH_HELD_RECEIVE };
    right->x = x;
    (void)mach_net_leave(right->held);
    x->mover = o;
    x->taken = x->ended = false;
    o->ports = port_realloc(n->port, o->ports, (o->port_count + 1) * sizeof(struct xipc_port *));
    o->ports[o->port_count++] = x;
    mach_net_to_proxy(r, &x->moved);
    if (mach_record_sends(r) > 0) {
        xipc_peer(x, n->me)->lent = 1;
        x->got = 1;
    }
    for (uint32_t i = mach_record_onces(r) - x->flying_onces; i > 0; i--)
        xipc_token_push(x, xipc_lend_once(x, n->me));
}

static void add_image(struct xipc_out *o, struct mach_kmsg *k)
{
    struct xipc *n = o->to->n;
    o->images = port_realloc(n->port, o->images, (o->image_count + 1) * sizeof *o->images);
    xipc_image_init(n, &o->images[o->image_count++], k);
}

/* 1: also what is in the queues. */
static void leave(struct xipc_out *o)
{
    uint32_t queued = 0;
    for (uint32_t i = 0; i < o->image_count; i++) {
        for (uint32_t j = 0; j < o->images[i].count; j++)
            if (o->images[i].rights[j].held->kind == MACH_HELD_RECEIVE)
                add_port(o, &o->images[i].rights[j]);
        for (; i + 1 == o->image_count && queued < o->port_count; queued++)
            LIST_EACH (it, &o->ports[queued]->moved.messages)
                add_image(o, LIST_ENTRY(it, struct mach_kmsg, link));
    }
    o->port_rights = port_alloc(o->to->n->port, (o->port_count + 1) * sizeof *o->port_rights);
    for (uint32_t i = 0; i < o->port_count; i++) {
        o->port_rights[i][0].held = &o->ports[i]->moved.no_senders;
        o->port_rights[i][1].held = &o->ports[i]->moved.destroyed;
    }
}

static void told(void *arg, enum xk_status status, struct rope *reply)
{
    struct xipc_out *o = arg;
    (void)status, (void)reply;
    if (--o->asked == 0)
        xipc_pump(o->to);
}

static void tell_next(struct xipc_out *o, struct xipc_port *x)
{
    struct xipc *n = x->n;
    for (uint32_t i = 0; i < x->peer_count; i++) {
        struct xipc_peer *p = &x->peers[i];
        struct rope args;
        if (p->node == n->me || p->node == o->dest || !xipc_has(x, p))
            continue;
        rope_init(&args);
        xipc_put64(&args, x->r->uid);
        xipc_put32(&args, xipc_node_pack(o->at));
        o->asked++;
        xipc_call(n, p->node, XIPC_RRX, RRX_MOVES, &args, told, o);
    }
}

bool xipc_move_ready(struct xipc_out *o)
{
    struct xipc *n = o->to->n;
    if (list_empty(&o->turn))
        list_push(&n->movers, &o->turn);
    if (n->movers.next != &o->turn)
        return false;
    if (o->port_count == 0)
        leave(o);
    for (uint32_t i = 0; i < o->port_count; i++)
        if (o->ports[i]->flying > 0 || o->ports[i]->telling > 0) {
            xipc_stall(o);
            return false;
        }
    if (o->told != o->dest) {
        o->told = o->dest;
        for (uint32_t i = 0; i < o->port_count; i++)
            tell_next(o, o->ports[i]);
    }
    return o->asked == 0;
}

bool xipc_move_taken(const struct xipc_out *o)
{
    for (uint32_t i = 0; i < o->port_count; i++)
        if (o->ports[i]->taken || o->ports[i]->ended)
            return true;
    return false;
}

void xipc_move_done(struct xipc_out *o, struct xipc_node place)
{
    for (uint32_t i = 0; i < o->port_count; i++) {
        struct xipc_port *x = o->ports[i];
        struct xipc_node next = x->taken ? x->next : XIPC_NOWHERE;
        x->n->counts.moved++;
        x->mover = NULL;
        x->peer_count = x->once_count = 0;
        xipc_set_place(x, place);
        x->next = next;
        list_init(&x->moved.messages);
        if (x->ended)
            xipc_kill(x);
        else if (xk_life(x->n->self->kernel, place.node) != place.life ||
                 !xk_alive(x->n->self->kernel, place.node))
            xipc_lost_node(x, place);
        xipc_return(x);
        if (!mach_record_dead(x->r)) {
            xipc_pump(x);
            mach_net_room(x->r);
        }
        mach_record_put(x->r);
    }
    xipc_where_again(o->to->n);
}

void xipc_move_failed(struct xipc_out *o)
{
    struct xipc *n = o->to->n;
    for (uint32_t i = 0; i < o->port_count; i++) {
        struct xipc_port *x = o->ports[i];
        x->mover = NULL;
        xipc_tell_all(x);
        x->peer_count = x->once_count = 0;
        for (struct list *it; (it = list_pop(&x->moved.messages)) != NULL;) {
            struct mach_kmsg *k = LIST_ENTRY(it, struct mach_kmsg, link);
            k->dest = (struct mach_held){ NULL, MACH_HELD_NONE };
            mach_kmsg_destroy(n->m, k);
        }
        mach_release(n->m, x->moved.no_senders);
        mach_release(n->m, x->moved.destroyed);
        xipc_kill(x);
        mach_record_put(x->r);
    }
    xipc_where_again(n);
}

/* ---- the new place ---- */

static void has_heard(void *arg, enum xk_status status, struct rope *reply)
{
    struct xipc_port *x = arg;
    (void)status, (void)reply;
    if (--x->telling == 0)
        xipc_news(x->n);
    mach_record_put(x->r);
}

static void announce(struct xipc_port *x)
{
    struct xipc *n = x->n;
    for (uint32_t i = 0; i < x->peer_count; i++) {
        struct rope args;
        if (x->peers[i].node == n->me || !xipc_has(x, &x->peers[i]))
            continue;
        rope_init(&args);
        xipc_put64(&args, x->r->uid);
        x->telling++;
        mach_record_get(x->r);
        xipc_call(n, x->peers[i].node, XIPC_RRX, RRX_MOVED, &args, has_heard, x);
    }
}

/* What this node had of it counts as its own now; what dead nodes had is lost. */
static uint32_t settle_counts(struct xipc_port *x)
{
    struct xipc *n = x->n;
    uint32_t lost = 0;
    for (uint32_t i = x->peer_count; i-- > 0;) {
        struct xipc_peer *p = &x->peers[i];
        bool mine = p->node == n->me;
        uint32_t life = xk_life(n->self->kernel, p->node);
        p->wants_room = false;
        if (!mine && (life < p->life || (life == p->life && xk_alive(n->self->kernel, p->node))))
            continue;
        for (uint32_t j = x->once_count; j-- > 0;)
            if (x->onces[j].node == p->node) {
                x->onces[j] = x->onces[--x->once_count];
                lost += !mine;
            }
        if (mine)
            p->lent = 0;
        else
            *p = x->peers[--x->peer_count];
    }
    x->got = 0;
    x->token_count = 0;
    return lost;
}

void xipc_arrive(struct xipc_port *x, struct mach_held *held, struct mach_moved *in)
{
    uint32_t lost = settle_counts(x);
    struct xipc *n = x->n;
    n->counts.arrived++;
    x->arrivals++;
    x->mover = NULL;
    x->taken = x->ended = false;
    xipc_set_place(x, xipc_now(n, n->me));
    mach_record_get(x->r);
    *held = mach_net_got(x->r, MACH_HELD_RECEIVE);
    uint32_t sends = 0;
    for (uint32_t i = 0; i < x->peer_count; i++)
        sends += x->peers[i].lent;
    x->r->lent = sends;
    x->r->lent_onces = x->once_count;
    mach_net_to_principal(x->r, in);
    for (; lost > 0; lost--)
        mach_net_once_lost(x->r);
    announce(x);
    xipc_pump(x);
    xipc_return(x);
    mach_record_put(x->r);
}

void xipc_move_home(struct xipc_out *o)
{
    struct xipc *n = o->to->n;
    /* Those in queues of others first: a message is whole when it is delivered. */
    for (uint32_t i = o->image_count; i-- > 0;)
        for (uint32_t j = o->images[i].count; j-- > 0;) {
            struct xipc_right *right = &o->images[i].rights[j];
            if (right->w.kind != MACH_HELD_RECEIVE)
                continue;
            struct xipc_port *x = right->x;
            ASSERT_MSG(o->port_count > 0 && o->ports[o->port_count - 1] == x, "XIPC4");
            o->port_count--;
            xipc_arrive(x, right->held, &x->moved);
            mach_record_put(x->r);
        }
    ASSERT_MSG(o->port_count == 0, "XIPC4");
    xipc_where_again(n);
}

/* ---- service ---- */

void xipc_rrx_serve(void *arg, struct select_request *q, uint32_t procedure, struct rope *args)
{
    struct xipc *n = arg;
    uint64_t uid;
    uint32_t to = 0, from = select_request_host(q);
    if (procedure > RRX_MOVED || !xipc_get64(args, &uid) ||
        (procedure == RRX_MOVES && !xipc_get32(args, &to))) {
        n->counts.bad++;
        xipc_answer(q, XIPC_BAD, XIPC_NOBODY);
        return;
    }
    struct xipc_node next = procedure == RRX_MOVES ? xipc_node_unpack(to) : XIPC_NOWHERE;
    struct xipc_port *x = xipc_find(n, uid);
    if (x && x->mover) { /* it moves on from where it goes */
        x->taken = true;
        x->next = next;
    } else if (x && !x->r->principal && !mach_record_dead(x->r)) {
        mach_record_get(x->r);
        xipc_set_place(x, xipc_now(n, from));
        x->next = next;
        if (procedure == RRX_MOVED)
            mach_net_room(x->r);
        mach_record_put(x->r);
    }
    xipc_answer(q, XIPC_DONE, n->me);
    xipc_news(n);
}
