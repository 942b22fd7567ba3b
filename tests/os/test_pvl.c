/* test_pvl.c: the physical volume library against repositories that the test plays: who has which
 * drive is followed from outside.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/hsm/pvl.h"
#include "os/hsm/pvr.h"
#include "os/proto/select/select.h"
#include "os/xk/msg.h"
#include "tests/os/xk_rig.h"

/* Node 0 has the library, 1 and 2 play repositories, the others ask. */
enum { PVRS = 2, DRIVES = 3, VOLUMES = 12, CLIENTS = 4, NODES = 1 + PVRS + CLIENTS };

struct drive {
    char label[HSM_LABEL];
    bool moving, dead;
    uint32_t user; /* client + 1 that was told it is its */
};

struct world {
    struct rig rig;
    struct pvl_params params;
    struct hsm_calls calls[NODES];
    struct drive drives[PVRS][DRIVES];
    uint64_t seed;
    uint32_t errors;   /* of 100 mounts fail */
    uint32_t jobs;     /* of each client */
    uint32_t stripe;   /* volumes of a job at most */
    uint32_t in_order; /* label index by turn, as mounted */
    uint32_t turns[64];
    uint32_t ended, good, bad[HSM_STATUS_COUNT];
    uint32_t running;
    bool done[NODES], one_drive;
    sim_time hold;
    struct model *model; /* says what must be done; NULL: none does */
};
static struct world *world;

static uint64_t draw(uint64_t n)
{
    world->seed = world->seed * 6364136223846793005u + 1442695040888963407u;
    return (world->seed >> 33) % n;
}

/* Even volumes are at repository 0. */
static void label_of(uint32_t v, char out[HSM_LABEL])
{
    memset(out, 0, HSM_LABEL);
    snprintf(out, HSM_LABEL, "V%u", v);
}

static uint32_t home(const char *label)
{
    return (uint32_t)(label[strlen(label) - 1] - '0') % PVRS;
}

/* What the repositories tell the model, and when an answer is due by it (below). */
static void model_told(struct model *m, uint32_t pvr, uint32_t drive, const char *label);
static void model_moved(struct model *m, uint32_t pvr, uint32_t drive);
static sim_time model_slot(struct model *m, sim_time at);

/* ---- a repository ---- */

struct answer {
    struct port_timer timer;
    struct hsm_caller caller;
    uint32_t pvr, drive;
    char label[HSM_LABEL];
    enum hsm_status status;
};

static void reply_with(uint32_t pvr, const struct hsm_caller *to, enum hsm_status s,
                       struct rope *more)
{
    struct rope reply;
    rope_init(&reply);
    rope_add_bytes(&reply, &(uint8_t){ (uint8_t)s }, 1);
    if (more)
        rope_join(&reply, more);
    hsm_answer(&world->calls[1 + pvr], to, &reply);
}

static void moved(struct port_timer *t)
{
    struct answer *a = t->arg;
    struct drive *d = &world->drives[a->pvr][a->drive];
    d->moving = false;
    memset(d->label, 0, sizeof d->label);
    if (a->status == HSM_OK)
        memcpy(d->label, a->label, sizeof d->label);
    d->dead = a->status == HSM_DEVICE;
    if (a->label[0] != 0 && a->status == HSM_OK && world->in_order < 64)
        world->turns[world->in_order++] = (uint32_t)(a->label[1] - '0');
    if (world->model != NULL)
        model_moved(world->model, a->pvr, a->drive);
    reply_with(a->pvr, &a->caller, a->status, NULL);
}

