/* mach_port.h: the calls on names and rights.
 *
 * Each is one system call of the task (PORT_WORK_TRAP) and never blocks.  A name that denotes
 * nothing gives KERN_INVALID_NAME, one that denotes another right KERN_INVALID_RIGHT, and then
 * nothing has changed.
 */
#ifndef OS_MACH_MACH_PORT_H
#define OS_MACH_MACH_PORT_H

#include "os/mach/mach.h"

/* A new receive right (a port), port set, or dead name (one user reference). */
enum kern_return mach_port_allocate(struct mach_task *t, enum mach_right right, mach_name *name);
/* The same under a name of the caller's.  KERN_INVALID_VALUE: no such right, or no name;
 * KERN_NAME_EXISTS: it denotes something. */
enum kern_return mach_port_allocate_name(struct mach_task *t, enum mach_right right,
                                         mach_name name);
/* What was `from` is called `to` now, which denotes nothing before (KERN_NAME_EXISTS).
 * KERN_INVALID_VALUE: it is no name. */
enum kern_return mach_port_rename(struct mach_task *t, mach_name from, mach_name to);
/* The names of the task and their types, `room` of them at most; *count: how many there are. */
enum kern_return mach_port_names(struct mach_task *t, mach_name *names, uint32_t *types,
                                 uint32_t room, uint32_t *count);
/* The same of the members of a port set, in the order in which they came. */
enum kern_return mach_port_get_set_status(struct mach_task *t, mach_name set, mach_name *members,
                                          uint32_t room, uint32_t *count);
/* MACH_TYPE_*; a right whose port has died is a dead name. */
enum kern_return mach_port_type(struct mach_task *t, mach_name name, uint32_t *type);
/* User references of that right at the name: 0 when it denotes another. */
enum kern_return mach_port_get_refs(struct mach_task *t, mach_name name, enum mach_right right,
                                    uint32_t *refs);
/* Adds delta to them; at 0 the right is destroyed.  RECEIVE, SEND_ONCE and PORT_SET have one, which
 * may go only.  KERN_INVALID_VALUE below 0, KERN_UREFS_OVERFLOW above MACH_UREFS_MAX. */
enum kern_return mach_port_mod_refs(struct mach_task *t, mach_name name, enum mach_right right,
                                    int32_t delta);
/* One user reference less of a send, send-once or dead name. */
enum kern_return mach_port_deallocate(struct mach_task *t, mach_name name);
/* All rights of the name. */
enum kern_return mach_port_destroy(struct mach_task *t, mach_name name);
/* Mach's mach_port_extract_right: takes the right `right` of `from` as disposition d says and gives
 * it to `to`, which calls it *name.  KERN_INVALID_CAPABILITY: its port is dead; the reference is
 * gone, nothing is given. */
enum kern_return mach_port_give(struct mach_task *from, mach_name right, enum mach_disposition d,
                                struct mach_task *to, mach_name *name);
/* The right `right` of `from`, taken as disposition d says, is t's under that name
 * (KERN_INVALID_VALUE: it is none).  Else it is destroyed: KERN_INVALID_CAPABILITY: the port is
 * dead; KERN_RIGHT_EXISTS: t calls its send or receive right to the port by another name;
 * KERN_NAME_EXISTS: the name denotes another right; KERN_UREFS_OVERFLOW, KERN_NO_SPACE. */
enum kern_return mach_port_insert_right(struct mach_task *t, mach_name name, struct mach_task *from,
                                        mach_name right, enum mach_disposition d);
/* Puts the receive right into the set, out of the one it is in; MACH_PORT_NULL: into none
 * (KERN_NOT_IN_SET when it was in none).  Threads that receive from the port itself end with
 * MACH_RCV_PORT_CHANGED. */
enum kern_return mach_port_move_member(struct mach_task *t, mach_name name, mach_name set);

struct mach_status {
    mach_name set; /* or MACH_PORT_NULL */
    uint32_t seqno, make_send, qlimit, messages;
    bool senders, send_once;    /* some exist */
    bool no_senders, destroyed; /* are requested */
};
/* Of a receive right. */
enum kern_return mach_port_get_status(struct mach_task *t, mach_name name, struct mach_status *s);
/* KERN_INVALID_VALUE above MACH_QLIMIT_MAX.  A raised limit lets waiting senders go on. */
enum kern_return mach_port_set_qlimit(struct mach_task *t, mach_name name, uint32_t limit);
enum kern_return mach_port_set_mscount(struct mach_task *t, mach_name name, uint32_t count);

/* Asks for a notification about the name, sent by the right `notify` taken as disposition d
 * (MACH_MAKE_SEND_ONCE, MACH_MOVE_SEND_ONCE; MACH_PORT_NULL: none, which withdraws the request).
 * *previous: the send-once right of the request before, or MACH_PORT_NULL.
 *   PORT_DESTROYED  of a receive right: it is sent instead of destroyed.
 *   NO_SENDERS      of a receive right: told when the last send right goes; at once when there is
 *                   none and the make-send count has reached sync.
 *   DEAD_NAME       of a name with a send, send-once or receive right; of a dead name at once when
 *                   sync is not 0, else KERN_INVALID_ARGUMENT.  The notification holds one user
 *                   reference of the dead name.
 */
enum kern_return mach_port_request_notification(struct mach_task *t, mach_name name,
                                                enum mach_notification id, uint32_t sync,
                                                mach_name notify, enum mach_disposition d,
                                                mach_name *previous);

#endif
