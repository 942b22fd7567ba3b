/* nx_save.c: the library as part of a saved program, and what becomes of it when that is restored.
 *
 * Progress of a call is a log: of how many messages it has sent, and of what it has received.  Each
 * call does the same when it is made again with the same arguments, so what the log has is not done
 * a second time: the algorithms of calls know nothing of it.
 *
 * Image, big-endian: u32 messages, u32 sends that wait, u64 global operations so far, u8 a log
 * follows, i64 type, u64 count, u32 node of nx_info*; each message: u32 rank, u8 system, u64 type,
 * u64 length, data; then the log: u32 sends, u32 receives, and these like messages with u32 status
 * and their whole length in front.
 */
#include "os/nx/nx_internal.h"

/* ---- the log ---- */

static void clear(struct nx *n)
{
    struct nx_log *l = &n->log;
    for (uint32_t i = 0; i < l->count; i++)
        rope_fini(&l->got[i].data);
    port_free(n->port, l->got);
    *l = (struct nx_log){ .on = false };
}

bool nx_enter(struct nx *n)
{
    struct nx_log *l = &n->log;
    if (!n->os || !os_call_begin(n->os))
        return false;
    if (!l->loaded)
        l->collective = n->collective;
    l->on = true;
    l->loaded = false;
    return true;
}

void nx_leave(struct nx *n, bool announced)
{
    if (!announced)
        return;
    os_call_end(n->os);
    clear(n);
}

bool nx_log_sent(struct nx *n)
{
    struct nx_log *l = &n->log;
    if (!l->on)
        return false;
    if (l->sent++ < l->sends)
        return true;
    l->sends++;
    return false;
}

/* The next entry. */
static struct nx_logged *entry(struct nx *n)
{
    struct nx_log *l = &n->log;
    if (l->count == l->room) {
        uint32_t room = l->room ? 2 * l->room : 4;
        struct nx_logged *got = port_alloc(n->port, room * sizeof *got);
        for (uint32_t i = 0; i < l->count; i++) {
            got[i].done = l->got[i].done;
            got[i].info = l->got[i].info;
            rope_move(&got[i].data, &l->got[i].data);
        }
        port_free(n->port, l->got);
        l->got = got;
        l->room = room;
    }
    rope_init(&l->got[l->count].data);
    return &l->got[l->count++];
}

bool nx_log_received(struct nx *n, struct nx_op *op)
{
    struct nx_log *l = &n->log;
    if (!l->on)
        return false;
    uint32_t i = l->receives++;
    if (i >= l->count) {
        (void)entry(n);
        op->logged = l->count;
        return false;
    }
    op->info = l->got[i].info;
    rope_copy(&op->data, &l->got[i].data);
    nx_op_done(op, op->info.status);
    return true;
}

void nx_log_done(struct nx_op *op)
{
    struct nx_logged *g = &op->nx->log.got[op->logged - 1];
    g->done = true;
    g->info = op->info;
    rope_copy(&g->data, &op->data);
}

/* ---- saving ---- */

static void put32(struct rope *out, uint32_t v)
{
    uint8_t wire[4];
    wire_put32(wire, v);
    rope_add_bytes(out, wire, sizeof wire);
}

static void put64(struct rope *out, uint64_t v)
{
    uint8_t wire[8];
    wire_put64(wire, v);
    rope_add_bytes(out, wire, sizeof wire);
}

static void put_message(struct rope *out, uint32_t rank, bool system, int64_t type,
                        const struct rope *data)
{
    put32(out, rank);
    rope_add_bytes(out, &(uint8_t){ system }, 1);
    put64(out, (uint64_t)type);
    put64(out, data->length);
    rope_add_slice(out, data, 0, data->length);
}

struct saving {
    struct rope *out;
    uint32_t count;
};

/* What waits behind the message that RDM has. */
static bool save_sends(void *arg, const void *key, void *value)
{
    struct saving *s = arg;
    struct nx_peer *p = value;
    (void)key;
    LIST_EACH (it, &p->outgoing) {
        struct nx_op *op = LIST_ENTRY(it, struct nx_op, link);
        if (it == p->outgoing.next && p->pushed)
            continue;
        put_message(s->out, p->rank, p->system, op->info.type, &op->data);
        s->count++;
    }
    return true;
}

