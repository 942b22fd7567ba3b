/* restore.c: programs get files back from the archive: at random, or one after the other.
 *
 * A file is `file` bytes of a virtual volume; a volume has as many as fit.  Each program asks for
 * `batch` of them at once, and for the next when one has come (`window`), or when all of the batch
 * have (`batch`), or by itself after a random time (`open`).  What comes is compared, byte for
 * byte, with what the cartridge was declared to hold.
 */
#include "os/hsm/archive.h"
#include "workloads/io/loop.h"
#include "workloads/tape/data.h"
#include "workloads/workload.h"

enum restore_law { RESTORE_WINDOW, RESTORE_BATCH, RESTORE_OPEN };
static const char *const laws[] = { "window", "batch", "open", NULL };
enum restore_access { RESTORE_RANDOM, RESTORE_SEQUENTIAL };
static const char *const accesses[] = { "random", "sequential", NULL };

struct restore_params {
    int64_t nodes, requests, batch, volumes, blocks, file;
    int law, access;
    sim_time think;
    bool check;
};

static const struct param restore_params[] = {
    P_INT(restore_params, nodes, "0", "0", "60000", "Compute nodes that take part; 0: all.",
          "ASSUMED(the experiment's choice)"),
    P_INT(restore_params, requests, "10", "1", "100000000", "Files that each of them gets.",
          "ASSUMED(the experiment's choice)"),
    P_INT(restore_params, batch, "1", "1", "100000", "Files that it asks for at once.",
          "ASSUMED(the experiment's choice)"),
    P_CHOICE(restore_params, law, "window", laws,
             "When the next is asked for: as one has come, as all of the batch have, or by itself.",
             "ASSUMED(the experiment's choice)"),
    P_CHOICE(restore_params, access, "random", accesses,
             "Which file is next: any, or the one behind the last.",
             "ASSUMED(the experiment's choice)"),
    P_INT(restore_params, volumes, "1", "1", "10000000",
          "Virtual volumes that they ask for, from the first.", "ASSUMED(the experiment's choice)"),
    P_INT(restore_params, blocks, "1000", "1", "1000000000", "Blocks of each that have files.",
          "ASSUMED(the experiment's choice)"),
    P_INT(restore_params, file, "1", "1", "1000000000", "Blocks of a file.",
          "ASSUMED(the experiment's choice)"),
    P_TIME(restore_params, think, "0s", "0s", "1000h",
           "From a batch to the next; of law open the mean time, drawn exponentially, from one "
           "request to the next.",
           "ASSUMED(the experiment's choice)"),
    P_BOOL(restore_params, check, "true", "What comes is compared with what was declared.",
           "ASSUMED(the experiment's choice)"),
    P_END,
};

enum { M_TIME, M_FILE, M_FAILED };
static const struct measure measures[] = {
    [M_TIME] = { "restore.time", "s", "From the start of a program until all has come.",
                 MEASURE_COLUMN | MEASURE_TOTAL },
    [M_FILE] = { "restore.file", "s", "From the request for a file until it is there.",
                 MEASURE_COLUMN | MEASURE_HISTOGRAM | MEASURE_TOTAL },
    [M_FAILED] = { "restore.failed", "1", "Files that could not be had.", MEASURE_TOTAL },
    { .name = NULL },
};

struct file {
    struct archive_read read; /* first */
    struct restore *owner;
    sim_time since;
};

struct restore {
    struct port *port;
    const struct restore_params *p;
    struct archive *archive;
    struct port_thread *thread;
    uint64_t files, asked, came, failed;
    uint32_t rank, ranks;
    bool wrong;
};

static void take(struct archive_read *r, uint64_t offset, struct rope *data)
{
    struct restore *x = ((struct file *)r)->owner;
    port_delivered(x->port, data->length, 0);
    if (x->p->check && !x->wrong)
        x->wrong = !tape_declared(x->port, x->archive, r->volume, r->first, offset, data);
}

static void done(struct archive_read *r)
{
    struct file *f = (struct file *)r;
    struct restore *x = f->owner;
    x->came++;
    if (r->status == HSM_OK) {
        port_measure(x->port, &measures[M_FILE], sim_time_seconds(port_now(x->port) - f->since));
        port_progress(x->port, f->since, (double)(r->count * archive_block(x->archive)));
    } else {
        x->failed++;
        port_remark(x->port, "block %llu of volume %u: %s",
                    (unsigned long long)(r->status == HSM_MEDIUM ? r->bad : r->first), r->volume,
                    hsm_status_name(r->status));
    }
    port_free(x->port, f);
    port_thread_wake(x->port, x->thread);
}

static void ask(struct restore *x)
{
    struct file *f = port_alloc(x->port, sizeof *f);
    uint64_t each = (uint64_t)x->p->blocks / (uint64_t)x->p->file, n = x->asked++;
    if (x->p->access == RESTORE_RANDOM)
        n = port_random_below(x->port, x->files);
    else
        n = (n + x->rank * (x->files / x->ranks)) % x->files;
    f->owner = x;
    f->since = port_now(x->port);
    f->read = (struct archive_read){ .volume = (uint32_t)(n / each),
                                     .first = n % each * (uint64_t)x->p->file,
                                     .count = (uint64_t)x->p->file,
                                     .take = take,
                                     .done = done };
    archive_read(x->archive, &f->read);
}

static void wait_for(struct restore *x, uint64_t under_way)
{
    while (x->asked - x->came > under_way)
        port_thread_block(x->port, "files from the archive", x->asked - x->came);
}

static void program(struct os_node *node, const struct program *me)
{
    const struct restore_params *p = me->params;
    struct restore x = { .port = me->task, .p = p, .rank = me->rank, .ranks = me->ranks };
    x.archive = os_find(node, &archive_service);
    x.thread = port_thread_self(me->task);
    x.files = (uint64_t)p->volumes * ((uint64_t)p->blocks / (uint64_t)p->file);
    port_window(me->task, true, me->ranks);
    while (x.asked < (uint64_t)p->requests) {
        if (p->law == RESTORE_OPEN) {
            port_thread_sleep(me->task, io_exponential(me->task, p->think));
        } else if (x.asked % (uint64_t)p->batch == 0 || p->law == RESTORE_WINDOW) {
            wait_for(&x, p->law == RESTORE_WINDOW ? (uint64_t)p->batch - 1 : 0);
            if (p->think > 0 && x.asked > 0)
                port_thread_sleep(me->task, p->think);
        }
        ask(&x);
    }
    wait_for(&x, 0);
    port_window(me->task, false, me->ranks);
    port_measure(me->task, &measures[M_TIME], sim_time_seconds(port_now(me->task)));
    port_measure(me->task, &measures[M_FAILED], (double)x.failed);
}

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct restore_params *p = params;
    return workload_nodes_check(p->nodes, layout, e) &&
           (p->blocks >= p->file ||
            err_set(e,
                    "workload.file is %lld blocks, but workload.blocks says that a volume has %lld",
                    (long long)p->file, (long long)p->blocks));
}

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    return workload_nodes(((const struct restore_params *)params)->nodes, layout);
}

static const struct os_service_ops *const services[] = { &archive_service, NULL };

const struct workload_ops workload_restore = {
    .kind = { .name = "restore",
              .doc = "Programs that get files back from an archive on tapes.",
              .params = restore_params,
              .params_size = sizeof(struct restore_params) },
    .measures = measures,
    .check = check,
    .programs = programs,
    .services = services,
    .main = program,
};
