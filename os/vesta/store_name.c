/* store_name.c: names and attributes: create, lookup, list, rename, stat, change.
 *
 * A name lies in its object's record, with the handle of its directory, which has no blocks: so
 * each change of a name is one write.  A directory goes when nothing lies in it on the device.  A
 * rename that takes an object's name away from it writes that the mover replaces it, and only then
 * that it is gone: a mount does what is left to do, before the mover is moved on or removed.  One
 * rename at a time, and no CREATE meanwhile.
 */
#include "os/vesta/store_internal.h"

static struct list *bucket(struct vst *vs, const struct vst_file *dir, const char *name)
{
    uint64_t h = file_checksum((const uint8_t *)name, strlen(name), SIZE_MAX) +
                 (dir != NULL ? dir->slot : UINT32_MAX);
    return &vs->names[h % vs->super.objects];
}

static struct vst_file *by_name(struct vst *vs, const struct vst_file *dir, const char *name)
{
    uint32_t seen = 1;
    struct vst_file *found = NULL;
    LIST_EACH (l, bucket(vs, dir, name)) {
        struct vst_file *f = LIST_ENTRY(l, struct vst_file, named);
        seen++;
        if (f->parent == dir && strcmp(f->name, name) == 0)
            found = f;
    }
    port_work(vs->port, PORT_WORK_LOOKUP, seen);
    return found;
}

bool vst_name_add(struct vst_file *f)
{
    if (by_name(f->vs, f->parent, f->name) != NULL)
        return false;
    list_push(bucket(f->vs, f->parent, f->name), &f->named);
    return true;
}

/* The directory of that handle (NULL: the root), in which the caller has the rights. */
static enum file_status directory(const struct vst_op *o, uint64_t handle, uint32_t bits,
                                  struct vst_file **dir)
{
    struct vst_file *f = handle != FILE_ROOT ? vst_by_handle(o->vs, handle) : NULL;
    *dir = f;
    if (handle == FILE_ROOT)
        return FILE_OK;
    if (f == NULL || f->creating || f->removing)
        return FILE_NO_FILE;
    if (!(f->mode & FILE_MODE_DIR))
        return FILE_NOT_DIR;
    return vst_may(o->req, f, bits) ? FILE_OK : FILE_DENIED;
}

static void count_kids(struct vst_file *dir, int32_t n)
{
    if (dir != NULL)
        dir->kids += (uint32_t)n;
}

static bool name_fits(const char *name)
{
    size_t n = strnlen(name, FILE_NAME_MAX + 1);
    return n > 0 && n <= FILE_NAME_MAX;
}

static void step_lookup(struct vst_op *o, const struct vst_file *dir)
{
    struct file_req *r = o->req;
    const struct vst_file *f = name_fits(r->name) ? by_name(o->vs, dir, r->name) : NULL;
    r->file = f != NULL && !f->creating ? vst_handle(f) : 0;
    vst_complete(o, r->file != 0 ? FILE_OK : FILE_NO_FILE);
}

#define LIST_MOST 256 /* entries that one LIST gives */

static void step_list(struct vst_op *o, const struct vst_file *dir)
{
    struct file_req *r = o->req;
    struct vst *vs = o->vs;
    uint32_t n = 0, i = r->file == 0 ? 0 : (uint32_t)r->file + 1;
    r->file = 0;
    for (; i < vs->super.objects && n < LIST_MOST; i++) {
        const struct vst_file *f = vs->files[i];
        struct file_entry x;
        if (f == NULL || !f->used || f->creating || f->parent != dir || list_empty(&f->named))
            continue;
        x.file = vst_handle(f);
        memcpy(x.name, f->name, sizeof x.name);
        file_entry_add(&r->data, &x);
        r->file = x.file;
        n++;
    }
    port_work(vs->port, PORT_WORK_LOOKUP, n);
    if (i >= vs->super.objects)
        r->file = 0;
    vst_complete(o, FILE_OK);
}

/* ---- create ---- */

struct vst_file *vst_file_new(struct vst *vs, uint32_t slot)
{
    struct vst_file *f = port_alloc(vs->port, sizeof *f);
    f->vs = vs;
    f->slot = slot;
    block_file_init(&f->kept, 0, vst_handle(f));
    list_init(&f->waiting);
    list_init(&f->named);
    vs->files[slot] = f;
    return f;
}

