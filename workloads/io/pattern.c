/* pattern.c: see pattern.h. */
#include "workloads/io/pattern.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "workloads/io/filetype.h"

static const char *const distributions[] = { "a",  "n",  "b",  "c",  "nn", "nb", "nc",
                                             "bn", "bb", "bc", "cn", "cb", "cc", NULL };

enum { BY_ROWS, BY_COLUMNS };
static const char *const orders[] = { "rows", "columns", NULL };

const struct param io_shape_params[] = {
    P_SIZE(io_shape, block, "1MiB", "1B", "1TiB",
           "segmented: bytes of a rank in each segment; a multiple of the request.",
           "IOR, its default block"),
    P_SIZE(io_shape, record, "8KiB", "1B", "1GiB",
           "strided, nested, array, filetype: bytes of a record.", "[Kotz 1994]: 8 bytes and 8 KB"),
    P_SIZE(io_shape, stride, "0B", "0B", "1TiB",
           "strided, nested: from one record of a rank to its next; 0: one record of each rank."),
    P_INT(io_shape, inner, "8", "1", "1000000000", "nested: records in a row of them.",
          "ASSUMED(an example)"),
    P_SIZE(io_shape, outer, "0B", "0B", "1TiB",
           "nested: from one row to the next; 0: without a gap."),
    P_INT(io_shape, rows, "0", "0", "1000000000",
          "array in two dimensions: its rows; 0: the number below the root that divides it."),
    P_CHOICE(io_shape, distribution, "b", distributions,
             "array: how each dimension is dealt out, rows first: n none, b block, c cyclic; a: "
             "all ranks have all."),
    P_CHOICE(io_shape, order, "rows", orders,
             "array in two dimensions: a rank's part comes row by row, or column by column."),
    P_INT(io_shape, grid, "64", "1", "4096", "cells: points of a side of the cube.",
          "NAS Parallel Benchmarks: class A 64, class B 102"),
    P_VAL(
        io_shape, filetype,
        "filetype: list of constructors, from the inside out, each of what the one before it made, "
        "the first of a record (`psim list filetypes`)."),
    P_SIZE(io_shape, disp, "0B", "0B", "1TiB", "filetype: where rank 0's first tile begins."),
    P_SIZE(io_shape, step, "0B", "0B", "1TiB",
           "filetype: so much later begins each further rank's."),
    P_INT(io_shape, seed, "1", "0", NULL, "random, zipf: which order."),
    P_INT(io_shape, places, "1024", "2", "1000000", "zipf, hot: places that there are.",
          "ASSUMED(an example)"),
    P_REAL(io_shape, skew, "1", "0", "4",
           "zipf: place i is asked for as often as 1 / i to that power; 0: all alike."),
    P_INT(io_shape, hot, "64", "1", "1000000", "hot: places that are asked for again and again.",
          "ASSUMED(an example)"),
    P_END,
};

static uint64_t total(const struct io_pattern *p)
{
    return p->per_rank * p->size * p->ranks;
}

/* ---- blocks that go round ---- */

static uint64_t round_robin(const struct io_pattern *p, uint64_t block, uint64_t pos, uint64_t *len)
{
    *len = block - pos % block;
    return (pos / block * p->ranks + p->rank) * block + pos % block;
}

static uint64_t interleaved(const struct io_pattern *p, uint64_t pos, uint64_t *len)
{
    return round_robin(p, p->size, pos, len);
}

static uint64_t partitioned(const struct io_pattern *p, uint64_t pos, uint64_t *len)
{
    return round_robin(p, p->per_rank * p->size, pos, len);
}

static uint64_t segmented(const struct io_pattern *p, uint64_t pos, uint64_t *len)
{
    return round_robin(p, (uint64_t)p->shape->block, pos, len);
}

static bool segmented_check(const struct io_pattern *p, const char *path, struct err *e)
{
    uint64_t block = (uint64_t)p->shape->block, part = p->per_rank * p->size;
    if (block % p->size != 0)
        return err_set(e, "%s.shape.block is %llu bytes, not a multiple of a request of %llu", path,
                       (unsigned long long)block, (unsigned long long)p->size);
    return part % block == 0 ||
           err_set(e,
                   "%s.shape.block is %llu bytes, but the %llu bytes of a rank (size times "
                   "requests and warmup) are no multiple of it",
                   path, (unsigned long long)block, (unsigned long long)part);
}

