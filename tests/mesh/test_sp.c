/* test_sp.c: the SP switch against a model that goes cycle by cycle and byte by byte, closed forms,
 * and what its ways must be. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/switch/sp.h"
#include "sim/audit.h"
#include "sim/rng.h"
#include "tests/mesh/oracle.h"
#include "tests/mesh/trips.h"
#include "tests/sample.h"

#define CYCLE (25 * SIM_NS)

static struct sp_params stations(int64_t count)
{
    struct sp_params p;
    struct err e = ERR_INIT;
    cr_assert(param_load(sp_params_desc, &p, NULL, "mesh", &e), "%s", e.text);
    p.stations = count;
    return p;
}

/* ---- a packet alone ---- */

/* 125 ns a chip and 25 ns a byte; 1, 3, 4 chips on wires, 5, 6, 7 over boards of switches. */
Test(sp, a_lone_packet_takes_five_cycles_a_chip_and_its_bytes)
{
    static const struct {
        int64_t count;
        uint32_t src, dst, hops;
    } rows[] = {
        { 2, 0, 1, 1 },    { 16, 0, 3, 1 },    { 16, 5, 5, 1 },    { 16, 0, 4, 3 },
        { 80, 0, 79, 4 },  { 32, 3, 16, 4 },   { 96, 0, 17, 7 },   { 96, 17, 95, 6 },
        { 512, 0, 16, 5 }, { 512, 0, 255, 7 }, { 512, 0, 511, 6 }, { 512, 511, 256, 7 },
    };
    for (size_t k = 0; k < ARRAY_LEN(rows); k++)
        for (uint32_t flits = 1; flits < 250; flits += 247) {
            struct sp_params p = stations(rows[k].count);
            struct trip t;
            flits = flits > 1 ? 248 : 1;
            trips_start(&net_sp, &p, 1, SIM_TIE_SEQUENCE, 0);
            trips_terminals((uint32_t)rows[k].count);
            trips_post(&t, rows[k].src, rows[k].dst, flits, 777);
            cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
            cr_assert_eq(t.p.hops, rows[k].hops, "row %zu: %u", k, t.p.hops);
            cr_assert_eq(t.done - 777, (5 * rows[k].hops + flits) * CYCLE);
            cr_assert_eq(t.sent - 777, (flits + rows[k].hops) * CYCLE);
            cr_assert_eq(t.p.blocked, 0);
            cr_assert_eq(trips_net->ops->zero_load(trips_net, t.p.src, t.p.dst, flits),
                         t.done - 777);
            trips_stop();
        }
}

/* ---- the model that goes byte by byte ---- */

#define CHIPS 256
#define WIRES 4096 /* channels: 8 a chip, then from each station */
#define PACKETS 16000
#define NO UINT32_MAX
#define KEEP 128u

struct slow_packet {
    uint32_t src, dst, flits, hops, at; /* at: chip of its way where its header is */
    uint32_t wires[SP_HOPS + 1];
    uint64_t when, done, sent;
    uint32_t way;
    struct slow_stored {
        uint64_t at;
        uint32_t wrote, took, chunks, all, spare; /* spare: a number of a chunk not of the pool */
        struct slow_packet *next;
    } in[SP_HOPS]; /* the central queue of each chip */
};

struct slow_byte {
    uint32_t packet, k;
    uint64_t crossed;
};

struct slow_wire {
    uint32_t holder, holder_at, crossed, length;
    bool from_queue;
    uint32_t chip, to_chip, to_port; /* NO: a station */
    struct slow_byte fifo[KEEP];
    uint32_t first, count;
    uint64_t sent, left[KEEP], last_left; /* when byte s left the FIFO */
    /* What the first of the FIFO does: 0 waits, 1 goes to an output, 2 to the central queue. */
    int going;
    uint32_t list;               /* the first packet of its list in the central queue */
    struct slow_stored *list_in; /* and what follows the last */
    uint32_t order[8];           /* inputs, the least recently served first */
};

struct slow_chip {
    uint32_t order[8], free;
};

