/* pvl.c: the physical volume library: jobs, drives, who gets what.  See pvl.h.
 *
 *   state of a job  what it holds                             event -> next (function)
 *   finding         nothing; a repository is asked             all found -> waiting (find_next)
 *   waiting         nothing                                    its turn -> mounting (grant)
 *   mounting        its drives, its volumes                    all mounted -> held (mounted);
 *                                                              a drive failed -> waiting
 *   held            the same                                   -> over (release)
 *
 *   PVLI1  A drive is BUSY or MOVING exactly while a job or a dismount has it.
 *   PVLI2  A volume has a drive exactly while that drive has it, is to get it, or is getting rid of
 *       it.
 */
#include "os/hsm/pvl_internal.h"

#include <stdlib.h> /* qsort alone */
#include <string.h>

#include "os/xk/peers.h"

enum { M_WAIT };
static const struct measure measures[] = {
    [M_WAIT] = { "pvl.wait", "s", "From a job's arrival until all its volumes are mounted.",
                 MEASURE_TOTAL },
    { .name = NULL },
};

const struct counter pvl_counters[] = {
    C_SUM(pvl, counts, jobs, "1", "Jobs."),
    C_SUM(pvl, counts, failed, "1", "Of these, those that ended without their volumes."),
    C_SUM(pvl, counts, mounts, "1", "Volumes that were mounted."),
    C_SUM(pvl, counts, found, "1", "Volumes that were found in a drive."),
    C_SUM(pvl, counts, victims, "1", "Idle volumes that had to go for another."),
    C_SUM(pvl, counts, put_away, "1", "Idle volumes that were put away after a while."),
    C_SUM(pvl, counts, drive_errors, "1", "Mounts that a drive, or the arms, failed."),
    C_END,
};

const struct param pvl_params_desc[] = {
    P_CHOICE_OF(pvl_params, order, "fifo", pvl_orders, "Which job is next."),
    P_CHOICE_OF(pvl_params, victim, "lru", pvl_victims,
                "Which idle volume goes when a drive is needed."),
    P_TIME(pvl_params, dismount_after, "15min", "0s", "1000h",
           "An idle volume is put away after so long; 0: when its drive is needed.",
           "HPSS R4.5: deferred dismount, about 15 min [found: tape.md S51]"),
    P_TIME(pvl_params, retry, "5min", "1s", "1000h",
           "A drive that failed a mount is tried again after so long.",
           "HPSS R4.5: mount retry 5 min [found: tape.md S51]"),
    P_TIME(pvl_params, call_retry, "5ms", "1us", "1h",
           "What the queue of calls has no room for is tried again after so long.",
           "ASSUMED(some messages)"),
    P_TIME(pvl_params, patience, "24h", "1s", "1000h",
           "A job that waits longer ends without its volumes.", "ASSUMED(a day's work)"),
    P_END,
};

static void arrange(struct pvl *p);

/* ---- drives and volumes ---- */

static void gone(struct drive *d)
{
    if (d->leaving != NULL)
        d->leaving->drive = NULL;
    d->leaving = NULL;
}

static void take_out(struct drive *d)
{
    if (d->volume != NULL)
        d->volume->drive = NULL;
    d->volume = NULL;
}

static void put_in(struct drive *d, struct volume *v)
{
    take_out(d);
    d->volume = v;
    v->drive = d;
}

static struct volume *volume_of(struct pvl *p, const char *label, bool make)
{
    char key[HSM_LABEL] = { 0 };
    strncpy(key, label, sizeof key - 1);
    struct volume *v = xk_map_resolve(&p->volumes, key);
    if (v == NULL && make) {
        v = port_alloc(p->port, sizeof *v);
        memcpy(v->label, key, sizeof key);
        v->pvr = NOWHERE;
        xk_map_bind(&p->volumes, key, v);
    }
    return v;
}

static void idle(struct pvl *p, struct drive *d)
{
    d->job = NULL;
    d->state = d->volume != NULL ? DRIVE_IDLE : DRIVE_EMPTY;
    d->since = port_now(p->port);
}

