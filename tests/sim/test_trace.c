/* test_trace.c: the trace is JSON that a viewer can load, whole in every circumstance. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "sim/server.h"
#include "sim/trace.h"

static char path[64];

static void start(void)
{
    snprintf(path, sizeof path, "/tmp/psim-trace-%d.json", (int)getpid());
}

static void stop(void)
{
    unlink(path);
}

TestSuite(trace, .init = start, .fini = stop);

static char *slurp(const char *name, size_t *size)
{
    FILE *f = fopen(name, "rb");
    cr_assert_not_null(f);
    char *data = malloc(1 << 20);
    *size = fread(data, 1, 1 << 20, f);
    fclose(f);
    return data;
}

static json_t *parse(const char *data, size_t size)
{
    json_error_t why;
    json_t *j = json_loadb(data, size, 0, &why);
    cr_assert_not_null(j, "line %d: %s\n%.*s", why.line, why.text, (int)size, data);
    cr_assert(json_is_array(j));
    return j;
}

static json_t *load(void)
{
    size_t size;
    char *data = slurp(path, &size);
    json_t *j = parse(data, size);
    free(data);
    return j;
}

static const char *str(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return v != NULL && json_is_string(v) ? json_string_value(v) : "";
}

static size_t count(const json_t *j, const char *phase)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(j); i++)
        n += strcmp(str(json_array_get(j, i), "ph"), phase) == 0;
    return n;
}

static json_t *nth(const json_t *j, const char *phase, size_t n)
{
    for (size_t i = 0; i < json_array_size(j); i++) {
        json_t *o = json_array_get(j, i);
        if (strcmp(str(o, "ph"), phase) == 0 && n-- == 0)
            return o;
    }
    cr_assert(false, "no record '%s'", phase);
    return NULL;
}

static struct sim *open_trace(const struct sim_trace_options *o)
{
    struct sim *s = sim_create(NULL);
    struct err e = ERR_INIT;
    cr_assert(sim_trace_open(s, path, o, &e), "%s", e.text);
    return s;
}

static void close_trace(struct sim *s)
{
    struct err e = ERR_INIT;
    cr_assert(sim_trace_close(s, &e), "%s", e.text);
    sim_destroy(s);
}

Test(trace, records_have_their_fields)
{
    struct sim *s = open_trace(NULL);
    sim_trace_begin(s, "disk", 3, "arm 0", "read \"x\"\n", 77, 1234567);
    sim_trace_end(s, "disk", 3, "arm 0", "read \"x\"\n", 77, 2500000);
    sim_trace_counter(s, "mesh", -1, "flits", 2.5, 3 * SIM_SEC);
    sim_trace_instant(s, "os", 4, "cpu", "crash", 9);
    close_trace(s);
    json_t *j = load();
    json_t *b = nth(j, "b", 0), *e = nth(j, "e", 0), *c = nth(j, "C", 0), *i = nth(j, "i", 0);
    cr_assert_str_eq(str(b, "name"), "read \"x\"\n");
    cr_assert_str_eq(str(b, "cat"), "disk");
    cr_assert_str_eq(str(json_object_get(b, "id2"), "local"), "0x4d");
    cr_assert_eq(json_integer_value(json_object_get(b, "pid")), 4);
    cr_assert_float_eq(json_number_value(json_object_get(b, "ts")), 1.234567, 1e-9);
    cr_assert_float_eq(json_number_value(json_object_get(e, "ts")), 2.5, 1e-9);
    cr_assert_eq(json_integer_value(json_object_get(b, "tid")),
                 json_integer_value(json_object_get(e, "tid")));
    cr_assert_float_eq(json_number_value(json_object_get(c, "ts")), 3e6, 1e-9);
    cr_assert_float_eq(json_number_value(json_object_get(json_object_get(c, "args"), "value")), 2.5,
                       1e-12);
    cr_assert_eq(json_integer_value(json_object_get(c, "pid")), 0);
    cr_assert_float_eq(json_number_value(json_object_get(i, "ts")), 9e-6, 1e-12);
    bool named = false;
    for (size_t k = 0; k < json_array_size(j); k++) {
        json_t *o = json_array_get(j, k);
        if (strcmp(str(o, "name"), "thread_name") == 0 &&
            strcmp(str(json_object_get(o, "args"), "name"), "arm 0") == 0)
            named = json_integer_value(json_object_get(o, "tid")) ==
                    json_integer_value(json_object_get(b, "tid"));
    }
    cr_assert(named, "the track has no name record");
    json_decref(j);
}

Test(trace, an_empty_trace_is_an_empty_array)
{
    close_trace(open_trace(NULL));
    json_t *j = load();
    cr_assert_eq(json_array_size(j), 0);
    json_decref(j);
}

Test(trace, off_costs_and_writes_nothing)
{
    struct sim *s = sim_create(NULL);
    cr_assert_not(sim_trace_on(s, "mesh"));
    sim_trace_begin(s, "mesh", 0, "x", "y", 1, 2);
    sim_trace_end(s, "mesh", 0, "x", "y", 1, 2);
    struct err e = ERR_INIT;
    cr_assert(sim_trace_close(s, &e));
    cr_assert_eq(access(path, F_OK), -1);
    sim_destroy(s);
}

Test(trace, the_window_leaves_out_what_lies_outside)
{
    struct sim *s = open_trace(&(struct sim_trace_options){ .from = 100, .to = 200 });
    sim_trace_begin(s, "m", 0, "t", "before", 1, 50);
    sim_trace_begin(s, "m", 0, "t", "across", 2, 150);
    sim_trace_end(s, "m", 0, "t", "before", 1, 160);
    sim_trace_begin(s, "m", 0, "t", "open", 3, 170);
    sim_trace_end(s, "m", 0, "t", "across", 2, 900);
    sim_trace_instant(s, "m", 0, "t", "late", 201);
    close_trace(s);
    json_t *j = load();
    cr_assert_eq(count(j, "b"), 2);
    cr_assert_eq(count(j, "e"), 2, "every begin has its end");
    cr_assert_eq(count(j, "i"), 0);
    for (size_t i = 0; i < 2; i++)
        cr_assert_leq(json_number_value(json_object_get(nth(j, "e", i), "ts")), 0.0002);
    json_decref(j);
}

Test(trace, categories_choose)
{
    struct sim *s = open_trace(&(struct sim_trace_options){ .categories = "mesh,disk" });
    cr_assert(sim_trace_on(s, "mesh"));
    cr_assert(sim_trace_on(s, "disk"));
    cr_assert_not(sim_trace_on(s, "mes"));
    cr_assert_not(sim_trace_on(s, "isk"));
    cr_assert_not(sim_trace_on(s, "os"));
    sim_trace_instant(s, "os", 0, "t", "x", 1);
    sim_trace_instant(s, "disk", 0, "t", "x", 1);
    close_trace(s);
    json_t *j = load();
    cr_assert_eq(count(j, "i"), 1);
    json_decref(j);
}

Test(trace, busy_time_is_traced_in_the_category_of_its_kind)
{
    struct sim *s = open_trace(&(struct sim_trace_options){ .from = 1000, .to = 9000 });
    struct sim_busy arm, bus;
    sim_busy_init(&arm, s, SIM_KIND_ARM, 5, "arm 5");
    sim_busy_init(&bus, s, SIM_KIND_BUS, -1, "scsi");
    sim_busy_begin(&arm, 500);
    sim_busy_end(&arm, 2500);           /* cut at the window's start */
    sim_busy_add(&bus, s, 8000, 12000); /* and at its end */
    sim_busy_add(&bus, s, 100, 900);    /* outside */
    close_trace(s);
    json_t *j = load();
    cr_assert_eq(count(j, "X"), 2);
    cr_assert_str_eq(str(nth(j, "X", 0), "cat"), "disk");
    cr_assert_float_eq(json_number_value(json_object_get(nth(j, "X", 0), "ts")), 0.001, 1e-12);
    cr_assert_float_eq(json_number_value(json_object_get(nth(j, "X", 0), "dur")), 0.0015, 1e-12);
    cr_assert_eq(json_integer_value(json_object_get(nth(j, "X", 0), "pid")), 6);
    cr_assert_str_eq(str(nth(j, "X", 1), "cat"), "bus");
    cr_assert_float_eq(json_number_value(json_object_get(nth(j, "X", 1), "dur")), 0.001, 1e-12);
    json_decref(j);
    free((void *)(uintptr_t)arm.name);
    free((void *)(uintptr_t)bus.name);
}

