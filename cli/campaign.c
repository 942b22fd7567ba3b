/* campaign.c: the loop over workers: start, listen, store, limit, report. */
#include "cli/campaign.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/schema.h"
#include "cli/search.h"
#include "cli/store.h"
#include "cli/worker.h"
#include "sim/measure.h"
#include "sim/stat.h"

#define TICK_MS 200       /* how often limits are looked at and progress is shown */
#define GRACE_SECONDS 5.0 /* the engine stops itself at its limit; after this it is stopped */
#define MEMORY_GRACE 1.25 /* the same for memory */
#define JOBS_MAX 1024

struct loop {
    struct config *c;
    const struct campaign_options *o;
    struct campaign *out;
    struct err *e;
    struct results *db;
    int turn;                   /* holds the lock of those that go on with one file; -1: none */
    struct store_index *stored; /* what --resume may take; NULL: nothing */
    int64_t experiment;
    struct worker *workers;
    struct worker_progress *shared;
    size_t jobs, busy;
    size_t next;           /* the next point to look at */
    struct search *search; /* NULL: the sweep has no bisection */
    size_t *asked;         /* points that a bisection asked for and that were not looked at yet */
    size_t asked_count;
    size_t done;   /* points with a result */
    bool stopping; /* nothing new is started */
    bool *have;    /* by point: its result is there */
    struct progress progress;
    sigset_t wait_mask; /* while waiting: signals may come */
};

static volatile sig_atomic_t stop_signal;

static void on_signal(int sig)
{
    stop_signal = sig;
}

/* ---- results ---- */

static void keep(struct loop *l, size_t point)
{
    l->have[point] = true;
    l->done++;
    l->out->status[l->out->results[point].status]++;
}

static void stop_all(struct loop *l, const char *why)
{
    l->stopping = true;
    for (size_t i = 0; i < l->jobs; i++)
        worker_kill(&l->workers[i], why);
}

/* A signal that asks to stop is there, or waits to be taken: Ctrl-C reaches the workers too, and
 * one
 * may end before this process has looked. */
static bool asked_to_stop(void)
{
    sigset_t pending;
    sigpending(&pending);
    return stop_signal || sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
           sigismember(&pending, SIGHUP);
}

/* A bisection has its answer: stores it; what it did not ask for is not awaited any more. */
static void keep_answer(struct loop *l, size_t case_idx)
{
    size_t point = case_idx * l->c->replications, first = case_idx + 1 - l->c->group_size;
    keep(l, point);
    l->progress.total -= l->c->replications - 1;
    for (size_t i = first; i < case_idx; i++)
        if (!config_case_used(&l->c->cases[i]))
            l->progress.total -= l->c->replications;
    if (l->db && !store_point(l->db, l->experiment, l->c, point, &l->out->results[point], l->e))
        stop_all(l, "the results could not be stored");
}

/* A point has its result: a bisection goes on from there. */
static void advance(struct loop *l, size_t point)
{
    size_t case_idx;
    if (!l->search || l->stopping)
        return;
    switch (search_told(l->search, l->c, l->out, l->have, point, &case_idx)) {
    case SEARCH_WAITS:
        break;
    case SEARCH_PROBES:
        for (size_t i = l->c->replications; i-- > 0;) { /* taken from the end */
            size_t next = case_idx * l->c->replications + i;
            l->out->results[next].status = POINT_INTERRUPTED;
            l->asked[l->asked_count++] = next;
        }
        break;
    case SEARCH_ENDED:
        keep_answer(l, case_idx);
        break;
    }
}

static void finish_point(struct loop *l, struct worker *w)
{
    size_t point = w->point;
    struct point_result *r = &l->out->results[point];
    if (!worker_collect(w, r))
        return;
    l->busy--;
    if ((l->stopping || asked_to_stop()) && !point_finished(r->status)) {
        point_result_fini(r);
        r->status = POINT_INTERRUPTED;
        return;
    }
    keep(l, point);
    l->out->run++;
    progress_add(&l->progress, r);
    if (l->db && !store_point(l->db, l->experiment, l->c, point, r, l->e))
        stop_all(l, "the results could not be stored");
    else if (l->o->verbose)
        fprintf(stderr, "point %zu: %s\n", point + 1, point_status_name(r->status));
    advance(l, point);
}

