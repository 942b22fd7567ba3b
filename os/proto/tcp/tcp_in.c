/* tcp_in.c: a segment arrives: RFC 793, pages 65 to 76, as RFC 1122, section 4.2.2.20 corrects it.
 *
 * Where those are silent it does as 4.4BSD's tcp_input: of what was had already the data go, and
 * the acknowledgement still counts; a FIN needs no window of its own.  A RST in TIME-WAIT is
 * passed over [RFC 1337, fix F1].
 */
#include "os/proto/tcp/tcp_internal.h"

#define ISS_STEP 128000u /* ahead of a connection in TIME-WAIT that is opened anew: 4.4BSD */

static void note_window(struct tcp_conn *t, const struct tcp_segment *g)
{
    t->wnd = t->wnd_most = g->window; /* of a SYN it is not scaled [RFC 1323, 2.2] */
    t->wl1 = g->seq;
    t->wl2 = g->ack;
}

/* The peer's SYN. */
static void take_syn(struct tcp_conn *t, struct tcp_segment *g)
{
    t->irs = g->seq;
    t->rcv_nxt = t->adv = t->acked = t->given = g->seq + 1;
    t->scales = t->scales && g->has_scale;
    t->send_scale = t->scales ? g->scale : 0;
    t->receive_scale = t->scales ? t->receive_scale : 0;
    t->stamps = t->stamps && g->has_stamp;
    if (t->stamps) {
        t->recent = g->stamp;
        t->recent_at = port_now(tcp_port(t));
    }
    t->sack_ok = t->sack_ok && g->sack_ok;
    t->peer_mss = g->mss;
    tcp_new_mss(t);
    note_window(t, g);
    g->flags &= (uint8_t)~TCP_SYN;
    g->seq++;
    t->adv = t->rcv_nxt + tcp_window(t);
    if (g->data.length > t->adv - g->seq) {
        rope_truncate(&g->data, t->adv - g->seq);
        g->flags &= (uint8_t)~TCP_FIN;
    }
}

/* ---- data and FIN ---- */

/* Whoever sends more that is urgent moves the mark [RFC 793, 3.7]. */
static void take_urgent(struct tcp_conn *t, const struct tcp_segment *g)
{
    uint32_t up = g->seq + g->urgent + (tcp_params_of(t)->urgent == TCP_URGENT_LAST);
    bool news = tcp_after(up, t->given) && !(t->urgent_in && !tcp_after(up, t->rcv_up));
    if (!(g->flags & TCP_URG) || !news)
        return;
    tcp_self(t)->counts.rcvurg++;
    t->urgent_in = t->news->urgent = true;
    t->rcv_up = up;
}

static void acknowledge_soon(struct tcp_conn *t)
{
    if (tcp_is_set(t, TCP_DELACK)) /* every other segment at once [RFC 1122, 4.2.3.2] */
        t->ack_now = true;
    else
        tcp_set(t, TCP_DELACK, tcp_params_of(t)->ack_delay);
}

static void take_data(struct tcp_conn *t, struct tcp_segment *g)
{
    struct tcp_counts *counts = &tcp_self(t)->counts;
    uint64_t n = g->data.length;
    if (t->peer_fin && tcp_after(g->seq + (uint32_t)n, t->early_fin)) {
        n = tcp_before(g->seq, t->early_fin) ? t->early_fin - g->seq : 0; /* behind its end */
        rope_truncate(&g->data, n);
    }
    if (n == 0)
        return;
    if (g->seq == t->rcv_nxt && list_empty(&t->early) && t->state != TCP_SYN_RCVD) {
        counts->rcvpack++;
        counts->rcvbyte += n;
        t->rcv_nxt += (uint32_t)n;
        rope_join(&t->news->data, &g->data);
        acknowledge_soon(t);
        return;
    }
    if (g->seq == t->rcv_nxt) {
        counts->rcvpack++;
        counts->rcvbyte += n;
    } else {
        counts->rcvoopack++;
        counts->rcvoobyte += n;
    }
    tcp_early_put(t, g->seq, &g->data);
    t->ack_now = true; /* a hole, or its end [RFC 1122, 4.2.2.21] */
}

