/* lfs_name.c: names and directories: create, lookup, list, rename.
 *
 * A directory is an inode without blocks; what lies in it says so in its own record, so that every
 * change of a name is one write (LFS7).  A rename that replaces a file writes that the mover
 * replaces it, and only then that the file is gone: a mount does what is left to do.  There is
 * one rename at a time, and a directory is removed only when nothing lies in it on the device: so
 * no crash leaves a name without its directory, or a circle of them.
 */
#include "os/lfs/lfs_internal.h"

#include <string.h>

/* Lists of names at first: as many as files, or these. */
#define NAMES_FIRST 1024

static struct list *bucket(struct lfs *fs, const struct lfs_file *dir, const char *name)
{
    uint64_t h = file_checksum((const uint8_t *)name, strlen(name), SIZE_MAX);
    return &fs->names[(h ^ (dir->ino * 2654435761u)) % fs->name_count];
}

static void set_up(struct lfs *fs, uint32_t count)
{
    fs->name_count = count;
    fs->names = port_alloc(fs->port, count * sizeof *fs->names);
    for (uint32_t i = 0; i < count; i++)
        list_init(&fs->names[i]);
}

/* Twice as many lists. */
static void spread(struct lfs *fs)
{
    struct list *old = fs->names, *l;
    uint32_t n = fs->name_count;
    set_up(fs, 2 * n);
    for (uint32_t i = 0; i < n; i++)
        while ((l = list_pop(&old[i])) != NULL) {
            struct lfs_file *f = LIST_ENTRY(l, struct lfs_file, named);
            list_push(bucket(fs, f->parent, f->name), l);
        }
    port_free(fs->port, old);
}

void lfs_name_add(struct lfs_file *f)
{
    if (++f->fs->named > f->fs->name_count)
        spread(f->fs);
    list_push(bucket(f->fs, f->parent, f->name), &f->named);
}

/* What has the name in the directory, under way or not; NULL: nothing. */
static struct lfs_file *by_name(struct lfs *fs, const struct lfs_file *dir, const char *name)
{
    uint32_t seen = 1;
    struct lfs_file *found = NULL;
    LIST_EACH (l, bucket(fs, dir, name)) {
        struct lfs_file *f = LIST_ENTRY(l, struct lfs_file, named);
        seen++;
        if (f->parent == dir && strcmp(f->name, name) == 0)
            found = f;
    }
    port_work(fs->port, PORT_WORK_LOOKUP, seen);
    return found;
}

/* The directory of that handle, in which the caller has the rights; NULL with a status. */
static struct lfs_file *directory(struct lfs_op *o, uint64_t handle, uint32_t bits)
{
    struct lfs_file *f = handle == FILE_ROOT ? o->fs->root : lfs_by_handle(o->fs, handle);
    if (f == NULL || f->creating || f->removing)
        o->status = FILE_NO_FILE;
    else if (!(f->mode & FILE_MODE_DIR))
        o->status = FILE_NOT_DIR;
    else if (!lfs_may(o->req, f, bits))
        o->status = FILE_DENIED;
    return o->status == FILE_OK ? f : NULL;
}

static bool name_fits(const char *name)
{
    size_t n = strnlen(name, LFS_NAME_MAX + 1);
    return n > 0 && n <= LFS_NAME_MAX;
}

static void step_lookup(struct lfs_op *o)
{
    struct file_req *r = o->req;
    struct lfs_file *dir = directory(o, r->dir, 01);
    struct lfs_file *f = dir != NULL && name_fits(r->name) ? by_name(o->fs, dir, r->name) : NULL;
    r->file = f != NULL && !f->creating ? lfs_handle(f) : 0;
    lfs_complete(o, r->file == 0 && o->status == FILE_OK ? FILE_NO_FILE : o->status);
}

/* Entries that one LIST gives at most. */
#define LIST_MOST 256

static void step_list(struct lfs_op *o)
{
    struct file_req *r = o->req;
    struct lfs_file *dir = directory(o, r->dir, 04), *f = NULL;
    uint32_t n = 0, from = r->file == 0 ? 0 : (uint32_t)r->file + 1;
    r->file = 0;
    for (f = dir != NULL ? lfs_next_file(o->fs, from) : NULL; f != NULL && n < LIST_MOST;
         f = lfs_next_file(o->fs, f->ino + 1)) {
        struct file_entry x = { .file = lfs_handle(f) };
        if (f->parent != dir)
            continue;
        memcpy(x.name, f->name, sizeof x.name);
        file_entry_add(&r->data, &x);
        r->file = x.file;
        n++;
    }
    port_work(o->fs->port, PORT_WORK_LOOKUP, n);
    if (f == NULL)
        r->file = 0;
    lfs_complete(o, o->status);
}

