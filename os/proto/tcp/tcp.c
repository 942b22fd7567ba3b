/* tcp.c: TCP's protocol object: parameters, counters, listening, and what comes from below.
 *
 * See tcp.h for what it promises, tcp_internal.h for who does what.
 */
#include "os/proto/tcp/tcp_internal.h"

static const char *const urgent_names[] = { "last", "next", NULL };

static const char *const port_choices[] = { "next", "drawn", NULL };

static const struct param params[] = {
    P_SIZE(tcp_params, send_buffer, "8KiB", "1B", "1GiB",
           "bytes that wait or are not acknowledged before a push is answered with busy",
           "4.4BSD, netinet/tcp_usrreq.c, tcp_sendspace"),
    P_SIZE(tcp_params, receive_buffer, "8KiB", "1B", "1GiB",
           "bytes that a peer may send ahead of what is consumed; above 64 KiB only with "
           "window_scale",
           "4.4BSD, netinet/tcp_usrreq.c, tcp_recvspace"),
    P_SIZE(tcp_params, mss, "0B", "0B", "32767B",
           "largest segment that is sent or asked for, in bytes of data; 0: what fits the path",
           "RFC 1122, 4.2.2.6"),
    P_CHOICE(tcp_params, congestion, "reno", tcp_cong_names,
             "what a loss does to the congestion window",
             "Jacobson 1990; RFC 2001; newreno: RFC 2582"),
    P_INT(tcp_params, initial_window, "1", "1", "64", "congestion window at first, in segments",
          "Jacobson & Karels 1988; RFC 1122, 4.2.2.15"),
    P_BOOL(tcp_params, nagle, "true",
           "a segment that is not full waits while anything is not acknowledged",
           "RFC 896; RFC 1122, 4.2.3.4"),
    P_BOOL(tcp_params, window_scale, "true", "offers to scale windows", "RFC 1323, 2; 4.4BSD"),
    P_BOOL(tcp_params, stamps, "true", "offers time stamps: round trips, and old segments",
           "RFC 1323, 3 and 4; 4.4BSD"),
    P_BOOL(tcp_params, sack, "false", "offers selective acknowledgements",
           "RFC 2018; 4.4BSD: none"),
    P_BOOL(tcp_params, limited_transmit, "false",
           "the first two duplicate acknowledgements let a new segment go each",
           "RFC 3042; 4.4BSD: none"),
    P_CHOICE(tcp_params, urgent, "last", urgent_names,
             "the urgent pointer is the number of the last urgent byte, or of the next",
             "RFC 1122, 4.2.2.4: last; BSD and Linux: next"),
    P_BOOL(tcp_params, path_mtu, "false",
           "asks IP not to cut segments, and shortens them when told", "RFC 1191; 4.4BSD: none"),
    P_TIME(tcp_params, stamp_tick, "1ms", "1ms", "1s", "of the clock of time stamps",
           "RFC 1323, 4.2.2: 1 ms to 1 s"),
    P_TIME(tcp_params, rto_first, "3s", "1ms", "1h", "time-out before a round trip is known",
           "RFC 1122, 4.2.3.1"),
    P_TIME(tcp_params, rto_min, "1s", "1us", "1h", "least time-out",
           "4.4BSD, netinet/tcp_timer.h, TCPTV_MIN: 2 ticks of 500 ms"),
    P_TIME(tcp_params, rto_max, "64s", "1ms", "1h", "largest time-out, backed off",
           "4.4BSD, netinet/tcp_timer.h, TCPTV_REXMTMAX"),
    P_TIME(tcp_params, tick, "500ms", "0", "10s", "the variance counts as so much at least",
           "4.4BSD, PR_SLOWHZ: the clock in whose ticks it measures"),
    P_INT(tcp_params, tries, "12", "1", "100",
          "times that a segment is sent again before the peer is given up",
          "4.4BSD, netinet/tcp_timer.h, TCP_MAXRXTSHIFT; RFC 1122, 4.2.3.5: at least 100 s"),
    P_TIME(tcp_params, connect_time, "180s", "1ms", "24h", "the same of a SYN, as time",
           "RFC 1122, 4.2.3.5: at least 180 s"),
    P_TIME(
        tcp_params, user_timeout, "0", "0", "24h",
        "a connection whose data are not acknowledged for so long is given up; 0: by `tries` alone",
        "RFC 793, 3.8, OPEN; 4.4BSD: none"),
    P_TIME(tcp_params, ack_delay, "200ms", "0", "500ms",
           "an acknowledgement waits so long for another segment or for data",
           "4.4BSD, tcp_fasttimo; RFC 1122, 4.2.3.2: less than 500 ms"),
    P_TIME(tcp_params, override, "500ms", "100ms", "1s",
           "a segment waits so long because the window is smaller than it",
           "RFC 1122, 4.2.3.4: 0.1 s to 1 s"),
    P_TIME(tcp_params, persist_min, "5s", "1ms", "1h",
           "first wait before a closed window is probed",
           "4.4BSD, netinet/tcp_timer.h, TCPTV_PERSMIN"),
    P_TIME(tcp_params, persist_max, "60s", "1ms", "1h", "longest, backed off",
           "4.4BSD, netinet/tcp_timer.h, TCPTV_PERSMAX"),
    P_BOOL(tcp_params, keepalive, "false", "probes peers from whom nothing comes",
           "RFC 1122, 4.2.3.6: off"),
    P_TIME(tcp_params, keep_idle, "2h", "1ms", "720h", "for so long", "RFC 1122, 4.2.3.6"),
    P_TIME(tcp_params, keep_interval, "75s", "1ms", "24h", "between two probes",
           "4.4BSD, netinet/tcp_timer.h, TCPTV_KEEPINTVL"),
    P_INT(tcp_params, keep_tries, "8", "1", "100", "probes without an answer, then it is given up",
          "4.4BSD, netinet/tcp_timer.h, TCPTV_KEEPCNT"),
    P_TIME(tcp_params, msl, "30s", "1ms", "600s",
           "longest life of a segment: a connection is remembered for twice that",
           "4.4BSD, netinet/tcp_timer.h, TCPTV_MSL (RFC 793, 3.3: 2 min)"),
    P_TIME(tcp_params, linger, "600s", "1ms", "24h",
           "who has closed waits so long for the peer to finish",
           "4.4BSD, netinet/tcp_timer.h: TCPTV_KEEPCNT times TCPTV_KEEPINTVL"),
    P_INT(tcp_params, backlog, "128", "1", "65535",
          "connections to a port that peers have begun and not completed",
          "ASSUMED(a server of 128 nodes that all begin at once)"),
    P_INT(tcp_params, port_first, "1024", "1", "65535", "first port for who asks for none",
          "4.4BSD, netinet/in.h, IPPORT_RESERVED"),
    P_INT(tcp_params, port_last, "5000", "1", "65535", "last",
          "4.4BSD, netinet/in.h, IPPORT_USERRESERVED"),
    P_CHOICE(tcp_params, port_choice, "next", port_choices,
             "which of them: the next, or one that is drawn",
             "4.4BSD, netinet/in_pcb.c: next; RFC 6056, 3.3.2: drawn"),
    P_BOOL(tcp_params, guest, "false",
           "it has no ports of its own, only connections that another instance of the node lends; "
           "segments for nobody are dropped without an answer"),
    P_INT(tcp_params, isn, "-1", "-2", "4294967295",
          "first sequence number of each connection; -1: of the clock, and a random part; -2: of "
          "the clock, and a hash of its ends",
          "RFC 793, 3.3: a clock of 4 us; RFC 6528, 3"),
    P_END,
};

