/* networks.c: the networks of a machine, and which nodes are on each.
 *
 *     machine.networks = {
 *       lan  = { kind = "ethernet", nodes = "io", nic = { ... }, prices = { ... },
 *                adapter = { kind = "pio" }, adapters = { old = { kind = "pio" } } },
 *       mesh = { kind = "worm" },                       -- all nodes
 *     }
 *
 * A network has its own parameters, stations numbered in the order of its nodes, and what its
 * interfaces are and cost, over what the machine says of all (machine.nic, machine.prices).  A node
 * has an interface to each that it is on, in the order of the networks' names.  machine.network is
 * the short form of one, "mesh", on which all nodes are; the names of its parts have no prefix.
 */
#include "models/node.h"

#include <stdlib.h>
#include <string.h>

/* What FRAME work costs at a network, where it says so. */
static const struct {
    const char *name;
    enum port_work kind;
} own_prices[] = {
    { "frame_out", PORT_WORK_FRAME_OUT },
    { "frame_in", PORT_WORK_FRAME_IN },
    { "frame_bytes", PORT_WORK_FRAME_BYTES },
    { "filter", PORT_WORK_FILTER },
};
enum { PRICED_BYTES = 2 }; /* of these */

/* Where the CPU moves the bytes: nothing beside it on the bus, which takes the longest rate that a
 * parameter may have; frames of which time is counted in 64 bits. */
#define NO_DMA 1000000000000
#define FRAME_MOST 16000000

/* Keys of a network's table that are the machine's. */
static const char *const places[] = {
    "kind", "nodes", "nic", "prices", "adapter", "adapters", NULL
};
static const char *const short_places[] = { "model", NULL };
static const struct param nic_only[] = {
    P_TABLE(network_own, nic, nic_params_desc, "Interfaces to it.", "see the network interface"),
    P_TABLE(network_own, prices, price_list_params, "What frames cost at them.",
            "see the price list"),
    P_END,
};

static bool has_param(const struct param *p, const char *name)
{
    for (; p != NULL && p->name != NULL; p++)
        if (strcmp(p->name, name) == 0)
            return true;
    return false;
}

/* ---- who is on it ---- */

static bool add_node(struct machine *m, struct network *n, uint32_t node)
{
    if (n->station_of[node] != UINT32_MAX)
        return false;
    n->station_of[node] = n->count;
    n->nodes[n->count++] = node;
    m->iface_counts[node]++;
    return true;
}

static bool list_nodes(struct machine *m, struct network *n, const struct val *list, struct err *e)
{
    char where[256];
    for (size_t i = 0; i < list->count; i++) {
        const struct val *v = list->items[i];
        val_where(v, where, sizeof where);
        if (v->type != VAL_INT || v->u.i < 0 || v->u.i >= m->layout.nodes)
            return err_set(e, "%s%s.nodes[%zu] must be a node, 0 to %u", where, n->path, i + 1,
                           m->layout.nodes - 1);
        if (!add_node(m, n, (uint32_t)v->u.i))
            return err_set(e, "%s%s.nodes[%zu]: node %ld is on it already", where, n->path, i + 1,
                           (long)v->u.i);
    }
    return true;
}

static bool find_nodes(struct machine *m, struct network *n, const struct val *table, struct err *e)
{
    const struct val *v = val_get(table, "nodes");
    uint32_t all = m->layout.nodes;
    char where[256];
    n->nodes = base_alloc(all * sizeof *n->nodes);
    n->station_of = base_alloc(all * sizeof *n->station_of);
    memset(n->station_of, 0xff, all * sizeof *n->station_of);
    n->all = v == NULL || (v->type == VAL_STRING && strcmp(v->u.s, "all") == 0);
    for (uint32_t i = 0; n->all && i < all; i++)
        add_node(m, n, i);
    if (n->all)
        return true;
    val_where(v, where, sizeof where);
    if (v->type == VAL_LIST && v->count > 0)
        return list_nodes(m, n, v, e);
    if (v->type != VAL_STRING)
        return err_set(e, "%s%s.nodes is %s, not 'all', a group of nodes, or a list of nodes",
                       where, n->path, val_type_name(v->type));
    const struct os_group *g = os_group_named(&m->boot, v, v->u.s, n->path, e);
    for (uint32_t i = 0; g != NULL && i < g->count; i++)
        add_node(m, n, g->nodes[i]);
    return g != NULL && (n->count > 0 || err_set(e, "%s%s.nodes: the group '%s' has no nodes",
                                                 where, n->path, g->name));
}

/* ---- its parameters ---- */

