/* outq.h: a network interface and the frames that wait while it is busy, for protocols that drive
 * one.
 *
 *   DRV1  Frames leave in the order of their pushes: once one waits, all wait.
 *   DRV2  A session answered XK_BUSY gets ready once the queue is half empty.
 */
#ifndef OS_PROTO_DRIVER_OUTQ_H
#define OS_PROTO_DRIVER_OUTQ_H

#include "os/xk/xobj.h"

struct outq {
    struct port *port;
    struct port_end *end; /* NULL: the node is not on the network */
    struct port_if_info info;
    uint32_t most, queued;
    struct list queue;   /* of struct outq_frame */
    struct list waiting; /* of struct outq_waiter: answered XK_BUSY */
    struct {
        uint64_t queued, refused; /* frames that waited; pushes answered XK_BUSY */
    } counts;
};
struct outq_waiter { /* in the state of each session; zeroed: it does not wait */
    struct list link;
    struct xk_sessn *sessn;
};

/* For ops->init: opens an end of the driver's interface, if the node has that, which tells `self`;
 * what the network does not promise the driver does not give.  At most `most` frames wait. */
enum xk_status outq_open(struct outq *q, struct xk_protl *self, uint32_t most,
                         const struct port_end_ops *ops);
/* Is it full?  Then the session waits for ready. */
bool outq_full(struct outq *q, struct xk_sessn *s, struct outq_waiter *w);
/* Names the work, and sends the frame or keeps it, which is empty afterwards. */
void outq_send(struct outq *q, uint64_t station, unsigned flags, struct rope *frame);
void outq_ready(struct outq *q);         /* port_end_ops.ready says so */
void outq_forget(struct outq_waiter *w); /* its session waits no longer: for ops->close */

#endif
