/* audit.h: the accounts that must balance at the end of every run.
 *
 * A module registers a function when it is created.  At the end of a run each is called and states
 * its balances; one that does not balance fails the run.  Little's law of every server is checked
 * too.
 */
#ifndef SIM_AUDIT_H
#define SIM_AUDIT_H

#include "sim/sim.h"
#include "sim/window.h"

struct sim_audit_report; /* collects failures */

typedef void sim_audit_fn(void *self, struct sim_audit_report *r);

/* fn(self, report) is called at the end of the run, in order of registration; `name` is copied and
 * stands before its failures. */
void sim_audit_register(struct sim *s, const char *name, sim_audit_fn *fn, void *self);
/* Forgets all that `self` has registered: before `self` is freed.  None is fine. */
void sim_audit_unregister(struct sim *s, void *self);

/* States: in == out + inside + dropped.  `what`: "flits", "messages".  Of things that are on their
 * way: after a drained run `inside` must be 0. */
void sim_audit_balance(struct sim_audit_report *r, const char *what, uint64_t in, uint64_t out,
                       uint64_t inside, uint64_t dropped);
/* The same of things that may stay (pages, sessions, unread messages). */
void sim_audit_balance_resident(struct sim_audit_report *r, const char *what, uint64_t in,
                                uint64_t out, uint64_t inside, uint64_t dropped);
/* States that `ok` holds; the sentence names what is wrong. */
void sim_audit_check(struct sim_audit_report *r, bool ok, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* States that what was made in the window whole could be made in it: `of` of them take `time`, at
 * the least.  `what`: "bytes on the bus". */
void sim_audit_rate(struct sim_audit_report *r, const struct sim_whole *w, const char *what,
                    sim_time time, uint64_t of);
/* Counts a drop by reason for the report (not a failure). */
void sim_audit_dropped(struct sim_audit_report *r, const char *what, const char *reason,
                       uint64_t count);

/* Runs all; returns the number of failures; text (may be NULL) gets one line a failure, then one
 * line a drop reason. */
size_t sim_audit_run(struct sim *s, char *text, size_t size);

#endif
