/* vm.c: spaces, regions, page records, and what pagers may ask of a page. */
#include "os/vm/vm_internal.h"

const struct param vm_params_desc[] = {
    P_SIZE(vm_params, page, "4KiB", "64B", "1MiB", "Bytes of a page; a power of two.",
           "4 KB pages of the i860 [memory, high]"),
    P_INT(vm_params, frames, "0", "0", "1000000000",
          "Physical frames of a node for pages of pagers; 0 means no limit.",
          "ASSUMED(experiments that study paging set it)"),
    P_CHOICE_OF(vm_params, replacement, "clock", vm_replacements, "Which page gives up its frame.",
                "ASSUMED(clock is what Mach's pageout approximates)"),
    P_END,
};

static const char *const status_names[VM_STATUS_COUNT] = {
    [VM_OK] = "ok",
    [VM_OUTSIDE] = "address outside every region",
    [VM_PROTECTION] = "protection violation",
    [VM_NO_FRAMES] = "too few frames to make progress",
    [VM_UNREACHABLE] = "the page's server does not answer",
    [VM_LOST] = "the only copy of the page died with its node",
    [VM_IO] = "a device failed",
    [VM_OUT] = "this node has crashed and shares the memory no more",
    [VM_BEHIND] = "behind the end of the file",
};

const char *vm_status_name(enum vm_status s)
{
    return s < VM_STATUS_COUNT ? status_names[s] : "?";
}

static void retry(struct port_timer *t)
{
    vm_reclaim(t->arg);
}

static void tell(struct port_timer *t)
{
    vm_tell_unpinned(t->arg);
}

const struct counter vm_counters[] = {
    C_SUM(vm, counts, read_faults, "1", "Read faults handed to pagers."),
    C_SUM(vm, counts, write_faults, "1", "Write faults handed to pagers."),
    C_SUM(vm, counts, evictions, "1", "Pages whose frame was needed for another."),
    C_SUM(vm, counts, evictions_dirty, "1", "Of these, pages that had to be kept elsewhere first."),
    C_NOW(vm, counts, frames, "1", "Frames in use."),
    C_MOST(vm, counts, frames_most, "1", "Most frames in use of one node."),
    C_SUM(vm, counts, frame_waits, "1", "Pages that came and waited for a frame."),
    C_SUM(vm, counts, first_writes, "1",
          "Faults on pages that were protected when they were saved."),
    C_SUM(vm, counts, copied, "1", "Pages copied, for they were written while others held them."),
    C_END,
};

uint64_t vm_frames_in(const struct vm_params *params, uint64_t memory)
{
    uint64_t room = memory / (uint64_t)params->page, frames = (uint64_t)params->frames;
    if (memory == 0 || (frames > 0 && frames <= room))
        return frames;
    return room > 0 ? room : 1;
}

struct vm *vm_create(struct port *p, const struct vm_params *params)
{
    struct vm *vm = port_alloc(p, sizeof *vm);
    vm->port = p;
    vm->params = *params;
    ASSERT((params->page & (params->page - 1)) == 0);
    vm->params.frames = (int64_t)vm_frames_in(params, port_memory(p));
    vm->replacement = kind_at(&vm_replacements, params->replacement);
    list_init(&vm->order);
    list_init(&vm->starved);
    list_init(&vm->unpinned);
    port_timer_init(p, &vm->retry, retry, vm);
    port_timer_init(p, &vm->tell, tell, vm);
    port_counters(p, "vm", vm_counters, vm);
    return vm;
}

struct vm_space *vm_space_create(struct vm *vm, const char *program)
{
    struct vm_space *s = port_alloc(vm->port, sizeof *s);
    s->view.shift = (uint32_t)__builtin_ctzll((uint64_t)vm->params.page);
    s->view.mask = (uint64_t)vm->params.page - 1;
    s->vm = vm;
    s->program = program;
    s->next = vm->spaces;
    vm->spaces = s;
    return s;
}

