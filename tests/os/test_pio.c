/* test_pio.c: lists of runs through os/pio against a byte array, over PFS on the fake port. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "os/pio/pio.h"
#include "tests/os/pfs_world.h"

static uint32_t draw(uint64_t *state, uint32_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % n;
}

static struct pio pio_of(struct pfs_world *w, struct pfs_client *c, uint32_t rank,
                         struct os_node *node)
{
    *node = (struct os_node){ .port = fake_port(w->r.f, rank), .layout = &w->layout };
    return (struct pio){ .ops = kind_find(&pio_systems, "pfs"), .node = node, .state = c };
}

enum { REGION = 60000, RUNS = 5, TURNS = 40 };

/* Some runs of a region, one behind the other, and the bytes that the region has there. */
static uint32_t draw_runs(uint64_t *state, uint64_t base, struct file_run *runs, uint8_t *region,
                          uint8_t *bytes, uint64_t *total)
{
    uint32_t count = 0;
    *total = 0;
    for (uint64_t at = draw(state, 3000); count < RUNS;) {
        struct file_run r = { .off = at, .len = 1 + draw(state, 400) };
        r.count = 1 + draw(state, 12);
        r.stride = r.len + draw(state, 500);
        at += r.count * r.stride + draw(state, 2000);
        if (at > REGION)
            break;
        for (uint64_t i = 0; i < r.count; i++)
            for (uint64_t b = 0; b < r.len; b++)
                bytes[(*total)++] = region[r.off + i * r.stride + b];
        r.off += base;
        runs[count++] = r;
    }
    return count;
}

static void change(const struct file_run *runs, uint32_t count, uint64_t base, uint8_t *region,
                   uint8_t value)
{
    for (uint32_t k = 0; k < count; k++)
        for (uint64_t i = 0; i < runs[k].count; i++)
            memset(region + runs[k].off - base + i * runs[k].stride, value, runs[k].len);
}

static uint32_t answers;

static void answered(struct pio_req *r)
{
    (void)r;
    answers++;
}

/* PIO1, PIO2: each rank's reads are what its writes before have made of its region. */
static void random_lists(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct os_node node;
    struct pio s = pio_of(w, c, rank, &node);
    const struct pio_open o = {
        .name = "lists", .flags = PIO_O_CREATE, .ranks = 1, .mode = PIO_PLAIN, .unit = 1000
    };
    struct pio_file *f;
    struct file_run runs[RUNS];
    uint8_t *region = calloc(1, REGION), *bytes = malloc(REGION), *got = malloc(REGION);
    uint64_t state = 77 + rank, base = (uint64_t)rank * REGION, total;
    cr_assert_eq(pio_open(&s, &o, &f), PIO_OK);
    cr_assert_eq(pio_set_size(f, (uint64_t)w->compute * REGION), PIO_OK);
    for (int t = 0; t < TURNS; t++) {
        struct pio_req r;
        bool write = draw(&state, 2);
        uint32_t count = draw_runs(&state, base, runs, region, bytes, &total);
        if (count == 0)
            continue;
        pio_req_init(&r, write ? PIO_WRITE : PIO_READ, f);
        r.runs = runs;
        r.run_count = count;
        if (write) {
            uint8_t value = (uint8_t)draw(&state, 256);
            memset(bytes, value, total);
            rope_add_bytes(&r.data, bytes, total);
            change(runs, count, base, region, value);
        }
        cr_assert_eq(pio_length(runs, count), total);
        uint32_t before = answers;
        if (draw(&state, 2))
            r.done = answered;
        pio_submit(&r);
        while (r.done && !r.ended)
            port_thread_sleep(node.port, SIM_MS);
        if (!r.done)
            (void)pio_wait(&r);
        cr_assert(!r.done || answers > before);
        cr_assert_eq(r.status, PIO_OK);
        cr_assert_eq(r.moved, total);
        cr_assert_eq(r.off, runs[0].off);
        const struct pio_split *x = &r.split;
        cr_assert_eq(x->client + x->mesh + x->queue + x->arm, x->latency); /* PIO4 */
        cr_assert(x->client >= 0 && x->mesh >= 0 && x->queue >= 0 && x->arm >= 0);
        if (!write) {
            cr_assert_eq(r.data.length, total);
            rope_read(&r.data, 0, total, got);
            cr_assert_eq(memcmp(got, bytes, total), 0, "rank %u, turn %d", rank, t);
        }
        rope_fini(&r.data);
    }
    cr_assert_eq(pio_close(f), PIO_OK);
    free(region);
    free(bytes);
    free(got);
}

