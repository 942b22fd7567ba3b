/* bench_net.c: a run of a direct workload without the command. */
#include "tests/direct/bench_net.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/audit.h"
#include "sim/measure.h"

static struct val *value_of(char *text)
{
    char *end, *part;
    if (strchr(text, ':')) {
        struct val *list = val_new(VAL_LIST, NULL, 0);
        while ((part = strsep(&text, ":")))
            val_append(list, value_of(part));
        return list;
    }
    long long i = strtoll(text, &end, 10);
    if (*end == '\0')
        return val_new_int(i, NULL, 0);
    double r = strtod(text, &end);
    if (*end == '\0')
        return val_new_real(r, NULL, 0);
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return val_new_bool(text[0] == 't', NULL, 0);
    return val_new_string(text, NULL, 0);
}

struct val *bench_table(const char *text)
{
    struct val *t = val_new(VAL_TABLE, NULL, 0);
    char *copy = strdup(text), *rest = copy, *word;
    while ((word = strsep(&rest, " "))) {
        char *eq = strchr(word, '=');
        if (!eq)
            continue;
        *eq = '\0';
        if (strchr(eq + 1, ',')) {
            struct val *list = val_new(VAL_LIST, NULL, 0);
            char *items = eq + 1, *item;
            while ((item = strsep(&items, ",")))
                if (*item)
                    val_append(list, value_of(item));
            val_put(t, word, list);
        } else {
            val_put(t, word, value_of(eq + 1));
        }
    }
    free(copy);
    return t;
}

bool bench_start(struct bench_net *b, const struct net_ops *net, const char *mesh,
                 const struct direct_ops *direct, const char *workload, uint64_t seed)
{
    *b = (struct bench_net){ .ops = net, .direct = direct };
    b->sim = sim_create(&(struct sim_options){ .seed = seed });
    b->mesh_table = bench_table(mesh);
    b->table = bench_table(workload);
    b->params = base_zalloc(1, direct->kind.params_size);
    if (!param_load(net->kind.params, &b->mesh, b->mesh_table, "mesh", &b->err) ||
        !param_load(direct->kind.params, b->params, b->table, "workload", &b->err))
        return false;
    b->net = net->create(b->sim, &b->mesh, &b->err);
    if (!b->net)
        return false;
    const struct val *file = val_get(b->table, "file");
    struct input in = { .name = NULL };
    if (file && !input_read(&in, NULL, file->u.s, INPUT_MAX, &b->err))
        return false;
    struct direct_world w = { .net = b->net, .files = &in, .file_count = file != NULL };
    b->self = direct->create(b->sim, &w, b->params, &b->err);
    if (file)
        input_fini(&in);
    return b->self != NULL;
}

void bench_run(struct bench_net *b)
{
    char text[1024] = "";
    b->end = sim_run(b->sim);
    b->direct->finish(b->self, b->end);
    cr_assert_eq(sim_audit_run(b->sim, text, sizeof(text)), 0, "%s", text);
}

struct wanted {
    const char *text;
    double value;
    unsigned flags;
    bool found;
};

static void see_scalar(void *arg, const char *name, const char *unit, double value,
                       double half_width, unsigned flags)
{
    struct wanted *w = arg;
    (void)unit;
    (void)half_width;
    if (strcmp(name, w->text) != 0)
        return;
    w->value = value;
    w->flags = flags;
}

static void see_bin(void *arg, const char *name, double lo, double hi, uint64_t n)
{
    (void)arg, (void)name, (void)lo, (void)hi, (void)n;
}

static void see_sample(void *arg, const char *name, const char *unit, sim_time at, double value)
{
    (void)arg, (void)name, (void)unit, (void)at, (void)value;
}

static void see_remark(void *arg, const char *text)
{
    struct wanted *w = arg;
    if (strstr(text, w->text))
        w->found = true;
}

static struct wanted look(struct bench_net *b, const char *text)
{
    struct wanted w = { .text = text, .value = NAN };
    struct sim_result_sink sink = {
        .arg = &w, .scalar = see_scalar, .bin = see_bin, .sample = see_sample, .remark = see_remark
    };
    sim_measures_write(b->sim, &sink);
    return w;
}

double bench_value(struct bench_net *b, const char *name)
{
    return look(b, name).value;
}

unsigned bench_flags(struct bench_net *b, const char *name)
{
    return look(b, name).flags;
}

bool bench_remarked(struct bench_net *b, const char *part)
{
    return look(b, part).found;
}

void bench_stop(struct bench_net *b)
{
    if (b->self)
        b->direct->destroy(b->self);
    if (b->net)
        b->ops->destroy(b->net);
    sim_destroy(b->sim);
    val_free(b->table);
    val_free(b->mesh_table);
    free(b->params);
}
