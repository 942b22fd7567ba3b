/* test_rdm_hold.c: RDM under an upper that takes pieces and holds them: credit, keys, giving up. */
#include <criterion/criterion.h>
#include <string.h>

#include "os/proto/rdm/rdm.h"
#include "os/xk/peers.h"
#include "tests/os/rdm_cases.h"
#include "tests/os/tcp_rig.h"
#include "tests/sample.h"

#define GRAPH "mesh driver queue=4; r rdm <mesh window=1000B idle=0; holder holder <r"
#define KEYS 2
#define CREDIT 700

/* ---- an upper that holds what comes for as long as a test says ---- */
struct lane {
    struct xk_sessn *below; /* it came by that */
    uint64_t next;          /* number of the message that is coming, or comes next */
    uint64_t held;
    struct rope coming;
    bool holds, in_part;
};
struct holder {
    struct lane lane[KEYS];
    uint64_t ready, broken, ended, wrong, most;
};

static uint64_t seed_of(uint32_t key, uint64_t i)
{
    return 1000 * (key + 1) + i;
}

static void set_up(struct xk_sessn *s)
{
    xk_pieces(s);
    xk_hold(s, CREDIT);
}

static void holder_open_done(struct xk_protl *self, struct xk_sessn *lower)
{
    (void)self;
    set_up(lower);
}

static void give_back(struct lane *l)
{
    uint64_t held = l->held;
    l->held = 0;
    if (held > 0)
        xk_consumed(l->below, held);
}

static void holder_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct holder *h = self->state;
    struct lane *l = &h->lane[lower->key];
    struct rope piece;
    xk_msg_to_rope(m, &piece);
    l->below = lower;
    l->held += piece.length;
    h->most = l->held > h->most ? l->held : h->most;
    h->wrong += xk_first(lower) == l->in_part;
    l->in_part = true;
    rope_join(&l->coming, &piece);
    if (l->coming.length >= numbered_length(l->next)) {
        h->wrong += l->coming.length != numbered_length(l->next) ||
                    (l->coming.length > 0 &&
                     rope_hash(&l->coming) !=
                         rig_pattern_hash(seed_of(lower->key, l->next), numbered_length(l->next)));
        rope_fini(&l->coming);
        l->in_part = false;
        l->next++;
    }
    if (!l->holds)
        give_back(l);
}

static void holder_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    (void)lower;
    ((struct holder *)self->state)->ready++;
}

static void holder_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why)
{
    struct holder *h = self->state;
    struct lane *l = &h->lane[lower->key];
    h->broken += why == XK_CLOSED;
    h->ended += why == XK_UNREACHABLE;
    rope_fini(&l->coming);
    l->in_part = false;
    l->next += why == XK_CLOSED;
    if (why == XK_UNREACHABLE)
        l->held = 0;
}

static void holder_told(void *arg, uint32_t host, uint32_t life, bool alive)
{
    struct holder *h = ((struct xk_protl *)arg)->state;
    (void)host, (void)life;
    for (uint32_t key = 0; !alive && key < KEYS; key++) {
        struct lane *l = &h->lane[key];
        rope_fini(&l->coming);
        l->held = l->next = 0;
        l->in_part = false;
    }
}

static bool enable_late; /* key 1: by a test */

static enum xk_status holder_init(struct xk_protl *self, const void *params)
{
    (void)params;
    struct holder *h = self->state;
    for (uint32_t key = 0; key < KEYS; key++)
        rope_init(&h->lane[key].coming);
    xk_on_peer(self->kernel, holder_told, self);
    xk_open_enable(self->down[0], self, xk_key(0));
    return enable_late ? XK_OK : xk_open_enable(self->down[0], self, xk_key(1));
}

static const struct xk_protl_ops holder_protl = {
    .kind = { .name = "holder", .doc = "holds pieces", .state_size = sizeof(struct holder) },
    .down_min = 1,
    .down_max = 1,
    .needs = XK_PIECES,
    .init = holder_init,
    .demux = holder_demux,
    .open_done = holder_open_done,
    .ready = holder_ready,
    .failed = holder_failed,
};

