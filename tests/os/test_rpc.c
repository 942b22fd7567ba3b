/* test_rpc.c: calls through SELECT, CHAN and BLAST, and through SELECT and M.RPC: at most once,
 * whatever happens below. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/proto/chan/chan.h"
#include "os/proto/select/select.h"
#include "tests/os/tcp_rig.h"
#include "tests/sample.h"

#define GRAPH                                                                                      \
    "mesh driver; blast blast <mesh; chan chan <blast client_wait=20ms server_wait=30ms "          \
    "wait_max=200ms; rpc select <chan channels=3 queue=64"
#define SERVICE 77
#define CALLS 64

/* A world of calls: who executed what, and how each ended. */
struct world {
    struct rig r;
    uint32_t executed[CALLS];
    uint32_t ended[CALLS];
    enum xk_status status[CALLS];
    uint64_t length[CALLS];
    bool keep; /* the server keeps requests and answers later */
    struct select_request *kept[CALLS];
    uint32_t kept_count;
    uint64_t reply_bytes;
    bool wrong;
};

static struct xk_protl *rpc(struct world *w, uint32_t node)
{
    return xk_find(w->r.k[node], "rpc");
}

static void make_reply(struct rope *r, uint64_t n, uint64_t bytes)
{
    rope_init(r);
    rope_add_bytes(r, &n, sizeof n);
    rope_add_pattern(r, n, 3, bytes);
}

static bool good_data(const struct rope *r, uint64_t bytes, uint64_t *n)
{
    struct rope want;
    if (r->length != bytes + sizeof *n)
        return false;
    rope_read(r, 0, sizeof *n, n);
    make_reply(&want, *n, bytes);
    bool same = rope_equal(r, &want);
    rope_fini(&want);
    return same && *n < CALLS;
}

static void reply_to(struct world *w, struct select_request *q)
{
    struct rope r;
    uint64_t n;
    memcpy(&n, select_request_state(q), sizeof n);
    make_reply(&r, n, w->reply_bytes);
    select_reply(q, &r);
    rope_fini(&r);
}

static void serve(void *arg, struct select_request *q, uint32_t procedure, struct rope *args)
{
    struct world *w = arg;
    uint64_t n = 0;
    if (!good_data(args, args->length - sizeof n, &n) || procedure != n + 5) {
        w->wrong = true;
        return;
    }
    w->executed[n]++;
    memcpy(select_request_state(q), &n, sizeof n);
    if (w->keep)
        w->kept[w->kept_count++] = q;
    else
        reply_to(w, q);
}

struct one {
    struct world *w;
    uint64_t n;
};

static void ended(void *arg, enum xk_status status, struct rope *reply)
{
    struct one *o = arg;
    uint64_t n;
    o->w->ended[o->n]++;
    o->w->status[o->n] = status;
    o->w->length[o->n] = reply->length;
    if (status == XK_OK && (!good_data(reply, reply->length - sizeof n, &n) || n != o->n))
        o->w->wrong = true;
}

static struct one ones[CALLS];
struct call_job {
    struct world *w;
    uint32_t from, to, service;
    uint64_t n, bytes;
    enum xk_status status;
};

static void call_now(struct port *p, void *arg)
{
    struct call_job *j = arg;
    struct rope args;
    (void)p;
    make_reply(&args, j->n, j->bytes);
    ones[j->n] = (struct one){ j->w, j->n };
    uint32_t before = j->w->ended[j->n];
    j->status = select_call(rpc(j->w, j->from), j->to, j->service, (uint32_t)j->n + 5, &args, ended,
                            &ones[j->n]);
    cr_assert_eq(j->w->ended[j->n], before, "done was called from inside select_call (SEL1)");
    cr_assert_eq(args.length, j->status == XK_OK ? 0 : j->bytes + 8);
    rope_fini(&args);
}

static enum xk_status call(struct world *w, uint32_t from, uint32_t to, uint64_t n, uint64_t bytes)
{
    struct call_job j = { w, from, to, SERVICE, n, bytes, XK_OK };
    fake_call(w->r.f, from, call_now, &j);
    return j.status;
}

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    struct world *w = r->arg;
    (void)p;
    w->kept_count = 0;
    if (node == 1)
        cr_assert_eq(select_serve(rpc(w, 1), SERVICE, serve, w), XK_OK);
}

static void start(struct world *w, const struct fake_options *o, const char *graph)
{
    memset(w, 0, sizeof *w);
    rig_start(&w->r, o, graph, booted, w);
}

static void stop(struct world *w, bool no_crash)
{
    cr_assert_not(w->wrong);
    if (no_crash)
        cr_assert_eq(rope_leaves_alive(), 0);
    rig_stop(&w->r);
    cr_assert_eq(rope_leaves_alive(), 0);
}

