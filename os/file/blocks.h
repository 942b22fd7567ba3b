/* blocks.h: the store of blocks that every cache of files here is made of.
 *
 * It keeps at most `most` blocks in memory, finds them by space and index, says which goes when
 * another is needed, and when what was written goes down.  Whose bytes they are, from where they
 * come and where they go is its owner's: the layer CACHE (os/file/cache.h), the buffers of os/lfs,
 * those of Vesta's stores (os/vesta/store.h).  A block is of a file; of its bytes some are valid,
 * of these some dirty (what lies below has not got them), and others out (on their way there).
 *
 *   absent  --take-->  empty  --put-->  clean  --dirty-->  dirty  --out-->  out  --down-->  clean
 *   empty, clean  --take_row-->  coming  --came-->  clean
 *   out  --dirty-->  out and dirty  --down-->  dirty
 *   clean  --needed for another, drop-->  absent
 *
 *   BLOCKS1  It never holds more than `most` blocks.
 *   BLOCKS2  A block that is pinned, waited for, coming, dirty or out does not go for another.
 *   BLOCKS3  Of a block one transfer is under way at a time: what is dirtied while it is out goes
 *            down by another.
 *   BLOCKS4  What is to be used yet (fresh) is spared when blocks go, until `spared` times the
 *            store has been fetched, or nothing else may go.
 *
 * Work named: `priced`, a look-up where the block found last is another's (os/xk/map.h); else none.
 * Upcalls only; nothing blocks.
 */
#ifndef OS_FILE_BLOCKS_H
#define OS_FILE_BLOCKS_H

#include "os/file/ahead.h"
#include "os/file/pieces.h"
#include "os/file/policies.h"

/* ---- ranges [lo, hi) of a block: rising, apart ---- */

struct block_set {
    struct file_window *at; /* NULL: none, or the one */
    struct file_window one;
    uint32_t count, room;
};
/* Its ranges, `count` of them; good until it changes. */
static inline const struct file_window *block_ranges(const struct block_set *s)
{
    return s->at != NULL ? s->at : &s->one;
}
/* These bytes, too; those no more. */
void block_set_add(struct port *p, struct block_set *s, uint64_t lo, uint64_t hi);
void block_set_cut(struct port *p, struct block_set *s, uint64_t lo, uint64_t hi);
bool block_set_has(const struct block_set *s, uint64_t lo, uint64_t hi); /* all of it */
/* The first range that ends behind `at`; NULL: none. */
const struct file_window *block_set_from(const struct block_set *s, uint64_t at);
void block_set_clear(struct port *p, struct block_set *s); /* none */

/* ---- blocks ---- */

struct block_key {
    struct block_key *chain; /* the store's */
    uint64_t space, index;
};

/* A file, in its owner's.  Its space stays; of `id` blocks keep the one they came with. */
struct block_file {
    struct block_key key; /* its space */
    struct list blocks;   /* as `used` of the store */
    uint64_t id;          /* for policies */
    uint32_t dirty;       /* blocks */
    enum file_hint way;   /* FILE_AS_IT_COMES, FILE_SEQUENTIAL, FILE_RANDOM */
    struct list opens;    /* block_open.link: the last that read or said how first */
};

/* How it is read by who has it open; one for all unless read_ahead is by_open. */
struct block_open {
    struct list link;
    uint64_t stream;    /* of file_req */
    enum file_hint way; /* FILE_HINT_COUNT: that of the file */
    uint64_t state[];   /* of read_ahead */
};
/* Of more of a file the one that read least recently is forgotten; ASSUMED(programs of a machine's
 * part beside each other) */
enum { BLOCKS_OPENS = 64 };

struct block {
    struct block_key key;
    struct list used, of_file; /* the last touched at the end */
    struct list old;           /* of the store's dirty ones */
    struct list waiters;       /* the owner's: for what is under way */
    struct cache_entry entry;
    struct block_file *f;
    struct rope data;                   /* a block, anything where it is not valid */
    struct block_set valid, dirty, out; /* the last two are parts of the first */
    sim_time since;                     /* it is dirty */
    uint64_t born;                      /* counts.fetched before it came */
    uint32_t pins;                      /* the owner's */
    bool reading, fresh;
    bool ended;             /* the owner's: below, the file ends before what is not valid */
    enum file_status error; /* the owner's: of the last fetch */
};

enum {
    BLOCKS_GROUP = 64
}; /* blocks of a transfer at most: ASSUMED(a transfer long enough for any disk) */

struct blocks;
struct blocks_ops {
    /* The dirty bytes of these blocks of a file, which rise, go down: says blocks_out of each now,
     * and blocks_down of each once that has ended.  NULL: the owner never has dirty bytes. */
    void (*write)(struct blocks *s, struct block_file *f, struct block *const *row, uint32_t count);
    /* Whether b, of the index behind a, may go down in one transfer with it.  NULL: always. */
    bool (*beside)(struct blocks *s, const struct block *a, const struct block *b);
    /* It leaves, clean or not: who waits for it is told.  NULL: nobody waits. */
    void (*leaves)(struct blocks *s, struct block *b);
};

