/* sample.h: how many of the runs that a test could make it makes.
 *
 * A soak asks for more by the variable of the test (SVM_DEATHS=1000); scripts/check-asan --quick,
 * where each run costs ten times as much, for one in PSIM_SAMPLE of the usual.
 */
#ifndef TESTS_SAMPLE_H
#define TESTS_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* One in so many; 1: all of the usual. */
static inline uint64_t sample_one_in(void)
{
    const char *text = getenv("PSIM_SAMPLE");
    uint64_t n = text ? strtoull(text, NULL, 10) : 1;
    return n ? n : 1;
}

/* Whether the usual runs came to more of something than so many; of a part of them it is not asked,
 * which may be one run that is no such. */
static inline bool sample_saw(uint64_t count, uint64_t than)
{
    return sample_one_in() > 1 || count > than;
}

/* `variable` NULL: no soak asks for more. */
static inline uint64_t sample(const char *variable, uint64_t usual)
{
    const char *text = variable ? getenv(variable) : NULL;
    uint64_t n = text ? strtoull(text, NULL, 10) : usual / sample_one_in();
    return n ? n : 1;
}

#endif
