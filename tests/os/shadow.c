/* shadow.c: see shadow.h. */
#include "tests/os/shadow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARKS = 10, NEVER = UINT32_MAX, ANY = UINT32_MAX };

struct mark {
    uint32_t write; /* 0: zeros; ANY */
    uint32_t when;  /* old: it left; of ANY: it ended */
};

struct byte {
    struct mark now[MARKS], old[MARKS];
    uint8_t n, o;
};

struct write {
    uint32_t begun, ended; /* ended NEVER: under way */
    uint64_t base;
    bool zero;
};

enum what { READ, WRITE, SIZE, FLUSH, ASK };

struct shadow_op {
    enum what what;
    struct shadow *s;
    struct shadow_op *next;
    uint32_t *at; /* offsets of its bytes, in order */
    uint64_t bytes;
    uint32_t write, begun;
    uint64_t size, end; /* SIZE; one behind the last byte */
    uint64_t lo, hi;    /* of the file when it began */
    uint8_t (*may)[32]; /* READ: of each byte, a bit for each value */
};

struct shadow {
    struct byte b[SHADOW_SPAN];
    struct write *writes;
    uint32_t count, clock, crashed;
    uint64_t lo, hi;   /* of its size */
    uint64_t dlo, dhi; /* what a crash may make of it */
    bool losing;
    struct shadow_op *open;
};

static uint8_t value_of(const struct shadow *s, uint32_t write, uint64_t off)
{
    const struct write *w = &s->writes[write];
    uint64_t x = (write + 1) * 0x9e3779b97f4a7c15u + (off - w->base) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 29) * 0x94d049bb133111ebu;
    return w->zero ? 0 : (uint8_t)(1 + (x >> 32) % 255);
}

static uint32_t new_write(struct shadow *s, bool zero)
{
    s->writes = base_realloc(s->writes, (s->count + 1) * sizeof *s->writes);
    s->writes[s->count] = (struct write){ .begun = s->clock, .ended = NEVER, .zero = zero };
    return s->count++;
}

static void add(struct mark *m, uint8_t *n, struct mark x)
{
    for (uint32_t i = 0; i < *n; i++)
        if (m[i].write == x.write) {
            m[i].when = x.when > m[i].when ? x.when : m[i].when;
            return;
        }
    if (*n == MARKS) { /* too many to tell apart */
        m[0] = (struct mark){ ANY, NEVER };
        *n = 1;
        return;
    }
    m[(*n)++] = x;
}

static uint32_t ended(const struct shadow *s, struct mark m)
{
    return m.write == ANY ? m.when : s->writes[m.write].ended;
}

static void permit(struct shadow_op *x, uint64_t i, struct mark m)
{
    if (m.write == ANY) {
        memset(x->may[i], 0xff, 32);
        return;
    }
    uint8_t v = value_of(x->s, m.write, x->at[i]);
    x->may[i][v / 8] |= (uint8_t)(1u << v % 8);
}

/* ---- the file ---- */

static void is_known(struct shadow *s, uint32_t write)
{
    for (uint32_t i = 0; i < SHADOW_SPAN; i++) {
        s->b[i].n = 1;
        s->b[i].o = 0;
        s->b[i].now[0] = (struct mark){ write, s->clock };
    }
    s->lo = s->dlo = 0;
    s->hi = s->dhi = write == ANY ? SHADOW_SPAN : 0;
}

struct shadow *shadow_new(void)
{
    struct shadow *s = base_zalloc(1, sizeof *s);
    (void)new_write(s, true);
    s->writes[0].ended = 0;
    shadow_fresh(s);
    return s;
}

void shadow_free(struct shadow *s)
{
    while (s->open != NULL)
        shadow_end(s->open, false);
    free(s->writes);
    free(s);
}

void shadow_fresh(struct shadow *s)
{
    s->clock++;
    is_known(s, 0);
}

void shadow_unsure(struct shadow *s)
{
    s->clock++;
    is_known(s, ANY);
}

static void come_back(struct shadow *s)
{
    for (uint32_t i = 0; i < SHADOW_SPAN; i++)
        for (uint32_t k = 0; k < s->b[i].o; k++)
            add(s->b[i].now, &s->b[i].n, (struct mark){ s->b[i].old[k].write, s->clock });
    s->lo = s->dlo < s->lo ? s->dlo : s->lo;
    s->hi = s->dhi > s->hi ? s->dhi : s->hi;
    for (struct shadow_op *x = s->open; x != NULL; x = x->next)
        for (uint64_t i = 0; x->what == READ && i < x->bytes; i++)
            for (uint32_t k = 0; k < s->b[x->at[i]].n; k++)
                permit(x, i, s->b[x->at[i]].now[k]);
}