/* Takes a point from the file when that is wanted; false when it has to run. */
static bool taken(struct loop *l, size_t point)
{
    bool found = false;
    if (!l->stored)
        return false;
    if (!store_reuse(l->db, l->stored, l->experiment, l->c, point, &l->out->results[point], &found,
                     l->e))
        stop_all(l, "the results could not be read");
    if (!found)
        return l->stopping;
    keep(l, point);
    l->out->resumed++;
    advance(l, point);
    return true;
}

/* ---- the loop ---- */

/* "trace.json" of point 3 of many is "trace-3.json"; NULL of NULL. */
static char *point_file(const char *path, size_t point, size_t count)
{
    if (!path)
        return NULL;
    const char *slash = strrchr(path, '/'), *dot = strchr(slash ? slash : path, '.');
    if (count == 1)
        return base_strdup(path);
    if (!dot)
        dot = path + strlen(path);
    return base_printf("%.*s-%zu%s", (int)(dot - path), path, point + 1, dot);
}

/* The folder for the files of a point: DIR itself, or DIR/point-3 of many.  NULL with a sentence
 * when it cannot be made. */
static char *files_folder(const struct loop *l, size_t point)
{
    if (l->c->point_count == 1)
        return base_strdup(l->o->point.output_dir);
    char *dir = base_printf("%s/point-%zu", l->o->point.output_dir, point + 1);
    if (mkdir(dir, 0777) == 0 || errno == EEXIST)
        return dir;
    err_set(l->e, "the folder '%s' cannot be made: %s", dir, strerror(errno));
    free(dir);
    return NULL;
}

static bool start_one(struct loop *l, size_t point)
{
    struct point_options o = l->o->point;
    for (size_t i = 0; i < l->jobs; i++)
        if (l->workers[i].pid != 0 && l->workers[i].idle && worker_next(&l->workers[i], point)) {
            l->busy++;
            return true;
        }
    struct worker *w = l->workers;
    while (w->pid != 0)
        w++;
    char *trace = point_file(o.trace, point, l->c->point_count);
    char *pcap = point_file(o.pcap, point, l->c->point_count);
    o.trace = trace;
    o.pcap = pcap;
    char *files = o.output_dir ? files_folder(l, point) : NULL;
    bool good = (!o.output_dir || files != NULL);
    o.output_dir = files;
    good = good && worker_start(w, l->c, point, &o, &l->wait_mask, l->e);
    free(files);
    free(trace);
    free(pcap);
    if (good)
        l->busy++;
    return good;
}

/* The next point to run or to take: what a bisection asked for, else in the order of the sweep.
 * False when there is none now. */
static bool next_point(struct loop *l, size_t *point)
{
    if (l->asked_count > 0) {
        *point = l->asked[--l->asked_count];
        return true;
    }
    /* The first value of each bisection is ready from the start. */
    while (l->search && l->next < l->c->point_count &&
           l->next / l->c->replications % l->c->group_size != 0)
        l->next++;
    if (l->next == l->c->point_count)
        return false;
    *point = l->next++;
    return true;
}

static void start_more(struct loop *l)
{
    size_t point;
    while (!l->stopping && l->busy < l->jobs && next_point(l, &point)) {
        if (!taken(l, point) && !start_one(l, point))
            stop_all(l, "no worker could be started");
    }
    for (size_t i = 0; i < l->jobs; i++)
        if (l->workers[i].pid != 0 && l->workers[i].idle)
            worker_dismiss(&l->workers[i]);
}

