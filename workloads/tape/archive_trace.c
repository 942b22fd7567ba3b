/* archive_trace.c: the requests of an archive's users: drawn (users.h), or read from a trace
 * (trace.h).  Where a file lies that the archive has from the start follows from its number.
 *
 * Every request is a span of the track "archive" in a trace of the run; scripts/archive-trace makes
 * a text of these, which gives the same run again.
 */
#include <stdio.h> /* snprintf alone */

#include "os/hsm/archive.h"
#include "os/xk/map.h"
#include "workloads/tape/data.h"
#include "workloads/tape/trace.h"
#include "workloads/tape/users.h"
#include "workloads/workload.h"

struct trace_params {
    struct users_params users; /* first */
    int64_t nodes, requests, volumes, blocks;
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
    P_INT(users_params, files, "100000", "1", "1000000000000",
          "Files that the archive has from the start, by number.", EXPERIMENT),
    P_INT(trace_params, volumes, "100", "1", "10000000", "Virtual volumes that have them.",
          EXPERIMENT),
    P_INT(trace_params, blocks, "1000", "1", "1000000000", "Blocks of each of these.", EXPERIMENT),
    P_TIME(users_params, gap, "10min", "1us", "1000h",
           "Mean time between two requests of a program, over a week.", EXPERIMENT),
    P_INT(users_params, reads, "67", "0", "100", "Percent of requests that read.",
          "Miller & Katz: reads to writes about 2 to 1 [from memory]"),
    P_INT(users_params, repeats, "33", "0", "100", "Percent of reads that are repeats.",
          "Miller & Katz: a third of requests repeat within 8 h [from memory]"),
    P_TIME(users_params, within, "8h", "1s", "1000h", "What they repeat is not older.", "the same"),
    P_INT(users_params, never, "50", "0", "99", "Percent of files that nobody reads again.",
          "Miller & Katz: half of files are never read again [from memory]"),
    P_INT(users_params, busy, "3", "1", "1000",
          "So many times as many reads in working hours as at other times.",
          "ASSUMED(periods of a day and a week, reads vary and writes do not: Miller & Katz; how "
          "much has no source)"),
    P_SIZE(users_params, smallest, "14kB", "1B", "1GB", "The smallest file.",
           "ASSUMED(with 14 octaves a mean of 25 MB: NCAR, Miller & Katz; a median of 2 MB, NERSC "
           "2003 has 1 MB)"),
    P_INT(users_params, octaves, "14", "1", "30", "Octaves of the sizes of files.", "the same"),
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

enum { SPAN = 128 };
struct player {
    struct port *port;
    const struct trace_params *p;
    struct archive *archive;
    struct port_thread *thread;
    struct xk_map files; /* that it has written: number -> struct request */
    struct user user;
    uint64_t asked, came, failed;
    uint32_t rank;
    bool wrong;
    sim_time start;
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
    } else if (op.file < (uint64_t)x->p->users.files) { /* where it lies is drawn by its number */
        uint64_t at = count < blocks ? user_hash(op.file + 7) % (blocks - count + 1) : 0;
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
    x->start = port_now(me->task);
    user_begin(&x->user, me->task, &p->users, (uint64_t)p->blocks * archive_block(x->archive),
               me->rank, me->ranks);
    xk_map_init(&x->files, me->task, sizeof(uint64_t));
    port_window(me->task, true, me->ranks);
    while (x->asked < all) {
        struct tape_op o = p->t != NULL ? p->t->ranks[me->rank].ops[x->asked] : user_next(&x->user);
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
        p->t = tape_trace_read(&files[0], (uint64_t)p->users.files, e);
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
