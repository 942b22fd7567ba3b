/* pvr.c: the repository of a library.  See pvr.h.
 *
 * What lies where is kept in memory, from what the library was made with; after a crash the drives
 * and hands are looked at, and what is in none of them is in its cell.
 *
 *   PVRI1  One job at a time moves a cartridge.
 */
#include "os/hsm/pvr.h"

#include <string.h>

#include "os/hsm/call.h"
#include "os/xk/msg.h" /* wire_put / wire_get */

static const struct param params_desc[] = {
    P_INT(pvr_params, changer, "0", "0", "1000",
          "Which of the libraries that this node controls, from 0.", "ASSUMED(one library a node)"),
    P_TIME(pvr_params, retry, "5ms", "1us", "1h",
           "What the queue of calls has no room for is tried again after so long.",
           "ASSUMED(some messages)"),
    P_BOOL(pvr_params, opens, "true",
           "An operator takes a cartridge that is wanted out of a drive that has died, and puts it "
           "into the port.",
           "ASSUMED(a site's choice)"),
    P_END,
};

struct job;
struct cartridge {
    char label[HSM_LABEL];
    struct port_place home, at;
    struct job *by; /* that moves it; others wait: PVRI1 */
};

struct pvr {
    struct port *port;
    struct hsm_calls calls;
    uint32_t changer, drives, hands, ports;
    bool opens;
    bool none;                /* this node has no such library */
    struct xk_map cartridges; /* label -> struct cartridge */
    struct cartridge **in;    /* what each drive has, or NULL */
    bool *unloaded;           /* that may be unloaded, and has not come out */
    uint32_t looking;         /* at drives and hands that have not been seen yet */
    struct list early;        /* jobs that came meanwhile */
    struct list blocked;      /* jobs of cartridges that another one moves */
    struct {
        uint64_t mounts, dismounts, failed, searches, opened;
    } counts;
};

const struct counter pvr_counters[] = {
    C_SUM(pvr, counts, mounts, "1", "Cartridges brought to drives."),
    C_SUM(pvr, counts, dismounts, "1", "Cartridges brought back."),
    C_SUM(pvr, counts, failed, "1", "Mounts and dismounts that failed."),
    C_SUM(pvr, counts, searches, "1", "Times that a cartridge was not where it should be."),
    C_SUM(pvr, counts, opened, "1", "Cartridges taken out of drives that had died."),
    C_END,
};

struct job {
    struct list link; /* in pvr.early, pvr.blocked */
    struct pvr *r;
    struct hsm_caller caller;
    uint32_t procedure, drive;
    char label[HSM_LABEL];
    struct cartridge *old, *new, *held[2];
    uint32_t moves; /* under way */
    enum hsm_status status;
    struct port_change out, in;
    /* a search: the places that are looked at in turn */
    uint32_t step;
    bool searched;
    struct port_change look;
    bool mounted;
    bool no_arm; /* that works and has a hand free */
    bool inside; /* what is wanted is in a drive that has died */
    bool opened; /* an operator takes it out */
};

static void begin(struct job *j);

/* The cartridges of the job are its own, or it waits. */
static bool hold(struct job *j)
{
    struct cartridge *const both[] = { j->old, j->new };
    for (int i = 0; i < 2; i++) { /* from an attempt before this one */
        if (j->held[i] != NULL)
            j->held[i]->by = NULL;
        j->held[i] = NULL;
    }
    for (int i = 0; i < 2; i++)
        if (both[i] != NULL && both[i]->by != NULL && both[i]->by != j) {
            list_push(&j->r->blocked, &j->link);
            return false;
        }
    for (int i = 0; i < 2; i++)
        if (both[i] != NULL && both[i]->by == NULL) {
            both[i]->by = j;
            j->held[i] = both[i];
        }
    return true;
}

