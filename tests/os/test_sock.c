/* test_sock.c: sockets by descriptors: what 4.4BSD's calls answer, and who is woken. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/proto/eth/eth.h"
#include "os/proto/filter/filter.h"
#include "os/proto/sock/fd.h"
#include "os/proto/tcp/tcp_internal.h"
#include "os/xk/domain.h"
#include "os/xk/inet.h"
#include "tests/os/xk_rig.h"
#include "tests/sample.h"

#define QUICK "rto_min=10ms rto_first=100ms tick=1ms ack_delay=5ms msl=1ms persist_min=50ms "
#define TCP QUICK "tries=4 connect_time=300ms port_first=2000 port_last=@ "
#define SOCK "port_first=6000 port_last=6003 datagrams=200B"
#define BELOW "eth eth; arp arp <eth retry=1ms tries=20 down=20ms; "

enum place { KERNEL, SERVER, LIBRARY, PLACES, OWN = PLACES }; /* OWN: all of it is the library's */
static const char *const graphs[PLACES + 1] = {
    BELOW "ip ip <arp; tcp tcp <ip " TCP "; udp udp <ip; sock sock <tcp <udp " SOCK,
    BELOW "ip ip <arp; tcp tcp <ip domain=server " TCP "; udp udp <ip domain=server; "
          "sock sock <tcp <udp domain=app " SOCK,
    BELOW "filter filter <arp; ip ip <filter domain=server; tcp tcp <ip domain=server " TCP
          "; udp udp <ip domain=server; lip ip <filter domain=app; lib tcp <lip domain=app "
          "guest=true " TCP "; ulib udp <lip domain=app guest=true; "
          "sock sock <tcp <lib <udp <ulib domain=app " SOCK,
    BELOW "filter filter <arp; ip ip <filter; lip ip <filter domain=app filter=tcp; "
          "tcp tcp <lip domain=app " TCP "; sock sock <tcp domain=app " SOCK,
};

/* ---- programs ---- */

struct program {
    struct rig *r;
    void (*fn)(struct program *me);
    struct xk_protl *sock;
    struct sock_fds *f;
    struct port *p;
    uint32_t node;
    bool done;
};

static void program_main(void *arg)
{
    struct program *me = arg;
    me->f = sock_fds_new(me->sock);
    me->fn(me);
    sock_fds_exit(me->f);
    me->done = true;
}

static void spawn(struct port *p, void *arg)
{
    struct program *me = arg;
    (void)p;
    me->sock = xk_find(me->r->k[me->node], "sock");
    me->p = xk_port(me->sock);
    cr_assert_not_null(port_thread_spawn(me->p, "program", program_main, me, 0));
}

static void begin(struct rig *r, enum place place, const char *port_last)
{
    char graph[1200];
    rig_protocol = rig_protocol_too = NULL;
    size_t n = 0;
    for (const char *c = graphs[place]; *c; c++)
        n += (size_t)snprintf(graph + n, sizeof graph - n, "%.*s", *c == '@' ? 200 : 1,
                              *c == '@' ? port_last : c);
    cr_assert_lt(n, sizeof graph);
    rig_start(r, &(struct fake_options){ .broadcast = true, .latency = SIM_MS }, graph, NULL, NULL);
}

static void end(struct rig *r)
{
    fake_run(r->f, 0);
    for (uint32_t node = 0; node < 2; node++) {
        for (uint32_t i = 0; i < 2 && fake_up(r->f, node); i++) {
            struct xk_protl *x = xk_find(r->k[node], i ? "lib" : "tcp");
            struct tcp_state_of *st = x ? x->state : NULL; /* its domain may be dead */
            cr_assert(!st || xk_map_count(&st->conns) == 0, "a connection is left on node %u, %s",
                      node, x->instance);
        }
    }
    rig_stop(r);
    cr_assert_eq(rope_leaves_alive(), 0);
}

/* One program on node 0, another on node 1 (NULL: none), until both end. */
static void both_at(enum place place, const char *port_last, void (*zero)(struct program *),
                    void (*one)(struct program *))
{
    struct rig r;
    struct program a = { &r, zero, .node = 0 }, b = { &r, one, .node = 1 };
    begin(&r, place, port_last);
    if (one)
        fake_call(r.f, 1, spawn, &b);
    fake_call(r.f, 0, spawn, &a);
    fake_run(r.f, 0);
    cr_assert(a.done && (!one || b.done), "a program hangs, placed %d", (int)place);
    cr_assert_eq(fake_count(r.f, 0, "sock.lent"),
                 fake_count(r.f, 0, "sock.returned") +
                     (place == LIBRARY ? fake_count(r.f, 0, "tcp.lost") : 0));
    end(&r);
}

static void both(const char *port_last, void (*zero)(struct program *),
                 void (*one)(struct program *))
{
    for (int place = KERNEL; place < PLACES; place++)
        both_at((enum place)place, port_last, zero, one);
}

#define IS(call, error)                                                                            \
    do {                                                                                           \
        enum sock_error is_ = (call);                                                              \
        cr_assert_eq(is_, error, "line %d: it is %s", __LINE__, sock_error_name(is_));             \
    } while (false)
#define FINE(call) IS(call, SOCK_OK)

static struct xk_parts at(uint32_t node, uint16_t port)
{
    struct xk_parts x = xk_node(node);
    xk_part_push(&x, XK_PART_PORT, port);
    return x;
}

static int open_one(struct program *me, enum sock_kind kind)
{
    int fd = -1;
    FINE(fd_socket(me->f, kind, &fd));
    return fd;
}

static int listener(struct program *me, uint16_t port, uint32_t backlog)
{
    int fd = open_one(me, SOCK_STREAM);
    FINE(fd_bind(me->f, fd, port));
    FINE(fd_listen(me->f, fd, backlog));
    return fd;
}

static int client(struct program *me, uint32_t node, uint16_t port)
{
    int fd = open_one(me, SOCK_STREAM);
    FINE(fd_connect(me->f, fd, at(node, port)));
    return fd;
}

static enum sock_error put(struct program *me, int fd, uint64_t seed, uint64_t off, uint64_t n)
{
    struct rope data;
    rope_init(&data);
    rope_add_pattern(&data, seed, off, n);
    enum sock_error e = fd_send(me->f, fd, &data, false);
    rope_fini(&data);
    return e;
}

/* So many bytes of the pattern come; 0: the end. */
static void get(struct program *me, int fd, uint64_t seed, uint64_t off, uint64_t n)
{
    for (uint64_t had = 0; had < n || n == 0;) {
        struct rope data = { .length = 0 }, want;
        FINE(fd_recv(me->f, fd, n ? n - had : 1, &data, NULL));
        rope_init(&want);
        rope_add_pattern(&want, seed, off + had, data.length);
        cr_assert(rope_equal(&want, &data), "other bytes");
        cr_assert((data.length == 0) == (n == 0), "%d bytes, for %d", (int)data.length, (int)n);
        had += data.length;
        rope_fini(&want);
        rope_fini(&data);
        if (n == 0)
            return;
    }
}

