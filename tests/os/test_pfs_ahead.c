/* test_pfs_ahead.c: reading ahead brings what reading would have (PFS5), and where it can it helps.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/counter.h"
#include "tests/os/pfs_world.h"
#include "tests/sample.h"

enum { ROOM = 30000, TURNS = 60, NODES = 3 };

static struct {
    uint64_t state;
    uint8_t bytes[ROOM];
    uint64_t size;
    uint64_t hits;
    enum pfs_mode mode;
} m;

static uint32_t draw(uint32_t n)
{
    m.state = m.state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(m.state >> 33) % n;
}

enum { HITS, MISSES, WASTED };
static uint64_t counted(const struct pfs_client *c, int which)
{
    return counter_read(&pfs_client_counters[which], c);
}

static struct pfs_file *file(struct pfs_client *c, enum pfs_mode mode, uint32_t rank,
                             uint32_t ranks)
{
    struct pfs_file *f = NULL;
    cr_assert_eq(pfs_open(c, "f", PFS_O_CREATE, mode, rank, ranks, NULL, &f), PFS_OK);
    return f;
}

static void put(struct pfs_file *f, uint64_t off, uint32_t n)
{
    struct rope data;
    uint8_t fill = (uint8_t)(1 + draw(255));
    memset(m.bytes + off, fill, n);
    m.size = n > 0 && off + n > m.size ? off + n : m.size;
    rope_init(&data);
    rope_add_bytes(&data, m.bytes + off, n);
    cr_assert_eq(pfs_lseek(f, off), PFS_OK);
    cr_assert_eq(pfs_write(f, &data), PFS_OK);
}

/* Reads at the pointer and compares with the model. */
static void take(struct pfs_file *f, uint32_t n)
{
    struct rope data;
    static uint8_t got[ROOM];
    uint64_t off = pfs_tell(f), left = off < m.size ? m.size - off : 0;
    enum pfs_status s = pfs_read(f, n, &data);
    cr_assert_eq(s, PFS_OK, "%s", pfs_status_name(s));
    cr_assert_eq(data.length, n < left ? n : left, "%s %d at %d: %d not %d of %d",
                 pfs_modes.items[m.mode]->name, n, (int)off, (int)data.length, (int)left,
                 (int)m.size);
    rope_read(&data, 0, data.length, got);
    cr_assert_eq(memcmp(got, m.bytes + off, (size_t)data.length), 0, "%u bytes at %d", n, (int)off);
    rope_fini(&data);
}

/* Nodes take turns at one file, which each has open twice: runs of reads, writes, cuts. */
static void turns(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f[2] = { file(c, m.mode, 0, 1), file(c, m.mode, 0, 1) };
    for (uint32_t t = 0; t < TURNS; t++) {
        cr_assert_eq(pfs_agree(c, "turn", w->compute, PFS_OK), PFS_OK);
        uint32_t which = m.state >> 40 & 1;
        if (m.mode != M_UNIX) /* nothing is ordered: the program sees to it */
            for (uint32_t k = 0; k < 2; k++)
                cr_assert_eq(pfs_lseek(f[k], pfs_tell(f[k])), PFS_OK);
        if (t % w->compute == rank) {
            uint32_t what = draw(6), n = 500 + 500 * draw(2);
            if (what == 0) {
                put(f[which], draw(ROOM / 2), n);
            } else if (what == 1) {
                m.size = draw(ROOM / 2);
                memset(m.bytes + m.size, 0, ROOM - m.size);
                cr_assert_eq(pfs_lsize(f[which], m.size), PFS_OK);
            } else if (what == 2) {
                cr_assert_eq(pfs_close(f[which]), PFS_OK);
                f[which] = file(c, m.mode, 0, 1);
            } else if (what < 5) { /* else it goes on where it was */
                cr_assert_eq(pfs_lseek(f[which], draw(ROOM / 4)), PFS_OK);
            }
            for (uint32_t k = draw(8); what > 2 && k > 0; k--) {
                take(f[which], n);
                if (draw(6) == 0)
                    put(f[1 - which], draw(ROOM / 2), n);
                if (draw(3) == 0)
                    port_thread_sleep(fake_port(w->r.f, rank), draw(3) * SIM_MS);
            }
        }
    }
    m.hits += counted(c, HITS);
    for (uint32_t k = 0; k < 2; k++)
        cr_assert_eq(pfs_close(f[k]), PFS_OK);
}

