/* test_vdrop.c: protocols without a header: faults as a layer, and the template protocol that
 * counts them; VIPsize and VIPaddr. */
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

/* XK1: what is refused is as it was (xk_rig.c compares), whatever was to happen to it. */
Test(vdrop, what_is_refused_is_not_touched)
{
    struct rig r;
    uint64_t busy = 0, sent = 0;
    rig_start(&r, &(struct fake_options){ .mtu = 100, .tx_queue = 1 },
              "mesh driver queue=1; v vdrop <mesh corrupt=0.5 delay=0.1 drop=0.1; probe probe <v",
              NULL, NULL);
    for (uint64_t i = 0; i < 200; i++) {
        cr_assert_eq(rig_send_pattern(&r, 0, 1, i, 93), XK_TOO_LONG);
        enum xk_status s = rig_send_pattern(&r, 0, 1, i, 92);
        cr_assert(s == XK_OK || s == XK_BUSY);
        busy += s == XK_BUSY;
        sent += s == XK_OK;
        if (i % 5 == 0)
            fake_run(r.f, 1);
    }
    fake_run(r.f, 0);
    cr_assert_gt(busy, 50);
    cr_assert_eq(fake_count(r.f, 0, "v.pushed"), sent, "each once");
    cr_assert_leq(fake_count(r.f, 0, "v.corrupted"), rig_probe(&r, 1)->got);
    cr_assert_gt(fake_count(r.f, 0, "v.corrupted"), 5);
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

/* ---- VIPsize ---- */

#define BYPASS "mesh driver; blast blast <mesh; vs vipsize <mesh <blast "

/* VIPSIZE1, VIP1: every length goes where a comparison says, and comes as it was. */
Test(vip, every_length_takes_its_path_and_arrives_as_it_was)
{
    static const uint64_t cutoffs[] = { 0, 1, 50, 92 };
    for (size_t c = 0; c < ARRAY_LEN(cutoffs); c++) {
        struct rig r;
        char graph[160];
        uint64_t most = cutoffs[c] ? cutoffs[c] : 100 - 8, fit = 0, n = 0;
        snprintf(graph, sizeof graph, BYPASS "cutoff=%zuB; probe probe <vs", (size_t)cutoffs[c]);
        rig_start(&r, &(struct fake_options){ .mtu = 100 }, graph, NULL, NULL);
        struct probe *p = rig_probe(&r, 1);
        for (uint64_t length = 0; length < 300; length++) {
            cr_assert_eq(rig_send_pattern(&r, 0, 1, length, length), XK_OK);
            fake_run(r.f, 0);
            cr_assert_eq(p->got, ++n);
            cr_assert_eq(rope_hash(&p->last), rig_pattern_hash(length, length));
            fit += length <= most;
        }
        cr_assert_eq(fake_count(r.f, 0, "vs.short_sent"), fit);
        cr_assert_eq(fake_count(r.f, 0, "vs.long_sent"), n - fit);
        cr_assert_eq(fake_count(r.f, 0, "blast.short_sent") + fake_count(r.f, 0, "blast.long_sent"),
                     n - fit);
        cr_assert_eq(p->opened, 1, "VIP3");
        cr_assert_eq(xk_find(r.k[0], "vs")->carries, 64 * (100 - 8 - 24));
        cr_assert_eq(xk_find(r.k[0], "vs")->gives, (XK_NETWORK & ~XK_ORDERED) | XK_LONG);
        cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 64 * (100 - 8 - 24) + 1), XK_TOO_LONG);
        cr_assert(rig_alloc_quiet(&r));
        rig_stop(&r);
    }
}

static void look_at_sides(struct port *port, void *arg)
{
    struct rig *r = arg;
    struct xk_kernel *k = r->k[port_node(port)];
    struct xk_protl *vs = xk_find(k, "vs"), *probe = xk_find(k, "probe");
    enum xk_status why;
    struct xk_sessn *s = xk_open(vs, probe, xk_node(0), &why);
    struct xk_control c = { .op = XK_GET_OPT_PACKET };
    cr_assert(s && s->downs == 2);
    cr_assert_eq(s->down[0]->protl, xk_find(k, "mesh"));
    cr_assert_eq(s->down[1]->protl, xk_find(k, "blast"));
    cr_assert_eq(s->down[0]->upper_state, s);
    cr_assert_eq(s->down[1]->upper_state, s);
    cr_assert_eq(s->down[0]->refs, 1, "it is held once");
    cr_assert_eq(s->down[1]->refs, 1);
    /* What control asks is of the long side. */
    cr_assert_eq(xk_sessn_control(s, &c), XK_OK);
    cr_assert_eq(c.u64, 100 - 8 - 24);
    cr_assert_eq(xk_protl_control(vs, &c), XK_OK);
    cr_assert_eq(c.u64, 100 - 8 - 24);
    xk_close(s);
    c.op = XK_FREE_RESOURCES;
    cr_assert_eq(xk_protl_control(vs, &c), XK_OK);
    cr_assert_eq(c.u64, 1);
}

