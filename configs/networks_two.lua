-- One machine on two networks: its mesh, and an Ethernet that joins the same nodes.
-- The graph has a driver for each; messages go over the one that `over` names, and the other lies
-- idle.  The interfaces of the cable have frames of their own length, and their bytes are moved by
-- the CPU, at a price of that network alone.
--
--   psim run networks_two
--   psim run networks_two -p over=lan -p workload.size=1MB
local paragon = include "machines/paragon.lua"
local frames = include "parts/frames.lua"
local over = param("over", "mesh", { "mesh", "lan" })

local machine = paragon {
    rows = 2, columns = 4,
    graph = {
        { name = "mesh", protocol = "driver", interface = "mesh" },
        { name = "lan", protocol = "driver", interface = "lan" },
        -- A window of 64 KiB takes 54 ms on the cable: nothing is sent again before.
        { name = "rdm", protocol = "rdm", below = { over }, resend = "200ms" },
        { name = "nx", protocol = "nx", below = { "rdm" } },
    },
}
machine.network = nil
machine.networks = {
    mesh = { kind = "worm" },
    lan = {
        kind = "ethernet", length = 100,
        nic = frames.nic("ethernet"),
        prices = { frame_bytes = { rate = "10MB/s" } }, -- ASSUMED(a controller on a slow bus)
    },
}

machine.networks.lan.nic.dma_rate = "1000GB/s"        -- none: the CPU moves the bytes

return {
    title = "Two networks in one machine",
    doc = "One-way time of a message between two programs, over the mesh and over an Ethernet.",
    machine = machine,
    workload = { kind = "pingpong", size = param("workload.size", "0B"), partner = 7, rounds = 20 },
    sweep = { product = {
        over = { "mesh", "lan" },
        ["workload.size"] = { "0B", "10kB", "100kB" },
    } },
    measures = { "one_way.mean", "mesh.sent", "lan.sent", "lan.network.attempts" },
    expectations = {
        { kind = "range", name = "over the cable: no faster than frames of 1,518 bytes",
          measure = "one_way.mean", at = { over = "lan", ["workload.size"] = "100kB" },
          min = "82ms", citation = "derived: 1,500 bytes in each 1,230.4 us" },
        { kind = "range", name = "over the mesh: as on a machine without the cable",
          measure = "one_way.mean", at = { over = "mesh", ["workload.size"] = "0B" },
          min = "10us", max = "100us", citation = "paragon_pingpong: tens of microseconds" },
        { kind = "range", name = "nothing on the cable then",
          measure = "lan.network.attempts", at = { over = "mesh", ["workload.size"] = "0B" },
          min = 0, max = 0, citation = "derived: the graph has the mesh below the messages" },
    },
}
