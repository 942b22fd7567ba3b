/* disk_medium.c: the bytes of a drive, and what may go wrong with them.
 *
 * Faults are looked at where bytes move: a read or write that touches a faulty place answers with
 * an error, or with success and the wrong bytes, as the fault says.
 */
#include <stdlib.h>

#include "disks/disk_internal.h"

const char *const disk_fault_names[] = { "sector", "transient", "lost", "torn",  "misdirected",
                                         "slow",   "death",     "flip", "power", "scrub",
                                         "spare",  "soft",      NULL };

const char *disk_fault_name(enum disk_fault_kind k)
{
    return disk_fault_names[k];
}

/* ---- one store ---- */

static enum blk_status store_medium_read(void *self, uint64_t sector, uint32_t sectors,
                                         struct rope *out)
{
    store_read(self, sector, sectors, out);
    return BLK_OK;
}

static enum blk_status store_medium_write(void *self, uint64_t sector, uint32_t sectors,
                                          const struct rope *data)
{
    store_write(self, sector, sectors, data);
    return BLK_OK;
}

static bool store_medium_flip(void *self, uint64_t sector, uint32_t byte, uint8_t flip)
{
    store_flip(self, sector, byte, flip);
    return true;
}

static void store_medium_destroy(void *self)
{
    store_destroy(self);
}

static const struct disk_medium_ops store_medium = { .read = store_medium_read,
                                                     .write = store_medium_write,
                                                     .flip = store_medium_flip,
                                                     .destroy = store_medium_destroy };

void disk_use_store(struct disk *d)
{
    d->store = store_create(d->host_sector_bytes);
    d->medium_ops = &store_medium;
    d->medium = d->store;
}

/* ---- faults ---- */

bool disk_add_fault(struct blkdev *dev, const struct disk_fault *f)
{
    struct disk *d = disk_of(dev);
    if (f->kind == DISK_FAULT_DEATH) {
        dev->ops->kill(dev);
        return true;
    }
    if (f->kind == DISK_FAULT_SLOW) {
        d->slow_percent = f->factor_percent;
        return true;
    }
    if (f->kind == DISK_FAULT_FLIP)
        return dev->ops->corrupt(dev, f->sector, f->byte, f->bits);
    if (f->kind == DISK_FAULT_POWER) {
        disk_power_loss(d);
        return true;
    }
    if (f->kind >= DISK_FAULT_SCRUB)
        return false; /* an array's */
    if (f->sector >= d->geo.sectors || f->sectors > d->geo.sectors - f->sector)
        return false;
    d->faults = base_realloc(d->faults, (d->fault_count + 1) * sizeof *d->faults);
    d->faults[d->fault_count++] = *f;
    return true;
}

static bool touches(const struct disk_fault *f, const struct blk_req *r)
{
    return r->sector < f->sector + f->sectors && f->sector < r->sector + r->sectors;
}

static void drop_fault(struct disk *d, uint32_t i)
{
    d->faults[i] = d->faults[--d->fault_count];
}

/* A write of [from, to) makes bad sectors good again: the drive puts others in their place. */
static void heal(struct disk *d, uint64_t from, uint64_t to)
{
    for (uint32_t i = d->fault_count; i-- > 0;) {
        struct disk_fault *f = &d->faults[i];
        uint64_t end = f->sector + f->sectors;
        if (f->kind != DISK_FAULT_SECTOR || f->sector >= to || end <= from)
            continue;
        struct disk_fault tail = *f;
        if (f->sector < from) {
            f->sectors = from - f->sector;
        } else {
            drop_fault(d, i);
        }
        if (end > to) {
            tail.sector = to;
            tail.sectors = end - to;
            disk_add_fault(&d->dev, &tail);
        }
    }
}

static struct disk_fault *met(struct disk *d, const struct blk_req *r, enum disk_fault_kind kind)
{
    for (uint32_t i = 0; i < d->fault_count; i++) {
        if (d->faults[i].kind == kind && touches(&d->faults[i], r))
            return &d->faults[i];
    }
    return NULL;
}

