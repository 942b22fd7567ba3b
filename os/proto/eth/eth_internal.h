/* eth_internal.h: private to os/proto/eth/: state and wire image.
 *
 * Header, 14 bytes, big-endian [RFC 894]:
 *   0  6 bytes  destination: 02:00 and its station in four, or ff:ff:ff:ff:ff:ff
 *   6  6 bytes  source
 *  12  u16      type
 * and behind the type ETH_TYPE_LOCAL:
 *  14  u16      number of the upper
 */
#ifndef OS_PROTO_ETH_ETH_INTERNAL_H
#define OS_PROTO_ETH_ETH_INTERNAL_H

#include "os/proto/driver/outq.h"
#include "os/proto/eth/eth.h"
#include "os/xk/keyed.h"

#define ETH_HEADER 14
#define ETH_LOCAL_HEADER 16
_Static_assert(ETH_HEADER == 2 * ETH_ADDRESS + 2, "the wire image of an Ethernet header");

struct eth_params {
    const char *interface; /* its network */
    int64_t queue;         /* frames */
    int64_t idle;          /* sessions */
};

struct eth_sessn {
    struct eth_key {
        uint32_t station;
        uint16_t type, upper; /* upper: its relative number */
    } key;
    struct outq_waiter waiter;
};
_Static_assert(sizeof(struct eth_key) == 8, "a key has no padding");

struct eth_state {
    const struct eth_params *params;
    struct outq out;
    struct xk_keyed sessns;
    struct xk_types types;
    struct {
        uint64_t sent, received, broadcasts, bad, other, nobody;
    } counts;
};

#endif
