/* vm.h: virtual memory of a node: address spaces, pages, protection, frames, replacement, pagers.
 *
 * One mechanism for all that gives memory a meaning: shared virtual memory, memory servers, swap,
 * mapped files, later checkpoints and the object store are pagers behind the same two calls (the
 * external memory management of Mach [Young et al. 1987]).
 *
 * Pages are real bytes.  A program touches memory through typed accessors, which cost one
 * comparison while the page is mapped; a span pins a page for a tight loop.  A page that is not
 * mapped with the right it needs makes a fault: the thread waits, the pager answers.
 *
 *   VM1  A page's protection is NONE when it has no frame, or its pager hides it; WRITE includes
 *       READ.
 *   VM2  At most one fault per page of a region is with its pager; other threads wait for the same
 *       one.
 *   VM3  A pinned page keeps its frame and its protection; the pager is told when the last pin is
 *       gone.  A page whose supply waits for a frame counts as pinned, with what was supplied.
 *   VM4  Frames in use never exceed the limit. A supply that finds none waits until replacement has
 *       freed one; when no page can be replaced the fault ends with VM_NO_FRAMES, or with what
 *       keeps the pagers from it.
 *   VM5  A page that was written since it was last clean is dirty; an eviction tells so.
 *   VM6  What vm_snapshot gave is the page as it was then, whatever is written later, and the frame
 *       is copied at the first write only; a page is *changed* when it was written, or got a frame
 *       but by vm_supply_back, since its last snapshot or vm_unchanged.  The first write to one
 *       that is not changed is a fault, and told to who watches the space before it happens.
 *
 * Replacement sees a use of a page when the page enters the translation cache (64 entries), as
 * hardware with reference bits would; LRU is exact up to that.
 */
#ifndef OS_VM_VM_H
#define OS_VM_VM_H

#include "os/port.h"
#include "sim/base/kind.h"

enum vm_prot { VM_NONE, VM_READ, VM_WRITE };

enum vm_status {
    VM_OK,
    VM_OUTSIDE,     /* no region holds the address */
    VM_PROTECTION,  /* the region does not allow it */
    VM_NO_FRAMES,   /* too few frames to make progress */
    VM_UNREACHABLE, /* the pager's server does not answer */
    VM_LOST,        /* the only copy died with its node */
    VM_IO,          /* a device failed */
    VM_OUT,         /* this node has crashed since it shared the page */
    VM_BEHIND,      /* the page lies behind the end of the file that is mapped */
    VM_STATUS_COUNT
};
const char *vm_status_name(enum vm_status s); /* in words; static */

struct vm_params {
    int64_t page;    /* a power of two, 64 B .. 1 MiB */
    int64_t frames;  /* physical frames of the node for these pages; 0: no limit */
    int replacement; /* of vm_replacements */
};
extern const struct param vm_params_desc[];
/* The frames for them on a node with so much memory (0: no limit); 0: no limit. */
uint64_t vm_frames_in(const struct vm_params *params, uint64_t memory);

struct vm;        /* the frames of a node */
struct vm_space;  /* one address space */
struct vm_region; /* pages [base, base + length) of a space with one pager */

/* The bytes of a page that are to come from where its pager keeps them.  The caller's memory until
 * `done`, which is called once, and not at all when the task of the memory ends first. */
struct vm_fetch {
    struct list link;
    uint64_t page;
    struct rope data; /* of the page; the caller's */
    enum vm_status status;
    void (*done)(struct vm_fetch *f);
    void *arg;
};

/* For who saves memory (os/ckpt). */
struct vm_saving_ops {
    /* The first page from `page` on whose bytes this node is to save; vm_region_pages: none. */
    uint64_t (*next)(const struct vm_region *r, uint64_t page);
    /* Appends the bytes of one of them that has no frame; NULL: all have. */
    bool (*contents)(struct vm_region *r, uint64_t page, struct rope *out);
    /* The same of one that the pager has elsewhere: as vm_fetch.  NULL: it has none there. */
    enum vm_status (*fetch)(struct vm_region *r, uint64_t page, struct vm_fetch *f);
    /* These bytes, which are taken, were saved of the page; nobody has touched it since it was
     * mapped. */
    void (*restore)(struct vm_region *r, uint64_t page, struct rope *data);
};

