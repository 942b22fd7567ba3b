/* test_pfs_partners.c: several requests of each rank are under way in every mode while a partner
 * closes, dies or differs: what each request ends with, and what the file then is.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/os/pfs_world.h"
#include "tests/sample.h"

enum { RANKS = 3, EACH = 4, LEN = 100, AREA = EACH * 2 * LEN };
enum what { CLOSES, DIES, DIFFERS, WHATS };

static struct {
    enum pfs_mode mode;
    enum what what;
    uint32_t good; /* requests that rank 1 makes before */
    enum pfs_status s[RANKS][EACH];
    uint64_t off[RANKS][EACH];
} t;

static uint8_t fill_of(uint32_t rank, uint32_t k)
{
    return (uint8_t)(1 + (pfs_mode_is(t.mode, PFS_MODE_ONE) ? 0 : rank * EACH) + k);
}

/* Where a program chooses. */
static uint64_t own_place(uint32_t rank, uint32_t k)
{
    return (uint64_t)rank * AREA + (uint64_t)k * 2 * LEN;
}

static void begin(struct pfs_req *r, struct pfs_file *f, uint32_t rank, uint32_t k)
{
    uint8_t bytes[2 * LEN];
    uint32_t n = LEN + (uint32_t)(t.what == DIFFERS && rank == 1 && k == t.good);
    memset(bytes, fill_of(rank, k), sizeof bytes);
    pfs_req_init(r, PFS_WRITE, f);
    r->at = true;
    r->off = own_place(rank, k);
    rope_add_bytes(&r->data, bytes, n);
    pfs_submit(r);
}

/* What request k of a rank may end with. */
static bool allowed(uint32_t rank, uint32_t k, enum pfs_status s)
{
    bool meet = pfs_mode_is(t.mode, PFS_MODE_MEET), one = pfs_mode_is(t.mode, PFS_MODE_ONE);
    if (t.what == DIFFERS) {
        bool bad = k == t.good && (one || (t.mode == M_RECORD && rank == 1));
        return s == (bad ? PFS_BAD_RECORD : PFS_OK);
    }
    enum pfs_status ended = t.what == CLOSES ? PFS_CLOSED : PFS_NODE_DOWN;
    if (meet && k >= t.good)
        return s == ended;
    /* Rank 0 may have sent the outcome to the one that is dead and not to the other yet. */
    return s == PFS_OK || (t.what == DIES && one && s == PFS_NODE_DOWN);
}

static void program(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    struct pfs_req r[EACH];
    uint32_t n = rank == 1 && t.what != DIFFERS ? t.good : EACH;
    cr_assert_eq(pfs_gopen(c, "f", PFS_O_CREATE, t.mode, rank, RANKS, NULL, &f), PFS_OK);
    for (uint32_t k = 0; k < n; k++)
        begin(&r[k], f, rank, k);
    for (uint32_t k = 0; k < n; k++) {
        t.s[rank][k] = pfs_wait(&r[k]);
        t.off[rank][k] = r[k].off;
        cr_assert(allowed(rank, k, t.s[rank][k]), "%s, rank %u, request %u of %u: %s",
                  pfs_modes.items[t.mode]->name, rank, k, t.good, pfs_status_name(t.s[rank][k]));
        pfs_world_check_split(&r[k]);
        rope_fini(&r[k].data);
    }
    if (rank == 1 && t.what == DIES) {
        w->dies = &w->nodes[rank];
        port_thread_sleep(fake_port(w->r.f, rank), 1000 * SIM_SEC);
    }
    enum pfs_status s = pfs_close(f);
    cr_assert(s == PFS_OK || (t.mode == M_RECORD && t.what == DIFFERS && s == PFS_BAD_RECORD));
}

/* Where the rule of the mode puts request k of a rank. */
static uint64_t place_of(uint32_t rank, uint32_t k)
{
    bool skipped = t.what == DIFFERS && pfs_mode_is(t.mode, PFS_MODE_ONE) && k > t.good;
    uint64_t sync = ((uint64_t)k * RANKS + rank) * LEN;
    switch (t.mode) {
    case M_GLOBAL:
        return (uint64_t)(k - skipped) * LEN;
    case M_SYNC: /* the longer one moves what follows */
        return sync + (t.what == DIFFERS && (k > t.good || (k == t.good && rank == 2)));
    case M_RECORD: /* one that was refused left the pointer */
        return sync - (t.what == DIFFERS && rank == 1 && k > t.good ? RANKS * LEN : 0);
    case M_LOG:
        return t.off[rank][k];
    default:
        return own_place(rank, k);
    }
}