/* ---- what tests do at a node ---- */
static struct holder *holder(struct rig *r, uint32_t node)
{
    return xk_find(r->k[node], "holder")->state;
}

static const struct rdm_counts *counts(struct rig *r, uint32_t node)
{
    return rdm_counts(xk_find(r->k[node], "r"));
}

enum act { SEND, GONE, STALLED, GIVE_UP };
struct job {
    struct rig *r;
    enum act act;
    uint32_t key;
    uint64_t seed, length;
    enum xk_status status;
    bool yes;
};

static void act_now(struct port *p, void *arg)
{
    struct job *j = arg;
    uint32_t node = port_node(p);
    struct xk_protl *self = xk_find(j->r->k[node], "holder");
    struct xk_sessn *s = xk_open(self->down[0], self, xk_node_key(1 - node, j->key), &j->status);
    struct rope data;
    struct xk_msg m;
    set_up(s);
    rope_init(&data);
    switch (j->act) {
    case SEND:
        rope_add_pattern(&data, j->seed, 0, j->length);
        xk_msg_init_rope(&m, &data);
        j->status = xk_push(s, &m);
        xk_msg_fini(&m);
        break;
    case GONE:
        j->yes = xk_gone(s);
        break;
    case STALLED:
        j->yes = xk_stalled(s);
        break;
    case GIVE_UP:
        xk_give_up(s);
        break;
    }
    xk_close(s);
}

static bool act(struct rig *r, uint32_t node, enum act what, uint32_t key)
{
    struct job j = { .r = r, .act = what, .key = key };
    fake_call(r->f, node, act_now, &j);
    return j.yes;
}

static enum xk_status send_bytes(struct rig *r, uint32_t node, uint32_t key, uint64_t seed,
                                 uint64_t length)
{
    struct job j = { r, SEND, key, seed, length, XK_OK, false };
    fake_call(r->f, node, act_now, &j);
    return j.status;
}

static bool send(struct rig *r, uint32_t node, uint32_t key, uint64_t i)
{
    return send_bytes(r, node, key, seed_of(key, i), numbered_length(i)) == XK_OK;
}

static void holds(struct rig *r, uint32_t node, uint32_t key, bool on)
{
    holder(r, node)->lane[key].holds = on;
}

static void give_back_now(struct port *p, void *arg)
{
    struct job *j = arg;
    give_back(&holder(j->r, port_node(p))->lane[j->key]);
}

static void lets_go(struct rig *r, uint32_t node, uint32_t key)
{
    struct job j = { .r = r, .key = key };
    holds(r, node, key, false);
    fake_call(r->f, node, give_back_now, &j);
}

/* Pieces of a frame of 100 bytes and more: the credit is two of them, or CREDIT. */
static uint64_t credit_of(uint32_t mtu)
{
    return 2 * mtu > CREDIT ? 2 * mtu : CREDIT;
}

static void boot_on(struct rig *r, const struct fake_options *o, const char *graph)
{
    rig_protocol = &holder_protl;
    rig_protocol_too = &tip_protl;
    rig_start(r, o, graph, NULL, NULL);
}

static void boot(struct rig *r, const struct fake_options *o)
{
    boot_on(r, o, GRAPH);
}

/* Sends 0 .. n-1 both ways with both keys, holding now this and now that. */
static void send_all(struct rig *r, uint64_t n)
{
    uint64_t sent[2][KEYS] = { { 0 } }, all = 0;
    for (uint64_t turn = 0; all < 2 * KEYS * n; turn++) {
        cr_assert_lt(turn, 100000, "pushes stay refused");
        for (uint32_t from = 0; from < 2; from++)
            for (uint32_t key = 0; key < KEYS; key++)
                if (sent[from][key] < n && send(r, from, key, sent[from][key])) {
                    sent[from][key]++;
                    all++;
                }
        uint32_t node = turn / 2 % 2, key = turn / 4 % KEYS;
        if (turn % 5)
            holds(r, node, key, true);
        else
            lets_go(r, node, key);
        fake_run(r->f, turn % 4);
        if (turn % 16 == 15) {
            for (uint32_t i = 0; i < 4; i++)
                lets_go(r, i % 2, i / 2);
            fake_run_until(r->f, fake_now(r->f) + SIM_MS);
        }
    }
    for (uint32_t i = 0; i < 4; i++)
        lets_go(r, i % 2, i / 2);
    fake_run(r->f, 0);
}

