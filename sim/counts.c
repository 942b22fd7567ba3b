/* counts.c: reads what is counted when the window opens and closes and when a part ends. */
#include "sim/counts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/internal.h"

/* All parts of one owner that count the same. */
struct sim_count_group {
    struct list link; /* sim->counts */
    struct sim *sim;
    char *owner;
    const struct counter *counters;
    size_t count;
    struct list parts;
    uint64_t *total;   /* of what is no longer to be read: ended parts, or all once it is closed */
    uint64_t **nodes;  /* the same by node, each NULL until it is needed; per_node */
    size_t node_count; /* places in nodes */
};

static struct sim_count_group *group_of(struct sim *s, const char *owner, const struct counter *d)
{
    LIST_EACH (it, &s->counts) {
        struct sim_count_group *g = LIST_ENTRY(it, struct sim_count_group, link);
        if (g->counters == d && strcmp(g->owner, owner) == 0)
            return g;
    }
    struct sim_count_group *g = base_zalloc(1, sizeof *g);
    *g = (struct sim_count_group){ .sim = s, .owner = base_strdup(owner), .counters = d };
    while (d[g->count].name != NULL)
        g->count++;
    g->total = base_zalloc(g->count, sizeof *g->total);
    list_init(&g->parts);
    list_push(&s->counts, &g->link);
    return g;
}

void sim_count(struct sim_counted *c, struct sim *s, const char *owner, int32_t node,
               const struct counter *d, const void *base)
{
    if (d == NULL)
        return;
    char *name = sim_full_name(s, owner);
    *c = (struct sim_counted){ .group = group_of(s, name, d), .base = base, .node = node };
    free(name);
    list_push(&c->group->parts, &c->link);
}

static uint64_t *node_total(struct sim_count_group *g, int32_t node)
{
    size_t i = (size_t)node;
    if (i >= g->node_count) {
        size_t room = i + 64;
        g->nodes = base_realloc(g->nodes, room * sizeof *g->nodes);
        memset(g->nodes + g->node_count, 0, (room - g->node_count) * sizeof *g->nodes);
        g->node_count = room;
    }
    if (g->nodes[i] == NULL)
        g->nodes[i] = base_zalloc(g->count, sizeof **g->nodes);
    return g->nodes[i];
}

static void add(uint64_t *to, const struct counter *d, uint64_t start, uint64_t value, bool lives)
{
    if (d->how == COUNTER_SUM)
        *to += value - start;
    else if (d->how == COUNTER_MOST)
        *to = value > *to ? value : *to;
    else if (lives == (d->how == COUNTER_NOW))
        *to += value;
}

/* Adds what a part has counted in the window. */
static void add_part(const struct sim_counted *c, uint64_t *to, bool lives)
{
    const struct sim_count_group *g = c->group;
    for (size_t i = 0; i < g->count; i++)
        add(&to[i], &g->counters[i], c->start != NULL ? c->start[i] : 0,
            counter_read(&g->counters[i], c->base), lives);
}

static void keep(const struct sim_counted *c, bool lives)
{
    add_part(c, c->group->total, lives);
    if (c->group->sim->options.per_node && c->node >= 0)
        add_part(c, node_total(c->group, c->node), lives);
}

void sim_count_end(struct sim_counted *c)
{
    if (c->group == NULL)
        return;
    if (!c->group->sim->counts_closed)
        keep(c, false);
    list_remove(&c->link);
    free(c->start);
    *c = (struct sim_counted){ 0 };
}

/* ---- the window ---- */

static void open_group(struct sim_count_group *g)
{
    memset(g->total, 0, g->count * sizeof *g->total);
    for (size_t i = 0; i < g->node_count; i++)
        if (g->nodes[i] != NULL)
            memset(g->nodes[i], 0, g->count * sizeof **g->nodes);
    LIST_EACH (it, &g->parts) {
        struct sim_counted *c = LIST_ENTRY(it, struct sim_counted, link);
        if (c->start == NULL)
            c->start = base_zalloc(g->count, sizeof *c->start);
        for (size_t i = 0; i < g->count; i++)
            c->start[i] = counter_read(&g->counters[i], c->base);
    }
}

void sim_counts_open(struct sim *s)
{
    s->counts_closed = false;
    LIST_EACH (it, &s->counts)
        open_group(LIST_ENTRY(it, struct sim_count_group, link));
}

void sim_counts_close(struct sim *s)
{
    if (s->counts_closed)
        return;
    LIST_EACH (it, &s->counts) {
        struct sim_count_group *g = LIST_ENTRY(it, struct sim_count_group, link);
        LIST_EACH (p, &g->parts)
            keep(LIST_ENTRY(p, struct sim_counted, link), true);
    }
    s->counts_closed = true;
}

void sim_counts_destroy(struct sim *s)
{
    struct list *l;
    while ((l = list_pop(&s->counts)) != NULL) {
        struct sim_count_group *g = LIST_ENTRY(l, struct sim_count_group, link);
        while ((l = list_pop(&g->parts)) != NULL) {
            struct sim_counted *c = LIST_ENTRY(l, struct sim_counted, link);
            free(c->start);
            *c = (struct sim_counted){ 0 };
        }
        for (size_t i = 0; i < g->node_count; i++)
            free(g->nodes[i]);
        free(g->nodes);
        free(g->total);
        free(g->owner);
        free(g);
    }
}

/* ---- reading ---- */

static double so_far(struct sim *s, const struct sim_count_group *g, size_t i)
{
    const struct counter *d = &g->counters[i];
    uint64_t sum = g->total[i];
    LIST_EACH (p, &g->parts) {
        const struct sim_counted *c = LIST_ENTRY(p, struct sim_counted, link);
        if (!s->counts_closed)
            add(&sum, d, c->start != NULL ? c->start[i] : 0, counter_read(d, c->base), true);
    }
    return (double)sum;
}

bool sim_count_sum(struct sim *s, const struct counter *of, const char *const names[2],
                   double *value)
{
    bool found = false;
    *value = 0;
    LIST_EACH (it, &s->counts) {
        const struct sim_count_group *g = LIST_ENTRY(it, struct sim_count_group, link);
        found |= g->counters == of;
        for (size_t i = 0; g->counters == of && i < g->count; i++)
            for (int k = 0; k < 2 && names[k] != NULL; k++)
                if (strcmp(names[k], of[i].name) == 0)
                    *value += so_far(s, g, i);
    }
    return found;
}

static void write_value(const struct sim_result_sink *sink, const struct sim_count_group *g,
                        size_t i, const char *place, uint64_t value)
{
    char name[128];
    snprintf(name, sizeof name, "%s.%s%s", g->owner, g->counters[i].name, place);
    sink->scalar(sink->arg, name, g->counters[i].unit, (double)value, NAN,
                 SIM_MEASURE_DETERMINISTIC | SIM_MEASURE_COUNTER);
}

void sim_counts_write(struct sim *s, const struct sim_result_sink *sink)
{
    sim_counts_close(s);
    LIST_EACH (it, &s->counts) {
        const struct sim_count_group *g = LIST_ENTRY(it, struct sim_count_group, link);
        for (size_t i = 0; i < g->count; i++) {
            write_value(sink, g, i, "", g->total[i]);
            for (size_t n = 0; n < g->node_count; n++) {
                char place[24];
                snprintf(place, sizeof place, "@%zu", n);
                if (g->nodes[n] != NULL && g->nodes[n][i] != 0)
                    write_value(sink, g, i, place, g->nodes[n][i]);
            }
        }
    }
}
