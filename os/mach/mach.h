/* mach.h: the IPC of Mach 3.0 on one node: the kernel's part and its tasks.
 *
 * What is modelled: names, rights and their user references, port sets, queue limits, messages of
 * typed items that carry rights, bytes in line or memory out of line, notifications, the death of
 * ports and tasks.  What is not: rights out of line, the kernel's own objects behind ports
 * (threads, memory objects).  Sources: [Loepere, Mach 3 Kernel Interfaces, 1992] and the comments
 * of Mach's ipc/ (CMU, 1991).
 *
 *   MACH1  A port's receive right is in exactly one place: a task's table, one message, or nowhere,
 *       and then the port is dead.
 *   MACH2  A live port counts its send rights (one for each table that has some, one for each of a
 *       message) and its send-once rights (names and messages); no more, no less.
 *   MACH3  Every send-once right ends as one message to its port: the one it was used for, or the
 *       kernel's that it was destroyed; unless the port has died, or MACH_SEND_CANCEL drops it.
 *   MACH4  A no-senders request ends when the last send right goes, and is told then, once; or
 *       when the port dies, as an unused send-once right.
 *   MACH5  A dead-name request is answered once: dead-name when the port dies, port-deleted when
 *       the name goes before.
 *   MACH6  A queue holds more than its limit only by messages to send-once rights, the kernel's,
 *       those that MACH_SEND_NOTIFY forces (one a name), and by a limit that was lowered.
 *   MACH7  Senders that wait for room get it in the order in which they came; a sender waits only
 *       while its port is full.
 */
#ifndef OS_MACH_MACH_H
#define OS_MACH_MACH_H

#include "os/mach/mach_types.h"
#include "os/port.h"

struct os_service_ops;
struct vm_space;
struct mach;      /* of a node */
struct mach_task; /* whose names they are */

/* In the heap of the kernel's task p.  names_max: of one task; 0: no limit. */
struct mach *mach_create(struct port *p, uint32_t names_max);

/* A task without names, whose threads run in the task p (which may be the kernel's). */
struct mach_task *mach_task_create(struct mach *m, struct port *p);
/* Ends it: all its rights are destroyed in the order of their names, and its threads that wait in
 * mach_msg are forgotten: they are never woken by it.  t is gone.  Never blocks. */
void mach_task_terminate(struct mach_task *t);
/* The same for a handler of port_task_on_end: now it only notes it, the rest follows as an upcall
 * of the kernel's task. */
void mach_task_crashed(struct mach_task *t);
/* Its memory, of the same task p: what it sends out of line is there, and what it receives.  A
 * thread of it may then fault in mach_msg: until that has ended mach_task_terminate must wait. */
void mach_task_memory(struct mach_task *t, struct vm_space *memory);
struct port *mach_task_port(const struct mach_task *t);

/* Ports and messages that exist on the node now. */
uint64_t mach_ports(const struct mach *m);
uint64_t mach_messages(const struct mach *m);

/* A node's IPC as a service: os_find gives its struct mach. */
extern const struct os_service_ops mach_service;

#endif
