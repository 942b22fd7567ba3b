/* bitfile.h: a node's door to the bitfile server: files of the archive, by number.
 *
 * A bitfile is a row of bytes that is written once and lies on tape, in one segment or several, on
 * one volume or several.  Who asks names it by the number that its creation gave; where it lies is
 * the server's business, and changes when tapes are repacked.  Data does not pass through the
 * server: movers push it to this node, and pull it from here, directly.
 *
 *   BITF1  A call ends once, by `done`, never from inside bitfile_ask.
 *   BITF2  CREATE: with HSM_OK there is an empty bitfile of class `cos` (BITFILE_BY_SIZE: the first
 *       that takes files of `size`); its number is in `id`.  It outlives crashes.  No number is
 *       given twice, also not after a REMOVE.
 *   BITF3  WRITE: all `size` bytes of an empty bitfile, which `give` gives, or who is asked by
 *       `ask`, in any order, and maybe more than once.  With HSM_OK they are on tape and in the
 *       catalogue, in as many copies as its class says, and stay there whatever crashes.  With
 *       HSM_UNREACHABLE or HSM_CATALOGUE it is empty or written, STAT says which; with any other
 *       status it is as empty as before.
 *   BITF4  READ: with HSM_OK each byte of [offset, offset + length) has been given to `take` once,
 *       in any order.  With another status some may have been.
 *   BITF5  REMOVE: with HSM_OK there is no such bitfile any more, or there was none: who does not
 *       know how a call ended makes it again.  It waits for a WRITE of it that is under way.
 *
 *   BITF6  LIST: the bitfiles of an owner that are there, those included whose CREATE came from a
 *       life of this node that has ended; no other CREATE of such a life makes one later.
 *
 * So who moves files here writes the number that CREATE gave into records of its own before it
 * writes the bitfile; after a crash it removes those whose WRITE it did not see end, and what LIST
 * names and no record does.
 *
 * A status: HSM_NO_BITFILE, there is no such (any more); HSM_STATE, a WRITE of one that is written,
 * or a READ of one that is empty; HSM_RANGE, it does not have those bytes; HSM_NO_CLASS, no class
 * of that number, or for that size; HSM_MEDIUM, no copy of it can be read; HSM_FULL, no room.
 */
#ifndef OS_HSM_BITFILE_H
#define OS_HSM_BITFILE_H

#include "os/hsm/hsm.h"

struct bitfile_door; /* on one node */
/* What os_find gives of it is the node's door.  On the compute nodes, if no group is named; a node
 * of another group whose services need one has it listed before them, on that group. */
extern const struct os_service_ops bitfile_client_service;

enum bitfile_op {
    BITFILE_CREATE,
    BITFILE_WRITE,
    BITFILE_READ,
    BITFILE_REMOVE,
    BITFILE_STAT,
    BITFILE_REPACK, /* now, of full volumes of which no more than `size` percent is live; `id` out:
                       how many became blank */
    BITFILE_LIST,   /* of bitfiles of `owner` some, from the slot `id` on, which is then where it
                       goes on (UINT64_MAX: nowhere) */
    BITFILE_OP_COUNT
};
#define BITFILE_BY_SIZE UINT32_MAX
#define BITFILE_LISTED 64 /* by one LIST at most */

struct bitfile_stat {
    uint64_t size; /* bytes; 0 of an empty one */
    uint32_t cos;
    bool written;
    uint32_t copies, segments; /* segments: of all copies */
    uint32_t volume;           /* where its first byte lies, of its first copy, */
    uint64_t first;            /* and the block there */
    sim_time created, stored;  /* 0 of one that the archive had from the start */
};

/* Bytes of a WRITE that a mover waits for, and gets later. */
struct bitfile_pull {
    struct list link;        /* of the call's `pulls` */
    uint64_t offset, length; /* of the bitfile */
    struct rope data;        /* from there on, what has come so far: whoever answers puts it here */
    /* All have come; or fewer, and no more will: the WRITE ends then, with HSM_UNREACHABLE or as
     * its other copies say.  The pull is gone.  An upcall may make this. */
    void (*answer)(struct bitfile_pull *p);
};

struct bitfile_call {
    enum bitfile_op op;
    uint64_t id;             /* out of CREATE and REPACK */
    uint32_t cos;            /* of CREATE */
    uint64_t size;           /* of WRITE; of CREATE with BITFILE_BY_SIZE; of REPACK */
    uint64_t owner;          /* of CREATE and LIST: a number that only one has; 0: nobody's */
    uint64_t *found;         /* of LIST: room for BITFILE_LISTED numbers, */
    uint32_t found_count;    /* out: so many */
    uint64_t offset, length; /* of READ: bytes; not none */
    /* Of WRITE: appends `length` bytes from `offset` of the bitfile to out.  An upcall. */
    void (*give)(struct bitfile_call *c, uint64_t offset, uint64_t length, struct rope *out);
    /* When those bytes are there, asked once: the tape waits for them.  NULL: all are.  An upcall.
     */
    sim_time (*when)(struct bitfile_call *c, uint64_t offset, uint64_t length);
    /* Of WRITE, in place of `give`: one more of `pulls` waits; each is answered once, from here or
     * later, as long as the call has not ended: with its end they are gone.  An upcall. */
    void (*ask)(struct bitfile_call *c);
    struct list pulls; /* struct bitfile_pull, in the order in which they came; the door's list */
    /* Of READ: bytes from `offset` of the bitfile; data is its to take.  An upcall. */
    void (*take)(struct bitfile_call *c, uint64_t offset, struct rope *data);
    void (*done)(struct bitfile_call *c); /* an upcall, later; the call is the caller's again */
    void *arg;
    enum hsm_status status;   /* out */
    struct bitfile_stat stat; /* out of STAT */
    /* The door's while it is under way. */
    struct bitfile_door *door;
    uint64_t token, taken; /* at its sink; bytes of READ */
    struct list ranges;    /* that have been taken */
    void *waiting;
};
/* Never blocks.  The call is the door's until `done`. */
void bitfile_ask(struct bitfile_door *d, struct bitfile_call *c);
/* The same in a thread; its `done` is not used.  (blocks) */
enum hsm_status bitfile_wait(struct bitfile_door *d, struct bitfile_call *c);

#endif
