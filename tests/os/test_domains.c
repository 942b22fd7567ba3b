/* test_domains.c: protection domains are tasks: the same messages wherever instances are placed,
 * what a crash of one takes along and what not, other processors, beginning anew.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/proto/user/user.h"
#include "os/xk/domain.h"
#include "tests/os/xk_rig.h"

static struct val *word_val(char *text)
{
    char *end;
    long long n = strtoll(text, &end, 10);
    if (*end == '\0')
        return val_new_int(n, "domains", 1);
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return val_new_bool(text[0] == 't', "domains", 1);
    return val_new_string(text, "domains", 1);
}

/* "fbuf:cached=false": a kind and its parameters. */
static struct val *kind_val(char *text)
{
    char *word;
    if (!strchr(text, ':'))
        return word_val(text);
    struct val *v = val_new(VAL_TABLE, "domains", 1);
    val_put(v, "policy", val_new_string(strsep(&text, ":"), "domains", 1));
    while ((word = strsep(&text, ":"))) {
        char *eq = strchr(word, '=');
        *eq = '\0';
        val_put(v, word, word_val(eq + 1));
    }
    return v;
}

/* "server cpu=third queue=2; app transfer=fbuf:eager=true": what a configuration says. */
static struct val *domains_val(const char *text)
{
    struct val *all = val_new(VAL_TABLE, "domains", 1);
    char *copy = base_strdup(text), *at = copy, *one;
    while ((one = strsep(&at, ";"))) {
        struct val *row = val_new(VAL_TABLE, "domains", 1);
        char *word, *name = NULL;
        while ((word = strsep(&one, " "))) {
            char *eq = strchr(word, '=');
            if (!*word)
                continue;
            if (!eq) {
                name = word;
                continue;
            }
            *eq = '\0';
            val_put(row, word, kind_val(eq + 1));
        }
        if (name)
            val_put(all, name, row);
        else
            val_free(row);
    }
    free(copy);
    return all;
}

static void start(struct rig *r, const struct fake_options *o, const char *graph,
                  const char *domains)
{
    struct err e = ERR_INIT;
    struct xk_graph *g = rig_graph(graph);
    struct val *v = domains_val(domains);
    cr_assert(xk_graph_domains(g, v, "machine.domains", &e), "%s", e.text);
    val_free(v);
    rig_boot_all(r, fake_create(o), g, o->nodes ? o->nodes : 2, NULL, NULL);
}

static void refuses(const char *graph, const char *domains, const char *part)
{
    struct err e = ERR_INIT;
    struct xk_graph *g = rig_graph(graph);
    struct val *v = domains_val(domains);
    cr_assert_not(xk_graph_domains(g, v, "machine.domains", &e), "accepted: %s", domains);
    cr_expect_not_null(strstr(e.text, part), "'%s' does not say '%s'", e.text, part);
    cr_expect(strstr(e.text, "domains:1: machine.domains") ||
                  strstr(e.text, "graph:1: machine.graph["),
              "'%s' names no place", e.text);
    val_free(v);
    xk_graph_free(g);
}

Test(domains, mistakes_get_a_sentence)
{
    struct err e = ERR_INIT;
    struct val *v = rig_val("mesh driver domain=server; v vmux <mesh");
    cr_expect_null(xk_graph_load(v, rig_protocols(), "graph", rig_networks, 2, &e));
    cr_expect_not_null(strstr(e.text, "'v' gives sessions of 'mesh' below it, and must be in its "
                                      "domain, 'server'"),
                       "%s", e.text);
    val_free(v);
    static const char graph[] =
        "mesh driver; b blast <mesh domain=server; t template <b domain=app";
    refuses(graph, "servre cpu=third", "did you mean 'server'?");
    refuses(graph, "kernel cpu=third", "the kernel's domain is the node's own");
    refuses(graph, "server cpu=forth", "third");
    refuses(graph, "server queue=0", "queue");
    refuses(graph, "server restart=1ms",
            "'b' (protocol 'blast') cannot begin anew alone: what it has agreed");
    refuses("mesh driver domain=net; r rdm <mesh; c cut <r <mesh", "net restart=1ms",
            "graph:1: machine.graph[3]: protocol 'cut' needs a path that loses nothing, and 'mesh' "
            "below it loses messages, for its domain begins anew alone");
    refuses("mesh driver; app template <mesh domain=app", "app cpu=third",
            "an instance of the graph has that name, too");
    refuses("mesh driver; r rdm <mesh; nx nx <r domain=app", "app transfer=ring",
            "'nx' takes pieces of messages from 'r' in the call that gives it, and transfer 'ring' "
            "gives it later; allowed are pass, copy, cow, remap, fbuf and trap");
    refuses("e eth; a arp <e; ip ip <a; u udp <ip domain=app", "app transfer=ipc",
            "'u' asks about the host of a message of 'ip' in the call that gives it, and transfer "
            "'ipc' gives it later");
    refuses("mesh driver; r rdm <mesh; nx nx <r domain=app", "app cpu=third",
            "'nx' takes pieces of messages from 'r', and both must be on one CPU");
}

