/* test_coll.c: collective transfers against a byte array, over every file system whose files ranks
 * share, and NX, on the fake port. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "os/pio/coll_internal.h"
#include "os/registry.h"
#include "tests/os/io_world.h"
#include "tests/os/pfs_world.h"
#include "tests/os/tcp_rig.h"
#include "tests/sample.h"

static uint32_t draw(uint64_t *state, uint32_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % n;
}

/* ---- pieces and windows, byte by byte ---- */

static bool has(const struct file_run *r, uint64_t byte)
{
    for (uint64_t i = 0; i < r->count; i++)
        if (byte >= r->off + i * r->stride && byte < r->off + i * r->stride + r->len)
            return true;
    return false;
}

Test(coll, what_a_run_has_in_a_window_is_counted_byte_by_byte)
{
    uint64_t state = 1;
    for (int t = 0; t < 3000; t++) {
        struct file_run r = { .off = draw(&state, 60),
                              .len = draw(&state, 9),
                              .count = draw(&state, 9) };
        r.stride = r.len + draw(&state, 6);
        struct file_window w = { draw(&state, 150), 0 };
        w.hi = w.lo + draw(&state, 60);
        struct file_clip x = file_clip(&r, w);
        uint64_t bytes = 0, pieces = 0, lo = UINT64_MAX, hi = 0;
        for (uint64_t b = w.lo; b < w.hi; b++)
            if (has(&r, b)) {
                bytes++;
                lo = b < lo ? b : lo;
                hi = b + 1;
            }
        cr_assert_eq(x.bytes, bytes);
        for (uint64_t i = x.from; i < x.to; i++) {
            struct file_window p = file_piece(&r, i, w);
            pieces += p.hi - p.lo;
        }
        cr_assert_eq(pieces, bytes);
        struct file_list l = { &r, 1 };
        struct file_window h = file_list_hull(&l, 1, w);
        cr_assert(bytes == 0 ? h.lo == h.hi : h.lo == lo && h.hi == hi);
    }
}

/* ---- whole transfers ---- */

enum { RANKS = IO_RANKS, FILE_BYTES = 40000, RUNS = 400, ROUNDS = 4 };

struct lists {
    struct file_run runs[RANKS][RUNS];
    uint32_t count[RANKS];
};

/* Cuts the file into segments: each goes to a rank, some to nobody; some are combs, whose teeth go
 * to a rank and whose gaps to another.  Lists are in no order.  Ranks share some. */
static void draw_lists(uint64_t *state, bool write, struct lists *l)
{
    memset(l, 0, sizeof *l);
    for (uint64_t at = draw(state, 500); at < FILE_BYTES;) {
        uint32_t rank = draw(state, RANKS + 1), other = draw(state, RANKS + 1);
        struct file_run r = { .off = at, .len = 1 + draw(state, 300), .count = 1 };
        struct file_run gap = { .count = 0 };
        if (draw(state, 3) == 0) {
            r.len = 1 + r.len / 10;
            r.count = 1 + draw(state, 20);
            r.stride = r.len + 1 + draw(state, 30);
            gap = (struct file_run){ at + r.len, r.stride - r.len, r.stride, r.count };
        }
        at += r.count > 1 || gap.count > 0 ? r.count * r.stride : r.len;
        for (int twice = 0; twice < 2; twice++) {
            if (write && twice == 1) /* now and then two ranks write the same bytes */
                rank = at % 3 == 0 ? (rank + 1) % (RANKS + 1) : RANKS;
            if (rank < RANKS && l->count[rank] < RUNS)
                l->runs[rank][l->count[rank]++] = r;
            if (twice == 0 && other < RANKS && gap.count > 0 && l->count[other] < RUNS)
                l->runs[other][l->count[other]++] = gap;
            rank = write ? rank : draw(state, RANKS + 1);
        }
    }
    for (uint32_t rank = 0; rank < RANKS; rank++)
        for (uint32_t i = l->count[rank]; i > 1; i--) {
            uint32_t k = draw(state, i);
            struct file_run r = l->runs[rank][i - 1];
            l->runs[rank][i - 1] = l->runs[rank][k];
            l->runs[rank][k] = r;
        }
}

