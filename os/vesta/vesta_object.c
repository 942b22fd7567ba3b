/* vesta_object.c: the objects of an I/O node: what files and Xrefs of the names are whose home it
 * is.  In threads.
 *
 * An object is a file of the stack, "/" and the whole name; an Xref a directory, whose entries are
 * empty files, or directories where an Xref is meant.  What a file is stands among the object's
 * attributes, so that it is there with the name or not at all; where a rename brings it, and where
 * one brought it from, in its first bytes, which one sector holds.
 *
 *   owner: id 8 (0: the object's own handle), bsu 8, cells 4, base 4, maker 4
 *   bytes: VESTA_GOES or VESTA_CAME 4, the other name; number of the checkpoint, and whether the
 *          file goes back to it, 4; what is kept
 *          with it: access list: user 4, bits 4 (0: nobody) each; label 64
 */
#include "os/vesta/vesta_internal.h"

#include <string.h>

struct object {
    uint64_t handle;
    struct vesta_msg m; /* as an OPEN answers */
    struct kept {       /* bytes alone: as it is on the device and travels */
        uint8_t access[VESTA_ACCESS_MAX][8], label[FILE_LABEL_BYTES];
    } kept;
};
typedef char local_name[FILE_NAME_MAX + 1];
#define NOTE_BYTES (4 + VESTA_NAME_MAX + 1)
#define GOES_BACK 0x80000000u /* beside the number */
#define KEPT_AT (NOTE_BYTES + 4)
#define LABEL_AT (KEPT_AT + offsetof(struct kept, label))
#define OBJECT_BYTES (KEPT_AT + sizeof(struct kept))

static void local_of(const char *name, local_name out)
{
    out[0] = '/';
    memcpy(out + 1, name, strlen(name) + 1);
}

static enum file_status named(struct vesta_server *s, enum file_op op, uint64_t dir,
                              const char *name, unsigned mode, struct file_req *q)
{
    file_req_init(q, op, NULL, NULL);
    q->dir = dir;
    q->name = name;
    if (mode != 0)
        q->attr.mode = mode;
    return file_ask(s->files, q);
}

static enum file_status of_handle(struct vesta_server *s, enum file_op op, uint64_t handle,
                                  struct file_req *q)
{
    file_req_init(q, op, NULL, NULL);
    q->file = handle;
    return file_ask(s->files, q);
}

static void owner_load(const struct vesta_server *s, const uint8_t *b, struct object *o)
{
    o->m.id = wire_get64(b);
    o->m.bsu = wire_get64(b + 8);
    o->m.cells = wire_get32(b + 16);
    o->m.base = wire_get32(b + 20);
    o->m.maker = wire_get32(b + 24);
    if (o->m.id == 0) {
        o->m.id = o->handle;
        o->m.maker = s->self;
    }
}

static void owner_store(uint8_t *b, const struct vesta_msg *m)
{
    wire_put64(b, m->id);
    wire_put64(b + 8, m->bsu);
    wire_put32(b + 16, m->cells);
    wire_put32(b + 20, m->base);
    wire_put32(b + 24, m->maker);
}

/* Bytes of the object, on the device. */
static enum file_status put(struct vesta_server *s, uint64_t handle, uint64_t at, const uint8_t *b,
                            size_t n)
{
    struct file_req q;
    file_req_init(&q, FILE_WRITE, NULL, NULL);
    q.file = handle;
    file_range(&q, at, n);
    rope_add_bytes(&q.data, b, n);
    enum file_status st = file_ask(s->files, &q);
    return st == FILE_OK ? of_handle(s, FILE_FLUSH, handle, &q) : st;
}

/* What stands in the object's bytes about a rename; of 0 flags: nothing. */
static enum file_status note(struct vesta_server *s, uint64_t handle, uint32_t flags,
                             const char *name)
{
    uint8_t b[NOTE_BYTES] = { 0 };
    wire_put32(b, flags);
    memcpy(b + 4, name, strlen(name) + 1);
    return put(s, handle, 0, b, sizeof b);
}

