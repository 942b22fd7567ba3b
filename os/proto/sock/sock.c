/* sock.c: SOCK's protocol object, what comes from below, sockets and their ports.  See sock.h. */
#include "os/proto/sock/sock_internal.h"

static const struct param params[] = {
    P_SIZE(sock_params, piece, "2KiB", "1B", "1GiB", "bytes of a piece that goes to TCP at once",
           "4.4BSD, sys/mbuf.h, MCLBYTES: a cluster"),
    P_SIZE(sock_params, datagrams, "41600B", "1B", "1GiB",
           "bytes of datagrams that wait at a socket; more are dropped",
           "4.4BSD, netinet/udp_usrreq.c, udp_recvspace: 40 of 1 KiB with their addresses"),
    P_INT(sock_params, port_first, "1024", "1", "49151", "first port for a bind that names none",
          "4.4BSD, netinet/in.h, IPPORT_RESERVED"),
    P_INT(sock_params, port_last, "5000", "1", "49151", "last",
          "4.4BSD, netinet/in.h, IPPORT_USERRESERVED"),
    P_END,
};

/* ---- calls ---- */

/* Programs are outside of the kernel, and of the domain of a SOCK that is: a call is one of the
 * library then, and a trap where it leaves that for what is below. */
void sock_call(const struct xk_protl *self, const struct sock *s)
{
    const struct xk_protl *below = s && s->sessn ? s->sessn->protl : self->down[0];
    if (s && s->moved)
        below = sock_udp(s);
    if (self->domain == 0 || below->boundary)
        port_work(xk_port(self), PORT_WORK_TRAP, 1);
}

/* ---- who waits ---- */

void sock_wake(struct sock *s, unsigned what)
{
    LIST_EACH (it, &s->waits) {
        struct sock_wait *w = LIST_ENTRY(it, struct sock_wait, link);
        if (!(w->what & what) || w->woken)
            continue;
        w->woken = true;
        port_thread_wake(sock_port(s), w->thread);
    }
}

bool sock_block_for(struct sock *s, unsigned what, const char *text, sim_time timeout)
{
    struct port *p = sock_port(s);
    struct sock_wait w = { .thread = port_thread_self(p), .what = what };
    list_push(&s->waits, &w.link);
    bool woken = port_thread_block_for(p, text, 0, timeout);
    list_remove(&w.link);
    return woken;
}

void sock_block(struct sock *s, unsigned what, const char *text)
{
    (void)sock_block_for(s, what, text, SIM_NEVER);
}

static bool has_room(struct sock *s)
{
    struct xk_control c = { .op = XK_TCP_GET_ROOM };
    return xk_sessn_control(s->sessn, &c) != XK_OK || c.u64 > 0;
}

unsigned sock_ready(struct sock *s, unsigned what)
{
    bool failed = s->error != SOCK_OK || s->ended, stream = s->kind == SOCK_STREAM;
    unsigned is = 0;
    if (failed || s->finished || s->no_read || s->in.length > 0 || !list_empty(&s->queue))
        is |= SOCK_READ;
    if (failed || s->no_write || !stream || (what & SOCK_WRITE && s->connected && has_room(s)))
        is |= SOCK_WRITE;
    if (s->mark > s->taken)
        is |= SOCK_EXCEPT;
    return is & what;
}

/* ---- sockets ---- */

struct sock *sock_make(struct xk_protl *self, enum sock_kind kind)
{
    struct sock *s = port_alloc(xk_port(self), sizeof *s);
    list_init(&s->link);
    list_init(&s->bound);
    list_init(&s->waits);
    list_init(&s->queue);
    rope_init(&s->in);
    s->self = self;
    s->kind = (uint8_t)kind;
    s->refs = 1;
    s->linger = SOCK_NO_LINGER;
    return s;
}

static uint32_t key_of(const struct sock *s)
{
    return (uint32_t)s->kind << 16 | s->port;
}

