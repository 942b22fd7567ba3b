/* library_arm.c: what the arms of a library do: one tour after another.
 *
 * A tour is a row of stops, at each of which the arm picks, places, or reads a label:
 *
 *     a move        pick at `from`, place at `to`
 *     an exchange   of an arm with two hands: pick the cartridge to be mounted, pick the one in the
 *                   drive, place the first there, place the other where it belongs
 *     an inventory  read
 *
 * An arm on a rail keeps the part for itself that it will still pass on its tour, and begins one
 * only when another that works keeps none of it; one that is idle goes aside.  Both then start at
 * once and move alike, and the one that goes aside has the shorter way: so they never come nearer
 * than their gap (CHG5).  A dead arm is pushed beyond the end of the rail, by hand: no time passes.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "disks/library/library_internal.h"

static sim_time now_of(const struct library *l)
{
    return sim_now(l->changer.sim);
}

static bool on_rail(const struct library *l)
{
    return !l->kind->free && !l->kind->circular;
}

enum job job_of(const struct changer_req *r)
{
    if (r->op != CHG_MOVE)
        return JOB_OTHER;
    return r->from.element == CHG_DRIVE ? JOB_DISMOUNT
           : r->to.element == CHG_DRIVE ? JOB_MOUNT
                                        : JOB_OTHER;
}

double arm_where(const struct arm *a)
{
    return a->dead ? a->spot.a : geometry_where(a->lib, &a->leg, now_of(a->lib));
}

/* ---- hands ---- */

static struct changer_place hand_of(const struct arm *a, int64_t k)
{
    return changer_at(CHG_HAND, (uint32_t)(a->index * a->lib->p.hands + k));
}

/* A hand that holds nothing; element CHG_ELEMENTS: there is none. */
static struct changer_place free_hand(const struct arm *a)
{
    for (int64_t k = 0; k < a->lib->p.hands; k++)
        if (element_at(a->lib, hand_of(a, k))->held == NULL)
            return hand_of(a, k);
    return changer_at(CHG_ELEMENTS, 0);
}

static bool has_hand(const struct arm *a, struct changer_place p)
{
    return p.element == CHG_HAND && p.index / a->lib->p.hands == a->index;
}

/* Could do it, when it is idle and nobody is in its way. */
static bool could(const struct arm *a, const struct changer_req *r)
{
    if (a->dead)
        return false;
    if (r->from.element == CHG_HAND)
        return has_hand(a, r->from);
    return r->op == CHG_INVENTORY || free_hand(a).element == CHG_HAND;
}

/* ---- who is in whose way ---- */

static struct arm *other_of(const struct arm *a)
{
    struct library *l = a->lib;
    return on_rail(l) && l->arm_count == 2 ? &l->arms[1 - a->index] : NULL;
}

struct span {
    double lo, hi;
};

static void span_add(struct span *s, const struct library *l, struct changer_place p)
{
    if (p.element == CHG_HAND)
        return;
    double a = geometry_spot(l, p).a;
    s->lo = a < s->lo ? a : s->lo;
    s->hi = a > s->hi ? a : s->hi;
}

static struct span span_of(const struct arm *a, const struct changer_req *r)
{
    struct span s = { a->spot.a, a->spot.a };
    span_add(&s, a->lib, r->from);
    if (r->op == CHG_MOVE)
        span_add(&s, a->lib, r->to);
    return s;
}

/* Of the rail, beside what the other arm keeps for itself. */
static bool free_for(const struct arm *a, struct span s)
{
    const struct arm *b = other_of(a);
    if (b == NULL || b->dead || b->state == ARM_IDLE)
        return true;
    double gap = a->lib->p.gap;
    return a->index == 0 ? s.hi + gap <= b->lo : s.lo - gap >= b->hi;
}

static void set_leg(struct arm *a, const struct spot *to)
{
    a->leg = (struct leg){ a->spot, *to, now_of(a->lib) };
    a->spot = *to;
}

