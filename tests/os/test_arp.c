/* test_arp.c: ETH and ARP: frames on the wire, stations learned, hosts that do not answer, every
 * order of what is lost, doubled and late, frames of all sorts.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "os/proto/eth/eth.h"
#include "os/proto/ip/ip.h"
#include "os/xk/inet.h"
#include "tests/os/xk_rig.h"

#define GRAPH "eth eth; arp arp <eth retry=1ms tries=3 down=20ms age=1s; probe probe <arp"

static bool is_message(const struct probe_got *g, uint64_t seed, uint64_t len)
{
    return g->length == len && g->hash == rig_pattern_hash(seed, len);
}

/* ---- on the wire ---- */

static struct rig_seen seen;

/* FRAME1: octet by octet, from [RFC 826, 894]. */
Test(arp, asks_all_is_answered_by_one_and_then_sends_what_waited)
{
    static const uint8_t request[42] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,  0, 0, 0, 0, 0, 8, 6,              /* Ethernet */
        0,    1,    8,    0,    6,    4,    0,  1, 2, 0, 0, 0, 0, 0, 10, 1, 0, 1, /* who asks */
        0,    0,    0,    0,    0,    0,    10, 1, 0, 2,                          /* for whom */
    };
    static const uint8_t reply[42] = {
        2, 0, 0, 0, 0, 0, 2,  0, 0, 0, 0, 1, 8, 6,              /* Ethernet */
        0, 1, 8, 0, 6, 4, 0,  2, 2, 0, 0, 0, 0, 1, 10, 1, 0, 2, /* who answers */
        2, 0, 0, 0, 0, 0, 10, 1, 0, 1,                          /* whom */
    };
    static const uint8_t data[16] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0x88, 0xb5, 0, 3 };
    struct rig r;
    struct fake_options o = { .nodes = 2, .broadcast = true };
    rig_start(&r, &o, GRAPH, NULL, NULL);
    memset(&seen, 0, sizeof seen);
    fake_on_frame(r.f, rig_see, &seen);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 5, 100), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(seen.count, 3);
    cr_assert_eq(seen.length[0], 42);
    cr_assert_eq(memcmp(seen.bytes[0], request, 42), 0, "FRAME1");
    cr_assert_eq(seen.length[1], 42);
    cr_assert_eq(memcmp(seen.bytes[1], reply, 42), 0);
    cr_assert_eq(seen.length[2], 116);
    cr_assert_eq(memcmp(seen.bytes[2], data, 16), 0);
    cr_assert_eq(rig_probe(&r, 1)->got, 1);
    cr_assert(is_message(&rig_probe(&r, 1)->log[0], 5, 100));
    cr_assert_eq(rig_probe(&r, 1)->log[0].from, 0);
    /* The other has learned who asked: nothing more is asked. */
    cr_assert_eq(rig_send_pattern(&r, 1, 0, 6, 0), XK_OK);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 7, 4080), XK_OK);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 7, 4081), XK_TOO_LONG);
    fake_run(r.f, 0);
    cr_assert_eq(seen.count, 5);
    cr_assert(is_message(&rig_probe(&r, 0)->log[0], 6, 0));
    cr_assert(is_message(&rig_probe(&r, 1)->log[1], 7, 4080));
    cr_assert_eq(fake_counts(r.f)->station_asks, 0, "stations are learned over the wire alone");
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* ---- who does not answer ---- */

static bool lose_replies(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    (void)arg, (void)dst, (void)frame;
    return src == 0;
}

