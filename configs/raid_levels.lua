-- Array levels over the same drives: small reads, small writes, and writes of a whole stripe.
-- A small write costs RAID 5 four accesses; RAID 4 queues at its parity drive; a full stripe costs
-- neither.
return {
    title = "Arrays of five HP C2247A",
    doc = "Random requests at 8 outstanding, by level, share of reads and size.",
    devices = {
        kind = "raid5",
        members = 5,
        unit = "16KiB",
        member = include("disks/hp_c2247a.lua"),
    },
    workload = { kind = "disk_load", size = "4KiB", reads = 1, requests = 2000, outstanding = 8 },
    sweep = {
        product = {
            ["devices.kind"] = { "raid0", "raid4", "raid5", "raid6" },
            ["workload.reads"] = { 0, 1 },
            ["workload.size"] = { "4KiB", "64KiB" },
        },
    },
    measures = { "requests_per_second", "bandwidth", "response.mean", "response.p99" },
}
