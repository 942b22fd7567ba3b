/* fault.c: accesses of programs: the translation cache, faults, spans, failures.
 *
 * Progress: a page that answers a fault is pinned until every thread that waited for it has had its
 * access, so that a revocation on its heels cannot starve them.  The pager is told of the last
 * unpin in an upcall of its own: after the access, which follows without a blocking point.
 */
#include "os/vm/copy.h"
#include "os/vm/vm_internal.h"

#include <inttypes.h>
#include <stdio.h> /* snprintf alone */
#include <string.h>

struct vm_waiter {
    struct list link;
    struct port_thread *thread;
    enum vm_status status;
    bool done;
};

void vm_wake_waiters(struct vm_page *pg, enum vm_status status)
{
    struct list *l;
    while ((l = list_pop(&pg->waiters))) {
        struct vm_waiter *w = LIST_ENTRY(l, struct vm_waiter, link);
        w->done = true;
        w->status = status;
        if (status == VM_OK)
            pg->pins++;
        port_thread_wake(pg->region->space->vm->port, w->thread);
    }
}

void vm_tell_unpinned(struct vm *vm)
{
    struct list *l;
    while ((l = list_pop(&vm->unpinned))) {
        struct vm_page *pg = LIST_ENTRY(l, struct vm_page, told);
        if (pg->pins == 0 && list_empty(&pg->starved))
            pg->region->pager->unpinned(pg->region, pg->index);
        else
            pg->want_unpinned = true;
    }
    if (!list_empty(&vm->starved))
        vm_reclaim(vm);
}

void vm_unpinned(struct vm_page *pg)
{
    struct vm *vm = pg->region->space->vm;
    bool notify = pg->want_unpinned && pg->region->pager->unpinned;
    if (notify && list_empty(&pg->told))
        list_push(&vm->unpinned, &pg->told);
    if (notify)
        pg->want_unpinned = false;
    if ((notify || !list_empty(&vm->starved)) && !port_timer_pending(&vm->tell))
        port_timer_set(&vm->tell, 0);
}

static void unpin(struct vm_page *pg)
{
    ASSERT(pg->pins > 0);
    if (--pg->pins == 0)
        vm_unpinned(pg);
}

struct vm_region *vm_region_at(const struct vm_space *s, uint64_t addr)
{
    for (struct vm_region *r = s->regions; r; r = r->next)
        if (addr >= r->base && (addr - r->base) >> s->view.shift < r->pages)
            return r;
    return NULL;
}

/* Tells of a failed access; does not return when nobody takes it and the task ends. */
static void failed(struct vm_space *s, uint64_t addr, enum vm_prot want, enum vm_status status)
{
    struct port *p = s->vm->port;
    struct vm_error e = { .status = status, .addr = addr, .want = want };
    char what[128];
    snprintf(what, sizeof what, "program %s cannot %s address 0x%" PRIx64 ": %s", s->program,
             want == VM_WRITE ? "write" : "read", addr, vm_status_name(status));
    snprintf(e.text, sizeof e.text, "node %" PRIu32 ": %s", port_node(p), what);
    if (s->on_error && s->on_error(s->on_error_arg, &e))
        return;
    port_fail(p, "%s", what);
    port_task_crash(p);
}

/* Enters a page into the translation cache: the moment at which replacement sees its use. */
static void enter(struct vm_space *s, uint64_t addr, struct vm_page *pg, enum vm_prot want)
{
    uint64_t number = addr >> s->view.shift;
    if (want == VM_WRITE) {
        vm_frame_own(pg); /* a snapshot may hold it */
        pg->dirty = pg->changed = true;
    }
    /* Whoever may write without a look here has a frame that is dirty, changed and its own. */
    bool free = pg->dirty && pg->changed && !pg->shared && rope_bytes(&pg->data, true);
    s->vm->replacement->used(&s->vm->order, pg);
    s->view.tlb[number & (VM_TLB - 1)] = (struct vm_tlb){
        .page = number + 1,
        .bytes = pg->bytes,
        .prot = pg->prot == VM_WRITE && !free ? VM_READ : (enum vm_prot)pg->prot,
    };
}

/* Waits until the page, which lacks it, has `want`, asking its pager as often as needed. */
static enum vm_status fault(struct vm_space *s, struct vm_region *r, struct vm_page *pg,
                            uint64_t page, enum vm_prot want)
{
    struct vm *vm = s->vm;
    while (pg->prot < want || pg->evicting) {
        struct vm_waiter w = { .thread = port_thread_self(vm->port) };
        list_push(&pg->waiters, &w.link);
        if (!pg->faulting && !pg->evicting) {
            port_work(vm->port, PORT_WORK_FAULT, 1);
            vm->counts.read_faults += want == VM_READ;
            vm->counts.write_faults += want == VM_WRITE;
            pg->faulting = true;
            r->pager->fault(r, page, (enum vm_prot)pg->prot, want);
        }
        /* Granted at once: the work of that comes before the access, while the page cannot go. */
        if (w.done)
            port_pay(vm->port);
        while (!w.done)
            port_thread_block(vm->port, "page", r->base + (page << s->view.shift));
        if (w.status != VM_OK)
            return w.status;
        unpin(pg);
    }
    return VM_OK;
}

void vm_customer(struct vm *vm, const struct measure *inside, const struct measure *outside)
{
    port_pay(vm->port);
    vm->stages[0] = outside;
    vm->stages[1] = inside;
    vm->since = port_now(vm->port);
    port_stage(vm->port, outside);
}

