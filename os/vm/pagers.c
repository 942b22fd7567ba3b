/* pagers.c: pagers that need nobody else: zero fill, and private memory over a store; swap, the
 * store on a block device.
 *
 * Swap: slot of a page = its number in the region.
 *   PAGER1  A page's newest bytes are in its frame, or in the store, or on the way to it.
 */
#include "os/vm/store.h"
#include "os/vm/vm_internal.h"

static void zero_fault(struct vm_region *r, uint64_t page, enum vm_prot have, enum vm_prot want)
{
    if (have == VM_NONE)
        vm_supply(r, page, NULL, VM_WRITE);
    else
        vm_grant(r, page, want);
}

static void zero_evict(struct vm_region *r, uint64_t page, bool dirty)
{
    (void)dirty;
    vm_keep(r, page, VM_NO_FRAMES);
}

static void zero_restore(struct vm_region *r, uint64_t page, struct rope *data)
{
    vm_supply(r, page, data, VM_WRITE);
}

static const struct vm_saving_ops zero_saving = {
    .next = vm_page_resident,
    .restore = zero_restore,
};

static void zero_removed(struct vm_region *r)
{
    (void)r; /* its frames were all */
}

const struct vm_pager_ops vm_pager_zero = {
    .name = "zero",
    .saving = &zero_saving,
    .removed = zero_removed,
    .fault = zero_fault,
    .evict = zero_evict,
};

/* ---- private memory over a store ---- */

struct backed_io {
    struct vm_store_io io;
    struct vm_region *region;
};

static struct vm_store_io *backed_io_new(struct vm_region *r, uint64_t page,
                                         void (*done)(struct vm_store_io *io))
{
    struct backed_io *b = port_alloc(r->space->vm->port, sizeof *b);
    b->region = r;
    b->io = (struct vm_store_io){ .page = page, .done = done, .arg = b };
    rope_init(&b->io.data);
    return &b->io;
}

static void backed_io_free(struct backed_io *b)
{
    rope_fini(&b->io.data);
    port_free(b->region->space->vm->port, b);
}

/* The word of a page: the store has it. */
static char kept_there;

static bool is_there(const struct vm_region *r, uint64_t page)
{
    return vm_page_user(r, page) == &kept_there;
}

/* ---- who saves it ---- */

static struct list *wanted(struct vm_region *r)
{
    struct vm_store *b = r->object;
    if (!b->wanted) {
        b->wanted = port_alloc(r->space->vm->port, sizeof *b->wanted);
        list_init(b->wanted);
    }
    return b->wanted;
}

static struct vm_fetch *fetch_of(struct vm_region *r, uint64_t page)
{
    LIST_EACH (l, wanted(r)) {
        struct vm_fetch *f = LIST_ENTRY(l, struct vm_fetch, link);
        if (f->page == page)
            return f;
    }
    return NULL;
}

static void fetched(struct vm_region *r, const struct vm_store_io *io)
{
    for (struct vm_fetch *f; (f = fetch_of(r, io->page));) {
        list_remove(&f->link);
        f->status = io->status;
        if (io->status == VM_OK)
            rope_add_slice(&f->data, &io->data, 0, io->data.length);
        f->done(f);
    }
}

static void paged_in(struct vm_store_io *io)
{
    struct backed_io *b = io->arg;
    struct vm_region *r = b->region;
    struct vm_page *pg = vm_page_get(r, io->page);
    if (is_there(r, io->page) && io->status == VM_OK && io->data.length == 0)
        io->status = VM_LOST;
    fetched(r, io);
    if (io->status != VM_OK)
        vm_fail(r, io->page, io->status);
    else if (!is_there(r, io->page))
        vm_supply(r, io->page, NULL, VM_WRITE);
    else if (list_empty(&pg->waiters)) /* no program has asked for it */
        pg->faulting = false;
    else
        vm_supply_back(r, io->page, &io->data, VM_WRITE);
    backed_io_free(b);
}

static void page_in(struct vm_region *r, uint64_t page)
{
    struct vm_store *b = r->object;
    b->ops->get(b, backed_io_new(r, page, paged_in));
}

