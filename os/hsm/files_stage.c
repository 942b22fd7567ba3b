/* files_stage.c: pieces of files on their way from tape to disk.
 *
 * A pull is one request to the archive for some pieces in a row.  Its bytes come in any order; a
 * piece that is complete is written below, and is here when that has ended.
 */
#include "os/hsm/files_internal.h"

/* ---- pieces ---- */

static uint64_t piece_bytes(const struct hsm_file *f)
{
    uint64_t n = (uint64_t)f->h->params->piece;
    while ((f->rec.tape + n - 1) / n > HSM_PIECES)
        n *= 2;
    return n;
}

void hsm_pieces_of(const struct hsm_file *f, uint64_t off, uint64_t len, uint32_t *lo, uint32_t *hi)
{
    uint64_t n = piece_bytes(f), end = off + len < f->rec.tape ? off + len : f->rec.tape;
    *lo = *hi = 0;
    if (off >= end)
        return;
    *lo = (uint32_t)(off / n);
    *hi = (uint32_t)((end - 1) / n) + 1;
}

uint64_t hsm_tape_bytes(const struct hsm_file *f, uint32_t lo, uint32_t hi)
{
    uint64_t n = piece_bytes(f), end = hi * n < f->rec.tape ? hi * n : f->rec.tape;
    return end > lo * n ? end - lo * n : 0;
}

void hsm_not_here(struct hsm_file *f)
{
    struct port *p = f->h->sys.port;
    uint64_t n = piece_bytes(f);
    hsm_early_wasted(f);
    port_free(p, f->piece);
    f->pieces = (uint32_t)((f->rec.tape + n - 1) / n);
    f->piece = port_alloc(p, f->pieces + 1);
    f->whole = false;
}

void hsm_is_whole(struct hsm_file *f)
{
    if (f->whole)
        return;
    for (uint32_t i = 0; i < f->pieces; i++)
        if (!(f->piece[i] & PIECE_HERE))
            return;
    port_free(f->h->sys.port, f->piece);
    f->piece = NULL;
    f->whole = true;
    if (!f->settling) {
        f->settling = true;
        list_push(&f->h->settle, &f->settle);
        hsm_kick(f->h);
    }
}

/* Calls fn for the pieces that a list touches, until it says false. */
static bool each_piece(const struct hsm_file *f, const struct file_req *r,
                       bool (*fn)(const struct hsm_file *f, uint32_t i))
{
    uint64_t n = piece_bytes(f);
    for (uint32_t k = 0; k < r->run_count; k++) {
        const struct file_run *x = &r->runs[k];
        for (uint64_t j = 0; j < x->count && x->len > 0; j++) {
            uint32_t lo, hi;
            uint64_t at = x->off + j * x->stride;
            if (at >= f->rec.tape)
                break;
            hsm_pieces_of(f, at, x->len, &lo, &hi);
            for (uint32_t i = lo; i < hi; i++)
                if (!fn(f, i))
                    return false;
            if (x->stride > 0 && at + x->stride + x->len <= lo * n + n) /* as many in that piece */
                j += (lo * n + n - at - x->len) / x->stride - 1;
        }
    }
    return true;
}

static bool is_here(const struct hsm_file *f, uint32_t i)
{
    return f->piece[i] & PIECE_HERE;
}

bool hsm_all_here(const struct hsm_file *f, const struct file_req *r)
{
    return f->whole || each_piece(f, r, is_here);
}

static bool want(const struct hsm_file *f, uint32_t i)
{
    f->piece[i] |= PIECE_WANTED;
    return true;
}

/* ---- what was staged before anybody asked ---- */

static void early(struct hsm_file *f, uint32_t lo, uint32_t hi)
{
    if (f->early == NULL) {
        f->early = port_alloc(f->h->sys.port, f->pieces + 1);
        f->early_count = f->pieces;
    }
    for (uint32_t i = lo; i < hi && i < f->early_count; i++) {
        f->h->counts.early += f->early[i] == 0;
        f->early[i] = 1;
    }
}

void hsm_early_used(struct hsm_file *f, uint64_t off, uint64_t len)
{
    uint32_t lo, hi;
    if (f->early == NULL)
        return;
    hsm_pieces_of(f, off, len, &lo, &hi);
    for (uint32_t i = lo; i < hi && i < f->early_count; i++) {
        f->h->counts.early_used += f->early[i];
        f->early[i] = 0;
    }
}

