/* pfs_round.c: the metadata server's meetings: rounds of ranks, shared pointers, gathers. */
#include "os/pfs/pfs_meta.h"

#include <string.h>

/* ---- meetings ---- */

static void meeting_init(struct meta *m, struct meeting *t, uint32_t ranks)
{
    t->ranks = ranks;
    t->come = 0;
    t->calls = port_alloc(m->port, ranks * sizeof *t->calls);
    for (uint32_t i = 0; i < ranks; i++)
        list_init(&t->calls[i]);
}

static struct pfs_call *meeting_come(struct meta *m, struct meeting *t, struct select_request *q,
                                     uint32_t rank, uint64_t value)
{
    t->come += list_empty(&t->calls[rank]);
    return pfs_meta_hang(m, &t->calls[rank], q, value);
}

/* The first call of a rank that waits. */
static struct pfs_call *meeting_head(const struct meeting *t, uint32_t rank)
{
    return LIST_ENTRY(t->calls[rank].next, struct pfs_call, link);
}

/* Answers it. */
static void meeting_leave(struct meta *m, struct meeting *t, uint32_t rank, enum pfs_status s,
                          const struct pfs_meta_msg *out, const uint32_t *group)
{
    struct pfs_call *w = LIST_ENTRY(list_pop(&t->calls[rank]), struct pfs_call, link);
    t->come -= list_empty(&t->calls[rank]);
    if (group != NULL) /* of names */
        pfs_log_reply(m, w->request, s, out, group);
    else
        pfs_meta_reply(w->request, s, out, NULL);
    port_free(m->port, w);
}

void pfs_meeting_end(struct meta *m, struct meeting *t, enum pfs_status s)
{
    for (uint32_t i = 0; t->come > 0 && i < t->ranks; i++)
        while (!list_empty(&t->calls[i]))
            meeting_leave(m, t, i, s, &(struct pfs_meta_msg){ 0 }, NULL);
}

bool pfs_rank_lost(const struct meta *m, uint32_t ranks)
{
    return port_incarnation(m->port) > 1 || m->lowest_lost < ranks;
}

/* ---- groups: the ranks that share a file ---- */

void pfs_group_join(struct meta *m, struct meta_file *f, uint32_t rank, uint32_t ranks,
                    uint32_t flags)
{
    if (ranks < 2)
        return;
    if (f->present == 0 && f->meeting.ranks != ranks) {
        port_free(m->port, f->meeting.calls);
        port_free(m->port, f->seats);
        meeting_init(m, &f->meeting, ranks);
        f->seats = port_alloc(m->port, ranks * sizeof *f->seats);
    }
    if (f->meeting.ranks != ranks)
        return; /* what they call together is refused */
    if (f->present == 0)
        f->returns = flags & PFS_O_RETURN;
    struct seat *x = &f->seats[rank];
    f->present += x->opens++ == 0;
    f->closed -= x->closed;
    x->closed = false;
}

void pfs_group_leave(struct meta *m, struct meta_file *f, uint32_t rank)
{
    struct seat *x = &f->seats[rank];
    if (x->opens == 0 || --x->opens > 0)
        return;
    x->closed = true;
    f->closed++;
    pfs_meeting_end(m, &f->meeting, PFS_CLOSED); /* no round can become complete */
    if (--f->present > 0)
        return;
    for (uint32_t i = 0; i < f->meeting.ranks; i++)
        f->seats[i].closed = false;
    f->closed = 0;
    f->record = 0;
    f->number++;
}

bool pfs_in_group(const struct meta_file *f, const struct pfs_meta_msg *a)
{
    return a->ranks > 1 && a->ranks == f->meeting.ranks && a->rank < a->ranks;
}

/* ---- shared pointers ---- */

/* The range of a call when the pointer is at `off`. */
static enum pfs_status range_of(const struct meta_file *f, struct pfs_call *w, uint64_t off)
{
    uint64_t room = w->flags & PFS_META_WRITE ? PFS_SIZE_MAX : f->size;
    uint64_t left = off < room ? room - off : 0;
    w->off = off;
    w->len = w->value < left ? w->value : left;
    return (w->flags & PFS_META_WRITE) && w->len < w->value ? PFS_NO_SPACE : PFS_OK;
}

static struct pfs_meta_msg range_reply(const struct meta_file *f, const struct pfs_call *w)
{
    return (
        struct pfs_meta_msg){ .id = f->pointer, .size = f->size, .value = w->off, .unit = w->len };
}

/* Where a seek sets the pointer. */
static enum pfs_status seek_to(const struct meta_file *f, const struct pfs_call *w,
                               uint64_t *pointer)
{
    unsigned from = w->flags & (PFS_META_CUR | PFS_META_END);
    uint64_t off = w->value;
    enum pfs_status s = pfs_seek_from(from == PFS_META_CUR ? f->pointer : f->size, from, &off);
    if (s == PFS_OK)
        *pointer = off;
    return s;
}

