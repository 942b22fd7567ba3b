/* parts.c: messages longer than one call: they go in several, and are read when all have come.
 *
 * One part is out at a time, each when the one before is answered: to who sends it is one long
 * call.  Whatever ends it early, the next try begins with the first part.  Each part but the last
 * is as long as a call may be.
 */
#include "os/proto/machipc/machipc_internal.h"

/* ---- that go ---- */

static void next(struct xipc_out *o, select_done_fn done)
{
    struct xipc *n = o->to->n;
    struct rope args, part;
    uint64_t most = select_max_bytes(n->rpc) - XIPC_PART;
    bool last = o->rest.length <= most;
    rope_move(&part, &o->rest);
    if (!last)
        rope_split(&part, most, &o->rest);
    rope_init(&args);
    xipc_put64(&args, o->seq);
    xipc_put64(&args, o->to->r->uid);
    xipc_put32(&args, o->gone);
    o->gone += (uint32_t)part.length;
    rope_join(&args, &part);
    n->counts.parts++;
    xipc_call(n, o->dest, XIPC_MACHIPC, last ? MACHIPC_LAST : MACHIPC_PART, &args, done, o);
}

void xipc_parts_send(struct xipc_out *o, struct rope *bytes, select_done_fn done)
{
    struct xipc *n = o->to->n;
    if (bytes->length <= select_max_bytes(n->rpc)) {
        xipc_call(n, o->dest, XIPC_MACHIPC, MACHIPC_MESSAGE, bytes, done, o);
        return;
    }
    rope_move(&o->rest, bytes);
    o->gone = 0;
    o->life = xk_life(n->self->kernel, o->dest);
    next(o, done);
}

bool xipc_parts_next(struct xipc_out *o, enum xipc_answer a, select_done_fn done)
{
    struct xipc *n = o->to->n;
    bool there = xk_alive(n->self->kernel, o->dest) && xk_life(n->self->kernel, o->dest) == o->life;
    if (o->rest.length == 0)
        return false;
    if (a == XIPC_MORE && there) {
        next(o, done);
        return true;
    }
    rope_fini(&o->rest);
    return false;
}

/* ---- that come ---- */

static void parts_free(struct xipc *n, struct xipc_parts *p)
{
    list_remove(&p->link);
    rope_fini(&p->bytes);
    port_free(n->port, p);
}

static struct xipc_parts *find(struct xipc *n, uint32_t from, uint64_t uid)
{
    LIST_EACH (it, &n->parts) {
        struct xipc_parts *p = LIST_ENTRY(it, struct xipc_parts, link);
        if (p->from == from && p->uid == uid)
            return p;
    }
    return NULL;
}

/* Nobody could take it here.  A port that leaves may come back, or wait for this one. */
static enum xipc_answer could_take(struct xipc *n, uint64_t uid)
{
    const struct xipc_port *x = xipc_find(n, uid);
    if (x && mach_record_dead(x->r))
        return XIPC_DEAD;
    return x && (xipc_here(x) || x->mover) ? XIPC_MORE : XIPC_ELSEWHERE;
}

enum xipc_answer xipc_parts_take(struct xipc *n, uint32_t from, bool last, struct rope *args)
{
    uint64_t seq, uid;
    uint32_t offset, life = xk_life(n->self->kernel, from);
    if (!xipc_get64(args, &seq) || !xipc_get64(args, &uid) || !xipc_get32(args, &offset) ||
        args->length == 0)
        return XIPC_BAD;
    struct xipc_parts *p = find(n, from, uid);
    enum xipc_answer a = could_take(n, uid);
    bool follows = p && p->life == life && p->seq == seq && p->bytes.length == offset;
    if (p && (a != XIPC_MORE || !follows)) { /* its sender has begun again, or gone on */
        parts_free(n, p);
        p = NULL;
    }
    if (a != XIPC_MORE)
        return a;
    if (!p && offset > 0)
        return XIPC_LATER;
    if (!p) {
        p = port_alloc(n->port, sizeof *p);
        *p = (struct xipc_parts){ .from = from, .life = life, .seq = seq, .uid = uid };
        list_init(&p->link);
        rope_init(&p->bytes);
        list_push(&n->parts, &p->link);
    }
    rope_join(&p->bytes, args);
    if (!last)
        return XIPC_MORE;
    rope_move(args, &p->bytes);
    rope_init(&p->bytes);
    parts_free(n, p);
    return XIPC_DONE;
}

void xipc_parts_drop(struct xipc *n, struct xipc_node ended)
{
    struct list all;
    list_init(&all);
    list_splice(&all, &n->parts);
    for (struct list *it; (it = list_pop(&all)) != NULL;) {
        struct xipc_parts *p = LIST_ENTRY(it, struct xipc_parts, link);
        list_push(&n->parts, &p->link);
        if (p->from == ended.node && p->life <= ended.life)
            parts_free(n, p);
    }
}
