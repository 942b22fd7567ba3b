/* xobj.c: the uniform protocol interface: each call names the crossing and the layer (XK4), then
 * calls the op.  See xobj.h.
 */
#include "os/xk/xobj.h"

#include <string.h>

#include "os/xk/xk_internal.h"

const char *xk_status_name(enum xk_status s)
{
    static const char *const names[XK_STATUS_COUNT] = {
        [XK_OK] = "ok",           [XK_BUSY] = "busy",
        [XK_TOO_LONG] = "long",   [XK_NO_PEER] = "no peer",
        [XK_REFUSED] = "refused", [XK_UNREACHABLE] = "unreachable",
        [XK_CLOSED] = "closed",   [XK_RESTARTED] = "restarted",
        [XK_IN_USE] = "in use",   [XK_NO_PORT] = "no port free",
        [XK_RESET] = "reset",
    };
    return s < XK_STATUS_COUNT ? names[s] : "unknown";
}

struct port *xk_port(const struct xk_protl *p)
{
    return p->task;
}

bool xk_task_lives(const struct xk_protl *p)
{
    const struct xk_boundary *b = p->boundary;
    return (b && p == &b->over ? b->upper : b ? b->lower : p)->task != NULL;
}

const void *xk_params(const struct xk_protl *p, const struct xk_protl_ops *ops)
{
    const struct xk_node_desc *d = &p->kernel->graph->nodes[p->number - 1];
    return d->ops == ops ? d->params : NULL;
}

/* Of one that carries one upper alone: that one, from now on. */
static enum xk_status adopt(struct xk_protl *self, struct xk_protl *upper)
{
    if (self->upper && self->upper != upper)
        return XK_REFUSED;
    self->upper = upper;
    return XK_OK;
}

struct xk_sessn *xk_open(struct xk_protl *lower, struct xk_protl *upper, struct xk_parts peer,
                         enum xk_status *why)
{
    *why = lower->ops->single ? adopt(lower, upper) : XK_OK;
    return *why == XK_OK ? lower->ops->open(lower, upper, peer, why) : NULL;
}

enum xk_status xk_open_enable(struct xk_protl *lower, struct xk_protl *upper, struct xk_parts local)
{
    if (lower->ops->open_enable)
        return lower->ops->open_enable(lower, upper, local);
    if (lower->ops->single) {
        enum xk_status r = adopt(lower, upper);
        for (uint8_t i = 0; i < lower->downs && r == XK_OK; i++)
            r = xk_open_enable(lower->down[i], lower, local);
        return r;
    }
    if (local.count > 0)
        return XK_REFUSED; /* PART1 */
    xk_enable(lower, upper);
    return XK_OK;
}

enum xk_status xk_open_disable(struct xk_protl *lower, struct xk_protl *upper,
                               struct xk_parts local)
{
    if (lower->ops->open_disable)
        return lower->ops->open_disable(lower, upper, local);
    if (lower->ops->single) {
        enum xk_status r = XK_OK;
        for (uint8_t i = 0; i < lower->downs && r == XK_OK; i++)
            r = xk_open_disable(lower->down[i], lower, local);
        return r;
    }
    if (local.count > 0)
        return XK_REFUSED; /* PART1 */
    xk_disable(lower, upper);
    return XK_OK;
}

void xk_open_done(struct xk_protl *upper, struct xk_sessn *s)
{
    if (upper->ops->open_done)
        upper->ops->open_done(upper, s);
}

/* XK4: a message passes through that layer. */
static void pass(const struct xk_protl *through)
{
    if (!through->ops->joined)
        port_work(through->task, through->ops->is_virtual ? PORT_WORK_CHOICE : PORT_WORK_LAYER, 1);
}

void xk_swap_bytes(const struct xk_protl *p, uint64_t bytes)
{
    if (p->kernel->little && bytes > 0)
        port_work(p->kernel->port, PORT_WORK_SWAP, bytes / 4);
}

void xk_swap(const struct xk_protl *p)
{
    xk_swap_bytes(p, p->ops->header);
}

enum xk_status xk_push(struct xk_sessn *s, struct xk_msg *m)
{
    pass(s->protl);
    xk_swap(s->upper);
    return s->ops->push(s, m);
}

void xk_demux(struct xk_sessn *s, struct xk_msg *m)
{
    pass(s->protl);
    if (!(s->upper->ops->needs & XK_PIECES) || s->first)
        xk_swap(s->upper);
    s->upper->ops->demux(s->upper, s, m);
}

void xk_ready(struct xk_sessn *s)
{
    if (!s->upper->ops->ready)
        return;
    s->upper->ops->ready(s->upper, s);
}

