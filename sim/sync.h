/* sync.h: semaphores, conditions and mailboxes for threads, first in first out, with time-outs.
 *
 * In caller storage, bound to one run.  The *_until forms take an absolute deadline and return
 * false when it comes first, leaving the object as if the call had not been made.
 */
#ifndef SIM_SYNC_H
#define SIM_SYNC_H

#include "sim/base/list.h"
#include "sim/thread.h"

struct sim_semaphore {
    struct sim *sim;
    const char *name;
    int64_t count;
    struct list waiters;
};

/* `name` is kept, not copied: what the deadlock report says is waited for. */
void sim_semaphore_init(struct sim_semaphore *m, struct sim *s, const char *name, int64_t count);
void sim_semaphore_down(struct sim_semaphore *m);                          /* may block */
bool sim_semaphore_down_until(struct sim_semaphore *m, sim_time deadline); /* may block */
bool sim_semaphore_try(struct sim_semaphore *m); /* false: it would block */
void sim_semaphore_up(struct sim_semaphore *m);  /* from any code */

struct sim_condition {
    struct sim *sim;
    const char *name;
    struct list waiters;
};

/* No lock goes with it: between blocking points code is alone.  Wait in a loop. */
void sim_condition_init(struct sim_condition *c, struct sim *s, const char *name);
void sim_condition_wait(struct sim_condition *c);
bool sim_condition_wait_until(struct sim_condition *c, sim_time deadline);
void sim_condition_signal(struct sim_condition *c); /* wakes the longest waiter */
void sim_condition_broadcast(struct sim_condition *c);

struct sim_mailbox {
    struct sim *sim;
    const char *name;
    struct list items, waiters;
    size_t count, capacity; /* capacity 0: unbounded */
};

/* Empty.  `name` is kept, not copied.  Items are links in structs of the sender's, which are the
 * receiver's once it has them. */
void sim_mailbox_init(struct sim_mailbox *m, struct sim *s, const char *name, size_t capacity);
bool sim_mailbox_put(struct sim_mailbox *m, struct list *item); /* false when full; never blocks */
struct list *sim_mailbox_get(struct sim_mailbox *m);            /* may block */
struct list *sim_mailbox_get_until(struct sim_mailbox *m, sim_time deadline); /* NULL: deadline */

#endif
