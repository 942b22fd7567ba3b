/* busy.c: busy time of every resource of a run, and the window over which it is measured.
 *
 * A share is busy time over the length of the window.  An interval that was booked ahead (a channel
 * held until a tail passes) counts whole from the moment it is added.
 */
#include <stdlib.h>

#include "sim/internal.h"
#include "sim/server.h"
#include "sim/trace.h"

void sim_busy_init(struct sim_busy *b, struct sim *s, enum sim_kind kind, int32_t node,
                   const char *name)
{
    *b = (struct sim_busy){
        .sim = s, .name = base_strdup(name), .kind = kind, .node = node, .since = SIM_NEVER
    };
    list_push(&s->busy, &b->link);
}

void sim_busy_fini(struct sim_busy *b)
{
    list_remove(&b->link);
    free((void *)(uintptr_t)b->name);
    b->name = NULL;
}

static const char *const categories[SIM_KIND_COUNT] = { [SIM_KIND_CPU] = "cpu",
                                                        [SIM_KIND_BUS] = "bus",
                                                        [SIM_KIND_CHANNEL] = "mesh",
                                                        [SIM_KIND_ARM] = "disk",
                                                        [SIM_KIND_OTHER] = "server" };

static void trace_interval(const struct sim_busy *b, sim_time from, sim_time to)
{
    sim_trace_interval(b->sim, categories[b->kind], b->node, b->name, "busy", from, to);
}

void sim_busy_begin(struct sim_busy *b, sim_time now)
{
    ASSERT_MSG(b->since == SIM_NEVER, "busy already");
    b->since = now;
    b->uses++;
}

void sim_busy_end(struct sim_busy *b, sim_time now)
{
    ASSERT_MSG(b->since != SIM_NEVER && b->since <= now, "not busy");
    if (b->sim->tracing)
        trace_interval(b, b->since, now);
    b->total += now - b->since;
    b->since = SIM_NEVER;
}

void sim_busy_add(struct sim_busy *b, struct sim *s, sim_time from, sim_time to)
{
    ASSERT(from <= to);
    if (s->tracing && to > from)
        trace_interval(b, from, to);
    from = sim_time_max(from, s->window);
    if (to > from)
        b->total += to - from;
    b->uses++;
}

sim_time sim_busy_time(const struct sim_busy *b, sim_time now)
{
    if (b->since == SIM_NEVER || now < b->since)
        return b->total;
    return b->total + (now - b->since);
}

void sim_window_open(struct sim *s)
{
    s->window = s->now;
    LIST_EACH (it, &s->busy) {
        struct sim_busy *b = LIST_ENTRY(it, struct sim_busy, link);
        b->total = 0;
        b->uses = 0;
        if (b->since != SIM_NEVER) {
            b->since = s->now;
            b->uses = 1;
        }
    }
    sim_counts_open(s);
}

sim_time sim_window_start(const struct sim *s)
{
    return s->window;
}

static double share_of(sim_time busy, sim_time length)
{
    if (length <= 0)
        return 0;
    return busy >= length ? 1 : (double)busy / (double)length;
}

const struct sim_busy *sim_busiest(struct sim *s, enum sim_kind kind, double *share)
{
    const struct sim_busy *best = NULL;
    sim_time most = -1;
    LIST_EACH (it, &s->busy) {
        const struct sim_busy *b = LIST_ENTRY(it, struct sim_busy, link);
        sim_time busy = b->kind == kind ? sim_busy_time(b, s->now) : -1;
        if (busy > most) {
            most = busy;
            best = b;
        }
    }
    if (share)
        *share = best ? share_of(most, s->now - s->window) : 0;
    return best;
}

double sim_busy_mean(struct sim *s, enum sim_kind kind)
{
    double sum = 0;
    uint64_t count = 0;
    LIST_EACH (it, &s->busy) {
        const struct sim_busy *b = LIST_ENTRY(it, struct sim_busy, link);
        if (b->kind != kind)
            continue;
        sum += share_of(sim_busy_time(b, s->now), s->now - s->window);
        count++;
    }
    return count ? sum / (double)count : 0;
}

void sim_busy_each(struct sim *s, void (*fn)(void *arg, const struct sim_busy *b), void *arg)
{
    LIST_EACH (it, &s->busy)
        fn(arg, LIST_ENTRY(it, struct sim_busy, link));
}
