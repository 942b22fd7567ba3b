/* tcp_out.c: what may be sent, and sending it.
 *
 * A segment with data goes when it is full, or the last that there is and nothing is under way
 * (Nagle), or half of the largest window that the peer ever gave, or sent again, or a timer says so
 * [RFC 1122, 4.2.3.4].  A retransmission begins again at una and goes on as acknowledgements come.
 */
#include "os/proto/tcp/tcp_internal.h"

static uint32_t least_of(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- one segment ---- */

uint32_t tcp_window(struct tcp_conn *t)
{
    uint64_t buffer = t->receive_buffer;
    uint64_t room = buffer > t->held ? buffer - t->held : 0,
             most = (uint64_t)UINT16_MAX << t->receive_scale;
    uint64_t edge = tcp_after(t->adv, t->rcv_nxt) ? t->adv - t->rcv_nxt : 0;
    uint64_t step = buffer / 2 < t->mss ? buffer / 2 : t->mss;
    room = room < most ? room : most;
    return (uint32_t)(room < edge + step ? edge : room); /* [RFC 1122, 4.2.3.3]; TCP2 */
}

static void to_wire(struct xk_protl *self, const struct tcp_key *key, struct tcp_segment *g,
                    bool syn_scale, struct xk_msg *m)
{
    g->from = key->my_port;
    g->to = key->peer_port;
    tcp_store(xk_port(self), key->mine, key->peer, g, syn_scale, m);
}

static void count_sent(struct tcp_conn *t, uint32_t seq, uint32_t len, unsigned flags)
{
    struct tcp_counts *c = &tcp_self(t)->counts;
    c->sndtotal++;
    if (flags & (TCP_SYN | TCP_FIN | TCP_RST) && len == 0) {
        c->sndctrl++;
    } else if (len == 0) {
        c->sndacks++;
    } else if (tcp_before(seq, t->max)) {
        c->sndrexmitpack++;
        c->sndrexmitbyte += len;
    } else {
        c->sndpack++;
        c->sndbyte += len;
    }
}

/* Options behind the time stamp: what the header takes, and of a segment with data what its largest
 * leaves. */
static uint32_t room_for_sacks(const struct tcp_conn *t, uint32_t len)
{
    uint32_t most = TCP_OPTIONS_MAX - (t->stamps ? TCP_STAMP_OPTION : 0);
    uint32_t left = len < t->mss ? t->mss - len : 0;
    return len > 0 && left < most ? left : most;
}

static void mark_urgent(struct tcp_conn *t, struct tcp_segment *g)
{
    uint32_t ahead = t->snd_up - g->seq - (tcp_params_of(t)->urgent == TCP_URGENT_LAST);
    if (!tcp_before(g->seq, t->snd_up))
        return;
    g->flags |= TCP_URG;
    g->urgent = (uint16_t)least_of(ahead, UINT16_MAX);
    tcp_self(t)->counts.sndurg++;
}

/* Sends `len` bytes from seq on; false: the layer below is full, and tells when it is not. */
static bool send_segment(struct tcp_conn *t, uint32_t seq, uint32_t len, unsigned flags)
{
    struct xk_sessn *s = xk_sessn_of(t), *lower = s->down[0];
    uint32_t window = flags & TCP_ACK ? tcp_window(t) : t->receive_buffer;
    uint8_t scale = flags & TCP_SYN ? 0 : t->receive_scale;
    struct tcp_segment g = { .seq = seq, .flags = (uint8_t)flags };
    struct xk_msg m;
    window = least_of(window >> scale, UINT16_MAX);
    g.ack = flags & TCP_ACK ? t->rcv_nxt : 0;
    g.window = (uint16_t)window;
    g.mss = flags & TCP_SYN ? (uint16_t)t->path_mss : 0;
    g.scale = t->receive_scale;
    g.has_stamp = t->stamps && !(flags & TCP_RST);
    g.stamp = tcp_stamp_now(t);
    g.echo = flags & TCP_ACK ? t->recent : 0;
    g.sack_ok = flags & TCP_SYN && t->sack_ok;
    if (t->sack_ok && t->early_count > 0 && !(flags & (TCP_SYN | TCP_RST)))
        tcp_sack_tell(t, &g, room_for_sacks(t, len));
    if (t->urgent_out && !(flags & (TCP_SYN | TCP_RST)))
        mark_urgent(t, &g);
    rope_init(&g.data);
    if (len > 0)
        rope_add_slice(&g.data, &t->out, seq - t->base, len);
    to_wire(s->protl, &t->key, &g, flags & TCP_SYN && t->scales, &m);
    enum xk_status r = xk_push(lower, &m);
    xk_msg_fini(&m);
    if (r == XK_BUSY) {
        if (list_empty(&t->waiting) && !(flags & TCP_RST))
            list_push(&lower->waiting, &t->waiting);
        return false;
    }
    if (r == XK_TOO_LONG)
        tcp_ask_path(t); /* it is sent again, shorter */
    else if (r != XK_OK)
        t->soft = (uint16_t)r;
    count_sent(t, seq, len, flags);
    t->sent = port_now(tcp_port(t));
    if (!(flags & TCP_ACK))
        return true;
    uint32_t edge = t->rcv_nxt + (window << scale);
    if (tcp_after(edge, t->adv))
        t->adv = edge;
    t->acked = t->rcv_nxt;
    t->urgent_due = t->urgent_due && !(g.flags & TCP_URG);
    t->ack_now = false;
    tcp_cancel(t, TCP_DELACK);
    return true;
}

/* The number of one without data: what has been sent, but within the peer's window, for a probe
 * has passed it. */
static bool send_ack(struct tcp_conn *t)
{
    uint32_t edge = t->una + t->wnd;
    return send_segment(t, t->open && tcp_after(t->max, edge) ? edge : t->max, 0, TCP_ACK);
}

void tcp_probe_alive(struct tcp_conn *t)
{
    send_segment(t, t->una - 1, 0, TCP_ACK);
}

void tcp_send_reset(struct tcp_conn *t)
{
    if (send_segment(t, t->nxt, 0, TCP_RST | TCP_ACK))
        tcp_self(t)->counts.sndrst++;
}

void tcp_refuse(struct xk_protl *self, struct xk_sessn *lower, const struct tcp_key *key,
                const struct tcp_segment *g)
{
    struct tcp_state_of *st = self->state;
    struct tcp_segment r = { .seq = 0 };
    struct xk_msg m;
    if (g->flags & TCP_RST)
        return;
    if (g->flags & TCP_ACK) { /* RFC 793, page 36 */
        r.seq = g->ack;
        r.flags = TCP_RST;
    } else {
        r.ack = g->seq + tcp_span(g);
        r.flags = TCP_RST | TCP_ACK;
    }
    rope_init(&r.data);
    to_wire(self, key, &r, false, &m);
    st->counts.sndtotal++;
    st->counts.sndctrl++;
    st->counts.sndrst++;
    (void)xk_push(lower, &m); /* if it is lost, the peer sends again */
    xk_msg_fini(&m);
}

void tcp_resend_first(struct tcp_conn *t)
{
    uint32_t n = least_of((uint32_t)t->out.length, least_of(t->mss, t->max - t->una));
    bool fin = t->finish && t->una + n == tcp_end(t) && tcp_after(t->max, tcp_end(t));
    if (n > 0 || fin)
        send_segment(t, t->una, n, TCP_ACK | (fin ? TCP_FIN : 0u));
}

/* ---- what may be sent ---- */

static void send_syn(struct tcp_conn *t)
{
    if (!send_segment(t, t->iss, 0, TCP_SYN | (t->state == TCP_SYN_SENT ? 0u : TCP_ACK)))
        return;
    if (t->max == t->iss) {
        t->timing = true;
        t->timed = t->max = t->iss + 1;
        t->timed_at = port_now(tcp_port(t));
    } else {
        t->timing = false; /* TCP6 */
    }
    t->nxt = t->iss + 1;
    if (!tcp_is_set(t, TCP_REXMT))
        tcp_set(t, TCP_REXMT, tcp_backed_off(t));
}

/* The window may be moved by much: [RFC 1122, 4.2.3.3; 4.4BSD]. */
static bool window_due(struct tcp_conn *t)
{
    uint32_t edge = t->rcv_nxt + (tcp_window(t) >> t->receive_scale << t->receive_scale);
    uint32_t gain = tcp_after(edge, t->adv) ? edge - t->adv : 0;
    return gain > 0 && (gain >= 2 * t->mss || 2 * (uint64_t)gain >= t->receive_buffer);
}

/* Bytes that were pushed and lie behind nxt. */
static uint32_t waits(const struct tcp_conn *t)
{
    return tcp_before(t->nxt, tcp_end(t)) ? tcp_end(t) - t->nxt : 0;
}

/* A byte beyond the window: what is answered says how it stands now [RFC 793, 3.7]. */
static void probe(struct tcp_conn *t)
{
    if (!send_segment(t, t->nxt, 1, TCP_ACK))
        return;
    if (t->una == t->max)
        t->waits = port_now(tcp_port(t));
    tcp_self(t)->counts.sndprobe++;
    if (tcp_after(t->nxt + 1, t->max))
        t->max = t->nxt + 1;
    tcp_set_persist(t);
}

/* It has gone, and nxt passes it. */
static void passed(struct tcp_conn *t, uint32_t n)
{
    if (t->una == t->max)
        t->waits = port_now(tcp_port(t));
    if (t->nxt == t->max && !t->timing) {
        t->timing = true;
        t->timed = t->nxt + n;
        t->timed_at = port_now(tcp_port(t));
        tcp_self(t)->counts.segstimed++;
    }
    t->nxt += n;
    if (tcp_after(t->nxt, t->max))
        t->max = t->nxt;
    if (tcp_is_set(t, TCP_PERSIST)) {
        tcp_cancel(t, TCP_PERSIST);
        t->shift = 0;
    }
    if (!tcp_is_set(t, TCP_REXMT))
        tcp_set(t, TCP_REXMT, tcp_backed_off(t));
}

/* Of what the peer has told the lost goes first. */
static bool send_lost(struct tcp_conn *t)
{
    uint32_t seq, n;
    if (!tcp_sack_recovers(t) || t->cwnd < tcp_sack_pipe(t) + t->mss || !tcp_sack_next(t, &seq, &n))
        return false;
    if (!send_segment(t, seq, n, TCP_ACK))
        return false;
    t->high_rxt = seq + n;
    return true;
}

/* Bytes beyond the congestion window that duplicates let go before there are three [RFC 3042]. */
static uint32_t limited(const struct tcp_conn *t, const struct tcp_params *params)
{
    bool may = params->limited_transmit && !t->recovering && t->nxt == t->max;
    return may && t->dupacks < TCP_DUPACKS ? t->dupacks * t->mss : 0;
}

/* Sends one segment; true: there may be another. */
static bool send_next(struct tcp_conn *t)
{
    bool idle = t->max == t->una, again = tcp_before(t->nxt, t->max);
    if (idle && port_now(tcp_port(t)) - t->sent >= t->rto)
        tcp_cong_idle(t);
    uint32_t wnd = least_of(t->wnd, t->cwnd + limited(t, tcp_params_of(t))),
             flight = t->nxt - t->una, left = waits(t);
    uint32_t usable = wnd > flight ? wnd - flight : 0;
    if (tcp_sack_recovers(t)) {
        uint32_t pipe = tcp_sack_pipe(t), open = t->wnd > flight ? t->wnd - flight : 0;
        usable = t->cwnd > pipe ? least_of(open, t->cwnd - pipe) : 0;
    }
    uint32_t n = least_of(least_of(left, usable), t->mss);
    if (t->force && left > 0 && usable == 0) {
        probe(t);
        return false;
    }
    bool last = n == left, fin = t->finish && last && !tcp_after(t->nxt, tcp_end(t));
    bool due = n > 0 && (n == t->mss || (last && (t->nodelay || idle)) || t->force || again ||
                         2 * n >= t->wnd_most);
    due |= fin && (again || !tcp_after(t->max, tcp_end(t)));
    if (!due) {
        if (t->ack_now || t->urgent_due || window_due(t)) {
            tcp_self(t)->counts.sndwinup += !t->ack_now && !t->urgent_due;
            send_ack(t);
        }
        return false;
    }
    if (!send_segment(t, t->nxt, n,
                      TCP_ACK | (fin ? TCP_FIN : 0u) | (last && n > 0 ? TCP_PSH : 0u)))
        return false;
    t->force = false;
    passed(t, n + fin);
    return true;
}

/* TCP4. */
static void settle(struct tcp_conn *t)
{
    bool out = t->una != t->max, left = waits(t) > 0;
    t->force = false;
    if (!out && !left)
        tcp_cancel(t, TCP_PERSIST);
    if (!t->open || !list_empty(&t->waiting))
        return;
    if ((out || left) && !tcp_is_set(t, TCP_REXMT) && !tcp_is_set(t, TCP_PERSIST)) {
        t->shift = 0;
        tcp_set_persist(t);
    }
    ASSERT(!(tcp_is_set(t, TCP_REXMT) && tcp_is_set(t, TCP_PERSIST)));
}

void tcp_output(struct tcp_conn *t)
{
    if (t->state == TCP_CLOSED || t->lent || !list_empty(&t->waiting))
        return;
    if (t->open && t->state != TCP_TIME_WAIT) {
        while (send_lost(t))
            ;
        while (list_empty(&t->waiting) && send_next(t))
            ;
        ASSERT(!tcp_after(t->una, t->nxt) && !tcp_after(t->nxt, t->max)); /* TCP3 */
    } else if (!t->open && t->nxt == t->iss) {
        send_syn(t);
    } else if (t->ack_now && t->state != TCP_SYN_SENT) {
        send_ack(t);
    }
    settle(t);
}
