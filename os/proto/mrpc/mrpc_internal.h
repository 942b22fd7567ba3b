/* mrpc_internal.h: private to os/proto/mrpc/: state and wire image.
 *
 * Header, 36 bytes, big-endian:
 *   0  u16  relative number of the upper protocol
 *   2  u8   op
 *   3  u8   flags
 *   4  u16  channel: the client's number of it
 *   6  u16  fragments of the message
 *   8  u32  sequence number of the call
 *  12  u32  length of the message
 *  16  u32  life of the sender
 *  20  u32  life that the sender believes the receiver to have; 0: unknown
 *  24  u32  0
 *  28  u64  REQUEST, REPLY: the fragment's bit; of an acknowledgement: bits of what has come
 *
 * Client         guarantee                                     event -> next
 *   FREE         no call                                       push -> ASKS or WAIT
 *   ASKS         a call, the server's life is asked for        HERE -> WAIT; failure -> FREE
 *   WAIT         a call, its request sent or stalled           all of the reply, failure -> FREE
 * Server, of a channel
 *   COLLECT      some fragments of the request are here        all -> EXECUTE; new call -> DONE
 *   EXECUTE      the upper has the request                     push -> REPLIED
 *   REPLIED      the reply is being sent, or kept for a        new call, all acknowledged, no
 *                client that lost some of it                   answer -> DONE
 *   DONE         the slot has forgotten it, but for its number
 */
#ifndef OS_PROTO_MRPC_MRPC_INTERNAL_H
#define OS_PROTO_MRPC_MRPC_INTERNAL_H

#include "os/proto/mrpc/mrpc.h"
#include "os/xk/channels.h"

#define MRPC_HEADER 36
#define MRPC_FRAGMENTS_MAX 64

enum mrpc_op {
    MRPC_REQUEST = 1, /* of the client */
    MRPC_PROBE,       /* which life are you? */
    MRPC_ACK_REPLY,   /* so much of the reply has come */
    MRPC_REPLY,       /* of the server */
    MRPC_HERE,        /* the answer to a probe */
    MRPC_ACK_REQUEST, /* so much of the request has come */
    MRPC_GONE,        /* it was for a past life, or its reply is forgotten */
    MRPC_REFUSED      /* nobody has enabled this here */
};
static inline bool mrpc_of_client(uint8_t op)
{
    return op <= MRPC_ACK_REPLY;
}
#define MRPC_PLEASE_ACK 1 /* flag: say what has come */

struct mrpc_header {
    uint16_t upper;
    uint8_t op, flags;
    uint16_t channel, fragments;
    uint32_t seq, length, src_life, dst_life;
    uint64_t mask;
};
_Static_assert(MRPC_HEADER == 2 + 1 + 1 + 2 + 2 + 5 * 4 + 8, "the wire image of M.RPC's header");
_Static_assert(MRPC_FRAGMENTS_MAX == 8 * sizeof(uint64_t), "one mask bit a fragment");

struct mrpc_params {
    sim_time client_wait, server_wait, wait_max;
    int64_t tries, fragment;
};

struct mrpc_out { /* a message on its way */
    struct rope data;
    uint16_t fragments;
    uint64_t left, sent; /* bits of the fragments still to be sent; sent once */
    bool please;         /* the last of `left` asks what has come */
};

struct mrpc_in { /* a message that is coming */
    uint32_t length;
    uint16_t fragments; /* 0: nothing has come */
    uint64_t mask;
    struct rope *part; /* by fragment */
};

enum mrpc_client_state { MRPC_FREE, MRPC_ASKS, MRPC_WAIT };
struct mrpc_client {
    struct xk_call call; /* first */
    enum mrpc_client_state state;
    struct mrpc_out request;
    struct mrpc_in reply;
};

enum mrpc_server_state { MRPC_COLLECT, MRPC_EXECUTE, MRPC_REPLIED, MRPC_DONE };
struct mrpc_server {
    struct xk_call call; /* first */
    enum mrpc_server_state state;
    uint32_t client_life;
    struct mrpc_in request;
    struct mrpc_out reply;
};

struct mrpc_state {
    struct xk_channels channels; /* first */
    const struct mrpc_params *params;
    uint64_t fragment_bytes; /* of data */
    struct {
        uint64_t calls, replies, failures, requests, probes, sent, resent, duplicates, stale, bad,
            nobody, closed;
    } counts;
};

/* mrpc_move.c: messages in fragments. */
void mrpc_header_load(struct mrpc_header *h, const uint8_t in[MRPC_HEADER]);
uint64_t mrpc_all(uint16_t fragments); /* the mask of a complete message */
/* Takes the data as a message to be sent. */
void mrpc_out_start(const struct mrpc_state *st, struct mrpc_out *o, struct xk_msg *m);
/* Sends what is left of it, each fragment with `h`; false: the layer below is busy. */
bool mrpc_out_pump(struct xk_protl *self, struct mrpc_out *o, struct xk_sessn *down,
                   struct mrpc_header h);
/* What has come of it is `mask`: the rest is left.  False: there is no rest. */
bool mrpc_out_missing(struct mrpc_out *o, uint64_t mask);
/* Its last fragment is sent again, with the question what has come. */
void mrpc_out_again(struct mrpc_out *o);
/* Takes a fragment.  True: the message is complete. */
bool mrpc_in_take(struct xk_protl *self, struct mrpc_in *in, const struct mrpc_header *h,
                  struct xk_msg *m);
void mrpc_in_message(struct xk_protl *self, struct mrpc_in *in, struct xk_msg *m); /* all of it */
void mrpc_in_drop(struct xk_protl *self, struct mrpc_in *in);
/* A header alone.  False: the layer below is busy. */
bool mrpc_say(struct xk_protl *self, struct xk_sessn *down, struct mrpc_header h);
/* The answer to what came with `h`. */
void mrpc_answer(struct xk_protl *self, struct xk_sessn *down, const struct mrpc_header *h,
                 enum mrpc_op op, uint64_t mask);

/* mrpc_client.c */
extern const struct xk_call_ops mrpc_client_ops;
struct xk_sessn *mrpc_client_open(struct xk_protl *self, struct xk_protl *upper,
                                  struct xk_parts peer, enum xk_status *why);
void mrpc_client_got(struct xk_protl *self, struct xk_channel_host *host, struct xk_sessn *lower,
                     const struct mrpc_header *h, struct xk_msg *m);

/* mrpc_server.c */
extern const struct xk_call_ops mrpc_server_ops;
void mrpc_server_got(struct xk_protl *self, struct xk_channel_host *host, struct xk_sessn *lower,
                     const struct mrpc_header *h, struct xk_msg *m);

#endif
