/* pio_files.c: the files of a stack of layers (os/file) as a system of pio.
 *
 * The service file_client starts the stack on each program's node: as a rule the node's own device;
 * with the layer remote at the bottom the files of a server, which all ranks see.  Ranks meet by
 * NX.  Lists go down as they are.
 */
#include <string.h>

#include "os/file/directed.h"
#include "os/lfs/lfs.h"
#include "os/nx/nx.h"
#include "os/pio/pio_cache.h"

extern const struct os_service_ops file_client_service;

enum { UNIT = 64 << 10 }; /* by which a file is cut for transfers past the layers */

struct client_params {
    const struct val *files;
    struct file_stack stack;
};
static const struct param client_params[] = {
    P_VAL(client_params, files,
          "The layers, top to bottom, of the files that programs see: tables { layer = NAME, and "
          "its parameters }. Without them those on the node's own device.",
          "ASSUMED(one file system a node)"),
    P_END,
};

struct client {
    struct port *port;
    struct file_sys *files;
    struct file_rights user;
    bool cache;     /* a layer that hears of a close */
    bool paths;     /* a bottom that looks up several names at once */
    uint32_t opens; /* so far */
};

struct opened { /* the state of a file */
    uint64_t file, stream;
};
static const struct opened *opened(const struct pio_file *f)
{
    return f->state;
}

static bool ready(void *params, const struct os_boot *b, const char *path, struct err *e)
{
    struct client_params *p = params;
    return file_stack_load(&p->stack, b, p->files, "lfs", NULL, path, e);
}

static void drop(void *params)
{
    file_stack_free(&((struct client_params *)params)->stack);
}

static void *start_client(struct os_node *n, const struct os_service *service,
                          struct xk_protl *over)
{
    const struct client_params *p = service->params;
    struct client *c = port_alloc(n->port, sizeof *c);
    c->port = n->port;
    c->cache = file_stack_has(&p->stack, "cache");
    c->paths = p->stack.layer[p->stack.count - 1].ops->paths;
    c->files = file_stack_start(&p->stack, &(struct file_boot){ .node = n, .rpc = over });
    return c;
}

static enum file_status ask(const struct client *c, struct file_req *q) /* (blocks) */
{
    q->uid = c->user.uid;
    q->gid = c->user.gid;
    return file_ask(c->files, q);
}

/* The same as a walk, of a bottom that looks up all names at once. */
static enum file_status walk_at_once(const struct client *c, const char *path, uint64_t *dir,
                                     char leaf[FILE_NAME_MAX + 2])
{
    const char *last = strrchr(path, '/');
    size_t n = last != NULL ? (size_t)(last - path) : 0, left = strlen(path + n + (n > 0));
    struct file_req q;
    if (left == 0 || left > FILE_NAME_MAX)
        return FILE_BAD_NAME;
    memcpy(leaf, path + n + (n > 0), left + 1);
    if (n == 0)
        return FILE_OK;
    char *above = port_alloc(c->port, n + 1);
    memcpy(above, path, n);
    file_req_init(&q, FILE_LOOKUP, NULL, NULL);
    q.name = above;
    enum file_status s = ask(c, &q);
    *dir = q.file;
    port_free(c->port, above);
    return s;
}

/* The directory of a path's last name, which is written to `leaf`. */
static enum file_status walk(const struct client *c, const char *path, uint64_t *dir,
                             char leaf[FILE_NAME_MAX + 2])
{
    *dir = FILE_ROOT;
    if (c->paths)
        return walk_at_once(c, path, dir, leaf);
    for (;;) {
        size_t n = strcspn(path, "/");
        if (n > FILE_NAME_MAX)
            return FILE_BAD_NAME;
        memcpy(leaf, path, n);
        leaf[n] = 0;
        if (path[n] == 0)
            return n == 0 ? FILE_BAD_NAME : FILE_OK;
        struct file_req q;
        file_req_init(&q, FILE_LOOKUP, NULL, NULL);
        q.dir = *dir;
        q.name = leaf;
        enum file_status s = ask(c, &q);
        if (s != FILE_OK)
            return s;
        *dir = q.file;
        path += n + 1;
    }
}

/* An operation on the last name of a path: its handle in q->file. */
static enum file_status named(const struct client *c, struct file_req *q, enum file_op op,
                              const char *path, unsigned mode)
{
    char leaf[FILE_NAME_MAX + 2];
    uint64_t dir = FILE_ROOT;
    if (c->paths && op == FILE_LOOKUP) {
        file_req_init(q, op, NULL, NULL);
        q->name = path;
        enum file_status found = ask(c, q);
        q->name = NULL;
        return found;
    }
    enum file_status s = walk(c, path, &dir, leaf);
    file_req_init(q, op, NULL, NULL);
    q->dir = dir;
    q->name = leaf;
    q->attr.mode = mode != 0 ? mode : file_mode_of(&c->user, false);
    if (s == FILE_OK)
        s = ask(c, q);
    q->name = NULL;
    return s;
}

