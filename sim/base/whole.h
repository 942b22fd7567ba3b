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

/* Files that a run writes into one folder: they appear together, when it has ended. */
struct whole_folder {
    const char *path;
    struct whole *files;
    size_t count;
    struct err failed; /* set by the first file that could not be begun */
};

/* Begins a file there, which the folder closes; NULL without a folder, and when it cannot be
 * written. */
FILE *whole_folder_file(struct whole_folder *f, const char *name);
/* Closes all of them as whole_close does; false with the first failure, an earlier one too. */
bool whole_folder_close(struct whole_folder *f, bool keep, struct err *e) MUST_CHECK;

#endif
