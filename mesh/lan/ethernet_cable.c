/* ethernet_cable.c: signals on an Ethernet cable as they pass the places of its stations.
 *
 *   ETH1  A carrier is there from just after its first bit has reached a place: who begins at that
 *         very moment has not heard it.  So nothing depends on the order of events of one moment.
 */
#include "mesh/lan/ethernet_internal.h"

void ethernet_forget_passed(struct ethernet *n, sim_time now)
{
    if (!list_empty(&n->waiting))
        now = LIST_ENTRY(n->waiting.next, struct station, link)->wanted;
    LIST_EACH_SAFE (it, next, &n->signals) {
        struct signal *g = LIST_ENTRY(it, struct signal, link);
        if (g->end + n->longest + bits(n, GAP_BITS) >= now)
            continue;
        list_remove(&g->link);
        list_push(&n->free, &g->link);
        n->signal_count--;
    }
}

struct signal *ethernet_add_signal(struct ethernet *n, struct station *from, sim_time begin,
                                   sim_time end)
{
    struct list *l = list_pop(&n->free);
    struct signal *g = l ? LIST_ENTRY(l, struct signal, link) : base_alloc(sizeof(*g));
    *g = (struct signal){ .from = from, .begin = begin, .end = end };
    list_push(&n->signals, &g->link);
    n->signal_count++;
    return g;
}

/* Those on the cable as they pass a station, in order of their first bit. */
static size_t list_passing(struct ethernet *n, const struct station *at)
{
    size_t count = 0;
    if (n->signal_count > n->passing_size) {
        n->passing_size = 2 * n->signal_count;
        n->passing = base_realloc(n->passing, n->passing_size * sizeof(*n->passing));
    }
    LIST_EACH (it, &n->signals) {
        const struct signal *g = LIST_ENTRY(it, struct signal, link);
        struct passing p = { g->begin + delay(g->from, at), g->end + delay(g->from, at) };
        size_t k = count++;
        for (; k > 0 && n->passing[k - 1].first > p.first; k--)
            n->passing[k] = n->passing[k - 1];
        n->passing[k] = p;
    }
    return count;
}

sim_time ethernet_carrier_free(struct ethernet *n, const struct station *at)
{
    sim_time gap = bits(n, GAP_BITS), quiet = -gap; /* since when */
    size_t count = list_passing(n, at);
    for (size_t k = 0; k < count; k++) {
        const struct passing *p = &n->passing[k];
        sim_time start = sim_time_max(at->wanted, quiet + gap);
        bool late = start == quiet + gap && p->first >= quiet + gap / 3 * 2;
        if (p->first >= start || late) /* ETH1 */
            break;
        quiet = sim_time_max(quiet, p->last);
    }
    return sim_time_max(at->wanted, quiet + gap);
}
