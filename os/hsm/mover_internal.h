/* mover_internal.h: private to movers: what a drive has to do. */
#ifndef OS_HSM_MOVER_INTERNAL_H
#define OS_HSM_MOVER_INTERNAL_H

#include "os/hsm/call.h"
#include "os/hsm/mover.h"
#include "os/hsm/order.h"
#include "os/xk/msg.h" /* wire_put / wire_get */

enum { DEVICES_MAX = 256 };

struct run;
struct drive {
    struct mover *m;
    uint32_t device;
    struct list runs; /* the first is served */
};

struct mover {
    struct port *port;
    struct xk_protl *rpc;
    struct hsm_calls calls;
    struct hsm_sink *sink; /* of this node */
    const struct mover_params *params;
    const struct hsm_order_ops *order;
    struct drive drives[DEVICES_MAX];
    struct {
        uint64_t requests, failed, blocks, written, parities, copied, skipped, bytes, locates;
    } counts;
};

struct wanted {
    struct mover_request r;
    uint64_t done;   /* blocks that were read */
    uint32_t flying; /* pieces */
    bool over, told; /* no more is read of it; its asker knows */
    enum hsm_status status;
    uint64_t bad; /* the block of which it is so */
    /* Of one that is copied (mover_copy.c): */
    bool copied;
    struct mover_source from;
    struct run *run;
    uint64_t token;   /* of the sink that it comes to; 0: it was not asked for yet, or has come */
    uint64_t came;    /* bytes */
    struct list held; /* struct mover_part for which there was no room */
};

struct run {
    struct list link; /* in drive.runs */
    struct drive *drive;
    struct hsm_caller caller;
    char label[HSM_LABEL]; /* of the cartridge that it is for */
    uint32_t count, at;
    uint32_t flying, left; /* blocks on their way; requests not told of, */
    uint32_t telling;      /* and those of which the asker has not said that it knows */
    uint32_t *order;       /* `at` is in it */
    struct wanted *wanted;
    uint64_t position; /* the block that comes next on the tape */
    bool started, reading, dead;
    struct port_io io;
    /* of one that writes (mover_write.c): */
    uint64_t block; /* bytes; 0: it reads */
    struct list slots;
    uint32_t next, slot_count; /* next: request that is pulled next, and */
    uint64_t next_block;       /* its block */
    bool stopped, flushed;
    uint32_t asked; /* movers that have not said that they have read what was asked of them */
};

struct mover_part { /* of a block that is copied */
    struct list link;
    uint64_t offset; /* in its request */
    struct rope data;
    struct select_request *from; /* that is to be answered yet; NULL: it was */
};

struct slot {
    struct list link; /* in run.slots, in the order of the tape */
    struct run *run;
    uint32_t request, pulls; /* pulls: pieces that are to come */
    uint64_t block;          /* of the request */
    uint64_t left;           /* bytes that are to come, of one that is copied, */
    struct list parts;       /* and those that have come: struct mover_part, by offset */
    uint32_t count;          /* pieces of the block */
    struct rope pieces[];
};

/* MOVI1.  True: the run has ended with it. */
bool mover_tell(struct run *x, struct wanted *w);
/* The drive is of no use any more: what is left of the run ends so. */
void mover_give_up(struct run *x);
enum hsm_status mover_status(const struct port_io *io);

/* MOV4: it is in the drive. */
bool mover_has_medium(const struct run *x);

/* mover_copy.c: asks for the request's blocks, before the first slot of it. */
void mover_copy_begin(struct run *x, uint32_t request);
/* A slot of it was made: what has come for it goes there. */
void mover_copy_slot(struct slot *s);
void mover_part_free(struct run *x, struct mover_part *p);
/* Nothing more of it is wanted. */
void mover_copy_end(struct run *x, struct wanted *w);

/* mover_write.c: begins a run that writes. */
void mover_write(struct run *x);
/* No more is written; it ends soon. */
void mover_write_stop(struct run *x);
/* No more is written, of this request because of `s`, of those behind it because of that. */
void mover_write_stop_at(struct run *x, uint32_t request, enum hsm_status s);
/* Does what can be done now. */
void mover_write_on(struct run *x);

#endif
