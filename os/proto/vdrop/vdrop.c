/* vdrop.c: faults as a layer.  See vdrop.h and README.md.
 *
 * Every fault strikes on the way down, before the layer below sees the message, and a message has
 * at most one.  What is delayed may be overtaken.
 */
#include "os/proto/vdrop/vdrop_internal.h"

#include <stdlib.h>

#define PPM 1000000

static const struct param params[] = {
    P_INT(vdrop_params, every, "0", "0", "1000000000", "drops one message in so many; 0: none",
          "as x-kernel's VDROP"),
    P_STRING(vdrop_params, list, "",
             "drops the messages of these numbers, counted from 1 on each node: \"3 7 8\"",
             "no fault"),
    P_REAL(vdrop_params, drop, "0", "0", "1", "probability that a message is lost", "no fault"),
    P_REAL(vdrop_params, duplicate, "0", "0", "1", "probability that a message is sent twice",
           "no fault"),
    P_REAL(vdrop_params, delay, "0", "0", "1",
           "probability that a message is delayed, and may be overtaken", "no fault"),
    P_REAL(vdrop_params, corrupt, "0", "0", "1", "probability that a byte of a message is inverted",
           "no fault"),
    P_TIME(vdrop_params, delay_max, "10ms", "1ns", "1h", "longest delay; the draw is uniform",
           "ASSUMED(as long as BLAST waits for a fragment)"),
    P_INT(vdrop_params, idle, "16", "0", "65536", "idle sessions kept for re-use",
          "ASSUMED(an idle node stays within 16 KiB)"),
    P_END,
};

static bool listed(const char *list, uint64_t n)
{
    while (*list) {
        char *end;
        unsigned long long x = strtoull(list, &end, 10);
        if (end == list) {
            list++; /* a separator */
            continue;
        }
        if (x == n)
            return true;
        list = end;
    }
    return false;
}

static bool strikes(struct port *p, uint32_t ppm)
{
    return ppm > 0 && port_random_below(p, PPM) < ppm;
}

/* ---- the faults ---- */

static void corrupt(struct port *p, struct xk_msg *m)
{
    struct rope r, tail;
    uint8_t byte;
    xk_msg_to_rope(m, &r);
    uint64_t at = port_random_below(p, r.length);
    rope_read(&r, at, 1, &byte);
    byte = (uint8_t)~byte;
    rope_split(&r, at, &tail);
    rope_drop_front(&tail, 1);
    rope_add_bytes(&r, &byte, 1);
    rope_join(&r, &tail);
    rope_fini(&tail);
    xk_msg_init_rope(m, &r);
}

static void late(struct port_timer *t)
{
    struct vdrop_late *l = t->arg;
    struct xk_sessn *s = l->sessn;
    /* When the layer below is busy now, the delayed message is lost. */
    if (xk_push(s->down[0], &l->msg) != XK_OK)
        ((struct vdrop_state *)s->protl->state)->counts.dropped++;
    xk_msg_fini(&l->msg);
    list_remove(&l->link);
    port_free(t->port, l);
    xk_close(s);
}

static void delay(struct vdrop_state *st, struct xk_sessn *s, struct xk_msg *m)
{
    struct port *p = xk_port(s->protl);
    struct vdrop_late *l = port_alloc(p, sizeof *l);
    l->sessn = xk_dup(s);
    xk_msg_move(&l->msg, m);
    list_push(&st->late, &l->link);
    port_timer_init(p, &l->timer, late, l);
    port_timer_set(&l->timer, 1 + (sim_time)port_random_below(p, (uint64_t)st->params->delay_max));
    st->counts.delayed++;
}

static void duplicate(struct vdrop_state *st, struct xk_sessn *s, const struct xk_msg *m)
{
    struct xk_msg copy;
    xk_msg_copy(&copy, m);
    if (xk_push(s->down[0], &copy) == XK_OK)
        st->counts.duplicated++;
    xk_msg_fini(&copy);
}

