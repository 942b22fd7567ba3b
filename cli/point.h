/* point.h: one point: builds the world from resolved data, runs it, audits it, collects the result.
 *
 * point_run is called in a worker process (cli/worker.h) that does nothing else, since SimGrid
 * allows one engine a process and a crash may end it.  The result crosses a socket as bytes.
 */
#ifndef CLI_POINT_H
#define CLI_POINT_H

#include "cli/config.h"
#include "cli/wire.h"
#include "sim/measure.h"
#include "sim/server.h"
#include "sim/sim.h"

enum point_status {
    POINT_OK,           /* ended as it should, audit clean */
    POINT_FAILED_AUDIT, /* the accounts do not balance, or the program found wrong data */
    POINT_REFUSED,      /* the parameters do not fit together: the world could not be built */
    POINT_DEADLOCK,     /* threads blocked for ever */
    POINT_LIMIT,        /* simulated time, events, host time or memory ran out */
    POINT_CRASHED,      /* the worker died by a signal or an assertion */
    POINT_UNWRITTEN,    /* ended as it should, but a file it writes was lost */
    POINT_INTERRUPTED,  /* ended by the user: not recorded */
    POINT_UNUSED,       /* a bisection did not ask for it: neither run nor told */
    POINT_STATUS_COUNT
};
const char *point_status_name(enum point_status s); /* "ok", "audit", "refused", ... */

/* Only these two are finished: --resume runs all others again. */
static inline bool point_finished(enum point_status s)
{
    return s == POINT_OK || s == POINT_FAILED_AUDIT;
}

struct point_scalar {
    char *name, *unit;
    double value, half_width; /* half width at 95 %; NAN: none is claimed */
    unsigned flags;           /* enum sim_measure_flags */
};
struct point_busy {
    char *name;
    enum sim_kind kind;
    int32_t node;
    sim_time time; /* busy inside the window */
    double share;  /* of the window */
    uint64_t uses;
};
struct point_bin {
    char *measure;
    double lo, hi;
    uint64_t count;
};
struct point_sample {
    char *series, *unit;
    sim_time at;
    double value;
};

struct point_result {
    enum point_status status;
    char *message; /* one or more lines: what went wrong; NULL when nothing did */
    char digest[33];
    sim_time end_time; /* simulated */
    sim_time window;   /* length of the measurement window */
    uint64_t events;
    double host_seconds;
    uint64_t host_bytes; /* peak resident set */
    struct point_scalar *scalars;
    size_t scalar_count;
    struct point_busy *busy;
    size_t busy_count;
    struct point_bin *bins;
    size_t bin_count;
    struct point_sample *samples;
    size_t sample_count;
    char **remarks;
    size_t remark_count;
};

struct point_options {
    bool flatten;                  /* messages are flattened at node boundaries: same digest */
    bool fsck;                     /* the devices are looked at when all is over */
    const char *trace;             /* Chrome trace to write; NULL: none */
    sim_time trace_from, trace_to; /* its window; to 0: no end */
    const char *trace_categories;  /* NULL: all */
    const char *trace_nodes;       /* NULL: all; see cli_trace_nodes */
    const char *pcap;              /* capture to write; NULL: none */
    const char *pcap_at;           /* of what: see machine_capture */
    const char *output_dir;        /* per-packet and per-request files; NULL: none */
    const char *images;            /* folder: what the devices begin with; NULL: they are blank */
    const char *save_images;       /* folder: gets what they have in the end; NULL: not asked for */
    /* Called with the run when it begins and with NULL when it has ended, so that a progress report
     * can read its clock; may be NULL. */
    void (*started)(void *arg, const struct sim *s);
    void *started_arg;
};

/* Runs the point to its end.  *out is filled whatever happens, unless the process dies.  What was
 * built stands until point_end, which a process that ends need not call: of a large machine that is
 * a tenth of its set-up. */
void point_run(const struct config_point *p, const struct point_options *o,
               struct point_result *out);
void point_end(void);

/* Builds the point's world and takes it down again; nothing runs.  False with one sentence when the
 * parameters do not fit together. */
bool point_check(const struct config_point *p, struct err *e) MUST_CHECK;

/* The same for every combination of a configuration: each is judged by what is known without a
 * world, and while `seconds` of processor time last, the world is built as well. */
bool point_check_all(const struct config *c, double seconds, struct err *e) MUST_CHECK;

/* Empty, status POINT_OK. */
void point_result_init(struct point_result *r);
/* Frees what it holds; it is empty afterwards. */
void point_result_fini(struct point_result *r);
/* Appends it to the buffer. */
void point_result_put(struct wire *w, const struct point_result *r);
/* Reads what point_result_put wrote; what *r held before is not freed.  False when the bytes are
 * bad: *r is empty then. */
bool point_result_get(struct wire_reader *rd, struct point_result *r) MUST_CHECK;

/* The scalar of that name; "latency" alone finds "latency.mean".  NULL when there is none. */
const struct point_scalar *point_scalar(const struct point_result *r, const char *name);
/* How the point is to be marked where it is shown: without a window, saturated, not steady. */
enum sim_why point_mark(const struct point_result *r);
/* The busiest resource, NULL when none was registered. */
const struct point_busy *point_busiest(const struct point_result *r);

#endif