/* ---- the system ---- */

static unsigned traits_of(int mode)
{
    (void)mode;
    return PIO_MODE_OFFSETS;
}

/* Each program's node has a device with room for its share of the files. */
static bool check_own(const struct os_layout *l, const struct file_layer *bottom,
                      const struct pio_plan *plan, struct err *e)
{
    uint32_t files = plan->files / (plan->ranks > 0 ? plan->ranks : 1);
    for (uint32_t i = 0; i < plan->ranks; i++) {
        struct os_disk d = os_disk(l, l->compute[i]);
        if (d.sectors == 0)
            return err_set(e,
                           "%s.system: the files of 'files' lie on each node's own device, and "
                           "node %u, of rank %u, has none; machine.nodes: { compute = { storage "
                           "= { kind = 'disk' } } }",
                           plan->path, l->compute[i], i);
        if (strcmp(bottom->ops->kind.name, "lfs") != 0)
            continue;
        struct lfs_params p = *(const struct lfs_params *)bottom->params;
        p.files = plan->files > p.files ? plan->files : p.files;
        uint64_t room = lfs_room(&p, d.sectors, d.sector_bytes);
        if (p.device == 0 && lfs_need(&p, files, plan->size) > room)
            return err_set(e,
                           "%s: node %u, of rank %u, has %u files of %llu bytes, and its device "
                           "has room for %llu in all",
                           plan->path, l->compute[i], i, files, (unsigned long long)plan->size,
                           (unsigned long long)room * (unsigned long long)p.block);
    }
    return true;
}

/* Files on the node's own device are not seen by others. */
static bool check(const struct os_layout *l, const struct pio_plan *plan, struct err *e)
{
    const struct client_params *p = os_service_params(l, &file_client_service);
    const struct file_layer *bottom = p ? &p->stack.layer[p->stack.count - 1] : NULL;
    if (p && plan->maps && !file_stack_maps(&p->stack))
        return err_set(e,
                       "%s: files are mapped, and the stack of the service 'file_client' has no "
                       "layer 'mapped', or has one above it that keeps bytes or changes requests; "
                       "only 'pass', 'token' and 'crossing' may stand above",
                       plan->path);
    if (!p || bottom->ops->node != NULL) /* others see them, too */
        return true;
    if (plan->traits & PIO_SHARED)
        return err_set(
            e,
            "%s.system: the files of 'files' lie on each node's own device, and the programs "
            "share theirs; machine.os: { service = 'file_client', files = { { layer = "
            "'remote' } } }",
            plan->path);
    return check_own(l, bottom, plan, e);
}

/* The server keeps a file whole: one part. */
static bool parted(const struct os_layout *l)
{
    const struct client_params *p = os_service_params(l, &file_client_service);
    return p != NULL && file_stack_remote(&p->stack);
}

static void stripes(const struct pio_file *f, struct pio_stripes *out)
{
    const struct client *c = f->sys->state;
    out->unit = UNIT;
    out->factor = 1;
    out->service = DIRECTED_FILES;
    out->host[0] = file_remote_host(c->files, &out->rpc);
    out->part =
        (struct file_ref){ .file = opened(f)->file, .uid = c->user.uid, .gid = c->user.gid };
}

static void written(struct pio_file *f)
{
    const struct client *c = f->sys->state;
    file_remote_changed(c->files, opened(f)->file);
}

static void *start(struct os_node *n)
{
    return os_find(n, &file_client_service);
}

static enum pio_status open(struct pio_file *f, const struct pio_open *o)
{
    struct client *c = f->sys->state;
    struct file_req q;
    c->user = f->sys->user;
    enum file_status s = named(c, &q, FILE_LOOKUP, o->name, 0);
    if (s == FILE_NO_FILE && o->flags & PIO_O_CREATE) {
        s = named(c, &q, FILE_CREATE, o->name, 0);
        s = s == FILE_EXISTS && !(o->flags & PIO_O_EXCL) ? FILE_OK : s;
    } else if (s == FILE_OK && o->flags & PIO_O_CREATE && o->flags & PIO_O_EXCL) {
        s = FILE_EXISTS;
    }
    struct opened *x = port_alloc(c->port, sizeof *x);
    *x = (struct opened){ q.file, ++c->opens };
    if (s == FILE_OK && o->flags & PIO_O_TRUNC) {
        file_req_init(&q, FILE_SIZE, NULL, NULL);
        q.file = x->file;
        s = ask(c, &q);
    }
    f->state = x;
    return pio_of_file(s);
}

