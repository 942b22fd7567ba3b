/* mapped_page.c: the layer MAPPED (mapped.h): its pages, their pager, and mappings. */
#include "os/file/mapped_internal.h"

struct odd { /* of a page whose bytes are not all the file's */
    struct list link;
    uint64_t page, valid; /* so many are */
    bool lost;            /* it could not be written: it goes when nobody holds it */
};

struct out { /* a page on its way down */
    struct list link;
    struct file_req r;
    struct mapped_file *f;
    struct file_map *map; /* NULL: its task has ended */
    uint64_t page, lo, hi;
    bool evicting; /* its frame is needed */
};

/* ---- pages ---- */

static struct odd *odd_of(const struct file_map *map, uint64_t page)
{
    LIST_EACH (l, &map->odd) {
        struct odd *o = LIST_ENTRY(l, struct odd, link);
        if (o->page == page)
            return o;
    }
    return NULL;
}

static struct odd *make_odd(struct file_map *map, uint64_t page)
{
    struct odd *o = odd_of(map, page);
    if (o == NULL) {
        o = port_alloc(map->f->m->sys.port, sizeof *o);
        *o = (struct odd){ .page = page, .valid = map->page };
        list_push(&map->odd, &o->link);
    }
    return o;
}

void mapped_valid(struct file_map *map, uint64_t page, uint64_t bytes)
{
    make_odd(map, page)->valid = bytes;
}

static void forget_odd(struct file_map *map, uint64_t page)
{
    struct odd *o = odd_of(map, page);
    if (o == NULL)
        return;
    list_remove(&o->link);
    port_free(map->f->m->sys.port, o);
}

static struct out *out_of(const struct file_map *map, uint64_t page)
{
    LIST_EACH (l, &map->f->outs) {
        struct out *o = LIST_ENTRY(l, struct out, link);
        if (o->map == map && o->page == page)
            return o;
    }
    return NULL;
}

static bool take(struct file_map *map, uint64_t page)
{
    if (!vm_revoke(map->region, page, VM_NONE))
        return false;
    map->f->m->counts.taken++;
    forget_odd(map, page);
    return true;
}

enum vm_status mapped_vm_status(enum file_status s)
{
    switch (s) {
    case FILE_OK:
        return VM_OK;
    case FILE_UNREACHABLE:
        return VM_UNREACHABLE;
    case FILE_NO_FILE:
    case FILE_IS_DIR:
        return VM_BEHIND;
    case FILE_DENIED:
        return VM_PROTECTION;
    default:
        return VM_IO;
    }
}

static void written(struct file_req *r)
{
    struct out *o = r->arg;
    struct mapped_file *f = o->f;
    struct file_map *map = o->map;
    enum file_status s = r->status;
    uint64_t page = o->page;
    bool evicting = o->evicting;
    rope_fini(&r->data);
    list_remove(&o->link);
    port_free(f->m->sys.port, o);
    if (map == NULL) {
        f->late = s != FILE_OK ? s : f->late;
    } else if (evicting && s != FILE_OK && vm_page_prot(map->region, page) == VM_WRITE) {
        vm_keep(map->region, page, mapped_vm_status(s));
    } else {
        if (s != FILE_OK) {
            f->late = s;
            make_odd(map, page)->lost = true;
        }
        if (evicting) {
            forget_odd(map, page);
            vm_discard(map->region, page);
        } else if (s != FILE_OK) {
            (void)take(map, page);
        }
    }
    mapped_pump(f);
}

static void write_out(struct file_map *map, uint64_t page, bool evicting)
{
    struct mapped_file *f = map->f;
    const struct odd *odd = odd_of(map, page);
    struct out *o = port_alloc(f->m->sys.port, sizeof *o);
    ASSERT(out_of(map, page) == NULL); /* MAPPED7 */
    *o = (struct out){ .f = f, .map = map, .page = page, .evicting = evicting };
    list_init(&o->link);
    o->lo = mapped_at(map, page);
    o->hi = o->lo + (odd != NULL ? odd->valid : map->page);
    file_req_init(&o->r, FILE_WRITE, written, o);
    o->r.file = f->file;
    o->r.uid = map->uid;
    o->r.gid = map->gid;
    file_range(&o->r, o->lo, o->hi - o->lo);
    bool there = vm_contents(map->region, page, &o->r.data);
    ASSERT_MSG(there, "a page that is written out has no frame");
    rope_truncate(&o->r.data, o->hi - o->lo); /* MAPPED4 */
    vm_set_clean(map->region, page);
    list_push(&f->outs, &o->link);
    f->m->counts.page_outs++;
    file_submit(f->m->sys.below, &o->r);
}