static enum sock_error recv_error(struct program *me, int fd)
{
    struct rope data;
    enum sock_error e = fd_recv(me->f, fd, 100, &data, NULL);
    cr_assert_eq(data.length, 0);
    rope_fini(&data);
    return e;
}

static void set(struct program *me, int fd, enum sock_option o, uint64_t v)
{
    FINE(fd_set_option(me->f, fd, o, v));
}

static void pause_for(struct program *me, sim_time t)
{
    port_thread_sleep(me->p, t);
}

/* ---- the calls ---- */

static void talk_client(struct program *me)
{
    struct sock_name n = { 0 };
    pause_for(me, 5 * SIM_MS);
    int fd = client(me, 1, 80);
    cr_assert_eq(fd, 0);
    FINE(fd_peer(me->f, fd, &n));
    cr_assert(n.port == 80 && n.host == 1 && n.address != 0);
    FINE(fd_name(me->f, fd, &n));
    cr_assert(n.port == 2000 && n.host == 0 && n.address != 0);
    IS(fd_connect(me->f, fd, at(1, 80)), SOCK_EISCONN);
    IS(fd_bind(me->f, fd, 5), SOCK_EINVAL);
    IS(fd_listen(me->f, fd, 5), SOCK_EISCONN);
    FINE(put(me, fd, 8, 0, 50000));
    FINE(fd_shutdown(me->f, fd, SOCK_WRITE_END));
    IS(put(me, fd, 8, 0, 1), SOCK_EPIPE);
    get(me, fd, 9, 0, 30000);
    get(me, fd, 0, 0, 0);
    FINE(fd_close(me->f, fd));
    IS(fd_close(me->f, fd), SOCK_EBADF);
}

static void talk_server(struct program *me)
{
    struct sock_name n = { 0 };
    int l = listener(me, 80, 5), fd = -1;
    IS(fd_accept(me->f, 7, &fd), SOCK_EBADF);
    FINE(fd_accept(me->f, l, &fd));
    cr_assert_eq(fd, 1);
    FINE(fd_peer(me->f, fd, &n));
    cr_assert(n.port == 2000 && n.host == 0);
    FINE(fd_name(me->f, fd, &n));
    cr_assert_eq(n.port, 80);
    get(me, fd, 8, 0, 50000);
    get(me, fd, 0, 0, 0);
    FINE(put(me, fd, 9, 0, 30000));
}

/* SOCK1, FD1; what is open goes with the program. */
Test(sock, programs_talk_by_descriptors)
{
    both("5000", talk_client, talk_server);
}

enum { CALLS = 10 };
static uint64_t traps_of_calls[2]; /* that name nothing below: of a new socket, of a connection */

static uint64_t traps_of(struct program *me, int fd)
{
    uint64_t v, before = fake_work(me->r->f, me->node, PORT_WORK_TRAP);
    for (int i = 0; i < CALLS; i++)
        FINE(fd_get_option(me->f, fd, SOCK_NODELAY, &v));
    return fake_work(me->r->f, me->node, PORT_WORK_TRAP) - before;
}

static void count_traps(struct program *me)
{
    int fd = open_one(me, SOCK_STREAM);
    traps_of_calls[0] = traps_of(me, fd);
    FINE(fd_connect(me->f, fd, at(1, 80)));
    traps_of_calls[1] = traps_of(me, fd);
}

static void accept_one(struct program *me)
{
    int fd = -1;
    FINE(fd_accept(me->f, listener(me, 80, 5), &fd));
    get(me, fd, 0, 0, 0);
}

/* A call traps where it leaves the library; one about a connection that is lent does not. */
Test(sock, a_call_in_the_library_is_no_trap)
{
    static const uint64_t want[PLACES + 1][2] = {
        [KERNEL] = { CALLS, CALLS },
        [SERVER] = { CALLS, CALLS },
        [LIBRARY] = { CALLS, 0 },
        [OWN] = { 0, 0 },
    };
    for (int place = KERNEL; place <= OWN; place++) {
        both_at((enum place)place, "5000", count_traps, accept_one);
        for (int i = 0; i < 2; i++)
            cr_assert_eq(traps_of_calls[i], want[place][i], "placed %d: %lu", place,
                         (unsigned long)traps_of_calls[i]);
    }
}

static void mistakes(struct program *me)
{
    struct rope data;
    uint64_t v = 0;
    uint32_t count = 0;
    struct sock_set none = { { 0 } };
    rope_init(&data);
    int s = open_one(me, SOCK_STREAM), d = open_one(me, SOCK_DGRAM), x = -1;
    IS(fd_bind(me->f, -1, 1), SOCK_EBADF);
    IS(fd_bind(me->f, 2, 1), SOCK_EBADF);
    IS(recv_error(me, s), SOCK_ENOTCONN);
    IS(fd_send(me->f, s, &data, false), SOCK_ENOTCONN);
    IS(fd_send(me->f, d, &data, false), SOCK_EDESTADDRREQ);
    IS(fd_shutdown(me->f, s, SOCK_BOTH_ENDS), SOCK_ENOTCONN);
    IS(fd_accept(me->f, s, &x), SOCK_EINVAL);
    IS(fd_accept(me->f, d, &x), SOCK_EOPNOTSUPP);
    IS(fd_listen(me->f, d, 1), SOCK_EOPNOTSUPP);
    IS(fd_connect(me->f, s, xk_node(1)), SOCK_EINVAL);
    IS(fd_sendto(me->f, s, &data, at(1, 9)), SOCK_ENOTCONN);
    IS(fd_sendto(me->f, d, &data, xk_node(1)), SOCK_EINVAL);
    IS(fd_set_option(me->f, s, SOCK_SEND_BUFFER, 0), SOCK_EINVAL);
    IS(fd_set_option(me->f, s, SOCK_NODELAY, 2), SOCK_EINVAL);
    IS(fd_set_option(me->f, s, SOCK_ERROR, 0), SOCK_EINVAL);
    set(me, s, SOCK_SEND_BUFFER, 12345);
    FINE(fd_get_option(me->f, s, SOCK_SEND_BUFFER, &v));
    cr_assert_eq(v, 12345);
    sock_set_add(&none, 9);
    IS(fd_select(me->f, &none, NULL, NULL, 0, &count), SOCK_EBADF);
    FINE(fd_listen(me->f, s, 5)); /* with a port of its own choice */
    IS(fd_connect(me->f, s, at(1, 80)), SOCK_EOPNOTSUPP);
    IS(fd_send(me->f, s, &data, false), SOCK_EOPNOTSUPP);
    IS(recv_error(me, s), SOCK_ENOTCONN);
    for (int i = 2; i < SOCK_FDS; i++)
        cr_assert_eq(open_one(me, SOCK_STREAM), i);
    IS(fd_socket(me->f, SOCK_DGRAM, &x), SOCK_EMFILE);
    FINE(fd_close(me->f, 17));
    cr_assert_eq(open_one(me, SOCK_STREAM), 17);
    for (int e = 0; e < SOCK_ERRORS; e++)
        cr_assert_str_neq(sock_error_name((enum sock_error)e), "unknown");
}

