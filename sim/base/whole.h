/* whole.h: files that appear whole or not at all: written beside, checked to their end, renamed.
 *
 * What is no regular file (a terminal, a pipe, /dev/full) is written directly.  A process that dies
 * leaves the old file as it was, and its part beside it.
 */
#ifndef SIM_BASE_WHOLE_H
#define SIM_BASE_WHOLE_H

#include <stdio.h>

#include "sim/base/err.h"

struct whole {
    FILE *file; /* write here; NULL: not open */
    char *path;
    char *part; /* its name until it is whole; NULL: written directly */
};

/* `what` begins the sentence: "the trace", "the drawing". */
bool whole_open(struct whole *w, const char *what, const char *path, struct err *e) MUST_CHECK;
/* `keep` false: the part is removed, an old file stays.  False with a sentence that is a loss
 * (err_lost) when the file could not be written to its end; nothing appears then. */
bool whole_close(struct whole *w, const char *what, bool keep, struct err *e) MUST_CHECK;

#endif
