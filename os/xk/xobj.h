/* xobj.h: x-kernel objects: protocols and sessions, and the uniform protocol interface.
 *
 * A protocol instance sits in a graph (graph.h) above the instances that it uses.  A session is one
 * conversation of an instance with a peer.  Messages go down by push and up by demux, by procedure
 * call, in one piece of code per message (an upcall or a thread). Names and rules: [Hutchinson &
 * Peterson 1991; x-kernel 3.2 programmer's manual].
 *
 *   XK1  push never blocks. XK_BUSY means that a bounded queue is full; `ready` of the upper
 *       protocol is called once there is room.
 *   XK2  A session lives while references to it are held (xk_open gives one, xk_close drops one);
 *       an idle session with none is cached and reclaimed by its protocol.
 *   XK3  demux owns the message it is given: it keeps it (xk_msg_move) or leaves it to the caller
 *       to finish.
 *   XK4  Crossing from an instance into one of another protection domain is named to the port by
 *       the framework (PORT_WORK_CROSS, domain.h), and each pass through a layer too
 *       (PORT_WORK_LAYER; of a virtual protocol PORT_WORK_CHOICE): protocols name only what is
 *       special to them.  A `joined` protocol and who stands on it are one layer: a header a frame.
 *       On a little-endian node the words of the header that the upper has put before the message,
 *       or will read, are swapped (PORT_WORK_SWAP).
 */
#ifndef OS_XK_XOBJ_H
#define OS_XK_XOBJ_H

#include "os/port.h"
#include "os/xk/msg.h"
#include "os/xk/parts.h"
#include "sim/base/kind.h"

struct mach_net_ops;  /* os/mach/mach_net.h */
struct xk_pieces_ops; /* os/xk/pieces.h */
struct xk_kernel;     /* the x-kernel of one node: its port and its protocol instances */
struct xk_protl;
struct xk_sessn;

enum xk_status {
    XK_OK,
    XK_BUSY,        /* bounded queue full: try again when ready is called */
    XK_TOO_LONG,    /* longer than this path carries */
    XK_NO_PEER,     /* address does not exist */
    XK_UNREACHABLE, /* peer known to be dead, or gave no answer in time */
    XK_REFUSED,     /* nobody has enabled this at the peer, or what is below cannot do it */
    XK_CLOSED,      /* session or protocol is gone */
    XK_RESTARTED,   /* peer crashed and came back meanwhile: done once or never */
    XK_IN_USE,      /* somebody has this address already */
    XK_NO_PORT,     /* all that might be given are taken */
    XK_RESET,       /* the peer has broken the connection off */
    XK_STATUS_COUNT
};
const char *xk_status_name(enum xk_status s); /* in words; static */

/* Typed control operations. */
enum xk_control_op {
    XK_GET_OPT_PACKET, /* u64: largest that goes without fragmentation */
    XK_GET_PEER_HOST,  /* u64 */
    XK_GET_MY_HOST,    /* u64 */
    XK_FREE_RESOURCES, /* drop caches; u64: sessions dropped */
    /* Of ARP, IP and what stands on them (os/proto/ip/ip.h says when each is answered). */
    XK_GET_MY_ADDRESS,     /* u64: of a session: that its peer knows; else of the instance */
    XK_GET_PEER_ADDRESS,   /* u64: of a session */
    XK_GET_TARGET_ADDRESS, /* in demux: u64: where it was sent to: this node's, or all */
    XK_SET_DONT_FRAGMENT,  /* u64: of a session, from now on: 1: what it sends goes whole or not */
    XK_SEND_UNREACHABLE,   /* in demux: the sender is told, with this code of ICMP in u64 */
    XK_GET_ERROR,          /* in `failed`: u64: type * 256 + code of the ICMP error */
    XK_GET_QUOTED,         /* in `failed`: u64: the first eight octets of what it is about */
    XK_TAKE_LOST,          /* in `failed` of a session of ARP: `msg`: one that was kept on it */
    XK_GET_MY_PORT,        /* of a session of UDP or TCP: u64: this end's */
    XK_GET_PEER_PORT,      /* and the other's */
    /* Of a session of TCP (os/proto/tcp/tcp.h). */
    XK_TCP_FINISH,
    XK_TCP_ABORT,
    XK_TCP_HOLD,
    XK_TCP_CONSUMED,       /* u64 */
    XK_TCP_NODELAY,        /* u64: 0 or 1 */
    XK_TCP_USER_TIMEOUT,   /* u64 */
    XK_TCP_URGENT,         /* u64 */
    XK_TCP_GET_URGENT,     /* u64 */
    XK_TCP_GET_UNACKED,    /* u64 */
    XK_TCP_GET_ROOM,       /* u64 */
    XK_TCP_KEEPALIVE,      /* u64: 0 or 1 */
    XK_TCP_SEND_BUFFER,    /* u64 */
    XK_TCP_RECEIVE_BUFFER, /* u64 */
    XK_TCP_EXPORT,         /* u64; msg */
    XK_TCP_IMPORT,         /* msg */
    /* Of its instance. */
    XK_TCP_GET_USERS, /* u64: a port; how many have it */
    XK_TCP_BACKLOG,   /* u64 */
    /* Of an instance of UDP (os/proto/udp/udp.h). */
    XK_UDP_LEND, /* msg */
    /* Of FILTER, and of IP, which hands them down (os/proto/filter/filter.h). */
    XK_FILTER_ADD,    /* u64: filter_whose; msg: a program */
    XK_FILTER_REMOVE, /* u64: the number of whose it is; msg: a program */
};
struct xk_control {
    enum xk_control_op op;
    uint64_t u64;
    struct xk_msg *msg; /* the caller's */
};
#define XK_NO_HOST UINT32_MAX /* xk_sessn.host: the peer is none of the nodes that are known */

