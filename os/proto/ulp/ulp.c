/* ulp.c: ULP's protocol object and its sender: cutting, numbers, grants, going back, the end of a
 * life.
 *
 *   ULPO1  `out` holds the frames that were sent and not acknowledged in order of number, `todo`
 *       what was not sent in the order of their pushes.
 *   ULPO2  Nothing with a number is sent before the other's life is known and it has granted.
 *   ULPO3  While a frame is out, or one waits for the first grant, the idle timer runs.
 *   ULPO4  What only a frame without a number granted is not taken for told where it may be lost.
 *   ULPO5  While a message waits for a grant the other has been told, or surely will be, that one
 *       does.
 */
#include "os/proto/ulp/ulp_internal.h"
#include "os/xk/pace.h"

static const struct param params[] = {
    P_SIZE(ulp_params, queue, "64KiB", "1B", "1GiB",
           "bytes that wait to be sent to a host before a push is answered with busy",
           "ASSUMED(as RDM)"),
    P_SIZE(ulp_params, grant, "64KiB", "1B", "1GiB",
           "bytes that a connection may have under way when few send to the node",
           "ASSUMED(as RDM's window)"),
    P_SIZE(ulp_params, pool, "1MiB", "1B", "1TiB",
           "bytes that all who have more to send to the node may have under way together",
           "ASSUMED(16 whole grants)"),
    P_TIME(ulp_params, wait, "0", "0", "1h",
           "the idle timer: what is out goes again, or the first grant is asked for; doubles each "
           "time; 0: three times what a window and an acknowledgement take below, 5 ms at least",
           "ASSUMED(as RDM)"),
    P_TIME(ulp_params, wait_max, "1s", "1us", "1h", "longest time of the idle timer",
           "ASSUMED(as RDM)"),
    P_TIME(ulp_params, ack_delay, "0", "0", "1h",
           "an acknowledgement waits so long for something that carries it, where frames are lost; "
           "0: what half a window takes below, 500 us at least",
           "ASSUMED(some round trips)"),
    P_INT(ulp_params, idle, "16", "0", "65536", "sessions without a connection kept for re-use",
          "ASSUMED(an idle node stays within 16 KiB)"),
    P_END,
};

const struct ulp_counts *ulp_counts(const struct xk_protl *ulp)
{
    return &((const struct ulp_state *)ulp->state)->counts;
}

/* ---- what is sent ---- */

uint16_t ulp_life(uint32_t life)
{
    return (uint16_t)(life % UINT16_MAX + 1);
}

/* The other's life; 0: it is not known, or has ended. */
static uint32_t life_of(const struct xk_sessn *s)
{
    const struct xk_kernel *k = s->protl->kernel;
    return xk_alive(k, s->host) ? xk_life(k, s->host) : 0;
}

static void timed_out(struct port_timer *timer);
static void ack_late(struct port_timer *timer);

struct ulp_clock *ulp_clock(struct ulp_line *l)
{
    if (!l->clock) {
        l->clock = port_alloc(ulp_port(l), sizeof *l->clock);
        port_timer_init(ulp_port(l), &l->clock->idle, timed_out, l);
        port_timer_init(ulp_port(l), &l->clock->ack, ack_late, l);
    }
    return l->clock;
}

static void cancel(struct ulp_line *l, bool idle)
{
    if (l->clock)
        port_timer_cancel(idle ? &l->clock->idle : &l->clock->ack);
}

/* At any place of the data, of which the first byte is at an even one. */
static uint64_t add_words(uint64_t sum, const uint8_t *b, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2)
        sum += wire_get16(b + i);
    return n % 2 ? sum + ((uint64_t)b[n - 1] << 8) : sum;
}

uint16_t ulp_sum(const uint8_t header[ULP_HEADER], const struct rope *data)
{
    uint8_t part[1024];
    uint64_t sum = add_words(0, header, ULP_HEADER);
    for (uint64_t at = 0; at < data->length;) {
        uint64_t left = data->length - at;
        size_t n = left < sizeof part ? (size_t)left : sizeof part;
        rope_read(data, at, n, part);
        sum = add_words(sum, part, n);
        at += n;
    }
    while (sum >> 16)
        sum = (sum & UINT16_MAX) + (sum >> 16);
    return (uint16_t)~sum;
}

