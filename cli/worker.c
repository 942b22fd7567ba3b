/* worker.c: forking a worker, its life, its end. */
#include "cli/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

/* A worker goes on to another point only after one that left little behind: of these, to fork costs
 * most. */
#define GOES_ON_SECONDS 0.5
#define GOES_ON_BYTES (UINT64_C(128) << 20)

double worker_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- inside the worker ---- */

static const struct sim *watched;
static struct worker_progress *shown;

/* Runs on a stack of its own: a simulated thread's may be small. */
static void show_progress(int sig)
{
    (void)sig;
    if (!watched)
        return;
    shown->now = sim_now(watched);
    shown->events = sim_events_fired(watched);
}

static void run_begins(void *arg, const struct sim *s)
{
    (void)arg;
    watched = s;
}

static void start_timer(struct worker_progress *progress)
{
    static char stack[65536];
    stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
    struct sigaction act = { .sa_handler = show_progress, .sa_flags = SA_RESTART | SA_ONSTACK };
    struct itimerval every = { { 0, 200000 }, { 0, 200000 } };
    shown = progress;
    sigaltstack(&alternate, NULL);
    sigaction(SIGALRM, &act, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
}

/* A worker leaves by _exit, past the check that a build with ASan makes at the end of a process. */
static void check_leaks(void)
{
#ifdef __SANITIZE_ADDRESS__
    point_end();
    if (__lsan_do_recoverable_leak_check() != 0)
        _exit(23);
#endif
}

/* The points of a bisection are not all known when a worker is forked. */
static bool goes_on(const struct config *c, const struct point_options *o,
                    const struct point_result *r)
{
    return !c->bisect && r->status == POINT_OK && !o->trace && !o->pcap && !o->output_dir &&
           r->host_seconds < GOES_ON_SECONDS && r->host_bytes < GOES_ON_BYTES;
}

/* The largest memory of the next point is its own. */
static void forget_peak(void)
{
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return; /* it is the largest of all then, as when this cannot be written */
    ssize_t n = write(fd, "5", 1);
    (void)n;
    close(fd);
}

/* Runs a point and sends its result; true when this process may run another. */
static bool run_one(const struct config *c, size_t point, const struct point_options *o, int fd)
{
    struct point_result r;
    struct wire w;
    point_run(&c->points[point], o, &r);
    bool on = goes_on(c, o, &r);
    if (on)
        point_end();
    wire_init(&w);
    wire_u64(&w, 0); /* for the length */
    wire_u8(&w, on);
    point_result_put(&w, &r);
    point_result_fini(&r);
    /* The length goes first, so that a torn result is seen. */
    uint64_t length = w.length - 8;
    for (size_t i = 0; i < 8; i++)
        w.data[i] = (uint8_t)(length >> (8 * i));
    fflush(NULL);
    check_leaks();
    if (!wire_send(fd, w.data, w.length))
        _exit(6);
    wire_fini(&w);
    return on;
}

NO_RETURN static void worker_main(const struct config *c, size_t point, struct point_options o,
                                  int fd, int error_fd, struct worker_progress *progress)
{
    const struct rlimit no_core = { 0, 0 };
    setrlimit(RLIMIT_CORE, &no_core);
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(error_fd, 1);
    dup2(error_fd, 2);
    if (progress) {
        o.started = run_begins;
        start_timer(progress);
    }
    while (run_one(c, point, &o, fd) && wire_receive(fd, &point, sizeof point))
        forget_peak();
    _exit(0);
}

/* ---- in the parent ---- */

static bool make_pipes(int result[2], int error[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, result) != 0)
        return false;
    if (pipe2(error, O_CLOEXEC) == 0)
        return true;
    close(result[0]);
    close(result[1]);
    return false;
}

/* The worker begins with that point. */
static void begin(struct worker *w, size_t point)
{
    w->point = point;
    w->idle = false;
    w->tail_length = 0;
    w->killed = NULL;
    w->started = worker_clock();
    wire_init(&w->result);
    if (w->progress)
        *w->progress = (struct worker_progress){ 0 };
}

bool worker_start(struct worker *w, const struct config *c, size_t point,
                  const struct point_options *o, const sigset_t *mask, struct err *e)
{
    int result[2], error[2];
    if (!make_pipes(result, error))
        return err_set(e, "no pipe for a worker: %s", strerror(errno));
    pid_t self = getpid();
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != self)
            _exit(6);
        signal(SIGINT, SIG_IGN); /* the parent decides */
        signal(SIGTERM, SIG_DFL);
        signal(SIGHUP, SIG_DFL);
        signal(SIGPIPE, SIG_DFL);
        sigprocmask(SIG_SETMASK, mask, NULL);
        worker_main(c, point, *o, result[1], error[1], w->progress);
    }
    close(result[1]);
    close(error[1]);
    if (pid < 0) {
        close(result[0]);
        close(error[0]);
        return err_set(e, "no process for a worker: %s", strerror(errno));
    }
    w->pid = pid;
    w->result_fd = result[0];
    w->error_fd = error[0];
    fcntl(w->error_fd, F_SETFL, O_NONBLOCK);
    begin(w, point);
    return true;
}

