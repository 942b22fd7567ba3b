/* compress.c: COMPRESS, a layer that keeps the bytes of a file compressed in the file below.
 *
 * A file is a row of units of `unit` bytes.  Each is compressed for itself (os/file/pack.h), stands
 * somewhere in the file below with a head and a sum of its own, and takes as many grains of 512
 * bytes as it needs there; one that would take as many as it has is kept as it is.  An index in the
 * file below says where each is (compress_internal.h has the bytes, compress_index.c the order of
 * writing).  Units that nobody wrote take no room.
 *
 * A unit that is written gets another place, a part of one is read, expanded, changed, and
 * compressed anew.  The index of a file is in memory once it is used, and is written below by
 * FLUSH, CHECKPOINT, FILE_PROPAGATE, and after `commit` units.
 *
 *   COMP1  A READ that ends well gives what was written, or zeros that nobody wrote over.  A unit
 *       that does not fit its sum, or is not what the index says, is FILE_CORRUPT, a remark that
 *       names it, and stays so until all of it is written, or cut off; so does a WRITE of a part of
 *       it.  A grain of the index that is damaged loses its units so; where the head is, every
 *       request is FILE_CORRUPT until a SIZE to nothing.
 *   COMP2  A crash of the node is no damage where the system below has each grain old or new after
 *       it (LFS4), and keeps what was flushed.  Each unit, and the size, is then as the last index
 *       that was flushed says, or as one that was being written: what was written since is lost,
 *       also where the system below has its bytes.
 *   COMP3  Where the system below loses what it has taken (another node that dies under REMOTE,
 *       delayed writes that fail) the FLUSH that says so takes the file back to the last index that
 *       was flushed.  Until then a unit that was lost is FILE_CORRUPT.
 *   COMP4  A WRITE that fails has changed nothing.
 *   COMP5  FILE_SIZE sets no space aside: what units will take nobody knows.  It changes nothing
 *       below, also not the times of the file, before the index is written.
 *
 * A file has COMPRESS_UNITS units at most.  The file below is as long as the places of the units
 * need, the older place of each that was written since the last index included.  It may be used
 * through one such layer alone, or with tokens above it (os/file/token.h) whose server lives.
 * The layer's own requests below are user 0's; it looks itself at who may read and write.
 */
#include "os/file/cells.h"
#include "os/file/compress_internal.h"
#include "os/file/pack.h"
#include "os/file/pieces.h"
#include "os/xk/msg.h" /* wire_put / wire_get */

#include <string.h>

#define FARTHEST (UINT64_MAX / 4)
enum { BATCH = 512 << 10 }; /* bytes of units at once; ASSUMED(a few device requests) */

struct compress_params {
    int64_t unit, files, commit;
};
static const struct param params_desc[] = {
    P_SIZE(compress_params, unit, "32KiB", "512B", "1MiB",
           "Bytes of a file that are compressed together; of a file that there is as it was made.",
           "ASSUMED(some tracks' worth of a small read, and enough for the codec's 4 KiB window)"),
    P_INT(compress_params, files, "64", "1", "1000000",
          "Files whose index stays in memory when nobody uses them.",
          "ASSUMED(as many as a node has open)"),
    P_INT(compress_params, commit, "1024", "1", "1000000",
          "Units written to a file until its index is written though nobody flushes it.",
          "ASSUMED(32 MiB of units)"),
    P_END,
};

static const struct counter counters[] = {
    C_SUM(compress, counts, in, "B", "Bytes of units that were written."),
    C_SUM(compress, counts, out, "B", "Bytes that these took below."),
    C_SUM(compress, counts, units, "1", "Units written."),
    C_SUM(compress, counts, whole, "1", "Of these such as did not shrink."),
    C_SUM(compress, counts, expanded, "1", "Units read."),
    C_SUM(compress, counts, read, "1", "Of these such as were read because a part was written."),
    C_SUM(compress, counts, commits, "1", "Times that the index of a file was written."),
    C_SUM(compress, counts, bad, "1", "Units, and grains of an index, that were damaged."),
    C_END,
};

/* ---- units ---- */

static uint64_t sum_of(struct compress *c, uint64_t file, uint8_t *at, uint32_t bytes)
{
    wire_put64(at, file);
    port_work(c->sys.port, PORT_WORK_CHECKSUM, bytes);
    return file_checksum(at, bytes, SIZE_MAX);
}

