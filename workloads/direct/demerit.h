/* demerit.h: how far apart two distributions of response times are.
 *
 * The demerit figure is the root mean square of the horizontal distance between the two cumulative
 * distributions: between the times at which each reaches the same share of requests [Ruemmler &
 * Wilkes 1994].
 */
#ifndef WORKLOADS_DIRECT_DEMERIT_H
#define WORKLOADS_DIRECT_DEMERIT_H

#include "sim/base/err.h"

/* Of a[0..n) and b[0..m), n, m > 0, which are sorted here. */
double demerit(double *a, size_t n, double *b, size_t m);

/* Response times of a record of requests, in the file's order. */
struct demerit_record {
    double *ms;
    bool *read;
    size_t count;
    bool has_op; /* false: reads and writes are not told apart */
};

/* Reads comma-separated values whose first line names the columns: "response_ms", and "op" (R or W)
 * when there is one.  False with a sentence that names the line. */
bool demerit_read(const char *path, struct demerit_record *out, struct err *e);
void demerit_record_fini(struct demerit_record *r);

#endif