static void expect_all(struct rig *r, uint32_t node, uint64_t n, uint64_t credit)
{
    const struct holder *h = holder(r, node);
    cr_assert_eq(h->wrong, 0);
    cr_assert_leq(h->most, credit, "%d bytes were held", (int)h->most);
    for (uint32_t key = 0; key < KEYS; key++)
        cr_assert_eq(h->lane[key].next, n, "%d of %d came", (int)h->lane[key].next, (int)n);
}

/* RDM5, RDMO4. */
Test(rdm_hold, pieces_come_in_order_and_never_more_than_the_credit, .timeout = 60)
{
    uint64_t stalled = 0, credits = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct rig r;
        bool lossy = seed % 3;
        struct fake_options o = { .seed = seed,
                                  .order = seed % 2 ? FAKE_RANDOM : FAKE_IN_ORDER,
                                  .mtu = 100 + 10 * (uint32_t)(seed % 20),
                                  .lossy = lossy,
                                  .unordered = lossy,
                                  .timer_odds = seed % 4 ? 50 : 0,
                                  .tx_queue = seed % 4,
                                  .drop_ppm = lossy ? 50000 * (uint32_t)(seed % 7) : 0,
                                  .duplicate_ppm = lossy ? 100000 : 0,
                                  .delay_ppm = lossy ? 200000 : 0,
                                  .flatten = seed % 2 };
        boot(&r, &o);
        send_all(&r, 60);
        for (uint32_t node = 0; node < 2; node++) {
            expect_all(&r, node, 60, credit_of(o.mtu));
            stalled += counts(&r, node)->stalled;
            credits += counts(&r, node)->credits;
            cr_assert_eq(counts(&r, node)->sent, 60 * KEYS);
            cr_assert_eq(counts(&r, node)->received, 60 * KEYS);
            uint64_t promised = counts(&r, node)->promised; /* one credit a session */
            cr_assert(promised >= KEYS * CREDIT && promised < 2 * KEYS * 4096 &&
                      promised % KEYS == 0);
        }
        cr_assert_eq(fake_pending(r.f), 0, "a timer runs for nothing");
        cr_assert_eq(rope_leaves_alive(), 0);
        rig_stop(&r);
    }
    cr_assert_gt(stalled, 100);
    cr_assert_gt(credits, 100);
}

static void enable_now(struct port *p, void *arg)
{
    struct job *j = arg;
    struct xk_protl *self = xk_find(j->r->k[port_node(p)], "holder");
    xk_open_enable(self->down[0], self, xk_key(j->key));
}

/* At node 1. */
static void enable(struct rig *r, uint32_t key)
{
    struct job j = { .r = r, .key = key };
    fake_call(r->f, 1, enable_now, &j);
}

#define ULP_TURNS "mesh driver queue=4; u ulp <mesh idle=0 wait_max=20ms pool=1B; holder holder <u"
#define ULP_GRAPH "mesh driver queue=4; u ulp <mesh idle=0 wait_max=20ms; holder holder <u"

/* Instance "u"; `alone` counts what has nothing but credit; pieces of `piece` bytes, 0: frames. */
static void held_over(const char *graph, const char *alone, uint64_t piece, uint64_t seeds)
{
    uint64_t stalled = 0, grants = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct rig r;
        bool lossy = seed % 3;
        struct fake_options o = { .seed = seed,
                                  .order = lossy && seed % 2 ? FAKE_RANDOM : FAKE_IN_ORDER,
                                  .mtu = 100 + 10 * (uint32_t)(seed % 20),
                                  .lossy = lossy,
                                  .unordered = lossy,
                                  .tx_queue = seed % 4,
                                  .drop_ppm = lossy ? 40000 * (uint32_t)(seed % 6) : 0,
                                  .duplicate_ppm = lossy ? 100000 : 0,
                                  .flatten = seed % 2 };
        boot_on(&r, &o, graph);
        send_all(&r, 60);
        for (uint32_t node = 0; node < 2; node++) {
            expect_all(&r, node, 60, piece ? CREDIT : credit_of(o.mtu));
            stalled += fake_count(r.f, node, "u.stalled");
            grants += fake_count(r.f, node, alone);
            cr_assert_eq(fake_count(r.f, node, "u.received"), 60 * KEYS);
        }
        cr_assert_eq(fake_pending(r.f), 0, "a timer runs for nothing");
        cr_assert_eq(rope_leaves_alive(), 0);
        rig_stop(&r);
    }
    cr_assert_gt(stalled, 100);
    cr_assert_gt(grants, 100);
}

