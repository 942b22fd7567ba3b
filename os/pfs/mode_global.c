/* mode_global.c: M_GLOBAL: one transfer for all ranks, spread along a binomial tree.
 *
 * Rank 0 reads (or writes) the range; the outcome goes to rank r's children r + 1, r + 2, r + 4 ...
 * below r's lowest bit, in parts of one call each.  Rank r of the file is compute node r.
 */
#include "os/pfs/pfs_internal.h"

/* What rank 0's transfer gave, at a rank: its request waits for it, or it for the request. */
struct outcome {
    struct list link;
    struct pfs_client *c;
    uint64_t id, moved;
    bool read, whole;
    enum pfs_status status;
    uint32_t rank, ranks, round;
    struct rope data;
    struct pfs_req *req; /* that waits */
    uint32_t sends;      /* to children under way */
    bool given;
};

struct send {
    struct list link; /* pfs_client.sends */
    struct outcome *o;
    uint32_t child;
    uint64_t at;
};

static struct outcome *outcome_find(struct pfs_client *c, uint64_t id, uint32_t round)
{
    LIST_EACH (l, &c->broadcast) {
        struct outcome *o = LIST_ENTRY(l, struct outcome, link);
        if (o->id == id && o->round == round && !o->given)
            return o;
    }
    return NULL;
}

static struct outcome *outcome_new(struct pfs_client *c, uint64_t id, uint32_t round)
{
    struct outcome *o = port_alloc(c->port, sizeof *o);
    o->c = c;
    o->id = id;
    o->round = round;
    rope_init(&o->data);
    list_push(&c->broadcast, &o->link);
    return o;
}

static void outcome_put(struct outcome *o)
{
    if (!o->given || o->sends > 0)
        return;
    list_remove(&o->link);
    rope_fini(&o->data);
    port_free(o->c->port, o);
}

static void send_part(struct send *s);

static void part_sent(void *arg, enum xk_status status, struct rope *reply)
{
    struct send *s = arg;
    struct outcome *o = s->o;
    (void)reply;
    if (status == XK_OK && s->at < o->data.length) {
        send_part(s);
        return;
    }
    port_free(o->c->port, s);
    o->sends--;
    outcome_put(o);
}

static void send_part(struct send *s)
{
    struct outcome *o = s->o;
    struct pfs_client *c = o->c;
    uint64_t n = o->data.length - s->at < c->chunk ? o->data.length - s->at : c->chunk;
    struct pfs_meta_msg m = { .status = o->status,
                              .flags = o->read ? 0 : PFS_META_WRITE,
                              .id = o->id,
                              .size = o->moved,
                              .value = o->round,
                              .unit = s->at,
                              .rank = s->child,
                              .ranks = o->ranks };
    struct rope args;
    rope_init(&args);
    pfs_meta_store(&args, &m, NULL);
    rope_add_slice(&args, &o->data, s->at, n);
    enum xk_status st = select_call(c->rpc, c->layout->compute[s->child], PFS_SERVICE_CLIENT,
                                    PFS_CLIENT_GLOBAL, &args, part_sent, s);
    rope_fini(&args);
    if (st == XK_OK) {
        s->at += n;
    } else if (st == XK_BUSY) {
        list_push(&c->sends, &s->link);
        pfs_arm_retry(c);
    } else {
        part_sent(s, st, NULL);
    }
}

void pfs_global_retry(struct pfs_client *c)
{
    struct list again, *l;
    list_init(&again);
    while ((l = list_pop(&c->sends)) != NULL)
        list_push(&again, l);
    while ((l = list_pop(&again)) != NULL)
        send_part(LIST_ENTRY(l, struct send, link));
}

/* To the request that waits here. */
static void give(struct outcome *o)
{
    struct pfs_req *r = o->req;
    o->given = true;
    r->waited += port_now(o->c->port) - r->since;
    r->moved = o->moved;
    if (o->read)
        rope_add_slice(&r->data, &o->data, 0, o->data.length);
    else
        rope_fini(&r->data);
    pfs_req_end(r, o->status);
}

