# sim/base: objects in reading order.
BASE_SRC =
