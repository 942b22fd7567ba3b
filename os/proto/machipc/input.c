/* input.c: messages that come.
 *
 * What came is read whole, then the rights that others than their places have sent are counted
 * (LSR); then all is done in one step: ports that arrive, rights, the message.  Before that nothing
 * has changed that cannot be undone: the sender tries again, or keeps what it had.
 */
#include "os/proto/machipc/machipc_internal.h"

#define TRIES 4 /* places that a right is looked for at, before its sender is asked to look again */

/* ---- bytes ---- */

static bool get_port(struct xipc_in *in, struct rope *r, struct xipc_arrival *p)
{
    struct port *port = in->n->port;
    list_init(&p->moved.messages);
    if (!xipc_get64(r, &p->uid) || !xipc_get32(r, &p->moved.seqno) ||
        !xipc_get32(r, &p->moved.qlimit) || !xipc_get32(r, &p->token) ||
        !xipc_get_right(r, &p->rights[0]) || !xipc_get_right(r, &p->rights[1]) ||
        !xipc_get32(r, &p->peer_count) || !xipc_get32(r, &p->once_count) ||
        p->moved.qlimit > MACH_QLIMIT_MAX || p->peer_count > r->length / 20 ||
        p->once_count > r->length / 8)
        return false;
    bool good = true;
    p->peers = port_alloc(port, (p->peer_count + 1) * sizeof *p->peers);
    p->onces = port_alloc(port, (p->once_count + 1) * sizeof *p->onces);
    for (uint32_t i = 0; good && i < p->peer_count; i++) {
        struct xipc_peer *e = &p->peers[i];
        good = xipc_get32(r, &e->node) && xipc_get32(r, &e->life) && xipc_get32(r, &e->lent) &&
               xipc_get64(r, &e->seq) && e->node < port_nodes(port);
    }
    for (uint32_t i = 0; good && i < p->once_count; i++)
        good = xipc_get32(r, &p->onces[i].token) && xipc_get32(r, &p->onces[i].node) &&
               p->onces[i].node < port_nodes(port);
    return good && xipc_get32(r, &p->messages);
}

static bool get_image(struct xipc_in *in, struct rope *r)
{
    struct xipc *n = in->n;
    in->images = port_realloc(n->port, in->images, (in->image_count + 1) * sizeof *in->images);
    return mach_wire_get(n->m, r, &in->images[in->image_count++]) == MACH_WIRE_OK;
}

static bool read(struct xipc_in *in, struct rope *r)
{
    struct xipc *n = in->n;
    if (!xipc_get64(r, &in->seq) || !xipc_get32(r, &in->port_count) ||
        in->port_count > r->length / 80 || !get_image(in, r)) {
        in->port_count = 0;
        return false;
    }
    in->ports = port_alloc(n->port, (in->port_count + 1) * sizeof *in->ports);
    for (uint32_t i = 0; i < in->port_count; i++) {
        struct xipc_arrival *p = &in->ports[i];
        if (!get_port(in, r, p))
            return false;
        for (uint32_t j = 0; j < p->messages; j++)
            if (!get_image(in, r) || in->images[in->image_count - 1].rights[0].uid != p->uid)
                return false;
    }
    return r->length == 0;
}

static void add_right(struct xipc_in *in, struct mach_wire_right *w, struct mach_held *held)
{
    in->rights[in->right_count++] = (struct xipc_got){ .in = in, .w = w, .held = held };
}

static bool moves_along(const struct xipc_in *in, uint64_t uid)
{
    for (uint32_t i = 0; i < in->port_count; i++)
        if (in->ports[i].uid == uid)
            return true;
    return false;
}

/* What is to arrive is not here. */
static bool ports_are_new(const struct xipc_in *in)
{
    for (uint32_t i = 0; i < in->port_count; i++) {
        struct xipc_port *x = xipc_find(in->n, in->ports[i].uid);
        if (x && (x->r->principal || x->mover || mach_record_dead(x->r)))
            return false;
    }
    return true;
}

