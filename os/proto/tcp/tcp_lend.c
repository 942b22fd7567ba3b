/* tcp_lend.c: a connection goes from one instance of TCP of a node to another, and back.
 *
 * An instance that lends a connection writes all of its block into a message, and keeps a session
 * without one: its ports stay taken, and segments for it are passed over.  The block is written
 * field by field, big-endian, times as the node's clock has them; behind it stand the stretches
 * that the peer has told, those that came early, and the bytes of both directions.
 *
 *   TCPL1  A block that is given back may be forged, for it comes from a heap that is not this
 *       instance's: one that would break TCP3, TCP4, TCPS1, or the bounds of any number, is
 *       refused, and nothing changes.
 * While a connection is lent what the other instance stands on gets its datagrams, if a FILTER
 * below tells instances apart; from the return on, or when the session of who has lent it goes,
 * what this one stands on does.
 */
#include "os/proto/filter/filter.h"
#include "os/proto/tcp/tcp_internal.h"

/* ---- fields ---- */

struct field {
    uint16_t at;
    uint8_t size; /* bytes, of an unsigned number or a sim_time */
};

#define F(m)                                                                                       \
    {                                                                                              \
        offsetof(struct tcp_conn, m), sizeof(((struct tcp_conn *)0)->m)                            \
    }
static const struct field fields[] = {
    F(key.mine),
    F(key.peer),
    F(key.my_port),
    F(key.peer_port),
    F(state),
    F(shift),
    F(keep_sent),
    F(dupacks),
    F(sacked_count),
    F(iss),
    F(una),
    F(nxt),
    F(max),
    F(base),
    F(wnd),
    F(wnd_most),
    F(wl1),
    F(wl2),
    F(cwnd),
    F(ssthresh),
    F(recover),
    F(high_rxt),
    F(snd_up),
    F(mss),
    F(path_mss),
    F(peer_mss),
    F(send_scale),
    F(receive_scale),
    F(soft),
    F(send_buffer),
    F(receive_buffer),
    F(irs),
    F(rcv_nxt),
    F(adv),
    F(early_fin),
    F(acked),
    F(held),
    F(early_count),
    F(early_turn),
    F(given),
    F(rcv_up),
    F(timed),
    F(stamp),
    F(recent),
    F(timed_at),
    F(recent_at),
    F(heard),
    F(sent),
    F(opened),
    F(srtt),
    F(rttvar),
    F(rto),
    F(patience),
    F(waits),
    F(due[TCP_REXMT]),
    F(due[TCP_PERSIST]),
    F(due[TCP_DELACK]),
    F(due[TCP_KEEP]),
    F(due[TCP_WAIT]),
    F(armed),
};
#undef F

#define FLAGS(X)                                                                                   \
    X(open)                                                                                        \
    X(told)                                                                                        \
    X(passive)                                                                                     \
    X(holds)                                                                                       \
    X(nodelay)                                                                                     \
    X(finish)                                                                                      \
    X(wants)                                                                                       \
    X(drains)                                                                                      \
    X(ack_now)                                                                                     \
    X(force)                                                                                       \
    X(timing)                                                                                      \
    X(recovering)                                                                                  \
    X(sampled)                                                                                     \
    X(scales)                                                                                      \
    X(stamps)                                                                                      \
    X(sack_ok) X(urgent_out) X(urgent_due) X(urgent_in) X(peer_fin) X(keepalive) X(stalled)

#define RANGE 8u  /* of what the peer has told */
#define EARLY 12u /* of a stretch that came early: number, turn, length */
#define HEAD_MOST 400u

static uint64_t get(const uint8_t *at, uint8_t size)
{
    uint64_t v = 0;
    for (uint8_t i = 0; i < size; i++)
        v = v << 8 | at[i];
    return v;
}

static void put(uint8_t *at, uint8_t size, uint64_t v)
{
    for (uint8_t i = size; i-- > 0; v >>= 8)
        at[i] = (uint8_t)v;
}

static uint64_t field_get(const struct tcp_conn *t, const struct field *f)
{
    const uint8_t *p = (const uint8_t *)t + f->at;
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (f->size) {
    case 1:
        return *p;
    case 2:
        memcpy(&two, p, sizeof two);
        return two;
    case 4:
        memcpy(&four, p, sizeof four);
        return four;
    default:
        memcpy(&eight, p, sizeof eight);
        return eight;
    }
}

