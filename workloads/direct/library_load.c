/* library_load.c: requests for cartridges of a library: mounted, used for a while, put back.
 *
 * Modelled: requests at exponential intervals or a fixed number of them, for cartridges drawn
 * evenly; drives given in order of arrival, to requests whose cartridge nobody uses; a cartridge
 * that stays in its drive until another needs it, or goes at once; retries after failures, and the
 * search for a cartridge that a dead arm or drive has.  Not modelled: what is read and written (the
 * time of use is drawn, or fixed), who asks.
 *
 * A request that finds a drive with a cartridge that nobody uses sends for both at once: the move
 * out of the drive and the move into it, so that an arm with two hands can exchange them.
 */
#include "workloads/direct/library_load.h"

#include <stdlib.h>
#include <string.h>

#include "disks/fault.h"
#include "disks/library/changer.h"
#include "sim/audit.h"
#include "sim/fault.h"
#include "sim/measure.h"
#include "sim/population.h"
#include "sim/rng.h"

enum mode { MODE_OPEN, MODE_CLOSED };
enum use { USE_EXPONENTIAL, USE_FIXED };
enum order { ORDER_FIFO, ORDER_DRAIN };
static const char *const modes[] = { "open", "closed", NULL };
static const char *const uses[] = { "exponential", "fixed", NULL };
static const char *const orders[] = { "fifo", "drain", NULL };

/* What a library costs, in any money; psim knows no prices. */
struct load_prices {
    double cell, cartridge, drive, hand;
    int64_t capacity;
};

struct load_params {
    struct load_prices prices;
    int mode, use, order;
    sim_time gap, hold, retry;
    int64_t outstanding, requests, warmup;
    bool eager;
    const struct val *faults;
};

#define PRICE "the user's: no list of prices is at hand"
static const struct param load_prices_params[] = {
    P_REAL(load_prices, cell, "0", "0", "1e12", "Of a cell, with its share of the housing.", PRICE),
    P_REAL(load_prices, cartridge, "0", "0", "1e12", "Of a cartridge.", PRICE),
    P_REAL(load_prices, drive, "0", "0", "1e12", "Of a drive.", PRICE),
    P_REAL(load_prices, hand, "0", "0", "1e12", "Of a hand, with its share of an arm.", PRICE),
    P_SIZE(load_prices, capacity, "0", "0", "1000TB",
           "Bytes on a cartridge; 0: no cost is told. Else 'cost' is the price of cells, "
           "cartridges, drives and hands, for each TB that the cartridges hold."),
    P_END,
};

static const struct param load_params[] = {
    P_TABLE(load_params, prices, load_prices_params, "What things cost, in any money."),
    P_CHOICE(load_params, mode, "open", modes,
             "open: requests at exponential intervals; closed: `outstanding` at a time."),
    P_TIME(load_params, gap, "1min", "1ns", "24h", "Open: mean time between two requests."),
    P_INT(load_params, outstanding, "8", "1", "100000", "Closed: requests outstanding."),
    P_TIME(load_params, hold, "2min", "0", "240h", "Mean time for which a cartridge is used."),
    P_CHOICE(load_params, use, "exponential", uses, "That time is drawn, or always the same."),
    P_CHOICE(load_params, order, "fifo", orders,
             "Who gets a cartridge that is mounted: the requests in order; or first all for it."),
    P_BOOL(load_params, eager, "true",
           "A cartridge that nobody waits for is put back at once; else when its drive is needed."),
    P_INT(load_params, requests, "10000", "1", "1000000000", "Requests in all."),
    P_INT(load_params, warmup, "0", "0", "1000000000", "The first to end, which do not count."),
    P_TIME(load_params, retry, "5min", "1s", "24h", "After a failure, until the next attempt.",
           "HPSS 4.5 guide, p. 384: 5 min"),
    P_VAL(load_params, faults,
          "List of faults: { path, action, at, ... } as disks/library/library_fault.c says.",
          "none"),
    P_END,
};

#define NONE UINT32_MAX
#define PATIENCE                                                                                   \
    3 /* rounds until a dead drive that may be repaired is opened: ASSUMED(a quarter of
                      an hour) */

struct load;

/* A drive. */
struct bay {
    struct load *of;
    uint32_t cartridge; /* that is in it, as far as is known, or NONE */
    uint32_t going;     /* the one that `out` takes away */
    uint32_t holders;   /* requests, moves and rescues that need it; 0: anybody may have it */
    bool failed;        /* the last mount found it dead */
    sim_time idle_since;
    struct changer_req out;
};

