/* vesta_data.c: reads and writes, and hints, which are in no order with them.
 *
 * The list of a request becomes lists of runs of cells, and these calls to the cells' I/O nodes:
 * one each, unless that is longer than a call may be.  A read of which a cell has not all asks
 * all of the file's I/O nodes where the subfile ends: before that there are zeros.  How far others
 * have made the file longer meanwhile it may see before it sees their bytes.  An atomic read of one
 * piece sees no such thing: it is made again, and with it, in its place of the order, goes one byte
 * more of each cell, the first behind the piece: whether there is one says what the end is.
 *
 * Of a client one atomic request is under way at a time: a second one, waiting for its turn at an
 * I/O node, must not take the place of calls of the first.
 */
#include "os/file/pieces.h"
#include "os/vesta/vesta_internal.h"

#include <string.h>

struct list_of { /* of a cell, in one call: rising */
    uint32_t cell;
    uint64_t bytes, end, got; /* got: of a read, what there was */
    struct file_runs l;
    struct rope data;
};

struct call {
    struct list link; /* of its node's, or of the client's `retry` */
    struct vreq *v;   /* NULL: an abort */
    uint32_t pos, host, count, room, runs, tries;
    uint64_t bytes, seq;
    sim_time since;
    struct list_of *lists;
};

struct vreq {
    struct list link; /* atomic */
    struct vesta_file *f;
    struct file_req *r;
    struct target { /* an I/O node of the file */
        struct list calls;
        struct call *last;
        uint32_t count, inflight;
    } * to;
    struct call **all;
    struct step { /* the next n bytes of the request are those of a list */
        uint32_t call, list;
        uint64_t n;
    } * steps;
    uint32_t calls, call_room, step_count, step_room;
    uint32_t inflight, first, final; /* calls under way; positions */
    uint64_t wanted, seq, number;
    bool atomic, aborted, running, began, short_of, queued, probing;
    enum file_status status;
    struct vesta_fan fan;
};

#define CALL_BESIDE(runs) (VESTA_HEAD + VESTA_NODES_MAX / 8 + (runs) * (FILE_RUN_BYTES + 8))

static uint32_t runs_of(const struct vesta_client *c)
{
    uint64_t n = select_max_bytes(c->rpc) / 4 / (FILE_RUN_BYTES + VESTA_LIST_HEAD);
    return n < VESTA_RUNS_MAX ? (uint32_t)n : VESTA_RUNS_MAX;
}

/* ---- lists of calls ---- */

static struct call *call_new(struct vreq *v, uint32_t pos)
{
    struct port *p = v->f->c->port;
    struct call *x = port_alloc(p, sizeof *x);
    x->v = v;
    x->pos = pos;
    x->host = vesta_node(v->f->c->layout, v->f->layout.base, pos);
    list_push(&v->to[pos].calls, &x->link);
    v->to[pos].last = x;
    v->to[pos].count++;
    if (v->calls == v->call_room) {
        v->call_room = v->call_room > 0 ? 2 * v->call_room : 8;
        v->all = port_realloc(p, v->all, v->call_room * sizeof(struct call *));
    }
    x->seq = v->calls;
    v->all[v->calls++] = x;
    return x;
}

/* The cell's list in the call that goes on at `local`. */
static struct list_of *list_in(struct vreq *v, struct call *x, uint32_t cell, uint64_t local)
{
    for (uint32_t i = x->count; i-- > 0;)
        if (x->lists[i].cell == cell && x->lists[i].end <= local)
            return &x->lists[i];
    if (x->count == x->room) {
        x->room = x->room > 0 ? 2 * x->room : 2;
        struct list_of *more = port_alloc(v->f->c->port, x->room * sizeof *more);
        for (uint32_t i = 0; i < x->count; i++) {
            more[i] = x->lists[i];
            rope_move(&more[i].data, &x->lists[i].data);
        }
        port_free(v->f->c->port, x->lists);
        x->lists = more;
    }
    struct list_of *l = &x->lists[x->count++];
    l->cell = cell;
    rope_init(&l->data);
    return l;
}