static uint64_t broadcast(const struct io_pattern *p, uint64_t pos, uint64_t *len)
{
    *len = p->per_rank * p->size - pos;
    return pos;
}

static uint64_t broadcast_extent(const struct io_pattern *p)
{
    return p->per_rank * p->size;
}

/* ---- strides ---- */

struct strides {
    uint64_t record, stride, inner, outer;
};

static struct strides strides_of(const struct io_pattern *p)
{
    const struct io_shape *s = p->shape;
    bool nested = strcmp(p->ops->kind.name, "nested") == 0;
    struct strides x = { .record = (uint64_t)s->record, .stride = (uint64_t)s->stride };
    if (x.stride == 0)
        x.stride = x.record * p->ranks;
    x.inner = nested ? (uint64_t)s->inner : UINT64_MAX;
    x.outer = nested ? (uint64_t)s->outer : 0;
    if (nested && x.outer == 0)
        x.outer = x.stride * x.inner;
    return x;
}

static uint64_t strided(const struct io_pattern *p, uint64_t pos, uint64_t *len)
{
    struct strides x = strides_of(p);
    uint64_t i = pos / x.record, in = pos % x.record;
    *len = x.record - in;
    return p->rank * x.record + i / x.inner * x.outer + i % x.inner * x.stride + in;
}

static uint64_t strided_extent(const struct io_pattern *p)
{
    struct io_pattern last = *p;
    uint64_t len;
    last.rank = p->ranks - 1;
    return strided(&last, p->per_rank * p->size - 1, &len) + 1;
}

static bool strided_check(const struct io_pattern *p, const char *path, struct err *e)
{
    struct strides x = strides_of(p);
    double records = (double)(p->per_rank * p->size) / (double)x.record + 1;
    if (x.stride < x.record * p->ranks)
        return err_set(e,
                       "%s.shape.stride is %llu bytes, but a record of %llu bytes of each of %u "
                       "ranks takes %llu",
                       path, (unsigned long long)x.stride, (unsigned long long)x.record, p->ranks,
                       (unsigned long long)x.record * p->ranks);
    if (x.outer > 0 && x.outer / x.inner < x.stride)
        return err_set(
            e, "%s.shape.outer is %llu bytes, but a row is %llu records %llu bytes apart", path,
            (unsigned long long)x.outer, (unsigned long long)x.inner, (unsigned long long)x.stride);
    return records * (double)(x.outer > x.stride ? x.outer : x.stride) < 1e18 ||
           err_set(e, "%s.shape: the strides make a file of more than 1 EiB", path);
}

/* ---- arrays ---- */

/* The largest divisor of n up to its root. */
static uint64_t below_root(uint64_t n)
{
    uint64_t best = 1;
    for (uint64_t d = 1; d <= n / d; d++)
        if (n % d == 0)
            best = d;
    return best;
}

/* One dimension: none, block or cyclic. */
static struct io_dealt dealt(char how, uint64_t n, uint32_t parts)
{
    uint64_t block = how == 'c' ? 1 : (n + parts - 1) / parts;
    return (struct io_dealt){ .d = { .n = n, .block = block > 0 ? block : 1, .parts = parts } };
}

static uint64_t count_of(const struct io_dealt *x)
{
    return array_share(&x->d, x->part);
}

static struct io_array array_of(const struct io_pattern *p)
{
    const char *how = distributions[p->shape->distribution];
    bool flat = how[1] == 0;
    uint64_t n = total(p) / (uint64_t)p->shape->record;
    uint64_t rows = flat ? 1 : p->shape->rows > 0 ? (uint64_t)p->shape->rows : below_root(n);
    char row = flat ? 'n' : how[0], column = flat ? how[0] : how[1];
    bool all = column == 'a', by_column = column != 'n' && !all;
    uint32_t rows_in = row == 'n' ? 1 : by_column ? (uint32_t)below_root(p->ranks) : p->ranks;
    struct io_array a = { .row = dealt(row, rows, rows_in),
                          .column = dealt(column, n / rows, by_column ? p->ranks / rows_in : 1),
                          .all = all };
    a.has = all || p->rank < rows_in * a.column.d.parts;
    a.row.part = all ? 0 : p->rank / a.column.d.parts;
    a.column.part = p->rank % a.column.d.parts;
    return a;
}