/* What gives a region its contents.  Both are entered in the faulting thread or in an upcall and do
 * not block. */
struct vm_pager_ops {
    const char *name;
    /* Somebody needs `want` on the page, which has `have` now.  Answered once, now or later, by
     * vm_supply, vm_grant or vm_fail. */
    void (*fault)(struct vm_region *r, uint64_t page, enum vm_prot have, enum vm_prot want);
    /* Replacement wants this page's frame.  Answered by vm_discard, now or later (read the contents
     * first: vm_contents), or by vm_keep. */
    void (*evict)(struct vm_region *r, uint64_t page, bool dirty);
    /* The last pin of a page whose vm_revoke was refused is gone.  NULL: not interested. */
    void (*unpinned)(struct vm_region *r, uint64_t page);
    /* No frame was found for what vm_supply gave, and the accesses that waited have failed: the
     * bytes come back (NULL: they were zeroes), to be taken or dropped.  NULL: they are dropped. */
    void (*refused)(struct vm_region *r, uint64_t page, struct rope *data, enum vm_prot prot);
    const struct vm_saving_ops *saving; /* NULL: its memory cannot be saved */
    /* The task of the memory is about to be ended while the node lives on: nothing that is under
     * way may touch it any more.  NULL: nothing can. */
    void (*ended)(struct vm_region *r);
    /* The region goes (os/vm/copy.h): what is kept of it is dropped.  NULL: it cannot be removed
     * while it has frames. */
    void (*removed)(struct vm_region *r);
};

/* In the task's heap, no frame in use; it lives as long as the task.  `params` is copied. */
struct vm *vm_create(struct port *p, const struct vm_params *params);
/* An empty space, as long-lived; `program` names it in failures and stays the caller's, as long. */
struct vm_space *vm_space_create(struct vm *vm, const char *program);

/* Maps a region; base and length are whole pages and overlap no other region of the space (else
 * NULL). `limit` is the most that accesses may ask for.  Costs a few hundred bytes until pages are
 * touched. */
struct vm_region *vm_map(struct vm_space *s, uint64_t base, uint64_t length, enum vm_prot limit,
                         const struct vm_pager_ops *pager, void *object);
/* Ends a region of which no page has a frame and none is in a fault: accesses to it fail from now
 * on, and `r` is gone. */
void vm_unmap(struct vm_region *r);
void *vm_region_object(const struct vm_region *r);
struct vm *vm_space_vm(const struct vm_space *s);
struct vm *vm_region_vm(const struct vm_region *r);
uint64_t vm_region_pages(const struct vm_region *r);
uint64_t vm_page_bytes(const struct vm *vm);
uint64_t vm_frames_limit(const struct vm *vm); /* 0: none */
struct port *vm_port(const struct vm *vm);

/* ---- for pagers ---- */
/* Gives the page these contents (page_bytes long; NULL: zeroes) and this protection, and lets
 * waiting threads go on.  The rope is taken.  May wait for a frame (VM4). */
void vm_supply(struct vm_region *r, uint64_t page, struct rope *data, enum vm_prot prot);
/* The same of a page that comes back as it was when it left: that is no change (VM6). */
void vm_supply_back(struct vm_region *r, uint64_t page, struct rope *data, enum vm_prot prot);
/* Raises the protection of a resident page: answers a fault without data. */
void vm_grant(struct vm_region *r, uint64_t page, enum vm_prot prot);
/* Ends the page's fault: every waiting access fails with this status. */
void vm_fail(struct vm_region *r, uint64_t page, enum vm_status status);
/* Appends the page's bytes as they are now to `out`; false when it is not resident.  Who may only
 * be read is not copied: a write fault makes the frame one of its own. */
bool vm_contents(struct vm_region *r, uint64_t page, struct rope *out) MUST_CHECK;
/* Lowers the protection of a page to READ, or to NONE, which frees its frame.  False when it is
 * pinned: nothing changed, `unpinned` will be called.  True when it was that low already. */
bool vm_revoke(struct vm_region *r, uint64_t page, enum vm_prot prot) MUST_CHECK;
/* Lowers the protection to NONE but keeps the frame and its bytes; vm_grant shows it again.  False
 * as vm_revoke. */
