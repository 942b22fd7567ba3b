/* lead.c: when a checkpoint is taken, and when and where the job is restarted: what the node does
 * that leads (place.c says which).
 *
 *   phase    what is asked                        all good ->             else ->
 *   idle     nothing: another node leads
 *   asking   WHO                                  restart, or idle        without the dead
 *   running  nothing                              the interval: SAVE
 *   SAVE     SAVE                                 COMMIT                  running, not committed;
 *                                                                         the cut has ended, or it
 *                                                                         takes longer than
 *                                                                         `limit`: ABANDON
 *   ABANDON  ABANDON                              running
 *   COMMIT   of rank 0                            running                 running, not committed
 *   waiting  nothing: a rank's node is down       all are up: RESET
 *   RESET..  RESET, PLACE, FIND (of rank 0),      running                 again after `retry`
 *            LOAD, UNDO (where somebody has
 *            files), ENTER in turn; where
 *            nothing was committed LISTS and
 *            UNDO before LOAD
 *   giving up  RESET                              over, a sentence (a program that has failed has
 *                                                 said one)
 *   over     OVER, when all programs have         over: again when a      again after `retry`
 *            ended                                node has come back
 * The death of a rank's node ends any phase but the last: a restart begins when all ranks have a
 * node that is up.
 */
#include "os/ckpt/ckpt_internal.h"

#define TRIES 100 /* ASSUMED(who serves a sink may be down for that long) */

enum { M_MOVE, M_TIME };
static const struct measure measures[] = {
    [M_MOVE] = { "ckpt.move", "s",
                 "Time from when a move or a swap is due until all programs go on.",
                 MEASURE_TOTAL },
    [M_TIME] = { "ckpt.time", "s",
                 "Time of a checkpoint, from the leader's request until it is committed.",
                 MEASURE_TOTAL },
    { .name = NULL },
};

struct question {
    struct ckpt_lead *lead;
    uint32_t round, place; /* place: in `silent` */
};

static void ask(struct ckpt_lead *l, enum ckpt_procedure what);
static void restart(struct ckpt_lead *l, uint32_t below);

static void later(struct ckpt_lead *l, sim_time delay)
{
    if (delay > 0)
        port_timer_set(&l->timer, delay);
}

/* Until the next checkpoint, or what is planned. */
static void run_on(struct ckpt_lead *l)
{
    sim_time now = port_now(l->c->port), next = ckpt_plan_next(l->c, l->entered);
    sim_time interval = l->c->params->interval, left = next > now ? next - now : 1;
    l->phase = LEAD_RUNNING;
    l->planned = false;
    if (next < SIM_NEVER && left < l->pause)
        left = l->pause; /* the last try has failed */
    later(l, next < SIM_NEVER && (interval == 0 || left < interval) ? left : interval);
}

static void leave(struct ckpt_lead *l, enum ckpt_lead_phase phase)
{
    l->phase = phase;
    l->round++;
    port_timer_cancel(&l->timer);
    port_timer_cancel(&l->limit);
    if (l->thread)
        port_thread_wake(l->c->port, l->thread);
}

bool ckpt_leads(const struct ckpt_lead *l)
{
    return l && l->phase != LEAD_IDLE;
}

void ckpt_lead_end(struct ckpt_lead *l)
{
    leave(l, LEAD_IDLE);
}

/* ---- where the ranks are to be ---- */

static const struct ckpt_seat *seat_of_rank(const struct ckpt_lead *l, uint32_t rank)
{
    return &l->c->seats[ckpt_seat_of(l->c, l->places.nodes[rank])];
}

static uint32_t free_seat(const struct ckpt_lead *l)
{
    uint32_t seat = 0;
    while (seat < l->c->seat_count && !ckpt_free_seat(l->c, &l->places, seat))
        seat++;
    return seat;
}

/* Who has been down for as long as one waits for it is replaced.  How many ranks have no node that
 * is up; *next: after so long another may be replaced, or (*spent) it is given up. */
