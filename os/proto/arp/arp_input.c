/* arp_input.c: what comes to ARP: its own messages, and those for its uppers.  See arp.h. */
#include "os/proto/arp/arp_internal.h"

#include "os/proto/eth/eth.h"

static bool message_load(struct arp_message *a, const uint8_t in[ARP_MESSAGE])
{
    a->operation = wire_get16(in + 6);
    a->sender = wire_get32(in + 14);
    a->target = wire_get32(in + 24);
    a->target_station = 0;
    return wire_get16(in) == 1 && wire_get16(in + 2) == ETH_TYPE_IP && in[4] == ETH_ADDRESS &&
           in[5] == 4 && eth_address_load(in + 8, &a->sender_station) &&
           a->sender_station != ETH_ALL;
}

/* To that station. */
static bool send_to(struct xk_protl *self, uint32_t station, const struct arp_message *a)
{
    struct xk_parts to = { 0 };
    enum xk_status why;
    xk_part_push(&to, XK_PART_STATION, station);
    xk_part_push(&to, XK_PART_TYPE, ETH_TYPE_ARP);
    struct xk_sessn *s = xk_open(self->down[0], self, to, &why);
    bool sent = s && arp_send(s, a);
    if (s)
        xk_close(s);
    return sent;
}

/* Who has asked is told this node's station. */
static void answer(struct xk_protl *self, const struct arp_message *a)
{
    struct arp_state *st = self->state;
    bool sent = send_to(
        self, a->sender_station,
        &(struct arp_message){ .operation = a->operation == ARP_WHO ? ARP_WHO_REPLY : ARP_REPLY,
                               .sender = st->address,
                               .target = a->sender,
                               .sender_station = st->station,
                               .target_station = a->sender_station });
    st->counts.replies += sent;
}

/* The server: a request goes on to the host that it is for, if that has made itself known, and is
 * answered there.  One for the host itself makes it known, and who the server is is the answer. */
static void serve(struct xk_protl *self, const struct arp_message *a)
{
    struct arp_state *st = self->state;
    const struct arp_entry *e = arp_entry_find(st, a->target);
    if (a->target == a->sender)
        answer(self, a);
    else if (e && e->state == ARP_KNOWN)
        st->counts.passed += send_to(self, e->station, a);
}

/* The server has answered: it knows this node. */
static void known_to_server(struct xk_protl *self, uint32_t station)
{
    struct arp_state *st = self->state;
    struct arp_entry *own = arp_entry_find(st, st->address);
    if (!st->broadcast && station == (uint64_t)st->params->server && own->state == ARP_ASKING)
        arp_entry_told(self, own, st->station);
}

/* Another says that it has this node's address: it is not believed. */
static bool conflict(struct xk_protl *self, const struct arp_message *a)
{
    struct arp_state *st = self->state;
    char text[INET_TEXT];
    if (a->sender != st->address || a->sender_station == st->station)
        return false;
    if (st->counts.conflicts++ == 0)
        port_remark(xk_port(self), "%s: station %u says that it has %s too", self->instance,
                    a->sender_station, inet_text(st->address, text));
    return true;
}

static void message(struct xk_protl *self, struct xk_msg *m)
{
    struct arp_state *st = self->state;
    struct arp_message a;
    uint8_t wire[ARP_MESSAGE];
    if (!xk_msg_pop(m, wire, ARP_MESSAGE) || !message_load(&a, wire) ||
        !arp_host_address(st, a.sender) ||
        (a.operation != ARP_REQUEST && a.operation != ARP_REPLY && a.operation != ARP_WHO &&
         a.operation != ARP_WHO_REPLY)) {
        st->counts.bad++;
        return;
    }
    bool asks = a.operation == ARP_REQUEST || a.operation == ARP_WHO;
    bool me = a.operation == ARP_WHO || a.target == st->address;
    ++*(asks ? &st->counts.requests_in : &st->counts.replies_in);
    bool false_name = conflict(self, &a);
    struct arp_entry *e = false_name ? NULL : arp_entry_find(st, a.sender);
    if (!e && !false_name && (me || st->server))
        e = arp_entry_get(self, a.sender);
    if (e) /* ARP3 */
        arp_entry_told(self, e, a.sender_station);
    if (!asks)
        known_to_server(self, a.sender_station);
    if (asks && me)
        answer(self, &a);
    else if (a.operation == ARP_REQUEST && st->server)
        serve(self, &a);
}

/* Who has sent it is asked, and will be known when it sends again. */
static void ask_who(struct xk_protl *self, struct xk_sessn *lower)
{
    struct arp_state *st = self->state;
    st->counts.unknown++;
    st->counts.requests += send_to(self, eth_peer(lower),
                                   &(struct arp_message){ .operation = ARP_WHO,
                                                          .sender = st->address,
                                                          .sender_station = st->station,
                                                          .target_station = eth_peer(lower) });
}

void arp_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct arp_state *st = self->state;
    uint32_t type = eth_type(lower), station = eth_peer(lower);
    if (type == ETH_TYPE_ARP) {
        message(self, m);
        return;
    }
    struct xk_protl *upper = xk_types_find(&st->types, type);
    uint32_t address = 0;
    if (!upper || !st->address) {
        st->counts.nobody++;
        return;
    }
    if (type < ETH_TYPE_LEAST) { /* ARP5 */
        const struct arp_entry *e = xk_map_resolve(&st->by_station, &station);
        if (!e && station == st->station)
            e = arp_entry_find(st, st->address);
        if (!e) {
            ask_who(self, lower);
            return;
        }
        address = e->address;
    }
    bool fresh;
    struct xk_sessn *s = arp_sessn_get(self, upper, address, type, &fresh);
    if (s->host == XK_NO_HOST && address) {
        st->counts.nobody++; /* it is none of the machine's nodes */
    } else {
        if (fresh)
            xk_open_done(upper, s);
        xk_demux(s, m);
    }
    xk_close(s);
}
