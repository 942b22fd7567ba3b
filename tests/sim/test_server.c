/* test_server.c: servers against closed forms, pre-emption to the picosecond, Little, windows. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/audit.h"
#include "sim/server.h"

static uint64_t seed_state;

/* Uniform in (0, 1]. */
static double uniform(void)
{
    uint64_t z = (seed_state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return ((double)(z >> 11) + 1) * 0x1p-53;
}

static sim_time exponential(double mean)
{
    return (sim_time)(-mean * log(uniform()) + 0.5);
}

static void cr_audit_is_clean(struct sim *s)
{
    char text[1024];
    size_t failures = sim_audit_run(s, text, sizeof(text));
    cr_assert_eq(failures, 0, "%s", text);
}

/* ---- queues with Poisson arrivals ---- */
enum law { EXPONENTIAL, CONSTANT };

struct source {
    struct sim_event event;
    struct sim_server *server;
    double gap; /* mean, ps */
    double length;
    enum law law;
    uint8_t cls;
    int left;
    double sum;
    uint64_t count;
};

struct customer {
    struct sim_job job;
    struct source *from;
    struct sim *sim;
    sim_time since;
};

static void customer_done(struct sim_job *j)
{
    struct customer *c = CONTAINER_OF(j, struct customer, job);
    c->from->sum += (double)(sim_now(c->sim) - c->since);
    c->from->count++;
    free(c);
}

static void arrive(struct sim *s, struct sim_event *e)
{
    struct source *src = CONTAINER_OF(e, struct source, event);
    struct customer *c = calloc(1, sizeof(*c));
    sim_job_init(&c->job, src->cls,
                 src->law == CONSTANT ? (sim_time)src->length : exponential(src->length),
                 customer_done);
    c->from = src;
    c->sim = s;
    c->since = sim_now(s);
    sim_server_submit(src->server, &c->job);
    if (--src->left > 0)
        sim_after(s, e, exponential(src->gap));
}

#define REPLICATIONS 20
#define T_99_19 2.8609 /* Student's t, 99 % two-sided, 19 degrees of freedom */
#define SERVICE 1e6    /* ps */

/* Mean time in the system of each source's customers over one replication, in service times. */
static void replicate(uint64_t seed, const struct source *sources, size_t count, bool preempt,
                      double *means, double *busy)
{
    struct sim *s = sim_create(NULL);
    struct sim_server v;
    struct source src[2];
    seed_state = seed * 7919;
    sim_server_init(&v, s, SIM_KIND_OTHER, -1, "queue", preempt);
    for (size_t i = 0; i < count; i++) {
        src[i] = sources[i];
        src[i].server = &v;
        sim_event_init(&src[i].event, SIM_CLASS_ARRIVAL, arrive);
        sim_after(s, &src[i].event, exponential(src[i].gap));
    }
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    for (size_t i = 0; i < count; i++)
        means[i] = src[i].sum / (double)src[i].count / SERVICE;
    sim_busiest(s, SIM_KIND_OTHER, busy);
    cr_assert_eq(v.served, v.arrived);
    cr_audit_is_clean(s);
    sim_server_fini(&v);
    sim_destroy(s);
}

static void check_mean(const char *what, const double *x, double expected)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < REPLICATIONS; i++)
        sum += x[i];
    double mean = sum / REPLICATIONS;
    for (int i = 0; i < REPLICATIONS; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    double half = T_99_19 * sqrt(squares / (REPLICATIONS - 1) / REPLICATIONS);
    cr_assert(fabs(mean - expected) <= half, "%s: %g +- %g, expected %g", what, mean, half,
              expected);
    cr_assert_lt(half, 0.1 * expected, "%s: the interval +- %g says nothing", what, half);
}

