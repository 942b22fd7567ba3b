/* tape_io.h: the direct workload tape_io. */
#ifndef WORKLOADS_DIRECT_TAPE_IO_H
#define WORKLOADS_DIRECT_TAPE_IO_H

#include "workloads/direct/direct.h"

extern const struct direct_ops direct_tape_io;

#endif
