/* atm_input.c: input queues: a first-in first-out queue at each input of a switch, and a crossbar.
 *
 * The first cell of a queue asks for its channel, and crosses when that is free and chooses it: in
 * turn of the inputs (NET3).  Those behind it wait, though their channels be free (head of line
 * blocking).  A cell holds its input and its channel for the channel's cell time.
 */
#include <stdlib.h>

#include "mesh/switch/atm_internal.h"

/* The input at the end of channel `from` can send the first cell of its queue: it asks. */
static void ask(struct atm *n, struct atm_channel *from)
{
    const struct atm_input *in = &from->in;
    if (in->moving || in->count == 0)
        return;
    struct atm_channel *q = atm_hop_of(from, in->cells[in->first].vci)->out;
    q->asks[from->input / 64] |= UINT64_C(1) << from->input % 64;
    atm_mark(n, q);
}

static void push(struct atm_input *in, struct atm_cell cell)
{
    if (in->count == in->size) {
        struct atm_cell *old = in->cells;
        in->size = in->size ? 2 * in->size : 16;
        in->cells = base_alloc(in->size * sizeof(*in->cells));
        for (uint32_t i = 0; i < in->count; i++)
            in->cells[i] = old[(in->first + i) % in->count];
        in->first = 0;
        free(old);
    }
    in->cells[(in->first + in->count++) % in->size] = cell;
}

void atm_input_arrive(struct atm *n, struct atm_run *r)
{
    struct atm_channel *from = r->on;
    struct atm_cell cell = { r->f, r->first + r->taken++, r->vci };
    struct atm_hop *h = atm_hop_of(from, r->vci);
    n->steps++;
    if (r->taken < r->count)
        atm_post(n, atm_arrival(r, r->taken), ATM_ARRIVE, r);
    else
        atm_run_free(n, r);
    if (!atm_admit(n, h, from->in.count, cell.number + 1 == cell.f->cells)) {
        atm_lose(n, cell.f, cell.number, NET_DROPPED_QUEUE);
        return;
    }
    push(&from->in, cell);
    if (from->in.count == 1)
        ask(n, from);
}

void atm_input_free(struct atm *n, struct atm_channel *q)
{
    struct atm_channel *from = q->crossing;
    q->crossing = NULL;
    from->in.moving = false;
    ask(n, from);
    atm_mark(n, q);
}

/* The first that asks, from q->turn on; UINT32_MAX: nobody. */
static uint32_t next_in_turn(const struct atm_channel *q)
{
    uint32_t words = (q->from_inputs + 63) / 64, at = q->turn / 64;
    uint64_t word = q->asks[at] & ~UINT64_C(0) << q->turn % 64;
    for (uint32_t k = 0; k <= words; k++) {
        if (word != 0)
            return 64 * at + (uint32_t)__builtin_ctzll(word);
        at = (at + 1) % words;
        word = q->asks[at];
    }
    return UINT32_MAX;
}

void atm_input_choose(struct atm *n, struct atm_channel *q)
{
    q->dirty = false;
    if (q->crossing)
        return;
    uint32_t input = next_in_turn(q);
    if (input == UINT32_MAX)
        return;
    struct atm_channel *from = n->into[q->from][input];
    struct atm_input *in = &from->in;
    struct atm_cell cell = in->cells[in->first];
    in->first = (in->first + 1) % in->size;
    in->count--;
    in->moving = true;
    q->crossing = from;
    q->turn = (input + 1) % q->from_inputs;
    q->asks[input / 64] &= ~(UINT64_C(1) << input % 64);
    n->steps++;
    atm_enter(n, q, atm_hop_of(from, cell.vci)->vci, cell.f, cell.number, n->now);
    atm_post(n, q->free, ATM_FREE, q);
}
