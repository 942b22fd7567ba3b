/* fd.c: descriptors: which socket a number means, what 4.4BSD checks, options.  See fd.h. */
#include "os/proto/sock/sock_internal.h"

const char *sock_error_name(enum sock_error e)
{
    static const char *const names[SOCK_ERRORS] = {
        [SOCK_OK] = "0",
        [SOCK_EBADF] = "EBADF",
        [SOCK_EMFILE] = "EMFILE",
        [SOCK_EINVAL] = "EINVAL",
        [SOCK_EOPNOTSUPP] = "EOPNOTSUPP",
        [SOCK_EPROTONOSUPPORT] = "EPROTONOSUPPORT",
        [SOCK_EADDRINUSE] = "EADDRINUSE",
        [SOCK_EADDRNOTAVAIL] = "EADDRNOTAVAIL",
        [SOCK_ECONNREFUSED] = "ECONNREFUSED",
        [SOCK_ECONNRESET] = "ECONNRESET",
        [SOCK_ETIMEDOUT] = "ETIMEDOUT",
        [SOCK_EHOSTUNREACH] = "EHOSTUNREACH",
        [SOCK_ENETDOWN] = "ENETDOWN",
        [SOCK_ENOTCONN] = "ENOTCONN",
        [SOCK_EISCONN] = "EISCONN",
        [SOCK_EPIPE] = "EPIPE",
        [SOCK_EMSGSIZE] = "EMSGSIZE",
        [SOCK_EDESTADDRREQ] = "EDESTADDRREQ",
        [SOCK_EWOULDBLOCK] = "EWOULDBLOCK",
        [SOCK_EINPROGRESS] = "EINPROGRESS",
        [SOCK_EALREADY] = "EALREADY",
    };
    return e < SOCK_ERRORS ? names[e] : "unknown";
}

/* ---- tables ---- */

struct sock_fds *sock_fds_new(struct xk_protl *sock)
{
    struct sock_fds *f = port_alloc(xk_port(sock), sizeof *f);
    f->self = sock;
    return f;
}

struct sock_fds *sock_fds_fork(struct sock_fds *f)
{
    struct sock_fds *child = sock_fds_new(f->self);
    struct port *p = xk_port(f->self);
    sock_call(f->self, NULL);
    child->count = f->count;
    child->at = f->count > 0 ? port_alloc(p, (size_t)f->count * sizeof(struct sock *)) : NULL;
    for (int fd = 0; fd < f->count; fd++) {
        child->at[fd] = f->at[fd];
        if (!f->at[fd])
            continue;
        f->at[fd]->refs++;
        f->at[fd]->home = true;
        sock_home(f->at[fd]);
    }
    return child;
}

void sock_fds_exit(struct sock_fds *f)
{
    struct port *p = xk_port(f->self);
    sock_call(f->self, NULL);
    for (int fd = 0; fd < f->count; fd++)
        if (f->at[fd])
            sock_drop(f->at[fd]);
    port_free(p, f->at);
    port_free(p, f);
}

static struct sock *find(const struct sock_fds *f, int fd)
{
    return fd >= 0 && fd < f->count ? f->at[fd] : NULL;
}

/* Each call begins so. */
static enum sock_error enter(const struct sock_fds *f, int fd, struct sock **s)
{
    *s = find(f, fd);
    sock_call(f->self, *s);
    return *s ? SOCK_OK : SOCK_EBADF;
}

/* FD1; -1: there is none. */
static int number_for(struct sock_fds *f, struct sock *s)
{
    int fd = 0;
    while (fd < f->count && f->at[fd])
        fd++;
    if (fd == SOCK_FDS)
        return -1;
    if (fd == f->count) {
        int count = f->count ? 2 * f->count : 16;
        f->at = port_realloc(xk_port(f->self), f->at, (size_t)count * sizeof(struct sock *));
        f->count = count;
    }
    f->at[fd] = s;
    return fd;
}

/* FD4. */
static enum sock_error take_error(struct sock *s)
{
    enum sock_error e = s->error;
    s->error = SOCK_OK;
    return e;
}

/* Of a connection. */
static void tell_tcp(struct sock *s, enum xk_control_op op, uint64_t u64)
{
    if (s->kind == SOCK_STREAM)
        sock_control(s, op, u64);
}

/* Is the uppermost part a port? */
static bool has_port(const struct xk_parts *ps)
{
    return ps->count > 0 && ps->type[ps->count - 1] == XK_PART_PORT;
}

/* ---- calls ---- */

enum sock_error fd_socket(struct sock_fds *f, enum sock_kind kind, int *fd)
{
    const struct sock_state *st = f->self->state;
    sock_call(f->self, NULL);
    if (kind == SOCK_STREAM ? !st->tcp : !st->udp)
        return SOCK_EPROTONOSUPPORT;
    struct sock *s = sock_make(f->self, kind);
    *fd = number_for(f, s);
    if (*fd >= 0)
        return SOCK_OK;
    sock_drop(s);
    return SOCK_EMFILE;
}