static void give_up_drive(struct pvl *p, struct drive *d)
{
    gone(d);
    take_out(d);
    d->job = NULL;
    d->state = DRIVE_DEAD;
    d->since = port_now(p->port);
}

/* ---- the ends of jobs ---- */

static void job_end(struct pvl *p, struct job *j, enum hsm_status s)
{
    uint8_t wire[8] = { (uint8_t)s };
    struct rope reply;
    rope_init(&reply);
    rope_add_bytes(&reply, wire, 1);
    for (uint32_t i = 0; s == HSM_OK && i < j->count; i++) {
        wire_put32(wire, j->drives[i]->node);
        wire_put32(wire + 4, j->drives[i]->device);
        rope_add_bytes(&reply, wire, 8);
    }
    if (s != HSM_OK) {
        wire_put32(wire, j->bad);
        rope_add_bytes(&reply, wire, 4);
    }
    p->counts.failed += s != HSM_OK;
    list_remove(&j->link);
    hsm_answer(&p->calls, &j->caller, &reply);
    if (s == HSM_OK) {
        list_push(&p->held, &j->link);
        j->state = JOB_HELD;
        port_measure(p->port, &measures[M_WAIT],
                     sim_time_seconds(port_now(p->port) - j->seen.since));
    } else {
        port_free(p->port, j);
    }
}

/* What it has it has no more; drives that are still moving stay as they are. */
static void let_go(struct pvl *p, struct job *j)
{
    for (uint32_t i = 0; i < j->count; i++) {
        if (j->drives[i] != NULL && j->drives[i]->state == DRIVE_BUSY)
            idle(p, j->drives[i]);
        j->drives[i] = NULL;
    }
}

/* ---- mounting ---- */

struct mount {
    struct pvl *p;
    struct job *job; /* NULL: the drive is only emptied */
    struct drive *drive;
    struct volume *volume;
};

/* One drive fewer to wait for; what went wrong is decided when the last has answered. */
static void job_advance(struct pvl *p, struct job *j)
{
    if (--j->mounting > 0)
        return;
    if (j->worst == HSM_OK && !j->orphan) {
        job_end(p, j, HSM_OK);
        return;
    }
    let_go(p, j);
    if (j->orphan) {
        list_remove(&j->link);
        port_free(p->port, j);
    } else if (j->worst == HSM_DEVICE || j->worst == HSM_UNREACHABLE || j->worst == HSM_NO_DRIVE) {
        list_remove(&j->link);
        list_push_front(&p->waiting, &j->link);
        j->state = JOB_WAITING;
    } else {
        job_end(p, j, j->worst);
    }
}

static void mounted(void *arg, enum xk_status status, struct rope *reply)
{
    struct mount *m = arg;
    struct pvl *p = m->p;
    struct drive *d = m->drive;
    struct job *j = m->job;
    enum hsm_status s = hsm_reply_status(status, reply);
    bool volume = s == HSM_NO_VOLUME || s == HSM_MISLABELLED || s == HSM_STUCK;
    gone(d);
    if (s == HSM_OK && j != NULL) {
        d->state = DRIVE_BUSY;
        m->volume->seen.mounts++;
        p->counts.mounts++;
    } else if (s == HSM_OK || (volume && j != NULL)) {
        take_out(d);
        idle(p, d);
    } else {
        give_up_drive(p, d);
        p->counts.drive_errors++;
    }
    if (j != NULL) {
        if (s != HSM_OK && (j->worst == HSM_OK || volume))
            j->worst = s;
        for (uint32_t i = 0; volume && i < j->count; i++)
            j->bad |= j->volumes[i] == m->volume ? 1u << i : 0;
        job_advance(p, j);
    }
    port_free(p->port, m);
    arrange(p);
}