static void check_queue(enum law law, double rho, double expected)
{
    double mean[REPLICATIONS], busy[REPLICATIONS];
    struct source src = {
        .gap = SERVICE / rho, .length = SERVICE, .law = law, .cls = 1, .left = 20000
    };
    for (int i = 0; i < REPLICATIONS; i++)
        replicate((uint64_t)i + 1, &src, 1, false, &mean[i], &busy[i]);
    check_mean("time in the system", mean, expected);
    check_mean("share busy", busy, rho);
}

Test(server, m_m_1_takes_the_time_of_the_closed_form)
{
    check_queue(EXPONENTIAL, 0.7, 1 / (1 - 0.7)); /* 1/(mu - lambda) [Kleinrock 1975, 3.26] */
}

Test(server, m_d_1_takes_the_time_of_the_closed_form)
{
    check_queue(CONSTANT, 0.7, 1 + 0.7 / (2 * (1 - 0.7))); /* Pollaczek-Khinchine */
}

/* Two classes, exponential service of one mean, non-pre-emptive: W_k = 1 + rho/((1-s_{k-1})(1-s_k))
 * with s_k the load of classes up to k [Cobham 1954].  Pre-emptive resume: the first class sees an
 * M/M/1 of its own, the second 1/((1-s_1)(1-s_2)). */
static void check_priorities(bool preempt, double first, double second)
{
    double mean[2][REPLICATIONS], busy[REPLICATIONS];
    struct source src[2] = {
        { .gap = SERVICE / 0.3, .length = SERVICE, .cls = 0, .left = 15000 },
        { .gap = SERVICE / 0.4, .length = SERVICE, .cls = 2, .left = 20000 },
    };
    for (int i = 0; i < REPLICATIONS; i++) {
        double m[2];
        replicate((uint64_t)i + 100, src, 2, preempt, m, &busy[i]);
        mean[0][i] = m[0];
        mean[1][i] = m[1];
    }
    check_mean("first class", mean[0], first);
    check_mean("second class", mean[1], second);
}

Test(server, priorities_without_preemption_follow_cobham)
{
    check_priorities(false, 1 + 0.7 / (1 - 0.3), 1 + 0.7 / ((1 - 0.3) * (1 - 0.7)));
}

Test(server, preemptive_resume_follows_its_closed_form)
{
    check_priorities(true, 1 / (1 - 0.3), 1 / ((1 - 0.3) * (1 - 0.7)));
}

/* ---- to the picosecond ---- */
static char order[64];

struct named {
    struct sim_job job;
    struct sim *sim;
    sim_time done_at;
    char name;
};

static void named_done(struct sim_job *j)
{
    struct named *n = CONTAINER_OF(j, struct named, job);
    n->done_at = sim_now(n->sim);
    size_t k = strlen(order);
    order[k] = n->name;
    order[k + 1] = '\0';
}

struct submission {
    struct sim_event event;
    struct sim_server *server;
    struct named *named;
};

static void submit_now(struct sim *s, struct sim_event *e)
{
    (void)s;
    struct submission *b = CONTAINER_OF(e, struct submission, event);
    sim_server_submit(b->server, &b->named->job);
}

static struct named named(struct sim *s, char name, uint8_t cls, sim_time service)
{
    struct named n = { .sim = s, .name = name, .done_at = -1 };
    sim_job_init(&n.job, cls, service, named_done);
    return n;
}

static void at(struct sim *s, struct submission *b, struct sim_server *v, struct named *n,
               sim_time when)
{
    b->server = v;
    b->named = n;
    sim_event_init(&b->event, SIM_CLASS_ARRIVAL, submit_now);
    sim_at(s, &b->event, when);
}

