/* schema.c: the parts of a configuration's table, each loaded by its module's parameter array. */
#include "cli/schema.h"

#include <stdlib.h>
#include <string.h>

#include "disks/build.h"
#include "disks/library/changer.h"
#include "os/registry.h"

const struct param schema_limits_params[] = {
    P_TIME(schema_limits, host_time, "30min", "0", "1000h",
           "Time of the host that one point may take; 0: no limit.",
           "ASSUMED(long enough for the largest configuration that ships)"),
    P_SIZE(schema_limits, memory, "2GiB", "0", NULL,
           "Memory (resident set) that one point may take; 0: no limit.",
           "ASSUMED(two points fit a small machine)"),
    P_INT(schema_limits, events, "0", "0", NULL, "Events that one point may execute; 0: no limit.",
          "ASSUMED(host_time and memory bound a run)"),
    P_TIME(schema_limits, time, "0", "0", NULL,
           "Simulated time that one point may reach; 0: no limit.",
           "ASSUMED(host_time and memory bound a run)"),
    P_END,
};

const struct param schema_results_params[] = {
    P_BOOL(schema_results, per_node, "false",
           "Keep counters by node, too: 'rpc.resent@12' is that of node 12, absent where it is 0."),
    P_TIME(schema_results, bin, "0", "0", "1h",
           "Keep the rate over time, too, of a machine's workload: in bins of this width from time "
           "0 on; 0: no. 'pfs.bandwidth.bin' over 'time' is that of pfs.bandwidth."),
    P_END,
};

enum { ROOT_TABLE, ROOT_TEXT, ROOT_NUMBER, ROOT_ANY };
static const struct {
    const char *name;
    int type;
} roots[] = {
    { "title", ROOT_TEXT },       { "doc", ROOT_TEXT },      { "seed", ROOT_NUMBER },
    { "machine", ROOT_TABLE },    { "mesh", ROOT_TABLE },    { "devices", ROOT_ANY },
    { "workload", ROOT_TABLE },   { "measures", ROOT_ANY },  { "limits", ROOT_TABLE },
    { "libraries", ROOT_TABLE },  { "results", ROOT_TABLE }, { "figure", ROOT_TABLE },
    { "expectations", ROOT_ANY },
};

static bool check_root(const struct val *v, struct err *e)
{
    const char *names[ARRAY_LEN(roots) + 2];
    char where[512];
    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        names[i] = roots[i].name;
        if (strcmp(roots[i].name, v->key) != 0)
            continue;
        bool number = v->type == VAL_INT && v->u.i >= 0;
        if (roots[i].type == ROOT_TABLE && v->type != VAL_TABLE)
            return err_set(e, "%s%s is %s but must be a table", val_where(v, where, sizeof where),
                           v->key, val_type_name(v->type));
        if (roots[i].type == ROOT_TEXT && v->type != VAL_STRING)
            return err_set(e, "%s%s is %s but must be text in quotes",
                           val_where(v, where, sizeof where), v->key, val_type_name(v->type));
        if (roots[i].type == ROOT_NUMBER && !number)
            return err_set(e, "%s%s must be a whole number from 0 up",
                           val_where(v, where, sizeof where), v->key);
        return true;
    }
    names[ARRAY_LEN(roots)] = "sweep";
    names[ARRAY_LEN(roots) + 1] = NULL;
    err_set(e, "%sa configuration has no '%s'", val_where(v, where, sizeof where), v->key);
    err_nearest(e, v->key, names);
    return false;
}

/* The parameters of a part, whose member `kind` has chosen `k`. */
static bool load_part(void **params, const struct val *table, const struct kind *k, struct err *e)
{
    static const char *const but[] = { "kind", NULL };
    *params = kind_load(k, table, but, table->key, e);
    return *params != NULL;
}

static bool load_mesh(struct schema *s, const struct val *mesh, struct err *e)
{
    if (!mesh)
        return true;
    s->net = kind_choose(&net_kinds, mesh, "kind", NULL, "mesh", e);
    return s->net && load_part(&s->mesh, mesh, &s->net->kind, e);
}

static bool load_direct(struct schema *s, const struct val *w, struct err *e)
{
    char where[512];
    s->direct = kind_choose(&registry_direct, w, "kind", NULL, "workload", e);
    if (!s->direct)
        return false;
    const char *kind = s->direct->kind.name;
    if (s->direct->needs_net && !s->net)
        return err_set(e, "%sworkload '%s' needs a network: mesh = { kind = ... }",
                       val_where(w, where, sizeof where), kind);
    if (s->direct->needs_devices && !s->devices)
        return err_set(e, "%sworkload '%s' needs devices: devices = { kind = ... }",
                       val_where(w, where, sizeof where), kind);
    if (s->direct->needs_libraries && (!s->libraries || s->libraries->count == 0))
        return err_set(e, "%sworkload '%s' needs a library: libraries = { name = { kind = ... } }",
                       val_where(w, where, sizeof where), kind);
    return load_part(&s->workload, w, &s->direct->kind, e);
}

