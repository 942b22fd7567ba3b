/* test_lfs.c: the local file system against shadow byte arrays, its limits, faults and counts. */
#include "os/lfs/lfs_internal.h"
#include "tests/os/lfs_world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t draw_state;
static uint32_t draw(uint32_t n)
{
    draw_state += 0x9e3779b97f4a7c15u;
    uint64_t z = draw_state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) % n);
}

static void fill(uint8_t *out, size_t n, uint32_t salt)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(1 + (salt * 37 + i * 11 + i / 256) % 251);
}

static uint64_t must_create(struct lfs_world *w, const char *name)
{
    uint64_t file = 0;
    enum file_status s = lfs_world_create(w, name, &file);
    cr_assert_eq(s, FILE_OK, "create %s: %s", name, file_status_name(s));
    return file;
}

static void expect_content(struct lfs_world *w, uint64_t file, const uint8_t *want, size_t n)
{
    uint8_t *got = malloc(n + 1);
    size_t len = 0;
    cr_assert_eq(lfs_world_read(w, file, 0, got, n + 1, &len), FILE_OK);
    cr_assert_eq(len, n, "file has %zu bytes, not %zu", len, n);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(got[i], want[i], "byte %zu is %u, not %u", i, got[i], want[i]);
    free(got);
}

/* ---- pure parts ---- */

Test(lfs, a_superblock_with_any_byte_changed_is_refused)
{
    struct lfs_super s = { .fsid = 0x1122334455667788u,
                           .block = 65536,
                           .inode = 4096,
                           .files = 7,
                           .blocks = 20971,
                           .fragment = 8192 },
                     back;
    uint8_t image[LFS_SUPER_BYTES];
    lfs_super_store(image, &s);
    cr_assert(lfs_super_load(image, &back));
    cr_assert_eq(back.fsid, s.fsid);
    cr_assert_eq(back.blocks, s.blocks);
    cr_assert_eq(back.fragment, 8192);
    for (size_t i = 0; i < sizeof image; i++) {
        image[i] ^= 0x40;
        cr_assert_not(lfs_super_load(image, &back), "byte %zu", i);
        image[i] ^= 0x40;
    }
}

Test(lfs, a_record_with_any_byte_changed_is_refused)
{
    struct lfs_record r = { .fsid = 99,
                            .sequence = 5,
                            .ino = 3,
                            .generation = 2,
                            .used = true,
                            .size = 70001,
                            .name = "some file",
                            .extents = 2 },
                      back;
    struct lfs_extent x[2] = {
        { .dev = 17, .count = 1, .written = true, .frag = 3, .frags = 5 },
        { .blk = 5, .dev = 40, .count = 9 },
    };
    uint8_t image[512] = { 0 };
    memcpy(r.owner, "owner", 5);
    lfs_record_store(image, sizeof image, &r, x);
    cr_assert(lfs_record_load(image, sizeof image, 99, &back));
    cr_assert_str_eq(back.name, "some file");
    cr_assert_eq(back.size, 70001);
    cr_assert_eq(lfs_record_extent(image, 1).dev, 40);
    cr_assert_not(lfs_record_extent(image, 1).written);
    cr_assert_eq(lfs_record_extent(image, 0).frag, 3);
    cr_assert_eq(lfs_record_extent(image, 0).frags, 5);
    cr_assert(lfs_record_extent(image, 0).written);
    cr_assert_not(lfs_record_load(image, sizeof image, 98, &back), "another format's record");
    for (size_t i = 0; i < sizeof image; i++) {
        image[i] ^= 1;
        cr_assert_not(lfs_record_load(image, sizeof image, 99, &back), "byte %zu", i);
        image[i] ^= 1;
    }
}

struct extent_job {
    struct lfs_world *w;
};

