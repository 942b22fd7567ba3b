/* rng_gsl.h: our Philox streams as a GSL generator type, for GSL's distributions and tests.
 *
 * Included only by files that need GSL's distributions; draws that shape events use sim/rng.h.
 */
#ifndef SIM_RNG_GSL_H
#define SIM_RNG_GSL_H

#include <gsl/gsl_rng.h>

#include "sim/rng.h"

extern const gsl_rng_type *const sim_rng_philox; /* "philox4x32": for gsl_rng_alloc, gsl_rng_set */

/* Makes a GSL generator continue from this stream (copied). */
void sim_rng_gsl_set(gsl_rng *g, const struct sim_rng *r);

#endif
