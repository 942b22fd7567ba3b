/* fd.h: the sockets of a program by descriptors, small numbers, with the calls of 4.4BSD.
 *
 * A table of descriptors is a program's; programs of one instance of SOCK that were forked share
 * sockets.  Each call is a trap, but in the library one about a socket that it has itself;
 * fd_socket, fd_select, sock_fds_fork and sock_fds_exit are about none, or several, and the
 * server's.  Errors are those that 4.4BSD's manual pages give for the call; sock_error_name says
 * them as those do.
 *
 *   FD1  The number of a new socket is the lowest that is free.
 *   FD2  A socket lives until the last descriptor for it is closed.
 *   FD3  What select says is so: the call that is named then does not wait.
 *   FD4  An error that ended a connection is told once (SOCK_ERROR or the next call); after that
 *       nothing comes (0 bytes), and sending is answered SOCK_EPIPE.
 */
#ifndef OS_PROTO_SOCK_FD_H
#define OS_PROTO_SOCK_FD_H

#include "os/proto/sock/sock.h"

enum sock_kind { SOCK_STREAM, SOCK_DGRAM };

enum sock_error {
    SOCK_OK,
    SOCK_EBADF,           /* no such descriptor */
    SOCK_EMFILE,          /* too many descriptors */
    SOCK_EINVAL,          /* bound already; not listening; no such option or value */
    SOCK_EOPNOTSUPP,      /* not of this kind of socket, or of one that listens */
    SOCK_EPROTONOSUPPORT, /* nothing below has such sockets */
    SOCK_EADDRINUSE,      /* the port, or both ends, are taken */
    SOCK_EADDRNOTAVAIL,   /* no port is free */
    SOCK_ECONNREFUSED,    /* nobody is there */
    SOCK_ECONNRESET,      /* the peer has broken off */
    SOCK_ETIMEDOUT,       /* no answer in time */
    SOCK_EHOSTUNREACH,    /* there is no such peer, or no way to it */
    SOCK_ENETDOWN,        /* what was below is gone */
    SOCK_ENOTCONN,        /* not connected */
    SOCK_EISCONN,         /* connected already */
    SOCK_EPIPE,           /* nothing can be sent any more */
    SOCK_EMSGSIZE,        /* longer than a datagram may be */
    SOCK_EDESTADDRREQ,    /* a datagram for nobody */
    SOCK_EWOULDBLOCK,     /* SOCK_NONBLOCK, and the call would wait */
    SOCK_EINPROGRESS,     /* SOCK_NONBLOCK: the connection is being made: select says when it is */
    SOCK_EALREADY,        /* it is being made since before */
    SOCK_ERRORS
};
const char *sock_error_name(enum sock_error e); /* "EBADF"; static */

/* Who is at an end. */
struct sock_name {
    uint32_t address; /* of IP; 0: none yet */
    uint16_t port;    /* 0: none yet */
    uint32_t host;    /* a node, or XK_NO_HOST */
};

struct sock_fds; /* descriptors of one program */

/* An empty table. */
struct sock_fds *sock_fds_new(struct xk_protl *sock);
/* That of a program which shares all sockets of this one, under the same numbers. */
struct sock_fds *sock_fds_fork(struct sock_fds *f);
/* The program ends: all are closed. */
void sock_fds_exit(struct sock_fds *f);

/* A new socket.  EMFILE, EPROTONOSUPPORT. */
enum sock_error fd_socket(struct sock_fds *f, enum sock_kind kind, int *fd);
/* Its port; 0: any that is free.  EINVAL: it has one.  EADDRINUSE: a socket or a connection has it;
 * with SOCK_REUSE a connection may.  EADDRNOTAVAIL: none is free. */
enum sock_error fd_bind(struct sock_fds *f, int fd, uint16_t port);
/* Takes connections; about 3/2 `backlog` may wait to be completed or accepted, others are not
 * answered [4.4BSD, sonewconn].  EOPNOTSUPP, EISCONN. */
enum sock_error fd_listen(struct sock_fds *f, int fd, uint32_t backlog);
/* The next connection, under a new number.  EINVAL: it does not listen. (blocks) */
enum sock_error fd_accept(struct sock_fds *f, int fd, int *connection);
/* Connects to {ADDRESS or NODE, PORT}.  Of datagrams: sends there, and receives from there alone;
 * again: from now on there.  EISCONN, and what ends a connection. (blocks) */