/* Calls of many lengths, up to `max` bytes; a longer request or reply is not taken. */
static void call_all_lengths(struct world *w, const char *graph, bool lossy, uint64_t max)
{
    static const uint64_t bytes[] = { 0, 1, 100, 255, 4000, 4096, 70000, 200000 };
    struct fake_options o = { .lossy = lossy, .mtu = 4096 };
    start(w, &o, graph);
    for (uint64_t i = 0; i < ARRAY_LEN(bytes); i++) {
        w->reply_bytes = bytes[ARRAY_LEN(bytes) - 1 - i];
        cr_assert_eq(call(w, 0, 1, i, bytes[i]), XK_OK);
        fake_run(w->r.f, 0);
        cr_assert_eq(w->executed[i], 1);
        cr_assert_eq(w->ended[i], 1);
        cr_assert_eq(w->status[i], XK_OK);
        cr_assert_eq(w->length[i], w->reply_bytes + 8);
    }
    cr_assert_eq(select_max_bytes(rpc(w, 0)), max);
    cr_assert_eq(xk_graph_carries(w->r.g, "rpc"), max, "known when the graph is read");
    cr_assert_eq(call(w, 0, 1, 9, max - 8), XK_OK);
    cr_assert_eq(call(w, 0, 1, 10, max - 7), XK_TOO_LONG);
    cr_assert_eq(call(w, 0, 2, 10, 1), XK_NO_PEER);
    cr_assert_eq(call(w, 1, 0, 12, 10), XK_OK); /* nobody serves at node 0 */
    fake_run(w->r.f, 0);
    cr_assert_eq(w->status[9], XK_OK);
    cr_assert_eq(w->status[12], XK_REFUSED);
    w->reply_bytes = max;
    cr_assert_eq(call(w, 0, 1, 11, 1), XK_OK);
    fake_run(w->r.f, 0);
    cr_assert_eq(w->status[11], XK_TOO_LONG);
    cr_assert_eq(fake_work(w->r.f, 1, PORT_WORK_RPC), 10);
}

Test(rpc, calls_of_all_lengths_return_their_replies)
{
    for (int lossy = 0; lossy < 2; lossy++) {
        struct world w;
        call_all_lengths(&w, GRAPH, lossy, 64 * (4096 - 8 - 24) - 24 - 8);
        stop(&w, true);
    }
}

Test(rpc, a_node_calls_itself_and_an_unknown_service_is_refused)
{
    struct world w;
    struct fake_options o = { 0 };
    start(&w, &o, GRAPH);
    cr_assert_eq(call(&w, 1, 1, 0, 10), XK_OK);
    cr_assert_eq(call(&w, 1, 0, 1, 10), XK_OK); /* nobody serves at node 0 */
    fake_run(w.r.f, 0);
    cr_assert_eq(w.status[0], XK_OK);
    cr_assert_eq(w.executed[0], 1);
    cr_assert_eq(w.status[1], XK_REFUSED);
    cr_assert_eq(w.executed[1], 0);
    stop(&w, true);
}

static void reply_backwards(struct port *p, void *arg)
{
    struct world *w = arg;
    (void)p;
    while (w->kept_count)
        reply_to(w, w->kept[--w->kept_count]);
}

/* SEL4. */
Test(rpc, a_server_answers_later_and_calls_above_the_pool_wait_in_order)
{
    struct world w;
    struct fake_options o = { 0 };
    start(&w, &o,
          "mesh driver; blast blast <mesh; chan chan <blast; "
          "rpc select <chan channels=3 queue=7");
    w.keep = true;
    for (uint64_t i = 0; i < 10; i++)
        cr_assert_eq(call(&w, 0, 1, i, 10), XK_OK);
    cr_assert_eq(call(&w, 0, 1, 10, 10), XK_BUSY);
    fake_run(w.r.f, 0);
    cr_assert_eq(w.kept_count, 3);
    cr_assert_eq(w.executed[2], 1);
    cr_assert_eq(w.executed[3], 0);
    for (int round = 0; round < 4; round++) {
        fake_call(w.r.f, 1, reply_backwards, &w);
        fake_run(w.r.f, 0);
    }
    for (uint64_t i = 0; i < 10; i++)
        cr_assert_eq(w.ended[i] == 1 && w.status[i] == XK_OK && w.executed[i] == 1, true);
    stop(&w, true);
}

/* ---- threads ---- */

struct caller {
    struct world *w;
    uint32_t good;
};

static void caller_body(void *arg)
{
    struct caller *c = arg;
    for (uint64_t i = 0; i < 5; i++) {
        struct rope args, reply;
        uint64_t n;
        make_reply(&args, i, 50);
        enum xk_status s =
            select_call_wait(rpc(c->w, 0), 1, SERVICE, (uint32_t)i + 5, &args, &reply);
        if (s == XK_OK && good_data(&reply, c->w->reply_bytes, &n) && n == i && args.length == 0)
            c->good++;
        rope_fini(&reply);
        rope_fini(&args);
    }
}

static void spawn(struct port *p, void *arg)
{
    cr_assert_not_null(port_thread_spawn(p, "caller", caller_body, arg, 0));
}

