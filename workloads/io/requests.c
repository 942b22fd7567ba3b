/* requests.c: programs that read or write files in a closed loop, and check every byte.
 *
 * The files are those of any system of os/pio.  The loop is that of workloads/io/loop.h: window,
 * flush, think times.  Where the mode leaves the offset to the program, `access` chooses it
 * (workloads/io/pattern.h).  The file's byte o is byte
 * o of a pattern that hangs on the file alone, so that whoever reads knows what is right.  A file
 * that is read is filled by the file system itself beforehand.  The workload `pfs` is the same
 * under the names that its figures have had.
 */
#include <stdio.h>

#include "workloads/io/job.h"
#include "workloads/io/loop.h"
#include "workloads/io/pattern.h"
#include "workloads/workload.h"

enum op { OP_READ, OP_WRITE };
enum file { SHARED, OWN };
enum cache { COLD, WARM };

struct params {
    struct io_loop_params loop;
    int op, system, access, file, cache, method, caching, hint;
    const char *mode;
    struct coll_params collective;
    struct file_cache_params client_cache;
    int64_t size, nodes, unit, factor, span, shift, guests, ghost, zeros, depth, most;
    bool verify, readback, preallocate, work, view;
    struct io_shape shape;
};

static const char *const op_names[] = { "read", "write", NULL };
static const char *const file_names[] = { "shared", "own", NULL };

static const char *const cache_names[] = { "cold", "warm", NULL };
static const char *const caching_names[] = { "none", "weak", NULL };
static const char *const hint_names[] = {
    "normal", "sequential", "random", "will_need", "mru", NULL
};
static const enum pio_hint hints[] = { PIO_HINT_NORMAL, PIO_HINT_SEQUENTIAL, PIO_HINT_RANDOM,
                                       PIO_HINT_WILL_NEED, PIO_HINT_MRU };