bool vm_hide(struct vm_region *r, uint64_t page) MUST_CHECK;
/* The bytes of the page's frame whatever its protection, for pagers that look into pages or change
 * them (then with `make`); they stay where they are until the page is filled or its protection
 * raised.  `make`: when it has none and frames are without limit, one of zeroes is made, with
 * protection NONE.  Else NULL. */
uint8_t *vm_frame(struct vm_region *r, uint64_t page, bool make);
/* Answers an eviction: the frame is free.  The page must not be pinned (I: evict never offers one).
 */
void vm_discard(struct vm_region *r, uint64_t page);
/* Answers an eviction: not this page now; replacement takes another.  `why` is what waiting faults
 * end with when no other page could be replaced either: VM_NO_FRAMES, or what hinders the pager. */
void vm_keep(struct vm_region *r, uint64_t page, enum vm_status why);
void vm_set_clean(struct vm_region *r, uint64_t page);
enum vm_prot vm_page_prot(const struct vm_region *r, uint64_t page);
bool vm_page_pinned(const struct vm_region *r, uint64_t page);
/* A word of the pager's own for each page it has touched; 0 at first. */
void vm_page_set_user(struct vm_region *r, uint64_t page, void *user);
void *vm_page_user(const struct vm_region *r, uint64_t page);

/* ---- for who saves memory (os/ckpt) ---- */
/* Appends the page's bytes as they are now to `out`, sharing its frame until the next write; false
 * when it is not resident and its pager has nothing of it.  `watch`: it is write-protected, and
 * unchanged from now on, unless it is pinned. */
bool vm_snapshot(struct vm_region *r, uint64_t page, bool watch, struct rope *out) MUST_CHECK;
/* Of a page of which vm_snapshot has nothing, for its pager keeps it elsewhere: VM_OK: f->done is
 * called once its bytes have come, at the price of a page-in, though it gets no frame. */
enum vm_status vm_fetch(struct vm_region *r, uint64_t page, struct vm_fetch *f) MUST_CHECK;
/* The task of this space is about to be ended while the node lives on. */
void vm_space_end(struct vm_space *s);
/* Write-protects a page that is the same as what was saved of it. */
void vm_unchanged(struct vm_region *r, uint64_t page);
/* Ends that: it counts as changed, and is written without a fault. */
void vm_unwatch(struct vm_region *r, uint64_t page);
bool vm_changed(const struct vm_region *r, uint64_t page); /* false: or it was never touched */
/* fn is called in the thread that is about to write a page which is not changed, when the fault has
 * been taken; it may block.  In the place of who was told before; NULL: nobody. */
void vm_watch(struct vm_space *s, void (*fn)(void *arg, struct vm_region *r, uint64_t page),
              void *arg);
/* The regions of a space in the order in which they were mapped; r: NULL for the first. */
struct vm_region *vm_region_next(const struct vm_space *s, const struct vm_region *r);
/* The first page from `page` on that has a frame, that has been touched, or whose bytes this node
 * is to save (struct vm_saving_ops; its pager has that); vm_region_pages: none. */
uint64_t vm_page_resident(const struct vm_region *r, uint64_t page);
uint64_t vm_page_touched(const struct vm_region *r, uint64_t page);
uint64_t vm_page_saved(const struct vm_region *r, uint64_t page);
/* What was saved of a page comes back, before the program or anybody else looks at it. */
void vm_restore(struct vm_region *r, uint64_t page, struct rope *data);
/* What a pager has of a page elsewhere than in its frame is another now. */
void vm_change(struct vm_region *r, uint64_t page);
uint64_t vm_region_base(const struct vm_region *r);
enum vm_prot vm_region_limit(const struct vm_region *r);
const struct vm_pager_ops *vm_region_pager(const struct vm_region *r);

/* ---- for programs ---- */
#define VM_TLB 64
struct vm_tlb {
    uint64_t page; /* address >> shift, plus 1; 0: empty */
    uint8_t *bytes;
    enum vm_prot prot;
};
struct vm_view { /* the head of every vm_space: what the accessors look at */
    uint32_t shift;
    uint64_t mask;
    struct vm_tlb tlb[VM_TLB];
};

/* Makes [addr, addr+len), which lies in one page, accessible.  NULL when it cannot be: the failure
 * is told (see vm_on_error) and, unless a handler took it, the program's task ends as a crash does.
 * (blocks) */
