-- Where does the mesh saturate?  One answer a point, by bisection, in flits a node and flit time.
return {
    title = "Wormhole mesh: saturation by pattern and FIFO depth",
    doc = "The largest load that an 8x8 wormhole mesh with XY routing carries.",
    mesh = {
        kind = param("mesh.kind", "worm"),
        rows = 8,
        columns = 8,
        fifo_flits = 8,
    },
    workload = {
        kind = "mesh_saturation",
        tolerance = 0.01,
        traffic = { pattern = "uniform", packet_flits = 8, measure = "60us", drain = "30us" },
    },
    sweep = {
        product = {
            ["workload.traffic.pattern"] = { "uniform", "transpose", "bit_complement", "tornado",
                                             "neighbour" },
            ["mesh.fifo_flits"] = { 4, 8, 16, 64 },
        },
    },
    measures = { "saturation", "saturation_at_most", "accepted" },
}
