/* prefetch.c: what is staged before anybody asks for it.  See prefetch.h.
 *
 * Each policy remembers a fixed number of things, whatever the archive has.  Sources: `last`, the
 * last successor, was right 72 % of the time on files of disks [Kroeger & Long, USENIX 1996 and
 * 1999, known here by an abstract]; the others are common property.
 */
#include "os/hsm/prefetch.h"

enum {
    NEXT_AHEAD = 4,    /* next: reads of the same length; ASSUMED(a few) */
    NEXT_FILES = 256,  /* next: files whose last read is remembered; ASSUMED(some KiB) */
    NEAR_AHEAD = 2,    /* near: files; ASSUMED(while one is read the next is staged) */
    LAST_FILES = 1024, /* last: successors; ASSUMED(some KiB) */
    LAST_AHEAD = 2,    /* last: successors of successors */
    LIST_ROOM = 4096,  /* list: runs; ASSUMED(100 KiB) */
    LIST_AHEAD = 8,    /* list: runs that are asked for */
    LIST_SEARCH = 64   /* list: how far on a read is looked for; ASSUMED(many wrong ones) */
};

struct base { /* of all of them; first */
    const struct prefetch_door *door;
    struct port *port;
    uint64_t file; /* the last that was read */
};

static void base_init(void *state, struct port *p, const struct prefetch_door *door)
{
    *(struct base *)state = (struct base){ .door = door, .port = p };
}

static void stage_all(const struct base *b, uint64_t file)
{
    uint64_t size = b->door->size(b->door->arg, file);
    if (size > 0 && size != UINT64_MAX)
        (void)b->door->stage(b->door->arg, file, 0, size);
}

static uint32_t slot_of(uint64_t file, uint32_t slots)
{
    uint64_t z = file * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)((z >> 32) % slots);
}

/* ---- next: the bytes behind, where reads go on ---- */

struct next {
    struct base base;
    struct {
        uint64_t file, end;
    } last[NEXT_FILES];
};

static void next_access(void *state, const struct prefetch_access *a)
{
    struct next *s = state;
    uint32_t i = slot_of(a->file, NEXT_FILES);
    uint64_t end = a->off + a->len, size;
    bool on = s->last[i].file == a->file ? s->last[i].end == a->off : a->off == 0;
    if (a->write)
        return;
    s->last[i].file = a->file;
    s->last[i].end = end;
    size = s->base.door->size(s->base.door->arg, a->file);
    if (!on || size == UINT64_MAX || end >= size)
        return;
    uint64_t len = a->len > (size - end) / NEXT_AHEAD ? size - end : a->len * NEXT_AHEAD;
    (void)s->base.door->stage(s->base.door->arg, a->file, end, len);
}

static void next_gone(void *state, uint64_t file)
{
    struct next *s = state;
    uint32_t i = slot_of(file, NEXT_FILES);
    if (s->last[i].file == file)
        s->last[i].file = 0;
}

/* ---- file: all of a file of which something is read ---- */

static void file_access(void *state, const struct prefetch_access *a)
{
    struct base *b = state;
    uint64_t size = a->write ? UINT64_MAX : b->door->size(b->door->arg, a->file);
    uint64_t end = a->off + a->len;
    if (size == UINT64_MAX)
        return;
    if (end < size)
        (void)b->door->stage(b->door->arg, a->file, end, size - end);
    if (a->off > 0)
        (void)b->door->stage(b->door->arg, a->file, 0, a->off < size ? a->off : size);
}

/* ---- near: the files that were made after it ---- */

static void near_access(void *state, const struct prefetch_access *a)
{
    struct base *b = state;
    if (a->write || a->file == b->file)
        return;
    b->file = a->file;
    for (uint64_t i = 1; i <= NEAR_AHEAD; i++)
        stage_all(b, a->file + i);
}

/* ---- last: the file that came after it the last time ---- */

struct last {
    struct base base;
    struct {
        uint64_t file, then;
    } known[LAST_FILES];
};

static uint64_t successor(const struct last *s, uint64_t file)
{
    uint32_t i = slot_of(file, LAST_FILES);
    return s->known[i].file == file ? s->known[i].then : 0;
}

static void last_access(void *state, const struct prefetch_access *a)
{
    struct last *s = state;
    uint64_t before = s->base.file, file = a->file;
    if (a->write || file == before)
        return;
    s->base.file = file;
    if (before != 0) {
        uint32_t i = slot_of(before, LAST_FILES);
        s->known[i].file = before;
        s->known[i].then = file;
    }
    for (int i = 0; i < LAST_AHEAD && file != 0; i++) {
        file = successor(s, file);
        if (file != 0 && file != a->file)
            stage_all(&s->base, file);
    }
}

