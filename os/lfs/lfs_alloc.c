/* lfs_alloc.c: free space and the extents of a file.
 *
 * First fit.  A file that grows gets blocks behind its last ones when they are free, else the first
 * hole that holds the request and the reservation, else the first that holds the request, else the
 * largest ones there are.  What follows an allocation is set aside in memory (`prealloc` blocks),
 * so that two files that grow by turns both stay contiguous; reservations are given back before a
 * request is refused for space, and vanish with a crash.
 */
#include "os/lfs/lfs_internal.h"

#include <string.h>

bool lfs_map_free(const struct lfs *fs, uint32_t dev)
{
    return fs->map[dev / 64] >> (dev % 64) & 1;
}

bool lfs_map_take(struct lfs *fs, uint32_t dev, uint32_t count)
{
    for (uint32_t i = dev; i < dev + count; i++) {
        if (!lfs_map_free(fs, i))
            return false;
        fs->map[i / 64] &= ~(UINT64_C(1) << (i % 64));
        fs->free_count--;
    }
    return true;
}

void lfs_map_give(struct lfs *fs, uint32_t dev, uint32_t count)
{
    for (uint32_t i = dev, n; i < dev + count; i += n) { /* word by word: a mount gives them all */
        n = 64 - i % 64 < dev + count - i ? 64 - i % 64 : dev + count - i;
        uint64_t bits = UINT64_MAX >> (64 - n) << (i % 64);
        ASSERT((fs->map[i / 64] & bits) == 0); /* LFSI1 */
        fs->map[i / 64] |= bits;
    }
    fs->free_count += count;
}

/* Free blocks from dev on, counted up to `most`. */
static uint32_t free_run(const struct lfs *fs, uint32_t dev, uint32_t most)
{
    uint32_t n = 0;
    while (n < most && dev + n < fs->super.blocks && lfs_map_free(fs, dev + n))
        n++;
    return n;
}

/* The first run of `want` free blocks; else the largest run, shorter than that. */
static uint32_t first_fit(const struct lfs *fs, uint32_t want, uint32_t *got)
{
    uint32_t best = LFS_NO_BLOCK;
    *got = 0;
    for (uint32_t d = fs->first_data; d < fs->super.blocks;) {
        if (d % 64 == 0 && fs->map[d / 64] == 0) {
            d += 64;
            continue;
        }
        uint32_t n = free_run(fs, d, want);
        if (n > *got) {
            *got = n;
            best = d;
        }
        if (n == want)
            break;
        d += n + 1;
    }
    return best;
}

