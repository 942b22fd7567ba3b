/* bench_engine.c: events and threads of the engine, beside SimGrid's own.
 *
 * Every event schedules itself anew after a random delay of up to 2^20 time units (the hold model
 * [Vaucher & Duval 1975]), so the number of pending events stays what it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/thread.h"
#include "tests/bench/bench.h"

static uint64_t left, state = 1;

static sim_time delay(void)
{
    return (sim_time)(bench_random(&state) >> 44);
}

static void again(struct sim *s, struct sim_event *e)
{
    if (left > 0) {
        left--;
        sim_after(s, e, delay());
    }
}

static double events(uint64_t pending, uint64_t operations)
{
    struct sim *s = sim_create(NULL);
    struct sim_event *e = calloc(pending, sizeof(*e));
    left = operations;
    for (uint64_t i = 0; i < pending; i++) {
        sim_event_init(&e[i], SIM_CLASS_SOFTWARE, again);
        sim_after(s, &e[i], delay());
    }
    double from = bench_seconds();
    sim_run(s);
    double rate = (double)(operations + pending) / (bench_seconds() - from);
    sim_destroy(s);
    free(e);
    return rate;
}

/* What a machine of `nodes` nodes keeps pending: per node 16 worm headers (tens of ns), 4 service
 * completions (tens of us) and 4 protocol timers (tens of ms), of which most are cancelled and set
 * anew before they fire.  All lie apart in memory, as embedded events do. */
struct node {
    struct sim_event header[16], service[4], timer[4];
    char other_state[2048];
};

static struct node *nodes;
static uint64_t node_count;

static void header_event(struct sim *s, struct sim_event *e)
{
    if (left == 0)
        return;
    left--;
    sim_after(s, e, 10000 + (sim_time)(bench_random(&state) % 16) * 10000);
    if (left % 64 == 0) {
        struct node *n = &nodes[bench_random(&state) % node_count];
        struct sim_event *t = &n->timer[left / 64 % 4];
        sim_cancel(s, t);
        sim_after(s, t, 50 * SIM_MS);
    }
}

static void service_event(struct sim *s, struct sim_event *e)
{
    if (left > 0)
        sim_after(s, e, 20 * SIM_US + (sim_time)(bench_random(&state) % (30 * SIM_US)));
}

static void no_event(struct sim *s, struct sim_event *e)
{
    (void)s;
    (void)e;
}

static double machine(uint64_t count, uint64_t operations)
{
    struct sim *s = sim_create(NULL);
    nodes = calloc(count, sizeof(*nodes));
    node_count = count;
    left = operations;
    for (uint64_t i = 0; i < count; i++) {
        for (int k = 0; k < 16; k++) {
            sim_event_init(&nodes[i].header[k], SIM_CLASS_ARRIVAL, header_event);
            sim_after(s, &nodes[i].header[k], (sim_time)(bench_random(&state) % 160000));
        }
        for (int k = 0; k < 4; k++) {
            sim_event_init(&nodes[i].service[k], SIM_CLASS_DEVICE, service_event);
            sim_after(s, &nodes[i].service[k], (sim_time)(bench_random(&state) % (30 * SIM_US)));
            sim_event_init(&nodes[i].timer[k], SIM_CLASS_SOFTWARE, no_event);
            sim_after(s, &nodes[i].timer[k], 50 * SIM_MS);
        }
    }
    double from = bench_seconds();
    sim_run(s);
    double ns = (bench_seconds() - from) * 1e9 / (double)sim_events_fired(s);
    sim_destroy(s);
    free(nodes);
    return ns;
}

/* ---- threads ---- */
static struct sim *run;

static void sleeper(void *arg)
{
    (void)arg;
    while (left > 0) {
        left--;
        sim_thread_sleep(run, 1 + delay());
    }
}

static double sleeps(uint64_t threads, uint64_t operations)
{
    run = sim_create(NULL);
    left = operations;
    for (uint64_t i = 0; i < threads; i++)
        sim_thread_spawn(run, "sleeper", sleeper, NULL, 0, NULL);
    double from = bench_seconds();
    sim_run(run);
    double rate = (double)operations / (bench_seconds() - from);
    sim_destroy(run);
    return rate;
}

struct pair {
    struct sim_event event;
    struct sim_thread *thread;
};

static void wake(struct sim *s, struct sim_event *e)
{
    (void)s;
    sim_thread_wake(CONTAINER_OF(e, struct pair, event)->thread);
}

static void blocker(void *arg)
{
    struct pair *p = arg;
    while (left > 0) {
        left--;
        sim_after(run, &p->event, delay());
        sim_thread_block(run, "bench", 0);
    }
}

static double blocks(uint64_t threads, uint64_t operations)
{
    run = sim_create(NULL);
    struct pair *p = calloc(threads, sizeof(*p));
    left = operations;
    for (uint64_t i = 0; i < threads; i++) {
        sim_event_init(&p[i].event, SIM_CLASS_DEVICE, wake);
        p[i].thread = sim_thread_spawn(run, "blocker", blocker, &p[i], 0, NULL);
    }
    double from = bench_seconds();
    sim_run(run);
    double rate = (double)operations / (bench_seconds() - from);
    sim_destroy(run);
    free(p);
    return rate;
}

int main(int argc, char **argv)
{
    /* --quick: a tenth of the work, to see that everything runs. */
    uint64_t n = argc > 1 && strcmp(argv[1], "--quick") == 0 ? 100000 : 1000000;
    static const uint64_t pending[] = { 1000, 65536 };
    char name[64];
    for (size_t i = 0; i < ARRAY_LEN(pending); i++) {
        double ours = bench_median(events, pending[i], 4 * n);
        double peer = bench_median(peer_timers, pending[i], n);
        snprintf(name, sizeof(name), "events with %d pending", (int)pending[i]);
        bench_print(name, ours, "events/s", "SimGrid kernel timers", ours / peer);
    }
    double first = 0;
    for (uint64_t count = 64; count <= 4096; count *= 4) {
        double ns = bench_median(machine, count, 4 * n);
        first = first > 0 ? first : ns;
        snprintf(name, sizeof(name), "cost of an event at %d nodes", (int)count);
        bench_print(name, ns, "ns", "64 nodes", ns / first);
    }
    static const uint64_t threads[] = { 1000, 10000 };
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        double peer = bench_median(peer_sleeps, threads[i], n);
        double ours = bench_median(blocks, threads[i], n);
        snprintf(name, sizeof(name), "block and wake of %d threads", (int)threads[i]);
        bench_print(name, ours, "pairs/s", "SimGrid sleep_for", ours / peer);
        ours = bench_median(sleeps, threads[i], n);
        snprintf(name, sizeof(name), "sleep of %d threads", (int)threads[i]);
        bench_print(name, ours, "sleeps/s", "SimGrid sleep_for", ours / peer);
    }
    return 0;
}
