/* keep_side.c: the side files of KEEP (keep.c says what they are): images, checkpoints, the way
 * back. */
#include "os/file/keep_internal.h"

#include "os/xk/msg.h" /* wire_put / wire_get */

#include <stdio.h> /* snprintf alone */
#include <stdlib.h>
#include <string.h>

enum { HEAD_BYTES = 24, HEADER_BYTES = HEAD_BYTES + 8 * KEEP_BATCH };
#define BATCH_BYTES (1 << 20) /* ASSUMED(one write of an array) */

static struct side *last_side(const struct kept *f)
{
    return list_empty(&f->sides) ? NULL : LIST_ENTRY(f->sides.prev, struct side, link);
}

static struct side *side_of(const struct kept *f, uint32_t number)
{
    LIST_EACH (l, &f->sides)
        if (LIST_ENTRY(l, struct side, link)->number == number)
            return LIST_ENTRY(l, struct side, link);
    return NULL;
}

/* ---- requests of the layer's own (block) ---- */

enum file_status keep_ask(struct keep *k, enum file_op op, uint64_t file, uint64_t size,
                          struct file_req *q)
{
    file_req_init(q, op, NULL, NULL);
    q->file = file;
    q->size = size;
    return file_ask(k->sys.below, q);
}

static enum file_status put(struct keep *k, uint64_t file, uint64_t at, struct rope *data)
{
    struct file_req q;
    file_req_init(&q, FILE_WRITE, NULL, NULL);
    q.file = file;
    file_range(&q, at, data->length);
    rope_move(&q.data, data);
    return file_ask(k->sys.below, &q);
}

static enum file_status get(struct keep *k, uint64_t file, uint64_t at, uint64_t len,
                            struct rope *data)
{
    struct file_req q;
    file_req_init(&q, FILE_READ, NULL, NULL);
    q.file = file;
    file_range(&q, at, len);
    enum file_status s = file_ask(k->sys.below, &q);
    rope_move(data, &q.data);
    return s;
}

static void side_name(char out[FILE_NAME_MAX + 1], uint64_t file, uint32_t number)
{
    (void)snprintf(out, FILE_NAME_MAX + 1, "%llx.%x", (unsigned long long)file, number);
}

/* ---- what is on the device (block) ---- */

static void header_store(struct rope *out, const struct batch *b, uint32_t block)
{
    uint8_t x[HEADER_BYTES] = { 0 };
    wire_put64(x, b->at);
    wire_put32(x + 8, b->count);
    wire_put32(x + 12, block);
    for (uint32_t i = 0; i < b->count; i++)
        wire_put64(x + HEAD_BYTES + 8 * i, b->block[i]);
    wire_put64(x + 16, file_checksum(x, sizeof x, 16));
    rope_add_bytes(out, x, sizeof x);
}

/* The batch there; of 0 blocks: there is none. */
static enum file_status header_load(struct keep *k, const struct side *x, uint64_t at,
                                    struct batch *b)
{
    struct rope data;
    uint8_t y[HEADER_BYTES] = { 0 };
    b->count = 0;
    b->at = at;
    enum file_status s = get(k, x->handle, at, sizeof y, &data);
    if (data.length == sizeof y)
        rope_read(&data, 0, sizeof y, y);
    rope_fini(&data);
    if (s != FILE_OK || wire_get64(y) != at || wire_get32(y + 8) > KEEP_BATCH ||
        wire_get32(y + 12) != x->block || wire_get64(y + 16) != file_checksum(y, sizeof y, 16))
        return s;
    b->count = wire_get32(y + 8);
    for (uint32_t i = 0; i < b->count; i++)
        b->block[i] = wire_get64(y + HEAD_BYTES + 8 * i);
    return s;
}

static uint64_t behind(const struct side *x, const struct batch *b)
{
    return b->at + (b->count + UINT64_C(1)) * x->block;
}

static bool is_saved(const struct kept *f, uint64_t block)
{
    return f->saved[block / 8] >> block % 8 & 1;
}