/* What a path promises for messages between two nodes, while both ends live.  Properties flow up
 * the graph: each layer makes what it gives of what it is given (all instances below together). */
enum xk_property {
    XK_LOSSLESS = 1, /* none is lost */
    XK_ORDERED = 2,  /* they arrive in the order of their pushes */
    XK_ONCE = 4,     /* none arrives twice */
    XK_INTACT = 8,   /* none is damaged */
    XK_LONG = 16,    /* they may be longer than a frame */
    XK_CALLS = 32,   /* what is pushed is a call, and an answer or a failure comes */
    XK_LIVES = 128,  /* none was sent to an earlier life of who gets it */
    XK_HOSTS = 512,  /* its sessions are with hosts, by address and type (os/proto/ip/ip.h) */
    XK_TAKES = 64,   /* for who needs it, push is never answered XK_BUSY: what waits, waits below */
    XK_PIECES =
        256 /* it gives pieces of messages, and holds credit for who needs that (pieces.h) */
};
/* What a protocol gives to those who stand right on it alone. */
#define XK_TO_NEXT (XK_TAKES | XK_PIECES)
/* Of a network that does what the drivers' interface says. */
#define XK_NETWORK (XK_LOSSLESS | XK_ORDERED | XK_ONCE | XK_INTACT)

/* A path below an instance: what it gives (enum xk_property), and the longest message it takes. */
struct xk_path {
    const char *name; /* the instance that gives it */
    unsigned gives;
    uint64_t carries;
};

/* An instance below another, when a graph is read. */
struct xk_below {
    const char *name;
    const struct xk_protl_ops *ops;
    const void *params;
    bool apart; /* it is in another protection domain: its functions cannot be called */
    const struct xk_below *under; /* what it stands on first itself; NULL: nothing */
};

struct xk_sessn_ops {
    /* Takes the message (empty afterwards) when it returns XK_OK; else leaves it. */
    enum xk_status (*push)(struct xk_sessn *s, struct xk_msg *m);
    void (*close)(
        struct xk_sessn *s); /* last reference dropped: free or cache; NULL: xk_sessn_free */
    enum xk_status (*control)(struct xk_sessn *s,
                              struct xk_control *c); /* NULL: down[0] is asked likewise */
};

