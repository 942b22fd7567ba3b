/* sync_internal.h: private to sync: objects, calls, messages. */
#ifndef OS_SVM_SYNC_INTERNAL_H
#define OS_SVM_SYNC_INTERNAL_H

#include "os/node.h"
#include "os/svm/nodeset.h"
#include "os/svm/sync.h"
#include "os/xk/map.h"

#define SYNC_HEADER 16
#define TOKEN_MAX 0xffffff
#define ROUNDS 32

/* BROKEN, in place of an answer: node `value` has crashed, so that there will be none. */
enum sync_op { LOCK, UNLOCK, ADVANCE, AWAIT, READ, ANSWER, BARRIER, BROKEN, OP_COUNT };

struct sync_waiter { /* a request that its home has not answered */
    struct list link;
    uint32_t node, token;
    uint64_t value;
    struct rope asked; /* what its memory said with the request */
};

struct sync_object { /* at its home */
    bool held;
    bool broken;     /* its holder has crashed */
    uint32_t holder; /* node */
    uint64_t count;
    struct list waiters;
    void *memory; /* the home's memory keeps here what the releases said */
};

struct sync_pending { /* a thread of this node that waits for an answer */
    struct list link;
    uint32_t token;
    struct port_thread *thread;
    uint64_t value;
    uint32_t from, home;
    struct rope notes;
    bool done;
    bool broken; /* node `value` has crashed */
};

/* The call that the program has announced, and is in (SVMS6). */
struct sync_call {
    bool on;
    bool loaded; /* the program makes it again: what is here has been done */
    bool made;   /* its thread is in it, in this run */
    bool done;   /* it has ended, with `value` */
    enum sync_op op;
    uint32_t number, token; /* of what is asked for */
    uint32_t round;         /* barrier: whose message has been sent */
    uint64_t value;
    struct sync_pending *answered; /* before it was made again */
};

/* Of an instance that is saved with its program.  Each message has the number of the run before its
 * header. */
struct sync_kept {
    struct port *port;
    struct os_node *os;
    uint32_t run;
    struct rope image;   /* what sync_join goes on from; empty: from the beginning */
    struct list early;   /* struct sync_message: of this run, before sync_join */
    struct sync *former; /* of a program that is ended: its thread may look at it once */
    uint64_t sent, received;
};
#define SYNC_RUN 4 /* bytes of that number */

struct sync {
    struct port *port;
    struct xk_protl *protl;
    const uint32_t *nodes; /* the caller's */
    uint32_t count, rank, tokens;
    struct xk_map objects[2]; /* locks, event counts */
    struct list pending;
    uint64_t epoch; /* barriers that this node has entered */
    uint64_t arrived[ROUNDS];
    struct list notes[ROUNDS]; /* struct message: of the barrier messages not yet waited for */
    struct port_thread *at_barrier;
    uint32_t round;      /* whose message it waits for */
    bool waits;          /* a thread waits in a call, unless what it waits for has come */
    struct nodeset dead; /* members that have crashed */
    uint32_t dead_now;   /* member_down: which it is about */
    bool out;            /* this node has crashed since: the others go on without it */
    bool (*on_error)(void *arg, const char *text);
    void *on_error_arg;
    const struct sync_memory *memory; /* NULL: needs to be told nothing */
    void *memory_arg;
    struct sync_kept *kept; /* of its instance */
    bool gone;              /* its program is being ended: nothing is sent or taken */
    struct sync_call call;
};

/* From a node. */
struct sync_message {
    struct list link;
    uint32_t node;
    uint8_t header[SYNC_HEADER];
    struct rope body;
};

struct sync_instance {
    struct sync *sync;      /* NULL: not joined, or no more */
    struct sync_kept *kept; /* NULL: nobody saves it (sync_save.c) */
};

/* At its home; made when new. */
static inline struct sync_object *sync_object_of(struct sync *y, bool is_count, uint32_t number)
{
    struct sync_object *o = xk_map_resolve(&y->objects[is_count], &number);
    if (!o) {
        o = port_alloc(y->port, sizeof *o);
        list_init(&o->waiters);
        xk_map_bind(&y->objects[is_count], &number, o);
    }
    return o;
}

/* sync_save.c */
/* It has been joined: goes on from the image of its instance, then what was early arrives. */
void sync_restore(struct sync *y, void (*arrived)(struct sync *y, uint32_t from, struct xk_msg *m));
/* A message that is of another run, or too early: taken. */
bool sync_kept_takes(struct sync_kept *k, bool joined, uint32_t from, struct xk_msg *m);
/* The calling thread is about to make this call.  True: it was announced; y->call.loaded says
 * whether a part has been done. */
bool sync_call_begin(struct sync *y, enum sync_op op, uint32_t number);
/* It has ended, with this; a thread that is to stop does so. (blocks) */
void sync_call_end(struct sync *y, bool announced, uint64_t value);

#endif
