/* io_user.h: what each rank of a shadow test does: random requests, judged as they end.
 *
 * Ranks take turns of requests of their own, and between them phases that all make together: a
 * mode with a shared pointer, or a collective method.  Whatever the file system can do is done.
 */
#ifndef TESTS_OS_IO_USER_H
#define TESTS_OS_IO_USER_H

#include "tests/os/io_world.h"
#include "tests/os/shadow.h"

enum { FILES = IO_RANKS, FLIGHT = 2, RUNS = 4, PHASES = 7, TURNS = 25, EACH = 3 };
enum { CRASH = 1, DEVICE = 2, LOSS = 4 };
#define CALM (20 * SIM_SEC)   /* after a fault: then everything works again */
#define BOUND (900 * SIM_SEC) /* of any call, where it is ordered */

struct slot {
    char name[40];
    struct shadow *s;
    uint32_t gen, busy;
    bool locked, there, unsure;
    int mode; /* with offsets */
};

struct stage {
    struct io_world w;
    struct slot slot[FILES];
    uint64_t seed;
    unsigned faults;
    bool ordered; /* time passes as it does in a machine */
    const char *label;
    uint32_t arrived, round, names;
    sim_time met; /* all have come to the last barrier */
    /* a phase with a shared pointer */
    struct shadow_op *op[IO_RANKS][EACH];
    uint64_t off[IO_RANKS][EACH];
    enum pio_status status[IO_RANKS];
    bool bad;
    bool closed, gave_up; /* the open of some, for one that gave up; of that one */
    /* faults */
    uint64_t draws, steps, next;
    uint32_t down, sick;   /* node; UINT32_MAX: none */
    sim_time until, clear; /* of the fault; when all is well again */
    bool calm, all_die, sick_reads, sick_writes;
    uint64_t reads, writes, failed, crashes, judged;
};
extern struct stage io_stage;

/* The program of a rank. */
void io_user(struct io_world *w, struct os_node *n, uint32_t rank);
uint32_t io_draw(uint64_t *state, uint32_t n);

#endif
