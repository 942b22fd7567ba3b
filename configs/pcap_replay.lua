-- The frames of a capture on a bare network: what psim or tcpdump has recorded, at its times.
-- traces/pingpong.pcap is what an Ethernet carried while two programs sent 3,000 bytes to and fro
-- (networks_two, over = lan, workload.size = 3kB), 64 octets of each frame (docs/captures.md).
-- Twice as fast the frames meet on the cable, where before each waited for an answer.
--
--   psim run pcap_replay
--   psim run pcap_replay -p mesh.kind=switched
local kind = param("mesh.kind", "ethernet", { "ethernet", "switched", "fddi" })

return {
    title = "Frames of a capture",
    doc = "Latency of the frames of a capture on an Ethernet, by the scale of their times.",
    mesh = { kind = kind, stations = 8 },
    workload = {
        kind = "pcap",
        file = "traces/pingpong.pcap",
        factor = param("workload.factor", 1.0),
        loops = param("workload.loops", 1),
        gap = "1ms",
    },
    sweep = { product = { ["workload.factor"] = { 100.0, 1.0, 0.5, 0.25 } } },
    measures = { "frames", "latency.mean", "makespan" },
    expectations = {
        { kind = "range", name = "every frame is sent", measure = "frames",
          at = { ["workload.factor"] = 1.0 },
          min = 222, max = 222,
          citation = "derived: the capture has so many" },
        kind == "ethernet" and {
          kind = "range", name = "a frame alone: its own time on the cable and no more",
          measure = "latency.mean", at = { ["workload.factor"] = 100.0 },
          min = "530.4us", max = "533us",
          citation = "derived: 145,416 octets with headers, check sequences and least lengths, "
              .. "and 8 of preamble a frame, at 0.8 us; at most 2.2 us on 500 m" } or nil,
    },
}
