/* outq.h: frames that wait for a busy interface, for protocols that drive one.
 *
 *   DRV1  Frames leave in the order of their pushes: once one waits, all wait.
 *   DRV2  A session answered XK_BUSY gets ready once the queue is half empty.
 */
#ifndef OS_PROTO_DRIVER_OUTQ_H
#define OS_PROTO_DRIVER_OUTQ_H

#include "os/xk/xobj.h"

struct outq {
    struct port *port;
    struct port_end *end; /* its user opens it */
    uint32_t most, queued;
    struct list queue;   /* of struct outq_frame */
    struct list waiting; /* of struct outq_waiter: answered XK_BUSY */
};
struct outq_waiter { /* in the state of each session; zeroed: it does not wait */
    struct list link;
    struct xk_sessn *sessn;
};

/* Empty; at most `most` frames wait. */
void outq_init(struct outq *q, struct port *p, uint32_t most);
/* Is it full?  Then the session waits for ready. */
bool outq_full(struct outq *q, struct xk_sessn *s, struct outq_waiter *w);
/* Names the work, and sends the frame or keeps it, which is empty afterwards.  True: it waits. */
bool outq_send(struct outq *q, uint64_t station, unsigned flags, struct rope *frame);
void outq_ready(struct outq *q);         /* port_end_ops.ready says so */
void outq_forget(struct outq_waiter *w); /* its session waits no longer: for ops->close */

#endif
