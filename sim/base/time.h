/* time.h: simulated time.
 *
 * Integer picoseconds in a signed 64-bit number: 0 .. 106 days.  Sums and products saturate to
 * SIM_NEVER; the engine refuses by name a run that asks for more.
 */
#ifndef SIM_BASE_TIME_H
#define SIM_BASE_TIME_H

#include <stdint.h>

typedef int64_t sim_time; /* picoseconds since the start of the run, or a length of time */

#define SIM_NEVER INT64_MAX
#define SIM_PS ((sim_time)1)
#define SIM_NS ((sim_time)1000)
#define SIM_US ((sim_time)1000000)
#define SIM_MS ((sim_time)1000000000)
#define SIM_SEC ((sim_time)1000000000000)

/* a + b, both >= 0, saturating to SIM_NEVER. */
static inline sim_time sim_time_add(sim_time a, sim_time b)
{
    sim_time r;
    return __builtin_add_overflow(a, b, &r) ? SIM_NEVER : r;
}

/* a * n, a >= 0, n >= 0, saturating to SIM_NEVER. */
static inline sim_time sim_time_mul(sim_time a, int64_t n)
{
    sim_time r;
    return __builtin_mul_overflow(a, n, &r) ? SIM_NEVER : r;
}

/* The later of two. */
static inline sim_time sim_time_max(sim_time a, sim_time b)
{
    return a > b ? a : b;
}

/* The earlier of two. */
static inline sim_time sim_time_min(sim_time a, sim_time b)
{
    return a < b ? a : b;
}

/* The time that `bytes` take at `rate` bytes a second, rounded up to a picosecond once, at the end.
 * rate > 0.  Exact (128-bit product). */
sim_time sim_time_of_bytes(int64_t bytes, int64_t rate);

/* For reports only, never for a decision: seconds as a double, and the nearest picosecond of a
 * number of seconds (saturating; s >= 0). */
double sim_time_seconds(sim_time t);
sim_time sim_time_from_seconds(double s);
/* The nearest picosecond of t times a factor, both at least 0, saturating. */
sim_time sim_time_scale(sim_time t, double factor);

#endif
