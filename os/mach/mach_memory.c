/* mach_memory.c: data out of line: from a task's memory into a message, and out of it, by copy on
 * write (os/vm/copy.h).  A message holds whole pages, as a rope that shares their frames. */
#include "os/mach/mach_internal.h"
#include "os/vm/copy.h"

/* Is [first, first + length) one region as it was mapped? */
static bool is_region(const struct vm_space *s, uint64_t first, uint64_t length)
{
    const struct vm_region *r = vm_region_at(s, first);
    return r && vm_region_base(r) == first &&
           vm_region_pages(r) * vm_page_bytes(vm_space_vm(s)) == length;
}

bool mach_memory_take(struct mach_task *t, const struct mach_item *it, struct mach_kitem *to)
{
    struct vm_space *s = t->memory;
    uint64_t mask = s ? vm_page_bytes(vm_space_vm(s)) - 1 : 0;
    uint64_t first = it->address & ~mask, end = (it->address + it->bytes + mask) & ~mask;
    to->out_of_line = true;
    if (it->bytes == 0)
        return true;
    if (!s || end <= first || (it->deallocate && !is_region(s, first, end - first)) ||
        vm_share(s, first, end - first, it->deallocate, &to->data) != VM_OK)
        return false;
    to->offset = (uint32_t)(it->address & mask);
    to->bytes = it->bytes;
    t->mach->counts.pages += (end - first) / (mask + 1);
    return !it->deallocate || vm_remove(vm_region_at(s, first));
}

bool mach_memory_give(struct mach_task *t, struct mach_kitem *from, struct mach_item *it)
{
    struct vm_space *s = t->memory;
    uint64_t page = s ? vm_page_bytes(vm_space_vm(s)) : 1, over = from->data.length % page;
    struct rope pages;
    it->out_of_line = it->deallocate = true;
    it->address = 0;
    it->bytes = from->bytes;
    if (from->bytes == 0)
        return true;
    rope_move(&pages, &from->data);
    if (over > 0) /* they come from a node with other pages */
        rope_add_zero(&pages, page - over);
    if (s)
        it->address = vm_map_copy(s, &pages);
    rope_fini(&pages);
    if (it->address == 0)
        return false;
    it->address += from->offset;
    return true;
}

bool mach_vm_deallocate(struct mach_task *t, uint64_t address)
{
    struct vm_region *r = t->memory ? vm_region_at(t->memory, address) : NULL;
    port_work(t->port, PORT_WORK_TRAP, 1);
    return r && vm_remove(r);
}