const char *tcp_state_name(enum tcp_state s)
{
    static const char *const names[TCP_STATES] = {
        [TCP_CLOSED] = "CLOSED",           [TCP_LISTEN] = "LISTEN",
        [TCP_SYN_SENT] = "SYN_SENT",       [TCP_SYN_RCVD] = "SYN_RCVD",
        [TCP_ESTABLISHED] = "ESTABLISHED", [TCP_CLOSE_WAIT] = "CLOSE_WAIT",
        [TCP_FIN_WAIT_1] = "FIN_WAIT_1",   [TCP_CLOSING] = "CLOSING",
        [TCP_LAST_ACK] = "LAST_ACK",       [TCP_FIN_WAIT_2] = "FIN_WAIT_2",
        [TCP_TIME_WAIT] = "TIME_WAIT",
    };
    return s < TCP_STATES ? names[s] : "unknown";
}

const struct tcp_counts *tcp_counts(const struct xk_protl *tcp)
{
    return &((const struct tcp_state_of *)tcp->state)->counts;
}

/* ---- from below ---- */

bool tcp_ends_of(struct xk_sessn *lower, struct tcp_key *key)
{
    struct xk_control mine = { .op = XK_GET_MY_ADDRESS }, peer = { .op = XK_GET_PEER_ADDRESS };
    if (xk_sessn_control(lower, &mine) != XK_OK || xk_sessn_control(lower, &peer) != XK_OK)
        return false;
    key->mine = (uint32_t)mine.u64;
    key->peer = (uint32_t)peer.u64;
    return true;
}