enum tape_state { TAPE_HOME, TAPE_IDLE /* in a drive */, TAPE_AWAY /* or used */, TAPE_GONE };
struct tape {
    enum tape_state state;
    uint32_t bay;     /* of one that is idle */
    uint32_t waiting; /* requests for it without a drive */
};

struct visit {
    struct list link; /* load.pending */
    struct load *of;
    uint32_t tape, bay;
    struct changer_req in;
    struct sim_event event;
    struct sim_customer customer;
    sim_time came, given; /* it has come, a drive is its */
};

/* The search for a cartridge after a failure. */
struct rescue {
    struct list link; /* load.rescues */
    struct load *of;
    uint32_t tape, bay, step, rounds;
    bool nowhere; /* so far nobody has it */
    bool strange; /* it is taken whatever its label is */
    bool by_hand; /* it is outside, or in the port */
    struct changer_req req;
    struct sim_event event;
};

struct load {
    struct sim *sim;
    const struct load_params *p;
    struct changer *changer;
    struct changer_describe about;
    struct bay *bays;
    struct tape *tapes;
    struct list pending, visits, rescues; /* visits: those with a drive */
    struct sim_event arrival;
    struct sim_rng gaps, choices, holds;
    struct sim_population population;
    struct sim_faults *faults;
    struct sim_measure *wait, *drive_wait, *arm_wait, *mount, *response;
    uint64_t owed; /* closed: requests that are to come */
    uint64_t came, ended, failed, hits, retries, rescued;
    uint64_t usable; /* bays without holders */
};

static void dispatch(struct load *l);

static sim_time now_of(const struct load *l)
{
    return sim_now(l->sim);
}

static struct changer_place home(const struct load *l, uint32_t tape)
{
    return changer_at(CHG_CELL, l->changer->ops->home(l->changer, tape, NULL));
}

static void hold_bay(struct bay *b)
{
    b->of->usable -= b->holders++ == 0;
}

static void release_bay(struct bay *b)
{
    ASSERT(b->holders > 0);
    b->of->usable += --b->holders == 0;
    b->idle_since = now_of(b->of);
}

/* ---- the end of a request ---- */

static void end(struct visit *v, bool good)
{
    struct load *l = v->of;
    bool counts = ++l->ended > (uint64_t)l->p->warmup && good;
    list_remove(&v->link);
    sim_population_move(&l->population, &v->customer, SIM_ABSENT, now_of(l), counts);
    if (counts)
        sim_measure_add(l->response, sim_time_seconds(now_of(l) - v->came));
    l->failed += !good;
    if (l->ended == (uint64_t)l->p->warmup)
        sim_window_open(l->sim);
    if (l->ended == (uint64_t)l->p->requests)
        sim_window_close(l->sim);
    free(v);
    if (l->p->mode == MODE_CLOSED && l->owed++ == 0)
        sim_after(l->sim, &l->arrival, 0);
}

/* It waits for a drive. */
static void wait_for_drive(struct visit *v)
{
    v->of->tapes[v->tape].waiting++;
    list_remove(&v->link);
    list_push(&v->of->pending, &v->link);
}

/* ---- what goes wrong ---- */

static void rescue_step(struct rescue *x);

/* All requests have ended: nothing needs to fail any more, or to be found. */
static bool over(void *self)
{
    const struct load *l = self;
    return l->ended == (uint64_t)l->p->requests;
}

static void rescue_again(struct sim *s, struct sim_event *e)
{
    struct rescue *x = CONTAINER_OF(e, struct rescue, event);
    (void)s;
    if (over(x->of)) /* nobody will ask for it */
        return;
    if (x->by_hand)
        changer_submit(x->of->changer, &x->req);
    else
        rescue_step(x);
}

/* It lies in its cell, or it is nowhere. */
static void rescue_over(struct rescue *x, bool found)
{
    struct load *l = x->of;
    struct bay *b = &l->bays[x->bay];
    l->tapes[x->tape].state = found ? TAPE_HOME : TAPE_GONE;
    l->rescued += found;
    if (b->cartridge == x->tape)
        b->cartridge = NONE;
    release_bay(b);
    list_remove(&x->link);
    free(x);
    dispatch(l);
}

