/* test_vesta_order.c: atomic requests of Vesta that overlap on several I/O nodes, and I/O nodes
 * that die under them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/vesta/vesta_internal.h"
#include "tests/os/vesta_world.h"

/* Every program writes all of a file in its own letter, and reads it: one letter alone must be
 * there, and after all have ended, too. */
enum { WRITERS = 3, BYTES = 1200, ROUNDS = 4 };
static const struct vesta_layout rows = { .bsu = 100, .cells = 4 };

static struct {
    enum vesta_mode mode;
    bool dies;      /* an I/O node: calls may fail, nothing may hang */
    uint32_t mixed; /* reads that saw two writers */
    uint32_t failed;
} seen;

static bool uniform(const uint8_t *b, uint64_t n)
{
    for (uint64_t i = 1; i < n; i++)
        if (b[i] != b[0])
            return false;
    return true;
}

static void overlap(struct vesta_world *w, struct vesta_client *c, uint32_t rank)
{
    struct vesta_file *f;
    struct file_run all = { .off = 0, .len = BYTES, .count = 1 };
    uint8_t bytes[BYTES];
    uint64_t moved;
    (void)w;
    if (vesta_open(c, "one", VESTA_O_CREATE, &rows, seen.mode, &f) != FILE_OK) {
        cr_assert(seen.dies);
        return;
    }
    for (int i = 0; i < 2 * ROUNDS && seen.dies; i++) { /* of the first and the last node alone */
        static const struct file_run gap[] = {
            { .off = 0, .len = 100, .stride = 400, .count = 3 },
            { .off = 300, .len = 100, .stride = 400, .count = 3 }
        };
        memset(bytes, 'a' + (int)rank * ROUNDS + i, sizeof bytes);
        enum file_status s = vesta_world_write(f, gap, 2, bytes, 600);
        cr_assert(s == FILE_OK || s == FILE_UNREACHABLE);
        seen.failed += s != FILE_OK;
    }
    for (int i = 0; i < ROUNDS; i++) {
        memset(bytes, 'a' + (int)rank * ROUNDS + i, sizeof bytes);
        enum file_status s = vesta_world_write(f, &all, 1, bytes, BYTES);
        cr_assert(s == FILE_OK || (seen.dies && s == FILE_UNREACHABLE), "%s", file_status_name(s));
        seen.failed += s != FILE_OK;
        s = vesta_world_read(f, &all, 1, bytes, &moved);
        cr_assert(s == FILE_OK || (seen.dies && s == FILE_UNREACHABLE), "%s", file_status_name(s));
        seen.failed += s != FILE_OK;
        cr_assert(s != FILE_OK || moved == BYTES || seen.dies);
        seen.mixed += s == FILE_OK && !uniform(bytes, moved);
    }
    vesta_close(f);
}

static uint32_t trial(enum vesta_mode mode, uint64_t seed)
{
    struct vesta_world w;
    memset(&seen, 0, sizeof seen);
    seen.mode = mode;
    vesta_world_defaults(&w, WRITERS, 3);
    vesta_world_start(&w, (struct fake_options){ .seed = seed, .order = FAKE_RANDOM });
    vesta_world_run(&w, 0, overlap);
    vesta_world_stop(&w);
    return seen.mixed;
}

/* VST4, and that the test could see it broken: reckless requests mix. */
Test(vesta_order, overlapping_requests_are_atomic)
{
    uint32_t mixed = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        cr_assert_eq(trial(VESTA_INDEPENDENT, seed), 0, "seed %d", (int)seed);
        mixed += trial(VESTA_RECKLESS, seed);
    }
    cr_assert_gt(mixed, 0, "without the token nothing mixes");
}

