/* mesh_reply.c: closed-loop request and reply on a bare network.
 *
 * Modelled: every terminal that the pattern gives a destination has `outstanding` slots.  A slot
 * sends a request, the destination works on it for `serve`, sends a reply of another length back,
 * and when its tail is there the slot thinks for `think` and begins anew.  So a network that slows
 * down slows its sources down: there is no saturation, only a throughput and the round trip that
 * goes with it.  Not modelled: a queue at the server (it works on all requests at once), and
 * back-pressure from a server into the network: requests and replies share channels, but a terminal
 * takes every flit, so requests that wait for replies cannot deadlock here.
 *
 *   REPLY1  The slots are the customers of a closed population (sim/population.h): in a round trip,
 *       or between two; Little's law holds for both, exactly.
 *
 * Source: closed loops as a way to load a network [Dally & Towles 2004, ch. 23]; bounds of closed
 * systems [Denning & Buzen 1978].
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/audit.h"
#include "sim/digest.h"
#include "sim/measure.h"
#include "sim/population.h"
#include "workloads/direct/mesh_traffic.h"
#include "workloads/direct/pattern.h"

#define SLOTS_MAX (4u << 20)

struct reply_params {
    struct pattern_params pattern; /* first */
    int64_t outstanding, request_flits, reply_flits;
    sim_time serve, think, warmup, measure;
};

static const struct param reply_params[] = {
    PATTERN_PARAMS,
    P_INT(reply_params, outstanding, "1", "1", "65536",
          "Round trips that a terminal keeps under way.",
          "ASSUMED(one: a processor that waits for its answer)"),
    P_INT(reply_params, request_flits, "8", "1", "1048576", "Length of a request.",
          "ASSUMED(short: an address)"),
    P_INT(reply_params, reply_flits, "64", "1", "1048576", "Length of a reply.",
          "ASSUMED(longer: the data asked for)"),
    P_TIME(
        reply_params, serve, "0", "0", NULL,
        "From a request's delivery until its reply is sent; requests do not wait for each other.",
        "ASSUMED(none: the network alone)"),
    P_TIME(reply_params, think, "0", "0", NULL,
           "From a reply's delivery until the next request of its slot.",
           "ASSUMED(none: as fast as it goes)"),
    P_TIME(reply_params, warmup, "20us", "0", NULL,
           "Time before the window opens; all slots begin at time 0.",
           "ASSUMED(2,000 flit times of 10 ns)"),
    P_TIME(reply_params, measure, "100us", "1ns", NULL,
           "Length of the window; the run ends with it.", "ASSUMED(10,000 flit times of 10 ns)"),
    P_END,
};

struct reply;
enum stage { THINKING, REQUESTED, SERVED, REPLIED };

struct slot {
    struct sim_event event; /* the next packet of the slot: request or reply */
    struct reply *owner;
    struct sim_customer customer;
    uint64_t turns; /* round trips begun */
    uint32_t src, dst;
    enum stage stage;
};

struct reply {
    struct sim *sim;
    struct net *net;
    const struct reply_params *p;
    struct net_describe d;
    struct pattern pattern;
    struct sim_rng *rng; /* of each terminal */
    struct slot *slots;
    uint32_t *done; /* of each terminal: round trips that ended inside the window */
    size_t count;
    struct traffic_pool pool;
    struct sim_event open, close;
    bool in_window, closed;
    uint64_t sent, delivered, dropped, inside; /* packets, all of them */
    uint64_t started, ended, lost;             /* round trips, all of them */
    uint64_t window_ended, window_flits;
    struct sim_population trips;
    struct sim_measure *round_trip, *request, *reply;
    struct whole_folder *files;
    FILE *log; /* packets.csv; NULL: not written */
};

static void end_trip(struct reply *r, struct slot *k, bool told)
{
    sim_population_move(&r->trips, &k->customer, SIM_OUTSIDE, sim_now(r->sim), told);
    k->stage = THINKING;
    sim_after(r->sim, &k->event, r->p->think);
}

/* A round trip begins.  False: the pattern drew the terminal itself, which is silent for as long as
 * a request takes to leave, and then draws again. */
static bool start_trip(struct reply *r, struct slot *k)
{
    uint32_t dst = pattern_next(&r->pattern, k->src, &r->rng[k->src]);
    if (dst == PATTERN_SILENT) {
        sim_after(r->sim, &k->event, sim_time_mul(r->d.flit_time, r->p->request_flits));
        return false;
    }
    sim_population_move(&r->trips, &k->customer, SIM_INSIDE, sim_now(r->sim), k->turns > 0);
    r->started++;
    k->turns++;
    k->dst = dst;
    return true;
}