static void peer_finished(struct tcp_conn *t)
{
    t->rcv_nxt++;
    t->ack_now = true;
    t->news->finished = true;
    if (t->state == TCP_ESTABLISHED)
        t->state = TCP_CLOSE_WAIT;
    else if (t->state == TCP_FIN_WAIT_1)
        t->state = TCP_CLOSING;
    else
        tcp_time_wait(t);
}

/* What is left of the segment behind its acknowledgement. */
static void take_rest(struct tcp_conn *t, struct tcp_segment *g)
{
    bool comes = t->state == TCP_SYN_RCVD || t->state == TCP_ESTABLISHED ||
                 t->state == TCP_FIN_WAIT_1 || t->state == TCP_FIN_WAIT_2;
    if (!comes)
        return;
    uint32_t end = g->seq + (uint32_t)g->data.length;
    take_urgent(t, g);
    take_data(t, g);
    if (g->flags & TCP_FIN && !t->peer_fin) {
        t->peer_fin = true;
        t->early_fin = end;
        t->ack_now = true;
        tcp_early_cut(t, end);
    }
    if (t->state == TCP_SYN_RCVD)
        return;
    tcp_early_take(t, &t->news->data);
    if (t->peer_fin && t->rcv_nxt == t->early_fin)
        peer_finished(t);
}

/* ---- is it acceptable? ---- */

/* RFC 1323, 4.2.1: it is older than what came before. */
static bool is_old(struct tcp_conn *t, const struct tcp_segment *g)
{
    sim_time now = port_now(tcp_port(t));
    if (!t->stamps || !g->has_stamp || g->flags & TCP_RST || !tcp_before(g->stamp, t->recent))
        return false;
    if (now - t->recent_at > TCP_STAMP_OLD) {
        t->recent = g->stamp;
        return false;
    }
    tcp_self(t)->counts.pawsdrop++;
    t->ack_now = true;
    return true;
}

/* Its first n numbers are taken off: the urgent pointer is relative to them. */
static void move_pointer(struct tcp_segment *g, uint32_t n)
{
    if (g->urgent < n)
        g->flags &= (uint8_t)~TCP_URG;
    else
        g->urgent = (uint16_t)(g->urgent - n);
}

/* Takes off what is in front of the window. */
static void trim_front(struct tcp_conn *t, struct tcp_segment *g)
{
    struct tcp_counts *counts = &tcp_self(t)->counts;
    if (!tcp_before(g->seq, t->rcv_nxt))
        return;
    if (g->flags & TCP_SYN) { /* again */
        g->flags &= (uint8_t)~TCP_SYN;
        g->seq++;
        if (t->state == TCP_SYN_RCVD && !(g->flags & TCP_ACK))
            t->nxt = t->iss; /* so does ours */
    }
    uint32_t gone = t->rcv_nxt - g->seq, n = (uint32_t)g->data.length;
    if (gone > n || (gone == n && !(g->flags & TCP_FIN))) { /* all of it */
        if (n > 0 || g->flags & TCP_FIN) {
            counts->rcvduppack++;
            counts->rcvdupbyte += n;
        }
        if (g->flags & TCP_FIN && t->state == TCP_TIME_WAIT)
            tcp_set(t, TCP_WAIT, 2 * tcp_params_of(t)->msl);
        g->flags &= (uint8_t)~TCP_FIN;
        gone = n;
        t->ack_now = true;
    } else {
        counts->rcvpartduppack++;
        counts->rcvpartdupbyte += gone;
    }
    rope_drop_front(&g->data, gone);
    move_pointer(g, t->rcv_nxt - g->seq);
    g->seq = t->rcv_nxt;
}

