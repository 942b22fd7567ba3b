/* server.h: a resource with a queue: CPU, bus, DMA engine, arm.  And busy time, for all that can be
 * busy.
 *
 * A server serves one job at a time, by priority class (0 first), first in first out inside a
 * class. A job's length is given, or is what `start` returns when the server is granted: that is
 * how an upcall runs (law 4).  With `preempt` a job of a lower-numbered class interrupts one in
 * service, which resumes later for the rest of its time.
 *
 *   SRV1  Busy time is the union of service intervals.
 *   SRV2  The integral of the number in the system equals the sum of the jobs' times in it
 *       (Little), checked in integers by the audit: over the run, and over the window, where of a
 *       job's time the part inside counts.
 *   SRV3  At the end of a service the job's done is called first, then the next job is granted.
 *   SRV4  A zeroed job is idle.
 */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include "sim/base/list.h"
#include "sim/sim.h"
#include "sim/window.h"

/* What a resource is, for "what limited it". */
enum sim_kind {
    SIM_KIND_CPU,
    SIM_KIND_BUS,
    SIM_KIND_CHANNEL,
    SIM_KIND_ARM,
    SIM_KIND_NIC,  /* a queue alone: a transmit queue */
    SIM_KIND_SCSI, /* the same of a bus of several devices, whose busy account is a BUS */
    SIM_KIND_OTHER,
    SIM_KIND_COUNT
};

/* Busy-time account of one resource; embed it.  Registered in the run, so that reports can walk
 * all.  When a trace is open, each busy interval is in it, in the category of the kind: "cpu",
 * "bus",
 * "mesh" (channels), "disk" (arms), "server"; and as a counter how many a server or an account has
 * inside. */
struct sim_busy {
    struct sim *sim;
    const char *name; /* owned by the account */
    enum sim_kind kind;
    int32_t node;      /* or -1 */
    sim_time total;    /* private: intervals inside the window, but for the latest */
    sim_time from, to; /* private: the latest; to SIM_NEVER: busy since `from` */
    uint64_t uses;     /* intervals inside the window, in part or whole */
    uint32_t index;    /* private: in the run's list */
};
_Static_assert(sizeof(struct sim_busy) == 64, "a line of the cache");

/* Idle, and in the run's list until sim_busy_fini; it must not move meanwhile.  `name` is copied;
 * node -1: none. */
void sim_busy_init(struct sim_busy *b, struct sim *s, enum sim_kind kind, int32_t node,
                   const char *name);
/* Takes it out of the list: reports see it no more.  Before sim_destroy. */
void sim_busy_fini(struct sim_busy *b);
/* Busy from now on / no longer, at the moments `now`.  In turn: begin while busy and end while idle
 * are bugs. */
void sim_busy_begin(struct sim_busy *b, sim_time now);
void sim_busy_end(struct sim_busy *b, sim_time now);
/* While a trace is open: so many are inside (waiting or in service) from now on. */
void sim_trace_queue(struct sim *s, enum sim_kind kind, int32_t node, const char *of,
                     uint64_t inside);
/* Adds an interval, of the past or booked ahead; what lies inside the window counts (WIN1).  The
 * intervals of one resource are disjoint: a share above 1 fails the audit. */
void sim_busy_add(struct sim_busy *b, struct sim *s, sim_time from, sim_time to);
/* Adds so many intervals that are over, `length` in all, from inside the window. */
static inline void sim_busy_add_past(struct sim_busy *b, uint64_t uses, sim_time length)
{
    b->uses += uses;
    b->total += length;
}
/* Busy time inside the window up to `now`. */
sim_time sim_busy_time(const struct sim_busy *b, sim_time now);
static inline bool sim_busy_on(const struct sim_busy *b) /* between begin and end */
{
    return b->to == SIM_NEVER;
}

/* The busiest account of a kind over the window; NULL when there is none.  *share: its part of the
 * window. */
const struct sim_busy *sim_busiest(struct sim *s, enum sim_kind kind, double *share);
/* Mean share of all accounts of a kind. */
double sim_busy_mean(struct sim *s, enum sim_kind kind);
/* Walks all accounts in order of registration. */
void sim_busy_each(struct sim *s, void (*fn)(void *arg, const struct sim_busy *b), void *arg);

#define SIM_SERVER_CLASSES 4

/* A length that is not known yet: the job keeps the server until sim_server_settle. */
#define SIM_HOLD ((sim_time)-1)

struct sim_account { /* of a queue, up to a moment */
    sim_u128 area;   /* integral of the number in the system, ps */
    sim_u128 times;  /* times in the system of the jobs that have left and of those still there */
};

/* A server lent: see sim_server_lend. */
struct sim_lent {
    void (*wanted)(struct sim_lent *l); /* gives it back */
    sim_time until;                     /* private: end of the last job booked */
};

struct sim_server;
struct sim_job {
    struct list link;
    uint8_t cls;        /* priority class, 0 first */
    uint8_t state;      /* private */
    bool held;          /* private: waits for sim_server_settle */
    sim_time service;   /* length; ignored when start is set */
    sim_time remaining; /* private: of the length, when it was last interrupted */
    sim_time arrived;   /* private */
    /* Called when the server is granted, at once; returns the length, which is left in `service`,
     * or SIM_HOLD.  NULL: `service` holds it.  It may submit other jobs to this server and may
     * reset it, not destroy it. */
    sim_time (*start)(struct sim_job *j);
    /* Called when the length has been served, with the job still in service: returns how much
     * longer it stays, SIM_HOLD, or 0 to let it depart.  NULL: it departs.  It may submit other
     * jobs to this server; it may not withdraw this one. */
    sim_time (*more)(struct sim_job *j);
    /* Called when served; the job is idle then and may be freed or submitted again.  May be NULL.
     */
    void (*done)(struct sim_job *j);
};