static uint64_t array_own(const struct io_pattern *p)
{
    const struct io_array *a = &p->array;
    return a->has ? count_of(&a->row) * count_of(&a->column) * (uint64_t)p->shape->record : 0;
}

static uint64_t array_place(const struct io_pattern *p, uint64_t pos, uint64_t *len)
{
    const struct io_array *a = &p->array;
    uint64_t record = (uint64_t)p->shape->record, columns = count_of(&a->column);
    uint64_t rows = count_of(&a->row), q = pos / record, in = pos % record;
    bool across = p->shape->order == BY_ROWS || rows == 1;
    uint64_t column = across ? q % columns : q / rows, row = across ? q / columns : q % rows;
    const struct array_dim *r = &a->row.d, *c = &a->column.d;
    uint64_t block = c->block - column % c->block, left = columns - column;
    *len = (!across ? 1 : block < left ? block : left) * record - in;
    return (array_global(r, a->row.part, row) * c->n + array_global(c, a->column.part, column)) *
               record +
           in;
}

static bool array_check(const struct io_pattern *p, const char *path, struct err *e)
{
    uint64_t record = (uint64_t)p->shape->record, rows = (uint64_t)p->shape->rows;
    if (total(p) % record != 0)
        return err_set(e,
                       "%s.shape.record is %llu bytes, which do not divide the file of %llu (size "
                       "times requests times nodes)",
                       path, (unsigned long long)record, (unsigned long long)total(p));
    return rows == 0 || total(p) / record % rows == 0 ||
           err_set(e, "%s.shape.rows is %llu, which does not divide the %llu records of the file",
                   path, (unsigned long long)rows, (unsigned long long)(total(p) / record));
}

/* A column of records is a column of units.  Rows that are not dealt out come one by one, or all
 * as one block, column by column; of rows in turn, or in blocks of unlike sizes, no view comes so.
 */
static bool array_view(const struct io_pattern *p, uint64_t unit, uint64_t factor,
                       struct pio_view *out)
{
    const struct array_dim *row = &p->array.row.d, *column = &p->array.column.d;
    bool by_column = p->shape->order == BY_COLUMNS;
    *out = (struct pio_view){ .rows = row->parts > 1 || by_column ? row->block : 1,
                              .by_column = by_column,
                              .down = row->parts,
                              .columns = (uint32_t)column->block,
                              .across = column->parts,
                              .subfile = p->array.row.part * column->parts + p->array.column.part };
    if (by_column && row->n != row->block * row->parts)
        return false;
    return !p->array.all && column->n == factor && (uint64_t)p->shape->record == unit;
}

/* ---- cells along diagonals ---- */

enum { POINT = 40 }; /* five doubles [NAS BT] */

static uint64_t root_of(uint64_t n)
{
    uint64_t q = 1;
    while ((q + 1) * (q + 1) <= n)
        q++;
    return q;
}

/* Points before the i-th of q pieces of a side. */
static uint64_t before(uint64_t grid, uint64_t q, uint64_t i)
{
    return grid / q * i + (i < grid % q ? i : grid % q);
}

struct cell {
    uint64_t from[3], size[3]; /* x, y, z */
};

/* The c-th of a rank's cells: one in each plane of them [NAS BT, set-up of the cells]. */
static struct cell cell_of(const struct io_pattern *p, uint64_t q, uint64_t c)
{
    const uint64_t at[3] = { (p->rank % q + c) % q, (p->rank / q + q - c) % q, c };
    uint64_t grid = (uint64_t)p->shape->grid;
    struct cell cell;
    for (int d = 0; d < 3; d++) {
        cell.from[d] = before(grid, q, at[d]);
        cell.size[d] = before(grid, q, at[d] + 1) - cell.from[d];
    }
    return cell;
}

