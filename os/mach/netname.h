/* netname.h: names of ports: Mach's network name service, a server task on each node.
 *
 * After <servers/netname.defs>, netname_defs.h and the name server snames [CMU, 1991]: who checks a
 * port in under a name shows a second right, the signature, and only who shows it again may check
 * the name out or change it.  Case does not matter.  A look-up with the number of another node is
 * passed on to that node's server, which answers the client itself; each finds the other's by the
 * special port MACH_SPECIAL_NAMES (mach_net.h).
 *
 *   NETNAME1  A name is there from its check-in until its check-out, or until its port or its
 *       signature has died, and is no name of another's meanwhile.
 */
#ifndef OS_MACH_NETNAME_H
#define OS_MACH_NETNAME_H

#include "os/mach/mach_stub.h"

#define NETNAME_BYTES 80 /* netname_name_t */
#define NETNAME_ID 1040  /* subsystem netname */

enum { NETNAME_CHECK_IN, NETNAME_LOOK_UP, NETNAME_CHECK_OUT, NETNAME_VERSION, NETNAME_ROUTINES };
extern const struct mach_subsystem netname_subsystem;

enum netname_return {
    NETNAME_NOT_YOURS = 1000,      /* it is checked in with another signature */
    NETNAME_NOT_CHECKED_IN = 1001, /* there is no such name */
    NETNAME_NO_SUCH_HOST = 1002,   /* that is the number of no node */
    NETNAME_HOST_NOT_FOUND = 1003, /* the node has no name server, or there is no net to it */
    NETNAME_INVALID_PORT = 1004    /* it had died, or was none */
};

struct netname_user {
    struct mach_task *task;
    mach_name server, reply; /* send right; receive right */
};
/* The task's way to the server of its node.  KERN_FAILURE: there is none.  A user is one thread's
 * at a time. */
enum kern_return netname_open(struct netname_user *u, struct mach_task *t);
void netname_close(struct netname_user *u);

/* Calls (block).  KERN_SUCCESS, an enum netname_return, or a code of mach_call.  A name is at most
 * NETNAME_BYTES long; rights are given as the dispositions say. */
int32_t netname_check_in(const struct netname_user *u, const char *name, mach_name signature,
                         enum mach_disposition signature_d, mach_name port,
                         enum mach_disposition port_d);
int32_t netname_check_out(const struct netname_user *u, const char *name, mach_name signature,
                          enum mach_disposition d);
/* host: the number of a node, or "": this one.  *port: a send right. */
int32_t netname_look_up(const struct netname_user *u, const char *host, const char *name,
                        mach_name *port);
/* version: NETNAME_BYTES + 1 bytes. */
int32_t netname_version(const struct netname_user *u, char *version);

/* The server of a node, in a task of its own, whose special port is set.  limit: of names; 0: none.
 * NULL: no room for its threads. */
struct netname;
struct netname *netname_start(struct mach *m, struct port *kernel, uint32_t limit);
uint32_t netname_count(const struct netname *n); /* names that are checked in */

/* The same as a service: os_find gives its struct netname. */
extern const struct os_service_ops mach_names_service;

#endif