static void repository(void *arg, struct select_request *request, uint32_t procedure,
                       struct rope *args)
{
    struct port *p = arg;
    uint32_t pvr = port_node(p) - 1, count = world->one_drive ? 1 : DRIVES;
    char label[HSM_LABEL] = { 0 };
    uint8_t wire[9 + HSM_LABEL] = { 0 };
    struct hsm_caller caller = hsm_take(request, args);
    struct rope more;
    rope_init(&more);
    if (procedure == PVR_DRIVES) {
        wire_put32(wire, count);
        rope_add_bytes(&more, wire, 4);
        for (uint32_t k = 0; k < count; k++) {
            struct drive *d = &world->drives[pvr][k];
            d->dead = false; /* it was repaired meanwhile */
            wire_put32(wire, 100 + pvr);
            wire_put32(wire + 4, k);
            wire[8] = 1;
            memcpy(wire + 9, d->label, HSM_LABEL);
            rope_add_bytes(&more, wire, sizeof wire);
        }
        reply_with(pvr, &caller, HSM_OK, &more);
        return;
    }
    if (procedure == PVR_FIND) {
        rope_take_front(args, HSM_LABEL, label);
        reply_with(pvr, &caller, home(label) == pvr && label[1] != 'X' ? HSM_OK : HSM_NO_VOLUME,
                   NULL);
        return;
    }
    rope_take_front(args, 4, wire);
    uint32_t k = wire_get32(wire);
    struct drive *d = &world->drives[pvr][k];
    if (procedure == PVR_MOUNT)
        rope_take_front(args, HSM_LABEL, label);
    cr_assert(k < count && !d->moving && !d->dead && d->user == 0,
              "a drive that somebody uses is moved (PVL1)");
    for (uint32_t i = 0; label[0] != 0 && i < count; i++)
        cr_assert(i == k || strcmp(world->drives[pvr][i].label, label) != 0,
                  "a volume that is in another drive is wanted (PVL1)");
    d->moving = true;
    struct answer *a = port_alloc(p, sizeof *a);
    *a = (struct answer){ .caller = caller, .pvr = pvr, .drive = k, .status = HSM_OK };
    memcpy(a->label, label, sizeof label);
    if (draw(100) < world->errors) {
        static const enum hsm_status all[] = { HSM_DEVICE, HSM_STUCK, HSM_MISLABELLED,
                                               HSM_NO_DRIVE };
        a->status = all[draw(4)];
    }
    port_timer_init(p, &a->timer, moved, a);
    sim_time takes = (sim_time)(1 + draw(20)) * SIM_SEC;
    if (world->model != NULL) {
        model_told(world->model, pvr, k, label);
        takes = model_slot(world->model, port_now(p) + takes) - port_now(p);
    }
    port_timer_set(&a->timer, takes);
}

/* ---- a client ---- */

static struct pvl_client client_of(const struct port *p)
{
    return (struct pvl_client){ &world->calls[port_node(p)], 0 };
}

static void use(struct port *p, uint32_t jobs)
{
    struct pvl_client c = client_of(p);
    for (uint32_t i = 0; i < jobs; i++) {
        struct pvl_mount m[PVL_STRIPE];
        uint64_t job;
        uint32_t n = 1 + (uint32_t)draw(world->stripe), me = port_node(p) + 1;
        uint32_t first = (uint32_t)draw(VOLUMES);
        for (uint32_t k = 0; k < n; k++)
            label_of((first + k) % 10, m[k].label);
        enum hsm_status s = pvl_mount(&c, m, n, 1 + draw(5), &job);
        world->ended++;
        world->bad[s]++;
        if (s != HSM_OK)
            continue;
        for (uint32_t k = 0; k < n; k++) {
            struct drive *d = &world->drives[m[k].node - 100][m[k].device];
            cr_assert_str_eq(d->label, m[k].label, "another volume is in the drive");
            cr_assert_eq(d->user, 0, "a drive of two jobs (PVL1)");
            d->user = me;
        }
        port_thread_sleep(p, (sim_time)draw(30) * SIM_SEC + world->hold);
        for (uint32_t k = 0; k < n; k++)
            world->drives[m[k].node - 100][m[k].device].user = 0;
        pvl_release(&c, job, 0);
    }
}

static void client(void *arg)
{
    struct port *p = arg;
    use(p, world->jobs);
    world->running--;
    world->done[port_node(p)] = true;
}

static const uint32_t pvrs[] = { 1, 2 };

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    struct xk_protl *rpc = xk_find(r->k[node], "rpc");
    hsm_calls_init(&world->calls[node], rpc, HSM_ANSWER_PROGRAM, SIM_MS);
    if (node == 0) {
        (void)pvl_serve(rpc, &world->params, pvrs, PVRS);
    } else if (node <= PVRS) {
        cr_assert_eq(select_serve(rpc, HSM_SERVICE_PVR, repository, p), XK_OK);
    } else if (world->jobs > 0) {
        world->running++;
        (void)port_thread_spawn(p, "client", client, p, 0);
    }
}

