/* err.c: sentences about a user's mistakes, and the nearest known name.
 *
 * The distance is the restricted Damerau-Levenshtein distance (optimal string alignment): inserts,
 * deletes, replacements and swaps of neighbours count one each, and no part is edited twice
 * [Damerau 1964; Wagner & Lowrance 1975].
 */
#include "sim/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN 64 /* longer names are never suggested */

bool err_set(struct err *e, const char *fmt, ...)
{
    if (e == NULL || e->set)
        return false;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    e->set = true;
    return false;
}

bool err_lost(struct err *e, const char *fmt, ...)
{
    if (e == NULL || e->set)
        return false;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    e->set = e->lost = true;
    return false;
}

static void append(struct err *e, const char *text)
{
    size_t used = strlen(e->text);
    snprintf(e->text + used, sizeof e->text - used, "%s", text);
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(const char *a, size_t m, const char *b, size_t n)
{
    size_t rows[3][NAME_MAX_LEN + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= n; j++) {
        above[j] = j;
        before[j] = 0;
    }
    for (size_t i = 1; i <= m; i++) {
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] = min_size(min_size(above[j], row[j - 1]) + 1, above[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = min_size(row[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[n];
}

const char *nearest_name(const char *wrong, const char *const *names)
{
    size_t m = strlen(wrong);
    if (m == 0 || m > NAME_MAX_LEN)
        return NULL;
    const char *best = NULL;
    size_t best_distance = (m + 2) / 3;
    for (size_t i = 0; names[i] != NULL; i++) {
        size_t n = strlen(names[i]);
        if (n > NAME_MAX_LEN)
            continue;
        size_t d = distance(wrong, m, names[i], n);
        if (d < best_distance || (d == best_distance && best == NULL)) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}

void err_nearest(struct err *e, const char *wrong, const char *const *names)
{
    if (e == NULL)
        return;
    const char *near = nearest_name(wrong, names);
    if (near != NULL) {
        append(e, ", did you mean '");
        append(e, near);
        append(e, "'?");
        return;
    }
    if (names[0] == NULL)
        return;
    append(e, "; known are ");
    for (size_t i = 0; names[i] != NULL; i++) {
        if (i > 0)
            append(e, ", ");
        append(e, names[i]);
    }
}
