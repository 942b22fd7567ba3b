/* files_internal.h: private to the layer HSM: its files, and who works on them.
 *
 * Upcalls serve what needs no commit; a thread of the file serves the rest, one request after the
 * other; one thread, the mover, migrates, purges and cleans up.  Calls marked (block) are made in a
 * thread.
 */
#ifndef OS_HSM_FILES_INTERNAL_H
#define OS_HSM_FILES_INTERNAL_H

#include "os/file/pieces.h"
#include "os/hsm/files.h"
#include "os/hsm/index.h"
#include "os/hsm/prefetch.h"
#include "os/hsm/replace.h"
#include "os/xk/map.h"

#define HSM_PIECES 1024 /* of a file, at most; ASSUMED(a record of some hundred bytes) */

struct hsm_record { /* as it is on the device, or on its way there */
    uint64_t file;
    uint64_t bitfile; /* its number, plus one; 0: none */
    uint64_t other;   /* another that is to be removed if the node dies, plus one; 0: none */
    uint64_t tape;    /* bytes of the bitfile */
    uint64_t size;    /* of the file, unless it is whole */
    sim_time mtime;   /* while it is not dirty */
    sim_time pinned;  /* until then; */
    uint32_t pins;    /* and so often for ever */
    bool whole, dirty, kept;
    uint8_t here[HSM_PIECES / 8]; /* of one that is dirty and not whole */
};

enum { PIECE_HERE = 1, PIECE_COMING = 2, PIECE_ASKED = 4, PIECE_WANTED = 8, PIECE_OVER = 16 };

struct hsm_file {
    struct list link; /* of hsm.files, or of hsm.gone */
    struct hsm *h;
    uint64_t slot; /* of its record; 0: it has none */
    struct hsm_record rec;
    uint64_t size;    /* known so far */
    uint64_t charged; /* of hsm.used */
    bool whole;       /* all its bytes are here */
    bool dirty;       /* there is a bitfile, and it is not what the file is */
    /* Of one that is not whole: flags of each piece that the bitfile has. */
    uint8_t *piece;
    uint32_t pieces;
    uint8_t *early; /* of each of early_count pieces: it was pulled, and nobody has asked for it */
    uint32_t early_count;
    struct list queue;             /* struct hsm_item, in order */
    struct list needs;             /* struct hsm_need: of threads */
    struct hsm_room *room;         /* that its next pull waits for; NULL: it does not */
    uint32_t busy, writing, pulls; /* requests below; of these, changes; pulls under way */
    uint64_t changes;
    bool serving;     /* a thread is in its queue, */
    bool begging;     /* and waits for room, */
    uint32_t holding; /* or has some that nothing takes yet */
    uint32_t commits; /* under way: what rec says may not be on the device yet */
    bool alone;       /* nothing of the queue begins */
    bool moving;      /* the mover, or a migration, is at it; */
    bool migrating;   /* the latter, whose bitfile is `other`, */
    bool by_mover;    /* for the mover, which waits for no room */
    bool gone;        /* was removed */
    bool settling;    /* in hsm.settle */
    bool scattered;   /* the file system below takes no more pieces of it */
    struct list settle;
    sim_time used, came, changed;
    uint64_t uses;
    double note;
    uint64_t set;    /* its data set; 0: not known */
    uint64_t placed; /* the bitfile, as in rec, of which is known where it begins: */
    uint32_t volume;
    uint64_t first; /* block */
    struct hsm_node of_set, of_place;
};

struct hsm_item { /* a request that waits */
    struct list link;
    struct hsm_file *f;
    struct file_req *r;
    bool read;       /* a READ: of others the request may have ended, while it is the first */
    bool all;        /* of those, one that waits for the whole file */
    bool direct;     /* its bytes are coming from tape */
    bool asked, may; /* whether its user may read it */
    struct file_req ask;
    sim_time since;
};

struct hsm_need { /* a thread that waits for pieces lo .. hi-1 */
    struct list link;
    uint32_t lo, hi;
    enum file_status status;
};

struct hsm_room { /* who waits for room, in order */
    struct list link;
    struct hsm_file *f;
    uint64_t bytes;
    bool pull; /* its next pull does; else a thread */
    bool given;
    enum file_status status;
};

/* Bytes that come in any order, put together. */
struct hsm_part {
    struct list link;
    uint64_t off;
    struct rope data;
};
void hsm_part_add(struct port *p, struct list *parts, uint64_t off, struct rope *data);
/* All of them in a row; the list is empty then. */
void hsm_parts_join(struct port *p, struct list *parts, struct rope *out);