/* All rights; the receive rights must be the ports, in order. */
static bool collect(struct xipc_in *in)
{
    uint32_t count = 2 * in->port_count, receives = 0;
    for (uint32_t i = 0; i < in->image_count; i++)
        count += in->images[i].count;
    in->rights = port_alloc(in->n->port, (count + 1) * sizeof *in->rights);
    for (uint32_t i = 0; i < in->image_count; i++)
        for (uint32_t j = 1; j < in->images[i].count; j++)
            add_right(in, &in->images[i].rights[j], mach_wire_held(in->images[i].k, j));
    for (uint32_t i = 0; i < in->right_count; i++)
        if (in->rights[i].w->kind == MACH_HELD_RECEIVE &&
            (receives == in->port_count || in->ports[receives++].uid != in->rights[i].w->uid))
            return false;
    for (uint32_t i = 0; i < in->port_count; i++) {
        struct xipc_arrival *p = &in->ports[i];
        for (uint32_t j = i + 1; j < in->port_count; j++)
            if (in->ports[j].uid == p->uid)
                return false;
        for (int j = 0; j < 2; j++) {
            if (p->rights[j].kind != MACH_HELD_ONCE && p->rights[j].kind > MACH_HELD_DEAD)
                return false;
            add_right(in, &p->rights[j], j == 0 ? &p->moved.no_senders : &p->moved.destroyed);
        }
    }
    return receives == in->port_count && ports_are_new(in);
}

/* ---- the end ---- */

static void in_free(struct xipc_in *in)
{
    struct xipc *n = in->n;
    list_remove(&in->link);
    for (uint32_t i = 0; i < in->right_count; i++)
        if (in->rights[i].x)
            mach_record_put(in->rights[i].x->r);
    for (uint32_t i = 0; i < in->image_count; i++)
        mach_wire_fini(n->m, &in->images[i]);
    for (uint32_t i = 0; i < in->port_count && in->ports; i++) {
        port_free(n->port, in->ports[i].peers);
        port_free(n->port, in->ports[i].onces);
    }
    port_free(n->port, in->images);
    port_free(n->port, in->ports);
    port_free(n->port, in->rights);
    port_free(n->port, in);
}

static void refused(struct xipc_in *in)
{
    struct xipc *n = in->n;
    enum xipc_answer a = in->answer;
    n->counts.lost += a == XIPC_LOST;
    n->counts.bad += a == XIPC_BAD;
    n->counts.circular += a == XIPC_CIRCULAR;
    xipc_answer(in->q, a, XIPC_NOBODY);
    in_free(in);
}

static void given(void *arg, enum xk_status status, struct rope *reply)
{
    struct xipc_in *in = arg;
    (void)status, (void)reply;
    if (--in->pending == 0)
        refused(in);
}

/* What was counted as this node's is so no more. */
static void undo(struct xipc_in *in, struct xipc_got *g)
{
    struct xipc *n = in->n;
    struct mach_held mine = *g->held;
    *g->held = (struct mach_held){ NULL, MACH_HELD_NONE };
    if (g->w->kind == MACH_HELD_SEND) {
        mach_release(n->m, mine);
    } else if (in->over && !g->x->r->principal && !mach_record_dead(g->x->r)) {
        xipc_token_push(g->x, g->w->word); /* it is nobody else's any more, and is destroyed */
        mach_release(n->m, mach_net_got(g->x->r, MACH_HELD_ONCE));
    } else if (xipc_here(g->x) || (g->x->mover && !g->x->mover->under_way)) {
        bool taken = xipc_once_take(g->x, g->w->word, n->me);
        if (taken && !in->over)
            xipc_once_put(g->x, g->w->word, in->from);
        else if (taken && xipc_here(g->x))
            mach_net_once_lost(g->x->r);
    } else if (xipc_knows_place(g->x)) {
        in->pending++;
        xipc_register(n, g->x->place.node, g->w->uid, g->w->word, n->me, in->from, given, in);
    }
}

/* Its sender has all its rights as before when it hears that. */
static void refuse(struct xipc_in *in, enum xipc_answer a)
{
    in->answer = a;
    in->pending = 1;
    for (uint32_t i = 0; i < in->right_count; i++)
        if (in->rights[i].state == XIPC_GOT_COUNTED)
            undo(in, &in->rights[i]);
    if (--in->pending == 0)
        refused(in);
}

/* ---- can it be given to the port? ---- */

