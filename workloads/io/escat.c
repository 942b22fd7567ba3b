/* escat.c: electron scattering by the Schwinger multichannel method: its file operations.
 *
 * Problem and matrices are read; all nodes compute quadrature data in synchronised steps and write
 * them, each step to a file of each collision outcome; then these are read again, and the matrices
 * of the linear system written.  Three versions of the program are known by who does what and how:
 *
 *               a                    b                          c
 *   load        all nodes, M_UNIX    node zero, and tells all   as b
 *   quadrature  node zero, M_UNIX    all nodes, M_UNIX          all nodes, M_ASYNC
 *   reload      node zero, M_UNIX    all nodes, M_RECORD        all nodes, M_RECORD
 *   output      node zero, M_UNIX    node zero, M_UNIX          node zero, M_UNIX
 *
 * In a node zero has the others' data by messages, as they are for the file.  In b and c a rank has
 * a region of a file that is one record of the reload; what its steps do not fill stays as it was.
 *
 * Sources: phases, Crandall, Aydt, Chien, Reed, SC'95, and the CADRE collection of the same group;
 * versions, Smirni, Aydt, Chien, Reed, HPDC'96.  The numbers are docs/models/applications.md's.
 */
#include "workloads/io/app.h"

enum { VERSION_A, VERSION_B, VERSION_C };
static const char *const versions[] = { "a", "b", "c", NULL };

struct params {
    struct app_params app;
    int64_t outcomes, steps, in_place, record, region, small, medium, large, outputs;
    sim_time compute;
    int version;
};

#define TABLE "Crandall and others, SC'95, tables of ESCAT on 128 nodes, as recalled"
static const struct param params_desc[] = {
    APP_PARAMS,
    P_CHOICE(params, version, "b", versions, "Of the program."),
    P_INT(params, outcomes, "2", "1", "16", "Files of quadrature data.", TABLE ": 262 opens"),
    P_INT(params, steps, "52", "1", "100000", "Steps of the quadrature: a record to each file.",
          TABLE ": 13,330 writes"),
    P_INT(params, in_place, "5", "0", "100000", "Steps whose writes need no seek before them.",
          TABLE ": 12,034 seeks; ASSUMED(the first ones)"),
    P_SIZE(params, record, "2008B", "1B", "1MiB", "Bytes that a node writes to a file in a step.",
           TABLE ": 26,757,088 bytes; ASSUMED(all alike)"),
    P_SIZE(params, region, "128KiB", "1B", "1GiB",
           "Bytes that a node reads of a file in the reload: at least what its steps wrote.",
           TABLE ": 260 reads of 64 KiB or more, 34,226,048 bytes"),
    P_INT(params, small, "297", "0", "1000000", "Small reads of the load.", TABLE),
    P_INT(params, medium, "3", "0", "1000000", "Reads of the load of 16 KiB.",
          TABLE ": 3 of 4 to 64 KiB; ASSUMED(the size)"),
    P_INT(params, large, "4", "0", "1000000", "Reads of the load of 128 KiB.",
          TABLE "; ASSUMED(the size: the volume has room for no other)"),
    P_INT(params, outputs, "18", "0", "1000000", "Writes of the output.", TABLE),
    P_TIME(params, compute, "100s", "0", NULL, "Time that a step computes.",
           "ASSUMED(steps of a minute to a few; the run took more than an hour)"),
    P_END,
};

enum { INPUTS = 3, OUTPUTS = 3, OUTCOMES_MAX = 16 };
#define SMALL_BYTES (147328 - 3 * 16384)              /* of 297 */
#define OUTPUT_BYTES (26757088 - 2 * 52 * 128 * 2008) /* of 18 */

enum { LOAD, QUADRATURE, RELOAD, OUTPUT };
static const struct measure measures[] = {
    APP_MEASURES,
    [APP_PHASE + LOAD] = APP_PHASE_MEASURE("escat.load", "Time of the load."),
    [APP_PHASE + QUADRATURE] =
        APP_PHASE_MEASURE("escat.quadrature", "Time of the quadrature, computing and all."),
    [APP_PHASE + RELOAD] = APP_PHASE_MEASURE("escat.reload", "Time of the reload."),
    [APP_PHASE + OUTPUT] = APP_PHASE_MEASURE("escat.output", "Time of the output."),
    { .name = NULL },
};