/* DOM1. */
Test(domains, each_crossing_of_a_boundary_is_named)
{
    static const char *const all[] = { "server queue=4", "server cpu=third" };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct fake_options o = { 0 };
        struct rig r;
        start(&r, &o, "mesh driver; t template <mesh domain=server; probe probe <t domain=app",
              all[i]);
        cr_assert_eq(rig_send_pattern(&r, 0, 1, 7, 100), XK_OK);
        fake_run(r.f, 0);
        /* Down: open and push from app to server and on to the kernel; up: two deliveries, and the
         * template's session opens one below. */
        cr_expect_eq(fake_work(r.f, 0, PORT_WORK_CROSS), 4);
        cr_expect_eq(fake_work(r.f, 1, PORT_WORK_CROSS), 3);
        cr_expect_eq(fake_work(r.f, 0, PORT_WORK_LAYER), 2);
        cr_expect_eq(fake_count(r.f, 1, "server.messages"), 1);
        cr_expect_eq(fake_count(r.f, 1, "server.bytes"), 100 + 8);
        cr_expect_eq(rig_probe(&r, 1)->got, 1);
        rig_stop(&r);
    }
}

/* ---- the same messages ---- */

static uint64_t mix(uint64_t h)
{
    h = (h ^ h >> 31) * 0x7fb5d329728ea185ULL;
    return h ^ h >> 29;
}

/* What all probes got, in any order. */
static uint64_t digest(struct rig *r, uint32_t nodes)
{
    uint64_t sum = 0;
    for (uint32_t n = 0; n < nodes; n++) {
        const struct probe *pr = rig_probe(r, n);
        for (uint64_t i = 0; i < pr->got; i++)
            sum += mix(pr->log[i].hash + mix(pr->log[i].length * 64 + pr->log[i].from * 8 + n));
    }
    return sum;
}

static const char *const placements[] = {
    "mesh driver; b blast <mesh; t template <b; probe probe <t",
    "mesh driver; b blast <mesh; t template <b; probe probe <t domain=app",
    "mesh driver; b blast <mesh; t template <b domain=server; probe probe <t domain=app",
    "mesh driver; b blast <mesh domain=server; t template <b domain=server; probe probe <t "
    "domain=app",
    "mesh driver; b blast <mesh domain=server; t template <b; probe probe <t domain=server",
    "mesh driver domain=server; b blast <mesh domain=app; t template <b; probe probe <t",
    "mesh driver domain=server; v vmux <mesh domain=server; b blast <v; t template <b; probe probe "
    "<t domain=app",
};

/* TRAN1. */
static const char *const transfers[] = {
    "server transfer=copy; app transfer=cow",
    "server transfer=remap; app transfer=fbuf",
    "server transfer=fbuf:cached=false; app transfer=fbuf:eager=true",
    "server transfer=fbuf:eager=true:limit=3 cpu=third; app transfer=fbuf:limit=9:chunk=1",
    "server transfer=trap; app transfer=ipc:slots=1",
    "server transfer=ring; app transfer=ring_driver cpu=third",
};

static uint64_t deliver_all(const char *graph, const char *domains, uint64_t seed, bool random,
                            uint64_t *crossings)
{
    struct fake_options o = { .nodes = 3,
                              .seed = seed,
                              .order = random ? FAKE_RANDOM : 0,
                              .tx_queue = (uint32_t)(1 + seed % 3),
                              .flatten = seed % 2 };
    struct rig r;
    start(&r, &o, graph, domains);
    uint64_t sent = 0;
    for (uint64_t i = 0; i < 24; i++) {
        uint64_t h = mix(seed * 1000 + i), len = h % 4 ? h % 300 : h % 30000;
        uint32_t from = (uint32_t)(i % 3), to = (uint32_t)(from + 1 + (h >> 40 & 1)) % 3;
        enum xk_status st;
        for (int tries = 0; (st = rig_send_pattern(&r, from, to, i, len)) != XK_OK; tries++) {
            cr_assert_lt(tries, 1000, "%s, %s, seed %lu: message %lu of %lu: %s", graph, domains,
                         seed, i, len, xk_status_name(st));
            fake_step(r.f);
        }
        sent++;
    }
    fake_run(r.f, 0);
    uint64_t d = digest(&r, 3), got = 0;
    for (uint32_t n = 0; n < 3; n++)
        got += rig_probe(&r, n)->got;
    cr_expect_eq(got, sent, "%s, seed %lu", graph, seed);
    *crossings = fake_work(r.f, 0, PORT_WORK_CROSS);
    cr_expect(strstr(domains, "fbuf") || rig_alloc_quiet(&r)); /* paths hold their buffers */
    rig_stop(&r);
    cr_expect_eq(rope_leaves_alive(), 0);
    return d;
}

