/* shared_fft.c: one-dimensional FFT of m x m complex points with transposes through shared memory.
 *
 * Six steps [Bailey 1990]: transpose, FFTs of rows, twiddle factors, transpose, FFTs of rows,
 * transpose.  Each node has a block of rows; a transpose reads from the rows of all others.  The
 * roots of unity come from square roots and products alone, so that they are the same everywhere.
 * The result equals a sequential run bit for bit, and a few points of it are compared with the sum
 * that defines them.
 */
#include <math.h>

#include "workloads/shared.h"

#define FFT_LOG_MAX 24     /* of all points */
#define POINT_FLOPS 6      /* a complex product */
#define BUTTERFLY_FLOPS 10 /* a complex product and two complex sums */
#define DIFFERENCE 1e-9    /* of a point from its sum, over the largest */

struct fft_params {
    struct shared_params shared; /* first */
    int64_t rows;
};

static const struct param fft_params[] = {
    SHARED_PARAMS,
    P_INT(fft_params, rows, "64", "2", "4096",
          "Rows of the matrix of points, a power of two; their square is transformed.",
          "ASSUMED(4,096 points are a matrix of 16 pages of 4 KiB)"),
    P_END,
};

struct complex_f64 {
    double re, im;
};

struct fft {
    struct shared *h;
    uint64_t m;                                /* rows */
    uint32_t log_m;                            /* m = 2^log_m */
    struct complex_f64 power[FFT_LOG_MAX + 1]; /* [j]: root of unity of order 2^j */
    struct complex_f64 *row, *block;           /* room for a row; for a block of columns */
};

static struct complex_f64 times(struct complex_f64 a, struct complex_f64 b)
{
    return (struct complex_f64){ a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re };
}

/* exp(-2 pi i / 2^j) by halving angles. */
static void make_powers(struct fft *f)
{
    f->power[0] = (struct complex_f64){ 1, 0 };
    f->power[1] = (struct complex_f64){ -1, 0 };
    f->power[2] = (struct complex_f64){ 0, -1 };
    for (uint32_t j = 3; j <= FFT_LOG_MAX; j++) {
        double c = sqrt((1 + f->power[j - 1].re) / 2);
        f->power[j] = (struct complex_f64){ c, f->power[j - 1].im / (2 * c) };
    }
}

/* The k-th power of the root of order 2^log: a product over the bits of k. */
static struct complex_f64 root(const struct fft *f, uint64_t k, uint32_t log)
{
    struct complex_f64 w = { 1, 0 };
    for (uint32_t bit = 0; bit < log; bit++)
        if (k >> bit & 1)
            w = times(w, f->power[log - bit]);
    return w;
}

static struct complex_f64 input(uint64_t i)
{
    return (struct complex_f64){ shared_value(7, i), shared_value(8, i) };
}

/* The FFT of m points in place, by halves. */
static void fft_row(const struct fft *f, struct complex_f64 *a)
{
    uint64_t m = f->m;
    for (uint64_t i = 1, j = 0; i < m; i++) {
        uint64_t bit = m >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            struct complex_f64 t = a[i];
            a[i] = a[j];
            a[j] = t;
        }
    }
    for (uint32_t log = 1; log <= f->log_m; log++) {
        uint64_t half = 1ull << (log - 1);
        for (uint64_t k = 0; k < half; k++) {
            struct complex_f64 w = root(f, k, log);
            for (uint64_t i = k; i < m; i += 2 * half) {
                struct complex_f64 t = times(w, a[i + half]);
                a[i + half] = (struct complex_f64){ a[i].re - t.re, a[i].im - t.im };
                a[i] = (struct complex_f64){ a[i].re + t.re, a[i].im + t.im };
            }
        }
    }
}

static void twiddle(const struct fft *f, struct complex_f64 *a, uint64_t row)
{
    for (uint64_t k = 0; k < f->m; k++)
        a[k] = times(a[k], root(f, row * k, 2 * f->log_m));
}

/* What happens to a row after transpose number `step`. */
static void transform(const struct fft *f, struct complex_f64 *a, uint64_t row, int step)
{
    if (step < 2)
        fft_row(f, a);
    if (step == 0)
        twiddle(f, a, row);
}

static uint64_t row_flops(const struct fft *f, int step)
{
    uint64_t butterflies = f->m / 2 * f->log_m * BUTTERFLY_FLOPS;
    return step == 2 ? 0 : butterflies + (step == 0 ? f->m * POINT_FLOPS : 0);
}

