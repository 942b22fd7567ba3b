/* pfs_client.c: the client library: opening and closing, metadata calls. */
#include "os/pfs/pfs_internal.h"

#include <stdio.h>
#include <string.h>

/* ---- metadata calls ---- */

struct meta_call {
    struct list link;
    struct pfs_client *c;
    enum pfs_meta_proc proc;
    struct rope args; /* kept until the call is accepted */
    pfs_meta_done *done;
    void *arg;
};

static void finish_call(void *arg, enum xk_status status, struct rope *r)
{
    struct meta_call *x = arg;
    struct pfs_meta_msg msg = { 0 };
    uint32_t group[PFS_FACTOR_MAX];
    enum pfs_status s = pfs_status_of_call(status);
    if (s == PFS_OK)
        s = pfs_meta_load(r, &msg, group) ? msg.status : PFS_SERVER_DOWN;
    rope_fini(&x->args);
    pfs_meta_done *done = x->done;
    void *done_arg = x->arg;
    port_free(x->c->port, x);
    done(done_arg, s, &msg, group);
}

void pfs_arm_retry(struct pfs_client *c)
{
    if (!port_timer_pending(&c->retry_timer))
        port_timer_set(&c->retry_timer, c->params->retry_delay);
}

static void try_call(struct meta_call *x)
{
    struct pfs_client *c = x->c;
    enum xk_status s = select_call(c->rpc, c->layout->service, PFS_SERVICE_META, x->proc, &x->args,
                                   finish_call, x);
    if (s == XK_BUSY) {
        list_push(&c->calls, &x->link);
        pfs_arm_retry(c);
    } else if (s != XK_OK) {
        finish_call(x, s, NULL);
    }
}

void pfs_meta_call(struct pfs_client *c, enum pfs_meta_proc proc, const struct pfs_meta_msg *m,
                   const uint32_t *group, pfs_meta_done *done, void *arg)
{
    struct meta_call *x = port_alloc(c->port, sizeof *x);
    x->c = c;
    x->proc = proc;
    x->done = done;
    x->arg = arg;
    rope_init(&x->args);
    pfs_meta_store(&x->args, m, group);
    try_call(x);
}

enum pfs_status pfs_meta_ask_more(struct pfs_client *c, enum pfs_meta_proc proc,
                                  struct pfs_meta_msg *m, uint32_t *group, struct rope *more)
{
    static const char *const names[PFS_META_PROCS] = {
        "open",     "close",  "unlink", "stat",  "extend", "size", "token", "pointer", "order",
        "together", "lookup", "mkdir",  "rmdir", "rename", "list", "chmod", "note"
    };
    struct rope args, out;
    uint64_t id = ++c->traced;
    m->rights = c->user;
    rope_init(&args);
    pfs_meta_store(&args, m, group);
    if (more != NULL)
        rope_join(&args, more);
    port_trace_begin(c->port, "files", names[proc], id);
    enum pfs_status s = pfs_status_of_call(
        select_call_wait(c->rpc, c->layout->service, PFS_SERVICE_META, proc, &args, &out));
    port_trace_end(c->port, "files", names[proc], id);
    if (s == PFS_OK)
        s = pfs_meta_load(&out, m, group) ? m->status : PFS_SERVER_DOWN;
    if (s == PFS_OK && more != NULL) {
        rope_drop_front(&out, pfs_meta_length(m));
        rope_join(more, &out);
    }
    rope_fini(&args);
    rope_fini(&out);
    return s;
}

enum pfs_status pfs_meta_ask(struct pfs_client *c, enum pfs_meta_proc proc, struct pfs_meta_msg *m,
                             uint32_t *group)
{
    return pfs_meta_ask_more(c, proc, m, group, NULL);
}

static void retry_tick(struct port_timer *t)
{
    struct pfs_client *c = t->arg;
    struct list again, *l;
    list_init(&again);
    while ((l = list_pop(&c->calls)) != NULL)
        list_push(&again, l);
    while ((l = list_pop(&again)) != NULL)
        try_call(LIST_ENTRY(l, struct meta_call, link));
    pfs_data_retry(c);
}

/* ---- calls to all I/O nodes of a file ---- */

struct io_all {
    struct pfs_client *c;
    struct port_thread *thread;
    uint32_t left;
    uint64_t length;
    enum pfs_status status;
};

