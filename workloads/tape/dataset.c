/* dataset.c: programs go through a data set of many files, larger than the disks that have room for
 * some of it, and check every byte.
 *
 * The walk (walk.h) says what a step touches; a step asks for all of it at once, and the program
 * computes for a while until the next.  It reads through the file system alone: whether a file is
 * on a disk or on a tape is a matter of what lies below.  Beforehand rank 0 has written the files,
 * one after the other, so the order of their creation, and of their names, is the data set's.
 *
 * What the program tells of its reads (`hints`):
 *   none
 *   list   all steps before the first, in order
 *   ahead  pre-execution: a thread of its own goes through the program's index computations, up to
 *          `ahead` steps before the program, and tells what each will touch [the idea is that of
 *          query pre-execution, Yu & DeWitt 1996, known here by its name]
 * What it tells an archive below its files (`archive`), rank `teller` for all:
 *   none
 *   purge  each file is migrated and purged once it is written, so the first read of each byte
 *          finds it on tape
 *   stage  the same; and all files are staged, one after the other, before the first step
 *   pin    the first `pinned` files stay on the disk, for so long (`pin`), or until the end
 * A part `wrong` of the hints names a file at random in place of the one that comes.
 *
 * What finds a server down is made again, `retries` times; a hint of reads that finds one is lost.
 */
#include <stdio.h>

#include "os/nx/nx.h"
#include "workloads/io/job.h"
#include "workloads/io/loop.h"
#include "workloads/tape/walk.h"
#include "workloads/workload.h"

enum archive { ARCHIVE_NONE, ARCHIVE_PURGE, ARCHIVE_STAGE, ARCHIVE_PIN };
static const char *const archive_names[] = { "none", "purge", "stage", "pin", NULL };
enum hints { HINTS_NONE, HINTS_LIST, HINTS_AHEAD };
static const char *const hint_names[] = { "none", "list", "ahead", NULL };

struct dataset_params {
    struct io_loop_params loop;
    struct walk_params walk;
    int64_t piece, nodes, unit, ahead, retries, teller, pinned;
    int system, hints, archive;
    double wrong;
    sim_time index, settle, retry_delay, pin;
    bool verify;
};

static const struct param dataset_params[] = {
    IO_SYSTEM_PARAM(dataset_params),
    P_TABLE(dataset_params, walk, walk_params_desc, "What is touched, step by step."),
    P_SIZE(dataset_params, piece, "64KiB", "1B", "1GiB", "Bytes of a piece.",
           "ASSUMED(the experiment's choice)"),
    P_INT(dataset_params, nodes, "1", "0", "60000", "Compute nodes that take part; 0: all.",
          "ASSUMED(the experiment's choice)"),
    IO_UNIT_PARAM(dataset_params),
    IO_LOOP_PARAMS,
    P_CHOICE(dataset_params, hints, "none", hint_names,
             "What a program tells of its reads: nothing; all before the first; what a thread of "
             "its own that goes ahead of it has found.",
             "ASSUMED(the experiment's choice)"),
    P_INT(dataset_params, ahead, "8", "1", "1000000", "Steps by which that thread is ahead.",
          "ASSUMED(the experiment's choice)"),
    P_TIME(dataset_params, index, "0", "0", "1h",
           "What it computes to know what a step touches, for a list too.",
           "ASSUMED(the experiment's choice)"),
    P_REAL(dataset_params, wrong, "0", "0", "1", "Part of the hints that name another file.",
           "ASSUMED(the experiment's choice)"),
    P_CHOICE(
        dataset_params, archive, "none", archive_names,
        "What a program tells the archive below its files: nothing; each file is migrated and "
        "purged once it is written; the same, and all are staged before the first step; or the "
        "first files are pinned once they are written.",
        "ASSUMED(the experiment's choice)"),
    P_INT(dataset_params, pinned, "1", "1", "1000000", "archive 'pin': so many files.",
          "ASSUMED(the experiment's choice)"),
    P_TIME(dataset_params, pin, "0", "0", "1000h",
           "archive 'pin': for so long, in whole seconds; 0: until the end.",
           "ASSUMED(the experiment's choice)"),
    P_INT(dataset_params, teller, "0", "0", "60000",
          "Which program tells it; another than the first, which has made the files, does so once "
          "all have opened them.",
          "ASSUMED(the experiment's choice)"),
    P_TIME(dataset_params, settle, "0", "0", "1000h",
           "From the end of the writing of the data set to the first step.",
           "ASSUMED(the experiment's choice)"),
    P_INT(dataset_params, retries, "0", "0", "1000000",
          "How often a step, or what is done to a file, is made again that finds a server down, or "
          "one that has restarted since.",
          "ASSUMED(programs of the time had none)"),
    P_TIME(dataset_params, retry_delay, "1s", "1us", "1h", "Pause before that.",
           "ASSUMED(a restart takes some)"),
    P_BOOL(dataset_params, verify, "true", "Every byte that is read is compared.",
           "ASSUMED(a wrong byte fails the run)"),
    P_END,
};

