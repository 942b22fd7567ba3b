/* test_cut.c: cuts on the fake port, in random orders, judged by a checker apart.
 *
 * Ranks send each other messages at random over an upper that holds what came, so that some lack
 * credit; cuts are started by any, several at once, and answered late.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/ckpt/cut_internal.h"
#include "os/proto/rdm/rdm.h"
#include "tests/os/xk_rig.h"
#include "workloads/msg/cuts_check.h"

#define RANKS 6
#define CUTS 12
#define CREDIT 1000
#define GRAPH "mesh driver queue=8; r rdm <mesh idle=2; taker taker <r; cut cut <r"
#define LOSSY                                                                                      \
    "mesh driver queue=8; v vdrop <mesh drop=0.1 delay=0.2; r rdm <v idle=2; taker taker <r; "     \
    "cut cut <r"

/* ---- the upper: a rank's program ---- */
struct lane { /* with another */
    struct xk_sessn *out, *in;
    struct rope coming;
    uint64_t held;
};
struct taker {
    struct lane lanes[RANKS];
    struct cuts_history history;
    struct cuts_record records[CUTS + 1];
    uint32_t complete, save, stop; /* number of the last; asked for and not answered: that number */
    bool stopped, wrong;
    enum cut_status status;
    struct cut *cut;
};

static struct taker *taker_of(struct rig *r, uint32_t node)
{
    return xk_find(r->k[node], "taker")->state;
}

static void hold(struct xk_sessn *s)
{
    xk_pieces(s);
    xk_hold(s, CREDIT);
}

static void taker_open_done(struct xk_protl *self, struct xk_sessn *lower)
{
    (void)self;
    hold(lower);
}

static void give_back(struct lane *l)
{
    uint64_t held = l->held;
    l->held = 0;
    if (held > 0)
        xk_consumed(l->in, held);
}

/* The first word of a message is its length. */
static void taker_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct taker *t = self->state;
    struct lane *l = &t->lanes[lower->host];
    struct rope data;
    uint32_t length;
    l->held += xk_msg_length(m);
    if (!l->in)
        l->in = xk_dup(lower);
    if (xk_first(lower))
        rope_fini(&l->coming);
    xk_msg_to_rope(m, &data);
    rope_join(&l->coming, &data);
    rope_read(&l->coming, 0, sizeof length, &length);
    if (l->coming.length < length)
        return;
    t->wrong |= !cuts_received(&t->history, lower->host, &l->coming, sizeof length);
    rope_fini(&l->coming);
    if (lower->host % 2 == 0 && port_random_below(t->history.port, 4) > 0)
        give_back(l);
}

static enum xk_status taker_init(struct xk_protl *self, const void *params)
{
    (void)params;
    return xk_open_enable(self->down[0], self, xk_any());
}

static const struct xk_protl_ops taker_ops = {
    .kind = { .name = "taker", .doc = "takes", .state_size = sizeof(struct taker) },
    .down_min = 1,
    .down_max = 1,
    .needs = XK_PIECES,
    .init = taker_init,
    .open_done = taker_open_done,
    .demux = taker_demux,
};

static void send(struct port *p, void *arg)
{
    struct rig *r = arg;
    uint32_t me = port_node(p), to = (uint32_t)port_random_below(p, RANKS);
    struct taker *t = taker_of(r, me);
    struct lane *l = &t->lanes[to];
    struct rope data;
    struct xk_msg m;
    enum xk_status why;
    if (t->stopped)
        return;
    if (!l->out) {
        l->out = xk_open(xk_find(r->k[me], "r"), xk_find(r->k[me], "taker"), xk_node(to), &why);
        if (!l->out)
            return;
        hold(l->out);
    }
    if (!xk_gone(l->out))
        return;
    uint64_t more = port_random_below(p, 3) == 0 ? port_random_below(p, 1500) : 0;
    uint32_t length = (uint32_t)(sizeof length + cuts_stamp_bytes(RANKS) + more);
    rope_init(&data);
    rope_add_bytes(&data, &length, sizeof length);
    cuts_sent(&t->history, to, &data);
    rope_add_pattern(&data, length, 0, more);
    xk_msg_init_rope(&m, &data);
    (void)xk_push(l->out, &m); /* refused by the dead alone */
    xk_msg_fini(&m);
}

