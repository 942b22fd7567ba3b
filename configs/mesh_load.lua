-- Latency against offered load on a bare mesh: where does each traffic pattern saturate?
-- Loads are in flits a node and flit time; uniform traffic fills the middle channels of 8x8 at 0.5.
return {
    title = "Wormhole mesh: latency against offered load",
    doc = "Open-loop Bernoulli traffic on an 8x8 wormhole mesh with XY routing, by pattern.",
    mesh = {
        kind = param("mesh.kind", "worm"),
        rows = 8,
        columns = 8,
    },
    workload = {
        kind = "mesh_load",
        pattern = "uniform",
        packet_flits = 8,
        load = 0.1,
        warmup = "20us",
        measure = "100us",
    },
    sweep = {
        product = {
            ["workload.pattern"] = { "uniform", "transpose", "bit_complement", "bit_reversal",
                                     "tornado", "neighbour", "hotspot" },
            ["workload.load"] = { 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3 },
        },
    },
    measures = { "offered", "accepted", "latency.mean", "latency.p99", "steady",
                 "channel_busiest" },
    figure = {
        x = "workload.load", y = "latency.mean", by = "workload.pattern", log = "y",
        x_label = "offered load [flits/node/cycle]", y_label = "latency",
        expectations = {
            { kind = "monotone", name = "uniform: latency rises with load",
              of = { ["workload.pattern"] = "uniform" }, direction = "rising" },
            { kind = "range", name = "neighbour stays near a packet alone",
              at = { ["workload.pattern"] = "neighbour", ["workload.load"] = 0.3 },
              min = "250ns", max = "300ns" },
        },
    },
}
