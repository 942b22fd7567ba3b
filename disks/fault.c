/* fault.c: reads a schedule of faults and brings each about at its time. */
#include "disks/fault.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "disks/disk.h"

struct fault_params {
    int64_t device, member, sector, sectors, count, shift, percent, byte, bits;
    sim_time at;
    const char *kind;
};

#define I(member_, def_, min_, max_, doc_)                                                         \
    {                                                                                              \
        .name = #member_, .type = PARAM_INT, .offset = offsetof(struct fault_params, member_),     \
        .def = def_, .min = min_, .max = max_, .doc = doc_, .src = "the experiment's choice"       \
    }

static const struct param fault_params[] = {
    I(device, "1", "1", "1000000", "Which device, from 1."),
    I(member, "0", "0", "1000", "Which member of an array, from 1; 0: the device itself."),
    I(sector, "0", "0", NULL, "First sector concerned."),
    I(sectors, "1", "1", NULL, "How many."),
    I(count, "1", "1", "1000000000", "Requests that meet it before it goes away."),
    I(shift, "64", "1", NULL, "misdirected: sectors further on."),
    I(percent, "200", "100", "100000", "slow: time of a media access, of its usual."),
    I(byte, "0", "0", "65535", "flip: which byte of the sector."),
    I(bits, "1", "1", "255", "flip: which bits."),
    { .name = "at",
      .type = PARAM_TIME,
      .offset = offsetof(struct fault_params, at),
      .def = "0",
      .min = "0",
      .doc = "When.",
      .src = "the experiment's choice" },
    { .name = "kind",
      .type = PARAM_STRING,
      .offset = offsetof(struct fault_params, kind),
      .doc = "death, slow, sector, transient, lost, torn, misdirected, flip.",
      .src = "the experiment's choice" },
    { .name = NULL }
};

struct entry {
    struct sim_event event;
    struct blkdev *device;
    uint32_t member;
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
    (void)s;
    x->device->ops->fault(x->device, x->member, &x->fault);
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

static bool read_entry(struct entry *x, sim_time *at, struct blkdev *const *devs, size_t count,
                       const struct val *v, const char *path, struct err *e)
{
    struct fault_params p;
    struct blk_describe about;
    if (!param_load(fault_params, &p, v, path, e) || !kind_of(p.kind, path, &x->fault.kind, e))
        return false;
    if ((uint64_t)p.device > count)
        return err_set(e, "%s.device: %" PRId64 ", but there are %zu", path, p.device, count);
    x->device = devs[p.device - 1];
    x->device->ops->describe(x->device, &about);
    if (x->device->ops->fault == NULL)
        return err_set(e, "%s.device: a %s takes no faults", path, x->device->ops->name);
    if ((uint64_t)p.sector >= about.sectors ||
        (uint64_t)p.sectors > about.sectors - (uint64_t)p.sector)
        return err_set(e, "%s.sector: past the %" PRIu64 " sectors of the device", path,
                       about.sectors);
    x->member = (uint32_t)p.member;
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
