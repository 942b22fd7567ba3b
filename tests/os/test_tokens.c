/* test_tokens.c: caches of several nodes over one file system, with tokens: what their users read
 * and write of shared files is judged location by location; nodes die and come back.
 */
#include "os/file/token.h"

#include "os/file/file_internal.h"
#include "os/registry.h"
#include "tests/os/io_world.h"
#include "tests/os/xk_rig.h"
#include "tests/sample.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 3, SERVER = CLIENTS, NODES, FILES = 2, PLACES = 24, FLIGHT = 8, APART = 104 };
enum { MOST_PIECES = 10 }; /* more than TOKEN_LIST */

/* A write or a read of a place of a file, by one request; a value is written once. */
struct op {
    uint64_t value, start, end, known; /* steps; known: it is in the file by then */
    uint32_t node, life, file, place;
    bool write, stat, ended, failed;
    uint64_t size_min, size_max; /* what it saw of the file's size */
};

struct flight {
    struct file_req r;
    struct world *w;
    uint32_t op, count; /* index; of a list as many places as one behind the other */
    struct file_run runs[MOST_PIECES];
    uint32_t life;
    bool busy;
};

struct client_params { /* as in os/pio/pio_files.c */
    const struct val *files;
    struct file_stack stack;
};
struct server_params { /* as in os/file/server.c */
    const struct val *files;
    struct file_stack stack;
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
    uint32_t life[NODES], booted;
    struct flight f[FLIGHT];
    uint64_t file[FILES];
    struct op *ops;
    uint32_t op_count;
    uint64_t seed, steps, reads, lists, failed;
    bool with_lists; /* some requests have several pieces */
    bool crashes;    /* requests may fail */
    uint64_t base;   /* values up to this are gone */
    bool grows;      /* the files begin empty, and the size is looked at */
};

static uint64_t draw_state;
static uint32_t draw(uint32_t n)
{
    draw_state = draw_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(draw_state >> 33) % n;
}

extern const struct os_service_ops file_client_service;

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
    if (node != SERVER) {
        w->top[node] = file_stack_start(&w->client.stack, &b);
        return;
    }
    (void)file_server_service.start(&w->node[node], &w->services[0], rpc);
    (void)token_server_service.start(&w->node[node], &w->services[1], rpc);
}

static const char world_graph[] =
    "mesh driver; blast blast <mesh; chan chan <blast; rpc select <chan";

/* Nothing runs yet. */
static struct world *world_of(const char *client, const char *server, const struct kind_set *layers)
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
                                .layers = layers,
                                .groups = w->groups,
                                .group_count = 2,
                                .services = w->services,
                                .service_count = 3 };
    w->server.files = io_val(server);
    w->client.files = io_val(client);
    cr_assert(file_client_service.ready(&w->client, &w->boot, "client", &e), "%s", e.text);
    cr_assert(file_server_service.ready(&w->server, &w->boot, "server", &e), "%s", e.text);
    return w;
}

static struct world *world_over(const char *client, const char *server, struct fake_options o)
{
    struct world *w = world_of(client, server, &os_layers);
    w->seed = o.seed;
    o.nodes = NODES;
    o.disks = 1;
    o.disk_sectors = 2000;
    rig_start(&w->r, &o, world_graph, booted, NULL);
    while (w->booted < NODES)
        cr_assert(fake_step(w->r.f));
    return w;
}

static struct world *world_new(const char *client, struct fake_options o)
{
    return world_over(client, "{{layer=lfs, block='2KiB', cache=5, queue=4}}", o);
}

static void world_drop(struct world *w)
{
    file_client_service.drop(&w->client);
    file_server_service.drop(&w->server);
    val_free((struct val *)w->server.files);
    val_free((struct val *)w->client.files);
    free(w->ops);
    free(w);
}

static void world_free(struct world *w)
{
    rig_stop(&w->r);
    world_drop(w);
}

static bool step(struct world *w)
{
    w->steps++;
    return fake_step(w->r.f);
}

/* ---- one request alone ---- */

struct alone {
    struct world *w;
    struct file_req *r;
    uint32_t node;
};
static void submit_alone(struct port *p, void *arg)
{
    const struct alone *a = arg;
    (void)p;
    file_submit(a->w->top[a->node], a->r);
}
static void alone_done(struct file_req *r)
{
    r->arg = NULL;
}
static enum file_status ask(struct world *w, uint32_t node, struct file_req *r)
{
    struct alone a = { w, r, node };
    r->done = alone_done;
    r->arg = r;
    fake_call(w->r.f, node, submit_alone, &a);
    while (r->arg != NULL)
        cr_assert(step(w), "%s never ends", file_op_name(r->op));
    return r->status;
}

static uint64_t make_empty(struct world *w, const char *name)
{
    struct file_req r;
    file_req_init(&r, FILE_CREATE, NULL, NULL);
    r.name = name;
    cr_assert_eq(ask(w, 0, &r), FILE_OK);
    return r.file;
}

static uint64_t make(struct world *w, const char *name)
{
    struct file_req r;
    uint64_t file = make_empty(w, name);
    file_req_init(&r, FILE_WRITE, NULL, NULL); /* later writes change no size */
    r.file = file;
    file_range(&r, 0, PLACES * APART);
    rope_add_zero(&r.data, PLACES * APART);
    cr_assert_eq(ask(w, 0, &r), FILE_OK);
    file_req_init(&r, FILE_HINT, NULL, NULL);
    r.hint = FILE_PROPAGATE;
    r.file = file;
    cr_assert_eq(ask(w, 0, &r), FILE_OK);
    file_req_init(&r, FILE_FLUSH, NULL, NULL);
    r.file = file;
    cr_assert_eq(ask(w, 0, &r), FILE_OK);
    return file;
}

static enum file_status put(struct world *w, uint32_t node, uint64_t file, uint64_t off,
                            uint64_t value)
{
    struct file_req r;
    uint8_t b[8];
    file_req_init(&r, FILE_WRITE, NULL, NULL);
    r.file = file;
    file_range(&r, off, sizeof b);
    wire_put64(b, value);
    rope_add_bytes(&r.data, b, sizeof b);
    return ask(w, node, &r);
}

static uint64_t get(struct world *w, uint32_t node, uint64_t file, uint64_t off)
{
    struct file_req r;
    uint8_t b[8] = { 0 };
    file_req_init(&r, FILE_READ, NULL, NULL);
    r.file = file;
    file_range(&r, off, sizeof b);
    enum file_status s = ask(w, node, &r);
    cr_assert_eq(s, FILE_OK, "%s", file_status_name(s));
    rope_read(&r.data, 0, r.moved, b);
    rope_fini(&r.data);
    return wire_get64(b);
}

/* ---- histories ---- */