/* ARP1, ARP2. */
Test(arp, a_host_that_does_not_answer_is_told_and_asked_again_later)
{
    struct rig r;
    struct fake_options o = { .nodes = 3, .broadcast = true };
    rig_start(&r, &o, GRAPH " ", NULL, NULL);
    struct probe *p = rig_probe(&r, 0);
    fake_on_frame(r.f, lose_replies, NULL);
    for (uint64_t i = 0; i < 3; i++)
        cr_assert_eq(rig_send_pattern(&r, 0, 1, i, 10), XK_OK);
    fake_run_until(r.f, 2 * SIM_MS + SIM_MS / 2);
    cr_assert_eq(p->failed, 0);
    fake_run_until(r.f, 3 * SIM_MS + SIM_MS / 2);
    cr_assert_eq(p->failed, 1, "ARP2: once a session");
    cr_assert_eq(p->why, XK_UNREACHABLE);
    cr_assert_eq(fake_count(r.f, 0, "arp.requests"), 3);
    cr_assert_eq(fake_count(r.f, 0, "arp.unresolved"), 3);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 8, 10), XK_UNREACHABLE);
    fake_on_frame(r.f, NULL, NULL);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 8, 10), XK_UNREACHABLE);
    cr_assert_eq(rig_send_pattern(&r, 0, 2, 9, 10), XK_OK, "others are not meant");
    fake_run_until(r.f, 24 * SIM_MS);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 8, 10), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 1)->got, 1);
    cr_assert(is_message(&rig_probe(&r, 1)->log[0], 8, 10));
    cr_assert_eq(rig_probe(&r, 2)->got, 1);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* ARP1. */
Test(arp, of_what_waits_the_latest_is_kept)
{
    struct rig r;
    struct fake_options o = { .nodes = 2, .broadcast = true };
    rig_start(&r, &o, "eth eth; arp arp <eth queue=3; probe probe <arp", NULL, NULL);
    for (uint64_t i = 0; i < 7; i++)
        cr_assert_eq(rig_send_pattern(&r, 0, 1, i, 10), XK_OK);
    fake_run(r.f, 0);
    struct probe *p = rig_probe(&r, 1);
    cr_assert_eq(p->got, 3);
    for (uint64_t i = 0; i < 3; i++)
        cr_assert(is_message(&p->log[i], 4 + i, 10), "ARP1: the latest, in order");
    cr_assert_eq(fake_count(r.f, 0, "arp.kept"), 7);
    cr_assert_eq(fake_count(r.f, 0, "arp.overflow"), 4);
    cr_assert_eq(fake_count(r.f, 0, "arp.requests"), 1, "one request for all of them");
    rig_stop(&r);
}

/* ARP4. */
Test(arp, an_entry_that_is_old_is_asked_for_anew)
{
    struct rig r;
    struct fake_options o = { .nodes = 2, .broadcast = true };
    rig_start(&r, &o, GRAPH, NULL, NULL);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 10), XK_OK);
    fake_run_until(r.f, SIM_SEC);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 2, 10), XK_OK);
    cr_assert_eq(fake_count(r.f, 0, "arp.requests"), 1, "ARP4: not yet");
    fake_run_until(r.f, SIM_SEC + SIM_MS);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 3, 10), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(fake_count(r.f, 0, "arp.requests"), 2);
    cr_assert_eq(rig_probe(&r, 1)->got, 3);
    rig_stop(&r);
}

/* A node that comes back knows nobody; who knows it goes on, and makes itself known. */
Test(arp, a_node_that_comes_back_asks_who_it_is_that_sends)
{
    struct rig r;
    struct fake_options o = { .nodes = 2, .broadcast = true };
    rig_start(&r, &o, GRAPH, NULL, NULL);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 10), XK_OK);
    fake_run(r.f, 0);
    fake_crash(r.f, 1);
    fake_restart(r.f, 1);
    fake_run(r.f, 0);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 2, 10), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 1)->got, 0, "ARP5: from whom it is, is not known yet");
    cr_assert_eq(fake_count(r.f, 1, "arp.unknown"), 1);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 3, 10), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 1)->got, 1);
    cr_assert_eq(rig_probe(&r, 1)->log[0].from, 0);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* ---- no broadcast ---- */

