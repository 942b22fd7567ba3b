-- Message passing over other networks of the time: the same programs on a ring, at a switch, around
-- a crossbar.  Two programs send a message to and fro while nobody else talks; RDM numbers and
-- acknowledges its pieces, for a frame may be lost.
local paragon = include "machines/paragon.lua"

-- Longest payload of a frame, and flits of a frame that carry none.
local networks = {
    fddi = { payload = "4352B", header = 20, rate = 12.5e6 },      -- 4,352: IP's on FDDI [RFC 1390]
    switched = { payload = "1500B", header = 18, rate = 1.25e6 },  -- [IEEE 802.3]
    hippi = { payload = "64KiB", header = 2, rate = 100e6 },       -- header of HIPPI-FP: two words
}
local names = { "fddi", "switched", "hippi" }
local name = param("network", "fddi", names)
local chosen = networks[name]

local machine = paragon {
    rows = 2, columns = 4,
    graph = {
        { name = "mesh", protocol = "driver" },
        -- The window of 64 KiB takes 54 ms at 10 Mb/s: RDM waits three times as long by itself.
        { name = "rdm", protocol = "rdm", below = { "mesh" } },
        { name = "nx", protocol = "nx", below = { "rdm" } },
    },
}
machine.network = { model = name }
machine.nic.mtu, machine.nic.packet_bytes = chosen.payload, chosen.payload
machine.nic.header_flits = chosen.header

local expectations = {}
for _, n in ipairs(names) do
    expectations[#expectations + 1] = {
        kind = "range", name = n .. ", 1 MB: no faster than its bits",
        measure = "one_way.mean", at = { network = n, ["workload.size"] = "1MB" },
        min = 1e6 / networks[n].rate, citation = "derived: the rate of the medium",
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