static void let_go(struct job *j)
{
    struct list todo;
    for (int i = 0; i < 2; i++)
        if (j->held[i] != NULL)
            j->held[i]->by = NULL;
    list_init(&todo);
    list_splice(&todo, &j->r->blocked);
    while (!list_empty(&todo)) {
        struct list *l = list_pop(&todo);
        list_init(l);
        begin(LIST_ENTRY(l, struct job, link));
    }
}

static void answer(struct job *j, enum hsm_status s)
{
    struct rope reply;
    let_go(j);
    rope_init(&reply);
    rope_add_bytes(&reply, &(uint8_t){ (uint8_t)s }, 1);
    j->r->counts.failed += s != HSM_OK && j->procedure != PVR_FIND;
    hsm_answer(&j->r->calls, &j->caller, &reply);
    port_free(j->r->port, j);
}

static enum hsm_status status_of(enum port_change_status s)
{
    switch (s) {
    case PORT_CHANGE_OK:
        return HSM_OK;
    case PORT_CHANGE_EMPTY:
        return HSM_NO_VOLUME;
    case PORT_CHANGE_LABEL:
        return HSM_MISLABELLED;
    case PORT_CHANGE_STUCK:
        return HSM_STUCK;
    case PORT_CHANGE_ARM:
    case PORT_CHANGE_BLOCKED:
        return HSM_NO_DRIVE;
    default:
        return HSM_DEVICE;
    }
}

static void put(struct pvr *r, struct cartridge *c, struct port_place at)
{
    if (c->at.element == PORT_DRIVE && r->in[c->at.index] == c)
        r->in[c->at.index] = NULL;
    c->at = at;
    if (at.element == PORT_DRIVE) {
        r->in[at.index] = c;
        r->unloaded[at.index] = true; /* for all that is known */
    }
}

static struct cartridge *cartridge_of(struct pvr *r, const char *label)
{
    char key[HSM_LABEL] = { 0 };
    for (size_t i = 0; i + 1 < sizeof key && label[i] != 0; i++)
        key[i] = label[i];
    return xk_map_resolve(&r->cartridges, key);
}

/* ---- a cartridge in the hand of an arm that had died: the arm needs the hand again ---- */

static void put_home(struct port_change *c)
{
    struct pvr *r = c->arg;
    struct cartridge *x = cartridge_of(r, c->label);
    if (c->status == PORT_CHANGE_OK && x != NULL)
        put(r, x, c->to);
    port_free(r->port, c);
}

static void hand_seen(struct port_change *c)
{
    struct pvr *r = c->arg;
    struct cartridge *x = c->status == PORT_CHANGE_OK ? cartridge_of(r, c->label) : NULL;
    struct port_place hand = c->from;
    if (x == NULL) {
        port_free(r->port, c);
        return;
    }
    put(r, x, hand);
    *c = (struct port_change){
        .op = PORT_CHANGE_MOVE, .from = hand, .to = x->home, .done = put_home, .arg = r
    };
    memcpy(c->label, x->label, sizeof c->label);
    port_changer_submit(r->port, r->changer, c);
}

static void look_at(struct pvr *r, uint32_t element, uint32_t count,
                    void (*done)(struct port_change *c))
{
    for (uint32_t k = 0; k < count; k++) {
        struct port_change *c = port_alloc(r->port, sizeof *c);
        *c = (struct port_change){
            .op = PORT_CHANGE_LOOK, .from = { element, k }, .done = done, .arg = r
        };
        port_changer_submit(r->port, r->changer, c);
    }
}

/* ---- a cartridge that is not where it should be ---- */

static struct port_place place_at(const struct job *j, uint32_t step)
{
    const struct pvr *r = j->r;
    if (step == 0)
        return j->new->home;
    step--;
    if (step < r->drives)
        return (struct port_place){ PORT_DRIVE, step };
    step -= r->drives;
    return step < r->hands ? (struct port_place){ PORT_HAND, step }
                           : (struct port_place){ PORT_PORT, step - r->hands };
}

static void look_on(struct job *j);