static void start(struct world *w, uint64_t seed)
{
    world = w;
    w->seed = seed;
    if (w->params.patience == 0)
        w->params = (struct pvl_params){ .dismount_after = seed % 2 ? 20 * SIM_SEC : 0,
                                         .retry = 60 * SIM_SEC,
                                         .patience = 100000 * SIM_SEC,
                                         .order = (int)(seed % 3),
                                         .victim = (int)(seed / 3 % 3) };
    rig_start(&w->rig,
              &(struct fake_options){ .nodes = NODES, .seed = seed, .detect_delay = SIM_MS },
              "mesh driver; blast blast <mesh; chan chan <blast; rpc select <chan", booted, NULL);
}

static void run(struct world *w)
{
    for (uint64_t i = 0; w->running > 0 && i < 2000000; i++)
        if (!fake_step(w->rig.f))
            break;
    cr_assert_eq(w->running, 0, "a job never ended (PVL4)");
}

Test(pvl, jobs_of_many_clients)
{
    for (uint64_t seed = 1; seed <= 24; seed++) {
        struct world w = { .jobs = 12, .stripe = 1 + seed % 2, .errors = seed % 4 ? 0 : 20 };
        start(&w, seed);
        run(&w);
        cr_assert_eq(w.ended, 12 * CLIENTS);
        if (w.errors == 0)
            cr_assert_eq(w.bad[HSM_OK], w.ended);
        rig_stop(&w.rig);
    }
}

/* ---- turns ---- */

struct turn {
    struct port_timer timer;
    uint32_t volume;
    uint64_t weight, more; /* more: comes while it waits */
};

static void one(void *arg)
{
    const struct turn *t = arg;
    struct port *p = t->timer.port;
    struct pvl_mount m;
    uint64_t job;
    label_of(t->volume, m.label);
    struct pvl_client c = client_of(p);
    world->bad[pvl_mount(&c, &m, 1, t->weight, &job)]++;
    port_thread_sleep(p, world->hold);
    pvl_release(&c, job, 0);
    world->running--;
}

static void spawn(struct port_timer *t)
{
    (void)port_thread_spawn(t->port, "one", one, t->arg, 0);
}

static void more(void *arg)
{
    const struct turn *t = arg;
    struct port *p = t->timer.port;
    char label[HSM_LABEL];
    label_of(t->volume, label);
    port_thread_sleep(p, 20 * SIM_SEC);
    struct pvl_client c = client_of(p);
    pvl_more(&c, label, t->more);
}

static void ask(struct port *p, void *arg)
{
    struct turn *t = arg;
    world->running++;
    if (t->more > 0)
        (void)port_thread_spawn(p, "more", more, t, 0);
    port_timer_init(p, &t->timer, spawn, t);
    port_timer_set(&t->timer, (sim_time)t->volume * SIM_SEC);
}

static uint64_t raised; /* the weight of the second, while it waits */

/* PVL3: volumes 0, 2, 4, 6 of one library with one drive, asked for in this order with these
 * weights. */
static void turns(int order, const uint64_t *weights, const uint32_t *expected)
{
    static struct turn t[4];
    struct world w = { .one_drive = true, .hold = 100 * SIM_SEC };
    w.params = (struct pvl_params){ .order = order, .retry = SIM_SEC, .patience = 5000 * SIM_SEC };
    start(&w, 7);
    for (uint32_t i = 0; i < 4; i++) {
        t[i] = (struct turn){ .volume = 2 * i, .weight = weights[i], .more = i == 1 ? raised : 0 };
        fake_call(w.rig.f, 3, ask, &t[i]);
    }
    run(&w);
    cr_assert_eq(w.bad[HSM_OK], 4);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(w.turns[i], expected[i], "PVL3: turn %u: volume %u", i, w.turns[i]);
    rig_stop(&w.rig);
}

Test(pvl, the_policy_says_whose_turn_it_is)
{
    turns(0, (const uint64_t[]){ 1, 1, 5, 9 }, (const uint32_t[]){ 0, 2, 4, 6 });
    turns(1, (const uint64_t[]){ 1, 1, 5, 9 }, (const uint32_t[]){ 0, 6, 4, 2 });
    turns(2, (const uint64_t[]){ 1, 10, 1, 11 }, (const uint32_t[]){ 0, 6, 2, 4 });
    raised = 20;
    turns(1, (const uint64_t[]){ 1, 1, 5, 9 }, (const uint32_t[]){ 0, 2, 6, 4 });
}

