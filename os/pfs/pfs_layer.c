/* pfs_layer.c: PFS, a bottom whose files are those of the parallel file system, asked of the
 * library of this node (the service pfs_client).  A request is a thread's, as the library's calls
 * are (os/file/turns.h).
 *
 *   PFSLAY1  A handle is the number that a file has at its I/O nodes, or that a directory has at
 *       the service node: the same on all nodes.  A node knows those that it has looked up, made or
 *       listed since it booted; any other is FILE_NO_FILE here.  A file is asked for by its number.
 *       A directory, and what is removed or changed, is asked for by the path by which it was found
 *       last: where another node has moved it since, it is FILE_NO_FILE until it is looked up.
 *   PFSLAY2  A file is opened once, when its bytes are first asked for, as user 0: whose request it
 *       is and what the file's mode says of him is looked at here, by the rights that were heard of
 *       last.  It stays open until a hint FILE_FORGET, a REMOVE, or a crash of the service node.
 *       What it wrote is on the devices before it is closed; where that fails the next FLUSH
 *       says so.
 */
#include <stdio.h> /* snprintf alone */
#include <string.h>

#include "os/file/pieces.h"
#include "os/file/turns.h"
#include "os/pfs/pfs_internal.h"

enum {
    PARTS = 16, /* ASSUMED(as many pieces of one request as an I/O node works on) */
    NAMES = 64  /* entries of one LIST; ASSUMED(some 4 KiB) */
};

struct layer_params {
    const char *path;
    int mode; /* of layer_modes */
};
static const char *const layer_modes[] = { "unix", "async", NULL };
static const struct param layer_params[] = {
    P_STRING(layer_params, path, "",
             "The directory of the parallel file system that is the root here; \"\": that of its "
             "first mount."),
    P_CHOICE(layer_params, mode, "unix", layer_modes,
             "How files are opened: M_UNIX, each request atomic among nodes, or M_ASYNC, where who "
             "calls sees to that."),
    P_END,
};

struct layer {
    struct file_sys sys; /* first */
    const struct os_node *node;
    enum pfs_mode mode;
    char root[PFS_NAME_MAX + 1]; /* "": "/" */
    struct xk_map map;           /* of those below by their handles */
    struct list known;
    struct file_turns turns;
};

struct known {
    struct list link;
    uint64_t handle;
    bool dir;
    struct file_rights rights;
    struct pfs_file *f; /* NULL: it is not open */
    uint32_t users;     /* requests that use it */
    bool stale;         /* it is to be opened again */
    bool lost;          /* some of what was written may be: for the next FLUSH */
    char *path;
};

static enum file_status status_of(enum pfs_status s)
{
    static const enum file_status of[] = {
        [PFS_OK] = FILE_OK,
        [PFS_NO_FILE] = FILE_NO_FILE,
        [PFS_EXISTS] = FILE_EXISTS,
        [PFS_BAD_NAME] = FILE_BAD_NAME,
        [PFS_BAD_ATTRS] = FILE_UNSUPPORTED,
        [PFS_BAD_MODE] = FILE_UNSUPPORTED, /* these three are of ranks that call together */
        [PFS_BAD_RECORD] = FILE_UNSUPPORTED,
        [PFS_CLOSED] = FILE_UNSUPPORTED,
        [PFS_NO_SPACE] = FILE_NO_SPACE,
        [PFS_IO_ERROR] = FILE_IO_ERROR,
        [PFS_SERVER_DOWN] = FILE_UNREACHABLE,
        [PFS_STALE] = FILE_UNREACHABLE,
        [PFS_NODE_DOWN] = FILE_UNREACHABLE,
        [PFS_NOT_DIR] = FILE_NOT_DIR,
        [PFS_IS_DIR] = FILE_IS_DIR,
        [PFS_NOT_EMPTY] = FILE_NOT_EMPTY,
        [PFS_BAD_OFFSET] = FILE_RANGE,
        [PFS_OTHER_MOUNT] = FILE_ELSEWHERE,
        [PFS_DENIED] = FILE_DENIED,
        [PFS_NO_VERSION] = FILE_NO_VERSION,
        [PFS_UNSUPPORTED] = FILE_UNSUPPORTED,
    };
    _Static_assert(ARRAY_LEN(of) == PFS_STATUS_COUNT, "each status of PFS is one of files");
    return of[s];
}