/* Makes of `len` bytes what stands below, and of `x` what the index says of it. */
static uint32_t pack(struct compress *c, struct compress_file *f, uint64_t number,
                     const uint8_t *bytes, uint32_t len, uint8_t *out, struct compress_unit *x)
{
    uint32_t grains = compress_grains(COMPRESS_HEAD + (uint64_t)len);
    uint32_t *table = port_alloc(c->sys.port, PACK_TABLE * sizeof *table);
    size_t room = (size_t)grains * COMPRESS_GRAIN - COMPRESS_GRAIN, packed = PACK_NONE;
    port_work(c->sys.port, PORT_WORK_PACK, len);
    if (room > COMPRESS_HEAD)
        packed = pack_lz(bytes, len, out + COMPRESS_HEAD, room - COMPRESS_HEAD, table);
    port_free(c->sys.port, table);
    if (packed == PACK_NONE) {
        c->counts.whole++;
        packed = len;
        memcpy(out + COMPRESS_HEAD, bytes, len);
        port_work(c->sys.port, PORT_WORK_COPY, len);
    }
    wire_put64(out + 8, number);
    wire_put32(out + 16, len);
    wire_put32(out + 20, (uint32_t)packed);
    uint64_t sum = sum_of(c, f->file, out, COMPRESS_HEAD + (uint32_t)packed);
    wire_put64(out, sum);
    grains = compress_grains(COMPRESS_HEAD + packed);
    memset(out + COMPRESS_HEAD + packed, 0,
           (size_t)grains * COMPRESS_GRAIN - COMPRESS_HEAD - packed);
    *x = (struct compress_unit){ .place = compress_take(c, f, grains),
                                 .sum = (uint32_t)sum,
                                 .packed = (uint32_t)packed,
                                 .len = len,
                                 .young = true };
    c->counts.units++;
    c->counts.in += len;
    c->counts.out += (uint64_t)grains * COMPRESS_GRAIN;
    return grains;
}

/* The reverse, of what came from below; false: it is not that (COMP1). */
static bool expand(struct compress *c, struct compress_file *f, uint64_t number,
                   const struct compress_unit *x, uint8_t *in, uint8_t *bytes)
{
    uint64_t sum = wire_get64(in);
    uint32_t raw = wire_get32(in + 16), packed = wire_get32(in + 20);
    c->counts.expanded++;
    if ((uint32_t)sum != x->sum || packed != x->packed || wire_get64(in + 8) != number ||
        raw > f->unit || sum_of(c, f->file, in, COMPRESS_HEAD + packed) != sum)
        return false;
    if (raw == packed)
        memcpy(bytes, in + COMPRESS_HEAD, raw);
    else if (!pack_unlz(in + COMPRESS_HEAD, packed, bytes, raw))
        return false;
    port_work(c->sys.port, raw == packed ? PORT_WORK_COPY : PORT_WORK_UNPACK, raw);
    if (raw > x->len)
        memset(bytes + x->len, 0, raw - x->len);
    return true;
}

static enum file_status damaged(struct compress *c, struct compress_file *f, uint64_t number)
{
    c->counts.bad++;
    port_remark(c->sys.port, "file %llu: compressed unit %llu is damaged",
                (unsigned long long)f->file, (unsigned long long)number);
    return FILE_CORRUPT;
}

/* ---- a request's units, batch by batch ---- */

struct move { /* a READ or a WRITE */
    struct compress *c;
    struct compress_file *f;
    uint64_t asked; /* units read below */
    struct change {
        uint32_t number;
        struct compress_unit old;
    } * changes; /* of a WRITE, in their order */
    uint32_t change_count, change_room;
};

static bool is_there(const struct compress_file *f, uint64_t number)
{
    return number < f->count && f->units[number].place != 0;
}

/* All bytes that it has are written over: nothing of them is needed. */
static bool is_covered(const struct compress_file *f, const struct file_cell *x)
{
    return x->cover == x->end && x->cover >= f->units[x->number].len;
}

