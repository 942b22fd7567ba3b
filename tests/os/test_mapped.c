/* test_mapped.c: files that are mapped, on several nodes: loads and stores, requests of the same
 * bytes and what caches keep are judged together; nodes die; pages are counted.
 *
 * Oracles: a history of all accesses (os/svm/history.h), a judge of what deaths may take back, a
 * flat copy of the file, and closed forms of faults, page-ins and page-outs.
 */
#include "os/file/mapped.h"

#include "os/file/file_internal.h"
#include "os/file/token.h"
#include "os/registry.h"
#include "os/svm/history.h"
#include "tests/os/io_world.h"
#include "tests/os/xk_rig.h"
#include "tests/sample.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 3, SERVER = CLIENTS, NODES, USERS = 2, PLACES = 24, APART = 104, PAGE = 512 };
enum { LONG = PLACES * APART, BASE = 0x40000000, MAPS = 3, AWAY = 0x100000 };

/* An access to a place of a file; a value is written once. */
struct op {
    uint64_t value, start, end, known; /* steps; known: it is in the file by then */
    uint32_t node, life, file, place;
    bool write, ended, failed;
};

struct client_params { /* as in os/pio/pio_files.c */
    const struct val *files;
    struct file_stack stack;
};
struct server_params { /* as in os/file/server.c */
    const struct val *files;
    struct file_stack stack;
};

struct world;
struct user { /* a thread of a program */
    struct world *w;
    uint32_t node, life;
    bool failed; /* its last access to memory */
};

struct world {
    struct rig r;
    struct os_group groups[2];
    uint32_t io[1], compute[CLIENTS];
    struct os_layout layout;
    struct os_boot boot;
    struct os_service services[3];
    struct client_params client;
    struct server_params server;
    sim_time retry[1]; /* the parameters of token_server */
    struct os_node node[NODES];
    struct file_sys *top[CLIENTS];
    struct vm_params memory;
    struct vm_space *space[CLIENTS];
    struct file_map *map[CLIENTS][MAPS]; /* of each file; of the first once more */
    struct user *owner[CLIENTS];         /* whose access to memory it is, for errors */
    uint32_t life[NODES], booted, running, users[NODES]; /* users: threads that run */
    uint64_t file[2];
    struct op *ops;
    uint32_t op_count, most, maps; /* most: ops of a user's program */
    uint64_t seed, steps, stores, loads;
    bool crashes; /* accesses may fail */
    bool random;  /* programs run */
    void (*main)(struct world *w, uint32_t node);
    bool done;
    uint64_t status; /* of what failed last, an enum vm_status */
};

static uint64_t draw_state;
static uint32_t draw(uint32_t n)
{
    draw_state = draw_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(draw_state >> 33) % n;
}

extern const struct os_service_ops file_client_service;

static uint64_t base_of(uint32_t map)
{
    return BASE + (uint64_t)map * AWAY;
}

/* ---- accesses: by requests and by memory ---- */

static enum file_status ask(struct world *w, uint32_t node, struct file_req *r)
{
    return file_ask(w->top[node], r);
}

/* In the node's heap: what a request holds goes with that when the node dies. */
static struct file_req *request(struct world *w, uint32_t node, enum file_op op, uint64_t file,
                                uint64_t off)
{
    struct file_req *r = port_alloc(w->node[node].port, sizeof *r);
    file_req_init(r, op, NULL, NULL);
    r->file = file;
    file_range(r, off, 8);
    return r;
}

static enum file_status put(struct world *w, uint32_t node, uint64_t file, uint64_t off,
                            uint64_t value)
{
    struct file_req *r = request(w, node, FILE_WRITE, file, off);
    uint8_t b[8];
    r->direct = value % 2; /* past the cache */
    wire_put64(b, value);
    rope_add_bytes(&r->data, b, sizeof b);
    enum file_status s = ask(w, node, r);
    port_free(w->node[node].port, r);
    return s;
}

static enum file_status get(struct world *w, uint32_t node, uint64_t file, uint64_t off,
                            uint64_t *value)
{
    struct file_req *r = request(w, node, FILE_READ, file, off);
    uint8_t b[8] = { 0 };
    r->direct = w->steps % 2;
    enum file_status s = ask(w, node, r);
    if (s == FILE_OK)
        rope_read(&r->data, 0, r->moved, b);
    rope_fini(&r->data);
    port_free(w->node[node].port, r);
    *value = wire_get64(b);
    return s;
}

static bool on_error(void *arg, const struct vm_error *e)
{
    struct user *u = arg;
    u->failed = true;
    u->w->status = e->status;
    return true;
}

/* Big-endian in memory as in files. */
static bool store(struct user *u, uint64_t addr, uint64_t value)
{
    uint8_t b[8];
    wire_put64(b, value);
    u->failed = false;
    vm_on_error(u->w->space[u->node], on_error, u);
    return vm_write(u->w->space[u->node], addr, b, sizeof b);
}

static bool load(struct user *u, uint64_t addr, uint64_t *value)
{
    uint8_t b[8] = { 0 };
    vm_on_error(u->w->space[u->node], on_error, u);
    bool fine = vm_read(u->w->space[u->node], addr, b, sizeof b);
    *value = wire_get64(b);
    return fine;
}

