/* raid.c: an array as a device: its parameters, its members, its requests.
 *
 * A request is cut by stripes; each stripe's part is an op (disks/raid_stripe.c).  When all are
 * through the request is answered, with the worst status of them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disks/build.h"
#include "disks/raid_internal.h"

static const char *const rotations[] = { "left_symmetric", "left_asymmetric", "right_symmetric",
                                         "right_asymmetric", NULL };
static const char *const small_writes[] = { "auto", "rmw", "reconstruct", NULL };
static const char *const balances[] = { "primary", "round_robin", "shortest", "nearest", NULL };

#define EXPERIMENT "ASSUMED(the experiment's choice)"

const struct param raid_array_params[] = {
    P_STRING(raid_params, kind, "raid5", "What is built: an array of that level.", "none"),
    P_INT(raid_params, members, "5", "1", "48", "Members; of raid1 two.", EXPERIMENT),
    P_INT(raid_params, spares, "0", "0", "16", "Hot spares.", EXPERIMENT),
    P_VAL(raid_params, member,
          "The device each member is, or a list of devices that members and spares are in turn; "
          "absent: the default drive. The smallest member's size counts.",
          "none"),
    P_SIZE(raid_params, unit, "64KiB", "512B", "1GiB", "Stripe unit.",
           "ASSUMED(a usual unit of the time's arrays)"),
    P_CHOICE(raid_params, layout, "left_symmetric", rotations,
             "How parity of raid5 and raid6 rotates.",
             "Lee & Katz 1991: left-symmetric is best for large reads"),
    P_CHOICE(
        raid_params, small_write, "auto", small_writes,
        "Writes of part of a stripe: read-modify-write, reconstruct-write, or what reads less.",
        "Chen et al. 1994"),
    P_CHOICE(raid_params, read_balance, "shortest", balances,
             "raid1: the copy a read goes to: the first, in turn, the one with fewer requests, or "
             "of those with as many that whose last request ended nearer; what is equal goes in "
             "turn.",
             EXPERIMENT),
    P_SIZE(raid_params, merge, "1MiB", "0", "1GiB",
           "Units of one request that lie one behind the other on a member go to it as one request "
           "of at most this; 0: each unit is a request of its own.",
           "ASSUMED(controllers and drivers of the time built one command per member and request)"),
    P_INT(raid_params, buses, "0", "0", "48",
          "SCSI buses that the members share in turn; 0: each has one of its own.", EXPERIMENT),
    P_TABLE(raid_params, bus, scsi_params, "Such a bus."),
    P_TIME(raid_params, overhead, "0", "0", "1s", "The controller's time for each request.",
           "ASSUMED(none)"),
    P_RATE(raid_params, rebuild_rate, "0", "0", "1GB/s",
           "Rebuild and scrub: bytes of a member a second at most; 0: as fast as it goes.",
           EXPERIMENT),
    P_INT(raid_params, rebuild_batch, "8", "1", "64",
          "Stripes that a rebuild or a scrub takes at a time; their units are merged.",
          "ASSUMED(a few tracks at a time)"),
    P_BOOL(raid_params, scrub, "false", "Check all parity once, in the background, from the start.",
           EXPERIMENT),
    P_END,
};

/* ---- requests ---- */

static struct raid_job *job_get(struct raid *a, struct blk_req *r, uint32_t count)
{
    struct raid_job *j = a->free_jobs;
    if (j != NULL)
        a->free_jobs = j->next_free;
    else
        j = base_zalloc(1, sizeof *j);
    if (j->capacity < count) {
        j->pieces = base_realloc(j->pieces, count * sizeof *j->pieces);
        j->capacity = count;
    }
    for (uint32_t i = 0; i < count; i++)
        rope_init(&j->pieces[i]);
    j->a = a;
    j->r = r;
    j->count = j->pending = count;
    j->copy = UINT32_MAX;
    j->power_losses = a->power_losses;
    j->status = BLK_OK;
    return j;
}

static void finish(struct raid_job *j)
{
    struct raid *a = j->a;
    struct blk_req *r = j->r;
    if (r->op == BLK_READ)
        rope_fini(&r->data);
    for (uint32_t i = 0; i < j->count; i++) {
        if (r->op == BLK_READ && j->status == BLK_OK)
            rope_join(&r->data, &j->pieces[i]);
        rope_fini(&j->pieces[i]);
    }
    a->completed++;
    a->inside--;
    j->next_free = a->free_jobs;
    a->free_jobs = j;
    blk_complete(&a->dev, r, j->status, !a->dev.inner);
}