Test(sock, mistakes_have_the_errors_of_the_manual_pages)
{
    both("5000", mistakes, NULL);
}

static void ports(struct program *me)
{
    struct sock_name n = { 0 };
    int a = open_one(me, SOCK_STREAM), b = open_one(me, SOCK_STREAM), d = open_one(me, SOCK_DGRAM);
    FINE(fd_bind(me->f, a, 7000));
    IS(fd_bind(me->f, a, 7001), SOCK_EINVAL);
    IS(fd_bind(me->f, b, 7000), SOCK_EADDRINUSE);
    set(me, b, SOCK_REUSE, 1);
    IS(fd_bind(me->f, b, 7000), SOCK_EADDRINUSE);
    FINE(fd_bind(me->f, d, 7000));
    FINE(fd_connect(me->f, a, at(1, 80)));
    FINE(fd_name(me->f, a, &n));
    cr_assert_eq(n.port, 7000);
    FINE(fd_bind(me->f, b, 7000)); /* a connection may have it */
    IS(fd_connect(me->f, b, at(1, 80)), SOCK_EADDRINUSE);
    FINE(fd_listen(me->f, b, 5));
    FINE(fd_close(me->f, b));
    FINE(fd_close(me->f, a));
    b = open_one(me, SOCK_STREAM);
    IS(fd_bind(me->f, b, 7000), SOCK_EADDRINUSE); /* it is still being ended */
    pause_for(me, SIM_SEC);
    FINE(fd_bind(me->f, b, 7000));
    int more[5];
    for (int i = 0; i < 5; i++) {
        more[i] = open_one(me, SOCK_STREAM);
        IS(fd_bind(me->f, more[i], 0), i < 4 ? SOCK_OK : SOCK_EADDRNOTAVAIL);
    }
    FINE(fd_close(me->f, more[2]));
    FINE(fd_bind(me->f, more[4], 0));
    FINE(fd_name(me->f, more[4], &n));
    cr_assert_eq(n.port, 6002);
    FINE(fd_close(me->f, more[0]));
    int c = client(me, 1, 80), e = open_one(me, SOCK_STREAM); /* 2000 and 2001, in TCP */
    (void)client(me, 1, 80);
    IS(fd_connect(me->f, e, at(1, 80)), SOCK_EADDRNOTAVAIL);
    FINE(fd_close(me->f, c));
    pause_for(me, SIM_SEC);
    FINE(fd_connect(me->f, e, at(1, 80)));
}

static void accept_all(struct program *me)
{
    int l = listener(me, 80, 5), fd = -1;
    for (int i = 0; i < 4; i++) {
        FINE(fd_accept(me->f, l, &fd));
        get(me, fd, 0, 0, 0);
        FINE(fd_close(me->f, fd));
    }
}

Test(sock, ports_are_taken_and_come_free)
{
    both("2001", ports, accept_all);
}

/* ---- errors of the other side ---- */

static void refused_and_reset(struct program *me)
{
    uint64_t e = 0;
    struct xk_parts nowhere = xk_any();
    xk_part_push(&nowhere, XK_PART_ADDRESS, 0xc0000201);
    xk_part_push(&nowhere, XK_PART_PORT, 81);
    pause_for(me, 5 * SIM_MS);
    int fd = open_one(me, SOCK_STREAM);
    IS(fd_connect(me->f, fd, at(1, 81)), SOCK_ECONNREFUSED);
    IS(fd_connect(me->f, fd, nowhere), SOCK_EHOSTUNREACH);
    FINE(fd_connect(me->f, fd, at(1, 80))); /* it is as good as new */
    FINE(put(me, fd, 8, 0, 10));
    IS(recv_error(me, fd), SOCK_ECONNRESET); /* the peer closed with bytes that it did not take */
    IS(recv_error(me, fd), SOCK_OK);         /* FD4 */
    IS(put(me, fd, 8, 0, 1), SOCK_EPIPE);
    fd = client(me, 1, 80); /* SOCK_LINGER 0 */
    IS(recv_error(me, fd), SOCK_ECONNRESET);
    fd = client(me, 1, 80); /* nothing is to be sent any more: SOCK_ERROR tells it, once */
    pause_for(me, 50 * SIM_MS);
    FINE(fd_get_option(me->f, fd, SOCK_ERROR, &e));
    cr_assert_eq(e, SOCK_ECONNRESET);
    FINE(fd_get_option(me->f, fd, SOCK_ERROR, &e));
    cr_assert_eq(e, SOCK_OK);
}

static void reset_them(struct program *me)
{
    int l = listener(me, 80, 5), fd = -1;
    FINE(fd_accept(me->f, l, &fd));
    pause_for(me, 20 * SIM_MS);
    FINE(fd_close(me->f, fd));
    set(me, l, SOCK_LINGER, 0);
    FINE(fd_accept(me->f, l, &fd));
    FINE(fd_close(me->f, fd));
    FINE(fd_close(me->f, l)); /* and who waits to be accepted is reset */
    l = listener(me, 80, 5);
    pause_for(me, 20 * SIM_MS);
    FINE(fd_close(me->f, l));
}

Test(sock, refusals_and_resets_are_told_once)
{
    both("5000", refused_and_reset, reset_them);
}

static void peer_goes(struct program *me)
{
    pause_for(me, 5 * SIM_MS);
    int idle = client(me, 1, 80), fd = client(me, 1, 80), nobody = open_one(me, SOCK_STREAM);
    set(me, idle, SOCK_KEEPALIVE, 0);
    pause_for(me, 50 * SIM_MS); /* node 1 has crashed */
    FINE(put(me, fd, 8, 0, 100));
    IS(recv_error(me, fd), SOCK_ETIMEDOUT);
    IS(fd_connect(me->f, nobody, at(1, 80)), SOCK_ETIMEDOUT);
    set(me, idle, SOCK_LINGER, 100 * SIM_MS);
    sim_time t = port_now(me->p);
    FINE(fd_close(me->f, idle));
    cr_assert_eq(port_now(me->p) - t, 100 * SIM_MS);
}

static void wait_for_ever(struct program *me)
{
    int fd = -1;
    FINE(fd_accept(me->f, listener(me, 80, 5), &fd));
    get(me, fd, 0, 0, 0);
}

Test(sock, a_peer_that_is_gone_is_told_in_time)
{
    struct rig r;
    struct program a = { &r, peer_goes, .node = 0 }, b = { &r, wait_for_ever, .node = 1 };
    begin(&r, KERNEL, "5000");
    fake_call(r.f, 1, spawn, &b);
    fake_call(r.f, 0, spawn, &a);
    fake_run_until(r.f, 30 * SIM_MS);
    fake_crash(r.f, 1);
    fake_run(r.f, 0);
    cr_assert(a.done);
    end(&r);
}

