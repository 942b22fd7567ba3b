/* arp_hosts.c: which node has which address, as the configuration says: parameters of ARP.
 *
 * Nothing is kept of it on a node: it is read when a session is opened, so that thousands of nodes
 * need no tables of thousands.
 */
#include "os/proto/arp/arp_internal.h"

#include <stdio.h>

const struct param arp_params_desc[] = {
    P_STRING(arp_params, address, "10.1.0.0/16",
             "network and bits of its prefix; node n has the n+1st address of it",
             "ASSUMED(addresses for private networks [RFC 1597])"),
    P_VAL(arp_params, hosts,
          "list of { node =, address = }: nodes with another address; '': with none"),
    P_VAL(arp_params, nodes, "list of nodes, or { first =, last = }, on it; absent: all"),
    P_INT(arp_params, server, "0", "0", "4294967294",
          "station that is asked where the network cannot broadcast, and to which all make "
          "themselves known",
          "RFC 1577, section 6: one server"),
    P_TIME(arp_params, retry, "1s", "1us", "1h", "time between two requests for a host",
           "RFC 1122, 2.3.2.1: at most one a second"),
    P_INT(arp_params, tries, "5", "1", "1000", "requests without an answer until a host is down",
          "4.4BSD arp_maxtries"),
    P_TIME(arp_params, down, "20s", "0", "1h", "time for which such a host is not asked again",
           "4.4BSD arpt_down"),
    P_TIME(arp_params, age, "20min", "1us", "1000h", "time for which an entry is believed",
           "4.4BSD arpt_keep"),
    P_INT(arp_params, queue, "48", "1", "65536",
          "messages for a host that wait for its station; the oldest is dropped for another",
          "ASSUMED(RFC 1122, 2.3.2.2: at least one; IP's longest has 45 fragments on an Ethernet)"),
    P_INT(arp_params, entries, "1024", "1", "1048576",
          "hosts without sessions that are remembered, but by the server, which remembers all",
          "ASSUMED(some 100 KiB)"),
    P_BOOL(arp_params, announce, "false",
           "at boot a node tells all its station; where there is no broadcast it tells the server "
           "in any case",
           "ASSUMED(RFC 826 has none of it)"),
    P_INT(arp_params, idle, "16", "0", "65536", "idle sessions kept for re-use",
          "ASSUMED(an idle node stays within 16 KiB)"),
    P_END,
};

struct host_params {
    int64_t node;
    const char *address;
};
static const struct param host_desc[] = {
    P_INT(host_params, node, NULL, "0", "4294967294", "a node"),
    P_STRING(host_params, address, NULL, "its address; '': none"),
    P_END,
};

struct range_params {
    int64_t first, last;
};
static const struct param range_desc[] = {
    P_INT(range_params, first, NULL, "0", "4294967294", "the first node"),
    P_INT(range_params, last, NULL, "0", "4294967294", "the last node"),
    P_END,
};

/* ---- who has which ---- */

static uint64_t number_of(const struct val *v)
{
    return v->type == VAL_REAL ? (uint64_t)v->u.r : (uint64_t)v->u.i;
}

static bool on_network(const struct arp_params *p, uint64_t node)
{
    if (!p->nodes)
        return true;
    for (size_t i = 0; i < p->nodes->count; i++) {
        const struct val *v = p->nodes->items[i];
        if (v->type == VAL_INT
                ? number_of(v) == node
                : number_of(val_get(v, "first")) <= node && node <= number_of(val_get(v, "last")))
            return true;
    }
    return false;
}

/* The text of the address that `hosts` says for it, or NULL. */
static const char *exception(const struct arp_params *p, uint64_t node)
{
    for (size_t i = 0; p->hosts && i < p->hosts->count; i++) {
        const struct val *v = p->hosts->items[i];
        if (number_of(val_get(v, "node")) == node)
            return val_get(v, "address")->u.s;
    }
    return NULL;
}

/* The entry of `hosts` with that address, or NULL. */
static const struct val *named(const struct arp_params *p, uint32_t address)
{
    uint32_t its;
    for (size_t i = 0; p->hosts && i < p->hosts->count; i++)
        if (inet_parse(val_get(p->hosts->items[i], "address")->u.s, &its) && its == address)
            return p->hosts->items[i];
    return NULL;
}

