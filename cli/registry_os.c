/* registry_os.c: what runs on the nodes of a machine: protocols, programs, the operating system. */
#include "cli/registry.h"
#include "os/nx/nx.h"
#include "os/proto/blast/blast.h"
#include "os/proto/chan/chan.h"
#include "os/proto/mesh/mesh.h"
#include "os/proto/select/select.h"
#include "os/proto/template/template.h"
#include "os/proto/vdrop/vdrop.h"
#include "os/svm/svm.h"
#include "os/svm/sync.h"
#include "workloads/memory.h"
#include "workloads/pfs.h"
#include "workloads/pingpong.h"
#include "workloads/shared.h"

/* clang-format off: one line each */
const struct workload_ops *const registry_workloads[] = {
    &workload_pfs,         &workload_pingpong,   &workload_message_time,
    &workload_svm_dot,     &workload_svm_matmul, &workload_svm_jacobi,
    &workload_svm_pde,     &workload_svm_sort,   &workload_svm_tsp,
    &workload_svm_fft,     &workload_svm_lu,     &workload_svm_irregular,
    &workload_svm_pattern, &workload_memory,     NULL,
};

const struct xk_protl_ops *const registry_protls[] = {
    &mesh_protl,     &blast_protl, &chan_protl, &select_protl, &vdrop_protl,
    &template_protl, &nx_protl,    &svm_protl,  &sync_protl,   NULL,
};
/* clang-format on */

const struct machine_registry registry_machine = {
    .nets = registry_nets,
    .protls = registry_protls,
    .os = { .params = os_params_desc, .params_size = &os_params_size, .boot = os_node_boot },
};
