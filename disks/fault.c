/* fault.c: reads a schedule of faults and brings each about at its time. */
#include "disks/fault.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "disks/disk.h"
#include "sim/measure.h"

struct fault_params {
    int64_t device, sector, sectors, count, shift, percent, byte, bits;
    const struct val *member;
    sim_time at;
    const char *kind;
};

static const struct param fault_params[] = {
    P_INT(fault_params, device, "1", "1", "1000000", "Which device, from 1.",
          "the experiment's choice"),
    P_VAL(fault_params, member,
          "Which member of an array, from 1; a list: of an array of arrays; absent or 0: the "
          "device itself.",
          "the experiment's choice"),
    P_INT(fault_params, sector, "0", "0", NULL, "First sector concerned.",
          "the experiment's choice"),
    P_INT(fault_params, sectors, "1", "1", NULL, "How many.", "the experiment's choice"),
    P_INT(fault_params, count, "1", "1", "1000000000", "Requests that meet it before it goes away.",
          "the experiment's choice"),
    P_INT(fault_params, shift, "64", "1", NULL, "misdirected: sectors further on.",
          "the experiment's choice"),
    P_INT(fault_params, percent, "200", "100", "100000",
          "slow: time of a media access, of its usual.", "the experiment's choice"),
    P_INT(fault_params, byte, "0", "0", "65535", "flip: which byte of the sector.",
          "the experiment's choice"),
    P_INT(fault_params, bits, "1", "1", "255", "flip: which bits.", "the experiment's choice"),
    P_TIME(fault_params, at, "0", "0", NULL, "When.", "the experiment's choice"),
    P_STRING(fault_params, kind, NULL,
             "death, power, slow, sector, transient, lost, torn, misdirected, flip, scrub.",
             "the experiment's choice"),
    P_END,
};

#define DEPTH_MAX 8

struct entry {
    struct sim_event event;
    struct blkdev *device;
    uint32_t path[DEPTH_MAX], depth; /* members, from 1 */
    struct disk_fault fault;
};

struct blk_fault_schedule {
    struct sim *sim;
    size_t count;
    struct entry *entries;
};

static void fire(struct sim *s, struct sim_event *ev)
{
    struct entry *x = CONTAINER_OF(ev, struct entry, event);
    struct blkdev *d = x->device;
    /* A spare may stand in a member's place by now. */
    for (uint32_t i = 0; i + 1 < x->depth; i++)
        d = d->ops->member(d, x->path[i] - 1);
    if (!d->ops->fault(d, x->depth == 0 ? 0 : x->path[x->depth - 1], &x->fault))
        sim_remark(s, "a %s cannot have the fault '%s': nothing happened", d->ops->name,
                   disk_fault_name(x->fault.kind));
}

static bool kind_of(const char *name, const char *path, enum disk_fault_kind *out, struct err *e)
{
    const char *const *names = disk_fault_names();
    for (int i = 0; names[i] != NULL; i++) {
        if (name != NULL && strcmp(names[i], name) == 0) {
            *out = (enum disk_fault_kind)i;
            return true;
        }
    }
    err_set(e, "%s.kind: there is no fault '%s'", path, name == NULL ? "" : name);
    err_nearest(e, name == NULL ? "" : name, names);
    return false;
}

static bool add_member(struct entry *x, const struct val *v, const char *path, struct err *e)
{
    if (v->type != VAL_INT || v->u.i < 0 || v->u.i > UINT32_MAX)
        return err_set(e, "%s.member: a number from 1, or a list of such", path);
    if (x->depth == DEPTH_MAX)
        return err_set(e, "%s.member: deeper than %d arrays", path, DEPTH_MAX);
    if (v->u.i > 0)
        x->path[x->depth++] = (uint32_t)v->u.i;
    return true;
}

/* The members on the way to the one concerned; *about is that one. */
static bool read_path(struct entry *x, const struct val *v, struct blk_describe *about,
                      const char *path, struct err *e)
{
    struct blkdev *d = x->device;
    if (v != NULL && v->type != VAL_LIST && !add_member(x, v, path, e))
        return false;
    for (size_t i = 0; v != NULL && v->type == VAL_LIST && i < v->count; i++) {
        if (!add_member(x, v->items[i], path, e))
            return false;
    }
    for (uint32_t i = 0; i < x->depth; i++) {
        /* A synchronised array tells of its members only by bearing their faults. */
        if (d->ops->member == NULL && i + 1 == x->depth && !disk_is(d))
            break;
        struct blkdev *m = d->ops->member == NULL ? NULL : d->ops->member(d, x->path[i] - 1);
        if (m == NULL)
            return err_set(e, "%s.member: there is no member %" PRIu32 " of this %s", path,
                           x->path[i], d->ops->name);
        d = m;
    }
    if (d->ops->fault == NULL)
        return err_set(e, "%s.device: a %s takes no faults", path, d->ops->name);
    d->ops->describe(d, about);
    return true;
}

static bool read_entry(struct entry *x, sim_time *at, struct blkdev *const *devs, size_t count,
                       const struct val *v, const char *path, struct err *e)
{
    struct fault_params p;
    struct blk_describe about = { 0 };
    if (!param_load(fault_params, &p, v, path, e) || !kind_of(p.kind, path, &x->fault.kind, e))
        return false;
    if ((uint64_t)p.device > count)
        return err_set(e, "%s.device: %" PRId64 ", but there are %zu", path, p.device, count);
    x->device = devs[p.device - 1];
    if (!read_path(x, p.member, &about, path, e))
        return false;
    if ((uint64_t)p.sector >= about.sectors ||
        (uint64_t)p.sectors > about.sectors - (uint64_t)p.sector)
        return err_set(e, "%s.sector: past the %" PRIu64 " sectors of the device", path,
                       about.sectors);
    if ((uint64_t)p.byte >= about.sector_bytes)
        return err_set(e, "%s.byte: a sector has %" PRIu32 " bytes", path, about.sector_bytes);
    x->fault.sector = (uint64_t)p.sector;
    x->fault.sectors = (uint64_t)p.sectors;
    x->fault.count = (uint32_t)p.count;
    x->fault.shift = (uint64_t)p.shift;
    x->fault.factor_percent = p.percent;
    x->fault.byte = (uint32_t)p.byte;
    x->fault.bits = (uint8_t)p.bits;
    *at = p.at;
    return true;
}

struct blk_fault_schedule *blk_fault_create(struct sim *s, struct blkdev *const *devs, size_t count,
                                            const struct val *list, const char *path, struct err *e)
{
    struct blk_fault_schedule *f = base_zalloc(1, sizeof *f);
    f->sim = s;
    f->entries = base_zalloc(list->count + 1, sizeof *f->entries);
    for (size_t i = 0; i < list->count; i++) {
        struct entry *x = &f->entries[i];
        sim_time at = 0;
        char *name = base_printf("%s[%zu]", path, i + 1);
        bool ok = read_entry(x, &at, devs, count, list->items[i], name, e);
        free(name);
        if (!ok) {
            blk_fault_destroy(f);
            return NULL;
        }
        f->count++;
        sim_event_init(&x->event, SIM_CLASS_ARRIVAL, fire);
        sim_at(s, &x->event, sim_time_max(at, sim_now(s)));
    }
    return f;
}

void blk_fault_destroy(struct blk_fault_schedule *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->count; i++)
        sim_cancel(f->sim, &f->entries[i].event);
    free(f->entries);
    free(f);
}
