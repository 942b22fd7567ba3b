/* job.c: see job.h. */
#include "workloads/io/job.h"

#include "os/nx/nx.h"
#include "workloads/io/loop.h"

struct file_rights io_user(const struct io_loop_params *p, uint32_t rank)
{
    uint32_t mode = 0;
    for (const char *c = io_perm_names[p->perm]; *c != 0; c++)
        mode = mode << 1 | (*c != '-');
    return (struct file_rights){ p->perm == 0 ? 0 : mode, (uint32_t)p->uid + p->own_users * rank,
                                 (uint32_t)p->gid };
}

bool io_good(const struct io_job *j, enum pio_status s, const char *what, const char *name)
{
    if (s == PIO_OK)
        return true;
    if (j->patience != NULL && j->patience->left > 0 && (s == PIO_SERVER_DOWN || s == PIO_STALE)) {
        j->patience->again = true;
        return false;
    }
    port_fail(j->node->port, "rank %u: %s of %s: %s", j->rank, what, name, pio_status_name(s));
    return false;
}

bool io_again(const struct io_job *j, sim_time pause)
{
    struct io_patience *x = j->patience;
    if (x == NULL || !x->again)
        return false;
    *x = (struct io_patience){ .left = x->left - 1 };
    port_thread_sleep(j->node->port, pause);
    return true;
}

bool io_agree(const struct io_job *j, const char *tag, bool mine)
{
    int64_t bad = !mine;
    if (j->resume > 0)
        return mine;
    if (j->meets_by_nx)
        return nx_gihigh(os_find(j->node, &nx_service), &bad, 1) == NX_OK && !bad;
    enum pio_status s = pio_agree(j->sys, tag, j->ranks, mine);
    return s != PIO_CLOSED && io_good(j, s, "meeting of all ranks", tag);
}

/* Bytes of the file, which compress the better the more of them are zero. */
static void add_bytes(const struct io_target *t, uint64_t off, uint64_t len, struct rope *out)
{
    uint8_t bytes[4096];
    if (t->zeros == 0) {
        rope_add_pattern(out, t->seed, off, len);
        return;
    }
    for (uint64_t n; len > 0; off += n, len -= n) {
        struct rope some;
        rope_init(&some);
        n = len < sizeof bytes ? len : sizeof bytes;
        rope_add_pattern(&some, t->seed, off, n);
        rope_read(&some, 0, n, bytes);
        rope_fini(&some);
        for (uint64_t i = 0; i < n; i++)
            if ((off + i) % IO_GRAIN >= IO_GRAIN - t->zeros)
                bytes[i] = 0;
        rope_add_bytes(out, bytes, n);
    }
}

/* The bytes that belong to the runs of a request, and behind each piece what no request touches. */
static void add_pattern(const struct io_target *t, const struct file_run *runs, uint32_t count,
                        uint64_t ghost, struct rope *out)
{
    for (uint32_t k = 0; k < count; k++)
        for (uint64_t i = 0; i < runs[k].count; i++) {
            add_bytes(t, runs[k].off + i * runs[k].stride, runs[k].len, out);
            if (ghost > 0)
                rope_add_pattern(out, ~t->seed, out->length, ghost);
        }
}

/* Where byte `at` of these bytes lies; true: behind that, in what no request touches. */
static bool place_of(const struct file_run *run, uint64_t ghost, uint64_t at,
                     unsigned long long *place)
{
    for (; at >= (run->len + ghost) * run->count; run++)
        at -= (run->len + ghost) * run->count;
    uint64_t piece = at / (run->len + ghost), in = at % (run->len + ghost);
    *place = run->off + piece * run->stride + (in < run->len ? in : run->len - 1);
    return in >= run->len;
}

/* Every byte must be the pattern's at its offset. */
static bool verify(const struct io_job *j, const struct io_target *t, const struct pio_req *q,
                   const struct file_run *list, uint32_t count)
{
    struct rope want;
    const struct file_run moved = { .off = q->off, .len = q->moved, .count = 1 };
    bool named = j->sys->ops->mode(t->f->mode) & PIO_MODE_OFFSETS;
    const struct file_run *runs = named ? list : &moved;
    rope_init(&want);
    if (t->expect != NULL)
        t->expect(t, runs, named ? count : 1, &want);
    else
        add_pattern(t, runs, named ? count : 1, t->ghost, &want);
    uint64_t at = rope_first_difference(&q->data, &want);
    if (at != UINT64_MAX) {
        unsigned long long where;
        bool behind = place_of(runs, t->ghost, at, &where);
        uint8_t got = 0, expected = 0;
        rope_read(&q->data, at, 1, &got);
        rope_read(&want, at, 1, &expected);
        port_fail(j->node->port, "rank %u: %sbyte %llu of file %s is 0x%02x, written was 0x%02x",
                  j->rank, behind ? "memory behind " : "", where, t->name, got, expected);
    }
    rope_fini(&want);
    return at == UINT64_MAX;
}