/* `len` bytes of the subfile from `off` on; those of a write are the next of `data`. */
static void add(struct vreq *v, uint64_t off, uint64_t len, struct rope_cursor *data)
{
    struct vesta_client *c = v->f->c;
    uint64_t chunk = v->r->op == FILE_HINT ? UINT64_MAX : c->chunk;
    while (len > 0) {
        struct vesta_place at = vesta_map_place(&v->f->map, off);
        uint32_t cell = vesta_map_cell(&v->f->map, at.nth), pos = cell % c->layout->io_count;
        struct call *x = v->to[pos].last;
        if (x == NULL || x->bytes == chunk || x->runs == runs_of(c))
            x = call_new(v, pos);
        struct list_of *l = list_in(v, x, cell, at.local);
        uint64_t n = at.run < len ? at.run : len;
        n = n < chunk - x->bytes ? n : chunk - x->bytes;
        uint32_t before = l->l.count;
        file_runs_add(c->port, &l->l, at.local, n);
        x->runs += l->l.count > before;
        l->bytes += n;
        l->end = at.local + n;
        x->bytes += n;
        if (data != NULL)
            rope_cursor_take(data, n, &l->data);
        if (v->r->op == FILE_READ) {
            if (v->step_count == v->step_room) {
                v->step_room = v->step_room > 0 ? 2 * v->step_room : 8;
                v->steps = port_realloc(c->port, v->steps, v->step_room * sizeof *v->steps);
            }
            v->steps[v->step_count++] =
                (struct step){ (uint32_t)x->seq, (uint32_t)(l - x->lists), n };
        }
        off += n;
        len -= n;
    }
}

/* The first byte of each cell from `off` on. */
static void add_probes(struct vreq *v, uint64_t off)
{
    const struct vesta_map *map = &v->f->map;
    struct port *p = v->f->c->port;
    bool *seen = port_alloc(p, map->have * sizeof *seen);
    for (uint32_t left = map->have; left > 0;) {
        struct vesta_place at = vesta_map_place(map, off);
        if (!seen[at.nth]) {
            seen[at.nth] = true;
            left--;
            add(v, off, 1, NULL);
        }
        off += at.run;
    }
    port_free(p, seen);
}

static void build(struct vreq *v)
{
    struct rope_cursor data;
    struct port *p = v->f->c->port;
    v->to = port_alloc(p, v->f->positions * sizeof *v->to);
    for (uint32_t i = 0; i < v->f->positions; i++)
        list_init(&v->to[i].calls);
    rope_cursor_init(&data, &v->r->data);
    for (uint32_t k = 0; k < v->r->run_count; k++)
        for (uint64_t i = 0; i < v->r->runs[k].count; i++)
            add(v, v->r->runs[k].off + i * v->r->runs[k].stride, v->r->runs[k].len,
                v->r->op == FILE_WRITE ? &data : NULL);
    if (v->probing)
        add_probes(v, v->r->runs->off + v->wanted);
    for (uint32_t i = 0; i < v->f->positions && v->wanted == 0; i++) /* of the file */
        (void)call_new(v, i);
    for (uint32_t i = 0; i < v->calls; i++)
        for (uint32_t k = 0; k < v->all[i]->count; k++)
            file_runs_end(&v->all[i]->lists[k].l);
    v->first = 0;
    while (v->first + 1 < v->f->positions && v->to[v->first].count == 0)
        v->first++;
    v->final = v->f->positions - 1;
    while (v->final > v->first && v->to[v->final].count == 0)
        v->final--;
    port_work(p, PORT_WORK_ALLOC, 2);
}

/* ---- the end ---- */

static void next_atomic(struct vesta_client *c);

static void drop_calls(struct vreq *v)
{
    struct port *p = v->f->c->port;
    for (uint32_t i = 0; i < v->calls; i++) {
        for (uint32_t k = 0; k < v->all[i]->count; k++) {
            rope_fini(&v->all[i]->lists[k].data);
            port_free(p, v->all[i]->lists[k].l.runs);
        }
        port_free(p, v->all[i]->lists);
        port_free(p, v->all[i]);
    }
    port_free(p, v->all);
    port_free(p, v->steps);
    port_free(p, v->to);
}

