/* prefetch.h: what is staged before anybody asks for it: policies of the layer hsm.
 *
 * A policy is told of each request for bytes of files, and of hints; it asks to have bytes of files
 * staged.  What it asks for is done if there is room without a purge, behind what requests wait
 * for; else it is dropped.
 *
 * Its calls never block.  What it needs of memory it takes with port_alloc from the port that it is
 * given.
 */
#ifndef OS_HSM_PREFETCH_H
#define OS_HSM_PREFETCH_H

#include "os/file/file.h"

struct prefetch_door { /* what the layer does for its policy */
    void *arg;
    /* Bytes of a file are to be staged; what is there already is not.  False: there is no such
     * file, nothing of it is missing, or there is no room. */
    bool (*stage)(void *arg, uint64_t file, uint64_t off, uint64_t len);
    /* Bytes of the file; UINT64_MAX: there is none. */
    uint64_t (*size)(void *arg, uint64_t file);
    /* The file whose bytes begin next behind its on the same cartridge; 0: there is none, or it is
     * not known where it lies. */
    uint64_t (*behind)(void *arg, uint64_t file);
    /* The next by handle of its data set, the first behind the last; itself: there is no other. */
    uint64_t (*mate)(void *arg, uint64_t file);
};

struct prefetch_access {
    uint64_t file, off, len; /* of a list: from its first byte to its last */
    bool write;
    bool hit; /* all its bytes were on the disk */
};

struct prefetch_ops {
    struct kind kind; /* state_size: of the policy, zeroed */
    bool places;      /* it asks what lies behind a file */
    /* At boot; the door and the kind's params stay.  NULL: there is nothing to do. */
    void (*init)(void *state, struct port *p, const struct prefetch_door *door, const void *params);
    /* A request of a program, as it comes; what it waits for itself has been asked for.  NULL: the
     * policy does not ask. */
    void (*access)(void *state, const struct prefetch_access *a);
    /* FILE_WILL_READ: the runs, soon.  NULL: it goes unheard. */
    void (*hint)(void *state, uint64_t file, const struct file_run *runs, uint32_t count);
    void (*gone)(void *state, uint64_t file); /* the file was removed; NULL: as above */
};
extern const struct kind_set hsm_prefetches;

#endif
