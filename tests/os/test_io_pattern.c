/* test_io_pattern.c: the bytes that each access pattern gives a rank, against a slow model that
 * asks of every byte of the file whose it is. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/os/io_world.h"
#include "workloads/io/charisma.h"
#include "workloads/io/pattern.h"

static struct io_shape shape_of(const char *distribution)
{
    struct io_shape s;
    struct err e = ERR_INIT;
    struct val *t = val_new(VAL_TABLE, NULL, 0);
    if (distribution)
        val_put(t, "distribution", val_new_string(distribution, NULL, 0));
    cr_assert(param_load(io_shape_params, &s, t, "shape", &e), "%s", e.text);
    val_free(t);
    return s;
}

static struct io_pattern make(const char *kind, const struct io_shape *s, uint64_t size,
                              uint64_t per_rank, uint32_t rank, uint32_t ranks)
{
    return io_pattern(kind_find(&io_patterns, kind), s, size, per_rank, rank, ranks);
}

/* The rank's bytes in order, from the runs of all its requests; each is in no other of them. */
static uint64_t bytes_of(const struct io_pattern *p, uint64_t *out)
{
    uint64_t n = 0;
    for (uint64_t k = 0; k < io_pattern_requests(p); k++) {
        uint32_t count = io_pattern_runs(p, k, NULL, 0);
        struct file_run *runs = calloc(count, sizeof *runs);
        uint64_t before = n;
        cr_assert_eq(io_pattern_runs(p, k, runs, count), count);
        for (uint32_t i = 0; i < count; i++)
            for (uint64_t j = 0; j < runs[i].count; j++)
                for (uint64_t b = 0; b < runs[i].len; b++)
                    out[n++] = runs[i].off + j * runs[i].stride + b;
        cr_assert_eq(pio_length(runs, count), n - before);
        cr_assert(n - before == p->size || k + 1 == io_pattern_requests(p));
        free(runs);
    }
    cr_assert_eq(n, io_pattern_own(p));
    return n;
}

/* Compares with what `owns` says of every byte in order of the file. */
static void compare(const struct io_pattern *p,
                    bool (*owns)(const struct io_pattern *p, uint64_t byte), uint8_t *times)
{
    uint64_t all = io_pattern_extent(p), n = 0;
    uint64_t *got = calloc(all, sizeof *got), mine = bytes_of(p, got);
    for (uint64_t byte = 0; byte < all; byte++) {
        if (!owns(p, byte))
            continue;
        cr_assert_lt(n, mine);
        cr_assert_eq(got[n], byte, "%s, rank %u of %u: %llu where %llu is due", p->ops->kind.name,
                     p->rank, p->ranks, (unsigned long long)got[n], (unsigned long long)byte);
        n++;
        times[byte]++;
    }
    cr_assert_eq(n, mine);
    free(got);
}

/* IOP1: the parts together are the file, each byte once. */
static void cover(const char *kind, const struct io_shape *s, uint64_t size, uint64_t per_rank,
                  uint32_t ranks, bool (*owns)(const struct io_pattern *p, uint64_t byte),
                  bool whole)
{
    struct io_pattern p = make(kind, s, size, per_rank, 0, ranks);
    struct err e = ERR_INIT;
    uint64_t all = io_pattern_extent(&p);
    uint8_t *times = calloc(all, 1);
    cr_assert(io_pattern_check(&p, "workload", &e), "%s", e.text);
    for (uint32_t r = 0; r < ranks; r++) {
        p = make(kind, s, size, per_rank, r, ranks);
        compare(&p, owns, times);
    }
    for (uint64_t b = 0; b < all && whole; b++)
        cr_assert_eq(times[b], 1, "%s of %u ranks: byte %llu", kind, ranks, (unsigned long long)b);
    free(times);
}

static bool interleaved(const struct io_pattern *p, uint64_t byte)
{
    return byte / p->size % p->ranks == p->rank;
}

static bool partitioned(const struct io_pattern *p, uint64_t byte)
{
    return byte / (p->size * p->per_rank) == p->rank;
}

static bool everybody(const struct io_pattern *p, uint64_t byte)
{
    (void)p;
    (void)byte;
    return true;
}

static bool segmented(const struct io_pattern *p, uint64_t byte)
{
    uint64_t in_segment = byte % ((uint64_t)p->shape->block * p->ranks);
    return in_segment / (uint64_t)p->shape->block == p->rank;
}

