/* test_atm.c: ATM networks against a model that goes cell by cell, closed forms, and AAL5 over real
 * bytes. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "mesh/nic.h"
#include "mesh/switch/atm.h"
#include "sim/audit.h"
#include "sim/base/aal5.h"
#include "sim/rng.h"
#include "sim/stat.h"
#include "tests/mesh/oracle.h"
#include "tests/mesh/trips.h"
#include "tests/sample.h"

#define OC3C 2831197 /* ps: 424 bits at 149.76 Mb/s, 2831196.58 */

static struct sim *s;
static struct net *n;

static struct atm_params lan(int64_t stations)
{
    struct atm_params p;
    struct err e = ERR_INIT;
    cr_assert(param_load(atm_params_desc, &p, NULL, "mesh", &e), "%s", e.text);
    p.stations = stations;
    return p;
}

static void start(const struct atm_params *p, uint64_t seed, enum sim_tie tie, sim_time limit)
{
    trips_start(&net_atm, p, seed, tie, limit);
    s = trips_sim;
    n = trips_net;
}

static struct val *pair(int64_t a, int64_t b, const char *rate)
{
    struct val *v = val_new(VAL_LIST, NULL, 0);
    val_append(v, val_new_int(a, NULL, 0));
    val_append(v, val_new_int(b, NULL, 0));
    if (rate)
        val_append(v, val_new_string(rate, NULL, 0));
    return v;
}

/* ---- closed forms ---- */

/* A cell is stored in the switch: its channel, the fibre, the transit, the other channel, the
 * fibre; the cells behind it follow at the cell time. */
Test(atm, a_lone_frame_of_each_length_takes_the_closed_form_to_the_picosecond)
{
    struct atm_params p = lan(3);
    struct trip t;
    start(&p, 1, SIM_TIE_SEQUENCE, 0);
    trips_terminals(3);
    for (uint32_t flits = 1; flits <= 9180; flits += flits < 200 || flits > 9100 ? 1 : 13) {
        uint32_t cells = (flits + 8 + 47) / 48;
        sim_time alone = (sim_time)(cells + 1) * OC3C + 10 * SIM_US + 2 * 500 * SIM_NS;
        sim_time at = sim_now(s) + 12345;
        uint64_t steps = atm_steps(n);
        trips_post(&t, 0, flits % 3, flits, at);
        cr_assert_eq(sim_run(s), SIM_END_IDLE);
        cr_assert_eq(t.done - at, alone, "%u: %ld", flits, (long)(t.done - at));
        cr_assert_eq(t.sent - at, (sim_time)cells * OC3C);
        cr_assert_eq(n->ops->zero_load(n, 0, flits % 3, flits), alone);
        cr_assert_eq(t.p.blocked, 0);
        cr_assert_eq(t.p.hops, 1);
        cr_assert_eq(atm_steps(n) - steps, 3, "%u: a run is one step a channel", flits);
    }
    trips_stop();
}

/* Of a station that always sends: [ITU-T I.432; 48 of 53 octets]. */
Test(atm, a_full_channel_carries_the_payload_rate_of_its_line)
{
    static const double rates[] = { 135.63, 542.53, 126.79, 90.57 };
    static const uint32_t lengths[] = { 40, 1500, 9180 }, cells[] = { 1, 32, 192 };
    static struct trip trips[64];
    for (int rate = 0; rate < 4; rate++) {
        for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
            struct atm_params p = lan(2);
            p.rate = rate;
            start(&p, 1, SIM_TIE_SEQUENCE, 0);
            trips_terminals(2);
            for (uint32_t i = 0; i < 64; i++)
                trips_post(&trips[i], 0, 1, lengths[k], i);
            sim_run(s);
            double us = (double)(trips[63].done - trips[31].done) * 1e-6;
            cr_assert_float_eq(32 * cells[k] * 48 * 8 / us, rates[rate], 0.01);
            trips_stop();
        }
    }
}

/* ---- the model that goes cell by cell ---- */

#define STATIONS 7
#define SWITCHES 4
#define CHANNELS (2 * STATIONS + 12)
#define FRAMES 36
#define CELLS 30

struct slow_channel {
    int from, to, input; /* switches; station channels: -1 where the station is */
    sim_time cell, after, free;
    struct sim_rng rng;
    uint64_t pass; /* cells before one is lost */
    bool dead;
    double loss;
    sim_time seen; /* faults up to then */
    /* Input queues: what waits at its end, as indices of cells. */
    int queue[FRAMES * CELLS], waiting, turn;
    int crossing; /* the channel whose cell enters this one; -1 */
    bool moving;
};
struct slow_frame {
    uint32_t src, dst, flits, cells;
    sim_time at, enqueued, begun, sent, done;
    enum net_status status;
    /* The first cell that was; SIM_NEVER. */
    sim_time queue_lost, channel_lost, fault_lost;
    enum net_status cut; /* what takes the last */
    int way[8], hops, order;
};
struct slow_cell {
    int frame, number, hop; /* hop: the channel of the way that it is on, or waits for */
    sim_time time;          /* at the queue of that; SIM_NEVER: it is gone, or waits */
};
struct slow_switching {
    bool begun;
    enum { FINE, CUT, REFUSED } state;
};
struct slow_fault {
    sim_time from, to;
    uint32_t channels; /* a bit for each that it is about */
    bool errors;
};
static struct slow_fault slow_faults[6];
static int slow_fault_count;
static double slow_ber;
static struct slow_channel slow[CHANNELS];
static struct slow_frame frames[FRAMES];
static struct slow_cell cells[FRAMES * CELLS];
static int slow_channels, slow_frames, slow_cells, inputs[SWITCHES];
static struct slow_switching switching[STATIONS][STATIONS][8]; /* by hop */
static int gathered[STATIONS][STATIONS][FRAMES * CELLS], gathered_count[STATIONS][STATIONS];
static struct atm_params slow_params;
static uint64_t slow_dropped, slow_lost, slow_refused;
static struct trip trips[FRAMES];

static sim_time cell_ps(int64_t octets, int rate)
{
    static const double mbps[] = { 149.76, 599.04, 140, 100 };
    return (sim_time)llround((double)octets * 8 / mbps[rate] * 1e6);
}

static void slow_draw(struct slow_channel *c)
{
    c->pass = c->dead ? 0 : UINT64_MAX;
    if (!c->dead && c->loss > 0)
        c->pass = sim_rng_geometric(&c->rng, c->loss);
}