/* Index of the first extent that ends behind blk. */
static uint32_t ext_index(const struct lfs_file *f, uint32_t blk)
{
    uint32_t lo = 0, hi = f->ext_count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (f->ext[mid].blk + f->ext[mid].count > blk)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

struct lfs_where lfs_where(const struct lfs_file *f, uint32_t blk)
{
    uint32_t i = ext_index(f, blk);
    if (i == f->ext_count)
        return (struct lfs_where){ .dev = LFS_NO_BLOCK, .run = LFS_NO_BLOCK - blk };
    const struct lfs_extent *x = &f->ext[i];
    if (x->blk > blk)
        return (struct lfs_where){ .dev = LFS_NO_BLOCK, .run = x->blk - blk };
    return (struct lfs_where){ .dev = x->dev + (blk - x->blk),
                               .run = x->blk + x->count - blk,
                               .written = x->written };
}

static void ext_insert(struct lfs_file *f, uint32_t i, struct lfs_extent x)
{
    if (f->ext_count == f->ext_room) {
        f->ext_room = f->ext_room == 0 ? 4 : 2 * f->ext_room;
        f->ext = port_realloc(f->fs->port, f->ext, f->ext_room * sizeof *f->ext);
    }
    memmove(&f->ext[i + 1], &f->ext[i], (f->ext_count - i) * sizeof *f->ext);
    f->ext[i] = x;
    f->ext_count++;
}

static void ext_remove(struct lfs_file *f, uint32_t i)
{
    f->ext_count--;
    memmove(&f->ext[i], &f->ext[i + 1], (f->ext_count - i) * sizeof *f->ext);
}

void lfs_ext_cut(struct lfs_file *f, uint32_t from, uint32_t to)
{
    uint32_t i = ext_index(f, from);
    while (i < f->ext_count && f->ext[i].blk < to) {
        struct lfs_extent x = f->ext[i];
        uint32_t end = x.blk + x.count;
        ext_remove(f, i);
        if (x.blk < from) {
            struct lfs_extent head = x;
            head.count = from - x.blk;
            ext_insert(f, i++, head);
        }
        if (end > to) {
            struct lfs_extent tail = { to, x.dev + (to - x.blk), end - to, x.written };
            ext_insert(f, i++, tail);
        }
    }
}

static bool ext_continue(const struct lfs_extent *a, const struct lfs_extent *b)
{
    return a->blk + a->count == b->blk && a->dev + a->count == b->dev && a->written == b->written;
}

void lfs_ext_put(struct lfs_file *f, uint32_t blk, uint32_t dev, uint32_t count, bool written)
{
    lfs_ext_cut(f, blk, blk + count);
    uint32_t i = ext_index(f, blk);
    ext_insert(f, i, (struct lfs_extent){ blk, dev, count, written });
    if (i + 1 < f->ext_count && ext_continue(&f->ext[i], &f->ext[i + 1])) {
        f->ext[i].count += f->ext[i + 1].count;
        ext_remove(f, i + 1);
    }
    if (i > 0 && ext_continue(&f->ext[i - 1], &f->ext[i])) {
        f->ext[i - 1].count += f->ext[i].count;
        ext_remove(f, i);
    }
}

void lfs_ext_written(struct lfs_file *f, uint32_t blk, uint32_t count)
{
    uint32_t end = blk + count;
    while (blk < end) {
        struct lfs_where w = lfs_where(f, blk);
        uint32_t n = w.run < end - blk ? w.run : end - blk;
        ASSERT(w.dev != LFS_NO_BLOCK);
        if (!w.written) {
            lfs_ext_put(f, blk, w.dev, n, true);
            lfs_changed(f);
        }
        blk += n;
    }
}

uint32_t lfs_ext_room(const struct lfs_file *f)
{
    uint32_t used = f->ext_count + 2 * (f->dirty + f->inflight);
    return used < f->fs->record_extents ? f->fs->record_extents - used : 0;
}

void lfs_unreserve(struct lfs_file *f)
{
    if (f->resv_count > 0)
        lfs_map_give(f->fs, f->resv_dev, f->resv_count);
    f->fs->reserved -= f->resv_count;
    f->resv_count = 0;
}

static void unreserve_all(struct lfs *fs)
{
    for (uint32_t i = 0; i < fs->super.files; i++)
        if (fs->files[i] != NULL)
            lfs_unreserve(fs->files[i]);
}

static void reserve(struct lfs_file *f, uint32_t dev)
{
    struct lfs *fs = f->fs;
    f->resv_dev = dev;
    f->resv_count = free_run(fs, dev, (uint32_t)fs->params.prealloc);
    fs->reserved += f->resv_count;
    ASSERT(lfs_map_take(fs, dev, f->resv_count));
}

/* A free block anywhere. */
static uint32_t take_any(struct lfs *fs)
{
    uint32_t room = fs->super.blocks - fs->first_data;
    uint32_t at = (uint32_t)port_random_below(fs->port, room);
    for (uint32_t i = 0; i < room; i++) {
        uint32_t dev = fs->first_data + (at + i) % room;
        if (lfs_map_take(fs, dev, 1))
            return dev;
    }
    return LFS_NO_BLOCK;
}

/* Up to `want` blocks for the place behind file block `blk`, taken from the map. */
static uint32_t take_blocks(struct lfs_file *f, uint32_t blk, uint32_t want, uint32_t *got)
{
    struct lfs *fs = f->fs;
    struct lfs_where before = { .dev = LFS_NO_BLOCK };
    uint32_t dev = LFS_NO_BLOCK;
    if (blk > 0)
        before = lfs_where(f, blk - 1);
    uint32_t goal = before.dev == LFS_NO_BLOCK ? LFS_NO_BLOCK : before.dev + 1;
    lfs_unreserve(f);
    if (fs->params.scattered) {
        *got = 1;
        return take_any(fs);
    }
    if (goal != LFS_NO_BLOCK && goal < fs->super.blocks && (*got = free_run(fs, goal, want)) > 0) {
        dev = goal;
    } else {
        uint32_t roomy = want + (uint32_t)fs->params.prealloc;
        dev = first_fit(fs, roomy, got);
        if (*got<roomy && * got> want)
            dev = first_fit(fs, want, got);
    }
    if (*got > want)
        *got = want;
    if (*got == 0)
        return LFS_NO_BLOCK;
    ASSERT(lfs_map_take(fs, dev, *got));
    reserve(f, dev + *got);
    return dev;
}

uint32_t lfs_holes(const struct lfs_file *f, uint32_t from, uint32_t to)
{
    uint32_t n = 0;
    for (uint32_t b = from; b < to;) {
        struct lfs_where w = lfs_where(f, b);
        uint32_t run = w.run < to - b ? w.run : to - b;
        if (w.dev == LFS_NO_BLOCK)
            n += run;
        b += run;
    }
    return n;
}

bool lfs_alloc_fits(struct lfs_file *f, uint32_t need)
{
    if (need > f->fs->free_count + f->resv_count)
        unreserve_all(f->fs);
    return need <= f->fs->free_count + f->resv_count;
}

enum file_status lfs_alloc(struct lfs_file *f, uint32_t from, uint32_t to)
{
    struct lfs *fs = f->fs;
    uint32_t need = lfs_holes(f, from, to);
    if (!lfs_alloc_fits(f, need))
        return FILE_NO_SPACE;
    for (uint32_t b = from; b < to && need > 0;) {
        struct lfs_where w = lfs_where(f, b);
        uint32_t run = w.run < to - b ? w.run : to - b;
        if (w.dev == LFS_NO_BLOCK) {
            if (lfs_ext_room(f) < 1)
                return FILE_SCATTERED;
            uint32_t dev = take_blocks(f, b, run, &run);
            if (dev == LFS_NO_BLOCK) { /* the rest is set aside for others */
                unreserve_all(fs);
                continue;
            }
            lfs_ext_put(f, b, dev, run, false);
            lfs_changed(f);
            need -= run;
        }
        b += run;
    }
    return FILE_OK;
}

uint32_t lfs_file_blocks(const struct lfs_file *f)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->ext_count; i++)
        n += f->ext[i].count;
    return n;
}
