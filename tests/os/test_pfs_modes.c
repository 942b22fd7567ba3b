/* test_pfs_modes.c: the I/O modes against a slow model, and what ranks that do not agree get. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/os/pfs_world.h"
#include "tests/sample.h"

/* ---- random histories ----
 *
 * All ranks make the turns of a plan; between turns they meet and rank 0 judges what each got.  The
 * model is a byte array, a size and pointers.
 */
enum { RANKS = 3, OPS = 2, ROOM = 40000, TURNS = 4, PHASES = 5 };

struct plan {
    bool write;
    uint32_t len;
    uint64_t at; /* M_UNIX, M_ASYNC */
    uint8_t fill;
};
struct got {
    enum pfs_status s;
    uint64_t off, moved;
    uint8_t *data;
};
static struct model {
    uint64_t state; /* of the draws */
    uint8_t bytes[ROOM];
    uint64_t size, shared, record, nth;
    enum pfs_mode mode;
    bool ahead;            /* all requests of the turn at once */
    enum pfs_status want;  /* M_GLOBAL, setiomode, lseek: of all ranks */
    uint64_t value[RANKS]; /* of setiomode, lseek: by rank */
    enum pfs_whence whence;
    uint64_t cut; /* UINT64_MAX: none */
    struct plan plan[RANKS][OPS];
    struct got got[RANKS][OPS];
} m;

/* M_UNIX: the file after the turn. */
static uint8_t end_bytes[ROOM];
static size_t end_size;

static uint32_t draw(uint32_t n)
{
    m.state = m.state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(m.state >> 33) % n;
}

static uint64_t before(uint64_t off, uint64_t len)
{
    uint64_t left = off < m.size ? m.size - off : 0;
    return len < left ? len : left;
}

/* Request p takes place at `off` of the model; false: rank's outcome g is not the model's. */
static bool apply(const struct plan *p, const struct got *g, uint64_t off, uint64_t moved)
{
    cr_assert_leq(off + moved, ROOM);
    if (g->s != PFS_OK || (g->off != off && p->len > 0) || g->moved != moved)
        return false;
    if (!p->write)
        return memcmp(g->data, m.bytes + off, moved) == 0;
    memset(m.bytes + off, p->fill, moved);
    if (moved > 0 && off + moved > m.size)
        m.size = off + moved;
    return true;
}

/* M_UNIX: the outcomes are those of some order of whole requests that keeps each rank's, and leaves
 * the file as it is. */
static bool some_order(uint32_t next[RANKS])
{
    bool any = false;
    for (uint32_t r = 0; r < RANKS; r++) {
        if (next[r] == OPS)
            continue;
        any = true;
        const struct plan *p = &m.plan[r][next[r]];
        struct model *saved = malloc(sizeof *saved);
        *saved = m;
        next[r]++;
        bool good =
            apply(p, &m.got[r][next[r] - 1], p->at, p->write ? p->len : before(p->at, p->len)) &&
            some_order(next);
        next[r]--;
        if (!good)
            m = *saved;
        free(saved);
        if (good)
            return true;
    }
    return !any && end_size == m.size && memcmp(end_bytes, m.bytes, m.size) == 0;
}

static void judge_log(void)
{
    bool seen[RANKS][OPS] = { 0 };
    for (uint32_t n = 0; n < RANKS * OPS; n++) {
        uint32_t r = 0, k = 0, best = UINT32_MAX;
        for (uint32_t i = 0; i < RANKS * OPS; i++) {
            const struct got *g = &m.got[i / OPS][i % OPS];
            if (!seen[i / OPS][i % OPS] && g->off == m.shared &&
                (best == UINT32_MAX || g->moved == 0))
                best = i;
        }
        cr_assert_neq(best, UINT32_MAX, "M_LOG: nobody got the range at %d", (int)m.shared);
        r = best / OPS;
        k = best % OPS;
        seen[r][k] = true;
        const struct plan *p = &m.plan[r][k];
        uint64_t moved = p->write ? p->len : before(m.shared, p->len);
        cr_assert(apply(p, &m.got[r][k], m.shared, moved), "M_LOG, rank %u", r);
        m.shared += moved;
    }
}

