/* nx_internal.h: private to os/nx/: wire header, peers, messages and operations.
 *
 * Life of a message.  Sender: an op stands in its peer's `outgoing` queue; when it is the first its
 * message is pushed; RDM cuts it and sends what credit and lower layers allow; it is done when RDM
 * says that it has gone.  Receiver: the first piece makes an nx_inbound, which is matched to a
 * posted receive or waits in `unexpected`; each piece adds to it; with the last one the receive is
 * done.
 *
 *   NXI1  What a peer has sent is given back to RDM when it is in a receive or dropped; what an
 *       nx_inbound has buffered is `held`.
 *   NXI2  Messages of programs and those of global operations have a session and a credit each.
 *   NXI3  A posted receive fits no message in `unexpected`.
 *   NXI4  Pieces of one message follow each other; messages of one peer do not interleave.
 *   NXI5  At the end of a peer's life what it had not sent whole is dropped, and nothing that it
 *       has sent is held any more.
 */
#ifndef OS_NX_NX_INTERNAL_H
#define OS_NX_NX_INTERNAL_H

#include "os/nx/nx.h"
#include "os/xk/map.h"
#include "os/xk/peers.h"
#include "os/xk/pieces.h"

/* Wire header, big-endian, in front of the message:
 *   0 run u32, 4 source rank u32, 8 type u64, 16 length of the message u64 */
#define NX_HEADER 24

struct nx_header {
    uint32_t run, source;
    uint64_t type, length;
};
void nx_header_store(uint8_t out[NX_HEADER], const struct nx_header *h);
void nx_header_load(const uint8_t in[NX_HEADER], struct nx_header *h);

/* What is copied between programs and the library's buffers. */
enum nx_copies { NX_COPY_UNEXPECTED, NX_COPY_RECEIVED, NX_COPY_ALL };

struct nx_params {
    int64_t grant;
    bool offload;
    bool trap;
    int copies; /* enum nx_copies */
};

struct nx_inbound;

/* Hangs on its session below, too. */
struct nx_peer {
    struct list link; /* in nx.offloaded or in itself */
    uint32_t rank;
    bool system; /* for the messages of global operations: the session with key 1 */
    bool pushed; /* the first of outgoing is with RDM */
    struct xk_sessn *sessn;
    struct list outgoing;       /* struct nx_op */
    struct nx_inbound *partial; /* the message whose pieces are coming in */
};

enum nx_op_kind { NX_OP_SEND, NX_OP_RECEIVE };

struct nx_op {
    struct list link; /* outgoing, posted or handled; else in itself */
    struct nx *nx;
    enum nx_op_kind kind;
    uint64_t number; /* of the node's operations, for traces */
    bool done, ignored, system;
    struct nx_info info;
    struct port_thread *waiter;
    /* send */
    struct nx_peer *peer;
    struct rope data; /* receive: what came */
    /* receive */
    int64_t typesel;
    uint32_t source; /* NX_NO_NODE: any */
    uint64_t max;
    bool taken;      /* matched */
    uint32_t logged; /* place in the log, and 1; 0: none */
    void (*fn)(void *arg, const struct nx_info *info, struct rope *data);
    void *arg;
};

struct nx_inbound {
    struct list link; /* in nx.unexpected; else in itself */
    struct nx_peer *peer;
    struct xk_sessn *sessn; /* that it comes by; there while something is held */
    int64_t type;
    bool dropped;
    uint64_t length, got;
    uint64_t held;    /* bytes of RDM's credit that it has buffered */
    struct nx_op *op; /* the receive that it fills; NULL: none yet */
    struct rope data; /* while it has no op */
};

/* What the call that was announced has sent and received so far (NX8). */
struct nx_log {
    bool on;              /* it is in that call */
    bool loaded;          /* of a call that is to be made again */
    uint64_t collective;  /* nx.collective when it began */
    uint32_t sends, sent; /* made in all; by this call */
    uint32_t receives;    /* asked for by this call */
    uint32_t count, room; /* entries of got */
    struct nx_logged {
        bool done;
        struct nx_info info;
        struct rope data;
    } * got;
};

