/* bid_internal.h: private to os/proto/bid/: state and wire image.
 *
 * Header, 24 bytes, big-endian:
 *   0  u16  relative number of the upper protocol; 0: BID's own
 *   2  u16  flags
 *   4  u16  sum: the ones' complement of the ones' complement sum of the header, with 0 here
 *   6  u16  0
 *   8  u32  boot id of the sender
 *  12  u32  boot id of the receiver, as the sender knows it; 0: not at all
 *  16  u32  tag of a question
 *  20  u32  tag of the question that this answers
 *
 * A peer         guarantee                                   event -> next
 *   INIT         its life is not known, nothing waits        push -> OPEN; heard of -> NORMAL
 *   OPEN         asked; what is pushed waits                 heard of -> OPENDONE; no answer ->
 *                                                            INIT
 *   OPENDONE     what waited is being sent                   all sent -> NORMAL
 *   NORMAL       its life is known                           silence -> QUERY; new life -> RESET
 *   QUERY        asked whether that still holds; messages    answer -> NORMAL; new life -> RESET;
 *                go on                                       no answer -> INIT
 *   RESET        all are being told of its new life          all told -> NORMAL
 * The end of its life leads to INIT from each.
 */
#ifndef OS_PROTO_BID_BID_INTERNAL_H
#define OS_PROTO_BID_BID_INTERNAL_H

#include "os/proto/bid/bid.h"
#include "os/xk/map.h"
#include "os/xk/peers.h"
#include "os/xk/table.h"

#define BID_HEADER 24

enum bid_flags { BID_QUERY_FLAG = 1, BID_RESPONSE_FLAG = 2 };

struct bid_header {
    uint16_t upper, flags;
    uint32_t src, dst, request, reply;
};
_Static_assert(BID_HEADER == 2 + 2 + 2 + 2 + 4 * 4, "the wire image of BID's header");

struct bid_params {
    sim_time query_wait, query_max, tick;
    int64_t tries, keepalive, idle_ticks, queue, idle;
};

enum bid_peer_state { BID_INIT, BID_OPEN, BID_OPENDONE, BID_NORMAL, BID_QUERY, BID_RESET };

struct bid_waiting { /* a message that waits for its receiver's life */
    struct list link;
    struct xk_sessn *sessn; /* counted */
    struct xk_msg msg;
};

struct bid_peer {
    struct xk_protl *self;
    uint32_t host;
    enum bid_peer_state state;
    uint32_t life;    /* with which messages to it are stamped; 0: not known */
    uint32_t doubted; /* a life that answered no question; 0: none (it is none's number) */
    uint32_t sessns;  /* that have it */
    uint32_t tag;     /* of the question that is out */
    uint32_t answer;  /* owed: the tag of its question */
    bool asks, tells; /* owed: a question, a header that says who is here */
    int64_t tries;
    sim_time wait;
    int64_t quiet;       /* ticks since the last message of uppers */
    struct list waiting; /* of bid_waiting */
    int64_t waiting_count;
    struct xk_sessn *down; /* counted */
    struct port_timer timer;
};

struct bid_sessn {
    struct list busy;      /* in bid_state.busy while its upper wants ready */
    struct bid_peer *peer; /* NULL: this node */
};

struct bid_state {
    const struct bid_params *params;
    uint32_t boot, tag;
    struct xk_table sessns;
    struct xk_map peers;
    struct list busy; /* of bid_sessn: answered XK_BUSY */
    struct port_timer ticker, room;
    struct {
        uint64_t sent, received, controls, queries, responses, notices, announced, waited, dropped,
            misled, stale, bad, nobody, refused, unanswered;
    } counts;
};

/* bid_wire.c */
void bid_header_store(uint8_t out[BID_HEADER], const struct bid_header *h);
bool bid_header_load(struct bid_header *h, const uint8_t in[BID_HEADER]); /* false: damaged */
/* Sends the message with a header for the peer's life; it is left as it was when not XK_OK. */
enum xk_status bid_send(struct bid_state *st, struct xk_sessn *s, uint32_t life, struct xk_msg *m);

/* bid_peer.c */
void bid_told_room(struct xk_protl *self);                            /* ready to who was refused */
struct bid_peer *bid_peer_find(struct xk_protl *self, uint32_t host); /* or NULL */
/* The same, made where there is none, over that session below. */
struct bid_peer *bid_peer_get(struct xk_protl *self, uint32_t host, struct xk_sessn *down);
/* Messages of uppers go to and fro: the ticks begin anew. */
void bid_peer_used(struct bid_peer *p);
/* Another header, or another layer, may have told its life: then nothing need be asked. */
void bid_peer_look(struct bid_peer *p);
/* The message waits for the peer's life, or behind others that do; XK_BUSY: too many do. */
enum xk_status bid_peer_wait(struct bid_peer *p, struct xk_sessn *s, struct xk_msg *m);
/* The peer has said that it is in that life, which is no earlier one. */
void bid_peer_heard(struct bid_peer *p, uint32_t life);
/* What else its header says: a question is answered, an answer taken, a wrong life corrected. */
void bid_peer_got(struct bid_peer *p, const struct bid_header *h);
/* There is room below: what is owed to it goes, and what waits.  False: full again. */
bool bid_peer_ready(struct bid_peer *p);
void bid_peer_ended(struct bid_peer *p, uint32_t life); /* that life of it has */
void bid_tick(struct port_timer *t);

#endif
