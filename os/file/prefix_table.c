/* prefix_table.c: the domains of a name space and their seats, as a configuration says them. */
#include "os/file/file_internal.h"
#include "os/file/prefix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum place { ORDER, HASH };

struct domain_params { /* an entry of the list */
    const char *path;
    const struct val *nodes;
};
static const struct param domain_params[] = {
    P_STRING(domain_params, path, NULL, "Its prefix: where in the tree of names it hangs; \"/\"."),
    P_VAL(domain_params, nodes,
          "The nodes that may have it, by their place in the group, the first before the others; "
          "absent: one, by `place`."),
    P_END,
};

static void *room(struct port *port, size_t count, size_t size)
{
    return port != NULL ? port_alloc(port, count * size + 1) : base_zalloc(count * size + 1, 1);
}

int prefix_match(const char *prefix, const char *path)
{
    size_t n = strlen(prefix);
    if (n == 0)
        return 0;
    if (strncmp(prefix, path, n) != 0 || (path[n] != 0 && path[n] != '/'))
        return -1;
    return (int)n + (path[n] == '/');
}

/* Without '/' at its ends.  False with a sentence. */
static bool read_path(struct prefix_domain *d, const char *text, const char *path, struct err *e)
{
    size_t n;
    const char *from = text + (*text == '/');
    n = strlen(from);
    if (n > FILE_NAME_MAX || strchr(from, ':') != NULL || strstr(from, "//") != NULL ||
        (n > 0 && (from[0] == '/' || from[n - 1] == '/')))
        return err_set(e,
                       "%s.path: \"%s\" is no path of at most %d bytes, of names with '/' between "
                       "them and without ':'",
                       path, text, FILE_NAME_MAX);
    memcpy(d->path, from, n + 1);
    return true;
}

/* The node boots a file server whose stack begins with the layer, or may have been loaded so. */
static bool serves(const struct os_boot *b, uint32_t node)
{
    for (uint32_t i = 0; i < b->service_count; i++)
        for (uint32_t k = 0;
             b->services[i].ops == &file_server_service && k < b->services[i].on->count; k++)
            if (b->services[i].on->nodes[k] == node)
                return true;
    return false;
}

static bool add_seat(struct prefixes *x, uint32_t domain, const struct os_group *g, int64_t place,
                     const struct os_boot *b, const char *path, struct err *e)
{
    struct prefix_domain *d = &x->domain[domain];
    if (place < 0 || place >= g->count)
        return err_set(e, "%s.nodes: group \"%s\" has no node %lld", path, g->name,
                       (long long)place);
    uint32_t node = g->nodes[place];
    if (!serves(b, node))
        return err_set(e,
                       "%s.nodes: node %lld of group \"%s\" serves no files: machine.os has no { "
                       "service = \"file_server\" } there",
                       path, (long long)place, g->name);
    for (uint32_t i = 0; i < d->count; i++)
        if (x->seat[d->first + i].node == node)
            return err_set(e, "%s.nodes: node %lld stands there twice", path, (long long)place);
    x->seat[++x->seat_count] = (struct prefix_seat){ .domain = domain, .node = node };
    d->count++;
    return true;
}

static bool read_domain(struct prefixes *x, const struct domains_params *p, uint32_t i,
                        const struct os_group *g, const struct os_boot *b, const char *path,
                        struct err *e)
{
    struct prefix_domain *d = &x->domain[i];
    const struct val *v = p->domains == NULL ? NULL : p->domains->items[i];
    struct domain_params own = { .path = "/" };
    if (v != NULL && !param_load(domain_params, &own, v, path, e))
        return false;
    if (!read_path(d, own.path, path, e))
        return false;
    d->first = x->seat_count + 1;
    if (own.nodes == NULL) {
        uint64_t hash = file_checksum((const uint8_t *)d->path, strlen(d->path), SIZE_MAX);
        return add_seat(x, i, g, (int64_t)((p->place == HASH ? hash : i) % g->count), b, path, e);
    }
    if (own.nodes->type != VAL_LIST || own.nodes->count == 0)
        return err_set(e, "%s.nodes: prefix \"%s\" has no server: a list of one node at least",
                       path, own.path);
    for (size_t k = 0; k < own.nodes->count; k++) {
        const struct val *n = own.nodes->items[k];
        if (!add_seat(x, i, g, n->type == VAL_INT ? n->u.i : -1, b, path, e))
            return false;
    }
    return true;
}

