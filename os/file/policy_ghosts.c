/* policy_ghosts.c: 2Q and ARC, which remember blocks that are gone; see policy.h.
 *
 * Both keep what was asked for once apart from what was asked for again, so that a file that is
 * read through once drives out no more than the first part.  A block that is gone leaves its name,
 * a ghost; who comes back while that is there has been asked for again.  A block read ahead counts
 * as asked for once; what it came for is no second time.
 */
#include "os/file/policies.h"
#include "os/xk/map.h"

#include <string.h>

struct ghost {
    struct list link;
    struct {
        uint64_t file, index;
    } key;
    uint8_t of; /* which row it was in */
};

struct ghosts {
    struct list row[2]; /* the oldest first */
    uint32_t count[2];
    struct xk_map map;
};

static void ghosts_init(struct ghosts *g, struct port *port)
{
    list_init(&g->row[0]);
    list_init(&g->row[1]);
    xk_map_init(&g->map, port, sizeof(((struct ghost *)NULL)->key));
}

static struct ghost *ghost_of(struct ghosts *g, uint64_t file, uint64_t index)
{
    const uint64_t key[2] = { file, index };
    return g->count[0] + g->count[1] > 0 ? xk_map_resolve(&g->map, key) : NULL;
}

static void ghost_end(struct ghosts *g, struct port *port, struct ghost *x)
{
    (void)xk_map_unbind(&g->map, &x->key);
    g->count[x->of]--;
    list_remove(&x->link);
    port_free(port, x);
}

static void ghost_trim(struct ghosts *g, struct port *port, uint8_t of, uint32_t most)
{
    while (g->count[of] > most)
        ghost_end(g, port, LIST_ENTRY(g->row[of].next, struct ghost, link));
}

static void ghost_new(struct ghosts *g, struct port *port, const struct cache_entry *e)
{
    struct ghost *x = port_alloc(port, sizeof *x);
    *x = (struct ghost){ .key = { e->file, e->index }, .of = e->in };
    list_init(&x->link);
    list_push(&g->row[x->of], &x->link);
    g->count[x->of]++;
    xk_map_bind(&g->map, &x->key, x);
}

static void ghosts_fini(struct ghosts *g, struct port *port)
{
    ghost_trim(g, port, 0, 0);
    ghost_trim(g, port, 1, 0);
    xk_map_fini(&g->map);
}

/* The rows of blocks of both policies. */
enum { ONCE, AGAIN };
struct rows {
    struct list row[2]; /* the oldest first */
    uint32_t count[2];
    struct ghosts ghosts;
};

static void rows_init(struct rows *r, struct port *port)
{
    list_init(&r->row[ONCE]);
    list_init(&r->row[AGAIN]);
    ghosts_init(&r->ghosts, port);
}

static void rows_put(struct rows *r, struct cache_entry *e, uint8_t in)
{
    e->in = in;
    list_push(&r->row[in], &e->link);
    r->count[in]++;
}

static void rows_cut(struct rows *r, struct cache_entry *e)
{
    list_remove(&e->link);
    r->count[e->in]--;
}

static void rows_demote(struct cache_policy *p, struct cache_entry *e)
{
    struct rows *r = p->state;
    list_remove(&e->link);
    list_push_front(&r->row[e->in], &e->link);
}

static void rows_fini(struct cache_policy *p)
{
    struct rows *r = p->state;
    ghosts_fini(&r->ghosts, p->port);
}

/* Of row `in`, or, where none of that may go, of the other. */
static struct cache_entry *rows_victim(struct cache_policy *p, struct rows *r, uint8_t in)
{
    struct cache_entry *e = cache_policy_first(p, &r->row[in]);
    return e != NULL ? e : cache_policy_first(p, &r->row[!in]);
}

/* ---- 2Q ---- */

struct q2_params {
    double kin, kout;
};
static const struct param q2_params[] = {
    P_REAL(q2_params, kin, "0.25", "0", "1",
           "Of the blocks: as many as came once and are first in, first out.",
           "[Johnson & Shasha 1994]: 25 % of the page slots"),
    P_REAL(q2_params, kout, "0.5", "0", "1",
           "Of the blocks: the names of as many that went are remembered.",
           "[Johnson & Shasha 1994]: as many as half of the page slots"),
    P_END,
};

struct q2 {
    struct rows rows; /* first; ONCE is A1in, its ghosts A1out, AGAIN is Am */
    uint32_t in, out;
};

static void q2_init(struct cache_policy *p)
{
    struct q2 *q = p->state;
    struct q2_params x;
    memcpy(&x, p->params, sizeof x);
    rows_init(&q->rows, p->port);
    q->in = (uint32_t)(x.kin * p->most);
    q->in = q->in > 0 ? q->in : 1;
    q->out = (uint32_t)(x.kout * p->most);
}

static void q2_enter(struct cache_policy *p, struct cache_entry *e)
{
    struct q2 *q = p->state;
    struct ghosts *g = &q->rows.ghosts;
    struct ghost *x = ghost_of(g, e->file, e->index);
    rows_put(&q->rows, e, x != NULL ? AGAIN : ONCE);
    if (x != NULL)
        ghost_end(g, p->port, x);
    ghost_trim(g, p->port, ONCE, q->out);
    ASSERT(g->count[ONCE] <= p->most); /* POL3 */
}