static enum file_status put_number(struct vesta_server *s, uint64_t handle, uint32_t number)
{
    uint8_t b[4];
    wire_put32(b, number);
    return put(s, handle, NOTE_BYTES, b, sizeof b);
}

/* Whether the job waits until the file is back at its checkpoint; true without j->roll: the mark
 * that it is cannot be taken off. */
static bool waits(struct vesta_job *j, struct object *o)
{
    struct vesta_server *s = j->s;
    struct vesta_roll *r = o->m.flags & VESTA_ROLLS ? vesta_roll_find(s, &o->m) : NULL;
    if (!(o->m.flags & VESTA_ROLLS))
        return false;
    if (r == NULL)
        r = vesta_roll_new(s, &o->m);
    if (vesta_roll_back(r) && put_number(s, o->handle, o->m.last) == FILE_OK) {
        vesta_roll_end(r);
        o->m.flags &= ~(uint32_t)VESTA_ROLLS;
        return false;
    }
    j->roll = vesta_roll_back(r) ? NULL : r;
    return true;
}

/* FILE_OK: the caller may do that with the object. */
static enum file_status allowed(const struct vesta_job *j, const struct object *o, uint32_t bits)
{
    struct file_rights who = vesta_rights(&j->m), of = vesta_rights(&o->m);
    bool may = file_may(&who, &of, bits);
    for (uint32_t i = 0; i < VESTA_ACCESS_MAX; i++) {
        const uint8_t *x = o->kept.access[i];
        may |= wire_get32(x) == who.uid && (wire_get32(x + 4) & bits) == bits;
    }
    return may ? FILE_OK : FILE_DENIED;
}

/* What the object of that handle is. */
static enum file_status look(struct vesta_server *s, uint64_t handle, struct object *o)
{
    struct file_req q;
    uint8_t b[OBJECT_BYTES] = { 0 };
    *o = (struct object){ .handle = handle };
    enum file_status st = of_handle(s, FILE_STAT, handle, &q);
    if (st != FILE_OK)
        return st;
    o->m.flags = q.attr.mode & FILE_MODE_DIR ? VESTA_IS_XREF : 0;
    owner_load(s, q.attr.owner, o);
    vesta_rights_set(&o->m, &(struct file_rights){ q.attr.mode & 0777, q.attr.uid, q.attr.gid });
    if (q.attr.size == 0 || o->m.flags != 0)
        return FILE_OK;
    file_req_init(&q, FILE_READ, NULL, NULL);
    q.file = handle;
    file_range(&q, 0, sizeof b);
    st = file_ask(s->files, &q);
    if (st == FILE_OK)
        rope_read(&q.data, 0, q.data.length, b);
    rope_fini(&q.data);
    o->m.flags = wire_get32(b) & (VESTA_GOES | VESTA_CAME);
    memcpy(o->m.to, b + 4, VESTA_NAME_MAX);
    o->m.last = wire_get32(b + NOTE_BYTES);
    o->m.flags |= o->m.last & GOES_BACK ? VESTA_ROLLS : 0;
    o->m.last &= ~GOES_BACK;
    memcpy(&o->kept, b + KEPT_AT, sizeof o->kept);
    return st;
}

static enum file_status find(struct vesta_server *s, const char *name, struct object *o)
{
    local_name local;
    struct file_req q;
    local_of(name, local);
    enum file_status st = named(s, FILE_LOOKUP, FILE_ROOT, local, 0, &q);
    *o = (struct object){ .handle = 0 };
    return st == FILE_OK ? look(s, q.file, o) : st;
}

/* A new object `local` that is what m says, and whose `of` says. */
static enum file_status make(struct vesta_server *s, const char *local, const struct vesta_msg *m,
                             const struct file_rights *of, struct file_req *q)
{
    file_req_init(q, FILE_CREATE, NULL, NULL);
    q->name = local;
    q->attr.mode = of->mode;
    q->uid = of->uid;
    q->gid = of->gid;
    owner_store(q->attr.owner, m);
    return file_ask(s->files, q);
}

