/* netname_internal.h: private to the name service: a server's state. */
#ifndef OS_MACH_NETNAME_INTERNAL_H
#define OS_MACH_NETNAME_INTERNAL_H

#include "os/mach/mach_net.h"
#include "os/mach/netname.h"

/* The bytes of a name, and a zero: NETNAME_BYTES + 1. */
static inline void netname_text(const struct rope *data, char *text)
{
    rope_read(data, 0, data->length, text);
    text[data->length] = 0;
}

struct netname {
    struct mach *mach;
    struct port *port; /* of its task */
    struct mach_task *task;
    mach_name service, notify, set; /* what it receives from: requests, notifications; both */
    struct list names;              /* struct netname_entry */
    struct list peers;              /* struct netname_peer */
    struct list asked;              /* struct netname_ask: look-ups to be passed on */
    uint32_t count, limit;
    struct port_thread *passer; /* the thread that passes them on */
    struct mach_server server;
    struct {
        uint64_t checked_in, looked_up, passed, removed;
    } counts;
};

#endif
