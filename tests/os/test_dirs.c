/* test_dirs.c: directories and rights as PFS has them, over every file system that has its modes:
 * one program's calls, and what each must say; and over the layer `pfs`, by handles.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/file/file.h"
#include "os/pfs/pfs.h"
#include "os/registry.h"
#include "tests/os/io_world.h"

enum { MAKE = PIO_CTL_COUNT, OPEN, AS }; /* beside controls; AS: as user `to` from now on */

struct line {
    int what;
    const char *name, *to;
    enum pio_status s;
};

static const struct line script[] = {
    { MAKE, "a/f", NULL, PIO_NO_FILE }, /* directories must exist */
    { PIO_MKDIR, "a/b", NULL, PIO_NO_FILE },
    { PIO_MKDIR, "a", NULL, PIO_OK },
    { PIO_MKDIR, "a", NULL, PIO_EXISTS },
    { PIO_MKDIR, "a/b", NULL, PIO_OK },
    { MAKE, "a/f", NULL, PIO_OK },
    { MAKE, "a//b/g", NULL, PIO_OK }, /* twice changes nothing */
    { OPEN, "a/b/g", NULL, PIO_OK },
    { MAKE, "a/f/x", NULL, PIO_BAD_NAME }, /* a file on the way */
    { MAKE, "a/b", NULL, PIO_BAD_NAME },
    { OPEN, "a/none", NULL, PIO_NO_FILE },
    { MAKE, "a/../f", NULL, PIO_BAD_NAME },
    { PIO_UNLINK, "a/b", NULL, PIO_BAD_NAME },
    { PIO_RMDIR, "a/f", NULL, PIO_BAD_NAME },
    { PIO_RMDIR, "a/b", NULL, PIO_BAD_NAME }, /* not empty */
    { PIO_RENAME, "a", "a/b/c", PIO_BAD_NAME },
    { PIO_RENAME, "a", "z/c", PIO_NO_FILE },
    { PIO_RENAME, "a/b", "a/f", PIO_BAD_NAME },
    { PIO_RENAME, "a/f", "a/b", PIO_BAD_NAME },
    { PIO_RENAME, "a", "moved", PIO_OK }, /* with what is in it */
    { OPEN, "a/b/g", NULL, PIO_NO_FILE },
    { PIO_STAT, "a", NULL, PIO_NO_FILE },
    { PIO_STAT, "moved/b", NULL, PIO_OK },
    { OPEN, "moved/b/g", NULL, PIO_OK },
    { PIO_MKDIR, "empty", NULL, PIO_OK },
    { PIO_RENAME, "moved", "empty", PIO_OK }, /* an empty one goes */
    { OPEN, "empty/b/g", NULL, PIO_OK },
    { PIO_RENAME, "empty/b/g", "empty/f", PIO_OK }, /* replaces a file */
    { PIO_RMDIR, "empty/b", NULL, PIO_OK },
    { PIO_UNLINK, "empty/f", NULL, PIO_OK },
    { PIO_RMDIR, "empty", NULL, PIO_OK },
    { PIO_LIST, "empty", NULL, PIO_NO_FILE },
    { PIO_MKDIR, "open", NULL, PIO_OK }, /* of mode 0777 */
    { AS, NULL, "7", PIO_OK },
    { PIO_MKDIR, "open/own", NULL, PIO_OK }, /* of mode 0750: user 7's */
    { MAKE, "open/own/f", NULL, PIO_OK },
    { AS, NULL, "8", PIO_OK },
    { OPEN, "open/own/f", NULL, PIO_DENIED }, /* who may not search it */
    { MAKE, "open/own/g", NULL, PIO_DENIED },
    { PIO_LIST, "open/own", NULL, PIO_DENIED },
    { PIO_UNLINK, "open/own/f", NULL, PIO_DENIED },
    { PIO_STAT, "open/own/f", NULL, PIO_DENIED },
    { PIO_RENAME, "open/own", "open/his", PIO_OK }, /* a right of what it stands in */
    { AS, NULL, "7", PIO_OK },
    { OPEN, "open/his/f", NULL, PIO_OK },
    { PIO_UNLINK, "open/his/f", NULL, PIO_OK },
    { PIO_RMDIR, "open/his", NULL, PIO_OK },
};

static void entry(void *arg, const char *name, bool directory)
{
    (void)arg;
    (void)name;
    (void)directory;
}

