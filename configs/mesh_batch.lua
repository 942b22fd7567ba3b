-- Makespan of batches over the depth of the FIFOs: where worms hold channels behind them, deeper
-- FIFOs help; where one channel is the limit, they do not.  Times are in cycles of 1 ns, with a
-- router of 3 cycles and a credit loop of 5, as common cycle-driven simulators have them.
return {
    title = "Wormhole mesh: makespan of a batch against FIFO depth",
    doc = "Every node of 8x8 has 10 packets of 32 flits at time 0; deterministic but for uniform.",
    mesh = {
        kind = param("mesh.kind", "worm", { "worm", "flit", "ideal" }),
        rows = 8,
        columns = 8,
        flit_time = "1ns",
        routing = 0,
        allocation = 0,
        crossbar = "1ns",
        wire = "2ns",
        credit = "2ns",
        injection_delay = "2ns",
        ejection_delay = "3ns",
        ejection_credits = true,
        fifo_flits = 8,
    },
    workload = {
        kind = "mesh_batch",
        pattern = "tornado",
        packets = 10,
        packet_flits = 32,
    },
    sweep = {
        product = {
            ["workload.pattern"] = { "tornado", "bit_complement", "transpose", "bit_reversal",
                                     "neighbour", "uniform" },
            ["mesh.fifo_flits"] = { 4, 8, 16, 32, 64, 512 },
        },
    },
    measures = { "makespan_cycles", "latency.mean", "channel_busiest" },
}
