/* err.h: one sentence about a user's mistake.
 *
 * A function that can meet a user's mistake takes a `struct err *` as its last parameter and
 * returns false.  The first mistake is kept; the sentence names file and line where they are known,
 * the offending value, what is allowed, and the nearest known name.
 */
#ifndef SIM_BASE_ERR_H
#define SIM_BASE_ERR_H

#include "sim/base/base.h"

struct err {
    bool set;
    bool lost;       /* output could not be written: the command ends with 3 */
    char text[1024]; /* one sentence, no newline at the end */
};

#define ERR_INIT                                                                                   \
    {                                                                                              \
        .set = false, .text = ""                                                                   \
    }

/* Writes the sentence unless one is there already.  Always returns false, so that a caller can
 * `return err_set(e, ...)`. */
bool err_set(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The same for output that is lost: a full disk, a device that fails. */
bool err_lost(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Appends ", did you mean 'x'?" when one of `names` (NULL-terminated) is near `wrong` (restricted
 * Damerau-Levenshtein distance at most a third of its length, rounded up); else appends the list of
 * allowed names. */
void err_nearest(struct err *e, const char *wrong, const char *const *names);

/* The nearest of `names`, or NULL when none is near enough. */
const char *nearest_name(const char *wrong, const char *const *names);

#endif
