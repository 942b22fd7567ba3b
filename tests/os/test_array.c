/* test_array.c: out-of-core arrays against an array in memory: sections, slabs and copies of random
 * arrays over every placement, order and method, on the fake port. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/array/array.h"
#include "tests/os/io_world.h"
#include "tests/sample.h"

enum { ROUNDS = 6, ELEMENTS = 900, SIDE = 30 };

static uint32_t draw(uint64_t *state, uint32_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % n;
}

/* What all ranks do, decided beforehand. */
static struct {
    struct io_world w;
    const struct pio_ops *ops;
    uint64_t seed;
    struct coll_params p;
    struct array_form form[2];    /* the second has the first's dimensions in another order */
    uint8_t dims[ARRAY_DIMS];     /* of the second in the first */
    uint64_t from[2][ELEMENTS];   /* the model, rows first: an element is that of the pattern */
    uint32_t owner[ROUNDS][SIDE]; /* writes: index 0 is that rank's to write */
    uint64_t written;             /* elements that writes have had */
    uint64_t exchanged, permuted;
} job;

static void draw_form(uint64_t *state, uint32_t dims, const uint64_t *n, struct array_form *f)
{
    char text[80] = "(", grid[40] = "";
    const char *const how[] = { "*", "BLOCK", "CYCLIC", "CYCLIC(3)" };
    uint32_t dealt = 0, left = IO_RANKS, parts;
    struct err e = ERR_INIT;
    for (uint32_t d = 0; d < dims; d++) {
        uint32_t k = draw(state, ARRAY_LEN(how));
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", d ? ", " : "",
                       how[k]);
        if (k == 0)
            continue;
        parts = 1 + draw(state, left);
        left /= parts;
        (void)snprintf(grid + strlen(grid), sizeof grid - strlen(grid), "%s%u", dealt++ ? "x" : "",
                       parts);
    }
    (void)strcat(text, ")");
    f->placement = draw(state, 2) ? ARRAY_LOCAL : ARRAY_GLOBAL;
    f->order = draw(state, 2) ? array_rows[dims] : array_columns[dims];
    cr_assert(
        array_dist_read(text, draw(state, 2) ? grid : "", n, dims, IO_RANKS, "x", &f->dist, &e),
        "%s", e.text);
    do
        f->method = kind_at(&coll_methods, (int)draw(state, 6));
    while ((f->placement == ARRAY_LOCAL && !f->method->alone) ||
           (f->method->stripes && !job.ops->stripes));
    f->collective = &job.p;
}

static void draw_job(const struct pio_ops *ops, uint64_t seed)
{
    uint64_t state = seed, n[ARRAY_DIMS], swapped[ARRAY_DIMS];
    uint32_t dims = 1 + draw(&state, 3);
    memset(&job, 0, sizeof job);
    job.ops = ops;
    job.seed = seed;
    job.p = (struct coll_params){ .buffer = 600 + draw(&state, 3000),
                                  .aggregators = draw(&state, IO_RANKS + 1),
                                  .align = 1 + draw(&state, 999) };
    for (uint32_t d = 0; d < dims; d++) {
        n[d] = 1 + draw(&state, dims == 1 ? SIDE : dims == 2 ? SIDE : 9);
        job.dims[d] = (uint8_t)d;
    }
    for (uint32_t d = dims; d > 1; d--) {
        uint32_t k = draw(&state, d);
        uint8_t x = job.dims[d - 1];
        job.dims[d - 1] = job.dims[k];
        job.dims[k] = x;
    }
    for (uint32_t d = 0; d < dims; d++)
        swapped[d] = n[job.dims[d]];
    draw_form(&state, dims, n, &job.form[0]);
    draw_form(&state, dims, swapped, &job.form[1]);
    job.form[0].element = job.form[1].element = 1 + draw(&state, 40);
    for (int t = 0; t < ROUNDS; t++)
        for (int i = 0; i < SIDE; i++)
            job.owner[t][i] = draw(&state, IO_RANKS + 1);
}

