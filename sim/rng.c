/* rng.c: Philox4x32-10 streams and samplers that are the same on every machine.
 *
 * Sources: generator [Salmon, Moraes, Dror & Shaw, SC 2011]; unbiased bounded numbers [Lemire
 * 2019]; exponential by comparisons [von Neumann 1951; Forsythe 1972].  Only integer operations and
 * exactly rounded ones (+, -, *, / on doubles, ldexp) occur, so no C library can change a draw.
 */
#include "sim/rng.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wundef"
#include <Random123/philox.h>
#pragma GCC diagnostic pop

__extension__ typedef unsigned __int128 u128;

void sim_rng_init_seed(struct sim_rng *r, uint64_t seed, const char *name)
{
    uint64_t key = XXH3_64bits_withSeed(name, strlen(name), seed);
    *r = (struct sim_rng){ .key = { (uint32_t)key, (uint32_t)(key >> 32) } };
}

void sim_rng_init(struct sim_rng *r, const struct sim *s, const char *name)
{
    char *full = sim_full_name(s, name);
    sim_rng_init_seed(r, sim_seed(s), full);
    free(full);
}

void sim_rng_init_indexed(struct sim_rng *r, const struct sim *s, const char *name, uint64_t index)
{
    char full[256];
    int n = snprintf(full, sizeof full, "%s/%" PRIu64, name, index);
    ASSERT(n > 0 && (size_t)n < sizeof full);
    sim_rng_init(r, s, full);
}

static void refill(struct sim_rng *r)
{
    philox4x32_ctr_t c = { { (uint32_t)r->counter, (uint32_t)(r->counter >> 32), 0, 0 } };
    philox4x32_key_t k = { { r->key[0], r->key[1] } };
    c = philox4x32(c, k);
    memcpy(r->block, c.v, sizeof r->block);
    r->counter++;
    r->left = 4;
}

uint32_t sim_rng_u32(struct sim_rng *r)
{
    if (r->left == 0)
        refill(r);
    return r->block[4 - r->left--];
}

uint64_t sim_rng_u64(struct sim_rng *r)
{
    uint64_t low = sim_rng_u32(r);
    return low | (uint64_t)sim_rng_u32(r) << 32;
}

uint64_t sim_rng_below(struct sim_rng *r, uint64_t n)
{
    ASSERT(n > 0);
    u128 m = (u128)sim_rng_u64(r) * n;
    if ((uint64_t)m < n) {
        uint64_t uneven = -n % n; /* 2^64 mod n values would fall on some results once too often */
        while ((uint64_t)m < uneven)
            m = (u128)sim_rng_u64(r) * n;
    }
    return (uint64_t)(m >> 64);
}

double sim_rng_unit(struct sim_rng *r)
{
    return (double)(sim_rng_u64(r) >> 11) * 0x1p-53;
}

/* Compares an infinite binary fraction with p, 64 digits at a time; one step nearly always. */
bool sim_rng_chance(struct sim_rng *r, double p)
{
    ASSERT(p >= 0.0 && p <= 1.0);
    for (;;) {
        uint64_t u = sim_rng_u64(r);
        if (p >= 1.0)
            return true;
        double scaled = ldexp(p, 64);
        uint64_t digits = (uint64_t)scaled;
        if (u != digits)
            return u < digits;
        p = scaled - (double)digits; /* exact: the low digits of a 53-bit number */
        if (p <= 0.0)
            return false;
    }
}

/* Von Neumann: u0 begins a run u0 > u1 > ... that ends at the first rise.  A run of odd length has
 * probability exp(-u0); each run of even length adds a whole mean. */
sim_time sim_rng_exponential(struct sim_rng *r, sim_time mean)
{
    ASSERT(mean >= 0);
    for (int64_t whole = 0;; whole++) {
        uint64_t first = sim_rng_u64(r), last = first, next;
        bool odd = true;
        while ((next = sim_rng_u64(r)) < last) {
            last = next;
            odd = !odd;
        }
        if (!odd)
            continue;
        u128 part = ((u128)first * (uint64_t)mean + (1ULL << 63)) >> 64;
        return sim_time_add(sim_time_mul(mean, whole), (sim_time)part);
    }
}

#define LN2 0.6931471805599453

/* e^y by its series around the nearest multiple of ln 2, in basic operations: the same on every
 * machine, and good to some 1e-15. */
static double portable_exp(double y)
{
    int n = (int)(y / LN2 + (y < 0 ? -0.5 : 0.5));
    double f = y - n * LN2, sum = 1, term = 1;
    for (int k = 1; k <= 18; k++) {
        term = term * f / k;
        sum += term;
    }
    return ldexp(sum, n);
}

/* ln x the same way: ln(m 2^n) with m in [1/2, 1), by the series of the area tangent. */
static double portable_log(double x)
{
    int n;
    double m = frexp(x, &n), t = (m - 1) / (m + 1), power = t, sum = 0;
    for (int k = 1; k <= 41; k += 2) {
        sum += power / k;
        power *= t * t;
    }
    return 2 * sum + n * LN2;
}

/* U^(-1/tail) is e^(E/tail) with E exponential. */
sim_time sim_rng_pareto(struct sim_rng *r, sim_time least, double tail, double most)
{
    ASSERT(least >= 0 && tail > 0 && most >= 1);
    double e = ldexp((double)sim_rng_exponential(r, INT64_C(1) << 40), -40) / tail;
    double x = e < 700 ? portable_exp(e) : most;
    double t = (double)least * (x < most ? x : most);
    return t < 0x1p62 ? (sim_time)(t + 0.5) : SIM_NEVER;
}

/* The integral of x^-tail from 1 to `most`, and 1. */
double sim_rng_pareto_mean(double tail, double most)
{
    double rest = portable_exp((1 - tail) * portable_log(most));
    return 1 + (1 - rest) / (tail - 1);
}

/* The binary digits of a geometric number are independent: with q = 1 - p, digit i is 1 with
 * probability q^(2^i) / (1 + q^(2^i)).  While q is near 1 its complement is carried, since
 * 1 - (1-p)^2 = p (2 - p) loses no digits. */
uint64_t sim_rng_geometric(struct sim_rng *r, double p)
{
    ASSERT(p > 0.0 && p <= 1.0);
    uint64_t k = 0;
    double q = 0.0;
    bool near_one = true;
    for (int i = 0; i < 63; i++) {
        if (near_one && p >= 0.5) {
            near_one = false;
            q = 1.0 - p;
        }
        if (!near_one && q < 0x1p-128)
            break;
        double one = near_one ? (1.0 - p) / (2.0 - p) : q / (1.0 + q);
        if (sim_rng_chance(r, one))
            k |= 1ULL << i;
        if (near_one)
            p = p * (2.0 - p);
        else
            q = q * q;
    }
    return k;
}