/* VIP2: what comes on one side opens the other; the answer may take that. */
Test(vip, a_peer_that_starts_on_one_side_is_answered_on_both)
{
    for (uint64_t first = 10; first <= 200; first += 190) {
        struct rig r;
        rig_start(&r, &(struct fake_options){ .mtu = 100 }, BYPASS "; probe probe <vs", NULL, NULL);
        cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, first), XK_OK);
        fake_run(r.f, 0);
        cr_assert_eq(rig_probe(&r, 1)->opened, 1);
        fake_call(r.f, 1, look_at_sides, &r);
        rig_probe(&r, 1)->echo = true;
        cr_assert_eq(rig_send_pattern(&r, 0, 1, 2, 10), XK_OK);
        cr_assert_eq(rig_send_pattern(&r, 0, 1, 3, 200), XK_OK);
        fake_run(r.f, 0);
        cr_assert_eq(rig_probe(&r, 0)->got, 2);
        cr_assert_eq(rig_probe(&r, 0)->opened, 0, "VIP3: the answers come on its own session");
        cr_assert_eq(fake_count(r.f, 1, "vs.short_sent"), 1);
        cr_assert_eq(fake_count(r.f, 1, "vs.long_sent"), 1);
        cr_assert(rig_alloc_quiet(&r));
        rig_stop(&r);
    }
}

/* VIP2: the second side cannot be had: the first is closed again. */
static void open_half(struct port *port, void *arg)
{
    struct rig *r = arg;
    (void)port;
    struct xk_protl *vs = xk_find(r->k[0], "vs"), *probe = xk_find(r->k[0], "probe");
    struct xk_protl *mesh = xk_find(r->k[0], "mesh");
    struct xk_control c = { .op = XK_FREE_RESOURCES };
    enum xk_status why;
    cr_assert_null(xk_open(vs, probe, xk_node(2), &why));
    cr_assert_eq(why, XK_NO_PEER);
    xk_protl_control(vs, &c);
    cr_assert_eq(c.u64, 0, "half a session was kept");
    xk_protl_control(mesh, &c);
    cr_assert_eq(c.u64, 1, "the side that was opened is still held");
}

Test(vip, all_sides_or_none_are_opened)
{
    struct rig r;
    rig_start(&r, &(struct fake_options){ .nodes = 3, .interfaces = 2, .lan_nodes = 2 },
              "mesh driver; lan driver interface=lan; blast blast <lan; "
              "vs vipsize <mesh <blast; probe probe <vs",
              NULL, NULL);
    fake_call(r.f, 0, open_half, &r);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 9000), XK_OK);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 90), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(fake_count(r.f, 0, "mesh.sent"), 1);
    cr_assert_eq(fake_count(r.f, 0, "lan.sent"), 3);
    cr_assert_eq(rig_probe(&r, 1)->got, 2);
    cr_assert_eq(rig_probe(&r, 1)->opened, 1);
    rig_stop(&r);
}

/* XK1: a full side says busy and the message stays; ready comes up when it has room. */
Test(vip, busy_and_ready_pass_through)
{
    struct rig r;
    rig_start(&r, &(struct fake_options){ .tx_queue = 1 },
              "mesh driver queue=2; blast blast <mesh; vs vipsize <mesh <blast; probe probe <vs",
              NULL, NULL);
    struct xk_sessn *s = rig_open(&r, 0, 1);
    for (uint64_t i = 0; i < 3; i++)
        cr_assert_eq(rig_send_pattern(&r, 0, 1, i, 50), XK_OK);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 3, 50), XK_BUSY);
    cr_assert_eq(fake_count(r.f, 0, "vs.short_sent"), 3);
    cr_assert_eq(rig_probe(&r, 0)->ready, 0);
    fake_run(r.f, 0);
    cr_assert_geq(rig_probe(&r, 0)->ready, 1);
    cr_assert_eq(rig_probe(&r, 1)->got, 3);
    rig_close(&r, 0, s);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* Losses, copies, any order, and a peer that dies and comes back: what arrives was sent, and where
 * nothing is lost for good all that is long arrives. */
