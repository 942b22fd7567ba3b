-- How many random reads a second does a drive take?  The arrival rate at which the mean response is
-- three times that of an idle drive, by queue discipline, found by bisection.  The workload's own
-- parameter is the gap between arrivals, which falls as the load rises: the text derives it.
local rate = param("rate", 10) -- arrivals a second
return {
    title = "One HP C2247A: the rate that it takes, by queue discipline",
    doc = "Random 4 KiB reads, open loop; saturated at three times the response of an idle drive.",
    devices = merge(include("disks/hp_c2247a.lua"),
                    { queue = { policy = "fcfs", where = "driver" } }),
    workload = {
        kind = "disk_load",
        mode = "open",
        gap = string.format("%dus", 1000000 // rate),
        size = "4KiB",
        requests = 3000,
        warmup = 200,
    },
    sweep = {
        product = { ["devices.queue.policy"] = { "fcfs", "look", "sptf" } },
        bisect = { path = "rate", low = 5, high = 300, tolerance = 5,
                   measure = "response.mean", above_low = 3 },
    },
    measures = { "requests_per_second", "response.mean" },
}
