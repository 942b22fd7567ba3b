/* keep_internal.h: what the files of KEEP share: a file that has checkpoints, and its side files.
 * Calls marked (block) are made in the file's thread, or at boot. */
#ifndef OS_FILE_KEEP_INTERNAL_H
#define OS_FILE_KEEP_INTERNAL_H

#include "os/file/file_internal.h"
#include "os/xk/map.h"

#define KEEP_BATCH 61 /* blocks; ASSUMED(a header of 512 bytes) */
#define KEEP_DIRECTORY ".keep"

struct side {
    struct list link; /* of a file's, by number */
    uint64_t handle;
    uint32_t number;
    /* what it begins */
    uint64_t checkpoint, size;
    uint32_t block, newest, kept;
};

struct batch {
    uint64_t at;
    uint32_t count;
    uint64_t block[KEEP_BATCH];
};

struct kept {
    struct keep *k;
    uint64_t file;
    struct list sides, queue; /* queue: items; the first is being served */
    bool known;               /* what the sides say was read */
    bool busy;                /* a thread serves the queue */
    bool doubt;               /* a side file that could not be made may be there after a crash */
    bool untold;              /* the header of `last` may be on the device, or not */
    struct batch last;
    /* of the last side file */
    uint64_t end; /* where its next batch goes */
    uint64_t blocks;
    uint8_t *saved; /* a bit for each */
};

struct item {
    struct list link;
    struct file_req *r;
};

struct keep {
    struct file_sys sys; /* first */
    uint32_t block;
    struct xk_map files; /* by handle: struct kept */
    enum { NOT_LOADED, LOADING, LOADED } state;
    uint64_t dir;      /* 0: there is none yet */
    struct list early; /* items: requests that wait for that */
    struct list idle;  /* items: FLUSH of all, until no file is busy */
    uint32_t busy;
    struct port_timer again; /* for a thread */
    struct {
        uint64_t checkpoints, rollbacks, images, bytes;
    } counts;
};

/* A request of the layer's own to the system below. (blocks) */
enum file_status keep_ask(struct keep *k, enum file_op op, uint64_t file, uint64_t size,
                          struct file_req *q);
/* What the side files and their headers say is read, once. (blocks) */
enum file_status keep_know(struct kept *f);
/* Side files of these numbers, both included, go, also from the device. (blocks) */
void keep_prune(struct kept *f, uint32_t from, uint32_t to);
/* One is forgotten, here alone. */
void keep_drop_side(struct kept *f, struct side *x);
/* The first block from `from` on that the request changes and that is to be saved; UINT64_MAX:
 * none.  A SIZE changes what it cuts off. */
uint64_t keep_next_unsaved(const struct kept *f, const struct file_req *r, uint64_t from);
/* All of those are saved (KEEP1). (blocks) */
enum file_status keep_save(struct kept *f, const struct file_req *r);
/* Whether the caller may make a checkpoint of it, and go back. (blocks) */
enum file_status keep_allowed(struct kept *f, const struct file_req *r, struct file_req *stat);
/* As FILE_CHECKPOINT and FILE_ROLLBACK. (block) */
enum file_status keep_checkpoint(struct kept *f, const struct file_req *r);
enum file_status keep_rollback(struct kept *f, const struct file_req *r);

#endif
