/* server.c: the queueing server.
 *
 *   state      guarantee                            leaves by
 *   IDLE       in no queue                          submit -> WAITING
 *   WAITING    in queue[cls], never served          grant -> SERVED; withdraw, reset -> IDLE
 *   SERVED     the server's current job             complete, withdraw, reset -> IDLE;
 *                                                   preempt -> PREEMPTED
 *   PREEMPTED  in queue[cls], before the waiting    grant -> SERVED; withdraw, reset -> IDLE
 *
 * Jobs wait in order of arrival; one that was interrupted goes back to the head of its class, so
 * that a class stays first in, first out.
 */
#include "sim/server.h"

#include <stdlib.h>

#include "sim/internal.h"

enum { IDLE, WAITING, SERVED, PREEMPTED };

static void complete(struct sim *s, struct sim_event *e);

void sim_server_init(struct sim_server *v, struct sim *s, enum sim_kind kind, int32_t node,
                     const char *name, bool preempt)
{
    *v = (struct sim_server){ .sim = s, .preempt = preempt, .changed = s->now };
    sim_busy_init(&v->busy, s, kind, node, name);
    for (size_t i = 0; i < SIM_SERVER_CLASSES; i++)
        list_init(&v->queue[i]);
    sim_event_init(&v->event, SIM_CLASS_DEVICE, complete);
    list_push(&s->servers, &v->link);
}

void sim_server_fini(struct sim_server *v)
{
    sim_server_reset(v, NULL);
    list_remove(&v->link);
    sim_busy_fini(&v->busy);
}

/* Brings the integral of the number in the system up to now. */
static inline void integrate(struct sim_server *v, sim_time now)
{
    v->area += (sim_u128)v->in_system * (uint64_t)(now - v->changed);
    v->changed = now;
}

struct sim_account sim_server_account(const struct sim_server *v, uint64_t *inside)
{
    sim_time now = v->sim->now;
    struct sim_account a = { .area =
                                 v->area + (sim_u128)v->in_system * (uint64_t)(now - v->changed),
                             .times = v->sojourn };
    *inside = v->current != NULL;
    if (v->current != NULL)
        a.times += (uint64_t)(now - v->current->arrived);
    for (size_t i = 0; i < SIM_SERVER_CLASSES; i++) {
        LIST_EACH (it, &v->queue[i]) {
            a.times += (uint64_t)(now - LIST_ENTRY(it, struct sim_job, link)->arrived);
            ++*inside;
        }
    }
    return a;
}

static struct sim_account account_inside(const struct sim_inside *q, sim_time now)
{
    return (
        struct sim_account){ .area = q->area + (sim_u128)q->count * (uint64_t)(now - q->changed),
                             .times = q->left + (sim_u128)q->count * (uint64_t)now - q->entered };
}

void sim_servers_edge(struct sim *s, bool open)
{
    LIST_EACH (it, &s->servers) {
        struct sim_server *v = LIST_ENTRY(it, struct sim_server, link);
        uint64_t inside;
        *(open ? &v->opened : &v->closed) = sim_server_account(v, &inside);
    }
    LIST_EACH (it, &s->insides) {
        struct sim_inside *q = LIST_ENTRY(it, struct sim_inside, link);
        *(open ? &q->opened : &q->closed) = account_inside(q, s->now);
    }
}

static struct sim_account since(struct sim_account z, const struct sim_account *a)
{
    return (struct sim_account){ z.area - a->area, z.times - a->times };
}

struct sim_account sim_server_window(const struct sim_server *v)
{
    bool closed = v->sim->window.phase == SIM_WINDOW_CLOSED;
    uint64_t inside;
    return since(closed ? v->closed : sim_server_account(v, &inside), &v->opened);
}

struct sim_account sim_inside_window(const struct sim_inside *q)
{
    bool closed = q->sim->window.phase == SIM_WINDOW_CLOSED;
    return since(closed ? q->closed : account_inside(q, q->sim->now), &q->opened);
}

double sim_inside_mean(const struct sim_inside *q)
{
    return (double)sim_inside_window(q).area / (double)sim_window_length(q->sim);
}