static uint32_t replace(struct ckpt_lead *l, sim_time *next, uint32_t *spent)
{
    const struct ckpt_params *p = l->c->params;
    sim_time now = port_now(l->c->port);
    uint32_t missing = 0;
    *next = p->give_up;
    *spent = OS_NO_RANK;
    for (uint32_t r = 0; r < l->c->ranks; r++) {
        const struct ckpt_seat *s = seat_of_rank(l, r);
        uint32_t to = s->down ? free_seat(l) : l->c->seat_count;
        sim_time down = now - s->since, wait = p->give_up;
        if (!s->down)
            continue;
        if (to < l->c->seat_count && down >= p->patience) {
            port_remark(l->c->port, "rank %u goes on on node %u: node %u does not answer", r,
                        l->c->seats[to].node, s->node);
            os_place(&l->places, r, l->c->seats[to].node);
            continue;
        }
        missing++;
        if (to < l->c->seat_count && p->patience < wait)
            wait = p->patience;
        if (down >= p->give_up)
            *spent = r;
        else if (wait - down < *next)
            *next = wait - down;
    }
    return missing;
}

static uint32_t seats_up(const struct ckpt_lead *l)
{
    uint32_t up = 0;
    for (uint32_t i = 0; i < l->c->seat_count; i++)
        up += !l->c->seats[i].down;
    return up;
}

/* ---- restarts ---- */

/* From the last checkpoint that is committed, or (below) one before that. */
static void restart(struct ckpt_lead *l, uint32_t below)
{
    uint32_t spent;
    sim_time next;
    port_timer_cancel(&l->timer);
    port_timer_cancel(&l->limit);
    l->changing = false;
    l->round++;
    l->run++;
    l->below = below;
    l->ended_count = 0;
    for (uint32_t r = 0; r < l->c->ranks; r++)
        l->ended[r] = false;
    l->phase = LEAD_RESTART;
    if (replace(l, &next, &spent) > 0) {
        l->phase = LEAD_WAITING;
        if (spent == OS_NO_RANK) {
            later(l, next);
            return;
        }
        port_fail(l->c->port,
                  "the job has %u ranks and only %u nodes are left that may have one: node %u, of "
                  "rank %u, does not come back",
                  l->c->ranks, seats_up(l), l->places.nodes[spent], spent);
        l->phase = LEAD_GIVING_UP;
    }
    ask(l, CKPT_RESET);
}

/* As cut_restore wants it: odd where a node without a rank is down that a sweep would pass. */
static void new_life(struct ckpt_lead *l)
{
    uint64_t now = 2 * (uint64_t)port_now(l->c->port);
    uint32_t gap = cut_gap(l->c->cut);
    bool was = l->life % 2 == 1, falls = gap != OS_NO_RANK;
    l->life = (now > l->life ? now : l->life + 2 - was) + falls;
    l->number += 2;
    if (falls && !was)
        port_remark(
            l->c->port,
            "cuts are taken by 'cl' from now on: node %u, which a sweep would pass, is down", gap);
    else if (was && !falls)
        port_remark(l->c->port, "cuts are taken by 'ns' again: all nodes that it passes are up");
}

/* Programs go on without it. */
static void abandon(struct ckpt_lead *l)
{
    new_life(l);
    l->late = OS_NO_RANK;
    ask(l, CKPT_ABANDON);
}

static void abandoned(struct ckpt_lead *l)
{
    double seconds = sim_time_seconds(l->c->params->limit);
    if (l->overdue && l->late == OS_NO_RANK)
        port_remark(l->c->port, "checkpoint %u is abandoned after %g s", l->generation, seconds);
    else if (l->overdue)
        port_remark(
            l->c->port,
            "checkpoint %u is abandoned after %g s: rank %u, on node %u, has come to no safe "
            "point",
            l->generation, seconds, l->late, l->places.nodes[l->late]);
    l->overdue = false;
    run_on(l);
    if (l->changing)
        later(l, 1);
    l->changing = false;
}

static void checkpoint_failed(struct ckpt_lead *l)
{
    port_remark(l->c->port, "checkpoint %u is not committed: %s", l->generation,
                ckpt_status_name(l->worst));
    l->pause = l->c->params->retry;
    if (l->worst == CKPT_CUT || (l->planned && l->worst == CKPT_LOST))
        abandon(l);      /* of what is lost nobody is to go back to the last one */
    else if (l->planned) /* programs have stopped */
        restart(l, UINT32_MAX);
    else
        run_on(l);
}

static void committed(struct ckpt_lead *l)
{
    port_measure(l->c->port, &measures[M_TIME],
                 sim_time_seconds(port_now(l->c->port) - l->asked_at));
    l->committed = l->generation;
    l->pause = 0;
    if (!l->planned) {
        run_on(l);
        return;
    }
    ckpt_plan_do(l->c, &l->places, l->entered);
    restart(l, UINT32_MAX);
}

