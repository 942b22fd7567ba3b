/* test_ulp.c: ULP: what is delivered is a front part of what was sent, whatever the path does. */
#include <criterion/criterion.h>
#include <string.h>

#include "os/proto/ulp/ulp.h"
#include "tests/os/xk_rig.h"

#define BELOW "mesh driver queue=4; v vdrop <mesh corrupt=0.05; "
#define ULP "u ulp <mesh queue=2000B grant=1000B idle=0; probe probe <u"
#define GRAPH "mesh driver queue=4; " ULP

/* Lengths and contents by number: none, less than a frame, several frames. */
static uint64_t length_of(uint64_t i)
{
    return i % 50 == 0 ? 0 : i % 5 == 0 ? 1 : i * 37 % 900;
}

static const struct ulp_counts *counts(struct rig *r, uint32_t node)
{
    return ulp_counts(xk_find(r->k[node], "u"));
}

static bool is_number(const struct probe_got *g, uint64_t i)
{
    return g->length == length_of(i) &&
           (g->length == 0 || g->hash == rig_pattern_hash(1000 + i, length_of(i)));
}

static bool send(struct rig *r, uint32_t from, uint32_t to, uint64_t i)
{
    return rig_send_pattern(r, from, to, 1000 + i, length_of(i)) == XK_OK;
}

static void send_both_ways(struct rig *r, uint64_t n)
{
    uint64_t sent[2] = { 0, 0 };
    for (uint64_t turn = 0; sent[0] + sent[1] < 2 * n; turn++) {
        cr_assert_lt(turn, 100000, "pushes stay refused");
        for (uint32_t from = 0; from < 2; from++)
            if (sent[from] < n && send(r, from, 1 - from, sent[from]))
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

/* ULP1, ULP4, ULPO1, ULPI1, ULPI2. */
Test(ulp, loss_copies_delay_reordering_and_damage_change_nothing, .timeout = 60)
{
    uint64_t resent = 0, ahead = 0, duplicates = 0, damaged = 0, nacks = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct rig r;
        struct fake_options o = { .seed = seed,
                                  .order = seed % 2 ? FAKE_RANDOM : FAKE_IN_ORDER,
                                  .mtu = 100 + 10 * (uint32_t)(seed % 20),
                                  .lossy = true,
                                  .unordered = true,
                                  .timer_odds = seed % 3 ? 50 : 0,
                                  .tx_queue = seed % 4,
                                  .drop_ppm = 40000 * (uint32_t)(seed % 6),
                                  .duplicate_ppm = 100000,
                                  .delay_ppm = seed % 2 ? 100000 : 0,
                                  .flatten = seed % 2 };
        rig_start(&r, &o,
                  BELOW "u ulp <v queue=2000B grant=1000B idle=0 wait_max=20ms; probe probe <u",
                  NULL, NULL);
        send_both_ways(&r, 60);
        for (uint32_t node = 0; node < 2; node++) {
            const struct ulp_counts *c = counts(&r, node);
            expect_all(&r, node, 60);
            resent += c->resent;
            ahead += c->ahead;
            duplicates += c->duplicates;
            damaged += c->damaged;
            nacks += c->nacks;
            cr_assert_eq(c->sent, 60);
            cr_assert_eq(c->received, 60);
        }
        cr_assert_eq(fake_pending(r.f), 0, "a timer runs for nothing");
        cr_assert(rig_alloc_quiet(&r));
        rig_stop(&r);
    }
    cr_assert_gt(resent, 100);
    cr_assert_gt(ahead, 100);
    cr_assert_gt(duplicates, 100);
    cr_assert_gt(damaged, 100);
    cr_assert_gt(nacks, 100);
}

/* ---- every single loss, and every single wrong byte ---- */
static struct {
    uint64_t count, lose, byte;
    bool damage;     /* the first long one */
    uint64_t length; /* of that */
} wire;

static bool on_wire(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    (void)arg, (void)src, (void)dst;
    uint64_t n = ++wire.count;
    if (wire.damage && wire.length == 0 && frame->length > 110) {
        uint8_t b[256];
        cr_assert_leq(frame->length, sizeof b);
        wire.length = frame->length;
        rope_read(frame, 0, frame->length, b);
        b[wire.byte] ^= (uint8_t)(1u << wire.byte % 8);
        uint64_t length = frame->length;
        rope_fini(frame);
        rope_add_bytes(frame, b, length);
    }
    return n != wire.lose;
}

/* Frames on the wire for 10 messages each way and one more, all of which arrive. */
static uint64_t one_run(const char *graph, uint64_t lose, bool damage, uint64_t byte)
{
    struct rig r;
    rig_start(&r, &(struct fake_options){ .mtu = 128, .lossy = true }, graph, NULL, NULL);
    memset(&wire, 0, sizeof wire);
    wire.lose = lose;
    wire.damage = damage;
    wire.byte = byte;
    fake_on_frame(r.f, on_wire, NULL);
    send_both_ways(&r, 10);
    cr_assert(send(&r, 0, 1, 10)); /* alone, in one frame */
    fake_run(r.f, 0);
    for (uint32_t node = 0; node < 2; node++)
        expect_all(&r, node, 10 + node);
    cr_assert(!damage || counts(&r, 0)->damaged + counts(&r, 1)->damaged == 1);
    cr_assert_eq(fake_pending(r.f), 0);
    rig_stop(&r);
    return wire.count;
}

/* ULPO3.  A window of two frames loses grants that nothing follows. */
Test(ulp, each_frame_lost_in_turn_is_recovered, .timeout = 60)
{
    static const char *const graphs[] = { GRAPH, "mesh driver; u ulp <mesh grant=1B; "
                                                 "probe probe <u" };
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t frames = one_run(graphs[i], 0, false, 0);
        cr_assert_gt(frames, 20);
        for (uint64_t n = 1; n <= frames; n++)
            cr_assert_geq(one_run(graphs[i], n, false, 0), frames > 40 ? frames - 20 : 20);
    }
}

