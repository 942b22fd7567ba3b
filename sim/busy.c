/* busy.c: busy time of every resource of a run, clipped to the measurement window.
 *
 * An account keeps its latest interval apart, because an edge of the window may yet fall into it;
 * all that came before is in `total`.  Where several intervals are booked ahead with gaps between
 * them (a bus whose phases are reckoned at once) the others wait in a list of the run.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim/internal.h"
#include "sim/server.h"
#include "sim/trace.h"

void sim_busy_init(struct sim_busy *b, struct sim *s, enum sim_kind kind, int32_t node,
                   const char *name)
{
    struct sim_accounts *a = &s->busy;
    *b = (struct sim_busy){
        .sim = s, .name = sim_full_name(s, name), .kind = kind, .node = node, .index = a->count
    };
    if (a->count == a->size) {
        a->size = a->size ? 2 * a->size : 64;
        a->all = base_realloc(a->all, a->size * sizeof *a->all);
    }
    a->all[a->count++] = b;
}

void sim_busy_fini(struct sim_busy *b)
{
    struct sim_accounts *a = &b->sim->busy;
    a->all[b->index] = NULL;
    for (size_t i = 0; i < a->ahead_count;)
        if (a->ahead[i].busy == b)
            a->ahead[i] = a->ahead[--a->ahead_count];
        else
            i++;
    free((void *)(uintptr_t)b->name);
    b->name = NULL;
}

void sim_accounts_fini(struct sim_accounts *a)
{
    free(a->all);
    free(a->ahead);
}

#define EACH_ACCOUNT(b_, s_)                                                                       \
    for (uint32_t i_ = 0; i_ < (s_)->busy.count; i_++)                                             \
        if (((b_) = (s_)->busy.all[i_]) != NULL)

static const char *const categories[SIM_KIND_COUNT] = {
    [SIM_KIND_CPU] = "cpu",     [SIM_KIND_BUS] = "bus",  [SIM_KIND_CHANNEL] = "mesh",
    [SIM_KIND_ARM] = "disk",    [SIM_KIND_NIC] = "mesh", [SIM_KIND_SCSI] = "bus",
    [SIM_KIND_OTHER] = "server"
};

void sim_trace_queue(struct sim *s, enum sim_kind kind, int32_t node, const char *of,
                     uint64_t inside)
{
    char name[96];
    snprintf(name, sizeof name, "%s inside", of);
    sim_trace_counter(s, categories[kind], node, name, (double)inside, s->now);
}

static void trace_interval(const struct sim_busy *b, sim_time from, sim_time to)
{
    sim_trace_interval(b->sim, categories[b->kind], b->node, b->name, "busy", from, to);
}

void sim_busy_begin(struct sim_busy *b, sim_time now)
{
    ASSERT_MSG(!sim_busy_on(b), "busy already");
    b->total += b->to - b->from;
    b->from = now;
    b->to = SIM_NEVER;
    b->uses += now < b->sim->window.to;
}

void sim_busy_end(struct sim_busy *b, sim_time now)
{
    const struct sim *s = b->sim;
    ASSERT_MSG(sim_busy_on(b) && b->from <= now, "not busy");
    if (s->tracing)
        trace_interval(b, b->from, now);
    b->to = sim_time_max(b->from, sim_time_min(now, s->window.to));
}

/* Keeps an interval that is booked behind another with a gap between them. */
static void book_ahead(struct sim_busy *b, struct sim_accounts *a, sim_time now, sim_time from,
                       sim_time to)
{
    if (a->ahead_count == a->ahead_size) {
        for (size_t i = 0; i < a->ahead_count;) { /* what has come to pass needs no place */
            struct sim_ahead *x = &a->ahead[i];
            if (x->to > now) {
                i++;
                continue;
            }
            x->busy->total += x->to - x->from;
            *x = a->ahead[--a->ahead_count];
        }
        if (2 * a->ahead_count >= a->ahead_size) {
            a->ahead_size = a->ahead_size ? 2 * a->ahead_size : 16;
            a->ahead = base_realloc(a->ahead, a->ahead_size * sizeof *a->ahead);
        }
    }
    a->ahead[a->ahead_count++] = (struct sim_ahead){ b, from, to };
}

