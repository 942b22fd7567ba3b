/* ranks_internal.h: private to ranks.c (a rank) and ranks_place.c (where they meet). */
#ifndef OS_PIO_RANKS_INTERNAL_H
#define OS_PIO_RANKS_INTERNAL_H

#include "os/pfs/hash.h"
#include "os/pio/ranks.h"
#include "os/xk/peers.h"

#define RANKS_SERVICE 0x500b /* service number at SELECT */

enum ranks_proc {
    RANKS_OP,     /* an op -> off, length, pointer */
    RANKS_JOIN,   /* size: limit */
    RANKS_LEAVE,  /* */
    RANKS_CUT,    /* the file may be shorter */
    RANKS_MEET,   /* a meeting's call -> the same with what it gives */
    RANKS_SPREAD, /* os/file/spread.h */
    RANKS_PROCS
};
enum { /* flags of an op, beside PIO_MODE_ */
       RANKS_WRITE = 16,
       RANKS_SIZED = 32, /* size: of the file, when cuts were those */
       RANKS_NEED = 64,  /* of an answer: it is needed */
       RANKS_ALIKE = 128 /* of a meeting's answer */
};

/* Big-endian: the ten short ones, the four long ones, length of the tag 4; then the tag. */
#define RANKS_HEAD 72
struct ranks_msg {
    uint32_t status, flags, what, mode, rank, ranks, round, cuts, own;
    uint64_t key, value, size, pointer;
    char tag[RANKS_TAG + 1];
};

struct ranks_group;
struct ranks {
    struct port *port;
    struct xk_protl *rpc;
    const struct os_layout *layout;
    struct spread *spread;
    sim_time retry_delay;
    struct list again; /* files whose op is to be asked once more */
    struct port_timer timer;
    /* the place */
    struct pfs_hash groups; /* by key */
    struct list meetings;
    uint32_t lowest_lost; /* rank of a node that has crashed */
    uint32_t rounds;      /* so far */
};

struct ranks_file {
    struct ranks *r;
    struct list again;
    uint64_t key, pointer;
    uint32_t rank, ranks;
    struct list ops;         /* the first is asking */
    struct ranks_group *own; /* of a file that has no others */
    void (*size)(struct ranks_op *op);
    void *arg;
};

/* A call at the place. */
struct ranks_call {
    struct list link;
    struct select_request *request; /* NULL: of this node's own file */
    struct ranks_file *file;
    struct ranks_msg m;
};
/* Ends a call of an own file. */
void ranks_took(struct ranks_file *f, const struct ranks_msg *m);
void ranks_store(struct rope *out, const struct ranks_msg *m);
bool ranks_load(struct rope *in, struct ranks_msg *m) MUST_CHECK;

struct ranks_group *ranks_group_own(struct ranks *r, uint64_t limit);
void ranks_group_drop(struct ranks *r, struct ranks_group *g);
void ranks_group_cut(struct ranks_group *g);
/* g: the file's own group; NULL: that of its key. */
void ranks_place_op(struct ranks *r, struct ranks_group *g, struct ranks_call *x);
void ranks_place_boot(struct ranks *r);

#endif
