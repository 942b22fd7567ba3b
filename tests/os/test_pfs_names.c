/* test_pfs_names.c: names and directories against a list of paths; the calls on open files. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/os/pfs_world.h"
#include "tests/sample.h"

/* ---- random trees ----
 *
 * The model is a list of whole paths; a name is there when its path is.  Clients take turns.
 */
enum { MOST = 64, STEPS = 150 };

struct entry {
    char path[PFS_NAME_MAX + 1];
    bool dir;
    uint64_t size;
};
static struct model {
    uint64_t state;
    struct entry list[MOST];
    uint32_t count, listed;
} m;

static uint32_t draw(uint32_t n)
{
    m.state = m.state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(m.state >> 33) % n;
}

static struct entry *entry_of(const char *path)
{
    for (uint32_t i = 0; i < m.count; i++)
        if (strcmp(m.list[i].path, path) == 0)
            return &m.list[i];
    return NULL;
}

static bool below(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    return strncmp(path, dir, n) == 0 && path[n] == '/';
}

static bool empty(const char *dir)
{
    for (uint32_t i = 0; i < m.count; i++)
        if (below(m.list[i].path, dir))
            return false;
    return true;
}

/* Whether the directories on the way are there. */
static enum pfs_status way(const char *path)
{
    char front[PFS_NAME_MAX + 1];
    for (const char *s = strchr(path + 1, '/'); s != NULL; s = strchr(s + 1, '/')) {
        memcpy(front, path, (size_t)(s - path));
        front[s - path] = 0;
        if (entry_of(front) == NULL)
            return PFS_NO_FILE;
        if (!entry_of(front)->dir)
            return PFS_NOT_DIR;
    }
    return PFS_OK;
}

static void draw_path(char path[PFS_NAME_MAX + 1])
{
    static const char *const names[] = { "a", "b",
                                         "a-name-of-some-length-that-is-not-in-the-head" };
    path[0] = 0;
    for (uint32_t depth = 1 + draw(3); depth > 0; depth--) {
        (void)strcat(path, "/");
        (void)strcat(path, names[draw(3)]);
    }
}

static void add(const char *path, bool dir, uint64_t size)
{
    cr_assert_lt(m.count, MOST);
    struct entry *x = &m.list[m.count++];
    *x = (struct entry){ .dir = dir, .size = size };
    (void)strcpy(x->path, path);
}

static void take(struct entry *x)
{
    memmove(x, x + 1, (size_t)(&m.list[--m.count] - x) * sizeof *x);
}

static void make(struct pfs_client *c, const char *path)
{
    enum pfs_status want = way(path), s;
    struct pfs_file *f = NULL;
    struct entry *x = entry_of(path);
    struct rope data;
    if (want == PFS_OK && x != NULL)
        want = x->dir ? PFS_IS_DIR : PFS_OK;
    s = pfs_open(c, path, PFS_O_CREATE, M_UNIX, 0, 1, NULL, &f);
    cr_assert_eq(s, want, "%s: %s", path, pfs_status_name(s));
    if (s != PFS_OK)
        return;
    if (x == NULL) {
        add(path, false, 0);
        x = entry_of(path);
    }
    rope_init(&data);
    rope_add_pattern(&data, 1, 0, 1 + draw(3000));
    x->size = x->size > data.length ? x->size : data.length;
    cr_assert_eq(pfs_write(f, &data), PFS_OK);
    cr_assert_eq(pfs_close(f), PFS_OK);
}

static void make_dir(struct pfs_client *c, const char *path)
{
    enum pfs_status want = way(path);
    if (want == PFS_OK && entry_of(path) != NULL)
        want = PFS_EXISTS;
    cr_assert_eq(pfs_mkdir(c, path), want, "%s", path);
    if (want == PFS_OK)
        add(path, true, 0);
}

