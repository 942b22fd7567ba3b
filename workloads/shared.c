/* shared.c: see shared.h. */
#include "workloads/shared.h"

#define REPORTED 4                               /* numbers that shared_stop gathers */
#define REPORT_BYTES (REPORTED * sizeof(double)) /* of each rank, behind the program's arrays */

#define SM_TOTAL (MEASURE_TOTAL | MEASURE_DETERMINISTIC)
#define SM_COLUMN (SM_TOTAL | MEASURE_COLUMN)

/* What a node counts is one number of it, no observation of a series: no warm-up, no interval. */
const struct measure shared_measures[] = {
    [SM_TIME] = { "svm.time", "s", "Time of the computation, from barrier to barrier.", SM_COLUMN },
    [SM_READ_FAULTS] = { "svm.read_faults", "1", "Read faults of a node.", SM_COLUMN },
    [SM_WRITE_FAULTS] = { "svm.write_faults", "1", "Write faults of a node.", SM_COLUMN },
    [SM_MESSAGES] = { "svm.messages", "1", "Messages that a node's shared memory sent.",
                      SM_COLUMN },
    [SM_FORWARDS] = { "svm.forwards", "1", "Requests that a node passed on.", SM_TOTAL },
    [SM_INVALIDATIONS] = { "svm.invalidations", "1", "Copies that a node had others drop.",
                           SM_TOTAL },
    [SM_PAGES] = { "svm.pages", "1", "Pages that a node sent.", SM_TOTAL },
    [SM_PAGE_OUTS] = { "svm.page_outs", "1", "Pages that a node sent to its store.", SM_TOTAL },
    [SM_PAGE_INS] = { "svm.page_ins", "1", "Pages that a node fetched from its store.", SM_TOTAL },
    [SM_DISK_TRANSFERS] = { "svm.disk_transfers", "1",
                            "Pages that moved to or from a disk for a node.", SM_TOTAL },
    [SM_DISK_LAST] = { "svm.disk_last", "1",
                       "Pages that moved to or from a disk in the last iteration, for all nodes "
                       "together.",
                       SM_TOTAL },
    [SM_FORWARDS_PER_FAULT] = { "svm.forwards_per_fault", "1",
                                "Requests passed on for each fault, of all nodes together.",
                                SM_TOTAL },
    [SM_MESSAGES_PER_FAULT] = { "svm.messages_per_fault", "1",
                                "Messages for each fault, of all nodes together.", SM_TOTAL },
    [SM_TWINS] = { "svm.twins", "1", "Twins that a node made (hlrc).", MEASURE_TOTAL },
    [SM_DIFFS] = { "svm.diffs", "1", "Diffs that a node sent (hlrc).", MEASURE_TOTAL },
    [SM_WRITE_TIME] = { "svm.write_time", "s",
                        "Patterns readers and pingpong: time of an access to a page that others "
                        "hold.",
                        0 },
    [SM_FAULT_TIME] = { "svm.fault_time", "s", "Time of a program in a fault.", MEASURE_INSIDE },
    [SM_OUTSIDE] = { "svm.outside", "s",
                     "Time of a program between two faults: it computes or waits for others.",
                     MEASURE_OUTSIDE },
    [SM_CHECKED] = { "svm.checked", "1", "Accesses of a recorded history that was judged (record).",
                     SM_TOTAL },
    { .name = NULL },
};

const char *const shared_instances[] = { "svm", "sync", NULL };

uint32_t shared_programs(const void *params, const struct os_layout *layout)
{
    const struct shared_params *p = params;
    if (p->nodes == 0)
        return layout->compute_count;
    return (uint32_t)p->nodes;
}

bool shared_check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct shared_params *p = params;
    if (p->nodes > layout->compute_count)
        return err_set(e, "workload.nodes is %lld, but the machine has %u compute nodes",
                       (long long)p->nodes, layout->compute_count);
    if (p->memory.frames > 0 && !svm_is_strict(p->svm.manager))
        return err_set(e,
                       "workload.memory.frames is %lld, but workload.svm.manager %s keeps the "
                       "pages that it has touched: it must be 0",
                       (long long)p->memory.frames, svm_managers.items[p->svm.manager]->name);
    return true;
}

uint64_t shared_array_bytes(const struct shared_params *p, uint64_t bytes)
{
    uint64_t page = (uint64_t)p->memory.page;
    return (bytes + page - 1) / page * page;
}

