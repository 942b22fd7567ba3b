/* fddi.c: a ring of stations with a timed token.
 *
 * A flit is a byte of the frame from its starting delimiter to its status; preambles come before.
 * Each station keeps the times of the standard: TRT, THT, Late_Ct.  A station's allocation of
 * synchronous time goes to the first frames of its queue at each token.  Nothing is drawn.
 * Not modelled: the second ring and its wraps, restricted tokens, priorities of asynchronous
 * frames; of a claim, the frames of those that lose it.
 * A station whose link is down is bypassed, as by a switch in the fibre: the ring stays whole and
 * as long, its timers run on, its frames take their time and go nowhere (mesh/link.h).
 *
 * Source of all rules and lengths: ANSI X3.139-1987, the token ring's media access control.
 *
 *   FDDI1  Two arrivals of the token at a station are at most 2 TTRT apart, unless a claim is
 *          between them [Sevcik & Johnson 1987].
 *   FDDI2  A token is never so late that a TRT expires twice: that is a claim, which only a lost
 *          token brings (fddi_create refuses allocations, latency and frame that do not fit).
 *   FDDI3  What comes to a station's queue at the very moment of a decision is not seen by it.  So
 *          nothing depends on the order of events of one moment.
 *
 * State of the token    | its event is at                      | then
 * FREE  on its way      | the next station with a queue, if any | HELD (take), or on (leave)
 * HELD  by a station    | end of a frame, or of a preamble      | HELD, or FREE (leave), or LOST
 * LOST                  | the first station's timer             | CLAIM
 * CLAIM is being made   | the winner's claim is back            | FREE (issue)
 *
 * Cost: an event a frame, and one at each arrival of the token at a station that has a queue; there
 * it looks at the stations passed since the event before.  An idle ring has none: the rotations
 * that it made are reckoned when somebody asks (pass_until).
 */
#include "mesh/lan/fddi.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "mesh/lan/lan.h"
#include "sim/base/units.h"
#include "sim/server.h"

/* [ANSI X3.139] in bytes of two symbols. */
enum {
    PREAMBLE = 8,     /* 16 symbols */
    TOKEN = 11,       /* 22 symbols, its preamble included */
    CLAIM_FRAME = 32, /* 8 of preamble, 20 of frame, 4 of T_Req */
    FRAME_MOST = 4500 /* 9,000 symbols */
};

const struct param fddi_params_desc[] = {
    P_INT(fddi_params, stations, "20", "1", "1000", "Stations on the ring; in a machine its nodes.",
          "Jain 1991: typical ring"),
    P_TIME(fddi_params, byte_time, "80ns", "1ps", "1ms", "Time of one byte (two symbols).",
           "ANSI X3.139: 100 Mb/s"),
    P_TIME(fddi_params, station_delay, "1us", "1ns", "1ms",
           "Time that a station takes to repeat a symbol.", "Jain 1991: about 1 us"),
    P_TIME(fddi_params, per_km, "5.085us", "0", "1ms", "Propagation over a kilometre of fibre.",
           "Jain 1991"),
    P_REAL(fddi_params, length, "4", "0", "1000",
           "Length of the ring in kilometres; the stations are spread evenly.",
           "Jain 1991: typical ring"),
    P_TIME(fddi_params, ttrt, "8ms", "4ms", "165ms",
           "Target token rotation time that a station asks for; the claim takes the lowest.",
           "Jain 1991: good over a wide range; 4 ms and 165 ms: ANSI X3.139, T_Min and T_Max"),
    P_TIME(fddi_params, tvx, "2.5ms", "1us", "10s",
           "A station that has heard neither frame nor token for so long claims the ring.",
           "ANSI X3.139: about 2.5 ms"),
    P_VAL(fddi_params, requests,
          "What each station asks for instead of ttrt: a list of times, one for each.",
          "the user's"),
    P_VAL(fddi_params, synchronous,
          "Synchronous allocation of each station: a list of times, one for each.  At every token "
          "the station may send so long, late or not; without, it has none.",
          "the user's"),
    P_VAL(fddi_params, tokens_lost,
          "Moments at which the token is lost: a list of times.  One that a station holds is lost "
          "as it is sent on.",
          "none: nothing fails"),
    NET_FAULTS_PARAM(fddi_params),
    P_END,
};

