/* compress_index.c: where the units of a compressed file are: places, and the index that says them.
 *
 * A unit that is written gets another place than it has, so that the index below, which is written
 * in place and grain by grain, says whole units at any moment: what it may say is not written over
 * before another index has been flushed.
 */
#include "os/file/compress_internal.h"
#include "os/file/pieces.h"
#include "os/xk/msg.h" /* wire_put / wire_get */

#include <string.h>

#define MAGIC 0x7a697031u
enum { HEAD_PARTS = 24, INDEX_HEAD = 12, ENTRY = 16 };

/* ---- places ---- */

static bool is_used(const struct compress_file *f, uint32_t grain)
{
    return f->used[grain / 8] >> grain % 8 & 1;
}

static void mark(struct compress *c, struct compress_file *f, uint32_t place, uint32_t grains,
                 bool used)
{
    uint32_t end = place + grains;
    if (end > 8 * f->room) {
        f->room = (end / 8 + 64) * 2;
        f->used = port_realloc(c->sys.port, f->used, f->room);
    }
    for (uint32_t i = place; i < end; i++) {
        ASSERT(is_used(f, i) != used);
        f->used[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    f->end = used && end > f->end ? end : f->end;
    while (f->end > 1 && !is_used(f, f->end - 1))
        f->end--;
    f->rover = f->rover < f->end ? f->rover : 1;
}

/* From `from` on, before `to`; 0: there is none. */
static uint32_t find(const struct compress_file *f, uint32_t from, uint32_t to, uint32_t grains)
{
    for (uint32_t at = from, row = 0; at < to; at++) {
        row = is_used(f, at) ? 0 : row + 1;
        if (row == grains)
            return at + 1 - grains;
    }
    return 0;
}

uint32_t compress_take(struct compress *c, struct compress_file *f, uint32_t grains)
{
    uint32_t place = find(f, f->rover, f->end, grains);
    if (place == 0)
        place = find(f, 1, f->rover, grains);
    place = place != 0 ? place : f->end;
    mark(c, f, place, grains, true);
    f->rover = place + grains < f->end ? place + grains : 1;
    f->below = f->end > f->below ? f->end : f->below;
    return place;
}

static uint32_t grains_of(const struct compress_unit *x)
{
    return compress_grains(COMPRESS_HEAD + (uint64_t)x->packed);
}

void compress_drop(struct compress *c, struct compress_file *f, const struct compress_unit *x)
{
    if (x->place == 0 || x->place == COMPRESS_LOST)
        return;
    if (x->young) {
        mark(c, f, x->place, grains_of(x), false);
        return;
    }
    if (f->limbo_count == f->limbo_room) {
        f->limbo_room = f->limbo_room > 0 ? 2 * f->limbo_room : 8;
        f->limbo = port_realloc(c->sys.port, f->limbo, f->limbo_room * sizeof *f->limbo);
    }
    f->limbo[f->limbo_count++] = *x;
}

static uint32_t index_grains(uint32_t units)
{
    return (units + COMPRESS_FAN - 1) / COMPRESS_FAN;
}

struct compress_unit *compress_change(struct compress *c, struct compress_file *f, uint32_t unit)
{
    ASSERT(unit < COMPRESS_UNITS);
    if (unit >= f->count) {
        uint32_t count = unit + 1 > 2 * f->count ? unit + 1 : 2 * f->count;
        f->units = port_realloc(c->sys.port, f->units, count * sizeof *f->units);
        f->dirty = port_realloc(c->sys.port, f->dirty, index_grains(count));
        for (uint32_t i = f->count; i < count; i++)
            f->units[i] = (struct compress_unit){ 0 };
        for (uint32_t i = index_grains(f->count); i < index_grains(count); i++)
            f->dirty[i] = 0;
        f->count = count;
    }
    f->dirty[unit / COMPRESS_FAN] = 1;
    f->changed = true;
    return &f->units[unit];
}

/* ---- the index below ---- */

static uint32_t part_of(uint32_t grain)
{
    uint32_t k = 0;
    while ((grain + 1) >> (k + 1) > 0)
        k++;
    return k;
}

static uint32_t place_of(const struct compress_file *f, uint32_t grain)
{
    uint32_t k = part_of(grain);
    return f->part[k] + grain + 1 - (1u << k);
}

static void seal(const struct compress_file *f, uint8_t *at)
{
    wire_put64(at, f->file);
    wire_put64(at, file_checksum(at, COMPRESS_GRAIN, SIZE_MAX));
}

static bool fits(const struct compress_file *f, uint8_t *at)
{
    uint64_t sum = wire_get64(at);
    wire_put64(at, f->file);
    return sum == file_checksum(at, COMPRESS_GRAIN, SIZE_MAX);
}

static void store_head(const struct compress_file *f, uint8_t *at)
{
    memset(at, 0, COMPRESS_GRAIN);
    wire_put32(at + 8, MAGIC);
    wire_put32(at + 12, f->unit);
    wire_put64(at + 16, f->size);
    for (uint32_t k = 0; k < COMPRESS_PARTS; k++)
        wire_put32(at + HEAD_PARTS + 4 * k, f->part[k]);
    seal(f, at);
}

static void store_index(const struct compress_file *f, uint32_t grain, uint8_t *at)
{
    memset(at, 0, COMPRESS_GRAIN);
    wire_put32(at + 8, grain);
    for (uint32_t i = 0; i < COMPRESS_FAN && grain * COMPRESS_FAN + i < f->count; i++) {
        const struct compress_unit *x = &f->units[grain * COMPRESS_FAN + i];
        uint8_t *e = at + INDEX_HEAD + (size_t)i * ENTRY;
        wire_put32(e, x->place);
        wire_put32(e + 4, x->sum);
        wire_put32(e + 8, x->packed);
        wire_put32(e + 12, x->len);
    }
    seal(f, at);
}

/* An index that was damaged, or whose grains are of different times, may name a place twice. */
static bool may_take(const struct compress_file *f, uint32_t place, uint32_t grains)
{
    if (place == 0 || grains > f->below || place > f->below - grains)
        return false;
    for (uint32_t i = place; i < place + grains; i++)
        if (i < f->end && is_used(f, i))
            return false;
    return true;
}

static bool load_head(struct compress *c, struct compress_file *f, uint8_t *at)
{
    if (!fits(f, at) || wire_get32(at + 8) != MAGIC)
        return false;
    f->unit = wire_get32(at + 12);
    f->size = wire_get64(at + 16);
    if (f->unit < COMPRESS_GRAIN || f->size > (uint64_t)COMPRESS_UNITS * f->unit)
        return false;
    for (uint32_t k = 0; k < COMPRESS_PARTS; k++) {
        uint32_t place = wire_get32(at + HEAD_PARTS + 4 * k);
        if (place != 0 && !may_take(f, place, 1u << k))
            return false;
        f->part[k] = place;
        if (place != 0)
            mark(c, f, place, 1u << k, true);
    }
    return true;
}

/* Of what the index says beyond the file's end nothing is there: a crash came while it was written.
 */
static void cut(struct compress *c, struct compress_file *f, uint32_t unit)
{
    struct compress_unit *x = &f->units[unit];
    uint64_t from = (uint64_t)unit * f->unit, left = f->size > from ? f->size - from : 0;
    if (x->place == 0 || x->len <= left)
        return;
    (void)compress_change(c, f, unit);
    x->len = (uint32_t)left;
    if (left == 0) {
        compress_drop(c, f, x);
        *x = (struct compress_unit){ 0 };
    }
}

static void load_index(struct compress *c, struct compress_file *f, uint32_t grain, uint8_t *at)
{
    bool good = fits(f, at) && wire_get32(at + 8) == grain;
    if (!good) {
        c->counts.bad++;
        port_remark(c->sys.port, "file %llu: the index of its compressed units %u to %u is damaged",
                    (unsigned long long)f->file, grain * COMPRESS_FAN,
                    (grain + 1) * COMPRESS_FAN - 1);
    }
    for (uint32_t i = 0; i < COMPRESS_FAN; i++) {
        const uint8_t *e = at + INDEX_HEAD + (size_t)i * ENTRY;
        uint32_t unit = grain * COMPRESS_FAN + i;
        struct compress_unit x = { .place = wire_get32(e),
                                   .sum = wire_get32(e + 4),
                                   .packed = wire_get32(e + 8),
                                   .len = wire_get32(e + 12) };
        bool sane = good && (x.place == 0 || (x.place != COMPRESS_LOST && x.packed <= f->unit &&
                                              may_take(f, x.place, grains_of(&x))));
        if (!sane)
            x = (struct compress_unit){ .place = COMPRESS_LOST, .len = f->unit };
        else if (x.place != 0)
            mark(c, f, x.place, grains_of(&x), true);
        f->units[unit] = x;
        cut(c, f, unit);
    }
}

/* Bytes of the file below, zeros behind its end. */
static bool read_below(struct compress *c, struct file_req *r, struct file_runs *runs,
                       uint64_t file, uint8_t *out, size_t n)
{
    struct file_req q;
    file_req_init(&q, FILE_READ, NULL, NULL);
    q.file = file;
    q.runs = runs->runs;
    q.run_count = runs->count;
    bool good = file_turn_ask(&c->sys, &q, r) == FILE_OK;
    size_t got = q.data.length < n ? (size_t)q.data.length : n;
    memset(out, 0, n);
    if (good)
        rope_read(&q.data, 0, got, out);
    rope_fini(&q.data);
    port_free(c->sys.port, runs->runs);
    *runs = (struct file_runs){ 0 };
    return good;
}

static bool load(struct compress *c, struct file_req *r, struct compress_file *f, bool anew)
{
    struct port *p = c->sys.port;
    struct file_runs runs = { 0 };
    uint8_t *head = port_alloc(p, COMPRESS_GRAIN), *all = NULL;
    uint32_t grains = 0;
    bool good = true, blank = true;
    file_runs_add(p, &runs, 0, COMPRESS_GRAIN);
    if (!read_below(c, r, &runs, f->file, head, COMPRESS_GRAIN))
        good = false;
    for (uint32_t i = 0; i < COMPRESS_GRAIN; i++)
        blank = blank && head[i] == 0;
    if (good && !blank && !load_head(c, f, head)) {
        c->counts.bad++;
        port_remark(p, "file %llu: the head of its compressed units is damaged",
                    (unsigned long long)f->file);
        good = false;
        r->status = FILE_CORRUPT;
        if (anew) {
            memset(f->used, 0, f->room);
            memset(f->part, 0, sizeof f->part);
            f->used[0] = 1;
            f->end = f->rover = 1;
            f->unit = c->unit;
            f->size = 0;
            f->changed = good = true;
            r->status = FILE_OK;
        }
    }
    for (uint32_t k = 0; good && k < COMPRESS_PARTS && f->part[k] != 0; k++) {
        file_runs_add(p, &runs, (uint64_t)f->part[k] * COMPRESS_GRAIN,
                      (uint64_t)COMPRESS_GRAIN << k);
        grains += 1u << k;
    }
    if (good && grains > 0) {
        file_runs_end(&runs);
        all = port_alloc(p, (size_t)grains * COMPRESS_GRAIN);
        f->count = grains * COMPRESS_FAN;
        f->units = port_alloc(p, f->count * sizeof *f->units);
        f->dirty = port_alloc(p, grains);
        good = read_below(c, r, &runs, f->file, all, (size_t)grains * COMPRESS_GRAIN);
        for (uint32_t g = 0; good && g < grains; g++)
            load_index(c, f, g, all + (size_t)g * COMPRESS_GRAIN);
    }
    port_free(p, all);
    port_free(p, head);
    return good;
}

/* ---- files in memory ---- */

static void file_free(struct compress *c, struct compress_file *f)
{
    struct port *p = c->sys.port;
    port_free(p, f->units);
    port_free(p, f->dirty);
    port_free(p, f->used);
    port_free(p, f->limbo);
    port_free(p, f);
}

void compress_forget(struct compress *c, struct compress_file *f)
{
    ASSERT(f->users == 0);
    (void)xk_map_unbind(&c->map, &f->file);
    list_remove(&f->link);
    file_free(c, f);
}

void compress_close(struct compress *c, struct compress_file *f)
{
    f->users--;
    for (struct list *l = c->known.prev, *before;
         l != &c->known && xk_map_count(&c->map) > c->files; l = before) {
        struct compress_file *x = LIST_ENTRY(l, struct compress_file, link);
        before = l->prev;
        if (x->users == 0 && !x->changed && x->late == FILE_OK)
            compress_forget(c, x);
    }
}

struct compress_file *compress_open(struct compress *c, struct file_req *r, uint64_t file,
                                    bool anew)
{
    struct compress_file *f = xk_map_resolve(&c->map, &file), *other;
    struct file_req q;
    if (f == NULL) {
        file_req_init(&q, FILE_STAT, NULL, NULL);
        q.file = file;
        if (file_turn_ask(&c->sys, &q, r) != FILE_OK)
            return NULL;
        if (q.attr.mode & FILE_MODE_DIR) {
            r->status = FILE_IS_DIR;
            return NULL;
        }
        f = port_alloc(c->sys.port, sizeof *f);
        *f = (struct compress_file){ .file = file, .unit = c->unit, .rover = 1 };
        f->below = q.attr.size < (uint64_t)UINT32_MAX * COMPRESS_GRAIN
                       ? compress_grains(q.attr.size)
                       : UINT32_MAX;
        mark(c, f, 0, 1, true);
        if (f->below > 0 && !load(c, r, f, anew)) {
            file_free(c, f);
            return NULL;
        }
        other = xk_map_resolve(&c->map, &file); /* two looked at once */
        if (other != NULL) {
            file_free(c, f);
            f = other;
        } else {
            xk_map_bind(&c->map, &file, f);
            list_init(&f->link);
        }
    }
    list_remove(&f->link);
    list_push_front(&c->known, &f->link);
    f->users++;
    return f;
}

/* ---- a new index ---- */

static bool write_below(struct compress *c, struct compress_file *f, struct file_req *r,
                        struct file_runs *runs, struct rope *data)
{
    struct file_req q;
    bool good = true;
    if (runs->count > 0) {
        file_runs_end(runs);
        file_req_init(&q, FILE_WRITE, NULL, NULL);
        q.file = f->file;
        q.runs = runs->runs;
        q.run_count = runs->count;
        rope_join(&q.data, data);
        good = file_turn_ask(&c->sys, &q, r) == FILE_OK;
        rope_fini(&q.data);
    }
    port_free(c->sys.port, runs->runs);
    *runs = (struct file_runs){ 0 };
    return good;
}

static bool flush_below(struct compress *c, struct compress_file *f, struct file_req *r)
{
    struct file_req q;
    file_req_init(&q, FILE_FLUSH, NULL, NULL);
    q.file = f->file;
    return file_turn_ask(&c->sys, &q, r) == FILE_OK;
}

/* Parts of the index that there were not, whole: no head says them yet. */
static bool add_parts(struct compress *c, struct compress_file *f, struct file_req *r)
{
    struct file_runs runs = { 0 };
    struct rope data;
    uint8_t *at = port_alloc(c->sys.port, COMPRESS_GRAIN);
    uint32_t need = 0;
    rope_init(&data);
    for (uint32_t i = 0; i < f->count; i++)
        need = f->units[i].place != 0 ? i / COMPRESS_FAN + 1 : need;
    for (uint32_t k = 0; k < COMPRESS_PARTS && (1u << k) - 1 < need; k++) {
        if (f->part[k] == 0) {
            f->part[k] = compress_take(c, f, 1u << k);
            f->fresh |= 1u << k;
        }
        if (!(f->fresh >> k & 1))
            continue;
        for (uint32_t g = (1u << k) - 1; g < (2u << k) - 1; g++) {
            store_index(f, g, at);
            file_runs_add(c->sys.port, &runs, (uint64_t)place_of(f, g) * COMPRESS_GRAIN,
                          COMPRESS_GRAIN);
            rope_add_bytes(&data, at, COMPRESS_GRAIN);
        }
    }
    bool good = write_below(c, f, r, &runs, &data);
    port_free(c->sys.port, at);
    rope_fini(&data);
    return good;
}

static bool write_index(struct compress *c, struct compress_file *f, struct file_req *r,
                        uint32_t fresh)
{
    struct file_runs runs = { 0 };
    struct rope data;
    uint8_t *at = port_alloc(c->sys.port, COMPRESS_GRAIN);
    rope_init(&data);
    store_head(f, at);
    file_runs_add(c->sys.port, &runs, 0, COMPRESS_GRAIN);
    rope_add_bytes(&data, at, COMPRESS_GRAIN);
    for (uint32_t g = 0; g < index_grains(f->count); g++) {
        uint32_t k = part_of(g);
        if (!f->dirty[g] || f->part[k] == 0 || fresh >> k & 1)
            continue;
        store_index(f, g, at);
        file_runs_add(c->sys.port, &runs, (uint64_t)place_of(f, g) * COMPRESS_GRAIN,
                      COMPRESS_GRAIN);
        rope_add_bytes(&data, at, COMPRESS_GRAIN);
    }
    for (uint32_t i = 0; i < f->count; i++)
        f->units[i].young = false; /* COMP2: from now on a crash may leave this index */
    bool good = write_below(c, f, r, &runs, &data);
    port_free(c->sys.port, at);
    rope_fini(&data);
    return good;
}

/* The four steps; false: r->status. */
static bool replace_index(struct compress *c, struct compress_file *f, struct file_req *r)
{
    if (!add_parts(c, f, r))
        return false;
    if (!flush_below(c, f, r)) {
        f->lost = r->status; /* units, maybe: no index may say where they are */
        return false;
    }
    uint32_t fresh = f->fresh;
    f->fresh = 0;
    return write_index(c, f, r, fresh) && flush_below(c, f, r);
}

enum file_status compress_commit(struct compress *c, struct compress_file *f, struct file_req *r)
{
    struct compress_unit x;
    if (f->lost != FILE_OK) {
        r->status = f->lost;
        return r->status;
    }
    if (!replace_index(c, f, r)) {
        if (r->status == FILE_UNREACHABLE)
            f->lost = r->status;
        return r->status;
    }
    c->counts.commits++;
    f->changed = false;
    f->changes = 0;
    for (uint32_t i = 0; i < index_grains(f->count); i++)
        f->dirty[i] = 0;
    while (f->limbo_count > 0) {
        x = f->limbo[--f->limbo_count];
        x.young = true;
        compress_drop(c, f, &x);
    }
    if (f->end < f->below) { /* what is left over at the end */
        struct file_req q;
        file_req_init(&q, FILE_SIZE, NULL, NULL);
        q.file = f->file;
        q.size = (uint64_t)f->end * COMPRESS_GRAIN;
        f->below = f->end;
        (void)file_turn_ask(&c->sys, &q, r);
    }
    return r->status;
}
