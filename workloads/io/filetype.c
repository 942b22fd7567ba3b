/* filetype.c: see filetype.h. */
#include "workloads/io/filetype.h"

#include <stdio.h>

struct maker {
    struct kind kind;
    bool (*make)(struct ftype *t, const void *params, uint32_t rank, const char *path,
                 struct err *e);
};

struct params { /* of any of them */
    int64_t count, len, stride, extent;
    const struct val *dims, *blocks;
};

#define NUMBER(s, m, def, ...) P_INT(s, m, def, "0", "1000000000000", __VA_ARGS__)
static const struct param contiguous_params[] = { NUMBER(params, count, NULL, "So many in a row."),
                                                  P_END };
static const struct param vector_params[] = {
    NUMBER(params, count, NULL, "So many times,"),
    NUMBER(params, len, "1", "so many in a row,", "ASSUMED(the simplest stride)"),
    NUMBER(params, stride, NULL, "so many of them apart."), P_END
};
static const struct param indexed_params[] = {
    P_VAL(params, blocks,
          "List of blocks { off = , len = , stride = , count = }: at byte `off` "
          "`count` times `len` in a row, `stride` bytes apart."),
    P_END
};
static const struct param subarray_params[] = {
    P_VAL(params, dims,
          "List of dimensions { n = , from = , count = }, the last one in a row: "
          "`count` indices from `from` on, of `n`."),
    P_END
};
static const struct param darray_params[] = {
    P_VAL(params, dims,
          "List of dimensions { n = , deal = , block = , parts = }, the last one in a "
          "row: dealt out 'none', 'block' or 'cyclic' in blocks (0: as HPF does) to "
          "`parts`; ranks count the last dimension first."),
    P_END
};
static const struct param resized_params[] = {
    P_SIZE(params, extent, NULL, "1B", "1TiB", "Bytes from one to the next."), P_END
};

/* ---- lists of blocks and dimensions ---- */

struct block {
    int64_t off, len, stride, count;
};
static const struct param block_params[] = {
    P_SIZE(block, off, "0B", "0B", "1TiB", "Its byte.", "a block begins the type"),
    NUMBER(block, len, "1", "In a row.", "ASSUMED(the simplest block)"),
    P_SIZE(block, stride, "0B", "0B", "1TiB", "Bytes apart.", "one needs none"),
    NUMBER(block, count, "1", "How often.", "ASSUMED(the simplest block)"),
    P_END,
};

struct dim {
    int64_t n, from, count, block, parts;
    int deal;
};
static const struct param sub_params[] = {
    NUMBER(dim, n, NULL, "Indices."),
    NUMBER(dim, from, "0", "The first.", "a part begins the array"),
    NUMBER(dim, count, NULL, "How many."),
    P_END,
};
static const struct param dim_params[] = {
    NUMBER(dim, n, NULL, "Indices."),
    P_CHOICE(dim, deal, "none", ftype_deal_names, "How dealt out.", "HPF: a dimension is whole"),
    NUMBER(dim, block, "0", "Indices in a row.", "HPF: its own rule"),
    P_INT(dim, parts, "1", "1", "65536", "Ranks of the grid along it.", "HPF: one"),
    P_END,
};

/* Item i of a list, of at most `most`, into `out`. */
static bool item(const struct val *list, uint32_t i, const struct param *params, const char *path,
                 void *out, struct err *e)
{
    char at[160];
    (void)snprintf(at, sizeof at, "%s.%s[%u]", path, list->key, i + 1);
    return param_load(params, out, list->items[i], at, e);
}

static bool listed(const struct val *list, uint32_t most, const char *what, const char *path,
                   struct err *e)
{
    char where[256];
    return (list != NULL && list->type == VAL_LIST && list->count > 0 && list->count <= most) ||
           err_set(e, "%s%s must be a list of 1 to %u %s",
                   list ? val_where(list, where, sizeof where) : "", path, most, what);
}

/* ---- makers ---- */

static bool wrong(struct err *e, const char *path)
{
    return err_set(e,
                   "%s: these numbers make no type (0 of something, more than %d levels, a part "
                   "outside its dimension, or more than 1 EiB)",
                   path, FTYPE_LEVELS_MAX);
}

static bool contiguous(struct ftype *t, const void *params, uint32_t rank, const char *path,
                       struct err *e)
{
    const struct params *p = params;
    (void)rank;
    return ftype_contiguous(t, (uint64_t)p->count) || wrong(e, path);
}

static bool vector(struct ftype *t, const void *params, uint32_t rank, const char *path,
                   struct err *e)
{
    const struct params *p = params;
    (void)rank;
    return ftype_vector(t, (uint64_t)p->count, (uint64_t)p->len, (uint64_t)p->stride) ||
           wrong(e, path);
}