/* Random puts, cuts and marks on the extents, against one entry a block. */
static void extents_against_blocks(struct port *p, void *arg)
{
    enum { N = 60 };
    struct lfs_world *w = arg;
    struct lfs_file f = { .fs = w->fs, .storing = true }; /* nobody stores it */
    uint32_t dev[N];
    bool written[N] = { false };
    (void)p;
    memset(dev, 0xff, sizeof dev);
    for (int turn = 0; turn < 4000; turn++) {
        uint32_t a = draw(N), n = 1 + draw(N - a);
        switch (draw(3)) {
        case 0: {
            uint32_t base = draw(3) == 0 ? a + 100 : draw(1000);
            bool done = draw(2) == 0;
            lfs_ext_put(&f, a, base, n, done);
            for (uint32_t i = 0; i < n; i++) {
                dev[a + i] = base + i;
                written[a + i] = done;
            }
            break;
        }
        case 1:
            lfs_ext_cut(&f, a, a + n);
            for (uint32_t i = 0; i < n; i++)
                dev[a + i] = LFS_NO_BLOCK;
            break;
        default:
            for (uint32_t i = 0; i < n && dev[a + i] != LFS_NO_BLOCK; i++) {
                lfs_ext_written(&f, a + i, 1);
                written[a + i] = true;
            }
        }
        uint32_t extents = 0;
        for (uint32_t b = 0; b < N; b++) {
            struct lfs_where at = lfs_where(&f, b);
            cr_assert_eq(at.dev, dev[b], "turn %d, block %u", turn, b);
            if (dev[b] == LFS_NO_BLOCK)
                continue;
            cr_assert_eq(at.written, written[b]);
            uint32_t run = 1;
            while (b + run < N && dev[b + run] == dev[b] + run && written[b + run] == written[b])
                run++;
            cr_assert_eq(at.run, run);
            extents += b == 0 || dev[b - 1] + 1 != dev[b] || dev[b - 1] == LFS_NO_BLOCK ||
                       written[b - 1] != written[b];
        }
        cr_assert_eq(f.ext_count, extents, "extents are not merged (LFSI2)");
    }
    port_free(w->fs->port, f.ext);
}

Test(lfs, extents_agree_with_a_table_of_blocks)
{
    struct lfs_world w;
    struct lfs_params p = lfs_world_params();
    lfs_world_init(&w, &(struct fake_options){ .nodes = 1, .disks = 1 }, &p);
    draw_state = 4711;
    fake_call(w.fake, 0, extents_against_blocks, &w);
    lfs_world_fini(&w);
}

/* ---- files ---- */

Test(lfs, files_are_found_after_a_mount)
{
    struct lfs_world w;
    struct lfs_params p = lfs_world_params();
    uint8_t bytes[9001];
    struct file_req r;
    struct file_entry x;
    lfs_world_init(&w, &(struct fake_options){ .nodes = 1, .disks = 1 }, &p);
    fill(bytes, sizeof bytes, 3);
    uint64_t a = must_create(&w, "a"), b = must_create(&w, "b");
    cr_assert_neq(a, b);
    cr_assert_eq(lfs_world_write(&w, b, 0, bytes, sizeof bytes), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, b, 0), FILE_OK);
    lfs_world_restart(&w);
    cr_assert_eq(w.mounted, FILE_OK);
    lfs_world_check(&w);
    cr_assert_eq(lfs_world_lookup(&w, "a"), a);
    cr_assert_eq(lfs_world_lookup(&w, "b"), b);
    cr_assert_eq(lfs_world_lookup(&w, "c"), 0);
    file_req_init(&r, FILE_STAT, NULL, NULL);
    r.file = b;
    lfs_world_do(&w, &r);
    cr_assert_eq(r.status, FILE_OK);
    cr_assert_eq(r.attr.size, sizeof bytes);
    file_req_init(&r, FILE_LIST, NULL, NULL);
    lfs_world_do(&w, &r);
    cr_assert_eq(r.file, 0, "there is no more");
    cr_assert(file_entry_next(&r.data, &x) && x.file == a && strcmp(x.name, "a") == 0);
    cr_assert(file_entry_next(&r.data, &x) && x.file == b && strcmp(x.name, "b") == 0);
    cr_assert_not(file_entry_next(&r.data, &x));
    rope_fini(&r.data);
    expect_content(&w, b, bytes, sizeof bytes);
    expect_content(&w, a, bytes, 0);
    lfs_world_fini(&w);
}

Test(lfs, a_blank_disk_says_so_and_a_spoilt_one_too)
{
    struct lfs_world w;
    struct lfs_params p = lfs_world_params();
    lfs_world_init(&w, &(struct fake_options){ .nodes = 1, .disks = 1 }, &p);
    fake_disk_flip(w.fake, 0, 0, 0, 20, 0xff);
    lfs_world_restart(&w);
    cr_assert_eq(w.mounted, FILE_CORRUPT);
    lfs_world_fini(&w);
}

