/* pfs.c: programs that read or write striped files in a closed loop, and check every byte.
 *
 * Rank r makes `warmup` + `requests` requests of `size` bytes, `think` apart, in the file's I/O
 * mode. Where the mode leaves the offset to the program, `access` chooses it [patterns after
 * Nitzberg]:
 *   interleaved  request k of rank r is at (k * nodes + r) * size
 *   partitioned  at (r * requests of a rank + k) * size
 *   broadcast    at k * size: all ranks touch the same bytes
 * The file's byte o is byte o of a pattern that hangs on the file alone, so that whoever reads
 * knows what is right.  A file that is read is filled by the I/O servers themselves beforehand.
 *
 * The bandwidth is measured in a window: from when all ranks have ended their warm-up to when the
 * first has ended its last request; a request that lies in it partly counts for that part.
 */
#include "workloads/pfs.h"

#include <stdio.h>

#include "os/pfs/pfs.h"

enum op { OP_READ, OP_WRITE };
enum access { INTERLEAVED, PARTITIONED, BROADCAST };
enum file { SHARED, OWN };

struct params {
    int op, mode, access, file;
    int64_t size, requests, warmup, nodes, unit, factor;
    sim_time think;
    bool verify, readback, preallocate;
};

static const char *const op_names[] = { "read", "write", NULL };
static const char *const access_names[] = { "interleaved", "partitioned", "broadcast", NULL };
static const char *const file_names[] = { "shared", "own", NULL };

static const struct param params_desc[] = {
    P_CHOICE(params, op, "read", op_names, "What the programs do.",
             "ASSUMED(a choice of the experiment)"),
    P_CHOICE_OF(params, mode, "M_ASYNC", pfs_modes, "I/O mode of the file.",
                "ASSUMED(the mode without coordination is the one to begin with)"),
    P_CHOICE(params, access, "interleaved", access_names,
             "Which bytes a rank touches, in M_UNIX and M_ASYNC.",
             "Nitzberg: broadcast, partitioned, interleaved"),
    P_CHOICE(params, file, "shared", file_names, "One file for all ranks, or one for each.",
             "ASSUMED(a choice of the experiment)"),
    P_SIZE(params, size, "64KiB", "1B", "1GiB", "Bytes of a request.", "ASSUMED(one stripe unit)"),
    P_INT(params, requests, "8", "1", "10000000", "Requests of each rank after its warm-up.",
          "ASSUMED(a choice of the experiment)"),
    P_INT(params, warmup, "1", "0", "10000000", "Requests of each rank before them.",
          "ASSUMED(sessions open and queues fill)"),
    P_INT(params, nodes, "0", "0", NULL, "Compute nodes that take part; 0: all.",
          "ASSUMED(a choice of the experiment)"),
    P_SIZE(params, unit, "64KiB", "1B", "1GiB", "Stripe unit of the files.",
           "Intel PFS, default 64 KB; as recalled, no document at hand"),
    P_INT(params, factor, "0", "0", "256",
          "Stripe factor: how many I/O nodes a file is spread over; 0: all.",
          "Intel PFS: a mount spreads files over all its stripe directories; as recalled"),
    P_TIME(params, think, "0", "0", NULL, "Time that a program computes between two requests.",
           "ASSUMED(none: the file system is the limit)"),
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

static const struct measure_desc measures[] = {
    { "pfs.bandwidth", "B/s", "Bytes of all ranks a second, in the window.",
      WORKLOAD_DETERMINISTIC | WORKLOAD_COLUMN },
    { "pfs.bandwidth.total", "B/s",
      "The same from the first request's start to the last one's end.", WORKLOAD_DETERMINISTIC },
    { "pfs.window", "s", "Length of the window.", WORKLOAD_DETERMINISTIC },
    { "pfs.latency", "s", "Time of a request of a program.", WORKLOAD_HISTOGRAM | WORKLOAD_COLUMN },
    { "pfs.client", "s", "Of that: in the client's library.", WORKLOAD_COLUMN },
    { "pfs.mesh", "s", "Of that: messages between client and I/O node.", WORKLOAD_COLUMN },
    { "pfs.queue", "s", "Of that: waiting at the I/O node, for tokens and metadata.",
      WORKLOAD_COLUMN },
    { "pfs.arm", "s", "Of that: the device worked.", WORKLOAD_COLUMN },
    { .name = NULL }
};

static uint32_t nodes_of(const struct params *p, const struct os_layout *l)
{
    return p->nodes == 0 ? l->compute_count : (uint32_t)p->nodes;
}

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    return nodes_of(params, layout);
}

