/* nx_internal.h: private to os/nx/: wire header, peers, messages and operations.
 *
 * Life of a message.  Sender: an op stands in its peer's `outgoing` queue; pump cuts it into
 * segments and pushes them as far as grant and lower layers allow; it is done when the last segment
 * is pushed.  Receiver: the first segment makes an nx_inbound, which is matched to a posted receive
 * or waits in `unexpected`; each segment adds to it; with the last one the receive is done.
 *
 *   NXI1  peer->credit is what the peer has granted and this node has not used: never below 0.
 *   NXI2  Bytes granted = credit at the sender + segments on their way + buffered at the receiver +
 *       owed by the receiver + grants on their way.
 *   NXI3  A posted receive fits no message in `unexpected`.
 *   NXI4  Segments of one message follow each other; messages of one peer do not interleave.
 *   NXI5  What another life of either node sent is dropped; both sides then start with a full
 *       grant.
 */
#ifndef OS_NX_NX_INTERNAL_H
#define OS_NX_NX_INTERNAL_H

#include "os/nx/nx.h"
#include "os/xk/map.h"
#include "os/xk/peers.h"

/* Wire header, big-endian:
 *   0 kind u8, 1 flags u8, 2 zero u16, 4 source rank u32, 8 zero u32, 12 type u64, 20 length u64
 * length: FIRST the whole message, MORE where this segment belongs, GRANT bytes granted.  QUIT: the
 * rest of the message does not come. */
#define NX_HEADER 28
#define NX_ROOM 32 /* that a segment without data takes of a grant: it and what stands below */

enum nx_kind { NX_FIRST = 1, NX_MORE, NX_GRANT, NX_QUIT };
enum { NX_FLAG_SYSTEM = 1 }; /* of a global operation: selected by type and source */

struct nx_header {
    uint8_t kind, flags;
    uint32_t source;
    uint64_t type, length;
};
void nx_header_store(uint8_t out[NX_HEADER], const struct nx_header *h);
/* False: not one of ours. */
bool nx_header_load(const uint8_t in[NX_HEADER], struct nx_header *h) MUST_CHECK;

/* What is copied between programs and the library's buffers. */
enum nx_copies { NX_COPY_UNEXPECTED, NX_COPY_RECEIVED, NX_COPY_ALL };

struct nx_params {
    int64_t grant;
    bool offload;
    bool trap;
    int copies; /* enum nx_copies */
};

struct nx_inbound;

struct nx_peer {
    struct list link; /* in nx.waiting or in itself */
    uint32_t rank;
    struct xk_sessn *sessn;
    uint64_t credit;
    struct list outgoing;       /* struct nx_op */
    struct nx_inbound *partial; /* the message whose segments are coming in */
    uint64_t owed;              /* grant to be given back */
    bool quit;                  /* a message that was begun is given up: the peer is told */
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
    uint64_t sent;
    bool started, stalled;
    /* receive */
    int64_t typesel;
    uint32_t source; /* NX_NO_NODE: any */
    uint64_t max;
    bool taken; /* matched */
    void (*fn)(void *arg, const struct nx_info *info, struct rope *data);
    void *arg;
};

struct nx_inbound {
    struct list link; /* in nx.unexpected; else in itself */
    struct nx_peer *peer;
    int64_t type;
    bool system, dropped;
    uint64_t length, got;
    uint64_t held;    /* grant that its buffered segments use */
    struct nx_op *op; /* the receive that it fills; NULL: none yet */
    struct rope data; /* while it has no op */
};

struct nx {
    struct port *port;
    struct xk_protl *protl;
    const struct nx_params *params;
    const uint32_t *nodes;
    uint32_t count, rank;
    uint64_t segment; /* most data in one push */
    uint64_t grant;
    struct xk_map peers;    /* by rank */
    struct list waiting;    /* peers with something to push, in order */
    struct list posted;     /* receives, oldest first */
    struct list unexpected; /* messages, in order of arrival */
    struct list handled;    /* receives that are done and whose handler is to be called */
    struct list probes;     /* threads in cprobe */
    struct port_timer work; /* upcall: pushes and handlers */
    bool bereaved;          /* NX7: a member has died, and the program has not gone on without */
    bool broken;            /* the same, for global operations: for good */
    struct nx_info info;
    uint64_t collective; /* global operations so far */
    uint64_t ops;        /* operations so far */
    struct {
        uint64_t sent, received, unexpected, dropped, sent_bytes, copied_bytes, grants, stalled;
    } counts;
};

/* nx.c */
struct nx_peer *nx_peer_of(struct nx *n, uint32_t rank); /* made when new */
void nx_work_later(struct nx *n);

/* nx_op.c */
struct nx_op *nx_op_new(struct nx *n, enum nx_op_kind kind);
void nx_op_done(struct nx_op *op, enum nx_status status);
void nx_op_trace(const struct nx_op *op, /* its span begins or ends */
                 void (*mark)(struct port *, const char *, const char *, uint64_t));

void nx_copied(struct nx *n, uint64_t bytes); /* names the copy and counts it */

/* nx_send.c */
struct nx_op *nx_send(struct nx *n, bool system, int64_t type, struct rope *data, uint32_t rank);
void nx_peer_pump(struct nx *n, struct nx_peer *p); /* pushes what may be pushed */
void nx_pump_all(struct nx *n);
void nx_peer_fail_sends(struct nx_peer *p);
void nx_peer_owe(struct nx *n, struct nx_peer *p, uint64_t bytes);

/* nx_recv.c */
struct nx_op *nx_receive(struct nx *n, bool system, int64_t typesel, uint32_t source, uint64_t max);
void nx_arrive(struct nx *n, struct nx_peer *p, const struct nx_header *h, struct xk_msg *m);
/* Gives back what it has used. */
void nx_peer_drop_partial(struct nx *n, struct nx_peer *p);
void nx_member_died(struct nx *n); /* NX7 */

#endif
