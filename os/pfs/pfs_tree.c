/* pfs_tree.c: the metadata server's names: a tree of directories.
 *
 * A path is names with '/' between; several count as one.  Entries hang by (directory, name) in one
 * hash table, and in their directory in the order in which they came there.
 */
#include "os/pfs/pfs_meta.h"

#include <string.h>

#define LIST_BYTES (32 * 1024) /* of names in one answer */

/* Where a path leads: `entry` is NULL where `dir` has no such name; the root has no dir. */
struct place {
    struct meta_file *dir, *entry;
    const char *name;
    size_t length;
};

static uint64_t key_of(const struct meta_file *dir, const char *name, size_t n)
{
    uint64_t h = dir->id;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)name[i]) * UINT64_C(0x100000001b3);
    return h;
}

static struct meta_file *child(struct meta *m, const struct meta_file *dir, const char *name,
                               size_t n)
{
    uint64_t key = key_of(dir, name, n);
    port_work(m->port, PORT_WORK_LOOKUP, 1);
    LIST_EACH (l, pfs_hash_slot(&m->names, key)) {
        struct meta_file *f = LIST_ENTRY(l, struct meta_file, named.link);
        if (f->named.key == key && f->parent == dir && strlen(f->name) == n &&
            memcmp(f->name, name, n) == 0)
            return f;
    }
    return NULL;
}

static bool may(const struct meta_file *f, uint32_t bits)
{
    return file_may(&f->m->as, &f->rights, bits);
}

static enum pfs_status walk(struct meta *m, const char *path, struct place *p)
{
    *p = (struct place){ .entry = path[0] == '/' ? m->root : m->home };
    if (path[0] == 0)
        return PFS_BAD_NAME;
    for (path += strspn(path, "/"); *path != 0; path += strspn(path, "/")) {
        size_t n = strcspn(path, "/");
        if (p->entry == NULL)
            return PFS_NO_FILE;
        if (!p->entry->dir)
            return PFS_NOT_DIR;
        if (!may(p->entry, 01))
            return PFS_DENIED;
        if (path[0] == '.' && (n == 1 || (n == 2 && path[1] == '.')))
            return PFS_BAD_NAME;
        *p = (struct place){ p->entry, child(m, p->entry, path, n), path, n };
        path += n;
    }
    return PFS_OK;
}

static void link_at(struct meta *m, struct meta_file *f, const struct place *p)
{
    port_free(m->port, f->name);
    f->name = port_alloc(m->port, p->length + 1);
    memcpy(f->name, p->name, p->length);
    f->parent = p->dir;
    f->mount = p->dir->mount;
    f->place = ++m->next_place;
    list_push(&p->dir->children, &f->sibling);
    pfs_hash_add(&m->names, &f->named, key_of(p->dir, p->name, p->length));
}

static struct meta_file *new_entry(struct meta *m, const struct place *p, bool dir)
{
    struct meta_file *f = port_alloc(m->port, sizeof *f);
    f->m = m;
    f->dir = dir;
    f->rights = (struct file_rights){ file_mode_of(&m->as, dir), m->as.uid, m->as.gid };
    f->id = (uint64_t)port_incarnation(m->port) << 32 | ++m->next_id;
    list_init(&f->children);
    list_init(&f->waiters);
    list_init(&f->retry);
    if (p != NULL)
        link_at(m, f, p);
    return f;
}

static void unlink_entry(struct meta_file *f)
{
    if (f->parent->listed == f)
        f->parent->listed = NULL;
    list_remove(&f->sibling);
    pfs_hash_remove(&f->m->names, &f->named);
}

static void free_entry(struct meta_file *f)
{
    unlink_entry(f);
    port_free(f->m->port, f->name);
    port_free(f->m->port, f);
}

