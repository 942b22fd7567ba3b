/* ranks_place.c: where ranks meet: groups, their pointers and rounds, meetings by tag. */
#include "os/pio/ranks_internal.h"

#include <string.h>

struct ranks_group {
    struct pfs_hashed hashed;
    uint32_t ranks, present, closed; /* of the ranks: have it open, have closed it */
    uint32_t come;                   /* whose calls wait */
    struct seat {
        uint32_t opens;
        bool closed;
        struct list calls;
    } * seats;
    uint64_t pointer, limit, record;
    uint64_t known; /* the file has at least this size, */
    uint32_t cuts;  /* since it was cut so often */
};

static void answer(struct ranks *r, struct ranks_call *x, enum pio_status s,
                   const struct ranks_msg *m)
{
    struct ranks_msg out = *m;
    struct ranks_file *own = x->request == NULL ? x->file : NULL;
    out.status = s;
    if (own == NULL) {
        struct rope reply;
        rope_init(&reply);
        ranks_store(&reply, &out);
        select_reply(x->request, &reply);
        rope_fini(&reply);
    }
    port_free(r->port, x);
    if (own != NULL)
        ranks_took(own, &out);
}

static void refuse(struct ranks *r, struct ranks_call *x, enum pio_status s)
{
    answer(r, x, s, &(struct ranks_msg){ .status = s });
}

/* ---- groups ---- */

static struct ranks_group *group_new(struct ranks *r, uint32_t ranks, uint64_t limit)
{
    struct ranks_group *g = port_alloc(r->port, sizeof *g);
    g->ranks = ranks;
    g->limit = limit;
    g->seats = port_alloc(r->port, ranks * sizeof *g->seats);
    for (uint32_t i = 0; i < ranks; i++)
        list_init(&g->seats[i].calls);
    return g;
}

struct ranks_group *ranks_group_own(struct ranks *r, uint64_t limit)
{
    return group_new(r, 1, limit);
}

void ranks_group_drop(struct ranks *r, struct ranks_group *g)
{
    port_free(r->port, g->seats);
    port_free(r->port, g);
}

void ranks_group_cut(struct ranks_group *g)
{
    g->known = 0;
    g->cuts++;
}

static struct ranks_group *group_of(struct ranks *r, uint64_t key)
{
    LIST_EACH (l, pfs_hash_slot(&r->groups, key)) {
        struct ranks_group *g = LIST_ENTRY(l, struct ranks_group, hashed.link);
        if (g->hashed.key == key)
            return g;
    }
    return NULL;
}

/* Another number of ranks than there is: what those call together is refused. */
static struct ranks_group *join(struct ranks *r, uint64_t key, uint32_t rank, uint32_t ranks,
                                uint64_t limit)
{
    struct ranks_group *g = group_of(r, key);
    if (g == NULL) {
        g = group_new(r, ranks, limit);
        pfs_hash_add(&r->groups, &g->hashed, key);
    }
    if (g->ranks != ranks)
        return g;
    struct seat *x = &g->seats[rank];
    g->present += x->opens++ == 0;
    g->closed -= x->closed;
    x->closed = false;
    return g;
}

static struct ranks_call *head_of(const struct ranks_group *g, uint32_t rank)
{
    return LIST_ENTRY(g->seats[rank].calls.next, struct ranks_call, link);
}

/* A rank's first call gets its answer. */
static void go(struct ranks *r, struct ranks_group *g, uint32_t rank, enum pio_status s,
               const struct ranks_msg *m)
{
    struct ranks_call *x = head_of(g, rank);
    list_remove(&x->link);
    g->come -= list_empty(&g->seats[rank].calls);
    answer(r, x, s, m);
}

static void end_calls(struct ranks *r, struct ranks_group *g, enum pio_status s)
{
    for (uint32_t i = 0; g->come > 0 && i < g->ranks; i++)
        while (!list_empty(&g->seats[i].calls))
            go(r, g, i, s, &(struct ranks_msg){ .status = s });
}