/* With the machine's shape, or the number of its nodes. */
static struct val *network_table(const struct machine *m, const struct network *n,
                                 const struct val *v)
{
    struct val *t = v != NULL && v->type == VAL_TABLE ? val_copy(v) : val_new(VAL_TABLE, NULL, 0);
    const struct param *p = n->ops->kind.params;
    if (n->all && has_param(p, "rows") && val_get(t, "rows") == NULL)
        val_put(t, "rows", val_new_int(m->params.rows, t->file, t->line));
    if (n->all && has_param(p, "columns") && val_get(t, "columns") == NULL)
        val_put(t, "columns", val_new_int(m->params.columns, t->file, t->line));
    if (has_param(p, "stations") && val_get(t, "stations") == NULL)
        val_put(t, "stations", val_new_int(n->count, t->file, t->line));
    return t;
}

/* Of what can fail in it is this the path?  A word of it, and no more or a space. */
static bool is_its_own(const struct network *n, const char *path)
{
    size_t word = strcspn(path, " ");
    for (const char *const *w = n->ops->fails; w != NULL && *w != NULL; w++)
        if (strlen(*w) == word && strncmp(*w, path, word) == 0)
            return true;
    return false;
}

/* Its own schedule, or an entry of the machine's that names a part of it. */
static bool fails(const struct machine *m, const struct network *n)
{
    const struct val *v = m->params.faults;
    bool dies = val_get(n->table, "faults") != NULL;
    size_t skip = n->plain ? 0 : strlen(n->name) + 1;
    for (size_t i = 0; v != NULL && v->type == VAL_LIST && i < v->count; i++) {
        const struct val *path = val_get(v->items[i], "path");
        const char *s = path != NULL && path->type == VAL_STRING ? path->u.s : "";
        if (skip > 0 && (strncmp(s, n->name, skip - 1) != 0 || s[skip - 1] != '.'))
            continue;
        dies |= is_its_own(n, s + skip);
    }
    return dies;
}

static bool load_own(struct machine *m, struct network *n, const struct val *table, struct err *e)
{
    const struct val *prices = val_get(table, "prices");
    char where[256];
    n->own.nic = m->params.nic;
    n->own.prices.scale = 1;
    for (size_t i = 0; prices != NULL && prices->type == VAL_TABLE && i < prices->count; i++) {
        const char *key = prices->items[i]->key;
        size_t k = 0;
        while (k < ARRAY_LEN(own_prices) && strcmp(own_prices[k].name, key) != 0)
            k++;
        if (k == ARRAY_LEN(own_prices))
            return err_set(e,
                           "%s%s.prices.%s: at a network only frame_out, frame_in, frame_bytes and "
                           "filter have prices of their own",
                           val_where(prices->items[i], where, sizeof where), n->path, key);
        n->priced |= 1u << k;
    }
    const char *but[32] = { "kind", "nodes", "adapter", "adapters" };
    size_t count = 4;
    for (const struct param *p = n->ops->kind.params; p->name != NULL; p++) {
        ASSERT(count + 1 < ARRAY_LEN(but));
        but[count++] = p->name;
    }
    if (n->plain)
        return true;
    bool good = param_override(nic_only, &n->own, table, but, n->path, e);
    price_list_prepare(&n->own.prices);
    return good;
}

/* An adapter whose CPU moves the bytes: there is no DMA beside it. */
static bool programmed(const struct network *n, struct net_side *s, const char *path,
                       const char *where, struct err *e)
{
    const char *name = s->adapter->kind.name;
    s->nic.dma_rate = NO_DMA;
    s->nic.dma_setup = 0;
    if (s->nic.mtu > FRAME_MOST)
        return err_set(e, "%s%s.nic.mtu: the CPU moves frames of at most %d bytes", where, n->path,
                       FRAME_MOST);
    if (s->adapter->cells == NULL)
        return true;
    if (strcmp(n->ops->kind.name, "atm") != 0)
        return err_set(e, "%s%s: '%s' is for networks of kind 'atm': others have no cells", where,
                       path, name);
    const struct adapter_params *p = s->params;
    uint64_t most = s->adapter->cells(p, (uint64_t)s->nic.mtu + (uint64_t)s->nic.header_flits);
    if (most > (uint64_t)p->in_cells)
        return err_set(e,
                       "%s%s: a frame of nic.mtu has %llu cells, and the FIFO holds %lld "
                       "(in_cells)",
                       where, path, (unsigned long long)most, (long long)p->in_cells);
    return true;
}

/* What the interfaces of one side are to the CPU (models/adapter.h): `v` under `path`. */
static bool load_side(const struct network *n, struct net_side *s, const struct val *v,
                      const char *path, struct err *e)
{
    static const char *const but[] = { "kind", NULL };
    char where[256];
    val_where(v, where, sizeof where);
    if (v->type != VAL_TABLE && v->type != VAL_LIST)
        return err_set(e, "%s%s is %s, not a table with its kind", where, path,
                       val_type_name(v->type));
    s->adapter = kind_choose(&adapter_kinds, v, "kind", NULL, path, e);
    if (s->adapter != NULL)
        s->params = kind_load(&s->adapter->kind, v, but, path, e);
    return s->params != NULL && (!s->adapter->programmed || programmed(n, s, path, where, e));
}

