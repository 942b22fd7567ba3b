/* test_bid.c: BID: boots named on the wire, over a driver whose header names no life. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/proto/select/select.h"
#include "os/xk/peers.h"
#include "tests/os/xk_rig.h"

#define OVER(more) "mesh driver lives=false; bid bid <mesh " more "; probe probe <bid"
#define QUIET OVER("tick=0")

/* ---- what goes over the wire ---- */

Test(bid, the_first_message_waits_for_a_question_and_its_answer)
{
    struct rig r;
    rig_start(&r, &(struct fake_options){ 0 }, QUIET, NULL, NULL);
    cr_assert_eq(xk_find(r.k[0], "bid")->gives, XK_NETWORK | XK_LIVES);
    cr_assert_eq(xk_find(r.k[0], "bid")->carries, 4096 - 8 - 24);
    for (uint64_t i = 0; i < 3; i++)
        cr_assert_eq(rig_send_pattern(&r, 0, 1, i, 100 * i), XK_OK);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 4096 - 8 - 24 + 1), XK_TOO_LONG);
    fake_run(r.f, 0);
    cr_assert_eq(fake_count(r.f, 0, "bid.waited"), 3);
    cr_assert_eq(fake_counts(r.f)->frames, 2 + 3);
    rig_probe(&r, 1)->echo = true; /* node 1 knows node 0 by its question */
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 3, 300), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(fake_counts(r.f)->frames, 2 + 3 + 2);
    cr_assert_eq(fake_count(r.f, 0, "bid.queries"), 1);
    cr_assert_eq(fake_count(r.f, 1, "bid.responses"), 1);
    cr_assert_eq(fake_count(r.f, 1, "bid.queries"), 0);
    struct probe *p = rig_probe(&r, 1);
    cr_assert_eq(p->got, 4);
    for (uint64_t i = 0; i < 4; i++)
        cr_assert_eq(p->log[i].hash, rig_pattern_hash(i, 100 * i), "BID2: in order, as it was");
    cr_assert_eq(rig_probe(&r, 0)->got, 1);
    /* A node and itself. */
    cr_assert_eq(rig_send_pattern(&r, 0, 0, 9, 90), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 0)->got, 2);
    cr_assert_eq(fake_count(r.f, 0, "bid.queries"), 1);
    cr_assert_eq(fake_pending(r.f), 0);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* A header that was damaged at any of its bytes, or makes no sense, goes nowhere. */
Test(bid, a_damaged_header_is_not_believed)
{
    /* To the probe, from life 3 to life 1. */
    static const uint8_t good[] = { 0, 2, 0, 0, 0, 0, 0, 24, 0, 3, 0, 0, 0xff, 0xf8, 0, 0,
                                    0, 0, 0, 3, 0, 0, 0, 1,  0, 0, 0, 0, 0,    0,    0, 0 };
    struct rig r;
    uint8_t bad[sizeof good];
    uint64_t n = 0;
    rig_start(&r, &(struct fake_options){ 0 }, QUIET, NULL, NULL);
    for (size_t at = 8; at < sizeof good; at++)
        for (unsigned bit = 0; bit < 8; bit++, n++) {
            memcpy(bad, good, sizeof good);
            bad[at] ^= (uint8_t)(1u << bit);
            fake_inject(r.f, 0, 1, bad, sizeof bad);
            fake_run(r.f, 0);
            cr_assert_eq(fake_count(r.f, 1, "bid.bad"), n + 1, "byte %zu bit %u", at, bit);
        }
    cr_assert_eq(xk_life(r.k[1], 0), 0);
    fake_inject(r.f, 0, 1, good, 8 + 12); /* cut: the driver sees that, or BID */
    fake_inject(r.f, 0, 1, good, sizeof good);
    fake_run(r.f, 0);
    cr_assert_eq(fake_count(r.f, 1, "bid.bad"), n);
    cr_assert_eq(rig_probe(&r, 1)->got, 1);
    cr_assert_eq(xk_life(r.k[1], 0), 3);
    rig_stop(&r);
}

