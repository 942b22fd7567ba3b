/* test_mode_deaths.c: a node of each role dies in each of PFS's I/O modes, and comes back or not,
 * over every file system that has the modes: every call of every rank ends in time, with a status
 * that says what happened.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/pfs/pfs_internal.h"
#include "os/registry.h"
#include "tests/os/io_world.h"
#include "tests/sample.h"

enum { RANKS = IO_RANKS, LEN = 3000 };
enum call { GOPEN, SETIOMODE, WRITE, AGAIN, SEEK, READ, SIZE, CUT, SYNC, AGREE, CLOSE, CALLS };
static const char *const calls[CALLS] = { "gopen", "setiomode", "write", "write", "lseek", "read",
                                          "size",  "lsize",     "sync",  "agree", "close" };

/* Whose death may end a call with what, beside PIO_OK. */
#define MAY(s) (UINT64_C(1) << (s))
enum role { PARTNER, COORDINATOR, SERVICE, IO_NODE, ROLES };
static const struct {
    const char *name;
    uint32_t node;
    uint64_t may;
} roles[ROLES] = {
    [PARTNER] = { "rank 2", 2, MAY(PIO_NODE_DOWN) },
    [COORDINATOR] = { "rank 0", 0, MAY(PIO_NODE_DOWN) },
    [SERVICE] = { "the service node", IO_NODES - 1,
                  MAY(PIO_SERVER_DOWN) | MAY(PIO_STALE) | MAY(PIO_NODE_DOWN) },
    [IO_NODE] = { "I/O node 0", IO_RANKS, MAY(PIO_SERVER_DOWN) },
};

static struct {
    struct io_world *w;
    int mode;
    enum role role;
    uint64_t step; /* 0: nobody dies */
    sim_time back; /* 0: for good */
    sim_time told; /* a death, after so long */
    uint64_t seen; /* statuses */
    bool ended[RANKS];
} x;

static void called(struct os_node *n, uint32_t rank, enum call call, sim_time since,
                   enum pio_status s)
{
    sim_time took = port_now(n->port) - since;
    uint64_t may = roles[x.role].may;
    if (strcmp(x.w->ops->kind.name, "pfs") != 0) /* no service node; an open asks I/O nodes */
        may = x.role == SERVICE ? 0 : x.role == IO_NODE ? may | MAY(PIO_CLOSED) : may;
    bool good = s == PIO_OK || (x.step > 0 && (may & MAY(s)));
    x.seen |= MAY(s);
    cr_assert(good && took < SIM_SEC,
              "%s, %s: %s dies at step %d, back after %d ms: %s of rank %u: %s, %d ms",
              x.w->ops->kind.name, pfs_modes.items[x.mode]->name, roles[x.role].name, (int)x.step,
              (int)(x.back / SIM_MS), calls[call], rank, pio_status_name(s), (int)(took / SIM_MS));
}

static enum pio_status transfer(struct pio_file *f, enum pio_op op)
{
    const struct file_run run = { .len = LEN, .count = 1 };
    struct pio_req q;
    pio_req_init(&q, op, f);
    q.runs = &run;
    q.run_count = 1;
    if (op == PIO_WRITE)
        rope_add_pattern(&q.data, 1, 0, LEN);
    pio_submit(&q);
    enum pio_status s = pio_wait(&q);
    rope_fini(&q.data);
    return s;
}

static enum pio_status make(struct pio *c, struct pio_file *f, enum call call)
{
    static const enum pio_ctl of[CALLS] = {
        [SETIOMODE] = PIO_MODE, [SEEK] = PIO_SEEK,  [SIZE] = PIO_GET_SIZE,
        [CUT] = PIO_SET_SIZE,   [SYNC] = PIO_FLUSH, [CLOSE] = PIO_CLOSE,
    };
    struct pio_control q = { .what = of[call], .mode = x.mode, .value = call == CUT ? LEN : 0 };
    if (call == WRITE || call == AGAIN || call == READ)
        return transfer(f, call == READ ? PIO_READ : PIO_WRITE);
    return call == AGREE ? pio_agree(c, "all", RANKS, true) : pio_control(c, f, &q);
}

static void rank_main(struct io_world *w, struct os_node *n, uint32_t rank)
{
    struct pio *c = pio_find(w->ops, n);
    struct pio_file *f = NULL;
    const struct pio_open o = { .name = "f",
                                .flags = PIO_O_CREATE,
                                .rank = rank,
                                .ranks = RANKS,
                                .together = true,
                                .mode = x.mode,
                                .unit = 1024 };
    sim_time since = port_now(n->port);
    called(n, rank, GOPEN, since, pio_open(c, &o, &f));
    for (enum call k = SETIOMODE; k < CALLS; k++) {
        if (f == NULL && k != AGREE)
            continue;
        since = port_now(n->port);
        called(n, rank, k, since, make(c, f, k));
    }
    x.ended[rank] = true;
}

static bool all_ended(void)
{
    bool all = true;
    for (uint32_t i = 0; i < RANKS; i++)
        all &= x.ended[i];
    return all;
}