Test(lfs, every_refusal_has_its_status)
{
    struct lfs_world w;
    struct lfs_params p = lfs_world_params();
    uint64_t file, other;
    char long_name[LFS_NAME_MAX + 2];
    uint8_t byte = 1;
    p.files = 2;
    lfs_world_init(&w, &(struct fake_options){ .nodes = 1, .disks = 1, .disk_sectors = 200 }, &p);
    memset(long_name, 'x', sizeof long_name);
    long_name[LFS_NAME_MAX + 1] = 0;
    cr_assert_eq(lfs_world_create(&w, "", &file), FILE_BAD_NAME);
    cr_assert_eq(lfs_world_create(&w, long_name, &file), FILE_BAD_NAME);
    file = must_create(&w, "x");
    cr_assert_eq(lfs_world_create(&w, "x", &other), FILE_EXISTS);
    cr_assert_eq(other, file);
    (void)must_create(&w, "y");
    cr_assert_eq(lfs_world_create(&w, "z", &other), FILE_NO_INODE);
    cr_assert_eq(lfs_world_write(&w, file + 99, 0, &byte, 1), FILE_NO_FILE);
    cr_assert_eq(lfs_world_write(&w, file, UINT64_MAX - 3, &byte, 1), FILE_RANGE);
    cr_assert_eq(lfs_world_op(&w, FILE_SIZE, file, UINT64_MAX / 2), FILE_RANGE);
    cr_assert_eq(lfs_world_op(&w, FILE_SIZE, file, 200 * 512), FILE_NO_SPACE);
    cr_assert_eq(lfs_world_op(&w, FILE_REMOVE, file, 0), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_REMOVE, file, 0), FILE_NO_FILE);
    other = must_create(&w, "z");
    cr_assert_neq(other, file, "a handle is used again");
    lfs_world_check(&w);
    lfs_world_fini(&w);
}

/* LFS2. */
Test(lfs, bytes_never_written_read_as_zero_in_blocks_used_before)
{
    struct lfs_world w;
    struct lfs_params p = lfs_world_params();
    enum { N = 20 * 2048 };
    static uint8_t bytes[N], want[N];
    lfs_world_init(&w, &(struct fake_options){ .nodes = 1, .disks = 1, .disk_sectors = 200 }, &p);
    fill(bytes, N, 1);
    uint64_t a = must_create(&w, "a");
    cr_assert_eq(lfs_world_write(&w, a, 0, bytes, N), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, a, 0), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_REMOVE, a, 0), FILE_OK);
    uint64_t b = must_create(&w, "b");
    cr_assert_eq(lfs_world_op(&w, FILE_SIZE, b, N), FILE_OK);
    cr_assert_eq(lfs_world_write(&w, b, 5000, bytes, 77), FILE_OK);
    memcpy(want + 5000, bytes, 77);
    expect_content(&w, b, want, N);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, 0, 0), FILE_OK);
    lfs_world_restart(&w);
    expect_content(&w, b, want, N);
    /* cut inside a block and grow again: the cut bytes are gone */
    cr_assert_eq(lfs_world_op(&w, FILE_SIZE, b, 5010), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_SIZE, b, N), FILE_OK);
    memset(want + 5010, 0, 67);
    expect_content(&w, b, want, N);
    lfs_world_check(&w);
    lfs_world_fini(&w);
}

/* Memory is of the files that are used, not of those that could be; all are found by a mount. */
Test(lfs, a_table_of_millions_of_files_costs_what_is_used)
{
    enum { SECTOR = 512, USED = 3000, MANY = 4 << 20 };
    struct lfs_params p = lfs_world_params();
    uint64_t empty[2], heap[2];
    p.inode = SECTOR;
    for (int many = 0; many < 2; many++) {
        struct lfs_world w;
        char name[16];
        uint64_t file;
        p.files = many ? MANY : USED;
        lfs_world_init(&w,
                       &(struct fake_options){ .nodes = 1,
                                               .disks = 1,
                                               .sector_bytes = SECTOR,
                                               .disk_sectors = (2 * MANY) + 40000 },
                       &p);
        empty[many] = fake_heap_bytes(w.fake, 0);
        for (uint32_t i = 0; i < USED; i++) {
            (void)snprintf(name, sizeof name, "f%u", i);
            (void)must_create(&w, name);
        }
        heap[many] = fake_heap_bytes(w.fake, 0);
        cr_assert_eq(lfs_world_create(&w, "more", &file), many ? FILE_OK : FILE_NO_INODE);
        if (!many) {
            cr_assert_eq(lfs_world_op(&w, FILE_REMOVE, lfs_world_lookup(&w, "f7"), 0), FILE_OK);
            lfs_world_restart(&w);
            cr_assert_eq(w.mounted, FILE_OK);
            lfs_world_check(&w);
        }
        for (uint32_t i = 0; i < USED; i++) {
            (void)snprintf(name, sizeof name, "f%u", i);
            cr_assert_eq(lfs_world_lookup(&w, name) == 0, !many && i == 7, "%s", name);
        }
        lfs_world_fini(&w);
    }
    cr_assert_lt(empty[1], empty[0] + (1 << 16));
    cr_assert_lt(heap[1], heap[0] + (1 << 16));
    cr_assert_lt(empty[1], 1 << 19);
}

