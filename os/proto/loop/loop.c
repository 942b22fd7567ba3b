/* loop.c: LOOP.  See loop.h and README.md.
 *
 *   LOOP1  Messages are delivered once each, in the order in which they were pushed.
 */
#include "os/proto/loop/loop.h"

#include "os/xk/table.h"

struct loop_params {
    int64_t idle;
};

static const struct param params[] = {
    P_INT(loop_params, idle, "16", "0", "65536", "idle sessions kept for re-use",
          "ASSUMED(an idle node stays within 16 KiB)"),
    P_END,
};

struct loop_state {
    struct xk_table sessns;
    struct list queue; /* struct loop_item */
    struct port_timer deliver;
    struct {
        uint64_t messages;
    } counts;
};

struct loop_item {
    struct list link;
    struct xk_sessn *to; /* held */
    struct xk_msg msg;
};

static struct xk_sessn *get_sessn(struct xk_protl *self, struct xk_protl *upper);

/* The other upper, or the only one. */
static struct xk_protl *partner(struct xk_protl *self, struct xk_protl *upper)
{
    for (uint32_t n = 1; n < 64; n++) {
        struct xk_protl *other = self->enabled >> n & 1 ? xk_taker(self, n) : NULL;
        if (other && other != upper)
            return other;
    }
    return upper;
}

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct xk_protl *self = s->protl;
    struct loop_state *st = self->state;
    struct loop_item *i = port_alloc(xk_port(self), sizeof *i);
    i->to = get_sessn(self, partner(self, s->upper));
    xk_msg_move(&i->msg, m);
    list_push(&st->queue, &i->link);
    if (!port_timer_pending(&st->deliver))
        port_timer_set(&st->deliver, 0);
    return XK_OK;
}

static void deliver(struct port_timer *t)
{
    struct xk_protl *self = t->arg;
    struct loop_state *st = self->state;
    struct list *l = list_pop(&st->queue); /* LOOP1 */
    if (!list_empty(&st->queue))
        port_timer_set(t, 0);
    struct loop_item *i = LIST_ENTRY(l, struct loop_item, link);
    struct xk_sessn *s = i->to;
    st->counts.messages++;
    xk_demux(s, &i->msg);
    xk_msg_fini(&i->msg);
    port_free(xk_port(self), i);
    xk_close(s);
}

static void sessn_close(struct xk_sessn *s)
{
    xk_table_idle(&((struct loop_state *)s->protl->state)->sessns, s);
}

static const struct xk_sessn_ops sessn_ops = { .push = sessn_push, .close = sessn_close };

static struct xk_sessn *get_sessn(struct xk_protl *self, struct xk_protl *upper)
{
    struct loop_state *st = self->state;
    enum xk_status why;
    bool fresh;
    return xk_table_open(&st->sessns, self, upper, port_node(xk_port(self)), &sessn_ops, 0, &fresh,
                         &why);
}

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct loop_state *st = self->state;
    const struct loop_params *lp = p;
    xk_table_init(&st->sessns, self, (uint32_t)lp->idle);
    list_init(&st->queue);
    port_timer_init(xk_port(self), &st->deliver, deliver, self);
    return XK_OK;
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    uint32_t host;
    if (!xk_parts_node(&peer, &host) || host != port_node(xk_port(self))) { /* PART1 */
        *why = XK_NO_PEER;
        return NULL;
    }
    xk_enable(self, upper);
    return get_sessn(self, upper);
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    return xk_table_control(&((struct loop_state *)self->state)->sessns, self, self->carries, c);
}

static unsigned protl_gives(const void *p, unsigned below)
{
    (void)p;
    return below | XK_LONG | XK_LIVES | XK_TAKES;
}

static const struct counter counters[] = {
    C_SUM(loop_state, counts, messages, "1", "Messages delivered."),
    C_END,
};

const struct xk_protl_ops loop_protl = {
    .kind = { .name = "loop",
              .doc = "a network inside one node: what one upper pushes comes to the other",
              .params = params,
              .params_size = sizeof(struct loop_params),
              .state_size = sizeof(struct loop_state),
              .counters = counters },
    .is_virtual = true,
    .gives = protl_gives,
    .init = protl_init,
    .open = protl_open,
    .control = protl_control,
};
