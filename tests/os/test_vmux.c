/* test_vmux.c: VMUX gives sessions of those below; VCACHE keeps sessions that were closed. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "os/proto/select/select.h"
#include "os/xk/peers.h"
#include "tests/os/xk_rig.h"

/* ---- VMUX ---- */

#define TWO "mesh driver; lan driver interface=lan; m vmux <lan <mesh; "

static uint64_t other_got(struct rig *r, uint32_t node)
{
    return ((struct probe *)xk_find(r->k[node], "other")->state)->got;
}

struct by_job {
    struct rig *r;
    const char *upper;
    uint32_t to;
    const char *over; /* the instance whose session it is; NULL: none opens */
};

static void push_by(struct port *p, void *arg)
{
    struct by_job *j = arg;
    struct xk_kernel *k = j->r->k[port_node(p)];
    struct xk_protl *upper = xk_find(k, j->upper);
    enum xk_status why;
    struct xk_msg m;
    struct xk_sessn *s = xk_open(upper->down[0], upper, xk_node(j->to), &why);
    if (!j->over) {
        cr_assert_null(s);
        cr_assert_eq(why, XK_NO_PEER);
        return;
    }
    cr_assert_eq(s->protl, xk_find(k, j->over), "VMUX1: not by %s", s->protl->instance);
    cr_assert_eq(s->upper, upper, "VMUX1");
    xk_msg_init(&m);
    cr_assert_eq(xk_push(s, &m), XK_OK);
    xk_msg_fini(&m);
    xk_close(s);
}

static void by(struct rig *r, uint32_t from, const char *upper, uint32_t to, const char *over)
{
    struct by_job j = { r, upper, to, over };
    fake_call(r->f, from, push_by, &j);
    fake_run(r->f, 0);
}

/* Node 1 is on both networks, nodes 2 and 3 on the mesh alone; two uppers. */
Test(vmux, each_upper_has_sessions_of_the_first_that_reaches)
{
    struct rig r;
    rig_start(&r, &(struct fake_options){ .nodes = 4, .interfaces = 2, .lan_nodes = 2 },
              TWO "probe probe <m; other probe <m", NULL, NULL);
    by(&r, 0, "probe", 1, "lan");
    by(&r, 0, "other", 1, "lan");
    by(&r, 0, "other", 2, "mesh");
    by(&r, 0, "probe", 3, "mesh");
    by(&r, 0, "probe", 9, NULL);
    by(&r, 1, "other", 0, "lan");
    cr_assert_eq(rig_probe(&r, 1)->got, 1);
    cr_assert_eq(other_got(&r, 1), 1);
    cr_assert_eq(other_got(&r, 2), 1);
    cr_assert_eq(rig_probe(&r, 2)->got, 0);
    cr_assert_eq(rig_probe(&r, 3)->got, 1);
    cr_assert_eq(other_got(&r, 0), 1);
    cr_assert_eq(fake_count(r.f, 0, "m.first"), 2);
    cr_assert_eq(fake_count(r.f, 0, "m.others"), 2);
    cr_assert_eq(fake_count(r.f, 0, "m.unopened"), 1);
    /* It is on no message's way: each passed the driver alone. */
    cr_assert_eq(fake_work(r.f, 0, PORT_WORK_CHOICE), 0);
    cr_assert_eq(fake_work(r.f, 0, PORT_WORK_LAYER), 4 + 1);
    rig_stop(&r);
}

