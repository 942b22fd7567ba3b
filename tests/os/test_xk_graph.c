/* test_xk_graph.c: graphs: each mistake has its sentence; maps; what the framework names. */
#include <criterion/criterion.h>
#include <string.h>

#include "os/proto/driver/driver.h"
#include "os/xk/map.h"
#include "tests/os/xk_rig.h"

static const struct xk_network loses = { .name = "mesh",
                                         .mtu = 4096,
                                         .gives = XK_NETWORK & ~XK_LOSSLESS };

static void refuses(const char *graph, const char *part)
{
    struct err e = ERR_INIT;
    struct val *v = rig_val(graph);
    struct xk_graph *g = xk_graph_load(v, rig_protocols(), "machine.graph", rig_networks, 2, &e);
    cr_assert_null(g, "accepted: %s", graph);
    cr_assert_not_null(strstr(e.text, part), "'%s' does not say '%s'", e.text, part);
    cr_assert_not_null(strstr(e.text, "graph:1: machine.graph"), "'%s' names no place", e.text);
    val_free(v);
}

Test(xk_graph, mistakes_get_a_sentence_with_the_nearest_name)
{
    refuses("mesh drvier", "did you mean 'driver'?");
    refuses("mesh driver interface=ln", "there is no network 'ln', did you mean 'lan'?");
    refuses("mesh driver; again driver interface=mesh", "'mesh' drives network 'mesh' already");
    refuses("mesh mesh", "there is no protocol 'mesh': it is 'driver' now");
    refuses("mesh driver; probe probe <mseh", "did you mean 'mesh'?");
    refuses("probe probe <mesh; mesh driver", "no instance 'mesh' stands before this one");
    refuses("mesh driver; probe probe", "takes 1 instances below, not 0");
    refuses("mesh driver; probe probe <mesh <mesh", "takes 1 instances below, not 2");
    refuses("mesh driver quue=3", "did you mean 'queue'?");
    refuses("mesh driver queue=0", "queue");
    refuses("mesh driver; mesh driver", "two instances are named 'mesh'");
    refuses("mesh driver domain=7", "must be a name in quotes");
    refuses("mesh", "machine.graph[1].protocol is missing");
    refuses("mesh driver; v vdrop <mesh every=9; t template <v; nx nx <t",
            "'nx' needs a path that loses nothing, and 't' below it loses messages");
    refuses("mesh driver; v vdrop <mesh delay=0.1 delay_max=1us; sync sync <v",
            "'sync' needs a path that loses nothing, and 'v' below it loses messages");
    refuses("mesh driver; v vdrop <mesh duplicate=0.1; svm svm <v",
            "'svm' needs a path that delivers nothing twice, and 'v' below it doubles messages");
    refuses("mesh driver; v vdrop <mesh corrupt=0.1; blast blast <v",
            "'blast' needs a path that damages nothing, and 'v' below it damages messages");
    refuses(
        "mesh driver; blast blast <mesh; svm svm <blast",
        "'svm' needs a path that keeps their order, and 'blast' below it lets messages overtake");
    refuses(
        "mesh driver; svm svm <mesh",
        "'svm' needs a path that carries more than a frame, and 'mesh' below it carries frames");
    refuses("mesh driver; r rdm <mesh; v vdrop <r; sync sync <v",
            "'sync' needs a path that takes all that is pushed, and 'v' below it may be full");
    refuses("mesh driver; r rdm <mesh; v vdrop <r; nx nx <v",
            "'nx' needs a path that gives pieces of messages and credit for them, and 'v' below it "
            "does not");
    refuses(
        "mesh driver; blast blast <mesh; s select <blast",
        "'select' needs a path that carries calls, and 'blast' below it carries messages alone");
}

