/* test_hippi.c: circuits against a model that goes request by request, closed forms of a packet and
 * its bursts, and the saturation of inputs that wait for random outputs. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "mesh/switch/hippi.h"
#include "sim/audit.h"
#include "sim/rng.h"
#include "tests/mesh/oracle.h"
#include "tests/mesh/trips.h"
#include "tests/sample.h"

#define WORD (40 * SIM_NS)

static struct hippi_params stations(int64_t count)
{
    struct hippi_params p;
    struct err e = ERR_INIT;
    cr_assert(param_load(hippi_params_desc, &p, NULL, "mesh", &e), "%s", e.text);
    p.stations = count;
    return p;
}

/* ---- a packet alone ---- */

/* 25 m at 0.66 c: 126.350 ns a link.  REQUEST, CONNECT and data cross six links; 1,000 words are
 * three bursts of 10.24 us with a word behind each, and 232 words. */
Test(hippi, a_lone_packet_takes_set_up_and_words_to_the_picosecond)
{
    struct hippi_params p = stations(5);
    struct trip t[3];
    sim_time d = (sim_time)llround(25 / (0.66 * 299792458) * 1e12), shut = 6 * d + SIM_US;
    cr_assert_eq(d, 126350);
    trips_start(&net_hippi, &p, 1, SIM_TIE_SEQUENCE, 0);
    trips_terminals(5);
    trips_post(&t[0], 0, 4, 1000, 777);
    trips_post(&t[1], 3, 3, 1, SIM_MS);
    trips_post(&t[2], 3, 1, 256, SIM_MS + 1);
    cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
    cr_assert_eq(t[0].done, 777 + shut + 1003 * WORD);
    cr_assert_eq(t[0].sent, t[0].done - 2 * d);
    cr_assert_eq(t[1].done, SIM_MS + shut + WORD);
    /* The connection before falls first: it asks when that is back at the source. */
    cr_assert_eq(t[2].done, t[1].sent + 2 * d + shut + 256 * WORD);
    for (int k = 0; k < 3; k++)
        cr_assert_eq(t[k].p.delivered - t[k].p.injected - t[k].p.blocked,
                     trips_net->ops->zero_load(trips_net, t[k].p.src, t[k].p.dst, t[k].p.flits));
    trips_stop();
}

/* HIPPI2.  Rate: the lesser of a word in 40 ns, and K bursts in the time until the first one's
 * READY is back. */
Test(hippi, the_rate_of_a_long_packet_is_the_least_of_words_and_credits)
{
    static const struct {
        int64_t credits;
        double km;
        sim_time ready;
    } rows[] = { { 1, .025, 0 }, { 63, .025, 0 }, { 1, 10, 0 },          { 2, 10, 5 * SIM_US },
                 { 63, 10, 0 },  { 7, 3, 0 },     { 4, .1, 30 * SIM_US } };
    const uint64_t bursts = 5000;
    bool slow = false, full = false;
    for (size_t k = 0; k < ARRAY_LEN(rows); k++)
        for (int64_t pause = 0; pause < 2; pause++) {
            struct hippi_params p = stations(2);
            struct trip t[2];
            p.credits = rows[k].credits;
            p.length = rows[k].km * 1000;
            p.ready = rows[k].ready;
            p.pause = pause;
            double link = p.length / (0.66 * 299792458);
            double trip = 256 * 40e-9 + 4 * link + (double)p.ready * 1e-12;
            double want =
                fmin(1024 / ((256 + (double)pause) * 40e-9), 1024 * (double)p.credits / trip);
            trips_start(&net_hippi, &p, 1, SIM_TIE_SEQUENCE, 0);
            trips_terminals(2);
            trips_post(&t[0], 0, 1, 256, 0);
            trips_post(&t[1], 1, 0, (uint32_t)(256 * (bursts * (uint64_t)p.credits + 1)), 0);
            cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
            double seconds = (double)(t[1].done - t[0].done) * 1e-12;
            double rate = 1024.0 * (double)bursts * (double)p.credits / seconds;
            cr_assert_float_eq(rate / want, 1, 1e-6, "%zu: %g B/s, not %g", k, rate, want);
            cr_assert_eq(t[1].done, trips_net->ops->zero_load(trips_net, 1, 0, t[1].p.flits));
            slow |= want < 50e6;
            full |= want == 100e6;
            trips_stop();
        }
    cr_assert(slow && full);
}