static void stage(struct vm *vm, bool in_fault)
{
    sim_time now = port_now(vm->port);
    if (vm->stages[0] == NULL)
        return;
    port_stage(vm->port, vm->stages[in_fault]);
    port_measure(vm->port, vm->stages[!in_fault], sim_time_seconds(now - vm->since));
    vm->since = now;
}

/* A fault as a span: the id is the number of the page in the space, the same on all nodes. */
static enum vm_status told_fault(struct vm_space *s, struct vm_region *r, struct vm_page *pg,
                                 uint64_t page, enum vm_prot want)
{
    const char *name = want == VM_READ       ? "read fault"
                       : pg->prot == VM_READ ? "upgrade"
                                             : "write fault";
    uint64_t id = (r->base >> s->view.shift) + page;
    /* The program's work so far comes before the fault: nobody waits for a page that it has not
     * asked for yet. */
    port_pay(s->vm->port);
    stage(s->vm, true);
    port_trace_begin(s->vm->port, "faults", name, id);
    enum vm_status status = fault(s, r, pg, page, want);
    stage(s->vm, false);
    port_trace_end(s->vm->port, "faults", name, id);
    return status;
}

static bool may_access(const struct vm_page *pg, enum vm_prot want)
{
    return pg->prot >= want && !pg->evicting && (want != VM_WRITE || (pg->changed && !pg->shared));
}

/* The first write to a page since it was saved (VM6). */
static void first_write(struct vm_space *s, struct vm_region *r, struct vm_page *pg, uint64_t page)
{
    port_work(s->vm->port, PORT_WORK_FAULT, 1);
    s->vm->counts.first_writes++;
    if (s->watch)
        s->watch(s->watch_arg, r, page);
    port_work(s->vm->port, PORT_WORK_MAP, 1);
    port_pay(s->vm->port);
    pg->changed = true;
}

/* The first write to a page since its frame was shared. */
static void write_shared(struct vm_page *pg)
{
    struct port *p = pg->region->space->vm->port;
    port_work(p, PORT_WORK_FAULT, 1);
    vm_unshare(pg);
    port_work(p, PORT_WORK_MAP, 1);
    port_pay(p);
}

enum vm_status vm_ready(struct vm_space *s, uint64_t addr, enum vm_prot want, struct vm_page **page)
{
    struct vm_region *r = vm_region_at(s, addr);
    enum vm_status status = VM_OK;
    if (!r)
        return VM_OUTSIDE;
    if (want > r->limit)
        return VM_PROTECTION;
    uint64_t index = (addr - r->base) >> s->view.shift;
    struct vm_page *pg = vm_page_get(r, index);
    while (status == VM_OK && !may_access(pg, want)) {
        if (pg->prot < want || pg->evicting)
            status = told_fault(s, r, pg, index, want);
        else if (!pg->changed)
            first_write(s, r, pg, index);
        else
            write_shared(pg);
    }
    *page = pg;
    return status;
}

/* The same; NULL after telling of a failure. */
static struct vm_page *ready(struct vm_space *s, uint64_t addr, enum vm_prot want)
{
    struct vm_page *pg = NULL;
    enum vm_status status = vm_ready(s, addr, want, &pg);
    if (status == VM_OK)
        return pg;
    failed(s, addr, want, status);
    return NULL;
}

void *vm_touch(struct vm_space *s, uint64_t addr, size_t len, enum vm_prot want)
{
    ASSERT_MSG((addr & s->view.mask) + len <= s->view.mask + 1,
               "an access crosses a page boundary");
    struct vm_page *pg = ready(s, addr, want);
    if (!pg)
        return NULL;
    enter(s, addr, pg, want);
    return pg->bytes + (addr & s->view.mask);
}

void *vm_span(struct vm_space *s, uint64_t addr, size_t len, enum vm_prot want, size_t *got)
{
    struct vm_page *pg = ready(s, addr, want);
    if (!pg)
        return NULL;
    vm_frame_own(pg); /* a write fault meanwhile leaves it where it is */
    enter(s, addr, pg, want);
    pg->pins++;
    uint64_t rest = s->view.mask + 1 - (addr & s->view.mask);
    *got = len < rest ? len : rest;
    return pg->bytes + (addr & s->view.mask);
}

void vm_unspan(struct vm_space *s, uint64_t addr)
{
    struct vm_region *r = vm_region_at(s, addr);
    ASSERT(r);
    uint64_t page = (addr - r->base) >> s->view.shift;
    struct vm_page *pg = vm_page_get(r, page);
    unpin(pg);
}

/* One chunk a page, in order; `out` or `in` is NULL. */
static bool copy(struct vm_space *s, uint64_t addr, uint8_t *out, const uint8_t *in, size_t len)
{
    while (len > 0) {
        uint64_t rest = s->view.mask + 1 - (addr & s->view.mask);
        size_t n = len < rest ? len : rest;
        uint8_t *p = vm_at(s, addr, n, in ? VM_WRITE : VM_READ);
        if (!p)
            return false;
        ASSERT(in || out);
        if (in) {
            memcpy(p, in, n);
            in += n;
        } else {
            memcpy(out, p, n);
            out += n;
        }
        addr += n;
        len -= n;
    }
    return true;
}

bool vm_read(struct vm_space *s, uint64_t addr, void *out, size_t len)
{
    return copy(s, addr, out, NULL, len);
}

bool vm_write(struct vm_space *s, uint64_t addr, const void *in, size_t len)
{
    return copy(s, addr, NULL, in, len);
}
