/* boot.c: reads which services boot where.  See node.h.
 *
 * Every mistake is the user's and gets one sentence with the nearest known name.
 */
#include <stdlib.h>
#include <string.h>

#include "os/node.h"

#define GROUPS_MAX 32

/* ---- groups ---- */

struct group_params {
    const char *of;
    int64_t first, last;
};
static const struct param group_params[] = {
    P_STRING(group_params, of, "compute", "The group whose nodes these are."),
    P_INT(group_params, first, "0", "0", "1048576", "So many of its first nodes."),
    P_INT(group_params, last, "0", "0", "1048576", "So many of its last nodes, instead."),
    P_END,
};

const struct os_group *os_group(const struct os_boot *b, const char *name)
{
    for (uint32_t i = 0; i < b->group_count; i++)
        if (strcmp(b->groups[i].name, name) == 0)
            return &b->groups[i];
    return NULL;
}

const struct os_group *os_group_named(const struct os_boot *b, const struct val *at,
                                      const char *name, const char *path, struct err *e)
{
    const char *names[GROUPS_MAX + 1] = { NULL };
    const struct os_group *g = os_group(b, name);
    char where[256];
    if (g)
        return g;
    for (uint32_t i = 0; i < b->group_count; i++)
        names[i] = b->groups[i].name;
    err_set(e, "%s%s: there is no group of nodes '%.80s'", val_where(at, where, sizeof where), path,
            name);
    err_nearest(e, name, names);
    return NULL;
}

static bool add_group(struct os_boot *b, const struct val *v, const char *const *own,
                      const char *path, struct err *e)
{
    struct group_params p;
    char where[256];
    if (b->group_count == GROUPS_MAX)
        return err_set(e, "%s%s: more than %d groups of nodes", val_where(v, where, sizeof where),
                       path, GROUPS_MAX);
    if (!param_load_but(group_params, &p, v, own, path, e))
        return false;
    if (os_group(b, v->key) && !val_get(v, "of") && p.first == 0 && p.last == 0)
        return true;
    if (os_group(b, v->key))
        return err_set(e, "%s%s: a machine has its group '%s' already",
                       val_where(v, where, sizeof where), path, v->key);
    const struct os_group *of = os_group_named(b, v, p.of, path, e);
    if (!of)
        return false;
    int64_t count = p.first > 0 ? p.first : p.last;
    if ((p.first > 0) == (p.last > 0) || count > of->count)
        return err_set(e, "%s%s: first or last says how many of the %u nodes of '%s' it has",
                       val_where(v, where, sizeof where), path, of->count, of->name);
    uint32_t from = p.first > 0 ? 0 : of->count - (uint32_t)count;
    b->groups[b->group_count++] = (struct os_group){ .name = v->key,
                                                     .count = (uint32_t)count,
                                                     .nodes = of->nodes + from,
                                                     .first = of->first + from };
    return true;
}

bool os_groups_load(struct os_boot *b, const struct val *nodes, const char *const *own,
                    const char *path, struct err *e)
{
    const struct os_layout *l = b->layout;
    char where[256];
    b->groups = base_zalloc(GROUPS_MAX, sizeof *b->groups);
    b->groups[b->group_count++] = (struct os_group){ "compute", l->compute_count, l->compute, 0 };
    b->groups[b->group_count++] = (struct os_group){ "io", l->io_count, l->io, 0 };
    b->groups[b->group_count++] = (struct os_group){ "service", l->io_count > 0, &l->service, 0 };
    if (nodes && nodes->type != VAL_TABLE && nodes->count > 0)
        return err_set(e, "%s%s.nodes is %s, not a table of groups",
                       val_where(nodes, where, sizeof where), path, val_type_name(nodes->type));
    for (size_t i = 0; nodes && i < nodes->count; i++) {
        char *at = base_printf("%s.nodes.%s", path, nodes->items[i]->key);
        bool good = add_group(b, nodes->items[i], own, at, e);
        free(at);
        if (!good)
            return false;
    }
    return true;
}

const uint32_t *os_unlike(const struct os_layout *l, uint32_t from, uint32_t count)
{
    for (uint32_t i = from; l->hardware && i < from + count && i < l->compute_count; i++)
        if (os_little_endian(l, l->compute[i]) != os_little_endian(l, l->compute[0]))
            return &l->compute[i];
    return NULL;
}

uint64_t os_least_memory(const struct os_layout *l, uint32_t count)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; l->hardware && i < count && i < l->compute_count; i++) {
        uint64_t memory = l->hardware[l->compute[i]].memory;
        least = memory > 0 && memory < least ? memory : least;
    }
    return least == UINT64_MAX ? 0 : least;
}

/* ---- services ---- */

/* A node of both; NULL: there is none. */
static const uint32_t *common(const struct os_group *a, const struct os_group *b)
{
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t k = 0; k < b->count; k++)
            if (a->nodes[i] == b->nodes[k])
                return &a->nodes[i];
    return NULL;
}

static const char *text(const struct val *table, const char *key, const char *otherwise)
{
    const struct val *v = val_get(table, key);
    return v && v->type == VAL_STRING ? v->u.s : otherwise;
}