enum { M_TIME = IO_MEASURES, M_FILL, M_HINTS, M_WRONG, M_PINNED };
static const struct measure measures[] = {
    [IO_LATENCY] = { "dataset.latency", "s", "Time of a step: until all it touches is there.",
                     MEASURE_HISTOGRAM | MEASURE_COLUMN | MEASURE_INSIDE },
    [IO_CLIENT] = { "dataset.client", "s", "Of its last transfer: in the client's library.", 0 },
    [IO_MESH] = { "dataset.mesh", "s", "Of its last transfer: messages.", 0 },
    [IO_QUEUE] = { "dataset.queue", "s", "Of its last transfer: waiting at the servers.", 0 },
    [IO_ARM] = { "dataset.arm", "s", "Of its last transfer: the device worked.", 0 },
    [IO_OUTSIDE] = { "dataset.outside", "s", "Time of a program between two steps.",
                     MEASURE_OUTSIDE },
    [IO_RECEIVED] = { "dataset.touched", "B", "Bytes that a step touches.", 0 },
    [M_TIME] = { "dataset.time", "s", "From the first step of a program to the end of its last.",
                 MEASURE_COLUMN | MEASURE_TOTAL },
    [M_FILL] = { "dataset.fill", "s", "From the start until the data set is written.",
                 MEASURE_TOTAL },
    [M_HINTS] = { "dataset.hints", "1", "Hints of a program.", MEASURE_TOTAL },
    [M_WRONG] = { "dataset.wrong", "1", "Of these: of another file than comes.", MEASURE_TOTAL },
    [M_PINNED] = { "dataset.pinned", "s", "Time of a step that touches pinned files alone.", 0 },
    { .name = NULL },
};
static const struct measure rate = { "dataset.bandwidth", "B/s",
                                     "Bytes of files read a second, in the window.",
                                     MEASURE_COLUMN };

struct slot {
    struct file_run run;
    struct io_transfer x;
    bool moved;
};

struct run {
    struct io_job j;
    struct io_patience patience;
    const struct dataset_params *p;
    struct io_target *files;
    struct walk walk;
    struct walk_piece *pieces;
    struct slot *slots;
    struct pio_req **left;
    uint64_t done, steps; /* steps that have ended, and of all */
    /* pre-execution */
    struct walk before;
    struct walk_piece *told;
    uint64_t told_steps, hints, wrong;
    struct port_thread *program, *scout;
    bool scouting, stop;
};

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    return workload_nodes(((const struct dataset_params *)params)->nodes, layout);
}

static uint32_t files(const void *params, const struct os_layout *layout)
{
    const struct dataset_params *p = params;
    (void)layout;
    return pio_file_count(kind_at(&pio_systems, p->system), (uint32_t)p->walk.files);
}

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct dataset_params *p = params;
    if (!workload_nodes_check(p->nodes, layout, e) || !walk_check(&p->walk, "workload.walk", e))
        return false;
    if (p->retries > 0 && os_service_params(layout, &nx_service) == NULL)
        return err_set(e, "workload.retries: programs then meet by NX, which no node boots");
    if (p->archive != ARCHIVE_NONE && p->teller >= programs(p, layout))
        return err_set(e, "workload.teller is %lld, but there are %u programs, from 0 on",
                       (long long)p->teller, programs(p, layout));
    const struct pio_plan plan = {
        .path = "workload",
        .can = PIO_CAN(PIO_AGREE) | PIO_CAN(PIO_FILL) |
               (p->hints == HINTS_NONE && p->archive == ARCHIVE_NONE ? 0 : PIO_CAN(PIO_HINT)),
        .traits = programs(p, layout) > 1 ? PIO_SHARED : 0u,
        .unit = (uint64_t)p->unit,
        .files = files(p, layout),
        .ranks = programs(p, layout),
        .size = (uint64_t)(p->walk.pieces * p->piece),
    };
    return pio_check(io_system(p->system), layout, &plan, e);
}

