/* link.h: what can fail of a network of stations: links, and parts such as switches and chips.
 *
 *   faults = { { path = "station 3", action = "down", at = "1s", after = "20ms" },
 *              { path = "station 5", action = "errors", ber = 1e-7, at = "0" } }
 *
 * A link that is down carries nothing, and one with errors damages each bit with the same chance,
 * independently.  A packet's fate on a link is known when its last bit has crossed:
 *
 *   LINK1  It is lost if the link was down at a moment from that of its first bit to before that
 *       of its last.  A fault comes after all else of its moment: who begins as the link comes up
 *       finds it down, who ends as it goes down has ended.  So nothing depends on the order of
 *       events.
 *   LINK2  Else it is damaged if one of its bits is.  Without errors nothing is drawn.
 *
 * Of two entries of one link that overlap the last word holds.
 */
#ifndef MESH_LINK_H
#define MESH_LINK_H

#include "mesh/net.h"
#include "sim/fault.h"
#include "sim/rng.h"

struct net_link {
    struct sim *sim;
    bool down;
    sim_time up_since;    /* it was down before, for the last time; -1: never */
    double ber;           /* bit errors, of the bits */
    uint64_t until_error; /* bits that pass before the next; valid while ber > 0 */
    struct sim_rng rng;
    void (*changed)(void *arg); /* down, up or other errors, at that moment; NULL: nobody asks */
    void *arg;
};

/* A link that works; its errors are drawn from stream `name` of that index. */
void net_link_init(struct net_link *l, struct sim *s, const char *name, uint64_t index);

/* What became of a packet of so many bits whose first bit entered the link at `begin`, and whose
 * last crosses it now: NET_OK, NET_DROPPED_FAULT or NET_DROPPED_DAMAGED.  Once for each. */
enum net_status net_link_fate(struct net_link *l, sim_time begin, uint64_t bits);

/* The same of the errors alone: is a packet of so many bits damaged? */
bool net_link_damages(struct net_link *l, uint64_t bits);

/* What can happen to a target: down, up and errors; down and up; errors. */
enum net_link_can { NET_LINK_ALL, NET_LINK_DOWN, NET_LINK_ERRORS };
/* A target of one link, or of two that are one for the user (both ways); b: NULL, or the other. */
void net_link_target(struct sim_faults *f, const char *path, enum net_link_can can,
                     struct net_link *a, struct net_link *b);
/* The same with a number behind the word. */
void net_link_target_number(struct sim_faults *f, const char *word, uint32_t number,
                            enum net_link_can can, struct net_link *a, struct net_link *b);

#endif
