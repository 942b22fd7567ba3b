/* tcp_ack.c: what an acknowledgement does, and the congestion window.
 *
 * Slow start, congestion avoidance, fast retransmit and fast recovery [Jacobson & Karels 1988;
 * Jacobson 1990; RFC 2001]; NewReno answers a partial acknowledgement by the next hole [Hoe 1996;
 * RFC 2582].
 *
 *   event                       tahoe               reno                      newreno
 *   acknowledged, in slow start cwnd += mss         the same                  the same
 *   acknowledged, above         cwnd += mss*mss/cwnd
 *   third duplicate             cwnd = mss          cwnd = ssthresh + 3 mss   the same
 *   more duplicates             -                   cwnd += mss               the same
 *   partial acknowledgement     -                   cwnd = ssthresh, over     next hole, deflated
 *
 * With selective acknowledgements (tcp_sack.c), but for tahoe: cwnd = ssthresh at the third
 * duplicate, and it stays until all that was under way then is acknowledged.
 *
 *   time-out                    cwnd = mss          the same                  the same
 *   with each loss: ssthresh = half of min(cwnd, window), at least 2 mss
 */
#include "os/proto/tcp/tcp_internal.h"

enum { TAHOE, RENO, NEWRENO };
const char *const tcp_cong_names[] = { "tahoe", "reno", "newreno", NULL };