struct job {
    const struct coll_ops *ops;
    struct coll_params p;
    uint64_t seed;
    uint32_t size; /* of the file at first */
    uint8_t file[FILE_BYTES + 1000];
    uint64_t end[ROUNDS + 1]; /* of the file before each round */
    struct lists l[ROUNDS];
};

/* What all ranks do to the file in a round, done to an array. */
static void apply(struct job *j, int t)
{
    bool write = t % 2 == 0;
    j->end[t + 1] = j->end[t];
    for (uint32_t rank = 0; write && rank < RANKS; rank++)
        for (uint32_t k = 0; k < j->l[t].count[rank]; k++) {
            const struct file_run *r = &j->l[t].runs[rank][k];
            for (uint64_t i = 0; i < r->count; i++)
                for (uint64_t b = 0; b < r->len; b++) {
                    uint64_t at = r->off + i * r->stride + b;
                    j->file[at] = pattern_byte(j->seed + (uint64_t)t, at);
                    j->end[t + 1] = at + 1 > j->end[t + 1] ? at + 1 : j->end[t + 1];
                }
        }
}

static void fill_part(const struct job *j, int t, uint32_t rank, struct coll_part *x)
{
    *x = (struct coll_part){ .op = t % 2 == 0 ? PIO_WRITE : PIO_READ,
                             .runs = j->l[t].runs[rank],
                             .run_count = j->l[t].count[rank] };
    rope_init(&x->data);
    for (uint32_t k = 0; x->op == PIO_WRITE && k < x->run_count; k++)
        for (uint64_t i = 0; i < x->runs[k].count; i++)
            rope_add_pattern(&x->data, j->seed + (uint64_t)t,
                             x->runs[k].off + i * x->runs[k].stride, x->runs[k].len);
}

/* COLL1, COLL3, DIR2: lists may be empty, parts of the file shorter than it; the bytes of the list
 * up to the first behind the end. */
static void check_read(const struct job *j, int t, uint32_t rank, const struct coll_part *x)
{
    uint64_t n = 0;
    bool over = false;
    uint8_t *got = malloc(x->data.length + 1);
    rope_read(&x->data, 0, x->data.length, got);
    for (uint32_t k = 0; k < x->run_count && !over; k++)
        for (uint64_t i = 0; i < x->runs[k].count && !over; i++)
            for (uint64_t b = 0; b < x->runs[k].len && !over; b++) {
                uint64_t at = x->runs[k].off + i * x->runs[k].stride + b;
                over = at >= j->end[t];
                if (over)
                    continue;
                cr_assert_lt(n, x->data.length, "%s: rank %u, round %d: too little",
                             j->ops->kind.name, rank, t);
                cr_assert_eq(got[n], j->file[at], "%s: rank %u, round %d, byte %llu",
                             j->ops->kind.name, rank, t, (unsigned long long)at);
                n++;
            }
    cr_assert_eq(n, x->data.length, "%s: rank %u, round %d: too much", j->ops->kind.name, rank, t);
    cr_assert_eq(n, x->moved);
    free(got);
}

static struct job *job;
static int applied;

struct opened {
    struct os_node node;
    struct pio sys;
    struct coll c;
};

/* The job's file at a rank. */
static void open_at(struct pfs_world *w, struct pfs_client *client, uint32_t rank, uint64_t unit,
                    struct opened *x)
{
    const struct pio_open o = { .name = "f",
                                .flags = PIO_O_CREATE,
                                .rank = rank,
                                .ranks = RANKS,
                                .mode = PIO_PLAIN,
                                .unit = unit };
    x->node = (struct os_node){ .port = fake_port(w->r.f, rank), .layout = &w->layout };
    x->sys =
        (struct pio){ .ops = kind_find(&pio_systems, "pfs"), .node = &x->node, .state = client };
    x->c = (struct coll){ .ops = job->ops,
                          .p = &job->p,
                          .port = x->node.port,
                          .nx = w->nx[rank],
                          .rank = rank,
                          .ranks = RANKS };
    cr_assert_eq(pio_open(&x->sys, &o, &x->c.file), PIO_OK);
}