bool shared_open(struct shared *h, struct os_node *node, const struct program *me,
                 const struct shared_params *params, uint64_t bytes)
{
    struct port *p = node->port;
    struct xk_protl *svm = xk_find(node->xk, "svm"), *sync = xk_find(node->xk, "sync");
    *h = (struct shared){ .port = p,
                          .xk = node->xk,
                          .nodes = node->layout->compute,
                          .rank = me->rank,
                          .ranks = me->ranks,
                          .next = SHARED_BASE };
    ASSERT_MSG(svm && sync, "workload_ranks looks for shared_instances");
    h->vm = vm_create(p, &params->memory);
    vm_customer(h->vm, &shared_measures[SM_FAULT_TIME], &shared_measures[SM_OUTSIDE]);
    h->space = vm_space_create(h->vm, "shared");
    uint64_t length = shared_array_bytes(params, bytes);
    h->report = SHARED_BASE + length;
    length += shared_array_bytes(params, REPORT_BYTES * me->ranks);
    h->svm = svm_join(svm, h->space, SHARED_BASE, length, node->layout->compute, me->ranks,
                      &params->svm);
    if (!h->svm) {
        port_fail(p, "the shared memory of %llu bytes cannot be mapped",
                  (unsigned long long)length);
        return false;
    }
    if (!paging_store(node, h->vm, 0, length / (uint64_t)params->memory.page, &params->paging,
                      &h->store))
        return false;
    svm_set_store(h->svm, h->store);
    h->sync = sync_join_memory(sync, node->layout->compute, me->ranks, svm_memory(h->svm), h->svm);
    sync_barrier(h->sync);
    return true;
}

uint64_t shared_array(struct shared *h, uint64_t bytes)
{
    uint64_t page = vm_page_bytes(h->vm), at = h->next;
    h->next += (bytes + page - 1) / page * page;
    return at;
}

void shared_start(struct shared *h)
{
    port_pay(h->port);
    sync_barrier(h->sync);
    svm_counts(h->svm, &h->before);
    if (h->store)
        h->store_before = h->store->counts;
    h->started = port_now(h->port);
    port_window(h->port, true, h->ranks);
}

struct vm_store_counts shared_paging(const struct shared *h)
{
    struct vm_store_counts c = { .puts = 0 };
    if (!h->store)
        return c;
    c = h->store->counts;
    c.puts -= h->store_before.puts;
    c.gets -= h->store_before.gets;
    c.disk -= h->store_before.disk;
    c.lost -= h->store_before.lost;
    return c;
}

void shared_iteration(struct shared *h)
{
    h->disk_before = shared_paging(h).disk;
}

/* Sums what all nodes counted: through the shared memory itself, after the clock has stopped. */
static void report_all(struct shared *h, const double mine[REPORTED])
{
    double one[REPORTED], sum[REPORTED] = { 0 };
    if (!vm_write(h->space, h->report + REPORT_BYTES * h->rank, mine, REPORT_BYTES))
        return;
    port_pay(h->port);
    sync_barrier(h->sync);
    if (h->rank != 0)
        return;
    for (uint32_t i = 0; i < h->ranks; i++) {
        if (!vm_read(h->space, h->report + REPORT_BYTES * i, one, REPORT_BYTES))
            return;
        for (int k = 0; k < REPORTED; k++)
            sum[k] += one[k];
    }
    if (h->store)
        port_measure(h->port, &shared_measures[SM_DISK_LAST], sum[3]);
    if (sum[0] == 0)
        return;
    port_measure(h->port, &shared_measures[SM_FORWARDS_PER_FAULT], sum[1] / sum[0]);
    port_measure(h->port, &shared_measures[SM_MESSAGES_PER_FAULT], sum[2] / sum[0]);
}

void shared_stop(struct shared *h)
{
    struct port *p = h->port;
    struct svm_counts c;
    port_pay(p);
    sync_barrier(h->sync);
    port_window(p, false, h->ranks);
    svm_counts(h->svm, &c);
    if (h->rank == 0)
        port_measure(p, &shared_measures[SM_TIME], sim_time_seconds(port_now(p) - h->started));
    double reads = (double)(c.read_faults - h->before.read_faults);
    double writes = (double)(c.write_faults - h->before.write_faults);
    double forwards = (double)(c.forwards - h->before.forwards);
    port_measure(p, &shared_measures[SM_READ_FAULTS], reads);
    port_measure(p, &shared_measures[SM_WRITE_FAULTS], writes);
    port_measure(p, &shared_measures[SM_MESSAGES], (double)(c.sent - h->before.sent));
    port_measure(p, &shared_measures[SM_FORWARDS], forwards);
    port_measure(p, &shared_measures[SM_INVALIDATIONS],
                 (double)(c.invalidations - h->before.invalidations));
    if (svm_memory(h->svm)) {
        port_measure(p, &shared_measures[SM_TWINS], (double)(c.twins - h->before.twins));
        port_measure(p, &shared_measures[SM_DIFFS], (double)(c.diffs - h->before.diffs));
    }
    port_measure(p, &shared_measures[SM_PAGES], (double)(c.pages_sent - h->before.pages_sent));
    double last = 0;
    if (h->store) {
        struct vm_store_counts g = shared_paging(h);
        last = (double)(g.disk - h->disk_before);
        port_measure(p, &shared_measures[SM_PAGE_OUTS], (double)g.puts);
        port_measure(p, &shared_measures[SM_PAGE_INS], (double)g.gets);
        port_measure(p, &shared_measures[SM_DISK_TRANSFERS], (double)g.disk);
    }
    report_all(
        h, (double[REPORTED]){ reads + writes, forwards, (double)(c.sent - h->before.sent), last });
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