static uint64_t per_rank(const struct params *p)
{
    return (uint64_t)(p->warmup + p->requests);
}

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct params *p = params;
    struct pfs_params attrs = { .factor = p->factor };
    if (p->nodes > layout->compute_count)
        return err_set(e, "workload.nodes is %lld, but the machine has %u compute nodes",
                       (long long)p->nodes, layout->compute_count);
    if (per_rank(p) > (UINT64_C(1) << 60) / (uint64_t)p->size / nodes_of(p, layout))
        return err_set(e,
                       "workload: %lld requests of %lld bytes on %u nodes make a file of more than "
                       "1 EiB",
                       (long long)per_rank(p), (long long)p->size, nodes_of(p, layout));
    if (p->readback && (p->op != OP_WRITE || p->mode == M_LOG))
        return err_set(e, "workload.readback: only for op = 'write', and not in M_LOG, where a "
                          "program does not know which range it gets");
    if (!pfs_check(&attrs, layout, "workload", e))
        return false;
    /* Each file lies on `factor` I/O nodes; the fullest has at least its share. */
    uint64_t files = p->file == OWN ? nodes_of(p, layout) : 1, on = (uint64_t)p->factor;
    uint64_t share = on == 0 ? files : (files * on + layout->io_count - 1) / layout->io_count;
    return share <= os_files_max(layout) ||
           err_set(
               e,
               "workload.file = 'own': %llu files, of which an I/O node has %llu, are more than "
               "machine.os.lfs.files = %llu",
               (unsigned long long)files, (unsigned long long)share,
               (unsigned long long)os_files_max(layout));
}

/* One rank's run. */
struct run {
    struct os_node *node;
    const struct params *p;
    uint32_t rank, ranks;
    char name[32];
    uint64_t seed;
    struct pfs_file *f;
    uint64_t k; /* requests so far */
    sim_time first, warm, last;
    struct done {
        sim_time start, end;
        uint64_t bytes;
    } * log;
    uint64_t logged;
};

static bool good(struct run *r, enum pfs_status s, const char *what)
{
    if (s == PFS_OK)
        return true;
    port_fail(r->node->port, "rank %u: %s of %s: %s", r->rank, what, r->name, pfs_status_name(s));
    return false;
}

static uint64_t file_size(const struct run *r)
{
    const struct params *p = r->p;
    uint64_t mine = per_rank(p) * (uint64_t)p->size;
    bool once = p->file == OWN || p->mode == M_GLOBAL ||
                (p->access == BROADCAST && (p->mode == M_UNIX || p->mode == M_ASYNC));
    return once ? mine : mine * r->ranks;
}

/* Where request k will take place; in M_LOG a guess. */
static uint64_t offset_of(const struct run *r, uint64_t k)
{
    const struct params *p = r->p;
    uint64_t size = (uint64_t)p->size;
    if (p->file == OWN || p->mode == M_GLOBAL)
        return k * size;
    if (p->mode == M_UNIX || p->mode == M_ASYNC) {
        if (p->access == BROADCAST)
            return k * size;
        if (p->access == PARTITIONED)
            return (r->rank * per_rank(p) + k) * size;
    }
    return (k * r->ranks + r->rank) * size;
}

