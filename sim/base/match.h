/* match.h: for which of many a frame is: of those whose conditions it meets the first that came.
 *
 * A condition looks at four bytes of the frame, big-endian, through a mask.  Entries whose
 * conditions look at the same places through the same masks are of one shape and share a hashed
 * table, so that finding costs a look-up for each shape, however many entries there are [Yuhara,
 * Bershad, Maeda & Moss 1994: MPF].
 *
 *   MATCH1  No two entries have equal conditions; so of each shape at most one meets a frame.
 *   MATCH2  A frame that ends before a byte that a mask asks for does not meet the condition.
 */
#ifndef SIM_BASE_MATCH_H
#define SIM_BASE_MATCH_H

#include "sim/base/rope.h"

#define MATCH_MOST 8    /* conditions of one entry */
#define MATCH_REACH 256 /* bytes from a frame's front within which they look */

struct match {
    uint16_t offset;
    uint32_t mask, value;
};

struct match_shape; /* private */

/* Its owner embeds it; zeroed: in no set. */
struct match_entry {
    struct match_shape *shape;
    struct match_entry *next; /* of its bucket */
    int64_t order;            /* that it is asked in */
    uint32_t value[MATCH_MOST];
};

/* Zeroed: empty. */
struct match_set {
    struct match_shape **shapes;
    uint32_t shape_count, conditioned; /* conditioned: shapes that have a condition at all */
    int64_t last_order, first_order;   /* that entries had until now */
};

/* Adds an entry behind those that are there; no conditions are met by every frame.  False, and
 * nothing is done: one with equal conditions is there (MATCH1). */
bool match_add(struct match_set *s, struct match_entry *e, const struct match *m,
               uint32_t count) MUST_CHECK;
/* An entry of the set is before all others from now on. */
void match_first(struct match_set *s, struct match_entry *e);
/* Harmless on one that is in no set; the set is freed with its last. */
void match_remove(struct match_set *s, struct match_entry *e);
/* The first that the frame meets, or NULL; adds to *looked (may be NULL) a look-up for each shape
 * with conditions, and each entry that was compared there. */
struct match_entry *match_find(const struct match_set *s, const struct rope *frame,
                               uint64_t *looked);

#endif
