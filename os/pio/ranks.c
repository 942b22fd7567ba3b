/* ranks.c: see ranks.h: a rank's side, and the messages. */
#include "os/pio/ranks_internal.h"

#include <string.h>

/* ---- messages ---- */

void ranks_store(struct rope *out, const struct ranks_msg *m)
{
    const uint32_t low[] = { m->status, m->flags, m->what, m->mode, m->rank,
                             m->ranks,  m->round, m->cuts, m->own,  (uint32_t)strlen(m->tag) };
    const uint64_t high[] = { m->key, m->value, m->size, m->pointer };
    uint8_t b[RANKS_HEAD];
    for (size_t i = 0; i < ARRAY_LEN(low); i++)
        wire_put32(b + 4 * i, low[i]);
    for (size_t i = 0; i < ARRAY_LEN(high); i++)
        wire_put64(b + 40 + 8 * i, high[i]);
    rope_add_bytes(out, b, sizeof b);
    rope_add_bytes(out, m->tag, low[9]);
}

bool ranks_load(struct rope *in, struct ranks_msg *m)
{
    uint32_t tag = 0;
    uint8_t b[RANKS_HEAD];
    *m = (struct ranks_msg){ .status = PIO_IO_ERROR };
    uint32_t *const low[] = { &m->status, &m->flags, &m->what, &m->mode, &m->rank,
                              &m->ranks,  &m->round, &m->cuts, &m->own,  &tag };
    uint64_t *const high[] = { &m->key, &m->value, &m->size, &m->pointer };
    if (in->length < sizeof b)
        return false;
    rope_take_front(in, sizeof b, b);
    for (size_t i = 0; i < ARRAY_LEN(low); i++)
        *low[i] = wire_get32(b + 4 * i);
    for (size_t i = 0; i < ARRAY_LEN(high); i++)
        *high[i] = wire_get64(b + 40 + 8 * i);
    if (tag > RANKS_TAG || in->length < tag || m->status >= PIO_STATUS_COUNT)
        return false;
    rope_take_front(in, tag, m->tag);
    return true;
}

/* ---- ops ---- */

static void ask(struct ranks_file *f);

static struct ranks_op *first(struct ranks_file *f)
{
    return LIST_ENTRY(f->ops.next, struct ranks_op, link);
}

void ranks_took(struct ranks_file *f, const struct ranks_msg *m)
{
    struct ranks_op *op = first(f);
    if (m->status == PIO_OK && (m->flags & RANKS_NEED)) {
        op->cuts = m->cuts;
        f->size(op);
        return;
    }
    op->status = (enum pio_status)m->status;
    op->off = m->value;
    op->len = m->size;
    op->round = m->round;
    if (op->status == PIO_OK)
        f->pointer = m->pointer;
    list_remove(&op->link);
    if (!list_empty(&f->ops)) /* the next in order asks */
        ask(f);
    op->done(op);
}

static void replied(void *arg, enum xk_status status, struct rope *reply)
{
    struct ranks_msg m = { .status = PIO_NODE_DOWN };
    if (status == XK_OK && !ranks_load(reply, &m))
        m.status = PIO_IO_ERROR;
    ranks_took(arg, &m);
}

static void ask(struct ranks_file *f)
{
    const struct ranks_op *op = first(f);
    struct ranks *r = f->r;
    struct ranks_msg m = { .status = op->status,
                           .flags = op->traits | (op->write ? RANKS_WRITE : 0u) |
                                    (op->sized ? RANKS_SIZED : 0u),
                           .what = op->what,
                           .mode = (uint32_t)op->mode,
                           .rank = f->rank,
                           .ranks = f->ranks,
                           .cuts = op->cuts,
                           .key = f->key,
                           .value = op->value,
                           .size = op->size };
    if (f->own != NULL) {
        struct ranks_call *x = port_alloc(r->port, sizeof *x);
        x->file = f;
        x->m = m;
        list_init(&x->link);
        ranks_place_op(r, f->own, x);
        return;
    }
    struct rope out;
    rope_init(&out);
    ranks_store(&out, &m);
    enum xk_status s =
        select_call(r->rpc, r->layout->compute[0], RANKS_SERVICE, RANKS_OP, &out, replied, f);
    rope_fini(&out);
    if (s == XK_BUSY) {
        list_push(&r->again, &f->again);
        if (!port_timer_pending(&r->timer))
            port_timer_set(&r->timer, r->retry_delay);
    } else if (s != XK_OK) {
        replied(f, s, NULL);
    }
}

static void tick(struct port_timer *t)
{
    struct ranks *r = t->arg;
    struct list again, *l;
    list_init(&again);
    list_splice(&again, &r->again);
    while ((l = list_pop(&again)) != NULL)
        ask(LIST_ENTRY(l, struct ranks_file, again));
}

void ranks_submit(struct ranks_op *op)
{
    struct ranks_file *f = op->file;
    op->sized = false;
    op->status = PIO_OK;
    list_push(&f->ops, &op->link);
    if (f->ops.next == &op->link)
        ask(f);
}

void ranks_size(struct ranks_op *op, enum pio_status s, uint64_t size)
{
    op->sized = true;
    op->size = size;
    op->status = s;
    ask(op->file);
}

