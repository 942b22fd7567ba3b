/* config.c: from a file name and the command line to checked points with identities. */
#include "cli/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "cli/clean.h"
#include "cli/expect.h"
#include "cli/lua/script.h"
#include "cli/schema.h"
#include "cli/version.h"

#define REPLICATIONS_MAX 10000
#define POINTS_MAX 1000000

/* ---- where files are looked for ---- */

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* The folder of the running executable; "" when the system does not say. */
static const char *executable_dir(void)
{
    static char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return "";
    path[n] = 0;
    *strrchr(path, '/') = 0;
    return path;
}

const char *const *config_search_path(void)
{
    static const char *dirs[6];
    size_t n = 0;
    if (dirs[0] || dirs[1])
        return dirs;
    const char *exe = executable_dir();
    char *places[] = { base_strdup("configs"),
                       getenv("PSIM_CONFIGS") ? base_strdup(getenv("PSIM_CONFIGS")) : NULL,
                       base_printf("%s/../configs", exe),
                       base_printf("%s/../share/psim/configs", exe),
                       base_strdup(PSIM_DATADIR "/configs") };
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (places[i] && is_folder(places[i]))
            dirs[n++] = places[i];
        else
            free(places[i]);
    }
    dirs[n] = NULL;
    return dirs;
}

/* The file meant by `name`: itself, with .lua, or of that name on the search path. Heap. */
static char *find_file(const char *name)
{
    struct stat st;
    if (stat(name, &st) == 0 || errno == EACCES || strchr(name, '\n'))
        return base_strdup(name);
    char *with = base_printf("%s.lua", name);
    if (is_file(with))
        return with;
    free(with);
    const char *const *dirs = config_search_path();
    for (size_t d = 0; name[0] != '/' && dirs[d]; d++) {
        for (size_t f = 0; f < 3; f++) {
            char *path = f == 0   ? base_printf("%s/%s", dirs[d], name)
                         : f == 1 ? base_printf("%s/%s.lua", dirs[d], name)
                                  : base_printf("%s/figures/%s.lua", dirs[d], name);
            if (is_file(path))
                return path;
            free(path);
        }
    }
    return base_strdup(name);
}

static char *folder_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    if (!slash)
        return base_strdup(".");
    return slash == file ? base_strdup("/") : base_printf("%.*s", (int)(slash - file), file);
}

static char *name_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *base = slash ? slash + 1 : file;
    size_t n = strlen(base);
    if (n > 4 && strcmp(base + n - 4, ".lua") == 0)
        n -= 4;
    return base_printf("%.*s", (int)n, base);
}

/* The folders that include searches: the configuration's own, an enclosing one called "configs"
 * (its name is the caller's to free), then the search path. */
static const char **include_roots(const struct config *c, char **enclosing)
{
    const char **roots = base_zalloc(10, sizeof *roots);
    const char *const *dirs = config_search_path();
    size_t n = 0;
    roots[n++] = c->dir;
    char *up = base_strdup(c->dir);
    for (char *slash; (slash = strrchr(up, '/'));) {
        *slash = 0;
        const char *last = strrchr(up, '/');
        if (strcmp(last ? last + 1 : up, "configs") == 0) {
            roots[n++] = *enclosing = base_strdup(up);
            break;
        }
    }
    free(up);
    for (size_t i = 0; dirs[i]; i++)
        roots[n++] = dirs[i];
    return roots;
}

/* ---- overrides ---- */

static struct val *parse_scalar(const char *s, const char *where)
{
    char *end;
    if (strcmp(s, "true") == 0 || strcmp(s, "false") == 0)
        return val_new_bool(s[0] == 't', where, 0);
    bool number = s[0] && strchr("+-.0123456789", s[0]);
    errno = 0;
    long long i = strtoll(s, &end, 10);
    if (number && !*end && !errno)
        return val_new_int(i, where, 0);
    double r = strtod(s, &end);
    if (number && !*end && end != s)
        return val_new_real(r, where, 0);
    size_t n = strlen(s);
    if (n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n - 1] == s[0]) {
        char *inside = base_printf("%.*s", (int)n - 2, s + 1);
        struct val *v = val_new_string(inside, where, 0);
        free(inside);
        return v;
    }
    return val_new_string(s, where, 0);
}

