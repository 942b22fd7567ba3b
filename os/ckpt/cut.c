/* cut.c: cuts: what all algorithms have in common: the tap, phases of a cut, epochs, deaths.
 *
 *   CUTI1  A rank's epoch and its RDM's are the same, and turn in cut_saved.
 *   CUTI2  phase is CUT_IDLE exactly when number == epoch and the cut of that number is complete
 *       here, or when there was none, or this rank takes no part (dead).
 */
#include "os/ckpt/cut_internal.h"

#include "os/proto/rdm/rdm.h"
#include "os/xk/peers.h"

const char *cut_status_name(enum cut_status s)
{
    static const char *const names[] = { "ok", "a rank has died" };
    return (size_t)s < ARRAY_LEN(names) ? names[s] : "unknown";
}

uint32_t cut_epoch(const struct cut *c)
{
    return c->epoch;
}

bool cut_complete(const struct cut *c)
{
    return c->phase == CUT_IDLE;
}

uint32_t cut_rank_of(const struct cut *c, uint32_t node)
{
    if (c->ranks)
        return node < c->layout->nodes ? c->ranks[node] : OS_NO_RANK;
    uint32_t rank = node < c->layout->nodes ? c->layout->ranks[node] - c->first : OS_NO_RANK;
    return rank < c->count && c->nodes[rank] == node ? rank : OS_NO_RANK;
}

/* ---- messages of algorithms ---- */

/* What the layer below has no room for; its session tells when it has. */
struct waiting {
    struct list link; /* in sessn->waiting */
    struct xk_sessn *sessn;
    bool control;
    struct rope data;
};

static bool goes(struct xk_sessn *s, bool control, struct rope *data)
{
    struct xk_msg m;
    xk_msg_from_rope(&m, data);
    m.control = control;
    enum xk_status status = xk_push(s, &m);
    xk_msg_to_rope(&m, data); /* nothing, if it went */
    ASSERT_MSG(status != XK_REFUSED, "an interface without channels is given no markers");
    if (status != XK_BUSY)
        rope_fini(data); /* to the dead: CUT6 */
    return status != XK_BUSY;
}

static void push(struct cut *c, struct xk_protl *lower, uint32_t node, const struct cut_header *h,
                 struct rope *body)
{
    enum xk_status why;
    struct xk_sessn *s = xk_open(lower, c->protl, xk_node(node), &why);
    uint8_t wire[CUT_HEADER] = { h->op, h->port };
    struct rope data;
    if (!s)
        return; /* it is dead */
    wire_put32(wire + 4, h->number);
    wire_put64(wire + 8, c->life);
    rope_init(&data);
    rope_add_bytes(&data, wire, sizeof wire);
    if (body)
        rope_join(&data, body);
    c->counts.messages++;
    c->counts.markers += h->op == CUT_MARKER;
    c->counts.starts += h->op == CUT_START;
    if (goes(s, lower == c->driver, &data)) {
        xk_close(s);
        return;
    }
    struct waiting *w = port_alloc(c->port, sizeof *w);
    w->sessn = s;
    w->control = lower == c->driver;
    rope_move(&w->data, &data);
    list_push(&s->waiting, &w->link);
}

static void ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct cut *c = self->state;
    LIST_EACH_SAFE (l, next, &lower->waiting) {
        struct waiting *w = LIST_ENTRY(l, struct waiting, link);
        if (!goes(lower, w->control, &w->data))
            return;
        list_remove(l);
        xk_close(w->sessn);
        port_free(c->port, w);
    }
}

void cut_push(struct cut *c, uint32_t node, enum cut_op op, struct rope *body)
{
    push(c, c->rdm, node, &(struct cut_header){ .op = (uint8_t)op, .number = c->number }, body);
}

void cut_mark(struct cut *c, uint32_t node, uint8_t channel)
{
    struct cut_header h = { .op = CUT_MARKER, .port = channel, .number = c->number };
    push(c, c->driver, node, &h, NULL);
}

static void drop(struct cut *c)
{
    c->phase = CUT_IDLE;
    if (c->ops->drop)
        c->ops->drop(c);
}

/* Is it of a cut that this node takes part in?  A neighbour that is done with a cut may begin the
 * next. */
