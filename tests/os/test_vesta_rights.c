/* test_vesta_rights.c: who may do what with objects of Vesta. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/os/vesta_world.h"

enum who { ROOT, ANN, BOB, EVE }; /* Ann and Bob are of one group */
static const struct file_rights users[] = {
    [ROOT] = { 0, 0, 0 }, [ANN] = { 0640, 7, 5 }, [BOB] = { 0664, 8, 5 }, [EVE] = { 0, 9, 6 }
};

enum call {
    OPEN,
    READ_ONLY,
    CREATE,
    UNLINK,
    MKXREF,
    RMXREF,
    RENAME,
    CHMOD,
    GIVE,
    STAT,
    LIST,
    GRANT
};
struct line {
    enum who who;
    enum call call;
    const char *name, *to; /* of a GRANT: to Eve, these bits */
    enum file_status status;
};

static void nobody(void *arg, const char *name, bool xref)
{
    (void)arg, (void)name, (void)xref;
}

static const struct vesta_layout narrow = { .bsu = 100, .cells = 2, .base = 0 };

static bool versions; /* the I/O nodes keep them */

static enum file_status open_as(struct vesta_client *c, const char *name, unsigned flags)
{
    struct vesta_file *f = NULL;
    const struct file_run one = { .len = 1, .count = 1 };
    uint8_t byte = 1;
    uint64_t moved;
    enum file_status s = vesta_open(c, name, flags, &narrow, VESTA_RECKLESS, &f);
    if (s != FILE_OK)
        return s;
    enum file_status writes = flags & VESTA_O_READ_ONLY ? FILE_DENIED : FILE_OK;
    cr_expect_eq(vesta_world_write(f, &one, 1, &byte, 1), writes);
    cr_expect_eq(vesta_set_size(f, 1), writes);
    cr_expect(!versions || vesta_checkpoint(f, 0) == writes);
    cr_expect(!versions || vesta_rollback(f, 0) == writes);
    cr_expect_eq(vesta_world_read(f, &one, 1, &byte, &moved), FILE_OK);
    vesta_close(f);
    return s;
}

static enum file_status make(struct vesta_client *c, const struct line *l)
{
    struct vesta_stat st;
    struct file_rights to;
    vesta_user(c, &users[l->who]);
    switch (l->call) {
    case OPEN:
        return open_as(c, l->name, 0);
    case READ_ONLY:
        return open_as(c, l->name, VESTA_O_READ_ONLY);
    case CREATE:
        return open_as(c, l->name, VESTA_O_CREATE | VESTA_O_EXCL);
    case UNLINK:
        return vesta_unlink(c, l->name);
    case MKXREF:
        return vesta_mkxref(c, l->name);
    case RMXREF:
        return vesta_rmxref(c, l->name);
    case RENAME:
        return vesta_rename(c, l->name, l->to);
    case STAT:
        return vesta_stat(c, l->name, &st);
    case GRANT:
        return vesta_grant(c, l->name, users[EVE].uid, (uint32_t)(l->to[0] - '0'));
    case CHMOD: /* "640": of the caller's own ids */
        to = users[l->who];
        to.mode = (uint32_t)strtoul(l->to, NULL, 8);
        return vesta_chmod(c, l->name, &to);
    case GIVE: /* Bob is whose it is */
        to = users[BOB];
        return vesta_chmod(c, l->name, &to);
    default:
        return vesta_list(c, l->name, nobody, NULL);
    }
}