/* "{a, b, c}" is a list. */
static struct val *parse_value(const char *s, const char *where)
{
    size_t n = strlen(s);
    if (n < 2 || s[0] != '{' || s[n - 1] != '}')
        return parse_scalar(s, where);
    struct val *list = val_new(VAL_LIST, where, 0);
    char *copy = base_printf("%.*s", (int)n - 2, s + 1), *rest = copy, *item;
    while ((item = strsep(&rest, ","))) {
        item += strspn(item, " ");
        size_t len = strlen(item);
        while (len > 0 && item[len - 1] == ' ')
            item[--len] = 0;
        if (len > 0)
            val_append(list, parse_scalar(item, where));
    }
    free(copy);
    return list;
}

struct overrides {
    struct script_override *items; /* borrow from the two below */
    char **paths;
    struct val **values;
    size_t count;
};

static bool parse_overrides(const struct config_options *o, struct overrides *out, struct err *e)
{
    out->items = base_zalloc(o->override_count + 1, sizeof *out->items);
    out->paths = base_zalloc(o->override_count + 1, sizeof *out->paths);
    out->values = base_zalloc(o->override_count + 1, sizeof(struct val *));
    for (size_t i = 0; i < o->override_count; i++) {
        const char *text = o->overrides[i], *eq = strchr(text, '=');
        if (!eq || eq == text)
            return err_set(e, "-p %s: write -p path=value", text);
        char *where = base_printf("-p %s", text);
        out->paths[i] = base_printf("%.*s", (int)(eq - text), text);
        out->values[i] = parse_value(eq + 1, where);
        out->items[i] = (struct script_override){ out->paths[i], out->values[i] };
        out->count++;
        free(where);
    }
    return true;
}

static void free_overrides(struct overrides *o)
{
    for (size_t i = 0; i < o->count; i++) {
        free(o->paths[i]);
        val_free(o->values[i]);
    }
    free(o->paths);
    free(o->values);
    free(o->items);
}

struct names {
    char **items;
    size_t count;
};

static void add_name(struct names *n, const char *name)
{
    n->items = base_realloc(n->items, (n->count + 2) * sizeof *n->items);
    n->items[n->count++] = base_strdup(name);
    n->items[n->count] = NULL;
}

static void add_param_name(void *arg, const char *path, const struct param *p)
{
    (void)p;
    add_name(arg, path);
}

/* The nearest of the paths: first among those in the same table by the last name alone, because in
 * a long path a third of its letters is too much. */
static const char *nearest_path(const char *path, const struct names *n)
{
    const char *dot = strrchr(path, '.'), *near = NULL;
    size_t prefix = dot ? (size_t)(dot - path) + 1 : 0, count = 0;
    const char **last = base_zalloc(n->count + 1, sizeof *last);
    for (size_t i = 0; i < n->count; i++)
        if (strncmp(n->items[i], path, prefix) == 0 && !strchr(n->items[i] + prefix, '.'))
            last[count++] = n->items[i] + prefix;
    near = nearest_name(path + prefix, last);
    for (size_t i = 0; near && i < n->count; i++)
        if (strncmp(n->items[i], path, prefix) == 0 && n->items[i] + prefix == near) {
            free(last);
            return n->items[i];
        }
    free(last);
    if (prefix > 0)
        for (size_t i = 0; i < n->count; i++) /* the table is known, its member is not */
            if (strncmp(n->items[i], path, prefix) == 0)
                return NULL;
    return nearest_name(path, (const char *const *)n->items);
}

/* Says that nothing reads a path, with the nearest one that something reads. */
static bool no_effect(const char *path, const struct val *v, const struct val *root,
                      const struct val *reads, struct err *e)
{
    struct names n = { 0 };
    char where[512];
    for (size_t i = 0; i < reads->count; i++)
        add_name(&n, reads->items[i]->key);
    schema_each(root, add_param_name, &n);
    const char *near = nearest_path(path, &n);
    val_where(v, where, sizeof where);
    if (near)
        err_set(e, "%snothing reads '%s', did you mean '%s'?", where, path, near);
    else
        err_set(e,
                "%snothing reads '%s': it is neither a parameter of this configuration nor asked "
                "for by param() ('psim check --resolved' shows its parameters)",
                where, path);
    for (size_t i = 0; i < n.count; i++)
        free(n.items[i]);
    free(n.items);
    return false;
}

/* Applies one value to the result. */
static bool apply(struct val *root, const char *path, const struct val *v, const struct val *reads,
                  struct err *e)
{
    if (schema_knows(root, path))
        return val_set_path(root, path, val_copy(v), e);
    if (val_get(reads, path))
        return true;
    return no_effect(path, v, root, reads, e);
}

static bool is_choice(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (strcmp(dot, ".kind") == 0 || strcmp(dot, ".model") == 0);
}

