/* registry.c: plain arrays: networks, and what drives them bare.
 *
 * What runs on the nodes of a machine is in registry_os.c.
 */
#include "cli/registry.h"

#include <string.h>

#include "cli/schema.h"
#include "disks/build.h"
#include "mesh/mesh.h"
#include "workloads/direct/disk_io.h"
#include "workloads/direct/mesh_traffic.h"
#include "workloads/direct/queue.h"

const struct net_ops *const registry_nets[] = {
    &net_worm,
    &net_ideal,
    &net_flit,
    NULL,
};

const struct direct_ops *const registry_direct[] = {
    &direct_disk_load,  &direct_disk_replay, &direct_event_ring, &direct_mesh_load,
    &direct_mesh_batch, &direct_mesh_list,   &direct_mesh_reply, NULL,
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

const struct workload_ops *registry_workload(const char *name)
{
    for (size_t i = 0; registry_workloads[i]; i++)
        if (strcmp(registry_workloads[i]->name, name) == 0)
            return registry_workloads[i];
    return NULL;
}

const char *const *registry_net_names(void)
{
    static const char *names[NAMES_MAX];
    for (size_t i = 0; registry_nets[i]; i++)
        names[i] = registry_nets[i]->name;
    return names;
}

const char *const *registry_direct_names(void)
{
    static const char *names[NAMES_MAX];
    for (size_t i = 0; registry_direct[i]; i++)
        names[i] = registry_direct[i]->name;
    return names;
}

const char *const *registry_workload_names(void)
{
    static const char *names[NAMES_MAX];
    for (size_t i = 0; registry_workloads[i]; i++)
        names[i] = registry_workloads[i]->name;
    return names;
}

struct walk {
    void (*fn)(void *arg, const struct registry_group *g);
    void *arg;
};

static void group(const struct walk *w, const char *path, const char *choice, const char *doc,
                  const struct param *params)
{
    const struct registry_group g = { path, choice, doc, params };
    if (params)
        w->fn(w->arg, &g);
}

void registry_each_group(void (*fn)(void *arg, const struct registry_group *g), void *arg)
{
    const struct walk w = { fn, arg };
    group(&w, "machine", NULL, "A whole simulated machine.", machine_params);
    group(&w, "machine.os", NULL, "The operating system of every node.",
          registry_machine.os.params);
    for (size_t i = 0; registry_nets[i]; i++)
        group(&w, "mesh", registry_nets[i]->name, registry_nets[i]->doc, registry_nets[i]->params);
    for (const struct blk_kind *k = blk_kinds; k->name; k++)
        group(&w, "devices", k->name, k->doc, k->params);
    for (size_t i = 0; registry_workloads[i]; i++)
        group(&w, "workload", registry_workloads[i]->name, registry_workloads[i]->doc,
              registry_workloads[i]->params);
    for (size_t i = 0; registry_direct[i]; i++)
        group(&w, "workload", registry_direct[i]->name, registry_direct[i]->doc,
              registry_direct[i]->params);
    for (size_t i = 0; registry_protls[i]; i++)
        group(&w, "machine.graph", registry_protls[i]->name, registry_protls[i]->doc,
              registry_protls[i]->params);
    group(&w, "limits", NULL, "What one point may use.", schema_limits_params);
}
