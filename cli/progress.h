/* progress.h: one line on a terminal that says how far a campaign is; nothing in a pipe. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "cli/point.h"

struct progress {
    bool on;
    size_t total, finished;
    double began;
    double worker_seconds; /* of finished points */
    uint64_t last_events;  /* for the rate */
    double last_time, rate;
    uint64_t done_events;
};

/* `total` points are to be run, from now on.  Off when `quiet`, or when standard error is no
 * terminal: nothing is written then. */
void progress_begin(struct progress *p, size_t total, bool quiet);
/* A point has run. */
void progress_add(struct progress *p, const struct point_result *r);
/* `now` and `events`: of the points that run now (the furthest; the sum). */
void progress_show(struct progress *p, size_t done, size_t running, sim_time now, uint64_t events);
void progress_end(struct progress *p); /* wipes the line */

#endif
