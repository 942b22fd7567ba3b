/* job_pattern.c: memory of a rank that is filled with a pattern.  A page has no frame until it is
 * touched: its bytes are known, so that a large memory costs this host little.  Checkpoints save
 * every page of it, as any other memory.
 */
#include "workloads/msg/job.h"

#define PATTERN UINT64_C(0x100000000) /* behind all else */

struct job_pattern {
    uint64_t seed;
};

static void append(struct vm_region *r, uint64_t page, struct rope *out)
{
    const struct job_pattern *p = vm_region_object(r);
    uint64_t size = vm_page_bytes(vm_region_vm(r));
    rope_add_pattern(out, p->seed, page * size, size);
}

static void fault(struct vm_region *r, uint64_t page, enum vm_prot have, enum vm_prot want)
{
    struct rope data;
    if (have != VM_NONE) {
        vm_grant(r, page, want);
        return;
    }
    rope_init(&data);
    append(r, page, &data);
    vm_supply(r, page, &data, VM_WRITE);
}

static void evict(struct vm_region *r, uint64_t page, bool dirty)
{
    (void)dirty;
    vm_keep(r, page, VM_NO_FRAMES);
}

static uint64_t next(const struct vm_region *r, uint64_t page)
{
    (void)r; /* all of them are saved */
    return page;
}

static bool contents(struct vm_region *r, uint64_t page, struct rope *out)
{
    append(r, page, out);
    return true;
}

static void restore(struct vm_region *r, uint64_t page, struct rope *data)
{
    struct rope first;
    rope_init(&first);
    append(r, page, &first);
    if (rope_equal(data, &first))
        rope_fini(data);
    else
        vm_supply(r, page, data, VM_WRITE);
    rope_fini(&first);
}

static const struct vm_saving_ops saving = {
    .next = next,
    .contents = contents,
    .restore = restore,
};

static const struct vm_pager_ops pager = {
    .name = "pattern",
    .saving = &saving,
    .fault = fault,
    .evict = evict,
};

void job_pattern_map(struct job *j)
{
    struct job_pattern *p;
    uint64_t pages = ((uint64_t)j->p->pattern + j->page - 1) / j->page;
    if (pages == 0)
        return;
    p = port_alloc(j->port, sizeof *p);
    p->seed = job_mix(j->seed * 1000033u + j->rank);
    j->pattern = vm_map(j->space, PATTERN, pages * j->page, VM_WRITE, &pager, p);
    ASSERT(j->pattern);
}

void job_pattern_write(const struct job *j, uint64_t step)
{
    if (!j->pattern)
        return;
    uint64_t page = job_draw(j, step, j->rank, 5) % vm_region_pages(j->pattern);
    uint64_t at = PATTERN + page * j->page + job_mix(step) % (j->page / 8) * 8;
    vm_store_u64(j->space, at, job_mix(vm_load_u64(j->space, at) + step));
}

uint64_t job_pattern_hash(const struct job *j)
{
    uint64_t hash = 0, pages = j->pattern ? vm_region_pages(j->pattern) : 0;
    for (uint64_t k = 0; k < pages; k++) {
        struct rope data;
        rope_init(&data);
        if (!vm_contents(j->pattern, k, &data))
            append(j->pattern, k, &data);
        hash = job_mix(hash ^ rope_hash(&data));
        rope_fini(&data);
    }
    return hash;
}