Test(server, an_interrupted_job_resumes_for_exactly_the_rest_of_its_time)
{
    struct sim *s = sim_create(NULL);
    struct sim_server v;
    sim_server_init(&v, s, SIM_KIND_CPU, 0, "cpu", true);
    struct named a = named(s, 'a', 2, 1000), b = named(s, 'b', 1, 301), c = named(s, 'c', 0, 17),
                 d = named(s, 'd', 2, 5), e = named(s, 'e', 1, 100);
    struct submission sub[5];
    at(s, &sub[0], &v, &a, 0);
    at(s, &sub[1], &v, &d, 10);  /* waits behind a, also while a is interrupted */
    at(s, &sub[2], &v, &b, 400); /* interrupts a, which has 600 left */
    at(s, &sub[3], &v, &c, 500); /* interrupts b, which has 201 left */
    at(s, &sub[4], &v, &e, 501); /* of b's class, after it */
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_eq(c.done_at, 517);
    cr_assert_eq(b.done_at, 718);
    cr_assert_eq(e.done_at, 818);
    cr_assert_eq(a.done_at, 1418);
    cr_assert_eq(d.done_at, 1423);
    cr_assert_str_eq(order, "cbead");
    cr_assert_eq(sim_busy_time(&v.busy, sim_now(s)), 1423);
    cr_assert_eq(v.longest, 5);
    /* Waiting: c 0, b 17, e 217, a 418, d 1408. */
    cr_assert_eq((uint64_t)v.waited, 17 + 217 + 418 + 1408);
    cr_audit_is_clean(s);
    sim_server_fini(&v);
    sim_destroy(s);
}

Test(server, withdrawn_jobs_leave_and_the_next_is_served)
{
    struct sim *s = sim_create(NULL);
    struct sim_server v;
    sim_server_init(&v, s, SIM_KIND_CPU, 0, "cpu", false);
    struct named a = named(s, 'a', 1, 100), b = named(s, 'b', 1, 10), c = named(s, 'c', 1, 10);
    sim_server_submit(&v, &a.job);
    sim_server_submit(&v, &b.job);
    sim_server_submit(&v, &c.job);
    cr_assert(sim_server_withdraw(&v, &b.job));
    cr_assert_not(sim_server_withdraw(&v, &b.job));
    cr_assert(sim_server_withdraw(&v, &a.job));
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_str_eq(order, "c");
    cr_assert_eq(sim_now(s), 10);
    cr_assert_eq(v.withdrawn, 2);
    cr_audit_is_clean(s);
    sim_server_fini(&v);
    sim_destroy(s);
}

static struct sim_server *reset_me;

static sim_time crash_in_start(struct sim_job *j)
{
    (void)j;
    sim_server_reset(reset_me, NULL);
    return 50;
}

static sim_time says_that_it_starts(struct sim_job *j)
{
    strcat(order, "s");
    return j->service;
}

/* SRV3, SRV4. */
Test(server, a_job_is_done_before_the_next_is_granted_and_a_zeroed_one_is_idle)
{
    struct sim *s = sim_create(NULL);
    struct sim_server v;
    struct named a = named(s, 'a', 1, 100), b = named(s, 'b', 1, 10);
    static struct named zeroed;
    sim_server_init(&v, s, SIM_KIND_CPU, 0, "cpu", true);
    b.job.start = says_that_it_starts;
    zeroed.job = (struct sim_job){ .service = 5, .cls = 1, .done = b.job.done };
    zeroed.sim = s;
    zeroed.name = 'z';
    sim_server_submit(&v, &a.job);
    sim_server_submit(&v, &b.job);
    sim_server_submit(&v, &zeroed.job);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_str_eq(order, "asbz");
    sim_server_fini(&v);
    sim_destroy(s);
}

Test(server, a_job_may_reset_the_server_when_it_is_granted)
{
    struct sim *s = sim_create(NULL);
    struct sim_server v;
    sim_server_init(&v, s, SIM_KIND_CPU, 0, "cpu", true);
    reset_me = &v;
    struct named a = named(s, 'a', 1, 100), b = named(s, 'b', 1, 10), c = named(s, 'c', 1, 10);
    b.job.start = crash_in_start;
    sim_server_submit(&v, &a.job);
    sim_server_submit(&v, &b.job);
    sim_server_submit(&v, &c.job);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_str_eq(order, "a");
    cr_assert_eq(sim_now(s), 100);
    cr_assert_eq(v.in_system, 0);
    cr_assert_eq(sim_busy_time(&v.busy, sim_now(s)), 100);
    cr_audit_is_clean(s);
    sim_server_submit(&v, &c.job);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_str_eq(order, "ac");
    sim_server_fini(&v);
    sim_destroy(s);
}