Test(io_pattern, of_Nitzberg_and_IOR)
{
    struct io_shape s = shape_of(NULL);
    s.block = 21;
    for (uint32_t ranks = 1; ranks < 6; ranks++) {
        cover("interleaved", &s, 7, 6, ranks, interleaved, true);
        cover("partitioned", &s, 7, 6, ranks, partitioned, true);
        cover("segmented", &s, 7, 6, ranks, segmented, true);
        cover("broadcast", &s, 7, 6, ranks, everybody, ranks == 1);
    }
}

/* Row r and column c of the array belong to the rank that the rules of HPF name. */
static uint64_t owner(char how, uint64_t index, uint64_t n, uint64_t parts)
{
    return how == 'c' ? index % parts : how == 'b' ? index / ((n + parts - 1) / parts) : 0;
}

static uint64_t test_rows;
static bool array(const struct io_pattern *p, uint64_t byte)
{
    static const char *const names[] = { "a",  "n",  "b",  "c",  "nn", "nb", "nc",
                                         "bn", "bb", "bc", "cn", "cb", "cc" };
    const char *d = names[p->shape->distribution];
    uint64_t n = p->size * p->per_rank * p->ranks / (uint64_t)p->shape->record;
    uint64_t record = byte / (uint64_t)p->shape->record;
    if (d[0] == 'a')
        return true;
    if (!d[1])
        return owner(d[0], record, n, p->ranks) == p->rank;
    uint64_t columns = n / test_rows, row = record / columns, column = record % columns;
    /* The grid: as square as the ranks allow, or one line when one dimension is not dealt out. */
    uint32_t high = 1;
    for (uint32_t x = 1; x * x <= p->ranks; x++)
        high = p->ranks % x == 0 ? x : high;
    if (d[1] == 'n')
        high = p->ranks;
    uint32_t wide = d[0] == 'n' ? p->ranks : p->ranks / high;
    if (d[0] == 'n')
        high = 1;
    return owner(d[0], row, test_rows, high) * wide + owner(d[1], column, columns, wide) == p->rank;
}

