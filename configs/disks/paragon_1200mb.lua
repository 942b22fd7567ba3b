-- The 1.2 GB drive of a Paragon RAID-3 array (4 + 1, 4.8 GB), as far as it is known.
-- Known: capacity, five to an array, SCSI.  ASSUMED(the drives' make is not published): mechanics
-- of a 1992 5.25-inch drive of that size, the HP 97560's, with heads and sectors for 1.2 GB.
return {
    kind = "disk",
    model = "1.2 GB Paragon array drive",
    rpm = 4002,
    geometry = {
        cylinders = 1962,
        heads = 17,
        sectors = 70,
        track_skew = 8,
        cylinder_skew = 18,
    },
}
