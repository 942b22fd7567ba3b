/* test_rdm.c: RDM: what is delivered is a front part of what was sent, whatever the path does. */
#include <criterion/criterion.h>

#include "os/proto/rdm/rdm.h"
#include "tests/os/rdm_cases.h"

#define GRAPH "mesh driver queue=4; r rdm <mesh queue=2000B window=1000B idle=0; probe probe <r"

static const struct rdm_counts *counts(struct rig *r, uint32_t node)
{
    return rdm_counts(xk_find(r->k[node], "r"));
}

Test(rdm, nothing_goes_again_because_its_link_is_slow)
{
    rdm_cases_slow_link(GRAPH, "r.resent");
}

/* RDM1, RDMO1, RDMI1, RDMI2. */
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
        numbered_both_ways(&r, 60, NULL, NULL);
        for (uint32_t node = 0; node < 2; node++) {
            numbered_all_came(&r, node, 60);
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
    numbered_both_ways(&r, 60, NULL, NULL);
    uint64_t pieces = 0;
    for (uint32_t node = 0; node < 2; node++) {
        numbered_all_came(&r, node, 60);
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
            cr_assert(numbered_send(&r, 0, 1, i));
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
            cr_assert(numbered_send(&r, 0, 1, i));
        fake_run(r.f, 0);
        const struct probe *p = rig_probe(&r, 1);
        cr_assert_eq(p->got, dies ? 3 : 8);
        for (uint64_t i = 0; i < p->got; i++)
            cr_assert(numbered_is(&p->log[i], 9 - p->got + i));
        rig_stop(&r);
    }
}

Test(rdm, every_order_with_a_loss_or_a_copy_delivers_the_same, .timeout = 60)
{
    rdm_cases_orders(GRAPH);
}

/* RDM2, RDMO3. */
Test(rdm, a_crash_and_a_quick_return_of_either_node_mix_nothing, .timeout = 60)
{
    rdm_cases_crashes(GRAPH, 300);
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
