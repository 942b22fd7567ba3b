-- A dumbbell: senders at one switch, receivers at another, and one slow link between two gateways
-- that all streams share.
--
--   psim run tcp_dumbbell
--   psim run tcp_dumbbell -p flows=32 -p queue=32 -p congestion=tahoe
--
-- Hosts and gateways stand at full duplex switches of 100 Mb/s; in the middle the second gateway's
-- link has 10 Mb/s, and `queue` frames wait in front of it.  `scripts/bench tcp` times this
-- machine beside another simulator's.
local internet = include "parts/internet.lua"
local flows, queue = param("flows", 8), param("queue", 64)
local link = 10e6 / 8 * 1448 / 1538 -- B/s of data: 52 bytes are headers, 38 the frame and its gap

local machine = internet.row {
    networks = { "switched", "switched", "switched" }, hosts = { flows, 0, flows },
    release = "SUNMOS-1.6",
}
for _, name in ipairs { "net1", "net3" } do
    machine.networks[name].bit_time = "10ns"
    machine.networks[name].queue_frames = 0
end
machine.networks.net2.bit_times = { "10ns", "100ns" }
machine.networks.net2.queue_frames = queue
local graph = machine.graph
graph[#graph + 1] = {
    name = "tcp", protocol = "tcp", below = { "ip" }, send_buffer = "64KiB",
    receive_buffer = "64KiB", initial_window = 2, rto_min = "300ms", tick = "10ms",
    congestion = param("congestion", "newreno", { "tahoe", "reno", "newreno" }),
}
graph[#graph + 1] = { name = "sock", protocol = "sock", below = { "tcp" } }

return {
    title = "TCP: streams that share a link between two gateways",
    machine = machine,
    workload = { kind = "tcp", flows = flows, to = "each", bytes = param("bytes", "1MiB") },
    sweep = { product = { flows = { 2, 8 } } },
    measures = { "tcp_streams.goodput", "flow.mean", "tcp.sndtotal", "tcp.sndpack",
                 "tcp.sndrexmitpack", "tcp.rexmttimeo", "tcp.fastrexmit" },
    expectations = {
        { kind = "range", name = "the slow link is full, and carries no more",
          measure = "tcp_streams.goodput", at = { flows = 8 }, min = 0.8 * link, max = link,
          citation = "derived: a frame of 1,448 bytes of data in each 1,230.4 us" },
    },
}
