/* flit_deadlock.c: packets of the flit model that can never move again, whatever the others do. */
#include <stdio.h>
#include <stdlib.h>

#include "mesh/flit_internal.h"

/* The FIFO (input virtual channel over the whole network) after output o of a router. */
static uint32_t fifo_after(const struct flit_net *n, uint32_t node, uint32_t o)
{
    const struct port *p = &n->ports[node * n->m.topo.ports + o / n->vcs];
    return (p->to_node * n->m.topo.ports + p->to_port) * n->vcs + o % n->vcs;
}

/* There is room after output o, or will be, when the FIFOs that move are those of `moves`. */
static bool room_after(const struct flit_net *n, uint32_t node, uint32_t o, const bool *moves)
{
    if (o / n->vcs == topo_eject_port(&n->m.topo))
        return true;
    uint32_t next = fifo_after(n, node, o);
    bool until_empty = n->outputs[(size_t)node * n->m.topo.ports * n->vcs + o].free_at == SIM_NEVER;
    return moves[next] || n->inputs[next].count < (until_empty ? 1 : n->depth);
}

/* The front of FIFO `at` leaves, now or later. */
static bool will_move(struct flit_net *n, uint32_t at, const bool *moves)
{
    uint32_t per_node = n->m.topo.ports * n->vcs, node = at / per_node;
    const struct input *v = &n->inputs[at];
    if (v->count == 0 || v->output == DRAIN || (v->output == NOBODY && v->option_count == 0))
        return true;
    if (v->output != NOBODY)
        return room_after(n, node, v->output, moves);
    for (uint32_t o = 0; o < per_node; o++) {
        uint32_t holder = output_of(n, node, o)->holder;
        if (wants(v, o / n->vcs, o % n->vcs) && room_after(n, node, o, moves) &&
            (holder == NOBODY || moves[node * per_node + holder]))
            return true;
    }
    return false;
}

/* The FIFO that does not move either and that the front of `at` waits for. */
static uint32_t waits_for(struct flit_net *n, uint32_t at, const bool *moves)
{
    uint32_t per_node = n->m.topo.ports * n->vcs, node = at / per_node;
    const struct input *v = &n->inputs[at];
    if (v->output != NOBODY)
        return fifo_after(n, node, v->output);
    for (uint32_t o = 0; o < per_node; o++) {
        if (!wants(v, o / n->vcs, o % n->vcs))
            continue;
        uint32_t holder = output_of(n, node, o)->holder;
        if (holder != NOBODY && !moves[node * per_node + holder])
            return node * per_node + holder;
        return fifo_after(n, node, o);
    }
    ASSERT_MSG(false, "what does not move waits for something");
}

/* Writes the circle that the packets from FIFO `at` on wait in. */
static void write_circle(struct flit_net *n, uint32_t at, const bool *moves)
{
    uint32_t per_node = n->m.topo.ports * n->vcs, count = n->m.topo.nodes * per_node;
    size_t length = 0;
    for (uint32_t k = 0; k < count; k++) /* by then it is on the circle */
        at = waits_for(n, at, moves);
    uint32_t first = at;
    do {
        const struct net_packet *p = front_of(&n->inputs[at])->packet;
        uint32_t next = waits_for(n, at, moves), router = at / per_node;
        bool header = front_of(&n->inputs[next])->packet != p; /* else its body is behind it */
        if (header && length + 128 < sizeof(n->deadlock))
            length += (size_t)snprintf(n->deadlock + length, sizeof(n->deadlock) - length,
                                       "%spacket %u->%u at router %u", length ? " waits for " : "",
                                       p->src, p->dst, router);
        at = next;
    } while (at != first);
    if (length < sizeof(n->deadlock))
        snprintf(n->deadlock + length, sizeof(n->deadlock) - length, ", which closes the circle");
}

bool flit_find_deadlock(struct flit_net *n)
{
    uint32_t count = n->m.topo.nodes * n->m.topo.ports * n->vcs, stuck = NOBODY;
    bool *moves = base_zalloc(count, sizeof(*moves));
    for (bool more = true; more && !n->deadlock[0];) {
        more = false;
        stuck = NOBODY;
        for (uint32_t at = 0; at < count; at++) {
            if (moves[at])
                continue;
            moves[at] = will_move(n, at, moves);
            more |= moves[at];
            stuck = moves[at] ? stuck : at;
        }
    }
    if (stuck != NOBODY)
        write_circle(n, stuck, moves);
    free(moves);
    return n->deadlock[0] != '\0';
}
