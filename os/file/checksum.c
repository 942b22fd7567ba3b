/* checksum.c: CHECKSUM, a layer that says damage where a device gives other bytes than it got.
 *
 * The file below is a row of blocks of `block` bytes; each begins with what is summed up of it, and
 * holds so many bytes of the file less:
 *
 *   len 2   bytes of the file in it, the last one's end included; of others than the last any
 *   sum 6   the low 48 bits of file_checksum of handle 8, number of the block 8, len 2, bytes; what
 *           lies behind the file's end is zero
 *   bytes   block - 8
 *
 * A block of zeros is one that nobody wrote: zeros, and no byte of the file behind the one before.
 *
 *   CSUM1  A READ that ends well gives what was written, or zeros that nobody wrote over.  A block
 *       that does not fit its sum is FILE_CORRUPT, a remark that names it, and stays so until
 *       all of it is written, or cut off.  So does a WRITE of a part of it.
 *   CSUM2  A crash is no damage where the system below has each block old or new after it: with
 *       blocks of one sector over LFS (LFS4).  Larger ones may be torn: that is told as damage.
 *   CSUM3  The file's size is that of its last block.  A SIZE that a crash cut short may leave a
 *       size between both, at an edge of a block, and zeros where it cut.
 *
 * It does not find what was never written, nor a block that is as it was before.  The layer's own
 * looks below are user 0's; what changes something is the caller's.
 */
#include "os/file/cells.h"
#include "os/file/pieces.h"
#include "os/file/turns.h"
#include "os/xk/msg.h" /* wire_put / wire_get */

#define FARTHEST (UINT64_MAX / 4) /* a file has no more bytes */
enum { HEAD = 8, BATCH = 512 };   /* blocks; ASSUMED(256 KiB of sectors at once) */

struct checksum_params {
    int64_t block;
};
static const struct param params_desc[] = {
    P_INT(
        checksum_params, block, "512", "64", "65536",
        "Bytes of a block with its checksum; a sector, which a device writes whole or not at all, "
        "is never torn by a crash.",
        "ASSUMED(the sector of a disk)"),
    P_END,
};

struct checksum {
    struct file_sys sys;  /* first */
    uint32_t block, room; /* room: bytes of the file in it */
    struct file_turns turns;
    struct {
        uint64_t summed, checked, bad, read;
    } counts;
};
static const struct counter counters[] = {
    C_SUM(checksum, counts, summed, "1", "Blocks written, with their checksums."),
    C_SUM(checksum, counts, checked, "1", "Blocks read and compared with theirs."),
    C_SUM(checksum, counts, bad, "1", "Of these such as did not fit."),
    C_SUM(checksum, counts, read, "1", "Of these such as were read because a part was written."),
    C_END,
};

/* ---- blocks ---- */

static uint64_t sum_of(struct checksum *c, uint64_t file, uint64_t block, const uint8_t *at)
{
    uint8_t name[16];
    wire_put64(name, file);
    wire_put64(name + 8, block);
    uint64_t sum = file_checksum(name, sizeof name, SIZE_MAX);
    uint64_t len = file_checksum(at, 2, SIZE_MAX),
             data = file_checksum(at + HEAD, c->room, SIZE_MAX);
    uint8_t all[24];
    wire_put64(all, sum);
    wire_put64(all + 8, len);
    wire_put64(all + 16, data);
    port_work(c->sys.port, PORT_WORK_CHECKSUM, c->block + sizeof name);
    return file_checksum(all, sizeof all, SIZE_MAX) & UINT64_C(0xffffffffffff);
}

static uint64_t head_sum(const uint8_t *at)
{
    return wire_get64(at) & UINT64_C(0xffffffffffff);
}

static void seal(struct checksum *c, uint64_t file, const struct file_cell *x, uint8_t *at)
{
    wire_put64(at, (uint64_t)x->len << 48);
    wire_put64(at, (uint64_t)x->len << 48 | sum_of(c, file, x->number, at));
    c->counts.summed++;
}

static bool all_zero(const uint8_t *at, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (at[i] != 0)
            return false;
    return true;
}