static void io_all_done(void *arg, enum xk_status status, struct rope *r)
{
    struct io_all *x = arg;
    struct pfs_io_reply reply;
    uint8_t length[8];
    enum pfs_status s = pfs_status_of_call(status);
    if (s == PFS_OK)
        s = pfs_io_reply_load(r, &reply) ? reply.status : PFS_SERVER_DOWN;
    if (s == PFS_OK && r->length == sizeof length) {
        rope_read(r, 0, sizeof length, length);
        if (wire_get64(length) > x->length)
            x->length = wire_get64(length);
    }
    if (s != PFS_OK && x->status == PFS_OK)
        x->status = s;
    x->left--;
    port_thread_wake(x->c->port, x->thread);
}

enum pfs_status pfs_io_all(struct pfs_client *c, const struct pfs_attrs *attrs,
                           enum pfs_io_proc proc, uint64_t local, uint64_t size, uint64_t seed,
                           uint64_t *length)
{
    struct io_all all = { .c = c, .thread = port_thread_self(c->port) }, *x = &all;
    struct pfs_layout l = { attrs->unit, attrs->factor };
    for (uint32_t dir = 0; dir < attrs->factor;) {
        struct pfs_io_args a = { .id = local,
                                 .len = pfs_layout_share(l, size, dir),
                                 .unit = attrs->unit,
                                 .record = seed,
                                 .factor = attrs->factor,
                                 .dir = dir };
        struct rope args;
        rope_init(&args);
        pfs_io_args_store(&args, &a);
        enum xk_status s = select_call(c->rpc, c->layout->io[attrs->group[dir]], PFS_SERVICE_IO,
                                       proc, &args, io_all_done, x);
        rope_fini(&args);
        if (s == XK_BUSY) {
            port_thread_sleep(c->port, c->params->retry_delay);
            continue;
        }
        if (s == XK_OK)
            x->left++;
        else if (x->status == PFS_OK)
            x->status = pfs_status_of_call(s);
        dir++;
    }
    while (x->left > 0)
        port_thread_block(c->port, "I/O nodes", local);
    if (length != NULL)
        *length = x->length;
    return x->status;
}

/* ---- calls to this node ---- */

struct pfs_vnode *pfs_vnode_find(struct pfs_client *c, uint64_t id)
{
    LIST_EACH (l, pfs_hash_slot(&c->by_id, id))
        if (LIST_ENTRY(l, struct pfs_vnode, numbered.link)->id == id)
            return LIST_ENTRY(l, struct pfs_vnode, numbered.link);
    return NULL;
}

static void serve(void *arg, struct select_request *q, uint32_t procedure, struct rope *args)
{
    struct pfs_client *c = arg;
    struct pfs_meta_msg a = { 0 };
    if (procedure == PFS_CLIENT_RECALL && pfs_meta_load(args, &a, NULL)) {
        pfs_token_recalled(c, q, &a);
        return;
    }
    if (procedure == PFS_CLIENT_GLOBAL) {
        spread_receive(c->spread, q, args);
        return;
    }
    struct rope none;
    rope_init(&none);
    select_reply(q, &none);
    rope_fini(&none);
}

/* A node has crashed; with the service node all tokens are gone. */
static void peer_changed(void *arg, uint32_t node, uint32_t life, bool alive)
{
    struct pfs_client *c = arg;
    (void)life;
    if (alive) {
        spread_back(c->spread, node);
        return;
    }
    spread_fail(c->spread, node, node == c->layout->service);
    if (node != c->layout->service)
        return;
    LIST_EACH (l, &c->vnodes) {
        struct pfs_vnode *v = LIST_ENTRY(l, struct pfs_vnode, link);
        if (v->token == PFS_TOKEN_HELD)
            v->token = PFS_TOKEN_NONE;
        v->stale = true;
        pfs_ahead_written(v, 0, UINT64_MAX);
    }
}

/* ---- open and close ---- */