/* The library, which then calls as that user: it looks at who that is before it waits. */
static struct pfs_client *as(const struct layer *l, uint32_t uid, uint32_t gid, uint32_t mode)
{
    struct pfs_client *c = os_find(l->node, &pfs_client_service);
    ASSERT_MSG(c != NULL, "file_stacks_agree has seen to it that the node has one");
    pfs_user(c, &(struct file_rights){ mode, uid, gid });
    return c;
}
static struct pfs_client *as_root(const struct layer *l)
{
    return as(l, 0, 0, 0);
}
static struct pfs_client *as_caller(const struct layer *l, const struct file_req *r)
{
    return as(l, r->uid, r->gid, r->attr.mode & 0666);
}

/* ---- what is known ---- */

static void set_path(struct layer *l, struct known *k, const char *path)
{
    size_t n = strlen(path);
    port_free(l->sys.port, k->path);
    k->path = port_alloc(l->sys.port, n + 1);
    memcpy(k->path, path, n + 1);
}

static struct known *know(struct layer *l, uint64_t handle, bool dir,
                          const struct file_rights *rights, const char *path)
{
    struct known *k = xk_map_resolve(&l->map, &handle);
    if (k == NULL) {
        k = port_alloc(l->sys.port, sizeof *k);
        *k = (struct known){ .handle = handle, .dir = dir };
        list_push(&l->known, &k->link);
        xk_map_bind(&l->map, &k->handle, k);
    }
    k->rights = *rights;
    set_path(l, k, path);
    return k;
}

/* No request uses it. */
static void forget(struct layer *l, struct known *k) /* (blocks) */
{
    (void)xk_map_unbind(&l->map, &k->handle);
    list_remove(&k->link);
    if (k->f != NULL)
        (void)pfs_close(k->f);
    port_free(l->sys.port, k->path);
    port_free(l->sys.port, k);
}

/* No request uses it: PFSLAY2. (blocks) */
static void shut(struct known *k)
{
    struct pfs_file *f = k->f;
    k->f = NULL;
    k->stale = false;
    if (f == NULL)
        return;
    k->lost |= pfs_sync(f) != PFS_OK;
    (void)pfs_close(f);
}

/* Opens it where it is not; k->users is one more until `unused`. (blocks) */
static enum file_status use(struct layer *l, struct known *k)
{
    if (k->stale && k->users == 0)
        shut(k);
    k->users++;
    if (k->f != NULL)
        return FILE_OK;
    struct pfs_file *f = NULL;
    enum pfs_status s = pfs_open_numbered(as_root(l), k->handle, l->mode, &f);
    if (s != PFS_OK)
        return status_of(s);
    if (k->f != NULL) { /* another request has opened it */
        (void)pfs_close(f);
        return FILE_OK;
    }
    k->f = f;
    return FILE_OK;
}

static enum file_status unused(struct known *k, enum pfs_status s)
{
    k->stale |= s == PFS_STALE;
    k->users--;
    return status_of(s);
}

/* Its handle's. */
static enum file_status find(struct layer *l, const struct file_req *r, struct known **k)
{
    *k = xk_map_resolve(&l->map, &r->file);
    return *k == NULL ? FILE_NO_FILE : FILE_OK;
}

/* The same of a file on which the caller may do this. */
static enum file_status find_file(struct layer *l, const struct file_req *r, uint32_t bits,
                                  struct known **k)
{
    struct file_rights who = { 0, r->uid, r->gid };
    enum file_status s = find(l, r, k);
    if (s != FILE_OK)
        return s;
    if ((*k)->dir)
        return FILE_IS_DIR;
    return file_may(&who, &(*k)->rights, bits) ? FILE_OK : FILE_DENIED;
}

static const char *root_of(const struct layer *l)
{
    return l->root[0] ? l->root : "/";
}