/* It has left the dead drive; or is in the port; or the port is in use. */
static void rescue_by_hand(struct changer_req *r)
{
    struct rescue *x = r->owner;
    struct load *l = x->of;
    const struct changer_place port = changer_at(CHG_PORT, 0);
    char label[CHG_LABEL_SIZE];
    memcpy(label, r->label, sizeof label);
    if (r->op == CHG_MOVE && r->status == CHG_OK) {
        rescue_over(x, true);
        return;
    }
    if (r->op == CHG_EXPORT && r->status != CHG_OK) {
        rescue_over(x, false);
        return;
    }
    bool good = r->status == CHG_OK;
    if (r->op == CHG_MOVE || (r->op == CHG_IMPORT && good))
        changer_req_init(&x->req, CHG_MOVE, port, home(l, x->tape), rescue_by_hand, x);
    else
        changer_req_init(&x->req, CHG_IMPORT, port, port, rescue_by_hand, x);
    memcpy(x->req.label, label, sizeof label);
    x->by_hand = true;
    sim_after(l->sim, &x->event, good ? 0 : l->p->retry); /* what does not go is tried again */
}

/* In a drive that is dead for good, as it seems, and there is a port by which it can come back. */
static bool by_hand(const struct rescue *x)
{
    const struct load *l = x->of;
    return x->step == 1 && l->bays[x->bay].cartridge == x->tape && l->about.count[CHG_PORT] > 0 &&
           (x->rounds >= PATIENCE || l->changer->ops->drive(l->changer, x->bay) != NULL);
}

static void open_drive(struct rescue *x)
{
    struct changer_place drive = changer_at(CHG_DRIVE, x->bay);
    changer_req_init(&x->req, CHG_EXPORT, drive, drive, rescue_by_hand, x);
    changer_submit(x->of->changer, &x->req);
}

/* Places where it may be: its cell, its drive, the hands. */
static void rescue_done(struct changer_req *r)
{
    struct rescue *x = r->owner;
    struct load *l = x->of;
    char label[CHG_LABEL_SIZE];
    l->changer->ops->home(l->changer, x->tape, label);
    if (r->status == CHG_OK && (x->step > 0 || strcmp(r->label, label) == 0)) {
        rescue_over(x, !x->strange);
        return;
    }
    if (r->status == CHG_OK) { /* what lies there has another label now */
        rescue_over(x, false);
        return;
    }
    if (r->status == CHG_LABEL && x->step == 1 && !x->strange &&
        l->bays[x->bay].cartridge == x->tape) {
        x->strange = true; /* in that drive lies what has another label now */
        rescue_step(x);
        return;
    }
    if (r->status == CHG_DRIVE_DEAD && by_hand(x)) {
        open_drive(x);
        return;
    }
    x->nowhere &= r->status == CHG_EMPTY || r->status == CHG_LABEL;
    if (++x->step < 2 + l->about.count[CHG_HAND]) {
        rescue_step(x);
    } else if (x->nowhere) {
        rescue_over(x, false);
    } else {
        x->step = 0;
        x->rounds++;
        l->retries++;
        sim_after(l->sim, &x->event, l->p->retry);
    }
}

static void rescue_step(struct rescue *x)
{
    struct load *l = x->of;
    struct changer_place cell = home(l, x->tape);
    if (x->step == 0) {
        x->nowhere = true;
        changer_req_init(&x->req, CHG_INVENTORY, cell, cell, rescue_done, x);
    } else {
        struct changer_place from =
            x->step == 1 ? changer_at(CHG_DRIVE, x->bay) : changer_at(CHG_HAND, x->step - 2);
        changer_req_init(&x->req, CHG_MOVE, from, cell, rescue_done, x);
        if (!x->strange || x->step > 1)
            l->changer->ops->home(l->changer, x->tape, x->req.label);
    }
    changer_submit(l->changer, &x->req);
}

/* A move of that cartridge to or from a bay did not end well: after a while it is looked for. */
static void rescue(struct load *l, uint32_t tape, struct bay *b)
{
    struct rescue *x = base_zalloc(1, sizeof *x);
    *x = (struct rescue){ .of = l, .tape = tape, .bay = (uint32_t)(b - l->bays) };
    list_push(&l->rescues, &x->link);
    sim_event_init(&x->event, SIM_CLASS_DEVICE, rescue_again);
    l->tapes[tape].state = TAPE_AWAY;
    hold_bay(b);
    sim_after(l->sim, &x->event, l->p->retry);
}

/* ---- a cartridge comes, is used, goes ---- */

