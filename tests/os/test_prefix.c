/* test_prefix.c: one name space over several servers: a tree in memory beside it, what several
 * clients see of names at once, deaths of servers, domains that others take over.
 */
#include "os/file/domains_internal.h"
#include "os/file/file_internal.h"
#include "os/file/token.h"
#include "os/registry.h"
#include "tests/os/io_world.h"
#include "tests/os/xk_rig.h"
#include "tests/sample.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 3, SERVERS = 3, NODES = CLIENTS + SERVERS };

struct stack_params { /* as in os/pio/pio_files.c and os/file/server.c */
    const struct val *files;
    struct file_stack stack;
};

struct world {
    struct rig r;
    struct os_group groups[2];
    uint32_t io[SERVERS], compute[CLIENTS];
    struct os_layout layout;
    struct os_boot boot;
    struct os_service services[3];
    struct stack_params client, server;
    sim_time retry[1]; /* the parameters of token_server */
    struct os_node node[RIG_NODES];
    struct file_sys *top[NODES]; /* of servers: the layer DOMAINS */
    uint32_t life[NODES], booted;
    uint64_t seed, steps;
    uint32_t copies; /* domains that several nodes may have, each with files of its own */
};

static uint64_t draw_state;
static uint32_t draw(uint32_t n)
{
    draw_state = draw_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(draw_state >> 33) % n;
}

extern const struct os_service_ops file_client_service;

static bool is_client(uint32_t node)
{
    return node < CLIENTS;
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
    if (is_client(node)) {
        w->top[node] = file_stack_start(&w->client.stack, &b);
        return;
    }
    struct server { /* the begin of that of os/file/server.c */
        struct port *port;
        struct file_sys *files;
    } *s = file_server_service.start(&w->node[node], &w->services[0], rpc);
    w->top[node] = s->files;
    (void)token_server_service.start(&w->node[node], &w->services[1], rpc);
}

#define LFS "{layer=lfs, block='2KiB', cache=5, queue=4, files=200}"
#define DOMAINS                                                                                    \
    "{path='/', nodes={0}}, {path='a', nodes={1}}, {path='a/b/c', nodes={2}}, {path='d/e', "       \
    "nodes={1}}"
#define SHARED "{path='/', nodes={0}}, {path='a', nodes={1, 2, 0}}, {path='a/b/c', nodes={2, 1}}"

static struct world *world_new(const char *client, const char *domains, struct fake_options o)
{
    struct world *w = calloc(1, sizeof *w);
    struct err e = ERR_INIT;
    for (uint32_t i = 0; i < SERVERS; i++)
        w->io[i] = CLIENTS + i;
    for (uint32_t i = 0; i < CLIENTS; i++)
        w->compute[i] = i;
    w->groups[0] = (struct os_group){ .name = "io", .count = SERVERS, .nodes = w->io };
    w->groups[1] = (struct os_group){ .name = "compute", .count = CLIENTS, .nodes = w->compute };
    w->layout.nodes = NODES;
    w->retry[0] = 10 * SIM_MS;
    w->services[0] = (struct os_service){ &file_server_service, &w->groups[0], "", &w->server };
    w->services[1] = (struct os_service){ &token_server_service, &w->groups[0], "", w->retry };
    w->services[2] = (struct os_service){ &file_client_service, &w->groups[1], "", &w->client };
    w->boot = (struct os_boot){ .layout = &w->layout,
                                .layers = &os_layers,
                                .groups = w->groups,
                                .group_count = 2,
                                .services = w->services,
                                .service_count = 3 };
    char *text = base_printf("{{layer=domains, domains={%s}}, " LFS "}", domains);
    w->server.files = io_val(text);
    free(text);
    w->client.files = io_val(client);
    cr_assert(file_server_service.ready(&w->server, &w->boot, "server", &e), "%s", e.text);
    cr_assert(file_client_service.ready(&w->client, &w->boot, "client", &e), "%s", e.text);
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
    free(w);
}

static bool step(struct world *w)
{
    w->steps++;
    return fake_step(w->r.f);
}