Test(rpc, twenty_threads_share_three_channels_and_a_queue_of_two)
{
    struct world w;
    struct fake_options o = { .tx_queue = 2 };
    struct caller c[20];
    start(&w, &o,
          "mesh driver queue=3; blast blast <mesh; chan chan <blast; "
          "rpc select <chan channels=3 queue=2");
    w.reply_bytes = 9000;
    for (int i = 0; i < 20; i++) {
        c[i] = (struct caller){ &w, 0 };
        fake_call(w.r.f, 0, spawn, &c[i]);
    }
    fake_run(w.r.f, 0);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(c[i].good, 5);
    cr_assert_eq(fake_blocked(w.r.f), 0);
    stop(&w, true);
}

/* ---- at most once ---- */

static void crash_node(struct world *w, uint32_t node)
{
    fake_crash(w->r.f, node);
    w->r.k[node] = NULL;
    if (node == 1)
        w->kept_count = 0;
}

/* The smallest limits there are: everything is busy, nothing is cached. */
#define TINY                                                                                       \
    "mesh driver queue=1 idle=0; blast blast <mesh outstanding=1 idle=0; chan chan <blast "        \
    "client_wait=20ms server_wait=30ms wait_max=200ms; rpc select <chan channels=2 queue=1 idle=0"

/* 12 calls under random faults, some crash of a node half-way; the seed decides all. */
static void chaos_on(const char *graph, uint64_t seed, bool lossy, bool crash, bool flatten)
{
    struct world w;
    struct fake_options o = { .mtu = 512,
                              .lossy = lossy,
                              .unordered = lossy,
                              .seed = seed,
                              .order = FAKE_RANDOM,
                              .timer_odds = 16,
                              .drop_ppm = 50000,
                              .duplicate_ppm = 50000,
                              .faults_max = 200,
                              .flatten = flatten,
                              .detect_delay = crash ? 5 * SIM_MS : 0,
                              .tx_queue = (uint32_t)(seed % 3) };
    start(&w, &o, graph);
    w.reply_bytes = 700;
    uint64_t x = seed * 2 + 1, steps = 0, crash_at = seed % 97, back_at = crash_at + seed % 41;
    uint32_t victim = seed % 5 == 0 ? 0 : 1;
    bool called[12] = { false };
    for (uint64_t i = 0; i < 12; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        /* A booting node has not run its first upcall yet. */
        if (fake_up(w.r.f, 0) && w.r.k[0]) {
            enum xk_status r = call(&w, 0, 1, i, (x >> 40) % 1500);
            called[i] = r == XK_OK;
            cr_assert(called[i] || r == XK_BUSY);
        }
        for (uint64_t k = 0; k < (x >> 33) % 16; k++, steps++) {
            if (crash && steps == crash_at)
                crash_node(&w, victim);
            if (crash && steps == back_at)
                fake_restart(w.r.f, victim);
            fake_step(w.r.f);
        }
    }
    if (crash)
        fake_restart(w.r.f, victim);
    fake_run(w.r.f, 0);
    cr_assert_eq(fake_pending(w.r.f), 0);
    for (uint64_t i = 0; i < 12; i++) {
        cr_assert_leq(w.executed[i], 1, "seed %zu: call %zu was executed twice", (size_t)seed,
                      (size_t)i);
        cr_assert_leq(w.ended[i], 1);
        if (called[i] && (!crash || victim == 1))
            cr_assert_eq(w.ended[i], 1, "seed %zu: call %zu never ended", (size_t)seed, (size_t)i);
        if (!crash && called[i] && w.status[i] == XK_OK)
            cr_assert_eq(w.executed[i], 1);
        if (!crash && !lossy)
            cr_assert_eq(w.status[i], XK_OK);
    }
    stop(&w, !crash);
}

static void chaos(uint64_t seed, bool lossy, bool crash, bool flatten)
{
    chaos_on(GRAPH, seed, lossy, crash, flatten);
}

/* Calls stand on messages as well: ULP in BLAST's place. */
Test(rpc, over_ulp_calls_are_made_at_most_once_and_end)
{
    const char *ulp = "mesh driver; u ulp <mesh queue=2000B grant=1000B wait_max=20ms; "
                      "chan chan <u client_wait=20ms server_wait=30ms wait_max=200ms; "
                      "rpc select <chan channels=3 queue=64";
    for (uint64_t seed = 0; seed < sample(NULL, 600); seed++)
        chaos_on(ulp, seed, seed % 3, seed % 2, seed % 5 == 0);
}

/* And records of TCP. */
Test(rpc, over_tcp_calls_are_made_at_most_once_and_end)
{
    rig_over_tcp = &tip_protl;
    for (uint64_t seed = 0; seed < sample(NULL, 300); seed++)
        chaos_on("mesh driver; u blast <mesh; "
                 "chan chan <u client_wait=20ms server_wait=30ms wait_max=200ms; "
                 "rpc select <chan channels=3 queue=64",
                 seed, seed % 3, seed % 2, seed % 5 == 0);
    rig_over_tcp = NULL;
}

