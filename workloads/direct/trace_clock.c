/* trace_clock.c: times of traces, exactly. */
#include "workloads/direct/trace_clock.h"

#include <ctype.h>
#include <stdlib.h>

#include "sim/base/units.h"
#include "sim/measure.h"

enum { UNIT_OWN };
const char *const trace_units[] = { "own", "ps", "ns", "us", "ms", "s", NULL };
const char *const trace_origins[] = { "zero", "first", NULL };

#define LATEST (SIM_NEVER / 2) /* what follows has the other half */
#define DIGITS_MAX 30          /* of picoseconds: below 2^100 */

bool trace_time_parse(const char *text, int unit, trace_time *out, struct err *e)
{
    sim_time own;
    if (unit == UNIT_OWN) {
        bool good = units_parse_time(text, &own, e);
        *out = good ? (trace_time)own : 0;
        return good;
    }
    int decimals = 3 * (unit - 1), seen = 0, kept = 0; /* of the unit, down to the picosecond */
    trace_time value = 0;
    const char *p = text;
    for (; isdigit((unsigned char)*p); p++, seen++) {
        kept += kept > 0 || *p != '0';
        value = value * 10 + (unsigned char)(*p - '0');
        if (kept + decimals > DIGITS_MAX)
            break;
    }
    if (*p == '.')
        for (p++; isdigit((unsigned char)*p); p++, seen++)
            if (decimals > 0) {
                decimals--;
                value = value * 10 + (unsigned char)(*p - '0');
            }
    for (; decimals > 0; decimals--)
        value *= 10;
    *out = value;
    return (seen > 0 && *p == '\0') ||
           err_set(e, "'%.80s' is not a time in %s", text, trace_units[unit]);
}

void trace_times_add(struct trace_times *t, trace_time raw, size_t line)
{
    if ((t->count & (t->count - 1)) == 0)
        t->stamps = base_realloc(t->stamps, (t->count * 2 + 1) * sizeof *t->stamps);
    t->stamps[t->count++] = (struct trace_stamp){ raw, line };
}

void trace_times_fini(struct trace_times *t)
{
    free(t->stamps);
    *t = (struct trace_times){ .count = 0 };
}

bool trace_times_fit(struct trace_times *t, int origin, bool any_order, const char *name,
                     struct err *e)
{
    trace_time from = 0;
    for (size_t i = 0; i < t->count && origin == TRACE_FROM_FIRST; i++)
        from = i == 0 || t->stamps[i].raw < from ? t->stamps[i].raw : from;
    for (size_t i = 0; i < t->count; i++) {
        struct trace_stamp *s = &t->stamps[i];
        s->raw -= from;
        if (s->raw > (trace_time)LATEST)
            return err_set(e,
                           "%s:%zu: the time is %.4g s, and a run has at most %.4g s: is "
                           "workload.time_unit right, or workload.origin to be \"first\"?",
                           name, s->line, (double)s->raw * 1e-12, sim_time_seconds(LATEST));
        if (!any_order && i > 0 && s->raw < s[-1].raw)
            return err_set(e,
                           "%s:%zu: the time is before that of line %zu: workload.sort = true puts "
                           "late lines in their place",
                           name, s->line, s[-1].line);
    }
    return true;
}

void trace_idle_remark(struct sim *s, enum sim_kind kind, const char *what)
{
    double share;
    if (sim_busiest(s, kind, &share) && share < 0.001)
        sim_remark(s,
                   "%s were idle for %.3f %% of the time: are workload.time_unit and "
                   "workload.origin those of the trace?",
                   what, 100 * (1 - share));
}