struct fddi;

struct station {
    sim_time place;   /* time from station 0 along the ring */
    sim_time request; /* T_Req */
    sim_time share;   /* of synchronous time */
    sim_time expires; /* TRT, as of the token's latest arrival */
    sim_time seen;    /* that arrival; -1: none since the claim */
    bool late;        /* Late_Ct */
    bool mute;        /* the token has not passed since the claim */
    struct fddi *net;
    struct sim_event astray; /* its first frame, which began while its link was down, ends */
};

enum phase { CLAIM, FREE, HELD, LOST };

struct counts {
    uint64_t rotations, rotation_longest_us, tokens_taken, wait_longest_us;
    uint64_t frames_synchronous, tokens_lost, claims;
};

struct loss {
    struct sim_event event;
    struct fddi *net;
};

struct fddi {
    struct lan lan; /* first */
    struct fddi_params params;
    struct station *stations;
    uint32_t count, winner;
    sim_time latency, ttrt;
    enum phase phase;
    struct sim_event token;
    uint32_t at; /* FREE: the token left it at `when`; HELD: who has it */
    sim_time when;
    uint32_t target; /* FREE, with an event: where it is next looked at */
    sim_time issued; /* the latest claim's token */
    /* HELD: time that is left for frames; when the latest ended; whether it is sent now, or was
     * the last that the queue had; the token goes lost. */
    sim_time holding, share, ended;
    bool sending, doomed;
    uint32_t spoke; /* of the latest frame: who, and when it ended */
    sim_time spoke_end;
    struct loss *losses;
    size_t loss_count;
    struct counts counts;
    struct net_link self; /* errors of the ring */
    struct sim_busy ring;
    struct sim_settler settler;
    fddi_visit_fn *watcher;
    void *watcher_arg;
};

static struct fddi *of(const struct net *net)
{
    ASSERT(net->ops == &net_fddi);
    return (struct fddi *)(uintptr_t)net;
}

static sim_time bytes(const struct fddi *n, int64_t count)
{
    return n->params.byte_time * count;
}

static sim_time frame_time(const struct fddi *n, uint32_t flits)
{
    return bytes(n, PREAMBLE + (int64_t)flits);
}

static sim_time way(const struct fddi *n, uint32_t a, uint32_t b)
{
    sim_time t = n->stations[b].place - n->stations[a].place;
    return t > 0 ? t : t + n->latency;
}

static void raise_to(uint64_t *most, sim_time t)
{
    uint64_t us = (uint64_t)((t + SIM_US - 1) / SIM_US);
    *most = us > *most ? us : *most;
}

/* ---- the timers ---- */

/* The token arrives at a station: returns THT. */
static sim_time visit(struct fddi *n, uint32_t station, sim_time at)
{
    struct station *st = &n->stations[station];
    sim_time holding = 0, rotation = st->seen < 0 ? -1 : at - st->seen;
    if (!st->late && at > st->expires) {
        st->late = true;
        st->expires += n->ttrt;
    }
    ASSERT_MSG(at <= st->expires, "TRT expires for the second time (FDDI2)");
    ASSERT_MSG(rotation <= 2 * n->ttrt, "a rotation takes more than 2 TTRT (FDDI1)");
    if (st->late) {
        st->late = false;
    } else {
        holding = st->expires - at;
        st->expires = at + n->ttrt;
    }
    st->seen = at;
    n->counts.rotations += station == 0 && rotation >= 0;
    raise_to(&n->counts.rotation_longest_us, rotation < 0 ? 0 : rotation);
    if (n->watcher)
        n->watcher(n->watcher_arg, &(struct fddi_visit){ station, at, holding, rotation });
    return holding;
}

