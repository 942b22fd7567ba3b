/* pfs.c: programs that read or write striped files in a closed loop, and check every byte.
 *
 * The loop is that of workloads/io/loop.h: window, flush, think times.  Where the mode leaves the
 * offset to the program, `access` chooses it (workloads/io/pattern.h).  The file's byte o is byte
 * o of a pattern that hangs on the file alone, so that whoever reads knows what is right.  A file
 * that is read is filled by the I/O servers themselves beforehand.
 */
#include "workloads/pfs.h"

#include <stdio.h>

#include "os/pfs/pfs.h"
#include "workloads/io/loop.h"
#include "workloads/io/pattern.h"

enum op { OP_READ, OP_WRITE };
enum file { SHARED, OWN };
enum cache { COLD, WARM };

struct params {
    struct io_loop_params loop;
    int op, mode, access, file, cache;
    int64_t size, nodes, unit, factor, span;
    bool verify, readback, preallocate;
};

static const char *const op_names[] = { "read", "write", NULL };
static const char *const file_names[] = { "shared", "own", NULL };

static const char *const cache_names[] = { "cold", "warm", NULL };

static const struct param params_desc[] = {
    P_CHOICE(params, op, "read", op_names, "What the programs do.",
             "ASSUMED(a choice of the experiment)"),
    P_CHOICE_OF(params, mode, "M_ASYNC", pfs_modes, "I/O mode of the file.",
                "ASSUMED(the mode without coordination is the one to begin with)"),
    P_CHOICE(params, access, "interleaved", io_access_names,
             "Which bytes a rank touches, in M_UNIX and M_ASYNC.",
             "Nitzberg: broadcast, partitioned, interleaved"),
    P_CHOICE(params, file, "shared", file_names, "One file for all ranks, or one for each.",
             "ASSUMED(a choice of the experiment)"),
    P_SIZE(params, size, "64KiB", "1B", "1GiB", "Bytes of a request.", "ASSUMED(one stripe unit)"),
    IO_LOOP_PARAMS,
    P_INT(params, nodes, "0", "0", NULL, "Compute nodes that take part; 0: all.",
          "ASSUMED(a choice of the experiment)"),
    P_SIZE(params, unit, "64KiB", "1B", "1GiB", "Stripe unit of the files.",
           "Intel PFS, default 64 KB; as recalled, no document at hand"),
    P_INT(params, factor, "0", "0", "256",
          "Stripe factor: how many I/O nodes a file is spread over; 0: all.",
          "Intel PFS: a mount spreads files over all its stripe directories; as recalled"),
    P_CHOICE(params, cache, "cold", cache_names,
             "What the buffers of the I/O nodes have of a file when it is read: nothing, or what "
             "was written last as it was filled (machine.os.pfs_server.lfs.buffered).",
             "ASSUMED(a file that was written long before)"),
    P_INT(params, span, "0", "0", "10000000",
          "Requests of a rank after which it begins again at the front of its part, so that a long "
          "run needs no large file; in M_UNIX and M_ASYNC; 0: never.",
          "ASSUMED(a choice of the experiment)"),
    P_BOOL(params, verify, "true", "Compare every byte that is read with what was written.",
           "ASSUMED(a wrong byte fails the run)"),
    P_BOOL(params, readback, "false",
           "After writing, read the own bytes again and compare them, outside the window.",
           "ASSUMED(a choice of the experiment)"),
    P_BOOL(params, preallocate, "true",
           "Set the size of a file before it is written (lsize); else each write that makes the "
           "file longer tells the service node.",
           "Intel PFS: lsize sets space aside"),
    P_END,
};

