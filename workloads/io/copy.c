/* copy.c: a file of an outside file system is imported, or one is exported there, in parallel by
 * cells.
 *
 * The file outside is a stream of bytes; the file here is striped, `cells` units across, and what
 * lies in one column of it is a cell: one I/O node has it (Vesta), whatever else the system's rules
 * are where it knows no cells.  Rank r copies cells r, r + ranks, ...; `parallel` of them at once,
 * each piece by piece: one request reads the units of the cell from one side, one writes them to
 * the other.  Vesta's side is seen cell by cell (PIO_VIEW), so that a piece is one run of it; the
 * stream's side is a strided run.  What is copied is compared, byte by byte, when all is there.
 */
#include <stdio.h>

#include "workloads/io/job.h"
#include "workloads/workload.h"

enum { AT_ONCE_MAX = 64 };

struct outside {
    int system;
};
struct params {
    struct outside outside;
    int64_t nodes, bytes, piece, unit, cells, parallel;
    int system;
};

static const struct param outside_params[] = {
    P_CHOICE_OF(outside, system, "files", pio_systems, "The file system outside."),
    P_END,
};
static const struct param params_desc[] = {
    P_CHOICE_OF(params, system, "vesta", pio_systems, "The file system with the cells."),
    P_TABLE(params, outside, outside_params, "Where the stream is."),
    P_INT(params, nodes, "0", "0", NULL, "Compute nodes that copy; 0: all."),
    P_SIZE(params, bytes, "16MiB", "1B", "1TiB", "Bytes of the file."),
    P_INT(params, cells, "0", "0", "256", "Cells of the file; 0: as many as I/O nodes."),
    IO_UNIT_PARAM(params),
    P_INT(params, parallel, "1", "1", "64", "Cells that a program copies at once."),
    P_SIZE(params, piece, "256KiB", "1B", "1GiB",
           "Bytes of a cell that are copied by one request: whole units."),
    P_END,
};

enum { COPY, VERIFIED };
static const struct measure measures[] = {
    [COPY] = { "copy.piece", "s", "Time of a piece, from reading to written.", MEASURE_COLUMN },
    [VERIFIED] = { "copy.verified", "B", "Bytes that were compared when all was copied.", 0 },
    { .name = NULL }
};
static const struct measure rate = { "copy.bandwidth", "B/s", "Bytes copied a second.",
                                     MEASURE_COLUMN };

static uint32_t programs(const void *params, const struct os_layout *l)
{
    return workload_nodes(((const struct params *)params)->nodes, l);
}

static uint32_t cells_of(const struct params *p, const struct os_layout *l)
{
    return p->cells > 0 ? (uint32_t)p->cells : l->io_count > 0 ? l->io_count : 1;
}

static const struct os_service_ops *const *services_of(const void *params)
{
    return io_system(((const struct params *)params)->system)->services;
}

static uint32_t files(const void *params, const struct os_layout *l)
{
    const struct params *p = params;
    uint32_t a = pio_file_count(io_system(p->system), 1);
    uint32_t b = pio_file_count(io_system(p->outside.system), 1);
    (void)l;
    return a > b ? a : b;
}

