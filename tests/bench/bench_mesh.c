/* bench_mesh.c: header hops a second of the worm model, beside our own flit model.
 *
 * Uniform Bernoulli traffic on k x k meshes at a share of capacity (4/k flits a node and flit
 * time),
 * drawn before the clock runs, so that the network alone is measured.  A header hop is a router
 * passed: one routing decision, one arbitration, one channel held until the tail has gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "mesh/mesh.h"
#include "tests/bench/bench.h"

struct job {
    uint32_t k, flits, percent; /* of capacity */
    const struct net_ops *ops;
    uint64_t hops_wanted;
};

struct load {
    struct sim_event event;
    struct net *net;
    struct net_packet *packets;
    uint64_t count, next, delivered, hops;
};

static struct job job; /* of the measurement that is running, in its child process */

static void inject(struct sim *s, struct sim_event *e)
{
    struct load *l = CONTAINER_OF(e, struct load, event);
    sim_time now = sim_now(s);
    while (l->next < l->count && l->packets[l->next].created == now)
        net_inject(l->net, &l->packets[l->next++]);
    if (l->next < l->count)
        sim_at(s, e, l->packets[l->next].created);
}

static void receive(void *arg, struct net_packet *p, enum net_status status)
{
    struct load *l = arg;
    (void)status;
    l->delivered++;
    l->hops += p->hops;
}

/* Draws packets cycle by cycle until they make the hops wanted. */
static void draw(struct load *l, sim_time cycle)
{
    uint64_t state = 1, made = 0, room = job.hops_wanted / (job.k * 2 / 3) + job.k * job.k;
    uint32_t nodes = job.k * job.k;
    double chance = (double)job.percent / 100 * 4 / job.k / job.flits;
    uint64_t below = (uint64_t)(chance * 0x1p64);
    l->packets = base_zalloc(room, sizeof(*l->packets));
    for (sim_time t = 0; made < job.hops_wanted && l->count < room - nodes; t += cycle)
        for (uint32_t i = 0; i < nodes; i++)
            if (bench_random(&state) < below) {
                uint32_t dst = (uint32_t)(bench_random(&state) % nodes);
                struct net_packet *p = &l->packets[l->count++];
                *p = (struct net_packet){ .src = i, .dst = dst, .flits = job.flits, .created = t };
                made += (uint64_t)(abs((int)(i % job.k) - (int)(dst % job.k)) +
                                   abs((int)(i / job.k) - (int)(dst / job.k)) + 1);
            }
}

static struct net *prepare(struct sim *s, struct load *l, struct mesh_params *m)
{
    struct err e = ERR_INIT;
    if (!param_load(mesh_params_desc, m, NULL, "mesh", &e))
        abort();
    m->rows = m->columns = job.k;
    struct net *n = job.ops->create(s, m, &e);
    *l = (struct load){ .net = n };
    sim_event_init(&l->event, SIM_CLASS_SOFTWARE, inject);
    for (uint32_t i = 0; i < job.k * job.k; i++)
        job.ops->set_terminal(n, i, &(struct net_terminal){ .receive = receive, .arg = l });
    draw(l, m->flit_time);
    return n;
}

static double run(bool rate_of_cycles)
{
    struct sim *s = sim_create(NULL);
    struct mesh_params m;
    static struct load l;
    prepare(s, &l, &m);
    sim_at(s, &l.event, l.packets[0].created);
    double start = bench_seconds();
    sim_run(s);
    double seconds = bench_seconds() - start;
    if (l.delivered != l.count)
        abort();
    return rate_of_cycles ? (double)(sim_now(s) / m.flit_time) / seconds : (double)l.hops / seconds;
}

static double hops_rate(uint64_t a, uint64_t b)
{
    (void)a, (void)b;
    return run(false);
}

static double cycles_rate(uint64_t a, uint64_t b)
{
    (void)a, (void)b;
    return run(true);
}

/* Memory of the network under load, without the packets drawn. */
static double memory(uint64_t a, uint64_t b)
{
    struct sim *s = sim_create(NULL);
    struct mesh_params m;
    static struct load l;
    struct rusage before, after;
    (void)a, (void)b;
    struct net *n = prepare(s, &l, &m);
    n->ops->destroy(n); /* its pages are used again */
    sim_destroy(s);
    getrusage(RUSAGE_SELF, &before);
    struct err e = ERR_INIT;
    s = sim_create(NULL);
    n = job.ops->create(s, &m, &e);
    for (uint32_t i = 0; i < job.k * job.k; i++)
        job.ops->set_terminal(n, i, &(struct net_terminal){ .receive = receive, .arg = &l });
    l.net = n;
    sim_event_init(&l.event, SIM_CLASS_SOFTWARE, inject);
    sim_at(s, &l.event, l.packets[0].created);
    sim_run(s);
    getrusage(RUSAGE_SELF, &after);
    return (double)(after.ru_maxrss - before.ru_maxrss) / 1024;
}

static void figure(uint32_t k, uint32_t flits, uint32_t percent, uint64_t hops, uint64_t flit_hops)
{
    char name[96];
    job = (struct job){ k, flits, percent, &net_worm, hops };
    double worm = bench_median(hops_rate, 0, 0);
    double peer = 0;
    if (flit_hops > 0) {
        job.ops = &net_flit;
        job.hops_wanted = flit_hops;
        peer = bench_measure(hops_rate, 0, 0);
    }
    snprintf(name, sizeof(name), "worm %ux%u, %u flits, %u %% load", k, k, flits, percent);
    bench_print(name, worm, "header hops/s", flit_hops ? "psim's own flit model" : "",
                peer > 0 ? worm / peer : 0);
}

int main(void)
{
    figure(16, 8, 10, 4000000, 100000);
    figure(16, 8, 30, 4000000, 100000);
    figure(16, 8, 40, 4000000, 100000);
    figure(16, 1, 40, 4000000, 200000);
    figure(16, 64, 30, 2000000, 20000);
    figure(16, 512, 30, 1000000, 6000);
    figure(32, 8, 10, 3000000, 0);
    figure(32, 8, 40, 3000000, 0);
    figure(32, 64, 40, 1000000, 0);
    figure(64, 1, 40, 3000000, 0);
    figure(64, 8, 10, 3000000, 0);
    figure(64, 8, 40, 4000000, 0);
    figure(64, 64, 40, 1000000, 0);
    figure(64, 512, 40, 1000000, 10000);
    job = (struct job){ 16, 8, 40, &net_worm, 4000000 };
    bench_print("worm 16x16, 8 flits, 40 % load, cycles", bench_measure(cycles_rate, 0, 0),
                "cycles/s", "", 0);
    job = (struct job){ 64, 8, 40, &net_worm, 4000000 };
    bench_print("worm 64x64, 8 flits, 40 % load, cycles", bench_measure(cycles_rate, 0, 0),
                "cycles/s", "", 0);
    bench_print("worm 64x64, 8 flits, 40 % load, memory", bench_measure(memory, 0, 0), "MiB", "",
                0);
    return 0;
}