static void end(struct vreq *v)
{
    struct vesta_client *c = v->f->c;
    struct file_req *r = v->r;
    struct port *p = c->port;
    r->status = v->status;
    if (r->op == FILE_WRITE)
        rope_fini(&r->data);
    if (v->status != FILE_OK) {
        r->moved = 0;
        rope_fini(&r->data);
    }
    drop_calls(v);
    if (v->queued)
        list_remove(&v->link);
    bool queued = v->queued;
    port_free(p, v);
    if (queued)
        next_atomic(c);
    r->done(r);
}

/* Bytes of the list before the first that lies at `end` or behind it. */
static uint64_t before(const struct file_req *r, uint64_t end)
{
    uint64_t n = 0;
    for (uint32_t k = 0; k < r->run_count; k++)
        for (uint64_t i = 0; i < r->runs[k].count; i++) {
            uint64_t off = r->runs[k].off + i * r->runs[k].stride, len = r->runs[k].len;
            if (off + len > end)
                return n + (off < end ? end - off : 0);
            n += len;
        }
    return n;
}

/* Puts together what the calls brought, `moved` bytes. */
static void assemble(struct vreq *v)
{
    struct rope_cursor *at = NULL;
    struct port *p = v->f->c->port;
    uint64_t left = v->r->moved, lists = 0;
    for (uint32_t i = 0; i < v->calls; i++)
        lists += v->all[i]->count;
    at = port_alloc(p, (lists + 1) * sizeof *at);
    lists = 0;
    for (uint32_t i = 0; i < v->calls; i++) {
        v->all[i]->bytes = lists; /* where its cursors are */
        for (uint32_t k = 0; k < v->all[i]->count; k++)
            rope_cursor_init(&at[lists++], &v->all[i]->lists[k].data);
    }
    for (uint32_t i = 0; i < v->step_count && left > 0; i++) {
        const struct step *x = &v->steps[i];
        uint64_t n = x->n < left ? x->n : left;
        rope_cursor_take(&at[v->all[x->call]->bytes + x->list], n, &v->r->data);
        left -= n;
    }
    port_free(p, at);
}

static void end_known(struct vesta_fan *f)
{
    struct vreq *v = f->arg;
    v->status = f->status;
    v->r->moved = before(v->r, f->end);
    if (v->status == FILE_OK)
        assemble(v);
    end(v);
}

/* How many bytes of the piece lie before the end that the probes have shown. */
static uint64_t before_end(struct vreq *v)
{
    uint64_t at = 0, most = 0;
    for (uint32_t i = 0; i < v->step_count; i++) {
        const struct step *x = &v->steps[i];
        struct list_of *l = &v->all[x->call]->lists[x->list];
        uint64_t n = x->n < l->got ? x->n : l->got;
        most = n > 0 ? at + n : most;
        l->got -= n;
        at += x->n;
    }
    return most < v->wanted ? most : v->wanted;
}

static void begin(struct vreq *v);

static void probe(struct vreq *v)
{
    struct vesta_client *c = v->f->c;
    drop_calls(v);
    v->all = NULL;
    v->steps = NULL;
    v->calls = v->call_room = v->step_count = v->step_room = 0;
    v->probing = true;
    v->seq = ++c->seq;
    begin(v);
}

static void calls_ended(struct vreq *v)
{
    bool one = v->r->run_count == 1 && v->r->runs->count == 1;
    v->r->moved = v->r->op == FILE_HINT ? 0 : v->wanted;
    if (v->status == FILE_OK && v->atomic && v->short_of && one && !v->probing) {
        probe(v);
        return;
    }
    if (v->status == FILE_OK && v->probing) {
        v->r->moved = before_end(v);
        v->short_of = false;
    }
    if (v->status == FILE_OK && v->r->op == FILE_READ && v->short_of) {
        v->fan = (struct vesta_fan){ .file = v->f, .done = end_known, .arg = v };
        vesta_fan_end(&v->fan);
        return;
    }
    if (v->status == FILE_OK && v->r->op == FILE_READ)
        assemble(v);
    end(v);
}