Test(domains, one_to_three_on_one_to_three_processors_deliver_the_same_messages)
{
    for (uint64_t seed = 0; seed < 12; seed++) {
        uint64_t crossings, want = deliver_all(placements[0], "", seed, false, &crossings);
        cr_expect_eq(crossings, 0);
        for (size_t i = 1; i < ARRAY_LEN(placements); i++) {
            bool server = strstr(placements[i], "server");
            cr_expect_eq(deliver_all(placements[i], "", seed, false, &crossings), want);
            cr_expect_gt(crossings, 0);
            if (!server || !strstr(placements[i], "app"))
                continue;
            cr_expect_eq(deliver_all(placements[i], "server cpu=coprocessor; app cpu=third queue=3",
                                     seed, seed % 2, &crossings),
                         want, "placement %zu, seed %lu", i, seed);
            cr_expect_eq(deliver_all(placements[i], "server cpu=coprocessor queue=1", seed, true,
                                     &crossings),
                         want, "placement %zu, seed %lu", i, seed);
            for (size_t k = 0; k < ARRAY_LEN(transfers); k++)
                cr_expect_eq(deliver_all(placements[i], transfers[k], seed, k % 2, &crossings),
                             want, "placement %zu, %s, seed %lu", i, transfers[k], seed);
        }
    }
}

/* DOM2: a session's messages keep their order, and push says busy when too many wait. */
Test(domains, another_processor_gets_messages_in_order_and_says_busy)
{
    struct fake_options o = { .tx_queue = 1 };
    struct rig r;
    start(&r, &o, "mesh driver queue=4; t template <mesh; probe probe <t domain=app",
          "app cpu=third queue=9");
    uint64_t sent = 0, refused = 0;
    for (int i = 0; i < 200; i++) {
        if (rig_send_pattern(&r, 0, 1, sent, 40 + sent) == XK_OK)
            sent++;
        else
            refused++;
        if (i % 3 == 0)
            fake_step(r.f);
    }
    fake_run(r.f, 0);
    cr_expect_gt(refused, 0);
    cr_expect_gt(rig_probe(&r, 0)->ready, 0);
    cr_assert_eq(rig_probe(&r, 1)->got, sent);
    for (uint64_t i = 0; i < sent; i++)
        cr_expect_eq(rig_probe(&r, 1)->log[i].hash, rig_pattern_hash(i, 40 + i));
    cr_expect_eq(fake_count(r.f, 1, "t.gaps"), 0);
    cr_expect_geq(fake_count(r.f, 0, "app.waiting"), 3);
    cr_expect_eq(fake_count(r.f, 0, "app.messages"), sent);
    cr_expect_eq(fake_count(r.f, 0, "app.dropped"), 0);
    cr_expect_eq(rig_send_pattern(&r, 0, 1, 0, 5000), XK_TOO_LONG);
    cr_expect(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* ---- crashes ---- */

static void crash_now(struct port *p, void *arg)
{
    (void)p;
    struct port *task = xk_domain_task(((void **)arg)[0], ((void **)arg)[1]);
    if (task)
        port_task_crash(task);
}

static void crash(struct rig *r, uint32_t node, const char *domain)
{
    char name[32];
    snprintf(name, sizeof name, "%s", domain);
    void *args[] = { r->k[node], name };
    fake_call(r->f, node, crash_now, args);
    cr_assert_null(xk_domain_task(r->k[node], domain));
}

static void reclaim(struct port *p, void *arg)
{
    static const char *const names[] = { "t", "mesh" };
    (void)p;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct xk_protl *x = xk_find(arg, names[i]);
        struct xk_control c = { .op = XK_FREE_RESOURCES };
        if (x->task && x->ops->control)
            (void)!xk_protl_control(x, &c);
    }
}

/* Two nodes exchange messages and a domain of node 1 dies after `step` steps; what its node has
 * then. */
static uint64_t die_at(const char *domains, const char *victim, uint64_t step, bool *ended)
{
    struct fake_options o = { .nodes = 2, .tx_queue = 2 };
    struct rig r;
    uint64_t before = rope_leaves_alive();
    start(&r, &o, "mesh driver; t template <mesh domain=server; probe probe <t domain=app",
          domains);
    rig_probe(&r, 1)->echo = true;
    for (int i = 0; i < 5; i++) {
        rig_send_pattern(&r, 0, 1, (uint64_t)i, 100);
        rig_send_pattern(&r, 1, 0, (uint64_t)i, 200);
    }
    uint64_t k = 0;
    while (k < step && fake_step(r.f))
        k++;
    *ended = k < step;
    crash(&r, 1, victim);
    fake_run(r.f, 0);
    cr_assert(fake_up(r.f, 1));
    const struct xk_domain_counts *c = xk_domain_counts(r.k[1], "app");
    bool app = strcmp(victim, "app") == 0, again = strstr(domains, "restart") != NULL;
    uint64_t dropped = c->dropped, got = rig_probe(&r, 0)->got;
    cr_expect_eq(rig_send_pattern(&r, 0, 1, 9, 100), XK_OK);
    fake_run(r.f, 0);
    if (again) {
        cr_expect_eq(c->restarts + xk_domain_counts(r.k[1], "server")->restarts, 1);
        if (app)
            cr_expect_eq(rig_probe(&r, 1)->got, 1, "step %lu", step);
        else
            cr_expect_eq(rig_probe(&r, 0)->got, got + 1, "step %lu: no echo", step);
    } else if (app) {
        cr_expect_eq(c->dropped, dropped + 1);
    } else {
        cr_expect_eq(rig_send_pattern(&r, 1, 0, 3, 10), XK_CLOSED);
    }
    fake_call(r.f, 1, reclaim, r.k[1]);
    fake_run(r.f, 0);
    uint64_t heap = fake_heap_bytes(r.f, 1);
    for (uint32_t n = 0; n < 2; n++)
        if (xk_find(r.k[n], "probe")->state)
            rope_fini(&rig_probe(&r, n)->last);
    cr_expect_eq(rope_leaves_alive(), before, "step %lu: %lu leaves", step,
                 rope_leaves_alive() - before);
    rig_stop(&r);
    return heap;
}

Test(domains, a_crash_of_either_side_at_any_event_leaks_nothing_and_the_node_goes_on)
{
    static const char *const all[] = { "app queue=9", "app cpu=third queue=9",
                                       "server transfer=ring; app transfer=ipc" };
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        for (int app = 0; app < 2; app++) {
            bool ended = false;
            uint64_t first = 0, steps = 0;
            for (; !ended; steps++) {
                uint64_t heap = die_at(all[i], app ? "app" : "server", steps, &ended);
                if (steps == 0)
                    first = heap;
                cr_expect_eq(heap, first, "%s, app %d, step %lu: %lu bytes, not %lu", all[i], app,
                             steps, heap, first);
            }
            cr_expect_gt(steps, 20);
        }
}

/* Nobody of it hears of other nodes any more. */
Test(domains, a_dead_one_is_not_told_of_lives)
{
    struct fake_options o = { .nodes = 2, .detect_delay = SIM_MS };
    struct rig r;
    start(&r, &o, "mesh driver; b blast <mesh domain=server; probe probe <b", "server queue=4");
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 1, 50), XK_OK);
    fake_run(r.f, 0);
    crash(&r, 0, "server");
    fake_crash(r.f, 1);
    fake_run(r.f, 0);
    fake_restart(r.f, 1);
    fake_run(r.f, 0);
    cr_expect(fake_up(r.f, 0));
    rig_stop(&r);
}

