/* metadata.c: a storm of small files, after mdtest: every rank makes, reads, lists, removes them.
 *
 * All ranks go from one phase to the next together.  Requests are those of the loop of all programs
 * (workloads/io/loop.h): `requests` files of each rank, made, looked at, listed and removed, are
 * one piece of work.
 */
#include <stdio.h>

#include "os/nx/nx.h"
#include "workloads/io/job.h"
#include "workloads/io/loop.h"
#include "workloads/workload.h"

enum phase { CREATE, STAT, LIST, REMOVE, PHASES };
enum directory { OWN, SHARED };

struct params {
    struct io_loop_params loop;
    int64_t nodes, bytes, unit, factor, retries;
    sim_time retry_delay;
    int system, directory;
    bool protect;
};

static const char *const directories[] = { "own", "shared", NULL };

static const struct param params_desc[] = {
    IO_SYSTEM_PARAM(params),
    IO_LOOP_PARAMS,
    P_INT(params, nodes, "0", "0", NULL, "Compute nodes that take part; 0: all."),
    P_CHOICE(params, directory, "own", directories,
             "A directory for each rank, or one for the files of all."),
    P_SIZE(params, bytes, "0B", "0B", "1GiB",
           "What is written to each file as it is made, and read as it is looked at."),
    P_BOOL(
        params, protect, "false",
        "Who has made a file takes all rights but to read it from the others (chmod), and whoever "
        "looks at it checks that."),
    IO_UNIT_PARAM(params),
    P_INT(params, factor, "1", "0", "256", "Stripe factor of the files; 0: all I/O nodes.",
          "ASSUMED(small files want one; a mount of Intel's gives all)"),
    P_INT(params, retries, "0", "0", "1000000",
          "How often an operation is made again that finds a server down, or one that has "
          "restarted since."),
    P_TIME(params, retry_delay, "100ms", "1us", "1h", "Pause before that."),
    P_END,
};

enum { LATENCY, OUTSIDE, OPERATION, RATE = OPERATION + PHASES };
static const struct measure measures[] = {
    [LATENCY] = { "meta.latency", "s", "Time of an operation.",
                  MEASURE_HISTOGRAM | MEASURE_INSIDE },
    [OUTSIDE] = { "meta.outside", "s", "Time between two, meetings of all ranks included.",
                  MEASURE_OUTSIDE },
    [OPERATION + CREATE] = { "meta.create", "s", "Time to make a file, write and close it.", 0 },
    [OPERATION + STAT] = { "meta.stat", "s", "Time to ask for its size, and to read it.", 0 },
    [OPERATION + LIST] = { "meta.list", "s", "Time to list a directory.", MEASURE_COLUMN },
    [OPERATION + REMOVE] = { "meta.remove", "s", "Time to remove a file.", 0 },
    [RATE +
        CREATE] = { "meta.creates", "1/s", "Files that all ranks make a second.", MEASURE_COLUMN },
    [RATE + STAT] = { "meta.stats", "1/s", "Files that they look at a second.", MEASURE_COLUMN },
    [RATE + LIST] = { "meta.lists", "1/s", "Directories that they list a second.", 0 },
    [RATE + REMOVE] = { "meta.removes", "1/s", "Files that they remove a second.",
                        MEASURE_COLUMN | MEASURE_TOTAL },
    { .name = NULL }
};
static const struct measure rate = { "meta.operations", "1/s",
                                     "Operations of all ranks a second, in the window.",
                                     MEASURE_COLUMN };

static const struct os_service_ops *const *services_of(const void *params)
{
    return io_system(((const struct params *)params)->system)->services;
}

static uint32_t programs(const void *params, const struct os_layout *l)
{
    const struct params *p = params;
    return workload_nodes(p->nodes, l);
}

static uint32_t files(const void *params, const struct os_layout *l)
{
    const struct params *p = params;
    return pio_file_count(io_system(p->system),
                          programs(params, l) * ((uint32_t)p->loop.requests + 1));
}

