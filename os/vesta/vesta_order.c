/* vesta_order.c: the order of atomic requests on the I/O nodes of a file.
 *
 * The file's I/O nodes stand in the order of their positions.  A request enters the queue of its
 * first node when it arrives there, and its token goes from there from node to node up to its last:
 * through those between, too, so that two requests which meet on any node are in one order on all
 * that they share, and no three are in a circle.  A node has one call of tokens under way to
 * the next, with all that have come since the one before: tokens never overtake each other.  The
 * bytes do not follow the token: they are with their nodes as soon as the client has sent them.
 *
 * A queue starts what its first request has here, in calls as they come, and goes on to the next
 * once all have been started: the stack of files keeps requests that meet in the order in which
 * they were submitted (os/lfs LFS1).
 *
 * A request that will never be complete is taken out: its client says so (ABORT), or is dead; then
 * neither its token nor a late call of it counts.  A dead node's place is left out by the one
 * before it.
 */
#include "os/vesta/vesta_internal.h"

struct order { /* of a file that had an atomic request */
    struct pfs_hashed hashed;
    struct vesta_server *s;
    uint64_t id;
    uint32_t maker, cells, base, pos;
    struct list queue;  /* entries that have had their token, in its order */
    struct list early;  /* whose token is still to come */
    struct list tokens; /* to be passed on */
    struct list passed; /* under way to position `to` */
    uint32_t to;
    struct port_timer again;
};

struct entry {
    struct list link;
    uint32_t host, parts, begun; /* calls in all, started */
    uint64_t seq;
    struct list waiting; /* vesta_job.link */
};

struct token {
    struct list link;
    uint32_t host, last, bits;
    uint64_t seq;
    uint8_t bit[VESTA_NODES_MAX / 8 + 1]; /* from `at` on */
    uint32_t at;
};

struct host { /* whose requests up to `gone` are none any more, whose tokens up to `seen` came */
    struct pfs_hashed hashed;
    uint32_t number;
    uint64_t gone, seen;
};

static struct host *host_get(struct vesta_server *s, uint32_t number)
{
    LIST_EACH (l, pfs_hash_slot(&s->hosts, number)) {
        struct host *h = LIST_ENTRY(l, struct host, hashed.link);
        if (h->number == number)
            return h;
    }
    struct host *h = port_alloc(s->port, sizeof *h);
    h->number = number;
    pfs_hash_add(&s->hosts, &h->hashed, number);
    return h;
}

static void pass(struct order *o);

static void pass_again(struct port_timer *t)
{
    pass(t->arg);
}

static struct order *order_get(struct vesta_server *s, const struct vesta_msg *m)
{
    uint64_t key = m->id * 31 + m->maker;
    port_work(s->port, PORT_WORK_LOOKUP, 1);
    LIST_EACH (l, pfs_hash_slot(&s->orders, key)) {
        struct order *o = LIST_ENTRY(l, struct order, hashed.link);
        if (o->id == m->id && o->maker == m->maker)
            return o;
    }
    struct order *o = port_alloc(s->port, sizeof *o);
    o->s = s;
    o->id = m->id;
    o->maker = m->maker;
    o->cells = m->cells;
    o->base = m->base;
    o->pos = m->pos;
    list_init(&o->queue);
    list_init(&o->early);
    list_init(&o->tokens);
    list_init(&o->passed);
    port_timer_init(s->port, &o->again, pass_again, o);
    pfs_hash_add(&s->orders, &o->hashed, key);
    return o;
}

/* Starts what may start. */
static void pump(struct order *o)
{
    while (!list_empty(&o->queue)) {
        struct entry *e = LIST_ENTRY(o->queue.next, struct entry, link);
        struct list *l;
        while ((l = list_pop(&e->waiting)) != NULL) {
            e->begun++;
            vesta_cells_start(LIST_ENTRY(l, struct vesta_job, link));
        }
        if (e->begun < e->parts || e->parts == 0)
            return;
        list_remove(&e->link);
        port_free(o->s->port, e);
    }
}

