/* seek.h: how long an arm takes from cylinder to cylinder.
 *
 * Two forms: the two-part law of Ruemmler & Wilkes 1994 (a root for short distances, a line for
 * long ones), with the first few distances tabulated when they were measured; or a table of
 * (distance, time), between whose points time is interpolated on a straight line.  The times are
 * computed once, in picoseconds.  A write settles for longer: a constant is added.
 */
#ifndef DISKS_SEEK_H
#define DISKS_SEEK_H

#include "sim/base/err.h"
#include "sim/base/param.h"
#include "sim/base/time.h"

struct seek_params {
    sim_time short_base, short_root; /* short_base + short_root * sqrt(d) */
    int64_t short_limit;             /* for d < short_limit */
    sim_time long_base, long_step;   /* long_base + long_step * d beyond */
    const struct val *first_ms;      /* list of times for d = 1, 2, ... */
    const struct val *table_ms;      /* list of { distance, time }; overrides the law */
    sim_time head_switch;
    sim_time write_settle; /* added to a write's seek or head switch */
    sim_time write_least;  /* of a write's first move, even where the arm is there already */
};
extern const struct param seek_params[];

struct seek_curve {
    uint32_t count;  /* distances 0 .. count-1 */
    sim_time *time;  /* of a read; [0] == 0 */
    sim_time *floor; /* least time of any distance >= d: a lower bound for searching outwards */
    sim_time head_switch;
    sim_time write_extra;
};

/* Computes the times for distances 0 .. cylinders - 1; `p` is only read here.  False with a
 * sentence, and nothing to free, when first_ms or table_ms makes no sense. */
bool seek_init(struct seek_curve *c, const struct seek_params *p, uint32_t cylinders,
               const char *path, struct err *e) MUST_CHECK;
void seek_fini(struct seek_curve *c); /* frees the times */

/* Time to bring the head from one track to another, settled; 0 when it is there. */
static inline sim_time seek_time(const struct seek_curve *c, uint32_t from_cyl, uint32_t from_head,
                                 uint32_t cyl, uint32_t head, bool write)
{
    uint32_t d = from_cyl < cyl ? cyl - from_cyl : from_cyl - cyl;
    sim_time t = c->time[d];
    if (from_head != head && t < c->head_switch)
        t = c->head_switch;
    else if (d == 0 && from_head == head)
        return 0;
    return write ? t + c->write_extra : t;
}

/* Mean over two cylinders drawn uniformly and independently, ms; for documents and tests. */
double seek_mean_uniform_ms(const struct seek_curve *c);

#endif