/* All of the file is what the array has, as a request that is nobody else's reads it. */
static void look(struct pio_file *f, uint64_t end)
{
    static uint8_t got[sizeof job->file];
    const struct file_run all = { .len = sizeof got, .count = 1 };
    struct pio_req q;
    pio_req_init(&q, PIO_READ, f);
    q.runs = &all;
    q.run_count = 1;
    pio_submit(&q);
    cr_assert_eq(pio_wait(&q), PIO_OK);
    cr_assert_eq(q.moved, end);
    rope_read(&q.data, 0, end, got);
    rope_fini(&q.data);
    cr_assert_eq(memcmp(got, job->file, end), 0, "%s over %s", job->ops->kind.name,
                 f->sys->ops->kind.name);
}

/* A byte at the end, and nothing before it. */
static void make_sparse(struct pio_file *f)
{
    const struct file_run last = { .off = sizeof job->file - 1, .len = 1, .count = 1 };
    struct pio_req q;
    pio_req_init(&q, PIO_WRITE, f);
    q.runs = &last;
    q.run_count = 1;
    rope_add_bytes(&q.data, "x", 1);
    pio_submit(&q);
    cr_assert_eq(pio_wait(&q), PIO_OK);
    job->file[last.off] = 'x';
    job->end[0] = last.off + 1;
    look(f, job->end[0]);
}

static void program(struct io_world *w, struct os_node *n, uint32_t rank)
{
    const struct pio_open o = { .name = "f",
                                .flags = PIO_O_CREATE,
                                .rank = rank,
                                .ranks = RANKS,
                                .mode = PIO_PLAIN,
                                .unit = w->unit };
    struct pio *sys = pio_find(w->ops, n);
    struct nx *nx = os_find(n, &nx_service);
    struct pio_file *f;
    struct err e = ERR_INIT;
    cr_assert_eq(pio_open(sys, &o, &f), PIO_OK);
    if (!coll_check(job->ops, w->ops, &w->layout, "method", &e))
        return;
    struct coll *c = coll_open(job->ops, &job->p, f);
    if (job->seed % 2 && rank == 0)
        make_sparse(f);
    for (int t = 0; t < ROUNDS; t++) {
        struct coll_part x;
        cr_assert_eq(nx_gsync(nx), NX_OK);
        if (applied == t) {
            apply(job, t);
            applied++;
        }
        fill_part(job, t, rank, &x);
        cr_assert_eq(coll_transfer(c, &x), PIO_OK);
        cr_assert_eq(x.split.client + x.split.mesh + x.split.queue + x.split.arm, x.split.latency);
        if (x.op == PIO_READ)
            check_read(job, t, rank, &x);
        rope_fini(&x.data);
        cr_assert_eq(nx_gsync(nx), NX_OK);
        if (rank == 0)
            look(f, job->end[t + 1]);
    }
    coll_close(c);
    cr_assert_eq(pio_close(f), PIO_OK);
}

static void run_job(const struct pio_ops *sys, const struct coll_ops *ops, uint64_t seed)
{
    const char *pfs = "{{service=nx}, {service=pfs_meta, per_file_layout=true}, "
                      "{service=pfs_server}, {service=pfs_client, rpc=2KiB}}";
    struct io_world w;
    uint64_t state = seed;
    job = calloc(1, sizeof *job);
    applied = 0;
    job->ops = ops;
    job->seed = seed;
    job->p = (struct coll_params){ .buffer = 512 + draw(&state, 8000),
                                   .aggregators = draw(&state, RANKS + 1),
                                   .align = 1 + draw(&state, 3000) };
    for (int t = 0; t < ROUNDS; t++)
        draw_lists(&state, t % 2 == 0, &job->l[t]);
    io_world_start(
        &w, sys, strcmp(sys->kind.name, "pfs") == 0 ? pfs : NULL,
        (struct fake_options){ .seed = seed, .order = seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM },
        program);
    while (w.shared && w.running > 0)
        cr_assert(fake_step(w.f), "%s, %s: programs hang", sys->kind.name, ops->kind.name);
    io_world_stop(&w);
    free(job);
}