enum { LATENCY, CLIENT, MESH, QUEUE, ARM, OUTSIDE, RECEIVED };
static const struct measure measures[] = {
    [LATENCY] = { "pfs.latency", "s", "Time of a request of a program.",
                  MEASURE_HISTOGRAM | MEASURE_COLUMN | MEASURE_INSIDE },
    [CLIENT] = { "pfs.client", "s", "Of that: in the client's library.", MEASURE_COLUMN },
    [MESH] = { "pfs.mesh", "s", "Of that: messages between client and I/O node.", MEASURE_COLUMN },
    [QUEUE] = { "pfs.queue", "s", "Of that: waiting at the I/O node, for tokens and metadata.",
                MEASURE_COLUMN },
    [ARM] = { "pfs.arm", "s", "Of that: the device worked.", MEASURE_COLUMN },
    [OUTSIDE] = { "pfs.outside", "s",
                  "Time of a program between two requests, and after its last: "
                  "its flushes and think times.",
                  MEASURE_OUTSIDE },
    [RECEIVED] = { "pfs.received", "B",
                   "M_GLOBAL: bytes that a program had of one transfer for all.", 0 },
    { .name = NULL }
};
static const struct measure bandwidth = {
    "pfs.bandwidth", "B/s",
    "Bytes of files read or written a second, in the window; in M_GLOBAL each once.", MEASURE_COLUMN
};

static uint32_t nodes_of(const struct params *p, const struct os_layout *l)
{
    return p->nodes == 0 ? l->compute_count : (uint32_t)p->nodes;
}

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    return nodes_of(params, layout);
}

/* Places in a rank's part of the file. */
static uint64_t per_rank(const struct params *p)
{
    uint64_t all = (uint64_t)(p->loop.warmup + p->loop.requests), span = (uint64_t)p->span;
    return span > 0 && span < all ? span : all;
}

/* Where requests take place; in M_LOG a guess. */
static struct io_pattern pattern_of(const struct params *p, uint32_t rank, uint32_t ranks)
{
    bool free = pfs_mode_is((enum pfs_mode)p->mode, PFS_MODE_OWN);
    bool once = p->file == OWN || pfs_mode_is((enum pfs_mode)p->mode, PFS_MODE_ONE);
    int access = once ? IO_BROADCAST : free ? p->access : IO_INTERLEAVED;
    return (struct io_pattern){ .access = (enum io_access)access,
                                .size = (uint64_t)p->size,
                                .per_rank = per_rank(p),
                                .rank = rank,
                                .ranks = ranks };
}

static struct pfs_attrs attrs_of(const struct params *p, const struct os_layout *l)
{
    uint32_t all = l->io_count;
    struct pfs_attrs a = { .unit = (uint64_t)p->unit,
                           .factor = p->factor == 0 ? all : (uint32_t)p->factor };
    if (a.factor > PFS_FACTOR_MAX)
        a.factor = PFS_FACTOR_MAX;
    for (uint32_t i = 0; i < a.factor; i++)
        a.group[i] = i;
    return a;
}

static uint32_t files(const void *params, const struct os_layout *layout)
{
    const struct params *p = params;
    return p->file == OWN ? nodes_of(p, layout) : 1; /* every file begins on the first I/O node */
}

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct params *p = params;
    struct pfs_params attrs = { .factor = p->factor };
    if (p->nodes > layout->compute_count)
        return err_set(e, "workload.nodes is %lld, but the machine has %u compute nodes",
                       (long long)p->nodes, layout->compute_count);
    if (p->span > 0 && !pfs_mode_is((enum pfs_mode)p->mode, PFS_MODE_OWN))
        return err_set(e, "workload.span: only in M_UNIX and M_ASYNC, where a program chooses its "
                          "offsets");
    if (per_rank(p) > (UINT64_C(1) << 60) / (uint64_t)p->size / nodes_of(p, layout))
        return err_set(e,
                       "workload: %lld requests of %lld bytes on %u nodes make a file of more than "
                       "1 EiB",
                       (long long)per_rank(p), (long long)p->size, nodes_of(p, layout));
    if (p->readback && (p->op != OP_WRITE || p->mode == M_LOG))
        return err_set(e, "workload.readback: only for op = 'write', and not in M_LOG, where a "
                          "program does not know which range it gets");
    if (p->cache == WARM && (p->op == OP_WRITE || !pfs_buffered(layout)))
        return err_set(e, "workload.cache = 'warm': only for op = 'read', and only with "
                          "machine.os.pfs_server.lfs.buffered = true, else no buffer has anything");
    struct pfs_attrs a = attrs_of(p, layout);
    const struct io_pattern pattern = pattern_of(p, 0, nodes_of(p, layout));
    return pfs_check(&attrs, layout, "workload", e) &&
           pfs_room_check(layout, &a, files(p, layout), io_pattern_extent(&pattern), "workload", e);
}

