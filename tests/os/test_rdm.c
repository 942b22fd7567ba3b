/* test_rdm.c: RDM: what is delivered is a front part of what was sent, whatever the path does. */
#include <criterion/criterion.h>
#include <string.h>

#include "os/proto/rdm/rdm.h"
#include "tests/os/xk_rig.h"

#define GRAPH "mesh driver queue=4; r rdm <mesh queue=2000B window=1000B idle=0; probe probe <r"
#define MOST 200

/* Lengths and contents by number: none, less than a piece, several pieces. */
static uint64_t length_of(uint64_t i)
{
    return i % 50 == 0 ? 0 : i % 5 == 0 ? 1 : i * 37 % 900;
}

static const struct rdm_counts *counts(struct rig *r, uint32_t node)
{
    return rdm_counts(xk_find(r->k[node], "r"));
}

static uint64_t hash_of(uint64_t i)
{
    return rig_pattern_hash(1000 + i, length_of(i));
}

static bool is_number(const struct probe_got *g, uint64_t i)
{
    return g->length == length_of(i) && (g->length == 0 || g->hash == hash_of(i));
}

/* Sends message i; false: busy, or nobody is there. */
static bool send(struct rig *r, uint32_t from, uint64_t i)
{
    return rig_send_pattern(r, from, 1 - from, 1000 + i, length_of(i)) == XK_OK;
}

/* Sends 0 .. n-1 both ways, as far as there is room after each few steps. */
static void send_both_ways(struct rig *r, uint64_t n)
{
    uint64_t sent[2] = { 0, 0 };
    for (uint64_t turn = 0; sent[0] + sent[1] < 2 * n; turn++) {
        cr_assert_lt(turn, 100000, "pushes stay refused");
        for (uint32_t from = 0; from < 2; from++)
            if (sent[from] < n && send(r, from, sent[from]))
                sent[from]++;
        fake_run(r->f, turn % 4);
        if (turn % 16 == 15)
            fake_run_until(r->f, fake_now(r->f) + SIM_MS);
    }
    fake_run(r->f, 0);
}

static void expect_all(struct rig *r, uint32_t node, uint64_t n)
{
    const struct probe *p = rig_probe(r, node);
    cr_assert_eq(p->got, n, "%d of %d came", (int)p->got, (int)n);
    for (uint64_t i = 0; i < n; i++)
        cr_assert(is_number(&p->log[i], i), "message %d is another", (int)i);
}

/* RDM1, RDMO1, RDMI1, RDMI2. */
/* A frame takes 8 ms, and the timer is longer where the link says how slow it is. */
Test(rdm, nothing_goes_again_because_its_link_is_slow)
{
    for (uint64_t rate = 0; rate <= 14000; rate += 14000) {
        struct rig r;
        struct fake_options o = { .mtu = 120, .lossy = true, .latency = 8 * SIM_MS, .rate = rate };
        uint64_t resent = 0;
        rig_start(&r, &o, GRAPH, NULL, NULL);
        send_both_ways(&r, 20);
        for (uint32_t node = 0; node < 2; node++) {
            expect_all(&r, node, 20);
            resent += fake_count(r.f, node, "r.resent");
        }
        cr_assert_eq(resent == 0, rate != 0, "%d went again", (int)resent);
        rig_stop(&r);
    }
}

