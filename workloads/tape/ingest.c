/* ingest.c: programs bring data into the archive, and read back what was acknowledged.
 *
 * Each program appends `appends` pieces of `size` blocks, at most `window` at once; what it appends
 * comes from a source of `rate`, that stops while nobody takes what it has made.  An append that
 * fails is asked for anew, `tries` times in all; so is a read.  When all have ended the window
 * closes; then what was acknowledged is read and compared, byte for byte.
 */
#include "os/hsm/archive.h"
#include "workloads/io/loop.h"
#include "workloads/tape/data.h"
#include "workloads/workload.h"

struct ingest_params {
    int64_t nodes, appends, size, window, rate, buffer, tries;
    sim_time retry;
    bool verify;
};

static const struct param ingest_params[] = {
    P_INT(ingest_params, nodes, "0", "0", "60000", "Compute nodes that take part; 0: all.",
          "ASSUMED(the experiment's choice)"),
    P_INT(ingest_params, appends, "10", "1", "100000000", "Appends of each of them.",
          "ASSUMED(the experiment's choice)"),
    P_INT(ingest_params, size, "64", "1", "1000000000", "Blocks of an append.",
          "ASSUMED(the experiment's choice)"),
    P_INT(ingest_params, window, "2", "1", "100000",
          "Appends that a program has under way at once.", "ASSUMED(the next is ready)"),
    P_RATE(ingest_params, rate, "0", "0", "100GB/s",
           "At which the source of a program gives its data, from when the first byte is taken; 0: "
           "all are there.",
           "ASSUMED(the experiment's choice)"),
    P_SIZE(ingest_params, buffer, "0", "0", "1TiB",
           "What the source makes ahead while nobody takes it; then it stops.",
           "ASSUMED(the experiment's choice)"),
    P_INT(ingest_params, tries, "1", "1", "1000000",
          "Times that an append, or a read, is asked for in all, if it fails.",
          "ASSUMED(the experiment's choice)"),
    P_TIME(ingest_params, retry, "1s", "1us", "1000h", "From a failure to the next try.",
           "ASSUMED(the experiment's choice)"),
    P_BOOL(ingest_params, verify, "true", "What was acknowledged is read and compared.",
           "ASSUMED(the experiment's choice)"),
    P_END,
};

enum { M_TIME, M_STREAM, M_APPEND, M_READ, M_FAILED, M_AGAIN, M_UNREAD };
static const struct measure measures[] = {
    [M_TIME] = { "ingest.time", "s", "From the start of a program until all is acknowledged.",
                 MEASURE_COLUMN | MEASURE_TOTAL },
    [M_STREAM] = { "ingest.stream", "B/s",
                   "Rate of a program from when its first byte was taken until all is "
                   "acknowledged.",
                   MEASURE_COLUMN },
    [M_APPEND] = { "ingest.append", "s", "From the request for an append until it is acknowledged.",
                   MEASURE_COLUMN | MEASURE_HISTOGRAM | MEASURE_TOTAL },
    [M_READ] = { "ingest.read", "s", "From the request to read an append back until it is there.",
                 MEASURE_HISTOGRAM | MEASURE_TOTAL },
    [M_FAILED] = { "ingest.failed", "1", "Appends that were not acknowledged at any try.",
                   MEASURE_TOTAL },
    [M_AGAIN] = { "ingest.again", "1", "Appends and reads that were asked for once more.",
                  MEASURE_TOTAL },
    [M_UNREAD] = { "ingest.unread", "1", "Acknowledged appends that could not be read.",
                   MEASURE_TOTAL },
    { .name = NULL },
};
static const struct measure rate = { "ingest.rate", "B/s",
                                     "Bytes acknowledged a second, in the window.",
                                     MEASURE_COLUMN };

/* An append, and then the same read. */
struct piece {
    struct archive_write write;
    struct archive_read read;
    struct ingest *owner;
    struct port_timer again;
    uint64_t number, tries;
    sim_time since;
    bool kept; /* it was acknowledged */
};

struct ingest {
    struct port *port;
    const struct ingest_params *p;
    struct archive *archive;
    struct port_thread *thread;
    struct piece *pieces; /* of each append */
    uint64_t under_way, failed, unread, retries, kept;
    uint32_t rank;
    sim_time start, first; /* first: when its first byte was taken */
    sim_time made;
    bool began, wrong;
};

static uint64_t seed_of(const struct piece *x)
{
    return UINT64_C(0x696e676573740000) + ((uint64_t)x->owner->rank << 32) + x->number;
}

/* It has ended for good. */
static void over(struct piece *x)
{
    x->owner->under_way--;
    port_thread_wake(x->owner->port, x->owner->thread);
}

/* It will be tried once more. */
static bool once_more(struct piece *x)
{
    if (x->tries == (uint64_t)x->owner->p->tries)
        return false;
    x->owner->retries++;
    port_timer_set(&x->again, x->owner->p->retry);
    return true;
}

/* ---- appends ---- */

static void begins(struct ingest *g)
{
    if (!g->began)
        g->first = g->made = port_now(g->port);
    g->began = true;
}

static void give(struct archive_write *w, uint64_t offset, uint64_t length, struct rope *out)
{
    const struct piece *x = w->arg;
    begins(x->owner);
    rope_add_pattern(out, seed_of(x), offset, length);
}

/* The source has made, and nobody has taken, what it makes from `made` until now, as far as its
 * buffer has room. */
static sim_time when(struct archive_write *w, uint64_t offset, uint64_t length)
{
    struct ingest *g = ((struct piece *)w->arg)->owner;
    sim_time now = port_now(g->port);
    (void)offset;
    begins(g);
    g->made = sim_time_max(g->made, now - sim_time_of_bytes(g->p->buffer, g->p->rate));
    g->made = sim_time_add(g->made, sim_time_of_bytes((int64_t)length, g->p->rate));
    return g->made;
}