void xk_failed(struct xk_sessn *s, enum xk_status why)
{
    if (!s->upper->ops->failed)
        return;
    s->upper->ops->failed(s->upper, s, why);
}

struct xk_sessn *xk_dup(struct xk_sessn *s)
{
    s->refs++;
    return s;
}

void xk_close(struct xk_sessn *s)
{
    ASSERT(s->refs > 0); /* XK2 */
    if (--s->refs > 0)
        return;
    if (s->ops->close)
        s->ops->close(s);
    else
        xk_sessn_free(s);
}

/* What below has answered, for who stands on it: what is carried uncut is less by the header. */
static enum xk_status answered(const struct xk_protl *p, struct xk_control *c, enum xk_status r)
{
    if (c->op == XK_GET_OPT_PACKET && r == XK_OK)
        c->u64 -= c->u64 > p->ops->header ? p->ops->header : c->u64;
    return r;
}

enum xk_status xk_control_below(struct xk_protl *p, struct xk_control *c)
{
    return p->downs ? answered(p, c, xk_protl_control(p->down[0], c)) : XK_REFUSED;
}

enum xk_status xk_sessn_control(struct xk_sessn *s, struct xk_control *c)
{
    if (c->op == XK_GET_PEER_HOST) {
        c->u64 = s->host;
        return XK_OK;
    }
    if (s->ops->control)
        return s->ops->control(s, c);
    return s->downs ? answered(s->protl, c, xk_sessn_control(s->down[0], c))
                    : xk_protl_control(s->protl, c);
}

enum xk_status xk_protl_control(struct xk_protl *p, struct xk_control *c)
{
    if (c->op == XK_GET_MY_HOST) {
        c->u64 = port_node(xk_port(p));
        return XK_OK;
    }
    if (p->ops->control)
        return p->ops->control(p, c);
    return xk_control_below(p, c);
}

struct xk_sessn *xk_sessn_new(struct xk_protl *protl, struct xk_protl *upper, uint32_t host,
                              const struct xk_sessn_ops *ops, size_t state_size)
{
    struct xk_sessn *s = port_alloc(protl->task, sizeof *s + state_size);
    s->ops = ops;
    s->protl = protl;
    s->upper = upper;
    s->refs = 1;
    s->host = host;
    list_init(&s->link);
    list_init(&s->waiting);
    s->state = s + 1;
    return s;
}

void xk_sessn_free(struct xk_sessn *s)
{
    for (uint8_t i = 0; i < s->downs; i++)
        if (s->down[i]) {
            if (s->down[i]->upper_state == s)
                s->down[i]->upper_state = NULL;
            xk_close(s->down[i]);
        }
    ASSERT(list_empty(&s->waiting)); /* who waits for it holds it */
    if (s->upper && s->upper->boundary)
        s->upper->boundary->forget(s);
    list_remove(&s->link);
    port_free(s->protl->task, s);
}

struct xk_protl *xk_find(struct xk_kernel *k, const char *instance)
{
    for (uint32_t i = 0; i < k->count; i++)
        if (strcmp(k->protls[i].instance, instance) == 0)
            return &k->protls[i];
    return NULL;
}

struct xk_protl *xk_numbered(struct xk_kernel *k, uint32_t number)
{
    return number >= 1 && number <= k->count ? &k->protls[number - 1] : NULL;
}

static bool stands(const struct xk_protl *upper, const struct xk_protl *self)
{
    for (uint8_t i = 0; i < upper->downs; i++)
        if (upper->down[i] == self ||
            (upper->down[i]->ops->through && stands(upper->down[i], self)))
            return true;
    return false;
}

/* As what `self`, below it, knows an instance; NULL: it does not stand there. */
static struct xk_protl *seen_by(struct xk_protl *self, struct xk_protl *upper)
{
    for (uint8_t i = 0; i < upper->downs; i++) {
        struct xk_boundary *b = upper->down[i]->boundary;
        const struct xk_protl *y = b ? b->lower : upper->down[i];
        if (y == self || (y->ops->through && stands(y, self)))
            return b ? &b->over : upper;
    }
    return NULL;
}

struct xk_protl *xk_stands_on(struct xk_protl *self, uint32_t number)
{
    struct xk_protl *upper = xk_numbered(self->kernel, number);
    return upper ? seen_by(self, upper) : NULL;
}

struct xk_protl *xk_taker(struct xk_protl *self, uint32_t number)
{
    struct xk_protl *upper = xk_numbered(self->kernel, number);
    if (!upper || !(self->enabled >> number & 1))
        return NULL;
    return self->kernel->boundary_count > 0 ? seen_by(self, upper) : upper;
}