Test(vmux, what_it_gives_is_what_all_below_give_and_to_who_stands_on_them)
{
    struct rig r;
    struct xk_control c = { .op = XK_GET_OPT_PACKET };
    rig_start(&r, &(struct fake_options){ .interfaces = 2 },
              "mesh driver; lan driver interface=lan; m vmux <lan <mesh; one vmux <mesh; "
              "rdm rdm <mesh; r vmux <rdm; nx nx <r; b blast <lan; x vmux <b <rdm; probe probe <r",
              NULL, NULL);
    struct xk_kernel *k = r.k[0];
    cr_assert_eq(xk_find(k, "m")->gives, XK_NETWORK & ~XK_ORDERED);
    cr_assert_eq(xk_find(k, "one")->gives, XK_NETWORK);
    cr_assert_eq(xk_find(k, "r")->gives, xk_find(k, "rdm")->gives);
    cr_assert(xk_find(k, "r")->gives & XK_PIECES);
    cr_assert_not(xk_find(k, "x")->gives & (XK_PIECES | XK_TAKES | XK_LIVES));
    cr_assert_eq(xk_find(k, "x")->carries, xk_find(k, "b")->carries);
    cr_assert_eq(xk_protl_control(xk_find(k, "x"), &c), XK_OK);
    cr_assert_eq(c.u64, xk_find(k, "mesh")->carries - 24, "the least of both");
    /* RDM gives frames to who stands on it, by VMUX too. */
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 7, 9000), XK_OK);
    fake_run(r.f, 0);
    cr_assert_eq(rig_probe(&r, 1)->got, 1);
    cr_assert_eq(rig_probe(&r, 1)->log[0].hash, rig_pattern_hash(7, 9000));
    cr_assert(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* CHAN over two paths: calls and what they carry, from who is near and who is far. */
Test(vmux, calls_go_by_either_path)
{
    struct rig r;
    rig_start(&r, &(struct fake_options){ .nodes = 3, .interfaces = 2, .lan_nodes = 2 },
              TWO "b blast <m; c chan <b; probe probe <c", NULL, NULL);
    for (uint32_t to = 1; to < 3; to++) {
        rig_probe(&r, to)->echo = true;
        struct xk_sessn *s = rig_open(&r, 0, to);
        for (uint64_t n = 0; n < 3; n++) {
            cr_assert_eq(rig_push(&r, 0, s, n, 9000 * n), XK_OK);
            fake_run(r.f, 0);
            const struct probe *p = rig_probe(&r, 0);
            cr_assert_eq(p->got, 3 * (to - 1) + n + 1, "the answer");
            cr_assert_eq(p->log[p->got - 1].hash, rig_pattern_hash(n, 9000 * n));
        }
        rig_close(&r, 0, s);
        cr_assert_eq(rig_probe(&r, to)->got, 3);
    }
    cr_assert_gt(fake_count(r.f, 1, "lan.received"), 3);
    cr_assert_eq(fake_count(r.f, 1, "mesh.received"), 0);
    cr_assert_gt(fake_count(r.f, 2, "mesh.received"), 3);
    rig_stop(&r);
}

static void enable_half(struct port *p, void *arg)
{
    struct rig *r = arg;
    (void)p;
    struct xk_protl *m = xk_find(r->k[0], "m"), *other = xk_find(r->k[0], "other");
    struct xk_protl *mesh = xk_find(r->k[0], "mesh"), *probe = xk_find(r->k[0], "probe");
    struct xk_control c = { .op = XK_FREE_RESOURCES };
    cr_assert_eq(xk_open_enable(m, other, xk_any()), XK_REFUSED);
    cr_assert_null(xk_taker(mesh, other->number), "VMUX2");
    cr_assert_eq(xk_taker(mesh, probe->number), probe);
    cr_assert_eq(xk_open_disable(m, probe, xk_any()), XK_OK);
    cr_assert_null(xk_taker(mesh, probe->number));
    cr_assert_eq(xk_protl_control(m, &c), XK_OK);
    cr_assert_eq(c.u64, 1, "the idle session of the driver");
}

/* VMUX2: VDROP carries the probe, and refuses another. */
Test(vmux, all_below_are_enabled_or_none)
{
    struct rig r;
    rig_start(&r, &(struct fake_options){ .interfaces = 2 },
              "mesh driver; lan driver interface=lan; v vdrop <lan; m vmux <mesh <v; "
              "other probe <lan; probe probe <m",
              NULL, NULL);
    by(&r, 0, "probe", 1, "mesh");
    cr_assert_eq(rig_probe(&r, 1)->got, 1);
    cr_assert_eq(rig_send_pattern(&r, 1, 0, 1, 1), XK_OK);
    fake_run(r.f, 0);
    fake_call(r.f, 0, enable_half, &r);
    rig_stop(&r);
}

/* ---- VCACHE ---- */

#define CHANNELS "mesh driver; blast blast <mesh; chan chan <blast; c vcache <chan "

static void serve(void *arg, struct select_request *q, uint32_t procedure, struct rope *args)
{
    (void)arg;
    (void)procedure;
    select_reply(q, args);
}

static void serves(struct rig *r, uint32_t node, struct port *p)
{
    (void)p;
    cr_assert_eq(select_serve(xk_find(r->k[node], "rpc"), 5, serve, NULL), XK_OK);
}

static uint32_t ok;
static void ended(void *arg, enum xk_status status, struct rope *reply)
{
    (void)arg;
    ok += status == XK_OK && reply->length == 100;
}

static void call_now(struct port *p, void *arg)
{
    struct rig *r = arg;
    struct rope args;
    rope_init(&args);
    rope_add_pattern(&args, 1, 0, 100);
    cr_assert_eq(select_call(xk_find(r->k[port_node(p)], "rpc"), 1, 5, 0, &args, ended, NULL),
                 XK_OK);
    rope_fini(&args);
}

/* SELECT without a pool of its own: the sessions of CHAN are opened once. */
Test(vcache, calls_one_after_another_use_one_session)
{
    for (int idle = 0; idle < 2; idle++) {
        struct rig r;
        char graph[160];
        ok = 0;
        snprintf(graph, sizeof graph, CHANNELS "idle=%d; rpc select <c idle=0", idle);
        rig_start(&r, &(struct fake_options){ 0 }, graph, serves, NULL);
        for (int i = 0; i < 20; i++) {
            fake_call(r.f, 0, call_now, &r);
            fake_run_until(r.f, fake_now(r.f) + SIM_MS);
        }
        for (int i = 0; i < 3; i++) /* side by side */
            fake_call(r.f, 0, call_now, &r);
        fake_run(r.f, 0);
        cr_assert_eq(ok, 23);
        cr_assert_eq(fake_count(r.f, 0, "c.opened"), idle ? 3 : 23);
        cr_assert_eq(fake_count(r.f, 0, "c.reused"), idle ? 20 : 0);
        cr_assert_eq(fake_count(r.f, 1, "c.opened"), 23, "a request is a session");
        cr_assert_eq(fake_count(r.f, 1, "c.reused"), 0);
        cr_assert_eq(fake_count(r.f, 1, "c.reclaimed"), 0);
        cr_assert(rig_alloc_quiet(&r));
        rig_stop(&r);
    }
}

#define HANDS 12
struct world {
    struct rig r;
    struct xk_sessn *hand[HANDS];
    uint32_t kept[64], kept_count, limit; /* the slow model: hosts, oldest first */
    uint64_t reused;
    struct xk_sessn *one;
    enum xk_status why;
    uint32_t host, slot;
};

static void open_now(struct port *p, void *arg)
{
    struct world *w = arg;
    (void)p;
    struct xk_kernel *k = w->r.k[0];
    w->hand[w->slot] = xk_open(xk_find(k, "c"), xk_find(k, "probe"), xk_node(w->host), &w->why);
    cr_assert_not_null(w->hand[w->slot]);
    cr_assert_eq(w->hand[w->slot]->host, w->host);
    cr_assert_eq(w->hand[w->slot]->refs, 1);
    cr_assert_eq(w->hand[w->slot]->down[0]->upper_state, w->hand[w->slot], "VCACHE2");
}

static void close_now(struct port *p, void *arg)
{
    struct world *w = arg;
    (void)p;
    xk_close(w->hand[w->slot]);
    w->hand[w->slot] = NULL;
}

static void push_now(struct port *p, void *arg)
{
    struct world *w = arg;
    struct xk_msg m;
    (void)p;
    xk_msg_init(&m);
    w->why = xk_push(w->hand[w->slot], &m);
    xk_msg_fini(&m);
}

static void free_now(struct port *p, void *arg)
{
    struct world *w = arg;
    struct xk_control c = { .op = XK_FREE_RESOURCES };
    (void)p;
    cr_assert_eq(xk_protl_control(xk_find(w->r.k[0], "c"), &c), XK_OK);
    cr_assert_eq(c.u64, w->kept_count);
    w->kept_count = 0;
}

static void end_now(struct port *p, void *arg)
{
    struct world *w = arg;
    (void)p;
    uint32_t life = xk_life_assumed(w->r.k[0], w->host);
    cr_assert_eq(xk_heard(w->r.k[0], w->host, life + 1), XK_NEW);
}

static bool take_kept(struct world *w, uint32_t host)
{
    for (uint32_t i = 0; i < w->kept_count; i++)
        if (w->kept[i] == host) {
            for (; i + 1 < w->kept_count; i++)
                w->kept[i] = w->kept[i + 1];
            w->kept_count--;
            return true;
        }
    return false;
}

/* VCACHE1, against a list of hosts that is kept beside it: opens and closes of several at once,
 * all dropped, and lives that end. */
Test(vcache, it_keeps_what_a_list_of_closed_hosts_says)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct world w = { .limit = (uint32_t)(seed % 5) };
        char graph[160];
        uint64_t x = seed;
        snprintf(graph, sizeof graph, CHANNELS "idle=%u; probe probe <c", w.limit);
        rig_start(&w.r, &(struct fake_options){ .nodes = 4 }, graph, NULL, NULL);
        uint32_t lived[HANDS] = { 0 }, life[4] = { 0 };
        for (int step = 0; step < 300; step++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            w.slot = (uint32_t)(x >> 40) % HANDS;
            w.host = 1 + (uint32_t)(x >> 50) % 3;
            if (!w.hand[w.slot]) {
                w.reused += take_kept(&w, w.host);
                fake_call(w.r.f, 0, open_now, &w);
                lived[w.slot] = life[w.host];
            } else if ((x >> 33) % 32 == 0) {
                fake_call(w.r.f, 0, free_now, &w);
            } else if ((x >> 33) % 32 == 1) {
                while (take_kept(&w, w.host))
                    ;
                life[w.host]++;
                fake_call(w.r.f, 0, end_now, &w);
            } else {
                w.host = w.hand[w.slot]->host;
                fake_call(w.r.f, 0, close_now, &w);
                if (lived[w.slot] == life[w.host])
                    w.kept[w.kept_count++] = w.host;
                if (w.kept_count > w.limit)
                    take_kept(&w, w.kept[0]);
            }
            cr_assert_eq(fake_count(w.r.f, 0, "c.reused"), w.reused, "seed %zu", (size_t)seed);
        }
        fake_call(w.r.f, 0, free_now, &w);
        for (w.slot = 0; w.slot < HANDS; w.slot++)
            if (w.hand[w.slot])
                fake_call(w.r.f, 0, close_now, &w);
        fake_run(w.r.f, 0);
        rig_stop(&w.r);
    }
}

