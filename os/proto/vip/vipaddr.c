/* vipaddr.c: VIPaddr: a session takes the first path that reaches its peer.  See vip.h and
 * README.md.
 *
 *   VIPADDR1  All that a node sends to a peer goes by the first path that reaches that: by whatever
 *       path the peer sends, and in whatever session.  So messages keep their order.
 */
#include "os/proto/vip/vip_internal.h"

struct vipaddr_params {
    int64_t idle; /* sessions */
};

struct vipaddr_state {
    struct vip vip;
    struct {
        uint64_t first, others, unreached;
    } counts;
};

static const struct param params[] = {
    P_INT(vipaddr_params, idle, "16", "0", "65536", "idle sessions kept for re-use",
          "ASSUMED(an idle node stays within 16 KiB)"),
    P_END,
};

/* ---- sessions ---- */

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    return xk_push(s->down[0], m);
}

static const struct xk_sessn_ops sessn_ops = { .push = sessn_push, .close = vip_close };

/* The session over that one below, which it takes; there may be one already. */
static struct xk_sessn *over(struct xk_protl *self, struct xk_sessn *lower, bool *fresh)
{
    struct vipaddr_state *st = self->state;
    struct xk_sessn *s =
        xk_table_over(&st->vip.sessns, self, self->upper, lower, 0, &sessn_ops, 0, fresh);
    if (!*fresh) {
        xk_close(lower);
        return s;
    }
    lower->upper_state = s;
    st->counts.first += lower->protl == self->down[0];
    st->counts.others += lower->protl != self->down[0];
    return s;
}

/* A session of the first of so many paths that reaches the peer, or NULL.  XK_NO_PEER is the one
 * answer that is the same at all times (VIPADDR1), so no other leads to the next. */
static struct xk_sessn *open_first(struct xk_protl *self, uint8_t paths, struct xk_parts peer,
                                   enum xk_status *why)
{
    struct xk_sessn *lower = NULL;
    *why = XK_NO_PEER;
    for (uint8_t i = 0; i < paths && !lower && *why == XK_NO_PEER; i++)
        lower = xk_open(self->down[i], self, peer, why);
    return lower;
}

/* The peer may have come by another path than this node takes. */
static struct xk_sessn *passive(struct xk_protl *self, struct xk_sessn *lower, bool *fresh)
{
    struct vip *v = self->state;
    struct xk_sessn *s = NULL, *own = NULL;
    enum xk_status why = XK_NO_PEER;
    uint8_t before = 0;
    while (before < self->downs && self->down[before] != lower->protl)
        before++; /* all: VMUX has given it, so its path is not known */
    *fresh = false;
    if (before > 0)
        s = xk_table_get(&v->sessns, self->upper, lower->host);
    if (s)
        return s;
    if (lower->host != XK_NO_HOST)
        own = open_first(self, before, xk_node(lower->host), &why);
    if (!own && why != XK_NO_PEER)
        return NULL;
    return over(self, own ? own : xk_dup(lower), fresh);
}

/* ---- protocol ---- */

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct vip *v = self->state;
    v->passive = passive;
    xk_table_init(&v->sessns, self, (uint32_t)((const struct vipaddr_params *)p)->idle);
    return XK_OK;
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    struct vipaddr_state *st = self->state;
    struct xk_sessn *lower;
    bool fresh;
    (void)upper;
    lower = open_first(self, self->downs, peer, why);
    if (lower)
        return over(self, lower, &fresh);
    st->counts.unreached += *why == XK_NO_PEER;
    return NULL;
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    struct vip *v = self->state;
    struct xk_control one = *c;
    enum xk_status r = XK_REFUSED;
    if (c->op == XK_FREE_RESOURCES) {
        c->u64 = xk_table_reclaim(&v->sessns);
        return XK_OK;
    }
    if (c->op != XK_GET_OPT_PACKET)
        return xk_protl_control(self->down[0], c);
    c->u64 = UINT64_MAX; /* what goes by any of them */
    for (uint8_t i = 0; i < self->downs; i++) {
        r = xk_protl_control(self->down[i], &one);
        if (r != XK_OK)
            return r;
        c->u64 = one.u64 < c->u64 ? one.u64 : c->u64;
    }
    return r;
}

static bool protl_join(const void *params_, const char *at, const struct xk_path *below,
                       uint8_t count, struct xk_path *out, struct err *e)
{
    (void)params_;
    (void)out;
    return vip_paths(at, "vipaddr", below, count, e);
}

static const struct counter counters[] = {
    C_SUM(vipaddr_state, counts, first, "1", "Sessions made over the first below."),
    C_SUM(vipaddr_state, counts, others, "1", "Sessions made over another."),
    C_SUM(vipaddr_state, counts, unreached, "1", "Opens refused: no path reaches the peer."),
    C_SUM(vipaddr_state, vip, orphans, "1", "Messages dropped: nobody is above."),
    C_END,
};

const struct xk_protl_ops vipaddr_protl = {
    .kind = { .name = "vipaddr",
              .doc = "takes the first path that reaches a peer",
              .params = params,
              .params_size = sizeof(struct vipaddr_params),
              .state_size = sizeof(struct vipaddr_state),
              .counters = counters },
    .down_min = 2,
    .down_max = XK_DOWN_MAX,
    .is_virtual = true,
    .single = true,
    .join = protl_join,
    .renews = true,
    .init = protl_init,
    .open = protl_open,
    .demux = vip_demux,
    .ready = vip_ready,
    .failed = vip_failed,
    .control = protl_control,
};