Test(arp, where_nobody_hears_all_one_station_is_asked)
{
    struct rig r;
    struct fake_options o = { .nodes = 4 };
    rig_start(&r, &o, "eth eth; arp arp <eth server=2 retry=1ms tries=2; probe probe <arp", NULL,
              NULL);
    fake_run(r.f, 0);
    cr_assert_eq(fake_count(r.f, 2, "arp.requests_in"), 3, "all make themselves known");
    cr_assert_eq(rig_send_pattern(&r, 0, 3, 1, 50), XK_OK);
    cr_assert_eq(rig_send_pattern(&r, 2, 1, 2, 50), XK_OK);
    cr_assert_eq(rig_send_pattern(&r, 1, 2, 3, 50), XK_OK);
    fake_run(r.f, 0);
    cr_assert(is_message(&rig_probe(&r, 3)->log[0], 1, 50));
    cr_assert(is_message(&rig_probe(&r, 1)->log[0], 2, 50));
    cr_assert(is_message(&rig_probe(&r, 2)->log[0], 3, 50));
    cr_assert_eq(fake_count(r.f, 2, "arp.requests"), 0);
    cr_assert_eq(fake_count(r.f, 2, "arp.passed"), 1);
    cr_assert_eq(fake_count(r.f, 2, "arp.replies"), 3);
    cr_assert_eq(fake_count(r.f, 3, "arp.replies"), 1);
    cr_assert_eq(fake_counts(r.f)->station_asks, 0);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

Test(arp, the_server_remembers_all_hosts_however_few_others_do)
{
    struct rig r;
    struct fake_options o = { .nodes = 60 };
    rig_start(&r, &o, "eth eth; arp arp <eth server=7 entries=4; probe probe <arp", NULL, NULL);
    fake_run(r.f, 0);
    for (uint32_t i = 0; i < 60; i++) {
        cr_assert_eq(rig_send_pattern(&r, i, (i + 30) % 60, i, 50), XK_OK);
        fake_run(r.f, 0);
        cr_assert_eq(rig_probe(&r, (i + 30) % 60)->got, 1, "from %u", i);
    }
    rig_stop(&r);
}

/* ---- others with the same address ---- */

Test(arp, another_with_this_address_is_remarked_and_not_believed)
{
    static const uint8_t lie[42] = {
        2, 0, 0, 0, 0, 0, 2,  0, 0, 0, 0, 2, 8, 6,              /* Ethernet */
        0, 1, 8, 0, 6, 4, 0,  1, 2, 0, 0, 0, 0, 2, 10, 1, 0, 1, /* it says it is 10.1.0.1 */
        0, 0, 0, 0, 0, 0, 10, 1, 0, 1,
    };
    struct rig r;
    struct fake_options o = { .nodes = 3, .broadcast = true };
    rig_start(&r, &o, GRAPH, NULL, NULL);
    fake_inject(r.f, 2, 0, lie, sizeof lie);
    fake_run(r.f, 0);
    cr_assert_eq(fake_count(r.f, 0, "arp.conflicts"), 1);
    cr_assert_eq(fake_counts(r.f)->remarks, 1);
    cr_assert_eq(fake_count(r.f, 0, "arp.replies"), 1, "who asks is told who has it");
    cr_assert_eq(rig_send_pattern(&r, 0, 0, 1, 10), XK_OK, "to itself, as ever");
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 0)->got, 1);
    rig_stop(&r);
}

/* ARP3: the newer is believed. */
Test(arp, a_host_that_moves_to_another_station_is_followed)
{
    static const uint8_t moved[42] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,  0, 0, 0, 0, 2, 8, 6,              /* Ethernet */
        0,    1,    8,    0,    6,    4,    0,  1, 2, 0, 0, 0, 0, 2, 10, 1, 0, 2, /* 10.1.0.2 */
        0,    0,    0,    0,    0,    0,    10, 1, 0, 2,
    };
    struct rig r;
    struct fake_options o = { .nodes = 3, .broadcast = true };
    rig_start(&r, &o, GRAPH, NULL, NULL);
    rig_open(&r, 0, 1);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 10), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 1)->got, 1);
    fake_inject(r.f, 2, 0, moved, sizeof moved);
    fake_run(r.f, 0);
    memset(&seen, 0, sizeof seen);
    fake_on_frame(r.f, rig_see, &seen);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 2, 10), XK_OK);
    cr_assert_eq(seen.bytes[0][5], 2, "ARP3: to the new station");
    /* Who was not asked for, and asks for another, is not learned. */
    cr_assert_eq(fake_count(r.f, 0, "arp.requests"), 1);
    rig_stop(&r);
}

/* ---- every order ---- */

