# mesh: objects in reading order.
MESH_SRC = mesh/topology.c mesh/mesh.c mesh/ideal.c mesh/route.c mesh/flit.c mesh/wheel.c mesh/worm.c \
	mesh/worm_time.c mesh/worm_slots.c mesh/nic.c