void hsm_early_wasted(struct hsm_file *f)
{
    for (uint32_t i = 0; i < f->early_count; i++)
        f->h->counts.early_wasted += f->early[i];
    port_free(f->h->sys.port, f->early);
    f->early = NULL;
    f->early_count = 0;
}

static bool missing(const struct hsm_file *f, uint32_t i)
{
    return !(f->piece[i] & (PIECE_HERE | PIECE_COMING | PIECE_OVER));
}

/* ---- what is pulled next ---- */

static bool mark(const struct hsm_file *f, uint32_t lo, uint32_t hi, uint32_t *first)
{
    for (uint32_t i = lo; i < hi; i++) {
        f->piece[i] |= PIECE_WANTED;
        if (*first == UINT32_MAX && missing(f, i))
            *first = i;
    }
    return true;
}

/* The first piece that somebody waits for, in the order of the queue. */
static uint32_t first_wanted(const struct hsm_file *f)
{
    uint32_t first = UINT32_MAX;
    for (uint32_t i = 0; i < f->pieces; i++)
        f->piece[i] &= (uint8_t)~PIECE_WANTED;
    LIST_EACH (l, &f->needs) {
        const struct hsm_need *n = LIST_ENTRY(l, struct hsm_need, link);
        if (n->status == FILE_OK)
            (void)mark(f, n->lo, n->hi, &first);
    }
    LIST_EACH (l, &f->queue) {
        const struct hsm_item *i = LIST_ENTRY(l, struct hsm_item, link);
        if (!i->read)
            break;
        if (i->direct || i->asked || (i->r->uid != 0 && !i->may))
            continue;
        if (i->all)
            (void)mark(f, 0, f->pieces, &first);
        else
            (void)each_piece(f, i->r, want);
    }
    for (uint32_t i = 0; i < f->pieces && first == UINT32_MAX; i++)
        if ((f->piece[i] & PIECE_WANTED) && missing(f, i))
            first = i;
    return first;
}

static uint32_t first_asked(const struct hsm_file *f)
{
    for (uint32_t i = 0; i < f->pieces; i++)
        if ((f->piece[i] & PIECE_ASKED) && missing(f, i))
            return i;
    return UINT32_MAX;
}

bool hsm_ask(struct hsm_file *f, uint64_t off, uint64_t len)
{
    uint32_t lo, hi;
    bool any = false;
    if (f->whole || f->gone || f->scattered)
        return false;
    hsm_pieces_of(f, off, len, &lo, &hi);
    for (uint32_t i = lo; i < hi; i++)
        if (missing(f, i)) {
            f->piece[i] |= PIECE_ASKED;
            any = true;
        }
    return any;
}

static void ask_no_more(struct hsm_file *f)
{
    for (uint32_t i = 0; i < f->pieces; i++)
        f->piece[i] &= (uint8_t)~PIECE_ASKED;
    f->h->counts.dropped++;
}

/* ---- a pull ---- */

struct inward { /* one piece of it */
    struct pull *p;
    struct list parts;
    uint64_t got;
    bool whole; /* it goes, or went, to the disk: what comes of it once more is dropped */
    struct file_req write;
};

struct pull {
    struct bitfile_call call;
    struct hsm_file *f;
    uint32_t lo, hi;
    struct inward *in, *all; /* of each piece; of those that were asked for at first */
    uint32_t writing;
    int64_t tries;
    sim_time since;
    bool ended;
    enum file_status status;
    struct port_timer again;
};

void hsm_part_add(struct port *p, struct list *parts, uint64_t off, struct rope *data)
{
    struct hsm_part *x = port_alloc(p, sizeof *x);
    struct list *l = parts;
    x->off = off;
    rope_move(&x->data, data);
    while (l->prev != parts && LIST_ENTRY(l->prev, struct hsm_part, link)->off > off)
        l = l->prev;
    list_push(l, &x->link); /* before l */
}

void hsm_parts_join(struct port *p, struct list *parts, struct rope *out)
{
    for (struct list *l; (l = list_pop(parts)) != NULL;) {
        struct hsm_part *x = LIST_ENTRY(l, struct hsm_part, link);
        rope_join(out, &x->data);
        port_free(p, x);
    }
}

static void drop_parts(struct port *p, struct list *parts)
{
    struct rope out;
    rope_init(&out);
    hsm_parts_join(p, parts, &out);
    rope_fini(&out);
}

