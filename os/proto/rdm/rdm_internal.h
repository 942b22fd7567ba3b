/* rdm_internal.h: private to os/proto/rdm/: state and wire image.
 *
 * Header, big-endian:
 *   0  u8   relative number of the upper protocol
 *   1  u8   1: the last piece of its message, 2: the first, from bit 2: PIECE, ACK, ASK
 *   2  u16  life that the sender believes the receiver to have, modulo 65535, and 1; 0: not known
 *   4  u32  life of the sender                 | these four only where the path below
 *   8  u32  number of the piece, from 1        | loses, doubles or reorders; elsewhere
 *  12  u32  the next that the sender waits for | the driver's header tells the life
 *  16  u32  bit i: it has the (i + 1)th after that
 * ASK, before anything is sent, asks for an ACK, which tells the other's life: so a number means
 * the same to both, and a piece for a past life is known by its header.
 */
#ifndef OS_PROTO_RDM_RDM_INTERNAL_H
#define OS_PROTO_RDM_RDM_INTERNAL_H

#include "os/proto/rdm/rdm.h"
#include "os/xk/peers.h"
#include "os/xk/table.h"

#define RDM_HEADER 4
#define RDM_NUMBERS 16
#define RDM_MASK 32 /* pieces after a missing one that are kept */

enum rdm_op { RDM_PIECE = 1, RDM_ACK, RDM_ASK };

struct rdm_header {
    uint8_t upper, op;
    bool last, first;
    uint16_t to;
    uint32_t from, number, next, mask;
};
_Static_assert(RDM_HEADER == 1 + 1 + 2 && RDM_NUMBERS == 4 + 4 + 4 + 4, "the wire image of RDM");

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

struct rdm_clock {
    struct port_timer resend, ack;
};

/* A conversation with a host for an upper: the state of a session, which stays while there is
 * something to do or to remember. */
struct rdm_talk {
    struct list busy;    /* in rdm_state.busy, with a reference to its session; else in itself */
    struct list waiting; /* in rdm_state.waiting while the layer below is full */
    uint32_t number;     /* of the last piece that was cut */
    uint32_t expected;   /* the next to come */
    uint32_t unacked;    /* pieces since this node's last acknowledgement */
    bool ack_due;        /* one is to be sent at once */
    bool wants_ready;    /* its upper was answered XK_BUSY */
    bool begun;          /* `partial` has the front of a message */
    uint64_t queued;     /* bytes in out */
    uint64_t in_flight;  /* of these, sent */
    struct list out;     /* struct rdm_piece */
    struct list early;
    struct rope partial;
    struct rdm_clock *clock; /* NULL: neither of its timers is pending */
    sim_time wait;
};

struct rdm_state {
    const struct rdm_params *params;
    bool numbers;
    uint64_t header, piece; /* bytes: of a header; of data in a frame */
    struct xk_table sessns;
    struct list busy, waiting; /* struct rdm_talk */
    struct rdm_counts counts;
};

static inline struct rdm_state *rdm_state(struct rdm_talk *t)
{
    return xk_sessn_of(t)->protl->state;
}

/* Is the timer pending? */
static inline bool rdm_resend_set(const struct rdm_talk *t)
{
    return t->clock && port_timer_pending(&t->clock->resend);
}
static inline bool rdm_ack_set(const struct rdm_talk *t)
{
    return t->clock && port_timer_pending(&t->clock->ack);
}

/* rdm.c */
struct rdm_clock *rdm_clock(struct rdm_talk *t); /* made when it is not there */
/* A session with its conversation, referenced; NULL with *why: there is no such host. */
struct xk_sessn *rdm_open(struct xk_protl *self, struct xk_protl *upper, uint32_t host,
                          enum xk_status *why);
uint16_t rdm_life(uint32_t life); /* as the header has it */
/* Sends what may be sent, and what the other side must hear. */
void rdm_pump(struct rdm_talk *t);
void rdm_got_acks(struct rdm_talk *t, const struct rdm_header *h);

/* rdm_input.c */
void rdm_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m);
uint32_t rdm_mask(const struct rdm_talk *t); /* what has come early */

#endif
