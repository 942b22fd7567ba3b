/* stack.c: stacks of layers, as a configuration says them and as a node starts them. */
#include "os/file/file.h"

#include <stdlib.h>
#include <string.h>

/* v: its table, or NULL. */
static bool add_layer(struct file_stack *k, const struct os_boot *b, const struct file_ops *ops,
                      const struct val *v, const void *over, const char *path, struct err *e)
{
    static const char *const but[] = { "layer", NULL };
    void *own = base_zalloc(1, ops->kind.params_size + 1);
    k->layer[k->count].ops = ops;
    k->layer[k->count++].params = own;
    if (over != NULL)
        memcpy(own, over, ops->kind.params_size);
    return (over != NULL ? param_override(ops->kind.params, own, v, but, path, e)
                         : param_load_but(ops->kind.params, own, v, but, path, e)) &&
           (ops->check == NULL || ops->check(own, b, path, e));
}

static bool load_list(struct file_stack *k, const struct os_boot *b, const struct val *list,
                      const struct file_ops *bottom, const void *params, const char *path,
                      struct err *e)
{
    char where[256];
    bool good = true;
    if (list->type != VAL_LIST || list->count > FILE_LAYERS_MAX)
        return err_set(e, "%s%s.files is %s, not a list of at most %d layers, top to bottom",
                       val_where(list, where, sizeof where), path, val_type_name(list->type),
                       FILE_LAYERS_MAX);
    for (size_t i = 0; good && i < list->count; i++) {
        char *at = base_printf("%s.files[%zu]", path, i + 1);
        const struct val *v = list->items[i];
        const struct file_ops *ops = kind_choose(b->layers, v, "layer", NULL, at, e);
        bool last = i + 1 == list->count;
        if (ops != NULL && ops->bottom != last)
            err_set(e, "%s%s: '%s' %s", val_where(v, where, sizeof where), at, ops->kind.name,
                    last ? "needs a layer below it" : "has nothing below it");
        good = !e->set && add_layer(k, b, ops, v, ops == bottom ? params : NULL, at, e);
        free(at);
    }
    return good;
}

bool file_stack_load(struct file_stack *k, const struct os_boot *b, const struct val *list,
                     const char *bottom, const void *params, const char *path, struct err *e)
{
    const struct file_ops *ops = kind_find(b->layers, bottom);
    *k = (struct file_stack){ .count = 0 };
    bool none = list == NULL || (list->count == 0 && list->type >= VAL_LIST);
    return !none ? load_list(k, b, list, ops, params, path, e)
                 : add_layer(k, b, ops, NULL, params, path, e);
}

void file_stack_free(struct file_stack *k)
{
    while (k->count > 0)
        free(k->layer[--k->count].params);
}

uint32_t file_stack_files(const struct file_stack *k)
{
    uint32_t n = 1;
    for (uint32_t i = 0; i < k->count; i++)
        n *= k->layer[i].ops->files > 0 ? k->layer[i].ops->files : 1;
    return n;
}

bool file_stack_has(const struct file_stack *k, const char *layer)
{
    for (uint32_t i = 0; i < k->count; i++)
        if (strcmp(k->layer[i].ops->kind.name, layer) == 0)
            return true;
    return false;
}

/* The node that the server of a node asks for its files; false: none other. */
static bool asks(const struct os_boot *b, const struct os_service_ops *server, uint32_t node,
                 uint32_t *of)
{
    for (uint32_t i = 0; i < b->service_count; i++) {
        const struct os_service *s = &b->services[i];
        if (s->ops != server)
            continue;
        const void *at = (const char *)s->params + server->stack;
        const struct file_stack *k = at;
        const struct file_layer *bottom = k->count > 0 ? &k->layer[k->count - 1] : NULL;
        for (uint32_t j = 0; j < s->on->count; j++)
            if (s->on->nodes[j] == node && bottom != NULL && bottom->ops->host != NULL) {
                *of = bottom->ops->host(bottom->params, b);
                return true;
            }
    }
    return false;
}

bool file_stack_ends(const struct os_boot *b, const struct os_service_ops *server,
                     const struct os_group *from, const char *path, struct err *e)
{
    for (uint32_t i = 0; i < from->count; i++) {
        uint32_t node = from->nodes[i], asked = 0;
        while (asked <= b->layout->nodes && asks(b, server, node, &node))
            asked++;
        if (asked > b->layout->nodes)
            return err_set(e,
                           "%s.files: who asks node %u for files is sent round in a circle, of "
                           "which node %u is one; one of its nodes needs a bottom that has files "
                           "of its own, such as 'lfs'",
                           path, from->nodes[i], node);
    }
    return true;
}

