/* mach_net.h: the seam between Mach's IPC on a node and what carries it to other nodes (the net).
 *
 * A port that other nodes know has a record: its uid, the same everywhere and for ever, whether the
 * principal is here (the port with the receive right, queue and requests) or a proxy (a port
 * without them, under whose names tasks have send and send-once rights to the principal), and what
 * the net keeps for it.  Names, user references, copyin, copyout, requests and deaths treat a proxy
 * as any port; what is sent to it goes to the net.  A node has at most one net, which the graph
 * names: machine.os = { { service = "mach", over = INSTANCE } }.  What is below it, what travels
 * and how rights are counted is the net's; the kernel's part asks only what is written here.
 *
 * A message that leaves.  The kernel asks room(), and the sender waits while there is none; then
 * the message is the net's (send).  Its rights are still those of this node.  The net makes bytes
 * of it, when it likes: each right is entered in its own accounts, then given up here (mach_spend
 * of a send or send-once right; mach_net_leave of a receive right).  The destination is a right as
 * others are; the net gives it up (mach_spend) when it needs the proxy no more.
 * A message that arrives.  The net makes a mach_kmsg; for each right it finds or makes the record
 * (mach_record_find, mach_proxy_new) and gets a right (mach_net_got); then mach_net_deliver.
 *
 * A receive right moves in two halves.  The old side gives it up: mach_net_leave, when its message
 * goes, after which the port is still the principal, and takes messages, until mach_net_to_proxy;
 * both may be at once.  The new side has it in a message as MACH_HELD_RECEIVE of the proxy, until
 * mach_net_to_principal.  A net that knows all before it delivers does that first; one that fetches
 * it when somebody receives the message (NORMA) sets mach_kmsg.fetch, and has `fetch`, `discard`.
 *
 * Who blocks.  Nothing here blocks, and no op may: they run in upcalls and threads alike.  The
 * kernel blocks in three places on behalf of the net, all threads of tasks in a system call: a send
 * while room() is false, a receive of a message that has to be fetched, mach_special_get.  Where a
 * message is refused because its port is known to be dead, `send` and `want_death` may call
 * mach_net_kill at once; other ops do not.
 *
 *   MNET1  A uid has at most one record on a node, and a record's port is a proxy or the principal.
 *   MNET2  A proxy lives while somebody on the node has rights to it or the net holds its record.
 *   MNET3  The kernel tells no-senders of a principal only when neither this node nor, by what the
 *       net says (lent), any other has send rights.
 */
#ifndef OS_MACH_MACH_NET_H
#define OS_MACH_MACH_NET_H

#include "os/mach/mach.h"

struct mach_port;
struct xk_protl;

/* ---- what both sides know of a message ---- */
enum mach_held_kind {
    MACH_HELD_NONE,
    MACH_HELD_DEAD,
    MACH_HELD_RECEIVE,
    MACH_HELD_SEND,
    MACH_HELD_ONCE
};
/* A right outside a table. */
struct mach_held {
    struct mach_port *port; /* of the last three */
    enum mach_held_kind kind;
};

struct mach_kitem {
    uint32_t type, count;
    struct mach_held *rights; /* of rights */
    struct rope data;         /* else; out of line: the pages that hold its bytes */
    bool out_of_line; /* what is received is a region with these pages; a net may drop what */
    uint32_t offset;  /* is not its bytes: those at [offset, offset + bytes) of the data, */
    uint64_t bytes;   /* and then the offset is 0.  In the size: MACH_MEMORY_BYTES */
};
struct mach_kmsg {
    struct list link; /* its queue's: the kernel's or the net's */
    struct mach_held dest, reply;
    int32_t id;
    uint32_t size, seqno, item_count;
    bool circular;              /* it would wait for itself */
    bool receives;              /* it has receive rights */
    bool fetch;                 /* some of them have not come yet: ops->fetch */
    struct mach_accept *accept; /* the kernel's: whom to tell when it goes */
    struct mach_waiter *waiter; /* the kernel's: whose thread has received it and waits for that */
    struct mach_kitem items[];
};
/* A message without rights and data; its end, of one without rights. */
struct mach_kmsg *mach_kmsg_new(struct mach *m, uint32_t items);
void mach_kmsg_free(struct mach *m, struct mach_kmsg *k);
/* Calls fn for each right of k that is one (receive, send, send-once) but the destination, the
 * reply's first, then in the order of the items. */
void mach_kmsg_rights(struct mach_kmsg *k, void (*fn)(void *arg, struct mach_held *h), void *arg);
/* Destroys a message with all rights it has, the destination too: a send-once destination gives a
 * send-once notification. */