void *vm_touch(struct vm_space *s, uint64_t addr, size_t len, enum vm_prot want);

/* The bytes of a range inside one page, for at once: as vm_touch, faster where the page was used
 * last.  (blocks on a fault) */
static inline void *vm_at(struct vm_space *s, uint64_t addr, size_t len, enum vm_prot want)
{
    const struct vm_view *v = (const struct vm_view *)(const void *)s;
    const struct vm_tlb *t = &v->tlb[(addr >> v->shift) & (VM_TLB - 1)];
    if (t->page == (addr >> v->shift) + 1 && t->prot >= want &&
        (addr & v->mask) + len <= v->mask + 1)
        return t->bytes + (addr & v->mask);
    return vm_touch(s, addr, len, want);
}

/* Typed accessors; the address is naturally aligned.  A failed load gives 0.  (block on a fault) */
#define VM_ACCESSORS(name, type)                                                                   \
    static inline type vm_load_##name(struct vm_space *s, uint64_t addr)                           \
    {                                                                                              \
        const type *p = vm_at(s, addr, sizeof(type), VM_READ);                                     \
        return p ? *p : (type)0;                                                                   \
    }                                                                                              \
    static inline void vm_store_##name(struct vm_space *s, uint64_t addr, type value)              \
    {                                                                                              \
        type *p = vm_at(s, addr, sizeof(type), VM_WRITE);                                          \
        if (p)                                                                                     \
            *p = value;                                                                            \
    }
VM_ACCESSORS(u8, uint8_t)   /* vm_load_u8, vm_store_u8 */
VM_ACCESSORS(u32, uint32_t) /* vm_load_u32, vm_store_u32 */
VM_ACCESSORS(u64, uint64_t) /* vm_load_u64, vm_store_u64 */
VM_ACCESSORS(f64, double)   /* vm_load_f64, vm_store_f64 */

/* Copies from memory to a program's buffer, any length and alignment; false when an access failed:
 * what lies in pages before it is copied.  (blocks on a fault) */
bool vm_read(struct vm_space *s, uint64_t addr, void *out, size_t len) MUST_CHECK;
/* The same from a buffer to memory. */
bool vm_write(struct vm_space *s, uint64_t addr, const void *in, size_t len) MUST_CHECK;

/* Pins the page of `addr` and returns its bytes from there on; *got is how many of `len` lie in it.
 * Ended by vm_unspan with the same address.  NULL as vm_touch.  (blocks) */
void *vm_span(struct vm_space *s, uint64_t addr, size_t len, enum vm_prot want, size_t *got);
void vm_unspan(struct vm_space *s, uint64_t addr);

/* Who is told of failed accesses instead of ending the task: returns true when it has taken it. */
struct vm_error {
    enum vm_status status;
    uint64_t addr;
    enum vm_prot want;
    char text[160]; /* the sentence: names node, address and program */
};
/* From now on, in the place of who was told before; NULL: nobody. */
void vm_on_error(struct vm_space *s, bool (*fn)(void *arg, const struct vm_error *e), void *arg);

extern const struct counter vm_counters[]; /* "vm.*" */
/* The program of this vm, one thread, is a customer from now on (port_stage): a fault is a request
 * and told as `inside` (MEASURE_INSIDE) when it has ended, the time between two as `outside`. */
void vm_customer(struct vm *vm, const struct measure *inside, const struct measure *outside);

/* ---- replacement policies ---- */
struct vm_page;
struct vm_replacement_ops {
    struct kind kind;
    /* The page's frame was just filled; it was used; it leaves.  `order` is the list of resident
     * pages. */
    void (*filled)(struct list *order, struct vm_page *pg);
    void (*used)(struct list *order, struct vm_page *pg);
    /* The next candidate (it stays in the list), or NULL when none can be replaced. */
    struct vm_page *(*victim)(struct list *order);
};
extern const struct kind_set vm_replacements; /* clock, lru, fifo */

/* ---- pagers that need nobody else ---- */
extern const struct vm_pager_ops vm_pager_zero; /* zero fill, keeps everything resident */
/* One over a disk or memory servers: os/vm/store.h; of memory that came from another task by copy
 * on write: os/vm/copy.h. */

#endif