/* How far what waits reaches, with what has been sent: as far as a number tells that. */
static uint32_t end_of(const struct ulp_line *l)
{
    return l->used + (uint32_t)(l->unsent < 1u << 30 ? l->unsent : 1u << 30);
}

static void header_store(uint8_t *out, const struct ulp_header *h, const struct xk_sessn *s)
{
    struct ulp_line *l = s->state;
    uint32_t life = life_of(s);
    out[0] = (uint8_t)(s->upper->number | s->key >> 3 << 7);
    out[1] = (uint8_t)(h->last | h->first << 1 | h->op << 2 | s->key << 5);
    wire_put16(out + 2, life ? ulp_life(life) : 0);
    wire_put32(out + 4, port_incarnation(xk_port(s->protl)));
    wire_put32(out + 8, h->number);
    wire_put32(out + 12, l->expected);
    wire_put32(out + 16, h->granted);
    wire_put32(out + 20, end_of(l));
    wire_put16(out + ULP_SUM_AT, 0);
}

/* Sends the first `size` bytes of the data, which stay; false: the layer below is full. The grant
 * and the acknowledgement go with everything. */
static bool push(struct ulp_line *l, struct ulp_header *h, const struct rope *data, uint64_t size)
{
    struct xk_sessn *s = xk_sessn_of(l);
    struct xk_msg m;
    h->granted = ulp_grant(l);
    xk_msg_init(&m);
    rope_add_slice(&m.data, data, 0, size);
    uint8_t *header = xk_msg_push(&m, ULP_HEADER);
    header_store(header, h, s);
    wire_put16(header + ULP_SUM_AT, ulp_sum(header, &m.data));
    if (h->number == 0 || l->copied != h->number)
        port_work(ulp_port(l), PORT_WORK_COPY_SUM, ULP_HEADER + size);
    bool pushed = xk_push(s->down[0], &m) != XK_BUSY;
    xk_msg_fini(&m);
    l->copied = pushed ? 0 : h->number;
    if (!pushed)
        return false;
    if (life_of(s) != 0) {
        if (ulp_state(l)->keeps || h->number != 0)
            l->told = h->granted;
        if (h->number != 0)
            l->wished = end_of(l);
        ulp_state(l)->connections += !l->gave;
        l->gave = true;
        l->grant_due = false;
        l->unacked = 0;
        cancel(l, false);
    }
    return true;
}

static bool push_alone(struct ulp_line *l, enum ulp_op op)
{
    struct ulp_header h = { .op = (uint8_t)op };
    struct rope none;
    rope_init(&none);
    return push(l, &h, &none, 0);
}

static struct ulp_frame *frame_new(struct ulp_line *l, enum ulp_op op)
{
    struct ulp_frame *f = port_alloc(ulp_port(l), sizeof *f);
    f->op = (uint8_t)op;
    f->last = true;
    rope_init(&f->data);
    list_init(&f->link);
    return f;
}

static void frame_free(struct ulp_line *l, struct ulp_frame *f)
{
    list_remove(&f->link);
    rope_fini(&f->data);
    port_free(ulp_port(l), f);
}

static bool push_frame(struct ulp_line *l, const struct ulp_frame *f, uint64_t size,
                       uint32_t number)
{
    struct ulp_header h = {
        .op = f->op, .last = f->last && size == f->data.length, .first = f->first, .number = number
    };
    return push(l, &h, &f->data, size);
}

static void set_idle(struct ulp_line *l)
{
    if (ulp_idle_set(l))
        return;
    port_work(ulp_port(l), PORT_WORK_TIMER, 1);
    port_timer_set(&ulp_clock(l)->idle, l->wait);
}

/* What is out from `next` on goes again.  False: the layer below is full. */
static bool send_again(struct ulp_line *l)
{
    if ((int32_t)(l->number - l->next) < 0)
        return true;
    LIST_EACH (it, &l->out) {
        const struct ulp_frame *f = LIST_ENTRY(it, struct ulp_frame, link);
        if ((int32_t)(f->number - l->next) < 0)
            continue;
        if (!push_frame(l, f, f->data.length, f->number))
            return false;
        ulp_state(l)->counts.resent++;
        l->next = f->number + 1;
    }
    l->next = l->number + 1;
    return true;
}

