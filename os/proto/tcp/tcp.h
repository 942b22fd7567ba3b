/* tcp.h: TCP: a stream of bytes between two ports of two addresses, in order, once and undamaged.
 *
 * It stands on IP: it is opened with {ADDRESS peer, PORT peer}, or {ADDRESS peer, PORT own, PORT
 * peer} for who wants a port of his own, and hands {ADDRESS peer, TYPE 6} down.  The wire is that
 * of the standards: RFC 793 with the corrections of RFC 1122, RFC 1323, RFC 1191.  See README.md.
 *
 * What its upper sees of a session:
 *   xk_open         sends a SYN; `ready` comes when the connection stands, else `failed`.  NULL:
 *                   XK_IN_USE (these two ends have a connection), XK_NO_PORT (all are taken), or
 *                   what is below says.
 *   xk_open_enable  {PORT}: listens.  XK_IN_USE: somebody does; XK_REFUSED: other parts.
 *   open_done       a peer has connected.  The upper takes a reference (xk_dup), or the connection
 *                   is closed.
 *   xk_push         takes all bytes of the message, whatever its length: XK_BUSY while
 *                   `send_buffer` bytes or more wait or are not acknowledged; `ready` comes when
 *                   half of that is free.  XK_CLOSED: the connection has ended, or was finished.
 *   demux           bytes, as they come in order, in pieces that mean nothing; an empty message:
 *                   the peer has finished, nothing comes any more.
 *   failed          the connection has ended, nothing more is heard of it: XK_CLOSED (both sides
 *                   had finished, and what was pushed was acknowledged), XK_REFUSED (nobody listens
 *                   there), XK_RESET (by the peer), XK_UNREACHABLE (no answer in time).
 *   xk_close        the last reference: finishes; what was pushed is still sent.  Where the upper
 *                   has bytes that it did not consume: resets [RFC 1122, 4.2.2.13].
 *   xk_sessn_control:
 *     XK_TCP_FINISH     nothing more will be pushed: FIN, behind what was.  Bytes still come.
 *     XK_TCP_ABORT      resets; nothing is heard of the session any more.
 *     XK_TCP_HOLD       what demux is given, and was before, fills the receive buffer until
 *     XK_TCP_CONSUMED   (u64: bytes) says that so much of it is held no longer.
 *     XK_TCP_NODELAY    u64 1: small segments do not wait (Nagle's rule is off); 0: they do.
 *     XK_TCP_USER_TIMEOUT
 *                       u64: a time: what was sent and is not acknowledged for so long ends the
 *                       connection; 0: `tries` alone do [RFC 793, 3.8].
 *     XK_TCP_URGENT     what was pushed so far is urgent: the peer is told at once.  u64: so are so
 *                       many bytes more, with which it is told then.
 *     XK_TCP_GET_URGENT u64: bytes that demux is still to be given up to the last urgent one; 0:
 *                       nothing is urgent.  `ready` says that it has changed; the last urgent byte
 *                       is the last of its piece.
 *     XK_TCP_GET_UNACKED u64: bytes that were pushed and that the peer has not acknowledged; if
 *                       there are any, `ready` comes when there are none.  XK_CLOSED: it has ended,
 *                       and nobody knows.
 *     XK_TCP_GET_ROOM   u64: bytes that a push would find room for; 0: it would be answered
 *                       XK_BUSY, and `ready` comes as if it had been.
 *     XK_TCP_KEEPALIVE  u64 1: a silent peer is probed; 0: it is not.
 *     XK_TCP_SEND_BUFFER, XK_TCP_RECEIVE_BUFFER
 *                       u64: bytes, in place of the parameters of that name.  XK_REFUSED: none, or
 *                       more than 1 GiB.  What the scale of windows is was said with the SYN.
 *     XK_GET_MY_PORT, XK_GET_PEER_PORT
 *     XK_TCP_EXPORT     msg: an empty message: gets the whole connection; the session is lent from
 *                       now on (TCP7).  u64: the number of the instance of IP that gets the
 *                       connection's datagrams meanwhile, which stands on FILTER; 0: none.
 *                       XK_REFUSED: it does not stand yet, or is lent.  XK_BUSY: not in an upcall
 *                       of it.
 *     XK_TCP_IMPORT     msg: what XK_TCP_EXPORT of another instance gave: a lent session has the
 *                       connection (again).  XK_REFUSED: it is not lent, or this is not its
 *                       connection; nothing changes.
 *     XK_GET_OPT_PACKET u64: bytes of data in a full segment.
 *   xk_protl_control:
 *     XK_TCP_GET_USERS  u64: a port: how many listen or have a connection at it, in any state.
 *     XK_TCP_BACKLOG    u64: port | count << 16: so many connections to that listener may be begun
 *                       and not completed at once, `backlog` at most.  XK_REFUSED: nobody listens.
 *
 *   TCP1  What an upper is given on a session is a front part of what the upper of the other side's
 *       was answered XK_OK for, while the connection lasts; all of it before the empty message.
 *   TCP2  A sender sends nothing beyond the edge of the window that it was told, but a probe of one
 *       byte; a receiver does not take that edge back, and gives nothing beyond it up.
 *   TCP3  una <= nxt <= max, modulo 2^32, and what lies between una and max is kept.
 *   TCP4  While something is sent and not acknowledged, or waits to be sent, a timer runs:
 *       retransmission, persist, or that of the silly window; never two of these.
 *   TCP5  Nobody but the peer's RST, a time-out, or the upper ends a connection: segments that make
 *       no sense are dropped by their cause, and counted.
 *   TCP6  A segment that was sent again is not timed, and the longer time-out stays until one is
 *       [Karn & Partridge 1987].
 *   TCP7  A lent session keeps its ends and the reference of its upper, and nothing else: pushes
 *       are answered XK_CLOSED, controls but those of its ends and XK_TCP_IMPORT XK_REFUSED,
 *       segments are dropped.  Its last xk_close gives the connection up: from then on segments are
 *       answered by a reset.  An instance with `guest` opens {ADDRESS peer, PORT own, PORT peer} as
 *       a lent session, which sends nothing.
 */
