/* shared_pattern.c: sharing patterns: producer-consumer, migratory, false sharing, ping-pong,
 * random, and mutual exclusion by a lock's messages or by test-and-set on a shared page.
 *
 * Each is what a protocol is good or bad at, alone.  The random tester checks values: every word
 * has one
 * writer, which writes rising numbers, so a reader must never see a number fall or run ahead.
 */
#include "os/ckpt/ckpt.h"
#include "workloads/shared_history.h"

enum pattern {
    PRODUCER,
    MIGRATORY,
    FALSE_SHARING,
    PINGPONG,
    READERS,
    RANDOM,
    LOCK,
    TEST_AND_SET,
    CONTENDED
};
static const char *const pattern_names[] = {
    "producer_consumer", "migratory", "false_sharing", "pingpong",
    "readers",           "random",    "lock",          "test_and_set",
    "contended",         NULL
};

struct pattern_params {
    struct shared_params shared; /* first */
    int pattern;
    int64_t rounds;
    int64_t pages;
    int64_t spacing;
    sim_time think, spin;
    bool record;
    int64_t words, access;
};

static const struct param pattern_params[] = {
    SHARED_PARAMS,
    P_CHOICE(pattern_params, pattern, "random", pattern_names,
             "Who touches what: one writes and all read; each in turn changes all; each changes "
             "its own word; two nodes change one word in turn; all read, one writes; at random; "
             "all add to one word under a lock, or under a test-and-set word; all read and write "
             "the same few words at random, which `record` judges.",
             "ASSUMED(the usual patterns of the literature)"),
    P_INT(pattern_params, rounds, "20", "1", "100000000", "Rounds, or accesses of a node (random).",
          "ASSUMED(the experiment's choice)"),
    P_INT(pattern_params, pages, "8", "1", "1000000", "Pages that are shared.",
          "ASSUMED(the experiment's choice)"),
    P_SIZE(pattern_params, spacing, "8B", "8B", "1MiB",
           "Pattern false_sharing: from the word of one node to that of the next; a multiple of 8.",
           "ASSUMED(the experiment's choice)"),
    P_TIME(pattern_params, think, "100us", "0s", "1h", "Computation between accesses.",
           "ASSUMED(the experiment's choice)"),
    P_TIME(pattern_params, spin, "10us", "1ns", "1h",
           "Pattern test_and_set: from one try to the next.", "ASSUMED(a short loop)"),
    P_BOOL(pattern_params, record, "false",
           "Record every access of every node and judge the history at the end: reads return the "
           "most recent write, and one order explains all accesses.",
           "os/svm/history.h"),
    P_INT(pattern_params, words, "8", "1", "1000000",
          "Pattern contended: words of each page that are used, side by side.",
          "ASSUMED(the experiment's choice)"),
    P_INT(pattern_params, access, "8", "1", "8", "Pattern contended: bytes of a word: 1, 4 or 8.",
          "ASSUMED(the experiment's choice)"),
    P_END,
};

struct run {
    struct shared h;
    const struct pattern_params *p;
    uint64_t base, page_bytes;
    uint64_t wrong;
    struct shared_history history;
};

static uint64_t word(const struct run *r, uint64_t page, uint64_t index)
{
    return r->base + page * r->page_bytes + 8 * index;
}

static uint64_t load(struct run *r, uint64_t addr, uint32_t size)
{
    sim_time begun = shared_history_begin(&r->history);
    uint64_t got = size == 1   ? vm_load_u8(r->h.space, addr)
                   : size == 4 ? vm_load_u32(r->h.space, addr)
                               : vm_load_u64(r->h.space, addr);
    shared_history_end(&r->history, begun, addr, size, false, got);
    return got;
}

static void store(struct run *r, uint64_t addr, uint32_t size, uint64_t value)
{
    sim_time begun = shared_history_begin(&r->history);
    if (size == 1)
        vm_store_u8(r->h.space, addr, (uint8_t)value);
    else if (size == 4)
        vm_store_u32(r->h.space, addr, (uint32_t)value);
    else
        vm_store_u64(r->h.space, addr, value);
    shared_history_end(&r->history, begun, addr, size, true, value);
}

static void expect(struct run *r, uint64_t addr, uint64_t lo, uint64_t hi)
{
    uint64_t got = load(r, addr, 8);
    if (got >= lo && got <= hi)
        return;
    if (r->wrong++ == 0)
        port_fail(r->h.port,
                  "shared memory: node %u reads %llu at 0x%llx where %llu to %llu can stand",
                  port_node(r->h.port), (unsigned long long)got, (unsigned long long)addr,
                  (unsigned long long)lo, (unsigned long long)hi);
}

static void round_end(struct run *r)
{
    port_compute(r->h.port, r->p->think);
    sync_barrier(r->h.sync);
}

