/* registry_os.c: what runs on the nodes of a machine: protocols, programs, the operating system. */
#include "cli/registry.h"
#include "os/proto/mesh/mesh.h"

const struct workload_ops *const registry_workloads[] = {
    NULL,
};

const struct xk_protl_ops *const registry_protls[] = {
    &mesh_protl,
    NULL,
};

const struct machine_registry registry_machine = {
    .nets = registry_nets,
    .protls = registry_protls,
};