static bool load_workload(struct schema *s, const struct val *root, struct err *e)
{
    const struct val *w = val_get(root, "workload"), *named = val_get(w, "kind");
    char where[512];
    if (!w)
        return err_set(e, "%sthe configuration has no workload = { kind = ... }",
                       val_where(root, where, sizeof where));
    bool text = named && named->type == VAL_STRING;
    if (text && s->machine && kind_find(&registry_direct, named->u.s))
        return err_set(e, "%sworkload '%s' drives a bare mesh or devices, not a machine",
                       val_where(named, where, sizeof where), named->u.s);
    if (text && !s->machine && kind_find(&registry_workloads, named->u.s))
        return err_set(e, "%sworkload '%s' needs a machine = { ... } to run on",
                       val_where(named, where, sizeof where), named->u.s);
    if (!s->machine)
        return load_direct(s, w, e);
    s->programs = kind_choose(&registry_workloads, w, "kind", NULL, "workload", e);
    return s->programs && load_part(&s->workload, w, &s->programs->kind, e);
}

static bool load_all(struct schema *s, const struct val *root, struct err *e)
{
    static const struct val none = { .type = VAL_TABLE };
    char where[512];
    for (size_t i = 0; i < root->count; i++)
        if (!check_root(root->items[i], e))
            return false;
    const struct val *limits = val_get(root, "limits"), *results = val_get(root, "results");
    if (!param_load(schema_limits_params, &s->limits, limits ? limits : &none, "limits", e) ||
        !param_load(schema_results_params, &s->results, results ? results : &none, "results", e))
        return false;
    s->machine = val_get(root, "machine");
    s->devices = val_get(root, "devices");
    s->libraries = val_get(root, "libraries");
    const struct val *mesh = val_get(root, "mesh");
    if (s->machine && s->libraries)
        return err_set(e, "%sthe libraries of a machine stand in machine.libraries",
                       val_where(s->libraries, where, sizeof where));
    if (s->machine && (mesh || s->devices))
        return err_set(e, "%sa configuration has either a machine or a bare mesh or devices",
                       val_where(mesh ? mesh : s->devices, where, sizeof where));
    return load_mesh(s, mesh, e) && load_workload(s, root, e);
}

bool schema_load(struct schema *s, const struct val *root, struct err *e)
{
    *s = (struct schema){ 0 };
    if (load_all(s, root, e))
        return true;
    schema_fini(s);
    return false;
}

void schema_fini(struct schema *s)
{
    free(s->mesh);
    if (s->programs && s->programs->release && s->workload)
        s->programs->release(s->workload);
    free(s->workload);
    *s = (struct schema){ 0 };
}

/* ---- all parameters of what a table describes ---- */

struct walk {
    void (*fn)(void *arg, const char *path, const struct param *p);
    void *arg;
    const char *only; /* those on the way to this path alone; NULL: all */
    char path[512];   /* a sweep walks a thousand paths for each of its combinations: no printf */
};

/* Puts `name` behind the first n characters of the path; the new length. */
static size_t walk_to(struct walk *w, size_t n, const char *name)
{
    size_t len = strlen(name);
    ASSERT(n + len + 2 < sizeof w->path);
    if (n > 0)
        w->path[n++] = '.';
    memcpy(w->path + n, name, len + 1);
    return n + len;
}

/* `name` behind the first n characters of the path leads to what is looked for. */
static bool on_the_way(const struct walk *w, size_t n, const char *name)
{
    size_t len = strlen(name), from = n > 0 ? n + 1 : 0;
    return !w->only || (strncmp(w->only, w->path, n) == 0 && (n == 0 || w->only[n] == '.') &&
                        strncmp(w->only + from, name, len) == 0 &&
                        (w->only[from + len] == '.' || w->only[from + len] == '\0'));
}

static void walk_one(struct walk *w, size_t n, const struct param *p)
{
    walk_to(w, n, p->name);
    w->fn(w->arg, w->path, p);
}

