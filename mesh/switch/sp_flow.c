/* sp_flow.c: when bytes cross channels, and what chips choose.
 *
 * A packet that was given a channel keeps it until its last byte has crossed.  Its bytes follow
 * each other unless the FIFO at the end is full, and that is only while a header waits further on:
 * so when byte k crosses follows from when headers started, here and further on, and from the
 * packets before it in the FIFOs.  That is what `crosses` reckons, and a channel is known to fall
 * free as soon as it can: no event is a byte's.
 *
 *   SP1  A FIFO never has more than `fifo` bytes, with those that are on their way to it: byte k of
 *        all that cross a channel does not before byte k - fifo has left, and two cycles more.
 *   SP2  A central queue never gives out more chunks than it has.
 *   SP3  An output is one packet's at a time; those of its list go first, in the order in which
 *        they came into it.
 *   SP4  What has left its source reaches its end, whatever fails behind it.
 *
 * A packet whose way has a part that is down as it leaves its source is lost at the chip before:
 * its bytes drain there, over a sink of that input, as fast as they come.
 */
#include "mesh/switch/sp_internal.h"

enum { READY, TAIL, FREE, STORED, LIST, PART };

static void post(struct sp *n, sim_time when, uint32_t kind, const struct sp_channel *c)
{
    wheel_push(&n->wheel, when, (uint64_t)(uintptr_t)c | kind);
}

/* ---- times ---- */

static sim_time crosses(const struct sp *n, const struct sp_packet *x, uint32_t at, uint32_t k);

/* Byte k of channel `at` leaves the FIFO at its end; SIM_NEVER: not known. */
static sim_time departs(const struct sp *n, const struct sp_packet *x, uint32_t at, uint32_t k)
{
    if (x->stored[at] != SIM_NEVER)
        return x->stored[at] + sp_cycles(n, (int64_t)k - 1);
    if (x->start[at + 1] == SIM_NEVER)
        return SIM_NEVER;
    return k == 0 ? x->start[at + 1] - n->params.cycle : crosses(n, x, at + 1, k - 1);
}

/* Byte k crosses; the one after the last: the next packet's could.  SIM_NEVER: not known. */
static sim_time crosses(const struct sp *n, const struct sp_packet *x, uint32_t at, uint32_t k)
{
    const struct sp_channel *c = x->channels[at];
    sim_time when = x->start[at] + sp_cycles(n, k);
    uint64_t index = x->offset[at] + k, fifo = (uint64_t)n->params.fifo;
    if (at == x->hops || index < fifo)
        return when;
    for (uint32_t i = 0; i < c->count; i++) {
        const struct sp_there *t = &c->there[(c->first + i) % SP_RING];
        uint64_t begin = t->packet->offset[t->at];
        if (index - fifo < begin)
            return when; /* it left long ago */
        if (index - fifo < begin + sp_flits(t->packet, t->at)) {
            sim_time gone = departs(n, t->packet, t->at, (uint32_t)(index - fifo - begin));
            return gone == SIM_NEVER ? gone : sim_time_max(when, gone + sp_cycles(n, 2)); /* SP1 */
        }
    }
    return when;
}

static bool was_stored(const struct sp_channel *c)
{
    return c->holder_at > 0 && c->holder->stored[c->holder_at - 1] != SIM_NEVER;
}

/* The parts of a packet that was in the central queue, but for the last: short ones have one. */
static void reckon_parts(struct sp *n, struct sp_channel *c)
{
    const struct sp_packet *x = c->holder;
    if (!was_stored(c) || sp_chunks(n, x, c->holder_at) < SP_PARTS)
        return;
    while (c->parts_known < SP_PARTS - 1) {
        uint32_t k = sp_flits(x, c->holder_at) * (c->parts_known + 1) / SP_PARTS;
        sim_time gone = crosses(n, x, c->holder_at, k);
        if (gone == SIM_NEVER)
            return;
        c->parts_known++;
        post(n, gone + n->params.cycle, PART, c);
    }
}