static bool check(const void *params, const struct os_layout *l, bool in, struct err *e)
{
    const struct params *p = params;
    uint64_t both = PIO_CAN(PIO_FLUSH) | PIO_CAN(PIO_AGREE) | PIO_CAN(PIO_SET_SIZE);
    const struct pio_ops *outside = io_system(p->outside.system);
    struct pio_plan plan = { .path = "workload",
                             .can = both | (in ? 0 : PIO_CAN(PIO_FILL)),
                             .traits = PIO_LAYOUT | PIO_SHARED,
                             .unit = (uint64_t)p->unit,
                             .factor = cells_of(p, l),
                             .files = 1,
                             .ranks = programs(params, l),
                             .size = (uint64_t)p->bytes };
    if (!workload_nodes_check(p->nodes, l, e))
        return false;
    if (p->piece % p->unit != 0)
        return err_set(e, "workload.piece is %lld bytes, no multiple of workload.unit, %lld",
                       (long long)p->piece, (long long)p->unit);
    if (p->outside.system == p->system)
        return err_set(e,
                       "workload.outside.system is '%s', as workload.system: a copy goes from "
                       "one file system to another",
                       outside->kind.name);
    for (int i = 0; outside->services[i]; i++)
        if (!os_served(l, outside->services[i], "compute"))
            return err_set(e,
                           "workload.outside.system is '%s', which needs the service %s on the "
                           "compute nodes, and machine.os boots none",
                           outside->kind.name, outside->services[i]->kind.name);
    if (!pio_check(io_system(p->system), l, &plan, e))
        return false;
    plan.path = "workload.outside";
    plan.can = both | (in ? PIO_CAN(PIO_FILL) : 0);
    plan.traits = plan.ranks > 1 ? PIO_SHARED : 0u;
    plan.unit = plan.factor = 0;
    return pio_check(outside, l, &plan, e);
}

static bool import_check(const void *params, const struct os_layout *l, struct err *e)
{
    return check(params, l, true, e);
}

static bool export_check(const void *params, const struct os_layout *l, struct err *e)
{
    return check(params, l, false, e);
}

/* ---- a cell ---- */

struct side {
    struct pio *sys;
    bool view; /* it is seen cell by cell */
};

struct run;
struct lane { /* copies a cell */
    struct run *r;
    uint64_t cell, at, len, bytes; /* its number; the piece; in all */
    struct pio_file *f[2];         /* from, to */
    struct pio_req q;
    struct file_run runs[2];
    sim_time since;
    bool busy;
};

struct run {
    struct io_job j; /* of the side that a call is about */
    const struct params *p;
    const char *name;
    uint64_t row, seed; /* bytes of a row */
    uint32_t cells;
    bool in;
    struct side side[2]; /* from, to */
    struct pio_file *mine[2];
    uint64_t next; /* cell of this rank */
    struct lane lane[AT_ONCE_MAX];
};

static uint64_t cell_bytes(const struct run *r, uint64_t cell)
{
    uint64_t unit = (uint64_t)r->p->unit, all = (uint64_t)r->p->bytes, rest = all % r->row;
    uint64_t last = rest > cell * unit ? rest - cell * unit : 0;
    return all / r->row * unit + (last < unit ? last : unit);
}

static bool good(struct run *r, int side, enum pio_status s, const char *what)
{
    r->j.sys = r->side[side].sys;
    return io_good(&r->j, s, what, r->name);
}

static bool open_side(struct run *r, int side, unsigned flags, struct pio_file **f)
{
    bool outside = (side == 0) == r->in;
    const struct pio_open o = { .name = r->name,
                                .flags = flags,
                                .rank = r->j.rank,
                                .ranks = r->j.ranks,
                                .mode = PIO_PLAIN,
                                .unit = outside ? 0 : (uint64_t)r->p->unit,
                                .factor = outside ? 0 : r->cells };
    return good(r, side, pio_open(r->side[side].sys, &o, f), "open");
}

/* All ranks, by the system with the cells. */
static bool meet(struct run *r, const char *tag, bool fine)
{
    r->j.sys = r->side[r->in ? 1 : 0].sys;
    return io_agree(&r->j, tag, fine);
}

/* The piece, as it lies on a side; how many runs. */
static uint32_t places(struct lane *x, int side)
{
    const struct run *r = x->r;
    uint64_t unit = (uint64_t)r->p->unit, whole = x->len / unit, rest = x->len % unit;
    uint64_t off = x->at / unit * r->row + x->cell * unit;
    uint32_t n = 0;
    if (r->side[side].view) {
        x->runs[0] = (struct file_run){ .off = x->at, .len = x->len, .count = 1 };
        return 1;
    }
    if (whole > 0)
        x->runs[n++] = (struct file_run){ off, unit, r->row, whole };
    if (rest > 0)
        x->runs[n++] = (struct file_run){ off + whole * r->row, rest, 0, 1 };
    return n;
}

