/* job.h: what the programs of the suite have in common: meetings, transfers that check every byte,
 * and the figures of a request.
 *
 * Byte o of a file is byte o of a pattern that hangs on the file alone, so that whoever reads knows
 * what is right, whoever wrote.
 */
#ifndef WORKLOADS_IO_JOB_H
#define WORKLOADS_IO_JOB_H

#include "os/pio/fview.h"

/* Parameters that all of them have, members `system` and `unit` of the struct with that tag; where
 * their files are. */
#define IO_SYSTEM_PARAM(tag) P_CHOICE_OF(tag, system, "pfs", pio_systems, "The file system.")
#define IO_UNIT_PARAM(tag)                                                                         \
    P_SIZE(tag, unit, "64KiB", "1B", "1GiB", "Stripe unit of the files.",                          \
           "Intel PFS, default 64 KB; as recalled, no document at hand")
static inline const struct pio_ops *io_system(int system)
{
    return kind_at(&pio_systems, system);
}

/* Of a program that makes an operation again when a server of it was down or has restarted. */
struct io_patience {
    uint32_t left; /* so often */
    bool again;    /* out: it ended so */
};

/* One rank of a program. */
struct io_job {
    struct os_node *node;
    struct pio *sys;
    uint32_t rank, ranks;
    uint64_t resume;              /* above 0: of a program that was at it before */
    bool verify;                  /* compare what is read */
    struct io_patience *patience; /* NULL: none */
    bool meets_by_nx;             /* where a server may die that ranks would meet by */
};

/* Who a rank is, for pio.user. */
struct io_loop_params;
struct file_rights io_user(const struct io_loop_params *p, uint32_t rank);

enum { IO_GRAIN = 64 };
struct io_target {
    struct pio_file *f;
    struct coll *coll; /* by what method requests are made; NULL: as they are */
    uint64_t seed;
    /* What it has in these runs, behind `want`; NULL: what belongs there by `seed`.  For reads. */
    void (*expect)(const struct io_target *t, const struct file_run *runs, uint32_t count,
                   struct rope *want);
    const void *expect_arg;
    struct fview *typed; /* it sees the file so: a request is some of that from `at` on */
    bool view;   /* the rank's part is the subfile that it sees: a request is one piece of that, */
    uint64_t at; /* from here */
    uint64_t ghost; /* bytes of the rank's memory between two pieces of a request */
    uint32_t zeros; /* of each IO_GRAIN bytes of the file these, the last, are zero */
    char name[64];
};

/* False after port_fail, or when patience says `again`. */
bool io_good(const struct io_job *j, enum pio_status s, const char *what, const char *name);
/* An operation that has failed is to be made again, which it is after this pause; what is left of
 * patience is less by that. (blocks) */
bool io_again(const struct io_job *j, sim_time pause);
/* True when all ranks say so; one that has failed must not leave the others waiting.  They have met
 * before one goes on after its node's crash. (blocks) */
bool io_agree(const struct io_job *j, const char *tag, bool mine);
/* A request of these runs, which stay meanwhile, and whatever belongs to it. */
struct io_transfer {
    struct pio_req q;
    const struct io_target *t;
    const struct file_run *runs;
    uint32_t count;
    struct file_run seen, *places;
    struct rope buffer;
    struct pio_memory memory;
};
/* Fills it and submits it, not by a method. */
void io_start(const struct io_job *j, const struct io_target *t, enum pio_op op,
              const struct file_run *runs, uint32_t count, struct io_transfer *x);
/* Of one that has ended: judges it, and every byte.  False, in silence, of one cancelled. */
bool io_finish(const struct io_job *j, struct io_transfer *x);
/* A request of these runs, of none only by a collective method; its times are added to `sum`.
 * (blocks) */
bool io_transfer(const struct io_job *j, const struct io_target *t, enum pio_op op,
                 const struct file_run *runs, uint32_t count, struct pio_split *sum);

/* The measures of a program's requests; their names begin with `prefix`. */
enum { IO_LATENCY, IO_CLIENT, IO_MESH, IO_QUEUE, IO_ARM, IO_OUTSIDE, IO_RECEIVED, IO_MEASURES };
#define IO_MEASURES_OF(prefix)                                                                     \
    {                                                                                              \
        [IO_LATENCY] = { prefix ".latency", "s", "Time of a request of a program.",                \
                         MEASURE_HISTOGRAM | MEASURE_COLUMN | MEASURE_INSIDE },                    \
        [IO_CLIENT] = { prefix ".client", "s", "Of that: in the client's library.",                \
                        MEASURE_COLUMN },                                                          \
        [IO_MESH] = { prefix ".mesh", "s", "Of that: messages between client and I/O node.",       \
                      MEASURE_COLUMN },                                                            \
        [IO_QUEUE] = { prefix ".queue", "s",                                                       \
                       "Of that: waiting at the I/O node, for tokens and metadata.",               \
                       MEASURE_COLUMN },                                                           \
        [IO_ARM] = { prefix ".arm", "s", "Of that: the device worked.", MEASURE_COLUMN },          \
        [IO_OUTSIDE] = { prefix ".outside", "s",                                                   \
                         "Time of a program between two requests, and after its last: its "        \
                         "flushes and think times.",                                               \
                         MEASURE_OUTSIDE },                                                        \
        [IO_RECEIVED] = { prefix ".received", "B",                                                 \
                          "One transfer for all (M_GLOBAL): bytes that a program had of it.", 0 }, \
        [IO_MEASURES] = {                                                                          \
            .name = NULL                                                                           \
        }                                                                                          \
    }
#define IO_BANDWIDTH_OF(prefix)                                                                    \
    {                                                                                              \
        prefix ".bandwidth", "B/s",                                                                \
            "Bytes of files read or written a second, in the window; what is transferred once "    \
            "for all counts once.",                                                                \
            MEASURE_COLUMN                                                                         \
    }
/* Hands over the times of a request, and the bytes that it has moved. */
void io_report(const struct io_job *j, const struct measure *measures, const struct pio_split *s,
               uint64_t moved);

#endif
