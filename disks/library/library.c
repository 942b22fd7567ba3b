/* library.c: a library of cartridges: the way of a request through its drives and arms.
 *
 *     submitted -> its turn at both elements -> unloaded (from a drive) -> waits for an arm
 *               -> picked -> placed -> loaded (in a drive), through the wall (in a pass) -> done
 *
 * Its turn at `from` ends when the cartridge is picked, that at `to` when it is done: so the mount
 * that waits for a drive goes on while the cartridge that was in it is carried away.
 *
 * Modelled: arms, drives, labels, exchanges with two hands, passes, people at the ports, failures.
 * Not modelled: doors, cleaning cartridges, the time of a command, the control path.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disks/library/library_internal.h"
#include "disks/tape/drive.h"
#include "sim/audit.h"
#include "sim/digest.h"

const struct counter library_counters[] = {
    C_SUM(library, counts, requests, "1", "Requests that were done."),
    C_SUM(library, counts, mounts, "1", "Cartridges loaded in drives."),
    C_SUM(library, counts, dismounts, "1", "Cartridges taken from drives."),
    C_SUM(library, counts, exchanges, "1", "Tours on which an arm did both with its two hands."),
    C_SUM(library, counts, moves, "1", "Cartridges placed, anywhere."),
    C_SUM(library, counts, inventories, "1", "Labels read for an inventory."),
    C_SUM(library, counts, errors, "1", "Requests that ended with another status than OK."),
    C_SUM(library, counts, loaded_ms, "1", "Milliseconds that arms went with a cartridge."),
    C_SUM(library, counts, empty_ms, "1", "Milliseconds that arms went without one."),
    C_END,
};

static const char *const status_names[CHG_STATUS_COUNT] = {
    [CHG_OK] = "ok",
    [CHG_EMPTY] = "nothing there",
    [CHG_FULL] = "no room there",
    [CHG_LABEL] = "another label",
    [CHG_STUCK] = "stuck",
    [CHG_ARM] = "no arm works",
    [CHG_DRIVE_DEAD] = "the drive is dead",
    [CHG_UNFIT] = "of another format",
    [CHG_BLOCKED] = "the pass is blocked",
    [CHG_NO_ELEMENT] = "no such element",
};

const char *changer_status_name(enum changer_status s)
{
    return status_names[s];
}

static sim_time now_of(const struct library *l)
{
    return sim_now(l->changer.sim);
}

static bool is_place(const struct library *l, struct changer_place p)
{
    return p.element < CHG_ELEMENTS && p.index < l->count[p.element];
}

/* ---- the end of a request ---- */

static void go(struct changer_req *r);

/* Status and label, FNV-1a. */
static uint64_t content_of(const struct changer_req *r)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)r->status;
    for (const char *c = r->label; *c != '\0'; c++)
        h = (h ^ (uint64_t)(unsigned char)*c) * UINT64_C(0x100000001b3);
    return h;
}

static void finish(struct sim *s, struct sim_event *e)
{
    struct changer_req *r = CONTAINER_OF(e, struct changer_req, event);
    struct library *l = library_of_req(r);
    struct changer_req *next[2];
    for (uint32_t k = 0; k < 2; k++)
        next[k] = turns_leave(l, r, k);
    r->completed = sim_now(s);
    sim_inside_leave(&l->inside, r->submitted, r->completed);
    l->done++;
    l->counts.requests++;
    l->counts.errors += r->status != CHG_OK;
    sim_waist(s, SIM_WAIST_BLOCK, sim_now(s), -1, (uint64_t)r->op, content_of(r));
    for (uint32_t k = 0; k < 2; k++)
        if (next[k] != NULL && (k == 0 || next[1] != next[0]))
            go(next[k]);
    r->done(r);
}

/* The part that has begun ends now. */
static void add_part(struct changer_req *r, enum changer_part part)
{
    sim_time now = now_of(library_of_req(r));
    r->part[part] += now - r->since;
    r->since = now;
}

static void end_after(struct changer_req *r, enum changer_status status, sim_time delay)
{
    struct library *l = library_of_req(r);
    ASSERT_MSG(!sim_event_pending(&r->event), "CHG4: a request ends once");
    r->status = status;
    sim_event_init(&r->event, SIM_CLASS_DEVICE, finish);
    sim_after(l->changer.sim, &r->event, delay);
}

