/* history.h: a recorded history of memory accesses, and what memory models allow of it.
 *
 * Knows no manager: it judges what programs saw.  Two questions:
 *
 *   history_recent      Does each location alone behave as one cell of memory would, in real time:
 *                       does a read return the most recent write?  (Atomic registers.)  Exact when
 *                       no value is written twice to a location [Gibbons & Korach 1997: the zones
 *                       of the values must not overlap]; where one is, each read is judged alone:
 *                       some write that can be the latest one must have written what it returned.
 *                       n log n for n accesses.
 *   history_sequential  Is there one order of all accesses to all locations that contains every
 *                       node's program order and in which reads return the latest write
 *                       [Lamport 1979]?  The order of the writes to each location is taken from
 *                       `order`, or else from the time at which they ended, which a protocol with a
 *                       single writer guarantees.  With that, the constraints are program order,
 *                       write order, write before the reads of its value, and those reads before
 *                       the next write; a cycle is a violation and no cycle is a proof.  n log n.
 *                       Locations to which a value is written twice are left out: `ambiguous`.
 *
 * A location is an address with a size; accesses that overlap in part are refused
 * (HISTORY_UNCLEAR).  Every location holds 0 before all.  Intervals that touch count as concurrent.
 */
#ifndef OS_SVM_HISTORY_H
#define OS_SVM_HISTORY_H

#include "os/port.h"

struct history_op {
    uint64_t addr, value;
    sim_time start, end; /* of a clock that all nodes share; start <= end */
    uint32_t node;       /* whose program order it belongs to: the order in which it was added */
    uint32_t order;      /* writes: place among the writes to this location, from 1; 0: by `end` */
    uint32_t size;       /* bytes: 1, 2, 4, 8 */
    bool write;
};

struct history {
    struct port *port; /* whose heap it lives in */
    struct history_op *ops;
    uint64_t count, capacity;
    uint64_t base, page_bytes; /* for sentences: which page an address lies in; 0: no pages */
};

enum history_verdict { HISTORY_OK, HISTORY_VIOLATION, HISTORY_UNCLEAR };

struct history_report {
    enum history_verdict verdict;
    uint64_t reads, writes, locations;
    uint64_t ambiguous; /* locations to which some value was written twice */
    char text[800];     /* VIOLATION, UNCLEAR: a sentence with page, nodes, values and times */
};

/* Empty; `base`: the address at which page 0 of `page_bytes` begins (0: no pages are named). */
void history_init(struct history *h, struct port *p, uint64_t base, uint64_t page_bytes);
void history_fini(struct history *h); /* frees the accesses; empty afterwards */
void history_add(struct history *h, const struct history_op *op); /* a copy of *op */

/* The two questions above.  `out` is filled whatever the verdict, which is returned too; the first
 * violation found is told. */
enum history_verdict history_recent(const struct history *h, struct history_report *out);
enum history_verdict history_sequential(const struct history *h, struct history_report *out);

#endif