/* A file that has no name any more: what waits for it ends. */
static void drop(struct meta_file *f)
{
    struct meta *m = f->m;
    struct list *l;
    while ((l = list_pop(&f->waiters)) != NULL) {
        pfs_meta_answer(LIST_ENTRY(l, struct pfs_call, link)->request, PFS_NO_FILE, 0, 0);
        port_free(m->port, LIST_ENTRY(l, struct pfs_call, link));
    }
    pfs_meeting_end(m, &f->meeting, PFS_NO_FILE);
    list_remove(&f->link);
    list_remove(&f->retry);
    pfs_hash_remove(&m->ids, &f->numbered);
    pfs_hash_remove(&m->locals, &f->located);
    port_free(m->port, f->note);
    port_free(m->port, f->meeting.calls);
    port_free(m->port, f->seats);
    free_entry(f);
}

static void add_file(struct meta *m, struct meta_file *f, const struct pfs_attrs *attrs,
                     uint64_t local)
{
    f->local = local;
    f->attrs = attrs;
    f->number = 1;
    list_push(&m->files, &f->link);
    pfs_hash_add(&m->ids, &f->numbered, f->id);
    pfs_hash_add(&m->locals, &f->located, local);
}

void pfs_tree_init(struct meta *m)
{
    pfs_hash_init(&m->names, m->port);
    pfs_hash_init(&m->ids, m->port);
    pfs_hash_init(&m->locals, m->port);
    list_init(&m->files);
    m->root = new_entry(m, NULL, true);
    m->home = m->root;
    m->next_id = 0; /* the root's is the one that no file has */
    m->root->id = 0;
}

void pfs_tree_mount(struct meta *m, const struct pfs_mount *mount, bool fixed)
{
    const char *path = mount->path;
    char front[PFS_NAME_MAX + 1];
    struct place p;
    for (size_t n = 1; n <= strlen(path); n++) { /* the directories on the way */
        if (path[n] != '/' && path[n] != 0)
            continue;
        memcpy(front, path, n);
        front[n] = 0;
        if (walk(m, front, &p) == PFS_OK && p.entry == NULL)
            (void)new_entry(m, &p, true);
    }
    struct meta_mount *x = port_alloc(m->port, sizeof *x);
    const struct pfs_attrs *attrs = pfs_meta_kept(m, &mount->attrs);
    uint32_t *group = port_alloc(m->port, mount->members * sizeof *group);
    memcpy(group, mount->attrs.group, mount->members * sizeof *group);
    *x = (struct meta_mount){ attrs, fixed, mount->first, mount->members, 0, group };
    if (walk(m, path, &p) != PFS_OK)
        return;
    p.entry->mount = x;
    p.entry->mounted = true;
    m->home = mount->home ? p.entry : m->home;
}

struct meta_file *pfs_tree_numbered(struct meta *m, uint64_t local)
{
    port_work(m->port, PORT_WORK_LOOKUP, 1);
    LIST_EACH (l, pfs_hash_slot(&m->locals, local))
        if (LIST_ENTRY(l, struct meta_file, located.link)->local == local)
            return LIST_ENTRY(l, struct meta_file, located.link);
    return NULL;
}

enum pfs_status pfs_tree_find(struct meta *m, const char *path, struct meta_file **out)
{
    struct place p;
    enum pfs_status s = walk(m, path, &p);
    *out = p.entry;
    return s == PFS_OK && p.entry == NULL ? PFS_NO_FILE : s;
}

enum pfs_status pfs_tree_file(struct meta *m, const struct pfs_meta_msg *a, const uint32_t *group,
                              struct meta_file **out)
{
    struct place p;
    uint32_t bits = a->flags & PFS_META_LOOK ? 0 : a->flags & PFS_O_READ_ONLY ? 04 : 06;
    m->as = a->rights;
    if (a->flags & PFS_META_NUMBER) {
        *out = pfs_tree_numbered(m, a->id);
        return *out == NULL ? PFS_NO_FILE : may(*out, bits) ? PFS_OK : PFS_DENIED;
    }
    enum pfs_status s = walk(m, a->name, &p);
    *out = p.entry;
    if (s != PFS_OK)
        return s;
    if (p.entry != NULL && p.entry->dir)
        return PFS_IS_DIR;
    if (p.entry != NULL && (a->flags & PFS_O_EXCL) && (a->flags & PFS_O_CREATE))
        return PFS_EXISTS;
    if (p.entry != NULL)
        return may(p.entry, a->flags & PFS_O_TRUNC ? bits | 02 : bits) ? PFS_OK : PFS_DENIED;
    if (!(a->flags & PFS_O_CREATE))
        return PFS_NO_FILE;
    if (!may(p.dir, 03))
        return PFS_DENIED;
    if (m->log.failed)
        return PFS_IO_ERROR;
    if (p.dir->mount == NULL)
        return PFS_OTHER_MOUNT;
    const struct pfs_attrs *attrs = pfs_meta_attrs(m, p.dir->mount, a, group);
    if (attrs == NULL)
        return PFS_BAD_ATTRS;
    struct meta_mount *mount = p.dir->mount;
    if (mount->first == PFS_FIRST_ROUND && attrs->factor <= mount->members &&
        memcmp(attrs->group, mount->group, attrs->factor * sizeof *attrs->group) == 0)
        attrs = pfs_meta_from(m, mount, attrs, mount->next++);
    struct meta_file *f = *out = new_entry(m, &p, false);
    add_file(m, f, attrs, f->id);
    pfs_log_add(m, PFS_LOG_CREATE, f, a->name, NULL);
    return PFS_OK;
}

