/* lfs_internal.h: private to os/lfs/.
 *
 *   LFSI1  The free map has a bit for every block that is in no extent and no reservation.
 *   LFSI2  A file's extents are sorted, disjoint, and merged where they continue each other.
 *   LFSI3  An extent is `written` only when its blocks hold the file's bytes on the device, so an
 *       inode record made at any moment is true of the device.
 *   LFSI4  extents + 2 * (dirty buffers + device writes under way) <= what a record holds, for each
 *       file: marking a range written adds two extents at most, so a record always fits.
 *   LFSI5  Blocks of a cut or removed file become free only when the record without them is on the
 *       device.
 *   LFSI6  A buffer is a block of the store (os/file/blocks.h), valid as a whole or not at all;
 *       dirty it is newer than the device; one device request per buffer at a time.
 *   LFSI7  Callbacks and parked requests run from lfs_run's loop alone, and never while a request
 *       is submitted from outside it: no recursion.
 *   LFSI8  On a device with volatile writes a record is written when all data that it speaks of is
 *       on the medium, and counts as stored when it is there itself.
 *   LFSI9  Fragments are in an extent only when they hold the bytes: a tail that grows gets its
 *       next place (lfs_file.next) beside the one it has, a flush writes it there, and then the
 *       extent says so and the old place is cut (LFSI5).  Both may begin with the same fragments.
 *   LFSI10  Where a write has failed by which a name was to change, the device may tell of
 *       the new name or the old: the record is in doubt.  It is written anew before another name
 *       changes and before a flush ends: so no record that counts ever contradicts it.  A file
 *       that a rename has replaced is gone when the mover's record says so: its own may stay in
 *       doubt, and its blocks are cut (LFSI5).
 */
#ifndef OS_LFS_LFS_INTERNAL_H
#define OS_LFS_LFS_INTERNAL_H

#include "os/file/blocks.h"
#include "os/lfs/lfs.h"
#include "os/xk/msg.h" /* wire_put / wire_get */

#define LFS_NAME_MAX FILE_NAME_MAX
#define LFS_OWNER_BYTES FILE_OWNER_BYTES

#define LFS_SUPER_BYTES 64
#define LFS_RECORD_HEADER 208
#define LFS_EXTENT_BYTES 16
#define LFS_NO_BLOCK UINT32_MAX
#define LFS_FRAGS_MAX 64    /* of a block */
#define LFS_TAIL_BLOCKS 12u /* of a file, which may lie in fragments: the direct ones of FFS */

struct lfs_super {
    uint64_t fsid; /* drawn by the format: records of an earlier format do not count */
    uint32_t block, inode, files, blocks, fragment;
};

struct lfs_extent {
    uint32_t blk; /* first block in the file */
    uint32_t dev; /* first block on the device */
    uint32_t count;
    bool written;
    uint8_t frag, frags; /* of its one block: the first, how many; 0: all of its blocks */
};

struct lfs_record { /* an inode as it lies on the device */
    uint64_t fsid, sequence;
    uint32_t ino, generation;
    bool used;
    uint64_t size;
    char name[LFS_NAME_MAX + 1];
    uint8_t owner[LFS_OWNER_BYTES];
    uint32_t extents;
    uint32_t mode, uid, gid;
    sim_time mtime, ctime;
    uint64_t parent, replaces;
};