static enum file_status open_object(struct vesta_job *j, struct object *o)
{
    struct vesta_server *s = j->s;
    enum file_status st = find(s, j->m.name, o);
    struct file_req q;
    local_name local;
    uint32_t bits = !(j->m.flags & VESTA_ASKS) ? 0 : j->m.flags & VESTA_O_READ_ONLY ? 04 : 06;
    if (st == FILE_OK && (j->m.flags & VESTA_O_EXCL) && !(o->m.flags & VESTA_GOES))
        return FILE_EXISTS;
    if (st == FILE_OK && waits(j, o))
        return FILE_IO_ERROR;
    if (st != FILE_NO_FILE || !(j->m.flags & VESTA_O_CREATE))
        return st == FILE_OK ? allowed(j, o, bits) : st;
    struct vesta_msg m = j->m;
    struct file_rights who = vesta_rights(&m);
    who.mode = file_mode_of(&who, false);
    m.id = 0;
    m.base = m.base == UINT32_MAX ? s->self : m.base % s->layout->io_count;
    local_of(m.name, local);
    st = make(s, local, &m, &who, &q);
    if (st != FILE_OK && (st != FILE_EXISTS || (j->m.flags & VESTA_O_EXCL)))
        return st;
    bool made = st == FILE_OK;
    st = look(s, q.file, o);
    o->m.value = made; /* the Xref is still to be told */
    return st == FILE_OK && !made ? allowed(j, o, bits) : st;
}

static enum file_status open_and_list(struct vesta_job *j, struct object *o, struct rope *out)
{
    enum file_status st = open_object(j, o);
    if (st == FILE_OK)
        rope_add_bytes(out, o->kept.access, sizeof o->kept.access);
    return st;
}

/* To `to` here; what it replaces is told. */
static enum file_status move(struct vesta_job *j, struct object *o)
{
    struct vesta_server *s = j->s;
    struct object mine;
    struct file_req q;
    local_name from, to;
    enum file_status st = find(s, j->m.name, &mine);
    if (st == FILE_OK && (mine.m.flags & VESTA_IS_XREF))
        return FILE_IS_DIR;
    if (st == FILE_OK)
        st = waits(j, &mine) ? FILE_IO_ERROR : allowed(j, &mine, 02);
    if (st == FILE_OK && find(s, j->m.to, o) == FILE_OK)
        st = o->m.flags & VESTA_IS_XREF ? FILE_EXISTS : allowed(j, o, 02);
    if (st != FILE_OK)
        return st;
    local_of(j->m.name, from);
    local_of(j->m.to, to);
    file_req_init(&q, FILE_RENAME, NULL, NULL);
    q.name = from;
    q.to_name = to;
    return file_ask(s->files, &q);
}

/* A file that comes from another node: made beside, and put in its place at once. */
static enum file_status come(struct vesta_job *j, struct object *o)
{
    struct vesta_server *s = j->s;
    struct file_req q;
    local_name local, beside;
    struct file_rights of = { (uint32_t)j->m.seq, (uint32_t)(j->m.value >> 32),
                              (uint32_t)j->m.value };
    uint8_t kept[sizeof o->kept];
    enum file_status st = find(s, j->m.name, o);
    if (st == FILE_OK)
        st = o->m.flags & VESTA_IS_XREF ? FILE_EXISTS : allowed(j, o, 02);
    if (st == FILE_EXISTS || st == FILE_DENIED)
        return st;
    local_of(j->m.name, local);
    local_of(j->m.name, beside);
    beside[0] = '!';
    st = make(s, beside, &j->m, &of, &q);
    if (st == FILE_EXISTS) { /* of one whose caller has died */
        struct file_req old;
        (void)of_handle(s, FILE_REMOVE, q.file, &old);
        st = make(s, beside, &j->m, &of, &q);
    }
    if (st == FILE_OK)
        st = note(s, q.file, VESTA_CAME, j->m.to);
    if (st == FILE_OK && j->m.last > 0)
        st = put_number(s, q.file, j->m.last);
    if (st == FILE_OK && j->data.length == sizeof kept) {
        rope_read(&j->data, 0, sizeof kept, kept);
        st = put(s, q.file, KEPT_AT, kept, sizeof kept);
    }
    if (st != FILE_OK)
        return st;
    file_req_init(&q, FILE_RENAME, NULL, NULL);
    q.name = beside;
    q.to_name = local;
    return file_ask(s->files, &q);
}

