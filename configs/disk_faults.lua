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
            { path = "dev0.member.0", at = "5s", action = "sector", sector = 200, sectors = 64 },
            { path = "dev0.member.1", at = "6s", action = "transient",
              sector = 0, sectors = 10000, count = 1 },
            { path = "dev0.member.2", at = "8s", action = "death" },
            { path = "dev0.member.3", at = "10s", action = "slow", percent = 300 },
            { path = "dev0.member.4", at = "40s", action = "death" },
            { path = "dev0.member.5", at = "80s", action = "flip",
              sector = 1000, byte = 17, bits = 5 },
            { path = "dev0", at = "81s", action = "power" },
            { path = "dev0", at = "82s", action = "scrub" },
            { path = "dev1", at = "5s", action = "sector", sector = 4000, sectors = 8 },
            { path = "dev1", at = "6s", action = "transient",
              sector = 0, sectors = 50000, count = 3 },
            { path = "dev1", at = "7s", action = "lost", sector = 0, sectors = 50000, count = 3 },
            { path = "dev1", at = "8s", action = "torn", sector = 0, sectors = 50000, count = 3 },
            { path = "dev1", at = "9s", action = "misdirected",
              sector = 0, sectors = 50000, count = 3 },
            { path = "dev1", at = "10s", action = "power" },
            { path = "dev1", at = "20s", action = "slow", percent = 200 },
            { path = "dev2", at = "5s", action = "death" }, -- the cache's controller crashes
        },
    },
    measures = { "response.mean", "failed", "wrong_reads", "lost_sectors", "rebuilt_stripes",
                 "parity_mismatches", "repaired_units", "missing_members" },
}