/* A write, with the read of the value before it when `old` is expected there, and its time. */
static void timed_store(struct run *r, uint64_t addr, bool read_first, uint64_t old, uint64_t value)
{
    struct port *p = r->h.port;
    port_pay(p);
    sim_time began = port_now(p);
    if (read_first)
        expect(r, addr, old, old);
    store(r, addr, 8, value);
    port_pay(p);
    if (value > 1) /* before that there is no copy */
        port_measure(p, &shared_measures[SM_WRITE_TIME], sim_time_seconds(port_now(p) - began));
}

/* Rank 0 writes every page; then all others read; the writes of a node are seen by all. */
static void producer(struct run *r, bool everybody)
{
    for (uint64_t k = 1; k <= (uint64_t)r->p->rounds; k++) {
        if (r->h.rank == 0)
            for (uint64_t g = 0; g < (uint64_t)r->p->pages; g++)
                timed_store(r, word(r, g, 0), false, 0, k);
        round_end(r);
        for (uint64_t g = 0; g < (uint64_t)r->p->pages; g++)
            if (everybody || g % r->h.ranks == r->h.rank)
                expect(r, word(r, g, 0), k, k);
        round_end(r);
    }
}

/* Each in turn adds one to every page. */
static void migratory(struct run *r)
{
    for (uint64_t k = 0; k < (uint64_t)r->p->rounds; k++)
        for (uint32_t turn = 0; turn < r->h.ranks; turn++) {
            if (turn == r->h.rank)
                for (uint64_t g = 0; g < (uint64_t)r->p->pages; g++) {
                    uint64_t before = k * r->h.ranks + turn;
                    expect(r, word(r, g, 0), before, before);
                    store(r, word(r, g, 0), 8, before + 1);
                }
            round_end(r);
        }
}

/* Every node counts in a word of its own, `spacing` bytes from the next node's. */
static void false_sharing(struct run *r)
{
    uint64_t mine = r->base + (uint64_t)r->p->spacing * r->h.rank;
    for (uint64_t k = 0; k < (uint64_t)r->p->rounds; k++) {
        expect(r, mine, k, k);
        store(r, mine, 8, k + 1);
        port_compute(r->h.port, r->p->think);
        port_pay(r->h.port);
    }
}

/* The last two ranks, which manage nothing, change one word in turn. */
static void pingpong(struct run *r)
{
    uint32_t turn = r->h.ranks > 1 ? r->h.ranks - 1 - r->h.rank : 0;
    for (uint64_t k = 0; k < 2 * (uint64_t)r->p->rounds; k++) {
        if (turn == (r->h.ranks > 1 ? k % 2 : 0))
            timed_store(r, word(r, 0, 0), true, k, k + 1);
        sync_barrier(r->h.sync);
    }
}

/* The instruction: the page is here for writing while the word is looked at and set. */
static bool test_and_set(struct run *r, uint64_t addr)
{
    size_t got;
    uint64_t *w = vm_span(r->h.space, addr, sizeof *w, VM_WRITE, &got);
    if (!w)
        return true; /* the failure has been told */
    bool was_free = *w == 0;
    *w = 1;
    vm_unspan(r->h.space, addr);
    return was_free;
}

/* All nodes add one to a word, one at a time. */
static void exclusion(struct run *r, bool by_messages)
{
    struct port *p = r->h.port;
    uint64_t flag = word(r, 0, 0), total = (uint64_t)r->p->rounds * r->h.ranks;
    uint64_t count = word(r, (uint64_t)r->p->pages - 1, 1);
    for (int64_t k = 0; k < r->p->rounds; k++) {
        if (by_messages)
            sync_lock(r->h.sync, 1);
        else
            while (!test_and_set(r, flag))
                port_compute(p, r->p->spin);
        store(r, count, 8, load(r, count, 8) + 1);
        port_compute(p, r->p->think);
        if (by_messages)
            sync_unlock(r->h.sync, 1);
        else
            vm_store_u64(r->h.space, flag, 0);
    }
    port_pay(p);
    sync_barrier(r->h.sync);
    if (r->h.rank == 0)
        expect(r, count, total, total);
}

/* Word i of a page is written by rank i alone, with rising numbers. */
static void random_accesses(struct run *r)
{
    struct port *p = r->h.port;
    uint64_t words = r->page_bytes / 8 < r->h.ranks ? r->page_bytes / 8 : r->h.ranks;
    uint64_t total = words * (uint64_t)r->p->pages;
    uint64_t *seen = port_alloc(p, total * sizeof *seen);
    for (int64_t k = 0; k < r->p->rounds; k++) {
        uint64_t page = port_random_below(p, (uint64_t)r->p->pages);
        uint64_t index = port_random_below(p, words), *last = &seen[page * words + index];
        if (index == r->h.rank) {
            expect(r, word(r, page, index), *last, *last);
            store(r, word(r, page, index), 8, ++*last);
        } else {
            expect(r, word(r, page, index), *last, (uint64_t)r->p->rounds);
            *last = load(r, word(r, page, index), 8);
        }
        port_compute(p, (sim_time)port_random_below(p, (uint64_t)r->p->think + 1));
        port_pay(p);
    }
}