/* CHAN4, DRV3. */
Test(rpc, tiny_limits_change_nothing_but_who_waits)
{
    for (uint64_t seed = 0; seed < 600; seed++)
        chaos_on(TINY, seed, seed & 1, seed % 3 == 0, false);
}

/* CHAN1, CHAN2, CHNL1. */
Test(rpc, thousands_of_seeds_of_faults_never_execute_twice_and_always_end)
{
    for (uint64_t seed = 0; seed < sample(NULL, 2000); seed++)
        chaos(seed, true, false, seed & 1);
}

/* CHAN3, BLAST3. */
Test(rpc, a_reliable_network_needs_no_timer_whatever_the_order)
{
    for (uint64_t seed = 0; seed < sample(NULL, 500); seed++)
        chaos(seed, false, false, seed & 1);
}

/* SEL2, SEL3. */
Test(rpc, a_crash_of_either_node_at_any_step_executes_nothing_twice)
{
    for (uint64_t seed = 0; seed < sample(NULL, 1500); seed++) {
        chaos(seed, false, true, false);
        chaos(seed, true, true, false);
    }
}

/* ---- every order ---- */

static struct xk_graph *explored_graph;
static uint64_t explored_answers, explored_failures;

static void explore_boot(struct port *p, void *arg)
{
    struct world *w = arg;
    uint32_t n = port_node(p);
    w->r.k[n] = xk_boot(p, explored_graph);
    booted(&w->r, n, p);
}

static void explore_setup(struct fake *f, void *arg)
{
    struct world *w = arg;
    memset(w, 0, sizeof *w);
    rig_boot(&w->r, f, explored_graph, booted, w);
    for (uint32_t n = 0; n < 2; n++) {
        fake_boot(f, n, explore_boot, w);
        fake_step(f);
    }
    for (uint64_t i = 0; i < 2; i++)
        cr_assert_eq(call(w, 0, 1, i, 10), XK_OK);
}

static bool explore_check(struct fake *f, void *arg)
{
    struct world *w = arg;
    bool good = !w->wrong && fake_pending(f) == 0;
    for (uint64_t i = 0; i < 2; i++) {
        good = good && w->executed[i] <= 1 && w->ended[i] == 1;
        good = good && (w->status[i] != XK_OK || w->executed[i] == 1);
        explored_answers += w->status[i] == XK_OK;
        explored_failures += w->status[i] != XK_OK;
    }
    return good && rope_leaves_alive() == 0;
}

static void explore(struct fake_options o, const char *graph)
{
    struct world w;
    struct fake_explore x = { .options = o,
                              .setup = explore_setup,
                              .check = explore_check,
                              .arg = &w,
                              .orders_max = 60000,
                              .steps_max = 400 };
    explored_graph = rig_graph(graph);
    explored_answers = explored_failures = 0;
    fake_explore(&x);
    cr_assert_not(x.failed, "fails after %zu orders: %s", (size_t)x.orders, x.order);
    cr_assert_gt(x.orders, 1);
    cr_assert_gt(explored_answers, 0);
    fprintf(stderr, "explored %zu orders%s: %zu calls answered, %zu failed\n", (size_t)x.orders,
            x.complete ? ", all of them" : "", (size_t)explored_answers, (size_t)explored_failures);
    xk_graph_free(explored_graph);
}

#define SMALL(tries, channels)                                                                     \
    "mesh driver; blast blast <mesh; chan chan <blast tries=" tries                                \
    "; rpc select <chan channels=" channels

Test(rpc, every_order_of_two_calls_on_a_reliable_network)
{
    explore((struct fake_options){ .nodes = 2, .unordered = true }, SMALL("2", "2"));
    cr_assert_eq(explored_failures, 0);
}

Test(rpc, every_loss_of_one_frame_and_every_copy_of_one)
{
    struct fake_options o = { .nodes = 2, .lossy = true, .unordered = true, .explore_drops = 1 };
    explore(o, SMALL("2", "1"));
    cr_assert_eq(explored_failures, 0);
    o.explore_drops = 0;
    o.explore_copies = 1;
    explore(o, SMALL("2", "1"));
    cr_assert_eq(explored_failures, 0);
}

Test(rpc, a_timer_may_fire_at_any_moment)
{
    struct fake_options o = { .nodes = 2, .lossy = true, .explore_timers = true };
    explore(o, SMALL("0", "1"));
}

/* ---- wrong frames ---- */