static bool check(const void *params, const struct os_layout *l, struct err *e)
{
    const struct params *p = params;
    if (!workload_nodes_check(p->nodes, l, e))
        return false;
    if ((uint64_t)p->loop.requests * programs(params, l) > UINT32_MAX / 2)
        return err_set(e, "workload.requests: %lld files of %u programs are too many",
                       (long long)p->loop.requests, programs(params, l));
    if (p->retries > 0 && os_service_params(l, &nx_service) == NULL)
        return err_set(e, "workload.retries: programs then meet by NX, which no node boots");
    const struct pio_plan plan = {
        .path = "workload",
        .can = PIO_CAN(PIO_STAT) | PIO_CAN(PIO_LIST) | PIO_CAN(PIO_MKDIR) | PIO_CAN(PIO_RMDIR) |
               PIO_CAN(PIO_UNLINK) | PIO_CAN(PIO_AGREE) | (p->protect ? PIO_CAN(PIO_CHMOD) : 0),
        .traits = p->directory == SHARED && programs(params, l) > 1 ? PIO_SHARED : 0u,
        .unit = (uint64_t)p->unit,
        .factor = (uint32_t)p->factor,
        .files = files(params, l),
        .ranks = programs(params, l),
        .size = (uint64_t)p->bytes,
    };
    return pio_check(io_system(p->system), l, &plan, e);
}

struct run {
    struct io_job j;
    struct io_patience patience; /* of the request */
    bool repeats;                /* it may be done already */
    const struct params *p;
    uint64_t n;     /* files of a rank */
    sim_time began; /* the phase */
    char directory[32];
    uint8_t *seen;      /* a bit a name, while listing */
    uint64_t names, at; /* at: the request */
    bool failed;
    bool strange; /* a name that is nobody's, or twice there */
};

static enum phase phase_of(const struct run *r, uint64_t k, uint64_t *nth)
{
    *nth = k;
    if (k < 2 * r->n) {
        *nth = k % r->n;
        return k < r->n ? CREATE : STAT;
    }
    *nth = k - 2 * r->n - 1;
    return k == 2 * r->n ? LIST : REMOVE;
}

static void file_of(const struct run *r, uint64_t k, struct io_target *t)
{
    (void)snprintf(t->name, sizeof t->name, "%s/f.%u.%llu", r->directory, r->j.rank,
                   (unsigned long long)k);
    t->seed = UINT64_C(0x6d65746164617461) + k * r->j.ranks + r->j.rank;
}

static void begin(struct run *r)
{
    r->patience = (struct io_patience){ .left = (uint32_t)r->p->retries };
    r->repeats = false;
}

/* An operation that has failed is to be made again, after a pause. (blocks) */
static bool again(struct run *r)
{
    r->repeats = io_again(&r->j, r->p->retry_delay);
    return r->repeats;
}

static bool control(const struct run *r, enum pio_ctl what, const char *name, const char *doing)
{
    struct pio_control c = {
        .what = what, .name = name, .unit = (uint64_t)r->p->unit, .factor = (uint32_t)r->p->factor
    };
    enum pio_status s = pio_control(r->j.sys, NULL, &c);
    if (r->repeats && (s == PIO_NO_FILE || s == PIO_EXISTS))
        s = PIO_OK;
    return io_good(&r->j, s, doing, name);
}

/* Opens, moves the bytes, closes. */
static bool with_file(const struct run *r, struct io_target *t, unsigned flags, enum pio_op op)
{
    const struct pio_open o = { .name = t->name,
                                .flags = flags,
                                .ranks = 1,
                                .mode = PIO_PLAIN,
                                .unit = (uint64_t)r->p->unit,
                                .factor = (uint32_t)r->p->factor };
    const struct file_run all = { .len = (uint64_t)r->p->bytes, .count = 1 };
    struct pio_split sum = { .latency = 0 };
    if (!io_good(&r->j, pio_open(r->j.sys, &o, &t->f), "open", t->name))
        return false;
    bool fine = all.len == 0 || io_transfer(&r->j, t, op, &all, 1, &sum);
    if (op == PIO_WRITE && all.len > 0 && r->p->loop.sync != IO_SYNC_NONE)
        fine = fine && io_good(&r->j, pio_flush(t->f), "flush", t->name);
    return io_good(&r->j, pio_close(t->f), "close", t->name) && fine;
}

