/* atm_frame.c: frames, runs of cells, what is lost of them, and what a station puts together.
 *
 * A station puts the cells of a circuit together until one is marked as the last of its frame.  The
 * frame is good if these are all its cells and no others: with a cell lost the length is wrong, and
 * with the last one lost the cells of the next frame are taken for a part of it, and both are
 * rejected by length and CRC (sim/base/aal5.h; the one chance in 2^32 is not drawn).
 */
#include <stdlib.h>

#include "mesh/switch/atm_internal.h"

struct atm_frame *atm_frame_new(struct atm *n, struct net_packet *p, struct atm_circuit *c)
{
    struct atm_frame *f = n->free_frames;
    if (f) {
        n->free_frames = f->next;
    } else {
        f = base_alloc(sizeof(*f));
        f->made = n->made_frames;
        n->made_frames = f;
    }
    uint32_t cells = aal5_cells(p->flits);
    *f = (struct atm_frame){ .made = f->made, .p = p, .c = c, .cells = cells, .left = cells };
    f->user = p->user;
    f->number = ++n->frame_number;
    n->counts.cells_in += cells;
    return f;
}

void atm_frame_gone(struct atm *n, struct atm_frame *f, uint32_t cells)
{
    f->left -= cells;
    if (f->left > 0)
        return;
    ASSERT_MSG(!f->p, "a frame whose fate is open has cells left (ATM1)");
    f->next = n->free_frames;
    n->free_frames = f;
}

struct atm_run *atm_run_new(struct atm *n, struct atm_frame *f, struct atm_channel *on,
                            uint32_t vci)
{
    struct atm_run *r = n->free_runs;
    if (r) {
        n->free_runs = r->next;
    } else {
        r = base_alloc(sizeof(*r));
        r->made = n->made_runs;
        n->made_runs = r;
    }
    *r = (struct atm_run){ .made = r->made, .f = f, .on = on, .vci = vci };
    list_init(&r->link);
    return r;
}

void atm_run_free(struct atm *n, struct atm_run *r)
{
    r->f = NULL;
    r->next = n->free_runs;
    n->free_runs = r;
}

/* ---- whom to tell ---- */

static void keep(struct atm_told **list, uint32_t *count, uint32_t *size, struct atm_told t)
{
    if (*count == *size) {
        *size = *size ? 2 * *size : 16;
        *list = base_realloc(*list, *size * sizeof(**list));
    }
    (*list)[(*count)++] = t;
}

void atm_sent(struct atm *n, struct net_packet *p)
{
    keep(&n->sent, &n->sent_count, &n->sent_size, (struct atm_told){ p, NET_OK, NULL });
}

void atm_tell(struct atm *n, struct atm_frame *f, bool good)
{
    struct net_packet *p = f->p;
    p->delivered = n->now;
    p->hops = f->c->switches;
    if (good)
        p->blocked = n->now - p->injected - f->c->fixed - (sim_time)(f->cells - 1) * f->c->slowest;
    f->p = NULL;
    keep(&n->done, &n->done_count, &n->done_size,
         (struct atm_told){ p, good ? NET_OK : NET_DROPPED_DAMAGED, good ? NULL : f });
}

void atm_lose(struct atm *n, struct atm_frame *f, uint32_t number, enum net_status why)
{
    if (why == NET_DROPPED_QUEUE)
        n->counts.cells_dropped++;
    else
        n->counts.cells_lost++;
    if (f->lost == NET_OK || why < f->lost) /* what is down, before what is full, before damage */
        f->lost = why;
    if (number + 1 == f->cells)
        atm_tell(n, f, false);
    atm_frame_gone(n, f, 1);
}

/* ---- what a station puts together ---- */

void atm_gather(struct atm_circuit *c, struct atm_frame *f, uint32_t cells, bool last)
{
    if (c->current != f->number) {
        ASSERT(c->closed || c->own > 0);
        c->merged = !c->closed; /* cells of one before are there, and not its last */
        c->current = f->number;
        c->own = 0;
        c->closed = false;
    }
    c->own += cells;
    if (last) {
        c->closed = true;
        f->good = !c->merged && c->own == f->cells;
    }
}

void atm_ungather(struct atm_circuit *c, uint32_t cells, bool last)
{
    ASSERT(c->own >= cells);
    c->own -= cells;
    if (last)
        c->closed = false;
}

void atm_got(struct atm *n, struct atm_frame *f, uint32_t first, uint32_t count)
{
    n->counts.cells_out += count;
    if (n->watcher)
        n->watcher(n->watcher_arg, f->c->src, f->c->dst, f->user, first, count);
}

/* ---- a cell at a queue ---- */

/* The state of the frame that comes, by drop policy [Romanow & Floyd 1995]:
 *
 *   PASS     its cells pass while there is room
 *   DISCARD  one was lost (ppd, epd): so are the others, but the last, which ends it for its
 *            station
 *   REFUSED  it began above the threshold (epd): all are lost
 */
bool atm_admit(struct atm *n, struct atm_hop *h, uint32_t waiting, bool last)
{
    int drop = n->params.drop;
    bool pass = waiting < n->buffer;
    if (!h->begun) {
        h->state = ATM_PASS;
        if (drop == ATM_EARLY && waiting > n->threshold) {
            h->state = ATM_REFUSED;
            n->counts.frames_refused++;
        }
    }
    if (h->state == ATM_REFUSED || (h->state == ATM_DISCARD && !last))
        pass = false;
    if (!pass && h->state == ATM_PASS && drop != ATM_TAIL)
        h->state = ATM_DISCARD;
    h->begun = !last;
    if (pass && waiting + 1 > n->counts.queue_longest)
        n->counts.queue_longest = waiting + 1;
    return pass;
}

/* ---- a cell on a channel ---- */

void atm_draw_loss(struct atm_channel *q)
{
    q->until_loss = q->dead ? 0 : UINT64_MAX;
    if (!q->dead && q->loss > 0)
        q->until_loss = sim_rng_geometric(&q->rng, q->loss);
}

void atm_run_begin(struct atm *n, struct atm_run *r)
{
    bool last = r->first + r->count == r->f->cells;
    if (r->on->terminal != ATM_NO_TERMINAL) {
        atm_gather(r->f->c, r->f, r->count, last);
        atm_post(n, atm_arrival(r, r->count - 1), ATM_END, r);
    } else {
        atm_post(n, atm_arrival(r, 0), ATM_ARRIVE, r);
    }
}

void atm_enter(struct atm *n, struct atm_channel *q, uint32_t vci, struct atm_frame *f,
               uint32_t number, sim_time start)
{
    bool last = number + 1 == f->cells;
    q->free = start + q->cell;
    sim_busy_add(&q->busy, n->net.sim, start, q->free);
    if (q->until_loss == 0) {
        atm_draw_loss(q);
        atm_lose(n, f, number, atm_loss(q));
        return;
    }
    q->until_loss--;
    if (q->terminal != ATM_NO_TERMINAL && !last) { /* nothing waits for it */
        atm_gather(f->c, f, 1, false);
        atm_got(n, f, number, 1);
        atm_frame_gone(n, f, 1);
        return;
    }
    struct atm_run *r = atm_run_new(n, f, q, vci);
    r->first = number;
    r->count = 1;
    r->start = start;
    r->gap = q->cell;
    atm_run_begin(n, r);
}