/* What came from below is what was written (CSUM1). */
static bool fits(struct checksum *c, uint64_t file, struct file_cell *x, const uint8_t *at)
{
    uint64_t head = wire_get64(at);
    x->there = true;
    x->len = (uint32_t)(head >> 48);
    c->counts.checked++;
    if (head == 0 && all_zero(at, c->block))
        return true;
    if (x->len > 0 && x->len <= c->room && head_sum(at) == sum_of(c, file, x->number, at))
        return true;
    c->counts.bad++;
    port_remark(c->sys.port, "file %llu: block %llu does not fit its checksum",
                (unsigned long long)file, (unsigned long long)x->number);
    return false;
}

/* Reads those of n cells that are not covered, or all.  What lies behind the end is not there. */
static enum file_status read_cells(struct checksum *c, struct file_req *r, struct file_cell *cells,
                                   uint32_t n, uint8_t *bytes, bool all)
{
    struct file_runs runs = { 0 };
    struct file_req q;
    uint64_t at = 0;
    enum file_status s = FILE_OK;
    for (uint32_t i = 0; i < n; i++)
        if (all || cells[i].cover < c->room)
            file_runs_add(c->sys.port, &runs, cells[i].number * c->block, c->block);
    file_runs_end(&runs);
    if (runs.count == 0)
        return FILE_OK;
    file_req_init(&q, FILE_READ, NULL, NULL);
    q.file = r->file;
    q.runs = runs.runs;
    q.run_count = runs.count;
    if (file_turn_ask(&c->sys, &q, r) != FILE_OK)
        s = r->status;
    for (uint32_t i = 0; i < n && s == FILE_OK && at < q.data.length; i++) {
        uint64_t left = q.data.length - at, have = left < c->block ? left : c->block;
        if (!all && cells[i].cover >= c->room)
            continue;
        rope_read(&q.data, at, have, bytes + (size_t)i * c->block);
        at += have;
        c->counts.read += !all;
        if (!fits(c, r->file, &cells[i], bytes + (size_t)i * c->block))
            s = FILE_CORRUPT;
    }
    rope_fini(&q.data);
    port_free(c->sys.port, runs.runs);
    r->status = s;
    return s;
}

static enum file_status write_cells(struct checksum *c, struct file_req *r, struct file_cell *cells,
                                    uint32_t n, uint8_t *bytes)
{
    struct file_runs runs = { 0 };
    struct file_req q;
    for (uint32_t i = 0; i < n; i++) {
        seal(c, r->file, &cells[i], bytes + (size_t)i * c->block);
        file_runs_add(c->sys.port, &runs, cells[i].number * c->block, c->block);
    }
    file_runs_end(&runs);
    file_req_init(&q, FILE_WRITE, NULL, NULL);
    q.file = r->file;
    q.uid = r->uid;
    q.gid = r->gid;
    q.runs = runs.runs;
    q.run_count = runs.count;
    rope_add_bytes(&q.data, bytes, (size_t)n * c->block);
    (void)file_turn_ask(&c->sys, &q, r);
    rope_fini(&q.data);
    port_free(c->sys.port, runs.runs);
    return r->status;
}

/* The blocks of the file below; of a directory, or one that is not there: 0 and why. */
static enum file_status count_blocks(struct checksum *c, struct file_req *r, uint64_t *blocks)
{
    struct file_req q;
    file_req_init(&q, FILE_STAT, NULL, NULL);
    q.file = r->file;
    *blocks = 0;
    if (file_turn_ask(&c->sys, &q, r) == FILE_OK)
        *blocks = (q.attr.size + c->block - 1) / c->block;
    return r->status;
}

/* ---- batches ---- */

static void each(struct checksum *c, struct file_req *r, bool (*fn)(struct file_cells *b))
{
    struct file_cells b = {
        .port = c->sys.port, .arg = c, .room = c->room, .head = HEAD, .most = BATCH, .r = r
    };
    file_cells_each(&b, FARTHEST, fn);
}

