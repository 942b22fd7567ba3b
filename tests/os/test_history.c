/* test_history.c: the judge of histories is judged: hand-made good and bad histories, and small
 * random ones against a search through all orders. */
#include <criterion/criterion.h>
#include <string.h>

#include "os/svm/history.h"
#include "tests/fake/port_fake.h"

static struct fake *world;

static void booted(struct port *p, void *arg)
{
    (void)p, (void)arg;
}

static void setup(void)
{
    struct fake_options o = { .nodes = 1 };
    world = fake_create(&o);
    fake_boot(world, 0, booted, NULL);
    fake_run(world, 0);
}

static void teardown(void)
{
    fake_destroy(world);
}

TestSuite(history, .init = setup, .fini = teardown);

enum { X = 0x1000, Y = 0x2008, BOTH = 2 };

struct line {
    uint32_t node;
    char kind; /* 'w' or 'r' */
    uint64_t addr, value;
    sim_time start, end;
    uint32_t order;
};

static void load(struct history *h, const struct line *lines, size_t count)
{
    history_init(h, fake_port(world, 0), 0x1000, 0x1000);
    for (size_t i = 0; i < count; i++)
        history_add(h, &(struct history_op){ .addr = lines[i].addr,
                                             .value = lines[i].value,
                                             .start = lines[i].start * SIM_US,
                                             .end = lines[i].end * SIM_US,
                                             .node = lines[i].node,
                                             .order = lines[i].order,
                                             .size = 8,
                                             .write = lines[i].kind == 'w' });
}

static struct history_report last;

static void judge(const char *what, const struct line *lines, size_t count,
                  enum history_verdict recent, enum history_verdict sequential)
{
    struct history h;
    load(&h, lines, count);
    cr_expect_eq(history_sequential(&h, &last), sequential, "%s: sequential: %s", what, last.text);
    cr_expect_eq(history_recent(&h, &last), recent, "%s: recent: %s", what, last.text);
    history_fini(&h);
}