/* ---- the model ---- */

static uint32_t numbers(const struct array_list *l, uint64_t *out)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < l->count; k++)
        for (uint64_t i = 0; i < l->run[k].count; i++)
            for (uint64_t j = 0; j < l->run[k].len; j++)
                out[n++] = l->run[k].off + i * l->run[k].stride + j;
    return n;
}

/* The model's elements of a section in an order. */
static uint32_t elements(const struct array_form *f, const struct array_section *s,
                         struct array_order by, uint32_t *out)
{
    uint64_t at[ARRAY_DIMS][SIDE];
    uint32_t count = (uint32_t)array_section_size(s);
    for (uint32_t d = 0; d < s->dims; d++)
        (void)numbers(&s->at[d], at[d]);
    for (uint32_t e = 0; e < count; e++) {
        uint64_t nth = e, index[ARRAY_DIMS], place = 0;
        for (uint32_t d = s->dims; d-- > 0; nth /= s->at[by.by[d]].n)
            index[by.by[d]] = at[by.by[d]][nth % s->at[by.by[d]].n];
        for (uint32_t d = 0; d < s->dims; d++)
            place = place * f->dist.d[d].n + index[d];
        out[e] = (uint32_t)place;
    }
    return count;
}

static void want(int which, const struct array_section *s, struct array_order by, struct rope *out)
{
    const struct array_form *f = &job.form[which];
    uint32_t at[ELEMENTS], n = elements(f, s, by, at);
    rope_init(out);
    for (uint32_t i = 0; i < n; i++)
        if (job.from[which][at[i]] == 0)
            rope_add_zero(out, f->element);
        else
            rope_add_pattern(out, job.seed, job.from[which][at[i]] * f->element, f->element);
}

/* ---- the program ---- */

static void draw_section(uint64_t *state, int t, uint32_t rank, bool write, struct array *a,
                         struct array_section *s)
{
    array_section_init(s, a->form.dist.dims, a->port);
    for (uint32_t d = 0; d < s->dims; d++) {
        uint64_t n = a->form.dist.d[d].n, lo = draw(state, (uint32_t)n);
        if (write && d == 0) {
            for (uint64_t i = 0; i < n; i++)
                array_list_add(&s->at[d], i, job.owner[t][i] == rank);
        } else if (draw(state, 8) > 0)
            array_list_triplet(&s->at[d], lo, lo + draw(state, (uint32_t)(n - lo)),
                               1 + draw(state, 4));
    }
}

static void write_section(struct array *a, struct array_part *x)
{
    uint32_t at[ELEMENTS], n = elements(&a->form, x->section, x->order, at);
    x->op = PIO_WRITE;
    rope_init(&x->data);
    for (uint32_t i = 0; i < n; i++) {
        job.from[0][at[i]] = ++job.written;
        rope_add_pattern(&x->data, job.seed, job.written * a->form.element, a->form.element);
    }
    cr_assert_eq(array_transfer(a, x), PIO_OK);
}

static void read_section(int which, struct array *a, struct array_part *x)
{
    struct rope right;
    x->op = PIO_READ;
    cr_assert_eq(array_transfer(a, x), PIO_OK);
    want(which, x->section, x->order, &right);
    cr_assert(rope_equal(&x->data, &right), "seed %d, rank %u, array %d: byte %llu", (int)job.seed,
              a->rank, which, (unsigned long long)rope_first_difference(&x->data, &right));
    rope_fini(&x->data);
    rope_fini(&right);
}

static struct array_order some_order(uint64_t *state, uint32_t dims)
{
    return draw(state, 2) ? array_rows[dims] : array_columns[dims];
}

