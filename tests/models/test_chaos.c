/* test_chaos.c: random code on a few nodes: what must hold whatever it does.
 *
 *   - the present of a thread and of an upcall never goes back;
 *   - a CPU is busy for exactly the work that was named on it: none is lost, none served twice;
 *   - the audit balances, also with nodes that crash at random;
 *   - the same seed gives the same digest.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "rig.h"
#include "tests/ends.h"
#include "tests/sample.h"

#define NODES 3
#define THREADS 4
#define TIMERS 3
#define US SIM_US

static struct port_thread *threads[NODES][THREADS];
static struct port_timer *timers[NODES];
static sim_time named[NODES][2]; /* on the application CPU, on the coprocessor */
static bool aside, crashing;
static uint64_t draws;

static uint64_t draw(struct port *p, uint64_t n)
{
    draws++;
    return port_random_below(p, n);
}

static void work(struct port *p, uint64_t ops)
{
    port_work(p, PORT_WORK_OP, ops);
    named[port_node(p)][aside && !port_in_thread(p)] += (sim_time)ops * US;
}

static void send(struct port *p)
{
    struct rope f;
    rope_init(&f);
    rope_add_pattern(&f, 9, draw(p, 1000), draw(p, 3000));
    if (end_send(p, (uint32_t)draw(p, NODES), 0, &f) != PORT_IF_OK)
        rope_fini(&f);
}

/* Something that never blocks. */
static void act(struct port *p)
{
    struct port_timer *t = &timers[port_node(p)][draw(p, TIMERS)];
    switch (draw(p, 6)) {
    case 0:
        work(p, draw(p, 20));
        break;
    case 1:
        port_thread_wake(p, threads[port_node(p)][draw(p, THREADS)]);
        break;
    case 2:
        send(p);
        break;
    case 3:
        port_timer_set(t, (sim_time)draw(p, 50) * US);
        break;
    case 4:
        (void)port_timer_cancel(t);
        break;
    default:
        port_delivered(p, 1, draw(p, 1000));
    }
}

static void on_timer(struct port_timer *t)
{
    sim_time before = port_now(t->port);
    for (uint64_t n = draw(t->port, 4); n > 0; n--)
        act(t->port);
    cr_assert_geq(port_now(t->port), before);
}

static void on_frame(void *arg, uint64_t src, unsigned flags, struct rope *frame)
{
    struct port *p = arg;
    (void)src, (void)flags, (void)frame;
    work(p, draw(p, 5));
    if (draw(p, 4) == 0)
        act(p);
}

static void program(void *arg)
{
    struct port *p = arg;
    sim_time now = port_now(p);
    for (int i = 0; i < 40; i++) {
        switch (draw(p, 8)) {
        case 0:
            (void)port_thread_block_for(p, "anything", 0, (sim_time)draw(p, 30) * US);
            break;
        case 1:
            port_thread_sleep(p, (sim_time)draw(p, 30) * US);
            break;
        case 2:
            port_pay(p);
            break;
        case 3: {
            sim_time t = (sim_time)draw(p, 15) * US;
            named[port_node(p)][0] += t;
            port_compute(p, t);
            break;
        }
        default:
            act(p);
        }
        cr_assert_geq(port_now(p), now);
        now = port_now(p);
    }
}

static void boot(struct port *p, const struct os_layout *l)
{
    (void)l;
    uint32_t me = port_node(p);
    static const struct port_end_ops ops = { .receive = on_frame };
    end_open(p, &ops, p);
    timers[me] = port_alloc(p, TIMERS * sizeof(struct port_timer));
    for (int i = 0; i < TIMERS; i++)
        port_timer_init(p, &timers[me][i], on_timer, NULL);
    for (int i = 0; i < THREADS; i++)
        threads[me][i] = port_thread_spawn(p, "program", program, p, 0);
}

static void crash_somewhere(struct rig *r, uint64_t seed)
{
    struct val *list = val_new(VAL_LIST, NULL, 0);
    for (uint64_t i = 0; i < 3; i++) {
        struct val *f = val_new(VAL_TABLE, NULL, 0);
        val_put(f, "event", val_new_int((int64_t)(seed * 7 % 90 + 40 * i + 1), NULL, 0));
        val_put(f, "path", rig_node((uint32_t)((seed + i) % NODES)));
        val_put(f, "after", val_new_string(i == 2 ? "0" : "3us", NULL, 0));
        val_append(list, f);
    }
    val_put(r->spec, "faults", list);
}

static void run(uint64_t seed, const char *network, bool preempt, char digest[33])
{
    struct rig r;
    rig_init(&r, 1, NODES);
    r.options.seed = seed;
    r.options.tie = seed % 2 ? SIM_TIE_SHUFFLE : SIM_TIE_SEQUENCE;
    rig_set(&r, "network.model", network);
    rig_set(&r, "prices.op.each", "1us");
    rig_set_bool(&r, "node.preempt", preempt);
    rig_set(&r, "node.upcall_cpu", aside ? "coprocessor" : "application");
    if (crashing)
        crash_somewhere(&r, seed);
    for (int i = 0; i < NODES; i++)
        named[i][0] = named[i][1] = 0;
    rig_open(&r, boot);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    sim_digest_text(r.sim, digest);
    for (int i = 0; i < NODES && !crashing; i++) {
        cr_expect_eq(sim_busy_time(&r.m->nodes[i].cpu.busy, sim_now(r.sim)), named[i][0]);
        cr_expect_eq(sim_busy_time(&r.m->nodes[i].coprocessor.busy, sim_now(r.sim)), named[i][1]);
    }
    rig_close(&r);
}

static void many(void)
{
    uint64_t seeds = sample(NULL, 40);
    for (uint64_t seed = 1; seed <= seeds; seed++)
        for (int way = 0; way < 4; way++) {
            char first[33], second[33];
            const char *network = seed % 3 ? "wire" : "worm";
            aside = way & 1;
            run(seed, network, way & 2, first);
            run(seed, network, way & 2, second);
            cr_assert_str_eq(first, second, "seed %lu", seed);
        }
    cr_expect_gt(draws, 250 * seeds);
}

Test(chaos, no_work_is_lost_and_no_clock_goes_back)
{
    crashing = false;
    many();
}

/* NODE6. */
Test(chaos, crashes_at_random_leave_the_accounts_balanced)
{
    crashing = true;
    many();
}
