/* ulp_grant.c: ULP's grants: what each connection may have under way, and whose turn it is.
 *
 * A sender says how far its bytes go, those that wait with it, too (`end`).  Who has more to send
 * than has come is behind.  Those who are behind share the pool: what is granted to them and has
 * not come stays within it, and who finds no room waits its turn, in order.  The others need no
 * turn: each has a part of as much by the number of connections, so that a short message goes at
 * once; who stalls says so, and is behind from then on.
 *
 *   ULPG1  `under_way` is the sum of `counted`: what is granted to a connection that is behind and
 *       has not come, where that is a frame at least, or all that is left.  So it is used.
 *   ULPG2  It is at most `pool`, or a frame, when more is granted to somebody who is behind.
 *   ULPG3  The window of one that is behind, others and what its upper holds aside, is two frames
 *       at the least, so that half of it is free before its sender waits for good.
 *   ULPG5  The other is told of more once it is half a window; and, if what it was told does not
 *       hold a frame and it is behind, once that is a frame, or all that it wants.
 *   ULPG4  While somebody waits for a turn, nobody who is behind is granted more out of turn.
 */
#include "os/proto/ulp/ulp_internal.h"

static uint32_t smaller(uint64_t a, uint64_t b)
{
    return (uint32_t)(a < b ? a : b);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t frame(const struct ulp_state *st)
{
    return ulp_cost(st->piece);
}

/* Bytes that have come, in all. */
static uint32_t arrived(const struct ulp_line *l)
{
    return l->freed + (uint32_t)l->held;
}

/* Bytes that are granted and have not come. */
static uint32_t open_grant(const struct ulp_line *l)
{
    int32_t more = (int32_t)(l->offered - arrived(l));
    return more > 0 ? (uint32_t)more : 0;
}

static bool is_behind(const struct ulp_line *l)
{
    return (int32_t)(l->end - arrived(l)) > 0;
}

static bool waits(const struct ulp_line *l)
{
    return !list_empty(&l->turn);
}

/* Of one that is not behind. */
static uint64_t share(const struct ulp_state *st)
{
    return (uint64_t)st->params->pool / (st->connections ? st->connections : 1);
}

/* Its window when nobody else sends and its upper holds nothing: of an upper that holds no more
 * than the credit, which is a promise of memory. */
static uint64_t whole(struct ulp_line *l)
{
    const struct ulp_state *st = ulp_state(l);
    uint64_t most = larger((uint64_t)st->params->grant, 2 * frame(st));
    return l->credit && l->credit < most ? l->credit : most;
}

/* The same beside what its upper holds. */
static uint64_t alone(struct ulp_line *l)
{
    uint64_t left = l->credit > l->held ? l->credit - l->held : 0;
    return l->credit ? smaller(whole(l), left) : whole(l);
}

/* What is granted to the others that are behind. */
static uint64_t others(struct ulp_line *l)
{
    return ulp_state(l)->under_way - l->counted;
}

static bool has_room(struct ulp_line *l)
{
    const struct ulp_state *st = ulp_state(l);
    return others(l) == 0 || others(l) + frame(st) <= (uint64_t)st->params->pool; /* ULPG2 */
}

/* Can one that is behind send with what it has been granted? */
static bool can_send(struct ulp_line *l)
{
    return open_grant(l) >= smaller(frame(ulp_state(l)), l->end - arrived(l));
}

static void recount(struct ulp_line *l)
{
    struct ulp_state *st = ulp_state(l);
    uint32_t now = is_behind(l) && !waits(l) && can_send(l) ? open_grant(l) : 0;
    st->under_way += now;
    st->under_way -= l->counted;
    l->counted = now;
}

/* What it may have under way now. */
static uint64_t window(struct ulp_line *l)
{
    const struct ulp_state *st = ulp_state(l);
    uint64_t pool = (uint64_t)st->params->pool, rest = others(l);
    if (!is_behind(l))
        return smaller(alone(l), share(st));
    uint64_t room = rest == 0 ? larger(pool, frame(st)) : pool > rest ? pool - rest : 0;
    return smaller(smaller(alone(l), room), larger(l->end - arrived(l), share(st)));
}

static void raise(struct ulp_line *l)
{
    uint64_t w = window(l);
    if (w > open_grant(l)) {
        ulp_state(l)->counts.shrunk += w < alone(l);
        l->offered = arrived(l) + (uint32_t)w;
    }
    recount(l);
}

uint32_t ulp_grant(struct ulp_line *l)
{
    if (!is_behind(l) || (list_empty(&ulp_state(l)->turns) && has_room(l))) /* ULPG4 */
        raise(l);
    return l->offered;
}

/* The other is told what it is granted, surely. */
static void tell(struct ulp_line *l)
{
    if (ulp_state(l)->keeps || !l->gave)
        l->grant_due = true; /* who has no answer asks again */
    else
        ulp_queue_credit(l);
}

static void wait_turn(struct ulp_line *l)
{
    struct ulp_state *st = ulp_state(l);
    if (waits(l))
        return;
    list_push(&st->turns, &l->turn);
    st->counts.turns++;
    recount(l);
}

/* More may be granted to it without a turn, or was. */
static bool may_have(struct ulp_line *l)
{
    const struct ulp_state *st = ulp_state(l);
    return !is_behind(l) || can_send(l) || (list_empty(&st->turns) && has_room(l));
}

/* ULPG5. */
static bool is_due(struct ulp_line *l)
{
    const struct ulp_state *st = ulp_state(l);
    uint64_t most = is_behind(l) ? whole(l) : smaller(whole(l), share(st));
    uint64_t w = is_behind(l) ? alone(l) : smaller(alone(l), share(st));
    int32_t more = (int32_t)(arrived(l) + (uint32_t)w - l->told),
            wants = (int32_t)(l->end - l->told);
    if (more <= 0)
        return false;
    if (2 * (uint64_t)more >= most)
        return true;
    return wants > 0 && (int32_t)(l->told - arrived(l)) < (int32_t)frame(st) &&
           (uint32_t)more >= smaller(frame(st), (uint64_t)wants);
}

void ulp_grant_if_due(struct ulp_line *l)
{
    recount(l);
    if (!l->gave || !is_due(l))
        return;
    if (may_have(l))
        tell(l);
    else
        wait_turn(l);
}

void ulp_asked(struct ulp_line *l)
{
    recount(l);
    if (l->gave || may_have(l))
        l->grant_due = true;
    else
        wait_turn(l);
}

void ulp_turns(struct ulp_state *st)
{
    while (!list_empty(&st->turns)) {
        struct ulp_line *l = LIST_ENTRY(st->turns.next, struct ulp_line, turn);
        if (is_behind(l) && !has_room(l))
            return;
        list_remove(&l->turn);
        raise(l);
        tell(l);
        ulp_pump(l);
    }
}

void ulp_grants_none(struct ulp_line *l)
{
    struct ulp_state *st = ulp_state(l);
    st->connections -= l->gave;
    st->under_way -= l->counted;
    list_remove(&l->turn);
    l->gave = false;
    l->counted = l->offered = l->told = l->freed = l->end = 0;
    l->held = 0;
}