#define RECORD_GRAPH                                                                               \
    "mesh driver queue=64; ip tip <mesh; tcp tcp <ip rto_first=5ms rto_min=2ms tick=1ms "          \
    "rto_max=20ms ack_delay=1ms persist_min=2ms persist_max=20ms connect_time=50ms msl=5ms "       \
    "tries=30; u record <tcp fragment=100B retry=1ms; holder holder <u"

/* RCD8. */
Test(record_hold, pieces_come_in_order_and_never_more_than_the_credit, .timeout = 60)
{
    held_over(RECORD_GRAPH, "u.credits", 100, 30);
}

/* ULP3: of an upper that holds. */
Test(ulp_hold, pieces_come_in_order_and_never_more_than_the_credit, .timeout = 60)
{
    held_over(ULP_GRAPH, "u.grants", 0, 30);
}

/* ULPG5: a frame at a time, this connection or that. */
Test(ulp_hold, the_same_where_connections_wait_for_their_turns, .timeout = 60)
{
    held_over(ULP_TURNS, "u.grants", 0, sample("ULP_TURNS", 60));
    held_over("mesh driver queue=4; u ulp <mesh idle=0 wait_max=20ms pool=300B; "
              "holder holder <u",
              "u.grants", 0, sample("ULP_TURNS", 60));
}

/* ULP5, ULP6, ULP2: key 1 is not enabled, the holder of key 0 lets nothing go; then a message is
 * given up, and the next is whole; and a life's end frees what it held. */
static void is_not_wanted(const char *graph)
{
    for (uint32_t victim = 0; victim < 2; victim++) {
        struct rig r;
        enable_late = true;
        boot_on(&r, &(struct fake_options){ .mtu = 120, .detect_delay = SIM_MS }, graph);
        holds(&r, 1, 0, true);
        for (uint64_t i = 0; send(&r, 0, 1, i); i++) {
            cr_assert_lt(i, 20, "there is no end");
            fake_run(r.f, 0);
        }
        uint64_t next = holder(&r, 1)->lane[0].next = 24; /* 888 bytes: more than the credit */
        cr_assert_eq(send_bytes(&r, 0, 0, seed_of(0, next), 5000), XK_OK);
        fake_run(r.f, 0);
        cr_assert(act(&r, 0, STALLED, 0) && act(&r, 0, STALLED, 1));
        cr_assert_eq(send_bytes(&r, 0, 0, 2, 1), XK_BUSY);
        cr_assert_eq(holder(&r, 1)->lane[1].next, 0);
        cr_assert(holder(&r, 1)->lane[0].in_part);
        act(&r, 0, GIVE_UP, 0);
        fake_run(r.f, 0);
        cr_assert(act(&r, 0, GONE, 0));
        cr_assert_eq(holder(&r, 1)->broken, 1);
        enable(&r, 1);
        lets_go(&r, 1, 0);
        fake_run(r.f, 0);
        cr_assert(act(&r, 0, GONE, 1));
        next = holder(&r, 1)->lane[0].next;
        for (uint64_t i = next; i < next + 20; i++) {
            cr_assert(send(&r, 0, 0, i));
            fake_run(r.f, 0);
        }
        cr_assert_eq(holder(&r, 1)->lane[0].next, next + 20);
        cr_assert_eq(holder(&r, 1)->wrong, 0);
        holds(&r, 1, 0, true);
        cr_assert_eq(send_bytes(&r, 0, 0, 1, 3000), XK_OK);
        fake_run(r.f, 0);
        rope_fini(&holder(&r, victim)->lane[0].coming);
        fake_crash(r.f, victim);
        r.k[victim] = NULL;
        fake_restart(r.f, victim);
        fake_run(r.f, 0);
        holds(&r, 1, 0, false);
        holder(&r, 1)->wrong = 0;
        for (uint64_t i = 0; i < 40; i++) {
            cr_assert(send(&r, 0, 0, i), "message %d is refused", (int)i);
            fake_run(r.f, 0);
        }
        cr_assert_eq(holder(&r, 1)->lane[0].next, 40);
        cr_assert_eq(holder(&r, 1)->wrong, 0);
        cr_assert_eq(fake_pending(r.f), 0);
        rig_stop(&r);
        cr_assert_eq(rope_leaves_alive(), 0);
    }
    enable_late = false;
}

