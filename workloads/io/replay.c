/* replay.c: makes the requests that a program has made, as a trace tells them (docs/replay.md).
 *
 * A file that is read before it is written has its bytes beforehand.  Each read and write of a rank
 * is a request of the loop of all programs (workloads/io/loop.h); what stands between them in the
 * trace, pauses too, happens between two requests.
 */
#include <stdio.h>

#include "workloads/io/job.h"
#include "workloads/io/loop.h"
#include "workloads/io/trace.h"
#include "workloads/workload.h"

struct params {
    struct io_loop_params loop; /* sync alone is read */
    const char *trace;
    int64_t unit, factor;
    int system;
    struct trace *t; /* read by `prepare` */
};

static const struct param params_desc[] = {
    P_FILE(params, trace, NULL, "The recorded requests: docs/replay.md."),
    IO_SYSTEM_PARAM(params),
    P_CHOICE(
        io_loop_params, sync, "close", io_sync_names,
        "When what is written goes to the devices beside the trace's own flushes: close: after "
        "the last request of a rank; each: after each; none: when the file system likes."),
    IO_UNIT_PARAM(params),
    P_INT(params, factor, "0", "0", "4096",
          "Stripe factor of all files; 0: of each what the trace says, else all I/O nodes.",
          "Intel PFS: a mount spreads files over all its stripe directories; as recalled"),
    P_END,
};

static const struct measure measures[] = IO_MEASURES_OF("file");
static const struct measure bandwidth = IO_BANDWIDTH_OF("file");

static const struct os_service_ops *const *services_of(const void *params)
{
    return io_system(((const struct params *)params)->system)->services;
}

static bool prepare(void *params, const struct input *files, size_t count, struct err *e)
{
    struct params *p = params;
    if (count == 0)
        return err_set(e, "workload.trace: name the file of the trace");
    p->t = trace_read(&files[0], io_system(p->system), e);
    return p->t != NULL;
}

static void release(void *params)
{
    struct params *p = params;
    trace_free(p->t);
    p->t = NULL;
}

static uint32_t programs(const void *params, const struct os_layout *l)
{
    const struct params *p = params;
    (void)l;
    return p->t->rank_count;
}

static uint32_t files(const void *params, const struct os_layout *l)
{
    const struct params *p = params;
    (void)l;
    return pio_file_count(io_system(p->system), p->t->file_count);
}

static uint32_t factor_of(const struct params *p, uint32_t file)
{
    return p->factor > 0 ? (uint32_t)p->factor : p->t->files[file].factor;
}

static bool check(const void *params, const struct os_layout *l, struct err *e)
{
    const struct params *p = params;
    struct pio_plan plan = { .path = "workload",
                             .can = p->t->can,
                             .traits = p->t->shared ? PIO_SHARED : 0u,
                             .unit = (uint64_t)p->unit,
                             .files = files(params, l),
                             .ranks = programs(params, l) };
    for (uint32_t i = 0; i < p->t->file_count; i++)
        plan.size += p->t->files[i].extent / p->t->file_count + 1;
    bool fine = true;
    for (uint32_t i = 0; i < p->t->file_count && fine; i++) {
        if (i > 0 && factor_of(p, i) == plan.factor)
            continue;
        plan.factor = factor_of(p, i);
        fine = pio_check(io_system(p->system), l, &plan, e);
    }
    return fine;
}

struct run {
    struct io_job j;
    const struct params *p;
    const struct trace_rank *mine;
    struct io_target *files; /* by index in the trace; f is NULL while it is not open */
    size_t at;               /* the next line */
    sim_time began;
    uint32_t barriers;
    bool parted; /* a rank has given up */
};

static void name(const struct run *r, uint32_t file, struct io_target *t)
{
    (void)snprintf(t->name, sizeof t->name, "%s", r->p->t->files[file].name);
    t->seed = UINT64_C(0x7472616365000000) + file;
}

static bool open_file(struct run *r, uint32_t file, int mode)
{
    struct io_target *t = &r->files[file];
    bool plain = mode == PIO_PLAIN;
    const struct pio_open o = { .name = t->name,
                                .flags = PIO_O_CREATE,
                                .rank = plain ? 0 : r->j.rank,
                                .ranks = plain ? 1 : r->j.ranks,
                                .mode = mode,
                                .unit = (uint64_t)r->p->unit,
                                .factor = factor_of(r->p, file) };
    return io_good(&r->j, pio_open(r->j.sys, &o, &t->f), "open", t->name);
}

static bool close_file(struct run *r, uint32_t file)
{
    struct io_target *t = &r->files[file];
    struct pio_file *f = t->f;
    t->f = NULL;
    return io_good(&r->j, pio_close(f), "close", t->name);
}

static bool barrier(struct run *r, bool good)
{
    char tag[32];
    (void)snprintf(tag, sizeof tag, "barrier.%u", ++r->barriers);
    bool all = io_agree(&r->j, tag, good);
    r->parted = !all;
    return all;
}

