/* pagers.c: pagers that need nobody else: zero fill, and swap on a block device.
 *
 * Swap: slot of a page = its number in the region; a page that was never written out is zero.
 *   W1  A page's newest bytes are in its frame, or in its slot, or on the way to it.
 */
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
    vm_keep(r, page);
}

const struct vm_pager_ops vm_pager_zero = {
    .name = "zero",
    .fault = zero_fault,
    .evict = zero_evict,
};

struct vm_swap {
    struct vm *vm;
    uint32_t device, sectors_per_page, sector_bytes;
    uint64_t first, pages;
    uint8_t *written; /* one bit a page: its slot holds bytes */
};

struct swap_io {
    struct port_io io;
    struct vm_region *region;
    uint64_t page;
};

struct vm_swap *vm_swap_create(struct vm *vm, uint32_t device, uint64_t first_sector,
                               uint64_t sectors)
{
    struct port_blk_info info;
    port_blk_describe(vm->port, device, &info);
    uint64_t size = vm_page_bytes(vm);
    struct vm_swap *w = port_alloc(vm->port, sizeof *w);
    w->vm = vm;
    w->device = device;
    w->sector_bytes = info.sector_bytes;
    w->sectors_per_page = (uint32_t)((size + info.sector_bytes - 1) / info.sector_bytes);
    w->first = first_sector;
    w->pages = sectors / w->sectors_per_page;
    w->written = port_alloc(vm->port, (w->pages + 7) / 8);
    return w;
}

static void swap_done(struct port_io *io);

static struct swap_io *swap_io_new(struct vm_swap *w, struct vm_region *r, uint64_t page,
                                   bool write)
{
    struct swap_io *s = port_alloc(w->vm->port, sizeof *s);
    s->region = r;
    s->page = page;
    s->io = (struct port_io){ .write = write,
                              .sector = w->first + page * w->sectors_per_page,
                              .sectors = w->sectors_per_page,
                              .done = swap_done,
                              .arg = s };
    rope_init(&s->io.data);
    return s;
}

static void swap_done(struct port_io *io)
{
    struct swap_io *s = io->arg;
    struct vm_region *r = s->region;
    struct vm_swap *w = r->object;
    uint64_t size = vm_page_bytes(w->vm);
    if (io->write) {
        if (io->status == PORT_IO_OK) {
            w->written[s->page / 8] |= (uint8_t)(1u << s->page % 8);
            vm_discard(r, s->page);
        } else {
            port_remark(w->vm->port, "swap: page %llu could not be written",
                        (unsigned long long)s->page);
            vm_keep(r, s->page);
        }
    } else if (io->status == PORT_IO_OK) {
        rope_truncate(&io->data, size);
        vm_supply(r, s->page, &io->data, VM_WRITE);
    } else {
        vm_fail(r, s->page, VM_IO);
    }
    rope_fini(&io->data);
    port_free(w->vm->port, s);
}

static void swap_fault(struct vm_region *r, uint64_t page, enum vm_prot have, enum vm_prot want)
{
    struct vm_swap *w = r->object;
    if (have != VM_NONE) {
        vm_grant(r, page, want);
    } else if (page >= w->pages) {
        vm_fail(r, page, VM_IO);
    } else if (!(w->written[page / 8] >> page % 8 & 1)) {
        vm_supply(r, page, NULL, VM_WRITE);
    } else {
        port_work(w->vm->port, PORT_WORK_IO, 1);
        port_blk_submit(w->vm->port, w->device, &swap_io_new(w, r, page, false)->io);
    }
}

static void swap_evict(struct vm_region *r, uint64_t page, bool dirty)
{
    struct vm_swap *w = r->object;
    if (!dirty) {
        vm_discard(r, page);
        return;
    }
    struct swap_io *s = swap_io_new(w, r, page, true);
    if (!vm_contents(r, page, &s->io.data))
        ASSERT_MSG(false, "an evicted page has no frame");
    uint64_t slot = (uint64_t)w->sectors_per_page * w->sector_bytes;
    if (slot > s->io.data.length)
        rope_add_zero(&s->io.data, slot - s->io.data.length);
    port_work(w->vm->port, PORT_WORK_IO, 1);
    port_blk_submit(w->vm->port, w->device, &s->io);
}

const struct vm_pager_ops vm_pager_swap = {
    .name = "swap",
    .fault = swap_fault,
    .evict = swap_evict,
};
