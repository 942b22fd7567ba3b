/* mach_internal.h: private to os/mach: ports, tables of names, messages.
 *
 * Bottom to top: table.c names and counts, queue.c messages and who waits, right.c death and
 * notifications, name.c how rights come and go by names; net.c what the net calls; special.c,
 * mach_port.c, mach_msg.c, mach.c the calls.
 */
#ifndef OS_MACH_MACH_INTERNAL_H
#define OS_MACH_MACH_INTERNAL_H

#include "os/mach/mach_msg.h"
#include "os/mach/mach_net.h"
#include "os/mach/mach_port.h"
#include "os/xk/map.h"

struct mach {
    struct port *port;
    uint32_t names_max;
    uint64_t ports, messages, next_id;
    struct list tasks;
    struct list doomed; /* messages that are being destroyed */
    bool reaping;
    const struct mach_net_ops *net_ops; /* NULL: this node is alone */
    void *net;
    struct xk_map by_uid; /* -> struct mach_record */
    struct list records;
    struct mach_held special[MACH_SPECIALS]; /* send rights */
    struct {
        uint64_t sent, received, notified; /* messages; the last by the kernel */
        uint64_t rights;                   /* that came in messages */
        uint64_t full, timed_out;          /* sends that found no room; waits that ended by time */
        uint64_t copied, pages;            /* bytes of messages, in and out; out of line */
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
    struct mach_task *receiver; /* NULL: its receive right travels, is elsewhere, or it is dead */
    struct mach_port *carrier;  /* to whose queue the message goes that has the receive right */
    struct mach_port *no_senders, *destroyed; /* send-once rights; NULL: not requested */
    struct mach_record *record;               /* NULL: no other node knows it */
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
    bool accepting; /* a forced message is on its way: struct mach_accept */
};

/* Of a message that MACH_SEND_NOTIFY has forced. */
struct mach_accept {
    struct list link;         /* of the task's */
    struct mach_task *task;   /* NULL: it has ended */
    mach_name name;           /* NULL: the right has gone */
    struct mach_port *notify; /* send-once right */
};

struct mach_task {
    struct list link; /* the kernel's */
    struct mach *mach;
    struct port *port;
    struct mach_entry *entries; /* [0] is never used */
    uint32_t room, used, free, names;
    struct xk_map sends; /* port id -> name, of those with SEND and without RECEIVE */
    struct xk_map far;   /* name -> entry, of those that the task has chosen */
    struct list accepts;
    const struct mach_port *quiet; /* a name that goes tells this one nothing */
    struct list waiters;           /* of its threads */
    struct vm_space *memory;       /* NULL: none */
    struct list asks;              /* struct mach_special_ask */
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

static inline bool mach_is_proxy(const struct mach_port *port)
{
    return port->record && !port->record->principal;
}
/* Does any node but this have send rights to it, as far as the net knows? */
static inline bool mach_is_lent(const struct mach_port *port)
{
    return port->record && port->record->lent > 0;
}

/* ---- table.c ---- */
struct mach_record *mach_record_new(struct mach *m, struct mach_port *port, uint64_t uid,
                                    bool principal);
struct mach_port *mach_get(struct mach_port *port);
void mach_put(struct mach *m, struct mach_port *port);
struct mach_port *mach_port_new(struct mach *m);
/* The entry of a name, or NULL; what has died is a dead name now. */
struct mach_entry *mach_entry_find(struct mach_task *t, mach_name name);
/* A new entry, whose rights are to be set; NULL: the table is full. */
struct mach_entry *mach_entry_new(struct mach_task *t, mach_name *name);
/* The same of that name, which denotes nothing; past the limit of names if need be. */
struct mach_entry *mach_entry_named(struct mach_task *t, mach_name name);
/* The entry as it is, though its port may have died. */
struct mach_entry *mach_entry_at(struct mach_task *t, mach_name name);
/* All names, in order, as many as t->names. */
void mach_entry_names(struct mach_task *t, mach_name *names);
bool mach_full_table(const struct mach_task *t);
/* MACH_TYPE_*, requests included. */
uint32_t mach_entry_type(const struct mach_entry *e);
void mach_entry_free(struct mach_task *t, mach_name name);
/* The name of a forced message's right is another, or MACH_PORT_NULL. */
void mach_accept_rename(struct mach_task *t, mach_name from, mach_name to);
/* What the task calls its send or receive right to a port. */
mach_name mach_name_of(struct mach_task *t, const struct mach_port *port);
void mach_bind(struct mach_task *t, const struct mach_port *port, mach_name name);
void mach_unbind(struct mach_task *t, const struct mach_port *port);

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
/* Must a sender of k wait? */
bool mach_full(const struct mach_port *port, struct mach_kmsg *k);
/* All who receive there end so. */
void mach_turn_away(struct mach_queue *q, enum mach_msg_return result);
void mach_join_set(struct mach_port *port, struct mach_set *set);
void mach_leave_set(struct mach_port *port);

/* ---- right.c ---- */
/* Sends, or destroys when nobody could ever receive it. */
void mach_deliver(struct mach *m, struct mach_kmsg *k);
/* Would a message for `dest` that has the receive right of `port` wait for itself? */
bool mach_circular(const struct mach_port *port, const struct mach_port *dest);
/* The receive right leaves its task. */
void mach_clear_receiver(struct mach_port *port);
/* By a send-once right, which is used. `word`: its item, when has_word. */
void mach_notify(struct mach *m, struct mach_port *once, enum mach_notification id, bool has_word,
                 uint32_t word);
/* Nobody has send rights any more, here or elsewhere: tells who asked. */
void mach_no_senders(struct mach *m, struct mach_port *port);
/* All of a port but its receive right ends: its messages, senders (as if theirs had been queued
 * before), requests.  It is dead then; its last reference may be the caller's. */
void mach_die(struct mach *m, struct mach_port *port);
/* The request of a name that goes. */
void mach_request_cancel(struct mach_task *t, struct mach_entry *e);
/* The request of the name is that one now (NULL: none); what was there. */
struct mach_port *mach_want_death(struct mach_task *t, mach_name name, struct mach_entry *e,
                                  struct mach_port *once);

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
/* The same under that name, if it gets a new one. */
void mach_copyout_as(struct mach_task *t, struct mach_held h, mach_name name, mach_name *got);
/* Destroys all rights of a name. */
void mach_name_destroy(struct mach_task *t, mach_name name, struct mach_entry *e);
/* One user reference of a send or dead name, or the right, goes. */
void mach_drop_refs(struct mach_task *t, mach_name name, struct mach_entry *e, uint32_t count);
/* The receive right goes, and the port with it. */
void mach_drop_receive(struct mach_task *t, mach_name name, struct mach_entry *e);

/* ---- special.c ---- */
/* Its threads that wait for another node are gone. */
void mach_asks_forget(struct mach_task *t);

/* ---- mach_memory.c ---- */
/* Takes what the item says out of the task's memory; false: there is no such memory. (blocks) */
bool mach_memory_take(struct mach_task *t, const struct mach_item *it, struct mach_kitem *to);
/* Maps it, and says where; false: nowhere, and it is dropped. */
bool mach_memory_give(struct mach_task *t, struct mach_kitem *from, struct mach_item *it);

/* ---- mach_msg.c ---- */
/* Forgets a waiter whose thread has gone. */
void mach_waiter_forget(struct mach *m, struct mach_waiter *w);

#endif
