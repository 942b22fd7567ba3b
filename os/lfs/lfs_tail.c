/* lfs_tail.c: fragments: what a small file has of its last block lies in a part of a block.
 *
 * After FFS [McKusick, Joy, Leffler, Fabry 1984]: one of a file's first blocks that the file ends
 * in as it is written has the fragments that its bytes need, in a row within one block of the
 * device; others may have the rest of that.  What is behind them reads as zero.  As more bytes come
 * it grows where it lies, or to another place, at last to a whole block:
 *
 *   none, or place P  --write beyond it-->  P, and the next place N  --the flush of it ended-->  N
 *
 * Records tell of P until N holds the bytes, and P is free again when a record that tells of N is
 * on the device (LFSI9, LFSI5): whenever the node dies, one of them is there whole.  N may begin
 * with the fragments of P.  What a cut leaves of a block keeps the fragments that it needs.
 */
#include "os/lfs/lfs_internal.h"

struct lfs_where lfs_goes(const struct lfs_file *f, uint32_t blk)
{
    const struct lfs_extent *x = lfs_next(f, blk);
    return x == NULL
               ? lfs_where(f, blk)
               : (struct lfs_where){
                     .dev = x->dev, .run = 1, .frag = x->frag, .frags = x->frags, .moves = true
                 };
}

/* Fragments of such an extent. */
static uint32_t room(const struct lfs *fs, uint32_t frags)
{
    return frags > 0 ? frags : fs->frags;
}

static void forget(struct lfs_file *f, struct lfs_extent *x)
{
    *x = f->next[--f->next_count];
}

/* A next place is given back, but for the fragments that the file has there. */
static void drop(struct lfs_file *f, struct lfs_extent *x)
{
    struct lfs_where w = lfs_where(f, x->blk);
    if (w.frags > 0 && w.dev == x->dev && w.frag == x->frag) {
        x->frags = (uint8_t)(room(f->fs, x->frags) - w.frags);
        x->frag = (uint8_t)(x->frag + w.frags);
    }
    lfs_give(f->fs, x);
    forget(f, x);
}

void lfs_tail_drop(struct lfs_file *f)
{
    while (f->next_count > 0)
        drop(f, f->next);
}

/* Up to n fragments, where the block lies or is to lie: false: others are behind it. */
static bool extend(struct lfs_file *f, struct lfs_where at, uint32_t n, struct lfs_extent *x)
{
    struct lfs_extent more = { .dev = at.dev,
                               .frag = (uint8_t)(at.frag + at.frags),
                               .frags = (uint8_t)(n - at.frags) };
    if (at.frags == 0 || at.frag + n > f->fs->frags || !lfs_take(f->fs, &more))
        return false;
    x->dev = at.dev;
    x->frag = at.frag;
    return true;
}

/* A place of n fragments for the block, which has fewer. */
static enum file_status place(struct lfs_file *f, uint32_t blk, uint32_t n)
{
    struct lfs *fs = f->fs;
    struct lfs_extent x = { .blk = blk, .count = 1, .written = true };
    struct lfs_extent *old = lfs_next(f, blk);
    if (lfs_ext_room(f) < 1)
        return FILE_SCATTERED;
    bool extended = extend(f, lfs_goes(f, blk), n, &x);
    if (!extended && n == fs->frags)
        x.dev = lfs_take_block(f, blk);
    else if (!extended && !lfs_take_frags(fs, n, &x)) {
        lfs_unreserve_all(fs);
        if (!lfs_take_frags(fs, n, &x))
            x.dev = LFS_NO_BLOCK;
    }
    if (x.dev == LFS_NO_BLOCK)
        return FILE_NO_SPACE;
    x.frags = (uint8_t)(n < fs->frags ? n : 0);
    if (old != NULL && extended)
        forget(f, old);
    else if (old != NULL)
        drop(f, old);
    if (n == fs->frags && lfs_where(f, blk).dev == LFS_NO_BLOCK) {
        lfs_ext_put(f, blk, x.dev, 1, false);
        lfs_changed(f);
        return FILE_OK;
    }
    f->next = port_realloc(fs->port, f->next, (f->next_count + 1) * sizeof *f->next);
    f->next[f->next_count++] = x;
    return FILE_OK;
}

enum file_status lfs_tails(struct lfs_file *f, uint32_t from, uint32_t to, uint64_t end)
{
    const struct lfs *fs = f->fs;
    enum file_status s = FILE_OK;
    for (uint32_t b = from; fs->frags > 1 && b < to && b < LFS_TAIL_BLOCKS && s == FILE_OK; b++) {
        struct lfs_where w = lfs_where(f, b), at = lfs_goes(f, b);
        uint64_t bytes = end - (uint64_t)b * fs->super.block;
        uint32_t n = b + 1 < to || bytes >= fs->super.block
                         ? fs->frags
                         : (uint32_t)((bytes + fs->super.fragment - 1) / fs->super.fragment);
        bool hole = w.dev == LFS_NO_BLOCK && !w.moves, last = b + 1 == to && end >= f->size;
        if (hole ? last && n < fs->frags : room(fs, at.frags) < n)
            s = place(f, b, n);
    }
    return s;
}

void lfs_tail_written(struct lfs_file *f, uint32_t blk)
{
    struct lfs_extent *x = lfs_next(f, blk);
    struct lfs_where w = lfs_where(f, blk);
    if (x == NULL)
        return;
    f->fs->counts.fragments += (uint64_t)x->frags - w.frags;
    lfs_changed(f);
    if (w.frags > 0 && (w.dev != x->dev || w.frag != x->frag))
        lfs_cut_add(
            f, (struct lfs_extent){ .dev = w.dev, .count = 1, .frag = w.frag, .frags = w.frags });
    lfs_ext_set(f, *x);
    forget(f, x);
}

void lfs_tail_cut(struct lfs_file *f, uint32_t blk, uint32_t bytes)
{
    const struct lfs *fs = f->fs;
    struct lfs_where w = lfs_where(f, blk);
    uint32_t n = (bytes + fs->super.fragment - 1) / fs->super.fragment, had = room(fs, w.frags);
    if (bytes == 0 || blk >= LFS_TAIL_BLOCKS || !w.written || n >= had || lfs_ext_room(f) < 1)
        return;
    f->fs->counts.fragments += (uint64_t)n - w.frags;
    lfs_cut_add(f, (struct lfs_extent){ .dev = w.dev,
                                        .count = 1,
                                        .frag = (uint8_t)(w.frag + n),
                                        .frags = (uint8_t)(had - n) });
    lfs_ext_set(f, (struct lfs_extent){ .blk = blk,
                                        .dev = w.dev,
                                        .count = 1,
                                        .written = true,
                                        .frag = w.frag,
                                        .frags = (uint8_t)n });
}
