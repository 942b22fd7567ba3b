/* names.c: programs look up names of a tree that lies on many nodes, and some make and remove them.
 *
 * The tree has `subtrees` directories s0, s1 ... in its root, where a configuration may have the
 * domains of a name space (os/file/prefix.h).  Rank r's own directory lies `depth` below that of
 * r mod subtrees and has `files` files; in each subtree the directory `all` has as many, for
 * everybody.  A look-up opens a file and closes it.  A change makes the rank's name in a directory,
 * or removes it if it is there.
 */
#include <stdio.h>

#include "os/file/prefix.h"
#include "os/nx/nx.h"
#include "workloads/io/job.h"
#include "workloads/io/loop.h"
#include "workloads/workload.h"

struct params {
    struct io_loop_params loop;
    int64_t nodes, subtrees, depth, files;
    double shared, changes;
    int system;
};
static const struct param params_desc[] = {
    P_CHOICE_OF(params, system, "files", pio_systems, "The file system."),
    IO_LOOP_PARAMS,
    P_INT(params, nodes, "0", "0", NULL, "Compute nodes that take part; 0: all."),
    P_INT(params, subtrees, "4", "1", "10000", "Directories in the root."),
    P_INT(params, depth, "2", "1", "10", "Directories between a subtree and a rank's files."),
    P_INT(params, files, "4", "1", "10000", "Files of a directory at the bottom."),
    P_REAL(params, shared, "0", "0", "1",
           "Of the requests: as many are of the directories of all, in a subtree drawn."),
    P_REAL(params, changes, "0", "0", "1", "Of the requests: as many make or remove a name."),
    P_END,
};

enum { LATENCY, OUTSIDE };
static const struct measure measures[] = {
    [LATENCY] = { "names.latency", "s", "Time of a request of a program.",
                  MEASURE_HISTOGRAM | MEASURE_COLUMN | MEASURE_INSIDE },
    [OUTSIDE] = { "names.outside", "s", "Time between two requests.", MEASURE_OUTSIDE },
    { .name = NULL }
};
static const struct measure rate = { "names.requests", "1/s",
                                     "Requests of all programs a second, in the window.",
                                     MEASURE_COLUMN };
static const struct counter_ratio ratios[] = {
    { "names.calls",
      "Calls to servers for each path looked up.",
      prefix_counters,
      { "calls", "searches" },
      { "lookups", NULL },
      true },
    { .name = NULL },
};

static const struct os_service_ops *const *services_of(const void *params)
{
    return io_system(((const struct params *)params)->system)->services;
}

static uint32_t programs(const void *params, const struct os_layout *l)
{
    return workload_nodes(((const struct params *)params)->nodes, l);
}

static uint32_t files(const void *params, const struct os_layout *l)
{
    const struct params *p = params;
    uint32_t own = (uint32_t)(p->files + p->depth + 2), all = (uint32_t)(p->files + 3);
    return pio_file_count(io_system(p->system),
                          programs(params, l) * own + (uint32_t)p->subtrees * all);
}

static bool check(const void *params, const struct os_layout *l, struct err *e)
{
    const struct params *p = params;
    if (!workload_nodes_check(p->nodes, l, e))
        return false;
    const struct pio_plan plan = {
        .path = "workload",
        .can = PIO_CAN(PIO_MKDIR) | PIO_CAN(PIO_UNLINK) | PIO_CAN(PIO_AGREE),
        .traits = programs(params, l) > 1 ? PIO_SHARED : 0u,
        .unit = UINT64_C(64) << 10,
        .files = files(params, l),
        .ranks = programs(params, l),
    };
    return pio_check(io_system(p->system), l, &plan, e);
}

struct run {
    struct io_job j;
    const struct params *p;
    char own[160];   /* directory */
    bool there;      /* the rank's name in it, */
    uint8_t *in_all; /* and in that of all, by subtree */
};

static bool make_directory(const struct run *r, const char *name)
{
    struct pio_control c = { .what = PIO_MKDIR, .name = name };
    enum pio_status s = pio_control(r->j.sys, NULL, &c);
    return io_good(&r->j, s == PIO_EXISTS ? PIO_OK : s, "mkdir", name);
}

/* Opens it and closes it. */
static bool touch(const struct run *r, const char *name, unsigned flags, bool is_there)
{
    struct pio_file *f;
    const struct pio_open o = {
        .name = name, .flags = flags, .ranks = 1, .mode = PIO_PLAIN, .unit = UINT64_C(64) << 10
    };
    enum pio_status s = pio_open(r->j.sys, &o, &f);
    if (s == PIO_NO_FILE && !is_there)
        return true;
    if (s == PIO_OK && !is_there)
        port_fail(r->j.node->port, "rank %u: %s is there, which it has removed", r->j.rank, name);
    return io_good(&r->j, s, "open", name) && is_there &&
           io_good(&r->j, pio_close(f), "close", name);
}