struct run {
    struct app *a;
    const struct params *p;
    struct io_target data[OUTCOMES_MAX];
};

static uint64_t data_bytes(const struct params *p, uint32_t ranks)
{
    return (uint64_t)(p->version == VERSION_A ? p->steps * p->record : p->region) * ranks;
}

static uint32_t files(const void *params, const struct os_layout *l)
{
    const struct params *p = params;
    (void)l;
    return pio_file_count(io_system(p->app.system), (uint32_t)p->outcomes + INPUTS + OUTPUTS);
}

static bool check(const void *params, const struct os_layout *l, struct err *e)
{
    const struct params *p = params;
    long long written = p->steps * p->record;
    if (p->version != VERSION_A && written > p->region)
        return err_set(e, "workload.region is %lld bytes: %lld steps write %lld",
                       (long long)p->region, (long long)p->steps, written);
    if (p->in_place > p->steps)
        return err_set(e, "workload.in_place is %lld of %lld steps", (long long)p->in_place,
                       (long long)p->steps);
    uint64_t bytes = (uint64_t)p->outcomes * data_bytes(p, app_programs(p, l)) +
                     (uint64_t)(p->large * (128 << 10) + p->medium * (16 << 10)) + SMALL_BYTES;
    return app_check(&p->app, l, files(params, l), bytes, e);
}

/* Where rank `rank` has its record of a step. */
static uint64_t place(const struct run *r, uint64_t step, uint32_t rank)
{
    uint64_t record = (uint64_t)r->p->record;
    if (r->p->version == VERSION_A)
        return (step * r->a->j.ranks + rank) * record;
    return rank * (uint64_t)r->p->region + step * record;
}

/* The steps' bytes, and behind them what was there. */
static void expect(const struct io_target *t, const struct file_run *runs, uint32_t count,
                   struct rope *want)
{
    const struct params *p = t->expect_arg;
    uint64_t written = (uint64_t)(p->steps * p->record), region = (uint64_t)p->region;
    for (uint32_t k = 0; k < count; k++)
        for (uint64_t at = runs[k].off, end = at + runs[k].len, n; at < end; at += n) {
            uint64_t in = at % region, edge = in < written ? written : region;
            n = end - at < edge - in ? end - at : edge - in;
            rope_add_pattern(want, in < written ? t->seed : ~t->seed, at, n);
        }
}

static uint64_t share(int64_t all, uint32_t of, uint32_t k) /* of a number dealt out */
{
    return (uint64_t)all / of + (k < (uint64_t)all % of);
}

/* The k-th of the input files; returns its bytes. */
static uint64_t input_bytes(const struct params *p, uint32_t k)
{
    uint64_t small = p->small > 0 ? share(SMALL_BYTES, INPUTS, k) : 0;
    return small + share(p->medium, INPUTS, k) * (16 << 10) +
           share(p->large, INPUTS, k) * (128 << 10);
}

static void load(struct run *r)
{
    const struct params *p = r->p;
    bool all = p->version == VERSION_A;
    for (uint32_t k = 0; k < INPUTS; k++) {
        struct io_target t;
        app_file(&t, "input", k);
        if (all || r->a->j.rank == 0) {
            uint64_t at = 0, medium = share(p->medium, INPUTS, k),
                     large = share(p->large, INPUTS, k);
            app_open(r->a, &t, "M_UNIX", all);
            at = app_series(r->a, &t, PIO_READ, at, share(p->small, INPUTS, k),
                            share(SMALL_BYTES, INPUTS, k));
            at = app_series(r->a, &t, PIO_READ, at, medium, medium * (16 << 10));
            (void)app_series(r->a, &t, PIO_READ, at, large, large * (128 << 10));
            app_close(r->a, &t);
        }
        app_meet(r->a);
        if (!all)
            app_tell(r->a, &t, 0, input_bytes(p, k));
    }
    app_phase(r->a);
}

