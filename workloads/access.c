/* access.c: the same work on a file by its memory, by requests through caches, or past them.
 *
 * Work:
 *   scan           each program reads a file of its own once, request by request;
 *   reread         at random, what it has read before;
 *   counter        all programs add one to a word of a file that they share, in turns: each tells
 *                  the next that it may;
 *   false_sharing  each writes a word of its own and reads it again, all in one block.
 *
 * Ways: mapped (loads and stores), cached (requests, as the stack's layers keep blocks), direct
 * (requests past buffers).  Files read are full of a pattern, of which every byte is compared; what
 * was seen of words is judged as memory is (os/svm/history.h), and the counter counted.  A program
 * that is mapped takes no time between faults but what it thinks: loads and stores are free.
 */
#include <stdio.h>

#include "os/file/mapped.h"
#include "os/xk/msg.h" /* wire_put / wire_get */
#include "workloads/io/job.h"
#include "workloads/io/loop.h"
#include "workloads/seen.h"
#include "workloads/workload.h"

enum { WORD = 8, TURN = 7002, BASE = 0x40000000 };

enum way { MAPPED, CACHED, DIRECT };
static const char *const ways[] = { "mapped", "cached", "direct", NULL };
enum work { SCAN, REREAD, COUNTER, FALSE_SHARING };
static const char *const works[] = { "scan", "reread", "counter", "false_sharing", NULL };

struct params {
    struct io_loop_params loop;
    struct vm_params memory;
    int64_t nodes, size, bytes;
    int system, access, work;
};
static const struct param params_desc[] = {
    P_CHOICE_OF(params, system, "files", pio_systems, "The file system."),
    IO_LOOP_PARAMS,
    P_TABLE(params, memory, vm_params_desc, "Pages and frames of each program.", "os/vm/vm.h"),
    P_INT(params, nodes, "0", "0", "1024", "Compute nodes that take part; 0: all."),
    P_SIZE(params, size, "4KiB", "8B", "1MiB",
           "Bytes of a request, or touched at once; counter and false_sharing: 8.",
           "ASSUMED(a page)"),
    P_SIZE(params, bytes, "1MiB", "4KiB", "256MiB", "Bytes of a file that is read.",
           "ASSUMED(more than a page, less than memory)"),
    P_CHOICE(params, access, "mapped", ways,
             "How programs come to the bytes: as memory, by requests through caches, or by "
             "requests past them.",
             "ASSUMED(the experiment's choice)"),
    P_CHOICE(params, work, "reread", works,
             "What they do: read a file once, read parts of it at random again, add to a shared "
             "word in turns, each write words of its own in one block.",
             "ASSUMED(the experiment's choice)"),
    P_END,
};

enum { TIME, LATENCY, OUTSIDE, CHECKED };
static const struct measure measures[] = {
    [TIME] = { "access.time", "s", "Time of a load or a store, of a read or a write.",
               MEASURE_HISTOGRAM | MEASURE_COLUMN },
    [LATENCY] = { "access.latency", "s",
                  "Time of a request of the loop: of its accesses, and of a turn before.",
                  MEASURE_HISTOGRAM | MEASURE_INSIDE },
    [OUTSIDE] = { "access.outside", "s", "Time between two accesses.", MEASURE_OUTSIDE },
    [CHECKED] = { "access.checked", "1", "Accesses to words that were judged.", MEASURE_TOTAL },
    { .name = NULL }
};
static const struct measure rate = { "access.rate", "1/s",
                                     "Accesses of all programs a second, in the window.",
                                     MEASURE_COLUMN };

static bool reads(const struct params *p)
{
    return p->work == SCAN || p->work == REREAD;
}

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
    return pio_file_count(io_system(p->system), reads(p) ? programs(p, l) : 1);
}

