/* mesh_load.c: open-loop traffic on a bare network: latency against offered load.
 *
 * Modelled: every terminal generates packets as a random process of its own, whatever the network
 * does, into a source queue without bound.  After `warmup` the window of `measure` opens; packets
 * generated inside it are measured, and traffic goes on until they are all delivered or `drain` has
 * passed.  Not modelled: software, DMA, memory: see machines for that.
 *
 * Offered load is counted where packets are generated.  A load is in flits a terminal and flit
 * time, or a fraction of the load at which uniform traffic fills the busiest channel.
 *
 * Source: the method of open-loop measurement [Dally & Towles 2004, ch. 23].
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/audit.h"
#include "sim/base/fair.h"
#include "sim/digest.h"
#include "sim/measure.h"
#include "sim/server.h"
#include "sim/stat.h"
#include "sim/window.h"
#include "workloads/direct/mesh_traffic.h"
#include "workloads/direct/pattern.h"

#define STEADY_SHARE 0.95 /* accepted below this share of offered: the network is saturated */
#define CLIMB 0.2         /* rise of backlog and latency over the window, as a part of their mean */
#define CLIMB_ERRORS 5    /* and in errors of the slope */

enum process { PROCESS_BERNOULLI, PROCESS_POISSON, PROCESS_ON_OFF };
static const char *const processes[] = { "bernoulli", "poisson", "on_off", NULL };

/* The longest burst or pause over the shortest: heavy-tailed over so many scales. */
#define LONGEST 4096.0
enum load_unit { UNIT_FLITS, UNIT_CAPACITY };
static const char *const load_units[] = { "flits", "capacity", NULL };

struct mesh_load_params {
    struct pattern_params pattern; /* first */
    double load;
    int load_unit, process;
    int64_t slot, burst;
    double tail;
    int64_t packet_flits, long_flits;
    double long_share;
    sim_time warmup, measure, drain;
};

static const struct param mesh_load_params_desc[] = {
    PATTERN_PARAMS,
    P_REAL(mesh_load_params, load, "0.1", "0.000001", "64",
           "Offered load, in the unit of load_unit.", "ASSUMED(light)"),
    P_CHOICE(mesh_load_params, load_unit, "flits", load_units,
             "flits: flits a terminal and flit time; capacity: fraction of the load at which "
             "uniform traffic fills the busiest channel.",
             "Dally & Towles 2004, ch. 23"),
    P_CHOICE(
        mesh_load_params, process, "bernoulli", processes,
        "bernoulli: a terminal generates a packet in each flit time (or slot) with the same "
        "probability, at whole flit times (slots); poisson: exponential gaps; on_off: bursts of "
        "packets back to back with Pareto lengths of bursts and pauses (self-similar).",
        "Dally & Towles 2004, ch. 24; Willinger et al. 1997"),
    P_INT(mesh_load_params, slot, "1", "1", "1000000",
          "Process bernoulli: flit times of a slot, of which each has at most one packet of a "
          "terminal: 53 for the cells of an ATM network.",
          "Hluchyj and Karol 1988"),
    P_INT(mesh_load_params, burst, "4", "1", "100000",
          "Process on_off: packets of the shortest burst.", "ASSUMED(short beside the window)"),
    P_REAL(mesh_load_params, tail, "1.25", "1.01", "4",
           "Process on_off: exponent of the Pareto lengths of bursts and pauses, cut at 4,096 "
           "times the shortest.  Below 2 the sum of many sources is self-similar, with a Hurst "
           "parameter of (3 - tail) / 2.",
           "Willinger et al. 1997: 1.2 to 1.5"),
    P_INT(mesh_load_params, packet_flits, "8", "1", "1048576", "Length of a packet.",
          "ASSUMED(short)"),
    P_INT(mesh_load_params, long_flits, "64", "1", "1048576",
          "Length of the packets of long_share.", "ASSUMED(used when long_share is above 0)"),
    P_REAL(mesh_load_params, long_share, "0", "0", "1",
           "Share of the packets that have long_flits.", "ASSUMED(one length)"),
    P_TIME(mesh_load_params, warmup, "20us", "0", NULL, "Time before the window opens.",
           "ASSUMED(2,000 flit times of 10 ns)"),
    P_TIME(mesh_load_params, measure, "100us", "1ns", NULL, "Length of the window.",
           "ASSUMED(10,000 flit times of 10 ns)"),
    P_TIME(mesh_load_params, drain, "200us", "0", NULL,
           "Longest time after the window to wait for the packets generated in it.",
           "ASSUMED(twice the window)"),
    P_END,
};

