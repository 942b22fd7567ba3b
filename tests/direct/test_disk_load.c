/* The drivers of bare devices: loops against closed forms, traces in two formats, verification. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disks/build.h"
#include "sim/audit.h"
#include "sim/measure.h"
#include "workloads/direct/disk_io.h"
#include "workloads/direct/disk_trace.h"

static double wanted;
static const char *wanted_name;

static void scalar(void *arg, const char *name, const char *unit, double value, double half,
                   unsigned flags)
{
    (void)arg;
    (void)unit;
    (void)half;
    (void)flags;
    if (strcmp(name, wanted_name) == 0)
        wanted = value;
}

static char with_bins[64]; /* the measures of which a histogram is kept */

static void bin(void *a, const char *n, double lo, double hi, uint64_t c)
{
    (void)a, (void)lo, (void)hi, (void)c;
    size_t used = strlen(with_bins);
    if (strstr(with_bins, n) == NULL)
        snprintf(with_bins + used, sizeof with_bins - used, "%s ", n);
}

static void sample(void *a, const char *n, const char *u, sim_time at, double v)
{
    (void)a, (void)n, (void)u, (void)at, (void)v;
}

static const char *wanted_remark;
static bool was_remarked;

static void remark(void *a, const char *t)
{
    (void)a;
    was_remarked |= wanted_remark != NULL && strstr(t, wanted_remark) != NULL;
}

static double value(struct sim *s, const char *name)
{
    struct sim_result_sink sink = { NULL, scalar, bin, sample, remark };
    wanted_name = name;
    wanted = NAN;
    sim_measures_write(s, &sink);
    return wanted;
}

static bool remarked(struct sim *s, const char *text)
{
    wanted_remark = text;
    was_remarked = false;
    (void)value(s, "");
    wanted_remark = NULL;
    return was_remarked;
}

struct bench {
    struct sim *s;
    struct blkdev *devs[4];
    struct direct_world w;
    struct whole_folder out;
    const struct direct_ops *ops;
    void *params, *self;
    struct input file;
    struct err e;
    struct val *table;
};

static void put(struct val *t, const char *key, const char *text)
{
    char *end;
    long long i = strtoll(text, &end, 10);
    double r = *end != '\0' ? strtod(text, &end) : (double)i;
    if (*end == '\0' && strchr(text, '.') != NULL)
        val_put(t, key, val_new_real(r, NULL, 0));
    else if (*end == '\0')
        val_put(t, key, val_new_int(i, NULL, 0));
    else
        val_put(t, key, val_new_string(text, NULL, 0));
}

static bool start(struct bench *b, const struct direct_ops *ops, size_t devices,
                  const char *const *pairs, const char *out)
{
    struct sim_options o = { .seed = 4 };
    *b = (struct bench){ .s = sim_create(&o), .ops = ops, .table = val_new(VAL_TABLE, NULL, 0) };
    for (size_t i = 0; i < devices; i++)
        b->devs[i] = blk_build(b->s, NULL, -1, "d", "devices", &b->e);
    b->w = (struct direct_world){ .devs = b->devs, .dev_count = devices };
    b->out = (struct whole_folder){ .path = out };
    b->w.out = out ? &b->out : NULL;
    for (size_t i = 0; pairs[i] != NULL; i += 2) {
        put(b->table, pairs[i], pairs[i + 1]);
        if (strcmp(pairs[i], "file") != 0)
            continue;
        cr_assert(input_read(&b->file, NULL, pairs[i + 1], INPUT_MAX, &b->e), "%s", b->e.text);
        b->w.files = &b->file;
        b->w.file_count = 1;
    }
    b->params = base_zalloc(1, ops->kind.params_size);
    if (!param_load(ops->kind.params, b->params, b->table, "workload", &b->e))
        return false;
    b->self = ops->create(b->s, &b->w, b->params, &b->e);
    return b->self != NULL;
}

