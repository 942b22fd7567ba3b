/* test_fddi.c: the ring against a model that walks the token station by station, and against the
 * published bounds and closed forms. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "mesh/lan/fddi.h"
#include "sim/audit.h"
#include "tests/mesh/oracle.h"
#include "tests/mesh/trips.h"
#include "tests/sample.h"

#define BYTE (80 * SIM_NS)
#define PREAMBLE (8 * BYTE)
#define TOKEN (11 * BYTE)
#define CLAIM (32 * BYTE)

static struct fddi_params ring(int64_t stations)
{
    struct fddi_params p;
    struct err e = ERR_INIT;
    cr_assert(param_load(fddi_params_desc, &p, NULL, "mesh", &e), "%s", e.text);
    p.stations = stations;
    return p;
}

static struct val *list_of(const sim_time *times, size_t count)
{
    struct val *list = val_new(VAL_LIST, NULL, 0);
    for (size_t i = 0; i < count; i++) {
        char *text = base_printf("%ldps", (long)times[i]);
        val_append(list, val_new_string(text, NULL, 0));
        free(text);
    }
    return list;
}

/* ---- a lone station ---- */

/* 4 km and 20 stations: D = 40.34 us.  The claim of 2.56 us goes around, then the token of 0.88 us,
 * at which nobody sends.  A frame of 100 bytes takes 0.64 + 8 us. */
Test(fddi, a_lone_frame_waits_for_the_token_and_takes_the_closed_form)
{
    struct fddi_params p = ring(20);
    struct trip t[3];
    sim_time d = 40340 * SIM_NS, first = CLAIM + d + TOKEN;
    trips_start(&net_fddi, &p, 1, SIM_TIE_SEQUENCE, 0);
    trips_terminals(20);
    cr_assert_eq(fddi_latency(trips_net), d);
    trips_post(&t[0], 19, 4, 100, 0);
    /* The token that has gone on from 19, passes 4 then, and again and again. */
    sim_time at = first + 2 * d + 8640 * SIM_NS + TOKEN + fddi_way(trips_net, 19, 4);
    trips_post(&t[1], 4, 4, 1, at + 1000 * d);
    trips_post(&t[2], 7, NET_ALL, 4500, at + 5000 * d + 17);
    cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
    cr_assert_eq(t[0].sent, first + 2 * d + 8640 * SIM_NS);
    cr_assert_eq(t[0].done, t[0].sent + fddi_way(trips_net, 19, 4));
    cr_assert_eq(fddi_way(trips_net, 19, 4), 5 * d / 20);
    cr_assert_eq(t[0].p.blocked, first + 2 * d);
    /* It came at the token's moment: too late (FDDI3). */
    cr_assert_eq(t[1].p.blocked, d);
    cr_assert_eq(t[1].done, at + 1001 * d + PREAMBLE + BYTE + d);
    for (uint32_t i = 0; i < 16; i++)
        cr_assert_eq(t[2].came[i], i == 7 ? 0 : t[2].sent + fddi_way(trips_net, 7, i), "%u", i);
    cr_assert_eq(t[2].calls, 19);
    for (int k = 0; k < 2; k++)
        cr_assert_eq(t[k].p.delivered - t[k].p.injected - t[k].p.blocked,
                     trips_net->ops->zero_load(trips_net, t[k].p.src, t[k].p.dst, t[k].p.flits));
    trips_stop();
}

/* ---- the model that walks the token ---- */

#define MOST 8
#define PACKETS 60
#define VISITS 20000
#define LOSSES 3

struct slow {
    sim_time left, since; /* TRT: what was left of it, and then */
    bool late;
    sim_time heard, share, request;
    bool first; /* no token since the claim */
};
struct slow_packet {
    uint32_t src, dst, flits;
    sim_time at, sent, blocked;
};
static struct slow slow[MOST];
static struct slow_packet slow_packets[PACKETS];
static struct fddi_visit slow_visits[VISITS], visits[VISITS];
static size_t slow_visit_count, visit_count;
static uint32_t slow_stations, slow_count, slow_claims;
static sim_time slow_ttrt, slow_tvx;
static sim_time losses[LOSSES];
static uint32_t loss_count;

static sim_time hop(uint32_t j)
{
    return fddi_way(trips_net, j, (j + 1) % slow_stations);
}