struct load;

struct source {
    struct sim_event event;
    struct load *load;
    struct sim_rng rng;
    uint32_t terminal;
    double chance; /* packets a flit time, or slot */
    sim_time mean_gap, least_pause;
    sim_time burst_end; /* process on_off */
    uint64_t made;      /* packets */
    uint64_t got_flits; /* flits of its packets delivered inside the window */
    uint64_t taken;     /* flits delivered to it inside the window */
};

#define SLICES 20 /* of the window: accepted throughput by slice */

struct load {
    struct sim *sim;
    struct net *net;
    const struct mesh_load_params *p;
    struct net_describe d;
    struct pattern pattern;
    struct source *sources;
    struct traffic_pool pool;
    struct sim_event open, close, end, slice_end;
    double offered; /* flits a flit time, of a terminal whose share is 1 */
    sim_time least_burst;
    bool in_window, closed;
    uint64_t tagged, tagged_done;
    uint64_t generated, delivered, dropped; /* packets, all of them */
    uint64_t window_in, window_out;         /* flits generated and delivered inside the window */
    /* By slice of the window: flits delivered, mean number of packets inside, and the latency of
     * those generated in it. */
    double out[SLICES], backlog[SLICES];
    struct stat_moments late[SLICES];
    size_t slice_count;
    uint64_t slice_from; /* window_out when the slice began */
    sim_u128 slice_area; /* of `packets` then */
    struct sim_inside packets;
    struct sim_measure *latency, *network;
    struct traffic_cycles latency_cycles, network_cycles;
    struct stat_moments queue, blocking, alone, serial, hops;
    struct whole_folder *files;
    FILE *log; /* packets.csv; NULL: not written */
};

/* The gap to the next packet of a source that sends in bursts: back to back inside a burst. */
static sim_time burst_gap(struct source *q, sim_time packet)
{
    struct load *l = q->load;
    sim_time now = sim_now(l->sim), gap = packet;
    if (now + packet >= q->burst_end) {
        sim_time start = sim_time_max(now + packet, q->burst_end);
        start = sim_time_add(start, sim_rng_pareto(&q->rng, q->least_pause, l->p->tail, LONGEST));
        q->burst_end =
            sim_time_add(start, sim_rng_pareto(&q->rng, l->least_burst, l->p->tail, LONGEST));
        gap = start - now;
    }
    return gap;
}

static void next_packet(struct source *q, uint32_t flits)
{
    struct load *l = q->load;
    sim_time gap;
    if (l->p->process == PROCESS_BERNOULLI)
        gap = sim_time_mul(l->d.flit_time * l->p->slot,
                           (int64_t)sim_rng_geometric(&q->rng, q->chance) + 1);
    else if (l->p->process == PROCESS_POISSON)
        gap = sim_rng_exponential(&q->rng, q->mean_gap);
    else
        gap = burst_gap(q, (sim_time)flits * l->d.flit_time);
    if (gap < SIM_NEVER - sim_now(l->sim))
        sim_after(l->sim, &q->event, gap);
}

static void generate(struct sim *s, struct sim_event *e)
{
    struct source *q = CONTAINER_OF(e, struct source, event);
    struct load *l = q->load;
    uint32_t dst = pattern_next(&l->pattern, q->terminal, &q->rng);
    bool is_long = l->p->long_share > 0 && sim_rng_chance(&q->rng, l->p->long_share);
    uint32_t flits = (uint32_t)(is_long ? l->p->long_flits : l->p->packet_flits);
    if (dst != PATTERN_SILENT) {
        struct net_packet *p = traffic_take(&l->pool);
        p->src = q->terminal;
        p->dst = dst;
        p->flits = flits;
        p->created = sim_now(s);
        p->user = l->in_window;
        p->owner = (void *)(uintptr_t)q->made++;
        l->generated++;
        sim_inside_enter(&l->packets, p->created);
        if (l->in_window) {
            l->tagged++;
            l->window_in += p->flits;
        }
        net_inject(l->net, p);
    }
    next_packet(q, flits);
}