static const struct param params_desc[] = {
    P_CHOICE(params, op, "read", op_names, "What the programs do.",
             "ASSUMED(a choice of the experiment)"),
    IO_SYSTEM_PARAM(params),
    P_STRING(params, mode, "",
             "I/O mode of the file, of those of the system; empty: the one without coordination "
             "(pfs: M_ASYNC).",
             "ASSUMED(the mode without coordination is the one to begin with)"),
    P_CHOICE_OF(params, access, "interleaved", io_patterns,
                "Which bytes a rank touches, in a mode where programs choose their offsets.",
                "Nitzberg: broadcast, partitioned, interleaved"),
    P_TABLE(params, shape, io_shape_params, "Numbers of the access pattern."),
    P_CHOICE_OF(
        params, method, "list", coll_methods,
        "How the ranks' requests go to the file system; other than list and pieces: all ranks "
        "make each request together."),
    P_TABLE(params, collective, coll_params_desc, "What collective methods may use.",
            "see its parameters"),
    P_CHOICE(params, file, "shared", file_names, "One file for all ranks, or one for each.",
             "ASSUMED(a choice of the experiment)"),
    P_SIZE(params, size, "64KiB", "1B", "1GiB", "Bytes of a request.", "ASSUMED(one stripe unit)"),
    IO_LOOP_PARAMS,
    P_INT(params, nodes, "0", "0", NULL, "Compute nodes that take part; 0: all.",
          "ASSUMED(a choice of the experiment)"),
    IO_UNIT_PARAM(params),
    P_INT(params, factor, "0", "0", "4096",
          "Stripe factor: how many I/O nodes a file is spread over; 0: all.",
          "Intel PFS: a mount spreads files over all its stripe directories; as recalled"),
    P_CHOICE(params, cache, "cold", cache_names,
             "What the buffers of the I/O nodes have of a file when it is read: nothing, or what "
             "was written last as it was filled (machine.os.pfs_server.lfs.buffered).",
             "ASSUMED(a file that was written long before)"),
    P_INT(params, span, "0", "0", "10000000",
          "Requests of a rank after which it begins again at the front of its part, so that a long "
          "run needs no large file; in a mode where programs choose their offsets; 0: never.",
          "ASSUMED(a choice of the experiment)"),
    P_BOOL(params, work, "false",
           "A piece of work, whose time is asked for: the window closes as the last program ends, "
           "not the first."),
    P_BOOL(params, view, "false",
           "Each rank sees its part of an array as a subfile, so that a request is one piece: "
           "PIO_VIEW, of files with a unit that is a record and a factor that is a row of them."),
    P_SIZE(
        params, ghost, "0", "0", "1MiB",
        "Bytes of a rank's memory behind each piece of a request that no request touches, as the "
        "ghost cells of an array: the file system takes pieces from there and puts them there; "
        "0: a request's bytes are one piece of memory.",
        "SIO low-level interface: lists of strided segments of memory, too"),
    P_INT(params, zeros, "0", "0", "63",
          "Of each 64 bytes of a file so many are zero, the last: the more, the better they can be "
          "compressed.",
          "ASSUMED(data that nothing compresses)"),
    P_INT(params, depth, "1", "1", "256",
          "Requests of `size` bytes that a program makes at once; it goes on when all have ended: "
          "the loop counts and times them as one.",
          "SIO low-level interface: asynchronous forms"),
    P_INT(params, most, "0", "0", "256",
          "Requests of a program that the file system has at once; the library keeps the others, "
          "in order, and drops them when one has failed; 0: all.",
          "ASSUMED(a choice of the experiment)"),
    P_CHOICE(params, caching, "none", caching_names,
             "weak: each rank keeps blocks of its file (client_cache); what it writes others see "
             "once it has gone out, at the latest by `sync`.",
             "SIO low-level interface: caching modes"),
    P_TABLE(params, client_cache, file_cache_params, "What a rank keeps.", "see its parameters"),
    P_CHOICE(params, hint, "normal", hint_names,
             "What a rank tells of its reads: sequential, random, or, before each, the runs of "
             "the next (will_need); that what it used last may go first (mru).",
             "SIO low-level interface: hints; [Cao, Felten & Li 1994]"),
    P_BOOL(params, verify, "true", "Compare every byte that is read with what was written.",
           "ASSUMED(a wrong byte fails the run)"),
    P_BOOL(params, readback, "false",
           "After writing, read the own bytes again and compare them, outside the window.",
           "ASSUMED(a choice of the experiment)"),
    P_INT(params, shift, "0", "0", "1000000",
          "readback: read what the rank so far behind has written, in place of the own bytes.",
          "IOR, option reorderTasks: 1"),
    P_INT(params, guests, "0", "0", "8",
          "Who makes a file lets so many users behind `uid` read and write it, by its access list.",
          "ASSUMED(a choice of the experiment)"),
    P_BOOL(params, preallocate, "true",
           "Set the size of a file before it is written (lsize); else each write that makes the "
           "file longer tells the service node.",
           "Intel PFS: lsize sets space aside"),
    P_END,
};

static const struct measure io_measures[] = IO_MEASURES_OF("file");
static const struct measure pfs_measures[] = IO_MEASURES_OF("pfs");
static const struct measure io_bandwidth = IO_BANDWIDTH_OF("file");
static const struct measure pfs_bandwidth = IO_BANDWIDTH_OF("pfs");

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    return workload_nodes(((const struct params *)params)->nodes, layout);
}

/* Places in a rank's part of the file. */
static uint64_t per_rank(const struct params *p)
{
    uint64_t all = (uint64_t)(p->loop.warmup + p->loop.requests), span = (uint64_t)p->span;
    return (span > 0 && span < all ? span : all) * (uint64_t)p->depth;
}

static const struct coll_ops *method_of(const struct params *p)
{
    return kind_at(&coll_methods, p->method);
}

static int mode_of(const struct params *p) /* `check` has found it */
{
    int mode = PIO_PLAIN;
    struct err e = ERR_INIT;
    ASSERT(pio_mode_find(io_system(p->system), p->mode, "workload.mode", &mode, &e));
    return mode;
}

static unsigned traits_of(const struct params *p)
{
    return io_system(p->system)->mode(mode_of(p));
}

