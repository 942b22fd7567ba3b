/* vesta_client.c: the library: calls of threads, open files, and names.
 *
 * A rename between two homes: the old object says where it goes (MARK), the new one is made with
 * where it came from (MAKE), and from then on the file has moved; the old object is left (LEFT) and
 * the new one forgets (CLEAR).  Who meets a mark asks the other home which it is (settle).
 */
#include "os/vesta/vesta_internal.h"

#include <string.h>

static const struct param client_params[] = {
    P_SIZE(vesta_params, rpc, "256KiB", "1KiB", "64MiB",
           "Data bytes of one call to an I/O node at most; what the calls of the protocol graph "
           "carry bounds it too.",
           "ASSUMED(as PFS's)"),
    P_INT(vesta_params, window, "64", "1", "4096",
          "Calls that one request of a program has under way at once.", "ASSUMED(as PFS's)"),
    P_INT(vesta_params, depth, "2", "1", "64", "And how many of them to one I/O node.",
          "ASSUMED(as PFS's)"),
    P_INT(vesta_params, retries, "3", "0", "1000",
          "How often a call of a request that is not atomic is made again to an I/O node that "
          "restarted.",
          "ASSUMED(as PFS's)"),
    P_TIME(vesta_params, retry_delay, "10ms", "1us", "1h",
           "Pause before a refused call is made again.", "ASSUMED(a disk access long)"),
    P_END,
};

const struct counter vesta_client_counters[] = {
    C_SUM(vesta_client, counts, requests, "1", "Reads and writes of programs."),
    C_SUM(vesta_client, counts, calls, "1", "Calls to I/O nodes for them."),
    C_SUM(vesta_client, counts, bytes, "B", "Bytes that these asked for or sent."),
    C_SUM(vesta_client, counts, aborted, "1", "Atomic requests given up because a node died."),
    C_END,
};

/* ---- calls of threads ---- */

/* m is what is sent and what came back; `more` (NULL: nothing) goes behind it and is what came
 * behind. */
static enum file_status ask_host(struct vesta_client *c, uint32_t host, enum vesta_proc proc,
                                 struct vesta_msg *m, struct rope *more)
{
    struct rope out, in;
    rope_init(&out);
    m->status = FILE_OK;
    vesta_rights_set(m, &c->user);
    vesta_store(&out, m);
    if (more != NULL)
        rope_join(&out, more);
    enum file_status s =
        vesta_of_call(select_call_wait(c->rpc, host, VESTA_SERVICE, proc, &out, &in));
    if (s == FILE_OK)
        s = vesta_load(&in, m) ? m->status : FILE_IO_ERROR;
    if (more != NULL)
        rope_join(more, &in);
    rope_fini(&in);
    return s;
}

void vesta_changed(struct vesta_file *f, uint32_t pos)
{
    xk_unsafe_add(&f->unsafe, f->c->rpc->kernel, f->positions, pos,
                  vesta_node(f->c->layout, f->layout.base, pos));
}

static bool all_safe(struct vesta_file *f)
{
    return xk_unsafe_end(&f->unsafe, f->c->rpc->kernel);
}

static void leg_done(void *arg, enum xk_status status, struct rope *reply)
{
    struct vesta_leg *x = arg;
    struct vesta_fan *f = x->fan;
    struct vesta_msg m;
    enum file_status s = vesta_of_call(status);
    if (s == FILE_OK)
        s = vesta_load(reply, &m) ? m.status : FILE_IO_ERROR;
    if (s == FILE_OK && f->reply != NULL)
        f->reply(f, x->pos, reply);
    if (s == FILE_OK && f->proc == VESTA_SIZE)
        vesta_changed(f->file, x->pos);
    if (f->status == FILE_OK)
        f->status = s;
    if (--f->left > 0)
        return;
    port_free(f->file->c->port, f->legs);
    f->done(f);
}