Test(ulp_hold, what_is_not_wanted_waits_is_given_up_and_goes_with_a_life)
{
    is_not_wanted(ULP_GRAPH);
}

Test(record_hold, what_is_not_wanted_waits_is_given_up_and_goes_with_a_life)
{
    is_not_wanted(RECORD_GRAPH);
}

/* RCD2, ULP2. */
static void goes_with_its_life(const char *graph)
{
    struct rig r;
    enable_late = true;
    boot_on(&r, &(struct fake_options){ .mtu = 120, .detect_delay = SIM_MS }, graph);
    cr_assert(send(&r, 0, 1, 1));
    fake_run(r.f, 0);
    fake_crash(r.f, 0);
    r.k[0] = NULL;
    fake_restart(r.f, 0);
    fake_run(r.f, 0);
    cr_assert(send(&r, 0, 1, 0)); /* of the next life: the first, and empty */
    fake_run(r.f, 0);
    enable(&r, 1);
    cr_assert_eq(holder(&r, 1)->lane[1].next, 1);
    cr_assert_eq(holder(&r, 1)->wrong, 0);
    cr_assert_eq(holder(&r, 1)->lane[1].coming.length, 0);
    rig_stop(&r);
    enable_late = false;
}

Test(record_hold, what_waits_for_its_key_goes_with_the_life_that_sent_it)
{
    goes_with_its_life(RECORD_GRAPH);
}

Test(ulp_hold, what_waits_for_its_key_goes_with_the_life_that_sent_it)
{
    goes_with_its_life(ULP_GRAPH);
}

static void starve(const char *graph, const char *received, bool lossy)
{
    struct rig r;
    boot_on(&r, &(struct fake_options){ .mtu = 120, .lossy = lossy }, graph);
    holds(&r, 1, 0, true);
    cr_assert_eq(send_bytes(&r, 0, 0, 1, 5000), XK_OK);
    fake_run(r.f, 0);
    cr_assert_not(act(&r, 0, GONE, 0));
    cr_assert(act(&r, 0, STALLED, 0));
    cr_assert_eq(send_bytes(&r, 0, 0, 2, 1), XK_BUSY); /* RDM7 */
    const struct lane *held = &holder(&r, 1)->lane[0];
    cr_assert(held->held > CREDIT - 120 && held->held <= CREDIT, "%d are held", (int)held->held);
    for (uint64_t i = 0; i < 40; i++) { /* answers, with the other key: both ways */
        cr_assert(send(&r, 0, 1, i) && send(&r, 1, 1, i));
        fake_run(r.f, 0);
    }
    cr_assert_eq(holder(&r, 0)->lane[1].next, 40);
    cr_assert_eq(holder(&r, 1)->lane[1].next, 40);
    uint64_t before = holder(&r, 0)->ready;
    lets_go(&r, 1, 0);
    fake_run(r.f, 0);
    cr_assert(act(&r, 0, GONE, 0));
    cr_assert_gt(holder(&r, 0)->ready, before);
    cr_assert_eq(fake_count(r.f, 1, received), 41);
    cr_assert_eq(fake_pending(r.f), 0);
    rope_fini(&holder(&r, 1)->lane[0].coming);
    rig_stop(&r);
}

