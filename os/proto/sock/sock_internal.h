/* sock_internal.h: private to os/proto/sock/: a socket, and who does what.
 *
 *   sock.c         the protocol object, what comes from below, sockets and their ports
 *   sock_stream.c  connections
 *   sock_lend.c    connections and ports at a server's TCP and UDP, and at the library's
 *   sock_dgram.c   datagrams
 *   fd.c           descriptors, options
 *   fd_select.c    who waits for several
 */
#ifndef OS_PROTO_SOCK_SOCK_INTERNAL_H
#define OS_PROTO_SOCK_SOCK_INTERNAL_H

#include "os/proto/sock/fd.h"
#include "os/proto/udp/udp.h"
#include "os/xk/map.h"

struct sock_params {
    int64_t piece, datagrams, port_first, port_last;
};

enum { SOCK_READ = 1, SOCK_WRITE = 2, SOCK_EXCEPT = 4 };
struct sock_wait { /* a thread that waits: on its stack, or in the block of a select */
    struct list link;
    struct port_thread *thread;
    unsigned what; /* SOCK_READ ... */
    bool woken;
};

struct sock {
    struct list link;  /* of who listens: nobody has accepted it yet; of those that are lent */
    struct list bound; /* of its instance, while it has a port that it asked for */
    struct list waits; /* struct sock_wait */
    struct list queue; /* connections (link) or datagrams (struct sock_datagram) that wait */
    struct xk_protl *self;
    struct xk_sessn *sessn; /* NULL: not connected */
    struct xk_sessn
        *lent;     /* the server's, while the library has the connection; NULL: it has not */
    uint32_t refs; /* descriptors and pointers */
    uint32_t queued, backlog;
    uint16_t port; /* of its own, where it is known here; 0: not */
    uint8_t kind;  /* enum sock_kind */
    bool listens : 1, connected : 1, finished : 1, ended : 1;
    bool no_read : 1, no_write : 1; /* shut down */
    bool home : 1;                  /* it stays at the server */
    bool moved : 1, known : 1;      /* of datagrams: its port is lent; the library's UDP knows it */
    bool reuse : 1, nonblock : 1, nodelay : 1, keepalive : 1;
    enum xk_status why;                   /* of `ended`, or an error of a datagram */
    enum sock_error error;                /* FD4: to be told */
    uint64_t send_buffer, receive_buffer; /* 0: as below */
    uint64_t linger;                      /* SOCK_LINGER */
    uint64_t taken, mark;                 /* bytes received; behind the last urgent one */
    struct rope in;                       /* a stream's */
    uint64_t in_datagrams;                /* bytes of `queue` */
};

struct sock_datagram {
    struct list link;
    struct sock_name from;
    struct rope data;
};

struct sock_state { /* an instance's */
    const struct sock_params *params;
    struct xk_protl *tcp, *lib, *udp, *udp_lib; /* below; NULL: none; lib: the library's */
    struct xk_map ports; /* struct sock by kind << 16 | port, in 4 bytes: who takes what
                                   comes to that port */
    struct list bound;   /* struct sock */
    struct list lends;   /* the same, by `link`: connections that the library has */
    uint16_t next;       /* port to try */
    struct {
        uint64_t sent, received, accepted, connected, datagrams_sent, datagrams_received,
            datagrams_dropped, selects, lent, returned, ports_lent, ports_returned;
    } counts;
};

static inline struct sock_state *sock_of(const struct sock *s)
{
    return s->self->state;
}
static inline bool sock_is_udp(const struct sock_state *st, const struct xk_sessn *lower)
{
    return lower->protl == st->udp || lower->protl == st->udp_lib;
}
/* Where its datagrams go. */
static inline struct xk_protl *sock_udp(const struct sock *s)
{
    return s->moved ? sock_of(s)->udp_lib : sock_of(s)->udp;
}
static inline struct port *sock_port(const struct sock *s)
{
    return xk_port(s->self);
}

