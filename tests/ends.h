/* ends.h: for tests: one end a node, on its first interface, that takes every frame. */
#ifndef TESTS_ENDS_H
#define TESTS_ENDS_H

#include <stdlib.h>

#include "os/port.h"

#define ENDS_MAX 8192
static struct port_end *ends_of[ENDS_MAX]; /* by node, of its latest life */

/* Opens it; stations are numbers of nodes. */
static inline void end_open(struct port *p, const struct port_end_ops *ops, void *arg)
{
    enum port_if_result why;
    ASSERT(port_node(p) < ENDS_MAX);
    ends_of[port_node(p)] = port_end_open(p, 0, NULL, 0, ops, arg, &why);
    ASSERT(ends_of[port_node(p)] && why == PORT_IF_OK);
}

static inline enum port_if_result end_send(struct port *p, uint32_t dst, unsigned flags,
                                           struct rope *frame)
{
    return port_end_send(ends_of[port_node(p)], dst, flags, frame);
}

#endif
