/* ahead.c: read-ahead: none, by hints, sequential, strided, neighbour; see ahead.h. */
#include "os/file/ahead.h"

enum growth { FIXED, DOUBLE };
static const char *const growths[] = { "fixed", "double", NULL };

struct ahead_params {
    int growth;
    int64_t streams;
    bool by_open;
};
static const struct param ahead_params[] = {
    P_CHOICE(
        ahead_params, growth, "fixed", growths,
        "Blocks ahead: all that may be from the first, or one, and twice as many each time the "
        "reader goes on."),
    P_INT(ahead_params, streams, "1", "1", "64",
          "Readers of a file that are told apart; of more the one that read least recently is "
          "forgotten."),
    P_BOOL(ahead_params, by_open, "false",
           "So many of each open file instead, and hints of how it will be read are of that alone; "
           "requests that do not say of which they are count as one open file."),
    P_END,
};

struct stream {
    uint64_t turn;      /* of its last READ; 0: none */
    uint64_t off, next; /* where that began, and ended */
    uint64_t ahead;     /* blocks before this were read ahead */
    int64_t distance;   /* from the READ before the last to that */
    uint32_t lists;     /* that were read ahead, at that distance */
    uint32_t known;     /* READs at that distance, the first included */
    uint32_t window;    /* blocks */
};

static uint32_t readers(const void *params)
{
    return (uint32_t)((const struct ahead_params *)params)->streams;
}

static bool by_open(const void *params)
{
    return ((const struct ahead_params *)params)->by_open;
}

/* Blocks ahead of a reader that goes on. */
static uint32_t window(const struct ahead_params *p, struct stream *s, uint32_t most)
{
    uint32_t grown = s->window == 0 ? 1 : 2 * s->window;
    s->window = p->growth == FIXED || grown > most ? most : grown;
    return s->window;
}

/* The blocks behind the READ, when half of them are not on their way. */
static void go_on(const struct ahead_params *p, struct stream *s, const struct ahead_read *r,
                  struct ahead_plan *out)
{
    uint32_t blocks = window(p, s, r->most);
    uint64_t from = (r->end - 1) / r->block + 1, to = from + blocks;
    if (s->ahead < from || s->ahead > to)
        s->ahead = from;
    if (to - s->ahead < (blocks + 1) / 2) /* long requests */
        return;
    out->from = s->ahead;
    out->to = to;
    s->ahead = to;
}

/* The lists behind this one at its distance, the same way. */
static void step_on(const struct ahead_params *p, struct stream *s, const struct ahead_read *r,
                    struct ahead_plan *out)
{
    uint32_t blocks = window(p, s, r->most);
    uint32_t lists = r->blocks < blocks ? (uint32_t)(blocks / r->blocks) : 1;
    s->lists -= s->lists > 0;
    if (s->lists > lists || lists - s->lists < (lists + 1) / 2)
        return;
    out->distance = s->distance;
    out->first = s->lists + 1;
    out->last = lists;
    s->lists = lists;
}

static bool expects(const struct stream *s, uint64_t off)
{
    return s->known > 1 && s->distance != 0 && off - s->off == (uint64_t)s->distance;
}

/* The reader whose READ this may be: one that goes on there; one that is expected there, or has
 * read once (strided); the one that read least recently. */
static struct stream *reader(const struct ahead_params *p, struct stream *all,
                             const struct ahead_read *r, bool strided)
{
    struct stream *s = all, *once = NULL;
    for (int64_t i = 0; i < p->streams; i++)
        if (all[i].next == r->off)
            return &all[i];
    for (int64_t i = 0; i < p->streams; i++) {
        struct stream *x = &all[i];
        if (strided && expects(x, r->off))
            return x;
        if (x->known == 1 && x->turn > 0 && (once == NULL || x->turn > once->turn))
            once = x;
        s = x->turn < s->turn ? x : s;
    }
    if (strided && once != NULL)
        return once;
    if (p->streams > 1) /* another reader */
        *s = (struct stream){ .next = UINT64_MAX };
    return s;
}

static uint64_t last_turn(const struct ahead_params *p, const struct stream *all)
{
    uint64_t turn = 0;
    for (int64_t i = 0; i < p->streams; i++)
        turn = all[i].turn > turn ? all[i].turn : turn;
    return turn;
}