/* ---- windows ---- */
static void open_window(struct sim *s, struct sim_event *e)
{
    (void)e;
    sim_window_open(s);
}

static void idle_event(struct sim *s, struct sim_event *e)
{
    (void)s;
    (void)e;
}

/* SRV1. */
Test(server, busy_time_is_what_lies_inside_the_window)
{
    struct sim *s = sim_create(NULL);
    struct sim_server v, w;
    sim_server_init(&v, s, SIM_KIND_BUS, 3, "bus 3", false);
    sim_server_init(&w, s, SIM_KIND_BUS, 4, "bus 4", false);
    struct named a = named(s, 'a', 0, 400), b = named(s, 'b', 0, 90), c = named(s, 'c', 0, 100);
    struct submission sub[3];
    at(s, &sub[0], &v, &a, 0);
    at(s, &sub[1], &v, &b, 500);
    at(s, &sub[2], &w, &c, 0); /* over before the window opens */
    struct sim_event open, end;
    sim_event_init(&open, SIM_CLASS_MEASURE, open_window);
    sim_at(s, &open, 300);
    sim_event_init(&end, SIM_CLASS_MEASURE, idle_event);
    sim_at(s, &end, 700);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    double share;
    const struct sim_busy *top = sim_busiest(s, SIM_KIND_BUS, &share);
    cr_assert_str_eq(top->name, "bus 3");
    cr_assert_eq(top->node, 3);
    cr_assert_eq(sim_busy_time(top, sim_now(s)), 190); /* 300..400 and 500..590 */
    cr_assert_eq(top->uses, 2);
    cr_assert_float_eq(share, 190.0 / 400, 1e-12);
    cr_assert_float_eq(sim_busy_mean(s, SIM_KIND_BUS), 190.0 / 800, 1e-12);
    cr_assert_null(sim_busiest(s, SIM_KIND_ARM, &share));
    sim_busy_add(&v.busy, s, 250, 320); /* only the part inside counts */
    cr_assert_eq(sim_busy_time(&v.busy, sim_now(s)), 210);
    sim_server_fini(&w);
    sim_server_fini(&v);
    sim_destroy(s);
}

/* ---- bookings ahead, and the window's edges ---- */
static struct sim_busy ring[2];

struct booking {
    struct sim_event event;
    struct sim_busy *busy;
    sim_time from, to;
};

static void book(struct sim *s, struct sim_event *e)
{
    struct booking *b = CONTAINER_OF(e, struct booking, event);
    sim_busy_add(b->busy, s, b->from, b->to);
}

static void close_window(struct sim *s, struct sim_event *e)
{
    (void)e;
    sim_window_close(s);
}

static char told[64], first[] = "1 ", second[] = "2 ";

static void edge(void *arg, bool open)
{
    strcat(told, open ? "open" : "close");
    strcat(told, arg);
}