Test(pio, lists_of_runs_are_those_of_a_byte_array)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 3, 2);
    w.lfs.files = 64;
    pfs_world_start(&w, (struct fake_options){ .seed = 5 });
    pfs_world_run(&w, random_lists);
    pfs_world_stop(&w);
}

/* The same bytes in memory, cut in another way: places of a buffer, one behind the other. */
static uint32_t draw_places(uint64_t *state, uint64_t total, struct file_run *runs, uint64_t *size)
{
    uint32_t n = 0;
    uint64_t at = draw(state, 50);
    while (total > 0) {
        uint64_t len = 1 + draw(state, 300), most = total / len;
        struct file_run r = { .off = at, .len = len, .count = 1 };
        if (most > 0)
            r.count = 1 + draw(state, most < 9 ? (uint32_t)most : 9);
        else
            r.len = total;
        r.stride = r.len + draw(state, 3) * draw(state, 90);
        total -= r.len * r.count;
        at += r.stride * r.count + draw(state, 60);
        runs[n++] = r;
    }
    for (uint32_t i = n; i-- > 1;) { /* in any order */
        uint32_t j = draw(state, i + 1);
        struct file_run x = runs[i];
        runs[i] = runs[j];
        runs[j] = x;
    }
    *size = at + draw(state, 100);
    return n;
}

/* Byte by byte: memory[place k] = bytes[k], or the reverse. */
static void copy_places(const struct file_run *runs, uint32_t count, uint8_t *memory,
                        uint8_t *bytes, uint64_t total, bool in)
{
    uint64_t k = 0;
    for (uint32_t i = 0; i < count; i++)
        for (uint64_t n = 0; n < runs[i].count * runs[i].len && k < total; n++, k++) {
            uint8_t *at = memory + runs[i].off + n / runs[i].len * runs[i].stride + n % runs[i].len;
            *(in ? at : &bytes[k]) = in ? bytes[k] : *at;
        }
}

enum { PLACES = 2 * REGION };

static void both_sides(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct os_node node;
    struct pio s = pio_of(w, c, rank, &node);
    const struct pio_open o = {
        .name = "both", .flags = PIO_O_CREATE, .ranks = 1, .mode = PIO_PLAIN, .unit = 1000
    };
    struct pio_file *f;
    struct file_run runs[RUNS], *places = malloc(REGION * sizeof *places);
    uint8_t *region = calloc(1, REGION), *bytes = malloc(REGION), *memory = malloc(PLACES);
    uint8_t *got = malloc(PLACES);
    uint64_t state = 99 + rank, base = (uint64_t)rank * REGION, total, size, cut = 0;
    cr_assert_eq(pio_open(&s, &o, &f), PIO_OK);
    for (int t = 0; t < 2 * TURNS; t++) {
        struct rope buffer;
        struct pio_req r;
        bool write = t == 0 || draw(&state, 2);
        uint32_t count = draw_runs(&state, base, runs, region, bytes, &total);
        if (count == 0)
            continue;
        struct pio_memory m = { .buffer = &buffer, .runs = places };
        m.run_count = draw_places(&state, total, places, &size);
        cr_assert_leq(size, PLACES);
        for (uint64_t i = 0; i < size; i++)
            memory[i] = (uint8_t)draw(&state, 256);
        rope_init(&buffer);
        rope_add_bytes(&buffer, memory, size);
        pio_req_init(&r, write ? PIO_WRITE : PIO_READ, f);
        r.runs = runs;
        r.run_count = count;
        r.memory = &m;
        pio_submit(&r);
        cr_assert_eq(pio_wait(&r), PIO_OK);
        if (write) {
            copy_places(places, m.run_count, memory, bytes, total, false);
            for (uint64_t k = 0, at = 0; k < count; k++)
                for (uint64_t i = 0; i < runs[k].count; i++, at += runs[k].len) {
                    uint64_t off = runs[k].off - base + i * runs[k].stride;
                    memcpy(region + off, bytes + at, runs[k].len);
                }
            cr_assert_eq(r.moved, total);
        } else {
            copy_places(places, m.run_count, memory, bytes, r.moved, true);
            cr_assert_leq(r.moved, total);
            cut += r.moved < total;
        }
        cr_assert_eq(r.data.length, 0);
        cr_assert_eq(buffer.length, size);
        rope_read(&buffer, 0, size, got);
        cr_assert_eq(memcmp(got, memory, size), 0, "rank %u, turn %d", rank, t);
        if (!write || t % 8 > 0) {
            rope_fini(&buffer);
            continue;
        }
        /* Lists that do not fit do nothing. */
        places[0].off = size - places[0].len + 1;
        pio_req_init(&r, t % 16 > 0 ? PIO_WRITE : PIO_READ, f);
        r.runs = runs;
        r.run_count = count;
        r.memory = &m;
        pio_submit(&r);
        cr_assert_eq(pio_wait(&r), PIO_BAD_LIST);
        rope_fini(&buffer);
    }
    cr_assert(cut > 0 || rank + 1 < w->compute, "no read met the end of the file");
    cr_assert_eq(pio_close(f), PIO_OK);
    free(region);
    free(bytes);
    free(memory);
    free(places);
    free(got);
}