static void read_of(const struct ahead_params *p, void *state, const struct ahead_read *r,
                    struct ahead_plan *out, bool strided)
{
    struct stream *s = reader(p, state, r, strided);
    bool on = r->way == FILE_SEQUENTIAL ||
              (r->way == FILE_AS_IT_COMES && r->off == s->next && r->end > r->off);
    bool steps = strided && r->way == FILE_AS_IT_COMES && expects(s, r->off);
    int64_t distance = (int64_t)(r->off - s->off);
    if (distance != s->distance || !steps)
        s->lists = 0;
    s->known = s->turn == 0 ? 1 : distance == s->distance ? s->known + 1 : 2;
    s->distance = s->turn == 0 ? 0 : distance;
    s->turn = last_turn(p, state) + 1;
    s->off = r->off;
    s->next = r->end;
    if (on && r->most > 0)
        go_on(p, s, r, out);
    else if (steps && r->most > 0)
        step_on(p, s, r, out);
    else
        s->window = 0;
}

static void sequential(const void *params, void *state, const struct ahead_read *r,
                       struct ahead_plan *out)
{
    read_of(params, state, r, out, false);
}

static void strided(const void *params, void *state, const struct ahead_read *r,
                    struct ahead_plan *out)
{
    read_of(params, state, r, out, true);
}

static void none(const void *params, void *state, const struct ahead_read *r,
                 struct ahead_plan *out)
{
    (void)params, (void)state, (void)r, (void)out;
}

static void hints(const void *params, void *state, const struct ahead_read *r,
                  struct ahead_plan *out)
{
    if (r->way == FILE_SEQUENTIAL)
        read_of(params, state, r, out, false);
}

/* Whoever goes on where somebody was. */
static void neighbour(const void *params, void *state, const struct ahead_read *r,
                      struct ahead_plan *out)
{
    (void)params, (void)state;
    if (r->way == FILE_SEQUENTIAL || (r->way == FILE_AS_IT_COMES && r->before)) {
        out->from = (r->end - 1) / r->block + 1;
        out->to = out->from + r->most;
    }
}

#define AHEAD(name_, doc_, ...)                                                                    \
    static const struct ahead_ops ahead_##name_ = {                                                \
        .kind = { .name = #name_, .doc = doc_, __VA_ARGS__ },                                      \
        .read = name_,                                                                             \
        .readers = readers,                                                                        \
        .by_open = by_open                                                                         \
    }
#define STREAMS                                                                                    \
    .params = ahead_params, .params_size = sizeof(struct ahead_params),                            \
    .state_size = sizeof(struct stream)

static const struct ahead_ops ahead_none = {
    .kind = { .name = "none", .doc = "Nothing but what FILE_WILL_READ names." }, .read = none
};
AHEAD(hints, "Behind reads of a file that FILE_SEQUENTIAL was said of.", STREAMS);
AHEAD(sequential, "Behind a read that goes on where the one before ended.", STREAMS);
AHEAD(strided,
      "The same, and what a read would find that comes at the distance that the last two had.",
      STREAMS);
static const struct ahead_ops ahead_neighbour = {
    .kind = { .name = "neighbour",
              .doc = "Behind a read before which the cache has the block, or there is none: so "
                     "for each of many readers." },
    .read = neighbour,
};
static const struct kind *const aheads[] = { &ahead_sequential.kind, &ahead_none.kind,
                                             &ahead_hints.kind,      &ahead_strided.kind,
                                             &ahead_neighbour.kind,  NULL };
const struct kind_set file_read_aheads = { "read-ahead", "read_ahead of the layer cache", aheads };

bool ahead_by_open(const struct kind_choice *c)
{
    const struct ahead_ops *ops = (const struct ahead_ops *)c->kind;
    return ops->by_open != NULL && ops->by_open(c->params);
}

size_t ahead_bytes(const struct kind_choice *c)
{
    const struct ahead_ops *ops = (const struct ahead_ops *)c->kind;
    return c->kind->state_size * (ops->readers != NULL ? ops->readers(c->params) : 1);
}

void ahead_forget(const struct kind_choice *c, void *state)
{
    const struct ahead_ops *ops = (const struct ahead_ops *)c->kind;
    struct stream *all = state;
    for (uint32_t i = 0; ops->readers != NULL && i < ops->readers(c->params); i++)
        all[i].ahead = all[i].lists = 0;
}