/* ---- who else is on a device ---- */

static const struct file_stack *stack_of(const struct os_service *s)
{
    const void *at = (const char *)s->params + s->ops->stack;
    return s->ops->stack == 0 ? NULL : at;
}

bool file_close_heard(const struct os_boot *b)
{
    for (uint32_t i = 0; i < b->service_count; i++) {
        const struct file_stack *k = stack_of(&b->services[i]);
        for (uint32_t n = 0; k != NULL && n < k->count; n++) {
            const struct file_ops *ops = k->layer[n].ops;
            if (ops->hears_close != NULL && ops->hears_close(k->layer[n].params))
                return true;
        }
    }
    return false;
}

/* Of a node; -1: of none. */
static int64_t device_of(const struct file_stack *k)
{
    if (k == NULL || k->count == 0 || k->layer[k->count - 1].ops->device == NULL)
        return -1;
    return k->layer[k->count - 1].ops->device(k->layer[k->count - 1].params);
}

static const char *alone(const struct file_stack *k)
{
    for (uint32_t i = 0; i < k->count; i++)
        if (k->layer[i].ops->alone)
            return k->layer[i].ops->kind.name;
    return NULL;
}

/* A node that both have, or UINT32_MAX. */
static uint32_t common(const struct os_group *a, const struct os_group *b)
{
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t k = 0; k < b->count; k++)
            if (a->nodes[i] == b->nodes[k])
                return a->nodes[i];
    return UINT32_MAX;
}

static bool on(const struct os_service *s, uint32_t node)
{
    for (uint32_t i = 0; i < s->on->count; i++)
        if (s->on->nodes[i] == node)
            return true;
    return false;
}

/* The entry of the list that boots the service on that node, or NULL. */
static const struct os_service *booted(const struct os_boot *b, const struct os_service_ops *ops,
                                       uint32_t node)
{
    for (uint32_t i = 0; i < b->service_count; i++)
        if (b->services[i].ops == ops && on(&b->services[i], node))
            return &b->services[i];
    return NULL;
}

static const struct file_layer *bottom_of(const struct os_service *s)
{
    const struct file_stack *k = s != NULL ? stack_of(s) : NULL;
    return k != NULL && k->count > 0 ? &k->layer[k->count - 1] : NULL;
}

/* The files of the service are at last those of such a bottom. */
static bool leads_to(const struct os_boot *b, const struct os_service *s,
                     const struct file_ops *ops)
{
    const struct file_layer *bottom = bottom_of(s);
    for (uint32_t i = 0; i <= b->layout->nodes && bottom != NULL && bottom->ops->host != NULL; i++)
        bottom = bottom_of(booted(b, bottom->ops->server, bottom->ops->host(bottom->params, b)));
    return bottom != NULL && bottom->ops == ops;
}

/* Who gives a bottom its files is on the node, and does not have them from it. */
static bool given(const struct os_boot *b, const struct os_service *s, const char *path,
                  struct err *e)
{
    const struct file_layer *bottom = bottom_of(s);
    const struct os_service_ops *needs = bottom != NULL ? bottom->ops->needs : NULL;
    for (uint32_t i = 0; needs != NULL && i < s->on->count; i++)
        if (booted(b, needs, s->on->nodes[i]) == NULL)
            return err_set(e,
                           "%s.os: the files of %s on node %u are those of layer '%s', which asks "
                           "a service '%s' of that node, and it has none; machine.os: { service = "
                           "'%s', on = '%s' }",
                           path, s->ops->kind.name, s->on->nodes[i], bottom->ops->kind.name,
                           needs->kind.name, needs->kind.name, s->on->name);
    for (uint32_t i = 0; needs != NULL && i < b->service_count; i++)
        for (const struct os_service_ops *const *part = bottom->ops->parts; *part != NULL; part++)
            if (b->services[i].ops == *part && leads_to(b, &b->services[i], bottom->ops))
                return err_set(e,
                               "%s.os: the files of %s lie in those of layer '%s', which are made "
                               "of them; it needs another bottom, such as 'lfs'",
                               path, (*part)->kind.name, bottom->ops->kind.name);
    return true;
}

