/* queue.c: event_ring: a ring of stations, each a server with a queue: the smallest simulation.
 *
 * Modelled: customers come to station 0 of the ring at exponential intervals, are served at each
 * station in turn for an exponential time, first come first served, and leave after the last.
 * Not modelled: anything of a machine.  It needs neither network nor devices: it is for learning
 * what a configuration is, and for testing the runner.
 *
 * Source: by Burke's theorem [Burke 1956] every station of the tandem is an M/M/1 queue, so the
 * mean wait at each is rho / (mu - lambda) [Kleinrock 1975, 3.2], which is reported beside the
 * measured one as `wait.expected`.
 */
#include "workloads/direct/queue.h"

#include <stdlib.h>

#include "sim/audit.h"
#include "sim/digest.h"
#include "sim/measure.h"
#include "sim/rng.h"
#include "sim/server.h"

struct ring_params {
    int64_t stations, customers, warmup;
    sim_time service; /* mean */
    double load;      /* arrival rate times mean service */
};

#define LONGEST_RUN 0.9 /* of the clock: the last customers may come late, and wait */

static const struct param ring_params[] = {
    P_INT(ring_params, stations, "1", "1", "1000", "Servers that a customer visits in turn.",
          "ASSUMED(one is an M/M/1 queue)"),
    P_INT(ring_params, customers, "100000", "1", NULL, "Customers that are measured.",
          "ASSUMED(a second of host time)"),
    P_INT(ring_params, warmup, "2000", "0", NULL,
          "Customers that come before those, and are not measured.",
          "ASSUMED(about ten times the relaxation time at load 0.5)"),
    P_TIME(ring_params, service, "1ms", "1ns", NULL, "Mean time of service at a station.",
           "ASSUMED(a round number)"),
    P_REAL(ring_params, load, "0.5", "0.001", "2",
           "Offered load of a station: above 1 its queue grows without end.", "ASSUMED(half)"),
    P_END,
};

struct ring;
struct customer {
    struct sim_job job;
    struct ring *ring;
    int64_t index, station;
    sim_time waited_from;
};

struct ring {
    struct sim *sim;
    const struct ring_params *p;
    struct sim_server *stations;
    struct sim_event arrival;
    struct sim_rng arrivals, services;
    struct sim_measure *wait;
    sim_time mean_gap;
    int64_t came, left;
};

static sim_time start_service(struct sim_job *j)
{
    struct customer *c = CONTAINER_OF(j, struct customer, job);
    struct ring *r = c->ring;
    if (c->index >= r->p->warmup)
        sim_measure_add(r->wait, sim_time_seconds(sim_now(r->sim) - c->waited_from));
    return sim_rng_exponential(&r->services, r->p->service);
}

static void end_service(struct sim_job *j)
{
    struct customer *c = CONTAINER_OF(j, struct customer, job);
    struct ring *r = c->ring;
    if (++c->station < r->p->stations) {
        c->waited_from = sim_now(r->sim);
        sim_server_submit(&r->stations[c->station], &c->job);
        return;
    }
    sim_waist(r->sim, SIM_WAIST_MEASURE, sim_now(r->sim), c->station, 0, (uint64_t)c->index);
    if (++r->left == r->p->warmup + r->p->customers)
        sim_window_close(r->sim);
    free(c);
}

static void arrive(struct sim *s, struct sim_event *e)
{
    struct ring *r = CONTAINER_OF(e, struct ring, arrival);
    struct customer *c = base_zalloc(1, sizeof *c);
    c->job.start = start_service;
    c->job.done = end_service;
    c->ring = r;
    c->index = r->came++;
    c->waited_from = sim_now(s);
    if (c->index == r->p->warmup)
        sim_window_open(s);
    sim_server_submit(&r->stations[0], &c->job);
    if (r->came < r->p->warmup + r->p->customers)
        sim_after(s, e, sim_rng_exponential(&r->arrivals, r->mean_gap));
}

static void ring_audit(void *self, struct sim_audit_report *report)
{
    const struct ring *r = self;
    uint64_t inside = 0;
    for (int64_t i = 0; i < r->p->stations; i++)
        inside += r->stations[i].in_system;
    sim_audit_balance(report, "customers", (uint64_t)r->came, (uint64_t)r->left, inside, 0);
}

static void *ring_create(struct sim *s, const struct direct_world *w, const void *params,
                         struct err *e)
{
    (void)w;
    const struct ring_params *p = params;
    double customers = (double)p->customers + (double)p->warmup;
    double seconds = customers * sim_time_seconds(p->service) / p->load;
    if (seconds > LONGEST_RUN * sim_time_seconds(SIM_NEVER)) {
        err_set(e,
                "workload.customers: %.0f customers, one each workload.service / workload.load = "
                "%.3g s, take %.3g s of simulated time: a run has at most %.3g s",
                customers, seconds / customers, seconds, LONGEST_RUN * sim_time_seconds(SIM_NEVER));
        return NULL;
    }
    struct ring *r = base_zalloc(1, sizeof *r);
    r->sim = s;
    r->p = p;
    /* Rounded once; no later decision sees the double. */
    r->mean_gap = sim_time_scale(r->p->service, 1 / r->p->load);
    r->stations = base_zalloc((size_t)r->p->stations, sizeof *r->stations);
    for (int64_t i = 0; i < r->p->stations; i++) {
        char *name = base_printf("station %lld", (long long)i);
        sim_server_init(&r->stations[i], s, SIM_KIND_OTHER, -1, name, false);
        free(name);
    }
    sim_rng_init(&r->arrivals, s, "event_ring/arrivals");
    sim_rng_init(&r->services, s, "event_ring/services");
    r->wait = sim_measure_declare(s, "wait", "s", "Time a customer waits before each service.",
                                  SIM_MEASURE_DEFAULT_COLUMN | SIM_MEASURE_HISTOGRAM);
    sim_audit_register(s, "event_ring", ring_audit, r);
    sim_event_init(&r->arrival, SIM_CLASS_ARRIVAL, arrive);
    sim_after(s, &r->arrival, sim_rng_exponential(&r->arrivals, r->mean_gap));
    return r;
}

static void ring_finish(void *self, enum sim_end end)
{
    struct ring *r = self;
    (void)end;
    if (r->p->load < 1) {
        double rho = r->p->load;
        sim_scalar(r->sim, "wait.expected", "s", rho / (1 - rho) * sim_time_seconds(r->p->service),
                   SIM_MEASURE_DETERMINISTIC | SIM_MEASURE_DEFAULT_COLUMN);
    } else {
        sim_remark(r->sim, "not steady: the load of %g is more than the stations can serve",
                   r->p->load);
    }
}

static void drop_customer(struct sim_job *j)
{
    free(CONTAINER_OF(j, struct customer, job));
}

static void ring_destroy(void *self)
{
    struct ring *r = self;
    sim_cancel(r->sim, &r->arrival);
    sim_audit_unregister(r->sim, r);
    for (int64_t i = 0; i < r->p->stations; i++) {
        sim_server_reset(&r->stations[i], drop_customer);
        sim_server_fini(&r->stations[i]);
    }
    free(r->stations);
    free(r);
}

const struct direct_ops direct_event_ring = {
    .kind = { .name = "event_ring",
              .doc = "A tandem of M/M/1 queues: the smallest simulation, against its closed form.",
              .params = ring_params,
              .params_size = sizeof(struct ring_params) },
    .create = ring_create,
    .finish = ring_finish,
    .destroy = ring_destroy,
};