/* Those that choose a variant go first, because they decide which parameters there are. */
static bool apply_all(struct val *root, const struct val *sweep, const struct overrides *o,
                      const struct val *reads, struct err *e)
{
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < o->count; i++) {
            const char *path = o->items[i].path;
            if (is_choice(path) != (pass == 0) || strncmp(path, "sweep.", 6) == 0 ||
                val_get(sweep, path))
                continue;
            if (!apply(root, path, o->items[i].value, reads, e))
                return false;
        }
        for (size_t i = 0; i < sweep->count; i++)
            if (is_choice(sweep->items[i]->key) == (pass == 0) &&
                !apply(root, sweep->items[i]->key, sweep->items[i], reads, e))
                return false;
    }
    return true;
}

/* ---- points ---- */

/* The seed of replication r: the master seed itself first, so that one replication is what a plain
 * run gives; then the outputs of SplitMix64 [Steele, Lea & Flood 2014]. */
static uint64_t derived_seed(uint64_t seed, uint64_t r)
{
    if (r == 0)
        return seed;
    uint64_t z = seed + r * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* What it takes to evaluate the text once more, for a value that a bisection asks for. */
struct config_again {
    struct overrides over;
    struct script_result script; /* without its cases */
    bool nameless;               /* config_options */
    uint64_t seed;               /* --seed */
    bool seed_given;
    struct bisect bisect;
};

static bool read_seeds(const struct config_options *o, const struct script_result *r,
                       struct config *c, struct err *e)
{
    char where[512];
    const struct val *list = r->seeds, *n = r->replications;
    if (list->type != VAL_LIST && list->count > 0)
        return err_set(e, "%ssweep.seeds is %s but must be a list of whole numbers",
                       val_where(list, where, sizeof where), val_type_name(list->type));
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->type != VAL_INT || list->items[i]->u.i < 0)
            return err_set(e, "%ssweep.seeds: a seed is a whole number from 0 up",
                           val_where(list->items[i], where, sizeof where));
    if (n && (n->type != VAL_INT || n->u.i < 1 || n->u.i > REPLICATIONS_MAX))
        return err_set(e, "%ssweep.replications must be a whole number from 1 to %d",
                       val_where(n, where, sizeof where), REPLICATIONS_MAX);
    if (n && list->count > 0)
        return err_set(e, "%ssweep has either replications or seeds, not both",
                       val_where(n, where, sizeof where));
    if (o->replications > REPLICATIONS_MAX)
        return err_set(e, "-r %lld: there are at most %d replications", (long long)o->replications,
                       REPLICATIONS_MAX);
    c->replications = 1;
    if (o->replications > 0)
        c->replications = (uint32_t)o->replications;
    else if (n)
        c->replications = (uint32_t)n->u.i;
    else if (list->count > 0)
        c->replications = (uint32_t)list->count;
    return true;
}

static uint64_t point_seed(const struct config_again *a, const struct config_case *k,
                           uint32_t replication)
{
    const struct val *seed = val_get(k->root, "seed"), *seeds = a->script.seeds;
    if (!a->seed_given && replication < seeds->count)
        return (uint64_t)seeds->items[replication]->u.i;
    return derived_seed(a->seed_given ? a->seed : seed ? (uint64_t)seed->u.i : 1, replication);
}

static void identify(struct config_point *p)
{
    char *text = base_printf("%sseed = %llu\nmodel = %s\n", p->c->canonical,
                             (unsigned long long)p->seed, version_of_model());
    XXH128_hash_t h = XXH3_128bits(text, strlen(text));
    snprintf(p->identity, sizeof p->identity, "%016llx%016llx", (unsigned long long)h.high64,
             (unsigned long long)h.low64);
    free(text);
}

/* The points of a case that is filled. */
static void make_case_points(struct config *c, size_t case_idx)
{
    for (uint32_t n = 0; n < c->replications; n++) {
        struct config_point *p = &c->points[case_idx * c->replications + n];
        p->seed = point_seed(c->again, p->c, n);
        identify(p);
    }
}

static bool make_points(struct config *c, const struct config_options *o, struct err *e)
{
    if (!read_seeds(o, &c->again->script, c, e))
        return false;
    c->point_count = c->case_count * c->replications;
    if (c->point_count > POINTS_MAX)
        return err_set(e, "%s: the sweep has %zu points; at most %d can run", c->file,
                       c->point_count, POINTS_MAX);
    c->points = base_zalloc(c->point_count, sizeof *c->points);
    for (size_t i = 0; i < c->point_count; i++)
        c->points[i] = (struct config_point){ .c = &c->cases[i / c->replications],
                                              .case_idx = i / c->replications,
                                              .replication = (uint32_t)(i % c->replications) };
    for (size_t i = 0; i < c->case_count; i++)
        if (config_case_used(&c->cases[i]))
            make_case_points(c, i);
    return true;
}