void sim_busy_add(struct sim_busy *b, struct sim *s, sim_time from, sim_time to)
{
    ASSERT(from <= to);
    if (s->tracing && to > from)
        trace_interval(b, from, to);
    from = sim_time_max(from, s->window.from);
    to = sim_time_min(to, s->window.to);
    if (to <= from)
        return;
    b->uses++;
    if (from == b->to) {
        b->to = to;
    } else if (b->to <= s->now) {
        b->total += b->to - b->from;
        b->from = from;
        b->to = to;
    } else if (to <= s->now) {
        b->total += to - from;
    } else {
        book_ahead(b, &s->busy, s->now, from, to);
    }
}

static sim_time part(sim_time from, sim_time to, sim_time at)
{
    to = sim_time_min(to, at);
    return to > from ? to - from : 0;
}

sim_time sim_busy_time(const struct sim_busy *b, sim_time now)
{
    const struct sim *s = b->sim;
    sim_time at = sim_time_min(now, s->window.to);
    sim_time sum = b->total + part(b->from, b->to, at);
    for (size_t i = 0; i < s->busy.ahead_count; i++)
        if (s->busy.ahead[i].busy == b)
            sum += part(s->busy.ahead[i].from, s->busy.ahead[i].to, at);
    return sum;
}

void sim_busy_restart(struct sim *s)
{
    struct sim_accounts *a = &s->busy;
    struct sim_busy *b;
    EACH_ACCOUNT(b, s)
    {
        b->total = 0;
        b->from = sim_time_max(b->from, s->now);
        b->to = sim_time_max(b->to, b->from);
        b->uses = b->to > b->from;
    }
    for (size_t i = 0; i < a->ahead_count; i++) {
        a->ahead[i].from = sim_time_max(a->ahead[i].from, s->now);
        a->ahead[i].to = sim_time_max(a->ahead[i].to, s->now);
        a->ahead[i].busy->uses += a->ahead[i].to > s->now;
    }
    sim_counts_open(s);
}

void sim_busy_stop(struct sim *s)
{
    struct sim_busy *b;
    EACH_ACCOUNT(b, s)
    b->uses -= b->from >= s->now && b->to > b->from;
    for (size_t i = 0; i < s->busy.ahead_count; i++)
        s->busy.ahead[i].busy->uses -= s->busy.ahead[i].from >= s->now;
}

static double share_of(const struct sim *s, sim_time busy)
{
    sim_time length = sim_window_length(s);
    return length > 0 ? (double)busy / (double)length : 0;
}

const struct sim_busy *sim_busiest(struct sim *s, enum sim_kind kind, double *share)
{
    const struct sim_busy *best = NULL;
    struct sim_busy *b;
    sim_time most = -1;
    EACH_ACCOUNT(b, s)
    {
        sim_time busy = b->kind == kind ? sim_busy_time(b, s->now) : -1;
        if (busy > most) {
            most = busy;
            best = b;
        }
    }
    if (share)
        *share = best ? share_of(s, most) : 0;
    return best;
}

double sim_busy_mean(struct sim *s, enum sim_kind kind)
{
    double sum = 0;
    uint64_t count = 0;
    struct sim_busy *b;
    EACH_ACCOUNT(b, s)
    {
        if (b->kind != kind)
            continue;
        sum += share_of(s, sim_busy_time(b, s->now));
        count++;
    }
    return count ? sum / (double)count : 0;
}

void sim_busy_each(struct sim *s, void (*fn)(void *arg, const struct sim_busy *b), void *arg)
{
    struct sim_busy *b;
    EACH_ACCOUNT(b, s)
    fn(arg, b);
}