static void ended(struct changer_req *r, enum changer_status status)
{
    struct library *l = library_of_req(r);
    const struct cartridge *c = r->cartridge;
    bool in_drive = c != NULL && r->to.element == CHG_DRIVE && place_same(c->at, r->to);
    add_part(r, in_drive ? CHG_PART_LOAD : CHG_PART_ARM);
    l->counts.mounts += in_drive && status == CHG_OK;
    l->counts.inventories += r->op == CHG_INVENTORY;
    if (r->op == CHG_MOVE && r->to.element == CHG_PASS && l->passes[r->to.index]->claimed == r)
        l->passes[r->to.index]->claimed = NULL;
    end_after(r, status, 0);
}

/* ---- on its way ---- */

static void pass_travels(struct pass *x, struct changer_req *r)
{
    x->r = r;
    x->claimed = NULL;
    if (x->blocked)
        library_pass_block(x);
    else
        sim_after(library_of_req(r)->changer.sim, &x->event, x->time);
}

static void picked(struct changer_req *r)
{
    struct library *l = library_of_req(r);
    struct changer_req *next = NULL;
    l->counts.dismounts += r->from.element == CHG_DRIVE;
    if (r->mate == NULL || job_of(r) == JOB_DISMOUNT)
        next = turns_leave(l, r, 0);
    if (next != NULL)
        go(next);
}

static void placed(struct changer_req *r)
{
    struct library *l = library_of_req(r);
    add_part(r, CHG_PART_ARM);
    l->counts.moves++;
    if (r->to.element == CHG_DRIVE)
        drive_load(&l->drives[r->to.index], r);
    else if (r->to.element == CHG_PASS)
        pass_travels(l->passes[r->to.index], r);
    else
        ended(r, CHG_OK);
}

static void unloaded(struct changer_req *r, enum changer_status s)
{
    add_part(r, CHG_PART_UNLOAD);
    if (s == CHG_OK)
        arms_wait(r);
    else
        ended(r, s);
}

static const struct library_told told = { picked, placed, ended, unloaded };

/* ---- its turn ---- */

static struct cartridge *find_outside(const struct library *l, const char *label)
{
    LIST_EACH (it, &l->outside) {
        struct cartridge *c = LIST_ENTRY(it, struct cartridge, outside);
        if (strncmp(c->label, label, CHG_LABEL_SIZE) == 0)
            return c;
    }
    return NULL;
}

/* Somebody has come to the port. */
static void at_port(struct sim *s, struct sim_event *e)
{
    struct changer_req *r = CONTAINER_OF(e, struct changer_req, event);
    struct library *l = library_of_req(r);
    struct element *port = element_at(l, r->from);
    bool drive = r->from.element == CHG_DRIVE;
    (void)s;
    if (drive && !drive_dead(&l->drives[r->from.index])) {
        ended(r, CHG_NO_ELEMENT); /* nobody opens one that works */
        return;
    }
    if (r->op == CHG_EXPORT && port->held == NULL) {
        ended(r, CHG_EMPTY);
        return;
    }
    if (r->op == CHG_IMPORT && port->held != NULL) {
        ended(r, CHG_FULL);
        return;
    }
    if (r->op == CHG_EXPORT) {
        if (drive)
            drive_open(&l->drives[r->from.index]);
        struct cartridge *c = element_take(l, r->from);
        memcpy(r->label, c->label, sizeof r->label);
        element_outside(l, c);
    } else {
        struct cartridge *c = find_outside(l, r->label);
        element_put(l, r->from, c != NULL ? c : cartridge_make(l, r->label));
    }
    ended(r, CHG_OK);
}

/* It is the first at all its elements. */
static void go(struct changer_req *r)
{
    struct library *l = library_of_req(r);
    if (r->stage != STAGE_TURN)
        return;
    r->stage = STAGE_SERVED;
    add_part(r, CHG_PART_WAIT);
    if (r->op == CHG_IMPORT || r->op == CHG_EXPORT) {
        sim_event_init(&r->event, SIM_CLASS_DEVICE, at_port);
        sim_after(l->changer.sim, &r->event, l->p.operator);
    } else if (r->op == CHG_MOVE && r->from.element == CHG_DRIVE) {
        if (element_at(l, r->from)->held == NULL)
            ended(r, CHG_EMPTY);
        else
            drive_unload(&l->drives[r->from.index], r);
    } else {
        arms_wait(r);
    }
}

