/* machipc_internal.h: private to os/proto/machipc/: state, and what is said by whom.
 *
 * Bottom to top: bytes.c answers and bytes, calls.c calls that find the pool full, portm.c, ssr.c,
 * lsr.c, rrx.c, parts.c messages longer than a call, output.c messages that go, input.c messages
 * that come, machipc.c the instance.
 */
#ifndef OS_PROTO_MACHIPC_MACHIPC_INTERNAL_H
#define OS_PROTO_MACHIPC_MACHIPC_INTERNAL_H

#include "os/mach/mach_wire.h"
#include "os/proto/machipc/machipc.h"
#include "os/proto/select/select.h"
#include "os/xk/peers.h"

#define XIPC_NOBODY UINT32_MAX
#define XIPC_PART 20 /* bytes before a part: number of the message, port, offset in its bytes */

/* Services of SELECT, and their procedures. */
enum xipc_service {
    XIPC_MACHIPC = 0x4d00,
    XIPC_SSR = 0x4d01,
    XIPC_LSR = 0x4d02,
    XIPC_RRX = 0x4d03,
    XIPC_PORTM = 0x4d04,
    XIPC_SERVICES = 5
};
enum { MACHIPC_MESSAGE, MACHIPC_ROOM, MACHIPC_PART, MACHIPC_LAST };
enum { SSR_RETURN };
enum { LSR_REGISTER, LSR_GIVE };
enum { RRX_MOVES, RRX_MOVED };
enum { PORTM_HELLO, PORTM_DEATH, PORTM_WHERE, PORTM_SPECIAL };

/* What the other side says: 8 bytes, with the node where it thinks the port is. */
enum xipc_answer {
    XIPC_DONE,
    XIPC_FULL,      /* done, and its queue has no room for more: MACHIPC_ROOM follows */
    XIPC_AGAIN,     /* it was done before */
    XIPC_ELSEWHERE, /* not here: its node tells when it is somewhere */
    XIPC_LATER,     /* a right that it carries is not to be found now */
    XIPC_DEAD,
    XIPC_LOST,     /* what it is about has been lost */
    XIPC_BAD,      /* it makes no sense */
    XIPC_CIRCULAR, /* it would wait for itself */
    XIPC_MORE,     /* it is a part of a message: the next */
    XIPC_ANSWERS
};

/* A node in one of its lives. */
struct xipc_node {
    uint32_t node, life;
};
#define XIPC_NOWHERE ((struct xipc_node){ XIPC_NOBODY, 0 })

struct xipc_out;
struct xipc_in;

struct xipc_peer { /* of a port: what the place knows of another node */
    uint32_t node, life;
    uint32_t lent; /* XIPC1 */
    uint64_t seq;  /* of the last message that was taken from there (XIPC3) */
    bool wants_room;
};
struct xipc_once {
    uint32_t token, node;
};

/* What the net keeps of a port: mach_record.own. */
struct xipc_port {
    struct xipc *n; /* NULL: not seen yet */
    struct mach_record *r;
    /* The place. */
    struct xipc_peer *peers;
    struct xipc_once *onces;
    uint32_t peer_count, once_count, token;
    uint32_t flying, flying_onces; /* rights in calls that are out */
    uint32_t telling;              /* nodes that have not heard yet that it is here */
    /* Other nodes. */
    struct xipc_node place, next; /* next: where it may be when that dies (XIPC4), or nowhere */
    uint32_t arrivals;            /* times that it came here: then numbers from before are void */
    uint32_t rooms;               /* times that it had room again */
    uint32_t told;                /* times that its place was told */
    uint32_t got, owed;           /* send rights that came; that are given back, or to be */
    uint32_t *tokens, token_count;
    struct list out; /* struct xipc_out: to it, in order */
    uint32_t out_count;
    bool full, asking, returning, pumping, again;
    uint64_t seen;    /* xipc.places when it was given back last */
    struct list owes; /* struct xipc.owing: until there is news */
    /* Its receive right is under way from here. */
    struct xipc_out *mover;
    struct mach_moved moved;
    bool taken, ended; /* it has arrived, they say; and has died there */
};

