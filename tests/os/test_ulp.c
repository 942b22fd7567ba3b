/* test_ulp.c: ULP: what is delivered is a front part of what was sent, whatever the path does. */
#include <criterion/criterion.h>
#include <string.h>

#include "os/proto/ulp/ulp.h"
#include "tests/os/rdm_cases.h"
#include "tests/sample.h"

#define BELOW "mesh driver queue=4; v vdrop <mesh corrupt=0.05; "
#define ULP "u ulp <mesh queue=2000B grant=1000B idle=0; probe probe <u"
#define GRAPH "mesh driver queue=4; " ULP

static const struct ulp_counts *counts(struct rig *r, uint32_t node)
{
    return ulp_counts(xk_find(r->k[node], "u"));
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
        numbered_both_ways(&r, 60, NULL, NULL);
        for (uint32_t node = 0; node < 2; node++) {
            const struct ulp_counts *c = counts(&r, node);
            numbered_all_came(&r, node, 60);
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

/* Over Ethernet's frames, with addresses that ARP learns, and over IP, which cuts them itself. */
Test(ulp, over_the_protocols_of_a_lan_it_is_the_same, .timeout = 60)
{
    static const char *const graphs[] = {
        "eth eth; hosts arp <eth address=10.1.0.0/16; u ulp <hosts queue=2000B grant=1000B "
        "wait_max=20ms; probe probe <u",
        "eth eth; hosts arp <eth address=10.1.0.0/16; ip ip <hosts; u ulp <ip wait_max=20ms; "
        "probe probe <u",
    };
    for (uint64_t seed = 1; seed <= 16; seed++) {
        struct rig r;
        struct fake_options o = { .seed = seed,
                                  .order = seed % 2 ? FAKE_RANDOM : FAKE_IN_ORDER,
                                  .mtu = 200 + 40 * (uint32_t)seed,
                                  .lossy = true,
                                  .unordered = true,
                                  .broadcast = true,
                                  .drop_ppm = 20000 * (uint32_t)(seed % 3),
                                  .duplicate_ppm = 50000,
                                  .flatten = seed % 2 };
        rig_start(&r, &o, graphs[seed / 2 % 2], NULL, NULL);
        numbered_both_ways(&r, 40, NULL, NULL);
        for (uint32_t node = 0; node < 2; node++)
            numbered_all_came(&r, node, 40);
        rig_stop(&r);
    }
}

/* ---- one frame lost, doubled, late or damaged, and two ---- */

enum blow { NONE, LOST, DOUBLED, LATE, DAMAGED, BLOWS };
#define LATE_BY 3 /* frames that overtake it */
#define WIRE_MAX 256

static struct {
    struct fake *f;
    uint64_t count, at[2];
    enum blow what[2];
    uint64_t byte, length; /* of what is damaged: 0: one that its number chooses; how long it was */
    struct {
        uint64_t due; /* 0: none is late */
        uint32_t src, dst;
        uint64_t length;
        uint8_t bytes[WIRE_MAX];
    } late[2];
} wire;

static void let_come(uint32_t i)
{
    if (wire.late[i].due == 0)
        return;
    wire.late[i].due = 0;
    fake_inject(wire.f, wire.late[i].src, wire.late[i].dst, wire.late[i].bytes,
                wire.late[i].length);
}

/* One bit of it, behind the driver's header of 8 bytes. */
static void damage(struct rope *frame, uint64_t n)
{
    uint8_t b[WIRE_MAX];
    uint64_t length = wire.length = frame->length;
    cr_assert_leq(length, sizeof b);
    rope_read(frame, 0, length, b);
    b[wire.byte ? wire.byte : 8 + n * 7 % (length - 8)] ^= (uint8_t)(1u << n % 8);
    rope_fini(frame);
    rope_add_bytes(frame, b, length);
}

static bool strike(uint32_t i, uint32_t src, uint32_t dst, struct rope *frame)
{
    uint8_t b[WIRE_MAX];
    cr_assert_leq(frame->length, sizeof b);
    rope_read(frame, 0, frame->length, b);
    switch (wire.what[i]) {
    case LOST:
        return false;
    case DOUBLED:
        fake_inject(wire.f, src, dst, b, frame->length);
        return true;
    case LATE:
        wire.late[i].due = wire.count + LATE_BY;
        wire.late[i].src = src;
        wire.late[i].dst = dst;
        wire.late[i].length = frame->length;
        memcpy(wire.late[i].bytes, b, frame->length);
        return false;
    case DAMAGED:
        damage(frame, wire.count);
        return true;
    default:
        return true;
    }
}

static bool on_wire(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    (void)arg;
    bool goes = true;
    wire.count++;
    for (uint32_t i = 0; i < 2; i++) {
        if (wire.late[i].due == wire.count)
            let_come(i);
        if (wire.at[i] == wire.count)
            goes = strike(i, src, dst, frame) && goes;
    }
    return goes;
}

static void run_out(struct rig *r)
{
    fake_run(r->f, 0);
    for (uint32_t i = 0; i < 2; i++)
        let_come(i);
    fake_run(r->f, 0);
}

/* 10 messages each way and one more, all of which arrive; two frames are struck, of the numbers
 * `at`.  How long it took. */
static sim_time struck(const char *graph, enum blow what1, uint64_t at1, enum blow what2,
                       uint64_t at2)
{
    struct rig r;
    uint64_t byte = wire.byte;
    rig_start(&r, &(struct fake_options){ .mtu = 128, .lossy = true, .unordered = true }, graph,
              NULL, NULL);
    memset(&wire, 0, sizeof wire);
    wire.f = r.f;
    wire.byte = byte;
    wire.what[0] = what1;
    wire.what[1] = what2;
    wire.at[0] = at1;
    wire.at[1] = at2;
    fake_on_frame(r.f, on_wire, NULL);
    numbered_both_ways(&r, 10, NULL, NULL);
    run_out(&r);
    cr_assert(numbered_send(&r, 0, 1, 10)); /* alone, in one frame */
    run_out(&r);
    for (uint32_t node = 0; node < 2; node++)
        numbered_all_came(&r, node, 10 + node);
    uint64_t damaged = counts(&r, 0)->damaged + counts(&r, 1)->damaged;
    cr_assert(what2 != NONE || damaged == (what1 == DAMAGED), "%d damaged", (int)damaged);
    cr_assert_eq(fake_pending(r.f), 0);
    sim_time took = fake_now(r.f);
    rig_stop(&r);
    return took;
}

/* The second has windows of two frames: grants that nothing follows. */
static const char *const struck_graphs[] = { GRAPH,
                                             "mesh driver; u ulp <mesh grant=1B; probe probe <u" };
/* A loss that nobody tells of costs the idle timer, an acknowledgement that waits for company and a
 * few frames of 10 us beside; where what goes again is lost, the timer at twice that, too. */
#define WAIT (5 * SIM_MS)
#define BESIDE (500 * SIM_US + 10 * 10 * SIM_US)

/* ULPO3: frames with data, questions, grants, what tells of a loss: any of them. */
Test(ulp, each_frame_lost_in_turn_is_recovered, .timeout = 60)
{
    for (uint32_t g = 0; g < 2; g++) {
        sim_time alone = struck(struck_graphs[g], NONE, 0, NONE, 0);
        uint64_t frames = wire.count;
        cr_assert_gt(frames, 50);
        for (enum blow what = LOST; what < BLOWS; what++)
            for (uint64_t n = 1; n <= frames; n++) {
                sim_time more = struck(struck_graphs[g], what, n, NONE, 0) - alone;
                cr_assert_leq(more, WAIT + BESIDE, "blow %d at frame %d takes %.2f ms more",
                              (int)what, (int)n, (double)more / (double)SIM_MS);
            }
    }
}

/* Some of the pairs; scripts/soak-ulp takes each. */
Test(ulp, pairs_of_frames_lost_are_recovered, .timeout = 60)
{
    uint64_t runs = sample("ULP_PAIRS", 1500);
    for (uint32_t g = 0; g < 2; g++) {
        sim_time alone = struck(struck_graphs[g], NONE, 0, NONE, 0);
        uint64_t frames = wire.count + 20; /* and those that the first blow makes */
        uint64_t all = frames * frames * (BLOWS - 1) * (BLOWS - 1);
        uint64_t step = all / runs ? all / runs : 1;
        for (uint64_t i = step / 2; i < all; i += step) {
            uint64_t at = i;
            enum blow one = (enum blow)(1 + at % (BLOWS - 1)), two;
            at /= BLOWS - 1;
            two = (enum blow)(1 + at % (BLOWS - 1));
            at /= BLOWS - 1;
            sim_time more =
                struck(struck_graphs[g], one, 1 + at % frames, two, 1 + at / frames) - alone;
            cr_assert_leq(more, 3 * WAIT + BESIDE, "blows %d at %d and %d at %d take %.2f ms more",
                          (int)one, (int)(1 + at % frames), (int)two, (int)(1 + at / frames),
                          (double)more / (double)SIM_MS);
        }
    }
}

/* ULP4: behind the driver's header of 8 bytes. */
Test(ulp, each_wrong_byte_of_a_frame_is_seen, .timeout = 60)
{
    uint64_t n = 2; /* the first long one */
    for (;; n++) {
        struck(GRAPH, DAMAGED, n, NONE, 0);
        if (wire.length > 110)
            break;
    }
    uint64_t length = wire.length;
    for (wire.byte = 8; wire.byte < length; wire.byte++)
        struck(GRAPH, DAMAGED, n, NONE, 0);
    wire.byte = 0;
}

/* Nothing is kept, nothing goes again, no timer runs but that of the first question. */
Test(ulp, over_a_path_that_keeps_all_there_are_frames_and_grants)
{
    struct rig r;
    rig_start(&r, &(struct fake_options){ .mtu = 120 }, GRAPH, NULL, NULL);
    numbered_both_ways(&r, 60, NULL, NULL);
    uint64_t all = 0;
    for (uint32_t node = 0; node < 2; node++) {
        const struct ulp_counts *c = counts(&r, node);
        numbered_all_came(&r, node, 60);
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

/* ---- many senders ---- */

/* What went to node 0 within the latency of a frame, 10 us: bytes under way. */
static struct {
    struct fake *f;
    sim_time at[4096];
    uint64_t bytes[4096], first, count, most;
} to_0;

static bool count_to_0(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    (void)arg, (void)src;
    uint64_t all = 0;
    if (dst != 0)
        return true;
    sim_time now = fake_now(to_0.f);
    to_0.at[to_0.count % 4096] = now;
    to_0.bytes[to_0.count++ % 4096] = frame->length;
    while (to_0.at[to_0.first % 4096] + 10 * SIM_US < now)
        to_0.first++;
    cr_assert_lt(to_0.count - to_0.first, 4096);
    for (uint64_t i = to_0.first; i < to_0.count; i++)
        all += to_0.bytes[i % 4096];
    to_0.most = all > to_0.most ? all : to_0.most;
    return true;
}

/* Each of 32 nodes sends 10 messages to node 0. */
static void fan_in(struct rig *r, bool lossy, const char *graph)
{
    struct fake_options o = {
        .nodes = 33, .mtu = 120, .lossy = lossy, .drop_ppm = lossy ? 20000 : 0
    };
    rig_start(r, &o, graph, NULL, NULL);
    memset(&to_0, 0, sizeof to_0);
    to_0.f = r->f;
    fake_on_frame(r->f, count_to_0, NULL);
    uint64_t sent[33] = { 0 }, all = 0;
    for (uint64_t turn = 0; all < 32 * 10; turn++) {
        cr_assert_lt(turn, 100000);
        for (uint32_t from = 1; from < 33; from++)
            if (sent[from] < 10 && numbered_send(r, from, 0, sent[from])) {
                sent[from]++;
                all++;
            }
        fake_run(r->f, 50);
    }
    fake_run(r->f, 0);
    cr_assert_eq(rig_probe(r, 0)->got, all);
}

#define FAN_GRAPH(pool)                                                                            \
    "mesh driver; u ulp <mesh queue=4000B grant=2000B pool=" pool "; probe probe <u"

/* ULPG2, ULPG3, ULPG4, ULPO5: who is sent to by many grants each less, in turns: nobody waits for
 * good or is passed by. */
Test(ulp, a_node_that_many_send_to_grants_each_of_them_less, .timeout = 60)
{
    for (uint32_t lossy = 0; lossy < 2; lossy++) {
        struct rig r;
        uint64_t got[33] = { 0 };
        fan_in(&r, lossy, FAN_GRAPH("8000B"));
        const struct probe *p = rig_probe(&r, 0);
        for (uint64_t i = 0; i < p->got; i++) {
            uint32_t from = p->log[i].from;
            cr_assert(numbered_is(&p->log[i], got[from]++));
            for (uint32_t other = 1; !lossy && other < 33; other++)
                cr_assert(got[other] + 6 >= got[from], "node %d is passed by", (int)other);
        }
        cr_assert_gt(counts(&r, 0)->shrunk, 100);
        cr_assert_gt(counts(&r, 0)->turns, 20);
        cr_assert_eq(counts(&r, 1)->shrunk, 0);
        rig_stop(&r);
    }
}

/* ULPG1, ULPG2: the pool for those who are behind, as much for the others, and frames with no data
 * from each. */
Test(ulp, no_more_is_under_way_than_the_pool_however_many_send)
{
    static const struct {
        const char *graph;
        uint64_t pool;
    } cases[] = { { FAN_GRAPH("8000B"), 8000 },
                  { FAN_GRAPH("2000B"), 2000 },
                  { FAN_GRAPH("1B"), 120 } };
    struct rig r;
    for (uint32_t i = 0; i < 3; i++) {
        fan_in(&r, false, cases[i].graph);
        cr_assert_leq(to_0.most, 2 * cases[i].pool + 32 * 40, "%d bytes", (int)to_0.most);
        rig_stop(&r);
    }
    fan_in(&r, false, FAN_GRAPH("1MiB"));
    cr_assert_gt(to_0.most, 30000);
    rig_stop(&r);
}

Test(ulp, nothing_goes_again_because_its_link_is_slow)
{
    rdm_cases_slow_link(GRAPH, "u.resent");
}

Test(ulp, every_order_with_a_loss_or_a_copy_delivers_the_same, .timeout = 60)
{
    rdm_cases_orders(GRAPH);
}

/* ULP2, ULPO2. */
Test(ulp, a_crash_and_a_quick_return_of_either_node_mix_nothing, .timeout = 60)
{
    rdm_cases_crashes(GRAPH, 200);
}
