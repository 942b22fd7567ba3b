/* vip.h: VIPsize and VIPaddr: virtual protocols that choose among the paths below them.
 *
 * Neither has a header: what they decide costs nothing on the wire, and each carries one upper
 * instance.  VIPsize chooses when a message is pushed, by its length; VIPaddr when a session is
 * opened, by who can be reached.  Source: [O'Malley & Peterson 1992].  See README.md.
 */
#ifndef OS_PROTO_VIP_VIP_H
#define OS_PROTO_VIP_VIP_H

#include "os/xk/xobj.h"

extern const struct xk_protl_ops vipsize_protl;
extern const struct xk_protl_ops vipaddr_protl;

#endif
