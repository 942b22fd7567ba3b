/* test_shadow.c: one shadow of every byte under random requests from many nodes, over every file
 * system of os/pio: lists of runs, sizes, flushes, names, modes with shared pointers, collective
 * transfers; think times between them; I/O nodes that die and come back, devices that fail for a
 * while, a network that loses and doubles frames.
 *
 * What is judged: every byte read (tests/os/shadow.h), sizes, names, where the modes put requests,
 * that every request ends in bounded time, and with success when no fault was near it.  At the end
 * all is flushed, every I/O node dies and comes back, and all is read again.
 *   scripts/soak-files [SEEDS]   more seeds
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/registry.h"
#include "tests/os/io_user.h"
#include "tests/os/stacks.h"
#include "tests/sample.h"

/* ---- faults ---- */

static void each_shadow(struct stage *g, void (*fn)(struct shadow *s))
{
    for (uint32_t i = 0; i < FILES; i++)
        fn(g->slot[i].s);
}
static void loses(struct shadow *s)
{
    shadow_losing(s, true);
}
static void keeps(struct shadow *s)
{
    shadow_losing(s, false);
}

static enum port_io_status on_disk(void *arg, uint32_t node, uint32_t dev, const struct port_io *io,
                                   uint32_t *sectors)
{
    struct stage *g = arg;
    (void)dev;
    if (node != g->sick || !(io->op == PORT_IO_WRITE ? g->sick_writes : g->sick_reads))
        return PORT_IO_OK;
    *sectors = 0;
    return PORT_IO_MEDIUM;
}

static void dies(struct stage *g, uint32_t node)
{
    g->down = node;
    g->until = fake_now(g->w.f) + (1 + (sim_time)io_draw(&g->draws, 2000)) * SIM_MS;
    g->clear = SIM_NEVER;
    each_shadow(g, shadow_crash);
    fake_crash(g->w.f, node);
}

static void come_back(struct stage *g, bool idle)
{
    if (g->down != UINT32_MAX && (idle || fake_now(g->w.f) >= g->until)) {
        fake_restart(g->w.f, g->down);
        g->down = UINT32_MAX;
        g->clear = fake_now(g->w.f) + CALM;
    }
    if (g->sick != UINT32_MAX && (idle || fake_now(g->w.f) >= g->until)) {
        uint32_t node = g->sick;
        g->sick = UINT32_MAX;
        each_shadow(g, keeps);
        g->clear = fake_now(g->w.f) + CALM;
        if ((g->faults & CRASH) &&
            node >= IO_RANKS) /* it may not have come up with a device that failed */
            dies(g, node);
    }
}

static void all_die(struct stage *g)
{
    each_shadow(g, shadow_crash);
    for (uint32_t k = 0; k < IO_SERVERS; k++)
        fake_crash(g->w.f, io_server(k));
    fake_run_until(g->w.f, fake_now(g->w.f) + 50 * SIM_MS);
    for (uint32_t k = 0; k < IO_SERVERS; k++)
        fake_restart(g->w.f, io_server(k));
    g->clear = fake_now(g->w.f) + CALM;
    g->all_die = false;
}

static void make_faults(struct stage *g)
{
    unsigned of = g->faults & (CRASH | DEVICE);
    if (g->all_die)
        all_die(g);
    come_back(g, false);
    if (of == 0 || g->calm || ++g->steps < g->next || g->down != UINT32_MAX ||
        g->sick != UINT32_MAX)
        return;
    g->steps = 0;
    g->next = 300 + io_draw(&g->draws, 4000);
    g->until = fake_now(g->w.f) + (1 + (sim_time)io_draw(&g->draws, 2000)) * SIM_MS;
    g->clear = SIM_NEVER;
    g->crashes++;
    if (of == (CRASH | DEVICE))
        of = io_draw(&g->draws, 2) ? CRASH : DEVICE;
    if (of == CRASH) {
        dies(g, io_server(io_draw(&g->draws, IO_SERVERS)));
    } else {
        g->sick = io_draw(&g->draws, IO_NODES - 1);
        g->sick = g->w.shared && g->sick < IO_RANKS ? io_server(0) : g->sick;
        g->sick_reads = io_draw(&g->draws, 3) > 0;
        g->sick_writes = !g->sick_reads || io_draw(&g->draws, 2);
        each_shadow(g, loses);
    }
}

static const char *stack_name = ""; /* of PFS's I/O nodes */

