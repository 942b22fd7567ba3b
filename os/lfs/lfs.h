/* lfs.h: the local file system of an I/O node: extents on one block device.
 *
 * It is the bottom of a stack of files (os/file/file.h says what its requests are).  Parts, bottom
 * to top: the wire images (lfs_disk.c), the order of requests (lfs_run.c), free space and extents
 * (lfs_alloc.c), fragments (lfs_tail.c), device requests (lfs_dev.c), the buffer cache
 * (lfs_buf.c), reading and writing (lfs_io.c), files and their records (lfs_meta.c), names
 * (lfs_name.c), mounting (lfs_mount.c).
 *
 * Two paths.  Fast path: whole blocks go between the device and the request's rope; nothing is
 * copied, and blocks that lie in a row on the device go in one device request.  Buffered path:
 * parts of blocks (and everything when `buffered` is set) go through a cache of block buffers with
 * read-ahead and delayed writes; the bytes are copied by the CPU.  Both see the same contents.
 *
 * The device may be given few requests at a time (`queue`): of those that wait meanwhile, whosever
 * they are, neighbours on the device go in one device request.
 *
 * A list of runs goes to the device in the order of its blocks, whatever the order of the runs: the
 * caller gives all it wants at once and knows nothing of the disk (disk-directed I/O).
 *
 * The end of a small file lies in fragments of a block that the ends of others share, where the
 * file system has them (lfs_tail.c): it goes the buffered path.
 *
 * A directory has no blocks: its entries say in their own records where they lie, so that every
 * change of a name is one write (lfs_name.c).  The times of a file that is overwritten reach the
 * device with the next change of its record.
 *
 * What is promised:
 *   LFS1  Requests of one file that touch a common block, one of them changing it, run one after
 *       the other in the order in which they came; others overlap.  A list counts with all that
 *       lies between its first and its last byte; the pieces of a WRITE do not overlap
 *       (FILE_RANGE).
 *   LFS2  Bytes that were never written read as zero, also in blocks that another file used before.
 *   LFS3  No two files share a block, or a fragment of one, in memory or after a mount.
 *   LFS4  A mount after a crash at any moment succeeds; every file is there as one of its metadata
 *       states between the last one known to be on the device and the newest.  FILE_CREATE,
 *       FILE_REMOVE and FILE_FLUSH are on the device when they are done, a write that FILE_FLUSH
 *       covered is read back whole.  Of a write that no sync covered each sector has its old or
 *       its new content (zero is the old content of what was never written).
 *   LFS5  It relies on this alone: the device writes one sector whole or not at all, and a flush of
 *       a device with volatile writes is done when all that was written before is on the medium.
 *   LFS6  A failed request leaves the file system usable.  FILE_IO_ERROR: a read gives nothing; of
 *       a write each block is old, new or unreadable, and the size is unchanged; FILE_FLUSH fails
 *       also for an earlier delayed write that failed: those blocks keep their old contents;
 *       FILE_CREATE, FILE_REMOVE and FILE_RENAME are not done, but a crash may show that they are,
 *       until the next of them or a FILE_FLUSH has ended well (all of which fail while the device
 *       does not take the record that settles it); after FILE_SIZE the size may be new, a crash may
 *       undo it.  FILE_SCATTERED: the inode has no room for another extent.
 *   LFS7  FILE_RENAME is done whole or not at all, whenever the node dies, a file of the new name
 *       that it replaces included, and is on the device when it is done.  Every file lies in a
 *       directory, no directory in itself, and a name in a directory is one file.
 */
#ifndef OS_LFS_LFS_H
#define OS_LFS_LFS_H

#include "os/file/file.h"

struct lfs;