static void ended(struct file_req *r)
{
    struct flight *x = r->arg;
    struct world *w = x->w;
    x->busy = false;
    for (uint32_t i = 0; i < x->count; i++) {
        struct op *o = &w->ops[x->op + i];
        uint8_t b[8] = { 0 };
        o->ended = true;
        o->end = w->steps;
        o->failed = r->status != FILE_OK;
        w->failed += o->failed;
        cr_assert(!o->failed || (w->crashes && r->status == FILE_UNREACHABLE), "%s: %s",
                  file_op_name(r->op), file_status_name(r->status));
        if (!o->failed && o->stat) {
            o->size_min = o->size_max = r->attr.size;
        } else if (!o->failed && !o->write) {
            uint64_t off = (uint64_t)o->place * APART;
            cr_assert(r->moved == 8 * (uint64_t)x->count || w->grows);
            o->size_min = r->moved > 0 ? off + r->moved : 0;
            o->size_max = r->moved < 8 ? off + r->moved : UINT64_MAX;
            rope_read(&r->data, 8 * (uint64_t)i, x->count > 1 ? 8 : r->moved, b);
            o->value = wire_get64(b);
            w->reads++;
            w->lists += x->count > 1;
        }
    }
    rope_fini(&r->data);
}

static void submit_random(struct port *p, void *arg)
{
    struct flight *x = arg;
    struct world *w = x->w;
    struct op *o = &w->ops[x->op];
    uint8_t b[8];
    (void)p;
    file_req_init(&x->r, o->write ? FILE_WRITE : o->stat ? FILE_STAT : FILE_READ, ended, x);
    x->r.file = w->file[o->file];
    if (!o->stat)
        file_range(&x->r, (uint64_t)o->place * APART, sizeof b);
    for (uint32_t i = 0; i < x->count && x->count > 1; i++)
        x->runs[i] =
            (struct file_run){ .off = (uint64_t)o[i].place * APART, .len = sizeof b, .count = 1 };
    if (x->count > 1 && o->value % 2 == 0) /* as one run */
        x->runs[0] = (struct file_run){ .off = x->runs[0].off,
                                        .len = sizeof b,
                                        .stride = x->runs[1].off - x->runs[0].off,
                                        .count = x->count };
    if (x->count > 1) {
        x->r.runs = x->runs;
        x->r.run_count = o->value % 2 ? x->count : 1;
    }
    for (uint32_t i = 0; i < x->count && o->write; i++) {
        wire_put64(b, o[i].value);
        rope_add_bytes(&x->r.data, b, sizeof b);
    }
    file_submit(w->top[o->node], &x->r);
}

static void random_op(struct world *w)
{
    struct flight *x = NULL;
    for (int i = 0; i < FLIGHT; i++)
        x = w->f[i].busy ? x : &w->f[i];
    uint32_t node = draw(CLIENTS);
    if (x == NULL || !fake_up(w->r.f, node) || w->top[node] == NULL)
        return;
    w->ops = realloc(w->ops, (w->op_count + MOST_PIECES) * sizeof *w->ops);
    w->ops[w->op_count] = (struct op){ .value = w->base + w->op_count + 1,
                                       .start = w->steps,
                                       .end = UINT64_MAX,
                                       .known = UINT64_MAX,
                                       .node = node,
                                       .life = w->life[node],
                                       .file = draw(FILES),
                                       .place = draw(4) > 0 ? draw(3) : draw(PLACES),
                                       .write = draw(2) == 0 };
    struct op *o = &w->ops[w->op_count];
    o->stat = w->grows && !o->write && draw(3) == 0;
    o->place = w->grows ? draw(PLACES) : o->place;
    x->w = w;
    x->op = w->op_count++;
    x->count = 1;
    uint32_t apart = w->with_lists ? 1 + draw(3) : 0;
    uint32_t pieces = apart > 0 && draw(3) == 0 ? 2 + draw(MOST_PIECES - 1) : 1;
    while (x->count < pieces && !o->stat && (o->write || !w->grows) &&
           o[x->count - 1].place + apart < PLACES) { /* a list, of which each place is judged */
        o[x->count] = *o;
        o[x->count].place = o[x->count - 1].place + apart;
        o[x->count++].value = w->base + ++w->op_count;
    }
    x->life = w->life[node];
    x->busy = true;
    fake_call(w->r.f, node, submit_random, x);
}

/* The node's requests end here, without `done`. */
static void crash(struct world *w, uint32_t node)
{
    fake_crash(w->r.f, node);
    for (int i = 0; i < FLIGHT; i++)
        if (w->f[i].busy && w->ops[w->f[i].op].node == node) {
            w->f[i].busy = false;
            rope_fini(&w->f[i].r.data);
        }
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
        if (o->write || o->stat || !o->ended || o->failed || o->value == 0)
            continue;
        cr_assert(o->value > w->base, "what was cut off is seen again");
        struct op *by = &w->ops[o->value - 1 - w->base];
        cr_assert(o->value <= w->base + w->op_count && by->write && by->file == o->file &&
                      by->place == o->place && by->start <= o->end,
                  "a value that nobody has written: %llu", (unsigned long long)o->value);
        if ((by->node != o->node || by->life != o->life) && by->start >= from && o->end < by->known)
            by->known = o->end;
    }
    for (uint32_t i = 0; i < w->op_count; i++) {
        const struct op *o = &w->ops[i];
        if (o->write || o->stat || !o->ended || o->failed)
            continue;
        uint64_t since = o->value == 0 ? 0 : w->ops[o->value - 1 - w->base].known;
        const struct op *by = o->value == 0 ? NULL : &w->ops[o->value - 1 - w->base];
        if (by != NULL && by->ended && by->end < since)
            since = by->end;
        for (uint32_t k = 0; k < w->op_count; k++) {
            const struct op *n = &w->ops[k];
            if (n->write && n->file == o->file && n->place == o->place && n->known < o->start)
                cr_assert(n->start <= since,
                          "seed %d: node %u reads %llu of place %u, overwritten by node %u: %llu",
                          (int)w->seed, o->node, (unsigned long long)o->value, o->place, n->node,
                          (unsigned long long)n->value);
        }
    }
}

/* Nobody sees a file shorter than a WRITE that had ended, or another look at it, made it, nor
 * longer than any WRITE that had begun. */
static void judge_sizes(const struct world *w)
{
    for (uint32_t i = 0; i < w->op_count; i++) {
        const struct op *o = &w->ops[i];
        uint64_t least = 0, most = 0;
        if (o->write)
            continue;
        for (uint32_t k = 0; k < w->op_count; k++) {
            const struct op *n = &w->ops[k];
            uint64_t end = n->write ? (uint64_t)n->place * APART + 8 : n->size_min;
            if (n->file == o->file && n->end < o->start && end > least)
                least = end;
            if (n->file == o->file && n->write && n->start <= o->end && end > most)
                most = end;
        }
        cr_assert_geq(o->size_max, least, "seed %d: node %u sees %d bytes, %d were there before",
                      (int)w->seed, o->node, (int)o->size_max, (int)least);
        cr_assert_leq(o->size_min, most, "seed %d: node %u sees %d bytes, only %d were written",
                      (int)w->seed, o->node, (int)o->size_min, (int)most);
    }
}

