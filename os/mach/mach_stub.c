/* mach_stub.c: arguments into messages and out of them, the client's call, the server's loop. */
#include "os/mach/mach_stub.h"
#include "os/xk/msg.h"

#define REPLY_ID 100 /* above the request's */

void mach_values_init(struct mach_value *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        v[i] = (struct mach_value){ 0 };
        rope_init(&v[i].data);
    }
}

void mach_values_fini(struct mach_value *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        rope_fini(&v[i].data);
}

/* ---- destroying ---- */

/* One that is copied or made as it is sent stays. */
static void drop_right(struct mach_task *t, uint32_t type, mach_name name)
{
    if (name == MACH_PORT_NULL || name == MACH_PORT_DEAD)
        return;
    if (type == MACH_MOVE_RECEIVE)
        (void)mach_port_mod_refs(t, name, MACH_RIGHT_RECEIVE, -1);
    else if (type == MACH_MOVE_SEND || type == MACH_MOVE_SEND_ONCE)
        (void)mach_port_deallocate(t, name);
}

static void drop_item(struct mach_task *t, const struct mach_item *it)
{
    if (it->out_of_line && it->deallocate && it->bytes > 0)
        (void)mach_vm_deallocate(t, it->address);
    for (uint32_t i = 0; it->names && i < it->count; i++)
        drop_right(t, it->type, it->names[i]);
}

static void drop_items(struct mach_task *t, struct mach_msg *msg)
{
    for (uint32_t i = 0; i < msg->item_count; i++)
        drop_item(t, &msg->items[i]);
    mach_msg_fini(t, msg);
}

void mach_msg_destroy(struct mach_task *t, struct mach_msg *msg)
{
    drop_items(t, msg);
    drop_right(t, msg->remote_disp, msg->remote);
    msg->remote = MACH_PORT_NULL;
    msg->remote_disp = MACH_NO_RIGHT;
}

/* ---- values and items ---- */

static void put_word(struct mach_msg *msg, uint32_t word)
{
    uint8_t bytes[4];
    struct rope data;
    wire_put32(bytes, word);
    rope_init(&data);
    rope_add_bytes(&data, bytes, sizeof bytes);
    mach_msg_add(msg, MACH_TYPE_INTEGER_32, &data);
}

static void put(struct mach_task *t, struct mach_msg *msg, const struct mach_arg *a,
                struct mach_value *v)
{
    switch (a->kind) {
    case MACH_ARG_WORD:
        put_word(msg, v->word);
        break;
    case MACH_ARG_STRING:
        ASSERT(v->data.length <= a->most);
        rope_add_zero(&v->data, a->most - v->data.length);
        mach_msg_add(msg, MACH_TYPE_STRING, &v->data);
        break;
    case MACH_ARG_BYTES:
        ASSERT(v->data.length <= a->most);
        mach_msg_add(msg, MACH_TYPE_BYTE, &v->data);
        break;
    case MACH_ARG_MEMORY:
        mach_msg_add_memory(msg, MACH_TYPE_BYTE, v->address, v->bytes, v->deallocate);
        break;
    case MACH_ARG_SEND:
    case MACH_ARG_SEND_ONCE:
    case MACH_ARG_RECEIVE:
        mach_msg_add_rights(t, msg, (enum mach_disposition)v->disposition, &v->name, 1);
        break;
    case MACH_ARG_END:
        break;
    }
}

static void put_all(struct mach_task *t, struct mach_msg *msg, const struct mach_arg *a,
                    struct mach_value *v)
{
    for (uint32_t i = 0; a[i].kind != MACH_ARG_END; i++)
        put(t, msg, &a[i], &v[i]);
}

static bool is_data(const struct mach_item *it, uint32_t type, uint64_t least, uint64_t most)
{
    return it->type == type && !it->out_of_line && it->data.length >= least &&
           it->data.length <= most;
}

/* Is the item what the argument must be? */
static bool fits(const struct mach_item *it, const struct mach_arg *a)
{
    switch (a->kind) {
    case MACH_ARG_WORD:
        return is_data(it, MACH_TYPE_INTEGER_32, 4, 4);
    case MACH_ARG_STRING:
        return is_data(it, MACH_TYPE_STRING, a->most, a->most);
    case MACH_ARG_BYTES:
        return is_data(it, MACH_TYPE_BYTE, 0, a->most);
    case MACH_ARG_MEMORY:
        return it->type == MACH_TYPE_BYTE && it->out_of_line;
    case MACH_ARG_SEND:
        return it->type == MACH_PORT_SEND && it->count == 1;
    case MACH_ARG_SEND_ONCE:
        return it->type == MACH_PORT_SEND_ONCE && it->count == 1;
    case MACH_ARG_RECEIVE:
        return it->type == MACH_PORT_RECEIVE && it->count == 1;
    case MACH_ARG_END:
        break;
    }
    return false;
}