/* One rank's run. */
struct run {
    struct os_node *node;
    const struct params *p;
    uint32_t rank, ranks;
    char name[32];
    uint64_t seed, resume;
    struct pfs_file *f;
};

static bool good(struct run *r, enum pfs_status s, const char *what)
{
    if (s == PFS_OK)
        return true;
    port_fail(r->node->port, "rank %u: %s of %s: %s", r->rank, what, r->name, pfs_status_name(s));
    return false;
}

/* True when all ranks say so; a rank that has failed must not leave the others waiting.  They have
 * met before one goes on after its node's crash. */
static bool agree(struct run *r, const char *tag, bool mine)
{
    if (r->resume > 0)
        return mine;
    enum pfs_status s =
        pfs_agree(os_find(r->node, &pfs_client_service), tag, r->ranks, mine ? PFS_OK : PFS_CLOSED);
    return s != PFS_CLOSED && good(r, s, "meeting of all ranks");
}

/* The file has its size and, for reading, its contents. */
static bool make_file(struct run *r, uint32_t ranks)
{
    const struct params *p = r->p;
    const struct io_pattern pattern = pattern_of(p, r->rank, r->ranks);
    uint64_t size = io_pattern_extent(&pattern);
    struct pfs_attrs a = attrs_of(p, r->node->layout);
    if (!good(r,
              pfs_open(os_find(r->node, &pfs_client_service), r->name, PFS_O_CREATE,
                       (enum pfs_mode)p->mode, 0, ranks, &a, &r->f),
              "open"))
        return false;
    if (r->resume > 0)
        return true;
    if (p->op == OP_READ)
        return good(r, pfs_prefill(r->f, r->seed, size, p->cache == COLD), "fill");
    return !p->preallocate || good(r, pfs_lsize(r->f, size), "lsize");
}

static bool open_file(struct run *r)
{
    const struct params *p = r->p;
    bool own = p->file == OWN, maker = own || r->rank == 0, fine = true;
    uint32_t ranks = own ? 1 : r->ranks;
    (void)snprintf(r->name, sizeof r->name, own ? "data.%u" : "data", r->rank);
    r->seed = UINT64_C(0x7066732e64617461) + (own ? r->rank : 0);
    if (maker)
        fine = make_file(r, ranks);
    if (!agree(r, "made", fine))
        return false;
    if (!maker)
        fine = good(r,
                    pfs_open(os_find(r->node, &pfs_client_service), r->name, 0,
                             (enum pfs_mode)p->mode, r->rank, ranks, NULL, &r->f),
                    "open");
    return agree(r, "opened", fine);
}

static void report(struct run *r, const struct pfs_req *q)
{
    struct port *port = r->node->port;
    const struct pfs_split *s = &q->split;
    const sim_time times[] = { [LATENCY] = s->latency,
                               [CLIENT] = s->client,
                               [MESH] = s->mesh,
                               [QUEUE] = s->queue,
                               [ARM] = s->arm };
    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        port_measure(port, &measures[i], (double)times[i] / (double)SIM_SEC);
    bool one = pfs_mode_is((enum pfs_mode)r->p->mode, PFS_MODE_ONE);
    if (one)
        port_measure(port, &measures[RECEIVED], (double)q->moved);
    if (!one || r->rank == 0)
        port_progress(port, port_now(port) - s->latency, (double)q->moved);
}

