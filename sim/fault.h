/* fault.h: what goes wrong, where and when: the one schedule for all that can fail.
 *
 *   faults = { { path = "node 3", at = "2ms", after = "1ms" },         -- crashes, back 1 ms later
 *              { path = "node 0", action = "crash", event = 117 },        -- right after step 117
 *              { path = "io0.0.member.2", action = "death", at = "2s" },
 *              { path = "io1.0", action = "power", mtbf = "30s" } }       -- again and again
 *
 * A path is the name in the table of what was busy.  Who can fail makes itself a target; it says
 * what can happen to it and what an entry may say besides.  Of `at`, `event` and `mtbf` (times
 * between faults are exponential, from a stream of the entry's own) an entry has one.  Faults that
 * recur end with what could meet them: when nothing else is scheduled, or its owner says so.
 */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include "sim/base/param.h"
#include "sim/sim.h"

struct fault {
    int action;       /* index in ops->actions */
    bool over;        /* `after` has passed: undo it */
    const void *args; /* what the entry says besides; NULL: ops has no params */
};

struct fault_ops {
    const char *const
        *actions; /* NULL-terminated; the first when an entry names none, if `usual` */
    bool usual;
    bool ends; /* knows `after` */
    enum sim_class when;
    const struct param *params; /* of `args`; NULL: nothing besides */
    size_t params_size;
    /* When the schedule is read; NULL: everything is possible.  `path` is the entry's key. */
    bool (*check)(void *self, const struct fault *f, const char *path, struct err *e);
    void (*apply)(void *self, const struct fault *f);
};

struct sim_faults;

/* `steps`: the owner counts steps, so entries may have `event`. */
struct sim_faults *sim_faults_create(struct sim *s, bool steps);
void sim_faults_free(struct sim_faults *f); /* NULL is fine */
/* over(arg): what faults are for has ended; asked when one that recurs is due and none is to be
 * undone. */
void sim_faults_until(struct sim_faults *f, bool (*over)(void *arg), void *arg);
/* `self` is borrowed, or from base_alloc and the schedule's from here when `owned`. */
void sim_fault_target(struct sim_faults *f, const char *path, const struct fault_ops *ops,
                      void *self, bool owned);
/* Once, when all targets are there.  False with a sentence. */
bool sim_faults_load(struct sim_faults *f, const struct val *list, const char *path, struct err *e);
/* The least `event` above `step`; UINT64_MAX: none. */
uint64_t sim_faults_next(const struct sim_faults *f, uint64_t step);
/* It has been reached: what is due happens now, when the code that runs has ended. */
void sim_faults_step(struct sim_faults *f, uint64_t step);

#endif
