/* port_fake.h: the fake port: several nodes in one process, and a driver that chooses what is next.
 *
 * Implements os/port.h without a simulator.  All that is pending (frames, timers, I/O completions,
 * wake-ups) lies in one list; fake_step picks one and runs it.  What is not modelled: any cost but
 * the option work_cost, any network but a delay and faults.
 *
 *   FAKE1  FAKE_IN_ORDER picks by (time, sequence); FAKE_RANDOM picks any that may be next, from
 *       the seed; FAKE_EXPLORE asks the script of fake_explore.
 *   FAKE2  What may be next: of the frames between two nodes on an ordered network only the oldest;
 *       of a node's timers only the earliest, of its notices only the oldest; all else at
 *       once.  Time never runs backwards: what is picked late runs late.
 *   FAKE3  Frames in flight survive a crash of either end and reach the next incarnation, which is
 *       harder than what the simulator does; they wait for its first upcall.
 *   FAKE4  Memory that is freed while a timer or an I/O request in it is pending fails the test.
 *   FAKE5  A thread's or upcall's work moves port_now by work_cost; the node is busy until then.
 *   FAKE6  Steps of different nodes commute, for each changes its own node and adds to what is
 *       pending at others.  explore_reduced runs one of the orders that differ in nothing else
 *       (sleep sets [Godefroid 1996]); every state is still reached.  Timers without delay are then
 *       events as all others are; the rest wait until nothing else is pending.
 */
#ifndef TESTS_FAKE_PORT_FAKE_H
#define TESTS_FAKE_PORT_FAKE_H

#include "os/port.h"

enum fake_order { FAKE_IN_ORDER, FAKE_RANDOM, FAKE_EXPLORE };

struct fake_options {
    uint32_t nodes;          /* 0: 2 */
    uint64_t seed;           /* of the order, the faults and port_random */
    enum fake_order order;   /* */
    uint32_t interfaces;     /* 0: 1; at most 2 */
    uint32_t lan_nodes;      /* of the second only nodes below this are stations; 0: all */
    uint32_t mtu;            /* 0: 4096 */
    uint32_t lan_mtu;        /* of the second; 0: the same */
    uint32_t tx_queue;       /* frames of a node in flight before PORT_IF_BUSY; 0: no limit */
    bool lossy, unordered;   /* what port_if_describe says, and whether FAKE2 keeps pairs' order */
    bool broadcast;          /* takes PORT_ALL: a frame to each */
    bool control;            /* takes PORT_CONTROL, though a frame has its place among those between
                                two nodes alone: no channel lies between */
    uint64_t little;         /* bit n: node n is little-endian */
    uint64_t memory;         /* of each node; 0: no limit */
    uint64_t rate;           /* what port_if_describe says */
    sim_time latency;        /* of a frame; 0: 10 us */
    sim_time byte_time;      /* more per byte */
    sim_time work_cost;      /* of each unit of work */
    sim_time detect_delay;   /* of node-change notices; 0: none are given */
    uint32_t timer_odds;     /* FAKE_RANDOM: a timer may overtake in 1 of so many steps; 0: never */
    uint32_t drop_ppm;       /* frames lost, duplicated, delayed by up to delay_max, */
    uint32_t duplicate_ppm;  /* each in parts per million; only when lossy */
    uint32_t delay_ppm;      /* */
    uint32_t corrupt_ppm;    /* one byte inverted */
    sim_time delay_max;      /* 0: 100 x latency */
    uint64_t faults_max;     /* no fault after so many; 0: no limit */
    uint32_t explore_drops;  /* FAKE_EXPLORE: so many frames may be lost, at any place */
    uint32_t explore_copies; /* FAKE_EXPLORE: so many may be duplicated */
    bool explore_timers;     /* FAKE_EXPLORE: timers may fire before anything else is done */
    bool explore_reduced;    /* FAKE_EXPLORE: see FAKE6; no losses, no transmit queue */
    bool flatten;            /* rebuild every frame to bytes (law 7) */
    uint32_t threads_max;    /* port_thread_spawn gives NULL above; 0: no limit */
    uint64_t
        crash_at_alloc;     /* node 0 crashes after the upcall with its n-th allocation; 0: never */
    uint32_t disks;         /* block devices a node */
    uint64_t disk_sectors;  /* 0: 8192 */
    uint32_t sector_bytes;  /* 0: 512 */
    sim_time disk_time;     /* of a request; 0: 1 ms */
    uint32_t tapes;         /* tape drives a node, behind the disks; each has a medium of its own */
    uint32_t tape_largest;  /* bytes of a block; 0: 65536 */
    uint64_t tape_blocks;   /* what a medium takes; 0: 1000 */
    uint32_t changers;      /* libraries a node: with a port, and its tape drives, or one drive */
    uint32_t changer_cells; /* 0: 8; every other has a cartridge, "V000000" and so on */
    sim_time changer_time;  /* of a request; 0: 10 s */
    sim_time tape_step;     /* of each block that a request passes; 0: 1 ms */
    bool disk_junk;         /* sectors that nobody wrote are full of 0xee, not of zeros */
    /* Writes are volatile until a flush: a crash of the node takes all of them back
     * (FAKE_IN_ORDER), or any; of a tape those that came last. */
    bool disk_cache;
};

