/* store_internal.h: private to os/vesta/store*.c.
 *
 *   VSOI1  block_refs and node_refs count: of a block the leaves in memory that name it, of a node
 *       the nodes and versions; of both one more for each place in a limbo or a hold of a request.
 *       0: it is free.
 *   VSOI2  A node is `stored` once it, all below it and all their blocks are on the medium; only
 *       one that is not stored and has one owner is changed.  `fresh` of a leaf has a bit for each
 *       block that no other node names: such a block is written in place.
 *   VSOI3  What a change drops goes to the limbo of its object, and is free when the next record is
 *       on the device.
 *   VSOI4  A commit runs inside a request that has its object for itself, so nothing changes
 *       meanwhile.
 *   VSOI5  A buffer is a block of the store of blocks (os/file/blocks.h) and of a device block;
 *       dirty it is newer than the device; one device request a buffer at a time.
 *   VSOI6  Callbacks and parked requests run from vst_run's loop alone, never while a request is
 *       submitted from outside it.
 */
#ifndef OS_VESTA_STORE_INTERNAL_H
#define OS_VESTA_STORE_INTERNAL_H

#include "os/file/blocks.h"
#include "os/vesta/store.h"
#include "os/xk/msg.h" /* wire_put / wire_get */

#include <string.h>

#define VST_SUPER_BYTES 64
#define VST_RECORD_BYTES 256
#define VST_NODE_BYTES 96
#define VST_LEVELS 8 /* 16^8 blocks */

struct vst_super {
    uint64_t fsid; /* drawn by the format: what an earlier format left does not count */
    uint32_t block, objects, nodes, blocks;
};

struct vst_record { /* an object as it lies on the device */
    uint64_t fsid, sequence;
    uint32_t slot, generation;
    bool used;
    char name[FILE_NAME_MAX + 1];
    uint8_t owner[FILE_OWNER_BYTES];
    uint32_t mode, uid, gid;
    sim_time mtime, ctime;
    uint64_t replaces, parent;
    struct {
        uint64_t number, size; /* number 0: there is none; of the current one: none either */
        uint32_t root;         /* node, 0: no blocks */
    } version[1 + VST_KEPT];   /* current, newest checkpoint, the one before */
};

struct vst_image { /* a node as it lies on the device */
    uint64_t fsid, owner;
    uint32_t level;
    uint32_t at[VST_FAN]; /* nodes, or blocks of level 0; 0: none */
};

struct vst_node {
    uint32_t at; /* its place in the node area, from 1 */
    uint8_t level;
    bool stored;
    uint16_t fresh;
    union {
        struct vst_node *kid[VST_FAN];
        uint32_t dev[VST_FAN];
    };
};

struct vst_version {
    uint64_t number, size;
    struct vst_node *root;
};

struct vst_gone { /* in limbo */
    uint32_t at;
    bool node;
};

struct vst_file {
    struct vst *vs;
    uint32_t slot, generation;
    bool used, creating, removing;
    struct vst_file *parent; /* a directory; NULL: it is the root */
    uint64_t in;             /* its handle, while a mount reads */
    uint32_t kids;           /* of a directory: what lies in it, and what will or may */
    char name[FILE_NAME_MAX + 1];
    struct list named; /* vst.names; in none: its name is another's already */
    uint32_t mode, uid, gid;
    sim_time mtime, ctime;
    uint8_t owner[FILE_OWNER_BYTES];
    uint64_t replaces; /* handle of the object that its last rename did away with */
    struct vst_version version[1 + VST_KEPT];
    uint32_t roots[1 + VST_KEPT]; /* while a mount reads */
    bool changed;                 /* the record is out of date */
    uint64_t sequence;            /* of the newest record on the device; its slot is sequence & 1 */
    struct block_file kept;       /* buffers */
    uint32_t writes;              /* device writes under way */
    struct vst_gone *limbo;
    uint32_t limbo_count, limbo_room;
    struct list waiting; /* vst_op.link */
    uint32_t readers;    /* requests that are active and only read */
    bool writer;         /* one that is active has it for itself */
    struct vst_op *committing;
};

static inline uint64_t vst_handle(const struct vst_file *f)
{
    return (uint64_t)f->generation << 32 | f->slot;
}

/* What a request moves of one block. */
struct vst_piece {
    uint64_t off, at; /* in the object; in the request's data */
    uint32_t len;
    uint32_t dev;  /* its block; 0: a hole */
    uint32_t hold; /* WRITE: the block that was there before, held */
    bool first;    /* WRITE: the block has just been given to the object */
    struct rope data;
};