void shadow_crash(struct shadow *s)
{
    s->crashed = ++s->clock;
    come_back(s);
}

void shadow_losing(struct shadow *s, bool losing)
{
    s->crashed = ++s->clock; /* what is under way may be lost too */
    s->losing = losing;
    if (losing)
        come_back(s);
}

uint64_t shadow_least(const struct shadow *s)
{
    return s->lo;
}

uint64_t shadow_doubts(const struct shadow *s)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < s->hi; i++)
        n += s->b[i].n > 1 || s->b[i].now[0].write == ANY;
    return n;
}

/* ---- requests ---- */

static struct shadow_op *begin(struct shadow *s, enum what what, const struct file_run *runs,
                               uint32_t count)
{
    struct shadow_op *x = base_zalloc(1, sizeof *x);
    x->what = what;
    x->s = s;
    x->begun = ++s->clock;
    x->lo = s->lo;
    x->hi = s->hi;
    for (uint32_t i = 0; i < count; i++)
        x->bytes += runs[i].len * runs[i].count;
    x->at = base_zalloc(x->bytes + 1, sizeof *x->at);
    uint64_t n = 0;
    for (uint32_t i = 0; i < count; i++)
        for (uint64_t k = 0; k < runs[i].count; k++)
            for (uint64_t b = 0; b < runs[i].len; b++) {
                x->at[n] = (uint32_t)(runs[i].off + k * runs[i].stride + b);
                ASSERT(x->at[n] < SHADOW_SPAN);
                x->end = x->at[n] + 1 > x->end ? x->at[n] + 1 : x->end;
                n++;
            }
    x->next = s->open;
    s->open = x;
    return x;
}

struct shadow_op *shadow_read(struct shadow *s, const struct file_run *runs, uint32_t count)
{
    struct shadow_op *x = begin(s, READ, runs, count);
    x->may = base_zalloc(x->bytes + 1, sizeof *x->may);
    for (uint64_t i = 0; i < x->bytes; i++)
        for (uint32_t k = 0; k < s->b[x->at[i]].n; k++)
            permit(x, i, s->b[x->at[i]].now[k]);
    return x;
}

/* It joins what each of its bytes may be, at reads under way too. */
static void join(struct shadow_op *w)
{
    struct shadow *s = w->s;
    static bool of[SHADOW_SPAN];
    struct mark m = { w->write, 0 };
    memset(of, 0, sizeof of);
    for (uint64_t i = 0; i < w->bytes; i++) {
        struct byte *b = &s->b[w->at[i]];
        add(b->now, &b->n, m);
        of[w->at[i]] = true;
    }
    for (struct shadow_op *x = s->open; x != NULL; x = x->next)
        for (uint64_t i = 0; x->what == READ && i < x->bytes; i++)
            if (of[x->at[i]])
                permit(x, i, m);
    s->hi = w->end > s->hi ? w->end : s->hi;
    s->dhi = s->hi > s->dhi ? s->hi : s->dhi;
}

void shadow_data(const struct shadow_op *x, struct rope *data)
{
    uint8_t *bytes = base_alloc(x->bytes + 1);
    for (uint64_t i = 0; i < x->bytes; i++)
        bytes[i] = value_of(x->s, x->write, x->at[i]);
    rope_add_bytes(data, bytes, x->bytes);
    free(bytes);
}

struct shadow_op *shadow_write(struct shadow *s, const struct file_run *runs, uint32_t count,
                               struct rope *data)
{
    struct shadow_op *x = begin(s, WRITE, runs, count);
    x->write = new_write(s, false);
    shadow_data(x, data);
    join(x);
    return x;
}

struct shadow_op *shadow_size(struct shadow *s, uint64_t size)
{
    struct file_run rest = { .off = size, .len = SHADOW_SPAN - size, .count = 1 };
    struct shadow_op *x = begin(s, SIZE, &rest, 1);
    x->write = new_write(s, true);
    x->size = x->end = size;
    join(x);
    s->lo = size < s->lo ? size : s->lo;
    s->dlo = s->lo < s->dlo ? s->lo : s->dlo;
    return x;
}

struct shadow_op *shadow_flush(struct shadow *s)
{
    return begin(s, FLUSH, NULL, 0);
}

