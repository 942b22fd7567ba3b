/* mesh.h: the driver protocol: x-kernel messages over one network interface of the node.
 *
 * The bottom of a graph.  Participants are node numbers.  A frame goes to the upper instance whose
 * relative number it carries.  See README.md.
 */
#ifndef OS_PROTO_MESH_MESH_H
#define OS_PROTO_MESH_MESH_H

#include "os/xk/xobj.h"

struct mesh_driver_counts {
    uint64_t sent, received;
    uint64_t queued;     /* frames that waited because the interface was busy */
    uint64_t refused;    /* pushes answered XK_BUSY */
    uint64_t bad_length; /* frames dropped: shorter or longer than their header says */
    uint64_t stale;      /* frames dropped: of a life of their sender that has ended */
    uint64_t nobody;     /* frames dropped: nobody has enabled their protocol here */
};
const struct mesh_driver_counts *mesh_driver_counts(const struct xk_protl *mesh);

extern const struct xk_protl_ops mesh_protl;

#endif