void sock_drop(struct sock *s)
{
    struct port *p = sock_port(s);
    if (--s->refs > 0)
        return;                    /* FD2 */
    ASSERT(list_empty(&s->waits)); /* SOCK3 */
    if (s->kind == SOCK_STREAM)
        sock_stream_close(s);
    else
        sock_dgram_close(s);
    if (sock_at(sock_of(s), (enum sock_kind)s->kind, s->port) == s) {
        uint32_t key = key_of(s);
        xk_map_unbind(&sock_of(s)->ports, &key);
    }
    list_remove(&s->bound);
    rope_fini(&s->in);
    port_free(p, s);
}

void sock_control(struct sock *s, enum xk_control_op op, uint64_t u64)
{
    struct xk_control c = { .op = op, .u64 = u64 };
    if (s->sessn)
        (void)xk_sessn_control(s->sessn, &c);
}

static uint64_t ask(struct xk_sessn *sessn, enum xk_control_op op)
{
    struct xk_control c = { .op = op };
    return xk_sessn_control(sessn, &c) == XK_OK ? c.u64 : 0;
}

void sock_name_peer(struct xk_sessn *sessn, struct sock_name *out)
{
    out->address = (uint32_t)ask(sessn, XK_GET_PEER_ADDRESS);
    out->port = (uint16_t)ask(sessn, XK_GET_PEER_PORT);
    out->host = sessn->host;
}

enum sock_error sock_error_of(enum xk_status s)
{
    static const enum sock_error errors[XK_STATUS_COUNT] = {
        [XK_OK] = SOCK_OK,
        [XK_BUSY] = SOCK_EWOULDBLOCK,
        [XK_TOO_LONG] = SOCK_EMSGSIZE,
        [XK_NO_PEER] = SOCK_EHOSTUNREACH,
        [XK_UNREACHABLE] = SOCK_ETIMEDOUT,
        [XK_REFUSED] = SOCK_ECONNREFUSED,
        [XK_CLOSED] = SOCK_ENETDOWN,
        [XK_RESTARTED] = SOCK_ECONNRESET,
        [XK_IN_USE] = SOCK_EADDRINUSE,
        [XK_NO_PORT] = SOCK_EADDRNOTAVAIL,
        [XK_RESET] = SOCK_ECONNRESET,
    };
    return errors[s];
}

/* ---- ports ---- */

struct sock *sock_at(struct sock_state *st, enum sock_kind kind, uint64_t port)
{
    uint32_t key = (uint32_t)kind << 16 | (uint16_t)port;
    return port ? xk_map_resolve(&st->ports, &key) : NULL;
}

void sock_takes(struct sock *s)
{
    uint32_t key = key_of(s);
    xk_map_bind(&sock_of(s)->ports, &key, s);
}

/* 4.4BSD, in_pcbbind: with SOCK_REUSE a connection may have it. */
static bool is_taken(struct sock *s, uint16_t port)
{
    struct sock_state *st = sock_of(s);
    struct xk_control c = { .op = XK_TCP_GET_USERS, .u64 = port };
    LIST_EACH (it, &st->bound) {
        const struct sock *x = LIST_ENTRY(it, struct sock, bound);
        if (x->kind == s->kind && x->port == port && !(s->reuse && x->sessn))
            return true;
    }
    if (s->kind == SOCK_DGRAM || s->reuse)
        return false;
    return xk_protl_control(st->tcp, &c) == XK_OK && c.u64 > 0;
}

static enum xk_status take_port(struct sock *s, uint16_t port)
{
    struct sock_state *st = sock_of(s);
    if (is_taken(s, port))
        return XK_IN_USE;
    if (s->kind == SOCK_DGRAM) {
        enum xk_status r = xk_open_enable(st->udp, s->self, xk_at_port(port));
        if (r != XK_OK)
            return r == XK_REFUSED ? XK_IN_USE : r; /* UDP4 */
    }
    s->port = port;
    list_push(&st->bound, &s->bound);
    if (s->kind == SOCK_DGRAM) {
        sock_takes(s);
        sock_lend_port(s);
    }
    return XK_OK;
}