/* Slabs of all ranks, each its own, written (array 0) or read. */
static void slabs(int which, struct array *a, uint64_t *state, uint64_t *same, bool write)
{
    uint32_t dim = draw(same, a->form.dist.dims);
    uint64_t width = array_width(&a->form, dim, 40000 / (1 + draw(same, 60)));
    width = width ? width : 1;
    for (uint64_t k = 0; k < array_slabs(&a->form, dim, width); k++) {
        struct array_section s;
        array_slab(a, dim, width, k, &s);
        struct array_part x = { .section = &s,
                                .order = some_order(state, a->form.dist.dims),
                                .own = true };
        if (write)
            write_section(a, &x);
        else
            read_section(which, a, &x);
        array_section_free(&s);
    }
}

static void copy(struct array *to, struct array *from, struct nx *nx, uint64_t *same)
{
    uint32_t dims = to->form.dist.dims, dim = draw(same, dims);
    uint64_t width = array_width(&to->form, dim, 20000 / (1 + draw(same, 40)));
    width = width ? width : 1;
    for (uint64_t k = 0; k < array_slabs(&to->form, dim, width); k++) {
        struct array_section s;
        array_slab(to, dim, width, k, &s);
        cr_assert_eq(array_copy(to, from, job.dims, &s), PIO_OK);
        array_section_free(&s);
    }
    cr_assert_eq(nx_gsync(nx), NX_OK);
    const struct array_dist *x = &to->form.dist;
    for (uint64_t i = 0; i < x->d[0].n; i++)
        for (uint64_t j = 0; j < (dims > 1 ? x->d[1].n : 1); j++)
            for (uint64_t k = 0; k < (dims > 2 ? x->d[2].n : 1); k++) {
                uint64_t at[ARRAY_DIMS] = { i, j, k }, was[ARRAY_DIMS] = { 0 }, a = 0, b = 0;
                for (uint32_t d = 0; d < dims; d++)
                    was[job.dims[d]] = at[d];
                for (uint32_t d = 0; d < dims; d++) {
                    a = a * x->d[d].n + at[d];
                    b = b * from->form.dist.d[d].n + was[d];
                }
                job.from[1][a] = job.from[0][b];
            }
}

static void program(struct io_world *w, struct os_node *node, uint32_t rank)
{
    struct pio *sys = pio_find(w->ops, node);
    struct nx *nx = os_find(node, &nx_service);
    struct array *a[2];
    uint64_t state = job.seed * 100 + rank, same = job.seed;
    uint32_t dims = job.form[0].dist.dims;
    for (int i = 0; i < 2; i++)
        cr_assert_eq(
            array_open(sys, &job.form[i], i ? "b" : "a", rank, IO_RANKS, ARRAY_MAKE, &a[i]),
            PIO_OK);
    for (int t = 0; t < ROUNDS; t++) {
        struct array_section s;
        bool write = t % 2 == 0;
        draw_section(&state, t, rank, write, a[0], &s);
        struct array_part x = { .section = &s, .order = some_order(&state, dims) };
        cr_assert_eq(nx_gsync(nx), NX_OK);
        if (draw(&same, 3) == 0)
            slabs(0, a[0], &state, &same, write);
        else if (write)
            write_section(a[0], &x);
        else
            read_section(0, a[0], &x);
        array_section_free(&s);
        cr_assert_eq(nx_gsync(nx), NX_OK);
    }
    copy(a[1], a[0], nx, &same);
    for (int t = 0; t < 2; t++) {
        struct array_section s;
        draw_section(&state, 0, rank, false, a[1], &s);
        struct array_part x = { .section = &s, .order = some_order(&state, dims) };
        read_section(1, a[1], &x);
        array_section_free(&s);
    }
    slabs(1, a[1], &state, &same, false);
    for (int i = 0; i < 2; i++) {
        job.exchanged += a[i]->counts.exchanged;
        job.permuted += a[i]->counts.permuted;
        cr_assert_eq(array_flush(a[i]), PIO_OK);
        cr_assert_eq(array_close(a[i]), PIO_OK);
    }
}

