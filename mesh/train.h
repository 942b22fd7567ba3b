/* train.h: frames that follow each other from one interface to another, reckoned together.
 *
 * A long message is some dozens of frames between the same two nodes.  While nobody else uses the
 * buses, the interfaces and the channels at its two ends, the way of each frame follows from that
 * of the ones before it by a few maxima and sums: no events are needed.  A train holds the frames,
 * reckons their ways and borrows what they use (sim_server_lend, net_ops.lend); as soon as anybody
 * else wants any of it the train is parted: what is past is booked with its own times, and each
 * frame that is on its way becomes an ordinary one, wherever it is by then.
 *
 *   TRAIN1  Every time, account and count is what it would be without a train, but for the order
 *       of two ends of service at one picosecond, which no model fixes.
 *   TRAIN2  Nobody reads or changes what a train has borrowed before it is given back.
 *
 * Frames of one packet over a network that lends its ways ("ideal", "worm").
 */
#ifndef MESH_TRAIN_H
#define MESH_TRAIN_H

#include "mesh/nic.h"

#define NIC_TRAIN_MAX 64 /* frames */

struct nic_leg { /* of one frame */
    struct nic_frame *frame;
    sim_time ready;      /* in: the moment of its nic_send */
    uint64_t sequence;   /* in: sim_sequence when it was called */
    bool at_once;        /* in: that moment is this one, and has come */
    sim_time start, out; /* transfer out of memory */
    struct net_passage net;
    sim_time pull, in; /* transfer into memory */
    uint32_t flits;
};

struct nic_train {
    struct nic *from, *to;
    /* Somebody else wants what it has borrowed: calls nic_train_part.  When the source alone is
     * wanted and all have left it, its part is given back without a call. */
    void (*wanted)(struct nic_train *t);
    uint32_t count; /* of legs, those whose way is reckoned */
    bool left;      /* private: the source has its things back */
    struct net_way way;
    struct sim_lent out_bus, in_bus;
    struct nic_leg legs[NIC_TRAIN_MAX];
};

/* The frames of legs[0 .. more), count being 0, are to be sent at `ready` (not falling, from now
 * on). Reckons their ways and borrows.  False, and nothing has happened: this cannot be reckoned
 * now. */
bool nic_train_begin(struct nic_train *t, uint32_t more) MUST_CHECK;
/* The same of legs[count .. count + more) behind those of a train that is on its way. */
bool nic_train_extend(struct nic_train *t, uint32_t more) MUST_CHECK;
/* Gives all back.  Afterwards legs[0 .. return) were sent, and the rest is the caller's again.  Of
 * those sent, the first *arrived are in memory and the caller's, too (nic_frame_free), and their
 * receiver was not called; the others are on their way as ever. */
uint32_t nic_train_part(struct nic_train *t, uint32_t *arrived);
/* Frames that have not left the transmit queue, in it or not yet; NULL: no train, none. */
uint32_t nic_train_waiting(const struct nic_train *t);
/* Gives back what a train that leaves n has borrowed from it; the same of what comes to it, too. */
void nic_train_leave(struct nic *n);
void nic_train_touch(struct nic *n);

#endif
