/* bench.c: measuring in child processes and printing.  See bench.h. */
#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

double bench_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

uint64_t bench_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

double bench_measure(double (*fn)(uint64_t a, uint64_t b), uint64_t a, uint64_t b)
{
    int ends[2];
    fflush(stdout);
    pid_t child = pipe(ends) == 0 ? fork() : -1;
    if (child == 0) {
        double value = fn(a, b);
        _exit(write(ends[1], &value, sizeof(value)) == (ssize_t)sizeof(value) ? 0 : 1);
    }
    double value = 0;
    int status = 1;
    if (child > 0)
        close(ends[1]); /* or a child that dies would be waited for without end */
    if (child < 0 || read(ends[0], &value, sizeof(value)) != (ssize_t)sizeof(value) ||
        waitpid(child, &status, 0) != child || status != 0) {
        fprintf(stderr, "bench: a measurement failed\n");
        exit(1);
    }
    close(ends[0]);
    return value;
}

double bench_median(double (*fn)(uint64_t a, uint64_t b), uint64_t a, uint64_t b)
{
    double x = bench_measure(fn, a, b), y = bench_measure(fn, a, b), z = bench_measure(fn, a, b);
    double lo = x < y ? x : y, hi = x < y ? y : x;
    return z < lo ? lo : z > hi ? hi : z;
}

void bench_print(const char *name, double value, const char *unit, const char *peer, double ratio)
{
    printf("%s\t%.4g\t%s\t%s\t%.3g\n", name, value, unit, peer, ratio);
    fflush(stdout);
}
