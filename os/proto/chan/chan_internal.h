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
#include "os/xk/map.h"
#include "os/xk/peers.h"

#define CHAN_HEADER 24
#define CHAN_IDS_MAX 1024 /* channels between two hosts, each way */

enum chan_flags {
    CHAN_FROM_CLIENT = 1,
    CHAN_USER_MSG = 2,
    CHAN_ACK_REQUESTED = 4,
    CHAN_NEGATIVE_ACK = 8, /* I have not got it: send the data */
    CHAN_GONE = 16,        /* it was sent to a past incarnation, or its reply is forgotten */
    CHAN_REFUSED = 32      /* nobody has enabled this here */
};

/* Of a call in a trace: the same at both ends. */
static inline uint64_t chan_trace_id(uint32_t client, uint32_t server, uint32_t seq)
{
    return (uint64_t)client << 48 | (uint64_t)(server & 0xffff) << 32 | seq;
}

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

/* What this node must remember of another, in both roles; stays when all sessions are closed. */
struct chan_slot {
    uint32_t seq; /* of the last request given to the upper; 0: none */
    struct xk_sessn *active;
};
struct chan_host {
    uint32_t host;
    uint32_t seq; /* of our last call there */
    uint16_t slot_count, client_count;
    struct chan_slot *slots;   /* server: by channel */
    struct xk_sessn **clients; /* client: by channel; NULL: free number */
};

enum chan_stalled_kind { CHAN_STALLED_CLIENT, CHAN_STALLED_SERVER, CHAN_STALLED_ANSWER };
struct chan_stalled {
    struct list link; /* in chan_state.stalled while the layer below is busy */
    enum chan_stalled_kind kind;
};
struct chan_answer {             /* a header that must not be lost, since nobody asks again */
    struct chan_stalled stalled; /* first */
    struct xk_sessn *down;       /* counted */
    struct chan_header header;
};

enum chan_client_state { CHAN_FREE, CHAN_WAIT };
struct chan_client {
    struct chan_stalled stalled; /* first */
    struct chan_host *host;
    enum chan_client_state state;
    uint16_t id;
    bool has_request; /* `request` holds the data: not sent yet, or kept for sending again */
    bool sent;
    uint32_t seq;
    int64_t tries;
    sim_time wait;
    struct rope request;
    struct port_timer timer;
};

enum chan_server_state { CHAN_EXECUTE, CHAN_REPLYING, CHAN_WAIT_ACK, CHAN_DONE };
struct chan_server {
    struct chan_stalled stalled; /* first */
    struct chan_host *host;
    enum chan_server_state state;
    uint16_t id;
    uint32_t seq;
    uint32_t client_incarnation;
    int64_t tries;
    sim_time wait;
    struct rope reply;
    struct port_timer timer;
};

struct chan_state {
    const struct chan_params *params;
    bool reliable;
    uint32_t incarnation;
    struct xk_map hosts;
    struct list stalled; /* of chan_stalled, in order */
    struct {
        uint64_t calls, replies, failures, requests, probes, resent, replies_resent, duplicates,
            controls, unready, stale, bad, nobody, closed;
    } counts;
};

/* chan.c */
struct chan_host *chan_host_get(struct xk_protl *self, uint32_t host);
/* Sends a header and the data of m on `down`; the message is left as it was when not XK_OK. */
enum xk_status chan_send(struct xk_protl *self, struct xk_sessn *down, struct chan_header *h,
                         struct rope *data);
void chan_timer_set(struct xk_protl *self, struct port_timer *t, sim_time delay);
void chan_stall(struct chan_state *st, struct chan_stalled *x);

/* chan_client.c */
struct xk_sessn *chan_client_open(struct xk_protl *self, struct xk_protl *upper,
                                  struct xk_parts peer, enum xk_status *why);
void chan_client_got(struct xk_protl *self, struct chan_host *host, struct xk_sessn *lower,
                     const struct chan_header *h, struct xk_msg *m);
void chan_client_ready(struct chan_client *c);
/* Ends the calls to a host that are out now. */
void chan_client_fail_all(struct xk_protl *self, struct chan_host *host, enum xk_status why);

/* chan_server.c */
void chan_server_got(struct xk_protl *self, struct chan_host *host, struct xk_sessn *lower,
                     const struct chan_header *h, struct xk_msg *m);
void chan_server_ready(struct chan_server *s);
/* A client host has crashed: what it asked for is of no use any more. */
void chan_server_forget(struct xk_protl *self, struct chan_host *host);
void chan_answer_ready(struct xk_protl *self, struct chan_answer *a);
void chan_server_answer(struct xk_protl *self, struct xk_sessn *lower, const struct chan_header *h,
                        uint8_t flags);

#endif
