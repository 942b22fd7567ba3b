# workloads: programs for nodes, and direct drivers; objects in reading order.
WORKLOADS_SRC = workloads/workload.c workloads/io/filetype.c workloads/io/pattern.c workloads/io/loop.c workloads/io/job.c workloads/io/requests.c workloads/io/metadata.c workloads/io/checkpoint.c workloads/io/copy.c workloads/io/trace.c workloads/io/replay.c workloads/io/app.c workloads/io/escat.c workloads/io/htf.c workloads/io/render.c workloads/io/charisma_draw.c workloads/io/charisma.c workloads/msg/job.c workloads/msg/job_files.c workloads/pingpong.c workloads/exchange.c workloads/ping.c workloads/fan_in.c workloads/tcp_streams.c workloads/tcp_errors.c workloads/tcp_sessions.c workloads/datagrams.c workloads/calls.c workloads/echo.c workloads/message_time.c workloads/pcap_index.c workloads/pcap_nodes.c
WORKLOADS_SRC += workloads/seen.c workloads/sharing.c workloads/names.c workloads/access.c workloads/paging.c workloads/shared.c workloads/shared_history.c \
	workloads/shared_linear.c workloads/shared_pde.c workloads/shared_sort.c \
	workloads/shared_tsp.c workloads/shared_fft.c workloads/shared_lu.c \
	workloads/shared_irregular.c workloads/shared_pattern.c workloads/memory.c
WORKLOADS_SRC += workloads/arrays_slab.c workloads/arrays_multiply.c workloads/arrays_lu.c workloads/arrays.c
DIRECT_SRC = \
	workloads/direct/queue.c workloads/direct/trace_clock.c workloads/direct/pattern.c workloads/direct/mesh_traffic.c \
	workloads/direct/mesh_load.c workloads/direct/mesh_closed.c workloads/direct/mesh_reply.c workloads/direct/pcap_replay.c

# Drivers of bare devices.
DIRECT_SRC += workloads/direct/disk_io.c workloads/direct/disk_load.c workloads/direct/disk_trace.c \
	workloads/direct/disk_replay.c workloads/direct/demerit.c workloads/direct/tape_io.c \
	workloads/direct/library_load.c
