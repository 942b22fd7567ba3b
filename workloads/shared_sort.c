/* shared_sort.c: split-merge sort over shared memory.
 *
 * 2N blocks for N nodes: each node sorts its two blocks, then odd-even rounds merge neighbouring
 * blocks and split the result into a low and a high half [Li & Hudak 1989, section 4: the odd-even
 * block merge-split sort of Baudet & Stevenson 1978].  Keys are random strings, as there: eight
 * letters, first letter in the highest byte.  The result is compared with a sequential sort.
 */
#include "workloads/shared.h"

/* Simple operations of one step of a merge: loop, bounds of two inputs, call of the comparison, two
 * loads, a store; and of each letter that is compared. */
#define STEP_OPS 16  /* ASSUMED(counted in compiled code, without optimisation) */
#define LETTER_OPS 5 /* ASSUMED(two loads, a comparison, an index, a jump) */
#define KEY_LETTERS 8

struct sort_params {
    struct shared_params shared; /* first */
    int64_t records;
};

static const struct param sort_params[] = {
    SHARED_PARAMS,
    P_INT(
        sort_params, records, "65536", "2", "100000000",
        "Records of 8 bytes, each a string of letters; rounded up to a multiple of the 2N blocks.",
        "IVY: about 200 K records [memory, medium]"),
    P_END,
};

static uint64_t record(uint64_t i)
{
    uint64_t z = (i + 1) * 0x9e3779b97f4a7c15u, key = 0;
    z = (z ^ z >> 32) * 0xd6e8feb86659fd93u;
    z ^= z >> 32;
    for (int k = 0; k < KEY_LETTERS; k++, z /= 26)
        key = key << 8 | ('a' + z % 26);
    return key;
}

/* True when key a is not behind key b; counts the operations of the step that asks. */
static bool not_after(uint64_t a, uint64_t b, uint64_t *ops)
{
    int letter = 0;
    while (letter < KEY_LETTERS - 1 && a >> (56 - 8 * letter) == b >> (56 - 8 * letter))
        letter++;
    *ops += LETTER_OPS * ((uint64_t)letter + 1);
    return a <= b;
}

/* Merges a[0..n) and b[0..m) into out; the number of operations. */
static uint64_t merge(const uint64_t *a, uint64_t n, const uint64_t *b, uint64_t m, uint64_t *out)
{
    uint64_t ops = STEP_OPS * (n + m);
    for (uint64_t i = 0, j = 0; i < n || j < m; out++)
        *out = i < n && (j == m || not_after(a[i], b[j], &ops)) ? a[i++] : b[j++];
    return ops;
}

/* Sorts by merging; tmp is as long.  The number of operations. */
static uint64_t merge_sort(uint64_t *a, uint64_t *tmp, uint64_t n)
{
    uint64_t ops = 0;
    for (uint64_t width = 1; width < n; width *= 2) {
        for (uint64_t lo = 0; lo < n; lo += 2 * width) {
            uint64_t mid = lo + width < n ? lo + width : n;
            uint64_t hi = lo + 2 * width < n ? lo + 2 * width : n;
            ops += merge(a + lo, mid - lo, a + mid, hi - mid, tmp + lo);
        }
        for (uint64_t i = 0; i < n; i++)
            a[i] = tmp[i];
    }
    return ops;
}

struct block {
    struct shared *h;
    uint64_t base, length; /* address of block 0; records of a block */
    uint64_t *a, *out;     /* room for two blocks */
};

static bool fetch(struct block *b, uint64_t block, uint64_t count)
{
    return vm_read(b->h->space, b->base + 8 * block * b->length, b->a, 8 * count * b->length);
}

static bool put(struct block *b, uint64_t block, const uint64_t *from, uint64_t count)
{
    return vm_write(b->h->space, b->base + 8 * block * b->length, from, 8 * count * b->length);
}

/* Blocks i and i+1 become the low and the high half of their merge. */
static bool merge_split(struct block *b, uint64_t i)
{
    uint64_t n = b->length;
    if (!fetch(b, i, 2))
        return false;
    port_work(b->h->port, PORT_WORK_OP, merge(b->a, n, b->a + n, n, b->out));
    return put(b, i, b->out, 2);
}

/* Makes two blocks, and sorts each. */
static bool sort_own(struct block *b, uint64_t i)
{
    struct shared *h = b->h;
    for (uint64_t k = 0; k < 2 * b->length; k++)
        b->a[k] = record(i * b->length + k);
    if (!put(b, i, b->a, 2))
        return false;
    shared_start(h);
    if (!fetch(b, i, 2))
        return false;
    port_work(h->port, PORT_WORK_OP,
              merge_sort(b->a, b->out, b->length) +
                  merge_sort(b->a + b->length, b->out, b->length));
    return put(b, i, b->a, 2);
}

/* Compares with a sequential sort of the same records. */
static void check_sorted(struct block *b, uint64_t blocks)
{
    struct port *p = b->h->port;
    uint64_t n = blocks * b->length;
    uint64_t *expected = port_alloc(p, 8 * n), *tmp = port_alloc(p, 8 * n);
    for (uint64_t i = 0; i < n; i++)
        expected[i] = record(i);
    merge_sort(expected, tmp, n);
    for (uint64_t i = 0; i < blocks; i++) {
        if (!fetch(b, i, 1))
            return;
        for (uint64_t j = 0; j < b->length; j++)
            if (b->a[j] != expected[i * b->length + j]) {
                port_fail(p, "sort: record %llu of block %llu is not what a sequential sort gives",
                          (unsigned long long)j, (unsigned long long)i);
                return;
            }
    }
    port_delivered(p, 8 * n, n);
}

static void sort_main(struct os_node *node, const struct program *me)
{
    const struct sort_params *p = me->params;
    uint64_t blocks = 2 * (uint64_t)me->ranks;
    struct block b = { .length = ((uint64_t)p->records + blocks - 1) / blocks };
    uint64_t size = 8 * blocks * b.length;
    struct shared h;
    if (!shared_open(&h, node, me, &p->shared, shared_array_bytes(&p->shared, size)))
        return;
    b.h = &h;
    b.base = shared_array(&h, size);
    b.a = port_alloc(h.port, 16 * b.length);
    b.out = port_alloc(h.port, 16 * b.length);
    if (h.resume == 0 && !sort_own(&b, 2 * me->rank))
        return;
    for (uint64_t round = h.resume > 0 ? h.resume - 1 : 0; round < blocks; round++) {
        port_pay(h.port);
        shared_barrier(&h, round + 1);
        uint64_t i = 2 * me->rank + round % 2;
        if (i + 1 < blocks && !merge_split(&b, i))
            return;
    }
    shared_stop(&h);
    if (shared_checks(&h))
        check_sorted(&b, blocks);
    shared_close(&h);
}

const struct workload_ops workload_svm_sort =
    SHARED_WORKLOAD("svm_sort", "Split-merge sort of shared records.", sort_params,
                    struct sort_params, shared_check, sort_main);
