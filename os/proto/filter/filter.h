/* filter.h: FILTER: one network's datagrams for several instances of IP, told apart by filters.
 *
 * Stands on ARP; on it stand instances of IP, in domains of their own: the kernel's or a server's,
 * and those of libraries.  Each has the node's address.  What comes is given to one of them: that
 * whose filter it meets (program.h), else the first of them in the graph; so is what is for one
 * whose domain is dead.  The kernel looks at nothing else, and what goes out passes.
 *
 *   FILT4  Of the filters that a datagram meets the one of the highest priority has it, and of
 *       these the oldest.
 *   FILT5  No two filters are one program, and of one shape and priority no two have equal values:
 *       what is somebody's cannot be taken from him so.
 *   FILT6  The fragments behind a first one go where that went, as long as it is among the last
 *       `fragments` cut datagrams.
 *   FILT7  What ARP gives back (XK_TAKE_LOST) is told to each that speaks with that host: to the
 *       first instance all, to others what has this node's address as its source.  They may take it
 *       after `failed`, until that is called again.
 *   FILT8  An error of ICMP goes to whose filter the answer to what it quotes would meet, if there
 *       is one.
 *   FILT9  A filter ends with the domain of the instance of IP that has handed it down: what a
 *       server has lent is lent no longer when that is dead.
 *
 * Filters of one shape and priority are looked up in one table: one PORT_WORK_FILTER however many
 * there are.  Any other is run: a PORT_WORK_FILTER_STEP an instruction.
 *
 * An instance of IP says its own filter (`filter`); others are added while it runs, by whoever
 * answers for sessions.  These are controls (XK_FILTER_ADD, XK_FILTER_REMOVE), so they pass
 * domains; IP hands them down to all that it stands on.
 */
#ifndef OS_PROTO_FILTER_FILTER_H
#define OS_PROTO_FILTER_FILTER_H

#include "os/proto/filter/program.h"
#include "os/xk/xobj.h"

/* A control that adds: of whose it is the number, and that of the instance right above that answers
 * for it (FILT9), 0: none does. */
static inline uint64_t filter_whose(uint32_t upper, uint32_t by)
{
    return (uint64_t)by << 32 | upper;
}
/* What the program lets through goes to the instance of that number, right above FILTER, from now
 * on.  `below`: FILTER, or an instance of IP that stands on it.  XK_IN_USE: FILT5; XK_REFUSED: it
 * may not run, nobody of that number stands there, or there is no FILTER below. */
enum xk_status filter_add(struct xk_protl *below, uint32_t upper, const struct filter_program *p);
/* The same, of an instance right above FILTER, that answers for it from now on: `by`. */
enum xk_status filter_add_by(struct xk_protl *below, uint32_t by, uint32_t upper,
                             const struct filter_program *p);
/* No longer.  XK_NO_PEER: it was not added for that one. */
enum xk_status filter_remove(struct xk_protl *below, uint32_t upper,
                             const struct filter_program *p);

/* For who is asked: takes the program out of such a control; false: it is none that may run. */
bool filter_taken(struct xk_control *c, struct filter_program *p) MUST_CHECK;

extern const struct xk_protl_ops filter_protl;

#endif