static void later_now(struct port_timer *timer)
{
    struct xk_protl *self = timer->arg;
    struct tcp_state_of *st = self->state;
    struct list *it;
    while ((it = list_pop(&st->later))) {
        struct tcp_later *l = LIST_ENTRY(it, struct tcp_later, link);
        tcp_arrived(self, l->lower, &l->msg);
        xk_msg_fini(&l->msg);
        xk_close(l->lower);
        port_free(xk_port(self), l);
    }
}

static void protl_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct tcp_state_of *st = self->state;
    if (st->inside == 0 && list_empty(&st->later)) {
        tcp_arrived(self, lower, m);
        return;
    }
    struct tcp_later *l = port_alloc(xk_port(self), sizeof *l); /* TCPI2 */
    l->lower = xk_dup(lower);
    xk_msg_move(&l->msg, m);
    list_push(&st->later, &l->link);
    if (!port_timer_pending(&st->turn))
        port_timer_set(&st->turn, 0);
}

static void protl_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct list now, *it;
    (void)self;
    list_init(&now);
    list_splice(&now, &lower->waiting);
    while ((it = list_pop(&now))) {
        struct tcp_conn *t = LIST_ENTRY(it, struct tcp_conn, waiting);
        struct tcp_news n;
        tcp_enter(t, &n);
        tcp_leave(t, &n);
    }
}

/* The connection that an error below is about, if it has sent what the error quotes. */
static struct tcp_conn *quoted(struct xk_protl *self, struct xk_sessn *lower)
{
    struct tcp_state_of *st = self->state;
    struct xk_control c = { .op = XK_GET_QUOTED };
    struct tcp_key key = { .mine = 0 };
    if (xk_sessn_control(lower, &c) != XK_OK || !tcp_ends_of(lower, &key))
        return NULL;
    key.my_port = (uint16_t)(c.u64 >> 48);
    key.peer_port = (uint16_t)(c.u64 >> 32);
    uint32_t seq = (uint32_t)c.u64;
    struct tcp_conn *t = xk_map_resolve(&st->conns, &key);
    return t && !t->lent && !tcp_before(seq, t->una) && tcp_before(seq, t->max) ? t : NULL;
}

/* What ICMP says is advice [RFC 1122, 4.2.3.9]: it is told when the connection is given up, but to
 * an opener at once.  That a segment was too long shortens those that follow [RFC 1191, 6.4]. */
static void protl_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why)
{
    struct tcp_conn *t = quoted(self, lower);
    struct tcp_news n;
    ((struct tcp_state_of *)self->state)->counts.softerrors++;
    if (!t)
        return;
    tcp_enter(t, &n);
    if (why == XK_TOO_LONG) {
        tcp_ask_path(t);
        t->nxt = t->open ? t->una : t->nxt;
    } else if (why == XK_REFUSED && t->state == TCP_SYN_SENT) {
        tcp_end_with(t, why);
    } else {
        t->soft = (uint16_t)why;
    }
    tcp_leave(t, &n);
}

/* ---- the object ---- */