static void fan_more(struct port_timer *t)
{
    struct vesta_fan *f = t->arg;
    struct vesta_client *c = f->file->c;
    while (f->next < f->file->positions) {
        struct rope out;
        struct vesta_leg *x = &f->legs[f->next];
        f->m.pos = f->next;
        *x = (struct vesta_leg){ f, f->next };
        rope_init(&out);
        vesta_store(&out, &f->m);
        enum xk_status s = select_call(c->rpc, vesta_node(c->layout, f->m.base, f->next),
                                       VESTA_SERVICE, f->proc, &out, leg_done, x);
        rope_fini(&out);
        if (s == XK_BUSY) {
            port_timer_set(t, c->params->retry_delay);
            return;
        }
        bool last = ++f->next == f->file->positions; /* f may go with the last leg */
        if (s != XK_OK)
            leg_done(x, s, NULL);
        if (last)
            return;
    }
}

void vesta_fan_start(struct vesta_fan *f)
{
    struct vesta_file *v = f->file;
    f->m.id = v->id;
    f->m.maker = v->maker;
    f->m.bsu = v->layout.bsu;
    f->m.cells = v->layout.cells;
    f->m.base = v->layout.base;
    f->left = v->positions;
    f->legs = port_alloc(v->c->port, v->positions * sizeof *f->legs);
    port_timer_init(v->c->port, &f->timer, fan_more, f);
    fan_more(&f->timer);
}

/* The cells' lengths, as they come: where the subfile ends. */
static void longer(struct vesta_fan *f, uint32_t pos, struct rope *reply)
{
    const struct vesta_map *map = &f->file->map;
    for (uint64_t at = 0, cell = pos; at + 8 <= reply->length;
         at += 8, cell += f->file->c->layout->io_count) {
        uint8_t b[8];
        rope_read(reply, at, sizeof b, b);
        for (uint32_t k = 0; k < map->have; k++) {
            if (vesta_map_cell(map, k) != cell)
                continue;
            uint64_t end = vesta_map_end(map, k, wire_get64(b));
            f->end = end > f->end ? end : f->end;
        }
    }
}

void vesta_fan_end(struct vesta_fan *f)
{
    f->proc = VESTA_LENGTHS;
    f->reply = longer;
    vesta_fan_start(f);
}

static void fan_wake(struct vesta_fan *f)
{
    struct port_thread *t = f->arg;
    f->arg = NULL;
    port_thread_wake(f->file->c->port, t);
}

/* For a thread. (blocks) */
static enum file_status fan_out(struct vesta_file *v, struct vesta_fan *f)
{
    struct port *p = v->c->port;
    f->file = v;
    f->done = fan_wake;
    f->arg = port_thread_self(p);
    if (v->positions == 0)
        return FILE_OK;
    (f->proc == VESTA_LENGTHS ? vesta_fan_end : vesta_fan_start)(f);
    while (f->arg != NULL)
        port_thread_block(p, "vesta", v->id);
    return f->status;
}

/* ---- names ---- */

static uint32_t home_of(const struct vesta_client *c, const char *name)
{
    return c->layout->io[vesta_home(name, c->layout->io_count)];
}

static bool named(struct vesta_msg *m, const char *name, const char *to)
{
    size_t n = strlen(name), k = strlen(to);
    if (n == 0 || n > VESTA_NAME_MAX || k > VESTA_NAME_MAX)
        return false;
    memcpy(m->name, name, n + 1);
    memcpy(m->to, to, k + 1);
    return true;
}

static enum file_status ask_more(struct vesta_client *c, enum vesta_proc proc, const char *name,
                                 const char *to, struct vesta_msg *m, struct rope *more)
{
    port_work(c->port, PORT_WORK_TRAP, 1);
    return named(m, name, to) ? ask_host(c, home_of(c, name), proc, m, more) : FILE_BAD_NAME;
}

static enum file_status ask_of(struct vesta_client *c, enum vesta_proc proc, const char *name,
                               const char *to, struct vesta_msg *m)
{
    return ask_more(c, proc, name, to, m, NULL);
}

/* The Xref that lists a name, if there is one, is told. */
static enum file_status xref_tell(struct vesta_client *c, enum vesta_proc proc, const char *name,
                                  unsigned flags)
{
    const char *last = strrchr(name, '/');
    struct vesta_msg m = { .flags = flags };
    char xref[VESTA_NAME_MAX + 1] = { 0 };
    if (last == NULL || last == name)
        return FILE_OK;
    memcpy(xref, name, (size_t)(last - name));
    enum file_status s = ask_of(c, proc, xref, last + 1, &m);
    return s == FILE_NO_FILE || s == FILE_EXISTS || s == FILE_NOT_DIR ? FILE_OK : s;
}

