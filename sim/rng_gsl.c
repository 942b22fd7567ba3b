/* rng_gsl.c: the Philox stream behind GSL's generator interface. */
#include "sim/rng_gsl.h"

#include <string.h>

static void type_set(void *state, unsigned long seed)
{
    sim_rng_init_seed(state, seed, "gsl");
}

static unsigned long type_get(void *state)
{
    return sim_rng_u32(state);
}

static double type_get_double(void *state)
{
    return sim_rng_unit(state);
}

static const gsl_rng_type type = {
    .name = "philox4x32",
    .max = UINT32_MAX,
    .min = 0,
    .size = sizeof(struct sim_rng),
    .set = type_set,
    .get = type_get,
    .get_double = type_get_double,
};

const gsl_rng_type *const sim_rng_philox = &type;

void sim_rng_gsl_set(gsl_rng *g, const struct sim_rng *r)
{
    ASSERT(g->type == sim_rng_philox);
    memcpy(g->state, r, sizeof *r);
}
