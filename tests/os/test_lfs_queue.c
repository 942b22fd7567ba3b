/* test_lfs_queue.c: requests for data that wait for the device: neighbours go as one, each request
 * gets its own bytes, its own error and its own time.
 */
#include "os/lfs/lfs_internal.h"
#include "tests/os/lfs_world.h"

#include <criterion/criterion.h>
#include <string.h>

enum { BLOCK = 2048, N = 9, NONE = -1 };

struct many {
    struct lfs_world *w;
    uint64_t file[2]; /* even requests are of the first, odd ones of the second */
    enum file_op op;
    uint32_t ended;
    struct file_req r[N];
    sim_time from, to[N];
};

static const uint32_t mixed[N] = { 4, 7, 0, 2, 8, 5, 1, 3, 6 };

static void ended(struct file_req *r)
{
    struct many *x = r->arg;
    x->to[r - x->r] = fake_now(x->w->fake);
    x->ended++;
}

static void pattern(uint8_t out[BLOCK], uint32_t i)
{
    for (uint32_t k = 0; k < BLOCK; k++)
        out[k] = (uint8_t)(i * 31 + k % 251);
}

static void submit_all(struct port *p, void *arg)
{
    struct many *x = arg;
    uint8_t bytes[BLOCK];
    (void)p;
    for (uint32_t k = 0; k < N; k++) {
        uint32_t i = mixed[k];
        rope_fini(&x->r[i].data); /* of a READ before */
        file_req_init(&x->r[i], x->op, ended, x);
        x->r[i].file = x->file[x->file[1] == 0 ? 0 : i % 2];
        file_range(&x->r[i], (uint64_t)i * BLOCK, BLOCK);
        pattern(bytes, i);
        if (x->op == FILE_WRITE)
            rope_add_bytes(&x->r[i].data, bytes, BLOCK);
        file_submit(lfs_files(x->w->fs), &x->r[i]);
    }
}

/* One request a block, all at once; the device requests that it took. */
static uint64_t all_at_once(struct many *x, enum file_op op)
{
    const char *count = op == FILE_READ ? "lfs.device_reads" : "lfs.device_writes";
    uint64_t before = fake_count(x->w->fake, 0, count);
    x->op = op;
    x->ended = 0;
    x->from = fake_now(x->w->fake);
    fake_call(x->w->fake, 0, submit_all, x);
    while (x->ended < N)
        cr_assert(fake_step(x->w->fake));
    return fake_count(x->w->fake, 0, count) - before;
}

/* All but block `bad`; NONE: all. */
static void check_bytes(struct many *x, int bad)
{
    uint8_t want[BLOCK], got[BLOCK];
    for (uint32_t i = 0; i < N; i++) {
        enum file_status s = x->r[i].status;
        cr_assert_eq(s, (int)i == bad ? FILE_IO_ERROR : FILE_OK, "block %u: %s", i,
                     file_status_name(s));
        if (s != FILE_OK)
            continue;
        pattern(want, i);
        cr_assert_eq(x->r[i].data.length, BLOCK);
        rope_read(&x->r[i].data, 0, BLOCK, got);
        cr_assert_eq(memcmp(want, got, BLOCK), 0, "block %u has another's bytes", i);
        rope_fini(&x->r[i].data);
    }
}

/* PIO4: what waits here waits in the queue of the device. */
static void check_times(const struct many *x)
{
    for (uint32_t i = 0; i < N; i++)
        cr_assert_eq(x->r[i].part[FILE_QUEUE] + x->r[i].part[FILE_DEVICE], x->to[i] - x->from,
                     "block %u", i);
}

static void start(struct lfs_world *w, struct many *x, int64_t queue, int64_t max_io)
{
    struct lfs_params p = lfs_world_params();
    p.queue = queue;
    p.max_io = max_io;
    lfs_world_init(w, &(struct fake_options){ .nodes = 1, .disks = 1 }, &p);
    *x = (struct many){ .w = w };
    for (uint32_t i = 0; i < N; i++)
        file_req_init(&x->r[i], FILE_READ, NULL, NULL);
    cr_assert_eq(lfs_world_create(w, "a", &x->file[0]), FILE_OK);
    cr_assert_eq(lfs_world_op(w, FILE_SIZE, x->file[0], N * BLOCK), FILE_OK);
}