static bool busy(const struct world *w)
{
    for (int i = 0; i < FLIGHT; i++)
        if (w->f[i].busy)
            return true;
    return false;
}

#define CACHE "{layer=cache, bytes='4KiB', block='512B', ahead=2, dirty='1KiB'}"
#define LARGE "{layer=cache, bytes='64KiB', block='1KiB', dirty='64KiB', idle='2ms'}"
#define STACK "{{layer=token}, " CACHE ", {layer=remote}}"
#define RANGE(p) "{layer=token, protocol={policy='range', " p "}}"
static const char *const stacks[] = {
    STACK,
    "{" RANGE("block='512B'") ", " CACHE ", {layer=remote}}",
    "{{layer=token}, " LARGE ", {layer=remote}}",
    "{" RANGE("block='1KiB'") ", " LARGE ", {layer=remote}}",
    "{{layer=token}, {layer=pass}, {layer=remote}}",
    "{" RANGE("block='1B'") ", {layer=pass}, {layer=remote}}",
    "{{layer=token, each=true}, " CACHE ", {layer=remote}}",
    "{" RANGE("block='512B', widen=false") ", " LARGE ", {layer=remote}}", /* half its blocks */
    "{" RANGE("block='100B', widen=false") ", " CACHE ", {layer=remote}}",
};
enum { WHOLE_LARGE = 2, RANGE_LARGE = 3, NO_CACHE = 4 };

static void random_run(struct world *w, uint64_t seed, int turns)
{
    draw_state = seed;
    for (int t = 0; t < turns; t++) {
        random_op(w);
        for (uint32_t k = draw(25); k > 0; k--)
            (void)step(w);
    }
}

/* TOK1, TOK2. */
Test(tokens, what_is_read_is_what_was_written_last)
{
    for (uint64_t n = 0; n < sample("TOKEN_SEEDS", 12); n++) {
        struct world *w = world_new(
            stacks[n % ARRAY_LEN(stacks)],
            (struct fake_options){ .seed = n + 1, .order = n % 4 ? FAKE_RANDOM : FAKE_IN_ORDER });
        for (int i = 0; i < FILES; i++)
            w->file[i] = make(w, i == 0 ? "a" : "b");
        w->with_lists = n % 2 == 1;
        random_run(w, n + 1, 500);
        while (busy(w))
            cr_assert(step(w), "a request never ends");
        judge(w, 0);
        cr_assert_gt(w->reads, 60);
        cr_assert(!w->with_lists || w->lists > 20);
        world_free(w);
    }
}

/* TOK1: sizes; who cuts a file is seen by all. */
Test(tokens, a_file_is_as_long_as_it_was_written_last)
{
    for (uint64_t n = 0; n < sample("TOKEN_SEEDS", 18); n++) {
        struct world *w = world_new(
            stacks[n % ARRAY_LEN(stacks)],
            (struct fake_options){ .seed = n + 1, .order = n % 4 ? FAKE_RANDOM : FAKE_IN_ORDER });
        w->grows = true;
        w->with_lists = n % 2 == 1;
        for (int i = 0; i < FILES; i++)
            w->file[i] = make_empty(w, i == 0 ? "a" : "b");
        for (int round = 0; round < 4; round++) {
            struct file_req r;
            w->base += w->op_count;
            w->op_count = 0;
            random_run(w, 100 * n + (uint64_t)round + 1, 100);
            while (busy(w))
                cr_assert(step(w), "a request never ends");
            judge(w, 0);
            judge_sizes(w);
            for (int i = 0; i < FILES; i++) {
                file_req_init(&r, FILE_SIZE, NULL, NULL);
                r.file = w->file[i];
                cr_assert_eq(ask(w, draw(CLIENTS), &r), FILE_OK);
            }
        }
        world_free(w);
    }
}

/* The node comes back; from where on what it had not flushed counts. */
static uint64_t back(struct world *w, uint32_t node, uint64_t from)
{
    uint32_t life = w->life[node];
    fake_restart(w->r.f, node);
    from = node == SERVER ? w->steps : from;
    while (w->life[node] == life)
        cr_assert(step(w));
    return from;
}

/* TOK4, TOK5: and nothing hangs, where frames are lost, too; nodes die together, and again as the
 * server hears what they have. */
Test(tokens, nodes_may_die_at_any_step)
{
    for (uint64_t n = 0; n < sample("TOKEN_SEEDS", 24); n++) {
        struct world *w =
            world_new(stacks[n % ARRAY_LEN(stacks)],
                      (struct fake_options){ .seed = n + 1,
                                             .order = n % 3 ? FAKE_IN_ORDER : FAKE_RANDOM,
                                             .lossy = n % 4 >= 2,
                                             .drop_ppm = 20000,
                                             .duplicate_ppm = 10000,
                                             .detect_delay = SIM_MS });
        bool server = n % 2 == 1;
        uint64_t from = 0;
        for (int i = 0; i < FILES; i++)
            w->file[i] = make(w, i == 0 ? "a" : "b");
        w->crashes = true;
        w->with_lists = n >= 12 && n % 3 == 0;
        for (int round = 0; round < 4; round++) {
            uint32_t node = server && round % 2 == 0 ? SERVER : draw(CLIENTS);
            uint32_t other = node == SERVER ? draw(CLIENTS) : SERVER;
            bool both = n % 5 == 1 && round > 0;
            random_run(w, 100 * n + (uint64_t)round, 100);
            crash(w, node);
            random_run(w, 100 * n + (uint64_t)round + 50, (int)draw(60));
            if (both)
                crash(w, other);
            fake_run_until(w->r.f, fake_now(w->r.f) + (sim_time)draw(3) * SIM_MS);
            from = back(w, node, from);
            if (both)
                from = back(w, other, from);
            if (n % 5 == 3) { /* as what it has to hear is told */
                random_run(w, 100 * n + (uint64_t)round + 70, (int)draw(4));
                crash(w, SERVER);
                from = back(w, SERVER, from);
            }
        }
        fake_run_until(w->r.f, fake_now(w->r.f) + SIM_SEC);
        random_run(w, n + 7, 100);
        for (uint64_t k = 0; busy(w); k++)
            cr_assert(step(w) && k < 100000, "a request never ends");
        judge(w, from);
        world_free(w);
    }
}

static uint64_t count(const struct world *w, uint32_t node, const char *name)
{
    return fake_count(w->r.f, node, name);
}

