/* policy_program.c: LRU-SP, by which programs choose among their own blocks; see policy.h.
 *
 * All blocks stand in one row by their use, as with lru: its first is the candidate.  Where its
 * program has said nothing it goes.  Else the program's blocks of the lowest priority that has any
 * are looked at, from the one used least recently or (FILE_MRU) last, and that one, the choice,
 * goes.  Then the candidate takes the place of the choice in the row (swapping), and a placeholder
 * says that it stands there for the choice: when that one is missed while the candidate is there
 * and was not used since, the candidate of that miss is no other (POL4).
 *
 * A file is a program's of its own until FILE_PROGRAM says whose.  Blocks of a range have its
 * priority until each is used, or goes; those that are not there have none.
 */
#include "os/file/policies.h"
#include "os/xk/map.h"

struct level { /* blocks of a priority, the one used least recently first */
    struct list row;
    bool last_first;
};

struct cache_program {
    uint64_t key[2]; /* a file, 0; or 0, a number */
    struct level level[FILE_PRIORITIES];
    uint32_t files;
    bool hints; /* it has said something */
};

struct cache_program_file {
    uint64_t file;
    struct cache_program *program;
    uint8_t priority;
    bool hints; /* it is kept without blocks */
    uint32_t blocks;
};

struct stand {            /* a placeholder */
    struct list link;     /* program_state.stands, the oldest first */
    struct list of_block; /* of the block that stands there */
    struct own *block;
    uint64_t key[2]; /* whose place it is */
};

struct own {          /* what the policy has of a block */
    struct list link; /* of its level */
    struct list stands;
    struct cache_entry *e;
    struct cache_program_file *f;
};

struct program_state {
    struct list row; /* of cache_entry.link */
    struct xk_map files, programs, places;
    struct list stands;
    uint32_t stand_count;
    struct cache_entry *candidate, *choice; /* of the last question */
};

static struct own *own_of(const struct cache_entry *e)
{
    return e->own;
}

static void init(struct cache_policy *p)
{
    struct program_state *s = p->state;
    list_init(&s->row);
    list_init(&s->stands);
    xk_map_init(&s->files, p->port, sizeof(uint64_t));
    xk_map_init(&s->programs, p->port, 2 * sizeof(uint64_t));
    xk_map_init(&s->places, p->port, 2 * sizeof(uint64_t));
}

/* ---- programs and files ---- */

static struct cache_program *program_of(struct cache_policy *p, uint64_t file, uint64_t number)
{
    struct program_state *s = p->state;
    const uint64_t key[2] = { number == 0 ? file : 0, number };
    struct cache_program *g = xk_map_resolve(&s->programs, key);
    if (g != NULL)
        return g;
    g = port_alloc(p->port, sizeof *g);
    g->key[0] = key[0];
    g->key[1] = key[1];
    for (uint32_t i = 0; i < FILE_PRIORITIES; i++)
        list_init(&g->level[i].row);
    xk_map_bind(&s->programs, key, g);
    return g;
}

/* The file is the program's; one that nobody has any more is forgotten. */
static void set_program(struct cache_policy *p, struct cache_program_file *f,
                        struct cache_program *g)
{
    struct program_state *s = p->state;
    struct cache_program *old = f->program;
    f->program = g;
    if (g != NULL)
        g->files++;
    if (old != NULL && --old->files == 0) {
        (void)xk_map_unbind(&s->programs, old->key);
        port_free(p->port, old);
    }
}

static struct cache_program_file *file_of(struct cache_policy *p, uint64_t file)
{
    struct program_state *s = p->state;
    struct cache_program_file *f = xk_map_resolve(&s->files, &file);
    if (f != NULL)
        return f;
    f = port_alloc(p->port, sizeof *f);
    *f = (struct cache_program_file){ .file = file, .priority = FILE_PRIORITY_NORMAL };
    set_program(p, f, program_of(p, file, 0));
    xk_map_bind(&s->files, &file, f);
    return f;
}

static void file_free(struct cache_policy *p, struct cache_program_file *f)
{
    struct program_state *s = p->state;
    (void)xk_map_unbind(&s->files, &f->file);
    set_program(p, f, NULL);
    port_free(p->port, f);
}