static struct pfs_vnode *vnode_get(struct pfs_client *c, const struct pfs_meta_msg *m,
                                   const uint32_t *group)
{
    struct pfs_vnode *v = pfs_vnode_find(c, m->id);
    if (v == NULL) {
        v = port_alloc(c->port, sizeof *v);
        v->client = c;
        v->id = m->id;
        v->local = m->value != 0 ? m->value : m->id;
        v->attrs.unit = m->unit;
        v->attrs.factor = m->factor;
        memcpy(v->attrs.group, group, m->factor * sizeof *group);
        v->gave = m->size;
        v->cuts = port_alloc(c->port, m->factor * sizeof *v->cuts);
        list_init(&v->queue);
        list_init(&v->opens);
        list_push(&c->vnodes, &v->link);
        pfs_hash_add(&c->by_id, &v->numbered, v->id);
    }
    v->refs++;
    if (v->token != PFS_TOKEN_HELD)
        v->size = m->size;
    return v;
}

/* One reference less; a vnode that nobody uses goes. */
static void vnode_put(struct pfs_vnode *v)
{
    if (--v->refs > 0)
        return;
    if (v->recall != NULL)
        pfs_token_give(v);
    list_remove(&v->link);
    pfs_hash_remove(&v->client->by_id, &v->numbered);
    (void)xk_unsafe_end(&v->unsafe, v->client->rpc->kernel);
    port_free(v->client->port, v->cuts);
    port_free(v->client->port, v);
}

void pfs_vnode_sized(struct pfs_vnode *v, uint64_t size)
{
    v->size = v->gave = size;
    v->sized++;
}

void pfs_vnode_changed(struct pfs_vnode *v, uint32_t dir)
{
    xk_unsafe_add(&v->unsafe, v->client->rpc->kernel, v->attrs.factor, dir,
                  v->client->layout->io[v->attrs.group[dir]]);
}

void pfs_written(struct pfs_file *f)
{
    for (uint32_t dir = 0; dir < f->v->attrs.factor; dir++)
        pfs_vnode_changed(f->v, dir);
}

/* After a crash of the service node: the size is what the I/O nodes have of the file. */
static enum pfs_status find_size(struct pfs_file *f)
{
    struct pfs_vnode *v = f->v;
    struct pfs_meta_msg m = { .id = v->id };
    enum pfs_status s = pfs_io_all(f->client, &v->attrs, PFS_IO_LENGTH, v->local, 0, 0, &m.size);
    if (s == PFS_OK)
        s = pfs_meta_ask(f->client, PFS_META_EXTEND, &m, NULL);
    if (s == PFS_OK && v->token != PFS_TOKEN_HELD)
        v->size = m.size;
    return s;
}

/* number: of the file at its I/O nodes, in place of the name; 0: by that.
 * together: with all ranks; then the answer says in *flags what rank 0 has asked. */
static enum pfs_status open_file(struct pfs_client *c, const char *name, unsigned *flags,
                                 enum pfs_mode mode, uint32_t rank, uint32_t ranks,
                                 const struct pfs_attrs *attrs, bool together, uint64_t number,
                                 struct pfs_file **out)
{
    struct pfs_meta_msg m = { .id = number,
                              .flags = *flags | (together ? PFS_META_TOGETHER : 0),
                              .value = mode,
                              .rank = rank,
                              .ranks = ranks };
    uint32_t group[PFS_FACTOR_MAX];
    struct file_rights who = c->user; /* others may call for another before the answer comes */
    size_t n = strlen(name);
    *out = NULL;
    port_work(c->port, PORT_WORK_TRAP, 1);
    if ((n == 0 && number == 0) || n > PFS_NAME_MAX)
        return PFS_BAD_NAME;
    if (attrs != NULL && (attrs->factor == 0 || attrs->factor > PFS_FACTOR_MAX || attrs->unit == 0))
        return PFS_BAD_ATTRS;
    memcpy(m.name, name, n + 1);
    if (attrs != NULL) {
        m.unit = attrs->unit;
        m.factor = attrs->factor;
        memcpy(group, attrs->group, attrs->factor * sizeof *group);
    }
    enum pfs_status s = pfs_meta_ask(c, PFS_META_OPEN, &m, group);
    if (s != PFS_OK)
        return s;
    struct pfs_file *f = port_alloc(c->port, sizeof *f);
    f->client = c;
    f->v = vnode_get(c, &m, group);
    f->mode = mode;
    f->read_only = (m.flags & PFS_O_READ_ONLY) != 0;
    f->owned = file_owns(&who, &m.rights);
    f->ops = pfs_mode_at(c->modes, mode);
    f->rank = rank;
    f->ranks = ranks > 0 ? ranks : 1;
    f->number = m.ranks;
    f->crashes = spread_crashes(c->spread);
    f->turn = 1;
    f->expected.need = 1;
    list_init(&f->ahead);
    list_init(&f->awaited);
    list_push(&f->v->opens, &f->same);
    list_init(&f->orders);
    *flags = m.flags;
    *out = f;
    return m.flags & PFS_META_UNSIZED ? find_size(*out) : PFS_OK;
}

