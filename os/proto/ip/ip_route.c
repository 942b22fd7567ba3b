/* ip_route.c: IP's header on the wire, the node's own addresses, and where a datagram goes next. */
#include "os/proto/ip/ip_internal.h"

#include "os/proto/filter/filter.h"

#include <stdio.h>

/* ---- the header ---- */

void ip_header_store(uint8_t out[IP_HEADER_MOST], const struct ip_header *h)
{
    uint32_t length = ip_header_length(h);
    out[0] = (uint8_t)(4 << 4 | length / 4);
    out[1] = h->tos;
    wire_put16(out + 2, h->length);
    wire_put16(out + 4, h->id);
    wire_put16(out + 6, h->offset);
    out[8] = h->ttl;
    out[9] = h->protocol;
    wire_put16(out + 10, 0);
    wire_put32(out + 12, h->src);
    wire_put32(out + 16, h->dst);
    memcpy(out + IP_HEADER, h->options, h->options_length);
    wire_put16(out + 10, inet_checksum(inet_sum(0, out, length)));
}

/* ---- own addresses, and those of nodes ---- */

bool ip_mine(const struct ip_state *st, uint32_t address)
{
    bool mine = false;
    for (uint8_t i = 0; i < XK_DOWN_MAX; i++)
        mine |= st->ifs[i].address != 0 && st->ifs[i].address == address;
    return mine;
}

bool ip_all(const struct ip_state *st, uint8_t ifc, uint32_t address)
{
    return address == INET_ALL || address == inet_all_of(st->ifs[ifc].network);
}

/* Whom ARP knows as hosts: below it, or below its FILTER. */
static const void *hosts_of(const struct xk_protl *below)
{
    const void *hosts = xk_params(below, &arp_protl);
    return hosts ? hosts : xk_params(below->down[0], &arp_protl);
}

/* The longest datagram that it takes. */
static uint64_t frame_of(const struct xk_protl *below)
{
    return xk_params(below, &arp_protl) ? arp_frame(below) : below->carries;
}

bool ip_node_address(const struct xk_protl *self, uint32_t node, uint32_t *address)
{
    const struct ip_state *st = self->state;
    struct ip_hop hop;
    uint32_t its, found = 0;
    int best = 0; /* 1: it has one, 2: there is a way, 3: on a network of this node's */
    for (uint8_t i = 0; i < self->downs; i++) {
        if (!arp_address(st->ifs[i].hosts, node, &its))
            continue;
        int worth = st->ifs[i].address ? 3 : ip_route(st, its, &hop) ? 2 : 1;
        if (worth > best) {
            best = worth;
            found = its;
        }
    }
    *address = found;
    return best > 0;
}

uint32_t ip_host(const struct xk_protl *self, uint32_t address)
{
    const struct ip_state *st = self->state;
    uint32_t node;
    for (uint8_t i = 0; i < self->downs; i++)
        if (arp_node(st->ifs[i].hosts, address, &node))
            return node;
    return XK_NO_HOST;
}

/* ---- routes ---- */

static const char *text_of(const struct val *route, const char *key)
{
    const struct val *v = val_get(route, key);
    return v && v->type == VAL_STRING ? v->u.s : "";
}

static bool route_parse(const struct val *v, struct inet_network *to, uint32_t *via)
{
    const char *where = text_of(v, "to");
    *to = (struct inet_network){ 0, 0 };
    return (strcmp(where, "default") == 0 || inet_network_parse(where, to)) &&
           inet_parse(text_of(v, "via"), via);
}

/* On which network of these it is a host's address; false: on none. */
static bool gateway_on(const struct inet_network *networks, uint8_t count, uint32_t via,
                       uint8_t *ifc)
{
    for (*ifc = 0; *ifc < count; ++*ifc)
        if (inet_host_of(networks[*ifc], via))
            return true;
    return false;
}

