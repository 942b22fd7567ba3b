-- Adaptive routes with and without an escape channel: without one, long worms wait for each other
-- in a circle, which psim names; the points with an escape carry the same traffic.
local route = param("mesh.route", "xy")
return {
    title = "Adaptive routing: an escape channel and none",
    doc = "4x4, packets of 40 flits past saturation; adaptive_unsafe deadlocks, others do not.",
    mesh = {
        kind = "flit",
        rows = 4,
        columns = 4,
        route = route,
        virtual_channels = route == "adaptive_unsafe" and 1 or 2,
        fifo = route == "adaptive" and "empty" or "shared",
        fifo_flits = 4,
    },
    workload = {
        kind = "mesh_load",
        pattern = "uniform",
        load = 0.9,
        packet_flits = 40,
        warmup = "10us",
        measure = "40us",
        drain = 0,
    },
    sweep = {
        product = { ["mesh.route"] = { "xy", "west_first", "odd_even", "adaptive",
                                       "adaptive_unsafe" } },
    },
    measures = { "accepted", "latency.mean" },
}