/* Uses up one occurrence. */
static void spend(struct disk *d, struct disk_fault *f)
{
    if (--f->count == 0)
        drop_fault(d, (uint32_t)(f - d->faults));
}

static enum blk_status faulty_write(struct disk *d, struct blk_req *r)
{
    struct disk_fault *f = met(d, r, DISK_FAULT_LOST);
    if (f != NULL) {
        spend(d, f);
        return BLK_OK;
    }
    heal(d, r->sector, r->sector + r->sectors);
    if ((f = met(d, r, DISK_FAULT_TORN)) != NULL) {
        uint32_t half = r->sectors / 2;
        struct rope part;
        spend(d, f);
        rope_init(&part);
        rope_add_slice(&part, &r->data, 0, (uint64_t)half * d->host_sector_bytes);
        if (half > 0)
            d->medium_ops->write(d->medium, r->sector, half, &part);
        rope_fini(&part);
        return BLK_OK;
    }
    if ((f = met(d, r, DISK_FAULT_MISDIRECTED)) != NULL) {
        uint64_t to = (r->sector + f->shift) % d->geo.sectors;
        spend(d, f);
        if (to + r->sectors > d->geo.sectors)
            to = d->geo.sectors - r->sectors;
        return d->medium_ops->write(d->medium, to, r->sectors, &r->data);
    }
    return d->medium_ops->write(d->medium, r->sector, r->sectors, &r->data);
}

/* ---- reported and not yet written ---- */

/* Forgets what the head has passed by now. */
static void drop_safe(struct disk *d, sim_time now)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < d->unsafe_count; i++) {
        if (d->unsafe[i].safe <= now) {
            rope_fini(&d->unsafe[i].old);
            continue;
        }
        if (kept != i) {
            struct disk_unsafe *to = &d->unsafe[kept], *from = &d->unsafe[i];
            to->sector = from->sector;
            to->sectors = from->sectors;
            to->begin = from->begin;
            to->safe = from->safe;
            rope_move(&to->old, &from->old);
        }
        kept++;
    }
    d->unsafe_count = kept;
}

/* Remembers what a write replaces that is reported before it is on the medium. */
static void keep_old(struct disk *d, const struct blk_req *r, const struct disk_plan *plan)
{
    drop_safe(d, sim_now(d->dev.sim));
    if (d->unsafe_count == d->unsafe_capacity) {
        /* A rope with inline slices is not to be moved by realloc. */
        uint32_t capacity = d->unsafe_capacity == 0 ? 4 : 2 * d->unsafe_capacity;
        struct disk_unsafe *list = base_zalloc(capacity, sizeof *list);
        for (uint32_t i = 0; i < d->unsafe_count; i++) {
            list[i] = (struct disk_unsafe){ .sector = d->unsafe[i].sector,
                                            .sectors = d->unsafe[i].sectors,
                                            .begin = d->unsafe[i].begin,
                                            .safe = d->unsafe[i].safe };
            rope_move(&list[i].old, &d->unsafe[i].old);
        }
        free(d->unsafe);
        d->unsafe = list;
        d->unsafe_capacity = capacity;
    }
    struct disk_unsafe *u = &d->unsafe[d->unsafe_count++];
    u->sector = r->sector;
    u->sectors = r->sectors;
    u->begin = plan->media_end - plan->transfer;
    u->safe = plan->media_end;
    rope_init(&u->old);
    if (d->medium_ops->read(d->medium, r->sector, r->sectors, &u->old) != BLK_OK) {
        rope_fini(&u->old);
        d->unsafe_count--;
    }
}

/* How many of n sectors the head has passed at `at`, when it passes them from begin to end. */
static uint32_t passed(uint32_t n, sim_time begin, sim_time end, sim_time at)
{
    if (at <= begin)
        return 0;
    if (at >= end)
        return n;
    return (uint32_t)((double)n * (double)(at - begin) / (double)(end - begin));
}