/* VST5: an I/O node dies at any step, for ever or for a while: every call ends. */
Test(vesta_order, an_io_node_dies)
{
    uint32_t failed = 0;
    for (uint64_t step = 280; step < 760; step += 7) {
        struct vesta_world w;
        memset(&seen, 0, sizeof seen);
        seen.mode = VESTA_INDEPENDENT;
        seen.dies = true;
        vesta_world_defaults(&w, WRITERS, 4);
        w.crash_step = step;
        w.crash_node = WRITERS + (uint32_t)(step / 7 % 4);
        w.down_steps = step % 3 ? 100 * (step % 3) : 0;
        vesta_world_start(&w, (struct fake_options){
                                  .seed = step, .order = FAKE_RANDOM, .detect_delay = 5 * SIM_MS });
        vesta_world_run(&w, 0, overlap);
        failed += seen.failed;
        vesta_world_stop(&w);
    }
    cr_assert_gt(failed, 20);
}

/* A program's node dies at any step: what it has told some I/O nodes alone holds up nobody. */
Test(vesta_order, a_client_dies)
{
    for (uint64_t step = 280; step < 760; step += 11) {
        struct vesta_world w;
        memset(&seen, 0, sizeof seen);
        seen.mode = VESTA_INDEPENDENT;
        vesta_world_defaults(&w, WRITERS, 4);
        w.params.rpc = 256; /* several calls to a node */
        w.crash_step = step;
        vesta_world_start(&w, (struct fake_options){
                                  .seed = step, .order = FAKE_RANDOM, .detect_delay = 5 * SIM_MS });
        vesta_world_run(&w, 0, overlap);
        cr_assert_eq(seen.failed, 0);
        vesta_world_stop(&w);
    }
}

/* ---- histories: what each I/O node starts, in its order, over a bottom that keeps nothing ---- */

enum { OPS_MOST = 400, NODES = 4, SPAN = 120 };
struct op { /* on one cell */
    uint32_t host;
    uint64_t seq, id; /* id: of the request */
    uint32_t node;
    uint64_t cell;
    bool write, bytes[SPAN];
};
static struct op ops[OPS_MOST];
static uint32_t op_count;

struct blank {
    struct file_sys sys;
    struct port_timer timer;
    struct list answers;
};
struct answer {
    struct list link;
    struct file_req *r;
};

static void answer_all(struct port_timer *timer)
{
    struct blank *b = timer->arg;
    struct list now, *l;
    list_init(&now);
    list_splice(&now, &b->answers);
    while ((l = list_pop(&now)) != NULL) {
        struct answer *a = LIST_ENTRY(l, struct answer, link);
        struct file_req *r = a->r;
        port_free(b->sys.port, a);
        r->done(r);
    }
}

/* Every name is there; its handle is what stands behind the last dot, and one. */
static void blank_submit(struct file_sys *s, struct file_req *r)
{
    struct blank *b = CONTAINER_OF(s, struct blank, sys);
    struct answer *a = port_alloc(s->port, sizeof *a);
    file_req_begin(r);
    r->status = FILE_OK;
    if (r->op == FILE_LOOKUP)
        r->file = (uint64_t)(strrchr(r->name, '.')[1] - '0') + 1;
    if (r->op == FILE_READ || r->op == FILE_WRITE) {
        const struct vesta_job *j = ((struct vesta_part *)r->arg)->job;
        struct op *o = &ops[op_count++];
        cr_assert_lt(op_count, OPS_MOST);
        *o = (struct op){ .host = j->host,
                          .seq = j->m.seq,
                          .id = j->m.value,
                          .node = port_node(s->port),
                          .cell = r->file,
                          .write = r->op == FILE_WRITE };
        for (uint32_t k = 0; k < r->run_count; k++)
            for (uint64_t i = 0; i < r->runs[k].count; i++)
                for (uint64_t x = 0; x < r->runs[k].len; x++)
                    o->bytes[r->runs[k].off + i * r->runs[k].stride + x] = true;
        r->moved = file_bytes(r);
        if (r->op == FILE_READ)
            rope_add_zero(&r->data, r->moved);
        else
            rope_fini(&r->data);
    }
    a->r = r;
    list_push(&b->answers, &a->link);
    port_timer_set(&b->timer, 0);
}

static const struct file_ops blank_ops = { .submit = blank_submit };