static struct pfs_attrs attrs_of(const struct run *r)
{
    const struct params *p = r->p;
    uint32_t all = r->node->layout->io_count;
    struct pfs_attrs a = { .unit = (uint64_t)p->unit,
                           .factor = p->factor == 0 ? all : (uint32_t)p->factor };
    if (a.factor > PFS_FACTOR_MAX)
        a.factor = PFS_FACTOR_MAX;
    for (uint32_t i = 0; i < a.factor; i++)
        a.group[i] = i;
    return a;
}

/* True when all ranks say so; a rank that has failed must not leave the others waiting. */
static bool agree(struct run *r, const char *tag, bool mine)
{
    struct pfs_gathered all;
    enum pfs_status s = pfs_gather(r->node->pfs, tag, r->ranks, mine ? 0 : 1, &all);
    return good(r, s, "meeting of all ranks") && all.most == 0;
}

/* The file has its size and, for reading, its contents. */
static bool make_file(struct run *r, uint32_t ranks)
{
    const struct params *p = r->p;
    struct pfs_attrs a = attrs_of(r);
    if (!good(r,
              pfs_open(r->node->pfs, r->name, PFS_O_CREATE, (enum pfs_mode)p->mode, 0, ranks, &a,
                       &r->f),
              "open"))
        return false;
    if (p->op == OP_READ)
        return good(r, pfs_prefill(r->f, r->seed, file_size(r)), "fill");
    return !p->preallocate || good(r, pfs_lsize(r->f, file_size(r)), "lsize");
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
        fine = good(
            r,
            pfs_open(r->node->pfs, r->name, 0, (enum pfs_mode)p->mode, r->rank, ranks, NULL, &r->f),
            "open");
    return agree(r, "opened", fine);
}

static void report_split(struct run *r, const struct pfs_split *s)
{
    static const char *const names[5] = { "pfs.latency", "pfs.client", "pfs.mesh", "pfs.queue",
                                          "pfs.arm" };
    const sim_time times[5] = { s->latency, s->client, s->mesh, s->queue, s->arm };
    for (int i = 0; i < 5; i++)
        port_measure(r->node->port, names[i], (double)times[i] / (double)SIM_SEC);
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

/* One request of the loop; false: the rank gives up. */
static bool request(struct run *r, enum pfs_op op, bool measured)
{
    const struct params *p = r->p;
    struct port *port = r->node->port;
    struct pfs_req q;
    pfs_req_init(&q, op, r->f);
    q.at = true;
    q.off = offset_of(r, r->k);
    q.len = (uint64_t)p->size;
    if (op == PFS_WRITE)
        rope_add_pattern(&q.data, r->seed, q.off, q.len);
    sim_time start = port_now(port);
    pfs_submit(&q);
    enum pfs_status s = pfs_wait(&q);
    bool fine = good(r, s, op == PFS_READ ? "read" : "write");
    if (fine && q.moved != (uint64_t)p->size) {
        port_fail(port, "rank %u: %llu of %lld bytes at %llu of file %s", r->rank,
                  (unsigned long long)q.moved, (long long)p->size, (unsigned long long)q.off,
                  r->name);
        fine = false;
    }
    if (fine && op == PFS_READ) {
        port_delivered(port, q.moved, rope_hash(&q.data));
        fine = !p->verify || verify(r, &q);
    }
    if (fine && measured) {
        report_split(r, &q.split);
        r->log[r->logged++] = (struct done){ start, port_now(port), q.moved };
    }
    rope_fini(&q.data);
    r->k++;
    return fine;
}

static bool loop(struct run *r)
{
    struct port *port = r->node->port;
    uint64_t warmup = (uint64_t)r->p->warmup, all = per_rank(r->p);
    r->log = port_alloc(port, (size_t)r->p->requests * sizeof *r->log);
    r->first = r->warm = port_now(port);
    bool fine = true;
    while (r->k < all) {
        if (!request(r, r->p->op == OP_READ ? PFS_READ : PFS_WRITE, r->k >= warmup)) {
            fine = false;
            /* Where requests are made together, the others wait for this one's as before. */
            if (r->p->mode != M_SYNC && r->p->mode != M_GLOBAL)
                return false;
        }
        if (r->k == warmup)
            r->warm = port_now(port);
        r->last = port_now(port);
        if (r->p->think > 0)
            port_compute(port, r->p->think);
    }
    return fine;
}

/* Bytes of this rank in [from, to): of a request that lies in it partly, that part. */
static uint64_t bytes_in(const struct run *r, sim_time from, sim_time to)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < r->logged; i++) {
        const struct done *d = &r->log[i];
        sim_time a = sim_time_max(d->start, from), b = sim_time_min(d->end, to);
        if (b > a)
            sum += (uint64_t)((unsigned __int128)d->bytes * (uint64_t)(b - a) /
                              (uint64_t)(d->end - d->start));
    }
    return sum;
}

