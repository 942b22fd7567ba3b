-- HP C2249A: the drive's own numbers, for disks/disk.h.
-- Geometry, zones, skews, spares, slips, seek curve, overheads, cache: the public drive
-- descriptions of DiskSim 4.0 (CMU Parallel Data Laboratory), which were extracted from the
-- drive and fitted to recordings of it [Worthington, Ganger, Patt & Wilkes, SIGMETRICS 1995;
-- Ganger 1995].  Rates are SCSI and host together.
-- Seek curve, overheads and cache are the C2247A's, whose mechanism it shares; there are no
-- slipped tracks in its description.
-- read_hit and reselect hold 0.02519 ms of data preparation; write holds the drive's extra
-- disconnection.
return {
    kind = "disk",
    model = "HP C2249A",
    rpm = 5400,
    geometry = {
        cylinders = 2051,
        heads = 17,
        sector = "512B",
        spare = "zone",
        zones = {
            { first = 0, last = 558, sectors = 96, offset = 0, front = 1632, track_skew = 14,
              cylinder_skew = 32, spares = 425 },
            { first = 559, last = 760, sectors = 92, offset = 14, track_skew = 13,
              cylinder_skew = 30, spares = 170 },
            { first = 761, last = 901, sectors = 88, offset = 73, track_skew = 13,
              cylinder_skew = 29, spares = 85 },
            { first = 902, last = 1051, sectors = 84, offset = 80, track_skew = 12,
              cylinder_skew = 28, spares = 102 },
            { first = 1052, last = 1193, sectors = 80, offset = 52, track_skew = 12,
              cylinder_skew = 27, spares = 68 },
            { first = 1194, last = 1519, sectors = 72, offset = 0, track_skew = 11,
              cylinder_skew = 24, spares = 136 },
            { first = 1520, last = 1793, sectors = 64, offset = 32, track_skew = 10,
              cylinder_skew = 22, spares = 102 },
            { first = 1794, last = 2050, sectors = 56, offset = 30, track_skew = 9,
              cylinder_skew = 19, spares = 85 },
        },
    },
    seek = {
        short_base = "3.81ms",
        short_root = "0.33ms",
        short_limit = 300,
        long_base = "7.75ms",
        long_step = "0.0059ms",
        first_ms = { 2.89, 3.68, 3.81, 3.98, 4.27, 4.65, 4.52, 4.65, 4.82, 4.99 },
        head_switch = "0.89ms",
        write_settle = "0.65ms",
    },
    cache = {
        segments = 2,
        segment_sectors = 256,
        write_segment = true,
        read_ahead = 128,
    },
    overhead = {
        read_hit = "0.97862ms",
        read_hit_after_write = "0.97862ms",
        read_miss = "0.55821ms",
        read_miss_after_write = "0.55821ms",
        write = "0.89244ms",
        write_after_write = "0.89244ms",
        read_done = "0.05665ms",
        write_done = "0.05045ms",
        disconnect = "0.02266ms",
        reselect = "0.18768ms",
        reselect_write = "0.12883ms",
    },
    interface = {
        read_rate = "3009994B/s",
        write_rate = "2740019B/s",
        read_mark = 0.75,
        hold = true,
    },
}
