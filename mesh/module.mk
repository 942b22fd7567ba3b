# mesh: objects in reading order.
MESH_SRC = mesh/net.c mesh/link.c mesh/topology.c mesh/mapping.c mesh/mesh.c mesh/wheel.c mesh/common.c mesh/ideal.c mesh/route.c mesh/flit.c mesh/flit_deadlock.c \
	mesh/worm.c mesh/worm_time.c mesh/worm_slots.c mesh/worm_pairs.c mesh/lan/lan.c mesh/lan/ethernet_cable.c mesh/lan/ethernet.c mesh/lan/fddi.c mesh/lan/switched.c \
	mesh/switch/atm_graph.c mesh/switch/atm_frame.c mesh/switch/atm_output.c mesh/switch/atm_input.c mesh/switch/atm_fault.c mesh/switch/atm.c mesh/switch/hippi.c mesh/switch/sp_graph.c mesh/switch/sp_flow.c mesh/switch/sp.c \
	mesh/networks.c mesh/nic.c mesh/train.c