/* Each hangs in the one with the longest prefix of its own. */
static bool hang(struct prefixes *x, const char *path, struct err *e)
{
    bool root = false;
    for (uint32_t i = 0; i < x->domain_count; i++)
        root |= x->domain[i].path[0] == 0;
    if (!root)
        return err_set(e, "%s.domains: no domain has the prefix \"/\"", path);
    for (uint32_t i = 0; i < x->domain_count; i++) {
        struct prefix_domain *d = &x->domain[i];
        size_t best = 0;
        d->above = i;
        d->below = d->path;
        for (uint32_t k = 0; k < x->domain_count; k++) {
            const char *other = x->domain[k].path;
            int n = prefix_match(other, d->path);
            if (k != i && n >= 0 && strcmp(other, d->path) == 0)
                return err_set(
                    e,
                    "%s.domains: prefix \"/%s\" stands there twice: who serves it are the "
                    "nodes of one entry",
                    path, d->path);
            if (k != i && n >= 0 && (d->above == i || strlen(other) > best)) {
                best = strlen(other);
                d->above = k;
                d->below = d->path + n;
            }
        }
    }
    return true;
}

bool prefixes_read(struct prefixes *x, const struct domains_params *p, const struct os_boot *b,
                   struct port *port, const char *path, struct err *e)
{
    const struct os_group *g = os_group(b, p->group);
    size_t seats = 0, n = p->domains == NULL ? 1 : p->domains->count;
    *x = (struct prefixes){ .domain_count = (uint32_t)n };
    if (g == NULL || g->count == 0)
        return err_set(e, "%s: there are no nodes in a group \"%s\"", path, p->group);
    if (p->domains != NULL && p->domains->type != VAL_LIST)
        return err_set(e, "%s.domains is %s, not a list of { path = , nodes = { } }", path,
                       val_type_name(p->domains->type));
    for (size_t i = 0; i < n; i++) {
        const struct val *nodes = p->domains ? val_get(p->domains->items[i], "nodes") : NULL;
        seats += nodes != NULL ? nodes->count : 1;
    }
    if (seats > PREFIX_SEATS_MAX)
        return err_set(e, "%s.domains: %zu nodes in all, and handles have room for %u", path, seats,
                       PREFIX_SEATS_MAX);
    x->domain = room(port, n, sizeof *x->domain);
    x->seat = room(port, seats + 1, sizeof *x->seat);
    bool good = true;
    for (uint32_t i = 0; good && i < n; i++) {
        char at[256];
        (void)snprintf(at, sizeof at, "%s.domains[%u]", path, i + 1);
        good = read_domain(x, p, i, g, b, at, e);
    }
    good = good && hang(x, path, e);
    if (!good && port == NULL)
        prefixes_free(x);
    return good;
}

void prefixes_free(struct prefixes *x)
{
    free(x->domain);
    free(x->seat);
}

const struct domains_params *prefix_domains(const struct os_boot *b, const char *group)
{
    for (uint32_t i = 0; i < b->service_count; i++) {
        const struct os_service *s = &b->services[i];
        const void *at = (const char *)s->params + s->ops->stack;
        const struct file_stack *k = at;
        if (s->ops == &file_server_service && strcmp(s->on->name, group) == 0 && k->count > 0 &&
            strcmp(k->layer[0].ops->kind.name, "domains") == 0)
            return k->layer[0].params;
    }
    return NULL;
}

static const struct prefix_params *keeps(const struct os_service *s)
{
    const void *at = (const char *)s->params + s->ops->stack;
    const struct file_stack *k = at;
    if (s->ops->stack == 0 || k->count == 0 ||
        strcmp(k->layer[k->count - 1].ops->kind.name, "prefix") != 0)
        return NULL;
    const struct prefix_params *p = k->layer[k->count - 1].params;
    return p->keep ? p : NULL;
}

bool prefix_keeper(const struct os_boot *b, uint32_t *at, uint32_t *node)
{
    uint32_t n = (*at)++;
    for (uint32_t i = 0; i < b->service_count; i++) {
        const struct os_service *s = &b->services[i];
        if (keeps(s) == NULL)
            continue;
        if (n < s->on->count) {
            *node = s->on->nodes[n];
            return true;
        }
        n -= s->on->count;
    }
    return false;
}

static const char *const places[] = { "order", "hash", NULL };
const struct param domains_params_desc[] = {
    P_STRING(domains_params, group, "io", "The group of nodes that have the domains."),
    P_VAL(
        domains_params, domains,
        "The subtrees and who has them: tables { path = PREFIX, nodes = { PLACES } }, one of them "
        "the root's, \"/\". Without them the root alone."),
    P_CHOICE(domains_params, place, "order", places,
             "Where a domain is that names no nodes: the n-th of the list on the n-th node, from "
             "the first again behind the last, or by a hash of its prefix."),
    P_TIME(domains_params, retry_delay, "10ms", "1us", "1h",
           "Pause before a call to a node that did not come through is made again.",
           "ASSUMED(a disk access long)"),
    P_END,
};
