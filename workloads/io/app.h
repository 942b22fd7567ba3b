/* app.h: skeletons of applications: the file operations of a published program, phase by phase.
 *
 * Such a program is written straight down: each call below does nothing once one has failed, and
 * all ranks go from phase to phase together, or none.
 *
 *   Phases      the time from one meeting of all ranks to the next.
 *   Operations  what the characterisations count: each is one observation of its measure and one of
 *               its counter, whatever requests the file system makes of it.
 *   Window      has all operations of all ranks, and nothing that was made beforehand.
 *
 * Every byte that is read is compared with what the file has there; so is what is told to other
 * ranks by messages, where the machine boots NX.
 *
 * Files are those of os/pio; a mode that the system does not have is PIO_PLAIN, and where it has no
 * pointers a seek costs nothing.
 */
#ifndef WORKLOADS_IO_APP_H
#define WORKLOADS_IO_APP_H

#include "os/nx/nx.h"
#include "workloads/io/job.h"
#include "workloads/workload.h"

enum app_op {
    APP_OPEN,
    APP_READ,
    APP_ASYNC, /* a read is started */
    APP_WAIT,  /* and awaited */
    APP_WRITE,
    APP_SEEK,
    APP_FLUSH, /* what the client has goes to the file system */
    APP_SIZE,  /* space is set aside */
    APP_CLOSE,
    APP_OPS
};

/* Where the measures of a program are: transfers (IO_LATENCY ... IO_ARM), operations, phases. */
enum { APP_TIME = IO_ARM + 1, APP_PHASE = APP_TIME + APP_OPS };
#define APP_MEASURES                                                                               \
    [IO_LATENCY] = { "file.latency", "s", "Time of a transfer of a program.",                      \
                     MEASURE_HISTOGRAM | MEASURE_COLUMN },                                         \
    [IO_CLIENT] = { "file.client", "s", "Of that: in the client's library.", 0 },                  \
    [IO_MESH] = { "file.mesh", "s", "Of that: messages between client and I/O node.", 0 },         \
    [IO_QUEUE] = { "file.queue", "s",                                                              \
                   "Of that: waiting at the I/O node, for tokens and metadata.", 0 },              \
    [IO_ARM] = { "file.arm", "s", "Of that: the device worked.", 0 },                              \
    [APP_TIME + APP_OPEN] = { "app.open", "s", "Time of an open.", 0 },                            \
    [APP_TIME + APP_READ] = { "app.read", "s", "Time of a read.", 0 },                             \
    [APP_TIME + APP_ASYNC] = { "app.async", "s", "Time to start an asynchronous read.", 0 },       \
    [APP_TIME + APP_WAIT] = { "app.wait", "s", "Time that the program waited for one.", 0 },       \
    [APP_TIME + APP_WRITE] = { "app.write", "s", "Time of a write.", 0 },                          \
    [APP_TIME + APP_SEEK] = { "app.seek", "s", "Time of a seek.", 0 },                             \
    [APP_TIME + APP_FLUSH] = { "app.flush", "s", "Time of a flush to the file system.", 0 },       \
    [APP_TIME + APP_SIZE] = { "app.size", "s", "Time to set space aside for a file.", 0 },         \
    [APP_TIME + APP_CLOSE] = { "app.close", "s", "Time of a close.", 0 }
#define APP_PHASE_MEASURE(name, doc)                                                               \
    {                                                                                              \
        name, "s", doc, MEASURE_COLUMN                                                             \
    }
extern const struct counter app_counters[]; /* "app.*" */
/* Shares of the time that ranks spend in operations. */
extern const struct counter_ratio app_ratios[];
extern const struct measure app_bandwidth;

/* Parameters that all have: the first member, `app`, of a program's. */
struct app_params {
    int64_t nodes, unit, factor;
    int system;
};
#define APP_PARAMS                                                                                 \
    IO_SYSTEM_PARAM(app_params),                                                                   \
        P_INT(app_params, nodes, "0", "0", NULL, "Compute nodes that take part; 0: all."),         \
        IO_UNIT_PARAM(app_params),                                                                 \
        P_INT(app_params, factor, "0", "0", "4096",                                                \
              "I/O nodes that a file is striped over; 0: all.",                                    \
              "Intel PFS: a mount spreads files over all its stripe directories; as recalled")

