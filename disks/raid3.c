/* raid3.c: spindles that turn as one: N lanes of data and one of parity.
 *
 * One mechanism (disks/disk.c) stands for all members, because they do the same at the same time.
 * What the data members hold is kept together: logical sector s is member sectors s of lanes 0 ..
 * N-1, one behind the other.  Parity is a store of its own.  What is written to it is a lazy leaf
 * over the data of the write: the XOR is made, through ISA-L, when somebody reads it: a degraded
 * read, a scrub, a flip.
 *
 *   A1  Lane m of what is read with member m dead comes from parity and the other lanes alone.
 *   A2  Nothing is written to a dead member.
 */
#include <isa-l/raid.h>
#include <stdlib.h>
#include <string.h>

#include "disks/disk_internal.h"
#include "disks/raid.h"

#define MEMBERS_MAX 17

#define END_PARAMS                                                                                 \
    {                                                                                              \
        .name = NULL                                                                               \
    }

const struct param raid3_params[] = {
    { .name = "kind",
      .type = PARAM_STRING,
      .offset = offsetof(struct raid3_params, kind),
      .def = "raid3",
      .doc = "What is built: a synchronised array.",
      .src = "none" },
    { .name = "data",
      .type = PARAM_INT,
      .offset = offsetof(struct raid3_params, data),
      .def = "4",
      .min = "2",
      .max = "16",
      .doc = "Data members; one parity member besides.",
      .src = "Paragon I/O nodes: 4 data and 1 parity, 4.8 GB [facts of the time, unverified]" },
    { .name = "disk",
      .type = PARAM_TABLE,
      .offset = offsetof(struct raid3_params, disk),
      .sub = disk_params,
      .doc = "The member drive; of its interface only the marks count." },
    { .name = "bus",
      .type = PARAM_TABLE,
      .offset = offsetof(struct raid3_params, bus),
      .sub = scsi_params,
      .doc = "The bus towards the host." },
    { .name = "rate",
      .type = PARAM_RATE,
      .offset = offsetof(struct raid3_params, rate),
      .def = "0",
      .min = "0",
      .max = "1GB/s",
      .doc = "The controller's own limit on the host's bus; 0: none.",
      .src = "ASSUMED(the bus is slower)" },
    { .name = "overhead",
      .type = PARAM_TIME,
      .offset = offsetof(struct raid3_params, overhead),
      .def = "1ms",
      .min = "0",
      .max = "1s",
      .doc = "The controller's command processing, on top of the drives'.",
      .src = "ASSUMED(a microprocessor of the time, as the drives' own overheads)" },
    END_PARAMS,
};

