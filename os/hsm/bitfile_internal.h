/* bitfile_internal.h: private to the bitfile server: its state. */
#ifndef OS_HSM_BITFILE_INTERNAL_H
#define OS_HSM_BITFILE_INTERNAL_H

#include "os/hsm/bitfile_server.h"
#include "os/hsm/call.h"
#include "os/hsm/mover.h"
#include "os/xk/map.h"
#include "os/xk/msg.h" /* wire_put / wire_get */

/* A call as it travels, and its answer. */
#define BITFILE_CALL_BYTES 44
#define BITFILE_REPLY_BYTES 58

enum bitfile_state { BITFILE_FREE, BITFILE_EMPTY, BITFILE_WRITTEN };
enum {
    BITFILE_CHAINED = 6, /* segments in a record behind the first two */
    BITFILE_CHAINS = (BITFILE_SEGMENTS - 2 + BITFILE_CHAINED - 1) / BITFILE_CHAINED
};
#define BITFILE_SLOT_BITS 40 /* of a number; above it how often its slot was used before */

struct bitfile { /* its record, and those of its segments */
    uint64_t id;
    enum bitfile_state state;
    uint32_t class, count, chains;
    uint64_t size, owner;
    sim_time created, stored;
    struct bitfile_segment segments[BITFILE_SEGMENTS]; /* by copy and place */
    uint64_t chain[BITFILE_CHAINS];                    /* records */
};

struct live { /* what is live on a volume */
    uint32_t volume;
    uint64_t blocks;
    uint32_t pieces;
};

/* What goes to tape, segment after segment: a copy of a WRITE, or a segment that is moved. */
struct appending {
    struct bitfiles *server;
    uint32_t sink, stream;
    uint64_t token;
    uint64_t at, left; /* blocks: the next, by which the sink knows it; how many are to come */
    uint64_t serial;
    struct list link; /* in bitfiles.appending while a call is under way */
    uint8_t copy;
    const struct bitfile_segment *from; /* the blocks are copied from there; NULL: from a sink */
    uint32_t count;
    struct bitfile_segment segments[BITFILE_SEGMENTS];
    enum hsm_status status;
    void (*done)(struct appending *a); /* an upcall */
    void *arg;
};

struct job {
    struct list link; /* in bitfiles.arrived, or in what it waits for */
    struct hsm_caller caller;
    uint32_t op; /* enum bitfile_op */
    uint64_t id, size, offset, length, token;
    uint32_t cos;
    uint32_t sink;
    uint32_t life; /* of the caller, when it came */
    sim_time since;
    enum hsm_status status; /* of what has failed so far */
    struct bitfile_stat stat;
    void (*ended)(struct job *j); /* NULL: the caller is answered */
    void *arg;
    struct bitfile *file;
    /* Of a READ: parts that are to be had, and under way. */
    struct list parts;
    uint32_t flying; /* of a WRITE: copies */
    bool begun, hopeless;
    /* Of a WRITE. */
    struct list writing;  /* in bitfiles.writing, while it is under way */
    struct list removing; /* REMOVEs of it that wait */
    struct appending *copy[STORAGE_COPIES];
};

struct bitfiles {
    struct port *port;
    const struct bitfile_params *params;
    const struct storage_params *storage;
    struct hsm_calls calls;
    struct hsm_sink *sink;
    uint32_t host;
    struct records *records;
    struct list arrived, asleep, writing;
    struct list appending; /* in the order in which their calls began */
    struct xk_map locks;   /* number of a bitfile -> struct lock */
    struct xk_map live;    /* volume -> struct live */
    struct xk_map taken;   /* slots, and records of segments, that a change under way makes used */
    uint64_t serial, slot, chain_at; /* the last two: where a free one is looked for */
    uint32_t pieces;                 /* places of a volume in its table */
    sim_time called;                 /* last */
    struct repack *repack;           /* NULL: the tables are not open yet */
    struct list repack_asked;        /* jobs that wait for a pass */
    uint32_t creating;               /* CREATEs under way, */
    struct list listing;             /* and LISTs that wait for them */
    struct list damaged;             /* struct damage: segments to be made anew */
    uint32_t damaged_count;
    struct {
        uint64_t calls, failed, created, written, read, removed, segments, second, stale, moved,
            moved_blocks, copied, blanked, healed;
    } counts;
};

/* ---- bitfile_table.c; in threads, all block ---- */