static uint64_t counted(const struct lfs_world *w, const char *name)
{
    return fake_count(w->fake, 0, name);
}

Test(lfs, no_space_changes_nothing_and_removal_gives_it_back)
{
    struct lfs_world w;
    struct lfs_params p = lfs_world_params();
    struct lfs_usage u0, u;
    static uint8_t bytes[100 * 2048];
    lfs_world_init(&w, &(struct fake_options){ .nodes = 1, .disks = 1, .disk_sectors = 200 }, &p);
    fill(bytes, sizeof bytes, 9);
    lfs_usage(w.fs, &u0);
    cr_assert_eq(u0.free_blocks, lfs_room(&w.params, 200, 512),
                 "what check knows is what is there");
    uint64_t a = must_create(&w, "a"), b = must_create(&w, "b");
    size_t half = u0.free_blocks / 2 * 2048ul, rest = u0.free_blocks * 2048ul - half;
    cr_assert_eq(lfs_world_write(&w, a, 0, bytes, half), FILE_OK);
    cr_assert_eq(lfs_world_write(&w, b, 0, bytes, rest + 1), FILE_NO_SPACE);
    expect_content(&w, b, bytes, 0);
    cr_assert_eq(lfs_world_write(&w, b, 0, bytes, rest), FILE_OK, "reservations are given back");
    lfs_usage(w.fs, &u);
    cr_assert_eq(u.free_blocks, 0);
    expect_content(&w, b, bytes, rest);
    cr_assert_eq(lfs_world_op(&w, FILE_REMOVE, a, 0), FILE_OK);
    lfs_usage(w.fs, &u);
    cr_assert_eq(u.free_blocks, half / 2048);
    lfs_world_check(&w);
    lfs_world_fini(&w);
}

Test(lfs, files_that_grow_by_turns_stay_in_one_piece)
{
    struct lfs_world w;
    struct lfs_params p = lfs_world_params();
    uint8_t block[2048];
    p.prealloc = 64;
    lfs_world_init(&w, &(struct fake_options){ .nodes = 1, .disks = 1 }, &p);
    fill(block, sizeof block, 2);
    uint64_t file[2] = { must_create(&w, "a"), must_create(&w, "b") };
    for (uint64_t i = 0; i < 120; i++)
        cr_assert_eq(lfs_world_write(&w, file[i % 2], i / 2 * 2048, block, 2048), FILE_OK);
    for (int i = 0; i < 2; i++) {
        const struct lfs_file *f = w.fs->files[(uint32_t)file[i]];
        cr_assert_eq(f->ext_count, 1);
        cr_assert_eq(lfs_file_blocks(f), 60);
    }
    lfs_world_fini(&w);
}

/* The disk's blocks of a file, in its order. */
static uint32_t places(struct lfs_world *w, uint64_t file, uint32_t *out)
{
    uint32_t n = 0;
    const struct lfs_file *f = lfs_by_handle(w->fs, file);
    cr_assert(f != NULL);
    for (struct lfs_where x; (x = lfs_where(f, n)).dev != LFS_NO_BLOCK; n++)
        out[n] = x.dev;
    return n;
}

Test(lfs, a_gap_lies_behind_each_block_and_another_file_goes_there)
{
    enum { BLOCKS = 12 };
    struct lfs_world w;
    struct lfs_params p = lfs_world_params();
    static uint8_t bytes[BLOCKS * 2048];
    uint32_t a[BLOCKS + 1], b[BLOCKS + 1];
    p.gap = 1;
    lfs_world_init(&w, &(struct fake_options){ .nodes = 1, .disks = 1 }, &p);
    fill(bytes, sizeof bytes, 3);
    uint64_t first = must_create(&w, "a"), second = must_create(&w, "b");
    cr_assert_eq(lfs_world_write(&w, first, 0, bytes, sizeof bytes), FILE_OK);
    cr_assert_eq(lfs_world_write(&w, second, 0, bytes, sizeof bytes), FILE_OK);
    uint64_t reads = counted(&w, "lfs.device_reads");
    expect_content(&w, first, bytes, sizeof bytes);
    cr_assert_eq(counted(&w, "lfs.device_reads") - reads, BLOCKS, "no two are neighbours");
    cr_assert_eq(places(&w, first, a), BLOCKS);
    cr_assert_eq(places(&w, second, b), BLOCKS);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        cr_assert_eq(a[i], a[0] + 2 * i);
        cr_assert_eq(b[i], a[i] + 1, "the gaps are free");
    }
    lfs_world_check(&w);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, second, 0), FILE_OK);
    lfs_world_restart(&w);
    expect_content(&w, second, bytes, sizeof bytes);
    lfs_world_fini(&w);
}