static void submit(struct pio_req *r)
{
    const struct client *c = r->file->sys->state;
    const struct opened *x = opened(r->file);
    pio_by_files(r, c->files, x->file, x->stream, &c->user);
}

static struct file_map *map_of(struct pio_file *f, const struct file_map_ask *a)
{
    const struct client *c = f->sys->state;
    struct file_map_ask of = *a;
    of.file = opened(f)->file;
    of.uid = c->user.uid;
    of.gid = c->user.gid;
    return file_map(c->files, &of);
}

enum { FILL = 1 << 20 };

static enum file_status of_file(const struct client *c, struct pio_file *f, struct pio_control *x)
{
    static const enum file_op ops[PIO_CTL_COUNT] = {
        [PIO_SET_SIZE] = FILE_SIZE,         [PIO_GET_SIZE] = FILE_STAT,
        [PIO_FLUSH] = FILE_FLUSH,           [PIO_FILL] = FILE_WRITE,
        [PIO_CHECKPOINT] = FILE_CHECKPOINT, [PIO_ROLLBACK] = FILE_ROLLBACK
    };
    struct file_req q;
    enum file_status s = FILE_OK;
    uint64_t file = opened(f)->file;
    for (uint64_t at = 0; x->what == PIO_FILL && at < x->value && s == FILE_OK; at += FILL) {
        file_req_init(&q, FILE_WRITE, NULL, NULL);
        q.file = file;
        file_range(&q, at, x->value - at < FILL ? x->value - at : FILL);
        rope_add_pattern(&q.data, x->seed, at, q.one.len);
        s = ask(c, &q);
    }
    if (s != FILE_OK)
        return s;
    file_req_init(&q, x->what == PIO_FILL ? FILE_FLUSH : ops[x->what], NULL, NULL);
    q.file = file;
    q.size = x->value;
    s = ask(c, &q);
    if (x->what == PIO_GET_SIZE)
        x->value = q.attr.size;
    if (x->what == PIO_FILL && x->cold && s == FILE_OK) {
        file_req_init(&q, FILE_HINT, NULL, NULL);
        q.file = file;
        q.hint = FILE_FORGET;
        s = ask(c, &q);
    }
    return s;
}

/* What layers of the stack may act on. */
static enum file_status hint_of(const struct client *c, struct pio_file *f,
                                const struct pio_control *x)
{
    struct file_req q;
    file_req_init(&q, FILE_HINT, NULL, NULL);
    q.file = opened(f)->file;
    q.hint = x->what == PIO_PROPAGATE ? FILE_PROPAGATE
             : x->what == PIO_REFRESH ? FILE_REFRESH
                                      : pio_hint_of(x->value);
    q.stream = opened(f)->stream;
    q.size = x->number;
    if (x->runs != NULL) {
        q.runs = x->runs;
        q.run_count = x->run_count;
    }
    return ask(c, &q);
}

static enum file_status stat_of(const struct client *c, uint64_t file, struct pio_stat *out)
{
    struct file_req q;
    file_req_init(&q, FILE_STAT, NULL, NULL);
    q.file = file;
    enum file_status s = ask(c, &q);
    *out = (struct pio_stat){ .size = q.attr.size,
                              .directory = (q.attr.mode & FILE_MODE_DIR) != 0,
                              .rights = { q.attr.mode & 0777, q.attr.uid, q.attr.gid } };
    return s;
}

static enum file_status list(const struct client *c, struct pio_control *x)
{
    struct file_req q;
    struct file_entry entry;
    struct pio_stat st;
    enum file_status s = named(c, &q, FILE_LOOKUP, x->name, 0);
    uint64_t dir = q.file, next = 0;
    do {
        if (s != FILE_OK)
            return s;
        file_req_init(&q, FILE_LIST, NULL, NULL);
        q.dir = dir;
        q.file = next;
        s = ask(c, &q);
        next = q.file;
        while (s == FILE_OK && file_entry_next(&q.data, &entry)) {
            s = stat_of(c, entry.file, &st);
            if (s == FILE_OK)
                x->entry(x->arg, entry.name, st.directory);
            else if (s == FILE_NO_FILE) /* it went meanwhile */
                s = FILE_OK;
        }
        rope_fini(&q.data);
    } while (next != 0);
    return s;
}