static struct slow_packet slow_packets[PACKETS];
static struct slow_wire wires[WIRES];
static struct slow_chip chips[CHIPS];
static uint32_t slow_count, chip_count, wire_count;
static struct sp_params slow;
static bool by_chunk;
static uint32_t into[CHIPS][8];
static uint64_t now;
static uint32_t
    queue_next[512]; /* of each station: packet that is next, in order of slow_packets */

static uint32_t length_on(const struct slow_packet *p, uint32_t at)
{
    return p->flits + p->hops - at;
}

static void slow_make(void)
{
    memset(wires, 0, sizeof wires);
    chip_count = 0;
    wire_count = 8 * CHIPS + (uint32_t)slow.stations;
    cr_assert_leq(wire_count, WIRES);
    memset(into, 0xff, sizeof into);
    for (uint32_t w = 0; w < wire_count; w++) {
        wires[w].holder = wires[w].list = wires[w].to_chip = NO;
        for (uint32_t i = 0; i < 8; i++)
            wires[w].order[i] = i;
    }
    for (uint32_t c = 0; c < CHIPS; c++) {
        chips[c].free = (uint32_t)slow.chunks;
        for (uint32_t i = 0; i < 8; i++)
            chips[c].order[i] = i;
    }
}

/* Its wires, of the way that it takes. */
static void slow_lay(struct slow_packet *p)
{
    uint32_t at[SP_HOPS], ports[SP_HOPS];
    p->hops = sp_way(trips_net, p->src, p->dst, p->way, at, ports);
    p->wires[0] = 8 * CHIPS + p->src;
    wires[p->wires[0]].to_chip = at[0];
    wires[p->wires[0]].to_port = p->src % 4;
    into[at[0]][p->src % 4] = p->wires[0];
    for (uint32_t i = 0; i < p->hops; i++) {
        uint32_t port = ports[i], w = 8 * at[i] + port;
        p->wires[i + 1] = w;
        wires[w].to_chip = sp_leads_to(trips_net, at[i], &port);
        wires[w].to_port = port;
        cr_assert_eq(wires[w].to_chip, i + 1 < p->hops ? at[i + 1] : NO);
        if (i + 1 < p->hops)
            into[at[i + 1]][port] = w;
        if (at[i] >= chip_count)
            chip_count = at[i] + 1;
    }
}

static bool slot(const struct slow_wire *w)
{
    if (w->to_chip == NO || w->sent < (uint64_t)slow.fifo)
        return true;
    uint64_t left = w->left[(w->sent - (uint64_t)slow.fifo) % KEEP];
    return left != UINT64_MAX && left + 2 <= now;
}

static struct slow_byte pop(struct slow_wire *w, uint64_t when)
{
    struct slow_byte b = w->fifo[w->first];
    w->left[(w->sent - w->count) % KEEP] = when;
    w->last_left = when;
    w->first = (w->first + 1) % KEEP;
    w->count--;
    return b;
}

static void hold(uint32_t wire, uint32_t packet, uint32_t at, bool from_queue)
{
    struct slow_wire *w = &wires[wire];
    w->holder = packet;
    w->holder_at = at;
    w->crossed = 0;
    w->length = length_on(&slow_packets[packet], at);
    w->from_queue = from_queue;
}

static void to_back(uint32_t order[8], uint32_t i)
{
    uint32_t k = 0, v = order[i];
    for (k = i; k < 7; k++)
        order[k] = order[k + 1];
    order[7] = v;
}

/* The packet whose header is at hand at an input. */
static struct slow_packet *at_hand(uint32_t chip, uint32_t port)
{
    if (into[chip][port] == NO)
        return NULL;
    const struct slow_wire *w = &wires[into[chip][port]];
    const struct slow_byte *b = &w->fifo[w->first];
    if (w->count == 0 || w->going || b->k > 0 || b->crossed + (uint64_t)slow.hop > now ||
        (w->last_left > 0 && w->last_left + 2 > now))
        return NULL;
    return &slow_packets[b->packet];
}

static uint32_t number(const struct slow_packet *p)
{
    return (uint32_t)(p - slow_packets);
}