/* The repository brings the drive the volume (NULL: nothing), and takes what is in it. */
static void move(struct pvl *p, struct drive *d, struct volume *v, struct job *j)
{
    uint8_t wire[4 + HSM_LABEL] = { 0 };
    struct rope args;
    struct mount *m = port_alloc(p->port, sizeof *m);
    *m = (struct mount){ p, j, d, v };
    wire_put32(wire, d->number);
    rope_init(&args);
    if (v != NULL)
        memcpy(wire + 4, v->label, HSM_LABEL);
    rope_add_bytes(&args, wire, v != NULL ? sizeof wire : 4);
    d->state = DRIVE_MOVING;
    d->job = j;
    d->leaving = d->volume; /* in its way until the move has ended: PVLI2 */
    d->volume = NULL;
    if (v != NULL)
        put_in(d, v);
    (void)hsm_call(&p->calls, p->pvrs[d->pvr].host, HSM_SERVICE_PVR,
                   v != NULL ? PVR_MOUNT : PVR_DISMOUNT, &args, mounted, m);
}

/* ---- who is next ---- */

/* A free drive of that library: an empty one, else the one whose volume the policy gives up. */
static struct drive *free_drive(struct pvl *p, uint32_t pvr, const struct job *but)
{
    struct drive *best = NULL;
    for (uint32_t i = 0; i < p->drive_count; i++) {
        struct drive *d = &p->drives[i];
        bool mine = false;
        if (d->pvr != pvr || d->taken || (d->state != DRIVE_EMPTY && d->state != DRIVE_IDLE))
            continue;
        for (uint32_t k = 0; k < but->count; k++)
            mine |= d->volume == but->volumes[k];
        if (mine)
            continue;
        if (d->state == DRIVE_EMPTY)
            return d;
        struct pvl_idle a = { d->since, d->volume->seen.mounts }, b = { 0, 0 };
        if (best != NULL)
            b = (struct pvl_idle){ best->since, best->volume->seen.mounts };
        if (best == NULL || p->victim->before(&a, &b))
            best = d;
    }
    return best;
}

enum verdict { GRANTED, IN_USE, NO_DRIVES };

/* PVL2: all drives, or none. */
static enum verdict grant(struct pvl *p, struct job *j, const bool *closed)
{
    for (uint32_t i = 0; i < j->count; i++) {
        const struct drive *d = j->volumes[i]->drive;
        if (d != NULL && d->state != DRIVE_IDLE)
            return IN_USE;
    }
    uint32_t got = 0;
    for (; got < j->count; got++) {
        struct volume *v = j->volumes[got];
        struct drive *d = v->drive;
        if (d == NULL && !closed[v->pvr])
            d = free_drive(p, v->pvr, j);
        if (d == NULL)
            break;
        d->taken = true;
        j->drives[got] = d;
    }
    for (uint32_t i = 0; i < got; i++) {
        j->drives[i]->taken = false;
        if (got < j->count)
            j->drives[i] = NULL;
    }
    if (got < j->count) {
        ASSERT_MSG(j->drives[0] == NULL, "PVL2");
        return NO_DRIVES;
    }
    j->worst = HSM_OK;
    j->bad = 0;
    j->state = JOB_MOUNTING;
    list_remove(&j->link);
    list_push(&p->mounting, &j->link);
    j->mounting = 1 + j->count;
    for (uint32_t i = 0; i < j->count; i++) {
        struct drive *d = j->drives[i];
        if (j->volumes[i]->drive == d) {
            d->state = DRIVE_BUSY;
            d->job = j;
            p->counts.found++;
            j->mounting--;
        } else {
            p->counts.victims += d->volume != NULL;
            move(p, d, j->volumes[i], j);
        }
    }
    job_advance(p, j);
    return GRANTED;
}

struct turn {
    struct job *job;
    struct pvl *p;
};

static int by_turn(const void *a, const void *b)
{
    const struct turn *x = a, *y = b;
    sim_time now = port_now(x->p->port);
    if (x->p->order->before(&x->job->seen, &y->job->seen, now))
        return -1;
    if (x->p->order->before(&y->job->seen, &x->job->seen, now))
        return 1;
    return x->job->turn < y->job->turn ? -1 : 1;
}

static bool any_drive(const struct pvl *p)
{
    for (uint32_t i = 0; i < p->drive_count; i++)
        if (p->drives[i].state == DRIVE_EMPTY || p->drives[i].state == DRIVE_IDLE)
            return true;
    return false;
}

static void earliest(sim_time *at, sim_time when)
{
    *at = sim_time_min(*at, when);
}

/* The timer, for whatever is due first.  Drives that have failed are left alone while nobody waits
 * for one. */