/* VCACHE3. */
Test(vcache, what_is_kept_is_closed_in_time)
{
    struct world w = { .host = 1 };
    rig_start(&w.r, &(struct fake_options){ 0 }, CHANNELS "interval=10s; probe probe <c", NULL,
              NULL);
    fake_call(w.r.f, 0, open_now, &w);
    fake_call(w.r.f, 0, close_now, &w); /* the timer is due at 10, 20, 30 s */
    fake_run_until(w.r.f, 12 * SIM_SEC);
    w.slot = 1;
    fake_call(w.r.f, 0, open_now, &w);
    cr_assert_eq(fake_count(w.r.f, 0, "c.reused"), 1);
    fake_run_until(w.r.f, 15 * SIM_SEC);
    fake_call(w.r.f, 0, close_now, &w); /* for 5 s when the timer comes, and for 15 */
    fake_run_until(w.r.f, 29 * SIM_SEC);
    cr_assert_eq(fake_count(w.r.f, 0, "c.reclaimed"), 0);
    fake_run_until(w.r.f, 31 * SIM_SEC);
    cr_assert_eq(fake_count(w.r.f, 0, "c.reclaimed"), 1);
    cr_assert_eq(fake_pending(w.r.f), 0);
    rig_stop(&w.r);
}

/* VCACHE1: who closes with a call out gets another session; its answer is nobody's. */
Test(vcache, a_session_with_a_call_out_is_not_kept)
{
    struct world w = { .host = 1 };
    rig_start(&w.r, &(struct fake_options){ 0 }, CHANNELS "; probe probe <c", NULL, NULL);
    rig_probe(&w.r, 1)->echo = true;
    fake_call(w.r.f, 0, open_now, &w);
    fake_call(w.r.f, 0, push_now, &w);
    fake_call(w.r.f, 0, close_now, &w);
    fake_call(w.r.f, 0, open_now, &w);
    cr_assert_eq(fake_count(w.r.f, 0, "c.reused"), 0);
    fake_run(w.r.f, 0);
    cr_assert_eq(rig_probe(&w.r, 0)->got, 0);
    fake_call(w.r.f, 0, push_now, &w);
    fake_run(w.r.f, 0);
    cr_assert_eq(rig_probe(&w.r, 0)->got, 1);
    cr_assert_eq(rig_probe(&w.r, 0)->opened, 0, "an answer opens nothing");
    fake_call(w.r.f, 0, close_now, &w);
    fake_call(w.r.f, 0, open_now, &w);
    cr_assert_eq(fake_count(w.r.f, 0, "c.reused"), 1);
    /* A call that fails is not out. */
    rig_probe(&w.r, 1)->echo = false;
    fake_call(w.r.f, 0, push_now, &w);
    fake_call(w.r.f, 0, end_now, &w);
    cr_assert_eq(rig_probe(&w.r, 0)->failed, 1);
    cr_assert_eq(rig_probe(&w.r, 0)->why, XK_RESTARTED);
    fake_call(w.r.f, 0, close_now, &w);
    fake_call(w.r.f, 0, open_now, &w);
    cr_assert_eq(fake_count(w.r.f, 0, "c.reused"), 1, "its life has ended");
    fake_call(w.r.f, 0, close_now, &w);
    fake_run(w.r.f, 0);
    rig_stop(&w.r);
}