static void report(struct run *r)
{
    struct pfs_client *c = r->node->pfs;
    struct port *port = r->node->port;
    struct pfs_gathered warm, last, first, bytes;
    if (!good(r, pfs_gather(c, "warm", r->ranks, (uint64_t)r->warm, &warm), "gather") ||
        !good(r, pfs_gather(c, "last", r->ranks, (uint64_t)r->last, &last), "gather") ||
        !good(r, pfs_gather(c, "first", r->ranks, (uint64_t)r->warm, &first), "gather"))
        return;
    sim_time from = (sim_time)warm.most, to = (sim_time)last.least;
    bool empty = to <= from;
    if (empty) { /* no moment at which all are at work */
        from = (sim_time)first.least;
        to = (sim_time)last.most;
    }
    if (!good(r, pfs_gather(c, "bytes", r->ranks, bytes_in(r, from, to), &bytes), "gather") ||
        r->rank != 0)
        return;
    if (empty)
        port_remark(port, "the first rank has ended before all had begun: the window is the whole "
                          "run");
    double length = (double)(to - from) / (double)SIM_SEC;
    double total = (double)((sim_time)last.most - (sim_time)first.least) / (double)SIM_SEC;
    port_measure(port, "pfs.window", length);
    port_measure(port, "pfs.bandwidth", (double)bytes.sum / length);
    port_measure(port, "pfs.bandwidth.total",
                 (double)r->ranks * (double)r->p->requests * (double)r->p->size / total);
}

static bool read_back(struct run *r)
{
    struct pfs_gathered all;
    struct pfs_client *c = r->node->pfs;
    if (!good(r, pfs_gather(c, "readback", r->ranks, 0, &all), "wait for all") ||
        !good(r, pfs_setiomode(r->f, M_ASYNC), "setiomode"))
        return false;
    for (r->k = 0; r->k < per_rank(r->p);)
        if (!request(r, PFS_READ, false))
            return false;
    return true;
}

static void program(struct os_node *node, const struct program *me)
{
    struct run r = { .node = node, .p = me->params, .rank = me->rank, .ranks = me->ranks };
    if (node->pfs == NULL) {
        port_fail(node->port, "the protocol graph has no instance 'rpc' for PFS to use");
        return;
    }
    if (!open_file(&r))
        return;
    if (agree(&r, "looped", loop(&r))) {
        report(&r);
        if (!r.p->readback || read_back(&r))
            (void)good(&r, pfs_close(r.f), "close");
    }
    port_free(node->port, r.log);
}

const struct workload_ops workload_pfs = {
    .kind = { .name = "pfs",
              .doc = "Programs read or write striped files and check every byte.",
              .params = params_desc,
              .params_size = sizeof(struct params) },
    .measures = measures,
    .check = check,
    .programs = programs,
    .main = program,
};
