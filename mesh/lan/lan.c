/* lan.c: see lan.h. */
#include "mesh/lan/lan.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim/audit.h"
#include "sim/base/units.h"

struct flight {
    struct list link; /* lan.flights or .free */
    struct sim_event event;
    struct lan *lan;
    struct net_packet *packet;
    uint32_t to;
    bool placed; /* to a place that it has */
    enum net_status lost;
    sim_time length; /* over the terminal's link, with so many bits; 0: not */
    uint64_t bits;
};

static struct lan *of(const struct net *net)
{
    return (struct lan *)(uintptr_t)net;
}

/* ---- terminals ---- */

void lan_set_terminal(struct net *net, uint32_t terminal, const struct net_terminal *t)
{
    struct lan *l = of(net);
    ASSERT(terminal < l->count);
    l->stations[terminal].terminal = *t;
    l->stations[terminal].room = t->room;
}

void lan_taken(struct net *net, uint32_t terminal)
{
    struct lan_station *st = &of(net)->stations[terminal];
    if (st->terminal.room == 0)
        return;
    ASSERT_MSG(st->room < st->terminal.room, "no packet has the place");
    st->room++;
}

uint32_t lan_distance(const struct net *net, uint32_t src, uint32_t dst)
{
    (void)net, (void)src, (void)dst;
    return 0;
}

/* ---- queues ---- */

void lan_queue(struct lan *l, struct net_packet *p, uint32_t longest)
{
    ASSERT(p->src < l->count && (p->dst < l->count || p->dst == NET_ALL));
    ASSERT_MSG(p->flits > 0 && p->flits <= longest, "longer than a frame (net_describe.longest)");
    struct lan_station *st = &l->stations[p->src];
    l->packets_in++;
    l->flits_in += p->flits;
    p->blocked = 0;
    p->dropped = false;
    p->hops = 0;
    p->left = 0;
    p->next = NULL;
    if (st->first)
        st->last->next = p;
    else
        st->first = p;
    st->last = p;
    if (st->queued++ == 0)
        p->injected = sim_now(l->net.sim);
    if (st->fresh_at != sim_now(l->net.sim))
        st->fresh = 0;
    st->fresh_at = sim_now(l->net.sim);
    st->fresh++;
}

uint32_t lan_queued_before_now(const struct lan *l, uint32_t station)
{
    const struct lan_station *st = &l->stations[station];
    return st->queued - (st->fresh_at == sim_now(l->net.sim) ? st->fresh : 0);
}

struct net_packet *lan_pop(struct lan *l, uint32_t station)
{
    struct lan_station *st = &l->stations[station];
    struct net_packet *p = st->first;
    st->first = p->next;
    st->queued--;
    p->next = NULL;
    if (st->first)
        st->first->injected = sim_now(l->net.sim);
    return p;
}

void lan_tell_sent(struct lan *l, struct net_packet *p)
{
    const struct net_terminal *t = &l->stations[p->src].terminal;
    if (t->sent)
        t->sent(t->arg, p);
}

/* ---- deliveries ---- */

static void tell(struct lan *l, struct net_packet *p, uint32_t to, enum net_status status)
{
    const struct net_terminal *t = &l->stations[to].terminal;
    p->delivered = sim_now(l->net.sim);
    p->dropped = status != NET_OK;
    p->left -= p->left > 0;
    if (status != NET_OK)
        net_drop(&l->net, p, status);
    if (t->receive)
        t->receive(t->arg, p, status);
}

void lan_copy(struct lan *l, struct net_packet *p, uint32_t copies)
{
    p->left = copies;
    l->packets_copied += copies - 1;
    l->flits_copied += (uint64_t)(copies - 1) * p->flits;
}

void lan_drop(struct lan *l, struct net_packet *p, uint32_t to, enum net_status why)
{
    tell(l, p, to == NET_ALL ? p->src : to, why);
}

static void hand_over(struct lan *l, struct net_packet *p, uint32_t to)
{
    l->packets_out++;
    l->flits_out += p->flits;
    tell(l, p, to, NET_OK);
}

void lan_deliver(struct lan *l, struct net_packet *p, uint32_t to)
{
    struct lan_station *st = &l->stations[to];
    if (st->terminal.room > 0 && st->room == 0) {
        lan_drop(l, p, to, NET_DROPPED_FULL);
        return;
    }
    st->room -= st->terminal.room > 0;
    hand_over(l, p, to);
}