struct mean {
    double sum, most;
    uint64_t count;
    int32_t node; /* of the fullest */
};

static void add_mean(struct mean *m, const struct sim *s, struct sim_account a, int32_t node)
{
    double mean = (double)a.area / (double)sim_window_length(s);
    m->sum += mean;
    if (m->count == 0 || mean > m->most) {
        m->most = mean;
        m->node = node;
    }
    m->count++;
}

bool sim_queue_mean(const struct sim *s, enum sim_kind kind, double *mean, double *most,
                    int32_t *node)
{
    struct mean m = { 0 };
    if (sim_window_length(s) <= 0)
        return false;
    LIST_EACH (it, &s->servers) {
        const struct sim_server *v = LIST_ENTRY(it, struct sim_server, link);
        if (v->busy.kind == kind)
            add_mean(&m, s, sim_server_window(v), v->busy.node);
    }
    LIST_EACH (it, &s->insides) {
        const struct sim_inside *q = LIST_ENTRY(it, struct sim_inside, link);
        if (q->kind == kind)
            add_mean(&m, s, sim_inside_window(q), q->node);
    }
    *mean = m.count > 0 ? m.sum / (double)m.count : 0;
    *most = m.most;
    *node = m.node;
    return m.count > 0;
}

void sim_inside_init(struct sim_inside *q, struct sim *s, enum sim_kind kind, int32_t node,
                     const char *name)
{
    *q = (struct sim_inside){
        .sim = s, .name = sim_full_name(s, name), .kind = kind, .node = node, .changed = s->now
    };
    list_push(&s->insides, &q->link);
}

void sim_inside_fini(struct sim_inside *q)
{
    list_remove(&q->link);
    free(q->name);
}

static void change(struct sim_inside *q)
{
    sim_time now = q->sim->now;
    q->area += (sim_u128)q->count * (uint64_t)(now - q->changed);
    q->changed = now;
}

/* Of a moment before: modulo 2^128. */
static sim_u128 since_changed(const struct sim_inside *q, sim_time at)
{
    return (sim_u128)(at - q->changed);
}

void sim_inside_enter(struct sim_inside *q, sim_time at)
{
    change(q);
    q->count++;
    q->area -= since_changed(q, at); /* until then it is not there */
    q->entered += (uint64_t)at;
    if (q->sim->tracing)
        sim_trace_queue(q->sim, q->kind, q->node, q->name, q->count);
}

void sim_inside_leave(struct sim_inside *q, sim_time entered, sim_time at)
{
    change(q);
    q->count--;
    q->area += since_changed(q, at);
    if (q->sim->tracing)
        sim_trace_queue(q->sim, q->kind, q->node, q->name, q->count);
    q->entered -= (uint64_t)entered;
    q->left += (uint64_t)(at - entered);
}

void sim_inside_passed(struct sim_inside *q, uint64_t sum)
{
    q->area += sum;
    q->left += sum;
}

/* Books a job that leaves now; `served` is the service that it had. */
static void depart(struct sim_server *v, struct sim_job *j, sim_time now, sim_time served)
{
    integrate(v, now);
    v->in_system--;
    if (v->sim->tracing)
        sim_trace_queue(v->sim, v->busy.kind, v->busy.node, v->busy.name, v->in_system);
    v->sojourn += (uint64_t)(now - j->arrived);
    v->waited += (uint64_t)(now - j->arrived - served);
    j->state = IDLE;
}

static void interrupt_current(struct sim_server *v, sim_time now)
{
    struct sim_job *j = v->current;
    sim_cancel(v->sim, &v->event);
    if (j->held)
        j->service += now - v->started;
    else
        j->remaining -= now - v->started;
    j->state = PREEMPTED;
    list_push_front(&v->queue[j->cls], &j->link);
    v->current = NULL;
}

static struct list *first_waiting(struct sim_server *v)
{
    for (size_t i = 0; i < SIM_SERVER_CLASSES; i++)
        if (!list_empty(&v->queue[i]))
            return v->queue[i].next;
    return NULL;
}

/* Lets the current job be served for what remains, or makes way for a more urgent one that its
 * start or more submitted. */