Test(bid, a_driver_without_lives_names_none)
{
    for (int lives = 0; lives < 2; lives++) {
        struct rig r;
        rig_start(&r, &(struct fake_options){ 0 },
                  lives ? "mesh driver; probe probe <mesh"
                        : "mesh driver lives=false; probe probe <mesh",
                  NULL, NULL);
        cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 10), XK_OK);
        fake_run(r.f, 0);
        cr_assert_eq(rig_probe(&r, 1)->got, 1);
        cr_assert_eq(xk_life(r.k[1], 0), (uint32_t)lives);
        rig_stop(&r);
    }
}

/* BID2, XK1: what waits goes first, also when the layer below fills up and has room again. */
Test(bid, a_full_layer_below_delays_and_nothing_else)
{
    struct rig r;
    rig_start(&r, &(struct fake_options){ .tx_queue = 1 },
              "mesh driver lives=false queue=4; bid bid <mesh tick=0 queue=9; probe probe <bid",
              NULL, NULL);
    uint64_t sent = 0, refused = 0;
    for (; sent < 9; sent++)
        cr_assert_eq(rig_send_pattern(&r, 0, 1, sent, 40), XK_OK);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, sent, 40), XK_BUSY, "BID2");
    while (fake_step(r.f))
        if (sent < 60) {
            enum xk_status s = rig_send_pattern(&r, 0, 1, sent, 40);
            sent += s == XK_OK;
            refused += s == XK_BUSY;
        }
    cr_assert_eq(sent, 60);
    cr_assert_gt(refused, 0);
    struct probe *p = rig_probe(&r, 1);
    cr_assert_eq(p->got, sent);
    for (uint64_t i = 0; i < sent; i++)
        cr_assert_eq(p->log[i].hash, rig_pattern_hash(i, 40), "%zu", (size_t)i);
    cr_assert_lt(fake_now(r.f), SIM_SEC, "no question was asked twice");
    cr_assert_eq(fake_count(r.f, 0, "bid.queries"), 1);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

static void fill(struct port *port, void *arg)
{
    struct rig *r = arg;
    struct xk_kernel *k = r->k[port_node(port)];
    struct xk_protl *mesh = xk_find(k, "mesh"), *x = xk_find(k, "x");
    enum xk_status why = XK_OK;
    struct xk_sessn *s = xk_open(mesh, x, xk_node(1 - port_node(port)), &why);
    struct xk_msg m;
    for (xk_msg_init(&m); why == XK_OK; why = xk_push(s, &m))
        ;
    cr_assert_eq(why, XK_BUSY);
    xk_msg_fini(&m);
    xk_close(s);
}

/* BID4: a question, and an answer, for which there is no room go when there is. */
Test(bid, what_is_owed_is_paid_when_there_is_room)
{
    for (uint32_t full = 0; full < 2; full++) {
        struct rig r;
        rig_start(&r, &(struct fake_options){ .tx_queue = 1 },
                  "mesh driver lives=false queue=1; x probe <mesh; bid bid <mesh tick=0; "
                  "probe probe <bid",
                  NULL, NULL);
        if (full == 0) {
            fake_call(r.f, 0, fill, &r);
            cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 40), XK_OK);
            cr_assert_eq(fake_count(r.f, 0, "bid.queries"), 0);
        } else {
            cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 40), XK_OK);
            fake_call(r.f, 1, fill, &r);
        }
        fake_run(r.f, 0);
        cr_assert_eq(rig_probe(&r, 1)->got, 1);
        cr_assert_lt(fake_now(r.f), SIM_SEC);
        rig_stop(&r);
    }
}

static uint32_t lose;
static bool loses(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    (void)arg;
    (void)dst;
    (void)frame;
    return src != 0 || lose == 0 || lose-- == 0;
}

/* BID4. */
Test(bid, a_question_is_asked_again_and_later_each_time)
{
    static const sim_time at[] = { 0, 5, 15, 35, 75, 135, 195, 0 };
    for (uint32_t lost = 0; lost < ARRAY_LEN(at); lost++) {
        struct rig r;
        rig_start(&r, &(struct fake_options){ .lossy = true }, QUIET, NULL, NULL);
        lose = lost;
        fake_on_frame(r.f, loses, NULL);
        cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 40), XK_OK);
        fake_run_until(r.f, at[lost] * SIM_SEC + SIM_MS);
        cr_assert_eq(rig_probe(&r, 1)->got, lost < 7, "after %u losses", lost);
        if (lost > 0 && lost < 7)
            cr_assert_gt(fake_now(r.f), at[lost - 1] * SIM_SEC + 5 * SIM_SEC);
        fake_run(r.f, 0);
        cr_assert_eq(rig_probe(&r, 1)->got, lost < 7);
        cr_assert_eq(fake_count(r.f, 0, "bid.queries"), lost < 7 ? lost + 1 : 7);
        rig_stop(&r);
    }
}