static void make(struct world *w, int which)
{
    struct file_req r;
    file_req_init(&r, FILE_CREATE, NULL, NULL);
    r.name = which == 0 ? "a" : "b";
    cr_assert_eq(ask(w, 0, &r), FILE_OK);
    uint64_t file = r.file;
    file_req_init(&r, FILE_WRITE, NULL, NULL); /* later writes change no size */
    r.file = file;
    file_range(&r, 0, LONG);
    rope_add_zero(&r.data, LONG);
    cr_assert_eq(ask(w, 0, &r), FILE_OK);
    file_req_init(&r, FILE_FLUSH, NULL, NULL);
    r.file = file;
    cr_assert_eq(ask(w, 0, &r), FILE_OK);
    w->file[which] = file;
}

static struct file_map *map(struct world *w, uint32_t node, uint32_t slot, bool copy)
{
    struct file_map_ask a = { .space = w->space[node],
                              .base = base_of(slot),
                              .length = 8 * PAGE,
                              .file = w->file[slot % 2],
                              .writes = true,
                              .copy = copy };
    w->map[node][slot] = file_map(w->top[node], &a);
    return w->map[node][slot];
}

/* ---- programs ---- */

static void access_one(struct user *u)
{
    struct world *w = u->w;
    uint32_t way = draw(4), slot, n = w->op_count++;
    w->ops = realloc(w->ops, w->op_count * sizeof *w->ops);
    w->ops[n] = (struct op){ .value = n + 1,
                             .start = w->steps,
                             .end = UINT64_MAX,
                             .known = UINT64_MAX,
                             .node = u->node,
                             .life = u->life,
                             .file = draw(2),
                             .place = draw(4) > 0 ? draw(3) : draw(PLACES),
                             .write = draw(2) == 0 };
    struct op o = w->ops[n];
    uint64_t off = (uint64_t)o.place * APART, value = o.value;
    bool fine = true;
    slot = o.file == 0 && w->maps == MAPS && draw(2) == 0 ? 2 : o.file;
    if (way == 0) { /* by a request */
        enum file_status s = o.write ? put(w, u->node, w->file[o.file], off, value)
                                     : get(w, u->node, w->file[o.file], off, &value);
        fine = s == FILE_OK;
        cr_assert(fine || (w->crashes && s == FILE_UNREACHABLE), "%s", file_status_name(s));
    } else { /* by memory */
        fine =
            o.write ? store(u, base_of(slot) + off, value) : load(u, base_of(slot) + off, &value);
        cr_assert(fine || (w->crashes && w->status == VM_UNREACHABLE), "%s",
                  vm_status_name((enum vm_status)w->status));
        *(o.write ? &w->stores : &w->loads) += fine;
    }
    w->ops[n].ended = true;
    w->ops[n].end = w->steps;
    w->ops[n].failed = !fine;
    w->ops[n].value = o.write ? o.value : value;
}

static void program(void *arg)
{
    struct user *u = arg;
    for (uint32_t i = 0; i < u->w->most; i++) {
        access_one(u);
        if (draw(3) == 0 || u->w->ops[u->w->op_count - 1].failed)
            port_thread_sleep(u->w->node[u->node].port, (sim_time)draw(400) * SIM_US);
        if (draw(40) == 0) {
            struct file_req r;
            file_req_init(&r, draw(2) ? FILE_FLUSH : FILE_HINT, NULL, NULL);
            r.hint = FILE_PROPAGATE;
            r.file = u->w->file[draw(2)];
            enum file_status s = ask(u->w, u->node, &r);
            cr_assert(s == FILE_OK || u->w->crashes, "%s", file_status_name(s));
        }
    }
    u->w->running--;
    u->w->users[u->node]--;
}

static void main_of(void *arg)
{
    struct user *u = arg;
    u->w->main(u->w, u->node);
    u->w->done = true;
}

static void begin(struct world *w, uint32_t node)
{
    struct port *p = w->node[node].port;
    for (uint32_t k = 0; k < w->maps; k++)
        cr_assert_not_null(map(w, node, k, false));
    for (int i = 0; i < USERS; i++) {
        struct user *u = port_alloc(p, sizeof *u);
        *u = (struct user){ .w = w, .node = node, .life = w->life[node] };
        cr_assert_not_null(port_thread_spawn(p, "user", program, u, 0));
        w->running++;
        w->users[node]++;
    }
}

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    struct world *w = CONTAINER_OF(r, struct world, r);
    struct xk_protl *rpc = xk_find(r->k[node], "rpc");
    w->node[node] = (struct os_node){
        .port = p, .boot = &w->boot, .layout = &w->layout, .node = node, .xk = r->k[node]
    };
    struct file_boot b = { .node = &w->node[node], .rpc = rpc };
    w->booted++;
    w->life[node]++;
    if (node == SERVER) {
        (void)file_server_service.start(&w->node[node], &w->services[0], rpc);
        (void)token_server_service.start(&w->node[node], &w->services[1], rpc);
        return;
    }
    w->top[node] = file_stack_start(&w->client.stack, &b);
    w->space[node] = vm_space_create(vm_create(p, &w->memory), "test");
    if (w->random)
        begin(w, node);
}

static const char *server_files = "{{layer=lfs, block='2KiB', cache=5, queue=4}}";

