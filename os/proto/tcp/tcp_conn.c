/* tcp_conn.c: connections: their table, ports, beginning and end.  See tcp_internal.h.
 *
 * A session's references are the upper's, and one of each piece of code that is inside.  What has
 * none and no upper goes on until it is CLOSED: it is in the table, and its timers run.
 */
#include "os/proto/tcp/tcp_internal.h"

#include "sim/base/siphash.h"

#define TCP_ISN_TICK (4 * SIM_US) /* [RFC 793, 3.3] */

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m);
static enum xk_status sessn_control(struct xk_sessn *s, struct xk_control *c);

static const struct xk_sessn_ops sessn_ops = { .push = sessn_push,
                                               .close = tcp_sessn_close,
                                               .control = sessn_control };

/* ---- inside ---- */

void tcp_enter(struct tcp_conn *t, struct tcp_news *n)
{
    xk_dup(xk_sessn_of(t));
    if (t->news)
        return;
    *n = (struct tcp_news){ .connected = false };
    rope_init(&n->data);
    t->news = n;
    tcp_self(t)->inside++;
}

/* A peer's connection stands: its upper takes it, or not. */
static void offer(struct tcp_conn *t)
{
    struct xk_sessn *s = xk_sessn_of(t);
    t->user = true;
    xk_dup(s);
    xk_open_done(s->upper, s);
    xk_close(s); /* who is inside has another */
}

/* So many of the next n bytes are given at once: what is urgent ends a piece. */
static uint64_t up_to_mark(const struct tcp_conn *t, uint64_t n)
{
    uint32_t left = t->rcv_up - t->given;
    return t->urgent_in && left < n ? left : n;
}

/* Tells the first of what is to be told; false: nothing. */
static bool tell(struct tcp_conn *t, struct tcp_news *n)
{
    struct xk_sessn *s = xk_sessn_of(t);
    if (n->connected) {
        n->connected = false;
        if (t->passive)
            offer(t);
        else if (t->user)
            xk_ready(s);
    } else if (n->urgent) {
        n->urgent = false;
        if (t->user)
            xk_ready(s);
    } else if (n->data.length > 0) {
        struct xk_msg m;
        struct rope rest;
        rope_split(&n->data, up_to_mark(t, n->data.length), &rest);
        xk_msg_init_rope(&m, &n->data);
        rope_move(&n->data, &rest);
        t->given += (uint32_t)xk_msg_length(&m);
        t->urgent_in = t->urgent_in && t->given != t->rcv_up;
        if (t->holds)
            t->held += (uint32_t)xk_msg_length(&m);
        if (t->user)
            xk_demux(s, &m);
        xk_msg_fini(&m);
    } else if (n->finished) {
        struct xk_msg m;
        n->finished = false;
        xk_msg_init(&m);
        if (t->user)
            xk_demux(s, &m);
        xk_msg_fini(&m);
    } else if (n->room) {
        n->room = false;
        if (t->user)
            xk_ready(s);
    } else if (n->ended) {
        n->ended = false;
        if (t->user)
            xk_failed(s, n->why);
    } else {
        return false;
    }
    return true;
}

void tcp_leave(struct tcp_conn *t, struct tcp_news *n)
{
    if (t->news == n) {
        do {
            while (tell(t, n))
                ;
            tcp_output(t);
        } while (n->ended || n->room);
        t->news = NULL;
        tcp_self(t)->inside--;
    }
    xk_close(xk_sessn_of(t));
}

/* ---- beginning ---- */

uint32_t tcp_hashed_iss(const uint64_t secret[2], const struct tcp_key *key, sim_time now)
{
    return (uint32_t)(now / TCP_ISN_TICK) + (uint32_t)siphash(secret, key, sizeof *key);
}

uint32_t tcp_new_iss(struct xk_protl *self, const struct tcp_key *key)
{
    struct tcp_state_of *st = self->state;
    struct port *p = xk_port(self);
    if (st->params->isn >= 0)
        return (uint32_t)st->params->isn;
    if (st->params->isn == TCP_ISN_HASH)
        return tcp_hashed_iss(st->secret, key, port_now(p));
    /* The clock, and a number that nobody guesses. */
    return (uint32_t)(port_now(p) / TCP_ISN_TICK) + (uint32_t)port_random_below(p, 64000);
}