static bool follows(struct cut *c, const struct cut_header *h)
{
    int32_t ahead = (int32_t)(h->number - c->number);
    bool rank = c->rank != OS_NO_RANK;
    if (!rank && !c->ops->everywhere)
        return false;
    if (!rank && (h->life > c->life || (h->life == c->life && ahead > 1))) { /* CUT7 */
        drop(c);
        c->life = h->life;
        c->number = c->epoch = c->wanted = h->number - 1;
        return true;
    }
    return h->life == c->life && !c->dead && (ahead == 1 || (ahead == 0 && c->phase != CUT_IDLE));
}

static void demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct cut *c = self->state;
    struct cut_header h;
    struct rope body;
    uint8_t wire[CUT_HEADER];
    if (!xk_msg_pop(m, wire, sizeof wire) || !c->ops)
        return;
    h = (struct cut_header){
        .op = wire[0], .port = wire[1], .number = wire_get32(wire + 4), .life = wire_get64(wire + 8)
    };
    if (!follows(c, &h))
        return;
    xk_msg_to_rope(m, &body);
    if (h.op == CUT_START)
        cut_begin(c, h.number);
    else if (h.op < CUT_OPS)
        c->ops->came(c, lower->host, &h, &body);
    rope_fini(&body);
}

/* ---- a cut at a rank ---- */

void cut_begin(struct cut *c, uint32_t number)
{
    if ((int32_t)(number - c->wanted) > 0)
        c->wanted = number;
    if (c->phase != CUT_IDLE || c->wanted == c->number || c->dead)
        return;                    /* CUT3: after the one under way */
    ASSERT(c->number == c->epoch); /* CUTI2 */
    c->number++;
    c->phase = CUT_WAITING;
    c->ops->begin(c);
}

void cut_snapshot(struct cut *c)
{
    ASSERT(c->phase == CUT_WAITING);
    c->phase = CUT_SAVING;
    if (c->user.snapshot && c->rank != OS_NO_RANK)
        c->user.snapshot(c->user.arg, c->number);
    else
        cut_saved(c, c->number);
}

void cut_saved(struct cut *c, uint32_t epoch)
{
    if (c->phase != CUT_SAVING || epoch != c->number)
        return;
    c->phase = CUT_OPEN;
    c->epoch = c->number;
    c->received = 0;
    ASSERT(c->own_before == 0); /* CUT3 */
    c->own_before = c->own;
    c->own = 0;
    if (c->rank != OS_NO_RANK)
        rdm_tap_turn(c->rdm, c->epoch); /* CUT1, CUT2 */
    c->ops->saved(c);
}

bool cut_stops(const struct cut *c)
{
    return c->ops->stopped != NULL;
}

void cut_stopped(struct cut *c, uint32_t epoch)
{
    if (c->phase != CUT_STOPPING || epoch != c->number)
        return;
    c->phase = CUT_WAITING;
    rdm_tap_stop(c->rdm, true);
    c->ops->stopped(c);
}

static void tell(struct cut *c, enum cut_status status)
{
    if (c->user.complete && c->rank != OS_NO_RANK)
        c->user.complete(c->user.arg, c->number, status);
}

void cut_done(struct cut *c)
{
    c->phase = CUT_IDLE;
    c->counts.cuts++;
    tell(c, CUT_OK);
    cut_begin(c, c->wanted);
}

uint32_t cut_start(struct cut *c)
{
    if (c->phase != CUT_IDLE || c->dead)
        return c->number;
    uint32_t root = c->ops->root ? c->ops->root(c) : port_node(c->port), next = c->number + 1;
    if (root == port_node(c->port)) {
        cut_begin(c, next);
    } else if (c->wanted != next) {
        c->wanted = next; /* it is on its way here */
        push(c, c->rdm, root, &(struct cut_header){ .op = CUT_START, .number = next }, NULL);
    }
    return next;
}

/* ---- the tap ---- */

static void tap_sent(void *arg, uint32_t host)
{
    struct cut *c = arg;
    c->own += host == port_node(c->port);
    if (c->ops->sent)
        c->ops->sent(c, cut_rank_of(c, host));
}

static void log_message(struct cut *c, const struct cut_message *m)
{
    if (c->user.in_flight)
        c->user.in_flight(c->user.arg, c->epoch, m);
}

