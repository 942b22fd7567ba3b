/* mach_msg.h: messages, and the call that sends and receives them.
 *
 * A message is a header (destination and reply as names with dispositions, an id) and typed items,
 * each of bytes or of rights.  It lives in the caller's storage; what it holds belongs to it.
 */
#ifndef OS_MACH_MACH_MSG_H
#define OS_MACH_MACH_MSG_H

#include "os/mach/mach.h"

#define MACH_ITEMS_MAX 8      /* ASSUMED(Mach bounds a message by its size only) */
#define MACH_HEADER_BYTES 24u /* mach_msg_header_t */
#define MACH_ITEM_BYTES 4u    /* mach_msg_type_t, the short form */
#define MACH_MEMORY_BYTES 4u  /* of an item out of line: its address */

struct mach_item {
    uint32_t type;    /* enum mach_data, or a disposition */
    uint32_t count;   /* rights */
    mach_name *names; /* of rights, in the task's heap */
    struct rope data; /* else, in line */
    bool out_of_line; /* the data is memory of the task: */
    bool deallocate;  /* which goes as it is sent; what was received is to go by then */
    uint64_t address, bytes;
};

struct mach_msg {
    uint32_t remote_disp, local_disp;
    mach_name notify; /* for options with NOTIFY or CANCEL: a receive right of the task */
    mach_name remote; /* sent: the destination; received: where to reply */
    mach_name local;  /* sent: the right for the reply; received: the port it came to */
    uint32_t seqno;   /* received: which message of the port; those of set and port count alike */
    int32_t id;
    uint32_t size; /* received, and after MACH_RCV_TOO_LARGE: bytes */
    uint32_t item_count;
    struct mach_item items[MACH_ITEMS_MAX];
};

void mach_msg_init(struct mach_msg *msg);                      /* without items */
void mach_msg_fini(struct mach_task *t, struct mach_msg *msg); /* drops items; without rights */
/* Appends an item: the rope, which is taken; or count names, which are copied. */
void mach_msg_add(struct mach_msg *msg, enum mach_data type, struct rope *data);
/* Appends an item out of line: the bytes of the task's memory [address, address + bytes), which the
 * receiver gets as a new region in its own (its pages are shared until one of the two writes them),
 * with deallocate set.  deallocate: the range, in whole pages, is one region of the task, and is
 * removed. */
void mach_msg_add_memory(struct mach_msg *msg, enum mach_data type, uint64_t address,
                         uint64_t bytes, bool deallocate);
void mach_msg_add_rights(struct mach_task *t, struct mach_msg *msg, enum mach_disposition d,
                         const mach_name *names, uint32_t count);

/* Removes the region of that address from the task's memory: one system call.  False: there is no
 * such region, or it is in use. */
bool mach_vm_deallocate(struct mach_task *t, uint64_t address);

enum {
    MACH_SEND_MSG = 1,
    MACH_RCV_MSG = 2,
    MACH_RCV_LARGE = 4,
    MACH_SEND_TIMEOUT = 0x10,
    MACH_SEND_NOTIFY = 0x20,
    MACH_SEND_INTERRUPT = 0x40,
    MACH_SEND_CANCEL = 0x80,
    MACH_RCV_TIMEOUT = 0x100,
    MACH_RCV_NOTIFY = 0x200,
    MACH_RCV_INTERRUPT = 0x400
};

/* Sends msg, then receives into msg from the port or set `from`, each when its option says so.
 *
 * Send: what is sent is gone from msg. MACH_SEND_INVALID_DEST, _REPLY, _HEADER, _TYPE: nothing has
 * changed. MACH_SEND_INVALID_RIGHT, _INVALID_MEMORY (an item's right cannot be taken, or the task
 * has no such memory, or no such region that could go): the message and what was taken of it
 * before is destroyed. When the port's queue is full it waits, for at most `timeout` with
 * MACH_SEND_TIMEOUT; MACH_SEND_TIMED_OUT, _INTERRUPTED (with MACH_SEND_INTERRUPT): the rights are
 * back under names, memory out of line is a new region with deallocate set, and msg can be sent
 * again as it is. A port that dies meanwhile: the message is destroyed, and that is a success. A
 * message that would hold, at any depth, the receive right of its own destination is destroyed,
 * and that is one, too.
 *
 * MACH_SEND_NOTIFY: what would end with MACH_SEND_TIMED_OUT is sent all the same, and the call
 * ends with MACH_SEND_WILL_NOTIFY; when the message has been received or destroyed, msg-accepted
 * comes to msg->notify with the name of the send right (MACH_PORT_NULL: it is gone). One at a time
 * for a name, else MACH_SEND_NOTIFY_IN_PROGRESS; MACH_SEND_INVALID_NOTIFY: no receive right: in
 * both cases as MACH_SEND_TIMED_OUT. MACH_SEND_CANCEL: if the name of the destination goes with
 * the message, a dead-name request of it that would tell msg->notify is dropped, and nobody is
 * told; no receive right: MACH_SEND_INVALID_NOTIFY, and nothing has changed.
 *
 * Receive: waits, for at most `timeout` with MACH_RCV_TIMEOUT.  A message of more than limit bytes
 * (0: no limit) is destroyed, or stays with MACH_RCV_LARGE, and gives MACH_RCV_TOO_LARGE.
 * MACH_RCV_HEADER_ERROR: the reply right found no name, the message is destroyed;
 * MACH_RCV_BODY_ERROR: rights in items did not, are destroyed and MACH_PORT_NULL; or memory out of
 * line found no room (or the task has no memory), is dropped and at address 0.
 * MACH_RCV_IN_SET: the port is in a set.
 * MACH_RCV_NOTIFY: a reply right that gets a new name has a dead-name request that tells
 * msg->notify; no receive right: the message is destroyed, MACH_RCV_INVALID_NOTIFY.
 * MACH_RCV_PORT_DIED, _PORT_CHANGED: it went, or into a set, while the thread waited.
 * Threads that wait for one queue are served in the order in which they came.  (blocks) */
enum mach_msg_return mach_msg(struct mach_task *t, struct mach_msg *msg, unsigned options,
                              mach_name from, uint32_t limit, sim_time timeout);
/* The wait of that thread in mach_msg ends as interrupted when its options allow that. */
void mach_thread_interrupt(struct mach_task *t, const struct port_thread *thread);

#endif