static void looked(struct port_change *c)
{
    struct job *j = c->arg;
    if (c->status == PORT_CHANGE_OK && strcmp(c->label, j->new->label) == 0) {
        put(j->r, j->new, c->from);
        begin(j);
        return;
    }
    j->step++;
    look_on(j);
}

static void look_on(struct job *j)
{
    struct pvr *r = j->r;
    if (j->step > r->drives + r->hands + r->ports) {
        answer(j, j->status);
        return;
    }
    j->look = (struct port_change){
        .op = PORT_CHANGE_LOOK, .from = place_at(j, j->step), .done = looked, .arg = j
    };
    port_changer_submit(r->port, r->changer, &j->look);
}

/* ---- a cartridge in a drive that has died ---- */

static void brought(struct port_change *c)
{
    struct job *j = c->arg;
    struct pvr *r = j->r;
    if (c->status == PORT_CHANGE_FULL) { /* the next one: the operator has walked already */
        c->from.index = (c->from.index + 1) % r->ports;
        port_changer_submit(r->port, r->changer, c);
    } else if (c->status == PORT_CHANGE_OK) {
        put(r, j->new, c->from);
        begin(j);
    } else {
        answer(j, HSM_STUCK);
    }
}

static void taken_out(struct port_change *c)
{
    struct job *j = c->arg;
    struct pvr *r = j->r;
    if (c->status == PORT_CHANGE_EMPTY) { /* it has gone meanwhile */
        begin(j);
        return;
    }
    if (c->status != PORT_CHANGE_OK) { /* NO_ELEMENT: the dead one is where it was to go */
        answer(j, c->status == PORT_CHANGE_NO_ELEMENT ? HSM_DEVICE : HSM_STUCK);
        return;
    }
    r->counts.opened++;
    j->look = (struct port_change){
        .op = PORT_CHANGE_IMPORT, .from = { PORT_PORT, 0 }, .done = brought, .arg = j
    };
    memcpy(j->look.label, j->new->label, sizeof j->look.label);
    port_changer_submit(r->port, r->changer, &j->look);
}

static bool open_drive(struct job *j)
{
    struct pvr *r = j->r;
    if (!r->opens || r->ports == 0 || j->opened || j->new->at.element != PORT_DRIVE)
        return false;
    j->opened = true;
    j->look = (struct port_change){
        .op = PORT_CHANGE_EXPORT, .from = j->new->at, .done = taken_out, .arg = j
    };
    port_changer_submit(r->port, r->changer, &j->look);
    return true;
}

/* ---- mounts ---- */

static void all_moved(struct job *j)
{
    if (j->status == HSM_STUCK && j->inside && open_drive(j))
        return;
    if (j->mounted) /* even if what was there has gone no further than a hand */
        j->status = HSM_OK;
    if (j->no_arm)
        look_at(j->r, PORT_HAND, j->r->hands, hand_seen);
    if (j->status != HSM_NO_VOLUME || j->searched) {
        answer(j, j->status);
        return;
    }
    j->r->counts.searches++;
    j->searched = true; /* it is looked for, and tried once more */
    j->step = 0;
    look_on(j);
}

static void came_out(struct port_change *c)
{
    struct job *j = c->arg;
    j->moves--;
    j->no_arm |= c->status == PORT_CHANGE_ARM;
    if (c->status == PORT_CHANGE_OK) {
        ASSERT_MSG(c->to.index == j->old->home.index, "PVR1");
        put(j->r, j->old, c->to);
        j->r->counts.dismounts++;
    } else if (c->status != PORT_CHANGE_EMPTY) {
        j->status = HSM_DEVICE; /* what is in the drive does not go: it is of no use */
    }
    if (j->moves == 0)
        all_moved(j);
}

