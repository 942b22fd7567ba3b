-- TCP at the scale of a machine: each of 4,096 nodes has a connection to one of 64 gateways, sends
-- some bytes, and keeps it; then a second one.  What a connection that is idle takes of a gateway's
-- memory is measured: the first one with the sessions of IP, ARP and Ethernet that go to its host,
-- the second without: TCP's block, the socket's, and the tables that find them.
--
--   psim run tcp_gateways
--   psim run tcp_gateways -p side=16 -p gateways=4
local paragon = include "machines/paragon.lua"
local side, gateways = param("side", 64), param("gateways", 64)
local flows = side * side

local machine = paragon {
    rows = side + (gateways + side - 1) // side, columns = side, release = "SUNMOS-1.6",
    graph = {
        { name = "eth", protocol = "eth" },
        { name = "arp", protocol = "arp", below = { "eth" }, address = "10.0.0.0/8" },
        { name = "ip", protocol = "ip", below = { "arp" } },
        { name = "tcp", protocol = "tcp", below = { "ip" } },
        { name = "sock", protocol = "sock", below = { "tcp" } },
    },
}

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
        { kind = "range", name = "an idle connection takes less than a KiB",
          measure = "again_heap.mean", at = {}, max = 1024,
          citation = "derived: the sizes in docs/models/tcp.md" },
        { kind = "range", name = "and that of a host that was unknown less than two",
          measure = "idle_heap.mean", at = {}, max = 2048, citation = "derived: the same" },
        { kind = "range", name = "each is counted at both ends", measure = "tcp.connects",
          at = {}, min = 4 * flows, max = 4 * flows, citation = "derived: two a node" },
    },
}