static void leave(struct ranks *r, struct ranks_group *g, uint32_t rank)
{
    struct seat *x = &g->seats[rank];
    if (x->opens == 0 || --x->opens > 0)
        return;
    x->closed = true;
    g->closed++;
    end_calls(r, g, PIO_CLOSED); /* no round can become complete */
    if (--g->present > 0)
        return;
    pfs_hash_remove(&r->groups, &g->hashed);
    ranks_group_drop(r, g);
}

static bool lost(const struct ranks *r, uint32_t ranks)
{
    return port_incarnation(r->port) > 1 || r->lowest_lost < ranks;
}

/* ---- ops ---- */

/* The range of a call when the pointer is at `off`. */
static enum pio_status range_of(const struct ranks_group *g, const struct ranks_msg *m,
                                uint64_t off, uint64_t *len)
{
    uint64_t room = m->flags & RANKS_WRITE ? g->limit : g->known;
    uint64_t left = off < room ? room - off : 0;
    *len = m->value < left ? m->value : left;
    return (m->flags & RANKS_WRITE) && *len < m->value ? PIO_NO_SPACE : PIO_OK;
}

/* A read that may have more than is known to be there.  What its caller knows is learnt. */
static bool needs_size(struct ranks_group *g, const struct ranks_msg *m, uint64_t off,
                       const struct ranks_msg *who)
{
    if (m->what != RANKS_RANGE || (m->flags & RANKS_WRITE))
        return false;
    bool told = (who->flags & RANKS_SIZED) && who->cuts == g->cuts;
    if (told && who->size > g->known)
        g->known = who->size;
    return !told && (off >= g->known || m->value > g->known - off);
}

static struct ranks_msg need(const struct ranks_group *g)
{
    return (struct ranks_msg){ .flags = RANKS_NEED, .cuts = g->cuts };
}

/* An op that waits for nobody. */
static void alone(struct ranks *r, struct ranks_group *g, struct ranks_call *x)
{
    const struct ranks_msg *m = &x->m;
    struct ranks_msg out = { .value = g->pointer };
    enum pio_status s = (enum pio_status)m->status;
    if (s != PIO_OK) {
        out = (struct ranks_msg){ .status = s };
    } else if (needs_size(g, m, g->pointer, m)) {
        out = need(g);
    } else if (m->what == RANKS_SEEK) {
        g->pointer = m->value;
    } else if (m->what == RANKS_RECORD) {
        g->record = g->record > 0 ? g->record : m->value;
        s = g->record == m->value ? PIO_OK : PIO_BAD_RECORD;
    } else if ((s = range_of(g, m, g->pointer, &out.size)) == PIO_OK) {
        g->pointer += out.size;
    }
    out.pointer = g->pointer;
    answer(r, x, s, &out);
}

/* Whether b may be made together with a. */
static enum pio_status alike(const struct ranks_msg *a, const struct ranks_msg *b)
{
    bool same = a->value == b->value;
    if (a->what != b->what || a->mode != b->mode)
        return PIO_BAD_MODE;
    if (a->what == RANKS_MODE)
        return same ? PIO_OK : PIO_BAD_MODE;
    if (a->what == RANKS_SEEK)
        return same ? PIO_OK : PIO_BAD_RECORD;
    if (!(a->flags & PIO_MODE_SAME))
        return PIO_OK;
    if ((a->flags ^ b->flags) & RANKS_WRITE)
        return PIO_BAD_MODE;
    return same ? PIO_OK : PIO_BAD_RECORD;
}

static enum pio_status all_alike(const struct ranks_group *g)
{
    enum pio_status s = PIO_OK;
    for (uint32_t rank = 1; rank < g->ranks && s != PIO_BAD_MODE; rank++) {
        enum pio_status one = alike(&head_of(g, 0)->m, &head_of(g, rank)->m);
        s = one != PIO_OK ? one : s;
    }
    return s;
}

/* Where rank's range is after those before it; `off` moves on. */
static enum pio_status next_range(const struct ranks_group *g, uint32_t rank, uint64_t *off,
                                  struct ranks_msg *out)
{
    const struct ranks_msg *m = &head_of(g, rank)->m;
    out->value = *off;
    enum pio_status s = range_of(g, m, *off, &out->size);
    if (!(m->flags & PIO_MODE_SAME) || rank + 1 == g->ranks)
        *off += out->size;
    return s;
}