static bool make_files(const struct run *r, const char *directory)
{
    char name[256];
    for (int64_t i = 0; i < r->p->files; i++) {
        (void)snprintf(name, sizeof name, "%s/f.%lld", directory, (long long)i);
        if (!touch(r, name, PIO_O_CREATE, true))
            return false;
    }
    return true;
}

/* Rank k makes subtree k, k + ranks ..., and after that each its own. */
static bool make_subtrees(const struct run *r)
{
    char name[256];
    for (int64_t k = r->j.rank; k < r->p->subtrees; k += r->j.ranks) {
        (void)snprintf(name, sizeof name, "s%lld", (long long)k);
        if (!make_directory(r, name))
            return false;
        (void)snprintf(name, sizeof name, "s%lld/all", (long long)k);
        if (!make_directory(r, name) || !make_files(r, name))
            return false;
    }
    return true;
}

static bool make_own(struct run *r)
{
    int at = snprintf(r->own, sizeof r->own, "s%u/c%u",
                      (unsigned)(r->j.rank % (uint64_t)r->p->subtrees), r->j.rank);
    for (int64_t i = 1; i < r->p->depth; i++) {
        if (!make_directory(r, r->own))
            return false;
        at += snprintf(r->own + at, sizeof r->own - (size_t)at, "/d%lld", (long long)i);
    }
    return make_directory(r, r->own) && make_files(r, r->own);
}

static bool change(const struct run *r, const char *name, bool *is_there)
{
    struct pio_control c = { .what = PIO_UNLINK, .name = name };
    bool fine = *is_there ? io_good(&r->j, pio_control(r->j.sys, NULL, &c), "unlink", name)
                          : touch(r, name, PIO_O_CREATE | PIO_O_EXCL, true);
    *is_there = !*is_there;
    return fine;
}

static bool request(void *self, uint64_t k)
{
    enum { GRAIN = 1 << 20 };
    struct run *r = self;
    struct port *p = r->j.node->port;
    char name[256], directory[192];
    (void)k;
    bool shared = (double)port_random_below(p, GRAIN) < r->p->shared * GRAIN;
    bool changes = (double)port_random_below(p, GRAIN) < r->p->changes * GRAIN;
    uint64_t subtree = port_random_below(p, (uint64_t)r->p->subtrees);
    uint64_t file = port_random_below(p, (uint64_t)r->p->files + 1);
    bool is_there = shared ? r->in_all[subtree] : r->there;
    (void)snprintf(directory, sizeof directory, "s%llu/all", (unsigned long long)subtree);
    if (changes || file == (uint64_t)r->p->files) /* the rank's name, there or not */
        (void)snprintf(name, sizeof name, "%s/t.%u", shared ? directory : r->own, r->j.rank);
    else
        (void)snprintf(name, sizeof name, "%s/f.%llu", shared ? directory : r->own,
                       (unsigned long long)file);
    port_pay(p);
    sim_time since = port_now(p);
    bool fine = changes
                    ? change(r, name, &is_there)
                    : touch(r, name, PIO_O_READ_ONLY, file != (uint64_t)r->p->files || is_there);
    if (shared)
        r->in_all[subtree] = is_there;
    else
        r->there = is_there;
    if (fine) {
        port_measure(p, &measures[LATENCY], sim_time_seconds(port_now(p) - since));
        port_progress(p, since, 1);
    }
    return fine;
}

static void program(struct os_node *node, const struct program *me)
{
    const struct params *p = me->params;
    struct run *r = port_alloc(node->port, sizeof *r);
    *r = (struct run){ .j = { .node = node,
                              .sys = pio_find(io_system(p->system), node),
                              .rank = me->rank,
                              .ranks = me->ranks },
                       .p = p };
    r->in_all = port_alloc(node->port, (size_t)p->subtrees);
    r->j.sys->user = io_user(&p->loop, me->rank);
    const struct io_loop l = { .port = node->port,
                               .p = &p->loop,
                               .ranks = me->ranks,
                               .work = true,
                               .self = r,
                               .request = request,
                               .inside = &measures[LATENCY],
                               .outside = &measures[OUTSIDE] };
    if (!io_agree(&r->j, "subtrees", make_subtrees(r)) || !io_agree(&r->j, "made", make_own(r)))
        return;
    (void)io_agree(&r->j, "ended", io_loop(&l));
}

extern const struct workload_ops workload_names;
const struct workload_ops workload_names = {
    .kind = { .name = "names",
              .doc = "Programs look up names of a tree on many nodes, and make and remove some.",
              .params = params_desc,
              .params_size = sizeof(struct params) },
    .measures = measures,
    .ratios = ratios,
    .rate = &rate,
    .check = check,
    .programs = programs,
    .files = files,
    .services_of = services_of,
    .main = program,
};