Test(coll, every_method_moves_the_bytes_of_independent_requests)
{
    const struct coll_ops *all[] = { &coll_list,      &coll_pieces,   &coll_sieve,
                                     &coll_two_phase, &coll_directed, &coll_by_part };
    for (uint64_t seed = 1; seed <= sample("COLL", 2); seed++)
        for (int k = 0; pio_systems.items[k] != NULL; k++)
            for (size_t i = 0; i < ARRAY_LEN(all); i++)
                run_job(kind_at(&pio_systems, k), all[i], seed);
}

Test(coll, over_ulp_methods_move_the_bytes_of_independent_requests)
{
    const struct coll_ops *all[] = { &coll_list, &coll_two_phase, &coll_directed };
    rig_over_ulp = true;
    for (int k = 0; pio_systems.items[k] != NULL; k++)
        for (size_t i = 0; i < ARRAY_LEN(all); i++)
            run_job(kind_at(&pio_systems, k), all[i], 2 + i);
    rig_over_ulp = false;
}

Test(coll, over_tcp_methods_move_the_bytes_of_independent_requests)
{
    const struct coll_ops *all[] = { &coll_list, &coll_two_phase, &coll_directed };
    rig_over_tcp = &tip_protl;
    for (int k = 0; pio_systems.items[k] != NULL; k++)
        for (size_t i = 0; i < ARRAY_LEN(all); i++)
            run_job(kind_at(&pio_systems, k), all[i], 2 + i);
    rig_over_tcp = NULL;
}

/* ---- failures ---- */

static enum pio_status seen[RANKS];

/* All ranks read rows that lie on both I/O nodes, of which one cannot read. */
static void program_that_fails(struct pfs_world *w, struct pfs_client *client, uint32_t rank)
{
    const struct file_run run = { .off = rank * 100, .len = 100, .stride = 500, .count = 40 };
    struct opened f;
    struct coll_part x = { .op = PIO_WRITE, .runs = &run, .run_count = 1 };
    open_at(w, client, rank, 2048, &f);
    rope_init(&x.data);
    rope_add_zero(&x.data, 4000);
    seen[rank] = coll_transfer(&f.c, &x);
    cr_assert_eq(x.data.length, 0);
    cr_assert(seen[rank] == PIO_OK || x.moved == 0);
    cr_assert_eq(nx_gsync(w->nx[rank]), NX_OK); /* PHASE2: nobody waits for what was given up */
    (void)pio_close(f.c.file);
}

/* COLL2. */
Test(coll, all_ranks_hear_of_what_one_of_them_could_not_do)
{
    const struct coll_ops *all[] = { &coll_sieve, &coll_two_phase, &coll_directed };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct pfs_world w;
        job = calloc(1, sizeof *job);
        job->ops = all[i];
        job->p = (struct coll_params){ .buffer = 2048, .align = 2048 };
        pfs_world_defaults(&w, RANKS, 2);
        w.graph = "mesh driver; rdm rdm <mesh; nx nx <rdm; blast blast <mesh; chan chan <blast; "
                  "rpc select <chan";
        pfs_world_start(&w, (struct fake_options){ .seed = 5 });
        w.bad_disk = pfs_world_io_node(&w, 1);
        w.bad_reads = w.bad_writes = true;
        pfs_world_run(&w, program_that_fails);
        for (uint32_t rank = 0; rank < RANKS; rank++)
            cr_assert_eq(seen[rank], PIO_IO_ERROR, "%s: rank %u: %s", all[i]->kind.name, rank,
                         pio_status_name(seen[rank]));
        pfs_world_stop(&w);
        free(job);
    }
}