/* `name` in `dir`; slashes: it may be several. */
static enum file_status path_in(struct layer *l, uint64_t dir, const char *name, bool slashes,
                                char out[PFS_NAME_MAX + 1])
{
    const struct known *k = xk_map_resolve(&l->map, &dir);
    size_t n = strlen(name);
    if (k == NULL && dir != FILE_ROOT)
        return FILE_NO_FILE;
    if (k != NULL && !k->dir)
        return FILE_NOT_DIR;
    if (n == 0 || (!slashes && (n > FILE_NAME_MAX || strchr(name, '/') != NULL)))
        return FILE_BAD_NAME;
    const char *above = k != NULL ? k->path : l->root;
    if (strlen(above) + 1 + n > PFS_NAME_MAX)
        return FILE_BAD_NAME;
    size_t at = strlen(above);
    memcpy(out, above, at + 1);
    out[at] = '/';
    memcpy(out + at + 1, name, n + 1);
    return FILE_OK;
}

/* What is at the path of k now; FILE_NO_FILE: something else. (blocks) */
static enum file_status look(struct layer *l, struct known *k, struct pfs_stat *st)
{
    enum pfs_status s = pfs_stat(as_root(l), k->path, st);
    if (s == PFS_OK && st->id != k->handle)
        s = PFS_NO_FILE;
    if (s == PFS_OK)
        k->rights = st->rights;
    return status_of(s);
}

/* ---- bytes ---- */

struct moving {
    struct file_req *r;
    struct pfs_file *f;
    uint64_t batch, begun, ended, nth; /* nth: of the run that comes next */
    uint64_t end;                      /* of the piece that reaches farthest */
    uint32_t run;
    bool short_of;
    enum pfs_status status;
    struct rope_cursor data;
    struct pfs_req part[PARTS];
};

/* The next piece; false: there is none. */
static bool begin(struct moving *m)
{
    struct file_req *r = m->r;
    while (m->run < r->run_count && (r->runs[m->run].len == 0 || m->nth >= r->runs[m->run].count)) {
        m->run++;
        m->nth = 0;
    }
    if (m->run == r->run_count)
        return false;
    const struct file_run *run = &r->runs[m->run];
    struct pfs_req *q = &m->part[m->begun++ % PARTS];
    pfs_req_init(q, r->op == FILE_READ ? PFS_READ : PFS_WRITE, m->f);
    q->at = true;
    q->batch = m->batch;
    q->off = run->off + m->nth++ * run->stride;
    q->len = run->len;
    q->trace = r->trace;
    m->end = q->off + q->len > m->end ? q->off + q->len : m->end;
    if (r->op == FILE_WRITE)
        rope_cursor_take(&m->data, q->len, &q->data);
    pfs_submit(q);
    return true;
}

/* In the order of the list (FILE2). (blocks) */
static void take(struct moving *m)
{
    struct pfs_req *q = &m->part[m->ended++ % PARTS];
    enum pfs_status s = pfs_wait(q);
    m->status = m->status == PFS_OK ? s : m->status;
    m->r->part[FILE_NETWORK] += q->split.mesh;
    m->r->part[FILE_QUEUE] += q->split.queue;
    m->r->part[FILE_DEVICE] += q->split.arm;
    if (m->status == PFS_OK && !m->short_of) {
        m->r->moved += q->moved;
        m->short_of = q->moved < q->len;
        if (m->r->op == FILE_READ)
            rope_join(&m->r->data, &q->data);
    }
    rope_fini(&q->data);
}

/* A list of which no piece reaches beyond what a file can hold. */
static bool in_range(const struct file_req *r)
{
    for (uint32_t i = 0; i < r->run_count; i++) {
        const struct file_run *x = &r->runs[i];
        uint64_t last;
        if (x->len == 0 || x->count == 0)
            continue;
        if (__builtin_mul_overflow(x->count - 1, x->stride, &last) ||
            __builtin_add_overflow(last, x->off, &last) ||
            __builtin_add_overflow(last, x->len, &last) || last > PFS_SIZE_MAX)
            return false;
    }
    return r->op == FILE_READ || file_bytes(r) == r->data.length;
}