/* The bytes that the cells of a batch have below; of a WRITE those that it needs. */
static enum file_status read_units(struct move *m, struct file_cells *b, bool all)
{
    struct compress *c = m->c;
    struct compress_file *f = m->f;
    struct port *p = c->sys.port;
    struct file_runs runs = { 0 };
    struct file_req q;
    uint64_t at = 0;
    enum file_status s = FILE_OK;
    for (uint32_t i = 0; i < b->count; i++) {
        struct file_cell *x = &b->cells[i];
        x->there = is_there(f, x->number) && (all || !is_covered(f, x));
        if (!x->there)
            continue;
        const struct compress_unit *u = &f->units[x->number];
        x->len = u->len;
        if (u->place == COMPRESS_LOST)
            s = damaged(c, f, x->number);
        else
            file_runs_add(p, &runs, (uint64_t)u->place * COMPRESS_GRAIN,
                          (uint64_t)compress_grains(COMPRESS_HEAD + (uint64_t)u->packed) *
                              COMPRESS_GRAIN);
        m->asked++;
        c->counts.read += !all;
    }
    file_runs_end(&runs);
    file_req_init(&q, FILE_READ, NULL, NULL);
    q.file = f->file;
    q.runs = runs.runs;
    q.run_count = runs.count;
    if (s == FILE_OK && runs.count > 0) {
        size_t room = ((size_t)compress_grains(COMPRESS_HEAD + (uint64_t)f->unit)) * COMPRESS_GRAIN;
        uint8_t *in = port_alloc(p, room);
        s = file_turn_ask(&c->sys, &q, b->r);
        for (uint32_t i = 0; i < b->count && s == FILE_OK; i++) {
            const struct file_cell *x = &b->cells[i];
            if (!x->there)
                continue;
            const struct compress_unit *u = &f->units[x->number];
            size_t n =
                (size_t)compress_grains(COMPRESS_HEAD + (uint64_t)u->packed) * COMPRESS_GRAIN;
            bool good = q.data.length - at >= n;
            if (good)
                rope_read(&q.data, at, n, in);
            at += good ? n : 0;
            if (!good || !expand(c, f, x->number, u, in, file_cell_bytes(b, i)))
                s = damaged(c, f, x->number);
        }
        port_free(p, in);
    }
    rope_fini(&q.data);
    port_free(p, runs.runs);
    b->r->status = s;
    return s;
}

static bool read_batch(struct file_cells *b)
{
    struct move *m = b->arg;
    struct file_req *r = b->r;
    if (read_units(m, b, true) != FILE_OK)
        return false;
    for (uint32_t i = 0; i < b->piece_count; i++) {
        const struct file_cell_piece *x = &b->pieces[i];
        uint64_t from = b->cells[x->cell].number * b->room + x->off;
        uint64_t left = m->f->size > from ? m->f->size - from : 0;
        uint32_t n = left < x->len ? (uint32_t)left : x->len; /* FILE3 */
        rope_add_bytes(&r->data, file_cell_bytes(b, x->cell) + x->off, n);
        if (n < x->len)
            return false;
    }
    return true;
}

static void note(struct move *m, uint32_t number, const struct compress_unit *now)
{
    struct compress_unit *x = compress_change(m->c, m->f, number);
    if (m->change_count == m->change_room) {
        m->change_room = m->change_room > 0 ? 2 * m->change_room : 8;
        m->changes = port_realloc(m->c->sys.port, m->changes, m->change_room * sizeof *m->changes);
    }
    m->changes[m->change_count++] = (struct change){ number, *x };
    *x = *now;
}

static bool write_batch(struct file_cells *b)
{
    struct move *m = b->arg;
    struct port *p = m->c->sys.port;
    struct compress_file *f = m->f;
    struct file_runs runs = { 0 };
    struct file_req q;
    if (read_units(m, b, false) != FILE_OK)
        return false;
    file_cells_put(b);
    file_req_init(&q, FILE_WRITE, NULL, NULL);
    q.file = f->file;
    uint8_t *out =
        port_alloc(p, (size_t)compress_grains(COMPRESS_HEAD + (uint64_t)f->unit) * COMPRESS_GRAIN);
    for (uint32_t i = 0; i < b->count; i++) {
        const struct file_cell *x = &b->cells[i];
        struct compress_unit now;
        size_t n = (size_t)pack(m->c, f, x->number, file_cell_bytes(b, i), x->len, out, &now) *
                   COMPRESS_GRAIN;
        note(m, (uint32_t)x->number, &now);
        file_runs_add(p, &runs, (uint64_t)now.place * COMPRESS_GRAIN, n);
        rope_add_bytes(&q.data, out, n);
    }
    port_free(p, out);
    file_runs_end(&runs);
    q.runs = runs.runs;
    q.run_count = runs.count;
    (void)file_turn_ask(&m->c->sys, &q, b->r);
    rope_fini(&q.data);
    port_free(p, runs.runs);
    return b->r->status == FILE_OK;
}