static void field_put(struct tcp_conn *t, const struct field *f, uint64_t v)
{
    uint8_t *p = (uint8_t *)t + f->at;
    uint16_t two = (uint16_t)v;
    uint32_t four = (uint32_t)v;
    switch (f->size) {
    case 1:
        *p = (uint8_t)v;
        break;
    case 2:
        memcpy(p, &two, sizeof two);
        break;
    case 4:
        memcpy(p, &four, sizeof four);
        break;
    default:
        memcpy(p, &v, sizeof v);
        break;
    }
}

static uint32_t head_bytes(void)
{
    uint32_t n = 4;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        n += fields[i].size;
    return n;
}

/* ---- out ---- */

/* Appends the block; the connection has no data then. */
static void block_store(struct tcp_conn *t, struct rope *out)
{
    uint8_t head[HEAD_MOST], *at = head;
    uint32_t flags = 0, bit = 0;
    ASSERT(head_bytes() <= sizeof head);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        put(at, fields[i].size, field_get(t, &fields[i]));
        at += fields[i].size;
    }
#define X(m) flags |= (uint32_t)t->m << bit++;
    FLAGS(X)
#undef X
    wire_put32(at, flags);
    rope_add_bytes(out, head, head_bytes());
    for (uint8_t i = 0; i < t->sacked_count; i++) {
        wire_put32(head, t->sacked[i].from);
        wire_put32(head + 4, t->sacked[i].to);
        rope_add_bytes(out, head, RANGE);
    }
    LIST_EACH (it, &t->early) {
        const struct tcp_early *e = LIST_ENTRY(it, struct tcp_early, link);
        wire_put32(head, e->seq);
        wire_put32(head + 4, e->turn);
        wire_put32(head + 8, (uint32_t)e->data.length);
        rope_add_bytes(out, head, EARLY);
    }
    LIST_EACH (it, &t->early)
        rope_join(out, &LIST_ENTRY(it, struct tcp_early, link)->data);
    rope_join(out, &t->out);
}

/* ---- in ---- */

struct block { /* what was read of one */
    struct tcp_conn t;
    struct tcp_range sacked[TCP_SACKED_MOST];
    struct {
        uint32_t seq, turn, length;
    } early[TCP_EARLY_MOST + 1];
};

/* The numbers in front; *n: their bytes.  false: it is no block. */
static bool load_head(const struct rope *in, struct block *b, uint64_t *n)
{
    uint8_t head[HEAD_MOST], *at = head;
    uint32_t bit = 0;
    *n = head_bytes();
    if (in->length < *n)
        return false;
    rope_read(in, 0, (size_t)*n, head);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        field_put(&b->t, &fields[i], get(at, fields[i].size));
        at += fields[i].size;
    }
    uint32_t flags = wire_get32(at);
#define X(m) b->t.m = flags >> bit++ & 1;
    FLAGS(X)
#undef X
    return flags >> bit == 0;
}

static bool load_stretches(const struct rope *in, struct block *b, uint64_t *n)
{
    uint8_t bytes[EARLY];
    uint64_t all = b->t.sacked_count * RANGE + b->t.early_count * (uint64_t)EARLY;
    if (b->t.sacked_count > TCP_SACKED_MOST || b->t.early_count > TCP_EARLY_MOST + 1 ||
        in->length < *n + all)
        return false;
    for (uint8_t i = 0; i < b->t.sacked_count; i++, *n += RANGE) {
        rope_read(in, *n, RANGE, bytes);
        b->sacked[i] = (struct tcp_range){ wire_get32(bytes), wire_get32(bytes + 4) };
    }
    for (uint32_t i = 0; i < b->t.early_count; i++, *n += EARLY) {
        rope_read(in, *n, EARLY, bytes);
        b->early[i].seq = wire_get32(bytes);
        b->early[i].turn = wire_get32(bytes + 4);
        b->early[i].length = wire_get32(bytes + 8);
    }
    return true;
}

static bool between(uint32_t a, uint32_t b, uint32_t c)
{
    return b - a <= c - a && c - a <= INT32_MAX;
}

