/* pfs_names.c: names and directories as the client's library asks for them. */
#include "os/pfs/pfs_internal.h"

#include <string.h>

static bool named(struct pfs_client *c, struct pfs_meta_msg *m, const char *name)
{
    size_t n = strlen(name);
    port_work(c->port, PORT_WORK_TRAP, 1);
    if (n == 0 || n > PFS_NAME_MAX)
        return false;
    memcpy(m->name, name, n + 1);
    return true;
}

static enum pfs_status plain(struct pfs_client *c, enum pfs_meta_proc proc, const char *name)
{
    struct pfs_meta_msg m = { 0 };
    return named(c, &m, name) ? pfs_meta_ask(c, proc, &m, NULL) : PFS_BAD_NAME;
}

static void attrs_of(const struct pfs_meta_msg *m, const uint32_t *group, struct pfs_attrs *a)
{
    a->unit = m->unit;
    a->factor = m->factor;
    memcpy(a->group, group, m->factor * sizeof *group);
}

/* The local files of one whose name is gone. */
static enum pfs_status remove_local(struct pfs_client *c, const struct pfs_meta_msg *m,
                                    const uint32_t *group)
{
    struct pfs_attrs attrs;
    attrs_of(m, group, &attrs);
    return pfs_io_all(c, &attrs, PFS_IO_REMOVE, m->id, 0, 0, NULL);
}

enum pfs_status pfs_unlink(struct pfs_client *c, const char *name)
{
    struct pfs_meta_msg m = { 0 };
    uint32_t group[PFS_FACTOR_MAX];
    if (!named(c, &m, name))
        return PFS_BAD_NAME;
    enum pfs_status s = pfs_meta_ask(c, PFS_META_UNLINK, &m, group);
    return s == PFS_OK ? remove_local(c, &m, group) : s;
}

enum pfs_status pfs_rename(struct pfs_client *c, const char *from, const char *to)
{
    struct pfs_meta_msg m = { 0 };
    uint32_t group[PFS_FACTOR_MAX];
    struct rope more;
    if (!named(c, &m, from) || to[0] == 0 || strlen(to) > PFS_NAME_MAX)
        return PFS_BAD_NAME;
    rope_init(&more);
    rope_add_bytes(&more, to, strlen(to));
    enum pfs_status s = pfs_meta_ask_more(c, PFS_META_RENAME, &m, group, &more);
    rope_fini(&more);
    return s == PFS_OK && m.factor > 0 ? remove_local(c, &m, group) : s;
}

enum pfs_status pfs_mkdir(struct pfs_client *c, const char *name)
{
    return plain(c, PFS_META_MKDIR, name);
}

enum pfs_status pfs_rmdir(struct pfs_client *c, const char *name)
{
    return plain(c, PFS_META_RMDIR, name);
}

/* m: by name or number. */
static enum pfs_status stat_of(struct pfs_client *c, struct pfs_meta_msg *m, struct pfs_stat *out)
{
    uint32_t group[PFS_FACTOR_MAX];
    struct pfs_meta_msg asked = *m;
    enum pfs_status s = pfs_meta_ask(c, PFS_META_LOOKUP, m, group);
    if (s == PFS_OK && (m->flags & PFS_META_UNSIZED)) { /* who opens it asks the I/O nodes */
        struct pfs_file *f = NULL;
        s = asked.id != 0 ? pfs_open_numbered(c, asked.id, M_ASYNC, &f)
                          : pfs_open(c, asked.name, PFS_META_LOOK, M_ASYNC, 0, 1, NULL, &f);
        m->size = s == PFS_OK ? f->v->size : 0;
        s = s == PFS_OK ? pfs_close(f) : s;
    }
    if (s != PFS_OK)
        return s;
    out->dir = (m->flags & PFS_META_DIR) != 0;
    out->rights = m->rights;
    out->id = m->id;
    out->size = m->size;
    attrs_of(m, group, &out->attrs);
    return PFS_OK;
}

enum pfs_status pfs_stat(struct pfs_client *c, const char *name, struct pfs_stat *out)
{
    struct pfs_meta_msg m = { 0 };
    return named(c, &m, name) ? stat_of(c, &m, out) : PFS_BAD_NAME;
}

enum pfs_status pfs_stat_numbered(struct pfs_client *c, uint64_t number, struct pfs_stat *out)
{
    struct pfs_meta_msg m = { .id = number, .flags = PFS_META_NUMBER };
    port_work(c->port, PORT_WORK_TRAP, 1);
    return stat_of(c, &m, out);
}

enum pfs_status pfs_chmod(struct pfs_client *c, const char *name, const struct file_rights *to)
{
    struct pfs_meta_msg m = { .size = to->mode & 0777, .value = (uint64_t)to->uid << 32 | to->gid };
    return named(c, &m, name) ? pfs_meta_ask(c, PFS_META_CHMOD, &m, NULL) : PFS_BAD_NAME;
}

enum pfs_status pfs_list(struct pfs_client *c, const char *name,
                         void (*each)(void *arg, const char *name, bool dir), void *arg)
{
    enum pfs_status s = PFS_OK;
    uint64_t from = 0;
    do {
        struct pfs_meta_msg m = { .value = from };
        struct rope names;
        if (!named(c, &m, name))
            return PFS_BAD_NAME;
        rope_init(&names);
        s = pfs_meta_ask_more(c, PFS_META_LIST, &m, NULL, &names);
        from = m.value;
        rope_flatten(&names, false); /* one piece is taken apart at one cost an entry */
        while (s == PFS_OK && names.length > 2) {
            uint8_t head[2];
            char one[PFS_NAME_MAX + 1];
            rope_take_front(&names, sizeof head, head);
            size_t n = head[1] < names.length ? head[1] : (size_t)names.length;
            rope_take_front(&names, n, one);
            one[n] = 0;
            each(arg, one, head[0] != 0);
        }
        rope_fini(&names);
    } while (s == PFS_OK && from > 0);
    return s;
}
