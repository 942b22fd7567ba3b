/* copy.c: sharing frames, and the pager of regions that were made of shared ones.
 *
 * Such a region's object has the bytes of each page that has no frame.  A page that was read has a
 * frame that others may hold, and is write-protected; one that was written has its own.
 */
#include "os/vm/copy.h"
#include "os/vm/vm_internal.h"

struct copied {
    uint64_t pages;
    struct rope page[]; /* empty: it is in its frame */
};

/* ---- sharing ---- */

static void take(struct vm_page *pg, bool last, struct rope *out)
{
    struct vm *vm = pg->region->space->vm;
    uint64_t size = vm_page_bytes(vm);
    if (pg->pins > 0) { /* a program holds a pointer to it */
        rope_add_bytes(out, pg->bytes, size);
        port_work(vm->port, PORT_WORK_COPY, size);
        vm->counts.copied++;
        return;
    }
    rope_add_slice(out, &pg->data, 0, size);
    if (last)
        return;
    if (pg->prot == VM_WRITE && !pg->shared)
        port_work(vm->port, PORT_WORK_MAP, 1);
    vm_tlb_drop(pg);
    pg->shared = true;
}

enum vm_status vm_share(struct vm_space *s, uint64_t addr, uint64_t length, bool last,
                        struct rope *out)
{
    enum vm_status status = VM_OK;
    struct rope got;
    ASSERT(((addr | length) & s->view.mask) == 0);
    rope_init(&got);
    for (uint64_t at = 0; status == VM_OK && at < length; at += s->view.mask + 1) {
        struct vm_page *pg = NULL;
        status = vm_ready(s, addr + at, VM_READ, &pg);
        if (status == VM_OK)
            take(pg, last, &got);
    }
    if (status == VM_OK)
        rope_join(out, &got);
    rope_fini(&got);
    return status;
}

/* ---- regions that were shared ---- */

static void fault(struct vm_region *r, uint64_t page, enum vm_prot have, enum vm_prot want)
{
    struct copied *c = r->object;
    if (have != VM_NONE) {
        vm_page_get(r, page)->shared = true;
        vm_grant(r, page, want);
        return;
    }
    if (want == VM_WRITE)
        vm_pay_copy(r->space->vm, &c->page[page]);
    vm_supply(r, page, &c->page[page], want);
}

static void give_back(struct vm_region *r, uint64_t page, struct rope *data)
{
    struct copied *c = r->object;
    rope_join(&c->page[page], data);
}

static void evict(struct vm_region *r, uint64_t page, bool dirty)
{
    struct rope data;
    if (dirty) {
        vm_keep(r, page, VM_NO_FRAMES);
        return;
    }
    rope_init(&data);
    if (!vm_contents(r, page, &data))
        ASSERT_MSG(false, "an evicted page has no frame");
    give_back(r, page, &data);
    vm_discard(r, page);
}

static void refused(struct vm_region *r, uint64_t page, struct rope *data, enum vm_prot prot)
{
    (void)prot;
    give_back(r, page, data);
}

static void removed(struct vm_region *r)
{
    struct copied *c = r->object;
    for (uint64_t i = 0; i < c->pages; i++)
        rope_fini(&c->page[i]);
    port_free(r->space->vm->port, c);
}

static const struct vm_pager_ops pager_copied = {
    .name = "copied",
    .fault = fault,
    .evict = evict,
    .refused = refused,
    .removed = removed,
};

/* The first hole of that length; 0: none. */
static uint64_t room(const struct vm_space *s, uint64_t length)
{
    uint64_t at = s->view.mask + 1;
    for (bool moved = true; moved;) {
        moved = false;
        for (const struct vm_region *r = s->regions; r; r = r->next) {
            uint64_t end = r->base + (r->pages << s->view.shift);
            if (at < end && r->base < at + length) {
                at = end;
                moved = true;
            }
        }
        if (at + length < at)
            return 0;
    }
    return at;
}

uint64_t vm_map_copy(struct vm_space *s, struct rope *data)
{
    struct port *p = s->vm->port;
    uint64_t size = s->view.mask + 1, pages = data->length >> s->view.shift;
    uint64_t at = room(s, data->length);
    ASSERT(data->length > 0 && (data->length & s->view.mask) == 0);
    port_work(p, PORT_WORK_ALLOC, 1);
    if (at != 0) {
        struct copied *c = port_alloc(p, sizeof *c + pages * sizeof c->page[0]);
        struct rope_cursor from;
        rope_cursor_init(&from, data);
        c->pages = pages;
        for (uint64_t i = 0; i < pages; i++) {
            rope_init(&c->page[i]);
            rope_cursor_take(&from, size, &c->page[i]);
        }
        if (!vm_map(s, at, data->length, VM_WRITE, &pager_copied, c))
            ASSERT_MSG(false, "room for a region is none");
    }
    rope_fini(data);
    return at;
}

bool vm_remove(struct vm_region *r)
{
    struct port *p = r->space->vm->port;
    if (!r->pager->removed)
        return false;
    for (uint64_t i = vm_page_touched(r, 0); i < r->pages; i = vm_page_touched(r, i + 1)) {
        const struct vm_page *pg = vm_page_find(r, i);
        if (pg->pins > 0 || pg->faulting || pg->evicting || !list_empty(&pg->waiters) ||
            !list_empty(&pg->starved))
            return false;
    }
    for (uint64_t i = vm_page_resident(r, 0); i < r->pages; i = vm_page_resident(r, i + 1)) {
        struct vm_page *pg = vm_page_find(r, i);
        port_work(p, PORT_WORK_INVALIDATE, 1);
        vm_tlb_drop(pg);
        vm_frame_free(pg);
    }
    r->pager->removed(r);
    vm_unmap(r);
    return true;
}
