/* registry.c: the sets, and the workloads one line each. */
#include "cli/registry.h"

#include <stdlib.h>

#include "cli/schema.h"
#include "disks/build.h"
#include "disks/library/changer.h"
#include "disks/sched.h"
#include "disks/tape/format.h"
#include "mesh/nic.h"
#include "models/adapter.h"
#include "os/array/array.h"
#include "os/ckpt/ckpt.h"
#include "os/ckpt/cut.h"
#include "os/file/ahead.h"
#include "os/file/cache.h"
#include "os/file/file.h"
#include "os/file/policies.h"
#include "os/file/prefix.h"
#include "os/file/token_protocol.h"
#include "os/hsm/bitfile_server.h"
#include "os/hsm/files.h"
#include "os/hsm/mover.h"
#include "os/hsm/names.h"
#include "os/hsm/prefetch.h"
#include "os/hsm/pvl.h"
#include "os/hsm/pvr.h"
#include "os/hsm/replace.h"
#include "os/hsm/storage.h"
#include "os/lfs/lfs.h"
#include "os/memsrv/memsrv.h"
#include "os/pfs/pfs.h"
#include "os/pio/coll.h"
#include "os/pio/pio.h"
#include "os/registry.h"
#include "os/svm/svm.h"
#include "os/vesta/store.h"
#include "os/vesta/vesta.h"
#include "os/xk/domain.h"
#include "workloads/arrays.h"
#include "workloads/direct/disk_io.h"
#include "workloads/direct/library_load.h"
#include "workloads/direct/mesh_traffic.h"
#include "workloads/direct/queue.h"
#include "workloads/direct/tape_io.h"
#include "workloads/io/app.h"
#include "workloads/io/filetype.h"
#include "workloads/io/pattern.h"
#include "workloads/pcap_nodes.h"
#include "workloads/shared.h"
#include "workloads/workload.h"

#define DECLARE_WORKLOAD(name) extern const struct workload_ops workload_##name;
#define WORKLOAD(name) &workload_##name.kind,

#define WORKLOADS(W)                                                                               \
    W(io)                                                                                          \
    W(metadata)                                                                                    \
    W(access)                                                                                      \
    W(names)                                                                                       \
    W(sharing)                                                                                     \
    W(checkpoint)                                                                                  \
    W(import)                                                                                      \
    W(export)                                                                                      \
    W(replay)                                                                                      \
    W(escat)                                                                                       \
    W(htf)                                                                                         \
    W(render)                                                                                      \
    W(charisma)                                                                                    \
    W(arrays)                                                                                      \
    W(pfs)                                                                                         \
    W(job)                                                                                         \
    W(cuts)                                                                                        \
    W(archive_trace)                                                                               \
    W(ingest)                                                                                      \
    W(restore)                                                                                     \
    W(bitfiles)                                                                                    \
    W(dataset)                                                                                     \
    W(hits)                                                                                        \
    W(pingpong)                                                                                    \
    W(calls)                                                                                       \
    W(echo)                                                                                        \
    W(mach_rpc)                                                                                    \
    W(mach_bulk)                                                                                   \
    W(mach_names)                                                                                  \
    W(mach_supervisor)                                                                             \
    W(mach_death)                                                                                  \
    W(ping)                                                                                        \
    W(exchange)                                                                                    \
    W(tcp)                                                                                         \
    W(tcp_errors)                                                                                  \
    W(tcp_sessions)                                                                                \
    W(datagrams)                                                                                   \
    W(fan_in)                                                                                      \
    W(message_time)                                                                                \
    W(pcap_nodes)                                                                                  \
    W(svm_dot)                                                                                     \
    W(svm_matmul)                                                                                  \
    W(svm_jacobi)                                                                                  \
    W(svm_pde)                                                                                     \
    W(svm_sort)                                                                                    \
    W(svm_tsp)                                                                                     \
    W(svm_fft)                                                                                     \
    W(svm_lu)                                                                                      \
    W(svm_irregular)                                                                               \
    W(svm_pattern)                                                                                 \
    W(memory)

WORKLOADS(DECLARE_WORKLOAD)

static const struct kind *const workloads[] = { WORKLOADS(WORKLOAD) NULL };
const struct kind_set registry_workloads = { "workload", "workload", workloads };