static void slow_grant(uint32_t chip, uint32_t out)
{
    struct slow_wire *w = &wires[8 * chip + out];
    if (w->holder != NO)
        return;
    if (w->list != NO) {
        struct slow_packet *p = &slow_packets[w->list];
        if (p->in[p->at].at + (uint64_t)slow.chunk_flits <= now)
            hold(8 * chip + out, w->list, ++p->at, true);
        return;
    }
    for (uint32_t i = 0; i < 8; i++) {
        struct slow_packet *p = at_hand(chip, w->order[i]);
        if (!p || p->wires[p->at + 1] != 8 * chip + out)
            continue;
        struct slow_wire *in = &wires[into[chip][w->order[i]]];
        in->going = 1;
        pop(in, now - 1);
        hold(8 * chip + out, number(p), ++p->at, false);
        to_back(w->order, i);
        return;
    }
}

static bool slow_store(uint32_t chip, uint32_t i)
{
    uint32_t port = chips[chip].order[i];
    struct slow_packet *p = at_hand(chip, port);
    if (!p)
        return true;
    struct slow_wire *in = &wires[into[chip][port]], *out = &wires[p->wires[p->at + 1]];
    uint32_t size = (uint32_t)slow.chunk_flits, need = (length_on(p, p->at + 1) + size - 1) / size;
    if (by_chunk ? chips[chip].free == 0 && out->list != NO : chips[chip].free < need)
        return false;
    in->going = 2;
    pop(in, now - 1);
    p->in[p->at] = (struct slow_stored){ .at = now, .chunks = need, .all = need, .spare = NO };
    if (!by_chunk)
        chips[chip].free -= need;
    if (out->list == NO)
        out->list = number(p);
    else
        out->list_in->next = p;
    out->list_in = &p->in[p->at];
    to_back(chips[chip].order, i);
    return true;
}

static void slow_choose(uint32_t chip)
{
    for (uint32_t out = 0; out < 8; out++)
        slow_grant(chip, out);
    if (slow.chunks == 0)
        return;
    for (uint32_t i = 0, seen = 0; seen < 8; seen++) {
        uint32_t before = chips[chip].order[i];
        if (!slow_store(chip, i))
            return;
        i += chips[chip].order[i] == before;
    }
}

/* A byte comes out of the central queue, if there is one. */
static bool take_stored(struct slow_wire *w, uint32_t chip)
{
    struct slow_stored *p = &slow_packets[w->holder].in[w->holder_at - 1];
    uint32_t size = (uint32_t)slow.chunk_flits, whole = (p->took / size + 1) * size;
    if (p->wrote < (whole < w->length ? whole : w->length))
        return false;
    for (uint32_t part = 1; part < 4 && !by_chunk; part++)
        if (p->all >= 4 && p->took == w->length * part / 4) { /* a quarter has gone */
            chips[chip].free += p->all / 4;
            p->chunks -= p->all / 4;
        }
    p->took++;
    if (by_chunk && (p->took % size == 0 || p->took == w->length)) {
        if ((p->took - 1) / size == p->spare)
            p->spare = NO;
        else
            chips[chip].free++;
    }
    return true;
}

static void slow_move(uint32_t wire)
{
    struct slow_wire *w = &wires[wire];
    if (w->holder == NO || w->crossed == w->length || !slot(w))
        return;
    struct slow_packet *p = &slow_packets[w->holder];
    if (w->from_queue) {
        if (!take_stored(w, wire / 8))
            return;
    } else if (wire < 8 * CHIPS) {
        struct slow_wire *in = &wires[p->wires[w->holder_at - 1]];
        uint32_t k = w->crossed + 1;
        if (in->count == 0 || in->fifo[in->first].crossed + (uint64_t)slow.hop - 1 > now)
            return;
        struct slow_byte b = pop(in, now);
        cr_assert(b.packet == w->holder && b.k == k);
        if (k == w->length)
            in->going = 0;
    }
    if (w->to_chip != NO) {
        cr_assert_lt(w->count, (uint32_t)slow.fifo);
        w->left[w->sent++ % KEEP] = UINT64_MAX;
        w->fifo[(w->first + w->count++) % KEEP] = (struct slow_byte){ w->holder, w->crossed, now };
    }
    w->crossed++;
    if (w->to_chip == NO && w->crossed == w->length)
        p->done = now + 1;
}

