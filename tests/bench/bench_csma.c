/* bench_csma.c: frames delivered a second of the host's CPU by a shared Ethernet and by a switched
 * one, beside ns-3's CSMA (peer_ns3.cpp, where its headers are installed).
 *
 * Both have the same stations, frames and arrivals (frames.h).  ns-3's channel has no collisions:
 * its carrier is known to all at once, and who finds it busy backs off; each of its devices is told
 * of every frame.  Its links to a bridge are half duplex: the peer of both of ours.
 *
 *   bench_csma            the lines for scripts/bench
 *   bench_csma NUMBER     one of the loads: what was delivered, in what simulated time
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mesh/lan/ethernet.h"
#include "mesh/lan/switched.h"
#include "tests/bench/frames.h"

struct job {
    const char *name;
    enum frames_net net;
    uint32_t stations, percent;
};
static const struct job jobs[] = {
    { "ethernet, 4 stations, 10 %", FRAMES_CABLE, 4, 10 },
    { "ethernet, 4 stations, saturated", FRAMES_CABLE, 4, 150 },
    { "ethernet, 32 stations, 10 %", FRAMES_CABLE, 32, 10 },
    { "ethernet, 32 stations, saturated", FRAMES_CABLE, 32, 150 },
    { "switched, half duplex, 4 stations, 10 %", FRAMES_HALF, 4, 10 },
    { "switched, half duplex, 4, saturated", FRAMES_HALF, 4, 150 },
    { "switched, half duplex, 32 stations, 10 %", FRAMES_HALF, 32, 10 },
    { "switched, half duplex, 32, saturated", FRAMES_HALF, 32, 150 },
    { "switched, full duplex, 4 stations, 10 %", FRAMES_FULL, 4, 10 },
    { "switched, full duplex, 4, saturated", FRAMES_FULL, 4, 150 },
    { "switched, full duplex, 32 stations, 10 %", FRAMES_FULL, 32, 10 },
    { "switched, full duplex, 32, saturated", FRAMES_FULL, 32, 150 },
};

/* ---- psim ---- */

struct source {
    struct sim_event event;
    uint32_t station;
    uint64_t left, state;
};
static const struct job *job;
static struct net *net;
static uint64_t delivered;
static sim_time last;

static sim_time gap(struct source *q)
{
    return SIM_NS * (sim_time)frames_gap(&q->state, job->net, job->stations, job->percent);
}

static void send(struct sim *s, struct sim_event *e)
{
    struct source *q = CONTAINER_OF(e, struct source, event);
    struct net_packet *p = base_zalloc(1, sizeof(*p));
    p->src = q->station;
    p->dst = frames_to(&q->state, q->station, job->stations);
    p->flits = FRAMES_BYTES;
    p->created = sim_now(s);
    net_inject(net, p);
    if (--q->left > 0)
        sim_after(s, e, gap(q));
}

static void receive(void *arg, struct net_packet *p, enum net_status status)
{
    if (status == NET_OK) {
        delivered++;
        last = sim_now(arg);
    }
    free(p);
}

static void make_net(struct sim *s)
{
    static struct ethernet_params cable;
    static struct switched_params links;
    static struct err e = ERR_INIT;
    if (job->net == FRAMES_CABLE) {
        if (!param_load(ethernet_params_desc, &cable, NULL, "mesh", &e))
            abort();
        cable.stations = job->stations;
        net = net_ethernet.create(s, &cable, &e);
        return;
    }
    if (!param_load(switched_params_desc, &links, NULL, "mesh", &e))
        abort();
    links.stations = job->stations;
    links.duplex = job->net == FRAMES_FULL ? SWITCHED_FULL : SWITCHED_HALF;
    links.queue_frames = 0;
    net = net_switched.create(s, &links, &e);
}

static double ours(uint64_t number, uint64_t b)
{
    struct sim *s = sim_create(NULL);
    (void)b;
    job = &jobs[number];
    make_net(s);
    if (!net)
        abort();
    struct source *sources = base_zalloc(job->stations, sizeof(*sources));
    for (uint32_t i = 0; i < job->stations; i++) {
        net->ops->set_terminal(net, i, &(struct net_terminal){ .receive = receive, .arg = s });
        sources[i].station = i;
        sources[i].state = i;
        sources[i].left = FRAMES_TOTAL / job->stations;
        sim_event_init(&sources[i].event, SIM_CLASS_SOFTWARE, send);
        sim_at(s, &sources[i].event, gap(&sources[i]));
    }
    double from = bench_seconds();
    sim_run(s);
    return (double)delivered / (bench_seconds() - from);
}

/* ---- ns-3, a program of its own beside this one ---- */

static char peer_path[PATH_MAX];

static bool find_peer(void)
{
    ssize_t n = readlink("/proc/self/exe", peer_path, sizeof(peer_path) - sizeof("peer_ns3"));
    char *slash = n > 0 ? memrchr(peer_path, '/', (size_t)n) : NULL;
    if (!slash)
        return false;
    memcpy(slash + 1, "peer_ns3", sizeof("peer_ns3"));
    return access(peer_path, X_OK) == 0;
}

static double peer(uint64_t number, uint64_t words)
{
    const struct job *j = &jobs[number];
    char command[PATH_MAX + 80], line[200];
    double rate = 0;
    (void)snprintf(command, sizeof(command), "'%s' %s %u %u", peer_path,
                   j->net == FRAMES_CABLE ? "cable" : "bridge", j->stations, j->percent);
    FILE *f = popen(command, "r"); /* NOLINT(cert-env33-c): the path is our own */
    if (!f || !fgets(line, sizeof(line), f) || pclose(f) != 0)
        abort();
    rate = strtod(line, NULL);
    if (words)
        printf("ns-3: %s", line);
    return rate;
}

int main(int argc, char **argv)
{
    bool has_peer = find_peer();
    if (argc == 2) {
        uint64_t number = strtoul(argv[1], NULL, 10) % ARRAY_LEN(jobs);
        double rate = ours(number, 0);
        printf("%s\npsim: %.4g frames/s, %llu delivered in %.4g simulated s\n", jobs[number].name,
               rate, (unsigned long long)delivered, (double)last / (double)SIM_SEC);
        if (has_peer)
            peer(number, 1);
        return 0;
    }
    if (!has_peer)
        fprintf(stderr, "bench_csma: no peer: the headers of ns-3 are not installed (package "
                        "libns3-dev, scripts/setup --bench)\n");
    double theirs[ARRAY_LEN(jobs)] = { 0 };
    for (uint64_t i = 0; i < ARRAY_LEN(jobs); i++) {
        double rate = bench_median(ours, i, 0);
        if (!has_peer) {
            bench_print(jobs[i].name, rate, "frames/s", "-", 0);
            continue;
        }
        theirs[i] = jobs[i].net == FRAMES_FULL ? theirs[i - 4] : bench_median(peer, i, 0);
        bench_print(jobs[i].name, rate, "frames/s",
                    jobs[i].net == FRAMES_CABLE ? "ns-3 CSMA, no collisions"
                                                : "ns-3 bridge, CSMA links",
                    rate / theirs[i]);
    }
    return 0;
}