static void end_naming(struct vst_op *o)
{
    if (o->vs->renaming == o)
        o->vs->renaming = NULL;
    vst_wake(o->vs, &o->vs->name_waiters);
}

/* The record that was refused may be there: one that says otherwise follows.  When that is refused
 * too nobody knows what a mount will find, and nothing is done any more. */
static void step_undone(struct vst_op *o)
{
    if (o->status != FILE_OK)
        o->vs->failed = FILE_IO_ERROR;
    if (o->f->creating) {
        o->f->used = o->f->creating = false;
        vst_place_free(o->f);
        list_remove(&o->f->named);
        count_kids(o->f->parent, -1);
    }
    end_naming(o);
    vst_complete(o, FILE_IO_ERROR);
}

static void step_created(struct vst_op *o)
{
    if (o->status != FILE_OK) {
        vst_commit(o, false, step_undone);
        return;
    }
    o->f->creating = false;
    end_naming(o);
    vst_complete(o, FILE_OK);
}

static void step_create(struct vst_op *o, struct vst_file *dir)
{
    struct vst *vs = o->vs;
    struct file_req *r = o->req;
    struct vst_file *f = name_fits(r->name) ? by_name(vs, dir, r->name) : NULL;
    uint32_t slot = vs->first_free;
    if (vs->renaming != NULL || (f != NULL && f->creating)) {
        vst_park(o, &vs->name_waiters);
        return;
    }
    r->file = f != NULL ? vst_handle(f) : 0;
    if (!name_fits(r->name) || f != NULL) {
        vst_complete(o, f != NULL ? FILE_EXISTS : FILE_BAD_NAME);
        return;
    }
    while (slot < vs->super.objects && vs->files[slot] != NULL &&
           (vs->files[slot]->used || vs->files[slot]->creating || vs->files[slot]->writer)) {
        vs->first_free += vs->first_free == slot && vs->files[slot]->used;
        slot++;
    }
    if (slot == vs->super.objects) {
        vst_complete(o, FILE_NO_INODE);
        return;
    }
    f = vs->files[slot] != NULL ? vs->files[slot] : vst_file_new(vs, slot);
    f->used = f->creating = true;
    f->generation++;
    f->kept.id = vst_handle(f);
    f->version[0].size = 0;
    f->replaces = 0;
    f->mode = r->attr.mode & (FILE_MODE_DIR | 0777);
    f->parent = dir;
    count_kids(dir, 1);
    f->uid = r->uid;
    f->gid = r->gid;
    f->mtime = f->ctime = port_now(vs->port);
    memset(f->name, 0, sizeof f->name);
    memcpy(f->name, r->name, strlen(r->name));
    memcpy(f->owner, r->attr.owner, sizeof f->owner);
    (void)vst_name_add(f);
    r->file = vst_handle(f);
    f->writer = true;
    o->f = f;
    vst_commit(o, true, step_created);
}

/* ---- rename ---- */

static void put_name(struct vst_file *f, struct vst_file *dir, const char *name)
{
    list_remove(&f->named);
    f->parent = dir;
    memset(f->name, 0, sizeof f->name);
    memcpy(f->name, name, strlen(name));
    (void)vst_name_add(f);
}

/* What was replaced is gone, or could not be, twice: then the mover's record still says that it is
 * to go, and a mount does it. */
static void step_replaced(struct vst_op *o)
{
    end_naming(o);
    if (o->status == FILE_OK)
        o->f->replaces = 0;
    vst_complete(o, o->status);
}

static void step_renamed(struct vst_op *o)
{
    struct vst_file *f = o->f, *gone = vst_by_handle(o->vs, f->replaces);
    struct vst_file *from = o->from, *to = f->parent;
    bool good = o->status == FILE_OK;
    count_kids(good ? from : to, -1);
    if (!good) {
        put_name(f, from, o->req->name);
        f->replaces = 0;
        if (gone != NULL)
            (void)vst_name_add(gone);
        vst_commit(o, true, step_undone);
        return;
    }
    o->step = step_replaced;
    if (gone != NULL)
        vst_internal(o->vs, FILE_REMOVE, f->replaces, o);
    else
        step_replaced(o);
}

