/* cut_sns.c: sync and stop over a tree of ranks, rooted at rank 0.
 *
 *   STOP     down: all come to a stop, and send no more;
 *   STOPPED  up, with how many messages of this epoch the subtree has sent to whom;
 *   DRAIN    down, with how many each of the subtree is to get: it saves once it has them;
 *   SAVED    up;
 *   RESUME   down.
 * N ranks: 4 (N - 1) messages, and N - 1 for the drain, whatever the traffic was; the counts are 8
 * bytes a rank that anybody has sent to.  No channel need keep its order.
 */
#include "os/ckpt/cut_internal.h"

#include "os/proto/rdm/rdm.h"

struct sns {
    struct xk_map sent;      /* struct count by rank: of this rank, then of its subtree */
    uint32_t stopped, saved; /* children that have said so */
    uint32_t expected;
    bool told, draining; /* told: the parent of the subtree's stop */
};

struct count {
    uint32_t messages;
};

static void init(struct cut *c)
{
    struct sns *s = port_alloc(c->port, sizeof *s);
    xk_map_init(&s->sent, c->port, sizeof(uint32_t));
    c->state = s;
}

static uint32_t root(const struct cut *c)
{
    return c->nodes[0];
}

static uint32_t child(const struct cut *c, uint32_t i)
{
    return c->rank * (uint32_t)c->params->fanout + 1 + i;
}

static uint32_t children(const struct cut *c)
{
    uint32_t most = (uint32_t)c->params->fanout, first = child(c, 0);
    return first >= c->count ? 0 : c->count - first < most ? c->count - first : most;
}

static void to_children(struct cut *c, enum cut_op op)
{
    for (uint32_t i = 0; i < children(c); i++)
        cut_push(c, c->nodes[child(c, i)], op, NULL);
}

static void to_parent(struct cut *c, enum cut_op op, struct rope *body)
{
    cut_push(c, c->nodes[(c->rank - 1) / (uint32_t)c->params->fanout], op, body);
}

/* ---- counts ---- */

static void add(struct cut *c, uint32_t rank, uint32_t messages)
{
    struct sns *s = c->state;
    struct count *n = xk_map_resolve(&s->sent, &rank);
    if (!n) {
        n = port_alloc(c->port, sizeof *n);
        xk_map_bind(&s->sent, &rank, n);
    }
    n->messages += messages;
}

static void sent(struct cut *c, uint32_t rank)
{
    add(c, rank, 1);
}

struct writing {
    const struct cut *c;
    uint32_t child; /* whose subtree alone; OS_NO_RANK: all */
    struct rope *out;
};

/* Is it in the subtree of `top`? */
static bool below(const struct cut *c, uint32_t rank, uint32_t top)
{
    while (rank > top)
        rank = (rank - 1) / (uint32_t)c->params->fanout;
    return rank == top;
}

static bool write_count(void *arg, const void *key, void *value)
{
    const struct writing *w = arg;
    uint32_t rank = *(const uint32_t *)key;
    uint8_t wire[8];
    if (w->child != OS_NO_RANK && !below(w->c, rank, w->child))
        return true;
    wire_put32(wire, rank);
    wire_put32(wire + 4, ((struct count *)value)->messages);
    rope_add_bytes(w->out, wire, sizeof wire);
    return true;
}

static void read_counts(struct cut *c, struct rope *body)
{
    uint8_t wire[8];
    while (body->length >= sizeof wire) {
        rope_take_front(body, sizeof wire, wire);
        add(c, wire_get32(wire), wire_get32(wire + 4));
    }
}

static bool forget(void *arg, const void *key, void *value)
{
    struct cut *c = arg;
    xk_map_unbind(&((struct sns *)c->state)->sent, key);
    port_free(c->port, value);
    return true;
}

static void clear(struct cut *c)
{
    xk_map_each(&((struct sns *)c->state)->sent, forget, c);
}

/* ---- the five passes ---- */

static void begin(struct cut *c)
{
    to_children(c, CUT_STOP);
    c->phase = CUT_STOPPING;
    if (c->user.stop)
        c->user.stop(c->user.arg, c->number);
    else
        cut_stopped(c, c->number);
}

static void save_when_drained(struct cut *c)
{
    const struct sns *s = c->state;
    if (s->draining && c->phase == CUT_WAITING && c->received == s->expected)
        cut_snapshot(c);
}

/* Tells each child what its subtree is to get; s->sent has it for this one's. */
static void drain(struct cut *c)
{
    struct sns *s = c->state;
    const struct count *mine = xk_map_resolve(&s->sent, &c->rank);
    s->expected = mine ? mine->messages : 0;
    s->draining = true;
    for (uint32_t i = 0; i < children(c); i++) {
        struct rope body;
        rope_init(&body);
        xk_map_each(&s->sent, write_count, &(struct writing){ c, child(c, i), &body });
        cut_push(c, c->nodes[child(c, i)], CUT_DRAIN, &body);
        rope_fini(&body);
    }
    clear(c);
    save_when_drained(c);
}

static void stopped(struct cut *c)
{
    struct sns *s = c->state;
    if (s->draining || s->told) {
        save_when_drained(c);
        return;
    }
    if (c->phase != CUT_WAITING || s->stopped < children(c))
        return;
    s->told = true;
    if (c->rank == 0) {
        drain(c);
        return;
    }
    struct rope body;
    rope_init(&body);
    xk_map_each(&s->sent, write_count, &(struct writing){ c, OS_NO_RANK, &body });
    clear(c);
    to_parent(c, CUT_STOPPED, &body);
    rope_fini(&body);
}

static void drop(struct cut *c)
{
    struct sns *s = c->state;
    clear(c);
    s->stopped = s->saved = s->expected = 0;
    s->told = s->draining = false;
}

static void resume(struct cut *c)
{
    struct sns *s = c->state;
    to_children(c, CUT_RESUME);
    s->stopped = s->saved = s->expected = 0;
    s->told = s->draining = false;
    rdm_tap_stop(c->rdm, false);
    if (c->user.resume)
        c->user.resume(c->user.arg, c->number);
    cut_done(c);
}

static void saved(struct cut *c)
{
    const struct sns *s = c->state;
    if (c->phase != CUT_OPEN || s->saved < children(c))
        return;
    if (c->rank == 0)
        resume(c);
    else
        to_parent(c, CUT_SAVED, NULL);
}

static void came(struct cut *c, uint32_t node, const struct cut_header *h, struct rope *body)
{
    struct sns *s = c->state;
    (void)node;
    if (h->op == CUT_STOP) {
        cut_begin(c, h->number);
        return;
    }
    if (h->number != c->number)
        return;
    switch ((enum cut_op)h->op) {
    case CUT_STOPPED:
        s->stopped++;
        read_counts(c, body);
        stopped(c);
        break;
    case CUT_DRAIN:
        read_counts(c, body);
        drain(c);
        break;
    case CUT_SAVED:
        s->saved++;
        saved(c);
        break;
    case CUT_RESUME:
        resume(c);
        break;
    default:
        break;
    }
}

const struct cut_ops cut_sns = {
    .kind = { .name = "sns",
              .doc = "Sync and stop: all stop, what is under way arrives, all save, all go on." },
    .init = init,
    .root = root,
    .begin = begin,
    .saved = saved,
    .stopped = stopped,
    .came = came,
    .sent = sent,
    .drop = drop,
};