static bool check(const void *params, const struct os_layout *l, struct err *e)
{
    const struct params *p = params;
    uint64_t all = (uint64_t)(p->loop.requests + p->loop.warmup);
    if (!workload_nodes_check(p->nodes, l, e))
        return false;
    if (reads(p) && p->memory.page % p->size != 0 && p->size % p->memory.page != 0)
        return err_set(e,
                       "workload.size is %lld bytes, which neither divides a page of %lld nor is "
                       "some of them",
                       (long long)p->size, (long long)p->memory.page);
    if (reads(p) && p->bytes % p->size != 0)
        return err_set(e, "workload.bytes is %lld, no multiple of a request of %lld",
                       (long long)p->bytes, (long long)p->size);
    if (p->work == SCAN && all * (uint64_t)p->size > (uint64_t)p->bytes)
        return err_set(e, "workload: %llu requests of %lld bytes are more than a file of %lld",
                       (unsigned long long)all, (long long)p->size, (long long)p->bytes);
    if (p->work == FALSE_SHARING && programs(p, l) * (uint64_t)WORD > (uint64_t)p->memory.page)
        return err_set(e, "workload: %u words do not fit a page of %lld bytes", programs(p, l),
                       (long long)p->memory.page);
    const struct pio_plan plan = {
        .path = "workload",
        .can = PIO_CAN(PIO_SET_SIZE) | PIO_CAN(PIO_FILL) | PIO_CAN(PIO_AGREE),
        .traits = programs(params, l) > 1 && !reads(p) ? PIO_SHARED : 0u,
        .unit = UINT64_C(64) << 10,
        .files = files(params, l),
        .ranks = programs(params, l),
        .size = (uint64_t)p->bytes,
        .maps = p->access == MAPPED,
    };
    return pio_check(io_system(p->system), l, &plan, e);
}

struct run {
    struct io_job j;
    const struct params *p;
    struct nx *nx;
    struct pio_file *file;
    struct file_map *map;
    struct vm_space *space;
    struct history mine;
    uint64_t written; /* numbers so far */
    uint8_t *bytes;   /* of a request */
};

/* ---- one access ---- */

static bool by_request(struct run *r, uint64_t off, uint64_t len, bool writes)
{
    const struct file_run run = { .off = off, .len = len, .count = 1 };
    struct pio_req q;
    pio_req_init(&q, writes ? PIO_WRITE : PIO_READ, r->file);
    q.runs = &run;
    q.run_count = 1;
    if (writes)
        rope_add_bytes(&q.data, r->bytes, len);
    pio_submit(&q);
    bool fine = io_good(&r->j, pio_wait(&q), writes ? "write" : "read", "the file");
    if (fine && !writes && q.data.length == len)
        rope_read(&q.data, 0, len, r->bytes);
    else if (fine && !writes)
        fine = io_good(&r->j, PIO_IO_ERROR, "length", "a read");
    rope_fini(&q.data);
    return fine;
}

/* From or to r->bytes; a failed access to memory ends the program. */
static bool touch(struct run *r, uint64_t off, uint64_t len, bool writes)
{
    if (r->map == NULL)
        return by_request(r, off, len, writes);
    return writes ? vm_write(r->space, BASE + off, r->bytes, len)
                  : vm_read(r->space, BASE + off, r->bytes, len);
}

static void ended(struct run *r, sim_time since)
{
    struct port *p = r->j.node->port;
    port_pay(p);
    port_measure(p, &measures[TIME], sim_time_seconds(port_now(p) - since));
    port_progress(p, since, 1);
}

static sim_time begun(struct run *r)
{
    port_pay(r->j.node->port);
    return port_now(r->j.node->port);
}

/* ---- reading ---- */

static uint64_t seed_of(const struct run *r)
{
    return 77 + r->j.rank;
}

static bool read_one(struct run *r, uint64_t k)
{
    struct port *p = r->j.node->port;
    uint64_t size = (uint64_t)r->p->size, pieces = (uint64_t)r->p->bytes / size;
    uint64_t at = (r->p->work == SCAN ? k : port_random_below(p, pieces)) * size;
    sim_time since = begun(r);
    if (!touch(r, at, size, false))
        return false;
    ended(r, since);
    struct rope want;
    rope_init(&want);
    rope_add_pattern(&want, seed_of(r), at, size);
    uint8_t *bytes = port_alloc(p, size);
    rope_read(&want, 0, size, bytes);
    bool same = true;
    for (uint64_t i = 0; i < size && same; i++)
        same = bytes[i] == r->bytes[i];
    port_free(p, bytes);
    rope_fini(&want);
    if (!same)
        port_fail(p, "rank %u: a wrong byte at %llu of its file", r->j.rank,
                  (unsigned long long)at);
    return same;
}

