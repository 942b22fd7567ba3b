/* mach_stub.h: typed remote procedures over messages, by tables instead of a generator of stubs.
 *
 * After MIG [Draves, Jones & Thompson, MIG - The Mach Interface Generator, 1989] and the codes of
 * <mach/mig_errors.h>.  A request has the routine's id (base + number) and an item for each
 * argument; the reply has the id + 100, the code that the routine gave, and, when that is
 * KERN_SUCCESS, an item for each result.  Both sides look at the types of what has come before they
 * use it.
 *
 *   STUB1  Of a message that is not as the table says nothing is left: its rights and memory are
 *       destroyed, and the other side has a code.
 */
#ifndef OS_MACH_MACH_STUB_H
#define OS_MACH_MACH_STUB_H

#include "os/mach/mach_msg.h"
#include "os/mach/mach_port.h"

enum mig_return {
    MIG_TYPE_ERROR = -300,     /* the reply is not of the routine's types */
    MIG_REPLY_MISMATCH = -301, /* something else came in its place */
    MIG_BAD_ID = -303,         /* the server has no such routine */
    MIG_BAD_ARGUMENTS = -304,  /* the request is not of the routine's types */
    MIG_NO_REPLY = -305,       /* of a routine: none now; it has kept the right to send it */
    MIG_SERVER_DIED = -308     /* the server destroyed the request */
};

enum mach_arg_kind {
    MACH_ARG_END,
    MACH_ARG_WORD,   /* 32 bits, big-endian */
    MACH_ARG_STRING, /* `most` bytes; zeroes behind its end */
    MACH_ARG_BYTES,  /* in line, up to `most` */
    MACH_ARG_MEMORY, /* bytes out of line */
    MACH_ARG_SEND,   /* a right each */
    MACH_ARG_SEND_ONCE,
    MACH_ARG_RECEIVE
};
struct mach_arg {
    enum mach_arg_kind kind;
    uint32_t most;
};
#define MACH_ARGS_MAX (MACH_ITEMS_MAX - 1)

struct mach_value {
    uint32_t word;           /* WORD */
    struct rope data;        /* STRING, without its zeroes; BYTES */
    uint64_t address, bytes; /* MEMORY */
    bool deallocate;         /* it goes as it is sent */
    mach_name name;          /* of a right */
    uint32_t disposition;    /* as which it is sent */
};
/* n values without anything; drops their data, neither rights nor memory. */
void mach_values_init(struct mach_value *v, uint32_t n);
void mach_values_fini(struct mach_value *v, uint32_t n);

struct mach_routine {
    const char *name; /* NULL: there is no routine of that number */
    bool simple;      /* without a reply */
    struct mach_arg in[MACH_ARGS_MAX + 1], out[MACH_ARGS_MAX + 1]; /* MACH_ARG_END at their ends */
    /* KERN_SUCCESS: the rights and memory of `in` are the server's, `out` is sent.  MIG_NO_REPLY:
     * the same, and s->reply is the server's to send later.  Another code is sent alone, and what
     * came is destroyed. (may block) */
    int32_t (*serve)(void *arg, struct mach_value *in, struct mach_value *out);
};
struct mach_subsystem {
    const char *name;
    int32_t base; /* the id of the first */
    uint32_t count;
    const struct mach_routine *routines;
};

/* Calls a routine of the server that `to` is a send right to; the reply comes to the receive right
 * `reply`, to which nobody else receives meanwhile.  `in` is sent, its data is taken.
 * KERN_SUCCESS: `out` has the results.  Else the routine's code, one of mach_msg or of MIG, and
 * `out` nothing. (blocks) */
int32_t mach_call(struct mach_task *t, const struct mach_subsystem *sub, uint32_t number,
                  mach_name to, mach_name reply, struct mach_value *in, struct mach_value *out);

struct mach_server {
    struct mach_task *task;
    const struct mach_subsystem *const *subsystems; /* NULL at their end */
    void *arg;                                      /* of the routines */
    /* A message that is no request, like a notification: true: it was one, and msg is empty.  NULL:
     * there are none. */
    bool (*other)(void *arg, struct mach_msg *msg);
    bool stop;      /* mach_msg_server ends when the reply has been sent */
    mach_name from; /* of the request that is served: the port it came to */
    mach_name reply;
    uint32_t reply_disposition;
};
/* One request: enters its routine (PORT_WORK_RPC) and makes the reply of msg.  False: there is none
 * to send, and msg is empty. (may block) */
bool mach_demux(struct mach_server *s, struct mach_msg *msg);
/* Receives from the port or set, answers each request and takes the next in one mach_msg.  A reply
 * by a send right does not wait for room.  What ended it: MACH_MSG_SUCCESS after `stop`, or what a
 * receive gave. (blocks) */
enum mach_msg_return mach_msg_server(struct mach_server *s, mach_name from);

/* Destroys what a message holds: rights, the one for the reply included, and memory; of one that is
 * to be sent what would go with it. */
void mach_msg_destroy(struct mach_task *t, struct mach_msg *msg);

#endif
