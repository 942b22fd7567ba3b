/* trace.h: what happened when, as a Chrome trace (JSON) that Perfetto opens.
 *
 * Off unless opened; then each call writes one record.  Tracks are (process, thread) = (node or
 * device group, name).  Spans are asynchronous ("b"/"e" with an id), because they overlap; the busy
 * intervals of a resource do not and are complete events ("X"); counters are "C".
 * A ".zst" file name compresses.  A trace changes no event and no digest.
 */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include "sim/sim.h"

struct sim_trace_nodes {
    int64_t from, to; /* both inside; -1: what belongs to no node */
};

struct sim_trace_options {
    sim_time from, to;      /* records outside are left out; to 0: no end */
    const char *categories; /* "mesh,disk,cpu,os" or NULL: all */
    uint64_t max_records;   /* 0: 10 million; past it the trace says that it is cut */
};

/* Records from now on, to a file that has its name once sim_trace_close is through.  `o` is copied;
 * NULL: everything.  False with a sentence when the file cannot be made: nothing is recorded then.
 * Opening twice is a bug. */
bool sim_trace_open(struct sim *s, const char *path, const struct sim_trace_options *o,
                    struct err *e);
/* From now on only these nodes are recorded; the list stays the caller's.  0: all. */
void sim_trace_only(struct sim *s, const struct sim_trace_nodes *nodes, size_t count);
bool sim_trace_close(struct sim *s, struct err *e); /* false with a sentence when writing failed */

/* Cheap test to guard the making of names. */
bool sim_trace_on(const struct sim *s, const char *category);

/* A span begins / ends at `at` (ps); names are copied.  An end belongs to the begin of the same
 * category, node, track, name and id, and is left out with it; what never ends is closed with the
 * trace. */
void sim_trace_begin(struct sim *s, const char *category, int64_t node, const char *track,
                     const char *name, uint64_t id, sim_time at);
void sim_trace_end(struct sim *s, const char *category, int64_t node, const char *track,
                   const char *name, uint64_t id, sim_time at);
/* A span whose both ends are known, on a track where spans do not overlap: a resource at work. */
void sim_trace_interval(struct sim *s, const char *category, int64_t node, const char *track,
                        const char *name, sim_time from, sim_time to);
void sim_trace_counter(struct sim *s, const char *category, int64_t node, const char *name,
                       double value, sim_time at);
void sim_trace_instant(struct sim *s, const char *category, int64_t node, const char *track,
                       const char *name, sim_time at);

#endif