/* A byte goes from the FIFO into the central queue. */
static void slow_write(struct slow_wire *in)
{
    if (in->going != 2 || in->count == 0 ||
        in->fifo[in->first].crossed + (uint64_t)slow.hop - 1 > now)
        return;
    struct slow_packet *p = &slow_packets[in->fifo[in->first].packet];
    uint32_t size = (uint32_t)slow.chunk_flits, at = 0, chip = in->to_chip;
    while (&wires[p->wires[at]] != in)
        at++;
    struct slow_stored *q = &p->in[at];
    if (by_chunk && q->wrote % size == 0) {
        bool first = wires[p->wires[at + 1]].list == number(p);
        if (chips[chip].free > 0)
            chips[chip].free--;
        else if (first && q->took == q->wrote)
            q->spare = q->wrote / size;
        else
            return;
    }
    pop(in, now);
    if (++q->wrote == length_on(p, at + 1))
        in->going = 0;
}

/* Channels that are free by now, and stations that send. */
static void slow_free(uint32_t wire)
{
    struct slow_wire *w = &wires[wire];
    if (w->holder != NO && w->crossed == w->length) {
        struct slow_packet *p = &slow_packets[w->holder];
        if (w->from_queue) { /* its last byte has gone */
            const struct slow_stored *q = &p->in[w->holder_at - 1];
            if (!by_chunk)
                chips[wire / 8].free += q->chunks;
            w->list = q->next ? number(q->next) : NO;
            w->from_queue = false;
        }
        if (slot(w)) {
            if (wire >= 8 * CHIPS)
                p->sent = now;
            w->holder = NO;
        }
    }
    if (wire < 8 * CHIPS || w->holder != NO)
        return;
    uint32_t *k = &queue_next[wire - 8 * CHIPS];
    while (*k < slow_count && slow_packets[*k].src != wire - 8 * CHIPS)
        ++*k;
    if (*k < slow_count && slow_packets[*k].when <= now) {
        hold(wire, *k, 0, false);
        ++*k;
    }
}

/* Until all are there, or until the limit, if that is not 0: how many are. */
static uint32_t slow_run(uint64_t limit)
{
    uint32_t came = 0;
    memset(queue_next, 0, sizeof queue_next);
    for (now = 1; limit ? now < limit : came < slow_count; now++) {
        for (uint32_t w = 0; w < 8 * chip_count; w++)
            slow_free(w);
        for (uint32_t w = 8 * CHIPS; w < wire_count; w++)
            slow_free(w);
        for (uint32_t c = 0; c < chip_count; c++)
            slow_choose(c);
        for (uint32_t w = 0; w < 8 * chip_count; w++) {
            uint32_t holder = wires[w].holder;
            slow_move(w);
            came += holder != NO && wires[w].to_chip == NO && wires[w].crossed == wires[w].length &&
                    slow_packets[holder].done == now + 1;
        }
        for (uint32_t w = 8 * CHIPS; w < wire_count; w++)
            slow_move(w);
        for (uint32_t w = 0; w < wire_count; w++)
            if (w < 8 * chip_count || w >= 8 * CHIPS)
                slow_write(&wires[w]);
        cr_assert_lt(now, 300000, "the model stands still: %u of %u, %u stations, chunks %u", came,
                     slow_count, (uint32_t)slow.stations, (uint32_t)slow.chunks);
    }
    return came;
}

/* The packets as trips, with the ways that they take. */
static void lay_all(struct trip *trips)
{
    static uint32_t turn[512][512];
    memset(turn, 0, sizeof turn);
    slow_make();
    for (uint32_t k = 0; k < slow_count; k++) {
        struct slow_packet *p = &slow_packets[k];
        uint32_t count = sp_ways(trips_net, p->src, p->dst);
        p->way = (p->src + p->dst + turn[p->src][p->dst]) % count;
        turn[p->src][p->dst] += slow.routes == SP_ROUND_ROBIN;
        slow_lay(p);
        if (trips)
            trips_post(&trips[k], p->src, p->dst, p->flits, (sim_time)p->when * CYCLE);
    }
}