/* Takes off what is behind the window; false: all of it is. */
static bool trim_end(struct tcp_conn *t, struct tcp_segment *g)
{
    struct tcp_counts *counts = &tcp_self(t)->counts;
    uint32_t n = (uint32_t)g->data.length;
    if (!tcp_after(g->seq + n, t->adv))
        return true;
    uint32_t over = g->seq + n - t->adv;
    t->ack_now = true;
    counts->rcvbyteafterwin += over < n ? over : n;
    g->flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    if (over < n) {
        rope_truncate(&g->data, n - over);
        return true;
    }
    if (g->seq != t->rcv_nxt)
        return false;
    counts->rcvwinprobe++;
    rope_fini(&g->data);
    return true;
}

/* RFC 793, page 70. */
static void was_reset(struct tcp_conn *t)
{
    struct tcp_counts *counts = &tcp_self(t)->counts;
    counts->rcvrst += t->state != TCP_TIME_WAIT;
    counts->rcvbadrst += t->state == TCP_TIME_WAIT;
    switch ((enum tcp_state)t->state) {
    case TCP_SYN_RCVD:
        tcp_end_with(t, XK_REFUSED);
        break;
    case TCP_TIME_WAIT:
        break;
    case TCP_CLOSING:
    case TCP_LAST_ACK:
        tcp_end_with(t, XK_CLOSED);
        break;
    default:
        tcp_end_with(t, XK_RESET);
        break;
    }
}

/* ---- the states ---- */

static void refuse(struct tcp_conn *t, const struct tcp_segment *g)
{
    struct xk_sessn *s = xk_sessn_of(t);
    tcp_refuse(s->protl, s->down[0], &t->key, g);
}

static void in_syn_sent(struct tcp_conn *t, struct tcp_segment *g)
{
    struct tcp_counts *counts = &tcp_self(t)->counts;
    bool acks = g->flags & TCP_ACK, rst = g->flags & TCP_RST;
    bool bad = acks && (!tcp_after(g->ack, t->iss) || tcp_after(g->ack, t->max));
    if (rst && (bad || !acks)) {
        counts->rcvbadrst++;
        return;
    }
    if (bad) {
        counts->rcvbadack++;
        refuse(t, g);
        return;
    }
    if (rst) {
        counts->rcvrst++;
        tcp_end_with(t, XK_REFUSED);
        return;
    }
    if (!(g->flags & TCP_SYN)) {
        counts->rcvbadflags++;
        return;
    }
    take_syn(t, g);
    t->ack_now = true;
    if (acks) {
        t->state = TCP_SYN_RCVD;
        if (!tcp_got_ack(t, g))
            return;
    } else { /* both open at once: RFC 793, figure 8 */
        counts->rcvtaken++;
        t->state = TCP_SYN_RCVD;
        t->nxt = t->iss;
    }
    take_rest(t, g);
}

static void in_others(struct tcp_conn *t, struct tcp_segment *g)
{
    struct tcp_counts *counts = &tcp_self(t)->counts;
    if (is_old(t, g))
        return;
    if (g->flags & TCP_RST) { /* its number is in the window, or nothing was said */
        if (g->seq == t->rcv_nxt || (tcp_after(g->seq, t->rcv_nxt) && tcp_before(g->seq, t->adv)))
            was_reset(t);
        else
            counts->rcvbadrst++;
        return;
    }
    trim_front(t, g);
    bool gone = !t->user && (t->state == TCP_FIN_WAIT_1 || t->state == TCP_FIN_WAIT_2);
    if (gone && g->data.length > 0) { /* nobody takes it [RFC 1122, 4.2.2.13] */
        counts->rcvafterclose++;
        tcp_drop(t, XK_RESET);
        return;
    }
    bool behind = g->flags & TCP_SYN && !tcp_before(g->seq, t->adv); /* a SYN needs a number */
    if (behind || !trim_end(t, g)) {
        counts->rcvpackafterwin++;
        t->ack_now = true;
        return;
    }
    if (t->stamps && g->has_stamp && !tcp_after(g->seq, t->acked)) { /* RFC 1323, 3.4 */
        t->recent = g->stamp;
        t->recent_at = port_now(tcp_port(t));
    }
    if (g->flags & TCP_SYN) { /* in the window */
        counts->rcvbadsyn++;
        tcp_drop(t, XK_RESET);
        return;
    }
    if (!(g->flags & TCP_ACK))
        counts->rcvbadflags++;
    else if (tcp_got_ack(t, g))
        take_rest(t, g);
}

