/* seek.c: seek curves as tables of picoseconds.
 *
 * Laws and interpolation are computed once, with sums, products, quotients and square roots of
 * doubles only, which every machine rounds alike.
 */
#include "disks/seek.h"

#include <math.h>
#include <stdlib.h>

#define T(name_, member, def_, doc_, src_)                                                         \
    {                                                                                              \
        .name = name_, .type = PARAM_TIME, .offset = offsetof(struct seek_params, member),         \
        .def = def_, .min = "0", .max = "1s", .doc = doc_, .src = src_                             \
    }
#define RW94 "Ruemmler & Wilkes 1994, HP 97560"

const struct param seek_params[] = {
    T("short_base", short_base, "3.24ms", "Short seeks: the constant.", RW94),
    T("short_root", short_root, "0.4ms", "Short seeks: times the root of the distance.", RW94),
    { .name = "short_limit",
      .type = PARAM_INT,
      .offset = offsetof(struct seek_params, short_limit),
      .def = "384",
      .min = "0",
      .max = "65535",
      .doc = "Distances below this are short.",
      .src = RW94 },
    T("long_base", long_base, "8ms", "Long seeks: the constant.", RW94),
    T("long_step", long_step, "0.008ms", "Long seeks: for each cylinder.", RW94),
    { .name = "first_ms",
      .type = PARAM_VAL,
      .offset = offsetof(struct seek_params, first_ms),
      .doc = "Measured times in ms of the distances 1, 2, ..., which replace the law's.",
      .src = "none: the law alone, " RW94 },
    { .name = "table_ms",
      .type = PARAM_VAL,
      .offset = offsetof(struct seek_params, table_ms),
      .doc = "List of { distance, ms } in rising order; replaces the law, straight lines between.",
      .src = "none: the law, " RW94 },
    T("head_switch", head_switch, "1.6ms", "Least time of a move to another head.",
      "ASSUMED(the 2.5 ms that is quoted for the HP 97560 is longer than its track skew of 8 "
      "sectors, 1.67 ms, and would lose a turn at every track, against its sustained rate)"),
    T("write_settle", write_settle, "0", "Added to a write's move.",
      "ASSUMED(the published model makes no difference)"),
    T("write_advance", write_advance, "0", "Taken off a write's move (a fit to recordings).",
      "none"),
    T("write_least", write_least, "0",
      "Least time before a write's first sector is looked for, even where the arm is there "
      "already.",
      "ASSUMED(none)"),
    { .name = NULL }
};
#undef T

static sim_time from_ms(double ms)
{
    return (sim_time)floor(ms * 1e9 + 0.5);
}

static bool number(const struct val *v, double *out)
{
    if (v->type == VAL_INT)
        *out = (double)v->u.i;
    else if (v->type == VAL_REAL)
        *out = v->u.r;
    else
        return false;
    return *out >= 0 && *out <= 1e6;
}

static void fill_law(struct seek_curve *c, const struct seek_params *p)
{
    for (uint32_t d = 1; d < c->count; d++) {
        double t = (int64_t)d < p->short_limit
                       ? (double)p->short_base + (double)p->short_root * sqrt((double)d)
                       : (double)p->long_base + (double)p->long_step * (double)d;
        c->time[d] = (sim_time)floor(t + 0.5);
    }
}

static bool fill_first(struct seek_curve *c, const struct val *list, const char *path,
                       struct err *e)
{
    for (size_t i = 0; i < list->count; i++) {
        double ms;
        if (!number(list->items[i], &ms))
            return err_set(e, "%s.first_ms: entry %zu is not a time in ms", path, i + 1);
        if (i + 1 < c->count)
            c->time[i + 1] = from_ms(ms);
    }
    return true;
}

static bool fill_table(struct seek_curve *c, const struct val *list, const char *path,
                       struct err *e)
{
    uint32_t from = 0;
    sim_time at = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct val *pair = list->items[i];
        double d, ms;
        if (pair->type != VAL_LIST || pair->count != 2 || !number(pair->items[0], &d) ||
            !number(pair->items[1], &ms))
            return err_set(e, "%s.table_ms: entry %zu is not { distance, ms }", path, i + 1);
        if (d == 0)
            continue;
        if (d <= from)
            return err_set(e, "%s.table_ms: entry %zu does not rise in distance", path, i + 1);
        sim_time t = from_ms(ms);
        uint32_t to = (uint32_t)d;
        for (uint32_t k = from + 1; k <= to && k < c->count; k++)
            c->time[k] = at + (t - at) * (sim_time)(k - from) / (sim_time)(to - from);
        from = to;
        at = t;
    }
    if (from + 1 < c->count)
        return err_set(e, "%s.table_ms: ends at distance %u, but there are %u cylinders", path,
                       from, c->count);
    return true;
}

bool seek_init(struct seek_curve *c, const struct seek_params *p, uint32_t cylinders,
               const char *path, struct err *e)
{
    *c = (struct seek_curve){ .count = cylinders,
                              .head_switch = p->head_switch,
                              .write_extra = p->write_settle - p->write_advance };
    c->time = base_zalloc(cylinders, sizeof *c->time);
    c->floor = base_zalloc(cylinders, sizeof *c->floor);
    fill_law(c, p);
    bool ok = (p->first_ms == NULL || fill_first(c, p->first_ms, path, e)) &&
              (p->table_ms == NULL || fill_table(c, p->table_ms, path, e));
    if (!ok) {
        seek_fini(c);
        return false;
    }
    sim_time least = SIM_NEVER;
    for (uint32_t d = cylinders; d-- > 0;) {
        least = sim_time_min(least, c->time[d]);
        c->floor[d] = least;
    }
    return true;
}

void seek_fini(struct seek_curve *c)
{
    free(c->time);
    free(c->floor);
    c->time = c->floor = NULL;
}

double seek_mean_uniform_ms(const struct seek_curve *c)
{
    double n = (double)c->count, sum = 0;
    for (uint32_t d = 1; d < c->count; d++)
        sum += 2 * (n - d) * (double)c->time[d];
    return sum / (n * n) / (double)SIM_MS;
}