/* ---- the model that goes request by request ---- */

#define MOST 8
#define PACKETS 80

struct slow_packet {
    uint32_t src, dst, flits;
    sim_time at, done, sent;
    bool over, given_up;
};
static struct slow_packet slow_packets[PACKETS];
static uint32_t slow_count;

static struct slow_packet *slow_first(uint32_t src)
{
    for (uint32_t k = 0; k < slow_count; k++)
        if (slow_packets[k].src == src && !slow_packets[k].over)
            return &slow_packets[k];
    return NULL;
}

/* Sends its bursts one by one: `back` has the times of all READYs of the connection. */
static sim_time slow_send(const struct hippi_params *p, sim_time d, sim_time *back, size_t *bursts,
                          sim_time begin, uint32_t flits)
{
    sim_time end = 0;
    while (flits > 0) {
        uint32_t length = flits > 256 ? 256 : flits;
        if (*bursts >= (size_t)p->credits && back[*bursts - (size_t)p->credits] > begin)
            begin = back[*bursts - (size_t)p->credits];
        end = begin + length * WORD;
        back[(*bursts)++] = end + 2 * d + p->ready + 2 * d;
        begin = end + p->pause * WORD;
        flits -= length;
    }
    return end;
}

/* The connection of the packet, granted at g: when it falls at the switch. */
static sim_time slow_connection(const struct hippi_params *p, sim_time d, struct slow_packet *q,
                                sim_time g, sim_time *ask)
{
    static sim_time back[100000];
    size_t bursts = 0;
    sim_time begin = g + d + 2 * d, end = 0;
    for (int64_t count = 1;; count++) {
        end = slow_send(p, d, back, &bursts, begin, q->flits);
        q->over = true;
        q->sent = end;
        q->done = end + 2 * d;
        struct slow_packet *more = slow_first(q->src);
        if (!more || more->at >= end || more->dst != q->dst ||
            (p->packets > 0 && count >= p->packets))
            break;
        begin = end + p->pause * WORD;
        q = more;
    }
    *ask = end + 2 * d;
    return end + d;
}

static void slow_run(const struct hippi_params *p, sim_time d)
{
    sim_time free_at[MOST] = { 0 }, ask[MOST] = { 0 };
    int64_t tries[MOST] = { 0 };
    struct sim_rng rng[MOST];
    for (uint32_t i = 0; i < MOST; i++)
        sim_rng_init_indexed(&rng[i], trips_sim, "hippi/source", i);
    for (;;) {
        struct slow_packet *q = NULL;
        sim_time t = SIM_NEVER;
        for (uint32_t i = 0; i < (uint32_t)p->stations; i++) {
            struct slow_packet *f = slow_first(i);
            sim_time when = f ? sim_time_max(f->at, ask[i]) + d + p->setup : SIM_NEVER;
            if (when < t) {
                t = when;
                q = f;
            }
        }
        if (!q)
            return;
        uint32_t i = q->src;
        tries[i]++;
        if (free_at[q->dst] > t && !p->camp_on) {
            ask[i] = t + d;
            if (p->attempts > 0 && tries[i] >= p->attempts) {
                q->over = q->given_up = true;
                q->done = q->sent = t + d;
                tries[i] = 0;
            } else {
                ask[i] += p->retry;
                if (p->spread > 0)
                    ask[i] += (sim_time)sim_rng_below(&rng[i], (uint64_t)p->spread);
            }
            continue;
        }
        tries[i] = 0;
        free_at[q->dst] = slow_connection(p, d, q, sim_time_max(t, free_at[q->dst]), &ask[i]);
    }
}