struct shadow_op *shadow_ask(struct shadow *s)
{
    return begin(s, ASK, NULL, 0);
}

void shadow_moved_to(struct shadow_op *x, uint64_t off)
{
    struct shadow *s = x->s;
    uint64_t from = x->bytes > 0 ? x->at[0] : 0;
    for (uint64_t i = 0; x->what == WRITE && i < x->bytes; i++) {
        struct byte *b = &s->b[x->at[i]];
        for (uint32_t k = 0; k < b->n; k++)
            if (b->now[k].write == x->write)
                b->now[k--] = b->now[--b->n];
    }
    for (uint64_t i = 0; i < x->bytes; i++)
        x->at[i] = (uint32_t)(x->at[i] - from + off);
    x->end = x->end - from + off;
    ASSERT(x->end <= SHADOW_SPAN);
    s->writes[x->write].base += off - from;
    if (x->what == WRITE)
        join(x);
}

/* What ended before it began is no more. */
static void supersede(struct shadow_op *x)
{
    struct shadow *s = x->s;
    for (uint64_t i = 0; i < x->bytes; i++) {
        struct byte *b = &s->b[x->at[i]];
        for (uint32_t k = 0; k < b->n; k++) {
            struct mark m = b->now[k];
            if (m.write == x->write || ended(s, m) >= x->begun)
                continue;
            add(b->old, &b->o, (struct mark){ m.write, s->clock });
            b->now[k--] = b->now[--b->n];
        }
    }
}

static void flushed(struct shadow_op *x)
{
    struct shadow *s = x->s;
    for (uint32_t i = 0; i < SHADOW_SPAN; i++)
        for (uint32_t k = 0; k < s->b[i].o; k++)
            if (s->b[i].old[k].when <= x->begun)
                s->b[i].old[k--] = s->b[i].old[--s->b[i].o];
    s->dlo = x->lo < s->lo ? x->lo : s->lo;
    s->dhi = s->hi;
}

void shadow_end(struct shadow_op *x, bool good)
{
    struct shadow *s = x->s;
    bool sure = good && !s->losing && s->crashed < x->begun;
    struct shadow_op **at = &s->open;
    s->clock++;
    if (x->what == WRITE || x->what == SIZE)
        s->writes[x->write].ended = s->clock;
    if (sure && (x->what == WRITE || x->what == SIZE))
        supersede(x);
    if (sure && x->what == WRITE)
        s->lo = x->end > s->lo ? x->end : s->lo;
    if (sure && x->what == SIZE)
        s->lo = s->hi = x->size;
    if (good && x->what == FLUSH)
        flushed(x);
    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    free(x->at);
    free(x->may);
    free(x);
}

static char said[200];

const char *shadow_judge(const struct shadow_op *x, const uint8_t *got, uint64_t moved)
{
    const struct shadow *s = x->s;
    uint64_t lo = x->lo < s->lo ? x->lo : s->lo, hi = x->hi > s->hi ? x->hi : s->hi;
    if (moved > x->bytes)
        return "more than was asked for";
    for (uint64_t i = 0; i < moved; i++) {
        if (x->at[i] >= hi) {
            (void)snprintf(said, sizeof said, "byte %u, and the file has no more than %d", x->at[i],
                           (int)hi);
            return said;
        }
        if (!(x->may[i][got[i] / 8] >> got[i] % 8 & 1)) {
            const struct byte *b = &s->b[x->at[i]];
            (void)snprintf(said, sizeof said,
                           "byte %u (number %d) is %u; it may be what %u writes made it, one %u: "
                           "%d",
                           x->at[i], (int)i, got[i], b->n, b->now[0].write,
                           b->now[0].write == ANY ? 0 : value_of(s, b->now[0].write, x->at[i]));
            return said;
        }
    }
    if (moved < x->bytes && x->at[moved] < lo) {
        (void)snprintf(said, sizeof said, "ends before byte %u, and the file has %d at least",
                       x->at[moved], (int)lo);
        return said;
    }
    return NULL;
}

const char *shadow_judge_size(const struct shadow_op *x, uint64_t size)
{
    const struct shadow *s = x->s;
    uint64_t lo = x->lo < s->lo ? x->lo : s->lo, hi = x->hi > s->hi ? x->hi : s->hi;
    if (size >= lo && size <= hi)
        return NULL;
    (void)snprintf(said, sizeof said, "a size of %d, not from %d to %d", (int)size, (int)lo,
                   (int)hi);
    return said;
}