/* True: the page is in nobody's way any more. */
static bool settle_page(const struct job *j, struct file_map *map, uint64_t page)
{
    enum vm_prot prot = vm_page_prot(map->region, page);
    const struct odd *odd = odd_of(map, page);
    if (out_of(map, page) != NULL)
        return false;
    if (prot == VM_NONE)
        return true;
    if (map->copy && j->r != NULL)
        return prot == VM_WRITE || j->how == PROTECT || take(map, page);
    if (j->how == FORGET || (odd != NULL && odd->lost) || (prot == VM_READ && j->how != PROTECT))
        return take(map, page);
    if (prot == VM_READ || j->how == REFRESH)
        return true;
    if (vm_revoke(map->region, page, VM_READ))
        write_out(map, page, false);
    return false;
}

/* The page of a fault. */
static bool is_own(const struct job *j, const struct file_map *map, uint64_t page)
{
    const struct odd *odd = odd_of(map, page);
    return j->ask != NULL && j->ask->map == map && j->ask->page == page &&
           (odd == NULL || !odd->lost);
}

static bool settle_map(const struct job *j, struct file_map *map)
{
    uint64_t pages = vm_region_pages(map->region), first = 0;
    bool all = true;
    if (j->to <= map->off)
        return true;
    if (j->from > map->off)
        first = (j->from - map->off) / map->page;
    uint64_t last = (j->to - 1 - map->off) / map->page;
    if (first >= pages)
        return true;
    for (uint64_t k = vm_page_touched(map->region, first); k < pages && k <= last;
         k = k + 1 < pages ? vm_page_touched(map->region, k + 1) : pages)
        if (!is_own(j, map, k))
            all &= settle_page(j, map, k);
    return all;
}

bool mapped_settle(const struct job *j)
{
    bool all = true;
    LIST_EACH (l, &j->f->maps) {
        struct file_map *map = LIST_ENTRY(l, struct file_map, link);
        if (map->region != NULL && (j->r != NULL || j->map == map))
            all &= settle_map(j, map);
    }
    LIST_EACH (l, &j->f->outs) {
        const struct out *o = LIST_ENTRY(l, struct out, link);
        all &= o->hi <= j->from || o->lo >= j->to;
    }
    return all;
}
/* ---- the pager ---- */

static void asked(struct file_req *r)
{
    struct ask *a = r->arg;
    list_remove(&a->link);
    if (!a->served && a->map != NULL) /* a layer above has refused it */
        vm_fail(a->map->region, a->page,
                r->status != FILE_OK ? mapped_vm_status(r->status) : VM_UNREACHABLE);
    port_free(a->m->sys.port, a);
}

static void fault(struct vm_region *region, uint64_t page, enum vm_prot have, enum vm_prot want)
{
    struct file_map *map = vm_region_object(region);
    struct mapped *m = map->f->m;
    if (map->copy && have == VM_READ) {
        vm_grant(region, page, want);
        return;
    }
    struct ask *a = port_alloc(m->sys.port, sizeof *a);
    *a = (struct ask){ .m = m, .map = map, .page = page, .want = want };
    list_init(&a->link);
    file_req_init(&a->r, FILE_HINT, asked, a);
    file_req_init(&a->in, FILE_READ, mapped_came, a);
    a->r.hint = want == VM_WRITE && !map->copy ? FILE_WILL_WRITE : FILE_WILL_READ;
    a->r.file = map->f->file;
    a->r.uid = map->uid;
    a->r.gid = map->gid;
    file_range(&a->r, mapped_at(map, page), map->page);
    list_push(&m->asks, &a->link);
    m->counts.faults++;
    file_submit(map->top, &a->r);
}

static void evict(struct vm_region *region, uint64_t page, bool dirty)
{
    struct file_map *map = vm_region_object(region);
    enum vm_prot prot = vm_page_prot(region, page);
    struct out *o = out_of(map, page);
    (void)dirty;
    if (map->copy && prot == VM_WRITE) {
        vm_keep(region, page, VM_NO_FRAMES); /* MAPPED6 */
    } else if (o != NULL) {
        o->evicting = true;
    } else if (prot == VM_WRITE) {
        write_out(map, page, true);
    } else {
        forget_odd(map, page);
        vm_discard(region, page);
    }
}

