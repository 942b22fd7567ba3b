/* registry.h: the only list of what a configuration may name: networks, devices, protocols,
 * workloads.
 *
 * Adding one is a line in registry.c.  Arrays end with NULL.
 */
#ifndef CLI_REGISTRY_H
#define CLI_REGISTRY_H

#include "mesh/net.h"
#include "sim/base/param.h"
#include "workloads/direct/direct.h"

extern const struct net_ops *const registry_nets[];
extern const struct direct_ops *const registry_direct[];

const struct net_ops *registry_net(const char *name); /* NULL: there is none */
const struct direct_ops *registry_direct_of(const char *name);

/* Names for sentences: NULL-terminated, static. */
const char *const *registry_net_names(void);
const char *const *registry_workload_names(void);

/* Every parameter array there is, under the path that it has in a configuration ("mesh", "machine",
 * "workload"), with what chooses it ("kind = 'worm'") or NULL. */
struct registry_group {
    const char *path, *choice, *doc;
    const struct param *params;
};
void registry_each_group(void (*fn)(void *arg, const struct registry_group *g), void *arg);

#endif
