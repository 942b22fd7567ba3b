/* disk_replay.c: replays a trace of requests on bare devices.
 *
 * open: each request is submitted at its time of arrival, whatever the devices do.  closed: each is
 * submitted its gap after the one before it completed, one at a time, which is how recordings of
 * single drives are made.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "workloads/direct/disk_io.h"
#include "workloads/direct/disk_trace.h"

enum mode { MODE_OPEN, MODE_CLOSED };
static const char *const modes[] = { "open", "closed", NULL };
static const char *const formats[] = { "text", "disksim", NULL };

struct replay_params {
    const char *file;
    int mode, format;
    TRACE_CLOCK_MEMBERS;
    int64_t warmup, sector;
    bool verify;
};

static const struct param replay_params[] = {
    P_FILE(replay_params, file, NULL, "The trace, below the folder of the configuration.",
           "the experiment's choice"),
    P_CHOICE(replay_params, mode, "open", modes,
             "open: by arrival times; closed: each a gap after the completion before it.",
             "the trace's kind"),
    P_CHOICE(replay_params, format, "text", formats,
             "text: time device sector sectors R|W; disksim: the same with hexadecimal flags.",
             "the trace's kind"),
    TRACE_CLOCK_PARAMS(replay_params, "ms", "false"),
    P_INT(replay_params, warmup, "0", "0", NULL, "Completions that are not measured.",
          "ASSUMED(the whole trace counts)"),
    P_SIZE(replay_params, sector, "512B", "64B", "64KiB", "Bytes of a sector in the trace.",
           "the formats' own"),
    P_BOOL(replay_params, verify, "true", "Reads are compared with what was written.",
           "ASSUMED(costs little)"),
    P_END,
};

struct replay {
    struct disk_io io;
    const struct replay_params *p;
    struct disk_trace_line *lines;
    size_t count, next;
    struct sim_event event;
};

static void issue(struct replay *l)
{
    const struct disk_trace_line *t = &l->lines[l->next++];
    disk_io_issue(&l->io, t->read ? BLK_READ : BLK_WRITE, t->device, t->sector, t->sectors, NULL,
                  0);
}

static void fire(struct sim *s, struct sim_event *e)
{
    struct replay *l = CONTAINER_OF(e, struct replay, event);
    issue(l);
    if (l->p->mode == MODE_OPEN && l->next < l->count)
        sim_at(s, e, sim_time_max(l->lines[l->next].time, sim_now(s)));
}

static void done(struct disk_io *io, struct disk_io_req *r)
{
    struct replay *l = io->driver;
    (void)r;
    if (l->p->mode == MODE_CLOSED && l->next < l->count)
        sim_after(io->sim, &l->event, l->lines[l->next].time);
}

/* Sectors of the trace become sectors of the device, which may be larger (arrays). */
static bool place(struct replay *l, const char *path, struct err *e)
{
    uint64_t devices = l->io.world->dev_count;
    for (size_t i = 0; i < l->count; i++) {
        struct disk_trace_line *t = &l->lines[i];
        if (t->device >= devices)
            return err_set(e, "%s:%zu: device %u, but there are %" PRIu64 " (counted from 0)", path,
                           t->line, t->device, devices);
        const struct blk_describe *a = &l->io.about[t->device];
        if (a->sequential)
            return err_set(e, "devices: a recording of sectors cannot go to a tape drive");
        uint64_t size = (uint64_t)l->p->sector, from, to;
        if (__builtin_mul_overflow(t->sector, size, &from) ||
            __builtin_add_overflow(from, t->sectors * size, &to))
            from = to = UINT64_MAX / a->sector_bytes * a->sector_bytes;
        if (from % a->sector_bytes != 0 || to % a->sector_bytes != 0)
            return err_set(e, "%s:%zu: not whole sectors of %s (%u B)", path, t->line, a->name,
                           a->sector_bytes);
        if (to / a->sector_bytes > a->sectors)
            return err_set(e, "%s:%zu: the request ends past the %" PRIu64 " sectors of %s", path,
                           t->line, a->sectors, a->name);
        t->sector = from / a->sector_bytes;
        t->sectors = (uint32_t)((to - from) / a->sector_bytes);
    }
    return true;
}

static void destroy(void *self)
{
    struct replay *l = self;
    sim_cancel(l->io.sim, &l->event);
    disk_io_fini(&l->io);
    free(l->lines);
    free(l);
}

static void *create(struct sim *s, const struct direct_world *w, const void *params, struct err *e)
{
    struct replay *l = base_zalloc(1, sizeof *l);
    l->p = params;
    sim_event_init(&l->event, SIM_CLASS_SOFTWARE, fire);
    const struct input *in = direct_file(w, l->p->file);
    const struct disk_trace_options o = { .format = (enum disk_trace_format)l->p->format,
                                          .unit = l->p->time_unit,
                                          .origin = l->p->origin,
                                          .gaps = l->p->mode == MODE_CLOSED,
                                          .sort = l->p->sort };
    disk_io_init(&l->io, s, w, (uint64_t)l->p->warmup, l->p->verify, l, done);
    bool ok = (l->lines = disk_trace_read(in, &o, &l->count, e)) && place(l, in->shown, e);
    if (ok && o.gaps && (o.sort || o.origin != TRACE_FROM_ZERO))
        ok = err_set(e, "workload.%s: the times of a closed replay are gaps, each its own",
                     o.sort ? "sort" : "origin");
    l->io.expected = l->count;
    if (!ok) {
        destroy(l);
        return NULL;
    }
    sim_at(s, &l->event, l->lines[0].time);
    return l;
}

static void finish(void *self, enum sim_end end)
{
    struct replay *l = self;
    (void)end;
    disk_io_report(&l->io);
    trace_idle_remark(l->io.sim, SIM_KIND_ARM, "the arms");
    if (l->io.completed < l->count)
        sim_remark(l->io.sim, "%zu of %zu requests of the trace completed", (size_t)l->io.completed,
                   l->count);
}

const struct direct_ops direct_disk_replay = {
    .kind = { .name = "disk_replay",
              .doc = "a trace of requests, replayed by arrival times or by gaps",
              .params = replay_params,
              .params_size = sizeof(struct replay_params) },
    .needs_devices = true,
    .create = create,
    .finish = finish,
    .destroy = destroy,
};