enum sock_error fd_bind(struct sock_fds *f, int fd, uint16_t port)
{
    struct sock *s;
    enum sock_error e = enter(f, fd, &s);
    return e == SOCK_OK ? sock_bind(s, port) : e;
}

enum sock_error fd_listen(struct sock_fds *f, int fd, uint32_t backlog)
{
    struct sock *s;
    enum sock_error e = enter(f, fd, &s);
    if (e != SOCK_OK)
        return e;
    if (s->kind != SOCK_STREAM)
        return SOCK_EOPNOTSUPP;
    return s->sessn ? SOCK_EISCONN : sock_stream_listen(s, backlog, true);
}

enum sock_error fd_accept(struct sock_fds *f, int fd, int *connection)
{
    struct sock *s;
    enum sock_error e = enter(f, fd, &s);
    if (e == SOCK_OK && s->kind != SOCK_STREAM)
        e = SOCK_EOPNOTSUPP;
    else if (e == SOCK_OK && !s->listens)
        e = SOCK_EINVAL;
    if (e != SOCK_OK)
        return e;
    struct sock *c = sock_stream_accept(s);
    if (!c)
        return SOCK_EWOULDBLOCK;
    *connection = number_for(f, c);
    if (*connection >= 0)
        return SOCK_OK;
    sock_drop(c);
    return SOCK_EMFILE;
}

enum sock_error fd_connect(struct sock_fds *f, int fd, struct xk_parts peer)
{
    struct sock *s;
    enum sock_error e = enter(f, fd, &s);
    if (e != SOCK_OK)
        return e;
    if (!has_port(&peer))
        return SOCK_EINVAL;
    if (s->kind == SOCK_DGRAM)
        return sock_dgram_connect(s, peer);
    if (s->listens)
        return SOCK_EOPNOTSUPP;
    if (s->connected)
        return SOCK_EISCONN;
    if (s->sessn && !s->ended)
        return SOCK_EALREADY;
    enum xk_status r = sock_stream_connect(s, peer);
    return r == XK_BUSY ? SOCK_EINPROGRESS : sock_error_of(r);
}

static enum sock_error may_send(struct sock *s)
{
    if (s->listens)
        return SOCK_EOPNOTSUPP;
    if (s->no_write)
        return SOCK_EPIPE;
    enum sock_error e = take_error(s);
    if (e != SOCK_OK)
        return e;
    if (s->kind == SOCK_DGRAM)
        return s->sessn ? SOCK_OK : SOCK_EDESTADDRREQ;
    return s->ended ? SOCK_EPIPE : s->connected ? SOCK_OK : SOCK_ENOTCONN;
}

enum sock_error fd_send(struct sock_fds *f, int fd, struct rope *data, bool urgent)
{
    struct sock *s;
    enum sock_error e = enter(f, fd, &s);
    if (e == SOCK_OK)
        e = may_send(s);
    if (e != SOCK_OK)
        return e;
    if (s->kind == SOCK_DGRAM)
        return urgent ? SOCK_EOPNOTSUPP : sock_dgram_send(s, NULL, data);
    if (urgent)
        sock_control(s, XK_TCP_URGENT, data->length);
    enum xk_status r = sock_stream_send(s, data);
    if (r == XK_OK || r == XK_BUSY)
        return sock_error_of(r);
    e = take_error(s);
    return e != SOCK_OK ? e : SOCK_EPIPE;
}

enum sock_error fd_sendto(struct sock_fds *f, int fd, struct rope *data, struct xk_parts to)
{
    struct sock *s;
    enum sock_error e = enter(f, fd, &s);
    if (e != SOCK_OK)
        return e;
    if (s->sessn)
        return SOCK_EISCONN;
    if (s->kind == SOCK_STREAM)
        return SOCK_ENOTCONN;
    if (s->no_write)
        return SOCK_EPIPE;
    if (!has_port(&to))
        return SOCK_EINVAL;
    return sock_dgram_send(s, &to, data);
}

enum sock_error fd_recv(struct sock_fds *f, int fd, uint64_t most, struct rope *out,
                        struct sock_name *from)
{
    struct sock *s;
    rope_init(out);
    enum sock_error e = enter(f, fd, &s);
    if (e != SOCK_OK)
        return e;
    if (s->kind == SOCK_DGRAM)
        return sock_dgram_recv(s, most, out, from);
    if (s->listens || (!s->connected && !s->no_read))
        return s->error != SOCK_OK ? take_error(s) : SOCK_ENOTCONN;
    if (from)
        sock_name_peer(s->sessn, from);
    enum xk_status r = sock_stream_recv(s, most, out);
    if (r == XK_BUSY)
        return SOCK_EWOULDBLOCK;
    return out->length == 0 ? take_error(s) : SOCK_OK;
}