void tcp_new_mss(struct tcp_conn *t)
{
    uint32_t peer = t->peer_mss ? t->peer_mss : TCP_MSS_ASSUMED;
    uint32_t least = peer < t->path_mss ? peer : t->path_mss;
    least = least < TCP_MSS_LEAST ? TCP_MSS_LEAST : least;
    t->mss = least - (t->stamps ? TCP_STAMP_OPTION : 0);
}

void tcp_ask_path(struct tcp_conn *t)
{
    struct xk_control c = { .op = XK_GET_OPT_PACKET };
    int64_t most = tcp_params_of(t)->mss;
    uint64_t bytes = TCP_MSS_ASSUMED;
    if (xk_sessn_control(xk_sessn_of(t)->down[0], &c) == XK_OK && c.u64 > TCP_HEADER)
        bytes = c.u64 - TCP_HEADER;
    if (most > 0 && bytes > (uint64_t)most)
        bytes = (uint64_t)most;
    t->path_mss = bytes < INT16_MAX ? (uint32_t)bytes : INT16_MAX;
    tcp_new_mss(t);
}

static uint8_t scale_for(int64_t buffer)
{
    uint8_t n = 0;
    while (n < TCP_SCALE_MOST && (int64_t)UINT16_MAX << n < buffer)
        n++;
    return n;
}

/* A connection over `lower`, whose reference it takes; the caller has one of the session. */
static struct tcp_conn *conn_new(struct xk_protl *self, struct xk_protl *upper,
                                 struct xk_sessn *lower, const struct tcp_key *key, uint32_t iss)
{
    struct tcp_state_of *st = self->state;
    struct xk_sessn *s =
        xk_sessn_new(self, upper, lower->host, &sessn_ops, sizeof(struct tcp_conn));
    struct tcp_conn *t = s->state;
    s->down[s->downs++] = lower;
    list_init(&t->waiting);
    list_init(&t->early);
    rope_init(&t->out);
    t->key = *key;
    t->nodelay = !st->params->nagle;
    t->keepalive = st->params->keepalive;
    t->send_buffer = (uint32_t)st->params->send_buffer;
    t->receive_buffer = (uint32_t)st->params->receive_buffer;
    t->scales = st->params->window_scale;
    t->stamps = st->params->stamps;
    t->sack_ok = st->params->sack;
    t->iss = t->una = t->nxt = t->max = iss;
    t->base = iss + 1;
    t->receive_scale = t->scales ? scale_for(st->params->receive_buffer) : 0;
    t->opened = t->heard = t->sent = port_now(xk_port(self));
    t->waits = t->opened;
    t->patience = st->params->user_timeout;
    t->stamp = (uint32_t)(t->opened / st->params->stamp_tick);
    tcp_timers_init(t);
    tcp_ask_path(t);
    if (st->params->path_mtu) {
        struct xk_control c = { .op = XK_SET_DONT_FRAGMENT, .u64 = 1 };
        (void)xk_sessn_control(lower, &c); /* RFC 1191; else it cuts */
    }
    xk_map_bind(&st->conns, &t->key, t);
    t->bound = true;
    return t;
}

/* A free port of one's own for a connection to that peer; 0: all are taken. */
static uint16_t free_port(struct xk_protl *self, struct tcp_key key)
{
    struct tcp_state_of *st = self->state;
    uint32_t first = (uint32_t)st->params->port_first, last = (uint32_t)st->params->port_last;
    if (last < first)
        last = first;
    if (st->params->port_choice == TCP_PORT_DRAWN) /* and the next ones, where that is taken */
        st->port = (uint16_t)(first + port_random_below(xk_port(self), last - first + 1));
    for (uint32_t i = first; i <= last; i++) {
        key.my_port = st->port < first || st->port > last ? (uint16_t)first : st->port;
        st->port = (uint16_t)(key.my_port + 1);
        if (!xk_map_resolve(&st->conns, &key) && !tcp_listens(st, key.my_port))
            return key.my_port;
    }
    return 0;
}