static void drop(struct pfs_client *c, const char *path, bool dir)
{
    struct entry *x = entry_of(path);
    enum pfs_status want = way(path);
    if (want == PFS_OK && x == NULL)
        want = PFS_NO_FILE;
    if (want == PFS_OK && x->dir != dir)
        want = dir ? PFS_NOT_DIR : PFS_IS_DIR;
    if (want == PFS_OK && dir && !empty(path))
        want = PFS_NOT_EMPTY;
    cr_assert_eq((dir ? pfs_rmdir : pfs_unlink)(c, path), want, "%s", path);
    if (want == PFS_OK)
        take(x);
}

static void move(struct pfs_client *c, const char *from, const char *to)
{
    struct entry *x = entry_of(from), *y = entry_of(to);
    enum pfs_status want = way(from);
    if (want == PFS_OK)
        want = x == NULL ? PFS_NO_FILE : way(to);
    if (want == PFS_OK && x != y) {
        if (below(to, from))
            want = PFS_BAD_NAME;
        else if (y != NULL && x->dir != y->dir)
            want = x->dir ? PFS_NOT_DIR : PFS_IS_DIR;
        else if (y != NULL && !empty(to))
            want = PFS_NOT_EMPTY;
    }
    enum pfs_status s = pfs_rename(c, from, to);
    cr_assert_eq(s, want, "%s to %s: %s", from, to, pfs_status_name(s));
    if (want != PFS_OK || x == y)
        return;
    if (y != NULL)
        take(y);
    for (uint32_t i = 0; i < m.count; i++) {
        char moved[2 * PFS_NAME_MAX];
        struct entry *e = &m.list[i];
        if (strcmp(e->path, from) != 0 && !below(e->path, from))
            continue;
        (void)snprintf(moved, sizeof moved, "%s%s", to, e->path + strlen(from));
        (void)strcpy(e->path, moved);
    }
}

static char listed_in[PFS_NAME_MAX + 1];

static void one_name(void *arg, const char *name, bool dir)
{
    char path[2 * PFS_NAME_MAX];
    (void)arg;
    (void)snprintf(path, sizeof path, "%s/%s", listed_in, name);
    struct entry *x = entry_of(path);
    cr_assert(x != NULL && x->dir == dir, "%s is listed", path);
    m.listed++;
}

/* Every name of the model is found, every directory lists what it has. */
static void compare(struct pfs_client *c)
{
    for (uint32_t i = 0; i < m.count; i++) {
        struct pfs_stat st;
        uint32_t inside = 0;
        const char *path = m.list[i].path;
        cr_assert_eq(pfs_stat(c, path, &st), PFS_OK, "%s", path);
        cr_assert_eq(st.dir, m.list[i].dir);
        if (!st.dir) {
            cr_assert_eq(st.size, m.list[i].size);
            cr_assert_eq(pfs_list(c, path, one_name, NULL), PFS_NOT_DIR);
            continue;
        }
        (void)strcpy(listed_in, path);
        m.listed = 0;
        cr_assert_eq(pfs_list(c, path, one_name, NULL), PFS_OK);
        for (uint32_t k = 0; k < m.count; k++)
            inside += below(m.list[k].path, path) &&
                      strchr(m.list[k].path + strlen(path) + 1, '/') == NULL;
        cr_assert_eq(m.listed, inside, "%s", path);
    }
}

static void random_tree(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    for (uint32_t step = 0; step < STEPS; step++) {
        cr_assert_eq(pfs_agree(c, "turn", w->compute, PFS_OK), PFS_OK);
        if (step % w->compute != rank)
            continue;
        char path[PFS_NAME_MAX + 1], to[PFS_NAME_MAX + 1];
        uint32_t what = draw(8);
        draw_path(path);
        draw_path(to);
        if (what < 2)
            make(c, path);
        else if (what < 4)
            make_dir(c, path);
        else if (what < 6)
            move(c, path, to);
        else
            drop(c, path, what == 6);
        compare(c);
    }
}

Test(pfs_names, random_trees_are_those_of_the_model)
{
    for (uint64_t seed = 1; seed <= sample(NULL, 40); seed++) {
        struct pfs_world w;
        memset(&m, 0, sizeof m);
        m.state = seed;
        pfs_world_defaults(&w, 2, 2);
        w.lfs.files = MOST;
        pfs_world_start(&w, (struct fake_options){ .seed = seed, .order = FAKE_RANDOM });
        pfs_world_run(&w, random_tree);
        pfs_world_stop(&w);
    }
}