/* ---- words ---- */

static bool word(struct run *r, uint64_t off, bool writes, uint64_t *value)
{
    struct history_op op = { .addr = off, .size = WORD, .node = r->j.rank, .write = writes };
    if (writes)
        wire_put64(r->bytes, *value);
    op.start = begun(r);
    if (!touch(r, off, WORD, writes))
        return false;
    ended(r, op.start);
    op.end = port_now(r->j.node->port);
    if (!writes)
        *value = wire_get64(r->bytes);
    op.value = *value;
    history_add(&r->mine, &op);
    return true;
}

/* The word is one more than at its last turn for each program's turn meanwhile. */
static bool count_one(struct run *r, uint64_t k)
{
    struct rope none;
    uint64_t value, want = k * r->j.ranks + r->j.rank;
    rope_init(&none);
    bool waits = r->j.ranks > 1 && (k > 0 || r->j.rank > 0);
    if (waits && nx_crecv(r->nx, TURN, 0, &none).status != NX_OK)
        return io_good(&r->j, PIO_NODE_DOWN, "turn", "the counter");
    rope_fini(&none);
    if (!word(r, 0, false, &value))
        return false;
    if (value != want) /* the others' turns come all the same */
        port_fail(r->j.node->port, "rank %u: the counter is %llu, not %llu", r->j.rank,
                  (unsigned long long)value, (unsigned long long)want);
    value++;
    if (!word(r, 0, true, &value))
        return false;
    bool last = r->j.rank + 1 == r->j.ranks;
    uint64_t all = (uint64_t)(r->p->loop.requests + r->p->loop.warmup);
    if (r->j.ranks > 1 && !(last && k + 1 == all))
        (void)nx_csend(r->nx, TURN, &none, last ? 0 : r->j.rank + 1);
    return true;
}

static bool share_one(struct run *r, uint64_t k)
{
    uint64_t off = r->j.rank * (uint64_t)WORD, value = k + 1;
    return word(r, off, true, &value) && word(r, off, false, &value);
}

static bool request(void *self, uint64_t k)
{
    struct run *r = self;
    struct port *p = r->j.node->port;
    sim_time since = begun(r);
    bool fine = reads(r->p)             ? read_one(r, k)
                : r->p->work == COUNTER ? count_one(r, k)
                                        : share_one(r, k);
    port_pay(p);
    if (fine)
        port_measure(p, &measures[LATENCY], sim_time_seconds(port_now(p) - since));
    return fine;
}

static bool flush(void *self)
{
    struct run *r = self;
    return io_good(&r->j, pio_flush(r->file), "flush", "the file");
}

/* ---- the program ---- */

static bool open_file(struct run *r, bool makes, bool direct)
{
    char name[32];
    if (reads(r->p))
        (void)snprintf(name, sizeof name, "own.%u", r->j.rank);
    else
        (void)snprintf(name, sizeof name, "shared");
    unsigned flags = (makes ? PIO_O_CREATE : 0u) | (direct ? PIO_O_DIRECT : 0u);
    const struct pio_open o = {
        .name = name, .flags = flags, .ranks = 1, .mode = PIO_PLAIN, .unit = UINT64_C(64) << 10
    };
    return io_good(&r->j, pio_open(r->j.sys, &o, &r->file), "open", name);
}

/* A file to read is full of a pattern, and no buffer has any of it; a shared one is a page. */
static bool make(struct run *r)
{
    struct pio_control c = {
        .what = PIO_FILL, .value = (uint64_t)r->p->bytes, .seed = seed_of(r), .cold = true
    };
    if (!reads(r->p) && r->j.rank > 0)
        return true;
    if (!open_file(r, true, false))
        return false;
    bool fine = reads(r->p) ? io_good(&r->j, pio_control(r->j.sys, r->file, &c), "fill", "its file")
                            : io_good(&r->j, pio_set_size(r->file, (uint64_t)r->p->memory.page),
                                      "lsize", "the file of all") &&
                                  flush(r);
    return io_good(&r->j, pio_close(r->file), "close", "the file") && fine;
}

