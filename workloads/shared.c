/* shared.c: see shared.h. */
#include "workloads/shared.h"

#include "os/ckpt/ckpt.h"
#include "os/ckpt/cut.h"

#define KEPT_BASE 0x10000000u /* below the shared region */
#define SM_TOTAL (MEASURE_TOTAL | MEASURE_DETERMINISTIC)

const struct measure shared_measures[] = {
    [SM_TIME] = { "svm.time", "s", "Time of the computation, from barrier to barrier.",
                  SM_TOTAL | MEASURE_COLUMN },
    [SM_WRITE_TIME] = { "svm.write_time", "s",
                        "Patterns readers and pingpong: time of an access to a page that others "
                        "hold.",
                        0 },
    /* Of a whole computation, from barrier to barrier: no steady state, no warm-up. */
    [SM_FAULT_TIME] = { "svm.fault_time", "s", "Time of a program in a fault.",
                        MEASURE_INSIDE | MEASURE_DETERMINISTIC },
    [SM_OUTSIDE] = { "svm.outside", "s",
                     "Time of a program between two faults: it computes or waits for others.",
                     MEASURE_OUTSIDE | MEASURE_DETERMINISTIC },
    [SM_MEMORY] = { "svm.memory", "1", "A number made of the shared memory when all have ended.",
                    SM_TOTAL },
    [SM_CHECKED] = { "svm.checked", "1", "Accesses of a recorded history that was judged (record).",
                     SM_TOTAL },
    { .name = NULL },
};

#define PER_NODE(name, of, counter, column, doc)                                                   \
    {                                                                                              \
        name, doc, of, { counter }, { NULL }, column                                               \
    }
#define PER_FAULT(name, counter, doc)                                                              \
    {                                                                                              \
        name, doc, svm_counters, { counter }, { "read_faults", "write_faults" }, false             \
    }
const struct counter_ratio shared_ratios[] = {
    PER_NODE("svm.read_faults.mean", svm_counters, "read_faults", true, "Read faults of a node."),
    PER_NODE("svm.write_faults.mean", svm_counters, "write_faults", true,
             "Write faults of a node."),
    PER_NODE("svm.messages.mean", svm_counters, "sent", true,
             "Messages that a node's shared memory sent."),
    PER_NODE("svm.forwards.mean", svm_counters, "forwards", false,
             "Requests that a node passed on."),
    PER_NODE("svm.invalidations.mean", svm_counters, "invalidations", false,
             "Copies that a node had others drop."),
    PER_NODE("svm.pages.mean", svm_counters, "pages_sent", false, "Pages that a node sent."),
    PER_NODE("svm.page_outs.mean", vm_store_counters, "puts", false,
             "Pages that a node sent to its store."),
    PER_NODE("svm.page_ins.mean", vm_store_counters, "gets", false,
             "Pages that a node fetched from its store."),
    PER_NODE("svm.disk_transfers.mean", vm_store_counters, "disk", false,
             "Pages that moved to or from a disk for a node."),
    PER_NODE("svm.twins.mean", svm_counters, "twins", false, "Twins that a node made (hlrc)."),
    PER_NODE("svm.diffs.mean", svm_counters, "diffs", false, "Diffs that a node sent (hlrc)."),
    PER_FAULT("svm.forwards_per_fault.mean", "forwards", "Requests passed on for each fault."),
    PER_FAULT("svm.messages_per_fault.mean", "sent", "Messages for each fault."),
    { .name = NULL },
};

const struct counter shared_counters[] = {
    COUNTER(COUNTER_NOW, "disk_last", shared_counts, disk_last, "1",
            "Pages that moved to or from a disk in the last iteration of svm_pde."),
    C_END,
};

const struct workload_instance shared_instances[] = {
    { "over", offsetof(struct shared_params, over), &svm_protl },
    { "sync", offsetof(struct shared_params, sync), &sync_protl },
    { .name = NULL },
};

uint32_t shared_programs(const void *params, const struct os_layout *layout)
{
    const struct shared_params *p = params;
    return workload_nodes(p->nodes, layout);
}