static bool fit_all(const struct mach_msg *msg, uint32_t first, const struct mach_arg *a)
{
    uint32_t n = 0;
    for (; a[n].kind != MACH_ARG_END; n++)
        if (first + n >= msg->item_count || !fits(&msg->items[first + n], &a[n]))
            return false;
    return first + n == msg->item_count;
}

static uint32_t word_of(const struct mach_item *it)
{
    uint8_t bytes[4];
    rope_read(&it->data, 0, sizeof bytes, bytes);
    return wire_get32(bytes);
}

/* A string's bytes before the first that is zero. */
static void trim(struct rope *string)
{
    uint8_t byte = 1;
    uint64_t n = 0;
    while (n < string->length) {
        rope_read(string, n, 1, &byte);
        if (byte == 0)
            break;
        n++;
    }
    rope_truncate(string, n);
}

/* What fits becomes values; msg has no items then. */
static void get_all(struct mach_task *t, struct mach_msg *msg, uint32_t first,
                    const struct mach_arg *a, struct mach_value *v)
{
    for (uint32_t i = 0; a[i].kind != MACH_ARG_END; i++) {
        struct mach_item *it = &msg->items[first + i];
        if (a[i].kind == MACH_ARG_WORD)
            v[i].word = word_of(it);
        v[i].address = it->address;
        v[i].bytes = it->bytes;
        v[i].deallocate = it->deallocate;
        v[i].disposition = it->type;
        v[i].name = it->names ? it->names[0] : MACH_PORT_NULL;
        rope_move(&v[i].data, &it->data);
        if (a[i].kind == MACH_ARG_STRING)
            trim(&v[i].data);
    }
    mach_msg_fini(t, msg);
}

static void drop_all(struct mach_task *t, const struct mach_arg *a, struct mach_value *v)
{
    for (uint32_t i = 0; a[i].kind != MACH_ARG_END; i++) {
        if (a[i].kind == MACH_ARG_MEMORY && v[i].deallocate && v[i].bytes > 0)
            (void)mach_vm_deallocate(t, v[i].address);
        if (a[i].kind >= MACH_ARG_SEND)
            drop_right(t, v[i].disposition, v[i].name);
    }
}

/* ---- the client ---- */

static int32_t read_reply(struct mach_task *t, struct mach_msg *msg, int32_t id,
                          const struct mach_arg *out, struct mach_value *results)
{
    static const struct mach_arg code = { .kind = MACH_ARG_WORD };
    int32_t result = MIG_TYPE_ERROR;
    if (msg->id != id + REPLY_ID)
        result = msg->id == MACH_NOTIFY_SEND_ONCE ? MIG_SERVER_DIED : MIG_REPLY_MISMATCH;
    else if (msg->item_count > 0 && fits(&msg->items[0], &code)) {
        int32_t theirs = (int32_t)word_of(&msg->items[0]);
        if (theirs != KERN_SUCCESS ? msg->item_count == 1 : fit_all(msg, 1, out))
            result = theirs;
    }
    if (result == KERN_SUCCESS)
        get_all(t, msg, 1, out, results);
    mach_msg_destroy(t, msg);
    return result;
}

int32_t mach_call(struct mach_task *t, const struct mach_subsystem *sub, uint32_t number,
                  mach_name to, mach_name reply, struct mach_value *in, struct mach_value *out)
{
    const struct mach_routine *r = &sub->routines[number];
    int32_t id = sub->base + (int32_t)number;
    struct mach_msg msg;
    mach_msg_init(&msg);
    msg.remote = to;
    msg.remote_disp = MACH_COPY_SEND;
    msg.id = id;
    if (!r->simple) {
        msg.local = reply;
        msg.local_disp = MACH_MAKE_SEND_ONCE;
    }
    put_all(t, &msg, r->in, in);
    enum mach_msg_return result =
        mach_msg(t, &msg, r->simple ? MACH_SEND_MSG : MACH_SEND_MSG | MACH_RCV_MSG, reply, 0, 0);
    if (result == MACH_MSG_SUCCESS && !r->simple)
        return read_reply(t, &msg, id, r->out, out);
    if (result == MACH_RCV_BODY_ERROR)
        mach_msg_destroy(t, &msg);
    mach_msg_fini(t, &msg);
    return (int32_t)result;
}