static void run(uint32_t compute,
                void (*program)(struct pfs_world *, struct pfs_client *, uint32_t))
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct pfs_world w;
        pfs_world_defaults(&w, compute, 3);
        w.lfs.files = 200;
        pfs_world_start(&w, (struct fake_options){ .seed = seed, .order = FAKE_RANDOM });
        pfs_world_run(&w, program);
        pfs_world_stop(&w);
    }
}

static void count_name(void *arg, const char *name, bool dir)
{
    (void)name;
    (void)dir;
    ++*(uint32_t *)arg;
}

static struct pfs_file *file(struct pfs_client *c, const char *name, enum pfs_mode mode)
{
    struct pfs_file *f = NULL;
    cr_assert_eq(pfs_open(c, name, PFS_O_CREATE, mode, 0, 1, NULL, &f), PFS_OK);
    return f;
}

static enum pfs_status put(struct pfs_file *f, uint64_t n)
{
    struct rope data;
    rope_init(&data);
    rope_add_pattern(&data, 7, 0, n);
    return pfs_write(f, &data);
}

/* A directory of more names than one answer holds; names that are none; open files keep going under
 * another name, and end where another file takes theirs. */
static void odd_names(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    uint32_t n = 0;
    char name[PFS_NAME_MAX + 10];
    struct rope got;
    (void)w;
    (void)rank;
    cr_assert_eq(pfs_mkdir(c, "d"), PFS_OK);
    for (uint32_t i = 0; i < 180; i++) {
        (void)snprintf(name, sizeof name, "//d/%03u%0230u/", i, i);
        cr_assert_eq(pfs_mkdir(c, name), PFS_OK);
    }
    cr_assert_eq(pfs_list(c, "/d", count_name, &n), PFS_OK);
    cr_assert_eq(n, 180, "%u names", n);
    memset(name, 'x', sizeof name);
    name[PFS_NAME_MAX + 1] = 0;
    cr_assert_eq(pfs_mkdir(c, name), PFS_BAD_NAME);
    cr_assert_eq(pfs_mkdir(c, ""), PFS_BAD_NAME);
    cr_assert_eq(pfs_mkdir(c, "d/../e"), PFS_BAD_NAME);
    cr_assert_eq(pfs_mkdir(c, "/"), PFS_EXISTS);
    cr_assert_eq(pfs_rmdir(c, "/"), PFS_NOT_EMPTY);
    cr_assert_eq(pfs_rename(c, "/", "e"), PFS_BAD_NAME);
    cr_assert_eq(pfs_rename(c, "d", "d/e"), PFS_BAD_NAME);
    struct pfs_file *f = file(c, "one", M_ASYNC), *g = file(c, "two", M_ASYNC);
    cr_assert_eq(put(f, 5000), PFS_OK);
    cr_assert_eq(put(g, 10), PFS_OK);
    cr_assert_eq(pfs_rename(c, "one", "d/one"), PFS_OK);
    cr_assert_eq(pfs_rename(c, "d/one", "two"), PFS_OK);
    cr_assert_eq(pfs_lseek(f, 0), PFS_OK);
    cr_assert_eq(pfs_read(f, 5000, &got), PFS_OK);
    cr_assert_eq(got.length, 5000);
    rope_fini(&got);
    cr_assert_eq(put(g, 10000), PFS_NO_FILE);
    cr_assert_eq(pfs_close(g), PFS_NO_FILE);
    cr_assert_eq(pfs_close(f), PFS_OK);
}

Test(pfs_names, long_directories_and_names_that_are_none)
{
    run(1, odd_names);
}

/* Many files: made, looked at in another order, moved, removed.  PFS_STORM=1000000 is the soak. */
static uint32_t storm_files;