/* An idle arm makes room. */
static void go_aside(struct arm *b, struct span s)
{
    struct library *l = b->lib;
    struct spot to = b->spot;
    double limit = b->index == 0 ? s.lo - l->p.gap : s.hi + l->p.gap;
    bool stands = b->index == 0 ? b->spot.a > limit : b->spot.a < limit;
    if (b->dead || b->state != ARM_IDLE || !stands)
        return;
    to.a = limit;
    set_leg(b, &to);
    b->lo = fmin(b->leg.from.a, limit);
    b->hi = fmax(b->leg.from.a, limit);
    b->state = ARM_ASIDE;
    sim_busy_begin(&b->busy, now_of(l));
    sim_after(l->changer.sim, &b->event, geometry_travel(l, &b->leg.from, &b->leg.to));
}

/* Keeps what the rest of its tour needs. */
static void keep(struct arm *a)
{
    struct span s = { a->spot.a, a->spot.a };
    for (uint32_t i = a->next; i < a->stop_count; i++)
        span_add(&s, a->lib, a->stops[i].at);
    a->lo = s.lo;
    a->hi = s.hi;
}

/* ---- a tour ---- */

static void add_stop(struct arm *a, enum stop_what what, struct changer_req *r,
                     struct changer_place at)
{
    ASSERT(a->stop_count < STOPS_MAX);
    a->stops[a->stop_count++] = (struct stop){ what, r, at };
}

/* Takes away the stops of a request that are still to come. */
static void drop_stops(struct arm *a, const struct changer_req *r)
{
    uint32_t n = a->next;
    for (uint32_t i = a->next; i < a->stop_count; i++)
        if (a->stops[i].r != r)
            a->stops[n++] = a->stops[i];
    a->stop_count = n;
}

static void next_stop(struct arm *a)
{
    struct library *l = a->lib;
    if (a->next == a->stop_count) {
        a->state = ARM_IDLE;
        a->lo = a->hi = a->spot.a;
        sim_busy_end(&a->busy, now_of(l));
        return;
    }
    keep(a);
    struct changer_place at = a->stops[a->next].at;
    struct spot to = at.element == CHG_HAND ? a->spot : geometry_spot(l, at);
    bool loaded = false;
    for (int64_t k = 0; k < l->p.hands; k++)
        loaded |= element_at(l, hand_of(a, k))->held != NULL;
    set_leg(a, &to);
    sim_time takes = geometry_travel(l, &a->leg.from, &a->leg.to);
    *(loaded ? &l->counts.loaded_ms : &l->counts.empty_ms) += (uint64_t)(takes / SIM_MS);
    a->state = ARM_MOVING;
    sim_after(l->changer.sim, &a->event, takes);
}

static bool expected(const struct changer_req *r, const struct cartridge *c)
{
    return r->label[0] == '\0' || strncmp(r->label, c->label, CHG_LABEL_SIZE) == 0;
}

/* What the arm finds where it picks for r. */
static enum changer_status found(const struct library *l, const struct stop *s)
{
    const struct cartridge *c = element_at(l, s->at)->held;
    const struct changer_req *r = s->r;
    if (s->at.element == CHG_DRIVE && drive_dead(&l->drives[s->at.index]))
        return CHG_DRIVE_DEAD;
    if (c == NULL)
        return CHG_EMPTY;
    if (!expected(r, c))
        return CHG_LABEL;
    return c->stuck > 0 ? CHG_STUCK : CHG_OK;
}

static void arrived(struct arm *a)
{
    const struct library *l = a->lib;
    const struct stop *s = &a->stops[a->next];
    sim_time takes = s->what == STOP_PLACE ? l->p.place : l->p.read;
    a->result = CHG_OK;
    if (s->what == STOP_PICK) {
        a->result = found(l, s);
        if (a->result == CHG_OK || a->result == CHG_STUCK)
            takes = l->p.pick;
    }
    a->state = ARM_HANDLING;
    sim_after(l->changer.sim, &a->event, takes);
}

/* In an exchange, after the drive has not given its cartridge: the other goes back. */
static void take_back(struct arm *a, struct changer_req *mount)
{
    drop_stops(a, mount);
    add_stop(a, STOP_PLACE, mount, mount->from);
}

/* Of an exchange: from now on each is a move of its own. */
static void part(struct changer_req *r)
{
    if (r->mate != NULL)
        ((struct changer_req *)r->mate)->mate = NULL;
    r->mate = NULL;
}