/* Where requests take place; where a mode does not say, a guess. */
static struct io_pattern pattern_of(const struct params *p, uint32_t rank, uint32_t ranks,
                                    unsigned traits)
{
    bool once = p->file == OWN || traits & PIO_MODE_SAME;
    const char *access =
        traits & PIO_MODE_OFFSETS ? io_patterns.items[p->access]->name : "interleaved";
    return io_pattern(kind_find(&io_patterns, access), &p->shape, (uint64_t)p->size, per_rank(p),
                      once ? 0 : rank, once ? 1 : ranks);
}

static uint32_t files(const void *params, const struct os_layout *layout)
{
    const struct params *p = params;
    return pio_file_count(io_system(p->system),
                          p->file == OWN ? programs(p, layout)
                                         : 1); /* every file begins on the first I/O node */
}

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct params *p = params;
    int mode;
    if (!workload_nodes_check(p->nodes, layout, e))
        return false;
    if (!pio_mode_find(io_system(p->system), p->mode, "workload.mode", &mode, e))
        return false;
    unsigned traits = traits_of(p);
    if (p->span > 0 && !(traits & PIO_MODE_OFFSETS))
        return err_set(e, "workload.span: only in a mode where a program chooses its offsets, such "
                          "as M_UNIX and M_ASYNC");
    if ((p->ghost > 0 || p->zeros > 0) && !(traits & PIO_MODE_OFFSETS))
        return err_set(e,
                       "workload.%s: only in a mode where a program chooses its offsets, such as "
                       "M_UNIX and M_ASYNC",
                       p->ghost > 0 ? "ghost" : "zeros");
    if (method_of(p) != &coll_list && !(traits & PIO_MODE_OFFSETS))
        return err_set(e,
                       "workload.method = '%s': only in a mode where a program chooses its "
                       "offsets, such as M_ASYNC",
                       method_of(p)->kind.name);
    if (method_of(p) != &coll_list && p->depth > 1)
        return err_set(e,
                       "workload.method = '%s': its calls end one after the other; depth must "
                       "be 1",
                       method_of(p)->kind.name);
    if (method_of(p)->together && p->file == OWN)
        return err_set(e,
                       "workload.method = '%s': all ranks transfer together, and with "
                       "file = 'own' each has a file of its own",
                       method_of(p)->kind.name);
    if (!coll_check(method_of(p), io_system(p->system), layout, "workload.method", e))
        return false;
    if (per_rank(p) > (UINT64_C(1) << 60) / (uint64_t)p->size / programs(p, layout))
        return err_set(e,
                       "workload: %lld requests of %lld bytes on %u nodes make a file of more than "
                       "1 EiB",
                       (long long)per_rank(p), (long long)p->size, programs(p, layout));
    const struct io_pattern pattern = pattern_of(p, 0, programs(p, layout), traits);
    if (!io_pattern_check(&pattern, "workload", e))
        return false;
    if (pattern.ops->whole && (p->loop.warmup > 0 || p->span > 0))
        return err_set(e,
                       "workload.access = '%s': warmup and span must be 0; it is a piece of work",
                       pattern.ops->kind.name);
    if (p->readback && (p->op != OP_WRITE || traits == 0))
        return err_set(e, "workload.readback: only for op = 'write', and not in M_LOG, where a "
                          "program does not know which range it gets");
    if (p->shift > 0 && (!p->readback || p->file == OWN))
        return err_set(e, "workload.shift: only with readback = true and file = 'shared'");
    if (p->cache == WARM && p->op == OP_WRITE)
        return err_set(e, "workload.cache = 'warm': only for op = 'read'");
    if (p->caching && !(traits & PIO_MODE_OFFSETS))
        return err_set(e, "workload.caching: only in a mode where a program chooses its offsets, "
                          "such as M_UNIX and M_ASYNC");
    if (p->caching && !file_cache_check(&p->client_cache, "workload.client_cache", e))
        return false;
    struct pio_view view;
    if (p->view && (!pattern.ops->view || method_of(p) != &coll_list || p->file == OWN ||
                    !pattern.ops->view(&pattern, (uint64_t)p->unit, (uint64_t)p->factor, &view)))
        return err_set(e,
                       "workload.view: only with access = 'array' but not distribution 'a', file "
                       "= 'shared', method = 'list', a unit that is shape.record, and a factor "
                       "that is the number of records in a row; by columns (shape.order) with "
                       "rows in blocks alike, or not dealt out");
    const struct pio_plan plan = {
        .path = "workload",
        .can = (p->view ? PIO_CAN(PIO_VIEW) : 0) | PIO_CAN(PIO_FLUSH) | PIO_CAN(PIO_AGREE) |
               (p->op == OP_READ ? PIO_CAN(PIO_FILL) : 0) |
               (p->guests > 0 ? PIO_CAN(PIO_GRANT) : 0) |
               (p->preallocate && p->op == OP_WRITE ? PIO_CAN(PIO_SET_SIZE) : 0),
        .traits = p->file == SHARED && programs(p, layout) > 1 ? PIO_SHARED : 0u,
        .unit = (uint64_t)p->unit,
        .factor = (uint32_t)p->factor,
        .files = files(p, layout),
        .ranks = programs(p, layout),
        .size = io_pattern_extent(&pattern),
        .warm = p->cache == WARM,
    };
    return pio_check(io_system(p->system), layout, &plan, e);
}

