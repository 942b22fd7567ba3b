/* draw.h: a drawing of curves with error bars, made by gnuplot as a child process.
 *
 * Names on the x axis are bars.  What cannot be told apart by curves alone becomes small multiples,
 * or is refused with what there is to choose.  The script goes through a pipe, data inside it as
 * numbers, text in single quotes only, so no name in a results file can become a command.
 */
#ifndef CLI_DRAW_H
#define CLI_DRAW_H

#include <stdio.h>

#include "cli/dataset.h"
#include "sim/base/val.h"

#define DRAW_COLOURS 24 /* curves that can be told apart, and panels of small multiples */
#define DRAW_EVERY_PANEL SIZE_MAX

struct draw_series {
    char *label;
    bool published; /* points of somebody else: hollow, no line */
    size_t colour;
    size_t panel; /* DRAW_EVERY_PANEL: in all */
    size_t count;
    double *x, *y, *half_width; /* in base units; half width NAN: none */
    double *marked;             /* 1: not steady, saturated or without a window; drawn hollow */
};

struct drawing {
    char *title, *x_label, *y_label, *key_title; /* labels without units */
    char *x_unit, *y_unit;                       /* "s", "B", "B/s", "1", ... */
    bool log_x, log_y;
    char **categories; /* names of x = 0, 1, ...; NULL: x is a number */
    size_t category_count;
    char **panels; /* small multiples: the title of each; NULL: one drawing */
    size_t panel_count;
    struct draw_series *series;
    size_t count;
};

/* What to draw of a dataset. */
struct draw_request {
    const char *x;  /* swept parameter; NULL: the number that takes the most values */
    const char *y;  /* scalar; NULL: the first default column */
    const char *by; /* one curve for each value, what else is swept makes panels; NULL: chosen */
    const struct val *where; /* table path -> value; NULL: all */
    const struct val *over;  /* y becomes the y at these values over it: a speed-up; NULL: no */
    const char *log;         /* "", "x", "y", "xy" */
    const char *title, *x_label, *y_label; /* NULL: made */
};

/* False with a sentence when there is nothing to draw; *out is empty then. */
bool drawing_make(struct drawing *out, const struct dataset *d, const struct draw_request *q,
                  struct err *e) MUST_CHECK;
void drawing_fini(struct drawing *g);
struct draw_series *drawing_add(struct drawing *g, const char *label, bool published,
                                size_t colour);
void draw_series_add(struct draw_series *s, double x, double y, double half_width);
void draw_series_mark(struct draw_series *s); /* the point added last */

/* Writes the gnuplot script that draws to `output` (.svg or .png). */
void drawing_script(const struct drawing *g, const char *output, FILE *to);
/* Whether a drawing can be begun there, asked before the work that is to be drawn; an old file
 * stays. */
bool drawing_begins(const char *output, struct err *e) MUST_CHECK;
/* Draws.  False with a sentence: gnuplot is not there or failed, the file cannot be written. */
bool drawing_run(const struct drawing *g, const char *output, struct err *e) MUST_CHECK;

/* Makes the folders of a path, like mkdir -p of its dirname. */
bool draw_make_folder(const char *path, struct err *e) MUST_CHECK;

#endif