Test(trace, a_full_trace_says_that_it_is_cut)
{
    struct sim *s = open_trace(&(struct sim_trace_options){ .max_records = 10 });
    for (int i = 0; i < 25; i++)
        sim_trace_begin(s, "m", 0, "t", "x", (uint64_t)i, i);
    close_trace(s);
    json_t *j = load();
    cr_assert_eq(count(j, "b"), 10);
    cr_assert_eq(count(j, "e"), 10);
    cr_assert_str_eq(str(nth(j, "i", 0), "name"), "trace cut after 10 records");
    json_decref(j);
}

Test(trace, zst_is_the_same_trace_compressed)
{
    strcat(path, ".zst");
    struct sim *s = open_trace(NULL);
    for (int i = 0; i < 2000; i++)
        sim_trace_counter(s, "m", i % 7, "x", i, i);
    close_trace(s);
    size_t size;
    char *packed = slurp(path, &size), *data = malloc(1 << 20);
    size_t n = ZSTD_decompress(data, 1 << 20, packed, size);
    if (ZSTD_isError(n)) { /* a stream does not state its size: decompress as one */
        ZSTD_DCtx *d = ZSTD_createDCtx();
        ZSTD_inBuffer in = { packed, size, 0 };
        ZSTD_outBuffer out = { data, 1 << 20, 0 };
        cr_assert_eq(ZSTD_decompressStream(d, &out, &in), 0);
        n = out.pos;
        ZSTD_freeDCtx(d);
    }
    cr_assert_gt(n, size * 5);
    json_t *j = parse(data, n);
    cr_assert_eq(count(j, "C"), 2000);
    json_decref(j);
    free(packed);
    free(data);
}

Test(trace, strange_names_stay_valid_json)
{
    struct sim *s = open_trace(NULL);
    char odd[300];
    for (int i = 0; i < 299; i++)
        odd[i] = (char)(i % 255 + 1);
    odd[299] = '\0';
    sim_trace_instant(s, "m", 0, odd, odd, 1);
    close_trace(s);
    json_decref(load());
}

Test(trace, what_cannot_be_written_has_a_sentence)
{
    struct sim *s = sim_create(NULL);
    struct err e = ERR_INIT;
    cr_assert_not(sim_trace_open(s, "/nowhere/x.json", NULL, &e));
    cr_assert_str_eq(e.text,
                     "the trace '/nowhere/x.json' cannot be written: No such file or directory");
    e = (struct err)ERR_INIT;
    cr_assert(sim_trace_open(s, "/dev/full", NULL, &e));
    for (int i = 0; i < 20000; i++)
        sim_trace_instant(s, "m", 0, "t", "x", i);
    cr_assert_not(sim_trace_close(s, &e));
    cr_assert_str_eq(e.text, "the trace '/dev/full' cannot be written: No space left on device");
    sim_destroy(s);
}
