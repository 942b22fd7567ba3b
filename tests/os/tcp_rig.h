/* tcp_rig.h: TCP on the fake port: a layer of addresses below it, streams above it, and scripts of
 * segments.
 *
 * The layer below, `tip`, gives what IP gives and no more: a frame is the source's address, the
 * destination's, and the segment.  Node n has the address TIP_BASE + n.  Of two instances of TCP on
 * it the second, a guest, gets what is for connections that it has.
 */
#ifndef TESTS_OS_TCP_RIG_H
#define TESTS_OS_TCP_RIG_H

#include "os/proto/tcp/tcp.h"
#include "tests/os/xk_rig.h"

#define TIP_BASE 0x0a000001u
#define TIP_HEADER 8u
#define TIP_DRIVER 8u /* the driver's in front of it */
#define STREAMS 64

/* One end of a connection, as the upper sees it.  Byte i of what a node sends on its stream of
 * number k is pattern_byte(its seed, i). */
struct stream {
    struct xk_sessn *s; /* NULL: none, or closed */
    struct xk_sessn
        *lent;          /* the first TCP's, while the guest has the connection; NULL: it has not */
    bool opened;        /* by us */
    uint64_t seed;      /* of what is sent */
    uint64_t pushed;    /* bytes */
    uint64_t to_push;   /* in all; then it is finished */
    bool finish;        /* when all has been pushed */
    uint64_t from_seed; /* of what comes; 0: not looked at */
    uint64_t got;       /* bytes, that were right */
    uint64_t piece;     /* bytes of the last that came */
    uint64_t urgent;    /* what XK_TCP_GET_URGENT said in the last `ready` */
    uint32_t ready, ends, fails;
    enum xk_status why;     /* of the last failure */
    enum xk_status why_not; /* it was not moved */
};

struct streams { /* the state of the upper, of kind "streams" */
    struct stream at[STREAMS];
    uint32_t count;
    uint64_t accept_push, accept_seed, accept_from; /* for those that peers open */
    bool hold, refuse; /* asks for XK_TCP_HOLD; takes no reference of those */
    bool close_at_end; /* finishes when the peer has */
};

#define TCP_RIG(params)                                                                            \
    "mesh driver queue=64; ip tip <mesh; tcp tcp <ip " params "; user streams <tcp"

extern const struct xk_protl_ops tip_protl;
#define TCP_RIG_TWO(params)                                                                        \
    "mesh driver queue=%u; ip tip <mesh; tcp tcp <ip " params "; lib tcp <ip guest=true " params   \
    "; user streams <tcp <lib"

/* Timers of a network whose frames take milliseconds. */
#define TCP_QUICK "rto_min=10ms rto_first=100ms tick=1ms ack_delay=5ms msl=100ms persist_min=50ms "

/* A network that loses and doubles frames, and delays delay_ppm of them by up to delay_max. */
struct fake_options tcp_rig_lossy(uint64_t seed, uint32_t delay_ppm, sim_time delay_max);
void tcp_rig_protocols(void); /* graphs may have `tip` and `streams` */
void tcp_rig_start(struct rig *r, struct fake_options *o, const char *graph);
struct streams *tcp_streams(struct rig *r, uint32_t node);
const struct tcp_counts *tcp_rig_counts(struct rig *r, uint32_t node);
enum xk_status tcp_rig_listen(struct rig *r, uint32_t node, uint16_t port);
/* A stream from node to node; own: a port of its own, 0: any.  NULL with *why. */
struct stream *tcp_rig_open(struct rig *r, uint32_t node, uint32_t to, uint16_t own, uint16_t port,
                            enum xk_status *why);
/* Pushes what is to be pushed, as far as it is taken; `piece` bytes at a time. */
void tcp_rig_push(struct rig *r, uint32_t node, struct stream *x, uint64_t piece);
void tcp_rig_control(struct rig *r, uint32_t node, struct stream *x, enum xk_control_op op,
                     uint64_t u64);
/* The connection goes to the guest (down[1] of the user), or back; false: it cannot now. */
bool tcp_rig_move(struct rig *r, uint32_t node, struct stream *x);
/* The same, but first the block is changed by that, which says whether it is taken then. */
bool tcp_rig_move_changed(struct rig *r, uint32_t node, struct stream *x,
                          void (*change)(void *arg, struct rope *block), void *arg);
void tcp_rig_close(struct rig *r, uint32_t node, struct stream *x);

/* A segment of random bits, near what is right, comes to TCP on that node, from 0.2000 to 80. */
void tcp_rig_noise(struct rig *r, uint32_t node, uint64_t *state);

/* To the connection of that node from 0.2000 to 80 come `count` segments of one byte of the pattern
 * 8, with a hole before each. */
void tcp_rig_holes(struct rig *r, uint32_t node, uint32_t count);

/* ---- scripts ----
 *
 * Node 0 has TCP; the script is node 1's network.  One line a step:
 *   "! open" "! open_own 2000" "! listen" "! push 100" "! close" "! finish" "! abort" "! hold"
 *   "! consume 50" "! nodelay 1" "! urgent" "! user_timeout 2000"   what the upper does
 *   "! mtu 600" "! unreachable" "! refused" "! refused_old"
 *                                      what the layer below tells it of what was sent
 *   "< S 0:0 ack - win 4096 mss 512"   a segment comes
 *   "> S. 0:0 ack 1 win 8192 mss 512"  that, and nothing else before it, is sent
 *   "+ 200"                            so many milliseconds pass; nothing may be sent before
 *   "= ESTABLISHED"                    the state of the connection; "= gone": there is none
 *   "? got 100" "? ready 1" "? piece 10" "? urgent 3" "? ends 1" "? failed reset"
 *                                      what the upper has seen, or a counter of TCP
 * Numbers are relative to the first of each side: node 0's TCP_ISN, node 1's SCRIPT_ISN.
 */
#define TCP_ISN 4294967000u /* they come round soon */
#define SCRIPT_ISN 2147483000u
/* `params`: of TCP; `script`: lines ended by NULL. */
void tcp_script(const char *params, const char *const *script);

#endif