static bool free_file(void *arg, const void *key, void *value)
{
    (void)key;
    file_free(arg, value);
    return true;
}

static void fini(struct cache_policy *p)
{
    struct program_state *s = p->state;
    xk_map_each(&s->files, free_file, p);
    ASSERT(s->stand_count == 0 && xk_map_count(&s->programs) == 0);
    xk_map_fini(&s->files);
    xk_map_fini(&s->programs);
    xk_map_fini(&s->places);
}

static void removed(struct cache_policy *p, uint64_t file)
{
    struct program_state *s = p->state;
    struct cache_program_file *f = xk_map_resolve(&s->files, &file);
    if (f == NULL)
        return;
    f->hints = false;
    if (f->blocks == 0)
        file_free(p, f);
}

/* ---- placeholders ---- */

static void stand_end(struct cache_policy *p, struct stand *x)
{
    struct program_state *s = p->state;
    (void)xk_map_unbind(&s->places, x->key);
    list_remove(&x->link);
    list_remove(&x->of_block);
    s->stand_count--;
    port_free(p->port, x);
}

static void stands_end(struct cache_policy *p, struct own *o)
{
    while (!list_empty(&o->stands))
        stand_end(p, LIST_ENTRY(o->stands.next, struct stand, of_block));
}

static struct stand *stand_of(struct program_state *s, uint64_t file, uint64_t index)
{
    const uint64_t key[2] = { file, index };
    return s->stand_count > 0 ? xk_map_resolve(&s->places, key) : NULL;
}

static void stand_new(struct cache_policy *p, struct own *o, const struct cache_entry *gone)
{
    struct program_state *s = p->state;
    struct stand *x = port_alloc(p->port, sizeof *x);
    *x = (struct stand){ .block = o, .key = { gone->file, gone->index } };
    list_init(&x->link);
    list_init(&x->of_block);
    list_push(&s->stands, &x->link);
    list_push(&o->stands, &x->of_block);
    xk_map_bind(&s->places, x->key, x);
    if (++s->stand_count > p->most) /* POL3 */
        stand_end(p, LIST_ENTRY(s->stands.next, struct stand, link));
}

/* ---- blocks ---- */

/* As the one of its level that was used last. */
static void level_put(struct own *o)
{
    list_remove(&o->link);
    list_push(&o->f->program->level[o->f->priority].row, &o->link);
}

static void enter(struct cache_policy *p, struct cache_entry *e)
{
    struct program_state *s = p->state;
    struct stand *x = stand_of(s, e->file, e->index);
    struct own *o = port_alloc(p->port, sizeof *o);
    *o = (struct own){ .e = e, .f = file_of(p, e->file) };
    list_init(&o->link);
    list_init(&o->stands);
    e->own = o;
    o->f->blocks++;
    list_push(&s->row, &e->link);
    level_put(o);
    if (x != NULL)
        stand_end(p, x);
}

static void used(struct cache_policy *p, struct cache_entry *e, bool first)
{
    struct program_state *s = p->state;
    struct own *o = own_of(e);
    (void)first;
    list_remove(&e->link);
    list_push(&s->row, &e->link);
    level_put(o);
    stands_end(p, o);
}

/* What came ahead and was not asked for yet goes when all the level is so. */
static struct own *choose(const struct cache_policy *p, struct level *l)
{
    struct own *other = NULL;
    for (struct list *x = l->last_first ? l->row.prev : l->row.next; x != &l->row;
         x = l->last_first ? x->prev : x->next) {
        struct own *o = LIST_ENTRY(x, struct own, link);
        if (!p->may_go(o->e))
            continue;
        if (!l->last_first || !o->e->ahead)
            return o;
        other = other != NULL ? other : o;
    }
    return other;
}

static struct cache_entry *victim(struct cache_policy *p, uint64_t file, uint64_t index)
{
    struct program_state *s = p->state;
    const struct stand *x = stand_of(s, file, index);
    s->candidate =
        x != NULL && p->may_go(x->block->e) ? x->block->e : cache_policy_first(p, &s->row);
    s->choice = s->candidate;
    if (s->candidate == NULL || !own_of(s->candidate)->f->program->hints)
        return s->choice;
    struct cache_program *g = own_of(s->candidate)->f->program;
    for (uint32_t i = 0; i < FILE_PRIORITIES; i++) {
        const struct own *o = choose(p, &g->level[i]);
        if (o != NULL)
            return s->choice = o->e;
    }
    return s->choice;
}

