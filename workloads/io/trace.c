/* trace.c: see trace.h. */
#include "workloads/io/trace.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/units.h"

enum { LINE_BYTES = 512, FIELDS = 9, RANKS = 1 << 20 };

static const struct {
    const char *name, *rest;
    size_t least, most; /* fields behind OP */
} ops[TRACE_OPS] = {
    [TRACE_OPEN] = { "open", "FILE [MODE] [factor=N]", 1, 3 },
    [TRACE_READ] = { "read", "FILE OFFSET SIZE [STRIDE COUNT]", 3, 5 },
    [TRACE_WRITE] = { "write", "FILE OFFSET SIZE [STRIDE COUNT]", 3, 5 },
    [TRACE_SIZE] = { "size", "FILE SIZE", 2, 2 },
    [TRACE_FLUSH] = { "flush", "FILE", 1, 1 },
    [TRACE_CLOSE] = { "close", "FILE", 1, 1 },
    [TRACE_REMOVE] = { "remove", "FILE", 1, 1 },
    [TRACE_BARRIER] = { "barrier", "", 0, 0 },
};

struct reader {
    const struct input *in;
    const struct pio_ops *system;
    struct trace *t;
    struct err *e;
    size_t line;
    uint32_t *users; /* by file: the rank that uses it, and 1; UINT32_MAX: several */
};

static bool bad(struct reader *r, const char *what, const char *field, const char *allowed)
{
    return err_set(r->e, "%s:%zu: %s is '%s'; %s", r->in->shown, r->line, what, field, allowed);
}

static void *grown(void *items, size_t count, size_t size)
{
    if (count & (count - 1))
        return items;
    return base_realloc(items, (count ? 2 * count : 1) * size);
}

/* A whole number, or a size with a unit. */
static bool number(struct reader *r, const char *what, const char *text, uint64_t *out)
{
    struct err ignored = ERR_INIT;
    int64_t size;
    char *end;
    if (isdigit((unsigned char)text[0])) {
        *out = strtoull(text, &end, 10);
        if (*end == 0 && *out <= INT64_MAX)
            return true;
        if (*end != 0 && units_parse_size(text, &size, &ignored) && size >= 0) {
            *out = (uint64_t)size;
            return true;
        }
    }
    return bad(r, what, text, "write bytes, such as 65536 or 64KiB");
}

static bool when(struct reader *r, const char *text, struct trace_line *l)
{
    struct err ignored = ERR_INIT;
    l->at = text[0] == '@';
    return ((l->at || text[0] == '+') && units_parse_time(text + 1, &l->when, &ignored) &&
            l->when >= 0) ||
           bad(r, "the time", text,
               "write +1.5ms (a pause after the line before) or @2s (since the start)");
}

static uint32_t file_of(struct reader *r, const char *name, uint32_t rank)
{
    struct trace *t = r->t;
    uint32_t i = 0;
    while (i < t->file_count && strcmp(t->files[i].name, name) != 0)
        i++;
    if (i == t->file_count) {
        t->files = grown(t->files, i, sizeof *t->files);
        r->users = grown(r->users, i, sizeof *r->users);
        t->files[i] = (struct trace_file){ .name = base_strdup(name) };
        r->users[i] = rank + 1;
        t->file_count++;
    }
    if (r->users[i] != rank + 1)
        t->shared = true;
    return i;
}

static bool mode_of(struct reader *r, const char *text, int *mode)
{
    struct err why = ERR_INIT;
    return pio_mode_find(r->system, text, "the mode", mode, &why) ||
           err_set(r->e, "%s:%zu: %s", r->in->shown, r->line, why.text);
}

static const char factor_is[] = "factor=";

static bool factor_of(struct reader *r, const char *text, uint32_t file)
{
    struct trace_file *f = &r->t->files[file];
    size_t n = strlen(factor_is);
    uint64_t factor = 0;
    if (strncmp(text, factor_is, n) != 0 || !number(r, "the factor", text + n, &factor) ||
        factor == 0 || factor > 4096)
        return bad(r, "the factor", text, "write factor=4, from 1 to 4096");
    if (f->factor > 0 && f->factor != factor)
        return err_set(r->e, "%s:%zu: the factor of file '%s' is %s, but was %u", r->in->shown,
                       r->line, f->name, text + n, f->factor);
    f->factor = (uint32_t)factor;
    return true;
}