/* ULP4: behind the driver's header of 8 bytes. */
Test(ulp, each_wrong_byte_of_a_frame_is_seen, .timeout = 60)
{
    uint64_t at = 8, length = 9;
    for (; at < length; at++) {
        one_run(GRAPH, 0, true, at);
        length = wire.length;
    }
    cr_assert_gt(length, 100);
}

/* Nothing is kept, nothing goes again, no timer runs but that of the first question. */
Test(ulp, over_a_path_that_keeps_all_there_are_frames_and_grants)
{
    struct rig r;
    rig_start(&r, &(struct fake_options){ .mtu = 120 }, GRAPH, NULL, NULL);
    send_both_ways(&r, 60);
    uint64_t all = 0;
    for (uint32_t node = 0; node < 2; node++) {
        const struct ulp_counts *c = counts(&r, node);
        expect_all(&r, node, 60);
        all += c->frames + c->grants + c->asks;
        cr_assert_eq(c->resent + c->nacks + c->ahead + c->duplicates + c->idle, 0);
        cr_assert_leq(c->asks, 1);
        cr_assert_leq(fake_work(r.f, node, PORT_WORK_TIMER), 1);
        cr_assert_geq(fake_work(r.f, node, PORT_WORK_COPY_SUM), 2 * 60 * 200);
    }
    cr_assert_eq(fake_counts(r.f)->frames, all);
    cr_assert_eq(xk_find(r.k[0], "u")->gives,
                 XK_NETWORK | XK_LONG | XK_LIVES | XK_TAKES | XK_PIECES);
    rig_stop(&r);
}

/* ULP3, ULP5. */
Test(ulp, a_message_is_taken_whole_and_sent_a_grant_at_a_time)
{
    struct rig r;
    rig_start(&r, &(struct fake_options){ .mtu = 120, .lossy = true }, GRAPH, NULL, NULL);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 0), XK_OK);
    fake_run(r.f, 0); /* now there is a grant */
    uint64_t before = fake_counts(r.f)->frames;
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 2, 10000), XK_OK);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 3, 10), XK_BUSY);
    uint64_t sent = fake_counts(r.f)->frames - before;
    cr_assert(sent > 0 && sent * 104 <= 1000, "%d frames", (int)sent);
    fake_run(r.f, 0);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 3, 10), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 1)->got, 3);
    rig_stop(&r);
}

