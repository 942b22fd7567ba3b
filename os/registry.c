/* registry.c: the protocols, one line each. */
#include "os/registry.h"

#include "os/nx/nx.h"
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