/* The slot's next packet goes out: a request when it has thought, a reply when it was served. */
static void send(struct sim *s, struct sim_event *e)
{
    struct slot *k = CONTAINER_OF(e, struct slot, event);
    struct reply *r = k->owner;
    if (k->stage == THINKING && !start_trip(r, k))
        return;
    struct net_packet *p = traffic_take(&r->pool);
    if (k->stage == THINKING) {
        k->stage = REQUESTED;
        p->src = k->src;
        p->dst = k->dst;
        p->flits = (uint32_t)r->p->request_flits;
    } else {
        ASSERT(k->stage == SERVED);
        k->stage = REPLIED;
        p->src = k->dst;
        p->dst = k->src;
        p->flits = (uint32_t)r->p->reply_flits;
    }
    p->created = sim_now(s);
    p->owner = k;
    p->user = r->in_window;
    r->sent++;
    r->inside++;
    net_inject(r->net, p);
}

static void requested(struct reply *r, struct slot *k, const struct net_packet *p)
{
    if (p->user && !r->closed)
        sim_measure_add(r->request, sim_time_seconds(p->delivered - p->created));
    k->stage = SERVED;
    sim_after(r->sim, &k->event, r->p->serve);
}

static void replied(struct reply *r, struct slot *k, const struct net_packet *p)
{
    r->ended++;
    if (r->in_window) {
        r->window_ended++;
        r->done[k->src]++;
        sim_measure_add(r->round_trip, sim_time_seconds(p->delivered - k->customer.since));
        sim_measure_add(r->reply, sim_time_seconds(p->delivered - p->created));
    }
    end_trip(r, k, true);
}

static void receive(void *arg, struct net_packet *p, enum net_status status)
{
    struct reply *r = arg;
    struct slot *k = p->owner;
    r->inside--;
    if (status != NET_OK) { /* the round trip is lost with its packet; the slot begins anew */
        r->dropped++;
        end_trip(r, k, false);
        r->lost++;
        traffic_give(&r->pool, p);
        return;
    }
    r->delivered++;
    sim_waist(r->sim, SIM_WAIST_PACKET, p->delivered, p->dst, p->flits,
              (uint64_t)p->src << 40 ^ k->turns);
    if (r->in_window)
        r->window_flits += p->flits;
    if (r->log && p->user)
        traffic_log_write(r->log, p);
    if (k->stage == REQUESTED)
        requested(r, k, p);
    else
        replied(r, k, p);
    traffic_give(&r->pool, p);
}

static void open_window(struct sim *s, struct sim_event *e)
{
    struct reply *r = CONTAINER_OF(e, struct reply, open);
    r->in_window = true;
    sim_window_open(s);
    sim_after(s, &r->close, r->p->measure);
}

static void close_window(struct sim *s, struct sim_event *e)
{
    struct reply *r = CONTAINER_OF(e, struct reply, close);
    r->in_window = false;
    r->closed = true;
    sim_window_close(s);
    traffic_channels(s);
    traffic_pairs(r->net, r->files);
    traffic_write_channels(r->net, r->files);
    sim_stop(s);
}

static void audit(void *self, struct sim_audit_report *report)
{
    const struct reply *r = self;
    uint64_t under_way = 0;
    sim_audit_balance_resident(report, "packets", r->sent, r->delivered, r->inside, r->dropped);
    for (size_t i = 0; i < r->count; i++)
        under_way += r->slots[i].stage != THINKING;
    sim_audit_balance_resident(report, "round trips", r->started, r->ended, under_way, r->lost);
}

static void declare(struct reply *r)
{
    r->round_trip = sim_measure_declare(r->sim, "round_trip", "s",
                                        "From a request's creation to the delivery of its reply.",
                                        SIM_MEASURE_DEFAULT_COLUMN | SIM_MEASURE_HISTOGRAM);
    r->request = sim_measure_declare(r->sim, "request", "s",
                                     "From a request's creation to its delivery.", 0);
    r->reply =
        sim_measure_declare(r->sim, "reply", "s", "From a reply's creation to its delivery.", 0);
}

/* The slots of every terminal that sends; a terminal that the pattern leaves silent has none. */
static void make_slots(struct reply *r)
{
    uint32_t n = r->d.terminals;
    r->rng = base_zalloc(n, sizeof(*r->rng));
    r->done = base_zalloc(n, sizeof(*r->done));
    r->slots = base_zalloc((size_t)n * (size_t)r->p->outstanding, sizeof(*r->slots));
    for (uint32_t i = 0; i < n; i++) {
        sim_rng_init_indexed(&r->rng[i], r->sim, "mesh_reply/source", i);
        r->net->ops->set_terminal(r->net, i,
                                  &(struct net_terminal){ .receive = receive, .arg = r });
        if (pattern_is_silent(&r->pattern, i))
            continue;
        for (int64_t j = 0; j < r->p->outstanding; j++) {
            struct slot *k = &r->slots[r->count++];
            k->owner = r;
            k->src = i;
            k->stage = THINKING;
            sim_population_move(&r->trips, &k->customer, SIM_OUTSIDE, 0, false);
            sim_event_init(&k->event, SIM_CLASS_SOFTWARE, send);
            sim_at(r->sim, &k->event, 0);
        }
    }
}