static enum xipc_answer can_take(struct xipc_in *in)
{
    const struct mach_wire_right *dest = &in->images[0].rights[0];
    struct xipc_port *x = xipc_find(in->n, dest->uid);
    if (!x)
        return XIPC_ELSEWHERE;
    if (mach_record_dead(x->r))
        return XIPC_DEAD;
    if (x->mover && moves_along(in, x->mover->to->r->uid))
        return XIPC_CIRCULAR;
    if (!xipc_here(x))
        return XIPC_ELSEWHERE;
    const struct xipc_peer *p = xipc_peer_of(x, in->from);
    if (p && p->seq >= in->seq)
        return XIPC_AGAIN; /* XIPC3 */
    if (dest->kind == MACH_HELD_ONCE && !xipc_once_has(x, dest->word, in->from))
        return XIPC_LOST;
    return XIPC_DONE;
}

/* ---- one step ---- */

static void give(struct xipc_in *in, struct xipc_got *g)
{
    struct xipc *n = in->n;
    struct xipc_port *x = g->x;
    bool once = g->w->kind == MACH_HELD_ONCE;
    if (g->state == XIPC_GOT_NOTHING) {
        if (g->w->kind == MACH_HELD_DEAD)
            g->held->kind = MACH_HELD_DEAD;
        return;
    }
    if (g->state == XIPC_GOT_COUNTED && !once)
        return;
    if (mach_record_dead(x->r)) {
        *g->held = mach_net_got(x->r, g->w->kind);
        return;
    }
    if (once && (g->state == XIPC_GOT_HOME || x->r->principal)) {
        uint32_t holder = g->state == XIPC_GOT_COUNTED ? n->me : in->from;
        if (!xipc_once_take(x, g->w->word, holder))
            return;
        *g->held = mach_net_got(x->r, MACH_HELD_ONCE);
        if (x->r->principal)
            xipc_lent(x);
        return;
    }
    if (once)
        xipc_token_push(x, g->w->word);
    else if (g->state == XIPC_GOT_LENT)
        x->got++;
    *g->held = mach_net_got(x->r, g->w->kind);
}

static void take_port(struct xipc_in *in, struct xipc_arrival *p)
{
    struct xipc *n = in->n;
    struct xipc_port *x = xipc_get(n, p->uid, xipc_now(n, in->from));
    p->x = x;
    port_free(n->port, x->peers);
    port_free(n->port, x->onces);
    x->peers = p->peers;
    x->onces = p->onces;
    x->peer_count = p->peer_count;
    x->once_count = p->once_count;
    x->token = p->token;
    p->peers = NULL;
    p->onces = NULL;
}

static void arrive_ports(struct xipc_in *in)
{
    uint32_t image = 1;
    for (uint32_t i = 0; i < in->port_count; i++)
        for (uint32_t j = 0; j < in->ports[i].messages; j++, image++) {
            struct mach_kmsg *k = in->images[image].k;
            k->dest.kind = in->images[image].rights[0].kind;
            in->images[image].k = NULL;
            list_push(&in->ports[i].moved.messages, &k->link);
        }
    /* Those in queues of others first: a message is whole when it is delivered. */
    for (uint32_t i = in->right_count, last = in->port_count; i-- > 0;)
        if (in->rights[i].w->kind == MACH_HELD_RECEIVE) {
            struct xipc_arrival *p = &in->ports[--last];
            xipc_arrive(p->x, in->rights[i].held, &p->moved);
            mach_record_put(p->x->r);
        }
}

static void take(struct xipc_in *in)
{
    struct xipc *n = in->n;
    struct mach_kmsg *k = in->images[0].k;
    struct mach_wire_right dest = in->images[0].rights[0];
    struct xipc_port *to = xipc_find(n, dest.uid);
    mach_record_get(to->r);
    in->images[0].k = NULL;
    for (uint32_t i = 0; i < in->port_count; i++)
        take_port(in, &in->ports[i]);
    for (uint32_t i = 0; i < in->right_count; i++)
        if (in->rights[i].w->kind != MACH_HELD_RECEIVE)
            give(in, &in->rights[i]);
    arrive_ports(in);
    xipc_peer(to, in->from)->seq = in->seq;
    n->counts.received++;
    if (dest.kind == MACH_HELD_ONCE)
        (void)xipc_once_take(to, dest.word, in->from);
    mach_net_deliver(to->r, dest.kind, k);
    bool full = dest.kind == MACH_HELD_SEND && xipc_here(to) && mach_net_full(to->r);
    if (full)
        xipc_peer(to, in->from)->wants_room = true;
    n->counts.full += full;
    xipc_answer(in->q, full ? XIPC_FULL : XIPC_DONE, n->me);
    if (xipc_here(to))
        xipc_lent(to);
    bool moved = in->port_count > 0;
    in_free(in);
    mach_record_put(to->r);
    if (moved) {
        xipc_where_again(n);
        xipc_news(n);
    }
}