Test(lfs, the_fast_path_coalesces_blocks_and_copies_nothing)
{
    struct lfs_world w;
    struct lfs_params p = lfs_world_params();
    static uint8_t bytes[24 * 2048], got[24 * 2048];
    size_t n;
    lfs_world_init(&w, &(struct fake_options){ .nodes = 1, .disks = 1 }, &p);
    fill(bytes, sizeof bytes, 5);
    uint64_t a = must_create(&w, "a");
    uint64_t writes0 = counted(&w, "lfs.device_writes");
    uint64_t reads0 = counted(&w, "lfs.device_reads");
    cr_assert_eq(lfs_world_write(&w, a, 0, bytes, sizeof bytes), FILE_OK);
    cr_assert_eq(counted(&w, "lfs.device_writes") - writes0, 3, "24 blocks of 2 KiB, 8 a request");
    cr_assert_eq(lfs_world_read(&w, a, 2048, got, 16 * 2048, &n), FILE_OK);
    cr_assert_eq(counted(&w, "lfs.device_reads") - reads0, 2);
    cr_assert_eq(counted(&w, "lfs.copied_bytes"), 0);
    cr_assert_eq(fake_work(w.fake, 0, PORT_WORK_COPY), 0);
    cr_assert_eq(memcmp(got, bytes + 2048, n), 0);
    /* an unaligned read copies its two ends and no more */
    cr_assert_eq(lfs_world_read(&w, a, 1000, got, 8 * 2048, &n), FILE_OK);
    cr_assert_eq(counted(&w, "lfs.copied_bytes"), 2048);
    cr_assert_eq(memcmp(got, bytes + 1000, n), 0);
    lfs_world_fini(&w);
}

static int inside, ended;

static void ended_inside(struct file_req *r)
{
    cr_assert_eq(inside++, 0, "a callback ran inside a submit, or another");
    ended++;
    rope_fini(&r->data);
    if (ended < 4)
        file_submit(r->arg, &r[1]);
    inside--;
}

static void submit_from_an_upcall(struct port *p, void *arg)
{
    (void)p;
    struct file_req *r = arg;
    inside = 1;
    file_submit(r->arg, r);
    inside = 0;
}

/* LFSI7, FILE1. */
Test(lfs, a_callback_that_submits_does_not_recurse)
{
    struct lfs_world w;
    struct lfs_params p = lfs_world_params();
    struct file_req r[4];
    lfs_world_init(&w, &(struct fake_options){ .nodes = 1, .disks = 1 }, &p);
    for (int i = 0; i < 4; i++) {
        file_req_init(&r[i], FILE_READ, ended_inside, lfs_files(w.fs));
        r[i].file = 12345;
        file_range(&r[i], 0, 1);
    }
    fake_call(w.fake, 0, submit_from_an_upcall, &r[0]);
    fake_run(w.fake, 0);
    cr_assert_eq(ended, 4);
    lfs_world_fini(&w);
}

static bool has_buffers(const struct lfs_world *w, uint64_t file)
{
    return !list_empty(&w->fs->files[(uint32_t)file]->kept.blocks);
}

/* Readers in turn, each of its own stretch of a file of 2 KiB blocks: what the device had to do. */
static void readers(uint32_t count, uint32_t blocks, uint32_t cache, uint64_t *reads,
                    uint64_t *fetched)
{
    struct lfs_world w;
    struct lfs_params p = lfs_world_params();
    static uint8_t bytes[128 * 2048], got[2048];
    size_t n, size = (size_t)count * blocks * 2048;
    cr_assert_leq(size, sizeof bytes);
    p.buffered = true;
    p.cache = cache;
    p.read_ahead = 4;
    lfs_world_init(&w, &(struct fake_options){ .nodes = 1, .disks = 1 }, &p);
    fill(bytes, size, 5);
    uint64_t a = must_create(&w, "a");
    cr_assert_eq(lfs_world_write(&w, a, 0, bytes, size), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, a, 0), FILE_OK);
    lfs_world_restart(&w);
    for (size_t blk = 0; blk < blocks; blk++)
        for (size_t i = 0; i < count; i++) {
            size_t off = (i * blocks + blk) * 2048;
            cr_assert_eq(lfs_world_read(&w, a, off, got, sizeof got, &n), FILE_OK);
            cr_assert_eq(memcmp(got, bytes + off, sizeof got), 0);
            lfs_world_check(&w);
        }
    *reads = counted(&w, "lfs.device_reads");
    *fetched = counted(&w, "lfs.buffer_misses");
    lfs_world_fini(&w);
}