/* ---- its saver ---- */
static void user_stop(void *arg, uint32_t number)
{
    ((struct taker *)arg)->stop = number;
}

static void user_snapshot(void *arg, uint32_t number)
{
    ((struct taker *)arg)->save = number;
}

static void user_in_flight(void *arg, uint32_t number, const struct cut_message *m)
{
    struct taker *t = arg;
    if (number > t->complete) /* the log of a cut that is complete is closed */
        cuts_record_add(&t->records[number], CUTS_LOGGED, m->from, m->to,
                        cuts_number(m->data, sizeof(uint32_t)));
}

static void user_resume(void *arg, uint32_t number)
{
    (void)number;
    ((struct taker *)arg)->stopped = false;
}

static void user_complete(void *arg, uint32_t number, enum cut_status status)
{
    struct taker *t = arg;
    t->complete = number;
    t->status = status;
}

static void answer(struct port *p, void *arg)
{
    struct taker *t = taker_of(arg, port_node(p));
    uint32_t save = t->save, stop = t->stop;
    t->save = t->stop = 0;
    if (stop) {
        t->stopped = true;
        cut_stopped(t->cut, stop);
    }
    if (save) {
        cuts_record_make(&t->records[save], &t->history, save);
        cut_saved(t->cut, save);
    }
}

static void begin(struct port *p, void *arg)
{
    struct taker *t = taker_of(arg, port_node(p));
    if (cut_epoch(t->cut) < CUTS)
        cut_start(t->cut);
}

static void consume(struct port *p, void *arg)
{
    struct taker *t = taker_of(arg, port_node(p));
    for (uint32_t i = 0; i < RANKS; i++)
        give_back(&t->lanes[i]);
}

/* ---- runs ---- */
static uint32_t nodes[RANKS] = { 0, 1, 2, 3, 4, 5 };
static const struct os_layout layout = {
    .nodes = RANKS, .compute_count = RANKS, .ranks = nodes, .compute = nodes
};
static struct cut_params params;

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    struct taker *t = taker_of(r, node);
    struct xk_protl *cut = xk_find(r->k[node], "cut");
    cuts_history_init(&t->history, p, RANKS, node);
    cut_boot(cut, kind_at(&cut_algorithms, params.algorithm), &params, &layout, nodes, RANKS);
    t->cut = cut->state;
    cut_attach(t->cut, &(struct cut_user){ .stop = user_stop,
                                           .snapshot = user_snapshot,
                                           .in_flight = user_in_flight,
                                           .resume = user_resume,
                                           .complete = user_complete,
                                           .arg = t });
}

static void call(struct rig *r, uint64_t draw, void (*fn)(struct port *p, void *arg))
{
    uint32_t node = (uint32_t)(draw % RANKS);
    if (fake_up(r->f, node))
        fake_call(r->f, node, fn, r);
}

/* Traffic and cuts. */
static void stir(struct rig *r, uint64_t seed, uint32_t turns, bool traffic)
{
    uint64_t x = seed;
    for (uint32_t turn = 0; turn < turns; turn++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t draw = x >> 33;
        for (uint32_t i = 0; traffic && i < 3; i++)
            call(r, draw / 7 + i, send);
        if (draw % 3 == 0)
            call(r, draw / 11, answer);
        if (draw % 5 == 0)
            call(r, draw / 13, begin);
        if (draw % 17 == 0)
            call(r, draw / 19, begin); /* another at once */
        if (draw % 23 == 0)
            call(r, draw / 29, consume);
        fake_run(r->f, 1 + draw % 12);
    }
}

/* All that is open is answered. */
static void settle(struct rig *r)
{
    for (uint32_t turn = 0; turn < 200; turn++)
        for (uint32_t node = 0; node < RANKS; node++) {
            call(r, node, answer);
            call(r, node, consume);
            fake_run(r->f, 0);
        }
}

static void drive(struct rig *r, uint64_t seed, uint32_t turns, bool traffic)
{
    stir(r, seed, turns, traffic);
    settle(r);
}