static enum file_status change(const struct client *c, const struct pio_control *x)
{
    struct file_req q;
    enum file_status s = named(c, &q, FILE_LOOKUP, x->name, 0);
    uint64_t file = q.file;
    if (s != FILE_OK)
        return s;
    file_req_init(&q, FILE_CHANGE, NULL, NULL);
    q.file = file;
    q.attr.mode = x->stat.rights.mode;
    q.attr.uid = x->stat.rights.uid;
    q.attr.gid = x->stat.rights.gid;
    s = ask(c, &q);
    if (s != FILE_OK)
        return s;
    file_req_init(&q, FILE_FLUSH, NULL, NULL);
    q.file = file;
    return ask(c, &q);
}

static enum file_status remove_of(const struct client *c, const char *name)
{
    struct file_req q;
    enum file_status s = named(c, &q, FILE_LOOKUP, name, 0);
    uint64_t file = q.file;
    file_req_init(&q, FILE_REMOVE, NULL, NULL);
    q.file = file;
    return s == FILE_OK ? ask(c, &q) : s;
}

static enum file_status rename_of(const struct client *c, struct pio_control *x)
{
    char from[FILE_NAME_MAX + 2], to[FILE_NAME_MAX + 2];
    struct file_req q;
    uint64_t dir, to_dir;
    enum file_status s = walk(c, x->name, &dir, from);
    if (s == FILE_OK)
        s = walk(c, x->to, &to_dir, to);
    if (s != FILE_OK)
        return s;
    file_req_init(&q, FILE_RENAME, NULL, NULL);
    q.dir = dir;
    q.to_dir = to_dir;
    q.name = from;
    q.to_name = to;
    return ask(c, &q);
}

/* By a global operation of NX. */
static enum pio_status agree(struct os_node *n, bool ok)
{
    int64_t bad = !ok;
    if (nx_gihigh(os_find(n, &nx_service), &bad, 1) != NX_OK)
        return PIO_NODE_DOWN;
    return bad ? PIO_CLOSED : PIO_OK;
}

static enum pio_status control(struct pio *s, struct pio_file *f, struct pio_control *x)
{
    struct client *c = s->state;
    struct file_req q;
    enum file_status st;
    c->user = s->user;
    switch (x->what) {
    case PIO_CLOSE:
        if (c->cache && !s->tells_close) {
            file_req_init(&q, FILE_HINT, NULL, NULL);
            q.hint = FILE_CLOSED;
            q.file = opened(f)->file;
            q.stream = opened(f)->stream;
            (void)ask(c, &q);
        }
        port_free(c->port, f->state);
        return PIO_OK;
    case PIO_UNLINK:
    case PIO_RMDIR:
        return pio_of_file(remove_of(c, x->name));
    case PIO_MKDIR:
        return pio_of_file(
            named(c, &q, FILE_CREATE, x->name, FILE_MODE_DIR | file_mode_of(&c->user, true)));
    case PIO_STAT:
        st = named(c, &q, FILE_LOOKUP, x->name, 0);
        return pio_of_file(st == FILE_OK ? stat_of(c, q.file, &x->stat) : st);
    case PIO_CHMOD:
        return pio_of_file(change(c, x));
    case PIO_LIST:
        return pio_of_file(list(c, x));
    case PIO_RENAME:
        return pio_of_file(rename_of(c, x));
    case PIO_AGREE:
        return agree(s->node, x->ok);
    case PIO_HINT:
    case PIO_PROPAGATE:
    case PIO_REFRESH:
        return pio_of_file(hint_of(c, f, x));
    default:
        return pio_of_file(of_file(c, f, x));
    }
}

const struct os_service_ops file_client_service = {
    .kind = { .name = "file_client",
              .doc = "The files of a stack of layers as programs see them.",
              .params = client_params,
              .params_size = sizeof(struct client_params) },
    .on = "compute",
    .over = "rpc",
    .ready = ready,
    .drop = drop,
    .stack = offsetof(struct client_params, stack),
    .start = start_client,
};

static const struct os_service_ops *const services[] = { &file_client_service, &nx_service, NULL };

extern const struct pio_ops pio_files;
const struct pio_ops pio_files = {
    .kind = { .name = "files",
              .doc = "Those of a stack of layers: of the node's device, or of a server." },
    .can =
        (PIO_CAN(PIO_CTL_COUNT) - 1) &
        ~(PIO_CAN(PIO_SEEK) | PIO_CAN(PIO_TELL) | PIO_CAN(PIO_PLACE) | PIO_CAN(PIO_MODE) |
          PIO_CAN(PIO_VIEW) | PIO_CAN(PIO_GRANT) | PIO_CAN(PIO_LABEL_GET) | PIO_CAN(PIO_LABEL_SET)),
    .traits = PIO_SHARED,
    .services = services,
    .mode = traits_of,
    .check = check,
    .start = start,
    .open = open,
    .submit = submit,
    .parted = parted,
    .stripes = stripes,
    .written = written,
    .map = map_of,
    .control = control,
};
