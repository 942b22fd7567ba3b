# disks: objects in reading order.
DISKS_SRC = disks/blkdev.c