struct xk_sessn *tcp_open(struct xk_protl *self, struct xk_protl *upper, struct xk_parts peer,
                          enum xk_status *why)
{
    struct tcp_state_of *st = self->state;
    struct tcp_key key = { .mine = 0 };
    uint64_t to, own = 0;
    *why = XK_REFUSED;
    if (!xk_part_take(&peer, XK_PART_PORT, &to) || to == 0 || to > UINT16_MAX)
        return NULL; /* PART1 */
    if (xk_part_take(&peer, XK_PART_PORT, &own) && (own == 0 || own > UINT16_MAX))
        return NULL;
    xk_part_push(&peer, XK_PART_TYPE, TCP_NUMBER);
    struct xk_sessn *lower = xk_open(self->down[0], self, peer, why);
    if (!lower)
        return NULL;
    *why = tcp_ends_of(lower, &key) ? XK_OK : XK_REFUSED;
    key.peer_port = (uint16_t)to;
    if (st->params->guest && own == 0)
        *why = XK_REFUSED;
    if (*why == XK_OK && own == 0) {
        own = free_port(self, key);
        *why = own == 0 ? XK_NO_PORT : XK_OK;
    }
    key.my_port = (uint16_t)own;
    if (*why == XK_OK && xk_map_resolve(&st->conns, &key))
        *why = XK_IN_USE;
    if (*why != XK_OK) {
        xk_close(lower);
        return NULL;
    }
    struct tcp_conn *t = conn_new(self, upper, lower, &key, tcp_new_iss(self, &key));
    struct tcp_news n;
    t->user = true;
    t->lent = st->params->guest;
    if (t->lent)
        return xk_sessn_of(t);
    st->counts.connattempt++;
    t->state = TCP_SYN_SENT;
    tcp_enter(t, &n);
    tcp_leave(t, &n);
    return xk_sessn_of(t);
}

struct tcp_conn *tcp_passive(struct xk_protl *self, struct tcp_listener *l, struct xk_sessn *lower,
                             const struct tcp_key *key, uint32_t iss)
{
    struct tcp_state_of *st = self->state;
    if (l->embryos >= l->most) {
        st->counts.listendrop++;
        return NULL;
    }
    struct tcp_conn *t = conn_new(self, l->upper, xk_dup(lower), key, iss);
    t->passive = true;
    t->state = TCP_SYN_RCVD;
    l->embryos++;
    return t;
}

/* It is no embryo any more. */
static void hatch(struct tcp_conn *t)
{
    struct tcp_listener *l = tcp_listens(tcp_self(t), t->key.my_port);
    if (t->passive && t->state == TCP_SYN_RCVD && l && l->embryos > 0)
        l->embryos--;
}

void tcp_established(struct tcp_conn *t)
{
    struct tcp_counts *counts = &tcp_self(t)->counts;
    hatch(t);
    counts->connects++;
    counts->accepts += t->passive;
    t->state = t->finish ? TCP_FIN_WAIT_1 : TCP_ESTABLISHED;
    t->news->connected = true;
}

struct tcp_listener *tcp_listens(struct tcp_state_of *st, uint16_t port)
{
    uint32_t key = port;
    return xk_map_resolve(&st->listeners, &key);
}

struct users {
    uint16_t port;
    uint64_t count;
};

static bool count_user(void *arg, const void *key, void *value)
{
    struct users *u = arg;
    (void)value;
    u->count += ((const struct tcp_key *)key)->my_port == u->port;
    return true;
}

uint64_t tcp_users(struct tcp_state_of *st, uint16_t port)
{
    struct users u = { port, tcp_listens(st, port) != NULL };
    xk_map_each(&st->conns, count_user, &u);
    return u.count;
}

/* ---- end ---- */

static void conn_free(struct tcp_conn *t)
{
    ASSERT(t->state == TCP_CLOSED && !t->news && !t->bound && !t->timer);
    list_remove(&t->waiting);
    rope_fini(&t->out);
    tcp_early_drop(t);
    port_free(tcp_port(t), t->sacked);
    xk_sessn_free(xk_sessn_of(t));
}

static void tell_end(struct tcp_conn *t, enum xk_status why)
{
    if (t->told)
        return;
    t->told = true;
    t->news->ended = true;
    t->news->why = why;
}