/* After the truncation of a file that was just opened. */
static enum pfs_status opened(struct pfs_file **f, enum pfs_status s)
{
    if (s != PFS_OK) {
        (void)pfs_close(*f);
        *f = NULL;
    }
    return s;
}

enum pfs_status pfs_open(struct pfs_client *c, const char *name, unsigned flags, enum pfs_mode mode,
                         uint32_t rank, uint32_t ranks, const struct pfs_attrs *attrs,
                         struct pfs_file **out)
{
    unsigned wanted = flags;
    enum pfs_status s = open_file(c, name, &flags, mode, rank, ranks, attrs, false, 0, out);
    if (*out == NULL)
        return s;
    return opened(out, s == PFS_OK && (wanted & PFS_O_TRUNC) ? pfs_lsize(*out, 0) : s);
}

enum pfs_status pfs_open_numbered(struct pfs_client *c, uint64_t number, enum pfs_mode mode,
                                  struct pfs_file **out)
{
    unsigned flags = PFS_META_NUMBER;
    enum pfs_status s = open_file(c, "", &flags, mode, 0, 1, NULL, false, number, out);
    return *out == NULL ? s : opened(out, s);
}

void pfs_user(struct pfs_client *c, const struct file_rights *user)
{
    c->user = *user;
}

enum pfs_status pfs_close(struct pfs_file *f)
{
    struct pfs_client *c = f->client;
    struct pfs_vnode *v = f->v;
    enum pfs_status s = PFS_OK;
    struct pfs_meta_msg m = { .id = v->id,
                              .size = v->size,
                              .value = v->grant,
                              .unit = f->told ? 0 : f->record,
                              .rank = f->rank,
                              .ranks = f->ranks };
    port_work(c->port, PORT_WORK_TRAP, 1);
    pfs_ahead_settle(f);
    if (v->refs == 1) {
        if (v->recall != NULL)
            pfs_token_give(v);
        if (v->token == PFS_TOKEN_HELD) {
            m.flags = PFS_META_TOKEN_BACK;
            v->gave = v->size;
        }
        v->token = PFS_TOKEN_NONE;
    }
    if (v->refs == 1 || f->ranks > 1)
        s = pfs_meta_ask(c, PFS_META_CLOSE, &m, NULL);
    list_remove(&f->same);
    vnode_put(v);
    port_free(c->port, f);
    return s;
}

enum pfs_status pfs_agree(struct pfs_client *c, const char *tag, uint32_t count,
                          enum pfs_status mine)
{
    struct pfs_meta_msg m = { .ranks = count, .value = mine };
    size_t n = strlen(tag);
    ASSERT(n <= PFS_NAME_MAX && count > 0);
    memcpy(m.name, tag, n + 1);
    enum pfs_status s = pfs_meta_ask(c, PFS_META_AGREE, &m, NULL);
    return s == PFS_OK ? (enum pfs_status)m.value : s;
}

enum pfs_status pfs_gopen(struct pfs_client *c, const char *name, unsigned flags,
                          enum pfs_mode mode, uint32_t rank, uint32_t ranks,
                          const struct pfs_attrs *attrs, struct pfs_file **out)
{
    char tag[PFS_NAME_MAX + 1];
    enum pfs_status s = open_file(c, name, &flags, mode, rank, ranks, attrs, true, 0, out);
    if (*out == NULL)
        return s;
    if (s != PFS_OK || !(flags & PFS_O_TRUNC))
        return opened(out, s);
    if (rank == 0)
        s = pfs_lsize(*out, 0);
    (void)snprintf(tag, sizeof tag, "cut:%016llx", (unsigned long long)(*out)->v->id);
    return opened(out, pfs_agree(c, tag, ranks, s));
}