/* Hop by hop. */
static sim_time walk(uint32_t from, uint32_t to)
{
    sim_time t = 0;
    do {
        t += hop(from);
        from = (from + 1) % slow_stations;
    } while (from != to);
    return t;
}

static struct slow_packet *slow_first(uint32_t station)
{
    struct slow_packet *best = NULL;
    for (uint32_t k = 0; k < slow_count; k++)
        if (slow_packets[k].src == station && slow_packets[k].sent < 0 &&
            (!best || slow_packets[k].at < best->at))
            best = &slow_packets[k];
    return best;
}

/* The station has the token from `t` on: when it ends its last frame; t: it sends none. */
static sim_time slow_hold(uint32_t j, sim_time t, sim_time holding)
{
    sim_time share = slow[j].share, end = t, limit = t;
    struct slow_packet *q;
    while ((q = slow_first(j)) && q->at < limit) {
        sim_time begin = q->at > end ? end + PREAMBLE : end;
        if (end == t)
            begin = t;
        sim_time over = begin + PREAMBLE + q->flits * BYTE;
        if (over - end <= share) {
            share -= over - end;
        } else {
            share = 0;
            if (holding <= 0)
                break;
            holding -= over - end;
        }
        q->sent = over;
        end = over;
        limit = end + PREAMBLE;
        for (uint32_t k = 0; k < slow_stations; k++)
            slow[k].heard = sim_time_max(slow[k].heard, end + walk(j, k));
    }
    return end;
}

/* Makes a claim from `t` on by station c: when the new token leaves the winner. */
static sim_time slow_claim(sim_time t, uint32_t c, uint32_t *winner)
{
    *winner = 0;
    for (uint32_t j = 1; j < slow_stations; j++)
        if (slow[j].request <= slow[*winner].request)
            *winner = j;
    slow_ttrt = slow[*winner].request;
    if (c != *winner)
        t += walk(c, *winner) + CLAIM;
    t += CLAIM + walk(*winner, *winner);
    for (uint32_t j = 0; j < slow_stations; j++) {
        slow[j].left = slow_ttrt;
        slow[j].since = slow[j].heard = t;
        slow[j].late = slow[j].first = true;
    }
    slow_claims++;
    return t;
}

static sim_time slow_visit(uint32_t j, sim_time t)
{
    struct slow *x = &slow[j];
    sim_time holding = 0, gone = t - x->since;
    x->left -= gone;
    x->since = t;
    if (x->left < 0 && !x->late) {
        x->left += slow_ttrt;
        x->late = true;
    }
    cr_assert_geq(x->left, 0);
    if (x->late) {
        x->late = false;
    } else {
        holding = x->left;
        x->left = slow_ttrt;
    }
    x->heard = sim_time_max(x->heard, t);
    if (slow_visit_count < VISITS)
        slow_visits[slow_visit_count++] =
            (struct fddi_visit){ .station = j, .at = t, .holding = holding };
    return holding;
}

static void slow_run(sim_time until)
{
    uint32_t j, lost = 0;
    sim_time t = slow_claim(0, 0, &j);
    /* At the start all claim, the winner, too. */
    if (j != 0)
        t -= walk(0, j) + CLAIM;
    for (uint32_t k = 0; k < slow_stations; k++)
        slow[k].since = slow[k].heard = t;
    sim_time came = t, leaves = t + TOKEN; /* since when it can be lost on its way to the next */
    while (leaves <= until) {
        while (lost < loss_count && losses[lost] < came)
            lost++;
        if (lost < loss_count && losses[lost] < leaves + hop(j)) {
            sim_time first = SIM_NEVER;
            uint32_t c = 0;
            for (uint32_t k = 0; k < slow_stations; k++) {
                sim_time trt = slow[k].since + slow[k].left + (slow[k].late ? 0 : slow_ttrt);
                sim_time when = sim_time_min(trt, slow[k].heard + slow_tvx);
                c = when < first ? k : c;
                first = sim_time_min(when, first);
            }
            came = slow_claim(first, c, &j);
            leaves = came + TOKEN;
            continue;
        }
        t = leaves + hop(j);
        j = (j + 1) % slow_stations;
        sim_time holding = slow_visit(j, t);
        sim_time end = slow[j].first ? t : slow_hold(j, t, holding);
        slow[j].first = false;
        came = t;
        leaves = end > t ? end + TOKEN : t;
    }
}