/* Who has the token asks nobody; who reads leaves the writer its right to read. */
Test(tokens, a_token_is_kept_until_it_is_recalled)
{
    struct world *w = world_new(stacks[WHOLE_LARGE], (struct fake_options){ .seed = 1 });
    uint64_t f = make(w, "a");
    for (uint64_t i = 1; i <= 10; i++) {
        cr_assert_eq(put(w, 1, f, 8 * i, i), FILE_OK);
        cr_assert_eq(get(w, 1, f, 8 * i), i);
    }
    cr_assert_eq(count(w, 1, "token.grants"), 1);
    cr_assert_eq(get(w, 2, f, 80), 10);
    uint64_t hits = count(w, 1, "cache.hits");
    for (uint64_t i = 1; i <= 10; i++)
        cr_assert_eq(get(w, 1 + i % 2, f, 8 * i), i);
    cr_assert_eq(count(w, 1, "token.grants"), 1);
    cr_assert_eq(count(w, 1, "token.recalls"), 1);
    cr_assert_eq(count(w, 2, "token.grants"), 1);
    cr_assert_eq(count(w, 1, "cache.hits"), hits + 5);
    cr_assert_eq(put(w, 2, f, 8, 77), FILE_OK);
    cr_assert_eq(get(w, 1, f, 8), 77);
    cr_assert_eq(count(w, SERVER, "token_server.recalls"), 4); /* the maker's is one */
    world_free(w);
}

/* TOK5: what waits in a cache outlives the server's crash, and others see it. */
Test(tokens, what_was_written_outlives_a_crash_of_the_server)
{
    for (int known = 0; known < 2; known++) {
        struct world *w = world_new(stacks[WHOLE_LARGE],
                                    (struct fake_options){ .seed = 1, .detect_delay = SIM_MS });
        uint64_t f = make(w, "a"), g = make(w, "b");
        cr_assert_eq(get(w, 2, g, 0), 0);
        cr_assert_eq(put(w, 1, f, 8, 5), FILE_OK);
        fake_crash(w->r.f, SERVER);
        if (known > 0)
            fake_run_until(w->r.f, fake_now(w->r.f) + SIM_MS + SIM_MS / 2);
        fake_restart(w->r.f, SERVER);
        fake_run_until(w->r.f, fake_now(w->r.f) + 50 * SIM_MS);
        cr_assert_eq(count(w, SERVER, "token_server.kept"), 1);
        cr_assert_eq(get(w, 2, f, 8), 5);
        cr_assert_eq(get(w, 1, f, 8), 5);
        cr_assert_eq(put(w, 1, g, 0, 6), FILE_OK);
        cr_assert_eq(get(w, 2, g, 0), 6);
        world_free(w);
    }
}

/* TOK4: others go on; what nobody had propagated is told as lost. */
Test(tokens, the_token_of_a_dead_node_is_free)
{
    struct world *w =
        world_new(stacks[WHOLE_LARGE], (struct fake_options){ .seed = 1, .detect_delay = SIM_MS });
    uint64_t f = make(w, "a"), remarks = fake_counts(w->r.f)->remarks;
    cr_assert_eq(put(w, 1, f, 8, 5), FILE_OK);
    cr_assert_eq(put(w, 1, f, 12, 6), FILE_OK);
    cr_assert_eq(count(w, 1, "cache.lost_bytes"), 0);
    fake_crash(w->r.f, 1);
    cr_assert_eq(count(w, 1, "cache.lost_bytes"), 12);
    cr_assert_eq(get(w, 2, f, 8), 0);
    cr_assert_eq(count(w, SERVER, "token_server.freed"), 1);
    cr_assert_eq(count(w, SERVER, "token_server.lost_most"), PLACES * APART, "all that it had");
    cr_assert_eq(fake_counts(w->r.f)->remarks, remarks + 1);
    world_free(w);
}

/* TOK6, and a server that never comes back: requests end. */
Test(tokens, a_server_that_is_gone_is_told)
{
    struct world *w =
        world_new(stacks[0], (struct fake_options){ .seed = 1, .detect_delay = SIM_MS });
    uint64_t f = make(w, "a");
    struct file_req r;
    cr_assert_eq(put(w, 1, f, 8, 5), FILE_OK);
    fake_crash(w->r.f, SERVER);
    cr_assert_eq(put(w, 2, f, 8, 5), FILE_UNREACHABLE);
    fake_run_until(w->r.f, fake_now(w->r.f) + 10 * SIM_MS);
    cr_assert_eq(put(w, 1, f, 8, 6), FILE_UNREACHABLE);
    file_req_init(&r, FILE_FLUSH, NULL, NULL);
    r.file = f;
    cr_assert_eq(ask(w, 1, &r), FILE_UNREACHABLE);
    world_free(w);
}

/* TOK5: nothing ends for a life of the server that was over before the node came up. */
Test(tokens, a_node_that_comes_up_asks_the_life_that_there_is)
{
    struct world *w =
        world_new(stacks[0], (struct fake_options){ .seed = 1, .detect_delay = SIM_MS });
    uint64_t f = make(w, "a");
    for (uint32_t lives = 0; lives < 3; lives++) {
        fake_crash(w->r.f, SERVER);
        fake_run_until(w->r.f, fake_now(w->r.f) + 10 * SIM_MS);
        (void)back(w, SERVER, 0);
        fake_crash(w->r.f, 2);
        (void)back(w, 2, 0);
        cr_assert_eq(put(w, 2, f, 8, lives), FILE_OK);
    }
    fake_crash(w->r.f, 2);
    (void)back(w, 2, 0);
    fake_crash(w->r.f, SERVER);
    cr_assert_eq(put(w, 2, f, 8, 5), FILE_UNREACHABLE);
    world_free(w);
}

/* No matter of tokens: a server's cache knows of each node's reads which open file they are of. */
Test(tokens, a_server_reads_ahead_for_each_that_has_a_file_open)
{
    for (int by_open = 0; by_open < 2; by_open++) {
        char server[200];
        (void)snprintf(server, sizeof server,
                       "{{layer=cache, bytes='64KiB', block='1KiB', ahead=4, read_ahead={policy="
                       "sequential, by_open=%s}}, {layer=lfs, block='2KiB', cache=5, queue=4}}",
                       by_open ? "true" : "false");
        struct world *w =
            world_over("{{layer=remote}}", server, (struct fake_options){ .seed = 1 });
        uint64_t f = make_empty(w, "a"), size = 40 << 10;
        struct file_req r;
        file_req_init(&r, FILE_WRITE, NULL, NULL);
        r.file = f;
        file_range(&r, 0, size);
        rope_add_pattern(&r.data, 1, 0, size);
        cr_assert_eq(ask(w, 0, &r), FILE_OK);
        file_req_init(&r, FILE_HINT, NULL, NULL);
        r.hint = FILE_FORGET;
        r.file = f;
        cr_assert_eq(ask(w, 0, &r), FILE_OK);
        double before = (double)count(w, SERVER, "cache.misses");
        for (uint64_t i = 0; i < 10; i++)
            for (uint32_t k = 0; k < 4; k++) { /* two of each of two nodes, in turn */
                file_req_init(&r, FILE_READ, NULL, NULL);
                r.file = f;
                r.stream = 1 + k / 2;
                file_range(&r, (k * 10 + i) << 10, 1 << 10);
                cr_assert_eq(ask(w, k % 2, &r), FILE_OK);
                rope_fini(&r.data);
                fake_run_until(w->r.f, fake_now(w->r.f) + SIM_SEC);
            }
        double misses = (double)count(w, SERVER, "cache.misses") - before;
        cr_assert(by_open ? misses <= 8 : misses > 30, "%.0f misses", misses);
        world_free(w);
    }
}