static void storm(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    char name[PFS_NAME_MAX + 1], to[PFS_NAME_MAX + 1];
    struct pfs_stat st;
    uint32_t n = 0, dirs = 1 + storm_files / 1000;
    (void)w;
    (void)rank;
    for (uint32_t i = 0; i < dirs; i++) {
        (void)snprintf(name, sizeof name, "d%u", i);
        cr_assert_eq(pfs_mkdir(c, name), PFS_OK);
    }
    for (uint32_t i = 0; i < storm_files; i++) {
        (void)snprintf(name, sizeof name, "d%u/f%u", i % dirs, i);
        cr_assert_eq(pfs_close(file(c, name, M_ASYNC)), PFS_OK);
    }
    for (uint32_t i = 0; i < storm_files; i++) {
        uint32_t k = (uint32_t)((uint64_t)i * 7919 % storm_files);
        (void)snprintf(name, sizeof name, "d%u/f%u", k % dirs, k);
        (void)snprintf(to, sizeof to, "d0/g%u", k);
        cr_assert_eq(pfs_stat(c, name, &st), PFS_OK);
        cr_assert_eq(pfs_rename(c, name, to), PFS_OK);
    }
    cr_assert_eq(pfs_list(c, "d0", count_name, &n), PFS_OK);
    cr_assert_eq(n, storm_files);
    for (uint32_t i = 0; i < storm_files; i++) {
        (void)snprintf(name, sizeof name, "d0/g%u", i);
        cr_assert_eq(pfs_unlink(c, name), PFS_OK);
    }
    cr_assert_eq(pfs_rmdir(c, "d0"), PFS_OK);
}

Test(pfs_names, a_storm_of_files)
{
    struct pfs_world w;
    storm_files = (uint32_t)sample("PFS_STORM", 1013);
    pfs_world_defaults(&w, 1, 2);
    w.steps_more = (uint64_t)storm_files * 1000;
    pfs_world_start(&w, (struct fake_options){ .seed = 1 });
    pfs_world_run(&w, storm);
    pfs_world_stop(&w);
}

/* ---- the calls on open files ---- */

/* Reads at a private pointer that are all under way: it ends up at the end of the file, whichever
 * is waited for first, unless a seek or a write has set it since. */
static void read_ahead_of_the_end(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    static const enum pfs_mode modes[] = { M_UNIX, M_ASYNC };
    (void)w;
    (void)rank;
    for (uint32_t k = 0; k < 4; k++) {
        struct pfs_file *f = file(c, k % 2 ? "u" : "a", modes[k % 2]);
        struct pfs_req r[3];
        struct rope got;
        bool eof;
        cr_assert_eq(pfs_lsize(f, 0), PFS_OK);
        cr_assert_eq(put(f, 2500), PFS_OK);
        cr_assert_eq(pfs_iseof(f, &eof), PFS_OK);
        cr_assert(eof);
        cr_assert_eq(pfs_eseek(f, -2500, PFS_SEEK_END, NULL), PFS_OK);
        cr_assert_eq(pfs_iseof(f, &eof), PFS_OK);
        cr_assert(!eof);
        for (uint32_t i = 0; i < 3; i++)
            pfs_iread(&r[i], f, 1000);
        cr_assert_eq(pfs_tell(f), 3000);
        cr_assert_not(pfs_iodone(&r[0]));
        if (k >= 2)
            cr_assert_eq(pfs_lseek(f, 2900), PFS_OK);
        for (uint32_t i = 0; i < 3; i++) {
            uint32_t which = (i + k) % 3;
            cr_assert_eq(pfs_iowait(&r[which], &got), PFS_OK);
            cr_assert(pfs_iodone(&r[which]));
            cr_assert_eq(got.length, which == 2 ? 500 : 1000);
            rope_fini(&got);
        }
        cr_assert_eq(pfs_tell(f), k >= 2 ? 2900 : 2500);
        cr_assert_eq(pfs_close(f), PFS_OK);
    }
}

Test(pfs_names, a_private_pointer_ends_where_reads_did)
{
    run(1, read_ahead_of_the_end);
}