bool tcp_is_guest(const void *p)
{
    return ((const struct tcp_params *)p)->guest;
}

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct tcp_state_of *st = self->state;
    st->params = p;
    xk_map_init(&st->conns, xk_port(self), sizeof(struct tcp_key));
    xk_map_init(&st->listeners, xk_port(self), sizeof(uint32_t));
    list_init(&st->later);
    port_timer_init(xk_port(self), &st->turn, later_now, self);
    for (size_t i = 0; i < ARRAY_LEN(st->secret) && st->params->isn == TCP_ISN_HASH; i++)
        st->secret[i] = port_random(xk_port(self));
    return xk_open_enable(self->down[0], self, xk_type(TCP_NUMBER));
}

static enum xk_status protl_enable(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts local)
{
    struct tcp_state_of *st = self->state;
    uint64_t port;
    if (!xk_part_take(&local, XK_PART_PORT, &port) || local.count > 0 || port == 0 ||
        port > UINT16_MAX || st->params->guest)
        return XK_REFUSED; /* PART1 */
    if (tcp_listens(st, (uint16_t)port))
        return XK_IN_USE;
    uint32_t key = (uint32_t)port;
    struct tcp_listener *l = port_alloc(xk_port(self), sizeof *l);
    l->upper = upper;
    l->most = (uint32_t)st->params->backlog;
    xk_map_bind(&st->listeners, &key, l);
    return XK_OK;
}

static enum xk_status protl_disable(struct xk_protl *self, struct xk_protl *upper,
                                    struct xk_parts local)
{
    struct tcp_state_of *st = self->state;
    uint64_t port;
    struct tcp_listener *l = NULL;
    if (xk_part_take(&local, XK_PART_PORT, &port) && local.count == 0 && port <= UINT16_MAX)
        l = tcp_listens(st, (uint16_t)port);
    if (!l || l->upper != upper)
        return XK_REFUSED;
    uint32_t key = (uint32_t)port;
    xk_map_unbind(&st->listeners, &key);
    port_free(xk_port(self), l);
    return XK_OK;
}

static enum xk_status protl_control(struct xk_protl *self, struct xk_control *c)
{
    struct tcp_state_of *st = self->state;
    if (c->op == XK_TCP_GET_USERS) {
        c->u64 = tcp_users(st, (uint16_t)c->u64);
        return XK_OK;
    }
    if (c->op != XK_TCP_BACKLOG)
        return xk_control_below(self, c);
    struct tcp_listener *l = tcp_listens(st, (uint16_t)c->u64);
    uint64_t most = c->u64 >> 16, limit = (uint64_t)st->params->backlog;
    if (!l)
        return XK_REFUSED;
    l->most = (uint32_t)(most < limit ? most : limit);
    return XK_OK;
}

/* A stream has no messages: who needs those does not stand right on it. */
static unsigned protl_gives(const void *p, unsigned below)
{
    (void)p;
    (void)below;
    return 0;
}

static uint64_t protl_carries(const void *p, uint64_t below)
{
    (void)p;
    (void)below;
    return TCP_LONGEST;
}