void raid_job_done(struct raid_op *op)
{
    struct raid_job *j = op->job;
    if (op->status != BLK_OK && j->status != BLK_ERR_DEVICE)
        j->status = op->status;
    if (--j->pending == 0)
        finish(j);
}

static void begin(struct sim *s, struct sim_event *ev)
{
    struct raid_job *j = CONTAINER_OF(ev, struct raid_job, event);
    struct raid *a = j->a;
    struct blk_req *r = j->r;
    uint64_t per_stripe = a->layout.unit * a->layout.data, size = a->sector_bytes;
    uint64_t at = r->sector, end = r->sector + r->sectors;
    uint32_t count = j->count;
    (void)s;
    if (count > 1)
        raid_hold(a);
    for (uint32_t i = 0; i < count; i++) {
        struct raid_op *op =
            raid_op_get(a, r->op == BLK_READ ? RAID_OP_READ : RAID_OP_WRITE, at / per_stripe);
        op->job = j;
        op->power_losses = j->power_losses;
        op->piece = i;
        op->first = at - op->stripe * per_stripe;
        op->count = per_stripe - op->first < end - at ? per_stripe - op->first : end - at;
        if (r->op == BLK_WRITE)
            rope_add_slice(&op->data, &r->data, (at - r->sector) * size, op->count * size);
        at += op->count;
        raid_op_start(op);
    }
    if (count > 1)
        raid_release(a);
}

/* ---- flush ---- */

struct raid_flush {
    struct raid *a;
    struct blk_req *r;
    struct sim_event event;
    uint32_t pending;
    uint64_t power_losses;
    struct {
        struct blk_req r;
        struct blkdev *dev; /* that was asked */
    } below[RAID_MEMBERS_MAX];
};

static void flush_end(struct raid_flush *f)
{
    struct raid *a = f->a;
    struct blk_req *r = f->r;
    enum blk_status status = a->power_losses != f->power_losses ? BLK_ERR_ABORTED : BLK_OK;
    if (a->dead || raid_lost(&a->dev) > a->layout.parity)
        status = BLK_ERR_DEVICE;
    free(f);
    a->completed++;
    a->inside--;
    blk_complete(&a->dev, r, status, !a->dev.inner);
}

/* A member that could not keep what it had answered for is lost: what it holds may be old. */
static void flush_below_done(struct blk_req *b)
{
    struct raid_flush *f = b->owner;
    struct raid *a = f->a;
    for (uint32_t i = 0; i < a->layout.members; i++) {
        bool bad = b->status != BLK_OK && b->status != BLK_ERR_ABORTED;
        if (b == &f->below[i].r && bad && a->slots[i].dev == f->below[i].dev)
            raid_lose(a, i);
    }
    blk_add_parts(f->r, b);
    blk_req_fini(b);
    if (--f->pending == 0)
        flush_end(f);
}

static void flush_begin(struct sim *s, struct sim_event *ev)
{
    struct raid_flush *f = CONTAINER_OF(ev, struct raid_flush, event);
    struct raid *a = f->a;
    (void)s;
    f->pending = 1;
    for (uint32_t i = 0; i < a->layout.members && !a->dead; i++) {
        if (a->slots[i].failed)
            continue;
        f->pending++;
        f->below[i].dev = a->slots[i].dev;
        blk_req_init(&f->below[i].r, BLK_FLUSH, 0, 0, flush_below_done, f);
        blk_pass(f->below[i].dev, &f->below[i].r);
    }
    if (--f->pending == 0)
        flush_end(f);
}

static void flush(struct raid *a, struct blk_req *r)
{
    struct raid_flush *f = base_zalloc(1, sizeof *f);
    f->a = a;
    f->r = r;
    f->power_losses = a->power_losses;
    sim_event_init(&f->event, SIM_CLASS_DEVICE, flush_begin);
    sim_after(a->dev.sim, &f->event, a->overhead);
}

static void submit(struct blkdev *d, struct blk_req *r)
{
    struct raid *a = raid_of(d);
    a->submitted++;
    a->inside++;
    if (r->op == BLK_FLUSH) {
        flush(a, r);
        return;
    }
    uint64_t per_stripe = a->layout.unit * a->layout.data;
    uint64_t first = r->sector / per_stripe, last = (r->sector + r->sectors - 1) / per_stripe;
    struct raid_job *j = job_get(a, r, (uint32_t)(last - first) + 1);
    sim_event_init(&j->event, SIM_CLASS_DEVICE, begin);
    sim_after(d->sim, &j->event, a->overhead);
}

