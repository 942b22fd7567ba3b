/* htf.c: Hartree-Fock self-consistent fields: the file operations of three programs in a row.
 *
 *   psetup  node zero reads the problem and writes what the others need
 *   pargos  node zero reads that and tells all; each rank writes its integrals to a file of its
 *           own, and flushes each request
 *   pscf    each rank reads its integrals again in every pass; node zero reads and writes matrices
 *
 * Integrals are dealt out evenly: the first ranks have one request more.  As the published pscf had
 * some more integral reads than whole passes, its first ranks begin one more.
 *
 * Source: Crandall, Aydt, Chien, Reed, SC'95; the numbers are docs/models/applications.md's.
 */
#include "workloads/io/app.h"

struct params {
    struct app_params app;
    int64_t integrals, record, passes, more;
    sim_time compute;
};

#define TABLE "Crandall and others, SC'95, tables of HTF on 128 nodes, as recalled"
static const struct param params_desc[] = {
    APP_PARAMS,
    P_INT(params, integrals, "8532", "1", "100000000", "Requests of integrals of all ranks.",
          TABLE ": writes of 64 to 256 KiB"),
    P_SIZE(params, record, "80KiB", "1B", "1GiB", "Bytes of such a request.",
           TABLE ": 698,958,109 bytes"),
    P_INT(params, passes, "6", "1", "1000", "Times that all integrals are read.",
          TABLE ": 51,225 reads of 64 to 256 KiB"),
    P_INT(params, more, "33", "0", "100000000", "Reads of integrals beyond these.",
          TABLE "; ASSUMED(the first ranks begin one more pass)"),
    P_TIME(params, compute, "1s", "0", NULL,
           "Time that a rank computes before it writes integrals.",
           "ASSUMED(integrals take longer than to write them)"),
    P_END,
};

/* Requests of node zero of one size class: how many, and their bytes in all. */
struct class
{
    uint64_t count, bytes;
};
struct side {
    struct class small, medium, large;
};
enum { SETUP_READ, SETUP_WRITE, INTEGRAL_READ, INTEGRAL_WRITE, FIELD_READ, FIELD_WRITE, SIDES };
/* Counts by class and bytes of a side as in the tables; ASSUMED(how the bytes are dealt out). */
static const struct side sides[SIDES] = {
    [SETUP_READ] = { { 151, 3522497 - 220 * 15360 }, { 220, 220 * 15360 }, { 0, 0 } },
    [SETUP_WRITE] = { { 218, 3744872 - 234 * 15360 }, { 234, 234 * 15360 }, { 0, 0 } },
    [INTEGRAL_READ] = { { 143, 34393 - 2 * 8192 }, { 2, 2 * 8192 }, { 0, 0 } },
    [INTEGRAL_WRITE] = { { 2, 285 }, { 1, 16384 }, { 0, 0 } },
    [FIELD_READ] = { { 165, 5282304 - 109 * 47104 }, { 109, 109 * 47104 }, { 0, 0 } },
    [FIELD_WRITE] = { { 43, 80948 }, { 158, 158 * 16384 }, { 6, 6 * 196608 } },
};
enum { SCF_FILES = 29, SCF_SEEKS = 45, FLUSHES = 125 }; /* of node zero, beside one a request */

enum { SETUP, INTEGRALS, FIELD };
static const struct measure measures[] = {
    APP_MEASURES,
    [APP_PHASE + SETUP] = APP_PHASE_MEASURE("htf.psetup", "Time of psetup."),
    [APP_PHASE + INTEGRALS] = APP_PHASE_MEASURE("htf.pargos", "Time of pargos."),
    [APP_PHASE + FIELD] = APP_PHASE_MEASURE("htf.pscf", "Time of pscf."),
    { .name = NULL },
};

static uint64_t side_bytes(int side)
{
    return sides[side].small.bytes + sides[side].medium.bytes + sides[side].large.bytes;
}

static uint32_t files(const void *params, const struct os_layout *l)
{
    const struct params *p = params;
    return pio_file_count(io_system(p->app.system), app_programs(p, l) + SCF_FILES + 4);
}

static bool check(const void *params, const struct os_layout *l, struct err *e)
{
    const struct params *p = params;
    uint64_t bytes = (uint64_t)(p->integrals * p->record);
    for (int i = 0; i < SIDES; i++)
        bytes += side_bytes(i);
    return app_check(&p->app, l, files(params, l), bytes, e);
}

/* All requests of a side, the small ones first; where that ended. */
static uint64_t move_side(struct app *a, struct io_target *t, enum pio_op op, int side, uint64_t at)
{
    const struct side *s = &sides[side];
    at = app_series(a, t, op, at, s->small.count, s->small.bytes);
    at = app_series(a, t, op, at, s->medium.count, s->medium.bytes);
    return app_series(a, t, op, at, s->large.count, s->large.bytes);
}