static void each(struct move *m, struct file_req *r, bool (*fn)(struct file_cells *b))
{
    uint32_t unit = m->f->unit;
    struct file_cells b = { .port = m->c->sys.port,
                            .arg = m,
                            .room = unit,
                            .most = unit < BATCH ? BATCH / unit : 1,
                            .r = r };
    file_cells_each(&b, FARTHEST, fn);
}

/* What a WRITE wrote over is free, or what it wrote (COMP4). */
static void settle(struct move *m, bool good)
{
    struct compress_file *f = m->f;
    for (uint32_t i = 0; i < m->change_count; i++) {
        struct change *x = &m->changes[good ? i : m->change_count - 1 - i];
        compress_drop(m->c, f, good ? &x->old : &f->units[x->number]);
        if (!good)
            f->units[x->number] = x->old;
    }
    f->changes += good ? m->change_count : 0;
    port_free(m->c->sys.port, m->changes);
}

/* ---- requests ---- */

/* Who the caller is lets him; of a directory below says what is wrong. */
static bool may(struct compress *c, struct file_req *r, uint32_t bits)
{
    struct file_req q;
    struct file_rights who = { 0, r->uid, r->gid };
    file_req_init(&q, FILE_STAT, NULL, NULL);
    q.file = r->file;
    if (file_turn_ask(&c->sys, &q, r) != FILE_OK)
        return false;
    struct file_rights of = { q.attr.mode, q.attr.uid, q.attr.gid };
    if (q.attr.mode & FILE_MODE_DIR)
        r->status = FILE_IS_DIR;
    else if (!file_may(&who, &of, bits))
        r->status = FILE_DENIED;
    return r->status == FILE_OK;
}

static void serve_read(struct compress *c, struct file_req *r)
{
    struct move m = { .c = c };
    if (file_bytes(r) == 0) { /* whether it is a file */
        file_turn_pass(&c->sys, r);
        return;
    }
    if ((r->uid != 0 && !may(c, r, 04)) || (m.f = compress_open(c, r, r->file, false)) == NULL)
        return;
    each(&m, r, read_batch);
    if (r->status == FILE_OK && m.asked == 0)
        (void)may(c, r, 04); /* whether it is there */
    if (r->status != FILE_OK)
        rope_fini(&r->data);
    r->moved = r->data.length;
    port_work(c->sys.port, PORT_WORK_COPY, r->moved);
    compress_close(c, m.f);
}

/* The index, though nobody asked for it: a failure is told by the next FLUSH. */
static void commit_now(struct compress *c, struct compress_file *f, struct file_req *r)
{
    enum file_status s = compress_commit(c, f, r);
    f->late = s != FILE_OK ? s : f->late;
    r->status = FILE_OK;
}

static void serve_write(struct compress *c, struct file_req *r)
{
    struct move m = { .c = c };
    uint64_t bytes = file_bytes(r), end = 0;
    if (bytes == r->data.length && bytes == 0) {
        file_turn_pass(&c->sys, r);
        return;
    }
    if ((r->uid == 0 || may(c, r, 02)) && (m.f = compress_open(c, r, r->file, false)) != NULL) {
        uint64_t most = (uint64_t)COMPRESS_UNITS * m.f->unit;
        for (uint32_t i = 0; i < r->run_count; i++) {
            const struct file_run *x = &r->runs[i];
            if (x->len == 0 || x->count == 0)
                continue;
            if (x->off > most || x->len > most ||
                (x->count > 1 && x->stride > most / (x->count - 1)))
                r->status = FILE_RANGE;
            uint64_t last = x->off + (x->count - 1) * x->stride + x->len;
            end = last > end ? last : end;
        }
        if (bytes != r->data.length || end > most)
            r->status = FILE_RANGE;
        if (r->status == FILE_OK)
            each(&m, r, write_batch);
        settle(&m, r->status == FILE_OK);
        if (r->status == FILE_OK) {
            r->grew = end > m.f->size;
            m.f->size = r->grew ? end : m.f->size;
            r->moved = bytes;
            port_work(c->sys.port, PORT_WORK_COPY, bytes);
            if (m.f->changes >= c->commit)
                commit_now(c, m.f, r);
        }
        compress_close(c, m.f);
    }
    rope_fini(&r->data);
}

