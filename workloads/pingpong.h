/* pingpong.h: workloads that measure messages between two programs. */
#ifndef WORKLOADS_PINGPONG_H
#define WORKLOADS_PINGPONG_H

#include "workloads/workload.h"

extern const struct workload_ops workload_pingpong, workload_message_time;

#endif
