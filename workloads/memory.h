/* memory.h: the workload of programs whose data exceed their memory (memory.c). */
#ifndef WORKLOADS_MEMORY_H
#define WORKLOADS_MEMORY_H

#include "workloads/workload.h"

extern const struct workload_ops workload_memory;

#endif
