/* frames.h: the load of bench_csma and of its peer: stations that send frames of equal length to
 * one another, Poisson, destinations drawn evenly from the others. */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include <math.h>

#include "tests/bench/bench.h"

enum frames_net { FRAMES_CABLE, FRAMES_HALF, FRAMES_FULL };

enum {
    FRAMES_TOTAL = 60000,             /* of all stations */
    FRAMES_BYTES = 1518,              /* addresses, type and check sequence included */
    FRAMES_BITS = 1518 * 8 + 64 + 96, /* preamble and gap, too */
    FRAMES_BIT_NS = 100,
};

/* Time from a station's frame to its next, in whole ns, from a state of its own: `percent` is the
 * offered load of the cable, or of what a station sends on its own link. */
static inline uint64_t frames_gap(uint64_t *state, enum frames_net net, uint32_t stations,
                                  uint32_t percent)
{
    double mean = (double)FRAMES_BITS * FRAMES_BIT_NS * 100 / percent;
    if (net == FRAMES_CABLE)
        mean *= stations;
    return (uint64_t)(-mean * log(((double)(bench_random(state) >> 11) + 0.5) * 0x1p-53));
}

static inline uint32_t frames_to(uint64_t *state, uint32_t from, uint32_t stations)
{
    return (from + 1 + (uint32_t)(bench_random(state) % (stations - 1))) % stations;
}

#endif