/* A request under way. */
struct vst_op {
    struct file_req *req;
    struct vst *vs;
    struct vst_file *f;
    void (*step)(struct vst_op *o); /* goes on with it, until it ends or waits */
    struct list link, wait;
    struct vst_piece *pieces;
    uint32_t count, next, ahead; /* of the pieces */
    uint32_t more;               /* of a READ: blocks worth fetching behind it, */
    struct ahead_plan plan;      /* and farther away */
    struct rope data;            /* of a WRITE */
    struct rope base;            /* what the block of a piece had */
    bool has_base, base_failed;
    uint32_t pending;      /* requests or device requests that it waits for */
    struct vst_file *from; /* RENAME: the directory before */
    uint8_t phase;
    bool shared; /* it only reads */
    enum file_status status;
    /* a commit */
    uint8_t commit;
    bool record_used, failed;
    struct vst_node **nodes;
    uint32_t node_count, node_room;
    void (*then)(struct vst_op *o);
};

/* One device request. */
struct vst_io {
    struct port_io io;
    struct vst *vs;
    struct vst_file *f; /* a write: of whom */
    struct vst_op *op;  /* that pays for it, or NULL */
    struct block **bufs;
    uint32_t count;
};

struct vst {
    struct file_sys sys; /* first */
    struct port *port;
    uint32_t dev;
    void (*const *steps)(struct vst_op *o); /* by op: its first step, at its turn */
    bool up;
    enum file_status failed; /* says so to every request */
    struct vst_params params;
    struct vst_super super;
    uint32_t sector_bytes, block_sectors, record_sectors;
    uint64_t node_sector; /* of node 1 */
    uint32_t first_data;  /* block */
    uint32_t max_io_blocks, max_io_nodes;
    bool volatile_writes;   /* of the device */
    uint64_t written, safe; /* writes that ended; of those on the medium for certain */
    uint8_t *block_refs, *node_refs;
    uint32_t free_blocks, free_nodes, next_node;
    struct vst_file **files;
    uint32_t first_free; /* no place of an object below it is */
    struct list *names;  /* by name, super.objects lists */
    struct vst_op *renaming;
    struct list name_waiters;
    struct list early, ready, completed; /* vst_op.wait */
    struct blocks store; /* the buffers, by device block; valid as a whole or not at all */
    struct list buf_waiters;
    bool running;
    struct port_timer flush_timer, answer_timer;
    struct {
        uint64_t device_reads, device_writes, buffer_hits, copied_bytes;
        uint64_t blocks_copied, nodes_written, commits, checkpoints, rollbacks;
    } counts;
};

extern const struct file_ops file_vesta_store;

/* store_disk.c */
uint32_t vst_record_sectors(uint32_t sector_bytes);
uint64_t vst_node_sector(const struct vst_super *s, uint32_t sector_bytes);
uint32_t vst_first_data(const struct vst_super *s, uint32_t sector_bytes);
void vst_super_store(uint8_t out[VST_SUPER_BYTES], const struct vst_super *s);
bool vst_super_load(const uint8_t in[VST_SUPER_BYTES], struct vst_super *s);
void vst_record_store(uint8_t out[VST_RECORD_BYTES], const struct vst_record *r);
bool vst_record_load(const uint8_t in[VST_RECORD_BYTES], uint64_t fsid, struct vst_record *r);
void vst_node_store(uint8_t out[VST_NODE_BYTES], const struct vst_image *n);
bool vst_node_load(const uint8_t in[VST_NODE_BYTES], uint64_t fsid, struct vst_image *n);

/* store_tree.c */
uint32_t vst_lookup(const struct vst_node *root, uint32_t blk); /* its device block, or 0 */
struct vst_node *vst_node_new(struct vst *vs, uint32_t at, uint8_t level);
/* Whether blocks [from, to) of the current version, `fresh` of them in place, can be written with
 * what is free. */
bool vst_fits(const struct vst_file *f, uint32_t from, uint32_t to, uint32_t need);
bool vst_is_fresh(const struct vst_file *f, uint32_t blk);
/* A block of the current version that may be written: the one that is there when it is fresh, else
 * another; *old is then the one before, and held (0: none). */
uint32_t vst_own(struct vst_file *f, uint32_t blk, uint32_t *old);
void vst_disown(struct vst_file *f, uint32_t blk, uint32_t old); /* it is `old` again */
void vst_drop_block(struct vst_file *f, uint32_t dev);           /* one reference less */
void vst_cut(struct vst_file *f, uint32_t from); /* the current version has no block from there */
void vst_version_share(struct vst *vs, struct vst_version *to, const struct vst_version *from);
void vst_version_drop(struct vst_file *f, struct vst_version *v);
void vst_limbo_release(struct vst_file *f);