static void put_away_done(struct changer_req *r)
{
    struct bay *b = r->owner;
    struct load *l = b->of;
    if (r->status != CHG_OK) {
        rescue(l, b->going, b);
    } else {
        l->tapes[b->going].state = TAPE_HOME;
        if (b->cartridge == b->going)
            b->cartridge = NONE;
    }
    release_bay(b);
    dispatch(l);
}

/* The idle cartridge of a bay goes home. */
static void put_away(struct bay *b)
{
    struct load *l = b->of;
    ASSERT(b->holders == 0 && b->cartridge != NONE);
    b->going = b->cartridge;
    l->tapes[b->going].state = TAPE_AWAY;
    hold_bay(b);
    changer_req_init(&b->out, CHG_MOVE, changer_at(CHG_DRIVE, (uint32_t)(b - l->bays)),
                     home(l, b->going), put_away_done, b);
    l->changer->ops->home(l->changer, b->going, b->out.label);
    changer_submit(l->changer, &b->out);
}

static void used(struct sim *s, struct sim_event *e)
{
    struct visit *v = CONTAINER_OF(e, struct visit, event);
    struct load *l = v->of;
    struct bay *b = &l->bays[v->bay];
    uint32_t tape = v->tape;
    (void)s;
    l->tapes[tape].state = TAPE_IDLE;
    l->tapes[tape].bay = v->bay;
    release_bay(b);
    end(v, true);
    dispatch(l);
    if (l->p->eager && b->holders == 0 && b->cartridge == tape)
        put_away(b);
}

/* Its cartridge is in the drive. */
static void use(struct visit *v)
{
    struct load *l = v->of;
    l->tapes[v->tape].state = TAPE_AWAY;
    if (l->ended >= (uint64_t)l->p->warmup) {
        sim_measure_add(l->wait, sim_time_seconds(now_of(l) - v->came));
        sim_measure_add(l->drive_wait, sim_time_seconds(v->given - v->came));
    }
    sim_time time =
        l->p->use == USE_FIXED ? l->p->hold : sim_rng_exponential(&l->holds, l->p->hold);
    sim_event_init(&v->event, SIM_CLASS_DEVICE, used);
    sim_after(l->sim, &v->event, time);
}

static void mounted(struct changer_req *r)
{
    struct visit *v = r->owner;
    struct load *l = v->of;
    struct bay *b = &l->bays[v->bay];
    if (r->status != CHG_OK) {
        b->failed = r->status == CHG_DRIVE_DEAD;
        bool lost = r->status == CHG_EMPTY || r->status == CHG_LABEL;
        if (r->status == CHG_DRIVE_DEAD && r->part[CHG_PART_ARM] > 0 && b->cartridge == NONE)
            b->cartridge = v->tape; /* it may be in there */
        if (lost)
            l->tapes[v->tape].state = TAPE_GONE;
        else
            rescue(l, v->tape, b);
        release_bay(b);
        wait_for_drive(v);
        dispatch(l);
        return;
    }
    b->failed = false;
    b->cartridge = v->tape;
    if (l->ended >= (uint64_t)l->p->warmup) {
        sim_measure_add(l->mount, sim_time_seconds(r->completed - r->submitted));
        sim_measure_add(l->arm_wait, sim_time_seconds(r->part[CHG_PART_WAIT]));
    }
    use(v);
}

/* ---- who gets a drive ---- */

/* How gladly it is taken, the least first: empty, to be emptied, one that has failed. */
static int reluctance(const struct bay *b)
{
    return b->failed ? 2 : b->cartridge == NONE ? 0 : 1;
}

/* Of equals the one that has been idle for longest; NULL: there is none. */
static struct bay *bay_for(struct load *l)
{
    struct bay *best = NULL;
    for (uint32_t i = 0; i < l->about.count[CHG_DRIVE]; i++) {
        struct bay *b = &l->bays[i];
        if (b->holders > 0)
            continue;
        if (best == NULL || reluctance(b) < reluctance(best) ||
            (reluctance(b) == reluctance(best) && b->idle_since < best->idle_since))
            best = b;
    }
    return best;
}

static void give(struct visit *v, struct bay *b)
{
    struct load *l = v->of;
    bool there = b->cartridge == v->tape;
    if (!there && b->cartridge != NONE)
        put_away(b);
    l->tapes[v->tape].waiting--;
    l->tapes[v->tape].state = TAPE_AWAY;
    l->hits += there;
    list_remove(&v->link);
    list_push(&l->visits, &v->link);
    hold_bay(b);
    v->bay = (uint32_t)(b - l->bays);
    v->given = now_of(l);
    if (there) {
        use(v);
        return;
    }
    changer_req_init(&v->in, CHG_MOVE, home(l, v->tape), changer_at(CHG_DRIVE, v->bay), mounted, v);
    l->changer->ops->home(l->changer, v->tape, v->in.label);
    changer_submit(l->changer, &v->in);
}

