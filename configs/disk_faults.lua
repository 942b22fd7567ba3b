-- Every kind of fault on one array and on one drive that reports writes early, from a schedule.
-- The array answers as its parity allows; the drive's own faults show as errors, wrong reads and
-- lost sectors.
return {
    title = "Faults as a schedule",
    doc = "A RAID 6 of six and a bare drive under the same load, with a list of faults.",
    devices = {
        { kind = "raid6", members = 6, spares = 2, unit = "8KiB", rebuild_rate = "2MB/s",
          member = { kind = "disk", geometry = { cylinders = 8 } } },
        { kind = "disk", geometry = { cylinders = 40 }, cache = { report = "all" } },
        { kind = "cache", size = "256KiB", delay = "200ms",
          device = { kind = "disk", geometry = { cylinders = 40 } } },
    },
    workload = {
        kind = "disk_load",
        outstanding = 4,
        size = "4KiB",
        reads = 0.5,
        requests = 6000,
        faults = {
            { at = "5s", kind = "sector", member = 1, sector = 200, sectors = 64 },
            { at = "6s", kind = "transient", member = 2, sector = 0, sectors = 10000, count = 1 },
            { at = "8s", kind = "death", member = 3 },
            { at = "10s", kind = "slow", member = 4, percent = 300 },
            { at = "40s", kind = "death", member = 5 },
            { at = "80s", kind = "flip", member = 6, sector = 1000, byte = 17, bits = 5 },
            { at = "81s", kind = "power" },
            { at = "82s", kind = "scrub" },
            { device = 2, at = "5s", kind = "sector", sector = 4000, sectors = 8 },
            { device = 2, at = "6s", kind = "transient", sector = 0, sectors = 50000, count = 3 },
            { device = 2, at = "7s", kind = "lost", sector = 0, sectors = 50000, count = 3 },
            { device = 2, at = "8s", kind = "torn", sector = 0, sectors = 50000, count = 3 },
            { device = 2, at = "9s", kind = "misdirected", sector = 0, sectors = 50000, count = 3 },
            { device = 2, at = "10s", kind = "power" },
            { device = 2, at = "20s", kind = "slow", percent = 200 },
            { device = 3, at = "5s", kind = "death" }, -- the cache's controller crashes
        },
    },
    measures = { "response.mean", "failed", "wrong_reads", "lost_sectors", "rebuilt_stripes",
                 "parity_mismatches", "repaired_units", "missing_members" },
}
