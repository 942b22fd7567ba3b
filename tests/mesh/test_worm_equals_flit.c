/* test_worm_equals_flit.c: two models that share no decision agree to the tick on every packet. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/mesh/oracle.h"

struct tally {
    uint64_t packets, blocked, hops, shared, slot_waits, cases;
};

static void compare(uint64_t number, bool bubbles, struct tally *t)
{
    static struct oracle_case worm, flit;
    oracle_draw(&worm, number, bubbles);
    flit = worm;
    bool good = oracle_run(&net_worm, &worm) && oracle_run(&net_flit, &flit);
    if (!good || oracle_difference(&worm, &flit) != UINT32_MAX) {
        oracle_draw(&worm, number, bubbles);
        oracle_shrink_and_print(&net_worm, &net_flit, &worm);
        cr_assert(false, "case %" PRIu64 ": worm and flit differ", number);
    }
    t->cases++;
    t->hops += worm.counts.header_hops;
    t->shared += worm.counts.shared;
    t->slot_waits += worm.counts.slot_waits;
    for (uint32_t i = 0; i < worm.count; i++) {
        t->packets++;
        t->blocked += worm.packets[i].blocked > 0;
    }
}

static void compare_many(uint64_t from, uint64_t count, bool bubbles)
{
    struct tally t = { 0 };
    const char *more = getenv("MESH_SOAK");
    if (more)
        count = strtoull(more, NULL, 10);
    for (uint64_t i = 0; i < count; i++)
        compare(from + i, bubbles, &t);
    double packets = (double)t.packets, hops = (double)t.hops;
    fprintf(stderr,
            "worm = flit: %" PRIu64 " cases, %" PRIu64 " packets, %.1f %% of them blocked; %.1f %% "
            "of header hops into a shared FIFO, %.1f %% waited for a slot\n",
            t.cases, t.packets, 100 * (double)t.blocked / packets, 100 * (double)t.shared / hops,
            100 * (double)t.slot_waits / hops);
    cr_assert_gt((double)t.blocked, 0.4 * packets, "too little of the traffic is blocked");
    cr_assert_gt((double)t.shared, (bubbles ? 0.05 : 0.1) * hops, "too few packets share a FIFO");
}

Test(worm_equals_flit, every_packet_to_the_tick)
{
    compare_many(0, 10000, false);
}

Test(worm_equals_flit, also_where_flits_do_not_follow_back_to_back)
{
    compare_many(1000000, 2500, true);
}