Test(vip, whatever_happens_what_comes_was_sent)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct rig r;
        struct fake_options o = { .mtu = 256,
                                  .seed = seed,
                                  .order = FAKE_RANDOM,
                                  .lossy = true,
                                  .unordered = seed % 2,
                                  .drop_ppm = 50000,
                                  .duplicate_ppm = 50000,
                                  .delay_ppm = 50000,
                                  .flatten = seed % 3 == 0 };
        rig_start(&r, &o, BYPASS "; probe probe <vs", NULL, NULL);
        uint64_t sent = 0, seen[2] = { 0 };
        for (; sent < 20; sent++) {
            uint64_t length = 100 + 97 * sent;
            cr_assert_eq(rig_send_pattern(&r, 0, 1, sent, length), XK_OK);
            if (sent == 9 && seed % 5 == 0) {
                fake_run(r.f, seed % 17);
                fake_crash(r.f, 1);
                fake_restart(r.f, 1);
            }
            if (sent % 4 == 3)
                fake_run(r.f, 0);
        }
        fake_run(r.f, 0);
        struct probe *p = rig_probe(&r, 1);
        for (uint64_t i = 0; i < p->got; i++) {
            uint64_t which = (p->log[i].length - 100) / 97;
            cr_assert(which < sent && p->log[i].length == 100 + 97 * which);
            cr_assert_eq(p->log[i].hash, rig_pattern_hash(which, p->log[i].length));
            seen[p->log[i].length > 248]++;
        }
        cr_assert(seed % 5 == 0 || seen[1] > 10, "seed %zu: %zu", (size_t)seed, (size_t)seen[1]);
        cr_assert(rig_alloc_quiet(&r));
        rig_stop(&r);
    }
}

/* ---- VIPaddr ---- */

#define NEAR_FAR "mesh driver; lan driver interface=lan; va vipaddr <lan <mesh; probe probe <va"

static void open_none(struct port *port, void *arg)
{
    struct rig *r = arg;
    (void)port;
    enum xk_status why;
    struct xk_parts wrong = xk_node_key(1, 2);
    struct xk_protl *va = xk_find(r->k[0], "va"), *probe = xk_find(r->k[0], "probe");
    struct xk_protl *mesh = xk_find(r->k[0], "mesh");
    struct xk_control c = { .op = XK_GET_OPT_PACKET };
    struct xk_sessn *s = xk_open(va, probe, xk_node(1), &why);
    cr_assert_eq(xk_open(va, probe, xk_node(1), &why), s);
    cr_assert_eq(s->refs, 2);
    cr_assert_eq(s->down[0]->refs, 1, "VIP2: it is held once");
    xk_close(s);
    xk_close(s);
    cr_assert_null(xk_open(va, probe, xk_node(9), &why));
    cr_assert_eq(why, XK_NO_PEER);
    cr_assert_null(xk_open(va, probe, wrong, &why));
    cr_assert_eq(why, XK_NO_PEER);
    cr_assert_null(xk_open(va, mesh, xk_node(1), &why), "it carries the probe");
    cr_assert_eq(why, XK_REFUSED);
    cr_assert_eq(xk_protl_control(va, &c), XK_OK);
    cr_assert_eq(c.u64, 4088);
}

