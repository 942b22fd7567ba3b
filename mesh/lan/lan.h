/* lan.h: what networks of stations have in common and decide nothing with: terminals, the stations'
 * queues, deliveries on their way, and the account of packets and flits.  Private to mesh/.
 *
 *   LAN1  packets in + copied = out + dropped + inside, flits alike: one to all is copied as often
 *         as it is delivered or lost, but for one time.
 */
#ifndef MESH_LAN_LAN_H
#define MESH_LAN_LAN_H

#include "mesh/link.h"

struct lan_station {
    struct net_terminal terminal;
    struct net_link link, back;      /* from it, and to it; streams NAME/link, NAME/back */
    uint32_t room;                   /* places that are free */
    struct net_packet *first, *last; /* to send */
    uint32_t queued;                 /* how many */
    sim_time fresh_at;               /* the latest came then, with so many at that moment */
    uint32_t fresh;
};

struct lan {
    struct net net; /* first */
    uint32_t count; /* stations */
    struct lan_station *stations;
    struct list flights, free; /* struct flight */
    uint64_t packets_in, packets_out, packets_copied, flits_in, flits_out, flits_copied;
    uint64_t packets_held, flits_held; /* copies that a network holds besides */
};

/* For the kind of a struct that begins with a struct lan `lan`. */
#define LAN_COUNTERS(tag)                                                                          \
    C_SUM(tag, lan, packets_in, "1", "Packets injected."),                                         \
        C_SUM(tag, lan, packets_out, "1", "Packets delivered."),                                   \
        C_SUM(tag, lan, packets_copied, "1",                                                       \
              "Deliveries of packets to all, but for one of each."),                               \
        C_SUM(tag, lan, flits_in, "1", "Flits of the packets injected."),                          \
        C_SUM(tag, lan, flits_out, "1", "Flits of the packets delivered."),                        \
        NET_DROPS(tag, lan.net, "packets_dropped_full", NET_DROPPED_FULL,                          \
                  "Packets whose receiver had no room for them."),                                 \
        NET_DROPS(tag, lan.net, "packets_dropped_fault", NET_DROPPED_FAULT,                        \
                  "Packets that met a link or a part that was down."),                             \
        NET_DROPS(tag, lan.net, "packets_dropped_damaged", NET_DROPPED_DAMAGED,                    \
                  "Packets of which a link damaged a bit.")

/* Makes a network of `count` stations that begins with l; `name` is the audit's. */
void lan_init(struct lan *l, struct sim *s, const struct net_ops *ops, const void *params,
              uint32_t count, const char *name);
/* Forgets what is on its way. */
void lan_fini(struct lan *l);

/* The network's slots. */
void lan_set_terminal(struct net *net, uint32_t terminal, const struct net_terminal *t);
void lan_taken(struct net *net, uint32_t terminal);
uint32_t lan_distance(const struct net *net, uint32_t src, uint32_t dst); /* 0 */

/* Takes a packet of at most `longest` flits into the account and to the end of its source's queue.
 */
void lan_queue(struct lan *l, struct net_packet *p, uint32_t longest);
/* Takes the first of a station's queue out; the next, if any, is `injected` now. */
struct net_packet *lan_pop(struct lan *l, uint32_t station);
/* How many a station had in its queue before this moment. */
uint32_t lan_queued_before_now(const struct lan *l, uint32_t station);
/* Tells the source that the tail has left. */
void lan_tell_sent(struct lan *l, struct net_packet *p);

/* A time with a unit, or 0; false with a sentence that names the path. */
bool lan_read_time(const struct val *v, const char *path, sim_time *t, struct err *e) MUST_CHECK;
/* A list of times, one for each of `count`, of which the first goes to *first and each other
 * `stride` bytes further; NULL leaves them alone. */
bool lan_read_times(const struct val *list, const char *path, uint32_t count, sim_time *first,
                    size_t stride, struct err *e) MUST_CHECK;

/* p goes to so many (1 or more) terminals: each is told by one of the calls below. */
void lan_copy(struct lan *l, struct net_packet *p, uint32_t copies);
/* It reaches a terminal at `when`: that one has it, or has no room and loses it. */
void lan_fly(struct lan *l, struct net_packet *p, uint32_t to, sim_time when);
/* The same to a place that was kept for it: `room` counts it as taken already. */
void lan_fly_placed(struct lan *l, struct net_packet *p, uint32_t to, sim_time when);
/* As lan_fly, or lan_fly_placed, with what the terminal's link makes of so many bits, of which the
 * last crosses it at `when`, the first so long before. */
void lan_fly_over(struct lan *l, struct net_packet *p, uint32_t to, sim_time when, bool placed,
                  sim_time length, uint64_t bits);
/* As lan_fly, or lan_fly_placed, if links have done nothing to it (NET_OK); else the terminal does
 * not get it, and its place is free again. */
void lan_fly_with(struct lan *l, struct net_packet *p, uint32_t to, sim_time when,
                  enum net_status status, bool placed);
/* It reaches the terminal now. */
void lan_deliver(struct lan *l, struct net_packet *p, uint32_t to);
/* A terminal does not get it; of what nobody gets, the source's own is told. */
void lan_drop(struct lan *l, struct net_packet *p, uint32_t to, enum net_status why);

#endif