enum sock_error sock_bind(struct sock *s, uint16_t port)
{
    struct sock_state *st = sock_of(s);
    uint16_t first = (uint16_t)st->params->port_first, last = (uint16_t)st->params->port_last;
    if (s->port || s->sessn)
        return SOCK_EINVAL;
    if (port)
        return sock_error_of(take_port(s, port));
    for (uint32_t i = first; i <= last; i++) {
        uint16_t at = st->next < first || st->next > last ? first : st->next;
        st->next = (uint16_t)(at + 1);
        enum xk_status r = take_port(s, at);
        if (r != XK_IN_USE)
            return sock_error_of(r);
    }
    return SOCK_EADDRNOTAVAIL;
}

/* ---- from below ---- */

static struct sock *at_port_of(struct sock_state *st, enum sock_kind kind, struct xk_sessn *lower)
{
    return sock_at(st, kind, ask(lower, XK_GET_MY_PORT));
}

static void protl_open_done(struct xk_protl *self, struct xk_sessn *lower)
{
    struct sock_state *st = self->state;
    if (sock_is_udp(st, lower))
        return; /* its datagrams say where they come from */
    struct sock *at = at_port_of(st, SOCK_STREAM, lower);
    if (!at || !at->listens)
        return; /* nobody takes it: it is closed */
    struct sock *s = sock_make(self, SOCK_STREAM);
    s->reuse = at->reuse;
    s->nonblock = at->nonblock;
    s->nodelay = at->nodelay;
    s->keepalive = at->keepalive;
    s->linger = at->linger;
    s->send_buffer = at->send_buffer;
    s->receive_buffer = at->receive_buffer;
    s->connected = true;
    sock_stream_take(s, xk_dup(lower));
    sock_stream_options(s);
    list_push(&at->queue, &s->link);
    at->queued++;
    sock_stream_room(at);
    sock_wake(at, SOCK_READ);
}

static void protl_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct sock_state *st = self->state;
    struct sock *s = lower->upper_state;
    if (sock_is_udp(st, lower)) {
        sock_dgram_came(st, lower, m);
        return;
    }
    if (!s)
        return;
    uint64_t n = xk_msg_length(m);
    s->finished |= n == 0;
    if (s->no_read) {
        s->taken += n;
        sock_control(s, XK_TCP_CONSUMED, n); /* 4.4BSD, tcp_input: acknowledged, and dropped */
        return;
    }
    xk_msg_to_end(m, &s->in);
    sock_wake(s, SOCK_READ);
}

static void protl_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct sock_state *st = self->state;
    bool datagrams = sock_is_udp(st, lower);
    struct sock *s = datagrams ? at_port_of(st, SOCK_DGRAM, lower) : lower->upper_state;
    if (!s)
        return;
    uint64_t urgent = datagrams ? 0 : ask(lower, XK_TCP_GET_URGENT);
    s->connected |= !datagrams;
    sock_wake(s, SOCK_WRITE);
    if (urgent > 0) {
        s->mark = s->taken + s->in.length + urgent;
        sock_wake(s, SOCK_EXCEPT);
    }
}

/* Of the library's: there is nothing that the server would have to remember. */
static bool has_ended(const struct xk_sessn *lower)
{
    struct tcp_view v;
    tcp_look(lower, &v);
    return v.state == TCP_CLOSED;
}

static void protl_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why)
{
    struct sock_state *st = self->state;
    bool datagrams = sock_is_udp(st, lower);
    struct sock *s = datagrams ? at_port_of(st, SOCK_DGRAM, lower) : lower->upper_state;
    if (!s || (datagrams && !sock_dgram_is_peer(s, lower)))
        return; /* of whom it is connected to alone: 4.4BSD, udp_ctlinput */
    s->ended |= !datagrams;
    s->why = why;
    if (datagrams && why == XK_UNREACHABLE)
        s->error = SOCK_EHOSTUNREACH;
    else if (why != XK_CLOSED)
        s->error = sock_error_of(why);
    if (s->lent && has_ended(lower))
        sock_give_up(s);
    sock_wake(s, SOCK_WRITE);
    sock_wake(s, SOCK_READ);
}