/* Brings a channel up to a moment: a fault comes after all else of its own. */
static void slow_turn(struct slow_channel *c, sim_time now)
{
    for (;;) {
        sim_time next = SIM_NEVER;
        bool dead = false, errors = false;
        for (const struct slow_fault *f = slow_faults; f < slow_faults + slow_fault_count; f++)
            for (int end = 0; end < 2 && f->channels >> (c - slow) & 1; end++)
                if ((end ? f->to : f->from) > c->seen)
                    next = sim_time_min(next, end ? f->to : f->from);
        if (next >= now)
            return;
        c->seen = next;
        for (const struct slow_fault *f = slow_faults; f < slow_faults + slow_fault_count; f++)
            if (f->channels >> (c - slow) & 1 && f->from <= next && f->to > next) {
                dead |= !f->errors;
                errors |= f->errors;
            }
        double loss = slow_params.cell_loss;
        if (errors)
            loss = 1 - (1 - loss) * pow(1 - slow_ber, 8 * (double)slow_params.cell_octets);
        if (dead == c->dead && fabs(loss - c->loss) < 1e-9)
            continue;
        c->dead = dead;
        c->loss = loss;
        slow_draw(c);
    }
}

static void slow_add(int from, int to, sim_time cell, bool to_switch)
{
    struct slow_channel *c = &slow[slow_channels];
    *c = (struct slow_channel){ .from = from, .to = to, .cell = cell, .crossing = -1 };
    c->after = slow_params.propagation + (to_switch ? slow_params.transit : 0);
    c->input = to_switch ? inputs[to]++ : -1;
    sim_rng_init_indexed(&c->rng, s, "atm/loss", (uint64_t)slow_channels++);
    c->seen = -1;
    c->loss = slow_params.cell_loss;
    slow_draw(c);
}

/* Trunks from a to b by the fewest, at most 99. */
static int trunks_between(int a, int b)
{
    int far[SWITCHES][SWITCHES];
    for (int i = 0; i < SWITCHES; i++)
        for (int k = 0; k < SWITCHES; k++)
            far[i][k] = i == k ? 0 : 99;
    for (int c = 2 * (int)slow_params.stations; c < slow_channels; c++)
        far[slow[c].from][slow[c].to] = 1;
    for (int m = 0; m < SWITCHES; m++)
        for (int i = 0; i < SWITCHES; i++)
            for (int k = 0; k < SWITCHES; k++)
                if (far[i][m] + far[m][k] < far[i][k])
                    far[i][k] = far[i][m] + far[m][k];
    return far[a][b];
}

static void find_way(struct slow_frame *f)
{
    int stations = (int)slow_params.stations, at = slow[f->src].to, end = slow[f->dst].to;
    f->hops = 0;
    f->way[f->hops++] = (int)f->src;
    while (at != end) {
        int c = 2 * stations;
        while (slow[c].from != at || trunks_between(slow[c].to, end) >= trunks_between(at, end))
            c++;
        f->way[f->hops++] = c;
        at = slow[c].to;
    }
    f->way[f->hops++] = stations + (int)f->dst;
}

/* What a channel does to the next cell, of which it knows since `now`. */
static enum net_status lost_on(struct slow_channel *c, sim_time now)
{
    slow_turn(c, now);
    if (c->pass > 0) {
        c->pass--;
        return NET_OK;
    }
    slow_draw(c);
    return c->dead ? NET_DROPPED_FAULT : NET_DROPPED_DAMAGED;
}

static void slow_lose(struct slow_cell *x, sim_time now, enum net_status why)
{
    struct slow_frame *f = &frames[x->frame];
    sim_time *first = why == NET_DROPPED_QUEUE   ? &f->queue_lost
                      : why == NET_DROPPED_FAULT ? &f->fault_lost
                                                 : &f->channel_lost;
    *first = sim_time_min(*first, now);
    slow_dropped += why == NET_DROPPED_QUEUE;
    slow_lost += why != NET_DROPPED_QUEUE;
    if (x->number + 1 == (int)f->cells) {
        f->done = now;
        f->status = NET_DROPPED_DAMAGED;
    }
    x->time = SIM_NEVER;
}

/* The cell leaves for the next place at `begin`. */
static void slow_cross(struct slow_cell *x, struct slow_channel *c, sim_time begin, sim_time known,
                       sim_time now)
{
    enum net_status lost = lost_on(c, known);
    c->free = begin + c->cell;
    if (lost != NET_OK) {
        slow_lose(x, now, lost);
        return;
    }
    x->time = begin + c->cell + c->after;
    x->hop++;
}

/* Frames go from each station in order, once their circuits are there. */
static void slow_send(void)
{
    for (int i = 0; i < slow_frames; i++) {
        struct slow_frame *f = &frames[i];
        sim_time ready = SIM_NEVER;
        for (int k = 0; k <= i && ready == SIM_NEVER; k++)
            if (frames[k].src == f->src && frames[k].dst == f->dst)
                ready =
                    frames[k].at +
                    (slow_params.circuits == ATM_SWITCHED ? slow_params.setup * (f->hops - 1) : 0);
        f->enqueued = sim_time_max(f->at, ready);
        f->order = -1;
    }
    for (int turn = 0; turn < slow_frames; turn++) {
        int best = -1; /* those that waited for circuits before those that come, by destination */
        for (int i = 0; i < slow_frames; i++) {
            const struct slow_frame *f = &frames[i], *b = best < 0 ? NULL : &frames[best];
            if (f->order >= 0)
                continue;
            bool waits = f->enqueued > f->at, b_waits = b && b->enqueued > b->at;
            if (!b || f->enqueued < b->enqueued ||
                (f->enqueued == b->enqueued &&
                 (waits > b_waits || (waits == b_waits && waits && f->dst < b->dst))))
                best = i;
        }
        cr_assert_geq(best, 0);
        struct slow_frame *f = &frames[best >= 0 ? best : 0];
        struct slow_channel *c = &slow[f->src];
        f->order = turn;
        f->begun = sim_time_max(c->free, f->enqueued);
        f->sent = f->begun + (sim_time)f->cells * c->cell;
        for (int k = 0; k < (int)f->cells; k++) {
            struct slow_cell *x = &cells[slow_cells++];
            *x = (struct slow_cell){ .frame = best, .number = k };
            slow_turn(c, f->begun);
            if (k + 1 == (int)f->cells && c->pass == 0) { /* it is known when it has left */
                f->cut = lost_on(c, f->begun);
                x->hop = -1;
                x->time = c->free = f->sent;
            } else {
                slow_cross(x, c, f->begun + k * c->cell, f->begun, f->sent);
            }
        }
    }
}

static bool slow_admit(const struct slow_cell *x, int waiting)
{
    const struct slow_frame *f = &frames[x->frame];
    struct slow_switching *w = &switching[f->src][f->dst][x->hop];
    bool last = x->number + 1 == (int)f->cells, begins = !w->begun;
    int64_t room = slow_params.buffer_cells;
    w->begun = !last;
    if (begins)
        w->state = FINE;
    if (begins && slow_params.drop == ATM_EARLY && room > 0 &&
        waiting > (int64_t)floor((double)room * slow_params.threshold))
        w->state = REFUSED;
    slow_refused += begins && w->state == REFUSED;
    if (w->state == REFUSED || (w->state == CUT && !last))
        return false;
    if (room == 0 || waiting < room)
        return true;
    if (slow_params.drop != ATM_TAIL)
        w->state = CUT;
    return false;
}

