/* trips.c: see trips.h. */
#include "tests/mesh/trips.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "sim/audit.h"
#include "tests/mesh/oracle.h"

struct sim *trips_sim;
struct net *trips_net;

void trips_start(const struct net_ops *ops, const void *params, uint64_t seed, enum sim_tie tie,
                 sim_time limit)
{
    static struct err e = ERR_INIT;
    trips_sim = sim_create(&(struct sim_options){ .seed = seed, .tie = tie, .time_limit = limit });
    trips_net = ops->create(trips_sim, params, &e);
    cr_assert(trips_net, "%s", e.text);
}

void trips_stop(void)
{
    char text[1024] = "";
    cr_assert_eq(sim_audit_run(trips_sim, text, sizeof(text)), 0, "%s", text); /* LAN1 */
    trips_net->ops->destroy(trips_net);
    sim_destroy(trips_sim);
}

static void depart(struct sim *sim, struct sim_event *e)
{
    (void)sim;
    net_inject(trips_net, &CONTAINER_OF(e, struct trip, event)->p);
}

void trips_take(void *arg, struct net_packet *p, enum net_status status)
{
    struct trip *t = p->owner;
    uint32_t terminal = (uint32_t)(uintptr_t)arg;
    t->status = status;
    t->done = sim_now(trips_sim);
    cr_assert_eq(t->done, p->delivered);
    cr_assert_eq(p->dropped, status != NET_OK);
    if (p->dst == NET_ALL && status == NET_OK && terminal < TRIPS_TERMINALS) {
        cr_assert_eq(t->came[terminal], 0);
        t->came[terminal] = t->done;
    } else if (p->dst != NET_ALL) {
        cr_assert_eq(p->left, 0);
        cr_assert_eq(terminal, p->dst);
    }
    t->calls++;
}

static void left(void *arg, struct net_packet *p)
{
    struct trip *t = p->owner;
    (void)arg;
    t->sent = sim_now(trips_sim);
    cr_assert_eq(t->calls, 0);
}

void trips_post(struct trip *t, uint32_t src, uint32_t dst, uint32_t flits, sim_time at)
{
    *t = (struct trip){ .p = { .src = src, .dst = dst, .flits = flits, .owner = t }, .at = at };
    sim_event_init(&t->event, SIM_CLASS_SOFTWARE, depart);
    sim_at(trips_sim, &t->event, at);
}

void trips_terminals(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        trips_net->ops->set_terminal(trips_net, i,
                                     &(struct net_terminal){ .receive = trips_take,
                                                             .sent = left,
                                                             .arg = (void *)(uintptr_t)i });
}

static struct sim_event used[4];
static uint32_t unused;
static sim_time each_takes;
uint32_t trips_had_most, trips_came;

static void use(struct sim *sim, struct sim_event *e)
{
    (void)sim, (void)e;
    unused--;
    trips_net->ops->taken(trips_net, 0);
}

static void keep(void *arg, struct net_packet *p, enum net_status status)
{
    (void)arg, (void)p;
    cr_assert_eq(status, NET_OK);
    trips_came++;
    if (++unused > trips_had_most)
        trips_had_most = unused;
    for (int i = 0; i < 4; i++)
        if (!sim_event_pending(&used[i])) {
            sim_after(trips_sim, &used[i], each_takes);
            return;
        }
    cr_assert(false, "more than it has room for");
}

void trips_slow(sim_time each)
{
    unused = trips_had_most = trips_came = 0;
    each_takes = each;
    for (int i = 0; i < 4; i++)
        sim_event_init(&used[i], SIM_CLASS_SOFTWARE, use);
    trips_net->ops->set_terminal(trips_net, 0,
                                 &(struct net_terminal){ .receive = keep, .room = 2 });
}

void trips_refused(const struct net_ops *ops, const void *params, const char *part)
{
    struct err e = ERR_INIT;
    struct sim *sim = sim_create(NULL);
    cr_assert_null(ops->create(sim, params, &e), "not refused: %s", part);
    cr_assert(strstr(e.text, part), "%s", e.text);
    sim_destroy(sim);
}

