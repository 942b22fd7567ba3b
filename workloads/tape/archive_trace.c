/* archive_trace.c: the requests of an archive's users: drawn, with the published statistics of
 * such, or read from a trace (trace.h).
 *
 * Drawn are, of each program by itself: writes at exponential intervals; reads likewise, but in
 * working hours (Monday to Friday from 8 to 20, the start being Monday at 0) `busy` times as many.
 * A read is a repeat of one of the program's requests of the last `within`, or of a file that the
 * archive has from the start, one of those that are ever read.  A file is of `smallest` bytes times
 * two to the power of 0 .. octaves - 1, each as likely, and up to twice that, so that it has
 * a median and a mean far apart.  Its size follows from its number, and where it lies, too.
 *
 * Every request is a span of the track "archive" in a trace of the run; scripts/archive-trace makes
 * a text of these, which gives the same run again.
 */
#include <stdio.h> /* snprintf alone */

#include "os/hsm/archive.h"
#include "os/xk/map.h"
#include "workloads/io/loop.h"
#include "workloads/tape/data.h"
#include "workloads/tape/trace.h"
#include "workloads/workload.h"

struct trace_params {
    int64_t nodes, requests, files, volumes, blocks;
    sim_time gap, within;
    int64_t reads, repeats, never, busy, smallest, octaves;
    const char *trace;
    struct tape_trace *t; /* NULL: they are drawn */
};

#define EXPERIMENT "ASSUMED(the experiment's choice)"
static const struct param params_desc[] = {
    P_FILE(trace_params, trace, "", "Requests to make, instead of drawn ones: docs/models/hsm.md."),
    P_INT(trace_params, nodes, "0", "0", "60000",
          "Compute nodes that draw requests; 0: all.  Of a trace as many as it has ranks.",
          EXPERIMENT),
    P_INT(trace_params, requests, "100", "1", "100000000", "Requests of each of them.", EXPERIMENT),
    P_INT(trace_params, files, "100000", "1", "1000000000000",
          "Files that the archive has from the start, by number.", EXPERIMENT),
    P_INT(trace_params, volumes, "100", "1", "10000000", "Virtual volumes that have them.",
          EXPERIMENT),
    P_INT(trace_params, blocks, "1000", "1", "1000000000", "Blocks of each of these.", EXPERIMENT),
    P_TIME(trace_params, gap, "10min", "1us", "1000h",
           "Mean time between two requests of a program, over a week.", EXPERIMENT),
    P_INT(trace_params, reads, "67", "0", "100", "Percent of requests that read.",
          "Miller & Katz: reads to writes about 2 to 1 [from memory]"),
    P_INT(trace_params, repeats, "33", "0", "100", "Percent of reads that are repeats.",
          "Miller & Katz: a third of requests repeat within 8 h [from memory]"),
    P_TIME(trace_params, within, "8h", "1s", "1000h", "What they repeat is not older.", "the same"),
    P_INT(trace_params, never, "50", "0", "99", "Percent of files that nobody reads again.",
          "Miller & Katz: half of files are never read again [from memory]"),
    P_INT(trace_params, busy, "3", "1", "1000",
          "So many times as many reads in working hours as at other times.",
          "ASSUMED(periods of a day and a week, reads vary and writes do not: Miller & Katz; how "
          "much has no source)"),
    P_SIZE(trace_params, smallest, "14kB", "1B", "1GB", "The smallest file.",
           "ASSUMED(with 14 octaves a mean of 25 MB: NCAR, Miller & Katz; a median of 2 MB, NERSC "
           "2003 has 1 MB)"),
    P_INT(trace_params, octaves, "14", "1", "30", "Octaves of the sizes of files.", "the same"),
    P_END,
};

enum { M_READ, M_WRITE, M_FAILED, M_BYTES };
static const struct measure measures[] = {
    [M_READ] = { "trace.read", "s", "From a read's time until the file is there.",
                 MEASURE_COLUMN | MEASURE_HISTOGRAM | MEASURE_TOTAL },
    [M_WRITE] = { "trace.write", "s", "From a write's time until it is acknowledged.",
                  MEASURE_COLUMN | MEASURE_HISTOGRAM | MEASURE_TOTAL },
    [M_FAILED] = { "trace.failed", "1", "Requests that did not end well.", MEASURE_TOTAL },
    [M_BYTES] = { "trace.bytes", "B", "Of a request.", MEASURE_HISTOGRAM },
    { .name = NULL },
};

enum { RECENT = 4096, SPAN = 128 };
struct player {
    struct port *port;
    const struct trace_params *p;
    struct archive *archive;
    struct port_thread *thread;
    struct xk_map files; /* that it has written: number -> struct request */
    uint64_t asked, came, failed, written;
    uint32_t rank, ranks;
    bool wrong;
    sim_time start, next_read, next_write;
    struct tape_op recent[RECENT]; /* a ring */
};

struct request {
    struct archive_read read;
    struct archive_write write;
    struct player *x;
    struct tape_op op;
    struct request *of; /* a read of what was written: that */
    struct list link, waiting;
    bool stored, over;
    uint64_t span;
};

/* ---- files ---- */