static void equals_byte_by_byte(uint64_t number_of_case)
{
    static const int64_t sizes[] = { 2, 4, 9, 16, 16, 32, 40, 64, 80, 96 };
    static struct trip trips[200];
    uint64_t r = number_of_case;
    slow = stations(sizes[oracle_below(&r, ARRAY_LEN(sizes))]);
    uint32_t count = (uint32_t)slow.stations, kind = (uint32_t)oracle_below(&r, 3);
    slow.routes = oracle_below(&r, 2) ? SP_FIXED : SP_ROUND_ROBIN;
    slow.chunks = kind == 0 ? 0 : kind == 1 ? 32 : 128;
    slow.hop = 2 + (int64_t)oracle_below(&r, 6);
    slow.fifo = oracle_below(&r, 2) ? 31 : 24 + (int64_t)oracle_below(&r, 40);
    uint32_t longest = oracle_below(&r, 2) ? 248 : 20, hot = (uint32_t)oracle_below(&r, count);
    uint64_t at = 1, latest[512] = { 0 };
    by_chunk = false;
    slow_count = 1 + (uint32_t)oracle_below(&r, ARRAY_LEN(trips));
    trips_start(&net_sp, &slow, 1, number_of_case % 2 ? SIM_TIE_SHUFFLE : SIM_TIE_SEQUENCE, 0);
    trips_terminals(count);
    for (uint32_t k = 0; k < slow_count; k++) {
        at += oracle_below(&r, 4) ? 0 : oracle_below(&r, 60);
        uint32_t src = (uint32_t)oracle_below(&r, count);
        uint32_t dst = oracle_below(&r, 3) ? (uint32_t)oracle_below(&r, count) : hot;
        /* A pair's at different cycles: trips of one moment may go in any order. */
        latest[src] = latest[src] + 1 > at ? latest[src] + 1 : at;
        slow_packets[k] = (struct slow_packet){ .src = src,
                                                .dst = dst,
                                                .flits = 1 + (uint32_t)oracle_below(&r, longest),
                                                .when = latest[src] };
    }
    lay_all(trips);
    slow_run(0);
    cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
    for (uint32_t k = 0; k < slow_count; k++) {
        const struct slow_packet *q = &slow_packets[k];
        cr_assert_eq(trips[k].calls, 1);
        cr_assert_eq(trips[k].done, (sim_time)q->done * CYCLE,
                     "case %lu, packet %u of %u: cycle %g, not %lu", (unsigned long)number_of_case,
                     k, slow_count, (double)trips[k].done / CYCLE, (unsigned long)q->done);
        cr_assert_eq(trips[k].sent, (sim_time)q->sent * CYCLE,
                     "case %lu, packet %u of %u: sent %g, not %lu", (unsigned long)number_of_case,
                     k, slow_count, (double)trips[k].sent / CYCLE, (unsigned long)q->sent);
    }
    trips_stop();
}

/* SP1, SP2, SP3 */
Test(sp, equals_a_model_that_goes_byte_by_byte)
{
    for (uint64_t number_of_case = 1; number_of_case <= sample("SP", 60); number_of_case++)
        equals_byte_by_byte(number_of_case);
}

/* ---- saturation ---- */

/* Packets that came until the limit, of stations that always have one more: of the model and of the
 * bytes, whose queues take chunk by chunk. */
static void saturate(int64_t count, int64_t chunks, uint32_t flits, bool hot, uint32_t *events,
                     uint32_t *bytes)
{
    static struct trip trips[PACKETS];
    const uint64_t limit = 6000 + 60 * (uint64_t)flits;
    uint64_t r = 7;
    slow = stations(count);
    slow.chunks = chunks;
    by_chunk = true;
    slow_count = (uint32_t)(limit / (flits + 1) + 2) * (uint32_t)count;
    cr_assert_leq(slow_count, PACKETS);
    for (uint32_t k = 0; k < slow_count; k++) {
        uint32_t dst = (uint32_t)oracle_below(&r, (uint64_t)count);
        if (hot && oracle_below(&r, 20) == 0)
            dst = 0;
        slow_packets[k] = (struct slow_packet){
            .src = k % (uint32_t)count, .dst = dst, .flits = flits, .when = 1 + k / (uint32_t)count
        };
    }
    trips_start(&net_sp, &slow, 1, SIM_TIE_SEQUENCE, (sim_time)limit * CYCLE);
    trips_terminals((uint32_t)count);
    lay_all(trips);
    *bytes = slow_run(limit);
    sim_run(trips_sim);
    *events = 0;
    for (uint32_t k = 0; k < slow_count; k++)
        *events += trips[k].calls;
    trips_stop();
}

