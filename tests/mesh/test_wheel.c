/* test_wheel.c: the timing wheel against a plain list: every instant comes whole and in order. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "mesh/wheel.h"
#include "tests/mesh/oracle.h"

#define EVENTS 3000

struct event {
    sim_time time;
    uint64_t word;
    bool inside;
};

static struct event events[EVENTS]; /* the obvious list */
static uint32_t count;
static struct wheel wheel;

static void push(sim_time time)
{
    events[count] = (struct event){ .time = time, .word = count * UINT64_C(8) + 3, .inside = true };
    wheel_push(&wheel, time, events[count++].word);
}

static sim_time earliest(void)
{
    sim_time best = SIM_NEVER;
    for (uint32_t i = 0; i < count; i++)
        if (events[i].inside)
            best = sim_time_min(best, events[i].time);
    return best;
}

/* Takes an instant from the wheel and out of the list. */
static sim_time take(void)
{
    const uint64_t *words;
    sim_time now = earliest();
    uint32_t expected = 0, taken;
    cr_assert_eq(wheel_next(&wheel), now);
    for (uint32_t i = 0; i < count; i++)
        expected += events[i].inside && events[i].time == now;
    taken = wheel_take(&wheel, &words);
    cr_assert_eq(taken, expected, "%u events of the instant, not %u", taken, expected);
    for (uint32_t k = 0; k < taken; k++) {
        struct event *e = &events[words[k] / 8];
        cr_assert_eq(words[k], e->word);
        cr_assert(e->inside && e->time == now);
        e->inside = false;
    }
    return now;
}

/* What a model does: at each instant it pushes some events, at distances of every kind. */
static void run(uint64_t seed, sim_time width)
{
    uint64_t r = seed;
    uint32_t pushes = 100 + (uint32_t)oracle_below(&r, EVENTS - 200);
    uint64_t crowd = oracle_below(&r, 60) + 1, grain = oracle_below(&r, 3) ? 1 : (uint64_t)width;
    count = 0;
    wheel_init(&wheel, width);
    push((sim_time)oracle_below(&r, 100));
    while (earliest() != SIM_NEVER) {
        sim_time now = take();
        for (uint64_t k = oracle_below(&r, crowd) + 1; k > 0 && count < pushes; k--) {
            static const uint64_t spans[] = { 1, 3, 40, 900, 1100, 30000 };
            uint64_t far = oracle_below(&r, spans[oracle_below(&r, 6)] * (uint64_t)width + 1);
            push(now + (sim_time)(far / grain * grain));
        }
    }
    const uint64_t *words;
    cr_assert_eq(wheel_next(&wheel), SIM_NEVER);
    cr_assert_eq(wheel_take(&wheel, &words), 0);
    wheel_fini(&wheel);
}

/* WHEEL2. */
Test(wheel, gives_every_instant_whole_and_in_order)
{
    static const sim_time widths[] = { 1, 2, 7, 10000, 16384 };
    for (uint64_t seed = 0; seed < 60; seed++)
        run(seed, widths[seed % ARRAY_LEN(widths)]);
}
