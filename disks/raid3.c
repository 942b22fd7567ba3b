/* raid3.c: spindles that turn as one: N lanes of data and one of parity.
 *
 * One mechanism (disks/disk.c) stands for all members, because they do the same at the same time.
 * What the data members hold is kept together: logical sector s is member sectors s of lanes 0 ..
 * N-1, one behind the other.  Parity is a store of its own.  What is written to it is a lazy leaf
 * over the data of the write: the XOR is made, through ISA-L, when somebody reads it: a degraded
 * read, a scrub, a flip.
 *
 *   LANE1  Lane m of what is read with member m dead comes from parity and the other lanes alone.
 *
 * A member is missing in a row (a sector of each member) when it is dead, when it is a spare that
 * has not been filled up to there, or when that sector of it cannot be read: a hole.
 */
#include <isa-l/raid.h>
#include <stdlib.h>
#include <string.h>

#include "disks/disk_internal.h"
#include "disks/raid3_internal.h"

const struct param raid3_params[] = {
    P_STRING(raid3_params, kind, "raid3", "What is built: a synchronised array.", "none"),
    P_INT(raid3_params, data, "4", "2", "16", "Data members; one parity member besides.",
          "Paragon I/O nodes: 4 data and 1 parity, 4.8 GB [facts of the time, unverified]"),
    P_TABLE(raid3_params, disk, disk_lanes_params,
            "The member drive; of its interface only the marks count."),
    P_TABLE(raid3_params, bus, scsi_params, "The bus towards the host."),
    P_RATE(raid3_params, rate, "0", "0", "1GB/s",
           "The controller's own limit on the host's bus; 0: none.", "ASSUMED(the bus is slower)"),
    P_TIME(raid3_params, overhead, "1ms", "0", "1s",
           "The controller's command processing, on top of the drives'.",
           "ASSUMED(a microprocessor of the time, as the drives' own overheads)"),
    P_INT(raid3_params, spares, "0", "0", "16", "Hot spares; they turn with the others.",
          "ASSUMED(the experiment's choice)"),
    P_RATE(raid3_params, rebuild_rate, "0", "0", "1GB/s",
           "Rebuild and scrub: bytes of a member a second at most; 0: as fast as it goes.",
           "ASSUMED(the experiment's choice)"),
    P_INT(raid3_params, rebuild_batch, "256", "1", "65536",
          "Stripes that a rebuild or a scrub takes at a time; a stripe is a sector of each member.",
          "ASSUMED(a few tracks at a time)"),
    P_INT(raid3_params, rebuild_patience, "8", "0", "1000000",
          "Requests of others that may go before each request of a rebuild or a scrub; 0: as many "
          "as the discipline likes, and an elevator that work in order keeps ahead starves it.",
          "ASSUMED(the controller gives a rebuild a share whatever the host asks for)"),
    P_BOOL(raid3_params, scrub, "false",
           "Check all parity once, in the background, from the start.",
           "ASSUMED(the experiment's choice)"),
    P_END,
};

/* ---- the lazy parity leaf ---- */

struct parity_leaf {
    struct leaf leaf;
    uint32_t lanes, sector_bytes;
    struct rope data;
};

/* Parity of one logical sector whose bytes are given. */
static void parity_of(const uint8_t *bytes, uint32_t lanes, uint32_t size, uint8_t *out)
{
    void *array[RAID3_MEMBERS_MAX];
    uint8_t aligned[RAID3_MEMBERS_MAX][4096] __attribute__((aligned(32)));
    for (uint32_t k = 0; k < lanes; k++) {
        memcpy(aligned[k], bytes + (size_t)k * size, size);
        array[k] = aligned[k];
    }
    array[lanes] = aligned[lanes];
    int failed = xor_gen((int)lanes + 1, (int)size, array);
    ASSERT(failed == 0);
    memcpy(out, aligned[lanes], size);
}

