/* sock.c: see sock.h. */
#include "os/proto/sock/sock.h"

#include "os/xk/map.h"

struct sock_params {
    int64_t piece;
};

static const struct param params[] = {
    P_SIZE(sock_params, piece, "2KiB", "1B", "1GiB", "bytes of a piece that goes to TCP at once",
           "4.4BSD, sys/mbuf.h, MCLBYTES: a cluster"),
    P_END,
};

struct sock {
    struct list link; /* of its port: nobody has accepted it yet */
    struct xk_sessn *sessn;
    struct port_thread *reader, *writer; /* that wait; NULL: none */
    bool connected, finished, ended;
    enum xk_status why; /* of `ended` */
    struct rope in;
};

struct sock_port {
    struct list waiting; /* struct sock */
    struct port_thread *acceptor;
};

struct sock_state {
    const struct sock_params *params;
    struct xk_map ports; /* struct sock_port by port, in 4 bytes */
    struct {
        uint64_t sent, received, accepted, connected;
    } counts;
};

static struct port *port_of(const struct sock *s)
{
    return xk_port(s->sessn->protl);
}

static struct sock_state *state_of(const struct sock *s)
{
    return s->sessn->upper->state;
}

static void wake(struct port *p, struct port_thread **who)
{
    if (*who)
        port_thread_wake(p, *who);
    *who = NULL;
}

static void wait_for(struct port *p, struct port_thread **who, const char *what)
{
    *who = port_thread_self(p);
    port_thread_block(p, what, 0);
    *who = NULL;
}

static struct sock *sock_new(struct xk_sessn *sessn)
{
    struct xk_control hold = { .op = XK_TCP_HOLD };
    struct sock *s = port_alloc(xk_port(sessn->protl), sizeof *s);
    list_init(&s->link);
    rope_init(&s->in);
    s->sessn = sessn;
    sessn->upper_state = s;
    (void)xk_sessn_control(sessn, &hold);
    return s;
}

/* ---- from below ---- */

static void protl_open_done(struct xk_protl *self, struct xk_sessn *lower)
{
    struct sock_state *st = self->state;
    struct tcp_view v;
    tcp_look(lower, &v);
    uint32_t key = v.my_port;
    struct sock_port *at = xk_map_resolve(&st->ports, &key);
    if (!at)
        return; /* nobody takes it: it is closed */
    struct sock *s = sock_new(xk_dup(lower));
    s->connected = true;
    list_push(&at->waiting, &s->link);
    wake(xk_port(self), &at->acceptor);
}

static void protl_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct sock *s = lower->upper_state;
    if (!s)
        return;
    s->finished |= xk_msg_length(m) == 0;
    xk_msg_to_end(m, &s->in);
    wake(xk_port(self), &s->reader);
}

static void protl_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct sock *s = lower->upper_state;
    if (!s)
        return;
    s->connected = true;
    wake(xk_port(self), &s->writer);
}

static void protl_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why)
{
    struct sock *s = lower->upper_state;
    if (!s)
        return;
    s->ended = true;
    s->why = why;
    wake(xk_port(self), &s->writer);
    wake(xk_port(self), &s->reader);
}

/* ---- calls ---- */

enum xk_status sock_listen(struct xk_protl *self, uint16_t port)
{
    struct sock_state *st = self->state;
    struct xk_parts local = xk_any();
    uint32_t key = port;
    port_work(xk_port(self), PORT_WORK_TRAP, 1);
    xk_part_push(&local, XK_PART_PORT, port);
    enum xk_status r = xk_open_enable(self->down[0], self, local);
    if (r != XK_OK)
        return r;
    struct sock_port *at = port_alloc(xk_port(self), sizeof *at);
    list_init(&at->waiting);
    xk_map_bind(&st->ports, &key, at);
    return XK_OK;
}

struct sock *sock_accept(struct xk_protl *self, uint16_t port)
{
    struct sock_state *st = self->state;
    uint32_t key = port;
    struct sock_port *at = xk_map_resolve(&st->ports, &key);
    ASSERT(at && !at->acceptor); /* SOCK3 */
    port_work(xk_port(self), PORT_WORK_TRAP, 1);
    while (list_empty(&at->waiting))
        wait_for(xk_port(self), &at->acceptor, "a connection");
    st->counts.accepted++;
    return LIST_ENTRY(list_pop(&at->waiting), struct sock, link);
}

struct sock *sock_connect(struct xk_protl *self, struct xk_parts peer, enum xk_status *why)
{
    struct sock_state *st = self->state;
    port_work(xk_port(self), PORT_WORK_TRAP, 1);
    struct xk_sessn *sessn = xk_open(self->down[0], self, peer, why);
    if (!sessn)
        return NULL;
    struct sock *s = sock_new(sessn);
    while (!s->connected && !s->ended)
        wait_for(xk_port(self), &s->writer, "a connection to be made");
    if (s->ended) {
        *why = s->why;
        sock_close(s);
        return NULL;
    }
    st->counts.connected++;
    return s;
}

