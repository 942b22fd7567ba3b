/* test_driver.c: the driver protocol: delivery, busy interfaces, wrong frames, idle sessions. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "os/proto/driver/driver.h"
#include "tests/os/xk_rig.h"

#define GRAPH "mesh driver; probe probe <mesh"

/* XK3. */
Test(driver, delivers_to_the_peer_and_to_itself_with_every_length)
{
    struct rig r;
    struct fake_options o = { .nodes = 3, .mtu = 256 };
    rig_start(&r, &o, GRAPH, NULL, NULL);
    for (uint64_t len = 0; len <= 248; len++) {
        uint32_t to = (uint32_t)(len % 3);
        cr_assert_eq(rig_send_pattern(&r, 0, to, len, len), XK_OK);
        fake_run(r.f, 0);
        struct probe *p = rig_probe(&r, to);
        struct probe_got *g = &p->log[p->got - 1];
        cr_assert_eq(p->got, len / 3 + 1);
        cr_assert_eq(g->from, 0);
        cr_assert_eq(g->length, len);
        cr_assert_eq(g->hash, rig_pattern_hash(len, len));
    }
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 249), XK_TOO_LONG);
    cr_assert_eq(rig_send_pattern(&r, 0, 3, 1, 1), XK_NO_PEER);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* DRV1, XK1. */
Test(driver, a_busy_interface_queues_then_refuses_then_says_ready)
{
    struct rig r;
    struct fake_options o = { .tx_queue = 2 };
    rig_start(&r, &o, "mesh driver queue=4; probe probe <mesh", NULL, NULL);
    for (uint64_t i = 0; i < 6; i++)
        cr_assert_eq(rig_send_pattern(&r, 0, 1, i, 50), XK_OK);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 6, 50), XK_BUSY);
    cr_assert_eq(rig_probe(&r, 0)->ready, 0);
    fake_run(r.f, 0);
    /* The refused session was closed meanwhile, so it is not told. */
    cr_assert_eq(rig_probe(&r, 0)->ready, 0);
    struct probe *p = rig_probe(&r, 1);
    cr_assert_eq(p->got, 6);
    for (uint64_t i = 0; i < 6; i++)
        cr_assert_eq(p->log[i].hash, rig_pattern_hash(i, 50), "out of order at %zu", (size_t)i);
    cr_assert_eq(fake_count(r.f, 0, "mesh.sent"), 6);
    cr_assert_eq(fake_count(r.f, 0, "mesh.queued"), 4);
    cr_assert_eq(fake_count(r.f, 0, "mesh.refused"), 1);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* DRV2. */
Test(driver, a_session_that_was_refused_is_told_when_there_is_room)
{
    struct rig r;
    struct fake_options o = { .tx_queue = 1 };
    rig_start(&r, &o, "mesh driver queue=2; probe probe <mesh", NULL, NULL);
    rig_open(&r, 0, 1);
    for (uint64_t i = 0; i < 3; i++)
        cr_assert_eq(rig_send_pattern(&r, 0, 1, i, 50), XK_OK);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 9, 50), XK_BUSY);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 0)->ready, 1);
    cr_assert_eq(rig_probe(&r, 1)->got, 3);
    rig_stop(&r);
}

/* Frames of all sorts: none may crash, and each is counted once. */
Test(driver, wrong_frames_are_dropped_and_counted)
{
    struct rig r;
    struct fake_options o = { .nodes = 2 };
    rig_start(&r, &o, GRAPH, NULL, NULL);
    uint64_t x = 99;
    uint8_t b[64];
    for (uint32_t i = 0; i < 20000; i++) {
        for (uint32_t j = 0; j < sizeof b; j++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            b[j] = (uint8_t)(x >> 56);
        }
        if (i % 3 == 0) { /* plausible protocol numbers and lengths */
            b[0] = b[4] = b[5] = b[6] = 0;
            b[1] %= 5;
            b[7] %= 64;
        }
        fake_inject(r.f, 0, 1, b, (x >> 40) % 65);
        fake_run(r.f, 0);
    }
    cr_assert_eq(fake_count(r.f, 1, "mesh.received"), 20000);
    cr_assert_eq(fake_count(r.f, 1, "mesh.bad_length") + fake_count(r.f, 1, "mesh.stale") +
                     fake_count(r.f, 1, "mesh.nobody") + rig_probe(&r, 1)->got,
                 20000);
    cr_assert_gt(fake_count(r.f, 1, "mesh.bad_length"), 0);
    cr_assert_gt(fake_count(r.f, 1, "mesh.nobody"), 0);
    cr_assert_gt(rig_probe(&r, 1)->got, 0);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

Test(driver, idle_sessions_are_bounded)
{
    struct rig r;
    struct fake_options o = { .nodes = 60 };
    rig_start(&r, &o, "mesh driver idle=5; probe probe <mesh", NULL, NULL);
    uint64_t most = 0;
    for (uint32_t to = 1; to < 60; to++) {
        cr_assert_eq(rig_send_pattern(&r, 0, to, to, 10), XK_OK);
        fake_run(r.f, 0);
        if (to == 5)
            most = fake_heap_bytes(r.f, 0);
    }
    cr_assert_leq(fake_heap_bytes(r.f, 0), most);
    rig_stop(&r);
}

static enum xk_status marked;
static void mark(struct port *p, void *arg)
{
    (void)p;
    struct rig *r = arg;
    struct xk_protl *probe = xk_find(r->k[0], "probe");
    enum xk_status why;
    struct xk_sessn *s = xk_open(probe->down[0], probe, xk_node(1), &why);
    struct rope data;
    struct xk_msg m;
    rope_init(&data);
    rope_add_pattern(&data, 7, 0, 7);
    xk_msg_init_rope(&m, &data);
    m.control = true;
    marked = xk_push(s, &m);
    xk_msg_fini(&m);
    xk_close(s);
}

/* PORT_CONTROL: one in its turn among the frames that wait for the interface, and none to an
 * interface that does not take any. */
Test(driver, a_marker_keeps_its_place_or_is_refused)
{
    for (int takes = 0; takes < 2; takes++) {
        struct rig r;
        struct fake_options o = { .tx_queue = 1, .control = takes };
        rig_start(&r, &o, GRAPH, NULL, NULL);
        for (uint64_t i = 0; i < 3; i++)
            cr_assert_eq(rig_send_pattern(&r, 0, 1, i, 50), XK_OK);
        fake_call(r.f, 0, mark, &r);
        cr_assert_eq(marked, takes ? XK_OK : XK_REFUSED);
        cr_assert_eq(rig_send_pattern(&r, 0, 1, 3, 50), XK_OK);
        fake_run(r.f, 0);
        const struct probe *p = rig_probe(&r, 1);
        cr_assert_eq(p->got, takes ? 5 : 4);
        for (uint64_t i = 0; i < p->got; i++)
            cr_assert_eq(p->log[i].length, takes && i == 3 ? 7 : 50);
        cr_assert_eq(fake_counts(r.f)->frames, p->got);
        cr_assert(rig_alloc_quiet(&r));
        rig_stop(&r);
    }
}
