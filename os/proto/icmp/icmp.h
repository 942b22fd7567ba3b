/* icmp.h: ICMP: echoes [RFC 792].
 *
 * Stands on IP, which makes and reads the errors itself.  An instance answers what it is asked.
 * Participants are those of IP, handed down: an address or a node.  A message that is pushed goes
 * as a request, and the answer comes to demux of who asked, on the session that it was pushed on.
 *
 *   ECHO1  An answer has the octets of its request; requests and answers may be lost, doubled, and
 *       overtake each other: the upper tells them apart by what it has put in.
 *   ECHO2  Errors about a request come as `failed` on its session.
 *   ECHO3  Each message that comes is answered (`answered`), an answer that somebody waits for
 *       (`answers`), or dropped by a cause that is counted: bad_checksum, bad, nobody, unanswered.
 * A session is its opener's alone, and ends with its last reference.
 */
#ifndef OS_PROTO_ICMP_ICMP_H
#define OS_PROTO_ICMP_ICMP_H

#include "os/xk/xobj.h"

extern const struct xk_protl_ops icmp_protl;

#endif
