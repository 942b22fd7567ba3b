/* storage_internal.h: private to the storage server: its state. */
#ifndef OS_HSM_STORAGE_INTERNAL_H
#define OS_HSM_STORAGE_INTERNAL_H

#include "os/hsm/call.h"
#include "os/hsm/mover.h"
#include "os/hsm/pvl.h"
#include "os/hsm/storage.h"
#include "os/xk/map.h"
#include "os/xk/msg.h" /* wire_put / wire_get */

enum { STREAMS = STORAGE_CLASSES * STORAGE_STREAMS };
enum { TABLE_VOLUMES, TABLE_STREAMS };

/* A stream: what it appends to. */
struct stream {
    uint32_t current; /* the volume that is written; */
    bool kept;        /* it is that of programs */
    bool claimed;     /* no other stream looks at it, */
    bool known;       /* and its record was read; then */
    bool opening;     /* a thread looks for the next one */
    uint32_t life;
    uint64_t tail;               /* where the next append goes, */
    uint64_t committed;          /* and what its record says, or is about to; */
    uint32_t next_piece, pieces; /* the same of the number of appends */
    uint32_t placed;             /* appends that have a place and have not ended */
    bool broken; /* one failed, or the volume is full: new ones wait in `again` till all ended */
    bool full;   /* the tape has no room for more */
    struct list again;
};

struct storage {
    struct port *port;
    struct xk_protl *rpc;
    const struct storage_params *params;
    struct hsm_calls calls;
    struct pvl_client pvl;
    struct records *records;
    bool opened;
    struct list arrived; /* wants that no thread has taken yet */
    struct list asleep;  /* threads: struct sleeper */
    struct xk_map volumes, wants;
    uint64_t last;
    struct stream streams[STREAMS];
    uint32_t cursor[STORAGE_CLASSES]; /* where a blank volume is looked for next */
    struct {
        uint64_t requests, appends, copies, again, failed, rounds, mounts, bytes, blanked, degraded,
            mended;
    } counts;
};

struct want {
    struct list link; /* in storage.arrived, or its volume's queue, or its `out` */
    struct hsm_caller caller;
    enum storage_procedure op;
    struct storage_request r;
    struct storage_source from; /* of a copy */
    uint64_t all, tag; /* all: blocks that an append has, of which r.count get their place */
    uint32_t at;       /* a bit for each mover that has a part of it */
    uint32_t stream, piece;
    sim_time since;
    enum hsm_status worst;
    uint64_t bad; /* a read: the block of which that is so */
    bool written; /* an append: it is on the tape, and not in the catalogue yet */
    /* A read of a volume with parity (storage_mend.c): */
    uint64_t stopped[PVL_STRIPE]; /* cartridge k could not read this row, plus one; 0: it could */
    uint32_t rest;                /* bits: nor anything behind it */
    uint32_t mending;             /* others are asked for cartridge's rows, plus one; 0: none */
    uint64_t mended;              /* so many of them */
    uint32_t phase;               /* so often calls went out */
    uint32_t tries;
};

#define NO_SOURCE UINT32_MAX
struct volume {
    struct storage *s;
    uint32_t number, width, calls, round;
    struct storage_class class;
    enum { ASKED, OPEN } state;
    struct list queue, out;
    uint64_t job;
    uint32_t failed; /* a bit for each mover that, or whose drive, failed */
    uint32_t absent; /* cartridges that cannot be had; */
    enum hsm_status why;
    bool copying;    /* what is out is copied */
    uint32_t source; /* the volume of which blocks are copied, mounted with it; or NO_SOURCE */
    struct pvl_mount mount[PVL_STRIPE];
    struct pvl_mount from[PVL_STRIPE]; /* of the source */
};

/* An append, or a copy: it is written. */
static inline bool storage_writes(const struct want *w)
{
    return w->op == STORAGE_APPEND || w->op == STORAGE_COPY;
}

/* storage.c: ends it; an append's reply says where it lies. */
void storage_end(struct storage *s, struct want *w, enum hsm_status status);
/* For a thread. */
void storage_arrive(struct storage *s, struct want *w);
/* It waits for its volume from now on. */
void storage_wanted(struct storage *s, struct want *w);

/* storage_append.c, in threads.  Gives an append its place: the next on the volume that is written,
 * or on one behind it.  (blocks) */
void storage_append_place(struct storage *s, struct want *w);
/* STO3: what is on the tape comes into the catalogue.  (blocks) */
void storage_append_enter(struct storage *s, struct want *w);
/* A mover, or the library, did not do it. */
void storage_append_failed(struct storage *s, struct want *w);
/* The volume's record.  (blocks) */
enum file_status storage_volume_get(struct storage *s, uint32_t volume, struct storage_volume *v);
/* STORAGE_LIST, STORAGE_SCRATCH.  (block) */
void storage_list(struct storage *s, struct want *w);
void storage_scratch(struct storage *s, struct want *w);

/* What cartridge k has of blocks of the volume, for the want: its rows from `row` on; false:
 * nothing. */
bool storage_part(const struct volume *v, const struct want *w, uint32_t k, uint64_t row,
                  struct mover_request *r);
/* The mover of cartridge k gets `n` requests, of one want (`only`) or of all that are out. */
void storage_tell_mover(struct volume *v, uint32_t k, bool append, struct want *only, uint32_t n,
                        struct rope *list);

/* storage_copy.c.  Is what is copied there?  It gets its place then.  (blocks) */
void storage_copy(struct storage *s, struct want *w);
/* The source's cartridges, behind the volume's own n; how many all are. */
uint32_t storage_copy_ask(struct volume *v, struct pvl_mount *m, uint32_t n);
/* The job of both volumes has ended because of the source: true, and so have the copies of it. */
bool storage_copy_refused(struct volume *v, enum hsm_status status, const struct pvl_mount *m);
/* What comes next in the queue may go to the movers in one round with what is before it: true; the
 * first, `before` NULL, may if all drives that it needs are there. */
bool storage_copy_joins(const struct volume *v, const struct want *before, const struct want *w);
/* Where the blocks of the request come from, that cartridge k writes. */
struct mover_source storage_copy_from(const struct volume *v, const struct want *w, uint32_t k,
                                      const struct mover_request *r);

/* storage_mend.c.  The request of cartridge k ended so at `row`: can the others help? */
bool storage_stopped(struct volume *v, struct want *w, uint32_t k, enum hsm_status status,
                     uint64_t row);
/* What is to be asked of movers next, when none has a part of the read: true, that was asked. */
bool storage_mend(struct volume *v, struct want *w);
/* A read begins: what absent cartridges have is to be mended. */
void storage_mend_absent(struct volume *v, struct want *w);
/* The job has ended because of volumes: those are absent from now on.  True: reads can do without
 * them. */
bool storage_without(struct volume *v, enum hsm_status status, const struct pvl_mount *m);

/* storage_params.c */
extern const struct param storage_params_desc[];
bool storage_classes_load(struct storage_params *p, const char *path, struct err *e) MUST_CHECK;

#endif
