/* blast.h: BLAST: messages of up to 64 fragments, resent on request: persistent, not reliable.
 *
 * A message that fits one frame passes with one header.  A longer one is cut; the receiver asks for
 * what it misses (NACK) and gives up after some asking.  Nothing is acknowledged.  Messages may
 * overtake each other.  See README.md.
 */
#ifndef OS_PROTO_BLAST_BLAST_H
#define OS_PROTO_BLAST_BLAST_H

#include "os/xk/xobj.h"

/* Messages that it holds now: being sent or kept for NACKs, and incomplete. */
uint32_t blast_outstanding(const struct xk_protl *blast);
uint32_t blast_incomplete(const struct xk_protl *blast);

extern const struct xk_protl_ops blast_protl;

#endif