struct blocks {
    const struct blocks_ops *ops;
    struct port *port;
    struct cache_policy *policy;
    uint64_t block; /* bytes; of a block device's known when it is mounted */
    uint32_t most, count, dirty_count, fresh_count;
    uint64_t unsaved; /* bytes that are dirty or out; of a block that is both, twice */
    struct list used; /* the last touched at the end */
    struct list old;  /* dirty ones, the one dirty longest first */
    /* set by the owner after blocks_init; zeros: nothing is spared, no trigger but for `dirty` */
    bool priced;
    uint32_t spared; /* BLOCKS4 */
    struct kind_choice read_ahead;
    uint32_t ahead;      /* blocks at most */
    bool lists;          /* one transfer may have blocks that are not in a row */
    uint32_t group;      /* blocks of a transfer at most, */
    uint32_t back;       /* and before the one that has to go */
    uint32_t dirty_most; /* more do not wait, */
    uint32_t dirty_left; /* then so many still may; UINT32_MAX: one transfer is enough */
    uint32_t cluster;    /* whole blocks in a row that go at once, 0: none */
    sim_time age, idle;  /* after which they go; 0: never */
    sim_time asked;      /* the last READ or WRITE came */
    struct port_timer behind;
    /* private */
    struct block_key **slots, *hit;
    uint32_t slot_count, keys;
    struct {
        uint64_t hits, misses, ahead, ahead_used, evicted, written, fetched, past, failed;
    } counts; /* evicted, written and fetched are the store's, the others for its owner */
};

/* Parameters of an owner's, whose struct has these names. */
#define BLOCKS_PARAMS(type)                                                                        \
    P_KIND(type, policy, "lru", file_cache_policies, "Which block goes when another is needed."),  \
        P_REAL(type, dirty_fraction, "0.5", "0", "1",                                              \
               "Of the blocks: no more of them wait to be written.", "ASSUMED(half)"),             \
        P_TIME(type, age, "0", "0", "1h",                                                          \
               "What has waited so long goes down; 0: no matter how long.",                        \
               "UNIX: update writes after 30 s; ASSUMED(none: other triggers are enough)"),        \
        P_TIME(type, idle, "0", "0", "1h",                                                         \
               "All goes down when nobody has read or written for so long; 0: never.",             \
               "ASSUMED(none: other triggers are enough)"),                                        \
        P_INT(type, cluster, "0", "0", "64",                                                       \
              "So many blocks in a row, at a multiple of that, go down once all their bytes were " \
              "written; 0: they wait as others do.",                                               \
              "[McVoy & Kleiman 1991]: a cluster of 56 KB, 7 blocks")
/* The store is told them. */
#define BLOCKS_BEHIND(s, p)                                                                        \
    blocks_behind_init(s, (p)->dirty_fraction, (p)->cluster, (p)->age, (p)->idle)

/* Of `most` blocks of `block` bytes, which go by `policy` (no kind: lru).  Then comes
 * blocks_behind_init. */
void blocks_init(struct blocks *s, struct port *port, const struct blocks_ops *ops, uint64_t block,
                 uint32_t most, const struct kind_choice *policy);
void blocks_fini(struct blocks *s); /* there is no block */
/* A file of no blocks. */
void block_file_init(struct block_file *f, uint64_t space, uint64_t id);
/* It is no more, or another's soon: policies forget it, and how it was read. */
void blocks_file_gone(struct blocks *s, struct block_file *f);
/* It is found by its space (blocks_file), until it is unbound. */
void blocks_file_bind(struct blocks *s, struct block_file *f);
void blocks_file_unbind(struct blocks *s, struct block_file *f);
struct block_file *blocks_file(struct blocks *s, uint64_t space); /* NULL: none is bound */

/* The block of that index in the space of the file; NULL: it is not there. */
struct block *blocks_look(struct blocks *s, uint64_t space, uint64_t index);
static inline struct block *blocks_find(struct blocks *s, const struct block_file *f,
                                        uint64_t index)
{
    return s->count == 0 && !s->priced ? NULL : blocks_look(s, f->key.space, index);
}
/* A new one, empty, in the place of one that may go; NULL: none may (BLOCKS2).  ahead: nobody has
 * asked for it yet. */
struct block *blocks_take(struct blocks *s, struct block_file *f, uint64_t index, bool ahead);
/* New ones, coming, ahead and fresh, for those of [from, to) that are not there, as far as there is
 * room; how many.  gaps: it goes on behind one that is there.  *full: there was no room. */
