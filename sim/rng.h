/* rng.h: named random streams from one master seed.
 *
 * A stream is Philox4x32-10 [Salmon et al. 2011] keyed by the hash of (master seed, replication,
 * name): adding a stream shifts no other.  Draws that shape events use the samplers here, made of
 * integer and exactly rounded operations only, so that every machine draws the same; GSL's
 * distributions (sim/rng_gsl.h) are for everything that does not feed back into event times.
 */
#ifndef SIM_RNG_H
#define SIM_RNG_H

#include "sim/sim.h"

struct sim_rng {
    uint32_t key[2];
    uint64_t counter;
    uint32_t block[4];
    uint32_t left; /* words not yet used of block */
};

/* A stream in caller storage: "mesh/source/17". */
void sim_rng_init(struct sim_rng *r, const struct sim *s, const char *name);
void sim_rng_init_indexed(struct sim_rng *r, const struct sim *s, const char *name, uint64_t index);
void sim_rng_init_seed(struct sim_rng *r, uint64_t seed, const char *name);

uint32_t sim_rng_u32(struct sim_rng *r);               /* uniform in [0, 2^32) */
uint64_t sim_rng_u64(struct sim_rng *r);               /* two of them, the low half first */
uint64_t sim_rng_below(struct sim_rng *r, uint64_t n); /* uniform in [0, n), unbiased; n > 0 */
double sim_rng_unit(struct sim_rng *r);                /* [0, 1), a multiple of 2^-53 */
bool sim_rng_chance(struct sim_rng *r, double p);      /* exact for p in [0, 1] as a double */
/* Exponential with this mean, in ps (von Neumann's comparison method: no logarithm). */
sim_time sim_rng_exponential(struct sim_rng *r, sim_time mean);
/* Pareto: P(X > x least) = x^-tail from 1 on, cut at `most` times the least; tail > 0, not 1.  And
 * its mean over the least.  Made of exactly rounded operations alone, like the others. */
sim_time sim_rng_pareto(struct sim_rng *r, sim_time least, double tail, double most);
double sim_rng_pareto_mean(double tail, double most);
/* Failures before the first success with probability p (0 < p <= 1), without a logarithm. */
uint64_t sim_rng_geometric(struct sim_rng *r, double p);

#endif