/* Disjoint intervals told early, in time and late, around a window of 1,000 to 2,000.  WIN1. */
Test(server, of_each_booking_the_part_inside_the_window_counts)
{
    static const struct {
        sim_time at, from, to;
    } plan[] = {
        { 0, 100, 200 },                         /* before it */
        { 300, 300, 400 },    { 300, 450, 500 }, /* with a gap */
        { 300, 900, 1010 },                      /* over the first edge, 10 inside */
        { 950, 1010, 1100 },  { 950, 1150, 1200 }, { 950, 1300, 1400 }, /* ahead, with gaps: 240 */
        { 1500, 1420, 1470 },                                           /* late: 50 */
        { 1600, 1980, 2300 },                                           /* over the last: 20 */
        { 1700, 2310, 2400 },                                           /* beyond it */
        { 2100, 1900, 1950 },                                           /* told after it: 50 */
        { 2200, 2400, 2600 },
    };
    struct sim *s = sim_create(NULL);
    struct booking b[ARRAY_LEN(plan)];
    sim_busy_init(&ring[0], s, SIM_KIND_BUS, 0, "bus");
    for (size_t i = 0; i < ARRAY_LEN(plan); i++) {
        b[i] = (struct booking){ .busy = &ring[0], .from = plan[i].from, .to = plan[i].to };
        sim_event_init(&b[i].event, SIM_CLASS_DEVICE, book);
        sim_at(s, &b[i].event, plan[i].at);
    }
    struct sim_event open, close, end;
    sim_event_init(&open, SIM_CLASS_MEASURE, open_window);
    sim_event_init(&close, SIM_CLASS_MEASURE, close_window);
    sim_event_init(&end, SIM_CLASS_MEASURE, idle_event);
    sim_at(s, &open, 1000);
    sim_at(s, &close, 2000);
    sim_at(s, &end, 1000000); /* a long tail changes nothing */
    told[0] = 0;
    sim_window_watch(s, edge, first);
    sim_window_watch(s, edge, second);
    cr_assert_eq(sim_window_phase(s), SIM_WINDOW_NONE);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_eq(sim_window_phase(s), SIM_WINDOW_CLOSED);
    cr_assert_str_eq(told, "open1 open2 close1 close2 ");
    cr_assert_eq(sim_window_length(s), 1000);
    cr_assert_eq(sim_busy_time(&ring[0], sim_now(s)), 10 + 240 + 50 + 20 + 50);
    cr_assert_eq(ring[0].uses, 7);
    double share;
    sim_busiest(s, SIM_KIND_BUS, &share);
    cr_assert_float_eq(share, 0.37, 1e-12);
    cr_assert_eq(sim_window_part(s, 500, 1200), 200);
    cr_assert_eq(sim_window_part(s, 1900, 9000), 100);
    cr_assert_eq(sim_window_part(s, 2000, 9000), 0);
    cr_audit_is_clean(s);
    sim_window_unwatch(s, first);
    sim_busy_fini(&ring[0]);
    sim_destroy(s);
}

Test(server, a_resource_that_is_busy_for_longer_than_the_window_fails_the_audit)
{
    char text[256];
    struct sim *s = sim_create(NULL);
    sim_busy_init(&ring[0], s, SIM_KIND_CHANNEL, 3, "inject 3");
    sim_busy_init(&ring[1], s, SIM_KIND_CHANNEL, 4, "inject 4");
    struct booking twice[2];
    for (int i = 0; i < 2; i++) {
        twice[i] = (struct booking){ .busy = &ring[0], .from = 0, .to = 80 };
        sim_event_init(&twice[i].event, SIM_CLASS_DEVICE, book);
        sim_at(s, &twice[i].event, 100);
    }
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_eq(sim_audit_run(s, text, sizeof text), 1);
    cr_assert_not_null(strstr(text, "inject 3: was busy for 1.6e-10 s of a window of 1e-10 s"),
                       "%s", text);
    sim_busy_fini(&ring[1]);
    sim_busy_fini(&ring[0]);
    sim_destroy(s);
}

Test(server, of_an_amount_the_part_made_inside_the_window_counts)
{
    struct sim *s = sim_create(NULL);
    struct sim_event open, end;
    sim_event_init(&open, SIM_CLASS_MEASURE, open_window);
    sim_event_init(&end, SIM_CLASS_MEASURE, idle_event);
    sim_at(s, &open, 300);
    sim_at(s, &end, 400);
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    cr_assert_float_eq(sim_window_share(s, 200, 10), 5, 1e-12);
    cr_assert_float_eq(sim_window_share(s, 350, 10), 10, 1e-12);
    cr_assert_float_eq(sim_window_share(s, 400, 10), 10, 1e-12); /* made at once */
    sim_window_close(s);
    sim_destroy(s);
}