static void observe(struct load *l, const struct net_packet *p)
{
    sim_time base = l->net->ops->zero_load(l->net, p->src, p->dst, p->flits);
    sim_measure_add(l->latency, sim_time_seconds(p->delivered - p->created));
    sim_measure_add(l->network, sim_time_seconds(p->delivered - p->injected));
    traffic_cycles_add(&l->latency_cycles, p->delivered - p->created);
    traffic_cycles_add(&l->network_cycles, p->delivered - p->injected);
    stat_add(&l->queue, sim_time_seconds(p->injected - p->created));
    stat_add(&l->blocking, sim_time_seconds(p->delivered - p->injected - base));
    stat_add(&l->alone, sim_time_seconds(base));
    stat_add(&l->serial, sim_time_seconds((sim_time)(p->flits - 1) * l->d.flit_time));
    stat_add(&l->hops, (double)p->hops);
    size_t slice = (size_t)((p->created - sim_window_start(l->sim)) / (l->p->measure / SLICES + 1));
    stat_add(&l->late[slice < SLICES ? slice : SLICES - 1],
             sim_time_seconds(p->delivered - p->created));
    if (l->log)
        traffic_log_write(l->log, p);
}

static void receive(void *arg, struct net_packet *p, enum net_status status)
{
    struct load *l = arg;
    sim_inside_leave(&l->packets, p->created, sim_now(l->sim));
    if (status == NET_OK) {
        l->delivered++;
        sim_waist(l->sim, SIM_WAIST_PACKET, p->delivered, p->dst, p->flits,
                  (uint64_t)p->src << 40 ^ (uint64_t)(uintptr_t)p->owner);
        if (l->in_window) {
            l->window_out += p->flits;
            l->sources[p->src].got_flits += p->flits;
            l->sources[p->dst].taken += p->flits;
        }
        if (p->user)
            observe(l, p);
    } else {
        l->dropped++;
    }
    if (p->user) {
        l->tagged_done++;
        if (l->closed && l->tagged_done == l->tagged)
            sim_stop(l->sim);
    }
    traffic_give(&l->pool, p);
}

static void open_window(struct sim *s, struct sim_event *e)
{
    struct load *l = CONTAINER_OF(e, struct load, open);
    l->in_window = true;
    sim_window_open(s);
    sim_after(s, &l->close, l->p->measure);
    sim_after(s, &l->slice_end, l->p->measure / SLICES);
}

/* A slice of the window has ended: what was delivered in it is a sample of the time series. */
static void end_slice(struct sim *s, struct sim_event *e)
{
    struct load *l = CONTAINER_OF(e, struct load, slice_end);
    sim_time length = l->p->measure / SLICES;
    uint64_t flits = l->window_out - l->slice_from;
    double cycles = (double)length / (double)l->d.flit_time;
    if (length == 0)
        return;
    sim_u128 area = sim_inside_window(&l->packets).area;
    l->backlog[l->slice_count] = (double)(area - l->slice_area) / (double)length;
    l->out[l->slice_count++] = (double)flits;
    l->slice_from = l->window_out;
    l->slice_area = area;
    sim_series(s, "accepted", "flits/node/cycle", sim_now(s),
               (double)flits / cycles / l->d.terminals);
    if (l->slice_count < SLICES)
        sim_after(s, e, length);
}

static void close_window(struct sim *s, struct sim_event *e)
{
    struct load *l = CONTAINER_OF(e, struct load, close);
    l->in_window = false;
    l->closed = true;
    sim_window_close(s);
    traffic_channels(s);
    traffic_pairs(l->net, l->files);
    traffic_write_channels(l->net, l->files);
    if (l->tagged == l->tagged_done)
        sim_stop(s);
    else
        sim_after(s, &l->end, l->p->drain);
}

static void give_up(struct sim *s, struct sim_event *e)
{
    (void)e;
    sim_stop(s);
}

static void audit(void *self, struct sim_audit_report *r)
{
    const struct load *l = self;
    sim_audit_balance_resident(r, "packets", l->generated, l->delivered, l->packets.count,
                               l->dropped);
}

static double mean_flits(const struct load *l)
{
    double mean = (double)l->p->packet_flits;
    return mean + l->p->long_share * ((double)l->p->long_flits - mean);
}

