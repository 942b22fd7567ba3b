/* test_vdrop.c: faults as a layer, and the template protocol that counts them. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "os/proto/template/template.h"
#include "os/proto/vdrop/vdrop.h"
#include "tests/os/xk_rig.h"

static void run(struct rig *r, const char *vdrop, uint64_t messages)
{
    char graph[256];
    snprintf(graph, sizeof graph,
             "mesh driver; vdrop vdrop <mesh %s; t template <vdrop; probe probe <t", vdrop);
    rig_start(r, &(struct fake_options){ .seed = 5 }, graph, NULL, NULL);
    for (uint64_t i = 0; i < messages; i++) {
        cr_assert_eq(rig_send_pattern(r, 0, 1, i, 40), XK_OK);
        fake_run_until(r->f, fake_now(r->f) + SIM_MS);
    }
    fake_run(r->f, 0);
}

Test(vdrop, without_faults_it_is_not_there)
{
    struct rig r;
    run(&r, "", 100);
    cr_assert_eq(rig_probe(&r, 1)->got, 100);
    cr_assert_eq(fake_count(r.f, 1, "t.gaps"), 0);
    cr_assert_eq(xk_find(r.k[0], "t")->gives, XK_NETWORK);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

Test(vdrop, drops_one_in_n_and_those_listed)
{
    struct rig r;
    run(&r, "every=10 list=1,4,55", 100);
    cr_assert_eq(fake_count(r.f, 0, "vdrop.dropped"), 13);
    cr_assert_eq(rig_probe(&r, 1)->got, 87);
    /* The first, the fourth, 55th and every tenth but the hundredth, which nothing follows. */
    cr_assert_eq(fake_count(r.f, 1, "t.gaps"), 3 + 9);
    cr_assert_eq(xk_find(r.k[0], "t")->gives, XK_NETWORK & ~XK_LOSSLESS);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

Test(vdrop, draws_come_near_their_probabilities_and_repeat_with_the_seed)
{
    struct rig r;
    run(&r, "drop=0.25", 400);
    uint64_t dropped = fake_count(r.f, 0, "vdrop.dropped");
    cr_assert_eq(rig_probe(&r, 1)->got + dropped, 400);
    /* 100 expected, deviation sqrt(400 x 0.25 x 0.75) = 8.7. */
    cr_assert(dropped > 65 && dropped < 135, "%zu", (size_t)dropped);
    rig_stop(&r);
    run(&r, "drop=0.25", 400);
    cr_assert_eq(fake_count(r.f, 0, "vdrop.dropped"), dropped);
    rig_stop(&r);
}

Test(vdrop, doubles_delays_and_damages)
{
    struct rig r;
    run(&r, "duplicate=1", 20);
    cr_assert_eq(rig_probe(&r, 1)->got, 40);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
    run(&r, "delay=0.5 delay_max=20ms", 200);
    cr_assert_eq(rig_probe(&r, 1)->got, 200);
    cr_assert_gt(fake_count(r.f, 1, "t.gaps"), 20);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
    run(&r, "corrupt=1", 1);
    cr_assert_eq(fake_count(r.f, 0, "vdrop.corrupted"), 1);
    struct probe *p = rig_probe(&r, 1);
    cr_assert(p->got == 0 || fake_count(r.f, 1, "t.gaps") == 1 ||
              p->log[0].hash != rig_pattern_hash(0, 40));
    rig_stop(&r);
}

Test(vdrop, blast_recovers_from_it)
{
    struct rig r;
    uint64_t sent = 0;
    rig_start(&r, &(struct fake_options){ .mtu = 256 },
              "mesh driver; vdrop vdrop <mesh drop=0.1 duplicate=0.1 delay=0.1 delay_max=1ms; "
              "blast blast <vdrop eager_nack=true; probe probe <blast",
              NULL, NULL);
    for (; sent < 50; sent++) {
        cr_assert_eq(rig_send_pattern(&r, 0, 1, sent, 2000), XK_OK);
        fake_run(r.f, 0);
    }
    struct probe *p = rig_probe(&r, 1);
    cr_assert_gt(fake_count(r.f, 0, "vdrop.dropped"), 20);
    cr_assert_gt(p->got, 40);
    cr_assert_leq(p->got, 50);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

Test(template, refuses_what_is_too_long_and_drops_what_is_too_short)
{
    struct rig r;
    rig_start(&r, &(struct fake_options){ .mtu = 100 },
              "mesh driver; t template <mesh; probe probe <t", NULL, NULL);
    uint64_t most = xk_find(r.k[0], "t")->carries;
    cr_assert_eq(most, 100 - 8 - 8);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, most), XK_OK);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, most + 1), XK_TOO_LONG);
    static const uint8_t cut[] = { 0, 2, 0, 0, 0, 0, 0, 3, 1, 2, 3 };
    enum xk_status why;
    struct xk_sessn *s[2]; /* TPL1 */
    for (int i = 0; i < 2; i++)
        s[i] = xk_open(xk_find(r.k[0], "t"), xk_find(r.k[0], "probe"), xk_node(1), &why);
    cr_assert(s[0] && s[0] == s[1]);
    xk_close(s[0]);
    xk_close(s[1]);
    fake_inject(r.f, 0, 1, cut, sizeof cut);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 1)->got, 1);
    cr_assert_eq(fake_count(r.f, 1, "t.bad"), 1);
    rig_stop(&r);
}