static void note(void *arg, const struct fddi_visit *v)
{
    (void)arg;
    if (visit_count < VISITS)
        visits[visit_count++] = *v;
}

/* FDDI1, and k rotations in a row at most (k + 1) TTRT, from the log alone: between claims. */
static void check_bounds(sim_time ttrt)
{
    static sim_time seen[MOST][VISITS];
    size_t count[MOST] = { 0 };
    for (size_t i = 0; i < visit_count; i++) {
        const struct fddi_visit *v = &visits[i];
        size_t *n = &count[v->station];
        if (v->rotation < 0)
            *n = 0;
        seen[v->station][(*n)++] = v->at;
        for (size_t k = 1; k < *n && k < 9; k++)
            cr_assert_leq(v->at - seen[v->station][*n - 1 - k], (sim_time)(k + 1) * ttrt);
        if (*n > 1)
            cr_assert_eq(v->rotation, v->at - seen[v->station][*n - 2]);
    }
}

static void draw_ring(uint64_t *r, struct fddi_params *p, struct val **requests,
                      struct val **shares)
{
    sim_time request[MOST], share[MOST], spare;
    p->station_delay = (sim_time)(1 + oracle_below(r, 3000)) * SIM_NS;
    p->length = (double)oracle_below(r, 50);
    p->tvx = (sim_time)(400 + (int64_t)oracle_below(r, 2) * 100000) * SIM_US;
    sim_time rest = p->stations * (p->station_delay + TOKEN) +
                    (sim_time)(p->length * 5.085 * (double)SIM_US) + 4516 * BYTE;
    spare = oracle_below(r, 2) ? 100 * SIM_US : 3 * SIM_MS; /* of TTRT beside all that */
    for (int64_t i = 0; i < p->stations; i++) {
        share[i] =
            oracle_below(r, 2) ? 0 : (sim_time)oracle_below(r, (uint64_t)(spare / p->stations));
        request[i] = rest + spare + (sim_time)oracle_below(r, 3) * SIM_MS;
        slow[i] = (struct slow){ .share = share[i], .request = request[i] };
    }
    p->tvx = sim_time_max(p->tvx, rest);
    slow_tvx = p->tvx;
    p->requests = *requests = list_of(request, (size_t)p->stations);
    p->synchronous = *shares = list_of(share, (size_t)p->stations);
}

static void draw_packets(uint64_t *r)
{
    sim_time at = 0;
    uint32_t most = oracle_below(r, 2) ? 4500 : 200;
    slow_count = 1 + (uint32_t)oracle_below(r, PACKETS);
    for (uint32_t k = 0; k < slow_count; k++) {
        if (oracle_below(r, 3) == 0)
            at += (sim_time)oracle_below(r, oracle_below(r, 8) ? 3000 : 300000) * 100 * SIM_NS;
        at += (sim_time)oracle_below(r, 2) * BYTE; /* no two of a station at one moment */
        uint32_t src = (uint32_t)oracle_below(r, slow_stations);
        for (uint32_t i = 0; i < k; i++)
            if (slow_packets[i].src == src && slow_packets[i].at >= at)
                at = slow_packets[i].at + BYTE;
        bool all = oracle_below(r, 5) == 0 && slow_stations > 1;
        slow_packets[k] =
            (struct slow_packet){ .src = src,
                                  .dst = all ? NET_ALL : (uint32_t)oracle_below(r, slow_stations),
                                  .flits = 1 + (uint32_t)oracle_below(r, most),
                                  .at = at,
                                  .sent = -1 };
    }
}