/* Notes what is known by now of the packet that crosses c. */
static void reckon(struct sp *n, struct sp_channel *c)
{
    const struct sp_packet *x = c->holder;
    uint32_t flits = sp_flits(x, c->holder_at);
    sim_time tail = SIM_NEVER, free = SIM_NEVER;
    reckon_parts(n, c);
    if (!c->tail_known && (tail = crosses(n, x, c->holder_at, flits - 1)) != SIM_NEVER)
        tail += n->params.cycle;
    if (!c->free_known)
        free = crosses(n, x, c->holder_at, flits);
    if (tail != SIM_NEVER)
        c->tail_known = true;
    if (free != SIM_NEVER)
        c->free_known = true;
    if (tail != SIM_NEVER && tail != free)
        post(n, tail, TAIL, c);
    if (free != SIM_NEVER)
        post(n, free, FREE, c);
}

/* A header goes on from the end of c: what waited behind it may be known now, as far back as
 * packets that cross a channel came over another. */
static void reckon_back(struct sp *n, struct sp_channel *c)
{
    while (c->holder) {
        const struct sp_packet *x = c->holder;
        uint32_t at = c->holder_at;
        reckon(n, c);
        if (at == 0 || x->stored[at - 1] != SIM_NEVER)
            return;
        c = x->channels[at - 1];
    }
}

/* ---- packets ---- */

static struct sp_packet *packet_new(struct sp *n)
{
    struct sp_packet *x = n->free_packets;
    if (x) {
        n->free_packets = x->next;
    } else {
        x = base_zalloc(1, sizeof(*x));
        x->made = n->made_packets;
        n->made_packets = x;
    }
    return x;
}

static void packet_free(struct sp *n, struct sp_packet *x)
{
    x->p = NULL;
    x->next = n->free_packets;
    n->free_packets = x;
}

static uint32_t choose_way(struct sp *n, uint32_t src, uint32_t dst)
{
    uint32_t count = sp_way_count(n, src, dst);
    if (count == 1)
        return 0;
    if (n->params.routes == SP_FIXED)
        return (src + dst) % count;
    if (n->params.routes == SP_RANDOM)
        return (uint32_t)sim_rng_below(&n->rng[src], count);
    uint8_t *turn = &n->turn[(size_t)src * n->stations + dst];
    uint32_t way = (*turn + src + dst) % count;
    *turn = (uint8_t)((*turn + 1) % count);
    return way;
}

/* It is given its next channel now. */
static void start(struct sp *n, struct sp_packet *x)
{
    uint32_t at = x->entered++;
    struct sp_channel *c = x->channels[at];
    ASSERT_MSG(!c->holder, "a channel has two packets (SP3)");
    c->holder = x;
    c->holder_at = at;
    c->tail_known = c->tail_gone = c->free_known = false;
    c->parts_known = c->chunks_back = 0;
    x->start[at] = n->now;
    x->offset[at] = c->flits;
    c->flits += sp_flits(x, at);
    if (x->status == NET_OK && net_link_damages(&c->link, UINT64_C(8) * sp_flits(x, at)))
        x->status = NET_DROPPED_DAMAGED;
    if (at == x->hops) {
        struct net_packet *p = x->p;
        if (!c->sink) {
            struct lan_station *st = &n->lan.stations[c->station];
            st->room -= st->terminal.room > 0;
        }
        p->hops = x->hops;
        p->blocked = n->now - p->injected - sp_cycles(n, x->hops * n->params.hop);
        n->lan.packets_held--;
        n->lan.flits_held -= p->flits;
        lan_fly_with(&n->lan, p, p->dst, n->now + sp_cycles(n, sp_flits(x, at)), x->status,
                     !c->sink);
    } else {
        ASSERT(c->count < SP_RING);
        c->there[(c->first + c->count++) % SP_RING] = (struct sp_there){ x, at };
        if (c->count == 1)
            post(n, n->now + sp_cycles(n, n->params.hop), READY, c);
    }
    reckon_back(n, c);
}

/* Cuts the way off at the first part that is down. */
static void cut_way(struct sp *n, struct sp_packet *x)
{
    for (uint32_t i = 0; i < x->hops; i++) {
        struct sp_channel *in = x->channels[i];
        struct sp_chip *chip = &n->chips[in->to];
        if (!in->link.down && !chip->self.down && !x->channels[i + 1]->link.down)
            continue;
        if (!chip->sink[in->in]) {
            struct sp_channel *c = chip->sink[in->in] = base_zalloc(1, sizeof(*c));
            *c = (struct sp_channel){ .from = in->to, .to = SP_NO_CHIP, .sink = true };
        }
        x->channels[i + 1] = chip->sink[in->in];
        x->hops = i + 1;
        x->status = NET_DROPPED_FAULT;
    }
}