static struct world *world_new(const char *client, int64_t frames, struct fake_options o)
{
    struct world *w = calloc(1, sizeof *w);
    struct err e = ERR_INIT;
    w->io[0] = SERVER;
    for (uint32_t i = 0; i < CLIENTS; i++)
        w->compute[i] = i;
    w->groups[0] = (struct os_group){ .name = "io", .count = 1, .nodes = w->io };
    w->groups[1] = (struct os_group){ .name = "compute", .count = CLIENTS, .nodes = w->compute };
    w->layout.nodes = NODES;
    w->retry[0] = 10 * SIM_MS;
    w->memory = (struct vm_params){ .page = PAGE, .frames = frames };
    w->maps = 2;
    w->services[0] = (struct os_service){ .ops = &file_server_service,
                                          .on = &w->groups[0],
                                          .params = &w->server };
    w->services[1] = (struct os_service){ .ops = &token_server_service,
                                          .on = &w->groups[0],
                                          .params = w->retry };
    w->services[2] = (struct os_service){ .ops = &file_client_service,
                                          .on = &w->groups[1],
                                          .params = &w->client };
    w->boot = (struct os_boot){ .layout = &w->layout,
                                .layers = &os_layers,
                                .groups = w->groups,
                                .group_count = 2,
                                .services = w->services,
                                .service_count = 3 };
    w->server.files = io_val(server_files);
    w->client.files = io_val(client);
    cr_assert(file_client_service.ready(&w->client, &w->boot, "client", &e), "%s", e.text);
    cr_assert(file_server_service.ready(&w->server, &w->boot, "server", &e), "%s", e.text);
    w->seed = o.seed;
    o.nodes = NODES;
    o.disks = 1;
    o.disk_sectors = 2000;
    rig_start(&w->r, &o, "mesh driver; blast blast <mesh; chan chan <blast; rpc select <chan",
              booted, NULL);
    while (w->booted < NODES)
        cr_assert(fake_step(w->r.f));
    return w;
}

static void world_free(struct world *w)
{
    rig_stop(&w->r);
    file_client_service.drop(&w->client);
    file_server_service.drop(&w->server);
    val_free((struct val *)w->server.files);
    val_free((struct val *)w->client.files);
    free(w->ops);
    free(w);
}

static bool step(struct world *w)
{
    w->steps++;
    return fake_step(w->r.f);
}

static void spawn_main(struct port *p, void *arg)
{
    cr_assert_not_null(port_thread_spawn(p, "main", main_of, arg, 0));
}

/* Runs `main` in a thread of the node, to its end. */
static void run(struct world *w, uint32_t node, void (*main)(struct world *w, uint32_t node))
{
    struct user u = { .w = w, .node = node };
    w->main = main;
    w->done = false;
    fake_call(w->r.f, node, spawn_main, &u);
    for (uint64_t k = 0; !w->done; k++)
        cr_assert(step(w) && k < 1000000, "a program never ends");
}

static void make_both(struct world *w, uint32_t node)
{
    (void)node;
    make(w, 0);
    make(w, 1);
}

static void begin_all(struct world *w, uint64_t seed, uint32_t most)
{
    run(w, 0, make_both);
    draw_state = seed;
    w->most = most;
    w->random = true;
    for (uint32_t i = 0; i < CLIENTS; i++)
        begin(w, i);
}

/* ---- histories ---- */

#define CACHE "{layer=cache, bytes='4KiB', block='512B', ahead=2, dirty='1KiB'}"
static const char *const stacks[] = {
    "{{layer=token}, {layer=mapped}, " CACHE ", {layer=remote}}",
    "{{layer=token}, {layer=mapped}, {layer=cache, bytes='64KiB', block='1KiB', dirty='64KiB', "
    "idle='2ms'}, {layer=remote}}",
    "{{layer=crossing, domain='kernel'}, {layer=token}, {layer=pass}, {layer=mapped}, "
    "{layer=remote}}",
    "{{layer=token, protocol={policy=range, block='512B'}}, {layer=mapped}, " CACHE
    ", {layer=remote}}",
    "{{layer=token, protocol={policy=range, block='64B'}}, {layer=mapped}, " CACHE
    ", {layer=remote}}",
};

static void history_of(const struct world *w, struct port *p)
{
    struct history h;
    struct history_report report;
    history_init(&h, p, 0, 0);
    for (uint32_t i = 0; i < w->op_count; i++) {
        const struct op *o = &w->ops[i];
        history_add(&h, &(struct history_op){ .addr = ((uint64_t)o->file << 32) + o->place * 8u,
                                              .value = o->value,
                                              .start = (sim_time)o->start,
                                              .end = (sim_time)o->end,
                                              .node = o->node,
                                              .size = 8,
                                              .write = o->write });
    }
    cr_assert_eq(history_recent(&h, &report), HISTORY_OK, "seed %d: %s", (int)w->seed, report.text);
    history_fini(&h);
}

/* MAPPED1, MAPPED2, MAPPED3, MAPPED7: memory, requests and caches of three nodes are one truth;
 * with few frames, too, and where a file is mapped twice. */
