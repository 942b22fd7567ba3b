/* atm_output.c: output queues: a first-in first-out queue in front of each channel.
 *
 * Nobody chooses, so the moment at which a cell leaves is known when it comes: the queue is a time.
 * A run that meets no other at a queue is let through at once, before its cells have come (it is
 * `ahead`).  When another comes while it still does, what has not come yet is taken back, on all
 * channels behind, and both go on cell by cell until one is alone again.
 *
 *   ATM2  What is ahead of a queue was reckoned as if nobody came, and nobody has.
 *
 * Cells of one moment enter in the order of the inputs, from one that moves on with time: that of
 * number (time / cell time) modulo the inputs (NET3).
 */
#include "mesh/switch/atm_internal.h"

/* Cells in the queue, that on the channel not counted. */
static uint32_t waiting(const struct atm_channel *q, sim_time now)
{
    return q->free <= now ? 0 : (uint32_t)((q->free - now - 1) / q->cell);
}

/* ---- the account of what is ahead ---- */

/* Tells the first `count` of its cells. */
static void tell_busy(struct atm *n, struct atm_channel *q, uint32_t count)
{
    if (count <= q->ahead_told)
        return;
    sim_time from = q->ahead_start + (sim_time)q->ahead_told * q->ahead_gap;
    if (q->ahead_gap == q->cell)
        sim_busy_add(&q->busy, n->net.sim, from, from + (count - q->ahead_told) * q->cell);
    for (uint32_t k = q->ahead_told; q->ahead_gap != q->cell && k < count;
         k++, from += q->ahead_gap)
        sim_busy_add(&q->busy, n->net.sim, from, from + q->cell);
    q->ahead_told = count;
}

void atm_output_settle(struct atm *n, struct atm_channel *q)
{
    sim_time now = sim_now(n->net.sim);
    if (!q->ahead || q->ahead_start >= now)
        return;
    int64_t begun = (now - q->ahead_start + q->ahead_gap - 1) / q->ahead_gap;
    tell_busy(n, q, begun < q->ahead_count ? (uint32_t)begun : q->ahead_count);
}

/* All its cells have come. */
static void retire(struct atm *n, struct atm_channel *q)
{
    tell_busy(n, q, q->ahead_count);
    atm_run_free(n, q->ahead);
    q->ahead = NULL;
}

/* ---- what is ahead is taken back ---- */

static void cut(struct atm_run *r, uint32_t count);

/* The first `keep` cells of what is ahead of q stay. */
static void keep_ahead(struct atm_channel *q, uint32_t keep)
{
    struct atm_run *r = q->ahead;
    struct atm_hop *h = atm_hop_of(r->on, r->vci);
    ASSERT(keep > 0 && keep <= q->ahead_count && keep >= q->ahead_told);
    q->until_loss += q->ahead_count - keep;
    cut(r->out, keep);
    r->taken = r->out_from + keep;
    q->ahead_count = keep;
    q->free = q->ahead_start + (keep - 1) * q->ahead_gap + q->cell;
    h->begun = true; /* the last cell of the frame was among the others */
}

/* A run on a channel has but `count` cells: the others do not enter it now. */
static void cut(struct atm_run *r, uint32_t count)
{
    if (count >= r->count)
        return;
    uint32_t lost = r->count - count;
    bool last = r->first + r->count == r->f->cells;
    r->count = count;
    if (r->on->terminal != ATM_NO_TERMINAL) {
        atm_ungather(r->f->c, lost, last);
    } else if (r->taken > count) {
        struct atm_channel *q = atm_hop_of(r->on, r->vci)->out;
        ASSERT_MSG(q->ahead == r, "what was taken ahead of its time is ahead (ATM2)");
        keep_ahead(q, count - r->out_from);
    }
}

/* ---- arrivals ---- */

static void expect(struct atm *n, struct atm_channel *q, struct atm_run *r)
{
    if (list_empty(&r->link))
        list_push(&q->streams, &r->link);
    atm_post(n, atm_arrival(r, r->taken), ATM_ARRIVE, r);
}

/* Another comes while cells of what is ahead are still to: they are no longer ahead. */
static void take_back(struct atm *n, struct atm_channel *q)
{
    struct atm_run *r = q->ahead;
    sim_time since = n->now - atm_arrival(r, 0);
    uint32_t come = (uint32_t)((since + r->gap - 1) / r->gap);
    keep_ahead(q, come - r->out_from);
    tell_busy(n, q, q->ahead_count);
    q->ahead = NULL;
    if (atm_arrival(r, come) == n->now) {
        r->next = q->now;
        q->now = r;
        list_push(&q->streams, &r->link);
    } else {
        expect(n, q, r);
    }
}

