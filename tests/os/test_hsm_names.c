/* test_hsm_names.c: the name server of the archive against a shadow: a tree of names.  Its node
 * dies at any write of its disk; what was in doubt then is looked up.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/hsm/names.h"
#include "os/lfs/lfs.h"
#include "tests/os/hsm_library.h"
#include "tests/os/xk_rig.h"

enum { DIRS = 3, FANOUT = 5, DECLARED = 12, NODES = 400, ROOM = 60 };

struct node { /* of the shadow; 0 is the root */
    bool there, dir;
    int parent;
    uint64_t handle, bitfile;
    struct file_rights of;
    char name[FILE_NAME_MAX + 1];
};

struct world {
    struct rig rig;
    struct name_params params;
    struct lfs_params lfs;
    struct name_door *door;
    struct node node[NODES];
    int nodes;
    uint64_t seed, writes, crash_write, calls, doubts, refused;
    uint32_t crashes, ops;
    bool crash_now, over;
};
static struct world *world;

static uint64_t draw(uint64_t n)
{
    world->seed = world->seed * 6364136223846793005u + 1442695040888963407u;
    return (world->seed >> 33) % n;
}

/* ---- the shadow ---- */

static int find(int dir, const char *name)
{
    for (int i = 1; i < world->nodes; i++)
        if (world->node[i].there && world->node[i].parent == dir &&
            strcmp(world->node[i].name, name) == 0)
            return i;
    return -1;
}

static int children(int dir)
{
    int n = 0;
    for (int i = 1; i < world->nodes; i++)
        n += world->node[i].there && world->node[i].parent == dir;
    return n;
}

static int add(int dir, const char *name, bool is_dir, uint64_t bitfile)
{
    struct node *x = &world->node[world->nodes];
    cr_assert_lt(world->nodes, NODES);
    *x = (struct node){ .there = true, .dir = is_dir, .parent = dir, .bitfile = bitfile };
    x->of.mode = is_dir ? 0777 : 0666;
    strcpy(x->name, name);
    return world->nodes++;
}

static bool may(const struct file_rights *who, int i, uint32_t bits)
{
    return file_may(who, &world->node[i].of, bits);
}

/* What a call should end with; and it is done. */
static enum file_status should(const struct name_call *c, int dir, int to, int *node)
{
    int e = find(dir, c->name);
    *node = e;
    if (c->op == NAME_LOOKUP)
        return !may(&c->who, dir, 01) ? FILE_DENIED : e < 0 ? FILE_NO_FILE : FILE_OK;
    if (!may(&c->who, dir, 02) || (c->op == NAME_RENAME && !may(&c->who, to, 02)))
        return FILE_DENIED;
    if (c->op == NAME_CREATE || c->op == NAME_MAKE_DIR) {
        if (e >= 0)
            return FILE_EXISTS;
        bool is_dir = c->op == NAME_MAKE_DIR;
        *node = e = add(dir, c->name, is_dir, is_dir ? 0 : c->bitfile);
        world->node[e].of = c->who;
        world->node[e].of.mode = file_mode_of(&c->who, is_dir);
        return FILE_OK;
    }
    if (e < 0)
        return FILE_NO_FILE;
    if (c->op == NAME_REMOVE) {
        if (children(e) > 0)
            return FILE_NOT_EMPTY;
        world->node[e].there = false;
        return FILE_OK;
    }
    for (int up = to; world->node[e].dir; up = world->node[up].parent) {
        if (up == e)
            return FILE_LOOP;
        if (up == 0)
            break;
    }
    int old = find(to, c->to_name);
    if (old == e)
        return FILE_OK;
    if (old >= 0 && (world->node[old].dir || world->node[e].dir))
        return FILE_EXISTS;
    if (old >= 0)
        world->node[old].there = false;
    world->node[e].parent = to;
    strcpy(world->node[e].name, c->to_name);
    return FILE_OK;
}

/* ---- the client ---- */

static enum file_status again(struct name_call *c)
{
    enum file_status s;
    while ((s = name_wait(world->door, c)) == FILE_UNREACHABLE)
        port_thread_sleep(fake_port(world->rig.f, 1), SIM_SEC);
    return s;
}

/* It ended with FILE_UNREACHABLE: was it done? */
static bool was_done(const struct name_call *c, uint64_t handle)
{
    bool renamed = c->op == NAME_RENAME;
    struct name_call look = { .op = NAME_LOOKUP,
                              .dir = renamed ? c->to_dir : c->dir,
                              .name = renamed ? c->to_name : c->name };
    enum file_status s = again(&look);
    world->doubts++;
    if (c->op == NAME_REMOVE)
        return s == FILE_NO_FILE;
    return s == FILE_OK && (!renamed || look.file == handle);
}