/* One rank's run. */
struct run {
    struct io_job j;
    struct io_target t;
    const struct params *p;
    const struct measure *measures;
    unsigned traits; /* of the mode */
    struct io_pattern pattern;
    struct fview typed;
    struct slot {
        struct file_run *runs; /* of the request */
        uint32_t room, count;
        struct io_transfer x;
    } * slots; /* as many as are made at once */
};

static bool open_as(struct run *r, uint32_t rank, uint32_t ranks, unsigned flags)
{
    const struct params *p = r->p;
    const struct pio_open o = { .name = r->t.name,
                                .flags = flags,
                                .rank = rank,
                                .ranks = ranks,
                                .mode = mode_of(p),
                                .unit = (uint64_t)p->unit,
                                .factor = (uint32_t)p->factor };
    return io_good(&r->j, pio_open(r->j.sys, &o, &r->t.f), "open", r->t.name);
}

/* Bytes of which some are zero are written as any program would, and read again from the disk. */
static bool write_file(struct run *r, uint64_t size)
{
    enum { PIECE = 256 << 10 };
    struct pio_split split = { 0 };
    struct file_run x = { .count = 1 };
    struct pio_control c = { .what = PIO_FLUSH };
    for (; x.off < size; x.off += PIECE) {
        x.len = size - x.off < PIECE ? size - x.off : PIECE;
        if (!io_transfer(&r->j, &r->t, PIO_WRITE, &x, 1, &split))
            return false;
    }
    if (!io_good(&r->j, pio_control(r->j.sys, r->t.f, &c), "flush", r->t.name))
        return false;
    x = (struct file_run){ .len = size, .count = 1 };
    c = (struct pio_control){
        .what = PIO_HINT, .value = PIO_HINT_WONT_NEED, .runs = &x, .run_count = 1
    };
    return r->p->cache != COLD ||
           io_good(&r->j, pio_control(r->j.sys, r->t.f, &c), "forget", r->t.name);
}

/* The file has its size and, for reading, its contents. */
static bool make_file(struct run *r, uint32_t ranks)
{
    const struct params *p = r->p;
    uint64_t size = io_pattern_extent(&r->pattern);
    if (!open_as(r, 0, ranks, PIO_O_CREATE))
        return false;
    if (r->j.resume > 0)
        return true;
    for (int64_t i = 1; i <= p->guests; i++) {
        struct pio_control c = {
            .what = PIO_GRANT, .name = r->t.name, .value = (uint64_t)(p->loop.uid + i), .mode = 06
        };
        if (!io_good(&r->j, pio_control(r->j.sys, NULL, &c), "grant", r->t.name))
            return false;
    }
    if (p->op == OP_READ && p->zeros > 0)
        return write_file(r, size);
    if (p->op == OP_READ) {
        struct pio_control c = {
            .what = PIO_FILL, .seed = r->t.seed, .value = size, .cold = p->cache == COLD
        };
        return io_good(&r->j, pio_control(r->j.sys, r->t.f, &c), "fill", r->t.name);
    }
    return !p->preallocate || io_good(&r->j, pio_set_size(r->t.f, size), "lsize", r->t.name);
}

