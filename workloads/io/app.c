/* app.c: see app.h. */
#include "workloads/io/app.h"

#include <stdio.h>

#define OP(name, op, doc) COUNTER(COUNTER_SUM, name, app, counts.count[op], "1", doc)
#define TIME(name, op, doc) COUNTER(COUNTER_SUM, name, app, counts.time[op], "ps", doc)
const struct counter app_counters[] = {
    OP("opens", APP_OPEN, "Files opened by programs."),
    OP("reads", APP_READ, "Reads."),
    OP("asyncs", APP_ASYNC, "Asynchronous reads started."),
    OP("waits", APP_WAIT, "Asynchronous reads awaited."),
    OP("writes", APP_WRITE, "Writes."),
    OP("seeks", APP_SEEK, "Seeks."),
    OP("flushes", APP_FLUSH, "Flushes to the file system."),
    OP("sizes", APP_SIZE, "Sizes set."),
    OP("closes", APP_CLOSE, "Files closed."),
    COUNTER(COUNTER_SUM, "read_bytes", app, counts.read_bytes, "B", "Bytes read."),
    COUNTER(COUNTER_SUM, "write_bytes", app, counts.write_bytes, "B", "Bytes written."),
    TIME("open_time", APP_OPEN, "Time of the programs in opens."),
    TIME("read_time", APP_READ, "The same in reads."),
    TIME("async_time", APP_ASYNC, "In starting asynchronous reads."),
    TIME("wait_time", APP_WAIT, "In waiting for them."),
    TIME("write_time", APP_WRITE, "In writes."),
    TIME("seek_time", APP_SEEK, "In seeks."),
    TIME("flush_time", APP_FLUSH, "In flushes."),
    TIME("size_time", APP_SIZE, "In setting sizes."),
    TIME("close_time", APP_CLOSE, "In closes."),
    COUNTER(COUNTER_SUM, "io_time", app, counts.all, "ps", "In all of these."),
    C_END,
};

#define SHARE(name, time, doc)                                                                     \
    {                                                                                              \
        name, doc, app_counters, { time }, { "io_time" }, true                                     \
    }
const struct counter_ratio app_ratios[] = {
    SHARE("app.open_share.mean", "open_time", "Share of opens in the time of operations."),
    SHARE("app.read_share.mean", "read_time", "Share of reads."),
    SHARE("app.wait_share.mean", "wait_time", "Share of waiting for asynchronous reads."),
    SHARE("app.write_share.mean", "write_time", "Share of writes."),
    SHARE("app.seek_share.mean", "seek_time", "Share of seeks."),
    { .name = NULL },
};
const struct measure app_bandwidth = IO_BANDWIDTH_OF("file");

const struct os_service_ops *const *app_services(const void *params)
{
    return io_system(((const struct app_params *)params)->system)->services;
}

uint32_t app_programs(const void *params, const struct os_layout *l)
{
    return workload_nodes(((const struct app_params *)params)->nodes, l);
}

bool app_check(const struct app_params *p, const struct os_layout *l, uint64_t files,
               uint64_t bytes, struct err *e)
{
    if (!workload_nodes_check(p->nodes, l, e))
        return false;
    uint32_t ranks = app_programs(p, l);
    const struct pio_plan plan = { .path = "workload",
                                   .can = PIO_CAN(PIO_FILL) | PIO_CAN(PIO_FLUSH) |
                                          PIO_CAN(PIO_AGREE) | PIO_CAN(PIO_SET_SIZE),
                                   .traits = ranks > 1 ? PIO_SHARED : 0u,
                                   .unit = (uint64_t)p->unit,
                                   .factor = (uint32_t)p->factor,
                                   .files = (uint32_t)files,
                                   .ranks = ranks,
                                   .size = bytes / files + 1 };
    return pio_check(io_system(p->system), l, &plan, e);
}

/* ---- a run ---- */

struct app *app_new(struct os_node *n, const struct program *me, const struct measure *measures)
{
    struct app *a = port_alloc(n->port, sizeof *a);
    const struct app_params *p = me->params;
    *a = (struct app){ .j = { .node = n,
                              .sys = pio_find(io_system(p->system), n),
                              .rank = me->rank,
                              .ranks = me->ranks,
                              .verify = true },
                       .p = p,
                       .measures = measures,
                       .nx = os_find(n, &nx_service),
                       .fine = true };
    port_counters(n->port, "app", app_counters, a);
    return a;
}

void app_meet(struct app *a)
{
    char tag[32];
    (void)snprintf(tag, sizeof tag, "app.%u", a->meetings++);
    a->fine = io_agree(&a->j, tag, a->fine) && a->fine;
}