enum pfs_status pfs_setiomode(struct pfs_file *f, enum pfs_mode mode)
{
    struct pfs_vnode *v = f->v;
    port_work(f->client->port, PORT_WORK_TRAP, 1);
    pfs_ahead_settle(f);
    if (v->token == PFS_TOKEN_HELD && v->running == 0 && v->recall == NULL) {
        /* Who needs no token asks the service node for the size. */
        struct pfs_meta_msg back = {
            .id = v->id, .size = v->size, .value = v->grant, .flags = PFS_META_TOKEN_BACK
        };
        v->gave = v->size;
        v->token = PFS_TOKEN_NONE;
        (void)pfs_meta_ask(f->client, PFS_META_CLOSE, &back, NULL);
    }
    enum pfs_status s = pfs_call_together(f, PFS_META_ORDER, PFS_META_MODE, mode, &f->number);
    if (s != PFS_OK)
        return s;
    f->mode = mode;
    f->ops = pfs_mode_at(f->client->modes, mode);
    f->record = 0;
    f->count = 0;
    f->told = false;
    return s;
}

/* ---- size, sync, pointer ---- */

enum pfs_status pfs_lsize(struct pfs_file *f, uint64_t size)
{
    struct pfs_vnode *v = f->v;
    struct pfs_meta_msg m = { .id = v->id, .size = size };
    port_work(f->client->port, PORT_WORK_TRAP, 1);
    if (size > PFS_SIZE_MAX || f->read_only)
        return f->read_only ? PFS_DENIED : PFS_NO_SPACE;
    pfs_written(f); /* before: one may die again while another is asked */
    enum pfs_status s = pfs_io_all(f->client, &v->attrs, PFS_IO_SIZE, v->local, size, 0, NULL);
    if (s == PFS_OK)
        s = pfs_meta_ask(f->client, PFS_META_SIZE, &m, NULL);
    pfs_ahead_written(v, 0, UINT64_MAX);
    if (s == PFS_OK)
        pfs_vnode_sized(v, size);
    return s;
}

enum pfs_status pfs_prefill(struct pfs_file *f, uint64_t seed, uint64_t size, bool cold)
{
    struct pfs_vnode *v = f->v;
    struct pfs_meta_msg m = { .id = v->id, .size = size };
    enum pfs_status s = pfs_io_all(f->client, &v->attrs, cold ? PFS_IO_FILL : PFS_IO_FILL_WARM,
                                   v->local, size, seed, NULL);
    if (s == PFS_OK)
        s = pfs_meta_ask(f->client, PFS_META_SIZE, &m, NULL);
    pfs_ahead_written(v, 0, UINT64_MAX);
    if (s == PFS_OK)
        pfs_vnode_sized(v, size);
    return s;
}

enum pfs_status pfs_sync(struct pfs_file *f)
{
    port_work(f->client->port, PORT_WORK_TRAP, 1);
    enum pfs_status s = pfs_io_all(f->client, &f->v->attrs, PFS_IO_SYNC, f->v->local, 0, 0, NULL);
    return xk_unsafe_end(&f->v->unsafe, f->client->rpc->kernel) || s != PFS_OK ? s
                                                                               : PFS_SERVER_DOWN;
}

enum pfs_mode pfs_iomode(const struct pfs_file *f)
{
    return f->mode;
}

/* Moves the pointer to `off`; where the service node does not, it is counted from there here. */
static enum pfs_status seek(struct pfs_file *f, unsigned from, uint64_t off)
{
    uint64_t base = f->pointer + f->count * f->ranks * f->record;
    enum pfs_status s = PFS_OK;
    port_work(f->client->port, PORT_WORK_TRAP, 1);
    if (f->ops->seek != NULL)
        return f->ops->seek(f, from, off);
    if (from == PFS_META_END)
        s = pfs_size(f, &base);
    if (s == PFS_OK)
        s = pfs_seek_from(from != 0 ? base : 0, from, &off);
    if (s != PFS_OK)
        return s;
    pfs_ahead_forget(f);
    f->pointer = off;
    f->count = 0;
    f->turn++;
    return PFS_OK;
}

enum pfs_status pfs_lseek(struct pfs_file *f, uint64_t off)
{
    return seek(f, 0, off);
}

enum pfs_status pfs_lseek_alone(struct pfs_file *f, uint64_t off)
{
    port_work(f->client->port, PORT_WORK_TRAP, 1);
    return pfs_seek_pointer(f, 0, off);
}

