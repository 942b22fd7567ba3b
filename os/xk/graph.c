/* graph.c: reads a protocol graph from a configuration and checks it.  See graph.h.
 *
 * Every mistake is the user's and gets one sentence with the nearest known name.
 */
#include "os/xk/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/xk/xk_internal.h"

#define NAMES_MAX 64

static const char *const reserved[] = { "name", "protocol", "below", "domain", NULL };

static const char *text_of(const struct val *table, const char *key, const char *path,
                           const char *otherwise, struct err *e)
{
    char where[128];
    const struct val *v = val_get(table, key);
    if (!v && otherwise)
        return otherwise;
    if (v && v->type == VAL_STRING && v->u.s[0])
        return v->u.s;
    if (v)
        err_set(e, "%s%s.%s must be a name in quotes, not %s", val_where(v, where, sizeof where),
                path, key, val_type_name(v->type));
    else
        err_set(e, "%s%s has no %s", val_where(table, where, sizeof where), path, key);
    return NULL;
}

static bool find_below(const struct xk_graph *g, struct xk_node_desc *d, const struct val *v,
                       const char *path, struct err *e)
{
    const char *names[NAMES_MAX] = { NULL };
    char where[128];
    val_where(v, where, sizeof where);
    if (v->type != VAL_STRING)
        return err_set(e, "%s%s.below must be a list of names in quotes, not of %s", where, path,
                       val_type_name(v->type));
    for (uint32_t i = 0; i < g->count; i++) {
        if (strcmp(g->nodes[i].name, v->u.s) == 0) {
            d->down[d->downs++] = (uint16_t)i;
            return true;
        }
        if (i + 1 < NAMES_MAX)
            names[i] = g->nodes[i].name;
    }
    err_set(e, "%s%s.below: no instance '%s' stands before this one", where, path, v->u.s);
    if (names[0])
        err_nearest(e, v->u.s, names);
    return false;
}

static bool load_below(const struct xk_graph *g, struct xk_node_desc *d, const struct val *table,
                       const char *path, struct err *e)
{
    const struct val *v = val_get(table, "below");
    char where[128];
    size_t count = v && v->type == VAL_LIST ? v->count : 0;
    val_where(v ? v : table, where, sizeof where);
    if (v && v->type != VAL_LIST && !(v->type == VAL_TABLE && v->count == 0))
        return err_set(e, "%s%s.below must be a list of names, not %s", where, path,
                       val_type_name(v->type));
    if (count < d->ops->down_min || count > d->ops->down_max) {
        if (d->ops->down_min == d->ops->down_max)
            return err_set(e, "%s%s: protocol '%s' takes %u instances below, not %zu", where, path,
                           d->ops->kind.name, d->ops->down_min, count);
        return err_set(e, "%s%s: protocol '%s' takes %u to %u instances below, not %zu", where,
                       path, d->ops->kind.name, d->ops->down_min, d->ops->down_max, count);
    }
    for (size_t i = 0; i < count; i++)
        if (!find_below(g, d, v->items[i], path, e))
            return false;
    return true;
}

static bool load_domain(struct xk_graph *g, struct xk_node_desc *d, const struct val *table,
                        const char *path, struct err *e)
{
    const char *name = text_of(table, "domain", path, "kernel", e);
    if (!name)
        return false;
    uint32_t i = 0;
    while (i < g->domain_count && strcmp(g->domains[i].name, name) != 0)
        i++;
    if (i == ARRAY_LEN(g->domains))
        return err_set(e, "%s: a graph has at most %zu protection domains", path,
                       ARRAY_LEN(g->domains));
    if (i == g->domain_count)
        g->domains[g->domain_count++].name = base_strdup(name);
    d->domain = (uint8_t)i;
    for (uint8_t k = 0; d->ops->through && k < d->downs; k++) {
        const struct xk_node_desc *below = &g->nodes[d->down[k]];
        char where[128];
        if (below->domain != d->domain)
            return err_set(e,
                           "%s%s.domain: '%s' gives sessions of '%s' below it, and must be in "
                           "its domain, '%s'",
                           val_where(table, where, sizeof where), path, d->name, below->name,
                           g->domains[below->domain].name);
    }
    return true;
}

