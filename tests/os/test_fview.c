/* test_fview.c: types against a model that lists every byte, and views of files over all systems.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "os/pio/fview.h"
#include "tests/os/io_world.h"

static uint64_t state;

static uint64_t draw(uint64_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % n;
}

/* ---- types: a list of the places of all bytes, made level by level ---- */

enum { MAX = 60000 };
struct model {
    uint64_t n, extent;
    uint32_t at[MAX];
};

static void one(const struct model *of, uint64_t off, struct model *out)
{
    for (uint64_t i = 0; i < of->n; i++)
        out->at[out->n++] = (uint32_t)(of->at[i] + off);
}

static uint64_t end_of(const struct model *m)
{
    uint64_t end = 0;
    for (uint64_t i = 0; i < m->n; i++)
        end = m->at[i] + 1 > end ? m->at[i] + 1 : end;
    return end;
}

/* An index of an array, as digits. */
static void digits(uint64_t index, uint32_t dims, const uint64_t *n, uint64_t *out)
{
    for (uint32_t d = dims; d-- > 0; index /= n[d])
        out[d] = index % n[d];
}

static bool owns(const struct ftype_dim *x, uint64_t i, uint64_t part)
{
    uint64_t block = x->block;
    if (x->deal == FTYPE_NONE)
        return true;
    if (block == 0)
        block = x->deal == FTYPE_CYCLIC ? 1 : (x->n + x->parts - 1) / x->parts;
    return i / block % x->parts == part;
}

static void draw_dims(struct ftype_dim *dim, uint32_t dims)
{
    for (uint32_t d = 0; d < dims; d++) {
        dim[d] = (struct ftype_dim){ .n = 1 + draw(9), .deal = (enum ftype_deal)draw(3) };
        dim[d].parts = dim[d].deal == FTYPE_NONE ? 1 : 1 + (uint32_t)draw(4);
        dim[d].block = dim[d].deal == FTYPE_CYCLIC ? draw(4) : 0;
        if (dim[d].deal == FTYPE_BLOCK && draw(2))
            dim[d].block = (dim[d].n + dim[d].parts - 1) / dim[d].parts + draw(3);
    }
}

/* What a rank has of an array: element by element. */
static void deal_out(const struct ftype_dim *dim, uint32_t dims, uint32_t rank,
                     const struct model *of, struct model *out)
{
    uint64_t n[FTYPE_DIMS_MAX], parts[FTYPE_DIMS_MAX], at[FTYPE_DIMS_MAX], me[FTYPE_DIMS_MAX];
    uint64_t all = 1;
    for (uint32_t d = 0; d < dims; d++) {
        n[d] = dim[d].n;
        parts[d] = dim[d].parts;
        all *= n[d];
    }
    digits(rank, dims, parts, me);
    for (uint64_t e = 0; e < all; e++) {
        bool mine = true;
        digits(e, dims, n, at);
        for (uint32_t d = 0; d < dims; d++)
            mine = mine && owns(&dim[d], at[d], me[d]);
        if (mine)
            one(of, e * of->extent, out);
    }
    out->extent = all * of->extent;
}

static uint32_t grid_of(const struct ftype_dim *dim, uint32_t dims)
{
    uint32_t ranks = 1;
    for (uint32_t d = 0; d < dims; d++)
        ranks *= dim[d].parts;
    return ranks;
}

static void subarray(struct ftype *t, const struct model *of, struct model *out)
{
    struct ftype_sub dim[3];
    uint64_t n[3], at[3], all = 1;
    uint32_t dims = 1 + (uint32_t)draw(3);
    for (uint32_t d = 0; d < dims; d++) {
        n[d] = 1 + draw(6);
        dim[d] = (struct ftype_sub){ .n = n[d], .from = draw(n[d]) };
        dim[d].count = 1 + draw(n[d] - dim[d].from);
        all *= n[d];
    }
    cr_assert(ftype_subarray(t, dim, dims));
    for (uint64_t e = 0; e < all; e++) {
        bool in = true;
        digits(e, dims, n, at);
        for (uint32_t d = 0; d < dims; d++)
            in = in && at[d] >= dim[d].from && at[d] < dim[d].from + dim[d].count;
        if (in)
            one(of, e * of->extent, out);
    }
    out->extent = all * of->extent;
}

