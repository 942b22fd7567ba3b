/* sock_stream.c: sockets that are ends of connections, and those that listen.  See sock.h. */
#include "os/proto/sock/sock_internal.h"

/* ---- beginning ---- */

void sock_stream_take(struct sock *s, struct xk_sessn *sessn)
{
    s->sessn = sessn;
    sessn->upper_state = s;
    sock_control(s, XK_TCP_HOLD, 0);
}

void sock_stream_options(struct sock *s)
{
    if (s->nodelay)
        sock_control(s, XK_TCP_NODELAY, 1);
    if (s->keepalive)
        sock_control(s, XK_TCP_KEEPALIVE, 1);
    if (s->send_buffer)
        sock_control(s, XK_TCP_SEND_BUFFER, s->send_buffer);
    if (s->receive_buffer)
        sock_control(s, XK_TCP_RECEIVE_BUFFER, s->receive_buffer);
}

/* 4.4BSD, sonewconn: those that are begun and those that wait to be accepted are at most 3/2 of
 * the backlog, and one. */
void sock_stream_room(struct sock *s)
{
    uint64_t most = 3 * (uint64_t)s->backlog / 2 + 1;
    struct xk_control c = { .op = XK_TCP_BACKLOG };
    if (s->backlog == UINT32_MAX)
        return;
    uint64_t left = most > s->queued ? most - s->queued : 0;
    c.u64 = s->port | left << 16;
    (void)xk_protl_control(sock_of(s)->tcp, &c);
}

enum sock_error sock_stream_listen(struct sock *s, uint32_t backlog, bool limited)
{
    s->backlog = limited ? backlog : UINT32_MAX;
    if (!s->listens) {
        enum sock_error e = s->port ? SOCK_OK : sock_bind(s, 0);
        if (e != SOCK_OK)
            return e;
        if (sock_at(sock_of(s), SOCK_STREAM, s->port))
            return SOCK_EADDRINUSE;
        e = sock_error_of(xk_open_enable(sock_of(s)->tcp, s->self, xk_at_port(s->port)));
        if (e != SOCK_OK)
            return e;
        s->listens = true;
        sock_takes(s);
    }
    sock_stream_room(s);
    return SOCK_OK;
}

struct sock *sock_stream_accept(struct sock *s)
{
    while (list_empty(&s->queue) && !s->nonblock)
        sock_block(s, SOCK_READ, "a connection");
    if (list_empty(&s->queue))
        return NULL;
    s->queued--;
    sock_of(s)->counts.accepted++;
    struct sock *c = LIST_ENTRY(list_pop(&s->queue), struct sock, link);
    sock_stream_room(s);
    sock_lend(c);
    return c;
}

/* It may be connected again. */
static void reset(struct sock *s)
{
    s->sessn->upper_state = NULL;
    xk_close(s->sessn);
    s->sessn = NULL;
    s->ended = s->connected = s->finished = false;
    s->error = SOCK_OK;
}

enum xk_status sock_stream_connect(struct sock *s, struct xk_parts peer)
{
    enum xk_status why;
    if (!s->sessn) {
        uint64_t port;
        if (s->port && xk_part_take(&peer, XK_PART_PORT, &port)) {
            xk_part_push(&peer, XK_PART_PORT, s->port);
            xk_part_push(&peer, XK_PART_PORT, port);
        }
        struct xk_sessn *sessn = xk_open(sock_of(s)->tcp, s->self, peer, &why);
        if (!sessn)
            return why;
        sock_stream_take(s, sessn);
        sock_stream_options(s);
    }
    while (!s->connected && !s->ended && !s->nonblock)
        sock_block(s, SOCK_WRITE, "a connection to be made");
    if (!s->connected && !s->ended)
        return XK_BUSY;
    if (!s->connected) {
        why = s->why;
        reset(s);
        return why;
    }
    sock_of(s)->counts.connected++;
    sock_lend(s);
    return XK_OK;
}

/* ---- bytes ---- */

/* A piece goes to TCP, when it has room. */
static enum xk_status send_piece(struct sock *s, struct rope *piece)
{
    struct xk_msg m;
    enum xk_status r;
    uint64_t n = piece->length;
    port_work(sock_port(s), PORT_WORK_COPY, n);
    xk_msg_init_rope(&m, piece);
    while ((r = s->ended ? s->why : xk_push(s->sessn, &m)) == XK_BUSY && !s->nonblock)
        sock_block(s, SOCK_WRITE, "room to send");
    if (r == XK_OK)
        sock_of(s)->counts.sent += n;
    xk_msg_to_rope(&m, piece);
    xk_msg_fini(&m);
    return r;
}

enum xk_status sock_stream_send(struct sock *s, struct rope *data)
{
    uint64_t most = (uint64_t)sock_of(s)->params->piece;
    enum xk_status r = XK_OK;
    sock_lend(s);
    while (data->length > 0 && r == XK_OK) {
        struct rope rest;
        rope_split(data, data->length < most ? data->length : most, &rest);
        r = send_piece(s, data);
        rope_join(data, &rest);
    }
    return r;
}