static struct entry *entry_in(struct list *in, uint32_t host, uint64_t seq)
{
    LIST_EACH (l, in) {
        struct entry *e = LIST_ENTRY(l, struct entry, link);
        if (e->host == host && e->seq == seq)
            return e;
    }
    return NULL;
}

static struct entry *entry_get(struct order *o, uint32_t host, uint64_t seq)
{
    struct entry *e = entry_in(&o->queue, host, seq);
    if (e == NULL)
        e = entry_in(&o->early, host, seq);
    if (e != NULL)
        return e;
    e = port_alloc(o->s->port, sizeof *e);
    e->host = host;
    e->seq = seq;
    list_init(&e->waiting);
    list_push(&o->early, &e->link);
    return e;
}

/* ---- tokens ---- */

static bool has_bit(const struct token *t, uint32_t pos)
{
    uint32_t i = pos - t->at;
    return pos >= t->at && i / 8 < t->bits && (t->bit[i / 8] >> i % 8 & 1);
}

static void passed(void *arg, enum xk_status status, struct rope *reply)
{
    struct order *o = arg;
    struct list *l;
    (void)reply;
    uint32_t end = vesta_positions(o->cells, o->s->layout->io_count);
    if (status == XK_OK)
        o->to = end;
    else if (status != XK_RESTARTED) /* a dead node's place is left out */
        o->to++;
    LIST_EACH_SAFE (it, nx, &o->passed) {
        struct token *t = LIST_ENTRY(it, struct token, link);
        if (t->last < o->to) {
            list_remove(it);
            port_free(o->s->port, t);
        }
    }
    if (list_empty(&o->passed)) {
        while ((l = list_pop(&o->tokens)) != NULL)
            list_push(&o->passed, l);
        o->to = o->pos + 1;
    }
    pass(o);
}

/* What is to go to position `to` goes there. */
static void pass(struct order *o)
{
    struct vesta_server *s = o->s;
    if (list_empty(&o->passed))
        return;
    struct vesta_msg m = {
        .id = o->id, .maker = o->maker, .cells = o->cells, .base = o->base, .pos = o->to
    };
    struct rope out, tokens;
    rope_init(&out);
    rope_init(&tokens);
    LIST_EACH (l, &o->passed) {
        const struct token *t = LIST_ENTRY(l, struct token, link);
        uint8_t b[VESTA_TOKEN_HEAD + 4];
        wire_put32(b, t->host);
        wire_put64(b + 4, t->seq);
        wire_put32(b + 12, t->last);
        wire_put32(b + 16, t->bits);
        wire_put32(b + 20, t->at);
        rope_add_bytes(&tokens, b, sizeof b);
        rope_add_bytes(&tokens, t->bit, t->bits);
        m.lists++;
    }
    vesta_store(&out, &m);
    rope_join(&out, &tokens);
    enum xk_status st = select_call(s->rpc, vesta_node(s->layout, o->base, o->to), VESTA_SERVICE,
                                    VESTA_TOKEN, &out, passed, o);
    rope_fini(&out);
    if (st == XK_BUSY)
        port_timer_set(&o->again, SIM_MS); /* ASSUMED(a call's time) */
    else if (st != XK_OK)
        passed(o, XK_UNREACHABLE, NULL);
}

/* A token has come: the request has its place here, and goes on. */
static void arrived(struct order *o, struct token *t)
{
    struct vesta_server *s = o->s;
    struct host *h = host_get(s, t->host);
    if (t->seq <= h->seen) { /* it came, and the answer was lost with the node's last life */
        port_free(s->port, t);
        return;
    }
    h->seen = t->seq;
    if (t->seq > h->gone && has_bit(t, o->pos)) {
        struct entry *e = entry_get(o, t->host, t->seq);
        list_remove(&e->link);
        list_push(&o->queue, &e->link);
    }
    if (t->last <= o->pos) {
        port_free(s->port, t);
        return;
    }
    bool idle = list_empty(&o->passed);
    list_push(idle ? &o->passed : &o->tokens, &t->link);
    if (idle) {
        o->to = o->pos + 1;
        pass(o);
    }
}

