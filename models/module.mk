# models: objects in reading order.
MODELS_SRC = models/price.c models/machine_params.c models/layout.c models/adapter.c models/networks.c models/capture.c models/machine.c \
             models/node.c models/upcall.c models/effect.c models/train.c models/port_time.c models/port_thread.c \
             models/port_timer.c models/port_net.c models/port_blk.c models/port_changer.c models/port_task.c models/port_window.c \
             models/fault.c models/report.c
