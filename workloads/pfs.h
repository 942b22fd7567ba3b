/* pfs.h: the workload that reads and writes striped files. */
#ifndef WORKLOADS_PFS_H
#define WORKLOADS_PFS_H

#include "workloads/workload.h"

extern const struct workload_ops workload_pfs;

#endif
