/* worker.h: a worker process: runs a point and sends its result back.
 *
 * After a point that ended as it should, soon and in little memory, the process goes on to another
 * when it is given one, since to fork costs more than such a point; what the point used has been
 * given back by then, and the engine under its threads is warm.  After any other it ends: what ends
 * badly costs its own point alone. */
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
    bool idle; /* it waits for another point */
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

/* Gives an idle worker its next point; false: it is gone, and the slot is free. */
bool worker_next(struct worker *w, size_t point) MUST_CHECK;
/* Ends an idle worker.  The slot is free then. */
void worker_dismiss(struct worker *w);

/* Reads what there is on `fd` (one of the worker's two); closes it at its end (it is -1 then).
 * True: there was something. */
bool worker_read(struct worker *w, int *fd);

/* True when the point has ended: *out is its result, or says how the process died, and the worker
 * is idle or the slot free. */
bool worker_collect(struct worker *w, struct point_result *out) MUST_CHECK;

/* Ends a worker by force; `why` is static text. */
void worker_kill(struct worker *w, const char *why);
/* Resident set in bytes, 0 when it is gone. */
uint64_t worker_memory(const struct worker *w);

#endif