/* Is each cut from `first` on consistent?  The number of the last; the sentence if not. */
static uint32_t judge_from(struct rig *r, uint32_t first, char *sentence, size_t size)
{
    const struct cuts_record *by_rank[RANKS];
    uint32_t cuts = cut_epoch(taker_of(r, 0)->cut);
    *sentence = '\0';
    for (uint32_t node = 0; node < RANKS && !*sentence; node++) {
        const struct taker *t = taker_of(r, node);
        if (t->wrong)
            snprintf(sentence, size, "a message came out of order");
        else if (cut_epoch(t->cut) != cuts || t->complete != cuts || !cut_complete(t->cut))
            snprintf(sentence, size, "rank %u has ended cut %u of %u", node, t->complete, cuts);
    }
    for (uint32_t n = first; n <= cuts && !*sentence; n++) {
        for (uint32_t node = 0; node < RANKS; node++)
            by_rank[node] = &taker_of(r, node)->records[n];
        cuts_judge(by_rank, RANKS, sentence, size);
    }
    return cuts;
}

static uint32_t judge(struct rig *r, char *sentence, size_t size)
{
    return judge_from(r, 1, sentence, size);
}

static uint64_t sum(struct rig *r, const char *name)
{
    uint64_t all = 0;
    for (uint32_t node = 0; node < RANKS; node++)
        all += fake_count(r->f, node, name);
    return all;
}

static int algorithm(const char *name)
{
    for (int i = 0; cut_algorithms.items[i]; i++)
        if (strcmp(cut_algorithms.items[i]->name, name) == 0)
            return i;
    cr_assert_fail("no such algorithm");
    return 0;
}

static void start(struct rig *r, const char *name, uint64_t seed, bool lossy)
{
    struct fake_options o = { .nodes = RANKS,
                              .seed = seed,
                              .order = seed % 3 ? FAKE_RANDOM : FAKE_IN_ORDER,
                              .mtu = 300 + 10 * (uint32_t)(seed % 20),
                              .tx_queue = seed % 4 == 1 ? 3 : 0,
                              .timer_odds = seed % 5 ? 30 : 0,
                              .flatten = seed % 2 };
    params = (struct cut_params){ .algorithm = algorithm(name), .of = "taker", .fanout = 2 };
    params.fanout = 1 + (int64_t)(seed % 3);
    rig_protocol = &taker_ops;
    rig_start(r, &o, lossy ? LOSSY : GRAPH, booted, NULL);
}

/* CUT1, CUT2, CUT3, CUT4, CUT5, RDM9, RDM10, RDMT1, CHECK1, CHECK2: every cut of many runs is
 * consistent, and ends. */
static void all_fit(const char *name, bool lossy)
{
    uint64_t cuts = 0, received = 0, unsent = 0, forced = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct rig r;
        char why[200];
        start(&r, name, seed, lossy);
        drive(&r, seed, 400, seed % 6 != 5);
        cuts += judge(&r, why, sizeof why);
        cr_assert_str_empty(why, "%s, seed %d: %s", name, (int)seed, why);
        received += sum(&r, "cut.received");
        unsent += sum(&r, "cut.unsent");
        forced += sum(&r, "cut.forced");
        rig_stop(&r);
    }
    cr_assert_gt(cuts, 200, "%d cuts", (int)cuts);
    cr_assert_gt(unsent, 50, "%d unsent", (int)unsent);
    bool stops = strcmp(name, "sns") == 0;
    cr_assert(stops ? received == 0 : received > 200, "%d received", (int)received);
    cr_assert_eq(forced, 0, "the first of an epoch on a channel is what asks for it");
}

Test(cut, sync_and_stop_is_consistent, .timeout = 60)
{
    all_fit("sns", false);
}

Test(cut, sync_and_stop_over_a_path_that_loses_and_reorders, .timeout = 60)
{
    all_fit("sns", true);
}

Test(cut, chandy_and_lamport_are_consistent, .timeout = 60)
{
    all_fit("cl", false);
}

/* Negative control: a marker does not close a channel that lets messages overtake each other. */
Test(cut, chandy_and_lamport_over_a_path_that_reorders_are_caught, .timeout = 60)
{
    uint32_t caught = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rig r;
        char why[200];
        start(&r, "cl", seed, true);
        drive(&r, seed, 400, true);
        (void)judge(&r, why, sizeof why);
        caught += *why != '\0';
        rig_stop(&r);
    }
    cr_assert_gt(caught, 0);
}

static uint32_t highest;

