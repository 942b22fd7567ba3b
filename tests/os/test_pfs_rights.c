/* test_pfs_rights.c: who may do what with names of PFS, before and after the service node died. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/os/pfs_world.h"

enum who { ROOT, ANN, BOB, EVE }; /* Ann and Bob are of one group */
static const struct file_rights users[] = {
    [ROOT] = { 0, 0, 0 }, [ANN] = { 0640, 7, 5 }, [BOB] = { 0664, 8, 5 }, [EVE] = { 0, 9, 6 }
};

enum call { OPEN, READ_ONLY, CREATE, CUT, UNLINK, MKDIR, RMDIR, RENAME, STAT, LIST, CHMOD, GIVE };
struct line {
    enum who who;
    enum call call;
    const char *name, *to;
    enum pfs_status status;
};

static void nobody(void *arg, const char *name, bool dir)
{
    (void)arg, (void)name, (void)dir;
}

static enum pfs_status open_as(struct pfs_client *c, const char *name, unsigned flags)
{
    struct pfs_file *f = NULL;
    struct rope one;
    enum pfs_status s = pfs_open(c, name, flags, M_ASYNC, 0, 1, NULL, &f);
    if (s != PFS_OK)
        return s;
    rope_init(&one);
    rope_add_zero(&one, 1);
    enum pfs_status writes = flags & PFS_O_READ_ONLY ? PFS_DENIED : PFS_OK;
    cr_assert_eq(pfs_write(f, &one), writes);
    cr_assert_eq(pfs_lsize(f, 1), writes);
    return pfs_close(f);
}

static enum pfs_status make(struct pfs_client *c, const struct line *l)
{
    struct pfs_stat st;
    struct file_rights to;
    pfs_user(c, &users[l->who]);
    switch (l->call) {
    case OPEN:
        return open_as(c, l->name, 0);
    case READ_ONLY:
        return open_as(c, l->name, PFS_O_READ_ONLY);
    case CREATE:
        return open_as(c, l->name, PFS_O_CREATE | PFS_O_EXCL);
    case CUT:
        return open_as(c, l->name, PFS_O_READ_ONLY | PFS_O_TRUNC);
    case UNLINK:
        return pfs_unlink(c, l->name);
    case MKDIR:
        return pfs_mkdir(c, l->name);
    case RMDIR:
        return pfs_rmdir(c, l->name);
    case RENAME:
        return pfs_rename(c, l->name, l->to);
    case STAT:
        return pfs_stat(c, l->name, &st);
    case CHMOD: /* "640": of the caller's own ids */
        to = users[l->who];
        to.mode = (uint32_t)strtoul(l->to, NULL, 8);
        return pfs_chmod(c, l->name, &to);
    case GIVE: /* Bob is whose it is */
        to = users[BOB];
        return pfs_chmod(c, l->name, &to);
    default:
        return pfs_list(c, l->name, nobody, NULL);
    }
}

