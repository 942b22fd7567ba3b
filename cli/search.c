/* search.c: drives the bisections of a campaign from result to result. */
#include "cli/search.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "cli/store.h"
#include "cli/value.h"
#include "sim/measure.h"

struct one {
    struct bisect_search s;
    size_t tried;        /* cases filled; the last is the one whose results are awaited */
    size_t held, failed; /* cases of s.held and s.failed */
    bool ended;
};

struct search {
    struct one *of; /* by combination */
    size_t count;
};

struct search *search_create(const struct config *c)
{
    struct search *x = base_zalloc(1, sizeof *x);
    x->count = c->case_count / c->group_size;
    x->of = base_zalloc(x->count, sizeof *x->of);
    for (size_t i = 0; i < x->count; i++) {
        bisect_begin(&x->of[i].s);
        x->of[i].tried = 1;
        x->of[i].held = x->of[i].failed = SIZE_MAX;
    }
    return x;
}

void search_destroy(struct search *x)
{
    if (x)
        free(x->of);
    free(x);
}

/* ---- the answer ---- */

static void add_scalar(struct point_result *r, const char *name, const char *unit, double value)
{
    r->scalars = base_realloc(r->scalars, (r->scalar_count + 1) * sizeof *r->scalars);
    r->scalars[r->scalar_count++] = (struct point_scalar){ base_strdup(name), base_strdup(unit),
                                                           value, NAN, SIM_MEASURE_DEFAULT_COLUMN };
}

static void add_remark(struct point_result *r, char *text)
{
    r->remarks = base_realloc(r->remarks, (r->remark_count + 1) * sizeof *r->remarks);
    r->remarks[r->remark_count++] = text;
}

static char *step_text(const struct bisect *b, uint32_t step)
{
    struct val *v = bisect_value(b, step);
    char *text = value_text(v), *out = base_printf("%s = %s", b->path, text);
    free(text);
    val_free(v);
    return out;
}

/* The digest of an answer is that of the digests that it rests on. */
static void digest_of(const struct config *c, const struct campaign *r, size_t first,
                      const struct one *o, char *out)
{
    XXH3_state_t *h = XXH3_createState();
    XXH3_128bits_reset(h);
    for (size_t i = first * c->replications; i < (first + o->tried) * c->replications; i++)
        XXH3_128bits_update(h, r->results[i].digest, strlen(r->results[i].digest));
    XXH128_hash_t d = XXH3_128bits_digest(h);
    snprintf(out, 33, "%016llx%016llx", (unsigned long long)d.high64, (unsigned long long)d.low64);
    XXH3_freeState(h);
}

/* The answer's result, empty. */
static struct point_result *answer_of(struct search *x, struct config *c, struct campaign *r,
                                      size_t group, size_t *case_idx)
{
    *case_idx = (group + 1) * c->group_size - 1;
    x->of[group].ended = true;
    c->cases[*case_idx].held = x->of[group].held;
    struct point_result *out = &r->results[*case_idx * c->replications];
    point_result_init(out);
    digest_of(c, r, group * c->group_size, &x->of[group], out->digest);
    return out;
}

static enum search_step give_up(struct search *x, struct config *c, struct campaign *r,
                                size_t group, size_t *case_idx, enum point_status status,
                                const char *why)
{
    struct point_result *out = answer_of(x, c, r, group, case_idx);
    char *at = step_text(c->bisect, x->of[group].s.next);
    out->status = status;
    out->message = base_printf("the search ended at %s: %s", at, why);
    free(at);
    return SEARCH_ENDED;
}

static enum search_step succeed(struct search *x, struct config *c, struct campaign *r,
                                size_t group, size_t *case_idx)
{
    const struct bisect *b = c->bisect;
    const struct one *o = &x->of[group];
    struct point_result *out = answer_of(x, c, r, group, case_idx);
    const char *unit = bisect_unit(b);
    char *words = bisect_words(b);
    if (o->s.held != BISECT_NONE && o->s.failed != BISECT_NONE)
        add_scalar(out, "saturated_at", unit, bisect_number(b, o->s.held));
    if (o->s.failed != BISECT_NONE)
        add_scalar(out, "saturated_by", unit, bisect_number(b, o->s.failed));
    char *at = step_text(b, o->s.held == BISECT_NONE ? 0 : b->steps);
    if (o->s.held == BISECT_NONE)
        add_remark(out, base_printf("already at %s, the lowest, %s", at, words));
    else if (o->s.failed == BISECT_NONE)
        add_remark(out, base_printf("not saturated: up to %s, the highest, it is not so that %s",
                                    at, words));
    free(at);
    free(words);
    return SEARCH_ENDED;
}

/* ---- the next value ---- */

static bool all_there(const struct config *c, const bool *have, size_t case_idx)
{
    for (size_t i = 0; i < c->replications; i++)
        if (!have[case_idx * c->replications + i])
            return false;
    return true;
}

/* The first replication that did not finish, or NULL. */
static const struct point_result *broken(const struct config *c, const struct campaign *r,
                                         size_t case_idx)
{
    for (size_t i = 0; i < c->replications; i++) {
        const struct point_result *p = &r->results[case_idx * c->replications + i];
        if (!point_finished(p->status))
            return p;
    }
    return NULL;
}

static char *no_measure(const struct config *c, const struct point_result *p)
{
    const char **names = base_zalloc(p->scalar_count + 1, sizeof *names);
    for (size_t i = 0; i < p->scalar_count; i++)
        names[i] = p->scalars[i].name;
    const char *near = nearest_name(c->bisect->measure, names);
    char *out = base_printf("it has no measure '%s'%s%s%s", c->bisect->measure,
                            near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
    free(names);
    return out;
}

enum search_step search_told(struct search *x, struct config *c, struct campaign *r,
                             const bool *have, size_t point, size_t *case_idx)
{
    size_t group = c->points[point].case_idx / c->group_size, first = group * c->group_size;
    struct one *o = &x->of[group];
    size_t last = first + o->tried - 1;
    struct campaign_value v;
    struct err e = ERR_INIT;
    if (o->ended || !all_there(c, have, last))
        return SEARCH_WAITS;
    const struct point_result *bad = broken(c, r, last);
    if (bad)
        return give_up(x, c, r, group, case_idx, bad->status,
                       bad->message ? bad->message : point_status_name(bad->status));
    if (!campaign_value(r, c, last, c->bisect->measure, &v) || !isfinite(v.mean)) {
        char *why = no_measure(c, &r->results[last * c->replications]);
        enum search_step s = give_up(x, c, r, group, case_idx, POINT_REFUSED, why);
        free(why);
        return s;
    }
    bisect_told(&o->s, c->bisect, v.mean);
    if (o->s.held == c->cases[last].step)
        o->held = last;
    else
        o->failed = last;
    if (o->s.next == BISECT_NONE)
        return succeed(x, c, r, group, case_idx);
    *case_idx = first + o->tried;
    ASSERT(o->tried < c->group_size - 1);
    if (!config_probe(c, *case_idx, o->s.next, &e))
        return give_up(x, c, r, group, case_idx, POINT_REFUSED, e.text);
    o->tried++;
    return SEARCH_PROBES;
}
