/* mach_internal.h: private to os/mach: ports, tables of names, messages.
 *
 * Bottom to top: table.c names and counts, queue.c messages and who waits, right.c death and
 * notifications, name.c how rights come and go by names; mach_port.c, mach_msg.c, mach.c the calls.
 */
#ifndef OS_MACH_MACH_INTERNAL_H
#define OS_MACH_MACH_INTERNAL_H

#include "os/mach/mach_msg.h"
#include "os/mach/mach_port.h"
#include "os/xk/map.h"

struct mach {
    struct port *port;
    uint32_t names_max;
    uint64_t ports, messages, next_id;
    struct list tasks;
    struct list doomed; /* messages that are being destroyed */
    bool reaping;
    struct {
        uint64_t sent, received, notified; /* messages; the last by the kernel */
        uint64_t rights;                   /* that came in messages */
        uint64_t full, timed_out;          /* sends that found no room; waits that ended by time */
    } counts;
};

struct mach_queue {
    struct list messages;  /* struct mach_kmsg, oldest first */
    struct list receivers; /* struct mach_waiter */
};

struct mach_set {
    struct mach_queue queue; /* of all its members */
    struct list members;     /* struct mach_port */
    mach_name name;
};

/* One reference for each table that names it, each right of a message, each request's. */
struct mach_port {
    struct mach_queue queue; /* empty while it is in a set */
    struct list senders;     /* struct mach_waiter: for room */
    struct list in_set;
    struct list deaths; /* struct mach_request */
    struct mach_set *set;
    struct mach_task *receiver; /* NULL: its receive right travels, or it is dead */
    struct mach_port *carrier;  /* to whose queue the message goes that has the receive right */
    struct mach_port *no_senders, *destroyed; /* send-once rights; NULL: not requested */
    uint64_t id;
    uint32_t refs, sends, onces, make_send, seqno;
    mach_name name; /* the receiver's */
    uint16_t qlimit;
    bool dead;
    uint32_t queued; /* messages */
};

struct mach_request { /* dead-name */
    struct list link; /* of the port */
    struct mach_task *task;
    mach_name name;
    struct mach_port *notify; /* send-once right */
};

struct mach_entry {
    union {
        struct mach_port *port;
        struct mach_set *set;
    } u;
    struct mach_request *request;
    uint32_t urefs; /* of SEND or DEAD_NAME; of a free entry: the next one's index */
    uint8_t rights; /* bit: enum mach_right; 0: free */
    uint8_t generation;
};

struct mach_task {
    struct list link; /* the kernel's */
    struct mach *mach;
    struct port *port;
    struct mach_entry *entries; /* [0] is never used */
    uint32_t room, used, free, names;
    struct xk_map sends; /* port id -> name, of those with SEND and without RECEIVE */
    struct list waiters; /* of its threads */
};

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
    struct rope data;         /* else */
};
struct mach_kmsg {
    struct list link;
    struct mach_held dest, reply;
    int32_t id;
    uint32_t size, seqno, item_count;
    bool circular; /* it would wait for itself */
    bool receives; /* it has receive rights */
    struct mach_kitem items[];
};

struct mach_waiter {
    struct list link;    /* of the queue's receivers or the port's senders; in none: served */
    struct list of_task; /* of the task's */
    struct mach_task *task;
    struct port_thread *thread;
    struct mach_kmsg *kmsg; /* what it sends, or has got */
    enum mach_msg_return result;
    bool done, interruptible, sends, large;
    bool blocked; /* its thread is to be woken */
    uint32_t limit, size;
};

#define BIT(right) (uint8_t)(1u << (right))

/* ---- table.c ---- */
struct mach_port *mach_get(struct mach_port *port);
void mach_put(struct mach *m, struct mach_port *port);
struct mach_port *mach_port_new(struct mach *m);
/* The entry of a name, or NULL; what has died is a dead name now. */
struct mach_entry *mach_entry_find(struct mach_task *t, mach_name name);
/* A new entry, whose rights are to be set; NULL: the table is full. */
struct mach_entry *mach_entry_new(struct mach_task *t, mach_name *name);
void mach_entry_free(struct mach_task *t, mach_name name);
/* What the task calls its send or receive right to a port. */
mach_name mach_name_of(struct mach_task *t, const struct mach_port *port);
void mach_bind(struct mach_task *t, const struct mach_port *port, mach_name name);
void mach_unbind(struct mach_task *t, const struct mach_port *port);
struct mach_kmsg *mach_kmsg_new(struct mach *m, uint32_t items);
void mach_kmsg_free(struct mach *m, struct mach_kmsg *k);

/* ---- queue.c ---- */
void mach_queue_init(struct mach_queue *q);
/* Ends a wait. */
void mach_served(struct mach_waiter *w, enum mach_msg_return result);
/* Into the queue of its destination, which lives; whoever waits for it gets it. */
void mach_post(struct mach_kmsg *k);
/* Hands messages to receivers. */
void mach_serve(struct mach_queue *q);
/* Out of its queue; senders that wait for the room go on. */
void mach_take(struct mach_kmsg *k);
void mach_room(struct mach_port *port);
/* All who receive there end so. */
void mach_turn_away(struct mach_queue *q, enum mach_msg_return result);
void mach_join_set(struct mach_port *port, struct mach_set *set);
void mach_leave_set(struct mach_port *port);

/* ---- right.c ---- */
/* Destroys a right. */
void mach_release(struct mach *m, struct mach_held h);
/* Destroys a message with all it carries. */
void mach_kmsg_destroy(struct mach *m, struct mach_kmsg *k);
/* The same of one that was taken from its queue: its destination has been used. */
void mach_kmsg_spend(struct mach *m, struct mach_kmsg *k);
/* The destination has been used. */
void mach_spend(struct mach *m, struct mach_held *h);
/* Sends, or destroys when nobody could ever receive it. */
void mach_deliver(struct mach *m, struct mach_kmsg *k);
/* Would a message for `dest` that has the receive right of `port` wait for itself? */
bool mach_circular(const struct mach_port *port, const struct mach_port *dest);
/* The receive right leaves its task. */
void mach_clear_receiver(struct mach_port *port);
/* By a send-once right, which is used. `word`: its item, when has_word. */
void mach_notify(struct mach *m, struct mach_port *once, enum mach_notification id, bool has_word,
                 uint32_t word);
/* The request of a name that goes. */
void mach_request_cancel(struct mach_task *t, struct mach_entry *e);

/* ---- name.c ---- */
/* Takes a right by its name. */
enum kern_return mach_copyin(struct mach_task *t, mach_name name, uint32_t disposition,
                             struct mach_held *out);
/* Could it be taken?  `twice`: both times. */
enum kern_return mach_copyin_check(struct mach_task *t, mach_name name, uint32_t disposition,
                                   bool twice);
/* Gives a right a name: what a message shows of it.  False: the table is full, and the right
 * remains. */
bool mach_copyout(struct mach_task *t, struct mach_held h, mach_name *name) MUST_CHECK;
/* Destroys all rights of a name. */
void mach_name_destroy(struct mach_task *t, mach_name name, struct mach_entry *e);
/* One user reference of a send or dead name, or the right, goes. */
void mach_drop_refs(struct mach_task *t, mach_name name, struct mach_entry *e, uint32_t count);
/* The receive right goes, and the port with it. */
void mach_drop_receive(struct mach_task *t, mach_name name, struct mach_entry *e);

/* ---- mach_msg.c ---- */
/* Forgets a waiter whose thread has gone. */
void mach_waiter_forget(struct mach *m, struct mach_waiter *w);

#endif