/* DOM4. */
Test(domains, one_that_begins_anew_takes_and_sends_again)
{
    static const char *const all[] = { "app restart=1ms; server queue=9",
                                       "server restart=1ms; app queue=9",
                                       "app restart=1ms cpu=third; server queue=9",
                                       "server restart=1ms cpu=third; app queue=9" };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        bool ended = false;
        for (uint64_t step = 0; !ended; step += 3)
            die_at(all[i], i % 2 == 0 ? "app" : "server", step, &ended);
    }
}

/* DOM4: who answers on a session that a peer began keeps it, too. */
Test(domains, a_session_that_a_peer_began_goes_on_when_the_domain_below_is_back)
{
    struct fake_options o = { .nodes = 2 };
    struct rig r;
    start(&r, &o, "mesh driver domain=net; rdm rdm <mesh; probe probe <rdm", "net restart=3ms");
    rig_probe(&r, 1)->echo = true;
    for (uint64_t i = 1; i <= 4; i++) {
        cr_expect_eq(rig_send_pattern(&r, 0, 1, i, 100), XK_OK);
        fake_run(r.f, 0);
        cr_expect_eq(rig_probe(&r, 1)->got, i);
        cr_expect_eq(rig_probe(&r, 0)->got, i);
        crash(&r, (uint32_t)(i % 2), "net");
        if (i == 3)
            fake_run(r.f, 0);
    }
    cr_expect(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* DOM3, DOM4: calls under way below fail, and a session that was opened is opened again. */
static struct xk_sessn *held;

static enum xk_status said;
static void push_held(struct port *p, void *arg)
{
    struct xk_msg m;
    (void)p;
    (void)arg;
    xk_msg_init(&m);
    rope_add_pattern(&m.data, 5, 0, 60);
    said = xk_push(held, &m);
    xk_msg_fini(&m);
}

Test(domains, calls_below_a_dead_domain_fail)
{
    struct fake_options o = { .nodes = 2 };
    for (int cpu = 0; cpu < 2; cpu++) {
        struct rig r;
        start(&r, &o, "mesh driver; c chan <mesh domain=server; probe probe <c",
              cpu ? "server cpu=third" : "server queue=4");
        held = rig_open(&r, 0, 1);
        fake_call(r.f, 0, push_held, NULL);
        cr_expect_eq(said, XK_OK);
        for (int i = 0; i < 2; i++)
            fake_step(r.f);
        cr_expect_eq(rig_probe(&r, 0)->failed, 0);
        crash(&r, 0, "server");
        fake_run(r.f, 2000);
        cr_expect_eq(rig_probe(&r, 0)->failed, 1, "cpu %d: %lu", cpu, rig_probe(&r, 0)->failed);
        cr_expect_eq(rig_probe(&r, 0)->why, XK_CLOSED);
        fake_call(r.f, 0, push_held, NULL);
        cr_expect_eq(said, XK_CLOSED);
        rig_close(&r, 0, held);
        rig_stop(&r);
    }
}

Test(domains, an_opened_session_goes_on_when_the_domain_below_is_back)
{
    struct fake_options o = { .nodes = 2 };
    struct rig r;
    start(&r, &o, "mesh driver; t template <mesh domain=server; probe probe <t",
          "server restart=3ms");
    held = rig_open(&r, 0, 1);
    fake_call(r.f, 0, push_held, NULL);
    fake_run(r.f, 0);
    crash(&r, 0, "server");
    fake_call(r.f, 0, push_held, NULL);
    cr_expect_eq(said, XK_CLOSED);
    sim_time before = fake_now(r.f);
    fake_run(r.f, 0);
    cr_expect_eq(fake_now(r.f) - before, 3 * SIM_MS);
    fake_call(r.f, 0, push_held, NULL);
    cr_expect_eq(said, XK_OK);
    fake_run(r.f, 0);
    cr_expect_eq(rig_probe(&r, 1)->got, 2);
    cr_expect_eq(fake_count(r.f, 0, "server.closed"), 1);
    rig_close(&r, 0, held);
    cr_expect(rig_alloc_quiet(&r));
    rig_stop(&r);
}

/* ---- transfers ---- */

#define PAGE 4096
enum { LONG = 3 * PAGE - 5 };

static struct rope made; /* what the hostile maker keeps of its message */

static void make_and_push(struct port *p, void *arg)
{
    struct xk_protl *probe = xk_find(((struct rig *)arg)->k[port_node(p)], "probe");
    struct rope data;
    struct xk_msg m;
    rope_init(&data);
    rope_add_pattern(&data, 8, 0, LONG);
    xk_born(probe, &data);
    rope_fini(&made);
    rope_copy(&made, &data);
    xk_msg_init_rope(&m, &data);
    said = xk_push(held, &m);
    xk_msg_fini(&m);
    cr_assert_eq(said, XK_OK);
}

static void drop_made(void)
{
    rope_fini(&made);
    rope_init(&made);
}

/* What the third message costs: work named for a page, times 2. */
Test(domains, each_transfer_names_its_work_for_a_page)
{
    static const enum port_work kinds[] = { PORT_WORK_COPY,    PORT_WORK_MAP,   PORT_WORK_UNMAP,
                                            PORT_WORK_PROTECT, PORT_WORK_RANGE, PORT_WORK_CLEAR,
                                            PORT_WORK_FAULT,   PORT_WORK_TOUCH };
    static const struct {
        const char *domains;
        uint64_t work[ARRAY_LEN(kinds)]; /* for a page; bytes of a page as 1 */
    } of[] = {
        { "app transfer=pass", { 0 } },
        { "app transfer=copy", { 1, 0, 0, 0, 0, 0, 0, 2 } },
        { "app transfer=cow", { 0, 1, 1, 1, 0, 0, 2, 2 } },
        { "app transfer=remap", { 0, 2, 2, 0, 2, 1, 0, 2 } },
        { "app transfer=remap:fresh=false", { 0, 1, 1, 0, 1, 0, 0, 2 } },
        { "app transfer=fbuf", { 0, 0, 0, 0, 0, 0, 0, 2 } },
        { "app transfer=fbuf:eager=true", { 0, 0, 0, 2, 0, 0, 0, 2 } },
        { "app transfer=fbuf:cached=false", { 0, 2, 2, 0, 0, 1, 0, 2 } },
        { "app transfer=fbuf:cached=false:eager=true:clear=false", { 0, 2, 2, 1, 0, 0, 0, 2 } },
    };
    for (size_t i = 0; i < ARRAY_LEN(of); i++) {
        struct fake_options o = { .mtu = 65536 };
        uint64_t before[PORT_WORK_COUNT];
        struct rig r;
        start(&r, &o, "mesh driver; probe probe <mesh domain=app", of[i].domains);
        rope_init(&made);
        held = rig_open(&r, 0, 1);
        for (int k = 0; k < 3; k++) {
            for (int w = 0; w < PORT_WORK_COUNT; w++)
                before[w] = fake_work(r.f, 0, w);
            fake_call(r.f, 0, make_and_push, &r);
            drop_made();
            fake_run(r.f, 0);
        }
        for (size_t w = 0; w < ARRAY_LEN(kinds); w++) {
            uint64_t unit = kinds[w] == PORT_WORK_COPY    ? LONG
                            : kinds[w] == PORT_WORK_CLEAR ? 3 * PAGE
                                                          : 3;
            cr_expect_eq(fake_work(r.f, 0, kinds[w]) - before[kinds[w]], of[i].work[w] * unit,
                         "%s, work %d: %lu", of[i].domains, kinds[w],
                         fake_work(r.f, 0, kinds[w]) - before[kinds[w]]);
        }
        cr_expect_eq(rig_probe(&r, 1)->got, 3);
        cr_expect_eq(rig_probe(&r, 1)->log[2].hash, rig_pattern_hash(8, LONG));
        if (strstr(of[i].domains, "fbuf")) { /* what is in no buffer is copied into one */
            cr_expect_eq(fake_count(r.f, 0, "app.copied"), 0);
            cr_expect_eq(rig_send_pattern(&r, 0, 1, 3, 777), XK_OK);
            cr_expect_eq(fake_count(r.f, 0, "app.copied"), 777);
            cr_expect_eq(fake_count(r.f, 1, "app.copied"), 0);
            fake_run(r.f, 0);
        }
        rig_close(&r, 0, held);
        rig_stop(&r);
    }
}

/* Where the transfer names all of a crossing: a message down and up, and three at once. */
Test(domains, each_delivery_names_its_work)
{
    static const enum port_work kinds[] = { PORT_WORK_TRAP, PORT_WORK_COPY, PORT_WORK_SWITCH,
                                            PORT_WORK_RPC, PORT_WORK_CROSS };
    static const struct {
        const char *transfer, *below;      /* below: in whose domain the template is */
        uint64_t down[5], up[5], burst[5]; /* COPY: of the message; and of each of three, but for */
    } of[] = {
        /* SWITCH */
        { "trap", "", { 1, 1 }, { 1, 1 }, { 3, 3 } },
        { "ipc", "", { 1, 1 }, { 1, 2, 1 }, { 3, 6, 1 } },
        { "ring", "", { 1, 1 }, { 0, 1, 1 }, { 0, 3, 1 } },
        { "ring_driver", "", { 1, 1 }, { 0, 0, 1 }, { 0, 0, 1 } },
        { "ipc", " domain=server", { 2, 2, 2, 1, 1 }, { 2, 2, 1, 1, 1 }, { 6, 6, 1, 3, 3 } },
    };
    for (size_t i = 0; i < ARRAY_LEN(of); i++) {
        struct fake_options o = { .mtu = 4096 };
        uint64_t was[2][PORT_WORK_COUNT];
        char graph[200], domains[100];
        struct rig r;
        snprintf(graph, sizeof graph,
                 "mesh driver; t template <mesh%s; u template <t domain=app; probe probe <u "
                 "domain=app",
                 of[i].below);
        snprintf(domains, sizeof domains, "app transfer=%s", of[i].transfer);
        start(&r, &o, graph, domains);
        held = rig_open(&r, 0, 1);
        cr_assert_eq(rig_push(&r, 0, held, 1, 92), XK_OK);
        fake_run(r.f, 0);
        for (int burst = 0; burst < 2; burst++) {
            for (int w = 0; w < PORT_WORK_COUNT; w++)
                for (uint32_t n = 0; n < 2; n++)
                    was[n][w] = fake_work(r.f, n, w);
            for (int k = 0; k < 1 + 2 * burst; k++)
                cr_assert_eq(rig_push(&r, 0, held, 1, 92), XK_OK);
            fake_run(r.f, 0);
            for (size_t w = 0; w < ARRAY_LEN(kinds); w++) {
                bool copy = kinds[w] == PORT_WORK_COPY; /* down: without the header of `u` */
                const uint64_t *up = burst ? of[i].burst : of[i].up;
                cr_expect(burst || fake_work(r.f, 0, kinds[w]) - was[0][kinds[w]] ==
                                       of[i].down[w] * (copy ? 92 : 1),
                          "%s, work %d down: %lu", of[i].transfer, kinds[w],
                          fake_work(r.f, 0, kinds[w]) - was[0][kinds[w]]);
                cr_expect_eq(fake_work(r.f, 1, kinds[w]) - was[1][kinds[w]],
                             up[w] * (copy ? 100 : 1), "%s%s, work %d up, %d: %lu", of[i].transfer,
                             of[i].below, kinds[w], burst,
                             fake_work(r.f, 1, kinds[w]) - was[1][kinds[w]]);
            }
        }
        cr_expect_eq(rig_probe(&r, 1)->got, 5);
        rig_close(&r, 0, held);
        rig_stop(&r);
    }
}

/* TRAN5: full slots drop, but where what is below loses nothing. */
Test(domains, what_finds_all_slots_taken_is_dropped_and_counted)
{
    static const char *const below[] = { "mesh", "loses" };
    for (size_t i = 0; i < ARRAY_LEN(below); i++) {
        struct fake_options o = { .mtu = 4096, .order = FAKE_RANDOM, .seed = 3 };
        struct rig r;
        char graph[200];
        uint64_t sent = 0;
        snprintf(
            graph, sizeof graph,
            "mesh driver; loses vdrop <mesh every=1000; t template <%s domain=app; probe probe <t "
            "domain=app",
            below[i]);
        start(&r, &o, graph, "app transfer=ring:slots=2");
        for (; sent < 30; sent++)
            cr_assert_eq(rig_send_pattern(&r, 0, 1, sent, 100), XK_OK);
        fake_run(r.f, 0);
        uint64_t dropped = fake_count(r.f, 1, "app.overflowed");
        cr_expect_eq(rig_probe(&r, 1)->got, sent - dropped);
        cr_expect_eq(dropped > 0, i == 1, "%s: %lu", below[i], dropped);
        cr_expect(i == 0 || fake_count(r.f, 1, "app.waiting") == 2);
        cr_assert_eq(rig_send_pattern(&r, 0, 1, 99, 100), XK_OK);
        fake_run(r.f, 0);
        cr_expect_eq(rig_probe(&r, 1)->got, sent - dropped + 1, "there is room again");
        cr_expect_eq(fake_count(r.f, 1, "app.dropped"), 0);
        cr_expect(rig_alloc_quiet(&r));
        rig_stop(&r);
    }
}

/* TRAN6. */
Test(domains, what_push_is_answered_busy_for_crosses_once)
{
    struct fake_options o = { .mtu = 4096, .tx_queue = 1 };
    struct rig r;
    uint64_t tries = 0;
    start(&r, &o, "mesh driver queue=1; t template <mesh domain=app; probe probe <t domain=app",
          "app transfer=trap");
    held = rig_open(&r, 0, 1);
    uint64_t opened = fake_work(r.f, 0, PORT_WORK_TRAP);
    for (uint64_t sent = 0; sent < 6; tries++)
        if (rig_push(&r, 0, held, sent, 92) == XK_OK)
            sent++;
        else if (tries % 2)
            fake_step(r.f);
    cr_expect_gt(tries, 8, "some were answered busy");
    cr_expect_eq(fake_work(r.f, 0, PORT_WORK_COPY), 6 * 92);
    fake_run(r.f, 0);
    cr_expect_eq(rig_probe(&r, 1)->got, 6);
    cr_expect_geq(fake_work(r.f, 0, PORT_WORK_TRAP), opened + 6);
    rig_close(&r, 0, held);
    rig_stop(&r);
}

/* TRAN2, TRAN3: what a hostile maker, or a receiver, can do to a message that has crossed and waits
 * in the driver of the other domain. */
struct attack {
    const char *who; /* the instance that writes */
    bool secured;    /* the receiver asks for that before */
    enum xk_status said;
};

static struct rig *attacked;
static void write_late(struct port *p, void *arg)
{
    struct attack *a = arg;
    struct xk_kernel *k = attacked->k[port_node(p)];
    struct rope bytes;
    rope_init(&bytes);
    rope_add_bytes(&bytes, "hostile", 7);
    if (a->secured)
        xk_secure(xk_find(k, "mesh"), &made);
    a->said = xk_overwrite(xk_find(k, a->who), &made, 5000, &bytes);
    rope_fini(&bytes);
}

Test(domains, a_secured_buffer_does_not_change_and_a_receiver_changes_none)
{
    static const struct {
        const char *graph, *domains, *who;
        bool secured, changes;
    } of[] = {
        { "mesh driver domain=net; probe probe <mesh domain=app", "app transfer=fbuf", "probe",
          false, true },
        { "mesh driver domain=net; probe probe <mesh domain=app", "app transfer=fbuf", "probe",
          true, false },
        { "mesh driver domain=net; probe probe <mesh domain=app", "app transfer=fbuf:eager=true",
          "probe", false, false },
        { "mesh driver domain=net; probe probe <mesh domain=app", "app transfer=fbuf", "mesh",
          false, false },
        { "mesh driver; probe probe <mesh domain=app", "app transfer=fbuf", "mesh", false, false },
        { "mesh driver; probe probe <mesh domain=app", "app transfer=copy", "probe", false, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(of); i++) {
        struct fake_options o = { .mtu = 65536, .tx_queue = 1 };
        struct attack a = { of[i].who, of[i].secured, XK_OK };
        struct rig r;
        attacked = &r;
        start(&r, &o, of[i].graph, of[i].domains);
        rope_init(&made);
        held = rig_open(&r, 0, 1);
        fake_call(r.f, 0, make_and_push, &r); /* on its way */
        fake_call(r.f, 0, make_and_push, &r); /* waits in the driver */
        fake_call(r.f, 0, write_late, &a);
        cr_expect_eq(a.said, of[i].changes ? XK_OK : XK_REFUSED, "%zu: %s", i,
                     xk_status_name(a.said));
        fake_run(r.f, 0);
        cr_assert_eq(rig_probe(&r, 1)->got, 2);
        cr_expect_eq(rig_probe(&r, 1)->log[0].hash, rig_pattern_hash(8, LONG));
        cr_expect_eq(rig_probe(&r, 1)->log[1].hash == rig_pattern_hash(8, LONG), !of[i].changes,
                     "%zu", i);
        drop_made();
        rig_close(&r, 0, held);
        rig_stop(&r);
    }
}

/* TRAN4: whoever dies at whatever event, no buffer stays held, and what was made is delivered
 * unchanged or not at all. */
Test(domains, a_crash_of_either_side_leaves_no_buffer_behind)
{
    static const struct {
        const char *domains, *victim;
    } of[] = {
        { "app transfer=fbuf restart=1ms; net transfer=fbuf:eager=true", "app" },
        { "app transfer=fbuf:cached=false; net transfer=fbuf restart=1ms", "net" },
        { "app transfer=fbuf:eager=true cpu=third restart=1ms; net transfer=fbuf", "app" },
    };
    uint64_t before = rope_leaves_alive();
    for (size_t i = 0; i < ARRAY_LEN(of); i++) {
        bool ended = false;
        for (uint64_t step = 0; !ended; step++) {
            struct fake_options o = { .mtu = 65536, .tx_queue = 1 };
            struct rig r;
            start(&r, &o,
                  "mesh driver domain=net; t template <mesh domain=net; probe probe <t domain=app",
                  of[i].domains);
            rig_probe(&r, 1)->echo = true;
            for (int k = 0; k < 4; k++) {
                rig_send_pattern(&r, 0, 1, 8, LONG);
                rig_send_pattern(&r, 1, 0, 8, LONG);
            }
            uint64_t k = 0;
            while (k < step && fake_step(r.f))
                k++;
            ended = k < step;
            crash(&r, 1, of[i].victim);
            fake_run(r.f, 0);
            for (int n = 0; n < 3; n++) { /* each sees what has come back since the one before */
                rig_send_pattern(&r, 0, 1, 8, 10);
                rig_send_pattern(&r, 1, 0, 8, 10);
                fake_run(r.f, 0);
            }
            for (uint32_t n = 0; n < 2; n++) {
                const struct probe *pr = rig_probe(&r, n);
                for (uint64_t g = 0; g < pr->got; g++)
                    cr_expect(pr->log[g].hash == rig_pattern_hash(8, LONG) ||
                              pr->log[g].hash == rig_pattern_hash(8, 10));
                /* What a probe keeps of the last message, and what is not told yet of each way: by
                 * buffers of three pages, which short messages get, too. */
                cr_expect_leq(fake_count(r.f, n, "app.held"), 9, "%zu, step %lu: %lu", i, step,
                              fake_count(r.f, n, "app.held"));
            }
            rig_stop(&r);
            cr_expect_eq(rope_leaves_alive(), before, "%zu, step %lu", i, step);
        }
    }
}

/* LOOP1, USER1, USER2: two programs of a node by LOOP, each in a domain of its own or not. */
enum { SENT = 20 };
struct talk {
    struct rig *r;
    uint64_t taken, answered;
};

static void talk_length(uint64_t i, struct rope *data)
{
    rope_init(data);
    rope_add_pattern(data, i, 0, i * i * 37);
}

static void sink_thread(void *arg)
{
    struct talk *t = arg;
    struct xk_protl *sink = xk_find(t->r->k[0], "sink");
    for (uint64_t i = 0; i < SENT; i++) {
        struct rope got, want;
        uint32_t from;
        cr_expect_eq(user_receive(sink, &from, &got), XK_OK);
        talk_length(i, &want);
        cr_expect(rope_equal(&got, &want), "message %lu", i);
        cr_expect_eq(from, 0);
        rope_fini(&got);
        rope_fini(&want);
        t->taken++;
    }
    struct rope last;
    talk_length(3, &last);
    cr_expect_eq(user_send(sink, 0, &last), XK_OK);
    rope_fini(&last);
}

static void source_thread(void *arg)
{
    struct talk *t = arg;
    struct xk_protl *source = xk_find(t->r->k[0], "source");
    struct rope data;
    uint32_t from;
    for (uint64_t i = 0; i < SENT; i++) {
        talk_length(i, &data);
        cr_expect_eq(user_send(source, 0, &data), XK_OK);
        rope_fini(&data);
    }
    cr_expect_eq(user_receive(source, &from, &data), XK_OK);
    cr_expect_eq(data.length, 3 * 3 * 37);
    rope_fini(&data);
    t->answered++;
    talk_length(1, &data);
    cr_expect_eq(user_send(source, 7, &data), XK_NO_PEER);
    rope_fini(&data);
}

static void begin_talk(struct port *p, void *arg)
{
    port_thread_spawn(p, "sink", sink_thread, arg, 0);
    port_thread_spawn(p, "source", source_thread, arg, 0);
}

Test(domains, programs_of_a_node_talk_by_loop)
{
    static const char *const graphs[] = {
        "loop loop; sink user <loop; source user <loop",
        "loop loop domain=to; sink user <loop domain=to secure=true; source user <loop domain=of",
        "loop loop; sink user <loop domain=to; source user <loop domain=of",
    };
    static const char *const rows[] = { "to transfer=fbuf; of transfer=fbuf",
                                        "to cpu=third transfer=copy; of transfer=fbuf:eager=true" };
    for (size_t i = 0; i < ARRAY_LEN(graphs); i++)
        for (size_t k = 0; k < ARRAY_LEN(rows); k++)
            for (uint64_t seed = 0; seed < 5; seed++) {
                struct fake_options o = { .nodes = 1,
                                          .seed = seed,
                                          .order = seed ? FAKE_RANDOM : FAKE_IN_ORDER };
                struct rig r;
                struct talk t = { &r, 0, 0 };
                start(&r, &o, graphs[i], i > 0 ? rows[k] : "");
                fake_call(r.f, 0, begin_talk, &t);
                fake_run(r.f, 0);
                cr_expect_eq(t.taken, SENT, "graph %zu, row %zu, seed %lu", i, k, seed);
                cr_expect_eq(t.answered, 1);
                cr_expect_eq(fake_blocked(r.f), 0);
                if (i == 1) {
                    cr_expect_eq(fake_count(r.f, 0, "of.copied"), 0, "USER2");
                    cr_expect_eq(fake_count(r.f, 0, "of.allocated") > 0, true);
                }
                rig_stop(&r);
            }
}