static enum file_status xref_change(struct vesta_job *j)
{
    struct vesta_server *s = j->s;
    struct object o;
    struct file_req q;
    enum file_status st = find(s, j->m.name, &o);
    if (st != FILE_OK || !(o.m.flags & VESTA_IS_XREF))
        return st == FILE_OK ? FILE_NOT_DIR : st;
    if (j->m.flags & VESTA_ASKS)
        return allowed(j, &o, 02);
    if (j->proc == VESTA_XADD)
        return named(s, FILE_CREATE, o.handle, j->m.to,
                     j->m.flags & VESTA_IS_XREF ? FILE_MODE_DIR | 0777 : 0, &q);
    st = named(s, FILE_LOOKUP, o.handle, j->m.to, 0, &q);
    uint64_t handle = q.file;
    return st == FILE_OK ? of_handle(s, FILE_REMOVE, handle, &q) : st;
}

/* Entries of an Xref, or, of "", the objects here without a '/': name and whether it is an Xref. */
static enum file_status list(struct vesta_job *j, struct vesta_msg *m, struct rope *out)
{
    struct vesta_server *s = j->s;
    struct object o = { .handle = FILE_ROOT };
    struct file_req q;
    struct file_entry x;
    bool root = j->m.name[0] == 0;
    enum file_status st = root ? FILE_OK : find(s, j->m.name, &o);
    if (st == FILE_OK && !root && !(o.m.flags & VESTA_IS_XREF))
        return FILE_NOT_DIR;
    if (st == FILE_OK && !root)
        st = allowed(j, &o, 04);
    if (st != FILE_OK)
        return st;
    file_req_init(&q, FILE_LIST, NULL, NULL);
    q.dir = o.handle;
    q.file = j->m.value;
    st = file_ask(s->files, &q);
    m->value = q.file;
    while (st == FILE_OK && file_entry_next(&q.data, &x)) {
        struct file_req attr;
        if (root && (x.name[0] != '/' || strchr(x.name + 1, '/') != NULL))
            continue;
        if (of_handle(s, FILE_STAT, x.file, &attr) != FILE_OK)
            continue;
        memmove(x.name, x.name + root, strlen(x.name + root) + 1);
        x.file = (attr.attr.mode & FILE_MODE_DIR) != 0;
        file_entry_add(out, &x);
    }
    rope_fini(&q.data);
    return st;
}

static enum file_status remove_object(struct vesta_job *j, struct object *o)
{
    struct file_req q;
    enum file_status st = find(j->s, j->m.name, o);
    bool xref = o->m.flags & VESTA_IS_XREF, left = j->proc == VESTA_LEFT;
    if (st == FILE_OK && (left && (o->m.id != j->m.id || o->m.maker != j->m.maker)))
        return FILE_OK;
    if (st == FILE_OK && xref != (j->proc == VESTA_RMXREF))
        return xref ? FILE_IS_DIR : FILE_NOT_DIR;
    if (st == FILE_NO_FILE && left)
        return FILE_OK;
    if (st == FILE_OK && !left)
        st = allowed(j, o, 02);
    return st == FILE_OK ? of_handle(j->s, FILE_REMOVE, o->handle, &q) : st;
}

