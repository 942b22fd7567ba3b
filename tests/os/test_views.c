/* test_views.c: views of a file and atomic requests by lists, over each system that has them:
 * Vesta itself, and Vesta's files on PFS.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/vesta/vesta.h"
#include "tests/os/io_world.h"
#include "tests/sample.h"

enum { CELLS_MAX = 6, BSU = 60, BYTES = 40 * CELLS_MAX * BSU };

static struct {
    struct io_world w;
    uint64_t draws;
    uint32_t cells;
    struct pio_view view; /* of a round */
    uint64_t each;        /* bytes of a subfile */
    uint8_t want[BYTES], got[BYTES];
    char what[80];
} t;

static uint32_t draw(uint32_t n)
{
    t.draws = t.draws * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(t.draws >> 33) % n;
}

static uint8_t byte_of(uint32_t subfile, uint64_t off)
{
    return (uint8_t)(1 + (subfile * 131 + off * 7 + off / 251) % 250);
}

static enum pio_status move(struct pio_file *f, enum pio_op op, const struct file_run *run,
                            uint8_t *bytes)
{
    struct pio_req r;
    uint64_t n = pio_length(run, 1);
    pio_req_init(&r, op, f);
    r.runs = run;
    r.run_count = 1;
    if (op == PIO_WRITE)
        rope_add_bytes(&r.data, bytes, n);
    pio_submit(&r);
    enum pio_status s = pio_wait(&r);
    cr_assert(s != PIO_OK || r.moved == n, "%s: %d of %d bytes", t.what, (int)r.moved, (int)n);
    if (s == PIO_OK && op == PIO_READ)
        rope_read(&r.data, 0, n, bytes);
    rope_fini(&r.data);
    return s;
}

static struct pio_file *opened(struct pio *s, const char *name, int mode, uint32_t rank)
{
    const struct pio_open o = { .name = name,
                                .flags = PIO_O_CREATE,
                                .rank = rank,
                                .ranks = IO_RANKS,
                                .together = true,
                                .mode = mode,
                                .unit = BSU,
                                .factor = t.cells };
    struct pio_file *f = NULL;
    enum pio_status st = pio_open(s, &o, &f);
    cr_assert_eq(st, PIO_OK, "%s: %s", t.what, pio_status_name(st));
    return f;
}

static void meet(struct pio *s, const char *tag)
{
    cr_assert_eq(pio_agree(s, tag, IO_RANKS, true), PIO_OK);
}

static struct vesta_view view_of(uint32_t subfile)
{
    return (struct vesta_view){ .vbs = t.view.rows,
                                .vn = t.view.down,
                                .hbs = t.view.columns,
                                .hn = t.view.across,
                                .subfile = subfile,
                                .down = t.view.by_column };
}

/* A view whose blocks the table has whole numbers of, downwards; what the table is to have then. */
static void draw_view(void)
{
    struct vesta_map m;
    do {
        t.cells = 1 + draw(CELLS_MAX);
        t.view = (struct pio_view){ .rows = 1 + draw(3), .down = 1 + draw(3) };
        t.view.columns = 1 + draw(t.cells);
        t.view.across = 1 + draw(3);
        t.view.by_column = draw(2);
    } while ((t.view.across - 1) * t.view.columns >= t.cells); /* else a subfile has no cell */
    memset(t.want, 0, sizeof t.want);
    for (uint32_t k = 0; k < t.view.down * t.view.across; k++) {
        const struct vesta_view v = view_of(k);
        cr_assert(vesta_map_init(&m, t.cells, BSU, &v));
        for (uint64_t off = 0; off < m.have * 2 * t.view.rows * BSU; off++) {
            struct vesta_place x = vesta_map_place(&m, off);
            uint64_t row = x.local / BSU;
            t.want[(row * t.cells + vesta_map_cell(&m, x.nth)) * BSU + x.local % BSU] =
                byte_of(k, off);
        }
    }
}

static uint64_t bytes_of(uint32_t subfile)
{
    struct vesta_map m;
    const struct vesta_view v = view_of(subfile);
    cr_assert(vesta_map_init(&m, t.cells, BSU, &v));
    return m.have * 2 * t.view.rows * BSU;
}

/* Subfiles rank, rank + IO_RANKS and so on: written, or read in pieces and compared. */
static void use(struct pio *s, struct pio_file *f, uint32_t rank, enum pio_op op)
{
    static uint8_t bytes[BYTES];
    for (uint32_t k = rank; k < t.view.down * t.view.across; k += IO_RANKS) {
        struct pio_control c = { .what = PIO_VIEW, .view = t.view };
        uint64_t n = bytes_of(k);
        c.view.subfile = k;
        cr_assert_eq(pio_control(s, f, &c), PIO_OK, "%s", t.what);
        struct file_run run = { .len = n, .count = 1 };
        if (op == PIO_READ) { /* every other piece */
            run.len = 1 + draw((uint32_t)n / 4);
            run.stride = 2 * run.len;
            run.off = draw((uint32_t)run.len);
            run.count = (n - run.off - run.len) / run.stride + 1;
        }
        uint8_t mine[BYTES] = { 0 };
        for (uint64_t i = 0, at = 0; i < run.count; i++)
            for (uint64_t b = 0; b < run.len; b++)
                mine[at++] = byte_of(k, run.off + i * run.stride + b);
        memcpy(bytes, mine, sizeof mine);
        cr_assert_eq(move(f, op, &run, op == PIO_WRITE ? mine : bytes), PIO_OK);
        cr_assert(op == PIO_WRITE || memcmp(bytes, mine, pio_length(&run, 1)) == 0,
                  "%s: subfile %u", t.what, k);
        c = (struct pio_control){ .what = PIO_GET_SIZE };
        cr_assert_eq(pio_control(s, f, &c), PIO_OK);
        cr_assert(op == PIO_WRITE || c.value == n, "%s: subfile %u ends at %d, not %d", t.what, k,
                  (int)c.value, (int)n);
    }
}

