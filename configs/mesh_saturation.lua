-- Where does the mesh saturate?  One answer a combination, by bisection over the offered load: each
-- load tried is a point of its own, stored and resumed as any other.
return {
    title = "Wormhole mesh: saturation by pattern and FIFO depth",
    doc = "The load at which latency is three times that of an empty 8x8 mesh, in flits a node "
        .. "and cycle.",
    mesh = {
        kind = param("mesh.kind", "worm", { "worm", "flit", "ideal" }),
        rows = 8,
        columns = 8,
        fifo_flits = 8,
    },
    workload = {
        kind = "mesh_load",
        pattern = "uniform",
        packet_flits = 8,
        measure = "60us",
        drain = "30us",
    },
    sweep = {
        product = {
            ["workload.pattern"] = { "uniform", "transpose", "bit_complement", "tornado",
                                     "neighbour" },
            ["mesh.fifo_flits"] = { 4, 8, 16, 64 },
        },
        bisect = {
            path = "workload.load",
            low = 0.01,
            high = 0.99,
            tolerance = 0.01,
            measure = "latency.mean",
            above_low = 3, -- times the latency at the lowest load
        },
    },
    measures = { "accepted", "latency.mean", "channel_busiest" },
    figure = {
        x = "mesh.fifo_flits", y = "saturated_at", by = "workload.pattern", log = "x",
        x_label = "FIFO depth [flits]", y_label = "saturated at [flits/node/cycle]",
    },
}