/* Rows [first, end) of `to` become columns [first, end) of `from`, transformed. */
static bool step(struct fft *f, uint64_t from, uint64_t to, uint64_t first, uint64_t end,
                 int number)
{
    struct shared *h = f->h;
    uint64_t m = f->m, width = end - first;
    for (uint64_t i = 0; i < m; i++) {
        uint64_t source = (first + i) % m; /* everybody begins elsewhere */
        if (!vm_read(h->space, from + 16 * (source * m + first), f->block + source * width,
                     16 * width))
            return false;
    }
    for (uint64_t r = first; r < end; r++) {
        for (uint64_t k = 0; k < m; k++)
            f->row[k] = f->block[k * width + r - first];
        transform(f, f->row, r, number);
        port_work(h->port, PORT_WORK_FLOP, row_flops(f, number));
        port_work(h->port, PORT_WORK_COPY, 16 * m);
        if (!vm_write(h->space, to + 16 * r * m, f->row, 16 * m))
            return false;
    }
    return true;
}

static struct complex_f64 *sequential(struct fft *f)
{
    uint64_t m = f->m;
    struct complex_f64 *a[2];
    for (int k = 0; k < 2; k++)
        a[k] = port_alloc(f->h->port, 16 * m * m);
    for (uint64_t i = 0; i < m * m; i++)
        a[0][i] = input(i);
    for (int number = 0; number < 3; number++)
        for (uint64_t r = 0; r < m; r++) {
            struct complex_f64 *to = a[(number + 1) % 2] + r * m;
            for (uint64_t k = 0; k < m; k++)
                to[k] = a[number % 2][k * m + r];
            transform(f, to, r, number);
        }
    return a[1];
}

/* Point k by its definition. */
static struct complex_f64 by_sum(const struct fft *f, uint64_t k)
{
    uint64_t n = f->m * f->m;
    struct complex_f64 sum = { 0, 0 };
    for (uint64_t i = 0; i < n; i++) {
        struct complex_f64 t = times(input(i), root(f, i * k % n, 2 * f->log_m));
        sum = (struct complex_f64){ sum.re + t.re, sum.im + t.im };
    }
    return sum;
}

static void check(struct fft *f, uint64_t result)
{
    struct shared *h = f->h;
    uint64_t n = f->m * f->m;
    struct complex_f64 *expected = sequential(f);
    for (uint64_t i = 0; i < n; i++) {
        double re = vm_load_f64(h->space, result + 16 * i);
        double im = vm_load_f64(h->space, result + 16 * i + 8);
        if (re != expected[i].re || im != expected[i].im) {
            port_fail(h->port,
                      "FFT: point %llu is %.17g, %.17g, a sequential run gives %.17g, "
                      "%.17g",
                      (unsigned long long)i, re, im, expected[i].re, expected[i].im);
            return;
        }
    }
    for (uint64_t k = 0; k < n; k += n / 4 + 1) {
        struct complex_f64 sum = by_sum(f, k);
        if (fabs(sum.re - expected[k].re) + fabs(sum.im - expected[k].im) > DIFFERENCE * (double)n)
            port_fail(h->port, "FFT: point %llu is %.17g, its sum %.17g", (unsigned long long)k,
                      expected[k].re, sum.re);
    }
    port_delivered(h->port, 16 * n, n);
}

static bool fft_check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct fft_params *p = params;
    if (!shared_check(params, layout, e))
        return false;
    if (p->rows & (p->rows - 1))
        return err_set(e, "workload.rows is %lld, which is no power of two", (long long)p->rows);
    return true;
}

static void fft_main(struct os_node *node, const struct program *me)
{
    const struct fft_params *p = me->params;
    uint64_t m = (uint64_t)p->rows, first, end, size = 16 * m * m;
    struct shared h;
    if (!shared_open(&h, node, me, &p->shared, 2 * shared_array_bytes(&p->shared, size)))
        return;
    struct fft f = { .h = &h, .m = m };
    while (1ull << f.log_m < m)
        f.log_m++;
    make_powers(&f);
    uint64_t a[2] = { shared_array(&h, size), shared_array(&h, size) };
    shared_share(&h, m, &first, &end);
    f.row = port_alloc(h.port, 16 * m);
    f.block = port_alloc(h.port, 16 * m * (end - first + 1));
    for (uint64_t r = first; h.resume == 0 && r < end; r++) {
        for (uint64_t k = 0; k < m; k++)
            f.row[k] = input(r * m + k);
        if (!vm_write(h.space, a[0] + 16 * r * m, f.row, 16 * m))
            return;
    }
    if (h.resume == 0)
        shared_start(&h);
    for (int number = (int)shared_first(&h, 3); number < 3; number++) {
        if (!shared_again(&h, (uint64_t)number) && first < end &&
            !step(&f, a[number % 2], a[(number + 1) % 2], first, end, number))
            return;
        port_pay(h.port);
        shared_barrier(&h, (uint64_t)number + 1);
    }
    shared_stop(&h);
    if (shared_checks(&h))
        check(&f, a[1]);
    shared_close(&h);
}

const struct workload_ops workload_svm_fft = SHARED_WORKLOAD(
    "svm_fft", "FFT of shared points in six steps, with transposes through shared memory.",
    fft_params, struct fft_params, fft_check, fft_main);
