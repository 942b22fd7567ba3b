/* capture.c: what interfaces carry, as files (docs/captures.md).
 *
 *     machine.captures = { { file = "lan.pcap", nodes = "io", interface = "lan" } }
 *
 * A frame that a node sends is written when the interface takes it, one that it gets when it is
 * whole in memory; so the times of a file never go back.  Frames of a network whose frames are as
 * 802.3 has them are written with an Ethernet header: their own, or, where a protocol sends none
 * (the driver), one whose addresses name the stations.  All others are written behind their
 * stations.
 */
#include "models/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/pcap.h"

#define ETHERTYPE_LOCAL 0x88b5 /* "Local Experimental EtherType 1" [802] */

enum { DIRECTION_BOTH, DIRECTION_IN, DIRECTION_OUT };
static const char *const directions[] = { "both", "in", "out", NULL };

struct capture_params {
    const char *file, *interface;
    const struct val *nodes, *filter;
    int direction;
    int64_t snaplen;
};

struct capture {
    struct capture_params params;
    struct val *table; /* that params borrow from, where nobody else has it */
    struct network *network;
    uint32_t *stations, count; /* of it, whose interfaces are looked at */
    struct match_set filter;
    struct match_entry condition;
    bool conditioned, ethernet;
    struct tap *taps; /* one of each */
    uint8_t *octets;
    FILE *out; /* another's; NULL: nothing is written */
};

static const struct param params[] = {
    P_STRING(capture_params, file, NULL,
             "Name of the file, in the folder of psim run "
             "--output-dir."),
    P_STRING(capture_params, interface, "", "The network; none: the first node's first."),
    P_VAL(capture_params, nodes, "'all', a group, or a list of nodes; absent: all on the network."),
    P_CHOICE(capture_params, direction, "both", directions,
             "Frames that these nodes get, that they send, or both."),
    P_SIZE(capture_params, snaplen, "256KiB", "1B", "256KiB", "Bytes kept of a frame."),
    P_VAL(capture_params, filter,
          "Only frames that meet all of a list of { offset =, mask =, value = }, of four bytes."),
    P_END,
};

struct condition_params {
    int64_t offset, mask, value;
};
static const struct param condition_params[] = {
    P_INT(condition_params, offset, NULL, "0", "252", "Of four bytes, from the frame's front."),
    P_INT(condition_params, mask, "4294967295", "1", "4294967295", "Bits that are looked at."),
    P_INT(condition_params, value, NULL, "0", "4294967295", "What they are."),
    P_END,
};

/* ---- reading ---- */

static bool load_filter(struct capture *c, const char *path, struct err *e)
{
    const struct val *v = c->params.filter;
    struct match conditions[MATCH_MOST];
    char where[256];
    if (v == NULL)
        return true;
    if (v->type != VAL_LIST || v->count == 0 || v->count > MATCH_MOST)
        return err_set(e, "%s%s.filter must be a list of 1 to %d conditions",
                       val_where(v, where, sizeof where), path, MATCH_MOST);
    for (size_t i = 0; i < v->count; i++) {
        struct condition_params p;
        char *at = base_printf("%s.filter[%zu]", path, i + 1);
        bool good = param_load(condition_params, &p, v->items[i], at, e);
        free(at);
        if (!good)
            return false;
        conditions[i] = (struct match){ .offset = (uint16_t)p.offset,
                                        .mask = (uint32_t)p.mask,
                                        .value = (uint32_t)p.value & (uint32_t)p.mask };
    }
    c->conditioned = match_add(&c->filter, &c->condition, conditions, (uint32_t)v->count);
    ASSERT_MSG(c->conditioned, "an empty set has no equal conditions");
    return true;
}

/* The network of that name that `node` is on; without a name its first. */
static struct network *network_of(struct machine *m, uint32_t node, const char *name)
{
    for (uint32_t i = 0; i < m->network_count; i++)
        if (name[0] != 0 ? strcmp(m->networks[i].name, name) == 0
                         : m->networks[i].station_of[node] != UINT32_MAX)
            return &m->networks[i];
    return NULL;
}

static bool find_network(struct machine *m, struct capture *c, uint32_t first, const char *path,
                         struct err *e)
{
    const char *names[NETWORKS_MAX + 1] = { NULL };
    for (uint32_t i = 0; i < m->network_count; i++)
        names[i] = m->networks[i].name;
    c->network = network_of(m, first, c->params.interface);
    if (c->network != NULL)
        return true;
    if (c->params.interface[0] == 0)
        return err_set(e, "%s: node %u is on no network", path, first);
    err_set(e, "%s: there is no network '%.80s'", path, c->params.interface);
    err_nearest(e, c->params.interface, names);
    return false;
}

