/* mover.c: movers: drives to sinks.  See mover.h.
 *
 * A run is what one call brought for one drive; a drive has one run at a time.  One block is read
 * at a time; blocks that were read are on their way in pieces until the sink has taken them.
 *
 *   MOVI1  A request is told of (MOVER_DONE) when no piece of it is on its way, and none is to
 *       come.
 */
#include "os/hsm/mover_internal.h"

#include "os/xk/peers.h"

enum { PIECE_HEADER = 16, FOLD_HEADER = 25 };

const struct param mover_params_desc[] = {
    P_CHOICE_OF(mover_params, order, "loss", hsm_orders,
                "In what order the requests for one cartridge are served."),
    P_INT(mover_params, buffers, "2", "1", "1000",
          "Blocks of a drive that are on their way to sinks; with 1 tape and network take turns.",
          "ASSUMED(double buffering)"),
    P_SIZE(mover_params, piece, "128KiB", "4KiB", "16MiB",
           "The most that one message to a sink has, if a call carries that much.",
           "ASSUMED(a few stripe units of a parallel file system)"),
    P_TIME(mover_params, retry, "5ms", "1us", "1s",
           "A piece for which there is no room below is tried again after so long.",
           "ASSUMED(some messages)"),
    P_END,
};

const struct counter mover_counters[] = {
    C_SUM(mover, counts, requests, "1", "Requests."),
    C_SUM(mover, counts, failed, "1", "Of these, those that did not end well."),
    C_SUM(mover, counts, blocks, "1", "Blocks read for sinks."),
    C_SUM(mover, counts, written, "1", "Blocks written for sources."),
    C_SUM(mover, counts, parities, "1", "Of these, those of parity."),
    C_SUM(mover, counts, copied, "1", "Of these, those that another mover has read."),
    C_SUM(mover, counts, skipped, "1", "Blocks read because they lay between others."),
    C_SUM(mover, counts, bytes, "B", "Bytes that sinks have taken."),
    C_SUM(mover, counts, locates, "1", "Requests that did not begin where the one before ended."),
    C_END,
};

struct piece {
    struct port_timer timer;
    struct run *run;
    struct wanted *w;
    uint32_t *left; /* pieces of its block */
    uint64_t bytes;
    struct rope args;
};

static void step(struct run *x);

void mover_request_store(uint8_t out[MOVER_REQUEST_BYTES], const struct mover_request *r)
{
    const uint64_t words[7] = {
        r->first, r->count, r->offset, r->stride, r->token, r->tag, r->end
    };
    for (int i = 0; i < 7; i++)
        wire_put64(out + 8 * i, words[i]);
    wire_put32(out + 56, r->sink);
    out[60] = r->data;
    out[61] = r->column;
    out[62] = r->turn;
    out[63] = r->fold;
}

struct mover_request mover_request_load(const uint8_t in[MOVER_REQUEST_BYTES])
{
    return (struct mover_request){ .first = wire_get64(in),
                                   .count = wire_get64(in + 8),
                                   .offset = wire_get64(in + 16),
                                   .stride = wire_get64(in + 24),
                                   .token = wire_get64(in + 32),
                                   .tag = wire_get64(in + 40),
                                   .end = wire_get64(in + 48),
                                   .sink = wire_get32(in + 56),
                                   .data = in[60],
                                   .column = in[61],
                                   .turn = in[62],
                                   .fold = in[63] };
}

void mover_source_store(uint8_t out[MOVER_SOURCE_BYTES], const struct mover_source *s)
{
    wire_put32(out, s->node);
    wire_put32(out + 4, s->device);
    wire_put64(out + 8, s->first);
    memcpy(out + 16, s->label, HSM_LABEL);
}

struct mover_source mover_source_load(const uint8_t in[MOVER_SOURCE_BYTES])
{
    struct mover_source s = { .node = wire_get32(in),
                              .device = wire_get32(in + 4),
                              .first = wire_get64(in + 8) };
    memcpy(s.label, in + 16, HSM_LABEL);
    return s;
}