static void run_job(const char *system, uint64_t seed)
{
    draw_job(kind_find(&pio_systems, system), seed);
    io_world_start(
        &job.w, kind_find(&pio_systems, system), NULL,
        (struct fake_options){ .seed = seed, .order = seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM },
        program);
    for (int i = 0; i < 2; i++)
        job.form[i].unit = job.w.unit;
    while (job.w.running > 0)
        cr_assert(fake_step(job.w.f), "seed %d: a rank waits for ever", (int)seed);
    io_world_stop(&job.w);
}

/* ARRAY1, ARRAY3 */
Test(array, sections_slabs_and_copies_are_those_of_an_array_in_memory)
{
    uint64_t exchanged = 0, permuted = 0, seeds = sample("ARRAYS", 60);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        run_job(seed % 4 == 0 ? "vesta" : "pfs", seed);
        exchanged += job.exchanged;
        permuted += job.permuted;
    }
    cr_assert(sample_saw(exchanged, 0) && sample_saw(permuted, 0));
}

/* ---- failures ---- */

static enum pio_status seen[IO_RANKS];

static enum port_io_status on_disk(void *arg, uint32_t node, uint32_t dev, const struct port_io *io,
                                   uint32_t *sectors)
{
    (void)arg;
    (void)dev;
    (void)io;
    if (node != io_server(1))
        return PORT_IO_OK;
    *sectors = 0;
    return PORT_IO_MEDIUM;
}

/* Every rank writes and reads the elements of the next one, of which some lie on a device that
 * fails in between. */
static void program_that_fails(struct io_world *w, struct os_node *node, uint32_t rank)
{
    struct array *a;
    struct nx *nx = os_find(node, &nx_service);
    const struct array_dim *d = &job.form[0].dist.d[0];
    struct array_section s;
    struct array_part x = { .op = PIO_WRITE, .section = &s, .order = array_rows[1] };
    cr_assert_eq(
        array_open(pio_find(w->ops, node), &job.form[0], "a", rank, IO_RANKS, ARRAY_MAKE, &a),
        PIO_OK);
    array_section_init(&s, 1, node->port);
    array_list_own(&s.at[0], d, (rank + 1) % IO_RANKS, 0, array_share(d, 0));
    rope_init(&x.data);
    rope_add_pattern(&x.data, 1, 0, s.at[0].n);
    cr_assert_eq(array_transfer(a, &x), PIO_OK);
    cr_assert_eq(array_flush(a), PIO_OK);
    cr_assert_eq(nx_gsync(nx), NX_OK);
    fake_on_disk(w->f, on_disk, NULL);
    x.op = PIO_READ;
    seen[rank] = array_transfer(a, &x);
    cr_assert(seen[rank] == PIO_OK || x.data.length == 0);
    rope_fini(&x.data);
    array_section_free(&s);
    (void)array_close(a);
}

/* One byte an element, in blocks. */
static void plain_form(int placement, const char *method, uint64_t n)
{
    struct err e = ERR_INIT;
    memset(&job, 0, sizeof job);
    job.p = (struct coll_params){ .buffer = 1000, .align = 1 };
    job.form[0] = (struct array_form){ .element = 1,
                                       .placement = placement,
                                       .order = array_rows[1],
                                       .method = kind_find(&coll_methods, method),
                                       .collective = &job.p };
    cr_assert(array_dist_read("(BLOCK)", "", &n, 1, IO_RANKS, "x", &job.form[0].dist, &e));
}

