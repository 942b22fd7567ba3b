/* order.h: in what order the requests for one cartridge are served.
 *
 * All requests that wait for a cartridge are known when it is mounted.  What it costs to get from
 * the end of one to the start of another is asked of the drive; it is not the same both ways, and
 * two blocks far apart in number may lie side by side.  So the order is a travelling salesman's
 * path, from where the head is, over an asymmetric cost.  Policies are a const ops struct each, of
 * hsm_orders:
 *
 *   fifo     as they came
 *   sort     by block
 *   scan     an elevator: on the way out what lies on the passes that lead out, by place, then the
 *            same on the way back
 *   mpscan   several such sweeps, in each of which the tape never turns but at its end, made better
 *            by moving requests while that helps [after Sandsta & Midtstraum, ICDE 1999, of whose
 *            MPScan* only the idea is known here]
 *   sltf     always the nearest in time [Hillyer & Silberschatz, SIGMOD 1996]
 *   weave    the nearest by a fixed order of sections around the head, without times [the same; the
 *            order itself is a reconstruction]
 *   loss     the largest regret first: of each request the shortest way on is compared with the
 *            next one, and the way is taken whose loss would be the largest [the same, after Van
 *            der Cruyssen & Rijckaert]
 *   optimal  the shortest path, by dynamic programming, for up to HSM_OPTIMAL requests; of more the
 *            path of loss
 *   whole    the tape is read through from the first to the last of them
 *
 *   ORD1  `out` is a permutation of 0 .. n-1.
 *   ORD2  It depends on the requests, the head and the costs alone: equal inputs, equal order.
 */
#ifndef OS_HSM_ORDER_H
#define OS_HSM_ORDER_H

#include "os/port.h"
#include "sim/base/kind.h"

#define HSM_OPTIMAL 12

struct hsm_extent {
    uint64_t first, count; /* blocks; count > 0 */
};

/* Where a block lies.  A drive goes along the tape in passes; sections divide its length. */
struct hsm_spot {
    uint64_t place; /* along the tape from its load point, in units of the drive */
    uint32_t pass, section;
    bool back; /* this pass is read towards the load point */
};

/* The drive, as its host sees it. */
struct hsm_head {
    uint64_t at; /* the block that comes next */
    /* From where block `from` begins to where block `to` begins. */
    sim_time (*locate)(void *arg, uint64_t from, uint64_t to);
    /* To read the blocks from .. to-1 in a row. */
    sim_time (*read)(void *arg, uint64_t from, uint64_t to);
    void (*spot)(void *arg, uint64_t block, struct hsm_spot *out);
    void *arg;
};

struct hsm_order_ops {
    struct kind kind;
    bool through; /* served by reading all that lies between the first and the last */
    void (*order)(struct port *p, const struct hsm_head *h, const struct hsm_extent *r, uint32_t n,
                  uint32_t *out);
};
extern const struct kind_set hsm_orders;

/* Fills out[n] with the order; n > 0.  What it needs of memory it takes from the task and gives
 * back. */
void hsm_order(struct port *p, const struct hsm_order_ops *ops, const struct hsm_head *h,
               const struct hsm_extent *r, uint32_t n, uint32_t *out);
/* What serving them in that order costs: ways and reading. */
sim_time hsm_order_time(const struct hsm_order_ops *ops, const struct hsm_head *h,
                        const struct hsm_extent *r, uint32_t n, const uint32_t *order);

#endif