static const struct {
    unsigned property;
    const char *has, *lacks;
} properties[] = {
    { XK_LOSSLESS, "loses nothing", "loses messages" },
    { XK_ORDERED, "keeps their order", "lets messages overtake each other" },
    { XK_ONCE, "delivers nothing twice", "doubles messages" },
    { XK_INTACT, "damages nothing", "damages messages" },
    { XK_LONG, "carries more than a frame", "carries frames alone" },
    { XK_CALLS, "carries calls", "carries messages alone" },
    { XK_LIVES, "is with one life of a node", "lets through what was for an earlier one" },
    { XK_HOSTS, "speaks with hosts by address and type, as ip", "does not" },
    { XK_TAKES, "takes all that is pushed", "may be full" },
    { XK_PIECES, "gives pieces of messages and credit for them", "does not" },
};

const struct xk_network *xk_graph_network(const struct xk_graph *g, const char *name,
                                          const char *path, struct err *e)
{
    const char *names[NAMES_MAX] = { NULL };
    for (uint32_t i = 0; i < g->network_count; i++) {
        if (strcmp(g->networks[i].name, name) == 0 || !name[0])
            return &g->networks[i];
        if (i + 1 < NAMES_MAX)
            names[i] = g->networks[i].name;
    }
    err_set(e, "%s: there is no network '%.80s'", path, name);
    err_nearest(e, name, names);
    return NULL;
}

/* The network that a driver drives, which nobody else does. */
static bool find_network(const struct xk_graph *g, struct xk_node_desc *d, const struct val *table,
                         const char *path, struct err *e)
{
    char where[128];
    d->network = UINT32_MAX;
    if (!d->ops->interface)
        return true;
    val_where(table, where, sizeof where);
    char *at = base_printf("%s%s.interface", where, path);
    const struct xk_network *n = xk_graph_network(g, d->ops->interface(d->params), at, e);
    free(at);
    if (n == NULL)
        return false;
    d->network = (uint32_t)(n - g->networks);
    for (uint32_t k = 0; k < g->count; k++)
        if (g->nodes[k].network == d->network)
            return err_set(e, "%s%s.interface: '%s' drives network '%s' already", where, path,
                           g->nodes[k].name, g->networks[d->network].name);
    return true;
}

bool xk_path_over(const struct xk_node_desc *d, const char *at, const struct xk_path *below,
                  uint8_t count, struct xk_path *out, struct err *e)
{
    *out = (struct xk_path){ d->name, count ? ~0u : XK_NETWORK, UINT64_MAX };
    for (uint8_t i = 0; i < count; i++) {
        out->gives &= below[i].gives;
        out->carries = below[i].carries < out->carries ? below[i].carries : out->carries;
    }
    out->gives &= ~(unsigned)XK_TO_NEXT;
    if (d->ops->join)
        return d->ops->join(d->params, at, below, count, out, e);
    if (d->ops->gives)
        out->gives = d->ops->gives(d->params, out->gives);
    if (d->ops->carries)
        out->carries = d->ops->carries(d->params, out->carries);
    else
        out->carries -= out->carries > d->ops->header ? d->ops->header : out->carries;
    return true;
}

/* Does it stand on that one, or on what gives sessions of it? */
static bool stands(const struct xk_graph *g, const struct xk_node_desc *d, uint16_t on)
{
    for (uint8_t i = 0; i < d->downs; i++)
        if (d->down[i] == on ||
            (g->nodes[d->down[i]].ops->through && stands(g, &g->nodes[d->down[i]], on)))
            return true;
    return false;
}

/* Nobody else stands on what carries one upper alone. */
static bool check_single(const struct xk_graph *g, const struct xk_node_desc *d,
                         const struct val *table, const char *path, struct err *e)
{
    char where[128];
    for (uint32_t k = 0; k < g->count && !d->ops->through; k++)
        for (uint16_t i = 0; i < g->count; i++)
            if (g->nodes[i].ops->single && !g->nodes[k].ops->through && stands(g, d, i) &&
                stands(g, &g->nodes[k], i))
                return err_set(e,
                               "%s%s: '%s' has no header and carries one instance alone: '%s' "
                               "stands on it already",
                               val_where(table, where, sizeof where), path, g->nodes[i].name,
                               g->nodes[k].name);
    return true;
}