static enum vm_status backed_fetch(struct vm_region *r, uint64_t page, struct vm_fetch *f)
{
    struct vm_page *pg = vm_page_get(r, page);
    if (!is_there(r, page) && !pg->evicting)
        return VM_LOST;
    f->page = page;
    list_push(wanted(r), &f->link);
    if (!list_empty(&pg->starved)) { /* it has come, and waits for a frame */
        struct vm_store_io io = { .page = page, .status = VM_OK };
        rope_copy(&io.data, &pg->data);
        fetched(r, &io);
        rope_fini(&io.data);
    } else if (!pg->faulting && !pg->evicting) {
        pg->faulting = true;
        page_in(r, page);
    } /* else it is on its way here, or there */
    return VM_OK;
}

static uint64_t backed_next(const struct vm_region *r, uint64_t page)
{
    for (page = vm_page_touched(r, page); page < r->pages; page = vm_page_touched(r, page + 1)) {
        const struct vm_page *pg = vm_page_find(r, page);
        if (pg->bytes || is_there(r, page))
            return page;
    }
    return r->pages;
}

/* What was saved is at the store: as an eviction of a page without a frame. */
static void put_back(struct vm_store_io *io)
{
    struct backed_io *b = io->arg;
    struct vm_region *r = b->region;
    if (io->status != VM_OK)
        port_fail(r->space->vm->port, "program %s cannot go on: a page cannot be put back: %s",
                  r->space->program, vm_status_name(io->status));
    vm_discard(r, io->page);
    struct vm_page *pg = vm_page_get(r, io->page);
    if (fetch_of(r, io->page) && !pg->faulting) {
        pg->faulting = true;
        page_in(r, io->page);
    }
    backed_io_free(b);
}

static void backed_restore(struct vm_region *r, uint64_t page, struct rope *data)
{
    struct vm *vm = r->space->vm;
    struct vm_store *b = r->object;
    struct vm_page *pg = vm_page_get(r, page);
    if (vm->params.frames == 0 || vm->counts.frames + 1 < (uint64_t)vm->params.frames) {
        vm_supply(r, page, data, VM_WRITE);
        pg->dirty = true; /* the store has nothing of it */
        return;
    }
    struct vm_store_io *io = backed_io_new(r, page, put_back);
    rope_move(&io->data, data);
    vm_page_set_user(r, page, &kept_there);
    pg->evicting = true;
    vm->evicting++;
    b->ops->put(b, io);
}

static void backed_ended(struct vm_region *r)
{
    struct vm_store *b = r->object;
    if (b->ops->close)
        b->ops->close(b);
}

static const struct vm_saving_ops backed_saving = {
    .next = backed_next,
    .fetch = backed_fetch,
    .restore = backed_restore,
};

/* ---- faults and evictions ---- */

static void paged_out(struct vm_store_io *io)
{
    struct backed_io *b = io->arg;
    if (io->status == VM_OK) {
        vm_page_set_user(b->region, io->page, &kept_there);
        vm_discard(b->region, io->page);
    } else {
        vm_keep(b->region, io->page, io->status);
    }
    backed_io_free(b);
}

static void backed_fault(struct vm_region *r, uint64_t page, enum vm_prot have, enum vm_prot want)
{
    if (have != VM_NONE)
        vm_grant(r, page, want);
    else
        page_in(r, page);
}

/* A clean page is in the store as it is, or was never written and is zero. */
static void backed_evict(struct vm_region *r, uint64_t page, bool dirty)
{
    struct vm_store *b = r->object;
    if (!dirty) {
        vm_discard(r, page);
        return;
    }
    struct vm_store_io *io = backed_io_new(r, page, paged_out);
    if (!vm_contents(r, page, &io->data))
        ASSERT_MSG(false, "an evicted page has no frame");
    b->ops->put(b, io);
}

const struct vm_pager_ops vm_pager_store = {
    .name = "store",
    .fault = backed_fault,
    .evict = backed_evict,
    .saving = &backed_saving,
    .ended = backed_ended,
};

/* ---- swap ---- */

struct swap {
    struct vm_store store; /* first */
    struct port *port;
    uint32_t device, sectors_per_page, sector_bytes;
    uint64_t page_bytes, first, pages;
    uint8_t *written; /* one bit a page: its slot holds bytes */
    uint8_t *busy;    /* one bit a page: its slot is being read or written */
};

struct swap_io {
    struct port_io io;
    struct swap *swap;
    struct vm_store_io *request;
};

static const struct vm_store_ops swap_ops;