struct nx {
    struct port *port;
    struct os_node *os; /* NULL: nobody saves its program */
    struct xk_protl *protl;
    const struct nx_params *params;
    const uint32_t *nodes;
    uint32_t count, rank;
    struct xk_map peers;    /* by rank, and system */
    struct list offloaded;  /* peers with something that an upcall is to push, in order */
    struct list posted;     /* receives, oldest first */
    struct list unexpected; /* messages, in order of arrival */
    struct list handled;    /* receives that are done and whose handler is to be called */
    struct list probes;     /* threads in cprobe */
    struct list orphans;    /* operations of a program that is to be ended, or is gone */
    struct port_timer work; /* upcall: pushes and handlers */
    bool bereaved;          /* NX7: a member has died, and the program has not gone on without */
    bool broken;            /* the same, for global operations: for good */
    bool quiet;             /* nothing is sent */
    uint32_t run;           /* of the job: messages of others are dropped */
    struct nx_log log;
    struct nx_info info;
    uint64_t collective; /* global operations so far */
    uint64_t ops;        /* operations so far */
    struct {
        uint64_t sent, received, unexpected, dropped, sent_bytes, copied_bytes, straight_bytes;
    } counts;
};

/* nx.c */
struct nx_peer *nx_peer_of(struct nx *n, uint32_t rank, bool system); /* made when new */
/* The peer of a session below, if its rank is on that node; else NULL. */
struct nx_peer *nx_peer_at(const struct nx *n, const struct xk_sessn *lower);
void nx_hold(struct nx *n, struct xk_sessn *s); /* tells RDM so, of a session of ours */
void nx_work_later(struct nx *n);

/* Somebody keeps the program. */
static inline bool nx_kept(const struct nx *n)
{
    return n->os && n->os->keeper;
}

/* nx_save.c */
bool nx_enter(struct nx *n); /* a call of the program begins; true: it is the announced one, */
void nx_leave(struct nx *n, bool announced); /* and ends (blocks) */
/* The log: has this been sent, or received, before?  Then the operation has ended. */
bool nx_log_sent(struct nx *n);
bool nx_log_received(struct nx *n, struct nx_op *op);
void nx_log_done(struct nx_op *op); /* a receive of the log has ended */

/* nx_op.c */
struct nx_op *nx_op_new(struct nx *n, enum nx_op_kind kind);
void nx_op_done(struct nx_op *op, enum nx_status status);
void nx_op_free(struct nx_op *op);
void nx_op_trace(const struct nx_op *op, /* its span begins or ends */
                 void (*mark)(struct port *, const char *, const char *, uint64_t));

void nx_copied(struct nx *n, uint64_t bytes); /* names the copy and counts it */

/* nx_send.c */
struct nx_op *nx_send(struct nx *n, bool system, int64_t type, struct rope *data, uint32_t rank);
void nx_peer_pump(struct nx *n, struct nx_peer *p); /* pushes what may be pushed */
void nx_pump_offloaded(struct nx *n);
void nx_peer_fail_sends(struct nx_peer *p);

/* nx_recv.c */
/* A message has begun to come: it is matched.  data (NULL: none yet): it is whole. */
void nx_message(struct nx *n, struct nx_peer *p, const struct nx_header *h, struct rope *data);
void nx_forget(struct nx *n, struct nx_inbound *in);
struct nx_op *nx_receive(struct nx *n, bool system, int64_t typesel, uint32_t source, uint64_t max);
void nx_arrive(struct nx *n, struct xk_sessn *lower, struct xk_msg *m);
/* Its last message does not come whole. */
void nx_peer_drop_partial(struct nx *n, struct nx_peer *p);
void nx_peer_holds_nothing(struct nx *n, const struct nx_peer *p); /* NXI5 */
void nx_member_died(struct nx *n);                                 /* NX7 */

#endif