/* The requests of a turn in the modes whose rule leaves no choice. */
static void judge_rule(void)
{
    for (uint32_t k = 0; k < OPS; k++) {
        uint64_t size = m.size; /* M_SYNC: at the beginning of the round */
        for (uint32_t r = 0; r < RANKS; r++) {
            const struct plan *p = &m.plan[r][k];
            const struct got *g = &m.got[r][k];
            uint64_t off = p->at, moved = p->len, grown = m.size;
            if (m.mode == M_GLOBAL && m.want != PFS_OK) {
                cr_assert_eq(g->s, m.want, "rank %u: %s", r, pfs_status_name(g->s));
                continue;
            }
            if (m.mode == M_RECORD)
                off = m.shared + ((m.nth + k) * RANKS + r) * m.record;
            else if (!pfs_mode_is(m.mode, PFS_MODE_OWN))
                off = m.shared;
            m.size = m.mode == M_SYNC ? size : m.size;
            if (!p->write)
                moved = before(off, moved);
            m.size = grown;
            cr_assert(apply(p, g, off, moved),
                      "%s, rank %u, request %u: %s, %d bytes at %d, not %d at %d",
                      pfs_modes.items[m.mode]->name, r, k, pfs_status_name(g->s), (int)g->moved,
                      (int)g->off, (int)moved, (int)off);
            if (m.mode == M_SYNC || (m.mode == M_GLOBAL && r + 1 == RANKS))
                m.shared += moved;
        }
    }
    if (m.mode == M_RECORD)
        m.nth += OPS;
}

static void judge(void)
{
    uint32_t next[RANKS] = { 0 };
    if (m.mode == M_UNIX)
        cr_assert(some_order(next), "M_UNIX: no order of whole requests gives this");
    else if (m.mode == M_LOG)
        judge_log();
    else
        judge_rule();
    for (uint32_t i = 0; i < RANKS * OPS; i++)
        free(m.got[i / OPS][i % OPS].data);
}

static void draw_turn(void)
{
    static const enum pfs_status no[] = { PFS_BAD_MODE, PFS_BAD_RECORD };
    uint32_t len = 1 + draw(draw(2) ? 1500 : 40), wrong = draw(4), odd = draw(RANKS);
    bool write = draw(2), mixed = false;
    m.want = PFS_OK;
    m.ahead = draw(2);
    if (m.mode == M_SYNC)
        mixed = !m.ahead;
    if (m.mode == M_UNIX)
        mixed = true;
    if (m.mode == M_RECORD) {
        len = m.record > 0 ? (uint32_t)m.record : 1 + len / 2;
        m.record = len;
    }
    for (uint32_t i = 0; i < RANKS * OPS; i++) {
        uint32_t r = i / OPS;
        struct plan *p = &m.plan[r][i % OPS];
        *p = (struct plan){ .write = mixed ? draw(2) : write,
                            .len = len,
                            .fill = (uint8_t)(1 + draw(255)) };
        if (m.mode == M_GLOBAL)
            p->fill = (uint8_t)(1 + len % 255);
        if (m.mode != M_GLOBAL && m.mode != M_RECORD)
            p->len = draw(len + 1);
        p->at = m.mode != M_UNIX && pfs_mode_is(m.mode, PFS_MODE_OWN)
                    ? (uint64_t)i * 3000 + draw(3001 - p->len)
                    : draw(4000);
        if (m.mode == M_GLOBAL && wrong < 2 && r == odd) {
            m.want = no[wrong];
            p->write = wrong == 0 ? !write : write;
            p->len = len + wrong;
        }
    }
    m.cut = draw(4) == 0 ? draw((uint32_t)m.size + 1) : UINT64_MAX;
}