static void run(const struct pio_ops *ops, const char *text, uint64_t seed, unsigned faults)
{
    struct stage *g = &io_stage;
    char label[80 + STACK_TEXT];
    memset(g, 0, sizeof *g);
    (void)snprintf(label, sizeof label, "%s%s, seed %d, faults %u", ops->kind.name, stack_name,
                   (int)seed, faults);
    g->label = label;
    g->seed = seed;
    g->faults = faults;
    g->draws = seed * 31;
    g->down = g->sick = UINT32_MAX;
    g->next = 2000;
    g->ordered = faults & LOSS ? seed % 2 > 0 : seed % 3 == 0;
    for (uint32_t i = 0; i < FILES; i++)
        g->slot[i].s = shadow_new();
    io_world_start(&g->w, ops, text,
                   (struct fake_options){ .seed = seed,
                                          .order = g->ordered ? FAKE_IN_ORDER : FAKE_RANDOM,
                                          .detect_delay = faults & CRASH ? 5 * SIM_MS : 0,
                                          .lossy = (faults & LOSS) != 0,
                                          .drop_ppm = faults & LOSS ? 20000 : 0,
                                          .duplicate_ppm = faults & LOSS ? 10000 : 0 },
                   io_user);
    fake_on_disk(g->w.f, on_disk, g);
    for (uint64_t steps = 0; g->w.running > 0; steps++) {
        make_faults(g);
        if (!fake_step(g->w.f)) {
            cr_assert(g->down != UINT32_MAX || g->sick != UINT32_MAX, "%s: %u programs hang", label,
                      g->w.running);
            come_back(g, true);
        }
        cr_assert_lt(steps, 30000000, "%s: %u programs do not come to an end", label, g->w.running);
    }
    if (getenv("SHADOW_SAYS") != NULL)
        fprintf(stderr,
                "%s: %d reads, %d writes, %d bytes judged, %d failed, %d faults, %d steps\n", label,
                (int)g->reads, (int)g->writes, (int)g->judged, (int)g->failed, (int)g->crashes,
                (int)fake_steps(g->w.f));
    cr_assert_gt(g->reads, IO_RANKS * TURNS / 4);
    io_world_stop(&g->w);
    for (uint32_t i = 0; i < FILES; i++)
        shadow_free(g->slot[i].s);
}

/* Small everything, for systems that have sizes to choose; NULL: as it comes, for each. */
#define LFS "block=2KiB, inode=1KiB, files=200, cache=5, read_ahead=2, max_io=8KiB, prealloc=4"
static const struct {
    const char *system, *services;
} machines[] = {
    { NULL, NULL },
    { "files", "{{service=nx}, {service=file_client, files={{layer=lfs, " LFS "}}}}" },
    { "files", "{{service=nx}, {service=file_server, files={{layer=lfs, " LFS "}}},"
               " {service=file_client, files={{layer=remote}}}}" },
    { "files", "{{service=nx}, {service=file_server, files={{layer=pass}, {layer=lfs, "
               "buffered=true, " LFS "}}}, {service=file_client, files={{layer=pass}, "
               "{layer=remote, rank=1}}}}" },
    { "pfs", "{{service=nx}, {service=pfs_meta, unit=512B, per_file_layout=true},"
             " {service=pfs_server, pool=4, lfs={" LFS "}}, {service=pfs_client, rpc=4KiB}}" },
    { "pfs",
      "{{service=nx}, {service=pfs_meta, unit=3000B, factor=2, names={{layer=lfs, " LFS "}}},"
      " {service=pfs_server, lfs={" LFS ", buffered=true}, files={{layer=pass}, {layer=lfs}}},"
      " {service=pfs_client, rpc=2KiB, window=3, depth=1}}" },
    { "vesta_on_pfs",
      "{{service=nx}, {service=pfs_meta, unit=512B, per_file_layout=true, names={{layer=lfs, " LFS
      "}}}, {service=pfs_server, pool=4, files={{layer=keep, block=2KiB}, {layer=lfs, " LFS "}}},"
      " {service=pfs_client, rpc=4KiB}}" },
    { "files", "{{service=nx}, {service=file_server, files={{layer=domains}, {layer=lfs, " LFS
               "}}}, {service=file_client, files={{layer=prefix, keep=true}}}}" },
    { "files", "{{service=nx}, {service=pfs_meta, unit=512B}, {service=pfs_server, lfs={" LFS
               "}}, {service=pfs_client, rpc=4KiB}, {service=file_client, files={{layer=pfs}}}}" },
    { "files", "{{service=nx}, {service=pfs_meta, unit=3000B, names={{layer=lfs, " LFS "}}},"
               " {service=pfs_server, lfs={" LFS "}}, {service=pfs_client, rpc=2KiB},"
               " {service=token_server, on=service}, {service=file_client, files={{layer=token,"
               " group=service, each=true}, {layer=crossing}, {layer=pfs, mode=async}}}}" },
};