static void leave(struct port *p, void *arg)
{
    struct taker *t = taker_of(arg, port_node(p));
    uint32_t heard = cut_leave(t->cut);
    highest = heard > highest ? heard : highest;
    t->save = t->stop = 0;
    t->stopped = false;
}

static void live(struct port *p, void *arg)
{
    struct taker *t = taker_of(arg, port_node(p));
    t->complete = highest + 2;
    cut_restore(t->cut, 77, highest + 2);
    cr_assert(cut_complete(t->cut) && cut_epoch(t->cut) == highest + 2);
}

/* CUT7: a cut is broken off at any moment; messages of it, and of the job, are on their way when
 * the next life begins, at each rank when it pleases. */
Test(cut, another_life_hears_nothing_of_the_one_before, .timeout = 60)
{
    uint32_t cuts = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct rig r;
        char why[200];
        start(&r, seed % 2 ? "cl" : "sns", seed, false);
        stir(&r, seed, 40 + (uint32_t)(seed % 7) * 9, true);
        highest = 0;
        for (uint32_t node = 0; node < RANKS; node++) {
            call(&r, node + seed, leave);
            fake_run(r.f, seed % 5 + 1);
        }
        for (uint32_t node = 0; node < RANKS; node++) {
            call(&r, node * 5 + seed, live);
            fake_run(r.f, seed % 9 + 1);
            call(&r, node * 5 + seed, send);
        }
        settle(&r); /* what was sent before is dropped by who knows of lives of the job: not here */
        uint32_t first = highest + 3;
        stir(&r, seed + 1000, 150, true);
        settle(&r);
        cuts += judge_from(&r, first, why, sizeof why) + 1 - first;
        cr_assert_str_empty(why, "seed %d: %s", (int)seed, why);
        cr_assert_eq(fake_blocked(r.f), 0);
        rig_stop(&r);
    }
    cr_assert_gt(cuts, 80, "%d cuts", (int)cuts);
}

/* The counts of facts: cl N(N-1); sns 4(N-1), and N-1 for its drain. */
Test(cut, messages_are_as_many_as_the_formulas_say)
{
    for (uint32_t root = 0; root < RANKS; root++)
        for (uint32_t i = 0; i < 2; i++) {
            const char *name = i ? "cl" : "sns";
            uint64_t formula = (i ? RANKS : 4 + 1) * (RANKS - 1), before;
            struct rig r;
            start(&r, name, 3 + root, false);
            for (uint32_t cut = 1; cut <= 3; cut++) {
                before = fake_counts(r.f)->frames;
                call(&r, root, begin);
                for (uint32_t turn = 0; turn < 20 * RANKS; turn++) {
                    fake_run(r.f, 0);
                    call(&r, turn, answer);
                }
                cr_assert_eq(cut_epoch(taker_of(&r, 0)->cut), cut);
                cr_assert_eq(fake_counts(r.f)->frames - before, formula + (!i && root != 0),
                             "%s from %d", name, (int)root);
            }
            cr_assert_eq(sum(&r, "cut.starts"), !i && root != 0 ? 3 : 0);
            cr_assert_eq(sum(&r, "cut.cuts"), 3 * RANKS);
            rig_stop(&r);
        }
}

/* CUT6. */
Test(cut, a_death_ends_the_cut_at_all_ranks)
{
    for (uint32_t i = 0; i < 2; i++) {
        struct rig r;
        struct fake_options o = { .nodes = RANKS, .detect_delay = SIM_MS };
        params = (struct cut_params){ .algorithm = algorithm(i ? "cl" : "sns"),
                                      .of = "taker",
                                      .fanout = 2 };
        rig_protocol = &taker_ops;
        rig_start(&r, &o, GRAPH, booted, NULL);
        call(&r, 1, begin);
        call(&r, 1, answer);
        fake_run(r.f, 0); /* all have begun */
        fake_crash(r.f, 3);
        fake_run(r.f, 0);
        for (uint32_t node = 0; node < RANKS; node++) {
            if (node == 3)
                continue;
            struct taker *t = taker_of(&r, node);
            call(&r, node, answer);
            cr_assert(cut_complete(t->cut));
            cr_assert_eq(t->complete, 1);
            cr_assert_eq(t->status, CUT_PEER_DOWN);
            cr_assert_eq(cut_start(t->cut), 1, "no other begins");
            cr_assert(cut_complete(t->cut));
        }
        rig_stop(&r);
    }
}
