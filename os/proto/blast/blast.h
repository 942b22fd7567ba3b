/* blast.h: BLAST: messages of up to 64 fragments, resent on request: persistent, not reliable.
 *
 * A message that fits one frame passes with one header.  A longer one is cut; the receiver asks for
 * what it misses (NACK) and gives up after some asking.  Nothing is acknowledged.  Messages may
 * overtake each other.  See README.md.
 */
#ifndef OS_PROTO_BLAST_BLAST_H
#define OS_PROTO_BLAST_BLAST_H

#include "os/xk/xobj.h"

struct blast_counts {
    uint64_t short_sent, long_sent, fragments_sent, resent;
    uint64_t delivered; /* messages given to uppers */
    uint64_t nacks_sent, nacks_got;
    uint64_t discarded;  /* sent messages forgotten by the discard timer */
    uint64_t given_up;   /* incomplete messages dropped after the last NACK */
    uint64_t duplicates; /* fragments dropped: had already */
    uint64_t stale;      /* messages and fragments dropped: of a life that has ended */
    uint64_t bad;        /* frames dropped: header makes no sense */
    uint64_t nobody;     /* messages dropped: nobody has enabled their protocol here */
    uint64_t refused;    /* pushes answered XK_BUSY */
};
const struct blast_counts *blast_counts(const struct xk_protl *blast);
/* Messages that it holds now: being sent or kept for NACKs, and incomplete. */
uint32_t blast_outstanding(const struct xk_protl *blast);
uint32_t blast_incomplete(const struct xk_protl *blast);

extern const struct xk_protl_ops blast_protl;

#endif