static void name_for(int dir, char out[FILE_NAME_MAX + 1])
{
    if (draw(3) == 0 && dir == 0)
        name_of_dir(draw(DIRS + 1), out);
    else if (draw(2) == 0 && dir > 0 && dir <= DIRS)
        name_of_file(draw(DECLARED + 3), out);
    else
        (void)snprintf(out, FILE_NAME_MAX + 1, "%c", (char)('a' + draw(6)));
}

static int some_dir(void)
{
    int from = (int)draw((uint64_t)world->nodes);
    for (int i = 0; i < world->nodes; i++) {
        int n = (from + i) % world->nodes;
        if (world->node[n].there && world->node[n].dir)
            return n;
    }
    return 0;
}

static void one(void)
{
    static const enum name_op ops[] = { NAME_LOOKUP, NAME_CREATE, NAME_CREATE, NAME_MAKE_DIR,
                                        NAME_REMOVE, NAME_REMOVE, NAME_RENAME, NAME_RENAME };
    char name[FILE_NAME_MAX + 1], to_name[FILE_NAME_MAX + 1];
    int dir = some_dir(), to = some_dir(), e;
    name_for(dir, name);
    name_for(to, to_name);
    struct name_call c = { .op = ops[draw(8)],
                           .dir = world->node[dir].handle,
                           .to_dir = world->node[to].handle,
                           .name = name,
                           .to_name = to_name,
                           .bitfile = 1000 + draw(100000) };
    c.who.uid = (uint32_t)draw(3);
    c.who.mode = draw(2) ? 0644 : 0666;
    const struct name_call before = c;
    enum file_status s = name_wait(world->door, &c);
    world->calls++;
    if (s == FILE_UNREACHABLE) {
        int was = find(dir, name);
        uint64_t handle = was >= 0 ? world->node[was].handle : 0;
        if (c.op == NAME_LOOKUP || !was_done(&before, handle))
            return;
        if (c.op == NAME_RENAME && was < 0)
            return;
        s = should(&before, dir, to, &e);
        if (s == FILE_OK && (c.op == NAME_CREATE || c.op == NAME_MAKE_DIR)) {
            struct name_call look = { .op = NAME_LOOKUP, .dir = before.dir, .name = name };
            cr_assert_eq(again(&look), FILE_OK, "NAMES1");
            world->node[e].handle = look.file;
        }
        return;
    }
    enum file_status expected = should(&before, dir, to, &e);
    cr_assert_eq(s, expected, "op %d of %s: %s, not %s", c.op, name, file_status_name(s),
                 file_status_name(expected));
    world->refused += s != FILE_OK;
    if (s == FILE_OK && (c.op == NAME_CREATE || c.op == NAME_MAKE_DIR))
        world->node[e].handle = c.file;
    if (s != FILE_OK)
        return;
    cr_assert_eq(c.file, world->node[e].handle, "a handle is a file's own");
    if (!c.replaced)
        cr_assert_eq(c.bitfile, world->node[e].bitfile);
}

/* NAMES2: each directory has what the shadow has, once, and nothing else. */
static void compare(void)
{
    for (int d = 0; d < world->nodes; d++) {
        if (!world->node[d].there || !world->node[d].dir)
            continue;
        int found = 0;
        uint64_t at = 0;
        do {
            struct name_call c = { .op = NAME_LIST, .dir = world->node[d].handle, .at = at };
            struct name_entry x;
            cr_assert_eq(again(&c), FILE_OK);
            while (name_entry_next(&c.entries, &x)) {
                int e = find(d, x.name);
                cr_assert(e >= 0, "NAMES2: %s should not be there", x.name);
                cr_assert(x.file == world->node[e].handle && x.dir == world->node[e].dir &&
                          x.bitfile == world->node[e].bitfile);
                found++;
            }
            rope_fini(&c.entries);
            at = c.at;
        } while (at != 0);
        cr_assert_eq(found, children(d), "NAMES2: %d entries, not %d", found, children(d));
        struct name_call c = { .op = NAME_STAT, .file = world->node[d].handle };
        cr_assert_eq(again(&c), FILE_OK);
        cr_assert_eq(c.attr.entries, (uint32_t)found);
    }
}

/* A handle of what is gone is nobody's. */
static void look_for_ghosts(void)
{
    for (int i = 1; i < world->nodes; i++) {
        const struct node *x = &world->node[i];
        bool again_there = false;
        for (int k = 1; k < world->nodes; k++)
            again_there |= world->node[k].there && world->node[k].handle == x->handle;
        cr_assert(x->there == again_there, "two have one handle");
        struct name_call c = { .op = NAME_STAT, .file = x->handle };
        if (!x->there)
            cr_assert_eq(again(&c), FILE_NO_FILE, "%s is gone", x->name);
    }
}