static void entered(struct ckpt_lead *l)
{
    l->tries = 0;
    l->entered = port_now(l->c->port);
    if (l->since > 0)
        port_measure(l->c->port, &measures[M_MOVE], sim_time_seconds(l->entered - l->since));
    l->since = 0;
    run_on(l);
}

static void restart_failed(struct ckpt_lead *l)
{
    bool loading = l->asked == CKPT_LOAD || l->asked == CKPT_FIND || l->asked == CKPT_UNDO ||
                   l->asked == CKPT_LISTS;
    bool later_life = l->worst == CKPT_STATE; /* of a node whose death is not known here yet */
    if (!loading || later_life || (l->worst == CKPT_IO && ++l->tries < TRIES)) {
        l->phase = LEAD_WAITING;
        later(l, l->c->params->retry);
    } else if (l->worst == CKPT_DAMAGED && l->below == UINT32_MAX && l->generation > 0) {
        port_remark(l->c->port, "checkpoint %u is damaged: the one before is used", l->generation);
        restart(l, l->generation);
    } else if (l->generation == 0 && l->worst != CKPT_GONE) {
        leave(l, LEAD_OVER);
        port_fail(l->c->port, "the job cannot go on, for what was committed of it is gone: %s",
                  ckpt_status_name(l->worst));
    } else {
        leave(l, LEAD_OVER);
        port_fail(l->c->port, "the job cannot go on from checkpoint %u: %s", l->generation,
                  ckpt_status_name(l->worst));
    }
}

/* Somebody obeys another: who of the two leads (PLACE3).  False: this node, with a later run. */
static bool refused(struct ckpt_lead *l)
{
    struct ckpt *c = l->c;
    bool its = l->other_run > l->run || (l->other_run == l->run && l->other < c->seat);
    if (l->other == c->seat || l->other >= c->seat_count)
        return false;
    if (its) {
        c->leader = l->other;
        leave(l, LEAD_IDLE);
        ckpt_elect(c); /* that one may have died since */
    }
    return its;
}

/* All have ended: who leads when this node has died is not to begin the job again.  The run is one
 * more, so what is told of it counts before what others know. */
static void over(struct ckpt_lead *l)
{
    leave(l, LEAD_OVER);
    l->run++;
    ask(l, CKPT_OVER);
}

/* ---- answers ---- */

/* The word behind a status. */
static uint32_t word_of(const struct rope *reply)
{
    uint8_t wire[4] = { 0 };
    if (reply->length >= 1 + sizeof wire)
        rope_read(reply, 1, sizeof wire, wire);
    return wire_get32(wire);
}

static void found(struct ckpt_lead *l, const struct rope *reply)
{
    l->generation = word_of(reply);
    if (l->generation == 0 && l->below != UINT32_MAX) {
        l->worst = CKPT_DAMAGED;
        l->below = 0; /* the last one is not whole, and there is none before it */
    }
}

/* All who are up have said whom they obey. */
static void claimed(struct ckpt_lead *l)
{
    if (l->other != CKPT_NOBODY) {
        l->c->leader = l->other;
        leave(l, LEAD_IDLE);
    } else {
        l->run = l->other_run;
        if (ckpt_plan_over(l->c))
            over(l);
        else
            restart(l, UINT32_MAX);
    }
}

static void all_answered(struct ckpt_lead *l)
{
    bool good = l->worst == CKPT_OK;
    switch (l->asked) {
    case CKPT_WHO:
        claimed(l);
        break;
    case CKPT_SAVE:
        if (good)
            ask(l, CKPT_COMMIT);
        else
            checkpoint_failed(l);
        break;
    case CKPT_ABANDON:
        abandoned(l);
        break;
    case CKPT_COMMIT:
        if (good)
            committed(l);
        else
            checkpoint_failed(l);
        break;
    case CKPT_RESET:
        new_life(l);
        ask(l, l->places.version > 0 ? CKPT_PLACE : CKPT_FIND);
        break;
    case CKPT_PLACE:
        ask(l, CKPT_FIND);
        break;
    case CKPT_FIND:
        l->committed = l->generation;
        ask(l, l->generation == 0 ? CKPT_LISTS : CKPT_LOAD);
        break;
    case CKPT_LISTS:
        ask(l, l->undo ? CKPT_UNDO : CKPT_LOAD);
        break;
    case CKPT_LOAD:
        ask(l, l->undo && l->generation > 0 ? CKPT_UNDO : CKPT_ENTER);
        break;
    case CKPT_UNDO:
        ask(l, l->generation > 0 ? CKPT_ENTER : CKPT_LOAD);
        break;
    default:
        entered(l);
    }
}

