-- The switch of an SP-2 frame: how much does the central queue of its chips give?  Packets wait
-- there for outputs that are taken, so that those behind them in a FIFO go on.  Without it a chip
-- has input queues alone, and one hot station fills the FIFOs on the ways to it.
local loads = { 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8 }
local BYTES, CYCLE = 64, 25e-9
-- From one station of 16 to any, itself not: 3 of 15 are at its chip, 12 three chips away.
local ZERO = ((3 * 1 + 12 * 3) / 15 * 5 + BYTES) * CYCLE
local karol = "Karol, Hluchyj and Morgan 1987: input queues of 8 ports saturate at 0.618"
local hot = "derived: 16 stations that send a tenth to one station fill its link at 0.40"
local function at(pattern, chunks, load)
    return { ["workload.pattern"] = pattern, ["mesh.chunks"] = chunks, ["workload.load"] = load }
end

return {
    title = "SP switch: latency against load, by central queue",
    doc = "16 stations, packets of 64 bytes; from their arrival at a station to delivery.",
    mesh = {
        kind = "sp", stations = param("mesh.stations", 16), chunks = param("mesh.chunks", 128),
        routes = param("mesh.routes", "round_robin"),
    },
    workload = {
        kind = "mesh_load", packet_flits = BYTES,
        pattern = param("workload.pattern", "uniform"), hot = { 0 }, hot_share = 0.1,
        load = param("workload.load", 0.5), process = "poisson",
        warmup = "2ms", measure = "8ms", drain = "0",
    },
    sweep = {
        product = {
            ["workload.pattern"] = { "uniform", "hotspot" }, ["mesh.chunks"] = { 0, 128 },
            ["workload.load"] = loads,
        },
    },
    measures = { "accepted", "latency.mean", "network.mean", "channel_busiest", "channel_mean",
                 "network.stored", "network.direct", "network.chunks_most" },
    figure = {
        x = "workload.load", y = "latency.mean", log = "y",
        by = { "workload.pattern", "mesh.chunks" },
        x_label = "load of each station", y_label = "latency",
        expectations = {
            { kind = "range", name = "few packets: near one alone", measure = "network.mean",
              at = { ["workload.pattern"] = "uniform", ["mesh.chunks"] = 128,
                     ["workload.load"] = 0.1 },
              min = ZERO, max = 1.1 * ZERO, citation = "derived: 125 ns a chip, 25 ns a byte" },
            { kind = "range", name = "the queue carries uniform traffic at 0.7",
              measure = "accepted", at = at("uniform", 128, 0.7), min = 0.68, citation = karol },
            { kind = "range", name = "without it chips saturate as input queues or below",
              measure = "accepted",
              at = at("uniform", 0, 0.8), max = 0.63, citation = karol },
            { kind = "range", name = "a hot station: its link is full",
              measure = "channel_busiest", at = at("hotspot", 128, 0.8), min = 0.95,
              citation = hot },
        },
    },
}
