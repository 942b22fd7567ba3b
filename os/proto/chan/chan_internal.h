/* chan_internal.h: private to os/proto/chan/: state and wire image.
 *
 * Header, 24 bytes, big-endian:
 *   0  u16  channel: the client's number of it
 *   2  u8   flags
 *   3  u8   0
 *   4  u32  relative number of the upper protocol
 *   8  u32  sequence number of the call
 *  12  u32  length of what follows
 *  16  u32  incarnation of the sender
 *  20  u32  incarnation that the sender believes the receiver to have; 0: unknown
 *
 * Client         guarantee                                    event -> next
 *   FREE         no call                                      push -> WAIT
 *   WAIT         one call, its request sent or stalled        reply, failure -> FREE
 * Server
 *   EXECUTE      the upper has the request                    push -> REPLYING or WAIT or DONE
 *   REPLYING     the reply waits for the layer below          ready -> WAIT or DONE
 *   WAIT         the reply is kept for a client that lost it  new call, ack, no more tries -> DONE
 *   DONE         the slot has forgotten it, but for its number
 */
#ifndef OS_PROTO_CHAN_CHAN_INTERNAL_H
#define OS_PROTO_CHAN_CHAN_INTERNAL_H

#include "os/proto/chan/chan.h"
#include "os/xk/channels.h"

#define CHAN_HEADER 24

enum chan_flags {
    CHAN_FROM_CLIENT = 1,
    CHAN_USER_MSG = 2,
    CHAN_ACK_REQUESTED = 4,
    CHAN_NEGATIVE_ACK = 8, /* I have not got it: send the data */
    CHAN_GONE = 16,        /* it was sent to a past incarnation, or its reply is forgotten */
    CHAN_REFUSED = 32      /* nobody has enabled this here */
};

struct chan_header {
    uint16_t id;
    uint8_t flags;
    uint32_t protocol, seq, length;
    uint32_t src_incarnation, dst_incarnation;
};
_Static_assert(CHAN_HEADER == 2 + 1 + 1 + 4 + 4 + 4 + 4 + 4, "the wire image of CHAN's header");

struct chan_params {
    sim_time client_wait, server_wait, wait_max;
    int64_t tries;
};

enum chan_client_state { CHAN_FREE, CHAN_WAIT };
struct chan_client {
    struct xk_call call; /* first */
    enum chan_client_state state;
    bool has_request; /* `request` holds the data: not sent yet, or kept for sending again */
    bool sent;
    struct rope request;
};

enum chan_server_state { CHAN_EXECUTE, CHAN_REPLYING, CHAN_WAIT_ACK, CHAN_DONE };
struct chan_server {
    struct xk_call call; /* first */
    enum chan_server_state state;
    uint32_t client_incarnation;
    struct rope reply;
};

struct chan_state {
    struct xk_channels channels; /* first */
    const struct chan_params *params;
    struct {
        uint64_t calls, replies, failures, requests, probes, resent, replies_resent, duplicates,
            controls, unready, stale, bad, nobody, closed;
    } counts;
};

/* chan.c */
/* Sends a header and the data of m on `down`; the message is left as it was when not XK_OK. */
enum xk_status chan_send(struct xk_protl *self, struct xk_sessn *down, struct chan_header *h,
                         struct rope *data);
/* The answer to what came with `h`. */
void chan_answer(struct xk_protl *self, struct xk_sessn *lower, const struct chan_header *h,
                 uint8_t flags);

/* chan_client.c */
extern const struct xk_call_ops chan_client_ops;
struct xk_sessn *chan_client_open(struct xk_protl *self, struct xk_protl *upper,
                                  struct xk_parts peer, enum xk_status *why);
void chan_client_got(struct xk_protl *self, struct xk_channel_host *host, struct xk_sessn *lower,
                     const struct chan_header *h, struct xk_msg *m);

/* chan_server.c */
extern const struct xk_call_ops chan_server_ops;
void chan_server_got(struct xk_protl *self, struct xk_channel_host *host, struct xk_sessn *lower,
                     const struct chan_header *h, struct xk_msg *m);

#endif