/* Who work on parts of a file come to have these, and ask no more; but for the end of the file. */
Test(tokens, parts_of_a_file_are_of_different_nodes)
{
    struct world *w = world_new(stacks[RANGE_LARGE], (struct fake_options){ .seed = 1 });
    uint64_t f = make(w, "a");
    for (uint64_t i = 1; i <= 10; i++) {
        cr_assert_eq(put(w, 1, f, 8 * i, i), FILE_OK);
        cr_assert_eq(put(w, 2, f, 2048 + 8 * i, 100 + i), FILE_OK);
        cr_assert_eq(get(w, 1, f, 8 * i), i);
        cr_assert_eq(get(w, 2, f, 2048 + 8 * i), 100 + i);
    }
    cr_assert_eq(count(w, 1, "token.grants"), 1);
    cr_assert_eq(count(w, 2, "token.grants"), 1);
    cr_assert_eq(count(w, 1, "token.recalls"), 1, "what is behind its part");
    cr_assert_eq(count(w, 2, "token.recalls"), 0);
    cr_assert_eq(count(w, 1, "cache.written") + count(w, 2, "cache.written"), 0);
    cr_assert_eq(get(w, 2, f, 16), 2);
    cr_assert_eq(get(w, 2, f, 2048 + 80), 110, "its own stays");
    cr_assert_eq(count(w, 2, "token.recalls"), 0);
    cr_assert_eq(put(w, 0, f, 1200, 7), FILE_OK); /* between them */
    cr_assert_eq(get(w, 1, f, 80), 10);
    cr_assert_eq(get(w, 2, f, 2048 + 8), 101);
    cr_assert_eq(count(w, 2, "token.grants"), 2);
    world_free(w);
}

/* Every third block of a file, as one list. */
static void every_third(struct world *w, uint32_t node, uint64_t file, uint64_t first,
                        uint64_t many)
{
    struct file_run run = { .off = 512 * first, .len = 512, .stride = 1536, .count = many };
    struct file_req r;
    file_req_init(&r, FILE_WRITE, NULL, NULL);
    r.file = file;
    r.runs = &run;
    r.run_count = 1;
    rope_add_zero(&r.data, 512 * many);
    cr_assert_eq(ask(w, node, &r), FILE_OK);
}

/* Nodes that interleave blocks in lists share none of them, in whatever order they come. */
Test(tokens, a_list_is_not_what_it_spans)
{
    for (uint64_t many = 2; many <= 12; many += 2) {
        struct world *w = world_new(stacks[1], (struct fake_options){ .seed = 1 });
        uint64_t f = make_empty(w, "a"), recalls = 0, grants = 0, lists = 24 / many;
        struct file_req r;
        file_req_init(&r, FILE_SIZE, NULL, NULL);
        r.file = f;
        r.size = 72 * 512;
        cr_assert_eq(ask(w, 0, &r), FILE_OK);
        for (int round = 0; round < 5; round++) {
            if (round == 2) { /* each has had its blocks */
                recalls = count(w, SERVER, "token_server.recalls");
                grants = count(w, SERVER, "token_server.grants");
            }
            for (uint64_t i = 0; i < lists; i++)
                for (uint32_t node = 0; node < CLIENTS; node++)
                    every_third(w, node, f, 3 * many * ((i + node) % lists) + node, many);
        }
        recalls = count(w, SERVER, "token_server.recalls") - recalls;
        grants = count(w, SERVER, "token_server.grants") - grants;
        if (many <= TOKEN_LIST)
            cr_assert(recalls == 0 && grants == 0, "%d blocks: %d recalls, %d grants", (int)many,
                      (int)recalls, (int)grants);
        else
            cr_assert_geq(recalls, 6, "the span goes to and fro: %d", (int)recalls);
        world_free(w);
    }
    for (int lists = 0; lists < 2; lists++) {
        struct world *w = world_new(stacks[1], (struct fake_options){ .seed = 1 });
        uint64_t f = make_empty(w, "a");
        struct file_req r;
        file_req_init(&r, FILE_SIZE, NULL, NULL);
        r.file = f;
        r.size = 72 * 512;
        cr_assert_eq(ask(w, 1, &r), FILE_OK);
        file_req_init(&r, FILE_STAT, NULL, NULL); /* the server hears how long it is */
        r.file = f;
        cr_assert_eq(ask(w, 2, &r), FILE_OK);
        if (lists == 0) { /* one piece: it gives all behind it, which nobody takes */
            cr_assert_eq(put(w, 1, f, 0, 1), FILE_OK);
            every_third(w, 2, f, 11, 3);
            every_third(w, 0, f, 10, 3);
            cr_assert_eq(count(w, 2, "token.recalls"), 0, "the gaps are left");
        } else {
            every_third(w, 1, f, 0, 3);
            every_third(w, 1, f, 10, 3);
            cr_assert_eq(count(w, 1, "token.grants"), 1, "who is alone has all at once");
            every_third(w, 1, f, 0, 3);
            every_third(w, 2, f, 11, 3);
            every_third(w, 1, f, 19, 3);
            cr_assert_eq(count(w, 1, "token.grants"), 1, "and gives what is asked for alone");
        }
        world_free(w);
    }
}

/* A set of bytes beside it. */
Test(tokens, ranges_of_a_list_are_rising_and_apart)
{
    enum { BYTES = 48 };
    draw_state = 5;
    for (int n = 0; n < 2000; n++) {
        struct token_ranges x = { .count = 0 };
        bool has[BYTES + 1] = { false };
        for (int k = 0; k < 14; k++) {
            bool then[BYTES + 1], next[BYTES + 1] = { false };
            uint64_t lo = draw(BYTES), hi = lo + draw(draw(2) ? 3 : 12), pieces = 0;
            hi = hi > BYTES ? BYTES : hi;
            memcpy(then, has, sizeof then);
            for (uint64_t i = lo; i < hi; i++)
                then[i] = true;
            for (uint32_t i = 0; i < BYTES; i++)
                pieces += then[i] && (i == 0 || !then[i - 1]);
            bool fits = token_ranges_add(&x, (struct token_range){ lo, hi });
            cr_assert_eq(fits, pieces <= TOKEN_LIST);
            if (fits)
                memcpy(has, then, sizeof has);
            for (uint32_t i = 0; i < x.count; i++) {
                cr_assert(x.at[i].lo < x.at[i].hi && (i == 0 || x.at[i - 1].hi < x.at[i].lo));
                for (uint64_t j = x.at[i].lo; j < x.at[i].hi; j++)
                    next[j] = true;
            }
            cr_assert(memcmp(next, has, sizeof has) == 0);
        }
    }
}