struct fake;

struct fake *fake_create(const struct fake_options *o);
void fake_destroy(struct fake *f);

/* Boots a node: fn is the first upcall of its kernel task, now and at each restart. */
void fake_boot(struct fake *f, uint32_t node, void (*fn)(struct port *p, void *arg), void *arg);
struct port *fake_port(struct fake *f, uint32_t node); /* kernel task; NULL while down */
bool fake_up(const struct fake *f, uint32_t node);

/* Runs fn at once as an upcall of the node's kernel task. */
void fake_call(struct fake *f, uint32_t node, void (*fn)(struct port *p, void *arg), void *arg);

/* Runs what is next; false: nothing is pending. */
bool fake_step(struct fake *f);
/* Runs until nothing is pending, at most max_steps (0: a million); the steps taken. */
uint64_t fake_run(struct fake *f, uint64_t max_steps);
/* Runs what is due up to `until`, in order; time is `until` then. */
void fake_run_until(struct fake *f, sim_time until);
sim_time fake_now(const struct fake *f);
uint64_t fake_steps(const struct fake *f);
uint64_t fake_pending(const struct fake *f);

/* A node dies between two steps, and comes back (fake_boot's fn runs again). */
void fake_crash(struct fake *f, uint32_t node);
void fake_restart(struct fake *f, uint32_t node);

/* Puts bytes on the wire as if node src had sent them. */
void fake_inject(struct fake *f, uint32_t src, uint32_t dst, const void *bytes, size_t len);
/* Looks at every frame when it is sent; may change it; false loses it.  NULL: nobody looks. */
void fake_on_frame(struct fake *f,
                   bool (*fn)(void *arg, uint32_t src, uint32_t dst, struct rope *frame),
                   void *arg);
/* A network that changes its mind: what port_if_describe says from now on. */
void fake_set_faults(struct fake *f, uint32_t drop_ppm, uint32_t duplicate_ppm);

