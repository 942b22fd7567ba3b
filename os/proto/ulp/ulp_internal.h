/* ulp_internal.h: private to os/proto/ulp/: state and wire image.
 *
 * Header, big-endian:
 *   0  u8   relative number of the upper protocol; bit 7: 8 of the key
 *   1  u8   1: the last frame of its message, 2: the first, from bit 2: operation, from bit 5: the
 *           key's 1, 2 and 4
 *   2  u16  life that the sender believes the receiver to have, modulo 65535, and 1; 0: not known
 *   4  u32  life of the sender
 *   8  u32  number of the frame, from 1; 0: it has none
 *  12  u32  the next that the sender waits for: all before have come
 *  16  u32  bytes that the receiver of this may have sent in all, modulo 2^32
 *  20  u32  bytes that the sender will have sent in all when what waits with it has gone
 *  24  u16  sum of the frame with 0 here: ones' complement, as the Internet's
 */
#ifndef OS_PROTO_ULP_ULP_INTERNAL_H
#define OS_PROTO_ULP_ULP_INTERNAL_H

#include "os/proto/ulp/ulp.h"
#include "os/xk/keys.h"
#include "os/xk/peers.h"
#include "os/xk/table.h"

#define ULP_HEADER 26
#define ULP_SUM_AT 24

/* QUIT: the rest of the message does not come.  CREDIT: a grant, or that something waits for one,
 * that must arrive.  Both are numbered as a PIECE is.  ASK wants a GRANT; NACK is a GRANT whose
 * `next` has not come though a later one has. */
enum ulp_op { ULP_PIECE = 1, ULP_QUIT, ULP_CREDIT, ULP_ASK, ULP_GRANT, ULP_NACK };

struct ulp_header {
    uint8_t upper, key, op;
    bool last, first;
    uint16_t to;
    uint32_t from, number, next, granted, end;
};
_Static_assert(ULP_HEADER == 1 + 1 + 2 + 4 + 4 + 4 + 4 + 4 + 2, "the wire image of ULP");

struct ulp_params {
    int64_t queue, grant, pool, idle;
    sim_time wait, wait_max, ack_delay;
};

/* A frame; in `todo` all that is left of a message. */
struct ulp_frame {
    struct list link;
    uint32_t number;
    uint8_t op;
    bool last, first;
    struct rope data;
};

struct ulp_clock {
    struct port_timer idle, ack;
};

struct ulp_line;

/* A connection: the state of a session. */
struct ulp_line {
    struct list known;   /* in ulp_state.known while it is more than new */
    struct list waiting; /* in down[0]->waiting while the layer below is full */
    struct list turn;    /* in ulp_state.turns while it waits to be granted more */
    /* What goes. */
    uint32_t number;  /* of the last frame that was sent */
    uint32_t next;    /* of the first in `out` that is to go again; above `number`: none */
    uint32_t used;    /* bytes sent in all */
    uint32_t allowed; /* bytes that may be sent in all */
    uint32_t wished;  /* bytes sent in all and waiting, that the other surely will be told */
    uint32_t copied;  /* this frame was copied and summed, but the layer below was full; 0: none */
    bool granted;     /* `allowed` has been told */
    bool stalled;     /* what waits, waits for a grant */
    uint64_t unsent;  /* bytes of messages in todo */
    uint64_t in_flight;
    struct list todo; /* struct ulp_frame: not sent, in order */
    struct list out;  /* sent and not acknowledged, by number */
    /* What comes. */
    uint32_t expected; /* the next */
    uint32_t unacked;  /* frames since something told of them */
    uint32_t freed;    /* bytes that have come and are not held, in all */
    uint32_t end;      /* bytes that the other will have sent in all, as far as is known */
    uint32_t offered;  /* bytes granted in all */
    uint32_t told;     /* of these, what the other has been or surely will be told */
    uint32_t counted;  /* in ulp_state.under_way */
    uint64_t held;     /* bytes that the upper has */
    uint32_t credit;   /* of an upper that holds; 0: none */
    bool gave;         /* there was some grant */
    bool queued;       /* a CREDIT stands in `todo` */
    bool nacked;       /* the other has been told that `expected` is missing */
    bool begun;        /* the front of a message has come, and its end has not */
    struct rope partial;
    bool kept;               /* more than new: has a reference to its session */
    bool grant_due;          /* a GRANT is to be sent at once, */
    bool nack_due;           /* as a NACK */
    bool ask_due;            /* an ASK */
    bool wants_ready;        /* its upper was answered XK_BUSY */
    bool pieces;             /* its upper takes pieces */
    struct ulp_clock *clock; /* NULL: neither of its timers is pending */
    sim_time wait;
};