struct vm_region *vm_map(struct vm_space *s, uint64_t base, uint64_t length, enum vm_prot limit,
                         const struct vm_pager_ops *pager, void *object)
{
    if (((base | length) & s->view.mask) != 0 || length == 0 || base + length < base)
        return NULL;
    for (struct vm_region *r = s->regions; r; r = r->next) {
        uint64_t end = r->base + (r->pages << s->view.shift);
        if (base < end && r->base < base + length)
            return NULL;
    }
    struct vm_region *r = port_alloc(s->vm->port, sizeof *r);
    *r = (struct vm_region){ .space = s,
                             .pager = pager,
                             .object = object,
                             .base = base,
                             .pages = length >> s->view.shift,
                             .limit = limit,
                             .next = s->regions };
    s->regions = r;
    return r;
}

static void free_table(struct vm_region *r, struct vm_page **table)
{
    struct port *p = r->space->vm->port;
    for (uint32_t i = 0; i < VM_TABLE; i++) {
        struct vm_page *chunk = table[i];
        for (uint32_t k = 0; chunk && k < VM_CHUNK; k++) {
            const struct vm_page *pg = &chunk[k];
            ASSERT_MSG(!pg->bytes && pg->pins == 0 && !pg->faulting && !pg->evicting &&
                           list_empty(&pg->waiters) && list_empty(&pg->starved),
                       "a page of a region that ends is in use");
            list_remove(&chunk[k].told);
        }
        port_free(p, chunk);
    }
    port_free(p, table);
}

void vm_unmap(struct vm_region *r)
{
    struct port *p = r->space->vm->port;
    struct vm_region **at = &r->space->regions;
    uint64_t covers = (uint64_t)VM_CHUNK * VM_TABLE;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    for (uint64_t i = 0; r->tables && i < (r->pages + covers - 1) / covers; i++)
        if (r->tables[i])
            free_table(r, r->tables[i]);
    port_free(p, r->tables);
    port_free(p, r);
}

void *vm_region_object(const struct vm_region *r)
{
    return r->object;
}

struct vm *vm_space_vm(const struct vm_space *s)
{
    return s->vm;
}

struct vm *vm_region_vm(const struct vm_region *r)
{
    return r->space->vm;
}

uint64_t vm_region_pages(const struct vm_region *r)
{
    return r->pages;
}

uint64_t vm_page_bytes(const struct vm *vm)
{
    return (uint64_t)vm->params.page;
}

uint64_t vm_frames_limit(const struct vm *vm)
{
    return (uint64_t)vm->params.frames;
}

struct port *vm_port(const struct vm *vm)
{
    return vm->port;
}

struct vm_page *vm_page_find(const struct vm_region *r, uint64_t page)
{
    ASSERT(page < r->pages);
    uint64_t number = page >> VM_CHUNK_SHIFT;
    struct vm_page **table = r->tables ? r->tables[number >> VM_TABLE_SHIFT] : NULL;
    struct vm_page *chunk = table ? table[number & (VM_TABLE - 1)] : NULL;
    return chunk ? &chunk[page & (VM_CHUNK - 1)] : NULL;
}

static struct vm_page *make_chunk(struct vm_region *r, uint64_t first)
{
    struct vm_page *chunk = port_alloc(r->space->vm->port, VM_CHUNK * sizeof *chunk);
    for (uint32_t i = 0; i < VM_CHUNK; i++) {
        list_init(&chunk[i].order);
        list_init(&chunk[i].waiters);
        list_init(&chunk[i].starved);
        list_init(&chunk[i].told);
        rope_init(&chunk[i].data);
        chunk[i].region = r;
        chunk[i].index = first + i;
    }
    return chunk;
}