static void mark_saved(struct kept *f, const struct batch *b)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (b->block[i] < f->blocks)
            f->saved[b->block[i] / 8] |= (uint8_t)(1u << b->block[i] % 8);
}

/* The last side file is another: nothing is saved in it yet. */
static void begin_side(struct kept *f)
{
    const struct side *x = last_side(f);
    struct port *p = f->k->sys.port;
    port_free(p, f->saved);
    f->blocks = x != NULL ? (x->size + x->block - 1) / x->block : 0;
    f->saved = port_alloc(p, f->blocks / 8 + 1);
    f->end = 0;
    f->untold = false;
}

void keep_drop_side(struct kept *f, struct side *x)
{
    list_remove(&x->link);
    port_free(f->k->sys.port, x);
}

/* Those with numbers in [from, to) go; one that does not is tried again at the next boot. */
void keep_prune(struct kept *f, uint32_t from, uint32_t to)
{
    struct file_req q;
    for (struct list *l = f->sides.prev, *before; l != &f->sides; l = before) {
        struct side *x = LIST_ENTRY(l, struct side, link);
        before = l->prev;
        if (x->number < from || x->number >= to)
            continue;
        enum file_status s = keep_ask(f->k, FILE_REMOVE, x->handle, 0, &q);
        if (s == FILE_OK || s == FILE_NO_FILE)
            keep_drop_side(f, x);
    }
}

static uint32_t oldest_needed(const struct side *last)
{
    return last->kept != 0 ? last->kept : last->newest;
}

/* What the side files say. */
enum file_status keep_know(struct kept *f)
{
    struct keep *k = f->k;
    struct file_req q;
    enum file_status s = FILE_OK;
    if (f->known)
        return FILE_OK;
    LIST_EACH (l, &f->sides) {
        struct side *x = LIST_ENTRY(l, struct side, link);
        s = keep_ask(k, FILE_STAT, x->handle, 0, &q);
        if (s != FILE_OK)
            return s;
        x->checkpoint = wire_get64(q.attr.owner);
        x->size = wire_get64(q.attr.owner + 8);
        x->block = wire_get32(q.attr.owner + 16);
        x->newest = wire_get32(q.attr.owner + 20);
        x->kept = wire_get32(q.attr.owner + 24);
        if (x->block == 0)
            return FILE_CORRUPT;
    }
    begin_side(f);
    const struct side *x = last_side(f);
    struct batch b = { .count = x != NULL };
    for (uint64_t at = 0; b.count > 0; at = behind(x, &b)) {
        s = header_load(k, x, at, &b);
        if (s != FILE_OK)
            return s;
        mark_saved(f, &b);
        f->end = at;
    }
    if (x != NULL)
        keep_prune(f, 0, oldest_needed(x));
    f->known = true;
    return FILE_OK;
}

/* ---- images (block) ---- */

uint64_t keep_next_unsaved(const struct kept *f, const struct file_req *r, uint64_t from)
{
    const struct side *x = last_side(f);
    uint64_t first = UINT64_MAX;
    struct file_run cut = { .off = r->size, .len = UINT64_MAX - r->size, .count = 1 };
    const struct file_run *runs = r->op == FILE_SIZE ? &cut : r->runs;
    uint32_t count = r->op == FILE_SIZE ? 1 : r->run_count;
    for (uint32_t i = 0; i < count; i++)
        for (uint64_t n = 0, off = runs[i].off; n < runs[i].count && off < x->size;
             n++, off += runs[i].stride) {
            uint64_t room = x->size - off, len = runs[i].len < room ? runs[i].len : room;
            uint64_t b = off / x->block, end = len > 0 ? (off + len - 1) / x->block + 1 : 0;
            for (b = b > from ? b : from; b < end && b < first && is_saved(f, b); b++)
                ;
            if (b < end && b < first)
                first = b;
        }
    return first;
}

