/* rdm_internal.h: private to os/proto/rdm/: state and wire image.
 *
 * Header, big-endian:
 *   0  u16  relative number of the upper protocol
 *   2  u8   op: PIECE, ACK, ASK
 *   3  u8   1: the last piece of its message, 2: the first
 *   4  u32  life of the sender
 *   8  u32  life that it believes the receiver to have; 0: not known, where no numbers are used
 *  12  u32  number of the piece, from 1        | these three only where the path below
 *  16  u32  the next that the sender waits for | loses, doubles or reorders
 *  20  u32  bit i: it has the (i + 1)th after that
 * ASK, before anything is sent, asks for an ACK, which tells the other's life: so a number means
 * the same to both, and a piece for a past life is known by its header.
 */
#ifndef OS_PROTO_RDM_RDM_INTERNAL_H
#define OS_PROTO_RDM_RDM_INTERNAL_H

#include "os/proto/rdm/rdm.h"
#include "os/xk/peers.h"
#include "os/xk/table.h"

#define RDM_HEADER 12
#define RDM_NUMBERS 12
#define RDM_MASK 32 /* pieces after a missing one that are kept */

enum rdm_op { RDM_PIECE = 1, RDM_ACK, RDM_ASK };

struct rdm_header {
    uint16_t protocol;
    uint8_t op;
    bool last, first;
    uint32_t from, to, number, next, mask;
};
_Static_assert(RDM_HEADER == 2 + 1 + 1 + 4 + 4 && RDM_NUMBERS == 4 + 4 + 4,
               "the wire image of RDM");

struct rdm_params {
    int64_t queue, window, ack_every, idle;
    sim_time resend, resend_max, ack_delay;
};

struct rdm_piece {
    struct list link; /* in out or early, by number */
    uint32_t number;
    bool last, first, sent, got, again; /* again: sent twice because a later one has arrived */
    struct rope data;
};

/* A conversation with a host for an upper.  It stays when its sessions go: its numbers do. */
struct rdm_talk {
    struct list waiting; /* in rdm_state.waiting while the layer below is full */
    struct xk_protl *self, *upper;
    struct xk_sessn *sessn; /* counted; while there is something to do, else NULL */
    uint32_t host;
    uint32_t number;    /* of the last piece that was cut */
    uint32_t expected;  /* the next to come */
    uint32_t unacked;   /* pieces since this node's last acknowledgement */
    bool ack_due;       /* one is to be sent at once */
    bool wants_ready;   /* its upper was answered XK_BUSY */
    bool begun;         /* `partial` has the front of a message */
    uint64_t queued;    /* bytes in out */
    uint64_t in_flight; /* of these, sent */
    struct list out;    /* struct rdm_piece */
    struct list early;
    struct rope partial;
    struct port_timer resend, ack;
    sim_time wait;
};

struct rdm_state {
    const struct rdm_params *params;
    bool numbers;
    uint64_t header, piece; /* bytes: of a header; of data in a frame */
    struct xk_table sessns;
    struct xk_map talks;
    struct list waiting; /* struct rdm_talk */
    struct rdm_counts counts;
};

/* rdm.c */
struct rdm_talk *rdm_talk_of(struct xk_protl *self, struct xk_protl *upper, uint32_t host);
/* Sends what may be sent, and what the other side must hear. */
void rdm_pump(struct rdm_talk *t);
void rdm_got_acks(struct rdm_talk *t, const struct rdm_header *h);
struct xk_sessn *rdm_session(struct rdm_talk *t); /* the conversation's reference; NULL: no host */

/* rdm_input.c */
void rdm_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m);
uint32_t rdm_mask(const struct rdm_talk *t); /* what has come early */

#endif
