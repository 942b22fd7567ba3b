/* test_modes.c: PFS's I/O modes against a slow model, and what ranks that do not agree get, over
 * every file system that has them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/pfs/pfs.h"
#include "os/registry.h"
#include "tests/os/io_world.h"
#include "tests/os/tcp_rig.h"
#include "tests/sample.h"

/* ---- random histories ----
 *
 * All ranks make the turns of a plan; between turns they meet and rank 0 judges what each got.  The
 * model is a byte array, a size and pointers.
 */
enum { RANKS = IO_RANKS, OPS = 2, ROOM = 40000, TURNS = 4, PHASES = 5 };

struct plan {
    bool write;
    uint32_t len;
    uint64_t at; /* M_UNIX, M_ASYNC */
    uint8_t fill;
};
struct got {
    enum pio_status s;
    uint64_t off, moved;
    uint8_t *data;
};
static struct model {
    uint64_t state; /* of the draws */
    uint8_t bytes[ROOM];
    uint64_t size, shared, record, nth;
    enum pfs_mode mode;
    bool ahead;            /* all requests of the turn at once */
    enum pio_status want;  /* M_GLOBAL, setiomode, lseek: of all ranks */
    uint64_t value[RANKS]; /* of setiomode, lseek: by rank */
    enum pfs_whence whence;
    uint64_t cut; /* UINT64_MAX: none */
    struct plan plan[RANKS][OPS];
    struct got got[RANKS][OPS];
} m;