static uint64_t cell_bytes(const struct cell *c)
{
    return c->size[0] * c->size[1] * c->size[2] * POINT;
}

static uint64_t cells_request(const struct io_pattern *p)
{
    uint64_t q = root_of(p->ranks), n = 0;
    for (uint64_t c = 0; c < q; c++) {
        struct cell cell = cell_of(p, q, c);
        n += cell_bytes(&cell);
    }
    return n;
}

static uint64_t cells_dump(const struct io_pattern *p)
{
    uint64_t grid = (uint64_t)p->shape->grid;
    return grid * grid * grid * POINT;
}

static uint64_t cells_place(const struct io_pattern *p, uint64_t pos, uint64_t *len)
{
    uint64_t q = root_of(p->ranks), in = pos % p->size, c = 0, grid = (uint64_t)p->shape->grid;
    struct cell cell = cell_of(p, q, 0);
    while (in >= cell_bytes(&cell)) {
        in -= cell_bytes(&cell);
        cell = cell_of(p, q, ++c);
    }
    uint64_t line = cell.size[0] * POINT, nth = in / line;
    uint64_t y = cell.from[1] + nth % cell.size[1], z = cell.from[2] + nth / cell.size[1];
    *len = line - in % line;
    return pos / p->size * cells_dump(p) + ((z * grid + y) * grid + cell.from[0]) * POINT +
           in % line;
}

static uint64_t cells_extent(const struct io_pattern *p)
{
    return p->per_rank * cells_dump(p);
}

static bool cells_check(const struct io_pattern *p, const char *path, struct err *e)
{
    uint64_t q = root_of(p->ranks);
    return (q * q == p->ranks && q <= (uint64_t)p->shape->grid) ||
           err_set(e,
                   "%s.access = 'cells': %u ranks share a cube of %lld points a side; write the "
                   "square of a number up to that",
                   path, p->ranks, (long long)p->shape->grid);
}

/* ---- file views ---- */

uint64_t io_pattern_disp(const struct io_pattern *p)
{
    return (uint64_t)p->shape->disp + p->rank * (uint64_t)p->shape->step;
}

static bool type_of(const struct io_pattern *p, const char *path, struct ftype *out, struct err *e)
{
    char at[80];
    (void)snprintf(at, sizeof at, "%s.shape.filetype", path);
    return io_filetype(p->shape->filetype, (uint64_t)p->shape->record, p->rank, at, out, e);
}

static uint64_t typed_request(const struct io_pattern *p)
{
    return p->type.size > 0 ? p->type.size : 1;
}

static uint64_t typed_own(const struct io_pattern *p)
{
    return p->per_rank * p->type.size;
}

static uint64_t typed_place(const struct io_pattern *p, uint64_t pos, uint64_t *len)
{
    return io_pattern_disp(p) + ftype_place(&p->type, pos, len);
}

static uint64_t typed_extent(const struct io_pattern *p)
{
    uint64_t most = 0;
    for (uint32_t r = 0; r < p->ranks; r++) {
        const struct io_pattern q = io_pattern(p->ops, p->shape, p->size, p->per_rank, r, p->ranks);
        uint64_t end = io_pattern_disp(&q) + (q.per_rank - 1) * q.type.extent + q.type.end;
        most = q.type.size > 0 && end > most ? end : most;
    }
    return most;
}

static bool typed_check(const struct io_pattern *p, const char *path, struct err *e)
{
    for (uint32_t r = 0; r < p->ranks; r++) {
        struct io_pattern q = *p;
        q.rank = r;
        if (!type_of(&q, path, &q.type, e))
            return false;
        if (!q.type.ordered || q.type.extent < q.type.end)
            return err_set(e,
                           "%s.shape.filetype: its bytes do not rise (blocks that are out of order "
                           "or overlap, or tiles of %llu bytes every %llu), as a file view needs",
                           path, (unsigned long long)q.type.end, (unsigned long long)q.type.extent);
        if (q.type.extent > (UINT64_C(1) << 59) / p->per_rank)
            return err_set(e,
                           "%s.shape.filetype: %llu tiles of %llu bytes make a file of more than "
                           "1 EiB",
                           path, (unsigned long long)p->per_rank,
                           (unsigned long long)q.type.extent);
    }
    return true;
}