static void set_timer(struct pvl *p)
{
    sim_time at = SIM_NEVER, now = port_now(p->port);
    bool wanted = !list_empty(&p->waiting);
    LIST_EACH (l, &p->waiting)
        earliest(&at,
                 sim_time_add(LIST_ENTRY(l, struct job, link)->seen.since, p->params->patience));
    for (uint32_t i = 0; i < p->drive_count; i++) {
        const struct drive *d = &p->drives[i];
        if (d->state == DRIVE_DEAD && wanted)
            earliest(&at, sim_time_add(d->since, p->params->retry));
        if (d->state == DRIVE_IDLE && p->params->dismount_after > 0)
            earliest(&at, sim_time_add(d->since, p->params->dismount_after));
    }
    for (uint32_t i = 0; i < p->pvr_count; i++)
        if (!p->pvrs[i].known && wanted)
            earliest(&at, sim_time_add(p->pvrs[i].asked, p->params->retry));
    if (at == SIM_NEVER)
        (void)port_timer_cancel(&p->timer);
    else
        port_timer_set(&p->timer, at > now ? at - now : 0);
}

static void check_drives(const struct pvl *p)
{
    for (uint32_t i = 0; i < p->drive_count; i++) {
        const struct drive *d = &p->drives[i];
        ASSERT_MSG(d->state != DRIVE_BUSY || d->job != NULL, "PVLI1");
        ASSERT_MSG((d->volume == NULL || d->volume->drive == d) &&
                       (d->leaving == NULL || d->leaving->drive == d),
                   "PVLI2");
    }
}

/* Gives drives to the jobs whose turn it is. */
static void arrange(struct pvl *p)
{
    check_drives(p);
    bool again = true;
    while (again && !list_empty(&p->waiting) && any_drive(p)) {
        bool closed[PVRS_MAX] = { false }; /* PVL3 */
        uint32_t n = 0;
        LIST_EACH (l, &p->waiting)
            n++;
        struct turn *turns = port_alloc(p->port, n * sizeof *turns);
        n = 0;
        LIST_EACH (l, &p->waiting)
            turns[n++] = (struct turn){ LIST_ENTRY(l, struct job, link), p };
        qsort(turns, n, sizeof *turns, by_turn);
        again = false;
        for (uint32_t i = 0; !again && i < n; i++) {
            struct job *j = turns[i].job;
            enum verdict v = grant(p, j, closed);
            for (uint32_t k = 0; v == NO_DRIVES && k < j->count; k++)
                closed[j->volumes[k]->pvr] |= j->volumes[k]->drive == NULL;
            again = v == GRANTED; /* others may have come in between */
        }
        port_free(p->port, turns);
    }
    set_timer(p);
}

/* ---- repositories ---- */

static void learn(struct pvl *p, uint32_t i);

struct lesson {
    struct pvl *p;
    uint32_t pvr;
};

static struct drive *drive_of(struct pvl *p, uint32_t pvr, uint32_t number)
{
    for (uint32_t i = 0; i < p->drive_count; i++)
        if (p->drives[i].pvr == pvr && p->drives[i].number == number)
            return &p->drives[i];
    ASSERT_MSG(p->drive_count < DRIVES_MAX, "too many drives");
    struct drive *d = &p->drives[p->drive_count++];
    *d = (struct drive){ .pvr = pvr, .number = number, .state = DRIVE_DEAD };
    return d;
}

/* The repository says that the drive has the volume.  It may have been believed elsewhere: a move
 * that was begun before a crash has ended since.  Of a drive that is in use it is believed there
 * until that has ended: PVLI2. */
static void found_in(struct pvl *p, struct drive *d, struct volume *v)
{
    struct drive *other = v->drive;
    if (other != NULL && other->state != DRIVE_IDLE)
        return;
    if (other != NULL) {
        take_out(other);
        idle(p, other);
    }
    put_in(d, v);
}

