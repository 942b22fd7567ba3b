/* registry.c: plain arrays: one grep finds all there is. */
#include "cli/registry.h"

#include <string.h>

#include "cli/schema.h"
#include "mesh/mesh.h"
#include "workloads/direct/mesh_traffic.h"
#include "workloads/direct/queue.h"

const struct net_ops *const registry_nets[] = {
    &net_worm,
    &net_ideal,
    &net_flit,
    NULL,
};

const struct direct_ops *const registry_direct[] = {
    &direct_event_ring,
    &direct_mesh_load,
    NULL,
};

#define NAMES_MAX 64

const struct net_ops *registry_net(const char *name)
{
    for (size_t i = 0; registry_nets[i]; i++)
        if (strcmp(registry_nets[i]->name, name) == 0)
            return registry_nets[i];
    return NULL;
}

const struct direct_ops *registry_direct_of(const char *name)
{
    for (size_t i = 0; registry_direct[i]; i++)
        if (strcmp(registry_direct[i]->name, name) == 0)
            return registry_direct[i];
    return NULL;
}

const char *const *registry_net_names(void)
{
    static const char *names[NAMES_MAX];
    for (size_t i = 0; registry_nets[i]; i++)
        names[i] = registry_nets[i]->name;
    return names;
}

const char *const *registry_workload_names(void)
{
    static const char *names[NAMES_MAX];
    size_t n = 0;
    for (size_t i = 0; registry_direct[i]; i++)
        names[n++] = registry_direct[i]->name;
    return names;
}

static void group(void (*fn)(void *arg, const struct registry_group *g), void *arg,
                  const char *path, const char *choice, const char *doc, const struct param *params)
{
    struct registry_group g = { path, choice, doc, params };
    if (params)
        fn(arg, &g);
}

void registry_each_group(void (*fn)(void *arg, const struct registry_group *g), void *arg)
{
    for (size_t i = 0; registry_nets[i]; i++)
        group(fn, arg, "mesh", registry_nets[i]->name, registry_nets[i]->doc,
              registry_nets[i]->params);
    for (size_t i = 0; registry_direct[i]; i++)
        group(fn, arg, "workload", registry_direct[i]->name, registry_direct[i]->doc,
              registry_direct[i]->params);
    group(fn, arg, "limits", NULL, "What one point may use.", schema_limits_params);
}
