/* sock_dgram.c: sockets of datagrams: UDP's.  See fd.h.
 *
 * All datagrams that come to a port wait at the socket that has it.  One that is connected holds a
 * session of UDP to its peer, and takes what comes on that alone.
 */
#include "os/proto/sock/sock_internal.h"

#define EACH 16u /* of the address that waits with a datagram: 4.4BSD, struct sockaddr_in */

bool sock_dgram_is_peer(const struct sock *s, struct xk_sessn *lower)
{
    struct sock_name a, b;
    if (!s->sessn || s->sessn == lower || s->sessn->protl == lower->protl)
        return s->sessn == lower;
    sock_name_peer(s->sessn, &a);
    sock_name_peer(lower, &b);
    return a.address == b.address && a.port == b.port;
}

void sock_dgram_came(struct sock_state *st, struct xk_sessn *lower, struct xk_msg *m)
{
    struct xk_control c = { .op = XK_GET_MY_PORT };
    enum xk_status r = xk_sessn_control(lower, &c);
    struct sock *s = r == XK_OK ? sock_at(st, SOCK_DGRAM, c.u64) : NULL;
    if (!s)
        return;
    uint64_t n = xk_msg_length(m) + EACH, most = (uint64_t)st->params->datagrams;
    if (s->receive_buffer)
        most = s->receive_buffer;
    if ((s->sessn && !sock_dgram_is_peer(s, lower)) || s->no_read || s->in_datagrams + n > most) {
        st->counts.datagrams_dropped++;
        return;
    }
    struct sock_datagram *d = port_alloc(sock_port(s), sizeof *d);
    sock_name_peer(lower, &d->from);
    rope_init(&d->data);
    xk_msg_to_end(m, &d->data);
    s->in_datagrams += n;
    list_push(&s->queue, &d->link);
    sock_wake(s, SOCK_READ);
}

/* A session to there, from its port. */
static struct xk_sessn *open_to(struct sock *s, struct xk_parts to, enum sock_error *e)
{
    enum xk_status why;
    *e = s->port ? SOCK_OK : sock_bind(s, 0);
    if (*e != SOCK_OK)
        return NULL;
    xk_part_push(&to, XK_PART_PORT, s->port);
    struct xk_sessn *sessn = xk_open(sock_udp(s), s->self, to, &why);
    if (!sessn)
        *e = why == XK_REFUSED ? SOCK_EHOSTUNREACH : sock_error_of(why);
    return sessn;
}

enum sock_error sock_dgram_connect(struct sock *s, struct xk_parts peer)
{
    enum sock_error e;
    struct xk_sessn *sessn = open_to(s, peer, &e);
    if (!sessn)
        return e;
    if (s->sessn)
        xk_close(s->sessn);
    s->sessn = sessn;
    s->connected = true;
    sock_lend_port(s);
    return SOCK_OK;
}

enum sock_error sock_dgram_send(struct sock *s, const struct xk_parts *to, struct rope *data)
{
    enum sock_error e = SOCK_OK;
    struct xk_msg m;
    if (s->ended)
        return SOCK_ENETDOWN;
    struct xk_sessn *sessn = to ? open_to(s, *to, &e) : xk_dup(s->sessn);
    if (!sessn)
        return e;
    port_work(sock_port(s), PORT_WORK_COPY, data->length);
    xk_msg_init_rope(&m, data);
    enum xk_status r;
    while ((r = xk_push(sessn, &m)) == XK_BUSY && !s->nonblock)
        sock_block(s, SOCK_WRITE, "room for a datagram");
    sock_of(s)->counts.datagrams_sent += r == XK_OK;
    xk_msg_to_rope(&m, data);
    xk_msg_fini(&m);
    xk_close(sessn);
    return sock_error_of(r);
}

enum sock_error sock_dgram_recv(struct sock *s, uint64_t most, struct rope *out,
                                struct sock_name *from)
{
    rope_init(out);
    while (list_empty(&s->queue) && s->error == SOCK_OK && !s->ended && !s->no_read && !s->nonblock)
        sock_block(s, SOCK_READ, "a datagram");
    if (list_empty(&s->queue)) {
        enum sock_error e = s->error;
        s->error = SOCK_OK;
        if (s->ended)
            return SOCK_ENETDOWN;
        return e != SOCK_OK || s->no_read ? e : SOCK_EWOULDBLOCK;
    }
    struct sock_datagram *d = LIST_ENTRY(list_pop(&s->queue), struct sock_datagram, link);
    s->in_datagrams -= d->data.length + EACH;
    if (from)
        *from = d->from;
    rope_fini(out);
    rope_move(out, &d->data);
    port_free(sock_port(s), d);
    if (out->length > most)
        rope_truncate(out, most);
    port_work(sock_port(s), PORT_WORK_COPY, out->length);
    sock_of(s)->counts.datagrams_received++;
    return SOCK_OK;
}

void sock_dgram_close(struct sock *s)
{
    struct list *it;
    while ((it = list_pop(&s->queue))) {
        struct sock_datagram *d = LIST_ENTRY(it, struct sock_datagram, link);
        rope_fini(&d->data);
        port_free(sock_port(s), d);
    }
    if (s->sessn)
        xk_close(s->sessn);
    s->sessn = NULL;
    if (s->port)
        sock_free_port(s);
}