enum pfs_status pfs_eseek(struct pfs_file *f, int64_t off, enum pfs_whence whence, uint64_t *at)
{
    static const unsigned from[] = {
        [PFS_SEEK_SET] = 0, [PFS_SEEK_CUR] = PFS_META_CUR, [PFS_SEEK_END] = PFS_META_END
    };
    enum pfs_status s =
        whence == PFS_SEEK_SET && off < 0 ? PFS_BAD_OFFSET : seek(f, from[whence], (uint64_t)off);
    if (at != NULL)
        *at = f->pointer;
    return s;
}

uint64_t pfs_tell(const struct pfs_file *f)
{
    uint64_t at, records; /* without records both are 0 */
    if (__builtin_mul_overflow(f->count, f->ranks, &records) ||
        __builtin_add_overflow(records, f->rank, &records) ||
        __builtin_mul_overflow(records, f->record, &at) ||
        __builtin_add_overflow(at, f->pointer, &at))
        return UINT64_MAX;
    return at;
}

/* The size, and where the service node has the shared pointer, when it is asked. */
static enum pfs_status size_now(struct pfs_file *f, bool pointer, uint64_t *size, uint64_t *at)
{
    struct pfs_meta_msg m = { .id = f->v->id, .flags = PFS_META_EXACT };
    uint32_t group[PFS_FACTOR_MAX];
    struct pfs_vnode *v = f->v;
    uint32_t sized = v->sized;
    enum pfs_status s = PFS_OK;
    *at = pfs_tell(f);
    *size = v->size;
    if ((v->token != PFS_TOKEN_HELD || pointer) &&
        (s = pfs_meta_ask(f->client, PFS_META_STAT, &m, group)) == PFS_OK) {
        *size = m.size;
        *at = pointer ? m.value : *at;
        if (v->sized == sized) /* else a request of this node has had the token meanwhile */
            v->size = m.size;
    }
    return s;
}

enum pfs_status pfs_size(struct pfs_file *f, uint64_t *size)
{
    uint64_t at;
    return size_now(f, false, size, &at);
}

enum pfs_status pfs_iseof(struct pfs_file *f, bool *eof)
{
    uint64_t size, at;
    port_work(f->client->port, PORT_WORK_TRAP, 1);
    enum pfs_status s = size_now(f, (f->ops->is & PFS_MODE_GIVEN) != 0, &size, &at);
    *eof = at >= size;
    return s;
}

/* m: flags, value and size of a PFS_META_NOTE, and its answer. */
static enum pfs_status note(struct pfs_file *f, struct pfs_meta_msg *m,
                            uint8_t label[FILE_LABEL_BYTES])
{
    bool set = m->flags & PFS_META_WRITE;
    struct rope more;
    m->id = f->v->id;
    rope_init(&more);
    if (set)
        rope_add_bytes(&more, label, FILE_LABEL_BYTES);
    enum pfs_status s = pfs_meta_ask_more(f->client, PFS_META_NOTE, m, NULL, &more);
    if (s == PFS_OK && !set && label != NULL)
        rope_read(&more, 0, FILE_LABEL_BYTES, label);
    rope_fini(&more);
    return s;
}

enum pfs_status pfs_label(struct pfs_file *f, bool set, uint8_t label[FILE_LABEL_BYTES])
{
    struct pfs_meta_msg m = { .flags = set ? PFS_META_WRITE : 0 };
    port_work(f->client->port, PORT_WORK_TRAP, 1);
    return set && f->read_only ? PFS_DENIED : note(f, &m, label);
}

enum pfs_status pfs_place(struct pfs_file *f, uint64_t *at)
{
    uint64_t size;
    bool shared = f->ops->is & PFS_MODE_GIVEN;
    if (shared)
        return size_now(f, true, &size, at);
    *at = f->pointer + f->count * f->ranks * f->record;
    return PFS_OK;
}

/* All I/O nodes make the next number, and keep the one before; once the service node has it, the
 * new one counts, on all of them or on none.  A number that was given up is made again. */