static void describe(const struct blkdev *d, struct blk_describe *out)
{
    const struct raid *a = raid_of(d);
    uint64_t stripe = a->layout.unit * a->layout.data;
    *out = (struct blk_describe){
        .sectors = a->layout.sectors,
        .sector_bytes = a->sector_bytes,
        .best_sectors = a->layout.level == RAID_CONCAT ? 1 : (uint32_t)stripe,
        .volatile_writes = a->volatile_writes,
        .sector_time = a->sector_time,
        .ways = a->layout.members,
    };
    snprintf(out->name, sizeof out->name, "%s", a->name);
}

/* ---- members ---- */

void raid_lose(struct raid *a, uint32_t member)
{
    struct raid_slot *s = &a->slots[member];
    s->failed = true;
    raid_rebuild_begin(a);
}

void raid_fail_member(struct blkdev *d, uint32_t member)
{
    ASSERT(raid_is(d) && member < raid_of(d)->layout.members);
    raid_lose(raid_of(d), member);
}

struct blkdev *raid_member(struct blkdev *d, uint32_t member)
{
    ASSERT(raid_is(d) && member < raid_of(d)->layout.members);
    return raid_of(d)->slots[member].dev;
}

uint32_t raid_members(const struct blkdev *d)
{
    return raid_of(d)->layout.members;
}

uint32_t raid_lost(const struct blkdev *d)
{
    const struct raid *a = raid_of(d);
    uint32_t n = 0;
    for (uint32_t i = 0; i < a->layout.members; i++)
        n += a->slots[i].failed || a->slots[i].rebuilding;
    return n;
}

struct raid_counts raid_counts(const struct blkdev *d)
{
    return raid_of(d)->counts;
}

static struct blkdev *member(const struct blkdev *d, uint32_t i)
{
    const struct raid *a = raid_of(d);
    if (i < a->layout.members)
        return a->slots[i].dev;
    i -= a->layout.members;
    return i < a->spare_count ? a->spares[i] : NULL;
}

static void kill_array(struct blkdev *d)
{
    raid_of(d)->dead = true;
}

/* The power of the array and of all that is in it fails for a moment. */
static bool power_loss(struct raid *a, const struct disk_fault *f)
{
    bool all = true;
    a->power_losses++;
    struct blkdev *m;
    for (uint32_t i = 0; (m = member(&a->dev, i)) != NULL; i++)
        all &= m->ops->fault != NULL && m->ops->fault(m, 0, f);
    return all;
}

static bool fault(struct blkdev *d, uint32_t which, const struct disk_fault *f)
{
    struct raid *a = raid_of(d);
    struct blkdev *m = which == 0 ? NULL : member(d, which - 1);
    if (which > 0)
        return m != NULL && m->ops->fault != NULL && m->ops->fault(m, 0, f);
    if (f->kind == DISK_FAULT_DEATH)
        a->dead = true;
    else if (f->kind == DISK_FAULT_POWER)
        return power_loss(a, f);
    else if (f->kind == DISK_FAULT_FLIP)
        return d->ops->corrupt(d, f->sector, f->byte, f->bits);
    else if (f->kind == DISK_FAULT_SCRUB && a->layout.parity > 0)
        raid_scrub(d);
    else
        return false;
    return true;
}

static void health(const struct blkdev *d, struct blk_health *sum)
{
    struct raid_counts c = raid_counts(d);
    sum->rebuilt_stripes += c.rebuilt_stripes;
    sum->scrubbed_stripes += c.scrubbed_stripes;
    sum->mismatches += c.mismatches;
    sum->repaired += c.repaired;
    sum->unrecovered += c.unrecovered;
    sum->missing += raid_lost(d);
}

static bool corrupt(struct blkdev *d, uint64_t sector, uint32_t byte, uint8_t flip)
{
    struct raid *a = raid_of(d);
    const struct raid_layout *l = &a->layout;
    if (sector >= l->sectors)
        return false;
    uint64_t stripe = sector / (l->unit * l->data), in = sector % (l->unit * l->data);
    struct blkdev *m = a->slots[raid_layout_data(l, stripe, (uint32_t)(in / l->unit))].dev;
    return m->ops->corrupt != NULL &&
           m->ops->corrupt(m, stripe * l->unit + in % l->unit, byte, flip);
}

/* ---- making and ending ---- */