struct lfs_file {
    struct lfs *fs;
    uint32_t ino, generation;
    bool used;
    char name[LFS_NAME_MAX + 1];
    struct lfs_file *parent; /* a directory; NULL: it is the root */
    uint64_t in;             /* its handle, while a mount reads records */
    struct list named;       /* lfs.names */
    uint32_t kids;           /* of a directory: what lies in it, and what will or may */
    bool removing, moving;   /* a REMOVE, a RENAME of it is under way */
    uint64_t replaces;       /* the file that its last rename did away with */
    uint32_t mode, uid, gid;
    sim_time mtime, ctime;
    uint8_t owner[LFS_OWNER_BYTES];
    uint64_t size;
    struct lfs_extent *ext;
    uint32_t ext_count, ext_room;
    struct lfs_extent *next; /* LFSI9: places of one block each */
    uint32_t next_count;
    uint32_t resv_dev, resv_count; /* blocks set aside behind the last allocated one */
    struct block_file kept;        /* its buffers, and how many are dirty (LFSI4) */
    uint32_t inflight;             /* device writes (LFSI4) */
    bool failed_write;             /* a delayed write failed and nobody was told yet */
    struct list active, waiting;   /* lfs_op.link */
    uint32_t exclusive;            /* of both lists, those that are */
    /* the record on the device */
    uint64_t sequence;        /* of the newest record there; its slot is sequence & 1 */
    uint64_t version, stored; /* changes in memory; the change that the record has */
    bool storing;
    struct list changed; /* lfs.changed: the record is not the newest, and is not on its way */
    struct list store_waiters; /* lfs_op.wait */
    bool creating;             /* its first record is not on the device yet */
    struct list doubt;         /* lfs.doubts (LFSI10) */
    struct lfs_extent *cut;    /* LFSI5: free once `stored` has reached cut_version */
    uint32_t cut_count;
    uint64_t cut_version;
};

static inline uint64_t lfs_handle(const struct lfs_file *f)
{
    return (uint64_t)f->generation << 32 | f->ino;
}

/* A stretch of a request's list: bytes in a row in the file and in the data. */
struct lfs_stretch {
    uint64_t off, len;
    uint64_t at;  /* in the data */
    uint32_t dev; /* where its first block lies on the device; of a hole: 0 */
};

/* A RENAME that is under way. */
struct lfs_move {
    struct lfs_file *f, *from, *to; /* what moves; its directories */
    struct lfs_file *target;        /* what it replaces, or NULL */
    char name[LFS_NAME_MAX + 1];    /* that it had */
};

/* A request under way. */
struct lfs_op {
    struct file_req *req;
    struct lfs *fs;
    struct lfs_file *f;
    void (*step)(struct lfs_op *o); /* goes on with it, until it ends or waits */
    struct list link, wait;
    struct list pieces;           /* of a READ */
    struct lfs_stretch *list;     /* NULL: one stretch, that which follows */
    uint32_t listed, next, ahead; /* of the list: how many, the one after this, looked at */
    uint64_t at;                  /* where the data of [pos, end) begin */
    uint64_t pos, end;            /* of the stretch what is left */
    uint64_t last;                /* of a WRITE: the end of all */
    uint32_t blk_from, blk_to;    /* blocks locked: [from, to) */
    uint32_t more;                /* of a READ's stretch: blocks worth fetching behind it, */
    struct ahead_plan plan;       /* and farther away */
    uint32_t pending;             /* device requests under way */
    struct lfs_move *move;
    uint8_t phase;
    bool settling; /* it waits for a record in doubt */
    bool exclusive;
    enum file_status status;
};

/* What a READ has found so far. */
struct lfs_piece {
    struct list link; /* lfs_op.pieces */
    struct rope data;
    uint64_t at; /* in the request's data */
};

/* One device request. */
struct lfs_io {
    struct port_io io;
    struct lfs *fs;
    struct lfs_file *f;
    struct lfs_op *op; /* that pays for it, or NULL */
    bool waits;        /* the op waits for it by `pending` */
    bool alone;        /* it goes with no other */
    struct list link;  /* lfs.held, or of those that went as one */
    sim_time held_since, held_for;
    void (*ended)(struct lfs_io *io, bool good);
    struct lfs_piece *piece; /* for what is read */
    struct block **bufs;     /* that it fills or writes; or NULL */
    uint32_t blk, count;
};