/* The header of the last batch, after its images. */
static enum file_status tell(struct kept *f)
{
    const struct side *x = last_side(f);
    struct file_req q;
    struct rope head;
    rope_init(&head);
    header_store(&head, &f->last, x->block);
    f->untold = true;
    enum file_status s = put(f->k, x->handle, f->last.at, &head);
    if (s == FILE_OK)
        s = keep_ask(f->k, FILE_FLUSH, x->handle, 0, &q);
    if (s != FILE_OK)
        return s;
    f->untold = false;
    f->end = behind(x, &f->last);
    mark_saved(f, &f->last);
    f->k->counts.images += f->last.count;
    return FILE_OK;
}

static enum file_status save_batch(struct kept *f)
{
    struct keep *k = f->k;
    const struct side *x = last_side(f);
    struct batch *b = &f->last;
    struct file_req q;
    struct file_run runs[KEEP_BATCH];
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        uint64_t off = b->block[i] * x->block, left = x->size - off;
        runs[i] =
            (struct file_run){ .off = off, .len = left < x->block ? left : x->block, .count = 1 };
        bytes += runs[i].len;
    }
    file_req_init(&q, FILE_READ, NULL, NULL);
    q.file = f->file;
    q.runs = runs;
    q.run_count = b->count;
    enum file_status s = file_ask(k->sys.below, &q);
    if (s == FILE_OK && q.data.length != bytes)
        s = FILE_CORRUPT;
    struct rope images;
    rope_move(&images, &q.data);
    b->at = f->end;
    if (s == FILE_OK)
        s = put(k, x->handle, f->end + x->block, &images);
    else
        rope_fini(&images);
    if (s == FILE_OK)
        s = keep_ask(k, FILE_FLUSH, x->handle, 0, &q);
    k->counts.bytes += s == FILE_OK ? bytes : 0;
    return s == FILE_OK ? tell(f) : s;
}

/* All that the request is going to change is on the device: KEEP1. */
enum file_status keep_save(struct kept *f, const struct file_req *r)
{
    const struct side *x = last_side(f);
    struct file_req q;
    enum file_status s = FILE_OK;
    if (f->doubt) {
        s = keep_ask(f->k, FILE_FLUSH, 0, 0, &q);
        f->doubt = s != FILE_OK;
    }
    if (s == FILE_OK && x != NULL && f->untold)
        s = tell(f);
    if (s != FILE_OK || x == NULL)
        return s;
    uint32_t most = x->block < BATCH_BYTES ? BATCH_BYTES / x->block : 1;
    most = most < KEEP_BATCH ? most : KEEP_BATCH;
    for (uint64_t b = keep_next_unsaved(f, r, 0); b != UINT64_MAX && s == FILE_OK;) {
        f->last.count = 0;
        for (; b != UINT64_MAX && f->last.count < most; b = keep_next_unsaved(f, r, b + 1))
            f->last.block[f->last.count++] = b;
        s = save_batch(f);
    }
    return s;
}

/* ---- checkpoints (block) ---- */

enum file_status keep_allowed(struct kept *f, const struct file_req *r, struct file_req *stat)
{
    enum file_status s = keep_ask(f->k, FILE_STAT, f->file, 0, stat);
    struct file_rights who = { 0, r->uid, r->gid };
    struct file_rights of = { stat->attr.mode, stat->attr.uid, stat->attr.gid };
    if (s != FILE_OK)
        return s;
    return stat->attr.mode & FILE_MODE_DIR ? FILE_IS_DIR
           : file_may(&who, &of, 02)       ? FILE_OK
                                           : FILE_DENIED;
}

