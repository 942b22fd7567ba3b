/* test_worm_equals_flit.c: two models that share no decision agree to the tick on every packet. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/mesh/oracle.h"
#include "tests/sample.h"

struct tally {
    uint64_t packets, blocked, hops, shared, slot_waits, cases, dropped;
};

enum { BUBBLES = 1, FAULTS = 2, ROOMS = 4 };

static void draw(struct oracle_case *c, uint64_t number, unsigned kind)
{
    oracle_draw(c, number, kind & BUBBLES);
    if (kind & FAULTS)
        oracle_draw_faults(c, number);
    if (kind & ROOMS)
        oracle_draw_rooms(c, number);
}

static void compare(uint64_t number, unsigned kind, struct tally *t)
{
    static struct oracle_case worm, flit;
    draw(&worm, number, kind);
    flit = worm;
    bool good = oracle_run(&net_worm, &worm) && oracle_run(&net_flit, &flit);
    if (!good || oracle_difference(&worm, &flit) != UINT32_MAX) {
        draw(&worm, number, kind);
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
        t->dropped += worm.packets[i].dropped;
    }
}

static void print_tally(const struct tally *t, unsigned kind)
{
    double packets = (double)t->packets, hops = (double)t->hops;
    fprintf(stderr,
            "worm = flit%s%s%s: %" PRIu64 " cases, %" PRIu64 " packets, %.1f %% of them blocked; "
            "%.1f %% of header hops into a shared FIFO, %.1f %% waited for a slot; %" PRIu64
            " packets dropped\n",
            kind & BUBBLES ? ", bubbles" : "", kind & FAULTS ? ", faults" : "",
            kind & ROOMS ? ", rooms" : "", t->cases, t->packets, 100 * (double)t->blocked / packets,
            100 * (double)t->shared / hops, 100 * (double)t->slot_waits / hops, t->dropped);
}

#define SOAK_STEP 50000 /* cases between two lines of a long run */

/* MESH_SOAK: so many cases instead, from the case MESH_SOAK_FROM on. */
static void compare_many(uint64_t from, uint64_t count, unsigned kind)
{
    struct tally t = { 0 };
    const char *more = getenv("MESH_SOAK"), *later = getenv("MESH_SOAK_FROM");
    count = sample("MESH_SOAK", count);
    if (later)
        from += strtoull(later, NULL, 10);
    for (uint64_t i = 0; i < count; i++) {
        compare(from + i, kind, &t);
        if (more && (i + 1) % SOAK_STEP == 0)
            print_tally(&t, kind);
    }
    print_tally(&t, kind);
    double packets = (double)t.packets, hops = (double)t.hops;
    cr_assert_gt((double)t.blocked, (kind & FAULTS ? 0.2 : 0.4) * packets,
                 "too little of the traffic is blocked");
    cr_assert_gt((double)t.shared, (kind ? 0.03 : 0.1) * hops, "too few packets share a FIFO");
}

/* NET2, NET3, WORM4, WORM6. */
Test(worm_equals_flit, every_packet_to_the_tick)
{
    compare_many(0, 3000, 0);
}

/* SLOT1. */
Test(worm_equals_flit, also_where_flits_do_not_follow_back_to_back)
{
    compare_many(1000000, 800, BUBBLES);
}

/* NET1, NET4. */
Test(worm_equals_flit, also_when_channels_and_routers_die_and_come_back)
{
    compare_many(2000000, 800, FAULTS);
    compare_many(3000000, 200, BUBBLES | FAULTS);
}

Test(worm_equals_flit, also_when_terminals_have_no_room)
{
    compare_many(4000000, 800, ROOMS);
    compare_many(5000000, 200, ROOMS | BUBBLES | FAULTS);
}