static void one_turn(struct pfs_file *f, uint32_t rank)
{
    struct pfs_req q[OPS];
    for (uint32_t k = 0; k < OPS; k++) {
        const struct plan *p = &m.plan[rank][k];
        pfs_req_init(&q[k], p->write ? PFS_WRITE : PFS_READ, f);
        q[k].at = true;
        q[k].off = p->at;
        q[k].len = p->len;
        uint8_t *bytes = malloc(p->len + 1);
        memset(bytes, p->fill, p->len);
        if (p->write)
            rope_add_bytes(&q[k].data, bytes, p->len);
        free(bytes);
        pfs_submit(&q[k]);
        if (!m.ahead)
            (void)pfs_wait(&q[k]);
    }
    for (uint32_t k = 0; k < OPS; k++) {
        struct got *g = &m.got[rank][k];
        g->s = pfs_wait(&q[k]);
        g->off = q[k].off;
        g->moved = q[k].moved;
        g->data = malloc(q[k].data.length + 1);
        rope_read(&q[k].data, 0, q[k].data.length, g->data);
        pfs_world_check_split(&q[k]);
        rope_fini(&q[k].data);
    }
}

static void meet(struct pfs_world *w, struct pfs_client *c)
{
    cr_assert_eq(pfs_agree(c, "meet", w->compute, PFS_OK), PFS_OK);
}

/* setiomode or lseek with the values of m, of which a quarter are unlike. */
static void draw_values(uint32_t n, bool may_differ)
{
    uint32_t v = draw(n), odd = may_differ ? draw(4 * RANKS) : RANKS;
    for (uint32_t r = 0; r < RANKS; r++)
        m.value[r] = r == odd ? (v + 1) % n : v;
    m.want = odd < RANKS ? PFS_BAD_MODE : PFS_OK;
}

/* eseek to the values, counted from the beginning, the pointer or the end. */
static void seek(struct pfs_world *w, struct pfs_client *c, struct pfs_file *f, uint32_t rank)
{
    bool together = pfs_mode_is(m.mode, PFS_MODE_MEET), eof;
    meet(w, c);
    if (rank == 0) {
        draw_values(m.size < 4000 ? (uint32_t)m.size + 2 : 4000, together);
        m.want = m.want == PFS_OK ? PFS_OK : PFS_BAD_RECORD;
        m.whence = (enum pfs_whence)draw(3);
    }
    meet(w, c);
    uint64_t base = m.shared + m.nth * RANKS * m.record, at = 0;
    if (m.whence != PFS_SEEK_CUR)
        base = m.whence == PFS_SEEK_END ? m.size : 0;
    if (m.mode != M_LOG || rank == RANKS - 1) {
        cr_assert_eq(pfs_eseek(f, -1 - (int64_t)base, m.whence, NULL), PFS_BAD_OFFSET);
        cr_assert_eq(pfs_eseek(f, (int64_t)(m.value[rank] - base), m.whence, &at), m.want);
        cr_assert(m.want != PFS_OK || at == m.value[rank], "at %d", (int)at);
    }
    meet(w, c);
    if (rank == 0 && m.want == PFS_OK) {
        m.shared = m.value[0];
        m.nth = 0;
    }
    meet(w, c);
    cr_assert_eq(pfs_iseof(f, &eof), PFS_OK);
    cr_assert_eq(eof, m.shared + (m.nth * RANKS + rank) * m.record >= m.size);
    cr_assert_eq(pfs_size(f, &at), PFS_OK);
    cr_assert_eq(at, m.size);
}

static void set_mode(struct pfs_world *w, struct pfs_client *c, struct pfs_file *f, uint32_t rank,
                     bool async)
{
    meet(w, c);
    if (rank == 0) {
        draw_values(PFS_MODES, !async);
        for (uint32_t r = 0; async && r < RANKS; r++)
            m.value[r] = M_ASYNC;
    }
    meet(w, c);
    cr_assert_eq(pfs_setiomode(f, (enum pfs_mode)m.value[rank]), m.want);
    cr_assert(m.want != PFS_OK || pfs_iomode(f) == (enum pfs_mode)m.value[rank]);
    meet(w, c);
    if (rank == 0 && m.want == PFS_OK) {
        m.mode = (enum pfs_mode)m.value[0];
        m.shared = m.record = m.nth = 0;
    }
}