/* The model lets a packet into a central queue whole, the bytes go in chunk by chunk. */
Test(sp, saturates_nearly_as_queues_do_that_take_chunk_by_chunk)
{
    static const struct {
        int64_t count, chunks;
        uint32_t flits;
        bool hot;
    } rows[] = { { 16, 0, 64, false },    { 16, 128, 64, false }, { 16, 128, 247, false },
                 { 64, 128, 247, false }, { 64, 128, 100, true }, { 64, 0, 247, false } };
    for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
        uint32_t events, bytes;
        saturate(rows[k].count, rows[k].chunks, rows[k].flits, rows[k].hot, &events, &bytes);
        /* The longest fill a queue with four, where chunks would do for parts of eight. */
        double less = rows[k].flits > 200 && rows[k].chunks > 0 ? 0.08 : 0.03;
        cr_assert_float_eq((double)events / bytes, 1, less, "row %zu: %u, not %u", k, events,
                           bytes);
    }
}

/* ---- ways ---- */

static uint8_t *after; /* [channel] of a chip's output, [port]: the output of the next chip */
static uint8_t *seen;  /* 1: on the way down, 2: done */

/* No packet waits for itself: what waits for what has no circle. */
static void no_circle(uint32_t chip, uint32_t port)
{
    uint32_t w = 8 * chip + port, to = sp_leads_to(trips_net, chip, &port);
    cr_assert_neq(seen[w], 1, "a circle of channels");
    if (seen[w])
        return;
    seen[w] = 1;
    for (uint32_t o = 0; o < 8; o++)
        if (after[w] >> o & 1)
            no_circle(to, o);
    seen[w] = 2;
}

Test(sp, ways_are_all_different_and_as_long_and_have_no_circle_of_channels)
{
    static const int64_t sizes[] = { 2, 5, 16, 17, 48, 64, 80, 81, 112, 128, 200, 256, 300, 512 };
    static uint8_t lead[8192], visited[8192];
    after = lead;
    seen = visited;
    for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
        struct sp_params p = stations(sizes[k]);
        uint32_t count = (uint32_t)sizes[k];
        memset(lead, 0, sizeof lead);
        memset(visited, 0, sizeof visited);
        trips_start(&net_sp, &p, 1, SIM_TIE_SEQUENCE, 0);
        for (uint32_t s = 0; s < count; s++)
            for (uint32_t d = 0; d<count; d += count> 128 ? 3 : 1) {
                uint32_t c[SP_HOPS], o[SP_HOPS], before[SP_HOPS] = { 0 }, hops = 0;
                uint32_t ways = sp_ways(trips_net, s, d);
                cr_assert(ways == 1 ? s / 4 == d / 4 : ways >= 4);
                for (uint32_t w = 0; w < ways; w++) {
                    hops = sp_way(trips_net, s, d, w, c, o);
                    if (w > 0) /* the chips or the ports outward differ */
                        cr_assert_neq(memcmp(before, o, hops * sizeof *o), 0);
                    memcpy(before, o, sizeof before);
                    for (uint32_t i = 0; i + 1 < hops; i++) {
                        uint32_t port = o[i];
                        cr_assert_eq(sp_leads_to(trips_net, c[i], &port), c[i + 1]);
                        lead[8 * c[i] + o[i]] |= (uint8_t)(1u << o[i + 1]);
                    }
                    uint32_t port = o[hops - 1];
                    cr_assert_eq(sp_leads_to(trips_net, c[hops - 1], &port), NO);
                }
                cr_assert_eq(trips_net->ops->distance(trips_net, s, d), hops - 1);
            }
        for (uint32_t w = 0; w < sizeof lead; w++)
            if (lead[w] && !visited[w])
                no_circle(w / 8, w % 8);
        trips_stop();
    }
}