static uint32_t log_done(const struct nx_log *l)
{
    uint32_t done = 0;
    while (done < l->count && l->got[done].done)
        done++;
    return done;
}

static void save_log(const struct nx_log *l, struct rope *out)
{
    uint32_t done = log_done(l);
    put32(out, l->sends);
    put32(out, done);
    for (uint32_t i = 0; i < done; i++) {
        put32(out, l->got[i].info.status);
        put64(out, l->got[i].info.count);
        put_message(out, l->got[i].info.node, false, l->got[i].info.type, &l->got[i].data);
    }
}

const char *nx_save(struct nx *n, struct rope *out)
{
    const struct nx_log *l = &n->log;
    bool has_log = l->on || l->loaded;
    struct rope messages;
    uint32_t whole = 0;
    LIST_EACH (it, &n->posted)
        if (LIST_ENTRY(it, struct nx_op, link)->logged == 0)
            return "its program has posted a receive that has not ended";
    if (!list_empty(&n->handled))
        return "a handler of its program is to be called";
    rope_init(&messages);
    LIST_EACH (it, &n->unexpected) {
        struct nx_inbound *in = LIST_ENTRY(it, struct nx_inbound, link);
        if (in->got < in->length) /* it will be in a log of the cut */
            continue;
        put_message(&messages, in->peer->rank, in->peer->system, in->type, &in->data);
        whole++;
    }
    struct saving s = { .out = &messages };
    xk_map_each(&n->peers, save_sends, &s);
    put32(out, whole);
    put32(out, s.count);
    put64(out, has_log ? l->collective : n->collective);
    rope_add_bytes(out, &(uint8_t){ has_log }, 1);
    put64(out, (uint64_t)n->info.type);
    put64(out, n->info.count);
    put32(out, n->info.node);
    rope_join(out, &messages);
    if (has_log)
        save_log(l, out);
    return NULL;
}

/* ---- restoring ---- */

struct loading {
    struct rope_cursor at;
    bool good;
};

static uint64_t get(struct loading *l, uint32_t bytes)
{
    uint8_t wire[8] = { 0 };
    struct rope part;
    l->good = l->good && l->at.left >= bytes;
    if (!l->good)
        return 0;
    rope_init(&part);
    rope_cursor_take(&l->at, bytes, &part);
    rope_read(&part, 0, bytes, wire + sizeof wire - bytes);
    rope_fini(&part);
    return wire_get64(wire);
}

struct message {
    uint32_t rank;
    bool system;
    int64_t type;
    struct rope data;
};

/* False: there is none whole; data is initialised here. */
static bool get_message(struct loading *l, const struct nx *n, struct message *m)
{
    m->rank = (uint32_t)get(l, 4);
    m->system = get(l, 1) != 0;
    m->type = (int64_t)get(l, 8);
    uint64_t length = get(l, 8);
    rope_init(&m->data);
    l->good = l->good && length <= l->at.left && m->rank < n->count;
    if (l->good)
        rope_cursor_take(&l->at, length, &m->data);
    return l->good;
}

static void load_log(struct nx *n, struct loading *l)
{
    n->log.loaded = true;
    n->log.collective = n->collective;
    n->log.sends = (uint32_t)get(l, 4);
    for (uint32_t left = (uint32_t)get(l, 4); l->good && left > 0; left--) {
        struct message m;
        enum nx_status status = (enum nx_status)get(l, 4);
        uint64_t count = get(l, 8);
        if (!get_message(l, n, &m))
            return;
        struct nx_logged *g = entry(n);
        g->done = true;
        g->info =
            (struct nx_info){ .type = m.type, .count = count, .node = m.rank, .status = status };
        rope_move(&g->data, &m.data);
    }
}

static void arrived(struct nx *n, struct message *m)
{
    struct nx_header h = {
        .run = n->run, .source = m->rank, .type = (uint64_t)m->type, .length = m->data.length
    };
    nx_message(n, nx_peer_of(n, m->rank, m->system), &h, &m->data);
}