static void answer(struct meta *m, struct select_request *q, enum pfs_status s)
{
    pfs_log_reply(m, q, s, &(struct pfs_meta_msg){ 0 }, NULL);
}

/* Drops the file and answers: the caller is to remove its local files.  In this order: an answer
 * may have the tree copied as it is. */
static void answer_removed(struct meta *m, struct select_request *q, struct meta_file *f)
{
    struct pfs_meta_msg out = pfs_meta_file_reply(f);
    const struct pfs_attrs *attrs = f->attrs;
    out.id = f->local;
    drop(f);
    pfs_log_reply(m, q, PFS_OK, &out, attrs->group);
}

static void do_unlink(struct meta *m, struct select_request *q, const struct pfs_meta_msg *a)
{
    struct meta_file *f;
    enum pfs_status s = pfs_tree_find(m, a->name, &f);
    if (s == PFS_OK && f->dir)
        s = PFS_IS_DIR;
    if (s == PFS_OK && !may(f->parent, 03))
        s = PFS_DENIED;
    if (s != PFS_OK) {
        answer(m, q, s);
        return;
    }
    pfs_log_add(m, PFS_LOG_REMOVE, NULL, a->name, NULL);
    answer_removed(m, q, f);
}

static void do_chmod(struct meta *m, struct select_request *q, const struct pfs_meta_msg *a)
{
    struct meta_file *f;
    uint32_t uid = (uint32_t)(a->value >> 32), gid = (uint32_t)a->value;
    enum pfs_status s = pfs_tree_find(m, a->name, &f);
    bool ids = s == PFS_OK && (uid != f->rights.uid || gid != f->rights.gid);
    if (s == PFS_OK && m->as.uid != 0 && (ids || m->as.uid != f->rights.uid))
        s = PFS_DENIED;
    if (s == PFS_OK && (f->parent == NULL || f->mounted)) /* not kept */
        s = PFS_BAD_NAME;
    if (s == PFS_OK) {
        f->rights = (struct file_rights){ (uint32_t)a->size & 0777, uid, gid };
        pfs_log_add(m, PFS_LOG_RIGHTS, f, a->name, NULL);
    }
    answer(m, q, s);
}

static void do_mkdir(struct meta *m, struct select_request *q, const struct pfs_meta_msg *a)
{
    struct place p;
    enum pfs_status s = walk(m, a->name, &p);
    if (s == PFS_OK && p.entry != NULL)
        s = PFS_EXISTS;
    if (s == PFS_OK && !may(p.dir, 03))
        s = PFS_DENIED;
    if (s == PFS_OK)
        pfs_log_add(m, PFS_LOG_MKDIR, new_entry(m, &p, true), a->name, NULL);
    answer(m, q, s);
}

static void do_rmdir(struct meta *m, struct select_request *q, const struct pfs_meta_msg *a)
{
    struct meta_file *f;
    enum pfs_status s = pfs_tree_find(m, a->name, &f);
    if (s == PFS_OK && !f->dir)
        s = PFS_NOT_DIR;
    if (s == PFS_OK && (!list_empty(&f->children) || f == m->root || f->mounted))
        s = PFS_NOT_EMPTY;
    if (s == PFS_OK && !may(f->parent, 03))
        s = PFS_DENIED;
    if (s == PFS_OK) {
        free_entry(f);
        pfs_log_add(m, PFS_LOG_REMOVE, NULL, a->name, NULL);
    }
    answer(m, q, s);
}

