/* shelf.c: see shelf.h. */
#include "workloads/tape/shelf.h"

enum { THERE = 1, UNREAD = 2, BEFORE = 4 }; /* of a piece: ahead and not read; once was there */

struct kept {
    uint64_t bytes;
    sim_time used, came;
    uint64_t uses;
    double note;
    uint32_t at; /* among those that are there, or NONE */
};
#define NONE UINT32_MAX

struct shelf {
    struct port *port;
    struct shelf_params p;
    uint32_t files, pieces, count;
    const uint64_t *size;
    struct kept *kept;
    uint32_t *there; /* files of which something is there */
    uint8_t *state;  /* of each piece */
    uint64_t bytes;
    sim_time now;
    const struct replace_ops *replacement;
    const struct prefetch_ops *prefetcher;
    void *replace, *prefetch; /* their states */
    struct prefetch_door door;
    struct shelf_counts counts;
};

static uint64_t piece_bytes(const struct shelf *s, uint32_t file)
{
    return s->size[file] / s->pieces;
}

static uint8_t *piece_of(struct shelf *s, uint32_t file, uint32_t piece)
{
    return &s->state[file * (uint64_t)s->pieces + piece];
}

static struct replace_file seen(struct shelf *s, uint32_t file)
{
    struct kept *k = &s->kept[file];
    return (struct replace_file){ .file = file + (uint64_t)1,
                                  .size = k->bytes,
                                  .idle = s->now - k->used,
                                  .age = s->now - k->came,
                                  .fetch = 0,
                                  .uses = k->uses,
                                  .note = &k->note };
}

static void purge(struct shelf *s, uint32_t file, double value)
{
    struct kept *k = &s->kept[file];
    const struct replace_file f = seen(s, file);
    if (s->replacement->purged != NULL)
        s->replacement->purged(s->replace, &f, value);
    for (uint32_t i = 0; i < s->pieces; i++) {
        uint8_t *x = piece_of(s, file, i);
        s->counts.wasted += (*x & UNREAD) != 0;
        *x &= BEFORE;
    }
    s->bytes -= k->bytes;
    s->counts.purged++;
    uint32_t last = s->there[--s->count];
    s->there[k->at] = last;
    s->kept[last].at = k->at;
    *k = (struct kept){ .at = NONE };
}

/* The file that goes first, but not `keep`. */
static uint32_t victim(struct shelf *s, uint32_t keep, double *value)
{
    uint32_t best = NONE;
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t file = s->there[i];
        const struct replace_file f = seen(s, file);
        double v = file == keep ? 0 : s->replacement->value(s->replace, &f);
        if (file != keep && (best == NONE || v > *value || (v >= *value && file < best))) {
            best = file;
            *value = v;
        }
    }
    return best;
}

/* Room for so much more of `file`; false: there is none. */
static bool make_room(struct shelf *s, uint32_t file, uint64_t bytes)
{
    uint64_t high = (uint64_t)((double)s->p.room * s->p.high);
    uint64_t low = (uint64_t)((double)s->p.room * s->p.low);
    if (s->kept[file].bytes + bytes > high)
        return false;
    if (s->bytes + bytes <= high)
        return true;
    while (s->bytes + bytes > high || s->bytes > low) {
        double value = 0;
        uint32_t goes = victim(s, file, &value);
        if (goes == NONE)
            break;
        purge(s, goes, value);
    }
    return s->bytes + bytes <= high;
}

static void put(struct shelf *s, uint32_t file, uint32_t piece, uint8_t as)
{
    struct kept *k = &s->kept[file];
    uint8_t *x = piece_of(s, file, piece);
    s->counts.fetched++;
    s->counts.again += (*x & BEFORE) != 0;
    *x = THERE | BEFORE | as;
    if (k->at == NONE) {
        *k = (struct kept){ .used = s->now, .came = s->now, .at = s->count };
        s->there[s->count++] = file;
    }
    k->bytes += piece_bytes(s, file);
    s->bytes += piece_bytes(s, file);
}

/* ---- the door of a policy of prefetch ---- */

static bool stage(void *arg, uint64_t handle, uint64_t off, uint64_t len)
{
    struct shelf *s = arg;
    bool any = false;
    if (handle == 0 || handle > s->files)
        return false;
    uint32_t file = (uint32_t)(handle - 1);
    uint64_t each = piece_bytes(s, file), high = (uint64_t)((double)s->p.room * s->p.high);
    for (uint32_t i = (uint32_t)(off / each); i < s->pieces && i * each < off + len; i++) {
        if (*piece_of(s, file, i) & THERE)
            continue;
        if (s->bytes + each > high) {
            s->counts.refused++;
            break;
        }
        put(s, file, i, UNREAD);
        s->counts.ahead++;
        any = true;
    }
    return any;
}

static uint64_t size_of(void *arg, uint64_t handle)
{
    const struct shelf *s = arg;
    return handle == 0 || handle > s->files ? UINT64_MAX : s->size[handle - 1];
}

/* A file lies behind another as their numbers say. */
static uint64_t behind(void *arg, uint64_t handle)
{
    const struct shelf *s = arg;
    return handle > 0 && handle < s->files ? handle + 1 : 0;
}

static uint64_t mate(void *arg, uint64_t handle)
{
    const struct shelf *s = arg;
    uint64_t next = handle;
    if (handle == 0 || handle > s->files)
        return handle;
    do
        next = next % s->files + 1;
    while (s->p.set != NULL && s->p.set[next - 1] != s->p.set[handle - 1]);
    return next;
}