/* ---- sock.c ---- */
struct sock *sock_make(struct xk_protl *self, enum sock_kind kind); /* one reference */
/* Drops one; the last closes it. */
void sock_drop(struct sock *s);
/* A program calls SOCK, about that socket (NULL: about none, or several). */
void sock_call(const struct xk_protl *self, const struct sock *s);
void sock_wake(struct sock *s, unsigned what);
/* Until it is woken for that. (blocks) */
void sock_block(struct sock *s, unsigned what, const char *text);
/* The same, so long at most; false: it was not. (blocks) */
bool sock_block_for(struct sock *s, unsigned what, const char *text, sim_time timeout);
/* Which of SOCK_READ, SOCK_WRITE and SOCK_EXCEPT hold of it (FD3). */
unsigned sock_ready(struct sock *s, unsigned what);
enum sock_error sock_error_of(enum xk_status s);
enum sock_error sock_bind(struct sock *s, uint16_t port);
/* From now on what comes to its port is its own. */
void sock_takes(struct sock *s);
struct sock *sock_at(struct sock_state *st, enum sock_kind kind, uint64_t port); /* or NULL */
void sock_control(struct sock *s, enum xk_control_op op, uint64_t u64); /* of its session, if any */
void sock_name_peer(struct xk_sessn *sessn, struct sock_name *out);

/* ---- sock_stream.c ---- */
void sock_stream_take(struct sock *s, struct xk_sessn *sessn);
void sock_stream_options(struct sock *s);
enum sock_error sock_stream_listen(struct sock *s, uint32_t backlog, bool limited);
/* NULL: SOCK_NONBLOCK, and there is none. (blocks) */
struct sock *sock_stream_accept(struct sock *s);
/* XK_BUSY: SOCK_NONBLOCK, and it is being made. (blocks) */
enum xk_status sock_stream_connect(struct sock *s, struct xk_parts peer);
/* XK_BUSY: SOCK_NONBLOCK; some is sent. (blocks) */
enum xk_status sock_stream_send(struct sock *s, struct rope *data);
/* XK_BUSY: SOCK_NONBLOCK, and there is nothing. (blocks) */
enum xk_status sock_stream_recv(struct sock *s, uint64_t most, struct rope *out);
void sock_stream_room(struct sock *s); /* of who listens: tells TCP how many more may come */
void sock_stream_close(struct sock *s);

/* ---- sock_lend.c ---- */
/* The library has the connection, if there is one, and nothing speaks against it. */
void sock_lend(struct sock *s);
/* The server has it again; or the port, of a socket of datagrams. */
void sock_home(struct sock *s);
/* It has ended at the library: the server forgets it. */
void sock_give_up(struct sock *s);

/* What comes to its port, from its peer if it is connected, comes to the library's UDP, if there is
 * one, and nothing speaks against it. */
void sock_lend_port(struct sock *s);
/* The server that has lent is dead: what it has lent has ended (SOCK_ENETDOWN). */
void sock_lender_died(struct sock_state *st, const struct xk_protl *lender);
/* Its port is nowhere: it is closed. */
void sock_free_port(struct sock *s);

/* ---- sock_dgram.c ---- */
/* Is that session the socket's to its peer, be it by the server's UDP or the library's? */
bool sock_dgram_is_peer(const struct sock *s, struct xk_sessn *lower);
void sock_dgram_came(struct sock_state *st, struct xk_sessn *lower, struct xk_msg *m);
enum sock_error sock_dgram_connect(struct sock *s, struct xk_parts peer);
/* To: NULL: where it is connected. (blocks) */
enum sock_error sock_dgram_send(struct sock *s, const struct xk_parts *to, struct rope *data);
enum sock_error sock_dgram_recv(struct sock *s, uint64_t most, struct rope *out,
                                struct sock_name *from);
void sock_dgram_close(struct sock *s);

/* ---- fd.c ---- */
struct sock_fds {
    struct xk_protl *self;
    struct sock **at; /* by number; NULL: it is free */
    int count;
};

#endif