Test(pfs_ahead, turns_of_nodes_read_what_was_written)
{
    uint64_t hits = 0;
    for (uint64_t seed = 1; seed <= sample(NULL, 60); seed++) {
        struct pfs_world w;
        memset(&m, 0, sizeof m);
        m.state = seed * 77;
        m.mode = seed % 3 ? M_UNIX : M_ASYNC;
        pfs_world_defaults(&w, NODES, 3);
        w.params.prefetch = 1 + (int64_t)seed % 3;
        pfs_world_start(&w, (struct fake_options){ .seed = seed, .order = FAKE_RANDOM });
        pfs_world_run(&w, turns);
        pfs_world_stop(&w);
        hits += m.hits;
    }
    cr_assert(sample_saw(hits, 100), "%d hits", (int)hits);
}

/* Every read but the first few finds its block, in each mode that reads ahead, at once once the
 * program has computed for long enough; a pattern that cannot be followed wastes little. */
enum { READS = 24, LEN = 1000 };

static void patterns(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    static const uint32_t jumps[] = { 3, 0, 9, 5, 1, 7, 2, 8, 6, 4 };
    struct pfs_file *f = file(c, M_ASYNC, rank, w->compute);
    cr_assert_eq(pfs_prefill(f, 5, 100000, true), PFS_OK);
    cr_assert_eq(pfs_close(f), PFS_OK);
    for (uint32_t k = 0; k < 5; k++) {
        static const enum pfs_mode modes[] = { M_UNIX, M_RECORD, M_ASYNC, M_ASYNC, M_ASYNC };
        uint64_t hits = counted(c, HITS), wasted = counted(c, WASTED), arm = 0;
        cr_assert_eq(pfs_agree(c, "next", w->compute, PFS_OK), PFS_OK);
        f = file(c, modes[k], rank, w->compute);
        for (uint32_t i = 0; i < READS && (k > 0 || rank == 0); i++) {
            struct pfs_req r;
            pfs_req_init(&r, PFS_READ, f);
            r.len = LEN;
            r.at = k >= 3;
            r.off = k == 3 ? (uint64_t)(i * w->compute + rank) * LEN : jumps[i % 10] * LEN;
            pfs_submit(&r);
            cr_assert_eq(pfs_wait(&r), PFS_OK);
            pfs_world_check_split(&r);
            arm += r.split.arm > 0;
            for (uint64_t o = 0; o < r.moved; o += 99) {
                uint8_t got;
                rope_read(&r.data, o, 1, &got);
                cr_assert_eq(got, pattern_byte(5, r.off + o));
            }
            rope_fini(&r.data);
            port_thread_sleep(fake_port(w->r.f, rank), 20 * SIM_MS);
        }
        hits = counted(c, HITS) - hits;
        wasted = counted(c, WASTED) - wasted;
        if (k == 0 && rank > 0)
            cr_assert_eq(hits, 0);
        else if (k < 4)
            cr_assert(hits >= READS - 4 && arm <= 4, "%u: %d hits, %d", k, (int)hits, (int)arm);
        else
            cr_assert(hits <= 3 && wasted <= 4, "%d hits, %d wasted", (int)hits, (int)wasted);
        cr_assert_eq(pfs_close(f), PFS_OK);
    }
}

Test(pfs_ahead, patterns_are_followed_and_others_left_alone)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 2, 3);
    w.params.prefetch = 1;
    w.lfs.files = 40;
    pfs_world_start(&w, (struct fake_options){ .seed = 1, .order = FAKE_RANDOM });
    pfs_world_run(&w, patterns);
    pfs_world_stop(&w);
}

/* An I/O node dies while blocks are read ahead: every call ends, and what is read is right. */
static void while_it_dies(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = file(c, M_UNIX, 0, 1);
    (void)rank;
    if (pfs_prefill(f, 5, 60000, true) == PFS_OK)
        for (uint32_t i = 0; i < 40; i++) {
            struct rope data;
            uint64_t off = pfs_tell(f);
            if (pfs_read(f, LEN, &data) == PFS_OK && data.length > 0) {
                uint8_t got;
                rope_read(&data, data.length / 2, 1, &got);
                cr_assert_eq(got, pattern_byte(5, off + data.length / 2));
            }
            rope_fini(&data);
            if (i % 10 == 9)
                cr_assert_eq(pfs_lseek(f, i * 100), PFS_OK);
        }
    (void)pfs_close(f);
    (void)w;
}

Test(pfs_ahead, an_io_node_that_dies_leaves_nobody_waiting)
{
    for (uint64_t step = 700; step < 700 + 37 * sample(NULL, 30); step += 37) {
        struct pfs_world w;
        pfs_world_defaults(&w, 1, 2);
        w.params.prefetch = 3;
        w.crash_step = step;
        pfs_world_start(&w, (struct fake_options){ .seed = step, .order = FAKE_RANDOM });
        pfs_world_run(&w, while_it_dies);
        pfs_world_stop(&w);
    }
}