/* What a repository says of its drives: of those that nobody uses it is believed. */
static void learnt(void *arg, enum xk_status status, struct rope *reply)
{
    struct lesson *x = arg;
    struct pvl *p = x->p;
    uint8_t wire[9 + HSM_LABEL];
    uint32_t pvr = x->pvr;
    port_free(p->port, x);
    p->pvrs[pvr].asking = false;
    enum hsm_status s = hsm_reply_status(status, reply);
    p->pvrs[pvr].known |= s == HSM_OK || s == HSM_NO_VOLUME; /* the latter: it has no library */
    if (s == HSM_OK && reply->length >= 4) {
        rope_take_front(reply, 4, wire);
        uint32_t n = wire_get32(wire);
        for (uint32_t k = 0; k < n && reply->length >= sizeof wire; k++) {
            struct drive *d = drive_of(p, pvr, k);
            rope_take_front(reply, sizeof wire, wire);
            d->node = wire_get32(wire);
            d->device = wire_get32(wire + 4);
            if (d->state != DRIVE_DEAD)
                continue;
            if (wire[8] == 0) {
                d->since = port_now(p->port);
                continue;
            }
            take_out(d);
            wire[sizeof wire - 1] = 0;
            if (wire[9] != 0) {
                struct volume *v = volume_of(p, (const char *)wire + 9, true);
                v->pvr = pvr;
                found_in(p, d, v);
            }
            idle(p, d);
        }
    }
    arrange(p);
}

static void learn(struct pvl *p, uint32_t i)
{
    struct rope args;
    struct lesson *x = port_alloc(p->port, sizeof *x);
    *x = (struct lesson){ p, i };
    p->pvrs[i].asked = port_now(p->port);
    rope_init(&args);
    p->pvrs[i].asking = true;
    (void)hsm_call(&p->calls, p->pvrs[i].host, HSM_SERVICE_PVR, PVR_DRIVES, &args, learnt, x);
}

/* ---- finding volumes ---- */

struct search {
    struct pvl *p;
    struct job *job;
    struct volume *volume;
    uint32_t pvr;
};

static void find_next(struct pvl *p, struct job *j);

static void search(struct search *x);

static void searched(void *arg, enum xk_status status, struct rope *reply)
{
    struct search *x = arg;
    struct job *j = x->job;
    enum hsm_status s = hsm_reply_status(status, reply);
    if (s == HSM_OK && x->volume->pvr == NOWHERE)
        x->volume->pvr = x->pvr;
    j->doubt |= s == HSM_UNREACHABLE;
    x->pvr++;
    search(x);
}

/* Asks one repository after the other. */
static void search(struct search *x)
{
    struct pvl *p = x->p;
    struct job *j = x->job;
    struct rope args;
    if (x->volume->pvr == NOWHERE && x->pvr < p->pvr_count) {
        rope_init(&args);
        rope_add_bytes(&args, x->volume->label, HSM_LABEL);
        (void)hsm_call(&p->calls, p->pvrs[x->pvr].host, HSM_SERVICE_PVR, PVR_FIND, &args, searched,
                       x);
        return;
    }
    bool found = x->volume->pvr != NOWHERE;
    for (uint32_t i = 0; !found && i < j->count; i++)
        j->bad |= j->volumes[i] == x->volume ? 1u << i : 0;
    port_free(p->port, x);
    if (found)
        find_next(p, j);
    else
        job_end(p, j, j->doubt ? HSM_UNREACHABLE : HSM_NO_VOLUME);
}

/* PVL6 */
static bool too_many(const struct pvl *p, const struct job *j)
{
    for (uint32_t r = 0; r < p->pvr_count; r++) {
        uint32_t want = 0, have = 0;
        for (uint32_t i = 0; i < j->count; i++)
            want += j->volumes[i]->pvr == r;
        for (uint32_t i = 0; i < p->drive_count; i++)
            have += p->drives[i].pvr == r;
        if (p->pvrs[r].known && want > have)
            return true;
    }
    return false;
}

static void find_next(struct pvl *p, struct job *j)
{
    if (j->orphan) {
        job_end(p, j, HSM_UNREACHABLE);
        return;
    }
    for (uint32_t i = 0; i < j->count; i++) {
        if (j->volumes[i]->pvr != NOWHERE)
            continue;
        struct search *x = port_alloc(p->port, sizeof *x);
        *x = (struct search){ p, j, j->volumes[i], 0 };
        search(x);
        return;
    }
    if (too_many(p, j)) {
        job_end(p, j, HSM_NO_DRIVE);
        return;
    }
    list_remove(&j->link);
    list_push(&p->waiting, &j->link);
    j->state = JOB_WAITING;
    arrange(p);
}