/* ---- the server ---- */

static const struct mach_routine *find(const struct mach_server *s, int32_t id)
{
    for (uint32_t i = 0; s->subsystems[i]; i++) {
        const struct mach_subsystem *sub = s->subsystems[i];
        int64_t number = (int64_t)id - sub->base;
        if (number >= 0 && number < sub->count && sub->routines[number].name)
            return &sub->routines[number];
    }
    return NULL;
}

/* What the routine gives; msg has no items then. */
static int32_t serve(struct mach_server *s, const struct mach_routine *r, struct mach_msg *msg,
                     struct mach_value *out)
{
    struct mach_value in[MACH_ARGS_MAX];
    if (!r || !fit_all(msg, 0, r->in)) {
        drop_items(s->task, msg);
        return r ? MIG_BAD_ARGUMENTS : MIG_BAD_ID;
    }
    mach_values_init(in, MACH_ARGS_MAX);
    get_all(s->task, msg, 0, r->in, in);
    s->from = msg->local;
    s->reply = msg->remote;
    s->reply_disposition = msg->remote_disp;
    int32_t result = r->serve(s->arg, in, out);
    if (result != KERN_SUCCESS && result != MIG_NO_REPLY)
        drop_all(s->task, r->in, in);
    mach_values_fini(in, MACH_ARGS_MAX);
    return result;
}

bool mach_demux(struct mach_server *s, struct mach_msg *msg)
{
    struct mach_value out[MACH_ARGS_MAX];
    const struct mach_routine *r = find(s, msg->id);
    port_work(mach_task_port(s->task), PORT_WORK_RPC, 1);
    mach_values_init(out, MACH_ARGS_MAX);
    int32_t result = serve(s, r, msg, out);
    bool replies = result != MIG_NO_REPLY && !(r && r->simple) && msg->remote != MACH_PORT_NULL &&
                   msg->remote != MACH_PORT_DEAD;
    if (replies) {
        put_word(msg, (uint32_t)result);
        if (result == KERN_SUCCESS)
            put_all(s->task, msg, r->out, out);
        msg->id += REPLY_ID;
        msg->local = MACH_PORT_NULL;
        msg->local_disp = MACH_NO_RIGHT;
    } else if (result != MIG_NO_REPLY) {
        if (result == KERN_SUCCESS && !r->simple)
            drop_all(s->task, r->out, out);
        mach_msg_destroy(s->task, msg);
    }
    mach_values_fini(out, MACH_ARGS_MAX);
    return replies;
}

/* Where it cannot be sent it is destroyed, with the right for it. */
static enum mach_msg_return answer(struct mach_server *s, struct mach_msg *msg, mach_name from)
{
    unsigned more = msg->remote_disp == MACH_PORT_SEND_ONCE ? 0 : MACH_SEND_TIMEOUT;
    unsigned options = s->stop ? MACH_SEND_MSG : MACH_SEND_MSG | MACH_RCV_MSG;
    return mach_msg(s->task, msg, options | more, from, 0, 0);
}

static bool is_undeliverable(enum mach_msg_return r)
{
    return r == MACH_SEND_INVALID_DEST || r == MACH_SEND_TIMED_OUT;
}

enum mach_msg_return mach_msg_server(struct mach_server *s, mach_name from)
{
    enum mach_msg_return r = MACH_MSG_SUCCESS;
    struct mach_msg msg;
    bool replies = false;
    mach_msg_init(&msg);
    s->stop = false;
    while (r == MACH_MSG_SUCCESS && !s->stop) {
        r = replies ? answer(s, &msg, from) : mach_msg(s->task, &msg, MACH_RCV_MSG, from, 0, 0);
        if (replies && is_undeliverable(r)) {
            mach_msg_destroy(s->task, &msg);
            r = mach_msg(s->task, &msg, MACH_RCV_MSG, from, 0, 0);
        }
        replies = false;
        if (r == MACH_MSG_SUCCESS && !(s->other && s->other(s->arg, &msg)))
            replies = mach_demux(s, &msg);
    }
    if (r == MACH_MSG_SUCCESS && replies && is_undeliverable(answer(s, &msg, from)))
        mach_msg_destroy(s->task, &msg);
    mach_msg_fini(s->task, &msg);
    return r;
}
