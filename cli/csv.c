/* csv.c: writes cells and lines. */
#include "cli/csv.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void separate(struct csv *c)
{
    if (c->started)
        fputc(',', c->to);
    c->started = true;
}

/* Is all of it a number?  Then a spreadsheet reads a number, whatever it starts with. */
static bool is_number(const char *s)
{
    char *end;
    strtod(s, &end);
    return end != s && *end == '\0';
}

void csv_text(struct csv *c, const char *s)
{
    separate(c);
    bool formula = s[0] != '\0' && strchr("=+-@\t\r", s[0]) != NULL && !is_number(s);
    bool plain = strpbrk(s, ",\"\r\n") == NULL && !formula && strcmp(s, "") != 0;
    if (plain) {
        fputs(s, c->to);
        return;
    }
    fputs(formula ? "\"'" : "\"", c->to);
    for (; *s != '\0'; s++) {
        if (*s == '"')
            fputc('"', c->to);
        fputc(*s, c->to);
    }
    fputc('"', c->to);
}

void csv_number(struct csv *c, double x)
{
    char buf[40] = "";
    separate(c);
    for (int digits = 6; isfinite(x) && digits <= 17; digits++) {
        snprintf(buf, sizeof buf, "%.*g", digits, x);
        if (strtod(buf, NULL) == x)
            break;
    }
    fputs(buf, c->to);
}

void csv_int(struct csv *c, int64_t x)
{
    separate(c);
    fprintf(c->to, "%" PRId64, x);
}

void csv_uint(struct csv *c, uint64_t x)
{
    separate(c);
    fprintf(c->to, "%" PRIu64, x);
}

void csv_end(struct csv *c)
{
    fputs("\n", c->to);
    c->started = false;
}