enum pfs_status pfs_checkpoint(struct pfs_file *f, uint64_t number)
{
    struct pfs_vnode *v = f->v;
    struct pfs_meta_msg m = { .flags = 0 }, made = { .flags = PFS_META_NUMBER };
    port_work(f->client->port, PORT_WORK_TRAP, 1);
    enum pfs_status s = f->read_only ? PFS_DENIED : note(f, &m, NULL);
    made.value = number > 0 ? number : m.value + 1;
    if (s == PFS_OK)
        s = pfs_size(f, &made.size);
    if (s == PFS_OK)
        s = pfs_io_all(f->client, &v->attrs, PFS_IO_CHECKPOINT, v->local, 0, made.value, NULL);
    if (s == PFS_OK && !xk_unsafe_end(&v->unsafe, f->client->rpc->kernel))
        s = PFS_SERVER_DOWN;
    return s == PFS_OK ? note(f, &made, NULL) : s;
}

enum pfs_status pfs_rollback(struct pfs_file *f, uint64_t number)
{
    struct pfs_vnode *v = f->v;
    struct pfs_meta_msg m = { .flags = 0 }, size = { .id = v->id };
    port_work(f->client->port, PORT_WORK_TRAP, 1);
    enum pfs_status s = f->read_only ? PFS_DENIED : note(f, &m, NULL);
    bool another = number > 0 && number != m.value; /* the service node does not have its size */
    m.value = another ? number : m.value;
    if (s == PFS_OK)
        s = m.value == 0
                ? PFS_NO_VERSION
                : pfs_io_all(f->client, &v->attrs, PFS_IO_ROLLBACK, v->local, 0, m.value, NULL);
    if (s == PFS_OK && another)
        s = pfs_io_all(f->client, &v->attrs, PFS_IO_LENGTH, v->local, 0, 0, &m.size);
    if (s == PFS_OK && another) {
        m.flags = PFS_META_NUMBER;
        s = note(
            f, &(struct pfs_meta_msg){ .flags = PFS_META_NUMBER, .value = m.value, .size = m.size },
            NULL);
    }
    if (s != PFS_OK)
        return s;
    (void)xk_unsafe_end(&v->unsafe, f->client->rpc->kernel); /* what may be lost is not wanted */
    size.size = m.size;
    pfs_ahead_written(v, 0, UINT64_MAX);
    s = pfs_meta_ask(f->client, PFS_META_SIZE, &size, NULL);
    if (s == PFS_OK)
        pfs_vnode_sized(v, m.size);
    return s;
}

struct xk_protl *pfs_client_rpc(const struct pfs_client *c)
{
    return c->rpc;
}

void pfs_part_name(const struct pfs_file *f, char out[FILE_NAME_MAX + 1])
{
    pfs_local_name(out, f->v->local);
}

const struct pfs_attrs *pfs_file_attrs(const struct pfs_file *f)
{
    return &f->v->attrs;
}

const struct counter pfs_client_counters[] = {
    C_SUM(pfs_client, counts, hits, "1", "Reads whose block was read ahead, or on its way."),
    C_SUM(pfs_client, counts, misses, "1", "Reads, with prefetch, whose block was not."),
    C_SUM(pfs_client, counts, wasted, "1", "Blocks read ahead that no read took."),
    C_END,
};

struct pfs_client *pfs_client_boot(struct xk_protl *rpc, const struct os_layout *layout,
                                   const struct pfs_params *params, const struct kind_set *modes)
{
    struct port *p = xk_port(rpc);
    struct pfs_client *c = port_alloc(p, sizeof *c);
    c->port = p;
    c->rpc = rpc;
    c->layout = layout;
    c->params = params;
    c->modes = modes;
    uint64_t most = select_max_bytes(c->rpc) - PFS_META_BYTES, grain = 65536;
    c->chunk = (uint64_t)params->rpc < most ? (uint64_t)params->rpc : most;
    while (grain > c->chunk)
        grain /= 2;
    c->chunk -= c->chunk % grain;
    list_init(&c->vnodes);
    pfs_hash_init(&c->by_id, p);
    list_init(&c->retry);
    list_init(&c->calls);
    c->spread = spread_start(rpc, layout->compute, PFS_SERVICE_CLIENT, PFS_CLIENT_GLOBAL, c->chunk,
                             params->retry_delay);
    port_timer_init(p, &c->retry_timer, retry_tick, c);
    xk_on_peer(rpc->kernel, peer_changed, c);
    port_counters(p, "pfs_client", pfs_client_counters, c);
    enum xk_status served = select_serve(c->rpc, PFS_SERVICE_CLIENT, serve, c);
    ASSERT(served == XK_OK);
    return c;
}
