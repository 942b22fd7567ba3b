/* cut_cl.c: Chandy and Lamport over logical channels [ACM TOCS 3(1), 1985].
 *
 * A rank that has saved sends a marker to every other; the channel from a rank is closed once its
 * marker has come.  A marker goes by RDM after the turn of the epoch, so that all that its sender
 * had sent before stands in front of it in the driver's queue: one marker closes all sessions from
 * a node, where what is below RDM keeps the order of frames (CUT: parameter `unordered`).
 * That from a rank to itself is closed when all that was sent has come.
 *   N ranks: N (N - 1) markers.
 */
#include "os/ckpt/cut_internal.h"

struct cl {
    uint32_t came[2]; /* markers, by the cut's number modulo 2: who is done may begin the next */
};

static void init(struct cut *c)
{
    c->state = port_alloc(c->port, sizeof(struct cl));
}

static void look(struct cut *c)
{
    struct cl *cl = c->state;
    if (c->phase != CUT_OPEN || cl->came[c->number % 2] + 1 < c->count || c->own_before > 0)
        return;
    cl->came[c->number % 2] = 0;
    cut_done(c);
}

static void saved(struct cut *c)
{
    for (uint32_t i = 1; i < c->count; i++)
        cut_push(c, c->nodes[(c->rank + i) % c->count], CUT_MARKER, NULL);
    look(c);
}

static void came(struct cut *c, uint32_t node, const struct cut_header *h, struct rope *body)
{
    struct cl *cl = c->state;
    (void)node;
    (void)body;
    if (h->op != CUT_MARKER)
        return;
    cl->came[h->number % 2]++;
    cut_begin(c, h->number);
    look(c);
}

static void drop(struct cut *c)
{
    *(struct cl *)c->state = (struct cl){ 0 };
}

const struct cut_ops cut_cl = {
    .kind = { .name = "cl", .doc = "Chandy and Lamport: a marker from each rank to each other." },
    .ordered = true,
    .init = init,
    .begin = cut_snapshot,
    .saved = saved,
    .came = came,
    .own = look,
    .drop = drop,
};