Test(rdm_hold, who_holds_all_with_one_key_does_not_stop_the_other)
{
    starve(GRAPH, "r.received", false);
    starve(GRAPH, "r.received", true);
}

/* RCD8, RCDO2. */
Test(record_hold, who_holds_all_with_one_key_does_not_stop_the_other)
{
    starve(RECORD_GRAPH, "u.received", false);
    starve(RECORD_GRAPH, "u.received", true);
}

/* ULPG1: what is granted and cannot be used keeps nobody waiting. */
Test(ulp_hold, who_holds_all_with_one_key_does_not_stop_the_other)
{
    for (uint32_t lossy = 0; lossy < 2; lossy++) {
        starve(ULP_GRAPH, "u.received", lossy);
        starve(ULP_TURNS, "u.received", lossy);
    }
}

/* RDM6. */
Test(rdm_hold, credit_rides_on_data_where_there_are_data)
{
    for (uint64_t answers = 0; answers < 2; answers++) {
        struct rig r;
        boot(&r, &(struct fake_options){ .mtu = 120 });
        for (uint64_t i = 1; i <= 40; i++) {
            cr_assert_eq(send_bytes(&r, 0, 0, 0, 1), XK_OK);
            cr_assert(!answers || send_bytes(&r, 1, 0, 0, 1) == XK_OK);
            fake_run(r.f, 0);
        }
        uint64_t bytes = 40 * (1 + 4);
        cr_assert_eq(counts(&r, 1)->credits, answers ? 0 : bytes / (CREDIT / 2 + 1));
        for (uint64_t i = 1; i <= 400; i++) {
            cr_assert_eq(send_bytes(&r, 0, 0, 0, 1), XK_OK);
            cr_assert(!answers || send_bytes(&r, 1, 0, 0, 1) == XK_OK);
            fake_run(r.f, 0);
        }
        bytes = 440 * (1 + 4);
        cr_assert_eq(counts(&r, 1)->credits, answers ? 0 : bytes / (CREDIT / 2));
        rope_fini(&holder(&r, 0)->lane[0].coming);
        rope_fini(&holder(&r, 1)->lane[0].coming);
        rig_stop(&r);
    }
}

/* Copies the first piece with data from node 0; loses what node 1 sends while deaf. */
static struct {
    uint8_t bytes[400];
    uint64_t length;
    bool deaf;
} tapped;

static bool tap(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    (void)arg, (void)dst;
    if (src == 0 && frame->length > 200 && tapped.length == 0) {
        tapped.length = frame->length;
        rope_read(frame, 0, frame->length, tapped.bytes);
    }
    return src == 0 || !tapped.deaf;
}

struct consumption {
    struct rig *r;
    uint64_t bytes;
};

static void consume_now(struct port *p, void *arg)
{
    const struct consumption *c = arg;
    struct lane *l = &holder(c->r, port_node(p))->lane[0];
    l->held -= c->bytes;
    xk_consumed(l->below, c->bytes);
}