void tcp_end_with(struct tcp_conn *t, enum xk_status why)
{
    struct tcp_state_of *st = tcp_self(t);
    if (t->state == TCP_CLOSED)
        return;
    hatch(t);
    st->counts.closed++;
    st->counts.drops += why != XK_CLOSED && t->state >= TCP_ESTABLISHED;
    st->counts.conndrops += why != XK_CLOSED && t->state < TCP_ESTABLISHED;
    t->state = TCP_CLOSED;
    tcp_cancel_all(t);
    rope_fini(&t->out);
    tcp_early_drop(t);
    list_remove(&t->waiting);
    xk_map_unbind(&st->conns, &t->key);
    t->bound = false;
    tell_end(t, why);
}

void tcp_drop(struct tcp_conn *t, enum xk_status why)
{
    if (t->state >= TCP_SYN_RCVD)
        tcp_send_reset(t);
    tcp_end_with(t, why);
}

void tcp_time_wait(struct tcp_conn *t)
{
    tcp_cancel_all(t);
    t->state = TCP_TIME_WAIT;
    tcp_set(t, TCP_WAIT, 2 * tcp_params_of(t)->msl);
    tell_end(t, XK_CLOSED);
}

void tcp_finish(struct tcp_conn *t)
{
    switch ((enum tcp_state)t->state) {
    case TCP_SYN_SENT: /* with data that wait RFC 793 would drop them: they were promised */
        t->finish = t->out.length > 0;
        if (!t->finish)
            tcp_end_with(t, XK_CLOSED);
        break;
    case TCP_SYN_RCVD:
    case TCP_ESTABLISHED:
        hatch(t);
        t->finish = true;
        t->state = TCP_FIN_WAIT_1;
        break;
    case TCP_CLOSE_WAIT:
        t->finish = true;
        t->state = TCP_LAST_ACK;
        break;
    default:
        break; /* it has been done */
    }
}

void tcp_sessn_close(struct xk_sessn *s)
{
    struct tcp_conn *t = s->state;
    struct tcp_news n;
    if (t->lent)
        tcp_unlend(t);
    if (t->state == TCP_CLOSED) {
        conn_free(t);
        return;
    }
    if (!t->user)
        return; /* its peer and its timers end it */
    tcp_enter(t, &n);
    t->user = false;
    if (t->held > 0)
        tcp_drop(t, XK_CLOSED);
    else
        tcp_finish(t);
    if (t->state == TCP_FIN_WAIT_2) /* it had finished: nobody waits for the rest any more */
        tcp_set(t, TCP_WAIT, tcp_params_of(t)->linger);
    tcp_leave(t, &n);
}

/* ---- what the upper does ---- */

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct tcp_conn *t = s->state;
    struct tcp_news n;
    bool open = t->state == TCP_SYN_SENT || t->state == TCP_SYN_RCVD ||
                t->state == TCP_ESTABLISHED || t->state == TCP_CLOSE_WAIT;
    if (!open || t->finish || t->lent)
        return XK_CLOSED;
    if (xk_msg_length(m) > TCP_LONGEST)
        return XK_TOO_LONG;
    if (t->out.length >= t->send_buffer) {
        t->wants = true;
        return XK_BUSY;
    }
    tcp_enter(t, &n);
    xk_msg_to_end(m, &t->out);
    tcp_leave(t, &n);
    return XK_OK;
}

static void abort_it(struct tcp_conn *t)
{
    bool done = t->state == TCP_CLOSING || t->state == TCP_LAST_ACK || t->state == TCP_TIME_WAIT;
    t->told = true;
    if (done) /* both sides have finished: RFC 793, page 63 */
        tcp_end_with(t, XK_CLOSED);
    else
        tcp_drop(t, XK_CLOSED);
}

/* Of one that is lent its ends are known, and no more. */
static bool is_lent_for(const struct tcp_conn *t, enum xk_control_op op)
{
    return t->lent && op != XK_GET_MY_PORT && op != XK_GET_PEER_PORT && op != XK_GET_MY_ADDRESS &&
           op != XK_GET_PEER_ADDRESS;
}