/* The file has what was answered, where the mode's rule puts it, and nothing beyond. */
static void look(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    static uint8_t all[RANKS * AREA + 100];
    struct pfs_file *f = NULL;
    uint64_t end = 0;
    size_t n;
    if (rank != 0)
        return;
    cr_assert_eq(pfs_open(c, "f", 0, M_ASYNC, 0, 1, NULL, &f), PFS_OK);
    cr_assert_eq(pfs_world_read(w, f, 0, all, sizeof all, &n), PFS_OK);
    for (uint32_t i = 0; i < RANKS * EACH; i++) {
        uint32_t r = i / EACH, k = i % EACH;
        uint64_t at = place_of(r, k);
        if (t.s[r][k] != PFS_OK || (r == 1 && t.what != DIFFERS && k >= t.good))
            continue;
        cr_assert_eq(t.off[r][k], at, "%s, rank %u, request %u at %d",
                     pfs_modes.items[t.mode]->name, r, k, (int)t.off[r][k]);
        for (uint32_t b = 0; b < LEN; b++)
            cr_assert_eq(all[at + b], fill_of(r, k), "%s, rank %u, request %u, byte %u",
                         pfs_modes.items[t.mode]->name, r, k, b);
        end = at + LEN > end ? at + LEN : end;
    }
    if (!pfs_mode_is(t.mode, PFS_MODE_ONE) || t.what != DIES)
        cr_assert(n >= end && n <= end + 1, "%d bytes, %d were answered", (int)n, (int)end);
    cr_assert_eq(pfs_close(f), PFS_OK);
}

Test(pfs_partners, requests_under_way_end_as_the_mode_says)
{
    for (uint64_t seed = 1; seed <= sample(NULL, 4); seed++)
        for (int i = 0; i < PFS_MODES * WHATS * EACH; i++) {
            struct pfs_world w;
            memset(&t, 0, sizeof t);
            t.mode = (enum pfs_mode)(i / (WHATS * EACH));
            t.what = (enum what)(i / EACH % WHATS);
            t.good = (uint32_t)(i % EACH);
            if (t.mode == M_RECORD && t.what == DIFFERS && t.good == 0)
                continue; /* one length wins: test_modes.c */
            pfs_world_defaults(&w, RANKS, 3);
            w.params.unit = 64;
            pfs_world_start(&w, (struct fake_options){ .seed = seed * 1000 + (uint64_t)i,
                                                       .order = FAKE_RANDOM,
                                                       .detect_delay = SIM_MS });
            pfs_world_run(&w, program);
            w.only = 1; /* rank 0 looks */
            pfs_world_run(&w, look);
            pfs_world_stop(&w);
        }
}

/* ---- an I/O node dies under a transfer for all ---- */

static enum pfs_status of_rank[RANKS];

static void all_read(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    struct pfs_req r;
    (void)w;
    cr_assert_eq(pfs_gopen(c, "f", PFS_O_CREATE, M_GLOBAL, rank, RANKS, NULL, &f), PFS_OK);
    for (int op = PFS_READ; op <= PFS_WRITE; op++) {
        pfs_req_init(&r, op, f);
        r.len = 900;
        if (op == PFS_WRITE)
            rope_add_zero(&r.data, 900);
        pfs_submit(&r);
        of_rank[rank] = pfs_wait(&r);
        rope_fini(&r.data);
        cr_assert(of_rank[rank] == PFS_OK || of_rank[rank] == PFS_SERVER_DOWN, "rank %u: %s", rank,
                  pfs_status_name(of_rank[rank]));
    }
    (void)pfs_close(f);
}

Test(pfs_partners, an_io_node_that_dies_is_told_to_all_ranks_alike)
{
    for (uint64_t step = 1; step < 400; step += 3) {
        struct pfs_world w;
        pfs_world_defaults(&w, RANKS, 3);
        w.params.unit = 64;
        w.crash_step = step;
        pfs_world_start(&w, (struct fake_options){
                                .seed = step, .order = FAKE_RANDOM, .detect_delay = SIM_MS });
        w.crash_step += fake_steps(w.r.f);
        pfs_world_run(&w, all_read);
        for (uint32_t rank = 1; rank < RANKS; rank++)
            cr_assert_eq(of_rank[rank], of_rank[0]);
        pfs_world_stop(&w);
    }
}

/* M_GLOBAL moves the bytes once: of the ranks rank 0 alone talks to I/O nodes. */
static uint64_t sent[RANKS];
static bool count_frame(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    const struct pfs_world *w = arg;
    if (src < RANKS && dst >= RANKS && dst < RANKS + w->io)
        sent[src] += frame->length;
    return true;
}

Test(pfs_partners, one_rank_moves_the_bytes_for_all)
{
    struct pfs_world w;
    memset(sent, 0, sizeof sent);
    pfs_world_defaults(&w, RANKS, 3);
    w.params.unit = 64;
    pfs_world_start(&w, (struct fake_options){ .seed = 1 });
    fake_on_frame(w.r.f, count_frame, &w);
    pfs_world_run(&w, all_read);
    cr_assert_geq(sent[0], 900);
    for (uint32_t rank = 1; rank < RANKS; rank++)
        cr_assert_eq(sent[rank], 0, "rank %u sends %d bytes", rank, (int)sent[rank]);
    pfs_world_stop(&w);
}
