/* disk_trace.h: traces of disk requests, read from text.
 *
 * Two formats, one request a line; empty lines and what follows a '#' are left out.
 *   text     time device sector sectors R|W     time: of arrival, or gap after the completion of
 *                                               the request before (closed replay)
 *   disksim  time device sector sectors flags   the ASCII format of the DiskSim tools: flags is
 *                                               hexadecimal, bit 0 set means read
 */
#ifndef WORKLOADS_DIRECT_DISK_TRACE_H
#define WORKLOADS_DIRECT_DISK_TRACE_H

#include "sim/input.h"
#include "workloads/direct/trace_clock.h"

enum disk_trace_format { DISK_TRACE_TEXT, DISK_TRACE_DISKSIM };

struct disk_trace_line {
    size_t line; /* of the file, from 1 */
    sim_time time;
    uint32_t device;
    uint32_t sectors;
    uint64_t sector;
    bool read;
};

struct disk_trace_options {
    enum disk_trace_format format;
    int unit, origin; /* workloads/direct/trace_clock.h */
    bool gaps;        /* times are gaps: they have no origin and no order */
    bool sort;
};

/* One line; its time goes to *time.  False when it is no line of the format. */
bool disk_trace_parse(const struct disk_trace_options *o, const char *line,
                      struct disk_trace_line *out, trace_time *time);
/* A whole file, malloc'd; NULL with a sentence that names the line. */
struct disk_trace_line *disk_trace_read(const struct input *in, const struct disk_trace_options *o,
                                        size_t *count, struct err *e);

#endif