Test(pio, lists_of_file_and_memory_are_those_of_two_byte_arrays)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 2, 2);
    w.lfs.files = 64;
    pfs_world_start(&w, (struct fake_options){ .seed = 7 });
    pfs_world_run(&w, both_sides);
    pfs_world_stop(&w);
}

/* PIO3. */
static void ends(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct os_node node;
    struct pio s = pio_of(w, c, rank, &node);
    const struct pio_open o = {
        .name = "short", .flags = PIO_O_CREATE, .ranks = 1, .mode = PIO_PLAIN, .unit = 1000
    };
    struct pio_file *f;
    struct pio_req r;
    uint8_t got[4000];
    const struct file_run all = { .off = 0, .len = 2500, .count = 1 };
    /* The second piece of the first run is cut by the end, the third and the last lie behind it;
     * the second run lies before it, but comes too late. */
    const struct file_run runs[] = { { .off = 100, .len = 700, .stride = 1500, .count = 3 },
                                     { .off = 0, .len = 10, .count = 1 } };
    cr_assert_eq(pio_open(&s, &o, &f), PIO_OK);
    pio_req_init(&r, PIO_WRITE, f);
    r.runs = &all;
    r.run_count = 1;
    rope_add_pattern(&r.data, 3, 0, 2500);
    pio_submit(&r);
    cr_assert_eq(pio_wait(&r), PIO_OK);
    pio_req_init(&r, PIO_READ, f);
    r.runs = runs;
    r.run_count = 2;
    cr_assert_eq(pio_set_size(f, 2000), PIO_OK);
    pio_submit(&r);
    cr_assert_eq(pio_wait(&r), PIO_OK);
    cr_assert_eq(r.moved, 700 + 400);
    cr_assert_eq(r.data.length, r.moved);
    rope_read(&r.data, 0, r.moved, got);
    for (uint32_t i = 0; i < r.moved; i++)
        cr_assert_eq(got[i], pattern_byte(3, i < 700 ? 100 + i : 1600 + i - 700));
    rope_fini(&r.data);
    struct pio_control hint = { .what = PIO_HINT };
    cr_assert_eq(pio_control(&s, f, &hint), PIO_OK, "changes no result");
    hint.what = PIO_VIEW;
    cr_assert(!(s.ops->can & PIO_CAN(PIO_VIEW)));
    cr_assert_eq(pio_control(&s, f, &hint), PIO_UNSUPPORTED);
    cr_assert_eq(pio_close(f), PIO_OK);
}

Test(pio, a_read_ends_with_the_file)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 1, 2);
    pfs_world_start(&w, (struct fake_options){ .seed = 6 });
    pfs_world_run(&w, ends);
    pfs_world_stop(&w);
}