struct hsm {
    struct file_sys sys; /* first */
    const struct file_hsm_params *params;
    struct hsm_door door;
    const struct migrate_ops *migration;
    const struct replace_ops *replacement;
    const struct prefetch_ops *prefetcher;
    void *replace_state, *prefetch_state;
    struct prefetch_door prefetch_door;
    struct records *records;
    uint32_t table;
    uint64_t high;        /* records 1 .. high are or were used */
    uint64_t *free_slots; /* of these */
    uint32_t free_count, free_room;
    uint64_t space, used;
    uint64_t owner;    /* of its bitfiles */
    bool owner_kept;   /* in record 0 */
    bool listed;       /* the archive has no bitfile of it that no record names */
    bool listing;      /* that is being looked at */
    uint32_t creating; /* CREATEs under way whose number no record in memory has */
    enum { HSM_NEW, HSM_LOADING, HSM_READY, HSM_BROKEN } state;
    enum file_status broken;
    struct list early; /* items, before that */
    struct list files, gone, settle;
    struct xk_map map;              /* by handle */
    struct hsm_node *sets, *places; /* files of which a data set, or a place, is known */
    struct list rooms;              /* struct hsm_room */
    struct list ended;              /* items to be answered by the timer */
    struct list waiters;            /* threads */
    struct port_timer timer, again;
    struct port_thread *mover;
    int64_t unreached;  /* migrations in a row for which the archive did not answer */
    int64_t refused;    /* looks in a row after which nothing that is to go had gone */
    uint64_t vain;      /* of the mover's: all that failed */
    uint32_t migrating; /* files */
    bool unplaced;      /* of some bitfiles it is not known where they lie */
    bool kicked, polls, stuck, feeding; /* polls: the mover looks again without a kick */
    sim_time next_poll;
    bool told_full, told_table, told_archive;
    uint32_t told_status; /* bits of enum hsm_status */
    sim_time pull_time;   /* of all pulls that ended well */
    uint64_t buffered;    /* bytes of migrations in memory */
    struct {
        uint64_t migrations, migrated, pulls, staged, purges, purged, hits, misses, direct, again,
            failed, abandoned, dropped, removed, orphans, full, early, early_used, early_wasted,
            buffered, copied, at_once;
    } counts;
};

/* ---- files.c ---- */
extern const struct file_ops file_hsm;
void hsm_submit(struct file_sys *sys, struct file_req *r);
struct hsm_file *hsm_file_of(struct hsm *h, uint64_t file);  /* NULL: none is known */
struct hsm_file *hsm_file_new(struct hsm *h, uint64_t file); /* whole, empty */
void hsm_forget(struct hsm_file *f); /* it was removed; the mover does the rest */
/* Goes below. */
void hsm_pass(struct hsm_file *f, struct file_req *r);
/* What of the queue can go on goes on. */
void hsm_pump(struct hsm_file *f);
/* Ends an item later, with that status. */
void hsm_end_later(struct hsm_item *i, enum file_status s);
void hsm_waited(const struct hsm_item *i); /* a READ goes on: how long it has waited */
/* A thread waits until something has happened; it looks again then. (blocks) */
void hsm_wait(struct hsm *h, const char *what);
void hsm_wake(struct hsm *h);
/* A request of the layer's own below, as user 0. (block) */
enum file_status hsm_below(struct hsm *h, enum file_op op, uint64_t file, uint64_t size,
                           struct file_req *q);
/* The door, in a thread. (block) */
enum hsm_status hsm_archive(struct hsm *h, struct bitfile_call *c);
/* What went wrong in the archive is said once. */
void hsm_said(struct hsm *h, enum hsm_status s);
enum file_status hsm_file_status(enum hsm_status s);
static inline bool hsm_clean(const struct hsm_file *f)
{
    return f->rec.bitfile != 0 && !f->dirty;
}
static inline bool hsm_idle(const struct hsm_file *f)
{
    return f->busy == 0 && f->pulls == 0 && !f->serving && !f->alone && !f->moving &&
           list_empty(&f->queue) && list_empty(&f->needs);
}
bool hsm_pinned(const struct hsm_file *f);

/* ---- files_serve.c: in a file's thread (block) ---- */
void hsm_serve(struct hsm_file *f, struct file_req *r);
enum file_status hsm_flush(struct hsm_file *f); /* what is here of one that is dirty in part */