static void serve_current(struct sim_server *v)
{
    struct sim_job *j = v->current;
    struct list *first = v->preempt ? first_waiting(v) : NULL;
    if (first && LIST_ENTRY(first, struct sim_job, link)->cls < j->cls)
        interrupt_current(v, v->sim->now);
    else if (!j->held)
        sim_at(v->sim, &v->event, sim_time_add(v->sim->now, j->remaining));
}

/* Makes a job that is in no list the current one. */
static void take(struct sim_server *v, struct sim_job *j)
{
    struct sim *s = v->sim;
    bool resumed = j->state == PREEMPTED;
    j->state = SERVED;
    v->current = j;
    v->started = s->now;
    if (!sim_busy_on(&v->busy))
        sim_busy_begin(&v->busy, s->now);
    if (!resumed) {
        if (j->start) {
            uint32_t epoch = v->epoch;
            v->granting = true;
            j->service = 0;
            j->remaining = 0;
            sim_time length = j->start(j);
            v->granting = false;
            if (v->epoch != epoch)
                return; /* start reset the server: the job is gone */
            j->held = length == SIM_HOLD;
            j->service = j->held ? 0 : length;
        }
        ASSERT_MSG(j->service >= 0, "a service time is never negative");
        j->remaining = j->service;
    }
    serve_current(v);
}

/* Serves the first job that waits, if the server is free. */
static void grant(struct sim_server *v)
{
    while (!v->current && !v->granting) {
        struct list *first = v->in_system > 0 ? first_waiting(v) : NULL;
        if (!first) {
            if (sim_busy_on(&v->busy))
                sim_busy_end(&v->busy, v->sim->now);
            return;
        }
        struct sim_job *j = LIST_ENTRY(first, struct sim_job, link);
        list_remove(&j->link);
        take(v, j);
    }
}

/* Asks a job whose length has been served whether it stays.  True: the server's current job is
 * looked after. */
static bool stays(struct sim_server *v)
{
    struct sim_job *j = v->current;
    uint32_t epoch = v->epoch;
    v->granting = true;
    v->started = v->sim->now;
    j->remaining = 0;
    sim_time length = j->more(j);
    v->granting = false;
    if (v->epoch != epoch) {
        grant(v);
        return true;
    }
    if (length == 0)
        return false;
    j->held = length == SIM_HOLD;
    j->remaining = j->held ? 0 : length;
    j->service += j->remaining;
    ASSERT_MSG(j->remaining >= 0, "a service time is never negative");
    serve_current(v);
    grant(v);
    return true;
}

static void complete(struct sim *s, struct sim_event *e)
{
    struct sim_server *v = CONTAINER_OF(e, struct sim_server, event);
    struct sim_job *j = v->current;
    if (j->more && stays(v))
        return;
    v->current = NULL;
    v->served++;
    depart(v, j, s->now, j->service);
    if (v->in_system == 0)
        sim_busy_end(&v->busy, s->now);
    if (j->done)
        j->done(j);
    if (v->in_system > 0 || sim_busy_on(&v->busy))
        grant(v);
}

void sim_server_submit(struct sim_server *v, struct sim_job *j)
{
    ASSERT_MSG(j->state == IDLE, "the job is submitted already");
    ASSERT(j->cls < SIM_SERVER_CLASSES);
    if (v->lent)
        v->lent->wanted(v->lent);
    sim_time now = v->sim->now;
    integrate(v, now);
    v->in_system++;
    if (v->sim->tracing)
        sim_trace_queue(v->sim, v->busy.kind, v->busy.node, v->busy.name, v->in_system);
    v->arrived++;
    if (v->in_system > v->longest)
        v->longest = v->in_system;
    j->arrived = now;
    j->state = WAITING;
    if (v->in_system == 1 && !v->granting) { /* alone */
        take(v, j);
        if (!v->current)
            grant(v);
        return;
    }
    list_push(&v->queue[j->cls], &j->link);
    if (v->preempt && v->current && !v->granting && j->cls < v->current->cls)
        interrupt_current(v, now);
    if (!v->current)
        grant(v);
}

/* ---- lent ---- */

