/* disk_trace.c: reads traces of disk requests. */
#include "workloads/direct/disk_trace.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 1024

static bool whole_number(const char *text, int base, uint64_t max, uint64_t *out)
{
    char *end;
    if (!isxdigit((unsigned char)text[0]))
        return false;
    *out = strtoull(text, &end, base); /* what is too large for it is above every max */
    return *end == '\0' && *out <= max;
}

bool disk_trace_parse(const struct disk_trace_options *o, const char *line,
                      struct disk_trace_line *out, trace_time *time)
{
    char copy[LINE_MAX_BYTES], *save = NULL, *field[6];
    size_t n = 0, length = strlen(line);
    if (length >= sizeof copy)
        return false;
    memcpy(copy, line, length + 1);
    for (char *w = strtok_r(copy, " \t", &save); w != NULL && n < ARRAY_LEN(field);
         w = strtok_r(NULL, " \t", &save))
        field[n++] = w;
    uint64_t device, sectors, flags;
    if (n != 5 || !trace_time_parse(field[0], o->unit, time, NULL) ||
        !whole_number(field[1], 10, UINT32_MAX, &device) ||
        !whole_number(field[2], 10, INT64_MAX, &out->sector) ||
        !whole_number(field[3], 10, UINT32_MAX, &sectors) || sectors == 0)
        return false;
    out->device = (uint32_t)device;
    out->sectors = (uint32_t)sectors;
    if (o->format == DISK_TRACE_DISKSIM) {
        if (!whole_number(field[4], 16, UINT32_MAX, &flags))
            return false;
        out->read = (flags & 1) != 0;
        return true;
    }
    out->read = strcmp(field[4], "R") == 0 || strcmp(field[4], "r") == 0;
    return out->read || strcmp(field[4], "W") == 0 || strcmp(field[4], "w") == 0;
}

static int by_time(const void *a, const void *b)
{
    const struct disk_trace_line *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

static bool read_lines(const struct input *in, const struct disk_trace_options *o,
                       struct disk_trace_line **lines, struct trace_times *times, struct err *e)
{
    struct input_lines from = { .in = in };
    char text[LINE_MAX_BYTES];
    while (input_line(&from, text, sizeof text, e)) {
        struct disk_trace_line line = { .line = from.number };
        trace_time time;
        if (!disk_trace_parse(o, text, &line, &time))
            return err_set(e,
                           "%s:%zu: not a request: wanted time in %s, device, sector, sectors, %s",
                           in->shown, from.number, trace_units[o->unit],
                           o->format == DISK_TRACE_TEXT ? "R or W" : "flags");
        if ((times->count & (times->count - 1)) == 0)
            *lines = base_realloc(*lines, (times->count * 2 + 1) * sizeof **lines);
        (*lines)[times->count] = line;
        trace_times_add(times, time, line.line);
    }
    return !e->set && (times->count > 0 || err_set(e, "%s: holds no request", in->shown));
}

struct disk_trace_line *disk_trace_read(const struct input *in, const struct disk_trace_options *o,
                                        size_t *count, struct err *e)
{
    struct disk_trace_line *lines = NULL;
    struct trace_times times = { .count = 0 };
    bool good = read_lines(in, o, &lines, &times, e) &&
                trace_times_fit(&times, o->gaps ? TRACE_FROM_ZERO : o->origin, o->gaps || o->sort,
                                in->shown, e);
    *count = times.count;
    ASSERT(lines != NULL || !good); /* a trace without a request is not good */
    for (size_t i = 0; good && i < times.count; i++)
        lines[i].time = trace_times_at(&times, i);
    trace_times_fini(&times);
    if (!good) {
        free(lines);
        return NULL;
    }
    if (o->sort && !o->gaps)
        qsort(lines, *count, sizeof *lines, by_time);
    return lines;
}