static bool set_load(struct load *l, struct err *e)
{
    const struct mesh_load_params *p = l->p;
    double mean = mean_flits(l), most = 0;
    l->offered = p->load;
    if (p->load_unit == UNIT_CAPACITY)
        l->offered *= pattern_uniform_capacity(&l->d);
    for (uint32_t i = 0; i < l->d.terminals; i++)
        most = fmax(most, l->offered * pattern_rate(&l->pattern, i));
    if (p->process == PROCESS_BERNOULLI && most / mean * (double)p->slot > 1)
        return err_set(e,
                       "workload.load: a load of %g flits a flit time needs more than one packet "
                       "of %g flits in each slot of %" PRId64
                       ": take process \"poisson\" or longer "
                       "packets",
                       most, mean, p->slot);
    if (p->process == PROCESS_ON_OFF && most >= 1)
        return err_set(e,
                       "workload.load: process \"on_off\" sends one flit a flit time in its "
                       "bursts: the load of "
                       "%g must be below 1",
                       most);
    l->least_burst = sim_time_scale(1, (double)p->burst * (mean * (double)l->d.flit_time));
    return true;
}

/* Rounded once; no later decision sees the double.  A burst is longer than its drawn length by half
 * a packet on average, because its last packet is sent whole. */
static void set_rate(struct source *q, double offered)
{
    const struct load *l = q->load;
    double packet = mean_flits(l) * (double)l->d.flit_time, burst = (double)l->p->burst * packet;
    double mean_scale = sim_rng_pareto_mean(l->p->tail, LONGEST);
    q->chance = offered / mean_flits(l);
    q->mean_gap = sim_time_scale(l->d.flit_time, 1 / q->chance);
    if (l->p->process == PROCESS_BERNOULLI)
        q->chance *= (double)l->p->slot;
    if (l->p->process == PROCESS_ON_OFF)
        q->least_pause = sim_time_scale(1, (burst + packet / 2 / mean_scale) * (1 / offered - 1));
}

static void declare(struct load *l)
{
    struct sim *s = l->sim;
    const unsigned column = SIM_MEASURE_DEFAULT_COLUMN;
    l->latency = sim_measure_declare(s, "latency", "s",
                                     "From a packet's creation to the delivery of its tail.",
                                     column | SIM_MEASURE_HISTOGRAM);
    l->network = sim_measure_declare(s, "network", "s", "The same without the source queue.", 0);
    stat_init(&l->queue);
    stat_init(&l->blocking);
    stat_init(&l->alone);
    stat_init(&l->serial);
    stat_init(&l->hops);
    for (size_t i = 0; i < SLICES; i++)
        stat_init(&l->late[i]);
}

static void *load_create(struct sim *s, const struct direct_world *w, const void *params,
                         struct err *e)
{
    struct load *l = base_zalloc(1, sizeof(*l));
    l->sim = s;
    l->net = w->net;
    l->p = params;
    w->net->ops->describe(w->net, &l->d);
    if (!traffic_fits(&l->d, l->p->packet_flits, "workload.packet_flits", e) ||
        (l->p->long_share > 0 &&
         !traffic_fits(&l->d, l->p->long_flits, "workload.long_flits", e)) ||
        !pattern_init(&l->pattern, &l->p->pattern, &l->d, s, e) || !set_load(l, e)) {
        pattern_fini(&l->pattern);
        free(l);
        return NULL;
    }
    declare(l);
    l->files = w->out;
    l->log = traffic_log_open(l->files);
    sim_inside_init(&l->packets, s, SIM_KIND_OTHER, -1, "packets");
    traffic_watch(w->net);
    l->sources = base_zalloc(l->d.terminals, sizeof(*l->sources));
    for (uint32_t i = 0; i < l->d.terminals; i++) {
        struct source *q = &l->sources[i];
        q->load = l;
        q->terminal = i;
        sim_rng_init_indexed(&q->rng, s, "mesh_load/source", i);
        sim_event_init(&q->event, SIM_CLASS_SOFTWARE, generate);
        w->net->ops->set_terminal(w->net, i,
                                  &(struct net_terminal){ .receive = receive, .arg = l });
        if (pattern_rate(&l->pattern, i) > 0) {
            set_rate(q, l->offered * pattern_rate(&l->pattern, i));
            next_packet(q, 0);
        }
    }
    sim_event_init(&l->open, SIM_CLASS_ARRIVAL, open_window);
    sim_event_init(&l->close, SIM_CLASS_ARRIVAL, close_window);
    sim_event_init(&l->end, SIM_CLASS_MEASURE, give_up);
    sim_event_init(&l->slice_end, SIM_CLASS_MEASURE, end_slice);
    l->latency_cycles.cycle = l->network_cycles.cycle = l->d.flit_time;
    sim_after(s, &l->open, l->p->warmup);
    sim_audit_register(s, "mesh_load", audit, l);
    return l;
}