/* Serves it if that is possible. */
static void serve(struct visit *v)
{
    struct load *l = v->of;
    struct tape *t = &l->tapes[v->tape];
    if (t->state == TAPE_GONE) {
        t->waiting--;
        end(v, false);
    } else if (t->state == TAPE_IDLE) {
        give(v, &l->bays[t->bay]);
    } else if (t->state == TAPE_HOME) {
        struct bay *b = bay_for(l);
        if (b != NULL)
            give(v, b);
    }
}

static void dispatch(struct load *l)
{
    if (l->p->order == ORDER_DRAIN)
        LIST_EACH_SAFE (it, next, &l->pending) {
            struct visit *v = LIST_ENTRY(it, struct visit, link);
            if (l->tapes[v->tape].state == TAPE_IDLE)
                serve(v);
        }
    LIST_EACH_SAFE (it, next, &l->pending) {
        struct visit *v = LIST_ENTRY(it, struct visit, link);
        if (l->usable == 0 && l->tapes[v->tape].state != TAPE_GONE)
            break;
        serve(v);
    }
}

/* ---- requests come ---- */

static void arrive_one(struct load *l)
{
    struct visit *v = base_zalloc(1, sizeof *v);
    *v = (struct visit){ .of = l, .came = now_of(l) };
    v->tape = (uint32_t)sim_rng_below(&l->choices, l->about.cartridges);
    list_init(&v->link);
    sim_event_init(&v->event, SIM_CLASS_DEVICE, used);
    if (l->came++ == 0 && l->p->warmup == 0)
        sim_window_open(l->sim);
    sim_population_move(&l->population, &v->customer, SIM_INSIDE, v->came, false);
    wait_for_drive(v);
}

static void arrive(struct sim *s, struct sim_event *e)
{
    struct load *l = CONTAINER_OF(e, struct load, arrival);
    uint64_t n = l->p->mode == MODE_OPEN ? 1 : l->owed;
    l->owed = 0;
    for (uint64_t i = 0; i < n && l->came < (uint64_t)l->p->requests; i++)
        arrive_one(l);
    dispatch(l);
    if (l->p->mode == MODE_OPEN && l->came < (uint64_t)l->p->requests)
        sim_after(s, e, sim_rng_exponential(&l->gaps, l->p->gap));
}

/* ---- the workload ---- */

static void audit(void *self, struct sim_audit_report *report)
{
    const struct load *l = self;
    uint64_t inside = 0;
    LIST_EACH (it, &l->pending)
        inside++;
    LIST_EACH (it, &l->visits)
        inside++;
    sim_audit_balance(report, "requests", l->came, l->ended, inside, 0);
}

static struct sim_measure *declare(struct load *l, const char *name, const char *doc,
                                   unsigned flags)
{
    return sim_measure_declare(l->sim, name, "s", doc, flags);
}

static void declare_all(struct load *l)
{
    l->wait = declare(l, "wait", "Time until a request's cartridge is in a drive, loaded.",
                      SIM_MEASURE_HISTOGRAM | SIM_MEASURE_DEFAULT_COLUMN);
    l->drive_wait = declare(l, "wait.drive", "Time until a request has a drive.", 0);
    l->arm_wait =
        declare(l, "wait.arm", "Part of a mount: for an arm, and for the cartridge before it.", 0);
    l->mount = declare(l, "mount", "Time of a move to a drive, loading included.", 0);
    l->response = declare(l, "response", "Time of a request, use included.", 0);
}