static void indexed(struct ftype *t, const struct model *of, struct model *out,
                    struct ftype_block *list)
{
    uint32_t count = 1 + (uint32_t)draw(draw(4) ? 4 : 2 * FTYPE_BLOCKS_MAX);
    for (uint32_t i = 0, at = 0; i < count; i++) {
        at = draw(8) ? at + (uint32_t)draw(20) : (uint32_t)draw(100);
        list[i] =
            (struct ftype_block){ .off = at, .len = draw(3), .stride = draw(30), .count = draw(3) };
        for (uint64_t c = 0; c < list[i].count; c++)
            for (uint64_t l = 0; l < list[i].len; l++)
                one(of, at + c * list[i].stride + l * of->extent, out);
        at += (uint32_t)(list[i].count * list[i].stride);
    }
    cr_assert(ftype_indexed(t, list, count));
    out->extent = end_of(out);
}

/* One more level on both. */
static void level(struct ftype *t, struct model *m, struct ftype_block *list)
{
    static struct model of;
    struct ftype_dim dim[3];
    uint32_t dims = 1 + (uint32_t)draw(3);
    of = *m;
    m->n = 0;
    switch (draw(6)) {
    case 0: {
        uint64_t n = 1 + draw(4);
        cr_assert(ftype_contiguous(t, n));
        for (uint64_t i = 0; i < n; i++)
            one(&of, i * of.extent, m);
        m->extent = n * of.extent;
        break;
    }
    case 1: {
        uint64_t n = 1 + draw(4), len = 1 + draw(3), stride = draw(5);
        cr_assert(ftype_vector(t, n, len, stride));
        for (uint64_t i = 0; i < n; i++)
            for (uint64_t l = 0; l < len; l++)
                one(&of, (i * stride + l) * of.extent, m);
        m->extent = ((n - 1) * stride + len) * of.extent;
        break;
    }
    case 2:
        indexed(t, &of, m, list);
        break;
    case 3:
        subarray(t, &of, m);
        break;
    case 4: {
        draw_dims(dim, dims);
        uint32_t rank = (uint32_t)draw(grid_of(dim, dims));
        cr_assert(ftype_darray(t, dim, dims, rank));
        deal_out(dim, dims, rank, &of, m);
        break;
    }
    default: {
        uint64_t extent = 1 + draw(2 * of.extent + 10);
        cr_assert(ftype_resized(t, extent));
        one(&of, 0, m);
        m->extent = extent;
    }
    }
}

/* FTYPE1, FTYPE2. */
static void compare(const struct ftype *t, const struct model *m)
{
    bool rises = true;
    cr_assert_eq(t->size, m->n);
    cr_assert_eq(t->extent, m->extent);
    cr_assert_eq(t->end, end_of(m));
    for (uint64_t i = 1; i < m->n; i++)
        rises = rises && m->at[i] > m->at[i - 1];
    /* It says so of what it need not look at byte by byte. */
    cr_assert(!t->ordered || rises);
    for (uint64_t pos = 0, len; pos < 2 * m->n; pos += 1 + draw(len < 5 ? len : 5)) {
        uint64_t at = ftype_place(t, pos, &len);
        cr_assert_gt(len, 0);
        for (uint64_t i = 0; i < len && pos + i < 2 * m->n; i++) {
            uint64_t due = (pos + i) / m->n * m->extent + m->at[(pos + i) % m->n];
            cr_assert_eq(at + i, due, "byte %llu: %llu where %llu is due",
                         (unsigned long long)(pos + i), (unsigned long long)(at + i),
                         (unsigned long long)due);
        }
    }
}

Test(ftype, towers_of_types_name_the_bytes_that_a_slow_model_names)
{
    static struct model m;
    struct ftype_block lists[4][2 * FTYPE_BLOCKS_MAX];
    state = 1;
    for (int k = 0, deep = 0; k < 6000; k++) {
        uint64_t bytes = 1 + draw(4);
        struct ftype t = ftype_bytes(bytes);
        m = (struct model){ .n = bytes, .extent = bytes };
        for (uint32_t i = 0; i < bytes; i++)
            m.at[i] = i;
        uint32_t levels = (uint32_t)draw(4);
        for (uint32_t i = 0; i <= levels && m.n > 0 && m.n < 100; i++, deep++)
            if (t.levels + 3 <= FTYPE_LEVELS_MAX)
                level(&t, &m, lists[i]);
        if (m.n > 0)
            compare(&t, &m);
        cr_assert(k < 100 || deep > k);
    }
}

