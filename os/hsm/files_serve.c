/* files_serve.c: requests that need a commit, or pieces from tape: one after the other, in a thread
 * of their file.
 */
#include "os/hsm/files_internal.h"

#include <string.h>

static enum file_status may_change(struct hsm_file *f, const struct file_req *r)
{
    struct file_req q;
    struct file_rights who = { .uid = r->uid, .gid = r->gid };
    if (r->uid == 0)
        return FILE_OK;
    enum file_status s = hsm_below(f->h, FILE_STAT, f->rec.file, 0, &q);
    struct file_rights of = { q.attr.mode, q.attr.uid, q.attr.gid };
    return s == FILE_OK && !file_may(&who, &of, 02) ? FILE_DENIED : s;
}

/* What a hint to the archive asks for (os/file/file.h). */
static enum file_status may_tell(struct hsm_file *f, const struct file_req *r)
{
    struct file_req q;
    struct file_rights who = { .uid = r->uid, .gid = r->gid };
    if (r->uid == 0)
        return FILE_OK;
    enum file_status s = hsm_below(f->h, FILE_STAT, f->rec.file, 0, &q);
    struct file_rights of = { q.attr.mode, q.attr.uid, q.attr.gid };
    bool may = r->hint == FILE_STAGE ? file_may(&who, &of, 04) : file_owns(&who, &of);
    return s == FILE_OK && !may ? FILE_DENIED : s;
}

/* The disk has all of it, and nobody needs its bitfile any more: the mover removes that. */
static void let_go(struct hsm_file *f)
{
    if (!f->rec.whole || !f->rec.dirty || f->rec.other != 0 || f->migrating || f->pulls > 0)
        return;
    f->rec.other = f->rec.bitfile;
    f->rec.bitfile = 0;
    f->rec.dirty = false;
    hsm_unplace(f);
}

/* From now on the file may differ from its bitfile. */
static enum file_status own(struct hsm_file *f)
{
    if (!hsm_clean(f))
        return FILE_OK;
    f->rec.dirty = true;
    f->rec.size = f->size;
    memset(f->rec.here, 0, sizeof f->rec.here);
    let_go(f);
    enum file_status s = hsm_commit(f);
    if (s == FILE_OK) /* the mover may let it go as well, in a commit that has not ended */
        f->dirty = f->rec.bitfile != 0 || f->commits > 0;
    return s;
}

static enum file_status stage_all(struct hsm_file *f)
{
    enum file_status s = FILE_OK;
    while (s == FILE_OK && !f->whole)
        s = hsm_stage(f, 0, f->pieces);
    return s;
}

/* A request below that keeps its caller. */
static enum file_status ask_below(struct hsm_file *f, struct file_req *r)
{
    void (*done)(struct file_req * q) = r->done;
    void *arg = r->arg;
    enum file_status s = file_ask(f->h->sys.below, r);
    r->done = done;
    r->arg = arg;
    return s;
}

static void end(struct file_req *r, enum file_status s)
{
    file_req_begin(r);
    rope_fini(&r->data);
    r->status = s;
    r->done(r);
}

/* ---- flush ---- */

enum file_status hsm_flush(struct hsm_file *f)
{
    struct file_req q;
    struct hsm_record then = { .whole = f->whole, .size = f->size };
    for (uint32_t i = 0; i < f->pieces && !f->whole; i++)
        if (f->piece[i] & PIECE_HERE)
            then.here[i / 8] |= (uint8_t)(1u << i % 8);
    enum file_status s = hsm_below(f->h, FILE_FLUSH, f->rec.file, 0, &q);
    if (s != FILE_OK || ((f->rec.bitfile == 0 || f->rec.whole) && f->commits == 0) ||
        (!then.whole && !f->dirty))
        return s;
    if (!f->rec.whole) {
        f->rec.whole = then.whole;
        f->rec.size = then.size;
        memcpy(f->rec.here, then.here, sizeof then.here);
    }
    let_go(f);
    return hsm_commit(f);
}

/* ---- changes ---- */

struct cover {
    uint32_t lo, hi;
    uint64_t *bytes; /* of each piece: that a WRITE has */
};