/* Where the file ends in a cell; UINT32_MAX: not there. */
static enum file_status end_in(struct file_cells *b, struct file_cell *x, uint32_t *end)
{
    struct checksum *c = b->arg;
    uint64_t blocks = 0;
    enum file_status s = FILE_OK;
    *end = UINT32_MAX;
    if (x->there && x->len == c->room)
        return FILE_OK;
    if (x->there)
        s = count_blocks(c, b->r, &blocks);
    if (s == FILE_OK && x->number + 1 >= blocks)
        *end = x->there ? x->len : 0;
    return s;
}

static bool read_batch(struct file_cells *b)
{
    struct checksum *c = b->arg;
    struct file_req *r = b->r;
    uint32_t known = UINT32_MAX, end = 0;
    if (read_cells(c, r, b->cells, b->count, b->bytes, true) != FILE_OK)
        return false;
    for (uint32_t i = 0; i < b->piece_count; i++) {
        struct file_cell_piece *x = &b->pieces[i];
        if (x->cell != known && end_in(b, &b->cells[x->cell], &end) != FILE_OK)
            return false;
        known = x->cell;
        bool over = end < x->off + x->len; /* FILE3 */
        uint32_t n = !over ? x->len : end > x->off ? end - x->off : 0;
        rope_add_bytes(&r->data, file_cell_bytes(b, x->cell) + HEAD + x->off, n);
        if (over)
            return false;
    }
    return true;
}

static bool write_batch(struct file_cells *b)
{
    struct checksum *c = b->arg;
    struct file_req *r = b->r;
    if (read_cells(c, r, b->cells, b->count, b->bytes, false) != FILE_OK)
        return false;
    file_cells_put(b);
    return write_cells(c, r, b->cells, b->count, b->bytes) == FILE_OK;
}

/* ---- requests ---- */

static void serve_read(struct checksum *c, struct file_req *r)
{
    struct file_req q;
    struct file_rights who = { 0, r->uid, r->gid };
    if (r->uid != 0) { /* the blocks are read as user 0 */
        file_req_init(&q, FILE_STAT, NULL, NULL);
        q.file = r->file;
        if (file_turn_ask(&c->sys, &q, r) != FILE_OK)
            return;
        struct file_rights of = { q.attr.mode, q.attr.uid, q.attr.gid };
        if (!(q.attr.mode & FILE_MODE_DIR) && !file_may(&who, &of, 04)) {
            r->status = FILE_DENIED;
            return;
        }
    }
    if (file_bytes(r) == 0) { /* whether it is a file */
        file_turn_pass(&c->sys, r);
        return;
    }
    each(c, r, read_batch);
    if (r->status != FILE_OK)
        rope_fini(&r->data);
    r->moved = r->data.length;
    port_work(c->sys.port, PORT_WORK_COPY, r->moved);
}

static void serve_write(struct checksum *c, struct file_req *r)
{
    uint64_t bytes = file_bytes(r);
    for (uint32_t i = 0; i < r->run_count; i++)
        if (r->runs[i].off > FARTHEST || r->runs[i].count * r->runs[i].stride > FARTHEST)
            r->status = FILE_RANGE;
    if (r->status != FILE_OK || bytes != r->data.length)
        r->status = FILE_RANGE;
    else if (bytes == 0)
        file_turn_pass(&c->sys, r);
    else
        each(c, r, write_batch);
    r->moved = r->status == FILE_OK ? bytes : 0;
    rope_fini(&r->data);
    port_work(c->sys.port, PORT_WORK_COPY, r->moved);
}

static enum file_status resize(struct checksum *c, struct file_req *r, uint64_t blocks)
{
    struct file_req q;
    file_req_init(&q, FILE_SIZE, NULL, NULL);
    q.file = r->file;
    q.uid = r->uid;
    q.gid = r->gid;
    q.size = blocks * c->block;
    return file_turn_ask(&c->sys, &q, r);
}