/* The first `size` bytes of f have been sent: kept for as long as they may have to go again. */
static void sent(struct ulp_line *l, struct ulp_frame *f, uint64_t size)
{
    struct ulp_state *st = ulp_state(l);
    struct ulp_frame *gone = f;
    bool all = size == f->data.length;
    l->next = ++l->number + 1;
    l->stalled = false;
    if (f->op == ULP_PIECE) {
        st->counts.frames++;
        l->used += ulp_cost(size);
        l->unsent -= ulp_cost(size);
    } else if (f->op == ULP_CREDIT) {
        st->counts.grants++;
        l->queued = false;
    }
    if (!all && !st->keeps) {
        gone = frame_new(l, ULP_PIECE);
        gone->last = false;
        gone->first = f->first;
        rope_add_slice(&gone->data, &f->data, 0, size);
    }
    if (!all) {
        rope_drop_front(&f->data, size);
        f->first = false;
    }
    if (st->keeps) {
        if (all)
            frame_free(l, f);
        return;
    }
    list_remove(&gone->link);
    gone->number = l->number;
    l->in_flight += ulp_cost(size);
    list_push(&l->out, &gone->link);
    set_idle(l);
}

/* Sends what waits, as far as it may go.  False: the layer below is full. */
static bool send_waiting(struct ulp_line *l)
{
    struct ulp_state *st = ulp_state(l);
    if (!send_again(l))
        return false;
    while (!list_empty(&l->todo)) {
        struct ulp_frame *f = LIST_ENTRY(l->todo.next, struct ulp_frame, link);
        uint64_t all = f->data.length, size = all < st->piece ? all : st->piece;
        bool open = life_of(xk_sessn_of(l)) != 0 && l->granted; /* ULPO2 */
        if (!open || (f->op == ULP_PIECE &&
                      (int32_t)(l->allowed - (l->used + ulp_cost(size))) < 0)) { /* ULP3 */
            st->counts.stalled += open && !l->stalled;
            l->stalled = open;
            if (open && (int32_t)(l->wished - l->used) <= 0) { /* ULPO5 */
                ulp_queue_credit(l);
                continue;
            }
            if (open || ulp_idle_set(l))
                return true;
            l->ask_due = true;
            set_idle(l);
            return true;
        }
        if (!push_frame(l, f, size, l->number + 1))
            return false;
        sent(l, f, size);
    }
    return true;
}

/* What goes alone. */
static bool send_alone(struct ulp_line *l)
{
    struct ulp_state *st = ulp_state(l);
    if (l->nack_due) {
        if (!push_alone(l, ULP_NACK))
            return false;
        st->counts.nacks++;
        l->nack_due = false;
        l->nacked = true;
    }
    if (l->ask_due) {
        if (!push_alone(l, ULP_ASK))
            return false;
        st->counts.asks++;
        l->ask_due = false;
    }
    if (l->grant_due) {
        if (!push_alone(l, ULP_GRANT))
            return false;
        st->counts.grants++;
        l->grant_due = false;
    }
    return true;
}

/* Nothing to remember? */
static bool is_new(const struct ulp_line *l)
{
    return l->number == 0 && l->expected == 1 && !l->granted && !l->gave;
}

/* A connection is kept until a life ends; a session that is none yet, while there is something to
 * do. */
static void settle(struct ulp_line *l)
{
    bool timers = ulp_idle_set(l) || ulp_ack_set(l);
    bool idle = is_new(l) && !timers && list_empty(&l->todo) && list_empty(&l->waiting) &&
                list_empty(&l->turn) && !l->grant_due && !l->nack_due && !l->ask_due &&
                !l->wants_ready;
    if (!timers && l->clock) {
        port_free(ulp_port(l), l->clock);
        l->clock = NULL;
    }
    if (idle != l->kept)
        return;
    l->kept = !idle;
    if (idle) {
        list_remove(&l->known);
        xk_close(xk_sessn_of(l));
    } else {
        list_push(&ulp_state(l)->known, &l->known);
        xk_dup(xk_sessn_of(l));
    }
}

/* Of all the frames of it. */
static uint64_t cost_of(const struct ulp_state *st, uint64_t data)
{
    uint64_t frames = data ? (data + st->piece - 1) / st->piece : 1;
    return data + frames * ulp_cost(0);
}

static void wait_to_send(struct ulp_line *l, struct ulp_frame *f)
{
    l->unsent += f->op == ULP_PIECE ? cost_of(ulp_state(l), f->data.length) : 0;
    list_push(&l->todo, &f->link);
}

