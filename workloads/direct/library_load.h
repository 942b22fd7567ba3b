/* library_load.h: the direct workload library_load. */
#ifndef WORKLOADS_DIRECT_LIBRARY_LOAD_H
#define WORKLOADS_DIRECT_LIBRARY_LOAD_H

#include "workloads/direct/direct.h"

extern const struct direct_ops direct_library_load;

#endif