/* Under way when this rank had saved. */
static void came_late(struct cut *c, uint32_t from, uint32_t key, const struct rope *data)
{
    c->counts.received++;
    log_message(c, &(struct cut_message){ .from = from, .to = c->rank, .key = key, .data = data });
    if (from != c->rank)
        return;
    c->own_before--;
    if (c->own_before == 0 && c->ops->own)
        c->ops->own(c);
}

static void tap_came(void *arg, uint32_t host, uint32_t key, uint32_t epoch,
                     const struct rope *late)
{
    struct cut *c = arg;
    ASSERT(!late || (int32_t)(epoch - c->epoch) < 0);            /* CUTI1 */
    if (late && epoch + 1 == c->epoch && c->phase == CUT_OPEN) { /* else of another life: CUT7 */
        came_late(c, cut_rank_of(c, host), key, late);
    } else if (epoch == c->epoch) {
        c->received++;
        c->own -= host == port_node(c->port);
        if (c->ops->stopped && c->phase == CUT_WAITING)
            c->ops->stopped(c); /* it may be what was waited for */
    }
}

static void tap_unsent(void *arg, uint32_t host, uint32_t key, const struct rope *message)
{
    struct cut *c = arg;
    if (c->phase != CUT_OPEN) /* the epoch turns for a new life */
        return;
    c->counts.unsent++;
    log_message(c, &(struct cut_message){ .from = c->rank,
                                          .to = cut_rank_of(c, host),
                                          .key = key,
                                          .unsent = true,
                                          .data = message });
}

/* After a death nobody saves; an epoch that others had come to is this rank's, too, so that it
 * hears from them (CUT6). */
static void follow(struct cut *c, uint32_t epoch)
{
    c->number = c->wanted = c->epoch = epoch;
    rdm_tap_turn(c->rdm, epoch);
}

static void tap_early(void *arg, uint32_t host, uint32_t epoch)
{
    struct cut *c = arg;
    (void)host;
    if (c->rank == OS_NO_RANK || epoch - c->epoch > 1) /* it waits for its new life (CUT7) */
        return;
    if (c->dead) {
        follow(c, epoch);
        return;
    }
    c->counts.forced += (int32_t)(epoch - c->wanted) > 0;
    cut_begin(c, epoch);
}

static const struct rdm_tap_ops tap = {
    .sent = tap_sent, .came = tap_came, .early = tap_early, .unsent = tap_unsent
};

/* ---- lives ---- */

/* True: a cut was under way here. */
static bool leave(struct cut *c)
{
    bool under_way = c->phase != CUT_IDLE;
    c->dead = c->rank != OS_NO_RANK;
    drop(c);
    rdm_tap_stop(c->rdm, false);
    return under_way;
}

/* CUT6. */
static void peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    struct cut *c = arg;
    (void)life;
    if (alive || !c->ops || c->dead || host == port_node(c->port)) /* an earlier life of its own */
        return;
    bool ends = cut_rank_of(c, host) != OS_NO_RANK || c->phase != CUT_IDLE;
    if ((cut_rank_of(c, host) == OS_NO_RANK && !c->ops->everywhere) || !ends || !leave(c))
        return;
    c->counts.ended++;
    tell(c, CUT_PEER_DOWN);
    if (c->dead && c->epoch != c->number)
        follow(c, c->number);
}

uint32_t cut_missing(const struct cut *c)
{
    uint32_t count = c->ops->everywhere ? c->layout->nodes : c->count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = c->ops->everywhere ? i : c->nodes[i];
        if (!xk_alive(c->protl->kernel, node))
            return node;
    }
    return OS_NO_RANK;
}

uint32_t cut_gap(const struct cut *c)
{
    for (uint32_t i = 0; c->fallback && i < c->layout->nodes; i++)
        if (cut_rank_of(c, i) == OS_NO_RANK && !xk_alive(c->protl->kernel, i))
            return i;
    return OS_NO_RANK;
}

uint32_t cut_leave(struct cut *c)
{
    c->counts.ended += leave(c);
    return (int32_t)(c->wanted - c->number) > 0 ? c->wanted : c->number;
}