static void pull_end(struct pull *x);

static void piece_written(struct file_req *r)
{
    struct inward *in = r->arg;
    struct pull *x = in->p;
    struct hsm_file *f = x->f;
    uint32_t i = x->lo + (uint32_t)(in - x->in);
    x->writing--;
    f->busy--;
    if (r->status != FILE_OK) {
        x->status = x->status == FILE_OK ? r->status : x->status;
        f->scattered |= r->status == FILE_SCATTERED;
    } else {
        f->piece[i] &= (uint8_t) ~(PIECE_COMING | PIECE_ASKED);
        f->piece[i] |= PIECE_HERE;
        f->h->counts.staged += hsm_tape_bytes(f, i, i + 1);
    }
    bool over = x->ended && x->writing == 0;
    if (over) {
        pull_end(x);
        return;
    }
    if (r->status == FILE_OK) {
        hsm_is_whole(f);
        hsm_wake(f->h);
        hsm_pump(f);
    }
}

static void write_piece(struct pull *x, uint32_t i)
{
    struct inward *in = &x->in[i - x->lo];
    struct hsm_file *f = x->f;
    file_req_init(&in->write, FILE_WRITE, piece_written, in);
    in->write.file = f->rec.file;
    hsm_parts_join(f->h->sys.port, &in->parts, &in->write.data);
    file_range(&in->write, i * piece_bytes(f), in->write.data.length);
    in->whole = true;
    x->writing++;
    f->busy++;
    file_submit(f->h->sys.below, &in->write);
}

static void take(struct bitfile_call *c, uint64_t offset, struct rope *data)
{
    struct pull *x = CONTAINER_OF(c, struct pull, call);
    const struct hsm_file *f = x->f;
    uint64_t n = piece_bytes(f);
    while (data->length > 0) {
        uint32_t i = (uint32_t)(offset / n);
        uint64_t end = (i + UINT64_C(1)) * n, len = data->length;
        struct inward *in = &x->in[i - x->lo];
        struct rope one;
        ASSERT(i >= x->lo && i < x->hi);
        len = offset + len > end ? end - offset : len;
        rope_init(&one);
        rope_add_slice(&one, data, 0, len);
        rope_drop_front(data, len);
        if (!in->whole) {
            hsm_part_add(f->h->sys.port, &in->parts, offset, &one);
            in->got += len;
        }
        rope_fini(&one);
        offset += len;
        if (!in->whole && in->got == hsm_tape_bytes(f, i, i + 1))
            write_piece(x, i);
    }
}

/* Some bytes of a call that failed may have come. */
static void start(struct pull *x)
{
    struct hsm_file *f = x->f;
    struct hsm *h = f->h;
    /* from the first piece that did not come */
    for (; x->lo + 1 < x->hi && x->in->whole; x->lo++)
        x->in++;
    for (uint32_t i = 0; i < x->hi - x->lo; i++) {
        drop_parts(h->sys.port, &x->in[i].parts);
        x->in[i].got = 0;
    }
    x->call.op = BITFILE_READ;
    x->call.id = f->rec.bitfile - 1;
    x->call.offset = x->lo * piece_bytes(f);
    x->call.length = hsm_tape_bytes(f, x->lo, x->hi);
    x->ended = false;
    h->counts.pulls++;
    h->door.ask(h->door.arg, &x->call);
}

static void again(struct port_timer *t)
{
    struct pull *x = t->arg;
    x->f->h->counts.again++;
    start(x);
}

static void came(struct bitfile_call *c)
{
    struct pull *x = CONTAINER_OF(c, struct pull, call);
    x->ended = true;
    if (x->writing == 0)
        pull_end(x);
}

/* Who waits for pieces that do not come hears it. */
void hsm_fail(struct hsm_file *f, uint32_t lo, uint32_t hi, enum file_status s)
{
    if (f->whole)
        return;
    LIST_EACH (l, &f->needs) {
        struct hsm_need *n = LIST_ENTRY(l, struct hsm_need, link);
        if (n->lo < hi && lo < n->hi && n->status == FILE_OK)
            n->status = s;
    }
    for (uint32_t i = 0; i < f->pieces; i++)
        f->piece[i] &= (uint8_t)~PIECE_WANTED;
    LIST_EACH_SAFE (l, next, &f->queue) {
        struct hsm_item *i = LIST_ENTRY(l, struct hsm_item, link);
        if (!i->read)
            break;
        if (i->direct || i->asked || (i->r->uid != 0 && !i->may))
            continue;
        bool its = i->all;
        (void)each_piece(f, i->r, want);
        for (uint32_t k = lo; k < hi; k++) {
            its |= (f->piece[k] & PIECE_WANTED) && missing(f, k);
            f->piece[k] &= (uint8_t)~PIECE_WANTED;
        }
        if (its && !(s == FILE_SCATTERED && !f->dirty))
            hsm_end_later(i, s);
    }
}