Test(mapped, what_is_loaded_is_what_was_stored_or_written_last)
{
    for (uint64_t n = 0; n < sample("MAPPED_SEEDS", 18); n++) {
        struct world *w = world_new(
            stacks[n % ARRAY_LEN(stacks)], n % 2 ? 3 : 0,
            (struct fake_options){ .seed = n + 1, .order = n % 4 ? FAKE_RANDOM : FAKE_IN_ORDER });
        w->maps = n % 3 == 0 ? MAPS : 2;
        begin_all(w, n + 1, 80);
        for (uint64_t k = 0; w->running > 0; k++)
            cr_assert(step(w) && k < 1000000, "seed %d: an access never ends", (int)n);
        cr_assert_gt(w->loads, 60);
        cr_assert_gt(w->stores, 60);
        history_of(w, w->node[0].port);
        world_free(w);
    }
}

/* The node's programs end here. */
static void crash(struct world *w, uint32_t node)
{
    fake_crash(w->r.f, node);
    w->running -= w->users[node];
    w->users[node] = 0;
}

/* No read gives a value that another write of the place had taken the place of before it began.
 * What a node had written and that died with it counts only from when others have seen it; a crash
 * of the server, the last one at step `from`, may take back what nobody has flushed. */
static void judge(struct world *w, uint64_t from)
{
    for (uint32_t i = 0; i < w->op_count; i++) {
        struct op *o = &w->ops[i];
        bool lives = o->life == w->life[o->node] && fake_up(w->r.f, o->node);
        if (o->write && o->ended && !o->failed && lives && o->start >= from)
            o->known = o->end;
    }
    for (uint32_t i = 0; i < w->op_count; i++) {
        const struct op *o = &w->ops[i];
        if (o->write || !o->ended || o->failed || o->value == 0)
            continue;
        struct op *by = &w->ops[o->value - 1];
        cr_assert(o->value <= w->op_count && by->write && by->file == o->file &&
                      by->place == o->place && by->start <= o->end,
                  "a value that nobody has written: %llu", (unsigned long long)o->value);
        if ((by->node != o->node || by->life != o->life) && by->start >= from && o->end < by->known)
            by->known = o->end;
    }
    for (uint32_t i = 0; i < w->op_count; i++) {
        const struct op *o = &w->ops[i];
        if (o->write || !o->ended || o->failed)
            continue;
        const struct op *by = o->value == 0 ? NULL : &w->ops[o->value - 1];
        uint64_t since = by == NULL ? 0 : by->known;
        if (by != NULL && by->ended && by->end < since)
            since = by->end;
        for (uint32_t k = 0; k < w->op_count; k++) {
            const struct op *x = &w->ops[k];
            if (x->write && x->file == o->file && x->place == o->place && x->known < o->start)
                cr_assert(x->start <= since,
                          "seed %d: node %u reads %llu of place %u, overwritten by node %u: %u",
                          (int)w->seed, o->node, (unsigned long long)o->value, o->place, x->node,
                          k + 1);
        }
    }
}

static void steps(struct world *w, uint32_t n)
{
    while (n-- > 0)
        (void)step(w);
}

/* TOK4, TOK5 hold for pages: and nothing hangs, where frames are lost, too. */
Test(mapped, nodes_may_die_at_any_step)
{
    for (uint64_t n = 0; n < sample("MAPPED_SEEDS", 18); n++) {
        struct world *w =
            world_new(stacks[n % ARRAY_LEN(stacks)], n % 2 ? 4 : 0,
                      (struct fake_options){ .seed = n + 1,
                                             .order = n % 3 ? FAKE_IN_ORDER : FAKE_RANDOM,
                                             .lossy = n % 4 >= 2,
                                             .drop_ppm = 20000,
                                             .duplicate_ppm = 10000,
                                             .detect_delay = SIM_MS });
        uint64_t from = 0;
        begin_all(w, n + 1, 100);
        w->crashes = true;
        for (int round = 0; round < 4; round++) {
            uint32_t node = n % 2 == 1 && round % 2 == 0 ? SERVER : draw(CLIENTS);
            steps(w, 300 + draw(600));
            crash(w, node);
            steps(w, draw(400));
            fake_run_until(w->r.f, fake_now(w->r.f) + (sim_time)draw(3) * SIM_MS);
            uint32_t boots = w->booted;
            fake_restart(w->r.f, node);
            from = node == SERVER ? ++w->steps : from;
            while (w->booted == boots)
                cr_assert(step(w));
        }
        for (uint64_t k = 0; w->running > 0; k++)
            cr_assert(step(w) && k < 1000000, "seed %d: an access never ends", (int)n);
        cr_assert_gt(w->loads, 60, "seed %d: %d loads", (int)n, (int)w->loads);
        judge(w, from);
        world_free(w);
    }
}

/* ---- one node ---- */

static uint64_t count(const struct world *w, const char *name)
{
    return fake_count(w->r.f, 0, name);
}

static void flush(struct world *w, uint32_t node, uint64_t file)
{
    struct file_req r;
    file_req_init(&r, FILE_FLUSH, NULL, NULL);
    r.file = file;
    enum file_status s = ask(w, node, &r);
    cr_assert_eq(s, FILE_OK, "%s", file_status_name(s));
}

static void resize(struct world *w, uint32_t node, uint64_t size)
{
    struct file_req r;
    file_req_init(&r, FILE_SIZE, NULL, NULL);
    r.file = w->file[0];
    r.size = size;
    cr_assert_eq(ask(w, node, &r), FILE_OK);
}

/* A file of P pages, of which a program with F < P frames reads all, S times, and then writes one
 * word of each: S P read faults, as the least recently used goes, then P of writing, each of which
 * reads the page; all P are written out, F of them by the flush. */
