/* registry.h: the only list of what a configuration may name: networks, devices, protocols,
 * workloads.
 *
 * Adding one is a line in registry.c.  Arrays end with NULL.
 */
#ifndef CLI_REGISTRY_H
#define CLI_REGISTRY_H

#include "mesh/net.h"
#include "models/machine.h"
#include "sim/base/param.h"
#include "workloads/direct/direct.h"

extern const struct net_ops *const registry_nets[];
extern const struct direct_ops *const registry_direct[];      /* workload of a bare mesh, devices */
extern const struct workload_ops *const registry_workloads[]; /* workload of a machine */
extern const struct xk_protl_ops *const registry_protls[];
extern const struct machine_registry registry_machine;

const struct net_ops *registry_net(const char *name); /* NULL: there is none */
const struct direct_ops *registry_direct_of(const char *name);
const struct workload_ops *registry_workload(const char *name);

/* Names for sentences: NULL-terminated, static. */
const char *const *registry_net_names(void);
const char *const *registry_direct_names(void);
const char *const *registry_workload_names(void);

/* Every parameter array there is, under the path that it has in a configuration ("mesh", "machine",
 * "workload"), with what chooses it ("kind = 'worm'") or NULL. */
struct registry_group {
    const char *path, *choice, *doc;
    const struct param *params;
};
void registry_each_group(void (*fn)(void *arg, const struct registry_group *g), void *arg);

#endif