Test(xk_graph, a_choice_among_paths_that_cannot_be_made_is_refused)
{
    refuses("mesh driver; vs vipsize <mesh", "takes 2 instances below, not 1");
    refuses("mesh driver; va vipaddr <mesh", "takes 2 to 4 instances below, not 1");
    refuses("mesh driver; va vipaddr <mesh <mesh",
            "chooses among paths, and 'mesh' is below it twice");
    refuses("mesh driver; b blast <mesh; vs vipsize <mesh <b cutoff=4089B",
            "cutoff is 4089B, but 'mesh' below takes messages of at most 4088B");
    refuses("mesh driver; b blast <mesh; vs vipsize <b <mesh",
            "go to 'mesh', which takes 4088B at most");
    refuses("mesh driver; lan driver interface=lan; vs vipsize <mesh <lan",
            "messages of more than 4088B go to 'lan', which takes 4088B at most");
    refuses("mesh driver; b blast <mesh; c chan <b; vs vipsize <mesh <c", "'c' carries calls");
    refuses("mesh driver; lan driver interface=lan; c chan <lan; va vipaddr <mesh <c",
            "'c' carries calls, whose answers come on the session of the call");
    refuses("mesh driver; b blast <mesh; vs vipsize <mesh <b; t template <vs; x template <vs",
            "'vs' has no header and carries one instance alone: 't' stands on it already");
    refuses("mesh driver; lan driver interface=lan; va vipaddr <mesh <lan; t template <va; "
            "x template <va",
            "'va' has no header");
    refuses("mesh driver; v vdrop <mesh; t template <v; x template <v", "'v' has no header");
    refuses("mesh driver; v vdrop <mesh; m vmux <v; n vmux <m; t template <m; x template <n",
            "'v' has no header and carries one instance alone: 't' stands on it already");
    refuses("mesh driver; v vcache <mesh; t template <v; m vmux <mesh <v; x template <m",
            "'v' has no header and carries one instance alone: 't' stands on it already");
    refuses("mesh driver; b blast <mesh; vs vipsize <mesh <b; nx nx <vs",
            "'nx' needs a path that keeps their order, and 'vs' below it lets");
}

Test(xk_graph, a_network_that_loses_is_borne_by_those_who_resend)
{
    struct err e = ERR_INIT;
    struct val *v = rig_val("mesh driver; blast blast <mesh; chan chan <blast; s select <chan");
    struct xk_graph *g = xk_graph_load(v, rig_protocols(), "machine.graph", &loses, 1, &e);
    cr_assert_not_null(g, "%s", e.text);
    xk_graph_free(g);
    val_free(v);
    v = rig_val("mesh driver; nx nx <mesh");
    cr_assert_null(xk_graph_load(v, rig_protocols(), "machine.graph", &loses, 1, &e));
    cr_assert_not_null(strstr(e.text, "'mesh' below it loses messages, as its network does"), "%s",
                       e.text);
    val_free(v);
}

Test(xk_graph, an_empty_or_wrong_list_is_refused)
{
    struct err e = ERR_INIT;
    struct val *v = val_new(VAL_LIST, "graph", 3);
    cr_assert_null(xk_graph_load(v, rig_protocols(), "machine.graph", rig_networks, 2, &e));
    cr_assert_not_null(strstr(e.text, "an empty one"), "%s", e.text);
    val_append(v, val_new_int(3, "graph", 4));
    e = (struct err)ERR_INIT;
    cr_assert_null(xk_graph_load(v, rig_protocols(), "machine.graph", rig_networks, 2, &e));
    cr_assert_not_null(strstr(e.text, "graph:4: machine.graph[1] must be a table"), "%s", e.text);
    val_free(v);
}