/* What only an acknowledgement carried may be lost: it is not taken for told. */
static void loses_credit(const char *graph, const char *duplicates, uint64_t second, uint64_t times,
                         uint64_t bytes)
{
    struct rig r;
    memset(&tapped, 0, sizeof tapped);
    boot_on(&r, &(struct fake_options){ .mtu = 384, .lossy = true }, graph);
    fake_on_frame(r.f, tap, NULL);
    holds(&r, 1, 0, true);
    cr_assert_eq(send_bytes(&r, 0, 0, 0, 300), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(send_bytes(&r, 0, 0, 1, second), XK_OK);
    fake_run(r.f, 0);
    tapped.deaf = true;
    for (uint64_t i = 0; i < times; i++) {
        fake_call(r.f, 1, consume_now, &(struct consumption){ &r, bytes });
        fake_inject(r.f, 0, 1, tapped.bytes, (uint32_t)tapped.length); /* is acknowledged again */
        fake_run(r.f, 60);
    }
    cr_assert_eq(fake_count(r.f, 1, duplicates), times);
    tapped.deaf = false;
    fake_call(r.f, 1, consume_now, &(struct consumption){ &r, holder(&r, 1)->lane[0].held });
    fake_run(r.f, 0);
    cr_assert_eq(send_bytes(&r, 0, 0, 2, 340), XK_OK);
    fake_run(r.f, 0);
    cr_assert(act(&r, 0, GONE, 0));
    rope_fini(&holder(&r, 1)->lane[0].coming);
    rig_stop(&r);
}

/* ULPO4. */
Test(rdm_hold, credit_that_an_acknowledgement_lost_is_told_again)
{
    loses_credit(GRAPH, "r.duplicates", 340, 1, 300);
    loses_credit(ULP_GRAPH, "u.duplicates", 340, 1, 300);
    loses_credit(ULP_GRAPH, "u.duplicates", 690, 6, 100); /* of which the second frame waits */
}

/* RDM8. */
Test(rdm_hold, what_comes_before_its_key_is_enabled_waits_in_the_credit)
{
    for (uint32_t dies = 0; dies < 2; dies++) {
        struct rig r;
        enable_late = true;
        boot(&r, &(struct fake_options){ .mtu = 120, .lossy = dies, .detect_delay = SIM_MS });
        for (uint64_t i = 0; send(&r, 0, 1, i); i++) {
            cr_assert_lt(i, 20, "there is no end");
            fake_run(r.f, 0);
            cr_assert(send(&r, 0, 0, i));
            fake_run(r.f, 0);
        }
        cr_assert(act(&r, 0, STALLED, 1));
        cr_assert_gt(holder(&r, 1)->lane[0].next, 2);
        cr_assert_eq(holder(&r, 1)->lane[1].next, 0);
        if (dies) {
            fake_crash(r.f, 0);
            fake_run(r.f, 0);
        }
        enable(&r, 0);
        cr_assert_eq(holder(&r, 1)->lane[1].next, 0, "what waits for another key came");
        enable(&r, 1);
        fake_run(r.f, 0);
        cr_assert_eq(holder(&r, 1)->lane[1].next > 2, !dies);
        cr_assert_eq(holder(&r, 1)->wrong, 0);
        cr_assert(dies || act(&r, 0, GONE, 1));
        rig_stop(&r);
        cr_assert_eq(rope_leaves_alive(), 0);
    }
    enable_late = false;
}

static void give_up(bool lossy, uint64_t in_front)
{
    struct rig r;
    boot(&r, &(struct fake_options){ .mtu = 120, .lossy = lossy });
    holds(&r, 1, 0, true);
    for (uint64_t i = 0; i < in_front; i++) { /* message 0 is empty, 7 has 259 bytes */
        cr_assert(send(&r, 0, 0, i));
        fake_run(r.f, 0);
    }
    uint64_t next = holder(&r, 1)->lane[0].next;
    cr_assert_eq(next, in_front);
    cr_assert_eq(send_bytes(&r, 0, 0, seed_of(0, next), 5000), XK_OK);
    fake_run(r.f, 0);
    cr_assert(act(&r, 0, STALLED, 0));
    bool in_part = holder(&r, 1)->lane[0].in_part;
    act(&r, 0, GIVE_UP, 0);
    fake_run(r.f, 0);
    cr_assert(act(&r, 0, GONE, 0));
    cr_assert_eq(holder(&r, 1)->broken, in_part);
    cr_assert_eq(counts(&r, 0)->dropped, 1);
    lets_go(&r, 1, 0);
    fake_run(r.f, 0);
    next = holder(&r, 1)->lane[0].next;
    for (uint64_t i = next; i < next + 20; i++) {
        cr_assert(send(&r, 0, 0, i));
        fake_run(r.f, 0);
    }
    cr_assert_eq(holder(&r, 1)->lane[0].next, next + 20);
    rig_stop(&r);
    cr_assert_eq(rope_leaves_alive(), 0);
}

Test(rdm_hold, a_message_that_is_given_up_breaks_off_and_the_next_is_whole)
{
    give_up(false, 4);
    give_up(true, 4);
    give_up(false, 5);
    give_up(true, 5);
}

/* RDM2: the sender's or the holder's life ends in the middle; the credit is whole afterwards. */
static void crash(uint64_t seed, uint32_t victim)
{
    struct rig r;
    bool lossy = seed % 3 == 0;
    struct fake_options o = { .seed = seed,
                              .order = FAKE_RANDOM,
                              .mtu = 128,
                              .lossy = lossy,
                              .unordered = lossy,
                              .drop_ppm = lossy ? 100000 : 0,
                              .detect_delay = seed % 2 ? SIM_MS : 100 * SIM_US };
    boot(&r, &o);
    holds(&r, 1, 0, seed % 5 > 0);
    for (uint64_t i = 0; i < 1 + seed % 4; i++) {
        (void)send(&r, 0, 0, i);
        fake_run(r.f, 1 + seed % 7);
    }
    (void)send_bytes(&r, 0, 0, 1, 3000);
    fake_run(r.f, seed % 11);
    rope_fini(&holder(&r, victim)->lane[0].coming);
    fake_crash(r.f, victim);
    fake_run(r.f, seed % 5);
    r.k[victim] = NULL;
    fake_restart(r.f, victim);
    while (!r.k[victim])
        fake_step(r.f);
    fake_run(r.f, 0);
    holds(&r, 1, 0, false);
    struct holder *h = holder(&r, 1);
    /* The first tells lives: to who has not heard of this one it is the end of the other. */
    cr_assert_eq(send_bytes(&r, 0, 0, seed_of(0, 0), numbered_length(0)), XK_OK);
    fake_run(r.f, 0);
    h->lane[0].next = 1;
    h->wrong = 0;
    for (uint64_t i = 1; i < 40; i++) {
        cr_assert(send(&r, 0, 0, i), "seed %d, victim %d: message %d is refused", (int)seed,
                  (int)victim, (int)i);
        fake_run(r.f, 0);
    }
    cr_assert_eq(h->wrong, 0, "seed %d, victim %d", (int)seed, (int)victim);
    cr_assert_eq(h->lane[0].next, 40);
    /* What was promised to the life that ended is not any more. */
    cr_assert_eq(counts(&r, 0)->promised, counts(&r, 1)->promised);
    cr_assert_eq(fake_pending(r.f), 0);
    rig_stop(&r);
    cr_assert_eq(rope_leaves_alive(), 0);
}

Test(rdm_hold, a_life_s_end_gives_the_credit_back, .timeout = 60)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        crash(seed, 0);
        crash(seed, 1);
    }
}

