/* frames.c: physical frames: filling, freeing, and replacement when they run out.
 *
 * Reclaiming keeps at most as many evictions with pagers as supplies wait.  When pagers keep every
 * candidate that is offered, reclaiming pauses for RETRY and tries again; after RETRIES rounds
 * without a freed frame, or at once when no page could ever be replaced, the waiting faults fail
 * (VM4).
 */
#include "os/vm/vm_internal.h"

#define RETRY SIM_MS /* ASSUMED(a pager that keeps a page is in the middle of a transfer) */
#define RETRIES 100  /* ASSUMED(refusals are brief; so many rounds of them are no progress) */

/* What is held becomes the frame: shared with who else holds it, if it is one piece of bytes. */
static void hold(struct vm_page *pg, struct rope *data)
{
    if (data)
        rope_move(&pg->data, data);
    else
        rope_add_zero(&pg->data, vm_page_bytes(pg->region->space->vm));
    if (!rope_bytes(&pg->data, false))
        rope_flatten(&pg->data, false);
    pg->bytes = rope_bytes(&pg->data, false);
}

static void make(struct vm_page *pg, struct rope *data)
{
    struct vm *vm = pg->region->space->vm;
    hold(pg, data);
    vm->counts.frames++;
    if (vm->counts.frames > vm->counts.frames_most)
        vm->counts.frames_most = vm->counts.frames;
    pg->dirty = false;
    vm->replacement->filled(&vm->order, pg);
}

void vm_frame_make(struct vm_page *pg)
{
    make(pg, NULL);
    pg->changed = true;
}

void vm_frame_own(struct vm_page *pg)
{
    if (rope_bytes(&pg->data, true))
        return;
    vm_tlb_drop(pg);
    rope_flatten(&pg->data, false);
    pg->bytes = rope_bytes(&pg->data, true);
}

void vm_pay_copy(struct vm *vm, const struct rope *frame)
{
    if (rope_bytes(frame, true))
        return;
    port_work(vm->port, PORT_WORK_COPY, vm_page_bytes(vm));
    vm->counts.copied++;
}

void vm_unshare(struct vm_page *pg)
{
    if (!pg->shared)
        return;
    vm_pay_copy(pg->region->space->vm, &pg->data);
    vm_frame_own(pg);
    pg->shared = false;
}

void vm_frame_fill(struct vm_page *pg, struct rope *data, enum vm_prot prot)
{
    struct vm *vm = pg->region->space->vm;
    size_t size = vm_page_bytes(vm);
    bool changed = pg->changed || !pg->supply_back;
    pg->supply_back = false;
    pg->shared = false;
    vm_tlb_drop(pg);
    if (!pg->bytes) {
        make(pg, data);
    } else if (pg->pins == 0) {
        rope_fini(&pg->data);
        hold(pg, data);
    } else { /* a program holds a pointer to it */
        vm_frame_own(pg);
        for (size_t i = 0; !data && i < size; i++)
            pg->bytes[i] = 0;
        if (data)
            rope_read(data, 0, size, pg->bytes);
    }
    if (data)
        rope_fini(data);
    pg->changed = changed;
    if (prot == VM_WRITE)
        vm_frame_own(pg);
    port_work(vm->port, PORT_WORK_MAP, 1);
    pg->prot = (uint8_t)prot;
    pg->faulting = false;
    vm_wake_waiters(pg, VM_OK);
    if (pg->want_unpinned && pg->pins == 0)
        vm_unpinned(pg);
}

void vm_freed(struct vm *vm)
{
    vm->kept_in_a_row = 0;
    vm->kept_why = VM_OK;
}

void vm_frame_free(struct vm_page *pg)
{
    struct vm *vm = pg->region->space->vm;
    rope_fini(&pg->data);
    pg->bytes = NULL;
    pg->shared = false;
    pg->prot = VM_NONE;
    list_remove(&pg->order);
    vm->counts.frames--;
    vm_freed(vm);
    if (!vm->reclaiming)
        vm_reclaim(vm);
}

/* Gives free frames to supplies that wait, first come first served. */
static void feed(struct vm *vm)
{
    while (!list_empty(&vm->starved) && vm->counts.frames < (uint64_t)vm->params.frames) {
        struct vm_page *pg = LIST_ENTRY(list_pop(&vm->starved), struct vm_page, starved);
        struct rope data;
        rope_move(&data, &pg->data);
        vm_frame_fill(pg, pg->supply_zero ? NULL : &data, (enum vm_prot)pg->supply_prot);
        rope_fini(&data);
    }
}