const struct counter vm_store_counters[] = {
    C_SUM(vm_store, counts, puts, "1", "Pages kept."),
    C_SUM(vm_store, counts, gets, "1", "Pages fetched that had been put."),
    C_SUM(vm_store, counts, disk, "1", "Transfers of a page to or from a disk that these took."),
    C_SUM(vm_store, counts, from_mirror, "1", "Gets that the second server answered."),
    C_SUM(vm_store, counts, from_backup, "1", "Gets that the backup answered."),
    C_SUM(vm_store, counts, lost, "1", "Gets that found nothing any more."),
    C_END,
};

struct vm_store *vm_swap_create(struct vm *vm, uint32_t device, uint64_t first_sector,
                                uint64_t sectors)
{
    struct port_blk_info info;
    port_blk_describe(vm->port, device, &info);
    struct swap *w = port_alloc(vm->port, sizeof *w);
    w->store.ops = &swap_ops;
    w->port = vm->port;
    w->device = device;
    w->page_bytes = vm_page_bytes(vm);
    w->sector_bytes = info.sector_bytes;
    w->sectors_per_page = (uint32_t)((w->page_bytes + info.sector_bytes - 1) / info.sector_bytes);
    w->first = first_sector;
    w->pages = sectors / w->sectors_per_page;
    w->written = port_alloc(vm->port, (w->pages + 7) / 8);
    w->busy = port_alloc(vm->port, (w->pages + 7) / 8);
    port_counters(vm->port, "paging", vm_store_counters, &w->store);
    return &w->store;
}

static struct swap *swap_of(struct vm_store *b)
{
    return CONTAINER_OF(b, struct swap, store);
}

static void swap_done(struct port_io *io)
{
    struct swap_io *s = io->arg;
    struct swap *w = s->swap;
    struct vm_store_io *r = s->request;
    r->status = io->status == PORT_IO_OK ? VM_OK : VM_IO;
    w->busy[r->page / 8] ^= (uint8_t)(1u << r->page % 8);
    w->store.counts.disk++;
    if (io->status != PORT_IO_OK) {
        port_remark(w->port, "swap: page %llu could not be %s", (unsigned long long)r->page,
                    io->op == PORT_IO_WRITE ? "written" : "read");
    } else if (io->op == PORT_IO_WRITE) {
        w->store.counts.puts++;
        w->written[r->page / 8] |= (uint8_t)(1u << r->page % 8);
    } else {
        w->store.counts.gets++;
        rope_truncate(&io->data, w->page_bytes);
        rope_move(&r->data, &io->data);
    }
    rope_fini(&io->data);
    port_free(w->port, s);
    r->done(r);
}

static void swap_submit(struct swap *w, struct vm_store_io *r, bool write)
{
    struct swap_io *s = port_alloc(w->port, sizeof *s);
    ASSERT((w->busy[r->page / 8] >> r->page % 8 & 1) == 0); /* VMS1 */
    w->busy[r->page / 8] ^= (uint8_t)(1u << r->page % 8);
    s->swap = w;
    s->request = r;
    s->io = (struct port_io){ .op = write ? PORT_IO_WRITE : PORT_IO_READ,
                              .sector = w->first + r->page * w->sectors_per_page,
                              .sectors = w->sectors_per_page,
                              .done = swap_done,
                              .arg = s };
    rope_init(&s->io.data);
    if (write) {
        uint64_t slot = (uint64_t)w->sectors_per_page * w->sector_bytes;
        rope_move(&s->io.data, &r->data);
        if (slot > w->page_bytes)
            rope_add_zero(&s->io.data, slot - w->page_bytes);
    }
    port_work(w->port, PORT_WORK_IO, 1);
    port_blk_submit(w->port, w->device, &s->io);
}

static void swap_put(struct vm_store *b, struct vm_store_io *r)
{
    struct swap *w = swap_of(b);
    if (r->page < w->pages) {
        swap_submit(w, r, true);
        return;
    }
    r->status = VM_NO_FRAMES;
    r->done(r);
}

static void swap_get(struct vm_store *b, struct vm_store_io *r)
{
    struct swap *w = swap_of(b);
    if (r->page < w->pages && (w->written[r->page / 8] >> r->page % 8 & 1)) {
        swap_submit(w, r, false);
        return;
    }
    r->status = VM_OK;
    r->done(r);
}

static void swap_drop(struct vm_store *b, uint64_t page)
{
    struct swap *w = swap_of(b);
    if (page < w->pages)
        w->written[page / 8] &= (uint8_t) ~(1u << page % 8);
}

static const struct vm_store_ops swap_ops = {
    .name = "swap",
    .put = swap_put,
    .get = swap_get,
    .drop = swap_drop,
};