static uint64_t count(const struct world *w, uint32_t node, const char *name)
{
    return fake_count(w->r.f, node, name);
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

static enum file_status look(struct world *w, uint32_t node, const char *path, uint64_t *file)
{
    struct file_req r;
    file_req_init(&r, FILE_LOOKUP, NULL, NULL);
    r.name = path;
    enum file_status s = ask(w, node, &r);
    *file = s == FILE_OK ? r.file : 0;
    return s;
}

/* In the directory `dir` ("": the root); the directory is looked up first. */
static enum file_status make(struct world *w, uint32_t node, const char *dir, const char *name,
                             bool directory, uint64_t *file)
{
    struct file_req r;
    uint64_t at = FILE_ROOT;
    enum file_status s = *dir ? look(w, node, dir, &at) : FILE_OK;
    *file = 0;
    if (s != FILE_OK)
        return s;
    file_req_init(&r, FILE_CREATE, NULL, NULL);
    r.dir = at;
    r.name = name;
    r.attr.mode = directory ? FILE_MODE_DIR | 0777 : 0666;
    s = ask(w, node, &r);
    *file = s == FILE_OK || s == FILE_EXISTS ? r.file : 0;
    return s;
}

static enum file_status drop(struct world *w, uint32_t node, uint64_t file)
{
    struct file_req r;
    file_req_init(&r, FILE_REMOVE, NULL, NULL);
    r.file = file;
    return ask(w, node, &r);
}

static enum file_status move(struct world *w, uint32_t node, uint64_t dir, const char *name,
                             uint64_t to_dir, const char *to_name)
{
    struct file_req r;
    file_req_init(&r, FILE_RENAME, NULL, NULL);
    r.dir = dir;
    r.name = name;
    r.to_dir = to_dir;
    r.to_name = to_name;
    return ask(w, node, &r);
}

static enum file_status stat_of(struct world *w, uint32_t node, uint64_t file,
                                struct file_attr *attr)
{
    struct file_req r;
    file_req_init(&r, FILE_STAT, NULL, NULL);
    r.file = file;
    enum file_status s = ask(w, node, &r);
    *attr = r.attr;
    return s;
}

/* ---- a tree in memory ---- */

enum { MOST = 120 };
struct thing {
    struct thing *in; /* NULL: gone */
    char name[FILE_NAME_MAX + 1];
    bool directory, fixed; /* fixed: a remote link, or above one */
    uint32_t domain;
    uint64_t file;
    uint64_t size;
};
struct tree {
    struct thing t[MOST]; /* t[0]: the root, in itself */
    uint32_t count;
};

static struct thing *tree_find(struct tree *t, struct thing *dir, const char *name)
{
    for (uint32_t i = 1; i < t->count; i++)
        if (t->t[i].in == dir && strcmp(t->t[i].name, name) == 0)
            return &t->t[i];
    return NULL;
}

static struct thing *tree_add(struct tree *t, struct thing *dir, const char *name, bool directory)
{
    struct thing *x = NULL;
    for (uint32_t i = 1; i < t->count; i++)
        x = t->t[i].in == NULL ? &t->t[i] : x;
    x = x != NULL ? x : &t->t[t->count++];
    cr_assert_leq(t->count, MOST);
    *x = (struct thing){ .in = dir, .directory = directory, .domain = dir->domain };
    (void)snprintf(x->name, sizeof x->name, "%s", name);
    return x;
}

/* Every step of the path, as fixed as it is. */
static void tree_hang(struct tree *t, const char *path, uint32_t domain)
{
    struct thing *at = t->t;
    char copy[FILE_NAME_MAX + 1], *rest = copy, *name;
    (void)snprintf(copy, sizeof copy, "%s", path);
    while ((name = strsep(&rest, "/")) != NULL) {
        struct thing *x = tree_find(t, at, name);
        at = x != NULL ? x : tree_add(t, at, name, true);
        at->fixed = true;
    }
    at->domain = domain;
}

static void path_of(const struct tree *t, const struct thing *x, char *out, size_t size)
{
    if (x == t->t) {
        *out = 0;
        return;
    }
    char above[PREFIX_PATH_MAX + 1];
    path_of(t, x->in, above, sizeof above);
    (void)snprintf(out, size, "%.180s%s%s", above, *above ? "/" : "", x->name);
}

static bool is_empty(const struct tree *t, const struct thing *x)
{
    for (uint32_t i = 1; i < t->count; i++)
        if (t->t[i].in == x)
            return false;
    return true;
}

static bool lies_in(const struct tree *t, const struct thing *x, const struct thing *dir)
{
    for (; x != t->t; x = x->in)
        if (x == dir)
            return true;
    return x == dir;
}

static uint32_t depth(const struct tree *t, const struct thing *x)
{
    uint32_t n = 0;
    for (; x != t->t; x = x->in)
        n++;
    return n;
}

static struct thing *any(struct tree *t, bool directory)
{
    for (;;) {
        struct thing *x = &t->t[draw(t->count)];
        if (x->in != NULL && (!directory || x->directory))
            return x;
    }
}

static void check_list(struct world *w, uint32_t node, struct tree *t, struct thing *dir)
{
    char path[PREFIX_PATH_MAX + 1];
    uint64_t at = FILE_ROOT, next = 0;
    uint32_t n = 0, want = 0;
    path_of(t, dir, path, sizeof path);
    if (*path)
        cr_assert_eq(look(w, node, path, &at), FILE_OK);
    do {
        struct file_req r;
        struct file_entry x;
        file_req_init(&r, FILE_LIST, NULL, NULL);
        r.dir = at;
        r.file = next;
        cr_assert_eq(ask(w, node, &r), FILE_OK);
        next = r.file;
        while (file_entry_next(&r.data, &x)) {
            struct thing *y = dir == t->t && x.name[0] == ':' ? NULL : tree_find(t, dir, x.name);
            cr_assert_not_null(y, "%s lists %s, which is not there", path, x.name);
            cr_assert(y->file == 0 || y->file == x.file, "%s/%s is another file", path, x.name);
            n++;
        }
        rope_fini(&r.data);
    } while (next != 0);
    for (uint32_t i = 1; i < t->count; i++)
        want += t->t[i].in == dir;
    cr_assert_eq(n, want, "/%s lists %u names of %u", path, n, want);
}

static enum file_status tree_rename(struct tree *t, struct thing *dir, const char *name,
                                    struct thing *to, const char *to_name)
{
    struct thing *x = tree_find(t, dir, name), *y = tree_find(t, to, to_name);
    if (dir->domain != to->domain || (x != NULL && x->fixed) || (y != NULL && y->fixed))
        return FILE_ELSEWHERE;
    if (x == NULL)
        return FILE_NO_FILE;
    if (x->directory && lies_in(t, to, x))
        return FILE_LOOP;
    if (x == y)
        return FILE_OK;
    if (y != NULL && (y->directory || x->directory))
        return FILE_EXISTS;
    if (y != NULL)
        y->in = NULL;
    x->in = to;
    (void)snprintf(x->name, sizeof x->name, "%s", to_name);
    return FILE_OK;
}

static const char *const words[] = { "a", "b", "c", "d", "e", "x", "y" };

/* One request of a client; the tree says what must come of it. */
static void random_step(struct world *w, struct tree *t)
{
    uint32_t node = draw(CLIENTS);
    const char *name = words[draw(ARRAY_LEN(words))], *other = words[draw(ARRAY_LEN(words))];
    struct thing *dir = any(t, true), *x = tree_find(t, dir, name);
    char path[PREFIX_PATH_MAX + 1], full[PREFIX_PATH_MAX + 70];
    uint64_t file;
    enum file_status s;
    path_of(t, dir, path, sizeof path);
    (void)snprintf(full, sizeof full, "%s%s%s", path, *path ? "/" : "", name);
    switch (draw(7)) {
    case 0:
    case 1:
        s = look(w, node, full, &file);
        cr_assert_eq(s, x != NULL ? FILE_OK : FILE_NO_FILE, "look up /%s: %s", full,
                     file_status_name(s));
        cr_assert(x == NULL || x->file == 0 || x->file == file, "/%s is another file", full);
        if (x != NULL)
            x->file = file;
        break;
    case 2:
    case 3: {
        bool directory = draw(2) == 0 && depth(t, dir) < 5;
        if (t->count > MOST - 10 && x == NULL)
            break;
        s = make(w, node, path, name, directory, &file);
        cr_assert_eq(s, x != NULL ? FILE_EXISTS : FILE_OK, "make /%s: %s", full,
                     file_status_name(s));
        if (x == NULL)
            tree_add(t, dir, name, directory)->file = file;
        break;
    }
    case 4: {
        if (x == NULL || x->file == 0)
            break;
        enum file_status want = x->fixed && x->domain != dir->domain ? FILE_ELSEWHERE
                                : !is_empty(t, x)                    ? FILE_NOT_EMPTY
                                                                     : FILE_OK;
        s = drop(w, node, x->file);
        cr_assert_eq(s, want, "remove /%s: %s", full, file_status_name(s));
        if (want == FILE_OK)
            x->in = NULL;
        break;
    }
    case 5: {
        struct thing *to = any(t, true);
        char to_path[PREFIX_PATH_MAX + 1];
        uint64_t from_dir = FILE_ROOT, to_dir = FILE_ROOT;
        path_of(t, to, to_path, sizeof to_path);
        cr_assert(*path == 0 || look(w, node, path, &from_dir) == FILE_OK);
        cr_assert(*to_path == 0 || look(w, node, to_path, &to_dir) == FILE_OK);
        bool deep = x != NULL && x->directory && depth(t, to) > 4;
        if (deep)
            break;
        s = move(w, node, from_dir, name, to_dir, other);
        enum file_status want = tree_rename(t, dir, name, to, other);
        cr_assert_eq(s, want, "rename /%s to /%s/%s: %s, not %s", full, to_path, other,
                     file_status_name(s), file_status_name(want));
        break;
    }
    default:
        check_list(w, node, t, dir);
        if (x != NULL && x->file != 0) {
            struct file_attr attr;
            cr_assert_eq(stat_of(w, node, x->file, &attr), FILE_OK);
            cr_assert_eq((attr.mode & FILE_MODE_DIR) != 0, x->directory, "/%s", full);
        }
    }
}

static const char *const stacks[] = {
    "{{layer=prefix}}",
    "{{layer=prefix, table=false}}",
    "{{layer=token, each=true}, {layer=cache, bytes='4KiB', block='512B'}, {layer=prefix}}",
    "{{layer=prefix, keep=true}}",
    "{{layer=prefix, keep=true, names=10}}",
};
#define KEEPS (stacks[3])

/* PFX1, PFX3: one client after the other. */
Test(prefix, names_are_those_of_one_tree)
{
    for (uint64_t n = 0; n < sample("PREFIX_SEEDS", 10); n++) {
        struct world *w = world_new(
            stacks[n % ARRAY_LEN(stacks)], DOMAINS,
            (struct fake_options){ .seed = n + 1, .order = n % 2 ? FAKE_RANDOM : FAKE_IN_ORDER });
        struct tree *t = calloc(1, sizeof *t);
        t->t[0].in = t->t;
        t->t[0].directory = true;
        t->count = 1;
        tree_hang(t, "a", 1);
        tree_find(t, t->t, "a")->domain = 1;
        tree_hang(t, "d/e", 3);
        struct thing *a = tree_find(t, t->t, "a"), *b = tree_add(t, a, "b", true);
        b->fixed = true;
        struct thing *c = tree_add(t, b, "c", true);
        c->fixed = true;
        c->domain = 2;
        draw_state = n;
        for (int i = 0; i < 250; i++)
            random_step(w, t);
        free(t);
        world_free(w);
    }
}

/* PFX1: what a path costs. */
Test(prefix, a_path_is_one_call_to_the_node_of_its_longest_prefix)
{
    struct world *w = world_new(stacks[0], DOMAINS, (struct fake_options){ .seed = 1 });
    uint64_t file, again, calls;
    cr_assert_eq(make(w, 0, "a/b/c", "x", true, &file), FILE_OK);
    cr_assert_eq(make(w, 0, "a/b/c/x", "y", false, &file), FILE_OK);
    calls = count(w, 1, "prefix.calls");
    cr_assert_eq(look(w, 1, "a/b/c/x/y", &again), FILE_OK);
    cr_assert_eq(again, file);
    cr_assert_eq(count(w, 1, "prefix.calls") - calls, 3, "the root, and behind two remote links");
    cr_assert_eq(count(w, 1, "prefix.links"), 2);
    for (uint32_t k = 0; k < SERVERS; k++)
        calls = count(w, CLIENTS + k, "domains.asks");
    cr_assert_eq(look(w, 1, "a/b/c/x/y", &again), FILE_OK);
    cr_assert_eq(look(w, 1, "a/b/c/x", &again), FILE_OK);
    cr_assert_eq(count(w, 1, "prefix.calls"), 5);
    cr_assert_eq(count(w, CLIENTS + 2, "domains.asks") - calls, 2, "of the third server alone");
    cr_assert_eq(look(w, 1, "a/b/cc", &again), FILE_NO_FILE, "a prefix is of whole names");
    cr_assert_eq(look(w, 1, "a/b", &again), FILE_OK);
    cr_assert_eq(count(w, 1, "prefix.searches"), 0);
    world_free(w);
}

/* What is written through one client is read through another, on the server of the file alone. */
Test(prefix, bytes_go_to_the_server_of_the_file)
{
    for (size_t k = 0; k < ARRAY_LEN(stacks); k++) {
        struct world *w = world_new(stacks[k], DOMAINS, (struct fake_options){ .seed = 1 });
        const char *dirs[] = { "", "a", "a/b/c", "d/e" };
        for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
            struct file_req r;
            uint64_t file;
            cr_assert_eq(make(w, 0, dirs[i], "x", false, &file), FILE_OK);
            file_req_init(&r, FILE_WRITE, NULL, NULL);
            r.file = file;
            file_range(&r, 0, 1000);
            rope_add_pattern(&r.data, i + 1, 0, 1000);
            cr_assert_eq(ask(w, 0, &r), FILE_OK);
            if (k < 2) {
                file_req_init(&r, FILE_FLUSH, NULL, NULL);
                cr_assert_eq(ask(w, 0, &r), FILE_OK);
            }
            file_req_init(&r, FILE_READ, NULL, NULL);
            r.file = file;
            file_range(&r, 0, 1000);
            cr_assert_eq(ask(w, 1, &r), FILE_OK);
            struct rope want;
            rope_init(&want);
            rope_add_pattern(&want, i + 1, 0, 1000);
            cr_assert_eq(rope_first_difference(&r.data, &want), UINT64_MAX);
            rope_fini(&want);
            rope_fini(&r.data);
            cr_assert_eq(file_node(w->top[0], file), prefix_seat_of(file) == 1   ? CLIENTS
                                                     : prefix_seat_of(file) == 3 ? CLIENTS + 2
                                                                                 : CLIENTS + 1u);
        }
        if (k == 2)
            for (uint32_t s = 0; s < SERVERS; s++)
                cr_assert_gt(count(w, CLIENTS + s, "token_server.grants"), 0);
        world_free(w);
    }
}