struct vm_page *vm_page_get(struct vm_region *r, uint64_t page)
{
    struct vm_page *pg = vm_page_find(r, page);
    if (pg)
        return pg;
    struct port *p = r->space->vm->port;
    uint64_t number = page >> VM_CHUNK_SHIFT, covers = (uint64_t)VM_CHUNK * VM_TABLE;
    if (!r->tables)
        r->tables = port_alloc(p, (r->pages + covers - 1) / covers * sizeof *r->tables);
    struct vm_page ***table = &r->tables[number >> VM_TABLE_SHIFT];
    if (!*table)
        *table = port_alloc(p, VM_TABLE * sizeof **table);
    struct vm_page *chunk = make_chunk(r, page & ~(uint64_t)(VM_CHUNK - 1));
    (*table)[number & (VM_TABLE - 1)] = chunk;
    return &chunk[page & (VM_CHUNK - 1)];
}

void vm_tlb_drop(struct vm_page *pg)
{
    struct vm_view *v = &pg->region->space->view;
    uint64_t number = (pg->region->base >> v->shift) + vm_page_index(pg);
    struct vm_tlb *t = &v->tlb[number & (VM_TLB - 1)];
    if (t->page == number + 1)
        *t = (struct vm_tlb){ .page = 0 };
}

/* ---- what pagers ask ---- */

/* What was supplied waits for a frame: to pagers the page is there (VM3). */
static bool starved(const struct vm_page *pg)
{
    return !list_empty(&pg->starved);
}

void vm_supply(struct vm_region *r, uint64_t page, struct rope *data, enum vm_prot prot)
{
    struct vm *vm = r->space->vm;
    struct vm_page *pg = vm_page_get(r, page);
    ASSERT(!data || data->length == vm_page_bytes(vm));
    ASSERT(list_empty(&pg->starved));
    bool full = vm->params.frames > 0 && vm->counts.frames >= (uint64_t)vm->params.frames;
    if (pg->bytes || !full) {
        vm_frame_fill(pg, data, prot);
        return;
    }
    vm->counts.frame_waits++;
    pg->supply_zero = data == NULL;
    pg->supply_prot = (uint8_t)prot;
    if (data)
        rope_move(&pg->data, data);
    list_push(&vm->starved, &pg->starved);
    vm_reclaim(vm);
}

void vm_supply_back(struct vm_region *r, uint64_t page, struct rope *data, enum vm_prot prot)
{
    vm_page_get(r, page)->supply_back = true;
    vm_supply(r, page, data, prot);
}

void vm_grant(struct vm_region *r, uint64_t page, enum vm_prot prot)
{
    struct vm_page *pg = vm_page_get(r, page);
    if (starved(pg)) { /* those that wait go on once there is a frame */
        if (prot > pg->supply_prot)
            pg->supply_prot = (uint8_t)prot;
        return;
    }
    ASSERT_MSG(pg->bytes, "a page without a frame is granted (VM1)");
    port_work(r->space->vm->port, PORT_WORK_MAP, 1);
    if (prot > pg->prot)
        pg->prot = (uint8_t)prot;
    if (pg->prot == VM_WRITE) {
        vm_unshare(pg);
        vm_frame_own(pg);
    }
    pg->faulting = false;
    vm_wake_waiters(pg, VM_OK);
}

void vm_fail(struct vm_region *r, uint64_t page, enum vm_status status)
{
    struct vm_page *pg = vm_page_get(r, page);
    struct rope data;
    bool waited = !list_empty(&pg->starved);
    rope_init(&data);
    if (waited)
        rope_move(&data, &pg->data);
    list_remove(&pg->starved);
    pg->faulting = false;
    if (waited)
        pg->want_unpinned = false;
    vm_wake_waiters(pg, status);
    if (waited && r->pager->refused)
        r->pager->refused(r, page, pg->supply_zero ? NULL : &data, (enum vm_prot)pg->supply_prot);
    rope_fini(&data);
}

static enum vm_prot prot_of(const struct vm_page *pg)
{
    return (enum vm_prot)(starved(pg) ? pg->supply_prot : pg->prot);
}

bool vm_contents(struct vm_region *r, uint64_t page, struct rope *out)
{
    struct vm_page *pg = vm_page_find(r, page);
    uint64_t size = vm_page_bytes(r->space->vm);
    if (!pg || (!pg->bytes && !starved(pg)))
        return false;
    if (!pg->bytes && pg->supply_zero)
        rope_add_zero(out, size);
    else if (pg->bytes && (pg->prot == VM_WRITE || pg->pins > 0)) /* it may change */
        rope_add_bytes(out, pg->bytes, size);
    else
        rope_add_slice(out, &pg->data, 0, size);
    return true;
}

