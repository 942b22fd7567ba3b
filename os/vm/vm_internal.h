/* vm_internal.h: pages and spaces as the files of os/vm see them. */
#ifndef OS_VM_VM_INTERNAL_H
#define OS_VM_VM_INTERNAL_H

#include "os/vm/vm.h"

/* A region's map of page records has three levels, each made when it is needed: a node that touches
 * one page of a gigabyte pays for a directory of 1 KiB, a table of 2 KiB and eight records. */
#define VM_CHUNK_SHIFT 3
#define VM_CHUNK (1u << VM_CHUNK_SHIFT) /* pages whose records are made together */
#define VM_TABLE_SHIFT 8
#define VM_TABLE (1u << VM_TABLE_SHIFT) /* chunks of a table */

struct vm_page {
    /* What each message about a page looks at is in one line of the cache. */
    struct list starved; /* in vm->starved while its supply waits for a frame */
    uint8_t *bytes;      /* frame, which `data` holds, or NULL */
    void *user;
    uint64_t index; /* in its region */
    uint32_t pins;
    uint8_t prot; /* enum vm_prot */
    uint8_t supply_prot;
    bool referenced, dirty;
    bool changed;  /* VM6 */
    bool shared;   /* COW1: the first write is a fault */
    bool faulting; /* a fault is with the pager (VM2) */
    bool evicting; /* an eviction is with the pager */
    bool supply_zero;
    bool supply_back;   /* what is supplied is what the page was when it left: not a change */
    bool want_unpinned; /* a vm_revoke was refused */
    struct vm_region *region;
    struct list order;   /* replacement list while resident */
    struct list waiters; /* struct vm_waiter: threads in a fault on this page */
    struct list told;    /* in vm->unpinned until its pager is told */
    struct rope data;    /* the frame, which others may hold too while it is not written; or what
                          * waits for one */
};

struct vm_region {
    struct vm_space *space;
    const struct vm_pager_ops *pager;
    void *object;
    uint64_t base, pages;
    enum vm_prot limit;
    struct vm_page ***tables; /* NULL until touched; of chunks */
    struct vm_region *next;
};

struct vm_space {
    struct vm_view view; /* first: vm_at reads it */
    struct vm *vm;
    const char *program;
    struct vm_region *regions;
    bool (*on_error)(void *arg, const struct vm_error *e);
    void *on_error_arg;
    void (*watch)(void *arg, struct vm_region *r, uint64_t page);
    void *watch_arg;
    struct vm_space *next;
};

struct vm {
    struct port *port;
    struct vm_params params;
    const struct vm_replacement_ops *replacement;
    struct list order;    /* resident pages */
    struct list starved;  /* supplies that wait for a frame */
    struct list unpinned; /* pages whose pagers are to be told that the last pin is gone */
    struct port_timer retry, tell;
    uint32_t evicting; /* evictions that pagers have not answered */
    uint32_t kept_in_a_row;
    enum vm_status kept_why; /* what hindered a pager meanwhile; VM_OK: nothing in particular */
    bool reclaiming;
    struct {
        uint64_t read_faults, write_faults, evictions, evictions_dirty;
        uint64_t frames, frames_most, frame_waits;
        uint64_t first_writes;
        uint64_t copied;
    } counts;
    struct vm_space *spaces;
    const struct measure *stages[2]; /* of vm_customer: between faults, in one; NULL: none */
    sim_time since;                  /* in this stage */
};

/* The record of a page, made when new. */
struct vm_page *vm_page_get(struct vm_region *r, uint64_t page);
/* The record, or NULL when the page was never touched. */
struct vm_page *vm_page_find(const struct vm_region *r, uint64_t page);
static inline uint64_t vm_page_index(const struct vm_page *pg)
{
    return pg->index;
}
/* Takes a page out of the translation cache of its space. */
void vm_tlb_drop(struct vm_page *pg);

/* frames.c */
void vm_frame_make(struct vm_page *pg); /* of zeroes; the page had none */
void vm_frame_fill(struct vm_page *pg, struct rope *data, enum vm_prot prot);
void vm_frame_own(struct vm_page *pg); /* from now on it is this page's alone: it may be written */
void vm_frame_free(struct vm_page *pg);
void vm_pay_copy(struct vm *vm, const struct rope *frame); /* when somebody else holds it (COW1) */
void vm_unshare(struct vm_page *pg);                       /* before it is written */
void vm_freed(struct vm *vm);   /* there is progress: the count of kept pages starts anew */
void vm_reclaim(struct vm *vm); /* starts evictions while supplies wait */

/* fault.c */
/* The page of an address, once it has `want`.  (blocks on a fault) */
enum vm_status vm_ready(struct vm_space *s, uint64_t addr, enum vm_prot want,
                        struct vm_page **page) MUST_CHECK;
void vm_wake_waiters(struct vm_page *pg, enum vm_status status);
void vm_tell_unpinned(struct vm *vm);
/* The last pin is gone: the pager is told soon, if a vm_revoke was refused. */
void vm_unpinned(struct vm_page *pg);

#endif
