/* test_pfs_sizes.c: what nodes believe of a file's size when others change it (PFS1). */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/os/pfs_world.h"

enum { LONG = 20000, CUT = 1000 };
static struct pfs_file *open_of[RIG_NODES];
static uint8_t bytes[LONG];

static void size_is(uint32_t rank, uint64_t want, const char *why)
{
    uint64_t size;
    cr_assert_eq(pfs_size(open_of[rank], &size), PFS_OK);
    cr_assert_eq(size, want, "rank %u: %s: %d", rank, why, (int)size);
}

/* Each rank knows that the file is long, and its I/O nodes have it. */
static void make_long(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file **f = &open_of[rank];
    memset(bytes, 7, sizeof bytes);
    cr_assert_eq(pfs_gopen(c, "f", PFS_O_CREATE, M_ASYNC, rank, w->compute, NULL, f), PFS_OK);
    if (rank == 0) {
        cr_assert_eq(pfs_world_write(w, *f, 0, bytes, LONG), PFS_OK);
        cr_assert_eq(pfs_sync(*f), PFS_OK);
    }
    cr_assert_eq(pfs_agree(c, "long", w->compute, PFS_OK), PFS_OK);
    size_is(rank, LONG, "all is written");
}

static void cut(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    (void)w;
    (void)c;
    if (rank == 0)
        cr_assert_eq(pfs_lsize(open_of[0], CUT), PFS_OK);
}

static void write_fails(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    (void)c;
    if (rank == 1)
        cr_assert_eq(pfs_world_write(w, open_of[1], 0, bytes, 16000), PFS_IO_ERROR);
}

/* Of a rank that has not heard of the cut, where no local file becomes longer by it. */
static void write_within(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    uint8_t got[LONG];
    size_t n;
    (void)c;
    if (rank != 1)
        return;
    cr_assert_eq(pfs_world_write(w, open_of[1], 3 * 1024, bytes, 100), PFS_OK);
    size_is(1, 3 * 1024 + 100, "what was written is not there");
    cr_assert_eq(pfs_world_read(w, open_of[1], 0, got, LONG, &n), PFS_OK);
    cr_assert_eq(n, 3 * 1024 + 100, "a read ends where the file does: %d", (int)n);
}

static void close_all(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    (void)w;
    (void)c;
    cr_assert_eq(pfs_close(open_of[rank]), PFS_OK);
}

static void start(struct pfs_world *w)
{
    pfs_world_defaults(w, 2, 3);
    pfs_world_start(w, (struct fake_options){ .seed = 1, .detect_delay = SIM_MS });
    pfs_world_run(w, make_long);
}

static void fails_then_not(struct pfs_world *w)
{
    w->bad_disk = pfs_world_io_node(w, 1);
    w->bad_writes = true;
    pfs_world_run(w, write_fails);
    w->bad_writes = false;
    pfs_world_run(w, write_within);
    pfs_world_run(w, close_all);
    pfs_world_stop(w);
}

/* A write that failed has made local files longer, and the file not. */
Test(pfs_sizes, a_write_makes_a_file_longer_where_one_that_failed_has_been)
{
    struct pfs_world w;
    start(&w);
    pfs_world_run(&w, cut);
    fails_then_not(&w);
}

/* I/O nodes do not know what they cut in the life before. */
Test(pfs_sizes, a_crash_of_the_io_nodes_forgets_no_cut)
{
    struct pfs_world w;
    start(&w);
    pfs_world_run(&w, cut);
    for (uint32_t k = 0; k < w.io; k++)
        fake_crash(w.r.f, pfs_world_io_node(&w, k));
    fake_run_until(w.r.f, fake_now(w.r.f) + 50 * SIM_MS);
    for (uint32_t k = 0; k < w.io; k++)
        fake_restart(w.r.f, pfs_world_io_node(&w, k));
    fake_run_until(w.r.f, fake_now(w.r.f) + 50 * SIM_MS);
    fails_then_not(&w);
}

/* The answer to the first size comes when the token has come and gone, or is here, and the file is
 * longer. */
static void asks_and_writes(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file **f = &open_of[rank];
    cr_assert_eq(pfs_gopen(c, "g", PFS_O_CREATE, M_UNIX, rank, w->compute, NULL, f), PFS_OK);
    for (uint64_t k = 1; k <= 6; k++) {
        struct pfs_req r;
        uint64_t size;
        pfs_req_init(&r, rank == 0 ? PFS_WRITE : PFS_READ, *f);
        r.at = true;
        r.off = rank == 0 ? 100 * k : 0;
        r.len = 100;
        if (rank == 0)
            rope_add_bytes(&r.data, bytes, 100);
        pfs_submit(&r);
        cr_assert_eq(pfs_size(*f, &size), PFS_OK);
        cr_assert_eq(pfs_wait(&r), PFS_OK);
        rope_fini(&r.data);
        if (rank == 0)
            size_is(0, 100 * k + 100, "what was written is not there");
    }
    cr_assert_eq(pfs_close(*f), PFS_OK);
}

Test(pfs_sizes, an_answer_that_is_late_hides_no_write)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct pfs_world w;
        pfs_world_defaults(&w, 2, 2);
        pfs_world_start(&w, (struct fake_options){ .order = FAKE_RANDOM,
                                                   .unordered = true,
                                                   .seed = seed,
                                                   .lossy = true,
                                                   .drop_ppm = 50000 });
        pfs_world_run(&w, asks_and_writes);
        pfs_world_stop(&w);
    }
}
