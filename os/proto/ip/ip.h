/* ip.h: IP: datagrams between hosts of joined networks [RFC 791, 1122].
 *
 * Stands on one to four instances of ARP, each a network, or of FILTER, which has one for several
 * instances of IP (os/proto/filter/filter.h): then it may be in another domain, and hands down what
 * asks FILTER.  Participants, lowest first, are an address (XK_PART_ADDRESS) or a node
 * (XK_PART_NODE), and the upper's protocol number (XK_PART_TYPE): TCP opens { address, 6 }, having
 * taken its port off.  An upper that names no type is carried as protocol 253, for experiments
 * [RFC 3692], with its relative number behind the header, and is given what comes from nodes alone.
 * xk_open_enable takes a type or nothing.
 *
 *   IP1  Messages may be lost, doubled and overtake each other; what is delivered is whole.  They
 *       may be as long as XK_GET_OPT_PACKET says without being cut, and up to `carries`.
 *   IP2  A session is with a peer's address, from one of this node's: the source of what it sends,
 *       or where the peer has sent to.  A peer that sends first makes one (open_done).
 *   IP3  `failed` is a soft error: a message was lost, the session stays.  XK_UNREACHABLE: the host
 *       or its network cannot be reached, or time was exceeded; XK_REFUSED: nobody there takes the
 *       protocol or the port; XK_TOO_LONG: it must be cut and must not be (XK_GET_OPT_PACKET says
 *       what passes from now on [RFC 1191]).  In it XK_GET_ERROR and XK_GET_QUOTED tell more.
 *   IP4  A node forwards what is not for it if `forward` says so, and then it lowers the time to
 *       live, cuts what is too long for the next network, and tells the source what it drops.
 *   IP5  No error is told about an error, a fragment but the first, or what was sent to all
 *       [RFC 1122, 3.2.2].
 *   IP6  Each datagram that comes is delivered, forwarded, kept as a fragment, or dropped by a
 *       cause that is counted: `received` is the sum of `delivered`, `forwarded`, `fragments_in`,
 *       `errors_in` and the drops (bad_header, bad_checksum, bad_length, bad_address, not_mine,
 *       ttl_exceeded, no_route, dont_fragment, discarded, unknown_protocol, bad_errors).
 *   IP7  Fragments that nobody completes are kept for `reassembly`, and all together take no more
 *       than `memory`.
 *
 * Routes are the same list on all nodes: a node takes those whose gateway is on a network of its
 * own and is not itself.  The longest prefix wins; among equals its own network, then the first.
 *
 * Controls of a session: XK_GET_MY_ADDRESS, XK_GET_PEER_ADDRESS, XK_GET_OPT_PACKET (what the path
 * takes uncut, less the header), XK_SET_DONT_FRAGMENT, XK_SEND_UNREACHABLE (codes 2 and 3),
 * XK_GET_TARGET_ADDRESS.
 * Of the instance: XK_GET_MY_ADDRESS, the first that the node has.
 */
#ifndef OS_PROTO_IP_IP_H
#define OS_PROTO_IP_IP_H

#include "os/proto/arp/arp.h"
#include "os/xk/xobj.h"

#define IP_HEADER 20       /* bytes without options */
#define IP_LONGEST 65535u  /* a datagram with its header */
#define IP_TYPE_ICMP 1u    /* protocol numbers [RFC 1700] */
#define IP_TYPE_TCP 6u     /* */
#define IP_TYPE_UDP 17u    /* */
#define IP_TYPE_LOCAL 253u /* [RFC 3692] */

/* ICMP types and codes [RFC 792]. */
#define ICMP_ECHO_REPLY 0
#define ICMP_UNREACHABLE 3 /* codes: */
#define ICMP_NET 0
#define ICMP_HOST 1
#define ICMP_PROTOCOL 2
#define ICMP_PORT 3
#define ICMP_TOO_LONG 4 /* it must be cut and must not be */
#define ICMP_QUENCH 4
#define ICMP_REDIRECT 5
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11 /* code 1: of fragments */
#define ICMP_PARAMETER 12
#define ICMP_HEADER 8 /* of echoes and errors */

extern const struct xk_protl_ops ip_protl;

#endif