#ifndef OS_PROTO_TCP_TCP_H
#define OS_PROTO_TCP_TCP_H

#include "os/xk/xobj.h"

enum tcp_state {
    TCP_CLOSED,
    TCP_LISTEN, /* of a port, not of a connection */
    TCP_SYN_SENT,
    TCP_SYN_RCVD,
    TCP_ESTABLISHED,
    TCP_CLOSE_WAIT,
    TCP_FIN_WAIT_1,
    TCP_CLOSING,
    TCP_LAST_ACK,
    TCP_FIN_WAIT_2,
    TCP_TIME_WAIT,
    TCP_STATES
};
const char *tcp_state_name(enum tcp_state s); /* as netstat writes it; static */

/* As `netstat -s` tells them; the names are those of 4.4BSD's struct tcpstat. */
struct tcp_counts {
    uint64_t connattempt, accepts, connects, drops, conndrops, closed;
    uint64_t segstimed, rttupdated, delack;
    uint64_t timeoutdrop, rexmttimeo, persisttimeo, keeptimeo, keepprobe, keepdrops;
    uint64_t sndtotal, sndpack, sndbyte, sndrexmitpack, sndrexmitbyte;
    uint64_t sndacks, sndprobe, sndurg, sndwinup, sndctrl, sndrst, fastrexmit;
    uint64_t exported, imported, rcvlent, lost;
    uint64_t rcvtotal, rcvpack, rcvbyte, rcvbadsum, rcvbadoff, rcvbadopt, rcvshort;
    uint64_t rcvduppack, rcvdupbyte, rcvpartduppack, rcvpartdupbyte, rcvoopack, rcvoobyte;
    uint64_t rcvoodrop, rcvpackafterwin, rcvbyteafterwin, rcvafterclose, rcvwinprobe;
    uint64_t rcvurg, rcvdupack, rcvacktoomuch, rcvackpack, rcvackbyte, rcvwinupd;
    uint64_t pawsdrop, listendrop, nobody, softerrors;
    uint64_t rcvtaken, rcvrst, rcvbadrst, rcvbadack, rcvbadflags, rcvbadsyn;
};
/* Of an instance of TCP: they go on rising, and live as long as it. */
const struct tcp_counts *tcp_counts(const struct xk_protl *tcp);

/* How a connection stands, for measures and tests: numbers of bytes, relative to the first. */
struct tcp_view {
    enum tcp_state state;
    uint16_t my_port, peer_port;
    uint32_t mss;               /* bytes of data in a full segment */
    uint64_t cwnd, ssthresh;    /* congestion window, slow start threshold */
    uint64_t window;            /* that the peer gives */
    uint64_t flight, unsent;    /* sent and not acknowledged; not sent */
    sim_time srtt, rttvar, rto; /* 0: no sample yet; rto with its back-off */
    bool recovering;            /* fast recovery */
    bool scales, stamps;        /* agreed with the peer */
    bool lent;                  /* TCP7: all but the ports is what it was */
};
/* Do the parameters of an instance say that it is a guest? */
bool tcp_is_guest(const void *params);
/* Of a session of TCP. */
void tcp_look(const struct xk_sessn *s, struct tcp_view *out);

extern const struct xk_protl_ops tcp_protl;

#endif