/* So many arrivals, a latency apart, the first at `at`: once the token is in time it stays so. */
static void visit_many(struct fddi *n, uint32_t station, sim_time at, int64_t times)
{
    struct station *st = &n->stations[station];
    bool steady = false;
    for (; times > 0 && !steady; times--) {
        visit(n, station, at);
        st->mute = false;
        at += n->latency;
        steady = st->expires == st->seen + n->ttrt && !n->watcher;
    }
    if (times == 0)
        return;
    st->seen = at + (times - 1) * n->latency;
    st->expires = st->seen + n->ttrt;
    n->counts.rotations += station == 0 ? (uint64_t)times : 0;
    raise_to(&n->counts.rotation_longest_us, n->latency);
}

/* The same station by station. */
static void pass_each_until(struct fddi *n, sim_time until)
{
    uint32_t from = n->at;
    sim_time left = n->when, latest = left, span = until - left;
    for (uint32_t d = 1; d <= n->count; d++) {
        uint32_t j = (from + d) % n->count;
        sim_time first = way(n, from, j);
        if (span <= first)
            break;
        int64_t times = (span - first - 1) / n->latency + 1;
        visit_many(n, j, left + first, times);
        sim_time last = left + first + (times - 1) * n->latency;
        if (last > latest) {
            latest = last;
            n->at = j;
            n->when = last;
        }
    }
}

/* Reckons the arrivals of a free token before `until`, at which nobody had anything to send; for
 * who watches, rotation by rotation. */
static void pass_until(struct fddi *n, sim_time until)
{
    while (n->watcher && until - n->when > n->latency)
        pass_each_until(n, n->when + n->latency + 1);
    pass_each_until(n, until);
}

/* ---- the token on its way ---- */

/* The token is free: it is looked at when it comes to this station, the first time after now. */
static void look_at(struct fddi *n, uint32_t station)
{
    struct sim *s = n->lan.net.sim;
    sim_time now = sim_now(s), arrival = n->when + way(n, n->at, station);
    if (arrival <= now)
        arrival += ((now - arrival) / n->latency + 1) * n->latency; /* FDDI3 */
    if (sim_event_pending(&n->token)) {
        if (n->token.time <= arrival)
            return;
        sim_cancel(s, &n->token);
    }
    n->target = station;
    sim_at(s, &n->token, arrival);
}

/* Has something for the ring, and is on it. */
static bool wants(const struct fddi *n, uint32_t station)
{
    const struct lan_station *st = &n->lan.stations[station];
    return st->queued > 0 && !st->link.down && !sim_event_pending(&n->stations[station].astray);
}

/* The token has left n->at at n->when: the next station with a queue will look at it. */
static void travel(struct fddi *n)
{
    n->phase = FREE;
    for (uint32_t d = 1; d <= n->count; d++) {
        uint32_t j = (n->at + d) % n->count;
        if (wants(n, j)) {
            look_at(n, j);
            return;
        }
    }
}

static void lose(struct fddi *n);
static void stray(struct fddi *n, uint32_t station);

static void leave(struct fddi *n)
{
    n->when = n->ended + bytes(n, TOKEN);
    if (n->doomed)
        lose(n);
    else
        travel(n);
}

/* ---- sending ---- */

/* Whether a frame may begin that takes so long; takes it from what is left. */
static bool grant(struct fddi *n, sim_time length)
{
    if (length <= n->share) {
        n->share -= length;
        n->counts.frames_synchronous++;
        return true;
    }
    n->share = 0;
    if (n->holding <= 0)
        return false;
    n->holding -= length;
    return true;
}

/* The holder's first packet goes if it may, right behind what was sent before; one that came while
 * the preamble behind that was sent has it sent anew. */
static bool send(struct fddi *n)
{
    struct net_packet *p = n->lan.stations[n->at].first;
    sim_time anew = p->injected > n->ended ? bytes(n, PREAMBLE) : 0;
    if (!grant(n, anew + frame_time(n, p->flits)))
        return false;
    p->blocked = n->ended + anew - p->injected;
    raise_to(&n->counts.wait_longest_us, p->blocked);
    n->sending = true;
    n->ended += anew + frame_time(n, p->flits);
    sim_at(n->lan.net.sim, &n->token, n->ended);
    return true;
}