/* XK4. */
Test(xk_graph, crossings_and_layers_are_named)
{
    struct rig r;
    struct fake_options o = { 0 };
    rig_start(&r, &o, "mesh driver; probe probe <mesh domain=server", NULL, NULL);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 7, 100), XK_OK);
    fake_run(r.f, 0);
    /* Down: open and push cross from server to kernel; up: demux. */
    cr_assert_eq(fake_work(r.f, 0, PORT_WORK_CROSS), 2);
    cr_assert_eq(fake_work(r.f, 1, PORT_WORK_CROSS), 1);
    cr_assert_eq(fake_work(r.f, 0, PORT_WORK_LAYER), 1);
    cr_assert_eq(fake_work(r.f, 1, PORT_WORK_LAYER), 1);
    cr_assert_eq(fake_work(r.f, 0, PORT_WORK_FRAME_OUT), 1);
    cr_assert_eq(fake_work(r.f, 1, PORT_WORK_FRAME_IN), 1);
    cr_assert_eq(fake_work(r.f, 0, PORT_WORK_CHOICE), 0);
    rig_stop(&r);
    /* Two that only choose, and the driver below them. */
    rig_start(
        &r, &o,
        "mesh driver; d vdrop <mesh; blast blast <mesh; vs vipsize <d <blast; probe probe <vs",
        NULL, NULL);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 7, 100), XK_OK);
    fake_run(r.f, 0);
    for (uint32_t node = 0; node < 2; node++) {
        cr_assert_eq(fake_work(r.f, node, PORT_WORK_CHOICE), 2);
        cr_assert_eq(fake_work(r.f, node, PORT_WORK_LAYER), 1);
    }
    rig_stop(&r);
    rig_start(&r, &(struct fake_options){ .interfaces = 2 },
              "mesh driver; lan driver interface=lan; va vipaddr <lan <mesh; probe probe <va", NULL,
              NULL);
    cr_assert_eq(rig_send_pattern(&r, 0, 1, 7, 100), XK_OK);
    fake_run(r.f, 0);
    for (uint32_t node = 0; node < 2; node++) {
        cr_assert_eq(fake_work(r.f, node, PORT_WORK_CHOICE), 1);
        cr_assert_eq(fake_work(r.f, node, PORT_WORK_LAYER), 1);
    }
    rig_stop(&r);
}

/* PART1, PART2: each layer takes its own part, and what is below gets the rest. */
static void open_by_parts(struct port *p, void *arg)
{
    struct rig *r = arg;
    (void)p;
    struct xk_protl *probe = xk_find(r->k[0], "probe"), *v = xk_find(r->k[0], "v");
    struct xk_protl *rdm = xk_find(r->k[0], "rdm"), *mesh = xk_find(r->k[0], "mesh");
    struct xk_sessn *plain, *keyed, *other;
    struct xk_parts port = xk_node(1);
    enum xk_status why;
    plain = xk_open(rdm, v, xk_node(1), &why);
    keyed = xk_open(rdm, v, xk_node_key(1, 3), &why);
    cr_assert(plain && keyed && plain != keyed);
    cr_assert_eq(plain->key, 0);
    cr_assert_eq(keyed->key, 3);
    cr_assert_eq(plain->down[0], keyed->down[0]);
    cr_assert_eq(plain->down[0]->protl, mesh);
    other = xk_open(v, probe, xk_node_key(1, 3), &why); /* v has no part of its own */
    cr_assert(other && other->host == 1);
    cr_assert_eq(other->down[0], keyed);
    cr_assert_eq(xk_open(v, probe, xk_node_key(1, 3), &why), other);
    cr_assert_eq(xk_open(v, probe, xk_node(1), &why), other);
    xk_close(other);
    xk_close(other);
    cr_assert_null(xk_open(v, probe, xk_node_key(1, 4), &why), "two paths, one session");
    cr_assert_eq(why, XK_REFUSED);
    xk_close(other);
    xk_close(keyed);
    xk_close(plain);
    cr_assert_null(xk_open(v, probe, xk_node(7), &why));
    cr_assert_eq(why, XK_NO_PEER);
    cr_assert_null(xk_open(v, probe, xk_any(), &why));
    cr_assert_eq(why, XK_NO_PEER);
    /* Nobody here has ports. */
    xk_part_push(&port, XK_PART_PORT, 99);
    cr_assert_null(xk_open(v, probe, port, &why));
    cr_assert_eq(why, XK_NO_PEER);
    cr_assert_null(xk_open(mesh, rdm, xk_node_key(1, 0), &why));
    cr_assert_eq(why, XK_NO_PEER);
    cr_assert_eq(xk_open_enable(mesh, rdm, xk_key(1)), XK_REFUSED);
    cr_assert_eq(xk_open_disable(mesh, rdm, xk_key(1)), XK_REFUSED);
    cr_assert_eq(xk_open_enable(rdm, v, port), XK_REFUSED);
    cr_assert_eq(xk_open_enable(rdm, v, xk_key(3)), XK_OK);
}