static void sweep(struct world *w, uint32_t node)
{
    struct user u = { .w = w, .node = node };
    enum { P = (LONG + PAGE - 1) / PAGE, SWEEPS = 3, F = 4 };
    uint64_t v, sum = 0;
    cr_assert_not_null(map(w, node, 0, false));
    for (int s = 0; s < SWEEPS; s++)
        for (uint64_t k = 0; k < P; k++) {
            cr_assert(load(&u, BASE + k * PAGE, &v));
            sum += v;
        }
    cr_assert_eq(sum, 0);
    cr_assert_eq(count(w, "mapped.faults"), SWEEPS * P);
    cr_assert_eq(count(w, "mapped.page_ins"), SWEEPS * P);
    cr_assert_eq(count(w, "mapped.page_outs"), 0);
    for (uint64_t k = 0; k < P; k++)
        cr_assert(store(&u, BASE + k * PAGE, k + 1));
    cr_assert_eq(count(w, "mapped.faults"), (SWEEPS + 1) * P);
    cr_assert_eq(count(w, "mapped.page_ins"), (SWEEPS + 1) * P);
    cr_assert_eq(count(w, "mapped.page_outs"), P - F);
    flush(w, node, w->file[0]);
    cr_assert_eq(count(w, "mapped.page_outs"), P);
    flush(w, node, w->file[0]);
    cr_assert_eq(count(w, "mapped.page_outs"), P);
    for (uint64_t k = 0; k < P; k++) {
        cr_assert_eq(get(w, node, w->file[0], k * PAGE, &v), FILE_OK);
        cr_assert_eq(v, k + 1);
    }
    cr_assert_eq(count(w, "mapped.page_outs"), P);
    cr_assert_eq(file_unmap(w->map[node][0]), FILE_OK);
    cr_assert_not(load(&u, BASE, &v));
    cr_assert_eq(w->status, VM_OUTSIDE);
}

Test(mapped, faults_are_as_many_as_a_closed_form_says)
{
    struct world *w = world_new(stacks[1], 4, (struct fake_options){ .seed = 1 });
    w->memory.replacement = 1; /* lru */
    fake_crash(w->r.f, 0);
    fake_restart(w->r.f, 0);
    while (w->booted <= NODES)
        cr_assert(step(w));
    run(w, 0, make_both);
    run(w, 0, sweep);
    world_free(w);
}

/* MAPPED4. */
static void ends_of_files(struct world *w, uint32_t node)
{
    struct user u = { .w = w, .node = node };
    enum { LAST = LONG / PAGE * PAGE, IN = LONG - LAST };
    uint64_t v;
    cr_assert_not_null(map(w, node, 0, false));
    cr_assert(store(&u, BASE + LONG - 8, 7));
    cr_assert(store(&u, BASE + LONG, 8)); /* behind the end: in memory alone */
    cr_assert(load(&u, BASE + LONG, &v));
    cr_assert_eq(v, 8);
    flush(w, node, w->file[0]);
    struct file_req r;
    file_req_init(&r, FILE_STAT, NULL, NULL);
    r.file = w->file[0];
    cr_assert_eq(ask(w, node, &r), FILE_OK);
    cr_assert_eq(r.attr.size, LONG);
    cr_assert_not(load(&u, BASE + LAST + PAGE, &v));
    cr_assert_eq(w->status, VM_BEHIND);
    cr_assert_not(store(&u, BASE + LAST + PAGE, 1));
    cr_assert_eq(w->status, VM_BEHIND);

    cr_assert_eq(put(w, node, w->file[0], LAST + PAGE + 8, 9), FILE_OK); /* it grows */
    cr_assert(load(&u, BASE + LONG, &v));
    cr_assert_eq(v, 0, "what was stored behind the end is in the file");
    cr_assert(load(&u, BASE + LONG - 8, &v));
    cr_assert_eq(v, 7);
    cr_assert(load(&u, BASE + LAST + PAGE + 8, &v));
    cr_assert_eq(v, 9);
    cr_assert(store(&u, BASE + LONG, 10)); /* which are the file's now */
    cr_assert_eq(get(w, node, w->file[0], LONG, &v), FILE_OK);
    cr_assert_eq(v, 10);

    resize(w, node, PAGE + 8); /* and shrinks */
    cr_assert(load(&u, BASE + PAGE, &v));
    cr_assert_not(load(&u, BASE + 2 * PAGE, &v));
    resize(w, node, LONG);
    cr_assert(load(&u, BASE + LONG - 8, &v));
    cr_assert_eq(v, 0);
    cr_assert_eq(file_unmap(w->map[node][0]), FILE_OK);
}