Test(rdm, loss_copies_delay_and_reordering_change_nothing, .timeout = 60)
{
    uint64_t resent = 0, early = 0, duplicates = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct rig r;
        struct fake_options o = { .seed = seed,
                                  .order = seed % 2 ? FAKE_RANDOM : FAKE_IN_ORDER,
                                  .mtu = 100 + 10 * (uint32_t)(seed % 20),
                                  .lossy = true,
                                  .unordered = true,
                                  .timer_odds = seed % 3 ? 50 : 0,
                                  .tx_queue = seed % 4,
                                  .drop_ppm = 50000 * (uint32_t)(seed % 7),
                                  .duplicate_ppm = 100000,
                                  .delay_ppm = 200000,
                                  .flatten = seed % 2 };
        rig_start(&r, &o, GRAPH, NULL, NULL);
        send_both_ways(&r, 60);
        for (uint32_t node = 0; node < 2; node++) {
            expect_all(&r, node, 60);
            resent += counts(&r, node)->resent;
            early += counts(&r, node)->early;
            duplicates += counts(&r, node)->duplicates;
            cr_assert_eq(counts(&r, node)->sent, 60);
            cr_assert_eq(counts(&r, node)->received, 60);
        }
        cr_assert_eq(fake_pending(r.f), 0, "a timer runs for nothing");
        cr_assert(rig_alloc_quiet(&r));
        rig_stop(&r);
    }
    cr_assert_gt(resent, 100);
    cr_assert_gt(early, 100);
    cr_assert_gt(duplicates, 100);
}

/* RDM4, RDMO2. */
Test(rdm, a_message_is_taken_whole_and_sent_a_window_at_a_time)
{
    struct rig r;
    rig_start(&r, &(struct fake_options){ .mtu = 120, .lossy = true },
              "mesh driver; r rdm <mesh queue=2000B window=1000B; probe probe <r", NULL, NULL);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 0), XK_OK);
    fake_run(r.f, 0); /* now the lives are known */
    uint64_t before = fake_counts(r.f)->frames;
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 2, 10000), XK_OK);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 3, 10), XK_BUSY);
    uint64_t sent = fake_counts(r.f)->frames - before;
    cr_assert(sent > 5 && sent * 120 <= 1000 + 2 * 120, "%d pieces", (int)sent);
    fake_run(r.f, 0);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 3, 10), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 1)->got, 3);
    rig_stop(&r);
}

/* RDM3. */
Test(rdm, over_a_path_that_keeps_all_nothing_but_the_pieces_is_sent)
{
    struct rig r;
    rig_start(&r, &(struct fake_options){ .mtu = 120 }, GRAPH, NULL, NULL);
    send_both_ways(&r, 60);
    uint64_t pieces = 0;
    for (uint32_t node = 0; node < 2; node++) {
        expect_all(&r, node, 60);
        pieces += counts(&r, node)->pieces;
        cr_assert_eq(counts(&r, node)->acks + counts(&r, node)->resent, 0);
        cr_assert_eq(fake_work(r.f, node, PORT_WORK_TIMER), 0);
    }
    cr_assert_eq(fake_counts(r.f)->frames, pieces);
    cr_assert_eq(xk_find(r.k[0], "r")->gives,
                 XK_NETWORK | XK_LONG | XK_LIVES | XK_TAKES | XK_PIECES);
    rig_stop(&r);
}

static void reclaim(struct port *p, void *arg)
{
    struct xk_control c = { .op = XK_FREE_RESOURCES };
    xk_protl_control(xk_find(((struct rig *)arg)->k[port_node(p)], "r"), &c);
    cr_assert_eq(c.u64, 1);
}

struct opening {
    struct rig *r;
    struct xk_sessn *sessn;
};

static void open_only(struct port *p, void *arg)
{
    struct opening *o = arg;
    struct xk_protl *probe = xk_find(o->r->k[port_node(p)], "probe");
    enum xk_status why;
    o->sessn = xk_open(probe->down[0], probe, xk_node(1), &why);
}

static void close_it(struct port *p, void *arg)
{
    (void)p;
    xk_close(((struct opening *)arg)->sessn);
}