static void look_twice(struct port *p, void *arg)
{
    struct world *w = arg;
    struct xk_kernel *k = w->r.k[port_node(p)];
    struct xk_protl *c = xk_find(k, "c"), *probe = xk_find(k, "probe");
    struct xk_control free_all = { .op = XK_FREE_RESOURCES };
    enum xk_status why;
    if (port_node(p) == 0) {
        struct xk_sessn *s = xk_open(c, probe, xk_node(1), &why);
        cr_assert_eq(s, w->hand[0], "it is open already");
        cr_assert_eq(s->down[0]->refs, 1, "VCACHE2: it is held once");
        xk_close(s);
    } else {
        cr_assert_eq(xk_protl_control(c, &free_all), XK_OK);
        cr_assert_eq(free_all.u64, 0, "VCACHE1: it was opened by the other side");
    }
}

/* Over what has one session for each peer: a message on a kept one, and one open twice. */
Test(vcache, a_message_gives_a_kept_session_back)
{
    struct world w = { .host = 1 };
    rig_start(&w.r, &(struct fake_options){ .tx_queue = 1 },
              "mesh driver queue=1; c vcache <mesh; probe probe <c", NULL, NULL);
    fake_call(w.r.f, 0, open_now, &w);
    struct xk_sessn *s = w.hand[0];
    fake_call(w.r.f, 0, push_now, &w);
    fake_run_until(w.r.f, SIM_MS / 2);
    cr_assert_eq(rig_probe(&w.r, 1)->got, 1);
    fake_call(w.r.f, 0, look_twice, &w);
    fake_call(w.r.f, 1, look_twice, &w);
    fake_call(w.r.f, 0, close_now, &w);
    cr_assert_eq(rig_send_pattern(&w.r, 1, 0, 1, 10), XK_OK);
    fake_run_until(w.r.f, SIM_MS);
    cr_assert_eq(rig_probe(&w.r, 0)->got, 1);
    cr_assert_eq(rig_probe(&w.r, 0)->opened, 1);
    cr_assert_eq(fake_count(w.r.f, 0, "c.opened"), 1);
    fake_call(w.r.f, 0, open_now, &w);
    cr_assert_eq(w.hand[0], s);
    cr_assert_eq(fake_count(w.r.f, 0, "c.reused"), 1);
    /* XK1: what is full says so, and ready comes up. */
    w.why = XK_OK;
    for (int i = 0; i < 5 && w.why == XK_OK; i++)
        fake_call(w.r.f, 0, push_now, &w);
    cr_assert_eq(w.why, XK_BUSY);
    fake_run_until(w.r.f, 2 * SIM_MS);
    cr_assert_geq(rig_probe(&w.r, 0)->ready, 1);
    cr_assert_eq(rig_send_pattern(&w.r, 1, 0, 1, 10), XK_OK);
    fake_run_until(w.r.f, 3 * SIM_MS);
    cr_assert_eq(rig_probe(&w.r, 0)->opened, 1, "it is in use");
    fake_call(w.r.f, 0, close_now, &w);
    cr_assert(rig_alloc_quiet(&w.r));
    rig_stop(&w.r);
}
