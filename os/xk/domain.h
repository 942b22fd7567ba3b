/* domain.h: protection domains: which task of a node, and which processor, an instance is of.
 *
 * An instance's domain is a task: its heap, its timers and its upcalls are that task's.  The
 * domain "kernel" is the kernel task; every other has a task of its own.  Where an instance stands
 * on one of another domain the framework puts two proxies between them: the upper instance opens,
 * pushes to and hears from the one, the lower knows the other in the upper one's place.  Nothing
 * else of either side is seen by the other.
 *
 *   DOM1  Each open, push, delivery, `ready` and `failed` that passes a boundary is named as one
 *       PORT_WORK_CROSS, or as what its kind of transfer says; between two domains on one processor
 *       it is a procedure call, but for what waits by that kind (TRAN5).
 *   DOM2  To a domain on another processor messages go by an upcall there, in their order.  push
 *       takes them while fewer than `queue` of a session wait (all, where what is below takes all);
 *       what goes wrong with one later is dropped and counted.  Opens, closes and controls are
 *       procedure calls: who asks waits for the answer.
 *   DOM3  A domain crashes alone (port_task_crash of its task): the sessions that others have of
 *       its instances answer XK_CLOSED, calls under way on them fail with that; what comes for its
 *       instances is dropped and counted; what they held of others is closed; who stands on them
 *       is told, if it asks for that (`closed`).  Messages that have
 *       crossed before are delivered.
 *       The names (ports) at which one without `restart` had enabled are free again.
 *   DOM4  A domain with `restart` begins anew so long after.  What others had enabled at its
 *       instances is enabled again, and a session that they had opened is opened again by the next
 *       push.  So what such a domain gives to others loses messages.
 *   DOM5  A control of a session with a message crosses with it as messages do, and is answered
 *       XK_BUSY while other messages of the session are on their way.
 */
#ifndef OS_XK_DOMAIN_H
#define OS_XK_DOMAIN_H

#include "os/xk/graph.h"
#include "os/xk/transfer.h"

struct xk_domain_params {
    int cpu; /* XK_CPU_ */
    sim_time restart;
    int64_t queue;
    struct kind_choice transfer; /* of xk_transfers */
};
enum { XK_CPU_UPCALLS, XK_CPU_APPLICATION, XK_CPU_COPROCESSOR, XK_CPU_THIRD };
extern const struct param xk_domain_params[];

/* Counted for each domain that the configuration describes, under its name. */
struct xk_domain_counts {
    uint64_t messages, bytes; /* that crossed into it, or out of it towards the kernel */
    uint64_t dropped;         /* came for it, or were under way to it, when it was dead */
    uint64_t closed;          /* pushes to its instances that were answered XK_CLOSED */
    uint64_t overflowed;      /* found all slots of its transfer taken (TRAN5) */
    uint64_t restarts;
    uint64_t waiting; /* most messages of one boundary that waited for another processor */
};
extern const struct counter xk_domain_counters[];

/* Reads what a configuration says of the domains of a graph, a table by their names (NULL:
 * nothing).  False with a sentence. */
bool xk_graph_domains(struct xk_graph *g, const struct val *domains, const char *path,
                      struct err *e) MUST_CHECK;
/* The name of the i-th domain, from 1 (0 is the kernel's); NULL behind the last. */
const char *xk_graph_domain(const struct xk_graph *g, uint32_t i);
/* The name of the CPU that it is placed on; NULL: where the node's upcalls run. */
const char *xk_graph_domain_cpu(const struct xk_graph *g, uint32_t i);
bool xk_graph_domain_restarts(const struct xk_graph *g, uint32_t i); /* it has `restart` */
/* An instance in it whose functions services and programs call: so it ends with its node alone. */
const char *xk_graph_domain_called(const struct xk_graph *g, uint32_t i); /* NULL: there is none */

/* Programs are of it, and end with it: an instance in it that they call; NULL: there is none. */
const char *xk_graph_domain_program(const struct xk_graph *g, uint32_t i);

/* The name of the domain's task.  Static until the next call. */
const char *xk_domain_task_name(const char *domain);
/* The domain's task on this node; NULL: it is dead, or the graph has none of that name. */
struct port *xk_domain_task(struct xk_kernel *k, const char *domain);
/* Bytes of the heaps of all domains, the kernel's too, that are not dead (port_heap_bytes). */
uint64_t xk_domains_heap(const struct xk_kernel *k);
/* What it counts; NULL: as above, but for the dead. */
const struct xk_domain_counts *xk_domain_counts(const struct xk_kernel *k, const char *domain);

#endif