static uint32_t starved_count(const struct vm *vm)
{
    uint32_t n = 0;
    LIST_EACH (l, &vm->starved)
        n++;
    return n;
}

static void fail_all(struct vm *vm)
{
    enum vm_status why = vm->kept_why != VM_OK ? vm->kept_why : VM_NO_FRAMES;
    vm_freed(vm);
    while (!list_empty(&vm->starved)) {
        struct vm_page *pg = LIST_ENTRY(vm->starved.next, struct vm_page, starved);
        vm_fail(pg->region, vm_page_index(pg), why);
    }
}

void vm_reclaim(struct vm *vm)
{
    if (vm->reclaiming)
        return;
    vm->reclaiming = true;
    feed(vm);
    uint64_t offers = 0;
    while (starved_count(vm) > vm->evicting) {
        struct vm_page *pg = vm->replacement->victim(&vm->order);
        bool hopeless = vm->kept_in_a_row > RETRIES * (vm->counts.frames + 1);
        if (!pg || hopeless || offers++ > vm->counts.frames) {
            if (vm->evicting > 0)
                break;
            if (!pg || hopeless)
                fail_all(vm);
            else if (!port_timer_pending(&vm->retry))
                port_timer_set(&vm->retry, RETRY);
            break;
        }
        pg->evicting = true;
        vm_tlb_drop(pg); /* the next access waits for the outcome */
        vm->evicting++;
        vm->counts.evictions++;
        vm->counts.evictions_dirty += pg->dirty;
        pg->region->pager->evict(pg->region, vm_page_index(pg), pg->dirty);
        feed(vm);
    }
    vm->reclaiming = false;
}

/* ---- policies ---- */

static struct vm_page *page_of(struct list *l)
{
    return LIST_ENTRY(l, struct vm_page, order);
}

/* A page that a pager has in hand, or that a program has pinned, is no candidate. */
static bool replaceable(const struct vm_page *pg)
{
    return pg->pins == 0 && !pg->evicting && !pg->faulting;
}

static struct vm_page *first_replaceable(struct list *order)
{
    LIST_EACH (l, order)
        if (replaceable(page_of(l)))
            return page_of(l);
    return NULL;
}

static void fill_at_end(struct list *order, struct vm_page *pg)
{
    pg->referenced = true;
    list_push(order, &pg->order);
}

static void used_nothing(struct list *order, struct vm_page *pg)
{
    (void)order;
    pg->referenced = true;
}

static void used_to_end(struct list *order, struct vm_page *pg)
{
    pg->referenced = true;
    list_remove(&pg->order);
    list_push(order, &pg->order);
}

/* Second chance: the head of the list is the hand. */
static struct vm_page *clock_victim(struct list *order)
{
    if (!first_replaceable(order))
        return NULL;
    for (;;) {
        struct vm_page *pg = page_of(order->next);
        list_remove(&pg->order);
        list_push(order, &pg->order);
        if (!replaceable(pg))
            continue;
        if (!pg->referenced)
            return pg;
        pg->referenced = false;
        vm_tlb_drop(pg);
    }
}

static const struct vm_replacement_ops policy_clock = {
    .kind = { .name = "clock",
              .doc = "Second chance: a page that was used since the hand last passed is spared "
                     "once." },
    .filled = fill_at_end,
    .used = used_nothing,
    .victim = clock_victim,
};
static const struct vm_replacement_ops policy_lru = {
    .kind = { .name = "lru",
              .doc = "The page whose last entry into the translation cache is longest ago." },
    .filled = fill_at_end,
    .used = used_to_end,
    .victim = first_replaceable,
};
static const struct vm_replacement_ops policy_fifo = {
    .kind = { .name = "fifo", .doc = "The page that has been resident longest." },
    .filled = fill_at_end,
    .used = used_nothing,
    .victim = first_replaceable,
};
static const struct kind *const replacements[] = { &policy_clock.kind, &policy_lru.kind,
                                                   &policy_fifo.kind, NULL };
const struct kind_set vm_replacements = { "replacement", "workload.memory.replacement",
                                          replacements };