static void *create(struct sim *s, const struct direct_world *w, const void *params, struct err *e)
{
    struct load *l = base_zalloc(1, sizeof *l);
    l->sim = s;
    l->p = params;
    l->changer = w->libraries->items[0];
    l->changer->ops->describe(l->changer, &l->about);
    list_init(&l->pending);
    list_init(&l->visits);
    list_init(&l->rescues);
    l->owed = (uint64_t)l->p->outstanding;
    l->usable = l->about.count[CHG_DRIVE];
    l->bays = base_zalloc(l->usable + 1, sizeof *l->bays);
    for (uint64_t i = 0; i < l->usable; i++)
        l->bays[i] = (struct bay){ .of = l, .cartridge = NONE };
    l->tapes = base_zalloc((size_t)l->about.cartridges + 1, sizeof *l->tapes);
    sim_rng_init(&l->gaps, s, "library_load/gaps");
    sim_rng_init(&l->choices, s, "library_load/choices");
    sim_rng_init(&l->holds, s, "library_load/holds");
    declare_all(l);
    sim_population_init(&l->population, s, "requests");
    sim_population_tells(&l->population, SIM_INSIDE, l->response);
    sim_audit_register(s, "library_load", audit, l);
    sim_event_init(&l->arrival, SIM_CLASS_ARRIVAL, arrive);
    sim_after(s, &l->arrival,
              l->p->mode == MODE_OPEN ? sim_rng_exponential(&l->gaps, l->p->gap) : 0);
    l->faults = sim_faults_create(s, false);
    sim_faults_until(l->faults, over, l);
    changer_fault_targets(l->faults, w->libraries);
    for (size_t i = 0; i < w->dev_count; i++)
        blk_fault_targets(l->faults, w->devs[i]);
    bool good = sim_faults_load(l->faults, l->p->faults, "workload.faults", e);
    if (l->about.cartridges == 0 || l->about.count[CHG_DRIVE] == 0)
        good = err_set(e, "libraries.%s: the workload needs cartridges and drives", l->about.name);
    else if (l->p->warmup >= l->p->requests)
        good = err_set(e, "workload.warmup: all %ld requests are of the warm-up",
                       (long)l->p->requests);
    if (good)
        return l;
    direct_library_load.destroy(l);
    return NULL;
}

/* Of the library for each TB. */
static double cost(const struct load *l)
{
    const struct load_prices *p = &l->p->prices;
    double tape = (double)l->about.cartridges;
    double all = p->cell * l->about.count[CHG_CELL] + p->cartridge * tape +
                 p->drive * l->about.count[CHG_DRIVE] + p->hand * l->about.count[CHG_HAND];
    return all / (tape * (double)p->capacity / 1e12);
}

static void finish(void *self, enum sim_end end_)
{
    struct load *l = self;
    double span = sim_time_seconds(sim_window_length(l->sim));
    (void)end_;
    if (span > 0)
        sim_scalar(l->sim, "mounts_per_hour", "1",
                   (double)sim_measure_count(l->mount) * 3600 / span, SIM_MEASURE_DEFAULT_COLUMN);
    if (l->p->prices.capacity > 0)
        sim_scalar(l->sim, "cost", "1/TB", cost(l), SIM_MEASURE_DEFAULT_COLUMN);
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = { { "failed", l->failed },
                   { "hits", l->hits },
                   { "retries", l->retries },
                   { "rescued", l->rescued } };
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        sim_scalar(l->sim, counts[i].name, "1", (double)counts[i].value,
                   counts[i].value > 0 ? SIM_MEASURE_DEFAULT_COLUMN : 0);
    sim_population_report(&l->population);
}

static void free_visits(struct list *of)
{
    struct list *it;
    while ((it = list_pop(of)) != NULL) {
        struct visit *v = LIST_ENTRY(it, struct visit, link);
        sim_cancel(v->of->sim, &v->event);
        changer_req_fini(&v->in);
        free(v);
    }
}

static void destroy(void *self)
{
    struct load *l = self;
    struct list *it;
    sim_cancel(l->sim, &l->arrival);
    sim_faults_free(l->faults);
    sim_audit_unregister(l->sim, l);
    free_visits(&l->pending);
    free_visits(&l->visits);
    while ((it = list_pop(&l->rescues)) != NULL) {
        struct rescue *x = LIST_ENTRY(it, struct rescue, link);
        sim_cancel(l->sim, &x->event);
        changer_req_fini(&x->req);
        free(x);
    }
    for (uint32_t i = 0; i < l->about.count[CHG_DRIVE]; i++)
        changer_req_fini(&l->bays[i].out);
    sim_population_fini(&l->population);
    free(l->bays);
    free(l->tapes);
    free(l);
}

const struct direct_ops direct_library_load = {
    .kind = { .name = "library_load",
              .doc = "Requests for cartridges of a tape library: mounted, used, put back.",
              .params = load_params,
              .params_size = sizeof(struct load_params) },
    .needs_libraries = true,
    .create = create,
    .finish = finish,
    .destroy = destroy,
};
