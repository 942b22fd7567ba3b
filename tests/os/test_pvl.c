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
    port_timer_set(&a->timer, (sim_time)(1 + draw(20)) * SIM_SEC);
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
              "mesh mesh; blast blast <mesh; chan chan <blast; rpc select <chan", booted, NULL);
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
