/* test_crash.c: crashes of tasks and nodes, restarts, incarnations, the failure detector.
 *
 * The audit at the end of every test balances effects, upcalls, threads and frames.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"
#include "tests/ends.h"

#define US SIM_US

static unsigned fired, booted, told_down, told_up;
static sim_time detector_delay;
static uint32_t incarnations[8];

/* ---- a node ---- */

static struct port_timer late;
static void count(struct port_timer *t)
{
    (void)t;
    fired++;
}
static void told(void *arg, uint32_t node, uint32_t life, bool up)
{
    struct port *p = arg;
    cr_expect_eq(node, 0);
    cr_expect_eq(life, up ? 2 : 1);
    cr_expect_eq(port_node(p), 1);
    told_down += !up;
    told_up += up;
    cr_expect_eq(port_now(p), (up ? 30 * US : 10 * US) + detector_delay);
    cr_expect_eq(told_down, 1, "the death is told first");
}
static void forever(void *arg)
{
    struct port *p = arg;
    char *on_heap = port_alloc(p, 1000);
    strcpy(on_heap, "lost");
    for (;;) {
        port_compute(p, 3 * US);
        port_thread_sleep(p, US / 2);
    }
}

static void boot_node(struct port *p, const struct os_layout *l)
{
    (void)l;
    incarnations[booted++] = port_incarnation(p);
    if (port_node(p) == 1) {
        port_on_node_change(p, told, p);
        return;
    }
    port_timer_init(p, &late, count, NULL);
    port_timer_set(&late, 20 * US);
    if (port_incarnation(p) == 1)
        port_thread_spawn(p, "forever", forever, p, 0);
}

/* faults = { { at = "10us", path = "node 0", after = "20us" } }; without `after` it stays down. */
static struct val *new_faults(struct rig *r)
{
    struct val *list = val_new(VAL_LIST, NULL, 0);
    val_put(r->spec, "faults", list);
    return list;
}

static void add_crash(struct val *faults, uint32_t node, const char *at, const char *after)
{
    struct val *f = val_new(VAL_TABLE, NULL, 0);
    val_put(f, "at", val_new_string(at, NULL, 0));
    val_put(f, "path", rig_node(node));
    if (after)
        val_put(f, "after", val_new_string(after, NULL, 0));
    val_append(faults, f);
}

static void crash_and_restart(const char *delay, sim_time takes)
{
    struct rig r;
    detector_delay = takes;
    rig_init(&r, 1, 2);
    rig_set(&r, "detector_delay", delay);
    add_crash(new_faults(&r), 0, "10us", "20us");
    booted = fired = told_down = told_up = 0;
    rig_open(&r, boot_node);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    /* The timer of the first life, due at 20, is gone; that of the second is due at 50. */
    cr_expect_eq(booted, 3);
    cr_expect_eq(incarnations[2], 2);
    cr_expect_eq(fired, 1);
    cr_expect_eq(sim_now(r.sim), 30 * US + (takes > 20 * US ? takes : 20 * US));
    cr_expect_eq(told_down, 1);
    cr_expect_eq(told_up, 1);
    cr_expect_eq(r.m->counts.threads.dropped, 1);
    cr_expect_eq(r.m->counts.timers_dropped, 1);
    rig_close(&r);
}

/* PORT3. */
Test(crash, of_a_node_takes_its_timers_and_threads_and_a_restart_boots_the_next_incarnation)
{
    crash_and_restart("3us", 3 * US);
}

/* Else whoever waits for the dead waits for ever. */
Test(crash, of_a_node_is_told_although_it_is_back_before_that)
{
    crash_and_restart("30us", 30 * US);
}

/* ---- who is told ---- */

static char news[3][200]; /* of each node, "ABOUT is down at N;" in order */

static void note_news(void *arg, uint32_t node, uint32_t life, bool up)
{
    struct port *p = arg;
    char *to = news[port_node(p)] + strlen(news[port_node(p)]);
    (void)life;
    sprintf(to, "%u %s %u;", node, up ? "up" : "down", (unsigned)(port_now(p) / US));
}

static void boot_watcher(struct port *p, const struct os_layout *l)
{
    (void)l;
    port_on_node_change(p, note_news, p);
}

