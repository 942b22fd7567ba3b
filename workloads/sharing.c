/* sharing.c: programs read and write records of a file of their own and of one that all share, and
 * what they saw is judged.  In the file of all they are after the same records, or (`parts`) each
 * after those of a part of its own.
 *
 * A record is as long as a request and full of one number, another for each write.  At the end the
 * records of all accesses travel to rank 0, which asks whether each record of each file behaved as
 * one cell of memory would, in real time (os/svm/history.h).
 */
#include <stdio.h>

#include "os/xk/msg.h" /* wire_put / wire_get */
#include "os/xk/peers.h"
#include "workloads/io/job.h"
#include "workloads/io/loop.h"
#include "workloads/seen.h"
#include "workloads/workload.h"

enum { WORD = 8 };

struct params {
    struct io_loop_params loop;
    int64_t nodes, size, records;
    double shared, writes;
    int system;
    bool parts, verify, deaths;
};
static const struct param params_desc[] = {
    P_CHOICE_OF(params, system, "files", pio_systems, "The file system."),
    IO_LOOP_PARAMS,
    P_INT(params, nodes, "0", "0", NULL, "Compute nodes that take part; 0: all."),
    P_SIZE(params, size, "4KiB", "8B", "64KiB", "Bytes of a record: of a request; of 8 a multiple.",
           "ASSUMED(a page)"),
    P_INT(params, records, "16", "1", "1000000", "Records of a file, or of a part."),
    P_BOOL(params, parts, "false",
           "The file of all has a part for each program, which reads and writes no other."),
    P_REAL(params, shared, "0.5", "0", "1", "Of the requests: as many are of the file of all."),
    P_REAL(params, writes, "0.3", "0", "1", "Of the requests: as many are writes."),
    P_BOOL(params, verify, "true",
           "All accesses are recorded and judged: each reads what was written last."),
    P_BOOL(params, deaths, "false",
           "A program that dies in its loop is not missed: the others go on and are judged."),
    P_END,
};

enum { LATENCY, OUTSIDE, CHECKED };
static const struct measure measures[] = {
    [LATENCY] = { "sharing.latency", "s", "Time of a request of a program.",
                  MEASURE_HISTOGRAM | MEASURE_COLUMN | MEASURE_INSIDE },
    [OUTSIDE] = { "sharing.outside", "s", "Time between two requests.", MEASURE_OUTSIDE },
    [CHECKED] = { "sharing.checked", "1", "Accesses that were judged.", MEASURE_TOTAL },
    { .name = NULL }
};
static const struct measure rate = { "sharing.requests", "1/s",
                                     "Requests of all programs a second, in the window.",
                                     MEASURE_COLUMN };

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
    return pio_file_count(io_system(((const struct params *)params)->system),
                          programs(params, l) + 1);
}

static bool check(const void *params, const struct os_layout *l, struct err *e)
{
    const struct params *p = params;
    if (!workload_nodes_check(p->nodes, l, e))
        return false;
    if (p->size % WORD != 0)
        return err_set(e, "workload.size is %lld bytes, not a multiple of %d", (long long)p->size,
                       WORD);
    if (p->verify && os_service_params(l, &nx_service) == NULL)
        return err_set(e, "workload.verify: what programs saw goes by NX, which no node boots");
    const struct pio_plan plan = {
        .path = "workload",
        .can = PIO_CAN(PIO_SET_SIZE) | PIO_CAN(PIO_AGREE),
        .traits = programs(params, l) > 1 ? PIO_SHARED : 0u,
        .unit = UINT64_C(64) << 10,
        .files = files(params, l),
        .ranks = programs(params, l),
        .size = (uint64_t)(p->size * p->records) * (p->parts ? programs(params, l) : 1),
    };
    return pio_check(io_system(p->system), l, &plan, e);
}

struct run {
    struct io_job j;
    const struct params *p;
    struct pio_file *file[2]; /* its own, that of all */
    struct history mine;
    uint64_t written; /* numbers so far */
};

/* A transfer of one record; a write is of `*value`, a read gives it.  False after port_fail. */
static bool record(struct run *r, struct pio_file *f, const struct history_op *op, uint64_t at,
                   uint64_t *value)
{
    struct port *p = r->j.node->port;
    uint64_t size = (uint64_t)r->p->size;
    const struct file_run run = { .off = at * size, .len = size, .count = 1 };
    uint8_t *bytes = port_alloc(p, size);
    struct pio_req q;
    pio_req_init(&q, op->write ? PIO_WRITE : PIO_READ, f);
    q.runs = &run;
    q.run_count = 1;
    for (uint64_t i = 0; i < size && op->write; i += WORD)
        wire_put64(bytes + i, *value);
    if (op->write)
        rope_add_bytes(&q.data, bytes, size);
    pio_submit(&q);
    bool fine = io_good(&r->j, pio_wait(&q), op->write ? "write" : "read", "a record");
    if (fine && !op->write) {
        rope_read(&q.data, 0, q.data.length < size ? q.data.length : size, bytes);
        *value = wire_get64(bytes);
        for (uint64_t i = WORD; i < size && fine && r->p->verify; i += WORD)
            fine = wire_get64(bytes + i) == *value;
        if (!fine)
            port_fail(p, "rank %u: record %llu is part of one write, part of another", r->j.rank,
                      (unsigned long long)at);
    }
    rope_fini(&q.data);
    port_free(p, bytes);
    return fine;
}