static void picked(struct arm *a, const struct stop *s)
{
    struct library *l = a->lib;
    struct changer_req *r = s->r;
    enum changer_status was = a->result == CHG_OK ? found(l, s) : a->result;
    struct cartridge *c = element_at(l, s->at)->held;
    if (was != CHG_OK) {
        struct changer_req *mate = r->mate;
        if (was == CHG_STUCK && c != NULL && c->stuck > 0)
            c->stuck--;
        else if (was == CHG_EMPTY || was == CHG_LABEL)
            element_see(l, s->at);
        drop_stops(a, r);
        part(r);
        if (mate != NULL && mate->cartridge != NULL)
            take_back(a, mate);
        l->told->ended(r, was);
        return;
    }
    element_take(l, s->at);
    r->cartridge = c;
    memcpy(r->label, c->label, sizeof r->label);
    element_put(l, free_hand(a), c);
    l->told->picked(r);
}

static void placed(struct arm *a, const struct stop *s)
{
    struct library *l = a->lib;
    struct changer_req *r = s->r;
    struct cartridge *c = r->cartridge;
    ASSERT(c != NULL && has_hand(a, c->at));
    element_put(l, s->at, element_take(l, c->at));
    part(r);
    if (place_same(s->at, r->to))
        l->told->placed(r);
    else
        l->told->ended(r, CHG_FULL);
}

static void read_label(struct library *l, const struct stop *s)
{
    const struct cartridge *c = element_at(l, s->at)->held;
    element_see(l, s->at);
    memcpy(s->r->label, element_at(l, s->at)->seen, sizeof s->r->label);
    l->told->ended(s->r, c == NULL ? CHG_EMPTY : CHG_OK);
}

static void handled(struct arm *a)
{
    struct library *l = a->lib;
    struct stop s = a->stops[a->next++];
    if (s.what == STOP_PICK)
        picked(a, &s);
    else if (s.what == STOP_PLACE)
        placed(a, &s);
    else
        read_label(l, &s);
    next_stop(a);
    arms_kick(l);
}

static void fire(struct sim *s, struct sim_event *e)
{
    struct arm *a = CONTAINER_OF(e, struct arm, event);
    (void)s;
    switch (a->state) {
    case ARM_MOVING:
        arrived(a);
        break;
    case ARM_HANDLING:
        handled(a);
        break;
    case ARM_ASIDE:
        next_stop(a); /* there is none: it is idle again */
        arms_kick(a->lib);
        break;
    case ARM_IDLE:
        ASSERT_MSG(false, "an idle arm waits for nothing");
    }
}

/* ---- beginning one ---- */

/* The mount that waits for the drive from which r takes a cartridge, when the arm can do both. */
static struct changer_req *mate_of(const struct arm *a, const struct changer_req *r)
{
    const struct library *l = a->lib;
    if (l->p.hands < 2 || job_of(r) != JOB_DISMOUNT || free_hand(a).index % 2 != 0 ||
        element_at(l, hand_of(a, 1))->held != NULL)
        return NULL;
    struct changer_req *m = turns_behind(l, r);
    if (m == NULL || m->stage != STAGE_TURN || job_of(m) != JOB_MOUNT ||
        place_same(m->from, r->to) || m->from.element == CHG_HAND ||
        element_at(l, m->from)->turns.next != &m->turns[0].link)
        return NULL;
    struct span s = span_of(a, r);
    span_add(&s, l, m->from);
    return free_for(a, s) ? m : NULL;
}

static void start(struct arm *a, struct changer_req *r)
{
    struct library *l = a->lib;
    struct changer_req *m = mate_of(a, r);
    a->stop_count = a->next = 0;
    if (m != NULL) {
        r->mate = m;
        m->mate = r;
        m->stage = STAGE_SERVED;
        m->part[CHG_PART_WAIT] += now_of(l) - m->since;
        m->since = now_of(l);
        l->counts.exchanges++;
        add_stop(a, STOP_PICK, m, m->from);
    }
    if (r->op == CHG_INVENTORY) {
        add_stop(a, STOP_READ, r, r->from);
    } else {
        if (r->from.element != CHG_HAND)
            add_stop(a, STOP_PICK, r, r->from);
        if (m != NULL)
            add_stop(a, STOP_PLACE, m, m->to);
        add_stop(a, STOP_PLACE, r, r->to);
    }
    a->last = m != NULL ? JOB_DISMOUNT : job_of(r);
    keep(a);
    struct arm *b = other_of(a);
    if (b != NULL)
        go_aside(b, (struct span){ a->lo, a->hi });
    sim_busy_begin(&a->busy, now_of(l));
    next_stop(a);
}