/* ---- calls ---- */

static void issue(struct call *x);
static void issue_abort(struct vesta_client *c, struct call *x);
static void pump(struct vreq *v);

static void later(struct vesta_client *c, struct call *x)
{
    list_push(&c->retry, &x->link);
    if (!port_timer_pending(&c->timer))
        port_timer_set(&c->timer, c->params->retry_delay);
}

static void tick(struct port_timer *t)
{
    struct vesta_client *c = t->arg;
    struct list again, *l;
    list_init(&again);
    list_splice(&again, &c->retry);
    while ((l = list_pop(&again)) != NULL) {
        struct call *x = LIST_ENTRY(l, struct call, link);
        if (x->v == NULL)
            issue_abort(c, x);
        else
            issue(x);
    }
}

/* The node is told that no more comes of requests up to seq. */
static void tell_gone(struct vesta_client *c, uint32_t host, uint64_t seq)
{
    struct call *x = port_alloc(c->port, sizeof *x);
    x->host = host;
    x->seq = seq;
    list_init(&x->link);
    later(c, x);
    port_timer_set(&c->timer, 0);
}

/* All nodes that may wait for more of it. */
static void give_up(struct vreq *v)
{
    struct vesta_client *c = v->f->c;
    if (!v->atomic || v->aborted)
        return;
    v->aborted = true;
    c->counts.aborted++;
    for (uint32_t i = v->first; i <= v->final; i++)
        tell_gone(c, vesta_node(c->layout, v->f->layout.base, i), v->seq);
}

static void call_ended(struct call *x, enum file_status s)
{
    struct vreq *v = x->v;
    if (s != FILE_OK && v->status == FILE_OK) {
        v->status = s;
        give_up(v);
    }
    v->to[x->pos].inflight--;
    v->inflight--;
    pump(v);
}

/* What came of each list. */
static enum file_status take(struct call *x, const struct vesta_msg *m, struct rope *reply)
{
    struct vreq *v = x->v;
    uint64_t *got = port_alloc(v->f->c->port, x->count * sizeof *got);
    bool good = m->lists == x->count && reply->length >= 8 * (uint64_t)x->count;
    for (uint32_t k = 0; good && k < x->count; k++) {
        uint8_t b[8];
        rope_take_front(reply, sizeof b, b);
        got[k] = wire_get64(b);
        good = got[k] <= x->lists[k].bytes;
    }
    for (uint32_t k = 0; good && k < x->count; k++) {
        struct list_of *l = &x->lists[k];
        struct rope rest;
        good = reply->length >= got[k];
        if (!good)
            break;
        rope_split(reply, got[k], &rest);
        rope_join(&l->data, reply);
        rope_move(reply, &rest);
        l->got = got[k];
        v->short_of |= got[k] < l->bytes;
        rope_add_zero(&l->data, l->bytes - got[k]);
    }
    port_free(v->f->c->port, got);
    return good ? FILE_OK : FILE_IO_ERROR;
}

static void answered(void *arg, enum xk_status status, struct rope *reply)
{
    struct call *x = arg;
    struct vreq *v = x->v;
    struct vesta_client *c = v->f->c;
    struct vesta_msg m = { .status = FILE_OK };
    enum file_status s = vesta_of_call(status);
    bool again = !v->atomic && v->r->op != FILE_HINT;
    if (status == XK_RESTARTED && again && x->tries++ < (uint32_t)c->params->retries) {
        later(c, x); /* bytes may be read or written twice */
        return;
    }
    if (s == FILE_OK)
        s = vesta_load(reply, &m) ? m.status : FILE_IO_ERROR;
    if (s == FILE_OK && v->r->op == FILE_READ)
        s = take(x, &m, reply);
    if (s == FILE_OK && v->r->op == FILE_WRITE)
        vesta_changed(v->f, x->pos);
    sim_time took = port_now(c->port) - x->since, here = (sim_time)m.seq;
    v->r->part[FILE_DEVICE] = (sim_time)m.value; /* of what ended last */
    v->r->part[FILE_QUEUE] = here - (sim_time)m.value;
    v->r->part[FILE_NETWORK] = took - here;
    call_ended(x, s);
}