static void step_created(struct lfs_op *o)
{
    struct lfs_file *f = o->fs->files[(uint32_t)o->req->file];
    f->creating = false;
    f->used = o->status == FILE_OK;
    if (!f->used) {
        f->parent->kids--;
        lfs_name_remove(f);
        lfs_doubt(f);
    }
    lfs_complete(o, o->status);
}

/* CREATE and RENAME from their start; false: it waits, or has ended. */
static bool may_go_on(struct lfs_op *o)
{
    if (!o->settling)
        o->status = FILE_OK; /* a store that failed meanwhile was another's */
    if (!lfs_settled(o))
        return false;
    if (o->status != FILE_OK)
        lfs_complete(o, o->status);
    return o->status == FILE_OK;
}

static void step_create(struct lfs_op *o)
{
    struct lfs *fs = o->fs;
    struct file_req *r = o->req;
    if (!may_go_on(o))
        return;
    r->file = 0;
    struct lfs_file *dir = directory(o, r->dir, 03);
    if (dir == NULL || !name_fits(r->name)) {
        lfs_complete(o, dir == NULL ? o->status : FILE_BAD_NAME);
        return;
    }
    struct lfs_file *f = by_name(fs, dir, r->name);
    if (f != NULL && (f->creating || f->storing)) {
        lfs_park(o, &f->store_waiters); /* until it is certain whether the name is taken */
        return;
    }
    if (f != NULL) {
        r->file = lfs_handle(f);
        lfs_complete(o, FILE_EXISTS);
        return;
    }
    uint32_t ino = fs->free_ino;
    while (ino < fs->file_room && fs->files[ino] != NULL && fs->files[ino]->used)
        ino++;
    fs->free_ino = ino;
    if (ino == fs->super.files) {
        lfs_complete(o, FILE_NO_INODE);
        return;
    }
    f = ino < fs->file_room && fs->files[ino] != NULL ? fs->files[ino] : lfs_file_new(fs, ino);
    f->used = f->creating = true;
    f->generation++;
    f->kept.id = lfs_handle(f);
    f->size = 0;
    f->failed_write = false;
    f->replaces = 0;
    f->mode = r->attr.mode & (FILE_MODE_DIR | 0777);
    f->uid = r->uid;
    f->gid = r->gid;
    f->mtime = f->ctime = port_now(fs->port);
    f->parent = dir;
    dir->kids++;
    dir->mtime = f->ctime;
    memcpy(f->name, r->name, strlen(r->name) + 1);
    memcpy(f->owner, r->attr.owner, sizeof f->owner);
    lfs_name_add(f);
    r->file = lfs_handle(f);
    o->step = step_created;
    lfs_store(f, true);
    lfs_park(o, &f->store_waiters);
}

/* ---- rename ---- */

static void end_rename(struct lfs_op *o, enum file_status status)
{
    struct lfs_move *m = o->move;
    m->f->moving = false;
    (status == FILE_OK ? m->from : m->to)->kids--;
    o->fs->renaming = NULL;
    lfs_wake_all(o->fs, &o->fs->name_waiters);
    port_free(o->fs->port, m);
    o->move = NULL;
    lfs_complete(o, status);
}

static void put_name(struct lfs_file *f, struct lfs_file *dir, const char *name)
{
    lfs_name_remove(f);
    f->parent = dir;
    memcpy(f->name, name, strlen(name) + 1);
    lfs_name_add(f);
}

/* The record of what was replaced is gone, or is in doubt: until it is gone the mover's says so. */
static void step_replaced(struct lfs_op *o)
{
    struct lfs_move *m = o->move;
    if (o->status == FILE_OK)
        m->f->replaces = 0;
    lfs_removed(m->target, o->status == FILE_OK);
    end_rename(o, FILE_OK);
}

static void step_moved(struct lfs_op *o)
{
    struct lfs_move *m = o->move;
    if (o->status != FILE_OK) {
        put_name(m->f, m->from, m->name);
        m->f->replaces = 0;
        if (m->target != NULL) {
            lfs_name_add(m->target);
            m->target->removing = false;
        }
        lfs_doubt(m->f);
        end_rename(o, o->status);
    } else if (m->target == NULL) {
        end_rename(o, FILE_OK);
    } else {
        o->step = step_replaced;
        lfs_store(m->target, false);
        lfs_park(o, &m->target->store_waiters);
    }
}

