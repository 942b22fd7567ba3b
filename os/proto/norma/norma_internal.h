/* norma_internal.h: private to os/proto/norma/: state and wire image.
 *
 * Bottom to top: norma_link.c packets between two nodes, norma_rights.c rights and messages as they
 * go and come, norma_rpc.c what kernels ask each other, norma_move.c receive rights,
 * norma_kserver.c the threads that answer, norma.c the protocol and the net.
 *
 * Header, 56 bytes, big-endian, fourteen words as struct netipc_hdr has them:
 *   0  type            4  number of the packet, from 1; CTL: 0
 *   8  offset of its data in the message's image      12  1: the first of a message
 *  16  1: the last    20  0    24  0    28  bytes of the image
 *  32  sender         36  control    40  of which number    44  its status    48  its data
 *  52  incarnation of the sender
 * The image is that of os/mach/mach_wire.h; flags: NORMA_MIGRATED.  A receive right's `node` is
 * where it is to be pulled from.
 */
#ifndef OS_PROTO_NORMA_NORMA_INTERNAL_H
#define OS_PROTO_NORMA_NORMA_INTERNAL_H

#include "os/mach/mach_net.h"
#include "os/mach/mach_wire.h"
#include "os/proto/norma/norma.h"
#include "os/xk/map.h"

#define NORMA_HEADER 56
#define NORMA_NODES (1u << 12) /* of a uid; and its numbers */
#define NORMA_LIDS (1u << 20)
#define NORMA_TRANSITS 10000 /* given at a request [ipc_transit.c] */
#define NORMA_KSERVERS 4     /* [ipc_kserver.c] */
#define NORMA_MIGRATED 1     /* a flag of an image */

enum norma_type { NORMA_KMSG = 0xabcdef00u, NORMA_PAGE = 0xabcdef01u, NORMA_CTL = 0xabcdef02u };
enum norma_ctl {
    NORMA_CTL_NONE,
    NORMA_CTL_ACK,
    NORMA_CTL_NACK,
    NORMA_CTL_SYNC,
    NORMA_CTL_QUENCH /* is not used */
};
enum norma_status { NORMA_OK, NORMA_NOT_RECEIVER, NORMA_DEAD };

struct norma_header {
    uint32_t type, seqid, offset, first, last, total;
    uint32_t remote, ctl, ctl_seqid, ctl_status, ctl_data, incarnation;
};
void norma_header_store(uint8_t out[NORMA_HEADER], const struct norma_header *h);
void norma_header_load(struct norma_header *h, const uint8_t in[NORMA_HEADER]);

struct norma_params {
    sim_time tick;
    int64_t page, syncs;
};

/* Messages of one port to one node. */
struct norma_queue {
    struct list link; /* of its peer's queues; in none: it has nothing to send */
    struct list messages;
    struct mach_record *record; /* the proxy; NULL: the kernel's, or what migrates */
    bool once;                  /* it is freed when it is empty */
};
struct norma_msg {
    struct list link;
    struct mach_kmsg *k; /* without rights but its destination */
    struct rope image;
    struct mach_wire_right *rights; /* what it had, destination and reply first */
    uint32_t count;
    struct mach_record *record; /* its queue's, as it leaves that */
};

struct norma_peer {
    uint32_t host;
    struct xk_sessn *sessn;
    uint32_t incarnation; /* 0: not known */
    /* out */
    struct list queues; /* struct norma_queue; of the first the first message is being sent */
    struct norma_queue kernel;
    uint64_t offset; /* of the packet that is out, or next, in its message */
    uint32_t last_sent;
    bool unacked, resend, timing;
    uint32_t ticks, asked; /* SYNCs since the last answer */
    bool has_ctl;
    struct norma_header ctl;
    /* in */
    uint32_t last_received, last_status, last_data;
    struct rope partial;
    struct mach_record *partial_of; /* to which port; NULL: to the kernel */
    uint64_t partial_total;         /* 0: none */
};

