/* build.c: from a description to a stack of devices. */
#include "disks/build.h"

#include <stdlib.h>
#include <string.h>

#include "disks/disk.h"
#include "disks/raid.h"
#include "disks/scsi.h"
#include "disks/wcache.h"

static struct blkdev *build_disk(struct sim *s, const struct val *spec, int32_t node,
                                 const char *name, const char *path, struct err *e)
{
    struct disk_params p;
    if (!param_load(disk_params, &p, spec, path, e))
        return NULL;
    return disk_create(s, &p, node, name, path, e);
}

static struct blkdev *build_raid3(struct sim *s, const struct val *spec, int32_t node,
                                  const char *name, const char *path, struct err *e)
{
    struct raid3_params p;
    if (!param_load(raid3_params, &p, spec, path, e))
        return NULL;
    return raid3_create(s, &p, node, name, path, e);
}

static struct blkdev *build_array(struct sim *s, const struct val *spec, int32_t node,
                                  const char *name, const char *path, struct err *e)
{
    struct raid_params p;
    if (!param_load(raid_array_params, &p, spec, path, e))
        return NULL;
    return raid_create(s, &p, node, name, path, e);
}

static struct blkdev *build_cache(struct sim *s, const struct val *spec, int32_t node,
                                  const char *name, const char *path, struct err *e)
{
    struct wcache_params p;
    if (!param_load(wcache_params, &p, spec, path, e))
        return NULL;
    char *inner = base_printf("%s.device", path);
    char *inner_name = base_printf("%s.device", name);
    struct blkdev *below = blk_build(s, p.device, node, inner_name, inner, e);
    free(inner_name);
    free(inner);
    return below == NULL ? NULL : wcache_create(s, &p, below, name);
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

static struct blkdev *build_scsi(struct sim *s, const struct val *spec, int32_t node,
                                 const char *name, const char *path, struct err *e)
{
    struct scsi_stack_params p;
    if (!param_load(scsi_stack_params, &p, spec, path, e))
        return NULL;
    if (p.id == p.bus.host_id) {
        err_set(e, "%s.id: %d is the host adapter's", path, (int)p.id);
        return NULL;
    }
    char *inner = base_printf("%s.device", path);
    struct blkdev *d = blk_build(s, p.device, node, name, inner, e);
    free(inner);
    if (d == NULL)
        return NULL;
    if (d->ops->attach == NULL) {
        err_set(e, "%s.device: a %s cannot be on a SCSI bus", path, d->ops->name);
        d->ops->destroy(d);
        return NULL;
    }
    char *bus_name = base_printf("%s bus", name);
    d->ops->attach(d, scsi_create(s, &p.bus, node, bus_name), (uint32_t)p.id);
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

static struct blkdev *build_bus(struct sim *s, const struct val *spec, int32_t node,
                                const char *name, const char *path, struct err *e)
{
    (void)s, (void)spec, (void)node, (void)name;
    err_set(e, "%s: a bus is no device: it stands in a list of devices, which name it in `on`",
            path);
    return NULL;
}

const struct blk_kind blk_kinds[] = {
    { "disk", "a drive: arm, spindle, cache, queue, bus", disk_params, build_disk },
    { "raid3", "spindles that turn as one, with parity", raid3_params, build_raid3 },
    { "concat", "devices one behind the other", raid_array_params, build_array },
    { "raid0", "devices in stripes, without parity", raid_array_params, build_array },
    { "raid1", "two copies", raid_array_params, build_array },
    { "raid4", "stripes with parity on the last member", raid_array_params, build_array },
    { "raid5", "stripes with parity that rotates", raid_array_params, build_array },
    { "raid6", "stripes with two parities that rotate", raid_array_params, build_array },
    { "cache", "a write-back cache in front of a device", wcache_params, build_cache },
    { "scsi", "a device behind a SCSI bus of its own", scsi_stack_params, build_scsi },
    { "bus", "in a list of devices: a SCSI bus that they share", blk_bus_params, build_bus },
    { NULL, NULL, NULL, NULL },
};

struct blkdev *blk_build(struct sim *s, const struct val *spec, int32_t node, const char *name,
                         const char *path, struct err *e)
{
    const char *kind = "disk";
    if (spec != NULL && spec->type != VAL_TABLE) {
        err_set(e, "%s: a device is a table, not %s", path, val_type_name(spec->type));
        return NULL;
    }
    const struct val *k = spec == NULL ? NULL : val_get(spec, "kind");
    if (k != NULL && k->type != VAL_STRING) {
        err_set(e, "%s.kind: a word, not %s", path, val_type_name(k->type));
        return NULL;
    }
    if (k != NULL)
        kind = k->u.s;
    const char *names[ARRAY_LEN(blk_kinds)];
    for (size_t i = 0; i < ARRAY_LEN(blk_kinds); i++) {
        names[i] = blk_kinds[i].name;
        if (names[i] != NULL && strcmp(names[i], kind) == 0)
            return blk_kinds[i].build(s, spec, node, name, path, e);
    }
    err_set(e, "%s.kind: there is no device '%s'", path, kind);
    err_nearest(e, kind, names);
    return NULL;
}
