-- Messages of programs through gateways: a switched Ethernet and an FDDI ring, joined by a node on
-- both.  NX stands on RDM, and that on UDP or IP; neither knows that there is a gateway.
--
--   psim run ip_gateway
--   psim run ip_gateway -p over=ip -p gateways=3 -p workload.size=100kB
--   psim run ip_gateway -p first=ethernet -p second=atm
local internet = include "parts/internet.lua"
local names = { "ethernet", "switched", "fddi", "atm", "hippi" }
local first, second = param("first", "switched", names), param("second", "fddi", names)
local gateways = param("gateways", 1)
local over = param("over", "udp", { "udp", "ip" })
local mtu = param("mtu", 0)                           -- bytes that IP carries; 0: the network's own

local networks = {}
for i = 1, gateways + 1 do networks[i] = i % 2 == 1 and first or second end
local machine, last = internet.row {
    networks = networks, hosts = 2, mtu = mtu > 0 and mtu or nil,
}
local graph = machine.graph
-- A window of 64 KiB takes 54 ms at 10 Mb/s, on each network.
graph[#graph + 1] = { name = "rdm", protocol = "rdm", below = { over }, resend = "500ms" }
graph[#graph + 1] = { name = "nx", protocol = "nx", below = { "rdm" } }

return {
    title = "Messages through gateways",
    doc = "One-way time of a message between hosts of two networks, by what is between them.",
    machine = machine,
    workload = { kind = "pingpong", size = param("workload.size", "1kB"), partner = last,
                 rounds = 10 },
    sweep = { product = { over = { "udp", "ip" }, ["workload.size"] = { "0B", "1kB", "100kB" } } },
    measures = { "one_way.mean", "ip.forwarded", "ip.fragments_out", "rdm.resent" },
    expectations = internet.slow(networks) and {
        { kind = "range", name = "100 kB: no faster than the Ethernet's bits",
          measure = "one_way.mean", at = { over = "udp", ["workload.size"] = "100kB" },
          min = "82ms", citation = "derived: 1,500 bytes in each 1,230.4 us" },
        { kind = "ratio", name = "UDP's 8 bytes and sum cost little",
          measure = "one_way.mean", at = { over = "udp", ["workload.size"] = "100kB" },
          over = { over = "ip", ["workload.size"] = "100kB" }, min = 0.9, max = 1.2,
          citation = "derived: 8 bytes in 1,480, and a sum at the rate of a copy" },
    } or nil,
}