struct sim_server {
    /* What a job touches that finds nobody stands first and together. */
    struct sim *sim;
    struct sim_job *current;
    struct sim_lent *lent;
    uint64_t in_system;     /* jobs waiting or in service */
    sim_time changed;       /* when area was last brought up to date */
    sim_time started;       /* of the current service interval */
    bool preempt, granting; /* granting: inside a job's start or more */
    uint32_t epoch;         /* rises at each reset */
    uint64_t arrived, served;
    uint64_t longest; /* largest in_system */
    struct sim_event event;
    struct sim_busy busy;
    sim_u128 area;    /* integral of in_system, ps */
    sim_u128 sojourn; /* sum over departed jobs */
    sim_u128 waited;  /* sum of time not in service */
    uint64_t withdrawn;
    struct list queue[SIM_SERVER_CLASSES];
    struct sim_account opened, closed; /* at the edges of the window */
    struct list link;                  /* in the run's list of servers */
};

/* Prepares an idle job of this class and length. */
static inline void sim_job_init(struct sim_job *j, uint8_t cls, sim_time service,
                                void (*done)(struct sim_job *j))
{
    *j = (struct sim_job){ .cls = cls, .service = service, .done = done };
    list_init(&j->link);
}

/* Neither waiting nor in service. */
static inline bool sim_job_idle(const struct sim_job *j)
{
    return j->state == 0;
}

/* An idle server, in the run's list until sim_server_fini; it must not move meanwhile.  `name` is
 * copied; node -1: none.  preempt: a job of a more urgent class interrupts the one in service,
 * which resumes later. */
void sim_server_init(struct sim_server *v, struct sim *s, enum sim_kind kind, int32_t node,
                     const char *name, bool preempt);
/* Withdraws everything, calling nothing, and leaves the list.  Before sim_destroy. */
void sim_server_fini(struct sim_server *v);
/* Hands over an idle job (cls below SIM_SERVER_CLASSES), whose memory stays until it is idle again.
 * First in, first out within a class.  Granted at once, it has its `start` called in here; `done`
 * is always called later. */
void sim_server_submit(struct sim_server *v, struct sim_job *j);
/* Ends a hold (SIM_HOLD): the job stays `length` longer, from now or, when a more urgent job has
 * interrupted it, from when it resumes. */
void sim_server_settle(struct sim_server *v, struct sim_job *j, sim_time length);
/* Withdraws a job that waits or is in service; its done is not called.  False when it is idle. */
bool sim_server_withdraw(struct sim_server *v, struct sim_job *j);
/* Withdraws everything (crash of a node); calls drop on each job that was there. */
void sim_server_reset(struct sim_server *v, void (*drop)(struct sim_job *j));

/* Lends an idle server to one who reckons its jobs without their events.  `wanted` is called before
 * anything else is submitted, and gives the server back by sim_server_regain; whoever reads its
 * accounts has that done before (sim_settle_by). */
static inline void sim_server_lend(struct sim_server *v, struct sim_lent *l)
{
    ASSERT_MSG(v->in_system == 0 && v->lent == NULL, "only an idle server is lent");
    v->lent = l;
}
/* Of a lent server, in the order of service: a job that came, began and left at these moments;
 * `inside`: jobs in the system once it had come. */
void sim_server_book(struct sim_server *v, sim_time arrived, sim_time start, sim_time end,
                     uint64_t inside);
/* The same of an idle job that is still there: it began at `start`, to leave `service` after it, or
 * waits (SIM_NEVER). */
void sim_server_adopt(struct sim_server *v, struct sim_job *j, sim_time arrived, sim_time start,
                      uint64_t inside);
/* The server is its own again; the first of those that wait is granted it. */
void sim_server_regain(struct sim_server *v);

/* Of the run up to now; *inside: how many jobs it holds, counted one by one. */
struct sim_account sim_server_account(const struct sim_server *v, uint64_t *inside);
struct sim_account sim_server_window(const struct sim_server *v); /* what is inside the window */

/* The number inside of what is no server: requests in a device.  Embed it; SRV2 holds and is
 * audited as that of servers. */
struct sim_inside {
    struct list link; /* in the run's list */
    struct sim *sim;
    char *name;
    enum sim_kind kind;
    int32_t node; /* or -1 */
    uint64_t count;
    sim_time changed;
    sim_u128 area, left; /* left: times of those that have left */
    sim_u128 entered;    /* sum of the moments at which those inside entered */
    struct sim_account opened, closed;
};
/* Nobody inside; in the run's list until sim_inside_fini, and must not move meanwhile.  `name` is
 * copied; node -1: none. */
void sim_inside_init(struct sim_inside *q, struct sim *s, enum sim_kind kind, int32_t node,
                     const char *name);
void sim_inside_fini(struct sim_inside *q); /* before sim_destroy */
/* One enters, one that entered then leaves, at a moment from now on (that of code which runs), or
 * one of the past that nobody has read. */
void sim_inside_enter(struct sim_inside *q, sim_time at);
void sim_inside_leave(struct sim_inside *q, sim_time entered, sim_time at);
/* Some entered and left of late; `sum` of their times inside. */
void sim_inside_passed(struct sim_inside *q, uint64_t sum);
struct sim_account sim_inside_window(const struct sim_inside *q); /* as sim_server_window */

double sim_inside_mean(const struct sim_inside *q); /* of the number, over it */

/* Over the window: how many jobs were in a server or an account of that kind, waiting or in
 * service, in the mean over all of them; *most: in the fullest one, *node: whose it is.  False when
 * there is none. */
bool sim_queue_mean(const struct sim *s, enum sim_kind kind, double *mean, double *most,
                    int32_t *node);

#endif