/* MAPPED6. */
static void copies(struct world *w, uint32_t node)
{
    struct user u = { .w = w, .node = node };
    uint64_t v;
    cr_assert_not_null(map(w, node, 1, false));
    cr_assert(store(&u, base_of(1), 5));
    cr_assert_eq(file_unmap(w->map[node][1]), FILE_OK);
    cr_assert_not_null(map(w, node, 1, true));
    cr_assert(load(&u, base_of(1) + 8, &v));
    cr_assert(store(&u, base_of(1) + 8, 6));        /* it was read before, */
    cr_assert(store(&u, base_of(1) + PAGE + 8, 6)); /* and was not */
    cr_assert(load(&u, base_of(1) + 2 * PAGE, &v));
    cr_assert_eq(put(w, node, w->file[1], 0, 11), FILE_OK);
    cr_assert_eq(put(w, node, w->file[1], 2 * PAGE, 12), FILE_OK);
    cr_assert(load(&u, base_of(1), &v));
    cr_assert_eq(v, 5, "a page of the program's own changes");
    cr_assert(load(&u, base_of(1) + 2 * PAGE, &v));
    cr_assert_eq(v, 12, "a page that was only read does not");
    cr_assert_eq(file_unmap(w->map[node][1]), FILE_OK);
    cr_assert_eq(get(w, node, w->file[1], 8, &v), FILE_OK);
    cr_assert_eq(v, 0);
    cr_assert_eq(get(w, node, w->file[1], PAGE + 8, &v), FILE_OK);
    cr_assert_eq(v, 0);
}

static void removed(struct world *w, uint32_t node)
{
    struct user u = { .w = w, .node = node };
    struct file_req r;
    uint64_t v;
    cr_assert_not_null(map(w, node, 1, false));
    cr_assert(store(&u, base_of(1), 5));
    file_req_init(&r, FILE_REMOVE, NULL, NULL);
    r.file = w->file[1];
    cr_assert_eq(ask(w, node, &r), FILE_OK);
    cr_assert_not(load(&u, base_of(1), &v));
    (void)file_unmap(w->map[node][1]);
}

Test(mapped, a_page_is_the_file_up_to_its_end)
{
    for (size_t i = 0; i < ARRAY_LEN(stacks); i++) {
        struct world *w = world_new(stacks[i], 0, (struct fake_options){ .seed = 1 });
        run(w, 0, make_both);
        run(w, 0, ends_of_files);
        run(w, 0, copies);
        run(w, 0, removed);
        world_free(w);
    }
}

/* CACHE5: each direct request has the device, whatever caches here and there have. */
static void read_direct(struct world *w, uint32_t node)
{
    enum { BLOCK = 2048 };
    uint64_t before = 0;
    for (int i = 0; i < 6; i++) {
        struct file_req r;
        uint64_t now = fake_count(w->r.f, SERVER, "lfs.fast_bytes");
        cr_assert_eq(now - before, i > 3 ? BLOCK : 0, "request %d", i);
        before = now;
        file_req_init(&r, FILE_READ, NULL, NULL);
        r.direct = i >= 3;
        r.file = w->file[0];
        file_range(&r, 0, BLOCK);
        cr_assert_eq(ask(w, node, &r), FILE_OK);
        cr_assert_eq(r.moved, BLOCK);
        rope_fini(&r.data);
        if (i == 2) { /* nor does the server's buffer have it */
            file_req_init(&r, FILE_HINT, NULL, NULL);
            r.hint = FILE_FORGET;
            r.file = w->file[0];
            cr_assert_eq(ask(w, node, &r), FILE_OK);
        }
    }
    cr_assert_eq(count(w, "cache.past"), 3);
}

Test(mapped, a_direct_request_goes_past_buffers)
{
    server_files = "{{layer=lfs, block='2KiB', cache=5, queue=4, buffered=true}}";
    struct world *w = world_new(stacks[1], 0, (struct fake_options){ .seed = 1 });
    run(w, 0, make_both);
    run(w, 0, read_direct);
    world_free(w);
}

/* A flat copy: random loads and stores of any length, requests, sizes, flushes. */
static void shadowed(struct world *w, uint32_t node)
{
    static uint8_t shadow[8 * PAGE], got[8 * PAGE];
    struct user u = { .w = w, .node = node };
    uint64_t size = LONG;
    memset(shadow, 0, sizeof shadow);
    cr_assert_not_null(map(w, node, 0, false));
    vm_on_error(w->space[node], on_error, &u);
    for (int i = 0; i < 600; i++) {
        uint64_t len = 1 + draw(700), off = draw(6 * PAGE);
        struct file_req r;
        uint8_t fill = (uint8_t)(1 + draw(255));
        uint32_t what = draw(16);
        bool direct = what >= 10 && draw(2) == 0;
        if (direct) { /* of whole blocks, too */
            off = off / 512 * 512;
            len = draw(2) ? 512 : len;
        }
        memset(got, fill, len);
        if (what < 10 && off + len > size)
            continue;
        if (what < 5) {
            memset(shadow + off, fill, len);
            cr_assert(vm_write(w->space[node], BASE + off, got, len));
        } else if (what < 10) {
            cr_assert(vm_read(w->space[node], BASE + off, got, len));
            cr_assert_arr_eq(got, shadow + off, len, "access %d", i);
        } else if (what < 12) {
            file_req_init(&r, FILE_WRITE, NULL, NULL);
            r.file = w->file[0];
            r.direct = direct;
            file_range(&r, off, len);
            rope_add_bytes(&r.data, got, len);
            enum file_status s = ask(w, node, &r);
            cr_assert_eq(s, FILE_OK, "access %d: %s", i, file_status_name(s));
            memset(shadow + off, fill, len);
            size = off + len > size ? off + len : size;
        } else if (what < 14) {
            file_req_init(&r, FILE_READ, NULL, NULL);
            r.file = w->file[0];
            r.direct = direct;
            file_range(&r, off, len);
            cr_assert_eq(ask(w, node, &r), FILE_OK);
            cr_assert_eq(r.moved, off >= size ? 0 : size - off < len ? size - off : len);
            rope_read(&r.data, 0, r.moved, got);
            rope_fini(&r.data);
            cr_assert_arr_eq(got, shadow + off, r.moved, "access %d", i);
        } else if (what == 14) {
            flush(w, node, draw(2) ? w->file[0] : 0);
        } else if (draw(3) == 0) {
            size = off;
            memset(shadow + size, 0, sizeof shadow - size);
            resize(w, node, size);
        }
    }
    cr_assert_eq(file_unmap(w->map[node][0]), FILE_OK);
}