static enum pio_status call(struct pio *c, const struct line *l)
{
    struct pio_control q = { .name = l->name, .to = l->to, .unit = 1024, .entry = entry };
    const struct pio_open o = { .name = l->name,
                                .flags = l->what == MAKE ? PIO_O_CREATE : 0,
                                .ranks = 1,
                                .mode = PIO_PLAIN,
                                .unit = 1024 };
    struct pio_file *f = NULL;
    if (l->what == AS) {
        c->user =
            (struct file_rights){ .uid = (uint32_t)(l->to[0] - '0'), .gid = 1000, .mode = 0640 };
        c->user.gid += c->user.uid;
        return PIO_OK;
    }
    if (l->what != MAKE && l->what != OPEN) {
        q.what = (enum pio_ctl)l->what;
        return pio_control(c, NULL, &q);
    }
    enum pio_status s = pio_open(c, &o, &f);
    if (s == PIO_OK)
        cr_assert_eq(pio_close(f), PIO_OK);
    return s;
}

static void program(struct io_world *w, struct os_node *n, uint32_t rank)
{
    struct pio *c = pio_find(w->ops, n);
    for (size_t i = 0; i < ARRAY_LEN(script) && rank == 0; i++) {
        const struct line *l = &script[i];
        enum pio_status s = call(c, l);
        cr_assert_eq(s, l->s, "%s: line %d (%s): %s, not %s", w->ops->kind.name, (int)i,
                     l->name != NULL ? l->name : "", pio_status_name(s), pio_status_name(l->s));
    }
}

Test(dirs, names_and_rights_are_those_of_pfs)
{
    const char *pfs = "{{service=nx}, {service=pfs_meta, per_file_layout=true}, "
                      "{service=pfs_server}, {service=pfs_client}}";
    for (int k = 0; pio_systems.items[k] != NULL; k++) {
        const struct pio_ops *ops = kind_at(&pio_systems, k);
        struct io_world w;
        if (ops->modes != &pfs_modes)
            continue;
        io_world_start(&w, ops, strcmp(ops->kind.name, "pfs") == 0 ? pfs : NULL,
                       (struct fake_options){ .seed = 3 }, program);
        while (w.running > 0)
            cr_assert(fake_step(w.f), "%s hangs", ops->kind.name);
        io_world_stop(&w);
    }
}

/* ---- the layer pfs ---- */

enum { MANY = 150 }; /* entries, more than two lists have */
static struct {
    uint64_t dir, file, other, made[MANY];
    bool die; /* the service node is to */
} met;

static const char *layer_params;
static bool by_async; /* no token: a write to the end counts as longer */

static struct file_sys *layer(struct os_node *n, const char *params)
{
    const struct file_ops *ops = kind_find(&os_layers, "pfs");
    struct err e = ERR_INIT;
    struct val *v = io_val(params);
    void *p = port_alloc(n->port, ops->kind.params_size);
    cr_assert(param_load(ops->kind.params, p, v, "test", &e), "%s", e.text);
    struct file_sys *s = ops->start(&(struct file_boot){ .node = n }, p, NULL);
    val_free(v);
    return s;
}

static void done(struct file_req *r)
{
    (void)r;
}

static void request(struct file_req *r, enum file_op op, uint64_t file)
{
    file_req_init(r, op, done, NULL);
    r->file = file;
}

static enum file_status ask_name(struct file_sys *s, enum file_op op, uint64_t dir,
                                 const char *name, uint32_t mode, uint64_t *out)
{
    struct file_req r;
    request(&r, op, 0);
    r.dir = dir;
    r.name = name;
    r.attr.mode = mode;
    enum file_status st = file_ask(s, &r);
    *out = r.file;
    return st;
}

static enum file_status plain(struct file_sys *s, enum file_op op, uint64_t file)
{
    struct file_req r;
    request(&r, op, file);
    enum file_status st = file_ask(s, &r);
    rope_fini(&r.data);
    return st;
}

static enum file_status move_as(struct file_sys *s, uint32_t uid, uint64_t dir, const char *name,
                                uint64_t to_dir, const char *to)
{
    struct file_req r;
    request(&r, FILE_RENAME, 0);
    r.uid = uid;
    r.dir = dir;
    r.name = name;
    r.to_dir = to_dir;
    r.to_name = to;
    return file_ask(s, &r);
}