/* XK1: who was refused is told of room: when the layer below has it again. */
Test(bid, room_below_is_told)
{
    struct rig r;
    rig_start(&r, &(struct fake_options){ .tx_queue = 1 },
              "mesh driver lives=false queue=2; bid bid <mesh tick=0; probe probe <bid", NULL,
              NULL);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 40), XK_OK);
    fake_run(r.f, 0);
    struct xk_sessn *s = rig_open(&r, 0, 1);
    for (uint64_t i = 0; i < 4; i++)
        cr_assert_eq(rig_send_pattern(&r, 0, 1, i, 40), i < 3 ? XK_OK : XK_BUSY);
    cr_assert_eq(fake_count(r.f, 0, "bid.waited"), 1);
    cr_assert_eq(rig_probe(&r, 0)->ready, 0);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 0)->ready, 1);
    rig_close(&r, 0, s);
    rig_stop(&r);
}

/* XK1: who was refused is told of room, also where what waited was dropped. */
Test(bid, who_was_refused_is_told)
{
    for (int dies = 0; dies < 2; dies++) {
        struct rig r;
        rig_start(&r, &(struct fake_options){ 0 }, OVER("tick=0 queue=2 tries=1"), NULL, NULL);
        if (dies)
            fake_crash(r.f, 1);
        struct xk_sessn *s = rig_open(&r, 0, 1);
        for (uint64_t i = 0; i < 3; i++)
            cr_assert_eq(rig_send_pattern(&r, 0, 1, i, 40), i < 2 ? XK_OK : XK_BUSY);
        cr_assert_eq(rig_probe(&r, 0)->ready, 0);
        fake_run(r.f, 0);
        cr_assert_eq(rig_probe(&r, 0)->ready, 1);
        cr_assert_eq(fake_count(r.f, 0, "bid.dropped"), dies ? 2 : 0);
        cr_assert_eq(fake_count(r.f, 0, "bid.unanswered"), dies ? 1 : 0);
        cr_assert_eq(fake_now(r.f) >= 15 * SIM_SEC, dies, "asked at 0 and 5 s, and waited 10");
        rig_close(&r, 0, s);
        rig_stop(&r);
    }
}

/* ---- lives ---- */

#define NODES 2
static uint32_t ends[NODES][64], begins[NODES][64]; /* told at each node, of the other's life */
static bool down[NODES];
static uint32_t last[NODES]; /* number of what came last */

static void told(void *arg, uint32_t host, uint32_t life, bool alive)
{
    uint32_t node = (uint32_t)(uintptr_t)arg;
    cr_assert_eq(host, 1 - node);
    cr_assert_lt(life, 64);
    (alive ? begins : ends)[node][life]++;
}

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    (void)p;
    down[node] = false;
    last[node] = 0;
    memset(ends[node], 0, sizeof ends[node]);
    memset(begins[node], 0, sizeof begins[node]);
    xk_on_peer(r->k[node], told, (void *)(uintptr_t)node);
}

/* A message says who sent it, in which of its lives, for which life of the receiver, and which in
 * that row it is. */
struct said {
    uint32_t from, life, to_life, number;
};

static void check_got(struct rig *r, uint32_t node, bool ordered, bool once)
{
    if (down[node])
        return;
    struct probe *p = rig_probe(r, node);
    struct said m;
    if (p->got == 0 || p->last.length != sizeof m)
        return;
    rope_read(&p->last, 0, sizeof m, &m);
    cr_assert_eq(m.from, 1 - node);
    cr_assert_eq(m.to_life, port_incarnation(fake_port(r->f, node)), "BID1: it was for another");
    cr_assert_eq(m.life, xk_life(r->k[node], m.from), "BID1: it is of an earlier");
    if (ordered && p->got > 1)
        cr_assert(m.number > last[node] || (!once && m.number == last[node]));
    last[node] = m.number;
    rope_truncate(&p->last, 0);
}