/* ---- deaths ---- */

static struct domains *domains_of(struct world *w, uint32_t server)
{
    return CONTAINER_OF(w->top[CLIENTS + server], struct domains, sys);
}

/* Nodes that have the domain now. */
static uint32_t owners(struct world *w, uint32_t domain)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < SERVERS; k++)
        for (uint32_t i = 0; fake_up(w->r.f, CLIENTS + k) && i < domains_of(w, k)->served_count;
             i++)
            n += domains_of(w, k)->served[i].domain == domain &&
                 domains_of(w, k)->served[i].state == SEAT_HERE;
    return n;
}

static void pass_time(struct world *w, sim_time t)
{
    fake_run_until(w->r.f, fake_now(w->r.f) + t);
}

static void restart(struct world *w, uint32_t node)
{
    uint32_t boots = w->booted;
    fake_restart(w->r.f, node);
    while (w->booted == boots)
        cr_assert(step(w));
}

/* PFX2, PFX4, PFX5. */
Test(prefix, a_domain_of_a_dead_node_is_found_where_it_went)
{
    struct world *w =
        world_new(stacks[0], SHARED, (struct fake_options){ .seed = 1, .detect_delay = SIM_MS });
    uint64_t file, there, old;
    cr_assert_eq(make(w, 0, "a", "x", false, &old), FILE_OK);
    cr_assert_eq(look(w, 1, "a/x", &file), FILE_OK);
    cr_assert_eq(look(w, 2, "a/x", &file), FILE_OK);
    fake_crash(w->r.f, CLIENTS + 1);
    pass_time(w, 10 * SIM_MS);
    struct file_req r;
    file_req_init(&r, FILE_CREATE, NULL, NULL);
    r.dir = prefix_handle(prefix_seat_of(file), FILE_ROOT);
    r.name = "y";
    cr_assert_eq(ask(w, 2, &r), FILE_UNREACHABLE, "it may have been done");
    cr_assert_eq(look(w, 2, "a/x", &file), FILE_NO_FILE);
    cr_assert_eq(count(w, 2, "prefix.searches"), 0, "the remote link says where");
    cr_assert_eq(owners(w, 1), 1);
    cr_assert_eq(count(w, CLIENTS + 2, "domains.taken"), 1);
    cr_assert_eq(look(w, 0, "a/x", &file), FILE_NO_FILE, "of the copy of the third server");
    cr_assert_eq(count(w, 0, "prefix.stale"), 1);
    cr_assert_eq(count(w, 0, "prefix.searches"), 3);
    cr_assert_eq(make(w, 0, "a", "x", false, &there), FILE_OK);
    cr_assert_eq(count(w, 0, "prefix.searches"), 3, "once is enough");
    cr_assert_neq(there, old);
    cr_assert_eq(drop(w, 0, old), FILE_UNREACHABLE);
    restart(w, CLIENTS + 1);
    pass_time(w, 50 * SIM_MS);
    cr_assert_eq(owners(w, 1), 1, "who comes back asks first");
    cr_assert_eq(look(w, 1, "a/x", &file), FILE_OK);
    cr_assert_eq(file, there);
    cr_assert_eq(drop(w, 1, old), FILE_NO_FILE, "a handle of a copy that is not the domain");
    fake_crash(w->r.f, CLIENTS + 2);
    pass_time(w, 10 * SIM_MS);
    cr_assert_eq(look(w, 1, "a/x", &file), FILE_OK, "the first has it again");
    cr_assert_eq(file, old);
    fake_crash(w->r.f, CLIENTS + 1);
    pass_time(w, 10 * SIM_MS);
    cr_assert_eq(look(w, 1, "a/b/c", &file), FILE_UNREACHABLE, "both of its nodes are dead");
    cr_assert_eq(look(w, 1, "a/b", &file), FILE_OK);
    fake_crash(w->r.f, CLIENTS);
    cr_assert_eq(look(w, 2, "a", &file), FILE_UNREACHABLE);
    world_free(w);
}

