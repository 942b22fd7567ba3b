/* udp_internal.h: private to os/proto/udp/: state and wire image.
 *
 * Header, 8 bytes, big-endian [RFC 768]:
 *   0  u16  source port        4  u16  length of header and data
 *   2  u16  destination port   6  u16  checksum of these and a pseudo-header; 0: none
 *
 * Message of XK_UDP_LEND, 9 bytes, big-endian:
 *   0  u32  peer's address     6  u16  port of this end
 *   4  u16  peer's port        8  u8   number of the instance of IP
 */
#ifndef OS_PROTO_UDP_UDP_INTERNAL_H
#define OS_PROTO_UDP_UDP_INTERNAL_H

#include "os/proto/udp/udp.h"
#include "os/xk/keyed.h"

#define UDP_LEND 9
_Static_assert(UDP_LEND == 4 + 2 * 2 + 1, "the wire image of what is lent");
_Static_assert(UDP_HEADER == 4 * 2, "the wire image of UDP's header");

struct udp_params {
    bool checksum, guest;
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
    struct udp_lent lent;
};

struct udp_state {
    const struct udp_params *params;
    struct xk_keyed sessns;
    struct xk_map ports; /* of udp_port, by a port in four octets */
    uint32_t next;       /* port to be tried */
    struct {
        uint64_t sent, received, delivered, short_, bad_checksum, no_port, stranger, failed, lent,
            returned;
    } counts;
};

#endif
