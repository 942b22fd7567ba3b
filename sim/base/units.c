/* units.c: parses and prints dimensioned values, exactly.
 *
 * "D.F unit" is the integer DF times the unit's factor over 10^(digits of F), in 128-bit integers;
 * a value that is not a whole number of ps, bytes or bytes a second is refused, never rounded.
 */
#include "sim/base/units.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

__extension__ typedef unsigned __int128 u128;

struct unit {
    const char *name;
    int64_t factor;
};

/* Rising order. */
static const struct unit time_units[] = {
    { "ps", SIM_PS }, { "ns", SIM_NS },        { "us", SIM_US },        { "ms", SIM_MS },
    { "s", SIM_SEC }, { "min", 60 * SIM_SEC }, { "h", 3600 * SIM_SEC }, { NULL, 0 },
};

static const struct unit size_units[] = {
    { "B", 1 },           { "kB", 1000 },       { "KiB", 1LL << 10 }, { "MB", 1000000 },
    { "MiB", 1LL << 20 }, { "GB", 1000000000 }, { "GiB", 1LL << 30 }, { "TB", 1000000000000 },
    { "TiB", 1LL << 40 }, { NULL, 0 },
};

static const struct unit rate_units[] = {
    { "B/s", 1 },           { "kB/s", 1000 },
    { "KiB/s", 1LL << 10 }, { "MB/s", 1000000 },
    { "MiB/s", 1LL << 20 }, { "GB/s", 1000000000 },
    { "GiB/s", 1LL << 30 }, { "TB/s", 1000000000000 },
    { "TiB/s", 1LL << 40 }, { NULL, 0 },
};

struct quantity {
    const char *what, *finest, *example;
    const struct unit *units;
};

static const struct quantity q_time = { "a time", "1 ps", "'40ns' or '2.5ms'", time_units };
static const struct quantity q_size = { "a size", "1 B", "'64KiB' or '1.5MB'", size_units };
static const struct quantity q_rate = { "a rate", "1 B/s", "'200MB/s' or '2.6MB/s'", rate_units };

#define DIGITS_MAX 22 /* 10^22 times the largest factor (an hour in ps) stays below 2^128 */

static bool refuse(const char *text, const struct quantity *q, const char *why, struct err *e)
{
    char units[128] = "";
    for (const struct unit *u = q->units; u->name != NULL; u++) {
        size_t used = strlen(units);
        snprintf(units + used, sizeof units - used, "%s%s", used > 0 ? ", " : "", u->name);
    }
    return err_set(e, "'%.80s' is not %s: %s; write a number and one of %s, like %s", text, q->what,
                   why, units, q->example);
}

/* Digits of a decimal number without its point, and how many stood behind the point (less the
 * exponent, so it may be negative).  NULL when it is no number. */
static const char *scan_number(const char *p, u128 *digits, int *fraction)
{
    int count = 0, seen = 0;
    bool point = false;
    *digits = 0;
    *fraction = 0;
    for (; isdigit((unsigned char)*p) || (*p == '.' && !point); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        seen++;
        if (*digits != 0 || *p != '0')
            count++;
        if (count > DIGITS_MAX)
            return NULL;
        *digits *= 10;
        *digits += (unsigned char)(*p - '0');
        *fraction += point;
    }
    if (seen == 0)
        return NULL;
    if ((*p == 'e' || *p == 'E') &&
        (isdigit((unsigned char)p[1]) ||
         ((p[1] == '-' || p[1] == '+') && isdigit((unsigned char)p[2])))) {
        bool minus = p[1] == '-';
        int exponent = 0;
        for (p += isdigit((unsigned char)p[1]) ? 1 : 2; isdigit((unsigned char)*p); p++)
            exponent = exponent < 1000 ? exponent * 10 + (*p - '0') : exponent;
        *fraction += minus ? exponent : -exponent;
    }
    return p;
}