enum { PROTECTED = 0644 };

static bool protect(const struct run *r, const char *name)
{
    struct pio_control c = { .what = PIO_CHMOD,
                             .name = name,
                             .unit = (uint64_t)r->p->unit,
                             .factor = (uint32_t)r->p->factor,
                             .stat = { .rights = r->j.sys->user } };
    c.stat.rights.mode = PROTECTED;
    return io_good(&r->j, pio_control(r->j.sys, NULL, &c), "chmod", name);
}

static bool look_at(const struct run *r, struct io_target *t)
{
    struct pio_control c = { .what = PIO_STAT,
                             .name = t->name,
                             .unit = (uint64_t)r->p->unit,
                             .factor = (uint32_t)r->p->factor };
    if (!io_good(&r->j, pio_control(r->j.sys, NULL, &c), "stat", t->name))
        return false;
    if (r->p->protect && c.stat.rights.mode != PROTECTED) {
        port_fail(r->j.node->port, "rank %u: %s has mode 0%o, not 0%o", r->j.rank, t->name,
                  (unsigned)c.stat.rights.mode, (unsigned)PROTECTED);
        return false;
    }
    if (c.stat.directory || c.stat.size != (uint64_t)r->p->bytes) {
        port_fail(r->j.node->port, "rank %u: %s has %llu bytes, written were %lld", r->j.rank,
                  t->name, (unsigned long long)c.stat.size, (long long)r->p->bytes);
        return false;
    }
    return r->p->bytes == 0 || with_file(r, t, PIO_O_READ_ONLY, PIO_READ);
}

static void found(void *arg, const char *name, bool directory)
{
    struct run *r = arg;
    unsigned rank;
    unsigned long long k;
    r->names++;
    bool ours = sscanf(name, "f.%u.%llu", &rank, &k) == 2 && !directory && rank < r->j.ranks &&
                k < r->n && (r->p->directory == SHARED || rank == r->j.rank);
    uint64_t bit = ours ? rank * r->n + k : 0;
    if (!ours || r->seen[bit / 8] >> bit % 8 & 1)
        r->strange = true;
    else
        r->seen[bit / 8] |= (uint8_t)(1u << bit % 8);
}

/* What stands in the directory must be what is there. */
static bool list(struct run *r, uint64_t want)
{
    struct port *p = r->j.node->port;
    struct pio_control c = { .what = PIO_LIST,
                             .name = r->directory,
                             .unit = (uint64_t)r->p->unit,
                             .factor = (uint32_t)r->p->factor,
                             .entry = found,
                             .arg = r };
    r->names = 0;
    r->strange = false;
    r->seen = port_alloc(p, r->n * r->j.ranks / 8 + 1);
    bool fine = io_good(&r->j, pio_control(r->j.sys, NULL, &c), "list", r->directory);
    port_free(p, r->seen);
    if (fine && (r->names != want || r->strange))
        port_fail(p, "rank %u: %s lists %llu names%s, made were %llu", r->j.rank, r->directory,
                  (unsigned long long)r->names, r->strange ? ", wrong ones" : "",
                  (unsigned long long)want);
    return fine && r->names == want && !r->strange;
}

static bool once(struct run *r, uint64_t k)
{
    struct io_target t = { .f = NULL };
    uint64_t nth;
    enum phase phase = phase_of(r, k, &nth);
    file_of(r, nth, &t);
    if (phase == CREATE)
        return with_file(r, &t, PIO_O_CREATE | (r->repeats ? 0 : PIO_O_EXCL), PIO_WRITE) &&
               (!r->p->protect || protect(r, t.name));
    if (phase == STAT)
        return look_at(r, &t);
    if (phase == LIST)
        return list(r, r->p->directory == SHARED ? r->n * r->j.ranks : r->n);
    return control(r, PIO_UNLINK, t.name, "unlink");
}