static void acknowledged(struct archive_write *w)
{
    struct piece *x = w->arg;
    struct ingest *g = x->owner;
    if (w->status == HSM_OK) {
        x->kept = true;
        g->kept++;
        port_measure(g->port, &measures[M_APPEND], sim_time_seconds(port_now(g->port) - x->since));
        port_progress(g->port, x->since, (double)(w->count * archive_block(g->archive)));
        over(x);
    } else if (!once_more(x)) {
        g->failed++;
        port_remark(g->port, "append %llu of rank %u: %s", (unsigned long long)x->number, g->rank,
                    hsm_status_name(w->status));
        over(x);
    }
}

static void append(struct piece *x)
{
    struct ingest *g = x->owner;
    x->tries++;
    x->write = (struct archive_write){ .count = (uint64_t)g->p->size,
                                       .give = give,
                                       .when = g->p->rate > 0 ? when : NULL,
                                       .done = acknowledged,
                                       .arg = x };
    archive_write(g->archive, &x->write);
}

/* ---- reads ---- */

static void take(struct archive_read *r, uint64_t offset, struct rope *data)
{
    struct piece *x = r->arg;
    struct ingest *g = x->owner;
    port_delivered(g->port, data->length, 0);
    if (!g->wrong)
        g->wrong = !tape_appended(g->port, r->volume, r->first, seed_of(x), offset, data);
}

static void came(struct archive_read *r)
{
    struct piece *x = r->arg;
    struct ingest *g = x->owner;
    if (r->status == HSM_OK) {
        port_measure(g->port, &measures[M_READ], sim_time_seconds(port_now(g->port) - x->since));
        over(x);
    } else if (r->status == HSM_NO_BLOCK) {
        g->unread++;
        port_fail(g->port,
                  "append %llu of rank %u was acknowledged at block %llu of volume %u, "
                  "and is not there",
                  (unsigned long long)x->number, g->rank, (unsigned long long)r->first, r->volume);
        over(x);
    } else if (!once_more(x)) {
        g->unread++;
        port_remark(g->port, "append %llu of rank %u, at block %llu of volume %u: %s",
                    (unsigned long long)x->number, g->rank, (unsigned long long)r->first, r->volume,
                    hsm_status_name(r->status));
        over(x);
    }
}

static void read_back(struct piece *x)
{
    x->tries++;
    x->read = (struct archive_read){ .volume = x->write.volume,
                                     .first = x->write.first,
                                     .count = x->write.count,
                                     .take = take,
                                     .done = came,
                                     .arg = x };
    archive_read(x->owner->archive, &x->read);
}

/* ---- the program ---- */

static void try_again(struct port_timer *t)
{
    struct piece *x = t->arg;
    if (x->kept)
        read_back(x);
    else
        append(x);
}

static void wait_for(struct ingest *g, uint64_t under_way)
{
    while (g->under_way > under_way)
        port_thread_block(g->port, "the archive", g->under_way);
}

static void begin(struct piece *x, void (*what)(struct piece *x))
{
    struct ingest *g = x->owner;
    wait_for(g, (uint64_t)g->p->window - 1);
    x->tries = 0;
    x->since = port_now(g->port);
    g->under_way++;
    what(x);
}

static void program(struct os_node *node, const struct program *me)
{
    const struct ingest_params *p = me->params;
    struct ingest g = { .port = me->task, .p = p, .rank = me->rank };
    uint64_t n = (uint64_t)p->appends;
    g.archive = os_find(node, &archive_service);
    g.thread = port_thread_self(me->task);
    g.start = port_now(me->task);
    g.pieces = port_alloc(me->task, n * sizeof *g.pieces);
    for (uint64_t k = 0; k < n; k++) {
        g.pieces[k].owner = &g;
        g.pieces[k].number = k;
        port_timer_init(me->task, &g.pieces[k].again, try_again, &g.pieces[k]);
    }
    port_window(me->task, true, me->ranks);
    for (uint64_t k = 0; k < n; k++)
        begin(&g.pieces[k], append);
    wait_for(&g, 0);
    port_window(me->task, false, me->ranks);
    port_measure(me->task, &measures[M_TIME], sim_time_seconds(port_now(me->task) - g.start));
    if (g.kept > 0)
        port_measure(me->task, &measures[M_STREAM],
                     (double)(g.kept * (uint64_t)p->size * archive_block(g.archive)) /
                         sim_time_seconds(port_now(me->task) - g.first));
    for (uint64_t k = 0; k < n && p->verify; k++)
        if (g.pieces[k].kept)
            begin(&g.pieces[k], read_back);
    wait_for(&g, 0);
    port_measure(me->task, &measures[M_FAILED], (double)g.failed);
    port_measure(me->task, &measures[M_AGAIN], (double)g.retries);
    port_measure(me->task, &measures[M_UNREAD], (double)g.unread);
}

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    return workload_nodes_check(((const struct ingest_params *)params)->nodes, layout, e);
}

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    return workload_nodes(((const struct ingest_params *)params)->nodes, layout);
}

static const struct os_service_ops *const services[] = { &archive_service, NULL };

extern const struct workload_ops workload_ingest;
const struct workload_ops workload_ingest = {
    .kind = { .name = "ingest",
              .doc = "Programs that append to an archive on tapes, and read back what they have "
                     "appended.",
              .params = ingest_params,
              .params_size = sizeof(struct ingest_params) },
    .measures = measures,
    .rate = &rate,
    .check = check,
    .programs = programs,
    .services = services,
    .main = program,
};
