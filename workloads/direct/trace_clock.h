/* trace_clock.h: the times of a trace: in which unit, from which origin, in which order. */
#ifndef WORKLOADS_DIRECT_TRACE_CLOCK_H
#define WORKLOADS_DIRECT_TRACE_CLOCK_H

#include "sim/base/param.h"
#include "sim/server.h"

enum trace_origin { TRACE_FROM_ZERO, TRACE_FROM_FIRST };

/* The params struct of a reader has these members. */
#define TRACE_CLOCK_MEMBERS                                                                        \
    int time_unit, origin;                                                                         \
    bool sort

#define TRACE_CLOCK_PARAMS(s, unit_, sort_)                                                        \
    P_CHOICE(s, time_unit, unit_, trace_units,                                                     \
             "Unit of the times; own: each time has its own, like \"1.5ms\".", "the trace's own"), \
        P_CHOICE(s, origin, "zero", trace_origins,                                                 \
                 "zero: times count from the start of the run; first: the earliest is the start, " \
                 "as for clocks that count from 1970 or from boot.",                               \
                 "the trace's own"),                                                               \
        P_BOOL(s, sort, sort_,                                                                     \
               "Lines that come late are put in their place; else one is a mistake.",              \
               "the trace's own")

extern const char *const trace_units[], *const trace_origins[];

/* A time as it stands in a trace may be of any size: picoseconds. */
__extension__ typedef unsigned __int128 trace_time;

/* Reads the text of a time; what is finer than a picosecond is cut.  False with a sentence. */
bool trace_time_parse(const char *text, int unit, trace_time *out, struct err *e);

/* The times of a trace while it is read, in the order of its lines. */
struct trace_times {
    struct trace_stamp {
        trace_time raw;
        size_t line;
    } * stamps;
    size_t count;
};
/* Appends the time of the trace's line `line`, which sentences name. */
void trace_times_add(struct trace_times *t, trace_time raw, size_t line);
void trace_times_fini(struct trace_times *t); /* frees them; empty afterwards */
/* Counts all from the origin.  False with a sentence ("NAME:LINE: ...") for one that no run
 * reaches, and for one that comes late unless `any_order`. */
bool trace_times_fit(struct trace_times *t, int origin, bool any_order, const char *name,
                     struct err *e) MUST_CHECK;
static inline sim_time trace_times_at(const struct trace_times *t, size_t i)
{
    return (sim_time)t->stamps[i].raw;
}

/* After a run: says so when even the busiest resource of the kind was idle for more than 99.9 % of
 * the time, which is what a wrong unit or origin looks like. */
void trace_idle_remark(struct sim *s, enum sim_kind kind, const char *what);

#endif
