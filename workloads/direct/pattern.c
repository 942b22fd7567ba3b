/* pattern.c: destinations of the synthetic traffic patterns. */
#include "workloads/direct/pattern.h"

#include <stdlib.h>
#include <string.h>

const char *const pattern_names[] = { "uniform", "transpose", "bit_complement", "bit_reversal",
                                      "tornado", "neighbour", "hotspot",        "list",
                                      "table",   NULL };

const char *const pattern_backgrounds[] = {
    "uniform", "transpose", "bit_complement", "bit_reversal", "tornado", "neighbour", NULL
};

/* Moves every coordinate `step(k)` onwards, modulo its size k. */
static uint32_t shifted(const struct net_describe *net, uint32_t src, bool tornado)
{
    uint32_t out = 0, stride = 1;
    for (uint32_t d = 0; d < net->dims; d++) {
        uint32_t k = net->size[d], at = src / stride % k;
        out += (at + (tornado ? (k - 1) / 2 : 1)) % k * stride;
        stride *= k;
    }
    return out;
}

static uint32_t transposed(const struct net_describe *net, uint32_t src)
{
    uint32_t k = net->size[0], out = 0;
    for (uint32_t d = 0; d < net->dims; d++) {
        out = out * k + src % k;
        src /= k;
    }
    return out;
}

static uint32_t reversed(uint32_t nodes, uint32_t src)
{
    uint32_t out = 0;
    for (uint32_t bit = 1; bit < nodes; bit *= 2) {
        out = out * 2 + src % 2;
        src /= 2;
    }
    return out;
}

static bool terminal_of(const struct val *list, size_t i, uint32_t nodes, uint32_t *out,
                        struct err *e)
{
    const struct val *v = list->items[i];
    char where[512];
    if (v->type != VAL_INT || v->u.i < 0 || v->u.i >= nodes)
        return err_set(e, "%sa terminal is a whole number from 0 to %u",
                       val_where(v, where, sizeof(where)), nodes - 1);
    *out = (uint32_t)v->u.i;
    return true;
}

static bool init_hot(struct pattern *p, const struct val *hot, struct err *e)
{
    p->hot_count = hot ? (uint32_t)hot->count : 1;
    if (hot && (hot->type != VAL_LIST || hot->count == 0)) {
        char where[512];
        return err_set(e, "%sworkload.hot must be a list of terminals, { 5 } for one",
                       val_where(hot, where, sizeof(where)));
    }
    p->hot = base_alloc(sizeof(*p->hot) * p->hot_count);
    p->hot[0] = p->nodes / 2;
    for (size_t i = 0; hot && i < hot->count; i++)
        if (!terminal_of(hot, i, p->nodes, &p->hot[i], e))
            return false;
    return true;
}

static bool init_fixed(struct pattern *p, enum pattern_kind kind,
                       const struct pattern_params *params, const struct net_describe *net,
                       struct err *e)
{
    const struct val *list = params->destinations;
    if (kind == PATTERN_LIST && (!list || list->type != VAL_LIST || list->count != p->nodes))
        return err_set(e, "workload.destinations: pattern \"list\" needs a list of %u terminals",
                       p->nodes);
    for (uint32_t d = 1; d < net->dims && kind == PATTERN_TRANSPOSE; d++)
        if (net->size[d] != net->size[0])
            return err_set(e,
                           "workload.pattern: pattern \"transpose\" needs a square grid, not a %s",
                           net->shape);
    if (kind == PATTERN_BIT_REVERSAL && (p->nodes & (p->nodes - 1)) != 0)
        return err_set(
            e,
            "workload.pattern: pattern \"bit_reversal\" needs a power of two of terminals, not %u",
            p->nodes);
    p->fixed = base_alloc(sizeof(*p->fixed) * p->nodes);
    for (uint32_t i = 0; i < p->nodes; i++) {
        switch (kind) {
        case PATTERN_TRANSPOSE:
            p->fixed[i] = transposed(net, i);
            break;
        case PATTERN_BIT_COMPLEMENT:
            p->fixed[i] = p->nodes - 1 - i;
            break;
        case PATTERN_BIT_REVERSAL:
            p->fixed[i] = reversed(p->nodes, i);
            break;
        case PATTERN_TORNADO:
        case PATTERN_NEIGHBOUR:
            p->fixed[i] = shifted(net, i, kind == PATTERN_TORNADO);
            break;
        default:
            if (!terminal_of(list, i, p->nodes, &p->fixed[i], e))
                return false;
        }
        if (p->fixed[i] == i && !p->self_sends)
            p->fixed[i] = PATTERN_SILENT;
    }
    return true;
}