static void serve_size(struct compress *c, struct file_req *r)
{
    struct compress_file *f;
    if (!may(c, r, 02) || (f = compress_open(c, r, r->file, r->size == 0)) == NULL)
        return;
    if (r->size > (uint64_t)COMPRESS_UNITS * f->unit) {
        r->status = FILE_RANGE;
    } else if (r->size != f->size) {
        for (uint32_t i = (uint32_t)(r->size / f->unit); i < f->count; i++) {
            uint64_t from = (uint64_t)i * f->unit, left = r->size > from ? r->size - from : 0;
            if (f->units[i].place == 0 || f->units[i].len <= left)
                continue;
            struct compress_unit *x = compress_change(c, f, i);
            x->len = (uint32_t)left;
            if (left == 0) {
                compress_drop(c, f, x);
                *x = (struct compress_unit){ 0 };
            }
        }
        f->size = r->size;
        f->changed = true;
    }
    compress_close(c, f);
}

static void serve_stat(struct compress *c, struct file_req *r)
{
    file_turn_pass(&c->sys, r);
    if (r->status != FILE_OK || r->attr.mode & FILE_MODE_DIR)
        return;
    struct compress_file *f = compress_open(c, r, r->file, false);
    if (f == NULL)
        return;
    r->attr.size = f->size;
    compress_close(c, f);
}

static void serve_flush(struct compress *c, struct file_req *r, struct compress_file *f)
{
    enum file_status late = FILE_OK;
    if (f != NULL) {
        f->users++;
        late = f->late;
        f->late = FILE_OK;
    }
    if (f != NULL && f->changed && f->lost == FILE_OK)
        (void)compress_commit(c, f, r);
    else
        file_turn_pass(&c->sys, r);
    late = f != NULL && f->lost != FILE_OK ? f->lost : late;
    r->status = r->status == FILE_OK ? late : r->status;
    bool gone = r->status == FILE_UNREACHABLE || r->status == FILE_NO_FILE;
    if (f != NULL)
        f->users--;
    if (f != NULL && (gone || f->lost != FILE_OK))
        compress_forget(c, f); /* COMP3 */
}

/* Of all files: each that was changed first. */
static void serve_flush_all(struct compress *c, struct file_req *r)
{
    enum file_status first = FILE_OK;
    for (struct list *l = c->known.next, *next; l != &c->known; l = next) {
        struct compress_file *f = LIST_ENTRY(l, struct compress_file, link);
        next = l->next;
        if (!f->changed && f->late == FILE_OK)
            continue;
        r->status = FILE_OK;
        serve_flush(c, r, f);
        if (first == FILE_OK && r->status != FILE_NO_FILE) /* else another took its name */
            first = r->status;
    }
    file_turn_pass(&c->sys, r);
    r->status = r->status == FILE_OK ? first : r->status;
}

/* Of the runs, the places of the units that they lie in, and what is between them. */
static void serve_hint(struct compress *c, struct file_req *r)
{
    struct compress_file *f = NULL;
    const struct file_run *runs = r->runs;
    uint32_t count = r->run_count;
    struct file_runs below = { 0 };
    if (file_bytes(r) > 0 && (f = compress_open(c, r, r->file, false)) == NULL)
        return;
    for (uint32_t i = 0; f != NULL && i < count; i++) {
        struct file_window w = { runs[i].off, runs[i].off };
        if (runs[i].count > 0 && runs[i].len > 0)
            w.hi += (runs[i].count - 1) * runs[i].stride + runs[i].len;
        for (uint64_t u = w.lo / f->unit; u < f->count && u * f->unit < w.hi; u++)
            if (is_there(f, u) && f->units[u].place != COMPRESS_LOST)
                file_runs_add(c->sys.port, &below, (uint64_t)f->units[u].place * COMPRESS_GRAIN,
                              COMPRESS_HEAD + (uint64_t)f->units[u].packed);
    }
    file_runs_end(&below);
    if (f != NULL)
        compress_close(c, f);
    if (f == NULL || below.count > 0) { /* else none of it is there */
        r->runs = f != NULL ? below.runs : runs;
        r->run_count = f != NULL ? below.count : count;
        file_turn_pass(&c->sys, r);
        r->runs = runs;
        r->run_count = count;
    }
    port_free(c->sys.port, below.runs);
}