Test(rpc, random_headers_above_a_right_frame_crash_nothing)
{
    struct world w;
    struct fake_options o = { .lossy = true };
    start(&w, &o, GRAPH);
    uint64_t x = 4711;
    for (uint32_t i = 0; i < 30000; i++) {
        uint8_t b[120];
        for (uint32_t j = 0; j < sizeof b; j++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            b[j] = (uint8_t)(x >> 56);
        }
        size_t len = 8 + 24 + (x >> 40) % 80;
        uint8_t below[32] = { 0, 2, 0, 0,
                              0, 0, 0, (uint8_t)(len - 8), /* to blast */
                              0, 3, 1, 0,
                              0, 0, 0, 0, /* to chan: SEND, seq 0 */
                              0, 0, 0, (uint8_t)(len - 32),
                              0, 1, 0, 1,
                              0, 0, 0, 0,
                              0, 0, 0, 1 };
        memcpy(b, below, sizeof below);
        if (i % 4) { /* plausible CHAN fields */
            b[32] = 0;
            b[33] %= 8;
            b[36] = b[37] = b[38] = 0;
            b[39] %= 6;
            b[40] = b[41] = b[42] = 0;
            b[44] = b[45] = b[46] = 0;
            b[47] = len >= 56 ? (uint8_t)(len - 56) : 0;
            memset(b + 48, 0, 8);
            b[51] = 1;
            b[55] = i % 2;
        }
        fake_inject(w.r.f, 0, 1, b, len);
        if (i % 64 == 0)
            fake_run(w.r.f, 0);
    }
    fake_run(w.r.f, 0);
    fprintf(stderr, "random frames: %zu bad, %zu for nobody, %zu stale, %zu seen, %zu requests\n",
            (size_t)fake_count(w.r.f, 1, "chan.bad"), (size_t)fake_count(w.r.f, 1, "chan.nobody"),
            (size_t)fake_count(w.r.f, 1, "chan.stale"),
            (size_t)fake_count(w.r.f, 1, "chan.duplicates"),
            (size_t)fake_count(w.r.f, 1, "chan.requests"));
    cr_assert_gt(fake_count(w.r.f, 1, "chan.bad"), 1000);
    cr_assert_gt(fake_count(w.r.f, 1, "chan.nobody"), 100);
    cr_assert_gt(fake_count(w.r.f, 1, "chan.duplicates"), 100);
    cr_assert_gt(fake_count(w.r.f, 1, "chan.requests"), 10);
    w.wrong = false; /* requests of random bytes reach the service */
    cr_assert_eq(fake_pending(w.r.f), 0);
    rig_stop(&w.r);
}

/* ---- memory ---- */

Test(rpc, an_idle_node_and_an_idle_path_are_small)
{
    struct world w;
    struct fake_options o = { .nodes = 61 };
    start(&w, &o, GRAPH);
    uint64_t bare = fake_heap_bytes(w.r.f, 1);
    for (uint64_t i = 0; i < 20; i++)
        cr_assert_eq(call(&w, 0, 1, i, 10), XK_OK);
    fake_run(w.r.f, 0);
    uint64_t client = fake_heap_bytes(w.r.f, 0);
    uint64_t one_peer = fake_heap_bytes(w.r.f, 1);
    uint64_t some = 0;
    for (uint32_t from = 2; from < 61; from++) {
        if (from == 21)
            some = fake_heap_bytes(w.r.f, 1);
        cr_assert_eq(call(&w, from, 1, from, 10), XK_OK);
        fake_run(w.r.f, 0);
    }
    uint64_t many = fake_heap_bytes(w.r.f, 1);
    fprintf(stderr, "idle node: %zu bytes bare, %zu after 20 calls as a client\n", (size_t)bare,
            (size_t)client);
    fprintf(stderr, "server: %zu bytes with 1 path, %zu with 20, %zu with 60: %zu each\n",
            (size_t)one_peer, (size_t)some, (size_t)many, (size_t)((many - some) / 40));
    /* The last 16 peers also have cached sessions of BLAST and MESH. */
    cr_assert_leq(many - some, 40 * 256);
    cr_assert_leq(one_peer, 16 * 1024);
    cr_assert_leq(some, 16 * 1024);
    cr_assert_leq(client, 16 * 1024);
    stop(&w, true);
}

/* Rounds of three calls to node 2 and one to node 1; the memory of the caller then. */
static uint64_t memory_after_rounds(uint32_t idle, bool dead)
{
    struct world w;
    char graph[200];
    struct fake_options o = { .nodes = 3, .detect_delay = SIM_MS };
    snprintf(graph, sizeof graph,
             "mesh driver; blast blast <mesh; chan chan <blast; rpc select <chan idle=%u", idle);
    start(&w, &o, graph);
    cr_assert_eq(select_serve(rpc(&w, 2), SERVICE, serve, &w), XK_OK);
    if (dead)
        fake_crash(w.r.f, 2);
    fake_run(w.r.f, 0);
    for (uint64_t n = 0; n < 16; n++) {
        cr_assert_eq(call(&w, 0, n % 4 < 3 ? 2 : 1, n, 10), XK_OK);
        if (n % 4 >= 2)
            fake_run(w.r.f, 0);
    }
    for (uint64_t n = 0; n < 16; n++) {
        cr_assert_eq(w.ended[n], 1);
        cr_assert_eq(w.status[n], dead && n % 4 < 3 ? XK_UNREACHABLE : XK_OK);
    }
    uint64_t memory = fake_heap_bytes(w.r.f, 0);
    stop(&w, true);
    return memory;
}

