/* ftype.c: see ftype.h. */
#include "os/pio/ftype.h"

const char *const ftype_deal_names[] = { "none", "block", "cyclic", NULL };

struct ftype ftype_bytes(uint64_t bytes)
{
    return (struct ftype){
        .size = bytes, .extent = bytes, .end = bytes, .ordered = true, .dense = true
    };
}

static const struct ftype_block *blocks_of(const struct ftype *t, const struct ftype_level *l)
{
    return l->list ? l->list : t->block + l->first;
}

/* ---- constructors ---- */

/* a * b + c up to the limit, else above it. */
static uint64_t bounded(uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t over = FTYPE_SIZE_MAX + 1;
    return a > over || c > over || (b > 0 && a > over / b) || a * b + c > over ? over : a * b + c;
}

struct hull {
    uint64_t size, end;
    bool ordered;
};

/* One more block of what `t` is; false: it reaches too far. */
static bool reach(const struct ftype *t, struct ftype_block *b, struct hull *h)
{
    b->before = h->size;
    if (b->count == 0 || b->len == 0 || t->size == 0)
        return true;
    uint64_t row = bounded(b->len - 1, t->extent, t->end); /* one time */
    uint64_t end = bounded(b->count - 1, b->stride, bounded(1, b->off, row));
    uint64_t size = bounded(b->count, bounded(b->len, t->size, 0), h->size);
    if (end > FTYPE_SIZE_MAX || size > FTYPE_SIZE_MAX)
        return false;
    h->ordered = h->ordered && t->ordered && (b->len == 1 || t->extent >= t->end) &&
                 (b->count == 1 || b->stride >= row) && b->off >= h->end;
    h->end = end > h->end ? end : h->end;
    h->size = size;
    return true;
}

/* A level of these blocks, `extent` long (0: to the end of its data). */
static bool stack(struct ftype *t, struct ftype_block *blocks, uint32_t count, uint64_t extent)
{
    struct hull h = { .ordered = true };
    if (t->levels == FTYPE_LEVELS_MAX || extent > FTYPE_SIZE_MAX)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!reach(t, &blocks[i], &h))
            return false;
    struct ftype_level *l = &t->level[t->levels++];
    *l = (struct ftype_level){
        .size = t->size, .extent = t->extent, .dense = t->dense, .first = t->blocks, .count = count
    };
    /* There are always two left for each further level. */
    _Static_assert(FTYPE_LISTED_MAX + 2 * FTYPE_LEVELS_MAX <= FTYPE_BLOCKS_MAX, "one long list");
    if (count > 2 && t->blocks + count + 2 * (FTYPE_LEVELS_MAX - t->levels) > FTYPE_BLOCKS_MAX)
        l->list = blocks;
    for (uint32_t i = 0; i < count && l->list == NULL; i++)
        t->block[t->blocks++] = blocks[i];
    t->size = h.size;
    t->end = h.end;
    t->extent = extent > 0 ? extent : h.end;
    t->ordered = h.ordered;
    t->dense = h.ordered && t->size == t->end && t->end == t->extent;
    return true;
}

bool ftype_contiguous(struct ftype *t, uint64_t count)
{
    struct ftype_block b = { .len = count, .count = 1 };
    uint64_t extent = bounded(count, t->extent, 0);
    return count > 0 && stack(t, &b, 1, extent);
}

bool ftype_vector(struct ftype *t, uint64_t count, uint64_t len, uint64_t stride)
{
    uint64_t apart = bounded(stride, t->extent, 0), row = bounded(len, t->extent, 0);
    struct ftype_block b = { .len = len, .stride = apart, .count = count };
    return count > 0 && len > 0 && stack(t, &b, 1, bounded(count - 1, apart, row));
}

bool ftype_indexed(struct ftype *t, struct ftype_block *blocks, uint32_t count)
{
    return count > 0 && stack(t, blocks, count, 0);
}

bool ftype_resized(struct ftype *t, uint64_t extent)
{
    struct ftype_block b = { .len = 1, .count = 1 };
    return extent > 0 && stack(t, &b, 1, extent);
}