/* Where the bytes of all have the adapter's price, or no DMA moves them, nothing else says so. */
static bool says_once(const struct network *n, const struct val *table, struct err *e)
{
    const struct val *nic = val_get(table, "nic");
    const struct net_side *s = &n->sides[0];
    char where[256];
    if (s->adapter == NULL || !s->adapter->programmed)
        return true;
    val_where(val_get(table, "adapter"), where, sizeof where);
    if (n->priced & 1u << PRICED_BYTES)
        return err_set(e, "%s%s.prices.frame_bytes: at an adapter '%s' the bytes have its price",
                       where, n->path, s->adapter->kind.name);
    if (val_get(nic, "dma_rate") != NULL || val_get(nic, "dma_setup") != NULL)
        return err_set(e, "%s%s.nic: an adapter '%s' has no DMA, and no dma_rate or dma_setup",
                       where, n->path, s->adapter->kind.name);
    return true;
}

static bool load_side_of(struct machine *m, struct network *n, const struct val *v, struct err *e)
{
    struct net_side *s = &n->sides[n->side_count++];
    char *path = base_printf("%s.adapters.%s", n->path, v->key);
    const struct os_group *g = os_group_named(&m->boot, v, v->key, path, e);
    s->nic = n->own.nic;
    bool good = g != NULL && load_side(n, s, v, path, e);
    for (uint32_t i = 0; good && i < g->count; i++)
        n->side_of[g->nodes[i]] = s;
    free(path);
    return good;
}

/* The adapter of all, and of groups; of several of a node that of the last counts. */
static bool load_sides(struct machine *m, struct network *n, const struct val *table, struct err *e)
{
    const struct val *all = val_get(table, "adapter"), *own = val_get(table, "adapters");
    char where[256], *path;
    n->sides = base_zalloc((own != NULL ? own->count : 0) + 1, sizeof *n->sides);
    n->sides[n->side_count++].nic = n->own.nic;
    n->side_of = base_alloc(m->layout.nodes * sizeof *n->side_of);
    for (uint32_t i = 0; i < m->layout.nodes; i++)
        n->side_of[i] = &n->sides[0];
    if (n->plain)
        return true;
    path = base_printf("%s.adapter", n->path);
    bool good = all == NULL || load_side(n, &n->sides[0], all, path, e);
    free(path);
    if (!good || !says_once(n, table, e))
        return false;
    if (own != NULL && own->type != VAL_TABLE && (own->type != VAL_LIST || own->count > 0))
        return err_set(e, "%s%s.adapters is %s, not a table of adapters by group",
                       val_where(own, where, sizeof where), n->path, val_type_name(own->type));
    for (size_t i = 0; own != NULL && i < own->count; i++)
        if (!load_side_of(m, n, own->items[i], e))
            return false;
    return true;
}

static bool load(struct machine *m, struct network *n, const struct val *v, struct err *e)
{
    const struct kind_set *nets = m->reg->nets;
    const char *key = n->plain ? "model" : "kind";
    struct net_grid g = { 0 };
    char where[256];
    if (v != NULL && v->type != VAL_TABLE && v->count > 0)
        return err_set(e, "%s%s is %s, not a table", val_where(v, where, sizeof where), n->path,
                       val_type_name(v->type));
    n->ops = kind_choose(nets, v, key, nets->items[0]->name, n->path, e);
    if (n->ops == NULL || !find_nodes(m, n, n->plain ? NULL : v, e) || !load_own(m, n, v, e) ||
        !load_sides(m, n, v, e))
        return false;
    n->table = network_table(m, n, v);
    n->params = kind_load(&n->ops->kind, n->table, n->plain ? short_places : places, n->path, e);
    if (n->params == NULL)
        return false;
    if (n->ops->grid != NULL)
        n->ops->grid(n->params, &g);
    n->faults = fails(m, n);
    n->overtakes = g.overtakes;
    n->drops = g.drops;
    unsigned gives = n->faults || n->drops ? XK_NETWORK & ~XK_LOSSLESS : XK_NETWORK;
    m->xk_networks[m->network_count++] = (struct xk_network){
        .name = n->name,
        .mtu = (uint64_t)n->own.nic.mtu,
        .gives = n->overtakes ? gives & ~(unsigned)XK_ORDERED : gives,
        .stations = n->count,
        .nodes = n->nodes,
    };
    if (n->all && m->layout.grid.dims == 0) {
        struct os_grid *to = &m->layout.grid;
        _Static_assert(OS_DIMS == NET_DIMS, "the layout holds every grid");
        *to = (struct os_grid){ .dims = g.dims, .wraps = g.wraps, .in_order = g.in_order };
        memcpy(to->size, g.size, sizeof to->size);
        memcpy(to->order, g.order, sizeof to->order);
    }
    return true;
}

