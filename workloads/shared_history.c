/* shared_history.c: see shared_history.h. */
#include "workloads/shared_history.h"

#include "os/xk/msg.h"

#define RECORDS_BASE (UINT64_C(1) << 40) /* ASSUMED(far from the programs' data) */
#define RECORDS_PAGE 4096                /* ASSUMED(the node's own page size) */
#define RECORD 40
#define SLOT_HEAD 16 /* count(8) checksum(8) */

enum { IMPROVED = 1 }; /* of svm_managers */

uint64_t shared_history_bytes(uint64_t most)
{
    uint64_t bytes = base_add(base_mul(most, RECORD), SLOT_HEAD + RECORDS_PAGE - 1);
    return bytes / RECORDS_PAGE * RECORDS_PAGE;
}

void shared_history_open(struct shared_history *r, struct shared *h, uint64_t most)
{
    struct port *p = h->port;
    struct vm_params memory = { .page = RECORDS_PAGE };
    struct svm_params params = { .manager = IMPROVED, .hash_block = 1 };
    *r = (struct shared_history){
        .shared = h, .most = most, .slot_bytes = shared_history_bytes(most), .on = true
    };
    history_init(&r->mine, p, SHARED_BASE, vm_page_bytes(h->vm));
    r->space = vm_space_create(vm_create(p, &memory), "history");
    bool joined = svm_join(h->over, r->space, RECORDS_BASE, r->slot_bytes * h->ranks, h->nodes,
                           h->ranks, &params);
    ASSERT_MSG(joined, "the workload's check has looked at shared_history_bytes");
}

sim_time shared_history_begin(struct shared_history *r)
{
    if (!r->on)
        return 0;
    port_pay(r->shared->port);
    return port_now(r->shared->port);
}

void shared_history_end(struct shared_history *r, sim_time begun, uint64_t addr, uint32_t size,
                        bool write, uint64_t value)
{
    if (!r->on)
        return;
    ASSERT(r->mine.count < r->most);
    history_add(&r->mine, &(struct history_op){ .addr = addr,
                                                .value = value,
                                                .start = begun,
                                                .end = port_now(r->shared->port),
                                                .node = r->shared->rank,
                                                .size = size,
                                                .write = write });
}

static void store(const struct history_op *op, uint8_t out[RECORD])
{
    wire_put64(out, op->addr);
    wire_put64(out + 8, op->value);
    wire_put64(out + 16, (uint64_t)op->start);
    wire_put64(out + 24, (uint64_t)op->end);
    wire_put32(out + 32, op->node);
    wire_put32(out + 36, op->size << 1 | op->write);
}

static struct history_op load(const uint8_t in[RECORD])
{
    return (struct history_op){ .addr = wire_get64(in),
                                .value = wire_get64(in + 8),
                                .start = (sim_time)wire_get64(in + 16),
                                .end = (sim_time)wire_get64(in + 24),
                                .node = wire_get32(in + 32),
                                .size = wire_get32(in + 36) >> 1,
                                .write = wire_get32(in + 36) & 1 };
}

static uint64_t sum(const uint8_t *bytes, uint64_t len)
{
    uint64_t s = 0x9e3779b97f4a7c15u;
    for (uint64_t i = 0; i < len; i++)
        s = (s ^ bytes[i]) * 0x100000001b3u;
    return s;
}

/* Reads the records of a rank behind `all`; false after port_fail. */
static bool gather(struct shared_history *r, uint32_t rank, struct history *all)
{
    struct port *p = r->shared->port;
    uint64_t at = RECORDS_BASE + rank * r->slot_bytes;
    uint8_t head[SLOT_HEAD];
    bool good = vm_read(r->space, at, head, sizeof head);
    uint64_t count = good ? wire_get64(head) : 0;
    good = good && count <= r->most;
    uint8_t *bytes = port_alloc(p, count * RECORD + 1);
    good = good && vm_read(r->space, at + SLOT_HEAD, bytes, count * RECORD) &&
           wire_get64(head + 8) == sum(bytes, count * RECORD);
    for (uint64_t i = 0; good && i < count; i++) {
        struct history_op op = load(bytes + i * RECORD);
        history_add(all, &op);
    }
    port_free(p, bytes);
    if (!good)
        port_fail(p, "the history of rank %u is damaged: shared memory does not carry it", rank);
    return good;
}

static void judge_all(struct shared_history *r)
{
    struct shared *h = r->shared;
    struct history all;
    struct history_report report;
    history_init(&all, h->port, SHARED_BASE, vm_page_bytes(h->vm));
    bool good = true;
    for (uint32_t rank = 0; rank < h->ranks && good; rank++)
        good = gather(r, rank, &all);
    if (good && (history_recent(&all, &report) != HISTORY_OK ||
                 history_sequential(&all, &report) != HISTORY_OK))
        port_fail(h->port, "shared memory: %s", report.text);
    else if (good)
        port_measure(h->port, &shared_measures[SM_CHECKED], (double)(report.reads + report.writes));
    history_fini(&all);
}

void shared_history_judge(struct shared_history *r)
{
    struct shared *h = r->shared;
    if (!r->on)
        return;
    uint64_t len = SLOT_HEAD + r->mine.count * RECORD;
    uint8_t *bytes = port_alloc(h->port, len);
    for (uint64_t i = 0; i < r->mine.count; i++)
        store(&r->mine.ops[i], bytes + SLOT_HEAD + i * RECORD);
    wire_put64(bytes, r->mine.count);
    wire_put64(bytes + 8, sum(bytes + SLOT_HEAD, len - SLOT_HEAD));
    bool written = vm_write(r->space, RECORDS_BASE + h->rank * r->slot_bytes, bytes, len);
    port_free(h->port, bytes);
    port_pay(h->port);
    sync_barrier(h->sync);
    if (written && h->rank == 0)
        judge_all(r);
    port_pay(h->port);
    sync_barrier(h->sync);
}