static void parity_read(const struct leaf *l, uint64_t off, size_t len, uint8_t *out)
{
    const struct parity_leaf *p = (const struct parity_leaf *)(const void *)l;
    size_t size = p->sector_bytes, whole = size * p->lanes;
    uint8_t *bytes = base_alloc(whole), *parity = base_alloc(size);
    while (len > 0) {
        uint64_t sector = off / size;
        size_t in = (size_t)(off % size), n = size - in < len ? size - in : len;
        rope_read(&p->data, sector * whole, whole, bytes);
        parity_of(bytes, p->lanes, p->sector_bytes, parity);
        memcpy(out, parity + in, n);
        out += n;
        off += n;
        len -= n;
    }
    free(parity);
    free(bytes);
}

static void parity_destroy(struct leaf *l)
{
    struct parity_leaf *p = (struct parity_leaf *)(void *)l;
    rope_fini(&p->data);
    free(p);
}

static const struct leaf_ops parity_ops = { .name = "lane parity",
                                            .read = parity_read,
                                            .destroy = parity_destroy };

/* ---- what is missing ---- */

/* Members that no readable drive stands for in the row. */
static uint32_t gone_at(const struct raid3 *a, uint64_t row)
{
    bool unfilled = a->filling != RAID3_NONE && row >= a->filled;
    return a->dead | (unfilled ? 1u << a->filling : 0);
}

static uint32_t missing_at(const struct raid3 *a, uint64_t row)
{
    uint32_t mask = gone_at(a, row);
    for (uint32_t i = 0; i < a->hole_count; i++) {
        if (a->holes[i].first <= row && row < a->holes[i].end)
            mask |= 1u << a->holes[i].member;
    }
    return mask;
}

/* What is missing at `row` is so until here, or until `end`. */
static uint64_t alike_until(const struct raid3 *a, uint64_t row, uint64_t end)
{
    if (a->filling != RAID3_NONE && row < a->filled && a->filled < end)
        end = a->filled;
    for (uint32_t i = 0; i < a->hole_count; i++) {
        const struct raid3_hole *h = &a->holes[i];
        uint64_t edge = h->first > row ? h->first : h->end;
        if (edge > row && edge < end)
            end = edge;
    }
    return end;
}

static uint32_t count_of(uint32_t mask)
{
    return (uint32_t)__builtin_popcount(mask);
}

/* The rows nearest to the end have the fewest members: a spare is filled from the front. */
static bool too_few(const struct raid3 *a, uint64_t row, uint64_t rows)
{
    return count_of(gone_at(a, row + rows - 1)) > 1;
}

void raid3_add_hole(struct raid3 *a, uint32_t member, uint64_t first, uint64_t rows)
{
    a->holes = base_realloc(a->holes, (a->hole_count + 1) * sizeof *a->holes);
    a->holes[a->hole_count++] =
        (struct raid3_hole){ .member = member, .first = first, .end = first + rows };
}

void raid3_mend_holes(struct raid3 *a, uint32_t members, uint64_t first, uint64_t rows)
{
    uint64_t end = first + rows;
    for (uint32_t i = a->hole_count; i-- > 0;) {
        struct raid3_hole h = a->holes[i];
        if ((members >> h.member & 1) == 0 || h.first >= end || h.end <= first)
            continue;
        a->holes[i] = a->holes[--a->hole_count];
        if (h.first < first)
            raid3_add_hole(a, h.member, h.first, first - h.first);
        if (h.end > end)
            raid3_add_hole(a, h.member, end, h.end - end);
    }
}

/* ---- the medium ---- */

static void write_parity(struct raid3 *a, uint64_t sector, uint32_t sectors,
                         const struct rope *data)
{
    struct parity_leaf *p = base_alloc(sizeof *p);
    struct rope r;
    leaf_init(&p->leaf, &parity_ops, (uint64_t)sectors * a->sector_bytes);
    p->lanes = a->lanes;
    p->sector_bytes = a->sector_bytes;
    rope_copy(&p->data, data);
    rope_init(&r);
    rope_add_leaf(&r, &p->leaf, 0, p->leaf.length);
    store_write(a->parity, sector, sectors, &r);
    rope_fini(&r);
}

