/* outq.c: an interface and the frames that wait for it.  See outq.h. */
#include "os/proto/driver/outq.h"

struct outq_frame {
    struct list link;
    uint64_t dst;   /* station */
    unsigned flags; /* PORT_ */
    struct rope data;
};

enum xk_status outq_open(struct outq *q, struct xk_protl *self, uint32_t most,
                         const struct port_end_ops *ops)
{
    enum port_if_result why;
    q->port = xk_port(self);
    q->most = most;
    list_init(&q->queue);
    list_init(&q->waiting);
    if (self->ifc == UINT32_MAX)
        return XK_OK; /* there is nobody to talk to */
    port_if_describe(q->port, self->ifc, &q->info);
    if (!q->info.reliable)
        self->gives &= ~(unsigned)XK_LOSSLESS;
    if (!q->info.ordered)
        self->gives &= ~(unsigned)XK_ORDERED;
    q->end = port_end_open(q->port, self->ifc, NULL, 0, ops, self, &why);
    return q->end != NULL ? XK_OK : XK_REFUSED;
}

bool outq_full(struct outq *q, struct xk_sessn *s, struct outq_waiter *w)
{
    if (q->queued < q->most)
        return false;
    q->counts.refused++;
    if (!w->sessn) {
        w->sessn = s;
        list_push(&q->waiting, &w->link);
    }
    return true;
}

void outq_send(struct outq *q, uint64_t station, unsigned flags, struct rope *frame)
{
    port_end_out(q->end, frame->length);
    enum port_if_result r = PORT_IF_BUSY;
    if (q->queued == 0) /* DRV1 */
        r = port_end_send(q->end, station, flags, frame);
    ASSERT(r != PORT_IF_TOO_LONG && r != PORT_IF_NONE);
    if (r == PORT_IF_BUSY) {
        struct outq_frame *f = port_alloc(q->port, sizeof *f);
        f->dst = station;
        f->flags = flags;
        rope_move(&f->data, frame);
        list_push(&q->queue, &f->link);
        q->queued++;
        q->counts.queued++;
    }
    rope_fini(frame);
}

void outq_forget(struct outq_waiter *w)
{
    if (!w->sessn)
        return;
    list_remove(&w->link);
    w->sessn = NULL;
}

void outq_ready(struct outq *q)
{
    while (!list_empty(&q->queue)) {
        struct outq_frame *f = LIST_ENTRY(q->queue.next, struct outq_frame, link);
        if (port_end_send(q->end, f->dst, f->flags, &f->data) == PORT_IF_BUSY)
            break;
        list_remove(&f->link);
        q->queued--;
        rope_fini(&f->data);
        port_free(q->port, f);
    }
    /* DRV2.  A ready session may push at once and be refused again: then it is the last. */
    while (!list_empty(&q->waiting) && q->queued * 2 <= q->most) {
        struct outq_waiter *w = LIST_ENTRY(q->waiting.next, struct outq_waiter, link);
        struct xk_sessn *s = w->sessn;
        outq_forget(w);
        s->refs++;
        xk_ready(s);
        xk_close(s);
    }
}
