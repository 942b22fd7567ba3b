/* arp_internal.h: private to os/proto/arp/: state and wire image.
 *
 * Message, 28 bytes, big-endian [RFC 826]:
 *   0  u16      hardware: 1, Ethernet
 *   2  u16      protocol: 0x0800, IP
 *   4  u8, u8   bytes of an address of each: 6, 4
 *   6  u16      operation
 *   8  6 bytes  sender's station   14  u32  sender's address
 *  18  6 bytes  target's station   24  u32  target's address
 *
 * States of an entry, and what changes them:
 *   ARP_NEW     nothing is known             a push: ASKING
 *   ARP_ASKING  a request is out             told: KNOWN; `tries` without: DOWN
 *   ARP_KNOWN   its station                  told: the newer; older than `age`: a push: ASKING
 *   ARP_DOWN    did not answer               told: KNOWN; after `down`: a push: ASKING
 */
#ifndef OS_PROTO_ARP_ARP_INTERNAL_H
#define OS_PROTO_ARP_ARP_INTERNAL_H

#include "os/proto/arp/arp.h"
#include "os/xk/keyed.h"

#define ARP_MESSAGE 28
_Static_assert(ARP_MESSAGE == 2 + 2 + 1 + 1 + 2 + 6 + 4 + 6 + 4, "the wire image of ARP");

enum { ARP_REQUEST = 1, ARP_REPLY = 2, ARP_WHO = 8, ARP_WHO_REPLY = 9 }; /* 8, 9: RFC 1293 */

struct arp_message {
    uint16_t operation;
    uint32_t sender, target;                 /* addresses */
    uint32_t sender_station, target_station; /* */
};

struct arp_params {
    const char *address; /* network and prefix */
    const struct val *hosts, *nodes;
    int64_t server; /* station that is asked where there is no broadcast */
    sim_time retry, age, down;
    int64_t tries, queue, entries, idle;
    bool announce;
};

enum arp_known { ARP_NEW, ARP_ASKING, ARP_KNOWN, ARP_DOWN };

struct arp_entry {
    uint32_t address, station;
    uint32_t refs;  /* sessions */
    uint32_t tried; /* requests since it was last known */
    uint32_t kept_count;
    uint8_t state;    /* enum arp_known */
    sim_time at;      /* ASKING: the next request; KNOWN: told then; DOWN: until then */
    struct list link; /* ASKING: in arp_state.asking; without sessions else: in .spare */
    struct list kept; /* of arp_kept, oldest first */
};

struct arp_kept {
    struct list link;
    struct xk_sessn *sessn; /* counted */
    struct xk_msg msg;
};

struct arp_sessn {
    struct arp_key {
        uint32_t address; /* 0: of whoever, for an upper with a type */
        uint16_t type, upper;
    } key;
    uint32_t station;        /* of down[0] */
    struct arp_entry *entry; /* NULL: whoever, or all */
};
_Static_assert(sizeof(struct arp_key) == 8, "a key has no padding");

struct arp_state {
    const struct arp_params *params;
    struct inet_network network;
    uint32_t station;       /* own */
    uint32_t address;       /* own; 0: none, or the node is not on the network */
    bool broadcast, server; /* the network can; this is the station that is asked */
    uint64_t frame;         /* what ETH takes from an upper with a type */
    struct xk_sessn *ask;   /* of ETH: to all, or to the server; NULL: nobody to ask */
    struct xk_types types;
    struct xk_keyed sessns;
    struct xk_map by_address, by_station; /* of arp_entry; the latter: KNOWN */
    struct list asking;                   /* in the order of `at` */
    struct list spare;                    /* oldest first */
    struct port_timer timer;
    struct xk_sessn *lost_on; /* while its upper is told */
    struct list *lost;
    struct {
        uint64_t requests, replies, passed, requests_in, replies_in, announced, kept, overflow,
            unresolved, resolved, failed, unknown, conflicts, bad, nobody;
    } counts;
};

/* arp_sessn.c */
struct arp_entry *arp_entry_find(struct arp_state *st, uint32_t address);
struct arp_entry *arp_entry_get(struct xk_protl *self, uint32_t address); /* made where missing */
void arp_entry_told(struct xk_protl *self, struct arp_entry *e, uint32_t station);
struct xk_sessn *arp_sessn_get(struct xk_protl *self, struct xk_protl *upper, uint32_t address,
                               uint32_t type, bool *fresh);
bool arp_send(struct xk_sessn *down, const struct arp_message *a);   /* false: busy */
bool arp_host_address(const struct arp_state *st, uint32_t address); /* of one host here */

void arp_entry_hold(struct arp_entry *e); /* a session more */
void arp_ask(struct xk_protl *self, struct arp_entry *e);
void arp_timer(struct port_timer *t);
void arp_sessn_forget(struct xk_sessn *s);

/* arp_input.c */
void arp_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m);

/* arp_hosts.c */
bool arp_check(const struct arp_params *p, const char *at, struct err *e);
/* Would the node have an address but for `hosts`, which gives it to another? */
bool arp_taken(const struct arp_params *p, uint32_t node, uint32_t *address, uint32_t *by);
extern const struct param arp_params_desc[];

#endif