static void cover(const struct hsm_file *f, const struct file_req *r, struct cover *c)
{
    uint64_t lo = UINT64_MAX, hi = 0;
    for (uint32_t k = 0; k < r->run_count; k++) {
        const struct file_run *x = &r->runs[k];
        if (x->count == 0 || x->len == 0)
            continue;
        uint64_t end = x->off + (x->count - 1) * x->stride + x->len;
        lo = x->off < lo ? x->off : lo;
        hi = end > hi ? end : hi;
    }
    *c = (struct cover){ 0, 0, NULL };
    if (lo < hi)
        hsm_pieces_of(f, lo, hi - lo, &c->lo, &c->hi);
    c->bytes = port_alloc(f->h->sys.port, (c->hi - c->lo + 1) * sizeof *c->bytes);
    for (uint32_t k = 0; k < r->run_count; k++)
        for (uint64_t j = 0; j < r->runs[k].count; j++) {
            uint64_t at = r->runs[k].off + j * r->runs[k].stride, end = at + r->runs[k].len;
            uint32_t from, to;
            hsm_pieces_of(f, at, end - at, &from, &to);
            for (uint32_t i = from; i < to; i++) {
                uint64_t begins = hsm_tape_bytes(f, 0, i), ends = hsm_tape_bytes(f, 0, i + 1);
                c->bytes[i - c->lo] += (end < ends ? end : ends) - (at > begins ? at : begins);
            }
        }
}

/* The pieces that it overwrites whole need not come from tape; the others do. */
static enum file_status make_way(struct hsm_file *f, const struct cover *c)
{
    enum file_status s = FILE_OK;
    for (uint32_t i = c->lo; i < c->hi && !f->whole && s == FILE_OK; i++) {
        bool all = c->bytes[i - c->lo] == hsm_tape_bytes(f, i, i + 1);
        bool wait = f->piece[i] & PIECE_COMING;
        if ((f->piece[i] & PIECE_HERE) || (all && !wait))
            continue;
        s = hsm_stage(f, i, i + 1);
        i = c->lo - 1; /* others may come meanwhile */
    }
    for (uint32_t i = c->lo; i < c->hi && !f->whole && s == FILE_OK; i++)
        if (!(f->piece[i] & PIECE_HERE))
            f->piece[i] |= PIECE_OVER;
    return s;
}

static uint64_t needs_room(const struct hsm_file *f, const struct cover *c, uint64_t end)
{
    uint64_t n = end > f->size ? end - f->size : 0;
    if (f->whole)
        return end > f->charged ? end - f->charged : 0;
    for (uint32_t i = c->lo; i < c->hi; i++)
        if (!(f->piece[i] & (PIECE_HERE | PIECE_COMING)) &&
            c->bytes[i - c->lo] == hsm_tape_bytes(f, i, i + 1))
            n += hsm_tape_bytes(f, i, i + 1);
    return n;
}

static enum file_status get_room(struct hsm_file *f, uint64_t bytes)
{
    return bytes == 0 || hsm_reserve(f, bytes) ? FILE_OK : hsm_room(f, bytes);
}

static void change(struct hsm_file *f, struct file_req *r, uint64_t end_at)
{
    struct cover c = { 0, 0, NULL };
    f->holding++; /* no migration ends meanwhile */
    enum file_status s = own(f);
    if (r->op == FILE_WRITE && end_at < UINT64_MAX)
        cover(f, r, &c);
    if (s == FILE_OK && r->op == FILE_SIZE)
        s = stage_all(f);
    if (s == FILE_OK && end_at < UINT64_MAX)
        s = get_room(f, needs_room(f, &c, end_at));
    if (s == FILE_OK)
        s = make_way(f, &c);
    port_free(f->h->sys.port, c.bytes);
    if (s == FILE_OK) {
        hsm_pass(f, r);
        f->holding--;
    } else {
        f->holding--;
        hsm_charge(f);
        end(r, s);
    }
}

/* What lies on tape alone is cut off without a look at it. */
static void empty(struct hsm_file *f, struct file_req *r)
{
    struct file_req q;
    while (f->pulls > 0)
        hsm_wait(f->h, "pieces that nobody needs");
    f->holding++;
    f->changes++;
    f->h->refused = 0;
    enum file_status s = ask_below(f, r);
    if (s == FILE_OK) {
        hsm_not_here(f);
        s = hsm_below(f->h, FILE_FLUSH, f->rec.file, 0, &q);
    }
    if (s == FILE_OK) {
        f->rec.dirty = f->rec.whole = true;
        let_go(f);
        s = hsm_commit(f);
    }
    if (s == FILE_OK) {
        port_free(f->h->sys.port, f->piece);
        f->piece = NULL;
        f->whole = true;
        f->dirty = f->rec.bitfile != 0 || f->commits > 0;
        f->size = 0;
    }
    f->changed = port_now(f->h->sys.port);
    f->holding--;
    hsm_charge(f);
    r->status = s;
    r->done(r);
}

/* ---- versions ---- */

static enum file_status keep(struct hsm_file *f)
{
    while (f->moving)
        hsm_wait(f->h, "a migration");
    enum file_status s = stage_all(f);
    if (s == FILE_OK)
        s = hsm_flush(f);
    f->rec.kept = true;
    if (s == FILE_OK)
        s = hsm_commit(f);
    return s == FILE_NO_INODE ? FILE_NO_SPACE : s;
}