/* Whether the caller may make a name: where an Xref would list it, who may write that. */
static enum file_status may_list(struct vesta_client *c, const char *name)
{
    return c->user.uid == 0 ? FILE_OK : xref_tell(c, VESTA_XADD, name, VESTA_ASKS);
}

/* What a rename whose caller may be dead has left of the object `name`, which m is: ended when the
 * file has moved (then it is not there), else as it was. */
static enum file_status settle(struct vesta_client *c, const char *name, struct vesta_msg *m)
{
    struct vesta_msg other = { .status = FILE_OK };
    char to[VESTA_NAME_MAX + 1];
    memcpy(to, m->to, sizeof to);
    if (m->flags & VESTA_GOES) {
        enum file_status s = ask_of(c, VESTA_OPEN, to, "", &other);
        if (s == FILE_NO_FILE || other.id != m->id || other.maker != m->maker)
            return FILE_OK;
        if (s == FILE_OK)
            s = ask_of(c, VESTA_LEFT, name, "", m);
        return s == FILE_OK ? FILE_NO_FILE : s;
    }
    if (m->flags & VESTA_CAME) {
        other.id = m->id;
        other.maker = m->maker;
        enum file_status s = ask_of(c, VESTA_LEFT, to, "", &other);
        other = (struct vesta_msg){ .id = m->id, .maker = m->maker };
        return s == FILE_OK ? ask_of(c, VESTA_CLEAR, name, "", &other) : s;
    }
    return FILE_OK;
}

/* What a name is, with renames settled; not whether the caller may have it. */
static enum file_status look_at(struct vesta_client *c, const char *name, struct vesta_msg *m,
                                struct rope *more)
{
    struct vesta_msg asked = *m;
    enum file_status s = ask_more(c, VESTA_OPEN, name, "", m, more);
    if ((s == FILE_OK || s == FILE_DENIED) && (m->flags & VESTA_GOES)) {
        enum file_status settled = settle(c, name, m);
        s = settled != FILE_OK ? settled : s;
    }
    if (s == FILE_NO_FILE && (asked.flags & VESTA_O_CREATE) && (m->flags & VESTA_GOES)) {
        *m = asked;
        s = ask_of(c, VESTA_OPEN, name, "", m);
    }
    return s;
}

static enum file_status look_up(struct vesta_client *c, const char *name, struct vesta_msg *m)
{
    return look_at(c, name, m, NULL);
}

struct vesta_file vesta_file_of(struct vesta_client *c, const struct vesta_msg *m)
{
    struct vesta_view all = vesta_view_all(m->cells);
    struct vesta_file f = { .c = c,
                            .id = m->id,
                            .maker = m->maker,
                            .positions = vesta_positions(m->cells, c->layout->io_count),
                            .layout = { .bsu = m->bsu, .cells = m->cells, .base = m->base } };
    bool good = vesta_map_init(&f.map, m->cells, m->bsu, &all);
    f.positions = good ? f.positions : 0;
    return f;
}

enum file_status vesta_open(struct vesta_client *c, const char *name, unsigned flags,
                            const struct vesta_layout *layout, enum vesta_mode mode,
                            struct vesta_file **out)
{
    struct vesta_msg m = { .flags = flags | (flags & VESTA_O_GRANTED ? 0u : VESTA_ASKS),
                           .bsu = layout->bsu,
                           .cells = layout->cells,
                           .base = layout->base };
    struct vesta_file made = vesta_file_of(c, &m);
    *out = NULL;
    if ((flags & VESTA_O_CREATE) && made.positions == 0)
        return FILE_RANGE;
    enum file_status may = flags & VESTA_O_CREATE ? may_list(c, name) : FILE_OK;
    if (may == FILE_DENIED) /* what is there may be opened all the same */
        m.flags &= ~(uint32_t)VESTA_O_CREATE;
    else if (may != FILE_OK)
        return may;
    enum file_status s = look_up(c, name, &m);
    if (s == FILE_NO_FILE)
        s = may == FILE_DENIED ? may : s;
    if (s == FILE_OK && (m.flags & VESTA_IS_XREF))
        return FILE_IS_DIR;
    if (s == FILE_OK && m.value)
        s = xref_tell(c, VESTA_XADD, name, 0);
    if (s != FILE_OK)
        return s;
    struct vesta_file *f = port_alloc(c->port, sizeof *f);
    *f = vesta_file_of(c, &m);
    f->life = m.seq;
    f->mode = mode;
    f->read_only = (flags & VESTA_O_READ_ONLY) != 0;
    struct file_rights of = vesta_rights(&m);
    f->owned = file_owns(&c->user, &of);
    (void)named(&m, name, "");
    memcpy(f->name, m.name, sizeof f->name);
    *out = f;
    return f->positions > 0 ? FILE_OK : FILE_CORRUPT;
}