static void slow_receive(struct slow_cell *x)
{
    struct slow_frame *f = &frames[x->frame];
    int *list = gathered[f->src][f->dst], *count = &gathered_count[f->src][f->dst];
    list[(*count)++] = x->frame;
    sim_time now = x->time;
    x->time = SIM_NEVER;
    if (x->number + 1 < (int)f->cells)
        return;
    bool good = *count == (int)f->cells;
    for (int i = 0; i < *count; i++)
        good = good && list[i] == x->frame;
    *count = 0;
    f->done = now;
    f->status = good ? NET_OK : NET_DROPPED_DAMAGED;
}

static void slow_output(struct slow_cell *x, sim_time now)
{
    struct slow_channel *c = &slow[frames[x->frame].way[x->hop]];
    int waiting = 0;
    for (sim_time t = c->free; t - c->cell > now; t -= c->cell)
        waiting++;
    if (slow_admit(x, waiting))
        slow_cross(x, c, sim_time_max(now, c->free), now, now);
    else
        slow_lose(x, now, NET_DROPPED_QUEUE);
}

static void slow_inputs(sim_time now)
{
    for (int i = 0; i < slow_channels; i++)
        if (slow[i].crossing >= 0 && slow[i].free == now) {
            slow[slow[i].crossing].moving = false;
            slow[i].crossing = -1;
        }
    for (int o = 0; o < slow_channels; o++) {
        struct slow_channel *c = &slow[o];
        if (c->crossing >= 0 || o < slow_params.stations)
            continue;
        int best = -1, best_turn = 0;
        for (int i = 0; i < slow_channels; i++) {
            if (slow[i].input < 0 || slow[i].to != c->from || slow[i].moving || !slow[i].waiting)
                continue;
            const struct slow_cell *x = &cells[slow[i].queue[0]];
            int turn = (slow[i].input - c->turn + inputs[c->from]) % inputs[c->from];
            if (frames[x->frame].way[x->hop] == o && (best < 0 || turn < best_turn)) {
                best = i;
                best_turn = turn;
            }
        }
        if (best < 0)
            continue;
        struct slow_channel *in = &slow[best];
        struct slow_cell *x = &cells[in->queue[0]];
        memmove(in->queue, in->queue + 1, (size_t)--in->waiting * sizeof(int));
        in->moving = true;
        c->crossing = best;
        c->turn = (in->input + 1) % inputs[c->from];
        slow_cross(x, c, now, now, now);
    }
}

/* Where a cell stands among those that come to the same queue at one moment. */
static int place_of(const struct slow_cell *x)
{
    const struct slow_frame *f = &frames[x->frame];
    const struct slow_channel *on = &slow[f->way[x->hop - 1]], *c = &slow[f->way[x->hop]];
    int count = inputs[on->to], first = (int)(x->time / c->cell % count);
    return (on->input - first + count) % count;
}

static void slow_run(void)
{
    for (;;) {
        sim_time now = SIM_NEVER;
        for (int i = 0; i < slow_cells; i++)
            now = sim_time_min(now, cells[i].time);
        for (int i = 0; i < slow_channels; i++)
            if (slow[i].crossing >= 0)
                now = sim_time_min(now, slow[i].free);
        if (now == SIM_NEVER)
            return;
        for (int i = 0; i < slow_cells; i++)
            if (cells[i].time == now && cells[i].hop < 0)
                slow_lose(&cells[i], now, frames[cells[i].frame].cut);
        for (int place = 0; place < CHANNELS; place++)
            for (int i = 0; i < slow_cells; i++) {
                struct slow_cell *x = &cells[i];
                const struct slow_frame *f = &frames[x->frame];
                if (x->time != now)
                    continue;
                if (x->hop == f->hops) {
                    slow_receive(x);
                } else if (place_of(x) == place && slow_params.queue == ATM_OUTPUT) {
                    slow_output(x, now);
                } else if (slow_params.queue == ATM_INPUT) {
                    struct slow_channel *in = &slow[f->way[x->hop - 1]];
                    x->time = SIM_NEVER;
                    if (slow_admit(x, in->waiting))
                        in->queue[in->waiting++] = i;
                    else
                        slow_lose(x, now, NET_DROPPED_QUEUE);
                }
            }
        if (slow_params.queue == ATM_INPUT)
            slow_inputs(now);
    }
}

static int64_t pick(uint64_t *r, const int64_t *of, size_t count)
{
    return of[oracle_below(r, count)];
}
#define PICK(r, ...)                                                                               \
    pick(r, (const int64_t[]){ __VA_ARGS__ }, sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t))

static const char *const rate_names[] = { "oc3c", "oc12c", "taxi140", "taxi100" };

/* A tree of switches and some trunks more. */
static struct val *draw_trunks(uint64_t *r, int ends[][3])
{
    struct val *list = val_new(VAL_LIST, NULL, 0);
    int count = 0, switches = (int)slow_params.switches;
    for (int i = 1; i < switches + (switches > 1 ? (int)oracle_below(r, 3) : 0); i++) {
        int a = i < switches ? i : (int)oracle_below(r, (uint64_t)switches);
        int b = (int)oracle_below(r, (uint64_t)(i < switches ? i : switches));
        int rate = oracle_below(r, 2) ? -1 : (int)oracle_below(r, 4);
        if (a == b)
            continue;
        val_append(list, pair(a, b, rate < 0 ? NULL : rate_names[rate]));
        ends[count][0] = a;
        ends[count][1] = b;
        ends[count++][2] = rate < 0 ? slow_params.rate : rate;
    }
    ends[count][0] = -1;
    return list;
}

/* What fails, of a third of the networks: channels one after the other, and beside them switches
 * one after the other, or errors of channels. */
static struct val *draw_faults(uint64_t *r, const struct atm_params *p, int ends[][3])
{
    struct val *list = val_new(VAL_LIST, NULL, 0);
    sim_time at[2] = { 0 }, cell = cell_ps(p->cell_octets, p->rate);
    int stations = (int)p->stations, trunks = 0;
    while (ends[trunks][0] >= 0)
        trunks++;
    slow_fault_count = 0;
    slow_ber = 1.0 / (double)(1000 << oracle_below(r, 4));
    for (int k = oracle_below(r, 3) ? 0 : 1 + (int)oracle_below(r, ARRAY_LEN(slow_faults)); k > 0;
         k--) {
        struct slow_fault *f = &slow_faults[slow_fault_count++];
        int kind = (int)oracle_below(r, trunks > 0 ? 5 : 4), row = kind == 4;
        int of = (int)oracle_below(r, (uint64_t)(kind == 4   ? p->switches
                                                 : kind == 3 ? trunks + (trunks == 0)
                                                             : stations));
        static const char *const words[] = { "station", "from station", "to station", "trunk",
                                             "switch" };
        if (kind == 3 && trunks == 0) {
            kind = 4;
            row = 1;
        }
        f->errors = kind != 4 && oracle_below(r, 3) == 0;
        f->from = at[row] + (sim_time)oracle_below(r, 200) * cell + (sim_time)oracle_below(r, 3);
        f->to = f->from + 1 + (sim_time)oracle_below(r, 300) * cell / (1 + (sim_time)kind);
        at[row] = f->to + 1 + (sim_time)oracle_below(r, 1000);
        f->channels = 0;
        if (kind == 0 || kind == 1)
            f->channels |= 1u << of;
        if (kind == 0 || kind == 2)
            f->channels |= 1u << (stations + of);
        if (kind == 3)
            f->channels |= 3u << (2 * stations + 2 * of);
        for (int c = 0; kind == 4 && c < 2 * stations + 2 * trunks; c++) {
            int a = c < 2 * stations ? (int)((int64_t)(c % stations) * p->switches / p->stations)
                                     : ends[(c - 2 * stations) / 2][c % 2],
                b = c < 2 * stations ? a : ends[(c - 2 * stations) / 2][1 - c % 2];
            f->channels |= (uint32_t)(a == of || b == of) << c;
        }
        char path[32];
        snprintf(path, sizeof path, "%s %d", words[kind], of);
        trips_fault(list, path, f->errors ? "errors" : "down", f->from, f->to - f->from,
                    f->errors ? slow_ber : 0);
    }
    return list;
}