/* mach_record.own */
struct norma_own {
    int64_t stransit; /* of a proxy: 0 or less */
    uint32_t dest;    /* of a proxy: where the principal is taken to be */
    struct norma_queue out;
    uint32_t tally;    /* send rights of it that are to leave */
    uint32_t partials; /* messages to it that have come in part */
    bool asking;       /* for transits */
    bool dying;        /* its principal has died; what is under way is told first */
    bool kept;         /* a reference is held: it forwards, or has lent and is dead */
    bool leaving;      /* a principal whose receive right is under way */
    /* a receive right that has come as a uid */
    uint32_t source;
    bool pulling, pulled, discarded;
    struct mach_kmsg *fetcher;
    struct mach_moved moved; /* .messages: the atrium */
    uint32_t moved_lent, moved_onces;
    /* of a principal: nodes that are to hear of its death */
    uint32_t *wants, want_count;
    struct list stalled; /* senders to it wait for transits of others */
};

struct norma_request { /* of another kernel, for a kserver */
    struct list link;
    struct mach_kmsg *k;
};
struct norma_pending { /* of this kernel, until it is answered */
    struct list link;
    uint32_t xid, op;
    struct mach_record *record; /* held */
    struct mach_special_ask *ask;
};

struct norma_state;
struct norma_link_ops { /* what the layers above the link do (norma.c) */
    /* The first packet of a message: who takes it (*to, NULL: the kernel), or why nobody does. */
    enum norma_status (*first)(struct norma_state *st, const struct rope *image,
                               struct mach_record **to, uint32_t *data);
    /* All of it is here. */
    void (*whole)(struct norma_state *st, struct mach_record *to, struct rope *image);
    /* It has been acknowledged whole, or is lost; r: the proxy, or NULL. */
    void (*sent)(struct norma_state *st, struct mach_record *r, struct norma_msg *msg);
    /* The first of q has been refused; q is in no list. */
    void (*refused)(struct norma_state *st, struct norma_queue *q, enum norma_status status,
                    uint32_t data);
};

struct norma_state {
    const struct norma_params *params;
    const struct norma_link_ops *above;
    struct xk_protl *self;
    struct mach *m;      /* NULL: the service is not here */
    uint64_t page;       /* bytes of an image in a packet */
    struct xk_map peers; /* host -> struct norma_peer */
    struct port_timer timer;
    uint32_t next_lid, next_xid;
    struct list pending, requests, stalled;
    struct list idle;      /* of kservers: struct norma_kserver */
    struct list suspended; /* that wait inside a request */
    uint32_t kservers;
    bool panicked;
    struct {
        uint64_t messages, kmsgs, pages, controls, syncs, nacks, resends, retargets, dead;
        uint64_t kernel, transits, pulls, migrated, no_locals, lost, stale, bad;
    } counts;
};

