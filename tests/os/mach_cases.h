/* mach_cases.h: small cases of Mach's IPC between three nodes, over any net, in all orders of what
 * happens: rights that are sent, move, are passed on and die at once.  The eye of mach_eye.h looks
 * after each step.
 */
#ifndef TESTS_OS_MACH_CASES_H
#define TESTS_OS_MACH_CASES_H

#include "tests/os/mach_eye.h"

/* Tries sample(variable, usual) orders of each case, or all there are.  `fewer`: where not all were
 * tried, fewer than that differ; 0: however many.  With the variable set it tells of each. */
void mach_cases(const struct eye_net *net, const char *variable, uint64_t usual, uint64_t fewer);

#endif