/* A volume that is there already is not moved, and one that nobody has is told of. */
static void twice(void *arg)
{
    struct port *p = arg;
    struct pvl_client c = client_of(p);
    struct pvl_mount m[2] = { { .label = "V4" }, { .label = "VX2" } };
    uint64_t job;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(pvl_mount(&c, m, 1, 1, &job), HSM_OK);
        pvl_release(&c, job, 0);
    }
    cr_assert_eq(world->in_order, 1);
    cr_assert_eq(pvl_mount(&c, m, 2, 1, &job), HSM_NO_VOLUME);
    port_thread_sleep(p, 1000 * SIM_SEC); /* it is put away */
    cr_assert_eq(world->drives[0][0].label[0] + world->drives[0][1].label[0] +
                     world->drives[0][2].label[0],
                 0);
    world->running--;
}

static void spawn_twice(struct port *p, void *arg)
{
    (void)arg;
    world->running++;
    (void)port_thread_spawn(p, "twice", twice, p, 0);
}

Test(pvl, what_is_mounted_is_found_and_put_away)
{
    struct world w = { .hold = 0 };
    w.params = (struct pvl_params){ .dismount_after = 100 * SIM_SEC,
                                    .retry = SIM_SEC,
                                    .patience = SIM_SEC };
    start(&w, 3);
    fake_call(w.rig.f, 4, spawn_twice, NULL);
    run(&w);
    rig_stop(&w.rig);
}

/* A client that dies with a volume, and the library itself. */
Test(pvl, deaths)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct world w = { .jobs = 8, .stripe = 2 };
        start(&w, seed);
        fake_run(w.rig.f, 300 + 40 * seed);
        uint32_t dead = 3 + (uint32_t)seed % CLIENTS;
        for (uint32_t i = 0; i < PVRS * DRIVES; i++)
            if (w.drives[i / DRIVES][i % DRIVES].user == dead + 1)
                w.drives[i / DRIVES][i % DRIVES].user = 0;
        fake_crash(w.rig.f, dead);
        w.running -= !w.done[dead];
        run(&w); /* PVL5: else the others would wait for ever */
        rig_stop(&w.rig);
    }
}

/* The one drive is with a client that dies: the next job gets it. */
Test(pvl, what_the_dead_had_is_free)
{
    static struct turn t[2];
    struct world w = { .one_drive = true, .hold = 1000000 * SIM_SEC };
    w.params = (struct pvl_params){ .retry = SIM_SEC, .patience = 2000 * SIM_SEC };
    start(&w, 9);
    for (uint32_t i = 0; i < 2; i++) {
        t[i] = (struct turn){ .volume = 2 * i, .weight = 1 };
        fake_call(w.rig.f, 3 + i, ask, &t[i]);
    }
    fake_run_until(w.rig.f, 500 * SIM_SEC);
    cr_assert(w.in_order == 1 && w.bad[HSM_OK] == 1);
    fake_crash(w.rig.f, 3);
    fake_run_until(w.rig.f, 1000 * SIM_SEC);
    cr_assert_eq(w.bad[HSM_OK], 2, "PVL5");
    rig_stop(&w.rig);
}

/* PVL6: more cartridges than drives: it is not waited for that some come. */
static void ask_many(void *arg)
{
    struct port *p = arg;
    struct pvl_client c = client_of(p);
    struct pvl_mount m[DRIVES + 1];
    uint64_t job;
    for (uint32_t k = 0; k <= DRIVES; k++)
        label_of(2 * k, m[k].label);
    cr_assert_eq(pvl_mount(&c, m, DRIVES + 1, 1, &job), HSM_NO_DRIVE);
    cr_assert_lt(port_now(p), 1000 * SIM_SEC, "PVL6");
    cr_assert_eq(pvl_mount(&c, m, DRIVES, 1, &job), HSM_OK);
    world->running--;
}

static void spawn_many(struct port *p, void *arg)
{
    (void)arg;
    world->running++;
    (void)port_thread_spawn(p, "many", ask_many, p, 0);
}

Test(pvl, more_volumes_than_drives)
{
    struct world w = { .hold = 0 };
    start(&w, 2);
    fake_run(w.rig.f, 100); /* the library knows the drives */
    fake_call(w.rig.f, 4, spawn_many, NULL);
    run(&w);
    rig_stop(&w.rig);
}