static void random_history(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    uint8_t *all = malloc(ROOM);
    size_t n;
    cr_assert_eq(pfs_gopen(c, "f", PFS_O_CREATE, M_ASYNC, rank, RANKS, NULL, &f), PFS_OK);
    for (uint32_t phase = 0; phase < PHASES; phase++) {
        set_mode(w, c, f, rank, false);
        for (uint32_t turn = 0; turn < TURNS; turn++) {
            meet(w, c);
            bool seeks = m.state % 3 == 0;
            if (seeks)
                seek(w, c, f, rank);
            meet(w, c);
            if (rank == 0)
                draw_turn();
            meet(w, c);
            if (rank == RANKS - 1 && m.cut != UINT64_MAX) {
                cr_assert_eq(pfs_lsize(f, m.cut), PFS_OK);
                memset(m.bytes + m.cut, 0, ROOM - m.cut);
                m.size = m.cut;
            }
            meet(w, c);
            one_turn(f, rank);
            meet(w, c);
            if (rank == 0 && m.mode == M_UNIX)
                cr_assert_eq(pfs_world_read(w, f, 0, end_bytes, ROOM, &end_size), PFS_OK);
            if (rank == 0)
                judge();
        }
        set_mode(w, c, f, rank, true);
        meet(w, c);
        cr_assert_eq(pfs_world_read(w, f, 0, all, ROOM, &n), PFS_OK);
        cr_assert_eq(n, m.size, "the size is %d, not %d", (int)n, (int)m.size);
        cr_assert_eq(memcmp(all, m.bytes, n), 0);
    }
    cr_assert_eq(pfs_close(f), PFS_OK);
    free(all);
}

Test(pfs_modes, random_histories_are_those_of_the_model)
{
    for (uint64_t seed = 1; seed <= sample(NULL, 100); seed++) {
        struct pfs_world w;
        memset(&m, 0, sizeof m);
        m.state = seed;
        m.mode = M_ASYNC;
        pfs_world_defaults(&w, RANKS, 3);
        if (seed % 4 == 0)
            w.graph = "mesh mesh; blast blast <mesh; chan chan <blast; "
                      "rpc select <chan channels=2 queue=1";
        pfs_world_start(&w, (struct fake_options){ .seed = seed,
                                                   .order = FAKE_RANDOM,
                                                   .lossy = seed % 5 == 0,
                                                   .unordered = seed % 5 == 0,
                                                   .drop_ppm = seed % 5 == 0 ? 3000 : 0,
                                                   .delay_ppm = seed % 5 == 0 ? 20000 : 0 });
        pfs_world_run(&w, random_history);
        pfs_world_stop(&w);
    }
}

/* ---- ranks that do not agree ---- */

static enum pfs_status put(struct pfs_file *f, uint8_t fill, size_t n)
{
    uint8_t bytes[4096];
    struct rope data;
    memset(bytes, fill, sizeof bytes);
    rope_init(&data);
    rope_add_bytes(&data, bytes, n);
    enum pfs_status s = pfs_write(f, &data);
    rope_fini(&data);
    return s;
}

static struct pfs_file *opened(struct pfs_world *w, struct pfs_client *c, uint32_t rank,
                               enum pfs_mode mode)
{
    struct pfs_file *f = NULL;
    cr_assert_eq(pfs_gopen(c, "file", PFS_O_CREATE, mode, rank, w->compute, NULL, &f), PFS_OK);
    return f;
}

static void run(uint32_t compute, uint32_t unit,
                void (*program)(struct pfs_world *, struct pfs_client *, uint32_t))
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct pfs_world w;
        pfs_world_defaults(&w, compute, 3);
        w.params.unit = unit;
        pfs_world_start(&w, (struct fake_options){ .seed = seed, .order = FAKE_RANDOM });
        pfs_world_run(&w, program);
        pfs_world_stop(&w);
    }
}