uint32_t blocks_take_row(struct blocks *s, struct block_file *f, uint64_t from, uint64_t to,
                         bool gaps, struct block **row, bool *full);
void blocks_use(struct blocks *s, struct block *b);  /* it is asked for: the policy hears of it */
void blocks_had(struct blocks *s, struct block *b);  /* it is not fresh any more */
void blocks_drop(struct blocks *s, struct block *b); /* no transfer is under way */
/* It is another file's from now on. */
void blocks_give(struct blocks *s, struct block *b, struct block_file *f);
bool block_may_go(const struct block *b); /* BLOCKS2 */
/* Counts all there is, of files that have so many dirty ones: false with a sentence.  For tests and
 * audits. */
bool blocks_check(const struct blocks *s, uint32_t dirty, struct err *e) MUST_CHECK;

/* Puts bytes at `lo`, which are valid then; takes the data. */
void blocks_put(struct blocks *s, struct block *b, uint64_t lo, struct rope *data);
/* The same, but where it has bytes, which are newer: what was read. */
void blocks_fill(struct blocks *s, struct block *b, struct rope *data);
/* Valid bytes are dirty; no byte is. */
void blocks_dirty(struct blocks *s, struct block *b, uint64_t lo, uint64_t hi);
void blocks_clean(struct blocks *s, struct block *b);
void blocks_out(struct blocks *s, struct block *b);  /* what is dirty is out (BLOCKS3), */
void blocks_down(struct blocks *s, struct block *b); /* and out no more */

/* Dirty, and no byte is out. */
static inline bool block_writable(const struct block *b)
{
    return b != NULL && b->dirty.count > 0 && b->out.count == 0;
}

/* ---- read-ahead ---- */

/* At most `blocks` of them, by `policy` (no kind: the one of that name). */
void blocks_ahead_init(struct blocks *s, int64_t blocks, const struct kind_choice *policy,
                       const char *plain);
/* What is worth reading after the READ r, of `blocks` blocks in [off, end), by the policy of
 * read-ahead; before: the block before the first is there, or there is none. */
void blocks_plan(struct blocks *s, struct block_file *f, const struct file_req *r, uint64_t off,
                 uint64_t end, uint64_t blocks, bool before, struct ahead_plan *plan);
/* The same for an owner that is asked once the blocks of the READ are on their way: how many behind
 * it; *plan says what is farther away.  list: behind one of several pieces; where it goes on from
 * what is there.  None while half of the blocks are to be used yet. */
uint32_t blocks_worth(struct blocks *s, struct block_file *f, const struct file_req *r,
                      uint64_t off, uint64_t end, bool list, bool before, struct ahead_plan *plan);
/* What was read ahead of it is not there any more. */
void blocks_forget_readers(struct blocks *s, struct block_file *f);
/* FILE_AS_IT_COMES, FILE_SEQUENTIAL, FILE_RANDOM: of the file, or of who has it open. */
void blocks_way(struct blocks *s, struct block_file *f, const struct file_req *r);
/* FILE_CLOSED: of who had it open. */
void blocks_closed(struct blocks *s, struct block_file *f, const struct file_req *r);

/* ---- hints ---- */

bool blocks_hint_of_all(const struct file_req *r); /* FILE_PROPAGATE, FILE_REFRESH: all bytes */
/* Bytes of one in the block: it is told of each range, from its start, `fn` NULL: of none; false:
 * there are none. */
bool blocks_hint_in(const struct blocks *s, const struct file_req *r, uint64_t index,
                    void (*fn)(void *arg, uint64_t lo, uint64_t hi), void *arg);
/* Blocks that lie in the runs go, or go first. */
void blocks_wont_need(struct blocks *s, struct block_file *f, const struct file_req *r);
/* FILE_PRIORITY ... FILE_PROGRAM of a list: each piece is told as a whole. */
void blocks_advise(struct blocks *s, const struct file_req *r);

/* ---- what was written goes down (blocks_behind.c) ---- */

/* What is dirty of the file goes down, but for blocks that are out; r: of blocks with bytes of that
 * FILE_PROPAGATE alone, and what lies beside them; NULL: of all. */
void blocks_write_file(struct blocks *s, struct block_file *f, const struct file_req *r);
/* Those used least recently, and what lies beside them, until `least` fewer are dirty. */
void blocks_write_some(struct blocks *s, uint32_t least);
/* These bytes were written: what goes for its cluster is whole. */
void blocks_cluster(struct blocks *s, const struct block *b);
/* dirty_left is such that one transfer is enough. */
void blocks_behind_init(struct blocks *s, double dirty_fraction, int64_t cluster, sim_time age,
                        sim_time idle);
void blocks_behind_fini(struct blocks *s);  /* nothing goes by itself any more */
void blocks_behind(struct blocks *s);       /* more may be dirty than should */
void blocks_behind_later(struct blocks *s); /* something may have to go at some time */

#endif
