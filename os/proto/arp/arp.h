/* arp.h: ARP: sessions with the hosts of one network, whose stations are learned over the wire.
 *
 * Stands on ETH.  Participants are an address of its network (XK_PART_ADDRESS) or a node
 * (XK_PART_NODE), and above it the upper's type, which is handed down; XK_NO_PEER where the network
 * does not have them.  Which node has which address the configuration says, as /etc/hosts does:
 * node n of `address` "10.1.0.0/16" has 10.1.0.(n+1), but for those that `hosts` names.  At which
 * station a host is, nobody says: it is asked (RFC 826), and where the network has no broadcast,
 * one station, to which all make themselves known, passes the question on (RFC 1577 has such a
 * server, which answers itself).
 *
 *   ARP1  xk_open answers at once.  What is pushed before the station is known waits, the latest
 *       `queue` messages of a host [RFC 1122, 2.3.2.2]; older are dropped and counted.
 *   ARP2  A host that does not answer `tries` requests is told to its sessions that have messages
 *       waiting: `failed` with XK_UNREACHABLE, in which XK_TAKE_LOST gives the messages back, one
 *       by one.  For `down` pushes to it are answered so, too.  The sessions stay.
 *   ARP3  What a host says of itself takes the place of what was known of it, if it was known or
 *       asked for, or if this node was asked [RFC 826].
 *   ARP4  An entry that nobody has confirmed for `age` is asked for anew.
 *   ARP5  An upper without a type has a session with each host, by node: from whom it gets nothing
 *       before the host is known.  One with a type is given all that comes with it on one session
 *       without a peer: what came says who sent it.
 * INET_ALL, and the last address of the network, are all hosts.
 */
#ifndef OS_PROTO_ARP_ARP_H
#define OS_PROTO_ARP_ARP_H

#include "os/xk/inet.h"
#include "os/xk/xobj.h"

/* The network of an instance with these parameters (struct xk_below, xk_params). */
struct inet_network arp_network(const void *params);
/* The address of a node there; false: it has none. */
bool arp_address(const void *params, uint32_t node, uint32_t *address) MUST_CHECK;
/* The node that has that address; false: none has. */
bool arp_node(const void *params, uint32_t address, uint32_t *node) MUST_CHECK;
/* The longest message that it takes on this node from an upper with a type; 0: the node is no host
 * of its network. */
uint64_t arp_frame(const struct xk_protl *arp);

extern const struct xk_protl_ops arp_protl;

#endif
