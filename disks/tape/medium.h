/* medium.h: what a tape holds, wherever it lies: a cartridge.
 *
 * Data are a sequence of items, numbered from 0: blocks, each of a length of its own, and marks.  A
 * position is the number of the item that comes next; what is written replaces all from its
 * position on.  Where an item lies on the tape follows from what was written before it, by the
 * format (format.h).  Items that are alike and lie one behind the other are one record, and their
 * bytes are ropes, so millions of equal blocks of a pattern cost a few.
 *
 * A medium may be declared: what it holds then comes from functions, and costs no memory while the
 * medium rests; what is written later lies over it.
 *
 *   TAPE1  What is read at n is what was written last at n, if nothing was written below n since.
 *   TAPE2  After a write at n there is nothing behind it but the end of the data.
 *   TAPE3  A bad place loses the items that lie on it, and no others; what is written later goes
 *       round it.
 *
 * No simulated time passes here.
 */
#ifndef DISKS_TAPE_MEDIUM_H
#define DISKS_TAPE_MEDIUM_H

#include "disks/tape/format.h"
#include "sim/base/rope.h"

struct tape_medium;

enum tape_kind { TAPE_BLOCK, TAPE_MARK, TAPE_END /* of the data */ };

struct tape_item {
    enum tape_kind kind;
    uint64_t length; /* bytes of a block, as the host has them */
    uint64_t stored; /* as they are on the tape; 0 of a mark */
    struct tape_place place;
    uint64_t end; /* of its bytes, in bytes of track; of TAPE_END where the next would begin */
};

/* An empty one; `label` (its volume serial number) and the format are copied. */
struct tape_medium *tape_medium_create(const struct tape_format *f, const char *label);
void tape_medium_destroy(struct tape_medium *m); /* in no drive; NULL is fine */
const char *tape_medium_label(const struct tape_medium *m);
const struct tape_format *tape_medium_format(const struct tape_medium *m);
/* Of its key points, and of what a declared one holds: base_hash_text of its label. */
uint64_t tape_medium_seed(const struct tape_medium *m);

/* What a declared medium holds: `stretches` of items that are alike, and the bytes of all blocks in
 * a row.  Both are pure functions, and `arg` outlives the medium. */
struct tape_source {
    uint64_t stretches;
    /* The i-th: how many blocks of what length (0: marks), of which each takes `stored` bytes. */
    void (*stretch)(const void *arg, uint64_t i, uint64_t *count, uint64_t *length,
                    uint64_t *stored);
    /* Appends the bytes from `from` on. */
    void (*bytes)(const void *arg, uint64_t from, uint64_t length, struct rope *out);
    const void *arg;
};
/* Of an empty medium. */
void tape_medium_declare(struct tape_medium *m, const struct tape_source *source);
/* It is put away: a declared one that nobody has changed keeps nothing in memory. */
void tape_medium_rest(struct tape_medium *m);

uint64_t tape_medium_items(struct tape_medium *m);   /* the number of the end of the data */
uint64_t tape_medium_bytes(struct tape_medium *m);   /* of all its blocks, as the host has them */
uint64_t tape_medium_records(struct tape_medium *m); /* that it keeps in memory */
/* Item n; TAPE_END at the end of the data and past it. */
struct tape_item tape_medium_item(struct tape_medium *m, uint64_t n);
/* Appends the bytes of block n to `out`; false: it lies on a bad place. */
bool tape_medium_read(struct tape_medium *m, uint64_t n, struct rope *out);
bool tape_medium_bad(struct tape_medium *m, uint64_t n);
/* The first item from `n` on, and before `end`, that is lost; UINT64_MAX: none. */
uint64_t tape_medium_lost(struct tape_medium *m, uint64_t n, uint64_t end);

/* Where an item of `stored` bytes would lie that is written behind `p`: round the bad places. */
struct tape_place tape_medium_fit(const struct tape_medium *m, struct tape_place p,
                                  uint64_t stored);
/* Item n and all behind it are gone. */
void tape_medium_truncate(struct tape_medium *m, uint64_t n);
/* An item more, at a place that tape_medium_fit gave (or behind it): a block of the bytes of
 * `data`, or a mark (NULL). */
void tape_medium_append(struct tape_medium *m, struct tape_place place, uint64_t stored,
                        const struct rope *data);
/* Bits of a byte of block n are flipped, silently. */
void tape_medium_flip(struct tape_medium *m, uint64_t n, uint64_t byte, uint8_t bits);
/* The tape is damaged there, for good. */
void tape_medium_damage(struct tape_medium *m, uint64_t at, uint64_t length);

/* Against writing. */
void tape_medium_protect(struct tape_medium *m, bool on);
bool tape_medium_protected(const struct tape_medium *m);

/* What it has been through; the drives count here. */
struct tape_wear {
    uint64_t loads;
    uint64_t passed; /* bytes of track under a head, in any direction */
};
/* Its account of that; never NULL. */
struct tape_wear *tape_medium_wear(struct tape_medium *m);
double tape_medium_passes(struct tape_medium *m); /* over the length of one track */
/* Where the head stood when it was unloaded: where it is threaded again. */
uint64_t tape_medium_parked(const struct tape_medium *m);
void tape_medium_park(struct tape_medium *m, uint64_t at);

#endif
