/* test_train.c: frames reckoned together change nothing (TRAIN1, TRAIN2, TRAIN3).
 *
 * Random nodes send each other bursts of parts, single frames, work, wakes and crashes, with and
 * without trains; the window opens and closes anywhere.  Equal to the picosecond: every frame's
 * arrival at its receiver, every account of CPUs, buses, queues and channels, every count.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/nic_internal.h"
#include "rig.h"
#include "tests/ends.h"
#include "tests/sample.h"

#define NODES 4
#define TIMERS 3
#define PARTS 80
#define US SIM_US
#define ACCOUNTS 64

struct sender { /* of a node: what does not fit the queue waits, as in a driver */
    uint32_t dst, left;
    bool first;
};

static struct port_timer *timers[NODES];
static struct port_thread *threads[NODES];
static struct sender senders[NODES];
static uint64_t seen[NODES], joined[NODES], trains; /* joined: of parts, which no code looks at */
static int rounds[NODES];
static bool lazy; /* a frame costs nothing */

static uint64_t mix(uint64_t x)
{
    x ^= x >> 31;
    x *= UINT64_C(0x9e3779b97f4a7c15);
    return x ^ x >> 29;
}

static uint64_t draw(struct port *p, uint64_t n)
{
    return port_random_below(p, n);
}

static bool send(struct port *p, uint32_t dst, bool part)
{
    struct rope f;
    rope_init(&f);
    rope_add_pattern(&f, 3, seen[port_node(p)] % 5000, part ? 1001 : 600); /* odd: a part */
    enum port_if_result r = end_send(p, dst, part ? PORT_PART : 0, &f);
    rope_fini(&f);
    return r == PORT_IF_OK;
}

/* As far as the queue takes it. */
static void push(struct port *p, uint64_t work)
{
    struct sender *s = &senders[port_node(p)];
    while (s->left > 0) {
        port_work(p, PORT_WORK_OP, work);
        if (!send(p, s->dst, !s->first && s->left > 1))
            return;
        s->first = false;
        s->left--;
    }
}

static void burst(struct port *p)
{
    struct sender *s = &senders[port_node(p)];
    if (s->left > 0)
        return;
    s->dst = (uint32_t)draw(p, NODES);
    s->left = 1 + (uint32_t)draw(p, PARTS);
    s->first = true;
    push(p, draw(p, 3) ? draw(p, 20) : 0);
}

static void act(struct port *p)
{
    uint32_t me = port_node(p);
    switch (draw(p, 8)) {
    case 0:
        port_work(p, PORT_WORK_OP, draw(p, 40));
        break;
    case 1:
        port_thread_wake(p, threads[me]);
        break;
    case 2:
        (void)send(p, (uint32_t)draw(p, NODES), false);
        break;
    case 3:
        port_timer_set(&timers[me][draw(p, TIMERS)], (sim_time)draw(p, 900) * US);
        break;
    default:
        burst(p);
    }
}

static void on_timer(struct port_timer *t)
{
    struct port *p = t->port;
    for (uint64_t n = draw(p, 3); n > 0; n--)
        act(p);
    if (rounds[port_node(p)]++ < 25)
        port_timer_set(t, (sim_time)draw(p, 3000) * US + (sim_time)draw(p, 2000));
}

static void on_frame(void *arg, uint64_t src, unsigned flags, struct rope *frame)
{
    (void)flags;
    struct port *p = arg;
    uint32_t me = port_node(p);
    port_work(p, PORT_WORK_OP, frame->length % 2 ? 9 : lazy && draw(p, 2) ? 0 : 4);
    uint64_t *to = frame->length % 2 ? &joined[me] : &seen[me];
    *to = mix(*to ^ (uint64_t)port_now(p) ^ src << 7 ^ frame->length);
    if (frame->length % 2 == 0 && draw(p, 4) == 0)
        act(p);
}

static void on_ready(void *arg)
{
    push(arg, 0);
}

static void program(void *arg)
{
    struct port *p = arg;
    for (int i = 0; i < 30; i++) {
        (void)port_thread_block_for(p, "anything", 0, (sim_time)draw(p, 4000) * US);
        port_compute(p, (sim_time)draw(p, 60) * US);
        if (draw(p, 2))
            act(p);
    }
}

