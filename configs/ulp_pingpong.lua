-- Messages of programs over ULP and over RDM: on the mesh, and on an ATM network that may lose.
--
--   psim run ulp_pingpong
--   psim figure ulp_pingpong
--
-- ULP sums each byte while it copies it, once a side, and asks for nothing of what is below; RDM
-- copies nothing and does without a sum, for the mesh loses and damages nothing.  The light
-- kernel's interfaces move data by DMA, so ULP's is the only pass of the CPU.
local paragon = include "machines/paragon.lua"
local frames = include "parts/frames.lua"
local graphs = include "parts/graphs.lua"
local COPY = 60e6                                     -- B/s: machines/paragon.lua, copy_sum
local CELL = 424 / 149.76e6                           -- s, at OC-3c

local name = param("network", "mesh", { "mesh", "atm" })
local protocol = param("protocol", "ulp", { "ulp", "rdm" })

local machine = paragon {
    rows = 2, columns = 4, release = "SUNMOS-1.6", graph = graphs.messages(protocol, "50ms"),
}
if name == "atm" then                                 -- as in atm_pingpong
    frames.on(machine, { model = "atm", switches = 2, trunks = { { 0, 1 } }, transit = "10us" })
end

local function case(network, what, size)
    return { network = network, protocol = what, ["workload.size"] = size }
end

return {
    title = "Messages over ULP and RDM",
    doc = "One-way time of a message between two programs, by network, protocol and length.",
    machine = machine,
    workload = { kind = "pingpong", size = param("workload.size", "1B"), partner = 7, rounds = 20 },
    sweep = {
        product = {
            network = { "mesh", "atm" }, protocol = { "ulp", "rdm" },
            ["workload.size"] = { "1B", "1kB", "10kB", "100kB", "1MB" },
        },
    },
    measures = { "one_way.mean", "messages.resent" },
    figure = {
        x = "workload.size", y = "one_way.mean", by = { "network", "protocol" }, log = "xy",
        x_label = "length of a message", y_label = "one-way time",
    },
    expectations = {
        { kind = "range", name = "mesh, 1 MB: at least 90 % of what a CPU copies and sums",
          measure = "one_way.mean", at = case("mesh", "ulp", "1MB"),
          min = 1e6 / COPY, max = 1e6 / COPY / 0.9,
          citation = "CMU-CS-93-132: close to the hardware's limits; derived: 90 % of the copy" },
        { kind = "range", name = "ATM, 1 MB: at least 90 % of what the cells carry",
          measure = "one_way.mean", at = case("atm", "ulp", "1MB"),
          min = 1e6 / 48 * CELL, max = 1e6 / 48 * CELL / 0.9,
          citation = "CMU-CS-93-132: close to the hardware's limits; derived: 90 % of the link" },
        { kind = "ratio", name = "mesh, 1 B: the sum of a header is all that ULP adds",
          measure = "one_way.mean", at = case("mesh", "ulp", "1B"),
          over = case("mesh", "rdm", "1B"),
          min = 1, max = 1.1, citation = "derived: 22 bytes more, copied and summed twice" },
    },
}