/* True when the second half of the window differs from the first by more than 5 % of the mean, and
 * by more than the slices scatter, taken in pairs: their half width at 95 % goes to *relative. */
static bool drifts(const double slices[SLICES], double *relative)
{
    double half[2] = { 0, 0 };
    struct stat_moments pairs;
    stat_init(&pairs);
    for (size_t i = 0; i < SLICES; i += 2) {
        half[i >= SLICES / 2] += slices[i] + slices[i + 1];
        stat_add(&pairs, slices[i] + slices[i + 1]);
    }
    *relative = stat_half_width(&pairs, 0.95) / pairs.mean;
    double change = fabs(half[1] - half[0]) / ((half[0] + half[1]) / 2);
    return change > 1 - STEADY_SHARE && change > 2 * *relative;
}

/* The same of what grows where a queue has no end: its trend, against what is left of the scatter
 * once a line is taken out. */
static bool climbs(const double slices[SLICES])
{
    double mean = 0, slope = 0, rest = 0, squares = 0;
    for (size_t i = 0; i < SLICES; i++)
        mean += slices[i] / SLICES;
    for (size_t i = 0; i < SLICES; i++) {
        double x = (double)i - (SLICES - 1) / 2.0;
        slope += x * slices[i];
        squares += x * x;
    }
    slope /= squares;
    for (size_t i = 0; i < SLICES; i++) {
        double x = (double)i - (SLICES - 1) / 2.0, r = slices[i] - mean - slope * x;
        rest += r * r;
    }
    double error = sqrt(rest / (SLICES - 2) / squares), rise = slope * SLICES;
    return rise > CLIMB * mean && slope > CLIMB_ERRORS * error;
}

/* What is wrong with the window, worst first; *half_width is of the accepted throughput. */
static enum sim_why judge(const struct load *l, double in, double out, double *half_width)
{
    double relative, late[SLICES];
    bool few = l->window_in > 1000 && out < STEADY_SHARE * in, all = true;
    *half_width = NAN;
    if (l->tagged_done < l->tagged || few)
        return SIM_WHY_SATURATED;
    if (l->slice_count < SLICES || l->window_out == 0)
        return SIM_WHY_GOOD;
    bool moves = drifts(l->out, &relative);
    *half_width = out * relative;
    for (size_t i = 0; i < SLICES; i++) {
        late[i] = l->late[i].mean;
        all = all && l->late[i].n > 0;
    }
    if (climbs(l->backlog) && all && climbs(late))
        return SIM_WHY_SATURATED;
    return moves ? SIM_WHY_DRIFTS : SIM_WHY_GOOD;
}

static void write_fairness(const struct load *l, double cycles)
{
    double least = INFINITY, most = 0, taken_least = INFINITY, taken_most = 0;
    double *shares = base_alloc(l->d.terminals * sizeof(*shares));
    for (uint32_t i = 0; i < l->d.terminals; i++) {
        double got = (double)l->sources[i].got_flits / cycles;
        double taken = (double)l->sources[i].taken / cycles;
        shares[i] = got;
        least = fmin(least, got);
        most = fmax(most, got);
        taken_least = fmin(taken_least, taken);
        taken_most = fmax(taken_most, taken);
    }
    const char *unit = "flits/node/cycle";
    sim_scalar(l->sim, "accepted_least", unit, least, 0);
    sim_scalar(l->sim, "accepted_most", unit, most, 0);
    sim_scalar(l->sim, "accepted_fairness", "1", fair_index(shares, l->d.terminals), 0);
    sim_scalar(l->sim, "taken_least", unit, taken_least, 0);
    sim_scalar(l->sim, "taken_most", unit, taken_most, 0);
    free(shares);
}

/* What each source got through inside the window: sources.csv. */
static void write_sources(const struct load *l, double cycles)
{
    FILE *f = whole_folder_file(l->files, "sources.csv");
    if (!f)
        return;
    fputs("source,accepted_flits_per_cycle,generated_packets\n", f);
    for (uint32_t i = 0; i < l->d.terminals; i++)
        fprintf(f, "%u,%.6f,%" PRIu64 "\n", i, (double)l->sources[i].got_flits / cycles,
                l->sources[i].made);
}