static void views(struct io_world *w, struct os_node *n, uint32_t rank)
{
    struct pio *s = pio_find(w->ops, n);
    struct pio_file *f = opened(s, "table", PIO_PLAIN, rank);
    use(s, f, rank, PIO_WRITE);
    meet(s, "written");
    use(s, f, rank, PIO_READ);
    meet(s, "read");
    if (rank == 0) {
        const struct pio_view all = { .rows = 1, .down = 1, .columns = t.cells, .across = 1 };
        struct pio_control c = { .what = PIO_VIEW, .view = all };
        uint64_t size = 2 * t.view.rows * t.view.down * t.cells * (uint64_t)BSU;
        const struct file_run run = { .len = size, .count = 1 };
        cr_assert_eq(pio_control(s, f, &c), PIO_OK);
        cr_assert_eq(move(f, PIO_READ, &run, t.got), PIO_OK);
        cr_assert_eq(memcmp(t.got, t.want, size), 0, "%s", t.what);
        c.view.subfile = 1;
        cr_assert_eq(pio_control(s, f, &c), PIO_BAD_LAYOUT);
    }
    (void)pio_close(f);
}

/* Each rank writes the same strided pieces: they are one rank's. */
static const struct file_run pieces = { .off = 3, .len = 50, .stride = 130, .count = 24 };

static void atomic(struct io_world *w, struct os_node *n, uint32_t rank)
{
    struct pio *s = pio_find(w->ops, n);
    struct pio_file *f = opened(s, "one", VESTA_INDEPENDENT, rank);
    uint8_t mine[50 * 24];
    for (uint32_t i = 0; i < 6; i++) {
        memset(mine, (int)('a' + rank), sizeof mine);
        if ((i + rank) % 3 > 0) {
            cr_assert_eq(move(f, PIO_WRITE, &pieces, mine), PIO_OK);
            continue;
        }
        struct pio_control c = { .what = PIO_GET_SIZE };
        cr_assert_eq(pio_control(s, f, &c), PIO_OK);
        if (c.value < pieces.off + 23 * pieces.stride + 50)
            continue;
        cr_assert_eq(move(f, PIO_READ, &pieces, mine), PIO_OK);
        for (size_t k = 1; k < sizeof mine; k++)
            cr_assert_eq(mine[k], mine[0], "%s: a read of '%c' and '%c'", t.what, mine[0], mine[k]);
    }
    (void)pio_close(f);
}

static void run(const char *system, const char *services, uint64_t seed,
                void (*main)(struct io_world *w, struct os_node *n, uint32_t rank))
{
    memset(&t, 0, sizeof t);
    t.draws = seed;
    draw_view();
    (void)snprintf(t.what, sizeof t.what, "%s, seed %d: %u cells, view %d %u %u %u", system,
                   (int)seed, t.cells, (int)t.view.rows, t.view.down, t.view.columns,
                   t.view.across);
    io_world_start(&t.w, kind_find(&pio_systems, system), services,
                   (struct fake_options){ .seed = seed, .order = FAKE_RANDOM }, main);
    while (t.w.running > 0)
        cr_assert(fake_step(t.w.f), "%s: it waits for ever", t.what);
    io_world_stop(&t.w);
}

#define LFS "block=2KiB, inode=2KiB, files=200, cache=5, prealloc=4"
static const char *const systems[][2] = {
    { "vesta", "{{service=nx}, {service=vesta_server, lfs={" LFS "}}, {service=vesta_client}}" },
    { "vesta_on_pfs", "{{service=nx}, {service=pfs_meta, unit=256B}, {service=pfs_server, lfs={" LFS
                      "}}, {service=pfs_client}}" },
    { "vesta_on_pfs", "{{service=nx}, {service=pfs_meta, per_file_layout=true}, {service=pfs_server"
                      ", lfs={" LFS "}}, {service=pfs_client}}" },
};

Test(views, partition_a_file_over_each_system)
{
    for (size_t i = 0; i < ARRAY_LEN(systems); i++)
        for (uint64_t seed = 1; seed <= sample("VIEW_SEEDS", 12); seed++)
            run(systems[i][0], systems[i][1], seed, views);
}

Test(views, a_list_is_one_request_where_requests_are_atomic)
{
    for (size_t i = 0; i < ARRAY_LEN(systems); i++)
        for (uint64_t seed = 1; seed <= sample("VIEW_SEEDS", 12); seed++)
            run(systems[i][0], systems[i][1], seed, atomic);
}