/* ---- who listens ---- */

static void many_connect(struct program *me)
{
    int fd[8];
    struct sock_set w = { { 0 } };
    uint32_t count = 0;
    pause_for(me, 5 * SIM_MS);
    for (int i = 0; i < 8; i++) {
        fd[i] = open_one(me, SOCK_STREAM);
        set(me, fd[i], SOCK_NONBLOCK, 1);
        IS(fd_connect(me->f, fd[i], at(1, 80)), SOCK_EINPROGRESS);
        IS(fd_connect(me->f, fd[i], at(1, 80)), SOCK_EALREADY);
        sock_set_add(&w, fd[i]);
        if (i == 3)
            pause_for(me, 10 * SIM_MS); /* these wait to be accepted, and are begun no longer */
    }
    pause_for(me, 40 * SIM_MS);
    FINE(fd_select(me->f, NULL, &w, NULL, 0, &count));
    cr_assert_eq(count, 4, "%u connections", count); /* 3/2 of 2, and one */
    pause_for(me, SIM_SEC);
    for (int i = 0; i < 8; i++)
        sock_set_add(&w, fd[i]);
    FINE(fd_select(me->f, NULL, &w, NULL, 0, &count));
    cr_assert_eq(count, 8); /* all have been accepted meanwhile */
}

static void accept_late(struct program *me)
{
    int l = listener(me, 80, 2), fd = -1;
    pause_for(me, 80 * SIM_MS);
    cr_assert_eq(fake_count(me->r->f, 1, "tcp.listendrop"), 4);
    for (int i = 0; i < 8; i++)
        FINE(fd_accept(me->f, l, &fd));
    set(me, l, SOCK_NONBLOCK, 1);
    IS(fd_accept(me->f, l, &fd), SOCK_EWOULDBLOCK);
    pause_for(me, SIM_SEC);
}

Test(sock, a_backlog_bounds_who_waits_to_be_accepted)
{
    both("5000", many_connect, accept_late);
}

/* ---- select: a server with one thread ---- */

#define CLIENTS 20
static void echo_server(struct program *me)
{
    int l = listener(me, 80, CLIENTS), ended = 0;
    struct sock_set open = { { 0 } };
    sock_set_add(&open, l);
    set(me, l, SOCK_NONBLOCK, 1);
    while (ended < CLIENTS) {
        struct sock_set r = open;
        uint32_t count;
        FINE(fd_select(me->f, &r, NULL, NULL, SIM_NEVER, &count));
        cr_assert_gt(count, 0);
        for (int fd = 0; fd < SOCK_FDS; fd++) {
            int c = -1;
            struct rope data = { .length = 0 };
            if (!sock_set_has(&r, fd))
                continue;
            if (fd == l) {
                FINE(fd_accept(me->f, l, &c)); /* FD3 */
                sock_set_add(&open, c);
                continue;
            }
            FINE(fd_recv(me->f, fd, 1000, &data, NULL));
            if (data.length > 0) {
                FINE(fd_send(me->f, fd, &data, false));
                continue;
            }
            FINE(fd_close(me->f, fd));
            open.bits[fd / 64] &= ~(UINT64_C(1) << fd % 64);
            ended++;
        }
    }
}

static void echo_clients(struct program *me)
{
    int fd[CLIENTS];
    pause_for(me, 5 * SIM_MS);
    for (int i = 0; i < CLIENTS; i++)
        fd[i] = client(me, 1, 80);
    for (uint64_t round = 0; round < 5; round++)
        for (uint64_t i = 0; i < CLIENTS; i++) {
            uint64_t k = i * 7 % CLIENTS;
            FINE(put(me, fd[k], k + 1, 100 * round, 100));
            get(me, fd[k], k + 1, 100 * round, 100);
        }
}

Test(sock, one_thread_serves_many_by_select)
{
    both("5000", echo_clients, echo_server);
}

static void select_sender(struct program *me)
{
    struct sock_set w = { { 0 } };
    uint32_t count = 0;
    uint64_t sent = 0;
    pause_for(me, 5 * SIM_MS);
    int fd = client(me, 1, 80);
    set(me, fd, SOCK_NONBLOCK, 1);
    sim_time t = port_now(me->p);
    IS(recv_error(me, fd), SOCK_EWOULDBLOCK);
    sock_set_add(&w, fd);
    FINE(fd_select(me->f, &w, NULL, NULL, 30 * SIM_MS, &count)); /* nothing comes */
    cr_assert(count == 0 && !sock_set_has(&w, fd));
    cr_assert_eq(port_now(me->p) - t, 30 * SIM_MS);
    while (sent < 40000) {
        struct rope data;
        rope_init(&data);
        rope_add_pattern(&data, 8, sent, 40000 - sent);
        enum sock_error e = fd_send(me->f, fd, &data, false);
        sent = 40000 - data.length;
        rope_fini(&data);
        if (sent == 40000)
            break;
        IS(e, SOCK_EWOULDBLOCK);
        sock_set_add(&w, fd);
        FINE(fd_select(me->f, NULL, &w, NULL, SIM_NEVER, &count));
        cr_assert(count == 1 && sock_set_has(&w, fd));
    }
    struct rope data;
    rope_init(&data);
    rope_add_pattern(&data, 8, 40000, 100);
    pause_for(me, 300 * SIM_MS);
    FINE(fd_send(me->f, fd, &data, true));
    rope_fini(&data);
    FINE(put(me, fd, 8, 40100, 50));
    pause_for(me, 50 * SIM_MS);
}

static void select_receiver(struct program *me)
{
    struct sock_set r = { { 0 } }, x = { { 0 } };
    uint32_t count = 0;
    uint64_t urgent = 0;
    int fd = -1;
    FINE(fd_accept(me->f, listener(me, 80, 5), &fd));
    pause_for(me, 100 * SIM_MS); /* its buffer fills */
    get(me, fd, 8, 0, 40000);
    sock_set_add(&r, fd);
    sock_set_add(&x, fd);
    FINE(fd_select(me->f, NULL, NULL, &x, SIM_NEVER, &count));
    cr_assert(count == 1 && sock_set_has(&x, fd));
    FINE(fd_urgent(me->f, fd, &urgent));
    cr_assert_eq(urgent, 100);
    pause_for(me, 20 * SIM_MS);
    FINE(fd_select(me->f, &r, NULL, &x, 0, &count));
    cr_assert_eq(count, 2);
    struct rope data = { .length = 0 };
    FINE(fd_recv(me->f, fd, 1000, &data, NULL));
    cr_assert_eq(data.length, 100); /* not across the mark */
    rope_fini(&data);
    sock_set_add(&x, fd);
    FINE(fd_select(me->f, NULL, NULL, &x, 0, &count));
    cr_assert_eq(count, 0);
    get(me, fd, 8, 40100, 50);
    FINE(fd_shutdown(me->f, fd, SOCK_READ_END));
    get(me, fd, 0, 0, 0);
}