/* gopen with unlike modes makes no file, with one mode it does; the names may be long. */
static void open_unlike(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    char name[PFS_NAME_MAX + 1];
    memset(name, 'a', PFS_NAME_MAX);
    name[PFS_NAME_MAX] = 0;
    cr_assert_eq(
        pfs_gopen(c, name, PFS_O_CREATE, rank == 1 ? M_LOG : M_SYNC, rank, w->compute, NULL, &f),
        PFS_BAD_MODE);
    cr_assert_null(f);
    cr_assert_eq(pfs_gopen(c, name, 0, M_SYNC, rank, w->compute, NULL, &f), PFS_NO_FILE);
    name[PFS_NAME_MAX - 1] = 'b'; /* two files at once, by two pairs */
    name[PFS_NAME_MAX - 1] = (char)('b' + rank / 2);
    cr_assert_eq(pfs_gopen(c, name, PFS_O_CREATE, M_ASYNC, rank % 2, 2, NULL, &f), PFS_OK);
    cr_assert_eq(put(f, 1, 10), PFS_OK);
    cr_assert_eq(pfs_close(f), PFS_OK);
    meet(w, c);
    cr_assert_eq(pfs_gopen(c, name, PFS_O_TRUNC, M_ASYNC, rank % 2, 2, NULL, &f), PFS_OK);
    uint64_t size;
    cr_assert_eq(pfs_size(f, &size), PFS_OK);
    cr_assert_eq(size, 0, "rank 0 cuts it for all");
    cr_assert_eq(pfs_close(f), PFS_OK);
}

Test(pfs_modes, gopen_with_unlike_modes_opens_nothing)
{
    run(4, 1024, open_unlike);
}

/* M_RECORD, all in one stripe unit: one length wins, the others are refused and leave nothing. */
static uint32_t winners[RIG_NODES];

static void unlike_records(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = opened(w, c, rank, M_RECORD);
    size_t n;
    uint8_t all[4000];
    enum pfs_status s = put(f, (uint8_t)(1 + rank), 100 + 50 * rank);
    winners[rank] = s == PFS_OK;
    cr_assert(s == PFS_OK || s == PFS_BAD_RECORD);
    cr_assert_eq(pfs_tell(f), s == PFS_OK ? (w->compute + rank) * (100 + 50 * rank) : 0);
    meet(w, c);
    cr_assert_eq(winners[0] + winners[1], 1);
    cr_assert_eq(pfs_setiomode(f, M_RECORD), PFS_OK, "who was refused has no length");
    cr_assert_eq(put(f, 9, 200), PFS_OK, "a new number, a new length");
    cr_assert_eq(put(f, 9, 200), PFS_OK);
    meet(w, c);
    cr_assert_eq(pfs_setiomode(f, M_ASYNC), PFS_OK);
    cr_assert_eq(pfs_world_read(w, f, 0, all, sizeof all, &n), PFS_OK);
    cr_assert_eq(n, 4 * 200);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(all[i], 9);
    cr_assert_eq(pfs_close(f), PFS_OK);
    meet(w, c);
    /* Plain opens: those of one time belong together, later ones are free again. */
    for (uint32_t k = 0; k < 2; k++) {
        cr_assert_eq(pfs_open(c, "file", 0, M_RECORD, rank, w->compute, NULL, &f), PFS_OK);
        meet(w, c);
        cr_assert_eq(put(f, 3, 300 + k), PFS_OK);
        meet(w, c);
        cr_assert_eq(pfs_close(f), PFS_OK);
        meet(w, c);
    }
}

Test(pfs_modes, unlike_records_that_meet_at_an_io_node_are_refused)
{
    run(2, 4096, unlike_records);
}

