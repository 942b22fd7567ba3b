/* test_lfs_crash.c: the node dies at every device write of a script, whole, torn or not begun; what
 * a mount then finds is what lfs.h promises (LFS2 to LFS5).
 *
 * The oracle keeps every content that a file had since it was last known to be on the device: after
 * the crash each sector must be from one of them, and the size too.
 */
#include "tests/os/lfs_world.h"
#include "tests/sample.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { FILES = 3, SPAN = 16384, SECTOR = 128, KEPT = 64 };

struct version {
    uint8_t bytes[SPAN];
    size_t size;
};

struct model {
    uint64_t file;
    bool exists, may_exist; /* for certain; perhaps */
    uint32_t count;
    struct version *v; /* oldest: on the device for certain; newest: in memory */
};

static const char *const names[FILES] = { "alpha", "beta", "gamma" };
static uint64_t draw_state;
static bool small; /* writes near the ends of small files */

static uint32_t draw(uint32_t n)
{
    draw_state = draw_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(draw_state >> 33) % n;
}

static struct version *push_version(struct model *m)
{
    cr_assert_lt(m->count, KEPT);
    if (m->count > 0)
        m->v[m->count] = m->v[m->count - 1];
    else
        memset(&m->v[0], 0, sizeof m->v[0]);
    return &m->v[m->count++];
}

static void only_newest(struct model *m)
{
    m->v[0] = m->v[m->count - 1];
    m->count = 1;
}

static bool turn_create(struct lfs_world *w, struct model *m, int i)
{
    m->may_exist = true;
    m->count = 0;
    (void)push_version(m);
    enum file_status s = lfs_world_create(w, names[i], &m->file);
    m->exists = s == FILE_OK;
    return s == FILE_OK;
}

static bool turn_write(struct lfs_world *w, struct model *m)
{
    uint32_t off = draw(SPAN / 2), n = 1 + draw(draw(2) ? 6000 : 300);
    if (draw(3) == 0) {
        off -= off % 2048;
        n = 4096;
    }
    if (small && draw(5) > 0) {
        off = draw(3) ? (uint32_t)m->v[m->count - 1].size % 6000 : draw(600);
        n = 1 + draw(700);
    }
    struct version *v = push_version(m);
    for (uint32_t i = off; i < off + n; i++)
        v->bytes[i] = (uint8_t)(1 + draw(255));
    if (off + n > v->size)
        v->size = off + n;
    return lfs_world_write(w, m->file, off, v->bytes + off, n) == FILE_OK;
}

/* One file shrinks while another grows into what it frees. */
static bool turn_both(struct lfs_world *w, struct model *cut, struct model *grown)
{
    struct file_req r[2];
    struct version *v = push_version(cut), *g = push_version(grown);
    uint32_t size = draw(SPAN / 4), off = SPAN / 2 + 2048 * draw(3), n = 2048;
    if (size < v->size)
        memset(v->bytes + size, 0, v->size - size);
    v->size = size;
    for (uint32_t i = off; i < off + n; i++)
        g->bytes[i] = (uint8_t)(1 + draw(255));
    if (off + n > g->size)
        g->size = off + n;
    file_req_init(&r[0], FILE_SIZE, NULL, NULL);
    r[0].file = cut->file;
    r[0].size = size;
    file_req_init(&r[1], FILE_WRITE, NULL, NULL);
    r[1].file = grown->file;
    file_range(&r[1], off, n);
    rope_add_bytes(&r[1].data, g->bytes + off, n);
    return lfs_world_do_all(w, r, 2);
}

