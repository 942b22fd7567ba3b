/* policy.h: which block goes when another is needed: replacement policies of buffer caches.
 *
 * A cache tells its policy of each block that comes, is used and goes; the policy says which goes.
 * It looks at nothing else, so one policy serves the layer CACHE (os/file/cache.h) and the buffers
 * of os/lfs alike.  A block is known by its file's handle and its index in the file.
 *
 *   POL1  Whatever a policy says may go: it never names a block for which `may_go` is false, and
 *       names one while there is any.
 *   POL2  A policy may be asked for a victim many times before one goes: asking changes nothing
 *       that later answers hang on, but for the hand of the clock.
 *   POL3  What it remembers of blocks that are gone is bounded by twice the blocks of the cache.
 *   POL4  application: a program that hints loses no block of another's by it: what it has spared
 *       stands where what it gave up stood, and goes when that is missed [Cao, Felten & Li 1994].
 *
 * Sources: 2q is the full version of Johnson & Shasha, VLDB 1994; arc is Megiddo & Modha, FAST
 * 2003, which is later than the machines that this project is about: a yardstick; application is
 * LRU-SP of Cao, Felten & Li, OSDI 1994.
 * Not modelled: the time that a policy takes, but for a look-up among the blocks that are gone.
 */
#ifndef OS_FILE_POLICY_H
#define OS_FILE_POLICY_H

#include "os/file/file.h"

struct cache_entry { /* in the cache's own block */
    struct list link;
    uint64_t file, index; /* the cache's to set */
    void *own;
    uint8_t in; /* the policy's: `link`, `own` and this */
    bool ahead; /* nobody has asked for it yet */
};

/* Whose block of a file goes: hints of os/file/file.h from FILE_PRIORITY to FILE_PROGRAM. */
struct cache_advice {
    enum file_hint hint;
    uint64_t file, from, to; /* its blocks [from, to); to UINT64_MAX: all there is of it */
    uint64_t value;
};

struct cache_policy;
struct cache_policy_ops {
    struct kind kind; /* state_size: zeroed */
    void (*init)(struct cache_policy *p);
    void (*fini)(struct cache_policy *p); /* NULL: nothing is left when all blocks have left */
    void (*enter)(struct cache_policy *p, struct cache_entry *e);
    /* NULL: a use changes nothing.  first: it came ahead, and this is what it came for. */
    void (*used)(struct cache_policy *p, struct cache_entry *e, bool first);
    /* Which goes for that block, which is not there. */
    struct cache_entry *(*victim)(struct cache_policy *p, uint64_t file, uint64_t index);
    void (*left)(struct cache_policy *p, struct cache_entry *e, bool evicted);
    void (*demote)(struct cache_policy *p, struct cache_entry *e);
    void (*advise)(struct cache_policy *p, const struct cache_advice *a); /* NULL: not heard */
    void (*removed)(struct cache_policy *p, uint64_t file);               /* NULL: the same */
};

struct cache_policy {
    const struct cache_policy_ops *ops;
    struct port *port;
    uint32_t most; /* blocks of the cache */
    bool (*may_go)(struct cache_entry *e);
    void *state;
    uint64_t params[KIND_CHOICE_WORDS];
};

/* The policy, of file_cache_policies (os/file/policies.h), of a cache of `most` blocks. */
struct cache_policy *cache_policy_start(struct port *port, const struct kind_choice *choice,
                                        uint32_t most, bool (*may_go)(struct cache_entry *e));
void cache_policy_end(struct cache_policy *p); /* all blocks have left */
/* A block comes: because it was asked for, or ahead of that. */
void cache_policy_enter(struct cache_policy *p, struct cache_entry *e, bool ahead);
void cache_policy_used(struct cache_policy *p, struct cache_entry *e);
/* The block that goes for block `index` of the file; NULL: none may. */
struct cache_entry *cache_policy_victim(struct cache_policy *p, uint64_t file, uint64_t index);
/* A block goes: for another (it was the victim), or for a reason of its own. */
void cache_policy_left(struct cache_policy *p, struct cache_entry *e, bool evicted);
/* It is not needed for long: it goes before others of its kind. */
void cache_policy_demote(struct cache_policy *p, struct cache_entry *e);
void cache_policy_advise(struct cache_policy *p, const struct cache_advice *a);
void cache_policy_removed(struct cache_policy *p, uint64_t file); /* the file is no more */

/* ---- for policies ---- */

/* The first of a row that may go, or the last; NULL: none may. */
struct cache_entry *cache_policy_first(const struct cache_policy *p, struct list *row);
struct cache_entry *cache_policy_last(const struct cache_policy *p, struct list *row);

#endif
