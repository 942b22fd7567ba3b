/* tcp_internal.h: private to os/proto/tcp/: the wire image, a connection, and who does what.
 *
 *   tcp.c         the protocol object: parameters, counters, open, enable, control
 *   tcp_wire.c    segments to and from bytes: header, options, checksum
 *   tcp_conn.c    connections: their table, ports, beginning and end
 *   tcp_in.c      a segment arrives: RFC 793, pages 65 to 76
 *   tcp_ack.c     what an acknowledgement does, and the congestion window
 *   tcp_sack.c    selective acknowledgements
 *   tcp_early.c   data that came before what is in front of it
 *   tcp_out.c     what may be sent, and sending it
 *   tcp_timer.c   round trips and timers
 *   tcp_lend.c    a connection goes to another instance, and back
 *
 *   TCPI1  Code of a connection runs between tcp_enter and tcp_leave.  What its upper is to hear
 *       is noted, and told by the outermost tcp_leave, which then sends: an upcall finds a
 *       connection whose numbers are right, and may do anything to it.
 *   TCPI2  A message that comes while a connection of this instance is inside (below, to itself)
 *       waits until none is.
 */
#ifndef OS_PROTO_TCP_TCP_INTERNAL_H
#define OS_PROTO_TCP_TCP_INTERNAL_H

#include "os/proto/tcp/tcp.h"
#include "os/xk/map.h"

#define TCP_NUMBER 6 /* IP's [RFC 790] */
#define TCP_HEADER 20u
#define TCP_OPTIONS_MAX 40u
#define TCP_MSS_ASSUMED 536u            /* of who says nothing [RFC 1122, 4.2.2.6] */
#define TCP_MSS_LEAST 64u               /* however little a peer says: it may be hostile */
#define TCP_LONGEST (UINT64_C(1) << 30) /* a message: numbers are compared over half of 2^32 */
#define TCP_SCALE_MOST 14u              /* [RFC 1323, 2.3] */
#define TCP_DUPACKS 3u                  /* [RFC 2001, 3] */
#define TCP_EARLY_MOST 64u   /* stretches that are kept: a hostile peer makes many holes */
#define TCP_SACKS 4u         /* stretches that a segment tells: what its options have room for */
#define TCP_SACKED_MOST 32u  /* that are kept of what the peer tells */
#define TCP_STAMP_OPTION 12u /* with two bytes of padding */
#define TCP_STAMP_OLD (24 * 24 * 3600 * SIM_SEC) /* [RFC 1323, 4.2.3] */

enum { TCP_URGENT_LAST, TCP_URGENT_NEXT };
enum { TCP_PORT_NEXT, TCP_PORT_DRAWN };
enum { TCP_ISN_CLOCK = -1, TCP_ISN_HASH = -2 }; /* in place of a number */
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32 };

struct tcp_params {
    int64_t send_buffer, receive_buffer, mss, backlog, port_first, port_last, isn;
    int64_t tries, initial_window, keep_tries;
    sim_time rto_first, rto_min, rto_max, tick, ack_delay, override, persist_min, persist_max;
    sim_time msl, connect_time, user_timeout, linger, keep_idle, keep_interval, stamp_tick;
    bool nagle, window_scale, stamps, sack, keepalive, path_mtu, limited_transmit, guest;
    int congestion, urgent, port_choice;
};

struct tcp_range { /* numbers from `from` to before `to` */
    uint32_t from, to;
};

struct tcp_segment {
    uint16_t from, to; /* ports */
    uint32_t seq, ack, stamp, echo;
    uint16_t window, urgent, mss; /* mss: 0: no option */
    uint8_t flags, scale;
    bool has_scale, has_stamp, sack_ok;
    uint8_t sacks;
    struct tcp_range sack[TCP_SACKS];
    bool syn, pure; /* as it came: a SYN; nothing but an acknowledgement */
    struct rope data;
};
/* It takes so much of the sequence numbers. */
static inline uint32_t tcp_span(const struct tcp_segment *g)
{
    return (uint32_t)g->data.length + !!(g->flags & TCP_SYN) + !!(g->flags & TCP_FIN);
}