static bool listed(const struct machine *m, const struct val *v, const char *path, uint32_t *nodes,
                   struct err *e)
{
    char where[256];
    for (size_t i = 0; i < v->count; i++) {
        const struct val *n = v->items[i];
        if (n->type != VAL_INT || n->u.i < 0 || n->u.i >= m->layout.nodes)
            return err_set(e, "%s%s.nodes[%zu] must be a node, 0 to %u",
                           val_where(n, where, sizeof where), path, i + 1, m->layout.nodes - 1);
        nodes[i] = (uint32_t)n->u.i;
        for (size_t k = 0; k < i; k++)
            if (nodes[k] == nodes[i])
                return err_set(e, "%s%s.nodes[%zu]: node %u is named twice",
                               val_where(n, where, sizeof where), path, i + 1, nodes[i]);
    }
    return true;
}

/* Nodes that are named must be on the network, of a group those that are. */
static bool find_stations(struct machine *m, struct capture *c, const char *path, struct err *e)
{
    const struct val *v = c->params.nodes;
    bool all = v == NULL || (v->type == VAL_STRING && strcmp(v->u.s, "all") == 0);
    bool list = !all && v->type == VAL_LIST && v->count > 0;
    const struct os_group *g = NULL;
    char where[256];
    if (!all && !list && v->type != VAL_STRING)
        return err_set(e, "%s%s.nodes is %s, not 'all', a group of nodes, or a list of nodes",
                       val_where(v, where, sizeof where), path, val_type_name(v->type));
    if (!all && !list && (g = os_group_named(&m->boot, v, v->u.s, path, e)) == NULL)
        return false;
    uint32_t count = list ? (uint32_t)v->count : g != NULL ? g->count : m->layout.nodes;
    uint32_t *nodes = c->stations = base_alloc(((size_t)count + 1) * sizeof *nodes);
    for (uint32_t i = 0; !list && i < count; i++)
        nodes[i] = g != NULL ? g->nodes[i] : i;
    if ((list && !listed(m, v, path, nodes, e)) ||
        !find_network(m, c, count > 0 ? nodes[0] : 0, path, e))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = nodes[i], station = c->network->station_of[node];
        if (station != UINT32_MAX)
            nodes[c->count++] = station;
        else if (list)
            return err_set(e, "%s: node %u is not on the network '%s'", path, node,
                           c->network->name);
    }
    return c->count > 0 ||
           err_set(e, "%s: none of its nodes is on the network '%s'", path, c->network->name);
}

/* One more, of that table. */
static struct capture *add(struct machine *m, const struct val *v, const char *path, struct err *e)
{
    m->captures = base_realloc(m->captures, (m->capture_count + 1) * sizeof(struct capture *));
    struct capture *c = m->captures[m->capture_count++] = base_zalloc(1, sizeof *c);
    bool good = param_load(params, &c->params, v, path, e) && load_filter(c, path, e) &&
                find_stations(m, c, path, e);
    return good ? c : NULL;
}

bool captures_plan(struct machine *m, struct err *e)
{
    const struct val *v = m->params.captures;
    char where[256];
    if (v != NULL && v->type != VAL_LIST && v->count > 0)
        return err_set(e, "%s%s.captures is %s, not a list", val_where(v, where, sizeof where),
                       m->path, val_type_name(v->type));
    for (size_t i = 0; v != NULL && i < v->count; i++) {
        char *path = base_printf("%s.captures[%zu]", m->path, i + 1);
        const struct capture *c = add(m, v->items[i], path, e);
        bool good = c != NULL;
        val_where(v->items[i], where, sizeof where);
        if (good && (c->params.file[0] == 0 || strchr(c->params.file, '/') != NULL))
            good = err_set(e, "%s%s.file is '%s', not a name in the folder of --output-dir", where,
                           path, c->params.file);
        for (size_t k = 0; good && k < i; k++)
            if (strcmp(m->captures[k]->params.file, c->params.file) == 0)
                good = err_set(e, "%s%s.file: '%s' is that of another capture", where, path,
                               c->params.file);
        free(path);
        if (!good)
            return false;
    }
    return true;
}

/* ---- opening ---- */

static void open_capture(struct capture *c, FILE *out)
{
    struct net_describe d;
    c->network->ops->describe(c->network->net, &d);
    c->ethernet = d.ethernet;
    c->out = out;
    c->octets = base_alloc((size_t)c->params.snaplen + PCAP_ETHERNET_HEADER);
    c->taps = base_zalloc(c->count, sizeof *c->taps);
    for (uint32_t i = 0; i < c->count; i++) {
        struct iface *at = c->network->at[c->stations[i]];
        c->taps[i] = (struct tap){ .of = c, .next = at->taps };
        at->taps = &c->taps[i];
    }
    pcap_begin(out, c->ethernet ? PCAP_ETHERNET : PCAP_USER0, (uint32_t)c->params.snaplen);
}

