/* portm.c: PORTM: deaths, places, special ports. */
#include "os/proto/machipc/machipc_internal.h"

struct xipc_where { /* a question that cannot be answered yet */
    struct list link;
    struct select_request *request;
    uint64_t uid;
    uint32_t dead, life;
};

/* ---- ports ---- */

struct xipc_node xipc_now(const struct xipc *n, uint32_t node)
{
    uint32_t life = node == n->me ? port_incarnation(n->port) : xk_life(n->self->kernel, node);
    return (struct xipc_node){ node, life };
}

#define NODE_BITS 20 /* of a word; above them the life's low bits */

uint32_t xipc_node_pack(struct xipc_node at)
{
    return at.life << NODE_BITS | at.node;
}

struct xipc_node xipc_node_unpack(uint32_t word)
{
    return (struct xipc_node){ word & ((1u << NODE_BITS) - 1), word >> NODE_BITS };
}

struct xipc_port *xipc_begin(struct xipc *n, struct mach_record *r, struct xipc_node place)
{
    struct xipc_port *x = r->own;
    if (x->n)
        return x;
    x->n = n;
    x->r = r;
    x->place = place;
    x->next = XIPC_NOWHERE;
    list_init(&x->out);
    list_init(&x->owes);
    return x;
}

struct xipc_port *xipc_find(struct xipc *n, uint64_t uid)
{
    struct mach_record *r = mach_record_find(n->m, uid);
    return r ? xipc_begin(n, r, xipc_now(n, n->me)) : NULL;
}

struct xipc_port *xipc_get(struct xipc *n, uint64_t uid, struct xipc_node place)
{
    struct mach_record *r = mach_record_find(n->m, uid);
    if (r)
        mach_record_get(r);
    else
        r = mach_proxy_new(n->m, uid);
    return xipc_begin(n, r, place);
}

bool xipc_here(const struct xipc_port *x)
{
    return x->r->principal && !mach_record_dead(x->r);
}

bool xipc_knows_place(const struct xipc_port *x)
{
    return !x->r->principal && !x->mover && !x->asking && !mach_record_dead(x->r);
}

void xipc_gone(void *net, struct mach_record *r)
{
    struct xipc_port *x = r->own;
    struct xipc *n = net;
    if (!x->n)
        return;
    ASSERT_MSG(list_empty(&x->out) && !x->mover,
               "XIPC3, XIPC4: a record goes that something waits for");
    list_remove(&x->owes);
    port_free(n->port, x->peers);
    port_free(n->port, x->onces);
    port_free(n->port, x->tokens);
}

void xipc_set_place(struct xipc_port *x, struct xipc_node at)
{
    x->place = at;
    x->told++;
    x->n->places++;
    x->next = XIPC_NOWHERE;
    x->asking = false;
    x->full = false;
}

/* ---- deaths ---- */

void xipc_tell_death(struct xipc *n, struct xipc_port *x, uint32_t node)
{
    struct rope args;
    if (node == n->me)
        return;
    rope_init(&args);
    xipc_put64(&args, x->r->uid);
    n->counts.deaths++;
    xipc_tell(n, node, XIPC_PORTM, PORTM_DEATH, &args);
}

void xipc_tell_all(struct xipc_port *x)
{
    for (uint32_t i = 0; i < x->peer_count; i++)
        if (xipc_has(x, &x->peers[i]))
            xipc_tell_death(x->n, x, x->peers[i].node);
}

void xipc_died(void *net, struct mach_record *r)
{
    struct xipc *n = net;
    struct xipc_port *x = xipc_begin(n, r, xipc_now(n, n->me));
    xipc_tell_all(x);
    xipc_out_destroy_all(x);
    xipc_where_again(n);
    n->places++;
    xipc_news(n);
}

void xipc_kill(struct xipc_port *x)
{
    struct xipc *n = x->n;
    mach_record_get(x->r);
    if (!mach_record_dead(x->r)) {
        n->counts.dead++;
        mach_net_kill(x->r);
    }
    xipc_set_place(x, XIPC_NOWHERE);
    xipc_out_destroy_all(x);
    xipc_return(x);
    mach_record_put(x->r);
    xipc_news(n);
}