void pfs_pointer_move(struct select_request *q, struct meta_file *f, const struct pfs_meta_msg *a)
{
    struct pfs_call w = { .flags = a->flags, .value = a->value };
    enum pfs_status s = PFS_OK;
    if (a->flags & PFS_META_SEEK)
        s = seek_to(f, &w, &f->pointer);
    else if ((s = range_of(f, &w, f->pointer)) == PFS_OK)
        f->pointer += w.len;
    struct pfs_meta_msg out = range_reply(f, &w);
    pfs_meta_reply(q, s, &out, NULL);
}

/* Whether a call may be made together with the first of its round. */
static enum pfs_status alike(const struct meta *m, const struct pfs_call *x,
                             const struct pfs_call *w)
{
    const uint32_t what = PFS_META_SEEK | PFS_META_MODE;
    uint32_t mode = x->flags >> PFS_META_MODE_AT;
    if (((x->flags ^ w->flags) & what) || w->flags >> PFS_META_MODE_AT != mode)
        return PFS_BAD_MODE;
    if (!(x->flags & what))
        return pfs_mode_at(m->modes, mode)->agree(x, w);
    if (w->value == x->value && w->flags == x->flags)
        return PFS_OK;
    return w->flags & PFS_META_MODE ? PFS_BAD_MODE : PFS_BAD_RECORD;
}

static enum pfs_status all_alike(const struct meta *m, const struct meeting *t)
{
    enum pfs_status s = PFS_OK;
    uint64_t record = 0;
    for (uint32_t rank = 0; rank < t->ranks && s != PFS_BAD_MODE; rank++) {
        const struct pfs_call *w = meeting_head(t, rank);
        enum pfs_status one = alike(m, meeting_head(t, 0), w);
        s = one != PFS_OK ? one : s;
        if (w->record > 0 && record > 0 && w->record != record && s == PFS_OK)
            s = PFS_BAD_RECORD;
        record = w->record > 0 ? w->record : record;
    }
    return s;
}

/* All ranks have come: ranges in order of rank, or one range for all. */
static void give_round(struct meta *m, struct meta_file *f, struct meeting *t)
{
    enum pfs_status s = all_alike(m, t);
    uint64_t pointer = f->pointer;
    unsigned flags = meeting_head(t, 0)->flags;
    bool one = pfs_mode_at(m->modes, flags >> PFS_META_MODE_AT)->is & PFS_MODE_ONE;
    for (uint32_t rank = 0; s == PFS_OK && rank < t->ranks; rank++) {
        struct pfs_call *w = meeting_head(t, rank);
        if (flags & (PFS_META_MODE | PFS_META_SEEK)) {
            pointer = 0;
            s = flags & PFS_META_SEEK ? seek_to(f, w, &pointer) : PFS_OK;
            continue;
        }
        s = range_of(f, w, pointer);
        if (!one || rank + 1 == t->ranks)
            pointer += w->len;
    }
    if (s == PFS_OK) {
        f->pointer = pointer;
        f->round++;
        f->number += (flags & PFS_META_MODE) != 0;
    }
    for (uint32_t rank = 0; rank < t->ranks; rank++) {
        struct pfs_meta_msg out = range_reply(f, meeting_head(t, rank));
        out.ranks = flags & PFS_META_MODE ? f->number : f->round;
        meeting_leave(m, t, rank, s, &out, NULL);
    }
}

/* A seek, a setiomode, or a request of a mode that has rounds. */
static bool may_meet(const struct meta *m, uint32_t flags)
{
    uint32_t mode = flags >> PFS_META_MODE_AT;
    return (flags & (PFS_META_SEEK | PFS_META_MODE)) ||
           (mode < PFS_MODES && pfs_mode_at(m->modes, mode)->agree != NULL);
}

static bool broken(const struct meta *m, const struct meta_file *f, uint32_t ranks)
{
    return !f->returns && pfs_rank_lost(m, ranks);
}

void pfs_round_call(struct meta *m, struct select_request *q, struct meta_file *f,
                    const struct pfs_meta_msg *a)
{
    struct list calls;
    struct meeting alone = { .ranks = 1, .calls = &calls };
    struct meeting *t = a->ranks > 1 ? &f->meeting : &alone;
    enum pfs_status s = PFS_OK;
    list_init(&calls);
    if (pfs_in_group(f, a) ? broken(m, f, a->ranks) : pfs_rank_lost(m, a->ranks))
        s = PFS_NODE_DOWN;
    else if (!may_meet(m, a->flags) || (t != &alone && !pfs_in_group(f, a)))
        s = PFS_BAD_MODE;
    else if (t != &alone && f->closed > 0)
        s = PFS_CLOSED;
    if (s != PFS_OK) {
        pfs_meta_answer(q, s, 0, 0);
        return;
    }
    struct pfs_call *w = meeting_come(m, t, q, t == &alone ? 0 : a->rank, a->value);
    w->flags = a->flags;
    w->record = a->unit;
    while (t->come == t->ranks)
        give_round(m, f, t);
}