/* Everybody is told of each change once; who comes back, of those who are down, and nobody else. */
Test(crash, every_node_is_told_once_and_one_that_comes_back_who_is_down)
{
    struct rig r;
    rig_init(&r, 1, 3);
    rig_set(&r, "detector_delay", "3us");
    struct val *faults = new_faults(&r);
    add_crash(faults, 2, "5us", NULL);
    add_crash(faults, 1, "10us", "20us");
    rig_open(&r, boot_watcher);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_expect_str_eq(news[0], "2 down 8;1 down 13;1 up 33;");
    cr_expect_str_eq(news[1], "2 down 8;2 down 33;");
    cr_expect_str_eq(news[2], "");
    rig_close(&r);
}

/* A node that asks for its own crash, 30 us from now, dies of another before. */
static void doom(struct port_timer *t)
{
    port_compute(t->arg, 30 * US);
    port_task_crash(t->arg);
}

static void boot_doomed(struct port *p, const struct os_layout *l)
{
    static struct port_timer doomed;
    (void)l;
    if (port_node(p) == 1)
        return;
    booted++;
    port_timer_init(p, port_incarnation(p) == 1 ? &doomed : &late,
                    port_incarnation(p) == 1 ? doom : count, p);
    port_timer_set(port_incarnation(p) == 1 ? &doomed : &late,
                   port_incarnation(p) == 1 ? 5 * US : 30 * US);
}

Test(crash, of_a_node_takes_the_crash_that_its_code_had_asked_for)
{
    struct rig r;
    rig_init(&r, 1, 2);
    /* At 10 us; back at 30, when the other was due at 35. */
    add_crash(new_faults(&r), 0, "10us", "20us");
    booted = fired = 0;
    rig_open(&r, boot_doomed);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_expect_eq(booted, 2);
    cr_expect_eq(fired, 1); /* at 60 */
    cr_expect(r.m->nodes[0].up);
    rig_close(&r);
}

/* ---- of psim itself ---- */

static void boot_wrong(struct port *p, const struct os_layout *l)
{
    (void)l;
    ASSERT_MSG(port_node(p) != 1, "planted");
}

Test(crash, of_an_assertion_names_the_node_whose_upcall_runs)
{
    int ends[2], status;
    char text[2000];
    size_t n = 0;
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = { 0, 0 };
        struct rig r;
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        rig_init(&r, 1, 3);
        rig_open(&r, boot_wrong);
        rig_run(&r);
        _exit(0);
    }
    close(ends[1]);
    for (ssize_t got; (got = read(ends[0], text + n, sizeof text - 1 - n)) > 0;)
        n += (size_t)got;
    text[n] = '\0';
    close(ends[0]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status));
    cr_assert(strstr(text, "planted") && strstr(text, ", node 1\n"), "%s", text);
}

/* ---- counters ---- */

struct counting {
    struct {
        uint64_t ticks, lives;
    } counts;
    struct port_timer timer;
};
static const struct counter tick_counters[] = {
    C_SUM(counting, counts, ticks, "1", "Ticks."),
    C_NOW(counting, counts, lives, "1", "Lives."),
    C_END,
};

static void tick(struct port_timer *t)
{
    struct counting *c = CONTAINER_OF(t, struct counting, timer);
    c->counts.ticks++;
    if (port_now(t->port) < 40 * US)
        port_timer_set(t, 4 * US);
}

static void boot_counting(struct port *p, const struct os_layout *l)
{
    (void)l;
    struct counting *c = port_alloc(p, sizeof *c);
    port_counters(p, "test", tick_counters, c);
    c->counts.lives = 1;
    port_timer_init(p, &c->timer, tick, NULL);
    port_timer_set(&c->timer, 4 * US);
}

static double counted(struct rig *r, const struct counter *of, const char *name)
{
    double v = -1;
    cr_expect(sim_count_sum(r->sim, of, (const char *const[]){ name, NULL }, &v), "%s", name);
    return v;
}

Test(crash, loses_nothing_that_a_node_had_counted)
{
    struct rig r;
    rig_init(&r, 1, 2);
    add_crash(new_faults(&r), 0, "10us", "20us");
    rig_open(&r, boot_counting);
    rig_run(&r);
    /* Node 1 ticks at 4, 8, ..., 40 us; node 0 at 4 and 8, and, back at 30, at 34, 38, 42. */
    cr_expect_eq(counted(&r, tick_counters, "ticks"), 10 + 2 + 3);
    cr_expect_eq(counted(&r, tick_counters, "lives"), 2);
    cr_expect_eq(counted(&r, machine_counters, "crashes"), 1);
    rig_close(&r);
}