static void destroy(struct blkdev *d)
{
    struct raid *a = raid_of(d);
    sim_cancel(d->sim, &a->background);
    for (uint32_t i = 0; i < a->layout.members; i++) {
        if (a->slots[i].dev != NULL)
            a->slots[i].dev->ops->destroy(a->slots[i].dev);
    }
    for (uint32_t i = 0; i < a->spare_count; i++)
        a->spares[i]->ops->destroy(a->spares[i]);
    for (uint32_t i = 0; i < a->removed_count; i++)
        a->removed[i]->ops->destroy(a->removed[i]);
    free(a->removed);
    while (a->free_ops != NULL) {
        struct raid_op *op = a->free_ops;
        a->free_ops = op->next_free;
        free(op->cols);
        free(op->children);
        free(op);
    }
    while (a->free_jobs != NULL) {
        struct raid_job *j = a->free_jobs;
        a->free_jobs = j->next_free;
        free(j->pieces);
        free(j);
    }
    raid_merge_fini(a);
    sim_audit_unregister(d->sim, a);
    sim_count_end(&d->counted);
    free(a->slots);
    free(a->spares);
    free(a->name);
    free(a);
}

static const struct blkdev_ops raid_ops = { .name = "array",
                                            .doc = "devices in stripes, with and without parity",
                                            .submit = submit,
                                            .describe = describe,
                                            .destroy = destroy,
                                            .kill = kill_array,
                                            .corrupt = corrupt,
                                            .fault = fault,
                                            .member = member,
                                            .health = health };

bool raid_is(const struct blkdev *d)
{
    return d->ops == &raid_ops;
}

static void audit(void *self, struct sim_audit_report *report)
{
    const struct raid *a = self;
    blk_audit_rate(&a->dev, report);
    sim_audit_balance(report, "array requests", a->submitted, a->completed, a->inside, 0);
}

/* Members and spares, and the buses that they share. */
static bool add_members(struct raid *a, const struct raid_params *p, uint32_t members,
                        const char *path, struct err *e)
{
    struct sim *s = a->dev.sim;
    uint32_t all = members + (uint32_t)p->spares;
    struct scsi_bus *buses[RAID_MEMBERS_MAX] = { NULL };
    uint32_t on_bus[RAID_MEMBERS_MAX] = { 0 };
    char *inner = base_printf("%s.member", path);
    bool ok = true;
    for (uint32_t i = 0; ok && i < all; i++) {
        char *name = base_printf("%s.member.%u", a->name, i);
        const struct val *spec = p->member;
        if (spec != NULL && spec->type == VAL_LIST)
            spec = spec->count == 0 ? NULL : spec->items[i % spec->count];
        struct blkdev *m = blk_build(s, spec, a->dev.node, name, inner, e);
        free(name);
        if (m == NULL) {
            ok = false;
            break;
        }
        m->inner = true;
        if (i < members)
            a->slots[i].dev = m;
        else
            a->spares[a->spare_count++] = m;
        if (m->ops->sequential) {
            ok = err_set(e, "%s.member: a %s cannot be a member of an array", path, m->ops->name);
            break;
        }
        if (p->buses == 0)
            continue;
        uint32_t b = i % (uint32_t)p->buses;
        if (m->ops->attach == NULL || on_bus[b] + 1 >= SCSI_IDS) {
            ok = err_set(e, "%s.buses: %s", path,
                         m->ops->attach == NULL ? "such a member cannot be on a bus"
                                                : "more than 15 members on one bus");
            break;
        }
        if (buses[b] == NULL) {
            char *bus_name = base_printf("%s bus %u", a->name, b);
            buses[b] = scsi_create(s, &p->bus, a->dev.node, bus_name);
            free(bus_name);
        }
        uint32_t id = on_bus[b] >= (uint32_t)p->bus.host_id ? on_bus[b] + 1 : on_bus[b];
        on_bus[b]++;
        m->ops->attach(m, buses[b], id);
    }
    free(inner);
    return ok;
}

/* Members of one sector size; what the smallest of them holds. */
static bool measure(struct raid *a, const char *path, uint64_t *least, struct err *e)
{
    struct blk_describe about = { .sectors = 0 };
    *least = UINT64_MAX;
    for (uint32_t i = 0; i < a->layout.members; i++) {
        a->slots[i].dev->ops->describe(a->slots[i].dev, &about);
        a->volatile_writes |= about.volatile_writes;
        if (i == 0 || about.sector_time < a->sector_time)
            a->sector_time = about.sector_time;
        *least = about.sectors < *least ? about.sectors : *least;
        if (i == 0)
            a->sector_bytes = about.sector_bytes;
        else if (about.sector_bytes != a->sector_bytes)
            return err_set(e, "%s.member: sectors of %u B and of %u B in one array", path,
                           a->sector_bytes, about.sector_bytes);
    }
    return true;
}