/* How many steps it took. */
static uint64_t run(const struct pio_ops *ops, uint64_t seed, uint64_t step, sim_time back)
{
    const char *services = "{{service=pfs_meta, per_file_layout=true}, {service=pfs_server},"
                           " {service=pfs_client, rpc=2KiB}}";
    struct io_world w;
    uint32_t node = roles[x.role].node;
    sim_time at = SIM_NEVER;
    x.w = &w;
    memset(x.ended, 0, sizeof x.ended);
    x.step = step;
    x.back = back;
    io_world_start(&w, ops, strcmp(ops->kind.name, "pfs") == 0 ? services : NULL,
                   (struct fake_options){ .seed = seed, .detect_delay = x.told }, rank_main);
    for (bool died = false; !all_ended();) {
        if (step > 0 && !died && fake_steps(w.f) >= step) {
            died = true;
            at = back > 0 ? fake_now(w.f) + back : SIM_NEVER;
            if (node < RANKS)
                x.ended[node] = true;
            fake_crash(w.f, node);
        }
        if (fake_now(w.f) >= at) {
            at = SIM_NEVER;
            fake_restart(w.f, node);
        }
        if (fake_step(w.f))
            continue;
        cr_assert(at != SIM_NEVER, "%s, %s: %s dies at step %d: programs hang", ops->kind.name,
                  pfs_modes.items[x.mode]->name, roles[x.role].name, (int)step);
        fake_run_until(w.f, at);
    }
    uint64_t steps = fake_steps(w.f);
    io_world_stop(&w);
    return steps;
}

static void begin(int mode, enum role role, sim_time told)
{
    memset(&x, 0, sizeof x);
    x.mode = mode;
    x.role = role;
    x.told = told;
}

/* SPR1, RNK1.  MODE_DEATHS: so many steps of each. */
Test(mode_deaths, every_call_ends_in_time_and_says_what_happened)
{
    static const sim_time backs[] = { 0, SIM_MS, 100 * SIM_MS };
    uint64_t seed = 0, n = sample("MODE_DEATHS", 6);
    for (int k = 0; pio_systems.items[k] != NULL; k++)
        for (int mode = 0; mode < PFS_MODES; mode++)
            for (int role = 0; role < ROLES; role++) {
                const struct pio_ops *ops = kind_at(&pio_systems, k);
                if (ops->modes != &pfs_modes)
                    continue;
                begin(mode, (enum role)role, SIM_MS);
                uint64_t steps = run(ops, 1, 0, 0);
                for (uint64_t i = 0; i < n; i++)
                    (void)run(ops, ++seed, 1 + i * steps / n, backs[i % ARRAY_LEN(backs)]);
            }
}

/* SPR1: a rank hears that another has died, and then from a third that it may wait for what that
 * one sends on. */
Test(mode_deaths, that_are_told_before_a_round_begins_leave_nobody_waiting_in_it)
{
    for (int k = 0; pio_systems.items[k] != NULL; k++)
        for (int role = PARTNER; role <= COORDINATOR; role++) {
            const struct pio_ops *ops = kind_at(&pio_systems, k);
            if (ops->modes != &pfs_modes)
                continue;
            begin(M_GLOBAL, (enum role)role, 15 * SIM_US);
            uint64_t steps = run(ops, 1, 0, 0);
            for (uint64_t step = 1; step <= steps / 3; step++)
                (void)run(ops, step, step, 0);
        }
}

static void lost(void *arg, const struct spread_outcome *o)
{
    *(bool *)arg = o->lost;
}

/* Whether who takes what nobody gives is told so, of three ranks. */
static bool take(struct spread *s, uint64_t since)
{
    static uint32_t round;
    static bool told;
    told = false;
    spread_take(s, UINT64_MAX, ++round, 3, since, lost, &told);
    return told;
}

static void spread_main(struct io_world *w, struct os_node *n, uint32_t rank)
{
    struct pfs_client *c = os_find(n, &pfs_client_service);
    struct spread *s = c->spread;
    if (rank > 0)
        return;
    (void)w;
    spread_fail(s, 3, false);
    cr_expect(spread_crashes(s) == 1 && !take(s, 0), "another's crash is counted");
    spread_fail(s, 2, false);
    cr_expect(take(s, 2), "a rank that was down before is down");
    spread_back(s, 2);
    cr_expect(take(s, 1), "a rank has been down since");
    cr_expect(!take(s, 2), "it has been down before");
    spread_fail(s, IO_NODES - 1, true);
    cr_expect(take(s, 2), "all have failed since");
}

/* SPR1. */
Test(mode_deaths, of_which_a_rank_has_been_told_before_it_waits_are_known_when_it_does)
{
    struct io_world w;
    io_world_start(&w, (const struct pio_ops *)kind_find(&pio_systems, "pfs"), NULL,
                   (struct fake_options){ .seed = 1 }, spread_main);
    fake_run(w.f, UINT64_MAX);
    io_world_stop(&w);
}