static void check_limits(struct loop *l)
{
    for (size_t i = 0; i < l->jobs; i++) {
        struct worker *w = &l->workers[i];
        if (w->pid == 0 || w->killed)
            continue;
        struct schema_limits limits;
        const struct val *v = val_get(l->c->points[w->point].c->root, "limits");
        struct err e = ERR_INIT;
        if (!param_load(schema_limits_params, &limits, v, "limits", &e))
            continue;
        double seconds = sim_time_seconds(limits.host_time);
        if (seconds > 0 && worker_clock() - w->started > seconds * 1.1 + GRACE_SECONDS)
            worker_kill(w, "the point was ended: it ran past limits.host_time and did not stop");
        else if (limits.memory > 0 &&
                 (double)worker_memory(w) > (double)limits.memory * MEMORY_GRACE)
            worker_kill(w, "the point was ended: it used more memory than limits.memory");
    }
}

static void show(struct loop *l)
{
    sim_time now = 0;
    uint64_t events = 0;
    for (size_t i = 0; i < l->jobs; i++) {
        if (l->workers[i].pid == 0 || !l->workers[i].progress)
            continue;
        events += l->workers[i].progress->events;
        if (l->workers[i].progress->now > now)
            now = l->workers[i].progress->now;
    }
    progress_show(&l->progress, l->done, l->busy, now, events);
}

static void wait_for_workers(struct loop *l)
{
    struct pollfd fds[2 * JOBS_MAX];
    int *owner[2 * JOBS_MAX];
    struct worker *of[2 * JOBS_MAX];
    nfds_t n = 0;
    for (size_t i = 0; i < l->jobs; i++) {
        struct worker *w = &l->workers[i];
        int *ends[] = { &w->result_fd, &w->error_fd };
        for (size_t k = 0; w->pid != 0 && k < 2; k++) {
            if (*ends[k] < 0)
                continue;
            fds[n] = (struct pollfd){ .fd = *ends[k], .events = POLLIN };
            owner[n] = ends[k];
            of[n++] = w;
        }
    }
    const struct timespec tick = { 0, TICK_MS * 1000000L };
    int ready = ppoll(fds, n, &tick, &l->wait_mask);
    for (nfds_t i = 0; ready > 0 && i < n; i++)
        if (fds[i].revents)
            worker_read(of[i], owner[i]);
    for (size_t i = 0; i < l->jobs; i++) {
        if (l->workers[i].pid != 0)
            finish_point(l, &l->workers[i]);
    }
}

static void run_loop(struct loop *l)
{
    double looked = worker_clock();
    start_more(l);
    while (l->busy > 0) {
        wait_for_workers(l);
        if (stop_signal && !l->out->interrupted) {
            l->out->interrupted = true;
            stop_all(l, "interrupted");
        }
        start_more(l);
        if (worker_clock() - looked > TICK_MS / 1000.0) {
            looked = worker_clock();
            check_limits(l);
            show(l);
        }
    }
    progress_end(&l->progress);
}

/* ---- set-up ---- */

/* Who goes on with a file has it alone, until the workers are gone too; the next one waits, and
 * then finds what the first has done.  The lock's descriptor is closed last: SQLite's own locks on
 * the file end with any that is closed. */
