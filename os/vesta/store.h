/* store.h: Vesta's store: what an I/O node keeps of files, with checkpoints, on one block device.
 *
 * A bottom of a stack of files (os/file/file.h).  Each cell of a Vesta file is an object of it: a
 * record in the object table, and for each version of it a block list, a 16-ary tree whose leaves
 * name data blocks.  Parts, bottom to top: the wire images (store_disk.c), trees and free space
 * (store_tree.c), device requests and the buffer cache (store_buf.c), the order of requests
 * (store_run.c), what makes a version durable (store_commit.c), reading and writing (store_io.c),
 * names and attributes (store_name.c), mounting (store_mount.c); from outside looks store_fsck.c.
 *
 * A version is a root and a size.  An object has the current one and up to VST_KEPT checkpoints.
 * Versions share nodes and blocks; who changes one that the device knows, or that two versions
 * share, changes a copy (copy-on-write): so a checkpoint costs what was changed since the last one,
 * and a rollback costs one record.  Nothing that a record on the device names is ever written over.
 *
 * A commit brings an object to the device: its dirty blocks and new nodes, then its record, in the
 * slot of the older one.  FLUSH, CHECKPOINT, ROLLBACK, CREATE, REMOVE and RENAME commit, so does
 * what was changed `flush_delay` ago.  Blocks go through a cache of buffers: written behind when
 * half of it is dirty, read ahead of a sequential reader.  A list of runs is read in the order of
 * the device.
 *
 * A directory is an object without blocks, and has no checkpoint (FILE_IS_DIR).  FILE_SIZE sets no
 * space aside: what was not written has no block.
 *
 *   VSO1  Requests of one object take effect one after the other, in the order in which they came;
 *       those that only read overlap each other.
 *   VSO2  Bytes that were never written, or were cut off, read as zero.
 *   VSO3  A block belongs to one object, a node to one place in its versions' trees; both are free
 *       exactly when no version in memory and none on the device names them.
 *   VSO4  A mount after a crash at any moment succeeds, and finds each object, with its
 *       checkpoints, as one commit left it: the last that was answered, or a later one.
 *   VSO5  CHECKPOINT makes of the object as it is a version that nothing changes; ROLLBACK gives
 *       exactly that, bytes and size, after any crash too.
 *   VSO6  A record reaches the device when all that it names is on the medium.  This alone is
 *       relied on: the device writes one sector whole or not at all, and a flush of a device with
 *       volatile writes is done when all that was written before is on the medium.
 *   VSO7  What a commit writes is in proportion to what was changed since the one before: the dirty
 *       blocks, for each at most one node a level, and one record.
 *   VSO8  A failed request leaves the store usable.  FILE_IO_ERROR: a read gives nothing; of a
 *       write each block is old or new, and the size unchanged; what commits may be done, and a
 *       crash may undo it, but CREATE, RENAME and REMOVE are not done; where a record of a name
 *       fails twice the store answers FILE_IO_ERROR until it is mounted again.  FILE_NO_SPACE:
 *       nothing is done; blocks that were given up are then on the way back already.
 */
#ifndef OS_VESTA_STORE_H
#define OS_VESTA_STORE_H

#include "os/file/file.h"

#define VST_FAN 16 /* of a node */
#define VST_KEPT 2 /* checkpoints of an object: the newest, and the one before while it is made */

struct vst;

struct vst_params {
    int64_t device;            /* of the node, by its number */
    int64_t block;             /* bytes of a data block */
    int64_t objects;           /* that a format makes room for */
    int64_t cache;             /* block buffers */
    struct kind_choice policy; /* which buffer goes: of file_cache_policies; no kind: lru */
    double dirty_fraction;     /* of the buffers: more do not wait */
    int64_t cluster;           /* dirty ones in a row that go at once; 0: none */
    sim_time age, idle;        /* after which dirty ones go; 0: never */
    struct kind_choice read_ahead_policy; /* of file_read_aheads; no kind: neighbour */
    int64_t read_ahead;                   /* blocks read beyond a sequential reader */
    int64_t max_io;                       /* bytes of the largest device request */
    sim_time flush_delay;
};
extern const struct param vst_params_desc[];

/* A store on the device, in the task's heap: requests that come before it is mounted wait.  `done`
 * (may be NULL) is told once how that went: FILE_OK, or why every request will fail with this.
 * A blank device is formatted, when `format` is set one that is not blank too; sizes come from the
 * superblock. */
typedef void vst_mounted_fn(void *arg, enum file_status status);
struct vst *vst_start(struct port *p, const struct vst_params *params, bool format,
                      vst_mounted_fn *done, void *arg);
struct file_sys *vst_files(struct vst *vs); /* for requests */

enum vst_damage {
    VST_BAD_SUPER,  /* the superblock: nothing else is looked at */
    VST_BAD_RECORD, /* no record of an object is whole, or it is another's */
    VST_BAD_NODE,   /* a node that is not whole, or another object's, or of another level */
    VST_OUTSIDE,    /* a node or block outside of their room */
    VST_SHARED,     /* a node or block of two objects, or of two places */
    VST_BAD_SIZE,   /* a block behind the end of its version */
    VST_BAD_NAME,   /* a name that is none, or two objects', or in no directory */
    VST_DAMAGES
};
typedef void vst_found_fn(void *arg, enum vst_damage what, const char *text);
/* Looks at an image of a device, of all before the data, from outside and tells each finding by a
 * sentence; how many there are.  What a crash may leave is none.  `blocks` and `nodes`, when not
 * NULL: those that some version names. */
uint32_t vst_fsck(struct port *p, const uint8_t *image, uint64_t bytes, uint32_t sector_bytes,
                  vst_found_fn *found, void *arg, uint32_t *blocks, uint32_t *nodes);

struct vst_usage {
    uint32_t block; /* bytes */
    uint32_t blocks, free_blocks, nodes, free_nodes;
    uint32_t objects; /* that are there */
};
extern const struct counter vst_counters[]; /* "vesta_store.*" */
/* Space and objects as they are in memory. */
void vst_usage(const struct vst *vs, struct vst_usage *out);
/* Checks VSO3 in memory, and the counts of buffers; false with a sentence. */
bool vst_check(const struct vst *vs, struct err *e);

#endif
