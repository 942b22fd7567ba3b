/* fault.c: reads the schedule of faults and brings each about. */
#include "sim/fault.h"

#include <stdlib.h>
#include <string.h>

#include "sim/rng.h"

struct common {
    const char *path, *action;
    sim_time at, after, mtbf;
    int64_t event;
};

static const struct param common_params[] = {
    P_STRING(common, path, NULL, "What fails: its name in the table of what was busy."),
    P_STRING(common, action, "", "What happens to it; what is usual when nothing is said."),
    P_TIME(common, at, "0", "0", NULL, "When, unless `event` or `mtbf` says so."),
    P_INT(common, event, "0", "0", NULL,
          "Number of the step right after which it happens; 0: none."),
    P_TIME(common, mtbf, "0", "0", NULL, "Mean time between faults that recur; 0: it is one."),
    P_TIME(common, after, "0", "0", NULL, "It is undone so long afterwards; 0: never."),
    P_END,
};

struct target {
    char *path;
    const struct fault_ops *ops;
    void *self;
    bool owned;
};

struct entry {
    struct sim_event event, undo;
    struct common c;
    const struct sim_faults *of;
    const struct target *target;
    struct fault fault;
    struct sim_rng rng;
    void *args;
};

struct sim_faults {
    struct sim *sim;
    bool steps;
    bool (*over)(void *arg);
    void *arg;
    struct target *targets;
    size_t target_count, target_capacity, count;
    struct entry *entries;
};

struct sim_faults *sim_faults_create(struct sim *s, bool steps)
{
    struct sim_faults *f = base_zalloc(1, sizeof *f);
    f->sim = s;
    f->steps = steps;
    return f;
}

void sim_faults_until(struct sim_faults *f, bool (*over)(void *arg), void *arg)
{
    f->over = over;
    f->arg = arg;
}

void sim_faults_free(struct sim_faults *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->count; i++) {
        sim_cancel(f->sim, &f->entries[i].event);
        sim_cancel(f->sim, &f->entries[i].undo);
        free(f->entries[i].args);
    }
    for (size_t i = 0; i < f->target_count; i++) {
        free(f->targets[i].path);
        if (f->targets[i].owned)
            free(f->targets[i].self);
    }
    free(f->entries);
    free(f->targets);
    free(f);
}

void sim_fault_target(struct sim_faults *f, const char *path, const struct fault_ops *ops,
                      void *self, bool owned)
{
    ASSERT(f->entries == NULL);
    if (f->target_count == f->target_capacity) {
        f->target_capacity = f->target_capacity == 0 ? 16 : 2 * f->target_capacity;
        f->targets = base_realloc(f->targets, f->target_capacity * sizeof *f->targets);
    }
    f->targets[f->target_count++] = (struct target){
        .path = sim_full_name(f->sim, path), .ops = ops, .self = self, .owned = owned
    };
}

/* Nobody is left to meet it: the owner says so, or nothing is on its way but faults that recur. */
static bool too_late(const struct sim_faults *f)
{
    uint64_t recur = 0;
    bool undone = true;
    for (size_t i = 0; i < f->count; i++) {
        recur += f->entries[i].c.mtbf > 0 && sim_event_pending(&f->entries[i].event);
        undone = undone && !sim_event_pending(&f->entries[i].undo);
    }
    return undone && (sim_pending(f->sim) == recur || (f->over != NULL && f->over(f->arg)));
}

static void happen(struct sim *s, struct sim_event *ev)
{
    struct entry *x = CONTAINER_OF(ev, struct entry, event);
    struct fault f = x->fault;
    if (x->c.mtbf > 0 && too_late(x->of))
        return;
    x->target->ops->apply(x->target->self, &f);
    if (x->c.after > 0 && !sim_event_pending(&x->undo))
        sim_after(s, &x->undo, x->c.after);
    if (x->c.mtbf > 0)
        sim_after(s, &x->event, sim_rng_exponential(&x->rng, x->c.mtbf));
}

static void undo(struct sim *s, struct sim_event *ev)
{
    struct entry *x = CONTAINER_OF(ev, struct entry, undo);
    struct fault f = x->fault;
    (void)s;
    f.over = true;
    x->target->ops->apply(x->target->self, &f);
}

/* ---- reading ---- */

static const struct target *find(const struct sim_faults *f, const char *name, const char *where,
                                 const char *path, struct err *e)
{
    const char **names = base_zalloc(f->target_count + 1, sizeof *names);
    const struct target *t = NULL;
    for (size_t i = 0; i < f->target_count; i++) {
        names[i] = f->targets[i].path;
        if (strcmp(names[i], name) == 0)
            t = &f->targets[i];
    }
    if (t == NULL) {
        err_set(e, "%s%s.path: there is nothing '%.80s' that can fail", where, path, name);
        err_nearest(e, name, names);
    }
    free(names);
    return t;
}