static void aborted(void *arg, enum xk_status status, struct rope *reply)
{
    (void)arg;
    (void)status;
    (void)reply;
}

/* Head, bits, lists and data of a call. */
static void pack(struct call *x, struct rope *out)
{
    struct vreq *v = x->v;
    const struct vesta_file *f = v->f;
    uint8_t bits[VESTA_NODES_MAX / 8 + 1] = { 0 };
    bool hint = v->r->op == FILE_HINT;
    struct vesta_msg m = { .id = f->id,
                           .maker = f->maker,
                           .bsu = f->layout.bsu,
                           .cells = f->layout.cells,
                           .base = f->layout.base,
                           .pos = x->pos,
                           .value = hint ? v->r->hint : v->number,
                           .seq = hint ? v->r->size : 0,
                           .lists = x->count };
    if (v->atomic) {
        m.flags = VESTA_ATOMIC;
        m.seq = v->seq;
        m.last = v->final;
        m.parts = v->to[x->pos].count;
        for (uint32_t i = v->first; i <= v->final; i++)
            bits[(i - v->first) / 8] |= (uint8_t)((v->to[i].count > 0) << (i - v->first) % 8);
        m.bits = x->pos == v->first ? (v->final - v->first) / 8 + 1 : 0;
    }
    vesta_store(out, &m);
    rope_add_bytes(out, bits, m.bits);
    for (uint32_t k = 0; k < x->count; k++) {
        const struct list_of *l = &x->lists[k];
        uint8_t b[FILE_RUN_BYTES];
        wire_put32(b, l->cell);
        wire_put32(b + 4, l->l.count);
        rope_add_bytes(out, b, VESTA_LIST_HEAD);
        for (uint32_t i = 0; i < l->l.count; i++) {
            file_run_store(b, &l->l.runs[i]);
            rope_add_bytes(out, b, sizeof b);
        }
    }
    for (uint32_t k = 0; k < x->count && v->r->op == FILE_WRITE; k++)
        rope_add_slice(out, &x->lists[k].data, 0, x->lists[k].data.length);
}

static void issue_abort(struct vesta_client *c, struct call *x)
{
    struct rope out;
    rope_init(&out);
    vesta_store(&out, &(struct vesta_msg){ .seq = x->seq });
    enum xk_status s =
        select_call(c->rpc, x->host, VESTA_SERVICE, VESTA_ABORT, &out, aborted, NULL);
    rope_fini(&out);
    if (s == XK_BUSY)
        later(c, x);
    else
        port_free(c->port, x);
}

static void issue(struct call *x)
{
    static const enum vesta_proc procs[FILE_OP_COUNT] = {
        [FILE_READ] = VESTA_READ, [FILE_WRITE] = VESTA_WRITE, [FILE_HINT] = VESTA_HINT
    };
    struct vreq *v = x->v;
    struct vesta_client *c = v->f->c;
    struct rope out;
    rope_init(&out);
    pack(x, &out);
    x->since = port_now(c->port);
    enum xk_status s =
        select_call(c->rpc, x->host, VESTA_SERVICE, procs[v->r->op], &out, answered, x);
    rope_fini(&out);
    if (s == XK_BUSY) {
        later(c, x);
    } else if (s != XK_OK) {
        call_ended(x, vesta_of_call(s));
    } else {
        c->counts.calls++;
        c->counts.bytes += v->r->op == FILE_HINT ? 0 : x->bytes;
    }
}

/* A hint denied at one node goes to the others. */
static bool goes_on(const struct vreq *v)
{
    return v->status == FILE_OK || v->r->op == FILE_HINT;
}

