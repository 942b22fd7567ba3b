/* icmp.c: ICMP's echoes.  See icmp.h.
 *
 * Message, 8 bytes and data, big-endian [RFC 792]:
 *   0  u8   8: request, 0: answer    2  u16  checksum of all     6  u16  number of the request
 *   1  u8   0                        4  u16  the asker's session
 */
#include "os/proto/icmp/icmp.h"

#include "os/proto/ip/ip.h"
#include "os/xk/inet.h"
#include "os/xk/keyed.h"

_Static_assert(ICMP_HEADER == 1 + 1 + 2 + 2 + 2, "the wire image of an echo");

struct icmp_sessn {
    uint32_t id; /* key */
    uint16_t sent;
};

struct icmp_state {
    struct xk_keyed sessns; /* by id */
    uint32_t next;
    struct {
        uint64_t requests, answers, answered, bad_checksum, bad, nobody, unanswered, failed;
    } counts;
};

/* The checksum of the message, whose field for it is 0, into that. */
static void header_store(struct port *p, struct xk_msg *m, uint8_t type, uint16_t id, uint16_t seq)
{
    uint8_t *wire = xk_msg_push(m, ICMP_HEADER);
    wire[0] = type;
    wire[1] = 0;
    wire_put16(wire + 2, 0);
    wire_put16(wire + 4, id);
    wire_put16(wire + 6, seq);
    wire_put16(wire + 2, inet_checksum(inet_sum_msg(0, m)));
    port_work(p, PORT_WORK_CHECKSUM, xk_msg_length(m));
}

/* ---- down ---- */

static enum xk_status sessn_push(struct xk_sessn *s, struct xk_msg *m)
{
    struct icmp_state *st = s->protl->state;
    struct icmp_sessn *is = s->state;
    uint8_t undo[ICMP_HEADER];
    header_store(xk_port(s->protl), m, ICMP_ECHO, (uint16_t)is->id, is->sent);
    enum xk_status r = xk_push(s->down[0], m);
    if (r != XK_OK) {
        bool popped = xk_msg_pop(m, undo, ICMP_HEADER);
        ASSERT(popped);
        return r;
    }
    is->sent++;
    st->counts.requests++;
    return XK_OK;
}

static void sessn_close(struct xk_sessn *s)
{
    struct icmp_state *st = s->protl->state;
    void *bound = xk_map_unbind(&st->sessns.map, s->state);
    ASSERT(bound == s);
    xk_sessn_free(s);
}

static const struct xk_sessn_ops sessn_ops = { .push = sessn_push, .close = sessn_close };

/* ---- up ---- */

/* The same octets go back. */
static void answer(struct xk_protl *self, struct xk_sessn *lower, uint16_t id, uint16_t seq,
                   struct xk_msg *m)
{
    struct icmp_state *st = self->state;
    header_store(xk_port(self), m, ICMP_ECHO_REPLY, id, seq);
    bool sent = xk_push(lower, m) == XK_OK;
    st->counts.answered += sent;
    st->counts.unanswered += !sent;
}

static void protl_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct icmp_state *st = self->state;
    uint8_t wire[ICMP_HEADER];
    port_work(xk_port(self), PORT_WORK_CHECKSUM, xk_msg_length(m));
    if (inet_sum_msg(0, m) != 0xffff) {
        st->counts.bad_checksum++;
        return;
    }
    if (!xk_msg_pop(m, wire, ICMP_HEADER) || wire[1] != 0) {
        st->counts.bad++;
        return;
    }
    uint32_t id = wire_get16(wire + 4);
    if (wire[0] == ICMP_ECHO) {
        answer(self, lower, (uint16_t)id, wire_get16(wire + 6), m);
        return;
    }
    struct xk_sessn *s = xk_keyed_get(&st->sessns, &id);
    if (s && s->down[0] == lower) {
        st->counts.answers++;
        xk_demux(s, m);
    } else {
        st->counts.nobody++;
    }
    if (s)
        xk_close(s);
}

