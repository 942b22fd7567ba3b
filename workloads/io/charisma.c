/* charisma.c: a mix of jobs over one file system, as CHARISMA found it (charisma.h).
 *
 * A node goes from job to job that it is of; jobs know nothing of each other.  Files that are read
 * are there beforehand.  When all is done every byte that was written is read by another node of
 * the job.
 */
#include "workloads/io/charisma.h"

#include "workloads/io/app.h"
#include "workloads/io/loop.h"

struct params {
    struct app_params app;
    struct charisma_params mix;
    sim_time think;
};

static const struct param params_desc[] = {
    APP_PARAMS,
    P_TABLE(params, mix, charisma_params_desc, "The mix."),
    P_TIME(params, think, "10ms", "0", NULL, "Mean time that a node computes between two requests.",
           "ASSUMED(file systems were not what jobs waited for most); exponential"),
    P_END,
};

static const struct measure measures[] = {
    APP_MEASURES,
    [APP_PHASE] = APP_PHASE_MEASURE("charisma.mix", "Time of all jobs."),
    { .name = NULL },
};

static uint32_t files(const void *params, const struct os_layout *l)
{
    const struct params *p = params;
    struct charisma_walk w = charisma_walk(&p->mix, app_programs(p, l));
    uint64_t n = 0;
    while (charisma_next(&w))
        n += w.job.files;
    return pio_file_count(io_system(p->app.system), (uint32_t)n);
}

static bool check(const void *params, const struct os_layout *l, struct err *e)
{
    const struct params *p = params;
    uint64_t bytes = 0;
    if (!workload_nodes_check(p->app.nodes, l, e))
        return false;
    if (p->mix.written + p->mix.read > 1)
        return err_set(e, "workload.mix.written and read are %g and %g: shares of all files",
                       p->mix.written, p->mix.read);
    struct charisma_walk w = charisma_walk(&p->mix, app_programs(p, l));
    while (charisma_next(&w))
        for (uint32_t k = 0; k < w.job.files; k++)
            bytes += charisma_file(&p->mix, &w.job, k).bytes;
    return app_check(&p->app, l, files(params, l), bytes, e);
}

struct run {
    struct app *a;
    const struct params *p;
    struct charisma_job job;
    struct charisma_file file;
};

/* Who a rank is in the job; false: it has no part. */
static bool has(const struct charisma_job *j, uint32_t rank, uint32_t *i)
{
    *i = rank - j->first;
    return rank >= j->first && *i < j->nodes;
}

/* Node i's requests of a kind. */
static void access(struct run *r, struct io_target *t, enum pio_op op, uint32_t i, sim_time think)
{
    uint64_t size = op == PIO_READ ? r->file.read : r->file.write;
    struct port *p = r->a->j.node->port;
    for (uint64_t k = 0; k < r->file.requests && size > 0 && r->a->fine; k++) {
        if (think > 0)
            port_compute(p, io_exponential(p, think));
        app_move(r->a, t, op, charisma_place(&r->file, &r->job, size, i, k), size);
    }
}

static void work(struct run *r, uint32_t k, uint32_t i)
{
    struct io_target t;
    app_file(&t, "file", (uint32_t)r->job.file + k);
    app_open(r->a, &t, "", true);
    access(r, &t, PIO_WRITE, i, r->p->think);
    access(r, &t, PIO_READ, i, r->p->think);
    app_close(r->a, &t);
}

/* What the next node of the job wrote. */
static void look(struct run *r, uint32_t k, uint32_t i)
{
    struct io_target t;
    if (r->file.write == 0)
        return;
    r->file.read = r->file.write;
    app_file(&t, "file", (uint32_t)r->job.file + k);
    app_open(r->a, &t, "", true);
    access(r, &t, PIO_READ, (i + 1) % r->job.nodes, 0);
    app_leave(r->a, &t);
}

/* The files that this rank has to do with, job by job. */
static void each(struct run *r, void (*fn)(struct run *r, uint32_t k, uint32_t i))
{
    struct charisma_walk w = charisma_walk(&r->p->mix, r->a->j.ranks);
    uint32_t i;
    while (charisma_next(&w)) {
        r->job = w.job;
        for (uint32_t k = 0; k < w.job.files && has(&w.job, r->a->j.rank, &i); k++) {
            r->file = charisma_file(&r->p->mix, &w.job, k);
            fn(r, k, i);
        }
    }
}

/* What is read is there; what is written is made by the first that opens it. */
static void make(struct run *r, uint32_t k, uint32_t i)
{
    struct io_target t;
    app_file(&t, "file", (uint32_t)r->job.file + k);
    if (i == 0)
        app_make(r->a, &t, r->file.read > 0 ? t.seed : 0, r->file.bytes);
}

static void program(struct os_node *node, const struct program *me)
{
    struct run *r = port_alloc(node->port, sizeof *r);
    *r = (struct run){ .a = app_new(node, me, measures), .p = me->params };
    each(r, make);
    app_begin(r->a);
    each(r, work);
    app_phase(r->a);
    if (app_end(r->a))
        each(r, look);
    app_free(r->a);
    port_free(node->port, r);
}

extern const struct workload_ops workload_charisma;
const struct workload_ops workload_charisma =
    APP_WORKLOAD("charisma", "A mix of jobs with many small requests, as CHARISMA found it.");