struct shelf *shelf_create(struct port *port, const struct shelf_params *p, uint32_t files,
                           uint32_t pieces, const uint64_t *size)
{
    struct shelf *s = port_alloc(port, sizeof *s);
    *s = (struct shelf){ .port = port, .p = *p, .files = files, .pieces = pieces, .size = size };
    s->kept = port_alloc(port, files * sizeof *s->kept);
    s->there = port_alloc(port, files * sizeof *s->there);
    s->state = port_alloc(port, files * (size_t)pieces);
    for (uint32_t i = 0; i < files; i++)
        s->kept[i].at = NONE;
    s->replacement = (const struct replace_ops *)p->replace.kind;
    s->prefetcher = (const struct prefetch_ops *)p->prefetch.kind;
    s->replace = port_alloc(port, p->replace.kind->state_size + 1);
    s->prefetch = port_alloc(port, p->prefetch.kind->state_size + 1);
    s->door = (struct prefetch_door){
        .arg = s, .stage = stage, .size = size_of, .behind = behind, .mate = mate
    };
    if (s->replacement->init != NULL)
        s->replacement->init(s->replace, s->p.replace.params);
    if (s->prefetcher->init != NULL)
        s->prefetcher->init(s->prefetch, port, &s->door, s->p.prefetch.params);
    return s;
}

void shelf_free(struct shelf *s)
{
    port_free(s->port, s->kept);
    port_free(s->port, s->there);
    port_free(s->port, s->state);
    port_free(s->port, s->replace);
    port_free(s->port, s->prefetch);
    port_free(s->port, s);
}

void shelf_hint(struct shelf *s, uint32_t file, uint32_t piece)
{
    uint64_t each = piece_bytes(s, file);
    const struct file_run run = { .off = piece * each, .len = each, .count = 1 };
    if (s->prefetcher->hint != NULL)
        s->prefetcher->hint(s->prefetch, file + (uint64_t)1, &run, 1);
}

static void used(struct shelf *s, uint32_t file)
{
    struct kept *k = &s->kept[file];
    k->used = s->now;
    k->uses++;
    const struct replace_file f = seen(s, file);
    if (s->replacement->used != NULL)
        s->replacement->used(s->replace, &f);
}

bool shelf_read(struct shelf *s, uint32_t file, uint32_t piece)
{
    uint8_t *x = piece_of(s, file, piece);
    uint64_t each = piece_bytes(s, file);
    bool hit = (*x & THERE) != 0;
    s->now += SIM_SEC;
    s->counts.reads++;
    s->counts.bytes += each;
    s->counts.hits += hit;
    s->counts.hit_bytes += hit ? each : 0;
    s->counts.used += (*x & UNREAD) != 0;
    *x &= (uint8_t)~UNREAD;
    for (uint32_t i = s->p.whole ? 0 : piece; !hit && i < s->pieces; i++) {
        if (!(*piece_of(s, file, i) & THERE) && make_room(s, file, each)) {
            put(s, file, i, 0);
            s->counts.beside += i != piece;
        }
        if (!s->p.whole)
            break;
    }
    if (s->kept[file].at != NONE)
        used(s, file);
    const struct prefetch_access a = {
        .file = file + (uint64_t)1, .off = piece * each, .len = each, .hit = hit
    };
    if (s->prefetcher->access != NULL)
        s->prefetcher->access(s->prefetch, &a);
    ASSERT_MSG(s->bytes <= s->p.room, "SHELF1");
    return hit;
}

const struct shelf_counts *shelf_counts(const struct shelf *s)
{
    return &s->counts;
}

uint64_t shelf_used(const struct shelf *s)
{
    return s->bytes;
}

bool shelf_unread(const struct shelf *s, uint32_t file, uint32_t piece)
{
    return (s->state[file * (uint64_t)s->pieces + piece] & UNREAD) != 0;
}

/* ---- the best there can be ---- */

uint64_t shelf_best(struct port *port, const uint32_t *reads, uint64_t n, uint32_t files,
                    uint64_t room)
{
    uint64_t *next = port_alloc(port, n * sizeof *next), hits = 0;
    uint64_t *when = port_alloc(port, files * sizeof *when); /* it is wanted again; 0: not there */
    uint32_t *there = port_alloc(port, (room + 1) * sizeof *there);
    uint64_t count = 0;
    for (uint32_t i = 0; i < files; i++)
        when[i] = UINT64_MAX;
    for (uint64_t k = n; k-- > 0;) {
        next[k] = when[reads[k]];
        when[reads[k]] = k;
    }
    for (uint32_t i = 0; i < files; i++)
        when[i] = 0;
    for (uint64_t k = 0; k < n; k++) {
        uint64_t worst = 0;
        if (when[reads[k]] == k && k > 0) {
            hits++;
        } else {
            there[count++] = reads[k];
        }
        when[reads[k]] = next[k];
        if (count <= room)
            continue;
        for (uint64_t i = 1; i < count; i++) /* it itself may go at once */
            worst = when[there[i]] > when[there[worst]] ? i : worst;
        when[there[worst]] = 0;
        there[worst] = there[--count];
    }
    port_free(port, next);
    port_free(port, when);
    port_free(port, there);
    return hits;
}
