/* test_config.c: from a file and the command line to points with identities. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/config.h"
#include "tests/cli/script.h"

static const char text[] = "return {\n"
                           "  workload = { kind = 'event_ring', load = param('load', 0.5),\n"
                           "    customers = 10 },\n"
                           "  sweep = { product = { ['workload.stations'] = { 1, 2 } },\n"
                           "    replications = 2 } }\n";

static struct config *load(const char *config, const char *const *set, size_t count,
                           const uint64_t *seed, struct err *e)
{
    char *dir = scratch_dir(), *file = scratch_file(dir, "c.lua", config, strlen(config));
    struct config_options o = { .overrides = set, .override_count = count, .seed = seed };
    struct config *c = config_load(file, &o, e);
    unlink(file);
    rmdir(dir);
    free(file);
    free(dir);
    return c;
}

static struct config *good(const char *config, const char *const *set, size_t count,
                           const uint64_t *seed)
{
    struct err e = ERR_INIT;
    struct config *c = load(config, set, count, seed, &e);
    cr_assert(c, "%s", e.text);
    return c;
}

Test(config, points_are_cases_times_replications)
{
    struct config *c = good(text, NULL, 0, NULL);
    cr_assert_eq(c->case_count, 2);
    cr_assert_eq(c->point_count, 4);
    cr_expect_eq(c->points[0].seed, 1);
    cr_expect_eq(c->points[2].seed, 1, "cases share their random numbers");
    cr_expect_neq(c->points[1].seed, 1);
    cr_expect_eq(c->points[1].replication, 1);
    cr_expect_eq(c->points[3].case_idx, 1);
    cr_expect_eq(val_path(c->cases[1].root, "workload.stations")->u.i, 2);
    cr_expect_str_eq(c->axes[0], "workload.stations");
    cr_expect_str_eq(c->name, "c");
    config_free(c);
}

/* CONF2. */
Test(config, identities_differ_where_runs_differ_and_nowhere_else)
{
    static const char *const load_set[] = { "load=0.25" }, *const same[] = { "load=0.50" },
                             *const limit[] = { "limits.memory=1GiB" };
    uint64_t seed = 9;
    struct config *a = good(text, NULL, 0, NULL), *b = good(text, NULL, 0, NULL),
                  *c = good(text, load_set, 1, NULL), *d = good(text, same, 1, NULL),
                  *e = good(text, NULL, 0, &seed), *f = good(text, limit, 1, NULL);
    for (size_t i = 0; i < 4; i++) {
        cr_expect_str_eq(a->points[i].identity, b->points[i].identity);
        cr_expect_str_eq(a->points[i].identity, d->points[i].identity);
        cr_expect_str_eq(a->points[i].identity, f->points[i].identity, "limits shape no result");
        cr_expect_str_neq(a->points[i].identity, c->points[i].identity);
        cr_expect_str_neq(a->points[i].identity, e->points[i].identity);
        for (size_t k = 0; k < i; k++)
            cr_expect_str_neq(a->points[i].identity, a->points[k].identity);
    }
    struct config *all[] = { a, b, c, d, e, f };
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        config_free(all[i]);
}

Test(config, defaults_are_written_out_in_the_identity)
{
    struct config *c = good(text, NULL, 0, NULL);
    cr_expect(strstr(c->cases[0].canonical, "workload.service = \"1ms\"\n"));
    cr_expect(strstr(c->cases[0].canonical, "workload.warmup = 2000\n"));
    config_free(c);
}

/* CONF1. */
Test(config, overrides_reach_the_result_and_derived_values)
{
    static const char *const set[] = { "workload.customers=77", "n=3",
                                       "workload.stations={4, 5, 6}", "sweep.replications=1" };
    struct config *c = good("local n = param('n', 1)\n"
                            "return { title = 'n' .. n, workload = { kind = 'event_ring',\n"
                            "  warmup = 10 * n } }",
                            set, 4, NULL);
    cr_assert_eq(c->point_count, 3);
    cr_expect_str_eq(c->title, "n3");
    cr_expect_eq(val_path(c->cases[2].root, "workload.stations")->u.i, 6);
    cr_expect_eq(val_path(c->cases[0].root, "workload.customers")->u.i, 77);
    cr_expect_eq(val_path(c->cases[0].root, "workload.warmup")->u.i, 30);
    config_free(c);
}

Test(config, kind_of_a_variant_is_applied_before_its_parameters)
{
    static const char *const set[] = { "mesh.fifo_flits=8", "mesh.kind=worm" };
    struct config *c = good("return { mesh = { kind = 'ideal', rows = 2, columns = 2 },\n"
                            "  workload = { kind = 'mesh_load' } }",
                            set, 2, NULL);
    cr_expect_str_eq(val_path(c->cases[0].root, "mesh.kind")->u.s, "worm");
    cr_expect_eq(val_path(c->cases[0].root, "mesh.fifo_flits")->u.i, 8);
    config_free(c);
}

Test(config, seeds_may_be_listed)
{
    struct config *c = good("return { seed = 3, workload = { kind = 'event_ring' },\n"
                            "  sweep = { seeds = { 11, 13 } } }",
                            NULL, 0, NULL);
    cr_assert_eq(c->point_count, 2);
    cr_expect_eq(c->points[0].seed, 11);
    cr_expect_eq(c->points[1].seed, 13);
    config_free(c);
    uint64_t seed = 5;
    c = good("return { seed = 3, workload = { kind = 'event_ring' } }", NULL, 0, &seed);
    cr_expect_eq(c->points[0].seed, 5);
    config_free(c);
}

#define SAYS(config, set, part)                                                                    \
    do {                                                                                           \
        struct err e = ERR_INIT;                                                                   \
        const char *const overrides[] = { set };                                                   \
        cr_expect_null(load(config, overrides, overrides[0] ? 1 : 0, NULL, &e));                   \
        cr_expect(strstr(e.text, part), "said: %s", e.text);                                       \
    } while (0)

Test(config, an_override_without_effect_is_an_error_with_the_nearest_name)
{
    SAYS(text, "workload.costumers=5", "did you mean 'workload.customers'?");
    SAYS(text, "lod=5", "nothing reads 'lod', did you mean 'load'?");
    SAYS(text, "machine.rows=5", "nothing reads 'machine.rows'");
    SAYS(text, "workload.customers.x=5", "nothing reads");
    SAYS(text, "workload.customers=x", "-p workload.customers=x: workload.customers is 'x'");
    SAYS(text, "load", "write -p path=value");
    SAYS(text, "=5", "write -p path=value");
    SAYS(text, "workload.stations={}", "no value");
    SAYS(text, "sweep.replications=x", "-p sweep.replications=x: sweep.replications must be");
}

Test(config, a_value_of_the_sweep_names_its_line)
{
    SAYS("return { workload = { kind = 'event_ring' },\n sweep = { product = {\n"
         "  ['workload.load'] = { 0.5,\n 7 } } } }",
         NULL, "c.lua:4: workload.load is 7");
}
