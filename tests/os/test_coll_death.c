/* test_coll_death.c: ranks and I/O nodes that die at every moment of a collective transfer, and
 * come back or not: every other rank's call ends, and says so, and the servers keep nothing of it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/pio/coll_internal.h"
#include "os/registry.h"
#include "tests/os/io_world.h"
#include "tests/sample.h"

enum { NOBODY = UINT32_MAX, LIST = 20, STEPS_MAX = 300000 };

static struct {
    struct io_world w;
    const struct coll_ops *ops;
    enum pio_op op;
    uint32_t ready, go;
    bool ended[IO_RANKS];
    enum pio_status status[IO_RANKS];
    sim_time took[IO_RANKS];
} t;

/* Rows of 50 bytes for each rank in turn: all servers have some of all ranks. */
static enum pio_status move(struct coll *c, enum pio_op op, uint32_t rank)
{
    const struct file_run run = { rank * 50, 50, 50 * IO_RANKS, LIST };
    struct coll_part x = { .op = op, .runs = &run, .run_count = 1 };
    rope_init(&x.data);
    if (op == PIO_WRITE)
        rope_add_pattern(&x.data, rank, 0, (uint64_t)50 * LIST);
    enum pio_status s = coll_transfer(c, &x);
    rope_fini(&x.data);
    return s;
}

static void program(struct io_world *w, struct os_node *n, uint32_t rank)
{
    static const struct coll_params p = { .buffer = 700, .align = 300 };
    struct pio *sys = pio_find(w->ops, n);
    struct pio_file *f;
    const struct pio_open o = {
        .name = "f", .flags = PIO_O_CREATE, .rank = rank, .ranks = IO_RANKS, .mode = PIO_PLAIN
    };
    cr_assert_eq(pio_open(sys, &o, &f), PIO_OK);
    struct coll *c = coll_open(t.ops, &p, f);
    cr_assert_eq(move(c, PIO_WRITE, rank), PIO_OK);
    t.ready++;
    while (t.go == 0)
        port_thread_sleep(n->port, SIM_MS);
    sim_time since = port_now(n->port);
    t.status[rank] = move(c, t.op, rank);
    t.took[rank] = port_now(n->port) - since;
    t.ended[rank] = true;
    port_thread_sleep(n->port, 1000 * SIM_SEC);
}

struct death {
    uint32_t rank, server; /* who dies; NOBODY */
    uint32_t at, back;     /* at this step of the transfer; so many later it comes back, 0: never */
};

static bool all_ended(const struct death *d)
{
    for (uint32_t i = 0; i < IO_RANKS; i++)
        if (!t.ended[i] && i != d->rank)
            return false;
    return true;
}

/* The steps that the transfer took. */
static uint64_t run(const struct coll_ops *ops, enum pio_op op, struct death d, uint64_t seed,
                    bool ordered)
{
    uint64_t blocks[IO_SERVERS], steps;
    uint32_t victims[2] = { d.rank, d.server == NOBODY ? NOBODY : io_server(d.server) };
    char what[120];
    memset(&t, 0, sizeof t);
    t.ops = ops;
    t.op = op;
    (void)snprintf(what, sizeof what, "%s, %s, rank %d, server %d, at %u, back %u, seed %d",
                   ops->kind.name, op == PIO_READ ? "read" : "write", (int)d.rank, (int)d.server,
                   d.at, d.back, (int)seed);
    io_world_start(&t.w, kind_find(&pio_systems, "pfs"),
                   "{{service=nx}, {service=pfs_meta, unit=128B}, {service=pfs_server, lfs={"
                   "block=1KiB, inode=1KiB, files=20, cache=4, flush_delay=100ms}},"
                   " {service=pfs_client, rpc=1KiB}}",
                   (struct fake_options){ .seed = seed,
                                          .mtu = 256,
                                          .order = ordered ? FAKE_IN_ORDER : FAKE_RANDOM,
                                          .detect_delay = 5 * SIM_MS },
                   program);
    while (t.ready < IO_RANKS)
        cr_assert(fake_step(t.w.f));
    fake_run_until(t.w.f, fake_now(t.w.f) + SIM_SEC);
    for (uint32_t i = 0; i < IO_SERVERS; i++)
        blocks[i] = fake_heap_blocks(t.w.f, io_server(i));
    t.go = 1;
    for (steps = 0; !all_ended(&d); steps++) {
        for (uint32_t i = 0; i < 2 && steps == d.at; i++)
            if (victims[i] != NOBODY)
                fake_crash(t.w.f, victims[i]);
        for (uint32_t i = 0; i < 2 && d.back > 0 && steps == d.at + d.back; i++)
            if (victims[i] != NOBODY)
                fake_restart(t.w.f, victims[i]);
        cr_assert(fake_step(t.w.f) && steps < STEPS_MAX, "%s: a rank waits for ever", what);
    }
    for (uint32_t i = 0; i < IO_RANKS; i++) {
        enum pio_status s = t.status[i];
        bool one = d.rank == NOBODY && t.ops->together;
        if (i == d.rank)
            continue;
        cr_assert(s == PIO_OK || (s == PIO_NODE_DOWN && d.rank != NOBODY) ||
                      (s == PIO_SERVER_DOWN && d.server != NOBODY),
                  "%s: rank %u: %s", what, i, pio_status_name(s));
        cr_assert(!one || s == t.status[0] || (op == PIO_READ && ops == &coll_sieve),
                  "%s: rank %u: %s", what, i, pio_status_name(s)); /* COLL2 */
        cr_assert(!ordered || t.took[i] < 60 * SIM_SEC, "%s: rank %u takes %.0f s", what, i,
                  (double)t.took[i] / SIM_SEC);
    }
    fake_run_until(t.w.f, fake_now(t.w.f) + 20 * SIM_SEC);
    for (uint32_t i = 0; i < IO_SERVERS; i++) {
        uint64_t now = d.server == i ? 0 : fake_heap_blocks(t.w.f, io_server(i));
        cr_assert(now <= blocks[i] + (ops == &coll_directed ? 2 : 12),
                  "%s: server %u keeps %d blocks, not %d", what, i, (int)now, (int)blocks[i]);
    }
    io_world_stop(&t.w);
    return steps;
}