static void draw_network(uint64_t *r, struct val **trunks)
{
    int ends[8][3];
    struct atm_params p = lan(2 + (int64_t)oracle_below(r, STATIONS - 1));
    p.switches = PICK(r, 1, 1, 2, 3, SWITCHES);
    p.rate = (int)PICK(r, 0, 0, 1, 2, 3);
    p.cell_octets = PICK(r, 53, 53, 54);
    p.propagation = PICK(r, 0, 500 * SIM_NS, 1234567, 40 * SIM_US);
    p.transit = PICK(r, 0, 10 * SIM_US, 777777);
    p.queue = (int)oracle_below(r, 4) == 0 ? ATM_INPUT : ATM_OUTPUT;
    p.drop = (int)oracle_below(r, 3);
    p.buffer_cells = PICK(r, 0, 1, 2, 5, 9, 20);
    p.threshold = (double)oracle_below(r, 5) / 4;
    p.circuits = (int)oracle_below(r, 2);
    p.setup = PICK(r, 0, 30 * SIM_US, 555555);
    p.cell_loss = (double)PICK(r, 0, 0, 1, 5) / 100;
    slow_params = p;
    *trunks = draw_trunks(r, ends);
    p.trunks = *trunks;
    slow_params.trunks = p.trunks;
    struct val *faults = draw_faults(r, &p, ends);
    p.faults = slow_fault_count > 0 ? faults : NULL;
    start(&p, *r, *r % 2 ? SIM_TIE_SHUFFLE : SIM_TIE_SEQUENCE, 0);
    val_free(faults);
    slow_channels = slow_cells = 0;
    slow_dropped = slow_lost = slow_refused = 0;
    memset(inputs, 0, sizeof inputs);
    memset(switching, 0, sizeof switching);
    memset(gathered_count, 0, sizeof gathered_count);
    sim_time cell = cell_ps(p.cell_octets, p.rate);
    for (int way = 0; way < 2; way++)
        for (int i = 0; i < p.stations; i++) {
            int at = i * (int)p.switches / (int)p.stations;
            slow_add(at, at, cell, way == 0);
        }
    for (int k = 0; ends[k][0] >= 0; k++)
        for (int way = 0; way < 2; way++)
            slow_add(ends[k][way], ends[k][1 - way], cell_ps(p.cell_octets, ends[k][2]), true);
}

static void draw_frames(uint64_t *r)
{
    sim_time at = 0, latest[STATIONS] = { 0 }, cell = slow[0].cell;
    uint32_t stations = (uint32_t)slow_params.stations;
    uint32_t crowd = oracle_below(r, 2) ? stations : 1; /* how many destinations */
    bool slots = oracle_below(r, 2);
    slow_frames = 1 + (int)oracle_below(r, FRAMES);
    for (int k = 0; k < slow_frames; k++) {
        struct slow_frame *f = &frames[k];
        sim_time gap = (sim_time)oracle_below(r, 3) * (sim_time)oracle_below(r, 20) * cell;
        at += slots ? gap : gap * 7 / 5 + (sim_time)oracle_below(r, 1000);
        *f = (struct slow_frame){ .src = (uint32_t)oracle_below(r, stations),
                                  .dst = (uint32_t)oracle_below(r, crowd),
                                  .flits = 1 + (uint32_t)oracle_below(
                                                   r, oracle_below(r, 2) ? 40 : 1400) };
        f->cells = aal5_cells(f->flits);
        f->queue_lost = f->channel_lost = f->fault_lost = SIM_NEVER;
        f->at = at > latest[f->src] ? at : latest[f->src] + 1; /* the order of its own counts */
        latest[f->src] = f->at;
        find_way(f);
        trips_post(&trips[k], f->src, f->dst, f->flits, f->at);
        trips[k].p.user = (uint64_t)k;
    }
}

static void cr_counted(const char *name, uint64_t want, uint64_t number)
{
    const char *const names[2] = { name, NULL };
    double got;
    cr_assert(sim_count_sum(s, net_atm.kind.counters, names, &got));
    cr_assert_eq((uint64_t)got, want, "case %lu: %s is %g, by cell %lu", (unsigned long)number,
                 name, got, (unsigned long)want);
}

static void equals_cell_by_cell(uint64_t number)
{
    uint64_t r = number;
    struct val *trunks;
    draw_network(&r, &trunks);
    trips_terminals((uint32_t)slow_params.stations);
    draw_frames(&r);
    slow_send();
    slow_run();
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    for (int k = 0; k < slow_frames; k++) {
        struct slow_frame *f = &frames[k];
        const struct trip *t = &trips[k];
        if (f->status != NET_OK && f->queue_lost <= f->done)
            f->status = NET_DROPPED_QUEUE;
        if (f->status != NET_OK && f->fault_lost <= f->done)
            f->status = NET_DROPPED_FAULT;
        cr_assert_eq(t->calls, 1);
        cr_assert_eq(t->p.injected, f->begun, "case %lu, frame %d of %d: begun %ld, by cell %ld",
                     (unsigned long)number, k, slow_frames, (long)t->p.injected, (long)f->begun);
        cr_assert_eq(t->sent, f->sent);
        cr_assert_eq(t->status, f->status, "case %lu, frame %d of %d: %d, by cell %d",
                     (unsigned long)number, k, slow_frames, t->status, f->status);
        cr_assert_eq(t->done, f->done, "case %lu, frame %d of %d: done %ld, by cell %ld",
                     (unsigned long)number, k, slow_frames, (long)t->done, (long)f->done);
        cr_assert_eq(t->p.hops, (uint32_t)f->hops - 1);
        if (t->status == NET_OK)
            cr_assert_eq(t->p.delivered - t->p.injected,
                         t->p.blocked + n->ops->zero_load(n, f->src, f->dst, f->flits));
    }
    cr_counted("cells_dropped", slow_dropped, number);
    cr_counted("cells_lost", slow_lost, number);
    cr_counted("frames_refused", slow_refused, number);
    trips_stop();
    val_free(trunks);
}