/* ---- a node has died ---- */

static bool lives(const struct xipc *n, struct xipc_node at)
{
    uint32_t known = xk_life(n->self->kernel, at.node);
    return at.node == n->me || known < at.life ||
           (known == at.life && xk_alive(n->self->kernel, at.node));
}

static void where_done(void *arg, enum xk_status status, struct rope *reply)
{
    struct xipc_port *x = arg;
    uint32_t word = XIPC_NOBODY;
    enum xipc_answer a = status == XK_OK ? xipc_read_answer(reply, &word) : XIPC_DEAD;
    if (x->asking && !mach_record_dead(x->r)) {
        struct xipc_node at = a == XIPC_DONE ? x->next : xipc_node_unpack(word);
        if ((a == XIPC_DONE || (a == XIPC_ELSEWHERE && at.node < port_nodes(x->n->port))) &&
            lives(x->n, at)) {
            xipc_set_place(x, at);
            mach_net_room(x->r);
            xipc_news(x->n);
        } else {
            xipc_kill(x);
        }
    }
    mach_record_put(x->r);
}

/* Of the two nodes between which it moves one has died: the other knows. */
static void ask(struct xipc_port *x, struct xipc_node whom, struct xipc_node dead)
{
    struct xipc *n = x->n;
    struct rope args;
    rope_init(&args);
    xipc_put64(&args, x->r->uid);
    xipc_put32(&args, dead.node);
    xipc_put32(&args, dead.life);
    x->asking = true;
    x->next = whom;
    mach_record_get(x->r);
    xipc_call(n, whom.node, XIPC_PORTM, PORTM_WHERE, &args, where_done, x);
}

struct ended {
    struct xipc *n;
    uint32_t count, room;
    uint64_t *uids;
};

static void note(void *arg, struct mach_record *r)
{
    struct ended *e = arg;
    if (!((struct xipc_port *)r->own)->n || mach_record_dead(r))
        return;
    if (e->count == e->room) {
        e->room = 2 * e->room + 16;
        e->uids = port_realloc(e->n->port, e->uids, e->room * sizeof *e->uids);
    }
    e->uids[e->count++] = r->uid;
}

static bool is_over(struct xipc_node at, struct xipc_node ended)
{
    return at.node == ended.node && at.life <= ended.life;
}

void xipc_lost_node(struct xipc_port *x, struct xipc_node ended)
{
    if (x->r->principal) {
        xipc_peer_drop(x, ended);
        return;
    }
    if (x->mover)
        return; /* whoever takes it looks who lives */
    if (x->asking)
        return; /* the answer decides, or that there is none */
    if (is_over(x->place, ended)) {
        if (x->next.node != XIPC_NOBODY && x->next.node != x->n->me && lives(x->n, x->next))
            ask(x, x->next, x->place);
        else
            xipc_kill(x);
    } else if (is_over(x->next, ended)) {
        ask(x, x->place, x->next);
    }
}

void xipc_peer_ended(struct xipc *n, struct xipc_node ended)
{
    struct ended e = { .n = n };
    n->counts.peers++;
    xipc_arriving_drop(n, ended);
    mach_record_each(n->m, note, &e);
    for (uint32_t i = 0; i < e.count; i++) {
        struct xipc_port *x = xipc_find(n, e.uids[i]);
        if (!x || mach_record_dead(x->r))
            continue;
        mach_record_get(x->r);
        xipc_lost_node(x, ended);
        mach_record_put(x->r);
    }
    port_free(n->port, e.uids);
    xipc_where_again(n);
    xipc_news(n);
}

/* ---- service ---- */

/* Is it here, or will it never be?  False: nobody knows yet. */
static bool where(struct xipc *n, struct xipc_where *w)
{
    struct xipc_port *x = xipc_find(n, w->uid);
    struct xipc_node dead = { w->dead, w->life };
    bool died = x && mach_record_dead(x->r);
    bool unsettled = x && !died && (x->mover || x->asking);
    if (x && xipc_here(x)) {
        xipc_answer(w->request, XIPC_DONE, n->me);
        return true;
    }
    if (x && !died && !unsettled && !is_over(x->place, dead)) {
        xipc_answer(w->request, XIPC_ELSEWHERE, xipc_node_pack(x->place));
        return true;
    }
    if (unsettled || (!died && lives(n, dead)))
        return false;
    xipc_answer(w->request, XIPC_DEAD, XIPC_NOBODY);
    return true;
}