void atm_output_stop(struct atm *n, struct atm_channel *q)
{
    struct atm_run *r = q->ahead;
    if (!r)
        return;
    if (atm_arrival(r, r->count - 1) <= n->now) {
        retire(n, q);
        return;
    }
    uint32_t come = (uint32_t)((n->now - atm_arrival(r, 0)) / r->gap) + 1;
    keep_ahead(q, come - r->out_from);
    tell_busy(n, q, q->ahead_count);
    q->ahead = NULL;
    expect(n, q, r);
}

/* The rest of a run that is alone enters q without a loss and evenly, in one step, if it can. */
static bool let_through(struct atm *n, struct atm_channel *q, struct atm_run *r)
{
    struct atm_hop *h = atm_hop_of(r->on, r->vci);
    uint32_t left = r->count - r->taken, before = waiting(q, n->now);
    sim_time start = sim_time_max(n->now, q->free), gap = q->cell;
    if (left < 2 || left > q->until_loss || (h->begun && h->state != ATM_PASS))
        return false;
    if (r->gap > q->cell) {
        if (start > n->now)
            return false;
        gap = r->gap;
    }
    sim_time behind = start + (left - 1) * gap - (n->now + (left - 1) * r->gap);
    uint32_t at_last = behind > 0 ? (uint32_t)((behind - 1) / q->cell) : 0;
    if (before >= n->buffer || at_last >= n->buffer ||
        (!h->begun && n->params.drop == ATM_EARLY && before > n->threshold))
        return false;
    uint32_t longest = (at_last > before ? at_last : before) + 1;
    if (longest > n->counts.queue_longest)
        n->counts.queue_longest = longest;
    struct atm_run *out = atm_run_new(n, r->f, q, h->vci);
    out->first = r->first + r->taken;
    out->count = left;
    out->start = start;
    out->gap = gap;
    q->until_loss -= left;
    r->out = out;
    r->out_from = r->taken;
    r->taken = r->count;
    q->ahead = r;
    q->ahead_start = start;
    q->ahead_gap = gap;
    q->ahead_count = left;
    q->ahead_told = 0;
    q->free = start + (left - 1) * gap + q->cell;
    h->state = ATM_PASS;
    h->begun = r->first + r->count != r->f->cells;
    atm_run_begin(n, out);
    return true;
}

static void take_cell(struct atm *n, struct atm_channel *q, struct atm_run *r)
{
    struct atm_hop *h = atm_hop_of(r->on, r->vci);
    uint32_t number = r->first + r->taken++;
    struct atm_frame *f = r->f;
    if (r->taken < r->count) {
        expect(n, q, r);
    } else {
        list_remove(&r->link);
        atm_run_free(n, r);
    }
    if (atm_admit(n, h, waiting(q, n->now), number + 1 == f->cells))
        atm_enter(n, q, h->vci, f, number, sim_time_max(n->now, q->free));
    else
        atm_lose(n, f, number, NET_DROPPED_QUEUE);
}

/* Takes out what was cut meanwhile, and puts the rest into order. */
static void sort_arrivals(struct atm *n, struct atm_channel *q)
{
    struct atm_run *all = q->now;
    uint64_t first = (uint64_t)(n->now / q->cell) % q->from_inputs;
    q->now = NULL;
    while (all) {
        struct atm_run *r = all, **at = &q->now;
        all = r->next;
        if (r->taken == r->count) {
            list_remove(&r->link);
            atm_run_free(n, r);
            continue;
        }
        uint64_t turn = (r->on->input + q->from_inputs - first) % q->from_inputs;
        while (*at && ((*at)->on->input + q->from_inputs - first) % q->from_inputs < turn)
            at = &(*at)->next;
        r->next = *at;
        *at = r;
    }
}

/* No other run has cells to come. */
static bool is_alone(const struct atm_channel *q, const struct atm_run *r)
{
    return r->next == NULL && (list_empty(&q->streams) ||
                               (q->streams.next == &r->link && q->streams.prev == &r->link));
}

void atm_output_arrive(struct atm *n, struct atm_channel *q)
{
    q->dirty = false;
    if (q->ahead && atm_arrival(q->ahead, q->ahead->count - 1) < n->now)
        retire(n, q);
    if (q->ahead)
        take_back(n, q);
    sort_arrivals(n, q);
    struct atm_run *r = q->now;
    q->now = NULL;
    n->steps++;
    if (r && is_alone(q, r) && let_through(n, q, r)) {
        list_remove(&r->link);
        return;
    }
    while (r) {
        struct atm_run *next = r->next;
        take_cell(n, q, r);
        r = next;
    }
}
