/* window.c: the edges of the measurement window. */
#include "sim/window.h"

#include <stdlib.h>

#include "sim/internal.h"

struct watcher {
    struct list link;
    void (*fn)(void *arg, bool open);
    void *arg;
};

static void tell(struct sim *s, bool open)
{
    LIST_EACH_SAFE (it, next, &s->window.watchers) {
        const struct watcher *w = LIST_ENTRY(it, struct watcher, link);
        w->fn(w->arg, open);
    }
}

void sim_window_open(struct sim *s)
{
    sim_settle(s);
    s->window.from = s->now;
    s->window.to = SIM_NEVER;
    s->window.phase = SIM_WINDOW_OPEN;
    sim_busy_restart(s);
    sim_servers_edge(s, true);
    tell(s, true);
}

void sim_window_close(struct sim *s)
{
    if (s->window.phase != SIM_WINDOW_OPEN)
        return;
    sim_settle(s);
    s->window.to = s->now;
    s->window.phase = SIM_WINDOW_CLOSED;
    sim_busy_stop(s);
    sim_servers_edge(s, false);
    sim_counts_close(s);
    tell(s, false);
}

enum sim_window_phase sim_window_phase(const struct sim *s)
{
    return s->window.phase;
}

sim_time sim_window_start(const struct sim *s)
{
    return s->window.from;
}

sim_time sim_window_end(const struct sim *s)
{
    return sim_time_min(s->window.to, s->now);
}

sim_time sim_window_length(const struct sim *s)
{
    return sim_window_end(s) - s->window.from;
}

sim_time sim_window_part(const struct sim *s, sim_time from, sim_time to)
{
    from = sim_time_max(from, s->window.from);
    to = sim_time_min(to, s->window.to);
    return to > from ? to - from : 0;
}

double sim_window_share(const struct sim *s, sim_time since, double amount)
{
    sim_time all = s->now - since, part = sim_window_part(s, since, s->now);
    if (all > 0)
        return part == all ? amount : amount * ((double)part / (double)all);
    return s->now > s->window.from && s->now <= s->window.to ? amount : 0;
}

void sim_whole_add(struct sim_whole *w, const struct sim *s, sim_time began, uint64_t amount)
{
    if (s->window.phase == SIM_WINDOW_CLOSED || began < s->window.from)
        return;
    if (w->window != s->window.from)
        *w = (struct sim_whole){ .window = s->window.from };
    w->amount += amount;
}

void sim_window_watch(struct sim *s, void (*fn)(void *arg, bool open), void *arg)
{
    struct watcher *w = base_zalloc(1, sizeof *w);
    w->fn = fn;
    w->arg = arg;
    list_push(&s->window.watchers, &w->link);
}

void sim_window_unwatch(struct sim *s, void *arg)
{
    LIST_EACH_SAFE (it, next, &s->window.watchers) {
        struct watcher *w = LIST_ENTRY(it, struct watcher, link);
        if (w->arg != arg)
            continue;
        list_remove(&w->link);
        free(w);
    }
}

void sim_window_fini(struct sim *s)
{
    struct list *l;
    while ((l = list_pop(&s->window.watchers)) != NULL)
        free(LIST_ENTRY(l, struct watcher, link));
}