static enum pfs_status move(struct layer *l, struct known *k, struct file_req *r)
{
    struct moving *m = port_alloc(l->sys.port, sizeof *m);
    const struct pfs_vnode *v = k->f->v;
    bool inside = v->token == PFS_TOKEN_HELD, going = true;
    uint64_t before = v->size;
    m->r = r;
    m->f = k->f;
    /* Its pieces are under way together, and no other's between them. */
    m->batch = l->mode == M_UNIX ? pfs_batch_begin(k->f) : 0;
    rope_cursor_init(&m->data, &r->data);
    while (going || m->ended < m->begun) {
        while (going && m->status == PFS_OK && !m->short_of && m->begun - m->ended < PARTS)
            going = begin(m);
        going = going && m->status == PFS_OK && !m->short_of;
        if (m->ended < m->begun)
            take(m);
    }
    if (m->batch != 0)
        pfs_batch_end(k->f);
    enum pfs_status s = m->status;
    /* The library does not say it; where it cannot be told for sure it counts as longer. */
    r->grew =
        r->op == FILE_WRITE && s == PFS_OK && m->end >= v->size && !(inside && m->end <= before);
    port_free(l->sys.port, m);
    return s;
}

static enum file_status serve_move(struct layer *l, struct file_req *r)
{
    struct known *k;
    enum file_status s = find_file(l, r, r->op == FILE_READ ? 04 : 02, &k);
    if (s == FILE_OK && !in_range(r))
        s = FILE_RANGE;
    if (s == FILE_OK) {
        s = use(l, k);
        enum pfs_status moved = s == FILE_OK ? move(l, k, r) : PFS_OK;
        enum file_status after = unused(k, moved);
        s = s == FILE_OK ? after : s;
    }
    if (r->op == FILE_WRITE || s != FILE_OK)
        rope_fini(&r->data);
    r->moved = s == FILE_OK ? r->moved : 0;
    return s;
}

/* ---- other requests of a file ---- */

static enum pfs_status hint(struct pfs_file *f, const struct file_req *r)
{
    pfs_ahead_forget(f);
    return pfs_hint(f, r->hint, r->size, r->runs, r->run_count);
}

static enum file_status serve_open(struct layer *l, struct file_req *r)
{
    struct known *k;
    bool hints = r->op == FILE_HINT;
    struct file_rights who = { 0, r->uid, r->gid };
    enum file_status s = find_file(l, r, !hints ? 02 : r->hint == FILE_STAGE ? 04 : 0, &k);
    if (s == FILE_OK && hints && file_hint_is_owners(r->hint) && !file_owns(&who, &k->rights))
        s = FILE_DENIED;
    if (s == FILE_OK && r->op == FILE_SIZE && r->size > PFS_SIZE_MAX)
        s = FILE_RANGE;
    if (s != FILE_OK)
        return s;
    s = use(l, k);
    enum pfs_status did = PFS_OK;
    if (s == FILE_OK)
        did = hints                      ? hint(k->f, r)
              : r->op == FILE_SIZE       ? pfs_lsize(k->f, r->size)
              : r->op == FILE_CHECKPOINT ? pfs_checkpoint(k->f, r->size)
                                         : pfs_rollback(k->f, r->size);
    enum file_status after = unused(k, did);
    if (hints && r->hint == FILE_FORGET)
        shut(k);
    return s == FILE_OK ? after : s;
}

static enum file_status serve_hint(struct layer *l, struct file_req *r)
{
    struct known *k;
    switch (r->hint) {
    case FILE_PROPAGATE: /* nothing is kept here that others do not see */
    case FILE_CLOSED:
    case FILE_WILL_WRITE:
        return FILE_OK;
    case FILE_REFRESH:
        if (find(l, r, &k) == FILE_OK && k->f != NULL)
            pfs_ahead_forget(k->f);
        return FILE_OK;
    default:
        return serve_open(l, r);
    }
}

static enum file_status flush(struct layer *l, struct known *k)
{
    if (k->dir)
        return FILE_OK;
    enum file_status s = use(l, k);
    enum file_status after = unused(k, s == FILE_OK ? pfs_sync(k->f) : PFS_OK);
    bool lost = k->lost;
    k->lost = false;
    s = s == FILE_OK ? after : s;
    return s == FILE_OK && lost ? FILE_UNREACHABLE : s;
}

