/* clean.h: what a terminal could obey is taken out of what is printed.
 *
 * Titles, values, keys, file names, and what a simulated program says come from elsewhere.  All
 * that psim prints goes through one filter, so nobody else has to think of it; only the progress
 * line, which steers the terminal on purpose, goes past it.
 */
#ifndef CLI_CLEAN_H
#define CLI_CLEAN_H

#include <stdio.h>

#include "sim/base/base.h"

/* From here on standard output and standard error show '?' for every control character but tab and
 * newline, for DEL, for U+0080 to U+009F, and for bytes that begin no UTF-8 character. */
void clean_streams(void);

/* The same in place, and for a text of one line: newlines and tabs become blanks.  Returns s. */
char *clean_line(char *s);
/* The same where newlines and tabs stay: in a file, as on the streams. */
char *clean_text(char *s);

/* Like fprintf for a line, or a part of one: cleaned as clean_line does, but for a newline at its
 * end. */
void clean_print(FILE *to, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
