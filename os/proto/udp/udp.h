/* udp.h: UDP: messages between ports of hosts [RFC 768].
 *
 * Stands on IP.  Participants, lowest first, are those of IP (an address or a node) and the peer's
 * port (XK_PART_PORT); above it may stand one more XK_PART_PORT, this end's, else the next free one
 * from 49152 on is taken.  An upper that names no port has one by its relative number, the same on
 * all nodes, and is given what comes from nodes alone.  xk_open_enable takes a port or nothing.
 *
 *   UDP1  Messages may be lost, doubled and overtake each other.  What is damaged is dropped, where
 *       the sender has summed it (`checksum`; the default).
 *   UDP2  A message goes to the session with its peer's address and port and this end's; else to
 *       who has enabled that port, on a new session (open_done); else the sender is told by ICMP.
 *   UDP3  `failed` as IP's, on the session that it is about: XK_REFUSED when nobody has that port.
 *   UDP4  XK_REFUSED where the port that an open or enable names is another upper's, or none is
 *       free.
 * Controls of a session: XK_GET_MY_PORT, XK_GET_PEER_PORT, and IP's.
 *
 *   UDP5  Each message that comes is `delivered`, or dropped by a cause that is counted: short,
 *       bad_checksum, no_port, stranger.
 */
#ifndef OS_PROTO_UDP_UDP_H
#define OS_PROTO_UDP_UDP_H

#include "os/xk/xobj.h"

#define UDP_HEADER 8
#define UDP_PORT_FIRST 49152u /* of those taken by themselves */
#define UDP_PORT_LOCAL 61440u /* and the upper's relative number */

extern const struct xk_protl_ops udp_protl;

#endif
