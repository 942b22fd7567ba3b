/* users.h: what the users of an archive ask of it, drawn with the published statistics of such.
 *
 * Of each user by himself: writes come at exponential intervals; reads likewise, but in working
 * hours (Monday to Friday from 8 to 20, the start being Monday at 0) `busy` times as many.  A read
 * is a repeat of one of the user's requests of the last `within`, or of a file that the archive has
 * from the start, one of those that are ever read.  A file is of `smallest` bytes times two to the
 * power of 0 .. octaves - 1, each as likely, and up to twice that, so that it has a median and
 * a mean far apart.  Its size follows from its number, and whether it is ever read.
 */
#ifndef WORKLOADS_TAPE_USERS_H
#define WORKLOADS_TAPE_USERS_H

#include "os/port.h"
#include "workloads/tape/trace.h"

struct users_params {
    int64_t files; /* that the archive has from the start */
    sim_time gap, within;
    int64_t reads, repeats, never, busy, smallest, octaves;
};

enum { USER_RECENT = 4096 };
struct user {
    struct port *port; /* whose random numbers are drawn */
    const struct users_params *p;
    uint64_t most; /* bytes of a file */
    uint32_t rank, ranks;
    uint64_t asked, written;
    sim_time next_read, next_write;
    struct tape_op recent[USER_RECENT]; /* a ring: what cannot be remembered is not repeated */
};

/* User `rank` of `ranks`, none of whose files is of more than `most` bytes; p stays. */
void user_begin(struct user *u, struct port *port, const struct users_params *p, uint64_t most,
                uint32_t rank, uint32_t ranks);
/* His next request, by time. */
struct tape_op user_next(struct user *u);
/* A number that hangs on n alone: of files. */
uint64_t user_hash(uint64_t n);

#endif
