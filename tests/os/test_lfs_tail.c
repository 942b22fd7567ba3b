/* test_lfs_tail.c: ends of small files in fragments of blocks: contents, places, space. */
#include "os/lfs/lfs_internal.h"
#include "tests/os/lfs_world.h"
#include "tests/sample.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 2048, FRAGMENT = 256, SECTOR = 128 };

static uint64_t draw_state;
static uint32_t draw(uint32_t n)
{
    draw_state = draw_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(draw_state >> 33) % n;
}

static void begin(struct lfs_world *w, int64_t fragment, uint32_t files, uint64_t seed)
{
    struct lfs_params p = lfs_world_params();
    p.fragment = fragment;
    p.files = files;
    p.prealloc = seed % 2 ? 8 : 0;
    p.fsck = true;
    lfs_world_init(w,
                   &(struct fake_options){ .nodes = 1,
                                           .disks = 1,
                                           .sector_bytes = SECTOR,
                                           .disk_sectors = 4000,
                                           .order = seed % 2 ? FAKE_RANDOM : FAKE_IN_ORDER,
                                           .seed = seed },
                   &p);
}

/* ---- against byte arrays ---- */

enum { FILES = 9, SPAN = 15 * BLOCK };

struct shadow {
    uint64_t file; /* 0: there is none */
    char name[2];
    uint8_t bytes[SPAN];
    size_t size;
};

/* Often at a limit of fragments or blocks, or just beside it. */
static uint32_t place(void)
{
    uint32_t unit = draw(2) ? FRAGMENT : BLOCK, near = draw(3) ? 2 * BLOCK : 13 * BLOCK;
    uint32_t at = draw(near / unit + 1) * unit + draw(3);
    return at > 0 ? at - 1 : 0;
}

static void write_to(struct lfs_world *w, struct shadow *s)
{
    uint32_t off = draw(2) ? (uint32_t)s->size : place(), n = 1 + place() % 5000;
    off = off < 13 * BLOCK ? off : draw(FRAGMENT);
    n = off + n <= SPAN ? n : SPAN - off;
    for (uint32_t i = off; i < off + n; i++)
        s->bytes[i] = (uint8_t)(1 + draw(255));
    s->size = off + n > s->size ? off + n : s->size;
    cr_assert_eq(lfs_world_write(w, s->file, off, s->bytes + off, n), FILE_OK);
}

static void set_size(struct lfs_world *w, struct shadow *s)
{
    uint32_t size = place();
    if (size < s->size)
        memset(s->bytes + size, 0, s->size - size);
    s->size = size;
    cr_assert_eq(lfs_world_op(w, FILE_SIZE, s->file, size), FILE_OK);
}

static void rename_over(struct lfs_world *w, struct shadow *from, struct shadow *to)
{
    struct file_req r;
    file_req_init(&r, FILE_RENAME, NULL, NULL);
    r.name = from->name;
    r.to_name = to->name;
    lfs_world_do(w, &r);
    cr_assert_eq(r.status, FILE_OK, "%s", file_status_name(r.status));
    to->file = from->file;
    to->size = from->size;
    memcpy(to->bytes, from->bytes, SPAN);
    from->file = 0;
}

static void contents_agree(struct lfs_world *w, const struct shadow *s)
{
    static uint8_t got[SPAN + 1];
    size_t n;
    if (s->file == 0)
        return;
    cr_assert_eq(lfs_world_read(w, s->file, 0, got, sizeof got, &n), FILE_OK);
    cr_assert_eq(n, s->size);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(got[i], s->bytes[i], "%s: byte %zu of %zu", s->name, i, n);
}

