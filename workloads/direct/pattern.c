/* pattern.c: destinations of the synthetic traffic patterns. */
#include "workloads/direct/pattern.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *const pattern_names[] = { "uniform",      "transpose", "bit_complement",
                                      "bit_reversal", "tornado",   "neighbour",
                                      "hotspot",      "list",      NULL };

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

bool pattern_is_silent(const struct pattern *p, uint32_t src)
{
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
                  const struct net_describe *net, struct err *e)
{
    *p = (struct pattern){ .kind = (enum pattern_kind)params->pattern,
                           .self_sends = params->self_sends,
                           .nodes = net->terminals,
                           .hot_share = params->hot_share };
    enum pattern_kind rest =
        p->kind == PATTERN_HOTSPOT ? (enum pattern_kind)params->background : p->kind;
    if (net->dims == 0 && rest != PATTERN_UNIFORM && rest != PATTERN_LIST)
        return err_set(e, "workload.pattern: pattern \"%s\" needs a grid, not a %s",
                       pattern_names[rest], net->shape);
    bool good = p->kind != PATTERN_HOTSPOT || init_hot(p, params->hot, e);
    if (good && rest != PATTERN_UNIFORM)
        good = init_fixed(p, rest, params, net, e);
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
    p->fixed = p->hot = NULL;
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
    if (p->self_sends)
        return (uint32_t)sim_rng_below(r, p->nodes);
    uint32_t dst = (uint32_t)sim_rng_below(r, p->nodes - 1);
    return dst + (dst >= src);
}

double pattern_uniform_capacity(const struct net_describe *net)
{
    return net->dims == 0 ? 0 : net->uniform_load > 1 ? 1 / net->uniform_load : 1;
}