/* The size is known to all while one node holds the token. */
static void sizes(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = file(c, "f", M_UNIX);
    struct pfs_stat st;
    uint64_t size;
    for (uint32_t k = 0; k < 4; k++) {
        cr_assert_eq(pfs_agree(c, "write", w->compute, PFS_OK), PFS_OK);
        if (k % 2 == rank) {
            cr_assert_eq(pfs_eseek(f, 0, PFS_SEEK_END, &size), PFS_OK);
            cr_assert_eq(size, 100 * k);
            cr_assert_eq(put(f, 100), PFS_OK);
        }
        cr_assert_eq(pfs_agree(c, "look", w->compute, PFS_OK), PFS_OK);
        if (k < 2) {
            cr_assert_eq(pfs_stat(c, "f", &st), PFS_OK);
            cr_assert_eq(st.size, 100 * (k + 1), "%d", (int)st.size);
        } else {
            cr_assert_eq(pfs_size(f, &size), PFS_OK);
            cr_assert_eq(size, 100 * (k + 1));
        }
        cr_assert_eq(pfs_agree(c, "seen", w->compute, PFS_OK), PFS_OK);
    }
    cr_assert_eq(pfs_close(f), PFS_OK);
}

Test(pfs_names, the_size_is_what_the_holder_of_the_token_knows)
{
    run(2, sizes);
}

/* ---- mounts ---- */

static struct val *number_list(uint32_t a, uint32_t b, uint32_t count)
{
    struct val *l = val_new(VAL_LIST, NULL, 0);
    val_append(l, val_new_int(a, NULL, 0));
    if (count > 1)
        val_append(l, val_new_int(b, NULL, 0));
    return l;
}

static struct val *mount(const char *path, const char *unit, struct val *group)
{
    struct val *v = val_new(VAL_TABLE, NULL, 0);
    val_put(v, "path", val_new_string(path, NULL, 0));
    val_put(v, "unit", val_new_string(unit, NULL, 0));
    val_put(v, "group", group);
    return v;
}

static enum pfs_status open_of(struct pfs_client *c, const char *name, uint64_t unit, uint32_t at)
{
    struct pfs_attrs a = { .unit = unit, .factor = 1, .group = { at } };
    struct pfs_file *f = NULL;
    enum pfs_status s = pfs_open(c, name, PFS_O_CREATE, M_ASYNC, 0, 1, &a, &f);
    if (s == PFS_OK)
        cr_assert_eq(pfs_close(f), PFS_OK);
    return s;
}

static void check_attrs(struct pfs_client *c, const char *name, uint64_t unit, uint32_t factor,
                        uint32_t first)
{
    struct pfs_stat st;
    struct pfs_file *f = file(c, name, M_ASYNC);
    cr_assert_eq(put(f, 9000), PFS_OK);
    cr_assert_eq(pfs_close(f), PFS_OK);
    cr_assert_eq(pfs_stat(c, name, &st), PFS_OK);
    cr_assert_eq(st.attrs.unit, unit);
    cr_assert_eq(st.attrs.factor, factor);
    cr_assert_eq(st.attrs.group[0], first);
    cr_assert_eq(st.size, 9000);
}

/* Files have the layout of the mount that they are below, and no other. */
static void below_mounts(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    (void)w;
    (void)rank;
    check_attrs(c, "x", 1024, 2, 2);
    check_attrs(c, "/pfs/one/y", 512, 1, 1);
    cr_assert_eq(pfs_open(c, "/z", PFS_O_CREATE, M_ASYNC, 0, 1, NULL, &f), PFS_OTHER_MOUNT);
    cr_assert_eq(pfs_rename(c, "x", "one/x"), PFS_OTHER_MOUNT);
    cr_assert_eq(pfs_rename(c, "one", "two"), PFS_OTHER_MOUNT);
    cr_assert_eq(pfs_rename(c, "one/y", "/pfs/one/z"), PFS_OK);
    cr_assert_eq(pfs_unlink(c, "one/z"), PFS_OK);
    cr_assert_eq(pfs_rmdir(c, "one"), PFS_NOT_EMPTY);
    cr_assert_eq(open_of(c, "one/a", 512, 1), PFS_OK);
    cr_assert_eq(open_of(c, "one/b", 512, 0), PFS_BAD_ATTRS);
    cr_assert_eq(open_of(c, "one/b", 1024, 1), PFS_BAD_ATTRS);
    cr_assert_eq(open_of(c, "c", 512, 1), PFS_BAD_ATTRS);
    cr_assert_eq(pfs_open(c, "c", 0, M_ASYNC, 0, 1, NULL, &f), PFS_NO_FILE);
}