static enum file_status serve_flush(struct layer *l, struct file_req *r)
{
    struct known *k;
    enum file_status s = r->file != 0 ? find(l, r, &k) : FILE_OK;
    if (r->file != 0)
        return s == FILE_OK ? flush(l, k) : s;
    LIST_EACH (i, &l->known) { /* TURN2: nobody else changes it */
        k = LIST_ENTRY(i, struct known, link);
        enum file_status one = k->f != NULL || k->lost ? flush(l, k) : FILE_OK;
        s = s == FILE_OK ? one : s;
    }
    return s;
}

static enum file_status serve_stat(struct layer *l, struct file_req *r)
{
    struct known *k = NULL;
    struct pfs_stat st = { .dir = true };
    enum file_status s;
    if (r->file == FILE_ROOT) {
        s = status_of(pfs_stat(as_root(l), root_of(l), &st));
    } else {
        s = find(l, r, &k);
        if (s == FILE_OK && k->dir)
            s = look(l, k, &st);
        else if (s == FILE_OK)
            s = status_of(pfs_stat_numbered(as_root(l), k->handle, &st));
        if (s == FILE_OK)
            k->rights = st.rights;
    }
    r->attr = (struct file_attr){ .size = st.dir ? 0 : st.size,
                                  .mode = (st.dir ? FILE_MODE_DIR : 0) | st.rights.mode,
                                  .uid = st.rights.uid,
                                  .gid = st.rights.gid };
    return s;
}

static enum file_status serve_change(struct layer *l, struct file_req *r)
{
    struct known *k;
    struct pfs_stat st;
    struct file_rights to = { r->attr.mode & 0777, r->attr.uid, r->attr.gid };
    if (r->file == FILE_ROOT)
        return FILE_UNSUPPORTED;
    enum file_status s = find(l, r, &k);
    s = s == FILE_OK ? look(l, k, &st) : s;
    s = s == FILE_OK ? status_of(pfs_chmod(as_caller(l, r), k->path, &to)) : s;
    if (s == FILE_OK)
        k->rights = to;
    return s;
}

static enum file_status serve_remove(struct layer *l, struct file_req *r)
{
    struct known *k;
    struct pfs_stat st;
    if (r->file == FILE_ROOT)
        return FILE_NOT_EMPTY;
    enum file_status s = find(l, r, &k);
    s = s == FILE_OK ? look(l, k, &st) : s;
    if (s == FILE_OK)
        s = status_of((k->dir ? pfs_rmdir : pfs_unlink)(as_caller(l, r), k->path));
    if (s == FILE_OK)
        forget(l, k);
    return s;
}

/* ---- names ---- */

static enum file_status serve_lookup(struct layer *l, struct file_req *r)
{
    char path[PFS_NAME_MAX + 1];
    struct pfs_stat st;
    enum file_status s = path_in(l, r->dir, r->name, true, path);
    r->file = 0;
    s = s == FILE_OK ? status_of(pfs_stat(as_caller(l, r), path, &st)) : s;
    if (s == FILE_OK)
        r->file = know(l, st.id, st.dir, &st.rights, path)->handle;
    return s;
}

static enum file_status serve_create(struct layer *l, struct file_req *r)
{
    static const uint8_t none[FILE_OWNER_BYTES];
    bool dir = (r->attr.mode & FILE_MODE_DIR) != 0;
    char path[PFS_NAME_MAX + 1];
    struct pfs_stat st;
    struct pfs_file *f = NULL;
    if (memcmp(r->attr.owner, none, sizeof none) != 0)
        return FILE_UNSUPPORTED;
    enum file_status s = path_in(l, r->dir, r->name, false, path);
    r->file = 0;
    if (s != FILE_OK)
        return s;
    s = status_of(
        dir ? pfs_mkdir(as_caller(l, r), path)
            : pfs_open(as_caller(l, r), path, PFS_O_CREATE | PFS_O_EXCL, l->mode, 0, 1, NULL, &f));
    s = s == FILE_IS_DIR ? FILE_EXISTS : s;
    if (s == FILE_OK && f != NULL) {
        struct file_rights own = {
            file_mode_of(&(struct file_rights){ r->attr.mode & 0666, 0, 0 }, false), r->uid, r->gid
        };
        struct known *k = know(l, f->v->local, false, &own, path);
        k->f = f;
        r->file = k->handle;
    } else if ((s == FILE_OK || s == FILE_EXISTS) && pfs_stat(as_root(l), path, &st) == PFS_OK) {
        r->file = know(l, st.id, st.dir, &st.rights, path)->handle;
    } else if (s == FILE_OK) { /* it went at once, or nobody answers */
        s = FILE_UNREACHABLE;
    }
    return s;
}