static uint32_t most_of(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t least_of(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- the congestion window ---- */

static uint32_t cwnd_most(const struct tcp_conn *t)
{
    return (uint32_t)UINT16_MAX << t->send_scale;
}

void tcp_cong_begin(struct tcp_conn *t)
{
    t->cwnd = (uint32_t)tcp_params_of(t)->initial_window * t->mss;
    t->ssthresh = cwnd_most(t);
    t->recover = t->iss;
}

static void grow(struct tcp_conn *t)
{
    uint64_t more = t->mss;
    if (t->cwnd >= t->ssthresh)
        more = most_of((uint32_t)((uint64_t)t->mss * t->mss / t->cwnd), 1);
    more += t->cwnd;
    t->cwnd = more < cwnd_most(t) ? (uint32_t)more : most_of(t->cwnd, cwnd_most(t));
}

static void halve(struct tcp_conn *t)
{
    uint32_t had = t->cwnd < t->wnd ? t->cwnd : t->wnd;
    t->ssthresh = most_of(had / 2, 2 * t->mss);
}

void tcp_cong_timeout(struct tcp_conn *t)
{
    if (!t->open)
        return;
    halve(t);
    t->cwnd = t->mss;
    t->recovering = false;
    t->recover = t->max;
    t->dupacks = 0;
    tcp_sack_forget(t);
}

void tcp_cong_idle(struct tcp_conn *t)
{
    uint32_t first = (uint32_t)tcp_params_of(t)->initial_window * t->mss;
    if (t->cwnd > first)
        t->cwnd = first; /* what it had is not known to be free any more: 4.4BSD */
}

static void third_duplicate(struct tcp_conn *t)
{
    int kind = tcp_params_of(t)->congestion;
    if (kind == NEWRENO && !tcp_after(t->una, t->recover))
        return; /* of what a time-out sent again: RFC 2582, 3 */
    halve(t);
    t->timing = false; /* TCP6 */
    tcp_self(t)->counts.fastrexmit++;
    tcp_set(t, TCP_REXMT, tcp_backed_off(t));
    tcp_resend_first(t);
    t->high_rxt = t->una + least_of(t->mss, t->max - t->una);
    t->cwnd = kind == TAHOE ? t->mss : t->ssthresh + (t->sack_ok ? 0 : TCP_DUPACKS * t->mss);
    t->recovering = kind != TAHOE;
    t->recover = t->max;
}

/* `told`: a selective acknowledgement of something new: without one it says nothing of a segment
 * that has left the network [RFC 3042, 2]. */
static void duplicate(struct tcp_conn *t, bool told)
{
    tcp_self(t)->counts.rcvdupack++;
    if (tcp_params_of(t)->limited_transmit && t->sack_ok && !told)
        return;
    if (t->dupacks <= TCP_DUPACKS)
        t->dupacks++;
    if (tcp_sack_recovers(t))
        return;
    if (t->recovering)
        t->cwnd = t->cwnd < cwnd_most(t) ? t->cwnd + t->mss : t->cwnd;
    else if (t->dupacks == TCP_DUPACKS)
        third_duplicate(t);
}

/* `n` new bytes are acknowledged; una is behind them. */
static void advanced(struct tcp_conn *t, uint32_t n)
{
    t->dupacks = 0;
    if (!t->recovering) {
        grow(t);
        if (tcp_before(t->recover, t->una))
            t->recover = t->una - 1; /* near, for numbers come round */
        return;
    }
    if (t->sack_ok && tcp_before(t->una, t->recover))
        return;
    if (tcp_params_of(t)->congestion == NEWRENO && tcp_before(t->una, t->recover)) {
        tcp_resend_first(t);
        t->cwnd = (t->cwnd > n ? t->cwnd - n : 0) + t->mss;
        return;
    }
    t->recovering = false;
    t->cwnd = t->ssthresh;
}

/* ---- the acknowledgement ---- */

static void time_it(struct tcp_conn *t, const struct tcp_segment *g)
{
    sim_time now = port_now(tcp_port(t)), tick = tcp_params_of(t)->stamp_tick;
    if (t->stamps && g->has_stamp && g->echo != 0) {
        sim_time m = sim_time_mul(tick, most_of(tcp_stamp_now(t) - g->echo, 1));
        if (m <= now - t->opened + tick) /* else it never sent such a stamp */
            tcp_sample(t, m);
    } else if (t->timing && !tcp_before(g->ack, t->timed)) {
        tcp_sample(t, now - t->timed_at);
    }
    if (t->timing && !tcp_before(g->ack, t->timed))
        t->timing = false;
}

static void take_window(struct tcp_conn *t, const struct tcp_segment *g)
{
    uint32_t window = (uint32_t)g->window << (g->syn ? 0 : t->send_scale);
    bool newer =
        tcp_before(t->wl1, g->seq) ||
        (t->wl1 == g->seq && (tcp_before(t->wl2, g->ack) || (t->wl2 == g->ack && window > t->wnd)));
    if (!newer)
        return;
    if (g->pure && t->wl2 == g->ack && window > t->wnd)
        tcp_self(t)->counts.rcvwinupd++;
    t->wnd = window;
    t->wl1 = g->seq;
    t->wl2 = g->ack;
    t->wnd_most = most_of(t->wnd_most, window);
}

/* Our FIN is acknowledged; false: the connection has ended. */
static bool fin_acked(struct tcp_conn *t)
{
    if (t->state == TCP_FIN_WAIT_1) {
        t->state = TCP_FIN_WAIT_2;
        if (!t->user)
            tcp_set(t, TCP_WAIT, tcp_params_of(t)->linger);
    } else if (t->state == TCP_CLOSING) {
        tcp_time_wait(t);
    } else if (t->state == TCP_LAST_ACK) {
        tcp_end_with(t, XK_CLOSED);
        return false;
    }
    return true;
}

/* una goes to g->ack; false: the connection has ended. */
static bool advance(struct tcp_conn *t, const struct tcp_segment *g)
{
    struct tcp_state_of *st = tcp_self(t);
    uint32_t n = g->ack - t->una, bytes = n - !t->open;
    bool first = !t->open;
    time_it(t, g);
    bool fin = bytes > t->out.length;
    bytes = fin ? (uint32_t)t->out.length : bytes;
    rope_drop_front(&t->out, bytes);
    t->base += bytes;
    t->una = g->ack;
    t->waits = port_now(tcp_port(t));
    t->open = true;
    t->urgent_out = t->urgent_out && tcp_before(t->una, t->snd_up);
    if (tcp_before(t->nxt, t->una))
        t->nxt = t->una;
    st->counts.rcvackpack++;
    st->counts.rcvackbyte += bytes;
    t->soft = XK_OK;
    if (t->una == t->max)
        tcp_cancel(t, TCP_REXMT);
    else if (!tcp_is_set(t, TCP_PERSIST))
        tcp_set(t, TCP_REXMT, tcp_backed_off(t));
    if (first)
        tcp_cong_begin(t);
    else
        advanced(t, n);
    tcp_sack_take(t, g);
    if (t->wants && 2 * t->out.length <= t->send_buffer) {
        t->wants = false;
        t->news->room = true;
    }
    if (t->drains && t->out.length == 0) {
        t->drains = false;
        t->news->room = true;
    }
    return !fin || fin_acked(t);
}

bool tcp_got_ack(struct tcp_conn *t, const struct tcp_segment *g)
{
    struct tcp_state_of *st = tcp_self(t);
    if (!t->open && (!tcp_after(g->ack, t->iss) || tcp_after(g->ack, t->max))) {
        struct xk_sessn *s = xk_sessn_of(t);
        st->counts.rcvbadack++;
        tcp_refuse(s->protl, s->down[0], &t->key, g);
        t->ack_now = false; /* that was the answer */
        return false;
    }
    if (t->state == TCP_SYN_RCVD)
        tcp_established(t);
    if (tcp_after(g->ack, t->max)) {
        st->counts.rcvacktoomuch++;
        t->ack_now = true;
        return false;
    }
    st->counts.rcvtaken++;
    bool told = tcp_sack_take(t, g);
    if (tcp_after(g->ack, t->una)) {
        if (!advance(t, g))
            return false;
    } else if (g->ack == t->una && g->pure && t->una != t->max && tcp_is_set(t, TCP_REXMT) &&
               (uint32_t)g->window << t->send_scale == t->wnd) {
        duplicate(t, told);
    } else if (g->pure && g->ack == t->una) {
        t->dupacks = 0;
    }
    take_window(t, g);
    return true;
}