/* ---- the files ---- */

static void be_patient(struct run *r)
{
    r->patience = (struct io_patience){ .left = (uint32_t)r->p->retries };
}

static bool again(struct run *r)
{
    return io_again(&r->j, r->p->retry_delay);
}

/* Who had it open before may use that still: the thread ahead. */
static bool open_file(struct run *r, uint32_t k, unsigned flags)
{
    struct io_target *t = &r->files[k];
    bool fine;
    (void)snprintf(t->name, sizeof t->name, "set%u.%06u", walk_set(&r->walk, k), k);
    t->seed = UINT64_C(0x64617461736574) + k;
    const struct pio_open o = { .name = t->name,
                                .flags = flags,
                                .rank = r->j.rank,
                                .ranks = r->j.ranks,
                                .mode = PIO_PLAIN,
                                .unit = (uint64_t)r->p->unit };
    be_patient(r);
    do
        fine = io_good(&r->j, pio_open(r->j.sys, &o, &t->f), "open", t->name);
    while (!fine && again(r));
    return fine;
}

/* What a crash could undo is flushed with it, or done again. */
static enum pio_status do_it(struct run *r, const struct io_target *t, const struct pio_control *c)
{
    struct pio_control x = *c;
    enum pio_status s = pio_control(r->j.sys, t->f, &x);
    return s == PIO_OK && r->p->retries > 0 && c->what == PIO_FILL ? pio_flush(t->f) : s;
}

static bool control(struct run *r, uint32_t k, const struct pio_control *c, const char *what)
{
    struct io_target *t = &r->files[k];
    be_patient(r);
    for (;;) {
        enum pio_status s = do_it(r, t, c);
        if (io_good(&r->j, s, what, t->name))
            return true;
        if (!again(r))
            return false;
        const struct io_patience left = r->patience;
        if (s == PIO_STALE && !open_file(r, k, 0))
            return false;
        r->patience = left;
    }
}

static bool fill(struct run *r, uint32_t k)
{
    const struct pio_control c = { .what = PIO_FILL,
                                   .seed = r->files[k].seed,
                                   .value = (uint64_t)(r->p->walk.pieces * r->p->piece),
                                   .cold = true };
    return control(r, k, &c, "fill");
}

static bool tell_archive(struct run *r, uint32_t k, enum pio_hint what)
{
    static const char *const names[] = { [PIO_HINT_STAGE] = "stage",
                                         [PIO_HINT_PURGE] = "purge",
                                         [PIO_HINT_PIN] = "pin",
                                         [PIO_HINT_UNPIN] = "unpin",
                                         [PIO_HINT_MIGRATE] = "migrate" };
    const struct pio_control c = { .what = PIO_HINT,
                                   .value = what,
                                   .number = (uint64_t)((r->p->pin + SIM_SEC - 1) / SIM_SEC) };
    return control(r, k, &c, names[what]);
}

static bool put_away(struct run *r, uint32_t k)
{
    if (r->p->archive == ARCHIVE_PIN)
        return k >= (uint64_t)r->p->pinned || tell_archive(r, k, PIO_HINT_PIN);
    return r->p->archive == ARCHIVE_NONE ||
           (tell_archive(r, k, PIO_HINT_MIGRATE) && tell_archive(r, k, PIO_HINT_PURGE));
}

static bool make(struct run *r, uint32_t k)
{
    return open_file(r, k, PIO_O_CREATE) && fill(r, k) && (r->p->teller > 0 || put_away(r, k));
}

static bool open_all(struct run *r)
{
    bool maker = r->j.rank == 0, tells = r->j.rank == (uint64_t)r->p->teller, fine = true;
    uint32_t n = (uint32_t)r->p->walk.files;
    for (uint32_t k = 0; k < n && maker && fine; k++)
        fine = make(r, k);
    if (!io_agree(&r->j, "made", fine))
        return false;
    if (maker)
        port_measure(r->j.node->port, &measures[M_FILL],
                     sim_time_seconds(port_now(r->j.node->port)));
    for (uint32_t k = 0; k < n && !maker && fine; k++)
        fine = open_file(r, k, 0);
    for (uint32_t k = 0; k < n && !maker && tells && fine; k++)
        fine = put_away(r, k);
    if (r->p->settle > 0)
        port_thread_sleep(r->j.node->port, r->p->settle);
    for (uint32_t k = 0; k < n && tells && fine && r->p->archive == ARCHIVE_STAGE; k++)
        fine = tell_archive(r, k, PIO_HINT_STAGE);
    return io_agree(&r->j, "opened", fine);
}