/* Of what ranks say the one that decides: a cut that has ended must be abandoned; of a damaged
 * image alone the checkpoint before is used. */
static enum ckpt_status worse(enum ckpt_status a, enum ckpt_status b)
{
    if (a == CKPT_OK || b == CKPT_CUT)
        return b == CKPT_OK ? a : b;
    return b == CKPT_OK || b == CKPT_DAMAGED || a == CKPT_CUT ? a : b;
}

/* Who is obeyed there; of WHO also what it knows of the placement. */
static void take_who(struct ckpt_lead *l, const struct rope *reply)
{
    struct ckpt *c = l->c;
    struct os_places places;
    uint8_t wire[20];
    if (reply->length < 1 + sizeof wire)
        return;
    rope_read(reply, 1, sizeof wire, wire);
    uint32_t run = wire_get32(wire), leader = wire_get32(wire + 4);
    if (l->asked == CKPT_RESET && run >= l->other_run) {
        l->other = run > l->other_run || leader < l->other ? leader : l->other;
        l->other_run = run;
    }
    if (l->asked != CKPT_WHO)
        return;
    if (run >= l->other_run)
        ckpt_plan_unpack(wire_get64(wire + 12), &c->plan);
    l->other_run = run > l->other_run ? run : l->other_run;
    if (wire_get32(wire + 8) != 0 && leader != c->seat)
        l->other = leader;
    if (!ckpt_places_get(c, reply, 1 + sizeof wire, &places))
        return;
    if (places.version > l->places.version) { /* PLACE4 */
        os_places_free(c->port, &l->places);
        l->places = places;
    } else {
        os_places_free(c->port, &places);
    }
}

static void finish(struct ckpt_lead *l)
{
    port_timer_cancel(&l->limit);
    if (l->asked == CKPT_RESET && l->other != CKPT_NOBODY && refused(l))
        return;
    if (l->asked == CKPT_RESET && l->other_run > l->run)
        l->run = l->other_run;
    if (l->asked == CKPT_OVER)
        later(l, l->unreached ? l->c->params->retry : 0);
    else if (l->phase == LEAD_GIVING_UP)
        leave(l, LEAD_OVER);
    else if (l->unreached && l->asked != CKPT_WHO)
        restart(l, UINT32_MAX); /* waits until all are there */
    else if (l->phase == LEAD_RESTART && l->worst != CKPT_OK)
        restart_failed(l);
    else
        all_answered(l);
}

static void answered(void *arg, enum xk_status status, struct rope *reply)
{
    struct question *q = arg;
    struct ckpt_lead *l = q->lead;
    bool stale = q->round != l->round;
    uint8_t said = CKPT_LOST;
    uint32_t place = q->place;
    port_free(l->c->port, q);
    if (stale)
        return;
    l->silent[place] = false;
    if (status == XK_OK && reply->length > 0)
        rope_read(reply, 0, 1, &said);
    if (l->asked == CKPT_RESET && said == CKPT_OK)
        l->number = word_of(reply) > l->number ? word_of(reply) : l->number;
    bool reads = l->asked == CKPT_LOAD || l->asked == CKPT_LISTS;
    l->undo |= reads && said == CKPT_OK && word_of(reply) != 0;
    if (l->asked == CKPT_ABANDON && word_of(reply) != 0)
        l->late = place;
    if (l->asked == CKPT_WHO || (l->asked == CKPT_RESET && said != CKPT_OK))
        take_who(l, reply);
    l->worst = worse(l->worst, said);
    l->unreached |= status != XK_OK;
    if (l->asked == CKPT_FIND && status == XK_OK && said == CKPT_OK)
        found(l, reply);
    if (--l->left == 0)
        finish(l);
}

/* ---- questions ---- */