/* ARRAY2 */
Test(array, all_ranks_hear_of_what_the_file_of_one_of_them_could_not_do)
{
    for (int local = 0; local < 2; local++) {
        plain_form(local ? ARRAY_LOCAL : ARRAY_GLOBAL, local ? "list" : "two_phase", 40000);
        io_world_start(&job.w, kind_find(&pio_systems, "pfs"),
                       "{{service=nx}, {service=pfs_meta, unit=1KiB}, {service=pfs_server, lfs={"
                       "block=1KiB, inode=1KiB, files=20, cache=4, flush_delay=100ms}},"
                       " {service=pfs_client, rpc=1KiB}}",
                       (struct fake_options){ .seed = 1 }, program_that_fails);
        job.form[0].unit = job.w.unit;
        while (job.w.running > 0)
            cr_assert(fake_step(job.w.f), "a rank waits for ever");
        io_world_stop(&job.w);
        for (uint32_t rank = 0; rank < IO_RANKS; rank++)
            cr_assert_eq(seen[rank], PIO_IO_ERROR, "local %d, rank %u: %s", local, rank,
                         pio_status_name(seen[rank]));
    }
}

/* ---- deaths ---- */

enum { DIES = 1, STEPS_MAX = 2000000 };
static struct {
    enum pio_op op;
    uint32_t ready;
    bool go, ended[IO_RANKS];
} death;

/* Every rank moves elements of all ranks' files: every fourth. */
static void program_whose_peer_dies(struct io_world *w, struct os_node *node, uint32_t rank)
{
    struct array *a;
    struct array_section s;
    struct array_part x = { .op = death.op, .section = &s, .order = array_rows[1] };
    cr_assert_eq(
        array_open(pio_find(w->ops, node), &job.form[0], "a", rank, IO_RANKS, ARRAY_MAKE, &a),
        PIO_OK);
    array_section_init(&s, 1, node->port);
    array_list_triplet(&s.at[0], rank, job.form[0].dist.d[0].n - 1, IO_RANKS);
    death.ready++;
    while (!death.go)
        port_thread_sleep(node->port, SIM_MS);
    rope_init(&x.data);
    if (x.op == PIO_WRITE)
        rope_add_pattern(&x.data, 1, 0, s.at[0].n);
    seen[rank] = array_transfer(a, &x);
    death.ended[rank] = true;
    port_thread_sleep(node->port, 1000 * SIM_SEC);
}

static bool others_ended(void)
{
    bool all = true;
    for (uint32_t rank = 0; rank < IO_RANKS; rank++)
        all = all && (rank == DIES || death.ended[rank]);
    return all;
}

/* The steps that it takes. */
static uint64_t run_death(enum pio_op op, uint64_t at, uint64_t seed)
{
    uint64_t steps;
    plain_form(ARRAY_LOCAL, "list", 400);
    memset(&death, 0, sizeof death);
    death.op = op;
    io_world_start(&job.w, kind_find(&pio_systems, "pfs"), NULL,
                   (struct fake_options){ .seed = seed,
                                          .order = seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM,
                                          .detect_delay = 5 * SIM_MS },
                   program_whose_peer_dies);
    while (death.ready < IO_RANKS)
        cr_assert(fake_step(job.w.f));
    death.go = true;
    for (steps = 0; !others_ended(); steps++) {
        if (steps == at)
            fake_crash(job.w.f, DIES);
        cr_assert(fake_step(job.w.f) && steps < STEPS_MAX,
                  "op %d, death at step %d, seed %d: a rank waits for ever", (int)op, (int)at,
                  (int)seed);
    }
    for (uint32_t rank = 0; rank < IO_RANKS; rank++)
        cr_assert(rank == DIES || seen[rank] == PIO_OK || seen[rank] == PIO_NODE_DOWN,
                  "rank %u: %s", rank, pio_status_name(seen[rank]));
    io_world_stop(&job.w);
    return steps;
}

/* ARRAY2 */
Test(array, nobody_waits_for_a_rank_that_dies_in_an_exchange)
{
    uint64_t state = 1;
    for (int op = PIO_READ; op <= PIO_WRITE; op++)
        for (uint64_t seed = 1; seed <= 2; seed++) {
            uint64_t steps = run_death(op, UINT64_MAX, seed);
            for (uint64_t n = 0; n < sample("ARRAY_DEATHS", 12); n++)
                (void)run_death(op, draw(&state, (uint32_t)steps), seed);
        }
}