Test(sock, select_tells_room_and_urgent_bytes_and_the_time)
{
    both("5000", select_sender, select_receiver);
}

/* ---- datagrams ---- */

static enum sock_error put_to(struct program *me, int fd, uint64_t n, struct xk_parts to)
{
    struct rope data;
    rope_init(&data);
    rope_add_pattern(&data, 3, 0, n);
    enum sock_error e = fd_sendto(me->f, fd, &data, to);
    rope_fini(&data);
    return e;
}

static uint64_t get_from(struct program *me, int fd, uint64_t most, struct sock_name *from)
{
    struct rope data = { .length = 0 };
    FINE(fd_recv(me->f, fd, most, &data, from));
    uint64_t n = data.length;
    rope_fini(&data);
    return n;
}

static void datagrams_out(struct program *me)
{
    struct sock_name from = { 0 };
    pause_for(me, 5 * SIM_MS);
    int fd = open_one(me, SOCK_DGRAM), one = open_one(me, SOCK_DGRAM);
    FINE(put_to(me, fd, 70, at(1, 53)));
    cr_assert_eq(get_from(me, fd, 100, &from), 70);
    cr_assert(from.port == 53 && from.host == 1);
    FINE(fd_name(me->f, fd, &from));
    cr_assert_eq(from.port, 6000);
    FINE(put_to(me, fd, 70, at(1, 53)));
    cr_assert_eq(get_from(me, fd, 30, NULL), 30); /* the rest is dropped */
    IS(put_to(me, fd, 70000, at(1, 53)), SOCK_EMSGSIZE);
    FINE(put_to(me, fd, 5, at(1, 54))); /* nobody is there: who is not connected is not told */
    pause_for(me, 20 * SIM_MS);
    set(me, fd, SOCK_NONBLOCK, 1);
    IS(recv_error(me, fd), SOCK_EWOULDBLOCK);
    FINE(fd_connect(me->f, one, at(1, 54)));
    IS(put_to(me, one, 5, at(1, 53)), SOCK_EISCONN);
    FINE(put(me, one, 3, 0, 5));
    IS(recv_error(me, one), SOCK_ECONNREFUSED);
    FINE(fd_connect(me->f, one, at(1, 53)));
    FINE(put(me, one, 3, 0, 0));
    cr_assert_eq(get_from(me, one, 100, NULL), 0);
    set(me, one, SOCK_NONBLOCK, 1);
    IS(recv_error(me, one), SOCK_EWOULDBLOCK);
    for (int i = 0; i < 3; i++)
        FINE(put_to(me, fd, 84, at(1, 53))); /* two fit, with 16 each */
    pause_for(me, 20 * SIM_MS);
}

static void datagrams_in(struct program *me)
{
    struct sock_name from = { 0 };
    int fd = open_one(me, SOCK_DGRAM);
    FINE(fd_bind(me->f, fd, 53));
    for (int i = 0; i < 3; i++) {
        uint64_t n = get_from(me, fd, 1000, &from);
        FINE(put_to(me, fd, n, at(from.host, from.port)));
    }
    pause_for(me, 100 * SIM_MS);
    set(me, fd, SOCK_NONBLOCK, 1);
    cr_assert_eq(get_from(me, fd, 1000, NULL), 84);
    cr_assert_eq(get_from(me, fd, 1000, NULL), 84);
    IS(recv_error(me, fd), SOCK_EWOULDBLOCK);
    cr_assert_eq(fake_count(me->r->f, 1, "sock.datagrams_dropped"), 1);
}

Test(sock, datagrams_have_their_senders_and_their_bounds)
{
    both("5000", datagrams_out, datagrams_in);
}

/* ---- fork ---- */

static void forks(struct program *me)
{
    pause_for(me, 5 * SIM_MS);
    int fd = client(me, 1, 80);
    struct program child = *me;
    child.f = sock_fds_fork(me->f);
    FINE(put(me, fd, 8, 0, 1000));
    FINE(put(&child, fd, 8, 1000, 1000));
    FINE(fd_close(me->f, fd)); /* FD2: the child has it still */
    FINE(put(&child, fd, 8, 2000, 1000));
    get(&child, fd, 9, 0, 10);
    sock_fds_exit(child.f);
}

static void takes_3000(struct program *me)
{
    int fd = -1;
    FINE(fd_accept(me->f, listener(me, 80, 5), &fd));
    get(me, fd, 8, 0, 3000);
    FINE(put(me, fd, 9, 0, 10));
    get(me, fd, 0, 0, 0);
}

Test(sock, a_fork_shares_sockets_until_both_have_closed_them)
{
    both("5000", forks, takes_3000);
}

/* ---- the library ---- */

static void lib_client(struct program *me)
{
    pause_for(me, 5 * SIM_MS);
    int fd = client(me, 1, 80);
    FINE(put(me, fd, 8, 0, 30000));
    get(me, fd, 9, 0, 20000);
    cr_assert_eq(fake_count(me->r->f, 0, "tcp.sndbyte"), 0);
    cr_assert_eq(fake_count(me->r->f, 0, "lib.sndbyte"), 30000);
    FINE(fd_shutdown(me->f, fd, SOCK_BOTH_ENDS));
    cr_assert_eq(fake_count(me->r->f, 0, "sock.returned"), 1);
    pause_for(me, 50 * SIM_MS);
    fd = client(me, 1, 80);
    FINE(put(me, fd, 8, 0, 1000));
    struct program child = *me;
    child.f = sock_fds_fork(me->f); /* it is of two now: both use it at the server */
    FINE(put(me, fd, 8, 1000, 1000));
    FINE(fd_close(me->f, fd));
    FINE(put(&child, fd, 8, 2000, 1000));
    pause_for(me, 100 * SIM_MS);
    cr_assert_eq(fake_count(me->r->f, 0, "tcp.sndbyte"), 2000);
    sock_fds_exit(child.f);
}

static void lib_server(struct program *me)
{
    int l = listener(me, 80, 5), fd = -1;
    FINE(fd_accept(me->f, l, &fd));
    get(me, fd, 8, 0, 30000);
    FINE(put(me, fd, 9, 0, 20000));
    get(me, fd, 0, 0, 0);
    FINE(fd_close(me->f, fd));
    FINE(fd_accept(me->f, l, &fd));
    get(me, fd, 8, 0, 3000);
    get(me, fd, 0, 0, 0);
    FINE(fd_close(me->f, fd));
    cr_assert_eq(fake_count(me->r->f, 1, "sock.lent"), 2);
    cr_assert_eq(fake_count(me->r->f, 1, "tcp.sndbyte"), 0);
}

Test(sock, what_stands_is_the_library_s_and_goes_home_in_the_end)
{
    both_at(LIBRARY, "5000", lib_client, lib_server);
}