static void version(struct hsm_file *f, struct file_req *r)
{
    struct file_req q;
    bool first = !f->rec.kept;
    f->holding++;
    enum file_status s = may_change(f, r);
    if (s == FILE_OK && first)
        s = keep(f);
    if (s == FILE_OK)
        s = own(f);
    f->changes++;
    if (s == FILE_OK)
        s = ask_below(f, r);
    else
        r->status = s;
    if (s == FILE_OK && hsm_below(f->h, FILE_STAT, f->rec.file, 0, &q) == FILE_OK)
        f->size = q.attr.size;
    if (s != FILE_OK && first) {
        f->rec.kept = false;
        (void)hsm_commit_or_drop(f);
    }
    f->holding--;
    if (s == FILE_NO_FILE)
        hsm_forget(f);
    hsm_charge(f);
    r->done(r);
}

/* ---- explicit calls ---- */

static enum file_status stage_runs(struct hsm_file *f, const struct file_req *r)
{
    struct file_list l = { r->runs, r->run_count };
    struct file_window w = file_list_hull(&l, 1, (struct file_window){ 0, UINT64_MAX });
    uint32_t lo, hi;
    if (w.lo >= w.hi)
        return stage_all(f);
    hsm_pieces_of(f, w.lo, w.hi - w.lo, &lo, &hi);
    return hsm_stage(f, lo, hi);
}

static enum file_status pin(struct hsm_file *f, const struct file_req *r)
{
    sim_time until = SIM_NEVER;
    if (r->hint == FILE_UNPIN) {
        f->rec.pins -= f->rec.pins > 0;
        f->rec.pinned = f->rec.pins == 0 ? 0 : f->rec.pinned;
        hsm_kick(f->h); /* it may go now */
    } else if (r->size == 0) {
        f->rec.pins++;
    } else {
        if (r->size < INT64_MAX / SIM_SEC)
            until = sim_time_add(port_now(f->h->sys.port), (int64_t)r->size * SIM_SEC);
        f->rec.pinned = sim_time_max(f->rec.pinned, until);
    }
    return hsm_commit_or_drop(f);
}

static enum file_status call(struct hsm_file *f, const struct file_req *r)
{
    while (f->moving)
        hsm_wait(f->h, "a migration");
    switch (r->hint) {
    case FILE_STAGE:
        return f->whole ? FILE_OK : stage_runs(f, r);
    case FILE_MIGRATE:
        return hsm_clean(f) || f->rec.kept || f->size == 0 ? FILE_OK : hsm_migrate(f);
    case FILE_PURGE:
        while (f->busy > 0 || f->pulls > 0 || f->moving)
            hsm_wait(f->h, "requests before a purge");
        return !hsm_clean(f) || hsm_pinned(f) || f->rec.kept ? FILE_DENIED : hsm_purge(f);
    default:
        return pin(f, r);
    }
}

static uint64_t end_at(const struct file_req *r)
{
    uint64_t end = 0, most = UINT64_MAX / 4;
    for (uint32_t k = 0; k < r->run_count; k++) {
        const struct file_run *x = &r->runs[k];
        if (x->count == 0 || x->len == 0)
            continue;
        if (x->off > most || x->len > most || (x->stride > 0 && x->count - 1 > most / x->stride))
            return UINT64_MAX;
        uint64_t at = x->off + (x->count - 1) * x->stride + x->len;
        end = at > end ? at : end;
    }
    return end;
}

void hsm_serve(struct hsm_file *f, struct file_req *r)
{
    struct hsm *h = f->h;
    enum file_status s = FILE_OK;
    port_work(h->sys.port, PORT_WORK_FILE, 1);
    if (f->gone) {
        end(r, FILE_NO_FILE);
        return;
    }
    switch (r->op) {
    case FILE_WRITE:
    case FILE_SIZE:
        if ((s = may_change(f, r)) != FILE_OK)
            end(r, s);
        else if (r->op == FILE_SIZE && r->size == 0 && !f->whole && hsm_clean(f))
            empty(f, r);
        else
            change(f, r, r->op == FILE_SIZE ? r->size : end_at(r));
        break;
    case FILE_FLUSH:
        end(r, hsm_flush(f));
        break;
    case FILE_REMOVE:
        s = ask_below(f, r);
        if (s == FILE_OK || s == FILE_NO_FILE)
            hsm_forget(f);
        r->done(r);
        break;
    case FILE_CHECKPOINT:
    case FILE_ROLLBACK:
        version(f, r);
        break;
    case FILE_HINT:
        if (r->hint >= FILE_STAGE && r->hint <= FILE_MIGRATE) {
            s = may_tell(f, r);
            end(r, s == FILE_OK ? call(f, r) : s);
            break;
        }
        hsm_pass(f, r);
        break;
    default:
        hsm_pass(f, r);
    }
}