/* What is sent: `length` bytes wait or are not acknowledged. */
static bool sending_holds(const struct block *b, uint64_t length)
{
    const struct tcp_conn *t = &b->t;
    uint32_t end = t->base + (uint32_t)length, last = end + t->finish, at = t->una;
    if (length > 2 * TCP_LONGEST || !t->open || t->force ||
        t->finish != (t->state != TCP_ESTABLISHED && t->state != TCP_CLOSE_WAIT))
        return false;
    if (!between(t->una, t->nxt, t->max) || !between(t->una, t->max, last)) /* TCP3 */
        return false;
    if (t->base != t->una && !(t->finish && t->una == end + 1 && length == 0))
        return false;
    if (t->mss == 0 || t->mss > INT16_MAX || t->path_mss == 0 || t->path_mss > INT16_MAX ||
        t->cwnd == 0 || t->send_scale > TCP_SCALE_MOST)
        return false;
    for (uint8_t i = 0; i < t->sacked_count; i++) { /* TCPS1 */
        struct tcp_range r = b->sacked[i];
        if (!t->sack_ok || r.from == at || !between(at, r.from, t->max) || r.from == r.to ||
            !between(r.from, r.to, t->max))
            return false;
        at = r.to;
    }
    return true;
}

/* The peer's FIN has had its turn. */
static bool fin_taken(const struct tcp_conn *t)
{
    return t->state == TCP_CLOSE_WAIT || t->state == TCP_CLOSING || t->state == TCP_LAST_ACK ||
           t->state == TCP_TIME_WAIT;
}

static bool buffers_hold(const struct tcp_conn *t)
{
    return t->send_buffer > 0 && t->send_buffer <= TCP_LONGEST && t->receive_buffer > 0 &&
           t->receive_buffer <= TCP_LONGEST && t->held <= 2 * TCP_LONGEST &&
           t->receive_scale <= TCP_SCALE_MOST;
}

/* What came early is within the window, and there are so many bytes of it. */
static bool receiving_holds(const struct block *b, uint64_t *early)
{
    const struct tcp_conn *t = &b->t;
    uint32_t at = t->rcv_nxt, edge = t->adv + fin_taken(t); /* a FIN needs no window */
    *early = 0;
    if (!buffers_hold(t) || edge - at > INT32_MAX || t->given != at - fin_taken(t))
        return false;
    for (uint32_t i = 0; i < t->early_count; i++) {
        uint32_t from = b->early[i].seq, n = b->early[i].length;
        if (n == 0 || from == at || !between(at, from, edge) || !between(from, from + n, edge) ||
            b->early[i].turn > t->early_turn)
            return false;
        *early += n;
        at = from + n;
    }
    return true;
}

/* No parameter lets a deadline lie further ahead than keep_idle, 720 hours; SIM_NEVER: none. */
static bool is_deadline(sim_time t, sim_time now)
{
    return t == SIM_NEVER || (t >= 0 && t <= sim_time_add(now, 1000 * 3600 * SIM_SEC));
}

/* Times lie behind now (or a little ahead: PORT2), deadlines are set as TCP4 says. */
static bool times_hold(const struct tcp_conn *t, sim_time now)
{
    const sim_time past[] = { t->timed_at, t->recent_at, t->heard, t->sent, t->opened, t->waits };
    const sim_time spans[] = { t->srtt, t->rttvar, t->rto };
    for (size_t i = 0; i < ARRAY_LEN(past); i++)
        if (past[i] < 0 || past[i] > sim_time_add(now, SIM_SEC))
            return false;
    for (size_t i = 0; i < ARRAY_LEN(spans); i++)
        if (spans[i] < 0 || spans[i] > 24 * 3600 * SIM_SEC)
            return false;
    for (uint32_t k = 0; k < TCP_TIMERS; k++)
        if (!is_deadline(t->due[k], now))
            return false;
    return t->rto > 0 && is_deadline(t->armed, now) && t->patience >= 0 &&
           !(tcp_is_set(t, TCP_REXMT) && tcp_is_set(t, TCP_PERSIST)) &&
           (t->state != TCP_TIME_WAIT || tcp_is_set(t, TCP_WAIT));
}

/* Takes the numbers, not the place of a connection. */
static void take_numbers(struct tcp_conn *t, const struct tcp_conn *from)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        field_put(t, &fields[i], field_get(from, &fields[i]));
#define X(m) t->m = from->m;
    FLAGS(X)
#undef X
}