void pfs_group_lost(struct meta *m, struct meta_file *f, uint32_t node)
{
    if (broken(m, f, f->meeting.ranks))
        pfs_meeting_end(m, &f->meeting, PFS_NODE_DOWN);
    for (uint32_t i = 0; i < f->meeting.ranks; i++)
        if (m->layout->compute[i] == node && f->seats[i].opens > 0) {
            f->seats[i].opens = 1;
            pfs_group_leave(m, f, i);
        }
}

/* ---- gathers ---- */

/* pfs_agree, and gopen by name. */
struct gather {
    struct list link;
    bool open;
    char tag[PFS_NAME_MAX + 1];
    struct meeting meeting;
    uint32_t count;
    struct pfs_meta_msg args; /* gopen: of rank 0 */
    uint32_t group[PFS_FACTOR_MAX];
};

static struct gather *gather_of(struct meta *m, const struct pfs_meta_msg *a, bool open)
{
    LIST_EACH (k, &m->gathers) {
        struct gather *g = LIST_ENTRY(k, struct gather, link);
        if (g->open == open && strcmp(g->tag, a->name) == 0)
            return g;
    }
    struct gather *g = port_alloc(m->port, sizeof *g);
    g->open = open;
    memcpy(g->tag, a->name, sizeof g->tag);
    meeting_init(m, &g->meeting, a->ranks);
    list_push(&m->gathers, &g->link);
    return g;
}

static void gather_drop(struct meta *m, struct gather *g)
{
    list_remove(&g->link);
    port_free(m->port, g->meeting.calls);
    port_free(m->port, g);
}

void pfs_gather_agree(struct meta *m, struct select_request *q, const struct pfs_meta_msg *a)
{
    struct pfs_meta_msg out = { 0 };
    if (pfs_rank_lost(m, a->ranks)) {
        pfs_meta_answer(q, PFS_NODE_DOWN, 0, 0);
        return;
    }
    struct gather *g = gather_of(m, a, false);
    struct meeting *t = &g->meeting;
    if (a->ranks != t->ranks) {
        pfs_meta_answer(q, PFS_BAD_MODE, 0, 0);
        return;
    }
    (void)meeting_come(m, t, q, g->count++, a->value);
    if (t->come < t->ranks)
        return;
    for (uint32_t i = 0; i < t->ranks; i++) {
        uint64_t v = meeting_head(t, i)->value;
        out.value = v > out.value ? v : out.value;
    }
    for (uint32_t i = 0; i < t->ranks; i++)
        meeting_leave(m, t, i, PFS_OK, &out, NULL);
    gather_drop(m, g);
}

void pfs_gather_open(struct meta *m, struct select_request *q, const struct pfs_meta_msg *a,
                     const uint32_t *group)
{
    struct gather *g = gather_of(m, a, true);
    struct meeting *t = &g->meeting;
    if (a->ranks != t->ranks) {
        pfs_meta_answer(q, PFS_BAD_MODE, 0, 0);
        return;
    }
    (void)meeting_come(m, t, q, a->rank, a->value);
    if (a->rank == 0) {
        g->args = *a;
        memcpy(g->group, group, sizeof g->group);
    }
    if (t->come < t->ranks)
        return;
    enum pfs_status s = PFS_OK;
    struct pfs_meta_msg out = { 0 };
    struct meta_file *f = NULL;
    for (uint32_t i = 1; i < t->ranks; i++)
        if (meeting_head(t, i)->value != meeting_head(t, 0)->value)
            s = PFS_BAD_MODE;
    if (s == PFS_OK && (s = pfs_tree_file(m, &g->args, g->group, &f)) == PFS_OK) {
        f->number++;
        out = pfs_meta_file_reply(f);
        out.flags |= g->args.flags;
    }
    for (uint32_t i = 0; i < t->ranks; i++) {
        if (s == PFS_OK)
            pfs_group_join(m, f, i, t->ranks, g->args.flags);
        meeting_leave(m, t, i, s, &out, s == PFS_OK ? f->attrs->group : NULL);
    }
    if (t->come == 0)
        gather_drop(m, g);
}

void pfs_gather_lost(struct meta *m)
{
    LIST_EACH_SAFE (l, nx, &m->gathers) {
        struct gather *g = LIST_ENTRY(l, struct gather, link);
        if (!pfs_rank_lost(m, g->meeting.ranks))
            continue;
        pfs_meeting_end(m, &g->meeting, PFS_NODE_DOWN);
        gather_drop(m, g);
    }
}