struct lfs_params {
    int64_t device;            /* of the node, by its number */
    int64_t block;             /* bytes of a block */
    int64_t fragment;          /* of a block; 0: none */
    int64_t inode;             /* bytes of an inode record */
    int64_t files;             /* inodes made by a format */
    int64_t cache;             /* block buffers */
    double dirty_fraction;     /* of the buffers: more do not wait */
    int64_t cluster;           /* dirty ones in a row that go at once; 0: none */
    sim_time age, idle;        /* after which dirty ones go; 0: never */
    int64_t read_ahead;        /* blocks read beyond a sequential buffered read */
    struct kind_choice policy; /* which buffer goes: of file_cache_policies; no kind: lru */
    struct kind_choice read_ahead_policy; /* of file_read_aheads; no kind: neighbour */
    int64_t max_io;                       /* bytes of the largest device request */
    int64_t queue;    /* requests for data that the device has at most; 0: all */
    int64_t prealloc; /* blocks set aside for a file that grows */
    int64_t gap;      /* blocks left out behind each block of a file */
    sim_time flush_delay;
    bool buffered;
    bool fsck;      /* a mount looks first */
    bool scattered; /* each block anywhere */
};
extern const struct param lfs_params_desc[];

/* A file system on the device, in the task's heap: requests that come before it is mounted wait.
 * `done` is told once how that went: FILE_OK, or why every request will fail with this status.
 *   format  writes one superblock: what was on the device is gone;
 *   mount   reads superblock and inodes; sizes come from the superblock, not from `params`. */
typedef void lfs_mounted_fn(void *arg, struct lfs *fs, enum file_status status);
struct lfs *lfs_format(struct port *p, uint32_t dev, const struct lfs_params *params,
                       lfs_mounted_fn *done, void *arg);
struct lfs *lfs_mount(struct port *p, uint32_t dev, const struct lfs_params *params,
                      lfs_mounted_fn *done, void *arg);
/* The one that `params` name: mounts the node's device, formats a blank one. */
struct lfs *lfs_start(struct port *p, const struct lfs_params *params);
struct file_sys *lfs_files(struct lfs *fs); /* for requests */

/* Blocks for files that a format makes of a device; 0: it cannot be formatted. */
uint32_t lfs_room(const struct lfs_params *params, uint64_t sectors, uint32_t sector_bytes);
/* Blocks that so many files of so many bytes take. */
uint64_t lfs_need(const struct lfs_params *params, uint64_t files, uint64_t bytes);

enum lfs_damage {
    LFS_BAD_SUPER,  /* the superblock: nothing else is looked at */
    LFS_BAD_RECORD, /* no record of an inode is whole, or it is another's */
    LFS_OUTSIDE,    /* an extent outside of the data, of the record, or of its block */
    LFS_SHARED,     /* a block, or a fragment, of two files */
    LFS_BAD_SIZE,   /* a size, or extents, that a file cannot have */
    LFS_BAD_NAME,   /* a name that is none */
    LFS_DANGLING,   /* a file in a directory that is not there */
    LFS_DUPLICATE,  /* two files of one name in one directory */
    LFS_ORPHAN,     /* a directory that lies in itself, and all in it */
    LFS_DAMAGES
};
/* Looks at the first `bytes` of a device, superblock and inode table, from outside, and tells each
 * finding by a sentence; how many there are.  What a crash may leave is none. */
typedef void lfs_found_fn(void *arg, enum lfs_damage what, const char *text);
uint32_t lfs_fsck(struct port *p, const uint8_t *image, uint64_t bytes, lfs_found_fn *found,
                  void *arg);

struct lfs_usage {
    uint32_t block;                         /* bytes */
    uint32_t blocks, free_blocks, reserved; /* reserved: set aside for growing files, still free */
    uint32_t files;
    uint32_t fragment;       /* bytes; block: there are none */
    uint32_t free_fragments; /* of blocks of which others are in use */
    uint64_t fragments;      /* that ends of files lie in */
};
extern const struct counter lfs_counters[]; /* "lfs.*" */
/* Space and files as they are in memory; free_blocks includes reserved. */
void lfs_usage(const struct lfs *fs, struct lfs_usage *out);
/* Checks every invariant of the structures in memory: free space against extents, the counts of
 * buffers.  For tests and audits; false with a sentence. */
bool lfs_check(const struct lfs *fs, struct err *e);

#endif