/* It does not wait behind what waits for a grant itself. */
void ulp_queue_credit(struct ulp_line *l)
{
    if (l->queued)
        return;
    l->queued = true;
    list_push_front(&l->todo, &frame_new(l, ULP_CREDIT)->link);
}

/* Sends what may be sent; true: who was answered XK_BUSY is to be told that there is room. */
static bool pump(struct ulp_line *l)
{
    bool room = send_waiting(l) && send_alone(l);
    list_remove(&l->waiting);
    if (!room)
        list_push(&xk_sessn_of(l)->down[0]->waiting, &l->waiting);
    room = l->pieces ? list_empty(&l->todo)
                     : 2 * (l->unsent + l->in_flight) <= (uint64_t)ulp_state(l)->params->queue;
    return l->wants_ready && room;
}

void ulp_pump(struct ulp_line *l)
{
    struct xk_sessn *s = xk_dup(xk_sessn_of(l)); /* its upper may end what keeps it */
    bool stalled = l->stalled, room = pump(l);
    if (room)
        l->wants_ready = false;
    if (room || (l->wants_ready && l->stalled && !stalled))
        xk_ready(s);
    settle(l);
    xk_close(s);
}

static void protl_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct list now, *it;
    (void)self;
    list_init(&now);
    list_splice(&now, &lower->waiting);
    while ((it = list_pop(&now)))
        ulp_pump(LIST_ENTRY(it, struct ulp_line, waiting));
}

/* ---- what was lost ---- */

void ulp_go_back(struct ulp_line *l, uint32_t number)
{
    if ((int32_t)(number - l->next) < 0)
        l->next = number;
}

static void timed_out(struct port_timer *timer)
{
    struct ulp_line *l = timer->arg;
    struct ulp_state *st = ulp_state(l);
    st->counts.idle++;
    l->wait = sim_time_min(sim_time_mul(l->wait, 2), sim_time_max(st->wait, st->params->wait_max));
    if (!list_empty(&l->out)) {
        ulp_go_back(l, LIST_ENTRY(l->out.next, struct ulp_frame, link)->number);
        set_idle(l);
    }
    ulp_pump(l);
}

void ulp_got_grant(struct ulp_line *l, const struct ulp_header *h)
{
    struct ulp_state *st = ulp_state(l);
    if ((int32_t)(h->next - l->number) > 1) {
        st->counts.bad_acks++;
        return;
    }
    bool some = !l->granted || (int32_t)(h->granted - l->allowed) > 0;
    if (some)
        l->allowed = h->granted;
    l->granted = true;
    while (!list_empty(&l->out)) {
        struct ulp_frame *f = LIST_ENTRY(l->out.next, struct ulp_frame, link);
        if ((int32_t)(f->number - h->next) >= 0)
            break;
        l->in_flight -= ulp_cost(f->data.length);
        frame_free(l, f);
        some = true;
    }
    if ((int32_t)(h->next - l->next) > 0)
        l->next = h->next;
    if (!some)
        return;
    l->wait = st->wait;
    cancel(l, true);
    if (!list_empty(&l->out))
        set_idle(l);
}

static void ack_late(struct port_timer *timer)
{
    struct ulp_line *l = timer->arg;
    l->grant_due |= l->unacked > 0;
    ulp_pump(l);
}

/* ---- connections ---- */

static const struct xk_sessn_ops sessn_ops;

static void begin(struct ulp_line *l)
{
    l->expected = l->next = 1;
    l->wait = ulp_state(l)->wait;
}

struct xk_sessn *ulp_open(struct xk_protl *self, struct xk_protl *upper, struct xk_parts peer,
                          bool *fresh, enum xk_status *why)
{
    struct ulp_state *st = self->state;
    uint64_t key = 0; /* PART2 */
    xk_part_take(&peer, XK_PART_KEY, &key);
    ASSERT(key < XK_KEYS);
    struct xk_sessn *s = xk_table_open_parts(&st->sessns, self, upper, peer, (uint32_t)key,
                                             &sessn_ops, sizeof(struct ulp_line), fresh, why);
    if (!s || !*fresh)
        return s;
    struct ulp_line *l = s->state;
    list_init(&l->known);
    list_init(&l->waiting);
    list_init(&l->turn);
    list_init(&l->todo);
    list_init(&l->out);
    rope_init(&l->partial);
    begin(l);
    return s;
}