static uint32_t numbers;
static enum xk_status say(struct rig *r, uint32_t node)
{
    if (down[node])
        return XK_CLOSED;
    struct said m = { node, port_incarnation(fake_port(r->f, node)),
                      xk_life_assumed(r->k[node], 1 - node) + !xk_alive(r->k[node], 1 - node),
                      ++numbers };
    struct rope data;
    rope_init(&data);
    rope_add_bytes(&data, &m, sizeof m);
    enum xk_status s = rig_send(r, node, 1 - node, &data);
    rope_fini(&data);
    return s;
}

/* Steps, and looks at what came with each; crashes `dies` after so many, and what each node is told
 * of. */
static void life_and_death(const struct fake_options *o, uint64_t at, uint32_t dies, bool ordered)
{
    struct rig r;
    uint64_t x = o->seed + 77;
    bool faults = o->drop_ppm > 0;
    rig_start(&r, o, OVER("tick=0 query_wait=5ms query_max=20ms"), booted, NULL);
    for (uint64_t step = 0; step < 60; step++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        if (x >> 62 == 0)
            (void)say(&r, (uint32_t)(x >> 40) % NODES);
        else
            fake_step(r.f);
        for (uint32_t n = 0; n < NODES; n++)
            check_got(&r, n, ordered, o->duplicate_ppm == 0);
        if (step == at) {
            down[dies] = true;
            fake_crash(r.f, dies);
            fake_restart(r.f, dies);
        }
    }
    while (down[dies])
        fake_step(r.f);
    fake_set_faults(r.f, 0, 0);
    /* Once messages go to and fro again, each arrives, and each has been told once. */
    for (uint32_t n = 0; n < NODES; n++) {
        for (int tries = 0; tries < 3; tries++) {
            (void)say(&r, n);
            while (fake_step(r.f))
                check_got(&r, 1 - n, false, false);
        }
        uint64_t before = rig_probe(&r, 1 - n)->got;
        (void)say(&r, n);
        while (fake_step(r.f))
            check_got(&r, 1 - n, false, false);
        cr_assert_gt(rig_probe(&r, 1 - n)->got, before, "at %zu%s", (size_t)at,
                     faults ? ", with faults" : "");
    }
    uint32_t other = 1 - dies;
    cr_assert_eq(ends[other][1], at < 60 ? 1 : 0);
    cr_assert_eq(begins[other][2], at < 60 ? 1 : 0);
    cr_assert_eq(ends[dies][1], 0);
    cr_assert_eq(begins[dies][2], 0);
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* BID1, BID3: a reboot at every event, of either side, with the failure detector off. */
Test(bid, a_reboot_at_any_event_is_noticed_from_the_wire_alone)
{
    for (uint64_t at = 0; at <= 60; at++)
        for (uint32_t dies = 0; dies < NODES; dies++)
            for (uint64_t seed = 1; seed <= 3; seed++)
                life_and_death(&(struct fake_options){ .seed = seed }, at, dies, true);
}

/* With the detector on as well, each is told once all the same. */
Test(bid, the_detector_and_the_wire_tell_once)
{
    for (uint64_t at = 0; at < 60; at += 3)
        for (uint64_t seed = 1; seed <= 4; seed++)
            life_and_death(&(struct fake_options){ .seed = seed,
                                                   .detect_delay = (sim_time)seed * 40 * SIM_US },
                           at, (uint32_t)at % 2, true);
}

Test(bid, losses_copies_and_any_order_change_nothing_of_that)
{
    for (uint64_t seed = 1; seed <= 150; seed++)
        life_and_death(&(struct fake_options){ .seed = seed,
                                               .order = FAKE_RANDOM,
                                               .lossy = true,
                                               .unordered = seed % 2,
                                               .drop_ppm = 100000,
                                               .duplicate_ppm = 100000,
                                               .delay_ppm = 100000,
                                               .flatten = seed % 3 == 0 },
                       seed % 61, (uint32_t)(seed / 61) % 2, false);
}

/* ---- every order ---- */

static struct rig explored;
static struct xk_graph *graph_;

static void set_up(struct fake *f, void *arg)
{
    (void)arg;
    rig_boot_all(&explored, f, graph_, 2, NULL, NULL);
    for (uint64_t i = 0; i < 2; i++)
        cr_assert_eq(rig_send_pattern(&explored, 0, 1, i, 20 + i), XK_OK);
    cr_assert_eq(rig_send_pattern(&explored, 1, 0, 7, 30), XK_OK);
}

/* All that was sent has come, in order, but for one frame that was lost or came twice. */
static bool check(struct fake *f, void *arg)
{
    (void)arg;
    uint64_t got = rig_probe(&explored, 0)->got + rig_probe(&explored, 1)->got;
    const struct fake_counts *c = fake_counts(f);
    return got + c->dropped >= 3 && got <= 3 + c->duplicated &&
           fake_count(f, 0, "bid.dropped") == 0 && fake_count(f, 1, "bid.dropped") == 0;
}

Test(bid, every_order_of_both_asking_at_once_with_a_loss_or_a_copy)
{
    graph_ = rig_graph(QUIET);
    for (uint32_t kind = 0; kind < 2; kind++) {
        struct fake_explore e = {
            .options = { .lossy = true, .explore_drops = kind == 0, .explore_copies = kind == 1 },
            .setup = set_up,
            .check = check
        };
        fake_explore(&e);
        cr_assert(e.complete, "%zu orders", (size_t)e.orders);
        cr_assert_not(e.failed, "order %s", e.order);
        cr_assert_gt(e.orders, 50);
    }
    xk_graph_free(graph_);
}

/* ---- silence ---- */

/* A peer that says nothing is asked after five minutes; after ten it is left alone. */
Test(bid, a_silent_peer_is_asked_once_and_then_left_alone)
{
    for (int reboots = 0; reboots < 2; reboots++) {
        struct rig r;
        rig_start(&r, &(struct fake_options){ 0 }, OVER(""), booted, NULL);
        cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 10), XK_OK);
        fake_run_until(r.f, SIM_SEC);
        cr_assert_eq(rig_probe(&r, 1)->got, 1);
        if (reboots) {
            fake_crash(r.f, 1);
            fake_restart(r.f, 1);
        }
        fake_run_until(r.f, 299 * SIM_SEC);
        cr_assert_eq(ends[0][1], 0);
        cr_assert_eq(fake_count(r.f, 0, "bid.queries"), 1);
        fake_run_until(r.f, 302 * SIM_SEC);
        cr_assert_eq(ends[0][1], reboots);
        cr_assert_eq(begins[0][2], reboots);
        cr_assert_eq(fake_count(r.f, 0, "bid.queries"), 2);
        uint64_t more = fake_run(r.f, 1000);
        cr_assert_lt(more, 40, "the ticks go on");
        cr_assert_eq(fake_pending(r.f), 0, "BIDP2");
        cr_assert_leq(fake_now(r.f), 22 * 60 * SIM_SEC);
        rig_stop(&r);
    }
}