static struct xk_below below_of(const struct xk_graph *g, const struct xk_node_desc *d, uint8_t i)
{
    const struct xk_node_desc *under = &g->nodes[d->down[i]];
    return (struct xk_below){ under->name, under->ops, under->params, under->domain != d->domain,
                              NULL };
}

/* Its parameters fit together, and to what is below. */
static bool check_params(const struct xk_graph *g, const struct xk_node_desc *d,
                         const struct val *table, const char *path, struct err *e)
{
    char where[128];
    struct xk_below below[XK_DOWN_MAX], under[XK_DOWN_MAX];
    if (!d->ops->check)
        return true;
    for (uint8_t i = 0; i < d->downs; i++) {
        below[i] = below_of(g, d, i);
        if (g->nodes[d->down[i]].downs > 0) {
            under[i] = below_of(g, &g->nodes[d->down[i]], 0);
            below[i].under = &under[i];
        }
    }
    val_where(table, where, sizeof where);
    char *at = base_printf("%s%s", where, path);
    bool good = d->ops->check(d->params, at, below, d->downs, e);
    free(at);
    return good;
}

bool xk_dies_alone(const struct xk_graph *g, uint8_t domain)
{
    return g->domains[domain].params.restart > 0;
}

/* What it is given must be what it needs. */
static bool check_properties(struct xk_graph *g, struct xk_node_desc *d, const struct val *table,
                             const char *path, struct err *e)
{
    char where[128];
    struct xk_path below_it[XK_DOWN_MAX];
    uint8_t count = d->downs;
    for (uint8_t i = 0; i < d->downs; i++) {
        const struct xk_node_desc *below = &g->nodes[d->down[i]];
        bool dies = below->domain != d->domain && xk_dies_alone(g, below->domain);
        below_it[i] = below->path;
        if (dies)
            below_it[i].gives &= ~(unsigned)XK_LOSSLESS; /* DOM4 */
        unsigned missing = d->ops->needs & ~below_it[i].gives;
        for (size_t k = 0; k < ARRAY_LEN(properties); k++)
            if (missing & properties[k].property)
                return err_set(e,
                               "%s%s: protocol '%s' needs a path that %s, and '%s' below it %s%s",
                               val_where(table, where, sizeof where), path, d->ops->kind.name,
                               properties[k].has, below->name, properties[k].lacks,
                               dies ? ", for its domain begins anew alone"
                               : below->downs == 0 && XK_NETWORK & properties[k].property
                                   ? ", as its network does"
                                   : "");
    }
    if (d->network < g->network_count) {
        const struct xk_network *n = &g->networks[d->network];
        below_it[count++] = (struct xk_path){ n->name, n->gives, n->mtu };
    }
    val_where(table, where, sizeof where);
    char *at = base_printf("%s%s", where, path);
    bool good = xk_path_over(d, at, below_it, count, &d->path, e);
    free(at);
    return good;
}

static bool load_node(struct xk_graph *g, struct xk_node_desc *d, const struct val *v,
                      const struct kind_set *protocols, const char *path, struct err *e)
{
    char where[128];
    val_where(v, where, sizeof where);
    if (v->type != VAL_TABLE)
        return err_set(e, "%s%s must be a table { name = ..., protocol = ... }, not %s", where,
                       path, val_type_name(v->type));
    const char *name = text_of(v, "name", path, NULL, e);
    if (!name)
        return false;
    d->name = base_strdup(name);
    for (uint32_t i = 0; i < g->count; i++)
        if (strcmp(g->nodes[i].name, name) == 0)
            return err_set(e, "%s%s: two instances are named '%s'", where, path, name);
    d->ops = kind_choose(protocols, v, "protocol", NULL, path, e);
    return d->ops && load_below(g, d, v, path, e) && load_domain(g, d, v, path, e) &&
           (d->params = kind_load(&d->ops->kind, v, reserved, path, e)) &&
           find_network(g, d, v, path, e) && check_single(g, d, v, path, e) &&
           check_params(g, d, v, path, e) && check_properties(g, d, v, path, e);
}

bool xk_graph_check(struct xk_graph *g, const char *path, struct err *e)
{
    bool good = true;
    for (uint32_t i = 0; good && i < g->count; i++) {
        char *at = base_printf("%s[%u]", path, i + 1);
        good = check_properties(g, &g->nodes[i], g->spec->items[i], at, e);
        free(at);
    }
    return good;
}