static bool makes_sense(const struct library *l, const struct changer_req *r)
{
    if (!is_place(l, r->from))
        return false;
    switch (r->op) {
    case CHG_MOVE:
        return is_place(l, r->to) && r->to.element != CHG_HAND && !place_same(r->from, r->to);
    case CHG_LOOK:
        return true;
    case CHG_INVENTORY:
        return r->from.element != CHG_HAND;
    case CHG_IMPORT:
        return r->from.element == CHG_PORT && r->label[0] != '\0';
    case CHG_EXPORT:
        return r->from.element == CHG_PORT || r->from.element == CHG_DRIVE;
    }
    return false;
}

void library_submit(struct changer *c, struct changer_req *r)
{
    struct library *l = library_of(c);
    l->submitted++;
    sim_inside_enter(&l->inside, now_of(l));
    r->since = now_of(l);
    r->stage = STAGE_TURN;
    if (!makes_sense(l, r)) {
        end_after(r, CHG_NO_ELEMENT, 0);
    } else if (r->op == CHG_LOOK) {
        memcpy(r->label, element_at(l, r->from)->seen, sizeof r->label);
        end_after(r, r->label[0] == '\0' ? CHG_EMPTY : CHG_OK, 0);
    } else if (turns_join(l, r)) {
        go(r);
    }
}

/* ---- passes ---- */

static void pass_arrived(struct sim *s, struct sim_event *e)
{
    struct pass *x = CONTAINER_OF(e, struct pass, event);
    struct changer_req *r = x->r;
    struct library *l = library_of_req(r);
    uint32_t side = x->end[0] == l && x->index[0] == r->to.index ? 0 : 1;
    struct library *other = x->end[1 - side];
    (void)s;
    x->r = NULL;
    element_put(other, changer_at(CHG_PASS, x->index[1 - side]), element_take(l, r->to));
    l->cartridges_left++;
    other->cartridges_came++;
    ended(r, CHG_OK);
}

void library_pass_block(struct pass *x)
{
    struct changer_req *r = x->r;
    x->blocked = true;
    if (r == NULL)
        return;
    sim_cancel(library_of_req(r)->changer.sim, &x->event);
    x->r = NULL;
    ended(r, CHG_BLOCKED);
}

void library_link(struct pass *x)
{
    sim_event_init(&x->event, SIM_CLASS_DEVICE, pass_arrived);
    for (int k = 0; k < 2; k++)
        x->end[k]->passes[x->index[k]] = x;
}

void library_unlink(struct pass *x)
{
    sim_cancel(x->end[0]->changer.sim, &x->event);
    free(x);
}

/* ---- making ---- */

void library_describe(const struct changer *c, struct changer_describe *out)
{
    const struct library *l = (const struct library *)c;
    *out = (struct changer_describe){ .cartridges = l->began };
    snprintf(out->name, sizeof out->name, "%s", c->name);
    memcpy(out->count, l->count, sizeof out->count);
}

/* Cartridges are spread over the cells. */
uint32_t library_home(const struct changer *c, uint32_t k, char label[CHG_LABEL_SIZE])
{
    const struct library *l = (const struct library *)c;
    ASSERT(k < l->began);
    if (label != NULL)
        snprintf(label, CHG_LABEL_SIZE, "%s%06lld", l->p.cartridges.prefix,
                 (long long)l->p.cartridges.first + k);
    return (uint32_t)((uint64_t)k * l->count[CHG_CELL] / l->began);
}

struct tape_medium *library_medium(struct changer *c, uint32_t k)
{
    struct library *l = library_of(c);
    ASSERT(k < l->began);
    return cartridge_medium(l, l->began_with[k]);
}

struct blkdev *library_drive(const struct changer *c, uint32_t index)
{
    const struct library *l = (const struct library *)c;
    ASSERT(index < l->count[CHG_DRIVE]);
    return l->drives[index].dev;
}