void app_begin(struct app *a)
{
    app_meet(a);
    if (!a->fine)
        return;
    port_window(a->j.node->port, true, a->j.ranks);
    app_meet(a); /* no rank is ahead of the window */
    a->since = port_now(a->j.node->port);
}

void app_phase(struct app *a)
{
    struct port *p = a->j.node->port;
    app_meet(a);
    if (a->fine && a->j.rank == 0)
        port_measure(p, &a->measures[APP_PHASE + a->phases],
                     sim_time_seconds(port_now(p) - a->since));
    a->since = port_now(p);
    a->phases++;
}

bool app_end(struct app *a)
{
    app_meet(a);
    if (a->fine)
        port_window(a->j.node->port, false, a->j.ranks);
    app_meet(a); /* nobody goes on while it is open */
    return a->fine;
}

void app_free(struct app *a)
{
    port_counters_end(a->j.node->port, a);
    port_free(a->j.node->port, a);
}

/* An operation that began then has ended. */
static void ended(struct app *a, enum app_op op, sim_time since)
{
    struct port *p = a->j.node->port;
    sim_time t = port_now(p) - since;
    a->counts.count[op]++;
    a->counts.time[op] += (uint64_t)t;
    a->counts.all += (uint64_t)t;
    port_measure(p, &a->measures[APP_TIME + op], sim_time_seconds(t));
}

/* ---- files ---- */

