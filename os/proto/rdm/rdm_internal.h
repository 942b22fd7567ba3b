/* rdm_internal.h: private to os/proto/rdm/: state and wire image.
 *
 * Header, big-endian:
 *   0  u8   relative number of the upper protocol; bit 7: 8 of the key
 *   1  u8   1: the last piece of its message, 2: the first, from bit 2: operation, from bit 5: the
 *           key's 1, 2 and 4
 *   2  u16  life that the sender believes the receiver to have, modulo 65535, and 1; 0: not known
 *   4  u32  life of the sender                 | these four only where the path below
 *   8  u32  number of the piece, from 1        | loses, doubles or reorders; elsewhere
 *  12  u32  the next that the sender waits for | the driver's header tells the life
 *  16  u32  bit i: it has the (i + 1)th after that
 *  and on a session with credit, 4 bytes more:
 *      u32  bytes that the sender has given back in all, modulo 2^32
 * and of an upper that is tapped 4 more:
 *      u32  epoch of the sender when it sent the piece
 * ASK, before anything is sent, asks for an ACK, which tells the other's life: so a number means
 * the same to both, and a piece for a past life is known by its header.
 */
#ifndef OS_PROTO_RDM_RDM_INTERNAL_H
#define OS_PROTO_RDM_RDM_INTERNAL_H

#include "os/proto/rdm/rdm.h"
#include "os/xk/keys.h"
#include "os/xk/map.h"
#include "os/xk/peers.h"
#include "os/xk/table.h"

#define RDM_HEADER 4
#define RDM_NUMBERS 16
#define RDM_CREDIT_BYTES 4
#define RDM_EPOCH_BYTES 4
#define RDM_MASK 32 /* pieces after a missing one that are kept */

/* CREDIT: nothing but credit.  QUIT: the rest of the message does not come.  Both are numbered. */
enum rdm_op { RDM_PIECE = 1, RDM_ACK, RDM_ASK, RDM_CREDIT, RDM_QUIT };

struct rdm_header {
    uint8_t upper, key, op;
    bool last, first;
    uint16_t to;
    uint32_t from, number, next, mask;
    uint32_t epoch;
};
_Static_assert(RDM_HEADER == 1 + 1 + 2 && RDM_NUMBERS == 4 + 4 + 4 + 4, "the wire image of RDM");

struct rdm_params {
    int64_t queue, window, ack_every, idle;
    sim_time resend, resend_max, ack_delay;
};

/* A piece; in `todo` all that is left of a message. */
struct rdm_piece {
    struct list link;
    uint32_t number, epoch;
    uint8_t op;
    bool last, first, got, again; /* again: sent twice because a later one has arrived */
    struct rope data;
    struct rope whole; /* in `todo`, of an upper that is tapped: the message, if it has gone in part
                        */
};

/* Of a session whose upper holds what came. */
struct rdm_credit {
    uint32_t limit; /* 0: there is no credit */
    uint32_t used;  /* bytes sent that have not been given back */
    uint32_t heard; /* given back by the other in all */
    uint32_t held;  /* bytes that the upper has */
    uint32_t given; /* given back in all */
    uint32_t told;  /* of that, what the other has been or surely will be told */
    bool queued;    /* a CREDIT stands in `todo` */
    bool stalled;   /* what waits, waits for credit */
};

struct rdm_clock {
    struct port_timer resend, ack;
};

struct rdm_talk;

/* What is remembered of a conversation with nothing to do whose session was reclaimed. */
struct rdm_books {
    uint32_t life; /* of the host */
    uint32_t number, expected;
    struct rdm_credit credit;
};

/* A conversation with a host for an upper: the state of a session. */
struct rdm_talk {
    struct list known;   /* in rdm_state.known while there is something to do or to remember */
    struct list waiting; /* in down[0]->waiting while the layer below is full */
    uint32_t number;     /* of the last piece that was sent */
    uint32_t expected;   /* the next to come */
    uint32_t unacked;    /* pieces since this node's last acknowledgement */
    bool kept;           /* something to do, or held: has a reference to its session */
    bool ack_due;        /* one is to be sent at once */
    bool wants_ready;    /* its upper was answered XK_BUSY */
    bool begun;          /* the front of a message has come, and its end has not */
    bool pieces;         /* its upper takes pieces */
    struct rdm_credit credit;
    uint64_t unsent;    /* bytes in todo */
    uint64_t in_flight; /* in out */
    struct list todo;   /* struct rdm_piece: not sent, in order */
    struct list out;    /* sent and not acknowledged, by number */
    struct list early;  /* come before their turn, by number */
    struct rope partial;
    struct list held;    /* struct rdm_piece: of a later epoch (RDM9) */
    struct list holding; /* in rdm_state.tap.holding while there are such */
    struct rope front;   /* of a message that has come in part, for a tap on an upper of pieces */
    struct rdm_clock *clock; /* NULL: neither of its timers is pending */
    sim_time wait;
};

struct rdm_state {
    const struct rdm_params *params;
    bool numbers;
    sim_time resend, ack_delay; /* of the timers */
    uint64_t header, piece; /* bytes: of a header without credit; of data behind it in a frame */
    struct xk_table sessns;
    struct list known;   /* struct rdm_talk */
    struct xk_map books; /* struct rdm_books by key, upper's number and host */
    struct {
        const struct xk_protl *upper; /* NULL: no tap */
        const struct rdm_tap_ops *ops;
        void *arg;
        uint32_t epoch;
        bool stopped;
        struct list holding; /* struct rdm_talk */
    } tap;
    struct xk_keys keys;
    struct rdm_counts counts;
};

static inline struct rdm_state *rdm_state(struct rdm_talk *t)
{
    return xk_sessn_of(t)->protl->state;
}

/* Is its upper tapped? */
static inline bool rdm_tapped(struct rdm_talk *t)
{
    return xk_sessn_of(t)->upper == rdm_state(t)->tap.upper;
}

/* What data cost of a queue, a window or a credit: an empty piece is something too. */
static inline uint64_t rdm_cost(uint64_t data)
{
    return data + RDM_HEADER;
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
struct xk_sessn *rdm_open(struct xk_protl *self, struct xk_protl *upper, struct xk_parts peer,
                          bool *fresh, enum xk_status *why);
uint16_t rdm_life(uint32_t life); /* as the header has it */
/* Sends what may be sent, and what the other side must hear. */
void rdm_pump(struct rdm_talk *t);
void rdm_got_acks(struct rdm_talk *t, const struct rdm_header *h);
void rdm_give_up(struct xk_sessn *s); /* xk_give_up */

/* rdm_hold.c */
extern const struct xk_pieces_ops rdm_hold_ops;

/* rdm_tap.c */
/* The piece waits for its epoch, and is taken. */
bool rdm_tap_holds(struct rdm_talk *t, const struct rdm_header *h, struct xk_msg *m);
/* A piece (of an upper that takes messages: a message) goes up next.  True: it is the end of one of
 * an earlier epoch. */
bool rdm_tap_passes(struct rdm_talk *t, const struct rdm_header *h, const struct xk_msg *m);
void rdm_tap_passed(struct rdm_talk *t, const struct rdm_header *h, bool late); /* it has */
void rdm_tap_drop(struct rdm_talk *t);                                          /* what waits */

/* rdm_input.c */
void rdm_join(struct rdm_talk *t, const struct rdm_header *h, struct xk_msg *m); /* in order */
void rdm_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m);
uint32_t rdm_mask(const struct rdm_talk *t); /* what has come early */
enum xk_status rdm_enable(struct xk_protl *self, struct xk_protl *upper, struct xk_parts local);

#endif
