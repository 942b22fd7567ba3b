/* shelf.h: a disk cache of files at the level of references: what a policy of purge hits.
 *
 * The policies are those of the layer hsm (os/hsm/replace.h, prefetch.h).  Time is a reference a
 * second; what is fetched is there at once.  A file is `pieces` pieces; a read of a piece that is
 * not there fetches it (a miss), or all of its file (`whole`).  When the next fetch would fill more
 * than `high` of the room, files go, all of each, until no more than `low` of it are used.
 *
 *   SHELF1  Never more than the room is used, of one file never more than `high` of it.
 *   SHELF2  ahead = used + wasted + what lies there unread.
 */
#ifndef WORKLOADS_TAPE_SHELF_H
#define WORKLOADS_TAPE_SHELF_H

#include "os/hsm/prefetch.h"
#include "os/hsm/replace.h"

struct shelf_params {
    uint64_t room; /* bytes */
    double high, low;
    bool whole;
    struct kind_choice replace, prefetch; /* of hsm_replacements, hsm_prefetches */
    const uint32_t *set; /* of each file, its data set; NULL: all are of one; stays the caller's */
};

struct shelf_counts {
    uint64_t reads, hits, bytes, hit_bytes;
    uint64_t fetched;      /* pieces, asked for or not */
    uint64_t beside;       /* of these: of a file of which another piece was missed */
    uint64_t again;        /* of these: they had been there before */
    uint64_t purged;       /* files */
    uint64_t ahead;        /* pieces that were fetched before anybody asked */
    uint64_t used, wasted; /* of these: read then; purged unread */
    uint64_t refused;      /* that a policy wanted ahead, and there was no room for */
};

struct shelf; /* in the memory of a task */
/* `size[file]`: bytes of each of `files` files, multiples of `pieces`; they stay the caller's.
 * A file's handle is its number + 1. */
struct shelf *shelf_create(struct port *port, const struct shelf_params *p, uint32_t files,
                           uint32_t pieces, const uint64_t *size);
void shelf_free(struct shelf *s);
/* A program will read that, and says so. */
void shelf_hint(struct shelf *s, uint32_t file, uint32_t piece);
/* It reads it.  True: it was there. */
bool shelf_read(struct shelf *s, uint32_t file, uint32_t piece);
const struct shelf_counts *shelf_counts(const struct shelf *s);
uint64_t shelf_used(const struct shelf *s); /* bytes */
/* The piece was fetched ahead, and is there unread. */
bool shelf_unread(const struct shelf *s, uint32_t file, uint32_t piece);

/* The hits of the best there can be for files all alike of which `room` fit: the one goes that is
 * wanted last again [Belady 1966].  reads[n]: numbers below `files`. */
uint64_t shelf_best(struct port *port, const uint32_t *reads, uint64_t n, uint32_t files,
                    uint64_t room);

#endif
