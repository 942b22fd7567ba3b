/* mover_write.c: movers: from sources to drives.  See mover.h.
 *
 * Blocks are pulled in pieces into slots, up to `buffers` ahead, and written in their order; when
 * all are, or one cannot be, the drive's buffer is flushed, and all requests are told of.  For a
 * block of parity all of its row are pulled.
 */
#include "os/hsm/mover_internal.h"

struct pull {
    struct port_timer timer;
    struct slot *slot;
    uint32_t piece;
    uint32_t column; /* of the row */
    bool refused;    /* the source is dead */
};

static void slot_free(struct run *x, struct slot *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        rope_fini(&s->pieces[i]);
    while (!list_empty(&s->parts))
        mover_part_free(x, LIST_ENTRY(s->parts.next, struct mover_part, link));
    list_remove(&s->link);
    x->slot_count--;
    port_free(x->drive->m->port, s);
}

void mover_write_stop_at(struct run *x, uint32_t request, enum hsm_status s)
{
    for (uint32_t i = request; i < x->count; i++)
        if (x->wanted[i].status == HSM_OK)
            x->wanted[i].status = i == request || s == HSM_FULL ? s : HSM_DEVICE;
    x->stopped = true;
    for (uint32_t i = 0; i < x->count; i++)
        if (x->wanted[i].copied)
            mover_copy_end(x, &x->wanted[i]);
}

/* ---- pulling ---- */

static uint64_t piece_bytes(const struct mover *m)
{
    uint64_t most = select_max_bytes(m->rpc) - 16;
    return most < (uint64_t)m->params->piece ? most : (uint64_t)m->params->piece;
}

/* What has come of a piece: of a parity all columns together. */
static void add(struct run *x, struct rope *piece, struct rope *data)
{
    struct rope sum;
    if (piece->length == 0) {
        rope_move(piece, data);
        return;
    }
    const struct rope *const both[] = { piece, data };
    port_work(x->drive->m->port, PORT_WORK_XOR, data->length);
    rope_xor(&sum, both, 2);
    rope_fini(piece);
    rope_move(piece, &sum);
}

static void pulled(void *arg, enum xk_status status, struct rope *reply)
{
    struct pull *p = arg;
    struct slot *s = p->slot;
    struct run *x = s->run;
    struct rope *piece = &s->pieces[p->piece];
    if (status == XK_OK && reply->length > 0 &&
        (piece->length == 0 || piece->length == reply->length))
        add(x, piece, reply);
    else if (!x->stopped || s->request < x->count)
        mover_write_stop_at(x, s->request, HSM_UNREACHABLE);
    s->pulls--;
    port_free(x->drive->m->port, p);
    mover_write_on(x);
}

static void pull(struct pull *p)
{
    struct slot *s = p->slot;
    struct run *x = s->run;
    struct mover *m = x->drive->m;
    const struct mover_request *r = &x->wanted[s->request].r;
    uint64_t most = piece_bytes(m), at = p->piece * most;
    uint8_t wire[24];
    struct rope args;
    wire_put64(wire, r->token);
    wire_put64(wire + 8, mover_offset(r, s->block, p->column) + at);
    wire_put64(wire + 16, x->block - at < most ? x->block - at : most);
    rope_init(&args);
    rope_add_bytes(&args, wire, sizeof wire);
    enum xk_status status =
        select_call(m->rpc, r->sink, HSM_SERVICE_SINK, SINK_PULL, &args, pulled, p);
    if (status == XK_OK)
        return;
    rope_fini(&args);
    p->refused = status != XK_BUSY;
    port_timer_set(&p->timer, m->params->retry);
}

static void pull_again(struct port_timer *t)
{
    struct pull *p = t->arg;
    struct run *x = p->slot->run;
    struct rope none;
    if (!x->stopped && !p->refused) {
        pull(p);
        return;
    }
    rope_init(&none);
    pulled(p, XK_UNREACHABLE, &none);
}

/* Of a parity all columns of the row, else its own; behind the end there is nothing to pull. */
static void pull_all(struct run *x, struct slot *s)
{
    struct mover *m = x->drive->m;
    const struct mover_request *r = &x->wanted[s->request].r;
    uint32_t column = mover_column(r, s->block), from = column, to = column + 1;
    if (column == r->data) {
        from = 0;
        to = r->data;
        m->counts.parities++;
    }
    while (to > from && mover_offset(r, s->block, to - 1) >= r->end)
        to--;
    s->pulls = (to - from) * s->count;
    for (uint32_t i = 0; from == to && i < s->count; i++)
        rope_add_zero(&s->pieces[i],
                      i + 1 < s->count ? piece_bytes(m) : x->block - i * piece_bytes(m));
    for (uint32_t c = from; c < to; c++)
        for (uint32_t i = 0; i < s->count; i++) {
            struct pull *p = port_alloc(m->port, sizeof *p);
            p->slot = s;
            p->piece = i;
            p->column = c;
            port_timer_init(m->port, &p->timer, pull_again, p);
            pull(p);
        }
}

