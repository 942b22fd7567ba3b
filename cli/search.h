/* search.h: the bisections of a campaign: which value each tries next, and what it found.
 *
 * One search for each combination of the other swept values.  It decides when all replications of
 * its last value have their results, on their means alone: so the values tried and the answer do
 * not depend on -j, on the order in which points end, or on which of them were taken from a file.
 */
#ifndef CLI_SEARCH_H
#define CLI_SEARCH_H

#include "cli/campaign.h"

struct search;
struct search *search_create(const struct config *c); /* c->bisect is there */
void search_destroy(struct search *x);                /* NULL is fine */

enum search_step {
    SEARCH_WAITS,  /* nothing to do now */
    SEARCH_PROBES, /* *case_idx has been filled: its points must run */
    SEARCH_ENDED   /* the result of *case_idx, the answer, has been filled; the rest stays empty */
};

/* A point has its result in r; `have` says which others do. */
enum search_step search_told(struct search *x, struct config *c, struct campaign *r,
                             const bool *have, size_t point, size_t *case_idx);

#endif
