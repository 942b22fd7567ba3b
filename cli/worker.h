/* worker.h: one worker process: runs one point and sends its result back. */
#ifndef CLI_WORKER_H
#define CLI_WORKER_H

#include <signal.h>
#include <sys/types.h>

#include "cli/point.h"

/* What a worker shows of itself while it runs; in memory shared with the parent. */
struct worker_progress {
    volatile sim_time now;
    volatile uint64_t events;
};

struct worker {
    pid_t pid; /* 0: the slot is free */
    int result_fd, error_fd;
    size_t point;
    struct wire result; /* bytes so far */
    char tail[4096];    /* the last of what it wrote to standard error */
    size_t tail_length;
    double started;     /* host seconds */
    const char *killed; /* why this process ended it; NULL: it did not */
    struct worker_progress *progress;
};

double worker_clock(void); /* host seconds, monotonic */

/* Forks a worker.  `mask` is the signal mask that it runs with; progress may be NULL.  False with a
 * sentence. */
bool worker_start(struct worker *w, const struct config *c, size_t point,
                  const struct point_options *o, const sigset_t *mask, struct err *e) MUST_CHECK;

/* Reads what there is on `fd` (one of the worker's two); closes it at its end (it is -1 then). */
void worker_read(struct worker *w, int *fd);

/* Both pipes are at their end: waits for the process and decodes its result, or says how it died.
 * The slot is free then. */
void worker_collect(struct worker *w, struct point_result *out);

/* Ends a worker by force; `why` is static text. */
void worker_kill(struct worker *w, const char *why);
/* Resident set in bytes, 0 when it is gone. */
uint64_t worker_memory(const struct worker *w);

#endif