static void to_connection(struct tcp_conn *t, struct tcp_segment *g)
{
    struct tcp_news n;
    tcp_enter(t, &n);
    if (t->state == TCP_SYN_SENT)
        in_syn_sent(t, g);
    else
        in_others(t, g);
    if (t->state != TCP_CLOSED)
        tcp_heard(t);
    tcp_leave(t, &n);
}

static void to_listener(struct xk_protl *self, struct tcp_listener *l, struct xk_sessn *lower,
                        const struct tcp_key *key, struct tcp_segment *g, uint32_t iss)
{
    struct tcp_counts *counts = &((struct tcp_state_of *)self->state)->counts;
    if (g->flags & TCP_RST) {
        counts->rcvbadrst++;
        return;
    }
    if (g->flags & TCP_ACK) {
        counts->rcvbadack++;
        tcp_refuse(self, lower, key, g);
        return;
    }
    if (!(g->flags & TCP_SYN)) {
        counts->rcvbadflags++;
        return;
    }
    struct tcp_conn *t = tcp_passive(self, l, lower, key, iss);
    struct tcp_news n;
    if (!t)
        return;
    counts->rcvtaken++;
    tcp_enter(t, &n);
    xk_sessn_of(t)->refs--; /* what it began with: its upper has none yet */
    take_syn(t, g);
    take_rest(t, g);
    tcp_leave(t, &n);
}

/* A new SYN for a connection in TIME-WAIT begins another [RFC 1122, 4.2.2.13]. */
static bool opens_anew(struct tcp_state_of *st, const struct tcp_conn *t,
                       const struct tcp_segment *g)
{
    return t->state == TCP_TIME_WAIT && g->flags & TCP_SYN && !(g->flags & (TCP_ACK | TCP_RST)) &&
           tcp_after(g->seq, t->rcv_nxt) && tcp_listens(st, t->key.my_port) != NULL;
}

void tcp_arrived(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct tcp_state_of *st = self->state;
    struct tcp_key key = { .mine = 0 };
    struct tcp_segment g;
    if (!tcp_ends_of(lower, &key) || !tcp_load(st, xk_port(self), key.peer, key.mine, m, &g))
        return;
    key.my_port = g.to;
    key.peer_port = g.from;
    struct tcp_conn *t = xk_map_resolve(&st->conns, &key);
    uint32_t iss = 0;
    bool lent = t ? t->lent : st->params->guest;
    bool anew = t && !lent && opens_anew(st, t, &g);
    if (anew) {
        struct tcp_news n;
        iss = t->max + ISS_STEP;
        tcp_enter(t, &n);
        tcp_end_with(t, XK_CLOSED);
        tcp_leave(t, &n);
        t = NULL;
    }
    struct tcp_listener *l = t ? NULL : tcp_listens(st, g.to);
    if (lent)
        st->counts.rcvlent++;
    else if (t)
        to_connection(t, &g);
    else if (l)
        to_listener(self, l, lower, &key, &g, anew ? iss : tcp_new_iss(self, &key));
    else {
        st->counts.rcvbadrst += (g.flags & TCP_RST) != 0;
        st->counts.nobody += (g.flags & TCP_RST) == 0;
        tcp_refuse(self, lower, &key, &g);
    }
    rope_fini(&g.data);
}