static const struct line first[] = {
    { ANN, MKXREF, "x", NULL, FILE_OK }, /* rwxr-x--- */
    { ANN, CREATE, "a", NULL, FILE_OK }, /* rw-r----- */
    { BOB, CREATE, "b", NULL, FILE_OK }, /* rw-rw-r-- */
    { EVE, CREATE, "e", NULL, FILE_OK }, /* rw-rw-rw- */
    { ANN, CREATE, "x/e", NULL, FILE_OK },
};
/* What is refused, and what is not: it changes nothing that a line after it sees. */
static const struct line then[] = {
    { BOB, OPEN, "a", NULL, FILE_DENIED },       { BOB, READ_ONLY, "a", NULL, FILE_OK },
    { ANN, OPEN, "a", NULL, FILE_OK },           { EVE, READ_ONLY, "a", NULL, FILE_DENIED },
    { EVE, CREATE, "a", NULL, FILE_EXISTS },     { EVE, STAT, "a", NULL, FILE_OK },
    { ROOT, OPEN, "a", NULL, FILE_OK },          { BOB, UNLINK, "a", NULL, FILE_DENIED },
    { EVE, OPEN, "b", NULL, FILE_DENIED },       { EVE, READ_ONLY, "b", NULL, FILE_OK },
    { ANN, OPEN, "b", NULL, FILE_OK },           { ANN, OPEN, "e", NULL, FILE_OK },
    { EVE, LIST, "x", NULL, FILE_DENIED },       { BOB, LIST, "x", NULL, FILE_OK },
    { ROOT, LIST, "x", NULL, FILE_OK },          { EVE, LIST, "", NULL, FILE_OK },
    { EVE, CREATE, "x/new", NULL, FILE_DENIED }, /* the Xref would list it */
    { BOB, CREATE, "x/new", NULL, FILE_DENIED }, { EVE, MKXREF, "x/new", NULL, FILE_DENIED },
    { EVE, RENAME, "e", "x/new", FILE_DENIED },  { EVE, STAT, "x/new", NULL, FILE_NO_FILE },
    { BOB, CREATE, "x/e", NULL, FILE_EXISTS },   { EVE, CREATE, "none/new", NULL, FILE_OK },
    { EVE, UNLINK, "none/new", NULL, FILE_OK },  { BOB, CHMOD, "a", "666", FILE_DENIED },
    { ANN, GIVE, "a", NULL, FILE_DENIED },       { ANN, CHMOD, "a", "600", FILE_OK },
    { BOB, READ_ONLY, "a", NULL, FILE_DENIED },  { ANN, CHMOD, "a", "640", FILE_OK },
    { BOB, READ_ONLY, "a", NULL, FILE_OK },      { ANN, CHMOD, "x", "770", FILE_OK },
    { BOB, CREATE, "x/new", NULL, FILE_OK },     { BOB, UNLINK, "x/new", NULL, FILE_OK },
    { ANN, CHMOD, "x", "750", FILE_OK },         { ROOT, GIVE, "x/e", NULL, FILE_OK },
    { ANN, CHMOD, "x/e", "666", FILE_DENIED },   { BOB, CHMOD, "x/e", "666", FILE_OK },
    { EVE, CHMOD, "no", "666", FILE_NO_FILE },   { BOB, RMXREF, "x", NULL, FILE_DENIED },
    { BOB, GRANT, "a", "6", FILE_DENIED }, /* the owner's */
    { EVE, GRANT, "b", "6", FILE_DENIED },       { ANN, GRANT, "x", "6", FILE_IS_DIR },
    { ANN, GRANT, "a", "4", FILE_OK },           { EVE, READ_ONLY, "a", NULL, FILE_OK },
    { EVE, OPEN, "a", NULL, FILE_DENIED },       { EVE, UNLINK, "a", NULL, FILE_DENIED },
    { ROOT, GRANT, "a", "6", FILE_OK },          { EVE, OPEN, "a", NULL, FILE_OK },
    { BOB, OPEN, "a", NULL, FILE_DENIED }, /* in no list */
    { ANN, GRANT, "a", "0", FILE_OK },           { EVE, READ_ONLY, "a", NULL, FILE_DENIED },
};

static void all_lines(struct vesta_client *c, const struct line *l, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum file_status s = make(c, &l[i]);
        cr_expect_eq(s, l[i].status, "line %d of %d: %s: %s", (int)i, (int)count, l[i].name,
                     file_status_name(s));
    }
}

/* Renames ask for both names, keep rights and list, and undo what they cannot end; `far`: between
 * two homes. */
static void moves(struct vesta_client *c, bool far)
{
    char to[VESTA_NAME_MAX + 1];
    struct vesta_stat st;
    for (uint32_t i = 0;; i++) {
        (void)snprintf(to, sizeof to, "to%u", i);
        if ((vesta_home(to, 3) != vesta_home("a", 3)) == far)
            break;
    }
    const struct line lines[] = {
        { ANN, GRANT, "a", "4", FILE_OK },          { BOB, RENAME, "a", to, FILE_DENIED },
        { ANN, RENAME, "a", to, FILE_OK },          { BOB, READ_ONLY, to, NULL, FILE_OK },
        { BOB, OPEN, to, NULL, FILE_DENIED },       { EVE, READ_ONLY, to, NULL, FILE_OK },
        { EVE, OPEN, to, NULL, FILE_DENIED },       { BOB, RENAME, "b", to, FILE_DENIED },
        { BOB, CREATE, "b", NULL, FILE_EXISTS },    { BOB, OPEN, "b", NULL, FILE_OK },
        { ANN, RENAME, to, "a", FILE_OK },          { ANN, GRANT, "a", "0", FILE_OK },
        { EVE, READ_ONLY, "a", NULL, FILE_DENIED },
    };
    all_lines(c, lines, ARRAY_LEN(lines));
    cr_expect(vesta_stat(c, "a", &st) == FILE_OK && st.rights.uid == 7 && st.rights.gid == 5 &&
              st.rights.mode == 0640);
}

