# cli: objects in reading order.
CLI_SRC = \
	cli/clean.c \
	cli/options.c \
	cli/wire.c \
	cli/version.c \
	cli/value.c \
	cli/bisect.c \
	cli/lua/tokens.c \
	cli/lua/sandbox.c \
	cli/lua/libs.c \
	cli/lua/convert.c \
	cli/lua/sweep.c \
	cli/lua/limits.c \
	cli/lua/child.c \
	cli/lua/script.c \
	cli/registry.c \
	cli/schema.c \
	cli/config.c \
	cli/check.c \
	cli/list.c \
	cli/trace_nodes.c \
	cli/point.c \
	cli/point_result.c \
	cli/store.c \
	cli/worker.c \
	cli/progress.c \
	cli/campaign.c \
	cli/search.c \
	cli/expect.c \
	cli/table.c \
	cli/json.c \
	cli/run.c
# What works on results.
CLI_SRC += cli/dataset.c cli/curve.c cli/judge.c cli/draw.c cli/gnuplot.c cli/plot.c
CLI_SRC += cli/csv.c cli/export.c cli/reference.c cli/compare.c
CLI_SRC += cli/figure_read.c cli/figure.c cli/trace.c cli/suite.c

# Records of requests.
CLI_SRC += cli/demerit.c

# The live node: its command, and psim-live's own.
CLI_SRC += cli/live.c
LIVE_CLI_SRC = cli/live/main.c cli/live/netstat.c cli/live/stack.c cli/live/ping.c cli/live/relay.c cli/live/tcp.c cli/live/udp.c
