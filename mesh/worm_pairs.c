/* worm_pairs.c: who blocked whom, kept only when a workload asks for it. */
#include <string.h>

#include "mesh/worm_internal.h"

#define PAIRS_MAX ((size_t)64 << 20) /* bytes */

static uint32_t pair_count(const struct worm_net *n)
{
    return n->m.topo.nodes * n->ports * n->ports * n->ports;
}

void worm_blame(struct worm_net *n, uint32_t chan, uint32_t port)
{
    uint32_t node = node_of(n, chan);
    struct holder *held = &n->holders[chan];
    sim_time window = sim_window_start(n->m.net.sim);
    if (n->pairs_window != window) {
        n->pairs_window = window;
        memset(n->pairs, 0, sizeof(*n->pairs) * pair_count(n));
    }
    for (uint32_t left = n->chans[chan].asking; left; left &= left - 1) {
        uint32_t waiting = (uint32_t)__builtin_ctz(left);
        struct worm *w = competitor(n, node, waiting);
        sim_time from = sim_time_max(hop_of(w, w->head)->h, held->since);
        from = sim_time_max(from, window);
        if (n->m.now > from)
            n->pairs[(chan * n->ports + waiting) * n->ports + held->port] += n->m.now - from;
    }
    *held = (struct holder){ .since = n->m.now, .port = port };
}

void worm_watch(struct net *net)
{
    struct worm_net *n = CONTAINER_OF(net, struct worm_net, m.net);
    size_t ports = n->ports, cube = ports * ports * ports;
    if (n->pairs || cube * n->m.topo.nodes * sizeof(*n->pairs) > PAIRS_MAX)
        return;
    n->may_express = false;
    worm_express_end_all(n);
    n->pairs = base_zalloc(pair_count(n), sizeof(*n->pairs));
    n->holders = base_zalloc(n->m.topo.nodes * ports, sizeof(*n->holders));
}

void worm_pairs(const struct net *net, void (*fn)(void *arg, const struct net_pair *p), void *arg)
{
    const struct worm_net *n = (const void *)net;
    uint32_t ports = n->ports;
    if (!n->pairs || n->pairs_window != sim_window_start(net->sim))
        return;
    for (uint32_t i = 0; i < pair_count(n); i++)
        if (n->pairs[i] > 0) {
            uint32_t chan = i / ports / ports;
            const uint32_t *in = &n->in_chans[node_of(n, chan) * ports];
            fn(arg, &(struct net_pair){ .busy = &n->busys[chan],
                                        .waiting = &n->busys[in[i / ports % ports]],
                                        .holding = &n->busys[in[i % ports]],
                                        .blocked = n->pairs[i] });
        }
}
