/* cut_ns.c: network sweep: markers in the network's own channels, from router to router.
 *
 * Packets travel dimensions in one order, and each channel keeps the order of what it is given.  A
 * node that has saved sends one marker on each of its channels to a neighbour; in a dimension,
 * upwards, when the markers of all earlier dimensions have come, and that from the neighbour below
 * (at the edge: at once); downwards likewise.
 *   Why: what was sent before its sender saved stands before the sender's marker on each channel
 * that it crosses, for at each node on its way it is in front of the marker by which that node is
 * allowed to send the next.  So when all markers of a node's channels have come, it has come.
 *   Where: a sweep that begins in the middle of a row would wait for the ends of that row, which
 * nobody has told.  It begins at a corner: its markers reach all of the first row, these all of
 * the next dimension, and so on, and each edge sends at once when it is reached.  Who is at no
 * corner asks node 0 to begin.
 *   Grid of N nodes: 2 x the sum over dimensions of N (s - 1) / s markers, s its size there.
 */
#include "os/ckpt/cut_internal.h"

struct ns {
    uint32_t came[2]; /* by the cut's number modulo 2: bit 2d: from above in dimension d, 2d + 1:
                       * from below */
    uint32_t sent;    /* bit 2d: upwards */
};
_Static_assert(2 * OS_DIMS <= 32, "a bit for each channel");

static void init(struct cut *c)
{
    c->state = port_alloc(c->port, sizeof(struct ns));
}

/* Where the channel leads to; OS_NO_RANK: there is none. */
static uint32_t neighbour(const struct cut *c, uint32_t channel)
{
    const struct os_grid *g = &c->layout->grid;
    uint32_t node = port_node(c->port), stride = 1, d = channel / 2;
    for (uint32_t k = 0; k < d; k++)
        stride *= g->size[k];
    uint32_t at = node / stride % g->size[d];
    if (channel % 2 == 0)
        return at + 1 < g->size[d] ? node + stride : OS_NO_RANK;
    return at > 0 ? node - stride : OS_NO_RANK;
}

static uint32_t root(const struct cut *c)
{
    uint32_t d = 0;
    while (d < c->layout->grid.dims &&
           (neighbour(c, 2 * d) == OS_NO_RANK || neighbour(c, 2 * d + 1) == OS_NO_RANK))
        d++;
    return d == c->layout->grid.dims ? port_node(c->port) : 0;
}

/* A marker has come by it, or none can. */
static bool closed(const struct cut *c, uint32_t came, uint32_t channel)
{
    return came >> channel & 1 || neighbour(c, channel) == OS_NO_RANK;
}

/* What may be sent is sent; when all has come the part of this node is complete. */
static void look(struct cut *c)
{
    const struct os_grid *g = &c->layout->grid;
    struct ns *ns = c->state;
    bool before = true; /* all of earlier dimensions have come */
    if (c->phase != CUT_OPEN)
        return;
    for (uint32_t k = 0; k < g->dims && before; k++) {
        uint32_t up = 2u * g->order[k], came = ns->came[c->number % 2];
        for (uint32_t channel = up; channel <= up + 1; channel++) {
            uint32_t to = neighbour(c, channel);
            if (to == OS_NO_RANK || ns->sent >> channel & 1 || !closed(c, came, channel ^ 1))
                continue;
            ns->sent |= UINT32_C(1) << channel;
            cut_mark(c, to, (uint8_t)channel);
        }
        before = closed(c, came, up) && closed(c, came, up + 1);
    }
    if (!before || c->own_before > 0)
        return;
    ns->came[c->number % 2] = ns->sent = 0;
    cut_done(c);
}

static void came(struct cut *c, uint32_t node, const struct cut_header *h, struct rope *body)
{
    struct ns *ns = c->state;
    (void)node;
    (void)body;
    if (h->op != CUT_MARKER || h->port >= 2 * c->layout->grid.dims)
        return;
    ns->came[h->number % 2] |= UINT32_C(1) << (h->port ^ 1);
    cut_begin(c, h->number);
    look(c);
}

static void drop(struct cut *c)
{
    *(struct ns *)c->state = (struct ns){ 0 };
}

const struct cut_ops cut_ns = {
    .kind = { .name = "ns",
              .doc = "Network sweep: a marker on each channel of the network, in the order of its "
                     "dimensions." },
    .everywhere = true,
    .ordered = true,
    .init = init,
    .root = root,
    .begin = cut_snapshot,
    .saved = look,
    .came = came,
    .own = look,
    .drop = drop,
};