/* VIPADDR1: who is on the local network is reached by it, others by the other path. */
Test(vip, a_session_takes_the_first_path_that_reaches)
{
    struct rig r;
    rig_start(&r, &(struct fake_options){ .nodes = 4, .interfaces = 2, .lan_nodes = 2 }, NEAR_FAR,
              NULL, NULL);
    cr_assert_eq(xk_find(r.k[0], "va")->gives, XK_NETWORK);
    for (uint32_t to = 1; to < 4; to++)
        for (uint64_t i = 0; i < 5; i++)
            cr_assert_eq(rig_send_pattern(&r, 0, to, i, 100 * to), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(fake_count(r.f, 0, "lan.sent"), 5);
    cr_assert_eq(fake_count(r.f, 0, "mesh.sent"), 10);
    cr_assert_eq(fake_count(r.f, 0, "va.first"), 1);
    cr_assert_eq(fake_count(r.f, 0, "va.others"), 2);
    for (uint32_t to = 1; to < 4; to++) {
        struct probe *p = rig_probe(&r, to);
        cr_assert_eq(p->got, 5);
        cr_assert_eq(p->opened, 1);
        for (uint64_t i = 0; i < 5; i++)
            cr_assert_eq(p->log[i].hash, rig_pattern_hash(i, 100 * to), "VIP1, and in order");
        p->echo = true;
    }
    fake_call(r.f, 0, open_none, &r);
    cr_assert_eq(fake_count(r.f, 0, "va.unreached"), 2);
    /* VIP3: answers come on the session that asked; who answers takes the path that it came on. */
    for (uint32_t to = 1; to < 4; to++)
        cr_assert_eq(rig_send_pattern(&r, 0, to, 7, 70), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 0)->got, 3);
    cr_assert_eq(rig_probe(&r, 0)->opened, 0);
    cr_assert_eq(fake_count(r.f, 1, "lan.sent"), 1);
    cr_assert_eq(fake_count(r.f, 2, "mesh.sent"), 1);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* VIPADDR1: what a peer starts by the other path is answered by this node's own, as what this node
 * sends before and after, when no session is kept. */
static void other_choice(const char *graph, uint8_t number)
{
    struct rig r;
    uint8_t hello[] = { 0, number, 0, 1, 0, 0, 0, 2, 'h', 'i' };
    rig_start(&r, &(struct fake_options){ .nodes = 4, .interfaces = 2, .lan_nodes = 2 }, graph,
              NULL, NULL);
    rig_probe(&r, 1)->echo = true;
    for (uint32_t i = 1; i <= 3; i++) {
        cr_assert_eq(rig_send_pattern(&r, 1, 0, i, 10), XK_OK);
        fake_inject(r.f, 0, 1, hello, sizeof hello); /* by the first interface, the mesh */
        fake_run(r.f, 0);
        cr_assert_eq(fake_count(r.f, 1, "mesh.received"), i);
        cr_assert_eq(fake_count(r.f, 1, "lan.sent"), 2 * i);
        cr_assert_eq(fake_count(r.f, 1, "mesh.sent"), 0);
        cr_assert_eq(rig_probe(&r, 0)->got, 2 * i);
    }
    fake_inject(r.f, 2, 1, hello, sizeof hello); /* who is not on the other */
    fake_run(r.f, 0);
    cr_assert_eq(fake_count(r.f, 1, "mesh.sent"), 1);
    cr_assert_eq(fake_count(r.f, 1, "va.orphans"), 0);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

Test(vip, a_peer_that_chooses_otherwise_is_answered_by_the_first_path)
{
    other_choice("mesh driver; lan driver interface=lan; va vipaddr <lan <mesh idle=0; "
                 "probe probe <va",
                 3);
    other_choice("mesh driver; lan driver interface=lan; near vmux <lan; far vmux <mesh; "
                 "va vipaddr <near <far idle=0; probe probe <va",
                 5);
}

/* VIP3: a peer that chooses otherwise is the same peer. */
Test(vip, what_comes_by_the_other_path_goes_up_on_the_one_session)
{
    struct rig r;
    static const uint8_t hello[] = { 0, 3, 0, 1, 0, 0, 0, 2, 'h', 'i' };
    rig_start(&r, &(struct fake_options){ .interfaces = 2 }, NEAR_FAR, NULL, NULL);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 10), XK_OK);
    fake_run(r.f, 0);
    for (int i = 0; i < 2; i++)
        fake_inject(r.f, 0, 1, hello, sizeof hello); /* by the first interface, the mesh */
    fake_run(r.f, 0);
    struct probe *p = rig_probe(&r, 1);
    cr_assert_eq(p->got, 3);
    cr_assert_eq(p->opened, 1);
    cr_assert_eq(fake_count(r.f, 1, "mesh.received"), 2);
    cr_assert_eq(fake_count(r.f, 1, "va.first"), 1);
    cr_assert_eq(fake_count(r.f, 1, "va.others"), 0);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}
