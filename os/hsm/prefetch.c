/* prefetch.c: what is staged before anybody asks for it.  See prefetch.h.
 *
 * Each policy remembers a fixed number of things, whatever the archive has.  Sources: `last`, the
 * last successor, was right 72 % of the time on files of disks [Kroeger & Long, USENIX 1996 and
 * 1999, known here by an abstract]; the others are common property.
 */
#include "os/hsm/prefetch.h"

#include <string.h>

enum {
    NEXT_FILES = 256,  /* next: files whose last read is remembered; ASSUMED(some KiB) */
    LAST_ORDER = 4,    /* last: files that make a context, at most */
    LAST_SLOTS = 1024, /* last: contexts; ASSUMED(some KiB) */
    LAST_WAYS = 8,     /* last: slots in which a context may stand */
    LIST_ROOM = 4096   /* list: runs; ASSUMED(100 KiB) */
};

struct base { /* of all of them; first */
    const struct prefetch_door *door;
    const void *params;
    uint64_t file; /* the last that was read */
};

static void base_init(void *state, struct port *p, const struct prefetch_door *door,
                      const void *params)
{
    (void)p;
    *(struct base *)state = (struct base){ .door = door, .params = params };
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

struct next_params {
    int64_t depth, reads;
};
static const struct param next_desc[] = {
    P_INT(next_params, depth, "4", "1", "1000000",
          "As much is staged behind a read, in reads of its length.", "ASSUMED(a few)"),
    P_INT(next_params, reads, "1", "1", "1000000",
          "Reads of a file in a row, each from where the one before ended (the first: from its "
          "beginning), before that is done.",
          "ASSUMED(the first is believed)"),
    P_END,
};
struct next {
    struct base base;
    struct {
        uint64_t file, end;
        int64_t reads; /* in a row */
    } last[NEXT_FILES];
};

static void next_access(void *state, const struct prefetch_access *a)
{
    struct next *s = state;
    const struct next_params *p = s->base.params;
    uint32_t i = slot_of(a->file, NEXT_FILES);
    uint64_t end = a->off + a->len, depth = (uint64_t)p->depth, size;
    bool known = s->last[i].file == a->file;
    bool on = known ? s->last[i].end == a->off : a->off == 0;
    if (a->write)
        return;
    s->last[i].reads = !on ? 0 : known ? s->last[i].reads + 1 : 1;
    s->last[i].file = a->file;
    s->last[i].end = end;
    size = s->base.door->size(s->base.door->arg, a->file);
    if (s->last[i].reads < p->reads || size == UINT64_MAX || end >= size)
        return;
    uint64_t len = a->len > (size - end) / depth ? size - end : a->len * depth;
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

/* ---- near, set: what lies behind it on tape; its data set ---- */

struct near_params {
    int64_t files;
};
static const struct param near_desc[] = {
    P_INT(near_params, files, "2", "1", "1000000", "Neighbours that are staged.",
          "ASSUMED(while one is read the next is staged)"),
    P_END,
};

static void neighbours(struct base *b, const struct prefetch_access *a,
                       uint64_t (*next)(void *arg, uint64_t file))
{
    const struct near_params *p = b->params;
    uint64_t file = a->file;
    if (a->write || file == b->file)
        return;
    b->file = file;
    for (int64_t i = 0; i < p->files; i++) {
        file = next(b->door->arg, file);
        if (file == 0 || file == a->file)
            return;
        stage_all(b, file);
    }
}

static void near_access(void *state, const struct prefetch_access *a)
{
    struct base *b = state;
    neighbours(b, a, b->door->behind);
}

static void set_access(void *state, const struct prefetch_access *a)
{
    struct base *b = state;
    neighbours(b, a, b->door->mate);
}

/* ---- last: the file that came after it the last time ---- */

struct last_params {
    int64_t order, confidence, depth;
};
static const struct param last_desc[] = {
    P_INT(last_params, order, "1", "1", "4",
          "Files by which the next is foretold: this one and those that were read before it.",
          "Kroeger & Long 1996: the last successor"),
    P_INT(last_params, confidence, "1", "1", "1000000",
          "So often in a row the same file must have followed before it is believed.",
          "Kroeger & Long 1996: the last successor"),
    P_INT(last_params, depth, "2", "1", "1000",
          "Files that are staged: the one that follows, the one that follows that ...",
          "ASSUMED(while one is read the next is staged)"),
    P_END,
};
struct last {
    struct base base;
    uint64_t past[LAST_ORDER]; /* what was read last is first; 0: nothing */
    struct context {
        uint64_t files[LAST_ORDER], then;
        int64_t right; /* so often in a row; 0: nothing is known */
    } known[LAST_SLOTS];
};

static bool is_context(const struct last *s, const struct context *c, const uint64_t *past)
{
    const struct last_params *p = s->base.params;
    bool same = c->right > 0;
    for (int64_t i = 0; i < p->order; i++)
        same = same && c->files[i] == past[i];
    return same;
}

/* Where it stands, or may. */
static struct context *context_of(struct last *s, const uint64_t *past)
{
    const struct last_params *p = s->base.params;
    struct context *free_one = NULL;
    uint64_t key = past[0];
    for (int64_t i = 1; i < p->order; i++)
        key = key * UINT64_C(0xd1342543de82ef95) + past[i];
    uint32_t at = slot_of(key, LAST_SLOTS);
    for (uint32_t i = 0; i < LAST_WAYS; i++) {
        struct context *c = &s->known[(at + i) % LAST_SLOTS];
        if (is_context(s, c, past))
            return c;
        if (free_one == NULL && c->right == 0)
            free_one = c;
    }
    return free_one != NULL ? free_one : &s->known[at];
}

static void push_past(uint64_t *past, uint64_t file)
{
    memmove(past + 1, past, (LAST_ORDER - 1) * sizeof *past);
    past[0] = file;
}

static void learn(struct last *s, uint64_t then)
{
    const struct last_params *p = s->base.params;
    struct context *c = context_of(s, s->past);
    if (s->past[p->order - 1] == 0)
        return;
    if (is_context(s, c, s->past) && c->then == then) {
        c->right++;
        return;
    }
    *c = (struct context){ .then = then, .right = 1 };
    memcpy(c->files, s->past, (size_t)p->order * sizeof *c->files);
}

static void last_access(void *state, const struct prefetch_access *a)
{
    struct last *s = state;
    const struct last_params *p = s->base.params;
    uint64_t past[LAST_ORDER];
    if (a->write || a->file == s->past[0])
        return;
    learn(s, a->file);
    push_past(s->past, a->file);
    memcpy(past, s->past, sizeof past);
    for (int64_t i = 0; i < p->depth; i++) {
        const struct context *c = context_of(s, past);
        if (!is_context(s, c, past) || c->right < p->confidence)
            break;
        if (c->then != a->file)
            stage_all(&s->base, c->then);
        push_past(past, c->then);
    }
}

static void last_gone(void *state, uint64_t file)
{
    struct last *s = state;
    for (size_t i = 0; i < LAST_SLOTS; i++) {
        struct context *c = &s->known[i];
        for (size_t k = 0; k < LAST_ORDER; k++)
            if (c->files[k] == file)
                c->right = 0;
        if (c->then == file)
            c->right = 0;
    }
    for (size_t k = 0; k < LAST_ORDER; k++)
        if (s->past[k] == file) {
            memset(s->past, 0, sizeof s->past);
            break;
        }
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

struct list_params {
    int64_t depth, search;
};
static const struct param list_desc[] = {
    P_INT(list_params, depth, "8", "1", "4096", "Runs of bytes that are asked for.",
          "ASSUMED(some pulls)"),
    P_INT(list_params, search, "64", "1", "4096",
          "Runs among which a read is looked for; what is before it is forgotten.",
          "ASSUMED(many wrong ones)"),
    P_END,
};
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
    const struct list_params *p = s->base.params;
    for (uint32_t i = 0; i < s->count && i < p->depth; i++) {
        const struct said *x = said_at(s, i);
        if (x->len > 0)
            (void)s->base.door->stage(s->base.door->arg, x->file, x->off, x->len);
    }
}

static void list_hint(void *state, uint64_t file, const struct file_run *runs, uint32_t count)
{
    struct list_state *s = state;
    const struct list_params *p = s->base.params;
    for (uint32_t i = 0; i < count && s->count < LIST_ROOM; i++)
        if (reach(&runs[i]) > 0)
            *said_at(s, s->count++) = (struct said){ file, runs[i].off, reach(&runs[i]) };
    if (s->count <= p->depth)
        list_ask(s);
}

/* What was said before the read that comes now will not come any more.  A read of the first of
 * them does not end it: it may be one of several. */
static void list_access(void *state, const struct prefetch_access *a)
{
    struct list_state *s = state;
    const struct list_params *p = s->base.params;
    for (uint32_t i = 0; !a->write && i < s->count && i < p->search; i++) {
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
              .doc = "Where reads of a file go on: so many times as much behind them.",
              .params = next_desc,
              .params_size = sizeof(struct next_params),
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
              .doc = "The files that lie behind the one that is read on its cartridge.",
              .params = near_desc,
              .params_size = sizeof(struct near_params),
              .state_size = sizeof(struct base) },
    .places = true,
    .init = base_init,
    .access = near_access,
};
static const struct prefetch_ops set = {
    .kind = { .name = "set",
              .doc = "The next files of the data set of the one that is read: of its directory, "
                     "with the same name but for its number.",
              .params = near_desc,
              .params_size = sizeof(struct near_params),
              .state_size = sizeof(struct base) },
    .init = base_init,
    .access = set_access,
};
static const struct prefetch_ops last = {
    .kind = { .name = "last",
              .doc = "The file that was read after this one, or after these, the last time.",
              .params = last_desc,
              .params_size = sizeof(struct last_params),
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
              .doc = "Of what programs say that they will read the next few, by what they read; "
                     "what was passed over is forgotten.",
              .params = list_desc,
              .params_size = sizeof(struct list_params),
              .state_size = sizeof(struct list_state) },
    .init = base_init,
    .access = list_access,
    .hint = list_hint,
    .gone = list_gone,
};

static const struct kind *const policies[] = { &none.kind,  &next.kind, &file.kind,
                                               &near.kind,  &set.kind,  &last.kind,
                                               &hints.kind, &list.kind, NULL };
const struct kind_set hsm_prefetches = { "prefetcher", "prefetch of the layer hsm", policies };