static void send_three(struct rig *r)
{
    cr_assert_eq(rig_send_pattern(r, 0, 1, 1, 10), XK_OK);
    cr_assert_eq(rig_send_pattern(r, 1, 0, 2, 11), XK_OK);
    cr_assert_eq(rig_send_pattern(r, 0, 1, 3, 12), XK_OK);
}

/* What comes was sent, and comes at most as often as its copies; what was lost is told or is one of
 * the frames lost. */
static bool told_or_came(struct rig *r)
{
    struct fake *f = r->f;
    const struct probe *a = rig_probe(r, 0), *b = rig_probe(r, 1);
    for (uint64_t i = 0; i < b->got; i++)
        if (!is_message(&b->log[i], 1, 10) && !is_message(&b->log[i], 3, 12))
            return false;
    for (uint64_t i = 0; i < a->got; i++)
        if (!is_message(&a->log[i], 2, 11))
            return false;
    const struct fake_counts *c = fake_counts(f);
    uint64_t told = fake_count(f, 0, "arp.unresolved") + fake_count(f, 1, "arp.unresolved") +
                    fake_count(f, 0, "arp.unknown") + fake_count(f, 1, "arp.unknown");
    return a->got + b->got + told + c->dropped >= 3 && a->got + b->got <= 3 + c->duplicated &&
           rig_alloc_quiet(r);
}

static void explore(uint32_t drops, uint32_t copies, bool timers)
{
    const struct fake_options o = { .lossy = true,
                                    .unordered = true,
                                    .broadcast = true,
                                    .explore_drops = drops,
                                    .explore_copies = copies,
                                    .explore_timers = timers };
    rig_explore(&o, "eth eth; arp arp <eth retry=1ms tries=2 down=5ms; probe probe <arp",
                send_three, told_or_came);
}

Test(arp, every_order_of_frames_lost)
{
    explore(2, 0, false);
}

Test(arp, every_order_of_frames_doubled)
{
    explore(0, 2, false);
}

Test(arp, every_order_of_frames_and_requests_repeated)
{
    explore(1, 0, true);
}

/* ---- frames of all sorts ---- */

static uint64_t draw(uint64_t *x)
{
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return *x >> 33;
}