/* All ranks have come; false: rank 0 has to find out the size first. */
static bool give(struct ranks *r, struct ranks_group *g)
{
    enum pio_status s = all_alike(g);
    const struct ranks_msg *first = &head_of(g, 0)->m;
    s = s == PIO_OK ? (enum pio_status)first->status : s; /* it could not find out the size */
    uint32_t what = first->what;
    uint64_t value = first->value, end = g->pointer;
    struct ranks_msg out = { .round = 0 };
    for (uint32_t rank = 0; s == PIO_OK && what == RANKS_RANGE && rank < g->ranks; rank++) {
        if (needs_size(g, &head_of(g, rank)->m, end, first)) {
            out = need(g);
            go(r, g, 0, PIO_OK, &out);
            return false;
        }
        s = next_range(g, rank, &end, &out);
    }
    if (what != RANKS_RANGE)
        end = what == RANKS_SEEK ? value : 0;
    uint64_t off = g->pointer;
    if (s == PIO_OK) {
        g->pointer = end;
        g->record = what == RANKS_MODE ? 0 : g->record;
        r->rounds++;
    }
    for (uint32_t rank = 0, ranks = g->ranks; rank < ranks; rank++) {
        out = (struct ranks_msg){ .round = r->rounds, .pointer = end };
        if (s == PIO_OK && what == RANKS_RANGE)
            (void)next_range(g, rank, &off, &out);
        go(r, g, rank, s, &out);
    }
    return true;
}

void ranks_place_op(struct ranks *r, struct ranks_group *own, struct ranks_call *x)
{
    struct ranks_group *g = own != NULL ? own : group_of(r, x->m.key);
    bool together = (x->m.flags & PIO_MODE_TOGETHER) != 0;
    if (together && own == NULL && lost(r, x->m.ranks)) {
        refuse(r, x, PIO_NODE_DOWN);
    } else if (g == NULL || g->ranks != x->m.ranks || x->m.rank >= g->ranks) {
        refuse(r, x, lost(r, x->m.ranks) ? PIO_NODE_DOWN : PIO_BAD_MODE);
    } else if (!together) {
        alone(r, g, x);
    } else if (g->closed > 0) {
        refuse(r, x, PIO_CLOSED);
    } else {
        struct list *calls = &g->seats[x->m.rank].calls;
        g->come += list_empty(calls);
        if (x->m.flags & RANKS_SIZED)
            list_push_front(calls, &x->link);
        else
            list_push(calls, &x->link);
        while (g->come == g->ranks && give(r, g))
            ;
    }
}

/* ---- meetings ---- */

struct meeting {
    struct list link;
    uint32_t what, ranks, come;
    char tag[RANKS_TAG + 1];
    struct ranks_msg first; /* of rank 0 */
    struct ranks_call **calls;
};

static void meeting_end(struct ranks *r, struct meeting *t, enum pio_status s,
                        const struct ranks_msg *out)
{
    list_remove(&t->link);
    for (uint32_t i = 0; i < t->come; i++)
        answer(r, t->calls[i], s, out);
    port_free(r->port, t->calls);
    port_free(r->port, t);
}