static void equals_request_by_request(uint64_t number)
{
    static struct trip trips[PACKETS];
    uint64_t r = number;
    struct hippi_params p = stations(1 + (int64_t)oracle_below(&r, MOST));
    uint32_t count = (uint32_t)p.stations;
    p.credits = 1 + (int64_t)oracle_below(&r, 5);
    p.pause = (int64_t)oracle_below(&r, 3);
    p.ready = oracle_below(&r, 2) ? 0 : 3 * SIM_US;
    p.setup = oracle_below(&r, 2) ? SIM_NS : SIM_US;
    p.length = oracle_below(&r, 3) ? 25 * (double)oracle_below(&r, 2) : 3000;
    p.camp_on = oracle_below(&r, 2);
    p.retry = oracle_below(&r, 2) ? 0 : 20 * SIM_US;
    p.spread = p.retry == 0 || oracle_below(&r, 2) ? 10 * SIM_US : 0;
    p.attempts = (int64_t)oracle_below(&r, 5);
    p.packets = (int64_t)oracle_below(&r, 4);
    slow_count = 1 + (uint32_t)oracle_below(&r, PACKETS);
    uint32_t most = oracle_below(&r, 2) ? 300 : 3000;
    sim_time at = 0, latest[MOST] = { 0 };
    trips_start(&net_hippi, &p, number, number % 2 ? SIM_TIE_SHUFFLE : SIM_TIE_SEQUENCE, 0);
    trips_terminals(count);
    for (uint32_t k = 0; k < slow_count; k++) {
        if (oracle_below(&r, 3) == 0)
            at += (sim_time)oracle_below(&r, oracle_below(&r, 9) ? 30 : 2000) * SIM_US;
        uint32_t src = (uint32_t)oracle_below(&r, count);
        uint32_t flits = oracle_below(&r, 2) ? 256 : 1 + (uint32_t)oracle_below(&r, most);
        latest[src] = sim_time_max(at, latest[src] + 1);
        slow_packets[k] =
            (struct slow_packet){ .src = src,
                                  .dst = (uint32_t)oracle_below(&r, 1 + oracle_below(&r, count)),
                                  .flits = flits,
                                  .at = latest[src] };
        trips_post(&trips[k], src, slow_packets[k].dst, slow_packets[k].flits, latest[src]);
    }
    slow_run(&p, (sim_time)llround(p.length / (0.66 * 299792458) * 1e12));
    cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
    for (uint32_t k = 0; k < slow_count; k++) {
        const struct slow_packet *q = &slow_packets[k];
        cr_assert_eq(trips[k].calls, 1);
        cr_assert_eq(trips[k].status, q->given_up ? NET_DROPPED_REFUSED : NET_OK,
                     "case %lu, packet %u", (unsigned long)number, k);
        cr_assert_eq(trips[k].done, q->done, "case %lu, packet %u: %ld, not %ld",
                     (unsigned long)number, k, (long)trips[k].done, (long)q->done);
        cr_assert_eq(trips[k].sent, q->sent);
    }
    trips_stop();
}

/* HIPPI1 */
Test(hippi, equals_a_model_that_goes_request_by_request)
{
    for (uint64_t number = 1; number <= sample("HIPPI", 500); number++)
        equals_request_by_request(number);
}

/* ---- saturation ---- */

static struct net_packet always[16][2];
static struct sim_rng draws[16];
static uint64_t delivered;

static void again(void *arg, struct net_packet *p, enum net_status status)
{
    (void)arg;
    cr_assert_eq(status, NET_OK);
    delivered++;
    p->dst = (uint32_t)sim_rng_below(&draws[p->src], *(const uint32_t *)p->owner);
    net_inject(trips_net, p);
}