Test(pfs_names, files_have_the_layout_of_their_mount)
{
    struct pfs_world w;
    struct val *list = val_new(VAL_LIST, NULL, 0);
    val_append(list, mount("/pfs", "1KiB", number_list(2, 0, 2)));
    val_append(list, mount("/pfs/one", "512B", number_list(1, 0, 1)));
    pfs_world_defaults(&w, 1, 3);
    w.params.mounts = list;
    w.params.per_file_layout = false;
    pfs_world_start(&w, (struct fake_options){ .seed = 1 });
    pfs_world_run(&w, below_mounts);
    pfs_world_stop(&w);
    val_free(list);
}

/* Without a list all files are as the first is made. */
static void as_the_first(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    (void)w;
    (void)rank;
    cr_assert_eq(open_of(c, "a", 0, 1), PFS_BAD_ATTRS);
    cr_assert_eq(open_of(c, "a", 2048, 1), PFS_OK);
    cr_assert_eq(open_of(c, "b", 1024, 1), PFS_BAD_ATTRS);
    check_attrs(c, "c", 2048, 1, 1);
}

Test(pfs_names, without_mounts_all_files_are_like_the_first)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 1, 3);
    w.params.per_file_layout = false;
    pfs_world_start(&w, (struct fake_options){ .seed = 1 });
    pfs_world_run(&w, as_the_first);
    pfs_world_stop(&w);
}

/* first = "round": each file begins where the one before has its second unit, also after those
 * before were read from a log. */
static void one_after_another(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_stat st;
    char name[8];
    (void)rank;
    for (uint32_t i = 0; i < 9; i++) {
        (void)snprintf(name, sizeof name, "%u", i);
        enum pfs_status s = pfs_mkdir(c, "d"); /* waits for the names */
        cr_assert(s == PFS_OK || s == PFS_EXISTS, "%s", pfs_status_name(s));
        cr_assert_eq(put(file(c, name, M_ASYNC), 5000), PFS_OK);
        if (i != 4)
            continue;
        cr_assert_eq(pfs_unlink(c, "0"), PFS_OK); /* the log now begins with another */
        cr_assert_eq(pfs_rmdir(c, "d"), PFS_OK);
        port_thread_sleep(fake_port(w->r.f, 0), SIM_SEC);
        cr_assert_gt(fake_count(w->r.f, w->layout.service, "pfs_meta.copies"), 0);
        w->deaths[0] = (struct pfs_death){ .node = w->layout.service, .step = 1, .back = SIM_MS };
        while (!w->deaths[0].over)
            port_thread_sleep(fake_port(w->r.f, 0), 10 * SIM_MS);
    }
    for (uint32_t i = 1; i < 9; i++) {
        (void)snprintf(name, sizeof name, "%u", i);
        cr_assert_eq(pfs_stat(c, name, &st), PFS_OK);
        cr_assert_eq(st.size, 5000);
        uint32_t from = i < 5 ? i : i - 5; /* the server counts anew */
        for (uint32_t k = 0; k < 2; k++)
            cr_assert_eq(st.attrs.group[k], (from + k) % 3, "file %u: %u", i, st.attrs.group[k]);
    }
}

Test(pfs_names, files_begin_on_each_member_in_turn)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 1, 3);
    w.names = true;
    w.params.first = PFS_FIRST_ROUND;
    w.params.log_ratio = w.params.log_least = 1;
    w.params.factor = 2;
    w.params.per_file_layout = false;
    w.lfs.files = 60;
    pfs_world_start(&w, (struct fake_options){ .seed = 1, .detect_delay = SIM_MS });
    pfs_world_run(&w, one_after_another);
    pfs_world_stop(&w);
}
