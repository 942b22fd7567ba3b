/* test_pfs_deaths.c: a node of each role dies in each mode, and comes back or not: every call of
 * every rank ends in time, with a status that says what happened.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/os/pfs_world.h"
#include "tests/sample.h"

enum { RANKS = 3, LEN = 3000 };
enum call { GOPEN, SETIOMODE, WRITE, AGAIN, SEEK, READ, SIZE, CUT, SYNC, AGREE, CLOSE, CALLS };
static const char *const calls[CALLS] = { "gopen", "setiomode", "write", "write", "lseek", "read",
                                          "size",  "lsize",     "sync",  "agree", "close" };

/* Whose death may end a call with what, beside PFS_OK. */
#define MAY(s) (UINT64_C(1) << (s))
enum role { PARTNER, COORDINATOR, SERVICE, IO_NODE, ROLES };
static const struct {
    const char *name;
    uint64_t may;
} roles[ROLES] = {
    [PARTNER] = { "rank 1", MAY(PFS_NODE_DOWN) },
    [COORDINATOR] = { "rank 0", MAY(PFS_NODE_DOWN) },
    [SERVICE] = { "the service node", MAY(PFS_SERVER_DOWN) | MAY(PFS_STALE) | MAY(PFS_NODE_DOWN) },
    [IO_NODE] = { "I/O node 0", MAY(PFS_SERVER_DOWN) },
};

static struct {
    enum pfs_mode mode;
    enum role role;
    struct pfs_death death;
    sim_time slowest;
    uint64_t seen; /* statuses */
} x;

static void called(struct pfs_world *w, uint32_t rank, enum call call, sim_time since,
                   enum pfs_status s)
{
    sim_time took = port_now(fake_port(w->r.f, rank)) - since;
    bool good = s == PFS_OK || (w->deaths[0].at > 0 && (roles[x.role].may & MAY(s)));
    x.seen |= MAY(s);
    x.slowest = took > x.slowest ? took : x.slowest;
    cr_assert(good && took < SIM_SEC,
              "%s, %s dies at step %d, back after %d ms: %s of rank %u: %s, %d ms",
              pfs_modes.items[x.mode]->name, roles[x.role].name, (int)x.death.step,
              (int)(x.death.back / SIM_MS), calls[call], rank, pfs_status_name(s),
              (int)(took / SIM_MS));
}

static enum pfs_status make(struct pfs_world *w, struct pfs_client *c, struct pfs_file *f,
                            enum call call)
{
    struct rope data;
    uint64_t size;
    enum pfs_status s;
    (void)w;
    rope_init(&data);
    switch (call) {
    case SETIOMODE:
        return pfs_setiomode(f, x.mode);
    case WRITE:
    case AGAIN:
        rope_add_pattern(&data, 1, 0, LEN);
        return pfs_write(f, &data);
    case SEEK:
        return pfs_lseek(f, 0);
    case READ:
        s = pfs_read(f, LEN, &data);
        rope_fini(&data);
        return s;
    case SIZE:
        return pfs_size(f, &size);
    case CUT:
        return pfs_lsize(f, LEN);
    case SYNC:
        return pfs_sync(f);
    case AGREE:
        return pfs_agree(c, "all", RANKS, PFS_OK);
    default:
        return pfs_close(f);
    }
}

static void rank_main(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    sim_time since = port_now(fake_port(w->r.f, rank));
    called(w, rank, GOPEN, since, pfs_gopen(c, "f", PFS_O_CREATE, x.mode, rank, RANKS, NULL, &f));
    for (enum call k = SETIOMODE; f != NULL && k < CALLS; k++) {
        since = port_now(fake_port(w->r.f, rank));
        called(w, rank, k, since, make(w, c, f, k));
    }
}

static uint64_t run(uint64_t seed, uint64_t step, sim_time back)
{
    struct pfs_world w;
    pfs_world_defaults(&w, RANKS, 2);
    pfs_world_start(&w, (struct fake_options){ .seed = seed, .detect_delay = SIM_MS });
    const uint32_t nodes[ROLES] = { 1, 0, w.layout.service, pfs_world_io_node(&w, 0) };
    x.death = (struct pfs_death){ .node = nodes[x.role], .step = step, .back = back };
    w.deaths[0] = x.death;
    pfs_world_run(&w, rank_main);
    uint64_t steps = fake_steps(w.r.f);
    pfs_world_stop(&w);
    return steps;
}

/* PFS_DEATHS: so many steps of each. */
Test(pfs_deaths, every_call_ends_in_time_and_says_what_happened)
{
    static const sim_time backs[] = { 0, SIM_MS, 100 * SIM_MS };
    uint64_t seed = 0, seen[ROLES] = { 0 };
    for (int mode = 0; mode < PFS_MODES; mode++)
        for (int role = 0; role < ROLES; role++) {
            memset(&x, 0, sizeof x);
            x.mode = (enum pfs_mode)mode;
            x.role = (enum role)role;
            uint64_t steps = run(1, 0, 0), n = sample("PFS_DEATHS", 24);
            for (uint64_t i = 0; i < n; i++)
                (void)run(++seed, 1 + i * steps / n, backs[i % ARRAY_LEN(backs)]);
            seen[role] |= x.seen;
        }
    for (int role = 0; role < ROLES && sample_one_in() == 1; role++)
        cr_assert_eq(seen[role], roles[role].may | MAY(PFS_OK), "%s: %llx", roles[role].name,
                     (unsigned long long)seen[role]);
}
