/* lfs_world.h: one node with one disk under the local file system, or under Vesta's store, for its
 * tests.
 *
 * The disk can be told to fail, to crash its node at the n-th write, and to tear that write.
 */
#ifndef TESTS_OS_LFS_WORLD_H
#define TESTS_OS_LFS_WORLD_H

#include "os/file/file_internal.h"
#include "os/lfs/lfs.h"
#include "os/vesta/store.h"
#include "tests/fake/port_fake.h"

struct lfs_world {
    struct fake *fake;
    struct lfs *fs; /* NULL while down */
    struct lfs_params params;
    struct vst *vs; /* Vesta's store instead, where it has params */
    const struct vst_params *store;
    const struct file_keep_params *keep; /* over lfs, with these; else NULL */
    /* or another layer over lfs */
    struct file_sys *(*over)(struct lfs_world *w, struct port *p, struct file_sys *lfs);
    struct os_node node;
    struct file_sys *top;
    enum file_status mounted;
    bool formatted;
    uint64_t writes;         /* device writes that ended so far */
    uint64_t sectors;        /* of them */
    uint64_t crash_at_write; /* the node dies at this write, 1 is the first; 0: never */
    uint32_t torn_sectors;   /* of that write reach the disk; UINT32_MAX: all */
    bool crashed;
    uint64_t fail_at_write; /* this write fails, and of it torn_sectors reach the disk; 0: none */
    uint64_t fail_at_flush, flushes; /* or this flush */
    bool failed;
    /* requests to these sectors fail, so many times */
    bool fail_reads, fail_writes;
    uint64_t fail_from, fail_to;
    uint32_t fail_count, fail_skip; /* skip: so many such succeed before */
};

struct lfs_params lfs_world_params(void); /* small: blocks of 2 KiB, records of 1 KiB */
void lfs_world_init(struct lfs_world *w, const struct fake_options *o, const struct lfs_params *p);
void lfs_world_store(struct lfs_world *w, const struct fake_options *o, const struct vst_params *p);
/* KEEP over lfs. */
void lfs_world_keep(struct lfs_world *w, const struct fake_options *o, const struct lfs_params *p,
                    const struct file_keep_params *keep);
/* Another layer. */
void lfs_world_over(struct lfs_world *w, const struct fake_options *o, const struct lfs_params *p,
                    struct file_sys *(*over)(struct lfs_world *w, struct port *p,
                                             struct file_sys *lfs));
void lfs_world_fini(struct lfs_world *w);
void lfs_world_restart(struct lfs_world *w); /* crashes the node when it is up; mounts */

/* Submits and waits; the clock moves no further than needed.  status is FILE_STATUS_COUNT when the
 * node died meanwhile. */
void lfs_world_do(struct lfs_world *w, struct file_req *r);
/* n at once; false when one failed or the node died. */
bool lfs_world_do_all(struct lfs_world *w, struct file_req *r, uint32_t n);
enum file_status lfs_world_create(struct lfs_world *w, const char *name, uint64_t *file);
/* FILE_SIZE: to `len`. */
enum file_status lfs_world_op(struct lfs_world *w, enum file_op op, uint64_t file, uint64_t len);
enum file_status lfs_world_write(struct lfs_world *w, uint64_t file, uint64_t off,
                                 const void *bytes, size_t n);
/* Reads to out; *got is how many. */
enum file_status lfs_world_read(struct lfs_world *w, uint64_t file, uint64_t off, void *out,
                                size_t n, size_t *got);
uint64_t lfs_world_lookup(struct lfs_world *w, const char *name); /* 0: not there */
/* In a directory. */
enum file_status lfs_world_named(struct lfs_world *w, struct file_req *r, enum file_op op,
                                 uint64_t dir, const char *name, uint32_t uid);
enum file_status lfs_world_make_dir(struct lfs_world *w, uint64_t dir, const char *name,
                                    uint32_t mode, uint64_t *file);
enum file_status lfs_world_move(struct lfs_world *w, uint64_t dir, const char *name,
                                uint64_t to_dir, const char *to_name);
uint64_t lfs_world_look(struct lfs_world *w, uint64_t dir, const char *name);
enum file_status lfs_world_drop(struct lfs_world *w, uint64_t file, uint32_t uid);
void lfs_world_idle(struct lfs_world *w);  /* until nothing is pending, timers too */
void lfs_world_check(struct lfs_world *w); /* lfs_check, vst_check */
/* lfs_world_check, and of the store vst_fsck: no finding, and when it is idle no block or node is
 * lost or shared (VSO3). */
void lfs_world_fsck(struct lfs_world *w, bool idle);

#endif