/* No drive works: a job ends when it has waited for long enough. */
Test(pvl, no_drive_works)
{
    struct world w = { .jobs = 2, .stripe = 1, .errors = 100 };
    w.params = (struct pvl_params){ .retry = 60 * SIM_SEC, .patience = 600 * SIM_SEC };
    start(&w, 5);
    run(&w);
    cr_assert_eq(w.bad[HSM_OK], 0);
    cr_assert_eq(w.ended, 2 * CLIENTS);
    rig_stop(&w.rig);
}

/* ---- every choice ----
 *
 * Jobs of one or two volumes, of two libraries, come at random; so do more requests for those that
 * wait.  A model that looks through everything at each event says which drive must be told to
 * mount which volume then, and which jobs must have been told; between two events there is time
 * for all of that, and for nothing else.  Rules: PVL1 to PVL3; of jobs alike the older is next; an
 * empty drive is better than an idle one; of drives alike the first is taken; a volume that is on
 * its way out of a drive is waited for. */

enum { M_JOBS = 60, M_SLOTS = 20000, M_VOLUMES = 10, NOTHING = VOLUMES };
enum m_state { M_NOT_YET, M_WAITS, M_HAS, M_OVER };

struct m_job {
    struct port_timer timer, more;
    struct model *m;
    uint32_t volume[2], count, moves; /* moves: of its volumes, those that are on their way */
    uint64_t weight, extra;
    sim_time since;
    enum m_state state;
    bool told;
};

struct m_drive {
    uint32_t volume, leaving; /* NOTHING: none; leaving: is on its way out of it */
    uint32_t due;             /* what it must be told to mount; NOTHING */
    struct m_job *user;       /* NULL: it is idle, or empty */
    sim_time since;
};

struct model {
    struct port *port; /* for the time */
    int order, victim;
    struct m_job jobs[M_JOBS], *row[M_JOBS]; /* row: in the order in which they came */
    uint32_t came;
    struct m_drive drives[PVRS][DRIVES];
    uint64_t mounts[M_VOLUMES];
    bool slots[M_SLOTS];     /* seconds that have an event */
    bool vague;              /* two jobs were too much alike: what comes now is not compared */
    uint32_t passed, spared; /* choices that are not the oldest job's, or not the first drive */
};

/* The first second from then on that has no event, and a moment of it. */
static sim_time model_slot(struct model *m, sim_time at)
{
    uint64_t k = (uint64_t)(at / SIM_SEC);
    do {
        k++;
        cr_assert_lt(k, M_SLOTS);
    } while (m->slots[k]);
    m->slots[k] = true;
    return (sim_time)k * SIM_SEC + (sim_time)(k * 7919 % 811) * SIM_MS;
}

static struct m_drive *m_where(struct model *m, uint32_t volume)
{
    for (uint32_t i = 0; i < PVRS * DRIVES; i++)
        if (m->drives[i / DRIVES][i % DRIVES].volume == volume ||
            m->drives[i / DRIVES][i % DRIVES].leaving == volume)
            return &m->drives[i / DRIVES][i % DRIVES];
    return NULL;
}

/* What must have been done since the last event has been. */
static void m_event(struct model *m)
{
    for (uint32_t i = 0; !m->vague && i < PVRS * DRIVES; i++)
        cr_assert_eq(m->drives[i / DRIVES][i % DRIVES].due, NOTHING, "drive %u was told nothing",
                     i);
    for (uint32_t i = 0; !m->vague && i < m->came; i++)
        cr_assert(m->row[i]->state != M_HAS || m->row[i]->moves > 0 || m->row[i]->told,
                  "job %u has its volumes, and does not know", i);
}

static bool m_comes_first(struct model *m, const struct m_job *a, const struct m_job *b)
{
    sim_time now = port_now(m->port);
    double x = (double)a->weight * (double)(now - a->since);
    double y = (double)b->weight * (double)(now - b->since);
    if (m->order == 0)
        return a->since < b->since;
    if (m->order == 1)
        return a->weight > b->weight || (a->weight == b->weight && a->since < b->since);
    double apart = x > y ? x - y : y - x;
    m->vague |= apart < 2.0 * SIM_MS; /* a message's way counts, too */
    return x > y;
}

static bool m_goes_first(const struct model *m, const struct m_drive *a, const struct m_drive *b)
{
    if (m->victim == 0)
        return a->since < b->since;
    if (m->victim == 1)
        return a->since > b->since;
    uint64_t x = m->mounts[a->volume], y = m->mounts[b->volume];
    return x < y || (x == y && a->since < b->since);
}