Test(mapped, memory_and_requests_equal_a_flat_file)
{
    static const char *const alone[] = {
        "{{layer=mapped}, " CACHE ", {layer=lfs, block='1KiB', cache=6}}",
        "{{layer=mapped}, {layer=lfs, block='512B', cache=8, buffered=true}}",
    };
    enum { KINDS = ARRAY_LEN(stacks) + ARRAY_LEN(alone) };
    for (uint64_t n = 0; n < KINDS + 3; n++) {
        uint64_t k = n % KINDS;
        struct world *w =
            world_new(k < ARRAY_LEN(stacks) ? stacks[k] : alone[k - ARRAY_LEN(stacks)],
                      n % 2 ? 3 : 0, (struct fake_options){ .seed = n + 1 });
        draw_state = n + 1;
        run(w, 0, make_both);
        run(w, 0, shadowed);
        world_free(w);
    }
}

/* MAPPED5. */
static void store_one(struct world *w, uint32_t node)
{
    struct user u = { .w = w, .node = node };
    cr_assert_not_null(map(w, node, 0, false));
    cr_assert(store(&u, BASE + 8, 5));
}
static void flush_late(struct world *w, uint32_t node)
{
    struct file_req r;
    for (int again = 0; again < 2; again++) {
        file_req_init(&r, FILE_HINT, NULL, NULL);
        r.hint = FILE_PROPAGATE;
        r.file = w->file[0];
        (void)ask(w, node, &r);
        if (again == 0)
            cr_assert_eq(r.status, FILE_UNREACHABLE);
    }
    cr_assert_eq(count(w, "mapped.page_outs"), 1);
}
static void flush_again(struct world *w, uint32_t node)
{
    struct user u = { .w = w, .node = node };
    uint64_t v;
    struct file_req r;
    file_req_init(&r, FILE_FLUSH, NULL, NULL);
    r.file = w->file[0];
    cr_assert_eq(ask(w, node, &r), FILE_OK);
    cr_assert(load(&u, BASE + 8, &v));
    cr_assert_eq(v, 0, "a page that is lost is seen");
}

Test(mapped, what_could_not_be_written_is_told_once)
{
    struct world *w = world_new("{{layer=mapped}, {layer=remote}}", 0,
                                (struct fake_options){ .seed = 1, .detect_delay = SIM_MS });
    run(w, 0, make_both);
    run(w, 0, store_one);
    fake_crash(w->r.f, SERVER);
    run(w, 0, flush_late);
    fake_run_until(w->r.f, fake_now(w->r.f) + 5 * SIM_MS);
    fake_restart(w->r.f, SERVER);
    fake_run_until(w->r.f, fake_now(w->r.f) + 50 * SIM_MS);
    run(w, 0, flush_again);
    world_free(w);
}

/* A stack without the layer, or with one above it that has requests of its own; a region or an
 * offset that does not fit. */
static void unmappable(struct world *w, uint32_t node)
{
    cr_assert_null(map(w, node, 0, false));
}
static void misfits(struct world *w, uint32_t node)
{
    struct file_map_ask a = {
        .space = w->space[node], .base = BASE, .length = PAGE, .file = w->file[0], .off = 8
    };
    cr_assert_null(file_map(w->top[node], &a));
    a.off = PAGE;
    cr_assert_not_null(file_map(w->top[node], &a));
    cr_assert_null(file_map(w->top[node], &a));
    struct user u = { .w = w, .node = node };
    uint64_t v;
    cr_assert(load(&u, BASE, &v)); /* for reading alone */
    cr_assert_not(store(&u, BASE, 1));
    cr_assert_eq(w->status, VM_PROTECTION);
}

Test(mapped, what_cannot_be_mapped_is_refused)
{
    static const char *const without[] = {
        "{{layer=token}, " CACHE ", {layer=remote}}",
        "{{layer=checksum}, {layer=mapped}, {layer=remote}}",
        "{" CACHE ", {layer=mapped}, {layer=remote}}",
    };
    for (size_t i = 0; i <= ARRAY_LEN(without); i++) {
        bool good = i == ARRAY_LEN(without);
        struct world *w =
            world_new(good ? stacks[0] : without[i], 0, (struct fake_options){ .seed = 1 });
        cr_assert_eq(file_stack_maps(&w->client.stack), good);
        run(w, 0, make_both);
        run(w, 0, good ? misfits : unmappable);
        world_free(w);
    }
}

/* ---- files of other systems ---- */

enum { AT = 0x10000000, UNIT = 1024, WORDS = IO_RANKS * PAGE };

static void ok(enum pio_status s, const char *what)
{
    cr_assert_eq(s, PIO_OK, "%s: %s", what, pio_status_name(s));
}