/* TOK1: a cache read where the file ended, and did not hear that it goes on. */
Test(tokens, an_end_that_was_none_any_more_is_looked_for_again)
{
    struct world *w = world_new(
        "{" RANGE(
            "block='512B', widen=false") ", {layer=cache, read_ahead='none'}, {layer=remote}}",
        (struct fake_options){ .seed = 1 });
    uint64_t f = make_empty(w, "a");
    struct file_req r;
    cr_assert_eq(put(w, 0, f, 0, 5), FILE_OK);
    cr_assert_eq(get(w, 1, f, 0), 5);
    cr_assert_eq(put(w, 2, f, 20000, 6), FILE_OK);
    file_req_init(&r, FILE_HINT, NULL, NULL);
    r.hint = FILE_FORGET;
    r.file = f;
    cr_assert_eq(ask(w, 1, &r), FILE_OK);
    cr_assert_eq(get(w, 1, f, 0), 5);     /* below it ends there still */
    cr_assert_eq(get(w, 0, f, 20000), 6); /* now no more */
    cr_assert_eq(put(w, 2, f, 8192, 7), FILE_OK);
    cr_assert_eq(get(w, 1, f, 8192), 7);
    file_req_init(&r, FILE_READ, NULL, NULL);
    r.file = f;
    file_range(&r, 100, 8);
    cr_assert_eq(ask(w, 1, &r), FILE_OK);
    cr_assert_eq(r.moved, 8);
    rope_fini(&r.data);
    world_free(w);
}

/* TOK5: ranges are told again, and what others made of the size is not forgotten. */
Test(tokens, ranges_outlive_a_crash_of_the_server)
{
    struct world *w =
        world_new("{" RANGE("block='1KiB'") ", {layer=cache, block='1KiB'}, {layer=remote}}",
                  (struct fake_options){ .seed = 1, .detect_delay = SIM_MS });
    uint64_t f = make(w, "a");
    struct file_req r;
    cr_assert_eq(put(w, 1, f, 8, 5), FILE_OK);
    cr_assert_eq(put(w, 2, f, 8192, 6), FILE_OK);
    cr_assert_eq(put(w, 1, f, 0, 7), FILE_OK);
    fake_crash(w->r.f, SERVER);
    fake_restart(w->r.f, SERVER);
    fake_run_until(w->r.f, fake_now(w->r.f) + 50 * SIM_MS);
    cr_assert_eq(count(w, SERVER, "token_server.kept"), 2);
    file_req_init(&r, FILE_STAT, NULL, NULL);
    r.file = f;
    cr_assert_eq(ask(w, 0, &r), FILE_OK);
    cr_assert_eq(r.attr.size, 8200);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        cr_assert_eq(get(w, i, f, 8), 5);
        cr_assert_eq(get(w, i, f, 0), 7);
        cr_assert_eq(get(w, i, f, 8192), 6);
    }
    world_free(w);
}

/* TOK4: what is lost is named: the ranges that a node had for writing. */
Test(tokens, a_dead_node_loses_no_more_than_its_ranges)
{
    struct world *w =
        world_new(stacks[RANGE_LARGE], (struct fake_options){ .seed = 1, .detect_delay = SIM_MS });
    uint64_t f = make(w, "a");
    cr_assert_eq(put(w, 1, f, 8, 5), FILE_OK);
    cr_assert_eq(put(w, 2, f, 1024, 6), FILE_OK);
    cr_assert_eq(put(w, 0, f, 2048, 7), FILE_OK);
    fake_crash(w->r.f, 2);
    cr_assert_eq(count(w, 2, "cache.lost_bytes"), 8);
    cr_assert_eq(get(w, 1, f, 1024), 0, "nobody else has it");
    cr_assert_eq(get(w, 0, f, 8), 5);
    cr_assert_eq(get(w, 1, f, 2048), 7);
    cr_assert_eq(count(w, SERVER, "token_server.lost_most"), 1024);
    fake_crash(w->r.f, 0);
    cr_assert_eq(count(w, 0, "cache.lost_bytes"), 0, "what it wrote is below");
    world_free(w);
}

struct late {
    struct alone a;
    struct file_req r;
    bool ended;
};
static void late_done(struct file_req *r)
{
    struct late *x = r->arg;
    x->ended = true;
}
static void start(struct world *w, uint32_t node, uint64_t file, enum file_op op, struct late *x)
{
    uint8_t b[8];
    *x = (struct late){ .a = { w, &x->r, node } };
    file_req_init(&x->r, op, late_done, x);
    x->r.file = file;
    file_range(&x->r, 8, sizeof b);
    wire_put64(b, 9);
    if (op == FILE_WRITE)
        rope_add_bytes(&x->r.data, b, sizeof b);
    fake_call(w->r.f, node, submit_alone, &x->a);
}

/* TOK3: who reads does not overtake who waits to write. */
Test(tokens, the_queue_is_fair)
{
    struct world *w = world_new(stacks[WHOLE_LARGE], (struct fake_options){ .seed = 1 });
    uint64_t f = make(w, "a");
    struct late write, read;
    uint8_t b[8];
    cr_assert_eq(get(w, 2, f, 8), 0);
    start(w, 1, f, FILE_WRITE, &write);
    while (count(w, SERVER, "token_server.waits") < 2)
        cr_assert(step(w));
    cr_assert_not(write.ended);
    start(w, 2, f, FILE_READ, &read); /* its token is recalled, or about to be */
    while (!read.ended)
        cr_assert(step(w));
    rope_fini(&read.r.data);
    while (!write.ended)
        cr_assert(step(w));
    cr_assert_eq(get(w, 2, f, 8), 9);
    cr_assert_eq(get(w, 1, f, 8), 9);
    uint64_t waited = count(w, SERVER, "token_server.waits");
    start(w, 1, f, FILE_WRITE, &write); /* node 2 has it for reading, */
    while (count(w, SERVER, "token_server.waits") == waited)
        cr_assert(step(w));           /* is asked for it, */
    start(w, 0, f, FILE_READ, &read); /* and a third comes */
    while (!read.ended)
        cr_assert(step(w));
    cr_assert(write.ended, "a reader overtakes a writer that waits");
    rope_read(&read.r.data, 0, 8, b);
    cr_assert_eq(wire_get64(b), 9);
    rope_fini(&read.r.data);
    world_free(w);
}

/* TOK6. */
Test(tokens, what_could_not_be_propagated_is_told_once)
{
    struct world *w =
        world_new(stacks[WHOLE_LARGE], (struct fake_options){ .seed = 1, .detect_delay = SIM_MS });
    uint64_t f = make(w, "a");
    struct late read;
    struct file_req r;
    cr_assert_eq(put(w, 1, f, 8, 5), FILE_OK);
    start(w, 2, f, FILE_READ, &read);
    while (count(w, 1, "token.recalls") == 0)
        cr_assert(step(w));
    fake_crash(w->r.f, SERVER);
    fake_run_until(w->r.f, fake_now(w->r.f) + 5 * SIM_MS);
    cr_assert(read.ended && read.r.status == FILE_UNREACHABLE);
    fake_restart(w->r.f, SERVER);
    fake_run_until(w->r.f, fake_now(w->r.f) + 50 * SIM_MS);
    cr_assert_eq(count(w, 1, "token.lost"), 1);
    for (int again = 0; again < 2; again++) {
        file_req_init(&r, FILE_FLUSH, NULL, NULL);
        r.file = f;
        cr_assert_eq(ask(w, 1, &r), again ? FILE_OK : FILE_UNREACHABLE);
    }
    cr_assert_eq(get(w, 1, f, 8), 0);
    world_free(w);
}

