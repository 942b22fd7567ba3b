/* record_conn.c: RECORD's connections: opening, the rule for two at once, greetings, breaking.
 *
 *   RCDC1  A HELLO is sent on the one connection that a peer has, and nothing is read of that host
 *       but on it, as long as it is that: what it says of what has come is true.
 *   RCDC2  While something is to be sent and no connection is asked for, the timer runs.
 */
#include "os/proto/record/record_internal.h"

/* The other's life; 0: it is not known, or has ended. */
static uint32_t life_of(const struct record_peer *p)
{
    const struct xk_kernel *k = p->self->kernel;
    return xk_alive(k, p->host) ? xk_life(k, p->host) : 0;
}

static struct record_conn *conn_new(struct record_peer *p, struct xk_sessn *tcp, bool mine)
{
    const struct record_params *params = record_state(p)->params;
    struct record_conn *c = port_alloc(record_port(p), sizeof *c);
    c->peer = p;
    c->tcp = tcp;
    c->mine = mine;
    rope_init(&c->in);
    rope_init(&c->record);
    tcp->upper_state = c;
    p->conn = c;
    struct xk_control nodelay = { .op = XK_TCP_NODELAY, .u64 = params->nodelay };
    (void)xk_sessn_control(tcp, &nodelay);
    return c;
}

void record_end(struct record_conn *c, bool told)
{
    struct record_peer *p = c->peer;
    struct xk_sessn *tcp = c->tcp;
    struct xk_control abort = { .op = XK_TCP_ABORT };
    if (p->conn == c) {
        p->conn = NULL;
        record_rewind(p);
    }
    c->tcp = NULL;
    tcp->upper_state = NULL;
    rope_fini(&c->in); /* RCDI2 */
    rope_fini(&c->record);
    if (!told)
        (void)xk_sessn_control(tcp, &abort);
    xk_close(tcp);
    if (c->inside == 0)
        port_free(record_port(p), c);
}

void record_retry(struct record_peer *p, enum xk_status why)
{
    const struct record_params *params = record_state(p)->params;
    p->why = why;
    if (!p->conn && record_waits(p) && !port_timer_pending(&p->retry)) {
        port_work(record_port(p), PORT_WORK_TIMER, 1);
        port_timer_set(&p->retry, p->wait);
        p->wait =
            sim_time_min(sim_time_mul(p->wait, 2), sim_time_max(params->retry, params->retry_max));
    }
}

void record_broke(struct record_conn *c, bool told, enum xk_status why)
{
    struct record_peer *p = c->peer;
    record_state(p)->counts.broken += c->greeted;
    p->tries += !c->greeted;
    record_end(c, told);
    record_retry(p, why);
}

void record_patience(struct record_peer *p)
{
    p->tries = 0;
    p->wait = record_state(p)->params->retry;
}

void record_connect(struct record_peer *p)
{
    enum xk_status why = XK_OK;
    if (p->conn || port_timer_pending(&p->retry))
        return;
    if (p->own) {
        port_timer_set(&p->retry, 0);
        return;
    }
    struct xk_parts to = xk_node(p->host);
    xk_part_push(&to, XK_PART_PORT, (uint64_t)record_state(p)->params->port);
    struct xk_sessn *tcp = xk_open(p->self->down[0], p->self, to, &why);
    record_state(p)->counts.connects++;
    if (tcp) {
        conn_new(p, tcp, true);
        return;
    }
    p->tries++;
    record_retry(p, why);
}

/* To this node itself: what waits now is there. */
static void to_itself(struct record_peer *p)
{
    struct list now;
    struct record_item *i;
    list_init(&now);
    while ((i = record_take(p)))
        list_push(&now, &i->link);
    while (!list_empty(&now)) {
        i = LIST_ENTRY(now.next, struct record_item, link);
        record_state(p)->counts.records++;
        (void)record_came(p, NULL, &i->data);
        record_item_free(p, i);
    }
}

void record_timed_out(struct port_timer *timer)
{
    struct record_peer *p = timer->arg;
    const struct record_params *params = record_state(p)->params;
    if (p->own)
        to_itself(p);
    else if (!p->heard && p->tries >= (uint64_t)params->tries)
        record_fail(p, p->why); /* RCD4 */
    record_pump(p);
    record_ring(record_state(p));
}

/* ---- from below ---- */

static void greet(struct record_conn *c)
{
    struct record_peer *p = c->peer;
    struct rope record;
    uint8_t h[RECORD_HEADER + RECORD_HELLO];
    uint32_t life = life_of(p);
    record_header_store(h, &(struct record_header){ .op = RECORD_GREETING, .last = true });
    wire_put32(h + RECORD_HEADER, RECORD_MAGIC);
    wire_put32(h + RECORD_HEADER + 4, port_incarnation(record_port(p)));
    wire_put32(h + RECORD_HEADER + 8, life);
    wire_put32(h + RECORD_HEADER + 12, life ? p->received : 0);
    rope_init(&record);
    rope_add_bytes(&record, h, sizeof h);
    c->connected = true;
    (void)record_push_whole(c, &record); /* the first that TCP is given: it has room */
}

/* RCD3: of two at once.  Of the lower host's the other will hear; one that is not connected here
 * the other cannot have taken. */
static bool ours_stands(const struct record_peer *p)
{
    const struct record_conn *c = p->conn;
    return c && c->mine && c->connected && !c->greeted && port_node(record_port(p)) < p->host;
}

void record_open_done(struct xk_protl *self, struct xk_sessn *lower)
{
    struct record_state *st = self->state;
    struct xk_control abort = { .op = XK_TCP_ABORT };
    struct record_peer *p = lower->host == XK_NO_HOST ? NULL : record_peer(self, lower->host);
    if (!p || p->own || ours_stands(p)) {
        st->counts.nobody += !p || p->own;
        (void)xk_sessn_control(lower, &abort);
        return;
    }
    if (p->conn) {
        st->counts.yielded += !p->conn->greeted;
        st->counts.broken += p->conn->greeted;
        record_end(p->conn, false);
    }
    st->counts.accepts++;
    port_timer_cancel(&p->retry);
    greet(conn_new(p, xk_dup(lower), false));
}

void record_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct record_conn *c = lower->upper_state;
    if (!c)
        return;
    struct record_peer *p = c->peer;
    if (!c->connected)
        greet(c);
    record_pump(p);
    record_ring(self->state);
}

void record_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why)
{
    (void)self;
    if (lower->upper_state)
        record_broke(lower->upper_state, true, why);
}

bool record_hello(struct record_conn *c, struct xk_msg *m)
{
    struct record_peer *p = c->peer;
    struct record_state *st = record_state(p);
    uint8_t h[RECORD_HELLO];
    if (!xk_msg_pop(m, h, sizeof h) || xk_msg_length(m) > 0 || wire_get32(h) != RECORD_MAGIC ||
        wire_get32(h + 4) == 0)
        return false;
    st->greeting = c;
    enum xk_heard heard = xk_heard(p->self->kernel, p->host, wire_get32(h + 4));
    st->greeting = NULL;
    bool mine = wire_get32(h + 8) == port_incarnation(record_port(p));
    uint32_t received = mine ? wire_get32(h + 12) : 0;
    /* Sent before the other took another connection, and told more on that. */
    bool late = (int32_t)(received - (p->number - p->kept)) < 0;
    if (heard == XK_OLD || late) {
        st->counts.stale++;
        record_end(c, false);
        record_retry(p, XK_RESET);
        return true;
    }
    if (!record_resume(p, received))
        return false;
    st->counts.greeted++;
    c->greeted = p->heard = true;
    record_patience(p);
    return true;
}
