/* pcap_nodes.h: what the replay of a capture by nodes counts. */
#ifndef WORKLOADS_PCAP_NODES_H
#define WORKLOADS_PCAP_NODES_H

#include "sim/base/counter.h"

extern const struct counter pcap_counters[]; /* "pcap.*" */

#endif