/* Is the value one that -p gives?  Then it is the user's word, not the configuration's. */
static bool typed(const struct overrides *o, const struct val *v)
{
    for (size_t i = 0; i < o->count; i++) {
        const struct val *given = o->values[i];
        for (size_t k = 0; k < (given->type == VAL_LIST ? given->count : 1); k++) {
            const struct val *one = given->type == VAL_LIST ? given->items[k] : given;
            if (one->type == VAL_STRING && strcmp(one->u.s, v->u.s) == 0)
                return true;
        }
    }
    return false;
}

/* The files of a case, while its parameters are walked. */
struct files {
    struct config *c;
    const struct val *root;
    struct config_case *k;
    struct err *e;
};

/* The content of the file, which is read the first time. */
static const struct input *open_file(struct files *f, const struct val *v, const char *path)
{
    struct config *c = f->c;
    struct err why = ERR_INIT;
    char where[512];
    const char *dir = typed(&c->again->over, v) ? NULL : c->dir;
    for (size_t i = 0; i < c->file_count; i++)
        if (strcmp(c->files[i].name, v->u.s) == 0)
            return &c->files[i];
    struct input in;
    if (!input_read(&in, dir, v->u.s, INPUT_MAX, &why)) {
        err_set(f->e, "%s%s: %s", val_where(v, where, sizeof where), path, why.text);
        return NULL;
    }
    c->files = base_realloc(c->files, (c->file_count + 1) * sizeof *c->files);
    c->files[c->file_count] = in;
    return &c->files[c->file_count++];
}

static void take_file(void *arg, const char *path, const struct param *p)
{
    struct files *f = arg;
    struct config_case *k = f->k;
    const struct val *v = p->type == PARAM_FILE ? val_path(f->root, path) : NULL;
    if (!v || v->type != VAL_STRING || !v->u.s[0] || f->e->set)
        return;
    const struct input *in = open_file(f, v, path);
    if (!in)
        return;
    char *longer = base_printf("%s%s.content = %s\n", k->canonical, path, in->hash);
    free(k->canonical);
    k->canonical = longer;
    k->files = base_realloc(k->files, (k->file_count + 1) * sizeof *k->files);
    k->files[k->file_count++] = *in;
}

static bool make_case(struct config *c, size_t idx, struct script_case *from,
                      const struct val *reads, struct err *e)
{
    struct schema s;
    if (!apply_all(from->root, from->sweep, &c->again->over, reads, e) ||
        !schema_load(&s, from->root, e))
        return false;
    schema_fini(&s);
    schema_resolve(from->root);
    c->cases[idx] = (struct config_case){
        .root = from->root,
        .sweep = from->sweep,
        .canonical = c->again->nameless ? base_strdup("") : schema_canonical(from->root),
    };
    struct files f = { c, from->root, &c->cases[idx], e };
    from->root = from->sweep = NULL;
    schema_each(f.root, take_file, &f);
    return !e->set;
}

/* The case for the answer of the combination whose first case is `low`. */
static void make_answer(struct config *c, const struct config_case *low, struct config_case *out)
{
    struct err ignored = ERR_INIT;
    struct val *root = val_copy(low->root), *sweep = val_new(VAL_TABLE, NULL, 0);
    char *spec = val_canonical(c->again->script.bisect);
    for (size_t i = 0; i < low->sweep->count; i++) {
        const struct val *v = low->sweep->items[i];
        if (strcmp(v->key, c->bisect->path) != 0)
            val_put(sweep, v->key, val_copy(v));
        else if (schema_knows(root, v->key)) /* the answer has no value there */
            (void)val_set_path(root, v->key, val_new(VAL_NIL, NULL, 0), &ignored);
    }
    *out = (struct config_case){ .root = root,
                                 .sweep = sweep,
                                 .canonical = base_printf("%sbisect\n%s", low->canonical, spec),
                                 .answer = true,
                                 .held = SIZE_MAX };
    free(spec);
}

static bool make_cases(struct config *c, struct err *e)
{
    struct script_result *r = &c->again->script;
    c->group_size = 1;
    if (r->bisect) {
        if (!bisect_read(r->bisect, &c->again->bisect, e))
            return false;
        c->bisect = &c->again->bisect;
        c->group_size = c->bisect->probes_max + 1;
    }
    c->case_count = r->case_count * c->group_size;
    c->cases = base_zalloc(c->case_count, sizeof *c->cases);
    for (size_t i = 0; i < r->case_count; i++) {
        struct config_case *first = &c->cases[i * c->group_size];
        if (!make_case(c, i * c->group_size, &r->cases[i], r->reads, e))
            return false;
        if (c->bisect)
            make_answer(c, first, first + c->group_size - 1);
    }
    return true;
}