static bool indexed(struct ftype *t, const void *params, uint32_t rank, const char *path,
                    struct err *e)
{
    const struct val *list = ((const struct params *)params)->blocks;
    struct ftype_block b[FTYPE_LISTED_MAX];
    struct block x;
    (void)rank;
    if (!listed(list, FTYPE_LISTED_MAX, "blocks", path, e))
        return false;
    for (uint32_t i = 0; i < list->count; i++) {
        if (!item(list, i, block_params, path, &x, e))
            return false;
        b[i] = (struct ftype_block){ .off = (uint64_t)x.off,
                                     .len = (uint64_t)x.len,
                                     .stride = (uint64_t)x.stride,
                                     .count = (uint64_t)x.count };
    }
    return ftype_indexed(t, b, (uint32_t)list->count) || wrong(e, path);
}

static bool subarray(struct ftype *t, const void *params, uint32_t rank, const char *path,
                     struct err *e)
{
    const struct val *list = ((const struct params *)params)->dims;
    struct ftype_sub d[FTYPE_DIMS_MAX];
    struct dim x;
    (void)rank;
    if (!listed(list, FTYPE_DIMS_MAX, "dimensions", path, e))
        return false;
    for (uint32_t i = 0; i < list->count; i++) {
        if (!item(list, i, sub_params, path, &x, e))
            return false;
        d[i] = (struct ftype_sub){ (uint64_t)x.n, (uint64_t)x.from, (uint64_t)x.count };
    }
    return ftype_subarray(t, d, (uint32_t)list->count) || wrong(e, path);
}

static bool darray(struct ftype *t, const void *params, uint32_t rank, const char *path,
                   struct err *e)
{
    const struct val *list = ((const struct params *)params)->dims;
    struct ftype_dim d[FTYPE_DIMS_MAX];
    struct dim x;
    uint64_t ranks = 1;
    if (!listed(list, FTYPE_DIMS_MAX, "dimensions", path, e))
        return false;
    for (uint32_t i = 0; i < list->count; i++) {
        if (!item(list, i, dim_params, path, &x, e))
            return false;
        d[i] = (struct ftype_dim){ .n = (uint64_t)x.n,
                                   .deal = (enum ftype_deal)x.deal,
                                   .block = (uint64_t)x.block,
                                   .parts = (uint32_t)x.parts };
        ranks = ranks > UINT32_MAX ? ranks : ranks * d[i].parts;
        if (d[i].deal == FTYPE_NONE && x.parts > 1)
            return err_set(e,
                           "%s.dims[%u].parts is %u, but deal = 'none' leaves the dimension whole",
                           path, i + 1, d[i].parts);
        if (d[i].deal == FTYPE_BLOCK && x.block > 0 && x.block * x.parts < x.n)
            return err_set(e, "%s.dims[%u].block is %lld: %u such blocks do not cover %lld indices",
                           path, i + 1, (long long)x.block, d[i].parts, (long long)x.n);
    }
    if (rank >= ranks)
        return err_set(e, "%s: a grid of %llu parts has none for rank %u", path,
                       (unsigned long long)ranks, rank);
    return ftype_darray(t, d, (uint32_t)list->count, rank) || wrong(e, path);
}

static bool resized(struct ftype *t, const void *params, uint32_t rank, const char *path,
                    struct err *e)
{
    (void)rank;
    return ftype_resized(t, (uint64_t)((const struct params *)params)->extent) || wrong(e, path);
}

#define MAKER(name_, doc_)                                                                         \
    static const struct maker name_##_maker = {                                                    \
        .kind = { #name_, doc_, name_##_params, sizeof(struct params) }, .make = name_             \
    };
MAKER(contiguous, "some in a row")
MAKER(vector, "rows of some, at a distance")
MAKER(indexed, "blocks here and there")
MAKER(subarray, "a part of an array")
MAKER(darray, "a rank's part of an array that is dealt out as by HPF")
MAKER(resized, "as it is, but longer or shorter where one follows another")

static const struct kind *const makers[] = { &contiguous_maker.kind,
                                             &vector_maker.kind,
                                             &indexed_maker.kind,
                                             &subarray_maker.kind,
                                             &darray_maker.kind,
                                             &resized_maker.kind,
                                             NULL };
const struct kind_set io_filetypes = { "filetype", "workload.shape.filetype", makers };

static bool level(struct ftype *t, const struct val *v, uint32_t rank, const char *path,
                  struct err *e)
{
    static const char *const but[] = { "type", NULL };
    struct params p = { .count = 0 };
    const struct maker *m = kind_choose(&io_filetypes, v, "type", NULL, path, e);
    return m != NULL && param_load_but(m->kind.params, &p, v, but, path, e) &&
           m->make(t, &p, rank, path, e);
}

bool io_filetype(const struct val *list, uint64_t etype, uint32_t rank, const char *path,
                 struct ftype *out, struct err *e)
{
    bool good = true;
    *out = ftype_bytes(etype);
    if (list != NULL &&
        !listed(list, FTYPE_LEVELS_MAX, "constructors, from the inside out", path, e))
        return false;
    for (uint32_t i = 0; list != NULL && good && i < list->count; i++) {
        char at[120];
        (void)snprintf(at, sizeof at, "%s[%u]", path, i + 1);
        good = level(out, list->items[i], rank, at, e);
    }
    return good;
}
