/* raid_background.c: rebuild and scrub: a batch of stripes at a time, at most at the rate allowed.
 *
 * A rebuild fills the spare that has taken a lost member's place; the stripes below `rebuilt` are
 * there, and of the batch under way those that are through.  A scrub reads stripes and compares
 * their parity.  A rebuild goes before a scrub.
 */
#include <stdlib.h>

#include "disks/raid_internal.h"

#define NO_SLOT UINT32_MAX

static void step(struct raid *a)
{
    bool rebuild = a->rebuild_slot != NO_SLOT;
    if (a->background_pending > 0 || sim_event_pending(&a->background) || a->dead)
        return;
    if (!rebuild && !a->scrubbing)
        return;
    uint64_t first = rebuild ? a->slots[a->rebuild_slot].rebuilt : a->scrub_next;
    uint64_t left = a->layout.stripes - first;
    uint32_t count = left < a->batch ? (uint32_t)left : a->batch;
    a->background_pending = a->background_count = count;
    a->background_stuck = false;
    a->background_began = sim_now(a->dev.sim);
    raid_hold(a);
    for (uint32_t i = 0; i < count; i++) {
        struct raid_op *op = raid_op_get(a, rebuild ? RAID_OP_REBUILD : RAID_OP_SCRUB, first + i);
        op->target = rebuild ? a->rebuild_slot : 0;
        op->changes = a->slots[op->target].changes;
        op->first = op->count = 0;
        raid_op_start(op);
    }
    raid_release(a);
}

static void wake(struct sim *s, struct sim_event *ev)
{
    (void)s;
    step(CONTAINER_OF(ev, struct raid, background));
}

void raid_background_init(struct raid *a)
{
    a->rebuild_slot = NO_SLOT;
    sim_event_init(&a->background, SIM_CLASS_DEVICE, wake);
}

sim_time raid_pace(sim_time now, sim_time began, int64_t bytes, int64_t rate)
{
    return rate == 0 ? now : sim_time_max(now, sim_time_add(began, sim_time_of_bytes(bytes, rate)));
}

/* The next step, no sooner than the rate allows. */
static void go_on(struct raid *a)
{
    int64_t bytes = (int64_t)(a->layout.unit * a->sector_bytes * a->background_count);
    sim_time at = raid_pace(sim_now(a->dev.sim), a->background_began, bytes, a->rebuild_rate);
    if (!sim_event_pending(&a->background))
        sim_at(a->dev.sim, &a->background, at);
}

void raid_rebuild_begin(struct raid *a)
{
    if (a->layout.parity == 0)
        return;
    if (a->rebuild_slot != NO_SLOT && a->slots[a->rebuild_slot].failed) {
        a->slots[a->rebuild_slot].rebuilding = false; /* the spare has died too */
        a->rebuild_slot = NO_SLOT;
    }
    for (uint32_t i = 0; a->rebuild_slot == NO_SLOT && i < a->layout.members; i++) {
        struct raid_slot *s = &a->slots[i];
        if (!s->failed || s->load > 0 || a->spare_count == 0)
            continue;
        /* What the lost member still owes is over (load 0): its place may be taken. */
        struct blkdev *old = s->dev;
        s->dev = a->spares[0];
        a->spares[0] = a->spares[--a->spare_count];
        s->failed = false;
        s->rebuilding = true;
        s->rebuilt = s->filled = 0;
        s->changes++;
        a->rebuild_slot = i;
        /* It may be in the middle of telling so: it stays until the array goes. */
        a->removed = base_realloc(a->removed, (a->removed_count + 1) * sizeof(struct blkdev *));
        a->removed[a->removed_count++] = old;
    }
    if (a->rebuild_slot != NO_SLOT)
        go_on(a);
}

/* A stripe of a rebuild is through; it is there from now on, or answers with an error until it is
 * written. */
static void filled(struct raid *a, const struct raid_op *op)
{
    struct raid_slot *s = &a->slots[op->target];
    uint64_t i = op->stripe - s->rebuilt;
    if (op->changes != s->changes || s->failed || !s->rebuilding)
        return;
    if (op->status == BLK_OK) {
        a->counts.rebuilt_stripes++;
        s->filled |= UINT64_C(1) << i;
    } else if (op->status == BLK_ERR_MEDIUM) {
        struct disk_fault hole = { .kind = DISK_FAULT_SECTOR,
                                   .sector = op->stripe * a->layout.unit,
                                   .sectors = a->layout.unit };
        if (s->dev->ops->fault == NULL || !s->dev->ops->fault(s->dev, 0, &hole))
            s->failed = true;
        a->counts.unrecovered++;
        s->filled |= UINT64_C(1) << i;
    } else if (op->status != BLK_ERR_ABORTED) {
        a->background_stuck = true; /* too few members are left: it rests */
    }
}

/* The step is over: stripes that are there in a row from the first on are behind. */
static void advance(struct raid *a)
{
    if (a->rebuild_slot == NO_SLOT) {
        a->scrub_next += a->background_count;
        a->scrubbing = a->scrub_next < a->layout.stripes;
        return;
    }
    struct raid_slot *s = &a->slots[a->rebuild_slot];
    while ((s->filled & 1) != 0) {
        s->filled >>= 1;
        s->rebuilt++;
    }
    s->filled = 0;
    if (s->rebuilt < a->layout.stripes)
        return;
    s->rebuilding = false;
    a->rebuild_slot = NO_SLOT;
}

void raid_background_done(struct raid_op *op)
{
    struct raid *a = op->a;
    bool rebuild = op->work == RAID_OP_REBUILD;
    if (rebuild)
        filled(a, op);
    else
        a->counts.scrubbed_stripes += op->status == BLK_OK;
    a->background_cut |= op->status == BLK_ERR_ABORTED;
    if (--a->background_pending > 0)
        return;
    /* After a loss of power the stripes of a scrub are gone over again. */
    bool again = a->background_cut && !rebuild;
    a->background_cut = false;
    bool stuck = a->background_stuck && a->rebuild_slot == op->target && rebuild;
    if (rebuild == (a->rebuild_slot != NO_SLOT) && !again)
        advance(a);
    if (stuck)
        return;
    raid_rebuild_begin(a);
    if (a->rebuild_slot != NO_SLOT || a->scrubbing)
        go_on(a);
}

void raid_scrub(struct blkdev *d)
{
    struct raid *a = raid_of(d);
    if (a->layout.parity == 0)
        return;
    a->background_cut |= a->background_pending > 0; /* what is under way is not of this scrub */
    a->scrubbing = true;
    a->scrub_next = 0;
    a->background_began = sim_now(d->sim);
    go_on(a);
}

bool raid_rebuilding(const struct blkdev *d)
{
    return raid_of(d)->rebuild_slot != NO_SLOT;
}