/* Whether `from` may take the place of `to`. */
static enum pfs_status may_move(const struct meta_file *from, const struct place *to)
{
    for (const struct meta_file *d = to->dir; d != NULL; d = d->parent)
        if (d == from)
            return PFS_BAD_NAME; /* below itself */
    if (to->dir == NULL || from->parent == NULL)
        return PFS_BAD_NAME; /* the root */
    if (from->mounted || from->mount != to->dir->mount || (to->entry != NULL && to->entry->mounted))
        return PFS_OTHER_MOUNT;
    if (!may(from->parent, 03) || !may(to->dir, 03))
        return PFS_DENIED;
    if (to->entry == NULL)
        return PFS_OK;
    if (from->dir != to->entry->dir)
        return from->dir ? PFS_NOT_DIR : PFS_IS_DIR;
    return list_empty(&to->entry->children) ? PFS_OK : PFS_NOT_EMPTY;
}

static void do_rename(struct meta *m, struct select_request *q, const struct pfs_meta_msg *a,
                      const struct rope *args)
{
    char name[PFS_NAME_MAX + 1] = { 0 };
    struct meta_file *from;
    struct place to = { 0 };
    uint64_t at = pfs_meta_length(a), n = args->length - at;
    enum pfs_status s = n > PFS_NAME_MAX ? PFS_BAD_NAME : pfs_tree_find(m, a->name, &from);
    if (s == PFS_OK) {
        rope_read(args, at, (size_t)n, name);
        s = walk(m, name, &to);
    }
    if (s == PFS_OK && to.entry != from)
        s = may_move(from, &to);
    if (s != PFS_OK || to.entry == from) {
        answer(m, q, s);
        return;
    }
    unlink_entry(from);
    link_at(m, from, &to);
    pfs_log_add(m, PFS_LOG_RENAME, NULL, a->name, name);
    if (to.entry != NULL && !from->dir) {
        answer_removed(m, q, to.entry);
        return;
    }
    if (to.entry != NULL)
        free_entry(to.entry);
    answer(m, q, PFS_OK);
}

/* Names from place `value` on, as many as fit: a byte says whether it is a directory, one how long
 * it is. */
/* The first in the directory that has that place or a later one: the listing goes on there. */
static struct list *at_place(struct meta_file *d, uint64_t place)
{
    struct list *l = place == 0 || d->listed == NULL ? d->children.next : &d->listed->sibling;
    while (l->prev != &d->children &&
           LIST_ENTRY(l->prev, struct meta_file, sibling)->place >= place)
        l = l->prev;
    while (l != &d->children && LIST_ENTRY(l, struct meta_file, sibling)->place < place)
        l = l->next;
    return l;
}

static void do_list(struct meta *m, struct select_request *q, const struct pfs_meta_msg *a)
{
    struct meta_file *d;
    enum pfs_status s = pfs_tree_find(m, a->name, &d);
    struct pfs_meta_msg out = { 0 };
    struct rope names, r;
    uint64_t most = select_max_bytes(m->rpc) - PFS_META_BYTES;
    if (s == PFS_OK && !d->dir)
        s = PFS_NOT_DIR;
    if (s == PFS_OK && !may(d, 04))
        s = PFS_DENIED;
    if (s != PFS_OK) {
        answer(m, q, s);
        return;
    }
    most = most < LIST_BYTES ? most : LIST_BYTES;
    rope_init(&names);
    for (struct list *l = at_place(d, a->value); l != &d->children; l = l->next) {
        struct meta_file *f = LIST_ENTRY(l, struct meta_file, sibling);
        size_t n = strlen(f->name);
        uint8_t head[2] = { f->dir, (uint8_t)n };
        if (names.length + sizeof head + n > most) {
            out.value = f->place;
            d->listed = f;
            break;
        }
        rope_add_bytes(&names, head, sizeof head);
        rope_add_bytes(&names, f->name, n);
        port_work(m->port, PORT_WORK_LOOKUP, 1);
    }
    rope_init(&r);
    pfs_meta_store(&r, &out, NULL);
    rope_join(&r, &names);
    pfs_log_send(m, q, &r);
    rope_fini(&names);
}