/* ---- names that several make, remove and look up at once ---- */

enum { FLIGHT = 8, PLACES = 6 };

/* What a client asked for, and when it was so: steps. */
struct op {
    enum file_op op;
    uint64_t start, end, file;
    uint32_t place, to, node, life;
    bool ended, failed, none; /* none: there was no such name; failed: done or not */
    bool made;                /* the answer of who made the file was heard */
    uint32_t down; /* the life of the server that had ended when it began; 0: it had not */
    uint32_t seat; /* that had the domain when it began; 0: none */
};
struct flight {
    struct file_req r;
    struct history *h;
    uint32_t op;
    bool busy;
};
struct history {
    struct world *w;
    struct flight f[FLIGHT];
    uint64_t dir[2], last[PLACES];
    struct op *ops;
    uint32_t count;
    uint64_t looks, placed;
    uint64_t fault; /* step of the last crash or restart */
};
static const char *const dirs[] = { "a", "a/b/c" };

/* The seat that has the domain of a place. */
static uint32_t seat_now(struct world *w, uint32_t place)
{
    uint32_t domain = place % 2 ? 2 : 1;
    for (uint32_t k = 0; k < SERVERS; k++)
        for (uint32_t i = 0; w->top[CLIENTS + k] != NULL && i < domains_of(w, k)->served_count; i++)
            if (domains_of(w, k)->served[i].domain == domain &&
                domains_of(w, k)->served[i].state == SEAT_HERE)
                return domains_of(w, k)->served[i].seat;
    return 0;
}