void vesta_user(struct vesta_client *c, const struct file_rights *user)
{
    c->user = *user;
}

enum file_status vesta_grant(struct vesta_client *c, const char *name, uint32_t uid, uint32_t bits)
{
    struct vesta_msg m = { .status = FILE_OK };
    enum file_status s = look_up(c, name, &m);
    struct vesta_msg g = { .value = uid, .seq = bits };
    return s == FILE_OK ? ask_of(c, VESTA_GRANT, name, "", &g) : s;
}

enum file_status vesta_chmod(struct vesta_client *c, const char *name, const struct file_rights *to)
{
    struct vesta_msg m = { .status = FILE_OK };
    enum file_status s = look_up(c, name, &m);
    struct vesta_msg x = { .value = (uint64_t)to->uid << 32 | to->gid, .seq = to->mode & 0777 };
    return s == FILE_OK ? ask_of(c, VESTA_CHMOD, name, "", &x) : s;
}

void vesta_close(struct vesta_file *f)
{
    (void)all_safe(f);
    port_free(f->c->port, f);
}

const struct vesta_layout *vesta_layout_of(const struct vesta_file *f)
{
    return &f->layout;
}

bool vesta_view(struct vesta_file *f, const struct vesta_view *view)
{
    struct vesta_map m;
    if (!vesta_map_init(&m, f->layout.cells, f->layout.bsu, view))
        return false;
    f->map = m;
    return true;
}

void vesta_mode(struct vesta_file *f, enum vesta_mode mode)
{
    f->mode = mode;
}

/* ---- of an open file ---- */

enum file_status vesta_size(struct vesta_file *f, uint64_t *size)
{
    struct vesta_fan x = { .proc = VESTA_LENGTHS };
    enum file_status s = fan_out(f, &x);
    *size = x.end;
    return s;
}

/* It is seen as it lies. */
static bool seen_whole(const struct vesta_file *f)
{
    const struct vesta_view *w = &f->map.view;
    return w->vn == 1 && f->map.have == f->layout.cells && w->vbs == 1;
}

bool vesta_cells(const struct vesta_file *f, struct xk_protl **rpc, uint32_t *hosts, uint32_t most,
                 char name[FILE_NAME_MAX + 1])
{
    *rpc = f->c->rpc;
    vesta_cells_name(name, f->id, f->maker);
    for (uint32_t i = 0; i < f->layout.cells && i < most; i++)
        hosts[i] = vesta_node(f->c->layout, f->layout.base, i);
    return seen_whole(f) && f->layout.cells <= most;
}

void vesta_written(struct vesta_file *f)
{
    for (uint32_t i = 0; i < f->positions; i++)
        vesta_changed(f, i);
}

uint64_t vesta_key(const struct vesta_file *f)
{
    return f->id * VESTA_NODES_MAX + f->maker;
}

struct size_ask {
    struct vesta_fan fan;
    void (*done)(void *arg, enum file_status s, uint64_t size);
    void *arg;
};

static void size_known(struct vesta_fan *f)
{
    struct size_ask x = *(struct size_ask *)f->arg;
    port_free(f->file->c->port, f->arg);
    x.done(x.arg, x.fan.status, x.fan.end);
}

void vesta_ask_size(struct vesta_file *f,
                    void (*done)(void *arg, enum file_status s, uint64_t size), void *arg)
{
    struct size_ask *x = port_alloc(f->c->port, sizeof *x);
    x->done = done;
    x->arg = arg;
    x->fan.file = f;
    x->fan.done = size_known;
    x->fan.arg = x;
    vesta_fan_end(&x->fan);
}

