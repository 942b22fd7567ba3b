/* record_internal.h: private to os/proto/record/: state, wire image, and who does what.
 *
 *   record.c       the protocol object: parameters, sessions, uppers of pieces, a life's end
 *   record_conn.c  connections: opening, the rule for two at once, greetings, breaking
 *   record_out.c   which record goes next, its fragments, what is kept until TCP has it there
 *   record_in.c    records out of the stream, and to whom they go
 *
 * A stream is records; a record is fragments, each behind a mark of 4 bytes: bit 31: it is the last
 * of its record; the rest: its bytes [RFC 1057, section 10].  A record, big-endian:
 *   0  u8   relative number of the upper protocol
 *   1  u8   key
 *   2  u8   operation
 *   3  u8   1: the first piece of its message, 2: the last
 *   4  u32  bytes that the sender has given back on the session in all, modulo 2^32
 *   8       data
 * The first record each way is a HELLO:
 *   8  u32  RECORD_MAGIC
 *  12  u32  life of the sender
 *  16  u32  life that it believes the receiver to have; 0: not known
 *  20  u32  records that have come from that life, on all connections, modulo 2^32
 */
#ifndef OS_PROTO_RECORD_RECORD_INTERNAL_H
#define OS_PROTO_RECORD_RECORD_INTERNAL_H

#include "os/proto/record/record.h"
#include "os/xk/keys.h"
#include "os/xk/map.h"
#include "os/xk/peers.h"

#define RECORD_MARK 4u
#define RECORD_LAST 0x80000000u
#define RECORD_HEADER 8u
#define RECORD_HELLO 16u         /* behind the header */
#define RECORD_MAGIC 0x52434431u /* "RCD1" */

/* QUIT: the rest of the message does not come.  CREDIT: nothing but what was given back. */
enum record_op { RECORD_PIECE = 1, RECORD_CREDIT, RECORD_QUIT, RECORD_GREETING };

struct record_header {
    uint8_t upper, key, op;
    bool first, last;
    uint32_t given;
};

struct record_params {
    int64_t port, queue, fragment, longest, tries;
    sim_time retry, retry_max;
    bool nodelay;
};

/* What waits on a session, or all that is left of it. */
struct record_wait {
    struct list link;
    uint8_t op;
    bool first;
    struct rope data;
};

/* A record that goes, or has gone and may have to go again: with its header. */
struct record_item {
    struct list link;
    uint64_t end; /* bytes of the connection up to its last */
    bool again;
    struct rope data;
};

struct record_peer;

/* A connection: hangs on the session of TCP. */
struct record_conn {
    struct record_peer *peer;
    struct xk_sessn *tcp; /* referenced; NULL: it has ended, and who is inside frees it */
    uint32_t inside;
    bool mine, connected, greeted; /* greeted: the other's HELLO has come */
    uint64_t pushed;               /* bytes that TCP has taken */
    /* What comes. */
    bool marked, last;  /* in a fragment; in the last of its record */
    uint64_t left;      /* of the fragment */
    struct rope in;     /* not looked at */
    struct rope record; /* of which fragments have come */
};

/* Another host, or this one. */
struct record_peer {
    struct xk_protl *self;
    uint32_t host;
    bool own;   /* this node: there is no connection */
    bool heard; /* its life has greeted */
    bool pumping;
    struct record_conn *conn; /* NULL: none */
    struct list turns;        /* struct record_talk: that have something to send */
    struct list out;          /* struct record_item, in order */
    struct record_item *next; /* of these, the first that has not gone whole; NULL: all have */
    uint64_t at;              /* bytes of it that have */
    uint32_t number;          /* of records that were put in `out`, in all */
    uint32_t kept;            /* records in `out` */
    uint32_t received;        /* records that have come */
    uint32_t tries;           /* connections in a row that did not stand */
    enum xk_status why;       /* of the last of these */
    sim_time wait;
    struct port_timer retry;
};

