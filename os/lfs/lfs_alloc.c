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

/* ---- the map ---- */

static uint64_t all_bits(const struct lfs *fs)
{
    return UINT64_MAX >> (64 - fs->frags);
}

uint64_t lfs_map_bits(const struct lfs *fs, uint32_t dev)
{
    uint64_t at = (uint64_t)dev * fs->frags, bits = fs->map[at / 64] >> (at % 64);
    if (at % 64 + fs->frags > 64)
        bits |= fs->map[at / 64 + 1] << (64 - at % 64);
    return bits & all_bits(fs);
}

static void flip(struct lfs *fs, uint32_t dev, uint64_t bits)
{
    uint64_t at = (uint64_t)dev * fs->frags;
    fs->map[at / 64] ^= bits << (at % 64);
    if (at % 64 + fs->frags > 64)
        fs->map[at / 64 + 1] ^= bits >> (64 - at % 64);
}

bool lfs_map_free(const struct lfs *fs, uint32_t dev)
{
    return lfs_map_bits(fs, dev) == all_bits(fs);
}

bool lfs_map_take(struct lfs *fs, uint32_t dev, uint32_t count)
{
    for (uint32_t i = dev; i < dev + count; i++) {
        if (!lfs_map_free(fs, i))
            return false;
        flip(fs, i, all_bits(fs));
        fs->free_count--;
    }
    return true;
}

void lfs_map_give(struct lfs *fs, uint32_t dev, uint32_t count)
{
    uint64_t i = (uint64_t)dev * fs->frags, to = i + (uint64_t)count * fs->frags;
    for (uint64_t n; i < to; i += n) { /* word by word: a mount gives them all */
        n = 64 - i % 64 < to - i ? 64 - i % 64 : to - i;
        uint64_t bits = UINT64_MAX >> (64 - n) << (i % 64);
        ASSERT((fs->map[i / 64] & bits) == 0); /* LFSI1 */
        fs->map[i / 64] |= bits;
    }
    fs->free_count += count;
    fs->free_from = dev < fs->free_from ? dev : fs->free_from;
}

/* Such bits of a block come (by 1) or go (by -1). */
static void count_bits(struct lfs *fs, uint32_t dev, uint64_t bits, int by)
{
    uint32_t run = 0;
    if (bits == all_bits(fs)) {
        fs->free_count += (uint32_t)by;
        fs->free_from = by > 0 && dev < fs->free_from ? dev : fs->free_from;
        return;
    }
    fs->frag_free += (uint32_t)(by * __builtin_popcountll(bits));
    for (uint64_t b = bits; b != 0; run++)
        b &= b >> 1;
    fs->frag_runs[run] += (uint32_t)by;
}

static uint64_t frag_bits(uint32_t first, uint32_t n)
{
    return UINT64_MAX >> (64 - n) << first;
}

static void flip_frags(struct lfs *fs, const struct lfs_extent *x)
{
    count_bits(fs, x->dev, lfs_map_bits(fs, x->dev), -1);
    flip(fs, x->dev, frag_bits(x->frag, x->frags));
    count_bits(fs, x->dev, lfs_map_bits(fs, x->dev), 1);
}

bool lfs_take(struct lfs *fs, const struct lfs_extent *x)
{
    if (x->frags == 0)
        return lfs_map_take(fs, x->dev, x->count);
    uint64_t bits = frag_bits(x->frag, x->frags);
    if ((lfs_map_bits(fs, x->dev) & bits) != bits)
        return false;
    flip_frags(fs, x);
    return true;
}