Test(xk_graph, each_layer_takes_its_own_part_of_a_participant)
{
    struct rig r;
    uint64_t n = 0;
    struct xk_parts ps = xk_node(5);
    for (unsigned i = 1; i < XK_PARTS_MAX; i++)
        xk_part_push(&ps, i == 1 ? XK_PART_ADDRESS : XK_PART_PORT, UINT64_C(1) << (i + 40));
    cr_assert(!xk_part_take(&ps, XK_PART_NODE, &n), "not the uppermost");
    for (unsigned i = XK_PARTS_MAX - 1; i > 0; i--) {
        cr_assert(xk_part_take(&ps, i == 1 ? XK_PART_ADDRESS : XK_PART_PORT, &n));
        cr_assert_eq(n, UINT64_C(1) << (i + 40));
    }
    cr_assert(xk_part_take(&ps, XK_PART_NODE, &n));
    cr_assert_eq(n, 5);
    cr_assert(!xk_part_take(&ps, XK_PART_NODE, &n), "none is left");
    rig_start(&r, &(struct fake_options){ 0 },
              "mesh driver; rdm rdm <mesh; v vdrop <rdm; probe probe <v", NULL, NULL);
    fake_call(r.f, 0, open_by_parts, &r);
    rig_stop(&r);
}

static bool in_order(void *arg, const void *key, void *value)
{
    uint32_t *n = arg;
    uint32_t k;
    (void)value;
    memcpy(&k, key, sizeof k);
    cr_assert_eq(k, *n * 7919 % 1009);
    (*n)++;
    return true;
}

static void use_map(struct port *p, void *arg)
{
    struct rig *r = arg;
    struct xk_map m;
    int values[300];
    xk_map_init(&m, p, sizeof(uint32_t));
    for (uint32_t i = 0; i < 300; i++) {
        uint32_t k = i * 7919 % 1009;
        xk_map_bind(&m, &k, &values[i]);
    }
    uint32_t seen = 0, k = 7919 % 1009, none = 5000;
    xk_map_each(&m, in_order, &seen);
    cr_assert_eq(seen, 300);
    cr_assert_eq(xk_map_resolve(&m, &k), &values[1]);
    cr_assert_eq(xk_map_resolve(&m, &k), &values[1]);
    cr_assert_null(xk_map_resolve(&m, &none));
    cr_assert_eq(xk_map_unbind(&m, &k), &values[1]);
    cr_assert_null(xk_map_resolve(&m, &k));
    cr_assert_null(xk_map_unbind(&m, &k));
    cr_assert_eq(xk_map_count(&m), 299);
    /* It has been walked, and gives its room back all the same. */
    uint64_t full = fake_heap_bytes(r->f, 0);
    for (uint32_t i = 2; i < 300; i++) {
        k = i * 7919 % 1009;
        cr_assert_eq(xk_map_unbind(&m, &k), &values[i]);
    }
    cr_assert_lt(fake_heap_bytes(r->f, 0), full / 2);
    xk_map_fini(&m);
}

/* Random bindings beside a plain list of them: tables grow, empty, and shrink; a walk meets them in
 * order while it takes some out. */
struct plain {
    uint32_t keys[600][3], count, at, words;
    char *values[600];
    bool drops;
    struct xk_map *m;
};