static void arrive(struct fddi *n)
{
    sim_time now = sim_now(n->lan.net.sim);
    struct station *st = &n->stations[n->target];
    pass_until(n, now);
    n->at = n->target;
    n->when = n->ended = now;
    n->holding = visit(n, n->at, now);
    n->share = st->share;
    bool mute = st->mute;
    st->mute = false;
    if (!mute && wants(n, n->at) && lan_queued_before_now(&n->lan, n->at) > 0 && send(n)) {
        n->phase = HELD;
        n->counts.tokens_taken++;
    } else {
        travel(n);
    }
}

/* Of the frame that has just been sent. */
static enum net_status fate(struct fddi *n, const struct net_packet *p)
{
    sim_time begin = n->ended - bytes(n, p->flits);
    uint64_t bits = UINT64_C(8) * p->flits;
    enum net_status status = net_link_fate(&n->lan.stations[p->src].link, begin, bits);
    return status == NET_OK ? net_link_fate(&n->self, begin, bits) : status;
}

/* It goes to its stations. */
static void deal_out(struct fddi *n, struct net_packet *p)
{
    uint32_t first = p->dst == NET_ALL ? 1 : (p->dst + n->count - p->src) % n->count;
    uint32_t last = p->dst == NET_ALL ? n->count - 1 : first;
    if (p->dst == NET_ALL)
        lan_copy(&n->lan, p, n->count - 1);
    for (uint32_t d = first; d <= last; d++) {
        uint32_t to = (p->src + d) % n->count;
        lan_fly_over(&n->lan, p, to, n->ended + way(n, p->src, to), false, bytes(n, p->flits),
                     UINT64_C(8) * p->flits);
    }
}

static void end_frame(struct fddi *n)
{
    struct net_packet *p = lan_pop(&n->lan, n->at);
    enum net_status status = fate(n, p);
    sim_busy_add(&n->ring, n->lan.net.sim, n->ended - bytes(n, p->flits), n->ended);
    n->sending = false;
    n->spoke = n->at;
    n->spoke_end = n->ended;
    if (status == NET_OK && p->dst == NET_ALL && n->count == 1)
        status = NET_DROPPED_NOBODY;
    if (status == NET_OK)
        deal_out(n, p);
    if (n->lan.stations[n->at].link.down) {
        leave(n);
        stray(n, n->at);
    } else if (n->lan.stations[n->at].queued > 0) {
        if (!send(n))
            leave(n);
    } else if (n->holding > 0 || n->share > bytes(n, PREAMBLE)) {
        sim_at(n->lan.net.sim, &n->token, n->ended + bytes(n, PREAMBLE));
    } else {
        leave(n);
    }
    lan_tell_sent(&n->lan, p);
    if (status != NET_OK)
        lan_drop(&n->lan, p, p->dst, status);
}

/* ---- stations that are not on the ring ---- */

/* The first frame of a station whose link is down takes its time, and goes nowhere. */
static void stray(struct fddi *n, uint32_t station)
{
    const struct lan_station *st = &n->lan.stations[station];
    struct station *own = &n->stations[station];
    bool sends = n->phase == HELD && n->at == station && n->sending;
    if (st->link.down && st->queued > 0 && !sends && !sim_event_pending(&own->astray))
        sim_after(n->lan.net.sim, &own->astray, frame_time(n, st->first->flits));
}

static void gone_astray(struct sim *s, struct sim_event *e)
{
    struct station *own = CONTAINER_OF(e, struct station, astray);
    struct fddi *n = own->net;
    uint32_t station = (uint32_t)(own - n->stations);
    struct net_packet *p = lan_pop(&n->lan, station);
    p->blocked = sim_now(s) - p->injected - frame_time(n, p->flits);
    stray(n, station);
    if (n->phase == FREE && wants(n, station))
        look_at(n, station);
    lan_tell_sent(&n->lan, p);
    lan_drop(&n->lan, p, p->dst, NET_DROPPED_FAULT);
}