static void walk_group(struct walk *w, size_t n, const struct param *params)
{
    for (const struct param *p = params; p && p->name; p++) {
        if (!on_the_way(w, n, p->name))
            continue;
        walk_one(w, n, p);
        if (p->type == PARAM_TABLE)
            walk_group(w, strlen(w->path), p->sub);
    }
}

static const struct param kind_param = { .name = "kind",
                                         .type = PARAM_STRING,
                                         .doc = "Chooses the variant." };

/* The parameter array of the kind that `table` names under `key`, or of `otherwise`; NULL: none. */
static const struct param *params_of(const struct kind_set *set, const struct val *table,
                                     const char *key, const char *otherwise)
{
    const struct val *v = val_get(table, key);
    const char *name = !v ? otherwise : v->type == VAL_STRING ? v->u.s : NULL;
    const struct kind *k = name ? kind_find(set, name) : NULL;
    return k ? k->params : NULL;
}

/* The parameter array of a part, by its kind; NULL when there is none. */
static const struct param *part_params(const struct val *part)
{
    if (strcmp(part->key, "mesh") == 0)
        return params_of(&net_kinds, part, "kind", NULL);
    const struct param *programs = params_of(&registry_workloads, part, "kind", NULL);
    return programs ? programs : params_of(&registry_direct, part, "kind", NULL);
}

/* Of a machine's interconnect: the first when none is named, as in models/machine. */
static const struct param *network_params(const struct val *machine)
{
    return params_of(&net_kinds, val_get(machine, "network"), "model", net_kinds.items[0]->name);
}

static void walk_machine(struct walk *w, const struct val *machine)
{
    static const struct param model = { .name = "model",
                                        .type = PARAM_STRING,
                                        .doc = "Chooses the interconnect." };
    size_t n = walk_to(w, 0, "machine");
    walk_group(w, n, machine_params);
    walk_one(w, walk_to(w, n, "network"), &model);
    walk_group(w, walk_to(w, n, "network"), network_params(machine));
    for (const struct kind *const *k = os_services.items; *k; k++)
        walk_group(w, walk_to(w, walk_to(w, n, "os"), (*k)->name), (*k)->params);
}

static void walk_all(struct walk w, const struct val *root)
{
    static const char *const parts[] = { "mesh", "workload" };
    const struct val *machine = val_get(root, "machine");
    if (machine)
        walk_machine(&w, machine);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const struct val *part = val_get(root, parts[i]);
        if (!part)
            continue;
        walk_one(&w, walk_to(&w, 0, parts[i]), &kind_param);
        walk_group(&w, walk_to(&w, 0, parts[i]), part_params(part));
    }
    walk_group(&w, walk_to(&w, 0, "limits"), schema_limits_params);
    walk_group(&w, walk_to(&w, 0, "results"), schema_results_params);
    static const struct param seed = { .name = "seed",
                                       .type = PARAM_INT,
                                       .doc = "Master seed of the random streams." };
    walk_one(&w, 0, &seed);
}

void schema_each(const struct val *root,
                 void (*fn)(void *arg, const char *path, const struct param *p), void *arg)
{
    walk_all((struct walk){ .fn = fn, .arg = arg }, root);
}

struct lookup {
    const char *path;
    bool list; /* machine.os is a list of services, which are judged when it is read */
    bool found;
};

static void look(void *arg, const char *path, const struct param *p)
{
    struct lookup *l = arg;
    size_t n = strlen(path);
    /* Tables that a builder reads and whose members are listed here as well. */
    bool listed =
        strcmp(path, "machine.network") == 0 || (strcmp(path, "machine.os") == 0 && !l->list);
    bool own = (p->type == PARAM_VAL && !listed) || p->type == PARAM_KIND;
    bool below = own && strncmp(l->path, path, n) == 0 && l->path[n] == '.';
    if (strcmp(l->path, path) == 0 || below)
        l->found = true;
}

bool schema_knows(const struct val *root, const char *path)
{
    const struct val *os = val_get(val_get(root, "machine"), "os");
    struct lookup l = { .path = path, .list = os && os->type == VAL_LIST };
    walk_all((struct walk){ .fn = look, .arg = &l, .only = path }, root);
    /* What lies in tables without a fixed set of names is judged by their builders. */
    static const char *const open[] = { "devices.", "libraries.", "figure.", "expectations.",
                                        "measures." };
    for (size_t i = 0; i < ARRAY_LEN(open); i++) {
        size_t n = strlen(open[i]);
        if (strncmp(path, open[i], n) == 0) {
            char *first = base_printf("%.*s", (int)n - 1, path);
            l.found |= val_get(root, first) != NULL;
            free(first);
        }
    }
    return l.found || strcmp(path, "title") == 0 || strcmp(path, "doc") == 0;
}