Test(lfs, many_sequential_buffered_readers_each_find_their_blocks_read_ahead)
{
    uint64_t reads, fetched;
    readers(4, 32, 48, &reads, &fetched);
    cr_assert_leq(fetched, 128 + 4 * 5, "%d blocks: once, and some behind each end", (int)fetched);
    cr_assert_leq(reads, 40, "%d device reads for 128 blocks", (int)reads);
}

Test(lfs, what_was_read_ahead_stays_until_somebody_has_used_it)
{
    uint64_t reads, fetched;
    readers(8, 16, 16, &reads, &fetched); /* with five blocks each there are too few buffers */
    cr_assert_leq(fetched, 140, "%d blocks were fetched for 128", (int)fetched);
    cr_assert_leq(reads, 100, "%d device reads", (int)reads);
}

Test(lfs, a_sequential_buffered_reader_finds_its_blocks_read_ahead)
{
    struct lfs_world w;
    struct file_req hint;
    struct lfs_params p = lfs_world_params();
    static uint8_t bytes[32 * 2048], got[2048];
    size_t n;
    p.buffered = true;
    p.cache = 16;
    p.read_ahead = 4;
    lfs_world_init(&w, &(struct fake_options){ .nodes = 1, .disks = 1 }, &p);
    fill(bytes, sizeof bytes, 5);
    uint64_t a = must_create(&w, "a");
    cr_assert_eq(lfs_world_write(&w, a, 0, bytes, sizeof bytes), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, a, 0), FILE_OK);
    lfs_world_restart(&w);
    for (size_t off = 0; off < sizeof bytes; off += 512) {
        cr_assert_eq(lfs_world_read(&w, a, off, got, 512, &n), FILE_OK);
        cr_assert_eq(memcmp(got, bytes + off, 512), 0);
        lfs_world_check(&w);
    }
    uint64_t reads = counted(&w, "lfs.device_reads");
    cr_assert_leq(reads, 12, "%d device reads for 32 blocks", (int)reads);
    cr_assert_eq(counted(&w, "lfs.buffer_misses"), 32, "each block is read once");
    cr_assert(has_buffers(&w, a));
    cr_assert_eq(lfs_world_write(&w, a, 0, bytes, 512), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, a, 0), FILE_OK);
    cr_assert(has_buffers(&w, a), "a plain sync keeps them");
    file_req_init(&hint, FILE_HINT, NULL, NULL);
    hint.hint = FILE_FORGET;
    hint.file = a;
    lfs_world_do(&w, &hint);
    cr_assert_eq(hint.status, FILE_OK);
    cr_assert_not(has_buffers(&w, a));
    cr_assert_eq(lfs_world_read(&w, a, 0, got, 512, &n), FILE_OK);
    cr_assert_eq(memcmp(got, bytes, 512), 0);
    lfs_world_fini(&w);
}

Test(lfs, delayed_writes_reach_the_device_by_themselves)
{
    struct lfs_world w;
    struct lfs_params p = lfs_world_params();
    uint8_t bytes[700];
    lfs_world_init(&w, &(struct fake_options){ .nodes = 1, .disks = 1 }, &p);
    fill(bytes, sizeof bytes, 8);
    uint64_t a = must_create(&w, "a");
    uint64_t writes = counted(&w, "lfs.device_writes");
    for (uint64_t i = 0; i < 10; i++)
        cr_assert_eq(lfs_world_write(&w, a, i * 70, bytes + i * 70, 70), FILE_OK);
    cr_assert_eq(counted(&w, "lfs.device_writes"), writes, "ten small writes stay in one buffer");
    lfs_world_idle(&w);
    lfs_world_restart(&w);
    expect_content(&w, a, bytes, sizeof bytes);
    lfs_world_fini(&w);
}

/* ---- faults ---- */

static void fail_file(struct lfs_world *w, uint64_t file, bool reads, bool writes, uint32_t count)
{
    struct lfs_where at = lfs_where(w->fs->files[(uint32_t)file], 0);
    w->fail_from = at.dev * (uint64_t)w->fs->block_sectors;
    w->fail_to = w->fail_from + w->fs->block_sectors;
    w->fail_reads = reads;
    w->fail_writes = writes;
    w->fail_count = count;
}