/* ---- crashes of the program's domain ---- */

#define ASKED 3000
#define ANSWERED 1000
struct end { /* of a program, as its own code saw it */
    uint64_t sent, got;
    enum sock_error error;
    bool eof;
} ends[2];

/* Receives until the end, or an error. */
static void take(struct program *me, int fd)
{
    struct end *e = &ends[me->node];
    while (!e->eof && e->error == SOCK_OK) {
        struct rope data = { .length = 0 };
        e->error = fd_recv(me->f, fd, 1000, &data, NULL);
        e->eof = e->error == SOCK_OK && data.length == 0;
        e->got += data.length;
        rope_fini(&data);
    }
}

static void give(struct program *me, int fd, uint64_t n)
{
    struct end *e = &ends[me->node];
    for (; e->sent < n && e->error == SOCK_OK; e->sent += e->error == SOCK_OK ? 500 : 0)
        e->error = put(me, fd, 8, e->sent, 500);
}

static void asks(struct program *me)
{
    pause_for(me, 5 * SIM_MS);
    int fd = open_one(me, SOCK_STREAM);
    ends[0].error = fd_connect(me->f, fd, at(1, 80));
    if (ends[0].error != SOCK_OK)
        return;
    give(me, fd, ASKED);
    if (ends[0].error == SOCK_OK)
        (void)fd_shutdown(me->f, fd, SOCK_WRITE_END);
    take(me, fd);
}

static void answers(struct program *me)
{
    int fd = -1;
    struct sock_set r = { { 0 } };
    uint32_t count = 0;
    int l = listener(me, 80, 5);
    sock_set_add(&r, l);
    FINE(fd_select(me->f, &r, NULL, NULL, 2 * SIM_SEC, &count));
    if (count == 0)
        return; /* nobody came */
    FINE(fd_accept(me->f, l, &fd));
    take(me, fd);
    give(me, fd, ANSWERED);
}

static void crash_app(struct port *p, void *arg)
{
    (void)p;
    port_task_crash(xk_domain_task(arg, "app"));
}

/* After `step` steps the program of node `victim` dies with its domain; false: all had ended. */
static bool die_at(uint32_t victim, uint64_t step, uint64_t *resets)
{
    struct rig r;
    struct program me[2] = { { &r, asks, .node = 0 }, { &r, answers, .node = 1 } };
    uint32_t other = !victim;
    memset(ends, 0, sizeof ends);
    begin(&r, LIBRARY,
          "5000 keepalive=true keep_idle=200ms keep_interval=20ms keep_tries=3 mss=200B");
    fake_call(r.f, 1, spawn, &me[1]);
    fake_call(r.f, 0, spawn, &me[0]);
    bool died = fake_run(r.f, step) == step && !me[victim].done;
    if (died)
        fake_call(r.f, victim, crash_app, r.k[victim]);
    fake_run(r.f, 0);
    const struct end *e = &ends[other], *dead = &ends[victim];
    cr_assert(me[other].done, "node %u, step %d: the peer hangs", victim, (int)step);
    *resets += e->error == SOCK_ECONNRESET;
    if (e->eof) /* all that it had sent, and what it was just sending */
        cr_assert(e->got >= dead->sent && e->got <= dead->sent + 500, "%d of %d", (int)e->got,
                  (int)dead->sent);
    cr_assert(e->eof || e->error == SOCK_ECONNRESET || e->error == SOCK_ECONNREFUSED ||
                  (other == 1 && e->error == SOCK_OK),
              "node %u, step %d: %s", victim, (int)step, sock_error_name(e->error));
    struct tcp_state_of *st = xk_find(r.k[victim], "tcp")->state;
    cr_assert(!died || tcp_users(st, 80) == 0, "a port is not free");
    uint64_t added = fake_count(r.f, victim, "filter.added"),
             removed = fake_count(r.f, victim, "filter.removed");
    cr_assert_eq(added, removed, "node %u, step %d: %d filters were added, %d removed", victim,
                 (int)step, (int)added, (int)removed);
    end(&r);
    return died;
}

/* DOM3: the server alone answers, by reset; nothing hangs, nothing is left. */
Test(sock, a_program_that_dies_at_any_event_is_answered_for_by_the_server)
{
    uint64_t stride = sample(NULL, 1), resets = 0;
    for (uint32_t victim = 0; victim < 2; victim++) {
        uint64_t step = 1;
        while (die_at(victim, step, &resets))
            step += stride;
        cr_assert_gt(step, 50, "%d", (int)step);
    }
    cr_assert_gt(resets, 10);
}

/* ---- datagrams in the library ---- */

static void lent_asks(struct program *me)
{
    struct fake *f = me->r->f;
    pause_for(me, 5 * SIM_MS);
    int fd = open_one(me, SOCK_DGRAM);
    FINE(fd_connect(me->f, fd, at(1, 53)));
    for (int i = 0; i < 3; i++) {
        FINE(put(me, fd, 3, 0, 20));
        cr_assert_eq(get_from(me, fd, 100, NULL), 20);
    }
    cr_assert_eq(fake_count(f, 0, "udp.sent") + fake_count(f, 0, "udp.received"), 0);
    cr_assert_eq(fake_count(f, 0, "ulib.sent"), 3);
    FINE(put(me, fd, 3, 0, 30));
    pause_for(me, 20 * SIM_MS); /* the answer waits */
    struct program child = *me;
    child.f = sock_fds_fork(me->f);
    cr_assert_eq(fake_count(f, 0, "sock.ports_returned"), 1);
    cr_assert_eq(fake_count(f, 0, "filter.removed"), fake_count(f, 0, "filter.added"));
    FINE(fd_close(me->f, fd));
    cr_assert_eq(get_from(&child, fd, 100, NULL), 30); /* it came along */
    FINE(put(&child, fd, 3, 0, 40));
    cr_assert_eq(get_from(&child, fd, 100, NULL), 40);
    cr_assert_eq(fake_count(f, 0, "udp.sent"), 1);
    cr_assert_eq(fake_count(f, 0, "udp.received"), 1);
    cr_assert_eq(fake_count(f, 0, "ulib.sent"), 4);
    sock_fds_exit(child.f);
    fd = open_one(me, SOCK_DGRAM); /* of a port that is closed at the peer */
    FINE(fd_connect(me->f, fd, at(1, 53)));
    FINE(put(me, fd, 3, 0, 50));
    IS(recv_error(me, fd), SOCK_ECONNREFUSED);
    cr_assert_eq(fake_count(f, 0, "udp.failed"), 0);
    cr_assert_eq(fake_count(f, 0, "ulib.failed"), 1);
}

