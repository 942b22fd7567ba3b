/* sock.h: SOCK: sockets: TCP's connections and UDP's datagrams for programs, by calls that block.
 *
 * Stands right on TCP, UDP, or both, as the socket layer of a kernel does.  What is sent is cut
 * into pieces that TCP takes one after another, as its buffer has room; what comes waits in TCP's
 * window until it is received.  Here a program has an end of a connection by its pointer; fd.h has
 * all calls of 4.4BSD by small numbers.
 *
 *   SOCK1  What is received on one end is, byte by byte, a front part of what was sent on the
 *       other; all of it before the end (XK_OK and nothing).
 *   SOCK2  Calls that wait end when the connection does, with what TCP said: XK_REFUSED, XK_RESET,
 *       XK_UNREACHABLE.
 *   SOCK3  Any number of threads may wait for one end, and each that goes on looks again; nobody
 *       waits for one that is closed.
 */
#ifndef OS_PROTO_SOCK_SOCK_H
#define OS_PROTO_SOCK_SOCK_H

#include "os/proto/tcp/tcp.h"

struct sock; /* a socket; here always an end of a connection */

/* Takes connections to that port from now on.  XK_IN_USE: somebody does. */
enum xk_status sock_listen(struct xk_protl *sock, uint16_t port);
/* The next that has come to it. (blocks) */
struct sock *sock_accept(struct xk_protl *sock, uint16_t port);
/* A connection to {ADDRESS or NODE, PORT}; NULL with *why, of tcp.h or SOCK2. (blocks) */
struct sock *sock_connect(struct xk_protl *sock, struct xk_parts peer, enum xk_status *why);
/* Sends the data, which is empty then; XK_OK: TCP has all of it. (blocks) */
enum xk_status sock_send(struct sock *s, struct rope *data);
/* Receives what has come, a byte at least, at most so many; `out` is initialised here.  XK_OK and
 * nothing: the peer has finished. (blocks) */
enum xk_status sock_recv(struct sock *s, uint64_t most, struct rope *out);
/* Nothing more is sent; it still receives. */
void sock_finish(struct sock *s);
/* The connection is broken off, the peer is told by a reset; calls that wait end with XK_RESET. */
void sock_abort(struct sock *s);
/* The end is gone; what was sent is still delivered, unless something that came was not received:
 * then the connection is reset. */
void sock_close(struct sock *s);
/* The session below, for tcp_look and controls; NULL: the connection has ended. */
struct xk_sessn *sock_sessn(const struct sock *s);

extern const struct xk_protl_ops sock_protl;

#endif