bool ip_routes_init(struct xk_protl *self)
{
    struct ip_state *st = self->state;
    const struct val *list = st->params->routes;
    struct inet_network networks[XK_DOWN_MAX];
    bool any = false;
    for (uint8_t i = 0; i < self->downs; i++) {
        struct xk_control c = { .op = XK_GET_MY_ADDRESS };
        struct ip_if *f = &st->ifs[i];
        f->below = self->down[i];
        f->hosts = hosts_of(f->below);
        f->network = networks[i] = arp_network(f->hosts);
        if (xk_protl_control(f->below, &c) == XK_OK) {
            uint64_t frame = frame_of(f->below);
            f->address = (uint32_t)c.u64;
            f->mtu = frame < IP_LONGEST ? (uint32_t)frame : IP_LONGEST;
            any = true;
        }
    }
    for (size_t i = 0; any && list && i < list->count; i++) {
        struct ip_route r;
        bool good = route_parse(list->items[i], &r.to, &r.via) &&
                    gateway_on(networks, self->downs, r.via, &r.ifc);
        ASSERT(good); /* ip_routes_check */
        if (!st->ifs[r.ifc].address || ip_mine(st, r.via))
            continue; /* another node's */
        st->routes =
            port_realloc(xk_port(self), st->routes, (st->route_count + 1) * sizeof *st->routes);
        st->routes[st->route_count++] = r;
    }
    return any;
}

bool ip_route(const struct ip_state *st, uint32_t dst, struct ip_hop *out)
{
    uint32_t best = 0;
    bool found = false;
    *out = (struct ip_hop){ .loop = ip_mine(st, dst), .address = dst };
    if (out->loop)
        return true;
    for (uint8_t i = 0; i < XK_DOWN_MAX; i++) {
        const struct ip_if *f = &st->ifs[i];
        if (!f->address)
            continue;
        if (dst == INET_ALL) {
            out->ifc = i;
            return true;
        }
        if ((dst & f->network.mask) == f->network.base && (!found || f->network.mask > best)) {
            out->ifc = i;
            best = f->network.mask;
            found = true;
        }
    }
    if (found && dst == inet_all_of(st->ifs[out->ifc].network))
        out->address = INET_ALL;
    for (uint32_t i = 0; i < st->route_count; i++) {
        const struct ip_route *r = &st->routes[i];
        if ((dst & r->to.mask) == r->to.base && (!found || r->to.mask > best)) {
            out->ifc = r->ifc;
            out->address = r->via;
            best = r->to.mask;
            found = true;
        }
    }
    return found;
}

/* ---- checks ---- */

bool ip_routes_check(const struct ip_params *p, const char *at, const struct xk_below *below,
                     uint8_t count, struct err *e)
{
    struct inet_network networks[XK_DOWN_MAX], to;
    uint32_t via;
    uint8_t ifc;
    char where[256];
    struct filter_program own;
    snprintf(where, sizeof where, "%s.filter", at);
    if (p->filter[0] && !filter_compile(p->filter, &own, where, e))
        return false;
    for (uint8_t i = 0; i < count; i++) {
        bool filters = below[i].ops == &filter_protl;
        if (below[i].ops != &arp_protl && !filters)
            return err_set(e,
                           "%s: protocol 'ip' stands on instances of 'arp' or 'filter', and '%s' "
                           "is none",
                           at, below[i].name);
        if (below[i].apart && !filters)
            return err_set(e,
                           "%s: it asks '%s' for its hosts, and is in another protection domain; "
                           "allowed is an instance of 'filter' between them",
                           at, below[i].name);
        if (p->filter[0] && !filters)
            return err_set(e, "%s.filter: '%s' below it is no instance of 'filter'", at,
                           below[i].name);
        networks[i] = arp_network(filters ? below[i].under->params : below[i].params);
        for (uint8_t k = 0; k < i; k++) {
            uint32_t both = networks[i].mask & networks[k].mask;
            if ((networks[i].base & both) == (networks[k].base & both))
                return err_set(e, "%s: the networks of '%s' and '%s' have addresses in common", at,
                               below[k].name, below[i].name);
        }
    }
    if (p->routes && p->routes->type != VAL_LIST && p->routes->count > 0)
        return err_set(e, "%s.routes must be a list of { to =, via = }", at);
    for (size_t i = 0; p->routes && i < p->routes->count; i++) {
        const struct val *v = p->routes->items[i];
        snprintf(where, sizeof where, "%s.routes[%zu]", at, i + 1);
        if (v->type != VAL_TABLE || v->count != 2 || !route_parse(v, &to, &via))
            return err_set(e,
                           "%s must be { to =, via = }: a network, as 10.2.0.0/16, or 'default', "
                           "and the address of a gateway",
                           where);
        if (!gateway_on(networks, count, via, &ifc))
            return err_set(e, "%s.via: no network below has a host %s", where, text_of(v, "via"));
    }
    return true;
}
