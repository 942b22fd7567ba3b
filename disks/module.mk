# disks: objects in reading order.
DISKS_SRC =
