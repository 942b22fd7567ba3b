/* coll.h: collective transfers: all ranks of a file bring a list of runs each, in one call.
 *
 * A library over os/pio, for any system.  How the lists become requests is a method, one of the set
 * coll_methods:
 *
 *   pieces       each rank asks for its pieces one after the other, as a program that knows read
 *                and write alone
 *   by_part      the same for each part of the file (pio_ops.stripes), all parts at a time
 *   list         each rank hands its whole list to the file system
 *   sieve        data sieving: each rank reads the whole extent of its list, a buffer at a time,
 *                and picks its pieces; to write it reads, changes and writes back, and the ranks
 *                take turns, for two that did so at once would undo each other's bytes
 *   two_phase    the extent of all lists is cut into one domain for each of some ranks; these move
 *                their domains in long requests, a buffer at a time, and the ranks exchange the
 *                bytes by messages (NX).  The domains are of what is asked for, not of the file:
 *                sections of arrays cost what they hold [Thakur & Choudhary, extended two-phase]
 *   directed     disk-directed: each rank tells its list to those who keep the parts of the file,
 *                and they move the bytes in the order that suits their disks (os/file/directed.h)
 *
 *   by_part and directed: over systems whose files have parts there (coll_check).
 *
 *   COLL1  Every rank of the file makes the same calls in the same order, a list may be empty.  The
 *       ranks are the programs of the first compute nodes, rank r that of rank r there.
 *   COLL2  A call ends at every rank.  pieces, by_part, list, and sieve where it reads: each with
 *       its own status, nobody waits.  The others: with the largest of all ranks', in order of enum
 *       pio_status; PIO_NODE_DOWN once the node of a rank has crashed.
 *   COLL3  The bytes are those of independent requests: a read gives the bytes of the rank's runs
 *       in the order of its list, up to the first that lies behind the end of the file; where the
 *       writes of ranks overlap, any of them may be the last; bytes that no run names stay.
 *
 * Of a file that the rank caches (PIO_CACHING) the methods that all call together, by_part and
 * directed go past its cache: they write out what is there before, and forget it afterwards.
 *
 * Sources: del Rosario, Bordawekar, Choudhary 1993 (two-phase); Thakur, Choudhary 1996 (extended);
 * Thakur, Bordawekar, Choudhary et al. 1994, PASSION (sieving); Kotz 1994 (disk-directed).
 * Who calls it: programs (workloads/), in threads.
 */
#ifndef OS_PIO_COLL_H
#define OS_PIO_COLL_H

#include "os/pio/pio.h"
#include "sim/base/param.h"

struct nx;

struct coll_params {
    int64_t buffer;      /* bytes that a rank holds at once of a domain or an extent */
    int64_t aggregators; /* ranks that have a domain; 0: all */
    int64_t align;       /* domains begin at multiples of it */
};
extern const struct param coll_params_desc[];

/* What a file is to its ranks' collective calls. */
struct coll {
    const struct coll_ops *ops;
    const struct coll_params *p;
    struct pio_file *file;
    struct port *port;
    struct nx *nx; /* NULL: the method needs none */
    uint32_t rank, ranks;
    uint64_t step; /* counts: what messages belong to */
    struct {
        uint64_t moved;     /* bytes of lists */
        uint64_t requests;  /* to the file system */
        uint64_t requested; /* bytes that these moved, more than asked for where there are gaps */
        uint64_t exchanged; /* bytes sent to other ranks */
    } counts;
};
extern const struct counter coll_counters[]; /* "coll.*" */

struct coll_part { /* of one rank in one call */
    enum pio_op op;
    const struct file_run
        *runs;          /* pieces of a run do not overlap: stride >= len; writes: nor runs */
    uint32_t run_count; /* 0: nothing of this rank */
    struct rope data;   /* write: taken; read: what was read */
    const struct pio_memory *memory; /* as in a request; the lists must fit (pio_fits) */
    uint64_t moved;                  /* out */
    uint64_t off; /* out: where the first run took place: in list a mode may have moved it */
    struct pio_split split; /* out: `pieces` and `list`: of the last request; else client alone */
};

struct coll_ops {
    struct kind kind;
    bool together; /* a call ends when all ranks have made it */
    bool nx;       /* it exchanges by NX */
    bool alone;    /* of a file of one rank it asks no other rank */
    bool stripes;  /* it asks those who keep the parts of the file (pio_ops.stripes) */
    enum pio_status (*transfer)(struct coll *c, struct coll_part *x); /* (blocks) */
};
extern const struct kind_set coll_methods; /* of struct coll_ops */

extern const struct coll_ops coll_list; /* what independent requests are */

/* Refuses a method whose services the machine does not boot on the programs' nodes or that the
 * system has no parts for. */
bool coll_check(const struct coll_ops *ops, const struct pio_ops *sys, const struct os_layout *l,
                const char *path, struct err *e) MUST_CHECK;
/* For an open file in mode PIO_PLAIN; its counts go to the results as "coll.*".  Ended by
 * coll_close, before the file. */
struct coll *coll_open(const struct coll_ops *ops, const struct coll_params *p, struct pio_file *f);
void coll_close(struct coll *c);
/* One call of all ranks; x->moved, x->data, x->split are set.  (blocks) */
enum pio_status coll_transfer(struct coll *c, struct coll_part *x);

#endif