/* Why the mover, whose turn it is, is not moved; FILE_OK: it is. */
static enum file_status stays(struct vst_op *o, struct vst_file **dir, struct vst_file **to)
{
    const struct file_req *r = o->req;
    struct vst_file *f = o->f, *from;
    enum file_status s = directory(o, r->dir, 03, &from);
    if (s == FILE_OK)
        s = directory(o, r->to_dir, 03, dir);
    if (s != FILE_OK)
        return s;
    *to = by_name(o->vs, *dir, r->to_name);
    if (vst_by_handle(o->vs, r->file) != f || f->parent != from || strcmp(f->name, r->name) != 0)
        return FILE_NO_FILE;
    for (const struct vst_file *d = *dir; d != NULL; d = d->parent)
        if (d == f)
            return FILE_LOOP;
    return *to != NULL && *to != f && ((*to)->mode | f->mode) & FILE_MODE_DIR ? FILE_EXISTS
                                                                              : FILE_OK;
}

static void step_moving(struct vst_op *o)
{
    struct vst_file *f = o->f, *dir = NULL, *to = NULL;
    if (vst_must_wait(o))
        return;
    enum file_status s = o->vs->failed != FILE_OK ? o->vs->failed : stays(o, &dir, &to);
    if (s != FILE_OK || to == f) {
        end_naming(o);
        vst_complete(o, s);
        return;
    }
    f->replaces = to != NULL ? vst_handle(to) : 0;
    if (to != NULL)
        list_remove(&to->named);
    o->from = f->parent;
    count_kids(dir, 1);
    put_name(f, dir, o->req->to_name);
    f->ctime = port_now(o->vs->port);
    vst_changed(f);
    vst_commit(o, true, step_renamed);
}

static void step_rename(struct vst_op *o, const struct vst_file *dir)
{
    struct vst *vs = o->vs;
    struct file_req *r = o->req;
    struct vst_file *to_dir, *to = NULL;
    struct vst_file *f = name_fits(r->name) ? by_name(vs, dir, r->name) : NULL;
    enum file_status s = directory(o, r->to_dir, 03, &to_dir);
    if (s == FILE_OK && name_fits(r->to_name))
        to = by_name(vs, to_dir, r->to_name);
    if (vs->renaming != NULL || (f != NULL && f->creating) || (to != NULL && to->creating)) {
        vst_park(o, &vs->name_waiters);
        return;
    }
    if (s != FILE_OK || f == NULL || !name_fits(r->to_name)) {
        vst_complete(o, s != FILE_OK ? s : f == NULL ? FILE_NO_FILE : FILE_BAD_NAME);
        return;
    }
    r->file = vst_handle(f);
    vs->renaming = o;
    o->step = step_moving;
    vst_enter(o, f);
}

/* ---- all ---- */

void vst_step_name(struct vst_op *o)
{
    static const uint32_t rights[FILE_OP_COUNT] = {
        [FILE_LOOKUP] = 01, [FILE_LIST] = 04, [FILE_CREATE] = 03, [FILE_RENAME] = 03
    };
    struct vst_file *dir;
    enum file_status s = directory(o, o->req->dir, rights[o->req->op], &dir);
    if (s != FILE_OK)
        vst_complete(o, s);
    else if (o->req->op == FILE_LOOKUP)
        step_lookup(o, dir);
    else if (o->req->op == FILE_LIST)
        step_list(o, dir);
    else if (o->req->op == FILE_CREATE)
        step_create(o, dir);
    else
        step_rename(o, dir);
}

void vst_step_stat(struct vst_op *o)
{
    const struct vst_file *f = o->f;
    o->req->attr = (struct file_attr){ .size = f->version[0].size,
                                       .mode = f->mode,
                                       .uid = f->uid,
                                       .gid = f->gid,
                                       .mtime = f->mtime,
                                       .ctime = f->ctime };
    memcpy(o->req->attr.owner, f->owner, sizeof f->owner);
    vst_complete(o, FILE_OK);
}

void vst_step_change(struct vst_op *o)
{
    struct vst_file *f = o->f;
    enum file_status s = file_change(o->req, &f->mode, &f->uid, &f->gid);
    if (s == FILE_OK) {
        f->ctime = port_now(o->vs->port);
        vst_changed(f);
    }
    vst_complete(o, s);
}