static void equals_the_walk(uint64_t number)
{
    static struct trip trips[PACKETS];
    struct val *requests, *shares, *lost;
    uint64_t r = number;
    sim_time limit = 60 * SIM_MS;
    struct fddi_params p = ring(1 + (int64_t)oracle_below(&r, MOST));
    slow_stations = (uint32_t)p.stations;
    draw_ring(&r, &p, &requests, &shares);
    draw_packets(&r);
    loss_count = oracle_below(&r, 2) ? 0 : (uint32_t)oracle_below(&r, LOSSES + 1);
    for (uint32_t i = 0; i < loss_count; i++)
        losses[i] = (i ? losses[i - 1] : 0) + (sim_time)oracle_below(&r, 20000) * SIM_US;
    p.tokens_lost = lost = list_of(losses, loss_count);
    visit_count = slow_visit_count = slow_claims = 0;
    trips_start(&net_fddi, &p, number, number % 2 ? SIM_TIE_SHUFFLE : SIM_TIE_SEQUENCE, limit);
    trips_terminals(slow_stations);
    fddi_watch(trips_net, note, NULL);
    for (uint32_t k = 0; k < slow_count; k++) {
        const struct slow_packet *q = &slow_packets[k];
        trips_post(&trips[k], q->src, q->dst, q->flits, q->at);
    }
    slow_run(limit);
    sim_run(trips_sim);
    for (uint32_t k = 0; k < slow_count; k++) {
        const struct slow_packet *q = &slow_packets[k];
        sim_time there = q->sent + (q->dst == NET_ALL ? 0 : walk(q->src, q->dst));
        if (q->sent < 0 || there > limit) {
            cr_assert_eq(trips[k].calls, 0, "case %lu, packet %u", (unsigned long)number, k);
            continue;
        }
        cr_assert_eq(trips[k].sent, q->sent,
                     "case %lu, packet %u at %ld: walked %ld, simulated %ld", (unsigned long)number,
                     k, (long)q->at, (long)q->sent, (long)trips[k].sent);
        if (q->dst != NET_ALL)
            cr_assert_eq(trips[k].done, there);
        for (uint32_t i = 0; i < slow_stations && q->dst == NET_ALL; i++)
            if (i != q->src && q->sent + walk(q->src, i) <= limit)
                cr_assert_eq(trips[k].came[i], q->sent + walk(q->src, i));
    }
    cr_assert_geq(visit_count, 2);
    cr_assert_geq(slow_visit_count, visit_count);
    for (size_t i = 0; i < visit_count; i++) {
        cr_assert_eq(visits[i].station, slow_visits[i].station, "case %lu, visit %zu",
                     (unsigned long)number, i);
        cr_assert_eq(visits[i].at, slow_visits[i].at);
        cr_assert_eq(visits[i].holding, slow_visits[i].holding);
    }
    check_bounds(slow_ttrt);
    trips_stop();
    for (uint32_t k = 0; k < slow_count; k++)
        sim_event_init(&trips[k].event, SIM_CLASS_SOFTWARE, NULL);
    val_free(requests);
    val_free(shares);
    val_free(lost);
}

Test(fddi, equals_a_model_that_walks_the_token_station_by_station)
{
    for (uint64_t number = 1; number <= sample("FDDI", 300); number++)
        equals_the_walk(number);
}

/* The watcher has each visit reckoned; without it they are skipped, and nothing differs. */
Test(fddi, rotations_of_an_idle_ring_are_reckoned_not_walked)
{
    struct trip t[2][9];
    uint64_t events[2];
    for (int k = 0; k < 2; k++) {
        struct fddi_params p = ring(7);
        trips_start(&net_fddi, &p, 1, SIM_TIE_SEQUENCE, 0);
        trips_terminals(7);
        visit_count = 0;
        if (k)
            fddi_watch(trips_net, note, NULL);
        for (uint32_t i = 0; i < 9; i++) /* bursts that make it late, and minutes between */
            trips_post(&t[k][i], i % 2, 2, 4500, (sim_time)(i / 3) * 100 * SIM_MS + 12345);
        cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
        events[k] = sim_events_fired(trips_sim);
        trips_stop();
    }
    for (int i = 0; i < 9; i++)
        cr_assert_eq(t[0][i].done, t[1][i].done);
    cr_assert_eq(events[0], events[1]);
    cr_assert_gt(visit_count, 10000);
    uint64_t at[2];
    for (int k = 0; k < 2; k++) {
        struct fddi_params p = ring(500);
        struct trip u;
        trips_start(&net_fddi, &p, 1, SIM_TIE_SEQUENCE, 0);
        trips_terminals(1);
        trips_post(&u, 0, 0, 100, k ? SIM_MS : 100000 * SIM_SEC);
        sim_run(trips_sim);
        at[k] = sim_events_fired(trips_sim);
        trips_stop();
    }
    cr_assert_eq(at[0], at[1]);
    cr_assert_lt(at[0], 10);
}

/* ---- the closed forms ---- */

static sim_time rotation_sum, longest_rotation;
static uint64_t rotations;