/* ---- hints ---- */

/* Tells what the next step of the walk ahead touches; pieces of a file that follow each other as
 * one. */
static bool tell_step(struct run *r)
{
    const struct dataset_params *p = r->p;
    uint32_t n = walk_next(&r->before, r->told);
    if (p->index > 0)
        port_compute(r->j.node->port, p->index);
    for (uint32_t i = 0, k; i < n; i = k) {
        for (k = i + 1; k < n && r->told[k].file == r->told[i].file &&
                        r->told[k].piece == r->told[k - 1].piece + 1;)
            k++;
        uint64_t seed = (uint64_t)p->walk.seed * 3 + r->j.rank;
        uint32_t file = r->told[i].file;
        if ((double)walk_draw(seed, 2 * r->hints, 1u << 30) < p->wrong * (double)(1u << 30)) {
            file = (uint32_t)walk_draw(seed, 2 * r->hints + 1, (uint64_t)p->walk.files);
            r->wrong++;
        }
        r->hints++;
        const struct file_run run = { .off = r->told[i].piece * (uint64_t)p->piece,
                                      .len = (k - i) * (uint64_t)p->piece,
                                      .count = 1 };
        struct pio_control c = {
            .what = PIO_HINT, .value = PIO_HINT_WILL_NEED, .runs = &run, .run_count = 1
        };
        struct io_target *t = &r->files[file];
        enum pio_status s = pio_control(r->j.sys, t->f, &c);
        bool lost = r->p->retries > 0 && (s == PIO_SERVER_DOWN || s == PIO_STALE);
        if (!lost && !io_good(&r->j, s, "hint", t->name))
            return false;
    }
    r->told_steps++;
    return true;
}

static void scout(void *arg)
{
    struct run *r = arg;
    uint64_t ahead = (uint64_t)r->p->ahead;
    while (!r->stop && r->told_steps < r->steps) {
        if (r->told_steps >= r->done + ahead)
            port_thread_block(r->j.node->port, "the program to come nearer", r->done);
        else if (!tell_step(r))
            break;
    }
    r->scouting = false;
    port_thread_wake(r->j.node->port, r->program);
}

static bool begin_hints(struct run *r)
{
    if (r->p->hints == HINTS_NONE)
        return true;
    if (r->p->hints == HINTS_LIST) {
        while (r->told_steps < r->steps)
            if (!tell_step(r))
                return false;
        return true;
    }
    r->scouting = true;
    r->scout = port_thread_spawn(r->j.node->port, "scout", scout, r, 0);
    if (r->scout == NULL)
        port_fail(r->j.node->port, "no room for the thread that goes ahead of the program");
    return r->scout != NULL;
}

static void end_hints(struct run *r)
{
    r->stop = true;
    while (r->scouting) {
        port_thread_wake(r->j.node->port, r->scout);
        port_thread_block(r->j.node->port, "the thread ahead to end", 0);
    }
    port_measure(r->j.node->port, &measures[M_HINTS], (double)r->hints);
    port_measure(r->j.node->port, &measures[M_WRONG], (double)r->wrong);
}

/* ---- steps ---- */

/* All of the step's pieces that have not come. */
static bool try_step(struct run *r, uint32_t n, struct pio_split *last)
{
    const struct dataset_params *p = r->p;
    uint32_t under_way = 0;
    bool fine = true;
    for (uint32_t i = 0; i < n; i++) {
        struct slot *s = &r->slots[i];
        if (s->moved)
            continue;
        s->run = (struct file_run){ .off = r->pieces[i].piece * (uint64_t)p->piece,
                                    .len = (uint64_t)p->piece,
                                    .count = 1 };
        io_start(&r->j, &r->files[r->pieces[i].file], PIO_READ, &s->run, 1, &s->x);
        r->left[i] = &s->x.q;
        under_way++;
    }
    for (; under_way > 0; under_way--) {
        uint32_t i = pio_wait_any(r->left, n);
        *last = r->left[i]->split;
        r->left[i] = NULL;
        r->slots[i].moved = io_finish(&r->j, &r->slots[i].x);
        fine = fine && r->slots[i].moved;
    }
    return fine;
}

static bool open_stale(struct run *r, uint32_t n)
{
    const struct io_patience left = r->patience;
    bool fine = true;
    for (uint32_t i = 0; i < n && fine; i++)
        if (!r->slots[i].moved && r->slots[i].x.q.status == PIO_STALE)
            fine = open_file(r, r->pieces[i].file, 0);
    r->patience = left;
    return fine;
}