/* FTYPE3. */
Test(ftype, the_darrays_of_all_ranks_partition_the_array)
{
    state = 2;
    for (int k = 0; k < 400; k++) {
        struct ftype_dim dim[4];
        uint32_t dims = 1 + (uint32_t)draw(4);
        static uint8_t times[9 * 9 * 9 * 9 * 3];
        uint64_t all = 3, len;
        draw_dims(dim, dims);
        memset(times, 0, sizeof times);
        for (uint32_t d = 0; d < dims; d++)
            all *= dim[d].n;
        for (uint32_t rank = 0; rank < grid_of(dim, dims); rank++) {
            struct ftype t = ftype_bytes(3);
            cr_assert(ftype_darray(&t, dim, dims, rank));
            cr_assert(t.ordered && t.extent == all && t.end <= all);
            for (uint64_t pos = 0; pos < t.size; pos++)
                times[ftype_place(&t, pos, &len)]++;
        }
        for (uint64_t i = 0; i < all; i++)
            cr_assert_eq(times[i], 1);
        struct ftype none = ftype_bytes(3);
        cr_assert_not(ftype_darray(&none, dim, dims, grid_of(dim, dims)), "no such rank");
    }
}

Test(ftype, numbers_that_make_no_type_are_refused)
{
    struct ftype t = ftype_bytes(8);
    const struct ftype_sub beyond = { .n = 8, .from = 5, .count = 4 };
    const struct ftype_dim small = { .n = 9, .deal = FTYPE_BLOCK, .block = 2, .parts = 4 };
    const struct ftype_dim many = { .n = 9, .deal = FTYPE_NONE, .parts = 2 };
    const uint64_t huge = UINT64_C(1) << 62;
    cr_assert_not(ftype_subarray(&t, &beyond, 1));
    t = ftype_bytes(8);
    cr_assert_not(ftype_darray(&t, &small, 1, 0));
    cr_assert_not(ftype_darray(&t, &many, 1, 0));
    cr_assert_not(ftype_contiguous(&t, huge));
    cr_assert_not(ftype_contiguous(&t, 0));
    cr_assert_not(ftype_vector(&t, huge, 2, 3));
    cr_assert_not(ftype_vector(&t, 2, 1, huge));
    cr_assert_not(ftype_resized(&t, huge));
    for (int i = 0; i < FTYPE_LEVELS_MAX; i++)
        cr_assert(ftype_contiguous(&t, 1));
    cr_assert_not(ftype_contiguous(&t, 1));
}

/* ---- views of files ---- */

enum { ROWS = 6, COLUMNS = 10, ITEM = 3, TILE = ROWS * COLUMNS * ITEM, TILES = 3, DISP = 7 };
enum { FILE_BYTES = DISP + TILES * TILE };

static uint64_t count_of(const struct fview *v)
{
    return TILES * v->type.size / v->etype;
}

static struct pio_file *open_file(struct pio *s, const char *name, uint32_t rank, uint64_t unit,
                                  int mode)
{
    struct pio_file *f = NULL;
    const struct pio_open o = { .name = name,
                                .flags = PIO_O_CREATE,
                                .rank = rank,
                                .ranks = IO_RANKS,
                                .mode = mode,
                                .unit = unit };
    cr_assert_eq(pio_open(s, &o, &f), PIO_OK);
    return f;
}

static void set(struct fview *v, uint32_t rank)
{
    struct ftype t = ftype_bytes(ITEM);
    const struct ftype_dim dim[] = { { ROWS, FTYPE_CYCLIC, 2, 2 }, { COLUMNS, FTYPE_BLOCK, 0, 2 } };
    cr_assert(ftype_darray(&t, dim, 2, rank));
    cr_assert_eq(fview_set(v, DISP, ITEM, &t), PIO_OK);
}

/* All that the view has, in requests of `step`: the pattern's bytes. */
static void write_all(struct fview *v, uint64_t step, enum fview_place by, bool together)
{
    for (uint64_t at = 0; at < count_of(v); at += step) {
        struct fview_io x;
        uint32_t runs;
        fview_io_init(&x, PIO_WRITE, count_of(v) - at < step ? count_of(v) - at : step);
        x.by = by;
        x.off = by == FVIEW_AT ? at : 12345;
        x.together = together;
        struct file_run *r = ftype_runs(v->file->sys->node->port, &v->type, v->disp, at * ITEM,
                                        x.count * ITEM, &runs);
        for (uint32_t k = 0; k < runs; k++)
            for (uint64_t i = 0; i < r[k].count; i++)
                rope_add_pattern(&x.data, 5, r[k].off + i * r[k].stride, r[k].len);
        cr_assert_eq(fview_transfer(v, &x), PIO_OK);
        cr_assert(x.off == at && x.moved == x.count * ITEM);
        port_free(v->file->sys->node->port, r);
    }
}