bool vm_revoke(struct vm_region *r, uint64_t page, enum vm_prot prot)
{
    struct vm_page *pg = vm_page_find(r, page);
    if (!pg || prot_of(pg) <= prot)
        return true;
    if (pg->pins > 0 || starved(pg)) {
        pg->want_unpinned = true;
        return false;
    }
    port_work(r->space->vm->port, prot == VM_NONE ? PORT_WORK_INVALIDATE : PORT_WORK_MAP, 1);
    vm_tlb_drop(pg);
    pg->prot = (uint8_t)prot;
    if (prot == VM_NONE)
        vm_frame_free(pg);
    return true;
}

void vm_discard(struct vm_region *r, uint64_t page)
{
    struct vm *vm = r->space->vm;
    struct vm_page *pg = vm_page_get(r, page);
    ASSERT(pg->evicting && pg->pins == 0);
    pg->evicting = false;
    vm->evicting--;
    vm_freed(vm);
    port_work(vm->port, PORT_WORK_MAP, 1);
    vm_tlb_drop(pg);
    pg->prot = VM_NONE;
    if (pg->bytes)
        vm_frame_free(pg);
    vm_wake_waiters(pg, VM_OK); /* whoever touched it meanwhile faults anew */
    vm_reclaim(vm);
}

void vm_keep(struct vm_region *r, uint64_t page, enum vm_status why)
{
    struct vm *vm = r->space->vm;
    struct vm_page *pg = vm_page_get(r, page);
    ASSERT(pg->evicting);
    pg->evicting = false;
    vm->evicting--;
    vm->kept_in_a_row++;
    if (why != VM_NO_FRAMES)
        vm->kept_why = why;
    pg->referenced = true;
    vm->replacement->used(&vm->order, pg);
    vm_wake_waiters(pg, VM_OK);
    vm_reclaim(vm);
}

void vm_set_clean(struct vm_region *r, uint64_t page)
{
    struct vm_page *pg = vm_page_find(r, page);
    if (pg) {
        pg->dirty = false;
        vm_tlb_drop(pg);
    }
}

bool vm_hide(struct vm_region *r, uint64_t page)
{
    struct vm_page *pg = vm_page_find(r, page);
    if (!pg || pg->prot == VM_NONE)
        return true;
    if (pg->pins > 0) {
        pg->want_unpinned = true;
        return false;
    }
    port_work(r->space->vm->port, PORT_WORK_INVALIDATE, 1);
    vm_tlb_drop(pg);
    pg->prot = VM_NONE;
    return true;
}

uint8_t *vm_frame(struct vm_region *r, uint64_t page, bool make)
{
    struct vm_page *pg = make ? vm_page_get(r, page) : vm_page_find(r, page);
    if (pg && !pg->bytes && make && r->space->vm->params.frames == 0)
        vm_frame_make(pg);
    if (pg && pg->bytes && make) {
        vm_frame_own(pg);
        pg->changed = true;
    }
    return pg ? pg->bytes : NULL;
}

enum vm_prot vm_page_prot(const struct vm_region *r, uint64_t page)
{
    const struct vm_page *pg = vm_page_find(r, page);
    return pg ? prot_of(pg) : VM_NONE;
}

bool vm_page_pinned(const struct vm_region *r, uint64_t page)
{
    const struct vm_page *pg = vm_page_find(r, page);
    return pg && (pg->pins > 0 || starved(pg));
}

void vm_page_set_user(struct vm_region *r, uint64_t page, void *user)
{
    vm_page_get(r, page)->user = user;
}

void *vm_page_user(const struct vm_region *r, uint64_t page)
{
    const struct vm_page *pg = vm_page_find(r, page);
    return pg ? pg->user : NULL;
}