/* The fields behind OP. */
static bool rest_of(struct reader *r, char **field, size_t n, uint32_t rank, struct trace_line *l)
{
    if (n == 0)
        return true;
    if (strlen(field[0]) > 60 || field[0][0] == '/')
        return bad(r, "the file", field[0], "write a name of at most 60 bytes without / in front");
    l->file = file_of(r, field[0], rank);
    l->mode = PIO_PLAIN;
    if (l->op == TRACE_OPEN)
        return (n < 3 || factor_of(r, field[2], l->file)) &&
               (n < 2 || (n == 2 && strncmp(field[1], factor_is, strlen(factor_is)) == 0
                              ? factor_of(r, field[1], l->file)
                              : mode_of(r, field[1], &l->mode)));
    if (l->op == TRACE_SIZE)
        return number(r, "the size", field[1], &l->run.len);
    if (l->op != TRACE_READ && l->op != TRACE_WRITE)
        return true;
    struct file_run *run = &l->run;
    run->count = 1;
    if (!number(r, "the offset", field[1], &run->off) ||
        !number(r, "the size", field[2], &run->len) ||
        (n > 3 && !number(r, "the stride", field[3], &run->stride)) ||
        (n > 4 && !number(r, "the count", field[4], &run->count)))
        return false;
    if (n == 4)
        return bad(r, "the stride", field[3], "a count must follow it");
    if (run->len == 0 || run->count == 0)
        return bad(r, "the size or count", "0", "a request moves at least one byte");
    if (run->count > 1 && run->stride < run->len)
        return bad(r, "the stride", field[3], "pieces must not overlap: at least the size");
    return (double)run->count * (double)run->stride + (double)run->off + (double)run->len < 1e18 ||
           bad(r, "the count", field[4], "the request ends beyond 1 EiB");
}

static bool line_of(struct reader *r, char *text)
{
    char *save = NULL, *field[FIELDS];
    size_t n = 0, op = 0;
    uint64_t rank;
    for (char *w = strtok_r(text, " \t", &save); w && n < FIELDS; w = strtok_r(NULL, " \t", &save))
        field[n++] = w;
    if (n < 3)
        return bad(r, "the line", field[0], "wanted RANK WHEN OP ...");
    while (op < TRACE_OPS && strcmp(field[2], ops[op].name) != 0)
        op++;
    if (op == TRACE_OPS)
        return bad(r, "the operation", field[2],
                   "write open, read, write, size, flush, close, remove or barrier");
    if (n - 3 < ops[op].least || n - 3 > ops[op].most)
        return err_set(r->e, "%s:%zu: %zu fields behind '%s', wanted %s", r->in->shown, r->line,
                       n - 3, ops[op].name, ops[op].rest[0] ? ops[op].rest : "none");
    if (!number(r, "the rank", field[0], &rank) || rank >= RANKS)
        return bad(r, "the rank", field[0], "write a number from 0 to 1048575");
    struct trace_line l = { .op = (enum trace_op)op, .line = (uint32_t)r->line };
    if (!when(r, field[1], &l) || !rest_of(r, field + 3, n - 3, (uint32_t)rank, &l))
        return false;
    struct trace *t = r->t;
    for (; t->rank_count <= rank; t->rank_count++) {
        t->ranks = grown(t->ranks, t->rank_count, sizeof *t->ranks);
        t->ranks[t->rank_count] = (struct trace_rank){ .lines = NULL };
    }
    struct trace_rank *mine = &t->ranks[rank];
    mine->lines = grown(mine->lines, mine->count, sizeof *mine->lines);
    mine->lines[mine->count++] = l;
    return true;
}

/* ---- what the lines of a rank say together ---- */

static uint64_t end_of(const struct file_run *r)
{
    return r->off + (r->count - 1) * r->stride + r->len;
}

static void count_request(struct reader *r, const struct trace_line *l)
{
    struct trace_file *f = &r->t->files[l->file];
    uint64_t end = end_of(&l->run);
    f->extent = end > f->extent ? end : f->extent;
    if (l->op == TRACE_READ)
        f->reads = end > f->reads ? end : f->reads;
    else
        r->t->writes++;
}

/* Each file is open while it is used, and all ranks have as many barriers. */
static bool fits(struct reader *r, uint32_t rank, size_t *barriers)
{
    struct trace *t = r->t;
    struct trace_rank *mine = &t->ranks[rank];
    bool *is_open = base_zalloc(t->file_count + 1, sizeof *is_open), good = true;
    size_t met = 0;
    for (size_t i = 0; i < mine->count && good; i++) {
        const struct trace_line *l = &mine->lines[i];
        bool request = l->op == TRACE_READ || l->op == TRACE_WRITE;
        bool wants = request || l->op == TRACE_SIZE || l->op == TRACE_FLUSH || l->op == TRACE_CLOSE;
        if (l->op == TRACE_BARRIER) {
            met++;
            continue;
        }
        if (is_open[l->file] != wants)
            good = err_set(r->e, "%s:%u: %s of file '%s', which is %s", r->in->shown, l->line,
                           ops[l->op].name, t->files[l->file].name, wants ? "not open" : "open");
        if (l->op == TRACE_OPEN || l->op == TRACE_CLOSE)
            is_open[l->file] = l->op == TRACE_OPEN;
        t->can |= l->op == TRACE_SIZE     ? PIO_CAN(PIO_SET_SIZE)
                  : l->op == TRACE_REMOVE ? PIO_CAN(PIO_UNLINK)
                                          : 0;
        if (request)
            count_request(r, l);
        mine->requests += request;
    }
    t->active += mine->requests > 0;
    free(is_open);
    if (rank == 0)
        *barriers = met;
    return good &&
           (met == *barriers || err_set(r->e, "%s: rank %u has %zu barriers, rank 0 has %zu",
                                        r->in->shown, rank, met, *barriers));
}

