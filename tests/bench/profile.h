/* profile.h: where the host's time goes, by folder: samples of the program counter. */
#ifndef TESTS_BENCH_PROFILE_H
#define TESTS_BENCH_PROFILE_H

/* Samples this process while it runs, every millisecond of CPU time. */
void profile_start(void);
/* Prints the share of each folder of the source, and of each library, above 2 %, one line each.
 * `of` names what ran. */
void profile_print(const char *of);

#endif