static void measure(void *arg, const struct fddi_visit *v)
{
    (void)arg;
    if (v->rotation >= 0) {
        rotation_sum += v->rotation;
        rotations++;
        longest_rotation = sim_time_max(longest_rotation, v->rotation);
    }
}

/* Jain's cases: D 0.04, 1.12 and 2.02 ms.  U = n (T - D) / (n T + D), access after (n - 1) T + 2 D
 * at most.  A holder may overrun its time by a frame, and each of n holders a round sends a token
 * more: so much differs, and no more. */
Test(fddi, full_stations_carry_and_wait_as_the_closed_forms_say)
{
    static const struct {
        double d_ms;
        uint32_t n;
        sim_time ttrt;
        double u; /* published or simulated elsewhere */
    } rows[] = { { .04, 20, 8 * SIM_MS, .9948 },  { 1.12, 1, 8 * SIM_MS, .7544 },
                 { 1.12, 20, 8 * SIM_MS, .8540 }, { 2.02, 1, 4 * SIM_MS, .3289 },
                 { 2.02, 1, 8 * SIM_MS, .5968 },  { 2.02, 20, 8 * SIM_MS, .7382 },
                 { 2.02, 3, 20 * SIM_MS, 0 } };
    const uint32_t flits = 500;
    for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
        double n = rows[k].n, t = (double)rows[k].ttrt;
        struct fddi_params p = ring(rows[k].n);
        p.ttrt = rows[k].ttrt;
        p.length = (rows[k].d_ms * 1000 - n) / 5.085;
        sim_time limit = (sim_time)(n + 1) * 40 * rows[k].ttrt;
        uint64_t out[64] = { 0 }, sum = 0, least = UINT64_MAX;
        longest_rotation = rotation_sum = 0;
        rotations = 0;
        trips_start(&net_fddi, &p, 1, SIM_TIE_SEQUENCE, limit);
        fddi_watch(trips_net, measure, NULL);
        double d = (double)fddi_latency(trips_net);
        cr_assert_float_eq(d, rows[k].d_ms * 1e9, 1e5);
        /* More packets than fit into a hold and a latency. */
        trips_saturate(rows[k].n, flits, 400, out);
        cr_assert_eq(trips_lost, 0);
        for (uint32_t i = 0; i < rows[k].n; i++) {
            sum += out[i];
            least = out[i] < least ? out[i] : least;
        }
        double frame = (double)(PREAMBLE + flits * BYTE), token = (double)TOKEN;
        double u = (double)sum * frame / (double)limit, form = n * (t - d) / (n * t + d);
        double off = (frame + 2 * token) / (t - d) + 2 * t / (double)limit;
        cr_assert_float_eq(u, form, off, "D %g n %g T %g: %g, not %g", rows[k].d_ms, n, t, u, form);
        if (rows[k].u > 0)
            cr_assert_float_eq(form, rows[k].u, 0.0006);
        cr_assert_leq((double)trips_longest_wait, (n - 1) * (t + frame + token) + 2 * d + token);
        cr_assert_leq(longest_rotation, 2 * rows[k].ttrt);
        cr_assert_leq(rotation_sum / (sim_time)rotations, rows[k].ttrt);
        cr_assert_gt((double)least, 0.9 * (double)sum / n, "a station has less than others");
        trips_stop();
    }
}

/* Between holders that use the ring to the full a station with an allocation has its frame at each
 * token, late or not. */
Test(fddi, an_allocation_is_served_at_every_token)
{
    struct fddi_params p = ring(5);
    sim_time share[5] = { 0, 0, 200 * SIM_US, 0, 0 };
    struct val *shares = list_of(share, 5);
    p.synchronous = shares;
    uint64_t out[64] = { 0 };
    trips_start(&net_fddi, &p, 1, SIM_TIE_SEQUENCE, 2 * SIM_SEC);
    rotations = 0;
    fddi_watch(trips_net, measure, NULL);
    trips_saturate(5, 1000, 400, out);
    uint64_t rounds = rotations / 5, each = 200 * SIM_US / (PREAMBLE + 1000 * BYTE);
    cr_assert_eq(each, 2);
    cr_assert_geq(out[2], (rounds - 2) * each);
    cr_assert_lt(out[2] - rounds * each, out[1] + out[1] / 5);
    trips_stop();
    val_free(shares);
}

/* ---- claims ---- */