static enum blk_status medium_write(void *self, uint64_t sector, uint32_t sectors,
                                    const struct rope *data)
{
    struct raid3 *a = self;
    if (too_few(a, sector, sectors))
        return BLK_ERR_DEVICE;
    /* The lane of a dead member is in the store too, for the sake of one extent; LANE1 keeps it
     * from ever being read. */
    store_write(a->data, sector, sectors, data);
    raid3_mend_holes(a, UINT32_MAX, sector, sectors);
    uint32_t n = sectors;
    if ((gone_at(a, sector) >> a->lanes & 1) != 0)
        n = 0;
    else if ((gone_at(a, sector + sectors - 1) >> a->lanes & 1) != 0)
        n = (uint32_t)(a->filled - sector);
    if (n == sectors) {
        write_parity(a, sector, sectors, data);
    } else if (n > 0) {
        struct rope part;
        rope_init(&part);
        rope_add_slice(&part, data, 0, (uint64_t)n * a->lanes * a->sector_bytes);
        write_parity(a, sector, n, &part);
        rope_fini(&part);
    }
    return BLK_OK;
}

/* The data that the parity of the stretch was made of, when it is all still lazy. */
static bool origin_of(const struct raid3 *a, const struct rope *parity, struct rope *out)
{
    for (uint32_t i = 0; i < parity->count; i++) {
        const struct rope_slice *s = &parity->slices[i];
        if (leaf_is_zero(s->leaf)) {
            rope_add_zero(out, s->len * a->lanes);
            continue;
        }
        if (s->leaf->ops != &parity_ops)
            return false;
        const struct parity_leaf *p = (const struct parity_leaf *)(const void *)s->leaf;
        rope_add_slice(out, &p->data, s->off * a->lanes, s->len * a->lanes);
    }
    return true;
}

/* Replaces lane `member` of the bytes of one logical sector by what the rest says. */
static void rebuild_sector(const struct raid3 *a, uint32_t member, uint8_t *bytes,
                           const uint8_t *parity)
{
    uint8_t *mine = bytes + (size_t)member * a->sector_bytes;
    memcpy(mine, parity, a->sector_bytes);
    parity_of(bytes, a->lanes, a->sector_bytes, mine);
}

static void read_degraded(struct raid3 *a, uint32_t member, uint64_t sector, uint32_t sectors,
                          struct rope *out)
{
    struct rope data, parity, origin;
    rope_init(&data);
    rope_init(&parity);
    rope_init(&origin);
    store_read(a->data, sector, sectors, &data);
    store_read(a->parity, sector, sectors, &parity);
    /* Parity made of the very bytes that the other lanes hold gives back the lost lane. */
    if (origin_of(a, &parity, &origin) && rope_equal(&origin, &data)) {
        rope_join(out, &data);
    } else {
        size_t size = a->sector_bytes, whole = size * a->lanes;
        uint8_t *bytes = base_alloc(whole), *p = base_alloc(size);
        for (uint32_t i = 0; i < sectors; i++) {
            rope_read(&data, i * whole, whole, bytes);
            rope_read(&parity, i * size, size, p);
            rebuild_sector(a, member, bytes, p);
            rope_add_bytes(out, bytes, whole);
        }
        free(p);
        free(bytes);
    }
    rope_fini(&origin);
    rope_fini(&parity);
    rope_fini(&data);
}

/* Rows that miss the same members, of which one is in `missing` at most. */
static void read_rows(struct raid3 *a, uint32_t missing, uint64_t sector, uint32_t sectors,
                      struct rope *out)
{
    uint32_t data_missing = missing & ((1u << a->lanes) - 1);
    if (data_missing == 0)
        store_read(a->data, sector, sectors, out);
    else
        read_degraded(a, (uint32_t)__builtin_ctz(data_missing), sector, sectors, out);
}

static enum blk_status medium_read(void *self, uint64_t sector, uint32_t sectors, struct rope *out)
{
    struct raid3 *a = self;
    uint64_t end = sector + sectors;
    if (too_few(a, sector, sectors))
        return BLK_ERR_DEVICE;
    while (sector < end) {
        uint64_t to = alike_until(a, sector, end);
        uint32_t missing = missing_at(a, sector);
        if (count_of(missing) > 1)
            return BLK_ERR_MEDIUM;
        read_rows(a, missing, sector, (uint32_t)(to - sector), out);
        sector = to;
    }
    return BLK_OK;
}

