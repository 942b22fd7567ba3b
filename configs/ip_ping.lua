-- Echoes (ICMP) through gateways, by their length: what is longer than a frame is cut, and by the
-- gateway again where the next network carries less.
--
--   psim run ip_ping
--   psim run ip_ping -p workload.size=60kB -p gateways=2
--   psim run ip_ping -p dont_fragment=true -p workload.size=4kB
local internet = include "parts/internet.lua"
local names = { "ethernet", "switched", "fddi", "atm", "hippi" }
local first, second = param("first", "fddi", names), param("second", "switched", names)
local gateways = param("gateways", 1)

local networks = {}
for i = 1, gateways + 1 do networks[i] = i % 2 == 1 and first or second end
local dont_fragment = param("dont_fragment", false)
local machine, last = internet.row {
    networks = networks, hosts = 2, dont_fragment = dont_fragment,
}

return {
    title = "Echoes through gateways",
    doc = "Time from an echo to its answer, by the echo's length.",
    machine = machine,
    workload = { kind = "ping", size = param("workload.size", "56B"), partner = last, count = 10 },
    sweep = { product = { ["workload.size"] = { "0B", "56B", "1kB", "4kB", "16kB", "60kB" } } },
    measures = { "rtt.mean", "lost.mean", "ip.fragments_out", "ip.reassembled" },
    figure = {
        x = "workload.size", y = "rtt.mean",
        x_label = "length of an echo", y_label = "time to its answer",
    },
    expectations = internet.slow(networks) and not dont_fragment and {
        { kind = "range", name = "60 kB: no faster than twice its bits on the Ethernet",
          measure = "rtt.mean", at = { ["workload.size"] = "60kB" }, min = "98ms",
          citation = "derived: 60 kB in frames of 1,480 bytes, each 1,230.4 us, there and back" },
        { kind = "range", name = "nothing is lost", measure = "lost.mean",
          at = { ["workload.size"] = "60kB" }, min = 0, max = 0,
          citation = "derived: the ring and the switch lose nothing here" },
    } or nil,
}