/* Can the service ckpt save it? */
static bool saves(const struct shared_params *p, const struct os_layout *layout, struct err *e)
{
    if (!svm_is_strict(p->svm.manager))
        return err_set(e,
                       "workload.svm.manager is %s, whose memory the service ckpt cannot save: "
                       "allowed are central, improved, fixed, broadcast, dynamic, dynamic_s, tree "
                       "and xmm",
                       svm_managers.items[p->svm.manager]->name);
    if (p->paging.backing != PAGING_NONE)
        return err_set(e,
                       "workload.paging.backing is %s, but the service ckpt cannot save shared "
                       "memory whose pages go to a store: it must be none",
                       paging_backings[p->paging.backing]);
    const void *cut = os_service_params(layout, &cut_service);
    return !cut || cut_stops_all(cut) ||
           err_set(e, "machine.os.cut.algorithm must be sns where programs that share memory are "
                      "saved: all have to stop");
}

bool shared_check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct shared_params *p = params;
    if (!workload_nodes_check(p->nodes, layout, e))
        return false;
    if (p->memory.frames > 0 && !svm_is_strict(p->svm.manager))
        return err_set(e,
                       "workload.memory.frames is %lld, but workload.svm.manager %s keeps the "
                       "pages that it has touched: it must be 0",
                       (long long)p->memory.frames, svm_managers.items[p->svm.manager]->name);
    if (os_least_memory(layout, shared_programs(params, layout)) > 0 &&
        !svm_is_strict(p->svm.manager))
        return err_set(e,
                       "workload.svm.manager %s keeps the pages that it has touched, and "
                       "machine.node.memory limits them: it must be 0",
                       svm_managers.items[p->svm.manager]->name);
    if (os_service_params(layout, &ckpt_service) && !saves(p, layout, e))
        return false;
    uint64_t room; /* which pages are written, only the run knows */
    return paging_check(&p->paging, shared_programs(params, layout), (uint64_t)p->memory.page,
                        layout, &room, e);
}

uint64_t shared_array_bytes(const struct shared_params *p, uint64_t bytes)
{
    uint64_t page = (uint64_t)p->memory.page;
    return (bytes + page - 1) / page * page;
}

/* A page of this rank alone has what it must not forget. */
static void keep(struct shared *h)
{
    uint64_t page = vm_page_bytes(h->vm);
    struct vm_region *r = vm_map(h->space, KEPT_BASE, page, VM_WRITE, &vm_pager_zero, NULL);
    ASSERT(r != NULL);
    h->kept = KEPT_BASE;
    ckpt_memory(h->ckpt, h->space);
    h->started = (sim_time)vm_load_u64(h->space, h->kept);
}

/* Where the ranks are in this run: in the next they may be elsewhere. */
static const uint32_t *own_nodes(const struct os_node *node, struct port *p, uint32_t ranks)
{
    uint32_t *nodes = port_alloc(p, ranks * sizeof *nodes);
    for (uint32_t r = 0; r < ranks; r++)
        nodes[r] = node->places.nodes[r];
    return nodes;
}

bool shared_open(struct shared *h, struct os_node *node, const struct program *me,
                 const struct shared_params *params, uint64_t bytes)
{
    struct ckpt *ckpt = os_find(node, &ckpt_service);
    struct port *p = ckpt ? me->task : node->port;
    struct xk_protl *svm = xk_find(node->xk, params->over);
    struct xk_protl *sync = xk_find(node->xk, params->sync);
    *h = (struct shared){ .port = p,
                          .node = node,
                          .ckpt = ckpt,
                          .resume = ckpt ? me->resume : 0,
                          .over = svm,
                          .nodes = ckpt ? own_nodes(node, p, me->ranks) : node->layout->compute,
                          .rank = me->rank,
                          .ranks = me->ranks,
                          .next = SHARED_BASE };
    ASSERT_MSG(svm && sync, "workload_ranks looks for shared_instances");
    h->vm = vm_create(p, &params->memory);
    vm_customer(h->vm, &shared_measures[SM_FAULT_TIME], &shared_measures[SM_OUTSIDE]);
    h->space = vm_space_create(h->vm, "shared");
    uint64_t length = shared_array_bytes(params, bytes);
    h->length = length;
    if (ckpt)
        ckpt_shared(ckpt, svm, sync);
    h->svm = svm_join(svm, h->space, SHARED_BASE, length, h->nodes, me->ranks, &params->svm);
    ASSERT_MSG(h->svm, "the largest arrays of every program are less than SVM_SPACE_MAX");
    if (!paging_store(node, 0, (uint64_t)params->memory.page, &params->paging, &h->store))
        return false;
    svm_set_store(h->svm, h->store);
    h->counts = port_alloc(p, sizeof *h->counts);
    if (h->store)
        port_counters(p, svm->instance, shared_counters, h->counts);
    h->sync = sync_join_memory(sync, h->nodes, me->ranks, svm_memory(h->svm), h->svm);
    if (ckpt)
        keep(h);
    if (h->resume == 0)
        sync_barrier(h->sync);
    return true;
}