Test(atm, equals_a_model_that_goes_cell_by_cell)
{
    for (uint64_t number = 1; number <= sample("ATM", 300); number++)
        equals_cell_by_cell(number);
}

/* A run goes through the queue of a channel before its cells have come; it goes down as cell
 * k comes to the queue, a picosecond before, or after: that cell is the last to pass, or the first
 * that does not, and the network takes the others back. */
Test(atm, a_channel_that_goes_down_loses_the_cells_that_come_from_then_on)
{
    for (int64_t k = 0; k < 20; k++)
        for (int64_t off = -1; off < 2; off++) {
            struct atm_params p = lan(4);
            struct trip t;
            struct val *faults = val_new(VAL_LIST, NULL, 0);
            sim_time came = SIM_MS + (k + 1) * OC3C + p.propagation + p.transit;
            trips_fault(faults, "to station 1", "down", came + off, 0, 0);
            p.faults = faults;
            start(&p, 1, SIM_TIE_SEQUENCE, 0);
            trips_terminals(4);
            trips_post(&t, 0, 1, 20 * 48 - 8, SIM_MS);
            cr_assert_eq(sim_run(s), SIM_END_IDLE);
            uint64_t passed = (uint64_t)k + (off >= 0);
            cr_assert_eq(t.status, passed == 20 ? NET_OK : NET_DROPPED_FAULT);
            cr_counted("cells_out", passed, (uint64_t)k);
            cr_counted("cells_lost", 20 - passed, (uint64_t)k);
            trips_stop();
            val_free(faults);
        }
}

/* ---- queues ---- */

#define BATCHES 20

/* Means of batches of what is counted in order; the half width at 99.9 % is 3.883 standard errors
 * of 20 of them. */
struct samples {
    uint64_t size, seen;
    double sums[BATCHES];
};

static void add_sample(struct samples *a, double x)
{
    if (a->seen < a->size * BATCHES)
        a->sums[a->seen / a->size] += x / (double)a->size;
    a->seen++;
}

static void cr_mean(const struct samples *a, double want, double power, const char *what, double p)
{
    double mean = 0, squares = 0;
    cr_assert_geq(a->seen, a->size * BATCHES, "%lu of %lu", (unsigned long)a->seen,
                  (unsigned long)(a->size * BATCHES));
    for (int i = 0; i < BATCHES; i++)
        mean += a->sums[i] / BATCHES;
    for (int i = 0; i < BATCHES; i++)
        squares += (a->sums[i] - mean) * (a->sums[i] - mean);
    double half = 3.883 * sqrt(squares / (BATCHES - 1) / BATCHES);
    cr_assert_float_eq(mean, want, half, "%s at %g: %.4f +- %.4f, not %.4f", what, p, mean, half,
                       want);
    cr_assert_lt(half, power * want, "%s at %g: %.4f +- %.4f", what, p, mean, half);
}

#define POOL 4096

struct generator {
    struct sim_event event;
    struct sim_rng rng;
    struct net_packet packets[POOL], *free;
    uint32_t stations, batch, next;
    double p;
    struct samples wait;
};
static struct generator gen;

static void count_wait(void *arg, struct net_packet *p, enum net_status status)
{
    (void)arg;
    cr_assert_eq(status, NET_OK);
    add_sample(&gen.wait, (double)p->blocked / OC3C);
    p->next = gen.free;
    gen.free = p;
}

static void send_one(uint32_t src, uint32_t dst)
{
    struct net_packet *p = gen.free;
    cr_assert(p);
    gen.free = p->next;
    *p = (struct net_packet){ .src = src, .dst = dst, .flits = 40 };
    net_inject(n, p);
}

/* In each slot each station sends a cell to the last with chance p / stations. */
static void slot(struct sim *sim, struct sim_event *e)
{
    for (uint32_t i = 0; i < gen.stations; i++)
        if (sim_rng_chance(&gen.rng, gen.p / gen.stations))
            send_one(i, gen.stations);
    sim_after(sim, e, OC3C);
}

/* Cells of so many stations at the same moment, at moments of a Poisson process. */
static void batch(struct sim *sim, struct sim_event *e)
{
    for (uint32_t i = 0; i < gen.batch; i++)
        send_one(gen.next++ % gen.stations, gen.stations);
    sim_after(sim, e, sim_rng_exponential(&gen.rng, llround(gen.batch * OC3C / gen.p)));
}

static void mean_wait(uint32_t stations, uint32_t of_batch, double p, double want, const char *what)
{
    struct atm_params params = lan(stations + 1);
    params.buffer_cells = 0;
    uint64_t slots = 400000 / sample_one_in() + 20000;
    start(&params, 5, SIM_TIE_SEQUENCE, (sim_time)slots * OC3C);
    memset(&gen, 0, sizeof gen);
    gen.stations = stations;
    gen.batch = of_batch;
    gen.p = p;
    gen.wait.size = (uint64_t)((double)slots * p * 0.95 / BATCHES);
    sim_rng_init(&gen.rng, s, "test/cells");
    for (uint32_t i = 0; i < POOL; i++) {
        gen.packets[i].next = gen.free;
        gen.free = &gen.packets[i];
    }
    n->ops->set_terminal(n, stations, &(struct net_terminal){ .receive = count_wait });
    sim_event_init(&gen.event, SIM_CLASS_SOFTWARE, of_batch ? batch : slot);
    sim_at(s, &gen.event, 0);
    sim_run(s);
    cr_mean(&gen.wait, want, 0.2 * (double)sample_one_in(), what, p);
    trips_stop();
    sim_event_init(&gen.event, SIM_CLASS_SOFTWARE, slot);
}

/* W = E[A(A-1)] / (2 p (1-p)) of A cells a slot: binomial of N inputs, of p / N each. */
Test(atm, an_output_queue_of_slotted_inputs_waits_as_derived)
{
    static const uint32_t inputs_of[] = { 2, 4, 16 };
    static const double loads[] = { 0.3, 0.8 };
    for (size_t i = 0; i < ARRAY_LEN(inputs_of); i++)
        for (size_t k = 0; k < ARRAY_LEN(loads); k++) {
            double p = loads[k], inputs_n = inputs_of[i];
            mean_wait(inputs_of[i], 0, p, (inputs_n - 1) / inputs_n * p / (2 * (1 - p)), "W");
        }
}

/* The limit of many inputs is M/D/1: p / (2 (1-p)); of Poisson batches (b-1+p) / (2 (1-p)). */
Test(atm, an_output_queue_of_poisson_batches_waits_as_derived)
{
    static const uint32_t sizes[] = { 1, 2, 7 };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        mean_wait(200, sizes[i], 0.7, (sizes[i] - 1 + 0.7) / (2 * 0.3), "W of batches");
}