/* The file as its pattern's part. */
static bool see(struct run *r)
{
    struct pio_control c = { .what = PIO_VIEW };
    if (r->pattern.ops->typed) {
        fview_init(&r->typed, r->t.f, r->t.coll);
        r->t.typed = &r->typed;
        return io_good(&r->j,
                       fview_set(&r->typed, io_pattern_disp(&r->pattern),
                                 (uint64_t)r->p->shape.record, &r->pattern.type),
                       "view", r->t.name);
    }
    r->t.view = r->p->view && io_pattern_own(&r->pattern) > 0;
    if (!r->t.view)
        return true;
    (void)r->pattern.ops->view(&r->pattern, (uint64_t)r->p->unit, (uint64_t)r->p->factor, &c.view);
    return io_good(&r->j, pio_control(r->j.sys, r->t.f, &c), "view", r->t.name);
}

/* What the rank keeps of it, and says of its reads. */
static bool keep(struct run *r)
{
    struct pio_control c = { .what = PIO_CACHING, .cache = &r->p->client_cache };
    if (r->p->caching && !io_good(&r->j, pio_control(r->j.sys, r->t.f, &c), "cache", r->t.name))
        return false;
    enum pio_hint hint = hints[r->p->hint];
    c = (struct pio_control){ .what = PIO_HINT, .value = hint, .number = FILE_PRIORITY_NORMAL };
    return hint == PIO_HINT_NORMAL || hint == PIO_HINT_WILL_NEED ||
           io_good(&r->j, pio_control(r->j.sys, r->t.f, &c), "hint", r->t.name);
}

static bool open_file(struct run *r)
{
    const struct params *p = r->p;
    bool own = p->file == OWN, maker = own || r->j.rank == 0, fine = true;
    uint32_t ranks = own ? 1 : r->j.ranks;
    r->t.ghost = (uint64_t)p->ghost;
    r->t.zeros = (uint32_t)p->zeros;
    (void)snprintf(r->t.name, sizeof r->t.name, own ? "data.%u" : "data", r->j.rank);
    r->t.seed = UINT64_C(0x7066732e64617461) + (own ? r->j.rank : 0);
    if (maker)
        fine = make_file(r, ranks);
    if (!io_agree(&r->j, "made", fine))
        return false;
    if (!maker)
        fine = open_as(r, r->j.rank, ranks, 0);
    if (fine)
        r->t.coll = coll_open(method_of(p), &p->collective, r->t.f);
    return io_agree(&r->j, "opened", fine) && see(r) && keep(r);
}

/* The runs of a request. */
static struct slot *runs_of(struct run *r, uint64_t nth, uint32_t slot)
{
    struct slot *x = &r->slots[slot];
    x->count = io_pattern_runs(&r->pattern, nth, x->runs, x->room);
    if (x->count > x->room) {
        x->runs = port_realloc(r->j.node->port, x->runs, x->count * sizeof *x->runs);
        x->room = io_pattern_runs(&r->pattern, nth, x->runs, x->count);
    }
    r->t.at = nth * r->pattern.size;
    return x;
}

/* `count` requests under way at once; `sum`: the times of the one that ended last.  When one has
 * failed those that have not begun are dropped. */
static bool together(struct run *r, enum pio_op op, uint64_t nth, uint32_t count,
                     struct pio_split *sum)
{
    struct port *port = r->j.node->port;
    struct pio_req **left = port_alloc(port, count * sizeof *left);
    sim_time since = port_now(port);
    bool fine = true;
    for (uint32_t i = 0; i < count; i++) {
        struct slot *x = runs_of(r, nth + i, i);
        io_start(&r->j, &r->t, op, x->runs, x->count, &x->x);
        left[i] = &x->x.q;
    }
    for (uint32_t n = 0; n < count; n++) {
        uint32_t i = pio_wait_any(left, count);
        *sum = left[i]->split;
        left[i] = NULL;
        fine = io_finish(&r->j, &r->slots[i].x) && fine;
        for (uint32_t k = 0; k < count && !fine; k++)
            if (left[k] != NULL)
                (void)pio_cancel(left[k]);
    }
    sum->client += port_now(port) - since - sum->latency;
    sum->latency = port_now(port) - since;
    port_free(port, left);
    return fine;
}