static void went_in(struct port_change *c)
{
    struct job *j = c->arg;
    j->moves--;
    j->no_arm |= c->status == PORT_CHANGE_ARM;
    if (c->status == PORT_CHANGE_OK) {
        ASSERT_MSG(strcmp(c->label, j->new->label) == 0, "PVR2");
        put(j->r, j->new, c->to);
        j->r->unloaded[j->drive] = false;
        j->mounted = true;
        j->r->counts.mounts++;
    } else if (j->status == HSM_OK) {
        j->inside = c->from.element == PORT_DRIVE && c->status == PORT_CHANGE_DRIVE_DEAD;
        j->status = j->inside ? HSM_STUCK : status_of(c->status);
    }
    if (j->moves == 0)
        all_moved(j);
}

/* Both moves at once: the arms know what to make of that. */
static void begin(struct job *j)
{
    struct pvr *r = j->r;
    struct port_place drive = { PORT_DRIVE, j->drive };
    j->status = HSM_OK;
    j->mounted = false;
    j->old = r->in[j->drive];
    if (!hold(j))
        return;
    if (j->old != NULL && j->old == j->new && !r->unloaded[j->drive]) { /* it is there */
        answer(j, HSM_OK);
        return;
    }
    ASSERT_MSG((j->old == NULL || j->old->by == j) && (j->new == NULL || j->new->by == j), "PVRI1");
    j->moves = 0;
    j->moves += j->old != NULL;
    j->moves += j->new != NULL;
    if (j->moves == 0) {
        answer(j, HSM_OK);
        return;
    }
    if (j->old != NULL) {
        j->out = (struct port_change){
            .op = PORT_CHANGE_MOVE, .from = drive, .to = j->old->home, .done = came_out, .arg = j
        };
        r->unloaded[j->drive] = true;
        port_changer_submit(r->port, r->changer, &j->out);
    }
    if (j->new != NULL) {
        j->in = (struct port_change){
            .op = PORT_CHANGE_MOVE, .from = j->new->at, .to = drive, .done = went_in, .arg = j
        };
        if (j->old == j->new) /* it must come out before it is loaded again */
            j->in.from = j->new->home;
        memcpy(j->in.label, j->new->label, sizeof j->in.label);
        if (j->in.from.element == PORT_DRIVE)
            r->unloaded[j->in.from.index] = true;
        port_changer_submit(r->port, r->changer, &j->in);
    }
}

/* ---- requests ---- */

static void tell_drives(struct job *j)
{
    struct pvr *r = j->r;
    struct rope reply;
    uint8_t wire[9 + HSM_LABEL];
    uint32_t n = r->drives;
    rope_init(&reply);
    rope_add_bytes(&reply, &(uint8_t){ HSM_OK }, 1);
    wire_put32(wire, n);
    rope_add_bytes(&reply, wire, 4);
    for (uint32_t k = 0; k < n; k++) {
        uint32_t node = 0, dev = 0;
        memset(wire, 0, sizeof wire);
        wire[8] = port_changer_drive(r->port, r->changer, k, &node, &dev);
        wire_put32(wire, node);
        wire_put32(wire + 4, dev);
        if (r->in[k] != NULL && !r->unloaded[k])
            memcpy(wire + 9, r->in[k]->label, HSM_LABEL);
        rope_add_bytes(&reply, wire, sizeof wire);
    }
    hsm_answer(&r->calls, &j->caller, &reply);
    port_free(r->port, j);
}