size_t machine_captures_open(struct machine *m, struct whole_folder *to)
{
    for (size_t i = 0; to != NULL && i < m->capture_count; i++) {
        FILE *f = whole_folder_file(to, m->captures[i]->params.file);
        if (f != NULL)
            open_capture(m->captures[i], f);
    }
    return m->capture_count;
}

/* "3.lan", "io", "" */
static struct val *table_of(const char *at)
{
    struct val *t = val_new(VAL_TABLE, NULL, 0);
    const char *dot = strchr(at, '.');
    char *nodes = base_printf("%.*s", (int)(dot != NULL ? dot - at : (long)strlen(at)), at), *end;
    long number = strtol(nodes, &end, 10);
    if (nodes[0] >= '0' && nodes[0] <= '9' && *end == 0) {
        struct val *list = val_new(VAL_LIST, NULL, 0);
        val_append(list, val_new_int(number, NULL, 0));
        val_put(t, "nodes", list);
    } else if (nodes[0] != 0) {
        val_put(t, "nodes", val_new_string(nodes, NULL, 0));
    } else {
        val_put(t, "direction", val_new_string("out", NULL, 0));
    }
    if (dot != NULL)
        val_put(t, "interface", val_new_string(dot + 1, NULL, 0));
    val_put(t, "file", val_new_string("", NULL, 0));
    free(nodes);
    return t;
}

bool machine_capture(struct machine *m, const char *at, FILE *out, struct err *e)
{
    struct val *table = table_of(at);
    struct capture *c = add(m, table, "--pcap", e);
    m->captures[m->capture_count - 1]->table = table;
    if (c == NULL)
        return false;
    open_capture(c, out);
    return true;
}

void captures_end(struct machine *m)
{
    for (size_t i = 0; i < m->capture_count; i++)
        m->captures[i]->out = NULL;
}

void captures_free(struct machine *m)
{
    for (size_t i = 0; i < m->capture_count; i++) {
        struct capture *c = m->captures[i];
        if (c->conditioned)
            match_remove(&c->filter, &c->condition);
        val_free(c->table);
        free(c->stations);
        free(c->taps);
        free(c->octets);
        free(c);
    }
    free(m->captures);
}

/* ---- writing ---- */

/* Of a station: locally administered, its number in the last four octets. */
static void put_address(uint8_t *to, uint32_t station)
{
    memset(to, 0, 2);
    to[0] = 0x02;
    for (int i = 0; i < 4; i++)
        to[2 + i] = (uint8_t)(station >> (24 - 8 * i));
    if (station == NET_ALL)
        memset(to, 0xff, 6);
}

/* What stands before the frame in the file; returns how much. */
static uint32_t put_header(const struct capture *c, const struct nic_frame *f, uint8_t *to)
{
    uint8_t own[12];
    if (!c->ethernet) {
        for (int i = 0; i < 4; i++) {
            to[i] = (uint8_t)(f->src >> (24 - 8 * i));
            to[4 + i] = (uint8_t)(f->dst >> (24 - 8 * i));
        }
        return PCAP_USER_HEADER;
    }
    put_address(to, f->dst);
    put_address(to + 6, f->src);
    to[12] = ETHERTYPE_LOCAL >> 8;
    to[13] = ETHERTYPE_LOCAL & 0xff;
    if (f->data.length < PCAP_ETHERNET_HEADER)
        return PCAP_ETHERNET_HEADER;
    rope_read(&f->data, 0, sizeof own, own);
    return memcmp(own, to, sizeof own) == 0 ? 0 : PCAP_ETHERNET_HEADER;
}

void captures_write(const struct tap *t, const struct nic_frame *f, bool in)
{
    for (; t != NULL; t = t->next) {
        struct capture *c = t->of;
        if (c->out == NULL || c->params.direction == (in ? DIRECTION_OUT : DIRECTION_IN) ||
            (c->conditioned && match_find(&c->filter, &f->data, NULL) == NULL))
            continue;
        uint32_t header = put_header(c, f, c->octets), most = (uint32_t)c->params.snaplen;
        uint32_t length = header + (uint32_t)f->data.length;
        uint32_t kept = length < most ? length : most;
        if (kept > header)
            rope_read(&f->data, 0, kept - header, c->octets + header);
        pcap_frame(c->out, sim_now(c->network->net->sim), c->octets, kept, length);
    }
}