static const struct kind *const direct[] = {
    &direct_disk_load.kind,
    &direct_disk_replay.kind,
    &direct_tape_io.kind,
    &direct_event_ring.kind,
    &direct_mesh_load.kind,
    &direct_mesh_batch.kind,
    &direct_mesh_list.kind,
    &direct_mesh_reply.kind,
    &direct_library_load.kind,
    &direct_pcap.kind,
    NULL,
};
const struct kind_set registry_direct = { "workload", "workload", direct };

const struct kind_set *const registry_sets[] = {
    &net_kinds,         &adapter_kinds,    &blk_kinds,           &registry_workloads,
    &registry_direct,   &os_protocols,     &xk_transfers,        &os_services,
    &vm_replacements,   &svm_managers,     &pfs_modes,           &vesta_modes,
    &pio_systems,       &io_patterns,      &io_filetypes,        &coll_methods,
    &arrays_operations, &sched_policies,   &os_layers,           &ckpt_sinks,
    &ckpt_policies,     &cut_algorithms,   &file_cache_policies, &file_read_aheads,
    &token_protocols,   &hsm_replacements, &hsm_prefetches,      &hsm_migrations,
    &tape_layouts,      &changer_kinds,    &changer_queues,      NULL,
};

const struct machine_registry registry_machine = {
    .nets = &net_kinds,
    .protocols = &os_protocols,
    .services = &os_services,
    .layers = &os_layers,
    .boot = os_node_boot,
    .look = file_look,
};

void registry_each_group(void (*fn)(void *arg, const char *path, const char *choice,
                                    const char *doc, const struct param *params),
                         void *arg)
{
    fn(arg, "machine", NULL, "A whole simulated machine.", machine_params);
    fn(arg, "machine.domains.NAME", NULL, "A protection domain of the graph.", xk_domain_params);
    for (size_t i = 0; registry_sets[i]; i++) {
        /* A scheduler's parameters stand beside its name, not with it. */
        const struct kind_set *set = registry_sets[i];
        const char *path = set == &sched_policies ? "devices.queue.params" : set->path;
        bool policy = set == &sched_policies || set == &file_cache_policies ||
                      set == &file_read_aheads || set == &token_protocols ||
                      set == &hsm_replacements || set == &hsm_prefetches;
        for (const struct kind *const *k = set->items; *k; k++) {
            char *choice = base_printf("%s = '%s'", policy ? "policy" : "kind", (*k)->name);
            if ((*k)->params)
                fn(arg, path, choice, (*k)->doc, (*k)->params);
            free(choice);
        }
    }
    fn(arg, "limits", NULL, "What one point may use.", schema_limits_params);
    fn(arg, "results", NULL, "What is kept of a point.", schema_results_params);
}

static const struct {
    const char *owner;
    const struct counter *counters;
} services[] = {
    { "machine", machine_counters },
    { "nic", nic_counters },
    { "domain", xk_domain_counters },
    { "ckpt", ckpt_counters },
    { "vm", vm_counters },
    { "paging", vm_store_counters },
    { "memory_server", memsrv_counters },
    { "ckpt_servers", vm_store_counters },
    { "lfs", lfs_counters },
    { "pfs_client", pfs_client_counters },
    { "pfs_meta", pfs_meta_counters },
    { "vesta_client", vesta_client_counters },
    { "vesta_store", vst_counters },
    { "coll", coll_counters },
    { "app", app_counters },
    { "pcap", pcap_counters },
    { "cache", file_cache_counters },
    { "prefix", prefix_counters },
    { "hsm", file_hsm_counters },
    { "residency", records_counters },
    { "array", array_counters },
    { "svm", svm_counters },
    { "svm", shared_counters },
    { "pvl", pvl_counters },
    { "pvr", pvr_counters },
    { "mover", mover_counters },
    { "storage", storage_counters },
    { "storage", records_counters },
    { "bitfile", bitfile_counters },
    { "bitfile", records_counters },
    { "name_server", name_counters },
    { "names", records_counters },
};

void registry_each_counter(void (*fn)(void *arg, const char *owner, const struct counter *c),
                           void *arg)
{
    for (size_t i = 0; i < ARRAY_LEN(services); i++)
        for (const struct counter *c = services[i].counters; c->name; c++)
            fn(arg, services[i].owner, c);
    for (size_t i = 0; registry_sets[i]; i++)
        for (const struct kind *const *k = registry_sets[i]->items; *k; k++)
            for (const struct counter *c = (*k)->counters; c && c->name; c++)
                fn(arg, registry_sets[i] == &net_kinds ? "network" : (*k)->name, c);
}