static void ask_one(struct ckpt_lead *l, uint32_t place, uint32_t node, uint64_t more)
{
    struct ckpt *c = l->c;
    uint8_t wire[CKPT_ARGS];
    struct rope args;
    struct question *q = port_alloc(c->port, sizeof *q);
    *q = (struct question){ l, l->round, place };
    l->silent[place] = true;
    wire_put32(wire, l->run);
    wire_put32(wire + 4, l->generation);
    wire_put32(wire + 8, l->committed);
    wire_put64(wire + 12, more);
    wire_put32(wire + 20, l->number);
    wire_put64(wire + 24, l->life);
    rope_init(&args);
    rope_add_bytes(&args, wire, sizeof wire);
    if (l->asked == CKPT_PLACE)
        ckpt_places_put(&l->places, &args);
    if (select_call(c->rpc, node, CKPT_SERVICE, l->asked, &args, answered, q) != XK_OK) {
        struct rope none;
        rope_init(&none);
        rope_fini(&args);
        answered(q, XK_UNREACHABLE, &none);
    }
}

static void ask_seats(struct ckpt_lead *l)
{
    struct ckpt *c = l->c;
    uint64_t more = c->seat | ckpt_plan_pack(&c->plan) << 16;
    uint32_t round = l->round;
    l->left = seats_up(l);
    for (uint32_t i = 0; i < c->seat_count && round == l->round; i++)
        if (!c->seats[i].down)
            ask_one(l, i, c->seats[i].node, more);
}

static void ask_ranks(struct ckpt_lead *l, uint32_t count)
{
    uint32_t round = l->round;
    l->left = count;
    for (uint32_t r = 0; r < count && round == l->round; r++)
        ask_one(l, r, l->places.nodes[r], l->asked == CKPT_SAVE ? l->planned : l->below);
}

static bool is_of_seats(enum ckpt_procedure what)
{
    return what == CKPT_WHO || what == CKPT_RESET || what == CKPT_PLACE || what == CKPT_OVER;
}

static void ask(struct ckpt_lead *l, enum ckpt_procedure what)
{
    l->asked = what;
    if (l->c->params->limit > 0 && what != CKPT_OVER)
        port_timer_set(&l->limit, l->c->params->limit);
    for (uint32_t i = 0; i < l->c->seat_count; i++)
        l->silent[i] = false;
    l->round++;
    l->worst = CKPT_OK;
    l->unreached = false;
    l->other = CKPT_NOBODY;
    l->undo &= what != CKPT_FIND;
    if (what == CKPT_RESET || what == CKPT_OVER) {
        bool obeyed = ckpt_obey(l->c, l->run, l->c->seat); /* first of all by itself */
        ASSERT(obeyed);
        l->other_run = 0;
    }
    if (is_of_seats(what))
        ask_seats(l);
    else
        ask_ranks(l, what == CKPT_COMMIT || what == CKPT_FIND ? 1 : l->c->ranks);
}

/* ---- what happens ---- */

static void put_off(const struct ckpt_lead *l, uint32_t node)
{
    bool rank = os_places_rank(&l->places, node) != OS_NO_RANK;
    port_remark(l->c->port, "checkpoint %u is put off: node %u, which its cut passes, is down%s",
                l->committed + 1, node,
                rank ? ""
                     : "; none is taken until it is back, for it has no rank and the network sweep "
                       "passes all nodes: cut.algorithm = 'sns' or 'cl' does without it, and "
                       "cut.fallback for as long as it takes");
}

static void due(struct port_timer *t)
{
    struct ckpt_lead *l = t->arg;
    if (l->phase == LEAD_WAITING)
        restart(l, UINT32_MAX);
    if (l->phase == LEAD_OVER)
        ask(l, CKPT_OVER);
    if (l->phase != LEAD_RUNNING)
        return;
    if ((cut_gap(l->c->cut) != OS_NO_RANK) != (l->life % 2 == 1)) {
        l->phase = LEAD_CHECKPOINT;
        l->changing = true;
        abandon(l); /* nothing is under way: another life alone */
        return;
    }
    uint32_t missing = cut_missing(l->c->cut);
    if (missing != OS_NO_RANK) {
        if (!l->put_off)
            put_off(l, missing);
        l->put_off = true;
        later(l, l->c->params->interval > 0 ? l->c->params->interval : l->c->params->retry);
        return;
    }
    l->put_off = false;
    l->planned = ckpt_plan_next(l->c, l->entered) <= port_now(l->c->port);
    if (l->planned && l->since == 0)
        l->since = port_now(l->c->port);
    l->phase = LEAD_CHECKPOINT;
    l->generation = l->committed + 1;
    l->number++; /* rank 0 begins it */
    l->asked_at = port_now(l->c->port);
    ask(l, CKPT_SAVE);
}

