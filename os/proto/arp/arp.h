/* arp.h: ARP: sessions with the hosts of one network, whose stations are learned over the wire.
 *
 * Stands on ETH.  Participants are an address of its network (XK_PART_ADDRESS) or a node
 * (XK_PART_NODE), and above it the upper's type, which is handed down; XK_NO_PEER where the network
 * does not have them.  Which node has which address the configuration says, as /etc/hosts does:
 * node n of `address` "10.1.0.0/16" has 10.1.0.(n+1), but for those that `hosts` names.  At which
 * station a host is, nobody says: it is asked (RFC 826), and where the network has no broadcast,
 * one station is asked, which hears of all (as in RFC 1577).
 *
 *   - xk_open answers at once.  What is pushed before the station is known waits, the latest
 *       `queue` messages of a host [RFC 1122, 2.3.2.2]; older are dropped and counted.
 *   - A host that does not answer `tries` requests is told to its sessions: `failed` with
 *       XK_UNREACHABLE; in it XK_TAKE_LOST gives the messages back.  For `down` its pushes are
 *       answered so, too.  The sessions stay.
 *   - What a host says of itself, asked or not, takes the place of what was known of it, if it
 *       was known or asked for, or if this node was asked [RFC 826].
 *   - An entry that nobody has confirmed for `age` is asked for anew.
 *   - An upper without a type has a session with each host, by node.  One with a type is given
 *       all that comes with it on one session without a peer: what came says who sent it.
 * The address ADDRESS_ALL, and the last of the network, are all hosts.
 */
#ifndef OS_PROTO_ARP_ARP_H
#define OS_PROTO_ARP_ARP_H

#include "os/xk/xobj.h"

#define ADDRESS_ALL UINT32_MAX

struct arp_network {
    uint32_t base; /* the host's bits are 0 */
    uint32_t mask;
};

/* The network of an instance with these parameters. */
struct arp_network arp_network(const void *params);
/* The address of a node there; false: it has none. */
bool arp_address(const void *params, uint32_t node, uint32_t *address);
/* The node that has that address; false: none has. */
bool arp_node(const void *params, uint32_t address, uint32_t *node);
/* The parameters of an instance. */
const void *arp_params(const struct xk_protl *arp);

extern const struct xk_protl_ops arp_protl;

#endif