/* The problem in one file; what comes of it in two; the last file is left open. */
static void psetup(struct app *a)
{
    struct io_target in, out, log;
    app_file(&in, "problem", 0);
    app_file(&out, "setup", 0);
    app_file(&log, "setup", 1);
    if (a->j.rank == 0) {
        struct io_target basis = in;
        app_open(a, &in, "M_UNIX", false);
        app_open(a, &basis, "M_UNIX", false);
        app_open(a, &out, "M_UNIX", false);
        app_open(a, &log, "M_UNIX", false);
        app_seek(a, &in, 0);
        (void)move_side(a, &in, PIO_READ, SETUP_READ, 0);
        app_seek(a, &out, 0);
        (void)move_side(a, &out, PIO_WRITE, SETUP_WRITE, 0);
        app_close(a, &in);
        app_close(a, &basis);
        app_close(a, &out);
        app_leave(a, &log);
    }
    app_phase(a);
}

/* Integral requests of this rank. */
static uint64_t own(const struct app *a, const struct params *p)
{
    uint64_t all = (uint64_t)p->integrals;
    return all / a->j.ranks + (a->j.rank < all % a->j.ranks);
}

static void pargos(struct app *a, const struct params *p, struct io_target *mine)
{
    struct io_target in, out;
    uint64_t record = (uint64_t)p->record, n = own(a, p);
    app_file(&in, "setup", 0);
    app_file(&out, "setup", 2);
    if (a->j.rank == 0) {
        app_open(a, &in, "M_UNIX", false);
        app_seek(a, &in, 0);
        (void)move_side(a, &in, PIO_READ, INTEGRAL_READ, 0);
        app_close(a, &in);
    }
    app_meet(a);
    app_tell(a, &in, 0, side_bytes(INTEGRAL_READ));
    app_open(a, mine, "M_UNIX", false);
    app_size(a, mine, n * record);
    app_seek(a, mine, 0);
    for (uint64_t k = 0; k < n && a->fine; k++) {
        port_compute(a->j.node->port, p->compute);
        app_move(a, mine, PIO_WRITE, k * record, record);
        app_flush(a, mine);
    }
    app_close(a, mine);
    if (a->j.rank == 0) {
        app_open(a, &out, "M_UNIX", false);
        app_seek(a, &out, 0);
        (void)move_side(a, &out, PIO_WRITE, INTEGRAL_WRITE, 0);
        for (int k = 0; k < FLUSHES; k++)
            app_flush(a, &out);
        app_leave(a, &out);
    }
    app_phase(a);
}

/* Node zero's files of pscf: the first is read, the second written, the others are opened. */
static void matrices(struct app *a)
{
    struct io_target t;
    for (uint32_t k = 0; k < SCF_FILES; k++) {
        app_file(&t, "field", k);
        app_open(a, &t, "M_UNIX", false);
        for (uint32_t i = k; i < SCF_SEEKS; i += SCF_FILES)
            app_seek(a, &t, 0);
        if (k == 0)
            (void)move_side(a, &t, PIO_READ, FIELD_READ, 0);
        if (k == 1)
            (void)move_side(a, &t, PIO_WRITE, FIELD_WRITE, 0);
        if (k + 1 < SCF_FILES)
            app_close(a, &t);
        else
            app_leave(a, &t);
    }
}

static void pscf(struct app *a, const struct params *p, struct io_target *mine)
{
    uint64_t record = (uint64_t)p->record, n = own(a, p);
    uint64_t more = (uint64_t)p->more / a->j.ranks + (a->j.rank < (uint64_t)p->more % a->j.ranks);
    if (a->j.rank == 0)
        matrices(a);
    app_open(a, mine, "M_UNIX", false);
    for (int64_t pass = 0; pass < p->passes && a->fine; pass++) {
        app_seek(a, mine, 0);
        for (uint64_t k = 0; k < n; k++)
            app_move(a, mine, PIO_READ, k * record, record);
        app_meet(a); /* the Fock matrix is summed */
    }
    for (uint64_t k = 0; k < more && n > 0; k++)
        app_move(a, mine, PIO_READ, k % n * record, record);
    app_close(a, mine);
    app_phase(a);
}

static void program(struct os_node *node, const struct program *me)
{
    struct app *a = app_new(node, me, measures);
    struct io_target mine, t;
    app_file(&mine, "integrals", me->rank);
    app_file(&t, "problem", 0);
    if (me->rank == 0)
        app_make(a, &t, t.seed, side_bytes(SETUP_READ));
    app_file(&t, "field", 0);
    if (me->rank == 0)
        app_make(a, &t, t.seed, side_bytes(FIELD_READ));
    app_begin(a);
    psetup(a);
    pargos(a, me->params, &mine);
    pscf(a, me->params, &mine);
    (void)app_end(a);
    app_free(a);
}

extern const struct workload_ops workload_htf;
const struct workload_ops workload_htf =
    APP_WORKLOAD("htf", "Hartree-Fock: integrals are written once and read in every pass.");
