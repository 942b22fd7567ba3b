# sim/base: objects in reading order.
BASE_SRC = sim/base/base.c sim/base/time.c
