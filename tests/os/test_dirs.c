/* test_dirs.c: directories and rights as PFS has them, over every file system that has its modes:
 * one program's calls, and what each must say.
 */
#include <criterion/criterion.h>
#include <string.h>

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