/* `table`: its entry of the list, or its parameters (may be NULL). */
static bool add_service(struct os_boot *b, const struct os_service_ops *ops,
                        const struct val *table, const char *path, struct err *e)
{
    static const char *const but[] = { "service", "on", "over", NULL };
    struct os_service s = { .ops = ops, .over = text(table, "over", ops->over) };
    char where[256];
    s.on = os_group_named(b, table, text(table, "on", ops->on), path, e);
    if (!s.on)
        return false;
    const struct xk_protl_ops *protl = xk_graph_protocol(b->graph, s.over);
    if (!protl)
        return err_set(e,
                       "%s%s: service '%s' talks over instance '%s', which the graph does not have",
                       val_where(table, where, sizeof where), path, ops->kind.name, s.over);
    if (ops->protocol && ops->protocol != protl)
        return err_set(e,
                       "%s%s: service '%s' talks over an instance of '%s', but '%s' is one of '%s'",
                       val_where(table, where, sizeof where), path, ops->kind.name,
                       ops->protocol->kind.name, s.over, protl->kind.name);
    for (uint32_t i = 0; i < b->service_count; i++) {
        const uint32_t *node = b->services[i].ops == ops ? common(b->services[i].on, s.on) : NULL;
        if (node)
            return err_set(e, "%s%s: service '%s' is on node %u already",
                           val_where(table, where, sizeof where), path, ops->kind.name, *node);
    }
    s.params = kind_load(&ops->kind, table, but, path, e);
    if (!s.params)
        return false;
    if (ops->check != NULL && !ops->check(s.params, b->layout, path, e)) {
        free(s.params);
        return false;
    }
    b->services = base_realloc(b->services, (b->service_count + 1) * sizeof *b->services);
    b->services[b->service_count++] = s;
    return true;
}

static bool load_list(struct os_boot *b, const struct val *list, const struct kind_set *services,
                      const char *path, struct err *e)
{
    bool good = true;
    for (size_t i = 0; good && i < list->count; i++) {
        char *at = base_printf("%s.os[%zu]", path, i + 1);
        const void *ops = kind_choose(services, list->items[i], "service", NULL, at, e);
        good = ops && add_service(b, ops, list->items[i], at, e);
        free(at);
    }
    return good;
}

/* No list: all that the graph and the groups bear, with the parameters that the table has. */
static bool load_all(struct os_boot *b, const struct val *table, const struct kind_set *services,
                     const char *path, struct err *e)
{
    bool good = true;
    char where[256];
    for (size_t i = 0; table && i < table->count; i++)
        if (!kind_find(services, table->items[i]->key)) {
            err_set(e, "%s%s.os.%s is not a service",
                    val_where(table->items[i], where, sizeof where), path, table->items[i]->key);
            kind_nearest(services, table->items[i]->key, e);
            return false;
        }
    for (int i = 0; good && services->items[i]; i++) {
        const struct os_service_ops *ops = kind_at(services, i);
        const struct val *own = val_get(table, ops->kind.name);
        char *at = base_printf("%s.os.%s", path, ops->kind.name);
        const struct os_group *on = os_group_named(b, NULL, ops->on, at, e);
        const struct os_group *with = ops->with ? os_group_named(b, NULL, ops->with, at, e) : NULL;
        if (xk_graph_protocol(b->graph, ops->over) && with && with->count > 0 && on->count > 0)
            good = add_service(b, ops, own, at, e);
        else if (own && own->type == VAL_TABLE && !ops->with && own->count > 0)
            good = err_set(e, "%s%s: this service boots only where a list of services names it",
                           val_where(own, where, sizeof where), at);
        free(at);
    }
    return good;
}

bool os_boot_load(struct os_boot *b, const struct val *os, const struct kind_set *services,
                  const char *path, struct err *e)
{
    char where[256];
    if (os && os->type != VAL_TABLE && os->type != VAL_LIST)
        return err_set(e, "%s%s.os is %s, not a list of services",
                       val_where(os, where, sizeof where), path, val_type_name(os->type));
    bool list = os && os->type == VAL_LIST && os->count > 0;
    bool good = list ? load_list(b, os, services, path, e) : load_all(b, os, services, path, e);
    for (uint32_t i = 0; good && i < b->service_count; i++) {
        const struct os_service *s = &b->services[i];
        const struct val *own = list ? os->items[i] : val_get(os, s->ops->kind.name);
        val_where(own, where, sizeof where);
        char *at = list ? base_printf("%s%s.os[%u]", where, path, i + 1)
                        : base_printf("%s%s.os.%s", where, path, s->ops->kind.name);
        good = !s->ops->ready || s->ops->ready(s->params, b, at, e);
        free(at);
    }
    return good;
}

void os_boot_free(struct os_boot *b)
{
    for (uint32_t i = 0; i < b->service_count; i++) {
        if (b->services[i].ops->drop)
            b->services[i].ops->drop(b->services[i].params);
        free(b->services[i].params);
    }
    free(b->services);
    free(b->groups);
    xk_graph_free(b->graph);
}