/* LFS6. */
Test(lfs, device_errors_are_handed_up_and_leave_it_usable)
{
    struct lfs_world w;
    struct lfs_params p = lfs_world_params();
    static uint8_t bytes[8192], got[8192];
    size_t n;
    lfs_world_init(&w, &(struct fake_options){ .nodes = 1, .disks = 1 }, &p);
    fill(bytes, sizeof bytes, 5);
    uint64_t a = must_create(&w, "a");
    cr_assert_eq(lfs_world_write(&w, a, 0, bytes, sizeof bytes), FILE_OK);
    fail_file(&w, a, true, false, 1);
    cr_assert_eq(lfs_world_read(&w, a, 0, got, 8192, &n), FILE_IO_ERROR, "fast path");
    fail_file(&w, a, true, false, 1);
    cr_assert_eq(lfs_world_read(&w, a, 5, got, 10, &n), FILE_IO_ERROR, "buffered path");
    fail_file(&w, a, true, false, 1);
    cr_assert_eq(lfs_world_write(&w, a, 5, bytes, 10), FILE_IO_ERROR, "read-modify-write");
    expect_content(&w, a, bytes, sizeof bytes);
    fail_file(&w, a, false, true, 1);
    cr_assert_eq(lfs_world_write(&w, a, 0, bytes, 8192), FILE_IO_ERROR);
    cr_assert_eq(lfs_world_write(&w, a, 5, bytes, 10), FILE_OK, "a delayed write");
    fail_file(&w, a, false, true, 1);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, a, 0), FILE_IO_ERROR, "that fails later");
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, a, 0), FILE_OK, "and is told once");
    expect_content(&w, a, bytes, sizeof bytes);
    /* records */
    w.fail_from = 0;
    w.fail_to = w.fs->first_data * (uint64_t)w.fs->block_sectors;
    w.fail_writes = true;
    w.fail_count = 1;
    cr_assert_eq(lfs_world_op(&w, FILE_REMOVE, a, 0), FILE_IO_ERROR);
    w.fail_count = 1;
    uint64_t b;
    cr_assert_eq(lfs_world_create(&w, "b", &b), FILE_IO_ERROR);
    lfs_world_check(&w);
    expect_content(&w, a, bytes, sizeof bytes);
    lfs_world_idle(&w);
    lfs_world_restart(&w);
    expect_content(&w, a, bytes, sizeof bytes);
    cr_assert_eq(lfs_world_lookup(&w, "b"), 0);
    lfs_world_fini(&w);
}

/* A file in one piece, of more blocks than its record holds extents. */
Test(lfs, buffers_that_wait_to_be_written_do_not_make_a_file_too_scattered)
{
    struct lfs_world w;
    struct lfs_params p = lfs_world_params();
    static uint8_t bytes[120 * 2048];
    p.buffered = true;
    p.cache = 100;
    lfs_world_init(&w, &(struct fake_options){ .nodes = 1, .disks = 1 }, &p);
    fill(bytes, sizeof bytes, 7);
    uint64_t a = must_create(&w, "a");
    cr_assert_eq(lfs_world_write(&w, a, 0, bytes, sizeof bytes), FILE_OK);
    lfs_world_check(&w);
    expect_content(&w, a, bytes, sizeof bytes);
    lfs_world_fini(&w);
}

Test(lfs, a_file_too_scattered_for_its_record_is_refused_and_stays_readable)
{
    struct lfs_world w;
    struct lfs_params p = lfs_world_params();
    static uint8_t block[2048];
    enum file_status s = FILE_OK;
    uint64_t i, a;
    p.prealloc = 0;
    lfs_world_init(&w, &(struct fake_options){ .nodes = 1, .disks = 1 }, &p);
    a = must_create(&w, "a");
    for (i = 0; i < 100 && s == FILE_OK; i++) {
        fill(block, sizeof block, (uint32_t)i);
        s = lfs_world_write(&w, a, i * 2 * 2048, block, 2048);
        lfs_world_check(&w);
    }
    cr_assert_eq(s, FILE_SCATTERED);
    cr_assert_geq(i, 45, "a record of 1 KiB holds 51 extents; refused after %d", (int)i);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, a, 0), FILE_OK);
    lfs_world_restart(&w);
    for (uint64_t k = 0; k + 1 < i; k++) {
        uint8_t got[2048];
        size_t n;
        fill(block, sizeof block, (uint32_t)k);
        cr_assert_eq(lfs_world_read(&w, a, k * 2 * 2048, got, 2048, &n), FILE_OK);
        cr_assert_eq(memcmp(got, block, n), 0);
    }
    lfs_world_fini(&w);
}

/* ---- random sequences, several requests in flight ---- */

enum { FILES = 3, SPAN = 40000, FLIGHT = 6, TURNS = 700 };

struct shadow {
    uint64_t file;
    uint8_t bytes[SPAN];
    size_t size;
};

struct flight {
    struct file_req r;
    bool busy;
    uint8_t want[SPAN]; /* a read's bytes as they were when it was submitted */
    size_t least;
};