static struct m_drive *m_free(struct model *m, uint32_t pvr, const struct m_job *j,
                              struct m_drive *but)
{
    struct m_drive *best = NULL, *first = NULL;
    for (uint32_t i = 0; i < DRIVES; i++) {
        struct m_drive *d = &m->drives[pvr][i];
        if (d->volume == NOTHING && d != but)
            return d;
    }
    for (uint32_t i = 0; i < DRIVES; i++) {
        struct m_drive *d = &m->drives[pvr][i];
        bool own = d->volume == j->volume[0] || (j->count > 1 && d->volume == j->volume[1]);
        if (d->user != NULL || d == but || own)
            continue;
        first = first == NULL ? d : first;
        if (best == NULL || m_goes_first(m, d, best))
            best = d;
    }
    m->spared += best != first;
    return best;
}

/* Its drives, if it gets all; `closed`: libraries where one before it waits. */
static bool m_try(struct model *m, struct m_job *j, bool *closed)
{
    struct m_drive *d[2] = { NULL, NULL };
    bool short_of = false;
    for (uint32_t i = 0; i < j->count; i++) {
        d[i] = m_where(m, j->volume[i]);
        if (d[i] != NULL && d[i]->user != NULL)
            return false;
    }
    bool there[2] = { d[0] != NULL, d[1] != NULL };
    for (uint32_t i = 0; i < j->count; i++) {
        uint32_t pvr = j->volume[i] % PVRS;
        if (!there[i] && !closed[pvr])
            d[i] = m_free(m, pvr, j, i == 1 ? d[0] : NULL);
        short_of |= d[i] == NULL;
    }
    for (uint32_t i = 0; i < j->count; i++)
        if (short_of && !there[i])
            closed[j->volume[i] % PVRS] = true;
    if (short_of)
        return false;
    for (uint32_t i = 0; i < j->count; i++) {
        d[i]->user = j;
        d[i]->leaving = there[i] ? NOTHING : d[i]->volume;
        d[i]->volume = j->volume[i];
        d[i]->due = there[i] ? NOTHING : j->volume[i];
        j->moves += !there[i];
    }
    j->state = M_HAS;
    return true;
}

/* One grant; false: nobody can have what it waits for. */
static bool m_grant(struct model *m)
{
    bool closed[PVRS] = { false }, seen[M_JOBS] = { false };
    for (;;) {
        uint32_t best = M_JOBS, oldest = M_JOBS;
        for (uint32_t i = 0; i < m->came; i++) {
            if (m->row[i]->state != M_WAITS || seen[i])
                continue;
            oldest = oldest == M_JOBS ? i : oldest;
            if (best == M_JOBS || m_comes_first(m, m->row[i], m->row[best]))
                best = i;
        }
        if (best == M_JOBS)
            return false;
        seen[best] = true;
        if (m_try(m, m->row[best], closed)) {
            m->passed += best != oldest;
            return true;
        }
    }
}

static void m_arrange(struct model *m)
{
    while (m_grant(m))
        ;
}

static void model_told(struct model *m, uint32_t pvr, uint32_t drive, const char *label)
{
    struct m_drive *d = &m->drives[pvr][drive];
    uint32_t v = (uint32_t)(label[1] - '0');
    if (!m->vague)
        cr_assert_eq(d->due, v, "order %d, replacement %d: drive %u of %u mounts V%u, not V%u",
                     m->order, m->victim, drive, pvr, v, d->due);
    d->due = NOTHING;
}

static void model_moved(struct model *m, uint32_t pvr, uint32_t drive)
{
    struct m_drive *d = &m->drives[pvr][drive];
    m_event(m);
    if (m->vague)
        return;
    m->mounts[d->volume]++;
    d->user->moves--;
    d->leaving = NOTHING;
    m_arrange(m);
}

static void m_come(struct m_job *j)
{
    struct model *m = j->m;
    m_event(m);
    j->state = M_WAITS;
    j->since = port_now(m->port);
    m->row[m->came++] = j;
    if (!m->vague)
        m_arrange(m);
}

static void m_leave(struct m_job *j)
{
    struct model *m = j->m;
    m_event(m);
    j->state = M_OVER;
    for (uint32_t i = 0; i < PVRS * DRIVES; i++) {
        struct m_drive *d = &m->drives[i / DRIVES][i % DRIVES];
        if (d->user == j) {
            d->user = NULL;
            d->since = port_now(m->port);
        }
    }
    if (!m->vague)
        m_arrange(m);
}

