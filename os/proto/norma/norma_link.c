/* norma_link.c: packets between two nodes: one out at a time, asked for when no answer comes.
 *
 * Of a packet the receiver has, its number says what it is: the next, the last one again (whose
 * answer may be lost), or older.
 */
#include <stdarg.h>
#include <stdio.h>

#include "os/proto/norma/norma_internal.h"

void norma_header_store(uint8_t out[NORMA_HEADER], const struct norma_header *h)
{
    const uint32_t words[NORMA_HEADER / 4] = {
        h->type,  h->seqid,  h->offset, h->first,     h->last,       0,           0,
        h->total, h->remote, h->ctl,    h->ctl_seqid, h->ctl_status, h->ctl_data, h->incarnation
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        wire_put32(out + 4 * i, words[i]);
}

void norma_header_load(struct norma_header *h, const uint8_t in[NORMA_HEADER])
{
    uint32_t words[NORMA_HEADER / 4];
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        words[i] = wire_get32(in + 4 * i);
    *h = (struct norma_header){ .type = words[0],
                                .seqid = words[1],
                                .offset = words[2],
                                .first = words[3],
                                .last = words[4],
                                .total = words[7],
                                .remote = words[8],
                                .ctl = words[9],
                                .ctl_seqid = words[10],
                                .ctl_status = words[11],
                                .ctl_data = words[12],
                                .incarnation = words[13] };
}

void norma_panic(struct norma_state *st, const char *fmt, ...)
{
    char text[160];
    va_list args;
    if (st->panicked)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    st->panicked = true;
    port_timer_cancel(&st->timer);
    port_fail(xk_port(st->self), "NORMA IPC of node %u panics: %s", port_node(xk_port(st->self)),
              text);
}

void norma_queue_init(struct norma_queue *q, struct mach_record *r)
{
    list_init(&q->link);
    list_init(&q->messages);
    q->record = r;
    q->once = false;
}

struct norma_peer *norma_peer(struct norma_state *st, uint32_t host)
{
    struct norma_peer *p = xk_map_resolve(&st->peers, &host);
    if (p)
        return p;
    p = port_alloc(xk_port(st->self), sizeof *p);
    p->host = host;
    list_init(&p->queues);
    norma_queue_init(&p->kernel, NULL);
    rope_init(&p->partial);
    xk_map_bind(&st->peers, &host, p);
    return p;
}

/* ---- out ---- */

static struct norma_queue *now(const struct norma_peer *p)
{
    return list_empty(&p->queues) ? NULL : LIST_ENTRY(p->queues.next, struct norma_queue, link);
}

static struct norma_msg *first_of(const struct norma_queue *q)
{
    return LIST_ENTRY(q->messages.next, struct norma_msg, link);
}

bool norma_in_flight(struct norma_state *st, const struct norma_queue *q)
{
    if (list_empty(&q->link) || !q->record)
        return false;
    const struct norma_peer *p = norma_peer(st, norma_own(q->record)->dest);
    return now(p) == q && (p->unacked || p->offset > 0);
}

static enum xk_status push(struct norma_state *st, struct norma_peer *p, struct norma_header *h,
                           struct rope *data)
{
    struct xk_msg m;
    enum xk_status s;
    if (!p->sessn)
        p->sessn = xk_open(st->self->down[0], st->self, xk_node(p->host), &s);
    if (!p->sessn)
        return s;
    h->remote = port_node(xk_port(st->self));
    h->incarnation = port_incarnation(xk_port(st->self));
    xk_msg_init_rope(&m, data);
    norma_header_store(xk_msg_push(&m, NORMA_HEADER), h);
    s = xk_push(p->sessn, &m);
    xk_msg_fini(&m);
    return s;
}

/* The packet that is out or next. */
static enum xk_status push_packet(struct norma_state *st, struct norma_peer *p, uint32_t seqid)
{
    const struct norma_msg *msg = first_of(now(p));
    uint64_t left = msg->image.length - p->offset, n = left < st->page ? left : st->page;
    struct norma_header h = { .type = p->offset == 0 ? NORMA_KMSG : NORMA_PAGE,
                              .seqid = seqid,
                              .offset = (uint32_t)p->offset,
                              .first = p->offset == 0,
                              .last = n == left,
                              .total = (uint32_t)msg->image.length };
    struct rope data;
    rope_init(&data);
    rope_add_slice(&data, &msg->image, p->offset, n);
    enum xk_status s = push(st, p, &h, &data);
    rope_fini(&data);
    if (s == XK_BUSY)
        return s;
    if (h.first)
        st->counts.kmsgs++;
    else
        st->counts.pages++;
    return XK_OK; /* what did not go is lost, and asked for */
}

/* A timer that runs goes on with what it has, for a packet sent later, too; an answer does not stop
 * it, but the next tick that finds nothing out [netipc_send_with_timeout, _netipc_timeout_intr]. */
static void start_timer(struct norma_state *st, struct norma_peer *p)
{
    if (!p->timing)
        p->ticks = 0;
    p->timing = true;
    if (!port_timer_pending(&st->timer))
        port_timer_set(&st->timer, st->params->tick);
}

void norma_pump(struct norma_state *st, struct norma_peer *p)
{
    struct rope none;
    rope_init(&none);
    if (st->panicked)
        return;
    if (p->has_ctl) {
        if (push(st, p, &p->ctl, &none) == XK_BUSY)
            return;
        p->has_ctl = false;
        st->counts.controls++;
    }
    if (p->unacked && p->resend) {
        if (push_packet(st, p, p->last_sent) == XK_BUSY)
            return;
        p->resend = false;
        st->counts.resends++;
    }
    if (p->unacked || !now(p) || push_packet(st, p, p->last_sent + 1) == XK_BUSY)
        return; /* NORMA2 */
    p->last_sent++;
    p->unacked = true;
    p->resend = false;
    start_timer(st, p);
}

void norma_enqueue(struct norma_state *st, uint32_t host, struct norma_queue *q)
{
    struct norma_peer *p = norma_peer(st, host);
    if (list_empty(&q->link))
        list_push(&p->queues, &q->link);
    norma_pump(st, p);
}

/* A control that has not gone yet is overwritten, as in the source. */
static void control(struct norma_state *st, struct norma_peer *p, enum norma_ctl ctl,
                    uint32_t seqid, uint32_t status, uint32_t data)
{
    p->ctl = (struct norma_header){
        .type = NORMA_CTL, .ctl = ctl, .ctl_seqid = seqid, .ctl_status = status, .ctl_data = data
    };
    p->has_ctl = true;
    norma_pump(st, p);
}

static bool tick_each(void *arg, const void *key, void *value)
{
    struct norma_state *st = arg;
    struct norma_peer *p = value;
    (void)key;
    if (!p->timing || p->ticks++ == 0)
        return true;
    if (!p->unacked) {
        p->timing = false;
        return true;
    }
    if (st->params->syncs && p->asked >= st->params->syncs) {
        p->timing = false;
        return true;
    }
    p->asked++;
    st->counts.syncs++;
    control(st, p, NORMA_CTL_SYNC, p->last_sent, 0, 0);
    return true;
}

static bool any_each(void *arg, const void *key, void *value)
{
    (void)key;
    return !(*(bool *)arg = ((struct norma_peer *)value)->timing);
}

void norma_tick(struct port_timer *t)
{
    struct norma_state *st = t->arg;
    bool any = false;
    xk_map_each(&st->peers, tick_each, st);
    xk_map_each(&st->peers, any_each, &any);
    if (any && !st->panicked)
        port_timer_set(&st->timer, st->params->tick);
}

/* ---- answers ---- */

/* Takes the first message of a queue, which goes with the last. */
static struct norma_msg *next_out(struct norma_state *st, struct norma_queue *q)
{
    struct norma_msg *msg = LIST_ENTRY(list_pop(&q->messages), struct norma_msg, link);
    msg->record = q->record;
    if (!list_empty(&q->messages))
        return msg;
    list_remove(&q->link);
    if (q->once)
        port_free(xk_port(st->self), q);
    return msg;
}

static void acknowledged(struct norma_state *st, struct norma_peer *p, enum norma_status status,
                         uint32_t data)
{
    struct norma_queue *q = now(p);
    ASSERT_MSG(q && !list_empty(&q->messages), "NORMA2: an answer to nothing");
    struct norma_msg *msg = first_of(q);
    p->unacked = false;
    p->resend = false;
    if (status != NORMA_OK) {
        list_remove(&q->link);
        p->offset = 0;
        st->above->refused(st, q, status, data);
    } else if (msg->image.length - p->offset > st->page) {
        p->offset += st->page;
    } else {
        p->offset = 0;
        (void)next_out(st, q);
        st->counts.messages++;
        st->above->sent(st, msg->record, msg);
    }
    norma_pump(st, p);
}

static void take_control(struct norma_state *st, struct norma_peer *p, const struct norma_header *h)
{
    bool out = p->unacked && h->ctl_seqid == p->last_sent;
    switch (h->ctl) {
    case NORMA_CTL_ACK:
        if (out)
            acknowledged(st, p, h->ctl_status, h->ctl_data);
        break;
    case NORMA_CTL_NACK:
        if (out) {
            st->counts.nacks++;
            p->resend = true;
            norma_pump(st, p);
        }
        break;
    case NORMA_CTL_SYNC:
        if (h->ctl_seqid == p->last_received) /* NORMA3 */
            control(st, p, NORMA_CTL_ACK, h->ctl_seqid, p->last_status, p->last_data);
        else if (h->ctl_seqid > p->last_received)
            control(st, p, NORMA_CTL_NACK, h->ctl_seqid, 0, 0);
        break;
    default:
        break;
    }
}

/* ---- in ---- */

static void answer(struct norma_state *st, struct norma_peer *p, uint32_t seqid,
                   enum norma_status status, uint32_t data)
{
    p->last_received = seqid;
    p->last_status = status;
    p->last_data = data;
    control(st, p, NORMA_CTL_ACK, seqid, status, data);
}

static void drop_partial(struct norma_peer *p)
{
    rope_fini(&p->partial);
    p->partial_total = 0;
    if (p->partial_of) {
        norma_own(p->partial_of)->partials--;
        mach_record_put(p->partial_of);
    }
    p->partial_of = NULL;
}

static void take_packet(struct norma_state *st, struct norma_peer *p, const struct norma_header *h,
                        struct rope *data)
{
    if (h->first) {
        struct mach_record *to = NULL;
        uint32_t where = 0;
        enum norma_status status = st->above->first(st, data, &to, &where);
        if (st->panicked)
            return;
        if (status != NORMA_OK) {
            answer(st, p, h->seqid, status, where);
            return;
        }
        drop_partial(p);
        p->partial_total = h->total;
        p->partial_of = to;
        if (to) {
            mach_record_get(to);
            norma_own(to)->partials++;
        }
    } else if (!p->partial_total || h->offset != p->partial.length ||
               h->total != p->partial_total) {
        st->counts.bad++;
        return;
    }
    rope_join(&p->partial, data);
    answer(st, p, h->seqid, NORMA_OK, 0);
    if (p->partial.length < p->partial_total)
        return;
    struct rope image;
    struct mach_record *to = p->partial_of;
    rope_move(&image, &p->partial);
    if (to)
        mach_record_get(to);
    drop_partial(p);
    if (image.length > st->page) /* pages are copied into one message [ipc_input.c] */
        port_work(xk_port(st->self), PORT_WORK_COPY, image.length);
    st->above->whole(st, to, &image);
    rope_fini(&image);
    if (to)
        mach_record_put(to);
}

/* What is out to an earlier life of the node, or waits for it, is lost: nobody is told. */
static void lose(struct norma_state *st, struct norma_peer *p)
{
    p->unacked = p->resend = p->has_ctl = false;
    p->offset = 0;
    p->last_sent = p->last_received = 0;
    drop_partial(p);
    struct list lost; /* first all: what is told below may send anew */
    list_init(&lost);
    for (struct norma_queue *q; (q = now(p)) != NULL;)
        list_push(&lost, &next_out(st, q)->link);
    for (struct list *it; (it = list_pop(&lost)) != NULL;) {
        struct norma_msg *msg = LIST_ENTRY(it, struct norma_msg, link);
        st->counts.lost++;
        st->above->sent(st, msg->record, msg);
    }
}

/* Is it of the life that is known?  A first packet makes one known; a newer one ends all that was
 * agreed, and is not looked at itself [ipc_unreliable.c]. */
static bool same_life(struct norma_state *st, struct norma_peer *p, const struct norma_header *h)
{
    if (h->incarnation == p->incarnation)
        return true;
    if (h->incarnation < p->incarnation) {
        st->counts.stale++;
        return false;
    }
    if (p->incarnation != 0) {
        p->incarnation = h->incarnation;
        lose(st, p);
        return false;
    }
    if (h->type == NORMA_CTL ? h->ctl_seqid == 1 : h->seqid == 1) {
        p->incarnation = h->incarnation;
        return true;
    }
    control(st, p, NORMA_CTL_NONE, h->type == NORMA_CTL ? h->ctl_seqid : h->seqid, 0, 0);
    return false;
}

void norma_demux(struct norma_state *st, uint32_t host, struct xk_msg *m)
{
    uint8_t wire[NORMA_HEADER];
    struct norma_header h;
    struct rope data;
    if (st->panicked || !st->m)
        return;
    if (!xk_msg_pop(m, wire, NORMA_HEADER)) {
        st->counts.bad++;
        return;
    }
    norma_header_load(&h, wire);
    if (h.remote != host || (h.type != NORMA_KMSG && h.type != NORMA_PAGE && h.type != NORMA_CTL) ||
        h.first != (h.type == NORMA_KMSG)) {
        st->counts.bad++;
        return;
    }
    struct norma_peer *p = norma_peer(st, host);
    p->asked = 0;
    if (!same_life(st, p, &h))
        return;
    if (h.type == NORMA_CTL) {
        take_control(st, p, &h);
        return;
    }
    if (h.seqid == p->last_received && h.seqid != 0) {
        control(st, p, NORMA_CTL_ACK, h.seqid, p->last_status, p->last_data); /* NORMA3 */
        return;
    }
    if (h.seqid != p->last_received + 1) {
        st->counts.stale++;
        return;
    }
    xk_msg_to_rope(m, &data);
    take_packet(st, p, &h, &data);
    rope_fini(&data);
}
