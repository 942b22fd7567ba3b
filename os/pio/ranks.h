/* ranks.h: the ranks that share a file: where their common pointer is, and who has come.
 *
 * For systems of os/pio over a file system that knows nothing of ranks.  Service "ranks" stands on
 * the nodes of programs.  The ranks of a file, a group, meet at its node on the first compute node,
 * the place: pointer, rounds and what they must agree on are kept there, and nowhere else.  A file
 * that one rank has for itself needs no place: its node is one, and no message goes.
 *
 *   Ops     one at a time for each open file, in the order of ranks_submit:
 *             RANKS_RANGE   the next range of the pointer: first come, first served, or, with
 *                           PIO_MODE_TOGETHER, once all ranks have called, in order of rank; with
 *                           PIO_MODE_SAME one range for all.  A write has what it asks; a read what
 *                           there is of it, and the pointer moves by that.
 *             RANKS_SEEK    the pointer is set; TOGETHER: by all, to the same.
 *             RANKS_MODE    all say the same mode; the pointer is 0, records have no length.
 *             RANKS_RECORD  the first since the last RANKS_MODE says how long records are.
 *   Sizes   the place knows a size that the file has at least.  Where a read needs to know more,
 *           whoever asks (of a round: rank 0) is told to find out, and comes again.  Who makes the
 *           file shorter says so (ranks_cut) before it goes on.
 *   Errors  of a round all ranks get the same, and nothing has happened: PIO_BAD_MODE, modes or
 *           operations differ; PIO_BAD_RECORD, lengths or offsets do; PIO_CLOSED, a rank has
 *           closed the file, until it or all have come back; PIO_NODE_DOWN, a rank's node has
 *           crashed.
 *
 *   RNK1  An op ends once, by `done`; in time whatever dies: the place's node's death is
 *       PIO_NODE_DOWN at who has an op there, or calls later.
 *
 * Who calls it: os/pio/pio_pfs_vesta.c.
 */
#ifndef OS_PIO_RANKS_H
#define OS_PIO_RANKS_H

#include "os/file/spread.h"
#include "os/pio/pio.h"

extern const struct os_service_ops ranks_service; /* os_find: the struct ranks of a node */

struct ranks;
struct ranks_file; /* an open file of this rank */

enum ranks_what { RANKS_RANGE, RANKS_SEEK, RANKS_MODE, RANKS_RECORD };
struct ranks_op {
    struct list link;
    struct ranks_file *file;
    enum ranks_what what;
    unsigned traits; /* of the mode in which it is made: PIO_MODE_TOGETHER, SAME */
    int mode;        /* that mode */
    bool write;
    uint64_t value; /* bytes of a range; where to; of a record; the new mode */
    void (*done)(struct ranks_op *op);
    void *arg;
    /* out */
    enum pio_status status;
    uint64_t off, len;
    uint32_t round; /* of a range of all */
    /* private */
    bool sized;
    uint64_t size;
    uint32_t cuts;
};

/* `key` is no other file's; `limit`: where files end at the latest; `size` finds out how long it
 * is, without a thread, and calls ranks_size.  A rank of several is of the group from then on: by
 * a meeting (in_group), or it says so itself. (blocks) */
struct ranks_file *ranks_open(struct ranks *r, uint64_t key, uint32_t rank, uint32_t ranks,
                              bool in_group, uint64_t limit, void (*size)(struct ranks_op *op),
                              void *arg);
void *ranks_arg(const struct ranks_file *f);
void ranks_close(struct ranks_file *f); /* no op is under way (blocks) */
void ranks_cut(struct ranks_file *f);   /* (blocks) */
/* As this rank's last op found it. */
uint64_t ranks_pointer(const struct ranks_file *f);

/* Starts it: RNK1. */
void ranks_submit(struct ranks_op *op);
/* How `size` went. */
void ranks_size(struct ranks_op *op, enum pio_status s, uint64_t size);
enum pio_status ranks_wait(struct ranks_op *op); /* submits it (blocks) */

/* All of `ranks` callers with that tag have come: the largest value, whether all are alike; for
 * callers that have a rank the key, `flags` and group of a file that rank 0 has opened: all with
 * value 0 are in it then, its pointer is 0.  tag: at most RANKS_TAG bytes.  PIO_BAD_MODE: another
 * number of ranks is waited for; PIO_NODE_DOWN.  (blocks) */
#define RANKS_TAG 200
struct ranks_meeting {
    const char *tag;
    char kind; /* callers of another kind have other meetings */
    uint32_t rank, ranks;
    uint64_t value, key, limit; /* key: of rank 0; 0: of no file */
    unsigned flags;
    bool alike; /* out */
};
/* Calls to it, and waits. (blocks) */
enum pio_status ranks_meet(struct ranks *r, struct ranks_meeting *m);

/* One transfer for all. */
struct spread *ranks_spread(struct ranks *r);

#endif
