/* test_peers.c: lives of other nodes: whoever hears first, all are told once, before what the new
 * life sent goes up. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/proto/driver/driver.h"
#include "os/xk/peers.h"
#include "tests/os/xk_rig.h"

static char log_[256];
static struct rig r;

/* "-1": life 1 has ended, "+2": life 2 has begun, each with what the probe had got by then. */
static void told(void *arg, uint32_t host, uint32_t life, bool alive)
{
    (void)arg;
    cr_assert_eq(host, 0);
    size_t at = strlen(log_);
    snprintf(log_ + at, sizeof log_ - at, "%s%u@%lu ", alive ? "+" : "-", life,
             (unsigned long)rig_probe(&r, 1)->got);
}

static void booted(struct rig *rig, uint32_t node, struct port *p)
{
    (void)p;
    if (node == 1)
        xk_on_peer(rig->k[node], told, NULL);
}

static void start(sim_time detect_delay)
{
    log_[0] = '\0';
    rig_start(&r, &(struct fake_options){ .detect_delay = detect_delay, .unordered = true },
              "mesh driver; probe probe <mesh", booted, NULL);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 10), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 1)->got, 1);
    cr_assert_str_eq(log_, "", "a first life is no news (PEER3)");
    cr_assert_eq(xk_life(r.k[1], 0), 1);
}

static void restart(void)
{
    fake_crash(r.f, 0);
    fake_restart(r.f, 0);
    fake_step(r.f);
}

/* DRV4, PEER1. */
Test(peers, a_frame_of_a_new_life_tells_all_before_it_goes_up)
{
    start(SIM_SEC);
    restart();
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 2, 10), XK_OK);
    fake_run_until(r.f, SIM_MS);
    cr_assert_eq(rig_probe(&r, 1)->got, 2);
    cr_assert_str_eq(log_, "-1@1 +2@1 ");
    fake_run(r.f, 0); /* the detector has nothing to add */
    cr_assert_str_eq(log_, "-1@1 +2@1 ");
    cr_assert(xk_alive(r.k[1], 0) && xk_died(r.k[1], 0));
    rig_stop(&r);
}

Test(peers, the_detector_tells_where_no_frame_does)
{
    start(SIM_MS);
    fake_crash(r.f, 0);
    fake_run(r.f, 0);
    cr_assert_str_eq(log_, "-1@1 ");
    cr_assert_not(xk_alive(r.k[1], 0));
    fake_restart(r.f, 0);
    fake_run(r.f, 0);
    cr_assert_str_eq(log_, "-1@1 +2@1 ");
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 2, 10), XK_OK);
    fake_run(r.f, 0);
    cr_assert_str_eq(log_, "-1@1 +2@1 ");
    cr_assert_eq(rig_probe(&r, 1)->got, 2);
    rig_stop(&r);
}

/* PEER2, FAKE3. */
Test(peers, what_a_life_that_has_ended_sent_is_dropped)
{
    start(SIM_SEC);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 2, 10), XK_OK); /* on its way */
    fake_crash(r.f, 0);
    cr_assert_eq(xk_heard(r.k[1], 0, 2), XK_NEW); /* another header was faster */
    fake_run_until(r.f, SIM_MS);
    cr_assert_eq(rig_probe(&r, 1)->got, 1);
    cr_assert_eq(fake_count(r.f, 1, "mesh.stale"), 1);
    rig_stop(&r);
}

Test(peers, lives_are_known_by_their_low_bits_too)
{
    start(SIM_SEC);
    cr_assert_eq(xk_heard(r.k[1], 0, 0), XK_OLD);
    cr_assert_eq(xk_heard(r.k[1], 99, 1), XK_OLD, "there is no such node");
    cr_assert_eq(xk_heard_low(r.k[1], 0, 0), XK_SAME, "it does not say");
    cr_assert_eq(xk_heard(r.k[1], 0, 0x1fffe), XK_NEW);
    cr_assert_eq(xk_heard_low(r.k[1], 0, 0xfffe), XK_SAME);
    cr_assert_eq(xk_heard_low(r.k[1], 0, 0xfffd), XK_OLD);
    cr_assert_eq(xk_heard_low(r.k[1], 0, 3), XK_NEW);
    cr_assert_eq(xk_life(r.k[1], 0), 0x20003);
    rig_stop(&r);
}

/* A word has a bit less for the life: one that has more is no other. */
Test(peers, a_life_that_nobody_reaches_is_no_news)
{
    start(SIM_SEC);
    cr_assert_eq(xk_heard(r.k[1], 0, UINT32_C(0x80000001)), XK_OLD);
    cr_assert_eq(xk_heard(r.k[1], 0, UINT32_C(0x80000000)), XK_OLD);
    cr_assert_eq(xk_heard(r.k[1], 0, UINT32_MAX), XK_OLD);
    cr_assert_str_eq(log_, "");
    cr_assert_eq(xk_heard(r.k[1], 0, 1), XK_SAME);
    cr_assert_eq(xk_heard(r.k[1], 0, INT32_MAX), XK_NEW);
    cr_assert_eq(xk_life(r.k[1], 0), INT32_MAX);
    rig_stop(&r);
}