uint32_t mover_column(const struct mover_request *r, uint64_t i)
{
    return r->turn != 0 ? (uint32_t)((r->column + i) % (r->data + 1u)) : r->column;
}

uint64_t mover_offset(const struct mover_request *r, uint64_t i, uint32_t c)
{
    return r->offset + i * r->stride + c * (r->stride / r->data);
}

/* ---- the ends of requests and runs ---- */

static void begin(struct drive *d);

static void run_end(struct run *x)
{
    struct drive *d = x->drive;
    struct rope reply;
    ASSERT_MSG(x->left == 0 && x->telling == 0 && x->flying == 0, "MOV1");
    rope_init(&reply);
    uint8_t status = x->dead ? HSM_DEVICE : HSM_OK;
    rope_add_bytes(&reply, &status, 1);
    hsm_answer(&d->m->calls, &x->caller, &reply);
    list_remove(&x->link);
    port_free(d->m->port, x->order);
    port_free(d->m->port, x->wanted);
    port_free(d->m->port, x);
    begin(d);
}

/* All have been told, and know it. */
static bool run_over(struct run *x)
{
    if (x->left > 0 || x->telling > 0 || x->reading)
        return false;
    run_end(x);
    return true;
}

static void told(void *arg, enum xk_status status, struct rope *reply)
{
    struct run *x = arg;
    (void)status; /* the asker has died otherwise */
    (void)reply;
    x->telling--;
    (void)run_over(x);
}

bool mover_tell(struct run *x, struct wanted *w)
{
    struct mover *m = x->drive->m;
    uint8_t wire[17];
    struct rope args;
    if (w->told || !w->over || w->flying > 0)
        return false;
    ASSERT_MSG(w->flying == 0 && !w->told, "MOVI1");
    w->told = true;
    x->left--;
    m->counts.failed += w->status != HSM_OK;
    wire_put64(wire, w->r.tag);
    wire[8] = (uint8_t)w->status;
    wire_put64(wire + 9, w->bad);
    rope_init(&args);
    rope_add_bytes(&args, wire, sizeof wire);
    x->telling++;
    uint32_t to = x->caller.service == HSM_ANSWER_MOVER ? HSM_SERVICE_MOVER : HSM_SERVICE_STORAGE;
    if (select_call(m->rpc, x->caller.host, to, MOVER_DONE, &args, told, x) == XK_OK)
        return false;
    rope_fini(&args); /* the answer to its call will tell it */
    x->telling--;
    return run_over(x);
}

/* ---- pieces on their way ---- */

static void push(struct piece *p);

static void push_again(struct port_timer *t)
{
    push(t->arg);
}

static void taken(void *arg, enum xk_status status, struct rope *reply)
{
    struct piece *p = arg;
    struct run *x = p->run;
    struct wanted *w = p->w;
    struct mover *m = x->drive->m;
    (void)reply;
    w->flying--;
    if (--*p->left == 0) {
        x->flying--;
        port_free(m->port, p->left);
    }
    if (status == XK_OK)
        m->counts.bytes += p->bytes;
    else if (w->status == HSM_OK)
        w->status = HSM_UNREACHABLE;
    w->over |= w->status != HSM_OK;
    rope_fini(&p->args);
    port_free(m->port, p);
    if (!mover_tell(x, w))
        step(x);
}

static void push(struct piece *p)
{
    struct mover *m = p->run->drive->m;
    enum sink_procedure how = p->w->r.fold > 0 ? SINK_FOLD : SINK_DATA;
    enum xk_status s = select_call(m->rpc, p->w->r.sink, HSM_SERVICE_SINK, how, &p->args, taken, p);
    struct rope none;
    if (s == XK_BUSY) {
        port_timer_set(&p->timer, m->params->retry);
    } else if (s != XK_OK) {
        rope_init(&none);
        taken(p, s, &none);
    }
}