enum file_status vesta_set_size(struct vesta_file *f, uint64_t size)
{
    struct vesta_fan x = { .proc = VESTA_SIZE, .m = { .value = size } };
    bool all = seen_whole(f);
    if (f->read_only)
        return FILE_DENIED;
    return all && size <= VESTA_SIZE_MAX ? fan_out(f, &x) : FILE_RANGE;
}

/* The number of its checkpoint; 0: it has none.  (blocks) */
static enum file_status checkpoint_of(const struct vesta_file *f, uint32_t *number)
{
    struct vesta_msg m = { .status = FILE_OK };
    enum file_status s = look_up(f->c, f->name, &m);
    *number = m.last;
    return s == FILE_OK && (m.id != f->id || m.maker != f->maker) ? FILE_NO_FILE : s;
}

/* All cells make the next number, and keep the one before; with the object's word that it is the
 * file's the new one counts, on all nodes or on none.  A number that was given up is made again. */
enum file_status vesta_checkpoint(struct vesta_file *f, uint32_t number)
{
    uint32_t last = 0;
    enum file_status s = f->read_only ? FILE_DENIED : checkpoint_of(f, &last);
    number = number > 0 ? number : last + 1;
    struct vesta_fan x = { .proc = VESTA_CHECKPOINT, .m = { .value = number } };
    struct vesta_msg m = { .id = f->id, .maker = f->maker, .last = number };
    if (s == FILE_OK)
        s = fan_out(f, &x);
    if (s == FILE_OK && !all_safe(f))
        s = FILE_UNREACHABLE;
    return s == FILE_OK ? ask_of(f->c, VESTA_NUMBER, f->name, "", &m) : s;
}

enum file_status vesta_rollback(struct vesta_file *f, uint32_t number)
{
    uint32_t last = 0;
    enum file_status s = f->read_only ? FILE_DENIED : checkpoint_of(f, &last);
    struct vesta_msg m = { .id = f->id, .maker = f->maker, .last = number };
    if (s == FILE_OK && number > 0 && number != last)
        s = ask_of(f->c, VESTA_NUMBER, f->name, "", &m);
    number = number > 0 ? number : last;
    m = (struct vesta_msg){ .id = f->id, .maker = f->maker };
    if (s == FILE_OK)
        s = number == 0 ? FILE_NO_VERSION : ask_of(f->c, VESTA_ROLL, f->name, "", &m);
    if (s == FILE_OK)
        (void)all_safe(f); /* what may be lost is not wanted any more */
    return s;
}

enum file_status vesta_label(struct vesta_file *f, bool set, uint8_t label[FILE_LABEL_BYTES])
{
    struct vesta_msg m = { .id = f->id, .maker = f->maker, .flags = set ? VESTA_SET : 0 };
    struct rope more;
    if (set && f->read_only)
        return FILE_DENIED;
    rope_init(&more);
    if (set)
        rope_add_bytes(&more, label, FILE_LABEL_BYTES);
    enum file_status s = ask_more(f->c, VESTA_LABEL, f->name, "", &m, &more);
    if (s == FILE_OK && !set && more.length == FILE_LABEL_BYTES)
        rope_read(&more, 0, FILE_LABEL_BYTES, label);
    rope_fini(&more);
    return s;
}

enum file_status vesta_flush(struct vesta_file *f)
{
    struct vesta_fan x = { .proc = VESTA_FLUSH };
    enum file_status s = fan_out(f, &x);
    return all_safe(f) || s != FILE_OK ? s : FILE_UNREACHABLE;
}

enum file_status vesta_fill(struct vesta_file *f, uint64_t seed, uint64_t size, bool cold)
{
    struct vesta_fan x = { .proc = VESTA_FILL,
                           .m = { .value = size, .seq = seed, .flags = cold ? VESTA_COLD : 0 } };
    return fan_out(f, &x);
}

enum file_status vesta_pointer(struct vesta_file *f, bool set, uint64_t *at)
{
    struct vesta_msg m = { .id = f->id,
                           .maker = f->maker,
                           .seq = f->life,
                           .flags = set ? VESTA_SET : 0,
                           .value = set ? *at : 0 };
    enum file_status s = ask_of(f->c, VESTA_POINTER, f->name, "", &m);
    if (!set)
        *at = m.value;
    return s;
}