/* The runs of the request that comes next. */
static bool will_need(struct run *r, uint64_t nth)
{
    struct slot *x = runs_of(r, nth, 0);
    const struct file_run seen = { .off = r->t.at, .len = r->pattern.size, .count = 1 };
    struct pio_control c = { .what = PIO_HINT,
                             .value = PIO_HINT_WILL_NEED,
                             .runs = r->t.view ? &seen : x->runs,
                             .run_count = r->t.view ? 1 : x->count };
    return io_good(&r->j, pio_control(r->j.sys, r->t.f, &c), "hint", r->t.name);
}

/* Step k: as many requests as are made at once; false: the rank gives up. */
static bool request(struct run *r, enum pio_op op, uint64_t k, bool measured)
{
    uint64_t depth = (uint64_t)r->p->depth, nth = k * depth, bytes = 0;
    if (r->pattern.ops->whole) {
        uint64_t all = io_pattern_requests(&r->pattern);
        depth = nth + depth > all && all > nth ? all - nth : depth;
    } else {
        nth %= r->pattern.per_rank;
    }
    struct pio_split sum = { .latency = 0 };
    bool fine = true;
    if (op == PIO_READ && hints[r->p->hint] == PIO_HINT_WILL_NEED && !r->pattern.ops->whole)
        fine = will_need(r, (nth + depth) % r->pattern.per_rank);
    if (!fine) {
        return false;
    } else if (r->p->depth > 1) {
        fine = together(r, op, nth, (uint32_t)depth, &sum);
    } else {
        struct slot *x = runs_of(r, nth, 0);
        fine = io_transfer(&r->j, &r->t, op, x->runs, x->count, &sum);
    }
    for (uint64_t i = 0; i < depth; i++)
        bytes += pio_length(r->slots[i].runs, r->slots[i].count);
    if (fine && measured) {
        if (r->traits & PIO_MODE_SAME)
            port_measure(r->j.node->port, &r->measures[IO_RECEIVED], (double)bytes);
        io_report(&r->j, r->measures, &sum, r->traits & PIO_MODE_SAME && r->j.rank > 0 ? 0 : bytes);
    }
    return fine;
}

/* Where no other rank has to come to a request, the ones before it are done for good. */
static bool step(void *self, uint64_t k)
{
    struct run *r = self;
    if ((r->p->file == OWN || r->j.ranks == 1) && r->traits & PIO_MODE_OFFSETS)
        os_safe_point(r->j.node, k);
    return request(r, r->p->op == OP_READ ? PIO_READ : PIO_WRITE, k, true);
}

static bool flush(void *self)
{
    struct run *r = self;
    return io_good(&r->j, pio_flush(r->t.f), "sync", r->t.name);
}

/* Of a piece of work: the ranks that have any of it, and how many requests this one makes: its own,
 * or as many as any when all make them together. */
static uint64_t share_of_work(const struct run *r, uint32_t *with_a_part)
{
    uint64_t own = io_pattern_requests(&r->pattern), most = own;
    struct io_pattern q = r->pattern;
    *with_a_part = r->p->file == OWN ? r->j.ranks : 0;
    for (uint32_t i = 0; i < r->j.ranks && r->p->file == SHARED; i++) {
        q = io_pattern(q.ops, q.shape, q.size, q.per_rank, i, q.ranks);
        uint64_t n = io_pattern_requests(&q);
        *with_a_part += n > 0;
        most = n > most ? n : most;
    }
    if (!method_of(r->p)->together)
        return (own + (uint64_t)r->p->depth - 1) / (uint64_t)r->p->depth;
    *with_a_part = r->j.ranks;
    return most;
}