bool nx_load(struct nx *n, const struct rope *in)
{
    struct loading l = { .good = true };
    struct message m;
    rope_cursor_init(&l.at, in);
    ASSERT(n->quiet);
    uint32_t whole = (uint32_t)get(&l, 4), waiting = (uint32_t)get(&l, 4);
    n->collective = get(&l, 8);
    bool has_log = get(&l, 1) != 0;
    n->info = (struct nx_info){ .type = (int64_t)get(&l, 8), .count = get(&l, 8) };
    n->info.node = (uint32_t)get(&l, 4);
    for (; l.good && whole > 0; whole--)
        if (get_message(&l, n, &m))
            arrived(n, &m);
    for (; l.good && waiting > 0; waiting--)
        if (get_message(&l, n, &m))
            nx_msgignore(nx_send(n, m.system, m.type, &m.data, m.rank));
    if (has_log)
        load_log(n, &l);
    return l.good && l.at.left == 0;
}

/* A message of the log of a cut.  data is initialised here. */
static bool get_logged(const struct nx *n, uint32_t rank, bool system, const struct rope *message,
                       struct message *m)
{
    uint8_t wire[NX_HEADER];
    struct nx_header h;
    rope_init(&m->data);
    if (message->length < sizeof wire || rank >= n->count)
        return false;
    rope_read(message, 0, sizeof wire, wire);
    nx_header_load(wire, &h);
    m->rank = rank;
    m->system = system;
    m->type = (int64_t)h.type;
    rope_add_slice(&m->data, message, sizeof wire, message->length - sizeof wire);
    return m->data.length == h.length && (system || h.type <= NX_TYPE_MAX);
}

bool nx_replay(struct nx *n, uint32_t from, bool system, const struct rope *message)
{
    struct message m;
    bool good = get_logged(n, from, system, message, &m);
    if (good)
        arrived(n, &m);
    rope_fini(&m.data);
    return good;
}

bool nx_resend(struct nx *n, uint32_t to, bool system, const struct rope *message)
{
    struct message m;
    bool good = get_logged(n, to, system, message, &m);
    if (good) {
        struct nx_op *op = nx_send(n, system, m.type, &m.data, to);
        if (op->peer) { /* NULL: it has died just now */
            list_remove(&op->link);
            list_push_front(&op->peer->outgoing, &op->link);
        }
        nx_msgignore(op);
    }
    rope_fini(&m.data);
    return good;
}

/* ---- from one run to the next ---- */

/* A thread that has not heard yet that it is gone may look at it once more. */
static void orphan(struct nx_op *op)
{
    list_remove(&op->link);
    list_push(&op->nx->orphans, &op->link);
}

static void drop_ops(struct list *ops)
{
    LIST_EACH_SAFE (it, next, ops)
        orphan(LIST_ENTRY(it, struct nx_op, link));
}

static bool drop_sends(void *arg, const void *key, void *value)
{
    struct nx_peer *p = value;
    (void)key;
    (void)arg;
    if (p->partial && p->partial->op) {
        orphan(p->partial->op);
        p->partial->op = NULL;
    }
    if (p->partial) /* its rest is dropped */
        p->partial->dropped = true;
    if (p->pushed && !xk_gone(p->sessn))
        xk_give_up(p->sessn);
    p->pushed = false;
    drop_ops(&p->outgoing);
    return true;
}

void nx_reset(struct nx *n, uint32_t run)
{
    n->run = run;
    n->quiet = true;
    n->bereaved = n->broken = false;
    clear(n);
    while (!list_empty(&n->unexpected)) {
        struct nx_inbound *in = LIST_ENTRY(n->unexpected.next, struct nx_inbound, link);
        struct xk_sessn *sessn = in->sessn;
        uint64_t held = in->held;
        list_remove(&in->link);
        in->held = 0;
        rope_fini(&in->data);
        if (in->peer->partial != in)
            nx_forget(n, in);
        if (held > 0)
            xk_consumed(sessn, held);
    }
    xk_map_each(&n->peers, drop_sends, n);
    drop_ops(&n->posted);
    drop_ops(&n->handled);
    list_init(&n->probes); /* of threads that are gone */
    n->info = (struct nx_info){ .type = 0 };
    n->collective = 0;
}

static bool pump(void *arg, const void *key, void *value)
{
    (void)key;
    nx_peer_pump(arg, value);
    return true;
}

void nx_resume(struct nx *n)
{
    LIST_EACH_SAFE (it, next, &n->orphans) {
        nx_op_trace(LIST_ENTRY(it, struct nx_op, link), port_trace_end);
        nx_op_free(LIST_ENTRY(it, struct nx_op, link));
    }
    n->quiet = false;
    xk_map_each(&n->peers, pump, n);
}