static uint32_t unit;          /* of files that are made */
static uint32_t party = RANKS; /* ranks that take part */

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
    if (g->s != PIO_OK || (g->off != off && p->len > 0) || g->moved != moved)
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
            if (m.mode == M_GLOBAL && m.want != PIO_OK) {
                cr_assert_eq(g->s, m.want, "rank %u: %s", r, pio_status_name(g->s));
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
                      pfs_modes.items[m.mode]->name, r, k, pio_status_name(g->s), (int)g->moved,
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
    static const enum pio_status no[] = { PIO_BAD_MODE, PIO_BAD_RECORD };
    uint32_t len = 1 + draw(draw(2) ? 1500 : 40), wrong = draw(4), odd = draw(RANKS);
    bool write = draw(2), mixed = false;
    m.want = PIO_OK;
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

static void one_turn(struct pio_file *f, uint32_t rank)
{
    struct pio_req q[OPS];
    struct file_run runs[OPS];
    for (uint32_t k = 0; k < OPS; k++) {
        const struct plan *p = &m.plan[rank][k];
        pio_req_init(&q[k], p->write ? PIO_WRITE : PIO_READ, f);
        runs[k] = (struct file_run){ .off = p->at, .len = p->len, .count = 1 };
        q[k].runs = &runs[k];
        q[k].run_count = 1;
        uint8_t *bytes = malloc(p->len + 1);
        memset(bytes, p->fill, p->len);
        if (p->write)
            rope_add_bytes(&q[k].data, bytes, p->len);
        free(bytes);
        pio_submit(&q[k]);
        if (!m.ahead)
            (void)pio_wait(&q[k]);
    }
    for (uint32_t k = 0; k < OPS; k++) {
        struct got *g = &m.got[rank][k];
        const struct pio_split *x = &q[k].split;
        g->s = pio_wait(&q[k]);
        g->off = q[k].off;
        g->moved = q[k].moved;
        g->data = malloc(q[k].data.length + 1);
        rope_read(&q[k].data, 0, q[k].data.length, g->data);
        cr_assert_eq(x->client + x->mesh + x->queue + x->arm, x->latency); /* PIO4 */
        cr_assert(x->client >= 0 && x->mesh >= 0 && x->queue >= 0 && x->arm >= 0);
        rope_fini(&q[k].data);
    }
}

static void meet(struct pio *c)
{
    cr_assert_eq(pio_agree(c, "meet", party, true), PIO_OK);
}

/* setiomode or lseek with the values of m, of which a quarter are unlike. */
static void draw_values(uint32_t n, bool may_differ)
{
    uint32_t v = draw(n), odd = may_differ ? draw(4 * RANKS) : RANKS;
    for (uint32_t r = 0; r < RANKS; r++)
        m.value[r] = r == odd ? (v + 1) % n : v;
    m.want = odd < RANKS ? PIO_BAD_MODE : PIO_OK;
}

/* PFS has more calls than os/pio: a seek from the pointer and from the end, the end of file. */
static struct pfs_file *of_pfs(const struct pio_file *f)
{
    return strcmp(f->sys->ops->kind.name, "pfs") == 0 ? f->state : NULL;
}

static enum pio_status seek_to(struct pio_file *f, uint64_t to)
{
    static const enum pio_status of[] = { [PFS_OK] = PIO_OK, [PFS_BAD_RECORD] = PIO_BAD_RECORD };
    struct pio_control c = { .what = PIO_SEEK, .value = to };
    uint64_t base = m.shared + m.nth * RANKS * m.record;
    if (of_pfs(f) == NULL)
        return pio_control(f->sys, f, &c);
    if (m.whence != PFS_SEEK_CUR)
        base = m.whence == PFS_SEEK_END ? m.size : 0;
    cr_assert_eq(pfs_eseek(of_pfs(f), -1 - (int64_t)base, m.whence, NULL), PFS_BAD_OFFSET);
    enum pfs_status s = pfs_eseek(of_pfs(f), (int64_t)(to - base), m.whence, NULL);
    cr_assert_lt(s, ARRAY_LEN(of));
    return of[s];
}

static uint64_t tell(struct pio_file *f)
{
    struct pio_control c = { .what = PIO_TELL };
    cr_assert_eq(pio_control(f->sys, f, &c), PIO_OK);
    return c.value;
}

static uint64_t size_of(struct pio_file *f)
{
    struct pio_control c = { .what = PIO_GET_SIZE };
    cr_assert_eq(pio_control(f->sys, f, &c), PIO_OK);
    return c.value;
}

/* Where a seek must go that changes nothing. */
static void judge_place(struct pio_file *f)
{
    struct pio_control c = { .what = PIO_PLACE };
    uint64_t want = m.shared + m.nth * RANKS * m.record;
    cr_assert_eq(pio_control(f->sys, f, &c), PIO_OK);
    if (m.mode == M_UNIX || m.mode == M_ASYNC)
        want = tell(f);
    cr_assert_eq(c.value, want, "mode %d: the place is %d, not %d", (int)m.mode, (int)c.value,
                 (int)want);
}

/* To the values, counted from the beginning, the pointer or the end. */
static void seek(struct pio *c, struct pio_file *f, uint32_t rank)
{
    bool together = pfs_mode_is(m.mode, PFS_MODE_MEET), eof;
    meet(c);
    if (rank == 0) {
        draw_values(m.size < 4000 ? (uint32_t)m.size + 2 : 4000, together);
        m.want = m.want == PIO_OK ? PIO_OK : PIO_BAD_RECORD;
        m.whence = (enum pfs_whence)draw(3);
    }
    meet(c);
    if (m.mode != M_LOG || rank == RANKS - 1) {
        cr_assert_eq(seek_to(f, m.value[rank]), m.want);
        uint64_t at = m.value[rank] + (m.mode == M_RECORD ? rank * m.record : 0);
        cr_assert(m.want != PIO_OK || tell(f) == at, "at %d", (int)tell(f));
    }
    meet(c);
    if (rank == 0 && m.want == PIO_OK) {
        m.shared = m.value[0];
        m.nth = 0;
    }
    meet(c);
    if (of_pfs(f) != NULL) {
        cr_assert_eq(pfs_iseof(of_pfs(f), &eof), PFS_OK);
        cr_assert_eq(eof, m.shared + (m.nth * RANKS + rank) * m.record >= m.size);
    }
    cr_assert_eq(size_of(f), m.size);
}

static struct pio_open opening(const char *name, unsigned flags, enum pfs_mode mode, uint32_t rank,
                               uint32_t ranks)
{
    return (struct pio_open){ .name = name,
                              .flags = flags,
                              .rank = rank,
                              .ranks = ranks,
                              .together = true,
                              .mode = mode,
                              .unit = unit };
}

static enum pio_status set_to(struct pio_file *f, int mode)
{
    struct pio_control c = { .what = PIO_MODE, .mode = mode };
    return pio_control(f->sys, f, &c);
}

/* All of it, up to ROOM bytes. */
static size_t read_all(struct pio_file *f, uint8_t bytes[ROOM])
{
    const struct file_run all = { .len = ROOM, .count = 1 };
    struct pio_req q;
    pio_req_init(&q, PIO_READ, f);
    q.runs = &all;
    q.run_count = 1;
    pio_submit(&q);
    cr_assert_eq(pio_wait(&q), PIO_OK);
    rope_read(&q.data, 0, q.moved, bytes);
    rope_fini(&q.data);
    return q.moved;
}

static void set_mode(struct pio *c, struct pio_file *f, uint32_t rank, bool async)
{
    meet(c);
    if (rank == 0) {
        draw_values(PFS_MODES, !async);
        for (uint32_t r = 0; async && r < RANKS; r++)
            m.value[r] = M_ASYNC;
    }
    meet(c);
    cr_assert_eq(set_to(f, (int)m.value[rank]), m.want);
    cr_assert(m.want != PIO_OK || f->mode == (int)m.value[rank]);
    meet(c);
    if (rank == 0 && m.want == PIO_OK) {
        m.mode = (enum pfs_mode)m.value[0];
        m.shared = m.record = m.nth = 0;
    }
}

static void random_history(struct pio *c, uint32_t rank)
{
    struct pio_file *f = NULL;
    uint8_t *all = malloc(ROOM);
    size_t n;
    const struct pio_open o = opening("f", PIO_O_CREATE, M_ASYNC, rank, RANKS);
    cr_assert_eq(pio_open(c, &o, &f), PIO_OK);
    for (uint32_t phase = 0; phase < PHASES; phase++) {
        set_mode(c, f, rank, false);
        for (uint32_t turn = 0; turn < TURNS; turn++) {
            meet(c);
            bool seeks = m.state % 3 == 0;
            if (seeks)
                seek(c, f, rank);
            meet(c);
            if (rank == 0)
                draw_turn();
            meet(c);
            if (rank == RANKS - 1 && m.cut != UINT64_MAX) {
                cr_assert_eq(pio_set_size(f, m.cut), PIO_OK);
                memset(m.bytes + m.cut, 0, ROOM - m.cut);
                m.size = m.cut;
            }
            meet(c);
            one_turn(f, rank);
            meet(c);
            if (rank == 0 && m.mode == M_UNIX)
                end_size = read_all(f, end_bytes);
            if (rank == 0)
                judge();
            meet(c);
            judge_place(f);
        }
        set_mode(c, f, rank, true);
        meet(c);
        n = read_all(f, all);
        cr_assert_eq(n, m.size, "the size is %d, not %d", (int)n, (int)m.size);
        cr_assert_eq(memcmp(all, m.bytes, n), 0);
    }
    cr_assert_eq(pio_close(f), PIO_OK);
    free(all);
}

static void (*entered)(struct pio *c, uint32_t rank);

static void enter(struct io_world *w, struct os_node *n, uint32_t rank)
{
    entered(pio_find(w->ops, n), rank);
}

static void run(const struct pio_ops *ops, struct fake_options o,
                void (*program)(struct pio *, uint32_t))
{
    /* Small messages, so that requests are in pieces. */
    const char *services = "{{service=pfs_meta, per_file_layout=true}, {service=pfs_server},"
                           " {service=pfs_client, rpc=2KiB}}";
    struct io_world w;
    entered = program;
    io_world_start(&w, ops, strcmp(ops->kind.name, "pfs") == 0 ? services : NULL, o, enter);
    while (w.running > 0)
        cr_assert(fake_step(w.f), "%s: %u programs hang", ops->kind.name, w.running);
    io_world_stop(&w);
}

static void random_histories(uint64_t seeds, uint64_t lossy)
{
    for (uint64_t seed = 1; seed <= seeds; seed++)
        for (int k = 0; pio_systems.items[k] != NULL; k++) {
            const struct pio_ops *ops = kind_at(&pio_systems, k);
            if (ops->modes != &pfs_modes)
                continue;
            memset(&m, 0, sizeof m);
            m.state = seed;
            m.mode = M_ASYNC;
            unit = 1024;
            io_world_graph = seed % 4 == 0
                                 ? "mesh driver; rdm rdm <mesh; nx nx <rdm; blast blast <mesh; "
                                   "chan chan <blast; rpc select <chan channels=2 queue=1"
                                 : NULL;
            run(ops,
                (struct fake_options){ .seed = seed,
                                       .order = FAKE_RANDOM,
                                       .lossy = seed % lossy == 0,
                                       .unordered = seed % lossy == 0,
                                       .drop_ppm = seed % lossy == 0 ? 3000 : 0,
                                       .delay_ppm = seed % lossy == 0 ? 20000 : 0 },
                random_history);
        }
    io_world_graph = NULL;
}

Test(modes, random_histories_are_those_of_the_model)
{
    random_histories(sample(NULL, 60), 5);
}

Test(modes, over_ulp_random_histories_are_those_of_the_model)
{
    rig_over_ulp = true;
    random_histories(sample(NULL, 16), 2);
    rig_over_ulp = false;
}

Test(modes, over_tcp_random_histories_are_those_of_the_model)
{
    rig_over_tcp = &tip_protl;
    random_histories(sample(NULL, 16), 2);
    rig_over_tcp = NULL;
}

/* ---- ranks that do not agree ---- */

static enum pio_status put_at(struct pio_file *f, uint64_t off, uint8_t fill, size_t n)
{
    uint8_t bytes[4096];
    const struct file_run run = { .off = off, .len = n, .count = 1 };
    struct pio_req q;
    memset(bytes, fill, sizeof bytes);
    pio_req_init(&q, PIO_WRITE, f);
    q.runs = &run;
    q.run_count = 1;
    rope_add_bytes(&q.data, bytes, n);
    pio_submit(&q);
    return pio_wait(&q);
}

static enum pio_status put(struct pio_file *f, uint8_t fill, size_t n)
{
    return put_at(f, 0, fill, n);
}

static struct pio_file *opened(struct pio *c, uint32_t rank, enum pfs_mode mode)
{
    struct pio_file *f = NULL;
    const struct pio_open o = opening("file", PIO_O_CREATE, mode, rank, party);
    cr_assert_eq(pio_open(c, &o, &f), PIO_OK);
    return f;
}

/* Over all systems that have the modes. */
static void run_all(uint32_t of_unit, void (*program)(struct pio *, uint32_t))
{
    unit = of_unit;
    for (int k = 0; pio_systems.items[k] != NULL; k++) {
        const struct pio_ops *ops = kind_at(&pio_systems, k);
        for (uint64_t seed = 1; ops->modes == &pfs_modes && seed <= 5; seed++)
            run(ops, (struct fake_options){ .seed = seed, .order = FAKE_RANDOM }, program);
    }
}

/* gopen with unlike modes makes no file, with one mode it does. */
static void open_unlike(struct pio *c, uint32_t rank)
{
    struct pio_file *f = NULL;
    char name[60];
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = 0;
    struct pio_open o = opening(name, PIO_O_CREATE, rank == 1 ? M_LOG : M_SYNC, rank, RANKS);
    cr_assert_eq(pio_open(c, &o, &f), PIO_BAD_MODE);
    cr_assert_null(f);
    o = opening(name, 0, M_SYNC, rank, RANKS);
    cr_assert_eq(pio_open(c, &o, &f), PIO_NO_FILE);
    name[sizeof name - 2] = (char)('b' + rank / 2); /* two files at once, by two pairs */
    o = opening(name, PIO_O_CREATE, M_ASYNC, rank % 2, 2);
    cr_assert_eq(pio_open(c, &o, &f), PIO_OK);
    cr_assert_eq(put(f, 1, 10), PIO_OK);
    cr_assert_eq(pio_close(f), PIO_OK);
    meet(c);
    o.flags = PIO_O_TRUNC;
    cr_assert_eq(pio_open(c, &o, &f), PIO_OK);
    cr_assert_eq(size_of(f), 0, "rank 0 cuts it for all");
    cr_assert_eq(pio_close(f), PIO_OK);
}

Test(modes, gopen_with_unlike_modes_opens_nothing)
{
    run_all(1024, open_unlike);
}

/* M_RECORD, all in one stripe unit: one length wins, the others are refused and leave nothing. */
static uint32_t winners[RANKS];

static void unlike_records(struct pio *c, uint32_t rank)
{
    struct pio_file *f = opened(c, rank, M_RECORD);
    static uint8_t all[ROOM];
    size_t len = 100 + 50 * rank;
    enum pio_status s = put(f, (uint8_t)(1 + rank), len);
    winners[rank] = s == PIO_OK;
    cr_assert(s == PIO_OK || s == PIO_BAD_RECORD);
    cr_assert_eq(tell(f), s == PIO_OK ? (RANKS + rank) * len : 0);
    meet(c);
    cr_assert_eq(winners[0] + winners[1] + winners[2] + winners[3], 1);
    cr_assert_eq(set_to(f, M_RECORD), PIO_OK, "who was refused has no length");
    cr_assert_eq(put(f, 9, 200), PIO_OK, "a new number, a new length");
    cr_assert_eq(put(f, 9, 200), PIO_OK);
    meet(c);
    cr_assert_eq(set_to(f, M_ASYNC), PIO_OK);
    if (rank == 0) {
        size_t n = read_all(f, all);
        cr_assert_eq(n, 2 * RANKS * 200);
        for (size_t i = 0; i < n; i++)
            cr_assert_eq(all[i], 9);
    }
    cr_assert_eq(pio_close(f), PIO_OK);
    meet(c);
    /* Plain opens: those of one time belong together, later ones are free again. */
    for (uint32_t k = 0; k < 2; k++) {
        struct pio_open o = opening("file", 0, M_RECORD, rank, RANKS);
        o.together = false;
        cr_assert_eq(pio_open(c, &o, &f), PIO_OK);
        meet(c);
        cr_assert_eq(put(f, 3, 300 + k), PIO_OK);
        meet(c);
        cr_assert_eq(pio_close(f), PIO_OK);
        meet(c);
    }
}

Test(modes, unlike_records_that_meet_at_an_io_node_are_refused)
{
    run_all(4096, unlike_records);
}

/* M_RECORD, each rank's in a stripe unit of its own: found when the ranks meet, or at a close; or
 * at the first request of one of them, where a system asks. */
static uint32_t told;

static void records_that_never_meet(struct pio *c, uint32_t rank)
{
    if (rank >= party)
        return;
    struct pio_file *f = opened(c, rank, M_RECORD);
    bool asks = of_pfs(f) == NULL;
    size_t len = rank == 1 ? 512 : 256;
    told = 0;
    meet(c);
    enum pio_status s = put(f, 1, len);
    cr_assert(s == PIO_OK || (asks && s == PIO_BAD_RECORD));
    told += s == PIO_BAD_RECORD;
    meet(c);
    cr_assert(!asks || told == 1);
    uint64_t at = tell(f);
    cr_assert_eq(set_to(f, M_LOG), asks ? PIO_OK : PIO_BAD_RECORD);
    cr_assert(asks || tell(f) == at, "mode and pointer are as they were");
    cr_assert_eq(set_to(f, M_RECORD), PIO_OK, "it is told once");
    told = 0;
    meet(c);
    told += put(f, 1, len) == PIO_BAD_RECORD;
    meet(c);
    cr_assert(told == 0 || (asks && told == 1));
    told += pio_close(f) == PIO_BAD_RECORD;
    meet(c);
    cr_assert(told == 1, "%u", told);
    meet(c);
}

Test(modes, unlike_records_that_meet_nowhere_are_found)
{
    party = 2;
    run_all(512, records_that_never_meet);
    party = RANKS;
}

/* A rank closes while the others wait, or before they call. */
static void partner_closes(struct pio *c, uint32_t rank)
{
    static const enum pfs_mode modes[] = { M_SYNC, M_GLOBAL, M_UNIX };
    for (uint32_t k = 0; k < 3; k++) {
        struct pio_file *f = opened(c, rank, modes[k]);
        struct pio_control to = { .what = PIO_SEEK, .value = 5 };
        if (rank != 1) {
            if (modes[k] != M_UNIX) {
                cr_assert_eq(put(f, 1, 10), PIO_CLOSED);
                cr_assert_eq(pio_control(c, f, &to), PIO_CLOSED);
            }
            cr_assert_eq(set_to(f, M_LOG), PIO_CLOSED);
            cr_assert_eq(size_of(f), 0, "nothing was done");
        }
        cr_assert_eq(pio_close(f), PIO_OK);
    }
    meet(c);
    struct pio_file *f = opened(c, rank, M_SYNC);
    cr_assert_eq(put(f, 1, 10), PIO_OK, "all are back");
    cr_assert_eq(pio_close(f), PIO_OK);
    meet(c);
    struct pio_control gone = { .what = PIO_UNLINK, .name = "file", .unit = unit };
    if (rank == 0)
        cr_assert_eq(pio_control(c, NULL, &gone), PIO_OK);
    meet(c);
}

Test(modes, a_rank_that_closes_ends_what_waits_for_it)
{
    run_all(1024, partner_closes);
}

/* Offsets at the end of what 64 bits hold. */
static void edges(struct pio *c, uint32_t rank)
{
    static const uint64_t ends[] = { UINT64_MAX, UINT64_MAX - 5, PFS_SIZE_MAX, PFS_SIZE_MAX - 5 };
    char name[20];
    for (int mode = 0; mode < PFS_MODES; mode++)
        for (uint32_t e = 0; e < ARRAY_LEN(ends); e++) {
            struct pio_file *f = NULL;
            (void)snprintf(name, sizeof name, "own%u", rank);
            struct pio_open o = opening(name, PIO_O_CREATE, (enum pfs_mode)mode, 0, 1);
            o.together = false;
            cr_assert_eq(pio_open(c, &o, &f), PIO_OK);
            struct pio_control to = { .what = PIO_SEEK, .value = ends[e] };
            cr_assert_eq(pio_control(c, f, &to), PIO_OK);
            cr_assert_eq(put_at(f, ends[e], 1, 10), PIO_NO_SPACE);
            cr_assert_eq(put_at(f, ends[e], 1, 3000), PIO_NO_SPACE);
            cr_assert_eq(tell(f), ends[e]);
            cr_assert_eq(put_at(f, ends[e], 1, 0), PIO_OK);
            const struct file_run run = { .off = ends[e], .len = 3000, .count = 1 };
            struct pio_req q;
            pio_req_init(&q, PIO_READ, f);
            q.runs = &run;
            q.run_count = 1;
            pio_submit(&q);
            cr_assert_eq(pio_wait(&q), PIO_OK);
            cr_assert_eq(q.moved, 0);
            rope_fini(&q.data);
            cr_assert_eq(pio_set_size(f, ends[e]), PIO_NO_SPACE);
            cr_assert_eq(size_of(f), 0);
            cr_assert_eq(pio_close(f), PIO_OK);
        }
}

Test(modes, writes_at_the_end_of_64_bits_are_refused)
{
    run_all(1024, edges);
}
