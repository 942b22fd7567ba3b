-- TCP on every node of a mesh: 2,048 nodes send a stream each to another, over IP and Ethernet
-- frames that the mesh carries.
--
--   psim run tcp_many -p side=64
local paragon = include "machines/paragon.lua"
local side = param("side", 16)

local machine = paragon {
    rows = side, columns = side, release = "SUNMOS-1.6",
    graph = {
        { name = "eth", protocol = "eth" },
        { name = "arp", protocol = "arp", below = { "eth" }, address = "10.0.0.0/8" },
        { name = "ip", protocol = "ip", below = { "arp" } },
        { name = "tcp", protocol = "tcp", below = { "ip" } },
        { name = "sock", protocol = "sock", below = { "tcp" } },
    },
}

return {
    title = "TCP: a stream from each of half the nodes",
    machine = machine,
    workload = { kind = "tcp", flows = side * side // 2, to = "each", bytes = "64KiB" },
    measures = { "tcp_streams.goodput", "flow.mean", "connect.mean", "tcp.sndrexmitpack",
                 "tcp.connects" },
}
