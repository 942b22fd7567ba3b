/* machipc.h: MACHIPC: Mach's messages and rights between nodes, over remote procedure calls.
 *
 * The network IPC of Mach in the x-kernel [Orman, Menze, O'Malley, Peterson & Schroeppel, Mach III
 * 1993]: five protocols over SELECT, CHAN, BLAST and BID, each a service of SELECT.
 *
 *   MACHIPC  messages, and room in the queues of other nodes
 *   SSR      send and send-once rights between the place of the port and another node
 *   LSR      such rights between two nodes that are not the place
 *   RRX      receive rights: the move of a port's place
 *   PORTM    deaths, who took a place over, special ports
 *
 * The paper names them and the graph; what they say to each other it does not.  That is designed
 * here (docs/decisions/0140), from what must hold:
 *
 *   XIPC1  Who has the principal of a port counts for each other node the send rights it has sent
 *       there, or that came there with its consent, until that node gives all of them back: a right
 *       under way is counted.  Each send-once right that is not here has a number, and a node.
 *   XIPC2  A right that goes between two others is counted where it arrives before it is given to
 *       anybody; till then its sender keeps its own.  If that fails, the message is lost with its
 *       sender, or tried again.
 *   XIPC3  What one node sends to a port goes one by one, numbered, and again to the port's next
 *       place until it is taken: it is taken once, and in order.
 *   XIPC4  A receive right moves with the queue and all that is counted, in the one call that
 *       carries its message.  All who have rights are told before where it may be then: when a node
 *       dies meanwhile, they ask there.  It has one place at every moment, or none ever again.
 *   XIPC5  When the life of a node ends: proxies of what it had are dead, what was lent to it has
 *       gone, its send-once rights are told as lost, and what waits to be sent there is destroyed.
 *   XIPC6  A message longer than a call goes in several, one after the other.  Its rights come with
 *       the last: until that is taken it is no message, and nothing has changed.
 *
 * A node that cannot be reached and has not died is not told from one that has, by who gives up
 * calling it; it should not be: CHAN's `tries` are to outlast what the network loses.
 */
#ifndef OS_PROTO_MACHIPC_MACHIPC_H
#define OS_PROTO_MACHIPC_MACHIPC_H

#include "os/xk/xobj.h"

extern const struct xk_protl_ops machipc_protl;

#endif