/* ---- names ---- */

enum file_status vesta_stat(struct vesta_client *c, const char *name, struct vesta_stat *out)
{
    struct vesta_msg m = { .flags = VESTA_SET };
    struct rope list;
    *out = (struct vesta_stat){ .xref = false };
    rope_init(&list);
    enum file_status s = look_at(c, name, &m, &list);
    while (s == FILE_OK && list.length >= 8 && out->access_count < VESTA_ACCESS_MAX) {
        uint8_t b[8];
        rope_take_front(&list, sizeof b, b);
        out->access[out->access_count].uid = wire_get32(b);
        out->access[out->access_count].bits = wire_get32(b + 4);
        out->access_count += wire_get32(b + 4) != 0;
    }
    rope_fini(&list);
    out->xref = m.flags & VESTA_IS_XREF;
    out->rights = vesta_rights(&m);
    if (s != FILE_OK || out->xref)
        return s;
    struct vesta_file f = vesta_file_of(c, &m);
    out->layout = f.layout;
    return vesta_size(&f, &out->size);
}

static enum file_status drop_cells(struct vesta_client *c, const struct vesta_msg *m)
{
    struct vesta_file f = vesta_file_of(c, m);
    struct vesta_fan x = { .proc = VESTA_DROP_CELLS };
    return fan_out(&f, &x);
}

enum file_status vesta_unlink(struct vesta_client *c, const char *name)
{
    struct vesta_msg m = { .status = FILE_OK };
    enum file_status s = look_up(c, name, &m);
    if (s == FILE_OK)
        s = m.flags & VESTA_IS_XREF ? FILE_IS_DIR : settle(c, name, &m);
    if (s == FILE_OK)
        s = ask_of(c, VESTA_REMOVE, name, "", &m);
    if (s == FILE_OK)
        s = xref_tell(c, VESTA_XDEL, name, 0);
    return s == FILE_OK ? drop_cells(c, &m) : s;
}

/* Between two homes; `replaced`: what had the new name. */
static enum file_status move_far(struct vesta_client *c, const char *from, const char *to,
                                 struct vesta_msg *replaced)
{
    struct vesta_msg m = { .status = FILE_OK };
    struct rope kept;
    rope_init(&kept);
    enum file_status s = ask_more(c, VESTA_MARK, from, to, &m, &kept);
    bool marked = s == FILE_OK;
    if (marked) {
        struct file_rights of = vesta_rights(&m);
        *replaced = m;
        replaced->flags = 0;
        replaced->value = (uint64_t)of.uid << 32 | of.gid;
        replaced->seq = of.mode;
        s = ask_more(c, VESTA_MAKE, to, from, replaced, &kept);
    }
    rope_fini(&kept);
    struct vesta_msg id = { .id = m.id, .maker = m.maker }, left = id;
    if (marked && (s == FILE_DENIED || s == FILE_EXISTS)) /* it stays */
        (void)ask_of(c, VESTA_CLEAR, from, "", &left);
    if (s == FILE_OK)
        s = ask_of(c, VESTA_LEFT, from, "", &left);
    return s == FILE_OK ? ask_of(c, VESTA_CLEAR, to, "", &id) : s;
}

enum file_status vesta_rename(struct vesta_client *c, const char *from, const char *to)
{
    struct vesta_msg m = { .status = FILE_OK }, old = { .status = FILE_OK };
    enum file_status s = look_up(c, from, &m);
    if (s == FILE_OK)
        s = settle(c, from, &m);
    if (s != FILE_OK || strcmp(from, to) == 0)
        return s;
    s = look_up(c, to, &old);
    if (s == FILE_OK)
        s = settle(c, to, &old);
    if (s == FILE_NO_FILE)
        s = may_list(c, to);
    if (s != FILE_OK)
        return s;
    old = (struct vesta_msg){ .status = FILE_OK };
    s = home_of(c, from) == home_of(c, to) ? ask_of(c, VESTA_MOVE, from, to, &old)
                                           : move_far(c, from, to, &old);
    if (s == FILE_OK)
        s = xref_tell(c, VESTA_XDEL, from, 0);
    if (s == FILE_OK)
        s = xref_tell(c, VESTA_XADD, to, 0);
    return s == FILE_OK && old.cells > 0 ? drop_cells(c, &old) : s;
}