static void run(struct bench *b)
{
    b->ops->finish(b->self, sim_run(b->s));
    cr_assert_eq(sim_audit_run(b->s, NULL, 0), 0);
}

static void stop(struct bench *b)
{
    cr_assert(whole_folder_close(&b->out, true, &b->e), "%s", b->e.text);
    if (b->self != NULL)
        b->ops->destroy(b->self);
    for (size_t i = 0; i < b->w.dev_count; i++)
        b->devs[i]->ops->destroy(b->devs[i]);
    input_fini(&b->file);
    free(b->params);
    val_free(b->table);
    sim_destroy(b->s);
}

Test(disk_load, a_closed_loop_keeps_littles_law)
{
    const char *const p[] = { "outstanding", "8",     "requests", "3000", "think",
                              "20ms",        "reads", "0.7",      NULL };
    struct bench b;
    cr_assert(start(&b, &direct_disk_load, 2, p, NULL), "%s", b.e.text);
    run(&b);
    /* N = X (R + Z): 16 places, throughput X, response R, think time Z. */
    double x = value(b.s, "requests_per_second"), r = value(b.s, "response.mean");
    cr_assert_float_eq(x * (r + 0.020), 16, 0.3, "%g", x * (r + 0.020));
    cr_assert_eq(value(b.s, "wrong_reads"), 0);
    double customers = value(b.s, "customers"); /* the last requests leave places empty */
    cr_assert_float_eq(customers, 16, 0.3);
    cr_assert_float_eq(value(b.s, "customers.law"), customers, 16 * 16 / 6000.0);
    cr_assert_float_eq(value(b.s, "outside"), 0.020, 1e-12);
    cr_assert_not(remarked(b.s, "its edges weigh"));
    stop(&b);
}

/* What run() audits: places that never had a request, that leave before the window opens, and with
 * the last of its requests; requests of an open loop. */
