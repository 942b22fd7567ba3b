/* archive.h: a node's door to the archive: blocks of virtual volumes, for programs.
 *
 *   ARC1  A read ends once.  With HSM_OK all its bytes have been given to `take`, each once.
 *   ARC2  A write ends once.  With HSM_OK what `give` gave lies at (volume, first), and stays
 *       there.  It goes to a volume of the first storage class.
 */
#ifndef OS_HSM_ARCHIVE_H
#define OS_HSM_ARCHIVE_H

#include "os/hsm/hsm.h"

struct archive; /* on one node */
struct archive_params {
    sim_time retry; /* of a call that there was no room for */
};
struct storage_params; /* os/hsm/storage.h */
/* The door of this node to the storage server at `host`, which has these parameters. */
struct archive *archive_open(struct xk_protl *rpc, const struct archive_params *params,
                             uint32_t host, const struct storage_params *storage);
/* On the compute nodes, if no group is named. */
extern const struct os_service_ops archive_service;

uint64_t archive_block(const struct archive *a); /* bytes of a block of the first storage class */
/* The label of the cartridge that has block `block` of a virtual volume, and which one it is there.
 */
void archive_place(const struct archive *a, uint32_t volume, uint64_t block, char label[HSM_LABEL],
                   uint64_t *at);

struct archive_read {
    uint32_t volume;
    uint64_t first, count; /* blocks */
    /* Bytes from `offset` of what was asked for; in any order.  Data is its to take.  An upcall. */
    void (*take)(struct archive_read *r, uint64_t offset, struct rope *data);
    void (*done)(struct archive_read *r); /* an upcall, later */
    void *arg;
    enum hsm_status status; /* out */
    uint64_t bad;           /* out: with HSM_MEDIUM the block that cannot be read */
    /* The archive's while it is under way. */
    struct archive *archive;
    uint64_t token, taken;
};
/* Never blocks.  The request is the archive's until `done`. */
void archive_read(struct archive *a, struct archive_read *r);

struct archive_write {
    uint64_t count; /* blocks */
    /* Appends `length` bytes from `offset` of what is to be written to out; may be asked for some
     * bytes more than once.  An upcall. */
    void (*give)(struct archive_write *w, uint64_t offset, uint64_t length, struct rope *out);
    /* When those bytes will be there: asked once before they are taken; until then who pulls them
     * waits, and so does the tape.  NULL: all are there.  An upcall. */
    sim_time (*when)(struct archive_write *w, uint64_t offset, uint64_t length);
    void (*done)(struct archive_write *w); /* an upcall, later */
    void *arg;
    enum hsm_status status; /* out */
    uint32_t volume;        /* out: where it lies */
    uint64_t first;
    struct archive *archive; /* the archive's while it is under way */
    uint64_t token;
};
/* The same. */
void archive_write(struct archive *a, struct archive_write *w);

#endif