static void flight_done(struct file_req *r)
{
    struct flight *x = r->arg;
    x->busy = false;
    cr_assert_eq(r->status, FILE_OK, "op %d: %s", (int)r->op, file_status_name(r->status));
    if (r->op == FILE_READ) {
        static uint8_t got[SPAN];
        rope_read(&r->data, 0, r->data.length, got);
        cr_assert_geq(r->data.length, x->least);
        for (size_t i = 0; i < r->data.length; i++)
            cr_assert_eq(got[i], x->want[r->runs->off + i], "offset %zu", (size_t)r->runs->off + i);
    }
    rope_fini(&r->data);
}

struct random_run {
    struct lfs_world *w;
    struct shadow *shadow;
    struct flight *flight;
};

static void submit_random(struct port *p, void *arg)
{
    struct random_run *x = arg;
    struct flight *fl = NULL;
    struct shadow *s = &x->shadow[draw(FILES)];
    (void)p;
    for (int i = 0; i < FLIGHT; i++)
        if (!x->flight[i].busy)
            fl = &x->flight[i];
    if (fl == NULL)
        return;
    uint32_t kind = draw(20), off = draw(SPAN / 2), n = 1 + draw(draw(3) == 0 ? SPAN / 2 : 3000);
    if (draw(3) == 0) {
        off -= off % 2048;
        n += 2047;
        n -= n % 2048;
    }
    if (off + n > SPAN)
        n = SPAN - off;
    file_req_init(&fl->r, FILE_READ, flight_done, fl);
    fl->r.file = s->file;
    file_range(&fl->r, off, n);
    fl->busy = true;
    if (kind < 9) {
        memcpy(fl->want, s->bytes, SPAN);
        fl->least = s->size <= off ? 0 : (s->size - off < n ? s->size - off : n);
        for (int i = 0; i < FLIGHT; i++) /* one that extends the file may end later */
            if (&x->flight[i] != fl && x->flight[i].busy && x->flight[i].r.file == s->file)
                fl->least = 0;
    } else if (kind < 18) {
        fl->r.op = FILE_WRITE;
        fill(s->bytes + off, n, draw(1000));
        rope_add_bytes(&fl->r.data, s->bytes + off, n);
        if (off + n > s->size)
            s->size = off + n;
    } else if (kind < 19) {
        fl->r.op = FILE_FLUSH;
    } else {
        fl->r.op = FILE_SIZE;
        fl->r.size = draw(SPAN);
        if (fl->r.size < s->size)
            memset(s->bytes + fl->r.size, 0, s->size - fl->r.size);
        s->size = fl->r.size;
    }
    file_submit(lfs_files(x->w->fs), &fl->r);
}

static void random_against_shadow(const struct lfs_params *p, enum fake_order order, uint64_t seed)
{
    struct lfs_world w;
    struct random_run x = { .w = &w };
    lfs_world_init(
        &w, &(struct fake_options){ .nodes = 1, .disks = 1, .order = order, .seed = seed }, p);
    x.shadow = calloc(FILES, sizeof *x.shadow);
    x.flight = calloc(FLIGHT, sizeof *x.flight);
    draw_state = seed;
    for (int i = 0; i < FILES; i++)
        x.shadow[i].file = must_create(&w, (const char *[]){ "one", "two", "three" }[i]);
    for (int t = 0; t < TURNS; t++) {
        fake_call(w.fake, 0, submit_random, &x);
        for (uint32_t k = draw(4); k > 0; k--)
            (void)fake_step(w.fake);
        lfs_world_check(&w);
    }
    for (int again = 0; again < 2; again++) {
        lfs_world_idle(&w);
        for (int i = 0; i < FLIGHT; i++)
            cr_assert_not(x.flight[i].busy, "a request never ended");
        for (int i = 0; i < FILES; i++)
            expect_content(&w, x.shadow[i].file, x.shadow[i].bytes, x.shadow[i].size);
        lfs_world_restart(&w);
        lfs_world_check(&w);
    }
    free(x.shadow);
    free(x.flight);
    lfs_world_fini(&w);
}

/* LFS1. */
Test(lfs, random_requests_agree_with_a_byte_array)
{
    uint64_t seed = 1;
    for (int cache = 1; cache <= 9; cache += 4)
        for (int buffered = 0; buffered < 2; buffered++)
            for (int ahead = 0; ahead < 4; ahead += 3) {
                struct lfs_params p = lfs_world_params();
                p.cache = cache;
                p.buffered = buffered;
                p.read_ahead = ahead;
                p.max_io = cache == 1 ? 512 : 8192;
                p.queue = (int64_t)seed % 6 / 2; /* 0 to 2 */
                random_against_shadow(&p, FAKE_IN_ORDER, seed++);
                random_against_shadow(&p, FAKE_RANDOM, seed++);
            }
}
