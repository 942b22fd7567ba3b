/* build.c: from a description to a stack of devices. */
#include "disks/build.h"

#include <stdlib.h>

#include "disks/disk.h"
#include "disks/raid.h"
#include "disks/scsi.h"
#include "disks/tape/drive.h"
#include "disks/tape/rait.h"
#include "disks/wcache.h"

static struct blkdev *build_disk(const struct blk_site *at, void *params, struct err *e)
{
    return disk_create(at->sim, params, at->node, at->name, at->path, e);
}

static struct blkdev *build_tape(const struct blk_site *at, void *params, struct err *e)
{
    return tape_drive_create(at->sim, params, at->node, at->name, at->path, e);
}

static struct blkdev *build_raid3(const struct blk_site *at, void *params, struct err *e)
{
    return raid3_create(at->sim, params, at->node, at->name, at->path, e);
}

static struct blkdev *build_array(const struct blk_site *at, void *params, struct err *e)
{
    struct raid_params *p = params;
    p->level = at->kind->level;
    return raid_create(at->sim, p, at->node, at->name, at->path, e);
}

struct blkdev *blk_build_below(const struct blk_site *at, const struct val *device,
                               const char *name, struct err *e)
{
    char *path = base_printf("%s.device", at->path);
    struct blkdev *d = blk_build(at->sim, device, at->node, name, path, e);
    free(path);
    return d;
}

/* A device below that takes sectors in any order; else a sentence, and it is gone. */
static struct blkdev *random_access(const struct blk_site *at, struct blkdev *d, struct err *e)
{
    if (d == NULL || !d->ops->sequential)
        return d;
    err_set(e, "%s.device: a %s cannot be behind a cache", at->path, d->ops->name);
    d->ops->destroy(d);
    return NULL;
}

static struct blkdev *build_cache(const struct blk_site *at, void *params, struct err *e)
{
    const struct wcache_params *p = params;
    char *name = base_printf("%s.member.0", at->name);
    struct blkdev *below = random_access(at, blk_build_below(at, p->device, name, e), e);
    free(name);
    return below == NULL ? NULL : wcache_create(at->sim, p, below, at->name);
}

static struct blkdev *build_rait(const struct blk_site *at, void *params, struct err *e)
{
    const struct rait_params *p = params;
    struct blkdev *members[2 * RAIT_MEMBERS_MAX];
    uint32_t want = (uint32_t)p->members, made = 0, spares = (uint32_t)p->spares;
    uint32_t parity = at->kind->level == RAID_0 ? 0 : at->kind->level == RAID_6 ? 2 : 1;
    bool good = want > parity || err_set(e, "%s.members: %u of them are parity", at->path, parity);
    char *inner = base_printf("%s.member", at->path);
    while (good && made < want + spares) {
        struct blk_describe about = { .largest = 0 };
        char *name = base_printf("%s.member.%u", at->name, made);
        struct blkdev *d = blk_build(at->sim, p->member, at->node, name, inner, e);
        free(name);
        good = d != NULL;
        if (d == NULL)
            break;
        members[made++] = d;
        d->ops->describe(d, &about);
        if (!d->ops->sequential)
            good = err_set(e, "%s.member: a %s is no tape drive", at->path, d->ops->name);
        else if (about.largest <= RAIT_HEADER)
            good = err_set(e, "%s.member.largest: a part has a header of %d bytes", at->path,
                           RAIT_HEADER);
    }
    free(inner);
    for (uint32_t i = 0; !good && i < made; i++)
        members[i]->ops->destroy(members[i]);
    return good ? rait_create(at->sim, members, want, spares, parity, at->kind->level >= RAID_5,
                              at->kind->kind.name, at->name)
                : NULL;
}

struct scsi_stack_params {
    const char *kind;
    struct scsi_params bus;
    int64_t id;
    const struct val *device;
};

static const struct param scsi_stack_params[] = {
    P_STRING(scsi_stack_params, kind, "scsi", "What is built: a device behind a SCSI bus.", "none"),
    P_TABLE(scsi_stack_params, bus, scsi_params, "The bus."),
    P_INT(scsi_stack_params, id, "0", "0", "15", "The device's id on it.", "ASSUMED(the first)"),
    P_VAL(scsi_stack_params, device, "The device behind it, described as any other.", "none"),
    P_END,
};

static struct blkdev *build_scsi(const struct blk_site *at, void *params, struct err *e)
{
    const struct scsi_stack_params *p = params;
    if (p->id == p->bus.host_id) {
        err_set(e, "%s.id: %d is the host adapter's", at->path, (int)p->id);
        return NULL;
    }
    struct blkdev *d = blk_build_below(at, p->device, at->name, e);
    if (d == NULL)
        return NULL;
    if (d->ops->attach == NULL) {
        err_set(e, "%s.device: a %s cannot be on a SCSI bus", at->path, d->ops->name);
        d->ops->destroy(d);
        return NULL;
    }
    char *bus_name = base_printf("%s bus", at->name);
    d->ops->attach(d, scsi_create(at->sim, &p->bus, at->node, bus_name), (uint32_t)p->id);
    free(bus_name);
    return d;
}