/* ---- files_record.c ---- */
/* Its record, as f->rec is now. (blocks)  FILE_NO_INODE: the table is full. */
enum file_status hsm_commit(struct hsm_file *f);
enum file_status hsm_drop_record(struct hsm_file *f); /* (block) */
/* A commit, or the record goes if nothing is in it. (blocks) */
enum file_status hsm_commit_or_drop(struct hsm_file *f);
enum file_status hsm_load(struct hsm *h);       /* at boot (block) */
bool hsm_own_name(const char *name);            /* of a file of the layer's own */
enum file_status hsm_keep_owner(struct hsm *h); /* on the device (block) */

/* ---- files_orphans.c ---- */
/* Bitfiles that no record names are removed, once in a life, and after a CREATE that ended in
 * doubt.  (blocks) */
enum file_status hsm_orphans(struct hsm *h);
/* A bitfile whose number is in the file's record, as `other`.  (blocks) */
enum file_status hsm_make_bitfile(struct hsm_file *f, uint64_t size);

/* ---- files_stage.c ---- */
/* The pieces of the bitfile that have bytes of [off, off+len): lo .. hi-1. */
void hsm_pieces_of(const struct hsm_file *f, uint64_t off, uint64_t len, uint32_t *lo,
                   uint32_t *hi);
uint64_t hsm_tape_bytes(const struct hsm_file *f, uint32_t lo, uint32_t hi); /* of pieces */
void hsm_not_here(struct hsm_file *f); /* it is not whole: all its pieces are in the bitfile */
void hsm_is_whole(struct hsm_file *f); /* if all pieces are here */
bool hsm_all_here(const struct hsm_file *f, const struct file_req *r); /* that it touches */
/* Starts what pulls the file needs. */
void hsm_pull(struct hsm_file *f);
/* Somebody has asked for these bytes. */
void hsm_early_used(struct hsm_file *f, uint64_t off, uint64_t len);
void hsm_early_wasted(struct hsm_file *f); /* nobody will ask for what nobody has asked for */
/* Bytes of it are to be staged if there is room; false: nothing of them is missing. */
bool hsm_ask(struct hsm_file *f, uint64_t off, uint64_t len);
/* Pieces lo .. hi-1 are here then. (blocks) */
enum file_status hsm_stage(struct hsm_file *f, uint32_t lo, uint32_t hi);
void hsm_direct(struct hsm_item *i); /* a READ whose bytes come from tape */
/* Who waits for one of pieces lo .. hi-1 that does not come hears it. */
void hsm_fail(struct hsm_file *f, uint32_t lo, uint32_t hi, enum file_status s);

/* ---- files_near.c ---- */
void hsm_join_set(struct hsm_file *f, uint64_t dir, const char *name); /* by its name */
void hsm_unplace(struct hsm_file *f);                                  /* it has no bitfile */
void hsm_alone(struct hsm_file *f); /* nobody's neighbour any more: it was removed */
/* As a policy of prefetch asks; arg: struct hsm. */
uint64_t hsm_mate(void *arg, uint64_t file);
uint64_t hsm_behind(void *arg, uint64_t file);
void hsm_place(struct hsm_file *f); /* asks the archive, where a policy wants to know (block) */
bool hsm_places(struct hsm *h);     /* of all; true: some are still not known (block) */

/* ---- files_copy.c ---- */
/* Its first `size` bytes are in the bitfile `other` then, as they were when that many changes had
 * been made; FILE_OK, too, if there have been more: they are not all, or others.  (blocks) */
enum file_status hsm_send(struct hsm_file *f, uint64_t size, uint64_t changes);

/* ---- files_move.c ---- */
void hsm_kick(struct hsm *h);                         /* the mover has something to do */
void hsm_charge(struct hsm_file *f);                  /* what it takes, once nothing changes it */
bool hsm_reserve(struct hsm_file *f, uint64_t bytes); /* false: there is no room */
enum file_status hsm_room(struct hsm_file *f, uint64_t bytes);      /* (blocks) until there is */
void hsm_beg(struct hsm_file *f, uint64_t bytes);                   /* its next pull waits for it */
enum file_status hsm_too_large(struct hsm_file *f, uint64_t bytes); /* says so */
void hsm_feed(struct hsm *h);                                       /* who waits for room */
enum file_status hsm_migrate(struct hsm_file *f);                   /* (block) */
struct replace_file hsm_seen(struct hsm_file *f); /* as a policy of purge sees it now */
void hsm_used(struct hsm_file *f); /* a READ or WRITE has ended: that policy hears of it */
enum file_status hsm_purge(struct hsm_file *f); /* what is clean, idle, not pinned (block) */
void hsm_move(void *hsm);                       /* the mover (block) */

#endif