/* Share of their time that outputs are used: n full inputs, outputs drawn evenly, short links. */
static double saturate(uint32_t n, bool camp_on)
{
    struct hippi_params p = stations(n);
    const uint32_t flits = 16384;
    p.length = 0;
    p.setup = SIM_NS;
    p.camp_on = camp_on;
    delivered = 0;
    sim_time limit = 20 * SIM_SEC / n;
    trips_start(&net_hippi, &p, 1, SIM_TIE_SEQUENCE, limit);
    for (uint32_t i = 0; i < n; i++) {
        sim_rng_init_indexed(&draws[i], trips_sim, "draws", i);
        trips_net->ops->set_terminal(trips_net, i, &(struct net_terminal){ .receive = again });
        for (int k = 0; k < 2; k++) {
            always[i][k] = (struct net_packet){ .src = i, .flits = flits, .owner = &n };
            always[i][k].dst = (uint32_t)sim_rng_below(&draws[i], n);
            net_inject(trips_net, &always[i][k]);
        }
    }
    sim_run(trips_sim);
    double length = (double)trips_net->ops->zero_load(trips_net, 0, 0, flits);
    trips_stop();
    return (double)delivered * length / (double)limit / n;
}

/* Karol, Hluchyj and Morgan 1987: inputs that wait for random outputs, first come first served. */
Test(hippi, full_inputs_that_camp_on_random_outputs_saturate_as_input_queues_do)
{
    static const struct {
        uint32_t n;
        double share;
    } rows[] = { { 1, 1 }, { 2, .75 }, { 3, .683 }, { 4, .655 }, { 8, .618 }, { 16, .602 } };
    for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
        double camped = saturate(rows[k].n, true), rejected = saturate(rows[k].n, false);
        cr_assert_float_eq(camped, rows[k].share, 0.006, "%u: %g", rows[k].n, camped);
        cr_assert_leq(rejected, camped, "%u: %g", rows[k].n, rejected);
        cr_assert_gt(rejected, 0.95 * camped); /* retries are short beside packets */
    }
}

/* ---- what every network owes ---- */

/* HIPPI3: who has no room is not sent to, and nothing is lost. */
Test(hippi, each_packet_comes_once_and_in_order_whatever_the_order_of_events)
{
    for (int camp_on = 0; camp_on < 2; camp_on++) {
        struct hippi_params p = stations(20);
        uint32_t lost;
        p.camp_on = camp_on;
        uint64_t hash =
            trips_random(&net_hippi, &p, 20, 600, 6 * SIM_US, SIM_TIE_SEQUENCE, 0, &lost);
        cr_assert_eq(lost, 0);
        cr_assert_eq(trips_random(&net_hippi, &p, 20, 600, 6 * SIM_US, SIM_TIE_SHUFFLE, 0, NULL),
                     hash);
    }
}

/* HIPPI3 */
Test(hippi, a_destination_without_a_place_does_not_connect)
{
    static struct net_packet p[4][20];
    for (int camp_on = 0; camp_on < 2; camp_on++) {
        struct hippi_params params = stations(5);
        params.camp_on = camp_on;
        params.packets = 0;
        trips_start(&net_hippi, &params, 1, SIM_TIE_SHUFFLE, 0);
        trips_slow(70 * SIM_US);
        for (uint32_t k = 0; k < 80; k++) {
            p[k % 4][k / 4] = (struct net_packet){ .src = 1 + k % 4, .dst = 0, .flits = 256 };
            net_inject(trips_net, &p[k % 4][k / 4]);
        }
        cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
        cr_assert_eq(trips_came, 80);
        cr_assert_eq(trips_had_most, 2);
        /* Two at a time, 70 us each: the packets that come meanwhile wait at the switch. */
        cr_assert_geq(sim_now(trips_sim), 40 * 70 * SIM_US);
        trips_stop();
    }
}
