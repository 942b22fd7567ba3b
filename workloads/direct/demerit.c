/* demerit.c: how far apart two distributions of response times are. */
#include "workloads/direct/demerit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/input.h"

#define LINE_MAX_BYTES 4096

static int rising(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

double demerit(double *a, size_t n, double *b, size_t m)
{
    ASSERT(n > 0 && m > 0);
    qsort(a, n, sizeof *a, rising);
    qsort(b, m, sizeof *b, rising);
    /* Both quantile functions are steps: at i/n and at j/m.  Shares are counted in 1/(n m). */
    double sum = 0, whole = (double)n * (double)m;
    size_t i = 0, j = 0;
    double at = 0;
    while (i < n && j < m) {
        double end_a = (double)(i + 1) * (double)m, end_b = (double)(j + 1) * (double)n;
        double end = end_a < end_b ? end_a : end_b;
        sum += (end - at) * (a[i] - b[j]) * (a[i] - b[j]);
        at = end;
        i += end_a <= end;
        j += end_b <= end;
    }
    return sqrt(sum / whole);
}

/* Cuts a line at its commas, in place; returns how many fields there are. */
static size_t cut(char *line, char **field, size_t max)
{
    size_t n = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *rest = line; rest != NULL && n < max;)
        field[n++] = strsep(&rest, ",");
    return n;
}

static bool find_columns(char *line, size_t *ms, size_t *op, bool *has_op)
{
    char *field[64];
    size_t n = cut(line, field, ARRAY_LEN(field));
    bool found = false;
    *has_op = false;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(field[i], "response_ms") == 0) {
            *ms = i;
            found = true;
        } else if (strcmp(field[i], "op") == 0) {
            *op = i;
            *has_op = true;
        }
    }
    return found;
}

static bool take(struct demerit_record *out, char *line, size_t ms, size_t op, size_t *capacity)
{
    char *field[64], *end;
    size_t n = cut(line, field, ARRAY_LEN(field));
    if (ms >= n || (out->has_op && op >= n))
        return false;
    double t = strtod(field[ms], &end);
    if (end == field[ms] || *end != '\0' || !isfinite(t) || t < 0)
        return false;
    bool read = true;
    if (out->has_op) {
        read = field[op][0] == 'R' || field[op][0] == 'r';
        if (!read && field[op][0] != 'W' && field[op][0] != 'w')
            return false;
    }
    if (out->count == *capacity) {
        *capacity = *capacity == 0 ? 1024 : 2 * *capacity;
        out->ms = base_realloc(out->ms, *capacity * sizeof *out->ms);
        out->read = base_realloc(out->read, *capacity * sizeof *out->read);
    }
    out->ms[out->count] = t;
    out->read[out->count++] = read;
    return true;
}

bool demerit_read(const char *path, struct demerit_record *out, struct err *e)
{
    char line[LINE_MAX_BYTES];
    size_t ms = 0, op = 0, capacity = 0;
    struct input in;
    *out = (struct demerit_record){ .count = 0 };
    if (!input_read(&in, NULL, path, INPUT_MAX, e))
        return false;
    struct input_lines from = { .in = &in };
    bool ok = input_line(&from, line, sizeof line, e) && find_columns(line, &ms, &op, &out->has_op);
    if (!ok)
        err_set(e, "%s: its first line does not name a column 'response_ms'", path);
    while (ok && input_line(&from, line, sizeof line, e))
        ok = take(out, line, ms, op, &capacity) ||
             err_set(e, "%s:%zu: not a request: wanted a time in ms, at least 0%s", path,
                     from.number, out->has_op ? ", and R or W" : "");
    ok = ok && !e->set && (out->count > 0 || err_set(e, "%s: holds no request", path));
    input_fini(&in);
    if (!ok)
        demerit_record_fini(out);
    return ok;
}

void demerit_record_fini(struct demerit_record *r)
{
    free(r->ms);
    free(r->read);
    *r = (struct demerit_record){ .count = 0 };
}
