/* seek.c: seek curves as tables of picoseconds.
 *
 * Laws and interpolation are computed once, with sums, products, quotients and square roots of
 * doubles only, which every machine rounds alike.
 */
#include "disks/seek.h"

#include <math.h>
#include <stdlib.h>

#define RW94 "Ruemmler & Wilkes 1994, HP 97560"

const struct param seek_params[] = {
    P_TIME(seek_params, short_base, "3.24ms", "0", "1s", "Short seeks: the constant.", RW94),
    P_TIME(seek_params, short_root, "0.4ms", "0", "1s",
           "Short seeks: times the root of the distance.", RW94),
    P_INT(seek_params, short_limit, "384", "0", "65535", "Distances below this are short.", RW94),
    P_TIME(seek_params, long_base, "8ms", "0", "1s", "Long seeks: the constant.", RW94),
    P_TIME(seek_params, long_step, "0.008ms", "0", "1s", "Long seeks: for each cylinder.", RW94),
    P_VAL(seek_params, first_ms,
          "Measured times in ms of the distances 1, 2, ..., which replace the law's.",
          "none: the law alone, " RW94),
    P_VAL(seek_params, table_ms,
          "List of { distance, ms } in rising order; replaces the law, straight lines between.",
          "none: the law, " RW94),
    P_TIME(seek_params, head_switch, "1.6ms", "0", "1s", "Least time of a move to another head.",
           "ASSUMED(the 2.5 ms that is quoted for the HP 97560 is longer than its track skew of 8 "
           "sectors, 1.67 ms, and would lose a turn at every track, against its sustained rate)"),
    P_TIME(seek_params, write_settle, "0", "0", "1s", "Added to a write's move.",
           "ASSUMED(the published model makes no difference)"),
    P_TIME(seek_params, write_least, "0", "0", "1s",
           "Least time before a write's first sector is looked for, even where the arm is there "
           "already.",
           "ASSUMED(none)"),
    P_END,
};

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
                              .write_extra = p->write_settle };
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