static void load_finish(void *self, enum sim_end end)
{
    struct load *l = self;
    (void)end;
    const unsigned column = SIM_MEASURE_DEFAULT_COLUMN;
    if (!l->closed) {
        sim_remark(l->sim, "the run ended before its window closed");
        return;
    }
    double cycles = (double)l->p->measure / (double)l->d.flit_time, nodes = l->d.terminals;
    double in = (double)l->window_in / cycles / nodes, out = (double)l->window_out / cycles / nodes;
    sim_scalar(l->sim, "offered", "flits/node/cycle", in, column);
    double half_width;
    bool late = l->tagged_done < l->tagged;
    bool few = !late && l->window_in > 1000 && out < STEADY_SHARE * in;
    enum sim_why why = judge(l, in, out, &half_width);
    sim_scalar_interval(l->sim, "accepted", "flits/node/cycle", out, half_width, column);
    if (in > 0)
        sim_scalar(l->sim, "accepted_share", "1", out / in, 0);
    sim_scalar(l->sim, "steady", "1", why == SIM_WHY_GOOD, sim_why_flag(why));
    sim_scalar(l->sim, "inside", "1", sim_inside_mean(&l->packets), 0);
    write_fairness(l, cycles);
    sim_scalar(l->sim, "capacity", "flits/node/cycle", pattern_uniform_capacity(&l->d),
               SIM_MEASURE_DETERMINISTIC);
    sim_scalar(l->sim, "latency_cycles", "1",
               sim_measure_mean(l->latency) / sim_time_seconds(l->d.flit_time), 0);
    sim_scalar(l->sim, "network_cycles", "1",
               sim_measure_mean(l->network) / sim_time_seconds(l->d.flit_time), 0);
    traffic_cycles_write(&l->latency_cycles, l->sim, "latency_cycles", 0);
    traffic_cycles_write(&l->network_cycles, l->sim, "network_cycles", 0);
    sim_scalar(l->sim, "queue", "s", l->queue.mean, 0);
    sim_scalar(l->sim, "blocking", "s", l->blocking.mean, 0);
    sim_scalar(l->sim, "alone", "s", l->alone.mean, 0);
    sim_scalar(l->sim, "header", "s", l->alone.mean - l->serial.mean, 0);
    sim_scalar(l->sim, "serialisation", "s", l->serial.mean, 0);
    sim_scalar(l->sim, "hops", "1", l->hops.mean, 0);
    if (l->window_in == 0)
        sim_remark(l->sim, "no packet was generated inside the window: measure is too short for "
                           "this load and packet length");
    if (l->dropped > 0)
        sim_remark(l->sim, "%" PRIu64 " packets were dropped by the network", l->dropped);
    write_sources(l, cycles);
    if (late)
        sim_remark(l->sim,
                   "not steady: saturated, %" PRIu64 " of %" PRIu64
                   " packets of the window were not delivered within the drain time, and latency "
                   "is of those that were",
                   l->tagged - l->tagged_done, l->tagged);
    else if (few)
        sim_remark(l->sim, "not steady: %.4f flits/node/cycle accepted of %.4f offered", out, in);
    else if (why == SIM_WHY_SATURATED)
        sim_remark(l->sim, "not steady: saturated somewhere, the packets inside and their latency "
                           "climb through the whole window");
    else if (why == SIM_WHY_DRIFTS)
        sim_remark(
            l->sim,
            "not steady: accepted throughput still changes from the first half of the window "
            "to the second: warmup or measure may be too short");
}

static void load_destroy(void *self)
{
    struct load *l = self;
    for (uint32_t i = 0; i < l->d.terminals; i++)
        sim_cancel(l->sim, &l->sources[i].event);
    sim_cancel(l->sim, &l->open);
    sim_cancel(l->sim, &l->close);
    sim_cancel(l->sim, &l->end);
    sim_cancel(l->sim, &l->slice_end);
    free(l->latency_cycles.counts);
    free(l->network_cycles.counts);
    sim_audit_unregister(l->sim, l);
    sim_inside_fini(&l->packets);
    traffic_pool_fini(&l->pool);
    pattern_fini(&l->pattern);
    free(l->sources);
    free(l);
}

const struct direct_ops direct_mesh_load = {
    .kind = { .name = "mesh_load",
              .doc = "Open-loop traffic on a bare network: latency and throughput against offered "
                     "load.",
              .params = mesh_load_params_desc,
              .params_size = sizeof(struct mesh_load_params) },
    .needs_net = true,
    .create = load_create,
    .finish = load_finish,
    .destroy = load_destroy,
};