/* A new side file that begins what `x` says. */
static enum file_status make_side(struct kept *f, struct side x)
{
    struct keep *k = f->k;
    const struct side *last = last_side(f);
    struct file_req q;
    char name[FILE_NAME_MAX + 1];
    if (k->dir == 0) {
        file_req_init(&q, FILE_CREATE, NULL, NULL);
        q.name = KEEP_DIRECTORY;
        q.attr.mode = FILE_MODE_DIR | 0700;
        enum file_status s = file_ask(k->sys.below, &q);
        if (s != FILE_OK && s != FILE_EXISTS)
            return s;
        k->dir = q.file;
    }
    x.number = last != NULL ? last->number + 1 : 1;
    x.newest = x.newest != 0 ? x.newest : x.number;
    file_req_init(&q, FILE_CREATE, NULL, NULL);
    side_name(name, f->file, x.number);
    q.dir = k->dir;
    q.name = name;
    q.attr.mode = 0600;
    wire_put64(q.attr.owner, x.checkpoint);
    wire_put64(q.attr.owner + 8, x.size);
    wire_put32(q.attr.owner + 16, x.block);
    wire_put32(q.attr.owner + 20, x.newest);
    wire_put32(q.attr.owner + 24, x.kept);
    enum file_status s = file_ask(k->sys.below, &q);
    f->doubt = s != FILE_OK;
    if (s != FILE_OK)
        return s;
    struct side *made = port_alloc(k->sys.port, sizeof *made);
    *made = x;
    made->handle = q.file;
    list_push(&f->sides, &made->link);
    begin_side(f);
    return FILE_OK;
}

/* Marks the blocks of which the side file has images, of so many. */
static enum file_status mark_images(struct kept *f, const struct side *x, uint8_t *marks,
                                    uint64_t blocks)
{
    struct batch b = { .count = 1 };
    enum file_status s = FILE_OK;
    for (uint64_t at = 0; s == FILE_OK && b.count > 0; at = behind(x, &b)) {
        s = header_load(f->k, x, at, &b);
        for (uint32_t i = 0; s == FILE_OK && i < b.count; i++)
            if (b.block[i] < blocks)
                marks[b.block[i] / 8] |= (uint8_t)(1u << b.block[i] % 8);
    }
    return s;
}

/* The way back to `kept` needs an image of the last side file: of a block of which none before it
 * has one, for of several the oldest shows (KEEP5). */
static bool is_needed(struct kept *f, const struct side *kept)
{
    struct port *p = f->k->sys.port;
    const struct side *last = last_side(f);
    uint64_t blocks = (kept->size + kept->block - 1) / kept->block;
    bool needed = kept->block != last->block;
    if (last == kept || needed || f->end == 0)
        return last == kept || (needed && f->end > 0);
    uint8_t *marks = port_alloc(p, blocks / 8 + 1);
    LIST_EACH (l, &f->sides) {
        const struct side *x = LIST_ENTRY(l, struct side, link);
        if (x->number >= kept->number && x != last && !needed)
            needed = mark_images(f, x, marks, blocks) != FILE_OK;
    }
    for (uint64_t b = 0; b < blocks && b < f->blocks && !needed; b++)
        needed = is_saved(f, b) && !(marks[b / 8] >> b % 8 & 1);
    port_free(p, marks);
    return needed;
}

enum file_status keep_checkpoint(struct kept *f, const struct file_req *r)
{
    struct file_req q;
    const struct side *last = last_side(f);
    struct side *newest = last != NULL ? side_of(f, last->newest) : NULL;
    struct side *kept = last != NULL ? side_of(f, last->kept) : NULL;
    struct side x = { .checkpoint = r->size, .block = f->k->block };
    if (newest != NULL && r->size == 0)
        x.checkpoint = newest->checkpoint + 1;
    else if (newest != NULL && newest->checkpoint < r->size)
        x.kept = newest->number;
    else if (kept != NULL && kept->checkpoint < r->size)
        x.kept = kept->number;
    x.checkpoint += x.checkpoint == 0; /* the first */
    enum file_status s = keep_save(f, &(struct file_req){ .op = FILE_READ });
    if (s == FILE_OK)
        s = keep_ask(f->k, FILE_FLUSH, f->file, 0, &q);
    if (s == FILE_OK)
        s = keep_ask(f->k, FILE_STAT, f->file, 0, &q);
    if (s != FILE_OK)
        return s;
    x.size = q.attr.size;
    kept = x.kept != 0 ? side_of(f, x.kept) : NULL;
    uint32_t spare = kept != NULL && !is_needed(f, kept) ? last->number : 0;
    s = make_side(f, x);
    if (s != FILE_OK)
        return s;
    f->k->counts.checkpoints++;
    keep_prune(f, 0, oldest_needed(last_side(f)));
    if (spare != 0)
        keep_prune(f, spare, spare + 1);
    return FILE_OK;
}