/* FRAME2: none may crash, and each is counted once. */
Test(arp, wrong_frames_are_dropped_by_cause)
{
    static const uint8_t good[42] = {
        2, 0, 0, 0, 0, 1, 2, 0,  0, 0, 0, 0, 8, 6, 0, 1, 8, 0,  6, 4, 0,
        1, 2, 0, 0, 0, 0, 0, 10, 1, 0, 1, 0, 0, 0, 0, 0, 0, 10, 1, 0, 2,
    };
    struct rig r;
    struct fake_options o = { .nodes = 2, .broadcast = true };
    rig_start(&r, &o, GRAPH, NULL, NULL);
    uint64_t x = 7, rest = 0;
    uint8_t others[42];
    memcpy(others, good, sizeof others);
    others[5] = 9; /* another station */
    fake_inject(r.f, 0, 1, others, sizeof others);
    fake_run(r.f, 0);
    cr_assert_eq(fake_count(r.f, 1, "eth.other"), 1);
    cr_assert_eq(fake_count(r.f, 1, "arp.requests_in"), 0);
    for (uint32_t i = 0; i < 20000; i++) {
        uint8_t b[64] = { 0 };
        memcpy(b, good, sizeof good);
        if (i % 3 == 0) { /* for the probe */
            b[12] = 0x88, b[13] = 0xb5, b[14] = 0;
            b[15] = (uint8_t)(draw(&x) % 5);
        }
        for (uint64_t k = draw(&x) % 4; k > 0; k--)
            b[draw(&x) % 42] ^= (uint8_t)(1u << draw(&x) % 8);
        fake_inject(r.f, 0, 1, b, draw(&x) % 3 ? 42 : draw(&x) % 65);
        fake_run(r.f, 0);
    }
    uint64_t in = fake_count(r.f, 1, "eth.received");
    rest = fake_count(r.f, 1, "eth.bad") + fake_count(r.f, 1, "eth.other") +
           fake_count(r.f, 1, "eth.nobody") + fake_count(r.f, 1, "arp.bad") +
           fake_count(r.f, 1, "arp.requests_in") + fake_count(r.f, 1, "arp.replies_in") +
           fake_count(r.f, 1, "arp.unknown") + fake_count(r.f, 1, "arp.nobody") +
           rig_probe(&r, 1)->got;
    cr_assert_geq(in, 20001);
    cr_assert_eq(rest, in, "FRAME2: %zu of %zu", (size_t)rest, (size_t)in);
    cr_assert_gt(fake_count(r.f, 1, "eth.bad"), 100);
    cr_assert_gt(fake_count(r.f, 1, "eth.other"), 100);
    cr_assert_gt(fake_count(r.f, 1, "eth.nobody"), 100);
    cr_assert_gt(fake_count(r.f, 1, "arp.bad"), 100);
    cr_assert_gt(rig_probe(&r, 1)->got, 100);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* ---- types ---- */

/* Which of them the instance takes of an upper: opened, enabled, disabled. */
static void types_taken(struct xk_protl *of, struct xk_parts peer, const uint64_t type[3],
                        const bool taken[3])
{
    struct xk_protl *probe = xk_find(of->kernel, "probe");
    enum xk_status why;
    for (uint32_t i = 0; i < 3; i++) {
        struct xk_parts to = peer, local = xk_any();
        xk_part_push(&to, XK_PART_TYPE, type[i]);
        xk_part_push(&local, XK_PART_TYPE, type[i]);
        struct xk_sessn *s = xk_open(of, probe, to, &why);
        cr_assert_eq(why, taken[i] ? XK_OK : XK_REFUSED, "%s: type %u", of->instance, i);
        if (s)
            xk_close(s);
        cr_assert_eq(xk_open_enable(of, probe, local) == XK_OK, taken[i]);
        cr_assert_eq(xk_open_disable(of, probe, local) == XK_OK, taken[i]);
        xk_part_push(&local, XK_PART_TYPE, type[i]);
        cr_assert_eq(xk_open_enable(of, probe, local), XK_REFUSED, "PART1");
        cr_assert_eq(xk_open_disable(of, probe, local), XK_REFUSED, "PART1");
    }
}

static void try_types(struct port *p, void *arg)
{
    (void)p;
    struct rig *r = arg;
    struct xk_protl *ip = xk_find(r->k[0], "ip"), *arp = ip->down[0], *eth = arp->down[0];
    struct xk_parts station = { 1, { XK_PART_STATION }, { 1 } };
    types_taken(eth, station, (const uint64_t[]){ 0xffff, 0x10000, ETH_TYPE_LOCAL },
                (const bool[]){ true, false, false });
    types_taken(arp, xk_node(1), (const uint64_t[]){ 0xffff, 0x10000, ETH_TYPE_ARP },
                (const bool[]){ true, false, false });
    types_taken(ip, xk_node(1), (const uint64_t[]){ 255, 256, IP_TYPE_LOCAL },
                (const bool[]){ true, false, false });
}

Test(arp, a_type_that_no_upper_may_have_is_refused_at_each_layer)
{
    struct rig r;
    struct fake_options o = { .broadcast = true };
    rig_start(&r, &o, "eth eth; arp arp <eth; ip ip <arp; probe probe <ip", NULL, NULL);
    fake_call(r.f, 0, try_types, &r);
    fake_run(r.f, 0);
    rig_stop(&r);
}

/* ---- busy ---- */

Test(arp, a_session_that_was_refused_is_told_when_there_is_room)
{
    struct rig r;
    struct fake_options o = { .tx_queue = 1, .broadcast = true };
    rig_start(&r, &o, "eth eth queue=2; arp arp <eth; probe probe <arp", NULL, NULL);
    rig_open(&r, 0, 1);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 9, 50), XK_OK);
    fake_run(r.f, 0);
    for (uint64_t i = 0; i < 3; i++)
        cr_assert_eq(rig_send_pattern(&r, 0, 1, i, 50), XK_OK);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 9, 50), XK_BUSY);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 0)->ready, 1);
    cr_assert_eq(rig_probe(&r, 1)->got, 4);
    rig_stop(&r);
}

/* ---- memory ---- */

