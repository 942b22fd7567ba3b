/* rdm_cases.c: what is asked of every transport that stands in RDM's place. */
#include "tests/os/rdm_cases.h"

#include <criterion/criterion.h>

bool numbered_is(const struct probe_got *g, uint64_t i)
{
    uint64_t length = numbered_length(i);
    return g->length == length && (length == 0 || g->hash == rig_pattern_hash(1000 + i, length));
}

bool numbered_send(struct rig *r, uint32_t from, uint32_t to, uint64_t i)
{
    return rig_send_pattern(r, from, to, 1000 + i, numbered_length(i)) == XK_OK;
}

void numbered_both_ways(struct rig *r, uint64_t n,
                        void (*each)(struct rig *r, uint64_t turn, void *arg), void *arg)
{
    uint64_t sent[2] = { 0, 0 };
    for (uint64_t turn = 0; sent[0] + sent[1] < 2 * n; turn++) {
        cr_assert_lt(turn, 100000, "pushes stay refused");
        for (uint32_t from = 0; from < 2; from++)
            if (sent[from] < n && numbered_send(r, from, 1 - from, sent[from]))
                sent[from]++;
        fake_run(r->f, turn % 4);
        if (turn % 16 == 15)
            fake_run_until(r->f, fake_now(r->f) + SIM_MS);
        if (each)
            each(r, turn, arg);
    }
    fake_run(r->f, 0);
}

void numbered_all_came(struct rig *r, uint32_t node, uint64_t n)
{
    const struct probe *p = rig_probe(r, node);
    cr_assert_eq(p->got, n, "%d of %d came", (int)p->got, (int)n);
    for (uint64_t i = 0; i < n; i++)
        cr_assert(numbered_is(&p->log[i], i), "message %d is another", (int)i);
}

/* ---- a slow link ---- */

void rdm_cases_slow_link(const char *graph, const char *resent)
{
    for (uint64_t rate = 0; rate <= 14000; rate += 14000) {
        struct rig r;
        struct fake_options o = { .mtu = 120, .lossy = true, .latency = 8 * SIM_MS, .rate = rate };
        rig_start(&r, &o, graph, NULL, NULL);
        numbered_both_ways(&r, 20, NULL, NULL);
        for (uint32_t node = 0; node < 2; node++) {
            numbered_all_came(&r, node, 20);
            uint64_t again = fake_count(r.f, node, resent);
            cr_assert_eq(again == 0, rate != 0, "%d went again", (int)again);
        }
        rig_stop(&r);
    }
}

/* ---- every order ---- */

static void send_three(struct rig *r)
{
    for (uint64_t i = 1; i <= 3; i++)
        cr_assert(numbered_send(r, 0, 1, i));
}

static bool three_came(struct rig *r)
{
    const struct probe *p = rig_probe(r, 1);
    for (uint64_t i = 0; i < p->got; i++)
        if (!numbered_is(&p->log[i], i + 1))
            return false;
    return p->got == 3 && rig_alloc_quiet(r);
}

void rdm_cases_orders(const char *graph)
{
    static const struct {
        uint32_t drops, copies;
        bool timers;
    } faults[] = { { 1, 0, false }, { 0, 1, false }, { 1, 1, true } };
    for (uint32_t i = 0; i < 3; i++) {
        const struct fake_options o = { .mtu = 128,
                                        .lossy = true,
                                        .unordered = true,
                                        .explore_drops = faults[i].drops,
                                        .explore_copies = faults[i].copies,
                                        .explore_timers = faults[i].timers };
        rig_explore(&o, graph, send_three, three_came);
    }
}

/* ---- lives ---- */

struct lives { /* of node 0: messages sent in each, from 1 on; number of the first */
    uint64_t sent[3], first[3];
};

/* What node 1, in one life, has got: from each life of node 0 numbers that follow each other. */
static void expect_runs(struct rig *r, const struct lives *l, bool from_start)
{
    const struct probe *p = rig_probe(r, 1);
    uint64_t at = 0;
    for (uint32_t life = 1; life <= 2; life++) {
        uint64_t i = l->first[life], end = l->first[life] + l->sent[life];
        while (!from_start && at < p->got && i < end && !numbered_is(&p->log[at], i))
            i++; /* what its earlier life got, or nobody */
        while (at < p->got && i < end && numbered_is(&p->log[at], i)) {
            at++;
            i++;
        }
    }
    cr_assert_eq(at, p->got, "message %d of %d is out of order", (int)at, (int)p->got);
}

static void send_some(struct rig *r, struct lives *l, uint32_t life, uint64_t n)
{
    for (uint64_t k = 0; k < n && fake_up(r->f, 0); k++) {
        if (numbered_send(r, 0, 1, l->first[life] + l->sent[life]))
            l->sent[life]++;
        fake_run(r->f, 1);
    }
}

void rdm_cases_crash(struct rig *r, uint64_t seed, uint32_t victim, uint64_t steps)
{
    struct lives l = { .first = { 0, 1, 101 } };
    uint32_t life = victim == 0 ? 2 : 1;
    send_some(r, &l, 1, 1 + seed % 30);
    fake_run(r->f, steps);
    fake_crash(r->f, victim);
    fake_run(r->f, seed / 7 % 5);
    if (victim == 1)
        send_some(r, &l, 1, seed % 4);
    r->k[victim] = NULL;
    fake_restart(r->f, victim);
    while (!r->k[victim])
        fake_step(r->f);
    fake_run(r->f, 3 + seed % 5);
    send_some(r, &l, life, 10);
    fake_run(r->f, 0);
    expect_runs(r, &l, victim == 0);
    /* Both live now and know it: the next arrives. */
    uint64_t got = rig_probe(r, 1)->got;
    cr_assert(numbered_send(r, 0, 1, l.first[life] + l.sent[life]));
    l.sent[life]++;
    fake_run(r->f, 0);
    cr_assert_eq(rig_probe(r, 1)->got, got + 1, "seed %d: the lives do not meet", (int)seed);
    expect_runs(r, &l, victim == 0);
    cr_assert_eq(fake_pending(r->f), 0);
    cr_assert(rig_alloc_quiet(r));
    rig_stop(r);
}

void rdm_cases_crashes(const char *graph, uint64_t seeds)
{
    for (uint64_t seed = 1; seed <= seeds; seed++)
        for (uint32_t victim = 0; victim < 2; victim++) {
            struct rig r;
            bool lossy = seed % 4 != 0;
            struct fake_options o = { .seed = seed,
                                      .order = FAKE_RANDOM,
                                      .mtu = 128,
                                      .lossy = lossy,
                                      .unordered = lossy,
                                      .drop_ppm = 100000,
                                      .duplicate_ppm = 100000,
                                      .delay_ppm = 100000,
                                      .detect_delay = seed % 3 ? SIM_MS : 100 * SIM_US };
            rig_start(&r, &o, graph, NULL, NULL);
            rdm_cases_crash(&r, seed, victim, seed % 7);
        }
}