static void begin(struct lane *x, enum pio_op op, struct rope *data)
{
    int side = op == PIO_READ ? 0 : 1;
    uint64_t left = x->bytes - x->at, piece = (uint64_t)x->r->p->piece;
    if (op == PIO_READ)
        x->since = port_now(x->r->j.node->port);
    x->len = left < piece ? left : piece;
    pio_req_init(&x->q, op, x->f[side]);
    x->q.run_count = places(x, side);
    x->q.runs = x->runs;
    if (data != NULL)
        rope_move(&x->q.data, data);
    pio_submit(&x->q);
}

/* The rank's next cell that has any bytes; false: there is none, or it gives up. */
static bool take(struct run *r, struct lane *x, bool *fine)
{
    do {
        x->cell = r->next;
        r->next += r->j.ranks;
        if (x->cell >= r->cells)
            return false;
        x->bytes = cell_bytes(r, x->cell);
    } while (x->bytes == 0);
    x->at = 0;
    for (int side = 0; side < 2 && *fine; side++) {
        struct pio_control c = { .what = PIO_VIEW,
                                 .view = { .rows = 1,
                                           .down = 1,
                                           .columns = 1,
                                           .across = r->cells,
                                           .subfile = (uint32_t)x->cell } };
        if (r->side[side].view)
            *fine = good(r, side, pio_control(r->side[side].sys, x->f[side], &c), "view");
    }
    x->busy = *fine;
    if (*fine)
        begin(x, PIO_READ, NULL);
    return *fine;
}

/* A request of a lane has ended: what comes next. */
static bool step(struct run *r, struct lane *x)
{
    struct port *port = r->j.node->port;
    struct rope data;
    bool read = x->q.op == PIO_READ, fine;
    fine = good(r, read ? 0 : 1, pio_wait(&x->q), read ? "read" : "write");
    if (fine && x->q.moved != x->len) {
        port_fail(port, "rank %u: %llu of %llu bytes of cell %llu of file %s", r->j.rank,
                  (unsigned long long)x->q.moved, (unsigned long long)x->len,
                  (unsigned long long)x->cell, r->name);
        fine = false;
    }
    rope_init(&data);
    rope_move(&data, &x->q.data);
    x->busy = fine;
    if (fine && read) {
        begin(x, PIO_WRITE, &data);
    } else if (fine) {
        x->at += x->len;
        port_measure(port, &measures[COPY], sim_time_seconds(port_now(port) - x->since));
        port_progress(port, x->since, (double)x->len);
        if (x->at < x->bytes)
            begin(x, PIO_READ, NULL);
        else
            x->busy = false;
    }
    rope_fini(&data);
    return fine;
}

static bool copy(struct run *r)
{
    struct pio_req *under[AT_ONCE_MAX];
    struct lane *of[AT_ONCE_MAX];
    bool fine = true;
    uint32_t lanes = (uint32_t)r->p->parallel;
    r->next = r->j.rank;
    for (;;) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < lanes; i++) {
            struct lane *x = &r->lane[i];
            if (!x->busy && fine)
                (void)take(r, x, &fine);
            if (x->busy) {
                of[n] = x;
                under[n++] = &x->q;
            }
        }
        if (n == 0)
            break;
        struct lane *x = of[pio_wait_any(under, n)];
        fine = step(r, x) && fine;
    }
    return fine && good(r, 1, pio_flush(r->mine[1]), "sync");
}

/* ---- the program ---- */

/* Rank 0 makes both files: the one full of the pattern, the other as long. */
static bool make(struct run *r)
{
    struct pio_control c = {
        .what = PIO_FILL, .seed = r->seed, .value = (uint64_t)r->p->bytes, .cold = true
    };
    return open_side(r, 0, PIO_O_CREATE, &r->mine[0]) &&
           good(r, 0, pio_control(r->side[0].sys, r->mine[0], &c), "fill") &&
           open_side(r, 1, PIO_O_CREATE, &r->mine[1]) &&
           good(r, 1, pio_set_size(r->mine[1], (uint64_t)r->p->bytes), "lsize");
}