/* PFX5, PFX7: what is found is found where the domain is. */
static void check_seat(struct history *h, const struct op *o)
{
    if (o->op != FILE_LOOKUP || o->file == 0 || o->seat == 0 || o->start <= h->fault ||
        seat_now(h->w, o->place) != o->seat)
        return;
    h->placed++;
    cr_assert_eq(prefix_seat_of(o->file), o->seat,
                 "seed %d: node %u finds place %u at seat %u, and seat %u has the domain",
                 (int)h->w->seed, o->node, o->place, prefix_seat_of(o->file), o->seat);
}

/* The life of the node that has the place, if that has ended; 0: it is up. */
static uint32_t ended_life(const struct world *w, uint32_t place)
{
    uint32_t node = CLIENTS + (place % 2 ? 2 : 1);
    return fake_up(w->r.f, node) ? 0 : w->life[node];
}

static void op_ended(struct file_req *r)
{
    struct flight *x = r->arg;
    struct history *h = x->h;
    struct op *o = &h->ops[x->op];
    x->busy = false;
    o->ended = true;
    o->end = h->w->steps;
    o->none = r->status != FILE_OK;
    o->failed = r->status == FILE_UNREACHABLE;
    if (r->op == FILE_LOOKUP || r->op == FILE_CREATE)
        o->file = r->status == FILE_OK ? r->file : 0;
    if (o->down != ended_life(h->w, o->place))
        o->down = 0;
    check_seat(h, o);
    if (r->op == FILE_STAT || r->op == FILE_REMOVE)
        cr_assert(r->status == FILE_OK || r->status == FILE_NO_FILE || o->failed, "%s: %s",
                  file_op_name(r->op), file_status_name(r->status));
    if (o->file != 0)
        h->last[o->place] = o->file;
    h->looks += r->op == FILE_LOOKUP && !o->failed;
    rope_fini(&r->data);
}

static void op_submit(struct port *p, void *arg)
{
    struct flight *x = arg;
    struct op *o = &x->h->ops[x->op];
    static char path[FLIGHT][PREFIX_PATH_MAX];
    char *at = path[x - x->h->f];
    (void)p;
    (void)snprintf(at, PREFIX_PATH_MAX, "%s/n%u", dirs[o->place % 2], o->place);
    file_req_init(&x->r, o->op, op_ended, x);
    x->r.name = o->op == FILE_CREATE ? at + strlen(dirs[o->place % 2]) + 1 : at;
    x->r.dir = o->op == FILE_CREATE ? x->h->dir[o->place % 2] : FILE_ROOT;
    x->r.file = o->file;
    if (o->op == FILE_RENAME) {
        static char to[FLIGHT][FILE_NAME_MAX + 1];
        x->r.name = at + strlen(dirs[o->place % 2]) + 1;
        x->r.dir = x->r.to_dir = x->h->dir[o->place % 2];
        x->r.to_name = to[x - x->h->f];
        (void)snprintf(to[x - x->h->f], sizeof to[0], "n%u", o->to);
    }
    file_submit(x->h->w->top[o->node], &x->r);
}

static void random_op(struct history *h)
{
    static const enum file_op what[] = { FILE_LOOKUP, FILE_LOOKUP, FILE_LOOKUP, FILE_LOOKUP,
                                         FILE_LOOKUP, FILE_LOOKUP, FILE_LOOKUP, FILE_LOOKUP,
                                         FILE_LOOKUP, FILE_LOOKUP, FILE_STAT,   FILE_STAT,
                                         FILE_CREATE, FILE_CREATE, FILE_REMOVE, FILE_RENAME };
    struct world *w = h->w;
    struct flight *x = NULL;
    for (int i = 0; i < FLIGHT; i++)
        x = h->f[i].busy ? x : &h->f[i];
    uint32_t node = draw(CLIENTS), place = draw(PLACES);
    enum file_op op = what[draw(ARRAY_LEN(what))];
    if (x == NULL || !fake_up(w->r.f, node) || w->top[node] == NULL ||
        ((op == FILE_REMOVE || op == FILE_STAT) && h->last[place] == 0))
        return;
    h->ops = realloc(h->ops, (h->count + 1) * sizeof *h->ops);
    h->ops[h->count] =
        (struct op){ .op = op,
                     .start = w->steps,
                     .end = UINT64_MAX,
                     .file = op == FILE_REMOVE || op == FILE_STAT ? h->last[place] : 0,
                     .place = place,
                     .to = op == FILE_RENAME ? (place + 2 + 2 * draw(2)) % PLACES : place,
                     .node = node,
                     .life = w->life[node],
                     .seat = seat_now(w, place),
                     .down = ended_life(w, place) };
    *x = (struct flight){ .h = h, .op = h->count++, .busy = true };
    fake_call(w->r.f, node, op_submit, x);
}

/* What the names of a directory may be, as far as its history is read: which files they are, and
 * which of the requests under way have been done. */
struct guess {
    uint64_t at[PLACES / 2], done;
};
/* A file of a CREATE whose answer nobody has heard. */
#define UNHEARD (UINT64_C(1) << 63)

enum { GUESSES = 4096, PENDING = 64 };
struct order {
    const struct op *pending[PENDING];
    uint64_t open; /* of these, those that nobody has heard the answer of: done once, or never */
    struct guess now[GUESSES], seen[GUESSES];
    uint32_t count, seen_count;
};

static uint64_t *find(struct guess *g, const struct op *o)
{
    for (int i = 0; i < PLACES / 2; i++)
        if (g->at[i] == o->file)
            return &g->at[i];
    for (int i = 0; i < PLACES / 2 && !o->made; i++)
        if (g->at[i] & UNHEARD)
            return &g->at[i];
    return NULL;
}