static uint32_t drawn(uint64_t *state, uint32_t below)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)((*state >> 33) % below);
}

static void plain_drop(struct plain *x, uint32_t i)
{
    x->count--;
    memmove(x->keys[i], x->keys[i + 1], (x->count - i) * sizeof x->keys[0]);
    memmove(&x->values[i], &x->values[i + 1], (x->count - i) * sizeof x->values[0]);
}

static bool meet(void *arg, const void *key, void *value)
{
    struct plain *x = arg;
    cr_assert_lt(x->at, x->count);
    cr_assert_eq(memcmp(key, x->keys[x->at], 4 * x->words), 0);
    cr_assert_eq(value, x->values[x->at]);
    if (!x->drops || x->keys[x->at][0] % 3) {
        x->at++;
        return true;
    }
    uint32_t k[3];
    memcpy(k, key, 4 * x->words);
    cr_assert_eq(xk_map_unbind(x->m, k), value);
    plain_drop(x, x->at);
    return true;
}

static void walk(struct plain *x, bool drops)
{
    x->at = 0;
    x->drops = drops;
    xk_map_each(x->m, meet, x);
    cr_assert_eq(x->at, x->count);
    cr_assert_eq(xk_map_count(x->m), x->count);
}

static void compare_maps(struct port *p, void *arg)
{
    static char value[4096];
    static struct plain x;
    uint64_t seed = *(const uint64_t *)arg;
    struct xk_map m;
    memset(&x, 0, sizeof x);
    x.words = 1 + drawn(&seed, 3);
    x.m = &m;
    xk_map_init(&m, p, 4 * x.words);
    for (uint32_t step = 0; step < 3000; step++) {
        uint32_t most = step % 1000 < 500 ? 600 : 6; /* it fills, then it empties */
        uint32_t k[3] = { drawn(&seed, 700) * 4096, 0, 0 }, i = 0;
        k[x.words - 1] += 5;
        while (i < x.count && memcmp(x.keys[i], k, 4 * x.words) != 0)
            i++;
        cr_assert_eq(xk_map_resolve(&m, k), i < x.count ? x.values[i] : NULL);
        if (i < x.count) {
            cr_assert_eq(xk_map_unbind(&m, k), x.values[i]);
            plain_drop(&x, i);
        } else if (x.count < most) {
            xk_map_bind(&m, k, &value[step]);
            memcpy(x.keys[x.count], k, sizeof k);
            x.values[x.count++] = &value[step];
        } else if (x.count > 0) {
            i = drawn(&seed, x.count);
            memcpy(k, x.keys[i], sizeof k);
            cr_assert_eq(xk_map_unbind(&m, k), x.values[i]);
            plain_drop(&x, i);
        }
        if (step % 50 == 0)
            walk(&x, step % 200 == 0);
    }
    xk_map_fini(&m);
}

Test(xk_map, is_what_a_plain_list_is)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct rig r;
        struct fake_options o = { 0 };
        rig_start(&r, &o, "mesh driver", NULL, NULL);
        uint64_t bytes = fake_heap_bytes(r.f, 0);
        fake_call(r.f, 0, compare_maps, &seed);
        cr_assert_eq(fake_heap_bytes(r.f, 0), bytes);
        rig_stop(&r);
    }
}

Test(xk_map, finds_walks_in_insertion_order_and_frees)
{
    struct rig r;
    struct fake_options o = { 0 };
    rig_start(&r, &o, "mesh driver", NULL, NULL);
    uint64_t bytes = fake_heap_bytes(r.f, 0);
    fake_call(r.f, 0, use_map, &r);
    /* One resolve was answered by the cache; the misses, the first hit and what left were not. */
    cr_assert_eq(fake_work(r.f, 0, PORT_WORK_LOOKUP), 4 + 298);
    cr_assert_eq(fake_heap_bytes(r.f, 0), bytes);
    rig_stop(&r);
}