static void fill(struct run *x)
{
    struct mover *m = x->drive->m;
    while (!x->stopped && x->next < x->count && x->slot_count < (uint64_t)m->params->buffers) {
        uint64_t most = piece_bytes(m);
        uint32_t n = (uint32_t)((x->block + most - 1) / most);
        struct slot *s = port_alloc(m->port, sizeof *s + n * sizeof(struct rope));
        s->run = x;
        s->request = x->next;
        s->block = x->next_block;
        s->count = s->pulls = n;
        list_init(&s->parts);
        if (x->wanted[x->next].copied && x->next_block == 0)
            mover_copy_begin(x, x->next);
        bool copied = x->wanted[x->next].copied;
        if (++x->next_block == x->wanted[x->next].r.count) {
            x->next++;
            x->next_block = 0;
        }
        list_push(&x->slots, &s->link);
        x->slot_count++;
        for (uint32_t i = 0; i < n; i++)
            rope_init(&s->pieces[i]);
        if (copied)
            mover_copy_slot(s);
        else
            pull_all(x, s);
    }
}

/* ---- writing ---- */

static void written(struct port_io *io)
{
    struct run *x = io->arg;
    struct slot *s = LIST_ENTRY(x->slots.next, struct slot, link);
    enum hsm_status status = mover_status(io);
    rope_fini(&io->data);
    x->reading = false;
    if (status == HSM_OK) {
        x->wanted[s->request].done++;
        x->drive->m->counts.written++;
        x->drive->m->counts.copied += x->wanted[s->request].copied;
    } else {
        mover_write_stop_at(x, s->request, status);
    }
    slot_free(x, s);
    mover_write_on(x);
}

/* All have been told when this returns, and the run is gone. */
static void end(struct run *x)
{
    uint32_t n = x->count;
    for (uint32_t i = 0; i < n; i++) {
        struct wanted *w = &x->wanted[i];
        if (w->status == HSM_OK && w->done < w->r.count)
            w->status = HSM_DEVICE;
        w->over = true;
        if (mover_tell(x, w))
            return;
    }
}

static void flushed(struct port_io *io)
{
    struct run *x = io->arg;
    enum hsm_status s = mover_status(io);
    x->reading = false;
    x->flushed = true;
    x->dead = s == HSM_DEVICE;
    for (uint32_t i = 0; s != HSM_OK && i < x->count; i++)
        if (x->wanted[i].status == HSM_OK)
            x->wanted[i].status = s;
    end(x);
}

static void submit(struct run *x, enum port_io_op op, uint64_t sector,
                   void (*done)(struct port_io *io), struct rope *data)
{
    struct mover *m = x->drive->m;
    ASSERT_MSG(op != PORT_IO_WRITE || mover_has_medium(x), "MOV4");
    x->reading = true; /* the drive has a request of ours */
    x->io = (struct port_io){
        .op = op, .sector = sector, .sectors = op == PORT_IO_WRITE, .done = done, .arg = x
    };
    rope_init(&x->io.data);
    if (data != NULL)
        rope_move(&x->io.data, data);
    port_work(m->port, PORT_WORK_IO, 1);
    port_blk_submit(m->port, x->drive->device, &x->io);
}

void mover_write_on(struct run *x)
{
    struct rope block;
    fill(x);
    if (x->reading || x->flushed)
        return;
    if (!x->stopped && !mover_has_medium(x))
        mover_write_stop_at(x, 0, HSM_DEVICE);
    while (x->stopped && !list_empty(&x->slots)) {
        struct slot *s = LIST_ENTRY(x->slots.next, struct slot, link);
        if (s->pulls > 0)
            return;
        slot_free(x, s);
    }
    if (list_empty(&x->slots) && x->asked > 0)
        return; /* its drive is not free before */
    if (list_empty(&x->slots)) {
        submit(x, PORT_IO_FLUSH, 0, flushed, NULL);
        return;
    }
    struct slot *s = LIST_ENTRY(x->slots.next, struct slot, link);
    if (s->pulls > 0)
        return;
    rope_init(&block);
    for (uint32_t i = 0; i < s->count; i++)
        rope_join(&block, &s->pieces[i]);
    LIST_EACH (l, &s->parts)
        rope_join(&block, &LIST_ENTRY(l, struct mover_part, link)->data);
    submit(x, PORT_IO_WRITE, x->wanted[s->request].r.first + s->block, written, &block);
}

void mover_write_stop(struct run *x)
{
    mover_write_stop_at(x, 0, HSM_DEVICE);
    mover_write_on(x);
}

void mover_write(struct run *x)
{
    list_init(&x->slots);
    mover_write_on(x);
}
