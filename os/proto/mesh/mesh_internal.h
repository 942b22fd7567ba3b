/* mesh_internal.h: private to os/proto/mesh/: state and wire image.
 *
 * Header, 8 bytes, big-endian:
 *   0  u16  relative number of the upper protocol
 *   2  u16  life of the sender, low bits; 0: it does not say
 *   4  u32  length of what follows
 */
#ifndef OS_PROTO_MESH_MESH_INTERNAL_H
#define OS_PROTO_MESH_MESH_INTERNAL_H

#include "os/proto/mesh/mesh.h"
#include "os/xk/table.h"

#define MESH_HEADER 8

struct mesh_header {
    uint16_t protocol, life;
    uint32_t length;
};
_Static_assert(MESH_HEADER == 2 + 2 + 4, "the wire image of the mesh header");

struct mesh_params {
    int64_t interface; /* index */
    int64_t queue;     /* frames */
    int64_t idle;      /* sessions */
};

struct mesh_frame { /* waits for the interface */
    struct list link;
    uint64_t dst;   /* station */
    unsigned flags; /* PORT_ */
    struct rope data;
};

struct mesh_sessn {
    uint64_t station;
    struct list waiting; /* in mesh_state.waiting while its upper wants ready */
};

struct mesh_state {
    const struct mesh_params *params;
    uint32_t ifc;
    struct port_if_info info;
    struct port_end *end;
    struct xk_table sessns;
    struct list queue; /* of mesh_frame */
    uint32_t queued;
    struct list waiting; /* of mesh_sessn: answered XK_BUSY */
    struct {
        uint64_t sent, received, queued, refused, bad_length, stale, nobody;
    } counts;
};

void mesh_header_store(uint8_t out[MESH_HEADER], const struct mesh_header *h);
void mesh_header_load(struct mesh_header *h, const uint8_t in[MESH_HEADER]);

#endif
