/* campaign.h: runs the points of a configuration in worker processes (worker.h), at most `jobs` at
 * a time, single points included.
 *
 *   CAMP1  This process is the only writer of the results file; a point is written when it is done.
 *   CAMP2  A worker that crashes, hangs or eats memory costs its own point, and that point is
 *       recorded with its parameters and seed.
 *   CAMP3  When this process dies, its workers die.
 *   CAMP4  Results do not depend on `jobs` or on the order in which workers end.
 */
#ifndef CLI_CAMPAIGN_H
#define CLI_CAMPAIGN_H

#include "cli/config.h"
#include "cli/point.h"

struct campaign_options {
    size_t jobs;         /* at least 1 */
    const char *output;  /* results file; NULL: nothing is stored */
    bool resume;         /* points that the file holds as finished are not run again */
    const char *command; /* what was typed, for the record; may be NULL */
    bool quiet;          /* no progress line, whatever standard error is */
    bool verbose;        /* a line on standard error for each point once it is stored */
    struct point_options point;
};

struct campaign {
    struct point_result *results; /* one for each point of the configuration, in its order */
    size_t count;
    size_t run, resumed; /* points that ran now, that were taken from the file */
    size_t status[POINT_STATUS_COUNT];
    bool interrupted; /* SIGINT or SIGTERM: what was finished is kept */
};

/* Runs everything; a bisection fills cases of the configuration on the way.  False with a sentence
 * when it could not start or could not store a result (the results so far are filled in and
 * stored). */
bool campaign_run(struct config *c, const struct campaign_options *o, struct campaign *out,
                  struct err *e) MUST_CHECK;
void campaign_fini(struct campaign *c);

/* 0, 1 or 3 as enum cli_exit has it, from what became of the points alone. */
int campaign_exit(const struct campaign *c);

#endif