/* ULPH1, ULPH2: who is sent to by many grants each less, nobody waits for good or is passed by. */
Test(ulp, a_node_that_many_send_to_grants_each_of_them_less, .timeout = 60)
{
    for (uint32_t lossy = 0; lossy < 2; lossy++) {
        struct rig r;
        struct fake_options o = {
            .nodes = 33, .mtu = 120, .lossy = lossy, .drop_ppm = lossy ? 20000 : 0
        };
        rig_start(&r, &o,
                  "mesh driver; u ulp <mesh queue=4000B grant=2000B pool=8000B recent=1s; "
                  "probe probe <u",
                  NULL, NULL);
        uint64_t sent[33] = { 0 }, all = 0, got[33] = { 0 };
        for (uint64_t turn = 0; all < 32 * 10; turn++) {
            cr_assert_lt(turn, 100000);
            for (uint32_t from = 1; from < 33; from++)
                if (sent[from] < 10 && send(&r, from, 0, sent[from])) {
                    sent[from]++;
                    all++;
                }
            fake_run(r.f, 50);
        }
        fake_run(r.f, 0);
        const struct probe *p = rig_probe(&r, 0);
        cr_assert_eq(p->got, all);
        for (uint64_t i = 0; i < p->got; i++) {
            uint32_t from = p->log[i].from;
            cr_assert(is_number(&p->log[i], got[from]++));
            for (uint32_t other = 1; !lossy && other < 33; other++)
                cr_assert(got[other] + 6 >= got[from], "node %d is passed by", (int)other);
        }
        cr_assert_gt(counts(&r, 0)->shrunk, 100);
        cr_assert_eq(counts(&r, 1)->shrunk, 0);
        rig_stop(&r);
    }
}

/* ---- every order ---- */

static struct rig explored;

static void explore_setup(struct fake *f, void *arg)
{
    rig_boot_all(&explored, f, arg, 2, NULL, NULL);
    for (uint64_t i = 1; i <= 3; i++)
        cr_assert(send(&explored, 0, 1, i));
}

static bool explore_check(struct fake *f, void *arg)
{
    (void)f, (void)arg;
    const struct probe *p = rig_probe(&explored, 1);
    for (uint64_t i = 0; i < p->got; i++)
        if (!is_number(&p->log[i], i + 1))
            return false;
    return p->got == 3 && rig_alloc_quiet(&explored);
}

static void explore(uint32_t drops, uint32_t copies, bool timers)
{
    struct xk_graph *g = rig_graph(GRAPH);
    struct fake_explore x = { .options = { .mtu = 128,
                                           .lossy = true,
                                           .unordered = true,
                                           .explore_drops = drops,
                                           .explore_copies = copies,
                                           .explore_timers = timers },
                              .setup = explore_setup,
                              .check = explore_check,
                              .arg = g,
                              .orders_max = 4000 };
    fake_explore(&x);
    cr_assert_not(x.failed, "order %s", x.order);
    cr_assert_gt(x.orders, 100);
    xk_graph_free(g);
}

Test(ulp, every_order_with_a_loss_or_a_copy_delivers_the_same, .timeout = 60)
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
        if (send(r, 0, 1, first_of[life] + sent_by[life]))
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
    cr_assert(send(&r, 0, 1, first_of[life] + sent_by[life]));
    sent_by[life]++;
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 1)->got, got + 1, "seed %d: the lives do not meet", (int)seed);
    expect_runs(&r, victim == 0);
    cr_assert_eq(fake_pending(r.f), 0);
    rig_stop(&r);
}

/* ULP2, ULPO2. */
Test(ulp, a_crash_and_a_quick_return_of_either_node_mix_nothing, .timeout = 60)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        crash(seed, seed % 4 != 0, 0);
        crash(seed, seed % 4 != 0, 1);
    }
}