static void pull_end(struct pull *x)
{
    struct hsm_file *f = x->f;
    struct hsm *h = f->h;
    enum hsm_status from = x->call.status;
    bool once_more = (from == HSM_UNREACHABLE || from == HSM_DEVICE) && x->status == FILE_OK &&
                     !f->gone && ++x->tries < h->params->tries;
    if (once_more) {
        port_timer_set(&x->again, h->params->retry);
        return;
    }
    if (x->status == FILE_OK)
        x->status = hsm_file_status(from);
    hsm_said(f->h, from);
    if (x->status == FILE_OK)
        h->pull_time += port_now(h->sys.port) - x->since;
    else
        h->counts.failed++;
    f->pulls--;
    for (uint32_t i = x->lo; i < x->hi; i++) {
        drop_parts(h->sys.port, &x->in[i - x->lo].parts);
        if (!f->whole && !x->in[i - x->lo].whole)
            f->piece[i] &= (uint8_t) ~(PIECE_COMING | PIECE_ASKED);
        else if (!f->whole && x->status != FILE_OK)
            f->piece[i] &= (uint8_t)~PIECE_COMING; /* its write may have failed */
    }
    if (x->status != FILE_OK)
        hsm_fail(f, x->lo, x->hi, x->status);
    f->came = port_now(h->sys.port);
    hsm_is_whole(f);
    hsm_charge(f);
    port_free(h->sys.port, x->all);
    port_free(h->sys.port, x);
    if (!list_empty(&h->rooms) || f->gone)
        hsm_kick(h);
    hsm_wake(h);
    hsm_pump(f);
}

static void begin(struct hsm_file *f, uint32_t lo, uint32_t hi)
{
    struct port *p = f->h->sys.port;
    struct pull *x = port_alloc(p, sizeof *x);
    x->f = f;
    x->lo = lo;
    x->hi = hi;
    x->since = port_now(p);
    x->in = x->all = port_alloc(p, (hi - lo) * sizeof *x->in);
    for (uint32_t i = lo; i < hi; i++) {
        f->piece[i] |= PIECE_COMING;
        x->in[i - lo].p = x;
        list_init(&x->in[i - lo].parts);
        rope_init(&x->in[i - lo].write.data);
    }
    x->call.take = take;
    x->call.done = came;
    port_timer_init(p, &x->again, again, x);
    f->pulls++;
    start(x);
}

void hsm_pull(struct hsm_file *f)
{
    while (!f->whole && !f->gone && !f->alone && f->room == NULL && !f->scattered &&
           f->pulls < (uint64_t)f->h->params->pulls) {
        uint32_t lo = first_wanted(f), hi;
        bool asked = lo == UINT32_MAX;
        if (asked)
            lo = first_asked(f);
        if (lo == UINT32_MAX)
            return;
        for (hi = lo + 1; hi < f->pieces && hi - lo < (uint64_t)f->h->params->row; hi++)
            if (!missing(f, hi) || !(f->piece[hi] & (PIECE_ASKED | PIECE_WANTED)))
                break;
        if (hsm_reserve(f, hsm_tape_bytes(f, lo, hi))) {
            if (asked)
                early(f, lo, hi);
            begin(f, lo, hi);
        } else if (asked) {
            ask_no_more(f);
        } else {
            hsm_beg(f, hsm_tape_bytes(f, lo, hi));
        }
    }
}