/* All ranks read and write the same words; a value tells its writer and its turn while it has the
 * bytes for that. */
static void contended(struct run *r)
{
    struct port *p = r->h.port;
    uint32_t size = (uint32_t)r->p->access;
    uint64_t mask = size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
    for (int64_t k = 1; k <= r->p->rounds; k++) {
        uint64_t page = port_random_below(p, (uint64_t)r->p->pages);
        uint64_t addr =
            r->base + page * r->page_bytes + size * port_random_below(p, (uint64_t)r->p->words);
        if (port_random_below(p, 3) == 0)
            store(r, addr, size, ((uint64_t)k * r->h.ranks + r->h.rank) & mask);
        else
            load(r, addr, size);
        port_compute(p, (sim_time)port_random_below(p, (uint64_t)r->p->think + 1));
        port_pay(p);
    }
}

/* Is what each access reads and writes kept, and judged? */
static bool records(const struct pattern_params *q)
{
    return q->record || q->pattern == CONTENDED;
}

/* How many accesses of a rank there can be. */
static uint64_t accesses(const struct pattern_params *q)
{
    return 4 * (uint64_t)q->rounds * (uint64_t)q->pages + 4;
}

/* Bytes that are shared. */
static uint64_t bytes_of(const struct pattern_params *q, uint32_t ranks)
{
    uint64_t pages = base_mul((uint64_t)q->pages, (uint64_t)q->shared.memory.page),
             apart = base_mul((uint64_t)q->spacing, ranks);
    return apart > pages ? apart : pages;
}

static bool pattern_check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct pattern_params *q = params;
    if (q->spacing % 8 != 0)
        return err_set(e, "workload.spacing is %lld bytes, no multiple of 8",
                       (long long)q->spacing);
    if (q->access != 1 && q->access != 4 && q->access != 8)
        return err_set(e, "workload.access is %lld: an access has 1, 4 or 8 bytes",
                       (long long)q->access);
    if (q->pattern == CONTENDED && q->words * q->access > q->shared.memory.page)
        return err_set(e, "workload.words: %lld words of %lld bytes do not fit a page of %lld",
                       (long long)q->words, (long long)q->access, (long long)q->shared.memory.page);
    if ((records(q) || q->pattern == TEST_AND_SET) && !svm_is_strict(q->shared.svm.manager))
        return err_set(e,
                       "workload.pattern %s%s needs memory where a read returns the most recent "
                       "write, which manager %s does not promise between two synchronisations",
                       pattern_names[q->pattern], q->record ? " with record" : "",
                       svm_managers.items[q->shared.svm.manager]->name);
    if (os_service_params(layout, &ckpt_service))
        return err_set(e, "svm_pattern has no place where the service ckpt can save it");
    uint32_t ranks = shared_programs(params, layout);
    if (bytes_of(q, ranks) > SVM_SPACE_MAX / 2) /* with its rounding, and what is reported */
        return err_set(e, "workload.pages: more than 128 GiB of shared memory");
    if (records(q) && base_mul(shared_history_bytes(accesses(q)), ranks) > SVM_SPACE_MAX)
        return err_set(e,
                       "workload.rounds: the records of %llu accesses on %u nodes are more than "
                       "256 GiB of shared memory",
                       (unsigned long long)accesses(q), ranks);
    return shared_check(params, layout, e);
}

static void pattern_main(struct os_node *node, const struct program *me)
{
    struct run r = { .p = me->params };
    r.page_bytes = (uint64_t)r.p->shared.memory.page;
    uint64_t bytes = bytes_of(r.p, me->ranks);
    if (!shared_open(&r.h, node, me, &r.p->shared, bytes))
        return;
    r.base = shared_array(&r.h, bytes);
    if (records(r.p))
        shared_history_open(&r.history, &r.h, accesses(r.p));
    shared_start(&r.h);
    switch ((enum pattern)r.p->pattern) {
    case PRODUCER:
        producer(&r, false);
        break;
    case READERS:
        producer(&r, true);
        break;
    case MIGRATORY:
        migratory(&r);
        break;
    case FALSE_SHARING:
        false_sharing(&r);
        break;
    case PINGPONG:
        pingpong(&r);
        break;
    case RANDOM:
        random_accesses(&r);
        break;
    case LOCK:
    case TEST_AND_SET:
        exclusion(&r, r.p->pattern == LOCK);
        break;
    case CONTENDED:
        contended(&r);
        break;
    }
    shared_stop(&r.h);
    shared_history_judge(&r.history);
}

const struct workload_ops workload_svm_pattern =
    SHARED_WORKLOAD("svm_pattern", "Sharing patterns over shared memory, with checked values.",
                    pattern_params, struct pattern_params, pattern_check, pattern_main);