static bool open_all(struct run *r)
{
    for (int side = 0; side < 2; side++) {
        if (r->j.rank > 0 && !open_side(r, side, 0, &r->mine[side]))
            return false;
        for (uint32_t i = 0; i < (uint32_t)r->p->parallel; i++) {
            r->lane[i].r = r;
            if (!open_side(r, side, 0, &r->lane[i].f[side]))
                return false;
        }
    }
    return true;
}

/* Every byte of this rank's part of the copy. */
static bool verify(struct run *r)
{
    uint64_t all = (uint64_t)r->p->bytes, part = (all + r->j.ranks - 1) / r->j.ranks;
    uint64_t at = r->j.rank * part, end = at + part < all ? at + part : all;
    struct io_target t = { .f = r->mine[1], .seed = r->seed };
    (void)snprintf(t.name, sizeof t.name, "%s", r->name);
    r->j.sys = r->side[1].sys;
    for (uint64_t n; at < end; at += n) {
        struct pio_split sum = { .latency = 0 };
        n = end - at < (uint64_t)r->p->piece ? end - at : (uint64_t)r->p->piece;
        const struct file_run run = { .off = at, .len = n, .count = 1 };
        if (!io_transfer(&r->j, &t, PIO_READ, &run, 1, &sum))
            return false;
        port_measure(r->j.node->port, &measures[VERIFIED], (double)n);
    }
    return true;
}

static bool close_all(struct run *r)
{
    bool fine = true;
    for (int side = 0; side < 2; side++) {
        for (uint32_t i = 0; i < (uint32_t)r->p->parallel; i++)
            fine = good(r, side, pio_close(r->lane[i].f[side]), "close") && fine;
        fine = good(r, side, pio_close(r->mine[side]), "close") && fine;
    }
    return fine;
}

static void program(struct os_node *node, const struct program *me, bool in)
{
    const struct params *p = me->params;
    struct run *r = port_alloc(node->port, sizeof *r);
    struct pio *here = pio_find(io_system(p->system), node);
    struct pio *outside = pio_find(io_system(p->outside.system), node);
    *r = (struct run){ .j = { .node = node, .rank = me->rank, .ranks = me->ranks, .verify = true },
                       .p = p,
                       .name = "copied",
                       .seed = UINT64_C(0x636f7079),
                       .in = in,
                       .cells = cells_of(p, node->layout) };
    r->row = (uint64_t)p->unit * r->cells;
    r->side[in ? 1 : 0] =
        (struct side){ .sys = here, .view = (here->ops->can & PIO_CAN(PIO_VIEW)) != 0 };
    r->side[in ? 0 : 1] = (struct side){ .sys = outside };
    if (!meet(r, "made", me->rank > 0 || make(r)) || !meet(r, "opened", open_all(r)))
        return;
    port_window(node->port, true, me->ranks);
    bool fine = copy(r);
    port_window(node->port, false, me->ranks);
    if (meet(r, "copied", fine) && verify(r) && close_all(r))
        port_free(node->port, r);
}

static void import_main(struct os_node *node, const struct program *me)
{
    program(node, me, true);
}

static void export_main(struct os_node *node, const struct program *me)
{
    program(node, me, false);
}

#define COPIES(name_, doc_)                                                                        \
    {                                                                                              \
        .kind = { .name = #name_,                                                                  \
                  .doc = doc_,                                                                     \
                  .params = params_desc,                                                           \
                  .params_size = sizeof(struct params) },                                          \
        .measures = measures, .rate = &rate, .check = name_##_check, .programs = programs,         \
        .files = files, .services_of = services_of, .main = name_##_main                           \
    }
extern const struct workload_ops workload_import, workload_export;
const struct workload_ops workload_import =
    COPIES(import, "A file of another file system is copied into one with cells, by cells.");
const struct workload_ops workload_export = COPIES(export, "The same the other way.");