void vm_on_error(struct vm_space *s, bool (*fn)(void *arg, const struct vm_error *e), void *arg)
{
    s->on_error = fn;
    s->on_error_arg = arg;
}

/* ---- for who saves memory ---- */

bool vm_snapshot(struct vm_region *r, uint64_t page, bool watch, struct rope *out)
{
    struct vm_page *pg = vm_page_find(r, page);
    uint64_t size = vm_page_bytes(r->space->vm);
    if (!pg || !pg->bytes) {
        const struct vm_saving_ops *saving = r->pager->saving;
        if (!saving || !saving->contents || !saving->contents(r, page, out))
            return false;
        if (watch)
            vm_unchanged(r, page);
        return true;
    }
    if (pg->pins > 0) { /* a program holds a pointer to it */
        rope_add_bytes(out, pg->bytes, size);
        return true;
    }
    rope_add_slice(out, &pg->data, 0, size);
    if (watch)
        vm_unchanged(r, page);
    else
        vm_tlb_drop(pg);
    return true;
}

void vm_unchanged(struct vm_region *r, uint64_t page)
{
    struct vm_page *pg = vm_page_get(r, page);
    port_work(r->space->vm->port, PORT_WORK_MAP, 1);
    vm_tlb_drop(pg);
    pg->changed = false;
}

void vm_unwatch(struct vm_region *r, uint64_t page)
{
    struct vm_page *pg = vm_page_get(r, page);
    if (pg->changed)
        return;
    port_work(r->space->vm->port, PORT_WORK_MAP, 1);
    pg->changed = true;
}

void vm_change(struct vm_region *r, uint64_t page)
{
    struct vm_page *pg = vm_page_find(r, page);
    if (pg)
        pg->changed = true;
}

bool vm_changed(const struct vm_region *r, uint64_t page)
{
    const struct vm_page *pg = vm_page_find(r, page);
    return pg && pg->changed;
}

enum vm_status vm_fetch(struct vm_region *r, uint64_t page, struct vm_fetch *f)
{
    const struct vm_saving_ops *saving = r->pager->saving;
    return saving && saving->fetch ? saving->fetch(r, page, f) : VM_LOST;
}

void vm_space_end(struct vm_space *s)
{
    for (struct vm_region *r = s->regions; r; r = r->next)
        if (r->pager->ended)
            r->pager->ended(r);
}

void vm_watch(struct vm_space *s, void (*fn)(void *arg, struct vm_region *r, uint64_t page),
              void *arg)
{
    s->watch = fn;
    s->watch_arg = arg;
}

struct vm_region *vm_region_next(const struct vm_space *s, const struct vm_region *r)
{
    struct vm_region *next = s->regions;
    while (next && next->next != r)
        next = next->next;
    return next;
}

uint64_t vm_page_resident(const struct vm_region *r, uint64_t page)
{
    for (; page < r->pages; page++) {
        const struct vm_page *pg = vm_page_find(r, page);
        if (pg && pg->bytes)
            return page;
        if (!pg) /* nor is there another record of its chunk */
            page |= VM_CHUNK - 1;
    }
    return r->pages;
}

uint64_t vm_page_touched(const struct vm_region *r, uint64_t page)
{
    while (page < r->pages && !vm_page_find(r, page))
        page = (page | (VM_CHUNK - 1)) + 1;
    return page < r->pages ? page : r->pages;
}

uint64_t vm_page_saved(const struct vm_region *r, uint64_t page)
{
    ASSERT_MSG(r->pager->saving, "memory that cannot be saved");
    return r->pager->saving->next(r, page);
}

void vm_restore(struct vm_region *r, uint64_t page, struct rope *data)
{
    r->pager->saving->restore(r, page, data);
}

uint64_t vm_region_base(const struct vm_region *r)
{
    return r->base;
}

enum vm_prot vm_region_limit(const struct vm_region *r)
{
    return r->limit;
}

const struct vm_pager_ops *vm_region_pager(const struct vm_region *r)
{
    return r->pager;
}