static void q2_used(struct cache_policy *p, struct cache_entry *e, bool first)
{
    struct q2 *q = p->state;
    (void)first;
    if (e->in == AGAIN) {
        list_remove(&e->link);
        list_push(&q->rows.row[AGAIN], &e->link);
    }
}

static struct cache_entry *q2_victim(struct cache_policy *p, uint64_t file, uint64_t index)
{
    struct q2 *q = p->state;
    (void)file, (void)index;
    return rows_victim(p, &q->rows, q->rows.count[ONCE] > q->in ? ONCE : AGAIN);
}

static void q2_left(struct cache_policy *p, struct cache_entry *e, bool evicted)
{
    struct q2 *q = p->state;
    rows_cut(&q->rows, e);
    if (evicted && e->in == ONCE)
        ghost_new(&q->rows.ghosts, p->port, e);
}

const struct cache_policy_ops cache_policy_2q = {
    .kind = { .name = "2q",
              .doc = "2Q, full version: what came once is first in, first out; what comes back "
                     "soon after that is kept as by lru [Johnson & Shasha 1994].",
              .params = q2_params,
              .params_size = sizeof(struct q2_params),
              .state_size = sizeof(struct q2) },
    .init = q2_init,
    .fini = rows_fini,
    .enter = q2_enter,
    .used = q2_used,
    .victim = q2_victim,
    .left = q2_left,
    .demote = rows_demote,
};

/* ---- ARC ---- */

struct arc {
    struct rows rows; /* first; T1 and T2, their ghosts B1 and B2 */
    uint32_t target;  /* p of the paper, in whole blocks: of T1 */
    bool asked;       /* a victim was asked for this block, for which the target is */
    uint64_t file, index;
    uint32_t next;
};

/* The target once a block has come whose ghost is x. */
static uint32_t adapted(const struct cache_policy *p, const struct arc *a, const struct ghost *x)
{
    const uint32_t *n = a->rows.ghosts.count;
    if (x == NULL)
        return a->target;
    if (x->of == ONCE) {
        uint32_t more = n[AGAIN] > n[ONCE] ? n[AGAIN] / n[ONCE] : 1;
        return p->most - a->target < more ? p->most : a->target + more;
    }
    uint32_t less = n[ONCE] > n[AGAIN] ? n[ONCE] / n[AGAIN] : 1;
    return a->target < less ? 0 : a->target - less;
}

static void arc_init(struct cache_policy *p)
{
    struct arc *a = p->state;
    rows_init(&a->rows, p->port);
}

static struct cache_entry *arc_victim(struct cache_policy *p, uint64_t file, uint64_t index)
{
    struct arc *a = p->state;
    const struct ghost *x = ghost_of(&a->rows.ghosts, file, index);
    uint32_t once = a->rows.count[ONCE];
    a->asked = true; /* POL2: the target changes when the block comes */
    a->file = file;
    a->index = index;
    a->next = adapted(p, a, x);
    bool first = once > a->next || (x != NULL && x->of == AGAIN && once == a->next);
    return rows_victim(p, &a->rows, first ? ONCE : AGAIN);
}

static void arc_enter(struct cache_policy *p, struct cache_entry *e)
{
    struct arc *a = p->state;
    struct rows *r = &a->rows;
    struct ghosts *g = &r->ghosts;
    struct ghost *x = ghost_of(g, e->file, e->index);
    bool asked = a->asked && a->file == e->file && a->index == e->index;
    a->target = asked ? a->next : adapted(p, a, x);
    a->asked = false;
    rows_put(r, e, x != NULL ? AGAIN : ONCE);
    if (x != NULL)
        ghost_end(g, p->port, x);
    ghost_trim(g, p->port, ONCE, p->most - r->count[ONCE]); /* T1 and B1: one cache */
    uint32_t others = r->count[ONCE] + r->count[AGAIN] + g->count[ONCE];
    ghost_trim(g, p->port, AGAIN, 2 * p->most - others); /* all: two */
    ASSERT(others + g->count[AGAIN] <= 2 * p->most);     /* POL3 */
}

static void arc_used(struct cache_policy *p, struct cache_entry *e, bool first)
{
    struct arc *a = p->state;
    rows_cut(&a->rows, e);
    rows_put(&a->rows, e, first ? e->in : AGAIN);
}

static void arc_left(struct cache_policy *p, struct cache_entry *e, bool evicted)
{
    struct arc *a = p->state;
    rows_cut(&a->rows, e);
    if (evicted)
        ghost_new(&a->rows.ghosts, p->port, e);
}

const struct cache_policy_ops cache_policy_arc = {
    .kind = { .name = "arc",
              .doc = "ARC: as 2q, but how many came once is learnt from what comes back [Megiddo & "
                     "Modha 2003].",
              .state_size = sizeof(struct arc) },
    .init = arc_init,
    .fini = rows_fini,
    .enter = arc_enter,
    .used = arc_used,
    .victim = arc_victim,
    .left = arc_left,
    .demote = rows_demote,
};