static void unpinned(struct vm_region *region, uint64_t page)
{
    struct file_map *map = vm_region_object(region);
    const struct odd *odd = odd_of(map, page);
    if (odd != NULL && odd->lost && out_of(map, page) == NULL)
        (void)take(map, page);
    mapped_pump(map->f);
}

static void detach(struct file_map *map)
{
    struct mapped_file *f = map->f;
    LIST_EACH (l, &f->m->asks) {
        struct ask *a = LIST_ENTRY(l, struct ask, link);
        a->map = a->map == map ? NULL : a->map;
    }
    LIST_EACH (l, &f->outs) {
        struct out *o = LIST_ENTRY(l, struct out, link);
        o->map = o->map == map ? NULL : o->map;
    }
    LIST_EACH_SAFE (l, next, &f->jobs) {
        struct job *j = LIST_ENTRY(l, struct job, link);
        if (j->r == NULL && j->map == map) /* who waits for it has ended, too */
            list_remove(l);
    }
    while (!list_empty(&map->odd))
        forget_odd(map, LIST_ENTRY(map->odd.next, struct odd, link)->page);
    map->region = NULL;
    list_remove(&map->link);
    port_free(f->m->sys.port, map);
}

static void ended(struct vm_region *region)
{
    struct file_map *map = vm_region_object(region);
    struct mapped_file *f = map->f;
    detach(map);
    mapped_pump(f);
}

static const struct vm_pager_ops pager = {
    .name = "mapped",
    .fault = fault,
    .evict = evict,
    .unpinned = unpinned,
    .ended = ended,
};

/* ---- mappings ---- */

static struct mapped *find(struct file_sys *top)
{
    struct file_sys *s = top;
    while (s != NULL && s->ops != &file_mapped && s->ops->same)
        s = s->below;
    return s != NULL && s->ops == &file_mapped ? CONTAINER_OF(s, struct mapped, sys) : NULL;
}

bool file_stack_maps(const struct file_stack *k)
{
    uint32_t i = 0;
    while (i < k->count && k->layer[i].ops->same)
        i++;
    return i < k->count && k->layer[i].ops == &file_mapped;
}

static struct mapped_file *file_of(struct mapped *m, uint64_t file)
{
    struct mapped_file *f = xk_map_resolve(&m->map, &file);
    if (f != NULL)
        return f;
    f = port_alloc(m->sys.port, sizeof *f);
    *f = (struct mapped_file){ .m = m, .file = file };
    list_init(&f->maps);
    list_init(&f->jobs);
    list_init(&f->outs);
    list_push(&m->files, &f->link);
    xk_map_bind(&m->map, &file, f);
    return f;
}

struct file_map *file_map(struct file_sys *top, const struct file_map_ask *a)
{
    struct mapped *m = find(top);
    uint64_t page = vm_page_bytes(vm_space_vm(a->space));
    if (m == NULL || a->off % page != 0 || a->off + a->length < a->off)
        return NULL;
    struct file_map *map = port_alloc(m->sys.port, sizeof *map);
    *map = (struct file_map){
        .top = top, .off = a->off, .page = page, .uid = a->uid, .gid = a->gid, .copy = a->copy
    };
    list_init(&map->odd);
    map->region = vm_map(a->space, a->base, a->length, a->writes ? VM_WRITE : VM_READ, &pager, map);
    if (map->region == NULL) {
        port_free(m->sys.port, map);
        return NULL;
    }
    map->f = file_of(m, a->file);
    list_push(&map->f->maps, &map->link);
    return map;
}

enum file_status file_unmap(struct file_map *map)
{
    struct mapped_file *f = map->f;
    struct port *p = f->m->sys.port;
    struct job *j = mapped_job(f, NULL);
    j->map = map;
    j->how = map->copy ? FORGET : DROP;
    j->hi = j->to = UINT64_MAX;
    j->waiter = port_thread_self(p);
    mapped_add(j);
    while (!j->over)
        port_thread_block(p, "unmap", f->file);
    port_free(p, j);
    vm_unmap(map->region);
    enum file_status s = f->late;
    f->late = FILE_OK;
    detach(map);
    mapped_file_end(f);
    return s;
}