/* A record of `rank` goes to a file. */
static void write_record(struct run *r, struct io_target *t, uint64_t step, uint32_t rank)
{
    uint64_t at = place(r, step, rank);
    if (step >= (uint64_t)r->p->in_place)
        app_seek(r->a, t, at);
    app_move(r->a, t, PIO_WRITE, at, (uint64_t)r->p->record);
}

static void quadrature(struct run *r)
{
    const struct params *p = r->p;
    struct app *a = r->a;
    bool all = p->version != VERSION_A;
    for (int64_t i = 0; i < p->outcomes; i++)
        if (all || a->j.rank == 0)
            app_open(a, &r->data[i], p->version == VERSION_C ? "M_ASYNC" : "M_UNIX", all);
    for (uint64_t step = 0; step < (uint64_t)p->steps && a->fine; step++) {
        port_compute(a->j.node->port, p->compute);
        app_meet(a);
        for (int64_t i = 0; i < p->outcomes; i++) {
            if (all) {
                write_record(r, &r->data[i], step, a->j.rank);
                continue;
            }
            for (uint32_t k = 1; k < a->j.ranks; k++)
                app_hand(a, &r->data[i], place(r, step, k), (uint64_t)p->record, k, 0);
            for (uint32_t k = 0; k < a->j.ranks && a->j.rank == 0; k++)
                write_record(r, &r->data[i], step, k);
        }
    }
    app_phase(a);
}

static void reload(struct run *r)
{
    const struct params *p = r->p;
    struct app *a = r->a;
    bool all = p->version != VERSION_A;
    uint64_t len = (uint64_t)(all ? p->region : p->steps * p->record);
    for (int64_t i = 0; i < p->outcomes; i++) {
        struct io_target *t = &r->data[i];
        if (all) {
            app_mode(a, t, "M_RECORD");
            app_move(a, t, PIO_READ, a->j.rank * len, len);
            app_close(a, t);
            continue;
        }
        for (uint32_t k = 0; k < a->j.ranks && a->j.rank == 0; k++)
            app_move(a, t, PIO_READ, k * len, len);
        if (a->j.rank == 0)
            app_close(a, t);
        app_meet(a);
        for (uint32_t k = 1; k < a->j.ranks; k++)
            app_hand(a, t, k * len, len, 0, k);
    }
    app_phase(a);
}

static void output(struct run *r)
{
    for (uint32_t k = 0; k < OUTPUTS && r->a->j.rank == 0; k++) {
        struct io_target t;
        uint64_t n = share(r->p->outputs, OUTPUTS, k);
        app_file(&t, "output", k);
        app_open(r->a, &t, "M_UNIX", false);
        if (k < 2)
            app_seek(r->a, &t, 0);
        (void)app_series(r->a, &t, PIO_WRITE, 0, n, share(OUTPUT_BYTES, OUTPUTS, k));
        app_close(r->a, &t);
    }
    app_phase(r->a);
}

static void program(struct os_node *node, const struct program *me)
{
    struct run *r = port_alloc(node->port, sizeof *r);
    *r = (struct run){ .a = app_new(node, me, measures), .p = me->params };
    for (int64_t i = 0; i < r->p->outcomes; i++) {
        struct io_target *t = &r->data[i];
        app_file(t, "quadrature", (uint32_t)i);
        if (r->p->version != VERSION_A) {
            t->expect = expect;
            t->expect_arg = r->p;
        }
        if (me->rank == 0)
            app_make(r->a, t, r->p->version != VERSION_A ? ~t->seed : 0,
                     data_bytes(r->p, me->ranks));
    }
    for (uint32_t k = 0; k < INPUTS && me->rank == 0; k++) {
        struct io_target t;
        app_file(&t, "input", k);
        app_make(r->a, &t, t.seed, input_bytes(r->p, k));
    }
    app_begin(r->a);
    load(r);
    quadrature(r);
    reload(r);
    output(r);
    (void)app_end(r->a);
    app_free(r->a);
    port_free(node->port, r);
}

extern const struct workload_ops workload_escat;
const struct workload_ops workload_escat =
    APP_WORKLOAD("escat", "Electron scattering: small synchronised writes, read again.");