enum file_status vesta_mkxref(struct vesta_client *c, const char *name)
{
    struct vesta_msg m = { .status = FILE_OK };
    enum file_status s = may_list(c, name);
    if (s == FILE_OK)
        s = ask_of(c, VESTA_MKXREF, name, "", &m);
    return s == FILE_OK ? xref_tell(c, VESTA_XADD, name, VESTA_IS_XREF) : s;
}

enum file_status vesta_rmxref(struct vesta_client *c, const char *name)
{
    struct vesta_msg m = { .status = FILE_OK };
    enum file_status s = ask_of(c, VESTA_RMXREF, name, "", &m);
    return s == FILE_OK ? xref_tell(c, VESTA_XDEL, name, 0) : s;
}

static enum file_status list_of(struct vesta_client *c, uint32_t host, const char *name,
                                void (*each)(void *arg, const char *name, bool xref), void *arg)
{
    struct vesta_msg m = { .status = FILE_OK };
    struct file_entry x;
    enum file_status s = FILE_OK;
    do {
        struct vesta_msg q = { .value = m.value };
        struct rope more;
        memcpy(q.name, name, strlen(name) + 1);
        rope_init(&more);
        s = ask_host(c, host, VESTA_LIST, &q, &more);
        m.value = q.value;
        while (s == FILE_OK && file_entry_next(&more, &x))
            each(arg, x.name, x.file != 0);
        rope_fini(&more);
    } while (s == FILE_OK && m.value != 0);
    return s;
}

enum file_status vesta_list(struct vesta_client *c, const char *name,
                            void (*each)(void *arg, const char *name, bool xref), void *arg)
{
    if (strlen(name) > VESTA_NAME_MAX)
        return FILE_BAD_NAME;
    if (name[0] != 0)
        return list_of(c, home_of(c, name), name, each, arg);
    enum file_status s = FILE_OK;
    for (uint32_t i = 0; i < c->layout->io_count && s == FILE_OK; i++)
        s = list_of(c, c->layout->io[i], name, each, arg);
    return s;
}

/* ---- boot ---- */

struct vesta_client *vesta_client_start(struct xk_protl *rpc, const struct os_layout *layout,
                                        const struct vesta_params *params)
{
    struct port *p = xk_port(rpc);
    struct vesta_client *c = port_alloc(p, sizeof *c);
    c->port = p;
    c->rpc = rpc;
    c->layout = layout;
    c->params = params;
    vesta_data_boot(c);
    port_counters(p, "vesta_client", vesta_client_counters, c);
    return c;
}

static void *start(struct os_node *n, const struct os_service *s, struct xk_protl *over)
{
    return vesta_client_start(over, n->layout, s->params);
}

static bool check(const void *params, const struct os_layout *l, const char *path, struct err *e)
{
    (void)params;
    return (l->io_count > 0 && l->io_count <= VESTA_NODES_MAX) ||
           err_set(e, "%s: Vesta's files lie on I/O nodes, 1 to %d, and the machine has %u", path,
                   VESTA_NODES_MAX, l->io_count);
}

const struct os_service_ops vesta_client_service = {
    .kind = { .name = "vesta_client",
              .doc = "Vesta as programs see it.",
              .params = client_params,
              .params_size = sizeof(struct vesta_params) },
    .on = "compute",
    .over = "rpc",
    .protocol = &select_protl,
    .check = check,
    .start = start,
};

#define MODE(name_, doc_)                                                                          \
    &(const struct kind)                                                                           \
    {                                                                                              \
        .name = name_, .doc = doc_                                                                 \
    }
static const struct kind *const modes[] = {
    [VESTA_INDEPENDENT] = MODE("independent", "each request is atomic, in the order of a token"),
    [VESTA_SHARED] = MODE("shared", "one pointer for all, first come, first served"),
    [VESTA_RECKLESS] = MODE("reckless", "nothing is kept in order"),
    NULL,
};
const struct kind_set vesta_modes = { "mode", "workload.mode", modes };