/* ---- tables ---- */

struct pattern_pair {
    double rate;
    uint64_t part;
    uint32_t src, dst, order;
};

static int by_source(const void *a, const void *b)
{
    const struct pattern_pair *x = a, *y = b;
    if (x->src != y->src)
        return x->src < y->src ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static bool read_pair(const struct pattern *p, const struct val *v, struct pattern_pair *x,
                      struct err *e)
{
    char where[512];
    const struct val *rate = v->type == VAL_LIST && v->count == 3 ? v->items[2] : NULL;
    if (!rate)
        return err_set(e, "%sa line of workload.rates is { source, destination, rate }",
                       val_where(v, where, sizeof(where)));
    if (!terminal_of(v, 0, p->nodes, &x->src, e) || !terminal_of(v, 1, p->nodes, &x->dst, e))
        return false;
    x->rate = rate->type == VAL_INT ? (double)rate->u.i : rate->type == VAL_REAL ? rate->u.r : -1;
    if (!(x->rate > 0 && x->rate <= 64))
        return err_set(e, "%sa rate of workload.rates is a number above 0, at most 64",
                       val_where(rate, where, sizeof(where)));
    return true;
}

static bool init_table(struct pattern *p, const struct val *rates, struct err *e)
{
    double most = 0;
    if (!rates || rates->type != VAL_LIST || rates->count == 0)
        return err_set(e, "workload.rates: pattern \"table\" needs a list of { source, "
                          "destination, rate }");
    uint32_t count = (uint32_t)rates->count;
    p->pairs = base_zalloc(count, sizeof(*p->pairs));
    p->first = base_zalloc((size_t)p->nodes + 1, sizeof(*p->first));
    p->rate = base_zalloc(p->nodes, sizeof(*p->rate));
    for (uint32_t i = 0; i < count; i++) {
        if (!read_pair(p, rates->items[i], &p->pairs[i], e))
            return false;
        p->pairs[i].src = pattern_node(p, p->pairs[i].src);
        p->pairs[i].dst = pattern_node(p, p->pairs[i].dst);
        p->pairs[i].order = i;
        most = p->pairs[i].rate > most ? p->pairs[i].rate : most;
    }
    qsort(p->pairs, count, sizeof(*p->pairs), by_source);
    for (uint32_t i = 0; i < count; i++) {
        struct pattern_pair *x = &p->pairs[i];
        uint64_t part = (uint64_t)(x->rate / most * 0x1p32);
        bool same = i > 0 && x[-1].src == x->src;
        x->part = (part ? part : 1) + (same ? x[-1].part : 0);
        p->rate[x->src] += x->rate;
        p->first[x->src + 1] = i + 1;
    }
    for (uint32_t i = 0; i < p->nodes; i++)
        if (p->first[i + 1] == 0)
            p->first[i + 1] = p->first[i];
    return true;
}

static uint32_t draw_from_table(const struct pattern *p, uint32_t src, struct sim_rng *r)
{
    uint32_t low = p->first[src], high = p->first[src + 1];
    if (low == high)
        return PATTERN_SILENT;
    uint64_t at = sim_rng_below(r, p->pairs[high - 1].part);
    while (low + 1 < high) {
        uint32_t mid = low + (high - low) / 2;
        if (p->pairs[mid - 1].part > at)
            high = mid;
        else
            low = mid;
    }
    return p->pairs[low].dst;
}

/* ---- mappings ---- */

static bool init_mapping(struct pattern *p, const struct pattern_params *params,
                         const struct net_describe *net, const struct sim *s, struct err *e)
{
    struct sim_rng r;
    uint32_t n = p->nodes, line[1] = { n };
    if (params->mapping == MAPPING_ROW)
        return true;
    p->node_of = base_alloc(n * sizeof(*p->node_of));
    if (params->mapping == MAPPING_LIST) {
        uint32_t *all = base_alloc(n * sizeof(*all));
        mapping_fill(MAPPING_ROW, 1, line, 1, NULL, all);
        bool good = mapping_read(params->mapping_list, all, n, "workload", p->node_of, e);
        free(all);
        return good;
    }
    if (params->mapping == MAPPING_RANDOM)
        sim_rng_init(&r, s, "workload/mapping");
    mapping_fill((enum mapping)params->mapping, net->dims ? net->dims : 1,
                 net->dims ? net->size : line, (uint32_t)params->mapping_block, &r, p->node_of);
    return true;
}

/* What was said of ranks is said of nodes. */
static void map_ranks(struct pattern *p)
{
    uint32_t *fixed = p->fixed;
    for (uint32_t i = 0; i < p->hot_count; i++)
        p->hot[i] = pattern_node(p, p->hot[i]);
    if (!fixed || !p->node_of)
        return;
    p->fixed = base_alloc(sizeof(*fixed) * p->nodes);
    for (uint32_t i = 0; i < p->nodes; i++)
        p->fixed[p->node_of[i]] =
            fixed[i] == PATTERN_SILENT ? PATTERN_SILENT : p->node_of[fixed[i]];
    free(fixed);
}

bool pattern_is_silent(const struct pattern *p, uint32_t src)
{
    if (p->rate)
        return p->rate[src] <= 0;
    if (p->nodes == 1 && !p->self_sends)
        return true;
    bool hot = p->kind == PATTERN_HOTSPOT && p->hot_share > 0;
    return p->fixed && p->fixed[src] == PATTERN_SILENT && !hot;
}

static bool nobody_sends(const struct pattern *p)
{
    for (uint32_t i = 0; i < p->nodes; i++)
        if (!pattern_is_silent(p, i))
            return false;
    return true;
}

bool pattern_init(struct pattern *p, const struct pattern_params *params,
                  const struct net_describe *net, const struct sim *s, struct err *e)
{
    *p = (struct pattern){ .kind = (enum pattern_kind)params->pattern,
                           .self_sends = params->self_sends,
                           .nodes = net->terminals,
                           .hot_share = params->hot_share };
    enum pattern_kind rest =
        p->kind == PATTERN_HOTSPOT ? (enum pattern_kind)params->background : p->kind;
    if (net->dims == 0 && rest < PATTERN_LIST && rest != PATTERN_UNIFORM)
        return err_set(e, "workload.pattern: pattern \"%s\" needs a grid, not a %s",
                       pattern_names[rest], net->shape);
    bool good = init_mapping(p, params, net, s, e);
    if (good && p->kind == PATTERN_HOTSPOT)
        good = init_hot(p, params->hot, e);
    if (good && rest == PATTERN_TABLE)
        good = init_table(p, params->rates, e);
    else if (good && rest != PATTERN_UNIFORM)
        good = init_fixed(p, rest, params, net, e);
    if (good)
        map_ranks(p);
    if (good && nobody_sends(p))
        good = p->nodes == 1
                   ? err_set(e, "workload.self_sends: a network of one terminal needs self_sends = "
                                "true for any traffic")
                   : err_set(e,
                             "workload.pattern: pattern \"%s\" maps every terminal to itself, "
                             "and nobody sends without self_sends = true",
                             pattern_names[p->kind]);
    if (!good)
        pattern_fini(p);
    return good;
}

void pattern_fini(struct pattern *p)
{
    free(p->fixed);
    free(p->hot);
    free(p->node_of);
    free(p->pairs);
    free(p->first);
    free(p->rate);
    p->fixed = p->hot = p->node_of = p->first = NULL;
    p->pairs = NULL;
    p->rate = NULL;
}

bool pattern_is_random(const struct pattern *p)
{
    if (p->kind == PATTERN_HOTSPOT && p->hot_share > 0)
        return p->hot_share < 1 || p->hot_count > 1;
    return !p->fixed;
}

uint32_t pattern_next(const struct pattern *p, uint32_t src, struct sim_rng *r)
{
    if (p->nodes == 1 && !p->self_sends)
        return PATTERN_SILENT;
    if (p->kind == PATTERN_HOTSPOT && sim_rng_chance(r, p->hot_share)) {
        uint32_t dst = p->hot[p->hot_count == 1 ? 0 : sim_rng_below(r, p->hot_count)];
        return dst != src || p->self_sends ? dst : PATTERN_SILENT;
    }
    if (p->fixed)
        return p->fixed[src];
    if (p->rate)
        return draw_from_table(p, src, r);
    if (p->self_sends)
        return (uint32_t)sim_rng_below(r, p->nodes);
    uint32_t dst = (uint32_t)sim_rng_below(r, p->nodes - 1);
    return dst + (dst >= src);
}

double pattern_uniform_capacity(const struct net_describe *net)
{
    return net->uniform_load > 1 ? 1 / net->uniform_load : net->uniform_load > 0 || net->dims > 0;
}
