/* ping.h: PING: a thread sends an echo and waits for its answer.
 *
 * Stands on ICMP, at the top of a graph, for programs.  What is an answer has the octets that were
 * sent; others, late ones, are counted.
 *   PING1  One thread of the node at a time.
 */
#ifndef OS_PROTO_ICMP_PING_H
#define OS_PROTO_ICMP_PING_H

#include "os/xk/xobj.h"

/* A session with a node, to be closed by xk_close; NULL with *why. */
struct xk_sessn *ping_open(struct xk_protl *ping, uint32_t node, enum xk_status *why);
/* Sends `size` bytes of the pattern `seed` and waits for the answer.  XK_OK: it came, after *rtt;
 * XK_UNREACHABLE, XK_REFUSED, XK_TOO_LONG: somebody says why not, or push did; XK_CLOSED: nothing
 * came in `wait`.  (blocks) */
enum xk_status ping_echo(struct xk_sessn *s, uint64_t seed, uint64_t size, sim_time wait,
                         sim_time *rtt);

extern const struct xk_protl_ops ping_protl;

#endif