/* ---- shared buses ---- */

const struct param blk_bus_params[] = {
    P_STRING(blk_bus_params, kind, "bus",
             "In a list of devices: a SCSI bus that devices share by `on`.", "none"),
    P_STRING(blk_bus_params, name, NULL, "What devices call it in `on`.", "none"),
    P_TABLE(blk_bus_params, bus, scsi_params, "Its parameters."),
    P_END,
};

static struct blkdev *build_bus(const struct blk_site *at, void *params, struct err *e)
{
    (void)params;
    err_set(e, "%s: a bus is no device: it stands in a list of devices, which name it in `on`",
            at->path);
    return NULL;
}

/* ---- the kinds ---- */

#define DEVICES(D)                                                                                 \
    D(disk)                                                                                        \
    D(raid3)                                                                                       \
    D(concat)                                                                                      \
    D(raid0)                                                                                       \
    D(raid1)                                                                                       \
    D(raid4)                                                                                       \
    D(raid5)                                                                                       \
    D(raid6)                                                                                       \
    D(cache)                                                                                       \
    D(tape)                                                                                        \
    D(rait0)                                                                                       \
    D(rait3)                                                                                       \
    D(rait5)                                                                                       \
    D(rait6)                                                                                       \
    D(scsi)                                                                                        \
    D(bus)
#define DECLARE(name) extern const struct blk_kind blk_##name;
#define ITEM(name) &blk_##name.kind,
DEVICES(DECLARE)

#define ABOUT(name_, doc_, params_, tag, counters_)                                                \
    .kind = { .name = name_,                                                                       \
              .doc = doc_,                                                                         \
              .params = params_,                                                                   \
              .params_size = sizeof(struct tag),                                                   \
              .counters = counters_ }
#define DEVICE(name_, doc_, params_, tag, counters_)                                               \
    const struct blk_kind blk_##name_ = { ABOUT(#name_, doc_, params_, tag, counters_),            \
                                          .build = build_##name_ }
#define ARRAY(name_, level_, doc_)                                                                 \
    const struct blk_kind blk_##name_ = { ABOUT(#name_, doc_, raid_array_params, raid_params,      \
                                                raid_counters),                                    \
                                          .build = build_array, .level = level_ }
#define RAIT(name_, level_, doc_)                                                                  \
    const struct blk_kind blk_##name_ = { ABOUT(#name_, doc_, rait_params, rait_params,            \
                                                rait_counters),                                    \
                                          .build = build_rait, .level = level_ }
DEVICE(disk, "a drive: arm, spindle, cache, queue, bus", disk_params, disk_params, disk_counters);
DEVICE(raid3, "spindles that turn as one, with parity", raid3_params, raid3_params, raid3_counters);
ARRAY(concat, RAID_CONCAT, "devices one behind the other");
ARRAY(raid0, RAID_0, "devices in stripes, without parity");
ARRAY(raid1, RAID_1, "two copies");
ARRAY(raid4, RAID_4, "stripes with parity on the last member");
ARRAY(raid5, RAID_5, "stripes with parity that rotates");
ARRAY(raid6, RAID_6, "stripes with two parities that rotate");
DEVICE(cache, "a write-back cache in front of a device", wcache_params, wcache_params,
       wcache_counters);
DEVICE(tape, "a tape drive: tape, buffer, bus", tape_params, tape_params, tape_counters);
RAIT(rait0, RAID_0, "tape drives in step, without parity");
RAIT(rait3, RAID_4, "tape drives in step, with parity on the last");
RAIT(rait5, RAID_5, "tape drives in step, with parity that goes round");
RAIT(rait6, RAID_6, "tape drives in step, with two parities that go round");
DEVICE(scsi, "a device behind a SCSI bus of its own", scsi_stack_params, scsi_stack_params, NULL);
DEVICE(bus, "in a list of devices: a SCSI bus that they share", blk_bus_params, blk_bus_params,
       NULL);

static const struct kind *const kinds[] = { DEVICES(ITEM) NULL };
const struct kind_set blk_kinds = { "device", "devices", kinds };

struct blkdev *blk_build(struct sim *s, const struct val *spec, int32_t node, const char *name,
                         const char *path, struct err *e)
{
    if (spec != NULL && spec->type != VAL_TABLE) {
        err_set(e, "%s: a device is a table, not %s", path, val_type_name(spec->type));
        return NULL;
    }
    const struct blk_kind *k = kind_choose(&blk_kinds, spec, "kind", "disk", path, e);
    void *params = k != NULL ? kind_load(&k->kind, spec, NULL, path, e) : NULL;
    if (params == NULL)
        return NULL;
    const struct blk_site at = { .kind = k, .sim = s, .node = node, .name = name, .path = path };
    struct blkdev *d = k->build(&at, params, e);
    free(params);
    /* cppcheck-suppress returnDanglingLifetime ; a device keeps nothing of its site */
    return d;
}
