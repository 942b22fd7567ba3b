/* bench_mesh.c: header hops a second of the worm model, beside our own flit model.
 *
 * Uniform Bernoulli traffic on k x k meshes at a share of capacity (4/k flits a node and flit
 * time), drawn before the clock runs, so that the network alone is measured.  A header hop is a
 * router passed: one routing decision, one arbitration, one channel held until the tail has gone.
 * A flit-hop is the same of one flit.  Cycles are flit times of simulated time.
 *
 *   bench_mesh                              the lines for scripts/bench
 *   bench_mesh table                        the same as a table for people
 *   bench_mesh KIND K FLITS PERCENT HOPS    one run in this process, for a profiler
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "mesh/mesh.h"
#include "tests/bench/bench.h"

struct job {
    uint32_t k, flits, percent; /* of capacity */
    const struct net_ops *ops;
    uint64_t hops_wanted;
};

/* What one run gave. */
struct outcome {
    double seconds, hops, cycles, mib;
};

struct load {
    struct sim_event event;
    struct net *net;
    struct net_packet *packets;
    uint64_t count, next, delivered, hops;
};

static struct job job;          /* of the measurement that is running, in its child process */
static struct outcome *outcome; /* shared with the child */

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

/* Draws packets until they make the hops wanted.  Every node tries in every cycle; the tries that
 * fail are skipped at once. */
static void draw(struct load *l, sim_time cycle)
{
    uint64_t state = 1, made = 0, try = 0, room = job.hops_wanted / (job.k / 2) + job.k * job.k;
    uint32_t nodes = job.k * job.k;
    double chance = (double)job.percent / 100 * 4 / job.k / job.flits, fails = log1p(-chance);
    l->packets = base_zalloc(room, sizeof(*l->packets));
    for (; made < job.hops_wanted && l->count < room; try++) {
        try += (uint64_t)(log(((double)(bench_random(&state) >> 11) + 0.5) * 0x1p-53) / fails);
        uint32_t src = (uint32_t)(try % nodes), dst = (uint32_t)(bench_random(&state) % nodes);
        l->packets[l->count++] = (struct net_packet){
            .src = src, .dst = dst, .flits = job.flits, .created = (sim_time)(try / nodes) * cycle
        };
        made += (uint64_t)(abs((int)(src % job.k) - (int)(dst % job.k)) +
                           abs((int)(src / job.k) - (int)(dst / job.k)) + 1);
    }
}

static double resident(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)use.ru_maxrss / 1024;
}

/* Memory is that of the network under load, without the packets drawn. */
static double run(uint64_t a, uint64_t b)
{
    struct sim *s = sim_create(NULL);
    struct mesh_params m;
    static struct load l;
    struct err e = ERR_INIT;
    (void)a, (void)b;
    if (!param_load(mesh_params_desc, &m, NULL, "mesh", &e))
        abort();
    m.rows = m.columns = job.k;
    draw(&l, m.flit_time);
    double before = resident();
    l.net = job.ops->create(s, &m, &e);
    if (!l.net)
        abort();
    sim_event_init(&l.event, SIM_CLASS_SOFTWARE, inject);
    for (uint32_t i = 0; i < job.k * job.k; i++)
        job.ops->set_terminal(l.net, i, &(struct net_terminal){ .receive = receive, .arg = &l });
    sim_at(s, &l.event, l.packets[0].created);
    double start = bench_seconds();
    sim_run(s);
    *outcome = (struct outcome){ .seconds = bench_seconds() - start,
                                 .hops = (double)l.hops,
                                 .cycles = (double)(sim_now(s) / m.flit_time),
                                 .mib = resident() - before };
    if (l.delivered != l.count)
        abort();
    return outcome->hops / outcome->seconds;
}

/* The fastest of some runs: what others do on the machine only ever slows one down. */
static struct outcome best_of(uint32_t runs)
{
    struct outcome best = { 0 };
    for (uint32_t i = 0; i < runs; i++) {
        bench_measure(run, 0, 0);
        if (i == 0 || outcome->seconds < best.seconds)
            best = *outcome;
    }
    return best;
}

static void print_row(const struct outcome *worm, const struct outcome *flit, bool table)
{
    double hops = worm->hops / worm->seconds, peer = flit->hops / flit->seconds;
    if (table) {
        printf("| %ux%u, %u %% | %u | %.1f | %.0f | %.0f | %.1f | %.0f |\n", job.k, job.k,
               job.percent, job.flits, hops / 1e6, hops * job.flits / 1e6,
               worm->cycles / worm->seconds / 1e3, worm->mib, hops / peer);
        fflush(stdout);
        return;
    }
    char name[96];
    size_t at = (size_t)snprintf(name, sizeof(name), "worm %ux%u, %u flits, %u %%", job.k, job.k,
                                 job.flits, job.percent);
    bench_print(name, hops, "header hops/s", "psim's own flit model", hops / peer);
    snprintf(name + at, sizeof(name) - at, ", flits");
    bench_print(name, hops * job.flits, "flit-hops/s", "", 0);
    snprintf(name + at, sizeof(name) - at, ", cycles");
    bench_print(name, worm->cycles / worm->seconds, "cycles/s", "", 0);
    snprintf(name + at, sizeof(name) - at, ", memory");
    bench_print(name, worm->mib, "MiB", "", 0);
}

static void figure(uint32_t k, uint32_t flits, uint32_t percent, bool table)
{
    /* The flit model gets by with less: about as many flit-hops whatever the length, and enough
     * packets to load the whole mesh. */
    uint64_t few = (uint64_t)k * k * k / 8, some = 1500000 / flits;
    job = (struct job){ k, flits, percent, &net_worm, flits < 64 ? 3000000 : 1500000 };
    struct outcome worm = best_of(3);
    job.ops = &net_flit;
    job.hops_wanted = some > few ? some : few;
    struct outcome flit = best_of(1);
    print_row(&worm, &flit, table);
}

int main(int argc, char **argv)
{
    static const uint32_t sizes[] = { 16, 32, 64 }, shares[] = { 10, 40 },
                          lengths[] = { 1, 8, 64, 512 };
    bool table = argc == 2 && strcmp(argv[1], "table") == 0;
    outcome =
        mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (outcome == MAP_FAILED)
        abort();
    if (argc == 6) {
        job = (struct job){ .k = (uint32_t)atoi(argv[2]),
                            .flits = (uint32_t)atoi(argv[3]),
                            .percent = (uint32_t)atoi(argv[4]),
                            .ops = strcmp(argv[1], "flit") == 0 ? &net_flit : &net_worm,
                            .hops_wanted = (uint64_t)atoll(argv[5]) };
        double rate = run(0, 0);
        printf("%.0f hops, %.4g hops/s, %.1f MiB\n", outcome->hops, rate, outcome->mib);
        return 0;
    }
    if (table)
        printf(
            "| mesh, share of capacity | flits a packet | million header hops/s | million "
            "flit-hops/s | thousand cycles/s | MiB | times `flit` |\n|---|---|---|---|---|---|---|"
            "\n");
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++)
        for (size_t p = 0; p < ARRAY_LEN(shares); p++)
            for (size_t l = 0; l < ARRAY_LEN(lengths); l++)
                figure(sizes[s], lengths[l], shares[p], table);
    return 0;
}
