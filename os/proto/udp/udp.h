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
 * Controls of a session: XK_GET_MY_PORT, XK_GET_PEER_PORT, and IP's; of an instance XK_UDP_LEND,
 * by udp_lend.
 *
 *   UDP5  Each message that comes is `delivered`, or dropped by a cause that is counted: short,
 *       bad_checksum, no_port, stranger.
 *   UDP6  A port that is enabled may be lent: what a FILTER below meets of it goes to another
 *       instance of IP, until it is lent no longer or disabled, as when its upper's domain dies.
 *       What comes here all the same goes to its upper as ever.  An instance with `guest` has no
 *       ports by itself, nor by the number of an upper: each open names this end's.
 */
#ifndef OS_PROTO_UDP_UDP_H
#define OS_PROTO_UDP_UDP_H

#include "os/xk/xobj.h"

#define UDP_HEADER 8
#define UDP_PORT_FIRST 49152u /* of those taken by themselves */
#define UDP_PORT_LOCAL 61440u /* and the upper's relative number */

struct udp_lent {       /* what comes to a port */
    uint16_t port;      /* of this end */
    uint16_t peer_port; /* 0: from whomever */
    uint32_t peer;      /* address */
    uint8_t number; /* of the instance of IP, right above FILTER, that gets it; 0: it is not lent */
};
/* UDP6: in the place of what was lent of that port.  XK_REFUSED: it is not enabled there, or no
 * FILTER is below; XK_IN_USE: that is lent already.  Nothing has changed then. */
enum xk_status udp_lend(struct xk_protl *udp, const struct udp_lent *to);
/* Do the parameters of an instance say that it is a guest? */
bool udp_is_guest(const void *params);

extern const struct xk_protl_ops udp_protl;

#endif