struct lfs {
    struct file_sys sys; /* first */
    struct port *port;
    uint32_t dev;
    bool up;                 /* it is mounted, or is not and */
    enum file_status failed; /* says so to every request */
    struct list early;       /* lfs_op.wait: came before that */
    struct list spare;       /* lfs_op.wait: for the next requests */
    struct lfs_params params;
    struct lfs_super super;
    uint32_t sector_bytes, block_sectors;
    bool volatile_writes;    /* of the device */
    uint64_t written, safe;  /* LFSI8: its writes that ended; of those on the medium for certain */
    uint32_t first_data;     /* first block behind the inode table */
    uint32_t max_io_blocks;  /* of one device request */
    uint32_t record_extents; /* that fit in a record */
    uint32_t frags;          /* of a block; 1: there are none */
    uint64_t *map;           /* a bit per fragment, 1: free */
    uint32_t free_count;     /* blocks that are free whole; reservations are not free here */
    uint32_t free_from;      /* no block before it is */
    uint32_t frag_free;      /* free ones in blocks that are not free whole */
    uint32_t frag_at;        /* the block where the last were found */
    uint32_t frag_runs[LFS_FRAGS_MAX]; /* how many such blocks have so many in a row at most */
    struct lfs_file **files;           /* by inode, file_room of them: none behind is or was used */
    uint32_t file_room;
    struct list changed; /* lfs_file.changed */
    struct lfs_file *root;
    struct list *names;         /* of files by parent and name, name_count lists */
    uint32_t name_count, named; /* named: files in them */
    uint32_t free_ino;          /* all before it are used */
    struct lfs_op *renaming;    /* one at a time */
    struct list name_waiters;   /* lfs_op.wait: for its end */
    struct list doubts;         /* lfs_file.doubt */
    struct blocks store;        /* the buffers; whole blocks of them are valid, or none */
    struct list buf_waiters;    /* lfs_op.wait: for any buffer */
    struct list ready;          /* lfs_op.wait: to be stepped */
    struct list completed;      /* lfs_op.wait: done to be called */
    bool running;
    struct list held; /* lfs_io.link: wait for the device, in its order */
    uint32_t sent;    /* requests for data that the device has */
    uint64_t arm;     /* sector behind the last of them */
    struct port_timer flush_timer, answer_timer;
    uint32_t reserved; /* blocks set aside for growing files, still free */
    struct {
        uint64_t fast_bytes, copied_bytes, device_reads, device_writes, buffer_hits, coalesced,
            used, fragments;
    } counts;
};

/* Its name is nobody's any more. */
static inline void lfs_name_remove(struct lfs_file *f)
{
    f->fs->named -= !list_empty(&f->named);
    list_remove(&f->named);
}

extern const struct file_ops file_lfs; /* lfs_mount.c */

/* lfs_disk.c */
void lfs_super_store(uint8_t out[LFS_SUPER_BYTES], const struct lfs_super *s);
bool lfs_super_load(const uint8_t in[LFS_SUPER_BYTES], struct lfs_super *s);
size_t lfs_record_bytes(const struct lfs_record *r); /* that are not zeros for certain */
/* Writes those of a record of `size` bytes: all behind them are zeros. */
void lfs_record_store(uint8_t *out, size_t size, const struct lfs_record *r,
                      const struct lfs_extent *ext);
/* False when it is no valid record of this file system.  *ext points to nothing; extents are read
 * by lfs_record_extent. */
bool lfs_record_load(const uint8_t *in, size_t size, uint64_t fsid, struct lfs_record *r);
struct lfs_extent lfs_record_extent(const uint8_t *in, uint32_t i);