/* Makes the tables; then opens them. */
void bitfile_tables(struct bitfiles *b, struct file_sys *files);
/* The records of the bitfile of that number: FREE, with `id` the next number of its slot, if there
 * is none of that number. */
enum hsm_status bitfile_load(struct bitfiles *b, uint64_t id, struct bitfile *f);
/* Of a slot. */
enum hsm_status bitfile_load_slot(struct bitfiles *b, uint64_t slot, struct bitfile *f);
/* A change of a bitfile: those of its segments that are `gone` and those that have `come` count in
 * the tables of their volumes; f is as it is to be.  One commit.  BFS1. */
enum hsm_status bitfile_change(struct bitfiles *b, struct bitfile *f,
                               const struct bitfile_segment *gone, uint32_t gone_count,
                               const struct bitfile_segment *come, uint32_t come_count);
/* A free slot becomes that of an empty bitfile. */
enum hsm_status bitfile_create(struct bitfiles *b, uint32_t class, uint64_t owner, uint64_t *id);
/* Numbers of bitfiles of that owner, from a slot on, which is then where the next list begins. */
enum hsm_status bitfile_list(struct bitfiles *b, uint64_t owner, uint64_t *slot,
                             uint64_t ids[BITFILE_LISTED], uint32_t *count);
/* A volume that the archive had from the start, without bitfiles: what is there is of others. */
bool bitfile_foreign(const struct bitfiles *b, const struct storage_volume *v);
enum hsm_status bitfile_live(struct bitfiles *b, uint32_t volume, struct live **out);
enum hsm_status bitfile_piece(struct bitfiles *b, uint32_t volume, uint32_t piece, uint64_t *owner);
/* No other thread works on the bitfile's records between these two. */
void bitfile_lock(struct bitfiles *b, uint64_t id);
void bitfile_unlock(struct bitfiles *b, uint64_t id);
void bitfile_sort(struct bitfile *f);

/* ---- bitfile_data.c ---- */

/* In a thread: sends for what the job is to have of its range, from copy `cos` of it first; when
 * all has come, or cannot be had, it ends.  One that has `ended` has whole blocks.  (blocks) */
void bitfile_read(struct bitfiles *b, struct job *j);
/* Begins: left > 0 blocks. */
void bitfile_append(struct appending *a);
/* In a thread: begins a WRITE, or enters what is on tape now.  (blocks) */
void bitfile_write(struct bitfiles *b, struct job *j);
/* The WRITE of that bitfile that is under way, or NULL. */
struct job *bitfile_writing(struct bitfiles *b, uint64_t id);

/* ---- bitfile_server.c ---- */

/* A thread takes it. */
void bitfile_arrive(struct bitfiles *b, struct job *j);
void bitfile_end(struct bitfiles *b, struct job *j, enum hsm_status status);
struct bitfile_stat bitfile_stat_of(const struct bitfiles *b, const struct bitfile *f);

/* ---- bitfile_params.c ---- */

extern const struct param bitfile_params_desc[];
uint32_t bitfile_class_count(const struct bitfile_params *p);
/* Class `class` < that. */
struct bitfile_class bitfile_class(const struct bitfile_params *p, uint32_t class);
uint64_t bitfile_block(const struct bitfiles *b, uint32_t class); /* bytes */
/* What descriptors cannot say; `storage` may be NULL: there is none. */
bool bitfile_params_ready(struct bitfile_params *p, const struct storage_params *storage,
                          const char *path, struct err *e) MUST_CHECK;
/* An answer as it travels. */
void bitfile_reply_store(uint8_t out[BITFILE_REPLY_BYTES], enum hsm_status status, uint64_t id,
                         const struct bitfile_stat *stat);
/* The other way. */
void bitfile_reply_load(const uint8_t in[BITFILE_REPLY_BYTES], uint64_t *id,
                        struct bitfile_stat *stat);

/* ---- bitfile_repack.c ---- */
void bitfile_repack_start(struct bitfiles *b);
/* The job is answered when a pass that begins now or later has ended. */
void bitfile_repack(struct bitfiles *b, struct job *j);
/* A segment could not be read, and another copy can: it is made anew, soon, if it is remembered. */
void bitfile_damaged(struct bitfiles *b, uint64_t id, const struct bitfile_segment *s);
/* An append has ended: whoever waits for that looks again. */
void bitfile_repack_poke(struct bitfiles *b);

#endif