static void meet(struct ranks *r, struct ranks_call *x)
{
    struct meeting *t = NULL;
    LIST_EACH (l, &r->meetings) {
        struct meeting *y = LIST_ENTRY(l, struct meeting, link);
        t = y->what == x->m.what && strcmp(y->tag, x->m.tag) == 0 ? y : t;
    }
    if (lost(r, x->m.ranks) || (t != NULL && t->ranks != x->m.ranks) || x->m.ranks == 0) {
        refuse(r, x, lost(r, x->m.ranks) ? PIO_NODE_DOWN : PIO_BAD_MODE);
        return;
    }
    if (t == NULL) {
        t = port_alloc(r->port, sizeof *t);
        t->what = x->m.what;
        t->ranks = x->m.ranks;
        memcpy(t->tag, x->m.tag, sizeof t->tag);
        t->calls = port_alloc(r->port, t->ranks * sizeof(struct ranks_call *));
        list_push(&r->meetings, &t->link);
    }
    if (x->m.rank == 0)
        t->first = x->m;
    t->calls[t->come++] = x;
    if (t->come < t->ranks)
        return;
    struct ranks_msg out = { .key = t->first.key, .flags = RANKS_ALIKE, .own = t->first.own };
    for (uint32_t i = 0; i < t->ranks; i++) {
        const struct ranks_msg *m = &t->calls[i]->m;
        out.value = m->value > out.value ? m->value : out.value;
        out.flags &= m->value == t->calls[0]->m.value ? RANKS_ALIKE : 0;
    }
    for (uint32_t i = 0; i < t->ranks && out.key != 0 && out.value == 0; i++)
        join(r, out.key, i, t->ranks, t->first.size)->pointer = 0;
    meeting_end(r, t, PIO_OK, &out);
}

/* ---- calls and deaths ---- */

static void serve(void *arg, struct select_request *q, uint32_t procedure, struct rope *args)
{
    struct ranks *r = arg;
    if (procedure == RANKS_SPREAD) {
        spread_receive(r->spread, q, args);
        return;
    }
    struct ranks_call *x = port_alloc(r->port, sizeof *x);
    x->request = q;
    list_init(&x->link);
    port_work(r->port, PORT_WORK_LOOKUP, 1);
    if (procedure >= RANKS_PROCS || !ranks_load(args, &x->m)) {
        refuse(r, x, PIO_BAD_MODE);
        return;
    }
    struct ranks_group *g = group_of(r, x->m.key);
    bool member = g != NULL && g->ranks == x->m.ranks && x->m.rank < g->ranks;
    if (procedure == RANKS_OP) {
        ranks_place_op(r, NULL, x);
    } else if (procedure == RANKS_MEET) {
        meet(r, x);
    } else {
        if (procedure == RANKS_JOIN && x->m.rank < x->m.ranks)
            (void)join(r, x->m.key, x->m.rank, x->m.ranks, x->m.size);
        else if (procedure == RANKS_LEAVE && member)
            leave(r, g, x->m.rank);
        else if (procedure == RANKS_CUT && g != NULL)
            ranks_group_cut(g);
        refuse(r, x, PIO_OK);
    }
}

static void group_lost(struct ranks *r, struct ranks_group *g, uint32_t rank)
{
    if (lost(r, g->ranks))
        end_calls(r, g, PIO_NODE_DOWN);
    if (rank < g->ranks && g->seats[rank].opens > 0) {
        g->seats[rank].opens = 1;
        leave(r, g, rank);
    }
}

static void peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    struct ranks *r = arg;
    uint32_t rank = UINT32_MAX;
    (void)life;
    for (uint32_t i = r->layout->compute_count; i-- > 0;)
        rank = r->layout->compute[i] == host ? i : rank;
    if (alive)
        spread_back(r->spread, host);
    if (alive || rank == UINT32_MAX)
        return;
    r->lowest_lost = rank < r->lowest_lost ? rank : r->lowest_lost;
    spread_fail(r->spread, host, false);
    for (size_t i = 0; i < (size_t)1 << r->groups.bits; i++)
        LIST_EACH_SAFE (l, nx, &r->groups.slots[i])
            group_lost(r, LIST_ENTRY(l, struct ranks_group, hashed.link), rank);
    LIST_EACH_SAFE (l, nx, &r->meetings) {
        struct meeting *t = LIST_ENTRY(l, struct meeting, link);
        if (lost(r, t->ranks))
            meeting_end(r, t, PIO_NODE_DOWN, &(struct ranks_msg){ .status = PIO_NODE_DOWN });
    }
}

void ranks_place_boot(struct ranks *r)
{
    pfs_hash_init(&r->groups, r->port);
    list_init(&r->meetings);
    r->lowest_lost = UINT32_MAX;
    xk_on_peer(r->rpc->kernel, peer_changed, r);
    enum xk_status served = select_serve(r->rpc, RANKS_SERVICE, serve, r);
    ASSERT(served == XK_OK);
}
