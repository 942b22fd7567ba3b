/* fault.c: devices and their members as targets of faults. */
#include "disks/fault.h"

#include <inttypes.h>
#include <stdlib.h>

#include "disks/disk.h"
#include "disks/raid.h"
#include "sim/measure.h"

#define FLIP_MOST 65536

struct args {
    int64_t sector, sectors, count, shift, percent, byte, bits, ppm;
};

static const struct param args_params[] = {
    P_INT(args, sector, "0", "0", NULL, "First sector concerned."),
    P_INT(args, sectors, "1", "1", NULL, "How many."),
    P_INT(args, count, "1", "1", "1000000000", "Requests that meet it before it goes away."),
    P_INT(args, shift, "64", "1", NULL, "misdirected: sectors further on."),
    P_INT(args, percent, "200", "100", "100000", "slow: time of a media access, of its usual."),
    P_INT(args, ppm, "1000", "0", "1000000", "soft: blocks of a million, once more each time."),
    P_INT(args, byte, "0", "0", "65535", "flip: which byte of each sector."),
    P_INT(args, bits, "1", "1", "255", "flip: which bits."),
    P_END,
};

/* A place: the device itself, or what stands as a member of another place's device. */
struct place {
    struct blkdev *device;  /* of the root */
    const struct place *in; /* NULL: the root */
    uint32_t member;        /* from 0 */
};

static struct blkdev *device_of(const struct place *p)
{
    if (p->in == NULL)
        return p->device;
    /* A spare may stand in a member's place by now. */
    struct blkdev *d = device_of(p->in);
    return d->ops->member == NULL ? NULL : d->ops->member(d, p->member);
}

static void apply(void *self, const struct fault *f)
{
    const struct place *p = self;
    const struct args *a = f->args;
    struct disk_fault fault = { .kind = (enum disk_fault_kind)f->action,
                                .sector = (uint64_t)a->sector,
                                .sectors = (uint64_t)a->sectors,
                                .count = (uint32_t)a->count,
                                .shift = (uint64_t)a->shift,
                                .factor_percent = f->over ? 100 : a->percent,
                                .ppm = f->over ? 0 : a->ppm,
                                .byte = (uint32_t)a->byte,
                                .bits = (uint8_t)a->bits };
    struct blkdev *d = device_of(p->in == NULL ? p : p->in);
    uint64_t times = fault.kind == DISK_FAULT_FLIP ? fault.sectors : 1;
    bool good = true;
    for (; good && times > 0; times--, fault.sector++)
        good = d->ops->fault(d, p->in == NULL ? 0 : p->member + 1, &fault);
    if (!good)
        sim_remark(d->sim, "a %s cannot have the fault '%s': nothing happened", d->ops->name,
                   disk_fault_name(fault.kind));
}

static bool check(void *self, const struct fault *f, const char *path, struct err *e)
{
    const struct place *p = self;
    const struct args *a = f->args;
    struct blkdev *d = device_of(p);
    struct blk_describe about;
    if (d == NULL) /* a synchronised array tells of its members only by bearing their faults */
        d = device_of(p->in);
    d->ops->describe(d, &about);
    if ((uint64_t)a->sector >= about.sectors ||
        (uint64_t)a->sectors > about.sectors - (uint64_t)a->sector)
        return err_set(e, "%s.sector: past the %" PRIu64 " sectors of the device", path,
                       about.sectors);
    if (f->action == DISK_FAULT_FLIP && a->sectors > FLIP_MOST)
        return err_set(e, "%s.sectors: a flip is of %d sectors at most", path, FLIP_MOST);
    if ((uint64_t)a->byte >= about.sector_bytes)
        return err_set(e, "%s.byte: a sector has %" PRIu32 " bytes", path, about.sector_bytes);
    return true;
}

static const struct fault_ops device_ops = { .actions = disk_fault_names,
                                             .when = SIM_CLASS_ARRIVAL,
                                             .params = args_params,
                                             .params_size = sizeof(struct args),
                                             .check = check,
                                             .apply = apply };

static void add(struct sim_faults *f, struct blkdev *d, const struct place *in, uint32_t member,
                const char *name)
{
    struct place *p = base_alloc(sizeof *p);
    *p = (struct place){ .device = d, .in = in, .member = member };
    sim_fault_target(f, name, &device_ops, p, true);
    uint32_t lanes = d == NULL ? 0 : raid3_members(d);
    struct blkdev *below;
    for (uint32_t i = 0; d != NULL; i++) {
        below = d->ops->member == NULL ? NULL : d->ops->member(d, i);
        if (below == NULL && i >= lanes)
            break;
        char *inner = base_printf("%s.member.%u", name, i);
        add(f, below, p, i, inner);
        free(inner);
    }
}

void blk_fault_targets(struct sim_faults *f, struct blkdev *d)
{
    struct blk_describe about;
    d->ops->describe(d, &about);
    if (d->ops->fault != NULL)
        add(f, d, NULL, 0, about.name);
}