static void wait_for_end(struct worker *w, int *status)
{
    while (waitpid(w->pid, status, 0) < 0 && errno == EINTR)
        continue;
    w->pid = 0;
}

void worker_dismiss(struct worker *w)
{
    int status;
    ASSERT(w->idle);
    shutdown(w->result_fd, SHUT_WR); /* workers forked after it have the descriptor, too */
    close(w->result_fd);
    close(w->error_fd);
    wait_for_end(w, &status);
}

bool worker_next(struct worker *w, size_t point)
{
    ASSERT(w->idle);
    if (send(w->result_fd, &point, sizeof point, MSG_NOSIGNAL) == (ssize_t)sizeof point) {
        begin(w, point);
        return true;
    }
    worker_dismiss(w); /* it died meanwhile, of nothing that concerns a point */
    return false;
}

static void keep_tail(struct worker *w, const char *s, size_t n)
{
    if (n > sizeof w->tail) {
        s += n - sizeof w->tail;
        n = sizeof w->tail;
    }
    if (w->tail_length + n > sizeof w->tail) {
        size_t drop = w->tail_length + n - sizeof w->tail;
        memmove(w->tail, w->tail + drop, w->tail_length - drop);
        w->tail_length -= drop;
    }
    memcpy(w->tail + w->tail_length, s, n);
    w->tail_length += n;
}

bool worker_read(struct worker *w, int *fd)
{
    char block[65536];
    ssize_t n = read(*fd, block, sizeof block);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return false;
    if (n <= 0) {
        close(*fd);
        *fd = -1;
    } else if (fd == &w->result_fd) {
        wire_bytes(&w->result, block, (size_t)n);
    } else {
        keep_tail(w, block, (size_t)n);
    }
    return n > 0;
}

/* The worker's last words, without line ends at the end; heap or NULL. */
static char *last_words(const struct worker *w)
{
    size_t n = w->tail_length;
    while (n > 0 && (w->tail[n - 1] == '\n' || w->tail[n - 1] == ' '))
        n--;
    return n > 0 ? base_printf("%.*s", (int)n, w->tail) : NULL;
}

static void explain_death(const struct worker *w, int status, struct point_result *out)
{
    char *words = last_words(w);
    const char *sep = words ? "\n" : "";
    point_result_init(out);
    out->status = w->killed ? POINT_LIMIT : POINT_CRASHED;
    out->host_seconds = worker_clock() - w->started;
    if (w->killed)
        out->message = base_printf("%s%s%s", w->killed, sep, words ? words : "");
    else if (WIFSIGNALED(status))
        out->message = base_printf("the worker died by signal %d (%s)%s%s", WTERMSIG(status),
                                   strsignal(WTERMSIG(status)), sep, words ? words : "");
    else
        out->message = base_printf("the worker ended with status %d and no result%s%s",
                                   WEXITSTATUS(status), sep, words ? words : "");
    free(words);
}

bool worker_collect(struct worker *w, struct point_result *out)
{
    struct wire_reader r;
    wire_reader_init(&r, w->result.data, w->result.length);
    uint64_t length = wire_get_u64(&r);
    bool whole = !r.bad && length == w->result.length - 8, on = whole && wire_get_u8(&r) != 0;
    bool ended = w->result_fd < 0 && w->error_fd < 0;
    int status = 0;
    if (!on && !ended)
        return false;
    while (w->error_fd >= 0 && worker_read(w, &w->error_fd))
        continue;
    w->idle = !ended;
    if (ended)
        wait_for_end(w, &status);
    if (!whole || !point_result_get(&r, out))
        explain_death(w, status, out);
    else if (w->tail_length > 0)
        fprintf(stderr, "%.*s", (int)w->tail_length, w->tail);
    wire_fini(&w->result);
    return true;
}

void worker_kill(struct worker *w, const char *why)
{
    if (w->pid == 0)
        return;
    w->killed = why;
    kill(w->pid, SIGKILL);
}

uint64_t worker_memory(const struct worker *w)
{
    char path[64];
    unsigned long long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)w->pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    if (fscanf(f, "%*u %llu", &pages) != 1)
        pages = 0;
    fclose(f);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
