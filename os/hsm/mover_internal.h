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
    const struct mover_params *params;
    const struct hsm_order_ops *order;
    struct drive drives[DEVICES_MAX];
    struct {
        uint64_t requests, failed, blocks, written, parities, skipped, bytes, locates;
    } counts;
};

struct wanted {
    struct mover_request r;
    uint64_t done;   /* blocks that were read */
    uint32_t flying; /* pieces */
    bool over, told; /* no more is read of it; its asker knows */
    enum hsm_status status;
    uint64_t bad; /* the block of which it is so */
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
};

/* MOVI1.  True: the run has ended with it. */
bool mover_tell(struct run *x, struct wanted *w);
/* The drive is of no use any more: what is left of the run ends so. */
void mover_give_up(struct run *x);
enum hsm_status mover_status(const struct port_io *io);

/* MOV4: it is in the drive. */
bool mover_has_medium(const struct run *x);

/* mover_write.c: begins a run that writes. */
void mover_write(struct run *x);
/* No more is written; it ends soon. */
void mover_write_stop(struct run *x);

#endif