static bool request(void *self, uint64_t k)
{
    enum { GRAIN = 1 << 20 };
    struct run *r = self;
    struct port *p = r->j.node->port;
    (void)k;
    bool shared = (double)port_random_below(p, GRAIN) < r->p->shared * GRAIN;
    uint64_t at = port_random_below(p, (uint64_t)r->p->records);
    at += shared && r->p->parts ? (uint64_t)r->p->records * r->j.rank : 0;
    struct history_op op = { .node = r->j.rank, .size = WORD };
    op.write = (double)port_random_below(p, GRAIN) < r->p->writes * GRAIN;
    op.addr = ((shared ? 0 : UINT64_C(1) + r->j.rank) << 32) + at * WORD;
    op.value = op.write ? (UINT64_C(1) + r->j.rank) << 32 | ++r->written : 0;
    port_pay(p);
    op.start = port_now(p);
    bool fine = record(r, r->file[shared], &op, at, &op.value);
    op.end = port_now(p);
    if (fine && r->p->verify)
        history_add(&r->mine, &op);
    if (fine) {
        port_measure(p, &measures[LATENCY], sim_time_seconds(op.end - op.start));
        port_progress(p, op.start, 1);
    }
    return fine;
}

static bool flush(void *self)
{
    struct run *r = self;
    return io_good(&r->j, pio_flush(r->file[0]), "flush", "its own file") &&
           io_good(&r->j, pio_flush(r->file[1]), "flush", "the file of all");
}

/* ---- what was seen ---- */

static bool is_dead(void *arg, uint32_t rank)
{
    const struct run *r = arg;
    const struct os_group *g = os_group(r->j.node->boot, "compute");
    return !xk_alive(r->j.node->xk, g->nodes[rank]);
}

static void judge(struct run *r)
{
    struct port *p = r->j.node->port;
    uint64_t most = (uint64_t)(r->p->loop.requests + r->p->loop.warmup);
    uint64_t judged =
        seen_judge(p, os_find(r->j.node, &nx_service), r->j.rank, r->j.ranks, most, &r->mine,
                   "the records of the files", r->p->deaths ? is_dead : NULL, r);
    if (judged > 0)
        port_measure(p, &measures[CHECKED], (double)judged);
}

/* ---- the program ---- */

static bool open_file(struct run *r, int which, bool makes)
{
    char name[32];
    uint64_t parts = which == 1 && r->p->parts ? r->j.ranks : 1;
    uint64_t bytes = (uint64_t)(r->p->size * r->p->records) * parts;
    (void)snprintf(name, sizeof name, which == 0 ? "own.%u" : "shared", r->j.rank);
    const struct pio_open o = { .name = name,
                                .flags = makes ? PIO_O_CREATE : 0,
                                .ranks = 1,
                                .mode = PIO_PLAIN,
                                .unit = UINT64_C(64) << 10 };
    return io_good(&r->j, pio_open(r->j.sys, &o, &r->file[which]), "open", name) &&
           (!makes || io_good(&r->j, pio_set_size(r->file[which], bytes), "lsize", name));
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
    r->j.sys->user = io_user(&p->loop, me->rank);
    history_init(&r->mine, node->port, 0, 0);
    const struct io_loop l = { .port = node->port,
                               .p = &p->loop,
                               .ranks = me->ranks,
                               .writes = p->writes > 0,
                               .work = true,
                               .self = r,
                               .request = request,
                               .flush = p->writes > 0 ? flush : NULL,
                               .inside = &measures[LATENCY],
                               .outside = &measures[OUTSIDE] };
    if (!io_agree(&r->j, "made", open_file(r, 0, true) && (me->rank > 0 || open_file(r, 1, true))))
        return;
    if (!io_agree(&r->j, "opened", me->rank == 0 || open_file(r, 1, false)))
        return;
    if (me->rank == 0)
        io_loop_remarks(&l);
    bool fine = io_loop(&l);
    if (p->deaths ? !fine : !io_agree(&r->j, "ended", fine))
        return;
    if (p->verify)
        judge(r);
    history_fini(&r->mine);
    fine = io_good(&r->j, pio_close(r->file[0]), "close", "its own file");
    if (io_good(&r->j, pio_close(r->file[1]), "close", "the file of all") && fine)
        port_free(node->port, r);
}

extern const struct workload_ops workload_sharing;
const struct workload_ops workload_sharing = {
    .kind = { .name = "sharing",
              .doc = "Programs read and write records of their own files and of one of all.",
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