/* ---- requests ---- */

static void begin(struct pvl *p, struct select_request *request, struct rope *args)
{
    uint8_t wire[12];
    struct job *j = port_alloc(p->port, sizeof *j);
    j->caller = hsm_take(request, args);
    rope_take_front(args, sizeof wire, wire);
    j->turn = ++p->last;
    j->count = wire_get32(wire);
    j->seen = (struct pvl_waiting){ .weight = wire_get64(wire + 4), .since = port_now(p->port) };
    ASSERT(j->count > 0 && j->count <= PVL_STRIPE);
    for (uint32_t i = 0; i < j->count; i++) {
        char label[HSM_LABEL];
        rope_take_front(args, sizeof label, label);
        label[HSM_LABEL - 1] = 0;
        j->volumes[i] = volume_of(p, label, true);
    }
    p->counts.jobs++;
    list_push(&p->finding, &j->link);
    find_next(p, j);
}

/* Of a job that a client has no answer for it may be that there is none. */
static struct job *job_of(struct list *of, uint32_t client, uint64_t id)
{
    LIST_EACH (l, of) {
        struct job *j = LIST_ENTRY(l, struct job, link);
        if (j->caller.host == client && j->caller.ticket == id)
            return j;
    }
    return NULL;
}

static void job_drop(struct pvl *p, struct job *j)
{
    if (j->state == JOB_HELD) {
        let_go(p, j);
        list_remove(&j->link);
        port_free(p->port, j);
    } else if (j->state == JOB_WAITING) {
        job_end(p, j, HSM_UNREACHABLE);
    } else {
        j->orphan = true;
    }
}

static void release(struct pvl *p, uint32_t client, uint64_t id, uint32_t failed)
{
    struct list *const all[] = { &p->held, &p->waiting, &p->mounting, &p->finding };
    struct job *j = NULL;
    for (size_t i = 0; j == NULL && i < ARRAY_LEN(all); i++)
        j = job_of(all[i], client, id);
    if (j == NULL)
        return;
    for (uint32_t i = 0; j->state == JOB_HELD && i < j->count; i++)
        if (failed >> i & 1) {
            give_up_drive(p, j->drives[i]);
            j->drives[i] = NULL;
            p->counts.drive_errors++;
        }
    job_drop(p, j);
    arrange(p);
}

static void more(struct pvl *p, const char *label, uint64_t weight)
{
    const struct volume *v = volume_of(p, label, false);
    LIST_EACH (l, &p->waiting) {
        struct job *j = LIST_ENTRY(l, struct job, link);
        for (uint32_t i = 0; i < j->count; i++)
            if (j->volumes[i] == v) {
                j->seen.weight += weight;
                return;
            }
    }
}

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    struct pvl *p = arg;
    port_work(p->port, PORT_WORK_RPC, 1);
    if (procedure == PVL_MOUNT && args->length >= 24) {
        begin(p, request, args);
        return;
    }
    struct rope reply;
    rope_init(&reply);
    rope_add_bytes(&reply, &(uint8_t){ HSM_OK }, 1);
    uint8_t wire[8 + HSM_LABEL];
    if (procedure == PVL_RELEASE && args->length >= 12) {
        rope_take_front(args, 12, wire);
        release(p, select_request_host(request), wire_get64(wire), wire_get32(wire + 8));
    }
    if (procedure == PVL_MORE && args->length >= sizeof wire) {
        rope_take_front(args, sizeof wire, wire);
        wire[sizeof wire - 1] = 0;
        more(p, (const char *)wire + 8, wire_get64(wire));
    }
    select_reply(request, &reply);
}

/* ---- time, deaths ---- */