/* A piece goes to TCP, when it has room. */
static enum xk_status send_piece(struct sock *s, struct rope *piece)
{
    struct xk_msg m;
    enum xk_status r;
    uint64_t n = piece->length;
    port_work(port_of(s), PORT_WORK_COPY, n);
    xk_msg_init_rope(&m, piece);
    while ((r = s->ended ? s->why : xk_push(s->sessn, &m)) == XK_BUSY)
        wait_for(port_of(s), &s->writer, "room to send");
    if (r == XK_OK)
        state_of(s)->counts.sent += n;
    xk_msg_fini(&m);
    return r;
}

enum xk_status sock_send(struct sock *s, struct rope *data)
{
    uint64_t most = (uint64_t)state_of(s)->params->piece;
    enum xk_status r = XK_OK;
    port_work(port_of(s), PORT_WORK_TRAP, 1);
    while (data->length > 0 && r == XK_OK) {
        struct rope rest;
        rope_split(data, data->length < most ? data->length : most, &rest);
        r = send_piece(s, data);
        rope_fini(data);
        rope_move(data, &rest);
    }
    rope_fini(data);
    return r;
}

enum xk_status sock_recv(struct sock *s, uint64_t most, struct rope *out)
{
    rope_init(out);
    port_work(port_of(s), PORT_WORK_TRAP, 1);
    while (s->in.length == 0 && !s->finished && !s->ended)
        wait_for(port_of(s), &s->reader, "bytes");
    uint64_t n = s->in.length < most ? s->in.length : most;
    if (n == 0)
        return s->finished || s->why == XK_CLOSED ? XK_OK : s->why;
    rope_fini(out);
    rope_move(out, &s->in);
    rope_split(out, n, &s->in);
    port_work(port_of(s), PORT_WORK_COPY, n);
    state_of(s)->counts.received += n;
    struct xk_control c = { .op = XK_TCP_CONSUMED, .u64 = n };
    (void)xk_sessn_control(s->sessn, &c);
    return XK_OK;
}

void sock_finish(struct sock *s)
{
    struct xk_control c = { .op = XK_TCP_FINISH };
    port_work(port_of(s), PORT_WORK_TRAP, 1);
    (void)xk_sessn_control(s->sessn, &c);
}

void sock_abort(struct sock *s)
{
    struct xk_control c = { .op = XK_TCP_ABORT };
    port_work(port_of(s), PORT_WORK_TRAP, 1);
    if (s->ended)
        return;
    (void)xk_sessn_control(s->sessn, &c);
    s->ended = true; /* of which TCP says nothing */
    s->why = XK_RESET;
    wake(port_of(s), &s->writer);
    wake(port_of(s), &s->reader);
}

void sock_close(struct sock *s)
{
    struct port *p = port_of(s);
    port_work(p, PORT_WORK_TRAP, 1);
    s->sessn->upper_state = NULL;
    xk_close(s->sessn);
    rope_fini(&s->in);
    port_free(p, s);
}

struct xk_sessn *sock_sessn(const struct sock *s)
{
    return s->ended ? NULL : s->sessn;
}

/* ---- protocol ---- */

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct sock_state *st = self->state;
    st->params = p;
    xk_map_init(&st->ports, xk_port(self), sizeof(uint32_t));
    return XK_OK;
}

static bool protl_check(const void *p, const char *at, const struct xk_below *below, uint8_t count,
                        struct err *e)
{
    (void)p;
    (void)count;
    return below[0].ops == &tcp_protl ||
           err_set(e, "%s: sock stands right on tcp, and '%s' is not", at, below[0].name);
}

static const struct counter counters[] = {
    C_SUM(sock_state, counts, sent, "B", "Bytes that programs sent."),
    C_SUM(sock_state, counts, received, "B", "Bytes that programs received."),
    C_SUM(sock_state, counts, connected, "1", "Connections made."),
    C_SUM(sock_state, counts, accepted, "1", "Connections accepted."),
    C_END,
};

const struct xk_protl_ops sock_protl = {
    .kind = { .name = "sock",
              .doc = "streams for programs: connections of tcp by calls that block",
              .params = params,
              .params_size = sizeof(struct sock_params),
              .state_size = sizeof(struct sock_state),
              .counters = counters },
    .down_min = 1,
    .down_max = 1,
    .init = protl_init,
    .check = protl_check,
    .open_done = protl_open_done,
    .demux = protl_demux,
    .ready = protl_ready,
    .failed = protl_failed,
};