/* DIR1, CDIR2: at the moments of an undisturbed transfer, every so many. */
Test(coll_death, every_call_ends_whoever_dies)
{
    const struct coll_ops *all[] = { &coll_directed, &coll_two_phase, &coll_sieve };
    static const struct death who[] = { { .rank = 1, .server = NOBODY },
                                        { .rank = 0, .server = NOBODY },
                                        { .rank = 3, .server = NOBODY, .back = 60 },
                                        { .rank = NOBODY, .server = 1, .back = 40 },
                                        { .rank = NOBODY, .server = 0, .back = 200 },
                                        { .rank = 2, .server = 2, .back = 90 } };
    const char *text = getenv("COLL_STRIDE");
    uint32_t stride = text ? (uint32_t)atoi(text) : (uint32_t)(97 * sample_one_in());
    uint64_t n = 0;
    for (size_t m = 0; m < ARRAY_LEN(all); m++)
        for (int op = PIO_READ; op <= PIO_WRITE; op++)
            for (size_t i = 0; i < ARRAY_LEN(who); i++, n++) {
                bool ordered = n % 2;
                struct death d = { .rank = NOBODY, .server = NOBODY };
                uint64_t steps = run(all[m], op, d, n, ordered);
                d = who[i];
                for (d.at = (uint32_t)(n % stride); d.at < steps; d.at += stride)
                    (void)run(all[m], op, d, n, ordered);
            }
}

static void flushes(struct io_world *w, struct os_node *n, uint32_t rank)
{
    static const struct coll_params p = { .buffer = 700, .align = 300 };
    const struct pio_open o = {
        .name = "f", .flags = PIO_O_CREATE, .rank = rank, .ranks = IO_RANKS, .mode = PIO_PLAIN
    };
    struct pio_file *f;
    cr_assert_eq(pio_open(pio_find(w->ops, n), &o, &f), PIO_OK);
    struct coll *c = coll_open(t.ops, &p, f);
    cr_assert_eq(move(c, PIO_WRITE, rank), PIO_OK);
    t.ready++;
    while (t.go == 0)
        port_thread_sleep(n->port, SIM_MS);
    cr_assert_eq(pio_flush(f), PIO_SERVER_DOWN, "what was written may be lost");
    cr_assert_eq(pio_flush(f), PIO_OK, "it is told once");
    t.ended[rank] = true;
    port_thread_sleep(n->port, 1000 * SIM_SEC);
}

/* Disk-directed writes go past the system, and its flush answers for them. */
Test(coll_death, a_flush_says_that_a_server_lost_what_was_written_past_the_system)
{
    static const char *const worlds[][2] = {
        { "pfs", "{{service=nx}, {service=pfs_meta, unit=128B}, {service=pfs_server, lfs={"
                 "block=1KiB, inode=1KiB, files=20, cache=4, flush_delay=100s}},"
                 " {service=pfs_client, rpc=1KiB}}" },
        { "files", "{{service=nx}, {service=file_server, files={{layer='lfs', block=1KiB, "
                   "inode=1KiB, files=20, cache=4, flush_delay=100s}}}, "
                   "{service=file_client, files={{layer='remote'}}}}" },
    };
    for (size_t i = 0; i < ARRAY_LEN(worlds); i++) {
        struct death nobody = { .rank = NOBODY, .server = NOBODY };
        memset(&t, 0, sizeof t);
        t.ops = &coll_directed;
        io_world_start(&t.w, kind_find(&pio_systems, worlds[i][0]), worlds[i][1],
                       (struct fake_options){ .seed = i, .mtu = 256, .detect_delay = 5 * SIM_MS },
                       flushes);
        while (t.ready < IO_RANKS)
            cr_assert(fake_step(t.w.f));
        for (uint32_t k = 0; k < IO_SERVERS; k++) {
            fake_crash(t.w.f, io_server(k));
            fake_restart(t.w.f, io_server(k));
        }
        fake_run_until(t.w.f, fake_now(t.w.f) + SIM_SEC);
        t.go = 1;
        while (!all_ended(&nobody))
            cr_assert(fake_step(t.w.f));
        io_world_stop(&t.w);
    }
}