struct ulp_state {
    const struct ulp_params *params;
    bool keeps;     /* the path below: nothing is kept here, then, and no timer waits for a loss */
    uint64_t piece; /* bytes of data in a frame */
    sim_time wait, ack_delay; /* of the timers */
    struct xk_table sessns;
    struct list known;    /* struct ulp_line */
    struct list turns;    /* struct ulp_line: who waits to be granted more, in order */
    uint64_t under_way;   /* granted to those who are behind, and not come */
    uint32_t connections; /* that were granted something */
    struct xk_keys keys;
    struct ulp_counts counts;
};

static inline struct ulp_state *ulp_state(struct ulp_line *l)
{
    return xk_sessn_of(l)->protl->state;
}

static inline struct port *ulp_port(struct ulp_line *l)
{
    return xk_port(xk_sessn_of(l)->protl);
}

/* What data cost of a queue or a grant: an empty frame is something too. */
static inline uint32_t ulp_cost(uint64_t data)
{
    return (uint32_t)data + ULP_HEADER;
}

static inline bool ulp_idle_set(const struct ulp_line *l)
{
    return l->clock && port_timer_pending(&l->clock->idle);
}
static inline bool ulp_ack_set(const struct ulp_line *l)
{
    return l->clock && port_timer_pending(&l->clock->ack);
}

/* ulp.c */
struct ulp_clock *ulp_clock(struct ulp_line *l); /* made when it is not there */
/* A session with its connection, referenced; NULL with *why: there is no such host. */
struct xk_sessn *ulp_open(struct xk_protl *self, struct xk_protl *upper, struct xk_parts peer,
                          bool *fresh, enum xk_status *why);
uint16_t ulp_life(uint32_t life); /* as the header has it */
/* Sends what may be sent, and what the other side must hear. */
void ulp_pump(struct ulp_line *l);
void ulp_queue_credit(struct ulp_line *l);
/* All before h->next have come; what h grants is granted. */
void ulp_got_grant(struct ulp_line *l, const struct ulp_header *h);
void ulp_go_back(struct ulp_line *l, uint32_t number); /* that frame and all behind it go again */
uint16_t ulp_sum(const uint8_t header[ULP_HEADER], const struct rope *data);
void ulp_give_up(struct xk_sessn *s); /* xk_give_up */

/* ulp_input.c */
void ulp_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m);
enum xk_status ulp_enable(struct xk_protl *self, struct xk_protl *upper, struct xk_parts local);

/* ulp_grant.c */
/* The bytes that the other may have sent in all: no less than before. */
uint32_t ulp_grant(struct ulp_line *l);
/* Something has come, or is held no longer: has the other told of what is free once it is half a
 * window. */
void ulp_grant_if_due(struct ulp_line *l);
void ulp_asked(struct ulp_line *l);       /* the other wants its first grant */
void ulp_turns(struct ulp_state *st);     /* grants more to those whose turn it is */
void ulp_grants_none(struct ulp_line *l); /* the connection has ended */

/* ulp_hold.c */
extern const struct xk_pieces_ops ulp_hold_ops;

#endif