/* ---- a task ---- */

static struct port *victim;
static struct port_timer killer, own;
static unsigned task_runs;

static void victim_main(struct port *task, void *arg)
{
    cr_expect_str_eq(port_task_name(task), "victim");
    cr_expect_str_eq(arg, "hello");
    task_runs++;
    port_thread_spawn(task, "forever", forever, task, 0);
    port_timer_init(task, &own, count, NULL);
    port_timer_set(&own, 30 * US);
}

static unsigned ends;
static void victim_ended(void *arg)
{
    cr_expect_eq(arg, &ends);
    cr_expect_gt(victim->heap_bytes, 0); /* it is still there */
    ends++;
}

static void never(struct port *task, void *arg)
{
    (void)task;
    (void)arg;
    cr_expect(false, "an upcall of a dead task");
}

static void kill_victim(struct port_timer *t)
{
    (void)t;
    cr_expect_gt(victim->heap_bytes, 0);
    port_task_crash(victim);
    port_task_crash(victim); /* twice is harmless */
    port_task_run(victim, never, NULL);
}

static void boot_task(struct port *p, const struct os_layout *l)
{
    (void)l;
    static char hello[] = "hello";
    victim = port_task_create(p, "victim", victim_main, hello);
    port_task_on_end(victim, victim_ended, &ends);
    port_timer_init(p, &killer, kill_victim, NULL);
    port_timer_set(&killer, 10 * US);
    port_timer_init(p, &late, count, NULL);
    port_timer_set(&late, 40 * US);
}

Test(crash, of_a_task_leaves_the_rest_of_the_node_alone)
{
    struct rig r;
    rig_init(&r, 1, 1);
    fired = task_runs = 0;
    rig_open(&r, boot_task);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_expect_eq(task_runs, 1);
    cr_expect_eq(fired, 1); /* the kernel's alone */
    cr_expect_eq(ends, 1);
    cr_expect(victim->dead);
    cr_expect_eq(victim->heap_bytes, 0);
    cr_expect_eq(sim_now(r.sim), 40 * US);
    rig_close(&r);
}

static struct port *helper;
static unsigned helped;

static void help(struct port *task, void *arg)
{
    (void)arg;
    cr_expect_eq(task, helper);
    cr_expect_eq(port_now(task), 10 * US, "when the thread has ended");
    helped++;
}

static void asks(void *arg)
{
    struct port *p = arg;
    port_work(p, PORT_WORK_OP, 20);
    port_task_run(p, never, NULL);
    port_task_run(helper, help, NULL);
    port_compute(p, 100 * US);
    cr_expect(false, "the code of a dead task runs on");
}

/* As code of another processor of the node does. */
static void kill_asking(struct sim *s, struct sim_event *e)
{
    (void)s, (void)e;
    task_crash(victim);
}

static void boot_asking(struct port *p, const struct os_layout *l)
{
    (void)l;
    helper = p;
    victim = port_task_create(p, "victim", NULL, NULL);
    port_thread_spawn(victim, "asks", asks, victim, 0);
}

Test(crash, of_a_task_leaves_what_its_threads_have_had_others_do)
{
    struct rig r;
    rig_init(&r, 1, 1);
    struct sim_event end;
    helped = 0;
    rig_set(&r, "prices.op.each", "1us");
    rig_open(&r, boot_asking);
    sim_event_init(&end, SIM_CLASS_SOFTWARE, kill_asking);
    sim_at(r.sim, &end, 10 * US);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_expect_eq(helped, 1);
    rig_close(&r);
}

static void suicide(void *arg)
{
    struct port *p = arg;
    port_task_crash(p);
    port_compute(p, 100 * US);
    cr_expect(false, "the code of a dead task runs on");
}

static void boot_suicide(struct port *p, const struct os_layout *l)
{
    (void)l;
    if (port_incarnation(p) == 1)
        port_thread_spawn(p, "suicide", suicide, p, 0);
}