void trips_fault(struct val *list, const char *path, const char *action, sim_time at,
                 sim_time after, double ber)
{
    struct val *v = val_new(VAL_TABLE, NULL, 0);
    char text[40];
    val_put(v, "path", val_new_string(path, NULL, 0));
    val_put(v, "action", val_new_string(action, NULL, 0));
    snprintf(text, sizeof text, "%ldps", (long)at);
    val_put(v, "at", val_new_string(text, NULL, 0));
    snprintf(text, sizeof text, "%ldps", (long)after);
    if (after > 0)
        val_put(v, "after", val_new_string(text, NULL, 0));
    if (ber > 0)
        val_put(v, "ber", val_new_real(ber, NULL, 0));
    val_append(list, v);
}

/* ---- what every network owes ---- */

#define MANY 2000
#define MOST 20
static uint32_t order[MOST][MOST], full_up;

static void in_order(void *arg, struct net_packet *p, enum net_status status)
{
    uint32_t number = (uint32_t)p->user, *before = &order[p->src][p->dst];
    trips_take(arg, p, status);
    if (status == NET_OK || status == NET_DROPPED_FULL) {
        cr_assert_gt(number, *before);
        *before = number;
    }
    full_up += status == NET_DROPPED_FULL;
    if (status == NET_OK && p->dst == 3 && number % 3)
        trips_net->ops->taken(trips_net, 3);
}

uint64_t trips_random(const struct net_ops *ops, const void *params, uint32_t count,
                      uint32_t longest, sim_time gap, enum sim_tie tie, uint32_t room,
                      uint32_t *lost)
{
    static struct trip many[MANY];
    uint64_t r = 99, hash = 0;
    sim_time at = 0, latest[MOST] = { 0 };
    trips_start(ops, params, 5, tie, 0);
    memset(order, 0, sizeof order);
    full_up = 0;
    for (uint32_t i = 0; i < count; i++)
        trips_net->ops->set_terminal(trips_net, i,
                                     &(struct net_terminal){ .receive = in_order,
                                                             .sent = left,
                                                             .arg = (void *)(uintptr_t)i,
                                                             .room = i == 3 ? room : 0 });
    for (uint32_t k = 0; k < MANY; k++) {
        at += (sim_time)oracle_below(&r, 3) * (sim_time)oracle_below(&r, (uint64_t)gap);
        uint32_t src = (uint32_t)oracle_below(&r, count);
        latest[src] = sim_time_max(at, latest[src] + 1); /* the order of its own counts */
        uint32_t dst = (uint32_t)oracle_below(&r, count);
        trips_post(&many[k], src, dst, 1 + (uint32_t)oracle_below(&r, longest), latest[src]);
        many[k].p.user = k + 1;
    }
    cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
    for (uint32_t k = 0; k < MANY; k++) {
        cr_assert_eq(many[k].calls, 1);
        hash = hash * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)many[k].done + many[k].status;
    }
    trips_stop();
    if (lost)
        *lost = full_up;
    return hash;
}

#define SATURATED 64
#define WINDOW 400
static struct net_packet always[SATURATED][WINDOW];
static uint64_t *outs;
sim_time trips_longest_wait;
uint64_t trips_lost;

static void again(void *arg, struct net_packet *p, enum net_status status)
{
    (void)arg;
    trips_lost += status != NET_OK;
    if (outs && status == NET_OK)
        outs[p->src]++;
    if (p->injected > 0)
        trips_longest_wait = sim_time_max(trips_longest_wait, p->blocked);
    net_inject(trips_net, p);
}

void trips_saturate(uint32_t count, uint32_t flits, uint32_t window, uint64_t *out)
{
    outs = out;
    trips_longest_wait = 0;
    trips_lost = 0;
    cr_assert(count <= SATURATED && window <= WINDOW);
    for (uint32_t i = 0; i < count; i++) {
        trips_net->ops->set_terminal(trips_net, i, &(struct net_terminal){ .receive = again });
        for (uint32_t k = 0; k < window; k++) {
            always[i][k] = (struct net_packet){ .src = i, .dst = (i + 1) % count, .flits = flits };
            net_inject(trips_net, &always[i][k]);
        }
    }
    sim_run(trips_sim);
}
