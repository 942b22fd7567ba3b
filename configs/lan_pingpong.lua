-- Message passing over other networks of the time: the same programs on a ring, at a switch, around
-- a crossbar.  Two programs send a message to and fro while nobody else talks; RDM numbers and
-- acknowledges its pieces, for a frame may be lost.
local paragon = include "machines/paragon.lua"
local frames = include "parts/frames.lua"
local graphs = include "parts/graphs.lua"

local rates = { fddi = 12.5e6, switched = 1.25e6, hippi = 100e6 }    -- B/s of the medium
local names = { "fddi", "switched", "hippi" }
local name = param("network", "fddi", names)

local machine = paragon {
    rows = 2, columns = 4,
    -- The window of 64 KiB takes 54 ms at 10 Mb/s: RDM waits three times as long by itself.
    graph = graphs.messages("rdm", nil, { name = "rdm" }),
}
frames.on(machine, { model = name })

local expectations = {}
for _, n in ipairs(names) do
    expectations[#expectations + 1] = {
        kind = "range", name = n .. ", 1 MB: no faster than its bits",
        measure = "one_way.mean", at = { network = n, ["workload.size"] = "1MB" },
        min = 1e6 / rates[n], citation = "derived: the rate of the medium",
    }
end

return {
    title = "Ping-pong over FDDI, a switch, HIPPI",
    doc = "One-way time of a message between two programs, by network and length.",
    machine = machine,
    workload = { kind = "pingpong", size = param("workload.size", "0B"), partner = 7, rounds = 20 },
    sweep = { product = { network = names, ["workload.size"] = { "0B", "10kB", "1MB" } } },
    measures = { "one_way.mean", "rdm.resent", "rdm.acks" },
    expectations = expectations,
}