/* Calls to a node that is known to be dead end at once, and are told by a timer (SEL1).  The record
 * of their host stays until then, and no longer than one whose calls were answered. */
Test(rpc, calls_that_end_at_once_leave_nothing_behind)
{
    for (uint32_t idle = 0; idle <= 1; idle++)
        cr_assert_eq(memory_after_rounds(idle, true), memory_after_rounds(idle, false), "idle=%u",
                     idle);
}

/* ---- M.RPC in the place of CHAN and BLAST ---- */

#define MONOLITH                                                                                   \
    "mesh driver; chan mrpc <mesh client_wait=20ms server_wait=30ms wait_max=200ms; "              \
    "rpc select <chan channels=3 queue=64"
#define MONOLITH_TINY                                                                              \
    "mesh driver queue=1 idle=0; chan mrpc <mesh client_wait=20ms server_wait=30ms "               \
    "wait_max=200ms; rpc select <chan channels=2 queue=1 idle=0"

/* The numbers of its calls begin again: who remembers those of its past life must not take them for
 * old ones. */
Test(rpc, a_client_that_comes_back_is_served_from_its_first_call_on)
{
    for (int k = 0; k < 2; k++) {
        struct world w;
        struct fake_options o = { .detect_delay = SIM_MS };
        start(&w, &o, k ? MONOLITH : GRAPH);
        for (uint64_t n = 0; n < 8; n++) {
            if (n == 4) {
                crash_node(&w, 0);
                fake_run(w.r.f, 0);
                fake_restart(w.r.f, 0);
                fake_run(w.r.f, 0);
            }
            cr_assert_eq(call(&w, 0, 1, n, 10), XK_OK);
            fake_run(w.r.f, 0);
            cr_assert_eq(w.executed[n], 1);
            cr_assert_eq(w.ended[n], 1);
            cr_assert_eq(w.status[n], XK_OK);
        }
        stop(&w, false);
    }
}

Test(mrpc, calls_of_all_lengths_return_their_replies)
{
    for (int lossy = 0; lossy < 2; lossy++) {
        struct world w;
        call_all_lengths(&w, MONOLITH, lossy, 64 * (4096 - 8 - 36) - 8);
        cr_assert_eq(xk_graph_gives(w.r.g, "chan"),
                     (XK_NETWORK & ~XK_ORDERED) | XK_CALLS | XK_LONG);
        cr_assert(lossy || fake_count(w.r.f, 0, "chan.resent") == 0);
        cr_assert(lossy || fake_count(w.r.f, 1, "chan.resent") == 0);
        cr_assert_eq(fake_count(w.r.f, 0, "chan.probes"), lossy);
        stop(&w, true);
    }
}

/* XK4: with SELECT it is one layer, where CHAN and BLAST are two more. */
Test(mrpc, a_call_passes_fewer_layers)
{
    uint64_t layers[2], frames[2];
    for (int k = 0; k < 2; k++) {
        struct world w;
        struct fake_options o = { 0 };
        start(&w, &o, k ? MONOLITH : GRAPH);
        cr_assert_eq(call(&w, 0, 1, 0, 0), XK_OK);
        fake_run(w.r.f, 0);
        cr_assert_eq(w.status[0], XK_OK);
        layers[k] = fake_work(w.r.f, 0, PORT_WORK_LAYER) + fake_work(w.r.f, 1, PORT_WORK_LAYER);
        frames[k] = fake_counts(w.r.f)->frames;
        stop(&w, true);
    }
    cr_assert_eq(frames[0], 2);
    cr_assert_eq(frames[1], 2);
    cr_assert_eq(layers[0], 4 * 3);
    cr_assert_eq(layers[1], 4);
}

/* MRPC1, MRPC2, MRPCS1, CHNL1, MRPCM1. */
Test(mrpc, faults_never_execute_twice_and_calls_always_end)
{
    for (uint64_t seed = 0; seed < sample(NULL, 1500); seed++)
        chaos_on(MONOLITH, seed, true, false, seed & 1);
}

/* MRPC3. */
Test(mrpc, a_reliable_network_needs_no_timer_whatever_the_order)
{
    for (uint64_t seed = 0; seed < sample(NULL, 400); seed++)
        chaos_on(MONOLITH, seed, false, false, seed & 1);
}

/* MRPC1. */
Test(mrpc, a_crash_of_either_node_at_any_step_executes_nothing_twice)
{
    for (uint64_t seed = 0; seed < sample(NULL, 1000); seed++) {
        chaos_on(MONOLITH, seed, false, true, false);
        chaos_on(MONOLITH, seed, true, true, false);
    }
}

/* MRPC4. */
Test(mrpc, tiny_limits_change_nothing_but_who_waits)
{
    for (uint64_t seed = 0; seed < sample(NULL, 500); seed++)
        chaos_on(MONOLITH_TINY, seed, seed & 1, seed % 3 == 0, false);
}