/* Of the files that stay on the disk. */
static bool all_pinned(const struct run *r, uint32_t n)
{
    uint32_t i = 0;
    while (i < n && r->pieces[i].file < (uint64_t)r->p->pinned)
        i++;
    return r->p->archive == ARCHIVE_PIN && i == n;
}

static bool step(void *self, uint64_t k)
{
    struct run *r = self;
    const struct dataset_params *p = r->p;
    struct port *port = r->j.node->port;
    struct pio_split sum = { .latency = 0 };
    sim_time since = port_now(port);
    uint32_t n = walk_next(&r->walk, r->pieces);
    for (uint32_t i = 0; i < n; i++)
        r->slots[i].moved = false;
    be_patient(r);
    bool fine = try_step(r, n, &sum);
    while (!fine && again(r))
        fine = open_stale(r, n) && try_step(r, n, &sum);
    sum.client += port_now(port) - since - sum.latency;
    sum.latency = port_now(port) - since;
    r->done = k + 1;
    if (r->scouting)
        port_thread_wake(port, r->scout);
    if (fine) {
        port_measure(port, &measures[IO_RECEIVED], (double)n * (double)p->piece);
        io_report(&r->j, measures, &sum, n * (uint64_t)p->piece);
        if (all_pinned(r, n))
            port_measure(port, &measures[M_PINNED], sim_time_seconds(sum.latency));
    }
    return fine;
}

static bool loop(struct run *r)
{
    const struct io_loop l = { .port = r->j.node->port,
                               .p = &r->p->loop,
                               .ranks = r->j.ranks,
                               .work = true,
                               .self = r,
                               .request = step,
                               .inside = &measures[IO_LATENCY],
                               .outside = &measures[IO_OUTSIDE] };
    sim_time since = port_now(l.port);
    bool fine = begin_hints(r) && io_loop(&l);
    port_measure(l.port, &measures[M_TIME], sim_time_seconds(port_now(l.port) - since));
    end_hints(r);
    return fine;
}

static void program(struct os_node *node, const struct program *me)
{
    const struct dataset_params *p = me->params;
    struct port *port = node->port;
    uint32_t most = walk_most(&p->walk);
    struct run *r = port_alloc(port, sizeof *r);
    *r = (struct run){ .j = { .node = node,
                              .sys = pio_find(io_system(p->system), node),
                              .rank = me->rank,
                              .ranks = me->ranks,
                              .verify = p->verify,
                              .meets_by_nx = p->retries > 0 },
                       .p = p,
                       .steps = (uint64_t)(p->loop.warmup + p->loop.requests) };
    r->j.patience = &r->patience;
    r->j.sys->user = io_user(&p->loop, me->rank);
    r->program = port_thread_self(port);
    r->files = port_alloc(port, (size_t)p->walk.files * sizeof *r->files);
    r->pieces = port_alloc(port, most * sizeof *r->pieces);
    r->told = port_alloc(port, most * sizeof *r->told);
    r->slots = port_alloc(port, most * sizeof *r->slots);
    r->left = port_alloc(port, most * sizeof(struct pio_req *));
    walk_init(&r->walk, port, &p->walk, me->rank, me->ranks);
    walk_init(&r->before, port, &p->walk, me->rank, me->ranks);
    if (!open_all(r) || !io_agree(&r->j, "looped", loop(r)))
        return;
    bool fine = true, unpins = p->archive == ARCHIVE_PIN && me->rank == (uint64_t)p->teller;
    for (uint32_t k = 0; unpins && fine && k < (uint64_t)p->pinned && k < p->walk.files; k++)
        fine = tell_archive(r, k, PIO_HINT_UNPIN);
    for (uint32_t k = 0; k < (uint32_t)p->walk.files; k++)
        (void)io_good(&r->j, pio_close(r->files[k].f), "close", r->files[k].name);
}

static const struct os_service_ops *const *services_of(const void *params)
{
    return io_system(((const struct dataset_params *)params)->system)->services;
}

extern const struct workload_ops workload_dataset;
const struct workload_ops workload_dataset = {
    .kind = { .name = "dataset",
              .doc = "Programs that go through a data set of many files: sweeps, tiles, restores.",
              .params = dataset_params,
              .params_size = sizeof(struct dataset_params) },
    .measures = measures,
    .rate = &rate,
    .check = check,
    .programs = programs,
    .files = files,
    .services_of = services_of,
    .main = program,
};
