/* trace_nodes.h: the part of a machine that a trace shows. */
#ifndef CLI_TRACE_NODES_H
#define CLI_TRACE_NODES_H

#include "sim/trace.h"

struct os_layout;

/* The nodes of a list of psim trace, like "0-3,io0,service": of a machine of that layout, or where
 * it is NULL of a bare network with so many terminals.  NULL with one sentence; else the
 * caller's. */
struct sim_trace_nodes *cli_trace_nodes(const char *list, const struct os_layout *l, uint32_t nodes,
                                        size_t *count, struct err *e) MUST_CHECK;

#endif