Test(fddi, the_lowest_request_wins_and_of_equal_ones_the_highest_number)
{
    sim_time asked[4] = { 9 * SIM_MS, 5 * SIM_MS, 5 * SIM_MS, 7 * SIM_MS }, gone = 20 * SIM_MS;
    struct val *requests = list_of(asked, 4), *lost = list_of(&gone, 1);
    for (int by_tvx = 0; by_tvx < 2; by_tvx++) {
        struct fddi_params p = ring(4);
        p.requests = requests;
        p.tokens_lost = lost;
        p.tvx = by_tvx ? 3 * SIM_MS : SIM_SEC;
        struct trip t;
        visit_count = 0;
        trips_start(&net_fddi, &p, 1, SIM_TIE_SEQUENCE, 0);
        trips_terminals(4);
        fddi_watch(trips_net, note, NULL);
        trips_post(&t, 1, 0, 9, 25 * SIM_MS);
        sim_run(trips_sim);
        sim_time d = fddi_latency(trips_net);
        cr_assert_eq(fddi_ttrt(trips_net), 5 * SIM_MS);
        cr_assert_eq(visits[0].station, 3); /* station 2 has issued it */
        cr_assert_eq(visits[0].at, CLAIM + d + TOKEN + d / 4);
        cr_assert_eq(visits[0].rotation, -1);
        size_t k = 1;
        while (visits[k].rotation >= 0 || visits[k - 1].rotation < 0)
            k++;
        /* The first whose timer is over is who was passed first of the four: it is behind the
         * last visit. */
        const struct fddi_visit *last = &visits[k - 1], *oldest = &visits[k - 4];
        cr_assert_leq(last->at, gone);
        cr_assert_gt(last->at + d / 4, gone);
        sim_time claim = oldest->at + (by_tvx ? p.tvx : 2 * 5 * SIM_MS);
        uint32_t c = oldest->station;
        sim_time way = c == 2 ? 0 : fddi_way(trips_net, c, 2) + CLAIM;
        cr_assert_eq(visits[k].station, 3);
        cr_assert_eq(visits[k].at, claim + way + CLAIM + d + TOKEN + d / 4);
        trips_stop();
    }
    val_free(requests);
    val_free(lost);
}

/* ---- what every network owes ---- */

Test(fddi, each_packet_comes_once_and_in_order_whatever_the_order_of_events)
{
    struct fddi_params p = ring(20);
    uint32_t lost;
    uint64_t hash = trips_random(&net_fddi, &p, 20, 600, 60 * SIM_US, SIM_TIE_SEQUENCE, 0, &lost);
    cr_assert_eq(lost, 0);
    cr_assert_eq(trips_random(&net_fddi, &p, 20, 600, 60 * SIM_US, SIM_TIE_SHUFFLE, 0, NULL), hash);
    hash = trips_random(&net_fddi, &p, 20, 600, 60 * SIM_US, SIM_TIE_SEQUENCE, 4, &lost);
    cr_assert_gt(lost, 10);
    cr_assert_eq(trips_random(&net_fddi, &p, 20, 600, 60 * SIM_US, SIM_TIE_SHUFFLE, 4, NULL), hash);
}

Test(fddi, refuses_what_cannot_be)
{
    struct fddi_params p = ring(500);
    p.ttrt = 4 * SIM_MS;
    p.length = 600;
    trips_refused(&net_fddi, &p, "500 tokens and the longest frame take 4352280ns");
    p = ring(100);
    p.length = 450; /* 2.28825 ms, 100 us and 0.36064 ms */
    trips_refused(&net_fddi, &p, "mesh.tvx: ring latency and the longest frame take 2748890ns");
    p = ring(3);
    struct val *list = val_new(VAL_LIST, NULL, 0);
    p.synchronous = list;
    trips_refused(&net_fddi, &p, "mesh.synchronous: must be a list of 3 times");
    val_append(list, val_new_string("3ms", NULL, 0));
    val_append(list, val_new_string("3ms", NULL, 0));
    val_append(list, val_new_string("3 apples", NULL, 0));
    trips_refused(&net_fddi, &p, "must be a list of times with a unit");
    p.synchronous = NULL;
    p.tokens_lost = list;
    trips_refused(&net_fddi, &p, "mesh.tokens_lost: must be a list of times");
    val_free(list);
}