enum xipc_how { XIPC_NONE, XIPC_LENT, XIPC_PROXY, XIPC_HOME };
struct xipc_right { /* of a message that goes */
    struct mach_held *held;
    struct mach_wire_right w;
    struct xipc_port *x;
    uint32_t arrivals; /* x->arrivals when it took its number */
    uint8_t how;
};
struct xipc_image {
    struct mach_kmsg *k;
    struct xipc_right *rights; /* [0]: the destination */
    uint32_t count;
};
struct xipc_out {
    struct list link, stall, turn; /* of the port's; of those that wait for news; for the mover */
    struct xipc_port *to;
    enum mach_held_kind kind;
    uint64_t seq, places;  /* places: what was known when it went */
    struct xipc_node at;   /* where it goes: of its port at that time */
    uint32_t dest, told;   /* told: where all have been told that ports move */
    uint32_t heard, rooms; /* to->told and to->rooms when it went */
    uint32_t life;         /* of dest when it went */
    struct rope rest;      /* what of it has not gone, of a message longer than a call */
    uint32_t gone;         /* bytes that have */
    uint32_t asked;
    bool under_way, tried, stuck, destroyed, lost;
    struct xipc_image *images; /* [0]: the message; then those in the queues that move with it */
    uint32_t image_count;
    struct xipc_port **ports; /* that move with it, in the order of their images */
    struct xipc_right (*port_rights)[2];
    uint32_t port_count;
};

/* A message that comes: until all its rights are counted it has changed nothing. */
struct xipc_got {
    struct xipc_in *in;
    struct mach_wire_right *w;
    struct mach_held *held;
    struct xipc_port *x; /* counted; NULL: of none */
    enum { XIPC_GOT_NOTHING, XIPC_GOT_LENT, XIPC_GOT_HOME, XIPC_GOT_ASKED, XIPC_GOT_COUNTED } state;
    uint32_t tries, told;
};
struct xipc_arrival {
    uint64_t uid;
    struct xipc_port *x;
    struct mach_moved moved;
    struct mach_wire_right rights[2];
    struct xipc_peer *peers;
    struct xipc_once *onces;
    uint32_t peer_count, once_count, token, messages;
};
struct xipc_in {
    struct list link;
    struct xipc *n;
    struct select_request *q;
    uint32_t from, life;
    uint64_t seq;
    struct mach_wire *images; /* [0]: the message */
    struct xipc_arrival *ports;
    struct xipc_got *rights; /* but destinations */
    uint32_t image_count, port_count, right_count, pending;
    enum xipc_answer answer; /* XIPC_DONE as long as nothing is wrong */
    bool over;               /* its sender has died */
};

/* A message that comes in several calls: bytes that nobody has read. */
struct xipc_parts {
    struct list link;
    uint32_t from, life;
    uint64_t seq, uid; /* one of each node and port (XIPC3) */
    struct rope bytes;
};

struct xipc {
    struct xk_protl *self, *rpc;
    struct port *port;
    struct mach *m;
    const struct xipc_params *params;
    uint32_t me, next_uid;
    uint64_t seq, places;     /* places: times that one was told */
    struct list busy, failed; /* struct xipc_call */
    struct list hellos;       /* struct xipc_hello */
    struct port_timer tell, retry;
    struct list stalled, movers; /* struct xipc_out */
    struct list arriving;        /* struct xipc_in */
    struct list parts;           /* struct xipc_parts */
    struct list owing;           /* struct xipc_port */
    struct list where;           /* struct xipc_where */
    struct {
        uint64_t sent, received, again, elsewhere, full, lost, failed, returned, registered, moved,
            arrived, dead, deaths, peers, bad, circular, parts;
    } counts;
};

struct xipc_params {
    int64_t window;
    sim_time retry;
};

