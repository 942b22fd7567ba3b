/* tcp_timer.c: round trips and timers of connections.
 *
 * Each connection has one timer of the port for all of its deadlines, which is not set later when
 * a deadline moves back: it goes off, finds nothing due, and is set anew.  It is a block of its
 * own, for one that is idle has none: it is there while `armed` says a time, and while it acts.
 *
 * Round trips: A += (M - A)/8, D += (|M - A| - D)/4, time-out A + 4 D [Jacobson & Karels 1988,
 * appendix A; RFC 1122, 4.2.3.1].  The variance counts as one tick at least, as in RFC 2988, 2.3.
 */
#include "os/proto/tcp/tcp_internal.h"

#define SHIFT_MOST 12u /* no longer back-off: the time-out is at its limit long before */

/* ---- deadlines ---- */

static void expired(struct port_timer *timer);

static void arm_at(struct tcp_conn *t, sim_time first)
{
    struct port *p = tcp_port(t);
    sim_time now = port_now(p);
    if (first >= t->armed)
        return;
    t->armed = first;
    port_work(p, PORT_WORK_TIMER, 1);
    if (!t->timer) {
        t->timer = port_alloc(p, sizeof *t->timer);
        port_timer_init(p, t->timer, expired, t);
    }
    port_timer_set(t->timer, first > now ? first - now : 0);
}

static void timer_free(struct tcp_conn *t)
{
    port_free(tcp_port(t), t->timer);
    t->timer = NULL;
}

static void arm(struct tcp_conn *t)
{
    sim_time first = SIM_NEVER;
    for (uint32_t k = 0; k < TCP_TIMERS; k++)
        first = sim_time_min(first, t->due[k]);
    arm_at(t, first);
}

/* When the upper gives the peer up, who has acknowledged nothing since. */
static sim_time gives_up(const struct tcp_conn *t, sim_time since)
{
    return t->patience > 0 ? sim_time_add(since, t->patience) : SIM_NEVER;
}

void tcp_set(struct tcp_conn *t, enum tcp_timer k, sim_time delay)
{
    t->due[k] = sim_time_add(port_now(tcp_port(t)), delay);
    if (k == TCP_REXMT)
        t->due[k] = sim_time_min(t->due[k], gives_up(t, t->waits));
    arm(t);
}

void tcp_resume(struct tcp_conn *t)
{
    sim_time first = t->armed; /* it goes off then, though nothing may be due: as it would have */
    t->armed = SIM_NEVER;
    arm_at(t, first);
    arm(t);
}

void tcp_set_patience(struct tcp_conn *t, sim_time most)
{
    t->patience = most;
    if (tcp_is_set(t, TCP_REXMT))
        tcp_set(t, TCP_REXMT, t->due[TCP_REXMT] - port_now(tcp_port(t)));
}

void tcp_cancel(struct tcp_conn *t, enum tcp_timer k)
{
    t->due[k] = SIM_NEVER;
}

void tcp_cancel_all(struct tcp_conn *t)
{
    for (uint32_t k = 0; k < TCP_TIMERS; k++)
        t->due[k] = SIM_NEVER;
    if (t->armed == SIM_NEVER)
        return;
    port_timer_cancel(t->timer);
    t->armed = SIM_NEVER;
    timer_free(t);
}

/* ---- what they do ---- */

static void give_up(struct tcp_conn *t)
{
    tcp_self(t)->counts.timeoutdrop++;
    tcp_drop(t, t->soft != XK_OK ? (enum xk_status)t->soft : XK_UNREACHABLE);
}

/* Nothing came back in time. */
static void resend(struct tcp_conn *t)
{
    struct tcp_state_of *st = tcp_self(t);
    const struct tcp_params *params = st->params;
    bool embryo = t->state == TCP_SYN_SENT || t->state == TCP_SYN_RCVD;
    sim_time age = port_now(tcp_port(t)) - t->opened;
    bool out = embryo ? age >= params->connect_time : t->shift >= params->tries;
    if (gives_up(t, t->waits) <= port_now(tcp_port(t))) {
        give_up(t);
        return;
    }
    if (t->open && t->wnd == 0 && t->out.length > 0) { /* the peer took its window back */
        t->nxt = t->una;
        tcp_set_persist(t);
        return;
    }
    if (out) {
        give_up(t);
        return;
    }
    st->counts.rexmttimeo++;
    t->shift = (uint8_t)(t->shift + (t->shift < UINT8_MAX));
    t->timing = false; /* TCP6 */
    t->nxt = t->una;
    tcp_cong_timeout(t);
    tcp_set(t, TCP_REXMT, tcp_backed_off(t));
}

/* The window is closed, or too small for what waits. */
static void persist(struct tcp_conn *t)
{
    /* A closed window may last while the peer answers [RFC 1122, 4.2.2.17]. */
    if (gives_up(t, sim_time_max(t->waits, t->heard)) <= port_now(tcp_port(t))) {
        give_up(t);
        return;
    }
    tcp_self(t)->counts.persisttimeo++;
    t->shift = (uint8_t)(t->shift + (t->shift < SHIFT_MOST));
    t->force = true;
}

