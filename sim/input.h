/* input.h: files that a run reads: opened once, read whole, and only what is a regular file.
 *
 *   INPUT1  A name that stands in a configuration is opened below the configuration's folder: no
 *       absolute path, no "..", no link that leads out.  A name that the user typed is his.
 *   INPUT2  What is no regular file (a FIFO, a device, a socket) is never opened to read, so it
 *       cannot block, and reading it has no effect.
 *   INPUT3  The content is hashed where it is read, so a point's identity names what it ran with.
 */
#ifndef SIM_INPUT_H
#define SIM_INPUT_H

#include "sim/base/base.h"
#include "sim/base/err.h"

#define INPUT_MAX ((size_t)1 << 30)

struct input {
    char *name;  /* as it was written */
    char *shown; /* for sentences: with the folder */
    char *text;  /* the content, and a zero behind it */
    size_t length;
    char hash[33]; /* of the content, 32 hexadecimal digits */
    bool missing;  /* it could not be read because there is none */
};

/* Reads `name` below the folder `dir`, or (NULL) wherever it is.  False with a sentence when it
 * cannot be read or has more than `max` bytes; *in needs no input_fini then. */
bool input_read(struct input *in, const char *dir, const char *name, size_t max,
                struct err *e) MUST_CHECK;
void input_fini(struct input *in);

/* ---- lines of text: blanks at both ends, empty lines and what follows a '#' are left out ---- */

struct input_lines {
    const struct input *in;
    size_t at, number; /* of the last line given, from 1 */
};

/* The next line that is not empty, in `out`.  False at the end, and with a sentence for what is no
 * text (zero bytes, a byte order mark) or longer than `size` allows. */
bool input_line(struct input_lines *l, char *out, size_t size, struct err *e);

#endif
