# sim: objects in reading order.
SIM_SRC = sim/queue.c sim/engine.c sim/thread.c sim/busy.c sim/server.c sim/audit.c
