/* script.c: the parent's side: starts the child, opens files for it, reads what it sends.
 *
 * What comes from the child is hostile input: every length is checked, the total is bounded, and
 * trees are rebuilt by the checked reader of cli/wire.h.
 */
#include "cli/lua/script.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/clean.h"
#include "cli/lua/child.h"
#include "cli/wire.h"
#include "sim/input.h"

struct parent {
    const struct script_options *o;
    struct script_result *out;
    struct err *e;
    int fd;
    pid_t pid;
    size_t received;
    int printed; /* lines */
    bool first_sent, done;
    char *frame;
    size_t frame_capacity;
    double heard_cpu;       /* the child's processor time when the last case came */
    double looked, elapsed; /* when the time was looked at, and how much had passed */
    double marked;          /* elapsed at an earlier look, */
    size_t marked_cases;    /* and the cases that had come */
};

/* The processor time of the child. */
static double child_seconds(const struct parent *p)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(p->pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0; /* it has ended */
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- files ---- */

/* A text that an earlier evaluation was given; NULL when it is not known. */
static char *kept_text(const struct parent *p, const char *shown, size_t *length)
{
    const struct val *v = p->o->sources ? val_get(p->o->sources, shown) : NULL;
    if (!v || v->type != VAL_STRING)
        return NULL;
    *length = strlen(v->u.s);
    return base_strdup(v->u.s);
}

/* Takes the content out. */
static char *text_of(struct input *in, size_t *length)
{
    char *text = in->text;
    *length = in->length;
    in->text = NULL;
    input_fini(in);
    return text;
}

static char *open_main(struct parent *p, char **shown, size_t *length, struct err *e)
{
    *shown = base_strdup(p->o->file);
    char *kept = kept_text(p, *shown, length);
    if (kept)
        return kept;
    struct input in;
    if (!input_read(&in, NULL, p->o->file, SCRIPT_FILE_BYTES, e))
        return NULL;
    if (strspn(in.text, " \t\r\n") < in.length)
        return text_of(&in, length);
    err_set(e, "'%s' is empty: a configuration returns a table", p->o->file);
    input_fini(&in);
    return NULL;
}

static char *shown_name(const char *root, const char *name)
{
    return strcmp(root, ".") == 0 ? base_strdup(name) : base_printf("%s/%s", root, name);
}

/* Reads `name` below one of the roots. */
static char *open_below(struct parent *p, const char *name, char **shown, size_t *length,
                        struct err *e)
{
    for (size_t i = 0; p->o->roots[i] && p->o->sources; i++) {
        *shown = shown_name(p->o->roots[i], name);
        char *kept = kept_text(p, *shown, length);
        if (kept)
            return kept;
        free(*shown);
        *shown = NULL;
    }
    for (size_t i = 0; p->o->roots[i]; i++) {
        struct input in;
        struct err why = ERR_INIT;
        if (input_read(&in, p->o->roots[i], name, SCRIPT_FILE_BYTES, &why)) {
            *shown = base_strdup(in.shown);
            return text_of(&in, length);
        }
        if (in.missing)
            continue;
        err_set(e, "include: %s", why.text);
        return NULL;
    }
    char where[512] = "";
    for (size_t i = 0; p->o->roots[i]; i++) {
        size_t used = strlen(where);
        snprintf(where + used, sizeof where - used, "%s'%s'", i ? ", " : "", p->o->roots[i]);
    }
    err_set(e, "include(\"%s\"): no such file below %s", name, where);
    return NULL;
}

/* Like wire_send; a child that is gone is no signal, and one that does not read runs into the
 * socket's time-out. */
static void parent_send(struct parent *p, const void *data, size_t length)
{
    const char *s = data;
    while (length > 0) {
        ssize_t n = send(p->fd, s, length, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* the end of the stream will tell */
        s += n;
        length -= (size_t)n;
    }
}

static void answer_include(struct parent *p, const char *name)
{
    struct err problem = ERR_INIT;
    char *shown = NULL;
    size_t length = 0;
    char *text = p->first_sent ? open_below(p, name, &shown, &length, &problem)
                               : open_main(p, &shown, &length, &problem);
    struct wire w;
    wire_init(&w);
    if (text) {
        val_put(p->out->sources, shown, val_new_string(text, NULL, 0));
        wire_u8(&w, FRAME_FILE);
        wire_u32(&w, (uint32_t)(strlen(shown) + 1 + length));
        wire_bytes(&w, shown, strlen(shown) + 1);
        wire_bytes(&w, text, length);
    } else {
        wire_u8(&w, FRAME_ERROR);
        wire_u32(&w, (uint32_t)strlen(problem.text));
        wire_bytes(&w, problem.text, strlen(problem.text));
    }
    p->first_sent = true;
    parent_send(p, w.data, w.length);
    wire_fini(&w);
    free(shown);
    free(text);
}

/* ---- frames ---- */

/* A line that the text prints, as long as it has not printed too much. */
static void show_print(struct parent *p, const char *s, size_t length)
{
    if (p->printed > SCRIPT_PRINTS)
        return;
    char *line =
        p->printed++ < SCRIPT_PRINTS
            ? base_printf("%.*s", (int)length, s)
            : base_printf("(it prints more than %d lines: no more are shown)", SCRIPT_PRINTS);
    fprintf(stderr, "%s: %s\n", p->o->file, clean_line(line));
    free(line);
}

/* A case has its time, and any SCRIPT_WALL_SECONDS of the sweep bring as many cases as may be
 * asked: what does not get on ends within twice that, however busy the machine. */
static bool in_time(struct parent *p)
{
    double now = now_seconds(), step = now - p->looked;
    size_t cases = p->out->case_count, fresh = cases - p->marked_cases;
    p->looked = now;
    p->elapsed += step < 1 ? step : 1; /* a longer one: this process was stopped itself */
    if (child_seconds(p) - p->heard_cpu > SCRIPT_CPU_SECONDS ||
        (cases == 0 && p->elapsed > SCRIPT_WALL_SECONDS))
        return err_set(p->e,
                       "%s: evaluating it takes more than %d s of processor time (or %d s in all): "
                       "does a loop or a pattern go on for ever?",
                       p->o->file, SCRIPT_CPU_SECONDS, SCRIPT_WALL_SECONDS);
    if (p->elapsed - p->marked <= SCRIPT_WALL_SECONDS)
        return true;
    if (fresh < (size_t)SCRIPT_WALL_SECONDS * 1000 / SCRIPT_CASE_MS)
        return err_set(p->e,
                       "%s: after %zu combinations, the next %zu take more than %d s, above %d ms "
                       "each: is the sweep too large?",
                       p->o->file, p->marked_cases, fresh, SCRIPT_WALL_SECONDS, SCRIPT_CASE_MS);
    p->marked = p->elapsed;
    p->marked_cases = cases;
    return true;
}

static bool take_case(struct parent *p, struct wire_reader *r)
{
    struct script_result *out = p->out;
    struct val *sweep = wire_get_val(r), *root = wire_get_val(r);
    if (r->bad || sweep->type != VAL_TABLE || root->type != VAL_TABLE ||
        out->case_count == SCRIPT_CASES) {
        val_free(sweep);
        val_free(root);
        return !r->bad && err_set(p->e, "%s: the sweep has more than %d combinations", p->o->file,
                                  SCRIPT_CASES);
    }
    if (out->case_count == out->case_capacity) {
        out->case_capacity = out->case_capacity ? out->case_capacity * 2 : 16;
        out->cases = base_realloc(out->cases, out->case_capacity * sizeof *out->cases);
    }
    out->cases[out->case_count++] = (struct script_case){ .root = root, .sweep = sweep };
    p->heard_cpu = child_seconds(p);
    return true;
}

static bool take_done(struct parent *p, struct wire_reader *r)
{
    struct script_result *out = p->out;
    out->reads = wire_get_val(r);
    out->axes = wire_get_val(r);
    out->seeds = wire_get_val(r);
    out->replications = wire_get_val(r);
    out->bisect = wire_get_val(r);
    if (r->bad || out->reads->type != VAL_TABLE || out->axes->type != VAL_LIST)
        return false;
    for (size_t i = 0; i < out->axes->count; i++)
        if (out->axes->items[i]->type != VAL_STRING)
            return false;
    if (out->replications->type == VAL_NIL) {
        val_free(out->replications);
        out->replications = NULL;
    }
    if (out->bisect->type == VAL_NIL) {
        val_free(out->bisect);
        out->bisect = NULL;
    }
    p->done = true;
    return true;
}

static bool take_frame(struct parent *p, uint8_t kind, size_t length)
{
    struct wire_reader r;
    wire_reader_init(&r, p->frame, length);
    switch (kind) {
    case FRAME_INCLUDE:
        p->frame[length] = 0;
        if (length > 1000 || strlen(p->frame) != length)
            return err_set(p->e, "%s: include() is given no file name", p->o->file);
        answer_include(p, p->frame);
        return true;
    case FRAME_PRINT:
        show_print(p, p->frame, length);
        return true;
    case FRAME_ERROR:
        return err_set(p->e, "%.*s", (int)(length > 1000 ? 1000 : length), p->frame);
    case FRAME_CASE:
        return take_case(p, &r);
    case FRAME_DONE:
        return take_done(p, &r);
    default:
        return false;
    }
}

/* Reads `length` bytes; false when the child is gone or out of time. */
static bool parent_read(struct parent *p, void *out, size_t length)
{
    char *s = out;
    while (length > 0) {
        struct pollfd f = { .fd = p->fd, .events = POLLIN };
        int ready = poll(&f, 1, 100);
        if (!in_time(p))
            return false;
        if (ready <= 0)
            continue;
        ssize_t n = read(p->fd, s, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        s += n;
        length -= (size_t)n;
    }
    return true;
}

static bool read_frame(struct parent *p)
{
    uint8_t head[5] = { 0 };
    if (!parent_read(p, head, sizeof head))
        return false;
    size_t length =
        (size_t)head[1] | (size_t)head[2] << 8 | (size_t)head[3] << 16 | (size_t)head[4] << 24;
    p->received += length + sizeof head;
    if (p->received > (size_t)SCRIPT_OUTPUT_MIB << 20)
        return err_set(p->e, "%s: it makes more than %d MiB of data: is the sweep too large?",
                       p->o->file, SCRIPT_OUTPUT_MIB);
    if (length + 1 > p->frame_capacity) {
        p->frame_capacity = length + 1;
        p->frame = base_realloc(p->frame, p->frame_capacity);
    }
    ASSERT(p->frame != NULL);
    return parent_read(p, p->frame, length) && take_frame(p, head[0], length);
}

/* Why a child ended that said nothing. */
static void explain(struct parent *p, int status)
{
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (sig == SIGXCPU || (sig == SIGKILL && !p->e->set))
        err_set(p->e,
                "%s: evaluating it takes more than %d s of processor time: does a loop or a "
                "pattern go on for ever?",
                p->o->file, SCRIPT_CPU_SECONDS);
    else if (sig == SIGSYS)
        err_set(p->e, "%s: it asked the system for something that a configuration may not do",
                p->o->file);
    else if (sig)
        err_set(p->e, "%s: evaluating it crashed (signal %d)", p->o->file, sig);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 3)
        err_set(p->e, "%s: evaluating it needs more than %d MiB of memory", p->o->file,
                SCRIPT_ADDRESS_MIB);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 4)
        err_set(p->e, "%s: the limits of its process could not be set", p->o->file);
    else
        err_set(p->e, "%s: evaluating it ended without a result", p->o->file);
}

NO_RETURN static void run_child(int fd, const struct script_options *o, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(5);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    limits_apply(fd);
    child_main(3, o);
}

bool script_run(const struct script_options *o, struct script_result *out, struct err *e)
{
    int pair[2];
    *out = (struct script_result){ 0 };
    struct parent p = { .o = o, .out = out, .e = e };
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return err_set(e, "no socket for the configuration's process: %s", strerror(errno));
    fflush(NULL);
    pid_t self = getpid();
    p.pid = fork();
    if (p.pid == 0)
        run_child(pair[1], o, self);
    close(pair[1]);
    if (p.pid < 0) {
        close(pair[0]);
        return err_set(e, "no process for the configuration: %s", strerror(errno));
    }
    out->sources = val_new(VAL_TABLE, NULL, 0);
    p.fd = pair[0];
    p.looked = now_seconds();
    setsockopt(p.fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ .tv_sec = SCRIPT_WALL_SECONDS },
               sizeof(struct timeval));
    while (!p.done && read_frame(&p))
        continue;
    close(p.fd);
    if (!p.done && e->set)
        kill(p.pid, SIGKILL);
    int status = 0;
    while (waitpid(p.pid, &status, 0) < 0 && errno == EINTR)
        continue;
    free(p.frame);
    if (p.done)
        return true;
    explain(&p, status);
    script_result_fini(out);
    return false;
}

void script_result_fini(struct script_result *r)
{
    for (size_t i = 0; i < r->case_count; i++) {
        val_free(r->cases[i].root);
        val_free(r->cases[i].sweep);
    }
    free(r->cases);
    val_free(r->sources);
    val_free(r->reads);
    val_free(r->axes);
    val_free(r->seeds);
    val_free(r->replications);
    val_free(r->bisect);
    *r = (struct script_result){ 0 };
}
