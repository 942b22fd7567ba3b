/* sp_graph.c: boards of chips, the wires between them, and the ways of packets.
 *
 * A board is two stages of four chips, each chip of one stage with a wire to each of the other.  In
 * a frame the first stage has 16 stations, the second 16 ports outward.  Up to five frames (80
 * stations) these are wired to each other: chip j of one to chip j of the other.  More frames are
 * wired to boards of switches alone, whose 32 ports all lead to frames.
 *
 * Ways go up and down once: from the first stage to the second, over a board or a wire, to the
 * second and the first.  On a board of switches alone a way from a chip to another one of the same
 * stage turns in the other stage.  If both stages turned ways, each could wait for the other: a
 * board of even number turns those of its first stage alone, one of odd number those of its second.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mesh/switch/sp_internal.h"

static uint32_t ports_of_boards(const struct sp *n) /* of each frame to each of them */
{
    return SP_FRAME / n->boards;
}

static uint32_t wires_of_chips(const struct sp *n) /* of each outward chip to each other frame */
{
    return SP_SIDE / (n->frames - 1);
}

/* The outward chip and port of a frame's outward port e, from 0 to 15. */
static uint32_t outward(uint32_t frame, uint32_t e, uint32_t *port)
{
    *port = SP_SIDE + e / SP_SIDE;
    return 8 * frame + 4 + e % SP_SIDE;
}

/* The chip and port of port x, from 0 to 31, of a board of switches alone. */
static uint32_t board_port(const struct sp *n, uint32_t board, uint32_t x, uint32_t *port)
{
    *port = x < SP_FRAME ? x % SP_SIDE : SP_SIDE + x % SP_SIDE;
    return 8 * n->frames + 8 * board + x / SP_SIDE;
}

static uint32_t rank_of(uint32_t frame, uint32_t seen_from)
{
    return frame < seen_from ? frame : frame - 1;
}

/* ---- wires ---- */

void sp_channel_name(const struct sp_channel *c, char *text, size_t size)
{
    if (c->from == SP_NO_CHIP)
        snprintf(text, size, "station %u to chip %u", c->station, c->to);
    else if (c->to == SP_NO_CHIP)
        snprintf(text, size, "chip %u to station %u", c->from, c->station);
    else
        snprintf(text, size, "chip %u.%u to chip %u.%u", c->from, c->out, c->to, c->in);
}

static void name(struct sp *n, struct sp_channel *c)
{
    char text[48];
    sp_channel_name(c, text, sizeof text);
    net_link_init(&c->link, n->lan.net.sim, "sp/link", (uint64_t)(c - n->channels));
    sim_busy_init(&c->busy, n->lan.net.sim, SIM_KIND_CHANNEL, -1, text);
}

static void join(struct sp *n, struct sp_channel *c)
{
    if (c->from != SP_NO_CHIP) {
        ASSERT(!n->chips[c->from].out[c->out]);
        n->chips[c->from].out[c->out] = c;
    }
    if (c->to != SP_NO_CHIP) {
        ASSERT(!n->chips[c->to].in[c->in]);
        n->chips[c->to].in[c->in] = c;
    }
    name(n, c);
}

/* Both ways. */
static void wire(struct sp *n, uint32_t a, uint32_t a_port, uint32_t b, uint32_t b_port)
{
    struct sp_channel *c = &n->channels[n->channel_count];
    n->channel_count += 2;
    c[0] = (struct sp_channel){ .from = a, .out = a_port, .to = b, .in = b_port };
    c[1] = (struct sp_channel){ .from = b, .out = b_port, .to = a, .in = a_port };
    join(n, &c[0]);
    join(n, &c[1]);
}

static void wire_board(struct sp *n, uint32_t first)
{
    for (uint32_t i = 0; i < SP_SIDE; i++)
        for (uint32_t j = 0; j < SP_SIDE; j++)
            wire(n, first + i, SP_SIDE + j, first + SP_SIDE + j, i);
}

static void wire_stations(struct sp *n)
{
    for (uint32_t s = 0; s < n->stations; s++) {
        uint32_t chip = s / SP_FRAME * 8 + s % SP_FRAME / SP_SIDE, port = s % SP_SIDE;
        struct sp_channel *up = &n->channels[s], *down = &n->channels[n->stations + s];
        *up = (struct sp_channel){ .from = SP_NO_CHIP, .to = chip, .in = port, .station = s };
        *down = (struct sp_channel){ .from = chip, .out = port, .to = SP_NO_CHIP, .station = s };
        join(n, up);
        join(n, down);
    }
    n->channel_count = 2 * n->stations;
}

static void wire_frames(struct sp *n)
{
    uint32_t wires = wires_of_chips(n);
    for (uint32_t a = 0; a < n->frames; a++)
        for (uint32_t b = a + 1; b < n->frames; b++)
            for (uint32_t e = 0; e < SP_SIDE * wires; e++) {
                uint32_t j = e % SP_SIDE, l = e / SP_SIDE;
                wire(n, 8 * a + SP_SIDE + j, SP_SIDE + rank_of(b, a) * wires + l,
                     8 * b + SP_SIDE + j, SP_SIDE + rank_of(a, b) * wires + l);
            }
}