static bool loop(struct run *r)
{
    const struct params *p = r->p;
    bool whole = r->pattern.ops->whole;
    uint32_t ranks = r->j.ranks;
    uint64_t count = whole ? share_of_work(r, &ranks) : 0;
    if (whole && count == 0)
        return true;
    const struct io_loop l = { .port = r->j.node->port,
                               .p = &p->loop,
                               .ranks = ranks,
                               .count = count,
                               .work = whole || p->work,
                               .writes = p->op == OP_WRITE,
                               .together = r->traits & PIO_MODE_TOGETHER || method_of(p)->together,
                               .from = r->j.resume,
                               .self = r,
                               .request = step,
                               .flush = flush,
                               .inside = &r->measures[IO_LATENCY],
                               .outside = &r->measures[IO_OUTSIDE] };
    if (r->j.rank == 0)
        io_loop_remarks(&l);
    return io_loop(&l);
}

static enum pio_status plain_mode(struct run *r)
{
    if (r->j.sys->ops->modes == NULL)
        return PIO_OK;
    struct pio_control c = { .what = PIO_MODE, .mode = PIO_PLAIN };
    return pio_control(r->j.sys, r->t.f, &c);
}

static bool read_back(struct run *r)
{
    if (!io_good(&r->j, pio_propagate(r->t.f), "propagate", r->t.name) ||
        !io_agree(&r->j, "readback", true) ||
        !io_good(&r->j, pio_refresh(r->t.f), "refresh", r->t.name) ||
        (r->j.resume == 0 && !io_good(&r->j, plain_mode(r), "setiomode", r->t.name)))
        return false;
    uint32_t ranks, of = (uint32_t)((r->j.rank + (uint64_t)r->p->shift) % r->j.ranks);
    r->pattern = pattern_of(r->p, of, r->j.ranks, r->traits);
    if (!see(r))
        return false;
    uint64_t all = r->pattern.ops->whole ? share_of_work(r, &ranks)
                                         : r->pattern.per_rank / (uint64_t)r->p->depth;
    for (uint64_t k = 0; k < all; k++)
        if (!request(r, PIO_READ, k, false))
            return false;
    return true;
}

static void program(struct os_node *node, const struct program *me, const struct measure *measures)
{
    const struct params *p = me->params;
    struct run r = { .j = { .node = node,
                            .sys = pio_find(io_system(p->system), node),
                            .rank = me->rank,
                            .ranks = me->ranks,
                            .resume = me->resume,
                            .verify = p->verify },
                     .p = p,
                     .measures = measures,
                     .traits = traits_of(p) };
    r.j.sys->user = io_user(&p->loop, me->rank);
    r.j.sys->most = (uint32_t)p->most;
    r.slots = port_alloc(node->port, (size_t)p->depth * sizeof *r.slots);
    r.pattern = pattern_of(p, me->rank, me->ranks, r.traits);
    if (!open_file(&r))
        return;
    if (io_agree(&r.j, "looped", loop(&r)) && (!r.p->readback || read_back(&r))) {
        coll_close(r.t.coll);
        (void)io_good(&r.j, pio_close(r.t.f), "close", r.t.name);
    }
}

static void io_main(struct os_node *node, const struct program *me)
{
    program(node, me, io_measures);
}

static void pfs_main(struct os_node *node, const struct program *me)
{
    program(node, me, pfs_measures);
}

static const struct os_service_ops *const *services_of(const void *params)
{
    return io_system(((const struct params *)params)->system)->services;
}

#define WORKLOAD(name_, doc_)                                                                      \
    {                                                                                              \
        .kind = { .name = #name_,                                                                  \
                  .doc = doc_,                                                                     \
                  .params = params_desc,                                                           \
                  .params_size = sizeof(struct params) },                                          \
        .measures = name_##_measures, .rate = &name_##_bandwidth, .check = check,                  \
        .programs = programs, .files = files, .services_of = services_of, .main = name_##_main     \
    }
extern const struct workload_ops workload_io, workload_pfs;
const struct workload_ops workload_io =
    WORKLOAD(io, "Programs read or write files and check every byte.");
const struct workload_ops workload_pfs =
    WORKLOAD(pfs, "The same, its figures named pfs: striped files.");