/* A block that was read goes to its sink. */
static void send_block(struct run *x, struct wanted *w, uint64_t offset, struct rope *data)
{
    struct mover *m = x->drive->m;
    size_t head = w->r.fold > 0 ? FOLD_HEADER : PIECE_HEADER;
    uint64_t most = select_max_bytes(m->rpc) - head, at = 0, all = data->length;
    if (most > (uint64_t)m->params->piece)
        most = (uint64_t)m->params->piece;
    uint64_t n = (all + most - 1) / most;
    uint32_t *left = port_alloc(m->port, sizeof *left);
    *left = (uint32_t)n;
    x->flying++;
    struct piece **all_pieces = port_alloc(m->port, (n + 1) * sizeof(struct piece *));
    for (uint64_t i = 0; i < n; i++, at += most) {
        struct piece *p = port_alloc(m->port, sizeof *p);
        uint8_t wire[FOLD_HEADER];
        uint64_t len = all - at < most ? all - at : most;
        p->run = x;
        p->w = w;
        p->left = left;
        p->bytes = len;
        wire_put64(wire, w->r.token);
        wire_put64(wire + 8, offset + at);
        wire_put64(wire + 16, w->r.tag >> 8);
        wire[24] = w->r.fold;
        rope_init(&p->args);
        rope_add_bytes(&p->args, wire, head);
        rope_add_slice(&p->args, data, at, len);
        port_timer_init(m->port, &p->timer, push_again, p);
        w->flying++;
        all_pieces[i] = p;
    }
    for (uint64_t i = 0; i < n; i++)
        push(all_pieces[i]);
    port_free(m->port, all_pieces);
}

/* ---- reading ---- */

enum hsm_status mover_status(const struct port_io *io)
{
    switch (io->status) {
    case PORT_IO_OK:
        return HSM_OK;
    case PORT_IO_MEDIUM:
        return HSM_MEDIUM;
    case PORT_IO_END:
        return io->end == PORT_END_MEDIUM ? HSM_FULL : HSM_NO_BLOCK;
    default:
        return HSM_DEVICE;
    }
}

/* The drive is of no use any more: what is left of the run ends so. */
void mover_give_up(struct run *x)
{
    x->dead = true;
    for (uint32_t i = 0; i < x->count; i++) {
        struct wanted *w = &x->wanted[i];
        if (!w->over && w->status == HSM_OK) {
            w->status = HSM_DEVICE;
            w->bad = w->r.first + w->done;
        }
        w->over = true;
        if (mover_tell(x, w))
            return;
    }
}

static void read_done(struct port_io *io)
{
    struct run *x = io->arg;
    struct mover *m = x->drive->m;
    struct wanted *w = &x->wanted[x->order[x->at]];
    enum hsm_status s = mover_status(io);
    uint64_t block = io->sector;
    struct rope data;
    rope_move(&data, &io->data);
    x->reading = false;
    x->position = block + 1;
    if (x->left == 0) { /* nobody wants it any more */
        rope_fini(&data);
        (void)run_over(x);
        return;
    }
    if (s == HSM_DEVICE) {
        rope_fini(&data);
        mover_give_up(x);
        return;
    }
    if (block < w->r.first) { /* it lay between: what is wrong with it matters to nobody */
        m->counts.skipped++;
    } else if (!w->over && mover_column(&w->r, w->done) == w->r.data) { /* so is a parity */
        m->counts.skipped++;
        w->over = ++w->done == w->r.count;
        if (mover_tell(x, w)) {
            rope_fini(&data);
            return;
        }
    } else if (s != HSM_OK || w->over) {
        if (w->status == HSM_OK) {
            w->status = s;
            w->bad = block;
        }
        w->over = true;
        rope_fini(&data);
        if (mover_tell(x, w))
            return;
    } else {
        uint64_t offset = mover_offset(&w->r, w->done, mover_column(&w->r, w->done));
        m->counts.blocks++;
        w->over = ++w->done == w->r.count;
        w->flying++; /* the run does not end here */
        send_block(x, w, offset, &data);
        w->flying--;
        rope_fini(&data);
        if (mover_tell(x, w))
            return;
    }
    rope_fini(&data);
    step(x);
}

