/* trace.h: recorded requests of a parallel program, read from text: docs/replay.md is the manual.
 *
 * One operation a line: RANK WHEN OP FILE ...; what follows a '#' is left out.  Read when the
 * configuration is, so that a damaged trace is refused with its file and line before any run.
 */
#ifndef WORKLOADS_IO_TRACE_H
#define WORKLOADS_IO_TRACE_H

#include "os/pio/pio.h"
#include "sim/input.h"

enum trace_op {
    TRACE_OPEN,    /* FILE [MODE] [factor=N] */
    TRACE_READ,    /* FILE OFFSET SIZE [STRIDE COUNT] */
    TRACE_WRITE,   /* the same */
    TRACE_SIZE,    /* FILE SIZE */
    TRACE_FLUSH,   /* FILE */
    TRACE_CLOSE,   /* FILE */
    TRACE_REMOVE,  /* FILE */
    TRACE_BARRIER, /* all ranks */
    TRACE_OPS
};

struct trace_line {
    enum trace_op op;
    uint32_t line; /* of the text, from 1 */
    uint32_t file; /* index in trace.files */
    int mode;      /* open: index in the system's modes, or PIO_PLAIN */
    bool at; /* `when` counts from the start of the replay, else from the end of the last line */
    sim_time when;
    struct file_run run;
};

struct trace_file {
    char *name;
    uint64_t reads;  /* bytes that it has beforehand: those that are read, unless all are written
                       before a barrier that comes before the first read */
    uint64_t extent; /* bytes that it has in the end */
    uint32_t factor; /* 0: it says none */
};

struct trace_rank {
    struct trace_line *lines;
    size_t count;
    uint64_t requests; /* reads and writes among them */
};

struct trace {
    struct trace_rank *ranks;
    uint32_t rank_count, file_count, active; /* active: ranks with a request */
    struct trace_file *files;
    uint64_t writes, can; /* can: PIO_CAN of the controls that it needs */
    bool shared;          /* a file of several ranks */
};

/* Heap, for trace_free; NULL with a sentence ("NAME:LINE: ..."). */
struct trace *trace_read(const struct input *in, const struct pio_ops *system, struct err *e);
void trace_free(struct trace *t); /* NULL is fine */

#endif