static void wake(struct ranks_op *op)
{
    struct port_thread *t = op->arg;
    op->arg = NULL;
    port_thread_wake(op->file->r->port, t);
}

enum pio_status ranks_wait(struct ranks_op *op)
{
    struct port *p = op->file->r->port;
    op->done = wake;
    op->arg = port_thread_self(p);
    ranks_submit(op);
    while (op->arg != NULL)
        port_thread_block(p, "other ranks", op->file->key);
    return op->status;
}

/* ---- calls of threads ---- */

static enum pio_status call(struct ranks *r, enum ranks_proc proc, struct ranks_msg *m)
{
    struct rope out, in;
    rope_init(&out);
    ranks_store(&out, m);
    enum pio_status s = PIO_NODE_DOWN;
    if (select_call_wait(r->rpc, r->layout->compute[0], RANKS_SERVICE, proc, &out, &in) == XK_OK)
        s = ranks_load(&in, m) ? (enum pio_status)m->status : PIO_IO_ERROR;
    rope_fini(&out);
    rope_fini(&in);
    return s;
}

static enum pio_status call_of(const struct ranks_file *f, enum ranks_proc proc, uint64_t limit)
{
    struct ranks_msg m = { .key = f->key, .rank = f->rank, .ranks = f->ranks, .size = limit };
    return call(f->r, proc, &m);
}

struct ranks_file *ranks_open(struct ranks *r, uint64_t key, uint32_t rank, uint32_t ranks,
                              bool in_group, uint64_t limit, void (*size)(struct ranks_op *op),
                              void *arg)
{
    struct ranks_file *f = port_alloc(r->port, sizeof *f);
    f->r = r;
    f->key = key;
    f->rank = ranks > 1 ? rank : 0;
    f->ranks = ranks > 1 ? ranks : 1;
    f->size = size;
    f->arg = arg;
    list_init(&f->again);
    list_init(&f->ops);
    if (f->ranks == 1)
        f->own = ranks_group_own(r, limit);
    else if (!in_group) /* without a place what they call together ends with its error */
        (void)call_of(f, RANKS_JOIN, limit);
    return f;
}

void ranks_close(struct ranks_file *f)
{
    if (f->own != NULL)
        ranks_group_drop(f->r, f->own);
    else
        (void)call_of(f, RANKS_LEAVE, 0);
    port_free(f->r->port, f);
}

void ranks_cut(struct ranks_file *f)
{
    if (f->own != NULL)
        ranks_group_cut(f->own);
    else
        (void)call_of(f, RANKS_CUT, 0);
}

void *ranks_arg(const struct ranks_file *f)
{
    return f->arg;
}

uint64_t ranks_pointer(const struct ranks_file *f)
{
    return f->pointer;
}

enum pio_status ranks_meet(struct ranks *r, struct ranks_meeting *t)
{
    struct ranks_msg m = { .what = (uint32_t)t->kind,
                           .rank = t->rank,
                           .ranks = t->ranks,
                           .own = t->flags,
                           .key = t->key,
                           .value = t->value,
                           .size = t->limit };
    size_t n = strlen(t->tag);
    ASSERT(n <= RANKS_TAG);
    memcpy(m.tag, t->tag, n);
    enum pio_status s = call(r, RANKS_MEET, &m);
    t->value = m.value;
    t->key = m.key;
    t->flags = m.own;
    t->alike = m.flags & RANKS_ALIKE;
    return s;
}

struct spread *ranks_spread(struct ranks *r)
{
    return r->spread;
}

/* ---- boot ---- */

struct ranks_params {
    int64_t rpc;
    sim_time retry_delay;
};
static const struct param params_desc[] = {
    P_SIZE(ranks_params, rpc, "256KiB", "1KiB", "64MiB",
           "Data bytes of one call to another rank at most; what the calls of the protocol graph "
           "carry bounds it too.",
           "ASSUMED(as PFS's)"),
    P_TIME(ranks_params, retry_delay, "10ms", "1us", "1h",
           "Pause before a refused call is made again.", "ASSUMED(as PFS's)"),
    P_END,
};

static void *start(struct os_node *n, const struct os_service *s, struct xk_protl *over)
{
    const struct ranks_params *p = s->params;
    struct ranks *r = port_alloc(n->port, sizeof *r);
    uint64_t most = select_max_bytes(over) - SPREAD_HEAD;
    r->port = n->port;
    r->rpc = over;
    r->layout = n->layout;
    r->retry_delay = p->retry_delay;
    list_init(&r->again);
    port_timer_init(n->port, &r->timer, tick, r);
    r->spread = spread_start(over, n->layout->compute, RANKS_SERVICE, RANKS_SPREAD,
                             (uint64_t)p->rpc < most ? (uint64_t)p->rpc : most, p->retry_delay);
    ranks_place_boot(r);
    return r;
}

const struct os_service_ops ranks_service = {
    .kind = { .name = "ranks",
              .doc = "Ranks that share a file meet: the pointers of \"pfs_on_vesta\".",
              .params = params_desc,
              .params_size = sizeof(struct ranks_params) },
    .on = "compute",
    .over = "rpc",
    .protocol = &select_protl,
    .start = start,
};
