/* test_blast.c: BLAST: every pattern of lost fragments, random faults, crashes, wrong frames. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "os/proto/blast/blast.h"
#include "tests/os/xk_rig.h"

#define GRAPH "mesh driver; blast blast <mesh; probe probe <blast"
#define FRAGMENT (256 - 8 - 24) /* bytes of data at an MTU of 256 */

static struct xk_protl *blast(struct rig *r, uint32_t node)
{
    return xk_find(r->k[node], "blast");
}

static void quiet(struct rig *r)
{
    for (uint32_t i = 0; i < 2; i++) {
        cr_assert_eq(blast_outstanding(blast(r, i)), 0);
        cr_assert_eq(blast_incomplete(blast(r, i)), 0);
    }
    cr_assert(rig_alloc_quiet(r), "%zu leaves are alive", (size_t)rope_leaves_alive());
}

static void lengths(bool lossy, bool flatten)
{
    struct rig r;
    struct fake_options o = { .mtu = 256, .lossy = lossy, .flatten = flatten };
    rig_start(&r, &o, GRAPH, NULL, NULL);
    static const uint64_t at[] = { 0,
                                   1,
                                   FRAGMENT - 1,
                                   FRAGMENT,
                                   FRAGMENT + 1,
                                   2 * FRAGMENT,
                                   2385,
                                   64 * FRAGMENT - 1,
                                   64 * FRAGMENT };
    for (uint64_t i = 0; i < ARRAY_LEN(at); i++) {
        cr_assert_eq(rig_send_pattern(&r, 0, 1, i, at[i]), XK_OK);
        fake_run(r.f, 0);
        struct probe *p = rig_probe(&r, 1);
        cr_assert_eq(p->got, i + 1);
        cr_assert_eq(p->log[i].hash, rig_pattern_hash(i, at[i]));
        cr_assert_eq(p->log[i].length, at[i]);
    }
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 64 * FRAGMENT + 1), XK_TOO_LONG);
    cr_assert_eq(fake_count(r.f, 0, "blast.short_sent"), 4);
    cr_assert_eq(fake_work(r.f, 1, PORT_WORK_TIMER) > 0, lossy);
    quiet(&r);
    rig_stop(&r);
}

Test(blast, carries_every_length_up_to_64_fragments)
{
    lengths(false, false);
    lengths(true, false);
    lengths(false, true);
}

/* Loses the first copies of the fragments in `lose`. */
struct loss {
    uint64_t lose;
    uint32_t seen;
    bool nacks_too;
};
static bool lose_some(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    struct loss *l = arg;
    uint8_t op;
    (void)dst;
    rope_read(frame, 8 + 2, 1, &op);
    if (src != 0 || op != 1)
        return true;
    return !(l->lose >> l->seen++ & 1);
}

/* BLAST5. */
Test(blast, every_subset_of_lost_fragments_is_recovered_or_given_up)
{
    for (uint32_t n = 2; n <= 6; n++) {
        for (uint64_t lose = 0; lose < UINT64_C(1) << n; lose++) {
            struct rig r;
            struct loss l = { .lose = lose };
            struct fake_options o = { .mtu = 256, .lossy = true };
            rig_start(&r, &o, GRAPH, NULL, NULL);
            fake_on_frame(r.f, lose_some, &l);
            cr_assert_eq(rig_send_pattern(&r, 0, 1, lose, n * FRAGMENT - 5), XK_OK);
            fake_run(r.f, 0);
            bool all = lose == (UINT64_C(1) << n) - 1; /* then nobody knows of it */
            struct probe *p = rig_probe(&r, 1);
            cr_assert_eq(p->got, !all, "%u fragments, lost %zx", n, (size_t)lose);
            if (!all) {
                cr_assert_eq(p->log[0].hash, rig_pattern_hash(lose, n * FRAGMENT - 5));
                cr_assert_eq(fake_count(r.f, 0, "blast.resent"),
                             (uint64_t)__builtin_popcountll(lose));
                cr_assert_eq(fake_count(r.f, 0, "blast.nacks_got"), lose != 0);
            }
            cr_assert_eq(fake_count(r.f, 0, "blast.discarded"), 1);
            quiet(&r);
            rig_stop(&r);
        }
    }
}

static bool only_first(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    uint32_t *n = arg;
    (void)dst, (void)frame;
    return src == 1 || (*n)++ == 0;
}

/* BLAST6. */
Test(blast, a_message_that_never_completes_is_given_up_after_three_requests)
{
    struct rig r;
    uint32_t n = 0;
    struct fake_options o = { .mtu = 256, .lossy = true };
    rig_start(&r, &o, GRAPH, NULL, NULL);
    fake_on_frame(r.f, only_first, &n);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 4 * FRAGMENT), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(fake_count(r.f, 1, "blast.nacks_sent"), 3);
    cr_assert_eq(fake_count(r.f, 1, "blast.given_up"), 1);
    cr_assert_eq(rig_probe(&r, 1)->got, 0);
    quiet(&r);
    rig_stop(&r);
}

