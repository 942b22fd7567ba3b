/* cache_internal.h: private to the layer CACHE: its files and its jobs.
 *
 * A request is a job.  Jobs begin in order; a file's may be under way together but for those that
 * have it for themselves (`alone`), which begin when no job and no transfer of it is left.
 */
#ifndef OS_FILE_CACHE_INTERNAL_H
#define OS_FILE_CACHE_INTERNAL_H

#include "os/file/blocks.h"
#include "os/file/cache.h"

struct cache_file {
    struct list link;
    struct block_file kept; /* its space: the file's handle */
    uint64_t file;
    uint64_t end;  /* it is at least so long: SIZE apart, by writes through the layer */
    uint64_t last; /* no block behind this one has bytes below, as far as it is known */
    enum file_status late;
    uint32_t jobs, transfers; /* under way */
    bool alone, blocked;
};

struct cache_seg { /* a part of a piece in one block */
    struct block *b;
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
    struct blocks store;
    bool on_close;
    struct list files;
    struct list waiting, reading, ended; /* jobs */
    uint32_t jobs, transfers;
    bool alone; /* a job that has all files for itself */
    bool pumping, again, submitting;
    struct port_timer timer;
};

/* ---- cache_file.c ---- */
struct cache_file *cache_file_of(struct cache *c, uint64_t file);
void cache_file_end(struct cache *c, struct cache_file *f); /* it has no blocks */
/* Forgets all that is not dirty, */
void cache_refresh(struct cache *c, struct cache_file *f);
/* as far as it lies in the bytes of a FILE_REFRESH. */
void cache_refresh_some(struct cache *c, struct cache_file *f, const struct file_req *r);
void cache_forget(struct cache *c, struct cache_file *f); /* and that, too */

/* The blocks of a list are told one by one, in its order, until `fn` says false. */
bool cache_each_block(const struct cache *c, const struct file_req *r,
                      bool (*fn)(void *arg, uint64_t index, uint64_t lo, uint64_t hi), void *arg);

/* ---- cache_move.c: transfers between the layer and what is below; at their end cache_pump ---- */
extern const struct blocks_ops cache_blocks;
/* Reads `count` blocks, which rise and are not on their way yet. */
void cache_read(struct cache *c, struct cache_file *f, struct block *const *blocks, uint32_t count);

/* ---- cache_ahead.c ---- */
void cache_read_ahead(struct cache_job *j); /* of a READ */
void cache_will_read(struct cache_job *j);  /* of a hint: its runs */

/* ---- cache.c ---- */
void cache_pump(struct cache *c);

#endif
