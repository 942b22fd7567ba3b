/* loop.h: the closed loop of all programs that do I/O: warm-up, window, flush, think times.
 *
 * A program begins after a drawn offset, makes `warmup` + `requests` requests with a think time
 * between two of them, and states the window: it opens when every program has ended its warm-up.
 * It closes
 *   first   when the first program ends: programs that go on, whose rate is asked for;
 *   last    when the last has ended and flushed: a piece of work.  Writes with sync = "close".
 * So no byte counts as written that only a cache has, but with sync = "none", which says so.
 */
#ifndef WORKLOADS_IO_LOOP_H
#define WORKLOADS_IO_LOOP_H

#include "os/port.h"
#include "sim/base/param.h"

enum io_sync { IO_SYNC_CLOSE, IO_SYNC_EACH, IO_SYNC_NONE };
extern const char *const io_sync_names[], *const io_law_names[];

/* The first member of a program's parameters. */
struct io_loop_params {
    int64_t requests, warmup;
    sim_time think, start;
    int think_law, sync;
    int64_t uid, gid;
    int perm;
    bool own_users;
};
extern const char *const io_perm_names[];
/* Their descriptors. */
#define IO_LOOP_PARAMS                                                                             \
    P_INT(io_loop_params, requests, "8", "1", "10000000",                                          \
          "Requests of each rank after its warm-up."),                                             \
        P_INT(io_loop_params, warmup, "1", "0", "10000000", "Requests of each rank before them.",  \
              "ASSUMED(sessions open and queues fill)"),                                           \
        P_TIME(io_loop_params, think, "0", "0", NULL,                                              \
               "Time that a program computes between two requests; the mean of a law.",            \
               "ASSUMED(none: the file system is the limit)"),                                     \
        P_CHOICE(io_loop_params, think_law, "fixed", io_law_names,                                 \
                 "How think times are drawn: all alike, exponential, or uniform from 0 to twice "  \
                 "the mean."),                                                                     \
        P_TIME(io_loop_params, start, "1ms", "0", "1h",                                            \
               "Each rank begins after a time drawn below this; 0: all at once.",                  \
               "ASSUMED(a loader releases the programs of a job within about a millisecond)"),     \
        P_CHOICE(                                                                                  \
            io_loop_params, sync, "close", io_sync_names,                                          \
            "When what is written goes to the devices: close: after the last request, inside "     \
            "the window; each: after each request; none: when the file system likes."),            \
        P_INT(io_loop_params, uid, "0", "0", "2000000000",                                         \
              "The user whose the programs are, in a file system with rights; 0 may do all."),     \
        P_INT(io_loop_params, gid, "0", "0", "2000000000", "Their group."),                        \
        P_BOOL(io_loop_params, own_users, "false", "Rank r is user uid + r."),                     \
        P_CHOICE(io_loop_params, perm, "rw-rw-rw-", io_perm_names,                                 \
                 "The mode of files that they make; of directories, with search where it reads.")

struct io_loop {
    struct port *port;
    const struct io_loop_params *p;
    uint32_t ranks;
    bool writes;
    bool together;  /* requests are made by all ranks together: one that fails goes on */
    uint64_t count; /* requests of this rank, warm-up and all; 0: as the parameters say */
    bool work;      /* a piece of work even where it reads: the window closes with the last */
    uint64_t from;  /* the first request; above 0: of a program that was at it before */
    void *self;
    /* Request k, from 0. (blocks) False after port_fail. */
    bool (*request)(void *self, uint64_t k);
    /* Between two requests, after thinking; k: the next.  (blocks) False: there is none.  May be
     * NULL. */
    bool (*between)(void *self, uint64_t k);
    bool (*flush)(void *self);              /* (blocks) NULL: nothing to flush */
    const struct measure *inside, *outside; /* times of a request, observed by it; between two */
};
/* Runs it to its end. (blocks) False: a request failed. */
bool io_loop(const struct io_loop *l);
/* What a reader of the figures should know; for one program of the run to say. */
void io_loop_remarks(const struct io_loop *l);

/* A time drawn from the exponential distribution of that mean. */
sim_time io_exponential(struct port *port, sim_time mean);

#endif