static bool request(void *self, uint64_t k)
{
    struct run *r = self;
    struct port *p = r->j.node->port;
    uint64_t nth;
    enum phase phase = phase_of(r, k, &nth);
    sim_time since = port_now(p);
    r->at = k;
    begin(r);
    do
        r->failed = !once(r, k);
    while (r->failed && again(r));
    if (r->failed)
        return false;
    double took = sim_time_seconds(port_now(p) - since);
    port_measure(p, &measures[LATENCY], took);
    port_measure(p, &measures[OPERATION + phase], took);
    port_progress(p, since, 1);
    return true;
}

static bool meet(struct run *r, uint64_t k, bool fine)
{
    uint64_t nth;
    char tag[32];
    (void)snprintf(tag, sizeof tag, "phase.%d", (int)phase_of(r, k, &nth));
    return io_agree(&r->j, tag, fine);
}

/* Where a phase begins all meet; the one before has ended for all. */
static bool between(void *self, uint64_t k)
{
    struct run *r = self;
    uint64_t nth;
    enum phase before = phase_of(r, k - 1, &nth);
    if (phase_of(r, k, &nth) == before)
        return true;
    if (!meet(r, k, true))
        return false;
    struct port *p = r->j.node->port;
    double n = (double)(before == LIST ? 1 : r->n) * r->j.ranks;
    if (r->j.rank == 0)
        port_measure(p, &measures[RATE + before], n / sim_time_seconds(port_now(p) - r->began));
    r->began = port_now(p);
    return true;
}

static bool make_directory(struct run *r)
{
    bool mine = r->p->directory == OWN;
    (void)snprintf(r->directory, sizeof r->directory, mine ? "d.%u" : "d", r->j.rank);
    bool fine = !mine && r->j.rank > 0;
    begin(r);
    do
        fine = fine || control(r, PIO_MKDIR, r->directory, "mkdir");
    while (!fine && again(r));
    return io_agree(&r->j, "made", fine);
}

static void program(struct os_node *node, const struct program *me)
{
    const struct params *p = me->params;
    struct run r = { .j = { .node = node,
                            .sys = pio_find(io_system(p->system), node),
                            .rank = me->rank,
                            .ranks = me->ranks,
                            .verify = true,
                            .meets_by_nx = p->retries > 0 },
                     .p = p,
                     .n = (uint64_t)p->loop.requests };
    r.j.patience = &r.patience;
    r.j.sys->user = io_user(&p->loop, me->rank);
    const struct io_loop l = { .port = node->port,
                               .p = &p->loop,
                               .ranks = me->ranks,
                               .count = 3 * r.n + 1,
                               .work = true,
                               .writes = true,
                               .self = &r,
                               .request = request,
                               .between = between,
                               .inside = &measures[LATENCY],
                               .outside = &measures[OUTSIDE] };
    if (!make_directory(&r))
        return;
    if (p->bytes > 0 && me->rank == 0)
        io_loop_remarks(&l);
    r.began = port_now(node->port);
    bool fine = io_loop(&l);
    sim_time ended = port_now(node->port) - r.began;
    r.patience.left = 0;
    if (r.failed && r.at <= 2 * r.n) /* the others wait where the next phase begins */
        (void)meet(&r, r.at < 2 * r.n ? (r.at / r.n + 1) * r.n : r.at + 1, false);
    if (!io_agree(&r.j, "ended", fine))
        return;
    if (r.j.rank == 0)
        port_measure(node->port, &measures[RATE + REMOVE],
                     (double)(r.n * r.j.ranks) / sim_time_seconds(ended));
    if ((p->directory == OWN || r.j.rank == 0) && list(&r, 0))
        (void)control(&r, PIO_RMDIR, r.directory, "rmdir");
}

extern const struct workload_ops workload_metadata;
const struct workload_ops workload_metadata = {
    .kind = { .name = "metadata",
              .doc = "Programs make, look at, list and remove many small files.",
              .params = params_desc,
              .params_size = sizeof(struct params) },
    .measures = measures,
    .rate = &rate,
    .check = check,
    .programs = programs,
    .files = files,
    .services_of = services_of,
    .main = program,
};