static void link_changed(void *arg)
{
    struct station *own = arg;
    struct fddi *n = own->net;
    uint32_t station = (uint32_t)(own - n->stations);
    stray(n, station);
    if (n->phase == FREE && wants(n, station))
        look_at(n, station);
}

/* ---- claims ---- */

/* The token is gone; the station whose timer is first claims the ring. */
static void lose(struct fddi *n)
{
    struct sim *s = n->lan.net.sim;
    sim_time first = SIM_NEVER;
    for (uint32_t j = 0; j < n->count; j++) {
        const struct station *st = &n->stations[j];
        sim_time heard = sim_time_max(n->issued, st->seen);
        if (n->spoke_end >= n->issued)
            heard = sim_time_max(heard, n->spoke_end + way(n, n->spoke, j));
        sim_time timer =
            sim_time_min(heard + n->params.tvx, st->expires + (st->late ? 0 : n->ttrt));
        if (timer < first) {
            first = timer;
            n->at = j;
        }
    }
    n->doomed = false;
    n->phase = LOST;
    n->counts.tokens_lost++;
    sim_at(s, &n->token, sim_time_max(first, sim_now(s)));
}

/* The claim of n->at, since now, goes to the winner, whose own goes around. */
static void claim(struct fddi *n)
{
    sim_time frame = bytes(n, CLAIM_FRAME), t = frame + n->latency;
    if (n->at != n->winner)
        t += way(n, n->at, n->winner) + frame;
    n->counts.claims++;
    n->phase = CLAIM;
    sim_after(n->lan.net.sim, &n->token, t);
}

static void issue(struct fddi *n)
{
    n->issued = sim_now(n->lan.net.sim);
    for (uint32_t j = 0; j < n->count; j++) {
        struct station *st = &n->stations[j];
        st->expires = n->issued + n->ttrt;
        st->late = true;
        st->mute = true;
        st->seen = -1;
    }
    n->at = n->winner;
    n->when = n->issued + bytes(n, TOKEN);
    travel(n);
}

static void turn(struct sim *s, struct sim_event *e)
{
    struct fddi *n = CONTAINER_OF(e, struct fddi, token);
    (void)s;
    switch (n->phase) {
    case FREE:
        arrive(n);
        break;
    case HELD:
        if (n->sending)
            end_frame(n);
        else if (!wants(n, n->at) || lan_queued_before_now(&n->lan, n->at) == 0 || !send(n))
            leave(n);
        break;
    case LOST:
        claim(n);
        break;
    case CLAIM:
        issue(n);
    }
}

static void strike(struct sim *s, struct sim_event *e)
{
    struct fddi *n = CONTAINER_OF(e, struct loss, event)->net;
    if (n->phase == HELD) {
        n->doomed = true;
    } else if (n->phase == FREE) {
        sim_cancel(s, &n->token);
        pass_until(n, sim_now(s) + 1);
        lose(n);
    }
}

/* ---- the network's slots ---- */

static void fddi_inject(struct net *net, struct net_packet *p)
{
    struct fddi *n = of(net);
    lan_queue(&n->lan, p, FRAME_MOST);
    if (n->lan.stations[p->src].link.down)
        stray(n, p->src);
    else if (n->phase == FREE && n->lan.stations[p->src].queued == 1)
        look_at(n, p->src);
}

static void fddi_describe(const struct net *net, struct net_describe *d)
{
    const struct fddi *n = of(net);
    *d = (struct net_describe){ .model = "fddi",
                                .terminals = n->count,
                                .flit_bytes = 1,
                                .flit_time = bytes(n, 1),
                                .longest = FRAME_MOST,
                                .broadcast = true,
                                .ethernet = true,
                                .uniform_load = (double)n->count };
    snprintf(d->shape, sizeof(d->shape), "ring of %g km with %u stations", n->params.length,
             n->count);
}

static void fddi_grid(const void *params, struct net_grid *g)
{
    (void)params;
    *g = (struct net_grid){ .drops = true };
}

