/* array.h: out-of-core arrays: arrays in files, of which ranks hold slabs in memory.
 *
 * A library over os/pio, for any system.  An array has one to three dimensions of elements of a
 * size, dealt out to its ranks (os/array/map.h).  Where its elements are kept is its placement:
 *
 *   global  one file for all, elements in an order of the whole array
 *   local   a file for each rank, with the elements that are dealt out to it, in an order of its
 *           local indices
 *
 * What moves between files and memory are sections.  In the global placement a section becomes
 * runs of the file, which a method of os/pio/coll.h moves: two-phase is one.  In the local one a
 * rank moves its own elements by itself, and those of others come and go by messages (NX).
 *
 *   ARRAY1  Data of a section stand in the order asked for, `order`, whatever that of the file is.
 *   ARRAY2  A call of all ends at every rank, with the largest status of all (COLL2).
 *   ARRAY3  A read returns what was written last; where ranks write the same elements in one call,
 *       any of them may be the last.
 *
 * All ranks make the same calls in the same order, of an array and of arrays of the same ranks, and
 * a section may be empty; but for those of array_alone, which a rank makes when it likes.  The
 * ranks are the programs of the first compute nodes.
 *
 * Source: Thakur, Bordawekar, Choudhary, Ponnusamy, Singh, PASSION, 1994: placement, slabs of local
 * arrays, sieving; del Rosario, Bordawekar, Choudhary 1993: two-phase.
 * Who calls it: programs (workloads/), in threads.
 */
#ifndef OS_ARRAY_ARRAY_H
#define OS_ARRAY_ARRAY_H

#include "os/array/map.h"
#include "os/pio/coll.h"

enum array_placement { ARRAY_GLOBAL, ARRAY_LOCAL };
extern const char *const array_placements[]; /* ended by NULL */

/* What who calls knows of the elements that a rank moves, and the library says to the caches below
 * (PIO_HINT of os/pio/pio.h): advice, which changes no result.
 *   ARRAY_ONCE   each once: when a section has been moved its bytes are not needed for long
 *   ARRAY_SWEPT  all of them again and again in one order: what was used last goes first */
enum array_touch { ARRAY_UNKNOWN, ARRAY_ONCE, ARRAY_SWEPT };

/* What an array is, and how it is reached. */
struct array_form {
    struct array_dist dist;
    uint64_t element; /* bytes */
    int placement;    /* enum array_placement */
    struct array_order order;
    const struct coll_ops *method; /* local: one that is `alone` */
    const struct coll_params *collective;
    uint64_t unit; /* layout of its files; 0: the system's own */
    int touch;     /* enum array_touch */
};

struct array {
    struct array_form form;
    struct port *port;
    struct pio *sys;
    char name[48];
    uint32_t rank, ranks, part[ARRAY_DIMS];
    bool has;                   /* the rank has a part */
    struct array_layout layout; /* of the file: global, or this rank's */
    struct pio_file *file;
    struct coll *coll;
    struct nx *nx; /* local, of more ranks than one */
    struct {
        uint64_t read, written; /* bytes of sections */
        uint64_t exchanged;     /* bytes sent to other ranks: local placement */
        uint64_t permuted;      /* bytes put in another order in memory */
    } counts;
};
extern const struct counter array_counters[]; /* "array.*" */

/* Refuses what the machine or the system cannot do, as pio_check; `can` beside what an array needs.
 */
bool array_check(const struct array_form *f, const struct pio_ops *sys, const struct os_layout *l,
                 uint32_t ranks, uint32_t arrays, const char *path, struct err *e) MUST_CHECK;
/* How many files arrays of that placement are. */
uint32_t array_files(const struct array_form *f, uint32_t ranks);

enum {
    ARRAY_MAKE = 1, /* it is made, of its full size */
    ARRAY_ALONE = 2 /* no other rank is waited for: a program that goes on */
};
/* Opens an array; all ranks, and the result is that of all.  (blocks) */
enum pio_status array_open(struct pio *sys, const struct array_form *f, const char *name,
                           uint32_t rank, uint32_t ranks, unsigned flags, struct array **out);
/* Frees it whatever the status.  By each rank for itself.  (blocks) */
enum pio_status array_close(struct array *a);
/* All that was written is on the devices.  The same.  (blocks) */
enum pio_status array_flush(struct array *a);

struct array_part { /* of one rank in one call */
    enum pio_op op;
    const struct array_section *section; /* of indices of the array */
    struct array_order order;
    bool own;         /* no rank's section has elements of others */
    struct rope data; /* write: taken; read: what was read */
};
/* Whether calls with `own` are a rank's alone, when it likes. */
bool array_alone(const struct array_form *f);
/* Moves a section.  (blocks) */
enum pio_status array_transfer(struct array *a, struct array_part *x);

/* Slabs: a rank's part cut along dimension `dim`, `width` of its local indices each. */
/* The largest width whose slabs have at most so many bytes at every rank; 0: there is none. */
uint64_t array_width(const struct array_form *f, uint32_t dim, uint64_t memory);
/* Slabs of the rank that has most; others have empty ones for the rest. */
uint64_t array_slabs(const struct array_form *f, uint32_t dim, uint64_t width);
/* The k-th of this rank; `out` is initialised here. */
void array_slab(const struct array *a, uint32_t dim, uint64_t width, uint64_t k,
                struct array_section *out);

/* Writes the section of `to`, own elements of each rank, with elements of `from`: index d of `to`
 * is index dims[d] of `from`.  All ranks.  (blocks) */
enum pio_status array_copy(struct array *to, struct array *from, const uint8_t dims[ARRAY_DIMS],
                           const struct array_section *section);

#endif