enum tcp_timer { TCP_REXMT, TCP_PERSIST, TCP_DELACK, TCP_KEEP, TCP_WAIT, TCP_TIMERS };

struct tcp_key { /* as bytes: no padding */
    uint32_t mine, peer;
    uint16_t my_port, peer_port;
};

/* What the upper is to hear (TCPI1), in this order. */
struct tcp_news {
    bool connected, urgent, finished, room, ended;
    enum xk_status why; /* of `ended` */
    struct rope data;
};

struct tcp_early { /* bytes that came before what is in front of them */
    struct list link;
    uint32_t seq, turn; /* turn: rises with each that comes */
    struct rope data;
};

struct tcp_conn {
    struct tcp_news *news; /* of the outermost tcp_enter; NULL: outside */
    struct list waiting;   /* the session below is full: in its list */
    struct tcp_key key;
    uint8_t state; /* enum tcp_state */
    uint8_t shift; /* back-off: times that it was sent again */
    uint8_t keep_sent;
    uint8_t dupacks;
    bool open : 1;    /* our SYN is acknowledged */
    bool user : 1;    /* the upper has a reference */
    bool told : 1;    /* that it has ended */
    bool passive : 1; /* a peer began */
    bool bound : 1;   /* in the table */
    bool holds : 1;   /* XK_TCP_HOLD */
    bool nodelay : 1; /* XK_TCP_NODELAY */
    bool finish : 1;  /* a FIN stands behind `out` */
    bool wants : 1;   /* the upper was answered XK_BUSY */
    bool drains : 1;  /* XK_TCP_GET_UNACKED: it waits for all to be acknowledged */
    bool ack_now : 1; /* an acknowledgement goes with the next segment, and at once */
    bool force : 1;   /* a timer says: send, however little the window holds */
    bool timing : 1;  /* a segment is timed */
    bool recovering : 1;
    bool sampled : 1;            /* srtt is one */
    bool scales : 1, stamps : 1; /* agreed, or in SYN-SENT: asked */
    bool sack_ok : 1;            /* the same of selective acknowledgements */
    bool urgent_out : 1;         /* bytes before snd_up are urgent */
    bool urgent_due : 1;         /* the peer is still to be told */
    bool urgent_in : 1;          /* bytes before rcv_up are, and have not all been given up */
    bool peer_fin : 1;           /* a FIN came, at early_fin */
    bool keepalive : 1;          /* XK_TCP_KEEPALIVE */
    bool lent : 1;               /* another instance has it: only the key stands */
    bool stalled : 1;            /* of a block: what was below it was full */
    uint8_t lent_to;             /* that gets its datagrams; 0: nobody else */
    /* sending: una <= nxt <= max (TCP3); base: the number of the first byte of `out` */
    uint32_t iss, una, nxt, max, base;
    uint32_t wnd, wnd_most, wl1, wl2; /* the peer's window; the largest; whence it is */
    uint32_t cwnd, ssthresh, recover;
    uint32_t high_rxt, snd_up; /* behind what was sent again in a recovery; behind the urgent */
    struct tcp_range *sacked;  /* TCPS1; NULL: nothing was ever told */
    uint8_t sacked_count;
    uint32_t mss, path_mss, peer_mss; /* what is sent; what fits the path; what the peer takes */
    uint8_t send_scale, receive_scale;
    uint16_t soft; /* enum xk_status: of ICMP, for when it gives up */
    uint32_t send_buffer, receive_buffer;
    struct rope out;
    /* receiving */
    uint32_t irs, rcv_nxt, adv, early_fin; /* adv: the edge of the window that the peer knows */
    uint32_t acked;                        /* the last number that was acknowledged */
    uint32_t held;                         /* bytes that the upper holds */
    uint32_t early_count, early_turn;
    uint32_t given, rcv_up; /* behind what the upper was given; behind the urgent */
    struct list early;      /* struct tcp_early by seq: neither overlaps nor touches the next */
    /* time */
    uint32_t timed;  /* the first number behind what is timed */
    uint32_t stamp;  /* our last: it does not go back */
    uint32_t recent; /* the peer's time stamp, of a segment at recent_at */
    sim_time timed_at, recent_at, heard, sent, opened;
    sim_time srtt, rttvar, rto;
    sim_time patience, waits; /* XK_TCP_USER_TIMEOUT; since when what is not acknowledged waits */
    sim_time due[TCP_TIMERS]; /* SIM_NEVER: not set */
    sim_time armed;           /* when `timer` goes off; SIM_NEVER: it does not */
    struct port_timer *timer; /* NULL: it is idle */
};