sim_time disk_medium_safe_at(const struct disk *d)
{
    sim_time at = sim_now(d->dev.sim);
    for (uint32_t i = 0; i < d->unsafe_count; i++)
        at = sim_time_max(at, d->unsafe[i].safe);
    return at;
}

uint64_t disk_medium_power_loss(struct disk *d)
{
    sim_time now = sim_now(d->dev.sim);
    uint64_t lost = 0;
    drop_safe(d, now);
    /* The newest first: what an older one replaced lies below what a newer one did. */
    for (uint32_t i = d->unsafe_count; i-- > 0;) {
        struct disk_unsafe *u = &d->unsafe[i];
        uint32_t n = passed((uint32_t)u->sectors, u->begin, u->safe, now);
        rope_drop_front(&u->old, (uint64_t)n * d->host_sector_bytes);
        if (u->old.length > 0)
            d->medium_ops->write(d->medium, u->sector + n, (uint32_t)u->sectors - n, &u->old);
        lost += u->sectors - n;
        rope_fini(&u->old);
    }
    d->unsafe_count = 0;
    return lost;
}

/* A request that the power failed under: of a write, what the head had passed is there. */
static enum blk_status cut_short(struct disk *d, struct blk_req *r, const struct disk_plan *plan)
{
    uint32_t n = passed(r->sectors, plan->media_end - plan->transfer, plan->media_end, d->power_at);
    if (r->op == BLK_WRITE && plan->media_end > 0 && n > 0 && !d->dead) {
        struct rope part;
        rope_init(&part);
        rope_add_slice(&part, &r->data, 0, (uint64_t)n * d->host_sector_bytes);
        d->medium_ops->write(d->medium, r->sector, n, &part);
        rope_fini(&part);
    }
    return BLK_ERR_ABORTED;
}

void disk_medium_fini(struct disk *d)
{
    drop_safe(d, SIM_NEVER);
    free(d->unsafe);
    free(d->faults);
    if (d->medium_ops != NULL)
        d->medium_ops->destroy(d->medium);
}

/* ---- bytes ---- */

bool disk_medium_owns(const struct disk *d, const struct blk_req *r)
{
    return d->medium_ops->own != NULL && d->medium_ops->own(d->medium, r);
}

enum blk_status disk_medium_transfer(struct disk *d, struct disk_op *op)
{
    struct blk_req *r = op->r;
    if (d->dead)
        return BLK_ERR_DEVICE;
    bool own = disk_medium_owns(d, r);
    if (op->power_losses != d->counts.power_losses)
        return own ? BLK_ERR_ABORTED : cut_short(d, r, &op->plan);
    if (d->fault_count > 0) {
        struct disk_fault *f = met(d, r, DISK_FAULT_TRANSIENT);
        if (f != NULL) {
            spend(d, f);
            return BLK_ERR_MEDIUM;
        }
        if (r->op == BLK_READ && met(d, r, DISK_FAULT_SECTOR) != NULL)
            return BLK_ERR_MEDIUM;
    }
    if (own)
        return BLK_OK;
    if (r->op == BLK_READ) {
        rope_fini(&r->data);
        return d->medium_ops->read(d->medium, r->sector, r->sectors, &r->data);
    }
    if (op->early && op->plan.media_end > sim_now(d->dev.sim))
        keep_old(d, r, &op->plan);
    if (d->fault_count > 0)
        return faulty_write(d, r);
    return d->medium_ops->write(d->medium, r->sector, r->sectors, &r->data);
}

enum blk_status disk_peek(struct blkdev *dev, uint64_t sector, uint32_t sectors, struct rope *out)
{
    struct disk *d = disk_of(dev);
    return d->dead ? BLK_ERR_DEVICE : d->medium_ops->read(d->medium, sector, sectors, out);
}
