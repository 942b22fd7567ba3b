/* demerit.c: psim demerit: how far apart the response times of two records are. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "workloads/direct/demerit.h"

enum class { CLASS_ALL, CLASS_READS, CLASS_WRITES, CLASS_COUNT };
static const char *const classes[] = { "all", "reads", "writes" };

static bool belongs(enum class c, bool read)
{
    return c == CLASS_ALL || (c == CLASS_READS) == read;
}

/* The times of one class, in order; the caller frees them. */
static double *pick(const struct demerit_record *r, enum class c, size_t *count, double *mean)
{
    double *out = base_alloc((r->count + 1) * sizeof *out), sum = 0;
    *count = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (belongs(c, r->read[i])) {
            out[(*count)++] = r->ms[i];
            sum += r->ms[i];
        }
    }
    *mean = *count > 0 ? sum / (double)*count : NAN;
    return out;
}

struct verdict {
    size_t n, m;
    double mean_a, mean_b, figure, each; /* each: request by request; NAN: not one to one */
};

static struct verdict judge(const struct demerit_record *a, const struct demerit_record *b,
                            enum class c)
{
    struct verdict v = { .figure = NAN, .each = NAN };
    double *x = pick(a, c, &v.n, &v.mean_a), *y = pick(b, c, &v.m, &v.mean_b);
    if (v.n > 0 && v.n == v.m) {
        double sum = 0;
        for (size_t i = 0; i < v.n; i++)
            sum += (x[i] - y[i]) * (x[i] - y[i]);
        v.each = sqrt(sum / (double)v.n);
    }
    if (v.n > 0 && v.m > 0)
        v.figure = demerit(x, v.n, y, v.m);
    free(x);
    free(y);
    return v;
}

static void print_number(double x)
{
    if (isnan(x))
        printf("null");
    else
        printf("%.6f", x);
}

static void print_json(const struct demerit_record *a, const struct demerit_record *b, int count)
{
    printf("{");
    for (int c = 0; c < count; c++) {
        struct verdict v = judge(a, b, (enum class)c);
        printf("%s\"%s\": {\"requests\": [%zu, %zu], \"mean_ms\": [", c > 0 ? ", " : "", classes[c],
               v.n, v.m);
        print_number(v.mean_a);
        printf(", ");
        print_number(v.mean_b);
        printf("], \"demerit_ms\": ");
        print_number(v.figure);
        printf(", \"demerit_percent\": ");
        print_number(100 * v.figure / v.mean_a);
        printf(", \"request_rms_ms\": ");
        print_number(v.each);
        printf("}");
    }
    printf("}\n");
}

static void print_table(const struct demerit_record *a, const struct demerit_record *b, int count)
{
    printf("%-7s %10s %10s %12s %12s %13s %9s %15s\n", "", "requests", "requests", "mean [ms]",
           "mean [ms]", "demerit [ms]", "of mean", "by request [ms]");
    for (int c = 0; c < count; c++) {
        struct verdict v = judge(a, b, (enum class)c);
        if (v.n == 0 && v.m == 0)
            continue;
        printf("%-7s %10zu %10zu %12.4f %12.4f %13.4f %7.2f %% ", classes[c], v.n, v.m, v.mean_a,
               v.mean_b, v.figure, 100 * v.figure / v.mean_a);
        if (isnan(v.each))
            printf("%15s\n", "-");
        else
            printf("%15.4f\n", v.each);
    }
}

int cmd_demerit(int argc, char **argv)
{
    bool json = false;
    const struct cli_option options[] = {
        { 0, "json", CLI_FLAG, &json, NULL, "print JSON instead of a table" },
        { 0, NULL, CLI_FLAG, NULL, NULL, NULL },
    };
    const struct cli_usage usage = {
        .command = "demerit",
        .operands = "A.csv B.csv",
        .doc = "Compares the response times of two records of requests: the root mean square "
               "horizontal distance of their distributions, for all, reads and writes, in ms and "
               "as a part of A's mean; and the root mean square difference request by request when "
               "both have as many.  The files' first lines name the columns: response_ms, and op.",
        .options = options,
        .operands_min = 2,
        .operands_max = 2,
    };
    const char *file[2];
    size_t n;
    int code;
    struct err e = ERR_INIT;
    struct demerit_record a, b;
    if (!cli_options(&usage, argc, argv, file, &n, &code))
        return code;
    if (!demerit_read(file[0], &a, &e))
        return cli_complain(CLI_USAGE, &e);
    if (!demerit_read(file[1], &b, &e)) {
        demerit_record_fini(&a);
        return cli_complain(CLI_USAGE, &e);
    }
    int count = a.has_op && b.has_op ? CLASS_COUNT : 1;
    if (json)
        print_json(&a, &b, count);
    else
        print_table(&a, &b, count);
    demerit_record_fini(&a);
    demerit_record_fini(&b);
    return CLI_OK;
}