/* Calls in turn to each node, up to the window and the depth; the end, when there are no more. */
static void pump(struct vreq *v)
{
    const struct vesta_params *p = v->f->c->params;
    bool going = !v->running;
    if (!going)
        return;
    v->running = true;
    while (going && goes_on(v)) {
        going = false;
        for (uint32_t i = v->first; i <= v->final && goes_on(v); i++) {
            struct target *t = &v->to[i];
            if (list_empty(&t->calls) || t->inflight >= (uint32_t)p->depth ||
                v->inflight >= (uint32_t)p->window)
                continue;
            struct call *x = LIST_ENTRY(list_pop(&t->calls), struct call, link);
            t->inflight++;
            v->inflight++;
            going = true;
            issue(x);
        }
    }
    v->running = false;
    if (v->inflight == 0)
        calls_ended(v);
}

/* ---- requests ---- */

static void begin(struct vreq *v)
{
    v->began = true;
    build(v);
    pump(v);
}

static void next_atomic(struct vesta_client *c)
{
    if (list_empty(&c->atomic))
        return;
    struct vreq *v = LIST_ENTRY(c->atomic.next, struct vreq, link);
    if (v->began)
        return;
    v->seq = ++c->seq;
    begin(v);
}

static void pointed(void *arg, enum xk_status status, struct rope *reply)
{
    struct vreq *v = arg;
    struct vesta_msg m;
    v->status = vesta_of_call(status);
    if (v->status == FILE_OK)
        v->status = vesta_load(reply, &m) ? m.status : FILE_IO_ERROR;
    if (v->status != FILE_OK) {
        end(v);
        return;
    }
    file_range(v->r, m.value, v->wanted);
    v->r->runs = &v->r->one;
    begin(v);
}

/* The range comes from the file's object. */
static void ask_pointer(struct vreq *v)
{
    struct vesta_client *c = v->f->c;
    struct vesta_msg m = {
        .id = v->f->id, .maker = v->f->maker, .seq = v->f->life, .value = v->wanted
    };
    struct rope out;
    rope_init(&out);
    vesta_store(&out, &m);
    uint32_t home = c->layout->io[vesta_home(v->f->name, c->layout->io_count)];
    enum xk_status s = select_call(c->rpc, home, VESTA_SERVICE, VESTA_POINTER, &out, pointed, v);
    rope_fini(&out);
    if (s != XK_OK) {
        v->status = FILE_UNREACHABLE;
        end(v);
    }
}

static bool fits(const struct file_req *r)
{
    for (uint32_t k = 0; k < r->run_count; k++) {
        const struct file_run *x = &r->runs[k];
        if (x->len > VESTA_SIZE_MAX || x->off > VESTA_SIZE_MAX - x->len ||
            (x->count > 1 && x->stride > (VESTA_SIZE_MAX - x->len - x->off) / (x->count - 1)))
            return false;
    }
    return r->op != FILE_WRITE || r->data.length == file_bytes(r);
}

void vesta_submit(struct vesta_file *f, struct file_req *r)
{
    struct vesta_client *c = f->c;
    struct vreq *v = port_alloc(c->port, sizeof *v);
    bool hint = r->op == FILE_HINT;
    file_req_begin(r);
    port_work(c->port, PORT_WORK_TRAP, 1);
    list_init(&v->link);
    v->f = f;
    v->r = r;
    v->wanted = file_bytes(r);
    v->atomic = f->mode == VESTA_INDEPENDENT && !hint;
    v->number = hint ? 0 : ++c->counts.requests;
    bool denied = f->read_only && r->op == FILE_WRITE;
    if (denied || !fits(r) || (v->wanted == 0 && !hint)) {
        v->status = denied ? FILE_DENIED : v->wanted == 0 ? FILE_OK : FILE_RANGE;
        end(v);
    } else if (f->mode == VESTA_SHARED && !hint) {
        ask_pointer(v);
    } else if (v->atomic) {
        v->queued = true;
        list_push(&c->atomic, &v->link);
        next_atomic(c);
    } else {
        begin(v);
    }
}