/* This node's IPC ends, as the original's kernel does. */
void norma_panic(struct norma_state *st, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- norma_link.c ---- */
struct norma_peer *norma_peer(struct norma_state *st, uint32_t host);
void norma_queue_init(struct norma_queue *q, struct mach_record *r);
/* The queue, which has messages, is among those of that node. */
void norma_enqueue(struct norma_state *st, uint32_t host, struct norma_queue *q);
void norma_demux(struct norma_state *st, uint32_t host, struct xk_msg *m);
void norma_pump(struct norma_state *st, struct norma_peer *p);
void norma_tick(struct port_timer *t);
/* Is one of its messages out, unanswered? */
bool norma_in_flight(struct norma_state *st, const struct norma_queue *q);

/* ---- norma_rights.c ---- */
/* Its record, or a new proxy, with a reference of the caller's. */
struct mach_record *norma_record(struct norma_state *st, uint64_t uid, uint32_t dest);
static inline struct norma_own *norma_own(const struct mach_record *r)
{
    return r->own;
}
/* Have the proxies enough transits for the send rights of k?  Of those that have not `lacks` is
 * called, each once. */
bool norma_enough(struct mach_kmsg *const *k, uint32_t count,
                  void (*lacks)(void *arg, struct mach_record *r), void *arg);
/* k, whose rights leave this node, as a message to uid. */
struct norma_msg *norma_convert(struct norma_state *st, struct mach_kmsg *k, uint64_t uid,
                                enum mach_held_kind kind, uint16_t flags);
/* Its rights are k's again. */
struct mach_kmsg *norma_revert(struct norma_state *st, struct norma_msg *msg);
/* It has been sent: nothing of it is left. */
void norma_msg_done(struct norma_state *st, struct norma_msg *msg);
/* Gives a message that came its rights. */
void norma_fill(struct norma_state *st, struct mach_wire *w);
/* A right of a principal has come home as a destination. */
void norma_once_home(struct norma_state *st, struct mach_record *r);
/* Dead, and nothing of it is anywhere: it is forgotten. */
void norma_forget(struct mach_record *r);
/* The principal of a proxy has died. */
void norma_kill(struct norma_state *st, struct mach_record *r);
/* The node has become the principal: what waited at the proxy comes behind what is there. */
void norma_absorb(struct norma_state *st, struct mach_record *r);
/* Sends what waits at a proxy to where its principal is taken to be. */
void norma_send_on(struct norma_state *st, struct mach_record *r);

/* ---- norma_rpc.c ---- */
enum norma_op {
    NORMA_PULL_RECEIVE = 556004, /* numbers of norma_internal.defs; replies: + 100 */
    NORMA_NO_LOCAL_SENDERS,
    NORMA_STRANSIT_REQUEST,
    NORMA_NODE_DNREQUEST = 556020, /* ASSUMED(their numbers are not known) */
    NORMA_NODE_DNNOTIFY,
    NORMA_GET_SPECIAL,
    NORMA_REPLY = 100
};
#define NORMA_WORDS 12
/* So many words for the kernel of a node, with rights, which are taken. */
struct norma_msg *norma_kernel_msg(struct norma_state *st, uint32_t host, uint32_t op,
                                   const uint32_t *words, uint32_t count,
                                   const struct mach_held *rights, uint32_t right_count);
/* Sends them. */
void norma_tell(struct norma_state *st, uint32_t host, uint32_t op, const uint32_t *words,
                uint32_t count, struct mach_held *rights, uint32_t right_count);
/* The words of a message that came, at most `most`; how many there are. */
uint32_t norma_words(const struct mach_kmsg *k, uint32_t *words, uint32_t most);
/* The same, and notes who waits for the answer: words begin with number and node of the asker. */
void norma_ask(struct norma_state *st, uint32_t host, uint32_t op, struct mach_record *r,
               uint32_t word, struct mach_special_ask *ask);
/* Takes the one of that number, or NULL. */
struct norma_pending *norma_answered(struct norma_state *st, uint32_t xid, uint32_t op);
/* Fetches transits for a proxy. */
void norma_want_transits(struct norma_state *st, struct mach_record *r);
/* They have come, or (answer 1) its principal is dead, or (2) the node does not know it. */
void norma_got_transits(struct norma_state *st, struct mach_record *r, uint32_t answer, uint32_t n);
/* Gives back what a proxy without send rights owes. */
void norma_no_local_senders(struct norma_state *st, struct mach_record *r);
/* May k go?  Asks for the transits that are missing. */
bool norma_may_send(struct norma_state *st, struct mach_kmsg *const *k, uint32_t count);
static inline uint32_t norma_uid(uint64_t uid) /* in 32 bits */
{
    return mach_uid_node(uid) << 20 | mach_uid_number(uid);
}
static inline uint64_t norma_uid64(uint32_t uid) /* and back */
{
    return MACH_UID(uid >> 20, uid & (NORMA_LIDS - 1));
}

/* ---- norma_move.c ---- */
/* A thread waits for the receive rights of k: the next of them, or it goes on. */
void norma_fetch(struct norma_state *st, struct mach_kmsg *k);
void norma_discard(struct norma_state *st, struct mach_record *r);
/* The old node has answered: words and rights of its message. */
void norma_pulled(struct norma_state *st, struct mach_record *r, struct mach_kmsg *k);
/* Nothing of the proxy is under way any more: the pull may end. */
void norma_pull_end(struct norma_state *st, struct mach_record *r);
/* At the old node: all has been prepared, the right goes. */
void norma_give_up(struct norma_state *st, struct mach_record *r, uint32_t to, uint32_t xid);
void norma_wants_add(struct norma_state *st, struct mach_record *r, uint32_t node);

/* ---- norma_kserver.c ---- */
void norma_serve(struct norma_state *st, struct mach_kmsg *k);
/* What kservers wait for may have come. */
void norma_resume(struct norma_state *st);

#endif
