-- Messages of programs over networks of stations that fail: the receiver's link goes down again and
-- again, or damages bits, or a part of the network goes down.  What is lost is sent again.
--
--   psim run network_faults
--   psim run network_faults -p network=sp -p fault=part -p path='chip 4'
--
-- What can fail in each network stands on its page (docs/models/networks.md).
local paragon = include "machines/paragon.lua"
local frames = include "parts/frames.lua"
local graphs = include "parts/graphs.lua"

-- A part that stations need, and bytes of a frame, if not the longest.
local networks = {
    ethernet = { part = "cable" },
    switched = { part = "switch" },
    fddi = { part = "station 0" },                    -- a ring has only its stations
    hippi = { part = "output 7", payload = 8192 },
    atm = { part = "switch 1", more = { switches = 2, trunks = { { 0, 1 } } } },
    sp = { part = "chip 4" },                         -- one of four ways
}
local names = { "ethernet", "switched", "fddi", "hippi", "atm", "sp" }
local kinds = { "none", "down", "errors", "part" }
local name, fault = param("network", "ethernet", names), param("fault", "down", kinds)
local protocol = param("protocol", "rdm", { "rdm", "ulp" })
local chosen = networks[name]
local path = param("path", "")

local faults = {
    down = { path = "station 7", mtbf = param("mtbf", "40ms"), after = param("after", "4ms") },
    errors = { path = "station 7", action = "errors", ber = param("ber", 5e-6) },
    part = { path = path ~= "" and path or chosen.part, mtbf = param("mtbf", "40ms"),
             after = param("after", "4ms") },
}

local machine = paragon {
    rows = 2, columns = 4, release = "SUNMOS-1.6", graph = graphs.messages(protocol, "20ms"),
    faults = fault ~= "none" and { faults[fault] } or nil,
}
local network = { model = name }
for key, value in pairs(chosen.more or {}) do network[key] = value end
frames.on(machine, network, chosen.payload)

local expectations = {}
for _, n in ipairs(names) do
    local function some(what, measure, kind, min, max)
        expectations[#expectations + 1] = {
            kind = "range", name = n .. ": " .. what, measure = measure, min = min, max = max,
            at = { network = n, fault = kind },
            citation = "derived: what is lost is counted by its cause, and sent again",
        }
    end
    some("nothing fails, nothing is lost", "nic.frames_dropped_fault", "none", 0, 0)
    some("a link that goes down loses packets", "network.packets_dropped_fault", "down", 1)
    some("and frames are sent again", "messages.resent", "down", 1)
    some("errors damage packets", "network.packets_dropped_damaged", "errors", 1)
    some("and no link is down", "network.packets_dropped_fault", "errors", 0, 0)
    some("a part that goes down loses packets", "network.packets_dropped_fault", "part", 1)
end

return {
    title = "Messages over networks that fail",
    doc = "One-way time of a message of 8 kB between two programs, by network and fault.",
    machine = machine,
    workload = { kind = "pingpong", size = param("workload.size", "8kB"), partner = 7,
                 rounds = param("workload.rounds", 100) },
    sweep = { product = { network = names, fault = kinds } },
    limits = { time = "100s" },                       -- a link that stays down is asked for ever
    measures = { "one_way.mean", "one_way.max", "messages.resent", "nic.frames_dropped_fault",
                 "network.packets_dropped_fault", "network.packets_dropped_damaged" },
    expectations = expectations,
}