static void take_stretches(struct tcp_conn *t, const struct block *b, struct rope *in)
{
    if (t->sacked_count > 0 && !t->sacked)
        t->sacked = port_alloc(tcp_port(t), (TCP_SACKED_MOST + 1) * sizeof *t->sacked);
    for (uint8_t i = 0; i < t->sacked_count; i++)
        t->sacked[i] = b->sacked[i];
    for (uint32_t i = 0; i < t->early_count; i++) {
        struct tcp_early *e = port_alloc(tcp_port(t), sizeof *e);
        struct rope rest;
        e->seq = b->early[i].seq;
        e->turn = b->early[i].turn;
        rope_split(in, b->early[i].length, &rest);
        rope_move(&e->data, in);
        rope_move(in, &rest);
        list_push(&t->early, &e->link);
    }
    rope_join(&t->out, in);
}

/* TCPL1; *n: bytes of the block before its data. */
static bool load(struct tcp_conn *t, const struct rope *in, struct block *b, uint64_t *n)
{
    uint64_t early;
    return load_head(in, b, n) && load_stretches(in, b, n) && b->t.state >= TCP_ESTABLISHED &&
           b->t.state < TCP_STATES && memcmp(&b->t.key, &t->key, sizeof t->key) == 0 &&
           receiving_holds(b, &early) && in->length >= *n + early &&
           sending_holds(b, in->length - *n - early) && times_hold(&b->t, port_now(tcp_port(t)));
}

/* ---- the controls ---- */

/* Whose the datagrams are. */
static void send_to(struct tcp_conn *t, uint32_t number, bool add)
{
    struct xk_protl *below = xk_sessn_of(t)->protl->down[0];
    struct filter_program p;
    if (number == 0)
        return;
    filter_session(&p, TCP_NUMBER, t->key.mine, t->key.my_port, t->key.peer, t->key.peer_port);
    (void)(add ? filter_add(below, number, &p) : filter_remove(below, number, &p));
}

enum xk_status tcp_export(struct tcp_conn *t, struct xk_control *c)
{
    struct tcp_state_of *st = tcp_self(t);
    if (t->news)
        return XK_BUSY;
    if (t->lent || t->state < TCP_ESTABLISHED || !c->msg || xk_msg_length(c->msg) > 0 ||
        c->u64 > UINT8_MAX)
        return XK_REFUSED;
    t->stalled = !list_empty(&t->waiting);
    block_store(t, &c->msg->data);
    port_work(tcp_port(t), PORT_WORK_COPY, head_bytes());
    st->counts.exported++;
    t->lent = true;
    t->stalled = false;
    t->lent_to = (uint8_t)c->u64;
    send_to(t, t->lent_to, true);
    tcp_cancel_all(t);
    tcp_early_drop(t);
    t->sacked_count = 0;
    list_remove(&t->waiting);
    return XK_OK;
}

enum xk_status tcp_import(struct tcp_conn *t, struct xk_control *c)
{
    struct tcp_state_of *st = tcp_self(t);
    struct rope in, data;
    struct block b = { .sacked = { { 0 } } };
    uint64_t n = 0;
    if (!t->lent || !c->msg)
        return XK_REFUSED;
    port_work(tcp_port(t), PORT_WORK_COPY, head_bytes());
    xk_msg_to_rope(c->msg, &in);
    if (!load(t, &in, &b, &n)) {
        xk_msg_init_rope(c->msg, &in);
        return XK_REFUSED;
    }
    rope_split(&in, n, &data);
    rope_fini(&in);
    take_numbers(t, &b.t);
    take_stretches(t, &b, &data);
    send_to(t, t->lent_to, false);
    t->lent = false;
    t->lent_to = 0;
    st->counts.imported++;
    tcp_resume(t);
    xk_msg_init(c->msg);
    if (t->stalled) { /* there may be room below this one */
        struct tcp_news news;
        t->stalled = false;
        tcp_enter(t, &news);
        tcp_leave(t, &news);
    }
    return XK_OK;
}

void tcp_unlend(struct tcp_conn *t)
{
    struct tcp_state_of *st = tcp_self(t);
    send_to(t, t->lent_to, false);
    st->counts.lost += !st->params->guest;
    t->lent = false;
    t->state = TCP_CLOSED;
    xk_map_unbind(&st->conns, &t->key);
    t->bound = false;
}
