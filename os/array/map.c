/* map.c: see map.h. */
#include "os/array/map.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const struct array_order array_rows[] = { { { 0 } }, { { 0 } }, { { 0, 1 } }, { { 0, 1, 2 } } };
const struct array_order array_columns[] = { { { 0 } }, { { 0 } }, { { 1, 0 } }, { { 2, 1, 0 } } };

/* ---- what a configuration says ---- */

enum how { ALL, BLOCK, CYCLIC };
struct said {
    enum how how;
    uint64_t k; /* 0: none */
};

static const char *skip(const char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    return s;
}

/* Takes `word`, in capitals or not. */
static bool takes(const char **s, const char *word)
{
    size_t n = strlen(word);
    *s = skip(*s);
    for (size_t i = 0; i < n; i++)
        if (toupper((unsigned char)(*s)[i]) != word[i])
            return false;
    *s += n;
    return true;
}

static bool takes_number(const char **s, uint64_t *out)
{
    char *end;
    *s = skip(*s);
    if (!isdigit((unsigned char)**s))
        return false;
    *out = strtoull(*s, &end, 10);
    *s = end;
    return *out > 0 && *out <= UINT64_C(1) << 40;
}

static bool read_dim(const char **s, struct said *d)
{
    *d = (struct said){ .how = ALL };
    if (takes(s, "*"))
        return true;
    if (takes(s, "BLOCK"))
        d->how = BLOCK;
    else if (takes(s, "CYCLIC"))
        d->how = CYCLIC;
    else
        return false;
    return !takes(s, "(") || (takes_number(s, &d->k) && takes(s, ")"));
}

static bool read_dims(const char *s, uint32_t dims, struct said *d)
{
    bool good = takes(&s, "(");
    for (uint32_t i = 0; i < dims && good; i++)
        good = (i == 0 || takes(&s, ",")) && read_dim(&s, &d[i]);
    return good && takes(&s, ")") && *skip(s) == 0;
}

/* The largest divisor of n whose power `dims` is at most n. */
static uint32_t side(uint32_t n, uint32_t dims)
{
    uint32_t best = 1;
    for (uint32_t k = 1; k <= n; k++) {
        uint64_t all = 1;
        for (uint32_t i = 0; i < dims; i++)
            all *= k;
        if (all > n)
            break;
        best = n % k == 0 ? k : best;
    }
    return best;
}

static bool read_grid(const char *s, uint32_t dims, uint32_t ranks, uint32_t *parts)
{
    uint32_t left = ranks;
    if (*skip(s) == 0) {
        for (uint32_t i = 0; i < dims; i++) {
            parts[i] = side(left, dims - i);
            left /= parts[i];
        }
        return true;
    }
    uint64_t all = 1, n = 0;
    for (uint32_t i = 0; i < dims; i++) {
        if ((i > 0 && !takes(&s, "X")) || !takes_number(&s, &n) || (all *= n) > ranks)
            return false;
        parts[i] = (uint32_t)n;
    }
    return *skip(s) == 0;
}

bool array_dist_read(const char *text, const char *grid, const uint64_t *n, uint32_t dims,
                     uint32_t ranks, const char *path, struct array_dist *out, struct err *e)
{
    struct said said[ARRAY_DIMS];
    uint32_t dealt = 0, parts[ARRAY_DIMS], at = 0;
    if (!read_dims(text, dims, said))
        return err_set(e,
                       "%s is '%s': write one of *, BLOCK, BLOCK(k), CYCLIC, CYCLIC(k) for each "
                       "of %u dimensions, as in '(BLOCK, *)'",
                       path, text, dims);
    for (uint32_t i = 0; i < dims; i++)
        dealt += said[i].how != ALL;
    if (!read_grid(grid, dealt, ranks, parts))
        return err_set(e,
                       "%s: a grid '%s' for '%s': write %u numbers, as in '4x2', whose product is "
                       "at most the %u ranks",
                       path, grid, text, dealt, ranks);
    out->dims = dims;
    for (uint32_t i = 0; i < dims; i++) {
        struct array_dim *d = &out->d[i];
        d->n = n[i];
        d->parts = said[i].how == ALL ? 1 : parts[at++];
        d->block = said[i].k > 0           ? said[i].k
                   : said[i].how == CYCLIC ? 1
                                           : (n[i] + d->parts - 1) / d->parts;
        if (said[i].how == BLOCK && d->block * d->parts < n[i])
            return err_set(e,
                           "%s is '%s': %u parts of BLOCK(%llu) do not have the %llu indices of "
                           "the dimension",
                           path, text, d->parts, (unsigned long long)d->block,
                           (unsigned long long)n[i]);
    }
    return true;
}