Test(io_pattern, of_Kotz)
{
    static const char *const names[] = { "n",  "b",  "c",  "nn", "nb", "nc",
                                         "bn", "bb", "bc", "cn", "cb", "cc" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        for (uint32_t ranks = 1; ranks < 8; ranks++) {
            struct io_shape s = shape_of(names[i]);
            s.record = 3;
            s.rows = 10;
            test_rows = 10;
            cover("array", &s, 20, 9, ranks, array, true); /* requests cut records */
            s.rows = 0;
            test_rows = 0;
            uint64_t n = 180 * ranks / 3;
            for (uint64_t x = 1; x * x <= n; x++)
                test_rows = n % x == 0 ? x : test_rows;
            cover("array", &s, 20, 9, ranks, array, true);
        }
    struct io_shape s = shape_of("a");
    s.record = 3;
    cover("array", &s, 20, 9, 3, array, false);
}

/* The same parts column by column. */
Test(io_pattern, of_Kotz_by_columns)
{
    enum { ROWS = 10, RECORD = 3 };
    static const char *const names[] = { "nn", "nb", "nc", "bn", "bb", "bc", "cn", "cb", "cc" };
    test_rows = ROWS;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        for (uint32_t rank = 0; rank < 6; rank++) {
            struct io_shape s = shape_of(names[i]);
            s.record = RECORD;
            s.rows = ROWS;
            s.order = 1;
            struct io_pattern p = make("array", &s, 20, 9, rank, 6);
            uint64_t got[20 * 9 * 6], columns = sizeof got / sizeof *got / RECORD / ROWS, n = 0;
            uint64_t mine = bytes_of(&p, got);
            for (uint64_t k = 0; k < columns * ROWS * RECORD; k++) {
                uint64_t row = k / RECORD % ROWS, column = k / RECORD / ROWS;
                uint64_t byte = (row * columns + column) * RECORD + k % RECORD;
                if (array(&p, byte))
                    cr_assert_eq(got[n++], byte, "%s, rank %u", names[i], rank);
            }
            cr_assert_eq(n, mine);
        }
}

/* Of the q cells of side about grid / q that a plane has, rank (i, j) has that of column i + plane
 * and row j - plane. */
static bool cells(const struct io_pattern *p, uint64_t byte)
{
    uint64_t grid = (uint64_t)p->shape->grid, q = 1, at[3];
    uint64_t point = byte % (grid * grid * grid * 40) / 40;
    while (q * q < p->ranks)
        q++;
    for (int d = 0; d < 3; d++, point /= grid) {
        uint64_t x = point % grid, end = 0;
        for (at[d] = 0;; at[d]++) {
            end += grid / q + (at[d] < grid % q);
            if (x < end)
                break;
        }
    }
    return (at[0] + q - at[2]) % q == p->rank % q && (at[1] + at[2]) % q == p->rank / q;
}

Test(io_pattern, of_BTIO)
{
    struct io_shape s = shape_of(NULL);
    for (uint32_t q = 1; q < 4; q++)
        for (s.grid = 4; s.grid < 8; s.grid++)
            cover("cells", &s, 1, 2, q * q, cells, true);
}

/* Record i of a rank by counting: along a row, then to the next. */
Test(io_pattern, strides_are_what_a_loop_gives)
{
    struct io_shape s = shape_of(NULL);
    s.record = 5;
    for (int nested = 0; nested < 2; nested++)
        for (uint32_t rank = 0; rank < 3; rank++) {
            s.stride = 17;
            s.inner = 4;
            s.outer = nested ? 100 : 0;
            struct io_pattern p = make(nested ? "nested" : "strided", &s, 10, 7, rank, 3);
            uint64_t got[70], at = rank * 5, row = at, n = 0;
            struct err e = ERR_INIT;
            cr_assert(io_pattern_check(&p, "workload", &e), "%s", e.text);
            cr_assert_eq(bytes_of(&p, got), 70);
            for (int i = 0; i < 14; i++) {
                for (uint64_t b = 0; b < 5; b++)
                    cr_assert_eq(got[n++], at + b);
                at += 17;
                if (nested && i % 4 == 3)
                    at = row += 100;
            }
            cr_assert_eq(io_pattern_extent(&p), nested ? 300 + 17 + 10 + 5 : 13 * 17 + 10 + 5);
        }
}

/* IOP1 */
Test(io_pattern, random_places_are_each_there_once)
{
    struct io_shape s = shape_of(NULL);
    uint64_t first[50] = { 0 }, again[50], other[50];
    uint8_t times[50 * 4 * 3] = { 0 };
    for (uint32_t rank = 0; rank < 4; rank++) {
        struct io_pattern p = make("random", &s, 3, 50, rank, 4);
        uint64_t got[150];
        cr_assert_eq(bytes_of(&p, got), 150);
        for (int i = 0; i < 150; i++) {
            cr_assert_lt(got[i], sizeof times);
            times[got[i]]++;
        }
        for (int i = 0; i < 50 && rank == 0; i++)
            first[i] = got[3 * i];
        (void)bytes_of(&p, got);
        for (int i = 0; i < 50; i++)
            again[i] = got[3 * i];
        cr_assert(rank > 0 || memcmp(first, again, sizeof first) == 0);
    }
    for (size_t i = 0; i < sizeof times; i++)
        cr_assert_eq(times[i], 1);
    s.seed = 2;
    struct io_pattern p = make("random", &s, 3, 50, 0, 4);
    uint64_t got[150];
    (void)bytes_of(&p, got);
    for (int i = 0; i < 50; i++)
        other[i] = got[3 * i];
    cr_assert(memcmp(first, other, sizeof first) != 0, "a seed changes nothing");
}

/* Place i as often as 1 / i, each rank for itself; a hot set and a walk by turns. */
Test(io_pattern, places_that_come_again)
{
    struct io_shape s = shape_of(NULL);
    s.places = 10;
    s.skew = 1;
    static uint64_t got[60000];
    uint64_t times[10] = { 0 };
    double all = 0;
    struct io_pattern p = make("zipf", &s, 3, 20000, 1, 2);
    cr_assert_eq(io_pattern_extent(&p), 30);
    cr_assert_eq(bytes_of(&p, got), 60000);
    for (int i = 0; i < 20000; i++) {
        cr_assert_eq(got[3 * i] % 3, 0);
        cr_assert_eq(got[3 * i + 2], got[3 * i] + 2);
        times[got[3 * i] / 3]++;
    }
    for (int i = 1; i <= 10; i++)
        all += 1.0 / i;
    for (int i = 1; i <= 10; i++) { /* within five standard deviations */
        double mean = 20000.0 / i / all, off = (double)times[i - 1] - mean;
        cr_assert_lt(off * off, 25 * mean, "place %d: %d times", i, (int)times[i - 1]);
    }
    s.hot = 4;
    p = make("hot", &s, 3, 20000, 0, 1);
    cr_assert_eq(bytes_of(&p, got), 60000);
    for (int i = 0; i < 20000; i++) {
        uint64_t place = got[3 * i] / 3;
        cr_assert(i % 2 == 0 ? place < 4 : place == 4 + (uint64_t)i / 2 % 6);
    }
    struct err e = ERR_INIT;
    s.hot = 10;
    cr_assert_not(io_pattern_check(&p, "workload", &e));
}

/* Two tiles, 5 bytes on, of 6 x 4 records of 3: rows in turn to two, columns in blocks to two. */
static bool dealt(const struct io_pattern *p, uint64_t byte)
{
    uint64_t record = (byte - 5) / 3 % 24;
    return byte >= 5 && record / 4 % 2 * 2 + record % 4 / 2 == p->rank;
}

Test(io_pattern, file_views_deal_out_an_array_tile_by_tile)
{
    struct io_shape s = shape_of(NULL);
    struct err e = ERR_INIT;
    struct val *type = io_val("{{type=darray, dims={{n=6, deal=cyclic, parts=2}, "
                              "{n=4, deal=block, parts=2}}}}");
    s.filetype = type;
    s.record = 3;
    s.disp = 5;
    cover("filetype", &s, 1, 2, 4, dealt, false);
    struct io_pattern p = make("filetype", &s, 1, 2, 0, 4);
    cr_assert_eq(io_pattern_extent(&p), 5 + 2 * 72);
    p = make("filetype", &s, 1, 2, 0, 5); /* no part for rank 4 */
    cr_assert(!io_pattern_check(&p, "workload", &e));
    cr_assert(strstr(e.text, "workload.shape.filetype[1]: a grid of 4 parts"), "%s", e.text);
    val_free(type);
}

Test(io_pattern, numbers_that_do_not_fit_are_refused)
{
    struct io_shape s = shape_of("cc");
    struct err e;
    s.block = 20;
    s.record = 7;
    s.stride = 20;
    struct io_pattern p[] = {
        make("segmented", &s, 7, 6, 0, 3), /* 20 is no multiple of 7 */
        make("strided", &s, 7, 6, 0, 3),   /* 3 records of 7 take 21 */
        make("array", &s, 5, 3, 0, 3),     /* 45 bytes are no records of 7 */
        make("segmented", &s, 5, 3, 0, 3), /* 15 bytes are no blocks of 20 */
    };
    for (size_t i = 0; i < ARRAY_LEN(p); i++) {
        e = (struct err)ERR_INIT;
        cr_assert(!io_pattern_check(&p[i], "workload", &e));
        cr_assert(strstr(e.text, "workload.shape."), "%s", e.text);
    }
}

/* ---- a mix of jobs (workloads/io/charisma.h) ---- */

static struct charisma_params mix_of(int64_t seed, int64_t jobs)
{
    struct charisma_params p;
    struct err e = ERR_INIT;
    struct val *t = val_new(VAL_TABLE, NULL, 0);
    cr_assert(param_load(charisma_params_desc, &p, t, "mix", &e), "%s", e.text);
    val_free(t);
    p.seed = seed;
    p.jobs = jobs;
    return p;
}

/* CHR2: the requests of a kind, marked byte by byte; strided ones go round the nodes. */
static void whole(const struct charisma_file *f, const struct charisma_job *j, uint64_t size)
{
    uint64_t all = size * f->requests * j->nodes;
    cr_assert_leq(all, f->bytes);
    if (size == 0 || all > 200000)
        return;
    uint8_t *times = calloc(all, 1);
    for (uint32_t i = 0; i < j->nodes; i++)
        for (uint64_t k = 0; k < f->requests; k++) {
            uint64_t at = charisma_place(f, j, size, i, k);
            cr_assert_leq(at + size, all);
            if (f->strided && i > 0)
                cr_assert_eq(at, charisma_place(f, j, size, i - 1, k) + size);
            for (uint64_t b = 0; b < size; b++)
                cr_assert_eq(times[at + b]++, 0);
        }
    free(times);
}

Test(io_pattern, jobs_of_a_mix_have_nodes_and_files_of_their_own)
{
    for (uint32_t ranks = 1; ranks <= 40; ranks += 13) {
        struct charisma_params p = mix_of(ranks, 60);
        struct charisma_walk w = charisma_walk(&p, ranks);
        uint64_t job = 0, file = 0;
        uint32_t taken = 0;
        while (charisma_next(&w)) {
            cr_assert_eq(w.job.number, job++);
            cr_assert_eq(w.job.file, file); /* CHR1 */
            file += w.job.files;
            cr_assert(w.job.nodes > 0 && (w.job.nodes & (w.job.nodes - 1)) == 0);
            bool fits = taken + w.job.nodes <= ranks;
            cr_assert_eq(w.job.first, fits ? taken : 0);
            taken = w.job.first + w.job.nodes;
            cr_assert_leq(taken, ranks);
            for (uint32_t k = 0; k < w.job.files; k++) {
                struct charisma_file f = charisma_file(&p, &w.job, k);
                cr_assert_eq(f.write > 0, f.use != CHARISMA_READ);
                cr_assert_eq(f.read > 0, f.use != CHARISMA_WRITTEN);
                whole(&f, &w.job, f.write);
                whole(&f, &w.job, f.read);
            }
        }
        cr_assert_eq(job, 60);
    }
}

/* Sums over jobs, which are independent, of y out of x: the ratio and the variance of that, by
 * Taylor's formula. */
struct share {
    const char *what;
    double published, xx, xy, yy, x, y;
};

static void add(struct share *s, double y, double x)
{
    s->x += x;
    s->y += y;
    s->xx += x * x;
    s->xy += x * y;
    s->yy += y * y;
}

static void judge(const struct share *s, double most)
{
    double r = s->y / s->x, sd = sqrt(s->yy - 2 * r * s->xy + r * r * s->xx) / s->x;
    cr_expect_lt(sd, most * s->published, "%s: too few for a verdict: %g of %g", s->what, sd, r);
    cr_expect_lt(fabs(r - s->published), 4 * sd, "%s: %g +- %g, published %g", s->what, r, sd,
                 s->published);
}

Test(io_pattern, a_mix_has_the_shares_that_were_published)
{
    enum { READS, READ_BYTES, WRITES, WRITE_BYTES, SINGLE, FILES, N = FILES + 5 };
    struct share s[N] = { [READS] = { "small reads", 0.961 },
                          [READ_BYTES] = { "their bytes", 0.02 },
                          [WRITES] = { "small writes", 0.894 },
                          [WRITE_BYTES] = { "their bytes", 0.03 },
                          [SINGLE] = { "jobs of one node", 2237.0 / 3016 },
                          [FILES] = { "jobs of 1 file", 71.0 / 470 },
                          [FILES + 1] = { "of 2", 15.0 / 470 },
                          [FILES + 2] = { "of 3", 24.0 / 470 },
                          [FILES + 3] = { "of 4", 120.0 / 470 },
                          [FILES + 4] = { "of more", 240.0 / 470 } };
    struct charisma_params p = mix_of(1996, 60000);
    struct charisma_walk w = charisma_walk(&p, 128);
    uint64_t use[3] = { 0 };
    while (charisma_next(&w)) {
        double small[2] = { 0 }, small_bytes[2] = { 0 }, all[2] = { 0 }, bytes[2] = { 0 };
        for (uint32_t k = 0; k < w.job.files; k++) {
            struct charisma_file f = charisma_file(&p, &w.job, k);
            const uint64_t size[2] = { f.read, f.write };
            use[f.use]++;
            for (int i = 0; i < 2; i++) {
                double n = size[i] > 0 ? (double)f.requests * w.job.nodes : 0;
                all[i] += n;
                bytes[i] += n * (double)size[i];
                small[i] += size[i] < 4000 ? n : 0;
                small_bytes[i] += size[i] < 4000 ? n * (double)size[i] : 0;
            }
        }
        add(&s[READS], small[0], all[0]);
        add(&s[READ_BYTES], small_bytes[0], bytes[0]);
        add(&s[WRITES], small[1], all[1]);
        add(&s[WRITE_BYTES], small_bytes[1], bytes[1]);
        add(&s[SINGLE], w.job.nodes == 1, 1);
        for (uint32_t i = 0; i < 5; i++)
            add(&s[FILES + i], i < 4 ? w.job.files == i + 1 : w.job.files > 4, 1);
    }
    for (int i = 0; i < N; i++)
        judge(&s[i], i == READ_BYTES || i == WRITE_BYTES ? 0.1 : 0.04);
    cr_expect_gt(use[CHARISMA_WRITTEN], 2 * (use[CHARISMA_READ] + use[CHARISMA_BOTH]));
}