/* M_RECORD, each rank's in a stripe unit of its own: found when the ranks meet, or at a close. */
static void records_that_never_meet(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = opened(w, c, rank, M_RECORD);
    static uint32_t told;
    size_t len = rank == 1 ? 512 : 256;
    cr_assert_eq(put(f, 1, len), PFS_OK);
    uint64_t at = pfs_tell(f);
    cr_assert_eq(pfs_setiomode(f, M_LOG), PFS_BAD_RECORD);
    cr_assert_eq(pfs_tell(f), at, "mode and pointer are as they were");
    cr_assert_eq(pfs_setiomode(f, M_RECORD), PFS_OK, "it is told once");
    cr_assert_eq(put(f, 1, len), PFS_OK);
    told = 0;
    meet(w, c);
    told += pfs_close(f) == PFS_BAD_RECORD;
    meet(w, c);
    cr_assert_eq(told, 1);
}

Test(pfs_modes, unlike_records_that_meet_nowhere_are_found_at_setiomode_and_close)
{
    run(2, 512, records_that_never_meet);
}

/* A rank closes while the others wait, or before they call. */
static void partner_closes(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    uint64_t size;
    static const enum pfs_mode modes[] = { M_SYNC, M_GLOBAL, M_UNIX };
    for (uint32_t k = 0; k < 3; k++) {
        struct pfs_file *f = opened(w, c, rank, modes[k]);
        if (rank != 1) {
            if (modes[k] != M_UNIX) {
                cr_assert_eq(put(f, 1, 10), PFS_CLOSED);
                cr_assert_eq(pfs_lseek(f, 5), PFS_CLOSED);
            }
            cr_assert_eq(pfs_setiomode(f, M_LOG), PFS_CLOSED);
            cr_assert_eq(pfs_size(f, &size), PFS_OK);
            cr_assert_eq(size, 0, "nothing was done");
        }
        cr_assert_eq(pfs_close(f), PFS_OK);
    }
    meet(w, c);
    struct pfs_file *f = opened(w, c, rank, M_SYNC);
    cr_assert_eq(put(f, 1, 10), PFS_OK, "all are back");
    cr_assert_eq(pfs_close(f), PFS_OK);
    meet(w, c);
    if (rank == 0)
        cr_assert_eq(pfs_unlink(c, "file"), PFS_OK);
    meet(w, c);
}

Test(pfs_modes, a_rank_that_closes_ends_what_waits_for_it)
{
    run(3, 1024, partner_closes);
}

/* Offsets at the end of what 64 bits hold; writes of nothing. */
static void edges(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    static const enum pfs_mode modes[] = { M_UNIX, M_ASYNC, M_RECORD, M_LOG, M_SYNC, M_GLOBAL };
    static const uint64_t ends[] = { UINT64_MAX, UINT64_MAX - 5, PFS_SIZE_MAX, PFS_SIZE_MAX - 5 };
    struct pfs_attrs one = { .unit = 1024, .factor = 1 };
    struct rope data;
    (void)w;
    for (uint32_t k = 0; k < ARRAY_LEN(modes); k++)
        for (uint32_t e = 0; e < ARRAY_LEN(ends); e++) {
            struct pfs_file *f = NULL;
            uint64_t size;
            cr_assert_eq(pfs_open(c, k % 2 ? "one" : "all", PFS_O_CREATE, modes[k], rank, 1,
                                  k % 2 ? &one : NULL, &f),
                         PFS_OK);
            cr_assert_eq(pfs_lseek(f, ends[e]), PFS_OK);
            cr_assert_eq(put(f, 1, 10), PFS_NO_SPACE);
            cr_assert_eq(put(f, 1, 3000), PFS_NO_SPACE);
            cr_assert_eq(pfs_tell(f), ends[e]);
            cr_assert_eq(put(f, 1, 0), PFS_OK);
            cr_assert_eq(pfs_read(f, modes[k] == M_RECORD ? 3000 : UINT64_MAX, &data), PFS_OK);
            cr_assert_eq(data.length, 0);
            rope_fini(&data);
            cr_assert_eq(pfs_lsize(f, ends[e]), PFS_NO_SPACE);
            cr_assert_eq(pfs_size(f, &size), PFS_OK);
            cr_assert_eq(size, 0);
            cr_assert_eq(pfs_close(f), PFS_OK);
        }
}

Test(pfs_modes, writes_at_the_end_of_64_bits_are_refused)
{
    run(1, 1024, edges);
}