bool ftype_subarray(struct ftype *t, const struct ftype_sub *dim, uint32_t dims)
{
    for (uint32_t d = dims; d-- > 0;) {
        const struct ftype_sub *x = &dim[d];
        struct ftype_block b = { .off = bounded(x->from, t->extent, 0),
                                 .len = x->count,
                                 .count = 1 };
        if (x->count == 0 || x->n < x->count || x->from > x->n - x->count ||
            !stack(t, &b, 1, bounded(x->n, t->extent, 0)))
            return false;
    }
    return dims > 0;
}

/* The blocks of a part of a dimension: those that are whole, and the last.  How many. */
static uint32_t dealt(const struct ftype_dim *x, uint64_t part, uint64_t extent,
                      struct ftype_block out[2])
{
    uint64_t least = (x->n + x->parts - 1) / x->parts, size = x->block;
    if (size == 0)
        size = x->deal == FTYPE_CYCLIC ? 1 : least;
    if (x->deal == FTYPE_NONE)
        size = x->n;
    uint64_t round = size * x->parts, from = part * size, whole = x->n / round;
    uint64_t rest = x->n % round;
    rest = rest > from ? rest - from : 0;
    whole += rest >= size;
    rest = rest >= size ? 0 : rest;
    out[0] = (struct ftype_block){
        .off = from * extent, .len = size, .stride = round * extent, .count = whole
    };
    out[1] = (struct ftype_block){ .off = (whole * round + from) * extent,
                                   .len = rest,
                                   .count = rest > 0 };
    if (whole == 0)
        out[0] = out[1];
    return whole > 0 && rest > 0 ? 2 : 1;
}

static bool dealable(const struct ftype *t, const struct ftype_dim *x)
{
    return x->n > 0 && x->parts > 0 && (x->deal != FTYPE_NONE || x->parts == 1) &&
           bounded(x->n, t->extent, 0) <= FTYPE_SIZE_MAX &&
           bounded(bounded(x->block, x->parts, 0), t->extent, 0) <= FTYPE_SIZE_MAX &&
           (x->deal != FTYPE_BLOCK || x->block == 0 || x->block >= (x->n - 1) / x->parts + 1);
}

bool ftype_darray(struct ftype *t, const struct ftype_dim *dim, uint32_t dims, uint32_t rank)
{
    uint64_t left = rank;
    for (uint32_t d = dims; d-- > 0;) {
        struct ftype_block b[2];
        if (!dealable(t, &dim[d]))
            return false;
        uint32_t n = dealt(&dim[d], left % dim[d].parts, t->extent, b);
        left /= dim[d].parts;
        if (!stack(t, b, n, dim[d].n * t->extent))
            return false;
    }
    return dims > 0 && left == 0;
}

/* ---- places ---- */

/* The block of a level that has byte `pos` of its data. */
static const struct ftype_block *block_at(const struct ftype_block *b, uint32_t count, uint64_t pos)
{
    uint32_t lo = 0, hi = count;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (b[mid].before <= pos)
            lo = mid;
        else
            hi = mid;
    }
    return &b[lo];
}

uint64_t ftype_place(const struct ftype *t, uint64_t pos, uint64_t *len)
{
    if (t->dense) {
        *len = UINT64_MAX - pos;
        return pos;
    }
    uint64_t off = pos / t->size * t->extent;
    pos %= t->size;
    *len = t->size - pos;
    for (uint32_t i = t->levels; i-- > 0;) {
        const struct ftype_level *l = &t->level[i];
        const struct ftype_block *b = block_at(blocks_of(t, l), l->count, pos);
        uint64_t row = b->len * l->size, in = (pos - b->before) % row;
        off += b->off + (pos - b->before) / row * b->stride;
        if (l->dense) {
            *len = row - in;
            return off + in;
        }
        off += in / l->size * l->extent;
        pos = in % l->size;
        *len = l->size - pos;
    }
    return off + pos;
}