struct xk_protl_ops {
    struct kind kind;           /* its state is zeroed, in the task's heap */
    uint8_t down_min, down_max; /* how many instances it needs below */
    bool joined;                /* XK4 */
    uint16_t header;            /* bytes that it puts before what it pushes (XK4) */
    /* For domains (domain.h): services and programs call it by its own functions, so its domain
     * ends with its node alone; and what it has at its peers does not hold it to one life of the
     * node, and it has one session for an upper, a host and a key: so it may begin anew alone. */
    bool called, renews;
    bool of_program; /* programs call it, and are of its domain: they end with that */
    unsigned needs;  /* enum xk_property: a path below without is refused when the graph is read */
    /* What it gives to those above, where it is given `below`.  NULL: just that. */
    unsigned (*gives)(const void *params, unsigned below);
    /* The longest message that push takes where what is below takes `below` bytes (a driver: where
     * a frame of its interface holds them).  NULL: the same less its header. */
    uint64_t (*carries)(const void *params, uint64_t below);
    /* Of one that chooses among those below, in place of both: *out is what all of them together
     * give and carry, and becomes what its choice does.  False with a sentence that begins with
     * `at`, its place: so it cannot stand on them. */
    bool (*join)(const void *params, const char *at, const struct xk_path *below, uint8_t count,
                 struct xk_path *out, struct err *e);
    bool is_virtual; /* it has no header: XK4 */
    bool tells;      /* its `ready` says more than that there is room again: it always crosses */
    bool through;    /* it gives its uppers sessions of those below: they stand on these (VMUX) */
    /* Refuses parameters that do not fit together or to what is below, with a sentence that begins
     * with `at`, its place; once, when the graph is read.  NULL: takes all. */
    bool (*check)(const void *params, const char *at, const struct xk_below *below, uint8_t count,
                  struct err *e);
    /* How what it gives crosses into other domains, in place of what these say; NULL: as they say
     * (transfer.h). */
    const struct kind_choice *(*transfer)(const void *params);
    bool single; /* one upper alone stands on it, for nothing says for whom a message is: the first
                  * that opens or enables, `upper`; another is refused */
    /* It drives the node's interface to the network of that name; "": the first.  NULL: none. */
    const char *(*interface)(const void *params);
    /* Called bottom-up when the node boots.  `params` lives as long as the instance. */
    enum xk_status (*init)(struct xk_protl *self, const void *params);
    /* A session for `upper` to `peer` (a counted reference), or NULL with *why.  It takes its own
     * part off `peer` and hands the rest down (parts.h). */
    struct xk_sessn *(*open)(struct xk_protl *self, struct xk_protl *upper, struct xk_parts peer,
                             enum xk_status *why);
    /* Upper accepts sessions that peers start with `local`, the parts of this end.  NULL, both: it
     * has none of its own, and the framework keeps who has enabled, for xk_taker; of one that is
     * `single` it hands `local` to all below. */
    enum xk_status (*open_enable)(struct xk_protl *self, struct xk_protl *upper,
                                  struct xk_parts local);
    enum xk_status (*open_disable)(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts local);
    /* Below tells: a session that a peer started now exists. NULL: nothing to do. */
    void (*open_done)(struct xk_protl *self, struct xk_sessn *lower);
    /* Below delivers. */
    void (*demux)(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m);
    void (*ready)(struct xk_protl *self, struct xk_sessn *lower); /* NULL: not interested */
    /* Below tells: what was pushed on this session (a call) ended without an answer; RDM: what was
     * under way on it broke off.  NULL: not interested. */
    void (*failed)(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why);
    /* DOM3: the domain of an instance below has died.  NULL: what is asked of it says so. */
    void (*closed)(struct xk_protl *self, const struct xk_protl *lower);
    enum xk_status (*control)(struct xk_protl *self,
                              struct xk_control *c); /* NULL: xk_control_below */
    const struct xk_pieces_ops *pieces;              /* of one that gives XK_PIECES */
    const struct mach_net_ops *rights; /* of one that carries Mach's IPC (os/mach/mach_net.h) */
};

#define XK_DOWN_MAX 4

struct xk_protl {
    const struct xk_protl_ops *ops;
    struct xk_kernel *kernel;
    struct port *task;            /* its domain's: heap, timers, upcalls; NULL: that is dead */
    struct xk_boundary *boundary; /* of a stand-in for an instance of another domain; else NULL */
    const char *instance;         /* its name in the graph */
    uint32_t number;              /* relative protocol number: the same on every node of a graph */
    uint8_t domain;               /* protection domain: 0 kernel, others servers and applications */
    uint8_t downs;
    unsigned gives;   /* enum xk_property, to those above */
    uint64_t carries; /* the longest message that push takes */
    uint64_t rate;    /* bytes a second that the slowest link below carries; 0: not known */
    uint32_t ifc;     /* of a driver; UINT32_MAX: the node is not on its network, or it is none */
    uint64_t enabled; /* bit n: the upper of number n takes what comes */
    struct xk_protl *upper; /* of one that is `single`; NULL: it has none yet */
    struct xk_protl *down[XK_DOWN_MAX];
    void *state;
};

