/* trace.c: see trace.h. */
#include "workloads/tape/trace.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/units.h"

enum { LINE_BYTES = 256, FIELDS = 6, RANKS = 60000 };

struct reader {
    const struct input *in;
    struct err *e;
    size_t line;
    uint64_t files;
    struct tape_trace *t;
};

static bool bad(struct reader *r, const char *what, const char *field, const char *allowed)
{
    return err_set(r->e, "%s:%zu: %s is '%s'; %s", r->in->shown, r->line, what, field, allowed);
}

static bool number(struct reader *r, const char *what, const char *text, uint64_t most,
                   uint64_t *out)
{
    char *end = NULL;
    if (isdigit((unsigned char)text[0]) && strlen(text) < 19)
        *out = strtoull(text, &end, 10);
    return (end != NULL && *end == 0 && *out <= most) ||
           bad(r, what, text, "write a number of that size at most, in digits");
}

/* A file that the archive does not have from the start was written by the same rank before, as
 * large as it is now. */
static bool known(struct reader *r, uint32_t rank, const struct tape_op *o)
{
    if (o->write && o->file < r->files)
        return err_set(r->e, "%s:%zu: file %llu is written, and the archive has it from the start",
                       r->in->shown, r->line, (unsigned long long)o->file);
    bool there = o->file < r->files;
    for (size_t i = r->t->ranks[rank].count; i > 0 && !there; i--) {
        const struct tape_op *x = &r->t->ranks[rank].ops[i - 1];
        there = x->write && x->file == o->file && x->bytes == o->bytes;
    }
    if (o->write)
        return !there || err_set(r->e, "%s:%zu: file %llu is written twice", r->in->shown, r->line,
                                 (unsigned long long)o->file);
    return there || err_set(r->e,
                            "%s:%zu: file %llu of %llu bytes is neither in the archive from the "
                            "start nor written by rank %u before",
                            r->in->shown, r->line, (unsigned long long)o->file,
                            (unsigned long long)o->bytes, rank);
}

static bool line_of(struct reader *r, char *text)
{
    char *save = NULL, *field[FIELDS];
    size_t n = 0;
    uint64_t rank;
    struct tape_op o = { .write = false };
    struct err ignored = ERR_INIT;
    for (char *w = strtok_r(text, " \t", &save); w && n < FIELDS; w = strtok_r(NULL, " \t", &save))
        field[n++] = w;
    if (n != 5)
        return bad(r, "the line", field[0], "wanted TIME RANK read|write FILE BYTES");
    if (!units_parse_time(field[0], &o.at, &ignored) || o.at < 0)
        return bad(r, "the time", field[0], "write 12.5s, since the start");
    o.write = strcmp(field[2], "write") == 0;
    if (!o.write && strcmp(field[2], "read") != 0)
        return bad(r, "the operation", field[2], "write read or write");
    if (!number(r, "the rank", field[1], RANKS - 1, &rank) ||
        !number(r, "the file", field[3], UINT64_C(1) << 59, &o.file) ||
        !number(r, "the size", field[4], UINT64_C(1) << 50, &o.bytes))
        return false;
    if (o.bytes == 0)
        return bad(r, "the size", field[4], "a file has a byte at least");
    struct tape_trace *t = r->t;
    for (; t->rank_count <= rank; t->rank_count++) {
        t->ranks = base_realloc(t->ranks, (t->rank_count + 1) * sizeof *t->ranks);
        t->ranks[t->rank_count].ops = NULL;
        t->ranks[t->rank_count].count = 0;
    }
    size_t *count = &t->ranks[rank].count;
    if (*count > 0 && o.at < t->ranks[rank].ops[*count - 1].at)
        return bad(r, "the time", field[0], "it is before that of the rank's line before");
    if (!known(r, (uint32_t)rank, &o))
        return false;
    if ((*count & (*count - 1)) == 0)
        t->ranks[rank].ops = base_realloc(t->ranks[rank].ops, (*count ? 2 * *count : 1) * sizeof o);
    t->ranks[rank].ops[(*count)++] = o;
    return true;
}

struct tape_trace *tape_trace_read(const struct input *in, uint64_t files, struct err *e)
{
    struct reader r = { .in = in, .e = e, .files = files, .t = base_zalloc(1, sizeof *r.t) };
    struct input_lines lines = { .in = in };
    char text[LINE_BYTES];
    bool good = true;
    while (good && input_line(&lines, text, sizeof text, e)) {
        r.line = lines.number;
        good = line_of(&r, text);
    }
    good = good && !e->set;
    if (good && r.t->rank_count == 0)
        good = err_set(e, "%s: holds no request", in->shown);
    if (good)
        return r.t;
    tape_trace_free(r.t);
    return NULL;
}

void tape_trace_free(struct tape_trace *t)
{
    if (t == NULL)
        return;
    for (uint32_t i = 0; i < t->rank_count; i++)
        free(t->ranks[i].ops);
    free(t->ranks);
    free(t);
}
