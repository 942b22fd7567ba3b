/* token_set.c: see token_set.h. */
#include "os/file/token_set.h"

bool token_ranges_add(struct token_ranges *x, struct token_range r)
{
    struct token_ranges out = { .count = 0 };
    bool is_in = r.lo >= r.hi;
    for (uint32_t i = 0; i < x->count; i++) { /* what it meets becomes part of it */
        const struct token_range o = x->at[i];
        if (o.lo <= r.hi && r.lo <= o.hi && !is_in) {
            r.lo = o.lo < r.lo ? o.lo : r.lo;
            r.hi = o.hi > r.hi ? o.hi : r.hi;
            continue;
        }
        if (!is_in && r.hi < o.lo) {
            if (out.count == TOKEN_LIST)
                return false;
            out.at[out.count++] = r;
            is_in = true;
        }
        if (out.count == TOKEN_LIST)
            return false;
        out.at[out.count++] = o;
    }
    if (!is_in && out.count == TOKEN_LIST)
        return false;
    if (!is_in)
        out.at[out.count++] = r;
    *x = out;
    return true;
}

static void put(struct token_set *out, uint64_t lo, uint64_t hi, enum token_mode mode,
                uint64_t stamp)
{
    struct token_piece *last = out->count > 0 ? &out->at[out->count - 1] : NULL;
    if (lo >= hi || mode == TOKEN_NONE)
        return;
    if (last != NULL && last->r.hi == lo && last->mode == mode && last->stamp == stamp)
        last->r.hi = hi;
    else
        out->at[out->count++] = (struct token_piece){ { lo, hi }, mode, stamp };
}

static void replace(struct port *p, struct token_set *s, struct token_set with)
{
    port_free(p, s->at);
    *s = with;
    if (s->count == 0)
        token_set_clear(p, s);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void token_set_raise(struct port *p, struct token_set *s, struct token_range r,
                     enum token_mode mode, uint64_t stamp)
{
    struct token_set out = { .at = port_alloc(p, (3 * s->count + 3) * sizeof *out.at) };
    uint64_t at = r.lo;
    for (uint32_t i = 0; i < s->count; i++) {
        struct token_piece x = s->at[i];
        put(&out, x.r.lo, least(x.r.hi, r.lo), x.mode, x.stamp);
        put(&out, at, least(x.r.lo, r.hi), mode, stamp);
        put(&out, most(x.r.lo, r.lo), least(x.r.hi, r.hi), x.mode > mode ? x.mode : mode, stamp);
        at = most(at, least(most(x.r.hi, r.lo), r.hi));
        if (x.r.lo >= r.hi)
            at = r.hi;
        put(&out, most(x.r.lo, r.hi), x.r.hi, x.mode, x.stamp);
    }
    put(&out, at, r.hi, mode, stamp);
    replace(p, s, out);
}

void token_set_lower(struct port *p, struct token_set *s, struct token_range r,
                     enum token_mode mode, uint64_t stamp)
{
    struct token_set out = { .at = port_alloc(p, (3 * s->count + 1) * sizeof *out.at) };
    for (uint32_t i = 0; i < s->count; i++) {
        struct token_piece x = s->at[i];
        bool goes = x.stamp <= stamp && x.mode > mode;
        put(&out, x.r.lo, least(x.r.hi, r.lo), x.mode, x.stamp);
        put(&out, most(x.r.lo, r.lo), least(x.r.hi, r.hi), goes ? mode : x.mode, x.stamp);
        put(&out, most(x.r.lo, r.hi), x.r.hi, x.mode, x.stamp);
    }
    replace(p, s, out);
}

void token_set_clear(struct port *p, struct token_set *s)
{
    port_free(p, s->at);
    *s = (struct token_set){ .at = NULL };
}

bool token_set_has(const struct token_set *s, struct token_range r, enum token_mode mode)
{
    uint64_t at = r.lo;
    for (uint32_t i = 0; i < s->count && at < r.hi; i++) {
        struct token_piece x = s->at[i];
        if (x.r.hi <= at)
            continue;
        if (x.r.lo > at || x.mode < mode)
            return false;
        at = x.r.hi;
    }
    return at >= r.hi;
}

bool token_set_over(const struct token_set *s, struct token_range r, enum token_mode mode)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->at[i].mode > mode && token_overlap(s->at[i].r, r))
            return true;
    return false;
}