/* `limit` is over. */
static void too_long(struct port_timer *t)
{
    struct ckpt_lead *l = t->arg;
    struct ckpt *c = l->c;
    double seconds = sim_time_seconds(c->params->limit);
    uint32_t place = 0, count = is_of_seats(l->asked) ? c->seat_count : c->ranks;
    while (place + 1 < count && !l->silent[place])
        place++;
    uint32_t node = is_of_seats(l->asked) ? c->seats[place].node : l->places.nodes[place];
    if (l->asked == CKPT_SAVE && l->phase == LEAD_CHECKPOINT) {
        l->overdue = true;
        abandon(l);
        return;
    }
    leave(l, LEAD_OVER);
    port_fail(c->port, "the job cannot go on: node %u has not answered for %g s", node, seconds);
}

void ckpt_lead_changed(struct ckpt_lead *l, uint32_t seat, bool alive)
{
    bool has_rank = os_places_rank(&l->places, l->c->seats[seat].node) != OS_NO_RANK;
    if (l->phase == LEAD_OVER && alive && ckpt_plan_over(l->c))
        over(l);
    if (l->phase == LEAD_ASKING || l->phase == LEAD_GIVING_UP || l->phase == LEAD_OVER)
        return;
    if (has_rank || (alive && l->phase == LEAD_WAITING))
        restart(l, UINT32_MAX);
}

void ckpt_lead_ended(struct ckpt_lead *l, uint32_t run, uint32_t rank)
{
    if (run != l->run || rank >= l->c->ranks || l->phase == LEAD_IDLE)
        return;
    l->ended_count += !l->ended[rank];
    l->ended[rank] = true;
    if (l->ended_count < l->c->ranks)
        return;
    if (ckpt_plan_ended(l->c))
        restart(l, UINT32_MAX);
    else
        over(l);
}

void ckpt_lead_again(struct ckpt_lead *l, uint32_t run)
{
    bool busy = l->phase == LEAD_RUNNING || l->phase == LEAD_CHECKPOINT || l->phase == LEAD_RESTART;
    if (run == l->run && busy)
        restart(l, UINT32_MAX);
}

void ckpt_lead_failed(struct ckpt_lead *l, uint32_t run)
{
    bool busy = l->phase == LEAD_RUNNING || l->phase == LEAD_CHECKPOINT || l->phase == LEAD_RESTART;
    if (run != l->run || !busy)
        return;
    leave(l, LEAD_GIVING_UP);
    l->changing = l->planned = false;
    l->run++;
    ask(l, CKPT_RESET);
}

static void stay(void *arg)
{
    struct ckpt_lead *l = arg;
    while (l->phase != LEAD_IDLE && l->phase != LEAD_OVER)
        port_thread_block(l->c->port, "a checkpoint to lead", 0);
    l->thread = NULL;
}

static void begin(struct port_timer *t)
{
    struct ckpt_lead *l = t->arg;
    port_timer_init(l->c->port, &l->timer, due, l);
    if (l->run == 0 && l->c->leader == l->c->seat && l->c->params->restart)
        restart(l, UINT32_MAX);
    else if (l->run == 0 && l->c->leader == l->c->seat)
        run_on(l);
    else
        ask(l, CKPT_WHO);
}

static struct ckpt_lead *start(struct ckpt *c)
{
    struct ckpt_lead *l = port_alloc(c->port, sizeof *l);
    l->c = c;
    l->silent = port_alloc(c->port, (c->seat_count + 1) * sizeof *l->silent);
    l->ended = port_alloc(c->port, c->ranks * sizeof *l->ended);
    return l;
}

void ckpt_lead_claim(struct ckpt *c)
{
    struct ckpt_lead *l = c->lead = c->lead ? c->lead : start(c);
    os_places_free(c->port, &l->places);
    os_places_copy(c->port, &l->places, &c->node->places);
    l->phase = LEAD_ASKING;
    l->planned = false;
    l->since = 0;
    l->entered = port_now(c->port);
    l->run = l->other_run = c->run;
    l->tries = 0;
    if (!l->thread)
        l->thread = port_thread_spawn(c->port, "leader of checkpoints", stay, l, 0);
    if (!l->thread)
        port_fail(c->port, "no room for the thread of the leader of checkpoints");
    port_timer_init(c->port, &l->limit, too_long, l);
    port_timer_init(c->port, &l->timer, begin, l);
    port_timer_set(&l->timer, 0);
}
