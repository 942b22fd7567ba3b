/* bridge.h: SimGrid's actors as bare coroutines, for thread.c alone.
 *
 * The engine under it is made by the first bridge_start of the process and kept; a run without
 * threads never makes it.  Its clock stands still while a run lasts: time is ours.
 *
 *   BRIDGE1  step() is called only on the main stack, never on a thread's.
 *   BRIDGE2  After step() returned true exactly one thread has been spawned or woken, and it runs
 *       next.
 *   BRIDGE3  A killed thread's stack is unwound by an exception through C frames, which therefore
 *       have unwind tables; no code of theirs runs.
 */
#ifndef SIM_BRIDGE_H
#define SIM_BRIDGE_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bridge_thread; /* an actor */

/* Bytes of stack of a thread: address space; what is never touched costs nothing. */
unsigned bridge_stack_bytes(void);

void bridge_start(void);

/* Makes a thread; on the main stack, inside step() or outside bridge_run. */
struct bridge_thread *bridge_spawn(const char *name, void (*fn)(void *arg), void *arg);
/* Lets a blocked thread run when step() returns.  On the main stack. */
void bridge_wake(struct bridge_thread *t);
/* Ends a blocked thread.  On the main stack. */
void bridge_kill(struct bridge_thread *t);

/* On a thread's stack: gives the processor up until bridge_wake. */
void bridge_block(void);

/* Runs step() and threads in turn until step() returns false, which it does once. */
void bridge_run(bool (*step)(void *arg), void *arg);

#ifdef __cplusplus
}
#endif

#endif