/* The same bytes into every second item of a buffer of 0xee, and from there into another file. */
static void by_way_of_memory(struct fview *v, struct fview *to)
{
    struct port *port = v->file->sys->node->port;
    struct ftype pairs = ftype_bytes(ITEM);
    cr_assert(ftype_resized(&pairs, 2 * ITEM));
    uint64_t n = count_of(v), room = (2 * n - 1) * ITEM;
    uint8_t *bytes = malloc(room), *data = malloc(n * ITEM);
    struct rope buffer;
    struct pio_memory m = { .buffer = &buffer };
    struct fview_io x, back, plain;
    struct file_run *places = ftype_runs(port, &pairs, 0, 0, n * ITEM, &m.run_count);
    m.runs = places;
    cr_assert_eq(m.run_count, 1);
    memset(bytes, 0xee, room);
    fview_io_init(&x, PIO_READ, n);
    x.memory = &m;
    rope_init(&buffer);
    rope_add_bytes(&buffer, bytes, room);
    cr_assert_eq(fview_transfer(v, &x), PIO_OK);
    cr_assert(x.data.length == 0 && buffer.length == room);
    rope_read(&buffer, 0, room, bytes);
    v->at = 0;
    fview_io_init(&plain, PIO_READ, n);
    cr_assert_eq(fview_transfer(v, &plain), PIO_OK);
    cr_assert_eq(plain.data.length, n * ITEM);
    rope_read(&plain.data, 0, n * ITEM, data);
    for (uint64_t i = 0; i < room; i++)
        cr_assert_eq(bytes[i], i / ITEM % 2 ? 0xee : data[i / ITEM / 2 * ITEM + i % ITEM]);
    fview_io_init(&back, PIO_WRITE, n);
    back.memory = &m;
    cr_assert_eq(fview_transfer(to, &back), PIO_OK);
    back.count++;
    cr_assert_eq(fview_transfer(to, &back), PIO_BAD_LIST, "there are fewer places");
    rope_fini(&plain.data);
    rope_fini(&buffer);
    port_free(port, places);
    free(bytes);
    free(data);
}

/* Every byte behind the displacement is the pattern's. */
static void check_file(struct pio_file *f)
{
    const struct file_run all = { .off = DISP, .len = FILE_BYTES - DISP, .count = 1 };
    struct pio_req q;
    struct rope want;
    rope_init(&want);
    rope_add_pattern(&want, 5, DISP, FILE_BYTES - DISP);
    pio_req_init(&q, PIO_READ, f);
    q.runs = &all;
    q.run_count = 1;
    pio_submit(&q);
    cr_assert_eq(pio_wait(&q), PIO_OK);
    cr_assert_eq(q.moved, FILE_BYTES - DISP);
    cr_assert_eq(rope_first_difference(&q.data, &want), UINT64_MAX);
    rope_fini(&want);
    rope_fini(&q.data);
}

static uint32_t ended;
static const char *method;