struct xk_graph *xk_graph_load(const struct val *v, const struct kind_set *protocols,
                               const char *path, const struct xk_network *networks,
                               uint32_t network_count, struct err *e)
{
    char where[128];
    if (v->type != VAL_LIST || v->count == 0) {
        err_set(e, "%s%s must be a list of protocol instances, not %s",
                val_where(v, where, sizeof where), path,
                v->type == VAL_LIST ? "an empty one" : val_type_name(v->type));
        return NULL;
    }
    if (v->count >= NAMES_MAX) {
        err_set(e, "%s%s: a graph has at most %d instances, not %zu",
                val_where(v, where, sizeof where), path, NAMES_MAX - 1, v->count);
        return NULL;
    }
    struct xk_graph *g = base_zalloc(1, sizeof *g);
    g->spec = val_copy(v);
    g->networks = networks;
    g->network_count = network_count;
    g->nodes = base_zalloc(v->count, sizeof *g->nodes);
    g->domains[g->domain_count++].name = base_strdup("kernel");
    for (size_t i = 0; i < v->count; i++) {
        char *at = base_printf("%s[%zu]", path, i + 1);
        bool good = load_node(g, &g->nodes[i], g->spec->items[i], protocols, at, e);
        free(at);
        g->count++;
        if (!good) {
            xk_graph_free(g);
            return NULL;
        }
    }
    return g;
}

void xk_graph_free(struct xk_graph *g)
{
    if (!g)
        return;
    for (uint32_t i = 0; i < g->count; i++) {
        free(g->nodes[i].name);
        free(g->nodes[i].params);
    }
    for (uint32_t i = 0; i < g->domain_count; i++)
        free(g->domains[i].name);
    free(g->nodes);
    val_free(g->spec);
    free(g);
}

static const struct xk_node_desc *find(const struct xk_graph *g, const char *instance)
{
    for (uint32_t i = 0; g && instance && i < g->count; i++)
        if (strcmp(g->nodes[i].name, instance) == 0)
            return &g->nodes[i];
    return NULL;
}

const struct xk_protl_ops *xk_graph_protocol(const struct xk_graph *g, const char *instance)
{
    const struct xk_node_desc *d = find(g, instance);
    return d ? d->ops : NULL;
}

const char *xk_graph_below(const struct xk_graph *g, const char *instance, uint32_t i)
{
    const struct xk_node_desc *d = find(g, instance);
    return d && i < d->downs ? g->nodes[d->down[i]].name : NULL;
}

unsigned xk_graph_gives(const struct xk_graph *g, const char *instance)
{
    const struct xk_node_desc *d = find(g, instance);
    return d ? d->path.gives : 0;
}

uint64_t xk_graph_carries(const struct xk_graph *g, const char *instance)
{
    const struct xk_node_desc *d = find(g, instance);
    return d ? d->path.carries : 0;
}

/* ---- domains, for who asks of them by name ---- */

const char *const xk_domain_cpus[] = { "upcalls", "application", "coprocessor", "third", NULL };

const char *xk_domain_task_name(const char *domain)
{
    static char name[64];
    snprintf(name, sizeof name, "domain %.50s", domain);
    return name;
}

const char *xk_graph_domain(const struct xk_graph *g, uint32_t i)
{
    return g && i < g->domain_count ? g->domains[i].name : NULL;
}

const char *xk_graph_domain_cpu(const struct xk_graph *g, uint32_t i)
{
    int cpu = g->domains[i].params.cpu;
    return cpu == XK_CPU_UPCALLS ? NULL : xk_domain_cpus[cpu];
}

bool xk_graph_domain_restarts(const struct xk_graph *g, uint32_t i)
{
    return xk_dies_alone(g, (uint8_t)i);
}

const char *xk_graph_domain_called(const struct xk_graph *g, uint32_t i)
{
    for (uint32_t k = 0; k < g->count; k++)
        if (g->nodes[k].domain == i && g->nodes[k].ops->called)
            return g->nodes[k].name;
    return NULL;
}

const char *xk_graph_domain_program(const struct xk_graph *g, uint32_t i)
{
    for (uint32_t k = 0; k < g->count; k++)
        if (g->nodes[k].domain == i && g->nodes[k].ops->of_program)
            return g->nodes[k].name;
    return NULL;
}