static enum file_status mark(struct vesta_job *j, struct object *o, struct rope *out)
{
    static const struct kept nothing;
    bool goes = j->proc == VESTA_MARK;
    enum file_status st = find(j->s, j->m.name, o);
    if (st == FILE_OK && goes && (o->m.flags & VESTA_IS_XREF))
        return FILE_IS_DIR;
    if (st == FILE_OK && goes)
        st = waits(j, o) ? FILE_IO_ERROR : allowed(j, o, 02);
    if (st == FILE_OK && goes && memcmp(&o->kept, &nothing, sizeof nothing) != 0)
        rope_add_bytes(out, &o->kept, sizeof o->kept);
    if (st == FILE_OK && goes) /* what it has of an earlier one the caller has settled */
        return note(j->s, o->handle, VESTA_GOES, j->m.to);
    if (st == FILE_OK && !goes && o->m.id == j->m.id && o->m.maker == j->m.maker)
        return note(j->s, o->handle, 0, "");
    return st;
}

/* The object, if it is of that id. */
static enum file_status of_id(struct vesta_job *j, struct object *o)
{
    enum file_status st = find(j->s, j->m.name, o);
    bool other = o->m.id != j->m.id || o->m.maker != j->m.maker;
    return st == FILE_OK && other ? FILE_NO_FILE : st;
}

static enum file_status number(struct vesta_job *j, struct object *o)
{
    enum file_status st = of_id(j, o);
    if (st == FILE_OK && waits(j, o))
        return FILE_IO_ERROR;
    return st == FILE_OK ? put_number(j->s, o->handle, j->m.last) : st;
}

/* The mark is made, and the job waits; then it comes here again. */
static enum file_status roll(struct vesta_job *j, struct object *o)
{
    enum file_status st = of_id(j, o);
    if (st != FILE_OK)
        return st;
    struct vesta_roll *r = vesta_roll_find(j->s, &o->m);
    bool marked = o->m.flags & VESTA_ROLLS;
    if (r != NULL && !marked && vesta_roll_back(r)) /* of a name that went meanwhile */
        vesta_roll_end(r);
    j->began = j->began || (marked && r == NULL);
    if (waits(j, o))
        return FILE_IO_ERROR;
    if (j->began || o->m.last == 0)
        return j->began ? FILE_OK : FILE_NO_VERSION;
    st = put_number(j->s, o->handle, o->m.last | GOES_BACK);
    o->m.flags |= VESTA_ROLLS;
    j->began = st == FILE_OK;
    return j->began && waits(j, o) ? FILE_IO_ERROR : st;
}

static enum file_status label(struct vesta_job *j, struct object *o, struct rope *out)
{
    uint8_t *mine = o->kept.label;
    enum file_status st = of_id(j, o);
    if (st == FILE_OK && (j->m.flags & VESTA_SET) && j->data.length == FILE_LABEL_BYTES) {
        rope_read(&j->data, 0, FILE_LABEL_BYTES, mine);
        st = put(j->s, o->handle, LABEL_AT, mine, FILE_LABEL_BYTES);
    }
    if (st == FILE_OK)
        rope_add_bytes(out, mine, FILE_LABEL_BYTES);
    return st;
}

/* The user's place in the list, a free one, or none. */
static enum file_status grant(struct vesta_job *j, struct object *o)
{
    uint32_t uid = (uint32_t)j->m.value, bits = (uint32_t)j->m.seq & 06, at = VESTA_ACCESS_MAX;
    enum file_status st = find(j->s, j->m.name, o);
    if (st == FILE_OK && (o->m.flags & VESTA_IS_XREF))
        return FILE_IS_DIR;
    if (st == FILE_OK && j->m.pos != 0 && j->m.pos != o->m.pos)
        return FILE_DENIED;
    for (uint32_t i = VESTA_ACCESS_MAX; i-- > 0;)
        if (wire_get32(o->kept.access[i] + 4) == 0)
            at = i;
    for (uint32_t i = 0; i < VESTA_ACCESS_MAX; i++)
        if (wire_get32(o->kept.access[i]) == uid && wire_get32(o->kept.access[i] + 4) != 0)
            at = i;
    if (st != FILE_OK || at == VESTA_ACCESS_MAX)
        return st != FILE_OK ? st : bits == 0 ? FILE_OK : FILE_NO_SPACE;
    wire_put32(o->kept.access[at], uid);
    wire_put32(o->kept.access[at] + 4, bits);
    return put(j->s, o->handle, KEPT_AT, o->kept.access[0], sizeof o->kept.access);
}