/* One turn of the script; false: the node died. */
static bool turn(struct lfs_world *w, struct model *models)
{
    int i = (int)draw(FILES);
    struct model *m = &models[i];
    if (!m->exists)
        return turn_create(w, m, i);
    switch (m->count > KEPT - 4 ? 0 : draw(12)) {
    case 0:
    case 1:
        if (lfs_world_op(w, FILE_FLUSH, m->file, 0) != FILE_OK)
            return false;
        only_newest(m);
        return true;
    case 2:
        m->exists = false;
        if (lfs_world_op(w, FILE_REMOVE, m->file, 0) != FILE_OK)
            return false;
        m->may_exist = false;
        return true;
    case 3:
    case 4: {
        struct version *v = push_version(m);
        uint32_t size = draw(small ? SPAN / 8 : SPAN);
        if (size < v->size)
            memset(v->bytes + size, 0, v->size - size);
        v->size = size;
        return lfs_world_op(w, FILE_SIZE, m->file, size) == FILE_OK;
    }
    case 5:
        lfs_world_idle(w);
        return !w->crashed;
    case 6:
    case 7:
        if (models[(i + 1) % FILES].exists && models[(i + 1) % FILES].count < KEPT)
            return turn_both(w, m, &models[(i + 1) % FILES]);
        return turn_write(w, m);
    default:
        return turn_write(w, m);
    }
}

static void check_after(struct lfs_world *w, const struct model *m, const char *name)
{
    static uint8_t got[SPAN + 1];
    uint64_t file = lfs_world_lookup(w, name);
    size_t size = 0;
    bool size_good = false;
    cr_assert(file == 0 || m->may_exist, "%s is back", name);
    cr_assert(file != 0 || !m->exists, "%s is lost", name);
    if (file == 0)
        return;
    cr_assert_eq(lfs_world_read(w, file, 0, got, sizeof got, &size), FILE_OK);
    for (uint32_t k = 0; k < m->count; k++)
        size_good = size_good || m->v[k].size == size;
    cr_assert(size_good, "%s has %zu bytes, which it never had", name, size);
    for (size_t s = 0; s < size; s += SECTOR) {
        size_t n = size - s < SECTOR ? size - s : SECTOR;
        bool good = false;
        for (uint32_t k = 0; k < m->count; k++)
            good = good || memcmp(got + s, m->v[k].bytes + s, n) == 0;
        cr_assert(good, "%s: sector at %zu was never like that (%u contents known)", name, s,
                  m->count);
    }
}

/* The script until its end or the crash; false: it ended before the crash. */
struct script {
    uint64_t seed;
    enum fake_order order;
    bool buffered, cache; /* cache: of the disk */
    int64_t fragment;
};

static bool run_script(const struct script *s, uint64_t crash_at, uint32_t torn)
{
    struct lfs_world w;
    struct lfs_params p = lfs_world_params();
    struct model models[FILES] = { 0 };
    bool crashed = false;
    p.buffered = s->buffered;
    p.fragment = s->fragment;
    p.queue = s->fragment == 256; /* ends of files that lie side by side go as one */
    lfs_world_init(&w,
                   &(struct fake_options){ .nodes = 1,
                                           .disks = 1,
                                           .order = s->order,
                                           .seed = s->seed,
                                           .sector_bytes = SECTOR,
                                           .disk_sectors = 1600,
                                           .disk_junk = true,
                                           .disk_cache = s->cache },
                   &p);
    for (int i = 0; i < FILES; i++)
        models[i].v = calloc(KEPT, sizeof *models[i].v);
    w.writes = 0;
    w.crash_at_write = crash_at;
    w.torn_sectors = torn;
    draw_state = s->seed;
    small = s->fragment > 0;
    for (int t = 0; t < 60 && !crashed; t++)
        crashed = !turn(&w, models);
    lfs_world_restart(&w);
    cr_assert_eq(w.mounted, FILE_OK, "mount: %s", file_status_name(w.mounted));
    lfs_world_check(&w);
    for (int i = 0; i < FILES; i++) {
        check_after(&w, &models[i], names[i]);
        free(models[i].v);
    }
    /* it is usable: a file can be made and survives another mount */
    uint64_t file;
    uint8_t byte = 7, got = 0;
    size_t n;
    cr_assert_eq(lfs_world_create(&w, "after", &file), FILE_OK);
    cr_assert_eq(lfs_world_write(&w, file, 3000, &byte, 1), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, 0, 0), FILE_OK);
    lfs_world_restart(&w);
    cr_assert_eq(lfs_world_read(&w, file, 3000, &got, 1, &n), FILE_OK);
    cr_assert_eq(got, 7);
    lfs_world_fini(&w);
    return crashed;
}

