/* cut_internal.h: private to the cuts of os/ckpt/: state of a rank, wire image, algorithms.
 *
 * Message of an algorithm, big-endian, over RDM; a marker of the sweep over its driver:
 *   0  u8   operation, 1 u8 of a marker of the sweep: its channel (cut_ns.c)
 *   4  u32  number of the cut, 8 u64 life of the cuts
 *  16       of STOPPED and DRAIN: { u32 rank, u32 messages } ...
 */
#ifndef OS_CKPT_CUT_INTERNAL_H
#define OS_CKPT_CUT_INTERNAL_H

#include "os/ckpt/cut.h"
#include "os/xk/map.h"

#define CUT_HEADER 16

enum cut_op {
    CUT_START = 1, /* to who begins */
    CUT_MARKER,    /* cl, ns */
    CUT_STOP,      /* sns: down the tree, */
    CUT_STOPPED,   /* up, with how many messages were sent to whom, */
    CUT_DRAIN,     /* down, with how many are to come, */
    CUT_SAVED,     /* up, */
    CUT_RESUME,    /* down */
    CUT_OPS
};

struct cut_header {
    uint8_t op, port;
    uint32_t number;
    uint64_t life;
};

struct cut_params {
    int algorithm; /* of cut_algorithms */
    const char *of;
    bool unordered, fallback;
    int64_t fanout;
};

/* How the machine agrees.  Each function runs in an upcall or in a call of cut.h. */
struct cut_ops {
    struct kind kind;
    bool everywhere;                       /* it passes all nodes, not ranks alone */
    bool ordered;                          /* it needs channels that keep their order */
    void (*init)(struct cut *c);           /* c->state; NULL: it needs none */
    uint32_t (*root)(const struct cut *c); /* the node at which all cuts begin; NULL: anywhere */
    void (*begin)(struct cut *c);          /* cut c->number begins here */
    void (*saved)(struct cut *c);          /* this rank has saved for it */
    void (*stopped)(struct cut *c);        /* this rank has stopped for it; NULL: none does */
    void (*came)(struct cut *c, uint32_t node, const struct cut_header *h, struct rope *body);
    void (*sent)(struct cut *c, uint32_t rank); /* a message of the job; NULL: it does not count */
    /* The last message of the epoch before that was under way to this rank itself has come; NULL:
     * it does not wait for these. */
    void (*own)(struct cut *c);
    void (*drop)(struct cut *c); /* the cut under way here has ended, or is given up */
};
extern const struct cut_ops cut_sns, cut_cl, cut_ns;

enum cut_phase { CUT_IDLE, CUT_STOPPING, CUT_WAITING, CUT_SAVING, CUT_OPEN };

struct cut {
    struct port *port;
    struct xk_protl *protl, *rdm, *driver; /* driver: NULL without a second instance below */
    const struct cut_params *params;       /* NULL: the service does not stand on this node */
    const struct cut_ops *ops, *named;     /* of this life; that of the parameters */
    const struct cut_ops *fallback;        /* of odd lives; NULL: none are */
    const struct os_layout *layout;
    const uint32_t *nodes;       /* of the ranks */
    uint32_t count, first, rank; /* first: in layout->ranks; rank OS_NO_RANK: it is none */
    uint32_t *ranks;             /* node -> rank; NULL: as the layout has them */
    struct cut_user user;
    enum cut_phase phase;
    uint32_t epoch;    /* of the last cut that this rank saved for */
    uint32_t number;   /* of the one under way, or of the last */
    uint32_t wanted;   /* the highest that is to be begun */
    uint32_t received; /* messages of the job in this epoch */
    /* Under way to this rank itself: sent in this epoch, and in the one before.  No marker closes
     * that channel; it is closed when what was sent has come. */
    uint32_t own, own_before;
    uint64_t life; /* of the cuts */
    bool dead;     /* it takes no part */
    void *state;   /* the algorithm's */
    struct {
        uint64_t cuts, starts, messages, markers, received, unsent, forced, ended, fallbacks;
    } counts;
};

/* What the service does on a node: `nodes` are the job's ranks, all of one group. */
void cut_boot(struct xk_protl *protl, const struct cut_ops *ops, const struct cut_params *params,
              const struct os_layout *l, const uint32_t *nodes, uint32_t count);

/* cut.c */
void cut_begin(struct cut *c, uint32_t number); /* if it is later than those begun */
void cut_snapshot(struct cut *c);               /* asks for it */
void cut_done(struct cut *c);                   /* this rank's part is complete */
void cut_push(struct cut *c, uint32_t node, enum cut_op op, struct rope *body); /* body: or NULL */
/* To the neighbour behind a channel of this node's router, by that (PORT_CONTROL). */
void cut_mark(struct cut *c, uint32_t node, uint8_t channel);
uint32_t cut_rank_of(const struct cut *c, uint32_t node); /* OS_NO_RANK: none */

#endif