/* From this life on cuts are taken by what takes the place of what is named, or not. */
static void choose(struct cut *c, bool fallback)
{
    const struct cut_ops *ops = fallback ? c->fallback : c->named;
    c->counts.fallbacks += fallback;
    if (ops == c->ops)
        return;
    c->ops = ops;
    port_free(c->port, c->state);
    c->ops->init(c);
}

void cut_place(struct cut *c, const uint32_t *nodes, uint32_t rank)
{
    drop(c); /* who has no rank may have followed another */
    if (rank == OS_NO_RANK)
        choose(c, false); /* and will: no life is told to it */
    c->nodes = nodes;
    c->rank = rank;
    c->dead = rank != OS_NO_RANK;
    port_free(c->port, c->ranks);
    c->ranks = port_alloc(c->port, c->layout->nodes * sizeof *c->ranks);
    for (uint32_t i = 0; i < c->layout->nodes; i++)
        c->ranks[i] = OS_NO_RANK;
    for (uint32_t r = 0; r < c->count; r++)
        c->ranks[nodes[r]] = r;
}

void cut_restore(struct cut *c, uint64_t life, uint32_t epoch)
{
    drop(c);
    choose(c, c->fallback && life % 2 == 1);
    c->dead = false;
    c->life = life;
    c->epoch = c->number = c->wanted = epoch;
    c->received = c->own = c->own_before = 0;
    rdm_tap_stop(c->rdm, false);
    rdm_tap_turn(c->rdm, epoch);
}

/* ---- start ---- */

void cut_attach(struct cut *c, const struct cut_user *u)
{
    c->user = *u;
}

static enum xk_status init(struct xk_protl *self, const void *params)
{
    struct cut *c = self->state;
    (void)params;
    c->port = xk_port(self);
    c->protl = self;
    c->rdm = self->down[0];
    c->driver = self->downs > 1 ? self->down[1] : NULL;
    c->rank = OS_NO_RANK;
    xk_on_peer(self->kernel, peer_changed, c);
    return XK_OK;
}

void cut_boot(struct xk_protl *protl, const struct cut_ops *ops, const struct cut_params *params,
              const struct os_layout *l, const uint32_t *nodes, uint32_t count)
{
    ASSERT(protl->ops == &cut_protl);
    struct cut *c = protl->state;
    struct xk_protl *of = xk_find(protl->kernel, params->of);
    c->params = params;
    c->layout = l;
    c->nodes = nodes;
    c->count = count;
    c->first = count > 0 ? l->ranks[nodes[0]] : 0;
    if (port_incarnation(c->port) == 1) /* a later life has the rank that it is given */
        c->rank = cut_rank_of(c, port_node(c->port));
    c->ops = c->named = ops;
    if (c->ops->init)
        c->ops->init(c);
    rdm_tap(c->rdm, of, &tap, c);
    xk_open_enable(c->rdm, protl, xk_any());
    if (c->driver)
        xk_open_enable(c->driver, protl, xk_any());
}

static const struct counter counters[] = {
    C_SUM(cut, counts, cuts, "1", "Cuts complete, counted at each rank and each node passed."),
    C_SUM(cut, counts, messages, "1", "Messages of the algorithm, markers and starts among them."),
    C_SUM(cut, counts, markers, "1", "Of these, markers."),
    C_SUM(cut, counts, starts, "1", "Of these, those that ask the root to begin."),
    C_SUM(cut, counts, received, "1", "Messages of the job logged by their receivers."),
    C_SUM(cut, counts, unsent, "1", "Messages of the job logged by their senders."),
    C_SUM(cut, counts, forced, "1", "Snapshots that a message of a later epoch asked for first."),
    C_SUM(cut, counts, ended, "1", "Cuts ended by a death, counted at each rank."),
    C_SUM(cut, counts, fallbacks, "1",
          "Lives of the cuts in which 'cl' takes the place of 'ns', counted at each rank."),
    C_END,
};

const struct xk_protl_ops cut_protl = {
    .kind = { .name = "cut",
              .doc = "Consistent cuts of a job: markers and what its algorithms say.",
              .state_size = sizeof(struct cut),
              .counters = counters },
    .down_min = 1,
    .down_max = 2,
    .needs = XK_NETWORK & ~XK_ORDERED, /* its algorithms say whether they do: cut_service.c */
    .called = true,
    .init = init,
    .demux = demux,
    .ready = ready,
};