struct inet_network arp_network(const void *params)
{
    struct inet_network n;
    bool good = inet_network_parse(((const struct arp_params *)params)->address, &n);
    ASSERT(good); /* arp_check */
    return n;
}

bool arp_address(const void *params, uint32_t node, uint32_t *address)
{
    const struct arp_params *p = params;
    struct inet_network n = arp_network(p);
    if (!on_network(p, node))
        return false;
    const char *text = exception(p, node);
    if (text)
        return text[0] != '\0' && inet_parse(text, address);
    *address = n.base + node + 1;
    return node < ~n.mask && inet_host_of(n, *address) && !named(p, *address);
}

bool arp_taken(const struct arp_params *p, uint32_t node, uint32_t *address, uint32_t *by)
{
    *address = arp_network(p).base + node + 1;
    const struct val *v = on_network(p, node) && !exception(p, node) ? named(p, *address) : NULL;
    if (v)
        *by = (uint32_t)number_of(val_get(v, "node"));
    return v != NULL;
}

bool arp_node(const void *params, uint32_t address, uint32_t *node)
{
    const struct arp_params *p = params;
    struct inet_network n = arp_network(p);
    uint32_t its;
    if (!inet_host_of(n, address))
        return false;
    const struct val *v = named(p, address);
    if (v) {
        *node = (uint32_t)number_of(val_get(v, "node"));
        return on_network(p, *node);
    }
    *node = address - n.base - 1;
    return arp_address(p, *node, &its) && its == address;
}

/* ---- checks ---- */

static bool check_nodes(const struct arp_params *p, const char *at, struct err *e)
{
    char where[256];
    if (!p->nodes)
        return true;
    if (p->nodes->type != VAL_LIST)
        return err_set(e, "%s.nodes must be a list of nodes, not %s", at,
                       val_type_name(p->nodes->type));
    for (size_t i = 0; i < p->nodes->count; i++) {
        struct range_params r;
        const struct val *v = p->nodes->items[i];
        if (v->type == VAL_INT && v->u.i >= 0)
            continue;
        snprintf(where, sizeof where, "%s.nodes[%zu]", at, i + 1);
        bool good = v->type == VAL_TABLE
                        ? param_load(range_desc, &r, v, where, e)
                        : err_set(e, "%s must be a node or { first =, last = }", where);
        if (!good)
            return false;
    }
    return true;
}

static bool check_host(const struct arp_params *p, const struct val *v, size_t i, const char *where,
                       struct err *e)
{
    struct host_params h;
    struct inet_network n = arp_network(p);
    uint32_t address, other;
    if (!param_load(host_desc, &h, v, where, e))
        return false;
    if (h.address[0] == '\0')
        return true;
    if (!inet_parse(h.address, &address) || !inet_host_of(n, address))
        return err_set(e, "%s.address: '%.40s' is no address of a host of %s", where, h.address,
                       p->address);
    for (size_t k = 0; k < i; k++) {
        const struct val *before = p->hosts->items[k];
        if (inet_parse(val_get(before, "address")->u.s, &other) && other == address)
            return err_set(e, "%s.address: node %lu has %s already", where,
                           (unsigned long)number_of(val_get(before, "node")), h.address);
    }
    uint64_t plain = address - n.base - 1;
    if (p->nodes && plain != (uint64_t)h.node && on_network(p, plain) && !exception(p, plain))
        return err_set(e, "%s.address: node %lu has %s, for it is the address number %lu", where,
                       (unsigned long)plain, h.address, (unsigned long)plain + 1);
    return true;
}

bool arp_check(const struct arp_params *p, const char *at, struct err *e)
{
    char where[256];
    struct inet_network n;
    if (!inet_network_parse(p->address, &n) || ~n.mask < 3)
        return err_set(e,
                       "%s.address: '%.40s' is no network: four numbers and a prefix of at most 30 "
                       "bits, all bits behind it 0, as 10.1.0.0/16",
                       at, p->address);
    if (!check_nodes(p, at, e))
        return false;
    if (p->hosts && p->hosts->type != VAL_LIST && p->hosts->count > 0)
        return err_set(e, "%s.hosts must be a list of { node =, address = }", at);
    for (size_t i = 0; p->hosts && i < p->hosts->count; i++) {
        snprintf(where, sizeof where, "%s.hosts[%zu]", at, i + 1);
        bool good = check_host(p, p->hosts->items[i], i, where, e);
        if (!good)
            return false;
    }
    return true;
}
