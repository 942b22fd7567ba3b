-- Requests and replies in a closed loop: what n outstanding requests a node buy on an 8x8 mesh.
-- While the mesh is empty the round trip is the server's 10 us and two packets alone, and
-- throughput grows with n; when channels fill, throughput stays and the round trip grows instead
-- (Little's law).
return {
    title = "Wormhole mesh: closed-loop requests and replies",
    doc = "Requests of 8 flits, 10 us of work, replies of 64; throughput and round trip against n.",
    mesh = {
        kind = param("mesh.kind", "worm"),
        rows = 8,
        columns = 8,
    },
    workload = {
        kind = "mesh_reply",
        pattern = param("workload.pattern", "uniform"),
        outstanding = param("workload.outstanding", 1),
        request_flits = 8,
        reply_flits = 64,
        serve = "10us",
        warmup = "50us",
        measure = "200us",
    },
    sweep = {
        product = {
            ["workload.pattern"] = { "uniform", "transpose", "neighbour", "hotspot" },
            ["workload.outstanding"] = { 1, 2, 4, 8, 16, 32 },
        },
    },
    measures = { "throughput", "round_trip.mean", "under_way", "channel_busiest" },
    figure = {
        x = "workload.outstanding", y = "throughput", by = "workload.pattern", log = "x",
        x_label = "requests outstanding a node", y_label = "round trips a second, all nodes",
        expectations = {
            { kind = "ratio", name = "two uniform requests outstanding are twice as fast as one",
              at = { ["workload.pattern"] = "uniform", ["workload.outstanding"] = 2 },
              over = { ["workload.pattern"] = "uniform", ["workload.outstanding"] = 1 },
              min = 1.9, max = 2.02 },
            { kind = "ratio", name = "32 are not faster than 16: channels are full",
              at = { ["workload.pattern"] = "uniform", ["workload.outstanding"] = 32 },
              over = { ["workload.pattern"] = "uniform", ["workload.outstanding"] = 16 },
              min = 0.85, max = 1.05 },
        },
    },
}