/* ---- bytes.c ---- */
void xipc_put32(struct rope *r, uint32_t v);
void xipc_put64(struct rope *r, uint64_t v);
/* False: it is too short. */
bool xipc_get32(struct rope *r, uint32_t *v) MUST_CHECK;
bool xipc_get64(struct rope *r, uint64_t *v) MUST_CHECK;
void xipc_put_right(struct rope *r, const struct mach_wire_right *w);
bool xipc_get_right(struct rope *r, struct mach_wire_right *w) MUST_CHECK;
void xipc_answer(struct select_request *q, enum xipc_answer a, uint32_t node);
enum xipc_answer xipc_read_answer(struct rope *reply, uint32_t *node);

/* ---- calls.c ---- */
/* A call that ends once, by done, never from inside; args is taken. */
void xipc_call(struct xipc *n, uint32_t host, uint32_t service, uint32_t procedure,
               struct rope *args, select_done_fn done, void *arg);
/* A call whose answer changes nothing. */
void xipc_tell(struct xipc *n, uint32_t host, uint32_t service, uint32_t procedure,
               struct rope *args);
void xipc_calls_init(struct xipc *n);
void xipc_later(struct xipc *n); /* what is stalled is tried again in a while */
/* Is it known in which life that node is?  Else it is asked, and there is news when it has said so:
 * what is counted for it before might be taken for what an earlier life had. */
bool xipc_met(struct xipc *n, uint32_t host);

/* ---- portm.c ---- */
/* What the net keeps of it; of a record that it sees for the first time it is at `place`. */
struct xipc_port *xipc_begin(struct xipc *n, struct mach_record *r, struct xipc_node place);
struct xipc_port *xipc_find(struct xipc *n, uint64_t uid); /* or NULL */
/* The same, or a new proxy of what is at `place`, with a reference of the caller. */
struct xipc_port *xipc_get(struct xipc *n, uint64_t uid, struct xipc_node place);
bool xipc_here(const struct xipc_port *x); /* the principal, alive */
bool xipc_knows_place(const struct xipc_port *x);
/* A proxy is dead: all that waits at it is destroyed. */
void xipc_kill(struct xipc_port *x);
void xipc_tell_all(struct xipc_port *x); /* who have rights: the port is dead */
void xipc_tell_death(struct xipc *n, struct xipc_port *x, uint32_t node);
void xipc_died(void *net, struct mach_record *r);
void xipc_gone(void *net, struct mach_record *r);
void xipc_special(void *net, uint32_t node, uint32_t which, struct mach_special_ask *a);
void xipc_portm_serve(void *arg, struct select_request *q, uint32_t procedure, struct rope *args);
/* The node where the port was, or others of its rights, has died. */
void xipc_lost_node(struct xipc_port *x, struct xipc_node ended);
/* A life of that node has ended. */
void xipc_peer_ended(struct xipc *n, struct xipc_node ended);
void xipc_where_again(struct xipc *n);
/* The port is at `node` for sure. */
void xipc_set_place(struct xipc_port *x, struct xipc_node at);
/* A node as it is known now; with whom it has been talked to. */
struct xipc_node xipc_now(const struct xipc *n, uint32_t node);
/* As one word of a right. */
uint32_t xipc_node_pack(struct xipc_node at);
struct xipc_node xipc_node_unpack(uint32_t word);