#define HINT_BYTES (UINT64_C(1) << 30) /* more are looked at only as far as the file goes */

/* (blocks) */
static enum file_status cut_to_size(struct vesta_file *f, struct file_req *q, struct file_run **cut)
{
    uint64_t size;
    uint32_t n = 0;
    enum file_status s = vesta_size(f, &size);
    if (s != FILE_OK)
        return s;
    *cut = port_alloc(f->c->port, (q->run_count + 1) * sizeof **cut);
    for (uint32_t i = 0; i < q->run_count; i++) {
        struct file_run x = q->runs[i];
        uint64_t room = x.off < size ? size - x.off : 0;
        if (room == 0 || x.len == 0 || x.count == 0)
            continue;
        if (x.stride > 0 && x.count > (room - 1) / x.stride + 1)
            x.count = (room - 1) / x.stride + 1;
        if (x.count == 1 && x.len > room)
            x.len = room;
        (*cut)[n++] = x;
    }
    q->runs = *cut;
    q->run_count = n;
    return FILE_OK;
}

struct hinted {
    struct port *port;
    struct port_thread *thread;
    bool ended;
};

static void hinted(struct file_req *r)
{
    struct hinted *x = r->arg;
    x->ended = true;
    port_thread_wake(x->port, x->thread);
}

enum file_status vesta_hint(struct vesta_file *f, enum file_hint hint, uint64_t size,
                            const struct file_run *runs, uint32_t count)
{
    if (!f->owned && file_hint_is_owners(hint))
        return FILE_DENIED;
    struct hinted *x = port_alloc(f->c->port, sizeof *x);
    struct file_req q;
    *x = (struct hinted){ f->c->port, port_thread_self(f->c->port), false };
    file_req_init(&q, FILE_HINT, hinted, x);
    q.hint = hint;
    q.size = size;
    if (count > 0) {
        q.runs = runs;
        q.run_count = count;
    }
    struct file_run *cut = NULL;
    if (file_bytes(&q) > HINT_BYTES)
        q.status = cut_to_size(f, &q, &cut);
    if (q.status == FILE_OK && q.run_count > 0) {
        vesta_submit(f, &q);
        while (!x->ended)
            port_thread_block(f->c->port, "vesta", f->id);
    }
    port_free(f->c->port, cut);
    port_free(f->c->port, x);
    return q.status;
}

/* An I/O node has died: with it goes the token of what is ordered there.  One that is back does not
 * know which requests were given up meanwhile, and may be shown their tokens. */
static void peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    struct vesta_client *c = arg;
    struct vreq *v = list_empty(&c->atomic) ? NULL : LIST_ENTRY(c->atomic.next, struct vreq, link);
    bool io = false, under_way = v != NULL && v->began;
    (void)life;
    for (uint32_t i = 0; i < c->layout->io_count; i++)
        io |= c->layout->io[i] == host;
    for (uint32_t i = under_way ? v->first : 1; under_way && i <= v->final && !alive; i++)
        if (vesta_node(c->layout, v->f->layout.base, i) == host && v->status == FILE_OK) {
            v->status = FILE_UNREACHABLE;
            give_up(v);
        }
    if (io && alive && (uint32_t)c->seq > 0)
        tell_gone(c, host, under_way && !v->aborted ? v->seq - 1 : c->seq);
}

void vesta_data_boot(struct vesta_client *c)
{
    uint64_t most = select_max_bytes(c->rpc) - CALL_BESIDE(runs_of(c)), grain = 65536;
    c->chunk = (uint64_t)c->params->rpc < most ? (uint64_t)c->params->rpc : most;
    while (grain > c->chunk)
        grain /= 2;
    c->chunk -= c->chunk % grain;
    c->seq = (uint64_t)port_incarnation(c->port) << 32;
    list_init(&c->atomic);
    list_init(&c->retry);
    port_timer_init(c->port, &c->timer, tick, c);
    xk_on_peer(c->rpc->kernel, peer_changed, c);
}