/* CSUM3: what is cut is zero and the last block says where it ends, before the file is cut. */
static void serve_size(struct checksum *c, struct file_req *r)
{
    uint64_t have, want = r->size / c->room + (r->size % c->room > 0);
    if (r->size > FARTHEST) {
        r->status = FILE_RANGE;
        return;
    }
    if (count_blocks(c, r, &have) != FILE_OK)
        return;
    if ((want > have || want == 0) && resize(c, r, want) != FILE_OK)
        return;
    if (want == 0)
        return;
    struct file_cell x = { .number = want - 1 };
    uint8_t *bytes = port_alloc(c->sys.port, c->block);
    uint32_t len = (uint32_t)(r->size - x.number * c->room);
    bool whole = len == c->room;
    if (read_cells(c, r, &x, 1, bytes, true) == FILE_OK && !(whole && x.len == len)) {
        for (uint32_t i = len; i < c->room; i++)
            bytes[HEAD + i] = 0;
        x.len = len;
        (void)write_cells(c, r, &x, 1, bytes);
    }
    port_free(c->sys.port, bytes);
    if (r->status == FILE_OK && want <= have)
        (void)resize(c, r, want);
}

static void serve_stat(struct checksum *c, struct file_req *r)
{
    file_turn_pass(&c->sys, r);
    if (r->status != FILE_OK || r->attr.mode & FILE_MODE_DIR || r->attr.size == 0)
        return;
    struct file_cell x = { .number = (r->attr.size - 1) / c->block };
    uint8_t *bytes = port_alloc(c->sys.port, c->block);
    if (read_cells(c, r, &x, 1, bytes, true) == FILE_OK)
        r->attr.size = x.number * c->room + x.len;
    port_free(c->sys.port, bytes);
}

/* Of the runs, the blocks that they lie in, and what is between them. */
static void serve_hint(struct checksum *c, struct file_req *r)
{
    const struct file_run *runs = r->runs;
    struct file_run *below = port_alloc(c->sys.port, (r->run_count + 1) * sizeof *below);
    for (uint32_t i = 0; i < r->run_count; i++) {
        struct file_window w = { runs[i].off, runs[i].off };
        if (runs[i].count > 0 && runs[i].len > 0)
            w.hi += (runs[i].count - 1) * runs[i].stride + runs[i].len;
        uint64_t from = w.lo / c->room, to = (w.hi + c->room - 1) / c->room;
        below[i] =
            (struct file_run){ from * c->block, w.hi > w.lo ? (to - from) * c->block : 0, 0, 1 };
    }
    r->runs = below;
    file_turn_pass(&c->sys, r);
    r->runs = runs;
    port_free(c->sys.port, below);
}

static void serve(struct file_sys *s, struct file_req *r)
{
    struct checksum *c = CONTAINER_OF(s, struct checksum, sys);
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
    else if (r->op == FILE_HINT)
        serve_hint(c, r);
    else
        file_turn_pass(s, r);
}

static void submit(struct file_sys *s, struct file_req *r)
{
    struct checksum *c = CONTAINER_OF(s, struct checksum, sys);
    bool names =
        r->op == FILE_CREATE || r->op == FILE_RENAME || r->op == FILE_LOOKUP || r->op == FILE_LIST;
    if (names || (r->file == 0 && r->op != FILE_FLUSH))
        file_submit(s->below, r);
    else
        file_turn(&c->turns, r, r->op == FILE_READ || r->op == FILE_STAT || r->op == FILE_HINT);
}

extern const struct file_ops file_checksum_layer;

static struct file_sys *start(const struct file_boot *b, const void *params, struct file_sys *below)
{
    const struct checksum_params *p = params;
    struct checksum *c = port_alloc(b->node->port, sizeof *c);
    c->sys =
        (struct file_sys){ .ops = &file_checksum_layer, .port = b->node->port, .below = below };
    c->block = (uint32_t)p->block;
    c->room = c->block - HEAD;
    file_turns_init(&c->turns, &c->sys, serve);
    port_counters(c->sys.port, "checksum", counters, c);
    return &c->sys;
}

const struct file_ops file_checksum_layer = {
    .kind = { .name = "checksum",
              .doc =
                  "A checksum with each block of a file: what a device gives back otherwise than "
                  "it was written is told as damage.",
              .params = params_desc,
              .params_size = sizeof(struct checksum_params),
              .counters = counters },
    .start = start,
    .submit = submit,
};