struct xk_sessn {
    const struct xk_sessn_ops *ops;
    struct xk_protl *protl; /* whose session it is */
    struct xk_protl *upper; /* to whom it delivers */
    struct list link;       /* its protocol's: the idle list of a session table */
    struct list waiting;    /* its upper's: what waits until `ready` is called with it */
    void *upper_state; /* whatever its upper hangs on it; a session above it: while that lives */
    uint32_t refs;
    uint32_t host; /* the peer: a node, or XK_NO_HOST */
    uint8_t downs, key;
    bool first; /* the last piece that its upper was given was the first of a message (pieces.h) */
    struct xk_sessn *down[XK_DOWN_MAX];
    void *state;
};

/* The interface that protocols and programs call; each names the crossing and the layer, then calls
 * the op. */
struct xk_sessn *xk_open(struct xk_protl *lower, struct xk_protl *upper, struct xk_parts peer,
                         enum xk_status *why);
enum xk_status xk_open_enable(struct xk_protl *lower, struct xk_protl *upper,
                              struct xk_parts local);
enum xk_status xk_open_disable(struct xk_protl *lower, struct xk_protl *upper,
                               struct xk_parts local);
void xk_open_done(struct xk_protl *upper, struct xk_sessn *s);
enum xk_status xk_push(struct xk_sessn *s, struct xk_msg *m);
void xk_demux(struct xk_sessn *s, struct xk_msg *m);    /* to s->upper */
void xk_ready(struct xk_sessn *s);                      /* to s->upper */
void xk_failed(struct xk_sessn *s, enum xk_status why); /* to s->upper */
struct xk_sessn *xk_dup(struct xk_sessn *s);            /* one more reference */
void xk_close(struct xk_sessn *s);
enum xk_status xk_sessn_control(struct xk_sessn *s, struct xk_control *c);
enum xk_status xk_protl_control(struct xk_protl *p, struct xk_control *c);
/* For ops->control, what the layer does not answer itself: asks the first below, if any;
 * XK_GET_OPT_PACKET: less the layer's header. */
enum xk_status xk_control_below(struct xk_protl *p, struct xk_control *c);

/* For protocols: a session with `state_size` zeroed bytes of state and one reference; and its end.
 */
struct xk_sessn *xk_sessn_new(struct xk_protl *protl, struct xk_protl *upper, uint32_t host,
                              const struct xk_sessn_ops *ops, size_t state_size);
static inline struct xk_sessn *xk_sessn_of(void *state)
{
    return (struct xk_sessn *)state - 1; /* the state stands behind its session */
}
void xk_sessn_free(struct xk_sessn *s); /* closes down[] and frees */

struct port *xk_port(const struct xk_protl *p); /* its task */
/* Its domain lives: also of what stands for an instance of another domain. */
bool xk_task_lives(const struct xk_protl *p);
/* Its parameters, if it is of that protocol, or stands for an instance of another domain that is;
 * else NULL.  They are the configuration's: all domains may read them. */
const void *xk_params(const struct xk_protl *p, const struct xk_protl_ops *ops);
/* Names the swapping of its header: of one that the framework does not pass, a driver's. */
void xk_swap(const struct xk_protl *p);
/* The same of so many bytes: of one whose headers differ in length, and whose ops name none. */
void xk_swap_bytes(const struct xk_protl *p, uint64_t bytes);
struct xk_protl *xk_find(struct xk_kernel *k, const char *instance); /* or NULL */
/* The instance of that relative number on this node, or NULL: numbers come from the wire. */
struct xk_protl *xk_numbered(struct xk_kernel *k, uint32_t number);
/* The same if it stands right on `self`, or NULL: nobody. */
struct xk_protl *xk_stands_on(struct xk_protl *self, uint32_t number);
/* That of the number if it has enabled `self`, or NULL: nobody takes what comes. */
struct xk_protl *xk_taker(struct xk_protl *self, uint32_t number);
/* Notes that it has: also for an opener, to whom the answers come. */
static inline void xk_enable(struct xk_protl *self, const struct xk_protl *upper)
{
    self->enabled |= UINT64_C(1) << upper->number;
}
/* And is no longer.  For ops->open_disable. */
static inline void xk_disable(struct xk_protl *self, const struct xk_protl *upper)
{
    self->enabled &= ~(UINT64_C(1) << upper->number);
}

#endif
