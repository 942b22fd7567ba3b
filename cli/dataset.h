/* dataset.h: the points of one experiment read from a results file, grouped into cases.
 *
 * A case is one combination of the swept values; its points are the replications.  Only finished
 * points with status "ok" count as data; the others are kept to be counted.
 */
#ifndef CLI_DATASET_H
#define CLI_DATASET_H

#include "sim/measure.h"
#include "sim/results.h"

struct data_param {
    char *path, *value; /* as a user writes it */
    double number;      /* in base units; NAN: none */
};

struct data_scalar {
    char *name, *unit;
    double value, half_width;
    unsigned flags;
};

struct data_point {
    struct results_point info; /* texts owned by the point */
    struct data_param *params; /* swept ones, in the order of the axes */
    size_t param_count;
    struct data_scalar *scalars;
    size_t scalar_count;
    size_t case_idx;
    bool good; /* status ok */
};

struct data_case {
    char *key; /* "path=value path=value", "-" when nothing is swept */
    const struct data_param *params;
    size_t param_count;
    size_t *points; /* indices, in order of replication */
    size_t point_count;
};

struct dataset {
    int64_t experiment;
    char *name, *title, *version;
    struct data_point *points;
    size_t point_count;
    struct data_case *cases; /* in order of first occurrence */
    size_t case_count;
    size_t grouped; /* points that belong to a case */
};

/* Reads an experiment; 0: the newest.  False with a sentence; *d is empty then. */
bool dataset_load(struct dataset *d, struct results *r, int64_t experiment,
                  struct err *e) MUST_CHECK;
/* Opens FILE, reads, closes. */
bool dataset_load_file(struct dataset *d, const char *path, int64_t experiment,
                       struct err *e) MUST_CHECK;
void dataset_fini(struct dataset *d);

/* Where x is "time", and nothing swept is called so: adds each sample of a series as a case of its
 * own, whose swept values are those of its point and `time`, and whose scalar is that sample. */
bool dataset_over_time(struct dataset *d, const char *path, const char *x,
                       struct err *e) MUST_CHECK;

/* x is "time", and nothing swept is called so. */
bool dataset_wants_time(const struct dataset *d, const char *x);

/* For tests and readers: adds a point; texts are copied.  dataset_group makes the cases of the
 * points that have none yet. */
struct data_point *dataset_add(struct dataset *d);
void dataset_add_param(struct data_point *p, const char *path, const char *value, double number);
void dataset_add_scalar(struct data_point *p, const char *name, const char *unit, double value,
                        double half_width, unsigned flags);
/* A sample of point `of` at that time, as a case of its own; `from`: the first point that is one of
 * its samples. */
void dataset_add_sample(struct dataset *d, size_t of, size_t from, const char *name,
                        const char *unit, sim_time at, double value);
void dataset_group(struct dataset *d);

/* The swept value of exactly that path, or NULL; the dataset's. */
const struct data_param *data_param_find(const struct data_case *c, const char *path);
/* "latency" alone finds "latency.mean". */
const struct data_scalar *data_scalar_find(const struct data_point *p, const char *name);

struct data_value {
    double mean, half_width;
    const char *unit; /* the dataset's; NULL when n is 0 */
    unsigned flags;
    size_t n;         /* replications behind it */
    enum sim_why why; /* n is 0: why */
};
/* Mean over a case's good replications and its 95 % half width: Student's t over at least two, else
 * what the run itself claims (NAN: nothing).  False when no good point has a value of the scalar:
 * both are NAN then. */
bool dataset_value(const struct dataset *d, const struct data_case *c, const char *scalar,
                   struct data_value *out) MUST_CHECK;

/* How a case is to be marked: by the first of its points that is without a window, saturated or not
 * steady. */
enum sim_why dataset_mark(const struct dataset *d, const struct data_case *c);

/* All names that some point has: a NULL-terminated list for sentences; free the list alone. */
const char **dataset_scalar_names(const struct dataset *d);
const char **dataset_param_paths(const struct dataset *d);

/* A value as text to a number in base units: plain number, time, size or rate; NAN: neither. */
double data_number(const char *text);
/* Equal as numbers, or as text. */
bool data_same(const char *a, const char *b);

#endif