/* Nothing of the target is under way any more. */
static void step_move(struct lfs_op *o)
{
    struct lfs_move *m = o->move;
    struct block *b = NULL;
    if (m->target != NULL && o->f == NULL)
        m->target = NULL; /* a REMOVE was there first */
    if (m->target != NULL && (b = lfs_buf_drop_range(o->fs, m->target, 0)) != NULL) {
        lfs_park(o, &b->waiters);
        return;
    }
    if (m->target != NULL && m->target->storing) {
        lfs_park(o, &m->target->store_waiters);
        return;
    }
    if (m->f->storing) {
        lfs_park(o, &m->f->store_waiters);
        return;
    }
    o->status = FILE_OK;
    if (m->target != NULL) {
        m->target->removing = true;
        lfs_name_remove(m->target);
        m->f->replaces = lfs_handle(m->target);
    }
    put_name(m->f, m->to, o->req->to_name);
    m->f->ctime = m->from->mtime = m->to->mtime = port_now(o->fs->port);
    lfs_changed(m->f);
    o->step = step_moved;
    lfs_store(m->f, true);
    lfs_park(o, &m->f->store_waiters);
}

/* A directory would lie in itself. */
static bool inside(const struct lfs_file *dir, const struct lfs_file *f)
{
    while (dir != NULL && dir != f)
        dir = dir->parent;
    return dir == f;
}

static void step_rename(struct lfs_op *o)
{
    struct lfs *fs = o->fs;
    struct file_req *r = o->req;
    if (!may_go_on(o))
        return;
    struct lfs_file *from = directory(o, r->dir, 03);
    struct lfs_file *to = from != NULL ? directory(o, r->to_dir, 03) : NULL;
    struct lfs_file *f = to != NULL && name_fits(r->name) ? by_name(fs, from, r->name) : NULL;
    struct lfs_file *t = f != NULL && name_fits(r->to_name) ? by_name(fs, to, r->to_name) : NULL;
    struct lfs_file *busy = f != NULL && (f->creating || f->removing)   ? f
                            : t != NULL && (t->creating || t->removing) ? t
                                                                        : NULL;
    if (busy != NULL && busy->storing) {
        lfs_park(o, &busy->store_waiters);
        return;
    }
    if (o->status == FILE_OK && (f == NULL || busy != NULL))
        o->status = FILE_NO_FILE;
    else if (o->status == FILE_OK && !name_fits(r->to_name))
        o->status = FILE_BAD_NAME;
    else if (o->status == FILE_OK && inside(to, f))
        o->status = FILE_LOOP;
    else if (t != NULL && t != f && ((t->mode | f->mode) & FILE_MODE_DIR))
        o->status = FILE_EXISTS;
    if (o->status != FILE_OK || t == f) {
        lfs_complete(o, o->status);
        return;
    }
    o->move = port_alloc(fs->port, sizeof *o->move);
    *o->move = (struct lfs_move){ .f = f, .from = from, .to = to, .target = t };
    memcpy(o->move->name, f->name, sizeof f->name);
    fs->renaming = o;
    f->moving = true;
    to->kids++;
    o->step = step_move;
    if (t != NULL)
        lfs_enqueue(o, t);
    else
        step_move(o);
}

void lfs_step_name(struct lfs_op *o)
{
    if (o->fs->renaming != NULL && o->req->op != FILE_LIST)
        lfs_park(o, &o->fs->name_waiters);
    else if (o->req->op == FILE_LOOKUP)
        step_lookup(o);
    else if (o->req->op == FILE_LIST)
        step_list(o);
    else if (o->req->op == FILE_CREATE)
        step_create(o);
    else
        step_rename(o);
}

/* ---- mount ---- */

void lfs_name_init(struct lfs *fs)
{
    set_up(fs, fs->super.files < NAMES_FIRST ? fs->super.files : NAMES_FIRST);
    fs->root = port_alloc(fs->port, sizeof *fs->root);
    fs->root->fs = fs;
    fs->root->mode = FILE_MODE_DIR | 0777;
    fs->root->ino = fs->super.files;
}

bool lfs_name_link(struct lfs *fs)
{
    for (struct lfs_file *f = lfs_next_file(fs, 0); f != NULL; f = lfs_next_file(fs, f->ino + 1)) {
        f->parent = f->in == FILE_ROOT ? fs->root : lfs_by_handle(fs, f->in);
        if (f->parent == NULL || !(f->parent->mode & FILE_MODE_DIR) ||
            by_name(fs, f->parent, f->name) != NULL)
            return false;
        f->parent->kids++;
        lfs_name_add(f);
    }
    return true;
}
