# sim: objects in reading order.
SIM_SRC = sim/bottom.c sim/queue.c sim/engine.c sim/thread.c sim/window.c sim/busy.c sim/server.c sim/audit.c sim/population.c sim/ledger.c
SIM_SRC += sim/rng.c sim/rng_gsl.c sim/stat.c sim/series.c sim/digest.c sim/measure.c sim/names.c sim/counts.c sim/trace.c
SIM_SRC += sim/fault.c sim/input.c sim/results.c sim/results_write.c sim/results_read.c