static void user(struct io_world *w, struct os_node *n, uint32_t rank)
{
    static const struct coll_params p = { .buffer = 100, .align = 64 };
    struct pio *s = pio_find(w->ops, n);
    bool shared = w->shared;
    static const char *const name[] = { "one", "two" };
    if (!shared && rank > 0)
        return;
    struct pio_file *f[2];
    struct fview v[2];
    for (int i = 0; i < 2; i++) {
        if (rank > 0)
            cr_assert_eq(pio_agree(s, name[i], IO_RANKS, true), PIO_OK);
        f[i] = open_file(s, name[i], rank, w->unit ? 50 : 0, PIO_PLAIN);
        if (rank == 0 && shared)
            cr_assert_eq(pio_agree(s, name[i], IO_RANKS, true), PIO_OK);
    }
    for (int i = 0; i < 2; i++)
        fview_init(&v[i], f[i],
                   shared ? coll_open(kind_find(&coll_methods, method), &p, f[i]) : NULL);
    for (uint32_t r = rank; r < IO_RANKS; r += shared ? IO_RANKS : 1) { /* alone: each part */
        for (int i = 0; i < 2; i++)
            set(&v[i], r);
        write_all(&v[0], 7, FVIEW_AT, false);
        write_all(&v[0], shared ? TILES * TILE : 4, FVIEW_OWN, shared);
        v[0].at = 0;
        by_way_of_memory(&v[0], &v[1]);
    }
    if (shared)
        cr_assert_eq(pio_agree(s, "written", IO_RANKS, true), PIO_OK);
    check_file(f[0]);
    check_file(f[1]);
    struct fview_io over; /* FVIEW2 */
    fview_io_init(&over, PIO_READ, 9);
    over.by = FVIEW_AT;
    over.off = count_of(&v[0]) - 4;
    cr_assert_eq(fview_transfer(&v[0], &over), PIO_OK);
    cr_assert_eq(over.moved, 4 * ITEM, "the file ends there");
    rope_fini(&over.data);
    ended++;
}

/* ---- the pointer of all ranks ---- */

static uint64_t taken[IO_RANKS * 3];

static void by_turns(struct io_world *w, struct os_node *n, uint32_t rank)
{
    struct pio *s = pio_find(w->ops, n);
    struct fview v;
    struct err e = ERR_INIT;
    int mode;
    cr_assert(pio_mode_find(w->ops, method, "mode", &mode, &e));
    if (rank > 0)
        cr_assert_eq(pio_agree(s, "made", IO_RANKS, true), PIO_OK);
    struct pio_file *f = open_file(s, "turns", rank, 50, mode);
    if (rank == 0)
        cr_assert_eq(pio_agree(s, "made", IO_RANKS, true), PIO_OK);
    fview_init(&v, f, NULL);
    struct ftype t = ftype_bytes(ITEM);
    cr_assert_eq(fview_set(&v, DISP, ITEM, &t), PIO_OK);
    cr_assert_eq(pio_agree(s, "seen", IO_RANKS, true), PIO_OK);
    for (int i = 0; i < 3; i++) {
        struct fview_io x;
        fview_io_init(&x, PIO_WRITE, 5);
        rope_add_zero(&x.data, 5 * ITEM);
        if (i == 0)
            cr_assert_eq(fview_transfer(&v, &x), PIO_UNSUPPORTED, "by no pointer of its own");
        x.by = FVIEW_SHARED;
        cr_assert_eq(fview_transfer(&v, &x), PIO_OK);
        cr_assert_eq(x.off % 5, 0);
        cr_assert_lt(x.off / 5, ARRAY_LEN(taken));
        taken[x.off / 5]++;
    }
    ended++;
}

static void run_by(const char *system, const char *how,
                   void (*program)(struct io_world *w, struct os_node *n, uint32_t rank))
{
    static struct io_world w;
    const struct fake_options o = { .order = FAKE_IN_ORDER, .seed = 3 };
    const struct pio_ops *ops = kind_find(&pio_systems, system);
    ended = 0;
    method = how;
    io_world_start(&w, ops, NULL, o, program);
    for (int i = 0; i < 2000000 && w.running > 0; i++)
        if (!fake_step(w.f))
            break;
    cr_assert_eq(w.running, 0, "%s hangs", system);
    cr_assert_eq(ended, w.shared ? IO_RANKS : 1);
    io_world_stop(&w);
}

static void run(const char *system, const char *how)
{
    run_by(system, how, user);
}

Test(fview, the_pointer_of_all_ranks_gives_each_its_own_data)
{
    const char *const modes[][2] = { { "vesta", "shared" }, { "pfs", "M_LOG" } };
    for (size_t m = 0; m < ARRAY_LEN(modes); m++) {
        memset(taken, 0, sizeof taken);
        run_by(modes[m][0], modes[m][1], by_turns);
        for (size_t i = 0; i < ARRAY_LEN(taken); i++)
            cr_assert_eq(taken[i], 1, "%s", modes[m][1]);
    }
}

/* FVIEW1. */
Test(fview, parts_of_an_array_come_together_over_every_system)
{
    for (int i = 0; pio_systems.items[i]; i++)
        run(pio_systems.items[i]->name, "two_phase");
    run("pfs", "sieve");
    run("vesta", "list");
}