bool file_stacks_agree(const struct os_boot *b, const char *path, struct err *e)
{
    for (uint32_t i = 0; i < b->service_count; i++)
        if (!given(b, &b->services[i], path, e))
            return false;
    for (uint32_t i = 0; i < b->service_count; i++)
        for (uint32_t k = 0; k < b->service_count; k++) {
            const struct os_service *x = &b->services[i], *y = &b->services[k];
            int64_t device = device_of(stack_of(x));
            if (i == k || device < 0 || device_of(stack_of(y)) != device ||
                alone(stack_of(x)) == NULL)
                continue;
            uint32_t node = common(x->on, y->on);
            if (node != UINT32_MAX)
                return err_set(e,
                               "%s.os: %s and %s both have files on device %lld of node %u, which "
                               "layer %s of %s must have alone; give one of them another device "
                               "or other nodes",
                               path, x->ops->kind.name, y->ops->kind.name, (long long)device, node,
                               alone(stack_of(x)), x->ops->kind.name);
        }
    return true;
}

/* ---- domains: what lies between two crossings ---- */

static struct port *domain(struct port *node, const char *name)
{
    return port_task_create(node, name, NULL, NULL);
}

/* What buffers of the layers from i on keep, up to a crossing. */
static uint64_t buffers(const struct file_stack *k, uint32_t i)
{
    uint64_t n = 0;
    for (; i < k->count && !k->layer[i].ops->crossing; i++)
        if (k->layer[i].ops->buffers != NULL)
            n += k->layer[i].ops->buffers(k->layer[i].params);
    return n;
}

/* The domain above the crossing at i begins there. */
static uint32_t domain_top(const struct file_stack *k, uint32_t i)
{
    while (i > 0 && !k->layer[i - 1].ops->crossing)
        i--;
    return i;
}

/* A node as the layers of one domain see it: their memory is another task's. */
static struct os_node *node_in(const struct os_node *n, struct port *task)
{
    struct os_node *own = port_alloc(n->port, sizeof *own);
    *own = *n;
    own->port = task;
    return own;
}

static struct file_sys *start_domains(const struct file_stack *k, const struct file_boot *b)
{
    struct os_node *n = b->node;
    struct file_boot *own = port_alloc(n->port, sizeof *own);
    struct file_sys *s = NULL;
    *own = *b;
    if (n->on_device == NULL) /* all domains of the node have this one */
        n->on_device = port_alloc(n->port, port_blk_count(n->port) * sizeof(struct file_sys *) + 1);
    own->node = node_in(n, domain(n->port, "files"));
    for (uint32_t i = k->count; i-- > 0;) {
        const struct file_ops *ops = k->layer[i].ops;
        if (ops->crossing) {
            uint32_t top = domain_top(k, i);
            own->caller = domain(n->port, top > 0 ? "files" : "library of files");
            own->above = buffers(k, top);
            own->below = buffers(k, i + 1);
        }
        s = ops->start(own, k->layer[i].params, s);
        if (ops->crossing)
            own->node = node_in(n, own->caller);
    }
    return s;
}

struct file_sys *file_stack_start(const struct file_stack *k, struct file_boot *b)
{
    struct file_sys *s = NULL;
    b->each = file_stack_files(k);
    for (uint32_t i = 0; i < k->count; i++)
        if (k->layer[i].ops->crossing)
            return start_domains(k, b);
    for (uint32_t i = k->count; i-- > 0;)
        s = k->layer[i].ops->start(b, k->layer[i].params, s);
    return s;
}

struct os_node *file_look(struct port *kernel, const struct os_boot *b)
{
    struct os_node *n = port_alloc(kernel, sizeof *n);
    *n = (struct os_node){
        .port = kernel, .boot = b, .layout = b->layout, .node = port_node(kernel)
    };
    for (uint32_t i = 0; i < b->service_count; i++) {
        const struct os_service *s = &b->services[i];
        const struct file_stack *k = stack_of(s);
        if (k == NULL || os_rank(n, s->on) == OS_NO_RANK)
            continue;
        for (uint32_t j = 0; j < k->count; j++)
            if (k->layer[j].ops->look != NULL)
                k->layer[j].ops->look(&(struct file_boot){ .node = n }, k->layer[j].params);
    }
    return n;
}