static uint64_t mix(uint64_t n)
{
    n = (n ^ n >> 33) * UINT64_C(0xff51afd7ed558ccd);
    n = (n ^ n >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return n ^ n >> 33;
}

/* At most a volume. */
static uint64_t size_of(const struct player *x, uint64_t file)
{
    const struct trace_params *p = x->p;
    uint64_t h = mix(file * 2 + 1),
             least = (uint64_t)p->smallest << (h >> 32) % (uint64_t)p->octaves;
    uint64_t most = (uint64_t)p->blocks * archive_block(x->archive);
    uint64_t size = least + mix(h) % least;
    return size < most ? size : most;
}

static bool is_read(const struct trace_params *p, uint64_t file)
{
    return mix(file * 2) % 100 >= (uint64_t)p->never;
}

/* ---- what is next ---- */

static bool working(sim_time t)
{
    int64_t hour = t / (3600 * SIM_SEC) % 168;
    return hour < 120 && hour % 24 >= 8 && hour % 24 < 20;
}

/* Mean time between reads in working hours, of which a week has 60: elsewhere only one of `busy` of
 * those that are drawn is made. */
static sim_time next_read(const struct player *x, sim_time t)
{
    const struct trace_params *p = x->p;
    int64_t f = p->busy;
    sim_time gap = (sim_time)((double)p->gap * 100 / (double)p->reads * (double)(60 * f + 108) /
                              (double)(168 * f));
    do
        t = sim_time_add(t, io_exponential(x->port, gap));
    while (!working(t) && port_random_below(x->port, (uint64_t)f) != 0);
    return t / SIM_US * SIM_US;
}

static sim_time next_write(const struct player *x, sim_time t)
{
    double part = (double)(100 - x->p->reads) / 100;
    sim_time gap = (sim_time)((double)x->p->gap / part);
    return sim_time_add(t, io_exponential(x->port, gap)) / SIM_US * SIM_US;
}

/* One of the requests of the last `within`, or any file that is ever read. */
static struct tape_op draw_read(struct player *x, sim_time at)
{
    uint64_t n = x->asked < RECENT ? x->asked : RECENT, young = 0;
    struct tape_op o = { .at = at };
    while (young < n && at - x->recent[(x->asked - 1 - young) % RECENT].at <= x->p->within)
        young++;
    if (young > 0 && port_random_below(x->port, 100) < (uint64_t)x->p->repeats) {
        uint64_t k = port_random_below(x->port, young);
        o = x->recent[(x->asked - 1 - k) % RECENT];
        o.at = at;
        o.write = false;
        return o;
    }
    do
        o.file = port_random_below(x->port, (uint64_t)x->p->files);
    while (!is_read(x->p, o.file));
    o.bytes = size_of(x, o.file);
    return o;
}

static struct tape_op next_op(struct player *x)
{
    struct tape_op o;
    if (x->p->t != NULL)
        return x->p->t->ranks[x->rank].ops[x->asked];
    if (x->next_read <= x->next_write) {
        o = draw_read(x, x->next_read);
        x->next_read = next_read(x, x->next_read);
    } else {
        o = (struct tape_op){ .at = x->next_write, .write = true };
        o.file = (uint64_t)x->p->files + x->rank + x->written++ * x->ranks;
        o.bytes = size_of(x, o.file);
        x->next_write = next_write(x, x->next_write);
    }
    x->recent[x->asked % RECENT] = o;
    return o;
}

/* ---- requests ---- */

static void span_name(const struct request *q, char name[SPAN])
{
    (void)snprintf(name, SPAN, "%s %llu %llu rank %u at %lldps", q->op.write ? "write" : "read",
                   (unsigned long long)q->op.file, (unsigned long long)q->op.bytes, q->x->rank,
                   (long long)q->op.at);
}

static void over(struct request *q, enum hsm_status status)
{
    struct player *x = q->x;
    char name[SPAN];
    x->came++;
    if (status == HSM_OK) {
        port_measure(x->port, &measures[q->op.write ? M_WRITE : M_READ],
                     sim_time_seconds(port_now(x->port) - x->start - q->op.at));
        port_progress(x->port, sim_time_add(x->start, q->op.at), (double)q->op.bytes);
    } else {
        x->failed++;
        port_remark(x->port, "%s of file %llu: %s", q->op.write ? "write" : "read",
                    (unsigned long long)q->op.file, hsm_status_name(status));
    }
    if (port_trace_on(x->port)) {
        span_name(q, name);
        port_trace_end(x->port, "archive", name, q->span);
    }
    port_thread_wake(x->port, x->thread);
}

static void take(struct archive_read *r, uint64_t offset, struct rope *data)
{
    struct request *q = r->arg;
    struct player *x = q->x;
    port_delivered(x->port, data->length, 0);
    if (x->wrong)
        return;
    x->wrong = q->of == NULL
                   ? !tape_declared(x->port, x->archive, r->volume, r->first, offset, data)
                   : !tape_appended(x->port, r->volume, r->first, q->op.file, offset, data);
}

static void came(struct archive_read *r)
{
    struct request *q = r->arg;
    over(q, r->status);
    port_free(q->x->port, q);
}

static uint64_t blocks_of(const struct player *x, uint64_t bytes)
{
    uint64_t block = archive_block(x->archive);
    return (bytes + block - 1) / block;
}

static void ask(struct request *q, uint32_t volume, uint64_t first)
{
    q->read = (struct archive_read){ .volume = volume,
                                     .first = first,
                                     .count = blocks_of(q->x, q->op.bytes),
                                     .take = take,
                                     .done = came,
                                     .arg = q };
    archive_read(q->x->archive, &q->read);
}

/* A read of a file whose write has ended. */
static void read_written(struct request *q)
{
    if (q->of->stored) {
        ask(q, q->of->write.volume, q->of->write.first);
        return;
    }
    over(q, HSM_NO_BLOCK);
    port_free(q->x->port, q);
}

static void give(struct archive_write *w, uint64_t offset, uint64_t length, struct rope *out)
{
    rope_add_pattern(out, ((struct request *)w->arg)->op.file, offset, length);
}

static void stored(struct archive_write *w)
{
    struct request *q = w->arg;
    q->over = true;
    q->stored = w->status == HSM_OK;
    over(q, w->status);
    while (!list_empty(&q->waiting))
        read_written(LIST_ENTRY(list_pop(&q->waiting), struct request, link));
}

static void begin(struct player *x, struct tape_op op)
{
    struct request *q = port_alloc(x->port, sizeof *q);
    uint64_t count = blocks_of(x, op.bytes), blocks = (uint64_t)x->p->blocks;
    char name[SPAN];
    q->x = x;
    q->op = op;
    q->span = (uint64_t)x->rank << 40 | x->asked++;
    list_init(&q->waiting);
    port_measure(x->port, &measures[M_BYTES], (double)op.bytes);
    if (port_trace_on(x->port)) {
        span_name(q, name);
        port_trace_begin(x->port, "archive", name, q->span);
    }
    if (op.write) {
        xk_map_bind(&x->files, &q->op.file, q);
        q->write = (struct archive_write){ .count = count, .give = give, .done = stored, .arg = q };
        archive_write(x->archive, &q->write);
    } else if (op.file < (uint64_t)x->p->files) { /* where it lies is drawn by its number */
        uint64_t at = count < blocks ? mix(op.file + 7) % (blocks - count + 1) : 0;
        ask(q, (uint32_t)(op.file % (uint64_t)x->p->volumes), at);
    } else {
        q->of = xk_map_resolve(&x->files, &op.file);
        ASSERT(q->of != NULL);
        if (q->of->over)
            read_written(q);
        else
            list_push(&q->of->waiting, &q->link);
    }
}

static void program(struct os_node *node, const struct program *me)
{
    const struct trace_params *p = me->params;
    struct player *x = port_alloc(me->task, sizeof *x);
    uint64_t all = p->t != NULL ? p->t->ranks[me->rank].count : (uint64_t)p->requests;
    x->port = me->task;
    x->p = p;
    x->archive = os_find(node, &archive_service);
    x->thread = port_thread_self(me->task);
    x->rank = me->rank;
    x->ranks = me->ranks;
    x->start = port_now(me->task);
    x->next_read = p->reads > 0 ? next_read(x, 0) : SIM_NEVER;
    x->next_write = p->reads < 100 ? next_write(x, 0) : SIM_NEVER;
    xk_map_init(&x->files, me->task, sizeof(uint64_t));
    port_window(me->task, true, me->ranks);
    while (x->asked < all) {
        struct tape_op o = next_op(x);
        sim_time now = port_now(me->task) - x->start;
        if (o.at > now)
            port_thread_sleep(me->task, o.at - now);
        begin(x, o);
    }
    while (x->came < x->asked)
        port_thread_block(me->task, "the archive", x->asked - x->came);
    port_window(me->task, false, me->ranks);
    port_measure(me->task, &measures[M_FAILED], (double)x->failed);
}

static bool prepare(void *params, const struct input *files, size_t count, struct err *e)
{
    struct trace_params *p = params;
    p->t = NULL;
    if (count > 0)
        p->t = tape_trace_read(&files[0], (uint64_t)p->files, e);
    return count == 0 || p->t != NULL;
}

static void release(void *params)
{
    struct trace_params *p = params;
    tape_trace_free(p->t);
    p->t = NULL;
}

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    const struct trace_params *p = params;
    return p->t != NULL ? p->t->rank_count : workload_nodes(p->nodes, layout);
}

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct trace_params *p = params;
    return workload_nodes_check(p->t != NULL ? (int64_t)p->t->rank_count : p->nodes, layout, e);
}

static const struct os_service_ops *const services[] = { &archive_service, NULL };

extern const struct workload_ops workload_archive_trace;
const struct workload_ops workload_archive_trace = {
    .kind = { .name = "archive_trace",
              .doc = "Requests of an archive's users, drawn or from a trace.",
              .params = params_desc,
              .params_size = sizeof(struct trace_params) },
    .measures = measures,
    .prepare = prepare,
    .release = release,
    .check = check,
    .programs = programs,
    .services = services,
    .main = program,
};