static void audit(void *self, struct sim_audit_report *report)
{
    const struct library *l = self;
    uint64_t held = 0, outside = 0;
    for (uint32_t k = 0; k < CHG_ELEMENTS; k++)
        for (uint32_t i = 0; i < l->count[k]; i++)
            held += l->elements[k][i].held != NULL;
    LIST_EACH (it, &l->outside)
        outside++;
    sim_audit_balance(report, "requests to the library", l->submitted, l->done,
                      l->submitted - l->done, 0);
    sim_audit_balance_resident(report, "cartridges", l->cartridges_made + l->cartridges_came,
                               l->cartridges_left, held + outside, l->cartridges_lost);
    if (l->cartridges_lost > 0)
        sim_audit_dropped(report, "cartridges", "lost in the library", l->cartridges_lost);
    elements_check(l);
}

struct library *library_create(struct sim *s, const struct library_kind *k,
                               const struct library_params *p, struct blkdev *const *devs,
                               const char *name)
{
    struct library *l = base_zalloc(1, sizeof *l);
    l->changer = (struct changer){ .ops = &k->ops, .sim = s, .name = base_strdup(name) };
    l->kind = k;
    l->p = *p;
    l->told = &told;
    l->queue = kind_at(&changer_queues, p->queue);
    l->arm_count = (uint32_t)p->arms;
    l->count[CHG_CELL] = (uint32_t)p->cells;
    l->count[CHG_DRIVE] = (uint32_t)p->drives;
    l->count[CHG_PORT] = (uint32_t)p->ports;
    l->count[CHG_HAND] = (uint32_t)(p->arms * p->hands);
    l->began = (uint32_t)p->cartridges.count;
    list_init(&l->waiting);
    sim_inside_init(&l->inside, s, SIM_KIND_OTHER, -1, name);
    char *queue = base_printf("%s.arms", name), *stream = base_printf("library/%s", name);
    sim_inside_init(&l->queued, s, SIM_KIND_ARM, -1, queue);
    sim_rng_init(&l->rng, s, stream);
    free(queue);
    free(stream);
    elements_init(l);
    drives_init(l);
    for (uint32_t i = 0; devs != NULL && i < l->count[CHG_DRIVE]; i++)
        l->drives[i].dev = devs[i];
    if (devs != NULL && l->count[CHG_DRIVE] > 0)
        l->format = &tape_drive_params(devs[0])->format;
    arms_init(l);
    l->began_with = base_zalloc(l->began + 1, sizeof(struct cartridge *));
    for (uint32_t i = 0; i < l->began; i++) {
        char label[CHG_LABEL_SIZE];
        uint32_t cell = library_home(&l->changer, i, label);
        l->began_with[i] = cartridge_make(l, label);
        if (i < (uint64_t)l->p.cartridges.filled)
            l->began_with[i]->filled = &l->p.cartridges;
        element_put(l, changer_at(CHG_CELL, cell), l->began_with[i]);
    }
    sim_audit_register(s, l->changer.name, audit, l);
    sim_count(&l->counted, s, k->ops.kind.name, -1, library_counters, l);
    return l;
}

void library_destroy(struct changer *c)
{
    struct library *l = library_of(c);
    sim_audit_unregister(c->sim, l);
    sim_count_end(&l->counted);
    arms_fini(l);
    drives_fini(l);
    elements_fini(l);
    sim_inside_fini(&l->queued);
    sim_inside_fini(&l->inside);
    free(l->passes);
    free(l->began_with);
    free(c->name);
    free(l);
}

/* ---- the calls ---- */

void changer_req_init(struct changer_req *r, enum changer_op op, struct changer_place from,
                      struct changer_place to, void (*done)(struct changer_req *r), void *owner)
{
    *r = (struct changer_req){ .op = op, .from = from, .to = to, .done = done, .owner = owner };
    list_init(&r->link);
    for (int k = 0; k < 2; k++) {
        list_init(&r->turns[k].link);
        r->turns[k].of = r;
    }
    sim_event_init(&r->event, SIM_CLASS_DEVICE, finish);
}

void changer_req_fini(struct changer_req *r)
{
    if (r->changer != NULL)
        sim_cancel(r->changer->sim, &r->event);
}

void changer_submit(struct changer *c, struct changer_req *r)
{
    r->changer = c;
    r->submitted = sim_now(c->sim);
    memset(r->part, 0, sizeof r->part);
    r->cartridge = r->mate = NULL;
    r->overtaken = 0;
    c->ops->submit(c, r);
}