void mach_kmsg_destroy(struct mach *m, struct mach_kmsg *k);
/* The same, but the destination has been used. */
void mach_kmsg_spend(struct mach *m, struct mach_kmsg *k);
/* Destroys a right: a send-once right with its notification, a receive right with the port. */
void mach_release(struct mach *m, struct mach_held h);
bool mach_held_dead(const struct mach_held *h); /* its port has died, known elsewhere or not */
/* A send or send-once right is used up or has left the node: it counts here no more; *h is none.
 * That of a receive right does nothing. */
void mach_spend(struct mach *m, struct mach_held *h);

/* ---- records ---- */
/* A uid as 64 bits: the node on which the port got it, and a number there. 0: none. */
#define MACH_UID(node, number) ((uint64_t)(node) << 32 | (uint32_t)(number))
static inline uint32_t mach_uid_node(uint64_t uid) /* the first */
{
    return (uint32_t)(uid >> 32);
}
static inline uint32_t mach_uid_number(uint64_t uid) /* the second */
{
    return (uint32_t)uid;
}

struct mach_record {
    struct list link; /* of all on the node, in the order in which they were made */
    struct mach *mach;
    uint64_t uid;
    struct mach_port *port;
    bool principal;  /* MNET1; what has died stays what it was */
    bool wants_room; /* the net waits for room in the principal's queue */
    /* Of a principal, kept by the net (mach_net_lent): send rights that other nodes have, or may
     * have, or that are under way; and send-once rights there. */
    uint32_t lent, lent_onces;
    void *own; /* the net's: ops->record_size bytes, zeroed */
};
/* The record of a port, or NULL: no other node knows it. */
struct mach_record *mach_record_of(const struct mach_port *port);
struct mach_record *mach_record_find(struct mach *m, uint64_t uid); /* or NULL */
/* The record of a port that leaves the node: a principal's is made now, with a uid (ops->new_uid).
 * NULL: there are none left. */
struct mach_record *mach_record_export(struct mach *m, struct mach_port *port);
/* A proxy, for a uid that has no record, with one reference of the caller (mach_record_put). */
struct mach_record *mach_proxy_new(struct mach *m, uint64_t uid);
/* The net holds the record, dead or alive, with its port: one reference more; one less (which may
 * end it: ops->gone). */
void mach_record_get(struct mach_record *r);
void mach_record_put(struct mach_record *r);
bool mach_record_dead(const struct mach_record *r);      /* its port has died */
uint32_t mach_record_sends(const struct mach_record *r); /* send rights that this node has, */
uint32_t mach_record_onces(const struct mach_record *r); /* and send-once rights */
bool mach_record_wanted(const struct mach_record *r);    /* somebody here waits for its death */
/* Calls fn for all, in the order in which they were made; it may end the one that it is given. */
void mach_record_each(struct mach *m, void (*fn)(void *arg, struct mach_record *r), void *arg);

/* ---- what a net does ---- */
struct mach_special_ask;

struct mach_net_ops {
    const char *name;
    size_t record_size; /* of mach_record.own */
    /* The node's IPC stands on this instance from now on; what the other ops get as `net`. */
    void *(*start)(struct xk_protl *self, struct mach *m);
    uint64_t (*new_uid)(void *net); /* for a port of this node; 0: there are no more */

    /* May the message go to that proxy now?  False: its sender waits (MACH7) until the net calls
     * mach_net_room.  NULL: always.  Messages of the kernel do not ask. */
    bool (*room)(void *net, struct mach_record *r, struct mach_kmsg *k);
    /* The message is the net's, and goes to that proxy. */
    void (*send)(void *net, struct mach_record *r, struct mach_kmsg *k);
    /* The last send right to a proxy has gone from this node. */
    void (*no_local_senders)(void *net, struct mach_record *r);
    /* A first dead-name request stands at that proxy: the net is to hear of the principal's death,
     * and calls mach_net_kill. */
    void (*want_death)(void *net, struct mach_record *r);
    /* The principal has died: its record stays while the net holds it. */
    void (*died)(void *net, struct mach_record *r);
    /* The record goes, with its port: last word. */
    void (*gone)(void *net, struct mach_record *r);
    /* There is room in the queue of a principal of which mach_net_full was true. NULL: not used. */
    void (*queue_room)(void *net, struct mach_record *r);

    /* For a net that sets mach_kmsg.fetch; NULL: it does not.  A thread has received k, and waits
     * until mach_net_fetched(k).  It may end meanwhile: then k is destroyed, `discard` called. */
    void (*fetch)(void *net, struct mach_kmsg *k);
    /* A receive right of a proxy, held in a message, is destroyed before it has come. */
    void (*discard)(void *net, struct mach_record *r);

    /* Asks the node for its special port; the answer is mach_special_answer, once (a net that hangs
     * when a node dies gives none).  NULL: other nodes have none. */
    void (*special)(void *net, uint32_t node, uint32_t which, struct mach_special_ask *a);
};

/* `over` is the instance named in the graph: of a protocol with .rights (os/xk/xobj.h). */
void mach_net_attach(struct mach *m, struct xk_protl *over);
struct port *mach_port_task(const struct mach *m); /* the kernel's task */