/* ---- indices ---- */

uint32_t array_parts(const struct array_dist *a)
{
    uint32_t n = 1;
    for (uint32_t i = 0; i < a->dims; i++)
        n *= a->d[i].parts;
    return n;
}

bool array_part(const struct array_dist *a, uint32_t rank, uint32_t part[ARRAY_DIMS])
{
    for (uint32_t i = a->dims; i-- > 0;) {
        part[i] = rank % a->d[i].parts;
        rank /= a->d[i].parts;
    }
    return rank == 0;
}

uint64_t array_share(const struct array_dim *d, uint32_t part)
{
    uint64_t round = d->block * d->parts, rest = d->n % round, before = part * d->block;
    rest = rest < before ? 0 : rest - before;
    return d->n / round * d->block + (rest < d->block ? rest : d->block);
}

uint32_t array_owner(const struct array_dim *d, uint64_t i)
{
    return (uint32_t)(i / d->block % d->parts);
}

uint64_t array_local(const struct array_dim *d, uint64_t i)
{
    return i / (d->block * d->parts) * d->block + i % d->block;
}

uint64_t array_global(const struct array_dim *d, uint32_t part, uint64_t local)
{
    return (local / d->block * d->parts + part) * d->block + local % d->block;
}

/* ---- lists ---- */

void array_list_free(struct array_list *l)
{
    port_free(l->port, l->run);
    array_list_init(l, l->port);
}

static void append(struct array_list *l, struct file_run r)
{
    if (l->count == l->room) {
        l->room = l->room == 0 ? 4 : 2 * l->room;
        l->run = port_realloc(l->port, l->run, l->room * sizeof *l->run);
    }
    l->run[l->count++] = r;
    l->n += r.len * r.count;
}

void array_list_add(struct array_list *l, uint64_t lo, uint64_t len)
{
    struct file_run *r = l->count > 0 ? &l->run[l->count - 1] : NULL;
    if (len == 0)
        return;
    if (r && r->count == 1 && r->off + r->len == lo) {
        r->len += len;
        r->stride = r->len;
    } else if (r && r->len == len && (r->count == 1 || r->off + r->count * r->stride == lo)) {
        r->stride = r->count == 1 ? lo - r->off : r->stride;
        r->count++;
    } else {
        append(l, (struct file_run){ lo, len, len, 1 });
        return;
    }
    l->n += len;
}

void array_list_triplet(struct array_list *l, uint64_t lo, uint64_t hi, uint64_t step)
{
    if (step == 1)
        array_list_add(l, lo, hi + 1 - lo);
    else
        append(l, (struct file_run){ lo, 1, step, (hi - lo) / step + 1 });
}

void array_list_own(struct array_list *l, const struct array_dim *d, uint32_t part, uint64_t lo,
                    uint64_t hi)
{
    while (lo < hi) {
        uint64_t end = (lo / d->block + 1) * d->block;
        end = end < hi ? end : hi;
        array_list_add(l, array_global(d, part, lo), end - lo);
        lo = end;
    }
}

