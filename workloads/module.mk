# workloads: programs for nodes, and direct drivers; objects in reading order.
WORKLOADS_SRC =
DIRECT_SRC = \
	workloads/direct/queue.c