static void turn(struct lfs_world *w, struct shadow *all)
{
    struct shadow *s = &all[draw(FILES)], *other = &all[draw(FILES)];
    uint32_t kind = draw(24);
    if (s->file == 0) {
        memset(s->bytes, 0, SPAN);
        s->size = 0;
        cr_assert_eq(lfs_world_create(w, s->name, &s->file), FILE_OK);
    }
    if (kind < 13)
        write_to(w, s);
    else if (kind < 16)
        set_size(w, s);
    else if (kind < 18)
        cr_assert_eq(lfs_world_op(w, FILE_FLUSH, draw(2) ? s->file : 0, 0), FILE_OK);
    else if (kind == 18)
        lfs_world_idle(w);
    else if (kind == 19 && other != s)
        rename_over(w, s, other);
    else if (kind == 20) {
        cr_assert_eq(lfs_world_op(w, FILE_REMOVE, s->file, 0), FILE_OK);
        s->file = 0;
    } else if (kind == 21 && draw(4) == 0) {
        cr_assert_eq(lfs_world_op(w, FILE_FLUSH, 0, 0), FILE_OK);
        lfs_world_restart(w);
        cr_assert_eq(w->mounted, FILE_OK);
    } else
        contents_agree(w, s);
    lfs_world_check(w);
}

Test(lfs_tail, files_around_the_limits_of_fragments_agree_with_byte_arrays)
{
    static struct shadow all[FILES];
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct lfs_world w;
        struct lfs_usage u0, u;
        begin(&w, seed % 3 ? FRAGMENT : SECTOR, FILES + 1, seed);
        lfs_usage(w.fs, &u0);
        draw_state = seed;
        for (int i = 0; i < FILES; i++)
            all[i] = (struct shadow){ .name = { (char)('a' + i), 0 } };
        for (int t = 0; t < 1200; t++)
            turn(&w, all);
        for (int i = 0; i < FILES; i++) {
            contents_agree(&w, &all[i]);
            if (all[i].file != 0)
                cr_assert_eq(lfs_world_op(&w, FILE_REMOVE, all[i].file, 0), FILE_OK);
        }
        lfs_world_check(&w);
        lfs_usage(w.fs, &u);
        cr_assert_eq(u.free_blocks, u0.free_blocks, "blocks are lost");
        cr_assert_eq(u.free_fragments + u.fragments, 0);
        lfs_world_fini(&w);
    }
}

/* ---- where they lie ---- */

static const struct lfs_extent *tail_of(const struct lfs_world *w, uint64_t file)
{
    const struct lfs_file *f = w->fs->files[(uint32_t)file];
    return f->ext_count == 0 ? NULL : &f->ext[f->ext_count - 1];
}

static void append(struct lfs_world *w, uint64_t file, size_t off, size_t n)
{
    static uint8_t bytes[12 * BLOCK];
    cr_assert(n <= sizeof bytes);
    memset(bytes, 7, n);
    cr_assert_eq(lfs_world_write(w, file, off, bytes, n), FILE_OK);
    cr_assert_eq(lfs_world_op(w, FILE_FLUSH, file, 0), FILE_OK);
    lfs_world_check(w);
}

Test(lfs_tail, an_end_grows_where_it_lies_moves_and_becomes_a_block)
{
    struct lfs_world w;
    uint64_t a, b;
    begin(&w, FRAGMENT, 8, 0);
    cr_assert_eq(lfs_world_create(&w, "a", &a), FILE_OK);
    cr_assert_eq(lfs_world_create(&w, "b", &b), FILE_OK);
    append(&w, a, 0, 300);
    struct lfs_extent first = *tail_of(&w, a);
    cr_assert_eq(first.frags, 2);
    append(&w, a, 300, 400);
    cr_assert(tail_of(&w, a)->dev == first.dev && tail_of(&w, a)->frag == 0);
    cr_assert_eq(tail_of(&w, a)->frags, 3, "it grows where it lies");
    append(&w, b, 0, 10);
    cr_assert(tail_of(&w, b)->dev == first.dev && tail_of(&w, b)->frag == 3, "they share a block");
    append(&w, a, 700, 200);
    cr_assert(tail_of(&w, a)->dev == first.dev && tail_of(&w, a)->frag == 4, "it moves");
    append(&w, b, 10, 500);
    cr_assert(tail_of(&w, b)->dev == first.dev && tail_of(&w, b)->frag == 0, "where the other was");
    append(&w, a, 900, BLOCK - 900);
    cr_assert_eq(tail_of(&w, a)->frags, 0, "a whole block");
    append(&w, a, BLOCK, 1);
    cr_assert_eq(w.fs->files[(uint32_t)a]->ext_count, 2);
    cr_assert_eq(tail_of(&w, a)->frags, 1);
    cr_assert_eq(lfs_world_op(&w, FILE_SIZE, a, 1000), FILE_OK);
    cr_assert_eq(tail_of(&w, a)->frags, 4, "what a cut leaves keeps what it needs");
    append(&w, a, 1000, 12 * BLOCK - 1000 + 5);
    cr_assert_eq(tail_of(&w, a)->frags, 0, "a long file has none");
    lfs_world_fini(&w);
}