/* ---- what every network owes ---- */

Test(sp, each_packet_comes_once_whatever_the_order_of_events)
{
    /* On fixed ways those of a pair come in order, as trips_random asks. */
    for (int64_t chunks = 0; chunks <= 128; chunks += 128) {
        struct sp_params p = stations(20);
        struct net_grid g;
        p.chunks = chunks;
        p.routes = SP_FIXED;
        net_sp.grid(&p, &g);
        cr_assert_not(g.overtakes);
        uint64_t hash = trips_random(&net_sp, &p, 20, 250, SIM_US, SIM_TIE_SEQUENCE, 0, NULL);
        cr_assert_eq(trips_random(&net_sp, &p, 20, 250, SIM_US, SIM_TIE_SHUFFLE, 0, NULL), hash);
    }
}

static uint64_t random_ways(enum sim_tie tie, uint32_t *overtaken)
{
    static struct trip trips[400];
    struct sp_params p = stations(96);
    struct net_grid g;
    uint64_t hash = 0, r = 3;
    sim_time latest = 0;
    p.routes = SP_RANDOM;
    net_sp.grid(&p, &g);
    cr_assert(g.overtakes);
    trips_start(&net_sp, &p, 1, tie, 0);
    trips_terminals(96);
    for (uint32_t k = 0; k < ARRAY_LEN(trips); k++) {
        uint32_t src = k % 2 ? 5 : (uint32_t)oracle_below(&r, 5);
        trips_post(&trips[k], src, k % 2 ? 90 : 80 + (uint32_t)oracle_below(&r, 16),
                   k % 4 == 1 ? 248 : 1 + (uint32_t)oracle_below(&r, 100),
                   (sim_time)(k / 8 * 900 + k / 2 % 4) * CYCLE);
    }
    cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
    *overtaken = 0;
    for (uint32_t k = 0; k < ARRAY_LEN(trips); k++) {
        cr_assert_eq(trips[k].calls, 1);
        hash = hash * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)trips[k].done;
        if (k % 2) {
            *overtaken += trips[k].done < latest;
            latest = sim_time_max(latest, trips[k].done);
        }
    }
    trips_stop();
    return hash;
}

Test(sp, ways_that_are_drawn_do_not_depend_on_the_order_of_events_and_packets_overtake)
{
    uint32_t overtaken;
    uint64_t hash = random_ways(SIM_TIE_SEQUENCE, &overtaken);
    cr_assert_eq(random_ways(SIM_TIE_SHUFFLE, &overtaken), hash);
    cr_assert_gt(overtaken, 0);
}

Test(sp, a_station_without_a_place_holds_packets_back)
{
    static struct net_packet p[80];
    for (int64_t chunks = 0; chunks <= 128; chunks += 128) {
        struct sp_params params = stations(16);
        params.chunks = chunks;
        trips_start(&net_sp, &params, 1, SIM_TIE_SHUFFLE, 0);
        trips_slow(70 * SIM_US);
        for (uint32_t k = 0; k < 80; k++) {
            p[k] = (struct net_packet){ .src = 1 + k % 8, .dst = 0, .flits = 200 };
            net_inject(trips_net, &p[k]);
        }
        cr_assert_eq(sim_run(trips_sim), SIM_END_IDLE);
        cr_assert_eq(trips_came, 80);
        cr_assert_eq(trips_had_most, 2);
        cr_assert_geq(sim_now(trips_sim), 40 * 70 * SIM_US);
        cr_assert_leq(sim_now(trips_sim), 40 * 90 * SIM_US);
        trips_stop();
    }
}

Test(sp, a_central_queue_has_room_for_the_longest_packet_or_is_none)
{
    struct sp_params p = stations(4);
    p.chunks = 31;
    trips_refused(&net_sp, &p, "needs 32 chunks of 8 bytes or none");
    p.chunk_flits = 9;
    p.chunks = 29;
    trips_start(&net_sp, &p, 1, SIM_TIE_SEQUENCE, 0);
    trips_stop();
}
