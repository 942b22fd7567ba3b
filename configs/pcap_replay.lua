-- The frames of a capture on a network: what psim or tcpdump has recorded, at its times.
-- traces/pingpong.pcap is what an Ethernet carried while two programs sent 3,000 bytes to and fro
-- (networks_two, over = lan, workload.size = 3kB), 64 octets of each frame (docs/captures.md).
-- On a bare network twice as fast the frames meet on the cable, where before each waited for an
-- answer.  Into nodes of a machine those of one end are sent by its interface, and the protocols of
-- the other see them as they came: they acknowledge what they acknowledged when nobody replayed it.
--
--   psim run pcap_replay
--   psim run pcap_replay -p mesh.kind=switched
--   psim run pcap_replay -p into=node
local kind = param("mesh.kind", "ethernet", { "ethernet", "switched", "fddi" })
local into = param("into", "network", { "network", "node" })

local file = { file = "traces/pingpong.pcap", factor = param("workload.factor", 1.0),
               loops = param("workload.loops", 1), gap = "1ms" }
local sweep = { product = { ["workload.factor"] = { 100.0, 1.0, 0.5, 0.25 } } }

if into == "node" then
    local paragon = include "machines/paragon.lua"
    local machine = paragon {
        rows = 2, columns = 4,
        graph = {                          -- as it was: a frame has the number of its instance
            { name = "mesh", protocol = "driver", interface = "mesh" },
            { name = "lan", protocol = "driver", interface = "lan" },
            { name = "rdm", protocol = "rdm", below = { "lan" }, resend = "200ms" },
            { name = "nx", protocol = "nx", below = { "rdm" } },
        },
    }
    machine.network = nil
    machine.networks = {
        mesh = { kind = "worm" },
        lan = { kind = kind, nic = include("parts/frames.lua").nic("ethernet") },
    }
    file.interface = "lan"
    file.kind, file.only = "pcap_nodes", param("workload.only", 0)
    return {
        title = "Frames of a capture into nodes",
        doc = "What the receiver of a recorded conversation does when one end of it is sent again.",
        machine = machine,
        workload = file,
        sweep = sweep,
        measures = { "late.count", "late.max", "pcap.answers", "lan.received", "rdm.received",
                     "rdm.acks" },
        expectations = {
            { kind = "range", name = "every frame of the sender", measure = "late.count",
              at = { ["workload.factor"] = 1.0 },
              min = 111, max = 111, citation = "derived: half of the capture, each in its turn" },
            { kind = "range", name = "messages are whole at the receiver", measure = "rdm.received",
              at = { ["workload.factor"] = 1.0 },
              min = 22, max = 22, citation = "derived: 2 rounds before the window, 20 inside" },
        },
    }
end

file.kind = "pcap"
return {
    title = "Frames of a capture",
    doc = "Latency of the frames of a capture on an Ethernet, by the scale of their times.",
    mesh = { kind = kind, stations = 8 },
    workload = file,
    sweep = sweep,
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