Test(lfs_queue, neighbours_that_wait_go_as_one)
{
    /* Of nine the first goes at once, or the first two; eight blocks fill a request of 16 KiB. */
    static const struct {
        int64_t queue, max_io;
        uint64_t want, with; /* device requests; of file requests that went with another */
    } cases[] = {
        { 0, 16384, 9, 0 }, /* each for itself */
        { 1, 16384, 3, 6 }, /* 4; then 5 to 8; then 0 to 3 */
        { 2, 16384, 5, 4 }, /* 4 and 7; 8; then 0 to 3; then 5 and 6 */
        { 1, 4096, 5, 4 },  /* two blocks at most */
        { 100, 16384, 9, 0 },
    };
    for (size_t c = 0; c < ARRAY_LEN(cases); c++)
        for (int twice = 0; twice < 2; twice++) {
            enum file_op op = twice ? FILE_READ : FILE_WRITE;
            struct lfs_world w;
            struct many x;
            start(&w, &x, cases[c].queue, cases[c].max_io);
            (void)all_at_once(&x, FILE_WRITE);
            uint64_t with = fake_count(w.fake, 0, "lfs.coalesced");
            cr_assert_eq(all_at_once(&x, op), cases[c].want, "case %zu", c);
            cr_assert_eq(fake_count(w.fake, 0, "lfs.coalesced") - with, cases[c].with);
            check_times(&x);
            (void)all_at_once(&x, FILE_READ);
            check_bytes(&x, NONE);
            lfs_world_check(&w);
            lfs_world_fini(&w);
        }
}

/* LFS6. */
Test(lfs_queue, a_bad_sector_is_the_error_of_its_own_request_alone)
{
    for (uint32_t bad = 0; bad < N; bad++)
        for (int writes = 0; writes < 2; writes++) {
            struct lfs_world w;
            struct many x;
            start(&w, &x, 1, 16384);
            (void)all_at_once(&x, FILE_WRITE);
            struct lfs_where at = lfs_where(w.fs->files[(uint32_t)x.file[0]], bad);
            w.fail_from = at.dev * (uint64_t)w.fs->block_sectors + 1;
            w.fail_to = w.fail_from + 1;
            w.fail_reads = w.fail_writes = true;
            w.fail_count = UINT32_MAX;
            (void)all_at_once(&x, writes ? FILE_WRITE : FILE_READ);
            check_times(&x);
            if (writes) {
                for (uint32_t i = 0; i < N; i++)
                    cr_assert_eq(x.r[i].status, i == bad ? FILE_IO_ERROR : FILE_OK);
                (void)all_at_once(&x, FILE_READ);
            }
            check_bytes(&x, (int)bad);
            w.fail_count = 0;
            (void)all_at_once(&x, FILE_READ);
            check_bytes(&x, NONE);
            lfs_world_fini(&w);
        }
}

/* Neighbours on the device need not be of one file. */
Test(lfs_queue, blocks_of_two_files_go_as_one)
{
    struct lfs_world w;
    struct many x;
    uint8_t bytes[BLOCK] = { 0 };
    start(&w, &x, 1, 65536);
    cr_assert_eq(lfs_world_op(&w, FILE_REMOVE, x.file[0], 0), FILE_OK);
    w.fs->params.prealloc = 0;
    cr_assert_eq(lfs_world_create(&w, "even", &x.file[0]), FILE_OK);
    cr_assert_eq(lfs_world_create(&w, "odd", &x.file[1]), FILE_OK);
    for (uint32_t i = 0; i < N; i++)
        cr_assert_eq(lfs_world_write(&w, x.file[i % 2], (uint64_t)i * BLOCK, bytes, BLOCK),
                     FILE_OK);
    cr_assert_eq(all_at_once(&x, FILE_WRITE), 3);
    check_times(&x);
    cr_assert_eq(all_at_once(&x, FILE_READ), 3);
    check_bytes(&x, NONE);
    lfs_world_check(&w);
    lfs_world_fini(&w);
}