static struct file_sys *blank_start(struct port *p)
{
    struct blank *b = port_alloc(p, sizeof *b);
    b->sys = (struct file_sys){ .ops = &blank_ops, .port = p };
    list_init(&b->answers);
    port_timer_init(p, &b->timer, answer_all, b);
    return &b->sys;
}

static bool conflict(const struct op *a, const struct op *b)
{
    if (a->node != b->node || a->cell != b->cell || (!a->write && !b->write))
        return false;
    for (uint32_t i = 0; i < SPAN; i++)
        if (a->bytes[i] && b->bytes[i])
            return true;
    return false;
}

/* Requests can be put in one order that each node's order of conflicting ones agrees with: takes
 * away what nothing comes before, until nothing is left or nothing can be. */
static bool serialisable(void)
{
    bool gone[OPS_MOST] = { false };
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = 0; i < op_count; i++) {
            bool free_to_go = !gone[i];
            for (uint32_t x = 0; x < op_count && free_to_go; x++) /* all ops of i's request */
                for (uint32_t y = 0; y < x && free_to_go; y++) {
                    bool mine = ops[x].host == ops[i].host && ops[x].id == ops[i].id;
                    bool other = ops[y].host != ops[i].host || ops[y].id != ops[i].id;
                    free_to_go = !(mine && other && !gone[y] && conflict(&ops[y], &ops[x]));
                }
            for (uint32_t x = 0; x < op_count && free_to_go; x++)
                gone[x] |= ops[x].host == ops[i].host && ops[x].id == ops[i].id;
            more |= free_to_go;
        }
    }
    for (uint32_t i = 0; i < op_count; i++)
        if (!gone[i])
            return false;
    return true;
}

/* A client's requests: lists over a file of one cell a node. */
static uint32_t drawn(uint64_t *state, uint32_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % n;
}

static struct {
    struct rig r;
    struct os_layout layout;
    uint32_t nodes[8], compute, io, rounds, running;
    struct vesta_client *client[8];
    struct vesta_params params;
    enum vesta_mode mode;
    uint64_t seed;
} h;

struct outcome {
    bool ended;
    struct port *p;
    struct port_thread *t;
};

static void ended(struct file_req *r)
{
    struct outcome *x = r->arg;
    x->ended = true;
    port_thread_wake(x->p, x->t);
}

static void history_program(void *arg)
{
    uint32_t rank = (uint32_t)(uintptr_t)arg;
    struct vesta_client *c = h.client[rank];
    struct vesta_view all = vesta_view_all(h.io);
    struct vesta_file f = {
        .c = c, .id = 1, .positions = h.io, .layout = { .bsu = 8, .cells = h.io }, .mode = h.mode
    };
    uint64_t state = h.seed * 100 + rank;
    cr_assert(vesta_map_init(&f.map, h.io, 8, &all));
    for (uint32_t i = 0; i < h.rounds; i++) {
        static struct outcome x[8];
        struct file_req r;
        struct file_run run[2];
        uint8_t bytes[2 * SPAN] = { 0 };
        x[rank] = (struct outcome){ false, c->port, port_thread_self(c->port) };
        bool write = h.rounds == 1 || drawn(&state, 3) > 0;
        file_req_init(&r, write ? FILE_WRITE : FILE_READ, ended, &x[rank]);
        run[0] = (struct file_run){ .off = drawn(&state, 30), .count = 1 };
        run[0].len = 1 + drawn(&state, 30);
        run[1] =
            (struct file_run){ .off = run[0].off + run[0].len + drawn(&state, 20), .count = 1 };
        run[1].len = 1 + drawn(&state, 8);
        if (h.rounds == 1) { /* all of one row */
            run[0] = (struct file_run){ .off = 0, .len = 8 * h.io, .count = 1 };
            run[1].len = 0;
        }
        r.runs = run;
        r.run_count = 2;
        if (write)
            rope_add_bytes(&r.data, bytes, run[0].len + run[1].len);
        vesta_submit(&f, &r);
        while (!x[rank].ended)
            port_thread_block(c->port, "request", 0);
        cr_assert_eq(r.status, FILE_OK);
        rope_fini(&r.data);
    }
    h.running--;
}