/* The request's data; with ghosts, as they lie in the rank's memory, or will. */
static void lay_out(const struct io_job *j, struct io_transfer *x)
{
    const struct io_target *t = x->t;
    if (t->ghost == 0) {
        if (x->q.op == PIO_WRITE)
            add_pattern(t, x->runs, x->count, 0, &x->q.data);
        return;
    }
    uint64_t at = 0;
    x->places = port_alloc(j->node->port, (x->count + 1) * sizeof *x->places);
    for (uint32_t k = 0; k < x->count; k++) {
        uint64_t stride = x->runs[k].len + t->ghost;
        x->places[k] = (struct file_run){ at, x->runs[k].len, stride, x->runs[k].count };
        at += stride * x->runs[k].count;
    }
    if (x->q.op == PIO_WRITE)
        add_pattern(t, x->runs, x->count, t->ghost, &x->buffer);
    else
        rope_add_pattern(&x->buffer, ~t->seed, 0, at);
    x->memory =
        (struct pio_memory){ .buffer = &x->buffer, .runs = x->places, .run_count = x->count };
    x->q.memory = &x->memory;
}

static void prepare(const struct io_job *j, const struct io_target *t, enum pio_op op,
                    const struct file_run *runs, uint32_t count, struct io_transfer *x)
{
    *x = (struct io_transfer){ .t = t, .runs = runs, .count = count };
    x->seen = (struct file_run){ .off = t->at, .len = pio_length(runs, count), .count = 1 };
    rope_init(&x->buffer);
    pio_req_init(&x->q, op, t->f);
    x->q.runs = t->view ? &x->seen : runs;
    x->q.run_count = t->view ? 1 : count;
    lay_out(j, x);
}

void io_start(const struct io_job *j, const struct io_target *t, enum pio_op op,
              const struct file_run *runs, uint32_t count, struct io_transfer *x)
{
    prepare(j, t, op, runs, count, x);
    pio_submit(&x->q);
}

bool io_finish(const struct io_job *j, struct io_transfer *x)
{
    struct pio_req *q = &x->q;
    const struct io_target *t = x->t;
    bool read = q->op == PIO_READ;
    bool fine =
        q->status != PIO_CANCELLED && io_good(j, q->status, read ? "read" : "write", t->name);
    if (fine && q->moved != x->seen.len) {
        port_fail(j->node->port, "rank %u: %llu of %llu bytes at %llu of file %s", j->rank,
                  (unsigned long long)q->moved, (unsigned long long)x->seen.len,
                  (unsigned long long)q->off, t->name);
        fine = false;
    }
    if (q->memory != NULL)
        rope_move(&q->data, &x->buffer);
    if (fine && read) {
        port_delivered(j->node->port, q->moved, rope_hash(&q->data));
        fine = !j->verify || verify(j, t, q, x->runs, x->count);
    }
    rope_fini(&q->data);
    rope_fini(&x->buffer);
    port_free(j->node->port, x->places);
    return fine;
}

/* Through the target's view.  (blocks) */
static void move_typed(const struct io_target *t, struct pio_req *q)
{
    struct fview *v = t->typed;
    struct fview_io x;
    fview_io_init(&x, q->op, pio_length(q->runs, q->run_count) / v->etype);
    x.by = FVIEW_AT;
    x.off = t->at / v->etype;
    x.together = t->coll->ops != &coll_list;
    x.memory = q->memory;
    rope_move(&x.data, &q->data);
    q->status = fview_transfer(v, &x);
    rope_move(&q->data, &x.data);
    q->moved = x.moved;
    q->split = x.split;
}

/* By the target's method.  (blocks) */
static void move(const struct io_target *t, struct pio_req *q)
{
    struct coll_part x = {
        .op = q->op, .runs = q->runs, .run_count = q->run_count, .memory = q->memory
    };
    if (t->typed) {
        move_typed(t, q);
        return;
    }
    if (!t->coll) {
        pio_submit(q);
        (void)pio_wait(q);
        return;
    }
    rope_move(&x.data, &q->data);
    q->status = coll_transfer(t->coll, &x);
    rope_move(&q->data, &x.data);
    q->off = x.off;
    q->moved = x.moved;
    q->split = x.split;
}

bool io_transfer(const struct io_job *j, const struct io_target *t, enum pio_op op,
                 const struct file_run *runs, uint32_t count, struct pio_split *sum)
{
    struct io_transfer x;
    prepare(j, t, op, runs, count, &x);
    move(t, &x.q);
    sum->latency += x.q.split.latency;
    sum->client += x.q.split.client;
    sum->mesh += x.q.split.mesh;
    sum->queue += x.q.split.queue;
    sum->arm += x.q.split.arm;
    return io_finish(j, &x);
}

void io_report(const struct io_job *j, const struct measure *measures, const struct pio_split *s,
               uint64_t moved)
{
    struct port *port = j->node->port;
    const sim_time times[] = { [IO_LATENCY] = s->latency,
                               [IO_CLIENT] = s->client,
                               [IO_MESH] = s->mesh,
                               [IO_QUEUE] = s->queue,
                               [IO_ARM] = s->arm };
    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        port_measure(port, &measures[i], (double)times[i] / (double)SIM_SEC);
    port_progress(port, port_now(port) - s->latency, (double)moved);
}