Test(crash, of_the_kernel_task_by_its_own_thread_is_a_crash_of_the_node)
{
    struct rig r;
    rig_init(&r, 1, 2);
    rig_open(&r, boot_suicide);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_expect_not(machine_node_up(r.m, 0));
    cr_expect_not(machine_node_up(r.m, 1));
    cr_expect_eq(r.m->counts.crashes, 2);
    rig_close(&r);
}

/* ---- a node at every step of a small run ---- */

struct peer {
    struct port *port;
    struct port_thread *caller;
    struct port_timer again;
    uint32_t rounds, got;
};

static unsigned finished;

static void talk(struct peer *me)
{
    struct rope f;
    rope_init(&f);
    rope_add_bytes(&f, &me->rounds, sizeof me->rounds);
    rope_add_pattern(&f, 5, 0, 100);
    if (end_send(me->port, 1 - port_node(me->port), 0, &f) != PORT_IF_OK)
        rope_fini(&f);
}

static void heard(void *arg, uint64_t src, unsigned flags, struct rope *frame)
{
    (void)src, (void)flags;
    struct peer *me = arg;
    port_work(me->port, PORT_WORK_OP, 2);
    if (port_node(me->port) == 1) {
        struct rope back;
        rope_move(&back, frame);
        if (end_send(me->port, 0, 0, &back) != PORT_IF_OK)
            rope_fini(&back);
        return;
    }
    uint32_t round;
    rope_read(frame, 0, sizeof round, &round);
    if (round == me->rounds)
        me->got++;
    port_thread_wake(me->port, me->caller);
}

static void call(void *arg)
{
    struct peer *me = arg;
    for (me->rounds = 0; me->rounds < 4; me->rounds++) {
        uint32_t had = me->got;
        for (int tries = 0; tries < 3 && me->got == had; tries++) {
            port_work(me->port, PORT_WORK_OP, 1);
            talk(me);
            (void)port_thread_block_for(me->port, "an echo", me->rounds, 40 * US);
        }
    }
    finished++;
}

static void boot_peer(struct port *p, const struct os_layout *l)
{
    (void)l;
    struct peer *me = port_alloc(p, sizeof *me);
    me->port = p;
    static const struct port_end_ops ops = { .receive = heard };
    end_open(p, &ops, me);
    if (port_node(p) == 0)
        me->caller = port_thread_spawn(p, "call", call, me, 0);
}

static void prepare(struct rig *r, const char *network)
{
    rig_init(r, 1, 2);
    rig_set(r, "network.model", network);
    rig_set(r, "prices.op.each", "1us");
    finished = 0;
}

static void one_fault(struct rig *r, uint64_t step, uint32_t node, const char *after)
{
    struct val *list = val_new(VAL_LIST, NULL, 0), *f = val_new(VAL_TABLE, NULL, 0);
    val_put(f, "event", val_new_int((int64_t)step, NULL, 0));
    val_put(f, "path", rig_node(node));
    val_put(f, "after", val_new_string(after, NULL, 0));
    val_append(list, f);
    val_put(r->spec, "faults", list);
}

static void crash_at_every_step(const char *network)
{
    struct rig r;
    prepare(&r, network);
    rig_open(&r, boot_peer);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_expect_eq(finished, 1);
    uint64_t steps = machine_steps(r.m);
    rig_close(&r);
    cr_assert_gt(steps, 20);
    static const char *const afters[] = { "0", "1ns", "30us" };
    unsigned whole = 0, runs = 0;
    for (size_t a = 0; a < ARRAY_LEN(afters); a++)
        for (uint32_t node = 0; node < 2; node++)
            for (uint64_t k = 1; k <= steps; k++) {
                prepare(&r, network);
                one_fault(&r, k, node, afters[a]);
                rig_open(&r, boot_peer);
                enum sim_end end = rig_run(&r);
                cr_expect_eq(end, SIM_END_IDLE, "step %lu: %s", k, sim_end_name(end));
                cr_expect_eq(r.m->counts.crashes, 1);
                runs++;
                whole += finished;
                rig_close(&r);
            }
    /* Node 0 that crashes and stays down never finishes; node 1 never hinders it. */
    cr_expect_geq(whole, 3 * steps);
    cr_expect_lt(whole, runs);
}

Test(crash, at_every_step_of_a_run_ends_well)
{
    crash_at_every_step("wire");
}

Test(crash, at_every_step_of_a_run_on_the_worm_network_ends_well)
{
    crash_at_every_step("worm");
}