static void due(struct port_timer *t)
{
    struct pvl *p = t->arg;
    sim_time now = port_now(p->port);
    bool ask[PVRS_MAX] = { false };
    LIST_EACH_SAFE (l, next, &p->waiting) {
        struct job *j = LIST_ENTRY(l, struct job, link);
        if (now >= sim_time_add(j->seen.since, p->params->patience))
            job_end(p, j, HSM_NO_DRIVE);
    }
    for (uint32_t i = 0; i < p->drive_count; i++) {
        struct drive *d = &p->drives[i];
        if (d->state == DRIVE_DEAD && now >= sim_time_add(d->since, p->params->retry)) {
            ask[d->pvr] = true;
            d->since = now;
        }
        if (d->state == DRIVE_IDLE && p->params->dismount_after > 0 &&
            now >= sim_time_add(d->since, p->params->dismount_after)) {
            p->counts.put_away++;
            move(p, d, NULL, NULL);
        }
    }
    for (uint32_t i = 0; i < p->pvr_count; i++) {
        bool silent = !p->pvrs[i].known && now >= sim_time_add(p->pvrs[i].asked, p->params->retry);
        if ((ask[i] || silent) && !p->pvrs[i].asking)
            learn(p, i);
    }
    arrange(p);
}

static void drop_jobs(struct pvl *p, struct list *of, uint32_t host)
{
    LIST_EACH_SAFE (l, next, of) {
        struct job *j = LIST_ENTRY(l, struct job, link);
        if (j->caller.host == host)
            job_drop(p, j);
    }
}

static void peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    struct pvl *p = arg;
    (void)life;
    if (!alive) { /* PVL5 */
        drop_jobs(p, &p->held, host);
        drop_jobs(p, &p->waiting, host);
        drop_jobs(p, &p->mounting, host);
        drop_jobs(p, &p->finding, host);
    }
    for (uint32_t i = 0; i < p->pvr_count; i++)
        if (p->pvrs[i].host == host && alive && !p->pvrs[i].asking)
            learn(p, i);
    arrange(p);
}

/* ---- the service ---- */

struct pvl *pvl_serve(struct xk_protl *rpc, const struct pvl_params *params, const uint32_t *pvrs,
                      uint32_t count)
{
    struct pvl *p = port_alloc(xk_port(rpc), sizeof *p);
    p->port = xk_port(rpc);
    p->rpc = rpc;
    p->params = params;
    p->order = kind_at(&pvl_orders, p->params->order);
    p->victim = kind_at(&pvl_victims, p->params->victim);
    xk_map_init(&p->volumes, p->port, HSM_LABEL);
    hsm_calls_init(&p->calls, rpc, HSM_ANSWER_PVL, params->call_retry);
    list_init(&p->finding);
    list_init(&p->waiting);
    list_init(&p->mounting);
    list_init(&p->held);
    port_timer_init(p->port, &p->timer, due, p);
    port_counters(p->port, "pvl", pvl_counters, p);
    xk_on_peer(rpc->kernel, peer_changed, p);
    enum xk_status served = select_serve(rpc, HSM_SERVICE_PVL, serve, p);
    ASSERT(served == XK_OK && count <= PVRS_MAX);
    for (; p->pvr_count < count; p->pvr_count++)
        p->pvrs[p->pvr_count].host = pvrs[p->pvr_count];
    for (uint32_t i = 0; i < count; i++)
        learn(p, i);
    set_timer(p);
    return p;
}

static void *start(struct os_node *n, const struct os_service *s, struct xk_protl *over)
{
    uint32_t pvrs[PVRS_MAX], count = 0;
    for (uint32_t i = 0; i < n->boot->service_count; i++) {
        const struct os_service *x = &n->boot->services[i];
        for (uint32_t k = 0; x->ops == &pvr_service && k < x->on->count; k++) {
            ASSERT_MSG(count < PVRS_MAX, "too many repositories");
            pvrs[count++] = x->on->nodes[k];
        }
    }
    return pvl_serve(over, s->params, pvrs, count);
}

const struct os_service_ops pvl_service = {
    .kind = { .name = "pvl",
              .doc = "The physical volume library: mounts of volumes, and who gets which drive.",
              .params = pvl_params_desc,
              .params_size = sizeof(struct pvl_params),
              .counters = pvl_counters },
    .on = "service",
    .over = "rpc",
    .protocol = &select_protl,
    .start = start,
};