void sp_send(struct sp *n, uint32_t station)
{
    struct sp_packet *x = packet_new(n);
    struct net_packet *p = lan_pop(&n->lan, station);
    p->injected = n->now;
    n->lan.packets_held++;
    n->lan.flits_held += p->flits;
    x->p = p;
    x->hops = sp_way_find(n, p->src, p->dst, choose_way(n, p->src, p->dst), x->channels);
    x->route = x->hops;
    x->status = NET_OK;
    cut_way(n, x);
    x->entered = 0;
    for (uint32_t i = 0; i <= SP_HOPS; i++)
        x->start[i] = SIM_NEVER;
    for (uint32_t i = 0; i < SP_HOPS; i++)
        x->stored[i] = SIM_NEVER;
    start(n, x);
}

/* The channel of its station is free. */
static void left(struct sp *n, struct sp_packet *x)
{
    uint32_t station = x->p->src;
    lan_tell_sent(&n->lan, x->p);
    if (n->lan.stations[station].first && !n->channels[station].holder)
        sp_send(n, station);
}

/* The last byte of the FIFO's first packet has left it: the header of the next takes a cycle. */
static void next_of_fifo(struct sp *n, struct sp_channel *c)
{
    ASSERT(c->count > 0 && !c->ready);
    c->first = (c->first + 1) % SP_RING;
    if (--c->count == 0)
        return;
    const struct sp_there *t = &c->there[c->first];
    sim_time here = t->packet->start[t->at] + sp_cycles(n, n->params.hop);
    post(n, sim_time_max(here, n->now + n->params.cycle), READY, c);
}

static void tail_gone(struct sp *n, struct sp_channel *c)
{
    struct sp_packet *x = c->holder;
    sim_time length = sp_cycles(n, sp_flits(x, c->holder_at));
    c->tail_gone = true;
    if (!c->sink)
        sim_busy_add(&c->busy, n->lan.net.sim, n->now - length, n->now);
    if (c->holder_at == 0)
        return;
    if (was_stored(c)) {
        n->chips[c->from].chunks += sp_chunks(n, x, c->holder_at) - c->chunks_back;
        sp_mark(n, c->from);
    } else {
        next_of_fifo(n, x->channels[c->holder_at - 1]);
    }
}

static void part_gone(struct sp *n, struct sp_channel *c)
{
    uint32_t chunks = sp_chunks(n, c->holder, c->holder_at) / SP_PARTS;
    c->chunks_back += chunks;
    n->chips[c->from].chunks += chunks;
    sp_mark(n, c->from);
}

static void falls_free(struct sp *n, struct sp_channel *c)
{
    struct sp_packet *x = c->holder;
    if (!c->tail_gone)
        tail_gone(n, c);
    c->holder = NULL;
    if (c->from == SP_NO_CHIP)
        left(n, x);
    else
        sp_mark(n, c->from);
    if (c->to == SP_NO_CHIP)
        packet_free(n, x);
}

/* ---- chips ---- */

void sp_mark(struct sp *n, uint32_t chip)
{
    if (n->chips[chip].dirty)
        return;
    n->chips[chip].dirty = true;
    n->dirty[n->dirty_count++] = chip;
}

static struct sp_packet *first_of(const struct sp_channel *in)
{
    return in->there[in->first].packet;
}

/* The output that the first packet of a FIFO wants. */
static struct sp_channel *wants(const struct sp_channel *in)
{
    const struct sp_there *t = &in->there[in->first];
    return t->packet->channels[t->at + 1];
}

/* Of the inputs whose header is at hand, and wants `out` if that is not NULL: the one that was
 * served least recently, by `served`. */
static struct sp_channel *choose(const struct sp_chip *chip, const struct sp_channel *out,
                                 const uint64_t *served, uint32_t but_for)
{
    struct sp_channel *best = NULL;
    for (uint32_t i = 0; i < SP_PORTS; i++) {
        struct sp_channel *in = chip->in[i];
        if (!in || !in->ready || (but_for >> i & 1) || (out && wants(in) != out))
            continue;
        if (!best || served[i] < served[best->in])
            best = in;
    }
    return best;
}

