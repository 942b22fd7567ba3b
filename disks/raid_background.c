/* raid_background.c: rebuild and scrub: one stripe at a time, at most at the rate allowed.
 *
 * A rebuild fills the spare that has taken a lost member's place; the stripes below `rebuilt` are
 * there.  A scrub reads stripes and compares their parity.  A rebuild goes before a scrub.
 */
#include <stdlib.h>

#include "disks/raid_internal.h"

#define NO_SLOT UINT32_MAX

static void step(struct raid *a)
{
    struct raid_op *op = NULL;
    if (a->background_under_way || sim_event_pending(&a->background) || a->dead)
        return;
    if (a->rebuild_slot != NO_SLOT) {
        op = raid_op_get(a, RAID_OP_REBUILD, a->slots[a->rebuild_slot].rebuilt);
        op->target = a->rebuild_slot;
    } else if (a->scrubbing) {
        op = raid_op_get(a, RAID_OP_SCRUB, a->scrub_next);
    }
    if (op == NULL)
        return;
    op->first = op->count = 0;
    a->background_under_way = true;
    a->background_began = sim_now(a->dev.sim);
    raid_op_start(op);
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

/* The next step, no sooner than the rate allows. */
static void go_on(struct raid *a)
{
    sim_time at = sim_now(a->dev.sim);
    if (a->rebuild_rate > 0) {
        int64_t bytes = (int64_t)(a->layout.unit * a->sector_bytes);
        at = sim_time_max(
            at, sim_time_add(a->background_began, sim_time_of_bytes(bytes, a->rebuild_rate)));
    }
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
        s->rebuilt = 0;
        a->rebuild_slot = i;
        /* It may be in the middle of telling so: it stays until the array goes. */
        a->removed = base_realloc(a->removed, (a->removed_count + 1) * sizeof(struct blkdev *));
        a->removed[a->removed_count++] = old;
    }
    if (a->rebuild_slot != NO_SLOT)
        go_on(a);
}

/* One more stripe of a rebuild is behind. */
static void passed(struct raid *a, struct raid_slot *s)
{
    if (++s->rebuilt < a->layout.stripes)
        return;
    s->rebuilding = false;
    a->rebuild_slot = NO_SLOT;
}

void raid_background_done(struct raid_op *op)
{
    struct raid *a = op->a;
    a->background_under_way = false;
    if (op->status == BLK_ERR_ABORTED) { /* the power failed: the stripe is gone over again */
        go_on(a);
        return;
    }
    if (op->work == RAID_OP_SCRUB) {
        a->counts.scrubbed_stripes += op->status == BLK_OK;
        a->scrubbing = ++a->scrub_next < a->layout.stripes;
    } else {
        struct raid_slot *s = &a->slots[op->target];
        if (op->status == BLK_OK && s->rebuilding && !s->failed) {
            a->counts.rebuilt_stripes++;
            passed(a, s);
        } else if (op->status == BLK_ERR_MEDIUM && s->rebuilding && !s->failed) {
            /* This unit cannot be made again: it must answer with an error until it is written. */
            struct disk_fault hole = { .kind = DISK_FAULT_SECTOR,
                                       .sector = s->rebuilt * a->layout.unit,
                                       .sectors = a->layout.unit };
            if (s->dev->ops->fault == NULL || !s->dev->ops->fault(s->dev, 0, &hole))
                s->failed = true;
            a->counts.unrecovered++;
            passed(a, s);
        } else if (a->rebuild_slot == op->target && !s->failed) {
            return; /* too few members are left: it rests */
        }
        raid_rebuild_begin(a);
    }
    if (a->rebuild_slot != NO_SLOT || a->scrubbing)
        go_on(a);
}

void raid_scrub(struct blkdev *d)
{
    struct raid *a = raid_of(d);
    if (a->layout.parity == 0)
        return;
    a->scrubbing = true;
    a->scrub_next = 0;
    a->background_began = sim_now(d->sim);
    go_on(a);
}

bool raid_rebuilding(const struct blkdev *d)
{
    return raid_of(d)->rebuild_slot != NO_SLOT;
}
