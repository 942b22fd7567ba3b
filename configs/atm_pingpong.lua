-- Message passing over ATM: workstations at two switches, below the same programs.
-- Two programs send a message to and fro while nobody else talks.  A frame that loses a cell is
-- lost, so the driver promises no delivery, and RDM numbers and acknowledges its pieces.
local paragon = include "machines/paragon.lua"
local frames = include "parts/frames.lua"
local graphs = include "parts/graphs.lua"
local CELL = 424 / 149.76e6                           -- s, at OC-3c

local machine = paragon {
    rows = 2, columns = 4, graph = graphs.messages("rdm", "50ms", { name = "rdm" }),
}
frames.on(machine, { model = "atm", switches = 2, trunks = { { 0, 1 } },
                     transit = param("transit", "10us") })

return {
    title = "Ping-pong over ATM",
    doc = "One-way time of a message between two programs over two switches, by its length.",
    machine = machine,
    workload = { kind = "pingpong", size = param("workload.size", "0B"), partner = 7, rounds = 20 },
    sweep = { product = { ["workload.size"] = { "0B", "1kB", "10kB", "100kB", "1MB" } } },
    measures = { "one_way.mean", "network.cells_in", "network.cells_out", "rdm.resent",
                 "rdm.acks" },
    expectations = {
        { kind = "range", name = "0 B: above a frame of one or two cells on three channels",
          measure = "one_way.mean", at = { ["workload.size"] = "0B" },
          min = 3 * CELL + 2 * 10e-6 + 3 * 0.5e-6, max = "200us",
          citation = "derived: three channels of 2.83 us a cell and two switches of 10 us" },
        { kind = "range", name = "1 MB: no faster than cells of 48 bytes",
          measure = "one_way.mean", at = { ["workload.size"] = "1MB" }, min = 1e6 / 48 * CELL,
          max = 1.1 * 1e6 / 48 * CELL, citation = "derived: 135.63 Mb/s of payload" },
    },
}