static void full(struct vesta_client *c)
{
    vesta_user(c, &users[EVE]);
    for (uint32_t i = 0; i <= VESTA_ACCESS_MAX; i++)
        cr_expect_eq(vesta_grant(c, "e", 100 + i, 04),
                     i < VESTA_ACCESS_MAX ? FILE_OK : FILE_NO_SPACE);
    cr_expect_eq(vesta_grant(c, "e", 103, 06), FILE_OK);
    cr_expect_eq(vesta_grant(c, "e", 103, 0), FILE_OK);
    cr_expect_eq(vesta_grant(c, "e", 100 + VESTA_ACCESS_MAX, 04), FILE_OK);
    struct vesta_stat st;
    cr_expect_eq(vesta_stat(c, "e", &st), FILE_OK);
    cr_expect(st.access_count == VESTA_ACCESS_MAX && st.access[0].uid == 100 &&
              st.access[3].uid == 100 + VESTA_ACCESS_MAX && st.access[3].bits == 04);
}

static void lines(struct vesta_world *w, struct vesta_client *c, uint32_t rank)
{
    (void)w;
    (void)rank;
    all_lines(c, first, ARRAY_LEN(first));
    all_lines(c, then, ARRAY_LEN(then));
    moves(c, false);
    moves(c, true);
    full(c);
    /* Where all open together rank 0 has asked; what it was allowed is what all are. */
    vesta_user(c, &users[EVE]);
    cr_expect_eq(open_as(c, "a", VESTA_O_GRANTED), FILE_OK);
    cr_expect_eq(open_as(c, "a", VESTA_O_GRANTED | VESTA_O_READ_ONLY), FILE_OK);
    vesta_user(c, &users[ANN]);
    cr_expect_eq(vesta_grant(c, "a", users[EVE].uid, 04), FILE_OK);
    cr_expect_eq(vesta_chmod(c, "x", &(struct file_rights){ 0711, 7, 5 }), FILE_OK);
}

/* In the I/O nodes' next lives. */
static void kept(struct vesta_world *w, struct vesta_client *c, uint32_t rank)
{
    static const struct line after[] = {
        { BOB, READ_ONLY, "a", NULL, FILE_OK }, { BOB, OPEN, "a", NULL, FILE_DENIED },
        { EVE, READ_ONLY, "a", NULL, FILE_OK }, { ANN, GRANT, "a", "0", FILE_OK },
        { EVE, LIST, "x", NULL, FILE_DENIED },
    };
    struct vesta_stat st;
    port_thread_sleep(fake_port(w->r.f, rank), SIM_SEC);
    cr_expect(vesta_stat(c, "x", &st) == FILE_OK && st.xref && st.rights.mode == 0711);
    vesta_user(c, &users[ANN]);
    cr_expect_eq(vesta_chmod(c, "x", &(struct file_rights){ 0750, 7, 5 }), FILE_OK);
    all_lines(c, after, ARRAY_LEN(after));
    all_lines(c, then, ARRAY_LEN(then));
}

Test(vesta_rights, are_asked_for_and_kept)
{
    for (int store = 0; store < 2; store++) {
        struct vesta_world w;
        vesta_world_defaults(&w, 1, 3);
        versions = store > 0;
        w.store = versions ? &vesta_world_store : NULL;
        vesta_world_start(&w, (struct fake_options){ .seed = 1, .detect_delay = SIM_MS });
        vesta_world_run(&w, 0, lines);
        for (uint32_t i = 1; i <= 3; i++) {
            fake_crash(w.r.f, i);
            fake_restart(w.r.f, i);
        }
        vesta_world_run(&w, 0, kept);
        vesta_world_stop(&w);
    }
}