enum sock_error fd_connect(struct sock_fds *f, int fd, struct xk_parts peer);
/* Sends the data, or a datagram of it; what was sent is off the rope.  SOCK_EWOULDBLOCK: that may
 * be some of it.  `urgent`: what was sent so far is urgent then. (blocks) */
enum sock_error fd_send(struct sock_fds *f, int fd, struct rope *data, bool urgent);
/* A datagram to {ADDRESS or NODE, PORT}.  EISCONN. (blocks) */
enum sock_error fd_sendto(struct sock_fds *f, int fd, struct rope *data, struct xk_parts to);
/* Receives a byte at least, at most so many, or a datagram, of which so much; nothing: the peer has
 * finished, or the datagram is empty.  `out` is initialised here; from: NULL or who has sent it.
 * (blocks) */
enum sock_error fd_recv(struct sock_fds *f, int fd, uint64_t most, struct rope *out,
                        struct sock_name *from);
enum sock_how { SOCK_READ_END, SOCK_WRITE_END, SOCK_BOTH_ENDS };
/* Nothing more is received, sent, or both.  ENOTCONN. */
enum sock_error fd_shutdown(struct sock_fds *f, int fd, enum sock_how how);
/* The number is free.  The last for a socket closes it: what was sent is still delivered, but see
 * sock_close and SOCK_LINGER. (blocks where that says so) */
enum sock_error fd_close(struct sock_fds *f, int fd);
/* Who this end is. */
enum sock_error fd_name(struct sock_fds *f, int fd, struct sock_name *out);
enum sock_error fd_peer(struct sock_fds *f, int fd, struct sock_name *out); /* ENOTCONN */

/* Options.  An accepted connection has those of who listens. */
enum sock_option {
    SOCK_NODELAY,   /* 1: small segments do not wait */
    SOCK_KEEPALIVE, /* 1: a silent peer is probed */
    SOCK_REUSE,     /* 1: fd_bind */
    SOCK_NONBLOCK,  /* 1: no call waits */
    SOCK_SEND_BUFFER,
    SOCK_RECEIVE_BUFFER, /* bytes; of datagrams: those that wait to be received */
    SOCK_LINGER,         /* fd_close waits so long (picoseconds, as sim_time) until what was sent is
                       acknowledged and the peer has finished; 0: it resets; SOCK_NO_LINGER */
    SOCK_ERROR,          /* to be got: the enum sock_error that is to be told; it is told then */
    SOCK_OPTIONS
};
#define SOCK_NO_LINGER UINT64_MAX
/* EINVAL: no such option, or value. */
enum sock_error fd_set_option(struct sock_fds *f, int fd, enum sock_option o, uint64_t value);
/* The same; buffers: 0: as TCP's parameters say. */
enum sock_error fd_get_option(struct sock_fds *f, int fd, enum sock_option o, uint64_t *value);
/* Bytes to be received up to behind the last that the peer called urgent; 0: none is. */
enum sock_error fd_urgent(struct sock_fds *f, int fd, uint64_t *bytes);

#define SOCK_FDS 1024 /* descriptors of a program */
struct sock_set {     /* of descriptors */
    uint64_t bits[SOCK_FDS / 64];
};
/* One more. */
static inline void sock_set_add(struct sock_set *s, int fd)
{
    s->bits[fd / 64] |= UINT64_C(1) << fd % 64;
}
/* Is it there? */
static inline bool sock_set_has(const struct sock_set *s, int fd)
{
    return s->bits[fd / 64] >> fd % 64 & 1;
}

/* Waits until one of `read` has something to receive or accept, or has ended, one of `write` takes
 * something or has failed, or urgent bytes wait at one of `except`; or so long: 0: not at all,
 * SIM_NEVER: for ever.  The sets hold then those of which it is so, *count in all.  NULL: none.
 * EBADF. (blocks) */
enum sock_error fd_select(struct sock_fds *f, struct sock_set *read, struct sock_set *write,
                          struct sock_set *except, sim_time timeout, uint32_t *count);

#endif