static void left(struct cache_policy *p, struct cache_entry *e, bool evicted)
{
    struct program_state *s = p->state;
    struct own *o = own_of(e);
    if (evicted && s->choice == e && s->candidate != e) {
        list_remove(&s->candidate->link);
        list_push(&e->link, &s->candidate->link); /* before it, which goes */
        stand_new(p, own_of(s->candidate), e);
    }
    s->choice = s->candidate = NULL;
    stands_end(p, o);
    list_remove(&e->link);
    list_remove(&o->link);
    if (--o->f->blocks == 0 && !o->f->hints)
        file_free(p, o->f);
    port_free(p->port, o);
    e->own = NULL;
}

static void demote(struct cache_policy *p, struct cache_entry *e)
{
    struct program_state *s = p->state;
    struct own *o = own_of(e);
    list_remove(&e->link);
    list_push_front(&s->row, &e->link);
    list_remove(&o->link);
    struct level *l = &o->f->program->level[0];
    if (l->last_first)
        list_push(&l->row, &o->link);
    else
        list_push_front(&l->row, &o->link);
}

/* ---- hints ---- */

/* Takes blocks [from, to) of the file out of its program's level, in their order. */
static void take(const struct cache_program_file *f, uint32_t level, uint64_t from, uint64_t to,
                 struct list *moved)
{
    LIST_EACH_SAFE (l, next, &f->program->level[level].row) {
        const struct own *o = LIST_ENTRY(l, struct own, link);
        if (o->f != f || o->e->index < from || o->e->index >= to)
            continue;
        list_remove(l);
        list_push(moved, l);
    }
}

/* They keep their order there, and go after all others. */
static void set_priority(struct cache_program_file *f, uint64_t from, uint64_t to,
                         uint32_t priority)
{
    struct level *l = &f->program->level[priority];
    struct list moved;
    list_init(&moved);
    for (uint32_t i = 0; i < FILE_PRIORITIES; i++)
        take(f, i, from, to, &moved);
    if (!l->last_first)
        list_splice(&l->row, &moved);
    while (!list_empty(&moved)) {
        struct list *x = moved.prev;
        list_remove(x);
        list_push_front(&l->row, x);
    }
}

/* Its blocks keep their levels, as if they were used now. */
static void move_to(struct cache_policy *p, struct cache_program_file *f, struct cache_program *now)
{
    if (f->program == now)
        return;
    struct list moved[FILE_PRIORITIES];
    for (uint32_t i = 0; i < FILE_PRIORITIES; i++) {
        list_init(&moved[i]);
        take(f, i, 0, UINT64_MAX, &moved[i]);
        list_splice(&now->level[i].row, &moved[i]);
    }
    set_program(p, f, now);
}

static void advise(struct cache_policy *p, const struct cache_advice *a)
{
    struct cache_program_file *f = file_of(p, a->file);
    bool all = a->to == UINT64_MAX;
    uint64_t most = FILE_PRIORITIES - 1;
    uint32_t priority = (uint32_t)(a->value < most ? a->value : most);
    f->hints = true;
    if (a->hint == FILE_PROGRAM) {
        move_to(p, f, program_of(p, a->file, a->value));
        return;
    }
    f->program->hints = true;
    if (a->hint == FILE_PRIORITY) {
        f->priority = all ? (uint8_t)priority : f->priority;
        set_priority(f, a->from, a->to, priority);
    } else {
        f->program->level[priority].last_first = a->hint == FILE_MRU;
    }
}

const struct cache_policy_ops cache_policy_application = {
    .kind = { .name = "application",
              .doc = "LRU-SP: as lru, but a program says which of its own blocks goes (hints "
                     "FILE_PRIORITY, FILE_MRU) [Cao, Felten & Li 1994].",
              .state_size = sizeof(struct program_state) },
    .init = init,
    .fini = fini,
    .enter = enter,
    .used = used,
    .victim = victim,
    .left = left,
    .demote = demote,
    .advise = advise,
    .removed = removed,
};