bool networks_plan(struct machine *m, struct err *e)
{
    const struct val *v = m->params.networks;
    bool plain = v == NULL || (v->type == VAL_TABLE && v->count == 0);
    size_t count = plain ? 1 : v->count;
    char where[256];
    if (!plain && v->type != VAL_TABLE)
        return err_set(e, "%s%s.networks is %s, not a table of networks by name",
                       val_where(v, where, sizeof where), m->path, val_type_name(v->type));
    if (!plain && m->params.network != NULL)
        return err_set(e,
                       "%s%s.networks names all networks: %s.network, the short form of one, has "
                       "no place beside it",
                       val_where(v, where, sizeof where), m->path, m->path);
    if (count > NETWORKS_MAX)
        return err_set(e, "%s%s.networks: a machine has at most %d networks, not %zu",
                       val_where(v, where, sizeof where), m->path, NETWORKS_MAX, count);
    m->iface_counts = base_zalloc(m->layout.nodes, sizeof *m->iface_counts);
    for (size_t i = 0; i < count; i++) {
        struct network *n = &m->networks[i];
        n->plain = plain;
        n->name = plain ? "mesh" : v->items[i]->key;
        if (strlen(n->name) >= sizeof((struct port_if_info *)0)->name)
            return err_set(e, "%s%s.networks: the name '%s' is longer than %zu letters",
                           val_where(v->items[i], where, sizeof where), m->path, n->name,
                           sizeof((struct port_if_info *)0)->name - 1);
        n->path = plain ? base_printf("%s.network", m->path)
                        : base_printf("%s.networks.%s", m->path, n->name);
        if (!load(m, n, plain ? m->params.network : v->items[i], e))
            return false;
    }
    return true;
}

/* ---- making ---- */

static bool build(struct machine *m, struct network *n, struct err *e)
{
    struct net_describe d;
    n->net = n->ops->create(m->sim, n->params, e);
    if (n->net == NULL)
        return err_set(e, "%s: no network", n->path);
    n->ops->describe(n->net, &d);
    if (d.terminals != n->count)
        return err_set(e, "%s has room for %u nodes, but %s has %u%s", n->path, d.terminals,
                       n->plain ? m->path : "it", n->count,
                       n->plain ? ": rows and columns are the machine's" : " on it");
    n->at = base_zalloc(n->count, sizeof(struct iface *));
    for (uint32_t k = 0; k < n->count; k++)
        if (!node_connect(&m->nodes[n->nodes[k]], n, k, e))
            return false;
    return true;
}

bool networks_build(struct machine *m, struct err *e)
{
    bool good = true;
    for (uint32_t i = 0; i < m->layout.nodes; i++)
        m->nodes[i].ifaces = base_zalloc(m->iface_counts[i], sizeof(struct iface));
    for (uint32_t i = 0; good && i < m->network_count; i++) {
        sim_names_under(m->sim, m->networks[i].plain ? NULL : m->networks[i].name);
        good = build(m, &m->networks[i], e);
    }
    sim_names_under(m->sim, NULL);
    return good;
}

void networks_fault_targets(struct machine *m)
{
    for (uint32_t i = 0; i < m->network_count; i++) {
        struct network *n = &m->networks[i];
        sim_names_under(m->sim, n->plain ? NULL : n->name);
        if (n->ops->fault_targets != NULL)
            n->ops->fault_targets(n->net, m->faults);
    }
    sim_names_under(m->sim, NULL);
}

void networks_free(struct machine *m)
{
    for (uint32_t i = 0; i < NETWORKS_MAX; i++) {
        struct network *n = &m->networks[i];
        if (n->net != NULL)
            n->ops->destroy(n->net);
        if (n->table != NULL)
            val_free(n->table);
        free(n->params);
        for (uint32_t k = 0; k < n->side_count; k++)
            free(n->sides[k].params);
        free(n->sides);
        free(n->side_of);
        free(n->path);
        free(n->nodes);
        free(n->station_of);
        free(n->at);
    }
    free(m->iface_counts);
}

/* ---- what frames cost ---- */

sim_time network_cost(struct network *n, struct node *node, enum port_work kind, uint64_t amount)
{
    for (size_t k = 0; n->priced != 0 && k < ARRAY_LEN(own_prices); k++)
        if (own_prices[k].kind == kind && n->priced >> k & 1)
            return price_cost(&n->own.prices, kind, amount);
    return price_cost(&node->own->prices, kind, amount);
}
