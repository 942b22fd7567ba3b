/* raid3_background.c: rebuild and scrub of the synchronised array, a batch of rows at a time.
 *
 * A step is a read of its rows by all spindles and, when there is something to write, a write of
 * the same rows: two requests that wait in the drive's queue among all others.  Bytes are made when
 * the write is on the medium, from what the survivors hold then: a request that wrote some of the
 * rows in the meantime went through the same controller, which has them.
 *
 *   state     what holds                              left by
 *   resting   nothing to do, or too few members       go_on
 *   waiting   the event, at what the rate allows      step
 *   reading   the request is inside                   done
 *   writing   the request is inside                   done
 *   settling  the event, when the arm has written     settled
 *
 * A step that a loss, a new spare, a new scrub or a failure of power overtakes is void: its rows
 * are done again.
 */
#include "disks/disk_internal.h"
#include "disks/raid3_internal.h"
#include "disks/raid_internal.h"

static void done(struct blk_req *r);

static uint64_t power_losses(const struct raid3 *a)
{
    return disk_of(a->dev)->counts.power_losses;
}

static void go_on(struct raid3 *a, uint32_t rows)
{
    sim_time now = sim_now(a->dev->sim);
    if (a->step.under_way || sim_event_pending(&a->event))
        return;
    if (a->dead != 0 || (a->filling == RAID3_NONE && !a->scrubbing))
        return;
    sim_at(a->dev->sim, &a->event,
           raid_pace(now, a->began, (int64_t)rows * a->sector_bytes, a->rate));
}

static void ask(struct raid3 *a, enum blk_op op)
{
    struct raid3_step *t = &a->step;
    blk_req_init(&t->r, op, t->first, t->count, done, a);
    t->r.patience = a->patience;
    blk_pass(a->dev, &t->r);
}

static void step(struct raid3 *a)
{
    struct raid3_step *t = &a->step;
    bool rebuild = a->filling != RAID3_NONE;
    if (a->dead != 0 || (!rebuild && !a->scrubbing))
        return;
    uint64_t first = rebuild ? a->filled : a->scrub_next, left = a->rows - first;
    t->under_way = true;
    t->settling = t->retried = false;
    t->rebuild = rebuild;
    t->first = first;
    t->count = left < a->count ? (uint32_t)left : a->count;
    t->turn = a->turn;
    t->power_losses = power_losses(a);
    a->began = sim_now(a->dev->sim);
    ask(a, BLK_READ);
}

/* Rows of the step are behind; 0: they are done again. */
static void over(struct raid3 *a, uint32_t rows)
{
    a->step.under_way = false;
    if (rows > 0 && a->step.rebuild) {
        if (a->filled == a->rows)
            a->filling = RAID3_NONE;
    } else if (rows > 0) {
        a->scrub_next += rows;
        a->scrubbing = a->scrub_next < a->rows;
    }
    if (rows > 0 && a->count < a->batch)
        a->count = 2 * a->count < a->batch ? 2 * a->count : a->batch;
    raid3_rebuild_begin(a);
    go_on(a, rows);
}

static bool is_void(const struct raid3 *a)
{
    return a->step.turn != a->turn || a->step.power_losses != power_losses(a);
}

static void settled(struct raid3 *a)
{
    struct raid3_step *t = &a->step;
    bool good = !is_void(a);
    t->settling = false;
    if (good && t->rebuild) {
        good = raid3_fill(a, t->count);
    } else if (good) {
        raid3_check(a, t->first, t->count, true);
        a->counts.scrubbed_stripes += t->count;
    }
    over(a, good ? t->count : 0);
}

static void wake(struct sim *s, struct sim_event *ev)
{
    struct raid3 *a = CONTAINER_OF(ev, struct raid3, event);
    (void)s;
    if (a->step.settling)
        settled(a);
    else
        step(a);
}

/* Some row of the step cannot be read of any member: again, then by halves, then without it. */
static void unreadable(struct raid3 *a)
{
    struct raid3_step *t = &a->step;
    if (!t->retried) {
        t->retried = true;
        ask(a, t->r.op);
    } else if (t->count > 1) {
        a->count = t->count / 2;
        over(a, 0);
    } else if (t->rebuild) {
        raid3_add_hole(a, a->filling, t->first, 1);
        a->counts.unrecovered++;
        a->filled++;
        over(a, 1);
    } else {
        over(a, 1);
    }
}

static void done(struct blk_req *r)
{
    struct raid3 *a = r->owner;
    struct raid3_step *t = &a->step;
    blk_req_fini(r);
    if (r->status == BLK_ERR_DEVICE) {
        t->under_way = false; /* the whole array has died */
        return;
    }
    if (r->status == BLK_ERR_ABORTED || is_void(a)) {
        over(a, 0);
    } else if (r->status != BLK_OK) {
        unreadable(a);
    } else if (r->op == BLK_WRITE) {
        t->settling = true;
        sim_at(a->dev->sim, &a->event, sim_time_max(sim_now(a->dev->sim), disk_of(a->dev)->arm_at));
    } else if (t->rebuild || raid3_check(a, t->first, t->count, false)) {
        t->retried = false;
        ask(a, BLK_WRITE);
    } else {
        a->counts.scrubbed_stripes += t->count;
        over(a, t->count);
    }
}

void raid3_background_init(struct raid3 *a)
{
    sim_event_init(&a->event, SIM_CLASS_DEVICE, wake);
}

void raid3_lose(struct raid3 *a, uint32_t member)
{
    if (a->filling == member)
        a->filling = RAID3_NONE; /* the spare has died, with all that was on it */
    a->dead |= 1u << member;
    a->turn++;
    raid3_rebuild_begin(a);
}

void raid3_rebuild_begin(struct raid3 *a)
{
    if (a->filling != RAID3_NONE || a->spares == 0 || __builtin_popcount(a->dead) != 1)
        return;
    a->filling = (uint32_t)__builtin_ctz(a->dead);
    a->dead = 0;
    a->filled = 0;
    a->spares--;
    a->turn++;
    a->count = a->batch;
    raid3_mend_holes(a, 1u << a->filling, 0, a->rows);
    go_on(a, 0);
}

void raid3_scrub_begin(struct raid3 *a)
{
    a->scrubbing = true;
    a->scrub_next = 0;
    if (a->filling == RAID3_NONE)
        a->turn++;
    go_on(a, 0);
}
