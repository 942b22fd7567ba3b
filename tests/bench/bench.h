/* bench.h: how a benchmark measures and prints.
 *
 * Every figure is measured in a child process of its own, because a process can hold one SimGrid
 * engine, and so that no figure inherits another's memory.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Runs fn in a child and returns what it returned; exits with a sentence when the child failed. */
double bench_measure(double (*fn)(uint64_t a, uint64_t b), uint64_t a, uint64_t b);
/* The middle of three. */
double bench_median(double (*fn)(uint64_t a, uint64_t b), uint64_t a, uint64_t b);
double bench_seconds(void); /* CPU time of this process */
uint64_t bench_random(uint64_t *state);

/* One line: name, value, unit, peer, ratio (ours to the peer's; 0: none). */
void bench_print(const char *name, double value, const char *unit, const char *peer, double ratio);

/* SimGrid by itself (peer_simgrid.cpp): operations a second. */
double peer_timers(uint64_t pending, uint64_t operations);
double peer_sleeps(uint64_t threads, uint64_t operations);

#ifdef __cplusplus
}
#endif

#endif