static void history_booted(struct rig *r, uint32_t node, struct port *p)
{
    struct xk_protl *rpc = xk_find(r->k[node], "rpc");
    if (node >= h.compute) {
        vesta_server_start(rpc, &h.layout, node - h.compute, 1, blank_start(p));
        return;
    }
    h.client[node] = vesta_client_start(rpc, &h.layout, &h.params);
    (void)port_thread_spawn(p, "program", history_program, (void *)(uintptr_t)node, 0);
}

static void history_set_up(uint32_t compute, uint32_t io, uint32_t rounds, enum vesta_mode mode,
                           uint64_t seed)
{
    memset(&h, 0, sizeof h);
    op_count = 0;
    for (uint32_t i = 0; i < ARRAY_LEN(h.nodes); i++)
        h.nodes[i] = i;
    h.compute = h.running = compute;
    h.io = io;
    h.rounds = rounds;
    h.mode = mode;
    h.seed = seed;
    h.params = (struct vesta_params){
        .rpc = 1024, .window = 8, .depth = 2, .retries = 3, .retry_delay = SIM_MS
    };
    h.layout = (struct os_layout){ .nodes = compute + io,
                                   .compute_count = compute,
                                   .io_count = io,
                                   .compute = h.nodes,
                                   .io = h.nodes + compute };
}

static const char *const history_graph =
    "mesh driver; blast blast <mesh; chan chan <blast; rpc select <chan";

static bool random_history(enum vesta_mode mode, uint64_t seed)
{
    history_set_up(3, NODES, 5, mode, seed);
    struct fake_options o = { .seed = seed, .order = FAKE_RANDOM, .nodes = 3 + NODES };
    rig_start(&h.r, &o, history_graph, history_booted, NULL);
    for (uint32_t steps = 0; h.running > 0; steps++) {
        cr_assert(fake_step(h.r.f), "seed %d: a request waits for ever", (int)seed);
        cr_assert_lt(steps, 1000000);
    }
    rig_stop(&h.r);
    return serialisable();
}

/* VST4: requests of some nodes each, many orders of delivery; and without the token the judge finds
 * histories that no one order explains. */
Test(vesta_order, random_histories_are_serialisable)
{
    uint32_t bad = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        cr_assert(random_history(VESTA_INDEPENDENT, seed), "seed %d", (int)seed);
        bad += !random_history(VESTA_RECKLESS, seed);
    }
    cr_assert_gt(bad, 3, "reckless requests have been in one order by themselves");
}

static struct xk_graph *explored;
static uint32_t explored_bad;

static void explore_set_up(struct fake *f, void *arg)
{
    (void)arg;
    enum vesta_mode mode = h.mode;
    history_set_up(2, 2, 1, mode, 1);
    rig_boot_all(&h.r, f, explored, 4, history_booted, NULL);
}

static bool explore_check(struct fake *f, void *arg)
{
    (void)f;
    (void)arg;
    bool good = serialisable();
    explored_bad += !good;
    return h.running == 0 && (good || h.mode == VESTA_RECKLESS);
}

static struct fake_explore explore(enum vesta_mode mode)
{
    struct fake_explore x = { .options = { .nodes = 4, .explore_reduced = true },
                              .setup = explore_set_up,
                              .check = explore_check,
                              .orders_max = 1500,
                              .steps_max = 2000 };
    explored = rig_graph(history_graph);
    explored_bad = 0;
    h.mode = mode;
    fake_explore(&x);
    xk_graph_free(explored);
    return x;
}

Test(vesta_order, orders_of_two_writes_on_two_nodes)
{
    struct fake_explore x = explore(VESTA_INDEPENDENT);
    cr_assert_not(x.failed, "after %d orders: %s", (int)x.orders, x.order);
    printf("explored %d orders%s\n", (int)x.orders, x.complete ? ", all of them" : "");
    x = explore(VESTA_RECKLESS);
    cr_assert_gt(explored_bad, 0, "of %d orders all are in one order", (int)x.orders);
}