enum file_status hsm_stage(struct hsm_file *f, uint32_t lo, uint32_t hi)
{
    struct hsm *h = f->h;
    if (f->whole || lo >= hi)
        return FILE_OK;
    struct hsm_need *n = port_alloc(h->sys.port, sizeof *n);
    *n = (struct hsm_need){ .lo = lo, .hi = hi, .status = FILE_OK };
    list_push(&f->needs, &n->link);
    if (hsm_tape_bytes(f, lo, hi) > h->space)
        n->status = hsm_too_large(f, hsm_tape_bytes(f, lo, hi));
    for (;;) {
        bool here = true;
        for (uint32_t i = lo; i < hi && !f->whole; i++)
            here &= is_here(f, i);
        if (here || n->status != FILE_OK)
            break;
        if (f->gone)
            n->status = FILE_NO_FILE;
        else if (f->scattered)
            n->status = FILE_SCATTERED;
        hsm_pull(f);
        if (n->status == FILE_OK)
            hsm_wait(h, "pieces from tape");
    }
    enum file_status s = n->status;
    list_remove(&n->link);
    port_free(h->sys.port, n);
    return s;
}

/* ---- past the disk ---- */

struct direct {
    struct bitfile_call call;
    struct hsm_item *i;
    struct list parts;
    struct file_window w;
    int64_t tries;
    struct port_timer again;
};

static void direct_take(struct bitfile_call *c, uint64_t offset, struct rope *data)
{
    struct direct *x = CONTAINER_OF(c, struct direct, call);
    hsm_part_add(x->i->f->h->sys.port, &x->parts, offset, data);
}

static void direct_again(struct port_timer *t)
{
    struct direct *x = t->arg;
    struct hsm *h = x->i->f->h;
    drop_parts(h->sys.port, &x->parts);
    h->counts.again++;
    h->door.ask(h->door.arg, &x->call);
}

/* Bytes of a list before the first that lies behind the end of the file (FILE3). */
static uint64_t before_end(const struct file_req *r, uint64_t end)
{
    uint64_t n = 0;
    for (uint32_t k = 0; k < r->run_count; k++)
        for (uint64_t j = 0; j < r->runs[k].count && r->runs[k].len > 0; j++) {
            uint64_t at = r->runs[k].off + j * r->runs[k].stride, len = r->runs[k].len;
            if (at + len > end)
                return n + (at < end ? end - at : 0);
            n += len;
        }
    return n;
}

static void direct_done(struct bitfile_call *c)
{
    struct direct *x = CONTAINER_OF(c, struct direct, call);
    struct hsm_file *f = x->i->f;
    struct hsm *h = f->h;
    struct file_req *r = x->i->r;
    struct rope all;
    if ((c->status == HSM_UNREACHABLE || c->status == HSM_DEVICE) &&
        ++x->tries < h->params->tries) {
        port_timer_set(&x->again, h->params->retry);
        return;
    }
    rope_init(&all);
    hsm_parts_join(h->sys.port, &x->parts, &all);
    file_req_begin(r);
    if (c->status == HSM_OK) {
        struct file_run have = { .off = x->w.lo, .len = x->w.hi - x->w.lo, .count = 1 };
        struct rope got;
        rope_init(&got);
        file_gather(h->sys.port, (struct file_list){ r->runs, r->run_count }, &have, 1, &all, &got);
        rope_add_slice(&r->data, &got, 0, before_end(r, f->rec.tape));
        rope_fini(&got);
        r->moved = r->data.length;
        hsm_waited(x->i);
    } else {
        h->counts.failed++;
    }
    rope_fini(&all);
    f->pulls--;
    hsm_said(h, c->status);
    hsm_end_later(x->i, hsm_file_status(c->status));
    port_free(h->sys.port, x);
    if (!list_empty(&h->rooms) || f->gone)
        hsm_kick(h);
    hsm_wake(h);
    hsm_pump(f);
}

void hsm_direct(struct hsm_item *i)
{
    struct hsm_file *f = i->f;
    struct hsm *h = f->h;
    struct direct *x = port_alloc(h->sys.port, sizeof *x);
    struct file_list l = { i->r->runs, i->r->run_count };
    x->i = i;
    list_init(&x->parts);
    x->w = file_list_hull(&l, 1, (struct file_window){ 0, UINT64_MAX });
    uint64_t end = x->w.hi < f->rec.tape ? x->w.hi : f->rec.tape; /* data that are shorter end it */
    x->call = (struct bitfile_call){ .op = BITFILE_READ,
                                     .id = f->rec.bitfile - 1,
                                     .offset = x->w.lo,
                                     .length = end - x->w.lo,
                                     .take = direct_take,
                                     .done = direct_done };
    port_timer_init(h->sys.port, &x->again, direct_again, x);
    f->pulls++;
    h->door.ask(h->door.arg, &x->call);
}