static void boot(struct port *p, const struct os_layout *l)
{
    (void)l;
    uint32_t me = port_node(p);
    senders[me] = (struct sender){ 0 };
    static const struct port_end_ops ops = { .receive = on_frame, .ready = on_ready };
    end_open(p, &ops, p);
    timers[me] = port_alloc(p, TIMERS * sizeof(struct port_timer));
    for (int i = 0; i < TIMERS; i++) {
        port_timer_init(p, &timers[me][i], on_timer, NULL);
        port_timer_set(&timers[me][i], (sim_time)draw(p, 900) * US);
    }
    threads[me] = port_thread_spawn(p, "program", program, p, 0);
}

/* ---- what is compared ---- */

struct account {
    uint64_t arrived, served, longest, uses;
    sim_u128 area, sojourn, waited;
    sim_time busy;
    struct sim_account window;
};
struct outcome {
    uint64_t seen[NODES], joined[NODES], steps;
    char digest[33];
    struct account of[NODES][3];
    struct sim_account queue[NODES]; /* of the interface, over the window */
    struct {
        sim_time busy;
        uint64_t uses;
    } all[ACCOUNTS]; /* those of channels among them */
    uint32_t accounts;
    struct nic_counts nic[NODES];
    struct machine_counts counts;
};

static struct account account_of(const struct sim_server *v, const struct sim *s)
{
    struct account a = { 0 };
    a.arrived = v->arrived;
    a.served = v->served;
    a.longest = v->longest;
    a.uses = v->busy.uses;
    a.area = v->area;
    a.sojourn = v->sojourn;
    a.waited = v->waited;
    a.busy = sim_busy_time(&v->busy, sim_now(s));
    a.window = sim_server_window(v);
    return a;
}

static void note_account(void *arg, const struct sim_busy *b)
{
    struct outcome *o = arg;
    cr_assert_lt(o->accounts, ACCOUNTS);
    o->all[o->accounts].busy = sim_busy_time(b, sim_now(b->sim));
    o->all[o->accounts++].uses = b->uses;
}

static void look(const struct rig *r, struct outcome *o)
{
    memset(o, 0, sizeof *o);
    memcpy(o->seen, seen, sizeof seen);
    memcpy(o->joined, joined, sizeof joined);
    o->steps = r->m->steps;
    sim_digest_text(r->sim, o->digest);
    for (uint32_t i = 0; i < NODES; i++) {
        const struct node *n = &r->m->nodes[i];
        o->of[i][0] = account_of(&n->cpu, r->sim);
        o->of[i][1] = account_of(&n->coprocessor, r->sim);
        o->of[i][2] = account_of(&n->bus, r->sim);
        nic_counts(n->ifaces[0].nic, &o->nic[i]);
        o->queue[i] = sim_inside_window(&n->ifaces[0].nic->sending);
    }
    sim_busy_each(r->sim, note_account, o);
    o->counts = r->m->counts;
}

/* A look into the middle: the edges of the window. */
static void open(struct sim *s, struct sim_event *e)
{
    (void)e;
    sim_window_open(s);
}

static void close(struct sim *s, struct sim_event *e)
{
    (void)e;
    sim_window_close(s);
}

static void crash(struct rig *r, uint64_t seed)
{
    struct val *list = val_new(VAL_LIST, NULL, 0);
    char at[32];
    for (uint64_t i = 0; i < 2; i++) {
        struct val *f = val_new(VAL_TABLE, NULL, 0);
        snprintf(at, sizeof at, "%luus", mix(seed + i) % 25000 + 100);
        val_put(f, "at", val_new_string(at, NULL, 0));
        val_put(f, "path", rig_node((uint32_t)((seed + i) % NODES)));
        val_put(f, "after", val_new_string(i ? "0" : "700us", NULL, 0));
        val_append(list, f);
    }
    val_put(r->spec, "faults", list);
}

