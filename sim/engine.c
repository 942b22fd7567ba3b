/* engine.c: one run: its clock, its loop and its limits.
 *
 * The loop takes the first event, moves the clock and calls it.  Without threads that is all; with
 * threads the bridge calls the same loop (thread.c) and leaves it whenever a thread has to run.
 *
 * The order word of an event is class (3 bits), tie (20 bits), sequence (41 bits): two key words
 * decide everything.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "sim/internal.h"

#define CLASS_SHIFT 61
#define TIE_SHIFT 41
#define TIE_BITS 20
#define SEQUENCE_MAX ((UINT64_C(1) << TIE_SHIFT) - 1)

/* Events between two looks at the host: so many that a look costs nothing and comes about 20 times
 * a second or more often; and host seconds between two looks at its memory. */
#define STRIDE_MIN 16
#define STRIDE_MAX 4096
#define LOOK_SECONDS 0.05

_Static_assert(SIM_CLASS_COUNT <= 8, "the class has 3 bits");

static double host_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Sebastiano Vigna's splitmix64 finaliser: a bijection that mixes all bits. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static void print_state(void *arg)
{
    const struct sim *s = arg;
    fprintf(stderr, "  seed %" PRIu64 ", simulated time %" PRId64 " ps, event %" PRIu64,
            s->options.seed, s->now, s->fired);
    if (s->context)
        fprintf(stderr, ", %s %" PRId64, s->context, s->context_index);
    const struct sim_thread *t = s->threads ? sim_thread_self(arg) : NULL;
    if (t)
        fprintf(stderr, ", thread '%s'", sim_thread_name(t));
    fputc('\n', stderr);
}

struct sim *sim_create(const struct sim_options *o)
{
    struct sim *s = base_zalloc(1, sizeof(*s));
    if (o)
        s->options = *o;
    ASSERT(s->options.tie != SIM_TIE_CHOOSER || s->options.choose);
    if (s->options.time_limit <= 0)
        s->options.time_limit = SIM_NEVER - 1;
    s->shuffle_key = mix(s->options.seed);
    s->statm = -1;
    s->stride = STRIDE_MIN;
    s->window.to = SIM_NEVER;
    list_init(&s->window.watchers);
    list_init(&s->servers);
    list_init(&s->insides);
    list_init(&s->settlers);
    list_init(&s->counts);
    sim_queue_init(&s->queue);
    base_assert_hook(print_state, s);
    s->digest = sim_digest_create(s);
    s->audit = sim_audit_create(s);
    s->trace = sim_trace_create(s);
    s->measures = sim_measures_create(s);
    return s;
}

void sim_destroy(struct sim *s)
{
    if (!s)
        return;
    ASSERT(!s->running);
    sim_threads_destroy(s);
    sim_counts_destroy(s);
    sim_measures_destroy(s->measures);
    sim_trace_destroy(s->trace);
    sim_audit_destroy(s->audit);
    sim_digest_destroy(s->digest);
    sim_queue_fini(&s->queue);
    sim_accounts_fini(&s->busy);
    sim_window_fini(s);
    if (s->statm >= 0)
        close(s->statm);
    base_assert_hook(NULL, NULL);
    free(s);
}

sim_time sim_now(const struct sim *s)
{
    return s->now;
}

uint64_t sim_sequence(const struct sim *s)
{
    return s->sequence;
}

bool sim_past(const struct sim *s, sim_time when, enum sim_class cls, uint64_t sequence)
{
    return when < s->now ||
           (when == s->now && ((uint64_t)cls << CLASS_SHIFT | sequence) < s->order);
}

void sim_settle_by(struct sim *s, struct sim_settler *by, void (*fn)(void *arg), void *arg)
{
    by->fn = fn;
    by->arg = arg;
    list_push(&s->settlers, &by->link);
}

bool sim_plain_order(const struct sim *s)
{
    return s->options.tie == SIM_TIE_SEQUENCE && !s->tracing;
}

uint64_t sim_seed(const struct sim *s)
{
    return s->options.seed;
}

uint64_t sim_events_fired(const struct sim *s)
{
    return s->fired;
}

uint64_t sim_pending(const struct sim *s)
{
    return s->queue.count;
}

static uint64_t tie_of(struct sim *s, const struct sim_event *e, uint64_t sequence)
{
    if (s->options.tie == SIM_TIE_SHUFFLE)
        return mix(s->shuffle_key ^ sequence) >> (64 - TIE_BITS);
    uint32_t tie = s->options.choose(s->options.choose_arg, e);
    ASSERT_MSG(tie < (1u << TIE_BITS), "a chosen tie is below 2^20");
    return tie;
}

void sim_at(struct sim *s, struct sim_event *e, sim_time when)
{
    ASSERT_MSG(!sim_event_pending(e), "the event is scheduled already");
    ASSERT_MSG(when >= s->now, "an event is never scheduled in the past (SIM1)");
    uint64_t sequence = s->sequence++;
    ASSERT_MSG(sequence <= SEQUENCE_MAX, "more than 2^41 events");
    e->time = when;
    e->order = (uint64_t)e->cls << CLASS_SHIFT | sequence;
    if (s->options.tie != SIM_TIE_SEQUENCE)
        e->order |= tie_of(s, e, sequence) << TIE_SHIFT;
    if (when == SIM_NEVER) {
        s->asked_never = true;
        s->stop = s->leave = true;
    }
    sim_queue_push(&s->queue, e);
}

