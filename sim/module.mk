# sim: objects in reading order.
SIM_SRC = sim/queue.c sim/engine.c sim/bridge.cpp sim/thread.c sim/sync.c sim/busy.c sim/server.c sim/audit.c