/* The outcome is whole here: on to the children, and to the request when there is one. */
static void deliver(struct outcome *o)
{
    struct pfs_client *c = o->c;
    uint32_t below = o->rank == 0 ? o->ranks : (o->rank & -o->rank);
    o->whole = true;
    o->sends++; /* while sends begin */
    for (uint32_t step = 1; step < below && o->rank + step < o->ranks; step *= 2) {
        struct send *s = port_alloc(c->port, sizeof *s);
        *s = (struct send){ .o = o, .child = o->rank + step };
        o->sends++;
        send_part(s);
    }
    o->sends--;
    if (o->req != NULL)
        give(o);
    outcome_put(o);
}

static void begin(struct pfs_req *r)
{
    struct pfs_client *c = r->file->client;
    if (r->file->rank == 0) {
        pfs_data_start(r);
        return;
    }
    struct outcome *o = outcome_find(c, r->file->v->id, r->round);
    r->since = port_now(c->port);
    if (o == NULL)
        o = outcome_new(c, r->file->v->id, r->round);
    o->req = r;
    if (o->whole) {
        give(o);
        outcome_put(o);
    }
}

static void moved(struct pfs_req *r, enum pfs_status s)
{
    struct pfs_file *f = r->file;
    if (f->rank != 0)
        return;
    struct outcome *o = outcome_new(f->client, f->v->id, r->round);
    o->read = r->op == PFS_READ;
    o->status = s;
    o->moved = s == PFS_OK ? r->moved : 0;
    o->ranks = f->ranks;
    o->given = true;
    if (s == PFS_OK && o->read)
        rope_add_slice(&o->data, &r->data, 0, r->data.length);
    deliver(o);
}

void pfs_global_receive(struct pfs_client *c, struct select_request *q, struct rope *args)
{
    struct pfs_meta_msg m = { 0 };
    struct rope none;
    bool good = pfs_meta_load(args, &m, NULL) && m.status < PFS_STATUS_COUNT;
    rope_init(&none);
    select_reply(q, &none);
    rope_fini(&none);
    if (!good)
        return;
    struct outcome *o = outcome_find(c, m.id, (uint32_t)m.value);
    if (o == NULL)
        o = outcome_new(c, m.id, (uint32_t)m.value);
    rope_drop_front(args, PFS_META_BYTES);
    if (m.unit != o->data.length)
        return;
    o->read = !(m.flags & PFS_META_WRITE);
    o->status = m.status;
    o->moved = m.size;
    o->rank = m.rank;
    o->ranks = m.ranks;
    rope_join(&o->data, args);
    if (!o->read || o->status != PFS_OK || o->data.length == o->moved)
        deliver(o);
}

/* The node has crashed: those wait no more who have it among their ranks, or need it for names. */
void pfs_global_fail(struct pfs_client *c, uint32_t node)
{
    LIST_EACH_SAFE (l, nx, &c->broadcast) {
        struct outcome *o = LIST_ENTRY(l, struct outcome, link);
        struct pfs_req *r = o->req;
        bool ours = node == c->layout->service;
        for (uint32_t i = 0; r != NULL && !o->given && i < r->file->ranks; i++)
            ours |= c->layout->compute[i] == node;
        if (r == NULL || o->given || !ours)
            continue;
        o->given = true;
        pfs_req_end(r, PFS_NODE_DOWN);
        outcome_put(o);
    }
}

static enum pfs_status agree(const struct pfs_call *a, const struct pfs_call *b)
{
    if (a->flags != b->flags)
        return PFS_BAD_MODE;
    return a->value == b->value ? PFS_OK : PFS_BAD_RECORD;
}

const struct pfs_mode_ops pfs_mode_global = {
    .kind = { .name = "M_GLOBAL", .doc = "all call; one does the transfer for all" },
    .is = PFS_MODE_GIVEN | PFS_MODE_MEET | PFS_MODE_ONE,
    .place = pfs_ask_round,
    .begin = begin,
    .moved = moved,
    .seek = pfs_seek_round,
    .agree = agree,
};