/* ---- what the net tells ---- */
/* A send or send-once right of that port has come to this node: it counts from now on.  Of a dead
 * port it is MACH_HELD_DEAD.  A receive right of a proxy that is still to be fetched counts as a
 * reference (MNET2). */
struct mach_held mach_net_got(struct mach_record *r, enum mach_held_kind kind);
/* k is for that port: its destination becomes a right of `kind` (send or send-once) that counts as
 * got now.  To a principal: into its queue, whatever its limit (the net asks mach_net_full if it
 * cares), or destroyed when it has died.  To a proxy: it is sent on (ops->send). */
void mach_net_deliver(struct mach_record *r, enum mach_held_kind kind, struct mach_kmsg *k);
/* The queue of a principal has no room for another message, or others wait for it; ops->queue_room
 * is called once when it has. */
bool mach_net_full(struct mach_record *r);
/* Senders that wait at a proxy are tried again. */
void mach_net_room(struct mach_record *r);
/* What other nodes have of a principal.  A no-senders request is told now when nobody has any. */
void mach_net_lent(struct mach_record *r, uint32_t sends, uint32_t onces);
/* A send-once right of a principal that another node had is lost: a send-once notification. The net
 * has lowered lent_onces. */
void mach_net_once_lost(struct mach_record *r);
/* The principal of a proxy has died, as far as this node will ever know: the proxy is dead,
 * requests are answered, senders that wait end with success: their message was destroyed with the
 * port, as it is at home.  A principal: its receive right, wherever it is in a message or under
 * way, is void, and the port dies. */
void mach_net_kill(struct mach_record *r);

/* A receive right leaves in a message: *h is none, its reference is the net's (mach_record_put);
 * also that of a proxy, which had not come yet.  The port, which has a record already, stays the
 * principal, takes messages, and counts. */
struct mach_record *mach_net_leave(struct mach_held *h);
/* What goes with a receive right to its new place. */
struct mach_moved {
    uint32_t seqno, qlimit;
    struct mach_held no_senders, destroyed; /* send-once rights; or none */
    struct list messages; /* struct mach_kmsg: those queued, oldest first; of their destinations
                             only the kind is left: the right counts nowhere meanwhile */
};
/* The principal, whose receive right is with the net, is a proxy from now on; *out is the net's.
 * Rights of this node stay.  Senders that wait here, and dead-name requests (mach_record_wanted),
 * are the net's to look after now: mach_net_room, and what want_death does. */
void mach_net_to_proxy(struct mach_record *r, struct mach_moved *out);
/* The messages in the queue of a principal whose receive right is with the net, oldest first: an
 * array in the kernel's heap, which the net frees. */
struct mach_kmsg **mach_net_queued(struct mach_record *r, uint32_t *count);
/* The proxy is the principal from now on, and its receive right is where it was got.  `in` is
 * taken: its messages come first.  Senders that wait are served as there is room; lent and
 * lent_onces are the caller's to set before. */
void mach_net_to_principal(struct mach_record *r, struct mach_moved *in);
/* All receive rights of k have come: whoever waits for it goes on. */
void mach_net_fetched(struct mach_kmsg *k);

/* ---- special ports: what each node has under small numbers, for others to ask for ---- */
enum {
    MACH_SPECIAL_DEVICE = 1, /* [mach/norma_special_ports.h] */
    MACH_SPECIAL_HOST = 2,
    MACH_SPECIAL_HOST_PRIV = 3, /* the first three are the kernel's: no task sets them */
    MACH_SPECIAL_NAMES = 4,
    MACH_SPECIALS = 32
};
/* This node's special port of that number is the port of the name, a send right taken as d says;
 * MACH_PORT_NULL: none.  KERN_INVALID_ARGUMENT: no such number for tasks. */
enum kern_return mach_special_set(struct mach_task *t, uint32_t which, mach_name name,
                                  enum mach_disposition d);
/* A send right to the special port of a node.  KERN_NO_SPACE; KERN_INVALID_ARGUMENT: there is no
 * such number, or no net; KERN_FAILURE: the node is dead or has no such port. (blocks) */
enum kern_return mach_special_get(struct mach_task *t, uint32_t node, uint32_t which,
                                  mach_name *name);
/* For the net: a send right to this node's own, that counts; MACH_HELD_NONE: it has none. */
struct mach_held mach_special_own(struct mach *m, uint32_t which);
struct mach_special_ask {
    struct list link; /* the net's */
    struct list of_task;
    struct mach *mach;
    struct port *task;
    struct port_thread *thread; /* NULL: it has ended; nobody waits any more */
    struct mach_held got;
    bool done;
};
/* The right that came, of MACH_HELD_SEND or DEAD or NONE, ends the wait. */
void mach_special_answer(struct mach_special_ask *a, struct mach_held got);

#endif