static void keep(struct tcp_conn *t)
{
    struct tcp_state_of *st = tcp_self(t);
    const struct tcp_params *params = st->params;
    sim_time idle = port_now(tcp_port(t)) - t->heard;
    if (!t->keepalive || t->state < TCP_ESTABLISHED || t->state == TCP_TIME_WAIT)
        return;
    if (idle < params->keep_idle) {
        tcp_set(t, TCP_KEEP, params->keep_idle - idle);
        return;
    }
    st->counts.keeptimeo++;
    if (t->keep_sent >= params->keep_tries) {
        st->counts.keepdrops++;
        tcp_drop(t, XK_UNREACHABLE);
        return;
    }
    t->keep_sent++;
    st->counts.keepprobe++;
    tcp_probe_alive(t);
    tcp_set(t, TCP_KEEP, params->keep_interval);
}

static void act(struct tcp_conn *t, enum tcp_timer k)
{
    switch (k) {
    case TCP_REXMT:
        resend(t);
        break;
    case TCP_PERSIST:
        persist(t);
        break;
    case TCP_DELACK:
        tcp_self(t)->counts.delack++;
        t->ack_now = true;
        break;
    case TCP_KEEP:
        keep(t);
        break;
    case TCP_WAIT:
    case TCP_TIMERS:
        tcp_end_with(t, XK_CLOSED);
        break;
    }
}

static void expired(struct port_timer *timer)
{
    struct tcp_conn *t = timer->arg;
    struct tcp_news n;
    t->armed = SIM_NEVER;
    tcp_enter(t, &n);
    for (uint32_t k = 0; k < TCP_TIMERS; k++) {
        if (t->due[k] > port_now(tcp_port(t)))
            continue;
        t->due[k] = SIM_NEVER;
        act(t, (enum tcp_timer)k);
    }
    arm(t);
    if (t->armed == SIM_NEVER)
        timer_free(t);
    tcp_leave(t, &n);
}

void tcp_timers_init(struct tcp_conn *t)
{
    for (uint32_t k = 0; k < TCP_TIMERS; k++)
        t->due[k] = SIM_NEVER;
    t->armed = SIM_NEVER;
    t->rto = tcp_params_of(t)->rto_first;
}

/* ---- round trips ---- */

static sim_time within(sim_time x, sim_time least, sim_time most)
{
    return x < least ? least : x > most ? most : x;
}

static sim_time backed_off(const struct tcp_conn *t)
{
    sim_time x = t->rto;
    for (uint32_t i = 0; i < t->shift && i < SHIFT_MOST; i++)
        x = sim_time_mul(x, 2);
    return x;
}

sim_time tcp_backed_off(struct tcp_conn *t)
{
    return sim_time_min(backed_off(t), tcp_params_of(t)->rto_max);
}

void tcp_set_persist(struct tcp_conn *t)
{
    const struct tcp_params *params = tcp_params_of(t);
    bool open = t->wnd > t->nxt - t->una; /* silly windows: [RFC 1122, 4.2.3.4] */
    tcp_set(t, TCP_PERSIST,
            open ? params->override
                 : within(backed_off(t), params->persist_min, params->persist_max));
}

void tcp_sample(struct tcp_conn *t, sim_time m)
{
    const struct tcp_params *params = tcp_params_of(t);
    if (!t->sampled) {
        t->srtt = m;
        t->rttvar = m / 2;
        t->sampled = true;
    } else {
        sim_time e = m - t->srtt;
        t->srtt += e / 8;
        t->rttvar += ((e < 0 ? -e : e) - t->rttvar) / 4;
    }
    tcp_self(t)->counts.rttupdated++;
    t->shift = 0;
    t->rto = within(sim_time_add(t->srtt, sim_time_max(params->tick, 4 * t->rttvar)),
                    params->rto_min, params->rto_max);
}

/* A thread may be ahead of an upcall by the work that it has named (PORT2): no stamp goes back. */
uint32_t tcp_stamp_now(struct tcp_conn *t)
{
    uint32_t now = (uint32_t)(port_now(tcp_port(t)) / tcp_params_of(t)->stamp_tick);
    if (tcp_after(now, t->stamp))
        t->stamp = now;
    return t->stamp;
}

void tcp_keep(struct tcp_conn *t)
{
    if (t->keepalive && t->state >= TCP_ESTABLISHED && !tcp_is_set(t, TCP_KEEP))
        tcp_set(t, TCP_KEEP, tcp_params_of(t)->keep_idle);
}

void tcp_heard(struct tcp_conn *t)
{
    t->heard = port_now(tcp_port(t));
    t->keep_sent = 0;
    tcp_keep(t);
}