static bool map(struct run *r)
{
    const struct params *p = r->p;
    uint64_t page = (uint64_t)p->memory.page, bytes = reads(p) ? (uint64_t)p->bytes : page;
    r->space = vm_space_create(vm_create(r->j.node->port, &p->memory), "access");
    const struct pio_map m = { .space = r->space,
                               .base = BASE,
                               .length = (bytes + page - 1) / page * page,
                               .writes = !reads(p) };
    return p->access != MAPPED || io_good(&r->j, pio_map(r->file, &m, &r->map), "map", "the file");
}

/* What is read again has been read once. */
static bool read_all(struct run *r)
{
    uint64_t size = (uint64_t)r->p->size, bytes = (uint64_t)r->p->bytes;
    bool fine = true;
    for (uint64_t at = 0; at < bytes && fine && r->p->work == REREAD; at += size)
        fine = touch(r, at, size, false);
    return fine;
}

/* What all have written is in the file: nobody's word was written over. */
static bool all_there(struct run *r)
{
    uint64_t each = (uint64_t)(r->p->loop.requests + r->p->loop.warmup), value, want;
    bool counts = r->p->work == COUNTER, fine = true;
    for (uint32_t i = 0; i < (counts ? 1 : r->j.ranks) && fine; i++) {
        fine = by_request(r, i * (uint64_t)WORD, WORD, false);
        value = wire_get64(r->bytes);
        want = counts ? each * r->j.ranks : each;
        if (fine && value != want) {
            port_fail(r->j.node->port, "word %u of the file is %llu at the end, not %llu", i,
                      (unsigned long long)value, (unsigned long long)want);
            return false;
        }
    }
    return fine;
}

static void program(struct os_node *node, const struct program *me)
{
    const struct params *p = me->params;
    struct port *port = node->port;
    uint64_t most = reads(p) ? (uint64_t)p->size : WORD;
    struct run *r = port_alloc(port, sizeof *r);
    *r = (struct run){ .j = { .node = node,
                              .sys = pio_find(io_system(p->system), node),
                              .rank = me->rank,
                              .ranks = me->ranks },
                       .p = p,
                       .nx = os_find(node, &nx_service),
                       .bytes = port_alloc(port, most) };
    r->j.sys->user = io_user(&p->loop, me->rank);
    history_init(&r->mine, port, 0, 0);
    const struct io_loop l = { .port = port,
                               .p = &p->loop,
                               .ranks = me->ranks,
                               .writes = !reads(p),
                               .work = true,
                               .self = r,
                               .request = request,
                               .flush = reads(p) ? NULL : flush,
                               .inside = &measures[LATENCY],
                               .outside = &measures[OUTSIDE] };
    if (!io_agree(&r->j, "made", make(r)))
        return;
    if (!io_agree(&r->j, "opened",
                  open_file(r, false, p->access == DIRECT) && map(r) && read_all(r)))
        return;
    if (me->rank == 0)
        io_loop_remarks(&l);
    if (!io_agree(&r->j, "ended", io_loop(&l)))
        return;
    if (!reads(p)) {
        uint64_t all = 2 * (uint64_t)(p->loop.requests + p->loop.warmup);
        uint64_t judged = seen_judge(port, r->nx, me->rank, me->ranks, all, &r->mine,
                                     "the words of the file", NULL, NULL);
        if (judged > 0)
            port_measure(port, &measures[CHECKED], (double)judged);
    }
    history_fini(&r->mine);
    bool fine = r->map == NULL || io_good(&r->j, pio_unmap(r->file, r->map), "unmap", "the file");
    r->map = NULL;
    if (io_agree(&r->j, "unmapped", fine) && me->rank == 0 && !reads(p))
        fine = all_there(r);
    if (io_good(&r->j, pio_close(r->file), "close", "the file") && fine)
        port_free(port, r);
}

extern const struct workload_ops workload_access;
const struct workload_ops workload_access = {
    .kind = { .name = "access",
              .doc = "The same work on a file by its memory, by requests, or by requests past "
                     "buffers.",
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
