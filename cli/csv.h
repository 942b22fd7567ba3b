/* csv.h: comma-separated values as spreadsheets and scripts read them (RFC 4180).
 *
 * Text that a spreadsheet would take for a formula gets an apostrophe in front; numbers are written
 * as they are.
 */
#ifndef CLI_CSV_H
#define CLI_CSV_H

#include <stdio.h>

#include "sim/base/base.h"

struct csv {
    FILE *to;
    bool started; /* a cell stands in this line */
};

void csv_text(struct csv *c, const char *s);
void csv_number(struct csv *c, double x); /* shortest text that reads back; NAN: empty */
void csv_int(struct csv *c, int64_t x);
void csv_uint(struct csv *c, uint64_t x);
void csv_end(struct csv *c);

#endif