Test(arp, what_is_remembered_of_hosts_is_bounded)
{
    struct rig r;
    struct fake_options o = { .nodes = 60, .broadcast = true };
    rig_start(&r, &o, "eth eth idle=3; arp arp <eth idle=4 entries=8; probe probe <arp", NULL,
              NULL);
    uint64_t most = 0;
    for (uint32_t to = 1; to < 60; to++) {
        cr_assert_eq(rig_send_pattern(&r, 0, to, to, 10), XK_OK);
        fake_run(r.f, 0);
        if (to == 20)
            most = fake_heap_bytes(r.f, 0);
        cr_assert_eq(rig_probe(&r, to)->got, 1);
    }
    cr_assert_leq(fake_heap_bytes(r.f, 0), most);
    rig_stop(&r);
}

/* ---- addresses in words ---- */

Test(arp, addresses_are_read_and_written)
{
    static const struct {
        const char *text;
        bool good;
        uint32_t address;
    } cases[] = {
        { "10.1.0.9", true, 0x0a010009 },
        { "255.255.255.255", true, UINT32_MAX },
        { "0.0.0.0", true, 0 },
        { "100.20.3.199", true, 0x641403c7 },
        { "10.1.0", false, 0 },
        { "10.1.0.256", false, 0 },
        { "10.1.0.9 ", false, 0 },
        { "10.1.0.9.1", false, 0 },
        { "10..0.9", false, 0 },
        { "", false, 0 },
        { "10.1.0.99999999999", false, 0 },
        { "a.b.c.d", false, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint32_t a = 0;
        char text[INET_TEXT];
        cr_assert_eq(inet_parse(cases[i].text, &a), cases[i].good, "%s", cases[i].text);
        if (cases[i].good) {
            cr_assert_eq(a, cases[i].address);
            cr_assert_str_eq(inet_text(a, text), cases[i].text);
        }
    }
    struct inet_network n;
    cr_assert(inet_network_parse("10.1.0.0/16", &n));
    cr_assert(n.base == 0x0a010000 && n.mask == 0xffff0000);
    cr_assert(inet_network_parse("0.0.0.0/0", &n) && n.mask == 0);
    cr_assert(inet_network_parse("10.1.2.3/32", &n) && n.mask == UINT32_MAX);
    cr_assert(!inet_network_parse("10.1.0.1/16", &n), "bits behind the prefix");
    cr_assert(!inet_network_parse("10.1.0.0/33", &n));
    cr_assert(!inet_network_parse("10.1.0.0", &n));
    cr_assert(!inet_network_parse("10.1.0.0/", &n));
}

/* Against the sum word by word [RFC 1071, section 1], over headers and data of every length. */
Test(arp, the_checksum_is_that_of_the_words)
{
    uint64_t x = 3;
    uint8_t bytes[2100];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(draw(&x) % 7 ? draw(&x) : 0xff);
    for (size_t len = 0; len < sizeof bytes; len += len < 80 ? 1 : 97) {
        for (size_t front = 0; front <= len && front <= 100; front += 13) {
            uint64_t sum = 0;
            for (size_t i = 0; i < len; i++)
                sum += i % 2 ? bytes[i] : (uint64_t)bytes[i] << 8;
            while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
            struct rope data;
            struct xk_msg m;
            rope_init(&data);
            rope_add_bytes(&data, bytes + front, len - front);
            xk_msg_init_rope(&m, &data);
            if (front)
                memcpy(xk_msg_push(&m, front), bytes, front);
            cr_assert_eq(inet_sum_msg(0, &m), sum, "%zu bytes, %zu of them headers", len, front);
            cr_assert_eq(inet_sum(0, bytes, len), sum);
            xk_msg_fini(&m);
        }
    }
}

/* ---- what a graph may say ---- */

struct host {
    int64_t node;
    const char *address;
};

static int64_t expect_nodes; /* nodes 0 to that less one; 0: all */

static void expect_refused(const char *graph, const struct host *hosts, size_t count,
                           const char *sentence)
{
    struct err e = ERR_INIT;
    struct val *v = rig_val(graph), *list = val_new(VAL_LIST, "graph", 1);
    for (size_t i = 0; i < count; i++) {
        struct val *h = val_new(VAL_TABLE, "graph", 1);
        val_put(h, "node", val_new_int(hosts[i].node, "graph", 1));
        val_put(h, "address", val_new_string(hosts[i].address, "graph", 1));
        val_append(list, h);
    }
    if (count)
        val_put(v->items[1], "hosts", list);
    else
        val_free(list);
    if (expect_nodes) {
        struct val *nodes = val_new(VAL_LIST, "graph", 1), *range = val_new(VAL_TABLE, "graph", 1);
        val_put(range, "first", val_new_int(0, "graph", 1));
        val_put(range, "last", val_new_int(expect_nodes - 1, "graph", 1));
        val_append(nodes, range);
        val_put(v->items[1], "nodes", nodes);
    }
    struct xk_graph *g = xk_graph_load(v, rig_protocols(), "graph", rig_networks, 2, &e);
    cr_assert_eq(g == NULL, sentence != NULL, "%s", e.text);
    if (sentence)
        cr_assert(strstr(e.text, sentence), "%s", e.text);
    xk_graph_free(g);
    val_free(v);
}

Test(arp, what_makes_no_sense_is_refused_when_the_graph_is_read)
{
    static const struct host twice[] = { { 5, "10.1.0.200" }, { 6, "10.1.0.200" } },
                             plain[] = { { 5, "10.1.0.8" } }, outside[] = { { 5, "10.2.0.8" } },
                             all[] = { { 5, "10.1.255.255" } },
                             swapped[] = { { 5, "10.1.0.8" }, { 7, "10.1.0.6" } },
                             none[] = { { 7, "" }, { 5, "10.1.0.8" } };
    expect_refused("d driver; arp arp <d", NULL, 0,
                   "protocol 'arp' stands on an instance of 'eth', and 'd' is none");
    expect_refused("eth eth; arp arp <eth address=10.1.0.1/16", NULL, 0,
                   "'10.1.0.1/16' is no network");
    expect_refused("eth eth; arp arp <eth address=10.1.0.0/31", NULL, 0, "is no network");
    expect_refused("eth eth; arp arp <eth", twice, 2, "node 5 has 10.1.0.200 already");
    expect_refused("eth eth; arp arp <eth", plain, 1, NULL);
    expect_refused("eth eth; arp arp <eth", outside, 1, "'10.2.0.8' is no address of a host of");
    expect_refused("eth eth; arp arp <eth", all, 1, "is no address of a host of");
    expect_nodes = 8;
    expect_refused("eth eth; arp arp <eth", plain, 1,
                   "node 7 has 10.1.0.8, for it is the address number 8");
    expect_refused("eth eth; arp arp <eth", swapped, 2, NULL);
    expect_refused("eth eth; arp arp <eth", none, 2, NULL);
}

Test(arp, a_node_whose_address_another_has_says_so)
{
    struct rig r;
    struct err e = ERR_INIT;
    struct val *v = rig_val(GRAPH), *list = val_new(VAL_LIST, "graph", 1),
               *h = val_new(VAL_TABLE, "graph", 1);
    val_put(h, "node", val_new_int(0, "graph", 1));
    val_put(h, "address", val_new_string("10.1.0.3", "graph", 1));
    val_append(list, h);
    val_put(v->items[1], "hosts", list);
    struct xk_graph *g = xk_graph_load(v, rig_protocols(), "graph", rig_networks, 2, &e);
    cr_assert_not_null(g, "%s", e.text);
    struct fake_options o = { .nodes = 3, .broadcast = true };
    rig_boot_all(&r, fake_create(&o), g, 3, NULL, NULL);
    cr_assert_eq(fake_counts(r.f)->failures, 1);
    cr_assert_str_eq(fake_last_failure(r.f),
                     "arp: node 2 and node 0, of hosts, have one address: 10.1.0.3");
    cr_assert_eq(rig_send_pattern(&r, 1, 2, 1, 10), XK_NO_PEER);
    cr_assert_eq(rig_send_pattern(&r, 1, 0, 1, 10), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 0)->got, 1);
    rig_stop(&r);
    val_free(v);
}
