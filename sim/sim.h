/* sim.h: the engine: one run, its clock and its events.
 *
 * Events are ordered by (time, class, tie, sequence).  The class orders the phases of one instant;
 * the tie is 0, or drawn from the seed (shuffle), or chosen by an explorer; the sequence is the
 * order of scheduling.  An event is a struct that its owner embeds: scheduling allocates nothing.
 *
 *   SIM1  now() never goes back; an event is never scheduled before now().
 *   SIM2  An event fires at most once per schedule; a cancelled event does not fire.
 *   SIM3  Inside a callback the event is idle: it may be scheduled again or its memory freed.
 *   SIM4  Nothing here depends on an address or on host time.
 *
 * One process runs one simulation at a time (SimGrid holds one engine a process), but a struct sim
 * that spawns no thread needs no SimGrid, and a process may make several such in turn.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "sim/base/base.h"
#include "sim/base/err.h"
#include "sim/base/list.h"
#include "sim/base/time.h"

struct sim;
struct sim_event;

typedef void sim_event_fn(struct sim *s, struct sim_event *e);

/* Phases of one instant, in this order. */
enum sim_class {
    SIM_CLASS_ARRIVAL,  /* something reached a device: flits, sectors, signals */
    SIM_CLASS_ARBITER,  /* choices among what has arrived by now */
    SIM_CLASS_DEVICE,   /* completions of servers and devices */
    SIM_CLASS_SOFTWARE, /* upcalls, timers and wake-ups of programs */
    SIM_CLASS_MEASURE,  /* samples, window edges, progress */
    SIM_CLASS_COUNT
};

struct sim_event {
    sim_time time;
    uint64_t order; /* class, tie, sequence; private */
    sim_event_fn *fn;
    void *link;    /* private to the queue */
    uint32_t slot; /* private to the queue; UINT32_MAX: idle */
    uint8_t cls;   /* enum sim_class */
    uint8_t user;  /* free for the owner */
};

enum sim_tie { SIM_TIE_SEQUENCE, SIM_TIE_SHUFFLE, SIM_TIE_CHOOSER };

struct sim_options {
    uint64_t seed;
    enum sim_tie tie;
    sim_time time_limit;       /* simulated; 0: none */
    uint64_t event_limit;      /* 0: none */
    double host_seconds_limit; /* 0: none */
    uint64_t host_bytes_limit; /* resident set; 0: none */
    bool per_node;             /* counters are written by node, too (sim/counts.h) */
    /* SIM_TIE_CHOOSER: returns the tie (below 2^20) of an event being scheduled. */
    uint32_t (*choose)(void *arg, const struct sim_event *e);
    void *choose_arg;
};

enum sim_end {
    SIM_END_IDLE,     /* no event left, no thread blocked but service threads */
    SIM_END_STOPPED,  /* sim_stop was called */
    SIM_END_DEADLOCK, /* no event left, threads blocked (sim_report_deadlock); or sim_deadlock */
    SIM_END_TIME_LIMIT,
    SIM_END_EVENT_LIMIT,
    SIM_END_HOST_LIMIT, /* host time or memory */
    SIM_END_NEVER       /* somebody asked for a time past 106 days */
};

/* A run at time 0, never NULL; the options are copied (NULL: all zero).  A failing assertion tells
 * its state from now on. */
struct sim *sim_create(const struct sim_options *o);
/* Outside sim_run.  Threads that are left end and run no more code; pending events, whose memory is
 * there still, become idle.  Servers and accounts are finished before.  NULL is fine. */
void sim_destroy(struct sim *s);

/* Scheduled, and neither fired nor cancelled yet. */
static inline bool sim_event_pending(const struct sim_event *e)
{
    return e->slot != UINT32_MAX;
}

/* Prepares an idle event in caller storage. */
static inline void sim_event_init(struct sim_event *e, enum sim_class cls, sim_event_fn *fn)
{
    *e = (struct sim_event){ .fn = fn, .slot = UINT32_MAX, .cls = (uint8_t)cls };
}

sim_time sim_now(const struct sim *s);          /* ps since the start of the run */
uint64_t sim_seed(const struct sim *s);         /* of the options */
uint64_t sim_events_fired(const struct sim *s); /* so far */
uint64_t sim_pending(const struct sim *s);      /* events that are scheduled */

/* Schedules an idle event at an absolute time >= now (or `delay` from now).  SIM_NEVER ends the run
 * with SIM_END_NEVER. */
void sim_at(struct sim *s, struct sim_event *e, sim_time when);
void sim_after(struct sim *s, struct sim_event *e, sim_time delay);
/* Takes a pending event out; harmless on an idle one.  True when it was pending. */
bool sim_cancel(struct sim *s, struct sim_event *e);

/* For a model with an event list of its own, from inside the callback of its event: in place of
 * scheduling that event at `when` and returning.  True: nothing else was pending until then, and
 * the clock stands there; it counts as an event.  False: schedule it. */
bool sim_run_ahead(struct sim *s, sim_time when);

/* For a model that reckons ahead what others would otherwise make event by event.  The number of
 * the next schedule; and whether an event of that moment, class and number would have been before
 * the one that runs.  SIM_UNKNOWN: nobody can say when it would have been scheduled; of one moment
 * and class it comes later. */
#define SIM_UNKNOWN (UINT64_C(0x1fffffffffffffff))
uint64_t sim_sequence(const struct sim *s);
bool sim_past(const struct sim *s, sim_time when, enum sim_class cls, uint64_t sequence);
struct sim_settler {
    struct list link;
    void (*fn)(void *arg);
    void *arg;
};
/* fn(arg) brings it up to now: called before the window opens and closes and when the run ends,
 * until list_remove of by->link. */
void sim_settle_by(struct sim *s, struct sim_settler *by, void (*fn)(void *arg), void *arg);
/* Equal times come in the order of their schedules and no trace is open: nobody sees the events. */
bool sim_plain_order(const struct sim *s);

/* Runs until something of enum sim_end happens.  May be called again after SIM_END_STOPPED. */
enum sim_end sim_run(struct sim *s);
/* Makes sim_run return after the current event. */
void sim_stop(struct sim *s);
/* The same with SIM_END_DEADLOCK: a model has found that what waits in it waits for ever.  `what`
 * says who waits for whom and is kept by the caller. */
void sim_deadlock(struct sim *s, const char *what);
const char *sim_deadlock_found(const struct sim *s); /* NULL: nobody has */
const char *sim_end_name(enum sim_end end);

/* The thing a failing assertion and the audit want to name: "node 7", or NULL. */
void sim_set_context(struct sim *s, const char *what, int64_t index);

/* What is named from now on (accounts, who counts, audits, random streams, targets of faults) is
 * named under this: "lan" makes "cable" "lan.cable".  NULL: as it stands. */
#define SIM_NAMES_SIZE 64
void sim_names_under(struct sim *s, const char *name);
char *sim_full_name(const struct sim *s, const char *name); /* heap; the caller frees */

/* Services that hang off a run and live as long as it does (defined in their own headers). */
struct sim_digest;
struct sim_audit;
struct sim_trace;
struct sim_measures;
struct sim_digest *sim_digest(struct sim *s);
struct sim_audit *sim_audit(struct sim *s);
struct sim_trace *sim_trace(struct sim *s); /* never NULL; off unless opened */
struct sim_measures *sim_measures(struct sim *s);

#endif
