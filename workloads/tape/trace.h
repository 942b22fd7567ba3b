/* trace.h: requests to an archive, as text: docs/models/hsm.md has the format.
 *
 * One request a line: TIME RANK read|write FILE BYTES; what follows a '#' is left out.  Read when
 * the configuration is, so that a damaged trace is refused with its file and line before any run.
 */
#ifndef WORKLOADS_TAPE_TRACE_H
#define WORKLOADS_TAPE_TRACE_H

#include "sim/base/err.h"
#include "sim/base/time.h"
#include "sim/input.h"

struct tape_op {
    sim_time at; /* since the start */
    bool write;
    uint64_t file, bytes;
};
struct tape_trace {
    struct {
        struct tape_op *ops; /* in the order of their times */
        size_t count;
    } * ranks;
    uint32_t rank_count;
};

/* Heap, for tape_trace_free; NULL with a sentence ("NAME:LINE: ...").  The archive has the files
 * below `files` from the start; others are read by the rank that has written them before. */
struct tape_trace *tape_trace_read(const struct input *in, uint64_t files, struct err *e);
void tape_trace_free(struct tape_trace *t); /* NULL is fine */

#endif
