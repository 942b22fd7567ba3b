/* disk_medium.c: the bytes of a drive, and what may go wrong with them.
 *
 * Faults are looked at where bytes move: a read or write that touches a faulty place answers with
 * an error, or with success and the wrong bytes, as the fault says.
 */
#include <stdlib.h>

#include "disks/disk_internal.h"

static const char *const fault_names[] = { "sector", "transient", "lost", "torn", "misdirected",
                                           "slow",   "death",     "flip", NULL };

const char *const *disk_fault_names(void)
{
    return fault_names;
}

const char *disk_fault_name(enum disk_fault_kind k)
{
    return fault_names[k];
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

enum blk_status disk_medium_transfer(struct disk *d, struct blk_req *r)
{
    if (d->dead)
        return BLK_ERR_DEVICE;
    if (d->fault_count > 0) {
        struct disk_fault *f = met(d, r, DISK_FAULT_TRANSIENT);
        if (f != NULL) {
            spend(d, f);
            return BLK_ERR_MEDIUM;
        }
        if (r->op == BLK_WRITE)
            return faulty_write(d, r);
        if (met(d, r, DISK_FAULT_SECTOR) != NULL)
            return BLK_ERR_MEDIUM;
    }
    if (r->op == BLK_WRITE)
        return d->medium_ops->write(d->medium, r->sector, r->sectors, &r->data);
    rope_fini(&r->data);
    return d->medium_ops->read(d->medium, r->sector, r->sectors, &r->data);
}

enum blk_status disk_peek(struct blkdev *dev, uint64_t sector, uint32_t sectors, struct rope *out)
{
    struct disk *d = disk_of(dev);
    return d->dead ? BLK_ERR_DEVICE : d->medium_ops->read(d->medium, sector, sectors, out);
}