bool mover_has_medium(const struct run *x)
{
    struct port_blk_info info;
    port_blk_describe(x->drive->m->port, x->drive->device, &info);
    return info.medium[0] != 0 && strncmp(info.medium, x->label, sizeof x->label) == 0;
}

/* Reads the next block, if there is room for it. */
static void step(struct run *x)
{
    struct mover *m = x->drive->m;
    if (!x->started || x->reading || x->dead)
        return;
    while (x->at < x->count && x->wanted[x->order[x->at]].over)
        x->at++;
    uint64_t most = (uint64_t)m->params->buffers;
    if (x->at == x->count || x->flying >= most)
        return;
    if (!mover_has_medium(x)) {
        mover_give_up(x);
        return;
    }
    struct wanted *w = &x->wanted[x->order[x->at]];
    uint64_t block = w->r.first + w->done;
    if (m->order->through && w->done == 0 && x->position < block && x->at > 0)
        block = x->position;
    m->counts.locates += block != x->position;
    x->reading = true;
    x->io = (struct port_io){
        .op = PORT_IO_READ, .sector = block, .sectors = 1, .done = read_done, .arg = x
    };
    rope_init(&x->io.data);
    port_work(m->port, PORT_WORK_IO, 1);
    port_blk_submit(m->port, x->drive->device, &x->io);
}

/* ---- in what order ---- */

struct view {
    struct port *port;
    uint32_t device;
};

static sim_time locate(void *arg, uint64_t from, uint64_t to)
{
    const struct view *v = arg;
    return port_blk_locate_time(v->port, v->device, from, to);
}

static void spot(void *arg, uint64_t block, struct hsm_spot *out)
{
    const struct view *v = arg;
    struct port_blk_spot s;
    *out = (struct hsm_spot){ .place = block };
    if (port_blk_spot(v->port, v->device, block, &s))
        *out = (struct hsm_spot){
            .place = s.place, .pass = s.pass, .section = s.section, .back = s.back
        };
}

static void choose_order(struct run *x, uint64_t position)
{
    struct mover *m = x->drive->m;
    struct view v = { m->port, x->drive->device };
    struct hsm_head h = { .at = position, .locate = locate, .spot = spot, .arg = &v };
    struct hsm_extent *r = port_alloc(m->port, x->count * sizeof *r);
    for (uint32_t i = 0; i < x->count; i++)
        r[i] = (struct hsm_extent){ x->wanted[i].r.first, x->wanted[i].r.count };
    hsm_order(m->port, m->order, &h, r, x->count, x->order);
    port_free(m->port, r);
}

/* The next run of a drive. */
static void begin(struct drive *d)
{
    struct mover *m = d->m;
    if (list_empty(&d->runs))
        return;
    struct run *x = LIST_ENTRY(d->runs.next, struct run, link);
    struct port_blk_info info;
    if (x->started)
        return;
    port_blk_describe(m->port, d->device, &info);
    x->started = true;
    if (!mover_has_medium(x)) {
        mover_give_up(x);
        return;
    }
    x->position = info.at;
    if (x->block > 0) {
        mover_write(x);
        return;
    }
    choose_order(x, info.at);
    step(x);
}

static struct run *run_of(struct mover *m, uint32_t host)
{
    for (uint32_t i = 0; i < DEVICES_MAX; i++)
        LIST_EACH (l, &m->drives[i].runs) {
            struct run *x = LIST_ENTRY(l, struct run, link);
            if (x->caller.host == host && !x->dead && !x->stopped)
                return x;
        }
    return NULL;
}

