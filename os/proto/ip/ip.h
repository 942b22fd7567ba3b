/* ip.h: IP: datagrams between hosts of joined networks [RFC 791, 1122].
 *
 * Stands on one to four instances of ARP, each a network.  Participants, lowest first, are an
 * address (XK_PART_ADDRESS) or a node (XK_PART_NODE), and the upper's protocol number
 * (XK_PART_TYPE): TCP opens { address, 6 }, having taken its port off.  An upper that names no type
 * is carried as protocol 253, for experiments [RFC 3692], with its relative number behind the
 * header, and is given what comes from nodes alone.  xk_open_enable takes a type or nothing.
 *
 *   - Messages may be lost, doubled and overtake each other; what is delivered is whole.  They
 *       may be as long as XK_GET_OPT_PACKET says without being cut, and up to `carries`.
 *   - A session is with a peer's address, from one of this node's: the source of what it sends,
 *       or where the peer has sent to.  A peer that sends first makes one (open_done).
 *   - `failed` is a soft error: a message was lost, the session stays.  XK_UNREACHABLE: the host
 *       or its network cannot be reached, or time was exceeded; XK_REFUSED: nobody there takes the
 *       protocol or the port; XK_TOO_LONG: it must be cut and must not be (XK_GET_OPT_PACKET says
 *       what passes from now on [RFC 1191]).  In it XK_GET_ERROR and XK_GET_QUOTED tell more.
 *   - A node forwards what is not for it if `forward` says so, and then it lowers the time to
 *       live, cuts what is too long for the next network, and tells the source what it drops.
 *   - No error is told about an error, a fragment but the first, or what was sent to all
 *       [RFC 1122, 3.2.2].
 *   - Each datagram that comes is delivered, forwarded, kept as a fragment, or dropped by a
 *       cause that is counted.
 *
 * Controls of a session: XK_GET_MY_ADDRESS, XK_GET_PEER_ADDRESS, XK_GET_OPT_PACKET (what the path
 * takes uncut, less the header), XK_SET_DONT_FRAGMENT, XK_SEND_UNREACHABLE (codes 2 and 3).
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

enum { /* ICMP types and codes [RFC 792] */
       ICMP_ECHO_REPLY = 0,
       ICMP_UNREACHABLE = 3,
       ICMP_ECHO = 8,
       ICMP_TIME_EXCEEDED = 11,
       ICMP_NET = 0, /* codes of ICMP_UNREACHABLE */
       ICMP_HOST = 1,
       ICMP_PROTOCOL = 2,
       ICMP_PORT = 3,
       ICMP_TOO_LONG = 4 /* must be cut and must not be */
};

extern const struct xk_protl_ops ip_protl;

#endif
