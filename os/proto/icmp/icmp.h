/* icmp.h: ICMP: echoes [RFC 792].
 *
 * Stands on IP, which makes and reads the errors itself.  An instance answers what it is asked.
 * Participants are those of IP, handed down: an address or a node.  A message that is pushed goes
 * as a request, and the answer comes to demux of who asked, on the session that it was pushed on:
 * the same octets if all is well.  Requests and answers may be lost, doubled, and overtake each
 * other; the upper tells them apart by what it has put in.  Errors about a request come as
 * `failed`.
 */
#ifndef OS_PROTO_ICMP_ICMP_H
#define OS_PROTO_ICMP_ICMP_H

#include "os/xk/xobj.h"

extern const struct xk_protl_ops icmp_protl;

#endif