static struct sim_rng draws;
static struct samples per_slot;
static uint64_t in_slot;
static sim_time slot_end;

static void count_cell(void *arg, struct net_packet *p, enum net_status status)
{
    (void)arg;
    (void)p;
    cr_assert_eq(status, NET_OK);
    for (; sim_now(s) >= slot_end; slot_end += OC3C) {
        if (slot_end > 1000 * (sim_time)OC3C)
            add_sample(&per_slot, (double)in_slot);
        in_slot = 0;
    }
    in_slot++;
}

static struct net_packet full[16][12000];
static uint32_t full_next[16];

static void send_again(void *arg, struct net_packet *p)
{
    uint32_t src = p->src, stations = *(uint32_t *)arg;
    if (full_next[src] == 12000)
        return;
    struct net_packet *q = &full[src][full_next[src]++];
    *q = (struct net_packet){ .src = src, .flits = 40 };
    q->dst = (uint32_t)sim_rng_below(&draws, stations);
    net_inject(n, q);
}

/* Karol, Hluchyj & Morgan 1987, table I: inputs that always have a cell, for any output alike. */
Test(atm, input_queues_saturate_as_karol_says)
{
    static const struct {
        uint32_t stations;
        double share;
    } rows[] = { { 1, 1 }, { 2, 0.75 }, { 4, 0.6553 }, { 8, 0.6184 }, { 16, 0.6013 } };
    for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
        uint32_t stations = rows[k].stations;
        struct atm_params p = lan(stations);
        p.queue = ATM_INPUT;
        p.buffer_cells = 0;
        start(&p, 3, SIM_TIE_SEQUENCE, 11000 * (sim_time)OC3C);
        sim_rng_init(&draws, s, "test/destinations");
        memset(full_next, 0, sizeof full_next);
        per_slot = (struct samples){ .size = 480 };
        in_slot = 0;
        slot_end = OC3C / 2;
        for (uint32_t i = 0; i < stations; i++) {
            n->ops->set_terminal(n, i,
                                 &(struct net_terminal){
                                     .receive = count_cell, .sent = send_again, .arg = &stations });
            send_again(&stations, &(struct net_packet){ .src = i });
            send_again(&stations, &(struct net_packet){ .src = i });
        }
        sim_run(s);
        if (stations == 1)
            cr_assert_float_eq(per_slot.sums[7], 1, 1e-9);
        else
            cr_mean(&per_slot, rows[k].share * stations, 0.03, "cells a slot", stations);
        trips_stop();
    }
}

/* The same load on output queues loses nothing of the channel. */
Test(atm, output_queues_have_no_such_limit)
{
    static uint32_t stations = 8;
    struct atm_params p = lan(stations);
    p.buffer_cells = 0;
    start(&p, 3, SIM_TIE_SEQUENCE, 11000 * (sim_time)OC3C);
    sim_rng_init(&draws, s, "test/destinations");
    memset(full_next, 0, sizeof full_next);
    per_slot = (struct samples){ .size = 480 };
    slot_end = OC3C / 2;
    in_slot = 0;
    for (uint32_t i = 0; i < stations; i++) {
        n->ops->set_terminal(
            n, i,
            &(struct net_terminal){ .receive = count_cell, .sent = send_again, .arg = &stations });
        send_again(&stations, &(struct net_packet){ .src = i });
        send_again(&stations, &(struct net_packet){ .src = i });
    }
    sim_run(s);
    double mean = 0;
    for (int i = 0; i < BATCHES; i++)
        mean += per_slot.sums[i] / BATCHES;
    cr_assert_gt(mean, 0.97 * stations, "%g", mean);
    trips_stop();
}

/* ---- losses, over real bytes ---- */

#define MANY 2400
#define LAN 5
static struct trip many[MANY];
static uint8_t arrived[MANY][40]; /* cells */

static void note_cells(void *arg, uint32_t src, uint32_t dst, uint64_t user, uint32_t first,
                       uint32_t count)
{
    (void)arg;
    cr_assert(many[user].p.src == src && many[user].p.dst == dst);
    for (uint32_t i = first; i < first + count; i++)
        arrived[user][i]++;
}

static void frame_of(uint32_t number, struct rope *r)
{
    rope_init(r);
    rope_add_pattern(r, number, 0, many[number].p.flits);
    aal5_close(r, 0);
}

/* What the station of a pair makes of the cells that it got: the statuses of its frames. */
static void put_together(uint32_t src, uint32_t dst, uint64_t by_status[2])
{
    struct rope got, pdu, cut;
    rope_init(&got);
    for (uint32_t k = 0; k < MANY; k++) {
        const struct trip *t = &many[k];
        if (t->p.src != src || t->p.dst != dst)
            continue;
        uint32_t count = aal5_cells(t->p.flits);
        frame_of(k, &pdu);
        for (uint32_t i = 0; i < count; i++) {
            cr_assert_leq(arrived[k][i], 1);
            if (arrived[k][i])
                rope_add_slice(&got, &pdu, (uint64_t)i * 48, 48);
        }
        rope_fini(&pdu);
        if (!arrived[k][count - 1]) {
            cr_assert_neq(t->status, NET_OK);
            continue;
        }
        uint32_t cells_got = (uint32_t)(got.length / 48);
        enum aal5_status status = aal5_open(&got, NULL);
        cr_assert_eq(status == AAL5_OK, t->status == NET_OK, "frame %u of %u cells in %u: %d, %d",
                     k, count, cells_got, status, t->status);
        by_status[status == AAL5_OK]++;
        if (status == AAL5_OK) {
            rope_init(&cut);
            rope_add_pattern(&cut, k, 0, t->p.flits);
            cr_assert(rope_equal(&got, &cut));
            rope_fini(&cut);
        }
        rope_fini(&got);
        rope_init(&got);
    }
    rope_fini(&got);
}

static void lossy_load(struct atm_params *p, uint64_t seed, uint64_t by_status[2])
{
    uint64_t r = seed;
    sim_time at = 0, latest[LAN] = { 0 };
    memset(arrived, 0, sizeof arrived);
    start(p, seed, SIM_TIE_SEQUENCE, 0);
    trips_terminals(LAN);
    atm_watch(n, note_cells, NULL);
    for (uint32_t k = 0; k < MANY; k++) {
        at += (sim_time)oracle_below(&r, 18) * OC3C;
        uint32_t src = (uint32_t)oracle_below(&r, LAN);
        latest[src] = sim_time_max(at, latest[src] + 1);
        uint32_t dst = (uint32_t)oracle_below(&r, 2);
        trips_post(&many[k], src, dst, 1 + (uint32_t)oracle_below(&r, 1500), latest[src]);
        many[k].p.user = k;
    }
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    for (uint32_t src = 0; src < LAN; src++)
        for (uint32_t dst = 0; dst < 2; dst++)
            put_together(src, dst, by_status);
    trips_stop();
}