/* Whether it could be done there and then with its answer; the names are those behind it. */
static bool fits(const struct op *o, struct guess *g)
{
    uint64_t *at = &g->at[o->place / 2], *to = &g->at[o->to / 2];
    bool heard = o->ended && !o->failed;
    switch (o->op) {
    case FILE_LOOKUP:
        if (o->none || *at == o->file)
            return *at == (o->none ? 0 : o->file);
        if (!(*at & UNHEARD) || o->made)
            return false;
        *at = o->file;
        return true;
    case FILE_STAT:
        return (find(g, o) != NULL) == !o->none;
    case FILE_CREATE:
        if (heard && o->none)
            return *at != 0;
        if (*at != 0)
            return false;
        *at = heard ? o->file : UNHEARD;
        return true;
    case FILE_REMOVE:
        at = find(g, o);
        if (heard && o->none)
            return at == NULL;
        if (at != NULL)
            *at = 0;
        return at != NULL;
    default: /* FILE_RENAME */
        if (heard && o->none)
            return *at == 0;
        if (*at == 0)
            return false;
        *to = *at;
        *at = 0;
        return true;
    }
}

/* Not beside a guess that may still do all that this may. */
static void add(const struct order *x, struct guess *all, uint32_t *count, const struct guess *g)
{
    for (uint32_t i = 0; i < *count; i++)
        if (memcmp(all[i].at, g->at, sizeof g->at) == 0 &&
            (all[i].done & ~x->open) == (g->done & ~x->open) && (all[i].done & ~g->done) == 0)
            return;
    cr_assert_lt(*count, GUESSES, "too many orders to try");
    all[(*count)++] = *g;
}

/* What changes nothing is done as soon as it can. */
static void look_around(const struct order *x, struct guess *g)
{
    for (int i = 0; i < PENDING; i++) {
        struct guess then = *g;
        if (x->pending[i] != NULL && !(g->done >> i & 1) && fits(x->pending[i], &then) &&
            memcmp(then.at, g->at, sizeof g->at) == 0)
            g->done |= UINT64_C(1) << i;
    }
}

/* All that may have been when pending[n] had ended: nothing is done before it has to be. */
static void order_end(struct order *x, int n)
{
    uint32_t count = 0;
    uint64_t bit = UINT64_C(1) << n;
    x->seen_count = 0;
    for (uint32_t i = 0; i < x->count; i++)
        add(x, x->seen, &x->seen_count, &x->now[i]);
    for (uint32_t i = 0; i < x->seen_count; i++) {
        struct guess g = x->seen[i];
        look_around(x, &g);
        if (g.done & bit) {
            g.done &= ~bit;
            add(x, x->now, &count, &g);
            continue;
        }
        for (int k = 0; k < PENDING; k++) {
            struct guess then = g;
            if (x->pending[k] == NULL || g.done >> k & 1 || !fits(x->pending[k], &then))
                continue;
            then.done |= UINT64_C(1) << k;
            add(x, x->seen, &x->seen_count, &then);
        }
    }
    x->count = count;
    x->pending[n] = NULL;
}

/* A request begins or ends. */
struct moment {
    uint64_t step;
    bool ends;
    struct op *o;
};
static int by_step(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;
    if (x->step != y->step)
        return x->step < y->step ? -1 : 1;
    if (x->ends != y->ends)
        return x->ends ? 1 : -1;
    return x->o < y->o ? -1 : x->o > y->o;
}

/* There is one order of all that was done in a directory, each between question and answer, that
 * gives all answers, of what is and of what is not there. */
static void judge_dir(struct history *h, uint32_t dir)
{
    struct order *x = calloc(1, sizeof *x);
    struct moment *all = calloc(2 * h->count + 1, sizeof *all);
    uint32_t n = 0;
    x->count = 1;
    for (uint32_t i = 0; i < h->count; i++) {
        struct op *o = &h->ops[i];
        bool heard = o->ended && !o->failed;
        if (o->place % 2 != dir || (o->failed && o->down != 0) ||
            (!heard && (o->op == FILE_LOOKUP || o->op == FILE_STAT)))
            continue;
        for (uint32_t k = 0; k < h->count && o->file != 0; k++)
            o->made |= h->ops[k].op == FILE_CREATE && h->ops[k].file == o->file;
        all[n++] = (struct moment){ o->start, false, o };
        if (heard)
            all[n++] = (struct moment){ o->end, true, o };
    }
    qsort(all, n, sizeof *all, by_step);
    for (uint32_t i = 0; i < n; i++) {
        int k = 0;
        while (k < PENDING && x->pending[k] != (all[i].ends ? all[i].o : NULL))
            k++;
        cr_assert_lt(k, PENDING, "too many requests under way");
        if (!all[i].ends) {
            x->pending[k] = all[i].o;
            x->open |= all[i].o->ended && !all[i].o->failed ? 0 : UINT64_C(1) << k;
            continue;
        }
        order_end(x, k);
        cr_assert_gt(
            x->count, 0,
            "seed %d: no order of what was done explains that node %u %s place %u: %s %llx "
            "from step %llu to %llu",
            (int)h->w->seed, all[i].o->node, file_op_name(all[i].o->op), all[i].o->place,
            all[i].o->none ? "it is not so" : "done", (unsigned long long)all[i].o->file,
            (unsigned long long)all[i].o->start, (unsigned long long)all[i].o->end);
    }
    free(all);
    free(x);
}

static struct history *history_new(struct world *w)
{
    struct history *h = calloc(1, sizeof *h);
    h->w = w;
    for (int i = 0; i < 2; i++)
        cr_assert_eq(look(w, 0, dirs[i], &h->dir[i]), FILE_OK);
    return h;
}

static void history_end(struct history *h)
{
    for (uint64_t n = 0, busy = 1; busy; n++) {
        busy = 0;
        for (int i = 0; i < FLIGHT; i++)
            busy |= h->f[i].busy;
        cr_assert(!busy || (step(h->w) && n < 200000), "a request never ends");
    }
    if (h->w->copies == 0)
        for (uint32_t d = 0; d < 2; d++)
            judge_dir(h, d);
    free(h->ops);
    free(h);
}

