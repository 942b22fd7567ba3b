/* checkpoint.c: files that are checkpointed while they change, and brought back.
 *
 * Each rank has a file of its own, full and checkpointed before the window.  A round changes
 * `changed` pieces of it, checkpoints it, changes them again and goes back to the checkpoint; then
 * every byte is read and compared with what the checkpoint had.
 */
#include <stdio.h>

#include "workloads/io/job.h"
#include "workloads/workload.h"

struct params {
    int64_t nodes, bytes, piece, changed, rounds, unit;
    int system;
};

static const struct param params_desc[] = {
    IO_SYSTEM_PARAM(params),
    P_INT(params, nodes, "0", "0", NULL, "Compute nodes that take part; 0: all."),
    P_SIZE(params, bytes, "16MiB", "1B", "1GiB", "Bytes of each rank's file: whole pieces."),
    P_SIZE(params, piece, "64KiB", "1B", "1GiB", "Bytes of a piece."),
    P_INT(params, changed, "16", "0", "1000000", "Pieces that are changed before a checkpoint."),
    P_INT(params, rounds, "2", "1", "1000000", "Checkpoints."),
    IO_UNIT_PARAM(params),
    P_END,
};

enum { CHANGE, CHECKPOINT, ROLLBACK, VERIFIED };
static const struct measure measures[] = {
    [CHANGE] = { "checkpoint.change", "s", "Time to change the pieces.", MEASURE_COLUMN },
    [CHECKPOINT] = { "checkpoint.make", "s", "Time to make a checkpoint.", MEASURE_COLUMN },
    [ROLLBACK] = { "checkpoint.rollback", "s", "Time to go back to it.", MEASURE_COLUMN },
    [VERIFIED] = { "checkpoint.verified", "B", "Bytes that were compared after a rollback.",
                   MEASURE_COLUMN },
    { .name = NULL }
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
    return pio_file_count(io_system(p->system), programs(params, l));
}

static bool check(const void *params, const struct os_layout *l, struct err *e)
{
    const struct params *p = params;
    int64_t pieces = p->bytes / p->piece;
    if (!workload_nodes_check(p->nodes, l, e))
        return false;
    if (p->bytes % p->piece != 0 || p->changed > pieces)
        return err_set(e,
                       "workload.changed is %lld of pieces of %lld bytes: a file of %lld bytes is "
                       "not that many",
                       (long long)p->changed, (long long)p->piece, (long long)p->bytes);
    const struct pio_plan plan = { .path = "workload",
                                   .can = PIO_CAN(PIO_CHECKPOINT) | PIO_CAN(PIO_ROLLBACK) |
                                          PIO_CAN(PIO_FLUSH) | PIO_CAN(PIO_AGREE),
                                   .unit = (uint64_t)p->unit,
                                   .files = files(params, l),
                                   .ranks = programs(params, l),
                                   .size = (uint64_t)p->bytes };
    return pio_check(io_system(p->system), l, &plan, e);
}

struct run {
    struct io_job j;
    struct io_target t;
    const struct params *p;
    uint64_t pieces, step; /* step: between two that are changed */
    uint64_t *seed;        /* of each piece, as the checkpoint has it */
};

static bool control(const struct run *r, enum pio_ctl what, const char *doing)
{
    struct pio_control c = { .what = what };
    return io_good(&r->j, pio_control(r->j.sys, r->t.f, &c), doing, r->t.name);
}

/* A piece gets the bytes of a pattern, or is compared with them. */
static bool move(const struct run *r, enum pio_op op, uint64_t piece, uint64_t seed)
{
    const struct file_run run = { .off = piece * (uint64_t)r->p->piece,
                                  .len = (uint64_t)r->p->piece,
                                  .count = 1 };
    struct io_target t = { .f = r->t.f, .seed = seed };
    struct pio_split sum = { .latency = 0 };
    (void)snprintf(t.name, sizeof t.name, "%s", r->t.name);
    return io_transfer(&r->j, &t, op, &run, 1, &sum);
}

/* The pieces that are changed in a round lie spread over the file, and over its parts. */
static uint64_t changed(const struct run *r, uint64_t k)
{
    return k * r->step % r->pieces;
}

