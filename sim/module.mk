# sim: objects in reading order.
SIM_SRC =