/* Makes what `member` holds of rows that miss nothing else. */
static void make_anew(struct raid3 *a, uint32_t member, uint64_t row, uint64_t rows)
{
    struct rope r;
    ASSERT(member < RAID3_MEMBERS_MAX);
    rope_init(&r);
    read_rows(a, 1u << member, row, (uint32_t)rows, &r);
    if (member == a->lanes)
        write_parity(a, row, (uint32_t)rows, &r);
    else
        store_write(a->data, row, rows, &r);
    rope_fini(&r);
}

bool raid3_fill(struct raid3 *a, uint64_t rows)
{
    uint32_t member = a->filling;
    uint64_t row = a->filled, end = row + rows;
    if (a->dead != 0)
        return false;
    while (row < end) {
        uint64_t to = alike_until(a, row, end);
        if (count_of(missing_at(a, row)) == 1) {
            make_anew(a, member, row, to - row);
            a->counts.rebuilt_stripes += to - row;
        } else {
            raid3_add_hole(a, member, row, to - row);
            a->counts.unrecovered += to - row;
        }
        row = to;
    }
    a->filled = end;
    return true;
}

/* Rows of [row, end) whose parity does not agree with the data; `mend`: parity is written. */
static uint64_t compare(struct raid3 *a, uint64_t row, uint64_t end, bool mend)
{
    struct rope data, parity, origin;
    uint64_t bad = 0;
    rope_init(&data);
    rope_init(&parity);
    rope_init(&origin);
    store_read(a->data, row, end - row, &data);
    store_read(a->parity, row, end - row, &parity);
    if (!origin_of(a, &parity, &origin) || !rope_equal(&origin, &data)) {
        size_t size = a->sector_bytes, whole = size * a->lanes;
        uint8_t *bytes = base_alloc(whole), *stored = base_alloc(size), *made = base_alloc(size);
        for (uint64_t i = 0; row + i < end; i++) {
            rope_read(&data, i * whole, whole, bytes);
            rope_read(&parity, i * size, size, stored);
            parity_of(bytes, a->lanes, a->sector_bytes, made);
            if (memcmp(made, stored, size) == 0)
                continue;
            bad++;
            if (mend)
                make_anew(a, a->lanes, row + i, 1);
        }
        free(made);
        free(stored);
        free(bytes);
    }
    rope_fini(&origin);
    rope_fini(&parity);
    rope_fini(&data);
    return bad;
}

bool raid3_check(struct raid3 *a, uint64_t row, uint64_t rows, bool mend)
{
    uint64_t end = row + rows;
    bool wrong = false;
    for (uint64_t to; row < end; row = to) {
        to = alike_until(a, row, end);
        uint32_t missing = missing_at(a, row);
        if (count_of(missing) == 0) {
            uint64_t bad = compare(a, row, to, mend);
            wrong |= bad > 0;
            a->counts.mismatches += mend ? bad : 0;
        } else if (count_of(missing) == 1) {
            wrong = true;
            if (!mend)
                continue;
            make_anew(a, (uint32_t)__builtin_ctz(missing), row, to - row);
            raid3_mend_holes(a, missing, row, to - row);
            a->counts.repaired += to - row;
        }
    }
    return wrong;
}

static bool medium_flip(void *self, uint64_t sector, uint32_t byte, uint8_t flip)
{
    struct raid3 *a = self;
    store_flip(a->data, sector, byte, flip);
    return true;
}

static void medium_destroy(void *self)
{
    struct raid3 *a = self;
    if (a->dev != NULL)
        sim_cancel(a->dev->sim, &a->event);
    store_destroy(a->data);
    store_destroy(a->parity);
    free(a->holes);
    sim_count_end(&a->counted);
    free(a);
}

static bool medium_own(const void *self, const struct blk_req *r)
{
    const struct raid3 *a = self;
    return r == &a->step.r;
}

static const struct disk_medium_ops lanes_medium = { .read = medium_read,
                                                     .write = medium_write,
                                                     .flip = medium_flip,
                                                     .own = medium_own,
                                                     .destroy = medium_destroy };

/* ---- the device ---- */

static struct raid3 *array_of(const struct blkdev *d)
{
    return disk_of(d)->medium;
}

static void submit(struct blkdev *d, struct blk_req *r)
{
    disk_device_ops.submit(d, r);
}

