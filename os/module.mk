# os: objects in reading order.
OS_SRC =