void xipc_where_again(struct xipc *n)
{
    LIST_EACH_SAFE (it, next, &n->where) {
        struct xipc_where *w = LIST_ENTRY(it, struct xipc_where, link);
        if (!where(n, w))
            continue;
        list_remove(&w->link);
        port_free(n->port, w);
    }
}

static void special_here(struct xipc *n, struct select_request *q, uint32_t which)
{
    struct mach_wire_right w = { .kind = MACH_HELD_NONE };
    struct mach_held h = mach_special_own(n->m, which);
    struct rope r;
    if (h.kind == MACH_HELD_SEND) {
        struct mach_record *rec = mach_record_export(n->m, h.port);
        if (rec->principal) { /* one of another node: whoever wants it asks there */
            struct xipc_port *x = xipc_begin(n, rec, xipc_now(n, n->me));
            xipc_lend(x, select_request_host(q));
            w = (struct mach_wire_right){ .kind = MACH_HELD_SEND, .uid = rec->uid };
        }
        mach_spend(n->m, &h);
    }
    rope_init(&r);
    xipc_put_right(&r, &w);
    select_reply(q, &r);
    rope_fini(&r);
}

void xipc_portm_serve(void *arg, struct select_request *q, uint32_t procedure, struct rope *args)
{
    struct xipc *n = arg;
    uint64_t uid;
    uint32_t which;
    struct xipc_where w = { .request = q };
    if (procedure == PORTM_HELLO) {
        xipc_answer(q, XIPC_DONE, n->me);
    } else if (procedure == PORTM_SPECIAL && xipc_get32(args, &which)) {
        special_here(n, q, which);
    } else if (procedure == PORTM_DEATH && xipc_get64(args, &uid)) {
        struct xipc_port *x = xipc_find(n, uid);
        xipc_answer(q, XIPC_DONE, n->me);
        if (x && x->mover)
            x->ended = true; /* it has arrived, and died there */
        else if (x && !x->r->principal)
            xipc_kill(x);
    } else if (procedure == PORTM_WHERE && xipc_get64(args, &w.uid) && xipc_get32(args, &w.dead) &&
               xipc_get32(args, &w.life) && w.dead < port_nodes(n->port)) {
        if (where(n, &w))
            return;
        struct xipc_where *keep = port_alloc(n->port, sizeof *keep);
        *keep = w;
        list_init(&keep->link);
        list_push(&n->where, &keep->link);
    } else {
        n->counts.bad++;
        xipc_answer(q, XIPC_BAD, XIPC_NOBODY);
    }
}

/* ---- special ports of others ---- */

struct asked {
    struct xipc *n;
    struct mach_special_ask *ask;
    uint32_t node;
};

static void special_done(void *arg, enum xk_status status, struct rope *reply)
{
    struct asked *a = arg;
    struct xipc *n = a->n;
    struct mach_held got = { NULL, MACH_HELD_NONE };
    struct mach_wire_right w;
    if (status == XK_OK && xipc_get_right(reply, &w) && w.kind == MACH_HELD_SEND) {
        struct xipc_port *x = xipc_get(n, w.uid, xipc_now(n, a->node));
        if (!x->r->principal) {
            x->got++;
            got = mach_net_got(x->r, MACH_HELD_SEND);
        }
        mach_record_put(x->r);
    }
    mach_special_answer(a->ask, got);
    port_free(n->port, a);
}

void xipc_special(void *net, uint32_t node, uint32_t which, struct mach_special_ask *ask)
{
    struct xipc *n = net;
    struct asked *a = port_alloc(n->port, sizeof *a);
    struct rope args;
    *a = (struct asked){ .n = n, .ask = ask, .node = node };
    rope_init(&args);
    xipc_put32(&args, which);
    xipc_call(n, node, XIPC_PORTM, PORTM_SPECIAL, &args, special_done, a);
}
