/* channels.h: channels between two hosts: what protocols of request and reply have in common.
 *
 * A client's session is a channel to a host, by its own number, and carries one call at a time; a
 * call is named by its host, channel and sequence number, which rises with each call there.  The
 * server remembers of each channel the number of its newest call, and the session of that while it
 * is not over: a request that is older or the same is not executed again.  Sequence numbers are
 * not 0.  Messages, and when which is sent, are the protocol's.
 *
 *   CHNL1  A slot's seq is the highest number of a request of its channel that was accepted; it
 *       rises only.  It is all that an idle channel costs.
 *   CHNL2  A slot has at most one active session; the protocol holds one reference to it.
 *
 * Who calls it: CHAN and M.RPC.  The state of the protocol begins with struct xk_channels, that of
 * each session with struct xk_call.  Memory is the heap of the task of `self`.
 */
#ifndef OS_XK_CHANNELS_H
#define OS_XK_CHANNELS_H

#include "os/xk/map.h"
#include "os/xk/peers.h"
#include "os/xk/xobj.h"

#define XK_CHANNELS 1024 /* between two hosts, each way */

/* What this node must remember of another, in both roles; stays when all sessions are closed. */
struct xk_channel_slot {
    uint32_t seq; /* CHNL1; 0: none */
    struct xk_sessn *active;
};
struct xk_channel_host {
    uint32_t host;
    uint32_t seq; /* of our last call there */
    uint16_t slot_count, client_count;
    struct xk_channel_slot *slots; /* server: by channel */
    struct xk_sessn **clients;     /* client: by channel; NULL: free number */
};

struct xk_unsent {
    struct list link; /* in xk_channels.unsent while the layer below is busy */
    void (*send)(void *unsent);
};

struct xk_call {
    struct xk_unsent unsent; /* first */
    struct xk_channel_host *host;
    uint16_t channel;
    bool served; /* the server's */
    uint32_t seq;
    int64_t tries; /* unanswered questions */
    sim_time wait; /* until the next */
    struct port_timer timer;
};

/* The sessions of one role. */
struct xk_call_ops {
    struct xk_sessn_ops sessn;
    size_t size;                                  /* of the state */
    void (*send)(void *call);                     /* the layer below has room again */
    void (*timed_out)(struct port_timer *t);      /* arg: the call */
    void (*fail)(void *call, enum xk_status why); /* client: ends the call, if one is out */
    void (*done)(void *call);                     /* server: the call is over: xk_call_done */
};

struct xk_channels {
    const struct xk_call_ops *client, *server;
    bool reliable; /* below: nothing is kept, no timer is set */
    uint32_t life; /* this node's */
    struct xk_map hosts;
    struct list unsent; /* in order */
};

/* For ops->init; enables the layer below.  When the life of a host ends all that it asked for is
 * done with, and the calls that are out there fail: XK_RESTARTED if a newer life is known. */
enum xk_status xk_channels_init(struct xk_protl *self, const struct xk_call_ops *client,
                                const struct xk_call_ops *server);
/* For ops->ready. */
void xk_channels_ready(struct xk_protl *self, struct xk_sessn *lower);
/* The record of a host; made if there is none. */
struct xk_channel_host *xk_channels_host(struct xk_protl *self, uint32_t host);
/* Sends it when the layer below is ready. */
void xk_channels_stall(struct xk_protl *self, struct xk_unsent *u);
/* Sends a header alone, which is not lost over a layer that loses nothing: nobody asks again. */
void xk_channels_answer(struct xk_protl *self, struct xk_sessn *down, const uint8_t *header);

/* ---- clients ---- */

/* A session with a number of its own; for ops->open.  XK_BUSY: all are taken. */
struct xk_sessn *xk_channels_open(struct xk_protl *self, struct xk_protl *upper,
                                  struct xk_parts peer, enum xk_status *why);
/* Gives the number back and frees the session, on which no call is out. */
void xk_channels_close(struct xk_sessn *s);
/* The client of that number, or NULL. */
static inline void *xk_channels_client(const struct xk_channel_host *h, uint16_t channel)
{
    return channel < h->client_count && h->clients[channel] ? h->clients[channel]->state : NULL;
}
/* The session begins a call with the next number, and may be answered `wait` long.  Not XK_OK: it
 * cannot be made. */
enum xk_status xk_call_begin(struct xk_sessn *s, const struct xk_msg *m, sim_time wait);
/* Is it the first call to a host that may lose it?  Then its life must be known before, else a
 * server that restarts between two copies would execute both. */
bool xk_call_first(const struct xk_sessn *s);

/* ---- servers ---- */

/* Is the request newer than what the channel's slot knows (above 0), the same (0), or older? */
static inline int32_t xk_channels_age(const struct xk_channel_host *h, uint16_t channel,
                                      uint32_t seq)
{
    uint32_t last = channel < h->slot_count ? h->slots[channel].seq : 0;
    return last ? (int32_t)(seq - last) : 1;
}
/* A session for a request that is newer. */
struct xk_sessn *xk_channels_accept(struct xk_protl *self, struct xk_channel_host *host,
                                    struct xk_sessn *lower, struct xk_protl *upper,
                                    uint16_t channel, uint32_t seq);
/* The slot forgets the session: the last thing that is done with it. */
void xk_call_done(struct xk_call *c);

/* ---- both ---- */

/* Nothing of it is sent or asked any more. */
void xk_call_stop(struct xk_call *c);
/* Sets its timer for `wait`. */
void xk_call_timer(struct xk_call *c);
/* Its timer has run out: counts a question, the wait for the next is doubled.  False: there were
 * `tries`. */
bool xk_call_ask(struct xk_call *c, int64_t tries, sim_time wait_max);
/* Marks it in a trace by port_trace_begin or port_trace_end: by the same id at both ends. */
void xk_call_trace(const struct xk_call *c,
                   void (*mark)(struct port *, const char *, const char *, uint64_t));

#endif