/* store_buf.c */
static inline struct vst_file *vst_file_of(const struct block *b)
{
    return CONTAINER_OF(b->f, struct vst_file, kept);
}
static inline struct block *vst_buf_find(struct vst *vs, uint32_t dev)
{
    return vs->store.count > 0 ? blocks_look(&vs->store, 0, dev) : NULL;
}
static inline bool vst_buf_busy(const struct block *b)
{
    return b->reading || b->out.count > 0;
}
void vst_buf_init(struct vst *vs);
void vst_buf_sized(struct vst *vs); /* the size of a block is known */
/* One that is there and idle, or a new one; NULL: the request was parked. */
struct block *vst_buf_get(struct vst_op *o, uint32_t dev);
void vst_buf_clean(struct vst *vs, struct block *b); /* what it has is nobody's any more */
/* Reads device block `dev` and up to want - 1 behind it into new buffers; how many. */
uint32_t vst_buf_fill(struct vst_file *f, uint32_t dev, uint32_t want, struct vst_op *o);
void vst_buf_dirty(struct vst *vs, struct block *b, struct vst_file *f, struct rope *data);
bool vst_buf_flush_file(struct vst_file *f); /* device requests were begun for its dirty buffers */
/* A device request; `done` as in port.h. */
struct vst_io *vst_io_new(struct vst *vs, enum port_io_op op, uint64_t sector, uint32_t sectors,
                          void (*done)(struct port_io *io));
void vst_io_start(struct vst_io *io);
/* Its end: frees it; true when it was good. */
bool vst_io_end(struct vst_io *io);

/* store_run.c */
void vst_begin(struct vst *vs, struct file_req *r);
void vst_opened(struct vst *vs, enum file_status status);
void vst_complete(struct vst_op *o, enum file_status status);
void vst_park(struct vst_op *o, struct list *waiters);
void vst_wake(struct vst *vs, struct list *waiters);
void vst_ready(struct vst_op *o);  /* goes on with it */
void vst_waited(struct vst_op *o); /* one that is `pending` less */
void vst_run(struct vst *vs);
void vst_enter(struct vst_op *o, struct vst_file *f);            /* into the queue of f */
struct vst_file *vst_by_handle(struct vst *vs, uint64_t handle); /* in use, or NULL */
void vst_changed(struct vst_file *f);
/* Whether the mode gives the caller these rights: bits of 04, 02, 01.  NULL: the root gives all. */
bool vst_may(const struct file_req *r, const struct vst_file *f, uint32_t bits);
void vst_run_init(struct vst *vs);
/* A request of the store's own; `o` (NULL: nobody) waits for it by `pending`, and takes a failure
 * over. */
void vst_internal(struct vst *vs, enum file_op op, uint64_t file, struct vst_op *o);
/* FLUSH of all objects that have something to commit; the request waits for them. */
void vst_flush_all(struct vst *vs, struct vst_op *o);

/* An object is made where one is gone. */
static inline void vst_place_free(const struct vst_file *f)
{
    if (f->slot < f->vs->first_free)
        f->vs->first_free = f->slot;
}

/* store_commit.c */
/* Brings the object of the request, which has it for itself, to the device (`used` false: that it
 * is gone); then goes on at `then`, with a status. */
void vst_commit(struct vst_op *o, bool used, void (*then)(struct vst_op *o));
static inline bool vst_uncommitted(const struct vst_file *f)
{
    return f->changed || f->kept.dirty > 0;
}
void vst_step_flush(struct vst_op *o);
void vst_step_checkpoint(struct vst_op *o);
void vst_step_rollback(struct vst_op *o);
void vst_step_remove(struct vst_op *o);
/* What its record says it replaces is not gone yet, and no other record may say less: the request,
 * of the mover, was parked. */
bool vst_must_wait(struct vst_op *o);

/* store_io.c */
void vst_step_read(struct vst_op *o);
void vst_step_write(struct vst_op *o);
void vst_step_size(struct vst_op *o);
void vst_step_hint(struct vst_op *o);

/* store_fsck.c */
void vst_look(struct port *p, const struct vst_params *params); /* what is on the device */

/* store_name.c */
bool vst_name_add(struct vst_file *f); /* false: its name is another's */
struct vst_file *vst_file_new(struct vst *vs, uint32_t slot);
void vst_step_name(struct vst_op *o); /* CREATE, LOOKUP, LIST, RENAME */
void vst_step_stat(struct vst_op *o);
void vst_step_change(struct vst_op *o);

#endif
