/* lsr.c: LSR: rights that go from one node to another, neither of which is the port's place.
 *
 * The node where such a right arrives has it counted at the place, in a call, before it gives the
 * message to anybody; the sender keeps its own until that message is answered, so there is no
 * moment in which nobody is counted (XIPC2).  A send-once right changes its node there.  The place
 * refuses when nobody has rights: then the sender has died, and the message with it.
 */
#include "os/proto/machipc/machipc_internal.h"

void xipc_register(struct xipc *n, uint32_t place, uint64_t uid, uint32_t token, uint32_t from,
                   uint32_t to, select_done_fn done, void *arg)
{
    struct rope args;
    rope_init(&args);
    xipc_put64(&args, uid);
    xipc_put32(&args, token);
    xipc_put32(&args, from);
    xipc_put32(&args, to);
    n->counts.registered++;
    xipc_call(n, place, XIPC_LSR, to == n->me ? LSR_REGISTER : LSR_GIVE, &args, done, arg);
}

static bool anybody_sends(const struct xipc_port *x)
{
    bool any = mach_record_sends(x->r) > 0;
    for (uint32_t i = 0; i < x->peer_count && !any; i++)
        any = x->peers[i].lent > 0;
    return any;
}

static enum xipc_answer count(struct xipc_port *x, uint32_t token, uint32_t from, uint32_t to)
{
    if (x->mover) /* who is new is to be told where it goes, too */
        x->mover->told = XIPC_NOBODY;
    if (token == 0) {
        if (!anybody_sends(x))
            return XIPC_LOST;
        xipc_lend(x, to);
        return XIPC_DONE;
    }
    for (uint32_t i = 0; i < x->once_count; i++) {
        struct xipc_once *o = &x->onces[i];
        if (o->token != token || (o->node != from && o->node != to))
            continue;
        o->node = to;
        (void)xipc_peer(x, to);
        if (to != x->n->me && !xk_alive(x->n->self->kernel, to) && xipc_here(x)) {
            (void)xipc_once_take(x, token, to); /* given back to who has died meanwhile */
            xipc_lent(x);
            mach_net_once_lost(x->r);
        }
        return XIPC_DONE;
    }
    return XIPC_LOST;
}

/* A port that leaves is counted for here until its message is under way.  What is asked for then is
 * to be asked for again: two messages that wait for each other would wait for ever. */
enum xipc_answer xipc_count(struct xipc_port *x, uint32_t token, uint32_t from, uint32_t to)
{
    if (x && mach_record_dead(x->r))
        return XIPC_DEAD;
    if (x && x->mover && (x->mover->under_way || x->taken))
        return XIPC_LATER;
    return x && (x->mover || xipc_here(x)) ? count(x, token, from, to) : XIPC_ELSEWHERE;
}

void xipc_lsr_serve(void *arg, struct select_request *q, uint32_t procedure, struct rope *args)
{
    struct xipc *n = arg;
    uint64_t uid;
    uint32_t token, from, to;
    if (procedure > LSR_GIVE || !xipc_get64(args, &uid) || !xipc_get32(args, &token) ||
        !xipc_get32(args, &from) || !xipc_get32(args, &to) ||
        (procedure == LSR_GIVE ? from : to) != select_request_host(q) ||
        to >= port_nodes(n->port)) {
        n->counts.bad++;
        xipc_answer(q, XIPC_BAD, XIPC_NOBODY);
        return;
    }
    struct xipc_port *x = xipc_find(n, uid);
    enum xipc_answer a = xipc_count(x, token, from, to);
    if (a == XIPC_ELSEWHERE)
        xipc_answer(q, a, x && xipc_knows_place(x) ? x->place.node : XIPC_NOBODY);
    else
        xipc_answer(q, a, n->me);
}
