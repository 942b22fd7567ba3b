/* plan.c: what the configuration asks for while the job runs: moves of ranks, and turns of jobs.
 *
 * For each a checkpoint is taken after which no program goes on; when it is committed all begin a
 * new run, on the nodes and with the job whose turn it is.  Who leads tells what has been done in
 * its RESET, so that another goes on with what is left:
 *   u16 moves that have been made, u8 the job whose turn it is, u24 jobs that have ended (bits).
 */
#include <stdlib.h>

#include "os/ckpt/ckpt_internal.h"

/* ---- where to ---- */

struct spot {
    uint64_t key;
    uint32_t node;
};

static int by_key(const void *a, const void *b)
{
    const struct spot *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

static bool all_to(struct ckpt *c, struct os_places *places, int to)
{
    const struct os_grid *g = &c->node->layout->grid;
    struct spot *spots = port_alloc(c->port, (c->seat_count + 1) * sizeof *spots);
    uint32_t up = 0;
    for (uint32_t i = 0; i < c->seat_count; i++) {
        uint32_t node = c->seats[i].node;
        uint64_t key = to == CKPT_TO_FORWARD ? i : to == CKPT_TO_REVERSE ? c->seat_count - i : node;
        if (to == CKPT_TO_COLUMNS)
            key = (uint64_t)(node % g->size[0]) << 32 | node / g->size[0];
        if (!c->seats[i].down)
            spots[up++] = (struct spot){ key, node };
    }
    qsort(spots, up, sizeof *spots, by_key);
    for (uint32_t r = 0; up >= c->ranks && r < c->ranks; r++)
        if (places->nodes[r] != spots[r].node)
            os_place(places, r, spots[r].node);
    port_free(c->port, spots);
    return up >= c->ranks;
}

/* False: there is no room. */
static bool make(struct ckpt *c, struct os_places *places, const struct ckpt_move *m)
{
    uint32_t seat = 0;
    if (m->to != CKPT_TO_SPARE)
        return all_to(c, places, m->to);
    while (seat < c->seat_count && !ckpt_free_seat(c, places, seat))
        seat++;
    if (seat == c->seat_count)
        return false;
    os_place(places, (uint32_t)m->rank, c->seats[seat].node);
    return true;
}

/* ---- what is due ---- */

uint64_t ckpt_plan_pack(const struct ckpt_plan *p)
{
    return p->moved | (uint64_t)p->turn << 16 | (uint64_t)p->done << 24;
}

void ckpt_plan_unpack(uint64_t packed, struct ckpt_plan *p)
{
    p->moved = packed & 0xffff;
    p->turn = packed >> 16 & 0xff;
    p->done = packed >> 24 & 0xffffff;
}

/* The job whose turn it is next; the same: no other is left. */
static uint32_t next_turn(const struct ckpt *c)
{
    uint32_t jobs = (uint32_t)c->params->jobs, turn = c->plan.turn;
    for (uint32_t k = 1; k < jobs; k++)
        if (!(c->plan.done >> (turn + k) % jobs & 1))
            return (turn + k) % jobs;
    return turn;
}

static bool move_left(const struct ckpt *c)
{
    return c->plan.moved < c->params->move_count;
}

sim_time ckpt_plan_next(const struct ckpt *c, sim_time entered)
{
    sim_time at = move_left(c) ? c->params->move[c->plan.moved].at : SIM_NEVER;
    sim_time turn =
        next_turn(c) != c->plan.turn ? sim_time_add(entered, c->params->quantum) : SIM_NEVER;
    return turn < at ? turn : at;
}

void ckpt_plan_do(struct ckpt *c, struct os_places *places, sim_time entered)
{
    sim_time now = port_now(c->port);
    uint32_t turn = next_turn(c);
    bool more = true;
    for (; more && move_left(c) && c->params->move[c->plan.moved].at <= now; c->plan.moved++) {
        if (make(c, places, &c->params->move[c->plan.moved]))
            c->counts.moves++;
        else
            port_remark(c->port, "move %u is not made: too few nodes are up", c->plan.moved + 1);
        more = c->sink->anywhere; /* else the next one when what has moved has its mirror again */
    }
    if (turn != c->plan.turn && sim_time_add(entered, c->params->quantum) <= now) {
        c->plan.turn = turn;
        c->counts.swaps++;
    }
}

bool ckpt_plan_over(const struct ckpt *c)
{
    uint32_t all = (1u << c->params->jobs) - 1;
    return (c->plan.done & all) == all;
}

bool ckpt_plan_ended(struct ckpt *c)
{
    uint32_t turn = next_turn(c);
    c->plan.done |= 1u << c->plan.turn;
    if (turn == c->plan.turn)
        return false;
    c->plan.turn = turn;
    c->counts.swaps++;
    return true;
}
