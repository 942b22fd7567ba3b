-- A parking lot: all nodes of a line send to its end as fast as they can.  Locally fair round robin
-- halves the share at every merge: node i (0 farthest) gets 2^-(n-1-i) but for the farthest two.
-- `psim run --output-dir DIR` writes the shares of all sources to DIR/sources.csv.
return {
    title = "Parking lot: shares under locally fair round robin",
    doc = "A line of 8 nodes overloads its last one; round robin and age arbitration.",
    mesh = {
        kind = param("mesh.kind", "worm", { "worm", "flit", "ideal" }),
        rows = 1,
        columns = 8,
    },
    workload = {
        kind = "mesh_load",
        pattern = "hotspot",
        hot = { 7 },
        hot_share = 1,
        load = 0.9,
        packet_flits = 8,
        warmup = "50us",
        measure = "200us",
        drain = 0,
    },
    sweep = {
        product = { ["mesh.arbitration"] = { "round_robin", "age" } },
    },
    measures = { "accepted", "accepted_least", "accepted_most" },
}
