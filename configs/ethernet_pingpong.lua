-- Message passing over an Ethernet: the network of a room of workstations below the same programs.
-- Two programs send a message to and fro while nobody else talks.  A frame may be given up after
-- 16 collisions, so the driver promises no delivery, and RDM numbers and acknowledges its pieces.
local paragon = include "machines/paragon.lua"
local frames = include "parts/frames.lua"
local graphs = include "parts/graphs.lua"

local machine = paragon {
    rows = 2, columns = 4,
    -- The window of 64 KiB takes 54 ms on the cable: RDM waits three times as long by itself.
    graph = graphs.messages("rdm", nil, { name = "rdm" }),
}
frames.on(machine, { model = "ethernet" })

return {
    title = "Ping-pong over Ethernet",
    doc = "One-way time of a message between two programs over 10 Mb/s, by its length.",
    machine = machine,
    workload = { kind = "pingpong", size = param("workload.size", "0B"), partner = 7, rounds = 20 },
    sweep = { product = { ["workload.size"] = { "0B", "1kB", "10kB", "100kB", "1MB" } } },
    measures = { "one_way.mean", "network.collisions", "rdm.resent", "rdm.acks" },
    expectations = {
        { kind = "range", name = "0 B: above the least frame and its preamble",
          measure = "one_way.mean", at = { ["workload.size"] = "0B" }, min = "57.6us",
          max = "200us", citation = "IEEE 802.3: 64 bytes and 8 of preamble" },
        { kind = "range", name = "1 MB: no faster than frames of 1,518 bytes",
          measure = "one_way.mean", at = { ["workload.size"] = "1MB" }, min = "820ms",
          citation = "derived: 1,500 bytes in each 1,230.4 us" },
    },
}
