/* internal.h: the engine's own view of a run; private to sim/.
 *
 * struct sim is opaque to every other folder.  A service that hangs off a run offers a create and a
 * destroy function here and is made and freed by sim_create and sim_destroy, in this order.
 */
#ifndef SIM_INTERNAL_H
#define SIM_INTERNAL_H

#include "sim/base/list.h"
#include "sim/queue.h"
#include "sim/sim.h"
#include "sim/thread.h"
#include "sim/window.h"

struct sim_digest *sim_digest_create(struct sim *s);
void sim_digest_destroy(struct sim_digest *d);
struct sim_audit *sim_audit_create(struct sim *s);
void sim_audit_destroy(struct sim_audit *a);
struct sim_trace *sim_trace_create(struct sim *s);
void sim_trace_destroy(struct sim_trace *t);
struct sim_measures *sim_measures_create(struct sim *s);
void sim_measures_destroy(struct sim_measures *m);

struct sim_busy;
/* counts.c: the window opens, closes; the run is destroyed. */
void sim_counts_open(struct sim *s);
void sim_counts_close(struct sim *s);
void sim_counts_destroy(struct sim *s);

struct sim_threads; /* thread.c */

/* busy.c */
struct sim_ahead {
    struct sim_busy *busy;
    sim_time from, to;
};
struct sim_accounts {
    struct sim_busy **all; /* in order of registration; NULL: gone */
    struct sim_ahead *ahead;
    size_t ahead_count, ahead_size;
    uint32_t count, size;
};
void sim_accounts_fini(struct sim_accounts *a);
void sim_busy_restart(struct sim *s); /* the window has opened */
void sim_busy_stop(struct sim *s);    /* it has closed */
void sim_servers_edge(struct sim *s, bool open);

void sim_window_fini(struct sim *s);

struct sim {
    sim_time now; /* first: the hottest word */
    uint64_t fired;
    uint64_t sequence; /* of the next schedule */
    struct sim_queue queue;
    bool leave;           /* leave the loop after this event, for one of these reasons: */
    bool to_thread;       /* a thread is to run */
    bool stop;            /* sim_stop was called */
    bool asked_never;     /* somebody scheduled at SIM_NEVER */
    const char *deadlock; /* sim_deadlock was called */
    bool running;         /* inside sim_run */
    bool tracing;         /* a trace is open: kept here for the hot paths */
    uint64_t order;       /* of the event that runs */
    enum sim_end last;    /* how the last sim_run ended */
    struct sim_options options;
    uint64_t shuffle_key;

    /* Limits that look at the host, checked every `stride` events. */
    double host_start, host_looked, host_checked;
    uint64_t stride;
    uint64_t check_at; /* the event at which to look next */
    uint64_t until;    /* the loop runs until so many have fired, then looks at the limits */
    int statm;         /* descriptor of /proc/self/statm, or -1 */

    char names[SIM_NAMES_SIZE]; /* sim_names_under; "": nothing */

    const char *context;
    int64_t context_index;

    struct sim_window {
        sim_time from, to; /* to: SIM_NEVER until it closes */
        enum sim_window_phase phase;
        struct list watchers;
    } window;
    struct sim_accounts busy;
    struct list servers;  /* struct sim_server */
    struct list insides;  /* struct sim_inside */
    struct list settlers; /* struct sim_settler */
    struct list counts;   /* struct sim_count_group, in order of registration */
    bool counts_closed;   /* the window has: nothing is read any more */

    struct sim_digest *digest;
    struct sim_audit *audit;
    struct sim_trace *trace;
    struct sim_measures *measures;
    struct sim_threads *threads; /* NULL until the first spawn */
};

/* Before anything is read of a run: what is reckoned ahead is brought up to now. */
static inline void sim_settle(struct sim *s)
{
    LIST_EACH (it, &s->settlers) {
        const struct sim_settler *by = LIST_ENTRY(it, struct sim_settler, link);
        by->fn(by->arg);
    }
}

/* Runs events until one asks for the loop to be left or none is left.  False: the run has ended and
 * s->last says how; true: a thread is to run. */
bool sim_engine_step(struct sim *s);

/* thread.c: what the engine asks of it. */
size_t sim_threads_blocked(const struct sim *s); /* non-service threads that are blocked */
void sim_threads_run(struct sim *s);             /* runs events and threads until the run ends */
void sim_threads_destroy(struct sim *s);

struct sim_thread {
    struct list link; /* in sim_threads.all */
    struct list wait; /* in the waiters of what it waits for; kept here, so that a kill finds it */
    struct sim *sim;
    char *name;
    void (*fn)(void *arg);
    void *arg;
    void *gift;                  /* what the waker hands over (sync.c) */
    struct bridge_thread *actor; /* NULL until it first runs */
    struct sim_event resume, deadline;
    const char *what; /* it is blocked on */
    uint64_t on;
    sim_time since;
    unsigned flags;
    uint8_t state;
    bool token; /* a wake that came before the block */
    bool timed_out;
};

#endif
