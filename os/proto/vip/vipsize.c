/* vipsize.c: VIPsize: short messages take one path, long ones another.  See vip.h and README.md.
 *
 *   VIPSIZE1  A message of at most `cutoff` bytes goes to the first below, any other to the second.
 */
#include <inttypes.h>

#include "os/proto/vip/vip_internal.h"

enum { SHORT, LONG, SIDES };

struct vipsize_params {
    int64_t cutoff; /* bytes */
    int64_t idle;   /* sessions */
};

struct vipsize_state {
    struct vip vip;
    uint64_t cutoff;
    struct {
        uint64_t short_sent, long_sent;
    } counts;
};

static const struct param params[] = {
    P_SIZE(vipsize_params, cutoff, "0B", "0B", "1GiB",
           "longest message that goes to the first below; 0B: what that carries unfragmented",
           "x-kernel's VSIZE asks likewise"),
    P_INT(vipsize_params, idle, "16", "0", "65536", "idle sessions kept for re-use",
          "ASSUMED(an idle node stays within 16 KiB)"),
    P_END,
};

/* ---- sessions ---- */

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct vipsize_state *st = s->protl->state;
    bool fits = xk_msg_length(m) <= st->cutoff; /* VIPSIZE1 */
    enum xk_status r = xk_push(s->down[fits ? SHORT : LONG], m);
    st->counts.short_sent += fits && r == XK_OK;
    st->counts.long_sent += !fits && r == XK_OK;
    return r;
}

static enum xk_status sessn_control(struct xk_sessn *s, struct xk_control *c)
{
    return xk_sessn_control(s->down[LONG], c);
}

static const struct xk_sessn_ops sessn_ops = { .push = sessn_push,
                                               .close = vip_close,
                                               .control = sessn_control };

/* VIP2. */
static struct xk_sessn *get_sessn(struct xk_protl *self, struct xk_parts peer, bool *fresh,
                                  enum xk_status *why)
{
    struct vip *v = self->state;
    struct xk_sessn *side[SIDES], *s;
    *fresh = false;
    side[SHORT] = xk_open(self->down[SHORT], self, peer, why);
    if (!side[SHORT])
        return NULL;
    side[LONG] = xk_open(self->down[LONG], self, peer, why);
    if (!side[LONG]) {
        xk_close(side[SHORT]);
        return NULL;
    }
    s = xk_table_over(&v->sessns, self, self->upper, side[SHORT], 0, &sessn_ops, 0, fresh);
    if (*fresh) {
        side[SHORT]->upper_state = s;
        vip_take(s, side[LONG]);
        return s;
    }
    if (s->down[SHORT] != side[SHORT] || s->down[LONG] != side[LONG]) {
        xk_close(s);
        s = NULL;
        *why = XK_REFUSED;
    }
    xk_close(side[SHORT]);
    xk_close(side[LONG]);
    return s;
}

static struct xk_sessn *passive(struct xk_protl *self, struct xk_sessn *lower, bool *fresh)
{
    enum xk_status why;
    return get_sessn(self, xk_node(lower->host), fresh, &why);
}

/* ---- protocol ---- */

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct vipsize_state *st = self->state;
    const struct vipsize_params *params_ = p;
    struct xk_control c = { .op = XK_GET_OPT_PACKET };
    st->cutoff = (uint64_t)params_->cutoff;
    if (st->cutoff == 0)
        st->cutoff =
            xk_protl_control(self->down[SHORT], &c) == XK_OK ? c.u64 : self->down[SHORT]->carries;
    st->vip.passive = passive;
    xk_table_init(&st->vip.sessns, self, (uint32_t)params_->idle);
    return XK_OK;
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    bool fresh;
    (void)upper;
    return get_sessn(self, peer, &fresh, why);
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    struct vip *v = self->state;
    if (c->op != XK_FREE_RESOURCES)
        return xk_protl_control(self->down[LONG], c);
    c->u64 = xk_table_reclaim(&v->sessns);
    return XK_OK;
}

/* A short message overtakes a long one. */
static bool protl_join(const void *params_, const char *at, const struct xk_path *below,
                       uint8_t count, struct xk_path *out, struct err *e)
{
    const struct vipsize_params *p = params_;
    uint64_t cutoff = p->cutoff ? (uint64_t)p->cutoff : below[SHORT].carries;
    if (!vip_paths(at, "vipsize", below, count, e))
        return false;
    if (cutoff > below[SHORT].carries)
        return err_set(
            e, "%s.cutoff is %" PRIu64 "B, but '%s' below takes messages of at most %" PRIu64 "B",
            at, cutoff, below[SHORT].name, below[SHORT].carries);
    if (below[LONG].carries <= cutoff)
        return err_set(e,
                       "%s: messages of more than %" PRIu64 "B go to '%s', which takes %" PRIu64
                       "B at most",
                       at, cutoff, below[LONG].name, below[LONG].carries);
    out->gives = (out->gives & ~(unsigned)XK_ORDERED) | (below[LONG].gives & XK_LONG);
    out->carries = below[LONG].carries;
    return true;
}

static const struct counter counters[] = {
    C_SUM(vipsize_state, counts, short_sent, "1", "Messages sent by the first below."),
    C_SUM(vipsize_state, counts, long_sent, "1", "Messages sent by the second."),
    C_SUM(vipsize_state, vip, orphans, "1",
          "Messages dropped: nobody is above, or the other path to their sender cannot be had."),
    C_END,
};

const struct xk_protl_ops vipsize_protl = {
    .kind = { .name = "vipsize",
              .doc = "sends short messages by one path and long ones by another",
              .params = params,
              .params_size = sizeof(struct vipsize_params),
              .state_size = sizeof(struct vipsize_state),
              .counters = counters },
    .down_min = SIDES,
    .down_max = SIDES,
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
