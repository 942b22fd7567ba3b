/* disk_trace.h: traces of disk requests, read from text.
 *
 * Two formats, one request a line; blank lines and lines that begin with '#' are skipped.
 *   text     time_ms device sector sectors R|W     time: of arrival, or gap after the completion of
 *                                                  the request before (closed replay)
 *   disksim  time_ms device sector sectors flags   the ASCII format of the DiskSim tools: flags is
 *                                                  hexadecimal, bit 0 set means read
 */
#ifndef WORKLOADS_DIRECT_DISK_TRACE_H
#define WORKLOADS_DIRECT_DISK_TRACE_H

#include "sim/base/err.h"
#include "sim/base/time.h"

enum disk_trace_format { DISK_TRACE_TEXT, DISK_TRACE_DISKSIM };

struct disk_trace_line {
    size_t line; /* of the file, from 1 */
    sim_time time;
    uint32_t device;
    uint32_t sectors;
    uint64_t sector;
    bool read;
};

/* Milliseconds with up to nine decimals, exactly. */
bool disk_trace_ms(const char *text, sim_time *out);
/* One line; *skip: it holds no request.  False when it is no line of the format. */
bool disk_trace_parse(enum disk_trace_format format, const char *line, struct disk_trace_line *out,
                      bool *skip);
/* A whole file, malloc'd; NULL with a sentence that names the line. */
struct disk_trace_line *disk_trace_read(const char *path, enum disk_trace_format format,
                                        size_t *count, struct err *e);

#endif
