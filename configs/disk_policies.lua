-- Queue disciplines of one drive: requests a second against the number outstanding.
-- Shortest positioning gains most, because it knows the rotation; first come, first served gains
-- nothing.
return {
    title = "One HP C2247A: queue disciplines",
    doc = "Random 4 KiB reads in a closed loop on one drive, by discipline and number outstanding.",
    devices = merge(include("disks/hp_c2247a.lua"),
                    { queue = { policy = "fcfs", where = "driver" } }),
    workload = { kind = "disk_load", size = "4KiB", requests = 4000, outstanding = 8 },
    sweep = {
        product = {
            ["devices.queue.policy"] = { "fcfs", "sstf", "scan", "cscan", "look", "clook",
                                          "sptf", "asptf" },
            ["workload.outstanding"] = { 1, 4, 16, 64 },
        },
    },
    measures = { "requests_per_second", "response.mean", "response.p99", "seek.mean",
                 "rotation.mean" },
}
