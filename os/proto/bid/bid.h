/* bid.h: BID: messages between lives: each names the boot of its sender and of its receiver.
 *
 * A boot id is the life of a node (os/xk/peers.h): it rises with each boot.  What was sent to an
 * earlier life of its receiver is not given up, and the sender is told; who hears of a new life
 * tells all before what that sent goes up.  So a reboot is noticed from the wire alone, over
 * networks and layers whose headers name no life, with the failure detector off.
 *
 *   BID1  A message goes up only in the life of its receiver to which it was sent, and only if it
 *       is of the newest life of its sender that is known here.
 *   BID2  The first message to a peer whose life is not known waits for that, and those behind it:
 *       messages keep their order.  At most `queue` wait; above that a push is answered XK_BUSY.
 *   BID3  What waits when a life of the peer ends is dropped: it was meant for that one.
 *   BID4  A question is asked again until it is answered, `tries` times; what is asked here, and
 *       what a peer must be told, is sent when the layer below has room.
 *   BID5  Right over ARP or IP, whose network has a broadcast, a node that comes back tells all
 *       hosts of it which life it is in, once, at its boot.
 */
#ifndef OS_PROTO_BID_BID_H
#define OS_PROTO_BID_BID_H

#include "os/xk/xobj.h"

extern const struct xk_protl_ops bid_protl;

#endif
