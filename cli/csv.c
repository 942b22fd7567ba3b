/* csv.c: writes cells and lines. */
#include "cli/csv.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/clean.h"

/* False when the next cell is of a column that is left out. */
static bool separate(struct csv *c)
{
    size_t column = c->at++;
    if (column < c->head_count && !c->keep[column])
        return false;
    if (c->started)
        fputc(',', c->to);
    c->started = true;
    return true;
}

/* Is `name`, or `name` without its unit, the word of n characters? */
static bool named(const char *name, const char *word, size_t n)
{
    const char *unit = strstr(name, " [");
    size_t bare = unit != NULL ? (size_t)(unit - name) : strlen(name);
    return (bare == n || strlen(name) == n) && strncmp(name, word, n) == 0;
}

static bool chosen(const char *columns, const char *name)
{
    for (const char *p = columns; p != NULL; p = *p == ',' ? p + 1 : NULL) {
        size_t n = strcspn(p, ",");
        if (named(name, p, n))
            return true;
        p += n;
    }
    return columns == NULL;
}

void csv_head(struct csv *c, const char *name)
{
    c->keep = base_realloc(c->keep, (c->head_count + 1) * sizeof *c->keep);
    c->heads = base_realloc(c->heads, (c->head_count + 1) * sizeof *c->heads);
    c->heads[c->head_count] = base_strdup(name);
    c->keep[c->head_count++] = chosen(c->columns, name);
    csv_text(c, name);
}

bool csv_unknown(const struct csv *c, char *out, size_t size)
{
    for (const char *p = c->columns; p != NULL; p = *p == ',' ? p + 1 : NULL) {
        size_t n = strcspn(p, ","), i = 0;
        while (i < c->head_count && !named(c->heads[i], p, n))
            i++;
        if (i == c->head_count) {
            snprintf(out, size, "%.*s", (int)n, p);
            return true;
        }
        p += n;
    }
    return false;
}

void csv_fini(struct csv *c)
{
    for (size_t i = 0; i < c->head_count; i++)
        free(c->heads[i]);
    free(c->heads);
    free(c->keep);
}

/* Is all of it a number?  Then a spreadsheet reads a number, whatever it starts with. */
static bool is_number(const char *s)
{
    char *end;
    strtod(s, &end);
    return end != s && *end == '\0';
}

void csv_text(struct csv *c, const char *text)
{
    if (!separate(c))
        return;
    char *clean = clean_text(base_strdup(text)), *s = clean;
    bool formula = s[0] != '\0' && strchr("=+-@\t\r", s[0]) != NULL && !is_number(s);
    bool plain = strpbrk(s, ",\"\r\n") == NULL && !formula && strcmp(s, "") != 0;
    fputs(plain ? "" : formula ? "\"'" : "\"", c->to);
    for (; *s != '\0'; s++) {
        if (*s == '"')
            fputc('"', c->to);
        fputc(*s, c->to);
    }
    fputs(plain ? "" : "\"", c->to);
    free(clean);
}

void csv_number(struct csv *c, double x)
{
    char buf[40] = "";
    if (!separate(c))
        return;
    for (int digits = 6; isfinite(x) && digits <= 17; digits++) {
        snprintf(buf, sizeof buf, "%.*g", digits, x);
        if (strtod(buf, NULL) == x)
            break;
    }
    fputs(buf, c->to);
}

void csv_int(struct csv *c, int64_t x)
{
    if (separate(c))
        fprintf(c->to, "%" PRId64, x);
}

void csv_uint(struct csv *c, uint64_t x)
{
    if (separate(c))
        fprintf(c->to, "%" PRIu64, x);
}

void csv_end(struct csv *c)
{
    fputs("\n", c->to);
    c->started = false;
    c->at = 0;
}