/* The state of a session. */
struct record_talk {
    struct record_peer *peer;
    struct list known; /* in record_state.known */
    struct list turn;  /* in peer->turns */
    struct list ring;  /* in record_state.rings: its upper is to hear that there is room */
    struct list todo;  /* struct record_wait */
    uint64_t unsent;   /* bytes in todo */
    bool kept;         /* something to do or to remember: has a reference to its session */
    bool pieces;       /* its upper takes pieces */
    bool wants_ready;  /* its upper was answered XK_BUSY */
    bool begun;        /* the front of a message has come, and its end has not */
    bool queued;       /* a CREDIT stands in `todo` */
    bool stalled;      /* what waits, waits for credit */
    struct {
        uint32_t limit; /* 0: there is no credit */
        uint32_t used;  /* bytes sent in all */
        uint32_t heard; /* given back by the other in all */
        uint32_t held;  /* bytes that the upper has */
        uint32_t given; /* given back in all */
        uint32_t told;  /* of that, what the other surely will be told */
    } credit;
};

struct record_key { /* as bytes: no padding */
    uint32_t host, upper, key;
};

struct record_state {
    const struct record_params *params;
    struct xk_map peers;  /* struct record_peer by host, in 4 bytes */
    struct xk_map sessns; /* struct record_talk by struct record_key */
    struct list known;    /* struct record_talk: that are kept */
    struct list rings;    /* struct record_talk */
    struct port_timer bell;
    struct record_conn *greeting; /* on which a HELLO is read: what it ends spares this */
    struct xk_keys keys;
    struct record_counts counts;
};

static inline struct record_state *record_state(const struct record_peer *p)
{
    return p->self->state;
}
static inline struct port *record_port(const struct record_peer *p)
{
    return xk_port(p->self);
}

/* ---- record.c ---- */
/* The talk of a host's upper and key, whose session has one reference more; *fresh: it is new. */
struct record_talk *record_open(struct record_peer *p, struct xk_protl *upper, uint32_t key,
                                bool *fresh);
struct record_peer *record_peer(struct xk_protl *self, uint32_t host); /* made where it is new */
/* Keeps the session, or not any more.  The caller has a reference. */
void record_settle(struct record_talk *t);
/* Tells those who were refused that there is room: in an upcall. */
void record_ring(struct record_state *st);
/* None can be made: what waits for that host is dropped. */
void record_fail(struct record_peer *p, enum xk_status why);

/* ---- record_conn.c ---- */
/* Has a connection made where there is none. */
void record_connect(struct record_peer *p);
/* It is no more.  `told`: TCP has said so; else it is reset. */
void record_end(struct record_conn *c, bool told);
/* The same, counted: it had stood, or it is one more that did not.  Another is made later. */
void record_broke(struct record_conn *c, bool told, enum xk_status why);
void record_retry(struct record_peer *p,
                  enum xk_status why);       /* later, if something is to be sent */
void record_patience(struct record_peer *p); /* tries and waits begin anew */
void record_open_done(struct xk_protl *self, struct xk_sessn *lower);
void record_ready(struct xk_protl *self, struct xk_sessn *lower);
void record_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why);
void record_timed_out(struct port_timer *timer);
/* The other's greeting; false: it makes no sense. */
bool record_hello(struct record_conn *c, struct xk_msg *m);

/* ---- record_out.c ---- */
/* Sends what may be sent to that host. */
void record_pump(struct record_peer *p);
bool record_waits(const struct record_peer *p); /* is there something to send? */
/* The talk has something that may go, or has not. */
void record_turn(struct record_talk *t);
void record_queue(struct record_talk *t, enum record_op op, struct xk_msg *m); /* m: NULL: none */
void record_wait_free(struct record_talk *t, struct record_wait *w);
/* The other has so many in all: those are kept no longer.  False: that cannot be. */
bool record_resume(struct record_peer *p, uint32_t received);
void record_rewind(struct record_peer *p); /* all in `out` goes again */
void record_drop_out(struct record_peer *p);
/* On the connection, behind what has been pushed: the mark and the record.  Not XK_BUSY. */
enum xk_status record_push_whole(struct record_conn *c, struct rope *record);
void record_header_store(uint8_t out[RECORD_HEADER], const struct record_header *h);
struct record_item *record_take(struct record_peer *p); /* the next record to this node itself */
void record_item_free(struct record_peer *p, struct record_item *i);
/* Is its upper to hear that there is room? */
void record_room(struct record_talk *t);

/* ---- record_in.c ---- */
void record_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m);
/* A record of that host; false: it makes no sense. */
bool record_came(struct record_peer *p, struct record_conn *c, struct rope *record);
void record_credit_if_due(struct record_talk *t);

#endif
