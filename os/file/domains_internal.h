/* domains_internal.h: private to os/file/: the layer DOMAINS (prefix.h) of one node. */
#ifndef OS_FILE_DOMAINS_INTERNAL_H
#define OS_FILE_DOMAINS_INTERNAL_H

#include "os/file/prefix.h"
#include "os/xk/map.h"
#include "os/xk/peers.h"

enum seat_state {
    SEAT_STANDBY, /* another node may have the domain */
    SEAT_ASKING,  /* who has it? */
    SEAT_TELLING, /* this one, once all have forgotten its names: PFX7 */
    SEAT_HERE     /* this one */
};

struct served { /* a seat of this node */
    struct domains *d;
    uint32_t seat, domain, place; /* place: in the domain's list */
    uint64_t root;                /* of its file system */
    enum seat_state state;
    uint32_t round, left; /* of asking and telling: calls that have not ended */
    bool beaten;          /* another one has it, or will */
    bool again;           /* what was heard may be old */
};

struct remote_link { /* a name on the way to a domain that hangs in one of this node's */
    struct list link;
    uint64_t dir, file; /* of this node's file system */
    char name[FILE_NAME_MAX + 1];
    uint32_t domain; /* that it leads to; UINT32_MAX: it is a directory above such a one */
};

enum { KEYS_MAX = 4, DENIED_MAX = 8 };

/* A change that waits until nobody keeps what it changes. */
struct change {
    struct list link; /* in domains.changes, while it waits */
    uint64_t key[KEYS_MAX];
    uint32_t keys;
    uint32_t from; /* the node that makes a name keeps its own token; OS_NO_RANK: none does */
    bool runs;
    void (*go)(struct change *c);
};

/* A request that wants tokens: handles that a change has come for since it began. */
struct wish {
    struct list link;
    uint32_t host, life; /* whose it is */
    uint64_t denied[DENIED_MAX];
    uint32_t denials; /* more than there is room for: all */
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
    const struct os_boot *boot;
    bool keeps;                                      /* somebody's layer PREFIX keeps names */
    uint32_t renames;                                /* under way: no attributes are granted */
    struct xk_map held;                              /* handle -> struct held */
    struct xk_map parents;                           /* file -> struct child */
    struct list held_list, changes, wishes, forgets; /* forgets: calls, to be made again */
    struct port_timer ends, calls;
    sim_time retry_delay;
    struct {
        uint64_t asks, names, links, refused, taken, grants, recalls, waits;
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

/* domains_held.c: tokens of handles (PFX6), when somebody keeps names. */
void held_init(struct domains *d, const struct os_boot *b);
/* The change begins: c->go is called once nobody has any of its keys, at once or later. */
void held_change(struct domains *d, struct change *c);
/* It has ended. */
void held_changed(struct domains *d, struct change *c);
/* Nothing of what is under way is granted. */
void held_deny_all(struct domains *d);
void held_wish(struct domains *d, struct wish *w);     /* a request begins that wants tokens */
void held_wish_end(struct domains *d, struct wish *w); /* it has its answer */
/* It looks at what is under the token of a handle now. */
void held_look(struct domains *d, struct wish *w, uint64_t handle);
/* Grants it, if nothing has come between; `file` (0: none) is what a name there is. */
bool held_grant(struct domains *d, const struct wish *w, uint64_t handle, uint64_t file);
/* The change has made this file; who keeps its token of the directory keeps the name. */
void held_made(struct domains *d, const struct change *c, uint64_t file);
/* The directory of a file that somebody may keep a name of; 0: nobody does. */
uint64_t held_parent(struct domains *d, uint64_t file);
void held_gone(struct domains *d, uint32_t host); /* it has died */
void held_again(struct domains *d);               /* calls that are to be made again */
/* All keepers forget what they have of the domain; `done` once they have. */
void held_tell_all(struct served *s, void (*done)(struct served *s));

extern const struct file_ops file_domains;

#endif
