/* counts.h: what the parts of a run count, brought into its results.
 *
 * A part (a task, an interface, a device) says once where its counters are (sim/base/counter.h).
 * At the end the run has one scalar "owner.name" for each counter of each owner, over all parts of
 * that owner, and on request (sim_options.per_node) "owner.name@node" for each node where it is not
 * zero.
 *
 *   CNT1  Read when the window opens, when it closes (the end of the run closes one that is open)
 *       and when a part ends: what an ended part had counted inside the window stays in.  What
 *       comes after the close does not.
 *   CNT2  COUNTER_SUM: the rise inside the window; a part that began inside it counts from zero.
 *   CNT3  COUNTER_MOST: the largest value at the close, or when its part ended; a mark that was
 *       reached before the window opened counts.
 *   CNT4  COUNTER_NOW: the value at the close, of the parts that live then.
 *   CNT5  COUNTER_LEFT: the value when a part ended inside the window; of those that live none.
 */
#ifndef SIM_COUNTS_H
#define SIM_COUNTS_H

#include "sim/base/counter.h"
#include "sim/base/list.h"
#include "sim/measure.h"

/* A part that counts; embed it.  A zeroed one is none. */
struct sim_counted {
    struct list link; /* group->parts */
    struct sim_count_group *group;
    const void *base;
    uint64_t *start; /* values when the window opened; NULL: zeroes */
    int32_t node;    /* or -1 */
};

/* `owner` is copied; `base` lives until sim_count_end.  NULL descriptors: nothing to count. */
void sim_count(struct sim_counted *c, struct sim *s, const char *owner, int32_t node,
               const struct counter *d, const void *base);
/* Reads it for the last time.  Harmless on a zeroed one. */
void sim_count_end(struct sim_counted *c);

/* What these two (the second may be NULL) of one array would be written as now, over all owners;
 * false: nobody counts so. */
bool sim_count_sum(struct sim *s, const struct counter *of, const char *const names[2],
                   double *value);
/* Writes all of them, in the order in which their owners came. */
void sim_counts_write(struct sim *s, const struct sim_result_sink *sink);

#endif