enum sock_error fd_shutdown(struct sock_fds *f, int fd, enum sock_how how)
{
    struct sock *s;
    enum sock_error e = enter(f, fd, &s);
    if (e != SOCK_OK)
        return e;
    if (!s->connected)
        return SOCK_ENOTCONN;
    bool no_read = s->no_read || how != SOCK_WRITE_END;
    if (no_read && (s->no_write || how != SOCK_READ_END)) {
        s->home = true;
        sock_home(s);
    }
    if (how != SOCK_WRITE_END && !s->no_read) {
        s->no_read = true;
        s->taken += s->in.length;
        tell_tcp(s, XK_TCP_CONSUMED, s->in.length);
        rope_fini(&s->in);
        sock_wake(s, SOCK_READ);
    }
    if (how != SOCK_READ_END && !s->no_write) {
        s->no_write = true;
        tell_tcp(s, XK_TCP_FINISH, 0);
    }
    return SOCK_OK;
}

enum sock_error fd_close(struct sock_fds *f, int fd)
{
    struct sock *s;
    enum sock_error e = enter(f, fd, &s);
    if (e != SOCK_OK)
        return e;
    f->at[fd] = NULL;
    sock_drop(s);
    return SOCK_OK;
}

enum sock_error fd_name(struct sock_fds *f, int fd, struct sock_name *out)
{
    struct sock *s;
    enum sock_error e = enter(f, fd, &s);
    *out = (struct sock_name){ .host = XK_NO_HOST };
    if (e != SOCK_OK)
        return e;
    out->port = s->port;
    if (!s->sessn)
        return SOCK_OK;
    struct xk_control at = { .op = XK_GET_MY_ADDRESS }, port = { .op = XK_GET_MY_PORT };
    if (xk_sessn_control(s->sessn, &at) == XK_OK)
        out->address = (uint32_t)at.u64;
    if (xk_sessn_control(s->sessn, &port) == XK_OK)
        out->port = (uint16_t)port.u64;
    out->host = port_node(xk_port(f->self));
    return SOCK_OK;
}

enum sock_error fd_peer(struct sock_fds *f, int fd, struct sock_name *out)
{
    struct sock *s;
    enum sock_error e = enter(f, fd, &s);
    if (e != SOCK_OK)
        return e;
    if (!s->sessn || !s->connected)
        return SOCK_ENOTCONN;
    sock_name_peer(s->sessn, out);
    return SOCK_OK;
}

enum sock_error fd_urgent(struct sock_fds *f, int fd, uint64_t *bytes)
{
    struct sock *s;
    enum sock_error e = enter(f, fd, &s);
    if (e != SOCK_OK)
        return e;
    *bytes = s->mark > s->taken ? s->mark - s->taken : 0;
    return SOCK_OK;
}

/* ---- options ---- */

static bool fits(enum sock_option o, uint64_t v)
{
    switch (o) {
    case SOCK_SEND_BUFFER:
    case SOCK_RECEIVE_BUFFER:
        return v > 0 && v <= UINT64_C(1) << 30;
    case SOCK_LINGER:
        return v == SOCK_NO_LINGER || v <= INT64_MAX;
    case SOCK_NODELAY:
    case SOCK_KEEPALIVE:
    case SOCK_REUSE:
    case SOCK_NONBLOCK:
        return v <= 1;
    default:
        return false;
    }
}

enum sock_error fd_set_option(struct sock_fds *f, int fd, enum sock_option o, uint64_t value)
{
    struct sock *s;
    enum sock_error e = enter(f, fd, &s);
    if (e != SOCK_OK)
        return e;
    if (!fits(o, value))
        return SOCK_EINVAL;
    switch (o) {
    case SOCK_NODELAY:
        s->nodelay = value;
        tell_tcp(s, XK_TCP_NODELAY, value);
        break;
    case SOCK_KEEPALIVE:
        s->keepalive = value;
        tell_tcp(s, XK_TCP_KEEPALIVE, value);
        break;
    case SOCK_SEND_BUFFER:
        s->send_buffer = value;
        tell_tcp(s, XK_TCP_SEND_BUFFER, value);
        break;
    case SOCK_RECEIVE_BUFFER:
        s->receive_buffer = value;
        tell_tcp(s, XK_TCP_RECEIVE_BUFFER, value);
        break;
    case SOCK_REUSE:
        s->reuse = value;
        break;
    case SOCK_NONBLOCK:
        s->nonblock = value;
        break;
    default:
        s->linger = value;
        break;
    }
    return SOCK_OK;
}

enum sock_error fd_get_option(struct sock_fds *f, int fd, enum sock_option o, uint64_t *value)
{
    struct sock *s;
    enum sock_error e = enter(f, fd, &s);
    if (e != SOCK_OK)
        return e;
    switch (o) {
    case SOCK_NODELAY:
        *value = s->nodelay;
        break;
    case SOCK_KEEPALIVE:
        *value = s->keepalive;
        break;
    case SOCK_REUSE:
        *value = s->reuse;
        break;
    case SOCK_NONBLOCK:
        *value = s->nonblock;
        break;
    case SOCK_SEND_BUFFER:
        *value = s->send_buffer;
        break;
    case SOCK_RECEIVE_BUFFER:
        *value = s->receive_buffer;
        break;
    case SOCK_LINGER:
        *value = s->linger;
        break;
    case SOCK_ERROR:
        *value = take_error(s);
        break;
    default:
        return SOCK_EINVAL;
    }
    return SOCK_OK;
}