static void write_req(struct file_req *r, uint64_t file, size_t off, const uint8_t *bytes, size_t n)
{
    file_req_init(r, FILE_WRITE, NULL, NULL);
    r->file = file;
    file_range(r, off, n);
    rope_add_bytes(&r->data, bytes, n);
}

static void flush_req(struct file_req *r, uint64_t file)
{
    file_req_init(r, FILE_FLUSH, NULL, NULL);
    r->file = file;
}

/* `a` is cut, or moves because `c` is behind it, while `b` wants room; false: it ended. */
static bool reuse(uint64_t seed, bool cut, uint64_t at)
{
    struct lfs_world w;
    struct file_req r[5];
    static uint8_t old[1500], new[1500], got[1501];
    uint64_t a, b, c;
    size_t n;
    begin(&w, FRAGMENT, 8, seed);
    memset(old, 0xaa, sizeof old);
    memset(new, 0xbb, sizeof new);
    cr_assert_eq(lfs_world_create(&w, "a", &a), FILE_OK);
    cr_assert_eq(lfs_world_create(&w, "b", &b), FILE_OK);
    cr_assert_eq(lfs_world_create(&w, "c", &c), FILE_OK);
    cr_assert_eq(lfs_world_write(&w, a, 0, old, 1300), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, a, 0), FILE_OK);
    append(&w, c, 0, 2 * FRAGMENT);
    cr_assert_eq(lfs_world_write(&w, b, BLOCK - 1, new, 1), FILE_OK);
    w.writes = 0;
    w.crash_at_write = at;
    file_req_init(&r[0], FILE_SIZE, NULL, NULL);
    r[0].file = a;
    r[0].size = 200;
    if (!cut)
        write_req(&r[0], a, 1300, old, 200 + FRAGMENT);
    flush_req(&r[1], a);
    flush_req(&r[2], b);
    write_req(&r[3], b, BLOCK, new, 4 * FRAGMENT);
    flush_req(&r[4], b);
    bool whole = lfs_world_do_all(&w, r, 5);
    lfs_world_restart(&w);
    cr_assert_eq(w.mounted, FILE_OK);
    lfs_world_check(&w);
    cr_assert_eq(lfs_world_read(&w, a, 0, got, sizeof got, &n), FILE_OK);
    for (size_t i = 0; i < n; i++)
        cr_assert(got[i] == 0xaa || (got[i] == 0 && i >= (cut ? 200u : 1300u)), "a holds %x at %zu",
                  got[i], i);
    lfs_world_fini(&w);
    return !whole;
}

/* LFSI5. */
Test(lfs_tail, a_fragment_has_one_owner_whenever_the_node_dies)
{
    for (uint64_t seed = 1; seed < 40; seed++) {
        uint64_t at = 1;
        while (reuse(seed, seed % 4 < 2, at))
            at++;
        cr_assert_gt(at, 3);
    }
}