static bool takes(const struct sp *n, const struct sp_channel *out)
{
    if (out->holder || out->to != SP_NO_CHIP || out->sink)
        return !out->holder;
    const struct lan_station *st = &n->lan.stations[out->station];
    return st->terminal.room == 0 || st->room > 0;
}

static void grant(struct sp *n, struct sp_chip *chip, struct sp_channel *out)
{
    struct sp_packet *x = out->list;
    if (x) {
        if (x->stored[x->entered - 1] + sp_cycles(n, n->params.chunk_flits) > n->now)
            return; /* its first chunk is not whole */
        out->list = x->next;
        start(n, x);
        return;
    }
    struct sp_channel *in = choose(chip, out, out->served, 0);
    if (!in)
        return;
    out->served[in->in] = ++chip->clock;
    in->ready = false;
    n->counts.direct += !out->sink;
    start(n, first_of(in));
    reckon_back(n, in);
}

static void store(struct sp *n, struct sp_chip *chip, struct sp_channel *in, uint32_t chunks)
{
    struct sp_packet *x = first_of(in);
    struct sp_channel *out = wants(in);
    uint32_t at = in->there[in->first].at;
    ASSERT_MSG(chip->chunks >= chunks, "more chunks than there are (SP2)");
    chip->chunks -= chunks;
    chip->stored[in->in] = ++chip->clock;
    n->counts.stored++;
    uint64_t used = (uint64_t)n->params.chunks - chip->chunks;
    if (used > n->counts.chunks_most)
        n->counts.chunks_most = used;
    in->ready = false;
    x->stored[at] = n->now;
    x->next = NULL;
    if (out->list)
        out->list_last->next = x;
    else
        out->list = x;
    out->list_last = x;
    post(n, n->now + sp_cycles(n, sp_flits(x, at) - 1), STORED, in);
    post(n, n->now + sp_cycles(n, n->params.chunk_flits), LIST, out);
    reckon_back(n, in);
}

/* Headers that have not got their output go into the central queue, the least recently let in
 * first: if that one has no room, the others wait too. */
static void store_all(struct sp *n, struct sp_chip *chip)
{
    uint32_t but_for = 0; /* packets that never have room */
    struct sp_channel *in;
    while ((in = choose(chip, NULL, chip->stored, but_for))) {
        const struct sp_there *t = &in->there[in->first];
        uint32_t chunks = sp_chunks(n, t->packet, t->at + 1);
        if (chunks > n->params.chunks)
            but_for |= 1u << in->in;
        else if (chunks > chip->chunks)
            return;
        else
            store(n, chip, in, chunks);
    }
}

static void look_at(struct sp *n, struct sp_chip *chip)
{
    chip->dirty = false;
    for (uint32_t o = 0; o < SP_PORTS; o++) {
        if (chip->out[o] && takes(n, chip->out[o]))
            grant(n, chip, chip->out[o]);
        if (chip->sink[o] && takes(n, chip->sink[o]))
            grant(n, chip, chip->sink[o]);
    }
    store_all(n, chip);
}

static void happen(struct sp *n, struct sp_channel *c, uint32_t kind)
{
    switch (kind) {
    case READY:
        c->ready = true;
        sp_mark(n, c->to);
        break;
    case TAIL:
        if (!c->tail_gone)
            tail_gone(n, c);
        break;
    case FREE:
        falls_free(n, c);
        break;
    case STORED:
        next_of_fifo(n, c);
        break;
    case PART:
        part_gone(n, c);
        break;
    default: /* LIST */
        sp_mark(n, c->from);
    }
}

void sp_instant(struct sp *n)
{
    while (wheel_next(&n->wheel) == n->now) {
        const uint64_t *words;
        uint32_t count = wheel_take(&n->wheel, &words);
        for (uint32_t i = 0; i < count; i++)
            happen(n, (struct sp_channel *)(uintptr_t)(words[i] & ~UINT64_C(7)),
                   (uint32_t)(words[i] & 7));
    }
    for (uint32_t i = 0; i < n->dirty_count; i++)
        look_at(n, &n->chips[n->dirty[i]]);
    n->dirty_count = 0;
}