static void run_all(uint64_t seeds, unsigned faults)
{
    const char *only = getenv("SHADOW_ONLY");
    for (uint64_t seed = 1; seed <= seeds; seed++)
        for (int k = 0; pio_systems.items[k] != NULL; k++)
            for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
                const char *name = pio_systems.items[k]->name;
                if (machines[i].system != NULL && strcmp(machines[i].system, name) != 0)
                    continue;
                if (only != NULL && strcmp(only, name) != 0)
                    continue;
                run(kind_at(&pio_systems, k), machines[i].services, seed + 100 * i, faults);
            }
}

enum { SOME = 3 };

/* PFS over every layer with every policy on its I/O nodes (tests/os/stacks.h), or over some. */
static void run_layers(uint64_t seeds, uint64_t some, unsigned faults)
{
    const struct stack_layer *all;
    size_t n = stack_layers(&all);
    const char *only = getenv("SHADOW_ONLY");
    if (only != NULL && strcmp(only, "pfs") != 0)
        return;
    for (uint64_t seed = 1; seed <= seeds; seed++)
        for (uint64_t k = 0; k < (some > 0 ? some : n); k++) {
            const struct stack_layer *l = &all[some > 0 ? (faults * 37 + k * n / some) % n : k];
            char layer[STACK_TEXT], text[2 * STACK_TEXT];
            if (strcmp(l->layer, "hsm") == 0) /* PFS asks for a machine with an archive */
                continue;
            if ((faults & DEVICE) &&                    /* what fails is felt later, too: */
                (strcmp(l->layer, "compress") == 0 ||   /* COMP3: a unit is damaged */
                 strcmp(l->layer, "vesta_store") == 0)) /* VSO8: until it is mounted again */
                continue;
            stack_table(l, layer);
            const struct file_ops *ops = kind_find(&os_layers, l->layer);
            (void)snprintf(text, sizeof text,
                           "{{service=nx}, {service=pfs_meta, unit=512B, per_file_layout=true},"
                           " {service=token_server}, {service=pfs_server, pool=4, files={%s%s}},"
                           " {service=pfs_client, rpc=4KiB}}",
                           layer, ops->bottom ? "" : ", {layer=lfs, " LFS "}");
            stack_name = layer;
            run(kind_find(&pio_systems, "pfs"), text, seed + 1000 * k, faults);
            stack_name = "";
        }
}

Test(shadow, every_system_returns_what_was_written)
{
    run_all(sample("SHADOW_SEEDS", 1), 0);
    run_layers(sample("SHADOW_SEEDS", 1), getenv("SHADOW_SEEDS") ? 0 : SOME, 0);
}

Test(shadow, a_lossy_network_changes_nothing)
{
    run_all(sample("SHADOW_SEEDS", 1), LOSS);
    run_layers(sample("SHADOW_SEEDS", 1), getenv("SHADOW_SEEDS") ? 0 : SOME, LOSS);
}

Test(shadow, what_was_flushed_outlives_servers_that_die)
{
    run_all(sample("SHADOW_SEEDS", 1), CRASH);
    run_layers(sample("SHADOW_SEEDS", 1), getenv("SHADOW_SEEDS") ? 0 : SOME, CRASH);
}

Test(shadow, devices_that_fail_for_a_while_are_told_and_no_more)
{
    run_all(sample("SHADOW_SEEDS", 1), DEVICE);
    run_layers(sample("SHADOW_SEEDS", 1), getenv("SHADOW_SEEDS") ? 0 : SOME, DEVICE);
}

Test(shadow, all_faults_at_once)
{
    run_all(sample("SHADOW_SEEDS", 1), CRASH | DEVICE | LOSS);
    run_layers(sample("SHADOW_SEEDS", 1), getenv("SHADOW_SEEDS") ? 0 : SOME, CRASH | DEVICE | LOSS);
}
