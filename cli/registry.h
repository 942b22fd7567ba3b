/* registry.h: the only list of what a configuration may name.
 *
 * registry_sets drives loading, nearest names, `psim list`, docs/params.md and the tests that run
 * over every item.  Adding a kind is its file and a line in its set: here for workloads, beside
 * their code for the others.
 */
#ifndef CLI_REGISTRY_H
#define CLI_REGISTRY_H

#include "models/machine.h"
#include "sim/base/kind.h"

extern const struct kind_set *const registry_sets[]; /* ended by NULL */

extern const struct kind_set registry_workloads; /* of a machine: struct workload_ops */
extern const struct kind_set registry_direct;    /* of a bare mesh, devices: struct direct_ops */
extern const struct machine_registry registry_machine;

/* Every parameter array there is, under the path that it has in a configuration ("mesh", "machine",
 * "workload"), with what chooses it ("kind = 'worm'") or NULL. */
void registry_each_group(void (*fn)(void *arg, const char *path, const char *choice,
                                    const char *doc, const struct param *params),
                         void *arg);

/* Every counter there is, with its owner: an instance of the protocol graph counts under its own
 * name. */
void registry_each_counter(void (*fn)(void *arg, const char *owner, const struct counter *c),
                           void *arg);

#endif