static void take_up(struct job *j)
{
    struct pvr *r = j->r;
    if (r->none) {
        answer(j, HSM_NO_VOLUME);
    } else if (j->procedure == PVR_DRIVES) {
        tell_drives(j);
    } else if (j->procedure == PVR_FIND) {
        answer(j, cartridge_of(r, j->label) != NULL ? HSM_OK : HSM_NO_VOLUME);
    } else if (j->drive >= r->drives) {
        answer(j, HSM_DEVICE);
    } else if (j->procedure == PVR_MOUNT) {
        j->new = cartridge_of(r, j->label);
        if (j->new != NULL)
            begin(j);
        else
            answer(j, HSM_NO_VOLUME);
    } else {
        begin(j);
    }
}

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    struct pvr *r = arg;
    struct job *j = port_alloc(r->port, sizeof *j);
    uint8_t wire[4] = { 0 };
    port_work(r->port, PORT_WORK_RPC, 1);
    j->r = r;
    j->procedure = procedure;
    j->caller = hsm_take(request, args);
    if ((procedure == PVR_MOUNT || procedure == PVR_DISMOUNT) && args->length >= sizeof wire)
        rope_take_front(args, sizeof wire, wire);
    j->drive = wire_get32(wire);
    if ((procedure == PVR_MOUNT || procedure == PVR_FIND) && args->length >= sizeof j->label)
        rope_take_front(args, sizeof j->label, j->label);
    j->label[sizeof j->label - 1] = 0;
    if (r->looking > 0)
        list_push(&r->early, &j->link);
    else
        take_up(j);
}

/* ---- the beginning ---- */

static void seen(struct port_change *c)
{
    struct pvr *r = c->arg;
    struct cartridge *x = c->status == PORT_CHANGE_OK ? cartridge_of(r, c->label) : NULL;
    if (x != NULL)
        put(r, x, c->from);
    port_free(r->port, c);
    if (--r->looking > 0)
        return;
    while (!list_empty(&r->early)) {
        struct list *l = list_pop(&r->early);
        take_up(LIST_ENTRY(l, struct job, link));
    }
}

static void learn_cartridges(struct pvr *r, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++) {
        struct cartridge *x = port_alloc(r->port, sizeof *x);
        uint32_t cell = port_changer_home(r->port, r->changer, k, x->label);
        x->home = x->at = (struct port_place){ PORT_CELL, cell };
        xk_map_bind(&r->cartridges, x->label, x);
    }
}

struct pvr *pvr_serve(struct xk_protl *rpc, const struct pvr_params *params)
{
    struct port *p = xk_port(rpc);
    struct pvr *r = port_alloc(p, sizeof *r);
    struct port_changer_info info = { .cartridges = 0 };
    _Static_assert(PORT_LABEL_SIZE == HSM_LABEL, "a label");
    r->port = p;
    hsm_calls_init(&r->calls, rpc, 0, params->retry);
    r->changer = (uint32_t)params->changer;
    r->none = r->changer >= port_changer_count(p);
    list_init(&r->early);
    list_init(&r->blocked);
    xk_map_init(&r->cartridges, p, HSM_LABEL);
    port_counters(p, "pvr", pvr_counters, r);
    if (!r->none)
        port_changer_describe(p, r->changer, &info);
    r->drives = info.count[PORT_DRIVE];
    r->hands = info.count[PORT_HAND];
    r->ports = info.count[PORT_PORT];
    r->opens = params->opens;
    r->in = port_alloc(p, (r->drives + 1) * sizeof(struct cartridge *));
    r->unloaded = port_alloc(p, r->drives + 1);
    learn_cartridges(r, info.cartridges);
    r->looking = r->drives + r->hands + r->ports;
    look_at(r, PORT_DRIVE, r->drives, seen);
    look_at(r, PORT_HAND, r->hands, seen);
    look_at(r, PORT_PORT, r->ports, seen);
    enum xk_status served = select_serve(rpc, HSM_SERVICE_PVR, serve, r);
    ASSERT(served == XK_OK);
    return r;
}

static void *start(struct os_node *n, const struct os_service *s, struct xk_protl *over)
{
    (void)n;
    return pvr_serve(over, s->params);
}

const struct os_service_ops pvr_service = {
    .kind = { .name = "pvr",
              .doc = "The repository of a library: its cartridges, and what its drives have.",
              .params = params_desc,
              .params_size = sizeof(struct pvr_params),
              .counters = pvr_counters },
    .on = "service",
    .over = "rpc",
    .protocol = &select_protl,
    .start = start,
};