static void read_heads(struct config *c, struct script_result *r)
{
    const struct val *root = c->cases[0].root, *title = val_get(root, "title"),
                     *doc = val_get(root, "doc");
    c->title = title ? clean_line(title->u.s) : c->name;
    c->doc = doc ? doc->u.s : "";
    c->measures = val_get(root, "measures");
    c->figure = val_get(root, "figure");
    c->expectations = val_get(root, "expectations");
    c->axes = base_zalloc(r->axes->count + 1, sizeof *c->axes);
    for (size_t i = 0; i < r->axes->count; i++)
        c->axes[c->axis_count++] = base_strdup(r->axes->items[i]->u.s);
    c->sources = r->sources;
    r->sources = NULL;
}

static bool check_heads(const struct config *c, struct err *e)
{
    const struct val *m = c->measures;
    char where[512];
    bool texts = !m || m->type == VAL_LIST || m->count == 0;
    for (size_t i = 0; texts && m && i < m->count; i++)
        texts = m->items[i]->type == VAL_STRING;
    if (!texts)
        return err_set(e, "%smeasures is a list of names in quotes",
                       val_where(m, where, sizeof where));
    return expect_check(c->expectations, e);
}

/* Runs the script: whole, or (values) the case of these swept values alone. */
static bool evaluate(const struct config *c, const struct val *values, struct script_result *out,
                     struct err *e)
{
    char *enclosing = NULL;
    const char **roots = include_roots(c, &enclosing);
    const struct overrides *over = &c->again->over;
    struct script_options so = { .file = c->file,
                                 .roots = roots,
                                 .overrides = over->items,
                                 .override_count = over->count,
                                 .only = values,
                                 .sources = c->sources };
    bool good = script_run(&so, out, e);
    free(roots);
    free(enclosing);
    return good;
}

static bool build(struct config *c, const struct config_options *o, struct err *e)
{
    struct script_result *r = &c->again->script;
    if (!evaluate(c, NULL, r, e) || !make_cases(c, e))
        return false;
    read_heads(c, r);
    return check_heads(c, e) && make_points(c, o, e);
}

bool config_probe(struct config *c, size_t case_idx, uint32_t step, struct err *e)
{
    const struct config_case *low = &c->cases[case_idx - case_idx % c->group_size];
    struct val *values = val_copy(low->sweep);
    struct script_result r;
    ASSERT(c->bisect != NULL && !config_case_used(&c->cases[case_idx]));
    val_put(values, c->bisect->path, bisect_value(c->bisect, step));
    bool good = evaluate(c, values, &r, e);
    val_free(values);
    if (!good)
        return false;
    good = r.case_count == 1 ? make_case(c, case_idx, &r.cases[0], r.reads, e)
                             : err_set(e, "%s: evaluating it again gave no result", c->file);
    script_result_fini(&r);
    if (!good)
        return false;
    c->cases[case_idx].step = step;
    make_case_points(c, case_idx);
    return true;
}

struct config *config_load(const char *file, const struct config_options *o, struct err *e)
{
    struct config *c = base_zalloc(1, sizeof *c);
    c->again = base_zalloc(1, sizeof *c->again);
    c->file = find_file(file);
    c->dir = folder_of(c->file);
    c->name = name_of(c->file);
    c->again->nameless = o->nameless;
    if (o->seed) {
        c->again->seed = *o->seed;
        c->again->seed_given = true;
    }
    bool fine = parse_overrides(o, &c->again->over, e);
    c->typed = c->again->over.paths;
    c->typed_count = c->again->over.count;
    if (fine && build(c, o, e))
        return c;
    config_free(c);
    return NULL;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->case_count; i++) {
        val_free(c->cases[i].root);
        val_free(c->cases[i].sweep);
        free(c->cases[i].canonical);
        free(c->cases[i].files);
    }
    for (size_t i = 0; i < c->file_count; i++)
        input_fini(&c->files[i]);
    free(c->files);
    for (size_t i = 0; i < c->axis_count; i++)
        free(c->axes[i]);
    free(c->axes);
    free(c->cases);
    free(c->points);
    val_free(c->sources);
    free_overrides(&c->again->over);
    script_result_fini(&c->again->script);
    free(c->again);
    free(c->file);
    free(c->dir);
    free(c->name);
    free(c);
}