static void lent_answers(struct program *me)
{
    struct sock_name from = { 0 };
    struct fake *f = me->r->f;
    int fd = open_one(me, SOCK_DGRAM), other = open_one(me, SOCK_DGRAM);
    FINE(fd_bind(me->f, fd, 53));
    IS(fd_bind(me->f, other, 53), SOCK_EADDRINUSE);
    for (int i = 0; i < 5; i++) {
        uint64_t n = get_from(me, fd, 1000, &from);
        FINE(put_to(me, fd, n, at(from.host, from.port)));
    }
    cr_assert_eq(fake_count(f, 1, "udp.sent") + fake_count(f, 1, "udp.received"), 0);
    FINE(fd_close(me->f, fd));
    cr_assert_eq(fake_count(f, 1, "filter.removed"), 1);
    pause_for(me, 200 * SIM_MS);
    cr_assert_eq(fake_count(f, 1, "udp.no_port"), 1);
}

/* UDP6: what waits, what comes and what is told find the socket, wherever its port is. */
Test(sock, a_port_is_the_library_s_until_a_fork_or_a_close)
{
    both_at(LIBRARY, "5000", lent_asks, lent_answers);
}

static uint32_t asked_in_vain;

static void asks_until_refused(struct program *me)
{
    pause_for(me, 5 * SIM_MS);
    int fd = open_one(me, SOCK_DGRAM);
    if (fd_connect(me->f, fd, at(1, 53)) != SOCK_OK)
        return; /* the server is dead */
    set(me, fd, SOCK_NONBLOCK, 1);
    for (asked_in_vain = 0; asked_in_vain < 20; asked_in_vain++) {
        struct rope data = { .length = 0 };
        if (put(me, fd, 3, 0, 20) == SOCK_ECONNREFUSED)
            return;
        pause_for(me, 10 * SIM_MS);
        enum sock_error e = fd_recv(me->f, fd, 100, &data, NULL);
        rope_fini(&data);
        if (e == SOCK_ECONNREFUSED)
            return;
    }
}

static enum sock_error answered_with; /* how that ended, */
static uint32_t answered;             /* and after how many */

static void answers_four(struct program *me)
{
    int fd = open_one(me, SOCK_DGRAM);
    answered_with = fd_bind(me->f, fd, 53);
    for (answered = 0; answered < 4 && answered_with == SOCK_OK;) {
        struct sock_name from = { 0 };
        struct sock_set read = { { 0 } };
        struct rope data = { .length = 0 };
        uint32_t count = 0;
        sock_set_add(&read, fd);
        FINE(fd_select(me->f, &read, NULL, NULL, SIM_SEC, &count));
        if (count == 0)
            return; /* nobody asks any more */
        answered_with = fd_recv(me->f, fd, 1000, &data, &from);
        if (answered_with == SOCK_OK)
            answered_with = fd_sendto(me->f, fd, &data, at(from.host, from.port));
        answered += answered_with == SOCK_OK;
        rope_fini(&data);
    }
}

static void crash_server(struct port *p, void *arg)
{
    (void)p;
    port_task_crash(xk_domain_task(arg, "server"));
}

/* After `step` steps the program of node `victim` dies with its domain, or its server does; false:
 * it had ended. */
static bool datagrams_die_at(uint64_t step, uint32_t victim, bool server)
{
    struct rig r;
    struct program a = { &r, asks_until_refused, .node = 0 }, b = { &r, answers_four, .node = 1 };
    begin(&r, LIBRARY, "5000");
    fake_call(r.f, 1, spawn, &b);
    fake_call(r.f, 0, spawn, &a);
    bool died = fake_run(r.f, step) == step && !(victim ? &b : &a)->done;
    bool lent = fake_count(r.f, victim, "udp.lent") > fake_count(r.f, victim, "udp.returned");
    if (died)
        fake_call(r.f, victim, server ? crash_server : crash_app, r.k[victim]);
    fake_run(r.f, 0);
    if (server) { /* who stands above is told, the rest of the world is not */
        cr_assert(!died || !lent || (victim ? b.done : a.done), "step %d: it waits", (int)step);
        cr_assert(!died || !lent || !victim || answered_with == SOCK_ENETDOWN || answered == 4,
                  "step %d: %s", (int)step, sock_error_name(answered_with));
        cr_assert_eq(fake_count(r.f, victim, "filter.added"),
                     fake_count(r.f, victim, "filter.removed"), "FILT9: node %u, step %d", victim,
                     (int)step);
        end(&r);
        return died;
    }
    cr_assert(victim ? a.done && asked_in_vain < 20 : b.done,
              "node %u, step %d: nobody tells that the port is closed", victim, (int)step);
    for (uint32_t node = 0; node < 2; node++) {
        cr_assert_eq(fake_count(r.f, node, "udp.lent"), fake_count(r.f, node, "udp.returned"));
        cr_assert_eq(fake_count(r.f, node, "filter.added"), fake_count(r.f, node, "filter.removed"),
                     "node %u, step %d: a filter is left", node, (int)step);
    }
    end(&r);
    return died;
}

/* DOM3, UDP6: who sends to a program that has died is told by ICMP, and its port is free. */
Test(sock, a_lent_port_of_a_program_that_dies_at_any_event_is_free)
{
    uint64_t stride = sample(NULL, 1);
    for (uint32_t victim = 0; victim < 2; victim++) {
        uint64_t step = 1;
        while (datagrams_die_at(step, victim, false))
            step += stride;
        cr_assert_gt(step, 20, "%d", (int)step);
    }
}

/* DOM3, FILT9: what it has lent ends with a server, and who has it is told. */
Test(sock, a_port_is_lent_no_longer_than_its_server_lives)
{
    uint64_t stride = sample(NULL, 1);
    for (uint32_t victim = 0; victim < 2; victim++) {
        uint64_t step = 1;
        while (datagrams_die_at(step, victim, true))
            step += stride;
        cr_assert_gt(step, 20, "%d", (int)step);
    }
}

/* The same of a connection: after `step` steps, where it is lent then; false: all had ended. */
static bool lender_dies_at(uint32_t victim, uint64_t step, uint64_t *told)
{
    struct rig r;
    struct program me[2] = { { &r, asks, .node = 0 }, { &r, answers, .node = 1 } };
    memset(ends, 0, sizeof ends);
    begin(&r, LIBRARY,
          "5000 keepalive=true keep_idle=200ms keep_interval=20ms keep_tries=3 mss=200B");
    fake_call(r.f, 1, spawn, &me[1]);
    fake_call(r.f, 0, spawn, &me[0]);
    bool died = fake_run(r.f, step) == step && !me[victim].done;
    bool lent = fake_count(r.f, victim, "sock.lent") > fake_count(r.f, victim, "sock.returned");
    if (died && lent)
        fake_call(r.f, victim, crash_server, r.k[victim]);
    fake_run(r.f, 0);
    if (died && lent) {
        cr_assert(me[0].done && me[1].done, "node %u, step %d: a program hangs", victim, (int)step);
        cr_assert_eq(fake_count(r.f, victim, "filter.added"),
                     fake_count(r.f, victim, "filter.removed"), "FILT9");
        *told += ends[victim].error == SOCK_ENETDOWN;
    }
    end(&r);
    return died;
}