/* A message of this node to a port that comes is still under way to its old place, which will not
 * take it: what tasks here send to the port when it has come must not overtake that (XIPC3). */
static bool ports_wait(const struct xipc_in *in)
{
    for (uint32_t i = 0; i < in->port_count; i++) {
        const struct xipc_port *x = xipc_find(in->n, in->ports[i].uid);
        if (!x || list_empty(&x->out))
            continue;
        const struct xipc_out *o = LIST_ENTRY(x->out.next, struct xipc_out, link);
        if (o->under_way || o->asked > 0)
            return true;
    }
    return false;
}

/* What came home is still at home, though others had to be asked meanwhile. */
static bool homes_stand(const struct xipc_in *in)
{
    for (uint32_t i = 0; i < in->right_count; i++) {
        const struct xipc_got *g = &in->rights[i];
        if (g->state == XIPC_GOT_HOME && !moves_along(in, g->w->uid) && !xipc_here(g->x) &&
            !mach_record_dead(g->x->r))
            return false;
    }
    return true;
}

static void finish(struct xipc_in *in)
{
    if (in->over || in->answer != XIPC_DONE) {
        refuse(in, in->over ? XIPC_LOST : in->answer);
        return;
    }
    enum xipc_answer a = can_take(in);
    if (a == XIPC_DONE && !ports_are_new(in))
        a = XIPC_LOST;
    if (a == XIPC_DONE && (ports_wait(in) || !homes_stand(in)))
        a = XIPC_LATER;
    if (a == XIPC_DONE)
        take(in);
    else
        refuse(in, a);
}

/* ---- rights of third nodes ---- */

static void ask(struct xipc_got *g, uint32_t place);

static void worse(struct xipc_in *in, enum xipc_answer a)
{
    if (in->answer != XIPC_LOST)
        in->answer = a;
}

static void is_counted(struct xipc_got *g)
{
    struct xipc_port *x = g->x;
    g->state = XIPC_GOT_COUNTED;
    if (g->w->kind != MACH_HELD_SEND)
        return;
    if (!x->r->principal)
        x->got++;
    *g->held = mach_net_got(x->r, MACH_HELD_SEND);
}

static void counted(void *arg, enum xk_status status, struct rope *reply)
{
    struct xipc_got *g = arg;
    struct xipc_in *in = g->in;
    struct xipc_port *x = g->x;
    struct xipc *n = in->n;
    uint32_t node = XIPC_NOBODY;
    enum xipc_answer a = status == XK_OK ? xipc_read_answer(reply, &node) : XIPC_ELSEWHERE;
    if (a == XIPC_DONE) {
        if (xipc_knows_place(x) && x->told == g->told)
            x->place = xipc_now(n, node);
        is_counted(g);
    } else if (a == XIPC_DEAD) {
        g->state = XIPC_GOT_NOTHING;
        g->w->kind = MACH_HELD_DEAD;
        if (!x->r->principal && !x->mover)
            xipc_kill(x);
    } else if (a == XIPC_ELSEWHERE && node != XIPC_NOBODY && node != n->me && ++g->tries < TRIES) {
        ask(g, node);
        return;
    } else {
        worse(in, a == XIPC_ELSEWHERE || a == XIPC_LATER ? XIPC_LATER : XIPC_LOST);
    }
    if (--in->pending == 0)
        finish(in);
}

static void ask(struct xipc_got *g, uint32_t place)
{
    struct xipc_in *in = g->in;
    g->told = g->x->told;
    g->state = XIPC_GOT_ASKED;
    xipc_register(in->n, place, g->w->uid, g->w->kind == MACH_HELD_ONCE ? g->w->word : 0, in->from,
                  in->n->me, counted, g);
}