struct tcp_listener {
    struct xk_protl *upper;
    uint32_t embryos; /* connections that peers have begun and not completed */
    uint32_t most;    /* of these; XK_TCP_BACKLOG */
};

struct tcp_later { /* TCPI2 */
    struct list link;
    struct xk_sessn *lower; /* referenced */
    struct xk_msg msg;
};

struct tcp_state_of { /* an instance's */
    const struct tcp_params *params;
    struct xk_map conns;     /* struct tcp_conn by struct tcp_key */
    struct xk_map listeners; /* struct tcp_listener by port, in 4 bytes */
    uint32_t inside;         /* connections between tcp_enter and the outermost tcp_leave */
    struct list later;       /* struct tcp_later */
    struct port_timer turn;  /* of these */
    uint16_t port;           /* the next to try for an opener */
    uint64_t secret[2];      /* of TCP_ISN_HASH */
    struct tcp_counts counts;
};

/* ---- numbers modulo 2^32 ---- */
static inline bool tcp_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}
static inline bool tcp_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

static inline struct tcp_state_of *tcp_self(struct tcp_conn *t)
{
    return xk_sessn_of(t)->protl->state;
}
static inline struct port *tcp_port(struct tcp_conn *t)
{
    return xk_port(xk_sessn_of(t)->protl);
}
static inline const struct tcp_params *tcp_params_of(struct tcp_conn *t)
{
    return tcp_self(t)->params;
}
/* The number behind the last byte that was pushed: the FIN's. */
static inline uint32_t tcp_end(const struct tcp_conn *t)
{
    return t->base + (uint32_t)t->out.length;
}

/* ---- tcp_wire.c ---- */
/* Reads a segment that came; m is empty then.  false: it makes no sense, and is counted. */
bool tcp_load(struct tcp_state_of *st, struct port *p, uint32_t from, uint32_t to, struct xk_msg *m,
              struct tcp_segment *g);
/* Makes the message of a segment, whose data it takes. */
void tcp_store(struct port *p, uint32_t from, uint32_t to, struct tcp_segment *g, bool syn_scale,
               struct xk_msg *m);
/* The Internet checksum of a segment with its pseudo-header, whose field counts too; 0: it is good,
 * where the field is set. */
uint16_t tcp_sum(uint32_t from, uint32_t to, const struct rope *segment);

/* ---- tcp.c ---- */
/* Which ends a connection over `lower` has; false: it does not say. */
bool tcp_ends_of(struct xk_sessn *lower, struct tcp_key *key);

/* ---- tcp_conn.c ---- */
struct xk_sessn *tcp_open(struct xk_protl *self, struct xk_protl *upper, struct xk_parts peer,
                          enum xk_status *why);
/* A peer's SYN came to a listener; NULL: there is no room. */
struct tcp_conn *tcp_passive(struct xk_protl *self, struct tcp_listener *l, struct xk_sessn *lower,
                             const struct tcp_key *key, uint32_t iss);
uint32_t tcp_new_iss(struct xk_protl *self, const struct tcp_key *key);
/* By RFC 6528: of a clock of 4 us, and a hash of the ends. */
uint32_t tcp_hashed_iss(const uint64_t secret[2], const struct tcp_key *key, sim_time now);
void tcp_enter(struct tcp_conn *t, struct tcp_news *n);
void tcp_leave(struct tcp_conn *t, struct tcp_news *n);
void tcp_sessn_close(struct xk_sessn *s);
void tcp_finish(struct tcp_conn *t); /* the upper's: nothing more is pushed */
/* It has ended, and is out of the table; the upper, if it has one, is told why. */
void tcp_end_with(struct tcp_conn *t, enum xk_status why);
/* The same after a RST, if the peer has ever been heard. */
void tcp_drop(struct tcp_conn *t, enum xk_status why);
void tcp_time_wait(struct tcp_conn *t);
void tcp_established(struct tcp_conn *t);
void tcp_new_mss(struct tcp_conn *t); /* of what the path and the peer take */
void tcp_ask_path(struct tcp_conn *t);
struct tcp_listener *tcp_listens(struct tcp_state_of *st, uint16_t port);
uint64_t tcp_users(struct tcp_state_of *st, uint16_t port); /* XK_TCP_GET_USERS */