uint64_t shared_array(struct shared *h, uint64_t bytes)
{
    uint64_t page = vm_page_bytes(h->vm), at = h->next;
    h->next += (bytes + page - 1) / page * page;
    return at;
}

static uint64_t disk_transfers(const struct shared *h)
{
    return h->store ? h->store->counts.disk : 0;
}

uint64_t shared_first(const struct shared *h, uint64_t count)
{
    if (h->resume == 0)
        return 0;
    return h->resume <= count ? h->resume - 1 : count;
}

bool shared_again(const struct shared *h, uint64_t step)
{
    return h->resume == step + 1;
}

bool shared_checks(const struct shared *h)
{
    return h->rank == 0 && h->resume < SHARED_CLOSE;
}

void shared_barrier(struct shared *h, uint64_t resume)
{
    if (h->ckpt)
        os_safe_call(h->node, resume);
    sync_barrier(h->sync);
}

void shared_point(struct shared *h, uint64_t resume)
{
    if (h->ckpt)
        os_safe_point(h->node, resume);
}

void shared_lock(struct shared *h, uint32_t lock, uint64_t resume)
{
    if (h->ckpt)
        os_safe_call(h->node, resume);
    sync_lock(h->sync, lock);
}

/* Nobody goes on before the last has come to a barrier, so between two nothing is counted: where
 * the window has an edge.  What is saved has none: programs may begin anew. */
void shared_start(struct shared *h)
{
    port_pay(h->port);
    sync_barrier(h->sync);
    port_pay(h->port);
    if (!h->ckpt)
        port_window(h->port, true, h->ranks);
    sync_barrier(h->sync);
    h->started = port_now(h->port);
    h->disk_before = disk_transfers(h);
    if (h->ckpt)
        vm_store_u64(h->space, h->kept, (uint64_t)h->started);
}

void shared_iteration(struct shared *h)
{
    uint64_t disk = disk_transfers(h);
    h->counts->disk_last = disk - h->disk_before;
    h->disk_before = disk;
}

void shared_stop(struct shared *h)
{
    struct port *p = h->port;
    port_pay(p);
    if (h->resume <= SHARED_STOP)
        shared_barrier(h, SHARED_STOP);
    port_pay(p);
    if (h->resume <= SHARED_STOP && h->rank == 0)
        port_measure(p, &shared_measures[SM_TIME], sim_time_seconds(port_now(p) - h->started));
    if (!h->ckpt)
        port_window(p, false, h->ranks);
    if (h->resume <= SHARED_STOP + 1)
        shared_barrier(h, SHARED_STOP + 1);
}

/* Of all that is shared, in 40 bits. */
static void report_memory(struct shared *h)
{
    uint64_t hash = 0;
    for (uint64_t at = 0; at < h->length; at += 8)
        hash = (hash ^ vm_load_u64(h->space, SHARED_BASE + at)) * 0x100000001b3u + 1;
    port_measure(h->port, &shared_measures[SM_MEMORY],
                 (double)((hash ^ hash >> 24) & 0xffffffffffu));
}

void shared_close(struct shared *h)
{
    if (!h->ckpt)
        return;
    if (h->rank == 0 && h->resume < SHARED_CLOSE)
        report_memory(h);
    shared_barrier(h, SHARED_CLOSE);
}

void shared_share(const struct shared *h, uint64_t n, uint64_t *first, uint64_t *end)
{
    *first = n * h->rank / h->ranks;
    *end = n * (h->rank + 1) / h->ranks;
}

double shared_value(uint64_t seed, uint64_t i)
{
    uint64_t z = (seed + 1) * 0x9e3779b97f4a7c15u + i * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)(int64_t)((z >> 43) - (1u << 20)) / (double)(1u << 20);
}

bool shared_get(struct shared *h, uint64_t addr, double *out, uint64_t n)
{
    return vm_read(h->space, addr, out, n * sizeof *out);
}

bool shared_put(struct shared *h, uint64_t addr, const double *in, uint64_t n)
{
    return vm_write(h->space, addr, in, n * sizeof *in);
}