static void land(struct sim *s, struct sim_event *e)
{
    struct flight *f = CONTAINER_OF(e, struct flight, event);
    list_remove(&f->link);
    list_push(&f->lan->free, &f->link);
    struct flight now = *f; /* a callback may take the record for another */
    struct net *net = &now.lan->net;
    if (now.length > 0)
        now.lost =
            net_link_fate(&now.lan->stations[now.to].back, sim_now(s) - now.length, now.bits);
    if (now.lost != NET_OK)
        lan_drop(now.lan, now.packet, now.to, now.lost);
    else if (now.placed)
        hand_over(now.lan, now.packet, now.to);
    else
        lan_deliver(now.lan, now.packet, now.to);
    if (now.lost != NET_OK && now.placed)
        net->ops->taken(net, now.to);
}

static void fly(struct lan *l, sim_time when, struct flight flight)
{
    struct list *free_one = list_pop(&l->free);
    struct flight *f =
        free_one ? LIST_ENTRY(free_one, struct flight, link) : base_alloc(sizeof(*f));
    *f = flight;
    f->lan = l;
    list_push(&l->flights, &f->link);
    sim_event_init(&f->event, SIM_CLASS_ARRIVAL, land);
    sim_at(l->net.sim, &f->event, when);
}

void lan_fly(struct lan *l, struct net_packet *p, uint32_t to, sim_time when)
{
    fly(l, when, (struct flight){ .packet = p, .to = to });
}

void lan_fly_placed(struct lan *l, struct net_packet *p, uint32_t to, sim_time when)
{
    fly(l, when, (struct flight){ .packet = p, .to = to, .placed = true });
}

void lan_fly_over(struct lan *l, struct net_packet *p, uint32_t to, sim_time when, bool placed,
                  sim_time length, uint64_t bits)
{
    fly(l, when,
        (struct flight){ .packet = p, .to = to, .placed = placed, .length = length, .bits = bits });
}

void lan_fly_with(struct lan *l, struct net_packet *p, uint32_t to, sim_time when,
                  enum net_status status, bool placed)
{
    fly(l, when, (struct flight){ .packet = p, .to = to, .placed = placed, .lost = status });
}

/* ---- making ---- */

bool lan_read_time(const struct val *v, const char *path, sim_time *t, struct err *e)
{
    char where[256];
    if (v->type == VAL_INT && v->u.i == 0) {
        *t = 0;
        return true;
    }
    if (v->type == VAL_STRING && units_parse_time(v->u.s, t, NULL) && *t >= 0)
        return true;
    return err_set(e, "%s%s: must be a list of times with a unit, such as \"1ms\"",
                   val_where(v, where, sizeof where), path);
}

bool lan_read_times(const struct val *list, const char *path, uint32_t count, sim_time *first,
                    size_t stride, struct err *e)
{
    if (list && (list->type != VAL_LIST || list->count != count))
        return err_set(e, "%s: must be a list of %u times, one a station", path, count);
    for (uint32_t i = 0; list && i < count; i++) {
        char *to = (char *)first + i * stride;
        if (!lan_read_time(list->items[i], path, (sim_time *)(void *)to, e))
            return false;
    }
    return true;
}

static void audit(void *self, struct sim_audit_report *r)
{
    const struct lan *l = self;
    uint64_t packets = l->packets_held, flits = l->flits_held;
    for (uint32_t i = 0; i < l->count; i++)
        for (const struct net_packet *p = l->stations[i].first; p; p = p->next) {
            packets++;
            flits += p->flits;
        }
    LIST_EACH (it, &l->flights) {
        packets++;
        flits += LIST_ENTRY(it, const struct flight, link)->packet->flits;
    }
    sim_audit_balance(r, "packets", l->packets_in + l->packets_copied, l->packets_out, packets,
                      net_audit_drops(&l->net, r));
    sim_audit_balance(r, "flits", l->flits_in + l->flits_copied, l->flits_out, flits,
                      l->net.flits_dropped);
}

void lan_init(struct lan *l, struct sim *s, const struct net_ops *ops, const void *params,
              uint32_t count, const char *name)
{
    l->net = (struct net){ .ops = ops, .sim = s, .params = params };
    l->count = count;
    l->stations = base_zalloc(count, sizeof(*l->stations));
    list_init(&l->flights);
    list_init(&l->free);
    char link[64], back[64];
    snprintf(link, sizeof link, "%s/link", name);
    snprintf(back, sizeof back, "%s/back", name);
    for (uint32_t i = 0; i < count; i++) {
        net_link_init(&l->stations[i].link, s, link, i);
        net_link_init(&l->stations[i].back, s, back, i);
    }
    sim_audit_register(s, name, audit, l);
}

void lan_fini(struct lan *l)
{
    struct list *it;
    sim_faults_free(l->net.schedule);
    LIST_EACH (f, &l->flights)
        sim_cancel(l->net.sim, &LIST_ENTRY(f, struct flight, link)->event);
    while ((it = list_pop(&l->flights)) || (it = list_pop(&l->free)))
        free(LIST_ENTRY(it, struct flight, link));
    sim_audit_unregister(l->net.sim, l);
    free(l->stations);
}