/* One more has come; the busy interval begins anew when it found nobody. */
static void book_arrival(struct sim_server *v, sim_time begins, uint64_t inside)
{
    ASSERT_MSG(v->lent != NULL, "the server is not lent");
    v->arrived++;
    if (inside > v->longest)
        v->longest = inside;
    if (inside > 1)
        return;
    if (sim_busy_on(&v->busy))
        sim_busy_end(&v->busy, v->lent->until);
    if (begins != SIM_NEVER)
        sim_busy_begin(&v->busy, begins);
}

void sim_server_book(struct sim_server *v, sim_time arrived, sim_time start, sim_time end,
                     uint64_t inside)
{
    book_arrival(v, start, inside);
    v->served++;
    v->area += (uint64_t)(end - arrived);
    v->sojourn += (uint64_t)(end - arrived);
    v->waited += (uint64_t)(start - arrived);
    v->lent->until = end;
}

void sim_server_adopt(struct sim_server *v, struct sim_job *j, sim_time arrived, sim_time start,
                      uint64_t inside)
{
    book_arrival(v, start, inside);
    integrate(v, v->sim->now);
    v->in_system++;
    v->area += (uint64_t)(v->sim->now - arrived);
    j->arrived = arrived;
    if (start == SIM_NEVER) {
        j->state = WAITING;
        list_push(&v->queue[j->cls], &j->link);
        return;
    }
    j->state = SERVED;
    j->remaining = j->service;
    v->current = j;
    v->started = start;
    sim_at(v->sim, &v->event, start + j->service);
}

void sim_server_regain(struct sim_server *v)
{
    sim_time until = v->lent->until;
    v->lent = NULL;
    integrate(v, v->sim->now);
    if (v->current)
        return;
    if (v->in_system > 0)
        grant(v);
    else if (sim_busy_on(&v->busy))
        sim_busy_end(&v->busy, until);
}

void sim_server_settle(struct sim_server *v, struct sim_job *j, sim_time length)
{
    ASSERT_MSG(j->held && j->state != IDLE, "the job holds nothing");
    ASSERT_MSG(length >= 0, "a service time is never negative");
    sim_time now = v->sim->now;
    j->held = false;
    j->remaining = length;
    if (j->state == SERVED) {
        j->service += now - v->started;
        v->started = now;
        sim_at(v->sim, &v->event, sim_time_add(now, length));
    }
    j->service += length;
}

/* Takes a job off without a word to its owner. */
static void take_out(struct sim_server *v, struct sim_job *j)
{
    sim_time now = v->sim->now;
    sim_time served = 0;
    if (j->state == SERVED) {
        served = j->service - j->remaining + (now - v->started);
        j->held = false;
        sim_cancel(v->sim, &v->event);
        v->current = NULL;
    } else {
        if (j->state == PREEMPTED)
            served = j->service - j->remaining;
        j->held = false;
        list_remove(&j->link);
    }
    v->withdrawn++;
    depart(v, j, now, served);
}

bool sim_server_withdraw(struct sim_server *v, struct sim_job *j)
{
    if (j->state == IDLE)
        return false;
    ASSERT_MSG(!(v->granting && v->current == j), "a job does not withdraw itself in its start");
    bool was_served = j->state == SERVED;
    take_out(v, j);
    if (was_served)
        grant(v);
    return true;
}

void sim_server_reset(struct sim_server *v, void (*drop)(struct sim_job *j))
{
    /* Everything is out before the first drop, which may submit again. */
    struct list gone;
    list_init(&gone);
    if (v->current) {
        struct sim_job *j = v->current;
        take_out(v, j);
        list_push(&gone, &j->link);
    }
    for (size_t i = 0; i < SIM_SERVER_CLASSES; i++) {
        while (!list_empty(&v->queue[i])) {
            struct sim_job *j = LIST_ENTRY(v->queue[i].next, struct sim_job, link);
            take_out(v, j);
            list_push(&gone, &j->link);
        }
    }
    v->epoch++;
    if (sim_busy_on(&v->busy))
        sim_busy_end(&v->busy, v->sim->now);
    struct list *l;
    while ((l = list_pop(&gone)))
        if (drop)
            drop(LIST_ENTRY(l, struct sim_job, link));
}