/* One rank of it. */
struct app {
    struct io_job j;
    const struct app_params *p;
    const struct measure *measures;
    struct nx *nx; /* NULL: the machine boots none */
    bool fine;
    uint32_t meetings, phases;
    sim_time since; /* the phase began */
    struct {
        uint64_t count[APP_OPS], time[APP_OPS], all; /* times in ps */
        uint64_t read_bytes, write_bytes;
    } counts;
};

/* ---- descriptors ---- */
/* Those of the system that the parameters name; */
const struct os_service_ops *const *app_services(const void *params);
/* ranks of the program. */
uint32_t app_programs(const void *params, const struct os_layout *l);
/* Refuses a machine without room for so many files of so many bytes in all, or without a call. */
bool app_check(const struct app_params *p, const struct os_layout *l, uint64_t files,
               uint64_t bytes, struct err *e) MUST_CHECK;

/* ---- a run ---- */
/* This rank, with nothing open; its counters go to the results. */
struct app *app_new(struct os_node *n, const struct program *me, const struct measure *measures);
/* What was made is there: the window opens and the first phase begins. (blocks) */
void app_begin(struct app *a);
/* All ranks have come here. (blocks) */
void app_meet(struct app *a);
/* The phase ends for all. (blocks) */
void app_phase(struct app *a);
/* The window closes for all; what comes then is not measured.  True: all went well. (blocks) */
bool app_end(struct app *a);
void app_free(struct app *a);

/* ---- files ---- */
/* Its name and pattern, for who opens it; `of` tells files of one name apart. */
void app_file(struct io_target *t, const char *name, uint32_t of);
/* Beforehand, by one rank: the file is there and `bytes` long, full of the pattern `seed` where
 * that is not 0. (blocks) */
void app_make(struct app *a, const struct io_target *t, uint64_t seed, uint64_t bytes);
/* mode: its name, "": PIO_PLAIN; shared: all ranks open it.  Made where it is not there.
 * (blocks) */
void app_open(struct app *a, struct io_target *t, const char *mode, bool shared);
/* All ranks, of a shared file. (blocks) */
void app_mode(struct app *a, struct io_target *t, const char *mode);
void app_move(struct app *a, struct io_target *t, enum pio_op op, uint64_t off,
              uint64_t len); /* (blocks) */
/* `count` transfers one behind the other, of `bytes` in all: the last has what division leaves.
 * Where it ended. (blocks) */
uint64_t app_series(struct app *a, struct io_target *t, enum pio_op op, uint64_t off,
                    uint64_t count, uint64_t bytes);
void app_seek(struct app *a, struct io_target *t, uint64_t off);  /* (blocks) */
void app_flush(struct app *a, struct io_target *t);               /* (blocks) */
void app_size(struct app *a, struct io_target *t, uint64_t size); /* (blocks) */
/* What it wrote is on the devices before. (blocks) */
void app_close(struct app *a, struct io_target *t);
/* It stays open until the program has gone, as programs leave files. (blocks) */
void app_leave(struct app *a, struct io_target *t);

struct app_ahead { /* an asynchronous read */
    struct io_transfer x;
    struct file_run run;
    bool under_way;
};
/* Starts one; x is the caller's until app_wait. */
void app_start(struct app *a, struct io_target *t, uint64_t off, uint64_t len, struct app_ahead *x);
void app_wait(struct app *a, struct app_ahead *x); /* (blocks) */

/* ---- messages; nothing where the machine boots no NX ---- */
/* All ranks get `len` bytes of the file's pattern that rank 0 has, by a tree. (blocks) */
void app_tell(struct app *a, const struct io_target *t, uint64_t off, uint64_t len);
/* `len` bytes at `off` go from rank to rank; called by these two. (blocks) */
void app_hand(struct app *a, const struct io_target *t, uint64_t off, uint64_t len, uint32_t from,
              uint32_t to);

/* A program's descriptor, of its `measures`, `params_desc`, `check`, `files` and `program`. */
#define APP_WORKLOAD(name_, doc_)                                                                  \
    {                                                                                              \
        .kind = { .name = name_,                                                                   \
                  .doc = doc_,                                                                     \
                  .params = params_desc,                                                           \
                  .params_size = sizeof(struct params) },                                          \
        .measures = measures, .rate = &app_bandwidth, .ratios = app_ratios, .check = check,        \
        .programs = app_programs, .files = files, .services_of = app_services, .main = program     \
    }

#endif
