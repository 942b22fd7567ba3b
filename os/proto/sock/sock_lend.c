/* sock_lend.c: a connection moves from the TCP of a server to that of the program's domain, and
 * back.
 *
 * Below are two instances of TCP: the first, in a server or the kernel, has the ports; connections
 * begin and end there, and it remembers them when they have ended.  One that stands is lent to the
 * second, the library's, by the call that has waited for it; so its data pass no other domain.  It
 * goes back when nothing more will be received or sent, at a close, and at a fork, for then it is
 * of two programs [Maeda & Bershad, SOSP 1993].
 *
 *   a connection is   its bytes go by    becomes
 *   at the server     sessn: first TCP   lent: accepted or connected, of one program
 *   lent              sessn: second TCP  at the server: shut down, closed, forked, program's exit
 *                     lent: first TCP    ended: TCP says so; what was lent is given up
 *
 * Of a socket of datagrams its port is lent, from the call on that gives it one; nothing else has
 * to move, for UDP remembers nothing and what waits, waits here.  What comes by the other UDP on
 * the way there or back is taken all the same: the library's knows the port until it is closed.
 */
#include "os/proto/sock/sock_internal.h"

/* Its session is that one from now on. */
static void use(struct sock *s, struct xk_sessn *sessn)
{
    s->sessn = sessn;
    sessn->upper_state = s;
}

/* A session of the library's TCP for the ends of that one, which has no connection yet. */
static struct xk_sessn *open_library(struct sock *s)
{
    struct xk_control own = { .op = XK_GET_MY_PORT };
    struct xk_parts parts = xk_any();
    struct sock_name peer;
    enum xk_status why;
    sock_name_peer(s->sessn, &peer);
    if (xk_sessn_control(s->sessn, &own) != XK_OK)
        return NULL;
    xk_part_push(&parts, XK_PART_ADDRESS, peer.address);
    xk_part_push(&parts, XK_PART_PORT, own.u64);
    xk_part_push(&parts, XK_PART_PORT, peer.port);
    return xk_open(sock_of(s)->lib, s->self, parts, &why);
}

void sock_lend(struct sock *s)
{
    struct sock_state *st = sock_of(s);
    struct xk_msg block;
    if (!st->lib || s->lent || s->home || s->refs > 1 || !s->connected || s->ended)
        return;
    struct xk_sessn *server = s->sessn, *lib = open_library(s);
    if (!lib)
        return;
    xk_msg_init(&block);
    struct xk_control out = { .op = XK_TCP_EXPORT, .u64 = st->lib->down[0]->number, .msg = &block };
    struct xk_control in = { .op = XK_TCP_IMPORT, .msg = &block };
    if (xk_sessn_control(server, &out) != XK_OK) { /* something is under way: the next call tries */
        xk_close(lib);
        return;
    }
    s->lent = server;
    list_push(&st->lends, &s->link);
    use(s, lib);
    enum xk_status r = xk_sessn_control(lib, &in);
    ASSERT(r == XK_OK); /* TCP7: it is as the server's wrote it */
    st->counts.lent++;
}

/* The server's session is closed, and the connection with it if that is not there. */
void sock_give_up(struct sock *s)
{
    struct xk_sessn *server = s->lent;
    s->lent = NULL;
    list_remove(&s->link);
    server->upper_state = NULL;
    xk_close(server);
}

/* ---- ports of UDP ---- */

static struct xk_parts local_of(const struct sock *s)
{
    struct xk_parts local = xk_any();
    xk_part_push(&local, XK_PART_PORT, s->port);
    return local;
}

void sock_lend_port(struct sock *s)
{
    struct sock_state *st = sock_of(s);
    struct sock_name peer = { 0 };
    if (!st->udp_lib || s->home || s->refs > 1)
        return;
    if (s->sessn)
        sock_name_peer(s->sessn, &peer);
    struct udp_lent to = { .port = s->port,
                           .peer = peer.address,
                           .peer_port = peer.port,
                           .number = (uint8_t)st->udp_lib->down[0]->number };
    if (!s->known && xk_open_enable(st->udp_lib, s->self, local_of(s)) != XK_OK)
        return;
    s->known = true;
    if (udp_lend(st->udp, &to) != XK_OK) /* it stays where it is */
        return;
    st->counts.ports_lent += !s->moved;
    s->moved = true;
}

void sock_free_port(struct sock *s)
{
    struct sock_state *st = sock_of(s);
    (void)xk_open_disable(st->udp, s->self, local_of(s)); /* UDP6 */
    if (s->known)
        (void)xk_open_disable(st->udp_lib, s->self, local_of(s));
    st->counts.ports_returned += s->moved;
}

/* ---- a server that dies ---- */

static void ends(struct sock *s)
{
    s->ended = true;
    s->why = XK_CLOSED;
    s->error = SOCK_ENETDOWN;
    sock_wake(s, SOCK_WRITE);
    sock_wake(s, SOCK_READ);
}

void sock_lender_died(struct sock_state *st, const struct xk_protl *lender)
{
    LIST_EACH (l, &st->lends) {
        struct sock *s = LIST_ENTRY(l, struct sock, link);
        if (lender == st->tcp && !s->ended)
            ends(s);
    }
    LIST_EACH (l, &st->bound) {
        struct sock *s = LIST_ENTRY(l, struct sock, bound);
        if (lender == st->udp && s->moved)
            ends(s);
    }
}

/* Its port, and the session to its peer. */
static void port_home(struct sock *s)
{
    struct sock_state *st = sock_of(s);
    enum xk_status why;
    enum xk_status r = udp_lend(st->udp, &(struct udp_lent){ .port = s->port });
    if (r != XK_OK)
        return;
    s->moved = false;
    st->counts.ports_returned++;
    if (!s->sessn)
        return;
    struct sock_name peer;
    struct xk_parts parts = xk_any();
    sock_name_peer(s->sessn, &peer);
    xk_part_push(&parts, XK_PART_ADDRESS, peer.address);
    xk_part_push(&parts, XK_PART_PORT, peer.port);
    xk_part_push(&parts, XK_PART_PORT, s->port);
    struct xk_sessn *server = xk_open(st->udp, s->self, parts, &why);
    if (!server)
        return; /* what it sends goes by the library still */
    xk_close(s->sessn);
    s->sessn = server;
}

void sock_home(struct sock *s)
{
    struct xk_msg block;
    struct xk_sessn *lib = s->sessn;
    if (s->moved)
        port_home(s);
    if (!s->lent)
        return;
    xk_msg_init(&block);
    struct xk_control out = { .op = XK_TCP_EXPORT, .msg = &block };
    struct xk_control in = { .op = XK_TCP_IMPORT, .msg = &block };
    bool good = xk_sessn_control(lib, &out) == XK_OK && xk_sessn_control(s->lent, &in) == XK_OK;
    xk_msg_fini(&block);
    if (!good) {
        sock_give_up(s);
        return;
    }
    lib->upper_state = NULL;
    use(s, s->lent);
    s->lent = NULL;
    list_remove(&s->link);
    xk_close(lib);
    sock_of(s)->counts.returned++;
}