static void reply_destroy(void *self);

static void *reply_create(struct sim *s, const struct direct_world *w, const void *params,
                          struct err *e)
{
    struct reply *r = base_zalloc(1, sizeof(*r));
    r->sim = s;
    r->net = w->net;
    r->p = params;
    r->files = w->out;
    w->net->ops->describe(w->net, &r->d);
    sim_event_init(&r->open, SIM_CLASS_ARRIVAL, open_window);
    sim_event_init(&r->close, SIM_CLASS_ARRIVAL, close_window);
    sim_audit_register(s, "mesh_reply", audit, r);
    sim_population_init(&r->trips, s, "round trips");
    bool good = traffic_fits(&r->d, r->p->request_flits, "workload.request_flits", e) &&
                traffic_fits(&r->d, r->p->reply_flits, "workload.reply_flits", e) &&
                pattern_init(&r->pattern, &r->p->pattern, &r->d, s, e);
    if (good && (uint64_t)r->p->outstanding * r->d.terminals > SLOTS_MAX)
        good = err_set(e,
                       "%" PRId64 " round trips for each of %u terminals are too many: at most %u "
                       "in all",
                       r->p->outstanding, r->d.terminals, SLOTS_MAX);
    if (!good) {
        reply_destroy(r);
        return NULL;
    }
    r->log = traffic_log_open(r->files);
    declare(r);
    traffic_watch(w->net);
    sim_population_tells(&r->trips, SIM_INSIDE, r->round_trip);
    make_slots(r);
    r->trips.customers = r->count;
    sim_after(s, &r->open, r->p->warmup);
    return r;
}

/* Round trips of each source inside the window: sources.csv. */
static void write_sources(const struct reply *r)
{
    FILE *f = whole_folder_file(r->files, "sources.csv");
    if (!f)
        return;
    fputs("source,round_trips\n", f);
    for (uint32_t i = 0; i < r->d.terminals; i++)
        fprintf(f, "%u,%u\n", i, r->done[i]);
}

static void reply_finish(void *self, enum sim_end end)
{
    struct reply *r = self;
    (void)end;
    const unsigned column = SIM_MEASURE_DEFAULT_COLUMN;
    if (!r->closed) {
        sim_remark(r->sim, "the run ended before its window closed");
        return;
    }
    double span = sim_time_seconds(r->p->measure), nodes = r->d.terminals;
    double cycles = (double)r->p->measure / (double)r->d.flit_time;
    double rate = (double)r->window_ended / span, least = INFINITY, most = 0;
    for (size_t i = 0; i < r->count; i++) { /* silent terminals have no share */
        least = fmin(least, (double)r->done[r->slots[i].src] / span);
        most = fmax(most, (double)r->done[r->slots[i].src] / span);
    }
    sim_scalar(r->sim, "throughput", "1/s", rate, column);
    if (r->count > 0) {
        sim_scalar(r->sim, "throughput_least", "1/s", least, 0);
        sim_scalar(r->sim, "throughput_most", "1/s", most, 0);
    }
    sim_scalar(r->sim, "accepted", "flits/node/cycle", (double)r->window_flits / cycles / nodes,
               column);
    sim_scalar(r->sim, "under_way", "1", sim_inside_mean(&r->trips.stages[1].now), column);
    sim_scalar(r->sim, "little", "1", rate * sim_measure_mean(r->round_trip), 0);
    sim_population_report(&r->trips);
    if (r->lost > 0)
        sim_remark(r->sim, "%" PRIu64 " round trips were lost at dead channels", r->lost);
    if (r->window_ended == 0)
        sim_remark(r->sim, "no round trip ended inside the window: take a longer one");
    write_sources(r);
}

static void reply_destroy(void *self)
{
    struct reply *r = self;
    for (size_t i = 0; i < r->count; i++)
        sim_cancel(r->sim, &r->slots[i].event);
    sim_cancel(r->sim, &r->open);
    sim_cancel(r->sim, &r->close);
    sim_audit_unregister(r->sim, r);
    sim_population_fini(&r->trips);
    traffic_pool_fini(&r->pool);
    pattern_fini(&r->pattern);
    free(r->rng);
    free(r->done);
    free(r->slots);
    free(r);
}

const struct direct_ops direct_mesh_reply = {
    .kind = { .name = "mesh_reply",
              .doc =
                  "Closed-loop requests and replies on a bare network: throughput and round trips.",
              .params = reply_params,
              .params_size = sizeof(struct reply_params) },
    .needs_net = true,
    .create = reply_create,
    .finish = reply_finish,
    .destroy = reply_destroy,
};