static void protl_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    xk_keyed_over(&((struct icmp_state *)self->state)->sessns, lower, xk_ready);
}

/* ECHO2. */
static void protl_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why)
{
    struct icmp_state *st = self->state;
    struct xk_control c = { .op = XK_GET_QUOTED };
    uint8_t header[ICMP_HEADER];
    if (xk_sessn_control(lower, &c) != XK_OK)
        return;
    wire_put64(header, c.u64);
    uint32_t id = wire_get16(header + 4);
    struct xk_sessn *s = header[0] == ICMP_ECHO ? xk_keyed_get(&st->sessns, &id) : NULL;
    if (!s)
        return;
    if (s->down[0] == lower) {
        st->counts.failed++;
        xk_failed(s, why);
    }
    xk_close(s);
}

/* ---- protocol ---- */

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct icmp_state *st = self->state;
    (void)p;
    xk_keyed_init(&st->sessns, self, sizeof(uint32_t), 0);
    return xk_open_enable(self->down[0], self, xk_type(IP_TYPE_ICMP));
}

static struct xk_sessn *protl_open(struct xk_protl *self, struct xk_protl *upper,
                                   struct xk_parts peer, enum xk_status *why)
{
    struct icmp_state *st = self->state;
    uint32_t id = 0;
    if (xk_map_count(&st->sessns.map) > UINT16_MAX) {
        *why = XK_REFUSED;
        return NULL;
    }
    do {
        id = st->next++ & UINT16_MAX;
    } while (xk_map_resolve(&st->sessns.map, &id));
    xk_part_push(&peer, XK_PART_TYPE, IP_TYPE_ICMP);
    struct xk_sessn *lower = xk_open(self->down[0], self, peer, why);
    if (!lower)
        return NULL;
    struct xk_sessn *s =
        xk_sessn_new(self, upper, lower->host, &sessn_ops, sizeof(struct icmp_sessn));
    ((struct icmp_sessn *)s->state)->id = id;
    s->down[s->downs++] = lower;
    xk_keyed_add(&st->sessns, s);
    return s;
}

/* It comes back, or not: what it gives are echoes. */
static unsigned protl_gives(const void *p, unsigned below)
{
    (void)p;
    return below & (XK_INTACT | XK_LONG);
}

static bool protl_check(const void *p, const char *at, const struct xk_below *below, uint8_t count,
                        struct err *e)
{
    (void)p;
    if (count == 1 && below[0].ops == &ip_protl)
        return true;
    return err_set(e, "%s: protocol 'icmp' stands on an instance of 'ip', and '%s' is none", at,
                   below[0].name);
}

static const struct counter counters[] = {
    C_SUM(icmp_state, counts, requests, "1", "Echoes asked for."),
    C_SUM(icmp_state, counts, answers, "1", "Answers to them."),
    C_SUM(icmp_state, counts, answered, "1", "Requests of others that were answered."),
    C_SUM(icmp_state, counts, unanswered, "1", "Of these, not, for IP did not take the answer."),
    C_SUM(icmp_state, counts, bad_checksum, "1", "Messages dropped: the checksum is wrong."),
    C_SUM(icmp_state, counts, bad, "1", "Messages dropped: no echo, or cut short."),
    C_SUM(icmp_state, counts, nobody, "1", "Answers dropped: nobody waits for them."),
    C_SUM(icmp_state, counts, failed, "1", "Errors about a request."),
    C_END,
};

const struct xk_protl_ops icmp_protl = {
    .kind = { .name = "icmp",
              .doc = "echoes, and answers to those of others",
              .state_size = sizeof(struct icmp_state),
              .counters = counters },
    .down_min = 1,
    .down_max = 1,
    .header = ICMP_HEADER,
    .gives = protl_gives,
    .check = protl_check,
    .needs = XK_HOSTS,
    .init = protl_init,
    .open = protl_open,
    .demux = protl_demux,
    .ready = protl_ready,
    .failed = protl_failed,
};