/* A fast write of blocks in a row stops before one that only begins there. */
Test(lfs_tail, whole_blocks_beside_fragments_leave_the_others_alone)
{
    struct lfs_world w;
    static uint8_t bytes[2 * BLOCK], got[100];
    uint64_t a, b;
    size_t n;
    begin(&w, FRAGMENT, 8, 0);
    cr_assert_eq(lfs_world_create(&w, "a", &a), FILE_OK);
    cr_assert_eq(lfs_world_create(&w, "b", &b), FILE_OK);
    append(&w, a, 0, BLOCK);
    append(&w, a, BLOCK, 100);
    append(&w, b, 0, 100);
    cr_assert_eq(tail_of(&w, a)->dev, w.fs->files[(uint32_t)a]->ext[0].dev + 1);
    cr_assert(tail_of(&w, b)->dev == tail_of(&w, a)->dev && tail_of(&w, b)->frag == 1);
    cr_assert_eq(lfs_world_write(&w, a, 0, bytes, 2 * BLOCK), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, 0, 0), FILE_OK);
    lfs_world_restart(&w);
    cr_assert_eq(lfs_world_read(&w, b, 0, got, sizeof got, &n), FILE_OK);
    cr_assert(n == 100 && got[0] == 7 && got[99] == 7);
    lfs_world_fini(&w);
}

/* What `files` of 300 bytes need, and what is written for them. */
static void measure(int64_t fragment, uint32_t files, uint64_t *used, uint64_t *written)
{
    struct lfs_world w;
    struct lfs_usage u0, u;
    begin(&w, fragment, files, 0);
    lfs_usage(w.fs, &u0);
    uint64_t w0 = w.sectors;
    for (uint32_t i = 0; i < files; i++) {
        char name[16];
        uint64_t f;
        (void)snprintf(name, sizeof name, "%u", i);
        cr_assert_eq(lfs_world_create(&w, name, &f), FILE_OK);
        append(&w, f, 0, 300);
    }
    lfs_usage(w.fs, &u);
    *written = w.sectors - w0;
    *used = (u0.free_blocks - u.free_blocks) * (uint64_t)BLOCK -
            (uint64_t)u.free_fragments * u.fragment;
    lfs_world_fini(&w);
}

Test(lfs_tail, small_files_need_a_part_of_the_space)
{
    uint64_t used[2], written[2];
    measure(0, 16, &used[0], &written[0]);
    measure(FRAGMENT, 16, &used[1], &written[1]);
    cr_assert_eq(used[0], 16 * BLOCK);
    cr_assert_eq(used[1], 16 * 2 * FRAGMENT);
    cr_assert_eq(written[0] - written[1], 16 * (BLOCK - 2 * FRAGMENT) / SECTOR);
}

/* A full device still takes what fits beside others. */
Test(lfs_tail, the_last_fragments_are_used)
{
    struct lfs_world w;
    struct lfs_usage u;
    uint64_t big, small;
    static uint8_t bytes[500 * BLOCK];
    begin(&w, FRAGMENT, 8, 0);
    cr_assert_eq(lfs_world_create(&w, "big", &big), FILE_OK);
    cr_assert_eq(lfs_world_create(&w, "small", &small), FILE_OK);
    append(&w, small, 0, 100);
    lfs_usage(w.fs, &u);
    cr_assert_eq(lfs_world_write(&w, big, 0, bytes, u.free_blocks * (size_t)BLOCK), FILE_OK);
    append(&w, small, 100, BLOCK - FRAGMENT - 100);
    cr_assert_eq(tail_of(&w, small)->frags, 7);
    append(&w, small, BLOCK, 1);
    cr_assert_eq(tail_of(&w, small)->frag, 7);
    cr_assert_eq(lfs_world_write(&w, small, BLOCK - 1, bytes, 1), FILE_NO_SPACE);
    cr_assert_eq(lfs_world_op(&w, FILE_SIZE, big, BLOCK), FILE_OK);
    append(&w, small, BLOCK - 1, 1);
    cr_assert_eq(w.fs->files[(uint32_t)small]->ext[0].frags, 0);
    lfs_world_fini(&w);
}