static uint64_t step_of(uint64_t pieces, uint64_t count)
{
    for (uint64_t step = count > 0 ? pieces / count : 1;; step++) {
        uint64_t a = pieces, b = step; /* without a common divisor all are different */
        while (b > 0) {
            uint64_t rest = a % b;
            a = b;
            b = rest;
        }
        if (a == 1)
            return step;
    }
}

static bool change(struct run *r, uint64_t round, bool kept)
{
    for (uint64_t k = 0; k < (uint64_t)r->p->changed; k++) {
        uint64_t piece = changed(r, k), seed = r->t.seed + 1 + 2 * round + !kept;
        if (!move(r, PIO_WRITE, piece, seed))
            return false;
        if (kept)
            r->seed[piece] = seed;
    }
    return true;
}

static bool verify(const struct run *r)
{
    for (uint64_t i = 0; i < r->pieces; i++)
        if (!move(r, PIO_READ, i, r->seed[i]))
            return false;
    port_measure(r->j.node->port, &measures[VERIFIED], (double)r->p->bytes);
    return true;
}

static bool timed(struct run *r, enum pio_ctl what, const char *doing, int measure)
{
    struct port *p = r->j.node->port;
    sim_time since = port_now(p);
    bool fine = control(r, what, doing);
    port_measure(p, &measures[measure], sim_time_seconds(port_now(p) - since));
    return fine;
}

static bool rounds(struct run *r)
{
    struct port *p = r->j.node->port;
    for (uint64_t k = 0; k < (uint64_t)r->p->rounds; k++) {
        sim_time since = port_now(p);
        if (!change(r, k, true))
            return false;
        port_measure(p, &measures[CHANGE], sim_time_seconds(port_now(p) - since));
        if (!timed(r, PIO_CHECKPOINT, "checkpoint", CHECKPOINT) || !change(r, k, false) ||
            !timed(r, PIO_ROLLBACK, "roll back", ROLLBACK) || !verify(r))
            return false;
    }
    return true;
}

static bool begin(struct run *r)
{
    const struct pio_open o = { .name = r->t.name,
                                .flags = PIO_O_CREATE | PIO_O_EXCL,
                                .ranks = 1,
                                .mode = PIO_PLAIN,
                                .unit = (uint64_t)r->p->unit };
    if (!io_good(&r->j, pio_open(r->j.sys, &o, &r->t.f), "open", r->t.name))
        return false;
    for (uint64_t i = 0; i < r->pieces; i++)
        if (!move(r, PIO_WRITE, i, r->seed[i] = r->t.seed))
            return false;
    return control(r, PIO_CHECKPOINT, "checkpoint");
}

static void program(struct os_node *node, const struct program *me)
{
    const struct params *p = me->params;
    struct run r = { .j = { .node = node,
                            .sys = pio_find(io_system(p->system), node),
                            .rank = me->rank,
                            .ranks = me->ranks,
                            .verify = true },
                     .p = p,
                     .pieces = (uint64_t)(p->bytes / p->piece) };
    r.step = step_of(r.pieces, (uint64_t)p->changed);
    r.t.seed = (UINT64_C(0x636865636b) + me->rank) << 20;
    r.seed = port_alloc(node->port, r.pieces * sizeof *r.seed);
    (void)snprintf(r.t.name, sizeof r.t.name, "c.%u", me->rank);
    if (!io_agree(&r.j, "begun", begin(&r)))
        return;
    port_window(node->port, true, me->ranks);
    bool fine = rounds(&r);
    port_window(node->port, false, me->ranks);
    fine = io_agree(&r.j, "ended", fine);
    if (fine)
        (void)io_good(&r.j, pio_close(r.t.f), "close", r.t.name);
    port_free(node->port, r.seed);
}

extern const struct workload_ops workload_checkpoint;
const struct workload_ops workload_checkpoint = {
    .kind = { .name = "checkpoint",
              .doc = "Files are changed, checkpointed, and brought back.",
              .params = params_desc,
              .params_size = sizeof(struct params) },
    .measures = measures,
    .check = check,
    .programs = programs,
    .files = files,
    .services_of = services_of,
    .main = program,
};
