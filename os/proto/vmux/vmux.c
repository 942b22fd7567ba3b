/* vmux.c: VMUX.  See vmux.h and README.md.
 *
 *   VMUX1  A session that it gives is one of an instance below, with the upper that opened it.
 *   VMUX2  All below are enabled for an upper, or none.
 */
#include "os/proto/vmux/vmux.h"

struct vmux_state {
    struct {
        uint64_t first, others, unopened;
    } counts;
};

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    (void)self;
    (void)p;
    return XK_OK;
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    struct vmux_state *st = self->state;
    for (uint8_t i = 0; i < self->downs; i++) {
        struct xk_sessn *s = xk_open(self->down[i], upper, peer, why);
        if (s) { /* VMUX1 */
            st->counts.first += i == 0;
            st->counts.others += i > 0;
            return s;
        }
    }
    st->counts.unopened++;
    return NULL;
}

static enum xk_status protl_enable(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts local)
{
    enum xk_status r = XK_OK;
    uint8_t i = 0;
    for (; i < self->downs && r == XK_OK; i++)
        r = xk_open_enable(self->down[i], upper, local);
    if (r != XK_OK)
        for (i--; i > 0; i--) /* VMUX2: but for the last, which has refused */
            (void)xk_open_disable(self->down[i - 1], upper, local);
    return r;
}

static enum xk_status protl_disable(struct xk_protl *self, struct xk_protl *upper,
                                    struct xk_parts local)
{
    enum xk_status r = XK_OK;
    for (uint8_t i = 0; i < self->downs; i++) {
        enum xk_status one = xk_open_disable(self->down[i], upper, local);
        r = r == XK_OK ? one : r;
    }
    return r;
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    if (c->op != XK_GET_OPT_PACKET && c->op != XK_FREE_RESOURCES)
        return xk_protl_control(self->down[self->downs - 1], c);
    uint64_t least = UINT64_MAX, sum = 0;
    for (uint8_t i = 0; i < self->downs; i++) {
        enum xk_status r = xk_protl_control(self->down[i], c);
        if (r != XK_OK)
            return r;
        least = c->u64 < least ? c->u64 : least;
        sum += c->u64;
    }
    c->u64 = c->op == XK_GET_OPT_PACKET ? least : sum;
    return XK_OK;
}

/* Who stands on it stands on all below: what each gives to the next above, all give.  What comes
 * from a peer on a session that the peer opened may overtake what comes on another path. */
static bool protl_join(const void *params_, const char *at, const struct xk_path *below,
                       uint8_t count, struct xk_path *out, struct err *e)
{
    unsigned next = XK_TO_NEXT;
    (void)params_;
    (void)at;
    (void)e;
    for (uint8_t i = 0; i < count; i++)
        next &= below[i].gives;
    out->gives |= next;
    if (count > 1)
        out->gives &= ~(unsigned)XK_ORDERED;
    return true;
}

static const struct counter counters[] = {
    C_SUM(vmux_state, counts, first, "1", "Sessions opened of the first below."),
    C_SUM(vmux_state, counts, others, "1", "Sessions opened of another."),
    C_SUM(vmux_state, counts, unopened, "1", "Opens refused: none below has one."),
    C_END,
};

const struct xk_protl_ops vmux_protl = {
    .kind = { .name = "vmux",
              .doc = "gives sessions of the first below that opens one, and is on no message's way",
              .state_size = sizeof(struct vmux_state),
              .counters = counters },
    .down_min = 1,
    .down_max = XK_DOWN_MAX,
    .is_virtual = true,
    .through = true,
    .join = protl_join,
    .init = protl_init,
    .open = protl_open,
    .open_enable = protl_enable,
    .open_disable = protl_disable,
    .control = protl_control,
};
