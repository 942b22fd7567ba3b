/* fair.h: how evenly shares are spread. */
#ifndef SIM_BASE_FAIR_H
#define SIM_BASE_FAIR_H

#include <math.h>
#include <stddef.h>

/* Jain's index: (sum x)^2 / (n sum x^2), 1 when all are equal, 1 / n when one has everything [Jain,
 * Chiu and Hawe 1984]; NAN when there is nothing to share. */
static inline double fair_index(const double *shares, size_t n)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += shares[i];
        squares += shares[i] * shares[i];
    }
    return squares > 0 ? sum * sum / ((double)n * squares) : (double)NAN;
}

#endif