static void run(uint64_t seed, bool with, struct outcome *o)
{
    static const char *const rates[] = { "20000017B/s", "90000049B/s", "400000009B/s", "1000GB/s" };
    static const int64_t queues[] = { 5, 16, 40, 100 };
    struct rig r;
    uint64_t x = mix(seed);
    rig_init(&r, x & 512 ? 2 : 1, x & 512 ? NODES / 2 : NODES);
    r.options.seed = seed;
    rig_set_bool(&r, "trains", with);
    rig_set(&r, "network.model", x & 1024 ? "worm" : "ideal");
    rig_set_bool(&r, "network.express", with);
    lazy = (x >> 11 & 3) == 0;
    rig_set(&r, "prices.frame_in.each", lazy ? "0" : "1ns");
    rig_set(&r, "prices.op.each", x & 1 ? "1000003ps" : "613ns");
    rig_set_bool(&r, "node.preempt", x & 2);
    rig_set(&r, "node.upcall_cpu", x & 4 ? "coprocessor" : "application");
    rig_set(&r, "nic.dma_rate", rates[x >> 3 & 3]);
    rig_set(&r, "nic.dma_setup", x & 32 ? "2000011ps" : "0");
    rig_set_int(&r, "nic.queue_frames", queues[x >> 6 & 3]);
    if (x & 256)
        crash(&r, seed);
    memset(seen, 0, sizeof seen);
    memset(joined, 0, sizeof joined);
    memset(rounds, 0, sizeof rounds);
    rig_open(&r, boot);
    struct sim_event edges[2];
    for (int i = 0; i < 2; i++) {
        sim_event_init(&edges[i], SIM_CLASS_MEASURE, i ? close : open);
        sim_at(r.sim, &edges[i], (sim_time)(mix(x + (uint64_t)i) % 9000) * US + i * 9000 * US);
    }
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    look(&r, o);
    trains += with ? sim_events_fired(r.sim) : 0;
    trains -= with ? 0 : sim_events_fired(r.sim);
    rig_close(&r);
}

static void same_account(const struct account *a, const struct account *b, uint64_t seed, int node,
                         int which)
{
    cr_assert(memcmp(a, b, sizeof *a) == 0,
              "seed %lu: node %d, account %d: arrived %lu %lu, served %lu %lu, longest %lu %lu, "
              "uses %lu %lu, busy %ld %ld, area %lu %lu, sojourn %lu %lu, waited %lu %lu",
              seed, node, which, a->arrived, b->arrived, a->served, b->served, a->longest,
              b->longest, a->uses, b->uses, a->busy, b->busy, (uint64_t)a->area, (uint64_t)b->area,
              (uint64_t)a->sojourn, (uint64_t)b->sojourn, (uint64_t)a->waited, (uint64_t)b->waited);
}

/* TRAIN1, TRAIN2, TRAIN3. */
Test(train, changes_nothing)
{
    uint64_t seeds = sample("TRAINS", 150), fewer = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        static struct outcome a, b;
        run(seed, false, &a);
        run(seed, true, &b);
        cr_assert_arr_eq(a.seen, b.seen, sizeof a.seen, "seed %lu: arrivals", seed);
        cr_assert_arr_eq(a.joined, b.joined, sizeof a.joined, "seed %lu: parts", seed);
        cr_assert_str_eq(a.digest, b.digest, "seed %lu", seed);
        cr_expect_eq(a.steps, b.steps, "seed %lu: steps %lu, not %lu", seed, b.steps, a.steps);
        for (int i = 0; i < NODES; i++) {
            for (int k = 0; k < 3; k++)
                same_account(&a.of[i][k], &b.of[i][k], seed, i, k);
            cr_assert_arr_eq(&a.nic[i], &b.nic[i], sizeof a.nic[i], "seed %lu: interface %d", seed,
                             i);
            cr_assert_arr_eq(&a.queue[i], &b.queue[i], sizeof a.queue[i], "seed %lu: queue %d",
                             seed, i);
        }
        for (uint32_t i = 0; i < a.accounts; i++)
            cr_assert(a.all[i].busy == b.all[i].busy && a.all[i].uses == b.all[i].uses,
                      "seed %lu: account %u is busy %ld, not %ld, %lu times, not %lu", seed, i,
                      b.all[i].busy, a.all[i].busy, b.all[i].uses, a.all[i].uses);
        for (size_t k = 0; k < sizeof a.counts / 8; k++)
            cr_expect_eq(((const uint64_t *)&a.counts)[k], ((const uint64_t *)&b.counts)[k],
                         "seed %lu: count %zu is %lu, not %lu", seed, k,
                         ((const uint64_t *)&b.counts)[k], ((const uint64_t *)&a.counts)[k]);
        fewer += (int64_t)trains < 0;
        trains = 0;
    }
    cr_expect_geq(fewer, seeds / 2, "trains ran in %lu of %lu", fewer, seeds);
}
