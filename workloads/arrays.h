/* arrays.h: programs over out-of-core arrays: what they have in common.
 *
 * An operation is a struct arrays_op of the set arrays_operations.  The workload opens its arrays,
 * fills them, opens the window, runs it, flushes, closes the window, and has the result checked
 * against what it must be, element by element.  Between slabs a program could be saved
 * (os_safe_point): what it has done is in the files.
 */
#ifndef WORKLOADS_ARRAYS_H
#define WORKLOADS_ARRAYS_H

#include "os/array/array.h"
#include "workloads/io/job.h"
#include "workloads/workload.h"

enum { ARRAYS_MOST = 3 };

struct arrays_params {
    int operation, system, placement, order, to_placement, to_order, slab, method;
    int64_t nodes, rows, columns, planes, inner, element, memory, unit;
    const char *from, *from_grid, *to, *to_grid;
    struct coll_params collective;
    bool verify;
};

struct arrays_run {
    struct io_job j;
    const struct arrays_params *p;
    const struct arrays_op *op;
    struct array *a[ARRAYS_MOST];
    bool running;     /* in op->run: slabs are safe points */
    uint64_t checked; /* bytes of results that were compared */
};

struct arrays_op {
    struct kind kind;
    uint32_t arrays;
    bool source; /* the first is filled with a pattern beforehand */
    /* What its arrays are.  False with a sentence. */
    bool (*forms)(const struct arrays_params *p, uint32_t ranks, struct array_form *out,
                  struct err *e);
    bool (*fill)(struct arrays_run *r);  /* beside that; NULL: nothing */
    bool (*run)(struct arrays_run *r);   /* false: it has failed, and said so.  (blocks) */
    bool (*check)(struct arrays_run *r); /* outside the window; NULL: run has.  (blocks) */
};
extern const struct kind_set arrays_operations; /* of struct arrays_op */

/* A form with the parameters' method and unit. */
bool arrays_form(const struct arrays_params *p, const char *dist, const char *grid,
                 const char *path, const uint64_t *n, uint32_t dims, uint32_t ranks,
                 uint64_t element, struct array_form *out, struct err *e) MUST_CHECK;
/* The dimension that slabs are cut along, and how wide they are: workload.slab, workload.memory. */
uint32_t arrays_cut(const struct arrays_params *p, const struct array_form *f);
bool arrays_width_check(const struct arrays_params *p, const struct array_form *f,
                        struct err *e) MUST_CHECK;
/* False after port_fail. */
bool arrays_good(const struct arrays_run *r, enum pio_status s, const char *what, const char *name);
/* Moves a section, whose bytes count.  (blocks) False after port_fail. */
bool arrays_move(struct arrays_run *r, struct array *a, struct array_part *x);

#endif