void array_list_meet(const struct array_list *l, const struct array_dim *d, uint32_t part,
                     struct array_list *places, struct array_list *locals)
{
    uint64_t round = d->block * d->parts, first = part * d->block, place = 0;
    for (uint32_t k = 0; k < l->count; k++)
        for (uint64_t i = 0; i < l->run[k].count; i++) {
            uint64_t lo = l->run[k].off + i * l->run[k].stride, hi = lo + l->run[k].len;
            for (uint64_t at = lo; at < hi;) {
                uint64_t in = at % round;
                if (in < first || in >= first + d->block) { /* on to the part's next block */
                    at += (in < first ? 0 : round) + first - in;
                    continue;
                }
                uint64_t end = at - in + first + d->block;
                end = end < hi ? end : hi;
                array_list_add(places, place + at - lo, end - at);
                array_list_add(locals, array_local(d, at), end - at);
                at = end;
            }
            place += l->run[k].len;
        }
}

/* ---- sections ---- */

void array_section_init(struct array_section *s, uint32_t dims, struct port *p)
{
    s->dims = dims;
    for (uint32_t i = 0; i < ARRAY_DIMS; i++)
        array_list_init(&s->at[i], p);
}

void array_section_free(struct array_section *s)
{
    for (uint32_t i = 0; i < s->dims; i++)
        array_list_free(&s->at[i]);
}

uint64_t array_section_size(const struct array_section *s)
{
    uint64_t n = 1;
    for (uint32_t i = 0; i < s->dims; i++)
        n *= s->at[i].n;
    return n;
}

struct array_layout array_layout_of(const struct array_section *s, uint64_t element,
                                    struct array_order order)
{
    struct array_layout l = { .dims = s->dims, .element = element, .order = order };
    for (uint32_t i = 0; i < s->dims; i++)
        l.n[i] = s->at[i].n;
    return l;
}

uint64_t array_layout_bytes(const struct array_layout *l)
{
    uint64_t n = l->element;
    for (uint32_t i = 0; i < l->dims; i++)
        n *= l->n[i];
    return n;
}

/* Each index of `r`, `pitch` bytes from one to the next, has what `in` tells of it. */
static void repeat(const struct array_list *in, const struct file_run *r, uint64_t pitch,
                   struct array_list *out)
{
    const struct file_run *x = in->run;
    bool one = in->count == 1 && x->count == 1;
    if (one && (x->len == pitch || r->len == 1)) {
        bool whole = x->len == pitch;
        append(out, (struct file_run){ .off = x->off + r->off * pitch,
                                       .len = whole ? r->len * pitch : x->len,
                                       .stride = r->stride * pitch,
                                       .count = r->count });
        return;
    }
    for (uint64_t i = 0; i < r->count; i++) {
        uint64_t at = (r->off + i * r->stride) * pitch;
        if (one)
            append(out, (struct file_run){ x->off + at, x->len, pitch, r->len });
        for (uint64_t j = 0; !one && j < r->len; j++)
            for (uint32_t k = 0; k < in->count; k++) {
                struct file_run moved = in->run[k];
                moved.off += at + j * pitch;
                append(out, moved);
            }
    }
}

void array_runs(const struct array_layout *l, const struct array_section *s, struct array_order by,
                struct array_list *out)
{
    uint64_t pitch[ARRAY_DIMS], bytes = l->element;
    for (uint32_t k = l->dims; k-- > 0; bytes *= l->n[l->order.by[k]])
        pitch[l->order.by[k]] = bytes;
    array_list_init(out, s->at[0].port);
    if (array_section_size(s) == 0)
        return;
    append(out, (struct file_run){ 0, l->element, l->element, 1 });
    for (uint32_t k = l->dims; k-- > 0;) {
        const struct array_list *indices = &s->at[by.by[k]];
        struct array_list in = *out;
        array_list_init(out, in.port);
        for (uint32_t i = 0; i < indices->count; i++)
            repeat(&in, &indices->run[i], pitch[by.by[k]], out);
        array_list_free(&in);
    }
}