#define C(m, doc) C_SUM(tcp_state_of, counts, m, "1", doc)
#define CB(m, doc) C_SUM(tcp_state_of, counts, m, "B", doc)
static const struct counter counters[] = {
    C(connattempt, "Connection requests."),
    C(accepts, "Connection accepts."),
    C(connects, "Connections established (including accepts)."),
    C(closed, "Connections closed (including drops)."),
    C(drops, "Connections dropped: by a reset or a time-out."),
    C(conndrops, "Embryonic connections dropped."),
    C(segstimed, "Segments timed."),
    C(rttupdated, "Round trips taken into account."),
    C(delack, "Delayed acknowledgements whose wait ended."),
    C(timeoutdrop, "Connections dropped by retransmission time-out."),
    C(rexmttimeo, "Retransmission time-outs."),
    C(persisttimeo, "Persist time-outs."),
    C(keeptimeo, "Keepalive time-outs."),
    C(keepprobe, "Keepalive probes sent."),
    C(keepdrops, "Connections dropped by keepalive."),
    C(sndtotal, "Segments sent."),
    C(sndpack, "Segments with data, sent for the first time."),
    CB(sndbyte, "Their data."),
    C(sndrexmitpack, "Segments with data, sent again."),
    CB(sndrexmitbyte, "Their data."),
    C(fastrexmit, "Of these, by duplicate acknowledgements, the first of each loss."),
    C(sndacks, "Segments with an acknowledgement alone, window updates among them."),
    C(sndwinup, "Window updates."),
    C(sndurg, "Segments with an urgent pointer."),
    C(sndprobe, "Window probes, among the segments with data."),
    C(sndctrl, "Segments with SYN, FIN or RST and without data."),
    C(sndrst, "Of these, RST."),
    C(rcvtotal, "Segments received."),
    C(rcvpack, "Segments received in sequence."),
    CB(rcvbyte, "Their data."),
    C(rcvackpack, "Acknowledgements of something new."),
    CB(rcvackbyte, "Bytes that they acknowledged."),
    C(rcvdupack, "Duplicate acknowledgements."),
    C(rcvacktoomuch, "Acknowledgements of data that were not sent."),
    C(rcvwinupd, "Window updates received."),
    C(rcvurg, "Urgent pointers received that told something new."),
    C(rcvwinprobe, "Window probes received."),
    C(rcvduppack, "Segments that had been received before, whole."),
    CB(rcvdupbyte, "Their data."),
    C(rcvpartduppack, "Segments of which some had been received before."),
    CB(rcvpartdupbyte, "That part of their data."),
    C(rcvoopack, "Segments out of order: kept until what is in front of them comes."),
    CB(rcvoobyte, "Their data."),
    C(rcvoodrop, "Of these, dropped: there are too many holes."),
    C(rcvpackafterwin, "Segments beyond the window, whole."),
    CB(rcvbyteafterwin, "Data beyond the window."),
    C(rcvafterclose, "Segments with data for who has closed: the connection was reset."),
    C(pawsdrop, "Segments dropped: their time stamp is older than what came before."),
    C(rcvbadsum, "Segments dropped: their checksum is wrong."),
    C(rcvbadoff, "Segments dropped: their header is longer than they are, or too short."),
    C(rcvshort, "Segments dropped: shorter than a header."),
    C(rcvbadopt, "Segments whose options end in the middle of one."),
    C(listendrop, "SYN dropped: too many connections wait to be completed."),
    C(nobody, "Segments for a port where nobody is, but RST."),
    C(rcvrst, "RST received that ended a connection."),
    C(rcvbadrst, "RST passed over: for nobody, or its number is none that counts."),
    C(rcvbadack, "Segments answered with RST: they acknowledge no SYN that was sent."),
    C(rcvbadsyn, "SYN in the window of a connection, which was reset."),
    C(rcvbadflags, "Segments dropped: no SYN or no acknowledgement where there must be one."),
    C(rcvtaken, "Segments taken: those received but those dropped by one of these causes."),
    C(exported, "Connections that went to another instance of the node."),
    C(imported, "Connections that came from another instance of the node."),
    C(rcvlent, "Segments dropped: another instance has their connection."),
    C(lost, "Lent connections that did not come back: they had ended, or the borrower was gone."),
    C(softerrors, "Times that the layer below said that it could not deliver."),
    C_END,
};

const struct xk_protl_ops tcp_protl = {
    .kind = { .name = "tcp",
              .doc = "streams of bytes between ports of addresses, over ip",
              .params = params,
              .params_size = sizeof(struct tcp_params),
              .state_size = sizeof(struct tcp_state_of),
              .counters = counters },
    .header = TCP_HEADER,
    .down_min = 1,
    .down_max = 1,
    .needs = XK_HOSTS,
    .tells = true,
    .gives = protl_gives,
    .carries = protl_carries,
    .init = protl_init,
    .open = tcp_open,
    .open_enable = protl_enable,
    .open_disable = protl_disable,
    .demux = protl_demux,
    .ready = protl_ready,
    .failed = protl_failed,
    .control = protl_control,
};