/* The images of a batch, as far as the file went then, each to its place. */
static enum file_status undo_batch(struct kept *f, const struct side *x, const struct batch *b,
                                   uint64_t size)
{
    struct file_run runs[KEEP_BATCH];
    struct rope images, out;
    struct file_req q;
    uint32_t n = 0;
    enum file_status s =
        get(f->k, x->handle, b->at + x->block, (uint64_t)b->count * x->block, &images);
    file_req_init(&q, FILE_WRITE, NULL, NULL);
    rope_init(&out);
    for (uint32_t i = 0; i < b->count && s == FILE_OK; i++) {
        uint64_t off = b->block[i] * x->block, left = x->size > off ? x->size - off : 0;
        uint64_t have = left < x->block ? left : x->block, fits = size > off ? size - off : 0;
        uint64_t len = have < fits ? have : fits;
        if (images.length < (uint64_t)i * x->block + have)
            s = FILE_CORRUPT;
        else if (len > 0)
            rope_add_slice(&out, &images, (uint64_t)i * x->block, len);
        if (len > 0)
            runs[n++] = (struct file_run){ .off = off, .len = len, .count = 1 };
    }
    rope_fini(&images);
    q.file = f->file;
    q.runs = runs;
    q.run_count = n;
    if (s != FILE_OK || n == 0) {
        rope_fini(&out);
        return s;
    }
    rope_move(&q.data, &out);
    return file_ask(f->k->sys.below, &q);
}

static enum file_status undo(struct kept *f, const struct side *to)
{
    struct file_req q;
    enum file_status s = keep_ask(f->k, FILE_SIZE, f->file, to->size, &q);
    for (struct list *l = f->sides.prev; s == FILE_OK && l != &f->sides; l = l->prev) {
        const struct side *x = LIST_ENTRY(l, struct side, link);
        struct batch b = { .count = 1 };
        if (x->number < to->number)
            break;
        for (uint64_t at = 0; s == FILE_OK && b.count > 0; at = behind(x, &b)) {
            s = header_load(f->k, x, at, &b);
            if (s == FILE_OK && b.count > 0)
                s = undo_batch(f, x, &b, to->size);
        }
    }
    return s == FILE_OK ? keep_ask(f->k, FILE_FLUSH, f->file, 0, &q) : s;
}

enum file_status keep_rollback(struct kept *f, const struct file_req *r)
{
    const struct side *last = last_side(f);
    struct side *to = last != NULL ? side_of(f, last->newest) : NULL;
    struct side *kept = last != NULL ? side_of(f, last->kept) : NULL;
    enum file_status s = keep_save(f, &(struct file_req){ .op = FILE_READ });
    if (s != FILE_OK)
        return s;
    if (to != NULL && r->size != 0 && to->checkpoint != r->size)
        to = kept != NULL && kept->checkpoint == r->size ? kept : NULL;
    if (to == NULL)
        return FILE_NO_VERSION;
    bool back = to->number != last->newest; /* what is newer goes */
    if (back)
        s = make_side(f, (struct side){ .checkpoint = to->checkpoint,
                                        .size = to->size,
                                        .block = to->block,
                                        .newest = to->number });
    if (s == FILE_OK)
        s = undo(f, to);
    if (s != FILE_OK)
        return s;
    f->k->counts.rollbacks++;
    if (back)
        keep_prune(f, to->number + 1, last_side(f)->number);
    return FILE_OK;
}
