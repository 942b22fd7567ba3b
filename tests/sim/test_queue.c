/* test_queue.c: the order of events, against a slow list that is sorted by hand. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "sim/sim.h"

static uint64_t seed_state;

static uint64_t next_random(void)
{
    uint64_t z = (seed_state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

#define MODEL_EVENTS 700

/* One entry of the model: what the engine must know of a pending event. */
struct model {
    struct sim_event event;
    bool pending;
    sim_time time;
    int cls;
    uint64_t sequence;
};

static struct model models[MODEL_EVENTS];
static uint64_t model_sequence, fired, wrong;
static int actions_left;

/* The pending entry that must fire first, found by looking at all. */
static struct model *model_first(void)
{
    struct model *best = NULL;
    for (size_t i = 0; i < MODEL_EVENTS; i++) {
        struct model *m = &models[i];
        if (!m->pending)
            continue;
        if (!best || m->time < best->time ||
            (m->time == best->time &&
             (m->cls < best->cls || (m->cls == best->cls && m->sequence < best->sequence))))
            best = m;
    }
    return best;
}

static void random_actions(struct sim *s)
{
    for (uint64_t n = next_random() % 5; n > 0 && actions_left > 0; n--, actions_left--) {
        struct model *m = &models[next_random() % MODEL_EVENTS];
        if (m->pending && next_random() % 3 == 0) {
            cr_assert(sim_cancel(s, &m->event));
            m->pending = false;
        } else if (!m->pending) {
            static const sim_time spans[] = { 1, 7, 1000, 1000003 };
            sim_time span = spans[next_random() % ARRAY_LEN(spans)];
            m->time = sim_now(s) + (sim_time)(next_random() % (uint64_t)span);
            m->cls = (int)(next_random() % SIM_CLASS_COUNT);
            m->event.cls = (uint8_t)m->cls;
            m->sequence = model_sequence++;
            m->pending = true;
            sim_at(s, &m->event, m->time);
        }
        cr_assert_eq(m->pending, sim_event_pending(&m->event));
    }
}

static void on_event(struct sim *s, struct sim_event *e)
{
    struct model *m = CONTAINER_OF(e, struct model, event);
    if (m != model_first() || sim_now(s) != m->time || sim_event_pending(e))
        wrong++; /* SIM3 */
    m->pending = false;
    fired++;
    random_actions(s);
}

/* HEAP1, QUEUE3, SIM2. */
Test(queue, random_schedules_and_cancels_fire_in_the_order_of_a_sorted_list)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        seed_state = seed;
        model_sequence = fired = wrong = 0;
        actions_left = 6000;
        for (size_t i = 0; i < MODEL_EVENTS; i++) {
            models[i].pending = false;
            sim_event_init(&models[i].event, SIM_CLASS_ARRIVAL, on_event);
        }
        struct sim *s = sim_create(NULL);
        while (actions_left > 3000)
            random_actions(s);
        cr_assert_eq(sim_run(s), SIM_END_IDLE);
        cr_assert_eq(wrong, 0, "seed %d: %d of %d events fired out of order", (int)seed, (int)wrong,
                     (int)fired);
        cr_assert_eq(sim_events_fired(s), fired);
        cr_assert_null(model_first());
        sim_destroy(s);
    }
}

/* ---- many events of very unequal spacing, so that all tiers are used ---- */
#define MANY 30000

static struct model *many;
static struct model **sorted;
static size_t next_sorted;

static int by_key(const void *a, const void *b)
{
    const struct model *x = *(struct model *const *)a, *y = *(struct model *const *)b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->cls != y->cls)
        return x->cls < y->cls ? -1 : 1;
    return x->sequence < y->sequence ? -1 : 1;
}

static void on_sorted(struct sim *s, struct sim_event *e)
{
    (void)s;
    while (next_sorted < MANY && !sorted[next_sorted]->pending)
        next_sorted++;
    if (next_sorted >= MANY || sorted[next_sorted++] != CONTAINER_OF(e, struct model, event))
        wrong++;
    fired++;
}

/* Times: dense ties, a dense stretch, a sparse one, far timers and the last moments of time. */
static sim_time skewed_time(void)
{
    switch (next_random() % 8) {
    case 0:
        return 5;
    case 1:
    case 2:
        return (sim_time)(next_random() % 16) * 10000;
    case 3:
    case 4:
        return (sim_time)(next_random() % 200000);
    case 5:
        return (sim_time)(next_random() % (50 * (uint64_t)SIM_MS));
    case 6:
        return 50 * SIM_MS;
    default:
        return SIM_NEVER - 10 - (sim_time)(next_random() % 1000);
    }
}

/* QUEUE1. */
Test(queue, events_of_very_unequal_spacing_come_out_sorted)
{
    many = calloc(MANY, sizeof(*many));
    sorted = calloc(MANY, sizeof(struct model *));
    for (uint64_t seed = 1; seed <= 4; seed++) {
        seed_state = seed;
        next_sorted = fired = wrong = 0;
        size_t cancelled = 0;
        struct sim *s = sim_create(NULL);
        for (size_t i = 0; i < MANY; i++) {
            struct model *m = &many[i];
            m->cls = (int)(next_random() % SIM_CLASS_COUNT);
            m->time = skewed_time();
            m->sequence = i;
            m->pending = true;
            sorted[i] = m;
            sim_event_init(&m->event, (enum sim_class)m->cls, on_sorted);
            sim_at(s, &m->event, m->time);
        }
        qsort(sorted, MANY, sizeof(sorted[0]), by_key);
        for (size_t i = 0; i < MANY / 3 * (seed % 2); i++) {
            struct model *m = &many[next_random() % MANY];
            cancelled += m->pending;
            cr_assert_eq(sim_cancel(s, &m->event), m->pending);
            m->pending = false;
        }
        cr_assert_eq(sim_run(s), SIM_END_IDLE);
        cr_assert_eq(wrong, 0);
        cr_assert_eq(fired, MANY - cancelled);
        sim_destroy(s);
    }
    free(many);
    free(sorted);
}

static void stop_now(struct sim *s, struct sim_event *e)
{
    (void)e;
    sim_stop(s);
}

/* QUEUE2. */
Test(queue, destroying_a_run_leaves_the_events_of_all_tiers_idle)
{
    many = calloc(MANY, sizeof(*many));
    struct sim *s = sim_create(NULL);
    for (size_t i = 0; i < MANY; i++) {
        sim_event_init(&many[i].event, SIM_CLASS_ARRIVAL, i == 7000 ? stop_now : on_event);
        sim_at(s, &many[i].event, i == 7000 ? 1 : skewed_time() + 2);
    }
    cr_assert_eq(sim_run(s), SIM_END_STOPPED);
    for (size_t i = 0; i < MANY; i += 7)
        cr_assert_eq(sim_cancel(s, &many[i].event), i != 7000);
    sim_destroy(s);
    for (size_t i = 0; i < MANY; i++)
        cr_assert_not(sim_event_pending(&many[i].event));
    free(many);
}