static bool action_of(const struct target *t, const char *name, int *out, const char *where,
                      const char *path, struct err *e)
{
    const char *const *names = t->ops->actions;
    for (*out = 0; names[*out] != NULL; ++*out)
        if (strcmp(names[*out], name) == 0)
            return true;
    if (name[0] == '\0' && t->ops->usual) {
        *out = 0;
        return true;
    }
    err_set(e, "%s%s.action: '%.80s' cannot happen to %s", where, path, name, t->path);
    err_nearest(e, name, names);
    return false;
}

/* The names of a parameter array, ended by NULL; heap. */
static const char **names_of(const struct param *p)
{
    size_t n = 0;
    for (; p != NULL && p[n].name != NULL; n++)
        continue;
    const char **names = base_zalloc(n + 1, sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = p[i].name;
    return names;
}

static bool load_args(struct entry *x, const struct val *v, const char *path, struct err *e)
{
    const char **but = names_of(common_params);
    x->args = base_zalloc(1, x->target->ops->params_size + 1);
    bool good = param_load_but(x->target->ops->params, x->args, v, but, path, e);
    free(but);
    return good;
}

static bool read_entry(struct sim_faults *f, struct entry *x, const struct val *v, const char *path,
                       struct err *e)
{
    char where[256];
    const struct val *name = val_get(v, "path");
    val_where(v, where, sizeof where);
    if (v->type != VAL_TABLE || name == NULL || name->type != VAL_STRING)
        return err_set(e, "%s%s: a fault is { path = \"...\", action = \"...\", at = \"...\" }",
                       where, path);
    if ((x->target = find(f, name->u.s, where, path, e)) == NULL)
        return false;
    const struct fault_ops *ops = x->target->ops;
    const char **but = names_of(ops->params);
    bool good = param_load_but(common_params, &x->c, v, but, path, e);
    free(but);
    if (!good || !load_args(x, v, path, e) ||
        !action_of(x->target, x->c.action, &x->fault.action, where, path, e))
        return false;
    if (x->c.after > 0 && !ops->ends)
        return err_set(e, "%s%s.after: what happens to %s is not undone", where, path, name->u.s);
    if (x->c.event > 0 && !f->steps)
        return err_set(e, "%s%s.event: only the steps of a machine are counted", where, path);
    if ((x->c.event > 0) + (x->c.mtbf > 0) + (x->c.at > 0) > 1)
        return err_set(e, "%s%s: one of at, event and mtbf", where, path);
    x->fault.args = ops->params == NULL ? NULL : x->args;
    return ops->check == NULL || ops->check(x->target->self, &x->fault, path, e);
}

bool sim_faults_load(struct sim_faults *f, const struct val *list, const char *path, struct err *e)
{
    char where[256];
    if (list == NULL || (list->type != VAL_LIST && list->count == 0))
        return true;
    if (list->type != VAL_LIST)
        return err_set(e, "%s%s is a list of tables { path =, action =, at =, ... }",
                       val_where(list, where, sizeof where), path);
    f->entries = base_zalloc(list->count + 1, sizeof *f->entries);
    for (size_t i = 0; i < list->count; i++) {
        struct entry *x = &f->entries[f->count++];
        x->of = f;
        char *item = base_printf("%s[%zu]", path, i + 1);
        sim_event_init(&x->event, SIM_CLASS_SOFTWARE, happen);
        sim_event_init(&x->undo, SIM_CLASS_SOFTWARE, undo);
        bool good = read_entry(f, x, list->items[i], item, e);
        free(item);
        if (!good)
            return false;
        sim_event_init(&x->event, x->target->ops->when, happen);
        sim_event_init(&x->undo, x->target->ops->when, undo);
        sim_rng_init_indexed(&x->rng, f->sim, "faults", i);
        if (x->c.mtbf > 0)
            sim_after(f->sim, &x->event, sim_rng_exponential(&x->rng, x->c.mtbf));
        else if (x->c.event == 0)
            sim_at(f->sim, &x->event, sim_time_max(x->c.at, sim_now(f->sim)));
        if (x->c.after > 0 && x->c.mtbf == 0 && x->c.event == 0) /* before all else of that time */
            sim_at(f->sim, &x->undo, sim_time_add(x->event.time, x->c.after));
        /* The values of the tree are read; nothing keeps them. */
        x->c.path = x->c.action = NULL;
    }
    return true;
}

/* ---- steps ---- */

uint64_t sim_faults_next(const struct sim_faults *f, uint64_t step)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; f != NULL && i < f->count; i++) {
        uint64_t at = (uint64_t)f->entries[i].c.event;
        if (at > step && at < next)
            next = at;
    }
    return next;
}

void sim_faults_step(struct sim_faults *f, uint64_t step)
{
    for (size_t i = 0; i < f->count; i++)
        if ((uint64_t)f->entries[i].c.event == step)
            sim_after(f->sim, &f->entries[i].event, 0);
}
