/* thread.h: simulated threads (SimGrid actors behind the bridge) and how they wait.
 *
 * A thread runs in no simulated time until it blocks.  Only one runs at a time.  block and wake use
 * a token: a wake that comes before the block is kept, so none is lost; several wakes before a
 * block count as one.  Callers therefore wait in a loop for their condition.
 */
#ifndef SIM_THREAD_H
#define SIM_THREAD_H

#include "sim/base/list.h"
#include "sim/sim.h"

struct sim_thread;

enum { SIM_THREAD_SERVICE = 1 }; /* blocked for ever at the end of a run is no deadlock */

#define SIM_THREAD_MAX 30000 /* more die at vm.max_map_count (65,530; two mappings each) */

/* Starts a thread at the current instant; its first code runs after the caller blocks or returns to
 * the engine.  NULL with a sentence when SIM_THREAD_MAX live threads exist. */
struct sim_thread *sim_thread_spawn(struct sim *s, const char *name, void (*fn)(void *arg),
                                    void *arg, unsigned flags, struct err *e);

/* Ends a thread that is not the caller, wherever it blocks.  None of its code runs again; nothing
 * of its stack is cleaned up (I: crash rule).  The struct is freed by the engine. */
void sim_thread_kill(struct sim_thread *t);

struct sim_thread *sim_thread_self(struct sim *s); /* NULL outside threads */
/* As given to sim_thread_spawn; the thread's. */
const char *sim_thread_name(const struct sim_thread *t);

/* Blocks the calling thread until sim_thread_wake.  `what` (static or outliving the wait) and `on`
 * name it in the deadlock report: "node 3 type 7". */
void sim_thread_block(struct sim *s, const char *what, uint64_t on);
/* The same with an absolute deadline; false: the deadline came first (and no token is left). */
bool sim_thread_block_until(struct sim *s, const char *what, uint64_t on, sim_time deadline);
/* From any code.  Resumes in wake order, in class SIM_CLASS_SOFTWARE of this instant. */
void sim_thread_wake(struct sim_thread *t);
void sim_thread_sleep(struct sim *s, sim_time delay);

/* Writes one line per blocked non-service thread: name, what it waits for, since when.  Returns how
 * many there are. */
size_t sim_report_deadlock(struct sim *s, char *out, size_t size);

/* Loads and starts what threads run on, as the first thread to run does otherwise: processes that
 * are forked from this one then have it.  False with a sentence: the installation is not whole. */
bool sim_threads_ready(struct err *e);

size_t sim_thread_count(const struct sim *s); /* live */

#endif