/* What happened. */
struct fake_counts {
    uint64_t frames, dropped, duplicated, delayed, corrupted, stale; /* stale: came for the dead */
    uint64_t busy;                                                   /* PORT_IF_BUSY given */
    uint64_t filter_looks;                                           /* match_find's */
    uint64_t delivered, delivered_bytes;                             /* port_delivered */
    uint64_t digest;            /* over (node, length, content) in order */
    uint64_t remarks, failures; /* port_remark, port_fail */
    uint64_t station_asks;      /* port_if_station, port_if_host: nobody has to learn those */
};
const struct fake_counts *fake_counts(const struct fake *f);
const char *fake_last_failure(const struct fake *f); /* "" when none */
uint64_t fake_work(const struct fake *f, uint32_t node, enum port_work kind);
uint64_t fake_heap_bytes(const struct fake *f, uint32_t node); /* all tasks of the node */
uint64_t fake_heap_blocks(const struct fake *f, uint32_t node);
uint32_t fake_blocked(const struct fake *f); /* threads that wait and are no service threads */
uint64_t fake_measures(const struct fake *f, const char *measure); /* observations so far */
double fake_measure_sum(const struct fake *f, const char *measure);
/* The window as the programs stated it, of the fake's clock. */
struct fake_window {
    uint32_t opened, closed; /* programs that have said so */
    sim_time from, to;       /* SIM_NEVER: not yet */
    double progress;         /* port_progress: the part inside */
};
const struct fake_window *fake_window(const struct fake *f);
/* "owner.name" of a node (port_counters), of its ended tasks too; a name that nothing counts under
 * fails the test. */
uint64_t fake_count(const struct fake *f, uint32_t node, const char *name);
/* Reads a device behind the node's back. */
void fake_disk_read(struct fake *f, uint32_t node, uint32_t dev, uint64_t sector, uint32_t sectors,
                    void *out);

/* Asked when a library gets a request: another status than PORT_CHANGE_OK, and nothing moves. */
typedef enum port_change_status fake_change_fn(void *arg, uint32_t node,
                                               const struct port_change *c);
void fake_on_change(struct fake *f, fake_change_fn *fn, void *arg); /* NULL: nobody is asked */
/* Puts the medium of this label in a drive, a new one if there is none, or takes out what is in it
 * (""); how many blocks and marks it holds.  What was in it before keeps what it holds. */
uint64_t fake_tape_load(struct fake *f, uint32_t node, uint32_t dev, const char *label);
/* What is loaded has so many blocks more, of `bytes` of the pattern of the seed from its beginning
 * on: written long ago. */
void fake_tape_fill(struct fake *f, uint32_t node, uint32_t dev, uint32_t blocks, uint64_t bytes,
                    uint64_t seed);

/* Inverts bits of one byte of a device behind the node's back. */
void fake_disk_flip(struct fake *f, uint32_t node, uint32_t dev, uint64_t sector, uint32_t byte,
                    uint8_t mask);
/* Asked when a device request ends or its node dies: how it ends, and how many of its *sectors the
 * medium takes or gives (a torn write).  NULL: nobody is asked. */
typedef enum port_io_status fake_disk_fn(void *arg, uint32_t node, uint32_t dev,
                                         const struct port_io *io, uint32_t *sectors);
void fake_on_disk(struct fake *f, fake_disk_fn *fn, void *arg);
/* Asked of each sector that no flush has covered when a node with disk_cache dies, in their order:
 * what it is then: as the last flush left it (0), or as its writes since did, up to the n-th, which
 * was the last.  NULL: as disk_cache says. */
typedef uint32_t fake_stays_fn(void *arg, uint32_t n);
void fake_on_power_off(struct fake *f, fake_stays_fn *fn, void *arg);

/* ---- exploring orders ---- */
struct fake_explore {
    struct fake_options options; /* order is set here */
    void (*setup)(struct fake *f, void *arg);
    bool (*check)(struct fake *f, void *arg); /* after each run; false stops the search */
    void *arg;
    uint64_t orders_max;                     /* stop after so many runs; 0: 1,000,000 */
    uint64_t steps_max;                      /* of one run; 0: 10,000 */
    bool (*each)(struct fake *f, void *arg); /* after each step; false stops the search; NULL */
    /* results */
    uint64_t orders; /* runs made */
    uint64_t cut;    /* explore_reduced: runs given up, for another covers them */
    bool complete;   /* every order was seen */
    bool failed;     /* check said false */
    char order[256]; /* the choices of the last run */
};
void fake_explore(struct fake_explore *x);

#endif