static void random_run(struct history *h, uint64_t seed, int turns)
{
    draw_state = seed;
    for (int t = 0; t < turns; t++) {
        random_op(h);
        for (uint32_t k = draw(20); k > 0; k--)
            (void)step(h->w);
    }
}

/* PFX6: with names kept, and without. */
Test(prefix, a_name_is_answered_as_it_is_meanwhile)
{
    for (uint64_t n = 0; n < sample("PREFIX_SEEDS", 40); n++) {
        struct world *w =
            world_new(n % 4 == 3 ? stacks[0] : KEEPS, DOMAINS,
                      (struct fake_options){ .seed = n + 1,
                                             .unordered = n % 2 == 0,
                                             .order = n % 3 ? FAKE_RANDOM : FAKE_IN_ORDER });
        struct history *h = history_new(w);
        random_run(h, n, 700);
        cr_assert_gt(h->looks, 100);
        for (uint32_t k = 0; k < CLIENTS && n % 4 != 3; k++)
            cr_assert_gt(count(w, k, "prefix.kept"), 10);
        history_end(h);
        world_free(w);
    }
}

/* The node's requests end here, without `done`. */
static void crash(struct history *h, uint32_t node)
{
    fake_crash(h->w->r.f, node);
    h->w->top[node] = NULL;
    for (int i = 0; i < FLIGHT; i++)
        if (h->f[i].busy && h->ops[h->f[i].op].node == node) {
            h->f[i].busy = false;
            rope_fini(&h->f[i].r.data);
        }
}

/* PFX6, PFX7: clients and servers die; nothing hangs. */
Test(prefix, names_are_forgotten_before_a_node_that_is_back_answers)
{
    for (uint64_t n = 0; n < sample("PREFIX_SEEDS", 24); n++) {
        struct world *w =
            world_new(KEEPS, DOMAINS,
                      (struct fake_options){ .seed = n + 1,
                                             .order = n % 3 ? FAKE_IN_ORDER : FAKE_RANDOM,
                                             .lossy = n % 4 >= 2,
                                             .drop_ppm = 20000,
                                             .duplicate_ppm = 10000,
                                             .detect_delay = n % 2 ? SIM_MS : 10 * SIM_MS });
        struct history *h = history_new(w);
        for (int round = 0; round < 5; round++) {
            uint32_t node = round % 2 == 0 ? CLIENTS + 1 + draw(2) : draw(NODES);
            random_run(h, 100 * n + (uint64_t)round, 120);
            crash(h, node);
            random_run(h, 100 * n + (uint64_t)round + 50, (int)draw(60));
            pass_time(w, (sim_time)draw(3) * SIM_MS);
            restart(w, node);
        }
        pass_time(w, SIM_SEC);
        random_run(h, n + 7, 150);
        history_end(h);
        pass_time(w, 60 * SIM_SEC);
        uint64_t file;
        cr_assert_eq(look(w, 0, "a/b/c", &file), FILE_OK);
        world_free(w);
    }
}

/* PFX5, PFX7: nobody sees the copy of a node that has not the domain; nothing hangs. */
Test(prefix, names_are_those_of_the_node_that_has_the_domain)
{
    uint64_t placed = 0;
    for (uint64_t n = 0; n < sample("PREFIX_SEEDS", 16); n++) {
        struct world *w =
            world_new(n % 4 == 3 ? stacks[0] : KEEPS, SHARED,
                      (struct fake_options){ .seed = n + 1,
                                             .order = n % 3 ? FAKE_IN_ORDER : FAKE_RANDOM,
                                             .lossy = n % 4 >= 2,
                                             .drop_ppm = 20000,
                                             .duplicate_ppm = 10000,
                                             .detect_delay = n % 2 ? SIM_MS : 10 * SIM_MS });
        w->copies = 2;
        struct history *h = history_new(w);
        for (int round = 0; round < 6; round++) {
            uint32_t node = round % 3 == 2 ? draw(NODES) : CLIENTS + 1 + draw(2);
            random_run(h, 100 * n + (uint64_t)round, 100);
            crash(h, node);
            h->fault = w->steps;
            random_run(h, 100 * n + (uint64_t)round + 50, 60);
            pass_time(w, (sim_time)draw(20) * SIM_MS);
            random_run(h, 100 * n + (uint64_t)round + 70, 60);
            restart(w, node);
            h->fault = w->steps;
        }
        placed += h->placed;
        history_end(h);
        world_free(w);
    }
    cr_assert(sample_saw(placed, 1000), "%d", (int)placed);
}

/* PFX6: what it costs. */
Test(prefix, a_name_that_is_kept_costs_no_call)
{
    struct world *w = world_new(KEEPS, DOMAINS, (struct fake_options){ .seed = 1 });
    uint64_t file, again, calls;
    struct file_attr attr;
    cr_assert_eq(make(w, 0, "a", "d", true, &file), FILE_OK);
    cr_assert_eq(make(w, 0, "a/d", "x", false, &file), FILE_OK);
    cr_assert_eq(look(w, 1, "a/d/x", &again), FILE_OK);
    cr_assert_eq(look(w, 1, "a/d/y", &again), FILE_NO_FILE);
    cr_assert_eq(stat_of(w, 1, file, &attr), FILE_OK);
    calls = count(w, 1, "prefix.calls");
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(look(w, 1, "a/d/x", &again), FILE_OK);
        cr_assert_eq(again, file);
        cr_assert_eq(look(w, 1, "a/d", &again), FILE_OK);
        cr_assert_eq(look(w, 1, "a/d/y", &again), FILE_NO_FILE);
        cr_assert_eq(stat_of(w, 1, file, &attr), FILE_OK);
    }
    cr_assert_eq(count(w, 1, "prefix.calls"), calls);
    cr_assert_eq(count(w, 1, "prefix.kept"), 20);
    cr_assert_eq(count(w, 1, "prefix.recalls"), 0);
    cr_assert_eq(make(w, 2, "a/d", "y", false, &again), FILE_OK);
    cr_assert_eq(count(w, 1, "prefix.recalls"), 1, "of the directory");
    cr_assert_eq(look(w, 1, "a/d/y", &file), FILE_OK);
    cr_assert_eq(file, again);
    cr_assert_eq(count(w, 1, "prefix.calls"), calls + 1);
    cr_assert_eq(drop(w, 2, again), FILE_OK);
    cr_assert_eq(look(w, 1, "a/d/y", &file), FILE_NO_FILE);
    /* who makes names keeps its token */
    uint64_t recalls = count(w, 2, "prefix.recalls");
    cr_assert_eq(make(w, 2, "a/d", "z", false, &again), FILE_OK);
    calls = count(w, 2, "prefix.calls");
    cr_assert_eq(look(w, 2, "a/d/z", &file), FILE_OK);
    cr_assert_eq(count(w, 2, "prefix.calls"), calls + 1, "its token it had given back");
    cr_assert_eq(make(w, 2, "a/d", "zz", false, &again), FILE_OK);
    cr_assert_eq(look(w, 2, "a/d/zz", &file), FILE_OK);
    cr_assert_eq(look(w, 2, "a/d/z", &file), FILE_OK);
    cr_assert_eq(count(w, 2, "prefix.calls"), calls + 2, "the making alone");
    cr_assert_eq(count(w, 2, "prefix.recalls"), recalls);
    world_free(w);
}

