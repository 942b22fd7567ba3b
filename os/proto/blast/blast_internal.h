/* blast_internal.h: private to os/proto/blast/: state and wire image.
 *
 * Header, 24 bytes, big-endian:
 *   0  u16  relative number of the upper protocol
 *   2  u8   op: SEND, NACK, RETRANSMIT
 *   3  u8   0
 *   4  u32  sequence number of the message; 0: it fits one frame
 *   8  u32  length of the whole message
 *  12  u16  fragments
 *  14  u16  life of the message's sender, low bits
 *  16  u64  SEND, RETRANSMIT: the fragment's bit; NACK: bits of the fragments received
 *
 * An outgoing message is STALLED (fragments left to send) or, where the layer below may lose,
 * KEPT until its discard timer fires; a NACK makes it STALLED again.  An incoming one is INCOMPLETE
 * until it is delivered or given up.
 */
#ifndef OS_PROTO_BLAST_BLAST_INTERNAL_H
#define OS_PROTO_BLAST_BLAST_INTERNAL_H

#include "os/proto/blast/blast.h"
#include "os/xk/map.h"
#include "os/xk/peers.h"
#include "os/xk/table.h"

#define BLAST_HEADER 24
#define BLAST_FRAGMENTS_MAX 64
#define BLAST_RECENT 32 /* finished messages remembered, so that late copies are not delivered */

enum blast_op { BLAST_SEND = 1, BLAST_NACK = 2, BLAST_RETRANSMIT = 3 };

struct blast_header {
    uint16_t protocol;
    uint8_t op;
    uint32_t seq;
    uint32_t length;
    uint16_t fragments;
    uint16_t boot;
    uint64_t mask;
};
_Static_assert(BLAST_HEADER == 2 + 1 + 1 + 4 + 4 + 2 + 2 + 8, "the wire image of BLAST's header");
_Static_assert(BLAST_FRAGMENTS_MAX == 8 * sizeof(uint64_t), "one mask bit a fragment");

struct blast_params {
    sim_time fragment_wait, wait_max, discard;
    int64_t nacks, outstanding, idle, fragment;
    bool eager_nack;
};

struct blast_sessn {
    struct list waiting;    /* in blast_state.waiting while its upper wants ready */
    sim_time fragment_wait; /* how long a fragment may take; doubles, never shrinks */
};

struct blast_out { /* a message of several fragments on its way out */
    struct list link;
    struct xk_sessn *sessn; /* counted */
    uint32_t seq;
    uint16_t fragments;
    uint64_t left; /* bits of the fragments still to be sent */
    uint64_t sent; /* bits of those sent at least once */
    struct rope data;
    struct port_timer discard;
};

struct blast_key { /* names an incoming message */
    uint32_t host, seq;
    uint16_t protocol, zero;
};

struct blast_fragment { /* came before its turn */
    struct list link;
    uint16_t idx;
    struct rope data;
};

struct blast_in {
    struct list link;
    struct xk_protl *self;
    struct blast_key key;
    struct xk_sessn *sessn; /* counted */
    uint32_t length;
    uint16_t fragments, next; /* the first `next` are in `data` */
    uint64_t mask;
    struct rope data;
    struct list early; /* of blast_fragment, by index */
    struct port_timer timer;
    sim_time wait;
    int64_t nacks;
    bool slow; /* fragment_wait was doubled for it */
};

struct blast_state {
    const struct blast_params *params;
    uint64_t fragment_bytes; /* of data */
    bool reliable;           /* below: nothing is kept, no timer is set */
    uint16_t boot;
    uint32_t seq;
    struct xk_table sessns;
    struct list out; /* of blast_out, oldest first */
    uint32_t out_count;
    struct list in; /* of blast_in, oldest first */
    struct xk_map in_map;
    struct list waiting; /* of blast_sessn: answered XK_BUSY */
    struct blast_key recent[BLAST_RECENT];
    uint32_t recent_next;
    struct {
        uint64_t short_sent, long_sent, fragments_sent, resent, delivered, nacks_sent, nacks_got,
            nacks_late, short_got, fragments_got, discarded, given_up, duplicates, stale, bad,
            nobody, refused;
    } counts;
};

/* blast.c */
void blast_header_store(uint8_t out[BLAST_HEADER], const struct blast_header *h);
void blast_header_load(struct blast_header *h, const uint8_t in[BLAST_HEADER]);
struct xk_sessn *blast_sessn_get(struct xk_protl *self, struct xk_protl *upper,
                                 struct xk_parts peer, bool *fresh, enum xk_status *why);

/* blast_output.c */
enum xk_status blast_push(struct xk_sessn *s, struct xk_msg *m);
void blast_ready(struct xk_protl *self, struct xk_sessn *lower);
void blast_nacked(struct xk_protl *self, uint32_t host, const struct blast_header *h);
void blast_out_drop_host(struct xk_protl *self, uint32_t host);
uint64_t blast_all(uint16_t fragments); /* the mask of a complete message */

/* blast_input.c */
void blast_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m);
void blast_in_forget_host(struct xk_protl *self, uint32_t host);

#endif