Test(disk_load, places_without_requests_are_customers_no_more)
{
    static const char *const worlds[][9] = {
        { "outstanding", "8", "requests", "3", "warmup", "0", "think", "1ms", NULL },
        { "outstanding", "8", "requests", "10", "warmup", "5", "think", "0", NULL },
        { "outstanding", "3", "requests", "40", "warmup", "7", "think", "30ms", NULL },
        { "mode", "open", "requests", "100", "warmup", "7", "gap", "10ms", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(worlds); i++) {
        struct bench b;
        cr_assert(start(&b, &direct_disk_load, 2, worlds[i], NULL), "%s", b.e.text);
        run(&b);
        /* Of a closed loop, by the completions that the window had. */
        cr_assert_eq(remarked(b.s, "its edges weigh"), i < 3, "%zu", i);
        stop(&b);
    }
}

static void nothing(struct sim *s, struct sim_event *e)
{
    (void)s, (void)e;
}

/* What else goes on after that is not measured; and one histogram is kept. */
Test(disk_load, the_window_closes_with_the_last_request)
{
    const char *const p[] = {
        "mode", "open", "gap", "20ms", "requests", "200", "reads", "0.5", NULL
    };
    double share[2];
    for (int more = 0; more < 2; more++) {
        struct bench b;
        struct sim_event late;
        cr_assert(start(&b, &direct_disk_load, 2, p, NULL), "%s", b.e.text);
        sim_event_init(&late, SIM_CLASS_SOFTWARE, nothing);
        if (more)
            sim_at(b.s, &late, 1000 * SIM_SEC);
        run(&b);
        with_bins[0] = '\0';
        (void)value(b.s, "");
        cr_assert(sim_busiest(b.s, SIM_KIND_ARM, &share[more]));
        cr_assert_str_eq(with_bins, "response ");
        stop(&b);
    }
    cr_assert_eq(share[0], share[1]);
}

Test(disk_load, an_open_loop_offers_what_it_is_told)
{
    const char *const p[] = { "mode", "open", "gap", "100ms", "requests", "4000", NULL };
    struct bench b;
    cr_assert(start(&b, &direct_disk_load, 1, p, NULL), "%s", b.e.text);
    run(&b);
    cr_assert_float_eq(value(b.s, "requests_per_second"), 10, 0.5);
    stop(&b);
}

Test(disk_load, a_flipped_byte_is_seen_by_the_verification)
{
    const char *const p[] = { "span", "0.0001", "reads", "0.5", "requests", "2000", NULL };
    struct bench b;
    cr_assert(start(&b, &direct_disk_load, 1, p, NULL), "%s", b.e.text);
    struct val *faults = val_new(VAL_LIST, NULL, 0), *f = val_new(VAL_TABLE, NULL, 0);
    put(f, "path", "d");
    put(f, "action", "flip");
    put(f, "at", "10s");
    put(f, "sector", "100");
    val_append(faults, f);
    b.ops->destroy(b.self);
    val_put(b.table, "faults", faults);
    cr_assert(param_load(b.ops->kind.params, b.params, b.table, "workload", &b.e));
    b.self = b.ops->create(b.s, &b.w, b.params, &b.e);
    cr_assert(b.self != NULL, "%s", b.e.text);
    run(&b);
    cr_assert_gt(value(b.s, "wrong_reads"), 0);
    stop(&b);
}

Test(disk_load, requests_that_do_not_fit_are_refused)
{
    const char *const odd[] = { "size", "1000B", NULL }, *const big[] = { "size", "1GiB", NULL };
    struct bench b;
    cr_assert_not(start(&b, &direct_disk_load, 1, odd, NULL));
    cr_assert(strstr(b.e.text, "512 B") != NULL, "%s", b.e.text);
    stop(&b);
    cr_assert(start(&b, &direct_disk_load, 1, big, NULL));
    stop(&b);
}

static bool parses(enum disk_trace_format format, const char *unit, const char *line,
                   struct disk_trace_line *t)
{
    struct disk_trace_options o = { .format = format };
    trace_time time;
    while (strcmp(trace_units[o.unit], unit) != 0)
        o.unit++;
    bool good = disk_trace_parse(&o, line, t, &time);
    t->time = good ? (sim_time)time : 0;
    return good;
}

Test(disk_trace, lines_of_both_formats_are_read_and_others_refused)
{
    struct disk_trace_line t;
    cr_assert(parses(DISK_TRACE_DISKSIM, "ms", "12.034567 0 1500 8 1", &t));
    cr_assert(t.time == SIM_PS * 12034567000LL && t.sector == 1500 && t.sectors == 8 && t.read);
    cr_assert(parses(DISK_TRACE_DISKSIM, "ms", "0.5 3 9 16 2", &t));
    cr_assert(!t.read && t.device == 3 && t.time == 500 * SIM_US);
    cr_assert(parses(DISK_TRACE_TEXT, "s", "7 1 0 1 W", &t));
    cr_assert(!t.read && t.time == 7 * SIM_SEC);
    cr_assert(parses(DISK_TRACE_TEXT, "ns", "7.0019 1 0 1 W", &t) && t.time == 7001);
    cr_assert(parses(DISK_TRACE_TEXT, "own", "7us 1 0 1 W", &t) && t.time == 7 * SIM_US);
    const char *const bad[] = { "1 2 3 4",
                                "1 2 3 4 X",
                                "x 2 3 4 R",
                                "1 2 3 0 R",
                                "-1 2 3 4 R",
                                "1 2 3 4 R 5",
                                "9999999999999999999999999 0 0 1 R" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_assert_not(parses(DISK_TRACE_TEXT, "ms", bad[i], &t), "%s", bad[i]);
}

/* The numbers of a line: the largest of each, and one more. */
Test(disk_trace, numbers_that_do_not_fit_are_refused)
{
    struct disk_trace_line t;
    cr_assert(parses(DISK_TRACE_TEXT, "ms", "0 4294967295 9223372036854775807 4294967295 r", &t));
    cr_assert(t.device == UINT32_MAX && t.sector == INT64_MAX && t.sectors == UINT32_MAX && t.read);
    cr_assert(parses(DISK_TRACE_TEXT, "ms", "0 0 0 1 w", &t));
    cr_assert(t.device == 0 && t.sector == 0 && t.sectors == 1 && !t.read);
    static const char *const bad[] = {
        "0 4294967296 0 1 R",
        "0 0 9223372036854775808 1 R",
        "0 0 0 4294967296 R",
        "0 0 18446744073709551616 1 R", /* past 64 bits */
        "0 0 36893488147419103233 1 R",
        "0 1x 0 1 R",
        "0 0 1x 1 R",
        "0 0 1.5 1 R",
        "0 0 0 8a R",
        "0 -1 0 1 R",
        "0 +1 0 1 R",
        "0 x 0 1 R",
        "0 a 0 1 R",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_assert_not(parses(DISK_TRACE_TEXT, "ms", bad[i], &t), "%s", bad[i]);
    cr_assert(parses(DISK_TRACE_DISKSIM, "ms", "0 0 0 1 fffffffe", &t) && !t.read);
    cr_assert(parses(DISK_TRACE_DISKSIM, "ms", "0 0 0 1 FF", &t) && t.read);
    cr_assert_not(parses(DISK_TRACE_DISKSIM, "ms", "0 0 0 1 100000000", &t));
    cr_assert_not(parses(DISK_TRACE_DISKSIM, "ms", "0 0 0 1 1g", &t));
    cr_assert_not(parses(DISK_TRACE_DISKSIM, "ms", "0 0 0 1 R", &t));
}

/* What a trace of this text and these options ends with; "" when it is read. */
static const char *complaint(const char *text, size_t length, struct disk_trace_options o)
{
    static struct err e;
    char shown[] = "t";
    size_t count;
    struct input in = { .name = shown, .shown = shown, .length = length };
    in.text = base_zalloc(1, length + 1);
    memcpy(in.text, text, length);
    e = (struct err)ERR_INIT;
    free(disk_trace_read(&in, &o, &count, &e));
    free(in.text);
    return e.set ? e.text : "";
}
#define COMPLAINT(text, ...)                                                                       \
    complaint(text, sizeof(text) - 1, (struct disk_trace_options){ .unit = 5, __VA_ARGS__ })

Test(disk_trace, what_is_no_text_is_told_by_name)
{
    char comment[5000];
    memset(comment, 'x', sizeof comment);
    memcpy(comment, "1 0 0 1 R # ", 12);
    cr_expect_str_eq(complaint(comment, sizeof comment, (struct disk_trace_options){ .unit = 5 }),
                     "");
    comment[10] = ' ';
    cr_expect(strstr(complaint(comment, sizeof comment, (struct disk_trace_options){ .unit = 5 }),
                     "t:1: a line of 5000 characters"));
    cr_expect(strstr(COMPLAINT("# a\n1 0 0\0 1 R\n"), "t:2: there is a zero byte"));
    cr_expect(strstr(COMPLAINT("\xef\xbb\xbf"
                               "1 0 0 1 R\n"),
                     "begins with a byte order mark"));
    cr_expect(strstr(COMPLAINT("\xff\xfe"
                               "1\0"),
                     "UTF-16"));
    cr_expect_str_eq(COMPLAINT("\r\n  1 0 0 1 R\r\n"), "");
}

Test(disk_trace, clocks_of_other_machines_are_read)
{
    static const char unix_time[] = "1700000000.5 0 1 1 R\n1700000000.000001 0 2 1 R\n";
    cr_expect(strstr(COMPLAINT(unix_time), "workload.origin"), "%s", COMPLAINT(unix_time));
    cr_expect(strstr(COMPLAINT(unix_time, .origin = TRACE_FROM_FIRST),
                     "t:2: the time is before that of line 1: workload.sort"));
    struct disk_trace_options o = { .unit = 5, .origin = TRACE_FROM_FIRST, .sort = true };
    char text[sizeof unix_time], shown[] = "t";
    memcpy(text, unix_time, sizeof text);
    struct input in = { .shown = shown, .text = text, .length = sizeof text - 1 };
    struct err e = ERR_INIT;
    size_t count;
    struct disk_trace_line *lines = disk_trace_read(&in, &o, &count, &e);
    cr_assert(lines && count == 2, "%s", e.text);
    cr_expect(lines[0].time == 0 && lines[0].sector == 2);
    cr_expect(lines[1].time == 499999 * SIM_US && lines[1].sector == 1);
    free(lines);
}

Test(disk_replay, open_replay_submits_at_the_times_of_arrival_and_records_each_request)
{
    char dir[] = "/tmp/psim-replay-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    char *trace = base_printf("%s/t.txt", dir), *csv = base_printf("%s/requests.csv", dir);
    FILE *f = fopen(trace, "w");
    fputs("# a comment\n1.5 0 1000 8 R\n2 0 500000 16 W\n100.25 0 500000 16 R\n", f);
    fclose(f);
    const char *const p[] = { "file", trace, NULL };
    struct bench b;
    cr_assert(start(&b, &direct_disk_replay, 1, p, dir), "%s", b.e.text);
    run(&b);
    stop(&b);
    f = fopen(csv, "r");
    cr_assert_not_null(f);
    char line[200];
    const char *const head[] = { "index,", "0,0,R,1000,8,1.500000000,",
                                 "1,0,W,500000,16,2.000000000,", "2,0,R,500000,16,100.250000000," };
    for (size_t i = 0; i < ARRAY_LEN(head); i++) {
        cr_assert_not_null(fgets(line, sizeof line, f));
        cr_assert_eq(strncmp(line, head[i], strlen(head[i])), 0, "%s", line);
    }
    fclose(f);
    unlink(csv);
    unlink(trace);
    rmdir(dir);
    free(csv);
    free(trace);
}

Test(disk_replay, arms_that_are_idle_for_nearly_all_of_a_trace_are_told)
{
    for (int k = 0; k < 2; k++) {
        char trace[] = "/tmp/psim-replay-XXXXXX";
        FILE *f = fdopen(mkstemp(trace), "w");
        fprintf(f, "0 0 1000 8 R\n%d 0 500000 8 R\n", k ? 100000 : 100);
        fclose(f);
        const char *const p[] = { "file", trace, NULL };
        struct bench b;
        cr_assert(start(&b, &direct_disk_replay, 1, p, NULL), "%s", b.e.text);
        run(&b);
        cr_assert_eq(remarked(b.s, "the arms were idle for"), k == 1);
        stop(&b);
        unlink(trace);
    }
}

Test(disk_replay, closed_replay_waits_the_gap_after_each_completion)
{
    char dir[] = "/tmp/psim-replay-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    char *trace = base_printf("%s/t.txt", dir);
    FILE *f = fopen(trace, "w");
    for (int i = 0; i < 50; i++)
        fprintf(f, "10 0 %d 1 %s\n", i * 7919, i % 3 ? "1" : "0");
    fclose(f);
    const char *const p[] = { "file", trace, "mode", "closed", "format", "disksim", NULL };
    struct bench b;
    cr_assert(start(&b, &direct_disk_replay, 1, p, NULL), "%s", b.e.text);
    run(&b);
    /* 50 gaps of 10 ms and 50 responses. */
    double end = sim_time_seconds(sim_now(b.s)), mean = value(b.s, "response.mean");
    cr_assert_float_eq(end, 50 * (0.010 + mean), 1e-9);
    stop(&b);
    unlink(trace);
    rmdir(dir);
    free(trace);
}