/* Nobody waits for its runs any more, and its next life may want others of these drives. */
static void peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    struct run *x;
    (void)life;
    while (!alive && (x = run_of(arg, host)) != NULL) {
        if (x->started && x->block > 0)
            mover_write_stop(x);
        else
            mover_give_up(x);
    }
}

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    struct mover *m = arg;
    uint8_t wire[MOVER_REQUEST_BYTES] = { 0 }, label[HSM_LABEL] = { 0 };
    if (procedure == MOVER_DONE) { /* what counts is what has come */
        hsm_sink_answer(request);
        return;
    }
    struct hsm_caller caller = hsm_take(request, args);
    port_work(m->port, PORT_WORK_RPC, 1);
    if (args->length >= 8 + sizeof label) {
        rope_take_front(args, 8, wire);
        rope_take_front(args, sizeof label, label);
    }
    uint32_t device = wire_get32(wire), n = wire_get32(wire + 4);
    uint64_t block = 0;
    bool copies = procedure == MOVER_COPY;
    if ((procedure == MOVER_WRITE || copies) && args->length >= 8) {
        rope_take_front(args, 8, wire);
        block = wire_get64(wire);
    }
    if ((procedure != MOVER_READ && block == 0) || device >= DEVICES_MAX ||
        device >= port_blk_count(m->port) || n == 0 ||
        args->length < n * (MOVER_REQUEST_BYTES + (copies ? MOVER_SOURCE_BYTES : UINT64_C(0)))) {
        struct rope reply;
        rope_init(&reply);
        rope_add_bytes(&reply, &(uint8_t){ HSM_DEVICE }, 1);
        hsm_answer(&m->calls, &caller, &reply);
        return;
    }
    struct drive *d = &m->drives[device];
    struct run *x = port_alloc(m->port, sizeof *x);
    x->drive = d;
    x->caller = caller;
    memcpy(x->label, label, sizeof x->label);
    x->count = x->left = n;
    x->block = block;
    x->wanted = port_alloc(m->port, n * sizeof *x->wanted);
    x->order = port_alloc(m->port, n * sizeof *x->order);
    for (uint32_t i = 0; i < n; i++) {
        rope_take_front(args, MOVER_REQUEST_BYTES, wire);
        x->wanted[i].r = mover_request_load(wire);
        ASSERT(x->wanted[i].r.data > 0);
        x->wanted[i].copied = copies;
        if (!copies)
            continue;
        rope_take_front(args, MOVER_SOURCE_BYTES, wire);
        x->wanted[i].from = mover_source_load(wire);
    }
    m->counts.requests += n;
    list_push(&d->runs, &x->link);
    begin(d);
}

struct mover *mover_serve(struct xk_protl *rpc, const struct mover_params *params)
{
    struct mover *m = port_alloc(xk_port(rpc), sizeof *m);
    m->port = xk_port(rpc);
    m->rpc = rpc;
    m->params = params;
    hsm_calls_init(&m->calls, rpc, HSM_ANSWER_MOVER, params->retry);
    m->sink = hsm_sink_serve(rpc);
    m->order = kind_at(&hsm_orders, params->order);
    for (uint32_t i = 0; i < DEVICES_MAX; i++) {
        m->drives[i].m = m;
        m->drives[i].device = i;
        list_init(&m->drives[i].runs);
    }
    port_counters(m->port, "mover", mover_counters, m);
    xk_on_peer(rpc->kernel, peer_changed, m);
    enum xk_status served = select_serve(rpc, HSM_SERVICE_MOVER, serve, m);
    ASSERT(served == XK_OK);
    return m;
}

static void *start(struct os_node *n, const struct os_service *s, struct xk_protl *over)
{
    (void)n;
    return mover_serve(over, s->params);
}

const struct os_service_ops mover_service = {
    .kind = { .name = "mover",
              .doc = "Reads what is wanted of the tapes in this node's drives, and pushes it to "
                     "who wants it.",
              .params = mover_params_desc,
              .params_size = sizeof(struct mover_params),
              .counters = mover_counters },
    .on = "io",
    .over = "rpc",
    .protocol = &select_protl,
    .start = start,
};