/* `path` is `of`, or lies below it: what follows; else NULL. */
static const char *below(const char *path, const char *of)
{
    size_t n = strlen(of);
    return strncmp(path, of, n) == 0 && (path[n] == 0 || path[n] == '/') ? path + n : NULL;
}

/* What was found at `from` is at `to` now, in the place of a file (TURN2: no other request). */
static void moved(struct layer *l, const char *from, const char *to)
{
    struct list *next;
    for (struct list *i = l->known.next; i != &l->known; i = next) {
        struct known *k = LIST_ENTRY(i, struct known, link);
        const char *rest = below(k->path, from);
        char path[2 * PFS_NAME_MAX + 1];
        next = i->next;
        if (rest != NULL) {
            (void)snprintf(path, sizeof path, "%s%s", to, rest);
            set_path(l, k, path);
        } else if (strcmp(k->path, to) == 0) {
            forget(l, k);
        }
    }
}

static enum file_status serve_rename(struct layer *l, struct file_req *r)
{
    char from[PFS_NAME_MAX + 1], to[PFS_NAME_MAX + 1];
    struct pfs_stat st, at;
    enum file_status s = path_in(l, r->dir, r->name, false, from);
    s = s == FILE_OK ? path_in(l, r->to_dir, r->to_name, false, to) : s;
    s = s == FILE_OK ? status_of(pfs_stat(as_caller(l, r), from, &st)) : s;
    if (s != FILE_OK)
        return s;
    const char *rest = below(to, from);
    if (rest != NULL)
        return *rest == 0 ? FILE_OK : st.dir ? FILE_LOOP : FILE_NOT_DIR;
    enum pfs_status there = pfs_stat(as_caller(l, r), to, &at);
    if (there == PFS_OK && (at.dir || st.dir))
        return at.dir ? FILE_EXISTS : FILE_UNSUPPORTED;
    if (there != PFS_OK && there != PFS_NO_FILE)
        return status_of(there);
    s = status_of(pfs_rename(as_caller(l, r), from, to));
    if (s == FILE_OK)
        moved(l, from, to);
    return s;
}

struct listing {
    uint64_t skip, seen;
    uint32_t count;
    bool more;
    char name[NAMES][FILE_NAME_MAX + 1];
};

static void listed(void *arg, const char *name, bool dir)
{
    struct listing *x = arg;
    size_t n = strlen(name);
    (void)dir;
    if (x->more || x->count == NAMES) {
        x->more = true;
        return;
    }
    if (x->seen++ < x->skip || n > FILE_NAME_MAX)
        return;
    memcpy(x->name[x->count++], name, n + 1);
}

/* How many entries have been told is how the next LIST knows where to go on. */
static enum file_status serve_list(struct layer *l, struct file_req *r)
{
    const struct known *k = xk_map_resolve(&l->map, &r->dir);
    if (k == NULL && r->dir != FILE_ROOT)
        return FILE_NO_FILE;
    if (k != NULL && !k->dir)
        return FILE_NOT_DIR;
    struct listing *x = port_alloc(l->sys.port, sizeof *x);
    *x = (struct listing){ .skip = r->file == r->dir ? 0 : r->file };
    enum file_status s =
        status_of(pfs_list(as_caller(l, r), k != NULL ? k->path : root_of(l), listed, x));
    for (uint32_t i = 0; s == FILE_OK && i < x->count; i++) {
        char path[PFS_NAME_MAX + 1];
        struct pfs_stat st;
        struct file_entry entry;
        s = path_in(l, r->dir, x->name[i], false, path);
        s = s == FILE_OK ? status_of(pfs_stat(as_root(l), path, &st)) : s;
        if (s == FILE_OK) {
            entry.file = know(l, st.id, st.dir, &st.rights, path)->handle;
            memcpy(entry.name, x->name[i], sizeof entry.name);
            file_entry_add(&r->data, &entry);
        }
        s = s == FILE_NO_FILE ? FILE_OK : s; /* it went meanwhile */
    }
    r->file = s == FILE_OK && x->more ? x->seen : 0;
    if (s != FILE_OK)
        rope_fini(&r->data);
    port_free(l->sys.port, x);
    return s;
}