enum xk_status sock_stream_recv(struct sock *s, uint64_t most, struct rope *out)
{
    rope_init(out);
    sock_lend(s);
    while (s->in.length == 0 && !s->finished && !s->ended && !s->no_read && !s->nonblock)
        sock_block(s, SOCK_READ, "bytes");
    uint64_t n = s->in.length < most ? s->in.length : most;
    if (s->mark > s->taken && s->mark - s->taken < n) /* 4.4BSD, soreceive: not across the mark */
        n = s->mark - s->taken;
    if (n == 0 && most > 0 && !s->finished && !s->ended && !s->no_read)
        return XK_BUSY;
    if (n == 0)
        return s->finished || s->no_read || s->why == XK_CLOSED ? XK_OK : s->why;
    rope_fini(out);
    rope_move(out, &s->in);
    rope_split(out, n, &s->in);
    s->taken += n;
    port_work(sock_port(s), PORT_WORK_COPY, n);
    sock_of(s)->counts.received += n;
    sock_control(s, XK_TCP_CONSUMED, n);
    return XK_OK;
}

/* ---- end ---- */

/* It waits until the peer has finished, or long enough [4.4BSD, soclose]. */
static void linger(struct sock *s)
{
    sim_time until = sim_time_add(port_now(sock_port(s)), (sim_time)s->linger);
    sock_control(s, XK_TCP_FINISH, 0);
    while (!s->ended && port_now(sock_port(s)) < until)
        (void)sock_block_for(s, SOCK_WRITE, "the end of what was sent",
                             until - port_now(sock_port(s)));
}

static void stop_listening(struct sock *s)
{
    struct list *it;
    (void)xk_open_disable(sock_of(s)->tcp, s->self, xk_at_port(s->port));
    while ((it = list_pop(&s->queue))) { /* nobody will accept it */
        struct sock *c = LIST_ENTRY(it, struct sock, link);
        c->linger = 0;
        sock_drop(c);
    }
}

void sock_stream_close(struct sock *s)
{
    if (s->listens)
        stop_listening(s);
    if (!s->sessn)
        return;
    s->home = true;
    sock_home(s);
    if (s->linger == 0 && !s->ended)
        sock_control(s, XK_TCP_ABORT, 0);
    else if (s->linger != SOCK_NO_LINGER && s->connected)
        linger(s);
    s->sessn->upper_state = NULL;
    xk_close(s->sessn);
    s->sessn = NULL;
}

/* ---- by pointers ---- */

enum xk_status sock_listen(struct xk_protl *self, uint16_t port)
{
    sock_call(self, NULL);
    if (port == 0)
        return XK_REFUSED;
    struct sock *s = sock_make(self, SOCK_STREAM);
    s->reuse = true;
    enum sock_error e = sock_bind(s, port);
    if (e == SOCK_OK)
        e = sock_stream_listen(s, 0, false);
    if (e == SOCK_OK)
        return XK_OK;
    sock_drop(s);
    return e == SOCK_EADDRINUSE ? XK_IN_USE : XK_REFUSED;
}

struct sock *sock_accept(struct xk_protl *self, uint16_t port)
{
    struct sock *s = sock_at(self->state, SOCK_STREAM, port);
    ASSERT(s && s->listens && !s->nonblock);
    sock_call(self, s);
    return sock_stream_accept(s);
}

struct sock *sock_connect(struct xk_protl *self, struct xk_parts peer, enum xk_status *why)
{
    sock_call(self, NULL);
    struct sock *s = sock_make(self, SOCK_STREAM);
    *why = sock_stream_connect(s, peer);
    if (*why == XK_OK)
        return s;
    sock_drop(s);
    return NULL;
}

enum xk_status sock_send(struct sock *s, struct rope *data)
{
    sock_call(s->self, s);
    enum xk_status r = sock_stream_send(s, data);
    rope_fini(data);
    return r;
}

enum xk_status sock_recv(struct sock *s, uint64_t most, struct rope *out)
{
    sock_call(s->self, s);
    return sock_stream_recv(s, most, out);
}

void sock_finish(struct sock *s)
{
    sock_call(s->self, s);
    s->no_write = true;
    sock_control(s, XK_TCP_FINISH, 0);
}

void sock_abort(struct sock *s)
{
    sock_call(s->self, s);
    if (s->ended)
        return;
    sock_control(s, XK_TCP_ABORT, 0);
    s->ended = true; /* of which TCP says nothing */
    s->why = XK_RESET;
    sock_wake(s, SOCK_WRITE);
    sock_wake(s, SOCK_READ);
}

void sock_close(struct sock *s)
{
    sock_call(s->self, s);
    sock_drop(s);
}

struct xk_sessn *sock_sessn(const struct sock *s)
{
    return s->ended ? NULL : s->sessn;
}
