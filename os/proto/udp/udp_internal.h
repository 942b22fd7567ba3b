/* udp_internal.h: private to os/proto/udp/: state and wire image.
 *
 * Header, 8 bytes, big-endian [RFC 768]:
 *   0  u16  source port        4  u16  length of header and data
 *   2  u16  destination port   6  u16  checksum of these and a pseudo-header; 0: none
 */
#ifndef OS_PROTO_UDP_UDP_INTERNAL_H
#define OS_PROTO_UDP_UDP_INTERNAL_H

#include "os/proto/udp/udp.h"
#include "os/xk/keyed.h"

_Static_assert(UDP_HEADER == 4 * 2, "the wire image of UDP's header");

struct udp_params {
    bool checksum;
    int64_t idle;
};

struct udp_sessn {
    struct udp_key {
        uint32_t peer, local;
        uint16_t peer_port, port; /* port: of this end */
    } key;
};
_Static_assert(sizeof(struct udp_key) == 12, "a key has no padding");

struct udp_port { /* of this end: who has it */
    uint32_t sessns;
    bool enabled;
    struct xk_protl *upper;
};

struct udp_state {
    const struct udp_params *params;
    struct xk_keyed sessns;
    struct xk_map ports; /* of udp_port, by a port in four octets */
    uint32_t next;       /* port to be tried */
    struct {
        uint64_t sent, received, delivered, short_, bad_checksum, no_port, stranger, failed;
    } counts;
};

#endif