void vesta_hold(struct vesta_server *s, struct vesta_holder *h, const char *name)
{
    *h = (struct vesta_holder){ .name = name, .waits = port_thread_self(s->port) };
    list_push(&s->busy, &h->link);
    for (bool mine = false; !mine;) {
        mine = true;
        LIST_EACH (l, &s->busy) {
            if (l == &h->link)
                break;
            if (strcmp(LIST_ENTRY(l, struct vesta_holder, link)->name, name) == 0)
                mine = false;
        }
        if (!mine)
            port_thread_block(s->port, "name", 0);
    }
}

void vesta_let_go(struct vesta_server *s, struct vesta_holder *h)
{
    list_remove(&h->link);
    LIST_EACH (l, &s->busy)
        port_thread_wake(s->port, LIST_ENTRY(l, struct vesta_holder, link)->waits);
}

/* By the rule of the stack. */
static enum file_status change(struct vesta_job *j, struct object *o)
{
    struct file_rights who = vesta_rights(&j->m);
    struct file_req q;
    enum file_status st = find(j->s, j->m.name, o);
    if (st != FILE_OK)
        return st;
    file_req_init(&q, FILE_CHANGE, NULL, NULL);
    q.file = o->handle;
    q.uid = who.uid;
    q.gid = who.gid;
    q.attr.mode = (uint32_t)j->m.seq;
    q.attr.uid = (uint32_t)(j->m.value >> 32);
    q.attr.gid = (uint32_t)j->m.value;
    st = file_ask(j->s->files, &q);
    return st == FILE_OK ? of_handle(j->s, FILE_FLUSH, o->handle, &q) : st;
}

static enum file_status run(struct vesta_job *j, struct object *o, struct rope *out)
{
    struct file_req q;
    local_name local;
    struct file_rights who = vesta_rights(&j->m);
    switch (j->proc) {
    case VESTA_OPEN:
        if (j->m.flags & VESTA_SET)
            return open_and_list(j, o, out);
        return open_object(j, o);
    case VESTA_CHMOD:
        return change(j, o);
    case VESTA_MOVE:
        return move(j, o);
    case VESTA_MAKE:
        return come(j, o);
    case VESTA_MARK:
    case VESTA_CLEAR:
        return mark(j, o, out);
    case VESTA_NUMBER:
        return number(j, o);
    case VESTA_ROLL:
        return roll(j, o);
    case VESTA_MKXREF:
        local_of(j->m.name, local);
        who.mode = FILE_MODE_DIR | file_mode_of(&who, true);
        return make(j->s, local, &(struct vesta_msg){ .id = 0 }, &who, &q);
    case VESTA_GRANT:
        return grant(j, o);
    case VESTA_LABEL:
        return label(j, o, out);
    case VESTA_XADD:
    case VESTA_XDEL:
        return xref_change(j);
    case VESTA_LIST:
        return list(j, &o->m, out);
    default:
        return remove_object(j, o);
    }
}

void vesta_object(struct vesta_job *j)
{
    struct object o = { .handle = 0 };
    struct rope out;
    struct vesta_holder a, b;
    bool two = j->proc == VESTA_MOVE && strcmp(j->m.name, j->m.to) != 0;
    bool rises = strcmp(j->m.name, j->m.to) < 0;
    rope_init(&out);
    j->roll = NULL;
    vesta_hold(j->s, &a, two && !rises ? j->m.to : j->m.name);
    if (two)
        vesta_hold(j->s, &b, rises ? j->m.to : j->m.name);
    o.m.status = run(j, &o, &out);
    o.m.seq = port_incarnation(j->s->port);
    if (two)
        vesta_let_go(j->s, &b);
    vesta_let_go(j->s, &a);
    if (j->roll != NULL)
        vesta_roll_wait(j->roll, j);
    else
        vesta_answer(j, &o.m, &out);
    rope_fini(&out);
}