void vesta_order_tokens(struct vesta_job *j)
{
    struct vesta_server *s = j->s;
    struct order *o = order_get(s, &j->m);
    uint8_t b[VESTA_TOKEN_HEAD + 4];
    for (uint32_t i = 0; i < j->m.lists && j->data.length >= sizeof b; i++) {
        struct token *t = port_alloc(s->port, sizeof *t);
        rope_take_front(&j->data, sizeof b, b);
        t->host = wire_get32(b);
        t->seq = wire_get64(b + 4);
        t->last = wire_get32(b + 12);
        t->bits = wire_get32(b + 16);
        t->at = wire_get32(b + 20);
        t->bits = t->bits < sizeof t->bit ? t->bits : sizeof t->bit;
        rope_take_front(&j->data, t->bits < j->data.length ? t->bits : j->data.length, t->bit);
        arrived(o, t);
    }
    vesta_answer(j, &(struct vesta_msg){ .status = FILE_OK }, NULL);
    pump(o);
}

void vesta_order_part(struct vesta_job *j)
{
    struct vesta_server *s = j->s;
    struct order *o = order_get(s, &j->m);
    if (j->m.seq <= host_get(s, j->host)->gone) {
        vesta_cells_end(j, FILE_UNREACHABLE);
        return;
    }
    struct entry *e = entry_get(o, j->host, j->m.seq);
    bool first = e->parts == 0;
    e->parts = j->m.parts > 0 ? j->m.parts : 1;
    list_push(&e->waiting, &j->link);
    if (first && j->m.bits > 0) { /* its first node */
        struct token *t = port_alloc(s->port, sizeof *t);
        t->host = j->host;
        t->seq = j->m.seq;
        t->last = j->m.last;
        t->at = o->pos;
        t->bits = j->m.bits < sizeof t->bit ? j->m.bits : sizeof t->bit;
        for (uint32_t i = 0; i < t->bits; i++)
            t->bit[i] = j->bits[i];
        arrived(o, t);
    }
    pump(o);
}

/* ---- requests that will not be made ---- */

static void drop(struct list *in, struct vesta_server *s, uint32_t host, uint64_t seq)
{
    LIST_EACH_SAFE (it, nx, in) {
        struct entry *e = LIST_ENTRY(it, struct entry, link);
        struct list *l;
        if (e->host != host || e->seq > seq)
            continue;
        list_remove(it);
        while ((l = list_pop(&e->waiting)) != NULL)
            vesta_cells_end(LIST_ENTRY(l, struct vesta_job, link), FILE_UNREACHABLE);
        port_free(s->port, e);
    }
}

static void gone(struct vesta_server *s, uint32_t host, uint64_t seq)
{
    struct host *h = host_get(s, host);
    h->gone = seq > h->gone ? seq : h->gone;
    for (size_t i = 0; i < (size_t)1 << s->orders.bits; i++)
        LIST_EACH (l, &s->orders.slots[i]) {
            struct order *o = LIST_ENTRY(l, struct order, hashed.link);
            drop(&o->queue, s, host, seq);
            drop(&o->early, s, host, seq);
            pump(o);
        }
}

void vesta_order_abort(struct vesta_job *j)
{
    struct vesta_server *s = j->s;
    uint32_t host = j->host;
    uint64_t seq = j->m.seq;
    vesta_answer(j, &(struct vesta_msg){ .status = FILE_OK }, NULL);
    gone(s, host, seq);
}

void vesta_order_peer(struct vesta_server *s, uint32_t host, uint32_t life, bool alive)
{
    if (!alive)
        gone(s, host, ((uint64_t)life + 1) << 32);
}