Test(atm, what_is_delivered_is_what_the_crc_over_the_cells_that_came_says)
{
    for (int drop = 0; drop < 3; drop++)
        for (int queue = 0; queue < 2; queue++) {
            uint64_t by_status[2] = { 0, 0 };
            struct atm_params p = lan(LAN);
            p.buffer_cells = 40;
            p.drop = drop;
            p.queue = queue;
            p.cell_loss = 0.004;
            lossy_load(&p, 10 + (uint64_t)drop, by_status);
            cr_assert_gt(by_status[0], 30, "drop %d: %lu", drop, (unsigned long)by_status[0]);
            cr_assert_gt(by_status[1], 500, "drop %d: %lu", drop, (unsigned long)by_status[1]);
        }
}

/* A frame of so many cells and another, in a queue with room for one.  A cell of station 1 comes 4
 * ps before the first and delays it, another 2 ps before the second: that finds no room. */
static void lose_second(uint32_t count, enum net_status first, enum net_status second)
{
    struct atm_params p = lan(3);
    struct trip t[4];
    p.buffer_cells = 1;
    start(&p, 1, SIM_TIE_SEQUENCE, 0);
    trips_terminals(3);
    trips_post(&t[0], 0, 2, count * 48 - 8, 1000);
    trips_post(&t[1], 0, 2, 500, 1000 + 20 * (sim_time)OC3C);
    trips_post(&t[2], 1, 2, 40, 996);
    trips_post(&t[3], 1, 2, 40, 998 + OC3C);
    sim_run(s);
    cr_assert(t[2].status == NET_OK && t[3].status == NET_OK);
    cr_assert_eq(t[0].status, first, "%u: %d", count, t[0].status);
    cr_assert_eq(t[1].status, second, "%u: %d", count, t[1].status);
    trips_stop();
}

Test(atm, a_lost_cell_loses_a_frame_and_a_lost_last_one_the_next_too)
{
    lose_second(3, NET_DROPPED_QUEUE, NET_OK);
    lose_second(2, NET_DROPPED_QUEUE, NET_DROPPED_DAMAGED);
}

/* 4 stations offer one channel twice what it carries; the part of it that whole frames take. */
static double goodput(int drop, uint32_t flits)
{
    struct atm_params p = lan(LAN);
    uint64_t r = 77, good = 0, length = aal5_cells(flits);
    p.drop = drop;
    sim_time at[LAN] = { 0 }, end = 0;
    start(&p, 5, SIM_TIE_SEQUENCE, 0);
    trips_terminals(LAN);
    for (uint32_t k = 0; k < MANY / 2; k++) {
        uint32_t src = 1 + k % 4;
        at[src] += (sim_time)(4 * length * oracle_below(&r, 1000)) * OC3C / 1000;
        trips_post(&many[k], src, 0, flits, at[src]);
    }
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    for (uint32_t k = 0; k < MANY / 2; k++) {
        good += many[k].status == NET_OK;
        end = many[k].status == NET_OK ? sim_time_max(end, many[k].done) : end;
    }
    trips_stop();
    return (double)(good * length) * OC3C / (double)end;
}

/* Romanow & Floyd 1995: the longer the frames the less good is done by a queue that loses cells;
 * one that loses the rest of the frame does better, one that refuses whole frames best. */
Test(atm, losing_frames_rather_than_cells_is_worth_it)
{
    static const uint32_t flits[] = { 500, 1500, 9180 };
    double before = 1;
    for (size_t k = 0; k < ARRAY_LEN(flits); k++) {
        double tail = goodput(ATM_TAIL, flits[k]), ppd = goodput(ATM_PARTIAL, flits[k]),
               epd = goodput(ATM_EARLY, flits[k]);
        cr_assert(tail < ppd && ppd < epd && tail < before,
                  "%u bytes: tail %.3f, ppd %.3f, epd %.3f", flits[k], tail, ppd, epd);
        cr_assert(flits[k] > 1500 || epd > 0.95, "%g", epd);
        before = tail;
    }
}

/* ---- circuits ---- */

Test(atm, each_circuit_has_a_number_of_its_own_on_each_channel_of_its_way)
{
    struct atm_params p = lan(6);
    struct val *trunks = val_new(VAL_LIST, NULL, 0);
    struct trip t[6][6];
    uint32_t seen[3][6][100] = { { { 0 } } }, vpi, vci;
    p.switches = 2;
    val_append(trunks, pair(0, 1, "oc12c"));
    p.trunks = trunks;
    start(&p, 1, SIM_TIE_SEQUENCE, 0);
    trips_terminals(6);
    cr_assert(!atm_circuit(n, 0, 1, 0, &vpi, &vci));
    for (uint32_t i = 0; i < 6; i++)
        for (uint32_t k = 0; k < 6; k++)
            trips_post(&t[i][k], i, k, 1000, (sim_time)(7 * i + k) * SIM_US);
    sim_run(s);
    for (uint32_t i = 0; i < 6; i++)
        for (uint32_t k = 0; k < 6; k++) {
            bool far = i / 3 != k / 3; /* over the trunk, of this direction */
            cr_assert_eq(t[i][k].p.hops, far ? 2 : 1);
            uint32_t on[3] = { i, far ? i / 3 : k, k };
            for (uint32_t hop = 0; hop < (far ? 3u : 2u); hop++) {
                cr_assert(atm_circuit(n, i, k, hop, &vpi, &vci));
                cr_assert(vpi == 0 && vci >= 32 && vci < 100);
                bool last = hop == (far ? 2u : 1u);
                cr_assert_eq(seen[last ? 2 : hop][on[hop]][vci]++, 0);
            }
            cr_assert(!atm_circuit(n, i, k, far ? 3 : 2, &vpi, &vci));
        }
    trips_stop();
    val_free(trunks);
}

Test(atm, a_circuit_costs_its_first_frame_the_set_up_and_no_other)
{
    struct atm_params p = lan(3);
    struct trip t[4];
    p.circuits = ATM_SWITCHED;
    p.setup = 3 * SIM_MS;
    start(&p, 1, SIM_TIE_SEQUENCE, 0);
    trips_terminals(3);
    trips_post(&t[0], 0, 1, 40, 0);
    trips_post(&t[1], 0, 2, 40, SIM_MS);
    trips_post(&t[2], 0, 1, 40, 2 * SIM_MS);
    trips_post(&t[3], 0, 1, 40, 10 * SIM_MS);
    sim_run(s);
    sim_time alone = n->ops->zero_load(n, 0, 1, 40);
    cr_assert_eq(t[0].done, 3 * SIM_MS + alone);
    cr_assert_eq(t[2].done, 3 * SIM_MS + alone + OC3C);
    cr_assert_eq(t[1].done, 4 * SIM_MS + alone);
    cr_assert_eq(t[3].done, 10 * SIM_MS + alone);
    trips_stop();
}