/* The token is there when the packet comes. */
static sim_time fddi_zero_load(const struct net *net, uint32_t src, uint32_t dst, uint32_t flits)
{
    return frame_time(of(net), flits) + fddi_way(net, src, dst);
}

void fddi_watch(struct net *net, fddi_visit_fn *fn, void *arg)
{
    struct fddi *n = of(net);
    n->watcher = fn;
    n->watcher_arg = arg;
}

sim_time fddi_latency(const struct net *net)
{
    return of(net)->latency;
}

sim_time fddi_ttrt(const struct net *net)
{
    return of(net)->ttrt;
}

sim_time fddi_way(const struct net *net, uint32_t a, uint32_t b)
{
    return way(of(net), a, b);
}

static const char *const fddi_fails[] = { "station", "ring", NULL };

static void fddi_fault_targets(struct net *net, struct sim_faults *f)
{
    struct fddi *n = of(net);
    for (uint32_t i = 0; i < n->count; i++)
        net_link_target_number(f, "station", i, NET_LINK_ALL, &n->lan.stations[i].link,
                               &n->lan.stations[i].back);
    net_link_target(f, "ring", NET_LINK_ERRORS, &n->self, NULL);
}

/* ---- making ---- */

static bool read_losses(struct fddi *n, struct err *e)
{
    const struct val *list = n->params.tokens_lost;
    if (list && list->type != VAL_LIST)
        return err_set(e, "mesh.tokens_lost: must be a list of times");
    n->losses = base_zalloc(list ? list->count + 1 : 1, sizeof(*n->losses));
    for (size_t i = 0; list && i < list->count; i++) {
        sim_time t;
        if (!lan_read_time(list->items[i], "mesh.tokens_lost", &t, e))
            return false;
        if (t < sim_now(n->lan.net.sim))
            return err_set(e, "mesh.tokens_lost: a time is over");
        n->losses[i].net = n;
        sim_event_init(&n->losses[i].event, SIM_CLASS_SOFTWARE, strike);
        sim_at(n->lan.net.sim, &n->losses[i].event, t);
        n->loss_count++;
    }
    return true;
}

/* The claim: the lowest request, and of equal ones the highest number. */
static void choose_winner(struct fddi *n)
{
    n->ttrt = SIM_NEVER;
    for (uint32_t i = 0; i < n->count; i++)
        if (n->stations[i].request <= n->ttrt) {
            n->ttrt = n->stations[i].request;
            n->winner = i;
        }
}

static bool fits(const struct fddi *n, struct err *e)
{
    char need[32], ttrt[32], tvx[32];
    sim_time frame = frame_time(n, FRAME_MOST), shares = 0;
    sim_time rest = n->latency + n->count * bytes(n, TOKEN) + frame + bytes(n, PREAMBLE);
    for (uint32_t i = 0; i < n->count; i++)
        shares = sim_time_add(shares, n->stations[i].share);
    units_format_time(sim_time_add(shares, rest), need, sizeof need);
    units_format_time(n->ttrt, ttrt, sizeof ttrt);
    units_format_time(n->params.tvx, tvx, sizeof tvx);
    if (sim_time_add(shares, rest) > n->ttrt) /* FDDI2 */
        return err_set(
            e,
            "mesh.ttrt: synchronous allocations, ring latency, %u tokens and the longest "
            "frame take %s, but the claim comes to %s",
            n->count, need, ttrt);
    units_format_time(n->latency + frame, need, sizeof need);
    return n->latency + frame <= n->params.tvx ||
           err_set(e,
                   "mesh.tvx: ring latency and the longest frame take %s, so after %s of silence "
                   "nothing is lost",
                   need, tvx);
}

