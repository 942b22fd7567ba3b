-- Five drives under load: one dies and a spare is filled at a limited rate, which is swept: a
-- faster one leaves less time without redundancy and less of the drives for requests.  A few
-- sectors of a survivor cannot be read: what they and the dead drive held is lost, because no scrub
-- had found them.  RAID 5 seeks with each drive by itself; RAID 3 has one arm for all, for requests
-- too, and counts a stripe by the sector.

-- A twentieth of an HP 97560, so that a rebuild takes a minute and not an hour.
local drive = { kind = "disk", geometry = { cylinders = 98 } }
local kinds = {
    raid5 = { kind = "raid5", members = 5, spares = 1, unit = "16KiB", member = drive },
    raid3 = { kind = "raid3", data = 4, spares = 1, disk = drive },
}
return {
    title = "Rebuild under load, by its rate",
    doc = "Requests go on while a spare takes a dead member's place.",
    devices = kinds[param("level", "raid5", kinds)],
    workload = {
        kind = "disk_load",
        mode = "open",
        gap = "60ms",
        size = "4KiB",
        reads = 0.67,
        requests = 4000,
        faults = {
            { path = "dev0.member.1", at = "10s", action = "sector", sector = 30000, sectors = 4 },
            { path = "dev0.member.2", at = "20s", action = "death" },
        },
    },
    sweep = {
        product = {
            level = { "raid5", "raid3" },
            ["devices.rebuild_rate"] = { "250kB/s", "500kB/s", "1MB/s", "0" },
        },
    },
    measures = { "response.mean", "response.p99", "failed", "rebuilt_stripes",
                 "unrecovered_units" },
}