static bool from_node_1(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    (void)arg, (void)dst, (void)frame;
    return src != 1;
}

Test(tokens, a_server_that_never_answers_is_told)
{
    struct world *w = world_new(stacks[0], (struct fake_options){ .seed = 1, .lossy = true });
    uint64_t f = make(w, "a");
    fake_on_frame(w->r.f, from_node_1, NULL);
    cr_assert_eq(put(w, 1, f, 8, 5), FILE_UNREACHABLE);
    world_free(w);
}

/* TOK8: who has the token cannot be heard, and the server lives. */
Test(tokens, who_waits_for_too_long_is_told)
{
    struct world *w = world_new("{{layer=token, timeout='5ms'}, " LARGE ", {layer=remote}}",
                                (struct fake_options){ .seed = 1, .lossy = true });
    uint64_t f = make(w, "a");
    struct late read;
    cr_assert_eq(put(w, 1, f, 8, 5), FILE_OK);
    fake_on_frame(w->r.f, from_node_1, NULL);
    sim_time since = fake_now(w->r.f);
    start(w, 2, f, FILE_READ, &read);
    while (!read.ended)
        cr_assert(step(w));
    cr_assert_eq(read.r.status, FILE_UNREACHABLE);
    cr_assert_geq(fake_now(w->r.f), since + 5 * SIM_MS);
    cr_assert_lt(fake_now(w->r.f), since + 8 * SIM_MS);
    cr_assert_eq(count(w, 2, "token.late"), 1);
    fake_on_frame(w->r.f, NULL, NULL);
    fake_run_until(w->r.f, fake_now(w->r.f) + 30 * SIM_SEC);
    cr_assert_eq(get(w, 2, f, 8), 5);
    world_free(w);
}

/* TOK5: nobody gets what a node has that has not said so yet. */
Test(tokens, a_server_that_is_back_waits_for_all)
{
    struct world *w =
        world_new(stacks[WHOLE_LARGE],
                  (struct fake_options){ .seed = 1, .lossy = true, .detect_delay = SIM_MS });
    uint64_t f = make(w, "a");
    struct late read;
    uint8_t b[8];
    cr_assert_eq(put(w, 1, f, 8, 5), FILE_OK);
    fake_crash(w->r.f, SERVER);
    fake_run_until(w->r.f, fake_now(w->r.f) + SIM_MS + SIM_MS / 2);
    fake_on_frame(w->r.f, from_node_1, NULL);
    fake_restart(w->r.f, SERVER);
    fake_run_until(w->r.f, fake_now(w->r.f) + 3 * SIM_MS);
    start(w, 2, f, FILE_READ, &read);
    fake_run_until(w->r.f, fake_now(w->r.f) + 20 * SIM_MS);
    cr_assert_not(read.ended, "granted beside node 1, which has not been heard");
    fake_on_frame(w->r.f, NULL, NULL);
    while (!read.ended)
        cr_assert(step(w));
    cr_assert_eq(read.r.status, FILE_OK);
    rope_read(&read.r.data, 0, sizeof b, b);
    rope_fini(&read.r.data);
    cr_assert_eq(wire_get64(b), 5);
    world_free(w);
}

/* TOK2: what is under way has ended before the token goes, also where it needs several calls. */
Test(tokens, a_long_request_is_seen_whole)
{
    enum { LONG = 100000 };
    struct world *w = world_new(stacks[NO_CACHE], (struct fake_options){ .seed = 1, .mtu = 512 });
    static uint8_t bytes[LONG];
    uint64_t f = make(w, "a");
    struct late write = { .a = { w, &write.r, 1 } }, read = { .a = { w, &read.r, 2 } };
    for (int value = 0; value < 2; value++) {
        memset(bytes, value, LONG);
        file_req_init(&write.r, FILE_WRITE, late_done, &write);
        write.r.file = f;
        file_range(&write.r, 0, LONG);
        rope_add_bytes(&write.r.data, bytes, LONG);
        write.ended = false;
        fake_call(w->r.f, 1, submit_alone, &write.a);
        for (int k = 0; value == 0 ? !write.ended : k < 60; k++)
            cr_assert(step(w));
    }
    cr_assert_not(write.ended);
    file_req_init(&read.r, FILE_READ, late_done, &read);
    read.r.file = f; /* its two ends */
    read.r.one = (struct file_run){ .len = 8, .stride = LONG - 8, .count = 2 };
    fake_call(w->r.f, 2, submit_alone, &read.a);
    while (!read.ended || !write.ended)
        cr_assert(step(w));
    cr_assert_eq(read.r.moved, 16);
    rope_read(&read.r.data, 0, 16, bytes);
    rope_fini(&read.r.data);
    for (int i = 0; i < 16; i++)
        cr_assert_eq(bytes[i], bytes[0], "a part of the write");
    world_free(w);
}

Test(tokens, a_mistake_in_a_stack_is_one_sentence)
{
    static const struct {
        const char *client, *says;
    } wrong[] = {
        { "{{layer=token, rank=7}, {layer=remote}}", "no node 7 in a group \"io\"" },
        { "{{layer=token, group='compute'}, {layer=remote}}", "serves no tokens" },
        { "{{layer=token}, {layer=token}, {layer=remote}}", "\"token\" 2 times" },
    };
    struct world *w = world_new(STACK, (struct fake_options){ .seed = 1 });
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct err e = ERR_INIT;
        struct client_params p = { .files = io_val(wrong[i].client) };
        struct os_service *s = &w->services[2];
        s->params = &p;
        cr_assert_not(s->ops->ready(&p, &w->boot, "at", &e));
        cr_assert_not_null(strstr(e.text, wrong[i].says), "'%s' does not say '%s'", e.text,
                           wrong[i].says);
        s->ops->drop(&p);
        val_free((struct val *)p.files);
        s->params = &w->client;
    }
    world_free(w);
}

/* ---- all orders of a small case ---- */

/* A file of a few bytes in the memory of the server's node. */
enum { SMALL = 12, SMALL_OPS = 4 };
struct small_file {
    struct file_sys sys; /* first */
    uint8_t bytes[SMALL];
    uint64_t size;
    struct port_timer timer;
    struct file_req *ended[8];
    uint32_t count;
};

static void small_tick(struct port_timer *t)
{
    struct small_file *s = t->arg;
    struct file_req *all[8];
    uint32_t n = s->count;
    memcpy(all, s->ended, sizeof all);
    s->count = 0;
    for (uint32_t i = 0; i < n; i++)
        all[i]->done(all[i]);
}