static struct val *member(struct val *root, const char *name)
{
    for (size_t i = 0; i < root->count; i++)
        if (strcmp(root->items[i]->key, name) == 0)
            return root->items[i];
    return NULL;
}

/* The member of that name, made when it is absent. */
static struct val *made_member(struct val *table, const char *name)
{
    if (!member(table, name))
        val_put(table, name, val_new(VAL_TABLE, table->file, 0));
    return member(table, name);
}

static void resolve_device(struct val *device)
{
    if (device->type == VAL_TABLE)
        param_resolve(params_of(&blk_kinds, device, "kind", "disk"), device);
}

static void resolve_devices(struct val *devices)
{
    if (devices && devices->type == VAL_LIST)
        for (size_t i = 0; i < devices->count; i++)
            resolve_device(devices->items[i]);
    else if (devices)
        resolve_device(devices);
}

static void resolve_libraries(struct val *libraries)
{
    for (size_t i = 0; libraries && i < libraries->count; i++)
        if (libraries->items[i]->type == VAL_TABLE)
            param_resolve(params_of(&changer_kinds, libraries->items[i], "kind", "silo"),
                          libraries->items[i]);
}

/* A network takes its shape from the machine where the parameters do not say otherwise. */
static void resolve_network(struct val *machine)
{
    static const char *const shape[] = { "rows", "columns" };
    const struct param *params = network_params(machine);
    struct val *t = made_member(machine, "network");
    if (t->type != VAL_TABLE || (!params && member(t, "model")))
        return;
    if (!member(t, "model"))
        val_put(t, "model", val_new_string(net_kinds.items[0]->name, t->file, 0));
    for (size_t i = 0; i < ARRAY_LEN(shape); i++) {
        bool has = false;
        for (const struct param *p = params; p && p->name; p++)
            has |= strcmp(p->name, shape[i]) == 0;
        if (has && !member(t, shape[i]))
            val_put(t, shape[i], val_copy(val_get(machine, shape[i])));
    }
    for (const struct param *p = params; p && p->name; p++) {
        const struct val *rows = val_get(machine, shape[0]), *columns = val_get(machine, shape[1]);
        if (strcmp(p->name, "stations") == 0 && !member(t, "stations") && rows && columns &&
            rows->type == VAL_INT && columns->type == VAL_INT)
            val_put(t, "stations", val_new_int(rows->u.i * columns->u.i, t->file, t->line));
    }
    param_resolve(params, t);
}

/* The parameters of the services: of those that a list names, or of all that boot unlisted. */
static void resolve_services(struct val *os)
{
    for (size_t i = 0; os->type == VAL_LIST && i < os->count; i++)
        if (os->items[i]->type == VAL_TABLE)
            param_resolve(params_of(&os_services, os->items[i], "service", NULL), os->items[i]);
    for (int i = 0; os->type == VAL_TABLE && os_services.items[i]; i++) {
        const struct os_service_ops *s = kind_at(&os_services, i);
        if (s->with && s->kind.params)
            param_resolve(s->kind.params, made_member(os, s->kind.name));
    }
}

static void resolve_machine(struct val *machine)
{
    param_resolve(machine_params, machine);
    const struct val *networks = member(machine, "networks");
    if (!networks || networks->count == 0) /* else each is judged when it is read */
        resolve_network(machine);
    resolve_devices(member(machine, "storage"));
    resolve_libraries(member(machine, "libraries"));
    resolve_services(made_member(machine, "os"));
}

void schema_resolve(struct val *root)
{
    static const char *const parts[] = { "mesh", "workload" };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct val *part = member(root, parts[i]);
        if (part)
            param_resolve(part_params(part), part);
    }
    if (member(root, "machine"))
        resolve_machine(member(root, "machine"));
    resolve_devices(member(root, "devices"));
    resolve_libraries(member(root, "libraries"));
    param_resolve(schema_limits_params, made_member(root, "limits"));
}

char *schema_canonical(const struct val *root)
{
    static const char *const parts[] = { "machine",   "mesh",     "devices",
                                         "libraries", "workload", "results" };
    struct val *items[ARRAY_LEN(parts)]; /* the root's own */
    struct val shape = { .type = VAL_TABLE, .items = items };
    for (size_t p = 0; p < ARRAY_LEN(parts); p++)
        for (size_t i = 0; i < root->count; i++)
            if (strcmp(root->items[i]->key, parts[p]) == 0)
                items[shape.count++] = root->items[i];
    return val_canonical(&shape);
}