/* A line that is no request. */
static bool control(struct run *r, const struct trace_line *l)
{
    struct io_target *t = &r->files[l->file];
    struct pio_control c = { .what = PIO_UNLINK,
                             .name = t->name,
                             .unit = (uint64_t)r->p->unit,
                             .factor = factor_of(r->p, l->file) };
    switch (l->op) {
    case TRACE_OPEN:
        return open_file(r, l->file, l->mode);
    case TRACE_CLOSE:
        return close_file(r, l->file);
    case TRACE_SIZE:
        return io_good(&r->j, pio_set_size(t->f, l->run.len), "set size", t->name);
    case TRACE_FLUSH:
        return io_good(&r->j, pio_flush(t->f), "flush", t->name);
    case TRACE_REMOVE:
        return io_good(&r->j, pio_control(r->j.sys, NULL, &c), "remove", t->name);
    case TRACE_BARRIER:
        return barrier(r, true);
    default:
        return false;
    }
}

static void wait_for(struct run *r, const struct trace_line *l)
{
    struct port *p = r->j.node->port;
    sim_time passed = port_now(p) - r->began;
    if (!l->at && l->when > 0)
        port_compute(p, l->when);
    else if (l->at && l->when > passed)
        port_thread_sleep(p, l->when - passed);
}

/* All lines before the next request, and the pause before it. */
static bool up_to_request(struct run *r)
{
    for (; r->at < r->mine->count; r->at++) {
        const struct trace_line *l = &r->mine->lines[r->at];
        wait_for(r, l);
        if (l->op == TRACE_READ || l->op == TRACE_WRITE)
            return true;
        if (!control(r, l))
            return false;
    }
    return true;
}

static bool between(void *self, uint64_t k)
{
    (void)k;
    return up_to_request(self);
}

static bool request(void *self, uint64_t k)
{
    struct run *r = self;
    const struct trace_line *l = &r->mine->lines[r->at++];
    struct pio_split sum = { .latency = 0 };
    (void)k;
    if (!io_transfer(&r->j, &r->files[l->file], l->op == TRACE_READ ? PIO_READ : PIO_WRITE, &l->run,
                     1, &sum))
        return false;
    io_report(&r->j, measures, &sum, pio_length(&l->run, 1));
    return true;
}

/* Also what a trace has behind its last request belongs to the work. */
static bool flush(void *self)
{
    struct run *r = self;
    for (uint32_t i = 0; i < r->p->t->file_count; i++)
        if (r->files[i].f && !io_good(&r->j, pio_flush(r->files[i].f), "flush", r->files[i].name))
            return false;
    return true;
}

/* Rank 0 makes every file, with what is read of it. */
static bool make_files(struct run *r)
{
    bool fine = true;
    for (uint32_t i = 0; i < r->p->t->file_count && fine; i++) {
        struct pio_control c = { .what = PIO_FILL,
                                 .seed = r->files[i].seed,
                                 .value = r->p->t->files[i].reads,
                                 .cold = true };
        fine = open_file(r, i, PIO_PLAIN);
        if (fine && c.value > 0)
            fine =
                io_good(&r->j, pio_control(r->j.sys, r->files[i].f, &c), "fill", r->files[i].name);
        fine = fine && close_file(r, i);
    }
    return fine;
}

static void program(struct os_node *node, const struct program *me)
{
    const struct params *p = me->params;
    struct run r = { .j = { .node = node,
                            .sys = pio_find(io_system(p->system), node),
                            .rank = me->rank,
                            .ranks = me->ranks,
                            .verify = true },
                     .p = p,
                     .mine = &p->t->ranks[me->rank],
                     .files = port_alloc(node->port, p->t->file_count * sizeof *r.files) };
    const struct io_loop l = { .port = node->port,
                               .p = &p->loop,
                               .ranks = p->t->active,
                               .count = r.mine->requests,
                               .work = true,
                               .writes = p->t->writes > 0,
                               .self = &r,
                               .request = request,
                               .between = between,
                               .flush = flush,
                               .inside = &measures[IO_LATENCY],
                               .outside = &measures[IO_OUTSIDE] };
    for (uint32_t i = 0; i < p->t->file_count; i++)
        name(&r, i, &r.files[i]);
    if (!io_agree(&r.j, "made", me->rank > 0 || make_files(&r)))
        return;
    if (me->rank == 0)
        io_loop_remarks(&l);
    r.began = port_now(node->port);
    bool fine = up_to_request(&r) && (r.mine->requests == 0 || (io_loop(&l) && up_to_request(&r)));
    if (!r.parted) /* the others wait at the next barrier, or at the end, which is one */
        (void)barrier(&r, fine);
}

extern const struct workload_ops workload_replay;
const struct workload_ops workload_replay = {
    .kind = { .name = "replay",
              .doc = "Programs make the requests that a trace tells, and check every byte.",
              .params = params_desc,
              .params_size = sizeof(struct params) },
    .measures = measures,
    .rate = &bandwidth,
    .prepare = prepare,
    .release = release,
    .check = check,
    .programs = programs,
    .files = files,
    .services_of = services_of,
    .main = program,
};
