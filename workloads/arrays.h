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
extern const char *const arrays_orders[]; /* of workload.order, workload.slab */

struct arrays_params {
    int operation, system, placement, order, to_placement, to_order, slab, method;
    int64_t nodes, rows, columns, planes, inner, element, memory, unit;
    const char *from, *from_grid, *to, *to_grid;
    struct coll_params collective;
    bool verify, reuse, hints;
};

struct arrays_run {
    struct io_job j;
    const struct arrays_params *p;
    const struct arrays_op *op;
    struct array *a[ARRAYS_MOST];
    bool running;          /* in op->run: slabs are safe points */
    struct arrays_values { /* private: what each element of a matrix is, or must be */
        double (*value)(uint32_t array, uint64_t i, uint64_t j);
        double (*want)(const struct arrays_run *r, uint64_t i, uint64_t j);
    } values;
    uint64_t checked; /* bytes of results that were compared */
};

struct arrays_op {
    struct kind kind;
    uint32_t arrays;
    bool source;  /* the first is filled with a pattern beforehand */
    bool numbers; /* of matrices of numbers of double precision; ranks exchange messages */
    /* What its arrays are.  False with a sentence. */
    bool (*forms)(const struct arrays_params *p, uint32_t ranks, struct array_form *out,
                  struct err *e);
    /* Which of them is gone through again and again; NULL: none, each element comes once. */
    uint32_t (*swept)(const struct arrays_params *p);
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
/* Does something with each own slab of an array, from slab `from` on.  (blocks) */
bool arrays_each_slab(struct arrays_run *r, struct array *a, uint64_t from,
                      bool (*slab)(struct arrays_run *r, struct array *a,
                                   const struct array_section *s));
/* False after port_fail. */
bool arrays_good(const struct arrays_run *r, enum pio_status s, const char *what, const char *name);
/* Moves a section, whose bytes count.  (blocks) False after port_fail. */
bool arrays_move(struct arrays_run *r, struct array *a, struct array_part *x);

/* ---- matrices of numbers ---- */

/* Moves own elements of each rank between an array and memory, where columns follow each other.
 * (blocks) False after port_fail. */
bool arrays_numbers(struct arrays_run *r, struct array *a, enum pio_op op,
                    const struct array_section *s, double *x);
/* Each rank writes its part; compares it.  (blocks) False after port_fail. */
bool arrays_fill(struct arrays_run *r, struct array *a,
                 double (*value)(uint32_t array, uint64_t i, uint64_t j));
bool arrays_compare(struct arrays_run *r, struct array *a,
                    double (*want)(const struct arrays_run *r, uint64_t i, uint64_t j));

/* Of the operations in files of their own. */
uint32_t arrays_multiply_swept(const struct arrays_params *p);
uint32_t arrays_lu_swept(const struct arrays_params *p);
bool arrays_multiply_forms(const struct arrays_params *p, uint32_t ranks, struct array_form *f,
                           struct err *e);
bool arrays_multiply_fill(struct arrays_run *r);
bool arrays_multiply_run(struct arrays_run *r);
bool arrays_multiply_check(struct arrays_run *r);
bool arrays_lu_forms(const struct arrays_params *p, uint32_t ranks, struct array_form *f,
                     struct err *e);
bool arrays_lu_fill(struct arrays_run *r);
bool arrays_lu_run(struct arrays_run *r);
bool arrays_lu_check(struct arrays_run *r);

#endif
