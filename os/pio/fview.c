/* fview.c: see fview.h. */
#include "os/pio/fview.h"

#include "os/file/pieces.h"

void fview_init(struct fview *v, struct pio_file *f, struct coll *c)
{
    *v = (struct fview){ .file = f, .coll = c, .etype = 1, .type = ftype_bytes(1) };
}

static unsigned traits_of(const struct fview *v)
{
    return v->file->sys->ops->mode(v->file->mode);
}

enum pio_status fview_set(struct fview *v, uint64_t disp, uint64_t etype, const struct ftype *type)
{
    bool tiles = type->ordered && type->extent >= type->end;
    if (etype == 0 || type->size % etype != 0 || !tiles || disp > FTYPE_SIZE_MAX)
        return PIO_BAD_LAYOUT;
    v->disp = disp;
    v->etype = etype;
    v->type = *type;
    v->at = 0;
    if (v->file->rank > 0 || traits_of(v) & PIO_MODE_OFFSETS || !type->dense)
        return PIO_OK;
    struct pio_control c = { .what = PIO_SEEK, .value = disp };
    return pio_control(v->file->sys, v->file, &c);
}

void fview_io_init(struct fview_io *x, enum pio_op op, uint64_t count)
{
    *x = (struct fview_io){ .op = op, .by = FVIEW_OWN, .count = count };
    rope_init(&x->data);
}

struct file_run *ftype_runs(struct port *port, const struct ftype *t, uint64_t at, uint64_t pos,
                            uint64_t bytes, uint32_t *count)
{
    struct file_runs l = { .runs = NULL };
    for (uint64_t end = pos + bytes, len; pos < end; pos += len) {
        uint64_t place = at + ftype_place(t, pos, &len);
        len = len < end - pos ? len : end - pos;
        file_runs_add(port, &l, place, len);
    }
    file_runs_end(&l);
    *count = l.count;
    return l.runs;
}

/* Where a request is to take place; false: not by that here. */
static bool placed(const struct fview *v, struct fview_io *x)
{
    bool named = traits_of(v) & PIO_MODE_OFFSETS;
    if (x->by == FVIEW_OWN)
        x->off = v->at;
    if (x->by == FVIEW_SHARED)
        x->off = 0;
    return named == (x->by != FVIEW_SHARED) && (named || v->type.dense) &&
           (!x->together || v->coll != NULL);
}

/* As much is asked for as there is, here and in the file. */
static bool fits(const struct fview *v, const struct fview_io *x)
{
    uint64_t most = FTYPE_SIZE_MAX / v->etype, bytes = x->count * v->etype;
    if (x->count > most || x->off > most - x->count || (v->type.size == 0 && x->count > 0))
        return false;
    if (x->memory)
        return pio_fits(x->memory, bytes);
    return x->op == PIO_READ || x->data.length == bytes;
}

static enum pio_status alone(struct fview *v, struct coll_part *p, uint64_t *off)
{
    struct pio_req q;
    if (p->run_count == 0)
        return PIO_OK;
    pio_req_init(&q, p->op, v->file);
    q.runs = p->runs;
    q.run_count = p->run_count;
    q.memory = p->memory;
    rope_move(&q.data, &p->data);
    pio_submit(&q);
    enum pio_status s = pio_wait(&q);
    rope_move(&p->data, &q.data);
    p->moved = q.moved;
    p->split = q.split;
    *off = q.off;
    return s;
}

enum pio_status fview_transfer(struct fview *v, struct fview_io *x)
{
    struct port *port = v->file->sys->node->port;
    struct coll_part p = { .op = x->op, .memory = x->memory };
    uint64_t off = v->disp;
    x->moved = 0;
    x->split = (struct pio_split){ 0 };
    if (!placed(v, x))
        return PIO_UNSUPPORTED;
    if (!fits(v, x))
        return PIO_BAD_LIST;
    rope_init(&p.data);
    if (x->op == PIO_WRITE)
        rope_move(&p.data, &x->data);
    rope_fini(&x->data);
    struct file_run *runs =
        ftype_runs(port, &v->type, v->disp, x->off * v->etype, x->count * v->etype, &p.run_count);
    p.runs = runs;
    enum pio_status s = x->together ? coll_transfer(v->coll, &p) : alone(v, &p, &off);
    port_free(port, runs);
    rope_move(&x->data, &p.data);
    if (s == PIO_OK && x->by == FVIEW_OWN)
        v->at += x->count;
    if (s == PIO_OK && x->by == FVIEW_SHARED && p.run_count > 0)
        x->off = ((x->together ? p.off : off) - v->disp) / v->etype;
    x->moved = s == PIO_OK ? p.moved : 0;
    x->split = p.split;
    return s;
}