#define JUDGE(what, recent, sequential, ...)                                                       \
    do {                                                                                           \
        static const struct line lines[] = { __VA_ARGS__ };                                        \
        judge(what, lines, ARRAY_LEN(lines), HISTORY_##recent, HISTORY_##sequential);              \
    } while (0)

Test(history, most_recent_write_of_one_location)
{
    JUDGE("nothing but zero", OK, OK, { 0, 'r', X, 0, 1, 2, 0 });
    JUDGE("a read after a write", OK, OK, { 0, 'w', X, 7, 1, 2, 0 }, { 1, 'r', X, 7, 3, 4, 0 });
    JUDGE("a read beside a write sees the old", OK, OK, { 0, 'w', X, 7, 1, 5, 0 },
          { 1, 'r', X, 0, 2, 3, 0 });
    JUDGE("a read beside a write sees the new", OK, OK, { 0, 'w', X, 7, 1, 5, 0 },
          { 1, 'r', X, 7, 2, 3, 0 });
    JUDGE("a read that ends as a write begins sees the new", OK, OK, { 0, 'w', X, 7, 3, 5, 0 },
          { 1, 'r', X, 7, 2, 3, 0 });
    JUDGE("a stale read", VIOLATION, OK, { 0, 'w', X, 7, 1, 2, 0 }, { 1, 'r', X, 0, 3, 4, 0 });
    JUDGE("an overwritten value", VIOLATION, OK, { 0, 'w', X, 7, 1, 2, 0 },
          { 1, 'w', X, 8, 3, 4, 0 }, { 2, 'r', X, 7, 5, 6, 0 });
    JUDGE("new, then old, beside the write", VIOLATION, OK, { 0, 'w', X, 7, 1, 9, 0 },
          { 1, 'r', X, 7, 2, 3, 0 }, { 2, 'r', X, 0, 4, 5, 0 });
    JUDGE("new, then old, on one node", VIOLATION, VIOLATION, { 0, 'w', X, 7, 1, 9, 0 },
          { 1, 'r', X, 7, 2, 3, 0 }, { 1, 'r', X, 0, 4, 5, 0 });
    JUDGE("a value from the future", VIOLATION, OK, { 1, 'r', X, 7, 1, 2, 0 },
          { 0, 'w', X, 7, 3, 4, 0 });
    JUDGE("a value from nowhere", VIOLATION, VIOLATION, { 0, 'w', X, 7, 1, 2, 0 },
          { 1, 'r', X, 9, 3, 4, 0 });
    JUDGE("two readers disagree on the order of two writes", VIOLATION, VIOLATION,
          { 0, 'w', X, 7, 1, 9, 0 }, { 1, 'w', X, 8, 1, 9, 0 }, { 2, 'r', X, 7, 2, 3, 0 },
          { 2, 'r', X, 8, 4, 5, 0 }, { 3, 'r', X, 8, 2, 3, 0 }, { 3, 'r', X, 7, 4, 5, 0 });
    JUDGE("touching times are concurrent", OK, OK, { 0, 'w', X, 7, 1, 2, 0 },
          { 1, 'r', X, 0, 2, 2, 0 }, { 2, 'r', X, 7, 2, 2, 0 });
}

Test(history, values_that_are_written_twice)
{
    JUDGE("back to a value", OK, OK, { 0, 'w', X, 7, 1, 2, 0 }, { 1, 'w', X, 8, 3, 4, 0 },
          { 0, 'w', X, 7, 5, 6, 0 }, { 1, 'r', X, 7, 7, 8, 0 });
    cr_assert_eq(last.ambiguous, 1);
    JUDGE("a value that was overwritten for good", VIOLATION, OK, { 0, 'w', X, 7, 1, 2, 0 },
          { 0, 'w', X, 7, 3, 4, 0 }, { 1, 'w', X, 8, 5, 6, 0 }, { 1, 'r', X, 7, 7, 8, 0 });
    JUDGE("either of two writes at once", OK, OK, { 0, 'w', X, 7, 1, 2, 0 },
          { 0, 'w', X, 7, 3, 9, 0 }, { 1, 'w', X, 8, 5, 6, 0 }, { 2, 'r', X, 7, 7, 8, 0 },
          { 2, 'r', X, 8, 7, 8, 0 });
    JUDGE("a write that begins as the read ends", OK, OK, { 0, 'w', X, 7, 3, 5, 0 },
          { 0, 'w', X, 7, 7, 8, 0 }, { 1, 'r', X, 7, 2, 3, 0 });
    JUDGE("a write that begins after it", VIOLATION, OK, { 0, 'w', X, 7, 4, 5, 0 },
          { 0, 'w', X, 7, 7, 8, 0 }, { 1, 'r', X, 7, 2, 3, 0 });
    JUDGE("zero once more", VIOLATION, OK, { 0, 'w', X, 0, 1, 2, 0 }, { 0, 'w', X, 8, 3, 4, 0 },
          { 1, 'r', X, 0, 7, 8, 0 });
}

/* Times without meaning (all the same), the order of writes given: only the model of many locations
 * can tell. */
Test(history, several_locations)
{
    JUDGE("store buffering: both read the old", OK, VIOLATION, { 0, 'w', X, 1, 0, 9, 1 },
          { 0, 'r', Y, 0, 0, 9, 0 }, { 1, 'w', Y, 1, 0, 9, 1 }, { 1, 'r', X, 0, 0, 9, 0 });
    cr_assert_eq(last.locations, BOTH);
    JUDGE("store buffering: one reads the new", OK, OK, { 0, 'w', X, 1, 0, 9, 1 },
          { 0, 'r', Y, 0, 0, 9, 0 }, { 1, 'w', Y, 1, 0, 9, 1 }, { 1, 'r', X, 1, 0, 9, 0 });
    JUDGE("message passing: the flag without the data", OK, VIOLATION, { 0, 'w', X, 1, 0, 9, 1 },
          { 0, 'w', Y, 1, 0, 9, 1 }, { 1, 'r', Y, 1, 0, 9, 0 }, { 1, 'r', X, 0, 0, 9, 0 });
    JUDGE("message passing: the flag and the data", OK, OK, { 0, 'w', X, 1, 0, 9, 1 },
          { 0, 'w', Y, 1, 0, 9, 1 }, { 1, 'r', Y, 1, 0, 9, 0 }, { 1, 'r', X, 1, 0, 9, 0 });
    JUDGE("independent reads of independent writes, in two orders", OK, VIOLATION,
          { 0, 'w', X, 1, 0, 9, 1 }, { 1, 'w', Y, 1, 0, 9, 1 }, { 2, 'r', X, 1, 0, 9, 0 },
          { 2, 'r', Y, 0, 0, 9, 0 }, { 3, 'r', Y, 1, 0, 9, 0 }, { 3, 'r', X, 0, 0, 9, 0 });
    JUDGE("independent reads of independent writes, in one order", OK, OK,
          { 0, 'w', X, 1, 0, 9, 1 }, { 1, 'w', Y, 1, 0, 9, 1 }, { 2, 'r', X, 1, 0, 9, 0 },
          { 2, 'r', Y, 0, 0, 9, 0 }, { 3, 'r', Y, 1, 0, 9, 0 }, { 3, 'r', X, 1, 0, 9, 0 });
    JUDGE("load buffering", OK, VIOLATION, { 0, 'r', X, 1, 0, 9, 0 }, { 0, 'w', Y, 1, 0, 9, 1 },
          { 1, 'r', Y, 1, 0, 9, 0 }, { 1, 'w', X, 1, 0, 9, 1 });
    JUDGE("writes against their order", OK, VIOLATION, { 0, 'w', X, 1, 0, 9, 2 },
          { 0, 'w', Y, 1, 0, 9, 1 }, { 1, 'w', Y, 2, 0, 9, 2 }, { 1, 'w', X, 2, 0, 9, 1 },
          { 0, 'r', X, 2, 0, 9, 0 });
    JUDGE("a causal chain over three nodes", OK, VIOLATION, { 0, 'w', X, 1, 0, 9, 1 },
          { 1, 'r', X, 1, 0, 9, 0 }, { 1, 'w', Y, 1, 0, 9, 1 }, { 2, 'r', Y, 1, 0, 9, 0 },
          { 2, 'r', X, 0, 0, 9, 0 });
}

Test(history, sentences_name_page_nodes_values_and_times)
{
    JUDGE("a stale read", VIOLATION, OK, { 3, 'w', Y, 17, 1, 2, 0 }, { 5, 'r', Y, 0, 3, 4, 0 });
    static const char *const parts[] = { "page 1", "0x2008", "node 3 writes 17", "node 5 reads 0",
                                         "3.000 to 4.000 us" };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        cr_expect(strstr(last.text, parts[i]), "%s is not in: %s", parts[i], last.text);
}

Test(history, accesses_that_overlap_in_part_are_refused)
{
    struct history h;
    history_init(&h, fake_port(world, 0), 0, 0);
    history_add(&h, &(struct history_op){ .addr = 8, .size = 8, .write = true, .value = 1 });
    history_add(&h, &(struct history_op){ .addr = 12, .size = 4 });
    cr_assert_eq(history_recent(&h, &last), HISTORY_UNCLEAR);
    cr_assert_eq(history_sequential(&h, &last), HISTORY_UNCLEAR);
    history_fini(&h);
}

/* ---- the slow judge: every order of at most OPS accesses ---- */

#define OPS 6
#define PLACES 2

static bool search(const struct history_op *ops, uint32_t n, bool real_time, uint32_t done,
                   uint64_t memory[PLACES], uint32_t place[PLACES])
{
    if (done == (1u << n) - 1)
        return true;
    for (uint32_t i = 0; i < n; i++) {
        bool may = !(done & 1u << i);
        uint32_t at = ops[i].addr == X ? 0 : 1;
        for (uint32_t k = 0; k < n && may; k++)
            if (k != i && !(done & 1u << k))
                may =
                    !(real_time ? ops[k].end < ops[i].start : ops[k].node == ops[i].node && k < i);
        if (!may || (!ops[i].write && ops[i].value != memory[at]))
            continue;
        if (!real_time && ops[i].write && ops[i].order != place[at] + 1)
            continue;
        uint64_t before = memory[at];
        if (ops[i].write) {
            memory[at] = ops[i].value;
            place[at]++;
        }
        bool found = search(ops, n, real_time, done | 1u << i, memory, place);
        memory[at] = before;
        place[at] -= ops[i].write;
        if (found)
            return true;
    }
    return false;
}

static uint64_t draw(uint64_t *x)
{
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return *x >> 33;
}

Test(history, agrees_with_a_search_through_all_orders)
{
    uint64_t x = 4711, good[2] = { 0, 0 };
    for (int round = 0; round < 60000; round++) {
        bool real_time = round % 2;
        uint32_t n = 2 + (uint32_t)(draw(&x) % (OPS - 1)), orders[PLACES] = { 0, 0 };
        struct history h;
        history_init(&h, fake_port(world, 0), 0, 0);
        for (uint32_t i = 0; i < n; i++) {
            bool second = !real_time && draw(&x) % 2;
            sim_time start = (sim_time)(draw(&x) % 8);
            struct history_op op = { .addr = second ? Y : X,
                                     .size = 8,
                                     .node = (uint32_t)(draw(&x) % 3),
                                     .write = draw(&x) % 2,
                                     .start = start,
                                     .end = start + (sim_time)(draw(&x) % 5) };
            op.order = op.write ? ++orders[second] : 0;
            op.value = op.write ? op.order : draw(&x) % 3;
            history_add(&h, &op);
        }
        uint64_t memory[PLACES] = { 0, 0 };
        uint32_t place[PLACES] = { 0, 0 };
        bool expected = search(h.ops, n, real_time, 0, memory, place);
        enum history_verdict v =
            real_time ? history_recent(&h, &last) : history_sequential(&h, &last);
        cr_assert_eq(v, expected ? HISTORY_OK : HISTORY_VIOLATION, "round %d: %s", round,
                     last.text);
        good[real_time] += expected;
        history_fini(&h);
    }
    cr_assert_gt(good[0], 1000);
    cr_assert_gt(good[1], 1000);
}
