/* window.h: the measurement window of a run: the time that every figure of a result speaks of.
 *
 *   phase     from                   until
 *   prepare   the start              programs are ready
 *   warm-up   first requests         sim_window_open
 *   measure   sim_window_open        sim_window_close
 *   drain     sim_window_close       the end: what is on its way arrives, and counts no more
 *
 * A run that opens none is all window, and its results say so.  Whoever counts for itself asks to
 * be called at both edges.
 *
 *   WIN1  Of an interval the part inside counts, whenever it is told: ahead, at the time,
 *       afterwards.
 */
#ifndef SIM_WINDOW_H
#define SIM_WINDOW_H

#include "sim/sim.h"

/* Wide enough for sums of picoseconds over a whole run. */
__extension__ typedef unsigned __int128 sim_u128;

/* Opens it: all accounts restart at now.  Once more: it begins anew. */
void sim_window_open(struct sim *s);
/* Closes it; nothing when it is not open. */
void sim_window_close(struct sim *s);

enum sim_window_phase { SIM_WINDOW_NONE, SIM_WINDOW_OPEN, SIM_WINDOW_CLOSED };
enum sim_window_phase sim_window_phase(const struct sim *s); /* none, until the first opens */

sim_time sim_window_start(const struct sim *s);  /* 0 when none was opened */
sim_time sim_window_end(const struct sim *s);    /* so far: at most now */
sim_time sim_window_length(const struct sim *s); /* so far */
/* How much of [from, to) lies inside, as far as is known now; to may be in the future. */
sim_time sim_window_part(const struct sim *s, sim_time from, sim_time to);
/* Of an amount made in [since, now] the part inside. */
double sim_window_share(const struct sim *s, sim_time since, double amount);

/* An amount of what began and ended inside the window: all of it was made in the window, so it is
 * held against a rate without a doubt (sim_audit_rate). */
struct sim_whole {
    sim_time window; /* private: where the one began that the amount is of */
    uint64_t amount;
};
/* Ends now, or at a moment that is over.  Counts when it began in the window, which is open. */
void sim_whole_add(struct sim_whole *w, const struct sim *s, sim_time began, uint64_t amount);

/* fn is called at each edge, after the accounts of busy time, in order of registration. */
void sim_window_watch(struct sim *s, void (*fn)(void *arg, bool open), void *arg);
void sim_window_unwatch(struct sim *s, void *arg);

#endif
