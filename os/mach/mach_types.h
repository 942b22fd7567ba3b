/* mach_types.h: names, rights, dispositions and codes of Mach 3.0 IPC.
 *
 * The values are those of Mach's own <mach/port.h>, <mach/message.h>, <mach/kern_return.h> and
 * <mach/notify.h>, so that a program may be read beside its manual [Loepere, Mach 3 Kernel
 * Interfaces, 1992].
 */
#ifndef OS_MACH_MACH_TYPES_H
#define OS_MACH_MACH_TYPES_H

#include "sim/base/base.h"

/* What a task calls a right: its index in the task's table, and a generation in the low byte. */
typedef uint32_t mach_name;
#define MACH_PORT_NULL 0u
#define MACH_PORT_DEAD UINT32_MAX /* in a message: the right's port had died */
#define MACH_UREFS_MAX 65535u     /* user references of a name; those of messages stick there */
#define MACH_QLIMIT_DEFAULT 5u    /* MACH_PORT_QLIMIT_DEFAULT */
#define MACH_QLIMIT_MAX 16u       /* MACH_PORT_QLIMIT_MAX */

enum mach_right {
    MACH_RIGHT_SEND,
    MACH_RIGHT_RECEIVE,
    MACH_RIGHT_SEND_ONCE,
    MACH_RIGHT_PORT_SET,
    MACH_RIGHT_DEAD_NAME,
    MACH_RIGHT_COUNT
};
/* What a name denotes: a set of rights.  SEND and RECEIVE may stand together, all others alone. */
#define MACH_TYPE(right) (0x10000u << (right))
enum {
    MACH_TYPE_NONE = 0,
    MACH_TYPE_SEND = 0x10000,
    MACH_TYPE_RECEIVE = 0x20000,
    MACH_TYPE_SEND_ONCE = 0x40000,
    MACH_TYPE_PORT_SET = 0x80000,
    MACH_TYPE_DEAD_NAME = 0x100000
};
/* What a call says beside them: a msg-accepted or a dead-name notification is to come. */
#define MACH_TYPE_MAREQUEST 0x40000000u
#define MACH_TYPE_DNREQUEST 0x80000000u

/* How a right leaves its holder for a message.  What arrives is one of the first three. */
enum mach_disposition {
    MACH_NO_RIGHT = 0,
    MACH_MOVE_RECEIVE = 16,
    MACH_MOVE_SEND = 17,
    MACH_MOVE_SEND_ONCE = 18,
    MACH_COPY_SEND = 19,
    MACH_MAKE_SEND = 20,
    MACH_MAKE_SEND_ONCE = 21,
    MACH_PORT_RECEIVE = MACH_MOVE_RECEIVE,
    MACH_PORT_SEND = MACH_MOVE_SEND,
    MACH_PORT_SEND_ONCE = MACH_MOVE_SEND_ONCE
};
/* The type of an item is a disposition: it holds rights. */
static inline bool mach_is_right(uint32_t type)
{
    return type >= MACH_MOVE_RECEIVE && type <= MACH_MAKE_SEND_ONCE;
}

/* What else an item of a message holds. */
enum mach_data {
    MACH_TYPE_INTEGER_16 = 1,
    MACH_TYPE_INTEGER_32 = 2,
    MACH_TYPE_CHAR = 8,
    MACH_TYPE_BYTE = 9,
    MACH_TYPE_REAL = 10,
    MACH_TYPE_STRING = 12
};

/* Of the calls of mach_port.h. */
enum kern_return {
    KERN_SUCCESS = 0,
    KERN_NO_SPACE = 3,         /* the task's table of names is full */
    KERN_INVALID_ARGUMENT = 4, /* not for this call, or not for this kind of name */
    KERN_FAILURE = 5,          /* another node does not answer, or has no such thing */
    KERN_NOT_IN_SET = 12,
    KERN_NAME_EXISTS = 13,   /* the name denotes something already */
    KERN_INVALID_NAME = 15,  /* denotes nothing */
    KERN_INVALID_RIGHT = 17, /* denotes something else */
    KERN_INVALID_VALUE = 18,
    KERN_UREFS_OVERFLOW = 19,
    KERN_RIGHT_EXISTS = 21,       /* the task calls it by another name */
    KERN_INVALID_CAPABILITY = 20, /* the port of the notification has died */
};

/* Of mach_msg. */
enum mach_msg_return {
    MACH_MSG_SUCCESS = 0,
    MACH_SEND_INVALID_DEST = 0x10000003,
    MACH_SEND_TIMED_OUT = 0x10000004,
    MACH_SEND_WILL_NOTIFY = 0x10000005,
    MACH_SEND_NOTIFY_IN_PROGRESS = 0x10000006,
    MACH_SEND_INTERRUPTED = 0x10000007,
    MACH_SEND_INVALID_REPLY = 0x10000009,
    MACH_SEND_INVALID_RIGHT = 0x1000000a,
    MACH_SEND_INVALID_NOTIFY = 0x1000000b,
    MACH_SEND_INVALID_MEMORY = 0x1000000c,
    MACH_SEND_INVALID_TYPE = 0x1000000f,
    MACH_SEND_INVALID_HEADER = 0x10000010,
    MACH_RCV_INVALID_NAME = 0x10004002,
    MACH_RCV_TIMED_OUT = 0x10004003,
    MACH_RCV_TOO_LARGE = 0x10004004,
    MACH_RCV_INTERRUPTED = 0x10004005,
    MACH_RCV_PORT_CHANGED = 0x10004006,
    MACH_RCV_INVALID_NOTIFY = 0x10004007,
    MACH_RCV_PORT_DIED = 0x10004009,
    MACH_RCV_IN_SET = 0x1000400a,
    MACH_RCV_HEADER_ERROR = 0x1000400b,
    MACH_RCV_BODY_ERROR = 0x1000400c
};

/* Ids of the messages that the kernel sends. */
enum mach_notification {
    MACH_NOTIFY_PORT_DELETED = 65,   /* a name that a dead-name request was for; its item: name */
    MACH_NOTIFY_MSG_ACCEPTED = 66,   /* a message that was forced has left the queue; item: name */
    MACH_NOTIFY_PORT_DESTROYED = 69, /* item: the receive right */
    MACH_NOTIFY_NO_SENDERS = 70,     /* item: the make-send count */
    MACH_NOTIFY_SEND_ONCE = 71,      /* without items */
    MACH_NOTIFY_DEAD_NAME = 72       /* item: the name */
};

#endif