/* Bytes may be under way to an upper of another domain (TRAN5) before it says so. */
static void hold(struct tcp_conn *t)
{
    bool began = t->given != t->irs; /* the peer's SYN has come */
    if (!t->holds && began)
        t->held = t->given - (t->irs + 1);
    t->holds = true;
}

static enum xk_status control(struct tcp_conn *t, struct xk_control *c)
{
    if (is_lent_for(t, c->op))
        return XK_REFUSED;
    switch (c->op) {
    case XK_TCP_FINISH:
        tcp_finish(t);
        return XK_OK;
    case XK_TCP_ABORT:
        abort_it(t);
        return XK_OK;
    case XK_TCP_HOLD:
        hold(t);
        return XK_OK;
    case XK_TCP_CONSUMED:
        ASSERT(c->u64 <= t->held);
        t->held -= (uint32_t)c->u64;
        return XK_OK;
    case XK_TCP_NODELAY:
        t->nodelay = c->u64 != 0;
        return XK_OK;
    case XK_TCP_USER_TIMEOUT:
        tcp_set_patience(t, (sim_time)c->u64);
        return XK_OK;
    case XK_TCP_URGENT:
        t->snd_up = tcp_end(t) + (uint32_t)c->u64;
        t->urgent_due = t->out.length > 0 && c->u64 == 0;
        t->urgent_out = t->out.length + c->u64 > 0;
        return XK_OK;
    case XK_TCP_GET_URGENT:
        c->u64 = t->urgent_in ? t->rcv_up - t->given : 0;
        return XK_OK;
    case XK_TCP_GET_UNACKED:
        c->u64 = t->out.length;
        t->drains = t->out.length > 0;
        return t->state == TCP_CLOSED ? XK_CLOSED : XK_OK;
    case XK_TCP_GET_ROOM:
        c->u64 = t->out.length < t->send_buffer ? t->send_buffer - t->out.length : 0;
        t->wants = t->wants || c->u64 == 0;
        return XK_OK;
    case XK_TCP_KEEPALIVE:
        t->keepalive = c->u64 != 0;
        tcp_keep(t);
        return XK_OK;
    case XK_TCP_SEND_BUFFER:
    case XK_TCP_RECEIVE_BUFFER:
        if (c->u64 == 0 || c->u64 > TCP_LONGEST)
            return XK_REFUSED;
        *(c->op == XK_TCP_SEND_BUFFER ? &t->send_buffer : &t->receive_buffer) = (uint32_t)c->u64;
        return XK_OK;
    case XK_GET_MY_PORT:
        c->u64 = t->key.my_port;
        return XK_OK;
    case XK_GET_PEER_PORT:
        c->u64 = t->key.peer_port;
        return XK_OK;
    case XK_GET_OPT_PACKET:
        c->u64 = t->mss;
        return XK_OK;
    default:
        return xk_sessn_control(xk_sessn_of(t)->down[0], c);
    }
}

static enum xk_status sessn_control(struct xk_sessn *s, struct xk_control *c)
{
    struct tcp_conn *t = s->state;
    struct tcp_news n;
    if (c->op == XK_TCP_EXPORT)
        return tcp_export(t, c);
    if (c->op == XK_TCP_IMPORT)
        return tcp_import(t, c);
    tcp_enter(t, &n);
    enum xk_status r = control(t, c);
    tcp_leave(t, &n);
    return r;
}

/* ---- looked at ---- */

void tcp_look(const struct xk_sessn *s, struct tcp_view *out)
{
    ASSERT(s->ops == &sessn_ops);
    struct tcp_conn *t = s->state;
    *out = (struct tcp_view){
        .state = (enum tcp_state)t->state,
        .my_port = t->key.my_port,
        .peer_port = t->key.peer_port,
        .mss = t->mss,
        .cwnd = t->cwnd,
        .ssthresh = t->ssthresh,
        .window = t->wnd,
        .flight = t->nxt - t->una,
        .unsent = t->state == TCP_CLOSED ? 0 : tcp_end(t) - t->max,
        .srtt = t->srtt,
        .rttvar = t->rttvar,
        .rto = tcp_backed_off(t),
        .recovering = t->recovering,
        .scales = t->scales,
        .stamps = t->stamps,
        .lent = t->lent,
    };
}