/* The same messages under faults of a thousand seeds: what arrives is right and comes once. */
static uint64_t faulty(uint64_t seed, bool flatten)
{
    struct rig r;
    struct fake_options o = { .mtu = 256,
                              .lossy = true,
                              .unordered = true,
                              .seed = seed,
                              .order = FAKE_RANDOM,
                              .timer_odds = 8,
                              .drop_ppm = 60000,
                              .duplicate_ppm = 60000,
                              .flatten = flatten };
    rig_start(&r, &o, GRAPH, NULL, NULL);
    for (uint64_t i = 0; i < 10; i++)
        cr_assert_eq(rig_send_pattern(&r, 0, 1, i, (i + 2) * FRAGMENT - i), XK_OK);
    fake_run(r.f, 0);
    struct probe *p = rig_probe(&r, 1);
    uint32_t times[10] = { 0 };
    uint64_t sum = 0;
    for (uint64_t j = 0; j < p->got; j++) {
        uint64_t i = (p->log[j].length + FRAGMENT - 1) / FRAGMENT - 2;
        cr_assert_lt(i, 10);
        cr_assert_eq(p->log[j].hash, rig_pattern_hash(i, (i + 2) * FRAGMENT - i));
        times[i]++;
        sum = sum * 31 + i;
    }
    for (uint32_t i = 0; i < 10; i++)
        cr_assert_leq(times[i], 1, "seed %zu: message %u came twice", (size_t)seed, i);
    sum += fake_steps(r.f) << 8;
    quiet(&r);
    rig_stop(&r);
    return sum;
}

/* BLAST4. */
Test(blast, random_faults_never_deliver_twice_or_wrong)
{
    for (uint64_t seed = 0; seed < 1000; seed++)
        faulty(seed, false);
}

Test(blast, flattening_changes_nothing)
{
    for (uint64_t seed = 0; seed < 50; seed++)
        cr_assert_eq(faulty(seed, false), faulty(seed, true));
}

/* BLAST1, BLAST2. */
Test(blast, more_than_the_limit_is_refused_and_told_when_there_is_room)
{
    struct rig r;
    struct fake_options o = { .mtu = 256, .tx_queue = 1 };
    rig_start(&r, &o, "mesh driver queue=2; blast blast <mesh outstanding=3; probe probe <blast",
              NULL, NULL);
    for (uint64_t i = 0; i < 3; i++)
        cr_assert_eq(rig_send_pattern(&r, 0, 1, i, 9 * FRAGMENT), XK_OK);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 3, 9 * FRAGMENT), XK_BUSY);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 1)->got, 3);
    for (uint64_t i = 0; i < 3; i++)
        cr_assert_eq(rig_probe(&r, 1)->log[i].hash, rig_pattern_hash(i, 9 * FRAGMENT));
    quiet(&r);
    rig_stop(&r);
}

Test(blast, a_dead_sender_leaves_nothing_behind)
{
    struct rig r;
    struct fake_options o = { .mtu = 256, .detect_delay = SIM_MS, .tx_queue = 3 };
    rig_start(&r, &o, GRAPH, NULL, NULL);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 20 * FRAGMENT), XK_OK);
    for (int i = 0; i < 8; i++)
        fake_step(r.f);
    cr_assert_eq(blast_incomplete(blast(&r, 1)), 1);
    fake_crash(r.f, 0);
    fake_run(r.f, 0);
    cr_assert_eq(blast_incomplete(blast(&r, 1)), 0);
    cr_assert_eq(fake_count(r.f, 1, "blast.given_up"), 1);
    rig_stop(&r);
}

Test(blast, wrong_headers_are_dropped_and_counted)
{
    struct rig r;
    struct fake_options o = { .mtu = 256, .lossy = true };
    rig_start(&r, &o, GRAPH, NULL, NULL);
    uint64_t x = 7;
    for (uint32_t i = 0; i < 20000; i++) {
        uint8_t b[96];
        for (uint32_t j = 0; j < sizeof b; j++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            b[j] = (uint8_t)(x >> 56);
        }
        size_t len = 8 + (x >> 40) % 80;
        /* A right frame header, and a BLAST header of plausible fields two times in three. */
        uint8_t h[8] = { 0, 2, 0, 0, 0, 0, 0, (uint8_t)(len - 8) };
        for (uint32_t j = 0; j < 8; j++)
            b[j] = h[j];
        if (i % 3) {
            b[8] = 0;
            b[9] = (uint8_t)(b[9] % 4);
            b[10] = (uint8_t)(b[10] % 5);
            b[16] = b[17] = 0;
            b[20] = 0;
            b[21] = (uint8_t)(b[21] % 6);
            for (uint32_t j = 24; j < 31; j++)
                b[j] = 0;
            b[31] = (uint8_t)(1 << b[31] % 5);
        }
        fake_inject(r.f, 0, 1, b, len);
    }
    fake_run(r.f, 0);
    cr_assert_gt(fake_count(r.f, 1, "blast.bad"), 1000);
    cr_assert_gt(fake_count(r.f, 1, "blast.given_up"), 0);
    quiet(&r);
    rig_stop(&r);
}