/* ---- ssr.c ---- */
struct xipc_peer *xipc_peer(struct xipc_port *x, uint32_t node);    /* made if there is none */
struct xipc_peer *xipc_peer_of(struct xipc_port *x, uint32_t node); /* or NULL */
void xipc_lend(struct xipc_port *x, uint32_t node);
void xipc_unlend(struct xipc_port *x, uint32_t node);
void xipc_once_put(struct xipc_port *x, uint32_t token, uint32_t node);
bool xipc_once_has(const struct xipc_port *x, uint32_t token, uint32_t node);
uint32_t xipc_lend_once(struct xipc_port *x, uint32_t node); /* its number */
/* The send-once right of that number, which that node has, is there no more.  False: it is not. */
bool xipc_once_take(struct xipc_port *x, uint32_t token, uint32_t node);
void xipc_lent(struct xipc_port *x); /* tells the kernel's part what is lent now */
/* A node has some right of it. */
bool xipc_has(const struct xipc_port *x, const struct xipc_peer *p);
void xipc_token_push(struct xipc_port *x, uint32_t token);
bool xipc_token_pop(struct xipc_port *x, uint32_t *token);
/* Gives back what is not needed any more. */
void xipc_return(struct xipc_port *x);
void xipc_no_local_senders(void *net, struct mach_record *r);
void xipc_ssr_serve(void *arg, struct select_request *q, uint32_t procedure, struct rope *args);
/* A node has died: nothing is lent to it. */
void xipc_peer_drop(struct xipc_port *x, struct xipc_node ended);

/* ---- lsr.c ---- */
/* A send right, or the send-once right `token` that `from` has, is to be counted as this node's.
 * LSR_GIVE: as that of `to`. */
void xipc_register(struct xipc *n, uint32_t place, uint64_t uid, uint32_t token, uint32_t from,
                   uint32_t to, select_done_fn done, void *arg);
/* The same here: DONE, DEAD, LOST, LATER, or ELSEWHERE. */
enum xipc_answer xipc_count(struct xipc_port *x, uint32_t token, uint32_t from, uint32_t to);
void xipc_lsr_serve(void *arg, struct select_request *q, uint32_t procedure, struct rope *args);

/* ---- rrx.c ---- */
/* The receive rights of a message may go to o->dest: they are out of the kernel's part, nothing of
 * them is under way elsewhere, and all have been told.  False: later. */
bool xipc_move_ready(struct xipc_out *o);
/* They have arrived there; they never will; they need not go, for the message's port is here. */
void xipc_move_done(struct xipc_out *o, struct xipc_node place);
void xipc_move_failed(struct xipc_out *o);
void xipc_move_home(struct xipc_out *o);
bool xipc_move_taken(const struct xipc_out *o); /* somebody has heard of them from there */
/* The port is here from now on: its receive right is *held, `in` comes with it, and what is counted
 * has been set. */
void xipc_arrive(struct xipc_port *x, struct mach_held *held, struct mach_moved *in);
void xipc_rrx_serve(void *arg, struct select_request *q, uint32_t procedure, struct rope *args);

/* ---- output.c ---- */
void xipc_image_init(struct xipc *n, struct xipc_image *i, struct mach_kmsg *k);
bool xipc_room(void *net, struct mach_record *r, struct mach_kmsg *k);
void xipc_send(void *net, struct mach_record *r, struct mach_kmsg *k);
void xipc_pump(struct xipc_port *x);
void xipc_stall(struct xipc_out *o);
void xipc_news(struct xipc *n); /* something has changed: what was stalled is tried again */
/* All that waits at a dead proxy is destroyed. */
void xipc_out_destroy_all(struct xipc_port *x);

/* ---- parts.c ---- */
/* All bytes of a message go as one call or as several, one after the other (XIPC6). */
void xipc_parts_send(struct xipc_out *o, struct rope *bytes, select_done_fn done);
/* A part was answered: the next has been sent.  False: there is none, or nobody for it. */
bool xipc_parts_next(struct xipc_out *o, enum xipc_answer a, select_done_fn done);
/* A part has come.  XIPC_MORE: others follow; XIPC_DONE: it was the last, and *args is the whole
 * message; else nothing of the message is kept. */
enum xipc_answer xipc_parts_take(struct xipc *n, uint32_t from, bool last, struct rope *args);
void xipc_parts_drop(struct xipc *n, struct xipc_node ended);

/* ---- input.c ---- */
void xipc_machipc_serve(void *arg, struct select_request *q, uint32_t procedure, struct rope *args);
void xipc_queue_room(void *net, struct mach_record *r);
/* What has come from that life and is not given to anybody yet is dropped. */
void xipc_arriving_drop(struct xipc *n, struct xipc_node ended);

#endif
