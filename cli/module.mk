# cli: objects in reading order.
CLI_SRC =