/* Numbers outlive their session, a life does not outlive itself. */
Test(rdm, an_idle_session_is_reclaimed_and_its_numbers_go_on)
{
    for (uint32_t dies = 0; dies < 3; dies++) {
        struct rig r;
        struct opening opened = { .r = &r };
        struct fake_options o = { .mtu = 120, .lossy = true, .detect_delay = SIM_MS };
        rig_start(&r, &o, "mesh driver; r rdm <mesh; probe probe <r", NULL, NULL);
        for (uint64_t i = 1; i <= 5; i++) {
            cr_assert(send(&r, 0, i));
            fake_run(r.f, 0);
            fake_call(r.f, 0, reclaim, &r);
            fake_call(r.f, 1, reclaim, &r);
        }
        cr_assert_eq(counts(&r, 1)->duplicates + counts(&r, 1)->early + counts(&r, 0)->bad, 0);
        if (dies == 2) /* somebody has it open then */
            fake_call(r.f, 0, open_only, &opened);
        if (dies) {
            fake_crash(r.f, 1);
            fake_run(r.f, 0);
            r.k[1] = NULL;
            fake_restart(r.f, 1);
            fake_run(r.f, 0);
        }
        if (dies == 2)
            fake_call(r.f, 0, close_it, &opened);
        for (uint64_t i = 6; i <= 8; i++)
            cr_assert(send(&r, 0, i));
        fake_run(r.f, 0);
        const struct probe *p = rig_probe(&r, 1);
        cr_assert_eq(p->got, dies ? 3 : 8);
        for (uint64_t i = 0; i < p->got; i++)
            cr_assert(is_number(&p->log[i], 9 - p->got + i));
        rig_stop(&r);
    }
}

/* ---- every order ---- */

static void send_three(struct rig *r)
{
    for (uint64_t i = 1; i <= 3; i++)
        cr_assert(send(r, 0, i));
}

static bool all_came(struct rig *r)
{
    const struct probe *p = rig_probe(r, 1);
    for (uint64_t i = 0; i < p->got; i++)
        if (!is_number(&p->log[i], i + 1))
            return false;
    return p->got == 3 && rig_alloc_quiet(r);
}

static void explore(uint32_t drops, uint32_t copies, bool timers)
{
    const struct fake_options o = { .mtu = 128,
                                    .lossy = true,
                                    .unordered = true,
                                    .explore_drops = drops,
                                    .explore_copies = copies,
                                    .explore_timers = timers };
    rig_explore(&o, GRAPH, send_three, all_came);
}

Test(rdm, every_order_with_a_loss_or_a_copy_delivers_the_same, .timeout = 60)
{
    explore(1, 0, false);
    explore(0, 1, false);
    explore(1, 1, true);
}

/* ---- lives ---- */

static uint64_t sent_by[3], first_of[3]; /* by life of node 0: messages sent; number of the first */

/* What node 1, in one life, has got: from each life of node 0 numbers that follow each other. */
static void expect_runs(struct rig *r, bool from_start)
{
    const struct probe *p = rig_probe(r, 1);
    uint64_t at = 0;
    for (uint32_t life = 1; life <= 2; life++) {
        uint64_t i = first_of[life], end = first_of[life] + sent_by[life];
        while (!from_start && at < p->got && i < end && !is_number(&p->log[at], i))
            i++; /* what its earlier life got, or nobody */
        while (at < p->got && i < end && is_number(&p->log[at], i)) {
            at++;
            i++;
        }
    }
    cr_assert_eq(at, p->got, "message %d of %d is out of order", (int)at, (int)p->got);
}

static void send_some(struct rig *r, uint32_t life, uint64_t n)
{
    for (uint64_t k = 0; k < n && fake_up(r->f, 0); k++) {
        if (send(r, 0, first_of[life] + sent_by[life]))
            sent_by[life]++;
        fake_run(r->f, 1);
    }
}

