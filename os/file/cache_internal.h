/* cache_internal.h: private to the layer CACHE: its blocks and its jobs.
 *
 * A request is a job.  Jobs begin in order; a file's may be under way together but for those that
 * have it for themselves (`alone`), which begin when no job and no transfer of it is left.
 */
#ifndef OS_FILE_CACHE_INTERNAL_H
#define OS_FILE_CACHE_INTERNAL_H

#include "os/file/ahead.h"
#include "os/file/cache.h"
#include "os/file/pieces.h"
#include "os/file/policies.h"
#include "os/xk/map.h"

/* Ranges [lo, hi) of a block: rising, apart. */
struct cache_set {
    struct file_window *at;
    uint32_t count, room;
};
void cache_set_add(struct port *p, struct cache_set *s, uint64_t lo, uint64_t hi);
void cache_set_cut(struct port *p, struct cache_set *s, uint64_t lo, uint64_t hi);
bool cache_set_has(const struct cache_set *s, uint64_t lo, uint64_t hi); /* all of it */
/* The first range that ends behind `at`; NULL: none. */
const struct file_window *cache_set_from(const struct cache_set *s, uint64_t at);
void cache_set_clear(struct port *p, struct cache_set *s);

struct cache_block {
    struct list used;         /* of the cache, the last touched at the end */
    struct list of_file;      /* of its file */
    struct cache_entry entry; /* its policy's, with its index */
    struct cache_file *f;
    struct rope data;            /* `block` bytes, anything where it is not valid */
    struct cache_set valid;      /* dirty and out are parts of it */
    struct cache_set dirty, out; /* out: on its way down */
    struct list old;             /* of the cache's dirty ones */
    sim_time since;              /* it is one */
    uint32_t pins;               /* of jobs */
    bool reading;
    bool ended;             /* below, the file ends at or before the first byte that is not valid */
    enum file_status error; /* of the last reading, until no job needs it */
};

struct cache_file {
    struct list link, blocks;
    uint64_t file;
    uint64_t end;       /* it is at least so long: SIZE apart, by writes through the layer */
    uint64_t last;      /* no block behind this one has bytes below, as far as it is known */
    void *readers;      /* of read_ahead */
    enum file_hint way; /* FILE_AS_IT_COMES, FILE_SEQUENTIAL, FILE_RANDOM */
    enum file_status late;
    uint32_t jobs, transfers; /* under way */
    bool alone, blocked;
};

struct cache_seg { /* a part of a piece in one block */
    struct cache_block *b;
    uint64_t lo, hi;
};

struct cache_job {
    struct list link;
    struct cache *c;
    struct file_req *r;
    struct cache_file *f; /* NULL: of all files */
    struct cache_seg *segs;
    uint32_t count, room;
    uint32_t told;                    /* so many of its blocks the policy has heard of */
    bool alone, past, begun, behind;  /* behind: it waits for a READ of one of its blocks */
    void (*done)(struct file_req *r); /* the caller's */
    void *arg;
    sim_time part[FILE_PARTS];
};

struct cache {
    struct file_sys sys; /* first */
    struct cache_policy *policy;
    struct kind_choice read_ahead;
    uint64_t block;
    uint32_t most, dirty_most, ahead; /* blocks */
    uint32_t count, dirty_count;
    uint32_t cluster;   /* blocks; 0: none */
    sim_time age, idle; /* 0: never */
    bool on_close;
    sim_time asked;  /* the last READ or WRITE came */
    struct list old; /* dirty blocks, the one dirty longest first */
    struct port_timer behind;
    struct xk_map map; /* of blocks */
    struct list used, files;
    struct list waiting, reading, ended; /* jobs */
    uint32_t jobs, transfers;
    bool alone; /* a job that has all files for itself */
    bool pumping, again, submitting;
    struct port_timer timer;
    struct {
        uint64_t hits, misses, ahead, ahead_used, evicted, written, fetched, past;
    } counts;
};

/* ---- cache_block.c ---- */
enum {
    CACHE_GROUP = 64
}; /* blocks of a transfer at most: ASSUMED(a transfer long enough for any disk) */

bool cache_free_to_go(const struct cache_block *b);
struct cache_policy *cache_policy_of(struct port *port, const struct kind_choice *policy,
                                     uint32_t most);
struct cache_file *cache_file_of(struct cache *c, uint64_t file);
void cache_file_end(struct cache *c, struct cache_file *f); /* it has no blocks */
struct cache_block *cache_find(struct cache *c, struct cache_file *f, uint64_t index);
/* A new block, in the place of one that may go; NULL: none may.  ahead: nobody asks for it yet. */
struct cache_block *cache_take(struct cache *c, struct cache_file *f, uint64_t index, bool ahead);
void cache_use(struct cache *c, struct cache_block *b); /* it is asked for again */
void cache_drop(struct cache *c, struct cache_block *b);
void cache_dirtied(struct cache *c, struct cache_block *b); /* it is about to be, maybe more */
void cache_cleaned(struct cache *c, struct cache_block *b); /* of one that was dirty */
void cache_put(struct cache *c, struct cache_block *b, uint64_t lo, struct rope *data);
/* Forgets all that is not dirty, */
void cache_refresh(struct cache *c, struct cache_file *f);
/* as far as it lies in the bytes of a FILE_REFRESH. */
void cache_refresh_some(struct cache *c, struct cache_file *f, const struct file_req *r);
/* Bytes of a FILE_PROPAGATE or FILE_REFRESH in the block: it is told of each range, from its start,
 * `fn` NULL: of none; false: there are none. */
bool cache_hint_in(const struct cache *c, const struct file_req *r, uint64_t index,
                   void (*fn)(void *arg, uint64_t lo, uint64_t hi), void *arg);
void cache_forget(struct cache *c, struct cache_file *f); /* and that, too */

/* The blocks of a list are told one by one, in its order, until `fn` says false. */
bool cache_each_block(const struct cache *c, const struct file_req *r,
                      bool (*fn)(void *arg, uint64_t index, uint64_t lo, uint64_t hi), void *arg);

/* ---- cache_move.c: transfers between the layer and what is below; at their end cache_pump ---- */
/* Reads `count` blocks from `first` on, which are there and not being read. */
void cache_read(struct cache *c, struct cache_file *f, struct cache_block *const *blocks,
                uint32_t count);
/* The dirty bytes of these blocks, which rise, CACHE_GROUP at most: one request. */
void cache_write(struct cache *c, struct cache_file *f, struct cache_block *const *blocks,
                 uint32_t count);
/* What is dirty of the file goes down, but for blocks of which something is on its way; r: of
 * blocks with bytes of that FILE_PROPAGATE alone, NULL: of all. */
void cache_write_all(struct cache *c, struct cache_file *f, const struct file_req *r);
/* The oldest dirty blocks go down, until `least` fewer are dirty. */
void cache_write_some(struct cache *c, uint32_t least);

/* ---- cache_ahead.c ---- */
void cache_read_ahead(struct cache_job *j); /* of a READ */
void cache_will_read(struct cache_job *j);  /* of a hint: its runs */

/* ---- cache_behind.c ---- */
void cache_behind_init(struct cache *c);
void cache_clusters(const struct cache_job *j); /* of a WRITE: what goes for its blocks are whole */
void cache_behind(struct cache *c);             /* more may be dirty than should */
void cache_behind_later(struct cache *c);       /* something may have to go at some time */

/* ---- cache.c ---- */
void cache_pump(struct cache *c);

#endif