/* Bytes of a pattern whose seed is the file's number: read, they are compared. */
static enum file_status bytes_as(struct file_sys *s, enum file_op op, uint32_t uid, uint64_t file,
                                 uint64_t off, uint64_t len, bool *grew)
{
    struct file_req r;
    request(&r, op, file);
    r.uid = uid;
    file_range(&r, off, len);
    if (op == FILE_WRITE)
        rope_add_pattern(&r.data, file, off, len);
    enum file_status st = file_ask(s, &r);
    cr_assert_eq(r.moved, st == FILE_OK ? len : 0);
    for (uint64_t i = 0; op == FILE_READ && st == FILE_OK && i < len; i++) {
        struct rope want;
        uint8_t got, byte;
        rope_init(&want);
        rope_add_pattern(&want, file, off + i, 1);
        rope_read(&want, 0, 1, &byte);
        rope_read(&r.data, i, 1, &got);
        cr_assert_eq(got, byte, "byte %d", (int)(off + i));
        rope_fini(&want);
    }
    if (grew != NULL)
        *grew = r.grew;
    rope_fini(&r.data);
    return st;
}

static struct file_attr stat_of(struct file_sys *s, uint64_t file, enum file_status want)
{
    struct file_req r;
    request(&r, FILE_STAT, file);
    enum file_status st = file_ask(s, &r);
    cr_assert_eq(st, want, "%s, not %s", file_status_name(st), file_status_name(want));
    return r.attr;
}

static enum file_status change_as(struct file_sys *s, uint32_t uid, uint64_t file, uint32_t mode,
                                  uint32_t owner)
{
    struct file_req r;
    request(&r, FILE_CHANGE, file);
    r.uid = uid;
    r.attr.mode = mode;
    r.attr.uid = owner;
    return file_ask(s, &r);
}

/* All of a directory of MANY files: each once, with its handle. */
static void list_many(struct file_sys *s, uint64_t dir)
{
    uint32_t seen = 0, lists = 0;
    uint64_t next = 0;
    do {
        struct file_req r;
        request(&r, FILE_LIST, next);
        struct file_entry x;
        r.dir = dir;
        cr_assert_eq(file_ask(s, &r), FILE_OK);
        next = r.file;
        lists++;
        while (file_entry_next(&r.data, &x)) {
            char name[8];
            (void)snprintf(name, sizeof name, "f%u", seen);
            cr_assert_str_eq(x.name, name);
            cr_assert_eq(x.file, met.made[seen++]);
        }
        rope_fini(&r.data);
    } while (next != 0);
    cr_assert(seen == MANY && lists > 2, "%u entries in %u lists", seen, lists);
}

static void first_part(struct file_sys *s)
{
    uint64_t h;
    bool grew;
    cr_assert_eq(ask_name(s, FILE_CREATE, FILE_ROOT, "d", FILE_MODE_DIR | 0777, &met.dir), FILE_OK);
    cr_assert_eq(ask_name(s, FILE_CREATE, met.dir, "f", 0666, &met.file), FILE_OK);
    cr_assert_eq(ask_name(s, FILE_CREATE, met.dir, "f", 0666, &h), FILE_EXISTS);
    cr_assert_eq(h, met.file);
    cr_assert_eq(ask_name(s, FILE_CREATE, met.dir, "x/y", 0666, &h), FILE_BAD_NAME);
    cr_assert_eq(ask_name(s, FILE_CREATE, met.file, "x", 0666, &h), FILE_NOT_DIR);
    cr_assert_eq(ask_name(s, FILE_CREATE, 77, "x", 0666, &h), FILE_NO_FILE);
    cr_assert_eq(ask_name(s, FILE_LOOKUP, FILE_ROOT, "d/f", 0, &h), FILE_OK);
    cr_assert_eq(h, met.file);
    cr_assert_eq(bytes_as(s, FILE_WRITE, 0, met.file, 0, 5000, &grew), FILE_OK);
    cr_assert(grew);
    cr_assert_eq(bytes_as(s, FILE_WRITE, 0, met.file, 4000, 1000, &grew), FILE_OK);
    cr_assert(!grew || by_async, "the node has the token, and the file ended there");
    cr_assert_eq(bytes_as(s, FILE_WRITE, 0, met.file, INT64_MAX, 5, NULL), FILE_RANGE);
    cr_assert_eq(bytes_as(s, FILE_READ, 0, met.dir, 0, 5, NULL), FILE_IS_DIR);
    cr_assert_eq(bytes_as(s, FILE_READ, 0, 77, 0, 5, NULL), FILE_NO_FILE);
    for (int i = 0; i < MANY; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "f%d", i);
        if (i == 0)
            cr_assert_eq(ask_name(s, FILE_CREATE, FILE_ROOT, "m", FILE_MODE_DIR | 0777, &met.other),
                         FILE_OK);
        cr_assert_eq(ask_name(s, FILE_CREATE, met.other, name, 0600, &met.made[i]), FILE_OK);
    }
    struct file_req r;
    request(&r, FILE_CREATE, 0);
    r.name = "owned";
    r.attr.owner[3] = 1;
    cr_assert_eq(file_ask(s, &r), FILE_UNSUPPORTED);
    cr_assert_eq(plain(s, FILE_CHECKPOINT, met.file), FILE_UNSUPPORTED); /* lfs has none */
}

