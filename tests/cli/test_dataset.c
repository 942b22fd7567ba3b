/* test_dataset.c: samples of series as cases over time. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/dataset.h"
#include "tests/cli/script.h"

static void add_series(struct results *r, const char *name, int from, int to)
{
    for (int i = from; i <= to; i++)
        results_add_sample(r, name, "B/s", i * SIM_SEC, 10.0 * i);
}

/* Two points of three series: the second goes on where the first ends, the third has the last time
 * alone. */
static void write_points(const char *path)
{
    struct err e = ERR_INIT;
    struct results *r = results_open(path, &e);
    int64_t experiment, id;
    cr_assert(r, "%s", e.text);
    const struct results_experiment x = { .name = "s", .title = "S" };
    cr_assert(results_experiment_add(r, &x, &experiment, &e), "%s", e.text);
    for (int i = 0; i < 2; i++) {
        const struct results_point p = { .experiment = experiment,
                                         .idx = i,
                                         .identity = i ? "b" : "a",
                                         .status = "ok",
                                         .digest = "",
                                         .finished = true };
        results_point_begin(r, &p);
        results_add_param(r, RESULTS_PARAM_SWEPT, "rate", i ? "2" : "1", 1 + i);
        add_series(r, "one", 1, 3);
        add_series(r, "two", 2, 4);
        add_series(r, "three", 4, 4);
        cr_assert(results_point_commit(r, &id, &e), "%s", e.text);
    }
    cr_assert(results_close(r, &e), "%s", e.text);
}

static size_t scalars_at(const struct dataset *d, const char *rate, double time)
{
    for (size_t i = 0; i < d->point_count; i++) {
        const struct data_point *p = &d->points[i];
        if (p->param_count == 2 && strcmp(p->params[0].value, rate) == 0 &&
            fabs(p->params[1].number - time) < 1e-9)
            return p->scalar_count;
    }
    return 0;
}

Test(dataset, samples_of_one_time_are_one_case_of_their_point)
{
    char *dir = scratch_dir(), *path = base_printf("%s/r.db", dir);
    struct dataset d;
    struct err e = ERR_INIT;
    write_points(path);
    cr_assert(dataset_load_file(&d, path, 0, &e), "%s", e.text);
    cr_assert(dataset_over_time(&d, path, "rate", &e), "%s", e.text);
    cr_expect_eq(d.point_count, 2, "another axis adds nothing");
    cr_assert(dataset_over_time(&d, path, "time", &e), "%s", e.text);
    cr_expect_eq(d.point_count, 2 + 2 * 4);
    cr_expect_eq(d.case_count, 2 + 2 * 4);
    static const size_t want[] = { 0, 1, 2, 2, 2, 0 };
    for (int t = 0; t <= 5; t++) {
        cr_expect_eq(scalars_at(&d, "1", t), want[t], "at %d s", t);
        cr_expect_eq(scalars_at(&d, "2", t), want[t], "at %d s", t);
    }
    dataset_fini(&d);
    unlink(path);
    rmdir(dir);
    free(path);
    free(dir);
}
