/* ssr.c: SSR: send and send-once rights that go from the port's place to another node, and back.
 *
 * On the way out they need no message of their own: the place counts them when it sends them
 * (XIPC1), so what is under way is lent, too.  A node gives its send rights back all at once, with
 * how many came: what is under way to it meanwhile remains lent.  A send-once right has a number,
 * by which its place knows who has it; it comes back as what it was used for.
 */
#include "os/proto/machipc/machipc_internal.h"

struct xipc_peer *xipc_peer_of(struct xipc_port *x, uint32_t node)
{
    for (uint32_t i = 0; i < x->peer_count; i++)
        if (x->peers[i].node == node)
            return &x->peers[i];
    return NULL;
}

struct xipc_peer *xipc_peer(struct xipc_port *x, uint32_t node)
{
    struct xipc_peer *p = xipc_peer_of(x, node);
    if (p)
        return p;
    x->peers = port_realloc(x->n->port, x->peers, (x->peer_count + 1) * sizeof *x->peers);
    p = &x->peers[x->peer_count++];
    *p = (struct xipc_peer){ .node = node, .life = xk_life_assumed(x->n->self->kernel, node) };
    return p;
}

bool xipc_has(const struct xipc_port *x, const struct xipc_peer *p)
{
    bool has = p->lent > 0;
    for (uint32_t i = 0; i < x->once_count && !has; i++)
        has = x->onces[i].node == p->node;
    return has;
}

void xipc_lent(struct xipc_port *x)
{
    uint32_t sends = 0;
    for (uint32_t i = 0; i < x->peer_count; i++)
        sends += x->peers[i].lent;
    mach_net_lent(x->r, sends, x->once_count);
}

void xipc_lend(struct xipc_port *x, uint32_t node)
{
    xipc_peer(x, node)->lent++;
    xipc_lent(x);
}

void xipc_unlend(struct xipc_port *x, uint32_t node)
{
    struct xipc_peer *p = xipc_peer_of(x, node);
    if (p && p->lent > 0)
        p->lent--;
    xipc_lent(x);
}

void xipc_once_put(struct xipc_port *x, uint32_t token, uint32_t node)
{
    x->onces = port_realloc(x->n->port, x->onces, (x->once_count + 1) * sizeof *x->onces);
    x->onces[x->once_count++] = (struct xipc_once){ .token = token, .node = node };
    (void)xipc_peer(x, node);
}

uint32_t xipc_lend_once(struct xipc_port *x, uint32_t node)
{
    xipc_once_put(x, ++x->token, node);
    return x->token;
}

bool xipc_once_has(const struct xipc_port *x, uint32_t token, uint32_t node)
{
    for (uint32_t i = 0; i < x->once_count; i++)
        if (x->onces[i].token == token && x->onces[i].node == node)
            return true;
    return false;
}

bool xipc_once_take(struct xipc_port *x, uint32_t token, uint32_t node)
{
    for (uint32_t i = 0; i < x->once_count; i++)
        if (x->onces[i].token == token && x->onces[i].node == node) {
            x->onces[i] = x->onces[--x->once_count];
            return true;
        }
    return false;
}

void xipc_peer_drop(struct xipc_port *x, struct xipc_node ended)
{
    struct xipc_peer *p = xipc_peer_of(x, ended.node);
    if (!p || p->life > ended.life)
        return;
    *p = x->peers[--x->peer_count];
    uint32_t lost = 0;
    for (uint32_t i = x->once_count; i-- > 0;)
        if (x->onces[i].node == ended.node) {
            x->onces[i] = x->onces[--x->once_count];
            lost++;
        }
    xipc_lent(x); /* XIPC5 */
    for (; lost > 0 && xipc_here(x); lost--)
        mach_net_once_lost(x->r);
}

/* ---- at other nodes ---- */

void xipc_token_push(struct xipc_port *x, uint32_t token)
{
    x->tokens = port_realloc(x->n->port, x->tokens, (x->token_count + 1) * sizeof *x->tokens);
    x->tokens[x->token_count++] = token;
}

bool xipc_token_pop(struct xipc_port *x, uint32_t *token)
{
    if (x->token_count == 0)
        return false;
    *token = x->tokens[--x->token_count];
    return true;
}

static void returned(void *arg, enum xk_status status, struct rope *reply)
{
    struct xipc_port *x = arg;
    uint32_t node = XIPC_NOBODY;
    enum xipc_answer a = status == XK_OK ? xipc_read_answer(reply, &node) : XIPC_DEAD;
    x->returning = false;
    if (a == XIPC_ELSEWHERE && !mach_record_dead(x->r)) {
        if (x->seen != x->n->places)
            xipc_return(x);
        else
            list_push(&x->n->owing, &x->owes);
        return;
    }
    if (status != XK_OK && xipc_knows_place(x) && x->next.node != XIPC_NOBODY) {
        list_push(&x->n->owing, &x->owes); /* it may have moved: whoever has it knows the count */
        return;
    }
    x->owed = 0;
    xipc_no_local_senders(x->n, x->r); /* more may have come and gone meanwhile */
    mach_record_put(x->r);
}

void xipc_return(struct xipc_port *x)
{
    struct rope args;
    struct xipc *n = x->n;
    if (x->owed == 0 || x->returning)
        return;
    list_remove(&x->owes);
    if (mach_record_dead(x->r) || xipc_here(x)) { /* nobody counts it any more */
        x->owed = 0;
        mach_record_put(x->r);
        return;
    }
    if (!xipc_knows_place(x)) {
        list_push(&n->owing, &x->owes);
        return;
    }
    rope_init(&args);
    xipc_put64(&args, x->r->uid);
    xipc_put32(&args, x->owed);
    x->returning = true;
    x->seen = n->places;
    n->counts.returned++;
    xipc_call(n, x->place.node, XIPC_SSR, SSR_RETURN, &args, returned, x);
}

void xipc_no_local_senders(void *net, struct mach_record *r)
{
    struct xipc_port *x = r->own;
    (void)net;
    if (!x->n || x->owed > 0 || x->got == 0 || mach_record_sends(r) > 0 || mach_record_dead(r) ||
        r->principal)
        return;
    x->owed = x->got;
    x->got = 0;
    mach_record_get(r);
    xipc_return(x);
}

void xipc_ssr_serve(void *arg, struct select_request *q, uint32_t procedure, struct rope *args)
{
    struct xipc *n = arg;
    uint64_t uid;
    uint32_t count;
    if (procedure != SSR_RETURN || !xipc_get64(args, &uid) || !xipc_get32(args, &count)) {
        n->counts.bad++;
        xipc_answer(q, XIPC_BAD, XIPC_NOBODY);
        return;
    }
    struct xipc_port *x = xipc_find(n, uid);
    if (!x || !xipc_here(x)) {
        xipc_answer(q, x && mach_record_dead(x->r) ? XIPC_DEAD : XIPC_ELSEWHERE, XIPC_NOBODY);
        return;
    }
    struct xipc_peer *p = xipc_peer_of(x, select_request_host(q));
    if (p)
        p->lent -= count < p->lent ? count : p->lent;
    xipc_answer(q, XIPC_DONE, n->me);
    xipc_lent(x);
}