static void last_gone(void *state, uint64_t file)
{
    struct last *s = state;
    uint32_t i = slot_of(file, LAST_FILES);
    if (s->known[i].file == file)
        s->known[i].file = 0;
    if (s->base.file == file)
        s->base.file = 0;
}

/* ---- hints: what the program says, as it says it ---- */

static uint64_t reach(const struct file_run *r)
{
    return r->count == 0 ? 0 : (r->count - 1) * r->stride + r->len;
}

static void hints_hint(void *state, uint64_t file, const struct file_run *runs, uint32_t count)
{
    struct base *b = state;
    for (uint32_t i = 0; i < count; i++)
        if (reach(&runs[i]) > 0)
            (void)b->door->stage(b->door->arg, file, runs[i].off, reach(&runs[i]));
}

/* ---- list: of what the program says the next few, by what it reads ---- */

struct list_state {
    struct base base;
    uint32_t first, count;
    struct said {
        uint64_t file, off, len;
    } said[LIST_ROOM];
};

static struct said *said_at(struct list_state *s, uint32_t i)
{
    return &s->said[(s->first + i) % LIST_ROOM];
}

static void list_ask(struct list_state *s)
{
    for (uint32_t i = 0; i < s->count && i < LIST_AHEAD; i++) {
        const struct said *x = said_at(s, i);
        if (x->len > 0)
            (void)s->base.door->stage(s->base.door->arg, x->file, x->off, x->len);
    }
}

static void list_hint(void *state, uint64_t file, const struct file_run *runs, uint32_t count)
{
    struct list_state *s = state;
    for (uint32_t i = 0; i < count && s->count < LIST_ROOM; i++)
        if (reach(&runs[i]) > 0)
            *said_at(s, s->count++) = (struct said){ file, runs[i].off, reach(&runs[i]) };
    if (s->count <= LIST_AHEAD)
        list_ask(s);
}

/* What was said before the read that comes now will not come any more.  A read of the first of
 * them does not end it: it may be one of several. */
static void list_access(void *state, const struct prefetch_access *a)
{
    struct list_state *s = state;
    for (uint32_t i = 0; !a->write && i < s->count && i < LIST_SEARCH; i++) {
        const struct said *x = said_at(s, i);
        if (x->file == a->file && x->off < a->off + a->len && a->off < x->off + x->len) {
            bool over = a->off + a->len >= x->off + x->len;
            s->first = (s->first + i + over) % LIST_ROOM;
            s->count -= i + over;
            break;
        }
    }
    if (!a->write)
        list_ask(s);
}

static void list_gone(void *state, uint64_t file)
{
    struct list_state *s = state;
    for (uint32_t i = 0; i < s->count; i++)
        if (said_at(s, i)->file == file)
            said_at(s, i)->len = 0;
}

static const struct prefetch_ops none = {
    .kind = { .name = "none", .doc = "Nothing is staged that nobody has asked for." },
};
static const struct prefetch_ops next = {
    .kind = { .name = "next",
              .doc = "Where reads of a file go on: four times as much behind them.",
              .state_size = sizeof(struct next) },
    .init = base_init,
    .access = next_access,
    .gone = next_gone,
};
static const struct prefetch_ops file = {
    .kind = { .name = "file",
              .doc = "All of a file of which something is read.",
              .state_size = sizeof(struct base) },
    .init = base_init,
    .access = file_access,
};
static const struct prefetch_ops near = {
    .kind = { .name = "near",
              .doc = "The two files that were made after the one that is read.",
              .state_size = sizeof(struct base) },
    .init = base_init,
    .access = near_access,
};
static const struct prefetch_ops last = {
    .kind = { .name = "last",
              .doc = "The file that was read after this one the last time, and its successor.",
              .state_size = sizeof(struct last) },
    .init = base_init,
    .access = last_access,
    .gone = last_gone,
};
static const struct prefetch_ops hints = {
    .kind = { .name = "hints",
              .doc = "What programs say that they will read, as they say it.",
              .state_size = sizeof(struct base) },
    .init = base_init,
    .hint = hints_hint,
};
static const struct prefetch_ops list = {
    .kind = { .name = "list",
              .doc = "Of what programs say that they will read the next eight, by what they read; "
                     "what was passed over is forgotten.",
              .state_size = sizeof(struct list_state) },
    .init = base_init,
    .access = list_access,
    .hint = list_hint,
    .gone = list_gone,
};

static const struct kind *const policies[] = { &none.kind, &next.kind,  &file.kind, &near.kind,
                                               &last.kind, &hints.kind, &list.kind, NULL };
const struct kind_set hsm_prefetches = { "prefetcher", "prefetch of the layer hsm", policies };
