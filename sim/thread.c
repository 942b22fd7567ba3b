/* thread.c: simulated threads: states, wake tokens, deadlines, death.
 *
 *   state     guarantee                          leaves by
 *   NEW       its first code has not run         its resume event -> RUNNING
 *   RUNNING   it is the current thread           block -> BLOCKED, sleep -> SLEEPING, end
 *   BLOCKED   waits for a wake or its deadline   wake -> READY, deadline -> RUNNING
 *   SLEEPING  waits for its deadline alone       deadline -> RUNNING; a wake is kept as a token
 *   READY     woken, its resume event pends      its resume event -> RUNNING
 *
 * A thread runs when its resume event fires, so wakes take their turn among all other events of the
 * instant, and a shuffled run shuffles them too.
 */
#include "sim/thread.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/bridge.h"
#include "sim/internal.h"

enum state { NEW, RUNNING, BLOCKED, SLEEPING, READY };

struct sim_threads {
    struct list all; /* struct sim_thread, in order of spawning */
    size_t count;
    size_t started; /* of them have a stack */
    struct sim_thread *current;
    struct bridge_thread **dying; /* killed by a thread: ended when the main stack is back */
    size_t dying_count, dying_capacity;
};

/* SimGrid holds one engine a process, so one run at a time has threads. */
static struct sim *owner;

static const struct bridge *bridge; /* NULL: not loaded yet */

static void on_resume(struct sim *s, struct sim_event *e);
static void on_deadline(struct sim *s, struct sim_event *e);

bool sim_threads_ready(struct err *e)
{
    if (bridge)
        return true;
    void *file = dlopen(BRIDGE_FILE, RTLD_LAZY | RTLD_LOCAL);
    const struct bridge *found = file ? dlsym(file, "psim_bridge") : NULL;
    if (!found)
        return err_set(e, "what runs simulated threads cannot be loaded: %s", dlerror());
    found->start();
    bridge = found;
    return true;
}

static struct sim_threads *threads_of(struct sim *s)
{
    if (!s->threads) {
        ASSERT_MSG(!owner, "another run of this process still has threads");
        owner = s;
        s->threads = base_zalloc(1, sizeof(*s->threads));
        list_init(&s->threads->all);
    }
    return s->threads;
}

struct sim_thread *sim_thread_spawn(struct sim *s, const char *name, void (*fn)(void *arg),
                                    void *arg, unsigned flags, struct err *e)
{
    struct sim_threads *all = threads_of(s);
    if (all->count >= SIM_THREAD_MAX) {
        err_set(e,
                "thread '%s' is refused: %d threads are alive, and more would run out of memory "
                "mappings of the host; let the programs of such a population be upcalls",
                name, SIM_THREAD_MAX);
        return NULL;
    }
    struct sim_thread *t = base_zalloc(1, sizeof(*t));
    t->sim = s;
    t->name = base_strdup(name);
    t->fn = fn;
    t->arg = arg;
    t->flags = flags;
    t->state = NEW;
    list_init(&t->wait);
    sim_event_init(&t->resume, SIM_CLASS_SOFTWARE, on_resume);
    sim_event_init(&t->deadline, SIM_CLASS_SOFTWARE, on_deadline);
    list_push(&all->all, &t->link);
    all->count++;
    sim_after(s, &t->resume, 0);
    return t;
}

/* Takes a thread out of everything that knows it, and frees it. */
static void forget(struct sim_thread *t)
{
    struct sim *s = t->sim;
    sim_cancel(s, &t->resume);
    sim_cancel(s, &t->deadline);
    list_remove(&t->wait);
    list_remove(&t->link);
    s->threads->count--;
    s->threads->started -= t->actor != NULL;
    free(t->name);
    free(t);
}

/* The whole life of a thread, on its own stack. */
static void live(void *arg)
{
    struct sim_thread *t = arg;
    struct sim *s = t->sim;
    t->fn(t->arg);
    s->threads->current = NULL;
    forget(t);
}

/* Lets t run when the loop is left, which is at once. */
static void run_thread(struct sim *s, struct sim_thread *t)
{
    t->state = RUNNING;
    s->threads->current = t;
    s->leave = true;
    s->to_thread = true;
    if (t->actor) {
        bridge->wake(t->actor);
    } else {
        struct err e = ERR_INIT;
        ASSERT_MSG(sim_threads_ready(&e), e.text);
        t->actor = bridge->spawn(t->name, live, t);
        s->threads->started++;
    }
}

static void on_resume(struct sim *s, struct sim_event *e)
{
    run_thread(s, CONTAINER_OF(e, struct sim_thread, resume));
}

static void on_deadline(struct sim *s, struct sim_event *e)
{
    struct sim_thread *t = CONTAINER_OF(e, struct sim_thread, deadline);
    t->timed_out = true;
    run_thread(s, t);
}

