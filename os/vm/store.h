/* store.h: backing stores: where the contents of pages lie while they have no frame.
 *
 * A store is what a pager writes dirty pages to: a block device of the node (vm_swap_create) or
 * memory servers (os/memsrv/memsrv.h).  vm_pager_store is the pager of private memory over a store;
 * shared virtual memory (os/svm) hands the pages that it owns to a store of the same kind.
 *
 *   VMS1  One request of a page is with the store at a time.
 *   VMS2  A put that ended with VM_OK is kept until the next put or drop of the page.
 *   VMS4  A page of vm_pager_store that has no frame, and was put, comes back as it left; pages
 *       that were saved go to frames while there are some, and to the store.
 *   VMS3  A page that was never put, or was dropped, is zero.
 */
#ifndef OS_VM_STORE_H
#define OS_VM_STORE_H

#include "os/vm/vm.h"

/* One request; the caller's memory until `done`, which may be called from inside the call, but for
 * a get of a page that was put. */
struct vm_store_io {
    uint64_t page;
    struct rope data; /* put: a page's bytes, taken; get: what was put last, empty: zeroes */
    /* VM_OK; VM_IO: a device failed; VM_UNREACHABLE: no server answers; put: VM_NO_FRAMES: the
     * store is full; get: VM_LOST: what was put is gone. */
    enum vm_status status;
    void (*done)(struct vm_store_io *io);
    void *arg;
};

struct vm_store;
struct vm_store_ops {
    const char *name;
    void (*put)(struct vm_store *b, struct vm_store_io *io);
    void (*get)(struct vm_store *b, struct vm_store_io *io);
    void (*drop)(struct vm_store *b, uint64_t page); /* its contents are void now */
    /* Nothing of it is needed any more, and no `done` is called from now on.  NULL: none would be,
     * for it lives in the task that asks. */
    void (*close)(struct vm_store *b);
};

struct vm_store_counts {
    uint64_t puts, gets, disk, from_mirror, from_backup, lost;
};
extern const struct counter vm_store_counters[]; /* of struct vm_store: "paging.*" */

/* The head of every store. */
struct vm_store {
    const struct vm_store_ops *ops;
    struct vm_store_counts counts;
    struct list *wanted; /* of vm_pager_store: struct vm_fetch; NULL: none was ever */
};

/* Pages are zero at first, go to the store when they are dirty and their frame is needed, and come
 * back.  `object` of the region: the struct vm_store. */
extern const struct vm_pager_ops vm_pager_store;

/* Swap: pages [0, sectors / sectors of a page) of a region on a block device of this node. */
struct vm_store *vm_swap_create(struct vm *vm, uint32_t device, uint64_t first_sector,
                                uint64_t sectors);

#endif