Test(sock, a_connection_is_lent_no_longer_than_its_server_lives)
{
    uint64_t stride = sample(NULL, 1);
    for (uint32_t victim = 0; victim < 2; victim++) {
        uint64_t step = 1, told = 0;
        while (lender_dies_at(victim, step, &told))
            step += stride;
        cr_assert_gt(told, 10, "node %u", victim);
    }
}

/* ---- by the other UDP, while a port moves ---- */

static void goes_astray(struct program *me)
{
    pause_for(me, 5 * SIM_MS);
    int fd = open_one(me, SOCK_DGRAM), stranger = open_one(me, SOCK_DGRAM);
    FINE(fd_connect(me->f, fd, at(1, 53)));
    FINE(put(me, fd, 3, 0, 20));
    cr_assert_eq(get_from(me, fd, 100, NULL), 20);
    FINE(put_to(me, stranger, 10, at(1, 53)));
    pause_for(me, 20 * SIM_MS);
    for (uint64_t n = 30; n <= 40; n += 10) {
        FINE(put(me, fd, 3, 0, n));
        cr_assert_eq(get_from(me, fd, 100, NULL), n);
    }
}

static void takes_what_went_astray(struct program *me)
{
    struct fake *f = me->r->f;
    struct sock_name from = { 0 }, own = { 0 };
    struct filter_program p;
    struct xk_protl *lip = xk_find(me->r->k[1], "lip");
    int fd = open_one(me, SOCK_DGRAM);
    FINE(fd_bind(me->f, fd, 53));
    cr_assert_eq(get_from(me, fd, 100, &from), 20);
    FINE(fd_connect(me->f, fd, at(0, from.port)));
    FINE(fd_name(me->f, fd, &own));
    filter_session(&p, 17, own.address, 53, from.address, from.port);
    cr_assert_eq(filter_remove(lip, lip->number, &p), XK_OK); /* its port is on its way */
    FINE(put(me, fd, 3, 0, 20));
    cr_assert_eq(get_from(me, fd, 100, NULL), 30);
    cr_assert_eq(fake_count(f, 1, "udp.delivered"), 2);
    cr_assert_eq(fake_count(f, 1, "sock.datagrams_dropped"), 1, "not the peer's");
    struct program child = *me;
    child.f = sock_fds_fork(me->f);
    cr_assert_eq(fake_count(f, 1, "sock.ports_returned"), 1);
    cr_assert_eq(filter_add(lip, lip->number, &p), XK_OK); /* and on its way back */
    FINE(put(&child, fd, 3, 0, 30));
    cr_assert_eq(get_from(&child, fd, 100, NULL), 40);
    cr_assert_eq(fake_count(f, 1, "ulib.delivered"), 2);
    cr_assert_eq(filter_remove(lip, lip->number, &p), XK_OK);
    FINE(put(&child, fd, 3, 0, 40));
    sock_fds_exit(child.f);
}

/* UDP6: the socket has it all the same, if it is of its peer. */
Test(sock, what_comes_by_the_other_udp_is_taken)
{
    both_at(LIBRARY, "5000", goes_astray, takes_what_went_astray);
}

/* ---- ICMP's errors, at the library ---- */

#define NARROW 620u
static struct narrow { /* a gateway that drops the first long datagram, and tells of it */
    uint8_t quote[28];
    uint64_t dropped, too_long; /* of these after it has told */
    bool told;
} narrow;

static bool gateway(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    struct narrow *g = arg;
    (void)dst;
    if (src != 0 || frame->length <= 14 + NARROW)
        return true;
    g->too_long += g->told;
    if (g->told || g->dropped++ > 0)
        return false;
    rope_read(frame, 14, sizeof g->quote, g->quote);
    return false;
}

/* Fragmentation needed [RFC 1191, 4]. */
static void tell_narrow(struct fake *f)
{
    uint8_t frame[14 + 20 + 8 + sizeof narrow.quote] = { 0 };
    uint8_t *ip = frame + 14, *icmp = ip + 20;
    eth_address_store(frame, 0);
    eth_address_store(frame + 6, 1);
    wire_put16(frame + 12, 0x0800);
    ip[0] = 0x45;
    wire_put16(ip + 2, (uint16_t)(sizeof frame - 14));
    ip[8] = 64;
    ip[9] = 1;
    memcpy(ip + 12, narrow.quote + 16, 4);
    memcpy(ip + 16, narrow.quote + 12, 4);
    wire_put16(ip + 10, inet_checksum(inet_sum(0, ip, 20)));
    icmp[0] = 3;
    icmp[1] = 4;
    wire_put16(icmp + 6, NARROW);
    memcpy(icmp + 8, narrow.quote, sizeof narrow.quote);
    wire_put16(icmp + 2, inet_checksum(inet_sum(0, icmp, 8 + sizeof narrow.quote)));
    narrow.told = true;
    fake_inject(f, 1, 0, frame, sizeof frame);
}

static void through_the_narrow(struct program *me)
{
    struct fake *f = me->r->f;
    pause_for(me, 5 * SIM_MS);
    int fd = client(me, 1, 80);
    FINE(put(me, fd, 8, 0, 3000));
    pause_for(me, 2 * SIM_MS);
    cr_assert_gt(narrow.dropped, 0);
    tell_narrow(f);
    FINE(put(me, fd, 8, 3000, 20000));
    get(me, fd, 9, 0, 10);
    cr_assert_eq(fake_count(f, 0, "lib.softerrors"), 1);
    cr_assert_eq(fake_count(f, 0, "tcp.softerrors"), 0);
    struct program child = *me;
    child.f = sock_fds_fork(me->f); /* what it has learned goes home with it */
    FINE(put(&child, fd, 8, 23000, 5000));
    sock_fds_exit(child.f);
}

static void behind_the_narrow(struct program *me)
{
    int l = listener(me, 80, 5), fd = -1;
    FINE(fd_accept(me->f, l, &fd));
    get(me, fd, 8, 0, 23000);
    FINE(put(me, fd, 9, 0, 10));
    get(me, fd, 8, 23000, 5000);
    get(me, fd, 0, 0, 0);
}

/* FILT8: a connection that is lent hears that its segments are too long. */
Test(sock, a_lent_connection_hears_of_its_path)
{
    struct rig r;
    struct program a = { &r, through_the_narrow, .node = 0 },
                   b = { &r, behind_the_narrow, .node = 1 };
    narrow = (struct narrow){ .told = false };
    begin(&r, LIBRARY, "5000 path_mtu=true");
    fake_on_frame(r.f, gateway, &narrow);
    fake_call(r.f, 1, spawn, &b);
    fake_call(r.f, 0, spawn, &a);
    fake_run(r.f, 0);
    cr_assert(a.done && b.done);
    cr_assert_eq(narrow.too_long, 0);
    cr_assert_eq(fake_count(r.f, 0, "sock.lent"), 1);
    end(&r);
}
