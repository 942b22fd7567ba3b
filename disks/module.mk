# disks: objects in reading order.
DISKS_SRC = disks/blkdev.c disks/store.c disks/image.c disks/geometry.c disks/seek.c disks/sched.c disks/scsi.c \
            disks/disk_params.c disks/disk_mech.c disks/disk_cache.c disks/disk_plan.c \
            disks/disk_medium.c disks/disk.c \
            disks/raid3.c disks/raid3_background.c disks/raid_layout.c \
            disks/raid_code.c disks/raid_merge.c disks/raid_stripe.c disks/raid_background.c disks/raid.c disks/wcache.c disks/fault.c \
            disks/tape/format.c disks/tape/medium.c disks/tape/drive_params.c disks/tape/motion.c \
            disks/tape/drive.c disks/tape/rait.c \
            disks/build.c disks/build_list.c \
            disks/library/library_elements.c disks/library/library_geometry.c disks/library/library_queue.c \
            disks/library/library_drive.c disks/library/library_arm.c disks/library/library.c \
            disks/library/library_build.c disks/library/library_fault.c
