# mesh: objects in reading order.
MESH_SRC =