static void serve(struct file_sys *s, struct file_req *r)
{
    static enum file_status (*const fn[FILE_OP_COUNT])(struct layer * l, struct file_req * r) = {
        [FILE_READ] = serve_move,       [FILE_WRITE] = serve_move,    [FILE_SIZE] = serve_open,
        [FILE_FLUSH] = serve_flush,     [FILE_CREATE] = serve_create, [FILE_REMOVE] = serve_remove,
        [FILE_RENAME] = serve_rename,   [FILE_LOOKUP] = serve_lookup, [FILE_STAT] = serve_stat,
        [FILE_CHANGE] = serve_change,   [FILE_LIST] = serve_list,     [FILE_HINT] = serve_hint,
        [FILE_CHECKPOINT] = serve_open, [FILE_ROLLBACK] = serve_open
    };
    r->status = fn[r->op](CONTAINER_OF(s, struct layer, sys), r);
}

static void submit(struct file_sys *s, struct file_req *r)
{
    struct layer *l = CONTAINER_OF(s, struct layer, sys);
    bool looks = r->op == FILE_LOOKUP || r->op == FILE_LIST || r->op == FILE_STAT ||
                 (r->op == FILE_READ && l->mode == M_ASYNC);
    file_req_begin(r);
    if (r->op == FILE_LOOKUP || r->op == FILE_CREATE || (r->op == FILE_LIST && r->file == 0))
        r->file = r->dir; /* whose turn it is */
    if (r->op == FILE_RENAME)
        r->file = 0; /* paths are others after it */
    file_turn(&l->turns, r, looks);
}

static uint32_t node(const struct file_sys *s, uint64_t file)
{
    (void)file;
    return ((const struct layer *)s)->node->layout->service;
}

static bool check(const void *params, const struct os_boot *b, const char *path, struct err *e)
{
    const struct layer_params *p = params;
    size_t n = strlen(p->path);
    (void)b;
    if (n > 0 && (p->path[0] != '/' || n > PFS_NAME_MAX))
        return err_set(e, "%s.path: \"%s\" is no path from the root of at most %d bytes", path,
                       p->path, PFS_NAME_MAX);
    return true;
}

extern const struct file_ops file_pfs;

static struct file_sys *start(const struct file_boot *b, const void *params, struct file_sys *below)
{
    const struct layer_params *p = params;
    struct layer *l = port_alloc(b->node->port, sizeof *l);
    struct pfs_mount first = { .path = "" };
    struct err e = ERR_INIT;
    (void)below;
    l->sys = (struct file_sys){ .ops = &file_pfs, .port = b->node->port };
    l->node = b->node;
    l->mode = p->mode == 0 ? M_UNIX : M_ASYNC;
    bool mounted = pfs_mount_for(b->node->layout, 0, 0, "", &first, &e);
    ASSERT_MSG(mounted, "the check of PFS has seen to it");
    size_t n = strlen(p->path);
    memcpy(l->root, n > 0 ? p->path : first.path, (n > 0 ? n : strlen(first.path)) + 1);
    for (n = strlen(l->root); n > 0 && l->root[n - 1] == '/'; n--)
        l->root[n - 1] = 0;
    xk_map_init(&l->map, l->sys.port, sizeof(uint64_t));
    list_init(&l->known);
    file_turns_init(&l->turns, &l->sys, serve);
    return &l->sys;
}

static const struct os_service_ops *const parts[] = { &pfs_meta_service, &pfs_server_service,
                                                      NULL };

const struct file_ops file_pfs = {
    .kind = { .name = "pfs",
              .doc = "The files of the parallel file system, asked of this node's pfs_client.",
              .params = layer_params,
              .params_size = sizeof(struct layer_params) },
    .bottom = true,
    .paths = true,
    .needs = &pfs_client_service,
    .parts = parts,
    .node = node,
    .check = check,
    .start = start,
    .submit = submit,
};