void sim_after(struct sim *s, struct sim_event *e, sim_time delay)
{
    ASSERT_MSG(delay >= 0, "a delay is never negative");
    sim_at(s, e, sim_time_add(s->now, delay));
}

bool sim_cancel(struct sim *s, struct sim_event *e)
{
    if (!sim_event_pending(e))
        return false;
    sim_queue_remove(&s->queue, e);
    return true;
}

void sim_stop(struct sim *s)
{
    s->stop = s->leave = true;
}

void sim_deadlock(struct sim *s, const char *what)
{
    s->deadlock = what;
    sim_stop(s);
}

const char *sim_deadlock_found(const struct sim *s)
{
    return s->deadlock;
}

void sim_set_context(struct sim *s, const char *what, int64_t index)
{
    s->context = what;
    s->context_index = index;
}

static uint64_t resident_bytes(struct sim *s)
{
    if (s->statm < 0)
        s->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    char text[128];
    ssize_t n = s->statm < 0 ? -1 : pread(s->statm, text, sizeof(text) - 1, 0);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    uint64_t total, resident;
    if (sscanf(text, "%" SCNu64 " %" SCNu64, &total, &resident) != 2)
        return 0;
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* True when a limit of the host is passed. */
static bool host_limit_passed(struct sim *s)
{
    const struct sim_options *o = &s->options;
    if (o->host_seconds_limit <= 0 && o->host_bytes_limit == 0) {
        s->stride = STRIDE_MAX;
        return false;
    }
    double now = host_seconds();
    if (now - s->host_looked > LOOK_SECONDS && s->stride > STRIDE_MIN)
        s->stride /= 2;
    else if (now - s->host_looked < LOOK_SECONDS / 4 && s->stride < STRIDE_MAX)
        s->stride *= 2;
    s->host_looked = now;
    if (o->host_seconds_limit > 0 && now - s->host_start > o->host_seconds_limit)
        return true;
    if (o->host_bytes_limit == 0 || now - s->host_checked < LOOK_SECONDS)
        return false;
    s->host_checked = now;
    return resident_bytes(s) > o->host_bytes_limit;
}

static bool ended(struct sim *s, enum sim_end end)
{
    s->last = end;
    return false;
}

bool sim_engine_step(struct sim *s)
{
    const struct sim_options *o = &s->options;
    for (;;) {
        if (s->leave) {
            s->leave = s->stop;
            if (s->to_thread) {
                s->to_thread = false;
                return true;
            }
            if (s->stop)
                return ended(s, s->asked_never ? SIM_END_NEVER
                                : s->deadlock  ? SIM_END_DEADLOCK
                                               : SIM_END_STOPPED);
        }
        if (o->event_limit && s->fired >= o->event_limit)
            return ended(s, SIM_END_EVENT_LIMIT);
        if (s->fired >= s->check_at) {
            if (host_limit_passed(s))
                return ended(s, SIM_END_HOST_LIMIT);
            s->check_at = s->fired + s->stride;
        }
        s->until = s->check_at;
        if (o->event_limit && o->event_limit < s->until)
            s->until = o->event_limit;
        while (s->fired < s->until && !s->leave) {
            struct sim_event *e = sim_queue_peek(&s->queue);
            if (!e)
                return ended(s, sim_threads_blocked(s) > 0 ? SIM_END_DEADLOCK : SIM_END_IDLE);
            if (e->time > o->time_limit) {
                s->now = o->time_limit;
                s->order = UINT64_MAX; /* all of that moment is past */
                return ended(s, SIM_END_TIME_LIMIT);
            }
            sim_queue_pop(&s->queue);
            s->now = e->time;
            s->fired++;
            s->order = e->order;
            e->fn(s, e);
        }
    }
}

bool sim_run_ahead(struct sim *s, sim_time when)
{
    const struct sim_event *next = sim_queue_peek(&s->queue);
    if (s->fired >= s->until || s->leave || (next && next->time <= when) ||
        when > s->options.time_limit || s->options.tie == SIM_TIE_CHOOSER)
        return false;
    ASSERT_MSG(when >= s->now, "the clock never goes back (SIM1)");
    s->now = when;
    s->fired++;
    s->order = s->sequence++; /* as if it had been scheduled: ties stay what they are */
    return true;
}

enum sim_end sim_run(struct sim *s)
{
    ASSERT_MSG(!s->running, "sim_run does not nest");
    s->running = true;
    s->stop = s->leave = s->asked_never;
    if (s->host_start == 0)
        s->host_start = s->host_looked = host_seconds();
    sim_threads_run(s);
    sim_settle(s);
    s->running = false;
    return s->last;
}

const char *sim_end_name(enum sim_end end)
{
    static const char *const names[] = { "idle",        "stopped",    "deadlock",     "time limit",
                                         "event limit", "host limit", "past 106 days" };
    return (size_t)end < ARRAY_LEN(names) ? names[end] : "unknown";
}

struct sim_digest *sim_digest(struct sim *s)
{
    return s->digest;
}

struct sim_audit *sim_audit(struct sim *s)
{
    return s->audit;
}

struct sim_trace *sim_trace(struct sim *s)
{
    return s->trace;
}

struct sim_measures *sim_measures(struct sim *s)
{
    return s->measures;
}