/* BIDP2: who has no sessions with it forgets it. */
Test(bid, a_peer_that_nobody_talks_to_is_forgotten)
{
    struct rig r;
    rig_start(&r, &(struct fake_options){ .nodes = 9 },
              "mesh driver lives=false idle=1; bid bid <mesh idle=1; probe probe <bid", NULL, NULL);
    uint64_t before = fake_heap_bytes(r.f, 0);
    for (uint32_t to = 1; to < 9; to++)
        cr_assert_eq(rig_send_pattern(&r, 0, to, 1, 10), XK_OK);
    fake_run_until(r.f, SIM_SEC);
    uint64_t with = fake_heap_bytes(r.f, 0) - before;
    fake_run(r.f, 1000);
    cr_assert_eq(fake_pending(r.f), 0);
    cr_assert_lt(fake_heap_bytes(r.f, 0) - before, with / 2, "%zu of %zu",
                 (size_t)(fake_heap_bytes(r.f, 0) - before), (size_t)with);
    cr_assert_eq(fake_count(r.f, 0, "bid.queries"), 8 + 1, "the one with a session was asked");
    rig_stop(&r);
}

/* ---- below CHAN ---- */

static uint32_t calls_ended;
static enum xk_status call_status;

static void keep_it(void *arg, struct select_request *q, uint32_t procedure, struct rope *args)
{
    (void)arg;
    (void)q;
    (void)procedure;
    (void)args; /* never answered */
}

