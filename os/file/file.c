/* file.c: requests and entries of directories. */
#include "os/file/file.h"

#include "os/xk/msg.h" /* wire_put / wire_get */

#include <string.h>

const char *file_status_name(enum file_status s)
{
    static const char *const names[] = { "ok",
                                         "no such file",
                                         "file exists",
                                         "bad name",
                                         "no inode left",
                                         "no space",
                                         "too scattered",
                                         "out of range",
                                         "I/O error",
                                         "not a directory",
                                         "a directory",
                                         "not empty",
                                         "into itself",
                                         "permission denied",
                                         "unsupported",
                                         "no such checkpoint",
                                         "unreachable",
                                         "on another server",
                                         "not here",
                                         "not formatted",
                                         "inconsistent",
                                         "bad device" };
    _Static_assert(ARRAY_LEN(names) == FILE_STATUS_COUNT, "a name per status");
    return (unsigned)s < FILE_STATUS_COUNT ? names[s] : "?";
}

const char *file_op_name(enum file_op op)
{
    static const char *const names[] = { "read",   "write",  "size",       "sync",    "create",
                                         "remove", "rename", "lookup",     "stat",    "change",
                                         "list",   "hint",   "checkpoint", "rollback" };
    _Static_assert(ARRAY_LEN(names) == FILE_OP_COUNT, "a name per op");
    return (unsigned)op < FILE_OP_COUNT ? names[op] : "?";
}

void file_req_init(struct file_req *r, enum file_op op, void (*done)(struct file_req *r), void *arg)
{
    *r = (struct file_req){
        .op = op, .dir = FILE_ROOT, .to_dir = FILE_ROOT, .done = done, .arg = arg
    };
    r->attr.mode = 0666;
    r->runs = &r->one;
    r->run_count = 1;
    r->one.count = 1;
    rope_init(&r->data);
}

void file_req_begin(struct file_req *r)
{
    r->moved = 0;
    r->grew = false;
    for (int i = 0; i < FILE_PARTS; i++)
        r->part[i] = 0;
    if (r->op == FILE_READ || r->op == FILE_LIST)
        rope_fini(&r->data);
}

#define FNV_PRIME 0x100000001b3u

uint64_t file_checksum(const uint8_t *bytes, size_t n, size_t field)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (i >= field && i - field < 8 ? 0 : bytes[i])) * FNV_PRIME;
    return h;
}

uint64_t file_checksum_zeros(uint64_t sum, uint64_t n)
{
    for (uint64_t power = FNV_PRIME; n > 0; n >>= 1, power *= power)
        sum *= n & 1 ? power : 1;
    return sum;
}

enum file_status file_change(const struct file_req *r, uint32_t *mode, uint32_t *uid, uint32_t *gid)
{
    bool ids = r->attr.uid != *uid || r->attr.gid != *gid;
    if (r->uid != 0 && (r->uid != *uid || ids))
        return FILE_DENIED;
    *mode = (*mode & FILE_MODE_DIR) | (r->attr.mode & 0777);
    *uid = r->attr.uid;
    *gid = r->attr.gid;
    return FILE_OK;
}

uint64_t file_bytes(const struct file_req *r)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < r->run_count; i++) {
        const struct file_run *x = &r->runs[i];
        if (x->len > 0 && x->count > (UINT64_MAX - n) / x->len)
            return UINT64_MAX;
        n += x->len * x->count;
    }
    return n;
}

/* An entry: handle 8, length of the name 1, name. */
enum { ENTRY_HEAD = 9 };

void file_entry_add(struct rope *data, const struct file_entry *x)
{
    uint8_t b[ENTRY_HEAD + FILE_NAME_MAX];
    size_t n = strlen(x->name);
    wire_put64(b, x->file);
    b[8] = (uint8_t)n;
    memcpy(b + ENTRY_HEAD, x->name, n);
    rope_add_bytes(data, b, ENTRY_HEAD + n);
}

bool file_entry_next(struct rope *data, struct file_entry *out)
{
    uint8_t b[ENTRY_HEAD];
    if (data->length < ENTRY_HEAD)
        return false;
    rope_take_front(data, ENTRY_HEAD, b);
    if (b[8] > FILE_NAME_MAX || b[8] > data->length)
        return false;
    *out = (struct file_entry){ .file = wire_get64(b) };
    rope_take_front(data, b[8], out->name);
    return true;
}

uint32_t file_node(const struct file_sys *s, uint64_t file)
{
    while (s->below != NULL)
        s = s->below;
    return s->ops->node != NULL ? s->ops->node(s, file) : port_node(s->port);
}

struct waiter {
    struct port *port;
    struct port_thread *thread;
    bool ended;
};

static void wake(struct file_req *r)
{
    struct waiter *w = r->arg;
    w->ended = true;
    port_thread_wake(w->port, w->thread);
}

enum file_status file_ask(struct file_sys *s, struct file_req *r)
{
    struct waiter *w = port_alloc(s->port, sizeof *w);
    *w = (struct waiter){ .port = s->port, .thread = port_thread_self(s->port) };
    r->done = wake;
    r->arg = w;
    file_submit(s, r);
    while (!w->ended)
        port_thread_block(s->port, "file request", r->file);
    port_free(s->port, w);
    return r->status;
}