/* ---- what a file must have beforehand ---- */

struct extent {
    uint64_t from, to;
};

static int by_from(const void *a, const void *b)
{
    const struct extent *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

/* Calls fn for each request of a file with the number of barriers before it. */
static void each_request(const struct trace *t, uint32_t file,
                         void (*fn)(void *arg, const struct trace_line *l, uint32_t epoch),
                         void *arg)
{
    for (uint32_t r = 0; r < t->rank_count; r++)
        for (size_t i = 0, epoch = 0; i < t->ranks[r].count; i++) {
            const struct trace_line *l = &t->ranks[r].lines[i];
            epoch += l->op == TRACE_BARRIER;
            if ((l->op == TRACE_READ || l->op == TRACE_WRITE) && l->file == file)
                fn(arg, l, (uint32_t)epoch);
        }
}

enum {
    PIECES = 1 << 20
}; /* of a file that are looked at: one with more has its bytes beforehand */

struct written {
    uint32_t first_read;
    bool too_many;
    struct extent *pieces;
    size_t count;
};

static void find_read(void *arg, const struct trace_line *l, uint32_t epoch)
{
    struct written *w = arg;
    if (l->op == TRACE_READ && epoch < w->first_read)
        w->first_read = epoch;
}

static void take_write(void *arg, const struct trace_line *l, uint32_t epoch)
{
    struct written *w = arg;
    struct file_run run = l->run;
    if (l->op != TRACE_WRITE || epoch >= w->first_read)
        return;
    if (run.stride == run.len) /* they touch */
        run = (struct file_run){ run.off, run.len * run.count, 0, 1 };
    w->too_many |= run.count > PIECES - w->count;
    for (uint64_t i = 0; !w->too_many && i < run.count; i++) {
        uint64_t from = run.off + i * run.stride;
        w->pieces = grown(w->pieces, w->count, sizeof *w->pieces);
        w->pieces[w->count++] = (struct extent){ from, from + run.len };
    }
}

/* All that is read was written before. */
static bool all_written(const struct trace *t, uint32_t file)
{
    struct written w = { .first_read = UINT32_MAX };
    uint64_t reached = 0;
    each_request(t, file, find_read, &w);
    each_request(t, file, take_write, &w);
    if (w.count > 0)
        qsort(w.pieces, w.count, sizeof *w.pieces, by_from);
    for (size_t i = 0; i < w.count && w.pieces[i].from <= reached; i++)
        reached = w.pieces[i].to > reached ? w.pieces[i].to : reached;
    free(w.pieces);
    return !w.too_many && reached >= t->files[file].reads;
}

struct trace *trace_read(const struct input *in, const struct pio_ops *system, struct err *e)
{
    struct reader r = { .in = in, .system = system, .t = base_zalloc(1, sizeof *r.t), .e = e };
    struct input_lines lines = { .in = in };
    char text[LINE_BYTES];
    bool good = true;
    size_t barriers = 0;
    r.t->can = PIO_CAN(PIO_AGREE) | PIO_CAN(PIO_CLOSE) | PIO_CAN(PIO_FLUSH);
    while (good && input_line(&lines, text, sizeof text, e)) {
        r.line = lines.number;
        good = line_of(&r, text);
    }
    good = good && !e->set;
    for (uint32_t i = 0; good && i < r.t->rank_count; i++)
        good = fits(&r, i, &barriers);
    if (good && r.t->active == 0)
        good = err_set(e, "%s: holds no read and no write", in->shown);
    free(r.users);
    if (!good) {
        trace_free(r.t);
        return NULL;
    }
    for (uint32_t i = 0; i < r.t->file_count; i++) {
        if (all_written(r.t, i))
            r.t->files[i].reads = 0;
        r.t->can |= r.t->files[i].reads > 0 ? PIO_CAN(PIO_FILL) : 0;
    }
    return r.t;
}

void trace_free(struct trace *t)
{
    if (t == NULL)
        return;
    for (uint32_t i = 0; i < t->rank_count; i++)
        free(t->ranks[i].lines);
    for (uint32_t i = 0; i < t->file_count; i++)
        free(t->files[i].name);
    free(t->ranks);
    free(t->files);
    free(t);
}