/* ---- an order drawn ---- */

/* A permutation of [0, n): four rounds over two halves, again until it falls inside. */
static uint64_t permuted(uint64_t x, uint64_t n, uint64_t seed)
{
    unsigned half = 1;
    while (half < 32 && UINT64_C(1) << (2 * half) < n)
        half++;
    uint64_t mask = (UINT64_C(1) << half) - 1;
    do {
        uint64_t left = x >> half, right = x & mask;
        for (uint64_t i = 0; i < 4; i++) {
            uint64_t f = (right + (seed << 2) + i) * UINT64_C(0x9e3779b97f4a7c15);
            f = (f ^ f >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
            uint64_t next = left ^ ((f ^ f >> 32) & mask);
            left = right;
            right = next;
        }
        x = left << half | right;
    } while (x >= n);
    return x;
}

static uint64_t drawn(const struct io_pattern *p, uint64_t pos, uint64_t *len)
{
    uint64_t nth = pos / p->size * p->ranks + p->rank, in = pos % p->size;
    *len = p->size - in;
    return permuted(nth, p->per_rank * p->ranks, (uint64_t)p->shape->seed) * p->size + in;
}

/* ---- places that are asked for more than once, by each rank for itself ---- */

static double chance(const struct io_pattern *p, uint64_t nth)
{
    uint64_t z = ((uint64_t)p->shape->seed << 40) + ((uint64_t)p->rank << 32) + nth + 1;
    z *= UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static double weight(const struct io_pattern *p, int64_t place)
{
    return pow((double)(place + 1), -p->shape->skew);
}

static uint64_t zipf(const struct io_pattern *p, uint64_t pos, uint64_t *len)
{
    double all = 0, sum = 0;
    int64_t i = 0;
    for (int64_t k = 0; k < p->shape->places; k++)
        all += weight(p, k);
    double drawn = chance(p, pos / p->size) * all;
    while (i + 1 < p->shape->places && (sum += weight(p, i)) <= drawn)
        i++;
    *len = p->size - pos % p->size;
    return (uint64_t)i * p->size + pos % p->size;
}

/* By turns a place of the hot ones, drawn, and the next of a walk through the others. */
static uint64_t hot(const struct io_pattern *p, uint64_t pos, uint64_t *len)
{
    uint64_t nth = pos / p->size, few = (uint64_t)p->shape->hot, all = (uint64_t)p->shape->places;
    uint64_t place =
        nth % 2 == 0 ? (uint64_t)(chance(p, nth) * (double)few) : few + nth / 2 % (all - few);
    *len = p->size - pos % p->size;
    return place * p->size + pos % p->size;
}

static uint64_t places_extent(const struct io_pattern *p)
{
    return (uint64_t)p->shape->places * p->size;
}

static bool hot_check(const struct io_pattern *p, const char *path, struct err *e)
{
    return p->shape->hot < p->shape->places ||
           err_set(e, "%s.shape.hot is %lld: not fewer than the %lld places there are", path,
                   (long long)p->shape->hot, (long long)p->shape->places);
}

/* ---- kinds ---- */

#define PATTERN(name, place_, doc_, ...)                                                           \
    static const struct io_pattern_ops name##_ops = { .kind = { #name, doc_ },                     \
                                                      .place = place_,                             \
                                                      __VA_ARGS__ };
PATTERN(interleaved, interleaved, "blocks as long as a request go round the ranks [Nitzberg]")
PATTERN(partitioned, partitioned, "each rank has a piece of the file [Nitzberg]")
PATTERN(broadcast, broadcast, "all ranks have the same bytes [Nitzberg]",
        .extent = broadcast_extent)
PATTERN(segmented, segmented, "blocks of several requests go round the ranks [IOR]",
        .check = segmented_check)
PATTERN(strided, strided, "records at a distance", .check = strided_check, .extent = strided_extent)
PATTERN(nested, strided, "rows of records, each at a distance", .check = strided_check,
        .extent = strided_extent)
PATTERN(array, array_place, "an array of records dealt out by dimension [Kotz]",
        .check = array_check, .own = array_own, .view = array_view, .whole = true)
PATTERN(cells, cells_place, "a cube dealt out by cells along its diagonals [BTIO]",
        .check = cells_check, .extent = cells_extent, .request = cells_request)
PATTERN(filetype, typed_place, "what a file view shows, tile by tile [MPI-IO]",
        .check = typed_check, .own = typed_own, .extent = typed_extent, .request = typed_request,
        .typed = true, .whole = true)
PATTERN(random, drawn, "places in an order drawn, each once")
PATTERN(zipf, zipf, "places drawn by each rank, some more often than others",
        .extent = places_extent)
PATTERN(hot, hot, "by turns one of a few hot places and the next of a walk through the others",
        .check = hot_check, .extent = places_extent)

static const struct kind *const patterns[] = { &interleaved_ops.kind,
                                               &partitioned_ops.kind,
                                               &broadcast_ops.kind,
                                               &segmented_ops.kind,
                                               &strided_ops.kind,
                                               &nested_ops.kind,
                                               &array_ops.kind,
                                               &cells_ops.kind,
                                               &filetype_ops.kind,
                                               &random_ops.kind,
                                               &zipf_ops.kind,
                                               &hot_ops.kind,
                                               NULL };
const struct kind_set io_patterns = { "pattern", "workload.access", patterns };

struct io_pattern io_pattern(const struct io_pattern_ops *ops, const struct io_shape *shape,
                             uint64_t size, uint64_t per_rank, uint32_t rank, uint32_t ranks)
{
    struct io_pattern p = {
        .ops = ops, .shape = shape, .size = size, .per_rank = per_rank, .rank = rank, .ranks = ranks
    };
    struct err e = ERR_INIT;
    if (ops->typed && !type_of(&p, "workload", &p.type, &e))
        p.type = ftype_bytes(1); /* the check says why */
    if (ops->request)
        p.size = ops->request(&p);
    if (ops->own == array_own && total(&p) % (uint64_t)shape->record == 0)
        p.array = array_of(&p);
    return p;
}

bool io_pattern_check(const struct io_pattern *p, const char *path, struct err *e)
{
    return p->ops->check == NULL || p->ops->check(p, path, e);
}

uint64_t io_pattern_own(const struct io_pattern *p)
{
    return p->ops->own ? p->ops->own(p) : p->per_rank * p->size;
}

uint64_t io_pattern_extent(const struct io_pattern *p)
{
    return p->ops->extent ? p->ops->extent(p) : total(p);
}

uint64_t io_pattern_requests(const struct io_pattern *p)
{
    uint64_t own = io_pattern_own(p);
    return own / p->size + (own % p->size > 0);
}

/* A piece more: a longer run, a run of one more, or another run.  How many there are. */
static uint32_t add(struct file_run *last, uint32_t n, uint64_t off, uint64_t len)
{
    uint64_t end = last->off + (last->count - 1) * last->stride + last->len;
    if (n > 0 && last->count == 1 && off == end) {
        last->len += len;
    } else if (n > 0 && len == last->len && off >= end &&
               (last->count == 1 || off == last->off + last->count * last->stride)) {
        if (last->count == 1)
            last->stride = off - last->off;
        last->count++;
    } else {
        *last = (struct file_run){ .off = off, .len = len, .count = 1 };
        n++;
    }
    return n;
}

uint32_t io_pattern_runs(const struct io_pattern *p, uint64_t k, struct file_run *out,
                         uint32_t room)
{
    uint64_t own = io_pattern_own(p), pos = k * p->size < own ? k * p->size : own;
    uint64_t end = own - pos < p->size ? own : pos + p->size;
    struct file_run last = { .count = 1 };
    uint32_t n = 0;
    while (pos < end) {
        uint64_t len, off = p->ops->place(p, pos, &len);
        if (len > end - pos)
            len = end - pos;
        n = add(&last, n, off, len);
        if (n <= room)
            out[n - 1] = last;
        pos += len;
    }
    return n;
}
