/* atm_fault.c: channels and switches of an ATM network that fail (mesh/link.h).
 *
 * A channel is dead while it, or a switch at one of its ends, is down: cells that come to its queue
 * then are lost, each in its time on the channel; those of a station's own channel are so with all
 * their frame, by the moment at which it begins; behind input queues, as they cross.  What is in
 * the queue as it dies has left in time.  Bit errors: a cell is lost if a bit of it is damaged.
 * Not modelled: that a damaged payload leaves the cell there, which its frame does not outlive.
 */
#include <stdio.h>

#include "mesh/switch/atm_internal.h"

/* 1 - (1 - p)^bits, of exactly rounded operations alone. */
static double of_bits(double p, uint32_t bits)
{
    double all = 1, power = 1 - p;
    for (; bits > 0; bits >>= 1, power *= power)
        if (bits & 1)
            all *= power;
    return 1 - all;
}

static bool is_dead(const struct atm *n, const struct atm_channel *q)
{
    bool from_station = q->index < n->stations, to_station = q->terminal != ATM_NO_TERMINAL;
    return q->link.down || (!from_station && n->selves[q->from].down) ||
           (!to_station && n->selves[q->to].down);
}

static void link_changed(void *arg)
{
    struct atm *n = arg;
    n->now = sim_now(n->net.sim);
    for (uint32_t c = 0; c < n->channel_count; c++) {
        struct atm_channel *q = &n->channels[c];
        double ber = of_bits(q->link.ber, 8 * (uint32_t)n->params.cell_octets);
        double loss = 1 - (1 - n->params.cell_loss) * (1 - ber);
        bool dead = is_dead(n, q);
        if (q->link.ber <= 0)
            loss = n->params.cell_loss;
        if (dead == q->dead && loss == q->loss)
            continue;
        atm_output_stop(n, q);
        q->dead = dead;
        q->loss = loss;
        atm_draw_loss(q);
    }
    atm_schedule(n);
}

void atm_links_init(struct atm *n)
{
    n->selves = base_alloc(n->switches * sizeof(*n->selves));
    for (uint32_t i = 0; i < n->switches; i++) {
        net_link_init(&n->selves[i], n->net.sim, "atm/switch", i);
        n->selves[i].changed = link_changed;
        n->selves[i].arg = n;
    }
    for (uint32_t c = 0; c < n->channel_count; c++) {
        struct atm_channel *q = &n->channels[c];
        q->link.changed = link_changed;
        q->link.arg = n;
        q->loss = n->params.cell_loss;
        atm_draw_loss(q);
    }
}

const char *const atm_fails[] = { "station", "trunk", "switch", "from", "to", NULL };

/* Both channels of a station, or of a trunk; each channel of a station; each switch. */
void atm_fault_targets(struct net *net, struct sim_faults *f)
{
    struct atm *n = (struct atm *)(uintptr_t)net;
    for (uint32_t i = 0; i < n->stations; i++) {
        struct net_link *from = &n->channels[i].link, *to = &n->channels[n->stations + i].link;
        net_link_target_number(f, "station", i, NET_LINK_ALL, from, to);
        net_link_target_number(f, "from station", i, NET_LINK_ALL, from, NULL);
        net_link_target_number(f, "to station", i, NET_LINK_ALL, to, NULL);
    }
    for (uint32_t c = 2 * n->stations; c < n->channel_count; c += 2)
        net_link_target_number(f, "trunk", (c - 2 * n->stations) / 2, NET_LINK_ALL,
                               &n->channels[c].link, &n->channels[c + 1].link);
    for (uint32_t i = 0; i < n->switches; i++)
        net_link_target_number(f, "switch", i, NET_LINK_DOWN, &n->selves[i], NULL);
}
