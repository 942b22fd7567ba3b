/* disk_trace.c: reads traces of disk requests. */
#include "workloads/direct/disk_trace.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 1024
#define DECIMALS 9 /* of a millisecond: picoseconds */

bool disk_trace_ms(const char *text, sim_time *out)
{
    int64_t whole = 0, part = 0;
    int digits = 0, decimals = 0;
    const char *p = text;
    for (; isdigit((unsigned char)*p); p++, digits++) {
        if (whole > SIM_NEVER / SIM_MS / 10 - 1)
            return false;
        whole = whole * 10 + (*p - '0');
    }
    if (*p == '.') {
        for (p++; isdigit((unsigned char)*p); p++, digits++) {
            if (decimals == DECIMALS)
                continue; /* finer than the clock */
            part = part * 10 + (*p - '0');
            decimals++;
        }
    }
    for (; decimals < DECIMALS; decimals++)
        part *= 10;
    if (digits == 0 || *p != '\0')
        return false;
    *out = whole * SIM_MS + part;
    return true;
}

static bool whole_number(const char *text, int base, uint64_t max, uint64_t *out)
{
    char *end;
    if (!isxdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    unsigned long long n = strtoull(text, &end, base);
    *out = n;
    return errno == 0 && *end == '\0' && n <= max;
}

bool disk_trace_parse(enum disk_trace_format format, const char *line, struct disk_trace_line *out,
                      bool *skip)
{
    char copy[LINE_MAX_BYTES], *save = NULL, *field[6];
    size_t n = 0;
    size_t length = strlen(line);
    if (length >= sizeof copy)
        return false;
    memcpy(copy, line, length + 1);
    for (char *w = strtok_r(copy, " \t\r\n", &save); w != NULL && n < ARRAY_LEN(field);
         w = strtok_r(NULL, " \t\r\n", &save))
        field[n++] = w;
    *skip = n == 0 || field[0][0] == '#';
    if (*skip)
        return true;
    uint64_t device, sectors, flags;
    if (n != 5 || !disk_trace_ms(field[0], &out->time) ||
        !whole_number(field[1], 10, UINT32_MAX, &device) ||
        !whole_number(field[2], 10, INT64_MAX, &out->sector) ||
        !whole_number(field[3], 10, UINT32_MAX, &sectors) || sectors == 0)
        return false;
    out->device = (uint32_t)device;
    out->sectors = (uint32_t)sectors;
    if (format == DISK_TRACE_DISKSIM) {
        if (!whole_number(field[4], 16, UINT32_MAX, &flags))
            return false;
        out->read = (flags & 1) != 0;
        return true;
    }
    out->read = strcmp(field[4], "R") == 0 || strcmp(field[4], "r") == 0;
    return out->read || strcmp(field[4], "W") == 0 || strcmp(field[4], "w") == 0;
}

struct disk_trace_line *disk_trace_read(const char *path, enum disk_trace_format format,
                                        size_t *count, struct err *e)
{
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        err_set(e, "cannot read the trace %s: %s", path, strerror(errno));
        return NULL;
    }
    struct disk_trace_line *lines = NULL;
    size_t capacity = 0;
    char text[LINE_MAX_BYTES];
    *count = 0;
    for (size_t number = 1; fgets(text, sizeof text, f) != NULL; number++) {
        struct disk_trace_line line = { .line = number };
        bool skip;
        if (!disk_trace_parse(format, text, &line, &skip)) {
            err_set(e, "%s:%zu: not a request: wanted time in ms, device, sector, sectors, %s",
                    path, number, format == DISK_TRACE_TEXT ? "R or W" : "flags");
            free(lines);
            fclose(f);
            return NULL;
        }
        if (skip)
            continue;
        if (*count == capacity) {
            capacity = capacity == 0 ? 1024 : 2 * capacity;
            lines = base_realloc(lines, capacity * sizeof *lines);
        }
        lines[(*count)++] = line;
    }
    bool bad = ferror(f) != 0;
    fclose(f);
    if (bad || *count == 0) {
        err_set(e, "%s: %s", path, bad ? "reading failed" : "holds no request");
        free(lines);
        return NULL;
    }
    return lines;
}