static void wire_boards(struct sp *n)
{
    for (uint32_t b = 0; b < n->boards; b++)
        wire_board(n, 8 * (n->frames + b));
    for (uint32_t a = 0; a < n->frames; a++)
        for (uint32_t e = 0; e < SP_FRAME; e++) {
            uint32_t port, other;
            uint32_t chip = outward(a, e, &port);
            uint32_t there =
                board_port(n, e % n->boards, a * ports_of_boards(n) + e / n->boards, &other);
            wire(n, chip, port, there, other);
        }
}

void sp_graph_init(struct sp *n)
{
    n->frames = (n->stations + SP_FRAME - 1) / SP_FRAME;
    n->boards = n->frames <= 5 ? 0 : n->frames <= 8 ? 4 : n->frames <= 16 ? 8 : 16;
    n->chip_count = 8 * (n->frames + n->boards);
    n->chips = base_zalloc(n->chip_count, sizeof(*n->chips));
    size_t most = 2 * (size_t)n->stations + (size_t)n->chip_count * SP_PORTS;
    n->channels = base_zalloc(most, sizeof(*n->channels));
    for (uint32_t c = 0; c < n->chip_count; c++)
        n->chips[c] = (struct sp_chip){ .chunks = (uint32_t)n->params.chunks };
    for (uint32_t c = 0; c < n->chip_count; c++)
        net_link_init(&n->chips[c].self, n->lan.net.sim, "sp/chip", c);
    wire_stations(n);
    for (uint32_t a = 0; a < n->frames; a++)
        wire_board(n, 8 * a);
    if (n->boards > 0)
        wire_boards(n);
    else if (n->frames > 1)
        wire_frames(n);
    ASSERT(n->channel_count <= most);
}

/* ---- ways ---- */

uint32_t sp_most_hops(const struct sp *n)
{
    return n->stations <= SP_SIDE ? 1 : n->frames == 1 ? 3 : n->boards == 0 ? 4 : SP_HOPS;
}

/* The stage of the boards of switches alone that has the frame's wires, and the chip of it. */
static uint32_t stage_of(const struct sp *n, uint32_t frame)
{
    return frame * ports_of_boards(n) / SP_FRAME;
}

static bool turns(const struct sp *n, uint32_t a, uint32_t b)
{
    uint32_t m = ports_of_boards(n);
    return stage_of(n, a) == stage_of(n, b) && a * m / SP_SIDE != b * m / SP_SIDE;
}

uint32_t sp_way_count(const struct sp *n, uint32_t src, uint32_t dst)
{
    uint32_t a = src / SP_FRAME, b = dst / SP_FRAME;
    if (src / SP_SIDE == dst / SP_SIDE)
        return 1;
    if (a == b)
        return SP_SIDE;
    if (n->boards == 0)
        return SP_SIDE * wires_of_chips(n);
    return turns(n, a, b) ? SP_FRAME / 2 : SP_FRAME;
}

struct way {
    const struct sp *n;
    struct sp_channel **channels;
    uint32_t hops, chip; /* it is at that one */
};

static void leave_by(struct way *w, uint32_t port)
{
    struct sp_channel *c = w->n->chips[w->chip].out[port];
    w->channels[++w->hops] = c;
    w->chip = c->to;
}

/* Over a board of switches alone, to another frame. */
static void cross_board(struct way *w, uint32_t a, uint32_t b, uint32_t e)
{
    const struct sp *n = w->n;
    uint32_t last, port, m = ports_of_boards(n);
    last = board_port(n, e % n->boards, b * m + e / n->boards, &port);
    if (turns(n, a, b)) {
        uint32_t middle = (e / n->boards + a + b) % SP_SIDE;
        leave_by(w, stage_of(n, a) == 0 ? SP_SIDE + middle : middle);
    }
    if (w->chip != last)
        leave_by(w, stage_of(n, b) == 1 ? SP_SIDE + last % SP_SIDE : last % SP_SIDE);
    ASSERT(w->chip == last);
    leave_by(w, port);
}

uint32_t sp_way_find(const struct sp *n, uint32_t src, uint32_t dst, uint32_t which,
                     struct sp_channel *channels[SP_HOPS + 1])
{
    uint32_t a = src / SP_FRAME, b = dst / SP_FRAME, port;
    struct way w = { .n = n, .channels = channels, .chip = n->channels[src].to };
    channels[0] = &n->channels[src];
    if (a != b) {
        uint32_t e = which;
        if (n->boards > 0) {
            if (turns(n, a, b))
                e = 2 * which + stage_of(n, a);
            outward(a, e, &port);
        } else {
            port = SP_SIDE + rank_of(b, a) * wires_of_chips(n) + e / SP_SIDE;
        }
        leave_by(&w, SP_SIDE + e % SP_SIDE);
        leave_by(&w, port);
        if (n->boards > 0)
            cross_board(&w, a, b, e);
        leave_by(&w, dst % SP_FRAME / SP_SIDE);
    } else if (src / SP_SIDE != dst / SP_SIDE) {
        leave_by(&w, SP_SIDE + which);
        leave_by(&w, dst % SP_FRAME / SP_SIDE);
    }
    leave_by(&w, dst % SP_SIDE);
    ASSERT(channels[w.hops]->station == dst);
    return w.hops;
}