/* More requests for the volume of a job: they are of the oldest that waits for it. */
static void m_more(struct port_timer *t)
{
    struct m_job *x = t->arg;
    struct model *m = x->m;
    char label[HSM_LABEL];
    m_event(m);
    for (uint32_t i = 0; i < m->came; i++) {
        struct m_job *j = m->row[i];
        if (j->state != M_WAITS ||
            (j->volume[0] != x->volume[0] && (j->count < 2 || j->volume[1] != x->volume[0])))
            continue;
        j->weight += x->extra;
        break;
    }
    label_of(x->volume[0], label);
    struct pvl_client c = client_of(t->port);
    pvl_more(&c, label, x->extra);
}

static void m_client(void *arg)
{
    struct m_job *j = arg;
    struct port *p = j->timer.port;
    struct pvl_client c = client_of(p);
    struct pvl_mount mount[2];
    uint64_t job;
    for (uint32_t i = 0; i < j->count; i++)
        label_of(j->volume[i], mount[i].label);
    m_come(j);
    cr_assert_eq(pvl_mount(&c, mount, j->count, j->weight, &job), HSM_OK);
    cr_assert(j->m->vague || (j->state == M_HAS && j->moves == 0), "it was not its turn");
    j->told = true;
    sim_time until = model_slot(j->m, port_now(p) + (sim_time)draw(30) * SIM_SEC);
    port_thread_sleep(p, until - port_now(p));
    m_leave(j);
    pvl_release(&c, job, 0);
    world->running--;
}

static void m_spawn(struct port_timer *t)
{
    (void)port_thread_spawn(t->port, "job", m_client, t->arg, 0);
}

static void m_ask(struct port *p, void *arg)
{
    struct m_job *j = arg;
    world->running++;
    port_timer_init(p, &j->timer, m_spawn, j);
    port_timer_set(&j->timer, j->since - port_now(p));
    port_timer_init(p, &j->more, m_more, j);
    if (j->extra > 0)
        port_timer_set(&j->more, model_slot(j->m, j->since + 5 * SIM_SEC) - port_now(p));
}

Test(pvl, each_choice_is_the_policy_s)
{
    static struct model m;
    uint32_t vague = 0, runs = 0, passed = 0, spared = 0;
    for (uint64_t seed = 0; seed < 90; seed++, runs++) {
        memset(&m, 0, sizeof m);
        m.order = (int)(seed % 3);
        m.victim = (int)(seed / 3 % 3);
        struct world w = { .model = &m };
        w.params = (struct pvl_params){
            .order = m.order, .victim = m.victim, .retry = SIM_SEC, .patience = 100000 * SIM_SEC
        };
        start(&w, seed + 1);
        fake_run_until(w.rig.f, SIM_SEC); /* it knows the drives */
        m.port = fake_port(w.rig.f, 0);
        for (uint32_t i = 0; i < PVRS * DRIVES; i++)
            m.drives[i / DRIVES][i % DRIVES] =
                (struct m_drive){ NOTHING, NOTHING, NOTHING, NULL, 0 };
        sim_time at = 2 * SIM_SEC;
        for (uint32_t i = 0; i < M_JOBS; i++) {
            struct m_job *j = &m.jobs[i];
            uint32_t v = (uint32_t)draw(M_VOLUMES), step = 1 + (uint32_t)draw(M_VOLUMES - 1);
            at += (sim_time)draw(8 + seed % 5 * 5) * SIM_SEC;
            *j = (struct m_job){ .m = &m,
                                 .volume = { v, (v + step) % M_VOLUMES },
                                 .count = 1 + (draw(3) == 0),
                                 .weight = 1 + draw(9),
                                 .extra = draw(2) * draw(20),
                                 .since = model_slot(&m, at) };
            fake_call(w.rig.f, 1 + PVRS + i % CLIENTS, m_ask, j);
        }
        run(&w);
        m_event(&m);
        vague += m.vague;
        passed += m.passed;
        spared += m.spared;
        rig_stop(&w.rig);
    }
    cr_assert_lt(vague, runs / 6, "%u", vague);
    cr_assert(passed > 5 * runs && spared > 3 * runs, "%u %u", passed, spared);
}