static void small_submit(struct file_sys *sys, struct file_req *r)
{
    struct small_file *s = CONTAINER_OF(sys, struct small_file, sys);
    uint64_t off = r->runs->off, n = file_bytes(r);
    file_req_begin(r);
    r->status = FILE_OK;
    if (r->op == FILE_WRITE) {
        for (uint32_t i = 0; i < r->run_count; i++) {
            const struct file_run *x = &r->runs[i];
            cr_assert(x->count == 1 && x->off + x->len <= SMALL);
            rope_take_front(&r->data, x->len, s->bytes + x->off);
            s->size = x->off + x->len > s->size ? x->off + x->len : s->size;
            r->moved += x->len;
        }
    } else if (r->op == FILE_READ && off < s->size) {
        n = off + n < s->size ? n : s->size - off;
        rope_add_bytes(&r->data, s->bytes + off, n);
        r->moved = n;
    } else if (r->op == FILE_STAT) {
        r->attr.size = s->size;
    }
    cr_assert_lt(s->count, 8);
    s->ended[s->count++] = r;
    if (!port_timer_pending(&s->timer))
        port_timer_set(&s->timer, 0);
}

extern const struct file_ops small_layer;

static struct file_sys *small_start(const struct file_boot *b, const void *params,
                                    struct file_sys *below)
{
    struct small_file *s = port_alloc(b->node->port, sizeof *s);
    (void)params, (void)below;
    s->sys = (struct file_sys){ .ops = &small_layer, .port = b->node->port };
    port_timer_init(b->node->port, &s->timer, small_tick, s);
    return &s->sys;
}

const struct file_ops small_layer = {
    .kind = { .name = "small", .doc = "A file of a few bytes." },
    .bottom = true,
    .start = small_start,
    .submit = small_submit,
};

/* Each of two nodes writes some of the file, then reads all; what they overlap in is written by
 * both. */
static struct small {
    struct world *w;
    struct small_op {
        struct file_req r;
        uint64_t start, end;
        uint8_t got[SMALL];
        uint64_t len;
    } op[SMALL_OPS]; /* node i: its write 2 i, its read 2 i + 1 */
    uint64_t now, bad;
    uint32_t left;
    struct xk_graph *graph;
} small;

static void small_ended(struct file_req *r)
{
    struct small_op *o = r->arg;
    size_t k = (size_t)(o - small.op);
    o->end = ++small.now;
    small.left--;
    cr_assert_eq(r->status, FILE_OK);
    o->len = r->moved;
    if (k % 2 == 1)
        rope_read(&r->data, 0, r->moved, o->got);
    rope_fini(&r->data);
    if (k % 2 == 1)
        return;
    struct small_op *next = o + 1;
    file_req_init(&next->r, FILE_READ, small_ended, next);
    next->r.file = 2;
    file_range(&next->r, 0, SMALL);
    next->start = ++small.now;
    file_submit(small.w->top[k / 2], &next->r);
}

static void small_booted(struct rig *r, uint32_t node, struct port *p)
{
    booted(r, node, p);
    if (node > 1)
        return;
    struct small_op *o = &small.op[2 * (size_t)node];
    uint8_t b[8];
    memset(b, (int)node + 1, sizeof b);
    file_req_init(&o->r, FILE_WRITE, small_ended, o);
    o->r.file = 2;
    file_range(&o->r, 4 * node, sizeof b);
    rope_add_bytes(&o->r.data, b, sizeof b);
    o->start = ++small.now;
    file_submit(small.w->top[node], &o->r);
}

/* Some order of the four, that keeps to their times, explains what was read. */
static bool explained(uint32_t done, const uint8_t *bytes, uint64_t size)
{
    if (done == (1u << SMALL_OPS) - 1)
        return true;
    for (uint32_t k = 0; k < SMALL_OPS; k++) {
        const struct small_op *o = &small.op[k];
        bool may = !(done & 1u << k);
        for (uint32_t i = 0; i < SMALL_OPS; i++)
            may &= (done & 1u << i) != 0 || small.op[i].end > o->start;
        if (!may)
            continue;
        uint8_t then[SMALL];
        uint64_t end = size;
        memcpy(then, bytes, SMALL);
        if (k % 2 == 0) {
            memset(then + 2 * k, (int)k / 2 + 1, 8);
            end = 2 * k + 8 > size ? 2 * k + 8 : size;
        } else if (o->len != size || memcmp(o->got, bytes, size) != 0) {
            continue;
        }
        if (explained(done | 1u << k, then, end))
            return true;
    }
    return false;
}

/* Of a run that was given up requests have not ended. */
static void small_clear(void)
{
    for (uint32_t i = 0; i < SMALL_OPS; i++)
        rope_fini(&small.op[i].r.data);
    memset(small.op, 0, sizeof small.op);
}

static void small_set_up(struct fake *f, void *arg)
{
    (void)arg;
    small_clear();
    small.now = 0;
    small.left = SMALL_OPS;
    small.w->booted = 0;
    rig_boot_all(&small.w->r, f, small.graph, NODES, small_booted, NULL);
}

static bool small_check(struct fake *f, void *arg)
{
    (void)f, (void)arg;
    static const uint8_t none[SMALL];
    bool good = small.left == 0 && explained(0, none, 0);
    small.bad += !good;
    return good;
}

/* TOK1, TOK2, TOK7: as many orders as there is time for. */
Test(tokens, orders_of_two_writes_that_overlap_and_reads)
{
    static const char *const tokens[] = {
        "{{layer=token}, {layer=remote}}",
        "{{layer=token}, {layer=cache, bytes='1KiB', block='64B', ahead=0}, {layer=remote}}",
        "{" RANGE("block='4B'") ", {layer=remote}}",
        "{" RANGE("block='4B'") ", {layer=cache, bytes='1KiB', block='64B'}, {layer=remote}}",
        "{" RANGE("block='8B', widen=false") ", {layer=remote}}",
    };
    static const struct kind *const layers[] = { NULL, NULL, NULL, &small_layer.kind, NULL };
    const struct kind *items[ARRAY_LEN(layers)];
    memcpy(items, layers, sizeof items);
    static const char *const names[] = { "token", "cache", "remote" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        items[i] = kind_find(&os_layers, names[i]);
    const struct kind_set set = { "layer", "files", items };
    uint64_t orders = 0, most = sample("TOKEN_ORDERS", 6000);
    small.graph = rig_graph(world_graph);
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        small.w = world_of(tokens[i], "{{layer=small}}", &set);
        struct fake_explore x = { .options = { .nodes = NODES, .explore_reduced = true },
                                  .setup = small_set_up,
                                  .check = small_check,
                                  .orders_max = most,
                                  .steps_max = 4000 };
        fake_explore(&x);
        small_clear();
        cr_assert_not(x.failed, "%s: after %d orders: %s", tokens[i], (int)x.orders, x.order);
        cr_log_info("%s: %d orders, %d cut%s", tokens[i], (int)x.orders, (int)x.cut,
                    x.complete ? ", all" : "");
        cr_expect(x.complete || i > 1 || most < 6000);
        orders += x.orders;
        world_drop(small.w);
    }
    xk_graph_free(small.graph);
    cr_assert_gt(orders, most / 6);
}