static void program(void *arg)
{
    struct world *w = arg;
    for (uint32_t i = 0; i < w->ops; i++) {
        one();
        if (i % 40 == 39)
            compare();
    }
    compare();
    look_for_ghosts();
    uint64_t file, bitfile;
    const struct file_rights root = { 0, 0, 0 };
    for (int e = 1; e < w->nodes; e++) {
        char path[2 * FILE_NAME_MAX + 4];
        int up = w->node[e].parent;
        if (!w->node[e].there || (up != 0 && w->node[up].parent != 0))
            continue;
        (void)snprintf(path, sizeof path, "/%s/%s", up != 0 ? w->node[up].name : "",
                       w->node[e].name);
        enum file_status s;
        while ((s = name_walk(w->door, &root, path, &file, &bitfile)) == FILE_UNREACHABLE)
            port_thread_sleep(fake_port(w->rig.f, 1), SIM_SEC);
        cr_assert(s == FILE_OK && file == w->node[e].handle && bitfile == w->node[e].bitfile);
    }
    w->over = true;
}

static enum port_io_status on_disk(void *arg, uint32_t node, uint32_t dev, const struct port_io *io,
                                   uint32_t *sectors)
{
    (void)arg;
    (void)dev;
    if (node == 0 && io->op == PORT_IO_WRITE && ++world->writes == world->crash_write) {
        world->crash_now = true;
        *sectors = (uint32_t)draw(*sectors + 1); /* torn */
    }
    return PORT_IO_OK;
}

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    struct xk_protl *rpc = xk_find(r->k[node], "rpc");
    if (node == 0) {
        (void)name_serve(rpc, lfs_files(lfs_start(p, &world->lfs)), &world->params);
        return;
    }
    world->door = name_open(rpc, 0, SIM_MS);
    (void)port_thread_spawn(p, "program", program, world, 0);
}

static void run(struct world *w, uint64_t seed)
{
    world = w;
    w->seed = seed;
    w->params = (struct name_params){ .names = ROOM,
                                      .dirs = DIRS,
                                      .fanout = FANOUT,
                                      .declared = DECLARED,
                                      .buckets = 7,
                                      .retry = SIM_MS,
                                      .records = { 512, 16, 16384 } };
    hsm_library_lfs(&w->lfs);
    w->node[0] = (struct node){ .there = true, .dir = true, .of = { 0777, 0, 0 } };
    w->nodes = 1;
    for (uint64_t k = 0; k < DIRS; k++) {
        char name[FILE_NAME_MAX + 1];
        name_of_dir(k, name);
        world->node[add(0, name, true, 0)].handle = 1 + k;
    }
    for (uint64_t n = 0; n < DECLARED; n++) {
        char name[FILE_NAME_MAX + 1];
        name_of_file(n, name);
        world->node[add(1 + (int)(n / FANOUT), name, false, n)].handle = 1 + DIRS + n;
    }
    struct fake_options o = { .nodes = 2, .seed = seed, .disks = 1, .detect_delay = SIM_MS };
    o.disk_cache = true;
    rig_start(&w->rig, &o, "mesh driver; blast blast <mesh; chan chan <blast; rpc select <chan",
              booted, NULL);
    fake_on_disk(w->rig.f, on_disk, NULL);
    uint64_t crashed = 0;
    for (uint64_t i = 1; !w->over && i < 4000000; i++) {
        if (w->crash_now) {
            w->crash_now = false;
            fake_crash(w->rig.f, 0);
            crashed = i;
            w->crash_write += w->crash_write / (1 + w->crashes);
            w->crashes++;
        }
        if (crashed > 0 && i == crashed + 12)
            fake_restart(w->rig.f, 0);
        if (!fake_step(w->rig.f) && !(crashed > 0 && i < crashed + 12))
            break;
    }
    cr_assert(w->over, "a call never ended");
    rig_stop(&w->rig);
}

static uint64_t seeds(uint64_t usual)
{
    const char *text = getenv("BITFILE_SOAK");
    return text != NULL ? usual * strtoull(text, NULL, 10) : usual;
}

Test(hsm_names, are_a_tree)
{
    uint64_t calls = 0, refused = 0;
    for (uint64_t seed = 0; seed < seeds(6); seed++) {
        struct world w = { .ops = 250 };
        run(&w, seed);
        cr_assert_eq(w.crashes, 0);
        calls += w.calls;
        refused += w.refused;
    }
    cr_assert(refused > calls / 10 && refused < calls * 3 / 4, "%u of %u calls refused",
              (unsigned)refused, (unsigned)calls);
}

Test(hsm_names, outlive_power_off_at_any_write)
{
    uint64_t crashes = 0, doubts = 0;
    for (uint64_t seed = 0; seed < seeds(40); seed++) {
        struct world w = { .ops = 120, .crash_write = 12 + 2 * (seed % 40) + seed / 40 };
        run(&w, seed);
        crashes += w.crashes;
        doubts += w.doubts;
    }
    cr_assert(crashes > 30 && doubts > 20, "%u crashes, %u in doubt", (unsigned)crashes,
              (unsigned)doubts);
}