/* NET3: whichever was asked for first. */
Test(atm, circuits_that_are_ready_at_one_moment_send_in_order_of_their_stations)
{
    for (uint32_t first = 1; first < 3; first++) {
        struct atm_params p = lan(3);
        struct trip t[3];
        p.circuits = ATM_SWITCHED;
        start(&p, 1, SIM_TIE_SEQUENCE, 0);
        trips_terminals(3);
        trips_post(&t[first], 0, first, 40, 0);
        trips_post(&t[3 - first], 0, 3 - first, 40, 0);
        sim_run(s);
        cr_assert_eq(t[1].p.injected, p.setup);
        cr_assert_eq(t[2].p.injected, p.setup + OC3C);
        trips_stop();
    }
}

/* ---- what every network owes ---- */

static uint32_t order[LAN][LAN], full_up;

static void in_order(void *arg, struct net_packet *p, enum net_status status)
{
    trips_take(arg, p, status);
    if (status == NET_OK) {
        cr_assert_gt((uint32_t)p->user + 1, order[p->src][p->dst]);
        order[p->src][p->dst] = (uint32_t)p->user + 1;
    }
    full_up += status == NET_DROPPED_FULL;
    if (status == NET_OK && p->dst == 3 && p->user % 3)
        n->ops->taken(n, 3);
}

static uint64_t random_load(enum sim_tie tie, uint32_t room, int queue)
{
    uint64_t r = 99, hash = 0;
    sim_time at = 0, latest[LAN] = { 0 };
    struct atm_params p = lan(LAN);
    p.queue = queue;
    p.buffer_cells = 60;
    start(&p, 5, tie, 0);
    memset(order, 0, sizeof order);
    full_up = 0;
    for (uint32_t i = 0; i < LAN; i++)
        n->ops->set_terminal(n, i,
                             &(struct net_terminal){ .receive = in_order,
                                                     .arg = (void *)(uintptr_t)i,
                                                     .room = i == 3 ? room : 0 });
    for (uint32_t k = 0; k < MANY; k++) {
        at += (sim_time)oracle_below(&r, 3) * (sim_time)oracle_below(&r, 20) * OC3C / 2;
        uint32_t src = (uint32_t)oracle_below(&r, LAN);
        latest[src] = sim_time_max(at, latest[src] + 1);
        trips_post(&many[k], src, (uint32_t)oracle_below(&r, LAN),
                   1 + (uint32_t)oracle_below(&r, 1500), latest[src]);
        many[k].p.user = k;
    }
    cr_assert_eq(sim_run(s), SIM_END_IDLE);
    for (uint32_t k = 0; k < MANY; k++) {
        cr_assert_eq(many[k].calls, 1);
        hash = hash * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)many[k].done + many[k].status;
    }
    trips_stop();
    return hash;
}

/* NET1, NET2, NET3, ATM1. */
Test(atm, each_packet_comes_once_and_in_order_whatever_the_order_of_events)
{
    for (int queue = 0; queue < 2; queue++) {
        uint64_t hash = random_load(SIM_TIE_SEQUENCE, 0, queue);
        cr_assert_eq(full_up, 0);
        cr_assert_eq(random_load(SIM_TIE_SHUFFLE, 0, queue), hash);
    }
}

Test(atm, who_has_no_room_loses_the_packet)
{
    uint64_t hash = random_load(SIM_TIE_SEQUENCE, 4, ATM_OUTPUT);
    cr_assert_gt(full_up, 10);
    cr_assert_eq(random_load(SIM_TIE_SHUFFLE, 4, ATM_OUTPUT), hash);
}

/* Shares of the window are those of the cells, whether a run went ahead or was taken back. */
Test(atm, channels_are_busy_while_cells_cross_them)
{
    struct atm_params p = lan(3);
    struct trip t[2];
    double share;
    p.buffer_cells = 0;
    start(&p, 1, SIM_TIE_SEQUENCE, 0);
    trips_terminals(3);
    trips_post(&t[0], 0, 2, 9180, 0);
    trips_post(&t[1], 1, 2, 9180, 50 * (sim_time)OC3C);
    sim_run(s);
    const struct sim_busy *b = sim_busiest(s, SIM_KIND_CHANNEL, &share);
    cr_assert_str_eq(b->name, "to station 2");
    cr_assert_eq(sim_busy_time(b, sim_now(s)), 2 * 192 * (sim_time)OC3C);
    trips_stop();
}

/* Where two runs meet each cell has a step; before and behind a run has one. */
Test(atm, cells_have_steps_of_their_own_only_where_runs_meet)
{
    struct atm_params p = lan(3);
    struct trip t[2];
    p.buffer_cells = 0;
    start(&p, 1, SIM_TIE_SEQUENCE, 0);
    trips_terminals(3);
    trips_post(&t[0], 0, 2, 9180, 0);
    trips_post(&t[1], 1, 2, 9180, 182 * (sim_time)OC3C);
    sim_run(s);
    cr_assert_leq(atm_steps(n), 40, "%lu", (unsigned long)atm_steps(n));
    trips_stop();
}

static void refused(const struct atm_params *p, const char *part)
{
    struct err e = ERR_INIT;
    struct sim *sim = sim_create(NULL);
    cr_assert_null(net_atm.create(sim, p, &e));
    cr_assert(strstr(e.text, part), "%s", e.text);
    sim_destroy(sim);
}

static void refused_trunk(struct atm_params *p, struct val *trunk, const char *part)
{
    struct val *list = val_new(VAL_LIST, NULL, 0);
    val_append(list, trunk);
    p->trunks = list;
    refused(p, part);
    p->trunks = NULL;
    val_free(list);
}

Test(atm, refuses_what_cannot_be)
{
    struct atm_params p = lan(3);
    struct nic_params nic;
    struct err e = ERR_INIT;
    p.switches = 3;
    refused(&p, "no way from switch 1 to switch 0");
    refused_trunk(&p, pair(0, 1, NULL), "no way from switch 2 to switch 0");
    refused_trunk(&p, pair(0, 3, NULL), "numbers from 0 to 2");
    refused_trunk(&p, pair(1, 1, NULL), "joins two switches");
    refused_trunk(&p, pair(0, 1, "oc4"), "a rate of oc3c");
    refused_trunk(&p, val_new_int(3, NULL, 0), "a trunk is { switch, switch }");
    p.switches = 1;
    struct val *at = val_new(VAL_LIST, NULL, 0);
    p.at = at;
    refused(&p, "a list of 3 switches");
    for (int i = 0; i < 3; i++)
        val_append(at, val_new_int(i, NULL, 0));
    refused(&p, "a whole number from 0 to 0");
    p.at = NULL;
    p.trunks = at->items[0];
    refused(&p, "must be a list of trunks");
    p.trunks = NULL;
    val_free(at);
    start(&p, 1, SIM_TIE_SEQUENCE, 0);
    cr_assert(param_load(nic_params_desc, &nic, NULL, "nic", &e), "%s", e.text);
    nic.packet_bytes = 65536;
    cr_assert_null(nic_create(s, n, 0, 0, &nic, NULL, 0, &e));
    cr_assert(strstr(e.text, "allowed are 65519 bytes"), "%s", e.text);
    trips_stop();
}