static void crash(uint64_t seed, bool lossy, uint32_t victim)
{
    struct rig r;
    struct fake_options o = { .seed = seed,
                              .order = FAKE_RANDOM,
                              .mtu = 128,
                              .lossy = lossy,
                              .unordered = lossy,
                              .drop_ppm = 100000,
                              .duplicate_ppm = 100000,
                              .delay_ppm = 100000,
                              .detect_delay = seed % 3 ? SIM_MS : 100 * SIM_US };
    memset(sent_by, 0, sizeof sent_by);
    first_of[1] = 1;
    first_of[2] = 101;
    rig_start(&r, &o, GRAPH, NULL, NULL);
    send_some(&r, 1, 1 + seed % 30);
    fake_run(r.f, seed % 7);
    fake_crash(r.f, victim);
    fake_run(r.f, seed / 7 % 5);
    if (victim == 1)
        send_some(&r, 1, seed % 4);
    r.k[victim] = NULL;
    fake_restart(r.f, victim);
    while (!r.k[victim])
        fake_step(r.f);
    fake_run(r.f, 3 + seed % 5);
    uint32_t life = victim == 0 ? 2 : 1;
    send_some(&r, life, 10);
    fake_run(r.f, 0);
    expect_runs(&r, victim == 0);
    /* Both live now and know it: the next arrives. */
    uint64_t got = rig_probe(&r, 1)->got;
    cr_assert(send(&r, 0, first_of[life] + sent_by[life]));
    sent_by[life]++;
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 1)->got, got + 1, "seed %d: the lives do not meet", (int)seed);
    expect_runs(&r, victim == 0);
    cr_assert_eq(fake_pending(r.f), 0);
    rig_stop(&r);
}

/* RDM2, RDMO3. */
Test(rdm, a_crash_and_a_quick_return_of_either_node_mix_nothing, .timeout = 60)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        crash(seed, seed % 4 != 0, 0);
        crash(seed, seed % 4 != 0, 1);
    }
}

/* Random bytes and damaged headers must neither crash nor be taken for messages. */
Test(rdm, wrong_pieces_are_dropped)
{
    struct rig r;
    rig_start(&r, &(struct fake_options){ .lossy = true }, GRAPH, NULL, NULL);
    uint64_t x = 7;
    for (uint32_t i = 0; i < 5000; i++) {
        uint8_t b[80] = { 0 };
        for (uint32_t j = 0; j < sizeof b; j++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            b[j] = (uint8_t)(x >> 56) & (x >> 40 & 1 ? 0xff : 3);
        }
        uint32_t length = (uint32_t)((x >> 33) % 72);
        wire_put16(b, (uint16_t)xk_find(r.k[0], "r")->number);
        wire_put16(b + 2, 0);
        wire_put32(b + 4, length);
        if (i % 2)
            wire_put32(b + 12, 1); /* a life that may be */
        b[8] &= 3;                 /* an upper that may be */
        fake_inject(r.f, 0, 1, b, 8 + length);
        fake_run(r.f, 20);
    }
    cr_assert_gt(counts(&r, 1)->bad, 100);
    rig_stop(&r);
}

/* RDMI3: what each has heard of the other's life is wrong, and no answer mends it. */
Test(rdm, two_who_are_wrong_about_each_other_come_to_an_end)
{
    static const uint8_t life_49153[] = { 0, 2, 0xc0, 1, 0, 0, 0, 0 };
    struct rig r;
    rig_start(&r, &(struct fake_options){ 0 }, "mesh driver; rdm rdm <mesh; probe probe <rdm", NULL,
              NULL);
    for (uint32_t n = 0; n < 2; n++)
        cr_assert_eq(rig_send_pattern(&r, n, 1 - n, 1, 100), XK_OK);
    fake_run(r.f, 0);
    for (uint32_t n = 0; n < 2; n++)
        fake_inject(r.f, n, 1 - n, life_49153, sizeof life_49153);
    fake_run(r.f, 0);
    for (uint32_t n = 0; n < 2; n++)
        cr_assert_eq(rig_send_pattern(&r, n, 1 - n, 2, 100), XK_OK);
    fake_run_until(r.f, fake_now(r.f) + SIM_SEC);
    cr_assert_lt(fake_counts(r.f)->frames, 200);
    rig_stop(&r);
}
