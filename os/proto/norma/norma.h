/* norma.h: NORMA IPC: Mach's messages and rights between nodes as the Mach 3.0 kernel carried them.
 *
 * Barrera's kernel IPC for machines with no remote memory access [Barrera, "A fast Mach network IPC
 * implementation", USENIX Mach Symposium 1991; Mach 3.0 kernel sources, kernel/norma, 1991-93], on
 * any layer with hosts below, which may lose, double and reorder.  Rules and where they come from:
 *   packets, window of one, ticks, incarnations                        ipc_unreliable.c, ipc_net.h
 *   one queue a port, the ports of a node in turn, each until it is empty         ipc_output.c
 *   who takes a message: principal, "not the receiver", dead                    ipc_transit.c
 *   uid: 12 bits of node and 20 of number, begun by the life                ipc_node.h, ipc_list.c
 *   stransit and sotransit, no_local_senders, stransit_request                  ipc_transit.c
 *   pull_receive, the atrium                                                    ipc_migrate.c
 *   dead-name requests at the principal                                         ipc_deadname.c
 *   four kserver threads for what kernels ask each other                        ipc_kserver.c
 *
 *   NORMA1  A principal's stransit is minus the sum of its proxies', and what is under way: a proxy
 *       that has send rights has lent at least one.
 *   NORMA2  Of a node one packet is out at a time, until it is acknowledged: nothing overtakes.
 *   NORMA3  What the receiver said of a packet it says again when it comes again.
 *
 * A principal that sends a send right away lends one more (stransit + 1, here mach_record.lent).  A
 * proxy that gets one owes one more (stransit - 1); one that sends one away pays one back, but not
 * the last while it has rights: then the sender's thread waits for stransit_request, which fetches
 * 10,000 more.  The last right gone, what is owed goes home as no_local_senders.  A send-once right
 * is lent (lent_onces) until it comes home or is used.
 *
 * A receive right goes as its uid alone.  The old node takes messages until the thread that gets
 * the right has its kernel pull it: then the old one sends what is queued, marked as migrated, the
 * requests and counts, and is a proxy that tells others where to (a hint).
 *
 * Nothing limits the queue at the receiver: a sender never waits for it (ipc_transit.c: "in the
 * meantime, don't even bother").  Nothing is cleaned up after a dead node: a message to it is asked
 * for for ever, its proxies stay, what was lent to it is never returned, no-senders never comes.
 * Its next life knows no port of the one before: the first message to one is its panic, after which
 * it carries nothing more; psim's run ends with that sentence and goes on with the other nodes.
 *
 * Where the source loses something though no node dies, this does what its comments say, and most
 * of these places are bugs in tests/planted.txt: an answer that is lost is repeated (the source's
 * repetition is always a success); the new principal takes what it owed itself off what is lent
 * (the source adds it); dead-name requests move with the receive right (the source drops them), and
 * one that is told while a message is under way is not forgotten; all former principals forward,
 * not those at the birth node alone; stransit_request follows the right (the source panics),
 * no_local_senders does where nobody is left to absorb it; messages that wait at the node that
 * becomes the principal stay in order; a pull waits for messages that have come in part.
 *
 * Not modelled: receive buffers, which when they run out stop a node until it sends NACK;
 * out-of-line pages, continuations; checksums (Ethernet only); the static table of 256 nodes.
 */
#ifndef OS_PROTO_NORMA_NORMA_H
#define OS_PROTO_NORMA_NORMA_H

#include "os/xk/xobj.h"

extern const struct xk_protl_ops norma_protl;

#endif