static const struct line first[] = {
    { ANN, MKDIR, "a", NULL, PFS_OK }, /* rwxr-x--- */
    { ANN, CREATE, "a/f", NULL, PFS_OK }, { ANN, MKDIR, "a/d", NULL, PFS_OK },
    { BOB, MKDIR, "b", NULL, PFS_OK },                                       /* rwxrwxr-x */
    { BOB, CREATE, "b/f", NULL, PFS_OK }, { EVE, MKDIR, "e", NULL, PFS_OK }, /* rwxrwxrwx */
    { EVE, CREATE, "e/f", NULL, PFS_OK },
};
/* What is refused, and what is not: it changes nothing that a line after it sees. */
static const struct line then[] = {
    { BOB, OPEN, "a/f", NULL, PFS_DENIED },
    { BOB, READ_ONLY, "a/f", NULL, PFS_OK },
    { BOB, CUT, "a/f", NULL, PFS_DENIED },
    { EVE, READ_ONLY, "a/f", NULL, PFS_DENIED }, /* on the way */
    { EVE, STAT, "a/f", NULL, PFS_DENIED },
    { EVE, STAT, "a/none", NULL, PFS_DENIED },
    { BOB, STAT, "a/none", NULL, PFS_NO_FILE },
    { EVE, STAT, "a", NULL, PFS_OK },
    { EVE, LIST, "a", NULL, PFS_DENIED },
    { BOB, LIST, "a", NULL, PFS_OK },
    { ROOT, LIST, "a", NULL, PFS_OK },
    { BOB, CREATE, "a/g", NULL, PFS_DENIED },
    { BOB, UNLINK, "a/f", NULL, PFS_DENIED },
    { BOB, MKDIR, "a/g", NULL, PFS_DENIED },
    { BOB, RMDIR, "a/d", NULL, PFS_DENIED },
    { BOB, RENAME, "a/f", "b/g", PFS_DENIED },
    { BOB, RENAME, "b/f", "a/g", PFS_DENIED },
    { EVE, RENAME, "b/f", "e/g", PFS_DENIED },
    { EVE, READ_ONLY, "b/f", NULL, PFS_OK },
    { EVE, OPEN, "b/f", NULL, PFS_DENIED },
    { ANN, OPEN, "b/f", NULL, PFS_OK },
    { EVE, LIST, "b", NULL, PFS_OK },
    { EVE, CREATE, "b/g", NULL, PFS_DENIED },
    { ANN, CREATE, "b/g", NULL, PFS_OK },
    { BOB, OPEN, "b/g", NULL, PFS_DENIED }, /* in a directory of his, and not his */
    { BOB, UNLINK, "b/g", NULL, PFS_OK },
    { ANN, OPEN, "e/f", NULL, PFS_OK },
    { ANN, RENAME, "b/f", "e/g", PFS_OK },
    { BOB, RENAME, "e/g", "b/f", PFS_OK },
    { ROOT, OPEN, "a/f", NULL, PFS_OK },
    { ROOT, CREATE, "a/g", NULL, PFS_OK },
    { ANN, OPEN, "a/g", NULL, PFS_OK }, /* root's, for all to write */
    { ANN, UNLINK, "a/g", NULL, PFS_OK },
    { BOB, CHMOD, "a/f", "666", PFS_DENIED },
    { EVE, CHMOD, "a/f", "666", PFS_DENIED }, /* on the way */
    { ANN, GIVE, "a/f", NULL, PFS_DENIED },
    { ANN, CHMOD, "a/f", "600", PFS_OK },
    { BOB, READ_ONLY, "a/f", NULL, PFS_DENIED },
    { ANN, CHMOD, "a/f", "640", PFS_OK },
    { ANN, CHMOD, "a", "700", PFS_OK },
    { BOB, LIST, "a", NULL, PFS_DENIED },
    { ANN, CHMOD, "a", "750", PFS_OK },
    { ROOT, GIVE, "e/f", NULL, PFS_OK },
    { EVE, CHMOD, "e/f", "666", PFS_DENIED },
    { BOB, CHMOD, "e/f", "666", PFS_OK },
    { ROOT, CHMOD, "/", "777", PFS_BAD_NAME },
    { ANN, CHMOD, "no", "777", PFS_NO_FILE },
};

static void all_lines(struct pfs_client *c, const struct line *l, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_expect_eq(make(c, &l[i]), l[i].status, "line %d of %d: %s", (int)i, (int)count,
                     l[i].name);
}

static void lines(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_stat st;
    (void)rank;
    all_lines(c, first, ARRAY_LEN(first));
    all_lines(c, then, ARRAY_LEN(then));
    pfs_user(c, &users[BOB]);
    cr_expect_eq(pfs_chmod(c, "b", &(struct file_rights){ 0711, 8, 5 }), PFS_OK);
    w->deaths[0] = (struct pfs_death){ .node = w->layout.service, .step = 1, .back = SIM_MS };
    while (!w->deaths[0].over)
        port_thread_sleep(fake_port(w->r.f, 0), 10 * SIM_MS);
    pfs_user(c, &users[BOB]);
    cr_expect(pfs_stat(c, "b", &st) == PFS_OK && st.rights.mode == 0711);
    cr_expect_eq(pfs_chmod(c, "b", &(struct file_rights){ 0775, 8, 5 }), PFS_OK);
    all_lines(c, then, ARRAY_LEN(then));
    pfs_user(c, &users[EVE]);
    cr_expect(pfs_stat(c, "b/f", &st) == PFS_OK && st.rights.uid == 8 && st.rights.gid == 5 &&
              st.rights.mode == 0664);
}

Test(pfs_rights, are_asked_for_and_kept)
{
    for (int copies = 0; copies < 2; copies++) {
        struct pfs_world w;
        pfs_world_defaults(&w, 1, 2);
        w.names = true;
        w.lfs.files = 60;
        w.params.log_ratio = copies; /* the log is written anew all the time */
        w.params.log_least = 1;
        pfs_world_start(&w, (struct fake_options){ .seed = 1, .detect_delay = SIM_MS });
        pfs_world_run(&w, lines);
        pfs_world_stop(&w);
    }
}

/* gopen: the rights of rank 0 count, for all alike. */
static enum pfs_status told[2];

static void together(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    (void)w;
    pfs_user(c, &users[rank == 0 ? EVE : ROOT]);
    told[rank] = pfs_gopen(c, "a", 0, M_SYNC, rank, 2, NULL, &f);
}

static void alone(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    (void)w;
    pfs_user(c, &users[ANN]);
    cr_assert(rank > 0 || open_as(c, "a", PFS_O_CREATE) == PFS_OK);
}

Test(pfs_rights, of_rank_0_count_when_all_open)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 2, 1);
    pfs_world_start(&w, (struct fake_options){ .seed = 1 });
    pfs_world_run(&w, alone);
    pfs_world_run(&w, together);
    cr_assert(told[0] == PFS_DENIED && told[1] == PFS_DENIED);
    pfs_world_stop(&w);
}