/* Whose is it, and who counts it? */
static void resolve(struct xipc_got *g)
{
    struct xipc_in *in = g->in;
    struct xipc *n = in->n;
    struct mach_wire_right *w = g->w;
    if (w->kind == MACH_HELD_NONE || w->kind == MACH_HELD_DEAD || w->kind == MACH_HELD_RECEIVE)
        return;
    struct xipc_node at = xipc_node_unpack(w->node);
    if (at.node >= port_nodes(n->port) || (w->kind == MACH_HELD_ONCE && w->word == 0)) {
        worse(in, XIPC_LOST);
        return;
    }
    struct xipc_port *x = xipc_get(n, w->uid, at);
    g->x = x;
    g->state = XIPC_GOT_LENT;
    if (mach_record_dead(x->r))
        return;
    if (moves_along(in, w->uid) || xipc_here(x)) {
        g->state = XIPC_GOT_HOME;
    } else if (at.node == in->from) { /* from its place */
        if (x->mover)
            x->taken = true;
        else if (x->place.node != in->from || x->place.life != in->life)
            xipc_set_place(x, xipc_now(n, in->from));
    } else if (w->kind == MACH_HELD_SEND && x->got > 0 && xipc_knows_place(x)) {
        g->state = XIPC_GOT_COUNTED;
        *g->held = mach_net_got(x->r, MACH_HELD_SEND);
    } else if (x->mover) { /* it leaves this node */
        uint32_t token = w->kind == MACH_HELD_ONCE ? w->word : 0;
        enum xipc_answer a = xipc_count(x, token, in->from, n->me);
        g->state = XIPC_GOT_NOTHING;
        if (a == XIPC_DONE)
            is_counted(g);
        else
            worse(in, a == XIPC_LATER ? XIPC_LATER : XIPC_LOST);
    } else if (!xipc_knows_place(x) || x->place.node == n->me) {
        g->state = XIPC_GOT_NOTHING;
        worse(in, XIPC_LATER);
    } else {
        in->pending++;
        ask(g, x->place.node);
    }
}

/* ---- service ---- */

static void room(struct xipc *n, uint64_t uid)
{
    struct xipc_port *x = xipc_find(n, uid);
    if (!x || x->r->principal || mach_record_dead(x->r))
        return;
    x->full = false;
    x->rooms++;
    mach_net_room(x->r);
}

void xipc_machipc_serve(void *arg, struct select_request *q, uint32_t procedure, struct rope *args)
{
    struct xipc *n = arg;
    uint64_t uid;
    if (procedure == MACHIPC_ROOM && xipc_get64(args, &uid)) {
        xipc_answer(q, XIPC_DONE, n->me);
        room(n, uid);
        return;
    }
    struct xipc_in *in = port_alloc(n->port, sizeof *in);
    *in = (struct xipc_in){ .n = n, .q = q, .from = select_request_host(q) };
    in->life = xk_life(n->self->kernel, in->from);
    list_init(&in->link);
    list_push(&n->arriving, &in->link);
    enum xipc_answer a = XIPC_DONE;
    if (procedure == MACHIPC_PART || procedure == MACHIPC_LAST)
        a = xipc_parts_take(n, in->from, procedure == MACHIPC_LAST, args);
    else if (procedure != MACHIPC_MESSAGE)
        a = XIPC_BAD;
    if (a == XIPC_DONE)
        a = read(in, args) ? can_take(in) : XIPC_BAD;
    if (a == XIPC_DONE && !collect(in))
        a = XIPC_BAD;
    if (a != XIPC_DONE) {
        refuse(in, a);
        return;
    }
    in->pending = 1;
    for (uint32_t i = 0; i < in->right_count; i++)
        resolve(&in->rights[i]);
    if (--in->pending == 0)
        finish(in);
}

void xipc_queue_room(void *net, struct mach_record *r)
{
    struct xipc *n = net;
    struct xipc_port *x = xipc_begin(n, r, xipc_now(n, n->me));
    for (uint32_t i = 0; i < x->peer_count; i++) {
        struct rope args;
        if (!x->peers[i].wants_room)
            continue;
        x->peers[i].wants_room = false;
        rope_init(&args);
        xipc_put64(&args, r->uid);
        xipc_tell(n, x->peers[i].node, XIPC_MACHIPC, MACHIPC_ROOM, &args);
    }
}

void xipc_arriving_drop(struct xipc *n, struct xipc_node ended)
{
    LIST_EACH (it, &n->arriving) {
        struct xipc_in *in = LIST_ENTRY(it, struct xipc_in, link);
        if (in->from == ended.node && in->life <= ended.life)
            in->over = true;
    }
    xipc_parts_drop(n, ended);
}
