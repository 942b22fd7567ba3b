-- TCP at the scale of a machine: each of 4,096 nodes has a connection to one of 64 gateways, sends
-- some bytes, and keeps it; then a second one.  What a connection that is idle takes of a gateway's
-- memory is measured: the first one with the sessions of IP, ARP and Ethernet that go to its host,
-- the second without: TCP's block, the socket's, and the tables that find them.
--
--   psim run tcp_gateways
--   psim run tcp_gateways -p side=16 -p gateways=4
--   psim run tcp_gateways -p placement=library
local paragon = include "machines/paragon.lua"
local side, gateways = param("side", 64), param("gateways", 64)
local flows = side * side

local placement = param("placement", "kernel", { "kernel", "library", "server" })

-- Each node has its TCP where `placement` says; a ring brings packets out of the kernel
-- (docs/models/filter.md).
local graphs = {
    kernel = {
        { name = "ip", protocol = "ip", below = { "arp" } },
        { name = "tcp", protocol = "tcp", below = { "ip" } },
        { name = "sock", protocol = "sock", below = { "tcp" } },
    },
    library = {
        { name = "filter", protocol = "filter", below = { "arp" }, delivery = "ring" },
        { name = "ip", protocol = "ip", below = { "filter" } },
        { name = "ip_lib", protocol = "ip", below = { "filter" }, domain = "app", filter = "tcp" },
        { name = "tcp", protocol = "tcp", below = { "ip_lib" }, domain = "app" },
        { name = "sock", protocol = "sock", below = { "tcp" }, domain = "app" },
    },
    server = {
        { name = "filter", protocol = "filter", below = { "arp" }, delivery = "ring" },
        { name = "ip", protocol = "ip", below = { "filter" }, domain = "server" },
        { name = "tcp", protocol = "tcp", below = { "ip" }, domain = "server" },
        { name = "sock", protocol = "sock", below = { "tcp" }, domain = "app" },
    },
}
-- Bytes of a connection at most: another one with a host, and the first.  Where TCP stands in a
-- server each has a proxy of its session, and in the library the sessions of IP have one.
local most = ({
    kernel = { again = 832, first = 1664 },
    library = { again = 832, first = 2112 },
    server = { again = 1104, first = 2432 },
})[placement]
local graph = {
    { name = "eth", protocol = "eth" },
    { name = "arp", protocol = "arp", below = { "eth" }, address = "10.0.0.0/8" },
}
for _, instance in ipairs(graphs[placement]) do graph[#graph + 1] = instance end

local machine = paragon {
    rows = side + (gateways + side - 1) // side, columns = side, release = "SUNMOS-1.6",
    graph = graph,
}
machine.domains = placement == "server" and { server = {}, app = { transfer = "ipc" } }
    or placement == "library" and { app = { transfer = "ipc" } } or nil

return {
    title = "TCP: 4,096 nodes and 64 gateways",
    machine = machine,
    workload = {
        kind = "tcp", flows = flows, to = "shared", receivers = gateways, bytes = "1KiB",
        idle = param("idle", "10s"), again = true,
    },
    measures = { "idle_heap.mean", "again_heap.mean", "connect.mean", "tcp.connects",
                 "tcp.sndtotal", "tcp.sndrexmitpack" },
    expectations = {
        { kind = "range", name = "what an idle connection takes", measure = "again_heap.mean",
          at = {}, max = most.again, citation = "derived: the sizes in docs/models/tcp.md" },
        { kind = "range", name = "and that of a host that was unknown",
          measure = "idle_heap.mean", at = {}, max = most.first, citation = "derived: the same" },
        { kind = "range", name = "each is counted at both ends", measure = "tcp.connects",
          at = {}, min = 4 * flows, max = 4 * flows, citation = "derived: two a node" },
    },
}