/* digits * factor / 10^fraction when that is whole and fits; else a sentence. */
static bool scale(const char *text, const struct quantity *q, u128 digits, int fraction,
                  int64_t factor, int64_t *out, struct err *e)
{
    u128 value = digits * (uint64_t)factor;
    for (; fraction < 0 && value != 0; fraction++) {
        value *= 10;
        if (value > (u128)INT64_MAX)
            break;
    }
    for (; fraction > 0 && value != 0; fraction--) {
        if (value % 10 != 0)
            return err_set(e, "'%.80s' is finer than the resolution of %s (%s)", text, q->what,
                           q->finest);
        value /= 10;
    }
    if (value > (u128)INT64_MAX)
        return err_set(e, "'%.80s' is too large for %s", text, q->what);
    *out = (int64_t)value;
    return true;
}

static bool parse(const char *text, const struct quantity *q, int64_t *out, struct err *e)
{
    const char *p = text;
    while (isspace((unsigned char)*p))
        p++;
    if (*p == '-')
        return refuse(text, q, "it is negative", e);
    u128 digits;
    int fraction;
    p = scan_number(p, &digits, &fraction);
    if (p == NULL)
        return refuse(text, q, "it does not start with a number", e);
    while (isspace((unsigned char)*p))
        p++;
    size_t n = strlen(p);
    while (n > 0 && isspace((unsigned char)p[n - 1]))
        n--;
    if (n == 0 && digits == 0) {
        *out = 0;
        return true;
    }
    if (n == 0)
        return refuse(text, q, "it has no unit", e);
    for (const struct unit *u = q->units; u->name != NULL; u++) {
        if (strlen(u->name) == n && strncmp(u->name, p, n) == 0)
            return scale(text, q, digits, fraction, u->factor, out, e);
    }
    char why[64];
    snprintf(why, sizeof why, "'%.*s' is not a unit of it", (int)(n < 24 ? n : 24), p);
    return refuse(text, q, why, e);
}

bool units_parse_time(const char *text, sim_time *out, struct err *e)
{
    return parse(text, &q_time, out, e);
}

bool units_parse_size(const char *text, int64_t *out, struct err *e)
{
    return parse(text, &q_size, out, e);
}

bool units_parse_rate(const char *text, int64_t *out, struct err *e)
{
    return parse(text, &q_rate, out, e);
}

/* value / factor as exact decimal text, or false when it does not fit in `size`. */
static bool decimal(uint64_t value, const struct unit *u, char *out, size_t size)
{
    uint64_t factor = (uint64_t)u->factor;
    int n = snprintf(out, size, "%" PRIu64, value / factor);
    if (n < 0 || (size_t)n >= size)
        return false;
    size_t used = (size_t)n;
    u128 rest = value % factor;
    if (rest != 0 && used + 1 < size)
        out[used++] = '.';
    while (rest != 0) {
        if (used + 1 >= size)
            return false;
        rest *= 10;
        out[used++] = (char)('0' + (int)(rest / factor));
        rest %= factor;
    }
    size_t name = strlen(u->name);
    if (used + name >= size)
        return false;
    memcpy(out + used, u->name, name + 1);
    return true;
}

static const char *format(int64_t value, const struct unit *units, char *out, size_t size)
{
    ASSERT(value >= 0 && size >= 32);
    memcpy(out, "0", sizeof "0");
    if (value == 0)
        return out;
    size_t best = SIZE_MAX;
    for (const struct unit *u = units; u->name != NULL; u++) {
        char buf[32];
        if (decimal((uint64_t)value, u, buf, sizeof buf) && strlen(buf) < best) {
            best = strlen(buf);
            memcpy(out, buf, best + 1);
        }
    }
    return out;
}

const char *units_format_time(sim_time t, char *out, size_t size)
{
    return format(t, time_units, out, size);
}

const char *units_format_size(int64_t bytes, char *out, size_t size)
{
    return format(bytes, size_units, out, size);
}

const char *units_format_rate(int64_t rate, char *out, size_t size)
{
    return format(rate, rate_units, out, size);
}