/* Another node: the same handles; it moves and removes. */
static void second_part(struct file_sys *s)
{
    uint64_t h, dir;
    cr_assert_eq(bytes_as(s, FILE_READ, 0, met.file, 0, 5, NULL), FILE_NO_FILE); /* never seen */
    cr_assert_eq(ask_name(s, FILE_LOOKUP, FILE_ROOT, "d", 0, &dir), FILE_OK);
    cr_assert_eq(ask_name(s, FILE_LOOKUP, dir, "f", 0, &h), FILE_OK);
    cr_assert(dir == met.dir && h == met.file);
    cr_assert_eq(bytes_as(s, FILE_READ, 0, h, 100, 900, NULL), FILE_OK);
    cr_assert_eq(stat_of(s, h, FILE_OK).size, 5000);
    cr_assert_eq(ask_name(s, FILE_LOOKUP, FILE_ROOT, "m", 0, &dir), FILE_OK);
    list_many(s, dir);
    cr_assert_eq(move_as(s, 0, FILE_ROOT, "d", FILE_ROOT, "d"), FILE_OK);
    cr_assert_eq(move_as(s, 0, FILE_ROOT, "d", met.dir, "d"), FILE_LOOP);
    cr_assert_eq(move_as(s, 0, FILE_ROOT, "d", FILE_ROOT, "m"), FILE_EXISTS);
    cr_assert_eq(move_as(s, 0, FILE_ROOT, "d", dir, "f0"), FILE_UNSUPPORTED);
    cr_assert_eq(move_as(s, 0, FILE_ROOT, "d", FILE_ROOT, "e"), FILE_OK);
    cr_assert_eq(bytes_as(s, FILE_WRITE, 0, h, 5000, 100, NULL), FILE_OK);
    cr_assert_eq(change_as(s, 0, h, 0640, 7), FILE_OK); /* by its new path */
    cr_assert_eq(change_as(s, 8, h, 0666, 7), FILE_DENIED);
    cr_assert_eq(bytes_as(s, FILE_READ, 7, h, 0, 10, NULL), FILE_OK);
    cr_assert_eq(bytes_as(s, FILE_READ, 8, h, 0, 10, NULL), FILE_OK); /* of the group */
    cr_assert_eq(bytes_as(s, FILE_WRITE, 8, h, 0, 10, NULL), FILE_DENIED);
    cr_assert_eq(move_as(s, 0, dir, "f2", dir, "f1"), FILE_OK); /* in the place of a file */
    cr_assert_eq(plain(s, FILE_STAT, met.made[1]), FILE_NO_FILE);
    cr_assert_eq(plain(s, FILE_REMOVE, met.made[3]), FILE_OK);
    cr_assert_eq(plain(s, FILE_REMOVE, met.made[3]), FILE_NO_FILE);
    cr_assert_eq(plain(s, FILE_REMOVE, dir), FILE_NOT_EMPTY);
    cr_assert_eq(ask_name(s, FILE_CREATE, dir, "f3", 0600, &h), FILE_OK);
    cr_assert_neq(h, met.made[3]);
    cr_assert_eq(plain(s, FILE_FLUSH, 0), FILE_OK);
}

