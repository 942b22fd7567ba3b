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
    const char *columns; /* "idx,digest": only columns with these heads; NULL: all */
    bool *keep;          /* of each column; with its name, made by csv_head */
    char **heads;
    size_t head_count;
    size_t at;    /* column of the next cell */
    bool started; /* a cell stands in this line */
};

/* A cell of the first line.  "time [s]" is chosen by "time" too. */
void csv_head(struct csv *c, const char *name);
/* True when `columns` names what no head has; the name goes to out. */
bool csv_unknown(const struct csv *c, char *out, size_t size);
void csv_fini(struct csv *c);

/* The next cell of the line; nothing is written of a column that is not kept.  Whether writing
 * failed is the stream's to tell (ferror). */
void csv_text(struct csv *c, const char *s); /* in quotes where it must be */
void csv_number(struct csv *c, double x);    /* shortest text that reads back; NAN: empty */
void csv_int(struct csv *c, int64_t x);
void csv_uint(struct csv *c, uint64_t x);
void csv_end(struct csv *c); /* of the line */

#endif