void sim_thread_kill(struct sim_thread *t)
{
    struct sim_threads *all = t->sim->threads;
    ASSERT_MSG(t != all->current, "a thread does not kill itself");
    struct bridge_thread *actor = t->actor;
    forget(t);
    if (!actor)
        return;
    if (!all->current) {
        bridge->kill(actor);
        return;
    }
    if (all->dying_count == all->dying_capacity) {
        all->dying_capacity = all->dying_capacity ? all->dying_capacity * 2 : 16;
        all->dying = base_realloc(all->dying, all->dying_capacity * sizeof(struct bridge_thread *));
    }
    all->dying[all->dying_count++] = actor;
}

struct sim_thread *sim_thread_self(struct sim *s)
{
    return s->threads ? s->threads->current : NULL;
}

const char *sim_thread_name(const struct sim_thread *t)
{
    return t->name;
}

size_t sim_thread_count(const struct sim *s)
{
    return s->threads ? s->threads->count : 0;
}

/* Gives the processor up in this state; back when an event has made the thread run. */
static void give_up(struct sim *s, struct sim_thread *t, enum state state, const char *what,
                    uint64_t on)
{
    t->state = (uint8_t)state;
    t->what = what;
    t->on = on;
    t->since = s->now;
    t->timed_out = false;
    s->threads->current = NULL;
    bridge->block();
}

static struct sim_thread *self_of(struct sim *s)
{
    struct sim_thread *t = sim_thread_self(s);
    ASSERT_MSG(t, "only a thread may block");
    return t;
}

bool sim_thread_block_until(struct sim *s, const char *what, uint64_t on, sim_time deadline)
{
    struct sim_thread *t = self_of(s);
    if (t->token) {
        t->token = false;
        return true;
    }
    if (deadline <= s->now)
        return false;
    if (deadline != SIM_NEVER)
        sim_at(s, &t->deadline, deadline);
    give_up(s, t, BLOCKED, what, on);
    return !t->timed_out;
}

void sim_thread_block(struct sim *s, const char *what, uint64_t on)
{
    sim_thread_block_until(s, what, on, SIM_NEVER);
}

void sim_thread_sleep(struct sim *s, sim_time delay)
{
    struct sim_thread *t = self_of(s);
    sim_after(s, &t->deadline, delay);
    give_up(s, t, SLEEPING, "sleep", 0);
}

void sim_thread_wake(struct sim_thread *t)
{
    switch ((enum state)t->state) {
    case BLOCKED:
        sim_cancel(t->sim, &t->deadline);
        t->state = READY;
        sim_after(t->sim, &t->resume, 0);
        break;
    case READY: /* it has seen nothing since the wake that made it so */
        break;
    case NEW:
    case RUNNING:
    case SLEEPING:
        t->token = true;
        break;
    }
}

size_t sim_threads_blocked(const struct sim *s)
{
    if (!s->threads)
        return 0;
    size_t count = 0;
    LIST_EACH (it, &s->threads->all) {
        const struct sim_thread *t = LIST_ENTRY(it, struct sim_thread, link);
        count += t->state == BLOCKED && !(t->flags & SIM_THREAD_SERVICE);
    }
    return count;
}

size_t sim_report_deadlock(struct sim *s, char *out, size_t size)
{
    size_t count = 0, length = 0;
    if (out && size)
        out[0] = '\0';
    if (!s->threads)
        return 0;
    LIST_EACH (it, &s->threads->all) {
        const struct sim_thread *t = LIST_ENTRY(it, struct sim_thread, link);
        if (t->state != BLOCKED || (t->flags & SIM_THREAD_SERVICE))
            continue;
        count++;
        if (!out || length >= size)
            continue;
        int n = snprintf(out + length, size - length,
                         "thread '%s' waits for %s %" PRIu64 " since %.12f s\n", t->name, t->what,
                         t->on, sim_time_seconds(t->since));
        length += (size_t)(n > 0 ? n : 0);
    }
    return count;
}

/* One turn on the main stack: ends what a thread has killed, then runs events. */
static bool step(void *arg)
{
    struct sim *s = arg;
    struct sim_threads *all = s->threads;
    for (size_t i = 0; i < all->dying_count; i++)
        bridge->kill(all->dying[i]);
    all->dying_count = 0;
    return sim_engine_step(s);
}

void sim_threads_run(struct sim *s)
{
    ASSERT_MSG(!sim_thread_self(s), "a thread does not run the simulation (BRIDGE1)");
    /* SimGrid is entered when the first thread is to run, or when some are blocked already. */
    if ((!s->threads || s->threads->started == 0) && !sim_engine_step(s))
        return;
    bridge->run(step, s);
}

static bool no_step(void *arg)
{
    (void)arg;
    return false;
}

void sim_threads_destroy(struct sim *s)
{
    if (!s->threads)
        return;
    bool started = s->threads->started > 0;
    LIST_EACH_SAFE (it, next, &s->threads->all)
        sim_thread_kill(LIST_ENTRY(it, struct sim_thread, link));
    if (started)
        bridge->run(no_step, NULL); /* unwinds them */
    free(s->threads->dying);
    free(s->threads);
    s->threads = NULL;
    owner = NULL;
}