/* The first again, to which that happened; then the service node dies. */
static void third_part(struct file_sys *s, struct port *p)
{
    uint64_t h;
    cr_assert_eq(bytes_as(s, FILE_READ, 0, met.file, 4900, 200, NULL), FILE_OK);
    cr_assert_eq(stat_of(s, met.file, FILE_OK).uid, 7);
    cr_assert_eq(bytes_as(s, FILE_WRITE, 8, met.file, 0, 10, NULL), FILE_DENIED);
    cr_assert_eq(plain(s, FILE_REMOVE, met.file), FILE_NO_FILE); /* it has another path */
    cr_assert_eq(ask_name(s, FILE_LOOKUP, FILE_ROOT, "d/f", 0, &h), FILE_NO_FILE);
    cr_assert_eq(bytes_as(s, FILE_READ, 0, met.made[3], 0, 1, NULL), FILE_NO_FILE);
    cr_assert_eq(plain(s, FILE_STAT, met.made[3]), FILE_NO_FILE);
    cr_assert_eq(plain(s, FILE_REMOVE, met.made[3]), FILE_NO_FILE); /* the new one stays */
    cr_assert_eq(ask_name(s, FILE_LOOKUP, met.other, "f3", 0, &h), FILE_OK);
    struct file_req r;
    request(&r, FILE_HINT, met.file);
    r.hint = FILE_FORGET;
    cr_assert_eq(file_ask(s, &r), FILE_OK);
    cr_assert_eq(bytes_as(s, FILE_READ, 0, met.file, 0, 5100, NULL), FILE_OK);
    met.die = true;
    while (met.die)
        port_thread_sleep(p, SIM_MS);
    port_thread_sleep(p, SIM_SEC);
    enum file_status st = bytes_as(s, FILE_READ, 0, met.file, 0, 5100, NULL);
    cr_assert(st == FILE_OK || st == FILE_UNREACHABLE, "%s", file_status_name(st));
    cr_assert_eq(bytes_as(s, FILE_READ, 0, met.file, 0, 5100, NULL), FILE_OK);
    st = bytes_as(s, FILE_WRITE, 0, met.file, 5100, 50, NULL);
    if (by_async && st == FILE_UNREACHABLE) /* who reads in M_ASYNC does not hear of it */
        st = bytes_as(s, FILE_WRITE, 0, met.file, 5100, 50, NULL);
    cr_assert_eq(st, FILE_OK);
    cr_assert_eq(plain(s, FILE_FLUSH, met.file), FILE_OK);
    cr_assert_eq(ask_name(s, FILE_LOOKUP, FILE_ROOT, "e/f", 0, &h), FILE_OK);
    cr_assert_eq(h, met.file);
    cr_assert_eq(plain(s, FILE_REMOVE, h), FILE_OK);
}

static void by_handles(struct io_world *w, struct os_node *n, uint32_t rank)
{
    (void)w;
    struct file_sys *s = layer(n, layer_params);
    if (rank == 0)
        first_part(s);
    (void)nx_gsync(os_find(n, &nx_service));
    if (rank == 1)
        second_part(s);
    (void)nx_gsync(os_find(n, &nx_service));
    if (rank == 0)
        third_part(s, n->port);
}

/* PFSLAY1, PFSLAY2: handles are those of all nodes, and stay what they are. */
Test(dirs, the_layer_over_pfs_knows_files_by_number)
{
    static const char *const params[] = { "{}", "{path='/', mode=async}" };
    for (size_t i = 0; i < ARRAY_LEN(params); i++) {
        struct io_world w;
        layer_params = params[i];
        by_async = i == 1;
        memset(&met, 0, sizeof met);
        io_world_start(&w, kind_find(&pio_systems, "pfs"),
                       "{{service=nx}, {service=pfs_meta, unit=700B, names={{layer=lfs}}}, "
                       "{service=pfs_server}, {service=pfs_client}}",
                       (struct fake_options){ .seed = 5, .detect_delay = 5 * SIM_MS }, by_handles);
        while (w.running > 0) {
            cr_assert(fake_step(w.f), "it hangs");
            if (!met.die)
                continue;
            fake_crash(w.f, IO_NODES - 1);
            fake_run_until(w.f, fake_now(w.f) + 50 * SIM_MS);
            fake_restart(w.f, IO_NODES - 1);
            met.die = false;
        }
        io_world_stop(&w);
    }
}
