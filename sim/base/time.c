/* time.c: the conversions of simulated time that need more than a line. */
#include "sim/base/time.h"

#include "sim/base/base.h"

__extension__ typedef unsigned __int128 wide;

sim_time sim_time_of_bytes(int64_t bytes, int64_t rate)
{
    ASSERT(bytes >= 0 && rate > 0);
    uint64_t product;
    if (!__builtin_mul_overflow((uint64_t)bytes, (uint64_t)SIM_SEC, &product)) {
        uint64_t up = product / (uint64_t)rate + (product % (uint64_t)rate != 0);
        return up > (uint64_t)SIM_NEVER ? SIM_NEVER : (sim_time)up;
    }
    wide ps = (wide)(uint64_t)bytes * (wide)SIM_SEC;
    wide up = (ps + (uint64_t)rate - 1) / (uint64_t)rate;
    return up > (wide)SIM_NEVER ? SIM_NEVER : (sim_time)up;
}

double sim_time_seconds(sim_time t)
{
    return (double)t / (double)SIM_SEC;
}

sim_time sim_time_from_seconds(double s)
{
    return sim_time_scale(SIM_SEC, s);
}

sim_time sim_time_scale(sim_time t, double factor)
{
    ASSERT(t >= 0 && factor >= 0);
    double ps = (double)t * factor + 0.5;
    return ps >= (double)SIM_NEVER ? SIM_NEVER : (sim_time)ps;
}