/* Every byte must be the pattern's at its offset. */
static bool verify(struct run *r, const struct pfs_req *q)
{
    struct rope want;
    rope_init(&want);
    rope_add_pattern(&want, r->seed, q->off, q->moved);
    uint64_t at = rope_first_difference(&q->data, &want);
    if (at != UINT64_MAX) {
        unsigned long long where = q->off + at;
        uint8_t got = 0, expected = pattern_byte(r->seed, where);
        rope_read(&q->data, at, 1, &got);
        port_fail(r->node->port, "rank %u: byte %llu of file %s is 0x%02x, written was 0x%02x",
                  r->rank, where, r->name, got, expected);
    }
    rope_fini(&want);
    return at == UINT64_MAX;
}

/* Request k; false: the rank gives up. */
static bool request(struct run *r, enum pfs_op op, uint64_t k, bool measured)
{
    const struct params *p = r->p;
    const struct io_pattern pattern = pattern_of(p, r->rank, r->ranks);
    struct port *port = r->node->port;
    struct pfs_req q;
    pfs_req_init(&q, op, r->f);
    q.at = true;
    q.off = io_pattern_offset(&pattern, k % pattern.per_rank);
    q.len = (uint64_t)p->size;
    if (op == PFS_WRITE)
        rope_add_pattern(&q.data, r->seed, q.off, q.len);
    pfs_submit(&q);
    enum pfs_status s = pfs_wait(&q);
    bool fine = good(r, s, op == PFS_READ ? "read" : "write");
    if (fine && q.moved != (uint64_t)p->size) {
        port_fail(port, "rank %u: %llu of %lld bytes at %llu of file %s", r->rank,
                  (unsigned long long)q.moved, (long long)p->size, (unsigned long long)q.off,
                  r->name);
        fine = false;
    }
    if (fine && measured)
        report(r, &q);
    if (fine && op == PFS_READ) {
        port_delivered(port, q.moved, rope_hash(&q.data));
        fine = !p->verify || verify(r, &q);
    }
    rope_fini(&q.data);
    return fine;
}

/* Where no other rank has to come to a request, the ones before it are done for good. */
static bool step(void *self, uint64_t k)
{
    struct run *r = self;
    if ((r->p->file == OWN || r->ranks == 1) &&
        pfs_mode_is((enum pfs_mode)r->p->mode, PFS_MODE_OWN))
        os_safe_point(r->node, k);
    return request(r, r->p->op == OP_READ ? PFS_READ : PFS_WRITE, k, true);
}

static bool flush(void *self)
{
    struct run *r = self;
    return good(r, pfs_sync(r->f), "sync");
}

static bool loop(struct run *r)
{
    const struct params *p = r->p;
    const struct io_loop l = { .port = r->node->port,
                               .p = &p->loop,
                               .ranks = r->ranks,
                               .writes = p->op == OP_WRITE,
                               .together = pfs_mode_is((enum pfs_mode)p->mode, PFS_MODE_MEET),
                               .from = r->resume,
                               .self = r,
                               .request = step,
                               .flush = flush,
                               .inside = &measures[LATENCY],
                               .outside = &measures[OUTSIDE] };
    if (r->rank == 0)
        io_loop_remarks(&l);
    return io_loop(&l);
}

static bool read_back(struct run *r)
{
    if (!agree(r, "readback", true) ||
        (r->resume == 0 && !good(r, pfs_setiomode(r->f, M_ASYNC), "setiomode")))
        return false;
    for (uint64_t k = 0; k < per_rank(r->p); k++)
        if (!request(r, PFS_READ, k, false))
            return false;
    return true;
}

static void program(struct os_node *node, const struct program *me)
{
    struct run r = { .node = node, .p = me->params, .rank = me->rank, .ranks = me->ranks };
    r.resume = me->resume;
    if (!open_file(&r))
        return;
    if (agree(&r, "looped", loop(&r)) && (!r.p->readback || read_back(&r)))
        (void)good(&r, pfs_close(r.f), "close");
}

static const struct os_service_ops *const services[] = { &pfs_client_service, NULL };

const struct workload_ops workload_pfs = {
    .kind = { .name = "pfs",
              .doc = "Programs read or write striped files and check every byte.",
              .params = params_desc,
              .params_size = sizeof(struct params) },
    .measures = measures,
    .rate = &bandwidth,
    .check = check,
    .programs = programs,
    .files = files,
    .services = services,
    .main = program,
};