static void protl_closed(struct xk_protl *self, const struct xk_protl *lower)
{
    sock_lender_died(self->state, lower);
}

/* ---- protocol ---- */

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct sock_state *st = self->state;
    st->params = p;
    xk_map_init(&st->ports, xk_port(self), sizeof(uint32_t));
    list_init(&st->bound);
    list_init(&st->lends);
    for (uint8_t i = 0; i < self->downs; i++) {
        const void *udp = xk_params(self->down[i], &udp_protl);
        if (udp)
            *(udp_is_guest(udp) ? &st->udp_lib : &st->udp) = self->down[i];
        else
            *(tcp_is_guest(xk_params(self->down[i], &tcp_protl)) ? &st->lib : &st->tcp) =
                self->down[i];
    }
    return XK_OK;
}

static bool protl_check(const void *p, const char *at, const struct xk_below *below, uint8_t count,
                        struct err *e)
{
    bool has[2][2] = { { false } }; /* UDP; a guest */
    (void)p;
    for (uint8_t i = 0; i < count; i++) {
        bool udp = below[i].ops == &udp_protl;
        if (!udp && below[i].ops != &tcp_protl)
            return err_set(e, "%s: sock stands right on tcp and udp, and '%s' is neither", at,
                           below[i].name);
        bool guest = udp ? udp_is_guest(below[i].params) : tcp_is_guest(below[i].params);
        if (guest && (!has[udp][false] || below[i].apart))
            return err_set(e,
                           "%s: '%s' is a guest: it stands behind the %s that lends it %s, and in "
                           "the domain of sock",
                           at, below[i].name, udp ? "udp" : "tcp", udp ? "ports" : "connections");
        if (has[udp][guest])
            return err_set(e,
                           "%s: sock stands on one instance of each protocol, and '%s' is the "
                           "second of %s",
                           at, below[i].name, below[i].ops->kind.name);
        has[udp][guest] = true;
    }
    return true;
}

static const struct counter counters[] = {
    C_SUM(sock_state, counts, sent, "B", "Bytes that programs sent by connections."),
    C_SUM(sock_state, counts, received, "B", "Bytes that programs received by connections."),
    C_SUM(sock_state, counts, connected, "1", "Connections made."),
    C_SUM(sock_state, counts, accepted, "1", "Connections accepted."),
    C_SUM(sock_state, counts, datagrams_sent, "1", "Datagrams that programs sent."),
    C_SUM(sock_state, counts, datagrams_received, "1", "Datagrams that programs received."),
    C_SUM(sock_state, counts, datagrams_dropped, "1",
          "Datagrams dropped: too many waited at their socket, or it was connected to another."),
    C_SUM(sock_state, counts, lent, "1", "Times that a connection went to the library's TCP."),
    C_SUM(sock_state, counts, returned, "1", "Times that one went back to the server's."),
    C_SUM(sock_state, counts, ports_lent, "1",
          "Times that a socket's port went to the library's UDP."),
    C_SUM(sock_state, counts, ports_returned, "1", "Times that one went back, or was free."),
    C_SUM(sock_state, counts, selects, "1", "Calls that waited for several sockets."),
    C_END,
};

const struct xk_protl_ops sock_protl = {
    .kind = { .name = "sock",
              .doc = "sockets for programs: connections of tcp and datagrams of udp, by calls that "
                     "block",
              .params = params,
              .params_size = sizeof(struct sock_params),
              .state_size = sizeof(struct sock_state),
              .counters = counters },
    .of_program = true,
    .down_min = 1,
    .down_max = 4,
    .init = protl_init,
    .check = protl_check,
    .open_done = protl_open_done,
    .demux = protl_demux,
    .ready = protl_ready,
    .failed = protl_failed,
    .closed = protl_closed,
};
