/* bridge.h: SimGrid's actors as bare coroutines, for thread.c alone.
 *
 * The bridge is a file of its own, which lies beside the program (or in ../lib/psim): SimGrid
 * brings forty libraries with it, and to load them takes longer than most commands need.  thread.c
 * loads it before the first thread runs.
 *
 * The engine under it is made by the first start() of the process and kept; a run without
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

struct bridge {
    void (*start)(void);
    /* Makes a thread; on the main stack, inside step() or outside run. */
    struct bridge_thread *(*spawn)(const char *name, void (*fn)(void *arg), void *arg);
    /* Lets a blocked thread run when step() returns.  On the main stack. */
    void (*wake)(struct bridge_thread *t);
    /* Ends a blocked thread.  On the main stack. */
    void (*kill)(struct bridge_thread *t);
    /* On a thread's stack: gives the processor up until wake. */
    void (*block)(void);
    /* Runs step() and threads in turn until step() returns false, which it does once. */
    void (*run)(bool (*step)(void *arg), void *arg);
};

#define BRIDGE_FILE "psim-bridge.so"

extern const struct bridge psim_bridge; /* in BRIDGE_FILE, by that name */

#ifdef __cplusplus
}
#endif

#endif
