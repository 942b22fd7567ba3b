/* ranges.c: what of a program's memory is saved, as the program says.  Ranges are few: they are
 * looked through one by one.
 */
#include "os/ckpt/ckpt_internal.h"

static void add(struct ckpt *c, enum ckpt_range_kind kind, uint64_t base, uint64_t length)
{
    struct ckpt_ranges *r = &c->ranges;
    ASSERT(c->space && base % c->page_bytes == 0 && length % c->page_bytes == 0 && length > 0);
    if (r->count == r->room) {
        r->room = r->room > 0 ? 2 * r->room : 8;
        r->list = port_realloc(c->port, r->list, r->room * sizeof *r->list);
    }
    r->list[r->count++] = (struct ckpt_range){ kind, base, length };
    r->some[kind] = true;
}

void ckpt_exclude(struct ckpt *c, uint64_t base, uint64_t length)
{
    add(c, CKPT_EXCLUDED, base, length);
}

void ckpt_only(struct ckpt *c, uint64_t base, uint64_t length)
{
    add(c, CKPT_NAMED, base, length);
}

/* A page that was loaded is the same as what was saved of it. */
void ckpt_read_only(struct ckpt *c, uint64_t base, uint64_t length)
{
    add(c, CKPT_READ_ONLY, base, length);
    struct vm_region *r = NULL;
    uint32_t region = UINT32_MAX;
    for (uint64_t k = 0; k < c->last.count; k++) {
        const struct ckpt_entry *e = &c->last.pages[k];
        for (; region != e->region; region++)
            r = vm_region_next(c->space, r);
        if (vm_region_base(r) + e->page * c->page_bytes - base < length)
            vm_unchanged(r, e->page);
    }
    port_pay(c->port);
}

void ckpt_ranges_clear(struct ckpt *c)
{
    c->ranges.count = 0;
    for (int k = 0; k < CKPT_RANGE_KINDS; k++)
        c->ranges.some[k] = false;
}

static bool is_in(const struct ckpt *c, enum ckpt_range_kind kind, uint64_t at)
{
    const struct ckpt_ranges *r = &c->ranges;
    if (!r->some[kind])
        return false;
    for (uint32_t i = 0; i < r->count; i++)
        if (r->list[i].kind == kind && at - r->list[i].base < r->list[i].length)
            return true;
    return false;
}

bool ckpt_is_saved(const struct ckpt *c, const struct vm_region *r, uint64_t page)
{
    uint64_t at = vm_region_base(r) + page * c->page_bytes;
    return !is_in(c, CKPT_EXCLUDED, at) &&
           (!c->ranges.some[CKPT_NAMED] || is_in(c, CKPT_NAMED, at));
}

bool ckpt_is_read_only(const struct ckpt *c, const struct vm_region *r, uint64_t page)
{
    return is_in(c, CKPT_READ_ONLY, vm_region_base(r) + page * c->page_bytes);
}
