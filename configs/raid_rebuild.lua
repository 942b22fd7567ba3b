-- RAID 5 of five under load: a member dies and a spare is filled at a limited rate, which is
-- swept: a faster one leaves less time without redundancy and less of the drives for requests.  A
-- few sectors of a survivor cannot be read: that unit is lost, because no scrub had found it.
return {
    title = "Rebuild under load, by its rate",
    doc = "Requests go on while a spare takes a dead member's place.",
    devices = {
        kind = "raid5",
        members = 5,
        spares = 1,
        unit = "16KiB",
        rebuild_rate = "1MB/s",
        -- A twentieth of an HP 97560, so that a rebuild takes a minute and not an hour.
        member = { kind = "disk", geometry = { cylinders = 98 } },
    },
    workload = {
        kind = "disk_load",
        mode = "open",
        gap = "60ms",
        size = "4KiB",
        reads = 0.67,
        requests = 4000,
        faults = {
            { at = "10s", kind = "sector", member = 2, sector = 30000, sectors = 4 },
            { at = "20s", kind = "death", member = 3 },
        },
    },
    sweep = {
        product = { ["devices.rebuild_rate"] = { "250kB/s", "500kB/s", "1MB/s", "0" } },
    },
    measures = { "response.mean", "response.p99", "failed", "rebuilt_stripes",
                 "unrecovered_units" },
}
