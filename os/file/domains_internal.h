/* domains_internal.h: private to os/file/: the layer DOMAINS (prefix.h) of one node. */
#ifndef OS_FILE_DOMAINS_INTERNAL_H
#define OS_FILE_DOMAINS_INTERNAL_H

#include "os/file/prefix.h"
#include "os/xk/map.h"
#include "os/xk/peers.h"

enum seat_state {
    SEAT_STANDBY, /* another node may have the domain */
    SEAT_ASKING,  /* who has it? */
    SEAT_HERE     /* this one */
};

struct served { /* a seat of this node */
    struct domains *d;
    uint32_t seat, domain, place; /* place: in the domain's list */
    uint64_t root;                /* of its file system */
    enum seat_state state;
    uint32_t round, left; /* of asking: calls that have not ended */
    bool beaten;          /* another one has it, or will */
    bool again;           /* what was heard may be old */
};

struct remote_link { /* a name on the way to a domain that hangs in one of this node's */
    struct list link;
    uint64_t dir, file; /* of this node's file system */
    char name[FILE_NAME_MAX + 1];
    uint32_t domain; /* that it leads to; UINT32_MAX: it is a directory above such a one */
};

struct domains {
    struct file_sys sys; /* first */
    struct xk_protl *rpc;
    struct prefixes x;
    struct served *served;
    uint32_t served_count;
    struct served **of_seat; /* NULL: another node's */
    struct xk_map links;     /* file -> struct remote_link */
    struct list link_list;
    bool ready;              /* its directories and remote links are there, */
    enum file_status broken; /* or why not */
    struct list queue;       /* waits.link: until then */
    struct list ended;       /* passing.link: to be ended at once */
    struct list again;       /* claims */
    struct port_timer ends, calls;
    sim_time retry_delay;
    struct {
        uint64_t asks, names, links, refused, taken;
    } counts;
};

/* domains_set_up.c: makes the directories and remote links that are not there, and then calls
 * `done`. */
void domains_set_up(struct domains *d, void (*done)(struct domains *d));
/* domains_claim.c: PFX5.  At the boot: which of the seats have their domain. */
void domains_claim(struct domains *d);
void domains_claim_serve(struct domains *d, struct select_request *q, struct rope *args);
void domains_peer_changed(void *arg, uint32_t host, uint32_t life, bool alive);
void domains_calls_again(struct port_timer *t);

extern const struct file_ops file_domains;

#endif