static void serves(struct rig *r, uint32_t node, struct port *p)
{
    (void)p;
    cr_assert_eq(select_serve(xk_find(r->k[node], "rpc"), 5, keep_it, NULL), XK_OK);
}

static void call_ended(void *arg, enum xk_status status, struct rope *reply)
{
    (void)arg;
    (void)reply;
    calls_ended++;
    call_status = status;
}

static void call_now(struct port *p, void *arg)
{
    struct rig *r = arg;
    struct rope args;
    (void)p;
    rope_init(&args);
    cr_assert_eq(select_call(xk_find(r->k[0], "rpc"), 1, 5, 0, &args, call_ended, NULL), XK_OK);
}

/* Over what loses nothing CHAN sets no timer (CHAN3): with the detector off it is BID that notices
 * that a server came back without the call, by a question or by what is next sent there. */
Test(bid, a_call_to_a_server_that_reboots_ends_as_restarted)
{
    static const char *const below[] = { "blast blast <mesh", "bid bid <mesh; blast blast <bid" };
    for (int with = 0; with < 2; with++)
        for (int again = 0; again < 2; again++) {
            struct rig r;
            char graph[160];
            calls_ended = 0;
            snprintf(graph, sizeof graph,
                     "mesh driver lives=false; %s; chan chan <blast; rpc select <chan",
                     below[with]);
            rig_start(&r, &(struct fake_options){ 0 }, graph, serves, NULL);
            fake_call(r.f, 0, call_now, &r);
            fake_run_until(r.f, SIM_SEC);
            fake_crash(r.f, 1);
            fake_restart(r.f, 1);
            fake_run_until(r.f, 2 * SIM_SEC);
            cr_assert_eq(calls_ended, 0);
            if (again)
                fake_call(r.f, 0, call_now, &r);
            fake_run_until(r.f, 3 * SIM_SEC);
            cr_assert_eq(calls_ended, with && again ? 2 : 0, "the second tells of the first");
            fake_run_until(r.f, 400 * SIM_SEC);
            cr_assert_eq(calls_ended, with ? 1 + again : 0);
            cr_assert(!with || call_status == XK_RESTARTED);
            rig_stop(&r);
        }
}

/* BID5: where the network has a broadcast, nothing need be asked or sent. */
Test(bid, a_boot_is_told_to_all_where_the_network_can)
{
    static const char *const below[] = { "hosts", "ip" };
    for (int over = 0; over < 2; over++)
        for (int can = 0; can < 2; can++) {
            struct rig r;
            char graph[240];
            calls_ended = 0;
            snprintf(graph, sizeof graph,
                     "eth eth; hosts arp <eth address=10.1.0.0/16 server=2; ip ip <hosts; "
                     "bid bid <%s tick=0; blast blast <bid; chan chan <blast client_wait=10min; "
                     "rpc select <chan",
                     below[over]);
            rig_start(&r, &(struct fake_options){ .nodes = 3, .broadcast = can }, graph, serves,
                      NULL);
            fake_call(r.f, 0, call_now, &r);
            fake_run_until(r.f, SIM_SEC);
            for (uint32_t n = 0; n < 3; n++)
                cr_assert_eq(fake_count(r.f, n, "bid.announced"), 0, "a first life is not told");
            uint64_t queries = fake_count(r.f, 0, "bid.queries");
            uint64_t responses = fake_count(r.f, 0, "bid.responses");
            fake_crash(r.f, 1);
            fake_restart(r.f, 1);
            fake_run_until(r.f, 2 * SIM_SEC);
            cr_assert_eq(fake_count(r.f, 1, "bid.announced"), can);
            cr_assert_eq(calls_ended, can, "over %s", below[over]);
            cr_assert(!can || call_status == XK_RESTARTED);
            cr_assert_eq(fake_count(r.f, 0, "bid.queries"), queries);
            cr_assert_eq(fake_count(r.f, 0, "bid.responses"), responses, "nobody answers");
            cr_assert_eq(xk_life(r.k[0], 1), can ? 2 : 1);
            rig_stop(&r);
        }
}