/* lfs_alloc.c */
bool lfs_map_free(const struct lfs *fs, uint32_t dev);
bool lfs_map_take(struct lfs *fs, uint32_t dev, uint32_t count); /* false: one was not free */
void lfs_map_give(struct lfs *fs, uint32_t dev, uint32_t count);
uint64_t lfs_map_bits(const struct lfs *fs, uint32_t dev); /* of its fragments */
/* What an extent has, blocks or fragments. */
bool lfs_take(struct lfs *fs, const struct lfs_extent *x);
void lfs_give(struct lfs *fs, const struct lfs_extent *x);
/* n fragments of a block in a row, taken; false: there are none. */
bool lfs_take_frags(struct lfs *fs, uint32_t n, struct lfs_extent *x);
uint32_t lfs_take_block(struct lfs_file *f, uint32_t blk); /* or LFS_NO_BLOCK */
/* How block `blk` of a file lies: its device block or LFS_NO_BLOCK, whether it is written, and how
 * many blocks from it on continue alike. */
struct lfs_where {
    uint32_t dev, run;
    bool written;
    uint8_t frag, frags; /* as in lfs_extent */
    bool moves;          /* it has a next place */
};
struct lfs_where lfs_where(const struct lfs_file *f, uint32_t blk);
void lfs_ext_put(struct lfs_file *f, uint32_t blk, uint32_t dev, uint32_t count, bool written);
void lfs_ext_set(struct lfs_file *f, struct lfs_extent x);
void lfs_ext_cut(struct lfs_file *f, uint32_t from, uint32_t to);
void lfs_ext_written(struct lfs_file *f, uint32_t blk, uint32_t count);
struct lfs_extent *lfs_next(const struct lfs_file *f, uint32_t blk); /* LFSI9, or NULL */
void lfs_cut_add(struct lfs_file *f, struct lfs_extent x); /* the change is lfs_changed already */
uint32_t lfs_ext_room(const struct lfs_file *f); /* LFSI4: extents that may still be added */
/* Blocks for those of [from, to) that have none, lfs_alloc_fits: whether there are `need`, if
 * need be by giving back what is set aside for others. */
uint32_t lfs_holes(const struct lfs_file *f, uint32_t from, uint32_t to);
bool lfs_alloc_fits(struct lfs_file *f, uint32_t need);
enum file_status lfs_alloc(struct lfs_file *f, uint32_t from, uint32_t to);
void lfs_unreserve(struct lfs_file *f);
void lfs_unreserve_all(struct lfs *fs);
uint32_t lfs_file_blocks(const struct lfs_file *f);

/* lfs_tail.c */
/* Where a flush writes the block. */
struct lfs_where lfs_goes(const struct lfs_file *f, uint32_t blk);
/* Before lfs_alloc, for a WRITE of blocks [from, to) up to byte `end`: those of them that lie in
 * fragments, or are to, have as many as they need. */
enum file_status lfs_tails(struct lfs_file *f, uint32_t from, uint32_t to, uint64_t end);
void lfs_tail_written(struct lfs_file *f, uint32_t blk);             /* where lfs_goes said */
void lfs_tail_cut(struct lfs_file *f, uint32_t blk, uint32_t bytes); /* it needs no more */
void lfs_tail_drop(struct lfs_file *f); /* the next places: no buffer is dirty */

/* lfs_buf.c */
static inline struct lfs_file *lfs_file_of(const struct block *b)
{
    return CONTAINER_OF(b->f, struct lfs_file, kept);
}
static inline struct block *lfs_buf_find(struct lfs *fs, const struct lfs_file *f, uint32_t blk)
{
    return blocks_find(&fs->store, &f->kept, blk);
}
static inline bool lfs_buf_busy(const struct block *b)
{
    return b->reading || b->out.count > 0;
}
void lfs_buf_init(struct lfs *fs);  /* there is no buffer yet */
void lfs_buf_sized(struct lfs *fs); /* the size of a block is known */
/* Reads written block `blk` and up to want-1 more behind it into new buffers, for `req` or ahead
 * of need; the number of buffers, 0 when none can be had. */
uint32_t lfs_buf_fill(struct lfs *fs, struct lfs_file *f, uint32_t blk, uint32_t want,
                      struct lfs_op *o);
/* Overwrites part of a buffer, which is valid unless it is all of it, and makes it dirty; takes
 * `bytes` from data. */
