-- A Paragon I/O node's array: RAID-3 of 4 + 1 synchronised drives of 1.2 GB behind SCSI-1, 4.8 GB.
-- ASSUMED(the controller's overhead and the drives' mechanics; a few MB/s an I/O node were
-- delivered).
return {
    kind = "raid3",
    data = 4,
    disk = include("disks/paragon_1200mb.lua"),
    bus = { rate = "5MB/s" },
    overhead = "1ms",
}
