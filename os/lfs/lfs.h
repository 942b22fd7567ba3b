/* lfs.h: the local file system of an I/O node: extents on one block device.
 *
 * Layers, bottom to top: the wire images (lfs_disk.c), free space and extents (lfs_alloc.c), the
 * buffer cache (lfs_buf.c), reading and writing (lfs_io.c), files and mounting (lfs_meta.c).
 * All calls are asynchronous: a request is handed in, its `done` is called when it has ended.
 * Nothing blocks, so upcalls may use it.
 *
 * Two paths.  Fast path: whole blocks go between the device and the request's rope; nothing is
 * copied, and blocks that lie in a row on the device go in one device request.  Buffered path:
 * parts of blocks (and everything when `buffered` is set) go through a cache of block buffers with
 * read-ahead and delayed writes; the bytes are copied by the CPU.  Both see the same contents.
 *
 * What is promised:
 *   LFS1  Requests of one file that touch a common block, one of them changing it, run one after
 *       the other in the order in which they came; others overlap.
 *   LFS2  Bytes that were never written read as zero, also in blocks that another file used before.
 *   LFS3  No two files share a block, in memory or after a mount.
 *   LFS4  A mount after a crash at any moment succeeds; every file is there as one of its metadata
 *       states between the last one known to be on the device and the newest.  LFS_CREATE,
 *       LFS_REMOVE and LFS_SYNC are on the device when they are done, a write that LFS_SYNC
 *       covered is read back whole.  Of a write that no sync covered each sector has its old or
 *       its new content (zero is the old content of what was never written).
 *   LFS5  It relies on this alone: the device writes one sector whole or not at all, and a flush of
 *       a device with volatile writes is done when all that was written before is on the medium.
 *   LFS6  A failed request leaves the file system usable; each status says what it left behind.
 *
 * Who calls it: the PFS I/O server (os/pfs/pfs_server.c).
 */
#ifndef OS_LFS_LFS_H
#define OS_LFS_LFS_H

#include "os/port.h"
#include "sim/base/param.h"

struct lfs;

struct lfs_params {
    int64_t block;      /* bytes of a block */
    int64_t inode;      /* bytes of an inode record */
    int64_t files;      /* inodes made by a format */
    int64_t cache;      /* block buffers */
    int64_t read_ahead; /* blocks read beyond a sequential buffered read */
    int64_t max_io;     /* bytes of the largest device request */
    int64_t prealloc;   /* blocks set aside for a file that grows */
    sim_time flush_delay;
    bool buffered;
};
extern const struct param lfs_params_desc[];

enum lfs_status {
    LFS_OK,
    LFS_NO_FILE,    /* no such file (any more); nothing done */
    LFS_EXISTS,     /* LFS_CREATE: the name is taken; `file` says by whom */
    LFS_BAD_NAME,   /* LFS_CREATE: empty or longer than LFS_NAME_MAX; nothing done */
    LFS_NO_INODE,   /* LFS_CREATE: all inodes are used; nothing done */
    LFS_NO_SPACE,   /* no blocks for all of the request; nothing done */
    LFS_FRAGMENTED, /* the inode has no room for another extent; part of the range may be written */
    LFS_RANGE,      /* offset and length reach beyond what a file can hold; nothing done */
    LFS_IO_ERROR,   /* the device failed; a read returns nothing; of a write each block is old, new
                       or unreadable, and the size is unchanged; LFS_SYNC, also for an earlier
                       delayed write that failed: those blocks keep their old contents; LFS_REMOVE,
                       LFS_CREATE: not done; LFS_SET_SIZE: the size is changed, a crash may undo it
                     */
    LFS_BLANK,      /* mount: the superblock's sector is all zero */
    LFS_CORRUPT,    /* mount: the superblock or the inodes contradict themselves */
    LFS_BAD_DEVICE, /* format: block or record is no multiple of a sector, or no room for blocks */
    LFS_STATUS_COUNT
};
const char *lfs_status_name(enum lfs_status s); /* in words; static */

#define LFS_NAME_MAX 63
#define LFS_OWNER_BYTES 32 /* what a file's user keeps in its inode */