static bool is_hint(const struct file_req *r, enum file_hint hint)
{
    return r->op == FILE_HINT && r->hint == hint;
}

/* What goes below as it is, once that has the index. */
static void serve_other(struct compress *c, struct file_req *r)
{
    struct compress_file *f = r->file != 0 ? xk_map_resolve(&c->map, &r->file) : NULL;
    bool wants = r->op == FILE_CHECKPOINT || r->op == FILE_ROLLBACK || is_hint(r, FILE_PROPAGATE);
    if (f != NULL)
        f->users++;
    if (f == NULL || !f->changed || !wants || compress_commit(c, f, r) == FILE_OK)
        file_turn_pass(&c->sys, r);
    if (f == NULL)
        return;
    f->users--;
    bool gone = r->op == FILE_REMOVE || r->op == FILE_ROLLBACK;
    if ((gone && r->status == FILE_OK) || (is_hint(r, FILE_REFRESH) && !f->changed))
        compress_forget(c, f);
}

static void serve(struct file_sys *s, struct file_req *r)
{
    struct compress *c = CONTAINER_OF(s, struct compress, sys);
    port_work(s->port, PORT_WORK_FILE, 1);
    file_req_begin(r);
    r->status = FILE_OK;
    if (r->op == FILE_READ)
        serve_read(c, r);
    else if (r->op == FILE_WRITE)
        serve_write(c, r);
    else if (r->op == FILE_SIZE)
        serve_size(c, r);
    else if (r->op == FILE_STAT)
        serve_stat(c, r);
    else if (r->op == FILE_FLUSH && r->file != 0)
        serve_flush(c, r, xk_map_resolve(&c->map, &r->file));
    else if (r->op == FILE_FLUSH)
        serve_flush_all(c, r);
    else if (r->op == FILE_HINT && r->hint != FILE_PROPAGATE && r->hint != FILE_REFRESH)
        serve_hint(c, r);
    else
        serve_other(c, r);
}

static void submit(struct file_sys *s, struct file_req *r)
{
    struct compress *c = CONTAINER_OF(s, struct compress, sys);
    bool names =
        r->op == FILE_CREATE || r->op == FILE_RENAME || r->op == FILE_LOOKUP || r->op == FILE_LIST;
    bool hint = r->op == FILE_HINT && r->hint != FILE_PROPAGATE && r->hint != FILE_REFRESH;
    if (names || (r->file == 0 && r->op != FILE_FLUSH))
        file_submit(s->below, r);
    else
        file_turn(&c->turns, r, r->op == FILE_READ || r->op == FILE_STAT || hint);
}

extern const struct file_ops file_compress;

static struct file_sys *start(const struct file_boot *b, const void *params, struct file_sys *below)
{
    const struct compress_params *p = params;
    struct port *port = b->node->port;
    struct compress *c = port_alloc(port, sizeof *c);
    c->sys = (struct file_sys){ .ops = &file_compress, .port = port, .below = below };
    c->unit = (uint32_t)p->unit;
    c->files = (uint32_t)p->files;
    c->commit = (uint32_t)p->commit;
    xk_map_init(&c->map, port, sizeof(uint64_t));
    list_init(&c->known);
    file_turns_init(&c->turns, &c->sys, serve);
    port_counters(port, "compress", counters, c);
    return &c->sys;
}

const struct file_ops file_compress = {
    .kind = { .name = "compress",
              .doc = "A file's bytes are compressed unit by unit, and take fewer bytes below.",
              .params = params_desc,
              .params_size = sizeof(struct compress_params),
              .counters = counters },
    .start = start,
    .submit = submit,
};