static const struct counter counters[] = {
    LAN_COUNTERS(fddi),
    C_SUM(fddi, counts, rotations, "1", "Times that the token came to station 0 again."),
    C_MOST(fddi, counts, rotation_longest_us, "us",
           "Longest time between two arrivals of the token at a station."),
    C_SUM(fddi, counts, tokens_taken, "1", "Times that a station took the token to send."),
    C_MOST(fddi, counts, wait_longest_us, "us",
           "Longest time that the first packet of a station waited for the token."),
    C_SUM(fddi, counts, frames_synchronous, "1", "Frames sent in synchronous time."),
    C_SUM(fddi, counts, tokens_lost, "1", "Tokens lost."),
    C_SUM(fddi, counts, claims, "1", "Claims, the first included."),
    C_END,
};

/* Brings the passes of an idle ring up to now. */
static void settle(void *arg)
{
    struct fddi *n = arg;
    if (n->phase == FREE)
        pass_until(n, sim_now(n->lan.net.sim));
}

static void forget(struct fddi *n)
{
    for (size_t i = 0; i < n->loss_count; i++)
        sim_cancel(n->lan.net.sim, &n->losses[i].event);
    for (uint32_t i = 0; i < n->count; i++)
        sim_cancel(n->lan.net.sim, &n->stations[i].astray);
    lan_fini(&n->lan);
    free(n->losses);
    free(n->stations);
    free(n);
}

static void fddi_destroy(struct net *net)
{
    struct fddi *n = of(net);
    sim_cancel(net->sim, &n->token);
    list_remove(&n->settler.link);
    sim_count_end(&net->counted);
    sim_busy_fini(&n->ring);
    forget(n);
}

static struct net *fddi_create(struct sim *s, const void *params, struct err *e)
{
    struct fddi *n = base_zalloc(1, sizeof(*n));
    n->params = *(const struct fddi_params *)params;
    n->count = (uint32_t)n->params.stations;
    lan_init(&n->lan, s, &net_fddi, &n->params, n->count, "fddi");
    n->stations = base_zalloc(n->count, sizeof(*n->stations));
    sim_time fibre = sim_time_scale(n->params.per_km, n->params.length);
    for (uint32_t i = 0; i < n->count; i++) {
        struct station *st = &n->stations[i];
        st->place = i * n->params.station_delay + fibre / n->count * i;
        st->request = n->params.ttrt;
        st->net = n;
        sim_event_init(&st->astray, SIM_CLASS_ARRIVAL, gone_astray);
        n->lan.stations[i].link.changed = link_changed;
        n->lan.stations[i].link.arg = st;
    }
    net_link_init(&n->self, s, "fddi/ring", 0);
    n->latency = n->count * n->params.station_delay + fibre;
    bool good = lan_read_times(n->params.requests, "mesh.requests", n->count,
                               &n->stations[0].request, sizeof(struct station), e) &&
                lan_read_times(n->params.synchronous, "mesh.synchronous", n->count,
                               &n->stations[0].share, sizeof(struct station), e);
    choose_winner(n);
    if (!good || !fits(n, e) || !read_losses(n, e)) {
        forget(n);
        return NULL;
    }
    sim_event_init(&n->token, SIM_CLASS_ARRIVAL, turn);
    n->at = n->winner;
    claim(n); /* all claim at once */
    sim_busy_init(&n->ring, s, SIM_KIND_CHANNEL, -1, "ring");
    sim_count(&n->lan.net.counted, s, "network", -1, counters, n);
    sim_settle_by(s, &n->settler, settle, n);
    if (!net_schedule_faults(&n->lan.net, n->params.faults, e)) {
        fddi_destroy(&n->lan.net);
        return NULL;
    }
    return &n->lan.net;
}

const struct net_ops net_fddi = {
    .kind = { .name = "fddi",
              .doc = "FDDI: a ring of 100 Mb/s with a timed token",
              .params = fddi_params_desc,
              .params_size = sizeof(struct fddi_params),
              .counters = counters },
    .create = fddi_create,
    .destroy = fddi_destroy,
    .set_terminal = lan_set_terminal,
    .taken = lan_taken,
    .inject = fddi_inject,
    .describe = fddi_describe,
    .grid = fddi_grid,
    .zero_load = fddi_zero_load,
    .fault_targets = fddi_fault_targets,
    .fails = fddi_fails,
    .distance = lan_distance,
};