static enum changer_status in_hand(const struct library *l, const struct changer_req *r)
{
    const struct cartridge *c = element_at(l, r->from)->held;
    return c == NULL ? CHG_EMPTY : expected(r, c) ? CHG_OK : CHG_LABEL;
}

/* What is known before an arm moves; CHG_OK: it may. */
static enum changer_status refused(const struct library *l, const struct changer_req *r)
{
    if (r->op != CHG_MOVE)
        return CHG_OK;
    if (r->to.element == CHG_DRIVE && drive_dead(&l->drives[r->to.index]))
        return CHG_DRIVE_DEAD;
    if (r->to.element == CHG_PASS) {
        const struct pass *x = l->passes[r->to.index];
        if (x->blocked)
            return CHG_BLOCKED;
        for (int k = 0; k < 2; k++)
            if (x->end[k]->elements[CHG_PASS][x->index[k]].held != NULL)
                return CHG_FULL;
        if (x->claimed != NULL)
            return CHG_FULL;
    }
    if (element_at(l, r->to)->held != NULL)
        return CHG_FULL;
    return r->from.element == CHG_HAND ? in_hand(l, r) : CHG_OK;
}

static void leave_queue(struct library *l, struct changer_req *r)
{
    list_remove(&r->link);
    sim_inside_leave(&l->queued, r->since, now_of(l));
}

static void begin(struct arm *a, struct changer_req *r)
{
    struct library *l = a->lib;
    enum changer_status no = refused(l, r);
    leave_queue(l, r);
    r->part[CHG_PART_WAIT] += now_of(l) - r->since;
    r->since = now_of(l);
    if (no != CHG_OK) {
        l->told->ended(r, no);
        return;
    }
    if (r->to.element == CHG_PASS && r->op == CHG_MOVE)
        l->passes[r->to.index]->claimed = r;
    if (r->from.element == CHG_HAND) {
        struct cartridge *c = element_at(l, r->from)->held;
        r->cartridge = c;
        memcpy(r->label, c->label, sizeof r->label);
    }
    start(a, r);
}

/* ---- choosing ---- */

/* With the rail shared by halves: of the cell's half. */
static bool in_its_half(const struct arm *a, const struct changer_req *r)
{
    const struct library *l = a->lib;
    const struct arm *b = other_of(a);
    if (l->p.share == SHARE_ANY || b == NULL || !could(b, r) || r->from.element == CHG_HAND)
        return true;
    struct changer_place cell = job_of(r) == JOB_DISMOUNT ? r->to : r->from;
    double middle = geometry_start(l, 1).a / 2;
    return (geometry_spot(l, cell).a > middle) == (a->index == 1);
}

struct choice {
    struct arm *arm;
    struct changer_req *r;
    uint64_t rank;
    sim_time travel;
};

static void consider(struct choice *best, struct arm *a, struct changer_req *r)
{
    const struct library *l = a->lib;
    if (a->state != ARM_IDLE || !could(a, r) || !in_its_half(a, r) || !free_for(a, span_of(a, r)))
        return;
    struct spot to = r->from.element == CHG_HAND ? a->spot : geometry_spot(l, r->from);
    const struct queue_view v = { geometry_travel(l, &a->spot, &to), job_of(r), a->last };
    uint64_t rank = l->queue->rank(&v);
    bool better = best->arm == NULL || rank < best->rank ||
                  (rank == best->rank && r == best->r && v.travel < best->travel);
    if (better)
        *best = (struct choice){ a, r, rank, v.travel };
}

static bool choose(struct library *l, struct choice *best)
{
    bool idle = false;
    *best = (struct choice){ .arm = NULL };
    for (uint32_t i = 0; i < l->arm_count; i++)
        idle |= l->arms[i].state == ARM_IDLE && !l->arms[i].dead;
    if (!idle || list_empty(&l->waiting))
        return false;
    struct changer_req *oldest = LIST_ENTRY(l->waiting.next, struct changer_req, link);
    bool due = oldest->overtaken >= (uint64_t)l->p.patience;
    LIST_EACH (it, &l->waiting) {
        struct changer_req *r = LIST_ENTRY(it, struct changer_req, link);
        for (uint32_t i = 0; i < l->arm_count; i++)
            consider(best, &l->arms[i], r);
        if (due || (best->arm != NULL && best->rank == 0))
            break;
    }
    if (best->arm != NULL && best->r != oldest)
        oldest->overtaken++;
    return best->arm != NULL;
}