void lfs_give(struct lfs *fs, const struct lfs_extent *x)
{
    if (x->frags == 0) {
        lfs_map_give(fs, x->dev, x->count);
        return;
    }
    ASSERT((lfs_map_bits(fs, x->dev) & frag_bits(x->frag, x->frags)) == 0); /* LFSI1 */
    flip_frags(fs, x);
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
static uint32_t first_fit(struct lfs *fs, uint32_t want, uint32_t *got)
{
    uint32_t best = LFS_NO_BLOCK;
    *got = 0;
    for (uint32_t d = fs->free_from; d < fs->super.blocks;) {
        uint64_t at = (uint64_t)d * fs->frags;
        if (at % 64 == 0 && fs->map[at / 64] == 0) {
            d += 64 / fs->frags;
            continue;
        }
        uint32_t n = free_run(fs, d, want);
        if (n > 0 && *got == 0)
            fs->free_from = d;
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

/* The first place of n fragments in blocks that are in use in part, from where the last was. */
static bool find_frags(struct lfs *fs, uint32_t n, struct lfs_extent *x)
{
    uint32_t room = fs->super.blocks - fs->first_data, from = fs->frag_at - fs->first_data, k = n;
    while (k < fs->frags && fs->frag_runs[k] == 0)
        k++;
    for (uint32_t i = 0; k < fs->frags && i < room; i++) {
        uint64_t bits = lfs_map_bits(fs, fs->first_data + (from + i) % room);
        for (uint32_t at = 0; bits != all_bits(fs) && at + n <= fs->frags; at++)
            if ((bits & frag_bits(at, n)) == frag_bits(at, n)) {
                x->dev = fs->frag_at = fs->first_data + (from + i) % room;
                x->frag = (uint8_t)at;
                return true;
            }
    }
    return false;
}

bool lfs_take_frags(struct lfs *fs, uint32_t n, struct lfs_extent *x)
{
    uint32_t got;
    x->frag = 0;
    x->frags = (uint8_t)n;
    if (!find_frags(fs, n, x)) {
        x->dev = fs->params.scattered ? take_any(fs) : first_fit(fs, 1, &got);
        if (x->dev == LFS_NO_BLOCK)
            return false;
        if (fs->params.scattered)
            lfs_map_give(fs, x->dev, 1);
        fs->frag_at = x->dev;
    }
    return lfs_take(fs, x);
}

/* ---- extents ---- */

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

struct lfs_extent *lfs_next(const struct lfs_file *f, uint32_t blk)
{
    for (uint32_t i = 0; i < f->next_count; i++)
        if (f->next[i].blk == blk)
            return &f->next[i];
    return NULL;
}

struct lfs_where lfs_where(const struct lfs_file *f, uint32_t blk)
{
    uint32_t i = ext_index(f, blk);
    const struct lfs_extent *x = i < f->ext_count ? &f->ext[i] : NULL;
    if (x != NULL && x->blk <= blk)
        return (struct lfs_where){ .dev = x->dev + (blk - x->blk),
                                   .run = x->blk + x->count - blk,
                                   .written = x->written,
                                   .frag = x->frag,
                                   .frags = x->frags,
                                   .moves = lfs_next(f, blk) != NULL };
    struct lfs_where hole = { .dev = LFS_NO_BLOCK,
                              .run = (x != NULL ? x->blk : LFS_NO_BLOCK) - blk };
    for (i = 0; i < f->next_count; i++) {
        uint32_t at = f->next[i].blk;
        hole.moves |= at == blk;
        if (at >= blk && at - blk < hole.run)
            hole.run = at == blk ? 1 : at - blk;
    }
    return hole;
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
            struct lfs_extent tail = {
                .blk = to, .dev = x.dev + (to - x.blk), .count = end - to, .written = x.written
            };
            ext_insert(f, i++, tail);
        }
    }
}

static bool ext_continue(const struct lfs_extent *a, const struct lfs_extent *b)
{
    return a->blk + a->count == b->blk && a->dev + a->count == b->dev && a->written == b->written &&
           a->frags + b->frags == 0;
}

void lfs_ext_put(struct lfs_file *f, uint32_t blk, uint32_t dev, uint32_t count, bool written)
{
    lfs_ext_set(f,
                (struct lfs_extent){ .blk = blk, .dev = dev, .count = count, .written = written });
}

void lfs_ext_set(struct lfs_file *f, struct lfs_extent x)
{
    lfs_ext_cut(f, x.blk, x.blk + x.count);
    uint32_t i = ext_index(f, x.blk);
    ext_insert(f, i, x);
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

void lfs_cut_add(struct lfs_file *f, struct lfs_extent x)
{
    f->cut = port_realloc(f->fs->port, f->cut, (f->cut_count + 1) * sizeof *f->cut);
    f->cut[f->cut_count++] = x;
    f->cut_version = f->version;
}

uint32_t lfs_ext_room(const struct lfs_file *f)
{
    uint32_t used = f->ext_count + 2 * (f->kept.dirty + f->inflight);
    return used < f->fs->record_extents ? f->fs->record_extents - used : 0;
}

void lfs_unreserve(struct lfs_file *f)
{
    if (f->resv_count > 0)
        lfs_map_give(f->fs, f->resv_dev, f->resv_count);
    f->fs->reserved -= f->resv_count;
    f->resv_count = 0;
}

void lfs_unreserve_all(struct lfs *fs)
{
    for (uint32_t i = 0; i < fs->file_room; i++)
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

/* Up to `want` blocks for the place behind file block `blk`, taken from the map. */
static uint32_t take_blocks(struct lfs_file *f, uint32_t blk, uint32_t want, uint32_t *got)
{
    struct lfs *fs = f->fs;
    struct lfs_where before = { .dev = LFS_NO_BLOCK };
    uint32_t dev = LFS_NO_BLOCK;
    if (blk > 0)
        before = lfs_where(f, blk - 1);
    uint32_t gap = (uint32_t)fs->params.gap;
    uint32_t goal = before.dev == LFS_NO_BLOCK ? LFS_NO_BLOCK : before.dev + 1 + gap;
    lfs_unreserve(f);
    if (gap > 0)
        want = 1;
    if (fs->params.scattered) {
        *got = 1;
        return take_any(fs);
    }
    if (goal != LFS_NO_BLOCK && goal < fs->super.blocks && (*got = free_run(fs, goal, want)) > 0) {
        dev = goal;
    } else {
        uint32_t roomy = gap > 0 ? want : want + (uint32_t)fs->params.prealloc;
        dev = first_fit(fs, roomy, got);
        if (*got<roomy && * got> want)
            dev = first_fit(fs, want, got);
    }
    if (*got > want)
        *got = want;
    if (*got == 0)
        return LFS_NO_BLOCK;
    ASSERT(lfs_map_take(fs, dev, *got));
    if (gap == 0)
        reserve(f, dev + *got);
    return dev;
}

uint32_t lfs_holes(const struct lfs_file *f, uint32_t from, uint32_t to)
{
    uint32_t n = 0;
    for (uint32_t b = from; b < to;) {
        struct lfs_where w = lfs_where(f, b);
        uint32_t run = w.run < to - b ? w.run : to - b;
        if (w.dev == LFS_NO_BLOCK && !w.moves)
            n += run;
        b += run;
    }
    return n;
}

bool lfs_alloc_fits(struct lfs_file *f, uint32_t need)
{
    if (need > f->fs->free_count + f->resv_count)
        lfs_unreserve_all(f->fs);
    return need <= f->fs->free_count + f->resv_count;
}

uint32_t lfs_take_block(struct lfs_file *f, uint32_t blk)
{
    uint32_t one;
    return lfs_alloc_fits(f, 1) ? take_blocks(f, blk, 1, &one) : LFS_NO_BLOCK;
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
        if (w.dev == LFS_NO_BLOCK && !w.moves) {
            if (lfs_ext_room(f) < 1)
                return FILE_SCATTERED;
            uint32_t dev = take_blocks(f, b, run, &run);
            if (dev == LFS_NO_BLOCK) { /* the rest is set aside for others */
                lfs_unreserve_all(fs);
                continue;
            }
            lfs_ext_put(f, b, dev, run, false);
            lfs_changed(f);
            need -= run;
        }
        b += run;
    }
    uint64_t used = (uint64_t)(fs->super.blocks - fs->first_data - fs->free_count - fs->reserved) *
                        fs->super.block -
                    (uint64_t)fs->frag_free * fs->super.fragment;
    fs->counts.used = used > fs->counts.used ? used : fs->counts.used;
    return FILE_OK;
}

uint32_t lfs_file_blocks(const struct lfs_file *f)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->ext_count; i++)
        n += f->ext[i].count;
    return n;
}