void pfs_tree_note(struct meta_file *f, const struct meta_note *note)
{
    if (f->note == NULL)
        f->note = port_alloc(f->m->port, sizeof *f->note);
    *f->note = *note;
}

static void redo_note(struct meta *m, const struct pfs_record *r)
{
    struct meta_file *f = pfs_tree_numbered(m, r->local);
    if (f != NULL && r->noted)
        pfs_tree_note(f, &r->note);
}

void pfs_tree_redo(struct meta *m, const struct pfs_record *r)
{
    enum pfs_log_kind kind = r->kind;
    struct place p, q;
    m->as = (struct file_rights){ 0 };
    if (kind == PFS_LOG_LEAVE) {
        m->home = m->home == m->root ? m->log.home : m->home->parent;
        return;
    }
    if (kind == PFS_LOG_NOTE) {
        redo_note(m, r);
        return;
    }
    if (walk(m, r->path, &p) != PFS_OK || (p.dir == NULL && p.entry == NULL))
        return; /* a mount that is no more */
    if (kind == PFS_LOG_ENTER) {
        m->home = p.entry;
        if (p.entry == NULL) {
            m->home = new_entry(m, &p, true);
            m->home->rights = r->rights;
        }
        return;
    }
    if (p.dir == NULL)
        return;
    if (kind <= PFS_LOG_MKDIR && p.entry == NULL) {
        struct meta_file *f = new_entry(m, &p, kind == PFS_LOG_MKDIR);
        f->rights = r->rights;
        f->unsized = !f->dir;
        if (!f->dir)
            add_file(m, f, pfs_meta_kept(m, &r->attrs), r->local);
        if (r->noted)
            pfs_tree_note(f, &r->note);
        if (!f->dir && p.dir->mount != NULL && !m->params->per_file_layout &&
            !p.dir->mount->fixed) {
            p.dir->mount->attrs = p.dir->mount->first == PFS_FIRST_ROUND
                                      ? pfs_meta_from(m, p.dir->mount, f->attrs, 0)
                                      : f->attrs;
            p.dir->mount->fixed = true;
        }
    } else if (kind == PFS_LOG_RIGHTS && p.entry != NULL) {
        p.entry->rights = r->rights;
    } else if (kind == PFS_LOG_REMOVE && p.entry != NULL) {
        (p.entry->dir ? free_entry : drop)(p.entry);
    } else if (kind == PFS_LOG_RENAME && p.entry != NULL && walk(m, r->to, &q) == PFS_OK &&
               q.dir != NULL) {
        unlink_entry(p.entry);
        link_at(m, p.entry, &q);
        if (q.entry != NULL)
            (q.entry->dir ? free_entry : drop)(q.entry);
    }
}

bool pfs_tree_serve(struct meta *m, struct select_request *q, uint32_t procedure,
                    const struct pfs_meta_msg *a, const struct rope *args)
{
    bool changes = procedure == PFS_META_UNLINK || procedure == PFS_META_MKDIR ||
                   procedure == PFS_META_RMDIR || procedure == PFS_META_RENAME ||
                   procedure == PFS_META_CHMOD;
    if (changes && m->log.failed) {
        pfs_meta_answer(q, PFS_IO_ERROR, 0, 0);
        return true;
    }
    switch (procedure) {
    case PFS_META_UNLINK:
        do_unlink(m, q, a);
        return true;
    case PFS_META_MKDIR:
        do_mkdir(m, q, a);
        return true;
    case PFS_META_CHMOD:
        do_chmod(m, q, a);
        return true;
    case PFS_META_RMDIR:
        do_rmdir(m, q, a);
        return true;
    case PFS_META_RENAME:
        do_rename(m, q, a, args);
        return true;
    case PFS_META_LIST:
        do_list(m, q, a);
        return true;
    default:
        return false;
    }
}
