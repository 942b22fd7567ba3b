/* queue.h: the direct workload event_ring. */
#ifndef WORKLOADS_DIRECT_QUEUE_H
#define WORKLOADS_DIRECT_QUEUE_H

#include "workloads/direct/direct.h"

extern const struct direct_ops direct_event_ring;

#endif
