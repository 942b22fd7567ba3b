/* measure.h: the named measures of a run and what is written of them.
 *
 * A measure is declared once (name, unit, what it is) and observed often.  At the end of a run
 * every measure becomes scalars: count, mean with a confidence interval (batch means after MSER-5
 * warm-up removal when it is a series of random observations; none when it is labelled
 * deterministic), deviation, min, max, p50, p90, p95, p99, and its histogram when asked.  A scalar
 * may also be set outright.
 */
#ifndef SIM_MEASURE_H
#define SIM_MEASURE_H

#include "sim/sim.h"
#include "sim/stat.h"

enum sim_measure_flags {
    SIM_MEASURE_HISTOGRAM = 1,      /* keep the histogram in the results */
    SIM_MEASURE_DETERMINISTIC = 2,  /* nothing random feeds it: no interval is claimed */
    SIM_MEASURE_DEFAULT_COLUMN = 4, /* shown in the table that `psim run` prints */
    SIM_MEASURE_COUNTER = 8,        /* of sim/counts.h */
    SIM_MEASURE_CHOSEN = 16,        /* in stored results: what a plot draws that is told nothing */
    SIM_MEASURE_WHY = 0xf00 /* enum sim_why: why there is no value, or what is wrong with it */
};

/* Why a value is absent, or how its point is to be marked. */
enum sim_why {
    SIM_WHY_GOOD,
    SIM_WHY_NO_WINDOW,
    SIM_WHY_NOTHING,
    SIM_WHY_SATURATED,
    SIM_WHY_DRIFTS
};
/* As bits of the flags, in SIM_MEASURE_WHY. */
static inline unsigned sim_why_flag(enum sim_why w)
{
    return (unsigned)w << 8;
}
/* What the flags say; SIM_WHY_GOOD when nothing. */
static inline enum sim_why sim_why_of(unsigned flags)
{
    return (enum sim_why)((flags & SIM_MEASURE_WHY) >> 8);
}
const char *sim_why_text(enum sim_why w); /* "no window", at most 12 characters */

struct sim_measure;

/* The measure of this name, made when new.  unit: "s", "B", "B/s", "1", "packets/s", ...; doc: one
 * sentence.  Declaring it again with another unit is a bug. */
struct sim_measure *sim_measure_declare(struct sim *s, const char *name, const char *unit,
                                        const char *doc, unsigned flags);
struct sim_measure *sim_measure_find(struct sim *s, const char *name); /* or NULL */
void sim_measure_add(struct sim_measure *m, double x);
/* Drops what was observed so far (the window opens). */
void sim_measure_reset(struct sim_measure *m);
uint64_t sim_measure_count(const struct sim_measure *m);
double sim_measure_mean(const struct sim_measure *m);

/* One number of the run, set outright (replaces an earlier one of that name). */
void sim_scalar(struct sim *s, const char *name, const char *unit, double value, unsigned flags);
/* One number with a half width of its own at 95 % (NAN: none). */
void sim_scalar_interval(struct sim *s, const char *name, const char *unit, double value,
                         double half_width, unsigned flags);
/* A value that cannot be had; the reason stands in its place wherever it is shown. */
void sim_absent(struct sim *s, const char *name, const char *unit, enum sim_why why,
                unsigned flags);
/* A remark that belongs to the result, e.g. "not steady". */
void sim_remark(struct sim *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* One sample of a time series. */
void sim_series(struct sim *s, const char *name, const char *unit, sim_time at, double value);

/* Walks the results in order of declaration, counters (sim/counts.h) last, for the writer. */
struct sim_result_sink {
    void *arg;
    void (*scalar)(void *arg, const char *name, const char *unit, double value, double half_width,
                   unsigned flags);
    void (*bin)(void *arg, const char *name, double lo, double hi, uint64_t n);
    void (*sample)(void *arg, const char *name, const char *unit, sim_time at, double value);
    void (*remark)(void *arg, const char *text);
};
/* At the end of the run: counters stop here.  Texts live until the sink's function returns. */
void sim_measures_write(struct sim *s, const struct sim_result_sink *sink);
/* The remarks that were made since. */
void sim_remarks_write(struct sim *s, const struct sim_result_sink *sink);

#endif
