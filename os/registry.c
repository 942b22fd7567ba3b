/* registry.c: the protocols and the services, one line each. */
#include "os/registry.h"

#include "os/memsrv/memsrv.h"
#include "os/nx/nx.h"
#include "os/pfs/pfs.h"
#include "os/proto/blast/blast.h"
#include "os/proto/chan/chan.h"
#include "os/proto/mesh/mesh.h"
#include "os/proto/rdm/rdm.h"
#include "os/proto/select/select.h"
#include "os/proto/template/template.h"
#include "os/proto/vdrop/vdrop.h"
#include "os/svm/svm.h"
#include "os/svm/sync.h"

static const struct kind *const protocols[] = {
    &mesh_protl.kind,
    &blast_protl.kind,
    &chan_protl.kind,
    &select_protl.kind,
    &vdrop_protl.kind,
    &template_protl.kind,
    &nx_protl.kind,
    &svm_protl.kind,
    &sync_protl.kind,
    &rdm_protl.kind,
    NULL,
};
const struct kind_set os_protocols = { "protocol", "machine.graph", protocols };

static const struct kind *const services[] = {
    &nx_service.kind,         &memsrv_service.kind,     &pfs_meta_service.kind,
    &pfs_server_service.kind, &pfs_client_service.kind, NULL,
};
const struct kind_set os_services = { "service", "machine.os", services };