void app_file(struct io_target *t, const char *name, uint32_t of)
{
    *t = (struct io_target){ .f = NULL };
    (void)snprintf(t->name, sizeof t->name, "%s.%u", name, of);
    t->seed = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (const char *c = t->name; *c != 0; c++)
        t->seed = (t->seed ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
}

static int mode_index(const struct app *a, const char *name)
{
    struct err e = ERR_INIT;
    int mode;
    return pio_mode_find(a->j.sys->ops, name, "", &mode, &e) ? mode : PIO_PLAIN;
}

static bool can(const struct app *a, enum pio_ctl what)
{
    return a->j.sys->ops->can & PIO_CAN(what);
}

static void control(struct app *a, struct io_target *t, struct pio_control c, const char *what)
{
    a->fine = io_good(&a->j, pio_control(a->j.sys, t->f, &c), what, t->name);
}

static void open_as(struct app *a, struct io_target *t, int mode, bool shared)
{
    bool all = shared && mode != PIO_PLAIN;
    const struct pio_open o = { .name = t->name,
                                .flags = PIO_O_CREATE,
                                .rank = all ? a->j.rank : 0,
                                .ranks = all ? a->j.ranks : 1,
                                .mode = mode,
                                .unit = (uint64_t)a->p->unit,
                                .factor = (uint32_t)a->p->factor };
    a->fine = io_good(&a->j, pio_open(a->j.sys, &o, &t->f), "open", t->name);
}

void app_make(struct app *a, const struct io_target *t, uint64_t seed, uint64_t bytes)
{
    struct io_target x = *t;
    if (!a->fine)
        return;
    open_as(a, &x, PIO_PLAIN, false);
    if (a->fine && seed != 0)
        control(
            a, &x,
            (struct pio_control){ .what = PIO_FILL, .seed = seed, .value = bytes, .cold = true },
            "fill");
    else if (a->fine && bytes > 0)
        control(a, &x, (struct pio_control){ .what = PIO_SET_SIZE, .value = bytes }, "lsize");
    if (a->fine)
        a->fine = io_good(&a->j, pio_close(x.f), "close", x.name);
}

void app_open(struct app *a, struct io_target *t, const char *mode, bool shared)
{
    sim_time since = port_now(a->j.node->port);
    if (!a->fine)
        return;
    open_as(a, t, mode_index(a, mode), shared);
    ended(a, APP_OPEN, since);
}

void app_mode(struct app *a, struct io_target *t, const char *mode)
{
    int index = mode_index(a, mode);
    if (a->fine && a->j.sys->ops->modes != NULL && index != t->f->mode)
        control(a, t, (struct pio_control){ .what = PIO_MODE, .mode = index }, "setiomode");
}

void app_move(struct app *a, struct io_target *t, enum pio_op op, uint64_t off, uint64_t len)
{
    const struct file_run run = { .off = off, .len = len, .count = 1 };
    struct pio_split sum = { .latency = 0 };
    sim_time since = port_now(a->j.node->port);
    if (!a->fine)
        return;
    a->fine = io_transfer(&a->j, t, op, &run, 1, &sum);
    ended(a, op == PIO_READ ? APP_READ : APP_WRITE, since);
    *(op == PIO_READ ? &a->counts.read_bytes : &a->counts.write_bytes) += len;
    if (a->fine)
        io_report(&a->j, a->measures, &sum, len);
}

uint64_t app_series(struct app *a, struct io_target *t, enum pio_op op, uint64_t off,
                    uint64_t count, uint64_t bytes)
{
    for (uint64_t k = 0; k < count; k++) {
        uint64_t len = bytes / count + (k + 1 == count ? bytes % count : 0);
        app_move(a, t, op, off, len);
        off += len;
    }
    return off;
}

void app_seek(struct app *a, struct io_target *t, uint64_t off)
{
    sim_time since = port_now(a->j.node->port);
    if (a->fine && can(a, PIO_SEEK) && t->f->mode != PIO_PLAIN)
        control(a, t, (struct pio_control){ .what = PIO_SEEK, .value = off }, "seek");
    if (a->fine)
        ended(a, APP_SEEK, since);
}

void app_flush(struct app *a, struct io_target *t)
{
    sim_time since = port_now(a->j.node->port);
    if (!a->fine)
        return;
    a->fine = io_good(&a->j, pio_propagate(t->f), "flush", t->name);
    ended(a, APP_FLUSH, since);
}

void app_size(struct app *a, struct io_target *t, uint64_t size)
{
    sim_time since = port_now(a->j.node->port);
    if (!a->fine)
        return;
    a->fine = io_good(&a->j, pio_set_size(t->f, size), "lsize", t->name);
    ended(a, APP_SIZE, since);
}

void app_leave(struct app *a, struct io_target *t)
{
    if (!a->fine)
        return;
    a->fine = io_good(&a->j, pio_flush(t->f), "sync", t->name);
    a->fine = io_good(&a->j, pio_close(t->f), "close", t->name) && a->fine;
}

void app_close(struct app *a, struct io_target *t)
{
    sim_time since = port_now(a->j.node->port);
    if (!a->fine)
        return;
    app_leave(a, t);
    ended(a, APP_CLOSE, since);
}

void app_start(struct app *a, struct io_target *t, uint64_t off, uint64_t len, struct app_ahead *x)
{
    sim_time since = port_now(a->j.node->port);
    x->under_way = a->fine;
    if (!a->fine)
        return;
    x->run = (struct file_run){ .off = off, .len = len, .count = 1 };
    io_start(&a->j, t, PIO_READ, &x->run, 1, &x->x);
    ended(a, APP_ASYNC, since);
}

void app_wait(struct app *a, struct app_ahead *x)
{
    sim_time since = port_now(a->j.node->port);
    if (!x->under_way)
        return;
    (void)pio_wait(&x->x.q);
    struct pio_split split = x->x.q.split;
    a->fine = io_finish(&a->j, &x->x) && a->fine;
    x->under_way = false;
    ended(a, APP_WAIT, since);
    a->counts.read_bytes += x->run.len;
    io_report(&a->j, a->measures, &split, x->run.len);
}

/* ---- messages ---- */

/* Messages of a rank have its own type. */
static int64_t type_of(uint32_t from)
{
    return (INT64_C(1995) << 16) + from;
}

static void send(struct app *a, const struct io_target *t, uint64_t off, uint64_t len, uint32_t to)
{
    struct rope data;
    rope_init(&data);
    rope_add_pattern(&data, t->seed, off, len);
    a->fine = nx_csend(a->nx, type_of(a->j.rank), &data, to) == NX_OK && a->fine;
    rope_fini(&data);
}

static void receive(struct app *a, const struct io_target *t, uint64_t off, uint64_t len,
                    uint32_t from)
{
    struct rope data, want;
    struct nx_info in = nx_crecv(a->nx, type_of(from), len, &data);
    rope_init(&want);
    rope_add_pattern(&want, t->seed, off, len);
    if (in.status != NX_OK || rope_first_difference(&data, &want) != UINT64_MAX) {
        port_fail(a->j.node->port, "rank %u: a message does not have %llu bytes at %llu of file %s",
                  a->j.rank, (unsigned long long)len, (unsigned long long)off, t->name);
        a->fine = false;
    }
    rope_fini(&data);
    rope_fini(&want);
}

void app_tell(struct app *a, const struct io_target *t, uint64_t off, uint64_t len)
{
    uint32_t rank = a->j.rank, step = 1;
    if (a->nx == NULL || !a->fine)
        return;
    for (; step < a->j.ranks && !(rank & step); step <<= 1)
        ;
    if (rank > 0)
        receive(a, t, off, len, rank - step);
    for (step >>= 1; step > 0; step >>= 1)
        if (rank + step < a->j.ranks)
            send(a, t, off, len, rank + step);
}

void app_hand(struct app *a, const struct io_target *t, uint64_t off, uint64_t len, uint32_t from,
              uint32_t to)
{
    if (a->nx == NULL || !a->fine)
        return;
    if (a->j.rank == from)
        send(a, t, off, len, to);
    else if (a->j.rank == to)
        receive(a, t, off, len, from);
}