#define SMALL_MONOLITH(tries, channels)                                                            \
    "mesh driver; chan mrpc <mesh tries=" tries "; rpc select <chan channels=" channels

Test(mrpc, every_order_every_loss_and_every_copy)
{
    struct fake_options o = { .nodes = 2, .unordered = true };
    explore(o, SMALL_MONOLITH("2", "2"));
    cr_assert_eq(explored_failures, 0);
    o.lossy = true;
    o.explore_drops = 1;
    explore(o, SMALL_MONOLITH("2", "1"));
    cr_assert_eq(explored_failures, 0);
    o.explore_drops = 0;
    o.explore_copies = 1;
    explore(o, SMALL_MONOLITH("2", "1"));
    cr_assert_eq(explored_failures, 0);
    explore((struct fake_options){ .nodes = 2, .lossy = true, .explore_timers = true },
            SMALL_MONOLITH("0", "1"));
}

/* A call of six fragments and its reply of six: any of the twelve is lost, and any two. */
static uint64_t lost[2], frame_number;
static bool lose_two(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    (void)arg;
    (void)src;
    (void)dst;
    if (frame->length < 200)
        return true; /* questions and answers */
    uint64_t n = frame_number++;
    return n != lost[0] && n != lost[1];
}

Test(mrpc, lost_fragments_are_sent_again_and_no_others)
{
    for (lost[0] = 0; lost[0] < 12; lost[0]++)
        for (lost[1] = lost[0]; lost[1] < 12; lost[1]++) {
            struct world w;
            struct fake_options o = { .mtu = 300, .lossy = true };
            start(&w, &o, MONOLITH);
            cr_assert_eq(call(&w, 0, 1, 0, 1), XK_OK); /* who is there is known then */
            fake_run(w.r.f, 0);
            frame_number = 0;
            fake_on_frame(w.r.f, lose_two, NULL);
            w.reply_bytes = 1500;
            cr_assert_eq(call(&w, 0, 1, 1, 1500), XK_OK);
            fake_run(w.r.f, 0);
            cr_assert_eq(w.status[1], XK_OK);
            cr_assert_eq(w.executed[1], 1);
            uint64_t again =
                fake_count(w.r.f, 0, "chan.resent") + fake_count(w.r.f, 1, "chan.resent");
            /* What was lost, and the last of either message as a question, of either side. */
            cr_assert_leq(again, (lost[0] != lost[1]) + 1 + 4, "%zu %zu: %zu", (size_t)lost[0],
                          (size_t)lost[1], (size_t)again);
            stop(&w, true);
        }
}

static uint32_t refusals;
static bool sees_refusals(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    uint8_t op;
    (void)arg;
    (void)dst;
    if (src == 1 && frame->length == 8 + 36) {
        rope_read(frame, 8 + 2, 1, &op);
        refusals += op == 8;
    }
    return true;
}

static void fill(struct port *port, void *arg)
{
    struct world *w = arg;
    struct xk_protl *mesh = xk_find(w->r.k[1], "mesh"), *x = xk_find(w->r.k[1], "x");
    enum xk_status why = XK_OK;
    struct xk_sessn *s = xk_open(mesh, x, xk_node(0), &why);
    struct xk_msg m;
    (void)port;
    for (xk_msg_init(&m); why == XK_OK; why = xk_push(s, &m))
        ;
    xk_msg_fini(&m);
    xk_close(s);
}

/* The first reply says that it is the fifth of six fragments. */
static bool spoil_reply(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    uint8_t b[8 + 36 + 64];
    uint64_t length = frame->length;
    (void)src, (void)dst;
    if (length > sizeof b)
        return true;
    rope_read(frame, 0, length, b);
    if (length < 8 + 36 || b[8 + 2] != 4 || (*(uint32_t *)arg)++ > 0)
        return true;
    b[8 + 7] = 6;
    wire_put32(b + 8 + 12, 4 * (4096 - 8 - 36) + (uint32_t)length - 8 - 36);
    b[8 + 35] = 0x10;
    rope_fini(frame);
    rope_add_bytes(frame, b, length);
    return true;
}

/* MRPCM2. */
Test(mrpc, a_damaged_count_of_fragments_has_an_end)
{
    struct world w;
    uint32_t replies = 0;
    start(&w, &(struct fake_options){ .lossy = true }, MONOLITH);
    fake_on_frame(w.r.f, spoil_reply, &replies);
    cr_assert_eq(call(&w, 0, 1, 0, 1), XK_OK);
    cr_assert_lt(fake_run(w.r.f, 20000), 20000);
    cr_assert_gt(replies, 1);
    cr_assert_eq(w.executed[0], 1);
    cr_assert_eq(w.ended[0], 1);
    stop(&w, false);
}