static void describe(const struct blkdev *d, struct blk_describe *out)
{
    disk_device_ops.describe(d, out);
}

static void destroy(struct blkdev *d)
{
    disk_device_ops.destroy(d);
}

static void kill_array(struct blkdev *d)
{
    disk_device_ops.kill(d);
}

static bool corrupt(struct blkdev *d, uint64_t sector, uint32_t byte, uint8_t flip)
{
    return disk_device_ops.corrupt(d, sector, byte, flip);
}

static void attach(struct blkdev *d, struct scsi_bus *bus, uint32_t id)
{
    disk_device_ops.attach(d, bus, id);
}

static bool fault_member(struct blkdev *d, uint32_t member, const struct disk_fault *f)
{
    struct raid3 *a = array_of(d);
    if (f->kind == DISK_FAULT_SLOW)
        return disk_add_fault(d, f); /* all wait for the slowest */
    if (member > a->lanes) {         /* a spare that waits */
        if (f->kind != DISK_FAULT_DEATH || member - a->lanes > a->spares)
            return false;
        a->spares--;
    } else if (f->kind == DISK_FAULT_DEATH) {
        raid3_lose(a, member);
    } else if (f->kind == DISK_FAULT_SECTOR) {
        if (f->sector >= a->rows || f->sectors > a->rows - f->sector)
            return false;
        if ((a->dead >> member & 1) == 0)
            raid3_add_hole(a, member, f->sector, f->sectors);
    } else {
        return f->kind == DISK_FAULT_FLIP &&
               raid3_corrupt_member(d, member, f->sector, f->byte, f->bits);
    }
    return true;
}

static bool fault(struct blkdev *d, uint32_t member, const struct disk_fault *f)
{
    if (member > 0)
        return fault_member(d, member - 1, f);
    if (f->kind == DISK_FAULT_SCRUB)
        raid3_begin_scrub(d);
    else if (f->kind == DISK_FAULT_SPARE)
        raid3_add_spare(d);
    else
        return disk_add_fault(d, f);
    return true;
}

static void health(const struct blkdev *d, struct blk_health *sum)
{
    const struct raid3 *a = array_of(d);
    disk_device_ops.health(d, sum);
    sum->rebuilt_stripes += a->counts.rebuilt_stripes;
    sum->scrubbed_stripes += a->counts.scrubbed_stripes;
    sum->mismatches += a->counts.mismatches;
    sum->repaired += a->counts.repaired;
    sum->unrecovered += a->counts.unrecovered;
    sum->missing += count_of(a->dead) + (a->filling != RAID3_NONE);
}

static struct store *medium(const struct blkdev *d, uint32_t i)
{
    const struct raid3 *a = array_of(d);
    return i == 0 ? a->data : i == 1 ? a->parity : NULL;
}

static const struct blkdev_ops raid3_ops = { .name = "raid3",
                                             .doc = "spindles that turn as one, with parity",
                                             .submit = submit,
                                             .describe = describe,
                                             .destroy = destroy,
                                             .kill = kill_array,
                                             .corrupt = corrupt,
                                             .attach = attach,
                                             .fault = fault,
                                             .medium = medium,
                                             .health = health };

const struct counter raid3_counters[] = {
    C_SUM(raid3, counts, rebuilt_stripes, "1", "Stripes made again for a member that was lost."),
    C_SUM(raid3, counts, scrubbed_stripes, "1", "Stripes that a scrub has looked at."),
    C_SUM(raid3, counts, mismatches, "1", "Stripes whose parity did not agree with the data."),
    C_SUM(raid3, counts, repaired, "1", "Units written anew after a medium error."),
    C_SUM(raid3, counts, unrecovered, "1", "Units that a rebuild could not make again."),
    C_END,
};

static void ready(struct raid3 *a, struct blkdev *d, const struct raid3_params *p)
{
    d->ops = &raid3_ops;
    a->dev = d;
    a->rows = disk_geometry(d)->sectors;
    a->spares = (uint32_t)p->spares;
    a->rate = p->rebuild_rate;
    a->batch = a->count = (uint32_t)p->rebuild_batch;
    a->patience = (uint32_t)p->rebuild_patience;
    raid3_background_init(a);
    sim_count(&a->counted, d->sim, "raid3", d->node, raid3_counters, a);
    if (p->scrub)
        raid3_begin_scrub(d);
}