void lfs_buf_modify(struct lfs *fs, struct block *b, uint32_t at, const struct rope *data,
                    uint64_t off, uint32_t bytes);
/* Starts writing all dirty buffers of f; true while any is dirty or out. */
bool lfs_buf_flush_file(struct lfs *fs, struct lfs_file *f);
/* The first buffer of f at or behind `from` that is busy, or NULL once all of them are dropped. */
struct block *lfs_buf_drop_range(struct lfs *fs, struct lfs_file *f, uint32_t from);
/* Drops the clean buffers of f that nobody uses. */
void lfs_buf_drop_idle(struct lfs *fs, const struct lfs_file *f);

/* lfs_run.c */
/* Begins a request whose step function is known.  lfs_run goes on with what is ready and calls what
 * is completed. */
void lfs_begin(struct lfs *fs, struct file_req *r, void (*step)(struct lfs_op *o));
void lfs_opened(struct lfs *fs,
                enum file_status status); /* mounted, or not: goes on with `early` */
void lfs_complete(struct lfs_op *o, enum file_status status);
void lfs_park(struct lfs_op *o, struct list *waiters);
void lfs_wake_all(struct lfs *fs, struct list *waiters);
void lfs_run(struct lfs *fs);
void lfs_enqueue(struct lfs_op *o, struct lfs_file *f);          /* it wants all of f for itself */
struct lfs_file *lfs_by_handle(struct lfs *fs, uint64_t handle); /* in use, or NULL */
/* Whether the mode gives the caller these rights: bits of 04, 02, 01. */
bool lfs_may(const struct file_req *r, const struct lfs_file *f, uint32_t bits);
void lfs_run_init(struct lfs *fs);
void lfs_changed(struct lfs_file *f); /* the record is out of date: it is written after a while */
void lfs_arm_flush(struct lfs *fs);

/* lfs_dev.c */
struct lfs_io *lfs_io_new(struct lfs *fs, struct lfs_file *f, enum port_io_op op, uint32_t blk,
                          uint32_t dev, uint32_t count, struct lfs_op *o);
void lfs_io_start(struct lfs_io *io);

/* lfs_io.c */
void lfs_step_read(struct lfs_op *o);
void lfs_step_write(struct lfs_op *o);
void lfs_step_hint(struct lfs_op *o);   /* FILE_WILL_READ */
void lfs_step_advise(struct lfs_op *o); /* hints of what will come that moves nothing */

/* lfs_name.c */
void lfs_name_add(struct lfs_file *f); /* in its parent, by its name */
void lfs_name_init(struct lfs *fs);
/* Puts all files into their directories, once a mount has read their records; false: one has none,
 * or its name is another's. */
bool lfs_name_link(struct lfs *fs);
void lfs_step_name(struct lfs_op *o); /* CREATE, LOOKUP, LIST, RENAME */

/* lfs_meta.c */
/* It is there no more; its blocks are free, or will be when its record is gone, too (`stored`). */
void lfs_removed(struct lfs_file *f, bool stored);
/* A write of its record has failed, by which a name was to change. */
void lfs_doubt(struct lfs_file *f);
/* Before a name changes: no record is in doubt, or o->status says that one stays so.  False: the
 * request waits. */
bool lfs_settled(struct lfs_op *o);
/* The first file in use from inode `ino` on, or NULL. */
struct lfs_file *lfs_next_file(struct lfs *fs, uint32_t ino);
/* The next record of f, and where it goes. */
void lfs_record_of(struct lfs_file *f, bool used, struct rope *out);
uint64_t lfs_record_sector(const struct lfs_file *f);
struct lfs_file *lfs_file_new(struct lfs *fs, uint32_t ino);
void lfs_store(struct lfs_file *f, bool used); /* starts writing the record */
bool lfs_safe(const struct lfs *fs);           /* no write that has ended needs a flush (LFSI8) */
void lfs_step_meta(struct lfs_op *o);

#endif
