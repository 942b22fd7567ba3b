/* audit.c: the accounts at the end of a run.
 *
 * Modules state their balances through the functions that they registered; the law of Little of
 * every server is checked here, in integers: the integral of the number in the system equals the
 * times in it of the jobs that left plus those of the jobs still inside so far.
 */
#include "sim/audit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/internal.h"
#include "sim/server.h"

struct entry {
    struct list link;
    char *name;
    sim_audit_fn *fn;
    void *self;
};

struct sim_audit {
    struct list entries;
};

struct text {
    char *out;
    size_t size, length;
};

struct sim_audit_report {
    struct sim *sim;
    const char *module;
    size_t failures;
    bool drained;
    struct text *failed;
    struct text *drops;
};

static void text_add(struct text *t, const char *module, const char *sentence)
{
    if (t->length + 1 >= t->size)
        return;
    int n = snprintf(t->out + t->length, t->size - t->length, "%s: %s\n", module, sentence);
    t->length += (size_t)(n > 0 ? n : 0);
    if (t->length >= t->size)
        t->length = t->size - 1;
}

struct sim_audit *sim_audit_create(struct sim *s)
{
    (void)s;
    struct sim_audit *a = base_zalloc(1, sizeof(*a));
    list_init(&a->entries);
    return a;
}

void sim_audit_destroy(struct sim_audit *a)
{
    struct list *l;
    while ((l = list_pop(&a->entries))) {
        struct entry *e = LIST_ENTRY(l, struct entry, link);
        free(e->name);
        free(e);
    }
    free(a);
}

void sim_audit_register(struct sim *s, const char *name, sim_audit_fn *fn, void *self)
{
    struct entry *e = base_zalloc(1, sizeof(*e));
    e->name = sim_full_name(s, name);
    e->fn = fn;
    e->self = self;
    list_push(&s->audit->entries, &e->link);
}

void sim_audit_unregister(struct sim *s, void *self)
{
    LIST_EACH_SAFE (it, next, &s->audit->entries) {
        struct entry *e = LIST_ENTRY(it, struct entry, link);
        if (e->self != self)
            continue;
        list_remove(&e->link);
        free(e->name);
        free(e);
    }
}

void sim_audit_check(struct sim_audit_report *r, bool ok, const char *fmt, ...)
{
    if (ok)
        return;
    r->failures++;
    char sentence[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sentence, sizeof(sentence), fmt, ap);
    va_end(ap);
    text_add(r->failed, r->module, sentence);
}

void sim_audit_balance_resident(struct sim_audit_report *r, const char *what, uint64_t in,
                                uint64_t out, uint64_t inside, uint64_t dropped)
{
    sim_audit_check(r, in == out + inside + dropped,
                    "%s do not balance: %" PRIu64 " in, but %" PRIu64 " out + %" PRIu64
                    " inside + %" PRIu64 " dropped",
                    what, in, out, inside, dropped);
}

void sim_audit_balance(struct sim_audit_report *r, const char *what, uint64_t in, uint64_t out,
                       uint64_t inside, uint64_t dropped)
{
    sim_audit_balance_resident(r, what, in, out, inside, dropped);
    sim_audit_check(r, !r->drained || inside == 0,
                    "%" PRIu64 " %s are still inside although nothing is left to happen", inside,
                    what);
}

void sim_audit_rate(struct sim_audit_report *r, const struct sim_whole *w, const char *what,
                    sim_time time, uint64_t of)
{
    const struct sim *s = r->sim;
    sim_time window = sim_window_length(s);
    uint64_t amount = w->window == sim_window_start(s) ? w->amount : 0;
    sim_audit_check(r, (sim_u128)amount * (uint64_t)time <= (sim_u128)of * (uint64_t)window,
                    "%" PRIu64 " %s in a window of %.12g s, which has time for %.12g", amount, what,
                    sim_time_seconds(window), (double)of * (double)window / (double)time);
}

void sim_audit_dropped(struct sim_audit_report *r, const char *what, const char *reason,
                       uint64_t count)
{
    if (count == 0)
        return;
    char sentence[256];
    snprintf(sentence, sizeof(sentence), "%" PRIu64 " %s dropped: %s", count, what, reason);
    text_add(r->drops, r->module, sentence);
}

static void audit_window(struct sim_audit_report *r, struct sim_account w)
{
    sim_audit_check(r, w.area == w.times,
                    "Little's law fails in the window: integral of the number in it %.17g s, times "
                    "in it %.17g s",
                    (double)w.area / (double)SIM_SEC, (double)w.times / (double)SIM_SEC);
}

static void audit_server(struct sim_audit_report *r, const struct sim_server *v)
{
    uint64_t inside;
    struct sim_account a = sim_server_account(v, &inside);
    r->module = v->busy.name;
    sim_audit_balance(r, "jobs", v->arrived, v->served, inside, v->withdrawn);
    sim_audit_check(r, inside == v->in_system, "counts %" PRIu64 " jobs, holds %" PRIu64,
                    v->in_system, inside);
    sim_audit_check(r, a.area == a.times,
                    "Little's law fails: integral of the number in it %.17g s, times in it %.17g s",
                    (double)a.area / (double)SIM_SEC, (double)a.times / (double)SIM_SEC);
    audit_window(r, sim_server_window(v));
}

static void audit_busy(void *arg, const struct sim_busy *b)
{
    struct sim_audit_report *r = arg;
    sim_time busy = sim_busy_time(b, r->sim->now), window = sim_window_length(r->sim);
    r->module = b->name;
    sim_audit_check(r, busy <= window, "was busy for %.12g s of a window of %.12g s",
                    sim_time_seconds(busy), sim_time_seconds(window));
}

size_t sim_audit_run(struct sim *s, char *out, size_t size)
{
    char *drops = base_zalloc(1, size ? size : 1);
    struct text failed = { .out = out, .size = out ? size : 0 };
    struct text dropped = { .out = drops, .size = out ? size : 0 };
    struct sim_audit_report r = { .sim = s,
                                  .drained = s->last == SIM_END_IDLE && !s->queue.count,
                                  .failed = &failed,
                                  .drops = &dropped };
    if (out && size)
        out[0] = '\0';
    LIST_EACH (it, &s->servers)
        audit_server(&r, LIST_ENTRY(it, struct sim_server, link));
    LIST_EACH (it, &s->insides) {
        const struct sim_inside *q = LIST_ENTRY(it, struct sim_inside, link);
        r.module = q->name;
        audit_window(&r, sim_inside_window(q));
    }
    sim_busy_each(s, audit_busy, &r);
    LIST_EACH (it, &s->audit->entries) {
        struct entry *e = LIST_ENTRY(it, struct entry, link);
        r.module = e->name;
        e->fn(e->self, &r);
    }
    if (out && size)
        snprintf(out + failed.length, size - failed.length, "%s", drops);
    free(drops);
    return r.failures;
}