enum lfs_op {
    LFS_READ,  /* [off, off+len): `data` is what lies before the end of the file, `moved` bytes */
    LFS_WRITE, /* `data` (taken) at `off`; `len` is set to its length; the file grows */
    LFS_SET_SIZE, /* to `len`: cuts and frees, or grows and sets blocks aside for all of it */
    LFS_SYNC,     /* all that earlier requests of the file did is on the device; file 0: all files.
                   One file with `len` not 0: and idle buffers have nothing of it */
    LFS_CREATE,   /* an empty file `name` with `owner`; its handle in `file` */
    LFS_REMOVE,   /* the file goes once earlier requests have ended; its blocks are free again */
    LFS_OP_COUNT
};

struct lfs_file;
struct lfs_req {
    enum lfs_op op;
    uint64_t file; /* handle: never 0, never used for another file */
    uint64_t off, len;
    struct rope data;
    const char *name; /* LFS_CREATE: stays the caller's */
    uint8_t owner[LFS_OWNER_BYTES];
    void (*done)(struct lfs_req *r); /* the request is the caller's again */
    void *arg;
    uint64_t trace;         /* its id, and that of its device requests, in a trace; 0: its offset */
    enum lfs_status status; /* out */
    uint64_t moved;         /* out: bytes read or written */
    sim_time device_for;    /* out: time that the device worked for this request */
    sim_time queued_for;    /* out: time that its device requests waited in the device's queue */
    /* private */
    struct lfs *fs;
    struct lfs_file *f;
    struct list link, wait;
    struct list pieces;
    uint64_t pos, end;
    uint32_t blk_from, blk_to; /* blocks locked: [from, to) */
    uint32_t pending;          /* device requests under way */
    uint8_t phase;
    bool exclusive;
};

/* Zeroes the request and makes its rope empty. */
void lfs_req_init(struct lfs_req *r, enum lfs_op op, void (*done)(struct lfs_req *r), void *arg);
/* Starts it.  `done` may be called before this returns, but never from inside another lfs_submit
 * of the same file system: a done callback may submit without growing the stack. */
void lfs_submit(struct lfs *fs, struct lfs_req *r);

/* Both call back once with the mounted file system in the task's heap, or NULL and why.
 *   format  writes one superblock: what was on the device is gone;
 *   mount   reads superblock and inodes; sizes come from the superblock, not from `params`. */
typedef void lfs_mounted_fn(void *arg, struct lfs *fs, enum lfs_status status);
void lfs_format(struct port *p, uint32_t dev, const struct lfs_params *params, lfs_mounted_fn *done,
                void *arg);
void lfs_mount(struct port *p, uint32_t dev, const struct lfs_params *params, lfs_mounted_fn *done,
               void *arg);
/* Blocks for files that a format makes of a device; 0: it cannot be formatted. */
uint32_t lfs_room(const struct lfs_params *params, uint64_t sectors, uint32_t sector_bytes);
/* Frees the memory of a file system without requests under way; writes nothing (LFS_SYNC before).
 */
void lfs_free(struct lfs *fs);

/* The handle of a name, or 0. */
uint64_t lfs_lookup(struct lfs *fs, const char *name);

struct lfs_stat {
    char name[LFS_NAME_MAX + 1];
    uint8_t owner[LFS_OWNER_BYTES];
    uint64_t size;
    uint32_t blocks, extents;
};
/* What is known of a file in memory; false: no file has this handle (yet). */
bool lfs_stat(struct lfs *fs, uint64_t file, struct lfs_stat *out);
/* Walks the files in inode order: the handle after `file` (0: the first), 0 at the end. */
uint64_t lfs_next(struct lfs *fs, uint64_t file);

/* How many buffers hold blocks of the file. */
uint32_t lfs_buffers(const struct lfs *fs, uint64_t file);

struct lfs_usage {
    uint32_t block;                         /* bytes */
    uint32_t blocks, free_blocks, reserved; /* reserved: set aside for growing files, still free */
    uint32_t files;
};
extern const struct counter lfs_counters[]; /* "lfs.*" */
/* Space and files as they are in memory; free_blocks includes reserved. */
void lfs_usage(const struct lfs *fs, struct lfs_usage *out);
/* Checks every invariant of the structures in memory: free space against extents, the counts of
 * buffers.  For tests and audits; false with a sentence. */
bool lfs_check(const struct lfs *fs, struct err *e);

#endif
