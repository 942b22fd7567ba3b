/* table.c: the filters that are there: those of one shape and priority share a look-up.  See
 * filter.h, FILT4 and FILT5, and program.h, FILT3.
 */
#include "os/proto/filter/filter_internal.h"

#include <string.h>

void filter_table_init(struct filter_table *t, struct port *p)
{
    t->port = p;
    list_init(&t->groups);
    list_init(&t->entries);
}

static bool same_shape(const struct filter_group *g, const struct filter_test *test, uint32_t count)
{
    bool same = g->tests == count;
    for (uint32_t i = 0; i < count && same; i++)
        same = g->test[i].behind == test[i].behind && g->test[i].size == test[i].size &&
               g->test[i].offset == test[i].offset && g->test[i].mask == test[i].mask;
    return same;
}

static bool same_program(const struct filter_program *a, const struct filter_program *b)
{
    return a->priority == b->priority && a->count == b->count &&
           memcmp(a->insn, b->insn, a->count * sizeof a->insn[0]) == 0;
}

/* The group of that shape and priority, or NULL: of what has no shape, too. */
static struct filter_group *group_of(const struct filter_table *t, uint8_t priority,
                                     const struct filter_test *test, uint32_t count)
{
    if (count == 0)
        return NULL;
    LIST_EACH (l, &t->groups) {
        struct filter_group *g = LIST_ENTRY(l, struct filter_group, link);
        if (g->priority == priority && same_shape(g, test, count))
            return g;
    }
    return NULL;
}

static struct filter_group *group_new(struct filter_table *t, uint8_t priority,
                                      const struct filter_test *test, uint32_t count)
{
    struct filter_group *g = port_alloc(t->port, sizeof *g);
    struct list *before = t->groups.next;
    g->priority = priority;
    g->tests = count;
    memcpy(g->test, test, count * sizeof *test);
    if (count > 0)
        xk_map_init(&g->by_value, t->port, count * (uint32_t)sizeof(uint32_t));
    while (before != &t->groups &&
           LIST_ENTRY(before, struct filter_group, link)->priority >= priority)
        before = before->next;
    list_push(before, &g->link);
    return g;
}

/* Its tests, in the order of the shape; 0: it has none. */
static uint32_t tests_of(const struct filter_program *p, struct filter_test test[FILTER_TESTS],
                         uint32_t value[FILTER_TESTS])
{
    uint32_t count;
    if (!filter_tests(p, test, &count))
        return 0;
    for (uint32_t i = 0; i < count; i++)
        value[i] = test[i].value;
    return count;
}

/* FILT5: what stands in the way of the program of `count` tests, whose group is g, if there is one:
 * NULL: nothing. */
static struct filter_entry *find_same(const struct filter_table *t, const struct filter_program *p,
                                      uint32_t count, struct filter_group *g, const uint32_t *value)
{
    if (count > 0)
        return g ? xk_map_resolve(&g->by_value, value) : NULL;
    LIST_EACH (l, &t->groups) {
        const struct filter_group *one = LIST_ENTRY(l, struct filter_group, link);
        if (one->alone && same_program(one->alone->program, p))
            return one->alone;
    }
    return NULL;
}

enum xk_status filter_table_add(struct filter_table *t, uint32_t upper, uint32_t by,
                                const struct filter_program *p)
{
    struct filter_test test[FILTER_TESTS];
    uint32_t value[FILTER_TESTS], count = tests_of(p, test, value);
    struct filter_group *g = group_of(t, p->priority, test, count);
    if (find_same(t, p, count, g, value))
        return XK_IN_USE; /* FILT5 */
    if (!g)
        g = group_new(t, p->priority, test, count);
    struct filter_entry *x = port_alloc(t->port, sizeof *x);
    size_t bytes = offsetof(struct filter_program, insn) + p->count * sizeof p->insn[0];
    x->program = port_alloc(t->port, bytes);
    memcpy(x->program, p, bytes);
    x->order = t->order++;
    x->upper = upper;
    x->by = by;
    x->group = g;
    if (count > 0) {
        memcpy(x->value, value, count * sizeof *value);
        xk_map_bind(&g->by_value, x->value, x);
    } else {
        g->alone = x;
    }
    list_push(&t->entries, &x->link);
    t->count++;
    return XK_OK;
}

static void entry_drop(struct filter_table *t, struct filter_entry *x)
{
    struct filter_group *g = x->group;
    if (g->tests > 0)
        xk_map_unbind(&g->by_value, x->value);
    if (g->tests == 0 || xk_map_count(&g->by_value) == 0) {
        xk_map_fini(&g->by_value);
        list_remove(&g->link);
        port_free(t->port, g);
    }
    list_remove(&x->link);
    port_free(t->port, x->program);
    port_free(t->port, x);
    t->count--;
}

uint64_t filter_table_drop(struct filter_table *t, uint32_t by)
{
    uint64_t n = 0;
    LIST_EACH_SAFE (l, next, &t->entries) {
        struct filter_entry *x = LIST_ENTRY(l, struct filter_entry, link);
        if (x->by != by)
            continue;
        entry_drop(t, x);
        n++;
    }
    return n;
}

enum xk_status filter_table_remove(struct filter_table *t, uint32_t upper,
                                   const struct filter_program *p)
{
    struct filter_test test[FILTER_TESTS];
    uint32_t value[FILTER_TESTS], count = tests_of(p, test, value);
    struct filter_group *g = group_of(t, p->priority, test, count);
    struct filter_entry *x = find_same(t, p, count, g, value);
    if (!x || x->upper != upper)
        return XK_NO_PEER;
    entry_drop(t, x);
    return XK_OK;
}

static struct filter_entry *ask(struct filter_group *g, const uint8_t *bytes, uint32_t length,
                                struct filter_seen *seen)
{
    uint32_t value[FILTER_TESTS] = { 0 };
    if (g->alone)
        return filter_run(g->alone->program, bytes, length, &seen->steps) ? g->alone : NULL;
    seen->looked++;
    for (uint32_t i = 0; i < g->tests; i++)
        if (!filter_field(&g->test[i], bytes, length, &value[i]))
            return NULL;
    return xk_map_resolve(&g->by_value, value);
}

struct filter_entry *filter_table_find(struct filter_table *t, const uint8_t *bytes,
                                       uint32_t length, bool (*lives)(void *arg, uint32_t upper),
                                       void *arg, struct filter_seen *seen)
{
    struct filter_entry *best = NULL;
    LIST_EACH (l, &t->groups) {
        struct filter_group *g = LIST_ENTRY(l, struct filter_group, link);
        if (best && g->priority < best->group->priority)
            break; /* FILT4 */
        struct filter_entry *x = ask(g, bytes, length, seen);
        if (x && (!best || x->order < best->order) && lives(arg, x->upper) &&
            (x->by == 0 || lives(arg, x->by)))
            best = x;
    }
    return best;
}