static uint64_t read_word(struct pio_file *f, uint64_t off)
{
    const struct file_run run = { .off = off, .len = 8, .count = 1 };
    uint8_t b[8] = { 0 };
    struct pio_req q;
    pio_req_init(&q, PIO_READ, f);
    q.runs = &run;
    q.run_count = 1;
    pio_submit(&q);
    ok(pio_wait(&q), "read");
    rope_read(&q.data, 0, q.data.length, b);
    rope_fini(&q.data);
    return wire_get64(b);
}

static void write_word(struct pio_file *f, uint64_t off, uint64_t value)
{
    const struct file_run run = { .off = off, .len = 8, .count = 1 };
    uint8_t b[8];
    struct pio_req q;
    wire_put64(b, value);
    pio_req_init(&q, PIO_WRITE, f);
    q.runs = &run;
    q.run_count = 1;
    rope_add_bytes(&q.data, b, sizeof b);
    pio_submit(&q);
    ok(pio_wait(&q), "write");
}

static uint64_t load_word(struct vm_space *s, uint64_t off)
{
    uint8_t b[8] = { 0 };
    cr_assert(vm_read(s, AT + off, b, sizeof b));
    return wire_get64(b);
}

static bool caching; /* below the pages */

/* PIO2 of pages: each rank stores a word of its page, and writes one by a request. */
static void rank_maps(struct io_world *w, struct os_node *n, uint32_t rank)
{
    struct pio *sys = pio_find(w->ops, n);
    struct vm_params memory = { .page = PAGE };
    struct vm_space *space = vm_space_create(vm_create(n->port, &memory), "ranks");
    struct pio_open o = { .name = "m", .flags = PIO_O_CREATE, .ranks = 1, .mode = PIO_PLAIN };
    struct pio_file *f;
    struct file_map *map, *other;
    uint8_t b[8];
    o.unit = w->unit;
    if (rank == 0) {
        ok(pio_open(sys, &o, &f), "make");
        ok(pio_set_size(f, WORDS), "size");
        ok(pio_close(f), "close");
    }
    ok(pio_agree(sys, "made", IO_RANKS, true), "made");
    o.flags = 0;
    ok(pio_open(sys, &o, &f), "open");
    struct file_cache_params cache = {
        .bytes = 16384, .block = 1024, .dirty = 8192, .dirty_fraction = 0.5
    };
    if (caching)
        ok(pio_control(sys, f, &(struct pio_control){ .what = PIO_CACHING, .cache = &cache }),
           "caching");
    struct pio_map m = { .space = space, .base = AT, .length = WORDS, .writes = true };
    cr_assert_eq(pio_map(f, &(struct pio_map){ .space = space, .base = AT, .length = 100 }, &map),
                 PIO_BAD_LIST);
    ok(pio_map(f, &m, &map), "map");
    cr_assert_eq(pio_map(f, &m, &other), PIO_BAD_LIST);
    cr_assert_eq(pio_control(sys, f, &(struct pio_control){ .what = PIO_CACHING }),
                 PIO_UNSUPPORTED);
    for (uint64_t round = 1; round <= 3; round++) {
        uint64_t mine = (uint64_t)rank * PAGE;
        wire_put64(b, 100 * round + rank);
        cr_assert(vm_write(space, AT + mine + 8, b, sizeof b));
        write_word(f, mine + 16, 200 * round + rank);
        cr_assert_eq(load_word(space, mine + 16), 200 * round + rank);
        cr_assert_eq(read_word(f, mine + 8), 100 * round + rank);
        ok(round == 2 ? pio_flush(f) : pio_propagate(f), "propagate");
        ok(pio_agree(sys, "written", IO_RANKS, true), "written");
        ok(pio_refresh(f), "refresh");
        for (uint64_t r = 0; r < IO_RANKS; r++) {
            cr_assert_eq(load_word(space, r * PAGE + 8), 100 * round + r, "rank %u, round %d", rank,
                         (int)round);
            cr_assert_eq(read_word(f, r * PAGE + 16), 200 * round + r);
        }
        ok(pio_agree(sys, "read", IO_RANKS, true), "read");
    }
    wire_put64(b, 7);
    cr_assert(vm_write(space, AT + (uint64_t)rank * PAGE, b, sizeof b));
    ok(pio_unmap(f, map), "unmap");
    ok(pio_agree(sys, "unmapped", IO_RANKS, true), "unmapped");
    if (caching)
        ok(pio_refresh(f), "refresh");
    for (uint64_t r = 0; r < IO_RANKS && !caching; r++)
        cr_assert_eq(read_word(f, r * PAGE), 7);
    ok(pio_close(f), "close");
}

Test(mapped, files_of_every_system_can_be_mapped)
{
    for (int i = 0; pio_systems.items[i] != NULL; i++)
        for (int c = 0; c < 2; c++) {
            const struct pio_ops *ops = kind_at(&pio_systems, i);
            struct io_world w = { .unit = UNIT };
            if (ops->map != NULL) /* by the stack's own layer, as above */
                continue;
            caching = c > 0;
            io_world_start(&w, ops, NULL, (struct fake_options){ .seed = 1 }, rank_maps);
            while (w.running > 0)
                cr_assert(fake_step(w.f), "%s: a rank never ends", ops->kind.name);
            io_world_stop(&w);
        }
}