/* PFX5: whoever dies, whenever. */
Test(prefix, a_domain_never_has_two_nodes)
{
    for (uint64_t n = 0; n < sample("PREFIX_SEEDS", 12); n++) {
        struct world *w =
            world_new(n % 4 < 2 ? KEEPS : stacks[0], SHARED,
                      (struct fake_options){ .seed = n + 1,
                                             .order = n % 3 ? FAKE_IN_ORDER : FAKE_RANDOM,
                                             .lossy = n % 2 == 1,
                                             .drop_ppm = 20000,
                                             .duplicate_ppm = 10000,
                                             .detect_delay = SIM_MS });
        draw_state = n;
        for (int round = 0; round < 40; round++) {
            uint32_t node = CLIENTS + draw(SERVERS);
            if (fake_up(w->r.f, node))
                fake_crash(w->r.f, node);
            else
                restart(w, node);
            for (uint32_t k = draw(80); k > 0; k--) {
                (void)step(w);
                for (uint32_t d = 0; d < 3; d++)
                    cr_assert_leq(owners(w, d), 1, "seed %d: two nodes have a domain", (int)n);
            }
        }
        for (uint32_t k = 0; k < SERVERS; k++)
            if (!fake_up(w->r.f, CLIENTS + k))
                restart(w, CLIENTS + k);
        pass_time(w, 60 * SIM_SEC);
        for (uint32_t d = 0; d < 3; d++)
            cr_assert_eq(owners(w, d), 1, "seed %d: nobody has domain %u", (int)n, d);
        uint64_t file;
        cr_assert_eq(look(w, draw(CLIENTS), "a/b/c", &file), FILE_OK);
        world_free(w);
    }
}

Test(prefix, who_names_no_nodes_has_them_by_order_or_by_hash)
{
    for (int hash = 0; hash < 2; hash++) {
        struct world *w = world_new(stacks[0], DOMAINS, (struct fake_options){ .seed = 1 });
        struct val *list = io_val("{{path='/'}, {path='a'}, {path='b'}, {path='c'}, {path='d/e'}}");
        struct domains_params p = { .group = "io", .domains = list, .place = hash };
        struct prefixes x;
        struct err e = ERR_INIT;
        cr_assert(prefixes_read(&x, &p, &w->boot, NULL, "at", &e), "%s", e.text);
        cr_assert_eq(x.seat_count, 5);
        for (uint32_t i = 0; i < 5; i++) {
            const char *path = x.domain[i].path;
            uint64_t by = hash ? file_checksum((const uint8_t *)path, strlen(path), SIZE_MAX) : i;
            cr_assert_eq(x.seat[i + 1].node, CLIENTS + by % SERVERS);
            cr_assert_eq(x.seat[i + 1].domain, i);
        }
        prefixes_free(&x);
        val_free(list);
        world_free(w);
    }
}

Test(prefix, a_mistake_in_the_domains_is_one_sentence)
{
    static const struct {
        const char *domains, *says;
    } wrong[] = {
        { "{path='a', nodes={0}}", "no domain has the prefix \"/\"" },
        { "{path='/', nodes={0}}, {path='a', nodes={3}}", "has no node 3" },
        { "{path='/', nodes={0}}, {path='a', nodes={}}", "prefix \"a\" has no server" },
        { "{path='/', nodes={0}}, {path='a', nodes={1}}, {path='/a', nodes={2}}", "twice" },
        { "{path='/', nodes={0, 0}}", "node 0 stands there twice" },
        { "{path='/', nodes={0}}, {path='a//b', nodes={1}}", "is no path" },
    };
    struct world *w = world_new(stacks[0], DOMAINS, (struct fake_options){ .seed = 1 });
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct err e = ERR_INIT;
        char *text = base_printf("{{layer=domains, domains={%s}}, " LFS "}", wrong[i].domains);
        struct stack_params p = { .files = io_val(text) };
        struct os_service *s = &w->services[0];
        s->params = &p;
        cr_assert_not(s->ops->ready(&p, &w->boot, "at", &e), "%s", wrong[i].domains);
        cr_assert_not_null(strstr(e.text, wrong[i].says), "'%s' does not say '%s'", e.text,
                           wrong[i].says);
        s->ops->drop(&p);
        val_free((struct val *)p.files);
        free(text);
        s->params = &w->server;
    }
    struct err e = ERR_INIT;
    struct stack_params p = { .files = io_val("{{layer=prefix, group='compute'}}") };
    w->services[2].params = &p;
    cr_assert_not(file_client_service.ready(&p, &w->boot, "at", &e));
    cr_assert_not_null(strstr(e.text, "has the layer \"domains\" on top"), "%s", e.text);
    file_client_service.drop(&p);
    val_free((struct val *)p.files);
    w->services[2].params = &w->client;
    world_free(w);
}