static bool take_turn(struct loop *l)
{
    l->turn = open(l->o->output, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
    if (l->turn < 0 || flock(l->turn, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return true; /* what is wrong with the file is told when it is opened */
    if (!l->o->quiet)
        cli_complainf(0, "another psim goes on with '%s': waiting for it", l->o->output);
    while (flock(l->turn, LOCK_EX) != 0)
        if (errno != EINTR)
            return err_set(l->e, "'%s' cannot be locked: %s", l->o->output, strerror(errno));
    return true;
}

static void give_turn(struct loop *l)
{
    if (l->turn >= 0)
        close(l->turn);
}

static bool open_output(struct loop *l)
{
    if (!l->o->output)
        return true;
    if (l->o->resume && !take_turn(l))
        return false;
    l->db = results_open(l->o->output, l->e);
    if (l->db && l->o->resume && !(l->stored = store_index_make(l->db, l->e)))
        return false;
    return l->db && store_experiment(l->db, l->c, l->o->command, &l->experiment, l->e);
}

static void make_workers(struct loop *l)
{
    l->jobs = l->o->jobs < JOBS_MAX ? l->o->jobs : JOBS_MAX;
    if (l->jobs > l->c->point_count)
        l->jobs = l->c->point_count;
    l->workers = base_zalloc(l->jobs, sizeof *l->workers);
    l->have = base_zalloc(l->c->point_count, sizeof *l->have);
    if (l->c->bisect) {
        l->search = search_create(l->c);
        l->asked = base_zalloc(l->c->point_count, sizeof *l->asked);
    }
    if (!l->progress.on)
        return;
    void *memory = mmap(NULL, l->jobs * sizeof *l->shared, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return;
    l->shared = memory;
    for (size_t i = 0; i < l->jobs; i++)
        l->workers[i].progress = &l->shared[i];
}

/* SIGINT, SIGTERM and SIGHUP are held back but while the loop waits, so that none is missed. */
static void take_signals(struct loop *l, sigset_t *before, struct sigaction old[3])
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction act = { .sa_handler = on_signal };
    sigset_t block;
    stop_signal = 0;
    sigemptyset(&block);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        sigaddset(&block, signals[i]);
    sigprocmask(SIG_BLOCK, &block, before);
    l->wait_mask = *before;
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        sigdelset(&l->wait_mask, signals[i]);
        sigaction(signals[i], &act, &old[i]);
    }
}

static void give_signals_back(const sigset_t *before, const struct sigaction old[3])
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        sigaction(signals[i], &old[i], NULL);
    sigprocmask(SIG_SETMASK, before, NULL);
}

/* What every point is before anything is known of it. */
static void begin_results(const struct config *c, struct campaign *out)
{
    *out = (struct campaign){ .count = c->point_count };
    out->results = base_zalloc(c->point_count, sizeof *out->results);
    for (size_t i = 0; i < c->point_count; i++) {
        bool used = config_case_used(c->points[i].c) &&
                    !(c->points[i].c->answer && c->points[i].replication > 0);
        out->results[i].status = used ? POINT_INTERRUPTED : POINT_UNUSED;
    }
}

bool campaign_run(struct config *c, const struct campaign_options *o, struct campaign *out,
                  struct err *e)
{
    struct loop l = { .c = c, .o = o, .out = out, .e = e, .turn = -1 };
    sigset_t before;
    struct sigaction old[3];
    begin_results(c, out);
    progress_begin(&l.progress, c->point_count, o->quiet);
    if (!open_output(&l)) {
        store_index_free(l.stored);
        results_close(l.db, NULL);
        give_turn(&l);
        return false;
    }
    make_workers(&l);
    take_signals(&l, &before, old);
    run_loop(&l);
    give_signals_back(&before, old);
    for (size_t i = 0; i < c->point_count; i++)
        out->status[POINT_INTERRUPTED] += out->results[i].status == POINT_INTERRUPTED;
    search_destroy(l.search);
    free(l.asked);
    if (l.shared)
        munmap(l.shared, l.jobs * sizeof *l.shared);
    free(l.workers);
    free(l.have);
    store_index_free(l.stored);
    bool closed = results_close(l.db, e);
    give_turn(&l);
    return closed && !e->set;
}

void campaign_fini(struct campaign *c)
{
    for (size_t i = 0; i < c->count; i++)
        point_result_fini(&c->results[i]);
    free(c->results);
    *c = (struct campaign){ 0 };
}

int campaign_exit(const struct campaign *c)
{
    if (c->status[POINT_REFUSED])
        return CLI_USAGE;
    if (c->status[POINT_DEADLOCK] || c->status[POINT_LIMIT] || c->status[POINT_CRASHED] ||
        c->status[POINT_UNWRITTEN] || c->status[POINT_INTERRUPTED])
        return CLI_POINT;
    return c->status[POINT_FAILED_AUDIT] ? CLI_FAILED : CLI_OK;
}