/* Requests that no arm will ever do. */
static void give_up(struct library *l)
{
    LIST_EACH_SAFE (it, next, &l->waiting) {
        struct changer_req *r = LIST_ENTRY(it, struct changer_req, link);
        bool any = false;
        for (uint32_t i = 0; i < l->arm_count; i++)
            any |= could(&l->arms[i], r) || (!l->arms[i].dead && l->arms[i].state != ARM_IDLE);
        if (any)
            continue;
        leave_queue(l, r);
        r->part[CHG_PART_WAIT] += now_of(l) - r->since;
        r->since = now_of(l);
        l->told->ended(r, CHG_ARM);
    }
}

void arms_kick(struct library *l)
{
    struct choice c;
    while (choose(l, &c))
        begin(c.arm, c.r);
    if (l->crippled)
        give_up(l);
}

void arms_wait(struct changer_req *r)
{
    struct library *l = library_of_req(r);
    list_push(&l->waiting, &r->link);
    sim_inside_enter(&l->queued, now_of(l));
    arms_kick(l);
}

/* ---- life and death ---- */

void arms_init(struct library *l)
{
    l->arms = base_zalloc(l->arm_count, sizeof *l->arms);
    for (uint32_t i = 0; i < l->arm_count; i++) {
        struct arm *a = &l->arms[i];
        *a = (struct arm){ .lib = l, .index = i };
        a->spot = geometry_start(l, i);
        a->leg = (struct leg){ a->spot, a->spot, 0 };
        a->lo = a->hi = a->spot.a;
        sim_event_init(&a->event, SIM_CLASS_DEVICE, fire);
        char *name = base_printf("%s.arm.%u", l->changer.name, i);
        sim_busy_init(&a->busy, l->changer.sim, SIM_KIND_ARM, -1, name);
        free(name);
    }
}

void arms_fini(struct library *l)
{
    for (uint32_t i = 0; i < l->arm_count; i++) {
        sim_cancel(l->changer.sim, &l->arms[i].event);
        sim_busy_fini(&l->arms[i].busy);
    }
    free(l->arms);
}

/* What a request of its tour comes to: it waits for another arm, if nothing has been moved. */
static void interrupt(struct arm *a, struct changer_req *r)
{
    struct library *l = a->lib;
    part(r);
    if (r->cartridge != NULL) {
        l->told->ended(r, CHG_ARM);
        return;
    }
    if (r->op == CHG_MOVE && r->to.element == CHG_PASS)
        l->passes[r->to.index]->claimed = NULL;
    r->part[CHG_PART_ARM] += now_of(l) - r->since;
    r->since = now_of(l);
    if (!turns_first(l, r)) { /* the mount of an exchange */
        r->stage = STAGE_TURN;
        return;
    }
    list_push_front(&l->waiting, &r->link);
    sim_inside_enter(&l->queued, now_of(l));
}

void arm_die(struct arm *a)
{
    struct library *l = a->lib;
    struct changer_req *open[STOPS_MAX];
    uint32_t count = 0;
    if (a->dead)
        return;
    if (a->state != ARM_IDLE)
        sim_busy_end(&a->busy, now_of(l));
    sim_cancel(l->changer.sim, &a->event);
    for (uint32_t i = a->next; i < a->stop_count; i++) {
        bool known = false;
        for (uint32_t k = 0; k < count; k++)
            known |= open[k] == a->stops[i].r;
        if (!known)
            open[count++] = a->stops[i].r;
    }
    a->dead = true;
    a->state = ARM_IDLE;
    a->stop_count = a->next = 0;
    a->spot = geometry_park(l, a->index);
    a->leg = (struct leg){ a->spot, a->spot, now_of(l) };
    a->lo = a->hi = a->spot.a;
    l->crippled = true;
    for (uint32_t i = count; i > 0; i--)
        interrupt(a, open[i - 1]);
    arms_kick(l);
}

void arm_repair(struct arm *a)
{
    if (!a->dead)
        return;
    a->dead = false;
    arms_kick(a->lib);
}