/* MRPC2, MRPC4: what ends a call is not lost in a full layer below, where nobody asks again. */
Test(mrpc, a_refusal_waits_for_room)
{
    static const uint8_t request[] = { 0, 2, 0, 1, 0, 0, 0, 36, 0, 9, 1, 0, 0, 0, 0,
                                       1, 0, 0, 0, 1, 0, 0, 0,  0, 0, 0, 0, 1, 0, 0,
                                       0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0, 0, 1 };
    struct world w;
    struct fake_options o = { .tx_queue = 1 };
    start(&w, &o, "mesh driver queue=1; chan mrpc <mesh; rpc select <chan; x probe <mesh");
    refusals = 0;
    fake_on_frame(w.r.f, sees_refusals, NULL);
    fake_call(w.r.f, 1, fill, &w);
    fake_inject(w.r.f, 0, 1, request, sizeof request);
    fake_run(w.r.f, 0);
    cr_assert_eq(fake_count(w.r.f, 1, "chan.nobody"), 1);
    cr_assert_eq(refusals, 1);
    rig_stop(&w.r);
}

Test(mrpc, random_headers_above_a_right_frame_crash_nothing)
{
    struct world w;
    struct fake_options o = { .lossy = true };
    start(&w, &o, MONOLITH);
    uint64_t x = 4711;
    for (uint32_t i = 0; i < 30000; i++) {
        uint8_t b[120];
        for (uint32_t j = 0; j < sizeof b; j++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            b[j] = (uint8_t)(x >> 56);
        }
        size_t len = 8 + 36 + (x >> 40) % 60;
        uint8_t below[8] = { 0, 2, 0, 0, 0, 0, 0, (uint8_t)(len - 8) };
        memcpy(b, below, sizeof below);
        if (i % 4) { /* plausible fields */
            b[8] = 0;
            b[9] %= 6;
            b[10] %= 9;
            b[11] &= 1;
            b[12] = b[14] = b[16] = b[17] = b[18] = b[20] = b[21] = b[22] = 0;
            b[13] %= 4;
            b[15] = 1;
            b[23] = (uint8_t)(len - 44);
            memset(b + 24, 0, 8);
            b[27] = 1;
            b[31] = i % 2;
            memset(b + 36, 0, 8);
            b[43] = 1;
        }
        fake_inject(w.r.f, 0, 1, b, len);
        if (i % 64 == 0)
            fake_run(w.r.f, 0);
    }
    fake_run(w.r.f, 0);
    cr_assert_gt(fake_count(w.r.f, 1, "chan.bad"), 1000);
    cr_assert_gt(fake_count(w.r.f, 1, "chan.nobody"), 100);
    cr_assert_gt(fake_count(w.r.f, 1, "chan.duplicates"), 100);
    cr_assert_gt(fake_count(w.r.f, 1, "chan.requests"), 10);
    w.wrong = false;
    cr_assert_eq(fake_pending(w.r.f), 0);
    rig_stop(&w.r);
}

/* ---- BID below, and a driver that names no life ---- */

Test(rpc, boots_that_bid_names_serve_as_well)
{
    static const char *const graphs[] = {
        "mesh driver lives=false; bid bid <mesh tick=0 query_wait=20ms; blast blast <bid; "
        "chan chan <blast client_wait=20ms server_wait=30ms wait_max=200ms; "
        "rpc select <chan channels=3 queue=64",
        "mesh driver lives=false queue=1; bid bid <mesh tick=0 query_wait=20ms queue=1 idle=0; "
        "chan mrpc <bid client_wait=20ms server_wait=30ms wait_max=200ms; rpc select <chan "
        "channels=3 queue=64",
    };
    for (size_t k = 0; k < ARRAY_LEN(graphs); k++)
        for (uint64_t seed = 0; seed < sample(NULL, 200); seed++) {
            chaos_on(graphs[k], seed, false, false, seed & 1);
            chaos_on(graphs[k], seed, true, seed % 2, false);
        }
}

/* What is below cuts by itself: fragments are then no longer than `fragment`. */
Test(rpc, fragments_are_as_long_as_is_said)
{
    static const struct {
        const char *graph;
        uint64_t header, fragments;
    } of[] = {
        { "mesh driver; blast blast <mesh fragment=1000B; chan chan <blast; rpc select <chan", 24,
          24 + 8 },
        { "mesh driver; chan mrpc <mesh fragment=1000B; rpc select <chan", 36, 8 },
        { "mesh driver; chan mrpc <mesh fragment=1000000B; rpc select <chan", 36, 8 },
    };
    for (size_t k = 0; k < ARRAY_LEN(of); k++) {
        struct world w;
        struct fake_options o = { 0 };
        start(&w, &o, of[k].graph);
        uint64_t each = (k < 2 ? 1000 : 4096 - 8) - of[k].header;
        cr_assert_eq(select_max_bytes(rpc(&w, 0)), 64 * each - of[k].fragments);
        cr_assert_eq(call(&w, 0, 1, 0, 5 * each - of[k].fragments - 8), XK_OK);
        fake_run(w.r.f, 0);
        cr_assert_eq(w.status[0], XK_OK);
        cr_assert_eq(fake_counts(w.r.f)->frames, 5 + 1);
        stop(&w, true);
    }
}