static void drop_all(struct ulp_line *l, struct list *list)
{
    while (!list_empty(list)) {
        struct ulp_frame *f = LIST_ENTRY(list->next, struct ulp_frame, link);
        ulp_state(l)->counts.dropped += f->last && f->op == ULP_PIECE;
        frame_free(l, f);
    }
}

/* ULP2. */
static void reset(struct ulp_line *l)
{
    bool some = l->begun || !list_empty(&l->todo) || !list_empty(&l->out);
    drop_all(l, &l->todo);
    drop_all(l, &l->out);
    ulp_state(l)->counts.dropped += l->begun;
    rope_fini(&l->partial);
    xk_keys_drop(&ulp_state(l)->keys, xk_sessn_of(l));
    ulp_grants_none(l);
    list_remove(&l->waiting);
    cancel(l, true);
    cancel(l, false);
    l->number = l->used = l->wished = l->allowed = l->copied = l->unacked = 0;
    l->unsent = l->in_flight = 0;
    l->granted = l->stalled = l->queued = l->nacked = l->begun = false;
    l->grant_due = l->nack_due = l->ask_due = false;
    begin(l);
    if (l->wants_ready) /* later: its upper has not been told yet */
        port_timer_set(&ulp_clock(l)->ack, 0);
    if (some)
        xk_failed(xk_sessn_of(l), XK_UNREACHABLE);
    settle(l);
}

static void peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    struct ulp_state *st = ((struct xk_protl *)arg)->state;
    (void)life;
    struct list now, *it;
    list_init(&now);
    LIST_EACH_SAFE (at, next, &st->known) { /* all at once: one may end others' sessions */
        struct xk_sessn *s = xk_sessn_of(LIST_ENTRY(at, struct ulp_line, known));
        if (alive || s->host != host)
            continue;
        xk_table_hold(&st->sessns, s);
        list_remove(at);
        list_push(&now, at);
    }
    while ((it = list_pop(&now))) {
        struct ulp_line *l = LIST_ENTRY(it, struct ulp_line, known);
        list_push(&st->known, &l->known);
        reset(l);
        xk_close(xk_sessn_of(l));
    }
    ulp_turns(st);
}

/* ---- sessions ---- */

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct ulp_state *st = s->protl->state;
    struct ulp_line *l = s->state;
    if (!xk_alive(s->protl->kernel, s->host))
        return XK_UNREACHABLE;
    bool takes = s->upper->ops->needs & XK_TAKES;
    bool full =
        l->pieces ? !list_empty(&l->todo) : l->unsent + l->in_flight >= (uint64_t)st->params->queue;
    if (full && !takes) {
        l->wants_ready = true;
        st->counts.refused++;
        settle(l);
        return XK_BUSY;
    }
    struct ulp_frame *f = frame_new(l, ULP_PIECE);
    f->first = true;
    xk_msg_to_rope(m, &f->data);
    wait_to_send(l, f);
    st->counts.sent++;
    if (list_empty(&l->waiting) && pump(l))
        port_timer_set(&ulp_clock(l)->ack, 0); /* not from inside a push */
    settle(l);
    return XK_OK;
}

void ulp_give_up(struct xk_sessn *s)
{
    struct ulp_line *l = s->state;
    bool some = false;
    LIST_EACH_SAFE (it, next, &l->todo) {
        struct ulp_frame *f = LIST_ENTRY(it, struct ulp_frame, link);
        if (f->op != ULP_PIECE)
            continue;
        some = true;
        l->unsent -= cost_of(ulp_state(l), f->data.length);
        ulp_state(l)->counts.dropped++;
        frame_free(l, f);
    }
    l->stalled = l->wants_ready = false;
    l->copied = 0;
    if (some) /* who grants must know that it does not come */
        wait_to_send(l, frame_new(l, ULP_QUIT));
    ulp_pump(l);
}

static void sessn_close(struct xk_sessn *s)
{
    xk_table_idle(&((struct ulp_state *)s->protl->state)->sessns, s);
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    struct ulp_state *st = self->state;
    return xk_table_control(&st->sessns, self, st->piece, c);
}

static enum xk_status sessn_control(struct xk_sessn *s, struct xk_control *c)
{
    return protl_control(s->protl, c);
}

static const struct xk_sessn_ops sessn_ops = { .push = sessn_push,
                                               .close = sessn_close,
                                               .control = sessn_control };