/* ---- tcp_in.c ---- */
void tcp_arrived(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m);

/* ---- tcp_ack.c ---- */
/* false: nothing more is to be done with the segment. */
bool tcp_got_ack(struct tcp_conn *t, const struct tcp_segment *g);
void tcp_cong_begin(struct tcp_conn *t);
void tcp_cong_timeout(struct tcp_conn *t);
void tcp_cong_idle(struct tcp_conn *t);
extern const char *const tcp_cong_names[];

/* ---- tcp_early.c ---- */
/* Keeps what it has not of the data, which is behind rcv_nxt; the rope is empty then. */
void tcp_early_put(struct tcp_conn *t, uint32_t seq, struct rope *data);
/* Moves what is in order now to the end of `to`; rcv_nxt is behind it. */
void tcp_early_take(struct tcp_conn *t, struct rope *to);
/* Drops what is at that number or behind it. */
void tcp_early_cut(struct tcp_conn *t, uint32_t end);
void tcp_early_drop(struct tcp_conn *t);

/* ---- tcp_sack.c ---- */
/* Writes what came early to the options of a segment that have `room` bytes. */
void tcp_sack_tell(const struct tcp_conn *t, struct tcp_segment *g, uint32_t room);
/* Notes what the peer tells; true: some of it is new. */
bool tcp_sack_take(struct tcp_conn *t, const struct tcp_segment *g);
void tcp_sack_forget(struct tcp_conn *t);
bool tcp_sack_recovers(const struct tcp_conn *t); /* by what was told */
uint32_t tcp_sack_pipe(const struct tcp_conn *t); /* bytes under way */
/* The next that is lost and was not sent again; false: there is none. */
bool tcp_sack_next(const struct tcp_conn *t, uint32_t *seq, uint32_t *len);

/* ---- tcp_out.c ---- */
void tcp_output(struct tcp_conn *t);
/* The first segment that is not acknowledged goes again. */
void tcp_resend_first(struct tcp_conn *t);
void tcp_probe_alive(struct tcp_conn *t);
uint32_t tcp_window(struct tcp_conn *t); /* bytes from rcv_nxt on */
/* A RST that answers a segment to nobody, or to a connection that is not it. */
void tcp_refuse(struct xk_protl *self, struct xk_sessn *lower, const struct tcp_key *key,
                const struct tcp_segment *g);
void tcp_send_reset(struct tcp_conn *t);

/* ---- tcp_lend.c ---- */
enum xk_status tcp_export(struct tcp_conn *t, struct xk_control *c);
enum xk_status tcp_import(struct tcp_conn *t, struct xk_control *c);
/* One that is lent is given up: it is CLOSED, and out of the table. */
void tcp_unlend(struct tcp_conn *t);

/* ---- tcp_timer.c ---- */
void tcp_resume(struct tcp_conn *t); /* its deadlines hold, whose timer was another's */
void tcp_timers_init(struct tcp_conn *t);
void tcp_set(struct tcp_conn *t, enum tcp_timer k, sim_time delay);
void tcp_cancel(struct tcp_conn *t, enum tcp_timer k);
void tcp_cancel_all(struct tcp_conn *t);
static inline bool tcp_is_set(const struct tcp_conn *t, enum tcp_timer k)
{
    return t->due[k] != SIM_NEVER;
}
sim_time tcp_backed_off(struct tcp_conn *t); /* the time-out as it is now */
void tcp_set_persist(struct tcp_conn *t);
void tcp_set_patience(struct tcp_conn *t, sim_time most);
void tcp_sample(struct tcp_conn *t, sim_time round_trip);
uint32_t tcp_stamp_now(struct tcp_conn *t);
void tcp_heard(struct tcp_conn *t); /* a segment of the connection came */
void tcp_keep(struct tcp_conn *t);  /* its silence is timed, if that is asked for */

#endif