static bool spares_fit(const struct raid *a, const char *path, struct err *e)
{
    struct blk_describe about;
    for (uint32_t i = 0; i < a->spare_count; i++) {
        a->spares[i]->ops->describe(a->spares[i], &about);
        if (about.sectors < a->layout.stripes * a->layout.unit ||
            about.sector_bytes != a->sector_bytes)
            return err_set(e, "%s.spares: spare %u is too small for a member's place", path, i + 1);
    }
    return true;
}

static bool lay_out(struct raid *a, const struct raid_params *p, const char *path, struct err *e)
{
    enum raid_level level = p->level;
    static const uint32_t needed[] = { 1, 1, 2, 2, 3, 4 };
    uint32_t members = a->layout.members;
    uint64_t least;
    if (level == RAID_1 && members != 2)
        return err_set(e, "%s.members: a raid1 has 2 members, not %u (more copies: stack them)",
                       path, members);
    if (members < needed[level])
        return err_set(e, "%s.members: a %s needs at least %u members, not %u", path, p->kind,
                       needed[level], members);
    if (!measure(a, path, &least, e))
        return false;
    a->merge = (uint64_t)p->merge / a->sector_bytes;
    if (p->unit % a->sector_bytes != 0)
        return err_set(e, "%s.unit: must be a multiple of the members' sector of %u B", path,
                       a->sector_bytes);
    if (!raid_layout_init(&a->layout, level, (enum raid_rotation)p->layout, members,
                          (uint64_t)p->unit / a->sector_bytes, least))
        return err_set(e, "%s.unit: %" PRId64 " B are more than a member holds", path, p->unit);
    return spares_fit(a, path, e);
}

static const char *const level_names[] = {
    [RAID_CONCAT] = "concat", [RAID_0] = "raid0", [RAID_1] = "raid1",
    [RAID_4] = "raid4",       [RAID_5] = "raid5", [RAID_6] = "raid6"
};
const struct counter raid_counters[] = {
    C_SUM(raid, counts, rebuilt_stripes, "1", "Stripes made again for a member that was lost."),
    C_SUM(raid, counts, scrubbed_stripes, "1", "Stripes that a scrub has looked at."),
    C_SUM(raid, counts, mismatches, "1", "Stripes whose parity did not agree with the data."),
    C_SUM(raid, counts, repaired, "1", "Units written anew after a medium error."),
    C_SUM(raid, counts, unrecovered, "1", "Units that a rebuild could not make again."),
    C_SUM(raid, counts, full_stripe_writes, "1", "Stripes written whole."),
    C_SUM(raid, counts, rmw_writes, "1", "Stripes written by old data and old parity."),
    C_SUM(raid, counts, reconstruct_writes, "1", "Stripes written by the data that stays."),
    C_SUM(raid, counts, degraded_reads, "1", "Reads made from the other members."),
    C_END,
};

struct blkdev *raid_create(struct sim *s, const struct raid_params *p, int32_t node,
                           const char *name, const char *path, struct err *e)
{
    uint32_t members = (uint32_t)p->members;
    struct raid *a = base_zalloc(1, sizeof *a);
    a->dev = (struct blkdev){ .ops = &raid_ops, .sim = s, .node = node };
    a->name = base_strdup(name);
    a->small_write = (enum raid_small_write)p->small_write;
    a->balance = (enum raid_balance)p->read_balance;
    a->overhead = p->overhead;
    a->rebuild_rate = p->rebuild_rate;
    a->batch = (uint32_t)p->rebuild_batch;
    a->slots = base_zalloc(members, sizeof *a->slots);
    a->spares = base_zalloc((size_t)p->spares + 1, sizeof *a->spares);
    a->layout.members = members;
    for (uint32_t i = 0; i < RAID_LOCKS; i++)
        list_init(&a->locks[i]);
    raid_background_init(a);
    sim_audit_register(s, a->name, audit, a);
    sim_count(&a->dev.counted, s, level_names[p->level], node, raid_counters, a);
    if (!add_members(a, p, members, path, e) || !lay_out(a, p, path, e)) {
        a->layout.members = members;
        destroy(&a->dev);
        return NULL;
    }
    if (p->scrub)
        raid_scrub(&a->dev);
    return &a->dev;
}