struct raid3 {
    uint32_t lanes, sector_bytes; /* of a member */
    struct store *data, *parity;
    uint32_t dead; /* bit per member; bit `lanes`: parity */
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
    void *array[MEMBERS_MAX];
    uint8_t aligned[MEMBERS_MAX][4096] __attribute__((aligned(32)));
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

/* ---- the medium ---- */

static bool is_dead(const struct raid3 *a, uint32_t member)
{
    return (a->dead >> member & 1) != 0;
}

static uint32_t dead_count(const struct raid3 *a)
{
    return (uint32_t)__builtin_popcount(a->dead);
}

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
    if (dead_count(a) > 1)
        return BLK_ERR_DEVICE;
    /* The lane of a dead member is in the store too, for the sake of one extent; A1 keeps it from
     * ever being read. */
    store_write(a->data, sector, sectors, data);
    if (!is_dead(a, a->lanes))
        write_parity(a, sector, sectors, data);
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

static enum blk_status medium_read(void *self, uint64_t sector, uint32_t sectors, struct rope *out)
{
    struct raid3 *a = self;
    if (dead_count(a) > 1)
        return BLK_ERR_DEVICE;
    uint32_t data_dead = a->dead & ((1u << a->lanes) - 1);
    if (data_dead == 0)
        store_read(a->data, sector, sectors, out);
    else
        read_degraded(a, (uint32_t)__builtin_ctz(data_dead), sector, sectors, out);
    return BLK_OK;
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
    store_destroy(a->data);
    store_destroy(a->parity);
    free(a);
}

static const struct disk_medium_ops lanes_medium = {
    .read = medium_read, .write = medium_write, .flip = medium_flip, .destroy = medium_destroy
};

/* ---- the device ---- */

static struct raid3 *array_of(const struct blkdev *d)
{
    return disk_of(d)->medium;
}

static void submit(struct blkdev *d, struct blk_req *r)
{
    disk_device_ops.submit(d, r);
}

static bool cancel(struct blkdev *d, struct blk_req *r)
{
    return disk_device_ops.cancel(d, r);
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

static bool fault(struct blkdev *d, uint32_t member, const struct disk_fault *f)
{
    struct raid3 *a = array_of(d);
    if (member == 0)
        return disk_add_fault(d, f);
    if (member > a->lanes + 1)
        return false;
    if (f->kind == DISK_FAULT_DEATH)
        a->dead |= 1u << (member - 1);
    else if (f->kind == DISK_FAULT_SLOW)
        return disk_add_fault(d, f); /* all wait for the slowest */
    else
        return f->kind == DISK_FAULT_FLIP &&
               raid3_corrupt_member(d, member - 1, f->sector, f->byte, f->bits);
    return true;
}

static void health(const struct blkdev *d, struct blk_health *sum)
{
    disk_device_ops.health(d, sum);
    sum->missing += dead_count(array_of(d));
}

static const struct blkdev_ops raid3_ops = { .name = "raid3",
                                             .doc = "spindles that turn as one, with parity",
                                             .submit = submit,
                                             .cancel = cancel,
                                             .describe = describe,
                                             .destroy = destroy,
                                             .kill = kill_array,
                                             .corrupt = corrupt,
                                             .attach = attach,
                                             .fault = fault,
                                             .health = health };

struct blkdev *raid3_create(struct sim *s, const struct raid3_params *p, int32_t node,
                            const char *name, const char *path, struct err *e)
{
    struct raid3 *a = base_zalloc(1, sizeof *a);
    struct disk_params drive = p->disk;
    struct disk_overhead_params *o = &drive.overhead;
    a->lanes = (uint32_t)p->data;
    a->sector_bytes = (uint32_t)drive.geometry.sector_bytes;
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
        d->ops = &raid3_ops;
    return d;
}

void raid3_kill_member(struct blkdev *d, uint32_t member)
{
    struct raid3 *a = array_of(d);
    ASSERT(d->ops == &raid3_ops && member <= a->lanes);
    a->dead |= 1u << member;
}

bool raid3_corrupt_member(struct blkdev *d, uint32_t member, uint64_t sector, uint32_t byte,
                          uint8_t flip)
{
    struct raid3 *a = array_of(d);
    ASSERT(d->ops == &raid3_ops && member <= a->lanes);
    if (is_dead(a, member) || sector >= disk_geometry(d)->sectors || byte >= a->sector_bytes)
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
    uint64_t sectors = disk_geometry(d)->sectors;
    ASSERT(d->ops == &raid3_ops && is_dead(a, member) && dead_count(a) == 1);
    for (uint64_t at = 0; at < sectors;) {
        uint32_t n = sectors - at < 4096 ? (uint32_t)(sectors - at) : 4096;
        struct rope r;
        rope_init(&r);
        medium_read(a, at, n, &r);
        store_write(a->data, at, n, &r);
        if (member == a->lanes)
            write_parity(a, at, n, &r);
        rope_fini(&r);
        at += n;
    }
    a->dead &= ~(1u << member);
}

uint64_t raid3_scrub(struct blkdev *d, uint64_t sector, uint64_t sectors)
{
    struct raid3 *a = array_of(d);
    size_t size = a->sector_bytes, whole = size * a->lanes;
    uint8_t *bytes = base_alloc(whole), *stored = base_alloc(size), *made = base_alloc(size);
    uint64_t bad = 0;
    for (uint64_t i = sector; a->dead == 0 && i < sector + sectors; i++) {
        struct rope r;
        rope_init(&r);
        store_read(a->data, i, 1, &r);
        store_read(a->parity, i, 1, &r);
        rope_read(&r, 0, whole, bytes);
        rope_read(&r, whole, size, stored);
        rope_fini(&r);
        parity_of(bytes, a->lanes, a->sector_bytes, made);
        bad += memcmp(made, stored, size) != 0;
    }
    free(made);
    free(stored);
    free(bytes);
    return bad;
}

bool raid3_degraded(const struct blkdev *d)
{
    return array_of(d)->dead != 0;
}