struct blkdev *raid3_create(struct sim *s, const struct raid3_params *p, int32_t node,
                            const char *name, const char *path, struct err *e)
{
    struct raid3 *a = base_zalloc(1, sizeof *a);
    struct disk_params drive = p->disk;
    struct disk_overhead_params *o = &drive.overhead;
    a->lanes = (uint32_t)p->data;
    a->filling = RAID3_NONE;
    a->sector_bytes = (uint32_t)drive.geometry.sector;
    if (a->sector_bytes % 32 != 0) {
        err_set(e, "%s.disk.geometry.sector: parity needs sectors of a multiple of 32 bytes", path);
        free(a);
        return NULL;
    }
    a->data = store_create(a->sector_bytes * a->lanes);
    a->parity = store_create(a->sector_bytes);
    drive.bus = p->bus;
    drive.interface.read_rate = drive.interface.write_rate = p->rate;
    sim_time *each[] = { &o->read_hit,  &o->read_hit_after_write,
                         &o->read_miss, &o->read_miss_after_write,
                         &o->write,     &o->write_after_write };
    for (size_t i = 0; i < ARRAY_LEN(each); i++)
        *each[i] = sim_time_add(*each[i], p->overhead);
    char *at = base_printf("%s.disk", path);
    struct blkdev *d = disk_create_lanes(s, &drive, node, name, at, a->lanes, &lanes_medium, a, e);
    free(at);
    if (d == NULL)
        medium_destroy(a);
    else
        ready(a, d, p);
    return d;
}

void raid3_kill_member(struct blkdev *d, uint32_t member)
{
    ASSERT(d->ops == &raid3_ops && member <= array_of(d)->lanes);
    raid3_lose(array_of(d), member);
}

bool raid3_corrupt_member(struct blkdev *d, uint32_t member, uint64_t sector, uint32_t byte,
                          uint8_t flip)
{
    struct raid3 *a = array_of(d);
    ASSERT(d->ops == &raid3_ops && member <= a->lanes);
    if (sector >= a->rows || byte >= a->sector_bytes || (gone_at(a, sector) >> member & 1) != 0)
        return false;
    if (member == a->lanes)
        store_flip(a->parity, sector, byte, flip);
    else
        store_flip(a->data, sector, member * a->sector_bytes + byte, flip);
    return true;
}

void raid3_replace_member(struct blkdev *d, uint32_t member)
{
    struct raid3 *a = array_of(d);
    ASSERT(d->ops == &raid3_ops && a->dead == 1u << member && a->filling == RAID3_NONE);
    raid3_mend_holes(a, 1u << member, 0, a->rows);
    a->dead = 0;
    a->filling = member;
    a->filled = 0;
    while (a->filled < a->rows)
        raid3_fill(a, a->rows - a->filled < 4096 ? a->rows - a->filled : 4096);
    a->filling = RAID3_NONE;
}

uint64_t raid3_scrub(struct blkdev *d, uint64_t sector, uint64_t sectors)
{
    struct raid3 *a = array_of(d);
    return a->dead != 0 || a->filling != RAID3_NONE ? 0
                                                    : compare(a, sector, sector + sectors, false);
}

uint32_t raid3_members(const struct blkdev *d)
{
    return d->ops != &raid3_ops ? 0 : array_of(d)->lanes + 1 + array_of(d)->spares;
}

bool raid3_degraded(const struct blkdev *d)
{
    return array_of(d)->dead != 0 || array_of(d)->filling != RAID3_NONE;
}

bool raid3_rebuilding(const struct blkdev *d)
{
    return array_of(d)->filling != RAID3_NONE;
}

struct raid_counts raid3_counts(const struct blkdev *d)
{
    return array_of(d)->counts;
}

void raid3_add_spare(struct blkdev *d)
{
    ASSERT(d->ops == &raid3_ops);
    array_of(d)->spares++;
    raid3_rebuild_begin(array_of(d));
}

void raid3_begin_scrub(struct blkdev *d)
{
    ASSERT(d->ops == &raid3_ops);
    raid3_scrub_begin(array_of(d));
}