/* One octet is wrong: of a copy, for what is refused stays as it was. */
static enum xk_status push_wrong(struct vdrop_state *st, struct xk_sessn *s, struct xk_msg *m)
{
    struct xk_msg copy;
    xk_msg_copy(&copy, m);
    corrupt(xk_port(s->protl), &copy);
    enum xk_status r = xk_push(s->down[0], &copy);
    if (r == XK_OK) {
        st->counts.corrupted++;
        xk_msg_fini(m);
    }
    xk_msg_fini(&copy);
    return r;
}

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct vdrop_state *st = s->protl->state;
    struct port *p = xk_port(s->protl);
    if (xk_msg_length(m) > s->protl->carries)
        return XK_TOO_LONG;
    uint64_t n = ++st->counts.pushed;
    if ((st->params->every && n % (uint64_t)st->params->every == 0) ||
        listed(st->params->list, n) || strikes(p, st->drop_ppm)) {
        st->counts.dropped++;
        xk_msg_fini(m);
        return XK_OK;
    }
    if (strikes(p, st->delay_ppm)) {
        delay(st, s, m);
        return XK_OK;
    }
    bool twice = strikes(p, st->duplicate_ppm);
    if (twice)
        duplicate(st, s, m);
    bool wrong = !twice && xk_msg_length(m) > 0 && strikes(p, st->corrupt_ppm);
    enum xk_status r = wrong ? push_wrong(st, s, m) : xk_push(s->down[0], m);
    st->counts.pushed -= r != XK_OK; /* it comes again */
    return r;
}

/* ---- sessions ---- */

static void sessn_close(struct xk_sessn *s)
{
    xk_table_idle(&((struct vdrop_state *)s->protl->state)->sessns, s);
}

static const struct xk_sessn_ops sessn_ops = { .push = sessn_push, .close = sessn_close };

static void protl_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct vdrop_state *st = self->state;
    bool fresh;
    if (!self->upper) {
        st->counts.orphans++;
        return;
    }
    struct xk_sessn *s =
        xk_table_over(&st->sessns, self, self->upper, lower, 0, &sessn_ops, 0, &fresh);
    if (fresh) {
        xk_dup(lower);
        xk_open_done(self->upper, s);
    }
    xk_demux(s, m);
    xk_close(s);
}

static void protl_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct vdrop_state *st = self->state;
    struct xk_sessn *s = self->upper ? xk_table_get(&st->sessns, self->upper, lower->host) : NULL;
    if (!s)
        return;
    xk_ready(s);
    xk_close(s);
}

/* ---- protocol ---- */

static uint32_t ppm(double probability)
{
    return (uint32_t)(probability * PPM + 0.5);
}

/* A delayed message that finds the layer below busy is lost. */
static unsigned protl_gives(const void *params_, unsigned below)
{
    const struct vdrop_params *p = params_;
    unsigned takes = (p->every || p->list[0] || p->drop > 0 ? XK_LOSSLESS : 0u) |
                     (p->delay > 0 ? XK_LOSSLESS | XK_ORDERED : 0u) |
                     (p->duplicate > 0 ? XK_ONCE : 0u) | (p->corrupt > 0 ? XK_INTACT : 0u);
    return below & ~takes;
}

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct vdrop_state *st = self->state;
    st->params = p;
    st->drop_ppm = ppm(st->params->drop);
    st->duplicate_ppm = ppm(st->params->duplicate);
    st->delay_ppm = ppm(st->params->delay);
    st->corrupt_ppm = ppm(st->params->corrupt);
    xk_table_init(&st->sessns, self, (uint32_t)st->params->idle);
    list_init(&st->late);
    return XK_OK;
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    struct vdrop_state *st = self->state;
    bool fresh;
    return xk_table_open_parts(&st->sessns, self, upper, peer, 0, &sessn_ops, 0, &fresh, why);
}

static const struct counter counters[] = {
    C_SUM(vdrop_state, counts, pushed, "1", "Messages that came down."),
    C_SUM(vdrop_state, counts, dropped, "1", "Of these, lost."),
    C_SUM(vdrop_state, counts, duplicated, "1", "Of these, sent twice."),
    C_SUM(vdrop_state, counts, delayed, "1", "Of these, held back."),
    C_SUM(vdrop_state, counts, corrupted, "1", "Of these, with a byte changed."),
    C_SUM(vdrop_state, counts, orphans, "1",
          "Messages that came and were dropped: nobody is above."),
    C_END,
};

const struct xk_protl_ops vdrop_protl = {
    .kind = { .name = "vdrop",
              .doc = "loses, doubles, delays and damages messages on purpose",
              .params = params,
              .params_size = sizeof(struct vdrop_params),
              .state_size = sizeof(struct vdrop_state),
              .counters = counters },
    .down_min = 1,
    .down_max = 1,
    .is_virtual = true,
    .single = true,
    .gives = protl_gives,
    .renews = true,
    .init = protl_init,
    .open = protl_open,
    .demux = protl_demux,
    .ready = protl_ready,
};