/* ---- every order ---- */
static struct rig explored;

static void explore_setup(struct fake *f, void *arg)
{
    rig_boot_all(&explored, f, arg, 2, NULL, NULL);
    holds(&explored, 1, 0, true);
    cr_assert_eq(send_bytes(&explored, 0, 0, 1, 800), XK_OK);
    for (uint64_t i = 0; i < 2; i++) /* an empty one, then 37 bytes */
        cr_assert(send(&explored, 0, 1, i) || i == 1);
}

/* The held key has a front part of its message within the credit, the other one all. */
static bool explore_check(struct fake *f, void *arg)
{
    (void)f, (void)arg;
    struct holder *h = holder(&explored, 1);
    bool good = h->lane[0].held <= CREDIT && h->lane[1].next >= 1 &&
                counts(&explored, 1)->received &&
                rope_hash(&h->lane[0].coming) == rig_pattern_hash(1, h->lane[0].coming.length);
    rope_fini(&h->lane[0].coming);
    return good;
}

Test(rdm_hold, every_order_with_a_loss_or_a_copy_serves_the_key_that_is_not_held, .timeout = 60)
{
    for (uint32_t i = 0; i < 3; i++) {
        rig_protocol = &holder_protl;
        struct xk_graph *g = rig_graph(GRAPH);
        struct fake_explore x = { .options = { .mtu = 360,
                                               .lossy = i > 0,
                                               .unordered = i > 0,
                                               .explore_drops = i > 0,
                                               .explore_copies = i > 1 },
                                  .setup = explore_setup,
                                  .check = explore_check,
                                  .arg = g,
                                  .orders_max = 3000 };
        fake_explore(&x);
        cr_assert_not(x.failed, "order %s", x.order);
        cr_assert_gt(x.orders, i ? 100 : 0);
        xk_graph_free(g);
    }
}