/* ---- protocol ---- */

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct ulp_state *st = self->state;
    const unsigned all = XK_NETWORK;
    st->params = p;
    st->keeps = (self->down[0]->gives & all) == all;
    uint64_t below = self->down[0]->carries;
    if (below <= ULP_HEADER)
        return XK_TOO_LONG;
    st->piece = below - ULP_HEADER;
    uint64_t two = 2 * (uint64_t)ulp_cost(st->piece), grant = (uint64_t)st->params->grant;
    uint64_t window = grant > two ? grant : two;
    st->ack_delay = xk_pace_ack(self->down[0], st->params->ack_delay, window / 2);
    st->wait = xk_pace_resend(self->down[0], st->params->wait, window, st->ack_delay);
    xk_table_init(&st->sessns, self, (uint32_t)st->params->idle);
    list_init(&st->known);
    list_init(&st->turns);
    xk_keys_init(&st->keys);
    xk_on_peer(self->kernel, peer_changed, self);
    return xk_open_enable(self->down[0], self, xk_any());
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    bool fresh;
    return ulp_open(self, upper, peer, &fresh, why);
}

static unsigned protl_gives(const void *params_, unsigned below)
{
    (void)params_;
    return below | XK_NETWORK | XK_LONG | XK_LIVES | XK_TAKES | XK_PIECES;
}

static uint64_t protl_carries(const void *p, uint64_t below)
{
    (void)p;
    return below > 0 ? UINT32_MAX : 0;
}

static const struct counter counters[] = {
    C_SUM(ulp_state, counts, sent, "1", "Messages sent."),
    C_SUM(ulp_state, counts, received, "1", "Messages given to uppers."),
    C_SUM(ulp_state, counts, frames, "1", "Frames with data sent for the first time."),
    C_SUM(ulp_state, counts, resent, "1", "Frames sent again."),
    C_SUM(ulp_state, counts, grants, "1", "Messages with nothing but a grant."),
    C_SUM(ulp_state, counts, asks, "1", "Questions for a grant."),
    C_SUM(ulp_state, counts, nacks, "1", "Messages that name the frame that is missing."),
    C_SUM(ulp_state, counts, idle, "1", "Times that the idle timer ended."),
    C_SUM(ulp_state, counts, stalled, "1", "Times that a message had to wait for a grant."),
    C_SUM(ulp_state, counts, shrunk, "1", "Grants that were smaller because others send, too."),
    C_SUM(ulp_state, counts, turns, "1", "Grants that waited for their turn."),
    C_SUM(ulp_state, counts, taken, "1", "Frames with a number that came in their turn."),
    C_SUM(ulp_state, counts, controls, "1", "Questions and grants without one that came."),
    C_SUM(ulp_state, counts, ahead, "1", "Frames dropped: one before them had not come."),
    C_SUM(ulp_state, counts, duplicates, "1", "Frames dropped: had already."),
    C_SUM(ulp_state, counts, damaged, "1", "Frames dropped: the sum is another."),
    C_SUM(ulp_state, counts, stale, "1", "Frames dropped: from or for a life that has ended."),
    C_SUM(ulp_state, counts, bad, "1", "Frames dropped: the header makes no sense."),
    C_SUM(ulp_state, counts, bad_acks, "1",
          "Acknowledgements of what was not sent, on frames or alone: not looked at."),
    C_SUM(ulp_state, counts, nobody, "1",
          "Frames dropped: no protocol with their number stands here."),
    C_SUM(ulp_state, counts, refused, "1", "Pushes refused for want of room."),
    C_SUM(ulp_state, counts, dropped, "1",
          "Messages cut off, going or coming: given up, or by a life's end."),
    C_END,
};

const struct xk_protl_ops ulp_protl = {
    .kind = { .name = "ulp",
              .doc = "whole messages in order and once, with grants and one pass over the data",
              .params = params,
              .params_size = sizeof(struct ulp_params),
              .state_size = sizeof(struct ulp_state),
              .counters = counters },
    .header = ULP_HEADER,
    .down_min = 1,
    .down_max = 1,
    .joined = true,
    .gives = protl_gives,
    .carries = protl_carries,
    .init = protl_init,
    .open = protl_open,
    .open_enable = ulp_enable,
    .demux = ulp_demux,
    .ready = protl_ready,
    .control = protl_control,
    .pieces = &ulp_hold_ops,
};