static void crash_everywhere(struct script s)
{
    static const uint32_t torn[] = { 0, 1, 3, UINT32_MAX };
    for (size_t k = 0; k < 4; k++) {
        uint64_t at = 1 + k % sample_one_in();
        while (run_script(&s, at, torn[k]))
            at += sample_one_in();
        cr_assert_gt(at, 30, "the script makes %d device writes only", (int)at);
    }
}

/* LFS4. */
Test(lfs_crash, at_every_write_the_promise_holds)
{
    crash_everywhere((struct script){ 11, FAKE_IN_ORDER, false, false, 0 });
    crash_everywhere((struct script){ 12, FAKE_RANDOM, false, false, 0 });
}

/* LFSI3. */
Test(lfs_crash, at_every_write_the_promise_holds_with_delayed_writes)
{
    crash_everywhere((struct script){ 13, FAKE_IN_ORDER, true, false, 0 });
    crash_everywhere((struct script){ 14, FAKE_RANDOM, true, false, 0 });
}

/* The power goes at each device write, and the disk forgets what no flush covered: all, or any.
 * LFS5, LFSI8. */
Test(lfs_crash, at_every_write_the_promise_holds_over_a_write_back_cache)
{
    crash_everywhere((struct script){ 15, FAKE_IN_ORDER, false, true, 0 });
    crash_everywhere((struct script){ 16, FAKE_RANDOM, true, true, 0 });
}

/* LFSI9: the end of a file is at its old place or at its new one, whole.  LFS_TAIL_CRASHES: of so
 * many seeds (scripts/soak-crash). */
Test(lfs_crash, at_every_write_the_promise_holds_for_files_in_fragments, .timeout = 86400)
{
    for (uint64_t seed = 0, n = sample("LFS_TAIL_CRASHES", 4); seed < n; seed++)
        crash_everywhere((struct script){ 20 + seed, seed % 2 ? FAKE_RANDOM : FAKE_IN_ORDER,
                                          seed % 4 == 2, seed % 4 == 3, seed % 3 ? 256 : 1024 });
}

/* Blocks of a cut file must not be used again before the record without them is on the device. */
static bool reuse_script(uint64_t crash_at, uint64_t seed)
{
    struct lfs_world w;
    struct lfs_params p = lfs_world_params();
    static uint8_t old[16384], new[16384], got[16385];
    uint64_t a, b;
    struct file_req r[2];
    size_t n;
    p.prealloc = 0;
    lfs_world_init(
        &w, &(struct fake_options){ .nodes = 1, .disks = 1, .order = FAKE_RANDOM, .seed = seed },
        &p);
    memset(old, 0xaa, sizeof old);
    memset(new, 0xbb, sizeof new);
    cr_assert_eq(lfs_world_create(&w, "a", &a), FILE_OK);
    cr_assert_eq(lfs_world_create(&w, "b", &b), FILE_OK);
    cr_assert_eq(lfs_world_write(&w, a, 0, old, sizeof old), FILE_OK);
    cr_assert_eq(lfs_world_op(&w, FILE_FLUSH, 0, 0), FILE_OK);
    w.writes = 0;
    w.crash_at_write = crash_at;
    file_req_init(&r[0], FILE_SIZE, NULL, NULL);
    r[0].file = a;
    file_req_init(&r[1], FILE_WRITE, NULL, NULL);
    r[1].file = b;
    file_range(&r[1], 0, sizeof new);
    rope_add_bytes(&r[1].data, new, sizeof new);
    bool whole = lfs_world_do_all(&w, r, 2);
    lfs_world_restart(&w);
    lfs_world_check(&w);
    cr_assert_eq(lfs_world_read(&w, a, 0, got, sizeof got, &n), FILE_OK);
    cr_assert(n == 0 || n == sizeof old);
    cr_assert(memcmp(got, old, n) == 0, "a holds what b wrote");
    lfs_world_fini(&w);
    return !whole;
}

/* LFS3, LFSI5. */
Test(lfs_crash, a_block_has_one_owner_whenever_the_node_dies)
{
    for (uint64_t seed = 1; seed < 20; seed++) {
        uint64_t at = 1;
        while (reuse_script(at, seed))
            at++;
        cr_assert_gt(at, 2);
    }
}
